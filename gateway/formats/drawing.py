"""Drawings: DXF and SVG in, one sheet out, as a PDF made of pixels and allow-listed words, or as a PNG.

In: sandboxed readers (`parse_dxf`, `parse_svg`) give the names of layers and blocks, the texts with what they stand on,
and what is beside the drawing; the same readers, asked again, draw only what is selected. Out: as `write_drawing` says.
A line leaves only where its layer and every block that it stands in are allowed, a text only where it is allowed too.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.base.units import MIB
from gateway.formats import drawing_bounds as bounds
from gateway.formats import write_drawing
from gateway.formats.drawing_fields import drawing_fields
from gateway.formats.model import (
    Box,
    Content,
    Drawing,
    DrawingText,
    Element,
    Field,
    Mark,
    Plan,
    Rebuilt,
    Selection,
    Shown,
)
from gateway.formats.ports import NOTHING
from gateway.formats.problems import DrawingMissing, DrawingRefused, DrawingTooLarge
from gateway.formats.surface import Spot, Surface, surface_of
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused, ParseTimeout

DXF, SVG = "image/vnd.dxf", "image/svg+xml"
PARSE_TASKS: Mapping[str, str] = MappingProxyType(
    {DXF: "gateway.formats.parse_dxf:parse", SVG: "gateway.formats.parse_svg:parse"}
)
LIMITS = Limits(memory_bytes=1024 * MIB, cpu_s=12, wall_s=90, output_bytes=64 * MIB)

_NEEDED = ("ezdxf", "fontTools", "resvg_py")
_DXF = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s{0,9}999\r?\n[^\n]{0,200}\n){0,9}\s{0,9}0\r?\n\s{0,9}SECTION\r?\n")
_BINARY_DXF = b"AutoCAD Binary DXF"
_SVG = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}(?:<[?!][^<]{0,2000}>\s{0,200}){0,8}<(?:svg:)?svg[\s>]")
_DAMAGED = (DrawingRefused, "The drawing is damaged or was put together by hand; open it and export it anew.")
_CLIPPED = "; export it without clips and masks, or as a PDF."
_SENTENCES: Mapping[str, tuple[type[Problem], str]] = MappingProxyType(
    {
        "empty": (DrawingRefused, "The file is empty; send the drawing itself."),
        "damaged": _DAMAGED,
        "binary": (DrawingRefused, "This is a binary DXF; save it as ASCII DXF."),
        "encoding": (DrawingRefused, "The drawing is not in the encoding that it names; save it as DXF 2010 or later."),
        "solid": (
            DrawingRefused,
            "The drawing holds solids or meshes of a model; export flat views of what is asked for.",
        ),
        "clipped": (DrawingRefused, "The drawing cuts off what would else be seen" + _CLIPPED),
        "unknown-entity": (
            DrawingRefused,
            "The drawing holds entities of a type that is not known here; explode them into lines and texts.",
        ),
        "cycle": (DrawingRefused, "A block or symbol of the drawing stands within itself; export it anew."),
        "deep": (DrawingTooLarge, "The drawing is nested too deeply; explode its blocks or groups."),
        "entities": (
            DrawingTooLarge,
            "The drawing comes to more lines and points than any sheet needs; export a part of it.",
        ),
        "texts": (
            DrawingTooLarge,
            f"The drawing has more than {bounds.MAX_TEXTS} texts or a very long one; export a part of it.",
        ),
        "names": (
            DrawingTooLarge,
            "The drawing has more layers or blocks than can be decided on; export a part of it.",
        ),
        "coordinates": (DrawingRefused, "The drawing has points that lie nowhere or too far away; export it anew."),
        "nothing-drawn": (DrawingRefused, "The drawing shows nothing that can be drawn; send the sheet that is meant."),
        "xml": (DrawingRefused, "The SVG is not well-formed; export it anew."),
        "xml-doctype": (DrawingRefused, "The SVG declares a document type; export it as plain SVG."),
        "unknown-element": (DrawingRefused, "The SVG holds elements that are not known here; export it as plain SVG."),
        "style": (DrawingRefused, "The SVG has a style sheet of a form that is not read here; export it as plain SVG."),
        "unit": (DrawingRefused, "The SVG gives lengths in units that depend on a screen; export it as plain SVG."),
    }
)
_UNCLEAR = DrawingRefused("The reader's answer about this drawing does not add up; open it and export it anew.")
_TOO_LONG = "The drawing takes too long to draw; export a part of it."
_FIELD = re.compile(r"(layer|block)/[1-9]\d{0,5}")


def installed() -> bool:
    """Whether what reads drawings is here; nothing of it is imported for that."""
    return all(importlib.util.find_spec(name) is not None for name in _NEEDED)


class DrawingFormat:
    """The format of drawings. `classes_of` says which classes a text shows."""

    name = "drawing"
    media_types: tuple[str, ...] = (DXF, SVG)
    extensions: Mapping[str, str] = MappingProxyType({write_drawing.PDF: "pdf", write_drawing.PNG: "png"})

    def __init__(self, classes_of: Callable[[Sequence[str]], frozenset[str]], limits: Limits | None = None) -> None:
        self._classes_of = classes_of
        self._limits = limits or LIMITS

    def sniff(self, head: bytes) -> str | None:
        """DXF by its first section, SVG by its first element. Raises `DrawingMissing` where neither can be read."""
        if head.startswith(_BINARY_DXF):
            raise DrawingRefused(_SENTENCES["binary"][1])
        shown = DXF if _DXF.match(head) else SVG if _SVG.match(head) else None
        if shown is not None:
            _require_installed()
        return shown

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Drawing:
        """Layers, blocks, texts and parts; there is nothing to declare. Raises `DrawingRefused`, `…TooLarge`."""
        del steps  # one parse says nothing before its end
        if declared:
            raise DrawingRefused("A drawing has neither sheet nor encoding nor delimiter; take that out.")
        _require_installed()
        reader = _Reader(sandbox, untrusted_original, PARSE_TASKS[media_type], self._limits)
        return reader.drawing()

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """The whole canvas."""
        return surface_of(self.read(untrusted_original, media_type, sandbox), spot)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """Layers, blocks, then the texts, then what is beside the drawing."""
        return tuple(drawing_fields(_drawing(content), self._classes_of))

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """What is never drawn, counted by sort."""
        return {f"format:{sort}": count for sort, count in _drawing(content).left_out.items()}

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """The name of a layer or block, what a text says, all values of a part; nothing for a region."""
        match field.element:
            case Element.LAYER | Element.BLOCK | Element.TEXT:
                return (field.label,)
            case Element.METADATA:
                return _drawing(content).parts[field.label]
        return ()

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """One new sheet with what the plan allows, boxes over its regions, and a notice of what is withheld."""
        del secret  # the visible mark names the release itself; nothing here is keyed
        drawing = _drawing(content)
        return write_drawing.rebuild(drawing, plan, mark, self.left_behind(drawing))


def _drawing(content: Content) -> Drawing:
    if not isinstance(content, Drawing):
        raise TypeError("this format rebuilds drawings")
    return content


def _require_installed() -> None:
    if not installed():
        raise DrawingMissing("This gateway cannot read drawings; install it with the extra `drawing`.")


def _place(field_id: str) -> int:
    return int(field_id.partition("/")[2]) - 1


class _Reader:
    """One drawing in the sandbox; every answer is checked before it is believed."""

    def __init__(self, sandbox: Sandbox, untrusted: bytes, task: str, limits: Limits) -> None:
        self._sandbox = sandbox
        self._untrusted = untrusted
        self._task = task
        self._limits = limits

    def drawing(self) -> Drawing:
        """What the drawing is made of."""
        told = self._told(self._run({"what": "outline"}), blobs=1)
        try:
            size_px = _size(told["size_px"], (bounds.CANVAS_PX, bounds.CANVAS_PX))
            layers = _names(told["layers"], bounds.MAX_LAYERS)
            blocks = _names(told["blocks"], bounds.MAX_BLOCKS)
            texts = tuple(_text(one, size_px, len(layers), len(blocks)) for one in told["texts"])
            parts = {sort: _values(sort, values) for sort, values in told["parts"].items()}
            left_out = {sort: _count(sort, count) for sort, count in told["left_out"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _UNCLEAR from error
        if len(texts) > bounds.MAX_TEXTS:
            raise _UNCLEAR
        return Drawing(
            size_px, layers, blocks, texts, MappingProxyType(parts), MappingProxyType(left_out), self._show(texts)
        )

    def _show(self, texts: Sequence[DrawingText]) -> Callable[[Selection], Shown | None]:
        def show(selection: Selection) -> Shown | None:
            asked: dict[str, Json] = {
                "what": "draw",
                "on": sorted(selection.on),
                "texts": sorted(selection.texts),
                "area_px": list(selection.area_px),
            }
            reply = self._run(asked)
            told = self._told(reply, blobs=len(reply.blobs))
            try:
                return None if told["size_px"] is None else _shown(told, reply, selection, texts)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise _UNCLEAR from error

        return show

    def _told(self, reply: Reply, *, blobs: int) -> Any:
        if len(reply.blobs) != blobs or blobs not in {1, 2}:
            raise _UNCLEAR
        try:
            return json.loads(reply.blobs[0])
        except (ValueError, RecursionError) as error:
            raise _UNCLEAR from error

    def _run(self, request: Mapping[str, Json]) -> Reply:
        try:
            return self._sandbox.run(self._task, request, self._untrusted, self._limits)
        except ParseTimeout as error:
            raise DrawingTooLarge(_TOO_LONG) from error
        except ParseRefused as refused:
            if refused.code not in _SENTENCES:
                raise
            kind, sentence = _SENTENCES[refused.code]
            raise kind(sentence) from refused


def _shown(told: Any, reply: Reply, selection: Selection, drawing_texts: Sequence[DrawingText]) -> Shown:
    size_px = _size(told["size_px"], selection.area_px)
    (_, rgb) = reply.blobs
    if len(rgb) != 3 * size_px[0] * size_px[1]:
        raise _UNCLEAR
    words = tuple(
        (_number(number, selection.texts), _line(line, drawing_texts[number]), _box(place, size_px))
        for number, line, *place in told["words"]
    )
    left, top, scale = (float(one) for one in told["canvas"])
    if not all(map(math.isfinite, (left, top, scale))) or scale <= 0:
        raise _UNCLEAR
    return Shown(size_px, rgb, words, left, top, scale)


def _number(untrusted: Any, known: frozenset[int]) -> int:
    if type(untrusted) is not int or untrusted not in known:
        raise _UNCLEAR
    return untrusted


def _line(untrusted: Any, text: DrawingText) -> int:
    if type(untrusted) is not int or not 0 <= untrusted <= text.text.count("\n"):
        raise _UNCLEAR
    return untrusted


def _size(untrusted: Any, most: tuple[int, int]) -> tuple[int, int]:
    width, height = untrusted
    if type(width) is not int or type(height) is not int:
        raise _UNCLEAR
    if not (0 < width <= most[0] and 0 < height <= most[1] and width * height <= most[0] * most[1]):
        raise _UNCLEAR
    return width, height


def _names(untrusted: Any, most: int) -> tuple[tuple[str, int], ...]:
    if len(untrusted) > most:
        raise _UNCLEAR
    return tuple((_words(name, bounds.MAX_NAME_CHARS), _whole(count)) for name, count in untrusted)


def _text(untrusted: Any, size_px: tuple[int, int], layers: int, blocks: int) -> DrawingText:
    text, on, place = untrusted
    most = {"layer": layers, "block": blocks}
    for one in on:
        if not _FIELD.fullmatch(one) or _place(one) >= most[one.partition("/")[0]]:
            raise _UNCLEAR
    return DrawingText(_words(text, bounds.MAX_TEXT_CHARS), tuple(on), _box(place, size_px))


def _box(untrusted: Any, size_px: tuple[int, int]) -> Box:
    left, top, width, height = untrusted
    if any(type(side) is not int or side < 0 for side in (left, top, width, height)):
        raise _UNCLEAR
    if width < 1 or height < 1 or left + width > size_px[0] or top + height > size_px[1]:
        raise _UNCLEAR
    return Box(left, top, width, height)


def _values(sort: Any, untrusted: Any) -> tuple[str, ...]:
    if sort not in bounds.PART_SORTS or len(untrusted) > bounds.MAX_PART_VALUES:
        raise _UNCLEAR
    return tuple(_words(value, bounds.MAX_PART_CHARS) for value in untrusted)


def _count(sort: Any, untrusted: Any) -> int:
    if sort not in bounds.LEFT_OUT_SORTS:
        raise _UNCLEAR
    return _whole(untrusted)


def _whole(untrusted: Any) -> int:
    if type(untrusted) is not int or untrusted < 0:
        raise _UNCLEAR
    return untrusted


def _words(untrusted: Any, max_chars: int) -> str:
    if not isinstance(untrusted, str) or len(untrusted) > max_chars:
        raise _UNCLEAR
    return untrusted
