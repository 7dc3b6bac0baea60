"""A rehearsal writes all of its files or none, says why, and can never be taken for a release."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from PIL import Image

from gateway.cli.specimens import specimens
from gateway.formats.model import Rebuilt
from gateway.formats.table_workbook import TableWorkbook
from tests.support.planted_workbook import packed, parts_of
from tests.support.workbooks import cells, saved

Gateway = Callable[..., Any]
MADE = specimens(1)
POLICIES = {
    "customer_list": "cn-mofcom-single.customer-list",
    "order_book": "cn-mofcom-single.order-book",
    "production_photo": "cn-mofcom-single.production-photo",
}
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="rendering needs Linux")


@pytest.fixture
def render(gateway: Gateway, tmp_path: Path) -> Callable[..., Any]:
    def rendered(
        kind: str, *more: object, data: bytes | None = None, policy: str | None = None, answers: Any = None
    ) -> Any:
        one = MADE.originals[kind]
        (tmp_path / one.file_name).write_bytes(one.data if data is None else data)
        (tmp_path / "answers.json").write_text(json.dumps(MADE.answers[kind] if answers is None else answers), "utf-8")
        fixed = ("--kind", kind, "--policy", policy or POLICIES[kind], "--recipient", "Ningbo Haoci")
        context = ("--context", "recipient.class=supplier", "--context", "purpose=export_licence")
        files = ("--answers", tmp_path / "answers.json", "-o", tmp_path / "out")
        return gateway("render", tmp_path / one.file_name, *fixed, *context, *files, *more)

    return rendered


@pytest.mark.parametrize("kind", sorted(POLICIES))
def test_each_kind_is_rendered_clean_marked_and_without_a_secret(
    render: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    assert render(kind).code == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert {"decisions.json", "residue.json", "withheld.csv"} < set(files)
    assert len(files) == 4
    for data in files.values():
        assert [value for value in MADE.withheld_values if value.encode() in data] == []
    if kind == "production_photo":
        picture = Image.open(io.BytesIO(files["production-photo-rehearsal.jpg"]))
        area = dict(MADE.regions)["work_area"]
        assert picture.size == area[2:]
        assert not {"exif", "xmp", "comment"} & set(picture.info)
    else:
        table = files[f"{kind.replace('_', '-')}-rehearsal.xlsx"]
        told = b"".join(parts_of(table).values()).decode()
        assert [value for value in MADE.withheld_values if value in told] == []
        assert all(row[-1].startswith("REHEARSAL · Ningbo Haoci") for row in cells(table)[1:])
        assert cells(table, 1)[2] == ["Release", "REHEARSAL · no release", *[""] * 4]


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("customer_list", {}),
        ("order_book", {}),
        ("production_photo", {}),
        ("production_photo", {**MADE.answers["production_photo"], "confirmed": False}),
    ],
)
def test_an_open_question_exits_3_and_writes_nothing(
    render: Callable[..., Any], tmp_path: Path, kind: str, answers: Any
) -> None:
    done = render(kind, answers=answers)
    assert (done.code, bool(done.err.strip()), (tmp_path / "out").exists()) == (3, True, False)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


@pytest.mark.parametrize(
    ("kind", "data", "code"),
    [
        ("customer_list", b"", 3),
        ("customer_list", MADE.originals["production_photo"].data, 3),
        ("production_photo", MADE.originals["production_photo"].data[:5000], 3),
        ("order_book", b"a,b\r\n1,2,3\r\n", 3),
    ],
)
def test_bad_content_exits_3(render: Callable[..., Any], tmp_path: Path, kind: str, data: bytes, code: int) -> None:
    done = render(kind, data=data)
    assert (done.code, done.err.count("\n"), (tmp_path / "out").exists()) == (code, 1, False)


def test_residue_exits_3_names_no_value_and_writes_nothing(
    render: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = cells(MADE.originals["customer_list"].data)[1][1]
    rebuild = TableWorkbook.rebuild

    def leaking(self: TableWorkbook, content: Any, plan: Any, mark: Any, key: bytes) -> Rebuilt:
        clean = rebuild(self, content, plan, mark, key)
        parts = {name: part.replace(b"Wind energy", secret.encode(), 1) for name, part in parts_of(clean.data).items()}
        return replace(clean, data=packed(parts))

    monkeypatch.setattr(TableWorkbook, "rebuild", leaking)
    done = render("customer_list")
    assert (done.code, (tmp_path / "out").exists()) == (3, False)
    assert "withheld-value" in done.err
    assert secret not in done.err


def test_which_sheet_of_a_workbook_is_asked(render: Callable[..., Any], tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(MADE.originals["customer_list"].data))
    book.create_sheet("Entwurf").append(["Name"])
    done = render("customer_list", data=saved(book))
    assert (done.code, (tmp_path / "out").exists()) == (3, False)
    assert "Which sheet is the table? 2 visible sheets" in done.err
    assert "Entwurf" not in done.err
    answers = {**MADE.answers["customer_list"], "sheet": book.worksheets[0].title}
    assert render("customer_list", data=saved(book), answers=answers).code == 0


@pytest.mark.parametrize(
    ("written_as", "options", "leaves_as"),
    [
        ("TIFF", {"compression": "tiff_lzw"}, "png"),
        ("WEBP", {"quality": 90}, "jpg"),
        pytest.param("AVIF", {"quality": 80}, "jpg", marks=pytest.mark.nightly),
    ],
)
def test_a_picture_of_another_type_is_rendered_and_which_frame_is_asked(
    render: Callable[..., Any], tmp_path: Path, written_as: str, options: dict[str, Any], leaves_as: str
) -> None:
    picture = Image.open(io.BytesIO(MADE.originals["production_photo"].data))
    exif, data = Image.Exif(), io.BytesIO()
    exif[0x010F] = "Lichtwerk"
    several = {"save_all": True, "append_images": [picture.rotate(180)], "exif": exif}
    picture.save(data, written_as, **options, **several)
    done = render("production_photo", data=data.getvalue())
    assert (done.code, (tmp_path / "out").exists()) == (3, False)
    assert "source {frame: first}" in done.err
    answers = {**MADE.answers["production_photo"], "source": {"frame": "first"}}
    assert render("production_photo", data=data.getvalue(), answers=answers).code == 0
    assert (tmp_path / "out" / f"production-photo-rehearsal.{leaves_as}").exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(b"AC1032\0\0\0", "DWG drawing"), (b"ISO-10303-21;\nHEADER;\n", "STEP model"), (b"Rar!\x1a\7\1\0", "unpack it")],
)
def test_what_no_kind_takes_is_told_what_to_become(render: Callable[..., Any], data: bytes, sentence: str) -> None:
    for kind in POLICIES:
        done = render(kind, data=data)
        assert done.code == 3
        assert sentence in done.err


def test_usage_exits_2(render: Callable[..., Any], tmp_path: Path) -> None:
    assert render("customer_list", "--context", "colour=red").code == 2
    assert render("customer_list", policy="./missing.yaml").code == 2
    assert render("customer_list", answers=[1]).code in {2, 3}
    (tmp_path / "out").mkdir()
    assert render("customer_list").code == 2


def test_an_unknown_policy_or_kind_is_said(render: Callable[..., Any], gateway: Gateway, tmp_path: Path) -> None:
    assert render("customer_list", policy="no.such-policy").code in {3, 4}
    done = gateway(
        "render", tmp_path / "x", "--kind", "nothing", "--policy", "p", "--recipient", "R", "-o", tmp_path / "o"
    )
    assert (done.code in {2, 3, 4}, "kinds are" in done.err) == (True, True)


def test_a_table_that_tells_too_much_is_not_rehearsed(render: Callable[..., Any], tmp_path: Path) -> None:
    shipped = Path("policies/cn-mofcom-single/order-book.yaml").read_text("utf-8")
    risk = "risk: {entity: customer.name, quasi_identifiers: [destination], limits: {k_entities: 900}}"
    (tmp_path / "strict.yaml").write_text(shipped.replace("\nrules:\n", f"\n{risk}\nrules:\n", 1), "utf-8")
    done = render("order_book", policy=tmp_path / "strict.yaml")
    assert done.code == 3
    assert "900 are the fewest allowed" in done.err
    assert "In the original: k_entities: rows " in done.err
    assert not (tmp_path / "out").exists()
