"""Checkpoints, entries, proofs and the export, checked with the tools that outsiders use."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
from tlog_scales.reader import TilesReader

from gateway.audit.model import Act
from gateway.seal.merkle import check_consistency, check_inclusion, leaf_hash
from gateway.seal.note import open_checkpoint, parse_vkeys
from gateway.seal.twin import public_pem
from gateway.verify import SCRIPT
from tests.support.office import API, Office, slug_of


def test_proofs_hold_against_signed_checkpoints(office: Office) -> None:
    auditor = office["auditor"]
    keys = auditor.get(f"{API}/audit/keys").json()
    name, key = parse_vkeys(keys["log_vkey"])
    assert public_pem(key).decode() == keys["log_pem"]
    assert keys["log_fingerprint"] == key.fingerprint
    assert keys["package_fingerprint"] != key.fingerprint
    old = open_checkpoint(auditor.get(f"{API}/audit/checkpoint").text, name, key)
    office.matter()
    new = open_checkpoint(auditor.get(f"{API}/audit/checkpoint").text, name, key)
    assert new.size > old.size
    told = auditor.get(f"{API}/audit/proof/consistency", params={"old": old.size, "new": new.size}).json()
    check_consistency(old.size, new.size, old.root, new.root, [bytes.fromhex(one) for one in told["proof"]])
    lines = auditor.get(f"{API}/audit/entries").content.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) >= new.size
    for index in (0, 3, new.size - 1):
        told = auditor.get(f"{API}/audit/proof/inclusion", params={"index": index, "size": new.size}).json()
        assert told["leaf_hash"] == leaf_hash(lines[index]).hex()
        proof = [bytes.fromhex(one) for one in told["proof"]]
        check_inclusion(index, new.size, leaf_hash(lines[index]), proof, new.root)


class Over:
    """Tiles as a server gives them."""

    def __init__(self, auditor: httpx.Client) -> None:
        self.auditor = auditor

    def get(self, *path: str) -> bytes | None:
        answer = self.auditor.get(f"{API}/audit/{'/'.join(path)}")
        return answer.content if answer.status_code == 200 else None


def test_another_reader_follows_the_log_by_its_tiles(office: Office) -> None:
    """`tlog-scales` reads tiles and bundles, and finds the signed root and every entry. Full tiles may be kept."""
    auditor, log = office["auditor"], office.world.gateway.log
    with office.world.gateway.units.change() as session:
        for number in range(520 - log.size_in(session)):
            log.append(session, Act("test.done", "per_1", facts={"number": number}))
    keys = auditor.get(f"{API}/audit/keys").json()
    signed = open_checkpoint(auditor.get(f"{API}/audit/checkpoint").text, *parse_vkeys(keys["log_vkey"]))
    reader = TilesReader(Over(auditor))
    reader.set_size(signed.size)
    assert reader.calculate_root_hash() == signed.root
    told = [reader.get_entry(index) for index in range(signed.size)]
    assert told == auditor.get(f"{API}/audit/entries", params={"stop": signed.size}).content.splitlines()
    for path, cached in (
        ("0/000", "private, max-age=31536000, immutable"),
        ("0/000.p/255", "no-store"),
        ("1/000.p/2", "no-store"),
        ("entries/001", "no-store"),
    ):
        answer = auditor.get(f"{API}/audit/tile/{path}")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, cached)
        assert answer.headers["content-type"] == "application/octet-stream"
        again = auditor.get(f"{API}/audit/tile/{path}", headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for path in ("0/900", "1/000", "2/000.p/1", "0/0", "0/x000/000", "0/..%2f000", "entries/900", "63/000"):
        assert slug_of(auditor.get(f"{API}/audit/tile/{path}")) == "no-such-tile", path
    assert auditor.get(f"{API}/audit/tile/64/000").status_code == 400


def test_the_proof_of_an_entry_is_a_file_that_bare_python_checks(office: Office, tmp_path: Path) -> None:
    auditor, proof, keys = office["auditor"], tmp_path / "entry.proof", tmp_path / "log.vkey"
    answer = auditor.get(f"{API}/audit/entries/2/proof")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    proof.write_bytes(answer.content)
    keys.write_text(auditor.get(f"{API}/audit/keys").json()["log_vkey"])
    command = [sys.executable, "-I", str(SCRIPT), str(proof)]
    ran = subprocess.run([*command, "--log-key", str(keys)], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "Entry 2 is " in ran.stdout) == (0, True), ran
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "--log-key" in ran.stderr) == (2, True), ran
    assert slug_of(auditor.get(f"{API}/audit/entries/{10**6}/proof")) == "no-such-entry"


def test_entries_by_range(office: Office) -> None:
    auditor = office["auditor"]
    whole = auditor.get(f"{API}/audit/entries").content.splitlines()
    part = auditor.get(f"{API}/audit/entries", params={"start": 2, "stop": 5})
    assert part.content.splitlines() == whole[2:5]
    assert part.headers["content-type"] == "application/jsonl"
    assert auditor.get(f"{API}/audit/entries", params={"start": 10**9}).content == b""


def test_proofs_of_what_is_not_there(office: Office) -> None:
    auditor = office["auditor"]
    assert slug_of(auditor.get(f"{API}/audit/proof/inclusion", params={"index": 10**6, "size": 3})) == "no-such-entry"
    assert auditor.get(f"{API}/audit/proof/inclusion", params={"index": 2, "size": 10**6}).status_code < 500
    assert auditor.get(f"{API}/audit/proof/consistency", params={"old": 9, "new": 3}).status_code < 500


def test_the_export_verifies_offline_and_is_its_own_last_entry(office: Office, tmp_path: Path) -> None:
    auditor = office["auditor"]
    answer = auditor.post(f"{API}/audit/exports")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "audit-export"
    last = (folder / "entries.jsonl").read_bytes().splitlines()[-1]
    assert b'"audit.exported"' in last
    key = auditor.get(f"{API}/audit/keys").json()["log_vkey"]
    ran = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), str(folder), "--log-key", key],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def extract(
    office: Office, folder: Path, **asked: str | list[str]
) -> tuple[list[bytes], subprocess.CompletedProcess[str]]:
    """The entries of an extract, and what its own verifier says of it."""
    answer = office["auditor"].post(f"{API}/audit/exports", params=asked)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(folder)
    key = office["auditor"].get(f"{API}/audit/keys").json()["log_vkey"]
    command = [sys.executable, "-I", str(folder / "audit-export/verify.py"), str(folder / "audit-export")]
    ran = subprocess.run([*command, "--log-key", key], capture_output=True, text=True, check=False)
    return (folder / "audit-export/entries.jsonl").read_bytes().splitlines(), ran


def test_all_of_one_matter_and_none_of_another(office: Office, tmp_path: Path) -> None:
    matter = office.matter()["id"]
    office.original(matter)
    lines, ran = extract(office, tmp_path / "one", matter=matter, view=["csv", "ocsf", "cef", "syslog", "parquet"])
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"these {len(lines) - 2} are all" in ran.stdout
    assert len(lines) > 3
    lines, ran = extract(office, tmp_path / "none", matter="mat_of_nobody")
    assert (len(lines), ran.returncode) == (2, 0), ran.stdout + ran.stderr
    assert "none of the first" in ran.stdout


def test_what_an_export_cannot_be_asked_for(office: Office) -> None:
    auditor = office["auditor"]
    before = auditor.get(f"{API}/audit/tail").headers["next-start"]
    for asked, slug in (
        ({"type": "NOT A TYPE"}, "filter-malformed"),
        ({"since": "yesterday"}, "filter-malformed"),
        ({"view": "docx"}, "no-such-view"),
        ({"matter": "mat_1", "view": "docx"}, "no-such-view"),
    ):
        assert slug_of(auditor.post(f"{API}/audit/exports", params=asked)) == slug
    assert slug_of(auditor.get(f"{API}/audit/tail", params={"start": 0, "form": "parquet"})) == "no-such-view"
    since = auditor.get(f"{API}/audit/tail", params={"start": before}).content.splitlines()
    assert len(since) == 4
    assert all(b'"type":"request.refused"' in line for line in since)


def test_the_log_is_followed_without_a_gap(office: Office) -> None:
    auditor = office["auditor"]
    start = int(auditor.get(f"{API}/audit/tail").headers["next-start"])
    assert auditor.get(f"{API}/audit/tail", params={"start": start}).content == b""
    matter = office.matter()["id"]
    told = auditor.get(f"{API}/audit/tail", params={"start": start, "wait_s": 5})
    after = int(told.headers["next-start"])
    assert told.content == auditor.get(f"{API}/audit/entries", params={"start": start, "stop": after}).content
    assert told.content.count(b"\n") == after - start > 0
    for form, begins in (("syslog", b"<110>1 "), ("cef", b"CEF:0|"), ("ocsf", b"{"), ("csv", b"")):
        asked = {"start": start, "form": form, "matter": matter, "type": "matter."}
        assert auditor.get(f"{API}/audit/tail", params=asked).content.startswith(begins), form
    other = auditor.get(f"{API}/audit/tail", params={"start": start, "matter": "mat_of_nobody"})
    assert (other.content, other.headers["next-start"]) == (b"", str(after))
