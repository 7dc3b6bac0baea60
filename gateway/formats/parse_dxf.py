"""The reader of DXF drawings. It runs only in the sandbox's child; the parent checks what it says.

1. `dxf_tags` looks at the raw tags: unknown types of entities, solids, clipped blocks and binary files are refused.
2. ezdxf builds the drawing, strictly. 3. Model space is walked in drawing order, through every insertion of a block,
seen from above. Each thing carries the ids of all layers and blocks that it stands on: its own layer and those of the
insertions around it. What is switched off, frozen, not plotted or invisible is not walked; its texts are remembered as
hidden. Budgets bound entities, depth, points and texts; a block within itself is refused.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ezdxf.document
import ezdxf.path
from ezdxf import bbox, explode, npshapes, reorder, transform, xref
from ezdxf.colors import aci2rgb, int2rgb
from ezdxf.lldxf.const import DXFError
from ezdxf.math import Matrix44, Vec3, clipping, linalg, offset2d
from ezdxf.render import leader, mline
from ezdxf.render.hatching import HatchingError, hatch_entity

from gateway.base.canon import Json
from gateway.formats import drawing_bounds as bounds
from gateway.formats import drawing_letters as letters
from gateway.formats import drawing_scene, dxf_tags
from gateway.formats.drawing_scene import Affine, Colour, Ink, Scene, Step
from gateway.sandbox.task import Answer, TaskRefused

# The library loads these when it first needs them, and a process behind walls can load nothing.
_PRELOADED = (bbox, clipping, explode, leader, linalg, mline, npshapes, offset2d, reorder, transform, xref)
_BROKEN = (DXFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError)
_BY_LAYER, _BY_BLOCK = 256, 0
_NEVER_PLOTTED = "defpoints"
_DARKEST_FOR_WHITE = 112
_DEFAULT_MM, _LEAST_MM, _MOST_MM = 0.25, 0.13, 1.4
_XREF_FLAGS = 4 | 8
_DIMENSIONS = frozenset({"DIMENSION", "ARC_DIMENSION", "LARGE_RADIAL_DIMENSION"})
_FILLED = frozenset({"SOLID", "TRACE"})
_COMPOUND = frozenset({"LEADER", "MLINE"})
_ACROSS = {"LEFT": 0.0, "CENTER": 0.5, "RIGHT": 1.0, "MIDDLE": 0.5}
_LINE_STEP = 5 / 3
_ALMOST_NONE = 1e-6


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Answers `what` (`outline` or `draw`): one blob of JSON, then, for `draw`, the pixels."""
    if not untrusted:
        raise TaskRefused("empty")
    told, blobs = drawing_scene.answer(request, scene_of(untrusted))
    return {}, (json.dumps(told).encode(), *blobs)


def scene_of(untrusted: bytes) -> Scene:
    """Everything that the drawing shows, and what is beside it. Raises `TaskRefused`."""
    text = dxf_tags.text_of(untrusted)
    scene = Scene(y_up=True)
    dxf_tags.survey(text, scene)
    try:
        document = ezdxf.document.Drawing.read(io.StringIO(text))
        _Walker(document, scene).walk()
    except RecursionError as error:
        raise TaskRefused("deep") from error
    except _BROKEN as error:
        raise TaskRefused("damaged") from error
    return scene


@dataclass(frozen=True, slots=True)
class _Around:
    """What the insertions around an entity give it: place, looks, and what it stands on."""

    matrix: Matrix44 | None = None
    layer: str = "0"
    colour: Colour = (0, 0, 0)
    width_mm: float = _DEFAULT_MM
    dashes: tuple[float, ...] = ()
    on: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


