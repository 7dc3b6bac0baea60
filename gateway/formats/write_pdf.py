"""A PDF of pages that are pictures with a text layer, byte by byte; `docs/formats/document.md` has the exact form.

Every length, place and name in it follows from pixels and texts: there is no date, no producer, no title, and nothing
stands between the objects or behind the end.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.base.text import HIDDEN
from gateway.formats.model import PAGE_DPI, Box
from gateway.formats.page_boxes import GRID_PX, Text

_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FIRST_OF_FONT = 3
_FIRST_OF_PAGES = 9
_OBJECTS_OF_A_PAGE = 3
_PAIRS_A_BLOCK = 100
_POINTS = 72


@dataclass(frozen=True, slots=True)
class PageImage:
    """The pixels of a page, compressed: `media_type` is image/jpeg (RGB), or None for rows of samples, deflated.

    Such a row has `channels` samples a pixel (1 grey, 3 RGB) of `bits` bits, and the PNG filter "up" before it.
    """

    data: bytes
    media_type: str | None
    channels: int = 3
    bits: int = 8


class PdfWriter:
    """Takes page after page and keeps them compressed."""

    def __init__(self, texts: Iterable[Text], page_count: int) -> None:
        characters = sorted({character for text in texts for character in _speakable(text.text)})
        self._codes = {ord(character): f"{code:04X}" for code, character in enumerate(characters, start=1)}
        self._data = bytearray(_HEADER)
        self._places: list[int] = []
        kids = " ".join(f"{self._page_object(number)} 0 R" for number in range(page_count))
        self._add(b"<< /Type /Catalog /Pages 2 0 R /Lang (und) >>")
        self._add(f"<< /Type /Pages /Count {page_count} /Kids [{kids}] >>".encode())
        if self._codes:
            self._add_font(characters)

    def add_page(self, size_px: tuple[int, int], image: PageImage, texts: Sequence[Text]) -> None:
        """The next page."""
        number = len(self._places) + 1
        font = f" /Font << /T {_FIRST_OF_FONT} 0 R >>" if self._codes else ""
        self._add(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_points(size_px[0])} {_points(size_px[1])}]"
            f" /Resources << /XObject << /P {number + 2} 0 R >>{font} >> /Contents {number + 1} 0 R >>".encode()
        )
        self._add_deflated("", self._content(size_px, texts))
        self._add_stream(_image_head(size_px, image), image.data)

    def finish(self) -> bytes:
        """The whole file."""
        identity = hashlib.sha256(self._data).hexdigest()[:32].encode()
        start = len(self._data)
        count = len(self._places) + 1
        self._data += b"xref\n0 %d\n0000000000 65535 f \n" % count
        self._data += b"".join(b"%010d 00000 n \n" % place for place in self._places)
        self._data += b"trailer\n<< /Size %d /Root 1 0 R /ID [<%b> <%b>] >>\n" % (count, identity, identity)
        self._data += b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(self._data)

    def _page_object(self, number: int) -> int:
        return (_FIRST_OF_PAGES if self._codes else _FIRST_OF_FONT) + _OBJECTS_OF_A_PAGE * number

    def _add(self, body: bytes) -> None:
        self._places.append(len(self._data))
        self._data += b"%d 0 obj\n%b\nendobj\n" % (len(self._places), body)

    def _add_stream(self, head: str, stream: bytes) -> None:
        self._add(b"<< %b/Length %d >>\nstream\n%b\nendstream" % (head.encode(), len(stream), stream))

    def _add_deflated(self, head: str, stream: bytes) -> None:
        self._add_stream(f"{head}/Filter /FlateDecode ", zlib.compress(stream))

    def _add_font(self, characters: Sequence[str]) -> None:
        """A font whose every character is one glyph without a shape, and what each code of it means."""
        self._add(
            b"<< /Type /Font /Subtype /Type0 /BaseFont /Shapeless /Encoding /Identity-H /DescendantFonts [4 0 R]"
            b" /ToUnicode 8 0 R >>"
        )
        self._add(
            b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Shapeless /CIDSystemInfo << /Registry (Adobe)"
            b" /Ordering (Identity) /Supplement 0 >> /FontDescriptor 5 0 R /DW 500 /CIDToGIDMap 7 0 R >>"
        )
        self._add(
            b"<< /Type /FontDescriptor /FontName /Shapeless /Flags 4 /FontBBox [0 -200 500 800] /ItalicAngle 0"
            b" /Ascent 800 /Descent -200 /CapHeight 800 /StemV 80 /FontFile2 6 0 R >>"
        )
        program = shapeless_font()
        self._add_deflated(f"/Length1 {len(program)} ", program)
        self._add_deflated("", bytes(2 * (len(characters) + 1)))
        self._add_deflated("", _to_unicode(characters))

    def _content(self, size_px: tuple[int, int], texts: Sequence[Text]) -> bytes:
        """The picture over the whole page, then invisible text; a unit is a pixel."""
        scale = f"{_POINTS / PAGE_DPI:.2f}".lstrip("0")
        lines = [f"{scale} 0 0 {scale} 0 0 cm", "q", f"{size_px[0]} 0 0 {size_px[1]} 0 0 cm", "/P Do", "Q"]
        spoken = [(text.box, _speakable(text.text)) for text in texts]
        strings = [self._string(box, words, size_px[1]) for box, words in spoken if words]
        if strings:
            lines += ["BT", "3 Tr", *strings, "ET"]
        return "\n".join(lines).encode() + b"\n"

    def _string(self, box: Box, text: str, height_px: int) -> str:
        """One string as wide as its place, every character as wide as the next, on a grid."""
        size = max(box.height_px // 2 * 2, 2)
        left = box.left_px // GRID_PX * GRID_PX
        base = height_px - (box.top_px + box.height_px) + size // 5
        stretch = min(max(200 * box.width_px // (len(text) * size), 1), 999)
        spelled = text.translate(self._codes)
        return f"/T {size} Tf {stretch} Tz 1 0 0 1 {left} {max(base, 0)} Tm <{spelled}> Tj"


def _speakable(text: str) -> str:
    """The text without what shows nothing; whatever else cannot be printed is a space."""
    if text.isprintable() and text.isascii():
        return text.strip()
    plain = HIDDEN.sub("", text)
    return "".join(character if character.isprintable() else " " for character in plain).strip()


def _points(length_px: int) -> str:
    hundredths = length_px * _POINTS * 100 // PAGE_DPI
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _image_head(size_px: tuple[int, int], image: PageImage) -> str:
    head = f"/Type /XObject /Subtype /Image /Width {size_px[0]} /Height {size_px[1]}"
    space = "DeviceGray" if image.channels == 1 else "DeviceRGB"
    head += f" /ColorSpace /{space} /BitsPerComponent {image.bits}"
    if image.media_type is not None:
        return f"{head} /Filter /DCTDecode "
    return (
        f"{head} /Filter /FlateDecode /DecodeParms << /Predictor 12 /Colors {image.channels}"
        f" /BitsPerComponent {image.bits} /Columns {size_px[0]} >> "
    )


def _to_unicode(characters: Sequence[str]) -> bytes:
    pairs = [
        f"<{code:04X}> <{character.encode('utf-16-be').hex().upper()}>"
        for code, character in enumerate(characters, start=1)
    ]
    blocks = [pairs[start : start + _PAIRS_A_BLOCK] for start in range(0, len(pairs), _PAIRS_A_BLOCK)]
    lines = [
        "/CIDInit /ProcSet findresource begin",
        "12 dict begin",
        "begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def",
        "/CMapType 2 def",
        "1 begincodespacerange",
        "<0000> <FFFF>",
        "endcodespacerange",
    ]
    for block in blocks:
        lines += [f"{len(block)} beginbfchar", *block, "endbfchar"]
    lines += ["endcmap", "CMapName currentdict /CMap defineresource pop", "end", "end"]
    return "\n".join(lines).encode() + b"\n"


def shapeless_font() -> bytes:
    """A TrueType program with one glyph, which has no outline and is half an em wide."""
    tables = {
        b"glyf": bytes(4),
        b"head": struct.pack(
            ">IIIIHHqqhhhhHHhhh", 0x10000, 0x10000, 0, 0x5F0F3CF5, 3, 1000, 0, 0, *(0,) * 5, 8, 2, 0, 0
        ),
        b"hhea": struct.pack(">IhhhH11hH", 0x10000, 800, -200, 0, 500, *(0,) * 3, 1, *(0,) * 7, 1),
        b"hmtx": struct.pack(">Hh", 500, 0),
        b"loca": struct.pack(">HH", 0, 0),
        b"maxp": struct.pack(">IHHHHHHHHHHHHHH", 0x10000, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    offset = 12 + 16 * len(tables)
    head = struct.pack(">IHHHH", 0x10000, len(tables), 64, 2, 16 * len(tables) - 64)
    body = b""
    for tag, table in tables.items():
        head += struct.pack(">4sIII", tag, _sum(table), offset + len(body), len(table))
        body += table + bytes(-len(table) % 4)
    program = head + body
    adjustment = offset + len(tables[b"glyf"]) + 8
    checked = (0xB1B0AFBA - _sum(program)) & 0xFFFFFFFF
    return program[:adjustment] + struct.pack(">I", checked) + program[adjustment + 4 :]


def _sum(table: bytes) -> int:
    padded = table + bytes(-len(table) % 4)
    return sum(int.from_bytes(padded[at : at + 4], "big") for at in range(0, len(padded), 4)) & 0xFFFFFFFF
