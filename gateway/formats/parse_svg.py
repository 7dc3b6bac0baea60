"""The reader of SVG drawings. It runs only in the sandbox's child; the parent checks what it says.

1. The XML is read without a document type; nothing is fetched, whatever refers elsewhere. 2. Shapes and texts are
walked in drawing order; `use` is followed within the file, never in a circle. Layers are those of Inkscape, or, where
there are none, groups with an id; blocks are what `use` refers to. 3. What is not displayed, scripts, foreign content,
pictures and animations are not walked: they are counted, and their words remembered. Clips, masks and filters, which
let less be seen than there is, refuse the drawing; so does every element that is not known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.base.canon import Json
from gateway.formats import drawing_bounds as bounds
from gateway.formats import drawing_letters as letters
from gateway.formats import drawing_scene, svg_shapes
from gateway.formats.drawing_scene import IDENTITY, Affine, Scene
from gateway.formats.svg_shapes import combined
from gateway.formats.svg_style import Sheet, Style, ink_of, length, lengths
from gateway.formats.svg_tree import INKSCAPE, XLINK, XML, Node, tree
from gateway.sandbox.task import Answer, TaskRefused

NO_LAYER = "(no layer)"

_CAPITAL = 0.73
_GROUPS = frozenset({"svg", "g", "a", "switch"})
_SAID_BESIDE = {"title": "title", "desc": "title", "metadata": "foreign"}
_DEFINED = frozenset(
    {
        "defs", "symbol", "linearGradient", "radialGradient", "pattern", "marker", "clipPath", "mask", "filter",
        "style", "view",
    }
)  # fmt: skip
_EMBEDDED = frozenset({"image", "foreignObject", "video", "audio", "iframe", "canvas"})
_MOVING = frozenset({"animate", "animateTransform", "animateMotion", "animateColor", "set", "discard"})
_ALMOST_NONE = 1e-6


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Answers `what` (`outline` or `draw`): one blob of JSON, then, for `draw`, the pixels."""
    if not untrusted:
        raise TaskRefused("empty")
    told, blobs = drawing_scene.answer(request, scene_of(untrusted))
    return {}, (json.dumps(told).encode(), *blobs)


def scene_of(untrusted: bytes) -> Scene:
    """Everything that the drawing shows, and what is beside it. Raises `TaskRefused`."""
    scene = Scene(y_up=False)
    root = tree(untrusted, scene)
    if "transform" in root.attributes:
        raise TaskRefused("unknown-element")
    scene.window = _window(root)
    try:
        _Walker(root, scene).walk()
    except RecursionError as error:
        raise TaskRefused("deep") from error
    return scene


def _window(root: Node) -> tuple[float, float, float, float] | None:
    """What is seen of the drawing's plane."""
    given = svg_shapes.numbers(root.attributes.get("viewBox", ""))
    if len(given) == 4:
        return given[0], given[1], given[0] + given[2], given[1] + given[3]
    sides = [root.attributes.get(name, "") for name in ("width", "height")]
    if any(not side or side.endswith("%") for side in sides):
        return None
    return 0.0, 0.0, length(sides[0]), length(sides[1])


@dataclass(frozen=True, slots=True)
class _Around:
    """What the groups around an element give it."""

    affine: Affine = IDENTITY
    style: Style = Style({})  # noqa: RUF009 - frozen
    on: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    """Some letters of one style, and where they begin; None goes on where the last ones ended."""

    text: str
    style: Style
    x: list[float]
    y: list[float]
    shift: tuple[float, float]


