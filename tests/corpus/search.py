"""Looks for secrets in what was released, with other eyes than the gateway's: nothing here imports it.

Raw in every character set, below every compression, by a second parser, by exiftool, and in what the pixels show.
"""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import av
import numpy as np
import openpyxl
import python_calamine
from PIL import Image

JPEG, PNG, PDF, CSV = "image/jpeg", "image/png", "application/pdf", "text/csv"
MP4 = "video/mp4"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXTENSIONS = {JPEG: "jpg", PNG: "png", PDF: "pdf", CSV: "csv", XLSX: "xlsx", DOCX: "docx", "application/json": "json",
              "application/xml": "xml", "text/plain": "txt", MP4: "mp4"}  # fmt: skip
_CHARSETS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "gb18030")
_NO_LETTER = re.compile(r"[\W_]+")
_ZLIB_HEAD = re.compile(rb"[\x08\x18\x28\x38\x48\x58\x68\x78][\x01-\xff]|\x1f\x8b\x08")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")
_NO_ASCII_LETTERS = bytes(octet for octet in range(256) if not (octet < 128 and chr(octet).isalnum()))
_LARGE_BYTES = 1 << 18
_DEPTH = 3
_ENDS = {JPEG: b"\xff\xd9", PNG: b"\0\0\0\0IEND\xaeB`\x82", PDF: b"%%EOF\n"}


def survivors(data: bytes, secrets: Mapping[str, str], media_type: str | None = None) -> dict[str, str]:
    """Place → who found its secret, for every secret that is still there; without a type, by no parser."""
    found: dict[str, str] = {}
    for who, texts in (("raw and decompressed", _raw(data)), ("second parser", _parsed(data, media_type))):
        for text in texts:
            bare = _bare(text)
            for place, secret in secrets.items():
                if place not in found and _stands_in(secret, text, bare):
                    found[place] = who
    return found


def named_in(text: str, secrets: Mapping[str, str]) -> set[str]:
    """The places whose secrets stand in this text."""
    bare = _bare(text)
    return {place for place, secret in secrets.items() if _bare(secret) in bare}


def told_by_exiftool(path: Path) -> dict[str, str]:
    """Every tag that exiftool finds, with its group, but for those of the file system."""
    command = ["exiftool", "-json", "-a", "-u", "-U", "-ee", "-G1", "--System:all", "--ExifTool:all", str(path)]
    (told,) = json.loads(subprocess.run(command, check=False, capture_output=True, text=True).stdout)
    return {tag: str(value) for tag, value in told.items() if tag != "SourceFile"}


