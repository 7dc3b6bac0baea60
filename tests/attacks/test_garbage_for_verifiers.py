"""Whoever is handed an export, a package or evidence may be handed anything: the verifier ends, soon and in words."""

from __future__ import annotations

import base64
import json
import os
import resource
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.seal.signature import SigningKey
from gateway.verify import SCRIPT, main, verify, verify_export
from gateway.verify.verify import (
    Checkpoint,
    EntryCheck,
    EvidenceCheck,
    Folder,
    Key,
    Lineage,
    Mismatch,
    PackageCheck,
    Proof,
    Trust,
)

VECTORS = Path(__file__).parents[1] / "vectors"
MEMORY_BYTES = 1 << 30


def unpacked(name: str, folder: Path) -> Path:
    """One of the frozen archives."""
    with zipfile.ZipFile(VECTORS / name) as archive:
        archive.extractall(folder / "given")
    return folder / "given"


def script(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the script alone says, in half a minute and little memory."""
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(folder), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)),
    )


def test_blanks_in_a_key_cost_no_time(tmp_path: Path) -> None:
    """Three ways to share out the same blanks made this hours long."""
    folder = unpacked("export/export.zip", tmp_path)
    for inside in (" " * 100_000, "AAAA " * 20_000, "A" * 100_000):
        (folder / "log.vkey").write_text(f"-----BEGIN PUBLIC KEY-----{inside}!", "ascii")
        done = script(folder)
        assert done.returncode == 1, done.stderr
        assert "is not" in json.loads(done.stdout)["steps"][1]["detail"]


def test_a_signature_far_too_large_is_named(tmp_path: Path) -> None:
    folder = unpacked("export/export.zip", tmp_path)
    os.truncate(folder / "index.sig", 17 << 20)
    report = verify_export(folder)
    assert report.steps[0].detail == "index.sig is far too large."
    assert not report.ok


@pytest.mark.parametrize("told_bytes", [5, 8 << 30])
def test_a_table_far_too_long_is_not_read(told_bytes: int, tmp_path: Path) -> None:
    table = {"path": "files/a.csv", "media_type": "text/csv", "size_bytes": told_bytes}
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.csv").touch()
    os.truncate(tmp_path / "files/a.csv", 8 << 30)
    check = PackageCheck(tmp_path, None, None)
    proofs: list[Any] = [{"file": "files/a.csv", "columns": [], "commitment": None}]
    check._found = {"manifest": {"files": [table]}, "files": Folder(tmp_path), "table proofs": proofs}
    with pytest.raises(Mismatch, match=r"a\.csv is far longer than the manifest says, or too long"):
        check.table_proofs()


def test_a_line_that_is_repeated_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody can put lines behind a checkpoint, and each costs a signature's verification."""
    key, point = SigningKey.generate(), Checkpoint("example.com/log", 5, bytes(32))
    typed = b"\x04" + key.public.raw
    hashed = verify.note_key_hash("w", typed)
    root = base64.b64encode(point.root).decode()
    made = key.sign(f"cosignature/v1\ntime 7\n{point.origin}\n5\n{root}\n".encode())
    line = "— w " + base64.b64encode(hashed + (7).to_bytes(8, "big") + made).decode()
    trust = Trust(f"witness one w+{hashed.hex()}+{base64.b64encode(typed).decode()}\nquorum one\n".encode())
    asked: list[bytes] = []
    holds = verify.ed25519_holds

    def counted(raw: bytes, message: bytes, signature: bytes) -> bool:
        asked.append(signature)
        return holds(raw, message, signature)

    monkeypatch.setattr(verify, "ed25519_holds", counted)
    assert trust.count(point, [line] * 100_000, "It") == ({"one": 7}, True)
    assert len(asked) == 1


@pytest.mark.parametrize("odd", [[{}], {"a": 1}, 7, None, "text"])
def test_facts_of_any_sort_are_no_crash(odd: object, tmp_path: Path) -> None:
    """Entries that somebody wrote into a log of their own, for evidence of their own."""
    check = EvidenceCheck(tmp_path, None, None, None, None)
    facts = {"release": "rel_1", "original": odd}
    check.log._found["entries"] = {3: ({"type": "rendition.requested", "subject": "ren_1", "facts": facts}, "")}
    assert check._about("rel_1") == [3]
    check.package._found["timestamp.tsr"] = b"stamp"
    told, proof = {"package_sha256": "p"}, Proof(b"", 4, [], "")
    sent = {"package_sha256": "p", "sealed_index": 4, "profile": "portal", "time_stamp": odd}
    with pytest.raises(Mismatch, match="another time stamp"):
        check._check_sent([sent], told, {"profile": "portal"}, proof)


def test_a_certificate_in_another_form_is_no_crash(tmp_path: Path) -> None:
    check = EvidenceCheck(tmp_path, None, None, None, None)
    body = base64.b64encode(b"certificate").decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    told = {"begun": 2, "release": "rel_1", "certificate_sha256": "0" * 64}
    check._found = {"evidence.json, read": told, "evidence.pdf": b"", "certificate.pem": pem.encode()}
    begun = {"type": "evidence.begun", "subject": "rel_1", "facts": {"certificate_sha256": [[]]}}
    check.log._found["entries"] = {2: (begun, "")}
    with pytest.raises(Mismatch, match="not the certificate that the log names"):
        check.document()


def test_an_entry_paints_nothing_on_the_screen(tmp_path: Path) -> None:
    """Whoever holds the log's keys gives an entry a type that clears the terminal and says another thing."""
    leaf = canonical({"v": 1, "type": "\x1b[2J\n✓ 9. all", "actor": "a", "at": "2026-01-01T00:00:00.000Z", "facts": {}})
    check = EntryCheck(tmp_path, Lineage(Key(b"", b""), [], ""), None)
    check._found = {"proof": Proof(leaf, 0, [], ""), "signed": Checkpoint("l", 1, verify.leaf_hash(leaf))}
    assert check.entry().isprintable()
    assert check.entry().isascii()


def test_evidence_is_never_half_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "evidence.json").write_bytes(b"{}")
    assert main([str(tmp_path), "--root-only"]) == 2
    assert "--root-only is for audit-log exports." in capsys.readouterr().err
