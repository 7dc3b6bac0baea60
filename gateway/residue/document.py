"""A document that was rebuilt from pages, read again without a PDF library, looked at, and searched.

1. Structure by `document_form`: exactly the objects of these pages, nothing between them and nothing behind. 2. Every
picture inflates or decodes to exactly the pixels of its page; rows are filtered by the row above, and what pads them is
zero. 3. Every declared box is solid black. 4. The visible mark is on every page (`marked`). 5. A page's content is its
picture and invisible strings inside the page; no string that is not a label stands under a box. 6. No withheld value
stands in the text that these strings spell, within a page or across pages, nor in the bytes of the pictures. 7. Where
the mark belongs in the margin alone, each page is the original's beside it and the boxes (`margin`).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gateway.base.text import has_hidden
from gateway.residue import jpeg
from gateway.residue.deflate import inflate
from gateway.residue.document_form import PageImage, Walked, walk
from gateway.residue.jpeg import Broken, Pixels
from gateway.residue.layers import Budget, runs
from gateway.residue.margin import Originals
from gateway.residue.marked import MaskOf, is_marked, not_solid
from gateway.residue.model import NOT_READ, DocumentExpectation, Finding, Kind, Ledger, Rectangle, Report, unique
from gateway.residue.picture import COMPRESSED_BITS, SOLID_LEVELS_OF_JPEG, in_raw
from gateway.residue.text import in_lines
from gateway.residue.values import Needles

PARSERS = ("own page reader", "own unpacker", "libjpeg-turbo")

_UP = 2
_BLACK = (0, 0, 0)
_GRID_PX = 8
_OPENING = ".36 0 0 .36 0 0 cm\nq\n{} 0 0 {} 0 0 cm\n/P Do\nQ\n"
_NUMBER = r"(0|[1-9]\d{0,5})"
_STRING = re.compile(rf"/T {_NUMBER} Tf {_NUMBER} Tz 1 0 0 1 {_NUMBER} {_NUMBER} Tm <((?:[0-9A-F]{{4}})+)> Tj\n")
_LABEL = re.compile(r"\[withheld(?:: [A-Z0-9][A-Z0-9._-]{0,39})?\]")
# From one letter to two, to four, to six in a row: fewer are not looked for in pixels.
_LETTER_STEPS = (1, 2, 2)
# By bits a sample, for little-endian words of one sample a byte.
_UNPACKING = {2: (np.uint32, 0x40100401, 6, 0x03030303, 85), 4: (np.uint16, 0x1001, 4, 0x0F0F, 17)}


@dataclass(frozen=True, slots=True)
class _String:
    """A string of the text layer, and the rectangle that it takes up in the page's pixels."""

    text: str
    place: Rectangle