def loud_pixels(data: bytes) -> int:
    """How many pixels have nearly the colour of the ground on which the corpus writes what must be hidden."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int), 2, 0)
    return int(np.count_nonzero((red > 190) & (green < 80) & (blue > 70) & (blue < 170)))


def require_ended(data: bytes, media_type: str) -> None:
    """The file ends where its format says, once, and nothing stands behind."""
    if media_type in {XLSX, DOCX}:
        assert data[-22:-18] == b"PK\x05\x06", "the archive's end record is not the last thing in it"
        assert data.count(b"PK\x05\x06") == 1
        assert data[-2:] == b"\0\0", "the archive has a comment"
        return
    if media_type == MP4:
        frames = data.index(b"mdat") - 4
        assert int.from_bytes(data[frames : frames + 4]) == len(data) - frames, "bytes behind the frames"
        return
    end = _ENDS.get(media_type, b"\n")
    assert data.endswith(end)
    if media_type in _ENDS:
        assert data.count(end.strip() if media_type == PDF else end) == 1


def require_sound_pdf(path: Path) -> None:
    """qpdf finds nothing to mend."""
    done = subprocess.run(["qpdf", "--check", str(path)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def seen(data: bytes, media_type: str, folder: Path) -> str:
    """What can be read in its pixels, by recognition of letters."""
    return " ".join(text for picture in _pictures(data, media_type, folder) for text in _lines(picture))


def nearly_in(secret: str, text: str, wrong: int = 3) -> bool:
    """Whether a reader of `text` knows the secret, with some letters of it misread."""
    bare, wanted = _bare(text), _bare(secret)
    length = len(wanted)
    pieces = (bare[at : at + length] for at in range(max(1, len(bare) - length + 1)))
    return any(sum(a != b for a, b in zip(piece.ljust(length), wanted, strict=True)) <= wrong for piece in pieces)


def _stands_in(secret: str, text: str, bare: str) -> bool:
    """In whatever case and with whatever between its letters; backwards; in hexadecimal digits and base64."""
    wanted, octets = _bare(secret), secret.encode()
    if any(one in bare for one in (wanted, wanted[::-1], octets.hex(), secret.encode("utf-16-be").hex())):
        return True
    coded = (base64.b64encode(b"\0" * shift + octets).decode()[-(-shift * 8 // 6) : -4] for shift in range(3))
    return any(one in text for one in coded)


def _bare(text: str) -> str:
    return _NO_LETTER.sub("", text).casefold()


def _raw(data: bytes, depth: int = 0) -> Iterator[str]:
    """The bytes in every character set, their escapes resolved, and whatever lies compressed in them.

    Of large ones the ASCII letters are enough: with all between them left out, they are those of UTF-16 as well.
    """
    yield data.translate(None, _NO_ASCII_LETTERS).decode("ascii")
    if len(data) <= _LARGE_BYTES:
        for charset in _CHARSETS:
            text = data.decode(charset, "ignore")
            yield text
            yield _ESCAPE.sub(lambda match: chr(int(match[1], 16)), html.unescape(text))
    if depth < _DEPTH:
        for inner in (*_members(data), *_inflated(data)):
            yield from _raw(inner, depth + 1)


def _members(data: bytes) -> Iterator[bytes]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        yield archive.comment
        for member in archive.infolist():
            yield member.filename.encode() + b"\n" + member.extra + b"\n" + member.comment
            yield archive.read(member)


def _inflated(data: bytes) -> Iterator[bytes]:
    """Every stream with a head of zlib or gzip; the pixels of a PNG are one of them."""
    if data.startswith(b"\x89PNG"):
        yield zlib.decompress(b"".join(_chunks(data, b"IDAT")))
    at = 0
    while match := _ZLIB_HEAD.search(data, at):
        at = match.start() + 1
        if data[match.start()] != 0x1F and int.from_bytes(match[0][:2]) % 31:
            continue
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            content = decoder.decompress(data[match.start() :], 1 << 26)
        except zlib.error:
            continue
        if len(content) > 8:
            yield content


def _chunks(data: bytes, name: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        if data[at + 4 : at + 8] == name:
            yield data[at + 8 : at + 8 + length]
        at += length + 12


def _parsed(data: bytes, media_type: str | None) -> Iterator[str]:
    reader = _READERS.get(media_type or "")
    if reader is not None:
        yield from reader(data)


def _csv(data: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        yield from row


def _sheets(data: bytes) -> Iterator[str]:
    book: Any = openpyxl.load_workbook(io.BytesIO(data))
    for page in book.worksheets:
        yield page.title
        for row in page.iter_rows():
            yield " ".join(f"{cell.value} {cell.comment} {cell.hyperlink} {cell.number_format}" for cell in row)
        yield f"{page.oddHeader.center.text} {page.oddFooter.center.text} {page.sheet_state}"
    yield f"{vars(book.properties)} {list(book.defined_names)}"
    other = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    for name in other.sheet_names:
        yield from (str(cell) for row in other.get_sheet_by_name(name).to_python() for cell in row)


def _json(data: bytes) -> Iterator[str]:
    yield json.dumps(json.loads(data), ensure_ascii=False)


def _xml(data: bytes) -> Iterator[str]:
    for one in ET.fromstring(data).iter():
        yield f"{one.tag} {one.attrib} {one.text} {one.tail}"


def _word(data: bytes) -> Iterator[str]:
    """Every member's elements, and the text of every paragraph, whatever it is cut into."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [archive.read(name) for name in archive.namelist()]
    for member in members:
        yield from _xml(member)
        for one in ET.fromstring(member).iter():
            yield "".join(one.itertext()) if one.tag.endswith("}p") else ""


def _pdf(data: bytes) -> Iterator[str]:
    for command in (["pdftotext", "-layout", "-", "-"], ["pdfinfo", "-meta", "-"], ["pdfinfo", "-dests", "-"],
                    ["pdfinfo", "-js", "-"], ["pdfinfo", "-url", "-"], ["pdfinfo", "-struct-text", "-"]):  # fmt: skip
        if shutil.which(command[0]):
            done = subprocess.run(command, check=False, capture_output=True, input=data)
            yield done.stdout.decode("utf-8", "replace")


_READERS: dict[str, Callable[[bytes], Iterator[str]]] = {
    CSV: _csv, XLSX: _sheets, DOCX: _word, "application/json": _json, "application/xml": _xml, PDF: _pdf,
}  # fmt: skip


def _pictures(data: bytes, media_type: str, folder: Path) -> Iterator[Image.Image]:
    if media_type.startswith("image/"):
        yield Image.open(io.BytesIO(data)).convert("RGB")
    elif media_type == PDF:
        (folder / "seen.pdf").write_bytes(data)
        command = ["pdftoppm", "-r", "150", "-png", str(folder / "seen.pdf"), str(folder / "seen")]
        subprocess.run(command, check=True, capture_output=True)
        for path in sorted(folder.glob("seen-*.png")):
            yield Image.open(path).convert("RGB")
    elif media_type == MP4:
        with av.open(io.BytesIO(data), "r") as container:
            frames = list(container.decode(video=0))
        for frame in (frames[0], frames[-1]):
            yield Image.fromarray(frame.to_ndarray(format="rgb24"))


def _lines(picture: Image.Image) -> tuple[str, ...]:
    told = _engine()(np.asarray(picture)[:, :, ::-1])
    return tuple(told.txts or ())


@cache
def _engine() -> Any:
    import rapidocr

    return rapidocr.RapidOCR()
