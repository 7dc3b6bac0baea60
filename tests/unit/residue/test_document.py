"""The gate on documents: whatever is not the one form of a rebuilt document, or shows too much, is a finding."""

from __future__ import annotations

import hashlib
import io
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from gateway.formats.model import Box, Element, Op, Pages, Rebuilt
from gateway.formats.write_document import rebuild
from gateway.residue import document as residue_document
from gateway.residue.gate import check, check_foreign
from gateway.residue.model import Kind, Report
from tests.support.pages import MARK, Line, document, expectation, order, page, plan, withholding
from tests.support.renditions import withheld

SIZE_PX = (801, 600)
SECRETS = withheld("Anneliese Kowalski", "Zhang Wei Motors", "4711-0815-99", field="text/1/1")
BROKEN = {Kind.STRUCTURE, Kind.TRAILING, Kind.UNREADABLE, Kind.SIZE}


def content() -> Pages:
    first = page([Line("Represented by Jo Kowalski in all matters", 100, 20), Line("Price: 41", 120, 20)], SIZE_PX)
    return document(first, page([Line("Zhang Wei", 80, 20)], SIZE_PX), page([], SIZE_PX))


@lru_cache(maxsize=1)
def rebuilt() -> Rebuilt:
    return rebuild(content(), plan(content(), *withholding(content(), "Kowalski")), MARK)


def report(data: bytes, of: Rebuilt | None = None) -> Report:
    return check(data, expectation(of or rebuilt()), SECRETS)


def kinds(data: bytes, of: Rebuilt | None = None) -> set[Kind]:
    return {finding.kind for finding in report(data, of).findings}


def test_a_clean_document_passes_every_check() -> None:
    told = report(rebuilt().data)
    assert told.findings == ()
    assert told.passed == (
        "structure", "pixels", "boxes", "mark", "values", "text under boxes", "text", "bounds",
    )  # fmt: skip
    assert told.counts == {
        "searched": 3, "short_exact_place_only": 0, "subtracted": 0, "empty": 0, "pages": 3, "boxes": 1, "strings": 4,
    }  # fmt: skip


NOISE = np.random.default_rng(8)
PHOTO = np.asarray(Image.fromarray(NOISE.integers(0, 255, (6, 8, 3), np.uint8)).resize(SIZE_PX))
RASTERS = {
    "print": np.full((600, 801), 255, np.uint8),
    "grey": np.full((600, 801), 110, np.uint8),
    "flat colour": np.full((600, 801, 3), (250, 240, 200), np.uint8),
    "photo": np.clip(PHOTO + NOISE.integers(-9, 9, PHOTO.shape), 0, 255).astype(np.uint8),
}


def shown_as(raster: np.ndarray) -> Rebuilt:
    pages = document(page([], SIZE_PX), pixels={1: raster})
    return rebuild(pages, plan(pages, order(Element.REGION, 1, Op.BOX, Box(40, 50, 90, 60))), MARK)


@pytest.mark.parametrize("raster", RASTERS.values(), ids=RASTERS)
def test_every_form_of_picture_passes_and_its_boxes_and_its_mark_are_seen(raster: np.ndarray) -> None:
    one = shown_as(raster)
    assert report(one.data, one).clean
    boxes = (*one.pages[0].boxes, Box(400, 304, 80, 80))
    more = replace(one, pages=(replace(one.pages[0], boxes=boxes),))
    assert kinds(one.data, more) == {Kind.BOX}
    other = replace(expectation(one), mark_text=MARK.text.replace("x8d4n6b5t1c0zhep", "yhs83kqzd5r7vwxm"))
    assert {finding.kind for finding in check(one.data, other, SECRETS).findings} == {Kind.MARK}


LETTER_OR_NOT = np.array([0x00, 0x1F, 0x20, 0x41, 0x7E, 0x7F, 0x9F, 0xA0, 0xE4, 0xFE, 0xFF], np.uint8)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 12, 4000])
def test_runs_of_six_letters_and_more_are_taken_out_of_pixels_whole(length: int) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        likely = np.where((LETTER_OR_NOT & 0x7F) - 0x20 <= 0x5E, 4.0, 1.0)
        rows = rng.choice(LETTER_OR_NOT, length, p=likely / likely.sum()).tobytes()
        assert residue_document._letters(rows) == b"\0".join(re.findall(rb"[\x20-\x7e\xa0-\xfe]{6,}", rows))


