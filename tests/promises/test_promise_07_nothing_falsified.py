"""Promise 7: whatever leaves is true; it may be less than the original, but nothing in it is another thing."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

from gateway.formats import changes, transforms
from gateway.formats.coded import Coded
from gateway.formats.model import Box, Op, Transform
from gateway.marks.visible import burn_in
from gateway.render.model import Rendition
from tests.support import journey, originals
from tests.support.journey import Journey
from tests.support.originals import FACE, UNNAMED, WORK_AREA, Planted, Sheet, planted
from tests.support.world import World

Row = dict[str, str]
Changer = Callable[[str], str]

PHOTOS = ("photo_jpeg", "photo_png")
MARK_COLUMN = "Released copy"
PSEUDONYM = re.compile(r"[A-Z]-[0-9A-HJKMNP-TV-Z]{8}(?:[0-9A-HJKMNP-TV-Z]{8})?")
BOX_GRID_PX = 16
# The encoder's blocks of 8 × 8 pixels carry a little of a stroke's edge to its neighbours.
LEVELS_MAX, LEVELS_MEAN = 24, 3.0


@dataclass(frozen=True)
class Told:
    """How a column of the rendition follows from one of the original: as it stands, a range, a quarter, or a name."""

    title: str
    header: str
    how: str


# The column of either table in which every row has a value of its own, by which rows are found again.
KEY = "Civil application"

COLUMNS = {
    "customer_list": (
        Told("Customer number [pseudonym]", "Customer no.", "name"),
        Told("Customer [pseudonym]", "Customer", "name"),
        Told("Country", "Country", "same"),
        Told("End user [pseudonym in part]", "End user", "same or name"),
        Told("End user of this licence", "Licensed", "same"),
        Told("Civil application", KEY, "same"),
        Told("Share of sales [range, %]", "Share of sales (%)", "range"),
        Told("Annual volume [range, kg]", "Volume (kg)", "range"),
        Told("Customer since [range]", "Since", "range"),
    ),
    "order_book": (
        Told("Order number [pseudonym]", "Order no.", "name"),
        Told("Customer [pseudonym]", "Customer", "name"),
        Told("End user [pseudonym]", "End user", "name"),
        Told("Part number [pseudonym]", "Part number", "name"),
        Told("Magnet grade", "Grade", "same"),
        Told("Controlled rare earth", "Rare earth", "same"),
        Told("Rare-earth content [kg]", "RE content (kg)", "same"),
        Told("Quantity [range, kg]", "Qty (kg)", "range"),
        Told("Number of pieces [range, pcs]", "Pieces", "range"),
        Told("Order date [quarter]", "Order date", "quarter"),
        Told("Delivery date [quarter]", "Delivery date", "quarter"),
        Told("Destination", "Destination", "same"),
        Told("Civil application", KEY, "same"),
    ),
}


def replaced(sheet: Sheet, header: str, cells: tuple[str, ...]) -> Sheet:
    """The sheet with other cells under `header`, told over again where the rows are more."""
    place = sheet.headers.index(header)
    return Sheet(
        sheet.headers,
        tuple((*row[:place], cells[at % len(cells)], *row[place + 1 :]) for at, row in enumerate(sheet.rows)),
    )


def sheets() -> dict[str, Sheet]:
    """Both tables with the same customers, unique keys, and numbers and days that lie on the edges of ranges."""
    customers, orders = originals.customers(), originals.orders()
    uses = tuple(f"Use {chr(65 + at)}{chr(75 + at)}" for at in range(len(customers.rows)))
    customers = replaced(customers, KEY, uses)
    customers = replaced(
        customers, "Share of sales (%)", ("0", "1", "5", "10", "25", "50", "49.9", "0,9", "4.95", "9,99", "24.9", "80")
    )
    customers = replaced(
        customers, "Volume (kg)", ("0.5", "10", "100", "500", "1000", "5000", "1.000,5", "4,999.5", "499.9", "99.95")
    )
    customers = replaced(customers, "Since", ("1990", "2000", "2005", "2010", "2015", "2020", "2025", "1989", "2019"))
    orders = replaced(orders, KEY, uses[::-1])
    orders = replaced(orders, "Customer", customers.column("Customer")[:5])
    orders = replaced(orders, "Qty (kg)", ("1", "10", "100", "500", "1000", "99.95", "499,95", "5000", "12345.5"))
    orders = replaced(orders, "Pieces", ("1", "10", "100", "1000", "10000", "100000", "999", "9999", "99999"))
    orders = replaced(
        orders, "Order date", ("2025-01-01", "2025-03-31", "01.04.2025", "30.06.2025", "2025/7/1", "2025年9月30日",
                               "2025-10-01", "2025-12-31"),
    )  # fmt: skip
    return {"customer_list": customers, "order_book": orders}


SHEETS = sheets()


def table(label: str) -> Planted:
    """This table as uploaded."""
    return planted(label).with_data(SHEETS[label].csv(";" if label == "order_book" else ","))


def rows(data: bytes) -> list[Row]:
    """The rows of a released table by title."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


