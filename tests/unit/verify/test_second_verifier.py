"""A second verifier in another language answers as the first: its parts on the vectors, its command, any byte changed.

`conftest.py` asks it about whatever the other tests of this folder have verified.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway.verify import WrongUse, verify_export
from tests.support.second import MISSING, SCRIPT, Second
from tests.unit.seal.test_trust_policy import BROKEN, EXAMPLE

VECTORS = Path(__file__).parents[2] / "vectors"
PACKAGE_KEYS: dict[str, Any] = {
    "log_key": str(VECTORS / "package" / "log.vkey"),
    "package_key": str(VECTORS / "package" / "package.keys"),
}
EXPORT_KEYS: dict[str, Any] = {"log_key": str(VECTORS / "export" / "log.vkey")}

# Each part of the second verifier on the vectors of its format, in one process: a list of what it gets wrong.
PARTS = """
import { readFileSync } from "node:fs"
import * as formats from "./formats.mjs"
import { verify } from "./mldsa.mjs"

const vectors = process.argv[1]
const read = (name) => readFileSync(`${vectors}/${name}`, "utf8")
const wrong = []
const expect = (name, wanted, act) => {
  let held = true
  try { held = act() ?? true } catch (error) { if (!(error instanceof formats.Finding)) throw error; held = false }
  if (held !== wanted) wrong.push(name)
}

const bytes = (hex) => Buffer.from(hex, "hex")
for (const one of JSON.parse(read("mldsa/wycheproof.json")).tests)
  expect(`ML-DSA ${one.tcId} ${one.comment}`, one.result === "valid", () =>
    verify(bytes(one.key), bytes(one.msg), bytes(one.sig), bytes(one.ctx)))

const log = formats.vkeyPair(read("note/log.vkey").trim().split("\\n"))
const open = (note) => () => void formats.openCheckpoint(note, log, "The note")
expect("the note", true, open(read("note/checkpoint.txt")))
for (const [name, { note }] of Object.entries(JSON.parse(read("note/broken.json"))))
  expect(`note: ${name}`, false, open(note))

for (const { leaf, leaf_hash: hash } of JSON.parse(read("entry/entries.json"))) {
  expect(`entry ${leaf}`, true, () => void formats.entry(Buffer.from(leaf), "It"))
  expect(`hash of ${leaf}`, true, () => formats.leafHash(Buffer.from(leaf)).toString("hex") === hash)
}
for (const [name, leaf] of Object.entries(JSON.parse(read("entry/broken.json"))))
  expect(`entry: ${name}`, false, () => void formats.entry(Buffer.from(leaf), "It"))

const trees = JSON.parse(read("merkle/rfc6962.json"))
const leaves = trees.leaves.map(bytes)
const tree = new formats.Tree()
trees.roots.forEach((root, size) => {
  expect(`root ${size}`, true, () => tree.root().toString("hex") === root)
  if (size < leaves.length) tree.append(formats.leafHash(leaves[size]))
})
for (const { index, size, proof } of trees.inclusion)
  for (const [place, leaf] of leaves.entries())
    expect(`inclusion ${index} of ${size}, leaf ${place}`, place === index, () =>
      formats.rootOf(index, size, formats.leafHash(leaf), proof.map(bytes), "It").toString("hex") === trees.roots[size])

const pairs = { "a key of order 1": "AQ" + "A".repeat(41) + "=", "a key past the field": "/".repeat(42) + "8=" }
for (const [name, key] of Object.entries(pairs))
  expect(name, false, () => void formats.keyPair(`ed25519:${key} ml-dsa-44:${log.keys[1].toString("base64")}`))