class _Walker:
    """Model space, entity by entity, into a scene."""

    def __init__(self, document: Any, scene: Scene) -> None:
        self._document = document
        self._scene = scene
        self._shown: set[int] = set()

    def walk(self) -> None:
        for layer in self._document.layers:
            self._scene.layer(layer.dxf.name)
        for entity in self._document.modelspace().entities_in_redraw_order():
            self._entity(entity, _Around())
        others = sum(len(layout) for layout in self._document.layouts if layout.name.casefold() != "model")
        self._scene.left_out["other-layouts"] += others
        self._remember_hidden()

    def _remember_hidden(self) -> None:
        for entity in self._document.entitydb.values():
            if entity.dxftype() in {"TEXT", "MTEXT", "ATTRIB", "ATTDEF"} and id(entity) not in self._shown:
                said = _plain(entity)
                if said.strip():
                    self._scene.part("hidden", said)
                    self._scene.left_out["hidden-text"] += 1

    def _entity(self, entity: Any, around: _Around) -> None:
        self._scene.visit()
        kind = entity.dxftype()
        if kind not in dxf_tags.DRAWN:
            return
        here = self._standing(entity, around)
        if here is None:
            self._scene.left_out["hidden-content"] += 1
            return
        if kind == "INSERT":
            self._insert(entity, here)
        elif kind in _DIMENSIONS:
            self._dimension(entity, here)
        elif kind in _COMPOUND:
            for part in entity.virtual_entities():
                self._entity(part, here)
        elif kind in {"TEXT", "ATTRIB"}:
            self._text(entity, here)
        elif kind == "MTEXT":
            self._mtext(entity, here)
        elif kind == "HATCH":
            self._hatch(entity, here)
        else:
            self._path(entity, kind, here)

    def _standing(self, entity: Any, around: _Around) -> _Around | None:
        """The entity's own layer and looks; None where it is not seen or not plotted."""
        name = entity.dxf.get("layer", "0")
        name = around.layer if name == "0" and around.inside else name
        layer = self._document.layers.get(name) if name in self._document.layers else None
        name = layer.dxf.name if layer is not None else name
        on = dict.fromkeys((*around.on, self._scene.layer(name)))
        hidden = entity.dxf.get("invisible", 0) or name.casefold() == _NEVER_PLOTTED
        if hidden or (layer is not None and (layer.is_off() or layer.is_frozen() or not layer.dxf.get("plot", 1))):
            return None
        return replace(
            around,
            layer=name,
            on=tuple(on),
            colour=_colour(entity, layer, around),
            width_mm=_width_mm(entity, layer, around),
            dashes=self._dashes(entity, layer, around),
        )

    def _dashes(self, entity: Any, layer: Any, around: _Around) -> tuple[float, ...]:
        name = entity.dxf.get("linetype", "BYLAYER")
        if name.upper() == "BYBLOCK":
            return around.dashes
        if name.upper() == "BYLAYER":
            name = layer.dxf.get("linetype", "CONTINUOUS") if layer is not None else "CONTINUOUS"
        if name not in self._document.linetypes:
            return ()
        scale = float(self._document.header.get("$LTSCALE", 1)) * entity.dxf.get("ltscale", 1)
        scale *= _stretch(around.matrix)
        pattern = self._document.linetypes.get(name).simplified_line_pattern()
        lengths = tuple(abs(float(length)) * scale for length in pattern)
        return lengths if len(lengths) <= 16 and all(map(math.isfinite, lengths)) else ()

    def _insert(self, insert: Any, here: _Around) -> None:
        name = insert.dxf.get("name", "")
        block = self._document.blocks.get(name)
        if block is None:
            self._scene.left_out["not-drawn"] += 1
            return
        if block.block.dxf.get("flags", 0) & _XREF_FLAGS:
            self._scene.left_out["external-references"] += 1
            return
        on = tuple(dict.fromkeys((*here.on, self._scene.block(block.name))))
        here = replace(here, on=on)
        for attrib in insert.attribs:
            self._entity(attrib, replace(here, inside=(*here.inside, "")))
        for place in _places(insert):
            self._block(block, replace(here, matrix=_combined(place.matrix44(), here.matrix)))

    def _dimension(self, dimension: Any, here: _Around) -> None:
        """Its lines and texts are in a block of its own, which has no name to be allowed by."""
        block = dimension.get_geometry_block()
        if block is None:
            self._scene.left_out["not-drawn"] += 1
            return
        self._block(block, here)

    def _block(self, block: Any, here: _Around) -> None:
        key = block.name.casefold()
        if key in here.inside:
            raise TaskRefused("cycle")
        if len(here.inside) == bounds.MAX_DEPTH:
            raise TaskRefused("deep")
        self._scene.visit()
        inside = replace(here, inside=(*here.inside, key))
        for entity in block:
            self._entity(entity, inside)

    def _path(self, entity: Any, kind: str, here: _Around) -> None:
        if kind == "POINT":
            place = Vec3(entity.dxf.location)
            self._draw(_line(place, place), here)
            return
        try:
            path = ezdxf.path.make_path(entity)
        except TypeError:
            # Meshes and surfaces made of polylines.
            self._scene.left_out["not-drawn"] += 1
            return
        steps = _steps(path)
        if kind == "WIPEOUT":
            self._draw(steps, here, Ink(fill=(255, 255, 255), mask=True))
        elif kind in _FILLED:
            self._draw(steps, here, Ink(fill=here.colour))
        else:
            width = entity.dxf.get("const_width", 0) * _stretch(here.matrix) if kind == "LWPOLYLINE" else 0
            self._draw(steps, here, replace(_stroke(here), width_units=width) if width > 0 else None)

    def _hatch(self, hatch: Any, here: _Around) -> None:
        if hatch.dxf.get("solid_fill", 0) or hatch.has_gradient_data:
            if hatch.has_gradient_data:
                self._scene.left_out["plain-fills"] += 1
            edges = [step for path in ezdxf.path.from_hatch(hatch) for step in (*_steps(path), ("Z", ()))]
            self._draw(edges, here, Ink(fill=here.colour, even_odd=True))
            return
        thin = replace(_stroke(here), width_mm=_LEAST_MM, dash_units=())
        try:
            for start, end in hatch_entity(hatch):
                self._scene.visit()
                self._draw(_line(start, end), here, thin)
        except HatchingError:
            self._scene.left_out["not-drawn"] += 1

    def _text(self, text: Any, here: _Around) -> None:
        if text.dxftype() == "ATTRIB" and text.is_invisible:
            return
        if text.dxftype() == "ATTRIB" and text.has_embedded_mtext_entity:
            self._shown.add(id(text))
            self._mtext(text.virtual_mtext_entity(), here)
            return
        self._shown.add(id(text))
        said, high = _plain(text), float(text.dxf.get("height", 1))
        align, start, end = text.get_placement()
        wide = letters.width(said, high)
        if not said.strip() or not wide:
            return
        stretch, turn, across, up = float(text.dxf.get("width", 1)), float(text.dxf.get("rotation", 0)), 0.0, 0.0
        if end is not None:
            reach = end - start
            stretch, turn = reach.magnitude / wide, math.degrees(math.atan2(reach.y, reach.x))
        else:
            down, _, side = align.name.rpartition("_")
            across = -wide * _ACROSS[side]
            up = -high * (
                1.0 if down == "TOP" else 0.5 if "MIDDLE" in (down, side) else -0.3 if down == "BOTTOM" else 0
            )
        place = _local(start, turn, text.ocs(), stretch)
        number = self._scene.add_text([said], here.on, upright=_is_upright(place, here.matrix))
        steps = _shifted(letters.outline(said, high), across, up)
        self._letters(steps, place, here, number)

    def _mtext(self, mtext: Any, here: _Around) -> None:
        self._shown.add(id(mtext))
        high, most = float(mtext.dxf.get("char_height", 1)), float(mtext.dxf.get("width", 0) or 0)
        lines = [piece for line in mtext.plain_text(split=True) for piece in _wrapped(line, high, most)]
        if not any(line.strip() for line in lines):
            return
        column, row = (int(mtext.dxf.get("attachment_point", 1)) - 1) % 3, (int(mtext.dxf.attachment_point) - 1) // 3
        step = high * _LINE_STEP * float(mtext.dxf.get("line_spacing_factor", 1))
        whole = high + step * (len(lines) - 1)
        top = -high + (0, whole / 2, whole)[row]
        place = _local(Vec3(mtext.dxf.insert), mtext.get_rotation(), None, 1.0)
        number = self._scene.add_text(lines, here.on, upright=_is_upright(place, here.matrix))
        for count, line in enumerate(lines):
            across = -letters.width(line, high) * column / 2
            steps = _shifted(letters.outline(line, high), across, top - count * step)
            self._letters(steps, place, here, number, count)

    def _letters(self, steps: Iterable[Step], place: Matrix44, here: _Around, number: int, line: int = 0) -> None:
        moved = _moved(steps, _flat(_combined(place, here.matrix)))
        self._scene.add(moved, Ink(fill=here.colour), here.on, number, line)

    def _draw(self, steps: Iterable[Step], here: _Around, ink: Ink | None = None) -> None:
        if here.matrix is not None:
            steps = _moved(steps, _flat(here.matrix))
        self._scene.add(steps, ink or _stroke(here), here.on)


