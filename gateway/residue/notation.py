"""Numbers and dates by what they mean: 48211, 48.211,00 and 4.8211E4 are one number, 14.03.2025 and 2025-03-14 one day.

A notation can be read in more than one way (48,211 is either forty-eight thousand or forty-eight); every reading
counts, so that the search errs towards finding. Signs are left out: -5 and 5 carry the same secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import log2

BITS_PER_DIGIT = log2(10)
_PRECISION = 12  # digits at which a binary fraction written out (77.34999999999999) meets its decimal (77.35)
_MAX_CHARS = 64

# Bounded, so that a cell of nothing but groups costs no more than its length.
_BODY = r"\d{1,3}(?:[ '’]\d{3}){1,20}(?:[.,]\d+)?|\d+(?:[.,]\d+){0,20}"
_NUMBER = rf"(?P<body>{_BODY})(?:[eE](?P<exponent>[+-]?\d{{1,3}}))?"
_UNIT = r"[€$£¥%]|[^\W\d_]{1,3}\.?"
_WHOLE = re.compile(rf"[\s(]*(?:{_UNIT})?\s*[+\-−]?\s*{_NUMBER}\s*(?:{_UNIT})?[\s)]*", re.ASCII)
_PLAIN = re.compile(r"(\d+)(?:\.(\d\d?))?", re.ASCII)
# Of units only these are taken off a number that they are glued to: fewer would miss `4821150kg`, more would find
# numbers in pseudonyms.
_GLUED = r"(?:EUR|USD|CNY|RMB|JPY|GBP|CHF|PO|SO|NO|NR|KG|MT|PCS|STK|MM|KM|KW)"
_INSIDE = re.compile(
    rf"(?<![A-Za-z0-9])(?:{_GLUED})?(?P<token>(?:{_BODY})(?:E[+-]?\d{{1,3}})?)(?:{_GLUED})?(?![A-Za-z0-9])",
    re.IGNORECASE,
)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jaenner jänner",
            "feb february februar",
            "mar march märz maerz mrz",
            "apr april",
            "may mai",
            "jun june juni",
            "jul july juli",
            "aug august",
            "sep sept september",
            "oct okt october oktober",
            "nov november",
            "dec dez december dezember",
        ),
        start=1,
    )
    for name in names.split()
}
_TIME = re.compile(r"[Tt ]\d{1,2}:\d{2}.*\Z")
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.:年]\s*(\d{1,2})\s*[-/.:月]\s*(\d{1,2})\s*日?")
_YEAR_LAST = re.compile(r"(\d{1,2})\s*[-/.]\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2})")
_PACKED = re.compile(r"(\d{4})(\d{2})(\d{2})")
_DAY_NAME = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]*([^\W\d_]{3,9})\.?[\s,-]*(\d{4})")
_NAME_DAY = re.compile(r"([^\W\d_]{3,9})\.?\s*(\d{1,2})(?:st|nd|rd|th)?[\s,]+(\d{4})")

Number = tuple[str, int]
Day = tuple[int, int, int]


def whole_number(text: str) -> frozenset[Number]:
    """Every reading of `text` as one number, perhaps with a sign and a short unit; empty if it is not a number.

    A reading is its significant digits and the power of ten behind them: `1200` is `("12", 2)`.
    """
    if len(text) > _MAX_CHARS:
        return frozenset()
    if match := _PLAIN.fullmatch(text):
        return frozenset({_number(match[1], match[2] or "", 0)})
    match = _WHOLE.fullmatch(text)
    return _readings(match["body"], match["exponent"]) if match else frozenset()


def short_number(text: str) -> Number | None:
    """The one reading of a few bare digits with at most two decimals, which most numbers of tables are; else None."""
    if len(text) > _PRECISION or not _PLAIN.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    stripped = (whole + fraction).lstrip("0")
    significant = stripped.rstrip("0")
    return (significant, len(stripped) - len(significant) - len(fraction)) if significant else ("0", 0)


def numbers_in(text: str, min_digits: int) -> Iterator[tuple[str, int]]:
    """Number-like tokens of at least `min_digits` characters in free text, with their positions."""
    for match in _INSIDE.finditer(text):
        token = match["token"]
        if len(token) >= min_digits:
            yield token, match.start()


def significant_bits(readings: frozenset[Number]) -> float:
    """How much a reader learns from the number at least: its significant digits, in bits."""
    return min(len(digits) for digits, _ in readings) * BITS_PER_DIGIT


def _readings(body: str, exponent: str | None) -> frozenset[Number]:
    power = int(exponent) if exponent else 0
    plain = body.replace(" ", "").replace("'", "").replace("’", "")
    grouped = plain != body
    dots, commas = plain.count("."), plain.count(",")
    if not dots and not commas:
        return frozenset({_number(plain, "", power)})
    if dots and commas:
        mark = max(".", ",", key=plain.rfind)
        head, _, tail = plain.rpartition(mark)
        other = "," if mark == "." else "."
        if mark in head or not _grouping_holds(head, other):
            return frozenset()
        return frozenset({_number(head.replace(other, ""), tail, power)})
    mark = "." if dots else ","
    readings = set()
    head, _, tail = plain.rpartition(mark)
    if dots + commas == 1:
        readings.add(_number(head, tail, power))
    if not grouped and _grouping_holds(plain, mark):
        readings.add(_number(plain.replace(mark, ""), "", power))
    return frozenset(readings)


def _grouping_holds(text: str, mark: str) -> bool:
    first, *rest = text.split(mark)
    return 1 <= len(first) <= 3 and all(len(group) == 3 for group in rest)


def _number(whole: str, fraction: str, power: int) -> Number:
    digits = whole + fraction
    power -= len(fraction)
    stripped = digits.lstrip("0")
    if fraction and len(stripped) > _PRECISION:
        cut = len(stripped) - _PRECISION
        stripped = str((int(stripped) + 5 * 10 ** (cut - 1)) // 10**cut)
        power += cut
    significant = stripped.rstrip("0")
    return (significant, power + len(stripped) - len(significant)) if significant else ("0", 0)


def whole_day(text: str) -> frozenset[Day]:
    """Every reading of `text` as one calendar day, a time of day behind it left out; empty if it is none."""
    if not 6 <= len(text) <= _MAX_CHARS:
        return frozenset()
    return _day(_TIME.sub("", text.strip()))


def has_clock(text: str) -> bool:
    """Whether a time of day stands behind a date."""
    return _TIME.search(text) is not None


def _day(text: str) -> frozenset[Day]:
    if not text[:1].isdecimal():
        match = _NAME_DAY.fullmatch(text)
        return _days((int(match[3]), _MONTHS.get(match[1].lower(), 0), int(match[2]))) if match else frozenset()
    if match := _YEAR_FIRST.fullmatch(text) or _PACKED.fullmatch(text):
        year, month, day = map(int, match.groups())
        return _days((year, month, day))
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year = map(int, match.groups())
        year += 2000 if year < 100 else 0
        return _days((year, second, first), (year, first, second))
    if match := _DAY_NAME.fullmatch(text):
        return _days((int(match[3]), _MONTHS.get(match[2].lower(), 0), int(match[1])))
    return frozenset()


def _days(*candidates: Day) -> frozenset[Day]:
    return frozenset(c for c in candidates if 1900 <= c[0] <= 2199 and 1 <= c[1] <= 12 and 1 <= c[2] <= 31)
