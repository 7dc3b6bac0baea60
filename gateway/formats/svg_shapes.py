"""The shapes of an SVG as steps in its user units, y downwards. Only in the sandbox's child."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fontTools.svgLib.path import parse_path

from gateway.formats.drawing_scene import IDENTITY, Affine, Step
from gateway.formats.svg_style import length
from gateway.formats.svg_tree import Node
from gateway.sandbox.task import TaskRefused

# How far the handles of a quarter of a circle reach.
_QUARTER = 0.5522847498
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TRANSFORM = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)\s*")


class _Pen:
    """Takes what a path is made of."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def _step(self, letter: str, *points: Any) -> None:
        self.steps.append((letter, tuple(float(number) for point in points for number in point)))

    def moveTo(self, point: Any) -> None:  # noqa: N802 - the library's name
        self._step("M", point)

    def lineTo(self, point: Any) -> None:  # noqa: N802
        self._step("L", point)

    def curveTo(self, *points: Any) -> None:  # noqa: N802
        self._step("C", *points)

    def qCurveTo(self, *points: Any) -> None:  # noqa: N802
        self._step("Q", *points)

    def closePath(self) -> None:  # noqa: N802
        self._step("Z")

    def endPath(self) -> None:  # noqa: N802
        """Nothing: an open path has no step for its end."""


def steps_of(node: Node) -> list[Step]:
    """A basic shape or a path. Raises `TaskRefused`."""
    return list(_SHAPES[node.name](node))


def transform_of(node: Node) -> Affine:
    """What its `transform` says."""
    told = node.attributes.get("transform", "")
    affine, at = IDENTITY, 0
    while at < len(told.rstrip()):
        match = _TRANSFORM.match(told, at)
        if match is None:
            raise TaskRefused("damaged")
        affine = combined(affine, _affine(match[1], numbers(match[2])))
        at = match.end()
    return affine


def combined(outer: Affine, inner: Affine) -> Affine:
    """First `inner`, then `outer`."""
    a, b, c, d, e, f = outer
    k, m, n, o, p, q = inner
    return a * k + c * m, b * k + d * m, a * n + c * o, b * n + d * o, a * p + c * q + e, b * p + d * q + f


def stretch(affine: Affine) -> float:
    """How much longer lines become, on the average of all directions."""
    return math.sqrt(abs(affine[0] * affine[3] - affine[1] * affine[2]))


def numbers(text: str) -> list[float]:
    """All numbers in a list of them; anything else but separators refuses."""
    if _NUMBER.sub("", text).strip(" \t\r\n,"):
        raise TaskRefused("damaged")
    return [float(one) for one in _NUMBER.findall(text)]


def _affine(name: str, given: list[float]) -> Affine:
    match name, given:
        case "matrix", [a, b, c, d, e, f]:
            return a, b, c, d, e, f
        case "translate", [x, *rest] if len(rest) <= 1:
            return 1.0, 0.0, 0.0, 1.0, x, rest[0] if rest else 0.0
        case "scale", [x, *rest] if len(rest) <= 1:
            return x, 0.0, 0.0, rest[0] if rest else x, 0.0, 0.0
        case "rotate", [angle, *rest] if len(rest) in {0, 2}:
            turn = math.radians(angle)
            cos, sin = math.cos(turn), math.sin(turn)
            x, y = rest or (0.0, 0.0)
            return cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y
        case "skewX", [angle]:
            return 1.0, 0.0, math.tan(math.radians(angle)), 1.0, 0.0, 0.0
        case "skewY", [angle]:
            return 1.0, math.tan(math.radians(angle)), 0.0, 1.0, 0.0, 0.0
    raise TaskRefused("damaged")


def _of(node: Node, name: str) -> float:
    return length(node.attributes.get(name, "0"))


def _path(node: Node) -> Iterator[Step]:
    pen = _Pen()
    try:
        parse_path(node.attributes.get("d", ""), pen)
    except (ValueError, IndexError, TypeError, AssertionError, ZeroDivisionError, OverflowError) as error:
        raise TaskRefused("damaged") from error
    yield from pen.steps


def _line(node: Node) -> Iterator[Step]:
    yield "M", (_of(node, "x1"), _of(node, "y1"))
    yield "L", (_of(node, "x2"), _of(node, "y2"))


def _points(node: Node) -> Iterator[Step]:
    given = numbers(node.attributes.get("points", ""))
    for place, point in enumerate(zip(given[::2], given[1::2], strict=False)):
        yield "L" if place else "M", point


def _polygon(node: Node) -> Iterator[Step]:
    steps = list(_points(node))
    yield from steps
    if steps:
        yield "Z", ()


def _rect(node: Node) -> Iterator[Step]:
    x, y, wide, high = (_of(node, name) for name in ("x", "y", "width", "height"))
    if wide <= 0 or high <= 0:
        return
    given = {name: _of(node, name) for name in ("rx", "ry") if node.attributes.get(name, "auto") != "auto"}
    rx = min(given.get("rx", given.get("ry", 0.0)), wide / 2)
    ry = min(given.get("ry", given.get("rx", 0.0)), high / 2)
    if rx <= 0 or ry <= 0:
        yield from (("M", (x, y)), ("L", (x + wide, y)), ("L", (x + wide, y + high)), ("L", (x, y + high)), ("Z", ()))
        return
    right, low, hx, hy = x + wide, y + high, rx * (1 - _QUARTER), ry * (1 - _QUARTER)
    yield "M", (x + rx, y)
    yield "L", (right - rx, y)
    yield "C", (right - hx, y, right, y + hy, right, y + ry)
    yield "L", (right, low - ry)
    yield "C", (right, low - hy, right - hx, low, right - rx, low)
    yield "L", (x + rx, low)
    yield "C", (x + hx, low, x, low - hy, x, low - ry)
    yield "L", (x, y + ry)
    yield "C", (x, y + hy, x + hx, y, x + rx, y)
    yield "Z", ()


def _circle(node: Node) -> Iterator[Step]:
    return _oval(_of(node, "cx"), _of(node, "cy"), _of(node, "r"), _of(node, "r"))


def _ellipse(node: Node) -> Iterator[Step]:
    return _oval(_of(node, "cx"), _of(node, "cy"), _of(node, "rx"), _of(node, "ry"))


def _oval(x: float, y: float, rx: float, ry: float) -> Iterator[Step]:
    if rx <= 0 or ry <= 0:
        return
    hx, hy = rx * _QUARTER, ry * _QUARTER
    yield "M", (x + rx, y)
    yield "C", (x + rx, y + hy, x + hx, y + ry, x, y + ry)
    yield "C", (x - hx, y + ry, x - rx, y + hy, x - rx, y)
    yield "C", (x - rx, y - hy, x - hx, y - ry, x, y - ry)
    yield "C", (x + hx, y - ry, x + rx, y - hy, x + rx, y)
    yield "Z", ()


_SHAPES: Mapping[str, Callable[[Node], Iterator[Step]]] = {
    "path": _path,
    "line": _line,
    "polyline": _points,
    "polygon": _polygon,
    "rect": _rect,
    "circle": _circle,
    "ellipse": _ellipse,
}
SHAPES = frozenset(_SHAPES)
