"""A photograph with texture, policies that require a fingerprint, and what happens to a picture on its way around."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.support.originals import Planted

POLICIES = Path(__file__).parents[2] / "policies"
PHOTO = "cn-mofcom-single/production-photo.yaml"
SIZE_PX = (520, 400)
WORK_AREA = Box(8, 8, 504, 384)


def requiring_fingerprints(folder: Path) -> Path:
    """The packs, with a fingerprint required of production photographs."""
    packs = folder / "packs"
    shutil.copytree(POLICIES, packs)
    text = (packs / PHOTO).read_text("utf-8")
    changed = text.replace("output: {mark: required,", "output: {mark: required, fingerprint: required,")
    if changed == text:
        raise ValueError("the policy of production photographs says its output in other words")
    (packs / PHOTO).write_text(changed, "utf-8")
    return packs


def photograph(seed: int = 1, size_px: tuple[int, int] = SIZE_PX) -> Image.Image:
    """Clouds of every size with edges in them: the spectrum of a photograph, the same on every machine."""
    random = np.random.Generator(np.random.PCG64(seed))
    levels = np.zeros((size_px[1], size_px[0], 3), np.float64)
    for step in (160, 80, 40, 20, 10, 5, 3):
        small = random.integers(0, 256, (size_px[1] // step + 2, size_px[0] // step + 2, 3), dtype=np.uint8)
        levels += np.asarray(Image.fromarray(small).resize(size_px, Image.Resampling.BICUBIC), np.float64) * step**0.35
    levels = (levels - levels.min()) * 215 / np.ptp(levels) + 20
    for _ in range(160):
        left, top = random.integers(0, size_px[0] - 40), random.integers(0, size_px[1] - 30)
        across, down = random.integers(8, 40), random.integers(8, 30)
        levels[top : top + down, left : left + across] += random.integers(-70, 71)
    return Image.fromarray(np.clip(levels, 8, 247).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def original(picture: Image.Image, *boxes: Box) -> Planted:
    """It as an original, a work area drawn and these boxes over faces."""
    regions = (Region("work_area", WORK_AREA), *(Region("face", box) for box in boxes))
    answers = Answers(regions=regions, confirmed=True)
    return Planted("photo", "production_photo", "image/png", "Linie2.png", as_png(picture), (), answers)


def as_png(picture: Image.Image) -> bytes:
    """Without loss."""
    sink = io.BytesIO()
    picture.save(sink, "PNG", compress_level=1)
    return sink.getvalue()


def as_jpeg(picture: Image.Image, quality: int) -> bytes:
    """With loss."""
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=quality)
    return sink.getvalue()


def shown(data: bytes) -> Image.Image:
    """What the file shows."""
    return Image.open(io.BytesIO(data)).convert("RGB")


def passed_on(data: bytes) -> bytes:
    """Cut out, made smaller and saved badly, as when somebody sends a part of it by a messenger."""
    picture = shown(data)
    part = picture.crop((60, 50, 60 + picture.width * 4 // 5, 50 + picture.height * 4 // 5))
    return as_jpeg(part.resize((part.width * 9 // 10, part.height * 9 // 10), Image.Resampling.LANCZOS), 75)
