"""Inflates what the gateway deflated, and refuses a stream that holds more than its content (RFC 1950, RFC 1951).

A stream ends within a byte; the bits left over in it are read by nobody, so that seven of them could carry something.
They have to be zero. Which of several encodings of one content was chosen is not judged.
"""

from __future__ import annotations

import zlib

from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind


def inflate(stream: bytes, most_bytes: int, place: str, *, bare: bool = False) -> bytes:
    """All that a stream holds, at most `most_bytes`; a `bare` one has no head and no sum. Raises `Broken`."""
    window, sum_bytes = (-zlib.MAX_WBITS, 0) if bare else (zlib.MAX_WBITS, 4)
    last = max(0, len(stream) - sum_bytes - 1)
    view, decoder = memoryview(stream), zlib.decompressobj(window)
    try:
        content = decoder.decompress(view[:last], most_bytes + 1)
        before_last = decoder.copy()
        rest = decoder.decompress(view[last:], most_bytes + 1 - len(content)) if len(content) <= most_bytes else b""
    except zlib.error as error:
        raise Broken(f"{place}: not zlib", Kind.UNREADABLE) from error
    if len(content) + len(rest) > most_bytes or not decoder.eof:
        raise Broken(f"{place}: a compressed stream without its end")
    if decoder.unused_data or decoder.unconsumed_tail:
        raise Broken(f"{place}: bytes behind the end of a compressed stream", Kind.TRAILING)
    if _is_padded(before_last, stream[last:], rest):
        raise Broken(f"{place}: bits behind the end of a compressed stream", Kind.TRAILING)
    return content + rest


def _is_padded(before_last: zlib._Decompress, tail: bytes, rest: bytes) -> bool:
    """Whether the highest bit set in the last byte changes nothing: a bit of a code would."""
    without = tail[0] & ~(1 << tail[0].bit_length() >> 1)
    try:
        return without != tail[0] and before_last.decompress(bytes((without,)) + tail[1:]) == rest and before_last.eof
    except zlib.error:
        return False
