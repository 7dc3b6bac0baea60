"""A PDF that the gateway set from its own texts (the withheld index for print), read again without a PDF library.

1. One header, objects one after the other with nothing between them, one cross-reference table, one trailer, one
`%%EOF` at the end: no update is appended. 2. Streams are plain, Flate or ASCII85 + Flate, and inflate completely.
3. No name outside of streams that acts or carries: scripts, launches, forms, annotations, attachments, object streams,
encryption, metadata streams; and no name written with escapes. 4. Nothing in it gives away a withheld value: the text
that the pages show (through each font's ToUnicode table), the strings of the objects, and all bytes, raw and inflated.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gateway.base.units import MIB
from gateway.residue.jpeg import Broken
from gateway.residue.layers import Budget
from gateway.residue.model import Finding, Kind, Ledger, Report, TextExpectation, unique
from gateway.residue.picture import in_raw
from gateway.residue.text import in_lines
from gateway.residue.values import GUESSED_BITS, Needles

PARSER = "own PDF walker"

_MAX_STREAM_BYTES = 64 * MIB
_HEADER = re.compile(rb"%PDF-1\.\d\r?\n(?:%[^\r\n]*\r?\n)*")
_OBJECT = re.compile(rb"\s*(\d+) 0 obj\b")
_STREAM = re.compile(rb"\bstream\r?\n|\bendobj\b")
_LENGTH = re.compile(rb"/Length (\d+)(?! \d+ R)\b")
_FILTER = re.compile(rb"/Filter\s*(\[[^\]]*\]|/\w+)")
_TAIL = re.compile(rb"\s*xref\s(?:[0-9nf\s])+trailer\s*<<.*>>\s*startxref\s+\d+\s+%%EOF\s*\Z", re.DOTALL)
_FORBIDDEN = re.compile(
    rb"/(?:JS|JavaScript|Launch|EmbeddedFiles?|Filespec|AcroForm|XFA|OpenAction|AA|URI|SubmitForm|ImportData|RichMedia"
    rb"|ObjStm|XRef|Encrypt|Annots?|Metadata|AF|Collection|GoToR|GoToE)(?![A-Za-z0-9])|/[^\s/<>\[\]()]*#"
)
_STRING = re.compile(rb"\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r?\n|.)", re.DOTALL)
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_FONT = re.compile(rb"/([^\s/]+) (\d+) 0 R")
_TO_UNICODE = re.compile(rb"/ToUnicode (\d+) 0 R")
_MAPPED = re.compile(rb"<((?:[0-9A-Fa-f]{2}){1,2})>\s*<([0-9A-Fa-f]{4,8})>")
_SHOWN = re.compile(
    rb"/(?P<font>[^\s/]+)\s+[\d.]+\s+Tf|(?P<string>\((?:[^()\\]|\\.)*\))|<(?P<hex>[0-9A-Fa-f\s]*)>|\b(?P<line>T\*|Td|TD|Tm|ET)(?!\w)",
    re.DOTALL,
)

Codes = Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class _Object:
    head: bytes
    stream: bytes | None


def check_pdf(data: bytes, expected: TextExpectation, needles: Needles) -> Report:
    """Check 1 to 4."""
    ledger = Ledger("pdf", (PARSER,), counts=needles.counts())
    budget = Budget()
    try:
        objects = _walk(data)
    except Broken as broken:
        ledger.note("structure", [Finding(broken.finding.kind, f"{expected.name} {broken.finding.place}")])
        ledger.note("values", unique(in_raw(data, needles, budget)))
        return ledger.report()
    ledger.note("structure", _acting(objects, expected.name))
    ledger.note("text", unique(_in_objects(objects, expected.name, needles, budget)))
    ledger.note("values", unique(in_raw(data, needles, budget, GUESSED_BITS)))
    ledger.note("bounds", [Finding(Kind.BOUND, expected.name)] if budget.exhausted else [])
    return ledger.report()


def in_texts(untrusted_data: bytes, needles: Needles, budget: Budget) -> Iterator[Finding]:
    """Finds in the text of any PDF, as far as the walker can follow it; the byte search covers the rest."""
    try:
        objects = _walk(untrusted_data)
    except Broken:
        return
    yield from _in_objects(objects, "the text", needles, budget)


def _walk(data: bytes) -> dict[int, _Object]:
    match = _HEADER.match(data)
    if match is None:
        raise Broken("byte 0: no PDF header")
    objects: dict[int, _Object] = {}
    position = match.end()
    while match := _OBJECT.match(data, position):
        number = int(match[1])
        if number in objects:
            raise Broken(f"object {number}: stands twice")
        objects[number], position = _object(data, match.end(), number)
    if data.count(b"%%EOF") != 1 or data.count(b"startxref") != 1 or not _TAIL.match(data, position):
        raise Broken(f"byte {position}: not one cross-reference table, one trailer and one end", Kind.TRAILING)
    objects[0] = _Object(data[position:], None)
    return objects


def _object(data: bytes, start: int, number: int) -> tuple[_Object, int]:
    match = _STREAM.search(data, start)
    if match is None:
        raise Broken(f"object {number}: no end")
    head = data[start : match.start()]
    if match[0] == b"endobj":
        return _Object(head, None), match.end()
    length = _LENGTH.search(head)
    if length is None:
        raise Broken(f"object {number}: a stream without its length")
    end = match.end() + int(length[1])
    tail = re.compile(rb"\s*endstream\s*endobj\b").match(data, end)
    if tail is None:
        raise Broken(f"object {number}: a stream of another length than it says")
    return _Object(head, _inflate(data[match.end() : end], head, number)), tail.end()


def _inflate(body: bytes, head: bytes, number: int) -> bytes:
    match = _FILTER.search(head)
    names = re.findall(rb"/(\w+)", match[1]) if match else []
    if names[:1] == [b"ASCII85Decode"]:
        try:
            body = base64.a85decode(body.strip().removesuffix(b"~>"))
        except ValueError as error:
            raise Broken(f"object {number}: not ASCII85", Kind.UNREADABLE) from error
        names = names[1:]
    if not names:
        return body
    if names != [b"FlateDecode"]:
        raise Broken(f"object {number}: a filter that is not allowed")
    decoder = zlib.decompressobj()
    try:
        content = decoder.decompress(body, _MAX_STREAM_BYTES)
    except zlib.error as error:
        raise Broken(f"object {number}: not zlib", Kind.UNREADABLE) from error
    if not decoder.eof or decoder.unused_data.strip():
        raise Broken(f"object {number}: a compressed stream that does not end where it should", Kind.TRAILING)
    return content


def _acting(objects: dict[int, _Object], name: str) -> Iterator[Finding]:
    for number, item in objects.items():
        if _FORBIDDEN.search(_STRING.sub(b"()", item.head)):
            yield Finding(Kind.STRUCTURE, f"{name} object {number}")


def _in_objects(objects: dict[int, _Object], name: str, needles: Needles, budget: Budget) -> Iterator[Finding]:
    fonts = _fonts(objects)
    for number, item in objects.items():
        texts = [_plain(_unescaped(match[1])) for match in _STRING.finditer(item.head)]
        if item.stream is not None and b" Tf" in item.stream:
            texts.append(_page_text(item.stream, fonts))
        yield from in_lines("\n".join(texts), f"{name} object {number}", needles, budget)
        if item.stream is not None:
            for hit in needles.in_bytes([item.stream], budget, GUESSED_BITS):
                yield Finding(hit.kind, f"{name} object {number}")


def _fonts(objects: dict[int, _Object]) -> dict[bytes, Codes | None]:
    """What each font name's codes mean; None for fonts that write two bytes for a character and do not say which."""
    fonts: dict[bytes, Codes | None] = {}
    for item in objects.values():
        for font, reference in _FONT.findall(item.head):
            head = objects[int(reference)].head if int(reference) in objects else b""
            if b"/Type /Font" not in head:
                continue
            table = _TO_UNICODE.search(head)
            if table and int(table[1]) in objects:
                pairs = _MAPPED.findall(objects[int(table[1])].stream or b"")
                fonts[font] = {
                    bytes.fromhex(code.decode()): bytes.fromhex(to.decode()).decode("utf-16-be", "replace")
                    for code, to in pairs
                }
            elif b"/DescendantFonts" in head:
                fonts[font] = None
    return fonts


