"""Separated tables: comma, semicolon, tab or vertical bar in, one plain RFC 4180 table out.

In: everything is text. The sandboxed reader (`parse_csv`) decides encoding and delimiter and parses strictly.
Out: UTF-8 with a byte order mark (without it Excel shows Chinese as rubbish), CRLF, quotes only where needed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import polars as pl

from gateway.base.canon import Json
from gateway.formats import parse_csv
from gateway.formats.problems import TableRefused
from gateway.formats.table import SENTENCES, OutTable, Sentences, TableFormat

PARSE_TASK = "gateway.formats.parse_csv:parse"
MEDIA_TYPE = "text/csv"

_NEEDS_QUOTES = r'[",\r\n]'
_NEED_QUOTES = (b'"', b",", b"\r", b"\n")
_BLOCK_ROWS = 1 << 16
_FOREIGN_STARTS = (b"%PDF", b"<", b"{", b"[", b"#!", b"\xff\xd8\xff")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_SENTENCES: Sentences = MappingProxyType(
    {
        **SENTENCES,
        "empty": (TableRefused, "The file is empty; send the table itself."),
        "encoding-broken": (
            TableRefused,
            "The file says by its first bytes how it is encoded and then is not; save it anew as CSV in UTF-8.",
        ),
        "encoding-mixed": (
            TableRefused,
            "The file's encoding is mixed or cannot be told with certainty; save it anew as CSV in UTF-8.",
        ),
        "delimiter": (
            TableRefused,
            "No comma, semicolon, tab or vertical bar divides the first rows evenly; save it as CSV with a header.",
        ),
        "encoding-declared": (
            TableRefused,
            "The file is not in the encoding that was declared; declare the right one, or none to have it told.",
        ),
        "delimiter-declared": (
            TableRefused,
            "The delimiter that was declared does not divide the first row; declare the right one, or none.",
        ),
        "quote": (
            TableRefused,
            "Row {row} has a quotation mark that is not closed or doubled; save the table anew as CSV.",
        ),
        "ragged": (
            TableRefused,
            "Row {row} has {cells} cells where the header has {columns}; correct it or save the table anew as CSV.",
        ),
    }
)


class TableCsv(TableFormat):
    """The format of separated tables."""

    name = "table-csv"
    media_types: tuple[str, ...] = (MEDIA_TYPE,)
    extensions: Mapping[str, str] = MappingProxyType({MEDIA_TYPE: "csv"})
    task = PARSE_TASK
    sentences = _SENTENCES
    declarable = frozenset({"encoding", "delimiter"})

    def sniff(self, head: bytes) -> str | None:
        """`text/csv` for text whose first line holds a delimiter."""
        if head.startswith(_BYTE_ORDER_MARKS[1:]):
            encoding = "utf-16-le" if head.startswith(b"\xff\xfe") else "utf-16-be"
            head = head[2 : len(head) // 2 * 2].decode(encoding, "replace").encode()
        head = head.removeprefix(_BYTE_ORDER_MARKS[0])
        if _NOT_TEXT.search(head) or head.lstrip().startswith(_FOREIGN_STARTS):
            return None
        lines = head.lstrip().splitlines()
        return MEDIA_TYPE if lines and any(d.encode() in lines[0] for d in parse_csv.DELIMITERS) else None

    def source(self, untrusted: Mapping[str, Json]) -> dict[str, str] | None:
        """Encoding and delimiter, of those there are."""
        encoding, delimiter = untrusted.get("encoding"), untrusted.get("delimiter")
        if encoding not in parse_csv.DECLARED or delimiter not in parse_csv.DELIMITERS:
            return None
        return {"encoding": str(encoding), "delimiter": str(delimiter)}

    def write(self, out: OutTable) -> bytes:
        """RFC 4180 as the module says."""
        titles = [pl.Series([title]) for title in out.titles]
        return b"".join((codecs.BOM_UTF8, *_lines(titles), *_lines(out.columns)))


def _quoted(cells: pl.Series) -> pl.Series:
    # One search through the joined cells is several times faster than one search in each.
    joined = cells.str.join("\0").cast(pl.Binary).item()
    if not any(sign in joined for sign in _NEED_QUOTES):
        return cells
    needing = cells.str.contains(_NEEDS_QUOTES)
    quoted = pl.concat_str(pl.lit('"'), cells.str.replace_all('"', '""', literal=True), pl.lit('"'))
    return pl.select(pl.when(needing).then(quoted).otherwise(cells)).to_series()


def _lines(columns: Iterable[pl.Series]) -> Iterator[bytes]:
    frame = pl.DataFrame([_quoted(cells).alias(str(place)) for place, cells in enumerate(columns)])
    for rows in frame.iter_slices(_BLOCK_ROWS):
        lines = rows.select(pl.concat_str(pl.all(), separator=",").str.join("\r\n").cast(pl.Binary))
        yield bytes(lines.item()) + b"\r\n"
