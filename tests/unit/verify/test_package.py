"""A package verifies whole, and whatever is changed in it is named."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import string
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.base.canon import canonical
from gateway.seal import twin
from gateway.seal.signature import SigningKey, to_text
from gateway.seal.twin import SigningTwin
from gateway.verify.verify import Report, WrongUse, verify_package

if TYPE_CHECKING:
    from tests.unit.verify.conftest import Draft

Zipped = Callable[[Path], Path]


def verified(draft: Draft, path: Path) -> Report:
    """Checked with the keys that a recipient got elsewhere."""
    key = twin.to_text(draft.house.package_key.public)
    return verify_package(path, log_key=draft.house.log.vkey(), package_key=key)


def differences(report: Report) -> str:
    assert report.exit_code == 1
    assert not report.ok
    assert report.sentence().startswith("NOT verified")
    return "\n".join(f"{step.title}: {step.detail}" for step in report.steps if step.state == "failed")


def test_a_good_package_verifies_as_folder_and_as_zip(draft: Draft, zipped: Zipped) -> None:
    folder = draft.write()
    for path in (folder, zipped(folder)):
        report = verified(draft, path)
        assert [(step.number, step.state) for step in report.steps] == [(n, "ok") for n in range(1, 8)], report
        assert (report.ok, report.pinned, report.warnings, report.exit_code) == (True, True, [], 0)
        assert report.sentence().startswith("Verified")


def test_keys_that_came_with_the_package_are_named_and_never_called_verified(draft: Draft) -> None:
    report = verify_package(draft.write())
    assert report.ok
    assert not report.pinned
    assert draft.house.package_key.public.fingerprint in report.warnings[0]
    assert draft.house.log.public_key().fingerprint in report.warnings[1]
    assert "compare" in report.sentence()


def test_other_keys_than_expected_are_refused(draft: Draft) -> None:
    folder = draft.write()
    other = twin.to_text(SigningTwin.generate().public)
    assert "manifest signature" in differences(verify_package(folder, package_key=other))
    assert "log checkpoint" in differences(verify_package(folder, log_key=other))
    for text in ("nonsense", draft.house.log.vkey().split()[0], to_text(SigningKey.generate().public)):
        with pytest.raises(WrongUse, match="both are needed"):
            verify_package(folder, log_key=text)


@pytest.mark.parametrize("step", [1511, pytest.param(61, marks=pytest.mark.nightly)])
def test_a_flipped_byte_of_any_file_is_noticed_and_its_file_named(draft: Draft, step: int) -> None:
    folder = draft.write()
    names = {"manifest.json": "manifest", "audit.proof": "audit.proof|log", "enrolment.json": "nrolment"}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name == "verify.py":
            continue
        data = path.read_bytes()
        for place in range(0, len(data), 1 if len(data) < 100 else step):
            path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            said = differences(verified(draft, folder))
            wanted = names.get(name, name.removesuffix(".json").removesuffix(".sig")).split("|")
            assert any(word in said.replace("Approval", "approval") for word in wanted), (name, place, said)
        path.write_bytes(data)
    assert verified(draft, folder).ok


@pytest.mark.parametrize("step", [67, pytest.param(19, marks=pytest.mark.nightly)])
def test_a_flipped_byte_of_a_zip_is_noticed(draft: Draft, zipped: Zipped, step: int) -> None:
    path = zipped(draft.write())
    data = path.read_bytes()
    script = data.index(b"#!/usr/bin/env python3")
    for place in (*range(0, script, step), *range(len(data) - 1000, len(data), 11)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        differences(verified(draft, path))


@pytest.mark.parametrize("name", ["files/customer-list-1.csv", "withheld.csv", "audit.proof", "enrolment.json"])
def test_a_missing_file_is_named(draft: Draft, name: str) -> None:
    folder = draft.write()
    (folder / name).unlink()
    assert f"{name} is missing" in differences(verified(draft, folder))


@pytest.mark.parametrize(
    "name", ["extra.txt", "files/more.csv", "manifest.json.bak", ".hidden", "__pycache__/x", "a b"]
)
def test_an_unlisted_file_is_named(draft: Draft, name: str) -> None:
    folder = draft.write()
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    assert name.split("/", maxsplit=1)[0] in differences(verified(draft, folder))


def test_a_name_cannot_speak_to_the_terminal(draft: Draft) -> None:
    folder = draft.write()
    (folder / "a\x1b[31m\u202e").write_bytes(b"")
    said = differences(verified(draft, folder))
    assert said.isprintable()
    assert "does not belong into a package" in said


def test_a_log_s_name_cannot_speak_to_the_terminal(draft: Draft) -> None:
    """Whoever makes up a whole package chooses its log's name, and could write over the warnings with it."""
    spoken = "x\x1b[2K\x1b[1AVerified"
    for place, line in enumerate(draft.manifest["log"]):
        typed = base64.b64decode(line.split("+", 2)[2])
        hashed = hashlib.sha256(spoken.encode() + b"\n" + typed).hexdigest()[:8]
        draft.manifest["log"][place] = f"{spoken}+{hashed}+{b64(typed)}"
    report = verify_package(draft.write())
    assert "printable ASCII" in differences(report)
    assert all(text.isprintable() for text in (*report.warnings, *(step.detail for step in report.steps)))