console.log(JSON.stringify(wrong))
"""


@pytest.fixture
def unpacked(tmp_path: Path) -> dict[str, Path]:
    """The frozen package and the frozen export as folders."""
    folders = {kind: tmp_path / kind for kind in ("package", "export")}
    for kind, folder in folders.items():
        with zipfile.ZipFile(VECTORS / kind / f"{kind}.zip") as archive:
            archive.extractall(folder)
    return folders


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_each_part_reads_the_vectors_of_its_format() -> None:
    command = ["node", "--input-type=module", "--eval", PARTS, str(VECTORS)]
    done = subprocess.run(command, cwd=SCRIPT.parent, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_the_command_ends_with_what_it_found(unpacked: dict[str, Path]) -> None:
    def run(*arguments: object) -> tuple[int, str]:
        command = ["node", str(SCRIPT), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout + done.stderr

    given = ("--log-key", PACKAGE_KEYS["log_key"], "--package-key", PACKAGE_KEYS["package_key"])
    assert run(unpacked["package"], *given) == (0, "".join(f"ok      {title}\n" for title in PACKAGE_STEPS))
    (unpacked["package"] / "README.txt").write_bytes(b"x")
    code, said = run(unpacked["package"], *given)
    assert (code, "failed  digests: README.txt has 1 bytes" in said) == (1, True)
    assert run("nowhere")[0] == run()[0] == run(unpacked["package"], "--log-key", "x")[0] == 2


PACKAGE_STEPS = (
    "structure", "digests", "manifest signature", "log checkpoint", "log entry", "approvals", "approvers", "time stamp",
)  # fmt: skip


def test_it_accepts_what_is_frozen_in_each_form(second: Second, unpacked: dict[str, Path]) -> None:
    for path in (unpacked["package"], VECTORS / "package" / "package.zip"):
        told = json.loads(second.verify(path, **PACKAGE_KEYS).said)
        assert (told["code"], told["pinned"], told["warnings"]) == (0, True, []), told
    kept = (unpacked["export"] / "checkpoint").read_text("utf-8")
    told = json.loads(second.verify(unpacked["export"], **EXPORT_KEYS, checkpoint=kept).said)
    assert (told["code"], told["pinned"], told["warnings"]) == (0, True, []), told


def test_both_read_policies_of_witnesses_alike(second: Second, unpacked: dict[str, Path]) -> None:
    """What is no policy is wrong use to both; whether an address can be asked is the gateway's question alone."""
    export, key = unpacked["export"], (VECTORS / "export" / "log.vkey").read_text("ascii")
    broken = [text for text, says in BROKEN if says not in ("address", "1,000")]
    for policy in (*(text.encode() for text in broken), b"quorum", b"witness", b"log", b"\xff none\nquorum none"):
        with pytest.raises(WrongUse, match="policy"):
            verify_export(export, log_key=key, policy=policy)
        assert second.verify(export, log_key=key, policy=policy).code == 2, policy
    for policy, code in ((EXAMPLE.encode(), 1), (b"quorum none", 0), (EXAMPLE.encode().split(b"\n", 1)[1], 1)):
        assert verify_export(export, log_key=key, policy=policy).exit_code == code
        assert second.verify(export, log_key=key, policy=policy).code == code, policy


@pytest.mark.parametrize("step", [509, pytest.param(13, marks=pytest.mark.nightly)])
def test_any_byte_of_any_file(second: Second, unpacked: dict[str, Path], step: int) -> None:
    given: dict[str, dict[str, Any]] = {"package": PACKAGE_KEYS, "export": EXPORT_KEYS}
    for kind, folder in unpacked.items():
        for file in (path for path in folder.rglob("*") if path.is_file()):
            data = file.read_bytes()
            for place in {*range(0, len(data), step if len(data) < 10_000 else 50 * step), len(data) - 1}:
                file.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 7]) + data[place + 1 :])
                answer = second.verify(folder, **given[kind])
                assert (answer.code, answer.failed is not None) == (1, True), (file, place, answer)
            file.write_bytes(data)
        assert second.verify(folder, **given[kind]).code == 0


@pytest.mark.parametrize("step", [257, pytest.param(3, marks=pytest.mark.nightly)])
def test_any_byte_of_the_zip(second: Second, tmp_path: Path, step: int) -> None:
    data = (VECTORS / "package" / "package.zip").read_bytes()
    path = tmp_path / "package.zip"
    for place in range(0, len(data), step):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert second.verify(path, **PACKAGE_KEYS).code == 1, place
