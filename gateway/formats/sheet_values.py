"""What the cells of a spreadsheet say, as text. Runs only in the sandbox's child."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite

from gateway.formats.row_shape import PLAIN_NUMBER

NUMBER, DATE, TIME, ELAPSED, PERCENT = "number", "date", "time", "elapsed", "percent"

_LAST_SERIAL = 2_958_466
_PLAIN_NUMBER = re.compile(PLAIN_NUMBER)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_BOOLEANS = {"1": "TRUE", "0": "FALSE"}
_LIKE_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_SIGNIFICANT = 15
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_REFERENCED = re.compile(r"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|([a-z]+));")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


class PlainText:
    """What a reader sees of a string item: its text or its runs, without phonetic guides."""

    def __init__(self, prefix: str) -> None:
        self._guides = re.compile(rf"<{prefix}rPh(?:\s[^<]*)?(?<!/)>.*?</{prefix}rPh\s*>", re.DOTALL)
        self._texts = re.compile(rf"<{prefix}t(?:\s[^<>]*)?>([^<]*)</{prefix}t\s*>")

    def of(self, item: str) -> str:
        """The plain text of the XML inside `si` or `is`."""
        if "rPh" in item:
            item = self._guides.sub("", item)
        return written("".join(self._texts.findall(item)))


def written(text: str) -> str:
    """XML characters as the text that they stand for; line ends as one line feed."""
    if "&" in text:
        text = _REFERENCED.sub(_referenced, text)
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _referenced(match: re.Match[str]) -> str:
    """The character that a reference of XML stands for; those of HTML stand for others from 128 to 159."""
    if match[3]:
        return _ENTITIES[match[3]]
    return chr(int(match[1], 16) if match[1] else int(match[2]))


@dataclass(frozen=True, slots=True)
class Values:
    """How cells of this workbook become text: shared strings, what each style's numbers are, the day zero."""

    strings: Sequence[str]
    looks: Sequence[str]
    epoch: datetime

    def read(self, style: str | None, sort: str | None, stored: str | None, inline: str | None) -> str:
        """The text of a cell by its style, its type, and its value or its text. Raises `ValueError` or `IndexError`."""
        if (inline is not None) != (sort == "inlineStr") and (inline or stored):
            raise ValueError("a value where a text belongs, or a text where a value does")
        if not (inline or stored):
            return ""
        match sort:
            case "s":
                return self.strings[_index(stored or "")]
            case None | "n":
                return self.number(stored or "", style)
            case "b" if stored in _BOOLEANS:
                return _BOOLEANS[stored]
            case "d" | "str" | "inlineStr":
                return written(inline or stored or "").removesuffix("T00:00:00" if sort == "d" else "")
        raise ValueError("no such type")

    def number(self, stored: str, style: str | None) -> str:
        """The number, day, time or percentage that a cell of this style shows, without its rounding to the look."""
        look = self.looks[_index(style)] if style else NUMBER
        if look.startswith(NUMBER):
            shown = stored if _PLAIN_NUMBER.fullmatch(stored) else one_meaning(shortest(stored))
            return shown + look.removeprefix(NUMBER)
        if look == PERCENT:
            return percent(stored)
        return self._moment(float(shortest(stored)), look)

    def _moment(self, serial: float, look: str) -> str:
        if not 0 <= serial < _LAST_SERIAL:
            raise ValueError("no such day")
        if look == ELAPSED:
            minutes, seconds = divmod(round(serial * 86_400), 60)
            return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
        # Until its day 60, the 29th of February 1900 that never was, the older date system is one day behind.
        behind = self.epoch.year < 1900 and 1 <= serial < 60
        moment = self.epoch + timedelta(days=behind, milliseconds=round(serial * 86_400_000))
        moment += timedelta(microseconds=500_000 if moment.microsecond >= 999_000 else 0)
        if look == TIME and serial < 1:
            return moment.strftime("%H:%M:%S")
        return moment.date().isoformat() if moment.time() == datetime.min.time() else f"{moment:%Y-%m-%dT%H:%M:%S}"


def shortest(stored: str) -> str:
    """Decimal text of at most 15 significant digits: what spreadsheets show for 77.34999999999999 is 77.35."""
    if not _NUMBER.fullmatch(stored):
        raise ValueError("not a number")
    value = float(stored)
    if not isfinite(value):
        raise ValueError("too large")
    text = f"{value:.{_SIGNIFICANT}g}"
    return text if text.lstrip("-").isdecimal() and text != "-0" else _plain(Decimal(text))


def one_meaning(number: str) -> str:
    """A number that nobody takes for thousands: `1.234` is written `1.2340`."""
    return f"{number}0" if _LIKE_THOUSANDS.fullmatch(number) else number


def percent(stored: str) -> str:
    """A share as it is shown: 0.153 is `15.3%`."""
    return f"{_plain(Decimal(shortest(stored)) * 100)}%"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _index(stored: str) -> int:
    """The place in a list that a cell names. Raises `ValueError` for what only this language takes for a number."""
    if not (stored.isascii() and stored.isdigit()):
        raise ValueError("not a place")
    return int(stored)
