"""JSON, XML and plain text: read strictly, surveyed path by path, written anew from what the plan names.

In: one sandboxed reader each; `structured_of` believes nothing in the answer before it is checked.
Out: the values that the plan names under the policy's own titles, in the original's order, with the mark first. Lists
stay lists, so that what belongs together stays together; items of which nothing leaves are gone, and so are the names
of everything: what the plan does not name does not exist. Every path is decided about by itself: a rule whose `where`
asks for another field loosens nothing here.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import polars as pl

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.base.units import MIB
from gateway.detect.money import with_heading
from gateway.formats.cells import CONTROL, MAX_CELL_CHARS
from gateway.formats.columns import DEFAULT, Column, Redactions, rendered
from gateway.formats.leaves import MAX_ASIDES, MAX_DEPTH, MAX_EVENTS, MAX_PATHS, MAX_WORD_CHARS
from gateway.formats.model import (
    PATH_SEPARATOR,
    Content,
    Element,
    Field,
    Instruction,
    Items,
    Leaf,
    Mark,
    Op,
    Plan,
    Rebuilt,
    Structured,
    column_id,
)
from gateway.formats.parse_csv import DECLARED
from gateway.formats.ports import NOTHING
from gateway.formats.problems import CellUnreadable, NoSuchPage, NothingNamed, PlanUnfit, TextRefused, TextTooLarge
from gateway.formats.surface import NO_PAGES, Spot, Surface
from gateway.formats.write_text import JSON, MARK_MEMBER, TEXT, WRITERS, XML, OutGroup, OutList, OutValue
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseRefused

PARSE_TASKS: Mapping[str, str] = MappingProxyType(
    {
        JSON: "gateway.formats.parse_json:parse",
        XML: "gateway.formats.parse_xml:parse",
        TEXT: "gateway.formats.parse_lines:parse",
    }
)
ASIDE = "format:aside"
LIMITS = Limits(output_bytes=128 * MIB)

_SENTENCES: Mapping[str, tuple[type[Problem], str]] = MappingProxyType(
    {
        "nothing": (TextRefused, "The file holds no value; send the document itself."),
        "json": (TextRefused, "The file is not strict JSON (RFC 8259); have it written anew by its program."),
        "json-root": (TextRefused, "The JSON is a single value; wrap it into an object under a name."),
        "key-twice": (TextRefused, "An object of the JSON has a key twice; say which value is meant by removing one."),
        "xml": (TextRefused, "The file is not well-formed XML; have it written anew by its program, in UTF-8."),
        "xml-doctype": (TextRefused, "The XML declares a document type or entities; save it without."),
        "xml-mixed": (TextRefused, "The XML has text between elements; send it as plain text or as a PDF."),
        "xml-foreign": (
            TextRefused,
            "The XML is a drawing, a page or an office file; send it in its own format or as a PDF.",
        ),
        "encoding": (TextRefused, "The file's encoding is neither UTF-8 nor marked UTF-16; save it anew in UTF-8."),
        "encoding-broken": (TextRefused, "The file's encoding is broken; save it anew in UTF-8."),
        "encoding-mixed": (TextRefused, "The file's encoding cannot be told with certainty; save it anew in UTF-8."),
        "encoding-declared": (TextRefused, "The file is not in the declared encoding; correct the answer."),
        "control": (TextRefused, "The text holds a control character; remove it and save the text anew."),
        "name-long": (TextTooLarge, f"A name in the text has more than {MAX_WORD_CHARS} characters; shorten it."),
        "value-long": (TextTooLarge, f"A value has more than {MAX_CELL_CHARS} characters; shorten it."),
        "deep": (TextTooLarge, "The document is nested deeper than {most}; send its parts as documents of their own."),
        "large": (TextTooLarge, "The document has more than {most} parts; split it."),
        "paths": (TextTooLarge, "The document has more than {most} different fields; leave out what nobody asked for."),
        "asides": (TextTooLarge, "The document has more than {most} comments; remove them."),
    }
)
_UNCLEAR = TextRefused("The reader's answer about this text does not add up; save the text anew and send it again.")
_FOREIGN_STARTS = (b"%PDF", b"PK", b"#!", b"\xff\xd8\xff", b"\x89PNG", b"{\\rtf", b"GIF8", b"\x1a\x45", b"From ")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LITERALS = frozenset({"true", "false", ""})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class StructuredFormat:
    """JSON, XML and plain text as documents of values. `classify` says which classes a path's values show."""

    name: str = "text"
    media_types: tuple[str, ...] = (JSON, XML, TEXT)
    extensions: Mapping[str, str] = MappingProxyType({JSON: "json", XML: "xml", TEXT: "txt"})

    def __init__(self, classify: Callable[[Iterable[str]], frozenset[str]], limits: Limits | None = None) -> None:
        self._classify = classify
        self._limits = limits or LIMITS

    def sniff(self, head: bytes) -> str | None:
        """JSON by its first bracket, XML by its first tag, else text where there is no byte that texts do not hold."""
        if not head or head.startswith(_FOREIGN_STARTS):
            return None
        wide = head.startswith(_BYTE_ORDER_MARKS[1:])
        if not wide and _NOT_TEXT.search(head):
            return None
        start = head.decode("utf-16" if wide else "utf-8", "replace").removeprefix("\ufeff").lstrip(" \t\r\n")
        if start[:1] in {"{", "["}:
            return JSON
        return XML if re.match(r"<[?!\w]", start) else TEXT

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Structured:
        """The document. Raises `TextRefused` or `TextTooLarge` with what to do."""
        del steps  # one parse says nothing before its end
        if not {"encoding"}.issuperset(declared):
            raise TextRefused("Something is declared that a text does not have; take it out of the answers.")
        try:
            reply = sandbox.run(PARSE_TASKS[media_type], dict(declared), untrusted_original, self._limits)
        except ParseRefused as refused:
            kind, sentence = _SENTENCES.get(refused.code, (None, ""))
            if kind is None:
                raise
            most = refused.numbers.get("most", 0)
            raise kind(sentence.format(most=most)) from refused
        return structured_of(reply, media_type)

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """Nothing: raises `NoSuchPage`."""
        del untrusted_original, media_type, sandbox, spot
        raise NoSuchPage(NO_PAGES)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """One field per path, numbered from 1; `count` is how many of its values are not empty."""
        document = _structured(content)
        fields = [
            Field(
                id=cells.name,
                element=Element.COLUMN,
                label=label,
                name=None,
                classes=self._classify(with_heading(label, cells.unique(maintain_order=True))),
                count=int((cells.str.strip_chars() != "").sum()),
            )
            for label, cells in zip(document.labels, document.columns, strict=True)
        ]
        if document.asides:
            fields.append(
                Field("metadata/aside", Element.METADATA, "XML:comment", "XML:comment", count=len(document.asides))
            )
        return tuple(fields)

    def left_behind(self, content: Content) -> dict[str, int]:
        """Nothing: comments and instructions are a field, though one that never leaves."""
        _structured(content)
        return {}

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """The values under the path in document order; of a tag what it says."""
        document = _structured(content)
        return document.asides if field.element is Element.METADATA else tuple(_column(document, field.id))

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """The rendition; `redactions` counts values per rule and, as `format:aside`, comments and instructions."""
        document = _structured(content)
        orders = {one.field_id: one for one in plan.instructions if one.element is Element.COLUMN}
        if len(orders) != sum(one.element is Element.COLUMN for one in plan.instructions):
            raise PlanUnfit("The plan names a field twice; make the rendition anew.")
        redactions = Redactions()
        redactions.add(ASIDE, len(document.asides))
        leaving: dict[int, tuple[Instruction, list[str]]] = {}
        for number, cells in enumerate(document.columns):
            order = orders.pop(cells.name, None)
            if order is None:
                redactions.add(DEFAULT, cells.len())
            elif (shown := _shown(order, cells, secret, document.digest, redactions)) is not None:
                leaving[number] = order, shown
        if orders:
            raise PlanUnfit("The plan names a field that this document does not have; make the rendition anew.")
        if not leaving:
            raise NothingNamed(
                "The policy lets no column or value of this document leave; leave it out of the release."
            )
        titles = tuple(order.title for order, _ in leaving.values())
        if len({title.casefold() for title in (*titles, MARK_MEMBER)}) != len(titles) + 1:
            raise PlanUnfit("Two fields of the rendition would have the same title; answer which one is meant.")
        out = _Out(document, leaving)
        if out.list_names & {title.casefold() for title in titles}:
            raise PlanUnfit("A field of the rendition has the title of a list; rename it in the kind.")
        data = WRITERS[document.media_type](out.group(document.root), mark.text).encode()
        return Rebuilt(data, document.media_type, redactions.counts(), headers=titles)


