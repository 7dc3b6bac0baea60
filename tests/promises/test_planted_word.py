"""A Word document with something in every hiding place: nothing of it travels, as PDF or as Word, and the gate alone
would stop the original.
"""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from gateway.detect.text import classes_of
from gateway.formats.document import PARSE_TASK as PDF_TASK
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import PARSE_TASK as WORD_TASK
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.typed_reader import DRAW_TASK
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.residue.gate import check
from gateway.residue.model import RetypedExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.process import ProcessSandbox
from tests.support import journey, pages, word
from tests.support.originals import Planted
from tests.support.word import docx, p, part, r, table
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)
PLACES = (
    "vanish", "style", "white", "theme", "highlight", "shading", "tiny", "squeezed", "no-fill", "instruction",
    "nested-field", "comment", "commenter", "header", "footer", "first-header", "custom-xml", "custom-attribute",
    "variable", "core", "app", "glossary", "link", "alternative", "title", "footnote", "fallback", "hidden-box",
    "hidden-row", "merged-away", "phonetic", "embedded", "macro", "media", "bookmark", "people", "member-name",
    "revision-author", "control-tag", "unknown", "email", "price", "term", "cell", "box", "region",
)  # fmt: skip
SHOWN = ("Framework supply agreement", "civil traction motors", "最终用户承诺")
LIBRARY = load_library()


def secret(place: str) -> str:
    """Twelve letters that stand nowhere else."""
    letters = hashlib.sha256(f"{SEED}/{place}".encode()).digest()
    return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])


def hidden(place: str, properties: str) -> str:
    return r(f" {secret(place)}", properties)