def test_a_zip_s_directory_is_not_read_where_it_cannot_be_one(tmp_path: Path) -> None:
    """One record and 3 GiB that are said to be it: a sparse file that costs its sender nothing."""
    path, length = tmp_path / "package.zip", 3 << 30
    with path.open("wb") as file:
        file.truncate(length)
        file.seek(length)
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, length, 0, 0))
    assert "does not fit" in differences(verify_package(path))


def test_links_pipes_and_empty_folders_do_not_belong_into_a_package(draft: Draft, tmp_path: Path) -> None:
    folder = draft.write()
    (folder / "empty").mkdir()
    assert "empty" in differences(verified(draft, folder))
    (folder / "empty").rmdir()
    os.mkfifo(folder / "pipe")
    assert "pipe" in differences(verified(draft, folder))
    (folder / "pipe").unlink()
    for name, target in (("README.txt", tmp_path / "README.txt"), ("files", tmp_path / "files")):
        (folder / name).rename(target)
        (folder / name).symlink_to(target)
        assert f"{name} is not a plain file" in differences(verified(draft, folder))
        (folder / name).unlink()
        target.rename(folder / name)
    assert verified(draft, folder).ok


BAD_PATHS = ["../evil", "/etc/passwd", "files/../../x", "files/.x", "files//x", "files/é.csv", "files/a\\b", "evil.csv"]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_path_tricks_in_a_manifest_are_refused(draft: Draft, path: str) -> None:
    draft.manifest["files"][0]["path"] = path
    assert "manifest.json" in differences(verified(draft, draft.write()))


def manifest_cases() -> dict[str, tuple[Callable[[dict[str, Any]], object], str]]:
    return {
        "no file": (lambda m: m.update(files=[]), "no file"),
        "a file twice": (lambda m: m["files"].append(m["files"][0]), "twice"),
        "a document fewer": (lambda m: m["documents"].pop(), "documents"),
        "an unknown field": (lambda m: m.update(note="x"), "'note'"),
        "a missing field": (lambda m: m.pop("custody"), "'custody'"),
        "another type": (lambda m: m.update(type="x"), "type"),
        "a size that is a truth": (lambda m: m["files"][0].update(size_bytes=True), "size_bytes"),
        "a wrong size": (lambda m: m["files"][0].update(size_bytes=1), "customer-list-1.csv has"),
        "a wrong digest": (lambda m: m["files"][1].update(sha256="0" * 64), "production-photo-1.png was changed"),
        "nobody signs": (lambda m: m.update(signed_by=[]), "lacks the Ed25519"),
        "no Ed25519 key": (lambda m: m["signed_by"].pop(0), "signed_by lacks the Ed25519"),
        "no ML-DSA-44 key": (lambda m: m["signed_by"].pop(1), "signed_by lacks the ML-DSA-44"),
        "keys in another order": (lambda m: m["signed_by"].reverse(), "in this order"),
        "a key twice": (lambda m: m["signed_by"].append(m["signed_by"][1]), "has 3 signatures"),
        "a log without a name": (
            lambda m: m.update(log=[one["key"] for one in m["signed_by"]]),
            "does not name its log",
        ),
        "a log with one key": (lambda m: m["log"].pop(), "both are needed"),
        "other approvals required": (lambda m: m.update(approvals_required=[]), "other approvals"),
        "another matter": (lambda m: m.update(matter="mat_9"), "another matter"),
        "another release": (lambda m: m.update(release="rel_9"), "another matter or release"),
        "another recipient": (lambda m: m["recipient"].update(id="rcp_9"), "recipient"),
        "a list that is an object": (lambda m: m.update(custody={}), "custody is not a list"),
        "a list that is a text": (lambda m: m.update(custody=""), "custody is not a list"),
        "an object that is a list": (lambda m: m.update(recipient=[]), "recipient is not an object"),
        "a hop that is a text": (lambda m: m["recipient"].update(hop="2"), "hop"),
    }


