"""Reads YAML as text, lists and mappings and as nothing else.

Every scalar stays a string until a schema types it, so `NO` is Norway and `1.10` keeps its zero. Refused: more than
256 KiB, nesting deeper than 16, more than 20,000 nodes, keys that stand twice, keys that are not text, anchors,
aliases, tags, merge keys, directives, a second document, bidirectional and zero-width characters. Every refusal is
one sentence that names the file and the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gateway.base.text import has_hidden
from gateway.base.units import KIB
from gateway.policy.problems import PolicyInvalid

MAX_BYTES = 256 * KIB
MAX_DEPTH = 16
MAX_NODES = 20_000

# libyaml where the interpreter's package has it, as every wheel does; both give the same events and lines.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

Node = str | list["Node"] | dict[str, "Node"]
Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its tree, and the line on which each node begins (counted from 1)."""

    file: str
    root: dict[str, Node]
    lines: dict[Loc, int]

    def line(self, loc: Loc) -> int | None:
        """The line of the node at `loc`, or of its nearest ancestor that has one."""
        for stop in range(len(loc), -1, -1):
            if loc[:stop] in self.lines:
                return self.lines[loc[:stop]]
        return None

    def problem(self, sentence: str, loc: Loc = ()) -> PolicyInvalid:
        """A problem at `loc` in this file; `sentence` says what is wrong and what to do."""
        return located(self.file, self.line(loc), sentence)


def located(file: str, line: int | None, sentence: str) -> PolicyInvalid:
    """The one shape of every load error."""
    place = f"{file}, line {line}" if line else file
    return PolicyInvalid(f"{place}: {sentence}", file=file, line=line)


def read_document(path: Path, *, name: str | None = None) -> Document:
    """Read and parse one file. `name` is what sentences call it (default: the last part of `path`)."""
    file = name or path.name
    return parse_document(read_bytes(path, file), file=file)


def read_bytes(path: Path, name: str) -> bytes:
    """What is in one file, no more than one byte past the bound."""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise located(name, None, "The file cannot be read; check that it exists and may be read.") from error


def parse_document(data: bytes, *, file: str) -> Document:
    """Parse `data`, a mapping at the top. Raises `PolicyInvalid`."""
    if len(data) > MAX_BYTES:
        raise located(file, None, f"The file is larger than {MAX_BYTES // KIB} KiB; split it.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise located(file, None, "The file is not UTF-8 text; save it as UTF-8.") from error
    for number, row in enumerate(text.split("\n"), start=1):
        if has_hidden(row):
            raise located(file, number, "A bidirectional or zero-width character hides here; delete it.")
    return _Builder(file).build(text)


class _Builder:
    """Builds the tree from parser events, so that nothing is constructed or resolved on the way."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lines: dict[Loc, int] = {}
        self._nodes = 0

    def build(self, text: str) -> Document:
        try:
            events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
            root = self._document(events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = (error.problem or "a syntax error").rstrip(".")
            raise located(
                self._file, mark.line + 1 if mark else None, f"This is not valid YAML ({what}); correct it."
            ) from error
        except yaml.YAMLError as error:
            raise located(self._file, None, "The file holds control characters; delete them.") from error
        return Document(self._file, root, self._lines)

    def _document(self, events: Iterator[yaml.Event]) -> dict[str, Node]:
        next(events)
        start = next(events)
        if isinstance(start, yaml.StreamEndEvent):
            raise located(self._file, None, "The file is empty; write a document into it.")
        if isinstance(start, yaml.DocumentStartEvent) and (start.version or start.tags):
            raise self._error(start, "YAML directives are not part of the language; delete the line.")
        root = self._node(next(events), events, (), 0)
        next(events)
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, "A second document begins here; write one document per file.")
        if not isinstance(root, dict):
            raise located(self._file, 1, "The file must be a mapping of keys at the top; write `key: value` lines.")
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], loc: Loc, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(event, f"The file has more than {MAX_NODES} nodes; split it.")
        if depth > MAX_DEPTH:
            raise self._error(event, f"The nesting is deeper than {MAX_DEPTH}; flatten it.")
        if isinstance(event, yaml.AliasEvent):
            raise self._error(event, "Aliases (*name) are not part of the language; write the value out.")
        if getattr(event, "anchor", None):
            raise self._error(event, "Anchors (&name) are not part of the language; write the value out each time.")
        if getattr(event, "tag", None):
            raise self._error(event, "Tags (!name) are not part of the language; delete the tag.")
        self._lines.setdefault(loc, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, loc, depth)
        return self._mapping(events, loc, depth)

    def _sequence(self, events: Iterator[yaml.Event], loc: Loc, depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*loc, len(items)), depth + 1))
        return items

    def _mapping(self, events: Iterator[yaml.Event], loc: Loc, depth: int) -> Node:
        result: dict[str, Node] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._node(event, events, (*loc, "(key)"), depth + 1)
            if not isinstance(key, str):
                raise self._error(event, "A key must be plain text; rewrite it.")
            if key == "<<":
                raise self._error(event, "Merge keys (<<) are not part of the language; write the keys out.")
            if key in result:
                raise self._error(event, f"The key `{key[:60]}` stands twice; keep one.")
            self._lines.pop((*loc, "(key)"), None)
            self._lines[*loc, key] = _line(event)
            result[key] = self._node(next(events), events, (*loc, key), depth + 1)
        return result

    def _error(self, event: yaml.Event, sentence: str) -> PolicyInvalid:
        return located(self._file, _line(event), sentence)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
