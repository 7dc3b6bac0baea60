"""The numbers that a document's lists count for themselves (ISO/IEC 29500-1, 17.9), as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from xml.etree.ElementTree import Element

from gateway.formats.docx_xml import child, children, is_on, number, value

UNKNOWN = "[number]"
BULLET = "•"
_LEVELS = 9
_LARGEST = 9_999
_MOST_CHARACTERS = 60
_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_HAN = "〇一二三四五六七八九"


@dataclass(slots=True)
class _Level:
    form: str = "decimal"
    text: str = ""
    start: int = 1
    legal: bool = False


class Numbers:
    """The lists of one document, counting as its paragraphs come."""

    def __init__(self, numbering: Element | None) -> None:
        known = {value(one, "abstractNumId"): _levels(one) for one in children(numbering, "abstractNum")}
        self._lists: dict[int, str] = {}
        self._levels: dict[int, dict[int, _Level]] = {}
        self._restarts: dict[int, dict[int, int]] = {}
        self._counts: dict[str, list[int | None]] = {}
        self.unknown = 0
        for one in children(numbering, "num"):
            key, of = number(one, "numId"), value(child(one, "abstractNumId")) or ""
            if key is None:
                continue
            self._lists[key] = of
            overrides = list(children(one, "lvlOverride"))
            self._levels[key] = {**known.get(of, {}), **_overridden(overrides)}
            self._restarts[key] = _restarts(overrides)

    def label(self, list_id: int, level: int) -> str:
        """What stands before the next paragraph of this list at this level; `UNKNOWN` where that cannot be told."""
        levels = self._levels.get(list_id)
        if levels is None or level not in levels:
            return ""
        counts = self._counts.setdefault(self._lists[list_id], [None] * _LEVELS)
        for at, start in self._restarts.pop(list_id, {}).items():
            counts[at] = start - 1
        self._count(levels, counts, level)
        own = levels[level]
        if own.form == "none" and not own.text:
            return ""
        if own.form == "bullet":
            return BULLET
        shown = self._shown(levels, counts, own)
        if shown is None:
            self.unknown += 1
            return UNKNOWN
        return shown[:_MOST_CHARACTERS]

    @staticmethod
    def _count(levels: Mapping[int, _Level], counts: list[int | None], level: int) -> None:
        for at in range(level):
            if counts[at] is None:
                counts[at] = levels[at].start if at in levels else 1
        before = counts[level]
        counts[level] = levels[level].start if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)

    @staticmethod
    def _shown(levels: Mapping[int, _Level], counts: list[int | None], own: _Level) -> str | None:
        parts = _PLACE.split(own.text)
        for at in range(1, len(parts), 2):
            place = int(parts[at]) - 1
            count = counts[place]
            form = "decimal" if own.legal else levels[place].form if place in levels else "decimal"
            written = None if count is None else _written(count, form)
            if written is None:
                return None
            parts[at] = written
        return "".join(parts)


def _levels(element: Element) -> dict[int, _Level]:
    return {at: _level(one) for one in children(element, "lvl") if 0 <= (at := number(one, "ilvl") or 0) < _LEVELS}


def _level(element: Element) -> _Level:
    start = number(child(element, "start"))
    return _Level(
        value(child(element, "numFmt")) or "decimal",
        value(child(element, "lvlText")) or "",
        1 if start is None else start,
        is_on(child(element, "isLgl")),
    )


def _overridden(overrides: list[Element]) -> dict[int, _Level]:
    return {
        at: _level(own)
        for one in overrides
        if 0 <= (at := number(one, "ilvl") or 0) < _LEVELS and (own := child(one, "lvl")) is not None
    }


def _restarts(overrides: list[Element]) -> dict[int, int]:
    return {
        at: start
        for one in overrides
        if 0 <= (at := number(one, "ilvl") or 0) < _LEVELS
        and (start := number(child(one, "startOverride"))) is not None
    }


def _written(count: int, form: str) -> str | None:
    """A number in one of the forms that are known here, or None."""
    if not 0 <= count <= _LARGEST:
        return None
    if count == 0 and form not in {"decimal", "decimalZero", "none"}:
        return None
    write = _FORMS.get(form)
    return None if write is None else write(count)


def _letters(count: int) -> str:
    return chr(ord("a") + (count - 1) % 26) * (1 + (count - 1) // 26)


def _roman(count: int) -> str:
    text = ""
    for worth, letters in _ROMAN:
        text += letters * (count // worth)
        count %= worth
    return text


def _han(count: int) -> str | None:
    if count >= 100:
        return None
    tens, ones = divmod(count, 10)
    text = ("" if tens == 1 else _HAN[tens]) + "十" if tens else ""
    return text + (_HAN[ones] if ones else "")


_FORMS: Mapping[str, Callable[[int], str | None]] = MappingProxyType(
    {
        "decimal": str,
        "decimalZero": lambda count: f"{count:02d}",
        "none": lambda _count: "",
        "lowerLetter": _letters,
        "upperLetter": lambda count: _letters(count).upper(),
        "lowerRoman": _roman,
        "upperRoman": lambda count: _roman(count).upper(),
        "chineseCounting": _han,
        "chineseCountingThousand": _han,
        "japaneseCounting": _han,
        "taiwaneseCounting": _han,
        "taiwaneseCountingThousand": _han,
    }
)
