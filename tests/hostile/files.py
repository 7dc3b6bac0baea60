"""The hostile files: under which kind each is sent, and how it is answered.

The answer is a piece of the one sentence that refuses the file, or `READ` where nothing is wrong with reading it: then
it has been read within the bounds.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from tests.hostile import archives, pdfs
from tests.hostile.archives import GIB, HEAD, MIB, TAIL, Member, crc_of, packed, stored, xlsx, zeros
from tests.support import documents, workbooks
from tests.support.documents import line, page

READ: Final = ""
TABLE, PHOTO, PAPER, DATA = "customer_list", "production_photo", "contract", "technical_details"


@dataclass(frozen=True)
class Hostile:
    """One file: its kind, how it is made, how it is answered."""

    kind: str
    make: Callable[[], bytes]
    answer: str


def external(address: str, name: str = "x") -> str:
    """A document type that asks for what lies elsewhere."""
    return f'<!DOCTYPE {name} [<!ENTITY e SYSTEM "{address}"><!ENTITY % p SYSTEM "{address}"> %p;]>'


def laughs(name: str = "x") -> str:
    """A document type whose last entity is a thousand million times its first."""
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE {name} [<!ENTITY l0 "lol">{entities}]>'


def sheet_with(doctype: str, reference: str) -> bytes:
    """A sheet of a workbook under a document type."""
    return archives.text_cells(reference).replace(b"?>", b"?>" + doctype.encode(), 1)


def ods_in(encoding: str) -> bytes:
    """An OpenDocument spreadsheet that says it is in this encoding."""
    return ods_with("", encoding=encoding)


def ods_with(doctype: str, row: bytes = b"", encoding: str = "UTF-8") -> bytes:
    """An OpenDocument spreadsheet under a document type, with one more row."""
    honest = workbooks.ods(archives.ROWS)
    with zipfile.ZipFile(io.BytesIO(honest)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    content = members["content.xml"].replace(b"?>", b"?>" + doctype.encode(), 1)
    content = content.replace(b"UTF-8", encoding.encode(), 1)
    members["content.xml"] = content.replace(b"</table:table>", row + b"</table:table>")
    return packed(*(stored(name.encode(), data) for name, data in members.items()))


def xml(doctype: str, reference: str) -> bytes:
    """A document under a document type."""
    return f"<?xml version='1.0'?>{doctype}<x>{reference}</x>".encode()


def drawing() -> bytes:
    """An SVG that asks for what lies elsewhere."""
    return f"{external('file:///etc/passwd', 'svg')}<svg xmlns='http://www.w3.org/2000/svg'>&e;</svg>".encode()


def repeated_row(times: str) -> bytes:
    """A row of an OpenDocument spreadsheet that says so often it is there."""
    cell = '<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>'
    return f'<table:table-row table:number-rows-repeated="{times}">{cell * 2}</table:table-row>'.encode()


def valueless(sort: str) -> bytes:
    """A row of a cell that states a type and no value."""
    return f'<table:table-row><table:table-cell office:value-type="{sort}"/></table:table-row>'.encode()


def photo(kind: str = "JPEG", size: tuple[int, int] = (320, 240)) -> bytes:
    """An honest picture."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind)
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    """A PNG that says it is so large, and has as much to inflate."""
    chunks = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", b"\x78\x9c" + zeros(256, b"\0")),
        (b"IEND", b""),
    )
    told = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)


def claiming(data: bytes, at: int, layout: str, *numbers: int | bytes) -> bytes:
    """The same bytes with other numbers at a place."""
    told = struct.pack(layout, *numbers)
    return data[:at] + told + data[at + len(told) :]


def grid() -> bytes:
    """A HEIC whose grid has 256 by 256 tiles."""
    data = (Path(__file__).parents[1] / "vectors" / "picture" / "plain.heic").read_bytes()
    at = data.index(b"ispe")
    while at >= 0:
        data = claiming(data, at + 8, ">II", 131_072, 131_072)
        at = data.find(b"ispe", at + 4)
    return data.replace(b"hvc1\0", b"grid\0", 1)


def javascript_gif() -> bytes:
    """A GIF that is a script as well: its width is the beginning of a comment."""
    return claiming(photo("GIF", (64, 64)), 6, "<2s", b"/*") + b"*/=1;alert(1)//"


def truncated(data: bytes, part: float) -> Callable[[], bytes]:
    """The first so many of these bytes."""
    return lambda: data[: int(len(data) * part)]


