"""A drawing between its reader and its pixels: shapes that know what they stand on. Only in the sandbox's child.

A shape is drawn when the layer and every block that it stands on, and the text that it belongs to, are asked for. What
is drawn becomes an SVG that is written here from numbers alone (paths, colours and widths; no text, name, reference or
style of the original) and is rendered from that.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import resvg_py
from PIL import Image, ImageFile, PngImagePlugin

from gateway.base.canon import Json
from gateway.formats import drawing_bounds as bounds
from gateway.sandbox.task import TaskRefused

# Pillow loads it when it first needs it, and a process behind walls can load nothing.
_PRELOADED = (ImageFile,)

# A step is a letter as in SVG paths (M, L, Q, C, Z) and absolute coordinates; y goes up or down as the scene says.
Step = tuple[str, tuple[float, ...]]
Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]
Affine = tuple[float, float, float, float, float, float]

IDENTITY: Affine = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_DPI, _MM_PER_INCH = 200, 25.4
_HAIRLINE_PX = 1.2
_RIM_PX = 8
_LEAST_DASH_PX = 1.5
# How far out the renderer's numbers are still exact to a sixteenth of a pixel.
_FAR_PX = 1e6


@dataclass(frozen=True, slots=True)
class Ink:
    """How a shape is drawn: colours, their opacity, and the line, in millimetres of paper or in the drawing's units.

    A `mask` hides what lies under it and is drawn whatever is asked for.
    """

    stroke: Colour | None = None
    fill: Colour | None = None
    stroke_opacity: float = 1.0
    fill_opacity: float = 1.0
    width_mm: float = 0.25
    width_units: float | None = None
    dash_units: tuple[float, ...] = ()
    even_odd: bool = False
    mask: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """Something drawn. `on` are the ids of the layers and blocks that it stands on; `text` is a place in `texts`, and
    `line` which of its lines this is.
    """

    steps: tuple[Step, ...]
    ink: Ink
    on: tuple[str, ...]
    text: int | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class SceneText:
    """A text of the drawing, line by line, what it stands on, and whether it runs from left to right."""

    text: str
    on: tuple[str, ...]
    upright: bool = True


@dataclass(slots=True)
class Scene:
    """Everything that a drawing visibly shows, in the order in which it is drawn; and, as `parts`, what is beside it.

    `window` is what is seen at all, where the original says so.
    """

    y_up: bool
    layers: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    texts: list[SceneText] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    parts: dict[str, dict[str, None]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    window: Rectangle | None = None
    _points: int = 0
    _visits: int = 0
    _ids: dict[tuple[str, str], str] = field(default_factory=dict)

    def layer(self, name: str) -> str:
        """The id of the layer with this name."""
        return self._id("layer", self.layers, name, bounds.MAX_LAYERS)

    def block(self, name: str) -> str:
        """The id of the block with this name."""
        return self._id("block", self.blocks, name, bounds.MAX_BLOCKS)

    def _id(self, sort: str, names: list[str], name: str, most: int) -> str:
        name = name[: bounds.MAX_NAME_CHARS]
        if (sort, name) not in self._ids:
            if len(names) == most:
                raise TaskRefused("names")
            names.append(name)
            self._ids[sort, name] = f"{sort}/{len(names)}"
        return self._ids[sort, name]

    def visit(self) -> None:
        """Count one entity that is looked at, so that nothing nests without end."""
        self._visits += 1
        if self._visits > bounds.MAX_VISITS:
            raise TaskRefused("entities")

    def add(self, steps: Iterable[Step], ink: Ink, on: tuple[str, ...], text: int | None = None, line: int = 0) -> None:
        """Draw this next. Raises `TaskRefused` for coordinates that are none and for too many of them."""
        shape = Shape(tuple(steps), ink, on, text, line)
        if not shape.steps:
            return
        for _, numbers in shape.steps:
            self._points += len(numbers) // 2
            if not all(abs(number) <= bounds.MAX_COORDINATE for number in numbers):
                raise TaskRefused("coordinates")
        if self._points > bounds.MAX_POINTS or len(self.shapes) == bounds.MAX_SHAPES:
            raise TaskRefused("entities")
        self.shapes.append(shape)

    def add_text(self, lines: Sequence[str], on: tuple[str, ...], *, upright: bool = True) -> int:
        """A text that is shown: its place in `texts`."""
        text = "\n".join(" ".join(line.split()) for line in lines)
        if len(self.texts) == bounds.MAX_TEXTS or len(text) > bounds.MAX_TEXT_CHARS:
            raise TaskRefused("texts")
        self.texts.append(SceneText(text, on, upright))
        return len(self.texts) - 1

    def part(self, sort: str, value: str) -> None:
        """Remember what is beside the drawing, so that it can be searched for in what leaves."""
        value = " ".join(value.split())[: bounds.MAX_PART_CHARS]
        kept = self.parts.setdefault(sort, {})
        if value and len(kept) < bounds.MAX_PART_VALUES:
            kept[value] = None


def answer(request: Mapping[str, Json], scene: Scene) -> tuple[Any, tuple[bytes, ...]]:
    """What `request` asks of a drawing: its outline, or the pixels of some of it."""
    if request["what"] == "outline":
        return _outline(scene), ()
    return _drawn(request, scene)


def transformed(steps: Iterable[Step], affine: Affine) -> Iterable[Step]:
    """The same steps elsewhere."""
    a, b, c, d, e, f = affine
    for letter, numbers in steps:
        moved: list[float] = []
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            moved += (a * x + c * y + e, b * x + d * y + f)
        yield letter, tuple(moved)


def extent(shapes: Iterable[Shape]) -> Rectangle | None:
    """Left, bottom, right, top of everything that is drawn, by the corners that its curves lie between."""
    xs: list[float] = []
    ys: list[float] = []
    for shape in shapes:
        for _, numbers in shape.steps:
            xs += numbers[::2]
            ys += numbers[1::2]
    return (min(xs), min(ys), max(xs), max(ys)) if xs else None


@dataclass(frozen=True, slots=True)
class View:
    """A part of the drawing and the pixels that show it."""

    left: float
    top: float
    scale: float
    size_px: tuple[int, int]
    y_up: bool

    @classmethod
    def of(cls, seen: Rectangle, area_px: tuple[int, int], *, y_up: bool) -> View:
        """As large as the area allows, with a rim for the width of lines; what has no width or height gets a little."""
        width, height = seen[2] - seen[0], seen[3] - seen[1]
        least = max(width, height, 1e-9) / 50
        width, height = max(width, least), max(height, least)
        scale = min((area_px[0] - 2 * _RIM_PX) / width, (area_px[1] - 2 * _RIM_PX) / height)
        size_px = (
            min(area_px[0], math.ceil(width * scale) + 2 * _RIM_PX),
            min(area_px[1], math.ceil(height * scale) + 2 * _RIM_PX),
        )
        left = (seen[0] + seen[2] - width) / 2 - _RIM_PX / scale
        middle, half = (seen[1] + seen[3]) / 2, height / 2 + _RIM_PX / scale
        return cls(left, middle + half if y_up else middle - half, scale, size_px, y_up)

    @property
    def affine(self) -> Affine:
        """From the drawing's units to pixels from the upper left corner."""
        down = -self.scale if self.y_up else self.scale
        return self.scale, 0.0, 0.0, down, -self.left * self.scale, -self.top * down

    def box(self, place: Rectangle) -> list[int]:
        """Left, top, width and height in whole pixels inside the view."""
        (left, top), (right, bottom) = self._pixel(place[0], place[1]), self._pixel(place[2], place[3])
        top, bottom = min(top, bottom), max(top, bottom)
        edges = [
            min(max(math.floor(left), 0), self.size_px[0] - 1),
            min(max(math.floor(top), 0), self.size_px[1] - 1),
            min(max(math.ceil(right), 1), self.size_px[0]),
            min(max(math.ceil(bottom), 1), self.size_px[1]),
        ]
        return [edges[0], edges[1], max(1, edges[2] - edges[0]), max(1, edges[3] - edges[1])]

    def _pixel(self, x: float, y: float) -> tuple[float, float]:
        a, _, _, d, e, f = self.affine
        return a * x + e, d * y + f


