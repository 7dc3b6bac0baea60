"""Signed checkpoints: C2SP signed-note with Ed25519 (type 0x01) around C2SP tlog-checkpoint, without extension lines.

    <origin>
    <size, decimal>
    <root, base64>

    — <key name> <base64 of key hash (4 bytes) ‖ signature (64 bytes)>

The signed bytes are everything up to and including the third line's newline. Signature lines of unknown keys, such
as a witness's, are let pass; without a valid line of the known key nothing opens.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from gateway.base.problems import CheckFailed
from gateway.seal.merkle import HASH_BYTES
from gateway.seal.signature import BadKey, PublicKey, SignatureInvalid, SigningKey

MAX_NOTE_CHARS = 1 << 17
_ED25519 = b"\x01"
_NAME = re.compile(r"[!-*,-~]{1,255}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE_LINE = re.compile(r"— ([!-*,-~]+) ([A-Za-z0-9+/=]+)")


class NoteInvalid(CheckFailed):
    """A text that is no checkpoint signed by the expected key."""

    slug = "checkpoint-invalid"
    title = "This checkpoint does not hold"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: who it is, how many entries it has, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The signed text: three lines, each with its newline."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


def check_name(name: str) -> None:
    """Raise `BadKey` unless `name` can name a log: printable ASCII without spaces and plus signs."""
    if not _NAME.fullmatch(name):
        raise BadKey("A log's name is printable ASCII without spaces and plus signs, such as example.com/log.")


def key_hash(name: str, key: PublicKey) -> bytes:
    """The four bytes by which a signature line names its key."""
    return hashlib.sha256(name.encode("ascii") + b"\n" + _ED25519 + key.raw).digest()[:4]


def vkey(name: str, key: PublicKey) -> str:
    """The verifier key in one line: `name+hash+base64`."""
    check_name(name)
    return f"{name}+{key_hash(name, key).hex()}+{_b64(_ED25519 + key.raw)}"


def parse_vkey(text: str) -> tuple[str, PublicKey]:
    """Name and key of a verifier key in one line, or `BadKey`."""
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    check_name(name)
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("A verifier key is written name+hash+base64.") from error
    if data[:1] != _ED25519:
        raise BadKey("This verifier key is not of type 1 (Ed25519).")
    key = PublicKey(data[1:])
    if vkey(name, key) != text:
        raise BadKey("The hash in this verifier key does not belong to its name and key.")
    return name, key


def sign_checkpoint(checkpoint: Checkpoint, name: str, key: SigningKey) -> str:
    """The signed note over `checkpoint`, with one signature line by `key` under `name`."""
    check_name(name)
    check_name(checkpoint.origin)
    line = _b64(key_hash(name, key.public) + key.sign(checkpoint.text.encode("ascii")))
    return f"{checkpoint.text}\n— {name} {line}\n"


def open_checkpoint(text: str, name: str, key: PublicKey) -> Checkpoint:
    """The checkpoint in `text`, or `NoteInvalid` unless `key` signed it under `name`; then its origin is `name`."""
    if len(text) > MAX_NOTE_CHARS:
        raise NoteInvalid("The checkpoint is far too long.")
    body, blank, signatures = text.rpartition("\n\n")
    signed = body + "\n"
    if not blank or not signatures.endswith("\n"):
        raise NoteInvalid("A checkpoint is three lines, an empty line and signature lines.")
    wanted, valid = key_hash(name, key), 0
    for line in signatures[:-1].split("\n"):
        signer, blob = _signature_line(line)
        if signer == name and blob[:4] == wanted:
            _verify(key, blob[4:], signed)
            valid += 1
    if not valid:
        raise NoteInvalid("The checkpoint carries no signature of the expected log key.")
    return _parse(signed, name)


def _signature_line(line: str) -> tuple[str, bytes]:
    match = _SIGNATURE_LINE.fullmatch(line)
    blob = _unb64(match.group(2)) if match else None
    if match is None or blob is None:
        raise NoteInvalid("A signature line of the checkpoint is malformed.")
    return match.group(1), blob


def _verify(key: PublicKey, signature: bytes, signed: str) -> None:
    try:
        key.verify(signature, signed.encode("utf-8", "surrogatepass"))
    except SignatureInvalid as error:
        raise NoteInvalid("The checkpoint's signature does not belong to its text.") from error


def _parse(signed: str, origin: str) -> Checkpoint:
    lines = signed.split("\n")
    if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):
        raise NoteInvalid("A checkpoint's text is origin, size and root, each on its line.")
    if lines[0] != origin:
        raise NoteInvalid("The checkpoint is of another log.")
    root = _unb64(lines[2])
    if root is None or len(root) != HASH_BYTES:
        raise NoteInvalid("The checkpoint's root is not 32 bytes of base64.")
    return Checkpoint(lines[0], int(lines[1]), root)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes | None:
    """The bytes of canonical base64, or None: two spellings of one hash would be two truths."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _b64(data) == text else None
