"""The withheld set, made searchable: what is looked for, how, and what is left out with a count.

What is looked for
  A withheld value counts as found when it stands in the rendition in any spelling that folding makes equal (NFKC,
  case, white space, punctuation, umlauts and other marks, letters that look alike), as a firm without its legal form
  (`spellings`), as the same number in any notation and of any power of ten (1234567 is 1.234567 million), in any of the
  encodings of `layers`, or inside any compressed stream. It need not be a whole cell: a withheld customer inside an
  allowed sentence is a hit.

How sure a find must be
  About 20 bits and less ("DE", 500, a day): an equal value elsewhere says nothing, so it is only looked for at its
  exact place: no cell of the output column made from its own field may be equal to it as text, number or day.
  20 to 37 bits: found as whole words ("Marine" is not found in "Submarine").
  37 bits and more (8 letters, 12 digits, 4 ideographs): found anywhere, inside longer words too.
  Scripts without spaces have a word border beside every ideograph.
  In bytes whose meaning is only guessed, chance produces short texts, so a find there must carry `GUESSED_BITS`,
  or be the whole of what was decoded.

What is left out, each counted in the report
  `subtracted`: equal (as text, number or day) to a value that this rendition lawfully shows, or to a constant.
  `empty`: nothing but punctuation. `short_exact_place_only`: as above.
  A find that lies wholly inside a constant of the policy (a title, a sentence of a reason) is no find.
  Pure numbers are compared as numbers only; strings of ten digits and more are identifiers and are searched as text
  too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway.residue import layers
from gateway.residue.fold import JOINT, Folded, bits, fold, fold_many, fold_symbols, normal, to_symbols
from gateway.residue.layers import Budget, Pool
from gateway.residue.model import Kind, WithheldSet
from gateway.residue.notation import (
    Day,
    Number,
    has_clock,
    numbers_in,
    short_number,
    significant_bits,
    whole_day,
    whole_number,
)
from gateway.residue.search import Patterns
from gateway.residue.spellings import spellings, stems

SHORT_BITS = 20.0
ANYWHERE_BITS = 37.0
WORDS_BITS = 36.0
GUESSED_BITS = 33.0
_IDENTIFIER_DIGITS = 10
_NUMBER_CHARS = 7
_PACKED_DAY_CHARS = 8
_BLOCK_CHARS = 1 << 22

_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[^\W\d_]|[€$£¥]")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_CURRENCIES = ("e", "eur", "usd", "cny", "rmb", "jpy", "gbp", "chf", "元", "円")
_MEASURES = (
    "kg",
    "g",
    "t",
    "to",
    "mt",
    "lb",
    "lbs",
    "pc",
    "pcs",
    "st",
    "stk",
    "mm",
    "cm",
    "m",
    "km",
    "h",
    "kw",
    "吨",
    "公斤",
    "个",
)
_UNITS = frozenset(("", *_CURRENCIES, *_MEASURES))

Key = str | Number | Day
Content = TypeVar("Content", str, bytes)


@dataclass(frozen=True, slots=True)
class Hit:
    """A find in the unit (cell, line, segment) with this index."""

    kind: Kind
    unit: int


@dataclass(slots=True)
class _Compiled:
    texts: dict[str, float] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    short: dict[str, set[Key]] = field(default_factory=dict)
    subtracted: int = 0
    empty: int = 0
    short_values: int = 0
    searched: int = 0


class Needles:
    """A withheld set compiled for searching. Holds values in memory; nothing of it goes into a report but counts."""

    def __init__(self, withheld: WithheldSet, extra_constants: Iterable[str] = ()) -> None:
        constants = sorted({*withheld.constants, *extra_constants})
        shown = sorted(withheld.shown)
        self._lawful_texts = frozenset(shown).union(constants)
        lawful = chain(_keys_of_each(constants), _keys_of_each(shown, with_words=False))
        self._lawful: set[Key] = set(chain.from_iterable(lawful))
        for constant in constants:
            for token, _ in numbers_in(normal(constant), _NUMBER_CHARS):
                self._lawful |= whole_number(token)
        self._compiled = _compile(withheld, self._lawful)
        self._patterns = Patterns(self._compiled.texts)
        self._constants = Patterns(text for text in fold_many(constants) if text)

    def counts(self) -> dict[str, int]:
        """How many distinct values (per field) were searched, and how many left out, by reason."""
        compiled = self._compiled
        return {
            "searched": compiled.searched,
            "short_exact_place_only": compiled.short_values,
            "subtracted": compiled.subtracted,
            "empty": compiled.empty,
        }

    def has_exact_places(self, field_id: str) -> bool:
        """Whether the field has short withheld values."""
        return bool(self._compiled.short.get(field_id))

    def texts(self) -> Mapping[str, float]:
        """The folded texts that are searched for everywhere, and how many bits a find of each must say."""
        return self._compiled.texts

    def at_exact_place(self, field_id: str, cells: Sequence[str]) -> Iterator[int]:
        """Indexes of cells that equal a short withheld value of the same field."""
        short = self._compiled.short.get(field_id)
        if not short:
            return
        # Nearly every cell is lawful as it stands; only the others are worth reading as numbers and days.
        open_cells = [(index, cell) for index, cell in enumerate(cells) if cell not in self._lawful_texts]
        for (index, _), keys in zip(open_cells, _keys_of_each([cell for _, cell in open_cells]), strict=True):
            if not short.isdisjoint(keys) and self._lawful.isdisjoint(keys):
                yield index

    def in_texts(self, texts: Sequence[str], budget: Budget | None) -> Iterator[Hit]:
        """Every find in texts of known meaning (cells, lines), encodings and compressed streams included."""
        yield from self._texts(list(enumerate(texts)), budget, 0)

    def in_bytes(self, blobs: Sequence[bytes], budget: Budget | None, least_bits: float = 0.0) -> Iterator[Hit]:
        """Every find in bytes of guessed meaning: character sets, encodings and, given a budget, compressed streams."""
        if blobs:
            yield from self._pool(Pool.of(blobs), budget, 0, least_bits)

    def in_octets(self, data: bytes, least_bits: float) -> Iterator[Hit]:
        """Finds in bytes taken as Latin letters and nothing else: for large data where more would be pointless."""
        for unit in self._found(fold_symbols(to_symbols(data.decode("latin-1"))), least_bits):
            yield Hit(Kind.VALUE, unit)

    def _texts(self, units: list[tuple[int, str]], budget: Budget | None, depth: int) -> Iterator[Hit]:
        for block in _blocks(units):
            origins = [origin for origin, _ in block]
            joined = JOINT.join(text.replace(JOINT, " ") for _, text in block)
            for unit in self._found(fold(joined), 0.0):
                yield Hit(Kind.ENCODED if depth else Kind.VALUE, origins[unit])
            if self._compiled.numbers:
                for unit in self._numbers(joined):
                    yield Hit(Kind.ENCODED if depth else Kind.NUMBER, origins[unit])
            if depth < layers.MAX_DEPTH:
                yield from self._below(block, joined, budget, depth)

    def _below(self, block: list[tuple[int, str]], joined: str, budget: Budget | None, depth: int) -> Iterator[Hit]:
        if layers.has_escape(joined):
            deeper = [(origin, plain) for origin, text in block for plain in layers.unescaped(text) if plain != text]
            if deeper:
                yield from self._texts(deeper, budget, depth + 1)
        spelled, digits = layers.packed(joined)
        if spelled:
            for pool in layers.from_base64(spelled):
                for hit in self._pool(pool, budget, depth + 1, GUESSED_BITS):
                    yield Hit(hit.kind, _origin(block, joined, spelled[hit.unit]))
        if digits:
            for hit in self._pool(layers.from_hex(digits), budget, depth + 1, GUESSED_BITS):
                yield Hit(hit.kind, _origin(block, joined, digits[hit.unit]))

    def _pool(self, pool: Pool, budget: Budget | None, depth: int, least_bits: float) -> Iterator[Hit]:
        kind = Kind.ENCODED if depth else Kind.VALUE
        for view in pool.views():
            for unit in self._found(fold_symbols(view), least_bits):
                yield Hit(kind, unit)
        if depth >= layers.MAX_DEPTH:
            return
        texts = list(pool.stretches())
        if texts:
            yield from self._texts(texts, budget, depth)
        for unit, content, whole in pool.inflated(budget) if budget else ():
            deeper = Pool.of([content])
            for hit in self._pool(deeper, budget, depth + 1, SHORT_BITS if whole else GUESSED_BITS):
                yield Hit(hit.kind, unit)

    def _found(self, folded: Folded, least_bits: float) -> Iterator[int]:
        """Units in which a pattern stands and counts, in order of place."""
        joints: NDArray[np.intp] | None = None
        lawful: _Spans | None = None
        for start, end, text in self._patterns.find(folded.symbols):
            weight = self._compiled.texts[text]
            if weight < ANYWHERE_BITS and not folded.is_word(start, end):
                continue
            if weight < least_bits and not _fills_unit(folded, start, end):
                continue
            if lawful is None:
                lawful = _Spans((s, e) for s, e, _ in self._constants.find(folded.symbols) if folded.is_word(s, e))
            if lawful.cover(start, end):
                continue
            if joints is None:
                joints = np.flatnonzero(folded.symbols == ord(JOINT))
            yield int(np.searchsorted(joints, start))

    def _numbers(self, joined: str) -> Iterator[int]:
        plain = normal(joined)
        verdicts: dict[str, bool] = {}
        for token, position in numbers_in(plain, _NUMBER_CHARS):
            verdict = verdicts.get(token)
            if verdict is None:
                readings = whole_number(token)
                verdict = any(digits in self._compiled.numbers for digits, _ in readings)
                verdict = verdict and self._lawful.isdisjoint(readings)
                verdicts[token] = verdict
            if verdict:
                yield plain.count(JOINT, 0, position)


class _Spans:
    """Stretches of a text that constants of the policy take up."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def cover(self, start: int, end: int) -> bool:
        """Whether one stretch holds all of `start:end`."""
        rank = bisect_right(self._starts, start)
        return rank > 0 and self._reach[rank - 1] >= end


