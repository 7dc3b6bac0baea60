"""Workbooks: XLSX, XLSM and ODS in, one new XLSX of two sheets out.

In: the sandboxed readers (`parse_xlsx`, `parse_ods`) take one visible sheet and of it only what its cells show. What
else a workbook can hold (hidden rows and sheets, macros, comments, names, links, caches) stays behind; rows, sheets
and macros are counted. Out: as `write_xlsx` says, or CSV where the policy says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.base.canon import Json
from gateway.formats.archive_bounds import COMPOUND_FILE, MAX_MEMBERS, MAX_RATIO, MAX_TOTAL_BYTES
from gateway.formats.model import Content
from gateway.formats.problems import SheetUnclear, TableRefused, TableTooLarge
from gateway.formats.table import SENTENCES, Sentences, TableFormat, table_in
from gateway.formats.write_xlsx import MEDIA_TYPE as XLSX
from gateway.formats.writers import EXTENSIONS, WRITERS

ODS = "application/vnd.oasis.opendocument.spreadsheet"
PARSE_TASKS: Mapping[str, str] = MappingProxyType(
    {XLSX: "gateway.formats.parse_xlsx:parse", ODS: "gateway.formats.parse_ods:parse"}
)

_LOCAL_MAGIC = b"PK\x03\x04"
_NAME_AT = 30
_OFFICE_STARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
_OTHER_OFFICE = (b"word/", b"ppt/")
_ODS_START = b"mimetype" + ODS.encode()
_LEFT_BEHIND = MappingProxyType(
    {"hidden_rows": "format:hidden-row", "hidden_sheets": "format:hidden-sheet", "macros": "format:macro"}
)
_COUNTED = frozenset({*_LEFT_BEHIND, "formulas"})

_OLD_OR_LOCKED = TableRefused(
    "This is an Office file of the old form (.xls) or one with a password; remove the password and save it as XLSX."
)
_DAMAGED = (TableRefused, "The workbook is damaged or was put together by hand; open it and save it anew as XLSX.")
_SENTENCES: Sentences = MappingProxyType(
    {
        **SENTENCES,
        "compound-file": (type(_OLD_OR_LOCKED), _OLD_OR_LOCKED.detail),
        "encrypted": (TableRefused, "The workbook is encrypted; remove its password and save it anew as XLSX."),
        "binary-workbook": (TableRefused, "This is a binary workbook (.xlsb); save it as XLSX."),
        "no-workbook": (TableRefused, "The file is an archive but no workbook; save the table as XLSX, ODS or CSV."),
        "archive-broken": _DAMAGED,
        "archive-names": _DAMAGED,
        "archive-overlap": _DAMAGED,
        "part-missing": _DAMAGED,
        "xml": _DAMAGED,
        "xml-foreign": _DAMAGED,
        "archive-borders": (
            TableRefused,
            "The file has bytes before its beginning or behind its end; open it and save it anew as XLSX.",
        ),
        "archive-large": (
            TableTooLarge,
            (
                f"Unpacked the workbook would have more than {MAX_MEMBERS} parts, {MAX_TOTAL_BYTES >> 20} MiB or "
                f"{MAX_RATIO} times its size; save the table alone as XLSX."
            ),
        ),
        "part-large": (
            TableTooLarge,
            "A part of the workbook is larger than any table needs; save the table alone as XLSX.",
        ),
        "empty": (TableRefused, "No visible sheet of the workbook has content; send the table itself."),
        "sheets": (
            SheetUnclear,
            "Which sheet is the table? {sheets} visible sheets have content; answer with the name of one.",
        ),
        "no-such-sheet": (
            TableRefused,
            "The workbook has no visible sheet of the name that was answered; answer with a visible one's name.",
        ),
        "rows-hidden": (TableRefused, "All rows of the sheet are hidden by default; show them and save it anew."),
        "header-hidden": (TableRefused, "Row {row} is the first one with content and is hidden; show or delete it."),
        "title-row": (
            TableRefused,
            "Row {row} is a title above the table; delete it, so that the first row holds the headers.",
        ),
        "header-empty": (TableRefused, "The header in column {column} of the table is empty; name it or delete it."),
        "beside": (TableRefused, "The cell {cell} stands beside the table, where no header is; move or delete it."),
        "merged": (TableRefused, "The cell {cell} is merged with others; unmerge it and fill in each cell."),
        "formula": (
            TableRefused,
            "The formula in the cell {cell} was never calculated; open the workbook, calculate it and save it anew.",
        ),
        "error-value": (TableRefused, "The cell {cell} holds an error; correct it and save the workbook anew."),
        "cell": (TableRefused, "The cell {cell} cannot be read; enter it anew and save the workbook."),
    }
)


class TableWorkbook(TableFormat):
    """The format of workbooks."""

    name = "table-workbook"
    tasks = PARSE_TASKS
    media_types = tuple(PARSE_TASKS)
    own_output = XLSX
    writers = WRITERS
    extensions = EXTENSIONS
    sentences = _SENTENCES
    declarable = frozenset({"sheet"})

    def sniff(self, head: bytes) -> str | None:
        """By the archive's first member; raises `TableRefused` for Office files of an old or encrypted form."""
        if head.startswith(COMPOUND_FILE):
            raise _OLD_OR_LOCKED
        if not head.startswith(_LOCAL_MAGIC):
            return None
        if head[_NAME_AT:].startswith(_ODS_START):
            return ODS
        office = head[_NAME_AT:].startswith(_OFFICE_STARTS) and not any(one in head for one in _OTHER_OFFICE)
        return XLSX if office else None

    def source(self, untrusted: Mapping[str, Json]) -> dict[str, str] | None:
        """How much stayed behind, and how many formulas were taken as their values."""
        counts = {name: str(count) for name, count in untrusted.items()}
        return counts if counts.keys() == _COUNTED and all(map(str.isdecimal, counts.values())) else None

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """Hidden rows, hidden sheets and macros."""
        source = table_in(content).source
        return {rule: int(source.get(name, "0")) for name, rule in _LEFT_BEHIND.items()}
