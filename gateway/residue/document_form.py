"""The one form of PDF that a rebuilt document has, walked byte by byte: whatever is not part of it is a finding.

Rules. 1. A fixed header, then objects numbered from 1, each right behind the one before: catalog, page tree, the six
objects of one font if there is text, and for each page its object, its content and its picture. 2. Every object is the
one that these pages must have, to the byte; only a picture's coding and the lengths of streams may vary. 3. Streams
are deflated, but for JPEG, and inflate to their last byte. 4. The cross-reference table holds the place of every
object; the trailer names their number, the catalog, and as identity the SHA-256 of what stands before the table. 5. The
file ends there. So there is no place for scripts, forms, annotations, attachments, metadata, layers, masks, a second
picture, comments, updates, or bytes that nothing refers to.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.base.units import MIB
from gateway.residue.deflate import inflate
from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind

SIZE = tuple[int, int]

_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FIRST_OF_FONT, _FIRST_AFTER_FONT, _OBJECTS_OF_A_PAGE = 3, 9, 3
_FONT_SHA256 = "8900ab82cd8037905d0bfad2b53f53909dfc2ca453ad8cf66c5567481578ab10"
_MAX_TEXT_BYTES = 16 * MIB
_DPI, _POINTS = 200, 72
_FONT = (
    (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Shapeless /Encoding /Identity-H /DescendantFonts [4 0 R]"
        b" /ToUnicode 8 0 R >>"
    ),
    (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Shapeless /CIDSystemInfo << /Registry (Adobe)"
        b" /Ordering (Identity) /Supplement 0 >> /FontDescriptor 5 0 R /DW 500 /CIDToGIDMap 7 0 R >>"
    ),
    (
        b"<< /Type /FontDescriptor /FontName /Shapeless /Flags 4 /FontBBox [0 -200 500 800] /ItalicAngle 0"
        b" /Ascent 800 /Descent -200 /CapHeight 800 /StemV 80 /FontFile2 6 0 R >>"
    ),
)
_LENGTH = re.compile(rb"/Length ([1-9]\d{0,9}) >>\nstream\n")
_BFCHARS = re.compile(rb"([1-9]\d?|100) beginbfchar\n((?:<[0-9A-F]{4}> <[0-9A-F]{4}(?:[0-9A-F]{4})?>\n)+)endbfchar\n")
_CMAP_HEAD = (
    b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n"
    b"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n"
    b"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
    b"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n"
)
_CMAP_TAIL = b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
_FLAT = {"DeviceGray 2": (1, 2), "DeviceGray 4": (1, 4), "DeviceRGB 4": (3, 4)}


@dataclass(frozen=True, slots=True)
class PageImage:
    """A page's picture as it stands in the file: a JPEG, or deflated rows of samples with so many bits each."""

    stream: bytes
    is_jpeg: bool
    channels: int = 3
    bits: int = 8


@dataclass(frozen=True, slots=True)
class WalkedPage:
    """The content of a page, inflated, and its picture."""

    content: bytes
    image: PageImage


@dataclass(frozen=True, slots=True)
class Walked:
    """Pages in order, and which character each code of the font stands for."""

    pages: tuple[WalkedPage, ...]
    characters: Mapping[int, str]


def walk(data: bytes, sizes_px: Sequence[SIZE]) -> Walked:
    """Check the rules for pages of these sizes. Raises `Broken` at the first one that does not hold."""
    reader = _Reader(data)
    reader.expect(_HEADER, "byte 0: not the header")
    reader.exactly(b"<< /Type /Catalog /Pages 2 0 R /Lang (und) >>")
    has_text = reader.one_of((_tree(len(sizes_px), _FIRST_OF_FONT), _tree(len(sizes_px), _FIRST_AFTER_FONT))) == 1
    characters = _font(reader) if has_text else {}
    pages = tuple(_page(reader, size_px, has_text) for size_px in sizes_px)
    reader.end()
    return Walked(pages, characters)


