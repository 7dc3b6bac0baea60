"""What of a document's styles matters for its words: whether they are seen, and what sort of paragraph they make.

Not seen is what is marked hidden, by itself or by a style of it; what hardly differs in brightness from its own ground;
what is smaller than three points or squeezed to a fifth; what has no fill. Where a switch stands at several levels of
style, one that hides is enough, unless the words themselves say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.formats.docx_xml import child, children, is_on, name_of, number, value
from gateway.formats.typed import Style

_MAX_DEPTH = 20
_VANISHING = ("vanish", "specVanish")
_LEAST_CONTRAST = 50
_LEAST_HALF_POINTS = 6
_LEAST_WIDTH_PERCENT = 20
_WHITE, _BLACK = "FFFFFF", "000000"
_THEME = {
    "background1": _WHITE,
    "light1": _WHITE,
    "background2": "E7E6E6",
    "light2": "E7E6E6",
    "text1": _BLACK,
    "dark1": _BLACK,
    "text2": "44546A",
    "dark2": "44546A",
}
_HIGHLIGHTS = {
    "black": _BLACK,
    "blue": "0000FF",
    "cyan": "00FFFF",
    "darkBlue": "00008B",
    "darkCyan": "008B8B",
    "darkGray": "A9A9A9",
    "darkGreen": "006400",
    "darkMagenta": "800080",
    "darkRed": "8B0000",
    "darkYellow": "808000",
    "green": "00FF00",
    "lightGray": "D3D3D3",
    "magenta": "FF00FF",
    "red": "FF0000",
    "white": _WHITE,
    "yellow": "FFFF00",
}
_HEADINGS = {0: Style.HEADING_1, 1: Style.HEADING_2}


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    based_on: str
    run: Element | None
    paragraph: Element | None
    hides: bool


class Looks:
    """The styles of one document."""

    def __init__(self, styles: Element | None) -> None:
        self._styles: dict[str, _Named] = {}
        defaults = child(child(child(styles, "docDefaults"), "rPrDefault"), "rPr")
        self._defaults = [defaults] if defaults is not None else []
        self._usual = ""
        for one in children(styles, "style"):
            key = value(one, "styleId") or ""
            self._styles[key] = _Named(
                (value(child(one, "name")) or "").casefold(),
                value(child(one, "basedOn")) or "",
                child(one, "rPr"),
                child(one, "pPr"),
                any(is_on(deeper) for deeper in one.iter() if name_of(deeper) in _VANISHING),
            )
            if value(one, "type") == "paragraph" and value(one, "default") in {"1", "true", "on"}:
                self._usual = key

    def of_paragraph(self, properties: Element | None) -> Paragraphs:
        """What a paragraph with these properties passes on to its words."""
        return Paragraphs(self, properties)

    def chain(self, style: str | None) -> Iterator[_Named]:
        """A style and those that it is based on."""
        for _ in range(_MAX_DEPTH):
            named = self._styles.get(style or "")
            if named is None:
                return
            yield named
            style = named.based_on

    def hides_table(self, properties: Element | None) -> bool:
        """Whether the style of a table with these properties hides anything in it: what, is not worked out."""
        return any(one.hides for one in self.chain(value(child(properties, "tblStyle"))))

    @property
    def usual(self) -> str:
        """The style of paragraphs that name none."""
        return self._usual

    @property
    def defaults(self) -> Sequence[Element]:
        """What holds for all words."""
        return self._defaults


class Paragraphs:
    """One paragraph: its sort, its list, and which of its words are seen."""

    def __init__(self, looks: Looks, properties: Element | None) -> None:
        self._looks = looks
        styles = list(looks.chain(value(child(properties, "pStyle")) or looks.usual))
        inherited = [one.paragraph for one in styles if one.paragraph is not None]
        self._properties = [properties, *inherited] if properties is not None else inherited
        self._runs = [one.run for one in styles if one.run is not None]
        self._names = [one.name for one in styles]
        self._mark = child(properties, "rPr")

    @property
    def style(self) -> Style:
        """Which sort of paragraph it is: a heading by its level in the outline or the name of its style."""
        level = next((at for one in self._properties if (at := number(child(one, "outlineLvl"))) is not None), None)
        for name in self._names:
            if name == "title":
                return Style.TITLE
            if level is None and name.startswith("heading ") and name[8:].isdecimal():
                level = int(name[8:9]) - 1
        if level is None or not 0 <= level <= 8:
            return Style.BODY
        return _HEADINGS.get(level, Style.HEADING_3)

    @property
    def starts_page(self) -> bool:
        """Whether a new page begins before it."""
        return is_on(self._first("pageBreakBefore"))

    @property
    def numbering(self) -> tuple[int, int] | None:
        """Its list and its level in that, or None."""
        found = [numbered for one in self._properties if (numbered := child(one, "numPr")) is not None]
        ids = [known for one in found if (known := number(child(one, "numId"))) is not None]
        levels = [known for one in found if (known := number(child(one, "ilvl"))) is not None]
        return (ids[0], levels[0] if levels else 0) if ids and ids[0] else None

    @property
    def mark_is_hidden(self) -> bool:
        """Whether its own end is hidden, so that without words it is not there at all."""
        return is_on(child(self._mark, "vanish"))

    def sees(self, run: Element | None, cell_ground: Element | None) -> bool:
        """Whether a reader sees the words of a run with these properties, in a cell with this shading."""
        named = self._looks.chain(value(child(run, "rStyle")))
        levels = [run, *(one.run for one in named), *self._runs, *self._looks.defaults]
        known = [one for one in levels if one is not None]
        return not (_is_hidden(run, known) or _is_small(known) or _has_no_fill(known)) and self._contrasts(
            known, cell_ground
        )

    def _contrasts(self, levels: Sequence[Element], cell_ground: Element | None) -> bool:
        grounds = [_shade(_first(levels, "shd")), _shade(self._first("shd")), _shade(cell_ground)]
        ground = next((one for one in grounds if one is not None), _WHITE)
        highlight = _HIGHLIGHTS.get(value(_first(levels, "highlight")) or "")
        colours = _colours(_first(levels, "color"))
        if not colours:
            # Word turns automatic letters white on dark shading; whoever marks words black means them to be unread.
            return highlight is None or _differ(_BLACK, highlight)
        return all(_differ(colour, highlight or ground) for colour in colours)

    def _first(self, name: str) -> Element | None:
        return _first(self._properties, name)


def _first(levels: Sequence[Element], name: str) -> Element | None:
    return next((found for one in levels if (found := child(one, name)) is not None), None)


def _is_hidden(run: Element | None, levels: Sequence[Element]) -> bool:
    for name in _VANISHING:
        own = child(run, name)
        if is_on(own) or (own is None and any(is_on(child(one, name)) for one in levels)):
            return True
    return False


def _is_small(levels: Sequence[Element]) -> bool:
    size, width = number(_first(levels, "sz")), number(_first(levels, "w"))
    return (size is not None and size < _LEAST_HALF_POINTS) or (width is not None and width < _LEAST_WIDTH_PERCENT)


def _has_no_fill(levels: Sequence[Element]) -> bool:
    fill = _first(levels, "w14:textFill")
    return fill is not None and any(name_of(one) in {"w14:noFill", "w14:alpha"} for one in fill.iter())


def _colours(element: Element | None) -> list[str]:
    """Every colour that readers may take this for; none where it is automatic."""
    told = (_hex(value(element)), _THEME.get(value(element, "themeColor") or ""))
    return [colour for colour in told if colour is not None]


def _shade(element: Element | None) -> str | None:
    """The ground that a shading makes, or None where it makes none."""
    if element is None:
        return None
    pattern = value(element) or "clear"
    if pattern == "nil":
        return None
    if pattern == "solid":
        return _hex(value(element, "color")) or _THEME.get(value(element, "themeColor") or "", _BLACK)
    return _THEME.get(value(element, "themeFill") or "") or _hex(value(element, "fill"))


def _hex(text: str | None) -> str | None:
    if text is None or len(text) != 6:
        return None
    return text if all(digit in "0123456789abcdefABCDEF" for digit in text) else None


def _differ(one: str, other: str) -> bool:
    return abs(_luma(one) - _luma(other)) >= _LEAST_CONTRAST


def _luma(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (0, 2, 4))
    return 0.299 * red + 0.587 * green + 0.114 * blue