@pytest.mark.parametrize("case", manifest_cases())
def test_a_manifest_that_says_something_else_is_refused(draft: Draft, case: str) -> None:
    change, word = manifest_cases()[case]
    change(draft.manifest)
    assert word in differences(verified(draft, draft.write()))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def respelled(text: str) -> str:
    """The same bytes in base64 whose unused last bits are set."""
    last = text.rstrip("=")[-1]
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    other = text.rstrip("=")[:-1] + alphabet[alphabet.index(last) + 1] + "=" * text.count("=")
    assert base64.b64decode(other) == base64.b64decode(text)
    return other


def draft_cases() -> dict[str, tuple[Callable[[Draft], object], str]]:
    """Each takes one guard away from a package that is otherwise whole, signed and logged."""

    def statement(**fields: object) -> Callable[[Draft], object]:
        return lambda d: setattr(d, "edit_statement", lambda s: s.update(fields))

    def approvals(change: Callable[[dict[str, Any]], object]) -> Callable[[Draft], object]:
        return lambda d: setattr(d, "edit_approvals", change)

    def signed(change: Callable[[dict[str, Any]], object]) -> Callable[[Draft], object]:
        return lambda d: setattr(d, "edit_signed", change)

    def facts(**fields: object) -> Callable[[Draft], object]:
        return lambda d: setattr(d, "edit_facts", lambda f: f.update(fields))

    def quorum(*roles: tuple[str, int]) -> Callable[[Draft], object]:
        def change(d: Draft) -> None:
            d.required[:] = [{"role": role, "n": n} for role, n in roles]

        return change

    return {
        "approved by one": (lambda d: (d.approvers.pop(), quorum(("legal", 1))(d)), "at least 2"),
        "approved by none": (lambda d: (d.approvers.clear(), quorum()(d)), "0 approved"),
        "approved twice by one": (lambda d: d.approvers.append(("per_one", "legal")), "twice"),
        "quorum missed": (quorum(("legal", 2)), "1 of 2"),
        "quorum role missing": (quorum(("compliance", 1)), "0 of 1"),
        "another manifest": (statement(manifest_sha256="0" * 64), "another manifest_sha256"),
        "another release": (statement(release="rel_9"), "another release"),
        "another recipient": (statement(recipient="rcp_9"), "another recipient"),
        "fewer files": (statement(files=1), "another files"),
        "refused": (statement(decision="refuse"), "decision"),
        "a role never given": (statement(role="compliance"), "0 of 1"),
        "signature of another statement": (
            approvals(lambda a: a["approvals"][0]["statement"].update(at="2026-01-31T09:00:00.000Z")),
            "approval 1 does not hold",
        ),
        "another algorithm": (
            approvals(lambda a: a["approvals"][0]["signature"].update(alg="none")),
            "cannot verify",
        ),
        "quorum lowered": (approvals(lambda a: a["required"].pop()), "other approvals"),
        "not sealed": (lambda d: setattr(d, "seal", "release.drafted"), "release.drafted"),
        "sealed in another matter": (lambda d: setattr(d, "matter", "mat_9"), "another matter"),
        "another release sealed": (facts(release="rel_9"), "another matter or release"),
        "another manifest sealed": (facts(manifest_sha256="0" * 64), "manifest.json is not the one"),
        "other approvals sealed": (facts(approvals_sha256="0" * 64), "approvals.json is not the one"),
        "more sealed": (facts(more="x"), "'more'"),
        "an approver not enrolled": (lambda d: d.enrolment.remove(d.house.entries["per_two"][0]), "privacy"),
        "no enrolment at all": (lambda d: d.enrolment.clear(), "No entry shows"),
        "countersigner not shown": (lambda d: d.enrolment.remove(1), "second person"),
        "enrolled after the seal": (
            lambda d: setattr(d, "late", lambda: d.enrolment.append(d.house.enrol("per_late", ["legal"]))),
            "later than the release",
        ),
        "countersigned by the proposer": (
            lambda d: d.enrolment.append(d.house.enrol("per_four", ["legal"], "per_admin")),
            "second person",
        ),
        "countersigned by oneself": (
            lambda d: d.enrolment.append(d.house.enrol("per_two", ["administrator"], "per_two")),
            "second person",
        ),
        "a second key": (
            lambda d: d.enrolment.append(
                d.house.enrol("per_two", ["legal"], key=to_text(SigningKey.generate().public))
            ),
            "second key",
        ),
        "an entry that enrols nobody": (lambda d: d.enrolment.insert(0, 0), "enrols nobody"),
        "founded again": (
            lambda d: (d.house.found(), d.enrolment.append(d.house.entries["per_admin"][0])),
            "a second time",
        ),
        "enrolment twice": (lambda d: d.enrolment.insert(0, d.enrolment[0]), "out of order"),
        "enrolment of another log": (
            lambda d: setattr(
                d, "edit_enrolment", lambda e: e["entries"][0].update(entry=e["entries"][0]["entry"].replace("d", "e"))
            ),
            "Enrolment entry 1",
        ),
        "signed by a stranger": (
            lambda d: setattr(d.house, "package_key", SigningTwin.generate()),
            "exactly the keys",
        ),
        "not signed": (signed(lambda s: s.update(signatures=[])), "manifest.sig lacks the Ed25519 signature"),
        "not signed with Ed25519": (
            signed(lambda s: s["signatures"].pop(0)),
            "manifest.sig lacks the Ed25519 signature",
        ),
        "not signed with ML-DSA-44": (
            signed(lambda s: s["signatures"].pop(1)),
            "manifest.sig lacks the ML-DSA-44 signature",
        ),
        "signatures in another order": (signed(lambda s: s["signatures"].reverse()), "in this order"),
        "a signature twice": (signed(lambda s: s["signatures"].append(s["signatures"][0])), "has 3 signatures"),
        "one algorithm in place of the other": (
            signed(lambda s: s["signatures"].__setitem__(1, s["signatures"][0])),
            "lacks the ML-DSA-44",
        ),
        "an Ed25519 signature called ML-DSA-44": (
            signed(lambda s: s["signatures"][1].update(sig=s["signatures"][0]["sig"])),
            "ML-DSA-44 signature in manifest.sig does not hold",
        ),
        "an ML-DSA-44 signature for another use": (
            lambda d: signed(
                lambda s: s["signatures"][1].update(
                    sig=b64(d.house.package_key.mldsa.sign(canonical(d.manifest), b"another use"))
                )
            )(d),
            "ML-DSA-44 signature in manifest.sig does not hold",
        ),
        "a signature in another spelling": (
            signed(lambda s: s["signatures"][0].update(sig=respelled(s["signatures"][0]["sig"]))),
            "unusual spelling",
        ),
        "an Ed25519 signature that does not hold": (
            signed(lambda s: s["signatures"][0].update(sig=("A" * 85 + "A==")[:86] + "==")),
            "Ed25519 signature in manifest.sig does not hold",
        ),
        "an ML-DSA-44 signature that does not hold": (
            signed(lambda s: s["signatures"][1].update(sig=b64(bytes(2420)))),
            "ML-DSA-44 signature in manifest.sig does not hold",
        ),
    }