class _Reader:
    """Objects one after the other, and where each began."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0
        self._places: list[int] = []

    @property
    def number(self) -> int:
        """The number of the object that is read next."""
        return len(self._places) + 1

    def expect(self, wanted: bytes, place: str, kind: Kind = Kind.STRUCTURE) -> None:
        """Go past `wanted`, which must stand here."""
        if not self._data.startswith(wanted, self._position):
            raise Broken(place, kind)
        self._position += len(wanted)

    def exactly(self, body: bytes) -> None:
        """The next object is this one."""
        self.one_of((body,))

    def one_of(self, bodies: Sequence[bytes]) -> int:
        """The next object is one of these: which."""
        number = self.number
        for which, body in enumerate(bodies):
            whole = b"%d 0 obj\n%b\nendobj\n" % (number, body)
            if self._data.startswith(whole, self._position):
                self._places.append(self._position)
                self._position += len(whole)
                return which
        raise Broken(f"object {number}: not the one that must stand there")

    def stream(self, heads: Sequence[str]) -> tuple[int, bytes]:
        """The next object is a stream with one of these dictionaries before its length: which, and its bytes."""
        number, began = self.number, self._position
        for which, head in enumerate(heads):
            opening = b"%d 0 obj\n<< %b" % (number, head.encode())
            match = _LENGTH.match(self._data, began + len(opening))
            if match is None or not self._data.startswith(opening, began):
                continue
            self._places.append(began)
            self._position = match.end() + int(match[1])
            self.expect(b"\nendstream\nendobj\n", f"object {number}: a stream of another length than it says")
            return which, self._data[match.end() : match.end() + int(match[1])]
        raise Broken(f"object {number}: not the stream that must stand there")

    def inflated(self, head: str, most_bytes: int) -> bytes:
        """The next object is a deflated stream: what it holds."""
        number = self.number
        _, body = self.stream((f"{head}/Filter /FlateDecode ",))
        return inflate(body, most_bytes, f"object {number}")

    def end(self) -> None:
        """Only the cross-reference table, the trailer and the end are left."""
        start = self._position
        count = len(self._places) + 1
        identity = hashlib.sha256(self._data[:start]).hexdigest()[:32].encode()
        table = b"xref\n0 %d\n0000000000 65535 f \n" % count
        table += b"".join(b"%010d 00000 n \n" % place for place in self._places)
        self.expect(table, f"byte {start}: not the cross-reference table of these objects")
        trailer = b"trailer\n<< /Size %d /Root 1 0 R /ID [<%b> <%b>] >>\n" % (count, identity, identity)
        self.expect(trailer, f"byte {self._position}: not the trailer of these objects")
        self.expect(b"startxref\n%d\n%%%%EOF\n" % start, f"byte {self._position}: not the end", Kind.TRAILING)
        left = len(self._data) - self._position
        if left:
            raise Broken(f"byte {self._position}: {left} bytes after the end", Kind.TRAILING)


def _tree(count: int, first: int) -> bytes:
    kids = " ".join(f"{first + _OBJECTS_OF_A_PAGE * page} 0 R" for page in range(count))
    return f"<< /Type /Pages /Count {count} /Kids [{kids}] >>".encode()


def _page(reader: _Reader, size_px: SIZE, has_text: bool) -> WalkedPage:
    width, height = (f"{length * _POINTS / _DPI:.3f}"[:-1] for length in size_px)
    font = f" /Font << /T {_FIRST_OF_FONT} 0 R >>" if has_text else ""
    number = reader.number
    reader.exactly(
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << /XObject"
        f" << /P {number + 2} 0 R >>{font} >> /Contents {number + 1} 0 R >>".encode()
    )
    content = reader.inflated("", _MAX_TEXT_BYTES)
    image = f"/Type /XObject /Subtype /Image /Width {size_px[0]} /Height {size_px[1]} /ColorSpace /"
    heads = [f"{image}DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode "]
    for space, (channels, bits) in _FLAT.items():
        heads.append(
            f"{image}{space.split()[0]} /BitsPerComponent {bits} /Filter /FlateDecode /DecodeParms << /Predictor 12"
            f" /Colors {channels} /BitsPerComponent {bits} /Columns {size_px[0]} >> "
        )
    which, stream = reader.stream(heads)
    if which == 0:
        return WalkedPage(content, PageImage(stream, is_jpeg=True))
    return WalkedPage(content, PageImage(stream, False, *list(_FLAT.values())[which - 1]))


def _font(reader: _Reader) -> dict[int, str]:
    """What its codes mean; everything else about it is always the same."""
    for body in _FONT:
        reader.exactly(body)
    program = reader.inflated("/Length1 244 ", MIB)
    if hashlib.sha256(program).hexdigest() != _FONT_SHA256:
        raise Broken("object 6: not the font")
    shapes = reader.inflated("", MIB)
    characters = _characters(reader.inflated("", _MAX_TEXT_BYTES))
    if shapes != bytes(2 * (len(characters) + 1)):
        raise Broken("object 7: not the one glyph for every character")
    return characters


def _characters(table: bytes) -> dict[int, str]:
    """Codes from 1 without a gap, each with one character; characters in order, none twice."""
    wrong = Broken("object 8: not a table of characters in order")
    if not (table.startswith(_CMAP_HEAD) and table.endswith(_CMAP_TAIL)):
        raise wrong
    characters: dict[int, str] = {}
    position, end = len(_CMAP_HEAD), len(table) - len(_CMAP_TAIL)
    while position < end:
        match = _BFCHARS.match(table, position, end)
        if match is None or int(match[1]) != match[2].count(b"\n"):
            raise wrong
        for line in match[2].decode().splitlines():
            code, spelled = (bytes.fromhex(word[1:-1]) for word in line.split())
            character = spelled.decode("utf-16-be", "replace")
            last = characters.get(len(characters), "")
            if int.from_bytes(code, "big") != len(characters) + 1 or len(character) != 1 or character <= last:
                raise wrong
            characters[len(characters) + 1] = character
        position = match.end()
    if not characters:
        raise wrong
    return characters
