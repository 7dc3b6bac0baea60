"""The gate over what the rebuild really makes: lawful renditions pass, a rebuild that errs is caught."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gateway.formats.coded import Coded
from gateway.formats.model import Box, Case, Element, Instruction, Mark, Op, Picture, Plan, Table, Transform
from gateway.formats.picture import PictureFormat
from gateway.formats.table import OutTable, Writer
from gateway.formats.table_csv import TableCsv
from gateway.formats.write_csv import MEDIA_TYPE, written
from gateway.residue.gate import check
from gateway.residue.model import Kind, PictureExpectation, Report, TableExpectation, WithheldSet, WithheldValue
from tests.support.renditions import photo

MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SECRET = bytes(range(32))
ROWS = 400


def case(op: Op, **params: object) -> tuple[Case, ...]:
    return (Case((), Transform(op, params), 5, "TS", "rule"),)  # type: ignore[arg-type]


COLUMNS: tuple[tuple[str, str, tuple[Case, ...]], ...] = (
    ("End user", "text", case(Op.ALLOW)),
    ("Customer", "text", case(Op.PSEUDONYMISE, scope="release", prefix="P")),
    ("Quantity", "decimal", case(Op.BUCKET, edges=["10", "50", "100", "500", "1000", "5000"], unit="kg")),
    ("Shipped", "date", case(Op.TRUNCATE_DATE, to="quarter")),
    ("Serial", "text", case(Op.MASK, keep_last=2)),
    ("Country", "text", case(Op.ALLOW)),
    ("Price", "decimal", case(Op.DROP)),
    ("Contact", "text", case(Op.DROP)),
)


def table() -> Table:
    rng = random.Random(20260131)
    syllables = ["nord", "wind", "tor", "mag", "ener", "ost", "vent", "aero", "gen", "sol"]

    def name() -> str:
        return "".join(rng.choices(syllables, k=3)).title()

    rows = [
        (
            f"{name()} {rng.choice(['Turbines AG', '风电设备有限公司', 'S.p.A., Milano'])}",
            f"{name()} Motors {rng.choice(['GmbH', 'Ltd', 'K.K.'])}",
            rng.choice([str(rng.randrange(1, 9000)), f"{rng.randrange(1, 9000)},5", "500", "50"]),
            f"2025-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}",
            f"SN-{rng.randrange(10**6):06d}",
            rng.choice(["DE", "IT", "FR", "中国"]),
            f"{rng.randrange(10**6)}.{rng.randrange(100):02d}",
            f"{name().lower()}@{name().lower()}.example",
        )
        for _ in range(ROWS)
    ]
    headers = ("Endkunde", "Kunde", "Menge", "Versand", "Seriennr", "Land", "Preis", "Kontakt")
    return Table.of(headers, zip(*rows, strict=True))


def checked(original: Table, spoil: Callable[[bytes], bytes] = lambda data: data) -> Report:
    instructions = tuple(
        Instruction(f"column/{number}", title.lower(), Element.COLUMN, title, kind, cases)
        for number, (title, kind, cases) in enumerate(COLUMNS, start=1)
    )
    rebuilt = TableCsv(lambda _: frozenset()).rebuild(original, Plan(instructions), MARK, SECRET)
    shown = {"column/1", "column/6"}
    withheld = WithheldSet(
        tuple(
            WithheldValue(cell, f"column/{number} row {row}")
            for number, cells in enumerate(original.frame, start=1)
            for row, cell in enumerate(cells, start=1)
            if f"column/{number}" not in shown
        ),
        frozenset(cell for column in shown for cell in original.column(column)),
        frozenset({title for title, _, _ in COLUMNS}),
    )
    fields = {title: f"column/{number}" for number, (title, _, _) in enumerate(COLUMNS, start=1)}
    expected = TableExpectation(
        rebuilt.headers, tuple(fields[title] for title in rebuilt.headers[:-1]), MARK.text, ROWS
    )
    return check(spoil(rebuilt.data), expected, withheld)


def test_a_table_with_every_action_passes() -> None:
    report = checked(table())
    assert report.findings == ()
    assert report.counts["searched"] > 300
    assert report.counts["short_exact_place_only"] > 100


@pytest.mark.parametrize("column", [1, 2, 3, 4])
def test_a_cell_that_stayed_as_it_was_is_caught(column: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = table()

    def slipping(out: OutTable) -> bytes:
        at = out.titles.index(COLUMNS[column][0])
        columns = list(out.columns)
        columns[at] = Coded.of(columns[at].cells().scatter(7, original.frame[7, column]))
        return written(replace(out, columns=tuple(columns)))

    monkeypatch.setattr(TableCsv, "writers", {MEDIA_TYPE: Writer(slipping, lambda _kind, _cells: True)})
    kinds = {finding.kind for finding in checked(original).findings}
    assert kinds & {Kind.VALUE, Kind.EXACT_PLACE}


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
@pytest.mark.parametrize("seed", range(6))
def test_pictures_with_every_sort_of_box_pass(media_type: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(500, 900)), int(rng.integers(420, 700))
    pixels = (
        photo().resize(size) if seed % 2 else Image.fromarray(rng.integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    )
    crop = Box(int(rng.integers(0, 40)), int(rng.integers(0, 40)), size[0] - 60, size[1] - 60)
    boxes = [
        Box(
            int(rng.integers(-20, size[0])),
            int(rng.integers(-20, 90)),
            int(rng.integers(1, 90)),
            int(rng.integers(1, 60)),
        )
        for _ in range(3)
    ]
    regions = [("work_area", Op.CROP, crop), *(("label", Op.BOX, box) for box in boxes)]
    plan = Plan(
        tuple(
            Instruction(f"region/{number}", name, Element.REGION, name, "text", case(op), box)
            for number, (name, op, box) in enumerate(regions)
        )
    )
    picture = Picture(
        *size, pixels.tobytes(), {"EXIF:Artist": "Zhang Wei Photography"}, lossy=media_type == "image/jpeg"
    )
    rebuilt = PictureFormat().rebuild(picture, plan, MARK, SECRET)
    assert rebuilt.size_px is not None
    covered = tuple((box.left_px, box.top_px, box.width_px, box.height_px) for box in rebuilt.boxes)
    expected = PictureExpectation(media_type, rebuilt.size_px, covered, MARK.text)
    withheld = WithheldSet((WithheldValue("Zhang Wei Photography", "metadata/EXIF:Artist"),))
    assert check(rebuilt.data, expected, withheld).findings == ()
