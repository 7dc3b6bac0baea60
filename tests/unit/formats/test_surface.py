"""What regions are drawn on, format by format: in the pixels that they are counted in, with everything that is seen."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.base.canon import Json
from gateway.detect.text import classes_of
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import DOCX, DocumentDocx
from gateway.formats.document_eml import EML, DocumentEml
from gateway.formats.drawing import DXF, SVG, DrawingFormat
from gateway.formats.drawing import PARSE_TASKS as DRAWING_TASKS
from gateway.formats.model import Box, Drawing, Pages
from gateway.formats.picture import PictureFormat
from gateway.formats.pixels import Pixels
from gateway.formats.ports import Format
from gateway.formats.problems import NoSuchPage
from gateway.formats.structured import StructuredFormat
from gateway.formats.surface import Spot
from gateway.formats.table_csv import TableCsv
from gateway.formats.video import PARSE_TASKS as VIDEO_TASKS
from gateway.formats.video import VideoFormat
from gateway.sandbox.ports import Layer, Limits, Reply, Sandbox
from gateway.sandbox.process import ProcessSandbox
from tests.support import documents, drawings, videos, word

PDF, PNG, GIF, MP4 = "application/pdf", "image/png", "image/gif", "video/mp4"
FIRST = Spot()
TASKS = (
    *(f"gateway.formats.parse_{name}:parse" for name in ("picture", "pdf", "docx", "eml")),
    "gateway.formats.draw_typed:draw",
    *DRAWING_TASKS.values(),
    *VIDEO_TASKS,
)
MESSAGE = Path(__file__).resolve().parents[2] / "vectors" / "message" / "original.eml"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox(TASKS)
    yield walls
    walls.close()


class Watched:
    """The real sandbox, and what a child was asked."""

    def __init__(self, sandbox: ProcessSandbox) -> None:
        self.sandbox, self.requests = sandbox, list[Mapping[str, Json]]()

    def layers(self) -> frozenset[Layer]:
        return self.sandbox.layers()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        self.requests.append(request)
        return self.sandbox.run(task, request, untrusted, limits)

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        return self.sandbox.stream(task, request, untrusted, limits)


def look(sandbox: Sandbox, form: Format, media_type: str, data: bytes, spot: Spot = FIRST) -> Pixels:
    """As a person sees it: decoded from the PNG by another library than ours."""
    png = form.look(data, media_type, sandbox, spot).png()
    with Image.open(io.BytesIO(png)) as shown:
        assert (shown.format, shown.info) == ("PNG", {})
        return np.asarray(shown.convert("RGB"))


def inside(shown: Pixels, box: Box) -> Pixels:
    return shown[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]


def test_a_picture_is_shown_pixel_by_pixel_and_of_several_the_first(sandbox: ProcessSandbox) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (40, 60, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    assert np.array_equal(look(sandbox, PictureFormat(), PNG, out.getvalue()), pixels)
    out = io.BytesIO()
    first, second = Image.new("RGB", (30, 20), (200, 0, 0)), Image.new("RGB", (30, 20), (0, 0, 200))
    first.save(out, "GIF", save_all=True, append_images=[second])
    assert np.array_equal(look(sandbox, PictureFormat(), GIF, out.getvalue()), np.full((20, 30, 3), (200, 0, 0)))


def test_a_page_is_that_page_and_no_other_is_read_for_it(sandbox: ProcessSandbox) -> None:
    data = documents.document(*(["Framework agreement", f"Section {number}"] for number in range(1, 7)))
    form = DocumentFormat(classes_of)
    content: Pages = form.read(data, PDF, sandbox)
    watched = Watched(sandbox)
    shown = look(watched, form, PDF, data, Spot(5))
    page = content.pages[4]
    assert shown.shape == (page.height_px, page.width_px, 3)
    assert np.array_equal(shown[:, :, 0].ravel(), np.frombuffer(content.raster(5), np.uint8))
    assert all((inside(shown, one.box) < 128).any() for one in page.words)
    assert [one["what"] for one in watched.requests] == ["outline", "words", "raster"]
    assert watched.requests[1] == {"what": "words", "pages": [{"number": 5}]}


@pytest.mark.parametrize("form", [DocumentDocx(classes_of), DocumentEml(classes_of)], ids=lambda form: form.name)
def test_what_is_typed_anew_is_shown_as_it_was_set(sandbox: ProcessSandbox, form: Format) -> None:
    data, media_type = (word.agreement(), DOCX) if form.name == "document-docx" else (MESSAGE.read_bytes(), EML)
    content = form.read(data, media_type, sandbox)
    assert isinstance(content, Pages)
    shown = look(sandbox, form, media_type, data)
    page = content.pages[0]
    assert shown.shape == (page.height_px, page.width_px, 3)
    assert all((inside(shown, one.box) < 128).any() for one in page.words)


@pytest.mark.parametrize("media_type", [DXF, SVG])
def test_a_drawing_is_shown_on_its_canvas_with_everything_on_it(sandbox: ProcessSandbox, media_type: str) -> None:
    if media_type == DXF:
        drawing = drawings.outlined()
        drawings.text(drawing.modelspace(), "Werk 9 Kaltblau", (5, 5), "TOOLING")
        data = drawings.dxf(drawing)
    else:
        data = drawings.svg('<g id="NOTES"><text x="60" y="80" font-size="20">Werk 9 Kaltblau</text></g>')
    form = DrawingFormat(classes_of)
    content: Drawing = form.read(data, media_type, sandbox)
    shown = look(sandbox, form, media_type, data)
    assert shown.shape[:2] == content.size_px[::-1]
    assert any(text.text == "Werk 9 Kaltblau" for text in content.texts)
    for text in content.texts:
        assert (inside(shown, text.box) < 200).any(), text.text
    rows, columns = np.nonzero((shown < 200).any(axis=2))
    rims = (rows.min(), columns.min(), shown.shape[0] - rows.max(), shown.shape[1] - columns.max())
    assert max(rims) < 40, "it fills its canvas"


def test_a_video_is_shown_for_a_moment(sandbox: ProcessSandbox) -> None:
    data = videos.video()
    for at_ms, number in ((0, 0), (400, 10), (1199, 29)):
        shown = look(sandbox, VideoFormat(), MP4, data, Spot(at_ms=at_ms)).astype(int)
        assert shown.shape == (480, 640, 3)
        wanderer = slice(250, 270), slice(50 + 4 * number, 70 + 4 * number)
        assert (shown[wanderer][:, :, 0] - shown[wanderer][:, :, 2] > 120).all(), "red, where it is then"
    with pytest.raises(NoSuchPage, match="ends at 1200 ms"):
        look(sandbox, VideoFormat(), MP4, data, Spot(at_ms=1200))


@pytest.mark.parametrize("spot", [Spot(2), Spot(10_000), Spot(at_ms=1)])
def test_there_is_no_other_page_and_no_time_where_nothing_moves(sandbox: ProcessSandbox, spot: Spot) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20)).save(out, "PNG")
    with pytest.raises(NoSuchPage):
        look(sandbox, PictureFormat(), PNG, out.getvalue(), spot)
    with pytest.raises(NoSuchPage):
        look(sandbox, DocumentFormat(classes_of), PDF, documents.document(["One"]), spot)


def test_a_table_and_a_text_have_no_pages(sandbox: ProcessSandbox) -> None:
    for form, media_type in ((TableCsv(classes_of), "text/csv"), (StructuredFormat(classes_of), "text/plain")):
        with pytest.raises(NoSuchPage, match="its fields are listed"):
            look(sandbox, form, media_type, b"Customer,Country\nNordwind,DE\n")
