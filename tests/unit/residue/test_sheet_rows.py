"""A worksheet of ours is read alike by one expression and element by element, or left to the latter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.residue import sheet_rows, xlsx
from gateway.residue.model import Report, TableExpectation, WithheldSet, WithheldValue
from gateway.residue.values import Needles
from tests.support.planted_workbook import SHEET, packed, parts_of

FROZEN = parts_of((Path(__file__).parents[2] / "vectors" / "workbook" / "table.xlsx").read_bytes())
FIELDS = ("a", "b", "c", "d", "e")
EXPECTED = TableExpectation(
    ("Amount", "Share", "Weight", "Day", "Remark", "Mark"),
    FIELDS,
    "Example & Sons · rel_01jabcdefghjkmnpqrstvwxyz0",
    4,
    xlsx.MEDIA_TYPE,
    ("Table", "Notice"),
)
SHORT = (("12.5", "a"), ("2500 kg", "c"), ("2025-01-31", "d"), ("a < b & c", "e"))
NEEDLES = Needles(WithheldSet(tuple(WithheldValue(*one) for one in (*SHORT, ("Geheimrat Nordwind", "x")))))
FOREIGN = st.sampled_from(
    [
        *(b"<!--x-->", b"<!--", b"-->", b"]]>", b"<row>", b"</row>", b"</sheetData>", b"<sheetData>", b"<f>1</f>"),
        *(b"&", b"&amp;", b"&lt;", b"&#65;", b"_x0041_", b"_x200B_", b"<", b">", b'"', b"\x01", b"\r", b"\xff", b"7"),
        *("\u200b".encode(), "\uffff".encode(), "\u4e2d".encode(), b' s="99"', b' hidden="1"', b"<v>1</v>", b"  "),
        *(b'<c r="G2" s="3"/>', b"Geheimrat Nordwind", b"45688", b"<?x y?>", b"\x1e", b' ht="30"', b"</c>", b"\n"),
    ]
)


def checked(sheet: bytes) -> Report:
    return xlsx.check_workbook(packed({**FROZEN, SHEET: sheet}), EXPECTED, NEEDLES)


def walked_and_read(sheet: bytes) -> tuple[Report, Report]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sheet_rows, "read", lambda _data, _shown: None)
        walked = checked(sheet)
    return walked, checked(sheet)


def test_the_frozen_sheet_is_read_by_one_expression_and_says_the_same() -> None:
    assert sheet_rows.read(FROZEN[SHEET], lambda _style, stored: stored) is not None
    walked, read = walked_and_read(FROZEN[SHEET])
    assert walked == read
    assert {finding.field for finding in read.findings} >= {"a", "c", "d", "e"}


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_put_into_a_sheet_is_reported_alike(data: st.DataObject) -> None:
    sheet = FROZEN[SHEET]
    for _ in range(data.draw(st.integers(1, 2))):
        place = data.draw(st.integers(sheet.find(b"<sheetData"), sheet.find(b"<autoFilter")))
        sheet = sheet[:place] + data.draw(FOREIGN) + sheet[place + data.draw(st.integers(0, 3)) :]
    walked, read = walked_and_read(sheet)
    assert walked == read


@pytest.mark.parametrize("hiding", ["<!--{}-->", "<x>{}</x>", "<![CDATA[{}]]>", "<?x {}?>"])
def test_rows_in_what_is_not_shown_are_a_finding(hiding: str) -> None:
    before, behind = (part.encode() for part in hiding.split("{}"))
    sheet = FROZEN[SHEET].replace(b"<sheetData>", before + b"<sheetData>")
    sheet = sheet.replace(b"</sheetData>", b"</sheetData>" + behind)
    walked, read = walked_and_read(sheet)
    assert walked == read
    assert "structure" not in read.passed