@pytest.mark.parametrize("case", draft_cases())
def test_what_was_not_approved_signed_and_logged_as_it_must_be_is_refused(draft: Draft, case: str) -> None:
    change, word = draft_cases()[case]
    change(draft)
    assert word in differences(verified(draft, draft.write()))


def test_a_forged_countersignature_is_refused(draft: Draft) -> None:
    honest = draft.house.people["per_three"]
    draft.house.people["per_one"], kept = honest, draft.house.people["per_one"]
    draft.enrolment.append(draft.house.enrol("per_five", ["legal"]))
    draft.house.people["per_one"] = kept
    assert "signature in Enrolment entry" in differences(verified(draft, draft.write()))


def test_a_package_of_another_log_is_refused(draft: Draft) -> None:
    folder = draft.write()
    proof = (folder / "audit.proof").read_text(encoding="utf-8")
    (folder / "audit.proof").write_text(proof.replace("example.com/gateway", "example.com/gatewax"), encoding="utf-8")
    assert "log checkpoint" in differences(verified(draft, folder))


def test_an_entry_that_was_never_logged_is_refused(draft: Draft) -> None:
    folder = draft.write()
    lines = (folder / "audit.proof").read_text(encoding="utf-8").split("\n")
    leaf = base64.b64decode(lines[1].removeprefix("extra "))
    for place, line in (
        (1, "extra " + base64.b64encode(leaf.replace(b"per_admin", b"per_other")).decode()),
        (2, "index 1"),
        (2, "index 999"),
        (3, lines[3] + "\n" + lines[3]),
        (3, lines[4] + "\n" + lines[3]),
    ):
        changed = [*lines[:place], line, *lines[place + 1 :]]
        (folder / "audit.proof").write_text("\n".join(changed), encoding="utf-8")
        assert "log entry: The" in differences(verified(draft, folder))


