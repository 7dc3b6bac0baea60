"""How a PDF is read: what is seen makes words, what is not stays behind and is told, what is odd is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from gateway.base.problems import Problem
from gateway.detect.text import classes_of
from gateway.formats.document import PARSE_TASK, DocumentFormat
from gateway.formats.model import Box, Element, Field, Pages
from gateway.formats.page_runs import UNREADABLE
from gateway.formats.pages import LIMITS
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.sandbox.process import ProcessSandbox
from tests.support import documents
from tests.support.documents import line, page, raw, stream

SECRET = "Kowalski48211"
INK = 128


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK,))
    yield walls
    walls.close()


def read(data: bytes, sandbox: ProcessSandbox) -> Pages:
    return DocumentFormat(classes_of).read(data, "application/pdf", sandbox)


def fields(pages: Pages, element: Element) -> list[Field]:
    return [field for field in DocumentFormat(classes_of).survey(pages) if field.element is element]


def lines(pages: Pages) -> list[str]:
    return [field.label for field in fields(pages, Element.TEXT)]


def pixels(pages: Pages, number: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    one = pages.pages[number - 1]
    samples = np.frombuffer(pages.raster(number), np.uint8)
    return samples.reshape(one.height_px, one.width_px, -1)


def inked(pages: Pages, box: Box) -> bool:
    place = slice(box.top_px, box.top_px + box.height_px), slice(box.left_px, box.left_px + box.width_px)
    return bool((pixels(pages)[place] < INK).any())


def test_what_is_seen_makes_lines_with_boxes_over_their_ink(sandbox: ProcessSandbox) -> None:
    pages = read(documents.document(["Supply agreement", "赣州千里磁材有限公司"], ["End use: motors"]), sandbox)
    assert lines(pages) == ["Supply agreement", "赣州千里磁材有限公司", "End use: motors"]
    assert [(one.width_px, one.height_px) for one in pages.pages] == [(1653, 2338)] * 2
    assert [field.page for field in fields(pages, Element.TEXT)] == [1, 1, 2]
    bare = pixels(pages).copy()
    for word in pages.pages[0].words:
        assert inked(pages, word.box), word.text
        bare[word.box.top_px : word.box.top_px + word.box.height_px, word.box.left_px :][:, : word.box.width_px] = 255
    assert (bare == 255).all(), "ink outside the boxes of all words"


def test_a_page_is_read_as_it_is_turned_and_cropped(sandbox: ProcessSandbox) -> None:
    content = line("inside", 700) + line(SECRET, 100)
    pages = read(page(content, page="/Rotate 90 /CropBox [0 400 595 842]"), sandbox)
    (one,) = pages.pages
    assert (one.width_px, one.height_px) == (1227, 1652)
    assert lines(pages) == ["inside"]
    assert inked(pages, one.words[0].box)
    assert SECRET in pages.parts["hidden:1"]


UNSEEN = {
    "white on white": line(SECRET, extra="1 g"),
    "drawn invisibly": line(SECRET, extra="3 Tr"),
    "under a box": line(SECRET) + b"0 0 0 rg 60 690 300 30 re f\n",
    "under an equal colour": b"0.5 g 60 690 300 30 re f\n" + line(SECRET, extra="0.5 g"),
    "outside the page": line(SECRET, y=900),
    "clipped away": b"q 0 0 10 10 re W n\n" + line(SECRET) + b"Q\n",
    "one point high": line(SECRET, size=1),
    "nearly white": line(SECRET, extra="0.97 g"),
    "on a hidden layer": b"/OC /L BDC\n" + line(SECRET) + b"EMC\n",
}


@pytest.mark.parametrize("content", UNSEEN.values(), ids=UNSEEN)
def test_text_that_nobody_sees_is_no_word_and_is_told(content: bytes, sandbox: ProcessSandbox) -> None:
    layer = "<< /Type /OCG /Name (internal) >>"
    catalog = "/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >>"
    data = page(content + line("seen", 650), layer, catalog=catalog, resources="/Properties << /L 6 0 R >>")
    pages = read(data, sandbox)
    assert lines(pages) == ["seen"]
    assert SECRET in pages.parts["hidden:1"]
    assert DocumentFormat(classes_of).left_behind(pages) == {"format:hidden-text": 1}
    assert pages.parts["layer:1"] == "internal"


@pytest.mark.parametrize("name", ["one point high", "nearly white"])
def test_text_too_faint_or_small_to_be_read_leaves_no_pixels(name: str, sandbox: ProcessSandbox) -> None:
    pages = read(page(UNSEEN[name]), sandbox)
    assert (pixels(pages) == 255).all()


def test_text_behind_glass_is_told_from_text_that_is_seen_through_it(sandbox: ProcessSandbox) -> None:
    half = b"/Half gs 1 0 0 rg 60 690 300 30 re f\n"
    data = page(line("legible") + half, "<< /ca 0.5 >>", resources="/ExtGState << /Half 6 0 R >>")
    assert lines(read(data, sandbox)) == ["legible"]


def test_text_printed_over_other_text_gives_no_word(sandbox: ProcessSandbox) -> None:
    pages = read(page(line("AAAAAA") + line("MMMMMM") + line("clear", 600)), sandbox)
    assert "clear" in lines(pages)
    assert not any("AAAA" in text or "MMMM" in text for text in lines(pages))
    assert DocumentFormat(classes_of).left_behind(pages) == {"format:hidden-text": 1, "format:unreadable-text": 1}


def test_a_picture_of_text_says_that_nothing_can_be_read(sandbox: ProcessSandbox) -> None:
    head = "/Type /XObject /Subtype /Image /Width 8 /Height 8 /BitsPerComponent 8 /ColorSpace /DeviceGray"
    picture = stream(bytes(64), head)
    pages = read(page(b"q 200 0 0 200 72 300 cm /P Do Q", picture, resources="/XObject << /P 6 0 R >>"), sandbox)
    assert pages.pages[0].unreadable
    (one,) = fields(pages, Element.PAGE)
    assert one.name == UNREADABLE


def test_what_is_filled_in_is_seen_and_notes_are_told(sandbox: ProcessSandbox) -> None:
    def paint(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Form")
        canvas.acroForm.textfield(name="end_use", value="Traction", x=72, y=600, width=200, height=20)
        canvas.linkURL("https://secret.example/x", (72, 500, 200, 520))
        canvas.bookmarkPage("a")
        canvas.addOutlineEntry("Outline entry", "a")

    pages = read(documents.document(paint, info={"Author": "A. Kowalski"}), sandbox)
    assert lines(pages) == ["Form", "Traction"]
    (field,) = fields(pages, Element.FORM_FIELD)
    assert field.name == "end_use"
    assert "Traction" in field.label
    word = next(one for one in pages.pages[0].words if one.text == "Traction").box
    assert field.box is not None
    assert field.box.left_px <= word.left_px
    assert field.box.top_px <= word.top_px + 2
    assert pages.parts["docinfo:Author"] == "A. Kowalski"
    assert pages.parts["link:1/1"] == "https://secret.example/x"
    assert pages.parts["bookmark:1"] == "Outline entry"


NOTES = {
    "Square": ("/Subtype /Square /C [1 0 0] /Contents (why) /Rect [72 500 172 600]", True),
    "Text": ("/Subtype /Text /Contents (why) /Rect [72 500 92 520]", False),
    "hidden": ("/Subtype /Stamp /F 2 /Contents (why) /Rect [72 500 172 600]", False),
}


@pytest.mark.parametrize(("note", "has_box"), NOTES.values(), ids=NOTES)
def test_an_annotation_has_a_place_only_where_it_may_be_seen(note: str, has_box: bool, sandbox: ProcessSandbox) -> None:
    pages = read(page(line("x"), f"<< /Type /Annot {note} >>", page="/Annots [6 0 R]"), sandbox)
    (field,) = fields(pages, Element.ANNOTATION)
    assert field.label == "why"
    assert (field.box is not None) is has_box


def test_metadata_scripts_and_attachments_are_told(sandbox: ProcessSandbox) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:creator>Secret Author</dc:creator></x:xmpmeta>'
    data = page(
        line("x"),
        stream(packet, "/Type /Metadata /Subtype /XML"),
        "<< /S /JavaScript /JS (app.alert\\(1\\)) >>",
        "<< /Type /Filespec /F (secret.xlsx) /UF (secret.xlsx) /EF << /F 9 0 R >> >>",
        stream(b"attached", "/Type /EmbeddedFile"),
        catalog="/Metadata 6 0 R /Names << /JavaScript << /Names [(a) 7 0 R] >> "
        "/EmbeddedFiles << /Names [(secret.xlsx) 8 0 R] >> >>",
    )
    parts = read(data, sandbox).parts
    assert parts["XMP:1"] == "Secret Author"
    assert parts["script:1"] == "app.alert(1)"
    assert parts["attachment:1"] == "secret.xlsx"


def test_pixels_come_a_few_pages_at_a_time_and_in_any_order(sandbox: ProcessSandbox) -> None:
    pages = read(documents.document(*([f"page {number}"] for number in range(1, 7))), sandbox)
    last, first = pages.raster(6), pages.raster(1)
    assert first != last
    assert pages.raster(6) == last
    assert len(first) == 1653 * 2338, "a page without colour comes in grey"


def test_a_large_page_is_rastered_more_coarsely(sandbox: ProcessSandbox) -> None:
    (one,) = read(page(b"1 0 0 rg 0 0 3000 3000 re f", box="0 0 2384 3370"), sandbox).pages
    assert 39_000_000 < one.width_px * one.height_px <= 40_000_000


CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
PAGES = "<< /Type /Pages /Count 1 /Kids [3 0 R] >>"
PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
REFUSED = {
    "empty": (b"", "is empty"),
    "no PDF": (b"GIF89a" + bytes(500), "damaged"),
    "a polyglot": (b"GIF89a\n" + page(line("x")), "damaged"),
    "cut off": (documents.document(["x"])[:700], "damaged"),
    "no pages": (raw(CATALOG, "<< /Type /Pages /Count 0 /Kids [] >>"), "no pages"),
    "a portfolio": (page(line("x"), catalog="/Collection << /View /D >>"), "portfolio"),
    "a dynamic form": (
        page(line("x"), stream(b"<xdp/>"), catalog="/NeedsRendering true /AcroForm << /Fields [] /XFA 6 0 R >>"),
        "dynamic form",
    ),
    "a page of ten metres": (raw(CATALOG, PAGES, PAGE.replace("595", "28800")), "five metres"),
}


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_taken_is_refused_with_one_sentence(data: bytes, words: str, sandbox: ProcessSandbox) -> None:
    with pytest.raises((DocumentRefused, DocumentTooLarge)) as caught:
        read(data, sandbox)
    assert words in caught.value.detail
    assert caught.value.detail.count(". ") == 0


@pytest.mark.parametrize("password", ["", "geheim"])
def test_an_encrypted_document_is_refused_even_if_an_empty_password_opens_it(
    password: str, sandbox: ProcessSandbox
) -> None:
    out = io.BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption(password, ownerPassword="owner"))
    canvas.drawString(72, 700, "x")
    canvas.save()
    with pytest.raises(DocumentRefused, match="encrypted"):
        read(out.getvalue(), sandbox)


def test_nothing_can_be_declared(sandbox: ProcessSandbox) -> None:
    with pytest.raises(DocumentRefused, match="neither sheet"):
        DocumentFormat(classes_of).read(page(line("x")), "application/pdf", sandbox, {"sheet": "x"})


def form(content: bytes, draws: int) -> bytes:
    """A form that has a font and may draw the object of this number."""
    resources = f"/Resources << /Font << /F 5 0 R >> /XObject << /X {draws} 0 R >> >>"
    return stream(content, f"/Type /XObject /Subtype /Form /BBox [0 0 600 800] {resources}")


FORMS = "/XObject << /X 6 0 R >>"


def picture(width: int, height: int) -> bytes:
    head = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace /DeviceRGB"
    return page(b"q 500 0 0 500 0 0 cm /X Do Q", stream(bytes(1 << 20), head, packed=True), resources=FORMS)


HOSTILE = {
    "pages that are their own parents": raw(CATALOG, "<< /Type /Pages /Count 1 /Kids [2 0 R] >>"),
    "a million pages": raw(CATALOG, "<< /Type /Pages /Count 1000000 /Kids [3 0 R] >>", PAGE),
    "a table that refers to itself": page(line("x")).replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev 9"),
    "a form that draws itself": page(b"/X Do /X Do", form(b"/X Do /X Do", 6), resources=FORMS),
    "forms of forms of forms": page(
        b"/X Do", *(form(b"/X Do " * 10, 7 + n) for n in range(9)), form(line("x"), 6), resources=FORMS
    ),
    "a picture of ten thousand megapixels": picture(100_000, 100_000),
    "a picture as long as an integer": picture(2_147_483_647, 3),
    "sixty thousand nested states": page(b"q " * 60_000 + line("x") + b"Q " * 60_000, packed=True),
    "a stream that inflates a thousandfold": page(b"1 0 0 RG\n" * 20_000_000, packed=True),
    "brackets without an end": page(b"[" * 1_000_000 + line("x"), packed=True),
    "a dictionary without an end": raw("<< /A " * 50_000, PAGES, PAGE),
    "a font that is none": page(line("x"), stream(b"\xff" * 4096)).replace(
        b"/BaseFont /Helvetica", b"/BaseFont /A /FontDescriptor << /Type /FontDescriptor /FontFile2 6 0 R >>"
    ),
    "numbers without bounds": page(b"9e99 0 0 9e99 0 0 cm 1e38 1e38 1e38 1e38 re f " + line("x", size=1e9)),
    "a hundred thousand characters": page(b"".join(line("x" * 100, y=n % 800) for n in range(1000)), packed=True),
    "cut in the middle of a stream": page(line("x") * 50)[:900],
}


# Those that take all the time they may have, or near it.
_SLOW = ("numbers without bounds", "a hundred thousand characters")


@pytest.mark.parametrize(
    "data", [pytest.param(HOSTILE[name], id=name, marks=[pytest.mark.nightly] * (name in _SLOW)) for name in HOSTILE]
)
def test_hostile_bytes_are_refused_or_read_within_bounds(data: bytes, sandbox: ProcessSandbox) -> None:
    assert LIMITS.cpu_s <= 10
    assert LIMITS.memory_bytes <= 1 << 30
    try:
        pages = read(data, sandbox)
        for number in range(1, len(pages.pages) + 1):
            pages.raster(number)
    except Problem as problem:
        sentence = problem.detail
    else:
        sentence = "It was read."
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