def _seen(scene: Scene, shapes: Sequence[Shape]) -> Rectangle | None:
    """How far what is drawn reaches, within what is seen at all."""
    found = extent(shape for shape in shapes if not shape.ink.mask)
    window = scene.window
    if found is None or window is None:
        return found
    cut = max(found[0], window[0]), max(found[1], window[1]), min(found[2], window[2]), min(found[3], window[3])
    return cut if cut[0] <= cut[2] and cut[1] <= cut[3] else None


def _canvas(scene: Scene) -> View:
    seen = _seen(scene, scene.shapes)
    if seen is None:
        raise TaskRefused("nothing-drawn")
    return View.of(seen, (bounds.CANVAS_PX, bounds.CANVAS_PX), y_up=scene.y_up)


def _outline(scene: Scene) -> dict[str, Any]:
    canvas = _canvas(scene)
    counts = Counter(one for shape in scene.shapes if not shape.ink.mask for one in shape.on)
    places = _places(scene.shapes, by_line=False)
    whole = [0, 0, *canvas.size_px]
    return {
        "size_px": list(canvas.size_px),
        "layers": [[name, counts[f"layer/{number}"]] for number, name in enumerate(scene.layers, start=1)],
        "blocks": [[name, counts[f"block/{number}"]] for number, name in enumerate(scene.blocks, start=1)],
        "texts": [
            [one.text, list(one.on), canvas.box(places[number, 0]) if (number, 0) in places else whole]
            for number, one in enumerate(scene.texts)
        ],
        "parts": {sort: list(values) for sort, values in scene.parts.items() if values},
        "left_out": {sort: count for sort, count in scene.left_out.items() if count},
    }


