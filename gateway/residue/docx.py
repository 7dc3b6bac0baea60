"""A Word document of ours read again, strictly, by expat, and searched paragraph by paragraph.

Rules of the file, each a finding when broken: 1. The archive as `archive` says, its members the six of the template in
their order, then the pictures that are expected. 2. Content types, relationships and styles are the template's, to the
byte; so is the head of the pages, with the mark. 3. Every element, attribute and value of the document as the grammar
here says; no document type, comment or instruction; text only where texts belong.
Rules of the content: 4. The mark is the first paragraph, the notices are the next ones. 5. What looks like a label is
one, alone in its run, and no label follows an equal one: how many words it stands for cannot be told. 6. No character
shows nothing, and no withheld value stands in a paragraph or across paragraphs, labels aside. 7. Every picture stands
in the document once, in order, in its own size, and holds what `docx_pictures` says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from xml.sax.saxutils import escape

from gateway.base.text import has_hidden
from gateway.residue import docx_pictures
from gateway.residue.archive import loose_members, members
from gateway.residue.jpeg import Broken, Pixels
from gateway.residue.layers import Budget
from gateway.residue.marked import MaskOf
from gateway.residue.model import NO_PIXELS, NOT_READ, Finding, Kind, Ledger, Report, RetypedExpectation, unique
from gateway.residue.strict_xml import DECLARATION, Grammar, Walk, walked
from gateway.residue.text import in_lines
from gateway.residue.values import Needles

PARSER = "own strict document walker"
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XML = "http://www.w3.org/XML/1998/namespace"
_DOCUMENT, _HEAD = "word/document.xml", "word/header1.xml"
_TYPES, _RELATIONS = "[Content_Types].xml", "word/_rels/document.xml.rels"
# SHA-256 of the parts that are the same in every document; None where one is not.
_PARTS: Mapping[str, str | None] = MappingProxyType(
    {
        _TYPES: None,
        "_rels/.rels": "6b1f432240d639e697da68ee65a70d6252b5eb7204e58daeae6514a0f85f2285",
        _DOCUMENT: None,
        _RELATIONS: None,
        "word/styles.xml": "6b5422574aa581ea069830bc73ee6620d84a4683a901022b694f88c9955820a7",
        _HEAD: None,
    }
)
_NOTICES = (
    "This copy was typed anew for its recipient; [withheld: CODE] stands for withheld words, however many.",
    "本副本为接收方重新排印；[withheld: 代码] 表示未提供的内容，与其长短无关。",
)
_LABEL = re.compile(r"\[withheld(?:: [A-Z0-9][A-Z0-9._-]{0,39})?\]")
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def _at(name: str) -> str:
    return f"{_MAIN} {name}"


def _grammar() -> Grammar:
    whole = "[1-9][0-9]{0,5}"
    inside: dict[str, dict[str, str]] = {
        "": {},
        "/pPr": {},
        "/pPr/pStyle": {_at("val"): "Title|Heading[123]|Note|Cell|Mark|Notice"},
        "/pPr/ind": {_at("left"): "[1-9][0-9]{2,3}"},
        "/r": {},
        "/r/rPr": {},
        "/r/rPr/shd": {_at("val"): "clear", _at("color"): "auto", _at("fill"): "D9D9D9"},
        "/r/rPr/strike": {},
        "/r/t": {f"{_XML} space": "preserve"},
        "/r/br": {},
    }
    body = "document/body"
    told: dict[str, dict[str, str]] = {
        "document": {},
        body: {},
        **{f"{body}/p{path}": forms for path, forms in inside.items()},
        **{f"{body}/p{path}": dict.fromkeys(names, ".*") for path, names in docx_pictures.PATHS.items()},
        **{f"{body}/tbl/tr/tc/p{path}": forms for path, forms in inside.items()},
        f"{body}/tbl": {},
        f"{body}/tbl/tblPr": {},
        f"{body}/tbl/tblPr/tblW": {_at("w"): whole, _at("type"): "dxa"},
        f"{body}/tbl/tblPr/tblBorders": {},
        **{
            f"{body}/tbl/tblPr/tblBorders/{edge}": {
                _at("val"): "single",
                _at("sz"): "4",
                _at("space"): "0",
                _at("color"): "AAAAAA",
            }
            for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
        },
        f"{body}/tbl/tblGrid": {},
        f"{body}/tbl/tblGrid/gridCol": {_at("w"): whole},
        f"{body}/tbl/tr": {},
        f"{body}/tbl/tr/tc": {},
        f"{body}/tbl/tr/tc/tcPr": {},
        f"{body}/tbl/tr/tc/tcPr/tcW": {_at("w"): whole, _at("type"): "dxa"},
        f"{body}/tbl/tr/tc/tcPr/gridSpan": {_at("val"): "[1-9][0-9]?"},
        f"{body}/sectPr": {},
        f"{body}/sectPr/headerReference": {_at("type"): "default", f"{_OFFICE} id": "rId2"},
        f"{body}/sectPr/pgSz": {_at("w"): "11906", _at("h"): "16838"},
        f"{body}/sectPr/pgMar": {
            **{_at(side): "1531" for side in ("top", "bottom")},
            **{_at(side): "1276" for side in ("right", "left")},
            **{_at(side): "709" for side in ("header", "footer")},
            _at("gutter"): "0",
        },
    }
    return MappingProxyType(
        {path: {name: re.compile(form) for name, form in forms.items()} for path, forms in told.items()}
    )


_GRAMMAR = _grammar()
_PARAGRAPHS = frozenset({"document/body/p", "document/body/tbl/tr/tc/p"})
_SPOKEN = frozenset(f"{path}/r/t" for path in _PARAGRAPHS)
# Words of the format that a finding may be called by; a name outside of them could itself be what must not leave.
_NAMES = frozenset(
    {
        *(name.rpartition(" ")[2] for path, forms in _GRAMMAR.items() for name in (path.rpartition("/")[2], *forms)),
        *("ins", "del", "vanish", "comment", "commentReference", "drawing", "pict", "object", "hyperlink", "fldSimple"),
        *("fldChar", "instrText", "sdt", "bookmarkStart", "footnoteReference", "AlternateContent", "altChunk", "color"),
    }
)


@dataclass(slots=True)
class _Paragraph:
    """A paragraph: its style and its runs, each with its text and whether it is a label."""

    style: str = ""
    runs: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Everything that is no label; labels part words, as lines do."""
        return "".join("\n" if is_label else text for text, is_label in self.runs)