@pytest.mark.parametrize("edit", ["entry", "index", "proof"])
def test_an_enrolment_that_was_never_logged_is_refused(draft: Draft, edit: str) -> None:
    def change(enrolment: dict[str, Any]) -> None:
        item = enrolment["entries"][-1]
        if edit == "entry":
            item["entry"] = (
                item["entry"].replace('"v":1', '"subject":"per_9","v":1').replace('"subject":"per_two",', "")
            )
        elif edit == "index":
            item["index"] += 1
        else:
            item["proof"].pop()

    draft.edit_enrolment = change
    said = differences(verified(draft, draft.write()))
    assert "approvers: " in said
    assert "Enrolment entry" in said
    assert ("is not entry" in said) is (edit != "index")


PROOF_LINES = {
    "another format": (0, "c2sp.org/tlog-proof@v2"),
    "no entry": (1, "index 1"),
    "an index with a zero before": (2, "index 05"),
    "no index": (2, "index"),
    "a hash that is none": (3, "!"),
    "an empty hash": (3, ""),
}


@pytest.mark.parametrize("case", PROOF_LINES)
def test_a_proof_in_another_form_is_refused(draft: Draft, case: str) -> None:
    place, line = PROOF_LINES[case]
    folder = draft.write()
    lines = (folder / "audit.proof").read_text(encoding="utf-8").split("\n")
    lines[place] = line
    (folder / "audit.proof").write_text("\n".join(lines), encoding="utf-8")
    assert "audit.proof" in differences(verified(draft, folder))
    (folder / "audit.proof").write_bytes(b"\xff")
    assert "audit.proof is not text" in differences(verified(draft, folder))