@pytest.mark.parametrize("bits", [2, 4])
def test_samples_are_unpacked_as_the_format_says(bits: int) -> None:
    octets = np.arange(256, dtype=np.uint8).reshape(32, 8)
    most = (1 << bits) - 1
    wanted = [[(octet >> shift & most) * 255 // most for shift in range(8 - bits, -1, -bits)] for octet in range(256)]
    assert residue_document._unpacked(octets, bits).reshape(256, -1).tolist() == wanted


Objects = dict[int, bytes]


def objects() -> Objects:
    """The bodies of the clean document's objects."""
    data, found = rebuilt().data, {}
    starts = [int(line[:10]) for line in data[data.rindex(b"xref\n0") :].split(b"\n")[3:] if line.endswith(b" n ")]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], data.rindex(b"xref\n0")], strict=True), start=1):
        found[number] = data[start:end].removeprefix(b"%d 0 obj\n" % number).removesuffix(b"\nendobj\n")
    return found


def assembled(bodies: Objects, more: bytes = b"") -> bytes:
    """A whole PDF of these objects, with a table, a number and an identity that are right."""
    data = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in bodies.items():
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    identity = hashlib.sha256(data).hexdigest()[:32].encode()
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    tail = b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(places) + 1, table)
    tail += b"trailer\n<< /Size %d /Root 1 0 R%b /ID [<%b> <%b>] >>\n" % (len(places) + 1, more, identity, identity)
    return data + tail + b"startxref\n%d\n%%%%EOF\n" % len(data)


def stream(head: bytes, body: bytes) -> bytes:
    return b"<< %b/Length %d >>\nstream\n%b\nendstream" % (head, len(body), body)


def with_object(number: int, change: Callable[[bytes], bytes]) -> bytes:
    bodies = objects()
    bodies[number] = change(bodies[number])
    return assembled(bodies)


def with_stream(number: int, change: Callable[[bytes], bytes]) -> bytes:
    """The document with what one of its streams holds changed, inflated."""

    def within(body: bytes) -> bytes:
        match = re.match(rb"(?s)<< (.*?)/Length \d+ >>\nstream\n(.*)\nendstream\Z", body)
        assert match is not None
        return stream(match[1], zlib.compress(change(zlib.decompress(match[2])), 9))

    return with_object(number, within)


FONT, TABLE, PAGE, TEXT, PICTURE = 3, 8, 9, 10, 11


def with_objects(*bodies: bytes) -> bytes:
    whole = objects()
    for body in bodies:
        whole[len(whole) + 1] = body
    return assembled(whole)


def put(after: bytes, what: bytes) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        assert after in body
        return body.replace(after, after + what, 1)

    return change


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        assert re.search(old, body)
        return re.sub(old, new, body, count=1)

    return change


