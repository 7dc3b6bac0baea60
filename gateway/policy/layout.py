"""One layout for policy files: what `gateway policy fmt` makes of them, without a change of meaning or of a comment.

1. Lines end with a newline and without spaces; blank lines stand alone and never at either end.
2. Inside `{…}` and `[…]` no space stands at the brackets and one behind `,` and `:`; one stands behind `key:` and `-`.
3. What is nested stands two columns to the right, entries of a list too; a comment goes with the line that follows.
4. Two spaces at least stand before a comment behind something.
5. Text over several lines keeps its lines. The order of keys, quotes and comments are the author's.

The result is read again: unless it says the same with the same comments, and would be laid out as it is, it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from gateway.policy.strict_yaml import located, parse_document

_INDENT = 2
# As in `strict_yaml`: libyaml where the package has it; what comes of it is read again in any case.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_OPEN = (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSE = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
_TIGHT_BEFORE = (*_CLOSE, yaml.FlowEntryToken, yaml.ValueToken)
_SPACED_AFTER = (yaml.FlowEntryToken, yaml.ValueToken)
_DASHES = re.compile(r"(- +)+")


def formatted(text: str, *, file: str) -> str:
    """`text` in the one layout. Raises `PolicyInvalid` where it is no sound YAML or cannot be laid out safely."""
    before = parse_document(text.encode("utf-8"), file=file)
    laid_out = _once(text)
    after = parse_document(laid_out.encode("utf-8"), file=file)
    if (before.root, _comments(text)) != (after.root, _comments(laid_out)) or _once(laid_out) != laid_out:
        raise located(file, None, "It cannot be laid out without a change of meaning; lay it out by hand.")
    return laid_out


def _once(text: str) -> str:
    return _lines_put_right(_indented(_spaced(text.replace("\r\n", "\n"))))


@dataclass(frozen=True, slots=True)
class _Token:
    """A token that has characters of its own."""

    sort: Any
    start: int
    end: int
    line: int
    last_line: int


def _tokens(text: str) -> list[_Token]:
    found: Any = yaml.scan(text, Loader=_LOADER)
    return [
        _Token(type(one), one.start_mark.index, one.end_mark.index, one.start_mark.line, one.end_mark.line)
        for one in found
        if one.end_mark.index > one.start_mark.index
    ]


def _comments(text: str) -> list[str]:
    """All comments in order; between tokens there is nothing but them and white space."""
    tokens = _tokens(text)
    ends, starts = [0, *(one.end for one in tokens)], [*(one.start for one in tokens), len(text)]
    gaps = (text[end:start] for end, start in zip(ends, starts, strict=True))
    return [line.strip() for gap in gaps for line in gap.splitlines() if line.strip()]


def _spaced(text: str) -> str:
    """Rules 2 and 4."""
    pieces: list[str] = []
    at = 0
    for one, after in _pairs(_tokens(text)):
        if after is not None and after.line == one.last_line:
            pieces += [text[at : one.end], _gap(one, after, text[one.end : after.start])]
            at = after.start
        elif (rest := text[one.end :].partition("\n")[0]).lstrip().startswith("#"):
            spaces = len(rest) - len(rest.lstrip())
            pieces += [text[at : one.end], " " * max(_INDENT, spaces)]
            at = one.end + spaces
    return "".join([*pieces, text[at:]])


def _pairs(tokens: list[_Token]) -> Iterator[tuple[_Token, _Token | None]]:
    yield from zip(tokens, [*tokens[1:], None], strict=True)


def _gap(one: _Token, after: _Token, now: str) -> str:
    if one.sort in _OPEN or after.sort in _TIGHT_BEFORE:
        return ""
    return " " if one.sort in _SPACED_AFTER else now


def _indented(text: str) -> str:
    """Rule 3. A line that goes on with something is moved as far as the line on which that begins."""
    rows = text.split("\n")
    inside = {line for one in _tokens(text) for line in range(one.line + 1, one.last_line + 1)}
    places: dict[int, int] = {}
    _place(yaml.compose(text, Loader=_LOADER), 0, places)
    moves = {line: _INDENT * depth - _indent(rows[line]) for line, depth in places.items()}
    done: list[str] = []
    move = following = 0
    for number in reversed(range(len(rows))):
        following = moves.setdefault(number, following) if number in places or _is_comment(rows[number]) else following
    for number, row in enumerate(rows):
        if number in places or number not in inside:
            move = moves.get(number, move)
        bare = row.lstrip(" ")
        if number in places:
            bare = _DASHES.sub(lambda dashes: "- " * dashes[0].count("-"), bare, count=1) if bare[0] == "-" else bare
        done.append(" " * max(0, _indent(row) + move) + bare)
    return "\n".join(done)


def _indent(row: str) -> int:
    return len(row) - len(row.lstrip(" "))


def _is_comment(row: str) -> bool:
    return row.lstrip().startswith("#")


def _place(node: Any, depth: int, places: dict[int, int]) -> None:
    """In how many blocks each line stands on which a key or an entry of a list begins."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style:
        return
    for item in node.value:
        first, inner = item if isinstance(node, yaml.MappingNode) else (item, item)
        # The first key of an entry stands on the line of its dash, which has its place already.
        places.setdefault(first.start_mark.line, depth)
        _place(inner, depth + 1, places)


def _lines_put_right(text: str) -> str:
    """Rule 1, save inside text over several lines, where a space or a blank line may count."""
    kept = {
        line
        for one in _tokens(text)
        if one.sort is yaml.ScalarToken and one.last_line > one.line
        for line in range(one.line, one.last_line)
    }
    done: list[str] = []
    for number, line in enumerate(text.split("\n")):
        bare = line if number in kept else line.rstrip(" \t")
        if bare or number in kept or (done and done[-1]):
            done.append(bare)
    while done and not done[-1]:
        done.pop()
    return "\n".join(done) + "\n"
