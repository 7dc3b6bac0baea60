"""What nearly says a withheld value: as a reader of pixels says it that took one letter for another.

Letters and digits that look alike in pixels (O and 0, l and 1, S and 5, B and 8) count as one. Beyond that a value of
28 bits and more (six letters, nine digits) may differ by one letter that is another, missing or too many for each 23
of its bits, by at most a fourth of its letters and never by more than three; a shorter one, and not below 20 bits, only
as a whole word and by look-alikes. What lies wholly inside a text that the rendition lawfully shows, as it was read, is
explained by that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from gateway.residue.fold import JOINT, Folded, bits, fold, fold_many
from gateway.residue.model import WithheldSet
from gateway.residue.values import ANYWHERE_BITS, Needles

LEAST_BITS, BITS_PER_MISTAKE, SYMBOLS_PER_MISTAKE, MOST_MISTAKES = 28.0, 23.0, 4, 3

_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "j": "l", "5": "s", "8": "b", "2": "z", "6": "g", "9": "g"})
_FIGURES = str.maketrans("OoQDIl|SsBZzGg", "00001115582266")
_NUMBER_LIKE = re.compile(r"[\dOoQDIl|SsBZzGg][\dOoQDIl|SsBZzGg.,' ]{5,62}[\dOoQDIl|SsBZzGg]")
# A pattern is a row of bits in one machine word.
_MOST_SYMBOLS = 63

Words = NDArray[np.uint64]
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class _Near:
    """Where in the folded text a pattern nearly stands: its number, where it ends, and by how many mistakes."""

    pattern: int
    end: int
    mistakes: int


def near_in(texts: Sequence[str], withheld: WithheldSet, needles: Needles) -> Iterator[tuple[int, str | None]]:
    """The index of each text that nearly says a withheld value, with the value's field where that is known.

    Values that the text says exactly are among them.
    """
    fields = dict(zip(fold_many([one.text for one in withheld.values]), withheld.values, strict=True))
    lawful = JOINT.join(fold_many([*sorted(withheld.shown), *sorted(withheld.constants)]))
    folded = fold(JOINT.join(text.replace(JOINT, " ") for text in texts))
    said = folded.text()
    for mistakes, patterns in _by_mistakes(needles.texts()).items():
        for near in _nearest(_standing(patterns, said.translate(_ALIKE), mistakes)):
            pattern = patterns[near.pattern]
            start = _start(said.translate(_ALIKE), pattern.translate(_ALIKE), near)
            if _counts(folded, start, near.end, pattern) and said[start : near.end] not in lawful:
                value = fields.get(pattern)
                yield said.count(JOINT, 0, near.end), value.field if value else None
    yield from _as_numbers(texts, needles)


def _as_numbers(texts: Sequence[str], needles: Needles) -> Iterator[tuple[int, None]]:
    """Texts that say a withheld number once the letters in it are read as the digits that they look like."""
    figures = [_NUMBER_LIKE.sub(_figures, text) for text in texts]
    changed = [(index, now) for index, (text, now) in enumerate(zip(texts, figures, strict=True)) if now != text]
    for hit in needles.in_texts([now for _, now in changed], None):
        yield changed[hit.unit][0], None


def _figures(match: re.Match[str]) -> str:
    digits = sum(character.isdigit() for character in match[0])
    return match[0].translate(_FIGURES) if 2 * digits >= len(match[0]) else match[0]


def _by_mistakes(texts: Mapping[str, float]) -> dict[int, list[str]]:
    """The searched values by how many mistakes each may have."""
    groups: dict[int, list[str]] = {}
    for text in texts:
        groups.setdefault(mistakes_in(text), []).append(text)
    return groups


def mistakes_in(folded: str) -> int:
    """How many mistakes a value may have and still be known by it."""
    said = bits(folded[:_MOST_SYMBOLS])
    if said < LEAST_BITS:
        return 0
    return min(MOST_MISTAKES, int(said // BITS_PER_MISTAKE), min(len(folded), _MOST_SYMBOLS) // SYMBOLS_PER_MISTAKE)


def _counts(folded: Folded, start: int, end: int, pattern: str) -> bool:
    """A short value must be a whole word, one of six or seven letters begin or end as one."""
    said = bits(pattern)
    if said >= ANYWHERE_BITS:
        return True
    begins, ends = bool(folded.starts[start]), end >= len(folded.symbols) or bool(folded.starts[end])
    return (begins and ends) if said < LEAST_BITS else (begins or ends)


def _standing(patterns: Sequence[str], text: str, mistakes: int) -> Iterator[_Near]:
    """Every place where a pattern ends with so many mistakes or fewer (Wu and Manber, all patterns at a time).

    Bit b of row d says of each pattern that its first b + 1 symbols end here with at most d mistakes.
    """
    cut = [pattern.translate(_ALIKE)[:_MOST_SYMBOLS] for pattern in patterns]
    whole = _ONE << np.array([len(pattern) - 1 for pattern in cut], np.uint64)
    masks = _masks(cut, frozenset(text))
    nowhere = np.zeros(len(cut), np.uint64)
    fresh = [np.full(len(cut), (1 << row) - 1, np.uint64) for row in range(mistakes + 1)]
    rows = fresh
    for place, symbol in enumerate(text, start=1):
        if symbol == JOINT:
            rows = fresh
            continue
        rows = _stepped(rows, masks.get(symbol, nowhere))
        for number in np.flatnonzero(rows[mistakes] & whole).tolist():
            least = next(row for row, now in enumerate(rows) if now[number] & whole[number])
            yield _Near(number, place, least)


def _stepped(rows: Sequence[Words], mask: Words) -> list[Words]:
    """The rows behind one more symbol of the text: one that fits, is too many, is another, or before one is missing."""
    now = [((rows[0] << _ONE) | _ONE) & mask]
    for before, row in pairwise(rows):
        now.append(((row << _ONE) & mask) | before | (before << _ONE) | (now[-1] << _ONE) | _ONE)
    return now


def _masks(patterns: Sequence[str], symbols: frozenset[str]) -> dict[str, Words]:
    """For each symbol of the text, at which of its places each pattern has it."""
    masks: dict[str, Words] = {}
    for number, pattern in enumerate(patterns):
        for place, symbol in enumerate(pattern):
            if symbol in symbols:
                mask = masks.setdefault(symbol, np.zeros(len(patterns), np.uint64))
                mask[number] |= _ONE << np.uint64(place)
    return masks


def _nearest(found: Iterator[_Near]) -> Iterator[_Near]:
    """Of the ends that follow each other in the text the one with the fewest mistakes, pattern by pattern."""
    ordered = sorted(found, key=lambda near: (near.pattern, near.end))
    places = {id(near): near.end - rank for rank, near in enumerate(ordered)}
    for _, run in groupby(ordered, key=lambda near: (near.pattern, places[id(near)])):
        yield min(run, key=lambda near: near.mistakes)


def _start(text: str, pattern: str, near: _Near) -> int:
    """Where what ends there began: the start from which it is most like the pattern."""
    pattern = pattern[:_MOST_SYMBOLS]
    least = max(text.rfind(JOINT, 0, near.end) + 1, near.end - len(pattern) - near.mistakes)
    most = max(least, near.end - len(pattern) + near.mistakes)
    return min(range(least, most + 1), key=lambda start: distance(text[start : near.end], pattern))


def distance(one: str, other: str) -> int:
    """How many symbols must be put in, taken out or exchanged to make one text of the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for place, symbol in enumerate(one, start=1):
        corner, row[0] = row[0], place
        for column, wanted in enumerate(other, start=1):
            corner, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, corner + (symbol != wanted))
    return row[-1]