def _page_text(stream: bytes, fonts: dict[bytes, Codes | None]) -> str:
    parts: list[str] = []
    codes: Codes | None = {}
    for match in _SHOWN.finditer(stream):
        if match["font"] is not None:
            codes = fonts.get(match["font"], {})
        elif match["line"] is not None:
            parts.append("\n")
        else:
            raw = _unescaped(match["string"][1:-1]) if match["string"] else _from_hex(match["hex"])
            parts.append(_plain(raw) if codes == {} else _coded(raw, codes))
    return "".join(parts)


def _coded(raw: bytes, codes: Codes | None) -> str:
    if codes is None:
        return raw.decode("utf-16-be", "replace")
    width = max(map(len, codes))
    pieces = (raw[at : at + width] for at in range(0, len(raw), width))
    return "".join(codes.get(piece, _plain(piece)) for piece in pieces)


def _plain(raw: bytes) -> str:
    if raw.startswith(b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    return raw.decode("cp1252", "replace")


def _from_hex(digits: bytes) -> bytes:
    compact = b"".join(digits.split())
    return bytes.fromhex((compact + b"0" * (len(compact) % 2)).decode("ascii"))


def _unescaped(raw: bytes) -> bytes:
    return _ESCAPE.sub(_escape, raw) if b"\\" in raw else raw


def _escape(match: re.Match[bytes]) -> bytes:
    body = match[1]
    if body[:1].isdigit() and body[:1] < b"8":
        return bytes((int(body, 8) & 0xFF,))
    return b"" if b"\n" in body else _ESCAPES.get(body, body)
