"""C2SP tlog-cosignature: somebody else's timestamped word that a checkpoint continues all it saw of this log before.

    — <cosigner> <base64 of key hash (4 bytes) ‖ time (8 bytes) ‖ signature>

1. Type 0x04, Ed25519, signs `cosignature/v1`, a line `time <decimal>`, and the three lines of the checkpoint.
2. Type 0x06, ML-DSA-44, signs the `subtree/v1` message of the same, which names the cosigner too.
3. The time is in seconds since 1970, never 0 and below 2^63.
4. Lines of unknown keys are nobody's word and left aside; a line under a known key's name and hash has to hold.
5. One key is one cosigner, however many lines it made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.base.problems import CheckFailed
from gateway.seal import mldsa, signature
from gateway.seal.note import (
    Checkpoint,
    NoteInvalid,
    b64,
    check_name,
    cosigned_message,
    key_hash,
    parse_vkey,
    signature_line,
    vkey_of,
)
from gateway.seal.signature import BadKey, SignatureInvalid
from gateway.seal.twin import PublicTwin, SigningTwin

_ED25519, _MLDSA = b"\x04", b"\x06"
_HASH_BYTES, _TIME_BYTES, _TIME_LIMIT = 4, 8, 1 << 63
_NO_CONTEXT = b""


class CosignatureInvalid(CheckFailed):
    """A line under a known cosigner's name that does not hold over this checkpoint."""

    slug = "cosignature-invalid"
    title = "A cosignature does not hold"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """One key that cosigns: its name, and its type byte with the raw key behind it."""

    name: str
    typed: bytes

    @property
    def vkey(self) -> str:
        """The verifier key, `name+hash+base64`."""
        return vkey_of(self.name, self.typed)

    @property
    def identity(self) -> tuple[str, bytes]:
        """By what a signature line names this key."""
        return self.name, key_hash(self.name, self.typed)

    def verify(self, checkpoint: Checkpoint, blob: bytes) -> int:
        """The time that a signature line's bytes state, or `CosignatureInvalid` unless this key made them."""
        claimed, made = blob[_HASH_BYTES : _HASH_BYTES + _TIME_BYTES], blob[_HASH_BYTES + _TIME_BYTES :]
        at = int.from_bytes(claimed, "big")
        if len(claimed) < _TIME_BYTES or not 0 < at < _TIME_LIMIT:
            raise CosignatureInvalid("A cosignature states no time, or one out of range.")
        try:
            if self.typed[:1] == _ED25519:
                signature.PublicKey(self.typed[1:]).verify(made, _timed(checkpoint, at))
            else:
                message = cosigned_message(checkpoint, self.name, claimed)
                mldsa.PublicKey(self.typed[1:]).verify(made, message, _NO_CONTEXT)
        except SignatureInvalid as error:
            raise CosignatureInvalid("A cosignature was not made by its key over this checkpoint.") from error
        return at


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One line that holds: whose, of when in seconds since 1970, and the line with its newline."""

    cosigner: Cosigner
    at: int
    line: str


def cosigners(name: str, key: PublicTwin) -> tuple[Cosigner, Cosigner]:
    """Both keys of one cosigner."""
    check_name(name)
    return Cosigner(name, _ED25519 + key.ed25519.raw), Cosigner(name, _MLDSA + key.mldsa.raw)


def parse_cosigner(vkey: str) -> Cosigner:
    """The key of a verifier key of type 4 or 6, or `BadKey`."""
    name, typed = parse_vkey(vkey)
    if typed[:1] == _ED25519:
        signature.PublicKey(typed[1:])
    elif typed[:1] == _MLDSA:
        mldsa.PublicKey(typed[1:])
    else:
        raise BadKey("A cosigner's verifier key is of type 4 (Ed25519) or 6 (ML-DSA-44).")
    return Cosigner(name, typed)


def cosign(checkpoint: Checkpoint, name: str, key: SigningTwin, at: int) -> str:
    """The two lines of cosigner `name` over `checkpoint` at `at`, Ed25519 first."""
    claimed = at.to_bytes(_TIME_BYTES, "big")
    made = (
        key.ed25519.sign(_timed(checkpoint, at)),
        key.mldsa.sign(cosigned_message(checkpoint, name, claimed), _NO_CONTEXT),
    )
    hashes = (one.identity[1] for one in cosigners(name, key.public))
    return "".join(f"— {name} {b64(hashed + claimed + one)}\n" for hashed, one in zip(hashes, made, strict=True))


def cosignatures(lines: str, checkpoint: Checkpoint, known: Iterable[Cosigner]) -> list[Cosignature]:
    """What known keys say in these signature lines, the first line of each; or `CosignatureInvalid`."""
    by_identity = {one.identity: one for one in known}
    found: dict[Cosigner, Cosignature] = {}
    for line in lines.splitlines():
        try:
            name, blob = signature_line(line)
        except NoteInvalid:
            continue
        cosigner = by_identity.get((name, blob[:_HASH_BYTES]))
        if cosigner is not None:
            at = cosigner.verify(checkpoint, blob)
            found.setdefault(cosigner, Cosignature(cosigner, at, f"{line}\n"))
    return list(found.values())


def _timed(checkpoint: Checkpoint, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint.text}".encode("ascii")