class _Walker:
    """The tree, element by element, into a scene."""

    def __init__(self, root: Node, scene: Scene) -> None:
        self._root = root
        self._scene = scene
        self._sheet = Sheet()
        self._by_id: dict[str, Node] = {}
        self._has_layers = False
        self._met: set[int] = set()
        self._index(root)

    def _index(self, node: Node) -> None:
        self._by_id.setdefault(node.attributes.get("id", ""), node)
        self._has_layers |= node.attributes.get(f"{INKSCAPE} groupmode") == "layer"
        if node.name == "style":
            self._sheet.read("".join(child for child in node.children if isinstance(child, str)))
        if " " in node.name or node.name in _SAID_BESIDE:
            for said in node.said():
                self._scene.part(_SAID_BESIDE.get(node.name, "foreign"), said)
            return
        for name, value in node.attributes.items():
            if name in {"href", f"{XLINK} href"}:
                self._scene.part("reference", value)
            elif name.startswith("on"):
                self._scene.part("script", value)
            elif " " in name or name.startswith(("data-", "aria-")):
                self._scene.part("foreign", value)
        for child in node.elements:
            self._index(child)

    def walk(self) -> None:
        self._element(self._root, _Around())
        for node in _texts(self._root):
            if id(node) not in self._met:
                self._remember_hidden("".join(_spoken(node)))

    def _remember_hidden(self, said: str) -> None:
        if said.strip():
            self._scene.part("hidden", said)
            self._scene.left_out["hidden-text"] += 1

    def _element(self, node: Node, around: _Around) -> None:
        self._scene.visit()
        if self._is_beside(node):
            return
        here = replace(
            around,
            style=self._sheet.of(node, around.style),
            affine=combined(around.affine, svg_shapes.transform_of(node)),
        )
        if not here.style.displayed:
            self._scene.left_out["hidden-content"] += 1
            return
        if node.name in _GROUPS:
            self._group(node, self._layered(node, here))
        elif node.name == "use":
            self._use(node, here)
        elif node.name == "text":
            self._text(node, here)
        elif node.name in svg_shapes.SHAPES:
            self._shape(node, here)
        else:
            raise TaskRefused("unknown-element")

    def _is_beside(self, node: Node) -> bool:
        """Whether the element is no part of what is drawn; then it is counted."""
        if " " in node.name or node.name in _SAID_BESIDE or node.name in _DEFINED:
            return True
        left_out = self._scene.left_out
        if node.name == "script":
            left_out["scripts"] += 1
            self._remember(node, "script")
        elif node.name in _EMBEDDED:
            left_out["embedded-objects"] += 1
            self._remember(node, "left-out")
        elif node.name in _MOVING:
            left_out["not-drawn"] += 1
        else:
            return False
        return True

    def _remember(self, node: Node, sort: str) -> None:
        for said in node.said():
            self._scene.part(sort, said)

    def _group(self, node: Node, here: _Around) -> None:
        if node.name == "svg" and node is not self._root:
            raise TaskRefused("clipped")
        children = list(node.elements)
        if node.name == "switch":
            # The first that can be shown everywhere.
            children = [
                one for one in children if one.name != "foreignObject" and "requiredFeatures" not in one.attributes
            ]
            children = children[:1]
        for child in children:
            self._element(child, here)

    def _layered(self, node: Node, here: _Around) -> _Around:
        is_layer = node.attributes.get(f"{INKSCAPE} groupmode") == "layer"
        name = node.attributes.get("id", "")
        if is_layer:
            name = node.attributes.get(f"{INKSCAPE} label", name)
        if node.name != "g" or not name or self._has_layers != is_layer:
            return here
        return replace(here, on=tuple(dict.fromkeys((*here.on, self._scene.layer(name)))))

    def _use(self, node: Node, here: _Around) -> None:
        target = node.attributes.get(f"{XLINK} href", node.attributes.get("href", ""))
        if not target.startswith("#"):
            self._scene.left_out["external-references"] += 1
            self._scene.part("reference", target)
            return
        name = target[1:]
        found = self._by_id.get(name)
        if found is None:
            self._scene.left_out["not-drawn"] += 1
            return
        if name in here.inside:
            raise TaskRefused("cycle")
        if len(here.inside) == bounds.MAX_DEPTH:
            raise TaskRefused("deep")
        place = (1.0, 0.0, 0.0, 1.0, length(node.attributes.get("x", "0")), length(node.attributes.get("y", "0")))
        inside = replace(
            here,
            affine=combined(here.affine, place),
            on=tuple(dict.fromkeys((*here.on, self._scene.block(name)))),
            inside=(*here.inside, name),
        )
        if found.name != "symbol":
            self._element(found, inside)
            return
        if "viewBox" in found.attributes:
            raise TaskRefused("clipped")
        inside = replace(inside, style=self._sheet.of(found, inside.style))
        for child in found.elements:
            self._element(child, inside)

    def _standing(self, here: _Around) -> tuple[str, ...]:
        """What a shape stands on: it always has a layer."""
        if any(one.startswith("layer/") for one in here.on):
            return here.on
        return (self._scene.layer(NO_LAYER), *here.on)

    def _shape(self, node: Node, here: _Around) -> None:
        ink, plain = ink_of(here.style, svg_shapes.stretch(here.affine))
        if not here.style.visible or (ink.fill is None and ink.stroke is None):
            self._scene.left_out["hidden-content"] += not here.style.visible
            return
        self._scene.left_out["plain-fills"] += plain
        self._scene.left_out["not-drawn"] += here.style.marked
        self._scene.add(drawing_scene.transformed(svg_shapes.steps_of(node), here.affine), ink, self._standing(here))

    def _text(self, node: Node, here: _Around) -> None:
        self._met.add(id(node))
        preserve = node.attributes.get(f"{XML} space") == "preserve"
        lines = _lines(self._runs(node, here.style, first=True), preserve=preserve)
        seen = [[run for run in line if run.style.visible and ink_of(run.style, 1.0)[0].fill] for line in lines]
        said = ["".join(run.text for run in line) for line in seen]
        whole = " ".join("".join(run.text for run in line) for line in lines)
        if whole.split() != " ".join(said).split():
            self._remember_hidden(whole)
        if not any(line.strip() for line in said):
            return
        on = self._standing(here)
        a, b, c, d, _, _ = here.affine
        upright = a > 0 and d > 0 and abs(b) <= _ALMOST_NONE * a and abs(c) <= _ALMOST_NONE * d
        number = self._scene.add_text(said, on, upright=upright)
        at = (0.0, 0.0)
        for place, line in enumerate(seen):
            at = self._line(line, at, here.affine, on, number, place)

    def _runs(self, node: Node, style: Style, *, first: bool = False) -> Iterator[_Run]:
        """The letters of a text, piece by piece, with the places that its elements give them."""
        x, y, dx, dy = (lengths(node.attributes.get(name, "")) for name in ("x", "y", "dx", "dy"))
        if first:
            x, y = x or [0.0], y or [0.0]
        shift = dx[0] if dx else 0.0, dy[0] if dy else 0.0
        for child in node.children:
            if isinstance(child, str):
                yield _Run(child, style, x, y, shift)
            elif child.name in {"tspan", "a"}:
                inner = self._sheet.of(child, style)
                if inner.displayed:
                    yield from _begun(self._runs(child, inner), x, y, shift)
                else:
                    self._remember_hidden("".join(_spoken(child)))
            elif not self._is_beside(child):
                raise TaskRefused("unknown-element")
            else:
                continue
            x, y, shift = [], [], (0.0, 0.0)

    def _line(
        self, line: list[_Run], at: tuple[float, float], affine: Affine, on: tuple[str, ...], number: int, place: int
    ) -> tuple[float, float]:
        """Draw the runs of one line one after the other: where it ends."""
        if not line:
            return at
        x, y = (line[0].x or [at[0]])[0], (line[0].y or [at[1]])[0]
        wide = sum(letters.width(run.text, run.style.font_px * _CAPITAL) + run.shift[0] for run in line)
        x -= wide * {"middle": 0.5, "end": 1.0}.get(line[0].style.values.get("text-anchor", "start"), 0.0)
        for run in line:
            ink = replace(ink_of(run.style, 1.0)[0], stroke=None, width_units=None)
            high = run.style.font_px * _CAPITAL
            x, y = x + run.shift[0], y + run.shift[1]
            # Where every letter has a place of its own it is set there.
            pieces = [*zip(run.x, run.text, strict=False)] if len(run.x) > 1 else [(x, run.text)]
            for left, piece in pieces:
                steps = drawing_scene.transformed(letters.outline(piece, high), (1.0, 0.0, 0.0, -1.0, left, y))
                self._scene.add(drawing_scene.transformed(steps, affine), ink, on, number, place)
            x = pieces[-1][0] + letters.width(pieces[-1][1], high) if pieces else x
        return x, y


