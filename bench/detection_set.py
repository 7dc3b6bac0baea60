"""The pictures that detection is measured on, and where in them the text and the faces are.

Text: every string on a page of its own making, in four languages, from 14 px up, plain, tilted, blurred, dark or noisy.
Faces: portraits of people out of two packages of the npm registry under the MIT licence, none of which is kept here;
their faces were marked by hand. Each is shown in many sizes, turned, blurred, dark, noisy. What is drawn is fixed by a
seed: whoever makes the set anew has the same pixels. Run: python -m bench.detection_set FOLDER
"""

from __future__ import annotations

import hashlib
import io
import random
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from gateway.marks import lettering

SEED = 20_260_404
PAGE_PX, LARGE_PX = (1600, 1200), (4000, 3000)
HEIGHTS_PX = (14, 16, 18, 22, 28, 36, 44)
FACE_HEIGHTS_PX = (32, 36, 44, 56, 72, 96, 128)
TREATMENTS = ("plain", "tilted", "blurred", "dark", "noisy")
LANGUAGES = ("en", "de", "zh", "ja")

Shape = NDArray[np.bool_]
Place = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One string or one face: what it is, how it was treated, where it lies (left, top, right, bottom).

    `ink` says which pixels of that place are covered by the letters, or lie in the marked face.
    """

    what: str
    group: str
    treatment: str
    height_px: int
    place: Place
    ink: Shape


@dataclass(frozen=True, slots=True)
class Page:
    """A picture and everything in it that must be found."""

    name: str
    picture: Image.Image
    items: tuple[Item, ...]


# The package, what its archive must be, and in it each portrait with its face in thousandths: left, top, right, bottom.
PORTRAITS: dict[tuple[str, str], dict[str, Place]] = {
    ("material-kit@2.0.4", "543712c988b2697c61a7ef6c9527ebf850b21b56e1bdfd7258fc6d333f725602"): {
        "package/assets/img/faces/avatar.jpg": (430, 280, 610, 540),
        "package/assets/img/faces/camp.jpg": (460, 240, 690, 620),
        "package/assets/img/faces/card-profile1-square.jpg": (180, 240, 460, 650),
        "package/assets/img/faces/card-profile2-square.jpg": (170, 350, 370, 780),
        "package/assets/img/faces/card-profile4-square.jpg": (520, 290, 760, 580),
        "package/assets/img/faces/card-profile5-square.jpg": (260, 200, 570, 610),
        "package/assets/img/faces/card-profile6-square.jpg": (510, 350, 740, 660),
        "package/assets/img/faces/christian.jpg": (390, 270, 700, 660),
        "package/assets/img/faces/kendall.jpg": (420, 260, 760, 780),
        "package/assets/img/faces/marc.jpg": (340, 230, 660, 740),
    },
    ("soft-ui-design-system@1.0.4", "b999a9fe6dc31469bcb498c9d0560ac17060d76957abe7f1cb1c2dddf61a5095"): {
        "package/assets/img/bruce-mars.jpg": (410, 360, 690, 700),
        "package/assets/img/ivana.jpg": (350, 450, 650, 700),
        "package/assets/img/kal-visuals.jpg": (420, 150, 690, 380),
        "package/assets/img/marie.jpg": (330, 300, 660, 790),
        "package/assets/img/team-1.jpg": (400, 310, 600, 590),
        "package/assets/img/team-2.jpg": (440, 320, 760, 740),
        "package/assets/img/team-3.jpg": (320, 220, 580, 600),
        "package/assets/img/team-4.jpg": (480, 310, 660, 610),
    },
}

_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "en": (
        ("Serial number", "Spindle speed", "Approved by", "Order", "Keep closed", "Batch", "Magnet grade", "Customer"),
        ("Harbour Motors", "Dr. E. Whitfield", "N42SH", "Line 7", "Bay 12", "Rev. C", "Oakridge Ltd", "Unit 3"),
    ),
    "de": (
        ("Seriennummer", "Drehzahl", "Geprüft von", "Auftrag", "Türen schließen", "Charge", "Maßhaltigkeit", "Kunde"),
        ("Rheinmotor GmbH", "J. Grünwald", "Straße 14", "Größe XL", "Halle Süd", "Prüfer Böhm", "Öfen 3", "Müller KG"),
    ),
    "zh": (
        ("设备编号", "主轴转速", "审核人", "订单", "请随手关门", "批次", "磁钢牌号", "客户名称"),
        ("包头稀土供应公司", "王建国", "钕铁硼", "三号车间", "第七生产线", "版本丙", "烧结炉", "质检科李敏"),
    ),
    "ja": (
        ("製造番号", "主軸回転数", "承認者", "注文", "扉を閉めてください", "ロット", "磁石グレード", "お客様"),
        ("東洋モーター株式会社", "佐藤健一", "ネオジム", "第三工場", "ライン七", "改訂ハ", "プレス機", "検査係すずき"),
    ),
}
_INKS = (((20, 20, 24), (222, 224, 220)), ((235, 235, 230), (52, 60, 70)), ((250, 248, 240), (16, 78, 120)),
         ((30, 26, 20), (226, 196, 60)), ((150, 24, 20), (236, 232, 226)), ((60, 62, 64), (168, 172, 174)))  # fmt: skip


def text_pages(*, small: int = 16, large: int = 2) -> Iterator[Page]:
    """Pages of 20 strings, and large photos in which 48 strings are far apart."""
    for number in range(small + large):
        wide = number >= small
        yield _text_page(number, LARGE_PX if wide else PAGE_PX, (8, 6) if wide else (4, 5))


def face_pages(portraits: list[Image.Image]) -> Iterator[Page]:
    """Pages of nine faces cut out with what is round them: each person on twelve of the 24, differently each time."""
    for number in range(24):
        people = range(number % 2, len(portraits), 2)
        yield _face_page(number, LARGE_PX if number >= 22 else PAGE_PX, [(one, portraits[one]) for one in people])


def portraits() -> list[Image.Image]:
    """Every portrait with its face marked as `info["face"]`, fetched with npm and checked against its digest."""
    found = []
    for (package, digest), faces in PORTRAITS.items():
        with tarfile.open(fileobj=io.BytesIO(_packed(package, digest))) as archive:
            for member, place in faces.items():
                file = archive.extractfile(member)
                if file is None:
                    raise FileNotFoundError(member)
                picture = Image.open(io.BytesIO(file.read())).convert("RGB")
                sides = (*picture.size, *picture.size)
                picture.info = {"face": tuple(part * side // 1000 for part, side in zip(place, sides, strict=True))}
                found.append(picture)
    return found


def _packed(package: str, digest: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).iterdir()
        data = archive.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        raise ValueError(f"{package} is not the archive that the faces were marked in")
    return data


def _text_page(number: int, size_px: tuple[int, int], cells: tuple[int, int]) -> Page:
    chance = random.Random(SEED + number)
    page = _ground(size_px, chance)
    items = []
    across, down = cells
    for place in range(across * down):
        language = LANGUAGES[place % 4]
        treatment = TREATMENTS[(place // 4 + number) % len(TREATMENTS)]
        height_px = HEIGHTS_PX[(place + number) % len(HEIGHTS_PX)]
        room = (size_px[0] // across, size_px[1] // down)
        corner = (place % across * room[0], place // across * room[1])
        items.append(_text(page, _words(language, chance), language, treatment, height_px, corner, room, chance))
    return Page(f"text-{number:02}", page, tuple(items))


def _words(language: str, chance: random.Random) -> str:
    heads, names = _WORDS[language]
    code = f"{chance.choice('ABCDEFGHKLMNPRSTUVWXYZ')}{chance.randrange(100, 100_000)}"
    sorts = (chance.choice(names), f"{chance.choice(heads)} {code}", f"{chance.choice(heads)}: {chance.choice(names)}")
    return chance.choice(sorts)


def _text(
    page: Image.Image, words: str, language: str, treatment: str, height_px: int,
    corner: tuple[int, int], room: tuple[int, int], chance: random.Random,
) -> Item:  # fmt: skip
    """Lay a plate with these words somewhere into this room of the page."""
    ink, ground = chance.choice(_INKS)
    while lettering.width(words, height_px) + 3 * height_px > room[0] * 0.94:
        words = words[:-1]
    letters, _ = lettering.write([(words, height_px)], 0)
    margin = height_px // 2
    size = (letters.width + 2 * margin, letters.height + margin)
    plate, mask = Image.new("RGB", size, ground), Image.new("L", size)
    mask.paste(letters, (margin, margin // 2))
    plate.paste(ink, (0, 0), mask)
    whole = Image.new("L", size, 255)
    plate, mask, whole = _treated(plate, mask, whole, treatment, height_px, chance)
    free = (max(0, room[0] - plate.width), max(0, room[1] - plate.height))
    where = (corner[0] + chance.randint(0, free[0]), corner[1] + chance.randint(0, free[1]))
    page.paste(plate, where, whole)
    return _item(words, language, treatment, height_px, where, mask)


def _treated(
    plate: Image.Image, mask: Image.Image, whole: Image.Image, treatment: str, height_px: int, chance: random.Random
) -> tuple[Image.Image, Image.Image, Image.Image]:
    if treatment == "tilted":
        degrees = chance.choice((-1, 1)) * chance.uniform(4, 18)
        turned = [one.rotate(degrees, Image.Resampling.BICUBIC, expand=True) for one in (plate, mask, whole)]
        return turned[0], turned[1], turned[2]
    if treatment == "blurred":
        plate = plate.filter(ImageFilter.GaussianBlur(height_px * chance.uniform(0.03, 0.07)))
    elif treatment == "dark":
        darkness = chance.uniform(0.15, 0.35)
        plate = plate.point(lambda level: int(level * darkness))
    elif treatment == "noisy":
        plate = _noisy(plate, 14, chance)
    return plate, mask, whole


def _face_page(number: int, size_px: tuple[int, int], people: list[tuple[int, Image.Image]]) -> Page:
    chance = random.Random(SEED + 1000 + number)
    page = _ground(size_px, chance)
    room = (size_px[0] // 3, size_px[1] // 3)
    chance.shuffle(people)
    items = []
    for place, (person, portrait) in enumerate(people):
        treatment = TREATMENTS[(person + number // 2) % len(TREATMENTS)]
        height_px = FACE_HEIGHTS_PX[(person + number // 2) % len(FACE_HEIGHTS_PX)]
        corner = (place % 3 * room[0], place // 3 * room[1])
        items.append(_face(page, portrait, f"person {person}", treatment, height_px, corner, room, chance))
    return Page(f"faces-{number:02}", page, tuple(items))


def _face(
    page: Image.Image, portrait: Image.Image, person: str, treatment: str, height_px: int,
    corner: tuple[int, int], room: tuple[int, int], chance: random.Random,
) -> Item:  # fmt: skip
    """Lay a portrait, as much of it as there is round the face, somewhere into this room of the page."""
    left, top, right, bottom = portrait.info["face"]
    scale = height_px / (bottom - top)
    mask = Image.new("L", portrait.size)
    ImageDraw.Draw(mask).ellipse((left, top, right, bottom), fill=255)
    around = bottom - top
    cut = (
        max(0, left - around),
        max(0, top - around),
        min(portrait.width, right + around),
        min(portrait.height, bottom + around),
    )
    size = (round((cut[2] - cut[0]) * scale), round((cut[3] - cut[1]) * scale))
    shown = portrait.crop(cut).resize(size, Image.Resampling.LANCZOS)
    ink = mask.crop(cut).resize(size)
    if chance.random() < 0.5:
        shown, ink = (one.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for one in (shown, ink))
    shown, ink, whole = _treated(shown, ink, Image.new("L", size, 255), treatment, height_px // 2, chance)
    free = (max(0, room[0] - shown.width), max(0, room[1] - shown.height))
    where = (corner[0] + chance.randint(0, free[0]), corner[1] + chance.randint(0, free[1]))
    page.paste(shown, where, whole)
    return _item(person, person, treatment, height_px, where, ink)


def _item(what: str, group: str, treatment: str, height_px: int, where: tuple[int, int], mask: Image.Image) -> Item:
    ink: Shape = np.asarray(mask) > 127
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    inner = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    left, top = where[0] + int(columns[0]), where[1] + int(rows[0])
    return Item(what, group, treatment, height_px, (left, top, left + inner.shape[1], top + inner.shape[0]), inner)


def _ground(size_px: tuple[int, int], chance: random.Random) -> Image.Image:
    """A workshop of sorts: soft light, edges and blocks, the grain of a sensor."""
    page = Image.new("RGB", size_px, tuple(chance.randint(90, 190) for _ in range(3)))
    draw = ImageDraw.Draw(page)
    for _ in range(60):
        left, top = chance.randint(0, size_px[0]), chance.randint(0, size_px[1])
        right, bottom = left + chance.randint(20, size_px[0] // 3), top + chance.randint(20, size_px[1] // 3)
        colour = tuple(chance.randint(50, 215) for _ in range(3))
        shape = chance.choice((draw.rectangle, draw.ellipse))
        shape((left, top, right, bottom), fill=colour)
    return _noisy(page.filter(ImageFilter.GaussianBlur(4)), 5, chance)


def _noisy(picture: Image.Image, strength: int, chance: random.Random) -> Image.Image:
    levels = np.asarray(picture).astype(np.int16)
    levels += np.random.default_rng(chance.randrange(1 << 30)).normal(0, strength, levels.shape).astype(np.int16)
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def main() -> None:
    """Write every page as a PNG into a folder, to be looked at."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for page in (*text_pages(), *face_pages(portraits())):
        page.picture.save(folder / f"{page.name}.png")
        print(page.name, len(page.items))


if __name__ == "__main__":
    main()
