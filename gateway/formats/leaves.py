"""How the readers of structured text say what they found: leaves, each under a path, in lists of items.

Runs in the sandbox's child. A *path* is where a leaf stands with indexes left out; a *list* is whatever may repeat
(an array, elements of one name). An answer's header is `{"source": {…}}`; its blobs are three JSON texts:

1. the paths, each a list of words, numbered in the order in which they first stand in the document;
2. the events in document order: `["v", path, sort, text]` a leaf (`s` text, `n` number, `l` literal), `["a", number]`
   a list begins, `["i"]` an item of it begins, `["e"]` the innermost of either ends;
3. what stands beside the content (comments, instructions), which never leaves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from gateway.base.canon import Json
from gateway.formats.cells import CONTROL, MAX_CELL_CHARS
from gateway.sandbox.task import Answer, TaskRefused

MAX_DEPTH = 64
MAX_EVENTS = 400_000
MAX_PATHS = 1_000
MAX_ASIDES = 10_000
MAX_WORD_CHARS = 200

Path = tuple[str, ...]


class Leaves:
    """Collects a document; refuses what is past a bound or holds what no text holds."""

    def __init__(self) -> None:
        self._paths: dict[Path, int] = {}
        self._lists: dict[Path, int] = {}
        self._events: list[list[Json]] = []
        self._asides: list[str] = []

    def leaf(self, path: Path, sort: str, text: str) -> None:
        """A value stands here."""
        if path not in self._paths:
            if len(self._paths) == MAX_PATHS:
                raise TaskRefused("paths", most=MAX_PATHS)
            for word in path:
                _check(word, MAX_WORD_CHARS, "name")
            self._paths[path] = len(self._paths)
        _check(text, MAX_CELL_CHARS, "value")
        self._note("v", self._paths[path], sort, text)

    def list_begins(self, path: Path) -> None:
        """What follows until `ends` are items."""
        self._note("a", self._lists.setdefault(path, len(self._lists)))

    def item_begins(self) -> None:
        """What follows until `ends` belongs together."""
        self._note("i")

    def ends(self) -> None:
        """The innermost item or list is over."""
        self._note("e")

    def aside(self, text: str) -> None:
        """Something that is no content and never leaves."""
        if len(self._asides) == MAX_ASIDES:
            raise TaskRefused("asides", most=MAX_ASIDES)
        self._asides.append(text[:MAX_CELL_CHARS])

    def answer(self, **source: Json) -> Answer:
        """All of it; refuses a document without a leaf."""
        if not self._paths:
            raise TaskRefused("nothing")
        return {"source": source}, [
            json.dumps(part, ensure_ascii=False).encode()
            for part in ([list(path) for path in self._paths], self._events, self._asides)
        ]

    def _note(self, *event: Json) -> None:
        if len(self._events) == MAX_EVENTS:
            raise TaskRefused("large", most=MAX_EVENTS)
        self._events.append(list(event))


def _check(text: str, most: int, what: str) -> None:
    if len(text) > most:
        raise TaskRefused(f"{what}-long")
    if CONTROL.search(text) or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise TaskRefused("control")


def declared_nothing(request: Mapping[str, Json]) -> None:
    """Refuse a declared encoding: these texts say themselves how they are encoded."""
    if request:
        raise TaskRefused("encoding-declared")