class _Out:
    """A document on its way out: what is left of its groups."""

    def __init__(self, document: Structured, leaving: Mapping[int, tuple[Instruction, Sequence[str]]]) -> None:
        self._document = document
        self._leaving = leaving
        kept: set[int] = set()
        self._find_kept(document.root, kept)
        self._lists = {number: f"list {place}" for place, number in enumerate(sorted(kept), 1)}

    @property
    def list_names(self) -> frozenset[str]:
        """What lists are called."""
        return frozenset(self._lists.values())

    def group(self, parts: Sequence[Leaf | Items]) -> OutGroup:
        """What leaves of parts that belong together."""
        return tuple(self._parts(parts))

    def _find_kept(self, parts: Sequence[Leaf | Items], kept: set[int]) -> bool:
        """Whether anything of these parts leaves; the lists among them of which something does are added to `kept`."""
        found = False
        for part in parts:
            if isinstance(part, Leaf):
                found |= part.column in self._leaving
                continue
            for item in part.items:
                if self._find_kept(item, kept):
                    kept.add(part.number)
            found |= part.number in kept
        return found

    def _parts(self, parts: Sequence[Leaf | Items]) -> Iterator[OutValue | OutList]:
        for part in parts:
            if isinstance(part, Leaf):
                if part.column in self._leaving:
                    yield self._value(part, *self._leaving[part.column])
            elif items := tuple(filter(None, map(self.group, part.items))):
                yield OutList(self._lists[part.number], items)

    def _value(self, leaf: Leaf, order: Instruction, shown: Sequence[str]) -> OutValue:
        text = shown[leaf.place]
        allowed = all(case.transform.op is Op.ALLOW for case in order.cases)
        bare = allowed and leaf.sort != "s" and text == self._document.columns[leaf.column][leaf.place]
        return OutValue(order.title, text or "null" if bare else text, bare and self._document.media_type == JSON)


