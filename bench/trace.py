"""How often a leaked photograph leads to its copy: `python -m bench.trace FOLDER [ATTACK …]`.

`FOLDER` holds the photographs of `trace_photographs.tsv`, which were fixed before this was written; those whose
bytes are others are left out, and counted. Each is rendered with a fingerprint and a visible mark as a release of its
own is, then attacked, and what came of it is held against the codes of a thousand copies. A picture that is refused for
want of room counts as lost in every row. Rows are written as they come, so that a run can be cut short.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2 as _cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from gateway.base.problems import Problem
from gateway.formats.model import Box, Case, Element, Instruction, Mark, Op, Picture, Plan, Transform
from gateway.formats.picture import PictureFormat
from gateway.marks import fingerprint, visible
from gateway.trace import rules
from gateway.trace.align import Features, Views, differences_of, features_of, placed
from gateway.trace.laying import WAYS

cv2: Any = _cv2
COPIES = 1000
INNOCENT = 100
LIST = Path(__file__).with_name("trace_photographs.tsv")
MARK = Mark("Ningbo Example Magnetics", "rel_01kag5v3q8m2s7d9x4e6b0cfhn", "2026-01-31")

Attack = Callable[[Image.Image], Image.Image]


def coded(picture: Image.Image, kind: str, quality: int) -> Image.Image:
    """Saved and read again."""
    sink = io.BytesIO()
    picture.save(sink, kind, quality=quality)
    return Image.open(sink).convert("RGB")


def scaled(picture: Image.Image, factor: float) -> Image.Image:
    """Made smaller."""
    size = round(picture.width * factor), round(picture.height * factor)
    return picture.resize(size, Image.Resampling.LANCZOS)


def cropped(picture: Image.Image, lost: float) -> Image.Image:
    """`lost` of its area cut off, at a place that its pixels choose."""
    side = math.sqrt(1 - lost)
    width, height = round(picture.width * side), round(picture.height * side)
    random = _random(picture)
    left, top = random.integers(0, picture.width - width + 1), random.integers(0, picture.height - height + 1)
    return picture.crop((int(left), int(top), int(left) + width, int(top) + height))


def tilted(picture: Image.Image) -> Image.Image:
    """Seen from the side."""
    width, height = picture.size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + np.array([[0.06, 0.04], [-0.03, 0.08], [-0.05, -0.03], [0.02, -0.06]], np.float32) * picture.size
    way = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return Image.fromarray(cv2.warpPerspective(np.asarray(picture), way, (width, height), flags=cv2.INTER_CUBIC))


def noisy(picture: Image.Image, deviation: float) -> Image.Image:
    """With Gaussian noise."""
    levels = np.asarray(picture, np.float64)
    return _image(levels + _random(picture).normal(0, deviation, levels.shape))


def photographed(picture: Image.Image) -> Image.Image:
    """Printed and taken with a telephone: tilted, soft, unevenly lit, noisy, saved at 75."""
    soft = np.asarray(tilted(picture).filter(ImageFilter.GaussianBlur(0.7)), np.float64)
    light = np.linspace(0.8, 1.05, soft.shape[1])[None, :, None]
    return coded(noisy(_image(soft * light * 0.85 + 18), 4), "JPEG", 75)


def screenshot(picture: Image.Image) -> Image.Image:
    """Shown at 0.8 in a window with a frame, saved at 85."""
    shown = scaled(picture, 0.8)
    desk = Image.new("RGB", (shown.width + 90, shown.height + 140), (58, 62, 70))
    desk.paste(shown, (40, 90))
    return coded(desk, "JPEG", 85)


def overlaid(picture: Image.Image) -> Image.Image:
    """With somebody else's mark over it."""
    levels = np.array(picture)
    visible.burn_in(levels, "Somebody else · copy 7 · 2026-05-05")
    return Image.fromarray(levels)


