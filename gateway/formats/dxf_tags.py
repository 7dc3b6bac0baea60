"""The tags of a DXF file before any library sees them: what it is written in, what it is made of, what is beside it.

Pairs of lines, a group code and a value. What no reader here draws is told from what nobody here knows: the former is
left out and counted, the latter refuses the drawing, as do solids, clipped blocks and binary files.
"""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ezdxf.tools.codepage import codepage_to_encoding

from gateway.formats.drawing_scene import Scene
from gateway.sandbox.task import TaskRefused

MAX_TAGS = 3_000_000
BINARY = b"AutoCAD Binary DXF"

# Behind the walls no codec can be loaded.
_CODECS = frozenset(codecs.lookup(name).name for name in {*codepage_to_encoding.values(), "utf-8", "cp1252"})
_UNICODE_FROM = "AC1021"
_VERSION = re.compile(rb"\$ACADVER\r?\n *1\r?\n *(AC10\d\d)\r?\n")
_CODEPAGE = re.compile(rb"\$DWGCODEPAGE\r?\n *3\r?\n *(?:ANSI_|DOS)?([0-9A-Za-z]{1,8})\r?\n")

DRAWN = frozenset(
    {
        "LINE", "LWPOLYLINE", "POLYLINE", "CIRCLE", "ARC", "ELLIPSE", "SPLINE", "POINT", "SOLID", "TRACE", "3DFACE",
        "HATCH", "TEXT", "MTEXT", "INSERT", "ATTRIB", "DIMENSION", "ARC_DIMENSION", "LARGE_RADIAL_DIMENSION",
        "LEADER", "MLINE", "WIPEOUT",
    }
)  # fmt: skip
_AROUND = frozenset({"SECTION", "ENDSEC", "EOF", "BLOCK", "ENDBLK", "SEQEND", "VERTEX", "ATTDEF", "VIEWPORT"})
_EMBEDDED = frozenset({"IMAGE", "OLEFRAME", "OLE2FRAME", "PDFUNDERLAY", "DWFUNDERLAY", "DGNUNDERLAY", "POINTCLOUD"})
_NOT_DRAWN = frozenset(
    {
        "ACAD_TABLE", "TOLERANCE", "SHAPE", "RAY", "XLINE", "MULTILEADER", "MLEADER", "LIGHT", "SUN", "HELIX",
        "MPOLYGON", "ACAD_PROXY_ENTITY", "GEOPOSITIONMARKER", "SECTION_ENTITY", "RTEXT", "ARCALIGNEDTEXT",
        "COORDINATION MODEL",
    }
)  # fmt: skip
_SOLIDS = frozenset(
    {
        "3DSOLID", "BODY", "REGION", "SURFACE", "EXTRUDEDSURFACE", "LOFTEDSURFACE", "REVOLVEDSURFACE", "SWEPTSURFACE",
        "PLANESURFACE", "NURBSURFACE", "MESH",
    }
)  # fmt: skip
_CLIPPED = "SPATIAL_FILTER"
_TEXTS = frozenset({"TEXT", "MTEXT", "ATTRIB"})
_GEOMETRY = frozenset({"ENTITIES", "BLOCKS"})
_WORDS = frozenset({1, 3, 4, *range(300, 310)})
_HEADER_WORDS = frozenset(range(1, 9))
_XDATA = frozenset({1000, 1001, 1003})
_NUMBER = re.compile(r"[-+ \d.eE]*")


def text_of(untrusted: bytes) -> str:
    """The file as text, in the encoding that its version and code page name."""
    if untrusted.startswith(BINARY):
        raise TaskRefused("binary")
    if b"\0" in untrusted:
        raise TaskRefused("damaged")
    version = _VERSION.search(untrusted)
    page = _CODEPAGE.search(untrusted)
    encoding = "utf-8"
    if version is not None and version[1].decode() < _UNICODE_FROM:
        encoding = codepage_to_encoding.get(page[1].decode().lower() if page else "1252", "")
    try:
        if codecs.lookup(encoding or "?").name in _CODECS:
            return untrusted.decode(encoding).removeprefix("\ufeff")
    except (UnicodeDecodeError, LookupError) as error:
        raise TaskRefused("encoding") from error
    raise TaskRefused("encoding")


def survey(text: str, scene: Scene) -> None:
    """Collect what is beside the drawing into `scene`. Raises `TaskRefused` for what is never taken."""
    reading = _Reading(scene)
    for number, (code, value) in enumerate(_tags(text)):
        if number == MAX_TAGS:
            raise TaskRefused("entities")
        reading.tag(code, value)
    if not reading.sections & {"ENTITIES"}:
        raise TaskRefused("damaged")


def _tags(text: str) -> Iterator[tuple[int, str]]:
    lines = iter(io.StringIO(text))
    for line in lines:
        try:
            code = int(line)
            value = next(lines)
        except (ValueError, StopIteration) as error:
            if not line.strip():
                continue
            raise TaskRefused("damaged") from error
        yield code, value.rstrip("\r\n")


@dataclass(slots=True)
class _Reading:
    """Where in the file the reading is."""

    scene: Scene
    sections: set[str] = field(default_factory=set)
    types: Counter[str] = field(default_factory=Counter)
    _section: str = ""
    _type: str = ""
    _opening: bool = False

    def tag(self, code: int, value: str) -> None:
        """Take one tag into account."""
        if code == 999:
            self.scene.part("comment", value)
        elif code == 0:
            self._type, self._opening = value.strip(), value.strip() == "SECTION"
            self._begins()
        elif self._opening and code == 2:
            self._section, self._opening = value.strip(), False
            self.sections.add(self._section)
            self._enters()
        else:
            self._says(code, value)

    def _enters(self) -> None:
        if self._section == "THUMBNAILIMAGE":
            self.scene.left_out["thumbnail"] += 1

    def _begins(self) -> None:
        kind = self._type
        if self._section == "OBJECTS" and kind == _CLIPPED:
            raise TaskRefused("clipped")
        if self._section not in _GEOMETRY:
            return
        self.scene.visit()
        if kind in _SOLIDS:
            raise TaskRefused("solid")
        if kind in _EMBEDDED:
            self.scene.left_out["embedded-objects"] += 1
        elif kind in _NOT_DRAWN:
            self.scene.left_out["not-drawn"] += 1
        elif kind not in DRAWN | _AROUND:
            raise TaskRefused("unknown-entity")

    def _says(self, code: int, value: str) -> None:
        if code in _XDATA:
            self.scene.part("xdata", value)
        elif self._section == "HEADER":
            if code in _HEADER_WORDS and not _NUMBER.fullmatch(value):
                self.scene.part("header", value)
        elif code not in _WORDS:
            return
        elif self._section == "OBJECTS":
            self.scene.part("object", value)
        elif self._section in {"TABLES", "CLASSES"}:
            self.scene.part("table", value)
        elif self._section in _GEOMETRY and self._type not in _TEXTS:
            sort = "reference" if self._type == "BLOCK" else "hidden" if self._type in DRAWN else "left-out"
            self.scene.part(sort, value)