def check_document(
    data: bytes, expected: DocumentExpectation, needles: Needles, mask_of: MaskOf, reference: bytes = b""
) -> Report:
    """Check 1 to 7. A document that cannot be read is still searched. `reference` are the pixels of the original."""
    ledger = Ledger("document", PARSERS, counts=needles.counts(), read_by=NOT_READ)
    budget = Budget()
    ledger.counts |= {"pages": len(expected.sizes_px), "boxes": sum(map(len, expected.boxes))}
    try:
        walked = walk(data, expected.sizes_px)
        strings = [list(_strings(walked, page, size_px)) for page, size_px in enumerate(expected.sizes_px)]
        ledger.note("structure", [])
        _look(ledger, walked, expected, needles, mask_of, budget, reference)
    except Broken as broken:
        ledger.note("structure", [broken.finding])
        ledger.note("values", unique(in_raw(data, needles, budget)))
        return ledger.report()
    ledger.note("text under boxes", _under_boxes(strings, expected))
    pages = ["\n".join(string.text for string in page) for page in strings]
    ledger.note("text", unique(_in_pages(pages, needles, budget)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    ledger.counts["strings"] = sum(map(len, strings))
    return ledger.report()


def page_pixels(data: bytes, expected: DocumentExpectation, numbers: Iterable[int]) -> Iterator[Pixels]:
    """What these pages show, counted from 0; RGB or grey. Raises `Broken`."""
    walked = walk(data, expected.sizes_px)
    for number in numbers:
        yield _pixels(walked.pages[number].image, expected.sizes_px[number], f"page {number + 1}")[0]


def _look(
    ledger: Ledger,
    walked: Walked,
    expected: DocumentExpectation,
    needles: Needles,
    mask_of: MaskOf,
    budget: Budget,
    reference: bytes,
) -> None:
    """Check 2, 3, 4, 7 and the pictures' part of 6, with the pixels of one page at a time."""
    originals = Originals(expected, reference)
    unlike: list[Finding] = []
    boxes: list[Finding] = []
    marks: list[Finding] = []
    values: list[Finding] = []
    for number, page in enumerate(walked.pages, start=1):
        size_px, covered = expected.sizes_px[number - 1], expected.boxes[number - 1]
        place = f"page {number}"
        pixels, letters = _pixels(page.image, size_px, place)
        levels = SOLID_LEVELS_OF_JPEG if page.image.is_jpeg else 0
        boxes += [Finding(Kind.BOX, f"{place} box {one}") for one in not_solid(pixels, covered, _BLACK, levels)]
        if not is_marked(pixels, covered, expected.mark_text, mask_of):
            marks.append(Finding(Kind.MARK, place))
        if expected.originals_px and not originals.is_seen(number, pixels, is_jpeg=page.image.is_jpeg):
            unlike.append(Finding(Kind.UNLIKE, place))
        hits = needles.in_octets(letters, COMPRESSED_BITS) if letters else ()
        values += [Finding(hit.kind, f"{place} pixel bytes") for hit in hits]
        if page.image.is_jpeg:
            found = in_raw(page.image.stream, needles, budget, COMPRESSED_BITS)
            values += [Finding(one.kind, f"{place} {one.place}") for one in found]
    ledger.note("pixels", [])
    ledger.note("boxes", boxes)
    ledger.note("mark", marks)
    if expected.originals_px:
        ledger.note("likeness", unlike)
    ledger.note("values", unique(values))


def _pixels(image: PageImage, size_px: tuple[int, int], place: str) -> tuple[Pixels, bytes]:
    """The page's pixels, RGB or grey, and whatever in the bytes of its samples could be letters."""
    if image.is_jpeg:
        try:
            walked = jpeg.walk(image.stream)
            pixels = jpeg.decode(image.stream, walked)
        except Broken as broken:
            raise Broken(f"{place} {broken.finding.place}", broken.finding.kind) from broken
        if walked.size_px != size_px or pixels.shape[:2] != (size_px[1], size_px[0]):
            raise Broken(f"{place}: a picture of another size than the page", Kind.SIZE)
        return pixels, b""
    width_px, height_px = size_px
    row_bits = width_px * image.channels * image.bits
    row_bytes = -(-row_bits // 8)
    rows = inflate(image.stream, height_px * (1 + row_bytes), place)
    if len(rows) != height_px * (1 + row_bytes):
        raise Broken(f"{place}: a picture of another size than the page", Kind.SIZE)
    table = np.frombuffer(rows, np.uint8).reshape(height_px, 1 + row_bytes)
    if (table[:, 0] != _UP).any():
        raise Broken(f"{place}: a row that is not filtered by the one above")
    levels = table[:, 1:].copy()
    for above, row in pairwise(levels):
        np.add(above, row, out=row)
    if (levels[:, -1] & ((1 << (8 * row_bytes - row_bits)) - 1)).any():
        raise Broken(f"{place}: bits behind the end of a row")
    samples = _unpacked(levels, image.bits)[:, : width_px * image.channels]
    letters = _letters(rows)
    shape = (height_px, width_px) if image.channels == 1 else (height_px, width_px, image.channels)
    return np.ascontiguousarray(samples).reshape(shape), letters


def _unpacked(levels: Pixels, bits: int) -> Pixels:
    """8-bit samples from bytes that hold two or four: a product sets them apart, another spreads their levels."""
    word, apart, first, kept, spread = _UNPACKING[bits]
    samples = levels.astype(word)
    samples *= word(apart)
    samples >>= word(first)
    samples &= word(kept)
    samples *= word(spread)
    return samples.view(np.uint8)


def _letters(rows: bytes) -> bytes:
    """Runs of octets that could be letters, a zero between them. White and black are most pixels, and no letters."""
    octets = np.frombuffer(rows, np.uint8)
    # 0x20 to 0x7E and 0xA0 to 0xFE
    letter = ((octets & 0x7F) - 0x20) <= 0x5E
    return b"\0".join(rows[begin:end] for begin, end in runs(letter, _LETTER_STEPS))


def _strings(walked: Walked, page: int, size_px: tuple[int, int]) -> Iterator[_String]:
    """Check 5 for one page, but for the boxes. Raises `Broken`."""
    place = f"page {page + 1} content"
    content = walked.pages[page].content.decode("ascii", "replace")
    opening = _OPENING.format(*size_px)
    if not content.startswith(opening):
        raise Broken(f"{place}: not the picture over the whole page")
    rest = content.removeprefix(opening)
    if not rest:
        return
    inner = rest.removeprefix("BT\n3 Tr\n").removesuffix("ET\n")
    if len(rest) - len(inner) != len("BT\n3 Tr\nET\n") or not inner:
        raise Broken(f"{place}: not one invisible text")
    position = 0
    while position < len(inner):
        match = _STRING.match(inner, position)
        if match is None:
            raise Broken(f"{place}: not a string on its place")
        yield _string(match, walked, size_px, place)
        position = match.end()


def _string(match: re.Match[str], walked: Walked, size_px: tuple[int, int], place: str) -> _String:
    size, stretch, left, base = (int(match[group]) for group in range(1, 5))
    if size % 2 or left % _GRID_PX or left >= size_px[0] or base >= size_px[1]:
        raise Broken(f"{place}: a string off the grid")
    codes = struct.unpack(f">{len(match[5]) // 4}H", bytes.fromhex(match[5]))
    try:
        text = "".join([walked.characters[code] for code in codes])
    except KeyError as unknown:
        raise Broken(f"{place}: a character that the font does not have") from unknown
    if has_hidden(text) or not text.isprintable():
        raise Broken(f"{place}: a character that shows nothing")
    width = len(codes) * size * stretch // 200
    return _String(text, (left, size_px[1] - base - size + size // 5, width, size))


def _under_boxes(strings: Sequence[Sequence[_String]], expected: DocumentExpectation) -> Iterator[Finding]:
    for page, (found, boxes) in enumerate(zip(strings, expected.boxes, strict=True), start=1):
        for number, string in enumerate(found, start=1):
            if any(_lies_under(string.place, box) for box in boxes) and not _LABEL.fullmatch(string.text):
                yield Finding(Kind.STRUCTURE, f"page {page} text {number} under a box")


def _lies_under(place: Rectangle, box: Rectangle) -> bool:
    """Whether a box hides more of a string's place than its rim."""
    across = min(place[0] + place[2], box[0] + box[2]) - max(place[0], box[0])
    down = min(place[1] + place[3], box[1] + box[3]) - max(place[1], box[1])
    return 2 * across > min(place[2], place[3]) and 2 * down > place[3]


def _in_pages(pages: Sequence[str], needles: Needles, budget: Budget) -> Iterator[Finding]:
    """Finds by page and line; what only shows across pages is placed in the whole text."""
    across = {hit.kind for hit in needles.in_texts(["\n".join(pages)], budget)}
    if not across:
        return
    for number, text in enumerate(pages, start=1):
        for finding in in_lines(text, f"page {number} text", needles, budget):
            across.discard(finding.kind)
            yield finding
    yield from (Finding(kind, "the text") for kind in sorted(across))
