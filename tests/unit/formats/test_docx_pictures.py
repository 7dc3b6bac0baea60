"""Pictures of Word documents: which are shown, what of them, and what becomes of them as PDF and as Word."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.detect.text import classes_of
from gateway.formats.document_docx import DOCX, PARSE_TASK, DocumentDocx
from gateway.formats.model import Box, DocumentOutput, Element, Op, Pages, Plan, Rebuilt
from gateway.formats.pixels import png
from gateway.formats.typed import MAX_PICTURES
from gateway.formats.typed_reader import DRAW_TASK
from gateway.render.coverage import NotCovered, require_pages_covered
from gateway.render.figures import figure_places, figures
from gateway.residue.gate import check
from gateway.residue.model import Report, RetypedExpectation, WithheldSet
from gateway.residue.pixels import shown as legible
from gateway.residue.reading import surfaces
from gateway.sandbox.process import ProcessSandbox
from tests.support import pages, word
from tests.support.word import docx, p, picture, table

FORM = DocumentDocx(classes_of)
FROZEN = Path(__file__).parents[2] / "vectors" / "word"
SMALL = picture(size_cm=(3, 2))
RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (20, 40, 200)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, DRAW_TASK))
    yield walls
    walls.close()


def halves(
    left: tuple[int, int, int] = RED, right: tuple[int, int, int] = GREEN, kind: str = "PNG", side: int = 200
) -> bytes:
    """A picture of two colours side by side."""
    image = Image.new("RGB", (side, side), left)
    image.paste(right, (side // 2, 0, side, side))
    out = io.BytesIO()
    image.save(out, kind, quality=95)
    return out.getvalue()


def pictured(*body: str, media: Sequence[bytes] = (), **more: object) -> bytes:
    parts = {f"media/image{at}.png": ("image", one) for at, one in enumerate(media or (halves(),))}
    return docx(p("Text"), *body, parts=parts, **more)  # type: ignore[arg-type]


def shown(content: Pages) -> list[Box]:
    return [note.box for page in content.pages for note in page.notes if note.box]


def read(data: bytes, walls: ProcessSandbox) -> Pages:
    return FORM.read(data, DOCX, walls)


def allowing(content: Pages, *numbers: int, regions: Sequence[Box] = ()) -> Plan:
    """All pages, and of the pictures these."""
    fields = [one for one in FORM.survey(content) if one.element is Element.PICTURE]
    orders = [
        pages.order(Element.PICTURE, one.page, Op.ALLOW if int(one.name or 0) in numbers else Op.BOX, one.box, place=at)
        for at, one in enumerate(fields)
    ]
    drawn = [pages.order(Element.REGION, 1, Op.BOX, one, place=at) for at, one in enumerate(regions)]
    return replace(pages.plan(content, *orders, *drawn), document=DocumentOutput.AS_ORIGINAL)


def pixels(content: Pages, number: int, box: Box) -> np.ndarray:
    page = content.pages[number - 1]
    raster = np.frombuffer(content.raster(number), np.uint8).reshape(page.height_px, page.width_px, 3)
    return raster[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]


def media(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if "media" in name}


def said(content: Pages) -> str:
    return " ".join(one.text for page in content.pages for one in page.words)


def judged(content: Pages, plan: Plan, made: Rebuilt) -> Report:
    expected, reference = figures(content, plan, made)
    return check(made.data, RetypedExpectation(pages.MARK.text, expected), WithheldSet(()), reference)


def test_a_picture_stands_behind_its_paragraph_and_in_a_table_behind_that(sandbox: ProcessSandbox) -> None:
    cell = p("Cell ", picture("r3", (3, 3)))
    content = read(
        pictured(
            p("Before ", picture(), " after."), table(("a", cell)), p("End"), media=(halves(), halves(BLUE, BLUE))
        ),
        sandbox,
    )
    first, second = shown(content)
    assert said(content) == "Text Before [picture 1] after. a Cell [picture 2] End"
    assert (first.width_px, first.height_px) == (784, 584)
    assert all(side % 8 == 0 for box in (first, second) for side in (box.left_px, box.top_px, box.width_px))
    assert tuple(pixels(content, 1, second)[8, 8]) == BLUE
    assert [block.figure.number for block in content.blocks if block.figure] == [1, 2]
    fields = [one for one in FORM.survey(content) if one.element is Element.PICTURE]
    assert [(one.id, one.name, one.count, one.page) for one in fields] == [
        ("picture/1", "1", 2, 1),
        ("picture/2", "2", 2, 1),
    ]
    assert content.pages[0].unreadable


def test_what_is_cut_away_is_gone_before_anything_is_scaled(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(picture(cut='l="50000"', size_cm=(9.1, 5.3)))), sandbox)
    seen = pixels(content, 1, shown(content)[0]).reshape(-1, 3)
    assert np.unique(seen, axis=0).tolist() == [[*GREEN]]


def test_a_quarter_turn_is_followed(sandbox: ProcessSandbox) -> None:
    shape = '<a:xfrm rot="5400000"/><a:prstGeom prst="rect"/>'
    content = read(pictured(p(picture(shape=shape, size_cm=(10, 5)))), sandbox)
    (box,) = shown(content)
    seen = pixels(content, 1, box)
    assert box.height_px > box.width_px
    assert (tuple(seen[4, 4]), tuple(seen[-4, 4])) == (RED, GREEN)


def test_a_picture_is_never_larger_than_the_text(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(picture(size_cm=(90, 9)), picture(size_cm=(1, 90)))), sandbox)
    assert [(box.width_px, box.height_px) for box in shown(content)] == [(1256, 120), (16, 1904)]


TURNED = io.BytesIO()
_EXIF = Image.Exif()
_EXIF[0x0112] = 6
Image.new("RGB", (40, 20), RED).save(TURNED, "JPEG", exif=_EXIF)
NOISE = "<a:alphaModFix amt='0'/>"
FLOAT = "anchor behindDoc='0'"
VML = "<w:r><w:pict><v:shape><v:imagedata r:id='r2'/></v:shape></w:pict></w:r>"
LEFT_OUT = {
    "linked": picture(embed="link"),
    "linked and embedded": picture(blip="").replace("<a:blip ", '<a:blip r:link="r2" '),
    "unknown relation": picture("r99"),
    "another relation": picture("r0"),
    "clear": picture(blip=NOISE),
    "brightened": picture(blip='<a:lum bright="99000"/>'),
    "two colours": picture(blip="<a:duotone/>"),
    "stand-in": picture(blip='<a:extLst><a:ext uri="{96DAC541-7B7A-43D3-8B79-37D633B846F1}"/></a:extLst>'),
    "ellipse": picture(shape='<a:prstGeom prst="ellipse"/>'),
    "own shape": picture(shape="<a:custGeom/>"),
    "soft edge": picture(shape='<a:prstGeom prst="rect"/><a:effectLst><a:softEdge rad="1"/></a:effectLst>'),
    "mirrored": picture(shape='<a:xfrm flipH="1"/><a:prstGeom prst="rect"/>'),
    "tiled": picture(fill="<a:tile/>"),
    "stretched out of its frame": picture(fill='<a:stretch><a:fillRect l="10000"/></a:stretch>'),
    "nothing left": picture(cut='l="60000" r="60000"'),
    "no number": picture(cut='l="half"'),
    "invisibly small": picture(size_cm=(0.01, 5)),
    "behind the text": picture(frame="anchor behindDoc='1'"),
    "in a group": picture(beside="<wps:wsp/>"),
    "under another": picture(frame=FLOAT) + picture(frame=FLOAT),
    "under a shape": picture() + "<w:r><w:pict><v:rect/></w:pict></w:r>",
    "drawn in VML": VML,
    "hidden": picture(named='hidden="1"'),
    "vanished": picture().replace("<w:r>", "<w:r><w:rPr><w:vanish/></w:rPr>"),
    "cut and turned": picture("r3", cut='l="10000"'),
    "damaged": picture("r4"),
    "of another type": picture("r5"),
    "cut short": picture("r6"),
    "a bomb": picture("r7"),
}


def bomb() -> bytes:
    """A PNG whose header promises 900 million pixels."""
    small = halves(side=2)
    header = b"IHDR" + struct.pack(">II", 30_000, 30_000) + small[24:29]
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def test_what_is_seen_otherwise_than_it_is_stored_is_left_out(sandbox: ProcessSandbox) -> None:
    gif = io.BytesIO()
    Image.new("RGB", (9, 9)).save(gif, "GIF")
    stored = (halves(), TURNED.getvalue(), b"\x89PNG\r\n\x1a\nrest", gif.getvalue(), halves()[:-40], bomb())
    content = read(pictured(*(p(f"{how} ", run) for how, run in LEFT_OUT.items()), media=stored), sandbox)
    told = said(content)
    unseen = {"hidden", "vanished"}
    assert [how for how in LEFT_OUT if f"{how} [picture not included]" not in told and how not in unseen] == []
    assert shown(content) == []
    assert content.counts["picture"] >= len(LEFT_OUT)


def test_a_picture_in_a_note_is_left_out(sandbox: ProcessSandbox) -> None:
    note = word.part("footnotes", f'<w:footnote w:id="9">{p(picture())}</w:footnote>')
    data = docx(
        p('<w:r><w:footnoteReference w:id="9"/></w:r>'),
        parts={"media/a.png": ("image", halves()), "footnotes.xml": ("footnotes", note)},
    )
    assert shown(read(data, sandbox)) == []


def test_there_is_an_end_to_pictures(sandbox: ProcessSandbox) -> None:
    content = read(pictured(*[p(picture(size_cm=(0.5, 0.5)))] * (MAX_PICTURES + 3)), sandbox)
    assert (len(shown(content)), content.counts["picture"]) == (MAX_PICTURES, 3)


def test_default_is_a_box_in_the_pdf_and_a_label_in_word(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(SMALL)), sandbox)
    made = FORM.rebuild(content, pages.plan(content), pages.MARK, bytes(32))
    assert shown(content)[0] in made.pages[0].boxes
    typed = FORM.rebuild(content, allowing(content), pages.MARK, bytes(32))
    assert media(typed.data) == {}
    assert b"[withheld: PD-MIN]" in zipfile.ZipFile(io.BytesIO(typed.data)).read("word/document.xml")
    assert judged(content, allowing(content), typed).clean


def test_a_rendition_that_shows_an_unnamed_picture_is_not_kept(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(SMALL)), sandbox)
    made = FORM.rebuild(content, allowing(content, 1), pages.MARK, bytes(32))
    require_pages_covered(allowing(content, 1), content, made)
    with pytest.raises(NotCovered):
        require_pages_covered(pages.plan(content), content, made)


def test_what_leaves_as_word_is_what_was_allowed_with_its_boxes(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(picture()), p(picture()), p(picture(size_cm=(1, 1)))), sandbox)
    first = shown(content)[0]
    plan = allowing(content, 1, 3, regions=[Box(first.left_px + 40, first.top_px + 40, 96, 64)])
    made = FORM.rebuild(content, plan, pages.MARK, bytes(32))
    told = list(media(made.data))
    assert [name.partition(".")[0] for name in told] == ["word/media/picture1", "word/media/picture2"]
    large = np.asarray(Image.open(io.BytesIO(media(made.data)[told[0]])))
    small = np.asarray(Image.open(io.BytesIO(media(made.data)[told[1]])))
    assert not large[48:96, 48:128].any()
    assert min(small.shape[:2]) > 150
    assert judged(content, plan, made).findings == ()
    assert made.data == FORM.rebuild(content, plan, pages.MARK, bytes(32)).data


def swapped(data: bytes, **members: bytes) -> bytes:
    """The archive, as the gateway packs it, with some members replaced by their short names."""
    sink = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as other:
        for one in archive.infolist():
            short = one.filename.rpartition("/")[2].partition(".")[0]
            kept = zipfile.ZipInfo(one.filename, (1980, 1, 1, 0, 0, 0))
            kept.compress_type, kept.create_system = zipfile.ZIP_DEFLATED, 0
            other.writestr(kept, members.get(short, archive.read(one.filename)))
    return sink.getvalue()


def test_the_gate_finds_a_picture_that_is_not_the_one(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(SMALL), p(picture("r3", (3, 2))), media=(halves(), halves(BLUE, RED))), sandbox)
    plan = allowing(content, 1, 2)
    made = FORM.rebuild(content, plan, pages.MARK, bytes(32))
    one, other = media(made.data).values()
    assert judged(content, plan, made).clean
    xml = zipfile.ZipFile(io.BytesIO(made.data)).read("word/document.xml")
    plain = np.full((*Image.open(io.BytesIO(one)).size[::-1], 3), 255, np.uint8)
    seen = pixels(content, 1, shown(content)[0])
    plain[: seen.shape[0], : seen.shape[1]] = seen
    cases = {
        "not-the-original": swapped(made.data, picture1=other),
        "trailing-bytes": swapped(made.data, picture1=one + b"Nordwerk"),
        "structure": swapped(made.data, document=xml.replace(b"rId3", b"rId4")),
        "size": swapped(made.data, picture2=halves()),
        "mark": swapped(made.data, picture1=png(plain)),
    }
    for kinds, data in cases.items():
        found = {finding.kind.value for finding in judged(content, plan, replace(made, data=data)).findings}
        assert kinds in found
    without = allowing(content, 1)
    assert not judged(content, without, made).clean
    assert not check(made.data, RetypedExpectation(pages.MARK.text), WithheldSet(())).clean


def test_the_gate_finds_a_changed_form(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(SMALL)), sandbox)
    plan = allowing(content, 1)
    made = FORM.rebuild(content, plan, pages.MARK, bytes(32))
    xml = zipfile.ZipFile(io.BytesIO(made.data)).read("word/document.xml")
    for old, new in (
        (b'name="Picture 1"', b'name="Nordwerk"'),
        (b'name="Picture 1"/>', b'name="Picture 1" descr="Nordwerk"/>'),
        (b"<a:avLst/>", b"<a:avLst/><a:noFill/>"),
        (b"rId3", b"rId2"),
        (b"</wp:inline>", b"<wp:simplePos/></wp:inline>"),
        (b"<w:drawing>", b"<w:t>Nordwerk</w:t><w:drawing>"),
        (b'cx="', b'cx="9'),
    ):
        assert old in xml
        data = swapped(made.data, document=xml.replace(old, new))
        assert not judged(content, plan, replace(made, data=data)).clean, new


def test_the_frozen_rendition_comes_out_again(sandbox: ProcessSandbox) -> None:
    content = read((FROZEN / "pictured.docx").read_bytes(), sandbox)
    made = FORM.rebuild(content, allowing(content, 1), pages.MARK, bytes(32))
    assert made.data == (FROZEN / "pictured-rebuilt.docx").read_bytes()
    assert judged(content, allowing(content, 1), made).clean


def test_pictures_are_there_to_be_read_and_a_document_without_any_says_so(sandbox: ProcessSandbox) -> None:
    content = read(pictured(p(SMALL)), sandbox)
    plan = allowing(content, 1)
    made = FORM.rebuild(content, plan, pages.MARK, bytes(32))
    ((page, place),) = figure_places(plan, made)
    assert (page, place) == (1, shown(content)[0])
    expected = RetypedExpectation(pages.MARK.text, figures(content, plan, made)[0])
    (surface,) = surfaces(expected)
    assert surface.name == "picture 1"
    (rgb,) = legible(made.data, expected, [0])
    seen = np.frombuffer(rgb, np.uint8).reshape(*reversed(surface.size_px), 3).astype(int)
    seen = seen[: place.height_px, : place.width_px]
    assert np.abs(seen - pixels(content, 1, place)).mean() < 4
    assert judged(content, plan, made).read_by == "not-read"
    none = allowing(content)
    report = judged(content, none, FORM.rebuild(content, none, pages.MARK, bytes(32)))
    assert (report.clean, report.read_by) == (True, "no-pixels")
