"""What may be done to a cell: strict casts, then declared and visible changes. Pure, decimal, never a float.

A cast accepts what has one meaning and raises `Unreadable` for everything else: `1.234,56` and `1,234.56` are numbers,
`1.234` is not (a thousand, or little more than one?).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise

from gateway.base.canon import Json
from gateway.base.text import comparable, has_hidden
from gateway.formats.currencies import CURRENCIES, MARKS
from gateway.formats.model import Op, Transform

_SPACES = re.compile("[ \u00a0\u2007\u2009\u202f]")
_MYRIADS = {None: 1, "万": 10**4, "亿": 10**8}
_NUMBER = re.compile(
    rf"""(?:(?P<before>{MARKS})[\ \u00a0\u202f]?)?
    (?P<sign>[+\-\u2212]?)
    (?P<whole> \d+ | \d{{1,3}}(?:(?P<group>[.,'\u2019 \u00a0\u2007\u2009\u202f])\d{{3}})(?:(?P=group)\d{{3}})* )
    (?:(?P<point>[.,])(?P<fraction>\d+))?
    (?P<myriad>[万亿])?
    (?:[\ \u00a0\u202f]?(?P<after>{MARKS}))?""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
# Digits and signs of full width, as Chinese and Japanese keyboards make them.
_WIDE = {0xFF01 + at: 0x21 + at for at in range(0x5E) if chr(0x21 + at) in "0123456789+-.,/:$"} | {0xFFE5: 0xA5}
_MONTHS = (
    "januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november",
    "dezember",
)  # fmt: skip
_OTHER_MONTHS: Mapping[int, tuple[str, ...]] = dict.fromkeys(range(1, 13), ()) | {
    1: ("jänner", "jän"), 3: ("maerz", "mrz"), 9: ("sept",),
}  # fmt: skip
_DATES = (
    re.compile(
        r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?",
        re.ASCII,
    ),
    re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<d>\d{1,2})\. ?(?P<m>[A-Za-zÄä]{3,9}\.?) (?P<y>\d{4})", re.ASCII),
    re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})", re.ASCII),
    re.compile(r"(?P<y>\d{4})年(?P<m>\d{1,2})月(?P<d>\d{1,2})日", re.ASCII),
)
_YEARS = range(1900, 2101)
MASK = "****"
MAX_DIGITS = 30


class _Seen(dict[int, int | None]):
    """A table for `str.translate`, filled as characters are met."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if has_hidden(chr(code)) else code
        return self[code]


_SEEN = _Seen()


class Unreadable(ValueError):
    """The cell does not have one meaning as this type. Carries no value."""


def uncovered(text: str) -> str:
    """`text` without the characters that nobody sees."""
    return text if text.isascii() else text.translate(_SEEN)


def number(text: str, *, whole: bool = False) -> Decimal:
    """The one number that `text` can mean in English, German, French, Swiss or Chinese notation.

    A mark of currency beside it, digits of full width, 万 (ten thousand) and 亿 (a hundred million) are understood; a
    unit of measure is not. `whole` insists on integers.
    """
    match = _number_in(text)
    sign, digits, group, point, fraction = match.group("sign", "whole", "group", "point", "fraction")
    if group in {".", ","} and (point == group or (point is None and digits.count(group) == 1 and digits[0] != "0")):
        raise Unreadable("a thousand or a fraction")
    if group is None and point is not None and len(fraction) == 3 and len(digits) <= 3 and digits != "0":
        raise Unreadable("a thousand or a fraction")
    if group is not None and digits[0] == "0":
        if point is not None or digits.count(group) > 1 or group not in ".,":
            raise Unreadable("a leading zero")
        digits, fraction = digits.split(group)
        group = None
    plain = digits if group is None else digits.replace(group, "")
    value = Decimal(f"{'-' if sign in ('-', chr(0x2212)) else ''}{plain}.{fraction or '0'}")
    value *= _MYRIADS[match["myriad"]]
    if whole and value != value.to_integral_value():
        raise Unreadable("not a whole number")
    return value


def currency(text: str) -> str | None:
    """The currency whose mark stands beside the number in `text`, if one does."""
    text = _narrow(text).strip().upper()
    return next((name for mark, name in CURRENCIES.items() if text.startswith(mark) or text.endswith(mark)), None)


def amount(text: str, unit: str) -> Decimal:
    """The one number of `unit` that `text` can mean: what names a currency is of no other one, nor of any measure."""
    if unit and currency(text) not in {None, CURRENCIES.get(unit.upper())}:
        raise Unreadable("another currency")
    return number(text)


def _number_in(text: str) -> re.Match[str]:
    match = _NUMBER.fullmatch(_narrow(text).strip())
    if match is None or len(text) > MAX_DIGITS or (match["before"] and match["after"]):
        raise Unreadable("not a number")
    return match


def _narrow(text: str) -> str:
    return text if text.isascii() else text.translate(_WIDE)


def day(text: str) -> date:
    """The day that `text` names, between 1900 and 2100.

    ISO 8601, DD.MM.YYYY, D. Monat YYYY in German, YYYY/MM/DD or 2025年3月1日, in digits of any width.
    """
    text = _narrow(text).strip()
    for pattern in _DATES:
        match = pattern.fullmatch(text)
        month = _month(match["m"]) if match else 0
        if match and int(match["y"]) in _YEARS:
            try:
                return date(int(match["y"]), month, int(match["d"]))
            except ValueError as error:
                raise Unreadable("no such day") from error
    raise Unreadable("not a date")


def _month(text: str) -> int:
    """The month by its number or its German name, written out or cut to three letters; 0 where it is none."""
    if text.isdecimal():
        return int(text)
    name = text.removesuffix(".").casefold()
    known = [number for number, month in enumerate(_MONTHS, 1) if name in {month, month[:3], *_OTHER_MONTHS[number]}]
    return known[0] if known else 0


@dataclass(frozen=True, slots=True)
class Below:
    """The cells that hold less than `bound`, or something that is no number of `unit`; not those that are blank."""

    bound: Decimal
    unit: str

    def __contains__(self, cell: object) -> bool:
        text = str(cell)
        try:
            return bool(text.strip()) and amount(text, self.unit) < self.bound
        except Unreadable:
            return True


def require_type(text: str, value_type: str) -> str:
    """`text` trimmed, when it can be read as `value_type`; for what is disclosed as it stands."""
    text = text.strip()
    if value_type in {"decimal", "integer"}:
        _number_in(text)
    elif value_type == "date":
        day(text)
    return text


def changer(transform: Transform, value_type: str) -> Callable[[str], str]:
    """The function that carries out `transform` on one cell that is not empty. Raises `ValueError` on bad parameters.

    Not for pseudonyms, which need the whole column, nor for what withholds.
    """
    params = transform.params
    match transform.op:
        case Op.ALLOW:
            return lambda text: require_type(text, value_type)
        case Op.BUCKET:
            return _bucket(texts_in(params, "edges"), text_in(params, "unit"))
        case Op.ROUND:
            return _round(text_in(params, "to"), text_in(params, "unit"))
        case Op.TRUNCATE_DATE:
            return _truncate(text_in(params, "to"))
        case Op.MASK:
            return _mask(kept_by(params))
        case Op.GENERIC_NAME:
            return _generic_name(params)
    raise ValueError(f"{transform.op} does not change cells")


def text_in(params: Mapping[str, Json], name: str) -> str:
    """A parameter that is text; empty where there is none."""
    value = params.get(name, "")
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text")  # noqa: TRY004 - one family for all bad parameters
    return value


def texts_in(params: Mapping[str, Json], name: str) -> list[str]:
    """A parameter that is a list."""
    values = params.get(name)
    if not isinstance(values, list | tuple) or not values:
        raise ValueError(f"{name} must be a list")
    return [str(value) for value in values]


def intervals(edges: list[str], unit: str) -> tuple[list[Decimal], list[str]]:
    """The ascending bounds of a bucket, and the labels of the intervals below, between and above them."""
    bounds = [Decimal(edge) for edge in edges]
    if bounds != sorted(set(bounds)):
        raise ValueError("edges must ascend")
    tail = f" {unit}" if unit else ""
    labels = [f"<{edges[0]}{tail}"]
    labels += [f"{low} – <{high}{tail}" for low, high in pairwise(edges)]
    labels.append(f"≥{edges[-1]}{tail}")
    return bounds, labels


def _bucket(edges: list[str], unit: str) -> Callable[[str], str]:
    bounds, labels = intervals(edges, unit)
    return lambda text: labels[bisect_right(bounds, amount(text, unit))]


def multiple(steps: Decimal, step: Decimal, unit: str) -> str:
    """So many steps as they are shown. Zero has one form: a value of -0.2 is not told apart from one of 0.2."""
    rounded = steps * step
    return f"{rounded or abs(rounded):f}{f' {unit}' if unit else ''}"


def _round(step_text: str, unit: str) -> Callable[[str], str]:
    step = step_of(step_text)
    return lambda text: multiple((amount(text, unit) / step).quantize(Decimal(1), ROUND_HALF_EVEN), step, unit)


def step_of(text: str) -> Decimal:
    """The step of a rounding. Raises `ValueError` unless it is more than zero."""
    step = Decimal(text)
    if not step > 0:
        raise ValueError("the step must be more than zero")
    return step


def _truncate(period: str) -> Callable[[str], str]:
    forms: dict[str, Callable[[date], str]] = {
        "year": lambda when: f"{when.year}",
        "quarter": lambda when: f"{when.year}-Q{(when.month + 2) // 3}",
        "month": lambda when: f"{when.year}-{when.month:02d}",
    }
    if period not in forms:
        raise ValueError("the period must be year, quarter or month")
    form = forms[period]
    return lambda text: form(day(text))


def kept_by(params: Mapping[str, Json]) -> int:
    """How many characters a mask leaves at the end."""
    keep = params.get("keep_last", 0)
    if not isinstance(keep, int) or isinstance(keep, bool) or keep < 0:
        raise ValueError("keep_last must be a whole number")
    return keep


def _mask(keep: int) -> Callable[[str], str]:
    def change(text: str) -> str:
        text = text.strip()
        return MASK + (text[-keep:] if keep and len(text) >= 2 * keep else "")

    return change


def _generic_name(params: Mapping[str, Json]) -> Callable[[str], str]:
    names = params.get("names")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise ValueError("names must map texts to texts")

    def change(text: str) -> str:
        name = names.get(comparable(text))
        if name is None:
            raise Unreadable("no name for it")
        return str(name)

    return change
