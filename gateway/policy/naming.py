"""From a messy header to a canonical field, or to nothing.

1. Width, case, line breaks, punctuation and umlauts are folded away.
2. A unit in brackets, after `in`, or at the end is taken off; a field with a unit is named only where the header
   states that same unit, and never where it states another.
3. A header in two languages (`Customer / 客户`) is split; its parts must all agree.
4. What is left must be a synonym of exactly one field. Failing that, the last noun decides (联系人电话, "Purchasing
   phone"), but only towards fields that hold personal data or money: a guess may withhold, never release.
5. A path in a document (`orders › customer › name`) goes by its last two words, failing that by its last one.
6. A header that fits no field or several stays unnamed; so do all columns that claim the same field.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from gateway.formats.model import PATH_SEPARATOR, Element, Field
from gateway.policy.kinds import Kind, KindField

_UNITS: Mapping[str, frozenset[str]] = {
    "kg": frozenset({"kg", "kgs", "kilogram", "kilograms", "kilogramm", "公斤", "千克", "キログラム"}),
    "g": frozenset({"g", "gram", "grams", "gramm", "克", "グラム"}),
    "t": frozenset({"t", "mt", "ton", "tons", "tonne", "tonnes", "tonnen", "吨", "トン"}),
    "lb": frozenset({"lb", "lbs", "磅"}),
    "pcs": frozenset(
        {
            "pcs",
            "pc",
            "pieces",
            "stk",
            "stueck",
            "stueckzahl",
            "件",
            "个",
            "只",
            "片",
            "個",
            "本",
            "件数",
            "个数",
            "個数",
            "本数",
        }
    ),
    "%": frozenset({"%", "percent", "prozent", "pct", "百分比", "パーセント"}),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
# Words that say nothing about which field it is. Currencies stand here because money has no declared unit.
_NOISE = frozenset(
    {
        "optional",
        "required",
        "mandatory",
        "pflichtfeld",
        "pflicht",
        "必填",
        "选填",
        "必須",
        "任意",
        "net",
        "netto",
        "gross",
    }
    | {
        "brutto",
        "eur",
        "usd",
        "cny",
        "rmb",
        "jpy",
        "gbp",
        "chf",
        "€",
        "$",
        "£",
        "¥",
        "元",
        "円",
        "人民币",
        "欧元",
        "美元",
    }
)
_BRACKETS = re.compile(r"[(\[{<（【「]([^()\[\]{}<>（）【】「」]*)[)\]}>）】」]")
_SPLIT = re.compile(r"[/|\n\r;]+")
_CJK = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff々〇"
_CJK_RUN = re.compile(f"[{_CJK}]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_MAX_HEADER = 200


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a header: its key, and the unit it states."""

    key: str
    unit: str | None


@dataclass(frozen=True, slots=True)
class _Index:
    """`exact` maps a key to every field that claims it; `heads` are the keys that may stand last, longest first."""

    exact: Mapping[str, frozenset[str]]
    heads: tuple[tuple[str, str], ...]
    fields: Mapping[str, KindField]

    def owner(self, key: str, unit: str | None) -> str | None:
        """The one field that claims `key` and is measured in `unit`; one without a unit fits any."""
        fitting = [name for name in self.exact.get(key, ()) if self.fields[name].unit in (None, unit)]
        return fitting[0] if len(fitting) == 1 else None


