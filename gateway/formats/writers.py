"""The forms in which tables leave, whatever form they came in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.formats import write_csv, write_xlsx
from gateway.formats.sheet_numbers import spelled
from gateway.formats.table import Writer

WRITERS: Mapping[str, Writer] = MappingProxyType(
    {
        write_csv.MEDIA_TYPE: Writer(write_csv.written, lambda _kind, _cells: True),
        write_xlsx.MEDIA_TYPE: Writer(write_xlsx.written, spelled),
    }
)
EXTENSIONS: Mapping[str, str] = MappingProxyType({write_csv.MEDIA_TYPE: "csv", write_xlsx.MEDIA_TYPE: "xlsx"})
