"""Evidence of a release: whole, signed, checked by programs that are not ours, and free of what was withheld."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app import time_stamp_authority
from gateway.base.problems import Unavailable
from gateway.people.model import NotPermitted
from gateway.release.evidence import Evidence, EvidenceIncomplete
from gateway.release.exhibit import Record, exhibit_pdf
from gateway.release.register import NotDispatched
from gateway.seal.twin import SigningTwin, to_text
from gateway.verify import verify_evidence
from gateway.verify.verify import Report
from tests.support import journey
from tests.support.authority import Authority
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import World

MISSING = [name for name in ("openssl", "pdfsig", "pdftotext", "qpdf") if shutil.which(name) is None]
oracles = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")


@dataclass(frozen=True)
class Given:
    """A bundle as it was given, unpacked, and the keys that a court got another way."""

    world: World
    journey: Journey
    folder: Path
    log_key: str
    package_key: str

    def check(self, folder: Path | None = None, **more: Any) -> Report:
        """What the shipped verifier says of it."""
        return verify_evidence(folder or self.folder, log_key=self.log_key, package_key=self.package_key, **more)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    """A release of a table and a photo, stamped by a real authority, dispatched and acknowledged."""
    folder = tmp_path_factory.mktemp("evidence")
    with Authority(folder / "tsa").serving() as authority:
        world = World.create(folder, tsa_url=authority.url, tsa_certificates=authority.root)
        made = journey.dispatched(world, [planted("customer_list"), planted("photo_jpeg")])
        gateway = world.gateway
        gateway.releases.record(world.actors["dispatcher"], made.release.id, kind="receipt", text="Portal 77")
        unpacked = _unpacked(gateway.evidence.give(world.actors["auditor"], made.release.id).data, folder / "given")
        yield Given(
            world,
            made,
            unpacked,
            gateway.log.vkey(),
            to_text(gateway.package_key().public),
        )


def test_all_of_it_holds(given: Given) -> None:
    report = given.check()
    assert report.ok, [step for step in report.steps if step.state != "ok"]
    assert report.sentence() == "Verified: this evidence bundle is what the holder of these keys signed and logged."
    titles = [step.title for step in report.steps]
    assert titles[-4:] == ["release", "originals", "decisions", "document"]
    assert {"package: approvers", "package: time stamp", "log: matter", "log: checkpoint held outside"} <= {*titles}


def test_the_disclosed_files_can_be_put_back_and_are_checked_then(given: Given, tmp_path: Path) -> None:
    folder = _copy(given, tmp_path)
    package = journey.files(journey.package(given.world, given.world.gateway.releases.get(given.journey.release.id)))
    for path, data in package.items():
        kept = folder / "package" / path
        if path.startswith("files/"):
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(data)
        else:
            assert kept.read_bytes() == data, f"{path} is not as the recipient got it"
    titles = [step.title for step in given.check(folder).steps if step.state == "ok"]
    assert {"package: digests", "package: table proofs"} <= {*titles}
    table = next(path for path in (folder / "package/files").iterdir() if path.suffix == ".csv")
    table.write_bytes(table.read_bytes()[:-3] + b"x\r\n")
    assert "customer-list-01.csv was changed" in _failed(given.check(folder))


@pytest.mark.parametrize("many", [9, pytest.param(1, marks=pytest.mark.nightly)])
def test_an_altered_byte_is_named_by_its_file(given: Given, tmp_path: Path, many: int) -> None:
    folder = _copy(given, tmp_path)
    for number, path in enumerate(sorted(one for one in folder.rglob("*") if one.is_file())):
        if number % many:
            continue
        whole, name = path.read_bytes(), path.relative_to(folder).as_posix()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        report = given.check(folder)
        assert not report.ok
        assert any(path.name in step.detail or name in step.detail for step in report.steps if step.state == "failed")
        path.write_bytes(whole)


def test_what_does_not_belong_is_refused(given: Given, tmp_path: Path) -> None:
    folder = _copy(given, tmp_path)
    (folder / "package" / "note.txt").write_text("hello", "utf-8")
    assert "note.txt" in _failed(given.check(folder))
    (folder / "package" / "note.txt").unlink()
    (folder / "note.txt").write_text("hello", "utf-8")
    assert "note.txt does not belong into evidence" in _failed(given.check(folder))
    (folder / "note.txt").unlink()
    shutil.rmtree(folder / "log")
    assert not given.check(folder).ok


def test_other_keys_and_other_checkpoints_are_refused(given: Given) -> None:
    stranger = to_text(SigningTwin.generate().public)
    report = verify_evidence(given.folder, log_key=given.log_key, package_key=stranger)
    assert "other keys than the package key you gave" in _failed(report)
    newest = (given.folder / "log/checkpoint").read_text("utf-8")
    assert given.check(checkpoint=newest).ok
    given.world.gateway.log.checkpoint()
    later = given.world.gateway.log.checkpoint().text
    assert "nothing leads to it" in _failed(given.check(checkpoint=later))
    assert not verify_evidence(given.folder).pinned


def test_nothing_that_was_withheld_is_in_it(given: Given) -> None:
    secrets = {one for label in ("customer_list", "photo_jpeg") for one in planted(label).secrets if len(one) > 4}
    names = {planted(label).file_name for label in ("customer_list", "photo_jpeg")}
    texts = [path.read_bytes() for path in given.folder.rglob("*") if path.is_file()]
    if not MISSING:
        texts.append(_run("pdftotext", given.folder / "evidence.pdf", "-").stdout)
    digests = {hashlib.sha256(planted(label).data).hexdigest() for label in ("customer_list", "photo_jpeg")}
    assert len(secrets) > 20
    for wanted in secrets | names | digests:
        assert not any(wanted.encode() in text for text in texts), wanted


@oracles
def test_the_document_holds_for_programs_that_are_not_ours(given: Given, tmp_path: Path) -> None:
    pdf = given.folder / "evidence.pdf"
    assert b"Signature is Valid" in _run("pdfsig", "-nocert", pdf).stdout
    assert b"Total document signed" in _run("pdfsig", "-nocert", pdf).stdout
    assert b"No syntax or stream encoding errors" in _run("qpdf", "--check", pdf).stdout
    content, cms = _taken_apart(pdf.read_bytes())
    (tmp_path / "content").write_bytes(content)
    (tmp_path / "cms").write_bytes(cms)
    certificate = given.folder / "certificate.pem"
    verify: list[Any] = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any", "-partial_chain"]
    verify += ["-in", tmp_path / "cms", "-CAfile", certificate, "-content", tmp_path / "content", "-out", "/dev/null"]
    assert b"successful" in _run(*verify).stderr
    (tmp_path / "content").write_bytes(content.replace(b"/Title", b"/Titre", 1))
    assert _run(*verify, check=False).returncode != 0
    altered = tmp_path / "altered.pdf"
    altered.write_bytes(pdf.read_bytes().replace(b"/Title", b"/Titre", 1))
    assert b"Signature is Valid" not in _run("pdfsig", "-nocert", altered).stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_document_is_pades_with_a_time_stamp(given: Given) -> None:
    from asn1crypto import pem, x509
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    roots = [
        x509.Certificate.load(pem.unarmor(path.read_bytes())[2])
        for path in (given.folder / "certificate.pem", given.world.folder / "tsa/root.pem")
    ]
    reader = PdfFileReader(io.BytesIO((given.folder / "evidence.pdf").read_bytes()))
    (signature,) = reader.embedded_signatures
    context = ValidationContext(trust_roots=roots, allow_fetching=False)
    status = validate_pdf_signature(signature, context, context)
    assert signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached"
    assert status.intact
    assert status.valid
    assert status.trusted
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.timestamp_validity is not None
    assert status.timestamp_validity.trusted


def test_giving_it_is_an_entry_that_names_what_was_given(given: Given) -> None:
    gateway, release = given.world.gateway, given.journey.release.id
    index = hashlib.sha256((given.folder / "index.json").read_bytes()).hexdigest()
    entries = gateway.log.acts(types=("evidence.given",), subject=release)
    assert [one["actor"] for one in entries if one["facts"]["index_sha256"] == index] == [
        given.world.actors["auditor"].person_id
    ]


@pytest.mark.nightly
def test_where_the_authority_is_silent_the_document_is_signed_all_the_same(given: Given) -> None:
    class Silent:
        """An authority that is not there."""

        required = False

        def stamp(self, data: bytes) -> Any:
            """No answer."""
            raise Unavailable("No answer.")

    made = _with(given, Silent()).give(given.world.actors["legal1"], given.journey.release.id)
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        document = archive.read(f"evidence-{given.journey.release.id}/evidence.pdf")
    assert b"/ETSI.CAdES.detached" in document


def test_who_may_not_and_what_has_not_left_is_refused(given: Given) -> None:
    world, actors = given.world, given.world.actors
    for name in ("builder", "dispatcher"):
        with pytest.raises(NotPermitted):
            world.gateway.evidence.give(actors[name], given.journey.release.id)
    drafted = world.draft(given.journey.matter)
    before = world.gateway.log.size()
    with pytest.raises(NotDispatched):
        world.gateway.evidence.give(actors["auditor"], drafted.id)
    assert world.gateway.log.size() == before


def test_of_a_release_from_before_nothing_is_made_up(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = given.world.gateway
    release = replace(gateway.releases.get(given.journey.release.id), binding_object=None)
    monkeypatch.setattr(gateway.releases, "get", lambda _id: release)
    with pytest.raises(EvidenceIncomplete):
        gateway.evidence.give(given.world.actors["auditor"], release.id)


def test_the_same_record_makes_the_same_document_whatever_the_names_are(given: Given) -> None:
    record = _record(given)
    told: Any = json.loads(json.dumps(record.told))
    told["asked"]["title"] = "包头市" * 20 + " Ⴀ ابجد 🜁 " + "Donaudampfschifffahrtsgesellschaft" * 5
    told["asked"]["demands"] = [{**told["asked"]["demands"][0], "text": "客户 & <b>end users</b> " * 9}] * 3
    odd = replace(record, told={**told, "entries": []}, decisions={"files": record.decisions["files"][1:]})
    assert exhibit_pdf(odd) == exhibit_pdf(odd)


def _record(given: Given) -> Record:
    def read(path: str) -> Any:
        return json.loads((given.folder / path).read_bytes())

    entries = [json.loads(line) for line in (given.folder / "log/entries.jsonl").read_bytes().splitlines()]
    return Record(
        read("evidence.json"),
        read("decisions.json"),
        read("package/manifest.json"),
        read("package/approvals.json"),
        read("package/residue.json"),
        [(number, entry, "0" * 64) for number, entry in enumerate(entries)],
        log_fingerprint="1" * 64,
        package_fingerprint="2" * 64,
    )


def _with(given: Given, stamper: Any) -> Evidence:
    gateway = given.world.gateway
    assert time_stamp_authority(gateway.settings) is not None
    return Evidence(
        gateway.units,
        gateway.keyring,
        gateway.log,
        gateway.extracts,
        gateway.matters,
        gateway.policies,
        gateway.renders,
        gateway.releases,
        gateway.package_key,
        stamper,
    )


def _taken_apart(pdf: bytes) -> tuple[bytes, bytes]:
    """What is signed, and the signature."""
    (found,) = re.findall(rb"/ByteRange ?\[ ?0 (\d+) (\d+) (\d+) *\]", pdf)
    start, end, length = map(int, found)
    digits = pdf[start + 1 : end - 1]
    whole = bytes.fromhex(digits.decode())
    return pdf[:start] + pdf[end : end + length], whole[: 4 + int.from_bytes(whole[2:4], "big")]


def _unpacked(data: bytes, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    return next(folder.iterdir())


def _copy(given: Given, tmp_path: Path) -> Path:
    return Path(shutil.copytree(given.folder, tmp_path / "copy"))


def _failed(report: Report) -> str:
    assert not report.ok
    return " ".join(step.detail for step in report.steps if step.state == "failed")


def _run(*command: Any, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*map(str, command)], capture_output=True, timeout=60, check=check)
