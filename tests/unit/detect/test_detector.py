"""The detector finds what is there, behind its walls; and what a hostile answer would claim is not believed."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

from gateway.base.canon import Json
from gateway.detect import models
from gateway.detect.detector import Networks
from gateway.detect.model import Found
from gateway.detect.models import FACES, Model
from gateway.detect.problems import DetectorMissing, DetectorUnclear
from gateway.detect.tiles import OVERLAP_PX, TILE_PX, padded, tiles
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import ParseRefused
from tests.support import detection

FOUND: dict[str, Any] = {"sort": "text", "place": [1, 2, 30, 10], "words": "a@b.example", "classes": ["EMAIL"]}


def found(sort: str) -> list[Found]:
    scene = detection.scene()
    return [one for one in _read(scene.size, scene.tobytes()) if one.sort == sort]


@cache
def _read(size_px: tuple[int, int], rgb: bytes) -> tuple[Found, ...]:
    return detection.networks().read(*size_px, rgb)


def inside(place: tuple[int, int, int, int], around: tuple[int, int, int, int]) -> bool:
    left, top, width, height = place
    return around[0] <= left and around[1] <= top and left + width <= around[2] and top + height <= around[3]


def test_every_line_is_found_and_read() -> None:
    address, name = found("text")
    assert inside(address.place, detection.EMAIL)
    assert address.place[2] > 270
    assert (address.words, address.classes) == ("j.gruenwald@firma.example", frozenset({"EMAIL"}))
    assert inside(name.place, detection.NAME)
    assert name.words.replace(" ", "") == "检验员李敏"


def test_a_face_is_found() -> None:
    scene = detection.scene()
    (face,) = (one for one in detection.networks().find(*scene.size, scene.tobytes()) if one.sort == "face")
    assert inside(face.place, detection.FACE)
    assert face.words == ""


def test_a_printed_code_is_found() -> None:
    (code,) = found("code")
    assert inside(code.place, detection.CODE)


@pytest.mark.parametrize("size_px", [(1, 1), (3, 200), (1500, 2)])
def test_a_picture_of_any_shape_is_looked_at(size_px: tuple[int, int]) -> None:
    width_px, height_px = size_px
    noise = np.random.default_rng(7).integers(0, 256, (height_px, width_px, 3), np.uint8)
    for one in detection.networks().find(width_px, height_px, noise.tobytes()):
        left, top, width, height = one.place
        assert 0 <= left < left + width <= width_px
        assert 0 <= top < top + height <= height_px


class Answering:
    """A sandbox whose child says what it likes."""

    def __init__(self, told: object) -> None:
        self.asked = 0
        self._reply = Reply({}, (json.dumps(told).encode(),))

    def layers(self) -> frozenset[Layer]:
        return frozenset()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        self.asked += 1
        return self._reply

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        return iter(self._reply.blobs)


def test_the_same_pixels_are_looked_at_once() -> None:
    child = Answering([FOUND])
    networks = Networks(child)
    first = networks.find(40, 20, bytes(2400))
    assert networks.find(40, 20, bytes(2400)) == first
    assert child.asked == 1
    networks.find(40, 20, b"\1" + bytes(2399))
    assert child.asked == 2


@pytest.mark.parametrize(
    "told",
    [
        {},
        "text",
        [[]],
        [{}],
        [FOUND | {"more": 1}],
        [FOUND | {"sort": "weapon"}],
        [FOUND | {"words": 7}],
        [FOUND | {"words": "x" * 401}],
        [FOUND | {"place": [1, 2, 30]}],
        [FOUND | {"place": [1, 2, 30, True]}],
        [FOUND | {"place": [1.0, 2, 30, 10]}],
        [FOUND | {"place": [-1, 2, 30, 10]}],
        [FOUND | {"place": [1, 2, 0, 10]}],
        [FOUND | {"place": [1, 2, 40, 10]}],
        [FOUND | {"place": [1, 2, 30, 19]}],
        [FOUND | {"classes": "EMAIL"}],
        [FOUND | {"classes": ["HARMLESS"]}],
        [FOUND | {"classes": [["EMAIL"]]}],
        [FOUND] * 2001,
    ],
    ids=str,
)
def test_what_does_not_add_up_is_refused(told: object) -> None:
    with pytest.raises(DetectorUnclear):
        Networks(Answering(told)).find(40, 20, bytes(2400))


def test_more_than_can_be_told_is_refused_and_not_cut_off() -> None:
    class Crowded(Answering):
        def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
            raise ParseRefused("It would not.", "crowded", {})

    with pytest.raises(DetectorUnclear, match="split the picture"):
        Networks(Crowded([])).find(40, 20, bytes(2400))


def test_words_stay_in_the_child_that_read_them() -> None:
    scene = detection.scene()
    quiet = detection.networks().find(*scene.size, scene.tobytes())
    assert {one.words for one in quiet} == {""}
    assert [(one.sort, one.place, one.classes) for one in quiet if one.sort != "face"] == [
        (one.sort, one.place, one.classes) for one in _read(scene.size, scene.tobytes())
    ]


def test_another_model_than_the_one_that_was_measured_is_not_used() -> None:
    with pytest.raises(DetectorMissing, match="another than the one"):
        Model(FACES.distribution, FACES.path, "0" * 64).read()
    with pytest.raises(DetectorMissing, match="is not installed"):
        Model("no-such-distribution", FACES.path, FACES.sha256).read()


def test_a_gateway_without_the_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_ENGINES", ("no_such_engine",))
    models.version.cache_clear()
    with pytest.raises(DetectorMissing, match=r"disclosure-gateway\[detect\]"):
        Networks(Answering([FOUND])).find(40, 20, bytes(2400))
    monkeypatch.undo()
    models.version.cache_clear()
    assert "centerface/09189dea" in models.version()


@pytest.mark.parametrize("size_px", [(1, 1), (1088, 1088), (1089, 40), (4000, 3000), (2017, 1090)])
def test_tiles_leave_nothing_out(size_px: tuple[int, int]) -> None:
    width_px, height_px = size_px
    covered = np.zeros((height_px, width_px), np.bool_)
    cut = list(tiles(np.zeros((height_px, width_px, 3), np.uint8)))
    for tile in cut:
        rows, columns = tile.pixels.shape[:2]
        assert max(rows, columns) <= TILE_PX
        assert not padded(tile.pixels).shape[0] % 32
        assert not padded(tile.pixels).shape[1] % 32
        if tile.scale == 1.0:
            covered[tile.top_px : tile.top_px + rows, tile.left_px : tile.left_px + columns] = True
    assert covered.all()
    lefts = sorted({tile.left_px for tile in cut if tile.scale == 1.0})
    extent = cut[0].pixels.shape[1]
    assert all(right - left <= extent - OVERLAP_PX for left, right in itertools.pairwise(lefts))
