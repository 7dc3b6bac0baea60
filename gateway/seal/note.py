"""Signed checkpoints: C2SP signed-note around C2SP tlog-checkpoint, without extension lines, signed twice by its log.

    <origin>
    <size, decimal>
    <root, base64>

    — <origin> <base64 of key hash (4 bytes) ‖ Ed25519 signature (64 bytes)>
    — <origin> <base64 of key hash (4 bytes) ‖ time (8 bytes) ‖ ML-DSA-44 signature (2420 bytes)>

1. The Ed25519 line (type 0x01) signs everything up to and including the third line's newline.
2. The ML-DSA-44 line (type 0x06, C2SP tlog-cosignature) signs the `subtree/v1` message of the same three facts and its
   own time, which is 0 where the signer claims none; this log claims none.
3. Both lines come first, in this order, once each. Lines of other keys, such as a witness's, may follow unread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from gateway.base.problems import CheckFailed
from gateway.seal import mldsa, signature
from gateway.seal.merkle import HASH_BYTES
from gateway.seal.signature import BadKey, SignatureInvalid
from gateway.seal.twin import PublicTwin, SigningTwin

MAX_NOTE_CHARS = 1 << 17
_ED25519 = b"\x01"
_MLDSA = b"\x06"
# A cosignature's message keeps itself apart by its label, so that ML-DSA's own context stays empty.
_COSIGNATURE_LABEL = b"subtree/v1\n\x00"
_NO_CONTEXT = b""
_TIME_BYTES = 8
_TIME_LIMIT = 1 << 63
_NAME = re.compile(r"[!-*,-~]{1,255}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_SIGNATURE_LINE = re.compile(r"— ([!-*,-~]+) ([A-Za-z0-9+/=]+)")


class NoteInvalid(CheckFailed):
    """A text that is no checkpoint signed by both keys of the expected log."""

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
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def check_name(name: str) -> None:
    """Raise `BadKey` unless `name` can name a log: printable ASCII without spaces and plus signs."""
    if not _NAME.fullmatch(name):
        raise BadKey("A log's name is printable ASCII without spaces and plus signs, such as example.com/log.")


def vkeys(name: str, key: PublicTwin) -> tuple[str, str]:
    """The verifier keys, Ed25519 and ML-DSA-44, each `name+hash+base64`."""
    check_name(name)
    typed = (_ED25519 + key.ed25519.raw, _MLDSA + key.mldsa.raw)
    return vkey_of(name, typed[0]), vkey_of(name, typed[1])


def vkey_text(name: str, key: PublicTwin) -> str:
    """Both verifier keys, a line each with its newline: what a log is known by."""
    return "".join(f"{line}\n" for line in vkeys(name, key))


def parse_vkeys(text: str) -> tuple[str, PublicTwin]:
    """Name and keys of two verifier keys, Ed25519 first, or `BadKey`."""
    lines = text.splitlines()
    if len(lines) != len((_ED25519, _MLDSA)):
        raise BadKey("A log is known by two verifier keys, Ed25519 and ML-DSA-44, each on its line.")
    name, ed25519 = _parse_vkey(lines[0], _ED25519, "Ed25519")
    other, post_quantum = _parse_vkey(lines[1], _MLDSA, "ML-DSA-44")
    if other != name:
        raise BadKey("The two verifier keys name two logs.")
    return name, PublicTwin(signature.PublicKey(ed25519), mldsa.PublicKey(post_quantum))


def sign_checkpoint(checkpoint: Checkpoint, key: SigningTwin) -> str:
    """The signed note over `checkpoint`, by both keys under the log's own name."""
    name = checkpoint.origin
    check_name(name)
    hashes = _key_hashes(name, key.public)
    ed25519 = hashes[0] + key.ed25519.sign(checkpoint.text.encode("ascii"))
    claimed = bytes(_TIME_BYTES)
    cosigned = (
        hashes[1] + claimed + key.mldsa.sign(cosigned_message(checkpoint, checkpoint.origin, claimed), _NO_CONTEXT)
    )
    return f"{checkpoint.text}\n— {name} {b64(ed25519)}\n— {name} {b64(cosigned)}\n"


