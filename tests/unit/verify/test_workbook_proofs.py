"""A recipient with Python alone finds what was changed in a released workbook, whichever way it was hidden there."""

from __future__ import annotations

import base64
import io
import random
import re
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest

from gateway.formats import write_xlsx
from gateway.formats.coded import Coded
from gateway.formats.columns import CellKind
from gateway.formats.committed import committed, opened
from gateway.formats.keyed import row_order
from gateway.formats.model import Notice, Table
from gateway.formats.sheet_numbers import spelled
from gateway.formats.table import OutTable
from gateway.seal.table_commitment import order_key, slot_secret
from gateway.verify import verify

ROWS = 100
MARK = "Example · rel_1"
SECRET = slot_secret(bytes(32), 0)
KINDS = {
    "Product": CellKind.TEXT,
    "Quantity": CellKind.DECIMAL,
    "Since": CellKind.DATE,
    "Weight": CellKind.LABEL,
}
SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"
Members = dict[str, str]


def out(columns: dict[str, tuple[CellKind, list[str]]], order: Any = None) -> OutTable:
    rows = len(next(iter(columns.values()))[1])
    cells = [Coded.of(pl.Series(values, dtype=pl.String)) for _, values in columns.values()]
    marks = Coded.of(pl.Series([MARK] * rows))
    kinds = (*(kind for kind, _ in columns.values()), CellKind.TEXT)
    return OutTable(
        (*columns, "Released copy"), kinds, (*cells, marks), np.arange(rows) if order is None else order, MARK, Notice()
    )


def released() -> tuple[bytes, dict[str, Any]]:
    """A workbook of three columns that left as they came and one that was rounded, and its proof."""
    columns = [
        [f"Magnet <{row % 7}> & {row}" for row in range(ROWS)],
        [f"{row}.25" if row % 9 else "" for row in range(ROWS)],
        [f"2025-01-{row % 28 + 1:02d}" for row in range(ROWS)],
    ]
    source = Table.of(("Ware", "Menge", "Seit"), columns)
    slot = committed(source, SECRET)
    order = row_order(order_key(SECRET), source.digest, ROWS)
    shown = dict(zip(KINDS.items(), [*columns, [f"{row} kg" for row in range(ROWS)]], strict=True))
    data = write_xlsx.written(out({title: (kind, cells) for (title, kind), cells in shown.items()}, order))
    places = zip(KINDS, slot.places, slot.locators, strict=False)
    opened_columns = [{"title": title, "place": place, "locator": locator} for title, place, locator in places]
    return data, {
        "type": "disclosure-gateway/table-proof/v1",
        "file": "files/order-book-01.xlsx",
        "columns": [*opened_columns, {"title": "Weight", "rules": ["round"]}],
        "commitment": {
            "rows": ROWS,
            "entry": 7,
            "root": slot.root,
            "places": len(slot.columns),
            "nodes": base64.b64encode(opened(slot, SECRET, (0, 1, 2))).decode(),
        },
    }


@pytest.fixture(scope="module")
def whole() -> tuple[bytes, dict[str, Any]]:
    return released()


def checked(data: bytes, proof: dict[str, Any]) -> int:
    told = verify.parse_table_proof(verify.canonical(proof), "proofs/order-book-01.json")
    return verify.check_table(data, told, verify.WORKBOOK_TYPE)


