"""XML of ours read again by expat alone, against a grammar: whatever the grammar does not name is noted.

A grammar gives for each element, by its path from the root, the attributes that it may carry and the form of their
values. There is no document type, comment, instruction or section of characters, and text only where it belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

DECLARATION = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MOST_NOTES = 50

Attributes = Mapping[str, str]
Forms = Mapping[str, re.Pattern[str]]
Grammar = Mapping[str, Forms]


@dataclass(slots=True)
class Walk:
    """One member, walked: what broke the grammar, the elements that matter with their attributes and texts."""

    notes: list[str] = field(default_factory=list)
    found: list[tuple[str, Attributes, str]] = field(default_factory=list)

    def texts(self, path: str) -> list[str]:
        """The texts of the elements at `path`."""
        return [text for at, _, text in self.found if at == path]


def walked(data: bytes, space: str, allowed: Grammar, spoken: frozenset[str], names: frozenset[str]) -> Walk:
    """Walk a part of the main namespace `space`. Elements at the paths `spoken` may hold text; `names` may be told."""
    walker = _Walker(space, allowed, spoken, names)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = walker.start
    parser.EndElementHandler = walker.end
    parser.CharacterDataHandler = walker.characters
    parser.StartDoctypeDeclHandler = parser.CommentHandler = walker.foreign
    parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = walker.foreign
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError):
        walker.walk.notes.append("its XML")
    if not data.startswith(DECLARATION + b"<"):
        walker.walk.notes.append("its first line")
    return walker.walk


class _Walker:
    """Follows the elements of one member and notes what the grammar does not allow."""

    def __init__(self, space: str, allowed: Grammar, spoken: frozenset[str], names: frozenset[str]) -> None:
        self.walk = Walk()
        self._spoken, self._names = spoken, names
        self._prefix = f"{space} "
        self._allowed = allowed
        self._paths: list[str] = []
        self._open: list[int] = []
        self._text: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        local = name.removeprefix(self._prefix)
        path = f"{self._paths[-1]}/{local}" if self._paths else local
        forms = self._allowed.get(path)
        if forms is None:
            self._note("element", local)
        else:
            for key, value in attributes.items():
                form = forms.get(key)
                if form is None or not form.fullmatch(value):
                    self._note("attribute", key)
        if self._text and not (self._paths and self._paths[-1] in self._spoken):
            self._silent()
        self._paths.append(path)
        self._open.append(len(self.walk.found))
        self.walk.found.append((path, attributes, ""))
        self._text.clear()

    def end(self, _name: str) -> None:
        """An element ends; its text is kept where texts belong."""
        path, at = self._paths.pop(), self._open.pop()
        if self._text:
            if path in self._spoken:
                self.walk.found[at] = (path, self.walk.found[at][1], "".join(self._text))
            else:
                self._silent()
            self._text.clear()

    def characters(self, text: str) -> None:
        """Characters between tags."""
        self._text.append(text)

    def foreign(self, *_arguments: object) -> None:
        """A document type, a comment, an instruction, or characters in a section of their own."""
        self._note("markup", "")

    def _silent(self) -> None:
        if "".join(self._text).strip():
            self._note("text", "")

    def _note(self, what: str, name: str) -> None:
        if len(self.walk.notes) < _MOST_NOTES:
            local = name.rpartition(" ")[2].rpartition(":")[2]
            self.walk.notes.append(f"{what} {local}" if local in self._names else what)