def test_json_that_is_not_canonical_is_refused_even_if_it_says_the_same(draft: Draft) -> None:
    folder = draft.write()
    for name in ("manifest.json", "manifest.sig", "approvals.json", "enrolment.json"):
        path = folder / name
        data = path.read_bytes()
        value = json.loads(data)
        for other in (json.dumps(value).encode(), data + b"\n", b"\xef\xbb\xbf" + data, data[:-1] + b',"type":"x"}'):
            path.write_bytes(other)
            assert name in differences(verified(draft, folder))
        path.write_bytes(data)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"1e5", b"[" * 100_000, b"\xff", b"1" * 5000, b'{"a":NaN}']
)
def test_broken_files_fail_a_check_and_never_the_script(draft: Draft, data: bytes) -> None:
    folder = draft.write()
    for path in (folder / name for name in ("manifest.json", "manifest.sig", "approvals.json", "enrolment.json")):
        whole = path.read_bytes()
        path.write_bytes(data)
        assert path.name in differences(verified(draft, folder))
        path.write_bytes(whole)


def with_gap(data: bytes) -> bytes:
    """Bytes that no file owns, between the last file and the directory, with an end record that fits."""
    (start,) = struct.unpack("<L", data[-6:-2])
    return data[:start] + b"hidden" + data[start:-6] + struct.pack("<L", start + 6) + data[-2:]


def zip_cases() -> dict[str, tuple[Callable[[bytes], bytes], str]]:
    return {
        "bytes before": (lambda data: b"#!/bin/sh\n" + data, "end record"),
        "more files than there are": (
            lambda data: data[:-14] + bytes([data[-14] + 1, 0, data[-12] + 1, 0]) + data[-10:],
            "directory is cut short",
        ),
        "bytes between": (with_gap, "belong to none"),
        "a file that is a link": (
            lambda data: data.replace(struct.pack("<L", 0o100644 << 16), struct.pack("<L", 0o120777 << 16), 1),
            "directory record",
        ),
        "bytes behind": (lambda data: data + b"x", "does not end"),
        "a comment": (lambda data: data[:-2] + struct.pack("<H", 4) + b"note", "does not end"),
        "cut": (lambda data: data[:-30], "does not end"),
        "nothing": (lambda _data: b"", "does not end"),
        "no file": (lambda _data: b"PK\x05\x06" + bytes(18), "missing"),
    }


@pytest.mark.parametrize("case", zip_cases())
def test_a_zip_with_anything_around_its_files_is_refused(draft: Draft, zipped: Zipped, case: str) -> None:
    change, word = zip_cases()[case]
    path = zipped(draft.write())
    path.write_bytes(change(path.read_bytes()))
    assert word in differences(verified(draft, path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["README.txt", "../evil", "/etc/passwd", "files/", "a\\b", "zzz/../x", "con:x", "é"])
def test_a_zip_with_a_doubled_or_strange_name_is_refused(draft: Draft, zipped: Zipped, name: str) -> None:
    path = zipped(draft.write())
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.create_system, info.external_attr = 3, 0o100644 << 16
        archive.writestr(info, b"x")
    assert "structure" in differences(verified(draft, path))


def test_a_compressed_zip_is_refused(draft: Draft, zipped: Zipped) -> None:
    folder = draft.write()
    path = zipped(folder)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    assert "structure" in differences(verified(draft, path))


def test_an_encrypted_package_is_not_checked_but_explained(tmp_path: Path) -> None:
    path = tmp_path / "package.age"
    path.write_bytes(b"age-encryption.org/v1\n-> X25519 abc\n")
    with pytest.raises(WrongUse, match="age --decrypt"):
        verify_package(path)


def test_a_report_as_data_says_what_the_lines_say(draft: Draft) -> None:
    report = verified(draft, draft.write()).to_json()
    assert report["ok"] is True
    assert report["pinned"] is True
    assert [step["title"] for step in report["steps"]] == [
        "structure",
        "digests",
        "manifest signature",
        "log checkpoint",
        "log entry",
        "approvals",
        "approvers",
    ]
    assert canonical(report)


def test_steps_that_could_not_be_made_are_not_called_good(draft: Draft) -> None:
    folder = draft.write()
    (folder / "manifest.json").write_bytes(b"{}")
    states = [step.state for step in verified(draft, folder).steps]
    assert states == ["failed"] + ["skipped"] * 6
    assert not Report("package").ok