def open_checkpoint(text: str, name: str, key: PublicTwin) -> Checkpoint:
    """The checkpoint in `text`, or `NoteInvalid` unless it is of the log `name` and both of its keys signed it."""
    if len(text) > MAX_NOTE_CHARS:
        raise NoteInvalid("The checkpoint is far too long.")
    body, blank, signatures = text.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise NoteInvalid("A checkpoint is three lines, an empty line and signature lines.")
    checkpoint = _parse(body + "\n", name)
    lines = [signature_line(line) for line in signatures[:-1].split("\n")]
    hashes = _key_hashes(name, key)
    own = [hashes.index(blob[:4]) if signer == name and blob[:4] in hashes else None for signer, blob in lines]
    for place, algorithm in enumerate((signature.ALGORITHM, mldsa.ALGORITHM)):
        if place not in own:
            raise NoteInvalid(f"The checkpoint carries no {algorithm} signature of the expected log; both are needed.")
        if own[place : place + 1] != [place] or own.count(place) > 1:
            raise NoteInvalid(f"The log's {algorithm} signature is not in its only place in the checkpoint.")
    _verify(checkpoint, key, lines[0][1][4:], lines[1][1][4:])
    return checkpoint


def _verify(checkpoint: Checkpoint, key: PublicTwin, ed25519: bytes, cosignature: bytes) -> None:
    claimed, post_quantum = cosignature[:_TIME_BYTES], cosignature[_TIME_BYTES:]
    if int.from_bytes(claimed, "big") >= _TIME_LIMIT:
        raise NoteInvalid("The time in the checkpoint's ML-DSA-44 signature is out of range.")
    try:
        key.ed25519.verify(ed25519, checkpoint.text.encode("ascii"))
    except SignatureInvalid as error:
        raise NoteInvalid("The checkpoint's Ed25519 signature does not belong to its text.") from error
    try:
        key.mldsa.verify(post_quantum, cosigned_message(checkpoint, checkpoint.origin, claimed), _NO_CONTEXT)
    except SignatureInvalid as error:
        raise NoteInvalid("The checkpoint's ML-DSA-44 signature does not belong to its text.") from error


def cosigned_message(checkpoint: Checkpoint, cosigner: str, claimed: bytes) -> bytes:
    """`cosigned_message` of C2SP tlog-cosignature: label, cosigner, time, origin, first leaf, size, root."""
    span = bytes(8) + checkpoint.size.to_bytes(8, "big")
    return _COSIGNATURE_LABEL + _named(cosigner) + claimed + _named(checkpoint.origin) + span + checkpoint.root


def _named(name: str) -> bytes:
    return len(name).to_bytes(1, "big") + name.encode("ascii")


def _key_hashes(name: str, key: PublicTwin) -> tuple[bytes, bytes]:
    """The four bytes by which each signature line names its key."""
    return key_hash(name, _ED25519 + key.ed25519.raw), key_hash(name, _MLDSA + key.mldsa.raw)


def key_hash(name: str, typed: bytes) -> bytes:
    """The four bytes by which a signature line names its key; `typed` is the key behind its type byte."""
    return hashlib.sha256(name.encode("ascii") + b"\n" + typed).digest()[:4]


def vkey_of(name: str, typed: bytes) -> str:
    """One verifier key, `name+hash+base64`."""
    return f"{name}+{key_hash(name, typed).hex()}+{b64(typed)}"


def parse_vkey(text: str) -> tuple[str, bytes]:
    """Name of one verifier key, and its type byte with the key behind it, or `BadKey`."""
    name, _, rest = text.partition("+")
    check_name(name)
    typed = unb64(rest.partition("+")[2])
    if not typed:
        raise BadKey("A verifier key is written name+hash+base64.")
    if vkey_of(name, typed) != text:
        raise BadKey("The hash in this verifier key does not belong to its name and key.")
    return name, typed


def _parse_vkey(text: str, kind: bytes, algorithm: str) -> tuple[str, bytes]:
    name, typed = parse_vkey(text)
    if typed[:1] != kind:
        raise BadKey(f"This verifier key is not of type {kind[0]} ({algorithm}).")
    return name, typed[1:]


def signature_line(line: str) -> tuple[str, bytes]:
    """Signer and bytes of one signature line without its newline, or `NoteInvalid`."""
    match = _SIGNATURE_LINE.fullmatch(line)
    blob = unb64(match.group(2)) if match else None
    if match is None or blob is None:
        raise NoteInvalid("A signature line of the checkpoint is malformed.")
    return match.group(1), blob


def _parse(signed: str, origin: str) -> Checkpoint:
    lines = signed.split("\n")
    if len(lines) != 4 or not _SIZE.fullmatch(lines[1]):
        raise NoteInvalid("A checkpoint's text is origin, size and root, each on its line.")
    if lines[0] != origin:
        raise NoteInvalid("The checkpoint is of another log.")
    root = unb64(lines[2])
    if root is None or len(root) != HASH_BYTES:
        raise NoteInvalid("The checkpoint's root is not 32 bytes of base64.")
    return Checkpoint(lines[0], int(lines[1]), root)


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes | None:
    """The bytes of canonical base64, or None: two spellings of one hash would be two truths."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if b64(data) == text else None
