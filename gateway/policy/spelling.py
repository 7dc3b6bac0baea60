"""How a header is written, apart from what it says: width, case, umlauts, numbering, brackets, units and currencies."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_HEADER = 200
MONEY = "money"

_UNITS: Mapping[str, str] = {
    "kg": "kg kgs kilogram kilograms kilogramm 公斤 千克 キログラム",
    "g": "g gram grams gramm 克 グラム",
    "t": "t mt ton tons tonne tonnes tonnen 吨 トン",
    "lb": "lb lbs 磅",
    "pcs": "pcs pc pieces stk stueck stueckzahl 件 个 只 片 個 本 件数 个数 個数 本数",
    "%": "% percent prozent pct 百分比 パーセント",
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words.split()}
# Money has no declared unit; what it is quoted in says that it is money.
_CURRENCY_WORDS = """
eur usd cny rmb jpy gbp chf teur tusd keur kusd € $ £ ¥ 元 円 人民币 欧元 美元 日元 万元 千元 百万元 千円 万円 百万円
"""
_CURRENCIES = frozenset(_CURRENCY_WORDS.split())
_THOUSANDS = re.compile(r"(?<!\w)(?:t|k|tsd|mio|mn|m)\.?(?=\s?(?:€|\$|£|¥|eur|usd|chf|gbp)(?!\w))", re.IGNORECASE)
# What may stand in brackets, or as a mark behind a header, and says nothing about which field it is.
_NOISE_WORDS = """
optional required mandatory pflichtfeld pflicht 必填 选填 必須 任意 nm c mm rpm iso yes ja 是 nein 否 jn yn janein
falls bekannt if known
"""
_NOISE = frozenset(_NOISE_WORDS.split())
_PLURALS = re.compile(r"(?<=\w)\((?:s|es|n|en|e)\)|(?<=\w)/(?:in|innen)(?!\w)", re.IGNORECASE)
_CHOICES = re.compile(
    r"[(\[（]\s*(?:y(?:es)?\s?/\s?n(?:o)?|j(?:a)?\s?/\s?n(?:ein)?|是\s?/\s?否|\d+(?:\s?/\s?\d+)*|\d+桁)\s*[)\]）]",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^\s*(?:[(（]\s*\d{1,3}\s*[)）]|\d{1,3}\s*(?:[.):、．](?!\d)|-(?=\s)))\s*(?:-\s+)?(?=\S)")
_SOFT = re.compile("[\u00ad\u200b\ufeff]")
_CAMEL = re.compile(r"(?<=[a-zäöü])(?=[A-ZÄÖÜ][a-zäöü])")
_BRACKETS = re.compile(r"[(\[{<（【「]([^()\[\]{}<>（）【】「」]*)[)\]}>）】」]")
_SPLIT = re.compile(r"[/|\n\r;]+|\s[-–—]\s")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff々〇"
CJK_RUN = re.compile(f"[{_CJK}]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Spelt:
    """What a header says: its parts as keys, and the units (`money` for a currency) it states."""

    parts: tuple[str, ...]
    units: frozenset[str]

    @property
    def unit(self) -> str | None:
        """The one unit that is stated."""
        return next(iter(self.units)) if len(self.units) == 1 else None


def fold(text: str) -> str:
    """The key under which two spellings are the same."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFC", text).translate(_UMLAUTS)
    decomposed = unicodedata.normalize("NFKD", text)
    # Only Latin marks are taken off: in Japanese they tell one syllable from another.
    text = unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))
    words = re.sub(r"[^\w%€$£¥#]+|_+", " ", re.sub(r"([%€$£¥#])", r" \1 ", text)).split()
    return re.sub(f"(?<=[{_CJK}]) (?=[{_CJK}])", "", " ".join(words))


def bare(untrusted_header: str) -> str:
    """The header without numbering, marks of plurals and of choices, and what only a screen needs."""
    text = unicodedata.normalize("NFKC", _SOFT.sub("", untrusted_header))
    text = _CHOICES.sub(" ", _PLURALS.sub("", text))
    return _NUMBERING.sub("", text, count=1)


def spelt(header: str, known: Callable[[str], bool]) -> Spelt:
    """The parts and units of a `bare` header; `known` says which key means something as it stands."""
    header = _THOUSANDS.sub(" ", header)
    inside = _BRACKETS.findall(header)
    outside = _BRACKETS.sub(" ", header)
    whole = known(without_unit(fold(outside))[0])
    parts: list[str] = []
    units: set[str] = set()
    for piece in (*([outside] if whole else _SPLIT.split(outside)), *inside):
        key = fold(piece)
        for run in [key] if known(without_unit(key)[0]) else _by_script(key):
            base, unit = without_unit(run)
            kept, money = _without_noise(base)
            parts.append("" if kept in _UNIT_OF and not known(kept) else kept)
            units |= {one for one in (unit, MONEY if money else None) if one}
    return Spelt(tuple(part for part in parts if part), frozenset(units))


def humps(text: str) -> str:
    """`CustomerName` as two words."""
    return _CAMEL.sub(" ", text)


def without_unit(key: str) -> tuple[str, str | None]:
    """A key without the unit at its end, and the unit."""
    words = key.split()
    if not words:
        return "", None
    if words[-1] in _UNIT_OF:
        rest = words[:-1]
        if len(rest) > 1 and rest[-1] in ("in", "per"):
            rest = rest[:-1]
        return " ".join(rest or words), _UNIT_OF[words[-1]]
    for word, unit in _UNIT_OF.items():
        if len(word) >= 2 and CJK_RUN.fullmatch(word) and words[-1].endswith(word) and words[-1] != word:
            return " ".join((*words[:-1], words[-1][: -len(word)])), unit
    return key, None


def _without_noise(key: str) -> tuple[str, bool]:
    words = key.split()
    kept = [word for word in words if word not in _CURRENCIES]
    while kept and kept[-1] in _NOISE:
        kept.pop()
    money = any(word in _CURRENCIES for word in words)
    if money and len(kept) > 1 and kept[-1] == "in":
        kept = kept[:-1]
    return " ".join(kept), money


def _by_script(key: str) -> list[str]:
    """`客户 customer` is two parts; `po号` and other mixed words without a space are one."""
    words = key.split()
    runs: list[str] = []
    for word in words:
        cjk = bool(CJK_RUN.fullmatch(word))
        if runs and cjk == bool(CJK_RUN.fullmatch(runs[-1].split()[-1])):
            runs[-1] += " " + word
        else:
            runs.append(word)
    return runs
