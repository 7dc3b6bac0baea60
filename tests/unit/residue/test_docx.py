"""A Word document that was rebuilt once passes the gate as long as its form stands, and each broken one is named."""

from __future__ import annotations

import io
import random
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.formats.write_docx import NOTICES
from gateway.residue import archive
from gateway.residue.gate import check, check_foreign
from gateway.residue.jpeg import Broken
from gateway.residue.model import Kind, Report, RetypedExpectation
from tests.support import pages, word
from tests.support.renditions import withheld
from tests.support.word import docx, p

FROZEN = Path(__file__).parents[2] / "vectors" / "word"
REBUILT = (FROZEN / "rebuilt.docx").read_bytes()
DOCUMENT, HEAD, STYLES = "word/document.xml", "word/header1.xml", "word/styles.xml"
SECRETS = withheld("Anna Kowalski", "48,211.00", field="text/1/1")
CODE = "[withheld: PD-MIN]"
GROUND = '<w:rPr><w:shd w:val="clear" w:color="auto" w:fill="D9D9D9"/></w:rPr>'
GREY = f'<w:r>{GROUND}<w:t xml:space="preserve">{CODE}</w:t></w:r>'


def report(data: bytes, mark: str = pages.MARK.text) -> Report:
    return check(data, RetypedExpectation(mark), SECRETS)


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(REBUILT)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    """An archive as the gateway writes it."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, 0
            opened.writestr(member, content)
    return sink.getvalue()


def with_part(name: str, content: bytes) -> bytes:
    return packed({**members(), name: content})


def changed(name: str, old: str, new: str) -> bytes:
    parts = members()
    assert old.encode() in parts[name]
    return packed({**parts, name: parts[name].replace(old.encode(), new.encode(), 1)})


def with_body(more: str) -> bytes:
    """The document with this before its last section."""
    return changed(DOCUMENT, "<w:sectPr>", f"{more}<w:sectPr>")


def test_the_frozen_document_passes() -> None:
    found = report(REBUILT)
    assert found.findings == ()
    assert {"structure", "mark", "labels", "characters", "text"} <= {*found.passed}


def test_repacking_changes_nothing() -> None:
    assert report(packed(members())).findings == ()


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "comment-part": (lambda: with_part("word/comments.xml", b"<a/>"), "the members"),
    "properties": (lambda: with_part("docProps/core.xml", b"<a/>"), "the members"),
    "part-missing": (lambda: packed({k: v for k, v in members().items() if k != STYLES}), "the members"),
    "other-order": (lambda: packed(dict(reversed(members().items()))), "the members"),
    "other-style": (lambda: changed(STYLES, "<w:b/>", "<w:vanish/>"), f"{STYLES}: not the template's"),
    "other-relation": (
        lambda: changed("word/_rels/document.xml.rels", "styles.xml", "https://x.example"),
        "word/_rels/document.xml.rels: not that of these parts",
    ),
    "attached-template": (lambda: with_part("word/_rels/header1.xml.rels", b"<a/>"), "the members"),
    "hidden-run": (
        lambda: with_body("<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r></w:p>"),
        f"{DOCUMENT}: element vanish",
    ),
    "deleted-run": (lambda: with_body("<w:p><w:del><w:r/></w:del></w:p>"), f"{DOCUMENT}: element del"),
    "field": (lambda: with_body('<w:p><w:fldSimple w:instr="x"/></w:p>'), f"{DOCUMENT}: element fldSimple"),
    "drawing": (lambda: with_body("<w:p><w:r><w:drawing/></w:r></w:p>"), "the pictures: not in their form"),
    "secret-attribute": (lambda: changed(DOCUMENT, "<w:tbl>", '<w:tbl w:kowalski="1">'), f"{DOCUMENT}: attribute"),
    "revision-id": (lambda: changed(DOCUMENT, "<w:tbl>", '<w:tbl w:rsidR="1">'), f"{DOCUMENT}: attribute"),
    "comment": (lambda: with_body("<!-- x -->"), f"{DOCUMENT}: markup"),
    "instruction": (lambda: with_body("<?x y?>"), f"{DOCUMENT}: markup"),
    "section-of-characters": (lambda: with_body("<w:p><![CDATA[x]]></w:p>"), f"{DOCUMENT}: markup"),
    "loose-text": (lambda: with_body("x"), f"{DOCUMENT}: text"),
    "document-type": (lambda: changed(DOCUMENT, "<w:document", "<!DOCTYPE a><w:document"), f"{DOCUMENT}: markup"),
    "other-namespace": (
        lambda: with_body('<w:p><x:t xmlns:x="urn:x">x</x:t></w:p>'),
        f"{DOCUMENT}: element",
    ),
    "open-end": (lambda: changed(DOCUMENT, "</w:body>", ""), f"{DOCUMENT}: its XML"),
    "other-head": (lambda: changed(HEAD, "Baotou", "Nobody"), "the head of the pages"),
    "other-mark": (lambda: changed(DOCUMENT, "Baotou", "Nobody"), "the first paragraphs"),
    "other-notice": (lambda: changed(DOCUMENT, "however many", "few"), "the first paragraphs"),
    "label-that-is-none": (lambda: changed(DOCUMENT, CODE, "[withheld: a b c]"), "a label that is none"),
    "label-beside-words": (lambda: changed(DOCUMENT, CODE, f"{CODE} x"), "a label that is none"),
    "two-labels-for-one": (lambda: with_body(f"<w:p>{GREY}{GREY}</w:p>"), "two labels for one"),
    "counted-labels": (lambda: with_body(f"<w:p>{GREY}<w:r><w:t> </w:t></w:r>{GREY}</w:p>"), "two labels for one"),
    "zero-width": (lambda: with_body("<w:p><w:r><w:t>a\u200bb</w:t></w:r></w:p>"), "a character that shows nothing"),
    "withheld": (lambda: with_body("<w:p><w:r><w:t>Anna Kowalski</w:t></w:r></w:p>"), "the text"),
    "withheld-in-two-runs": (
        lambda: with_body("<w:p><w:r><w:t>Anna Kow</w:t></w:r><w:r><w:t>alski</w:t></w:r></w:p>"),
        "the text",
    ),
    "withheld-across-paragraphs": (
        lambda: with_body("<w:p><w:r><w:t>Anna</w:t></w:r></w:p><w:p><w:r><w:t>Kowalski</w:t></w:r></w:p>"),
        "the text",
    ),
    "tail": (lambda: REBUILT + b"x", "the end"),
    "between": (lambda: REBUILT.replace(b"PK\x01\x02", b"xPK\x01\x02", 1), "the directory"),
    "not-an-archive": (lambda: b"%PDF-1.7", "the end"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_document_is_blocked_for_its_own_reason(name: str) -> None:
    make, place = BROKEN[name]
    found = report(make()).findings
    assert any(place in finding.place for finding in found), found
    assert not any("owalski" in finding.place for finding in found)


def test_the_mark_of_another_release_is_not_the_mark() -> None:
    assert {one.kind.value for one in report(REBUILT, "somebody else").findings} == {"mark"}


@pytest.mark.nightly
def test_a_flipped_bit_of_the_archive_is_found_unless_it_changes_nothing() -> None:
    """One content has several encodings: a shorter match may stand at another distance."""
    dice, whole = random.Random(), archive.members(REBUILT)
    for place in dice.sample(range(8 * len(REBUILT)), 200):
        data = bytearray(REBUILT)
        data[place // 8] ^= 1 << place % 8
        try:
            same = archive.members(bytes(data)) == whole
        except Broken:
            same = False
        assert same or report(bytes(data)).findings, place


BITS_BEHIND = dict(zip(members(), (6, 4, 7, 0, 3, 5), strict=True))


@pytest.mark.parametrize("name", BITS_BEHIND)
def test_the_bits_behind_the_end_of_a_stream_are_zero(name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(REBUILT)) as opened:
        member = opened.getinfo(name)
    first = member.header_offset + 30 + len(name)
    behind = first + member.compress_size
    tried = 0
    for bit in range(8):
        data = bytearray(REBUILT)
        data[behind - 1] ^= 1 << bit
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        if decoder.decompress(data[first:behind]) == members()[name] and decoder.eof:
            tried += 1
            assert [one.kind for one in report(bytes(data)).findings] == [Kind.TRAILING]
    assert tried == BITS_BEHIND[name]


def test_an_original_is_stopped_whatever_is_said_of_it() -> None:
    original = (FROZEN / "original.docx").read_bytes()
    assert not report(original).clean
    found = check_foreign(original, word.DOCX, SECRETS).findings
    assert {one.kind.value for one in found} >= {"withheld-value"}


def test_a_document_that_somebody_else_made_is_searched_in_every_part() -> None:
    data = docx(p("Shown"), raw={"customXml/item1.xml": "<a b='Anna Kowalski'/>"})
    assert not check_foreign(data, word.DOCX, SECRETS).clean


def test_writer_and_gate_agree_on_the_notices() -> None:
    told = members()[DOCUMENT].decode()
    assert all(notice in told for notice in NOTICES)