# What is true of a cell.


def quarter(cell: str) -> str:
    """The quarter of a day in any of the spellings above, computed without the gateway."""
    parts = [int(part) for part in re.findall(r"\d+", cell)]
    year, month = (parts[0], parts[1]) if parts[0] > 31 else (parts[2], parts[1])
    return f"{year}-Q{1 + (month - 1) // 3}"


def amount(cell: str) -> Decimal:
    """The number, where the last of point and comma is the decimal one."""
    whole, point, fraction = re.fullmatch(r"(.*?)(?:([.,])(\d*))?", cell).groups("")  # type: ignore[union-attr]
    return Decimal(re.sub(r"[.,]", "", whole) + (f".{fraction}" if point else ""))


def holds(interval: str, value: Decimal) -> bool:
    """Whether the range, as a reader takes it, holds the value."""
    bare = re.sub(r"[^0-9.<≥–-]", "", interval)
    if bare.startswith("<"):
        return value < Decimal(bare[1:])
    if bare.startswith("≥"):
        return value >= Decimal(bare[1:])
    low, high = bare.split("–<")
    return Decimal(low) <= value < Decimal(high)


def is_true(told: Told, cell: str, original: str) -> bool:
    """Whether the cell follows from its own input, bit for bit where it is shown as it stands."""
    match told.how:
        case "same":
            return cell == original
        case "range":
            return holds(cell, amount(original))
        case "quarter":
            return cell == quarter(original)
        case "name":
            return PSEUDONYM.fullmatch(cell) is not None
    return cell == original or PSEUDONYM.fullmatch(cell) is not None


def assert_true(label: str, released: list[Row]) -> None:
    """Every row of the original is there once, no column is new, and every cell is true of its own input."""
    columns, sheet = COLUMNS[label], SHEETS[label]
    assert list(released[0]) == [*(told.title for told in columns), MARK_COLUMN]
    inputs = {row[sheet.headers.index(KEY)]: dict(zip(sheet.headers, row, strict=True)) for row in sheet.rows}
    assert Counter(row[KEY] for row in released) == Counter(inputs.keys())
    for row in released:
        for told in columns:
            original = inputs[row[KEY]][told.header]
            assert is_true(told, row[told.title], original), f"{told.title}: {row[told.title]} of {original}"
            if told.how.startswith("same") and not PSEUDONYM.fullmatch(row[told.title]):
                assert row[told.title] in sheet.column(told.header)


def plain(label: str, released: list[Row]) -> Counter[tuple[str, ...]]:
    """The rows as a multiset without what is keyed to one release: pseudonyms and the mark."""
    titles = [told.title for told in COLUMNS[label]]
    return Counter(tuple("~" if PSEUDONYM.fullmatch(row[name]) else row[name] for name in titles) for row in released)


def assert_agree(label: str, one: list[Row], other: list[Row]) -> None:
    """Two copies of one original never show different numbers, ranges or days."""
    assert plain(label, one) == plain(label, other)


def names(label: str, header: str, released: list[Row]) -> dict[str, set[str]]:
    """Original value → the pseudonyms under which it stands in the released rows."""
    sheet = SHEETS[label]
    inputs = dict(zip(sheet.column(KEY), sheet.column(header), strict=True))
    title = next(told.title for told in COLUMNS[label] if told.header == header)
    found: dict[str, set[str]] = {}
    for row in released:
        found.setdefault(inputs[row[KEY]], set()).add(row[title])
    return found


def assert_equal_customers_equal_names(released: dict[str, list[Row]]) -> dict[str, str]:
    """Within a release one customer has one pseudonym in both tables, and no two share one; name → pseudonym."""
    both: dict[str, set[str]] = {}
    for label in COLUMNS:
        for customer, found in names(label, "Customer", released[label]).items():
            both.setdefault(customer, set()).update(found)
    assert all(len(found) == 1 for found in both.values())
    single = {customer: found.pop() for customer, found in both.items()}
    assert len(set(single.values())) == len(single)
    assert all(PSEUDONYM.fullmatch(name) and name.startswith("P-") for name in single.values())
    return single


# Two hops' copies of the same originals.


