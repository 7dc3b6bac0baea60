"""The forms in which tables leave, whatever form they came in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from gateway.formats import write_csv, write_xlsx
from gateway.formats.table import OutTable

WRITERS: Mapping[str, Callable[[OutTable], bytes]] = MappingProxyType(
    {write_csv.MEDIA_TYPE: write_csv.written, write_xlsx.MEDIA_TYPE: write_xlsx.written}
)
EXTENSIONS: Mapping[str, str] = MappingProxyType({write_csv.MEDIA_TYPE: "csv", write_xlsx.MEDIA_TYPE: "xlsx"})
