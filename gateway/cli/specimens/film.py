"""Three seconds of a conveyor, drawn frame by frame, with sound, place and chapters as a telephone would keep them."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from gateway.base.canon import Json
from gateway.marks.lettering import FONTS_DIR

WIDTH_PX, HEIGHT_PX, FPS, FRAMES = 960, 540, 25, 60
_SPEED_PX = 5
_DURATION_MS = FRAMES * 1000 // FPS


@dataclass(frozen=True, slots=True)
class SpecimenFilm:
    """The video's bytes, the planted texts beside its pictures, and the regions that a reviewer would draw."""

    data: bytes
    withheld: tuple[str, ...]
    regions: tuple[dict[str, Json], ...]


def line_video(seed: int) -> SpecimenFilm:
    """An MP4: rotors wander from left to right, a label on one of them; a screen tells the recipe."""
    import av  # noqa: PLC0415 there is none without the extra

    chance = random.Random(f"film/{seed}")  # noqa: S311 specimens are drawn to be the same again
    recipe = f"REZEPT VX9-R{chance.randint(3, 9)}"
    tags = {
        "title": "Linie 2 Magnetisierung, Volta-X9",
        "comment": f"Auftrag SO-2025{chance.randint(41873, 41999):06d}, nur intern",
        "artist": "Korbinian Brandlhuber",
        "location": "+47.6885+009.1706/",
    }
    sink = io.BytesIO()
    container: Any = av.open(sink, "w", format="mp4", options={"movflags": "use_metadata_tags"})
    with container:
        container.metadata.update(tags)
        track = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "24", "threads": "1"})
        track.width, track.height, track.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        sound = container.add_stream("aac", rate=48_000)
        length = {"id": 1, "start": 0, "end": _DURATION_MS, "time_base": Fraction(1, 1000)}
        container.set_chapters([{**length, "metadata": {"title": "Halle 3, Schicht Brandlhuber"}}])
        for picture in _frames(recipe, chance):
            container.mux(track.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")))
        container.mux(track.encode(None))
        _hum(av, container, sound)
    withheld = (*tags.values(), "Halle 3, Schicht Brandlhuber")
    return SpecimenFilm(sink.getvalue(), withheld, _regions())


def _regions() -> tuple[dict[str, Json], ...]:
    """The belt for all of its time, and what is covered on it: the label follows its rotor."""
    moments: list[Json] = [[_DURATION_MS * step // 6, *_label_at(FRAMES * step // 6)] for step in range(7)]
    return (
        {"class": "work_area", "box": [40, 130, 880, 400]},
        {"class": "screen", "box": [652, 150, 208, 170]},
        {"class": "label", "path": moments},
    )


def _label_at(frame: int) -> tuple[int, int, int, int]:
    return 170 + _SPEED_PX * frame, 344, 108, 58


def _frames(recipe: str, chance: random.Random) -> Iterator[Image.Image]:
    still = _still(recipe)
    grains = [Image.frombytes("L", (480, 270), chance.randbytes(480 * 270)).resize((WIDTH_PX, HEIGHT_PX)) for _ in "ab"]
    rotor = _rotor()
    for number in range(FRAMES):
        picture = still.copy()
        draw = ImageDraw.Draw(picture)
        for roller in range(9):
            x, turn = 90 + 100 * roller, number / 5
            draw.line((x, 470, x + 13 * math.cos(turn), 470 + 13 * math.sin(turn)), fill=(70, 74, 78), width=3)
        for place in range(-3, 6):
            picture.paste(rotor, (170 + 216 * place + _SPEED_PX * number, 312), rotor)
        left, top, _, _ = _label_at(number)
        draw.rectangle((left + 6, top + 4, left + 101, top + 51), fill=(250, 250, 246), outline=(120, 120, 116))
        _words(draw, (left + 12, top + 9), ("RM-48213-N4", "Volta-X9"), 13, (20, 20, 20))
        head = 180 + abs((number * 4) % 120 - 60)
        draw.rectangle((446, 90, 494, head), fill=(150, 156, 162), outline=(60, 66, 72), width=2)
        draw.polygon([(446, head), (494, head), (482, head + 26), (458, head + 26)], fill=(196, 132, 72))
        yield Image.blend(picture, Image.merge("RGB", (grains[number % 2],) * 3), 0.035)


def _still(recipe: str) -> Image.Image:
    """What does not move: the hall, the belt, the press, the screen, a caption burned in by the telephone."""
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (198, 202, 200))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, WIDTH_PX, 90), fill=(122, 128, 132))
    for left in range(0, WIDTH_PX, 160):
        draw.line((left, 90, left, 330), fill=(180, 185, 183), width=2)
    draw.rectangle((0, 430, WIDTH_PX, HEIGHT_PX), fill=(116, 118, 116))
    draw.rectangle((396, 60, 544, 120), fill=(70, 98, 122), outline=(40, 58, 74), width=3)
    draw.rectangle((380, 120, 400, 440), fill=(70, 98, 122), outline=(40, 58, 74), width=2)
    draw.rectangle((540, 120, 560, 440), fill=(70, 98, 122), outline=(40, 58, 74), width=2)
    draw.rectangle((0, 404, WIDTH_PX, 440), fill=(46, 50, 54))
    draw.rectangle((0, 404, WIDTH_PX, 410), fill=(84, 90, 94))
    for roller in range(9):
        draw.ellipse(
            (74 + 100 * roller, 454, 106 + 100 * roller, 486), fill=(150, 154, 158), outline=(70, 74, 78), width=3
        )
    draw.rectangle((660, 158, 852, 312), fill=(30, 34, 38), outline=(20, 22, 24), width=5)
    draw.rectangle((668, 166, 844, 304), fill=(14, 34, 52))
    _words(draw, (676, 172), (recipe, "Feld   3.42 T", "Puls   2.80 kV", "Takt   18.4 s"), 20, (120, 226, 150))
    _words(draw, (18, 12), ("Rheintal Motion, Halle 3, Linie 2", "2026-01-12 06:42 Brandlhuber"), 22, (250, 250, 240))
    soft = picture.filter(ImageFilter.GaussianBlur(0.7))
    shade = (
        Image.linear_gradient("L")
        .resize((WIDTH_PX, HEIGHT_PX))
        .point([round(255 - level * 0.2) for level in range(256)])
    )
    return Image.composite(soft, Image.new("RGB", soft.size, (30, 34, 38)), shade)