def check_retyped(
    data: bytes, expected: RetypedExpectation, needles: Needles, reference: bytes, mask_of: MaskOf
) -> Report:
    """Check rules 1 to 7; whatever can still be searched after a broken rule is searched.

    `reference` are the pixels of the expected pictures.
    """
    ledger = Ledger(
        "document", (PARSER,), counts=needles.counts(), read_by=NOT_READ if expected.pictures else NO_PIXELS
    )
    budget = Budget()
    try:
        parts = members(data)
    except Broken as broken:
        ledger.note("structure", [broken.finding])
        blobs = [data, *loose_members(data)]
        ledger.note("values", unique(Finding(hit.kind, "the file") for hit in needles.in_bytes(blobs, budget)))
        return ledger.report()
    walk = walked(parts.get(_DOCUMENT, b""), _MAIN, _GRAMMAR, _SPOKEN, _NAMES)
    notes = (Finding(Kind.STRUCTURE, f"{_DOCUMENT}: {note}") for note in walk.notes)
    names = docx_pictures.names(parts, len(expected.pictures))
    if not ledger.note("structure", unique([*_members(parts, names), *notes])):
        hits = needles.in_bytes(list(parts.values()), budget)
        ledger.note("raw-values", unique(Finding(hit.kind, f"member {hit.unit + 1}") for hit in hits))
    pictures = docx_pictures.check(walk, [parts[name] for name in names], names, expected, needles, reference, mask_of)
    ledger.note("pictures", unique(pictures))
    paragraphs = list(_paragraphs(walk))
    ledger.note("mark", _marked(parts, paragraphs, expected.mark_text))
    ledger.note("labels", unique(_labels(paragraphs)))
    said = [one.text for one in paragraphs[1 + len(_NOTICES) :]]
    ledger.note("characters", unique(_unseen(said)))
    ledger.note("text", unique(in_lines("\n".join(said), "the text", needles, budget)))
    ledger.note("bounds", [Finding(Kind.BOUND, "the file")] if budget.exhausted else [])
    ledger.counts["paragraphs"] = len(said)
    ledger.counts["pictures"] = len(expected.pictures)
    return ledger.report()


