"""What a header means: the meanings of all its words, whatever the language and the order.

A German compound and a Chinese or Japanese one are cut into words that are known; nothing may be left over. So
`Kundennummer`, `Customer no.`, `客户编码` and `顧客コード` mean the same, and what has one unknown word means nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache

from gateway.policy.header_words import MEANINGS, SAYS_NOTHING
from gateway.policy.spelling import CJK_RUN, fold

Meaning = frozenset[str]

_YEAR = re.compile(r"(?:fy)?(?:19|20)\d\d(?!\d)")
_LINKS = ("s", "n", "en", "es", "e")
_MAX_KEY = 80
_MAX_READINGS = 64
_MIN_INNER = 3
_MIN_LINKED = 4
_NOTHING: Meaning = frozenset()


@lru_cache(maxsize=65_536)
def meanings(key: str) -> frozenset[Meaning]:
    """Every meaning of a folded key in its fewest words; none where a word is not known."""
    if not key or len(key) > _MAX_KEY:
        return frozenset()
    # For every place the least that leads there (two for a word, one for one that says nothing), and its meanings.
    reached: dict[int, tuple[int, set[Meaning]]] = {0: (0, {_NOTHING})}
    for place in range(len(key)):
        if place not in reached:
            continue
        words, so_far = reached[place]
        for end, found in _steps(key, place):
            count = words + (2 if found else key[place] != " ")
            readings = {one | more for one in so_far for more in found} if found else so_far
            fewest, others = reached.get(end, (count, set()))
            if count <= fewest:
                kept = (others if count == fewest else set()) | readings
                reached[end] = (count, set(sorted(kept, key=sorted)[:_MAX_READINGS]))
    return frozenset(reached.get(len(key), (0, set()))[1]) - {_NOTHING}


def _steps(key: str, place: int) -> Iterator[tuple[int, frozenset[Meaning]]]:
    """Where one more word may end, and what that word may mean; nothing where it says nothing."""
    if key[place] == " ":
        yield place + 1, frozenset()
        return
    starts = place == 0 or key[place - 1] == " "
    year = _YEAR.match(key, place) if starts else None
    if year:
        yield year.end(), frozenset({frozenset({"year"})})
    for word in _starting(key[place]):
        if not key.startswith(word, place):
            continue
        end = place + len(word)
        found = _dictionary()[word]
        if not word.isascii():
            yield end, found
            continue
        ends = end == len(key) or key[end] == " " or not key[end].isascii()
        if (starts and ends) or (found and _may_join(word, starts=starts, ends=ends, after=key[place - 1 : place])):
            yield end, found
        if found and len(word) >= _MIN_LINKED:
            yield from ((end + len(link), found) for link in _LINKS if key.startswith(link, end))


def _may_join(word: str, *, starts: bool, ends: bool, after: str) -> bool:
    """Short words join others only at the end of a compound (`KdNr`), or behind another script (`客户ID`)."""
    if not after.isascii() and not starts:
        return ends
    return len(word) >= _MIN_INNER or (ends and word in {"nr", "no", "id"}) or (starts and word in {"kd", "so", "po"})


def ends_in(key: str, meant: frozenset[Meaning]) -> bool:
    """Whether the last word, the one that a header is about, means one of `meant` and is not joined by a preposition.

    `Phone order` is an order; `Branche des Kunden` is a branch.
    """
    words = key.split()
    if len(words) > 1 and words[-2] in _dictionary() and not _dictionary()[words[-2]]:
        return False
    return any(meanings(key[place:]) & meant for place in range(1, len(key)))


@cache
def _dictionary() -> dict[str, frozenset[Meaning]]:
    found: defaultdict[str, set[Meaning]] = defaultdict(set)
    for line in MEANINGS.strip().replace("\n ", "").splitlines():
        meaning, _, words = line.partition(":")
        for word in words.split():
            for key in _spellings(word.replace("_", " ")):
                found[key].add(frozenset(meaning.split()))
    said = {key: frozenset(meant) for key, meant in found.items()}
    return said | {fold(word): frozenset() for word in SAYS_NOTHING.split() if fold(word) not in said}


def _spellings(word: str) -> Iterator[str]:
    """The word folded, its plural in `-ies`, without its umlauts, and run together where it is of several words."""
    key = fold(word)
    yield key
    if not CJK_RUN.search(key):
        yield fold(word.translate(str.maketrans("äöü", "aou")))
        yield key.replace(" ", "")
        if key.endswith("y"):
            yield key[:-1] + "ies"


@cache
def _starting(letter: str) -> tuple[str, ...]:
    return tuple(sorted((word for word in _dictionary() if word.startswith(letter)), key=lambda word: -len(word)))
