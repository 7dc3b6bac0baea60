"""In how many frames of films text and faces are covered by what a detector suggests, and how much else is.

Short films made for this from a seed: a plate with a line of text and a portrait of `bench.detection_set`, each still,
moving evenly, fast, to and fro, passing through the picture, or elsewhere in each shot. Every film goes the whole way:
encoded, read in the sandbox, looked at, followed. In each frame a text counts as covered when 95 % of its rectangle
lies under one region that is there at that time, a face when 70 % of it does: the regions as suggested, before boxes
grow from them. Prints one Markdown table. Exit code 1 below a floor. Run: python -m bench.films [--quick]
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PIL import Image

from bench.detection_set import LANGUAGES, Place, _ground, _words, portraits
from gateway.app import COLD_TASKS
from gateway.detect.detector import TASK, Networks
from gateway.detect.model import FACE, TEXT, Detector
from gateway.formats.film import covered_between, whole_of
from gateway.formats.model import Box, Element, Field, Instruction
from gateway.formats.video import PARSE_TASKS, VideoFormat
from gateway.marks import lettering
from gateway.render.film_suggestions import film_regions
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.process import ProcessSandbox
from tests.support import videos

SEED = 20_260_406
SIZE_PX, FPS, FRAMES = (800, 448), videos.FPS, 100
SHOT_FRAMES = 33
FLOORS = {TEXT: 0.97, FACE: 0.95}
COVERED = {TEXT: 0.95, FACE: 0.70}
MOTIONS = ("still", "even", "fast", "to and fro", "passing", "shots")


@dataclass(frozen=True, slots=True)
class Film:
    """A film's frames, and where in each of them the text and the face are, if they are in it."""

    motion: str
    frames: tuple[Image.Image, ...]
    places: Mapping[str, tuple[Place | None, ...]]


@dataclass(frozen=True, slots=True)
class Measured:
    """In how many frames of how many each sort was covered, and how much of all frames was."""

    motion: str
    covered: Mapping[str, int]
    shown: Mapping[str, int]
    share: float


def films(heads: Sequence[Image.Image], motions: Sequence[str] = MOTIONS, frames: int = FRAMES) -> Iterator[Film]:
    """One film for each motion; every head has its face marked as `info["face"]`."""
    for number, motion in enumerate(motions):
        chance = random.Random(SEED + number)
        yield _film(motion, heads[number % len(heads)], LANGUAGES[number % len(LANGUAGES)], frames, chance)


def measured(film: Film, sandbox: Sandbox, detector: Detector) -> Measured:
    """The film, all the way."""
    pixels = [np.asarray(frame) for frame in film.frames]
    data = videos.video(
        frames=len(pixels), size_px=SIZE_PX, painted=lambda at: pixels[at], options={"preset": "veryfast", "crf": "23"}
    )
    video = VideoFormat().read(data, "video/mp4", sandbox)
    found = [_order(one) for one in film_regions(video, whole_of(video), detector)]
    covered, shown, under = Counter[str](), Counter[str](), 0.0
    for number in range(len(pixels)):
        at_ms = Fraction(1000 * number, FPS)
        there = [(one.name, box) for one in found if (box := covered_between(one, at_ms, at_ms)) is not None]
        under += _share([box for _, box in there])
        for sort, places in film.places.items():
            place = places[number]
            if place is not None:
                shown[sort] += 1
                covered[sort] += any(_lies_under(place, box, sort) for name, box in there if name == sort)
    return Measured(film.motion, covered, shown, under / len(pixels))