@pytest.fixture(scope="module")
def hops(world: World) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Label → released bytes, for both hops; the photographs go to the first alone, where nothing is keyed."""
    everything = [*map(table, COLUMNS), *map(planted, PHOTOS)]
    matter = world.matter()
    one = journey.dispatched(world, everything, hop=journey.PORTAL, matter=matter)
    other = journey.again(world, everything[: len(COLUMNS)], one, hop=journey.SEALED)
    world.review(other.release)
    world.approve_all(other.release)
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], other.release.id)
    return released(world, one), released(world, other)


def released(world: World, made: Journey) -> dict[str, bytes]:
    """Label → the file in the dispatched package."""
    files = journey.files(journey.package(world, world.gateway.releases.get(made.release.id)))
    found = {label: name for label in COLUMNS for name in files if name.startswith(f"files/{label.replace('_', '-')}")}
    endings = {"photo_jpeg": ".jpg", "photo_png": ".png"}
    found |= {label: name for label, ending in endings.items() for name in files if name.endswith(ending)}
    return {label: files[name] for label, name in found.items()}


@pytest.mark.parametrize("label", COLUMNS)
def test_every_cell_is_true_of_its_own_input(label: str, hops: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    for hop in hops:
        assert_true(label, rows(hop[label]))


@pytest.mark.parametrize("label", COLUMNS)
def test_two_hops_never_show_different_numbers(label: str, hops: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    one, other = (rows(hop[label]) for hop in hops)
    assert_agree(label, one, other)
    assert {row[MARK_COLUMN] for row in one}.isdisjoint(row[MARK_COLUMN] for row in other)


def test_a_customer_has_one_name_per_release_and_another_in_the_next(
    hops: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    one, other = (assert_equal_customers_equal_names({label: rows(hop[label]) for label in COLUMNS}) for hop in hops)
    assert one.keys() == other.keys()
    assert set(one.values()).isdisjoint(other.values())


def test_pseudonyms_are_marked_as_such(hops: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    """Title and prefix say so in every copy, and no original cell looks like one."""
    for label, columns in COLUMNS.items():
        for told in columns:
            assert ("name" in told.how) == ("[pseudonym" in told.title)
            assert not any(PSEUDONYM.fullmatch(cell) for cell in SHEETS[label].column(told.header))
        for hop in hops:
            for told in columns:
                if told.how == "name":
                    assert all(PSEUDONYM.fullmatch(row[told.title]) for row in rows(hop[label]))


# Photographs.


def pixels(data: bytes) -> NDArray[np.int16]:
    """Rows × columns × RGB."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.int16)


def boxes() -> Iterator[tuple[slice, slice]]:
    """Where boxes must be in the rendition: the drawn regions in the work area, grown to the grid."""
    for region in (FACE, UNNAMED):
        yield _grown(region, "top_px", "height_px"), _grown(region, "left_px", "width_px")


