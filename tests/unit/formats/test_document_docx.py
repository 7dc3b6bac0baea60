"""Word documents as they are read: what a reader sees is typed, and nothing of what hides beside it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping

import pytest

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.detect.text import classes_of
from gateway.formats.document_docx import DOCX, PARSE_TASK, DocumentDocx
from gateway.formats.model import Element, Pages
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.formats.typed_reader import DRAW_TASK
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.process import ProcessSandbox
from tests.support import word
from tests.support.word import docx, p, part, r, table

FORM = DocumentDocx(classes_of)
SEED = random.SystemRandom().randrange(1 << 32)
SECRET = "Qz" + "".join(random.Random(SEED).choices("abcdefghijklmnopqrstuvwxyz", k=10))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, DRAW_TASK))
    yield walls
    walls.close()


def read(data: bytes, sandbox: ProcessSandbox) -> Pages:
    return FORM.read(data, DOCX, sandbox)


def lines(pages: Pages) -> list[str]:
    return [one.label for one in FORM.survey(pages) if one.element is Element.TEXT]


def said(pages: Pages) -> str:
    return " ".join(word.text for page in pages.pages for word in page.words)


def test_a_contract_is_typed_as_it_reads(sandbox: ProcessSandbox) -> None:
    found = lines(read(word.agreement(), sandbox))
    assert found[0] == "Framework supply agreement No. 4711"
    assert [line.split()[0] for line in found if line[:1] in "12•"][:6] == ["1.", "1.a)", "1.b)", "2.", "12,000", "•"]
    assert "EUR 48,211.00" in found
    assert "最终用户承诺：上述货物仅用于民用牵引电机" in "".join(found)


def test_runs_are_joined_and_breaks_kept(sandbox: ProcessSandbox) -> None:
    split = p(
        r("Nord"), r("werk", "<w:b/>"), r(" GmbH"), "<w:r><w:br/></w:r>", r("Kiel"), "<w:r><w:tab/></w:r>", "24103"
    )
    assert lines(read(docx(split), sandbox)) == ["Nordwerk GmbH", "Kiel 24103"]


def test_pages_begin_where_the_document_says_so(sandbox: ProcessSandbox) -> None:
    pages = read(
        docx(
            p("one", '<w:r><w:br w:type="page"/></w:r>', "two"),
            p("three", properties="<w:pageBreakBefore/>"),
            p("four", properties="<w:sectPr/>"),
            p("five"),
        ),
        sandbox,
    )
    assert [[word.text for word in page.words] for page in pages.pages] == [
        ["one"],
        ["two"],
        ["three", "four"],
        ["five"],
    ]


def test_a_long_document_takes_as_many_pages_as_it_needs_and_loses_no_word(sandbox: ProcessSandbox) -> None:
    words = [f"w{at}" for at in range(6_000)]
    pages = read(docx(*(p(" ".join(words[at : at + 60])) for at in range(0, 6_000, 60))), sandbox)
    assert [word.text for page in pages.pages for word in page.words] == words
    assert len(pages.pages) > 3
    assert len(pages.raster(len(pages.pages))) == 1654 * 2339


def test_a_table_keeps_its_cells_apart_also_over_pages(sandbox: ProcessSandbox) -> None:
    rows = [(f"item {at}", "filler " * 40, f"{at} pcs") for at in range(60)]
    pages = read(docx(table(*rows)), sandbox)
    found = lines(pages)
    assert len(pages.pages) > 1
    assert {"item 0", "item 59", "0 pcs", "59 pcs"} <= {*found}


def test_fields_show_their_results_and_forms_what_was_chosen(sandbox: ProcessSandbox) -> None:
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f"<w:r><w:instrText>REF {SECRET}</w:instrText></w:r><w:r><w:t>{SECRET}</w:t></w:r>"
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>clause 4</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    ticked = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData></w:fldChar>'
        '</w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    simple = f'<w:fldSimple w:instr="DOCPROPERTY {SECRET}">{r("Kiel")}</w:fldSimple>'
    pages = read(docx(p("See ", field, " ", ticked, r(" civil, "), simple)), sandbox)
    assert lines(pages) == ["See clause 4 ☒ civil, Kiel"]
    assert pages.counts["field"] == 3


RAISED = '<w:vertAlign w:val="superscript"/>'


def test_numbers_mean_what_they_showed(sandbox: ProcessSandbox) -> None:
    pages = read(
        docx(
            p(
                "10",
                r("6", '<w:vertAlign w:val="superscript"/>'),
                " H",
                r("2", '<w:vertAlign w:val="subscript"/>'),
                "O",
            ),
            p(r("old price", "<w:strike/>"), " new price"),
            p("5 ", r("m", '<w:rFonts w:ascii="Symbol"/>'), "m"),
        ),
        sandbox,
    )
    assert lines(pages) == ["10⁶ H₂O", "old price new price", "5 [symbol]m"]
    assert [ref.struck for ref in pages.blocks[1].words] == [True, True, False, False]
    assert pages.counts["symbol"] == 1


def test_notes_follow_the_document(sandbox: ProcessSandbox) -> None:
    notes = part("footnotes", f'<w:footnote w:id="2">{p("civil use only")}</w:footnote>')
    pages = read(
        docx(p("Magnets", '<w:r><w:footnoteReference w:id="2"/></w:r>'), parts={"n.xml": ("footnotes", notes)}), sandbox
    )
    assert lines(pages) == ["Magnets[1]", "[1] civil use only"]


TEXT_BOX = (
    '<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent>{}</w:txbxContent>'
    "</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox>"
    "</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)


def test_a_text_box_follows_its_paragraph_once(sandbox: ProcessSandbox) -> None:
    pages = read(docx(p("before", TEXT_BOX.format(p("boxed"), p("boxed"))), p("after")), sandbox)
    assert lines(pages) == ["before", "boxed", "after"]
    assert "picture" not in pages.counts


PICTURE = '<w:r><w:drawing><wp:docPr id="1" name="x" descr="{}"/><a:blip/></w:drawing></w:r>'


def comments(author: str, text: str) -> dict[str, tuple[str, str]]:
    """The part that holds one comment."""
    return {"c.xml": ("comments", part("comments", f'<w:comment w:author="{author}">{p(text)}</w:comment>'))}


HIDING: dict[str, bytes] = {
    "vanish": docx(p("Shown", r(SECRET, "<w:vanish/>"))),
    "vanish-by-character-style": docx(p("Shown", r(SECRET, '<w:rStyle w:val="Weg"/>'))),
    "vanish-by-paragraph-style": docx(
        p("Shown"),
        p(SECRET, style="V"),
        styles=word.STYLES
        + '<w:style w:type="paragraph" w:styleId="V"><w:rPr><w:vanish/></w:rPr></w:style>',
    ),
    "vanish-by-inheritance": docx(
        p("Shown"),
        p(SECRET, style="V2"),
        styles=word.STYLES
        + '<w:style w:type="paragraph" w:styleId="V"><w:rPr><w:vanish/></w:rPr></w:style>'
        + '<w:style w:type="paragraph" w:styleId="V2"><w:basedOn w:val="V"/></w:style>',
    ),
    "white": docx(p("Shown", r(SECRET, '<w:color w:val="FFFFFF"/>'))),
    "white-by-theme": docx(p("Shown", r(SECRET, '<w:color w:val="000000" w:themeColor="background1"/>'))),
    "nearly-white": docx(p("Shown", r(SECRET, '<w:color w:val="EFEFEF"/>'))),
    "black-on-black-highlight": docx(p("Shown", r(SECRET, '<w:highlight w:val="black"/>'))),
    "black-on-black-shading": docx(
        p("Shown", r(SECRET, '<w:color w:val="000000"/><w:shd w:val="clear" w:fill="000000"/>'))
    ),
    "solid-shading": docx(
        p("Shown", r(SECRET, '<w:color w:val="111111"/><w:shd w:val="solid" w:color="000000" w:fill="FFFFFF"/>'))
    ),
    "shaded-paragraph": docx(
        p("Shown"), p(r(SECRET, '<w:color w:val="1F3864"/>'), properties='<w:shd w:val="clear" w:fill="203864"/>')
    ),
    "tiny": docx(p("Shown", r(SECRET, '<w:sz w:val="2"/>'))),
    "squeezed": docx(p("Shown", r(SECRET, '<w:w w:val="1"/>'))),
    "no-fill": docx(p("Shown", r(SECRET, "<w14:textFill><w14:noFill/></w14:textFill>"))),
    "field-instruction": docx(p("Shown", f'<w:fldSimple w:instr="{SECRET}"/>')),
    "comment": docx(p("Shown"), parts=comments("A", SECRET)),
    "comment-author": docx(p("Shown"), parts=comments(SECRET, "a")),
    "header": docx(p("Shown"), parts={"h.xml": ("header", part("hdr", p(SECRET)))}),
    "footer": docx(p("Shown"), parts={"f.xml": ("footer", part("ftr", p(SECRET)))}),
    "custom-xml": docx(p("Shown"), raw={"customXml/item1.xml": f"<a><b>{SECRET}</b></a>"}),
    "custom-xml-attribute": docx(p("Shown"), raw={"customXml/item1.xml": f'<a b="{SECRET}"/>'}),
    "document-variable": docx(
        p("Shown"), parts={"s.xml": ("settings", part("settings", f'<w:docVar w:name="a" w:val="{SECRET}"/>'))}
    ),
    "property": docx(p("Shown"), raw={"docProps/core.xml": f"<p><c>{SECRET}</c></p>"}),
    "glossary": docx(p("Shown"), parts={"g.xml": ("glossaryDocument", part("glossaryDocument", p(SECRET)))}),
    "link": docx(p("Shown"), links=(f"https://{SECRET}.example",)),
    "alternative-text": docx(p("Shown", PICTURE.format(SECRET))),
    "note-without-reference": docx(
        p("Shown"),
        parts={"n.xml": ("footnotes", part("footnotes", f'<w:footnote w:id="7">{p(SECRET)}</w:footnote>'))},
    ),
    "other-branch": docx(p("Shown", TEXT_BOX.format(p("boxed"), p(SECRET)))),
    "hidden-box": docx(
        p("Shown", f'<w:r><w:pict style="visibility: hidden"><w:txbxContent>{p(SECRET)}</w:txbxContent></w:pict></w:r>')
    ),
    "hidden-row": docx(
        p("Shown"),
        f"<w:tbl><w:tblGrid/><w:tr><w:trPr><w:hidden/></w:trPr><w:tc>{p(SECRET)}</w:tc></w:tr></w:tbl>",
    ),
    "flat-row": docx(
        p("Shown"),
        '<w:tbl><w:tblGrid/><w:tr><w:trPr><w:trHeight w:val="1" w:hRule="exact"/></w:trPr>'
        f"<w:tc>{p(SECRET)}</w:tc></w:tr></w:tbl>",
    ),
    "hidden-by-the-table's-style": docx(
        p("Shown"),
        f'<w:tbl><w:tblPr><w:tblStyle w:val="TS"/></w:tblPr><w:tr><w:tc>{p(SECRET)}</w:tc></w:tr></w:tbl>',
        styles=word.STYLES + '<w:style w:type="table" w:styleId="TS"><w:tblStylePr w:type="firstRow"><w:rPr><w:vanish/>'
        "</w:rPr></w:tblStylePr></w:style>",
    ),
    "merged-away": docx(
        p("Shown"), table(("head",), (f"<w:tcPr><w:vMerge/></w:tcPr>{p(SECRET)}",))
    ),
    "phonetic-guide": docx(
        p("Shown", f"<w:r><w:ruby><w:rt>{r(SECRET)}</w:rt><w:rubyBase>{r('字')}</w:rubyBase></w:ruby></w:r>")
    ),
    "unknown-element": docx(p("Shown"), f'<w:p><x:y xmlns:x="urn:x"><w:r><w:t>{SECRET}</w:t></w:r></x:y></w:p>'),
}  # fmt: skip


@pytest.mark.parametrize("place", HIDING)
def test_what_nobody_sees_is_kept_apart_and_counted(place: str, sandbox: ProcessSandbox) -> None:
    pages = read(HIDING[place], sandbox)
    assert SECRET not in said(pages), f"seed {SEED}"
    assert "Shown" in said(pages)
    assert any(SECRET in text for text in pages.parts.values()), f"seed {SEED}: {place}"
    assert sum(FORM.left_behind(pages).values()) > 0


DARK_CELL = '<w:tcPr><w:shd w:val="clear" w:fill="1F3864"/></w:tcPr>'
SEEN = {
    "switched-back-on": p(r(SECRET, '<w:rStyle w:val="Weg"/><w:vanish w:val="0"/>')),
    "white-on-a-dark-cell": table((DARK_CELL + p(r(SECRET, '<w:color w:val="FFFFFF"/>')),)),
    "automatic-on-a-dark-cell": table((DARK_CELL + p(SECRET),)),
    "marked-yellow": p(r(SECRET, '<w:highlight w:val="yellow"/>')),
    "in-a-control": f"<w:sdt><w:sdtPr/><w:sdtContent>{p(SECRET)}</w:sdtContent></w:sdt>",
    "in-a-link": p(f"<w:hyperlink>{r(SECRET)}</w:hyperlink>"),
    "in-a-table-in-a-table": table((f"{table((SECRET,))}{p('below')}",)),
}


@pytest.mark.parametrize("place", SEEN)
def test_what_a_reader_sees_is_typed(place: str, sandbox: ProcessSandbox) -> None:
    assert SECRET in said(read(docx(SEEN[place]), sandbox))


@pytest.mark.parametrize(
    "change",
    [
        p(f'<w:ins w:id="1" w:author="a">{r("new")}</w:ins>'),
        p('<w:del w:id="1" w:author="a"><w:r><w:delText>old</w:delText></w:r></w:del>'),
        p("a", properties='<w:rPr><w:del w:id="1" w:author="a"/></w:rPr>'),
        p(f'<w:moveFrom w:id="1" w:author="a">{r("old")}</w:moveFrom>'),
        p(f'<w:hyperlink><w:ins w:id="1">{r("new")}</w:ins></w:hyperlink>'),
        f"<w:ins>{p('new')}</w:ins>",
        f"<w:tbl><w:tr><w:trPr><w:ins/></w:trPr><w:tc>{p('new')}</w:tc></w:tr></w:tbl>",
        f"<w:tbl><w:tr><w:tc><w:tcPr><w:cellDel/></w:tcPr>{p('new')}</w:tc></w:tr></w:tbl>",
        p(TEXT_BOX.format(p(f"<w:ins>{r('new')}</w:ins>"), p("old"))),
    ],
)
def test_tracked_changes_are_for_people_to_accept_or_reject(change: str, sandbox: ProcessSandbox) -> None:
    with pytest.raises(DocumentRefused, match="accept or reject the changes first"):
        read(docx(p("before"), change), sandbox)


def test_formatting_that_was_tracked_changes_no_word(sandbox: ProcessSandbox) -> None:
    pages = read(docx(p(r("Shown", "<w:rPrChange><w:rPr/></w:rPrChange>"))), sandbox)
    assert (said(pages), pages.counts) == ("Shown", {"tracked-formatting": 1})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "password"),
        (docx(), "shows no text"),
        (docx(p("a"), main="template"), "no Word document"),
        (docx(p("a"), '<w:altChunk r:id="r1"/>'), "includes another file"),
        (docx(p("a \U0001f9f2")), "Paragraph 1 of"),
        (docx(p("a"), p("שלום")), "Paragraph 2 of"),
        (docx("<w:sdt><w:sdtContent>" * 80 + p("a") + "</w:sdtContent></w:sdt>" * 80), "nested too deeply"),
        (docx(table(["a"] * 30)), "more than 24 columns"),
        (docx(p("a"))[:-30], "damaged"),
        (docx(p("a")) + b"tail", "before its beginning or behind its end"),
        (b"x" + docx(p("a")), "before its beginning or behind its end"),
        (docx(p("a"), raw={"word/document.xml": "<!DOCTYPE a><a/>"}), "damaged"),
        (docx(p("a"), raw={"word/document.xml": "<a/>"}), "no Word document"),
        (docx(p("a"), raw={"../up.xml": "<a/>"}), "damaged"),
        (docx("<w:p/>" * 10 + "".join(p(f"{at * at}") for at in range(20_001))), "more than 20000 paragraphs"),
        (docx(p("a"), raw={"word/x.bin": bytes(3 << 20)}), "Unpacked"),
    ],
)
def test_what_is_not_read_safely_is_refused_with_one_sentence(data: bytes, words: str, sandbox: ProcessSandbox) -> None:
    with pytest.raises((DocumentRefused, DocumentTooLarge), match=words) as caught:
        read(data, sandbox)
    assert caught.value.detail.endswith(".")


def test_nothing_is_declared_of_a_document(sandbox: ProcessSandbox) -> None:
    with pytest.raises(DocumentRefused, match="neither sheet"):
        FORM.read(docx(p("a")), DOCX, sandbox, {"sheet": "a"})


def sentence(data: bytes, sandbox: ProcessSandbox) -> str:
    """What is said of a document that is refused; of one that is read, nothing."""
    try:
        assert read(data, sandbox).pages
    except Problem as problem:
        return problem.detail
    return "."


def test_garbage_in_any_part_is_one_sentence_or_a_document(sandbox: ProcessSandbox) -> None:
    dice = random.Random(SEED)
    whole = word.agreement()
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        assert sentence(bytes(data), sandbox).endswith("."), f"seed {SEED}"


TAGS = (
    "<w:p>", "</w:p>", "<w:r>", "</w:r>", "<w:tbl>", "</w:tbl>", "<w:tr>", "</w:tr>", "<w:tc>", "</w:tc>",
    '<w:fldChar w:fldCharType="begin"/>', '<w:fldChar w:fldCharType="end"/>', "<w:t>x</w:t>",
    '<w:gridSpan w:val="-3"/>', '<w:ilvl w:val="99"/>', "<w:drawing/>", "<w:txbxContent/>", "<mc:AlternateContent/>",
)  # fmt: skip
NESTS = ("p", "r", "tbl", "tr", "tc", "pPr", "rPr", "sdt", "tcPr", "ruby", "object")


def test_garbled_xml_is_one_sentence_or_a_document(sandbox: ProcessSandbox) -> None:
    dice = random.Random(SEED)
    for _ in range(8):
        names = dice.choices(NESTS, k=6)
        opened = "".join(f"<w:{name}>" for name in names)
        closed = "".join(f"</w:{name}>" for name in reversed(names))
        for one in ("".join(dice.choices(TAGS, k=12)), opened + dice.choice(["<w:t>x</w:t>", "<w:drawing/>"]) + closed):
            assert sentence(docx(p("a"), one), sandbox).endswith("."), f"seed {SEED}: {one}"


class Lying:
    """A sandbox whose reader says something else than what is there."""

    def __init__(self, told: object) -> None:
        self._told = told

    def layers(self) -> frozenset[Layer]:
        return frozenset()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        del task, request, untrusted, limits
        return Reply({}, (json.dumps(self._told).encode(),))

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        yield from self.run(task, request, untrusted, limits).blobs


def told(**changes: object) -> dict[str, object]:
    """What a reader says of a document of one word, with these changes."""
    page = {"words": [["a", 10, 10, 20, 30, 29, False, False]], "rules": [[0, 0, 5, 2]]}
    block = {"style": "body", "indent": 0, "cell": None, "words": [[1, 0, "", False]]}
    return {"pages": [page], "blocks": [block], "parts": {"header:1": "x"}, "counts": {"header": 1}, **changes}


PAGE = {"words": [["a", 10, 10, 20, 30, 29, False, False]], "rules": []}
BLOCK = {"style": "body", "indent": 0, "cell": None, "words": [[1, 0, "", False]]}
LIES: dict[str, object] = {
    "no-pages": told(pages=[], blocks=[]),
    "not-an-object": [],
    "text-that-is-none": told(pages=[{**PAGE, "words": [[1, 10, 10, 20, 30, 29, False, False]]}]),
    "off-the-page": told(pages=[{**PAGE, "words": [["a", 1650, 10, 20, 30, 29, False, False]]}]),
    "huge-letters": told(pages=[{**PAGE, "words": [["a", 10, 10, 20, 30, 9000, False, False]]}]),
    "rule-off-the-page": told(pages=[{**PAGE, "rules": [[0, 0, 5000, 2]]}]),
    "float-place": told(pages=[{**PAGE, "words": [["a", 10.5, 10, 20, 30, 29, False, False]]}]),
    "word-of-no-block": told(blocks=[]),
    "word-of-two-blocks": told(blocks=[BLOCK, BLOCK]),
    "word-that-is-not-there": told(blocks=[{**BLOCK, "words": [[1, 1, "", False]]}]),
    "text-before-a-word": told(blocks=[{**BLOCK, "words": [[1, 0, "smuggled", False]]}]),
    "unknown-style": told(blocks=[{**BLOCK, "style": "hidden"}]),
    "deep": told(blocks=[{**BLOCK, "indent": 99}]),
    "wide-cell": told(blocks=[{**BLOCK, "cell": [0, 0, 20, 9]}]),
    "unknown-part": told(parts={"smuggled:1": "x"}),
    "long-part": told(parts={"header:1": "x" * 20_001}),
    "unknown-count": told(counts={"smuggled": 1}),
    "negative-count": told(counts={"header": -1}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_reader_that_lies_is_not_believed(lie: str) -> None:
    with pytest.raises(DocumentRefused, match="does not add up"):
        FORM.read(b"x", DOCX, Lying(LIES[lie]))


def test_a_reader_that_tells_the_truth_is_believed() -> None:
    pages = FORM.read(b"x", DOCX, Lying(told()))
    assert [word.text for word in pages.pages[0].words] == ["a"]
    with pytest.raises(DocumentRefused, match="does not add up"):
        pages.raster(1)
