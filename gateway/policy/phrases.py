"""Finds sentences that bring certain words together: lists of words and a distance, no expression language.

A word is a run of letters and digits without regard to case and width; a Chinese or Japanese character is a word of
its own. `*` at the end of a word stands for any ending; a word of up to four capitals (`US`) is found in capitals only.
What it takes grows with the length of the text and of the lists, never with how they meet.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.base.text import HIDDEN

_HAN = "\u3005\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"(?P<han>[{_HAN}])|(?P<word>(?:(?![{_HAN}])[^\W_])+)|(?P<end>[.!?\u3002])")
_WORD = re.compile(rf"(?P<han>[{_HAN}])|(?P<word>(?:(?![{_HAN}])[^\W_])+\*?)")
# A hyphen behind capitals (`US-`) belongs to the word.
_BROKEN = re.compile(r"[^\W\d_A-Z][-\u2010]$")
_CAPITALS_MAX = 4
# Behind these a full stop ends no sentence.
_SHORT = frozenset(("abs", "art", "bzw", "ca", "co", "corp", "etc", "inc", "incl", "inkl", "ltd", "nr", "no", "sec"))
_BEHIND = re.compile(r"\s+(\S)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text, as it is compared and as it was written, and on which page; an empty one ends a sentence."""

    text: str
    written: str
    page: int

    @property
    def han(self) -> bool:
        """Whether it is a Chinese or Japanese character."""
        return self.text[:1] >= "\u3005"


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a phrase stands: from the first of its tokens to behind the last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a phrase: its letters as they are compared, whether any ending may follow, and its capitals, if any."""

    text: str
    stem: bool
    capitals: str

    @classmethod
    def of(cls, written: str) -> _Word:
        """The word that was written so."""
        bare = written.rstrip("*")
        short = bare == written and bare.isascii() and bare.isupper() and len(bare) <= _CAPITALS_MAX
        return cls(bare.casefold(), bare != written, bare if short else "")

    def fits(self, token: Token) -> bool:
        """Whether the token is this word."""
        if self.capitals:
            return token.written == self.capitals
        return token.text.startswith(self.text) if self.stem else token.text == self.text


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases that mean the same. What lies inside one of `apart` is not meant."""

    phrases: tuple[str, ...]
    apart: tuple[str, ...] = ()


class Finder:
    """Finds phrases in texts that are made of the words of one vocabulary."""

    def __init__(self, wanted: Phrases, vocabulary: Iterable[str]) -> None:
        words = frozenset(vocabulary)
        self._wanted, self._apart = _by_first(wanted.phrases, words), _by_first(wanted.apart, words)

    def hits(self, tokens: Sequence[Token]) -> list[Hit]:
        """Every place where one of the phrases stands, in the order of the text."""
        found = list(_standing(self._wanted, tokens))
        apart = list(_standing(self._apart, tokens)) if found else []
        covered = {place for one in apart for place in range(one.start, one.end)}
        return [hit for hit in found if not covered.issuperset(range(hit.start, hit.end))]


def _by_first(phrases: Iterable[str], vocabulary: frozenset[str]) -> dict[str, list[tuple[_Word, ...]]]:
    """For each word that a phrase may begin with, these phrases."""
    whole: dict[str, list[tuple[_Word, ...]]] = {}
    stems: dict[str, list[tuple[_Word, ...]]] = {}
    for phrase in phrases:
        words = tuple(map(_Word.of, words_of(phrase)))
        (stems if words[0].stem else whole).setdefault(words[0].text, []).append(words)
    lengths = sorted({len(stem) for stem in stems})
    begun = {
        word: [*whole.get(word, ()), *(one for length in lengths for one in stems.get(word[:length].ljust(length), ()))]
        for word in vocabulary
    }
    return {word: found for word, found in begun.items() if found}


def _standing(by_first: Mapping[str, Sequence[tuple[_Word, ...]]], tokens: Sequence[Token]) -> Iterator[Hit]:
    for start, token in enumerate(tokens):
        for words in by_first.get(token.text, ()):
            end = start + len(words)
            if end <= len(tokens) and all(map(_Word.fits, words, tokens[start:end])):
                yield Hit(start, end)


def words_of(phrase: str) -> tuple[str, ...]:
    """The words of a phrase, with their stars."""
    return tuple(found[0] for found in _WORD.finditer(unicodedata.normalize("NFKC", phrase)))


def tokens_of(lines: Iterable[tuple[int, str]]) -> list[Token]:
    """The words of lines in the order in which they are read; each line comes with the number of its page."""
    text, starts, pages = _joined(lines)
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        page = pages[bisect_right(starts, match.start()) - 1]
        if match["end"] is None:
            found.append(Token(match[0].casefold(), match[0], page))
        elif found and found[-1].text and _ends(text, match, found[-1].text):
            found.append(Token("", "", page))
    return found


def _joined(lines: Iterable[tuple[int, str]]) -> tuple[str, list[int], list[int]]:
    """One text with what was hyphenated at the ends of lines put together; where each line starts, and its page."""
    parts: list[str] = []
    starts, pages, length = [0], [0], 0
    for page, line in lines:
        clean = unicodedata.normalize("NFKC", HIDDEN.sub("", line)).strip()
        if parts and _BROKEN.search(parts[-1]) and clean[:1].islower():
            parts[-1] = parts[-1][:-1]
            length -= 1
        elif parts:
            parts.append(" ")
            length += 1
        starts.append(length)
        pages.append(page)
        parts.append(clean)
        length += len(clean)
    return "".join(parts), starts, pages


def _ends(text: str, match: re.Match[str], before: str) -> bool:
    """Whether a mark ends a sentence. A full stop does before a space and a capital, but not behind an abbreviation."""
    if match[0] != ".":
        return True
    follows = _BEHIND.match(text, match.end())
    return follows is not None and follows[1].isupper() and len(before) > 1 and before not in _SHORT


def sentences(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The sentences of a text; where languages stand side by side, also each by itself."""
    for sentence in _split(tokens):
        yield sentence
        han = [token for token in sentence if token.han]
        if han and len(han) < len(sentence):
            yield han
            yield [token for token in sentence if not token.han]


def _split(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for place, token in enumerate(tokens):
        if not token.text:
            yield tokens[start:place]
            start = place + 1
    yield tokens[start:]


def together(hits: Sequence[Sequence[Hit]], within: int) -> int | None:
    """The first token of the first stretch of `within` tokens that holds a hit of every group, or None."""
    found = sorted((hit.start, hit.end, group) for group, of_group in enumerate(hits) for hit in of_group)
    last: dict[int, tuple[int, int]] = {}
    for start, end, group in found:
        last[group] = (start, end)
        if len(last) == len(hits):
            first = min(start for start, _ in last.values())
            if max(end for _, end in last.values()) - first <= within:
                return first
    return None
