"""From a messy header to a canonical field, or to nothing.

1. Width, case, line breaks, punctuation, numbering and umlauts are folded away.
2. A unit in brackets, after `in`, or at the end is taken off; a field with a unit is named only where the header
   states that same unit, and never where it states another. What is quoted in a currency is money or has no name.
3. A header in two languages (`Customer / 客户`) is split; its parts must all agree.
4. What is left must be a synonym of exactly one field. Failing that, all its words must be known and mean together
   what a synonym of exactly one field means (`Kundencode` is `Customer number`); see `meanings`.
5. Failing that, words that only say whose it is are left out (联系人电话, "Purchasing phone"), but only towards fields
   that hold personal data or money: a guess may withhold, never release.
6. A path in a document (`orders › customer › name`) goes by its last two words, failing that by its last one.
7. A header that fits no field or several stays unnamed; so do all columns that claim the same field.

Beside the name stands how it was found: the further from the field's own words, the later in `HOW`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations
from operator import attrgetter
from typing import NamedTuple, TypeVar

from gateway.formats.model import PATH_SEPARATOR, Element, Field
from gateway.policy.header_words import TAILS, WHOSE, WHOSE_MONEY
from gateway.policy.kinds import Kind, KindField
from gateway.policy.meanings import Meaning, ends_in, meanings
from gateway.policy.spelling import MAX_HEADER, MONEY, Spelt, bare, fold, humps, spelt, without_unit

_MEASURED = frozenset({"decimal", "integer"})
_Key = TypeVar("_Key")

# Its own name or title; a synonym; what all its words mean; that without the words for whose it is.
HOW = ("title", "synonym", "words", "guess")
_TITLE, _SYNONYM, _WORDS, _GUESS = range(len(HOW))


class _Found(NamedTuple):
    """A field that a header names, and how, as a place in `HOW`."""

    name: str
    how: int


@dataclass(frozen=True, slots=True)
class _Index:
    """What names a field: the keys of its synonyms; what they mean; that with a tail; and that said of the row.

    `about` is what one row speaks of, `titles` the keys that are a field's own name or title.
    """

    exact: Mapping[str, frozenset[str]]
    titles: Mapping[str, frozenset[str]]
    meant: Mapping[Meaning, frozenset[str]]
    tailed: Mapping[Meaning, frozenset[str]]
    of_row: Mapping[Meaning, frozenset[str]]
    about: frozenset[Meaning]
    fields: Mapping[str, KindField]

    def known(self, key: str) -> bool:
        """Whether a key is a synonym of some field."""
        return key in self.exact

    def named(self, key: str, unit: str | None) -> _Found | None:
        """The one field that a key names where the header states `unit`."""
        if any(self._fits(self.fields[name], unit) for name in self.exact.get(key, ())):
            found = self._one(self.exact[key], unit, _SYNONYM)
            return found._replace(how=_TITLE) if found and found.name in self.titles.get(key, ()) else found
        read = meanings(key)
        of_row = {} if not read or ends_in(key, self.about) else self.of_row
        for claims in (self.meant, self.tailed, of_row):
            names = frozenset[str]().union(*(claims.get(one, frozenset()) for one in read))
            if names:
                return self._one(names, unit, _WORDS)
        return self._one(self._guessed(read), unit, _GUESS)

    def _guessed(self, read: Iterable[Meaning]) -> frozenset[str]:
        found: set[str] = set()
        for meaning in read:
            for left_out, rest in _with_less(meaning):
                names = self.meant.get(rest, frozenset()) | self.tailed.get(rest, frozenset())
                if guarded := {name for name in names if self._guards(name, left_out)}:
                    found |= guarded
                    break
        return frozenset(found)

    def _guards(self, name: str, left_out: Meaning) -> bool:
        classes = self.fields[name].classes
        return bool(classes) and left_out <= (WHOSE_MONEY if "MONEY" in classes else WHOSE)

    def _one(self, names: frozenset[str], unit: str | None, how: int) -> _Found | None:
        """The one of `names` that is measured in `unit`; one without a unit fits any that such a field may have."""
        fitting = [name for name in names if self._fits(self.fields[name], unit)]
        return _Found(fitting[0], how) if len(fitting) == 1 else None

    def _fits(self, field: KindField, unit: str | None) -> bool:
        money = "MONEY" in field.classes
        if unit == MONEY:
            return money
        return field.unit == unit or (field.unit is None and (unit is None or money or field.type in _MEASURED))


def clashes(kind: Kind) -> list[str]:
    """The synonyms that two fields of a kind share without a unit to tell them apart: they would name nothing."""

    def clash(names: frozenset[str]) -> bool:
        units = [kind.by_name[name].unit for name in names]
        return len(units) > 1 and (None in units or len(set(units)) < len(units))

    return sorted(key for key, names in _index(kind).exact.items() if clash(names))


def name_header(kind: Kind, untrusted_header: str) -> str | None:
    """The canonical field that this header names, or None."""
    found = _read_header(untrusted_header, _index(kind))
    return found.name if found else None


def name_label(kind: Kind, untrusted_label: str) -> str | None:
    """The canonical field that a column's whole label names by itself, whatever the columns beside it, or None."""
    found = _read_label(untrusted_label, _index(kind))
    return found.name if found else None


