"""The documents of a package: deterministic, complete in both languages, safe for whatever a name may hold."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import pytest

from gateway.release.compose import INDEX_COLUMNS, IndexLine, path_of, withheld_csv
from gateway.release.index_pdf import withheld_pdf

LINE = IndexLine(
    path="files/customer-list-01.csv",
    item="Customer / 客户名称",
    action="removed / 已删除",
    code="TS",
    basis='Order 792, art. 16 <b>"&',
    reason_en="It is a trade secret.",
    reason_zh="属于商业秘密。",
    summary_en="3 entries, removed.",
    summary_zh="已删除 3 项。",
)


def test_a_file_is_named_by_kind_and_number() -> None:
    assert path_of("customer_list", 3, "csv") == "files/customer-list-03.csv"


def test_the_index_opens_in_a_spreadsheet() -> None:
    data = withheld_csv([LINE, LINE])
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert tuple(rows[0]) == INDEX_COLUMNS
    assert rows[2] == ["2", *LINE.cells(2)[1:]]


def test_the_printed_index_is_the_same_every_time() -> None:
    assert withheld_pdf([LINE], heading="rel · 宁波") == withheld_pdf([LINE], heading="rel · 宁波")


def test_the_printed_index_can_be_read_by_another_program() -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (Debian: poppler-utils) is not installed")
    data = withheld_pdf([LINE] * 60, heading="rel_1 · 宁波磁业")
    told = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=data, capture_output=True, check=True
    ).stdout.decode()
    for text in ("Withheld index", "未提供内容索引", "宁波磁业", "属于商业秘密", "trade secret", '<b>"&'):
        assert text in told
