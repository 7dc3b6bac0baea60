"""A thousand headers as companies write them, and what a person says they are.

`header_phrases.txt` holds phrases with their fields, written by hand and not from the synonyms of the kinds. Here they
become messy: other case and width, line breaks, numbering, units and currencies in brackets and behind slashes,
exported names, umlauts spelt out, plurals, marks for what is mandatory, two languages, and slips of the keyboard. The
same headers come out every time. Phrases are halved by a hash: what is tuned looks at one half alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random

_PHRASES = Path(__file__).with_name("header_phrases.txt")
_LINE = re.compile(r"(?P<field>[a-z_.]+|-)(\[(?P<unit>[a-z%]+)\])? (?P<language>en|de|zh|ja|erp): (?P<phrases>.+)")
_MESSY, _MESSY_UNKNOWN = 2, 3
_SLIPS_IN_100 = 7
_BOTH_IN_100 = 12
_LATIN = re.compile(r"[A-Za-zÄÖÜäöüß]{6,}")
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_LOST = str.maketrans("äöüÄÖÜ", "aouAOU")

_UNITS: Mapping[str, tuple[str, ...]] = {
    "kg": (" (kg)", " [kg]", " in kg", ", kg", " / kg", " kg", "(KG)", "\n(kg)"),
    "pcs": (" (pcs)", " [pcs.]", " in pcs", ", pcs", " / pcs", "\n(pcs)"),
    "%": (" (%)", " [%]", " in %", " %", "(%)"),
    "g": (" (g)", " [g]", " in g", ", g", "(g)"),
}
_LOCAL_UNITS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("zh", "kg"): ("(kg)", "（千克）", "（公斤）", "/kg", "(KG)", " kg"),
    ("zh", "pcs"): ("(件)", "（个）", "(pcs)", "（只）", "/件"),
    ("zh", "%"): ("(%)", "（%）", "%"),
    ("zh", "g"): ("(g)", "（克）", "/g"),
    ("ja", "kg"): ("(kg)", "（ｋｇ）", "[kg]", "（キログラム）"),
    ("ja", "pcs"): ("(個)", "（本）", "(pcs)", "（個）"),
    ("ja", "%"): ("(%)", "（％）", "[%]"),
    ("ja", "g"): ("(g)", "（ｇ）", "[g]"),
    ("de", "pcs"): (" (Stk)", " [Stück]", " in Stk.", ", Stk", " (pcs)"),
}
_MONEY = {
    "customer_list": {"revenue"},
    "order_book": {"unit_price", "total"},
    "technical_details": {"price"},
}
_CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "en": (" (EUR)", " [€]", " in USD", " / EUR", ", EUR", " (k€)", " (net, EUR)", " USD"),
    "de": (" (EUR)", " [€]", " in EUR", " EUR", " in T€", " (TEUR)", " (netto)", "\n[EUR]"),
    "zh": ("（元）", "(万元)", "（人民币）", "(RMB)", "（USD）", "/元", "(美元)"),
    "ja": ("（円）", "(千円)", "（税抜）", "[JPY]", "（ＵＳＤ）", "(百万円)"),
}
_MARKS: Mapping[str, tuple[str, ...]] = {
    "en": ("*", " (required)", " (optional)", ":", " *", "?", " (mandatory)"),
    "de": ("*", " (Pflichtfeld)", " (optional)", ":", " *", " (falls bekannt)"),
    "zh": ("*", "（必填）", "：", "（选填）", " *"),
    "ja": ("*", "（必須）", "：", "（任意）", "※"),
    "erp": (":", "*"),
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a header says when it is written neatly; `field` is None where it belongs to no field of the kind."""

    kind: str
    field: str | None
    unit: str | None
    language: str
    text: str

    @property
    def held_out(self) -> bool:
        """Whether nobody may look at it while synonyms are tuned."""
        return sha256(f"{self.text.casefold()}".encode()).digest()[0] % 2 == 1


@dataclass(frozen=True, slots=True)
class Header:
    """One header, the phrase behind it and how it was made messy."""

    phrase: Phrase
    text: str
    mess: str


@cache
def phrases() -> tuple[Phrase, ...]:
    """All phrases, none twice within a kind."""
    return tuple(dict.fromkeys(_read()))


@cache
def headers() -> tuple[Header, ...]:
    """Every phrase as it stands, and in some messy spellings; each text once within a kind."""
    told: dict[tuple[str, str], Header] = {}
    for phrase in phrases():
        for header in _spellings(phrase):
            told.setdefault((phrase.kind, header.text), header)
    return tuple(told.values())