def _grown(region: Box, start: str, length: str) -> slice:
    low = getattr(region, start) - getattr(WORK_AREA, start)
    high = low + getattr(region, length)
    return slice(low // BOX_GRID_PX * BOX_GRID_PX, -(-high // BOX_GRID_PX) * BOX_GRID_PX)


def strokes(size_px: tuple[int, int], mark_text: str) -> NDArray[np.bool_]:
    """Where the mark changes a black picture or a white one: nowhere else may it change any."""
    changed = np.zeros(size_px[::-1], np.bool_)
    for level in (0, 255):
        picture = np.full(size_px[::-1], level, np.uint8)
        burn_in(picture, mark_text)
        changed |= picture != level
    return changed


def assert_picture_true(shown: bytes, original: bytes, mark_text: str, levels_max: int) -> None:
    """Outside boxes and strokes every pixel is the original's; inside a box there is one colour."""
    got, whole = pixels(shown), pixels(original)
    area = WORK_AREA
    expected = whole[area.top_px : area.top_px + area.height_px, area.left_px : area.left_px + area.width_px]
    assert got.shape == expected.shape
    free = ~strokes((area.width_px, area.height_px), mark_text)
    assert free.mean() > 0.5
    for down, across in boxes():
        free[down, across] = False
        assert np.ptp(got[down, across].reshape(-1, 3), axis=0).max() <= 2
    difference = np.abs(got - expected).max(axis=2)[free]
    assert difference.max() <= levels_max
    assert difference.mean() <= min(LEVELS_MEAN, levels_max)


@pytest.fixture(scope="module")
def marks(hops: tuple[dict[str, bytes], dict[str, bytes]]) -> tuple[str, ...]:
    """The mark of either release, as it stands in its tables."""
    return tuple(rows(hop["customer_list"])[0][MARK_COLUMN] for hop in hops)


@pytest.mark.parametrize("label", PHOTOS)
def test_pixels_are_those_of_the_original(
    label: str, hops: tuple[dict[str, bytes], dict[str, bytes]], marks: tuple[str, ...]
) -> None:
    levels = LEVELS_MAX if label == "photo_jpeg" else 0
    assert_picture_true(hops[0][label], planted(label).data, marks[0], levels)


# Without the guards.


def shown(world: World, rendition: Rendition) -> list[Row]:
    """The rows of a rendition that has not left."""
    opened = world.gateway.openings.open(world.actors["legal1"].person_id, rendition.object_id or "", rendition.id)
    with opened as stored:
        return rows(stored.read())


@pytest.fixture(scope="module")
def uploaded(world: World) -> Journey:
    """Both tables in a draft, rendered honestly."""
    return journey.rendered(world, map(table, COLUMNS))


_LITTLE = Decimal("0.0001")


def rerendered(world: World, label: str, before: Journey) -> list[Row]:
    """The same original for the other hop, rendered as the gateway now is."""
    made = journey.again(world, [table(label)], before, hop=journey.SEALED)
    return shown(world, made.renditions[label])


def test_a_range_that_is_off_by_one_at_its_edge_is_noticed(
    world: World, uploaded: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = changes.changed

    def off_by_one(transform: Transform, value_type: str, cells: pl.Series) -> Coded:
        if transform.op is Op.BUCKET:
            cells = cells.map_elements(
                lambda text: text and f"{transforms.number(text) - Decimal('0.0001'):f}", pl.String
            )
        return honest(transform, value_type, cells)

    before = shown(world, uploaded.renditions["customer_list"])
    assert_true("customer_list", before)
    monkeypatch.setattr("gateway.formats.columns.changed", off_by_one)
    after = rerendered(world, "customer_list", uploaded)
    with pytest.raises(AssertionError, match="range"):
        assert_true("customer_list", after)
    with pytest.raises(AssertionError):
        assert_agree("customer_list", before, after)


def test_a_quarter_that_begins_a_month_early_is_noticed(
    world: World, uploaded: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = transforms._truncate
    monkeypatch.setattr(
        transforms, "_truncate", lambda period: lambda text: honest(period)(text.replace("2025-03-31", "2025-04-01"))
    )
    after = rerendered(world, "order_book", uploaded)
    with pytest.raises(AssertionError, match="quarter"):
        assert_true("order_book", after)


def test_noise_on_a_number_is_noticed(world: World, uploaded: Journey, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = changes.changed

    def noisy(transform: Transform, value_type: str, cells: pl.Series) -> Coded:
        shown = honest(transform, value_type, cells)
        if transform.op is not Op.ALLOW or value_type != "decimal":
            return shown
        return shown.mapped(lambda text: text and f"{Decimal(text) + Decimal('0.01')}")

    before = shown(world, uploaded.renditions["order_book"])
    assert_true("order_book", before)
    monkeypatch.setattr("gateway.formats.columns.changed", noisy)
    after = rerendered(world, "order_book", uploaded)
    with pytest.raises(AssertionError, match="Rare-earth content"):
        assert_true("order_book", after)
    with pytest.raises(AssertionError):
        assert_agree("order_book", before, after)


def test_a_name_keyed_to_the_table_instead_of_the_release_is_noticed(
    hops: tuple[dict[str, bytes], dict[str, bytes]],
) -> None:
    """Tables of two different releases side by side stand for pseudonyms that do not agree."""
    mixed = {"customer_list": rows(hops[0]["customer_list"]), "order_book": rows(hops[1]["order_book"])}
    with pytest.raises(AssertionError):
        assert_equal_customers_equal_names(mixed)


def test_a_retouched_pixel_and_a_box_that_is_not_solid_are_noticed(
    hops: tuple[dict[str, bytes], dict[str, bytes]], marks: tuple[str, ...]
) -> None:
    honest = Image.open(io.BytesIO(hops[0]["photo_png"])).convert("RGB")
    free = ~strokes(honest.size, marks[0])
    outside = next((int(x), int(y)) for y, x in zip(*np.nonzero(free), strict=True))
    down, across = next(boxes())
    for place in (outside, (across.start + 3, down.start + 3)):
        picture = honest.copy()
        picture.putpixel(place, (255, 0, 255))
        sink = io.BytesIO()
        picture.save(sink, "PNG", compress_level=1)
        with pytest.raises(AssertionError):
            assert_picture_true(sink.getvalue(), planted("photo_png").data, marks[0], 0)
