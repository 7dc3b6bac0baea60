"""A file that somebody else redacted is searched for all that the policy withholds; finds are told, values never."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from gateway.app import sandbox
from gateway.cli import checking, legible
from gateway.cli.specimens import specimens
from gateway.detect.problems import DetectorMissing
from gateway.formats.model import Cut, Table, Video
from gateway.marks import lettering
from gateway.residue.reading import TooMuchToRead
from gateway.settings import Settings
from tests.support import detection, documents, workbooks
from tests.support.pages import document as pages_of
from tests.support.pages import page
from tests.support.reading import Saying
from tests.support.workbooks import cells

Gateway = Callable[..., Any]
MADE = specimens(1)
LIST = cells(MADE.originals["customer_list"].data)
ALLOWED = ("Country", "Civil application")
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reading needs Linux")


@pytest.fixture(scope="module", autouse=True)
def _one_sandbox() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        walls = sandbox(Settings(Path()))
        patch.setattr(checking, "sandbox", lambda _settings: walls)
        yield
        walls.close()


@pytest.fixture
def checked(gateway: Gateway, tmp_path: Path) -> Callable[..., Any]:
    """The answer about a file with this content, made from the specimen of its kind or from another original."""

    def check(
        data: bytes, kind: str = "customer_list", *more: str, original: bytes | None = None, answers: Any = None
    ) -> Any:
        one = MADE.originals.get(kind)
        (tmp_path / "file").write_bytes(data)
        (tmp_path / "original").write_bytes(original if original is not None else one.data if one else b"")
        told = answers if answers is not None else MADE.answers.get(kind, {})
        (tmp_path / "answers.json").write_text(json.dumps(told), "utf-8")
        fixed = ("--kind", kind, "--policy", f"cn-mofcom-single.{kind.replace('_', '-')}")
        context = ("--context", "recipient.class=supplier", "--context", "purpose=export_licence")
        files = ("--original", tmp_path / "original", "--answers", tmp_path / "answers.json")
        return gateway("check", tmp_path / "file", *files, *fixed, *context, "--json", *more)

    return check


def table(rows: list[list[str]]) -> bytes:
    sink = io.StringIO(newline="")
    csv.writer(sink).writerows(rows)
    return sink.getvalue().encode()


def kept(*headers: str) -> list[list[str]]:
    """The customer list with these columns alone."""
    places = [place for place, header in enumerate(LIST[0]) if header in headers]
    return [[row[place] for place in places] for row in LIST]


def finds(result: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.out)["findings"]
    return found


def test_a_table_of_nothing_but_what_may_be_shown_passes(checked: Callable[..., Any]) -> None:
    result = checked(table([["Land", "Zahl"], ["DE", "1"], ["FR", "2"]]))
    assert (result.code, finds(result)) == (0, []), result.err
    assert json.loads(result.out)["counts"]["searched"] > 10


def test_a_column_that_was_left_in_is_named_by_kind_place_and_field(checked: Callable[..., Any]) -> None:
    header = next(one for one in LIST[0] if "mail" in one.casefold())
    result = checked(table(kept(header)))
    assert result.code == 1
    assert {(one["kind"], one["title"]) for one in finds(result) if one["place"] == "column 1"} == {
        ("withheld-value", "Contact person"),
        ("withheld-value", "E-mail"),
    }
    assert json.loads(result.err)["type"] == "/problems/withheld-found"


def test_no_value_is_printed(checked: Callable[..., Any]) -> None:
    result = checked(MADE.originals["customer_list"].data)
    assert result.code == 1
    assert len({one["field"] for one in finds(result)}) > 4
    assert [value for value in MADE.withheld_values if value in result.out + result.err] == []


def test_what_a_workbook_hides_is_found_behind_a_clean_sheet(checked: Callable[..., Any]) -> None:
    made = workbooks.workbook([("Land",), ("DE",)])
    made.create_sheet("Tabelle2").append([cell for cell in LIST[1] if len(cell) > 8][0:1])
    made["Tabelle2"].sheet_state = "veryHidden"
    assert checked(workbooks.saved(made)).code == 1


def test_text_under_a_black_box_of_a_viewer_is_found(checked: Callable[..., Any]) -> None:
    def boxed(canvas: Canvas) -> None:
        documents.write(canvas, ["Framework supply agreement", "Contact: Anna KOW ALSKI"])
        canvas.rect(60, 725, 300, 24, fill=1)

    original = documents.document(["Framework supply agreement", "Contact: Anna Kowalski"])
    answers = {"v": 1, "confirmed": True, "terms": ["Kowalski"], "columns": {}, "regions": []}
    result = checked(documents.document(boxed), "contract", original=original, answers=answers)
    assert result.code == 1, result.err
    clean = documents.page(documents.line("Framework supply agreement"))
    assert checked(clean, "contract", original=original, answers=answers).code == 0


CONTRACT = documents.document(["Framework supply agreement", "Contact: Anneliese Kowalski"])
WITHOUT_NAME = {"v": 1, "confirmed": True, "terms": ["Anneliese Kowalski"], "columns": {}, "regions": []}


def screenshot(words: str) -> bytes:
    """What somebody made a picture of, so that no text is in it."""
    picture, out = Image.new("RGB", (560, 96), "white"), io.BytesIO()
    letters, _ = lettering.write([(words, 24)], 0)
    picture.paste((0, 0, 0), (30, 30), letters)
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("to Anneliese Kowalski", "withheld-value-read"),
        ("to Annoliese Kowulski", "nearly-withheld-value-read"),
        ("Framework supply", None),
    ],
)
def test_a_name_that_only_pixels_show_is_read(
    checked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, words: str, kind: str | None
) -> None:
    monkeypatch.setattr(checking, "Networks", lambda _walls: detection.networks())
    result = checked(screenshot(words), "contract", "--read", original=CONTRACT, answers=WITHOUT_NAME)
    assert {one["kind"] for one in finds(result)} == ({kind} if kind else set()), result.err
    assert result.code == (1 if kind else 0)
    told = json.loads(result.out)
    assert (told["clean"], told["read_by"]) == (kind is None, detection.networks().version())
    assert "Kow" not in result.out


def test_pixels_that_nobody_asked_to_read_are_not_called_clean(checked: Callable[..., Any]) -> None:
    result = checked(screenshot("Anneliese Kowalski"), "contract", original=CONTRACT, answers=WITHOUT_NAME)
    assert (result.code, json.loads(result.out)["read_by"]) == (0, "not-read")


def test_without_a_reader_nothing_is_said_to_be_read(
    checked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise DetectorMissing("The model is not installed; install it.")

    monkeypatch.setattr("gateway.detect.models.version", missing)
    result = checked(screenshot("Framework"), "contract", "--read", original=CONTRACT, answers=WITHOUT_NAME)
    assert (result.code, result.out) == (3, "")
    assert json.loads(result.err)["detail"] == "The model is not installed; install it."


def test_pages_and_frames_are_read_where_they_are() -> None:
    reader = Saying("one")
    pages = pages_of(page([], (800, 601)), page([], (800, 601)), pixels={2: np.zeros((601, 800, 3), np.uint8)})
    found = legible.read(pages, reader) or []
    assert [surface.place(passage.box) for surface, passage in found] == [
        "page 1 at 60 80 400 40", "page 2 at 60 80 400 40",
    ]  # fmt: skip
    assert reader.asked == [(400, 301)] * 2

    def frames(cut: Cut) -> Iterator[tuple[int, bytes]]:
        yield cut.start_ms, bytes(cut.size_px[0] * cut.size_px[1] * 3 // 2)

    found = legible.read(Video(401, 300, 3_000, 25, 1, frames, {}), reader) or []
    assert [surface.name for surface, _ in found] == [f"the frame at {ms} ms" for ms in (0, 1000, 2000)]
    assert legible.read(Table.of(("a",), [["1"]]), reader) is None
    with pytest.raises(TooMuchToRead):
        legible.read(pages_of(*[page([], (5000, 5000))] * 20), reader)


def test_an_original_that_cannot_be_rehearsed_is_told_why(checked: Callable[..., Any]) -> None:
    result = checked(table(kept("Country")), answers={"v": 1})
    assert (result.code, result.out) == (3, "")
    assert "Open:" in json.loads(result.err)["detail"]


@pytest.mark.parametrize("data", [b"", b"AC1032\0\0\0\0", b"\x89PNG\r\n\x1a\n broken", b"%PDF-1.7\n nothing"])
def test_what_cannot_be_read_never_passes(checked: Callable[..., Any], data: bytes) -> None:
    result = checked(data)
    assert result.code == 3
    assert "Traceback" not in result.err


def test_what_cannot_be_read_is_searched_all_the_same(checked: Callable[..., Any]) -> None:
    secret = next(value for value in MADE.withheld_values if value in str(LIST) and len(value) > 12)
    assert checked(b"\x89PNG\r\n\x1a\n broken " + secret.encode()).code == 1


def test_a_file_that_is_not_there_is_said(gateway: Gateway, tmp_path: Path) -> None:
    assert gateway("check", tmp_path / "none", "--original", tmp_path, "--kind", "k", "--policy", "p").code == 2
