"""The reader of separated tables. It runs only in the sandbox's child; what it says is checked again by the parent.

1. Encoding: a byte order mark decides; else UTF-8 where all of it is; else UTF-16 where every other byte says so; else
   GB18030 or Windows-1252 where *every* line that is not ASCII looks like that one and no other. Big5 and Shift_JIS
   look like GB18030: they are read only when declared. Anything else is refused: a guess would falsify.
2. Delimiter: comma, semicolon, tab or vertical bar, the one that makes the first rows equally wide.
3. Strict parse: quotes closed, rows as wide as the header, no control characters, bounds on columns, rows and cells.
   A plain table (`plain_csv`) is proven even as a whole, any other one is read row by row.
4. Headers trimmed, none empty, none twice.

What a person declares is tried alone: an encoding or delimiter that does not fit is refused.
Row numbers count records, the header being row 1, as a spreadsheet shows them.
"""

from __future__ import annotations

import codecs
import csv
import encodings.big5
import encodings.cp1252
import encodings.gb18030
import encodings.shift_jis
import encodings.utf_8_sig
import encodings.utf_16
import encodings.utf_16_be
import encodings.utf_16_le
import io
import re
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np

from gateway.base.canon import Json
from gateway.formats.cells import (
    BATCH_ROWS,
    CONTROL,
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_ROWS,
    PROBED_BYTES,
    RECORD,
    answer,
    checked_headers,
    packed,
)
from gateway.formats.plain_csv import NotPlain, even_rows, packed_pieces
from gateway.sandbox.task import Answer, TaskRefused