def fold(text: str) -> str:
    """The key under which two spellings are the same."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_UMLAUTS)
    decomposed = unicodedata.normalize("NFKD", text)
    # Only Latin marks are taken off: in Japanese they tell one syllable from another.
    text = unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))
    words = re.sub(r"[^\w%€$£¥]+|_+", " ", re.sub(r"([%€$£¥])", r" \1 ", text)).split()
    return re.sub(f"(?<=[{_CJK}]) (?=[{_CJK}])", "", " ".join(words))


def clashes(kind: Kind) -> list[str]:
    """The synonyms that two fields of a kind share without a unit to tell them apart: they would name nothing."""

    def clash(names: frozenset[str]) -> bool:
        units = [kind.by_name[name].unit for name in names]
        return len(units) > 1 and (None in units or len(set(units)) < len(units))

    return sorted(key for key, names in _index(kind).exact.items() if clash(names))


def name_header(kind: Kind, untrusted_header: str) -> str | None:
    """The canonical field that this header names, or None."""
    return _header_name(untrusted_header, _index(kind))


def _header_name(untrusted_header: str, index: _Index) -> str | None:
    if len(untrusted_header) > _MAX_HEADER:
        return None
    whole = index.owner(fold(untrusted_header), None)
    if whole is not None:
        return whole
    parts, units = _parts(untrusted_header, index)
    if not parts or len(units) > 1:
        return None
    unit = next(iter(units), None)
    names = {_name(part.key, unit, index) for part in parts}
    return names.pop() if len(names) == 1 else None


def stated_unit(untrusted_header: str) -> str | None:
    """The unit that a header states in brackets, after `in` or at its end, or None."""
    units = _parts(untrusted_header[:_MAX_HEADER], None)[1]
    return next(iter(units)) if len(units) == 1 else None


def name_fields(kind: Kind, fields: Iterable[Field]) -> tuple[Field, ...]:
    """The same fields; columns carry their canonical name where exactly one column claims it."""
    index = _index(kind)
    named = [_named(field, index) for field in fields]
    claims = Counter(f.name for f in named if f.element is Element.COLUMN and f.name)
    return tuple(
        replace(f, name=None) if f.element is Element.COLUMN and f.name and claims[f.name] > 1 else f for f in named
    )


def _named(field: Field, index: _Index) -> Field:
    if field.element is not Element.COLUMN:
        return field
    name = field.name if field.name in index.fields else _label_name(field.label, index)
    return field if name == field.name else replace(field, name=name)


def _label_name(untrusted_label: str, index: _Index) -> str | None:
    words = untrusted_label.split(PATH_SEPARATOR)
    if len(words) == 1:
        return _header_name(untrusted_label, index)
    return _header_name(" ".join(words[-2:]), index) or _header_name(words[-1], index)


@lru_cache(maxsize=64)
def _built(kind_json: str) -> _Index:
    kind = Kind.model_validate_json(kind_json)
    exact: dict[str, frozenset[str]] = {}
    for field in kind.fields:
        for key in _own_parts(field):
            exact[key] = exact.get(key, frozenset()) | {field.name}
    heads = (
        (key, name)
        for key, names in exact.items()
        for name in names
        if kind.by_name[name].classes and kind.by_name[name].unit is None and _may_head(key)
    )
    return _Index(exact, tuple(sorted(heads, key=lambda item: (-len(item[0]), item))), kind.by_name)


def _index(kind: Kind) -> _Index:
    return _built(kind.model_dump_json(by_alias=True))


def _may_head(key: str) -> bool:
    return len(key) >= 2 if _CJK_RUN.fullmatch(key) else len(key) >= 4


def _own_parts(field: KindField) -> set[str]:
    spellings = {fold(text) for text in (field.name, field.title.en, field.title.zh, *field.synonyms)}
    return spellings | {_without_unit(text)[0] for text in spellings if field.unit}


def _parts(header: str, index: _Index | None) -> tuple[list[_Part], set[str]]:
    """The header's parts without noise and bare units, and every unit it states."""
    header = unicodedata.normalize("NFKC", header)
    inside = _BRACKETS.findall(header)
    outside = _BRACKETS.sub(" ", header)
    parts: list[_Part] = []
    whole = index is not None and _without_unit(fold(outside))[0] in index.exact
    for piece in (*([outside] if whole else _SPLIT.split(outside)), *inside):
        key = fold(piece)
        runs = [key] if index is not None and _without_unit(key)[0] in index.exact else _by_script(key)
        for run in runs:
            base, unit = _without_unit(run)
            kept = " ".join(word for word in base.split() if word not in _NOISE)
            bare = kept in _UNIT_OF and (index is None or kept not in index.exact)
            parts.append(_Part("" if bare else kept, unit))
    return [part for part in parts if part.key], {part.unit for part in parts if part.unit}


def _by_script(key: str) -> list[str]:
    """`客户 customer` is two parts; `po号` and other mixed words without a space are one."""
    words = key.split()
    runs: list[str] = []
    for word in words:
        cjk = bool(_CJK_RUN.fullmatch(word))
        if runs and cjk == bool(_CJK_RUN.fullmatch(runs[-1].split()[-1])):
            runs[-1] += " " + word
        else:
            runs.append(word)
    return runs


def _without_unit(key: str) -> tuple[str, str | None]:
    words = key.split()
    if not words:
        return "", None
    if words[-1] in _UNIT_OF:
        rest = words[:-1]
        if len(rest) > 1 and rest[-1] == "in":
            rest = rest[:-1]
        return " ".join(rest or words), _UNIT_OF[words[-1]]
    for word, unit in _UNIT_OF.items():
        if len(word) >= 2 and _CJK_RUN.fullmatch(word) and words[-1].endswith(word) and words[-1] != word:
            return " ".join((*words[:-1], words[-1][: -len(word)])), unit
    return key, None


def _name(key: str, unit: str | None, index: _Index) -> str | None:
    if key in index.exact:
        return index.owner(key, unit)
    longest = [(head, name) for head, name in index.heads if _ends_with(key, head)]
    names = {name for head, name in longest if len(head) == len(longest[0][0])}
    return names.pop() if len(names) == 1 else None


def _ends_with(key: str, head: str) -> bool:
    if not key.endswith(head):
        return False
    return bool(_CJK_RUN.fullmatch(head)) or key[: -len(head)].endswith(" ")
