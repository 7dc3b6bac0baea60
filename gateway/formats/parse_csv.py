"""The reader of separated tables. It runs only in the sandbox's child; what it says is checked again by the parent.

1. Bounds: bytes in, no byte past them decoded twice in memory.
2. Encoding: a byte order mark decides; else UTF-8 where all of it is; else GB18030 or Windows-1252 where *every* line
   that is not ASCII looks like that one and no other. Anything else is refused: a guess would falsify.
3. Delimiter: comma, semicolon or tab, the one that makes the first rows equally wide.
4. Strict parse: quotes closed, rows as wide as the header, no control characters, bounds on columns, rows and cells.
5. Headers trimmed, none empty, none twice.

Row numbers count records, the header being row 1, as a spreadsheet shows them.
"""

from __future__ import annotations

import codecs
import csv
import encodings.cp1252
import encodings.gb18030
import encodings.utf_8_sig
import encodings.utf_16
import io
import re
from collections.abc import Iterator, Mapping
from itertools import islice

from gateway.base.canon import Json
from gateway.formats.cells import (
    BATCH_ROWS,
    CONTROL,
    MAX_CELL_CHARS,
    MAX_COLUMNS,
    MAX_ROWS,
    answer,
    checked_headers,
    packed,
)
from gateway.sandbox.task import Answer, TaskRefused

DELIMITERS = (",", ";", "\t")

# Loaded here because nothing can be loaded behind the walls.
_PRELOADED = (encodings.cp1252, encodings.gb18030, encodings.utf_8_sig, encodings.utf_16)
_CHUNK_BYTES = 1 << 20
_PROBED_ROWS = 64
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_WIDE_PAIR = re.compile(rb"(?:[\xa1-\xf7][\xa1-\xfe])+")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def parse(_request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The table as `cells` says; its source is how it was read: encoding and delimiter."""
    if not untrusted.strip():
        raise TaskRefused("empty")
    encoding = _encoding(untrusted)
    csv.field_size_limit(MAX_CELL_CHARS)
    delimiter = _delimiter(untrusted, encoding)
    records = _records(untrusted, encoding, delimiter)
    headers = checked_headers(next(records))
    blocks, rows = _blocks(records, len(headers))
    return answer(headers, blocks, rows, {"encoding": encoding.removesuffix("-sig"), "delimiter": delimiter})


def _encoding(untrusted: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if untrusted.startswith(mark):
            if not _decodes(untrusted, encoding):
                raise TaskRefused("encoding-broken")
            return encoding
    if _decodes(untrusted, "utf-8"):
        return "utf-8"
    told = {_encoding_of_line(line) for line in untrusted.split(b"\n") if not line.isascii()}
    if len(told) == 1:
        encoding = told.pop()
        if encoding in {"gb18030", "cp1252"} and _decodes(untrusted, encoding):
            return encoding
    raise TaskRefused("encoding-mixed")


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


def _rows(untrusted: bytes, encoding: str, delimiter: str) -> Iterator[list[str]]:
    text = io.TextIOWrapper(io.BytesIO(untrusted), encoding, errors="strict", newline="")
    return csv.reader(text, delimiter=delimiter, strict=True)


def _delimiter(untrusted: bytes, encoding: str) -> str:
    """The delimiter under which the first rows are equally wide, the wider one where there are two."""
    widths: dict[str, int] = {}
    even: set[str] = set()
    for delimiter in DELIMITERS:
        rows = _first_rows(untrusted, encoding, delimiter)
        if rows and len(rows[0]) > 1:
            widths[delimiter] = len(rows[0])
            if len({len(row) for row in rows}) == 1:
                even.add(delimiter)
    candidates = {d: w for d, w in widths.items() if d in even} or widths
    widest = [d for d, w in candidates.items() if w == max(candidates.values())]
    if len(widest) != 1:
        # A broken quote or an endless cell in the first row is the better reason, where there is one.
        next(_records(untrusted, encoding, DELIMITERS[0]), None)
        raise TaskRefused("delimiter")
    return widest[0]


def _first_rows(untrusted: bytes, encoding: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in islice(_rows(untrusted, encoding, delimiter), _PROBED_ROWS) if row)
    except csv.Error:
        return rows
    return rows


def _records(untrusted: bytes, encoding: str, delimiter: str) -> Iterator[list[str]]:
    """All records, header first, blank ones at the end left out. Refuses what is not strict CSV, with the row."""
    row_number = 0
    blank_since = 0
    rows = _rows(untrusted, encoding, delimiter)
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