def stated_unit(untrusted_header: str) -> str | None:
    """The unit that a header states in brackets, after `in` or at its end, or None."""
    unit = spelt(bare(untrusted_header[:MAX_HEADER]), lambda _key: False).unit
    return None if unit == MONEY else unit


def name_fields(kind: Kind, fields: Iterable[Field], out: Container[str] = ()) -> tuple[Field, ...]:
    """The same fields; columns carry their canonical name, and how it was found, where exactly one column claims it.

    Those whose ids are `out`, because a person left them out, claim nothing. What was `named` before is not read again.
    """
    index = _index(kind)
    named = [_named(field, index) for field in fields]
    claims = Counter(f.name for f in named if f.element is Element.COLUMN and f.name and f.id not in out)
    return tuple(unnamed(f) if f.element is Element.COLUMN and f.name and claims[f.name] > 1 else f for f in named)


def unnamed(field: Field) -> Field:
    """The same field without a name."""
    return replace(field, name=None, named="")


def _named(field: Field, index: _Index) -> Field:
    if field.element is not Element.COLUMN or field.named or field.name in index.fields:
        return field
    found = _read_label(field.label, index)
    return replace(field, name=found.name, named=HOW[found.how]) if found else unnamed(field)


def _read_label(untrusted_label: str, index: _Index) -> _Found | None:
    words = untrusted_label.split(PATH_SEPARATOR)
    if len(words) == 1:
        return _read_header(untrusted_label, index)
    return _read_header(" ".join(words[-2:]), index) or _read_header(words[-1], index)


def _read_header(untrusted_header: str, index: _Index) -> _Found | None:
    if len(untrusted_header) > MAX_HEADER:
        return None
    header = bare(untrusted_header)
    whole = fold(header)
    if whole in index.exact and (found := index.named(whole, None)):
        return found
    said = spelt(header, index.known)
    return _agreed(said, index) or _agreed(spelt(humps(header), index.known), index)


def _agreed(said: Spelt, index: _Index) -> _Found | None:
    if not said.parts or len(said.units) > 1:
        return None
    parts = [index.named(part, said.unit) for part in said.parts]
    found = [one for one in parts if one is not None]
    names = {one.name for one in found}
    if not found or (len(found) < len(parts) and len(parts) > 1):
        # Parts that are no headers of their own may still be one together: `Kunde seit (Jahr)`.
        joint = index.named(" ".join(said.parts), said.unit)
        return joint if joint is not None and names <= {joint.name} else None
    return max(found, key=attrgetter("how")) if len(names) == 1 else None


def _with_less(meaning: Meaning) -> Iterator[tuple[Meaning, Meaning]]:
    """What may be left out of a meaning, and the rest of it; the least left out first."""
    spare = sorted(meaning & (WHOSE | WHOSE_MONEY))
    for count in range(1, len(spare) + 1):
        for less in combinations(spare, count):
            if rest := meaning - set(less):
                yield frozenset(less), rest


@lru_cache(maxsize=64)
def _built(kind_json: str) -> _Index:
    kind = Kind.model_validate_json(kind_json)
    exact: defaultdict[str, set[str]] = defaultdict(set)
    titles: defaultdict[str, set[str]] = defaultdict(set)
    meant: defaultdict[Meaning, set[str]] = defaultdict(set)
    tailed: defaultdict[Meaning, set[str]] = defaultdict(set)
    of_row: defaultdict[Meaning, set[str]] = defaultdict(set)
    about = frozenset[Meaning]().union(*(meanings(fold(word)) for word in kind.about))
    for field in kind.fields:
        own = _own_keys(field, field.synonyms)
        mine = {meaning for key in own for meaning in meanings(key)}
        for key in own:
            exact[key].add(field.name)
        for key in _own_keys(field, ()):
            titles[key].add(field.name)
        for meaning in mine:
            meant[meaning].add(field.name)
            for tail in _tails(field, mine):
                tailed[meaning | {tail}].add(field.name)
            for row in about:
                of_row[meaning | row].add(field.name)
    return _Index(
        _frozen(exact), _frozen(titles), _frozen(meant), _frozen(tailed), _frozen(of_row), about, kind.by_name
    )


def _tails(field: KindField, mine: Iterable[Meaning]) -> Meaning:
    """What a field's header may end in without meaning another field: a person is always a name."""
    return TAILS & frozenset({"name"} if "PERSON" in field.classes else ()).union(*mine)


def _frozen(claims: Mapping[_Key, set[str]]) -> dict[_Key, frozenset[str]]:
    return {key: frozenset(names) for key, names in claims.items()}


def _index(kind: Kind) -> _Index:
    return _built(kind.model_dump_json(by_alias=True))


def _own_keys(field: KindField, synonyms: Iterable[str]) -> set[str]:
    keys = {fold(text) for text in (field.name, field.title.en, field.title.zh, *synonyms)}
    return keys | {without_unit(text)[0] for text in keys if field.unit}