def _origin(block: list[tuple[int, str]], joined: str, run: str) -> int:
    """The unit in which `run` stands first."""
    return block[joined.count(JOINT, 0, joined.find(run))][0]


def _fills_unit(folded: Folded, start: int, end: int) -> bool:
    symbols, joint = folded.symbols, ord(JOINT)
    begins = start == 0 or symbols[start - 1] == joint
    return bool(begins and (end == len(symbols) or symbols[end] == joint))


def _blocks(units: list[tuple[int, Content]]) -> Iterator[list[tuple[int, Content]]]:
    """The units in order, cut into blocks of bounded size; a unit is never divided."""
    block: list[tuple[int, Content]] = []
    size = 0
    for unit in units:
        block.append(unit)
        size += len(unit[1]) + 1
        if size >= _BLOCK_CHARS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _keys_of_each(texts: Sequence[str], *, with_words: bool = True) -> Iterator[set[Key]]:
    """For each text everything it can equal: its folded form, its readings as a number and as a day.

    Without `with_words` only a bare number is read as one: that `EUR 4821150` may be shown in a column of texts makes
    the withheld 4821150 no less of a secret.
    """
    for text, folded in zip(texts, fold_many(list(texts)), strict=True):
        keys: set[Key] = {folded} if folded else set()
        if short := short_number(text):
            keys.add(short)
            if len(text) == _PACKED_DAY_CHARS:
                keys |= whole_day(text)
        elif _DIGIT.search(text):
            plain = normal(text).strip()
            if with_words or not _WORDS.search(plain):
                keys |= whole_number(plain)
            keys |= whole_day(plain)
        yield keys


