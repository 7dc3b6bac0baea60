"""H.264 (ITU-T H.264) read as the gate trusts it: parameter sets and slice headers, bit by bit, of the plainest form.

Rules, each a finding when broken: 1. A unit holds no more escapes than it needs and ends with its stop bit. 2. One
sequence of constrained baseline: one reference, output in the order of coding, no cropping, colours and clock as
expected, nothing reserved. 3. One picture of variable-length codes, no slice groups, no weights. 4. Every frame is one
slice that begins at its first macroblock; each frame at its turn stands for itself, the others name the one before.
What follows the slice's header is the decoder's to account for, to the bit (`video`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind

SECONDS_PER_KEY = 2
_LEVELS = frozenset({10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52})
_FORBIDDEN = re.compile(rb"\x00\x00[\x00-\x02]")
_ESCAPE = re.compile(rb"\x00\x00\x03")
_KEY, _OTHER, _SPS, _PPS = 0x65, 0x41, 0x67, 0x68
_BASELINE, _CONSTRAINED = 66, 0xC0
_UNSPECIFIED_VIDEO = 5


@dataclass(frozen=True, slots=True)
class Sequence:
    """What slices need to know: how many bits number a frame."""

    frame_bits: int


class _Bits:
    """The bits of one unit, in order."""

    def __init__(self, unit: bytes, place: str) -> None:
        self.place = place
        self._data = _plain(unit[1:], place)
        self._end = 8 * len(self._data)
        self._position = 0

    def number(self, bits: int) -> int:
        """An unsigned number of so many bits."""
        end = self._position + bits
        if end > self._end:
            raise self.broken("cut off")
        first, last = self._position // 8, -(-end // 8)
        word = int.from_bytes(self._data[first:last])
        self._position = end
        return word >> (8 * last - end) & ((1 << bits) - 1)

    def golomb(self) -> int:
        """ue(v): an unsigned number of its own length."""
        zeros = 0
        while not self.number(1):
            zeros += 1
            if zeros > 31:
                raise self.broken("a number out of bounds")
        return (1 << zeros) - 1 + self.number(zeros)

    def signed(self) -> int:
        """se(v)."""
        code = self.golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def exactly(self, what: str, *wanted: tuple[int, int]) -> None:
        """Numbers of so many bits, each of which must be this one; 0 bits stand for ue(v)."""
        for bits, value in wanted:
            if (self.number(bits) if bits else self.golomb()) != value:
                raise self.broken(what)

    def end(self) -> None:
        """Only the stop bit is left."""
        left = self._end - self._position
        if not 0 < left <= 8 or self.number(left) != 1 << (left - 1):
            raise self.broken("bits behind the last field")

    def broken(self, what: str) -> Broken:
        return Broken(f"{self.place}: {what}")


def _plain(body: bytes, place: str) -> bytes:
    """Rule 1: the bytes without their escapes."""
    if _FORBIDDEN.search(body) or not body or body[-1] == 0:
        raise Broken(f"{place}: a start code, or zeros at its end")
    for match in _ESCAPE.finditer(body):
        if body[match.end() : match.end() + 1] > b"\x03" or match.end() == len(body):
            raise Broken(f"{place}: an escape that nothing needs")
    return _ESCAPE.sub(b"\x00\x00", body)


def sequence(unit: bytes, size_px: tuple[int, int], fps: int, matrix: int) -> Sequence:
    """Rule 2. Raises `Broken`."""
    bits = _Bits(unit, "sequence parameters")
    if unit[:1] != bytes([_SPS]) or bits.number(8) != _BASELINE or bits.number(8) != _CONSTRAINED:
        raise bits.broken("not of constrained baseline")
    if bits.number(8) not in _LEVELS:
        raise bits.broken("an unknown level")
    bits.exactly("another sequence", (0, 0))
    frame_bits = bits.golomb() + 4
    if frame_bits > 16:
        raise bits.broken("frame numbers out of bounds")
    bits.exactly("frames out of order, or other references", (0, 2), (0, 1), (1, 0))
    if ((bits.golomb() + 1) * 16, (bits.golomb() + 1) * 16) != size_px:
        raise Broken("sequence parameters", Kind.SIZE)
    bits.exactly("fields, or a cropped picture", (1, 1), (1, 1), (1, 0))
    bits.exactly("no description", (1, 1), (1, 0), (1, 0), (1, 1), (3, _UNSPECIFIED_VIDEO), (1, 0), (1, 1))
    bits.exactly("other colours", (8, matrix), (8, matrix), (8, matrix), (1, 0))
    bits.exactly("another clock", (1, 1), (32, 1), (32, 2 * fps), (1, 1))
    bits.exactly("buffers, or frames out of order", (1, 0), (1, 0), (1, 0), (1, 1), (1, 1), (0, 0), (0, 0))
    if max(bits.golomb(), bits.golomb()) > 16:
        raise bits.broken("motion out of bounds")
    bits.exactly("frames out of order", (0, 0), (0, 1))
    bits.end()
    return Sequence(frame_bits)


def picture(unit: bytes) -> None:
    """Rule 3. Raises `Broken`."""
    bits = _Bits(unit, "picture parameters")
    if unit[:1] != bytes([_PPS]):
        raise bits.broken("not what must stand there")
    bits.exactly(
        "another picture, or other codes", (0, 0), (0, 0), (1, 0), (1, 0), (0, 0), (0, 0), (0, 0), (1, 0), (2, 0)
    )
    if max(abs(bits.signed()), abs(bits.signed()), abs(bits.signed())) > 26:
        raise bits.broken("quantisers out of bounds")
    bits.exactly("other filters or slices", (1, 1), (1, 0), (1, 0))
    bits.end()


def frame(unit: bytes, number: int, fps: int, told: Sequence) -> None:
    """Rule 4 for the frame with this number, counted from 0. Raises `Broken`."""
    place = f"frame {number + 1}"
    # A header takes a few bytes; the rest need only be free of start codes.
    _plain(unit[1:], place)
    bits = _Bits(unit[:1] + _head(unit), place)
    group, turn = divmod(number, SECONDS_PER_KEY * fps)
    if unit[0] != (_OTHER if turn else _KEY):
        raise bits.broken("not the sort of frame that must stand there")
    bits.exactly("not one slice over the whole frame", (0, 0), (0, 5 if turn else 7), (0, 0))
    bits.exactly("another number", (told.frame_bits, turn % (1 << told.frame_bits)))
    if turn:
        bits.exactly("other references", (1, 0), (1, 0), (1, 0))
    else:
        bits.exactly("other references", (0, group % 2), (1, 0), (1, 0))
    if abs(bits.signed()) > 51:
        raise bits.broken("quantisers out of bounds")
    bits.exactly("other filters", (0, 0), (0, 0), (0, 0))


def _head(unit: bytes) -> bytes:
    """The first bytes of a slice as a unit of their own; its header is shorter than they are."""
    return unit[1:40].rstrip(b"\0") or b"\x80"
