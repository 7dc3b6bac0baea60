from __future__ import annotations

import ast
import base64
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

import gateway.residue
from gateway.base.canon import canonical, parse_canonical
from gateway.base.problems import Refused
from gateway.residue import gate
from gateway.residue.model import (
    PictureExpectation,
    ResidueFound,
    TableExpectation,
    TextExpectation,
    UnknownRendition,
)
from gateway.residue.values import Needles
from tests.support import workbooks
from tests.support.renditions import BODY, MARK, encoded, photo, table_bytes, table_expectation, withheld

SECRET = "Nordwind Turbinen AG"


@pytest.mark.parametrize(
    "expectation",
    [
        TextExpectation("drawing.dwg", "application/acad"),
        TextExpectation("page.html", "text/html"),
        PictureExpectation("image/webp", (1, 1), (), MARK),
        PictureExpectation("application/pdf", (1, 1), (), MARK),
        TableExpectation(("a",), (), MARK, 0, "application/vnd.oasis.opendocument.spreadsheet"),
        None,
        "text/csv",
    ],
)
def test_what_no_check_exists_for_is_refused(expectation: object) -> None:
    with pytest.raises(UnknownRendition):
        gate.check(b"", expectation, withheld(SECRET))  # type: ignore[arg-type]


def test_a_finding_refuses_with_kinds_and_places_and_no_value() -> None:
    report = gate.check(table_bytes([[SECRET, "x", "y"]] * 3), table_expectation(), withheld(SECRET))
    with pytest.raises(ResidueFound) as caught:
        report.require_clean()
    assert isinstance(caught.value, Refused)
    assert "withheld-value at row 1 column 1" in caught.value.detail
    assert SECRET not in caught.value.detail


def test_the_report_is_canonical_and_free_of_values() -> None:
    cells = [SECRET, base64.b64encode(SECRET.encode()).decode(), "4,821,150.77"]
    report = gate.check(table_bytes([cells] * 3), table_expectation(), withheld(SECRET, "4821150.77", "DE"))
    data = canonical(report.to_json())
    told = parse_canonical(data)
    assert told["clean"] is False
    assert {finding["field"] for finding in told["findings"]} == {"column/1", "column/4", "column/7"}
    assert set(told) == {"v", "medium", "clean", "parsers", "read_by", "passed", "counts", "findings", "findings_total"}
    text = data.decode().lower()
    for secret in (*cells, "4821150", "nordwind"):
        assert secret.lower() not in text
    assert gate.check(data, TextExpectation("residue.json", "application/json"), withheld(SECRET, "4821150.77")).clean


def test_a_compiled_set_gives_the_same_answer() -> None:
    data = table_bytes([[SECRET, "x", "y"], *BODY[1:]])
    secrets = withheld(SECRET)
    assert gate.check(data, table_expectation(), secrets) == gate.check(
        data, table_expectation(), Needles(secrets, [MARK])
    )


FOREIGN = {
    "text/csv": f"Kunde;Menge\n{SECRET};5\n".encode("latin-1"),
    "text/plain": f"an {SECRET}".encode("utf-16"),
    "application/json": json.dumps({"a": SECRET}).encode(),
    "image/png": b"\x89PNG" + gzip.compress(f"tEXt {SECRET}".encode()),
}


@pytest.mark.parametrize("media_type", FOREIGN)
def test_a_file_that_somebody_else_redacted_is_searched(media_type: str) -> None:
    assert not gate.check_foreign(FOREIGN[media_type], media_type, withheld(SECRET)).clean
    assert gate.check_foreign(FOREIGN[media_type], media_type, withheld("Somebody Else Ltd")).clean


def test_metadata_of_a_foreign_photograph_is_searched() -> None:
    exif = Image.Exif()
    exif[0x010F] = SECRET
    out = io.BytesIO()
    photo().save(out, "JPEG", exif=exif)
    assert not gate.check_foreign(out.getvalue(), "image/jpeg", withheld(SECRET)).clean
    assert gate.check_foreign(encoded(photo(), "image/jpeg"), "image/jpeg", withheld(SECRET)).clean


def test_foreign_pdfs_of_any_make_are_searched() -> None:
    assert not gate.check_foreign(
        b"%PDF-1.7\n%\n1 0 obj (" + SECRET.encode() + b")", "application/pdf", withheld(SECRET)
    ).clean


def test_a_workbook_that_somebody_else_redacted_is_looked_into_in_every_member() -> None:
    book = workbooks.workbook((("Name",), ("[redacted]",)))
    book.create_sheet("old").append([SECRET.upper()])
    inner = workbooks.saved(book)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as outer:
        outer.writestr("xl/embeddings/book.xlsx", inner)
    for data, media_type in ((inner, workbooks.XLSX), (sink.getvalue(), workbooks.XLSX)):
        assert not gate.check_foreign(data, media_type, withheld(SECRET)).clean
    ods = workbooks.ods((("Name",), (SECRET,)))
    assert not gate.check_foreign(ods, workbooks.ODS, withheld(SECRET)).clean
    assert gate.check_foreign(ods, workbooks.ODS, withheld("Quite another value")).clean


def test_foreign_files_of_unknown_sorts_are_refused() -> None:
    with pytest.raises(UnknownRendition):
        gate.check_foreign(b"", "application/zip", withheld(SECRET))


def test_the_gate_reads_with_other_parsers_than_the_rebuild() -> None:
    """Neither the rebuild's room nor its libraries; the mark's own drawing is the one thing that they share."""
    for path in sorted(Path(gateway.residue.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.partition(".")[0] not in {"PIL", "csv", "reportlab"}, path.name
                assert not name.startswith("gateway.formats"), path.name
