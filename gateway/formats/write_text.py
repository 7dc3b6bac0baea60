"""The writers of documents: JSON, XML and plain text, canonical and made anew.

No word in them comes from the original but the values that leave: names are the policy's titles, lists go by number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

JSON, XML, TEXT = "application/json", "application/xml", "text/plain"
MARK_MEMBER = "_disclosure"

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_XML_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_XML_NAME = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


@dataclass(frozen=True, slots=True)
class OutValue:
    """A value that leaves, under its title; `bare` where JSON writes it as it is: a number, true, false or null."""

    title: str
    text: str
    bare: bool = False


@dataclass(frozen=True, slots=True)
class OutList:
    """A list that leaves, under its name."""

    name: str
    items: tuple[tuple[OutValue | OutList, ...], ...]


OutGroup = tuple[OutValue | OutList, ...]


def _json(group: OutGroup, mark_text: str) -> str:
    return f"{_object((OutValue(MARK_MEMBER, mark_text), *group), 0)}\n"


def _object(group: OutGroup, depth: int) -> str:
    inner = "\n" + "  " * (depth + 1)
    members = (f"{_string(_name(member))}: {_member(member, depth + 1)}" for member in group)
    return f"{{{inner}{f',{inner}'.join(members)}\n{'  ' * depth}}}"


def _member(member: OutValue | OutList, depth: int) -> str:
    if isinstance(member, OutValue):
        return member.text if member.bare else _string(member.text)
    inner = "\n" + "  " * (depth + 1)
    items = (_object(item, depth + 1) for item in member.items)
    return f"[{inner}{f',{inner}'.join(items)}\n{'  ' * depth}]"


def _name(member: OutValue | OutList) -> str:
    return member.title if isinstance(member, OutValue) else member.name


def _string(text: str) -> str:
    return f'"{_ESCAPED.sub(lambda match: _SHORT[match[0]], text)}"'


def _xml(group: OutGroup, mark_text: str) -> str:
    body = "\n".join(_elements(group, 1))
    mark = f"  <disclosure>{mark_text.translate(_XML_TEXT)}</disclosure>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<document>\n{mark}\n{body}\n</document>\n'


def _elements(group: OutGroup, depth: int) -> Iterator[str]:
    blank = "  " * depth
    for member in group:
        name = _name(member).translate(_XML_NAME)
        if isinstance(member, OutValue):
            yield f'{blank}<value name="{name}">{member.text.translate(_XML_TEXT)}</value>'
            continue
        yield f'{blank}<list name="{name}">'
        for item in member.items:
            yield f"{blank}  <item>"
            yield from _elements(item, depth + 2)
            yield f"{blank}  </item>"
        yield f"{blank}</list>"


def _text(group: OutGroup, mark_text: str) -> str:
    lines = (f"{member.title}: {member.text}" for member in group if isinstance(member, OutValue))
    return "\n".join((mark_text, *lines, mark_text, ""))


WRITERS: Mapping[str, Callable[[OutGroup, str], str]] = MappingProxyType({JSON: _json, XML: _xml, TEXT: _text})
