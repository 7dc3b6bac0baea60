"""The request of C2SP tlog-witness: old size, consistency proof, checkpoint; also what couriers carry.

old <size>
<base64 of a hash>…

<checkpoint>
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.base.problems import Usage
from gateway.seal.merkle import HASH_BYTES
from gateway.seal.note import MAX_NOTE_CHARS, b64, unb64

HASHES_MAX = 63
REQUEST_BYTES_MAX = MAX_NOTE_CHARS + 8_192
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")


class CosigningMalformed(Usage):
    """Bytes that are no request to cosign."""

    slug = "cosigning-request-malformed"
    title = "This is no request to cosign a checkpoint"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """The size that the witness is thought to have, the proof from there on, and the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: str

    @property
    def origin(self) -> str:
        """The log that the checkpoint says it is of; nothing of it is checked."""
        return self.checkpoint.partition("\n")[0]


def request(old: int, proof: Sequence[bytes], checkpoint: str) -> bytes:
    """The request's bytes."""
    return "".join([f"old {old}\n", *(f"{b64(one)}\n" for one in proof), "\n", checkpoint]).encode("utf-8")


def parse_request(data: bytes) -> AddCheckpoint:
    """The request in these bytes, or `CosigningMalformed`."""
    if len(data) > REQUEST_BYTES_MAX:
        raise CosigningMalformed("The request to cosign is far too long.")
    try:
        head, blank, checkpoint = data.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError as error:
        raise CosigningMalformed("The request to cosign is not UTF-8.") from error
    first, *rest = head.split("\n")
    match = _OLD.fullmatch(first)
    if match is None or not blank or not checkpoint:
        raise CosigningMalformed("A request to cosign is a line `old SIZE`, hashes, an empty line and a checkpoint.")
    hashes = [unb64(line) for line in rest]
    proof = tuple(one for one in hashes if one is not None and len(one) == HASH_BYTES)
    if len(proof) != len(hashes) or len(proof) > HASHES_MAX:
        raise CosigningMalformed("The proof in a request to cosign is at most 63 hashes of 32 bytes in base64.")
    return AddCheckpoint(int(match.group(1)), proof, checkpoint)
