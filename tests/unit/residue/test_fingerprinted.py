"""The gate finds the fingerprint of the copy it was told of, and nothing else that differs from the original."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.formats import pixels
from gateway.formats.model import Box, Case, Element, Instruction, Mark, Op, Picture, Plan, Rebuilt, Transform
from gateway.formats.picture import PictureFormat
from gateway.residue.gate import check
from gateway.residue.model import Kind, PictureExpectation, WithheldSet
from gateway.residue.picture import picture_pixels
from tests.support import leaks

MARK = Mark("Ningbo", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SEED, OTHER = b"s" * 32, b"o" * 32
NOTHING = WithheldSet(())
SIZE_PX = (400, 300)


def rebuilt(media_type: str, seed: bytes | None = SEED) -> Rebuilt:
    regions = (("work_area", Op.CROP, Box(0, 0, *SIZE_PX)), ("face", Op.BOX, Box(100, 80, 32, 32)))
    plan = Plan(
        tuple(
            Instruction(
                f"region/{number}",
                name,
                Element.REGION,
                name,
                "text",
                (Case((), Transform(op, {}), 1, "PD", "r"),),
                box,
            )
            for number, (name, op, box) in enumerate(regions)
        ),
        fingerprint=seed,
    )
    shown = np.asarray(leaks.photograph(3, SIZE_PX))
    picture = Picture(*SIZE_PX, shown.tobytes(), {}, lossy=media_type == "image/jpeg")
    return PictureFormat().rebuild(picture, plan, MARK, b"x" * 32)


def expectation(one: Rebuilt, seed: bytes = SEED) -> PictureExpectation:
    boxes = tuple((box.left_px, box.top_px, box.width_px, box.height_px) for box in one.boxes)
    return PictureExpectation(one.media_type, SIZE_PX, boxes, MARK.text, seed=seed.hex())


def kinds(data: bytes, expected: PictureExpectation, plain: bytes) -> set[Kind]:
    return {one.kind for one in check(data, expected, NOTHING, plain).findings}


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_what_carries_it_passes_and_what_does_not_is_found(media_type: str) -> None:
    one = rebuilt(media_type)
    assert one.traced is not None
    plain = one.traced.plain
    report = check(one.data, expectation(one), NOTHING, plain)
    assert report.findings == ()
    assert "fingerprint" in report.passed
    assert kinds(rebuilt(media_type, OTHER).data, expectation(one), plain) == {Kind.FINGERPRINT}
    bare = rebuilt(media_type, None)
    assert bare.traced is None
    assert kinds(bare.data, expectation(one), plain) == {Kind.FINGERPRINT}
    assert kinds(one.data, expectation(one), b"") == {Kind.FINGERPRINT}


def test_a_pixel_that_differs_by_something_else_is_found() -> None:
    one = rebuilt("image/png")
    assert one.traced is not None
    shown = picture_pixels(one.data, one.media_type).copy()
    shown[250, 300, 1] ^= 1
    assert kinds(pixels.png(shown), expectation(one), one.traced.plain) == {Kind.FINGERPRINT}


def test_neither_ground_nor_reference_holds_what_a_box_hides() -> None:
    one = rebuilt("image/png")
    assert one.traced is not None
    (box,) = one.boxes
    plain = np.frombuffer(one.traced.plain, np.uint8).reshape(*SIZE_PX[::-1], 3)
    inside = slice(box.top_px, box.top_px + box.height_px), slice(box.left_px, box.left_px + box.width_px)
    assert not plain[inside].any()
    ground = np.frombuffer(one.traced.ground, np.uint8).reshape(one.traced.ground_px[::-1])
    scale = one.traced.ground_px[0] / SIZE_PX[0]
    top, left = int(box.top_px * scale) + 3, int(box.left_px * scale) + 3
    assert not ground[top : top + int(box.height_px * scale) - 6, left : left + int(box.width_px * scale) - 6].any()