def _rotor() -> Image.Image:
    """One rotor, lying on the belt in a carrier."""
    picture = Image.new("RGBA", (108, 94), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for step in range(-50, 50):
        light = round(96 + 110 * math.exp(-((step + 16) ** 2) / 500))
        tone = round(light * (0.78 if (step + 50) // 12 % 2 else 1.0))
        draw.line((54 + step, 22, 54 + step, 92 - (step * step) // 420), fill=(tone, tone, min(255, tone + 8), 255))
    draw.ellipse((4, 12, 104, 32), fill=(204, 208, 212, 255), outline=(110, 114, 118, 255))
    draw.rectangle((48, 0, 60, 22), fill=(214, 216, 218, 255), outline=(120, 124, 128, 255))
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def _hum(av: Any, container: Any, sound: Any) -> None:
    """The hum of the line: what people say beside it would be in the same track."""
    for number in range(FRAMES * 48_000 // FPS // 1024):
        at = np.arange(1024 * number, 1024 * (number + 1), dtype=np.float32)
        wave = 0.1 * np.sin(at * (2 * math.pi * 100 / 48_000))
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]).astype(np.float32), format="fltp", layout="stereo")
        frame.rate, frame.pts = 48_000, 1024 * number
        container.mux(sound.encode(frame))
    container.mux(sound.encode(None))


def _words(
    draw: Any, corner: tuple[int, int], lines: tuple[str, ...], size_px: int, colour: tuple[int, int, int]
) -> None:
    font = ImageFont.truetype(FONTS_DIR / "DejaVuSans.ttf", size_px, layout_engine=ImageFont.Layout.BASIC)
    for number, line in enumerate(lines):
        draw.text((corner[0], corner[1] + number * size_px * 1.4), line, font=font, fill=colour)
