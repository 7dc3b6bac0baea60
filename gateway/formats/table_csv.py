"""Separated tables: comma, semicolon, tab or vertical bar in, one plain RFC 4180 table out.

In: everything is text. The sandboxed reader (`parse_csv`) decides encoding and delimiter and parses strictly.
Out: as `write_csv` says, or a workbook where the policy says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from gateway.base.canon import Json
from gateway.base.progress import Steps
from gateway.formats import parse_csv
from gateway.formats.large_csv import PART_BYTES, read_in_parts
from gateway.formats.model import Table
from gateway.formats.problems import TableRefused
from gateway.formats.table import SENTENCES, Sentences, TableFormat
from gateway.formats.write_csv import MEDIA_TYPE
from gateway.formats.writers import EXTENSIONS, WRITERS
from gateway.sandbox.ports import Limits, Sandbox

PARSE_TASK = "gateway.formats.parse_csv:parse"

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
    tasks = MappingProxyType({MEDIA_TYPE: PARSE_TASK})
    own_output = MEDIA_TYPE
    writers = WRITERS
    extensions = EXTENSIONS
    sentences = _SENTENCES
    declarable = frozenset({"encoding", "delimiter"})

    def __init__(
        self,
        classify: Callable[[Iterable[str]], frozenset[str]],
        limits: Limits | None = None,
        *,
        part_bytes: int = PART_BYTES,
    ) -> None:
        super().__init__(classify, limits)
        self._part_bytes = part_bytes

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

    def _parsed(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str],
        steps: Steps,
    ) -> Table:
        in_parts = None
        if not declared:
            in_parts = read_in_parts(
                untrusted_original, PARSE_TASK, sandbox, self._limits, self.source, self._part_bytes, steps
            )
        return in_parts or super()._parsed(untrusted_original, media_type, sandbox, declared, steps)
