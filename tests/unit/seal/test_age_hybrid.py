"""Hybrid age files: npm's age-encryption opens ours and we open its, frozen ones stay open, broken ones say how."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from gateway.seal import bech32
from gateway.seal.age import BadRecipientKey, NotForThisIdentity, SealedBytesDiffer
from gateway.seal.recipient import check_recipient, decrypt_with, encrypt_to, generate_identity, recipient_fingerprint

VECTORS = Path(__file__).parents[2] / "vectors" / "age"
FROZEN = json.loads((VECTORS / "hybrid.json").read_text("ascii"))
ORACLE = "age-encryption@0.3.1"
SCRIPT = """
import { Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from "age-encryption"
import { readFileSync, writeFileSync } from "node:fs"
const [act, key, source, target] = process.argv.slice(2)
const data = source && readFileSync(source)
if (act === "make") { const id = await generateHybridIdentity(); console.log(id, await identityToRecipient(id)) }
if (act === "name") console.log(await identityToRecipient(key))
if (act === "seal") { const e = new Encrypter(); e.addRecipient(key); writeFileSync(target, await e.encrypt(data)) }
if (act === "open") { const d = new Decrypter(); d.addIdentity(key); writeFileSync(target, await d.decrypt(data)) }
"""


class Oracle:
    """npm's age-encryption in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: object) -> str:
        ran = subprocess.run(
            ["node", str(self.folder / "oracle.mjs"), *map(str, arguments)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return ran.stdout


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """Installed once on a machine, kept between runs."""
    folder = Path(tempfile.gettempdir()) / f"disclosure-gateway-oracle-{ORACLE.replace('@', '-')}"
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("npm or node is not installed")
    if not (folder / "node_modules" / "age-encryption").exists():
        folder.mkdir(exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", ORACLE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install {ORACLE}: its registry is not within reach")
    (folder / "oracle.mjs").write_text(SCRIPT, "utf-8")
    return Oracle(folder)


def seal(key: str, data: bytes) -> bytes:
    sealed = io.BytesIO()
    encrypt_to(key, io.BytesIO(data), sealed)
    return sealed.getvalue()


def opened(identity: str, sealed: bytes) -> bytes:
    sink = io.BytesIO()
    decrypt_with(identity, io.BytesIO(sealed), sink)
    return sink.getvalue()


SIZES = [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000]


@pytest.mark.parametrize("size", SIZES)
def test_another_implementation_opens_ours_and_we_open_its(size: int, oracle: Oracle, tmp_path: Path) -> None:
    identity, key = generate_identity(hybrid=True)
    assert oracle("name", identity).strip() == key
    data = hashlib.shake_256(b"package").digest(size)
    plain, sealed, back = tmp_path / "plain", tmp_path / "sealed", tmp_path / "back"
    sealed.write_bytes(seal(key, data))
    oracle("open", identity, sealed, back)
    assert back.read_bytes() == data
    theirs, their_key = oracle("make").split()
    check_recipient(their_key)
    plain.write_bytes(data)
    oracle("seal", their_key, plain, sealed)
    assert opened(theirs, sealed.read_bytes()) == data


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens_and_streams(size: int) -> None:
    identity, key = generate_identity(hybrid=True)

    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 1, 1000))

    data = hashlib.shake_256(b"package").digest(size)
    sealed, sink = io.BytesIO(), io.BytesIO()
    encrypt_to(key, Dripping(data), sealed)
    decrypt_with(identity, Dripping(sealed.getvalue()), sink)
    assert sink.getvalue() == data
    assert sealed.getvalue().count(b"\n-> ") == 1


@pytest.mark.parametrize("name", FROZEN["good"])
def test_frozen_files_stay_open(name: str) -> None:
    told = FROZEN["good"][name]
    assert hashlib.sha256(opened(FROZEN["identity"], bytes.fromhex(told["sealed"]))).hexdigest() == told["sha256"]


def test_the_frozen_key_pair_is_one() -> None:
    assert opened(FROZEN["identity"], seal(FROZEN["recipient"], b"magnets")) == b"magnets"
    assert recipient_fingerprint(FROZEN["recipient"]) == hashlib.sha256(FROZEN["recipient"].encode()).hexdigest()


@pytest.mark.parametrize("failure", FROZEN["broken"])
def test_a_broken_file_fails_for_its_named_reason(failure: str) -> None:
    told = FROZEN["broken"][failure]
    expected = {one.slug: one for one in (SealedBytesDiffer, NotForThisIdentity)}[told["problem"]]
    with pytest.raises(expected):
        opened(FROZEN["identity"], bytes.fromhex(told["sealed"]))


def test_every_flipped_byte_is_seen() -> None:
    identity, key = generate_identity(hybrid=True)
    sealed = seal(key, b"forty-two magnets")
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises((SealedBytesDiffer, NotForThisIdentity)):
            opened(identity, bytes(broken))


def test_another_identity_of_either_kind_does_not_open() -> None:
    _, key = generate_identity(hybrid=True)
    sealed = seal(key, b"x")
    with pytest.raises(NotForThisIdentity):
        opened(generate_identity(hybrid=True)[0], sealed)
    with pytest.raises((NotForThisIdentity, SealedBytesDiffer)):
        opened(generate_identity()[0], sealed)
    with pytest.raises(NotForThisIdentity):
        opened(generate_identity(hybrid=True)[0], seal(generate_identity()[1], b"x"))


def test_a_header_without_end_is_refused_in_bounded_memory() -> None:
    identity, _ = generate_identity(hybrid=True)
    for endless in (
        b"age-encryption.org/v1\n-> x\n" + b"A" * 64 * 200_000,
        b"age-encryption.org/v1\n" + b"-> x\n\n" * 5000,
    ):
        with pytest.raises(SealedBytesDiffer):
            opened(identity, endless)


def test_errors_of_source_and_sink_come_through_as_they_are() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    _, key = generate_identity(hybrid=True)
    with pytest.raises(OSError, match="No space left"):
        encrypt_to(key, io.BytesIO(b"x"), Full())


def low_order() -> str:
    raw = bech32.decode(FROZEN["recipient"], "age1pq", 1216)
    return bech32.encode("age1pq", raw[:1184] + bytes(32))


@pytest.mark.parametrize(
    "key",
    [
        FROZEN["recipient"][:-1],
        FROZEN["recipient"] + "\n",
        "age1pq1" + "q" * 1952,
        "age1pq1",
        low_order(),
        FROZEN["identity"],
        FROZEN["recipient"].replace("age1pq1", "age1tagpq1"),
        bech32.encode("age1pq", b"\xff" * 1216),
    ],
    ids=range(8),
)
def test_what_is_not_a_usable_public_key_is_refused(key: str) -> None:
    with pytest.raises(BadRecipientKey):
        check_recipient(key)
    with pytest.raises(BadRecipientKey):
        seal(key, b"")


@pytest.mark.parametrize("identity", ["AGE-SECRET-KEY-PQ-1", "AGE-SECRET-KEY-PQ-1" + "Q" * 58])
def test_a_bad_identity_is_named(identity: str) -> None:
    with pytest.raises(BadRecipientKey, match="AGE-SECRET-KEY-PQ-1"):
        opened(identity, b"")
    with pytest.raises(BadRecipientKey):
        opened(generate_identity(hybrid=True)[0].lower(), b"")
