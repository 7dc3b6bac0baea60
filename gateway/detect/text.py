"""What values say they are: pure patterns and check digits, no model, every value scanned.

EMAIL (addr-spec as people write it) · PHONE (see `phones`) · IBAN (ISO 13616, check digits) · PASSPORT (machine
readable zone, ICAO 9303) · NATIONAL_ID (GB 11643 resident number, check digit) · MONEY (an amount beside a currency,
see `money`). One hit in a column is enough: a class may only tighten.
In what was read from a picture also USCC (GB 32100 credit code of a Chinese firm, check character) · LEI (ISO 17442,
check digits) · GPS (a place in degrees) · PLATE (a German or Chinese number plate). In columns these would take part
numbers for what they are not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from gateway.base.text import HIDDEN
from gateway.detect.money import is_money
from gateway.detect.phones import is_phone

# Cells are joined by a character that no pattern matches, so that one pass in C scans a whole column.
_SEP = "\0"
_START, _STOP = r"(?<![^\0])", r"(?![^\0])"
# What stands between the groups of a long number.
_GAP = r"[\s.\-/_:·]{0,2}"
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63"), "-")
_EMAIL = re.compile(r"[\w.%+'-]{1,64}\s?(?:@|\(at\)|\[at\])\s?(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}", re.IGNORECASE)
_IBAN = re.compile(
    rf"(?:(?<![A-Z0-9])|(?<=IBAN)|(?<=KONTO)|(?<=KTO)|(?<=ACCOUNT)|(?<=ACCT))"
    rf"(?=([A-Z]{{2}}{_GAP}\d{_GAP}\d(?:{_GAP}[A-Z0-9]){{11,30}}))"
)
_MRZ_NAMES = re.compile(r"P[A-Z<][A-Z]{3}[A-Z<]{39}")
_MRZ_NUMBERS = re.compile(r"[A-Z0-9<]{9}\d[A-Z<]{3}\d{7}[MFX<]\d{7}[A-Z0-9<]{14}[\d<]\d")
# Number, day of birth and day of expiry, each followed by its check digit.
_MRZ_CHECKED = (slice(0, 9), slice(13, 19), slice(21, 27))
_RESIDENT = re.compile(
    r"(?<!\d)[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
# In groups: of the place, the day of birth and the rest, or of four digits.
_GROUPED = re.compile(
    rf"(?<![\d.,])(?=([1-9]\d\d{_GAP}\d{{3}}{_GAP}(?:18|19|20)\d\d{_GAP}\d\d{_GAP}\d\d{_GAP}\d{{3}}{_GAP}[\dXx]"
    rf"|[1-9]\d{{3}}{_GAP}\d\d(?:18|19|20){_GAP}\d{{4}}{_GAP}\d{{4}}{_GAP}\d[\dXx])(?![0-9A-Za-z]))"
)
_BORN = slice(10, 14)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC = re.compile(r"(?<![0-9A-Z])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![0-9A-Z])")
_USCC_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_LEI = re.compile(r"(?<![A-Z0-9])[A-Z0-9]{18}\d{2}(?![A-Z0-9])")
_DEGREES = r"[NSEW北南东西]?\s?\d{1,3}(?:[.,]\d{2,}\s?°|\s?°\s?\d{1,2}(?:[.,]\d+)?\s?['′’])"
_GPS = re.compile(rf"{_DEGREES}|(?<![\d.])-?\d{{1,2}}\.\d{{4,}}\s?[,;]\s?-?\d{{1,3}}\.\d{{4,}}(?!\d)")
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(
    rf"[{_PROVINCES}][A-HJ-NP-Z]\s?[·•.]?\s?[A-HJ-NP-Z0-9]{{5,6}}(?![A-Z0-9])"
    rf"|{_START}[A-ZÄÖÜ]{{1,3}}[ \-·:.]{{1,2}}[A-Z]{{1,2}}[ \-]?[1-9]\d{{0,3}}[EH]?{_STOP}"
)
# Lengths from the IBAN registry (ISO 13616) for the countries that trade here; others are not recognised.
_IBAN_LENGTHS: Mapping[str, int] = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "RS": 22, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip


def classes_of(values: Iterable[str]) -> frozenset[str]:
    """The classes that at least one of `values` shows."""
    joined = _SEP.join({value.replace(_SEP, " ").strip() for value in values})
    text = joined if joined.isascii() else _plain(joined)
    return frozenset(name for name, shows in _TESTS.items() if shows(text))


def classes_seen(words: str) -> frozenset[str]:
    """The classes that words read in a picture show."""
    text = _plain(words).upper()
    return classes_of([words]) | {name for name, shows in _SEEN_TESTS.items() if shows(text)}


def _plain(text: str) -> str:
    """Without characters that show nothing, each in its one width, every dash a hyphen."""
    return unicodedata.normalize("NFKC", HIDDEN.sub("", text)).translate(_DASHES)


def _is_email(text: str) -> bool:
    return ("@" in text or "at)" in text.casefold() or "at]" in text.casefold()) and _EMAIL.search(text) is not None


def _is_iban(text: str) -> bool:
    return any(_iban_checks(hit.group(1)) for hit in _IBAN.finditer(text.upper()))


def _iban_checks(text: str) -> bool:
    compact = "".join(filter(str.isalnum, text))
    number = compact[: _IBAN_LENGTHS.get(compact[:2], 0)]
    if len(number) < 15 or len(number) != _IBAN_LENGTHS[number[:2]]:
        return False
    return int("".join(str(int(char, 36)) for char in number[4:] + number[:4])) % 97 == 1


def _is_passport(text: str) -> bool:
    if "<" not in text:
        return False
    upper = text.upper()
    return _MRZ_NAMES.search(upper) is not None or any(_mrz_checks(hit.group()) for hit in _MRZ_NUMBERS.finditer(upper))


def _mrz_checks(line: str) -> bool:
    """Whether any of its check digits is right: a reader may have mistaken a letter."""
    return any(_mrz_digit(line[part]) == line[part.stop] for part in _MRZ_CHECKED)


def _mrz_digit(field: str) -> str:
    values = (0 if char == "<" else int(char, 36) for char in field)
    return str(sum(value * (7, 3, 1)[place % 3] for place, value in enumerate(values)) % 10)


def _is_national_id(text: str) -> bool:
    if any(_resident_checks(hit.group()) for hit in _RESIDENT.finditer(text)):
        return True
    numbers = ("".join(filter(str.isalnum, hit.group(1))) for hit in _GROUPED.finditer(text))
    return any(_is_day_of_year(number[_BORN]) and _resident_checks(number) for number in numbers)


def _is_day_of_year(digits: str) -> bool:
    return 1 <= int(digits[:2]) <= 12 and 1 <= int(digits[2:]) <= 31


def _resident_checks(number: str) -> bool:
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _RESIDENT_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def _is_uscc(text: str) -> bool:
    return any(_uscc_checks(hit.group()) for hit in _USCC.finditer(text))


def _uscc_checks(code: str) -> bool:
    total = sum(_USCC_SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(code[:17]))
    return _USCC_SIGNS[-total % 31] == code[17]


def _is_lei(text: str) -> bool:
    return any(int("".join(str(int(char, 36)) for char in hit.group())) % 97 == 1 for hit in _LEI.finditer(text))


_TESTS: Mapping[str, Callable[[str], bool]] = {
    "EMAIL": _is_email,
    "PHONE": is_phone,
    "IBAN": _is_iban,
    "PASSPORT": _is_passport,
    "NATIONAL_ID": _is_national_id,
    "MONEY": is_money,
}

_SEEN_TESTS: Mapping[str, Callable[[str], bool]] = {
    "USCC": _is_uscc,
    "LEI": _is_lei,
    "GPS": lambda text: _GPS.search(text) is not None,
    "PLATE": lambda text: _PLATE.search(text) is not None,
}
CLASSES = frozenset({*_TESTS, *_SEEN_TESTS})