NOTE = b" /Annots [<< /Subtype /Text /Contents (x) >>]"
FILE = stream(b"/Type /EmbeddedFile ", b"Anneliese Kowalski")
HIDING: dict[str, Callable[[bytes], bytes]] = {
    "an extra object": lambda data: with_objects(FILE),
    "an incremental update": lambda data: data + data[data.rindex(b"1 0 obj") :],
    "an annotation": lambda data: with_object(PAGE, put(b"/Type /Page", NOTE)),
    "an attachment": lambda data: with_object(1, put(b"/Catalog", b" /Names << /EmbeddedFiles << /Names [] >> >>")),
    "a script": lambda data: with_object(1, put(b"/Catalog", b" /OpenAction << /S /JavaScript /JS (app.alert(1)) >>")),
    "a form": lambda data: with_object(1, put(b"/Catalog", b" /AcroForm << /Fields [] >>")),
    "metadata": lambda data: with_object(1, put(b"/Catalog", b" /Metadata 18 0 R")),
    "another language": lambda data: with_object(1, lambda body: body.replace(b"(und)", b"(4711)")),
    "document information": lambda data: assembled(objects(), b" /Info << /Title (Kowalski) >>"),
    "a page label": lambda data: with_object(PAGE, put(b"/Type /Page", b" /LastModified (D:2026)")),
    "a soft mask": lambda data: with_object(PICTURE, put(b"/Subtype /Image", b" /SMask 18 0 R")),
    "another filter": lambda data: with_object(PICTURE, lambda body: body.replace(b"/FlateDecode", b"/LZWDecode", 1)),
    "a second picture in the content": lambda data: with_stream(TEXT, put(b"/P Do\n", b"/P Do\n")),
    "a picture aside": lambda data: with_stream(TEXT, swap(b"600 0 0", b"600 9 0")),
    "visible text": lambda data: with_stream(TEXT, lambda text: text.replace(b"3 Tr", b"0 Tr")),
    "text off the grid": lambda data: with_stream(TEXT, swap(rb"1 0 0 1 \d+", b"1 0 0 1 3")),
    "text beside the page": lambda data: with_stream(TEXT, swap(rb"1 0 0 1 \d+", b"1 0 0 1 4000")),
    "a literal string": lambda data: with_stream(TEXT, put(b"3 Tr\n", b"(Kowalski) Tj\n")),
    "a code without a meaning": lambda data: with_stream(TEXT, lambda text: text.replace(b"<00", b"<FF", 1)),
    "drawing behind the text": lambda data: with_stream(TEXT, lambda text: text + b"0 0 9 9 re f\n"),
    "a comment in the content": lambda data: with_stream(TEXT, lambda text: text + b"% Kowalski\n"),
    "bytes behind a compressed stream": lambda data: with_object(
        TEXT, lambda body: stream(b"/Filter /FlateDecode ", body.split(b"stream\n")[1].removesuffix(b"\nend") + b"x")),
    "a bit behind the end of a row": lambda data: with_stream(PICTURE, lambda rows: rows[:201] + b"\1" + rows[202:]),
    "a row filtered otherwise": lambda data: with_stream(PICTURE, lambda rows: b"\0" + rows[1:]),
    "a row too many": lambda data: with_stream(PICTURE, lambda rows: rows + rows[:202]),
    "a row too few": lambda data: with_stream(PICTURE, lambda rows: rows[:-202]),
    "another font": lambda data: with_stream(6, lambda program: program[:-1] + b"\1"),
    "glyphs with shapes": lambda data: with_stream(7, lambda shapes: shapes[:-1] + b"\1"),
    "two codes for a character": lambda data: with_stream(TABLE, swap(b"<0002> <", b"<0001> <")),
    "a comment in the table": lambda data: with_stream(TABLE, put(b"begincmap\n", b"% Kowalski\n")),
    "bytes after the end": lambda data: data + b"x",
    "a line after the end": lambda data: data + b"\n",
    "a comment between objects": lambda data: data.replace(b"endobj\n2 0", b"endobj\n%x\n2 0"),
    "a comment in the header": lambda data: data.replace(b"%\xe2\xe3\xcf\xd3\n", b"%\xe2\xe3\xcf\xd3\n%x\n"),
    "a place that is wrong": lambda data: data.replace(b"0000000015 00000 n", b"0000000016 00000 n"),
    "another identity": lambda data: re.sub(rb"/ID \[<..", b"/ID [<zz", data),
    "a wrong start of the table": lambda data: data.replace(b"startxref\n", b"startxref\n1"),
    "no end": lambda data: data[:-6],
    "a page more": lambda data: with_object(2, lambda tree: tree.replace(b"/Count 3", b"/Count 4")),
    "nothing": lambda data: b"",
    "another PDF": lambda data: b"%PDF-1.4\n" + data[9:],
    "no PDF": lambda data: data[9:],
}  # fmt: skip


def test_the_parts_put_together_again_are_the_clean_document() -> None:
    assert assembled(objects()) == rebuilt().data


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
def test_whatever_is_not_the_one_form_is_blocked(hide: Callable[[bytes], bytes]) -> None:
    data = hide(rebuilt().data)
    assert data != rebuilt().data
    assert kinds(data) & BROKEN


def test_a_page_that_nobody_allowed_is_blocked() -> None:
    fewer = replace(rebuilt(), pages=rebuilt().pages[:2])
    assert Kind.STRUCTURE in kinds(rebuilt().data, fewer)
    more = replace(rebuilt(), pages=(*rebuilt().pages, rebuilt().pages[0]))
    assert Kind.STRUCTURE in kinds(rebuilt().data, more)


