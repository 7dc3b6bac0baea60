"""A package and an export, frozen: they verify for ever, and each broken one fails at its step and says why."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.seal import mldsa, signature, twin
from gateway.seal.merkle import check_inclusion, leaf_hash
from gateway.seal.note import open_checkpoint, parse_vkeys
from gateway.verify import verify_export, verify_package
from gateway.verify.verify import Report, parse_proof
from tests.support.second import Second

VECTORS = Path(__file__).parents[2] / "vectors"
BROKEN = {kind: json.loads((VECTORS / kind / "broken.json").read_text("utf-8")) for kind in ("package", "export")}


def unpacked(kind: str, folder: Path) -> Path:
    with zipfile.ZipFile(VECTORS / kind / f"{kind}.zip") as archive:
        archive.extractall(folder)
    return folder


def check(kind: str, path: Path) -> Report:
    log_key = (VECTORS / kind / "log.vkey").read_text("ascii")
    if kind == "export":
        return verify_export(path, log_key=log_key)
    return verify_package(path, log_key=log_key, package_key=(VECTORS / kind / "package.keys").read_text("ascii"))


def changed_json(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    """The same in canonical form after `change`."""

    def apply(data: bytes) -> bytes:
        told = json.loads(data)
        change(told)
        return canonical(told)

    return apply


def with_lines(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        lines = data.split(b"\n")
        change(lines)
        return b"\n".join(lines)

    return apply


def exchange(lines: list[bytes], place: int) -> None:
    lines[place], lines[place + 1] = lines[place + 1], lines[place]


def at(told: Any, path: list[Any]) -> Any:
    for step in path:
        told = told[step]
    return told


def edit(told: dict[str, Any]) -> Callable[[bytes], bytes]:
    """What a vector's `edit` does to its file: one of these, with `at` as the place and `to` as the new value."""
    place: Any = told.get("at")
    to = told.get("to")
    return {
        "drop": changed_json(lambda root: at(root, place[:-1]).pop(place[-1])),
        "double": changed_json(lambda root: at(root, place[:-1]).append(at(root, place))),
        "reverse": changed_json(lambda root: at(root, place).reverse()),
        "set": changed_json(lambda root: at(root, place[:-1]).__setitem__(place[-1], to)),
        "drop line": with_lines(lambda lines: lines.pop(place)),
        "double line": with_lines(lambda lines: lines.insert(place, lines[place])),
        "exchange lines": with_lines(lambda lines: exchange(lines, place)),
        "set line": with_lines(lambda lines: lines.__setitem__(place, str(to).encode())),
        "flip": lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :],
        "append": lambda data: data + str(to).encode(),
    }[told["edit"]]


@pytest.mark.parametrize("kind", BROKEN)
def test_the_frozen_one_verifies(kind: str, tmp_path: Path) -> None:
    folder = unpacked(kind, tmp_path)
    report = check(kind, folder)
    assert report.ok, report
    assert report.pinned
    if kind == "package":
        assert check(kind, VECTORS / kind / "package.zip").ok


def test_the_frozen_export_with_tiles_and_the_proof_of_its_entry_verify(second: Second, tmp_path: Path) -> None:
    with zipfile.ZipFile(VECTORS / "export" / "tiled.zip") as archive:
        archive.extractall(tmp_path)
    key = (VECTORS / "export" / "tiled.vkey").read_text("ascii")
    for path, title in ((tmp_path, "tiles"), (VECTORS / "export" / "entry.proof", "entry")):
        report = verify_export(path, log_key=key)
        assert report.ok, report
        assert title in [step.title for step in report.steps]
        assert second.verify(path, log_key=key).code == 0


@pytest.mark.parametrize(("kind", "failure"), [(kind, failure) for kind in BROKEN for failure in BROKEN[kind]])
def test_a_broken_one_fails_at_its_step_and_says_why(kind: str, failure: str, tmp_path: Path) -> None:
    told, folder = BROKEN[kind][failure], unpacked(kind, tmp_path)
    path = folder / told["file"]
    if told["edit"] == "remove":
        path.unlink()
    else:
        data = path.read_bytes() if path.exists() else b""
        path.write_bytes(edit(told)(data))
        assert path.read_bytes() != data
    first = next(step for step in check(kind, folder).steps if step.state == "failed")
    assert (first.title, told["says"] in first.detail) == (told["step"], True), first


def test_the_gateway_s_own_parts_read_the_frozen_package(tmp_path: Path) -> None:
    """A second implementation of what the script checks."""
    folder = unpacked("package", tmp_path)
    manifest = (folder / "manifest.json").read_bytes()
    made = {
        one["alg"]: base64.b64decode(one["sig"])
        for one in json.loads((folder / "manifest.sig").read_bytes())["signatures"]
    }
    keys = twin.from_text((VECTORS / "package" / "package.keys").read_text("ascii"))
    keys.verify(
        twin.Signatures(made[signature.ALGORITHM], made[mldsa.ALGORITHM]),
        manifest,
        b"disclosure-gateway/manifest-signature/v1",
    )
    proof = parse_proof((folder / "audit.proof").read_bytes())
    name, log = parse_vkeys("\n".join(json.loads(manifest)["log"]))
    checkpoint = open_checkpoint(proof.checkpoint, name, log)
    check_inclusion(proof.index, checkpoint.size, leaf_hash(proof.leaf), proof.hashes, checkpoint.root)
    for approval in json.loads((folder / "approvals.json").read_bytes())["approvals"]:
        key = signature.from_text(approval["signature"]["key"])
        key.verify(base64.b64decode(approval["signature"]["sig"]), canonical(approval["statement"]))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_checks_the_frozen_time_stamp(tmp_path: Path) -> None:
    folder = unpacked("package", tmp_path)
    (folder / "checkpoint").write_text(parse_proof((folder / "audit.proof").read_bytes()).checkpoint, "utf-8")
    arguments = ["ts", "-verify", "-in", "timestamp.tsr", "-data", "checkpoint", "-CAfile"]
    command = ["openssl", *arguments, str(VECTORS / "package" / "tsa-root.pem")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "Verification: OK" in done.stdout + done.stderr
    (folder / "checkpoint").write_text("another", "utf-8")
    assert subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False).returncode != 0
