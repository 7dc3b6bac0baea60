"""Word documents typed anew: what is allowed, a label for what is not, and nothing that tells how much that was."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element as Node
from xml.etree.ElementTree import fromstring

import pytest

from gateway.detect.text import classes_of
from gateway.formats.document_docx import DOCX, PARSE_TASK, DocumentDocx
from gateway.formats.model import Box, DocumentOutput, Element, Op, Pages, Plan, Rebuilt
from gateway.formats.problems import NothingNamed
from gateway.formats.typed_reader import DRAW_TASK
from gateway.residue.gate import check
from gateway.residue.model import RetypedExpectation
from gateway.sandbox.process import ProcessSandbox
from tests.support import pages, word
from tests.support.renditions import withheld
from tests.support.word import docx, p, r, table

FORM = DocumentDocx(classes_of)
W = f"{{{word.W}}}"
FROZEN = Path(__file__).parents[2] / "vectors" / "word"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, DRAW_TASK))
    yield walls
    walls.close()


def rebuilt(content: Pages, hides: Callable[[str], bool] = lambda _label: False, *, only: int = 0) -> Rebuilt:
    """The rendition in which the lines that `hides` says so are withheld, and but for page `only` all pages leave."""
    orders = [
        pages.order(one.element, one.page, Op.BOX if hides(one.label) else Op.ALLOW, one.box, place=at)
        for at, one in enumerate(FORM.survey(content))
        if one.element is Element.TEXT
    ]
    allowed = [only] if only else range(1, len(content.pages) + 1)
    plan = pages.plan(content, *orders, pages=allowed)
    return FORM.rebuild(content, Plan(plan.instructions, document=DocumentOutput.AS_ORIGINAL), pages.MARK, bytes(32))


def body(data: bytes) -> Node:
    """The document's body, as another parser reads it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        found = fromstring(archive.read("word/document.xml")).find(f"{W}body")
    assert found is not None
    return found


def paragraphs(data: bytes) -> list[str]:
    """What stands behind mark and notices, paragraph by paragraph."""
    told = ["".join(t.text or "" for t in one.iter(f"{W}t")) for one in body(data).iter(f"{W}p")]
    return [text for text in told[3:] if text]


def test_a_contract_is_typed_as_it_read(sandbox: ProcessSandbox) -> None:
    made = rebuilt(FORM.read(word.agreement(), DOCX, sandbox))
    told = paragraphs(made.data)
    assert made.media_type == DOCX
    assert told[0] == "Framework supply agreement No. 4711"
    assert told[4] == "1.a) Magnets are delivered magnetised."
    assert told[8:11] == ["Item", "Quantity", "Unit price"]
    assert told[17].startswith(
        "最终用户承诺：上述货物仅用于民用牵引电机，不用于任何军事用途，亦不转让给第三方。最终用户"
    )
    assert len(body(made.data).findall(f"{W}tbl/{W}tr")) == 3


def test_a_label_stands_for_any_number_of_words(sandbox: ProcessSandbox) -> None:
    sizes = set()
    for name in ("Wu", "Nordwerk", "Brandenburgische Elektromotorenwerke Aktiengesellschaft, Abteilung Einkauf"):
        content = FORM.read(docx(p("Seller: NN"), p(f"Buyer: {name}"), p("End use: motors")), DOCX, sandbox)
        made = rebuilt(content, lambda label: label.startswith("Buyer"))
        assert paragraphs(made.data) == ["Seller: NN", "[withheld: PD-MIN]", "End use: motors"]
        sizes.add(made.data)
    assert len(sizes) == 1, "how long the name is changes nothing, to the byte"


def test_withheld_lines_of_a_paragraph_leave_one_label_where_they_stood(sandbox: ProcessSandbox) -> None:
    text = " ".join(f"word{at}" for at in range(60))
    content = FORM.read(docx(p(text)), DOCX, sandbox)
    lines = [one.label for one in FORM.survey(content) if one.element is Element.TEXT]
    assert len(lines) > 3
    (told,) = paragraphs(rebuilt(content, lambda label: label in lines[1:3]).data)
    assert told == " ".join([lines[0], "[withheld: PD-MIN]", *lines[3:]])