def retyped_pictures(data: bytes, expected: RetypedExpectation, numbers: Iterable[int]) -> Iterator[Pixels]:
    """What these pictures show, counted from 0, on the ground that they stand on. Raises `Broken`."""
    parts = members(data)
    names = docx_pictures.names(parts, len(expected.pictures))
    return (docx_pictures.pixels(parts[names[number]], names[number]) for number in numbers)


def _members(parts: Mapping[str, bytes], pictures: Sequence[str]) -> Iterator[Finding]:
    if list(parts) != [*_PARTS, *pictures]:
        yield Finding(Kind.STRUCTURE, "the members: not those of the template and its pictures, or in another order")
    told = {_TYPES: docx_pictures.content_types(pictures), _RELATIONS: docx_pictures.relations(pictures)}
    for name, wanted in told.items():
        if parts.get(name) != DECLARATION + wanted.encode():
            yield Finding(Kind.STRUCTURE, f"{name}: not that of these parts")
    for name, digest in _PARTS.items():
        if digest is not None and name in parts and hashlib.sha256(parts[name]).hexdigest() != digest:
            yield Finding(Kind.STRUCTURE, f"{name}: not the template's")


def _paragraphs(walk: Walk) -> Iterator[_Paragraph]:
    found: _Paragraph | None = None
    for path, attributes, text in walk.found:
        if path in _PARAGRAPHS:
            if found is not None:
                yield found
            found = _Paragraph()
        if found is None:
            continue
        match path.rpartition("/")[2]:
            case "pStyle":
                found.style = attributes.get(_at("val"), "")
            case "r":
                found.runs.append(("", False))
            case "shd" if found.runs:
                found.runs[-1] = found.runs[-1][0], True
            case "t" | "br" as sort if found.runs:
                said, is_label = found.runs[-1]
                found.runs[-1] = said + (text if sort == "t" else "\n"), is_label
    if found is not None:
        yield found


def _marked(parts: Mapping[str, bytes], paragraphs: Sequence[_Paragraph], mark_text: str) -> Iterator[Finding]:
    names = f'xmlns:w="{_MAIN}" xmlns:r="{_OFFICE}"'
    line = f'<w:pPr><w:pStyle w:val="Mark"/></w:pPr><w:r><w:t xml:space="preserve">{escape(mark_text)}</w:t></w:r>'
    if parts.get(_HEAD) != DECLARATION + f"<w:hdr {names}><w:p>{line}</w:p></w:hdr>".encode():
        yield Finding(Kind.MARK, "the head of the pages")
    wanted = [("Mark", mark_text), *(("Notice", text) for text in _NOTICES)]
    told = [(one.style, "".join(text for text, _ in one.runs)) for one in paragraphs[: len(wanted)]]
    if told != wanted or any(is_label for one in paragraphs[: len(wanted)] for _, is_label in one.runs):
        yield Finding(Kind.MARK, "the first paragraphs")


def _labels(paragraphs: Sequence[_Paragraph]) -> Iterator[Finding]:
    for number, one in enumerate(paragraphs, start=1):
        for text, is_label in one.runs:
            if is_label and not _LABEL.fullmatch(text):
                yield Finding(Kind.STRUCTURE, f"paragraph {number}: a label that is none")
        spoken = [run for run in one.runs if run[0].strip()]
        if any(run[1] and run == after for run, after in pairwise(spoken)):
            yield Finding(Kind.STRUCTURE, f"paragraph {number}: two labels for one")


def _unseen(said: Sequence[str]) -> Iterator[Finding]:
    for number, text in enumerate(said, start=2 + len(_NOTICES)):
        if _UNSEEN.search(text) or has_hidden(text):
            yield Finding(Kind.STRUCTURE, f"paragraph {number}: a character that shows nothing")