def _shown(
    order: Instruction, cells: pl.Series, secret: bytes, digest: bytes, redactions: Redactions
) -> list[str] | None:
    """What is shown of each value, or None where nothing of the field leaves."""
    try:
        kept = rendered([Column(order, cells)], secret, digest, redactions, calculated=False)
    except CellUnreadable as unreadable:
        place = int(str(unreadable.members["row"])) - 1
        raise CellUnreadable(
            f"The value {place} of “{order.title}” cannot be read as what the policy takes it for; correct it "
            "and send it again."
        ) from unreadable
    return kept[0].cells.cells().to_list() if kept else None


def structured_of(reply: Reply, media_type: str) -> Structured:
    """The child's answer as a document. Raises `TextRefused`.

    Checked: 1. three texts of JSON, paths and asides within their bounds; 2. every event is of a known form, leaves of
    a known path, texts without control characters, numbers and literals what they say; 3. lists hold items and nothing
    else, all are ended, none is nested too deeply; 4. every path has a leaf, in the order of the numbers.
    """
    source = reply.header.get("source")
    encoding = source.get("encoding", "") if isinstance(source, dict) else None
    if encoding not in ("", *DECLARED) or len(reply.blobs) != 3:
        raise _UNCLEAR
    try:
        paths, events, asides = (json.loads(blob) for blob in reply.blobs)
        labels = tuple(_label(path, xml=media_type == XML) for path in _list_of(paths, MAX_PATHS))
        build = _Build(len(labels))
        for event in _list_of(events, MAX_EVENTS):
            build.take(event)
        root, columns = build.finished()
        told = tuple(_text(one) for one in _list_of(asides, MAX_ASIDES))
    except (ValueError, TypeError, IndexError, RecursionError) as error:
        raise _UNCLEAR from error
    digest = hashlib.sha256(b"".join(hashlib.sha256(blob).digest() for blob in reply.blobs)).digest()
    how = {"encoding": str(encoding)} if encoding else {}
    return Structured(media_type, labels, columns, root, told, how, digest)


