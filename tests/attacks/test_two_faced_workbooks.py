"""Workbooks that show one thing in a spreadsheet and would be read as another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from gateway.base.problems import Problem
from gateway.formats.changes import changed
from gateway.formats.model import Op, Table, Transform
from gateway.formats.table_workbook import ODS, PARSE_TASKS, TableWorkbook
from gateway.formats.write_xlsx import MEDIA_TYPE as XLSX
from gateway.sandbox.process import ProcessSandbox
from tests.support import workbooks
from tests.support.planted_workbook import SHEET, packed, parts_of

FORM = TableWorkbook(lambda _values: frozenset())
STRINGS, RELATIONS = "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"
STRINGS_ARE = (
    b'<Relationship Id="rIdS" Target="sharedStrings.xml" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/></Relationships>'
)
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
ROW = '<row r="1"><c r="A1" t="str"><v>H</v></c></row><row r="2"{told}>{cells}</row>'
LAST = '<row r="3"><c r="A3"><v>7</v></c></row>'


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox(tuple(PARSE_TASKS.values()))


def read(data: bytes, sandbox: ProcessSandbox, media_type: str = XLSX) -> list[tuple[str, ...]]:
    table: Table = FORM.read(data, media_type, sandbox, {})
    return [tuple(row) for row in table.frame.iter_rows()]


def sheet(rows: str, before: str = "", behind: str = "") -> bytes:
    parts = parts_of(workbooks.xlsx([["H"]]))
    parts[SHEET] = f"<worksheet {MAIN}>{before}<sheetData>{rows}</sheetData>{behind}</worksheet>".encode()
    return packed(parts)


def strings(items: str, *cells: int) -> bytes:
    parts = parts_of(workbooks.xlsx([["H"], ["x"]]))
    parts[RELATIONS] = parts[RELATIONS].replace(b"</Relationships>", STRINGS_ARE)
    parts[STRINGS] = f"<sst {MAIN}><si><t>H</t></si>{items}</sst>".encode()
    rows = "".join(
        f'<row r="{at}"><c r="A{at}" t="s"><v>{cell}</v></c></row>' for at, cell in enumerate((0, *cells), 1)
    )
    parts[SHEET] = f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode()
    return packed(parts)


@pytest.mark.parametrize("told", ['hidden=" 1 "', 'hidden="TRUE"', 'ht="0.2"', 'ht="-0"', 'ht="0E1"'])
def test_a_row_that_nobody_sees_stays_behind(told: str, sandbox: ProcessSandbox) -> None:
    rows = ROW.format(told=f" {told}", cells='<c r="A2"><v>5</v></c>')
    assert read(sheet(rows + LAST), sandbox) == [("7",)]


@pytest.mark.parametrize(
    "data",
    [
        lambda: sheet(ROW.format(told=' hidden="&#49;"', cells='<c r="A2"><v>5</v></c>')),
        lambda: sheet(ROW.format(told=' ht="low"', cells='<c r="A2"><v>5</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><v>5</v><v>6</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><v/><v>6</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><is><t>shown</t></is></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2" t="inlineStr"><is><t>a</t></is><is><t>b</t></is></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><extLst><ext><v>5</v></ext></extLst><v>6</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2" s="-1"><v>5</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><v>5</v></c>'), '<sheetFormatPr zeroHeight="&#49;"/>'),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><v>5</v></c>'), "<sheetFormatPr zeroHeight=' 1'/>"),
        lambda: sheet(
            ROW.format(told="", cells='<c r="A2"><v>5</v></c>'),
            "",
            '<mergeCells><mergeCell ref="&#65;1:A2"/></mergeCells>',
        ),
        lambda: sheet(ROW.format(told="", cells='<c r="A2"><v>1e999</v></c>')),
        lambda: sheet(ROW.format(told="", cells='<c r="A2" t="str"><v>a&#x85;b</v></c>')),
        lambda: strings("<si><t>a</t></si>", -1),
        lambda: strings("<si><t>a</t></si>", 1_000),
        lambda: strings('<si a-b=">"/><si><t>b</t></si>', 1),
    ],
)
def test_what_two_readers_would_read_apart_is_refused(data: Callable[[], bytes], sandbox: ProcessSandbox) -> None:
    with pytest.raises(Problem):
        read(data(), sandbox)


@pytest.mark.parametrize("empty", ["<si />", "<si/>", "<si\n/>", '<si a="1" />', "<si></si>"])
def test_an_empty_text_moves_no_other(empty: str, sandbox: ProcessSandbox) -> None:
    assert read(strings(f"<si><t>one</t></si>{empty}<si><t>two</t></si>", 1, 3), sandbox) == [("one",), ("two",)]


def test_references_stand_for_what_xml_says(sandbox: ProcessSandbox) -> None:
    item = "<si><t>&amp;amp;&lt;&gt;&quot;&apos;&#x41;&#66;&#x1F9F2;&amp;#67;</t></si>"
    assert read(strings(item, 1), sandbox) == [("&amp;<>\"'AB\U0001f9f2&#67;",)]


@pytest.mark.parametrize("guide", ['<rPh sb="0" eb="1"/>', '<rPh sb="0" eb="1"><t>unsaid</t></rPh>'])
def test_a_guide_takes_no_text_with_it(guide: str, sandbox: ProcessSandbox) -> None:
    item = f"<si>{guide}<r><t>two</t></r><rPh><t>unsaid</t></rPh></si>"
    assert read(strings(item, 1), sandbox) == [("two",)]


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("#,##0.00 [$€-407]", "5000 EUR"),
        ("[$¥-804]#,##0", "5000 ¥"),
        ('#,##0 "CNY"', "5000 CNY"),
        ('General" €"', "5000 EUR"),
        ("$#,##0_);[Red]($#,##0)", "5000 USD"),
        ("#,##0 [$zł-415]", "5000 zł"),
        ("[$-407]#,##0", "5000"),
        ('0" kg"', "5000"),
    ],
)
def test_an_amount_keeps_the_currency_that_it_is_shown_with(code: str, shown: str, sandbox: ProcessSandbox) -> None:
    made = workbooks.workbook([["H"], ["5000"]])
    page: Any = made.active
    page.cell(2, 1).number_format = code
    assert read(workbooks.saved(made), sandbox) == [(shown,)]


@pytest.mark.parametrize(
    ("op", "params"),
    [(Op.BUCKET, {"edges": ["1000", "10000"], "unit": "EUR"}), (Op.ROUND, {"to": "1000", "unit": "EUR"})],
)
def test_no_amount_is_given_another_currency(op: Op, params: dict[str, Any]) -> None:
    for cell, named in [("5000 EUR", "EUR"), ("€ 5000", "EUR"), ("5000 CNY", "CNY"), ("$5000", "USD"), ("¥5000", "¥")]:
        one = pl.Series([cell, "1"])
        assert changed(Transform(op, params), "decimal", one).cells().has_nulls() == (named != "EUR")
        assert changed(Transform(op, {**params, "unit": "kg"}), "decimal", one).cells().has_nulls()


SHOWN = (
    '<table:table-row><table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    "</table:table-row>"
)


def spreadsheet(rows: str) -> bytes:
    plain = parts_of(workbooks.ods([["H"], ["x"]]))
    content = plain["content.xml"].decode()
    start, end = content.index("<table:table-row>"), content.index("</table:table>")
    return workbooks.ods((), content=content[:start] + rows + content[end:])


@pytest.mark.parametrize("told", ["false", "no"])
def test_a_group_that_is_not_displayed_stays_behind(told: str, sandbox: ProcessSandbox) -> None:
    group = f'<table:table-row-group table:display="{told}">{SHOWN.format("behind")}</table:table-row-group>'
    data = spreadsheet(SHOWN.format("H") + group + SHOWN.format("shown"))
    assert read(data, sandbox, ODS) == [("shown",)]


def test_a_guide_in_an_open_document_is_not_read(sandbox: ProcessSandbox) -> None:
    ruby = "<text:ruby><text:ruby-base>shown</text:ruby-base><text:ruby-text>unsaid</text:ruby-text></text:ruby>"
    assert read(spreadsheet(SHOWN.format("H") + SHOWN.format(ruby)), sandbox, ODS) == [("shown",)]


def test_an_open_document_keeps_currencies(sandbox: ProcessSandbox) -> None:
    amount = SHOWN.replace("string", "currency").format("5.000 €")
    amount = amount.replace('currency"', 'currency" office:currency="EUR" office:value="5000"')
    assert read(spreadsheet(SHOWN.format("H") + amount), sandbox, ODS) == [("5000 EUR",)]