def packed(members: Members) -> bytes:
    """The members as the gateway packs them."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(write_xlsx._member(name), text)
    return sink.getvalue()


def changed(data: bytes, change: Callable[[Members], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    before = dict(members)
    change(members)
    assert members != before
    return packed(members)


def cell(members: Members, place: str) -> str:
    return str(re.search(rf'<c r="{place}"[^>]*?(?:/>|>.*?</c>)', members[SHEET])[0])  # type: ignore[index]


def sub(name: str, old: str, new: str) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        assert old in members[name]
        members[name] = members[name].replace(old, new, 1)

    return change


def row(members: Members, number: int) -> str:
    return str(re.search(rf'<row r="{number}".*?</row>', members[SHEET], re.DOTALL)[0])  # type: ignore[index]


def altered(members: Members) -> None:
    was = cell(members, "A18")
    sub(SHEET, was, was.replace("Magnet", "magnet"))(members)


def swapped(members: Members) -> None:
    one, other = cell(members, "C6"), cell(members, "C81")
    values = [re.findall("<v>(.*?)</v>", found)[0] for found in (one, other)]
    sub(SHEET, one, one.replace(values[0], values[1]))(members)
    sub(SHEET, other, other.replace(values[1], values[0]))(members)


def invented(members: Members) -> None:
    was = row(members, ROWS + 1)
    sub(SHEET, was, was + was.replace(f'{ROWS + 1}"', f'{ROWS + 2}"'))(members)
    members[SHEET] = members[SHEET].replace(f'"A1:E{ROWS + 1}"', f'"A1:E{ROWS + 2}"')


def dropped(members: Members) -> None:
    sub(SHEET, row(members, ROWS + 1), "")(members)
    members[SHEET] = members[SHEET].replace(f'"A1:E{ROWS + 1}"', f'"A1:E{ROWS}"')


def renamed(members: Members) -> None:
    sub(SHEET, "<t>Quantity</t>", "<t>Price</t>")(members)


FOUND = {
    altered: "column 'Product': the cell in row 18 is not the one that was committed to; it was altered.",
    swapped: "column 'Since': the cells in the rows 6 and 81 changed places.",
    invented: f"has {ROWS + 1} rows, {ROWS} were committed to: a row was invented.",
    dropped: f"has {ROWS - 1} rows, {ROWS} were committed to: a row is missing.",
    renamed: "lacks a column that its proof opens",
}


@pytest.mark.parametrize(("change", "said"), FOUND.items(), ids=lambda one: getattr(one, "__name__", ""))
def test_what_was_changed_is_named(
    whole: tuple[bytes, dict[str, Any]], change: Callable[[Members], None], said: str
) -> None:
    data, proof = whole
    assert checked(data, proof) == 3 * ROWS
    assert checked(changed(data, lambda members: members.update({"xl/worksheets/sheet2.xml": "<x/>"})), proof)
    with pytest.raises(verify.Mismatch, match=re.escape(said)):
        checked(changed(data, change), proof)


def first_look_moved(members: Members) -> None:
    """The looks of all cells move by one, and the day's may be another's."""
    last = re.findall("<xf .*?</xf>", members[STYLES])[-1]
    members[STYLES] = members[STYLES].replace(last, "").replace("<cellXfs count=", "<cellXfs count=")
    members[STYLES] = re.sub('(<cellXfs count="[0-9]+">)', lambda found: found[1] + last, members[STYLES])


def shown_with_a_unit(members: Members) -> None:
    was = cell(members, "B18")
    sub(SHEET, was, was.replace('s="10"', 's="11"'))(members)


HIDDEN = {
    "row hidden": sub(SHEET, '<row r="9"', '<row r="9" hidden="1"'),
    "row flat": sub(SHEET, '<row r="9"', '<row r="9" ht="1" customHeight="1"'),
    "column hidden": sub(SHEET, 'max="2" width', 'max="2" hidden="1" width'),
    "column narrow": sub(SHEET, 'max="2" width="', 'max="2" width="0.'),
    "sheet hidden": sub("xl/workbook.xml", 'sheetId="2"', 'sheetId="2" state="hidden"'),
    "third sheet": sub("xl/workbook.xml", "</sheets>", '<sheet name="x" sheetId="3" r:id="rId4"/></sheets>'),
    "white letters": sub(STYLES, "FF1F2933", "FFFFFFFF"),
    "format that says another number": sub(STYLES, 'formatCode="0.00"', 'formatCode="&quot;7&quot;"'),
    "format that rounds": sub(STYLES, 'formatCode="0.00"', 'formatCode="0"'),
    "look with a unit": shown_with_a_unit,
    "looks moved": first_look_moved,
    "formula": sub(SHEET, "<v>", "<f>1+1</f><v>"),
    "number in another spelling": sub(SHEET, "<v>1.25</v>", "<v>1.250</v>"),
    "number with an exponent": sub(SHEET, "<v>1.25</v>", "<v>125e-2</v>"),
    "runs": sub(SHEET, "<is><t>Magnet", "<is><r><t>x</t></r><t>Magnet"),
    "comment": sub(SHEET, "<sheetData>", "<!-- --><sheetData>"),
    "reference": sub(SHEET, "<t>Magnet", "<t>&#77;agnet"),
    "escape without need": sub(SHEET, "<t>Magnet", "<t>_x004D_agnet"),
    "carriage return": sub(SHEET, "<t>Magnet", "<t>\rMagnet"),
    "blank that readers drop": sub(SHEET, "<t>Magnet", "<t> Magnet"),
    "merged cells": sub(SHEET, "</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:A3"/></mergeCells>'),
    "filter": sub(SHEET, "/><pageMargins", '><filterColumn colId="0"/></autoFilter><pageMargins'),
    "cell in another place": sub(SHEET, 'r="B9"', 'r="D9"'),
    "relation": sub("xl/_rels/workbook.xml.rels", "sheet1.xml", "sheet2.xml"),
    "member more": lambda members: members.update({"xl/sharedStrings.xml": "<sst/>"}),
    "member less": lambda members: members.pop("xl/worksheets/sheet2.xml") and None,
    "order of members": lambda members: members.update({STYLES: members.pop(STYLES)}),
}


@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_what_other_programs_may_show_otherwise_is_refused(
    whole: tuple[bytes, dict[str, Any]], change: Callable[[Members], None]
) -> None:
    data, proof = whole
    if change is HIDDEN["order of members"]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [*archive.namelist()[::-1]]
            attacked = packed({name: archive.read(name).decode() for name in names})
    else:
        attacked = changed(data, change)
    with pytest.raises(verify.Mismatch):
        checked(attacked, proof)


def test_no_byte_around_the_members_may_differ(whole: tuple[bytes, dict[str, Any]]) -> None:
    data, proof = whole
    directory = data.index(b"PK\x01\x02")
    attacks = [b"", data[:-1], data + b"\0", b"\0" + data, data[:40] + b"\0" + data[40:], b"\xef\xbb\xbfa,b\r\n"]
    places = (*range(0, 60, 7), 200, directory - 1, *range(directory, len(data), 11))
    attacks += [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in places]
    for attacked in attacks:
        with pytest.raises(verify.Mismatch):
            checked(attacked, proof)


def test_what_is_said_to_be_spelled_is_read_back_as_it_was() -> None:
    chance = random.Random("workbook/spelled")
    columns: dict[str, tuple[CellKind, list[str]]] = {}
    signs = "ab _x04DF\t\n\r&<>'\"=é中\ufffe"
    texts = ["".join(chance.choices(signs, k=chance.randrange(12))) for _ in range(400)]
    columns["text"] = (CellKind.TEXT, [*texts, "[withheld: TS]", "1.5", "_x005F_x0041_", "\r\n"])
    scales = [(chance.randrange(-(10**17), 10**17), chance.randrange(18)) for _ in range(400)]
    numbers = [f"{Decimal(whole).scaleb(-scale).normalize():f}" for whole, scale in scales]
    numbers = [f"{one}0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", one) else one for one in numbers]
    columns["number"] = (CellKind.DECIMAL, [*numbers, "", "1.2340", "-0.5", "5000 EUR"])
    days = [(date(1890, 1, 1) + timedelta(days=chance.randrange(80_000))).isoformat() for _ in range(400)]
    columns["day"] = (CellKind.DATE, [*days, "", "1900-02-28", "1900-03-01", "9999-12-31"])
    for title, other in {"comma": "1,5", "zero": "1.50", "amount": "1.234,56", "minus": "-0"}.items():
        columns[title] = (CellKind.DECIMAL, [*numbers, "", other, "", ""])
    columns["German"] = (CellKind.DATE, [*days, "31.12.2025", "", "", ""])
    told = [title for title, (kind, cells) in columns.items() if spelled(kind, pl.Series(cells))]
    assert told == ["text", "number", "day"]
    headers, found = verify.read_workbook(write_xlsx.written(out(columns)), told, "a file")
    assert headers == [*columns, "Released copy"]
    assert found == {title: columns[title][1] for title in told}
