"""Promise 2: every rendition is rebuilt, read again, searched and marked; what cannot pass is refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from gateway.base.problems import Unprocessable
from gateway.formats.model import Content, Mark, Plan, Rebuilt
from gateway.formats.picture import PictureFormat
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.marks.visible import mark_mask
from gateway.render.model import Rendition, State
from tests.support import journey, originals
from tests.support.guards import gate_passes_everything
from tests.support.originals import Planted, planted
from tests.support.workbooks import XLSX, cells
from tests.support.world import World

LABELS = tuple(originals.FORMATS)
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
    with Image.open(io.BytesIO(data)) as opened:
        luma = np.asarray(opened.convert("L"), np.float64)
        mask = mark_mask(opened.size, mark.text)
    open_to_sight = luma > 0
    contrast = luma[(mask > 60) & open_to_sight].mean() - luma[(mask < -60) & open_to_sight].mean()
    assert contrast > LEAST_CONTRAST, f"no mark in the pixels: contrast {contrast:.0f}"


def assert_nothing_unproven(rendition: Rendition) -> None:
    """Not clean, with a reason, and without a byte that anything could be made of."""
    assert rendition.state in (State.BLOCKED, State.REFUSED), f"it passed as {rendition.state}"
    assert rendition.reason
    assert rendition.object_id is None


def bypass(patch: pytest.MonkeyPatch, one: Planted) -> None:
    """Instead of rebuilding, the formats hand the original's bytes on."""
    for form in (TableCsv, TableWorkbook, PictureFormat):
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
            return Rebuilt(one.data, made.media_type, made.redactions, made.headers, made.boxes, made.size_px)

        patch.setattr(form, "rebuild", passed)


@pytest.mark.parametrize("label", LABELS)
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
    monkeypatch.setattr("gateway.marks.visible.burn_in", lambda _pixels, _text: None)
    monkeypatch.setattr("gateway.marks.visible.table_cell", lambda _text: "unmarked")
    assert_nothing_unproven(journey.rendered(world, [planted(label)]).renditions[label])


@pytest.mark.parametrize("label", LABELS)
def test_a_mark_for_somebody_else_is_blocked(world: World, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.marks import visible

    burn, cell = visible.burn_in, visible.table_cell
    other = "Somebody Else Entirely Ltd · rel_00000000000000000000000000 · 1999-01-01"
    monkeypatch.setattr(visible, "burn_in", lambda pixels, _text: burn(pixels, other))
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
    with pytest.raises((AssertionError, ValueError, KeyError)):
        assert_marked(world, rendition, bytes_of(world, rendition))