def test_pages_that_do_not_leave_are_one_label(sandbox: ProcessSandbox) -> None:
    turned = "<w:pageBreakBefore/>"
    content = FORM.read(
        docx(p("one"), p("more"), p("two", properties=turned), table(("a", "b")), p("three", properties=turned)),
        DOCX,
        sandbox,
    )
    assert paragraphs(rebuilt(content, only=3).data) == ["[withheld]", "three"]
    assert paragraphs(rebuilt(content, only=2).data) == ["[withheld]", "two", "a", "b", "[withheld]"]
    assert paragraphs(rebuilt(content, only=1).data) == ["one", "more", "[withheld]"]


def test_no_page_no_document(sandbox: ProcessSandbox) -> None:
    content = FORM.read(docx(p("one")), DOCX, sandbox)
    with pytest.raises(NothingNamed):
        FORM.rebuild(content, Plan((), document=DocumentOutput.AS_ORIGINAL), pages.MARK, bytes(32))


def test_a_table_keeps_its_columns(sandbox: ProcessSandbox) -> None:
    wide = '<w:tcPr><w:gridSpan w:val="2"/></w:tcPr>'
    content = FORM.read(docx(table((wide + p("over two"), "third"), ("a", "", "c <&> c"))), DOCX, sandbox)
    made = rebuilt(content, lambda label: label == "a")
    rows = body(made.data).findall(f"{W}tbl/{W}tr")
    assert [["".join(cell.itertext()) for cell in row.findall(f"{W}tc")] for row in rows] == [
        ["over two", "third"],
        ["[withheld: PD-MIN]", "", "c <&> c"],
    ]


def test_what_was_struck_through_stays_so_and_breaks_stay(sandbox: ProcessSandbox) -> None:
    content = FORM.read(docx(p(r("old", "<w:strike/>"), " new", "<w:r><w:br/></w:r>", "next")), DOCX, sandbox)
    data = rebuilt(content).data
    runs = [(run.find(f"{W}rPr/{W}strike") is not None, "".join(run.itertext())) for run in body(data).iter(f"{W}r")]
    assert runs[3:] == [(True, "old"), (False, " newnext")]
    assert len([*body(data).iter(f"{W}br")]) == 1


def test_words_under_a_drawn_region_are_withheld_whole(sandbox: ProcessSandbox) -> None:
    content = FORM.read(docx(p("Seller: NN"), p("Buyer: Nordwerk"), p("End use: motors")), DOCX, sandbox)
    place = next(one.box for one in content.pages[0].words if one.text == "Nordwerk")
    region = pages.order(Element.REGION, 1, Op.BOX, Box(place.left_px + 4, place.top_px + 4, 40, 8), code="TS")
    plan = Plan(pages.plan(content, region).instructions, document=DocumentOutput.AS_ORIGINAL)
    told = paragraphs(FORM.rebuild(content, plan, pages.MARK, bytes(32)).data)
    assert told == ["Seller: NN", "Buyer: [withheld: TS]", "End use: motors"]


def test_what_is_typed_passes_the_gate_and_what_is_withheld_is_missed(sandbox: ProcessSandbox) -> None:
    content = FORM.read(word.agreement(), DOCX, sandbox)
    secrets = withheld("Anna Kowalski, anna.kowalski@example.com", "Plant Nine", field="text/1/1")
    expected = RetypedExpectation(pages.MARK.text)
    hidden = rebuilt(content, lambda label: "Kowalski" in label or "Plant Nine" in label)
    assert check(hidden.data, expected, secrets).findings == ()
    assert {one.kind.value for one in check(rebuilt(content).data, expected, secrets).findings} == {"withheld-value"}


def test_the_same_original_and_plan_give_the_frozen_bytes(sandbox: ProcessSandbox) -> None:
    content = FORM.read((FROZEN / "original.docx").read_bytes(), DOCX, sandbox)
    made = rebuilt(content, lambda label: bool(classes_of([label])) or "Kowalski" in label, only=1)
    with zipfile.ZipFile(io.BytesIO(made.data)) as new, zipfile.ZipFile(FROZEN / "rebuilt.docx") as old:
        assert new.namelist() == old.namelist()
        assert all(new.read(name) == old.read(name) for name in old.namelist())
