"""What a file holds and hides is told before anybody uploads it, and what cannot be rendered says why."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gateway.cli.inspecting import WORDS
from gateway.cli.specimens import specimens
from gateway.detect import models
from gateway.formats.model import Element
from tests.support import detection, documents, videos, workbooks

Gateway = Callable[..., Any]
MADE = specimens(1)
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="parsing needs Linux")


def inspected(gateway: Gateway, path: Path, data: bytes, *more: str) -> Any:
    path.write_bytes(data)
    return gateway("inspect", path, "--json", *more)


def counts(result: Any) -> dict[str, int]:
    assert result.code == 0, result.err
    return {part["what"]: part["count"] for part in json.loads(result.out)["parts"]}


def test_the_columns_of_a_table_are_counted_with_what_their_values_show(gateway: Gateway, tmp_path: Path) -> None:
    result = inspected(gateway, tmp_path / "list.csv", b"Name,Mail\nAnna,anna@acme.example\nBert,bert@acme.example\n")
    (part,) = json.loads(result.out)["parts"]
    assert (part["what"], part["count"], part["classes"]) == ("columns or paths", 2, {"EMAIL": 1})


def test_what_a_workbook_hides_is_counted(gateway: Gateway, tmp_path: Path) -> None:
    made = workbooks.workbook([("Name", "Number"), ("one", "1"), ("two", "2")])
    page: Any = made.active
    page.row_dimensions[2].hidden = True
    made.create_sheet("other").append(["a secret"])
    made["other"].sheet_state = "veryHidden"
    found = counts(inspected(gateway, tmp_path / "book.xlsx", workbooks.saved(made)))
    assert found == {"columns or paths": 2, "hidden row": 1, "hidden sheet": 1}


def test_which_sheet_is_meant_is_asked_and_can_be_said(gateway: Gateway, tmp_path: Path) -> None:
    made = workbooks.workbook([("Name", "Number"), ("one", "1")], sheet="first")
    made.create_sheet("second").append(["Name", "Place", "Day"])
    made["second"].append(["one", "here", "today"])
    data = workbooks.saved(made)
    asked = inspected(gateway, tmp_path / "book.xlsx", data)
    assert asked.code == 2
    assert "--sheet" in asked.err
    assert counts(inspected(gateway, tmp_path / "book.xlsx", data, "--sheet", "second")) == {"columns or paths": 3}


def test_the_paths_and_comments_of_a_document_are_counted(gateway: Gateway, tmp_path: Path) -> None:
    data = b"<r><!-- one --><part><no>1</no></part><part><no>2</no><mail>anna@acme.example</mail></part></r>"
    found = inspected(gateway, tmp_path / "parts.xml", data)
    assert counts(found) == {"columns or paths": 2, "metadata, XML": 1}
    assert json.loads(found.out)["parts"][0]["classes"] == {"EMAIL": 1}


def test_the_metadata_of_a_photo_are_counted_by_where_they_stand(gateway: Gateway, tmp_path: Path) -> None:
    found = counts(inspected(gateway, tmp_path / "photo.jpg", MADE.originals["production_photo"].data))
    assert found["metadata, EXIF"] > 3


def test_what_a_document_hides_is_counted(gateway: Gateway, tmp_path: Path) -> None:
    data = documents.document(["Contact: anna@acme.example", "End use: motors"], info={"Author": "Anna"})
    found = counts(inspected(gateway, tmp_path / "contract.pdf", data))
    assert (found["pages"], found["lines of text"]) == (1, 2)
    assert found["metadata, docinfo"] >= 1


def test_every_sort_of_field_has_its_words() -> None:
    assert set(WORDS) == set(Element)


def test_people_read_one_line_for_each_sort(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    picture = io.BytesIO()
    Image.new("RGB", (40, 30)).save(picture, "PNG", pnginfo=None)
    path.write_bytes(picture.getvalue())
    result = gateway("inspect", path)
    assert (result.code, result.out.splitlines()[0]) == (0, "photo.png: image/png")
    assert result.out.splitlines()[-1].startswith("View, redact, mark, verify: yes.")


@pytest.mark.parametrize(
    "data",
    [b"", b"AC1032\0\0\0\0 a drawing", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), b"\x89PNG\r\n\x1a\n broken"],
    ids=["empty", "drawing", "old office", "damaged"],
)
def test_what_cannot_be_rendered_says_why_in_one_sentence(gateway: Gateway, tmp_path: Path, data: bytes) -> None:
    result = inspected(gateway, tmp_path / "file", data)
    assert result.code == 3
    told = json.loads(result.err)
    assert told["type"] == "/problems/not-taken"
    assert told["detail"].endswith(".")
    assert "Traceback" not in result.err


def test_what_a_detector_finds_in_a_picture_is_told_where_it_is_asked_for(gateway: Gateway, tmp_path: Path) -> None:
    picture = io.BytesIO()
    detection.scene().save(picture, "PNG")
    result = inspected(gateway, tmp_path / "photo.png", picture.getvalue(), "--detect")
    assert counts(result) == {"lines of writing found": 2, "faces found": 1, "printed codes found": 1}
    told = json.loads(result.out)
    assert [(one["class"], one["classes"]) for one in told["found"]] == [
        ("text", ["EMAIL"]),
        ("face", []),
        ("code", []),
        ("text", []),
    ]
    assert "gruenwald" not in result.out
    assert "found" not in json.loads(inspected(gateway, tmp_path / "photo.png", picture.getvalue()).out)


def test_what_a_detector_finds_in_a_video_is_told_with_its_path(gateway: Gateway, tmp_path: Path) -> None:
    frame = np.asarray(detection.scene().crop((8, 16, 344, 80)))
    data = videos.video(frames=2, size_px=(336, 64), painted=lambda _number: frame)
    result = inspected(gateway, tmp_path / "line.mp4", data, "--detect")
    assert counts(result)["lines of writing found"] == 1
    (found,) = json.loads(result.out)["found"]
    assert (found["class"], found["classes"], [moment[0] for moment in found["path"]]) == ("text", ["EMAIL"], [0, 80])


def test_without_a_detector_only_the_rest_can_be_inspected(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "_ENGINES", ("no_such_engine",))
    models.version.cache_clear()
    picture = io.BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    asked = inspected(gateway, tmp_path / "photo.png", picture.getvalue(), "--detect")
    found = json.loads(gateway("doctor", "--json").out)["findings"]
    monkeypatch.undo()
    models.version.cache_clear()
    assert asked.code == 3
    assert "no_such_engine" in asked.err
    assert {one["what"]: one["state"] for one in found}["detection"] == "absent"
