"""A workbook with something in every hiding place: nothing of it travels, and the gate alone would stop each."""

from __future__ import annotations

import io
import random
import zipfile
from functools import cache

import numpy as np
import polars as pl
import pytest

from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind
from gateway.formats.model import Mark, Notice
from gateway.formats.table import OutTable
from gateway.formats.write_xlsx import MEDIA_TYPE, written
from gateway.policy.answers import Answers
from gateway.render.model import State
from gateway.residue.gate import check
from gateway.residue.model import Report, TableExpectation, WithheldSet, WithheldValue
from tests.support import journey, originals, workbooks
from tests.support.originals import Planted, planted
from tests.support.planted_workbook import (
    ARCHIVE_PLANTINGS,
    PLANTINGS,
    Parts,
    Planting,
    noisy_number,
    packed,
    parts_of,
    secret,
)
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)
MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
NOTICE = Notice(
    "Customers", "Notice", "Customers", (("Recipient", MARK.recipient),), ("Item", "Code"), (("City", "TS"),)
)
TITLES = ("Customer", "Quantity [kg]", "Since", "Released copy")
HIDDEN = {planting.name: secret(SEED, number) for number, planting in enumerate(PLANTINGS)}
HIDDEN |= {name: secret(SEED, 1000 + number) for number, name in enumerate(ARCHIVE_PLANTINGS)}
RENDERED = [planting for planting in PLANTINGS if not planting.refused]


def test_there_are_enough_hiding_places() -> None:
    assert len(PLANTINGS) + len(ARCHIVE_PLANTINGS) >= 60
    assert len(set(HIDDEN.values())) == len(HIDDEN)


def base() -> Parts:
    """A workbook of openpyxl with an unknown column, a telling sheet name and author, and an empty sheet."""
    sheet = originals.customers().with_column("Kennziffer", [secret(SEED, 2000 + at) for at in range(12)])
    made = workbooks.workbook((sheet.headers, *sheet.rows), sheet=secret(SEED, 3000))
    made.create_sheet("leer")
    made.properties.creator = secret(SEED, 3001)
    return parts_of(workbooks.saved(made))


def as_original(data: bytes) -> Planted:
    columns = len(originals.customers().headers) + 1
    return planted("customer_list_xlsx").with_data(data, answers=Answers(columns={f"column/{columns}": "drop"}))


def own_secrets() -> list[str]:
    return [*HIDDEN.values(), *(secret(SEED, number) for number in (*range(2000, 2012), 3000, 3001))]


def texts_of(data: bytes) -> list[str]:
    """The raw bytes and every member, in every character set that hides letters from a plain search."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        raw = [data, *(archive.read(name) for name in archive.namelist()), " ".join(archive.namelist()).encode()]
    return [
        one.decode(charset, "replace").casefold() for one in raw for charset in ("latin-1", "utf-16-le", "utf-16-be")
    ]


def test_nothing_that_hides_in_a_workbook_travels(own_world: World) -> None:
    parts = base()
    for planting in RENDERED:
        planting.graft(parts, HIDDEN[planting.name])
    data = packed(parts)
    for name, (graft, refused) in ARCHIVE_PLANTINGS.items():
        data = data if refused else graft(data, HIDDEN[name])
    one = as_original(data)
    rendition = journey.rendered(own_world, [one]).renditions[one.label]
    assert rendition.state is State.CLEAN, f"seed {SEED}: {rendition.reason}"
    with own_world.gateway.units.read() as session:
        released = own_world.gateway.renders.part(session, rendition.object_id)
    texts = texts_of(released)
    left = [text for text in own_secrets() if any(text.casefold() in one for one in texts)]
    assert not left, f"seed {SEED}: {len(left)} of {len(HIDDEN)} travelled"
    whole = noisy_number(HIDDEN["number in a hidden row"]).partition(".")[0]
    numbers = {cell for row in workbooks.cells(released) for cell in row}
    assert not [cell for cell in numbers if cell.startswith(whole)], f"seed {SEED}: a number travelled"
    assert len(workbooks.cells(released)) == 13
    assert "Hallbach Servoantriebe GmbH" in numbers


@pytest.mark.parametrize("planting", [one for one in PLANTINGS if one.refused], ids=lambda one: one.name)
def test_what_no_reader_could_be_sure_of_is_refused(planting: Planting, own_world: World) -> None:
    parts = base()
    planting.graft(parts, HIDDEN[planting.name])
    one = as_original(packed(parts))
    rendition = journey.rendered(own_world, [one]).renditions[one.label]
    assert (rendition.state, rendition.object_id) == (State.REFUSED, None), f"seed {SEED}"
    assert HIDDEN[planting.name] not in (rendition.reason or "")


@cache
def clean() -> bytes:
    rows = [("Hallbach Servoantriebe GmbH", "4821.5", "2003"), ("[withheld: TS-CUST]", "12", "1999")]
    kinds = (CellKind.TEXT, CellKind.DECIMAL, CellKind.INTEGER, CellKind.TEXT)
    columns = tuple(Coded.of(pl.Series(cells)) for cells in (*zip(*rows, strict=True), [MARK.text] * 2))
    return written(OutTable(TITLES, kinds, columns, np.arange(2), MARK.text, NOTICE))


def gate(data: bytes) -> Report:
    values = [WithheldValue(text, f"column/9 row {row}") for row, text in enumerate(HIDDEN.values(), 1)]
    expected = TableExpectation(
        TITLES, ("column/1", "column/2", "column/3"), MARK.text, 2, MEDIA_TYPE, (NOTICE.sheet, NOTICE.name),
        tuple(cells for _, cells in NOTICE.rows()),
    )  # fmt: skip
    return check(data, expected, WithheldSet(tuple(values)))


def test_the_gate_passes_what_the_renderer_makes_and_the_same_packed_again() -> None:
    assert gate(clean()).findings == ()
    assert gate(packed(parts_of(clean()))).findings == ()


@pytest.mark.parametrize("planting", PLANTINGS, ids=lambda one: one.name)
def test_the_gate_alone_blocks_each_by_name(planting: Planting) -> None:
    parts = parts_of(clean())
    planting.graft(parts, HIDDEN[planting.name])
    report = gate(packed(parts))
    assert not report.clean, f"seed {SEED}"
    told = " ".join(finding.place for finding in report.findings)
    assert planting.called in told, f"seed {SEED}: {told}"
    assert HIDDEN[planting.name].casefold() not in told.casefold(), "a finding gives away what it found"


@pytest.mark.parametrize("name", ARCHIVE_PLANTINGS)
def test_the_gate_alone_blocks_what_hides_in_the_archive(name: str) -> None:
    report = gate(ARCHIVE_PLANTINGS[name][0](clean(), HIDDEN[name]))
    assert not report.clean
    assert report.findings[0].kind.value == "structure"


def test_a_value_in_a_lawful_place_is_found_as_what_it_is() -> None:
    """The grammar holds: only the search can tell."""
    for text in (HIDDEN["comment"], HIDDEN["comment"].upper(), HIDDEN["comment"].encode().hex()):
        parts = parts_of(clean())
        sheet = parts["xl/worksheets/sheet1.xml"].decode()
        parts["xl/worksheets/sheet1.xml"] = sheet.replace("Hallbach Servoantriebe GmbH", text).encode()
        assert {finding.place for finding in gate(packed(parts)).findings} == {"row 1 column 1"}