def test_a_page_of_another_size_is_blocked() -> None:
    first, *others = rebuilt().pages
    assert kinds(rebuilt().data, replace(rebuilt(), pages=(replace(first, size_px=(800, 600)), *others))) & BROKEN


def uncovered() -> Rebuilt:
    """The same pages without a box, in pixels and in text."""
    return rebuild(content(), plan(content()), MARK)


def test_a_missing_box_is_blocked_and_so_is_the_text_that_it_should_hide() -> None:
    told = report(uncovered().data)
    assert {finding.kind for finding in told.findings} == {Kind.BOX, Kind.STRUCTURE}
    assert "page 1 text 1 under a box" in {finding.place for finding in told.findings}


def test_a_withheld_value_in_the_text_is_blocked_by_page_and_line() -> None:
    pages = document(page([Line("by", 90, 20), Line("Anneliese Kowalski", 120, 20)], SIZE_PX))
    one = rebuild(pages, plan(pages), MARK)
    (finding,) = report(one.data, one).findings
    assert (finding.kind, finding.place) == (Kind.VALUE, "page 1 text line 2")


def test_a_withheld_value_is_found_across_strings_and_across_pages() -> None:
    pages = document(
        page([Line("Mrs Anneliese", 90, 20), Line("Kowalski and Zhang", 120, 20)], SIZE_PX),
        page([Line("Wei Motors", 90, 20)], SIZE_PX),
    )
    one = rebuild(pages, plan(pages), MARK)
    assert {(one.kind, one.place) for one in report(one.data, one).findings} == {(Kind.VALUE, "page 1 text")}
    pages = document(page([Line("of Zhang", 120, 20)], SIZE_PX), page([Line("Wei Motors", 90, 20)], SIZE_PX))
    one = rebuild(pages, plan(pages), MARK)
    assert {(one.kind, one.place) for one in report(one.data, one).findings} == {(Kind.VALUE, "the text")}


def test_a_withheld_value_in_the_bytes_of_pixels_is_blocked() -> None:
    def change(rows: bytes) -> bytes:
        at = 202 * 300 + 20
        return rows[:at] + b"Zhang Wei Motors" + rows[at + 16 :]

    assert Kind.VALUE in kinds(with_stream(PICTURE, change))


def test_a_jpeg_with_a_comment_is_blocked() -> None:
    one = shown_as(RASTERS["photo"])
    start = one.data.index(b"\xff\xd8\xff\xe0")
    end = one.data.index(b"\nendstream", start)
    out = io.BytesIO()
    Image.open(io.BytesIO(one.data[start:end])).save(out, "JPEG", quality=80, subsampling=0, comment=b"Kowalski")
    length = b"/DCTDecode /Length "
    data = one.data.replace(length + b"%d" % (end - start), length + b"%d" % len(out.getvalue()))
    start = data.index(b"\xff\xd8\xff\xe0")
    body = data[:start] + out.getvalue() + data[data.index(b"\nendstream", start) : data.rindex(b"xref\n0")]
    table = assembled(dict.fromkeys(range(1, 6), b""))
    assert kinds(body + table[table.rindex(b"xref\n0") :], one) & BROKEN


def test_a_document_that_cannot_be_read_is_still_searched() -> None:
    assert Kind.VALUE in kinds(with_objects(FILE))
    assert Kind.ENCODED in kinds(with_objects(stream(b"", zlib.compress(b"Anneliese Kowalski"))))


def test_an_original_passed_through_is_blocked() -> None:
    out = io.BytesIO()
    canvas = Canvas(out, pageCompression=0)
    canvas.drawString(60, 780, "Anneliese Kowalski")
    canvas.save()
    assert {Kind.STRUCTURE, Kind.VALUE} <= kinds(out.getvalue())


def test_the_check_of_foreign_files_reads_the_text_layer() -> None:
    pages = document(page([Line("Anneliese Kowalski", 120, 20)], SIZE_PX))
    data = rebuild(pages, plan(pages), MARK).data
    assert Kind.VALUE in {finding.kind for finding in check_foreign(data, "application/pdf", SECRETS).findings}
    assert check_foreign(rebuilt().data, "application/pdf", withheld("Anneliese Kowalski")).clean
