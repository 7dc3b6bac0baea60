"""Documents as they leave: what is allowed, as pixels under a mark, with text that can be searched and read aloud."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.base.problems import Problem
from gateway.formats import pixels
from gateway.formats.model import Box, Element, Op, Pages, Plan
from gateway.formats.problems import NothingNamed, PageTooLarge, PlanUnfit
from gateway.formats.write_document import rebuild
from gateway.formats.write_pdf import shapeless_font
from gateway.marks.visible import MarkDoesNotFit
from tests.support.pages import A4_PX, MARK, Line, document, grey, order, page, plan, withholding

SMALL_PX = (800, 600)


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def contract() -> Pages:
    first = page([
        Line("Supply Agreement", 90, 297, "centre", 18),
        Line("The seller is represented by Anneliese Kowalski in all matters.", 130),
        Line("Price per piece:", 150), Line("EUR 41.80", 150, 523, "right"),
        Line("供应协议 编号 4711", 170),
    ])  # fmt: skip
    second = page([Line("Annex A, which is nobody's business", 100)])
    third = page([Line("Cologne, 31 January 2026", 100)], SMALL_PX)
    return document(first, second, third, parts={"docinfo:Title": "Draft for Kowalski", "hidden:2": "secret"})


def released(content: Pages, orders: Plan) -> bytes:
    return rebuild(content, orders, MARK).data


def text_of(data: bytes, path: Path) -> str:
    (path / "out.pdf").write_bytes(data)
    return subprocess.run(
        ["pdftotext", "-raw", str(path / "out.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip


def test_the_same_original_plan_and_mark_give_the_same_bytes() -> None:
    content = contract()
    orders = plan(content, *withholding(content, "Kowalski"), pages=(1, 3))
    assert released(content, orders) == released(contract(), orders)


def test_the_bytes_are_the_frozen_ones_up_to_the_pictures() -> None:
    """The frame, the font and the text are frozen; pictures hang on the libraries that draw letters and deflate."""
    data = released(contract(), plan(contract(), pages=(3,)))
    assert data.startswith(
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
        b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R /Lang (und) >>\nendobj\n"
        b"2 0 obj\n<< /Type /Pages /Count 1 /Kids [9 0 R] >>\nendobj\n"
    )
    assert b"/MediaBox [0 0 288.00 216.00] /Resources << /XObject << /P 11 0 R >> /Font << /T 3 0 R >> >>" in data
    content = next(text for text in streams(data) if b" Tj" in text)
    assert content.startswith(b".36 0 0 .36 0 0 cm\nq\n800 0 0 600 0 0 cm\n/P Do\nQ\nBT\n3 Tr\n/T 36 Tf ")
    assert content.endswith(b"> Tj\nET\n")


def streams(data: bytes) -> list[bytes]:
    heads = re.finditer(rb"/FlateDecode .*?/Length (\d+) >>\nstream\n", data)
    return [zlib.decompress(data[head.end() : head.end() + int(head[1])]) for head in heads]


def test_pages_that_nobody_allows_do_not_leave() -> None:
    rebuilt = rebuild(contract(), plan(contract(), pages=(1, 3)), MARK)
    assert [one.number for one in rebuilt.pages] == [1, 3]
    assert [one.size_px for one in rebuilt.pages] == [A4_PX, SMALL_PX]
    assert rebuilt.redactions == {"default": 1}
    assert rebuilt.media_type == "application/pdf"


@pytest.mark.parametrize(
    ("orders", "kind", "sentence"),
    [
        ([], NothingNamed, "No page"),
        ([order(Element.PAGE, 1, Op.DROP), order(Element.PAGE, 2, None)], NothingNamed, "No page"),
        ([order(Element.PAGE, 4, Op.ALLOW)], PlanUnfit, "does not have"),
        ([order(Element.PAGE, 1, Op.ALLOW), order(Element.REGION, 1, Op.BOX)], PlanUnfit, "no place"),
        ([order(Element.PAGE, 1, Op.ALLOW), order(Element.METADATA, 0, Op.ALLOW)], PlanUnfit, "metadata"),
    ],
    ids=["no page", "pages dropped", "no such page", "no place", "metadata"],
)
def test_plans_that_cannot_be_carried_out_are_refused(orders: list, kind: type[Problem], sentence: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(kind, match=sentence):
        rebuild(contract(), Plan(tuple(orders)), MARK)


def test_a_page_wholly_covered_is_refused_because_no_mark_would_show() -> None:
    content = contract()
    orders = plan(content, order(Element.REGION, 3, Op.BOX, Box(0, 0, *SMALL_PX)))
    with pytest.raises(MarkDoesNotFit, match="So little of page 3"):
        rebuild(content, orders, MARK)


def test_redactions_are_counted_by_rule() -> None:
    content = contract()
    orders = [*withholding(content, "Kowalski"), order(Element.METADATA, 0, Op.STRIP)]
    rebuilt = rebuild(content, plan(content, *orders), MARK)
    assert rebuilt.redactions == {"rule-metadata": 1, "rule-text": 1}


def test_whatever_is_withheld_without_a_rule_or_without_words_is_covered_all_the_same() -> None:
    content = contract()
    place = Box(400, 1200, 200, 100)
    orders = plan(content, order(Element.TEXT, 1, None, place), order(Element.FORM_FIELD, 1, Op.DROP, place))
    (first, *_) = rebuild(content, orders, MARK).pages
    assert first.boxes == (Box(400, 1200, 200, 104),)


def drawn(data: bytes, path: Path, number: int = 1) -> np.ndarray:
    """The page as another reader draws it, at the resolution that it was written in."""
    (path / "out.pdf").write_bytes(data)
    subprocess.run(
        ["pdftoppm", "-r", "200", "-f", str(number), "-l", str(number), "-png", "out.pdf", "out"], cwd=path, check=True
    )  # fmt: skip
    (shown,) = path.glob("out-*.png")
    return np.asarray(Image.open(shown).convert("L"), np.int16)


@needs("pdftoppm")
def test_another_reader_draws_the_page_with_solid_boxes(tmp_path: Path) -> None:
    content = contract()
    rebuilt = rebuild(content, plan(content, *withholding(content, "Kowalski", "41.80")), MARK)
    shown = drawn(rebuilt.data, tmp_path)
    assert len(rebuilt.pages[0].boxes) == 2
    for box in rebuilt.pages[0].boxes:
        part = shown[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]
        assert part[2:-2, 2:-2].max() == 0, "but for the edges, which are drawn at half a pixel"
        shown[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px] = 255
    printed = np.asarray(grey(content.pages[0]), np.int16)
    assert (np.abs(shown - printed) > 50).mean() < 0.06, "only the mark and four levels tell the two apart"


@needs("pdftotext")
def test_the_text_reads_in_order_with_labels_where_something_is_withheld(tmp_path: Path) -> None:
    content = contract()
    orders = plan(content, *withholding(content, "Kowalski", code="PD-MIN"), pages=(1, 3))
    assert text_of(released(content, orders), tmp_path).split("\n") == [
        "Supply Agreement", "The seller is represented by Anneliese [withheld: PD-MIN]",
        "Price per piece: EUR 41.80", "供应协议 编号 4711", "\fCologne, 31 January 2026", "\f",
    ]  # fmt: skip


def test_what_shows_nothing_is_not_said() -> None:
    tricky = page([Line("zero\u200bwidth soft\u00adhyphen tab\tbed right\u202eleft", 100)])
    content = document(tricky, pixels={1: np.full((A4_PX[1], A4_PX[0]), 255, np.uint8)})
    table = next(stream for stream in streams(released(content, plan(content))) if b"beginbfchar" in stream)
    spelled = {
        bytes.fromhex(one.decode()).decode("utf-16-be")
        for one in re.findall(rb"> <([0-9A-F]+)>\n", table.partition(b"beginbfchar")[2])
    }
    assert spelled == set("zerowidth softhyphen tab bed rightleft")


@needs("qpdf")
def test_qpdf_has_nothing_to_say(tmp_path: Path) -> None:
    content = contract()
    (tmp_path / "out.pdf").write_bytes(released(content, plan(content, *withholding(content, "Kowalski"))))
    told = subprocess.run(["qpdf", "--check", "out.pdf"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "WARNING" not in told.stdout + told.stderr


@needs("pdfinfo")
def test_nothing_is_said_about_the_document(tmp_path: Path) -> None:
    (tmp_path / "out.pdf").write_bytes(released(contract(), plan(contract())))
    told = subprocess.run(["pdfinfo", "out.pdf"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    names = {line.partition(":")[0] for line in told.splitlines()}
    assert not names & {"Title", "Author", "Creator", "Producer", "CreationDate", "ModDate", "Subject", "Keywords"}
    assert re.search(r"JavaScript: +no", told)
    assert re.search(r"Metadata Stream: +no", told)


def test_one_end_and_nothing_behind_it() -> None:
    data = released(contract(), plan(contract()))
    assert data.count(b"%%EOF") == 1
    assert data.endswith(b"\n%%EOF\n")


def test_a_document_without_a_word_has_no_font() -> None:
    content = document(page([], SMALL_PX))
    data = released(content, plan(content))
    assert b"/Font" not in data
    assert b"/Count 1 /Kids [3 0 R]" in data


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 17])
def test_samples_are_packed_to_the_nearest_level(bits: int, width: int) -> None:
    rows = np.arange(width * 300).reshape(300, width).astype(np.uint8)
    packed = pixels.packed(rows, bits)
    most, each = (1 << bits) - 1, 8 // bits
    spelled = [
        [(int(octet) >> (8 - bits * place)) & most for octet in row for place in range(1, each + 1)] for row in packed
    ]
    nearest = [[int(level * most / 255 + 0.5) for level in row] + [0] * (-width % each) for row in rows.tolist()]
    assert spelled == nearest


NOISE = np.random.default_rng(5)
SMOOTH = Image.Resampling.BICUBIC
PICTURES: dict[str, tuple[np.ndarray, bytes]] = {
    "print": (np.asarray(grey(page([Line("printed", 100)], SMALL_PX))), b"/DeviceGray /BitsPerComponent 2"),
    "flat grey": (np.full((600, 800), 110, np.uint8), b"/DeviceGray /BitsPerComponent 4"),
    "grey that came as colour": (np.full((600, 800, 3), 255, np.uint8), b"/DeviceGray /BitsPerComponent 2"),
    "flat colour": (np.full((600, 800, 3), (250, 60, 60), np.uint8), b"/DeviceRGB /BitsPerComponent 4"),
    "one red dot": (
        np.where(np.arange(600 * 800 * 3).reshape(600, 800, 3) == 700_002, 0, 255).astype(np.uint8),
        b"/DeviceRGB /BitsPerComponent 4",
    ),
    "photo": (
        np.asarray(Image.fromarray(NOISE.integers(0, 255, (30, 40, 3), np.uint8)).resize(SMALL_PX, SMOOTH)),
        b"/DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode",
    ),
    "grey photo": (
        np.asarray(Image.fromarray(NOISE.integers(0, 255, (30, 40), np.uint8)).resize(SMALL_PX, SMOOTH)),
        b"/DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raster", "head"), PICTURES.values(), ids=PICTURES)
def test_every_page_is_written_in_the_form_that_fits_it(raster: np.ndarray, head: bytes) -> None:
    content = document(page([], SMALL_PX), pixels={1: raster})
    data = released(content, plan(content))
    assert head in data
    assert len(data) < 800 * 600 / 2 + 2000


def test_a_page_of_noise_is_refused() -> None:
    content = document(page([], SMALL_PX), pixels={1: NOISE.integers(0, 256, (600, 800, 3), np.uint8)})
    with pytest.raises(PageTooLarge, match="Page 1"):
        rebuild(content, plan(content), MARK)


def test_pixels_are_asked_for_page_by_page_and_only_of_pages_that_leave() -> None:
    asked: list[int] = []
    content = contract()

    def raster(number: int) -> bytes:
        asked.append(number)
        return content.raster(number)

    rebuild(Pages(content.pages, raster, content.parts, content.media_type), plan(content, pages=(1, 3)), MARK)
    assert asked == [1, 3]


def test_the_font_is_one_that_a_font_library_opens() -> None:
    from PIL import ImageFont

    font = ImageFont.truetype(io.BytesIO(shapeless_font()), 100)
    assert font.getlength("x") == 50
    assert font.getmask("x").getbbox() is None