def _places(shapes: Iterable[Shape], *, by_line: bool) -> dict[tuple[int, int], Rectangle]:
    """Where each text is, or each of its lines, by its place in `texts` and the line's number."""
    members: dict[tuple[int, int], list[Shape]] = {}
    for shape in shapes:
        if shape.text is not None:
            members.setdefault((shape.text, shape.line if by_line else 0), []).append(shape)
    found = {number: extent(some) for number, some in members.items()}
    return {number: place for number, place in found.items() if place is not None}


def _drawn(request: Mapping[str, Json], scene: Scene) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """The pixels of what is asked for, as large as fits the area, and where its texts can be read there."""
    allowed, texts = _asked(request["on"]), _asked(request["texts"])
    width_px, height_px = _asked_size(request["area_px"])
    chosen = [
        one
        for one in scene.shapes
        if one.ink.mask or (allowed.issuperset(one.on) and (one.text is None or one.text in texts))
    ]
    seen = _seen(scene, chosen)
    if seen is None:
        return {"size_px": None}, ()
    view = View.of(seen, (width_px, height_px), y_up=scene.y_up)
    words = [
        [number, line, *view.box(place)]
        for (number, line), place in _readable(chosen, seen, view).items()
        if scene.texts[number].upright
    ]
    canvas = _canvas(scene)
    ratio = view.scale / canvas.scale
    a, _, _, d, e, f = canvas.affine
    left, top = a * view.left + e, d * view.top + f
    told = {"size_px": list(view.size_px), "words": words, "canvas": [left, top, ratio]}
    return told, (_pixels(chosen, view).tobytes(),)