DELIMITERS = (",", ";", "\t", "|")
DETECTED = ("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "cp1252")
DECLARED = (*DETECTED, "big5", "shift_jis")

# Loaded here because nothing can be loaded behind the walls.
_PRELOADED = (
    encodings.big5,
    encodings.cp1252,
    encodings.gb18030,
    encodings.shift_jis,
    encodings.utf_8_sig,
    encodings.utf_16,
    encodings.utf_16_be,
    encodings.utf_16_le,
)
_CHUNK_BYTES = 1 << 20
_PROBED_ROWS = 64
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_WIDE_PAIR = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The table as `cells` says; its source is how it was read: encoding and delimiter. `request` may declare them.

    A request that says whether this is the `last` part is about a part of a plain table: see `_part`.
    """
    if "last" in request:
        return _part(request, untrusted)
    if not untrusted or untrusted.isspace():
        raise TaskRefused("empty")
    csv.field_size_limit(MAX_CELL_CHARS)
    encoding, text = in_utf8(untrusted, request.get("encoding"))
    delimiter = _delimiter(text, request.get("delimiter"))
    records = _records(text, delimiter)
    headers = checked_headers(next(records))
    blocks, rows = _plain(text, delimiter, len(headers)) or _blocks(records, len(headers))
    return answer(headers, blocks, rows, {"encoding": encoding.removesuffix("-sig"), "delimiter": delimiter})


def _part(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The rows of a part without a header; refused where they are not plain.

    Whether they are even and in UTF-8 is looked at by the parent alone, who would not believe it anyway.
    """
    packed, size = np.empty(len(untrusted) + 1, np.uint8), 0
    try:
        for piece in packed_pieces(untrusted, str(request["delimiter"]), last=request["last"] is True):
            packed[size : size + len(piece)] = np.frombuffer(piece, np.uint8)
            size += len(piece)
    except NotPlain as plainly:
        raise TaskRefused("not-plain") from plainly
    return {}, [packed[:size].data]


def in_utf8(untrusted: bytes, declared: Json) -> tuple[str, bytes]:
    """The encoding and the same text in UTF-8, without a byte order mark."""
    encoding = _encoding(untrusted) if declared is None else _declared(untrusted, str(declared))
    if encoding == "utf-8":
        return encoding, untrusted
    return encoding, untrusted.decode(encoding).encode()


def _declared(untrusted: bytes, encoding: str) -> str:
    marked_as = next((known for mark, known in _BYTE_ORDER_MARKS if untrusted.startswith(mark)), None)
    if marked_as is not None and marked_as.removesuffix("-sig") == encoding:
        encoding = marked_as
    elif marked_as is not None or encoding not in DECLARED:
        raise TaskRefused("encoding-declared")
    if not _decodes(untrusted, encoding):
        raise TaskRefused("encoding-declared")
    return encoding


def _encoding(untrusted: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if untrusted.startswith(mark):
            if not _decodes(untrusted, encoding):
                raise TaskRefused("encoding-broken")
            return encoding
    wide = _wide(untrusted) if b"\0" in untrusted else None
    if wide is not None:
        return wide
    if _decodes(untrusted, "utf-8"):
        return "utf-8"
    told = {_encoding_of_line(line) for line in untrusted.split(b"\n") if not line.isascii()}
    if len(told) == 1:
        encoding = told.pop()
        if encoding in {"gb18030", "cp1252"} and _decodes(untrusted, encoding):
            return encoding
    raise TaskRefused("encoding-mixed")


def _wide(untrusted: bytes) -> str | None:
    """UTF-16 without a byte order mark: line breaks and delimiters show in which half of a pair the zero stands."""
    for encoding, line_break in (("utf-16-le", b"\n\0"), ("utf-16-be", b"\0\n")):
        at = untrusted.find(line_break)
        if at >= 0 and at % 2 == 0 and len(untrusted) % 2 == 0 and _decodes(untrusted, encoding):
            text = untrusted[:_CHUNK_BYTES].decode(encoding, "replace")
            if "\0" not in text and any(delimiter in text for delimiter in DELIMITERS):
                return encoding
    return None


def _encoding_of_line(line: bytes) -> str:
    """What one line with bytes above 127 looks like; `unsure` where it could be several things."""
    runs = _HIGH_RUN.findall(line)
    if _decodes(line, "utf-8"):
        return "utf-8"
    if all(_WIDE_PAIR.fullmatch(run) for run in runs):
        return "gb18030"
    if all(len(run) == 1 for run in runs):
        return "cp1252"
    return "unsure"


def _decodes(untrusted: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        for start in range(0, len(untrusted), _CHUNK_BYTES):
            decoder.decode(untrusted[start : start + _CHUNK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _rows(text: bytes, delimiter: str) -> Iterator[list[str]]:
    lines = io.TextIOWrapper(io.BytesIO(text), "utf-8", errors="strict", newline="")
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _delimiter(text: bytes, declared: Json) -> str:
    """The delimiter under which the first rows are equally wide, the wider one where there are two."""
    if declared is not None and declared not in DELIMITERS:
        raise TaskRefused("delimiter-declared")
    widths: dict[str, int] = {}
    even: set[str] = set()
    for delimiter in DELIMITERS if declared is None else (str(declared),):
        rows = _first_rows(text, delimiter)
        if rows and len(rows[0]) > 1:
            widths[delimiter] = len(rows[0])
            if len({len(row) for row in rows}) == 1:
                even.add(delimiter)
    candidates = {d: w for d, w in widths.items() if d in even} or widths
    widest = [d for d, w in candidates.items() if w == max(candidates.values())]
    if len(widest) != 1:
        # A broken quote or an endless cell in the first row is the better reason, where there is one.
        next(_records(text, DELIMITERS[0]), None)
        raise TaskRefused("delimiter" if declared is None else "delimiter-declared")
    return widest[0]


def _first_rows(text: bytes, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in islice(_rows(text[:PROBED_BYTES], delimiter), _PROBED_ROWS) if row)
    except csv.Error:
        return rows
    # The last one may have been cut through.
    return rows if len(text) <= PROBED_BYTES or len(rows) == _PROBED_ROWS else rows[:-1] or rows


def _plain(text: bytes, delimiter: str, width: int) -> tuple[list[bytes], int] | None:
    """The rows below the header, where the whole table is plain."""
    blocks: list[bytes] = []
    rows = -1
    try:
        for piece in packed_pieces(text, delimiter):
            rows += even_rows(piece, width)
            blocks.append(piece if blocks else piece[piece.index(RECORD.encode()) + 1 :])
    except NotPlain:
        return None
    return blocks, rows


def _records(text: bytes, delimiter: str) -> Iterator[list[str]]:
    """All records, header first, blank ones at the end left out. Refuses what is not strict CSV, with the row."""
    row_number = 0
    blank_since = 0
    rows = _rows(text, delimiter)
    while True:
        row_number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            code = "cell-long" if "field limit" in str(error) else "quote"
            raise TaskRefused(code, row=row_number) from error
        if not row:
            blank_since = blank_since or row_number
            continue
        if blank_since:
            raise TaskRefused("blank-row", row=blank_since)
        if len(row) > MAX_COLUMNS:
            raise TaskRefused("columns", most=MAX_COLUMNS)
        yield row


def _blocks(records: Iterator[list[str]], width: int) -> tuple[list[bytes], int]:
    blocks: list[bytes] = []
    rows = 0
    while batch := list(islice(records, BATCH_ROWS)):
        for number, row in enumerate(batch, rows + 2):
            if len(row) != width:
                raise TaskRefused("ragged", row=number, cells=len(row), columns=width)
            if CONTROL.search("".join(row)):
                raise TaskRefused("control", row=number)
        rows += len(batch)
        if rows > MAX_ROWS:
            raise TaskRefused("rows", most=MAX_ROWS)
        blocks.append(packed(batch))
    return blocks, rows