class _Build:
    """Puts events together again."""

    def __init__(self, paths: int) -> None:
        self._columns: list[list[str]] = [[] for _ in range(paths)]
        self._seen = 0
        self._groups: list[list[Leaf | Items]] = [[]]
        self._lists: list[tuple[int, list[tuple[Leaf | Items, ...]]]] = []

    def take(self, untrusted: Any) -> None:
        """One more event. Raises `ValueError`, `TypeError` or `IndexError` where it does not belong here."""
        match untrusted:
            case ["v", int(path), "s" | "n" | "l" as sort, str(text)] if self._in_item():
                self._leaf(path, sort, text)
            case ["a", int(number)] if self._in_item() and 0 <= number <= MAX_EVENTS:
                if len(self._lists) > MAX_DEPTH:
                    raise ValueError("deep")
                self._lists.append((number, []))
            case ["i"] if not self._in_item():
                self._groups.append([])
            case ["e"] if self._lists:
                if self._in_item():
                    self._lists[-1][1].append(tuple(self._groups.pop()))
                else:
                    number, items = self._lists.pop()
                    self._groups[-1].append(Items(number, tuple(items)))
            case _:
                raise ValueError("event")

    def finished(self) -> tuple[tuple[Leaf | Items, ...], tuple[pl.Series, ...]]:
        """The whole, and the columns."""
        if self._lists or self._seen != len(self._columns) or not self._columns:
            raise ValueError("open")
        columns = (pl.Series(column_id(at), cells, dtype=pl.String) for at, cells in enumerate(self._columns, 1))
        return tuple(self._groups[0]), tuple(columns)

    def _in_item(self) -> bool:
        return len(self._groups) > len(self._lists)

    def _leaf(self, path: int, sort: str, text: str) -> None:
        if not 0 <= path <= self._seen or len(text) > MAX_CELL_CHARS or CONTROL.search(_text(text)):
            raise ValueError("leaf")
        if (sort == "n" and not _NUMBER.fullmatch(text)) or (sort == "l" and text not in _LITERALS):
            raise ValueError("sort")
        self._seen = max(self._seen, path + 1)
        column = self._columns[path]
        self._groups[-1].append(Leaf(path, len(column), sort))
        column.append(text)


def _list_of(untrusted: Any, most: int) -> list[Json]:
    if not isinstance(untrusted, list) or len(untrusted) > most:
        raise ValueError("list")
    return untrusted


def _text(untrusted: Json) -> str:
    if not isinstance(untrusted, str):
        raise TypeError("text")
    untrusted.encode()
    return untrusted


def _label(untrusted: Json, *, xml: bool) -> str:
    """A path as people and synonyms know it: without brackets and namespaces, `ratedTorque` as two words."""
    words = [_text(word) for word in _list_of(untrusted, MAX_DEPTH * 2)]
    if any(len(word) > MAX_WORD_CHARS or CONTROL.search(word) for word in words):
        raise ValueError("path")
    local = [word.rpartition(" ")[2] if xml else word for word in words]
    return PATH_SEPARATOR.join(_HUMP.sub(" ", word) for word in local if word != "[]") or "[]"


def _structured(content: Content) -> Structured:
    if not isinstance(content, Structured):
        raise TypeError("this format rebuilds documents")
    return content


def _column(document: Structured, field_id: str) -> pl.Series:
    try:
        return document.column(field_id)
    except KeyError as error:
        raise PlanUnfit("The plan names a field that this document does not have; make the rendition anew.") from error
