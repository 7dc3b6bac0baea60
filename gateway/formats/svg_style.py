"""How an element of an SVG looks: presentation attributes, simple style sheets, inheritance. Only in the sandbox.

What cuts something off or changes what is seen in ways that are not drawn here (clips, masks, filters) refuses the
drawing: without them more would be seen than in the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from PIL import ImageColor

from gateway.formats.drawing_scene import Colour, Ink
from gateway.formats.svg_tree import Node
from gateway.sandbox.task import TaskRefused

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_SELECTOR = re.compile(r"(?:[a-zA-Z]+|\*)?(?:[.#][\w-]+)?")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_LENGTH = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Z%]*)\s*")
_PX = {"": 1.0, "px": 1.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "pt": 96 / 72, "pc": 16.0}
_CUTTING = ("clip-path", "mask", "filter", "clip", "mask-image")
_MARKERS = ("marker", "marker-start", "marker-mid", "marker-end")
_PAINT_SERVER: Colour = (200, 200, 200)
_INHERITED = frozenset(
    {
        "fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "stroke-opacity", "fill-rule", "color",
        "visibility", "font-size", "text-anchor",
    }
)  # fmt: skip
_OWN = frozenset({"opacity", "display", *_CUTTING, *_MARKERS})
_MAX_RULES = 2000


@dataclass(frozen=True, slots=True)
class Style:
    """What an element has from itself and from those around it; `opacity` is that of all together."""

    values: Mapping[str, str]
    opacity: float = 1.0
    font_px: float = 16.0
    displayed: bool = True
    marked: bool = False

    @property
    def visible(self) -> bool:
        """Whether anything of it can be seen."""
        return self.displayed and self.opacity > 0 and self.values.get("visibility", "visible") == "visible"


class Sheet:
    """The style sheets of a drawing: rules for names, classes and ids, the weakest first."""

    def __init__(self) -> None:
        self._rules: list[tuple[int, int, str, dict[str, str]]] = []

    def read(self, text: str) -> None:
        """Take in a `style` element. Raises `TaskRefused` for anything but plain rules."""
        text = _COMMENT.sub("", text)
        if any(sign in text for sign in ("@", "\\", "!", "<")) or _RULE.sub("", text).strip():
            raise TaskRefused("style")
        for selectors, body in _RULE.findall(text):
            for selector in selectors.split(","):
                self._add(selector.strip(), _declared(body))

    def _add(self, selector: str, declared: dict[str, str]) -> None:
        if not selector or not _SELECTOR.fullmatch(selector) or len(self._rules) == _MAX_RULES:
            raise TaskRefused("style")
        weight = 100 * selector.count("#") + 10 * selector.count(".") + (selector[0] not in ".#*")
        self._rules.append((weight, len(self._rules), selector, declared))
        self._rules.sort(key=lambda rule: rule[:2])

    def of(self, node: Node, around: Style) -> Style:
        """The style of an element inside another."""
        own = {name: value.strip() for name, value in node.attributes.items() if name in _INHERITED | _OWN}
        classes = node.attributes.get("class", "").split()
        for _, _, selector, declared in self._rules:
            if _fits(selector, node, classes):
                own |= declared
        own |= _declared(node.attributes.get("style", ""))
        if any(own.get(name, "none") not in {"none", "auto", ""} for name in _CUTTING):
            raise TaskRefused("clipped")
        kept = {name: value for name, value in own.items() if name in _INHERITED and value != "inherit"}
        return replace(
            around,
            values={**around.values, **kept},
            opacity=around.opacity * _share(own.get("opacity", "1")),
            font_px=_font_px(kept.get("font-size"), around.font_px),
            displayed=around.displayed and own.get("display", "inline") != "none",
            marked=any(own.get(name, "none") != "none" for name in _MARKERS),
        )


def ink_of(style: Style, stretch: float) -> tuple[Ink, int]:
    """How a shape of this style is drawn, and how many of its paints are drawn as one plain colour instead."""
    fill, fill_alpha, plain_fill = _paint(style, "fill", "black")
    stroke, stroke_alpha, plain_stroke = _paint(style, "stroke", "none")
    dashes = style.values.get("stroke-dasharray", "none")
    ink = Ink(
        stroke=stroke,
        fill=fill,
        stroke_opacity=stroke_alpha * style.opacity * _share(style.values.get("stroke-opacity", "1")),
        fill_opacity=fill_alpha * style.opacity * _share(style.values.get("fill-opacity", "1")),
        width_units=length(style.values.get("stroke-width", "1")) * stretch,
        dash_units=_dashes(dashes, stretch),
        even_odd=style.values.get("fill-rule") == "evenodd",
    )
    if ink.width_units == 0:
        ink = replace(ink, stroke=None)
    return ink, plain_fill + plain_stroke


def length(text: str) -> float:
    """A length in user units. Raises `TaskRefused` for one that depends on a screen or a font."""
    match = _LENGTH.fullmatch(text)
    if match is None or match[2] not in _PX:
        raise TaskRefused("unit")
    return float(match[1]) * _PX[match[2]]


def lengths(text: str) -> list[float]:
    """A list of lengths."""
    return [length(one) for one in re.split(r"[\s,]+", text.strip()) if one]


def _declared(body: str) -> dict[str, str]:
    pairs = (one.partition(":") for one in body.split(";"))
    found = {name.strip(): value.strip() for name, _, value in pairs if value.strip()}
    return {name: value for name, value in found.items() if name in _INHERITED | _OWN}


def _fits(selector: str, node: Node, classes: Iterable[str]) -> bool:
    name, sign, rest = re.split(r"([.#]|$)", selector, maxsplit=1)
    if name not in {"", "*", node.name}:
        return False
    return not sign or (rest in classes if sign == "." else rest == node.attributes.get("id"))


def _paint(style: Style, name: str, default: str) -> tuple[Colour | None, float, bool]:
    """Colour, opacity, and whether it stands for a gradient or a pattern."""
    told = style.values.get(name, default)
    if told.casefold() in {"currentcolor", "inherit"}:
        told = style.values.get("color", "black")
    if told in {"none", "transparent"}:
        return None, 0.0, False
    if told.startswith(("url(", "context-")):
        return _PAINT_SERVER, 1.0, True
    try:
        levels = ImageColor.getrgb(told)
    except ValueError as error:
        raise TaskRefused("style") from error
    return (levels[0], levels[1], levels[2]), levels[3] / 255 if len(levels) == 4 else 1.0, False


def _share(text: str) -> float:
    match = _LENGTH.fullmatch(text)
    if match is None or match[2] not in {"", "%"}:
        raise TaskRefused("style")
    return min(1.0, max(0.0, float(match[1]) / (100 if match[2] else 1)))


def _font_px(told: str | None, around_px: float) -> float:
    if told is None:
        return around_px
    match = _LENGTH.fullmatch(told)
    if match is not None and match[2] in {"em", "%"}:
        return around_px * float(match[1]) / (1 if match[2] == "em" else 100)
    return length(told)


def _dashes(told: str, stretch: float) -> tuple[float, ...]:
    if told == "none":
        return ()
    found = [abs(one) * stretch for one in lengths(told)]
    return tuple(found) if len(found) <= 16 else ()
