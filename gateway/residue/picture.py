"""A JPEG or PNG read again with decoders that the rebuild does not use, looked at, and searched.

1. Structure by `jpeg` or `png`: an allow-list, and nothing behind the end. 2. The size is the expected one, in the
header and in the decoded pixels. 3. Every declared box is one solid colour. 4. The visible mark is there (`marked`).
5. No withheld value stands in the bytes.
6. Where a fingerprint is expected it is there, and nothing else differs from the original (`fingerprinted`).

Boxes. In a PNG every pixel of a box has the boxes' colour. A JPEG is coded in blocks of 8 pixels at full resolution in
every channel (`jpeg` insists), and boxes grow to a grid of 16, so nothing beside a box can reach into it: no channel
may differ from the colour by more than 2 levels (measured: 0 at qualities 75 to 95). At a quality of 88 a
single pixel that was off by 24 levels before coding was found 60 times in 60; one off by 8 is gone after coding, for a
reader too.

Bytes. Compressed pixels look random, so a value must say enough not to be met by chance there (`COMPRESSED_BITS`, six
letters); outside of them every value counts that is searched at all. Values too short for that have no place of their
own left in a picture: a metadata tag would have broken the structure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.base.units import KIB, MIB
from gateway.residue import jpeg, png
from gateway.residue.alike import is_alike
from gateway.residue.fingerprinted import is_fingerprinted
from gateway.residue.jpeg import Broken, Pixels
from gateway.residue.layers import Budget
from gateway.residue.marked import MaskOf, is_marked, not_solid
from gateway.residue.model import NOT_READ, Finding, Kind, Ledger, PictureExpectation, Report, unique
from gateway.residue.values import Needles

JPEG, PNG = "image/jpeg", "image/png"
COMPRESSED_BITS = 28.0

SOLID_LEVELS_OF_JPEG = 2

_STRIDE_BYTES = MIB
_OVERLAP_BYTES = 4 * KIB


@dataclass(frozen=True, slots=True)
class _Reading:
    """One picture taken apart: pixels, compressed parts and the rest of its bytes, and what the header says."""

    size_px: tuple[int, int]
    pixels: Pixels
    compressed: bytes
    inflated: bytes
    loose: tuple[bytes, ...]


def check_picture(
    data: bytes,
    expected: PictureExpectation,
    needles: Needles,
    mask_of: MaskOf,
    wanted: Pixels | None = None,
    plain: bytes = b"",
) -> Report:
    """Check 1 to 6. A picture that cannot be read is still searched. `wanted` is what it must show beside its boxes,
    `plain` what it showed before fingerprint and mark were laid over it.
    """
    is_jpeg = expected.media_type == JPEG
    parsers = ("own JPEG walker", "libjpeg-turbo") if is_jpeg else ("own PNG walker", "own PNG unfilter")
    ledger = Ledger("picture", parsers, counts=needles.counts(), read_by=NOT_READ)
    budget = Budget()
    try:
        reading = _read_jpeg(data) if is_jpeg else _read_png(data)
    except Broken as broken:
        ledger.note("structure", [broken.finding])
        ledger.note("values", unique(in_raw(data, needles, budget)))
        return ledger.report()
    ledger.note("structure", [])
    if ledger.note("size", _size(reading, expected)):
        levels = SOLID_LEVELS_OF_JPEG if is_jpeg else 0
        loose = not_solid(reading.pixels, expected.boxes, expected.box_colour, levels)
        ledger.note("boxes", (Finding(Kind.BOX, f"box {number}") for number in loose))
        marked = is_marked(reading.pixels, expected.boxes, expected.mark_text, mask_of)
        ledger.note("mark", [] if marked else [Finding(Kind.MARK, "the picture")])
        if wanted is not None:
            alike = is_alike(reading.pixels, wanted, expected.boxes, is_jpeg=is_jpeg)
            ledger.note("likeness", [] if alike else [Finding(Kind.UNLIKE, "the picture")])
        if expected.seed:
            found = is_fingerprinted(reading.pixels, plain, expected)
            ledger.note("fingerprint", [] if found else [Finding(Kind.FINGERPRINT, "the picture")])
    ledger.note("values", unique(_values(reading, needles, budget)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    ledger.counts["boxes"] = len(expected.boxes)
    return ledger.report()


def picture_pixels(data: bytes, media_type: str) -> Pixels:
    """What the picture shows. Raises `Broken`."""
    return (_read_jpeg(data) if media_type == JPEG else _read_png(data)).pixels


def _read_jpeg(data: bytes) -> _Reading:
    walked = jpeg.walk(data)
    scan = data[slice(*walked.scan)]
    return _Reading(walked.size_px, jpeg.decode(data, walked), scan, b"", tuple(walked.segments))


def _read_png(data: bytes) -> _Reading:
    walked = png.walk(data)
    rows = png.inflate(walked)
    return _Reading(walked.size_px, png.unfilter(rows, walked.size_px), walked.stream, rows, ())


def _size(reading: _Reading, expected: PictureExpectation) -> Iterator[Finding]:
    height_px, width_px = reading.pixels.shape[:2]
    if reading.size_px != expected.size_px or (width_px, height_px) != expected.size_px:
        yield Finding(Kind.SIZE, "the picture")


def _values(reading: _Reading, needles: Needles, budget: Budget) -> Iterator[Finding]:
    for hit in needles.in_bytes(reading.loose, budget):
        yield Finding(hit.kind, f"segment {hit.unit + 1}")
    if not reading.inflated:
        yield from in_raw(reading.compressed, needles, budget, COMPRESSED_BITS)
    # Every byte of a PNG's stream becomes a pixel. Pixels are no archive: flat colour is full of what looks like the
    # head of a compressed stream.
    for start, window in _windows(reading.inflated):
        for hit in needles.in_octets(window, COMPRESSED_BITS):
            yield Finding(hit.kind, f"pixel bytes {start} to {start + len(window)}")


def in_raw(data: bytes, needles: Needles, budget: Budget | None, least_bits: float = 0.0) -> Iterator[Finding]:
    """Every find in bytes, window by window, so that memory stays bounded; places are windows."""
    for start, window in _windows(data):
        for hit in needles.in_bytes([window], budget, least_bits):
            yield Finding(hit.kind, f"bytes {start} to {start + len(window)}")


def _windows(data: bytes) -> Iterator[tuple[int, bytes]]:
    for start in range(0, len(data), _STRIDE_BYTES):
        yield start, data[start : start + _STRIDE_BYTES + _OVERLAP_BYTES]
