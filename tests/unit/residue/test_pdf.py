from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate

import gateway.marks
from gateway.residue.gate import check
from gateway.residue.model import Finding, Kind, TextExpectation
from tests.support.renditions import withheld

SECRET = "Nordwind Turbinen AG"
HAN = "浙江风电设备"
EXPECTED = TextExpectation("withheld.pdf", "application/pdf")
FONTS = Path(gateway.marks.__file__).parent / "fonts"


@pytest.fixture(scope="module", autouse=True)
def fonts() -> None:
    pdfmetrics.registerFont(TTFont("Latin", FONTS / "DejaVuSans.ttf"))
    pdfmetrics.registerFont(TTFont("Han", FONTS / "DroidSansFallbackFull.ttf"))
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))


def pdf(*lines: tuple[str, str], title: str = "Withheld", compress: int = 1) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, invariant=1, pageCompression=compress)
    canvas.setTitle(title)
    for number, (font, text) in enumerate(lines or [("Helvetica", "What is missing, and why"), ("Han", "缺失内容")]):
        canvas.setFont(font, 11)
        canvas.drawString(60, 780 - 20 * number, text)
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def findings(data: bytes, *secrets: str) -> tuple[Finding, ...]:
    return check(data, EXPECTED, withheld(*(secrets or (SECRET, HAN)))).findings


def kinds(data: bytes) -> set[Kind]:
    return {finding.kind for finding in findings(data)}


@pytest.mark.parametrize("compress", [0, 1])
def test_a_clean_pdf_passes(compress: int) -> None:
    report = check(pdf(compress=compress), EXPECTED, withheld(SECRET, HAN))
    assert report.findings == ()
    assert report.passed == ("structure", "text", "values", "bounds")


@pytest.mark.parametrize("compress", [0, 1])
@pytest.mark.parametrize(
    ("font", "text"),
    [("Helvetica", SECRET), ("Latin", SECRET), ("Latin", f"ßüβ {SECRET}"), ("Han", f"电 {HAN} 机"),
     ("STSong-Light", HAN), ("Helvetica", f"({SECRET})")],
)  # fmt: skip
def test_a_value_is_found_in_every_font(font: str, text: str, compress: int) -> None:
    assert kinds(pdf((font, text), compress=compress)) & {Kind.VALUE, Kind.ENCODED}


def test_a_value_over_several_subsets_of_a_font_is_found() -> None:
    filler = "".join(chr(point) for point in range(0x4E00, 0x4E00 + 300))
    assert kinds(pdf(("Han", filler[:40]), ("Han", filler[100:]), ("Han", HAN))) & {Kind.VALUE}


def test_a_value_broken_over_lines_is_found() -> None:
    out = io.BytesIO()
    style = ParagraphStyle("narrow", fontName="Helvetica", fontSize=30)
    SimpleDocTemplate(out, invariant=1).build([Paragraph(f"a customer called {SECRET} and more words", style)])
    assert Kind.VALUE in kinds(out.getvalue())


@pytest.mark.parametrize("title", [SECRET, HAN])
def test_a_value_in_the_document_information_is_found(title: str) -> None:
    assert Kind.VALUE in kinds(pdf(title=title))


def objects_before_xref(data: bytes, more: bytes) -> bytes:
    place = data.index(b"xref\n0 ")
    return data[:place] + more + data[place:]


STREAM = b"\nendobj\n99 0 obj\n<< /Filter [ /FlateDecode ] /Length %d >>\nstream\n%s\nendstream\nendobj\n"
HIDING: dict[str, Callable[[bytes], bytes]] = {
    "after the end": lambda data: data + SECRET.encode(),
    "an update": lambda data: data + b"\n99 0 obj\n(x)\nendobj\nxref\n0 1\ntrailer\n<< >>\nstartxref\n0\n%%EOF\n",
    "a second end": lambda data: data + b"%%EOF\n",
    "between objects": lambda data: objects_before_xref(data, b"% " + SECRET.encode() + b"\n"),
    "before the header": lambda data: b"x" + data,
    "an object twice": lambda data: objects_before_xref(data, b"1 0 obj\n(x)\nendobj\n"),
    "a script": lambda data: objects_before_xref(data, b"99 0 obj\n<< /S /JavaScript /JS (x) >>\nendobj\n"),
    "an attachment": lambda data: objects_before_xref(data, b"99 0 obj\n<< /Type /EmbeddedFile >>\nendobj\n"),
    "a launch": lambda data: data.replace(b"/Type /Catalog", b"/OpenAction << /S /Launch >> /Type /Catalog"),
    "a form": lambda data: data.replace(b"/Type /Catalog", b"/AcroForm << >> /Type /Catalog"),
    "an annotation": lambda data: data.replace(b"/Type /Page\n", b"/Annots [ ] /Type /Page\n"),
    "an escaped name": lambda data: data.replace(b"/Type /Catalog", b"/J#53 (x) /Type /Catalog"),
    "a metadata stream": lambda data: data.replace(b"/Type /Catalog", b"/Metadata 3 0 R /Type /Catalog"),
    "an unknown filter": lambda data: data.replace(b"/FlateDecode", b"/LZWDecode"),
    "bytes behind a stream": lambda data: objects_before_xref(
        data, (STREAM % (len(zlib.compress(b"x")) + 20, zlib.compress(b"x") + SECRET.encode()))[8:]
    ),
    "a stream of another length": lambda data: re.sub(rb"/Length (\d+)", rb"/Length 1\1", data, count=1),
    "not zlib": lambda data: objects_before_xref(data, (STREAM % (7, b"rubbish"))[8:]),
    "cut": lambda data: data[:-30],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
def test_a_pdf_in_any_other_form_is_a_finding(hide: Callable[[bytes], bytes]) -> None:
    clean = pdf()
    assert hide(clean) != clean
    assert kinds(hide(clean)) & {Kind.STRUCTURE, Kind.TRAILING, Kind.UNREADABLE}


def test_a_value_in_a_stream_that_nothing_shows_is_found() -> None:
    body = zlib.compress(f"x {SECRET} x".encode())
    assert kinds(objects_before_xref(pdf(), (STREAM % (len(body), body))[8:])) & {Kind.VALUE, Kind.ENCODED}