def painted(picture: Image.Image) -> Image.Image:
    """With boxes over 30 % of it."""
    levels, random = np.array(picture), _random(picture)
    covered = np.zeros((picture.height, picture.width), np.bool_)
    while covered.mean() < 0.3:
        top, left = random.integers(0, picture.height), random.integers(0, picture.width)
        covered[top : top + picture.height // 5, left : left + picture.width // 5] = True
    levels[covered] = (200, 30, 30)
    return Image.fromarray(levels)


ATTACKS: Mapping[str, Attack] = {
    "as it left": lambda one: one,
    "JPEG 90": lambda one: coded(one, "JPEG", 90),
    "JPEG 50": lambda one: coded(one, "JPEG", 50),
    "JPEG 30": lambda one: coded(one, "JPEG", 30),
    "WebP 50": lambda one: coded(one, "WEBP", 50),
    "resize 0.75": lambda one: scaled(one, 0.75),
    "resize 0.5": lambda one: scaled(one, 0.5),
    "resize 0.25": lambda one: scaled(one, 0.25),
    "crop 10 %": lambda one: cropped(one, 0.1),
    "crop 50 %": lambda one: cropped(one, 0.5),
    "crop 75 %": lambda one: cropped(one, 0.75),
    "rotate 3°": lambda one: one.rotate(3, Image.Resampling.BICUBIC, expand=True),
    "rotate 90°": lambda one: one.transpose(Image.Transpose.ROTATE_90),
    "mirror": lambda one: one.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "perspective": tilted,
    "blur 1 px": lambda one: one.filter(ImageFilter.GaussianBlur(1)),
    "noise 8 levels": lambda one: noisy(one, 8),
    "brightness 1.2, contrast 0.8": lambda one: ImageEnhance.Contrast(
        ImageEnhance.Brightness(one).enhance(1.2)
    ).enhance(0.8),
    "grey": lambda one: one.convert("L").convert("RGB"),
    "median 3": lambda one: one.filter(ImageFilter.MedianFilter(3)),
    "screenshot": screenshot,
    "crop 40 %, resize 0.6, JPEG 50": lambda one: coded(scaled(cropped(one, 0.4), 0.6), "JPEG", 50),
    "print and camera": photographed,
    "a second mark over it": overlaid,
    "boxes over 30 %": painted,
}


def _image(levels: NDArray[np.float64]) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def _random(picture: Image.Image) -> np.random.Generator:
    seed = int.from_bytes(hashlib.sha256(picture.tobytes()).digest()[:8], "big")
    return np.random.Generator(np.random.PCG64(seed))


def photographs(folder: Path) -> Iterator[tuple[str, Image.Image | None]]:
    """Name and pixels of each photograph on the list; None where its bytes are not those of the list."""
    with LIST.open(encoding="utf-8") as lines:
        for name, _source, digest in csv.reader((line for line in lines if line[0] != "#"), delimiter="\t"):
            path = folder / name
            fits = path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest
            yield name, Image.open(path).convert("RGB") if fits else None


def made(picture: Image.Image, seed: bytes | None) -> tuple[Image.Image, NDArray[np.uint8] | None]:
    """A rendition as it leaves, and its ground."""
    area = Box(0, 0, *picture.size)
    case = Case((), Transform(Op.CROP, {}), 1, "PD", "work-area")
    plan = Plan(
        (Instruction("region/1", "work_area", Element.REGION, "Area", "text", (case,), area),), fingerprint=seed
    )
    content = Picture(*picture.size, picture.tobytes(), {}, lossy=True)
    rebuilt = PictureFormat().rebuild(content, plan, MARK, bytes(32))
    shown = Image.open(io.BytesIO(rebuilt.data)).convert("RGB")
    if rebuilt.traced is None:
        return shown, None
    return shown, np.frombuffer(rebuilt.traced.ground, np.uint8).reshape(rebuilt.traced.ground_px[::-1])


def laid_out(picture: Image.Image, seed: bytes) -> tuple[float, float]:
    """Decibels and structural similarity of the fingerprint alone."""
    before = np.asarray(picture)
    after = before.copy()
    fingerprint.lay(after, seed, fingerprint.ground_of(before))
    error = np.mean((after.astype(np.float64) - before) ** 2)
    return 10 * math.log10(255**2 / error), _similarity(picture, Image.fromarray(after))


def _similarity(one: Image.Image, two: Image.Image) -> float:
    """SSIM of the brightness (Wang 2004): Gaussian window of 11 pixels, deviation 1.5."""
    a, b = (np.asarray(each.convert("L"), np.float64) for each in (one, two))

    def mean(levels: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred: NDArray[np.float64] = cv2.GaussianBlur(levels, (11, 11), 1.5)
        return blurred

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b, both = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2, mean(a * b) - mean_a * mean_b
    first, second = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    shares = ((2 * mean_a * mean_b + first) * (2 * both + second)) / (
        (mean_a**2 + mean_b**2 + first) * (var_a + var_b + second)
    )
    return float(shares.mean())


def scores(
    leak: Image.Image, ground: NDArray[np.uint8], of_ground: Features, codes: list[NDArray[np.int8]]
) -> list[float]:
    """The best score of each code over all ways of laying the leak over its ground; none where it was not found."""
    views = Views(np.asarray(leak.convert("L")))
    found = placed(views, of_ground)
    if found is None:
        return []
    _, way, mirrored = found
    _, differences = differences_of(views.shown(mirrored=mirrored), way, ground)
    return [max(fingerprint.score(one, code) for one in differences) for code in codes]


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval of a share, 95 %."""
    if not count:
        return 0.0, 1.0
    z = 1.96
    middle = (hits + z * z / 2) / (count + z * z)
    half = z * math.sqrt(hits * (count - hits) / count + z * z / 4) / (count + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def main() -> None:
    """Print a row for each attack, and what innocent copies and pictures scored."""
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or [*ATTACKS]
    attacks = {name: ATTACKS[name] for name in chosen}
    needed = rules.needed(COPIES * WAYS)
    found: dict[str, list[float]] = {name: [] for name in attacks}
    innocent: list[float] = []
    seen: list[tuple[float, float]] = []
    missing = refused = 0
    for number, (name, picture) in enumerate(photographs(folder)):
        if picture is None:
            missing += 1
            continue
        seeds = [hashlib.sha256(f"{number} {copy}".encode()).digest() for copy in range(1 + INNOCENT)]
        begun = time.perf_counter()
        try:
            shown, ground = made(picture, seeds[0])
        except Problem as problem:
            refused += 1
            for lost in found.values():
                lost.append(0.0)
            print(f"{name}: refused ({problem.slug})", file=sys.stderr, flush=True)
            continue
        if ground is None:
            raise TypeError("a rendition with a seed has a ground")
        codes = [fingerprint.signs_of(seed, fingerprint.grid_of(picture.size)) for seed in seeds]
        of_ground = features_of(ground)
        seen.append(laid_out(picture, seeds[0]))
        for attack, attacked in attacks.items():
            of_all = scores(attacked(shown), ground, of_ground, codes)
            found[attack].append(of_all[0] if of_all else 0.0)
            innocent += of_all[1:]
        innocent += scores(made(picture, None)[0], ground, of_ground, codes[1:])
        took_s = time.perf_counter() - begun
        print(f"{name}: {seen[-1][0]:.1f} dB, SSIM {seen[-1][1]:.4f}, {took_s:.0f} s", file=sys.stderr, flush=True)
        _told(found, innocent, seen, needed, missing, refused)


def _told(
    found: Mapping[str, list[float]],
    innocent: list[float],
    seen: list[tuple[float, float]],
    needed: float,
    missing: int,
    refused: int,
) -> None:
    decibels, similar = zip(*seen, strict=True)
    print(f"\n{len(seen)} photographs, {refused} refused, {missing} missing; needed {needed:.2f}")
    print(f"dB {min(decibels):.1f}–{max(decibels):.1f}, SSIM {min(similar):.4f}–{max(similar):.4f}")
    print("| attack | traced | Wilson 95 % | score, least and median |\n|---|---|---|---|")
    for attack, reached in found.items():
        hits = sum(one >= needed for one in reached)
        low, high = wilson(hits, len(reached))
        middle = sorted(reached)[len(reached) // 2]
        share = f"{hits} of {len(reached)} | {100 * low:.0f}–{100 * high:.0f} %"
        print(f"| {attack} | {share} | {min(reached):.1f}, {middle:.1f} |")
    tails = ", ".join(f"≥ {limit}: {sum(one >= limit for one in innocent)}" for limit in (2, 3, 4, 5))
    print(f"innocent: {len(innocent)} scores, highest {max(innocent):.2f}; {tails}", flush=True)


if __name__ == "__main__":
    main()
