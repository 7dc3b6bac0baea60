"""What is read from the frozen drawings, and what is drawn of them, stays what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.formats import drawing_scene, parse_dxf, parse_svg
from gateway.formats.drawing_scene import Scene, View
from gateway.sandbox.task import TaskRefused

FOLDER = Path(__file__).parents[2] / "vectors" / "drawing"
READERS: dict[str, Callable[[bytes], Scene]] = {"dxf": parse_dxf.scene_of, "svg": parse_svg.scene_of}
EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text("utf-8"))
BROKEN: list[dict[str, str]] = json.loads((FOLDER / "broken.json").read_text("utf-8"))


def told(name: str) -> dict[str, Any]:
    """The outline of a frozen drawing, but for what its library says of itself, and every path that is drawn of it."""
    form = name.rpartition(".")[2]
    scene = READERS[form]((FOLDER / name).read_bytes())
    outline, _ = drawing_scene.answer({"what": "outline"}, scene)
    hidden = outline.pop("parts").get("hidden", [])
    seen = drawing_scene.extent(scene.shapes)
    assert seen is not None
    view = View.of(seen, (400, 400), y_up=scene.y_up)
    lines = drawing_scene.svg_of([one for one in scene.shapes if one.text is None], view).splitlines()
    return {**json.loads(json.dumps(outline)), "hidden": hidden, "drawn": lines}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_frozen_drawing_is_read_and_drawn_as_ever(name: str) -> None:
    assert told(name) == EXPECTED[name]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["name"])
def test_a_broken_drawing_is_refused_by_its_name(case: dict[str, str]) -> None:
    with pytest.raises(TaskRefused) as caught:
        READERS[case["form"]](case["content"].encode())
    assert caught.value.code == case["refused"]