def _readable(chosen: Sequence[Shape], seen: Rectangle, view: View) -> dict[tuple[int, int], Rectangle]:
    """Where the lines of texts are that can be seen: what makes no difference to the pixels is not said either."""
    places = _places(chosen, by_line=True)
    if not places:
        return {}
    half = View.of(seen, ((view.size_px[0] + 1) // 2, (view.size_px[1] + 1) // 2), y_up=view.y_up)
    drawn, bare = _pixels(chosen, half), _pixels([one for one in chosen if one.text is None], half)
    found = {}
    for key, place in places.items():
        left, top, width, height = half.box(place)
        corners = (left, top, left + width, top + height)
        if drawn.crop(corners).tobytes() != bare.crop(corners).tobytes():
            found[key] = place
    return found


def _asked(untrusted: Any) -> frozenset[Any]:
    return frozenset(untrusted)


def _asked_size(asked: Any) -> tuple[int, int]:
    width_px, height_px = asked
    return int(width_px), int(height_px)


def _pixels(shapes: Sequence[Shape], view: View) -> Image.Image:
    """8-bit RGB on white."""
    svg = svg_of(shapes, view)
    png = resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", skip_system_fonts=True)
    with PngImagePlugin.PngImageFile(io.BytesIO(png)) as picture:
        if picture.size != view.size_px:
            raise TaskRefused("damaged")
        return picture.convert("RGB")


def svg_of(shapes: Sequence[Shape], view: View) -> str:
    """The drawing written anew: one `path` for each shape, made of numbers."""
    width, height = view.size_px
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">']
    lines += (path for shape in shapes if (path := _path(shape, view)))
    lines.append("</svg>")
    return "\n".join(lines)


def _path(shape: Shape, view: View) -> str:
    """Nothing where the shape lies outside of the view: so far out the renderer knows no numbers.

    What reaches into the view from there is refused, since nobody knows whether it would be drawn.
    """
    ink = shape.ink
    steps = tuple(transformed(shape.steps, view.affine))
    width_px = 0.0 if ink.stroke is None else _width_px(ink, view)
    xs, ys = ([number for _, numbers in steps for number in numbers[axis::2]] for axis in (0, 1))
    if not xs or min(xs) - width_px > view.size_px[0] or max(xs) + width_px < 0:
        return ""
    if min(ys) - width_px > view.size_px[1] or max(ys) + width_px < 0:
        return ""
    if not all(abs(number) <= _FAR_PX for number in (width_px, *xs, *ys)):
        raise TaskRefused("coordinates")
    data = " ".join(letter + " ".join(f"{number:.2f}" for number in numbers) for letter, numbers in steps)
    words = [f'<path d="{data}" fill="{_hex(ink.fill)}" stroke="{_hex(ink.stroke)}"']
    if ink.fill is not None and ink.fill_opacity < 1:
        words.append(f'fill-opacity="{ink.fill_opacity:.3f}"')
    if ink.even_odd:
        words.append('fill-rule="evenodd"')
    if ink.stroke is not None:
        words += _line(ink, view, width_px)
    return " ".join(words) + "/>"


def _width_px(ink: Ink, view: View) -> float:
    paper_px = ink.width_mm * _DPI / _MM_PER_INCH
    return max(_HAIRLINE_PX, paper_px if ink.width_units is None else ink.width_units * view.scale)


def _line(ink: Ink, view: View, width_px: float) -> list[str]:
    words = [f'stroke-width="{width_px:.2f}"', 'stroke-linecap="round"', 'stroke-linejoin="round"']
    if ink.stroke_opacity < 1:
        words.append(f'stroke-opacity="{ink.stroke_opacity:.3f}"')
    dashes = [length * view.scale for length in ink.dash_units]
    if dashes and sum(dashes) >= 2 * _LEAST_DASH_PX * len(dashes) and max(dashes) <= bounds.MAX_SIDE_PX:
        words.append(f'stroke-dasharray="{" ".join(f"{max(length, _LEAST_DASH_PX):.2f}" for length in dashes)}"')
    return words


def _hex(colour: Colour | None) -> str:
    return "none" if colour is None else "#{:02x}{:02x}{:02x}".format(*colour)