def _begun(runs: Iterator[_Run], x: list[float], y: list[float], shift: tuple[float, float]) -> Iterator[_Run]:
    """The runs of an element; the first has the place that was given around it, unless it has its own."""
    for place, run in enumerate(runs):
        if place:
            yield run
        else:
            moved = run.shift[0] + shift[0], run.shift[1] + shift[1]
            yield replace(run, x=run.x or x, y=run.y or y, shift=moved)


def _lines(runs: Iterator[_Run], *, preserve: bool) -> list[list[_Run]]:
    """Runs that follow each other; a run with a place of its own begins a line."""
    lines: list[list[_Run]] = []
    ended = True
    for run in runs:
        begins = not lines or bool(run.x) or bool(run.y)
        text = run.text if preserve else re.sub(r"\s+", " ", run.text.replace("\n", " "))
        if not preserve and (begins or ended):
            text = text.lstrip()
        if not text and not begins:
            continue
        if begins:
            lines.append([])
        lines[-1].append(replace(run, text=text))
        ended = text.endswith(" ") or not text
    return lines


def _spoken(node: Node) -> Iterator[str]:
    for child in node.children:
        yield from (child,) if isinstance(child, str) else _spoken(child)


def _texts(node: Node) -> Iterator[Node]:
    """The texts in an element."""
    if node.name == "text":
        yield node
        return
    for child in node.elements:
        yield from _texts(child)