def planted_document() -> bytes:
    """What is shown, what rules and people withhold of it, and what hides in and beside it."""
    told = {place: secret(place) for place in PLACES}
    boxed = "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx><w:txbxContent>{}</w:txbxContent>"
    boxed += "</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><w:txbxContent>{}</w:txbxContent></w:pict>"
    boxed += "</mc:Fallback></mc:AlternateContent></w:r>"
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
        f"<w:r><w:instrText>INCLUDETEXT {told['instruction']}</w:instrText></w:r>"
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>REF a</w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r(told["nested-field"])}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
        '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>annex A</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    picture = (
        f'<w:r><w:drawing><wp:docPr id="1" name="n" descr="{told["alternative"]}" title="{told["title"]}"/><a:blip/>'
        "</w:drawing></w:r>"
    )
    body = (
        p(SHOWN[0], style="T"),
        p(
            f"The goods are for {SHOWN[1]}.",
            hidden("vanish", "<w:vanish/>"),
            hidden("style", '<w:rStyle w:val="Weg"/>'),
            hidden("white", '<w:color w:val="FFFFFF"/>'),
            hidden("theme", '<w:color w:val="auto" w:themeColor="background1"/>'),
            hidden("highlight", '<w:highlight w:val="black"/>'),
            hidden("shading", '<w:color w:val="000000"/><w:shd w:val="clear" w:fill="0A0A0A"/>'),
            hidden("tiny", '<w:sz w:val="1"/>'),
            hidden("squeezed", '<w:w w:val="1"/>'),
            hidden("no-fill", "<w14:textFill><w14:noFill/></w14:textFill>"),
            f'<w:bookmarkStart w:id="1" w:name="{told["bookmark"]}"/>',
            r("", f'<w:rPrChange w:author="{told["revision-author"]}"><w:rPr/></w:rPrChange>'),
        ),
        p("See ", field, picture, f"<w:r><w:ruby><w:rt>{r(told['phonetic'])}</w:rt></w:ruby></w:r>"),
        p("Side letter", boxed.format(p(f"Contact {told['box']}@example.com"), p(told["fallback"]))),
        p(f'<w:r><w:pict style="display:none"><w:txbxContent>{p(told["hidden-box"])}</w:txbxContent></w:pict></w:r>'),
        p(f'<x:y xmlns:x="urn:x">{told["unknown"]}</x:y>'),
        f'<w:sdt><w:sdtPr><w:tag w:val="{told["control-tag"]}"/></w:sdtPr><w:sdtContent><w:p/></w:sdtContent></w:sdt>',
        table(("Item", "Unit price"), ("Magnet", f"{told['cell']}@example.com")),
        table(("head", f"<w:tcPr><w:vMerge/></w:tcPr>{p(told['merged-away'])}")),
        f"<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc>{p(told['hidden-row'])}</w:tc></w:tr></w:tbl>",
        p(f"{SHOWN[2]}：上述货物仅用于民用牵引电机。"),
        p(f"Contact: {told['email']}@example.com"),
        p(f"Unit price {told['price']}"),
        p(f"Delivery to {told['term']}"),
        p(f"Furnace profile {told['region']}"),
    )
    comments = f'<w:comment w:author="{told["commenter"]}">{p(told["comment"])}</w:comment>'
    footnotes = f'<w:footnote w:id="9">{p(told["footnote"])}</w:footnote>'
    variables = f'<w:docVars><w:docVar w:name="a" w:val="{told["variable"]}"/></w:docVars>'
    return docx(
        *body,
        parts={
            "comments.xml": ("comments", part("comments", comments)),
            "header1.xml": ("header", part("hdr", p(told["header"]))),
            "header2.xml": ("header", part("hdr", p(told["first-header"]))),
            "footer1.xml": ("footer", part("ftr", p(told["footer"]))),
            "footnotes.xml": ("footnotes", part("footnotes", footnotes)),
            "settings.xml": ("settings", part("settings", variables)),
            "glossary.xml": ("glossaryDocument", part("glossaryDocument", p(told["glossary"]))),
            "people.xml": ("people", f'<p><person author="{told["people"]}"/></p>'),
        },
        raw={
            "customXml/item1.xml": f'<a b="{told["custom-attribute"]}"><c>{told["custom-xml"]}</c></a>',
            "docProps/core.xml": f"<a><b>{told['core']}</b></a>",
            "docProps/app.xml": f"<a><b>{told['app']}</b></a>",
            "word/embeddings/object.bin": told["embedded"],
            "word/vbaProject.bin": told["macro"],
            "word/media/image1.png": told["media"],
            f"customXml/{told['member-name']}.xml": "<a/>",
        },
        links=(f"https://{told['link']}.example",),
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((WORD_TASK, DRAW_TASK, PDF_TASK, walled.TASK))
    yield walls
    walls.close()


def answers(walls: Sandbox) -> Answers:
    """A region over one word, where it stands once the document is typed, and a term."""
    (page,) = DocumentDocx(classes_of).read(planted_document(), word.DOCX, walls).pages
    place = next(one.box for one in page.words if one.text == secret("region"))
    return Answers(regions=(Region("drawing", place, 1),), terms=(secret("term"),), confirmed=True)


def texts_of(data: bytes) -> list[str]:
    """The raw bytes, and of an archive every member and its name."""
    told = [data]
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            told += [*map(archive.read, archive.namelist()), " ".join(archive.namelist()).encode()]
    return [one.decode(charset, "replace") for one in told for charset in ("latin-1", "utf-16-le", "utf-16-be")]


def said(pdf: bytes, walls: Sandbox) -> str:
    """All that the reader of PDF documents finds in one."""
    again = DocumentFormat(classes_of).read(pdf, "application/pdf", walls)
    return " ".join([*again.parts.values(), *(one.text for page in again.pages for one in page.words)])


def rendered(form: str, walls: Sandbox) -> Outcome:
    policy = LIBRARY.policy("cn-mofcom-single.contract")
    job = Job(
        untrusted_original=planted_document(),
        media_type=word.DOCX,
        file_name=f"{secret('member-name')}.docx",
        form=DocumentDocx(classes_of),
        kind=LIBRARY.kind("contract"),
        policy=replace(policy, output=policy.output.model_copy(update={"document": form})),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers(walls),
        mark=pages.MARK,
        secret=bytes(32),
    )
    return render(job, walls)


def test_nothing_that_hides_in_a_word_document_travels_as_word(sandbox: ProcessSandbox) -> None:
    outcome = rendered("as_original", sandbox)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert outcome.rebuilt is not None
    assert outcome.rebuilt.media_type == word.DOCX
    told = texts_of(outcome.rebuilt.data)
    assert all(any(one.encode().decode("latin-1") in text for text in told) for one in SHOWN)
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"
    assert outcome.rebuilt.redactions.keys() >= {
        "format:hidden-text", "format:comment", "format:header", "format:footer", "format:field-instruction",
        "format:picture", "format:property", "format:custom-data", "format:link", "format:macro",
        "format:embedded-object", "format:alternative-text", "format:unread-text", "format:tracked-formatting",
    }  # fmt: skip


def test_nothing_that_hides_in_a_word_document_travels_as_pdf(sandbox: ProcessSandbox) -> None:
    outcome = rendered("pdf", sandbox)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert outcome.rebuilt is not None
    told = [said(outcome.rebuilt.data, sandbox), *texts_of(outcome.rebuilt.data)]
    assert all(one in told[0] for one in SHOWN)
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"


@pytest.mark.nightly
def test_nor_does_it_in_anything_else_of_the_package(own_world: World, sandbox: ProcessSandbox) -> None:
    name = f"{secret('member-name')}.docx"
    one = Planted("contract", "contract", word.DOCX, name, planted_document(), (), answers(sandbox))
    made = journey.dispatched(own_world, [one])
    rendition = own_world.gateway.renders.get(made.renditions[one.label].id)
    assert rendition.state is State.REVIEWED, f"seed {SEED}: {rendition.reason}"
    files = journey.files(journey.package(own_world, made.release))
    (released,) = (data for name, data in files.items() if name.startswith("files/"))
    told = [said(released, sandbox), *(text for data in files.values() for text in texts_of(data))]
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"


def gate_finds(place: str) -> set[str]:
    withheld = WithheldSet((WithheldValue(secret(place), place),))
    report = check(planted_document(), RetypedExpectation(pages.MARK.text), withheld)
    return {finding.kind.value for finding in report.findings}


def test_the_gate_alone_would_stop_the_original() -> None:
    for place in random.sample(PLACES, 6):
        assert gate_finds(place) >= ({"structure"} if place == "member-name" else {"withheld-value"}), place


@pytest.mark.nightly
@pytest.mark.parametrize("place", PLACES)
def test_the_gate_alone_would_stop_the_original_for_each_of_them(place: str) -> None:
    assert gate_finds(place) >= ({"structure"} if place == "member-name" else {"withheld-value"})