def lines_of(*rows: str) -> bytes:
    return "\r\n".join(rows).encode()


BOMB = Member(archives.SHEET.encode(), zeros(1024), GIB, 0)
LIE = Member(archives.SHEET.encode(), zeros(1024), 4096, crc_of(0))
LISTED = lines_of("Customer,Country", *(f"Kunde {n},DE" for n in range(50)))
ELSEWHERE: Final = "http://127.0.0.1:9/canary"

ARCHIVES: Mapping[str, Hostile] = {
    "a sheet of a gibibyte in one megabyte": Hostile(TABLE, lambda: xlsx(BOMB), "512 MiB or 100 times"),
    "a sheet that inflates to more than it says": Hostile(TABLE, lambda: xlsx(LIE), "damaged"),
    "a bomb of bombs of bombs": Hostile(TABLE, lambda: archives.nested(2), "archive"),
    "a thousand names for the same bytes": Hostile(TABLE, lambda: archives.overlapping(1000), "archive"),
    "a workbook beside a thousand names": Hostile(
        TABLE, lambda: xlsx(None, *(stored(b"%d" % n, b"") for n in range(3000))), "2000 parts"
    ),
    "a sheet that is there twice": Hostile(
        TABLE, lambda: xlsx(None, stored(archives.SHEET.encode(), archives.text_cells("two"))), "damaged"
    ),
    "a member that climbs": Hostile(TABLE, lambda: xlsx(None, stored(b"../../../../tmp/canary", b"x")), "damaged"),
    "a member of the root folder": Hostile(TABLE, lambda: xlsx(None, stored(b"/etc/cron.d/canary", b"x")), "damaged"),
    "a member of another drive": Hostile(TABLE, lambda: xlsx(None, stored(b"C:\\canary", b"x")), "damaged"),
    "members that are links": Hostile(
        TABLE,
        lambda: packed(*archives.honest(), stored(b"xl/worksheets/sheet9.xml", b"/etc/passwd"), attributes=0xA1FF0000),
        READ,
    ),
    "a workbook with a password on its members": Hostile(
        TABLE, lambda: xlsx(None, stored(b"locked", b"x" * 20, flags=1)), "encrypted"
    ),
    "a workbook that asks for a file": Hostile(
        TABLE, lambda: xlsx(sheet_with(external("file:///etc/passwd"), "&e;")), "damaged"
    ),
    "a workbook that asks the network": Hostile(TABLE, lambda: xlsx(sheet_with(external(ELSEWHERE), "&e;")), "damaged"),
    "a workbook of a thousand million laughs": Hostile(TABLE, lambda: xlsx(sheet_with(laughs(), "&l9;")), "damaged"),
    "a spreadsheet that asks for a file": Hostile(TABLE, lambda: ods_with(external("file:///etc/passwd")), "damaged"),
    "a spreadsheet of laughs": Hostile(TABLE, lambda: ods_with(laughs()), "damaged"),
    "a spreadsheet of rows without end": Hostile(TABLE, lambda: ods_with("", repeated_row("99999999")), "damaged"),
    "a spreadsheet in an encoding that nobody knows": Hostile(TABLE, lambda: ods_in("x-user-defined"), "damaged"),
    "a spreadsheet in an encoding of many bytes": Hostile(TABLE, lambda: ods_in("gb18030"), "damaged"),
    "a number that is none": Hostile(TABLE, lambda: ods_with("", valueless("float")), "damaged"),
    "a row repeated a number of times of five thousand digits": Hostile(
        TABLE, lambda: ods_with("", repeated_row("9" * 5000)), "damaged"
    ),
    "a workbook of a version to come": Hostile(
        TABLE, lambda: xlsx().replace(b"PK\x01\x02\x14\x03\x14", b"PK\x01\x02\x14\x03\x63"), "damaged"
    ),
    "a million tags that open": Hostile(TABLE, lambda: xlsx(HEAD + b"<row>" * 1_000_000), "No visible sheet"),
    "a cell in the last column of the last row": Hostile(
        TABLE, lambda: xlsx(HEAD + b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>' + TAIL), "1024 columns"
    ),
    "half a workbook": Hostile(TABLE, truncated(xlsx(), 0.5), "damaged"),
    "all but the last byte of a workbook": Hostile(TABLE, lambda: xlsx()[:-1], "damaged"),
    "a workbook behind a picture": Hostile(TABLE, lambda: photo("GIF") + xlsx(), "no format"),
}

PAPERS: Mapping[str, Hostile] = {
    "a page of a gibibyte": Hostile(PAPER, lambda: pdfs.bomb(1024), "died"),
    "a content deflated thirty times": Hostile(PAPER, lambda: pdfs.packed_again(30), READ),
    "pages ten thousand deep": Hostile(PAPER, lambda: pdfs.tree(10_000), "damaged"),
    "a thousand million pages": Hostile(
        PAPER, lambda: pdfs.pages(1, b"").replace(b"/Count 1 ", b"/Count 2147483647 "), READ
    ),
    "three hundred pages of curves": Hostile(PAPER, lambda: pdfs.pages(301, b"0 0 m 9 9 l S"), "300 pages"),
    "pages that are their own parents": Hostile(
        PAPER, lambda: documents.raw(pdfs.CATALOG, "<< /Type /Pages /Count 1 /Kids [2 0 R] >>"), "damaged"
    ),
    "a table of references that refers to itself": Hostile(
        PAPER, lambda: page(line("x")).replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 9"), READ
    ),
    "a table of references without end": Hostile(PAPER, pdfs.reference_stream, READ),
    "a stream of objects of a gibibyte": Hostile(PAPER, lambda: pdfs.object_stream(1024), READ),
    "a page as large as a country": Hostile(
        PAPER, lambda: page(line("x"), box="0 0 999999999 999999999"), "five metres"
    ),
    "a page that is no number wide": Hostile(PAPER, lambda: page(line("x"), box="0 0 nan inf"), READ),
    "a page of JBIG2": Hostile(PAPER, pdfs.jbig2, READ),
    "a page of JPEG 2000": Hostile(PAPER, pdfs.jpx, READ),
    "a glyph that writes itself": Hostile(PAPER, pdfs.glyphs_of_glyphs, READ),
    "a pattern of invisible steps": Hostile(PAPER, pdfs.tiles, "of the processor"),
    "a shading of fifty thousand steps": Hostile(PAPER, pdfs.shading, "of the processor"),
    "curves in the finest dashes": Hostile(PAPER, lambda: pdfs.curves(60), READ),
    "a script that runs when it is opened": Hostile(
        PAPER,
        lambda: page(line("x"), catalog="/OpenAction << /S /JavaScript /JS (while\\(1\\);) >>"),
        READ,
    ),
    "half a document": Hostile(PAPER, truncated(documents.document(["One"], ["Two"]), 0.5), "damaged"),
    "a document that is an archive too": Hostile(PAPER, lambda: page(line("x")) + xlsx(), READ),
    "a document behind a picture": Hostile(PAPER, lambda: photo() + page(line("x")), "no format"),
    "an archive that is a document too": Hostile(PAPER, lambda: packed(stored(b"a.pdf", page(line("x")))), "archive"),
}

PHOTOS: Mapping[str, Hostile] = {
    "a PNG of four gigapixels": Hostile(PHOTO, lambda: png(65_000, 65_000), "80 million"),
    "a PNG that inflates to more than its pixels": Hostile(PHOTO, lambda: png(8, 8), READ),
    "a JPEG of four gigapixels": Hostile(
        PHOTO, lambda: claiming(photo(), photo().index(b"\xff\xc0") + 5, ">HH", 65_500, 65_500), "80 million"
    ),
    "a GIF of four gigapixels": Hostile(PHOTO, lambda: claiming(photo("GIF"), 6, "<HH", 65_535, 65_535), "80 million"),
    "a TIFF of a thousand gigapixels": Hostile(
        PHOTO,
        lambda: (
            b"II*\0\x08\0\0\0\x05\0"
            + b"".join(
                struct.pack("<HHII", *entry)
                for entry in (
                    (256, 4, 1, 1 << 20),
                    (257, 4, 1, 1 << 20),
                    (262, 3, 1, 1),
                    (273, 4, 1, 8),
                    (279, 4, 1, 9),
                )
            )
            + bytes(40)
        ),
        "80 million",
    ),
    "a WebP of sixteen thousand by sixteen thousand": Hostile(
        PHOTO,
        lambda: claiming(photo("WEBP"), photo("WEBP").index(b"\x9d\x01\x2a") + 3, "<HH", 16_383, 16_383),
        "80 million",
    ),
    "a HEIC of a grid without end": Hostile(PHOTO, grid, "damaged"),
    "a GIF that is a script": Hostile(PHOTO, javascript_gif, READ),
    "a PNG that is an archive": Hostile(PHOTO, lambda: photo("PNG") + xlsx(), READ),
    "a JPEG that is a document": Hostile(PHOTO, lambda: photo() + page(line("x")), READ),
    "a drawing that asks for a file": Hostile(PHOTO, drawing, "no format"),
    "a third of a picture": Hostile(PHOTO, truncated(photo(), 0.3), "damaged"),
    "a program named picture": Hostile(PHOTO, lambda: b"MZ\x90\0" + bytes(4000), "program"),
    "a table named picture": Hostile(PHOTO, lambda: LISTED, "no format"),
}

TEXTS: Mapping[str, Hostile] = {
    "JSON a million deep": Hostile(DATA, lambda: b"[" * 1_000_000 + b"]" * 1_000_000, "deeper than 64"),
    "JSON of objects a million deep": Hostile(
        DATA, lambda: b'{"a":' * 500_000 + b"1" + b"}" * 500_000, "deeper than 64"
    ),
    "a number of a million digits": Hostile(DATA, lambda: b'{"mass": ' + b"9" * 1_000_000 + b"}", "32768 characters"),
    "a number with an exponent": Hostile(DATA, lambda: b'{"mass": 1e3}', READ),
    "a number beyond all bounds": Hostile(DATA, lambda: b'{"mass": 1e999999999}', READ),
    "half of a character": Hostile(DATA, lambda: b'{"grade": "N42\\ud800SH"}', "control character"),
    "no number": Hostile(DATA, lambda: b'{"mass": NaN}', "strict JSON"),
    "a NUL in JSON": Hostile(DATA, lambda: b'{"grade": "N42\\u0000SH"}', "control character"),
    "one key of four megabytes": Hostile(DATA, lambda: json.dumps({"k" * 4 * MIB: 1}).encode(), "200 characters"),
    "a hundred thousand keys": Hostile(
        DATA, lambda: json.dumps({f"k{n}": n for n in range(100_000)}).encode(), "1000 different"
    ),
    "XML a hundred thousand deep": Hostile(DATA, lambda: b"<?xml version='1.0'?>" + b"<a>" * 100_000, "deeper than 64"),
    "XML that asks for a file": Hostile(DATA, lambda: xml(external("file:///etc/passwd"), "&e;"), "document type"),
    "XML that asks the network": Hostile(DATA, lambda: xml(external(ELSEWHERE), "&e;"), "document type"),
    "XML of a thousand million laughs": Hostile(DATA, lambda: xml(laughs(), "&l9;"), "document type"),
    "one element with a hundred thousand attributes": Hostile(
        DATA,
        lambda: b"<?xml version='1.0'?><x " + b" ".join(b"a%d='1'" % n for n in range(100_000)) + b"/>",
        "1000 different",
    ),
    "XML in an encoding that nobody knows": Hostile(
        DATA, lambda: b"<?xml version='1.0' encoding='x-user-defined'?><x>1</x>", "well-formed"
    ),
    "four hundred thousand lines": Hostile(DATA, lambda: b"Grade: N42\n" * 400_001, "400000 parts"),
    "a table of one line of 48 megabytes": Hostile(TABLE, lambda: b"Customer,Country\n" + b"x" * 48 * MIB, "32768"),
    "a quote that never closes": Hostile(TABLE, lambda: LISTED + b'\r\n"' + b"x,y\r\n" * 2_000_000, "32768"),
    "a table of a million columns": Hostile(TABLE, lambda: b"a," * 1_000_000 + b"a\n", "1024 columns"),
    "a table of nothing but NUL": Hostile(TABLE, lambda: LISTED + bytes(2 * MIB), "no format"),
    "a table of NUL among letters of another encoding": Hostile(
        TABLE, lambda: LISTED + b"\r\nx,DE" * 1000 + "\r\nMüller,D\0E".encode("cp1252"), "control character"
    ),
    "a table in three encodings": Hostile(
        TABLE,
        lambda: LISTED + "\r\nMüller,DE".encode("cp1252") + "\r\n赣州,CN".encode("gb18030") + b"\r\n\xff\xfe\x81,x",
        "encoding",
    ),
    "a table cut within a character": Hostile(TABLE, lambda: (LISTED + "\r\nMüller".encode())[:-5], "1 cells"),
    "a mail named table": Hostile(TABLE, lambda: b"From: a@b.example\r\nSubject: x\r\n\r\nhello", "e-mail"),
    "compressed without end": Hostile(TABLE, lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + zeros(64), "compressed"),
}

FILES: Mapping[str, Hostile] = {**ARCHIVES, **PAPERS, **PHOTOS, **TEXTS}