def _compile(withheld: WithheldSet, lawful: set[Key]) -> _Compiled:
    compiled = _Compiled()
    searched: list[str] = []
    fields: dict[str, set[str]] = {}
    for value in withheld.values:
        fields.setdefault(value.text, set()).add(value.field)
    for (text, places), folded in zip(fields.items(), fold_many(list(fields)), strict=True):
        if not folded:
            compiled.empty += 1
            continue
        plain = normal(text).strip()
        numbers = whole_number(plain) if _DIGIT.search(plain) else frozenset()
        days = whole_day(plain) if _DIGIT.search(plain) else frozenset()
        keys: set[Key] = {folded, *numbers, *days}
        if not lawful.isdisjoint(keys):
            compiled.subtracted += 1
            continue
        searched.append(text)
        if _search_everywhere(compiled, folded, plain, numbers, days):
            keys = set(days)
        else:
            compiled.short_values += 1
        if keys:
            for place in places:
                compiled.short.setdefault(place, set()).update(keys)
    _search_otherwise(compiled, searched, lawful)
    compiled.searched = len(fields) - compiled.empty - compiled.subtracted - compiled.short_values
    return compiled


def _search_everywhere(
    compiled: _Compiled, folded: str, plain: str, numbers: frozenset[Number], days: frozenset[Day]
) -> bool:
    """Add the value to what is searched all over the rendition, if it says enough; false if it is too short."""
    everywhere = False
    if numbers and significant_bits(numbers) >= SHORT_BITS and not days:
        compiled.numbers |= {digits for digits, _ in numbers}
        everywhere = True
    pure_number = bool(numbers) and _NOT_LETTERS.sub("", folded) in _UNITS
    identifier = folded.isdecimal() and len(folded) >= _IDENTIFIER_DIGITS
    if (pure_number and not identifier) or (days and not has_clock(plain)):
        return everywhere
    weight = bits(folded)
    if weight >= SHORT_BITS and len(folded) > 1:
        compiled.texts[folded] = weight
        everywhere = True
    return everywhere


def _search_otherwise(compiled: _Compiled, texts: Iterable[str], lawful: set[Key]) -> None:
    """Add other spellings of these values, and as whole words the firms without their legal forms."""
    texts = list(texts)
    for ways, most_bits in ((spellings, float("inf")), (stems, WORDS_BITS)):
        for folded in fold_many(list(dict.fromkeys(other for text in texts for other in ways(text)))):
            weight = min(bits(folded), most_bits)
            if weight >= SHORT_BITS and len(folded) > 1 and not folded.isdecimal() and folded not in lawful:
                compiled.texts.setdefault(folded, weight)
