"""Promise 2: every rendition is rebuilt, read again, searched and marked; what cannot pass is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from gateway.base.problems import Unprocessable
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.document_eml import DocumentEml
from gateway.formats.drawing import DrawingFormat
from gateway.formats.model import Content, Mark, Plan, Rebuilt
from gateway.formats.picture import PictureFormat
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.formats.video import VideoFormat
from gateway.marks import visible
from gateway.render.model import Rendition, State
from tests.support import journey, originals, videos
from tests.support.guards import gate_passes_everything
from tests.support.originals import Planted, planted
from tests.support.workbooks import XLSX, cells
from tests.support.world import World

LABELS = originals.LABELS
LEAST_CONTRAST = 35


def bytes_of(world: World, rendition: Rendition) -> bytes:
    with world.gateway.units.read() as session:
        return world.gateway.renders.part(session, rendition.object_id)


def assert_marked(world: World, rendition: Rendition, data: bytes) -> None:
    """The recipient, the release and the day are on every row, or in the pixels."""
    mark = world.gateway.releases.frame(rendition.release).mark
    assert rendition.release in mark.text
    if rendition.media_type == "text/csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
        assert rows[1:], "an empty table"
        assert {row[-1] for row in rows[1:]} == {mark.text}, "a row without its mark"
        return
    if rendition.media_type == XLSX:
        rows = cells(data)
        assert rows[1:], "an empty table"
        assert {row[-1] for row in rows[1:]} == {mark.text}, "a row without its mark"
        return
    for picture, lattice in pictures_in(data, rendition.media_type or ""):
        luma = np.asarray(picture.convert("L"), np.float64)
        mask = visible.mark_mask(picture.size, mark.text, lattice)
        open_to_sight = luma > 0
        contrast = luma[(mask > 60) & open_to_sight].mean() - luma[(mask < -60) & open_to_sight].mean()
        assert contrast > LEAST_CONTRAST, f"no mark in the pixels: contrast {contrast:.0f}"


def pictures_in(data: bytes, media_type: str) -> Iterator[tuple[Image.Image, visible.Lattice]]:
    """Every picture, page or frame that a rendition shows, and how it is marked."""
    if media_type == "application/pdf":
        for page in pypdfium2.PdfDocument(data):
            yield page.render(scale=200 / 72).to_pil(), visible.PAGE
    elif media_type == "video/mp4":
        yield from ((frame.to_image(), visible.FILM) for frame in videos.decoded(data))
    else:
        with Image.open(io.BytesIO(data)) as opened:
            yield opened, visible.PICTURE


def assert_nothing_unproven(rendition: Rendition) -> None:
    """Not clean, with a reason, and without a byte that anything could be made of."""
    assert rendition.state in (State.BLOCKED, State.REFUSED), f"it passed as {rendition.state}"
    assert rendition.reason
    assert rendition.object_id is None


def bypass(patch: pytest.MonkeyPatch, one: Planted) -> None:
    """Instead of rebuilding, the formats hand the original's bytes on."""
    for form in (TableCsv, TableWorkbook, PictureFormat, DocumentDocx, DocumentEml, DrawingFormat, VideoFormat):
        rebuild: Callable[..., Rebuilt] = form.rebuild

        def passed(
            self: object,
            content: Content,
            plan: Plan,
            mark: Mark,
            secret: bytes,
            inner: Callable[..., Rebuilt] = rebuild,
        ) -> Rebuilt:
            made = inner(self, content, plan, mark, secret)
            return replace(made, data=one.data)

        patch.setattr(form, "rebuild", passed)


@pytest.mark.parametrize("label", originals.labels("contract_docx", "mail_eml", "video_mp4"))
def test_a_rendition_carries_its_mark_and_its_report(world: World, label: str) -> None:
    rendition = journey.rendered(world, [planted(label)]).renditions[label]
    assert rendition.state is State.CLEAN, rendition.reason
    assert_marked(world, rendition, bytes_of(world, rendition))
    with world.gateway.units.read() as session:
        report = world.gateway.renders.part(session, rendition.residue_object)
    for check in (b"structure", b"mark", b"values"):
        assert check in report
    assert not any(secret.encode() in report for secret in planted(label).secrets)


@pytest.mark.parametrize("label", LABELS)
def test_bytes_passed_through_are_blocked(world: World, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bypass(monkeypatch, planted(label))
    assert_nothing_unproven(journey.rendered(world, [planted(label)]).renditions[label])


@pytest.mark.parametrize("label", LABELS)
def test_an_unmarked_rendition_is_blocked(world: World, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.marks.visible.burn_in", lambda *_: None)
    monkeypatch.setattr("gateway.marks.visible.Veil.lay", lambda *_: None)
    monkeypatch.setattr("gateway.marks.visible.table_cell", lambda _text: "unmarked")
    assert_nothing_unproven(journey.rendered(world, [planted(label)]).renditions[label])


@pytest.mark.parametrize("label", LABELS)
def test_a_mark_for_somebody_else_is_blocked(world: World, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    burn, cell, veil = visible.burn_in, visible.table_cell, visible.Veil
    other = "Somebody Else Entirely Ltd · rel_00000000000000000000000000 · 1999-01-01"
    monkeypatch.setattr(visible, "burn_in", lambda pixels, _text, *how: burn(pixels, other, *how))
    monkeypatch.setattr(visible, "Veil", lambda size_px, _text, *how: veil(size_px, other, *how))
    monkeypatch.setattr(visible, "table_cell", lambda _text: cell(other))
    assert_nothing_unproven(journey.rendered(world, [planted(label)]).renditions[label])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("production_photo", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n"),
        ("production_photo", b"8BPS\0\1" + bytes(64)),
        ("customer_list", b"PK\x03\x04" + bytes(64)),
        ("order_book", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)),
        ("customer_list", b"\x89PNG\r\n\x1a\n" + bytes(64)),
    ],
)
def test_a_format_that_cannot_be_rendered_is_refused_on_arrival(world: World, kind: str, data: bytes) -> None:
    matter = world.matter()
    with pytest.raises(Unprocessable) as caught:
        world.upload(matter, kind, data)
    assert caught.value.detail.endswith(".")
    assert world.gateway.intake.originals(matter.id) == ()


@pytest.mark.parametrize("label", LABELS)
def test_without_the_gate_bytes_would_pass_through(world: World, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bypass(monkeypatch, planted(label))
    gate_passes_everything(monkeypatch)
    rendition = journey.rendered(world, [planted(label)]).renditions[label]
    with pytest.raises(AssertionError, match="it passed"):
        assert_nothing_unproven(rendition)
    with pytest.raises((AssertionError, ValueError, KeyError, RuntimeError)):
        assert_marked(world, rendition, bytes_of(world, rendition))