def _plain(text: Any) -> str:
    return str(text.plain_text())


def _stroke(here: _Around) -> Ink:
    return Ink(stroke=here.colour, width_mm=here.width_mm, dash_units=here.dashes)


def _places(insert: Any) -> Iterator[Any]:
    """The insertion itself, or each of the rows and columns that it stands for."""
    if insert.mcount > bounds.MAX_VISITS:
        raise TaskRefused("entities")
    return insert.multi_insert() if insert.mcount > 1 else iter((insert,))


def _combined(inner: Matrix44, outer: Matrix44 | None) -> Matrix44:
    return inner if outer is None else inner * outer


def _stretch(matrix: Matrix44 | None) -> float:
    return 1.0 if matrix is None else Vec3(matrix.transform_direction(Vec3(1, 0, 0))).magnitude


def _flat(matrix: Matrix44) -> Affine:
    """What the matrix does to the drawing's plane, seen from above."""
    origin = matrix.transform(Vec3(0, 0, 0))
    across, up = matrix.transform_direction(Vec3(1, 0, 0)), matrix.transform_direction(Vec3(0, 1, 0))
    return across.x, across.y, up.x, up.y, origin.x, origin.y


def _moved(steps: Iterable[Step], affine: Affine) -> Iterable[Step]:
    return drawing_scene.transformed(steps, affine)