def main() -> int:
    """Make, measure, print, compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seconds of each film")
    quick = parser.parse_args().quick
    sandbox, looking = ProcessSandbox(PARSE_TASKS, cold=frozenset(PARSE_TASKS) & COLD_TASKS), ProcessSandbox((TASK,))
    detector = Networks(looking)
    print("| motion | text covered | faces covered | share of the picture |\n|---|---:|---:|---:|")
    done = []
    for film in films(portraits(), frames=2 * FPS if quick else FRAMES):
        done.append(measured(film, sandbox, detector))
        _row(done[-1].motion, done[-1:])
    _row("**all**", done)
    sandbox.close()
    looking.close()
    return 0 if all(recall(done, sort) >= floor for sort, floor in FLOORS.items()) else 1


def recall(done: Sequence[Measured], sort: str) -> float:
    """In which share of the frames that show such a thing it was covered."""
    return sum(one.covered[sort] for one in done) / sum(one.shown[sort] for one in done)


def _row(name: str, done: Sequence[Measured]) -> None:
    counts = [
        f"{sum(one.covered[sort] for one in done)} of {sum(one.shown[sort] for one in done)} ({recall(done, sort):.1%})"
        for sort in (TEXT, FACE)
    ]
    print(f"| {name} | {' | '.join(counts)} | {sum(one.share for one in done) / len(done):.0%} |", flush=True)


def _film(motion: str, head: Image.Image, language: str, count: int, chance: random.Random) -> Film:
    plate, words = _plate(_words(language, chance), chance.choice((18, 22, 28)))
    portrait, face = _portrait(head, chance.choice((48, 64, 88)))
    grounds = [_ground(SIZE_PX, chance) for _ in range(3)]
    paths = {TEXT: _path(motion, plate.size, chance), FACE: _path(motion, portrait.size, chance)}
    frames, places = [], {TEXT: list[Place | None](), FACE: list[Place | None]()}
    for number in range(count):
        frame = grounds[number // SHOT_FRAMES % 3 if motion == "shots" else 0].copy()
        for sort, sprite, inner in ((FACE, portrait, face), (TEXT, plate, words)):
            left, top = paths[sort](number)
            frame.paste(sprite, (left, top))
            places[sort].append(_inside((left + inner[0], top + inner[1], left + inner[2], top + inner[3])))
        _hide(places, number, paths, plate.size)
        frames.append(frame)
    return Film(motion, tuple(frames), {sort: tuple(one) for sort, one in places.items()})


def _plate(words: str, height_px: int) -> tuple[Image.Image, Place]:
    """Dark letters on a bright plate, and where the letters are on it."""
    letters, _ = lettering.write([(words[:14], height_px)], 0)
    margin = height_px // 2
    plate = Image.new("RGB", (letters.width + 2 * margin, letters.height + margin), (224, 224, 218))
    plate.paste((24, 24, 28), (margin, margin // 2), letters)
    left, top, right, bottom = letters.getbbox() or (0, 0, 0, 0)
    return plate, (margin + left, margin // 2 + top, margin + right, margin // 2 + bottom)


def _portrait(head: Image.Image, height_px: int) -> tuple[Image.Image, Place]:
    """What is round a face, so large that the face has this height, and where the face is on it."""
    left, top, right, bottom = head.info["face"]
    more, scale = (bottom - top) // 2, height_px / (bottom - top)
    cut = max(0, left - more), max(0, top - more), min(head.width, right + more), min(head.height, bottom + more)
    size = round((cut[2] - cut[0]) * scale), round((cut[3] - cut[1]) * scale)
    sides = [round((side - cut[place % 2]) * scale) for place, side in enumerate((left, top, right, bottom))]
    return head.crop(cut).resize(size, Image.Resampling.LANCZOS), (sides[0], sides[1], sides[2], sides[3])


def _path(motion: str, size: tuple[int, int], chance: random.Random) -> Callable[[int], tuple[int, int]]:
    """Where the upper left corner is in each frame."""
    room = SIZE_PX[0] - size[0], SIZE_PX[1] - size[1]
    start = chance.randint(0, room[0] // 3), chance.randint(0, room[1] // 2)
    turn, ways = chance.random(), {"still": 0.0, "even": 2.4, "fast": 8.0}
    corners = [(chance.randint(0, room[0]), chance.randint(0, room[1])) for _ in range(3)]

    def at(number: int) -> tuple[int, int]:
        match motion:
            case "to and fro":
                swing = math.sin(2 * math.pi * (number / (3 * FPS) + turn))
                return round(room[0] / 2 + 110 * swing), round(start[1] + 20 * swing)
            case "passing":
                # From outside on the left to outside on the right, in about three seconds.
                return round(-size[0] - 60 * turn + number * (SIZE_PX[0] + size[0]) / (3 * FPS)), start[1]
            case "shots":
                return corners[number // SHOT_FRAMES % 3]
        gone = ways[motion] * number
        # Back again where the picture ends.
        return round(room[0] - abs((start[0] + gone) % (2 * room[0]) - room[0])), round(start[1] + gone / 10)

    return at


def _inside(place: Place) -> Place | None:
    """The part that is in the picture; nothing where that is less than half, which nobody recognises."""
    left, top, right, bottom = place
    cut = max(0, left), max(0, top), min(SIZE_PX[0], right), min(SIZE_PX[1], bottom)
    whole, seen = (right - left) * (bottom - top), max(0, cut[2] - cut[0]) * max(0, cut[3] - cut[1])
    return cut if 2 * seen >= whole else None


def _hide(
    places: dict[str, list[Place | None]], number: int, paths: Mapping[str, Callable[[int], tuple[int, int]]],
    plate: tuple[int, int],
) -> None:  # fmt: skip
    """A face behind the plate is not there."""
    face, (left, top) = places[FACE][-1], paths[TEXT](number)
    if face and face[0] < left + plate[0] and left < face[2] and face[1] < top + plate[1] and top < face[3]:
        places[FACE][-1] = None


def _order(one: Field) -> Instruction:
    return Instruction(one.id, one.name or "", Element.REGION, "", "text", (), one.box, path=one.path)


def _lies_under(place: Place, box: Box, sort: str) -> bool:
    left, top, right, bottom = place
    wide = min(right, box.left_px + box.width_px) - max(left, box.left_px)
    tall = min(bottom, box.top_px + box.height_px) - max(top, box.top_px)
    return max(0, wide) * max(0, tall) >= COVERED[sort] * (right - left) * (bottom - top)


def _share(boxes: Sequence[Box]) -> float:
    """How much of the picture they take up together."""
    under = np.zeros(SIZE_PX[::-1], np.bool_)
    for box in boxes:
        under[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px] = True
    return float(under.mean())


if __name__ == "__main__":
    sys.exit(main())