def _read() -> Iterator[Phrase]:
    kind = ""
    for line in _PHRASES.read_text("utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif line and not line.startswith("#"):
            found = _LINE.fullmatch(line)
            if found is None:
                raise ValueError(f"a line of the phrases cannot be read: {line[:60]}")
            field = None if found["field"] == "-" else found["field"]
            for text in found["phrases"].split("; "):
                yield Phrase(kind, field, found["unit"], found["language"], text)


def _spellings(phrase: Phrase) -> Iterator[Header]:
    chance = Random(sha256(f"{phrase.kind} {phrase.text}".encode()).digest())
    yield Header(phrase, _with_unit(phrase, phrase.text, chance), "plain")
    for _ in range(_MESSY if phrase.field else _MESSY_UNKNOWN):
        if phrase.field and chance.randrange(100) < _SLIPS_IN_100 and _LATIN.search(phrase.text):
            yield Header(phrase, _with_unit(phrase, _slip(phrase.text, chance), chance), "slip")
            continue
        if phrase.field and chance.randrange(100) < _BOTH_IN_100 and (other := _other(phrase, chance)):
            yield Header(phrase, _in_both(phrase, other, chance), "two languages")
            continue
        name = chance.choice([*_MESSES, *(["currency"] if _is_money(phrase) else [])])
        if name == "currency":
            yield Header(phrase, phrase.text + chance.choice(_CURRENCIES.get(phrase.language, ("",))), name)
        else:
            yield Header(phrase, _with_unit(phrase, _MESSES[name](phrase, chance), chance), name)


def _is_money(phrase: Phrase) -> bool:
    return phrase.field in _MONEY[phrase.kind]


def _with_unit(phrase: Phrase, text: str, chance: Random) -> str:
    if phrase.unit is None:
        return text
    return text + chance.choice(_LOCAL_UNITS.get((phrase.language, phrase.unit)) or _UNITS[phrase.unit])


def _other(phrase: Phrase, chance: Random) -> Phrase | None:
    """The same field in another language, of the same half."""
    wanted = (phrase.kind, phrase.field, phrase.held_out)
    found = [
        one
        for one in phrases()
        if (one.kind, one.field, one.held_out) == wanted and one.language not in (phrase.language, "erp")
    ]
    return chance.choice(found) if found else None


def _in_both(phrase: Phrase, other: Phrase, chance: Random) -> str:
    form = chance.choice(["{} / {}", "{}\n{}", "{} ({})", "{}/{}", "{}（{}）", "{} | {}", "{} - {}"])
    return _with_unit(phrase, form.format(phrase.text, other.text), chance)


def _slip(text: str, chance: Random) -> str:
    """Two neighbouring letters exchanged, one lost or one doubled, inside a longer word."""
    word = chance.choice(list(_LATIN.finditer(text)))
    place = chance.randrange(word.start() + 1, word.end() - 2)
    letter, following = text[place], text[place + 1]
    kinds = {"exchanged": following + letter, "lost": following, "doubled": letter + letter + following}
    return text[:place] + kinds[chance.choice(sorted(kinds))] + text[place + 2 :]


def _cased(phrase: Phrase, chance: Random) -> str:
    return chance.choice([str.upper, str.lower, str.title])(phrase.text)


def _wide(phrase: Phrase, _chance: Random) -> str:
    wide = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
    return phrase.text.translate(wide)


def _broken(phrase: Phrase, chance: Random) -> str:
    places = [found.start() for found in re.finditer(r" ", phrase.text)]
    if places:
        place = chance.choice(places)
        return phrase.text[:place] + "\n" + phrase.text[place + 1 :]
    if (hyphens := re.sub(r"-(?=\w)", "-\n", phrase.text)) != phrase.text:
        return hyphens
    return f"\n{phrase.text}"


def _numbered(phrase: Phrase, chance: Random) -> str:
    number = chance.randrange(1, 30)
    return chance.choice(["{}. {}", "({}) {}", "{}) {}", "{:02d} - {}", "{}、{}"]).format(number, phrase.text)


def _marked(phrase: Phrase, chance: Random) -> str:
    return phrase.text + chance.choice(_MARKS[phrase.language])


def _exported(phrase: Phrase, chance: Random) -> str:
    words = re.findall(r"[^\W_]+", phrase.text)
    if phrase.language in ("zh", "ja", "erp") or len(words) < 2:
        return f" {phrase.text}  "
    camel = "".join(word[:1].upper() + word[1:] for word in words)
    return chance.choice(["_".join(words).lower(), camel, "_".join(words).upper(), ".".join(words)])


def _spelt_out(phrase: Phrase, chance: Random) -> str:
    text = phrase.text.translate(_LOST if chance.randrange(3) == 0 else _SPELT_OUT)
    return text if text != phrase.text else phrase.text.replace(" ", "\u00a0") + "\u00a0"


def _decomposed(phrase: Phrase, _chance: Random) -> str:
    return unicodedata.normalize("NFD", phrase.text)


def _plural(phrase: Phrase, chance: Random) -> str:
    if phrase.language != "en" or not re.search(r"[a-z]{3}$", phrase.text) or phrase.text.endswith("s"):
        return f"{phrase.text} "
    singular = phrase.text
    return chance.choice([f"{singular}(s)", singular[:-1] + "ies" if singular[-2:] in {"ry", "ty"} else f"{singular}s"])


_MESSES: Mapping[str, Callable[[Phrase, Random], str]] = {
    "case": _cased,
    "width": _wide,
    "line break": _broken,
    "numbering": _numbered,
    "mark": _marked,
    "exported": _exported,
    "spelt out": _spelt_out,
    "decomposed": _decomposed,
    "plural": _plural,
}