def _shifted(steps: Iterable[Step], across: float, up: float) -> Iterable[Step]:
    return _moved(steps, (1.0, 0.0, 0.0, 1.0, across, up))


def _local(origin: Vec3, turn: float, ocs: Any, stretch: float) -> Matrix44:
    """From a text's own plane, its baseline to the right, to the drawing."""
    place = Matrix44.scale(stretch, 1, 1) * Matrix44.z_rotate(math.radians(turn)) * Matrix44.translate(*origin.xyz)
    if ocs is None or not ocs.transform:
        return place
    return place * Matrix44.ucs(ocs.ux, ocs.uy, ocs.uz)


def _is_upright(place: Matrix44, matrix: Matrix44 | None) -> bool:
    a, b, c, d, _, _ = _flat(_combined(place, matrix))
    return a > 0 and d > 0 and abs(b) <= _ALMOST_NONE * a and abs(c) <= _ALMOST_NONE * d


def _wrapped(line: str, high: float, most: float) -> list[str]:
    if most <= 0 or letters.width(line, high) <= most:
        return [line]
    pieces: list[str] = []
    for word in line.split(" "):
        longer = f"{pieces[-1]} {word}" if pieces else word
        if pieces and letters.width(longer, high) <= most:
            pieces[-1] = longer
        else:
            pieces.append(word)
    return pieces


def _line(start: Any, end: Any) -> tuple[Step, ...]:
    return ("M", (start.x, start.y)), ("L", (end.x, end.y))


def _steps(path: Any) -> Iterator[Step]:
    """A path of the library, seen from above."""
    yield "M", (path.start.x, path.start.y)
    for command in path.commands():
        end = command.end
        match command.type:
            case ezdxf.path.Command.LINE_TO:
                yield "L", (end.x, end.y)
            case ezdxf.path.Command.CURVE3_TO:
                yield "Q", (command.ctrl.x, command.ctrl.y, end.x, end.y)
            case ezdxf.path.Command.CURVE4_TO:
                one, two = command.ctrl1, command.ctrl2
                yield "C", (one.x, one.y, two.x, two.y, end.x, end.y)
            case _:
                yield "M", (end.x, end.y)
    if path.is_closed:
        yield "Z", ()


def _colour(entity: Any, layer: Any, around: _Around) -> Colour:
    own = entity.dxf.get("true_color")
    if own is not None:
        return _on_white(int2rgb(own))
    index = abs(int(entity.dxf.get("color", _BY_LAYER)))
    if index == _BY_BLOCK:
        return around.colour
    if index == _BY_LAYER:
        if layer is None:
            return 0, 0, 0
        if layer.rgb is not None:
            return _on_white(layer.rgb)
        index = abs(int(layer.color))
    return _on_white(aci2rgb(index)) if 0 < index < _BY_LAYER else (0, 0, 0)


def _on_white(rgb: Iterable[int]) -> Colour:
    """Drawings are made on black: white becomes black, and what is as light is darkened until it shows on paper."""
    red, green, blue = (max(0, min(255, int(level))) for level in rgb)
    light = (299 * red + 587 * green + 114 * blue) // 1000
    if min(red, green, blue) >= 250:
        return 0, 0, 0
    if light <= _DARKEST_FOR_WHITE:
        return red, green, blue
    return tuple(level * _DARKEST_FOR_WHITE // light for level in (red, green, blue))  # type: ignore[return-value]


def _width_mm(entity: Any, layer: Any, around: _Around) -> float:
    hundredths = int(entity.dxf.get("lineweight", -1))
    if hundredths == -2:
        return around.width_mm
    if hundredths == -1 and layer is not None:
        hundredths = int(layer.dxf.get("lineweight", -3))
    return min(max(hundredths / 100, _LEAST_MM), _MOST_MM) if hundredths > 0 else _DEFAULT_MM
