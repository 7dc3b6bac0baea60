"""The real detector, its models read once for all tests, and a picture made here with everything it looks for."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from gateway.detect.detector import TASK, Networks
from gateway.marks import lettering
from gateway.sandbox.process import ProcessSandbox

SIZE_PX = (640, 416)
EMAIL_AT, NAME_AT, FACE_AT, CODE_AT = (24, 30), (24, 340), (470, 120), (440, 260)
# What a person would draw round each, generously: left, top, right, bottom.
EMAIL, NAME = (20, 26, 330, 62), (20, 332, 240, 376)
FACE, CODE = (440, 80, 502, 165), (430, 250, 582, 402)


@cache
def networks() -> Networks:
    """The detector that every test shares."""
    return Networks(ProcessSandbox((TASK,)))


@cache
def scene() -> Image.Image:
    """A small picture: an address and a name, a face drawn as a face, and a QR code."""
    picture = Image.new("RGB", SIZE_PX, (150, 160, 168))
    _write(picture, "j.gruenwald@firma.example", EMAIL_AT, 20)
    _write(picture, "检验员 李敏", NAME_AT, 28)
    _draw_face(picture, *FACE_AT)
    modules = cv2.QRCodeEncoder.create().encode("LOT 2026-4711")
    code = Image.fromarray(np.asarray(modules, np.uint8)).resize((132, 132), Image.Resampling.NEAREST)
    picture.paste(code.convert("RGB"), CODE_AT)
    return picture


def _write(picture: Image.Image, words: str, at: tuple[int, int], height_px: int) -> None:
    letters, _ = lettering.write([(words, height_px)], 0)
    picture.paste((20, 22, 26), at, letters)


def _draw_face(picture: Image.Image, x: int, y: int) -> None:
    """Seventy pixels across: hair, skin, eyes, nose and mouth, as soft as a lens makes them."""
    half = 80
    face = picture.crop((x - half, y - half, x + half, y + half))
    draw = ImageDraw.Draw(face)

    def oval(right: float, down: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
        middle = (half + 45 * right, half + 60 * down)
        draw.ellipse(
            (middle[0] - 45 * wide, middle[1] - 60 * tall, middle[0] + 45 * wide, middle[1] + 60 * tall), fill=colour
        )

    oval(0, -0.12, 0.58, 0.60, (50, 34, 26))
    draw.rectangle((half - 9, half + 18, half + 9, half + 42), fill=(196, 146, 118))
    oval(0, 0, 0.46, 0.50, (222, 176, 148))
    oval(0.12, 0.05, 0.30, 0.40, (228, 184, 156))
    for side in (-1, 1):
        oval(0.2 * side, -0.08, 0.10, 0.045, (240, 236, 230))
        oval(0.2 * side, -0.08, 0.045, 0.042, (40, 28, 22))
        brow = (half + 4.5 * side, half - 9.6, half + 14 * side, half - 10.2)
        draw.line(brow, fill=(60, 40, 30), width=2)
    oval(0, 0.09, 0.06, 0.05, (200, 150, 124))
    draw.line((half, half - 3, half - 1.35, half + 6), fill=(196, 148, 122), width=2)
    oval(0, 0.26, 0.15, 0.035, (176, 84, 80))
    draw.line((half - 6.75, half + 15.6, half + 6.75, half + 15.6), fill=(120, 50, 50), width=2)
    picture.paste(face.filter(ImageFilter.GaussianBlur(1.5)), (x - half, y - half))
