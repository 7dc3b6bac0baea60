"""age packages open with pyrage, and only real public keys are taken as recipients."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pyrage
import pytest

from gateway.seal.bech32 import decode, encode
from gateway.seal.recipient import (
    BadRecipientKey,
    NotForThisIdentity,
    SealedBytesDiffer,
    check_recipient,
    decrypt_with,
    encrypt_to,
    generate_identity,
    recipient_fingerprint,
)

FROZEN = json.loads((Path(__file__).parents[2] / "vectors" / "age" / "x25519.json").read_text("ascii"))


def bech32(point: bytes) -> str:
    """The age recipient over any 32 bytes."""
    return encode("age", point)


def seal(recipient: str, data: bytes) -> bytes:
    sealed = io.BytesIO()
    encrypt_to(recipient, io.BytesIO(data), sealed)
    return sealed.getvalue()


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 300_000])
def test_pyrage_opens_what_was_sealed(size: int) -> None:
    identity, recipient = generate_identity()
    data = hashlib.shake_256(b"package").digest(size)
    assert pyrage.decrypt(seal(recipient, data), [pyrage.x25519.Identity.from_str(identity)]) == data


def test_frozen_files_stay_open_and_broken_ones_say_how() -> None:
    for told in FROZEN["good"].values():
        opened = io.BytesIO()
        decrypt_with(FROZEN["identity"], io.BytesIO(bytes.fromhex(told["sealed"])), opened)
        assert opened.getvalue().hex() == FROZEN["opened"]
    problems = {one.slug: one for one in (SealedBytesDiffer, NotForThisIdentity)}
    for told in FROZEN["broken"].values():
        with pytest.raises(problems[told["problem"]]):
            decrypt_with(FROZEN["identity"], io.BytesIO(bytes.fromhex(told["sealed"])), io.BytesIO())


def test_we_open_what_pyrage_seals() -> None:
    identity, recipient = generate_identity()
    opened = io.BytesIO()
    sealed = pyrage.encrypt(b"package", [pyrage.x25519.Recipient.from_str(recipient)])
    decrypt_with(identity, io.BytesIO(sealed), opened)
    assert opened.getvalue() == b"package"


def test_another_identity_is_told_apart_from_a_damaged_package() -> None:
    identity, recipient = generate_identity()
    sealed = seal(recipient, b"x" * 200_000)
    with pytest.raises(NotForThisIdentity):
        decrypt_with(generate_identity()[0], io.BytesIO(sealed), io.BytesIO())
    for broken in (
        sealed[:-1],
        sealed[:-70_000],
        sealed + b"\0",
        sealed[:100_000] + bytes([sealed[100_000] ^ 1]) + sealed[100_001:],
        b"not age at all",
        b"",
    ):
        with pytest.raises(SealedBytesDiffer):
            decrypt_with(identity, io.BytesIO(broken), io.BytesIO())


def test_every_flipped_byte_of_a_sealed_package_is_seen() -> None:
    identity, recipient = generate_identity()
    sealed = seal(recipient, b"forty-two magnets")
    for position in range(len(sealed)):
        broken = bytearray(sealed)
        broken[position] ^= 1
        with pytest.raises((SealedBytesDiffer, NotForThisIdentity)):
            decrypt_with(identity, io.BytesIO(bytes(broken)), io.BytesIO())


def test_a_bad_identity_is_named() -> None:
    with pytest.raises(BadRecipientKey, match="AGE-SECRET-KEY-1"):
        decrypt_with("age1…", io.BytesIO(b""), io.BytesIO())


def test_errors_of_source_and_sink_come_through_as_they_are() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    class Torn(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise LookupError("the object is damaged")

    identity, recipient = generate_identity()
    with pytest.raises(OSError, match="No space left"):
        encrypt_to(recipient, io.BytesIO(b"x" * 100_000), Full())
    with pytest.raises(LookupError, match="damaged"):
        encrypt_to(recipient, Torn(), io.BytesIO())
    with pytest.raises(OSError, match="No space left"):
        decrypt_with(identity, io.BytesIO(seal(recipient, b"x" * 100_000)), Full())


def test_the_fingerprint_is_the_digest_of_the_key_as_written() -> None:
    recipient = generate_identity()[1]
    assert recipient_fingerprint(recipient) == hashlib.sha256(recipient.encode()).hexdigest()


def test_a_public_key_is_taken() -> None:
    check_recipient(generate_identity()[1])
    assert bech32(decode(key := generate_identity()[1], "age", 32)) == key


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (generate_identity()[0], "private identity"),
        (f"  {generate_identity()[0].lower()}\n", "private identity"),
        (f"# my key\n{generate_identity()[0]}", "private identity"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO4T person@host", "SSH key"),
        ("ecdsa-sha2-nistp256 AAAA", "SSH key"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "PEM or PGP"),
        ("age1pqc1" + "q" * 54, "of a kind that is not taken"),
        ("age1yubikey1" + "q" * 60, "of a kind that is not taken"),
        ("", "not an age public key"),
        ("hunter2", "not an age public key"),
        (generate_identity()[1][:-1], "not an age public key"),
        (generate_identity()[1] + "\n", "not an age public key"),
        (generate_identity()[1].upper(), "not an age public key"),
        ("age1" + "q" * 58, "mistyped"),
        ("age1" + "é" * 58, "mistyped"),
        (bech32(bytes(32)), "protects nothing"),
        (bech32(b"\x01" + bytes(31)), "protects nothing"),
        (bech32(((1 << 255) - 20).to_bytes(32, "little")), "protects nothing"),
    ],
    ids=map(str, range(18)),
)
def test_what_is_not_a_public_key_is_refused_in_one_sentence_that_does_not_repeat_it(key: str, sentence: str) -> None:
    with pytest.raises(BadRecipientKey, match=sentence) as caught:
        check_recipient(key)
    assert len(key) < 20 or key.strip() not in caught.value.detail
    assert caught.value.detail.count(". ") == 0
    with pytest.raises(BadRecipientKey):
        encrypt_to(key, io.BytesIO(b""), io.BytesIO())
    with pytest.raises(BadRecipientKey):
        recipient_fingerprint(key)


def test_a_mistyped_character_is_seen() -> None:
    key = generate_identity()[1]
    for position in range(4, len(key)):
        other = "q" if key[position] != "q" else "p"
        with pytest.raises(BadRecipientKey):
            check_recipient(key[:position] + other + key[position + 1 :])
