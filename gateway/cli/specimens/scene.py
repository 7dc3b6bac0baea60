"""A magnetising station in a motor plant, drawn: machine, bench, rotors, a worker, and walls full of secrets."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont

from gateway.marks.lettering import FONTS_DIR

WIDTH_PX, HEIGHT_PX = 1800, 1200

Colour = tuple[int, int, int]
Point = tuple[float, float]

# What a reviewer would draw: class, then left, top, width, height.
REGIONS: tuple[tuple[str, tuple[int, int, int, int]], ...] = (
    ("work_area", (60, 330, 1330, 830)),
    ("face", (1188, 300, 164, 196)),
    ("badge", (1286, 560, 72, 96)),
    ("screen", (424, 388, 236, 172)),
    ("machine_plate", (152, 640, 150, 84)),
    ("label", (838, 908, 166, 78)),
    ("drawing", (772, 150, 300, 236)),
    ("whiteboard", (1404, 150, 380, 300)),
    ("other_product", (1452, 690, 330, 330)),
)

_STEEL: Colour = (176, 182, 188)
_PAINT: Colour = (70, 98, 122)
_DARK: Colour = (44, 50, 56)
_OVERALL: Colour = (38, 66, 110)
_SKIN: Colour = (206, 164, 138)


def workshop(seed: int) -> Image.Image:
    """The scene as RGB pixels, `WIDTH_PX` × `HEIGHT_PX`; the seed decides wear, grain and the little things."""
    chance = random.Random(f"scene/{seed}")  # noqa: S311 specimens are drawn to be the same again
    picture = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), (206, 208, 206))
    _room(picture, chance)
    _wall(picture, chance)
    _pallet(picture, chance)
    _machine(picture, chance)
    _worker(picture)
    _bench(picture, chance)
    return _through_a_lens(picture, chance)


def _room(picture: Image.Image, chance: random.Random) -> None:
    _fade(picture, (0, 0, WIDTH_PX, 140), (96, 100, 104), (150, 153, 155))
    _fade(picture, (0, 140, WIDTH_PX, 700), (222, 223, 219), (196, 198, 195))
    _fade(picture, (0, 700, WIDTH_PX, HEIGHT_PX), (150, 152, 150), (104, 107, 108))
    draw = ImageDraw.Draw(picture)
    for left in range(0, WIDTH_PX, 225):
        draw.line((left, 140, left, 700), fill=(188, 190, 187), width=2)
    draw.rectangle((0, 560, WIDTH_PX, 700), fill=(168, 178, 176))
    draw.line((0, 560, WIDTH_PX, 560), fill=(120, 132, 130), width=3)
    draw.rectangle((0, 694, WIDTH_PX, 704), fill=(82, 88, 90))
    for left in (120, 760, 1380):
        _lamp(picture, left, 46)
    for offset in range(-900, 2700, 300):
        draw.line((900 + (offset - 900) * 0.62, 704, offset, HEIGHT_PX), fill=(122, 124, 123), width=2)
    draw.polygon([(1330, 704), (1356, 704), (1630, HEIGHT_PX), (1560, HEIGHT_PX)], fill=(206, 176, 52))
    for _ in range(260):
        left, top = chance.randint(0, WIDTH_PX), chance.randint(712, HEIGHT_PX)
        shade = chance.randint(88, 132)
        draw.line((left, top, left + chance.randint(4, 60), top + chance.randint(-2, 2)), fill=(shade, shade, shade))


def _lamp(picture: Image.Image, left: int, top: int) -> None:
    glow = Image.new("L", picture.size, 0)
    ImageDraw.Draw(glow).rectangle((left - 40, top - 20, left + 380, top + 70), fill=150)
    picture.paste((255, 255, 250), mask=glow.filter(ImageFilter.GaussianBlur(36)))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(left - 14, top + 26), (left + 334, top + 26), (left + 320, top), (left, top)], fill=(116, 120, 122))
    draw.rectangle((left - 6, top + 26, left + 326, top + 36), fill=(255, 255, 252))


def _wall(picture: Image.Image, chance: random.Random) -> None:
    draw = ImageDraw.Draw(picture)
    _shadow(picture, (776, 158, 1076, 392), 10)
    draw.rectangle((776, 154, 1068, 382), fill=(238, 238, 230), outline=(150, 152, 150), width=3)
    for radius in (86, 74, 40, 16):
        draw.ellipse((890 - radius, 262 - radius, 890 + radius, 262 + radius), outline=(60, 72, 108), width=2)
    for spoke in range(8):
        angle = spoke * math.pi / 4
        draw.line(
            (
                890 + 42 * math.cos(angle),
                262 + 42 * math.sin(angle),
                890 + 74 * math.cos(angle),
                262 + 74 * math.sin(angle),
            ),
            fill=(60, 72, 108),
            width=2,
        )
    draw.line((800, 262, 980, 262), fill=(150, 70, 60), width=1)
    _words(draw, (982, 176), ("Z-552817-C", "Ø 84 h6", "Spalt 0,35", "Klebung 2K", "Dy 3,4 %"), 12, (50, 60, 90))
    _words(draw, (948, 356), ("ROTOR VOLTA-X9",), 11, (50, 60, 90))
    _shadow(picture, (1412, 158, 1784, 448), 10)
    draw.rectangle((1408, 154, 1780, 440), fill=(246, 248, 248), outline=(134, 140, 144), width=7)
    _words(draw, (1430, 172), ("Schicht 2 / Brandlhuber",), 24, (30, 60, 150))
    _words(
        draw,
        (1430, 216),
        ("Soll 412  Ist 388", "Ausschuss 3,1 %", "Nordwind: Mo 06:00!", "Hanamura Muster ->", "Puls 2,8 kV"),
        25,
        (36, 38, 44),
    )
    draw.line((1436, 400, 1560, 372, 1640, 392, 1750, 340), fill=(190, 40, 40), width=5, joint="curve")
    draw.rectangle((1500, 444, 1690, 456), fill=(180, 184, 186))
    for left in (1510, 1560, 1612):
        draw.rectangle((left, 438, left + 36, 446), fill=chance.choice(((200, 40, 40), (30, 80, 180), (30, 130, 70))))
    for left in (96, 300):
        draw.rectangle((left, 160, left + 170, 300), fill=(196, 220, 232), outline=(120, 128, 130), width=6)
        draw.line((left + 85, 160, left + 85, 300), fill=(120, 128, 130), width=4)
        draw.polygon([(left + 6, 250), (left + 84, 216), (left + 84, 294), (left + 6, 294)], fill=(150, 172, 150))


def _pallet(picture: Image.Image, chance: random.Random) -> None:
    _shadow(picture, (1450, 980, 1796, 1050), 26)
    draw = ImageDraw.Draw(picture)
    for top in (1000, 1024):
        draw.rectangle((1446, top, 1790, top + 14), fill=(158, 124, 82))
    for left in (1452, 1600, 1750):
        draw.rectangle((left, 1000, left + 34, 1046), fill=(134, 102, 64))
    for row in range(3):
        for column in range(2):
            left, top = 1456 + column * 164, 900 - row * 104
            tone = chance.randint(-8, 8)
            _fade(
                picture, (left, top, left + 160, top + 100), (194 + tone, 158 + tone, 112), (170 + tone, 134 + tone, 92)
            )
            draw.rectangle((left, top, left + 160, top + 100), outline=(120, 92, 60), width=2)
            draw.rectangle((left + 66, top, left + 90, top + 100), fill=(206, 178, 136))
    draw.rectangle((1476, 800, 1582, 868), fill=(250, 250, 248))
    _words(draw, (1482, 806), ("NORDWIND", "Turbinenbau", "Pitch 12MW"), 15, (20, 20, 20))


def _machine(picture: Image.Image, chance: random.Random) -> None:
    _shadow(picture, (70, 1000, 760, 1090), 34)
    _fade(picture, (90, 350, 700, 1040), _PAINT, (46, 66, 86))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((90, 350, 700, 1040), outline=(30, 44, 58), width=4)
    _fade(picture, (90, 350, 700, 378), (214, 218, 220), (168, 174, 178))
    _fade(picture, (124, 410, 400, 610), (24, 30, 36), (58, 66, 72))
    draw.rectangle((124, 410, 400, 610), outline=(150, 156, 160), width=5)
    _coil(picture, chance)
    draw.polygon([(130, 416), (250, 416), (150, 604), (130, 604)], fill=(52, 60, 68))
    draw.rectangle((418, 382, 666, 566), fill=_DARK, outline=(22, 26, 30), width=5)
    _screen(draw)
    for place, colour in enumerate(((196, 40, 36), (220, 180, 40), (46, 150, 70), (40, 90, 180))):
        draw.ellipse((440 + place * 54, 586, 474 + place * 54, 620), fill=colour, outline=(24, 28, 32), width=4)
    draw.rectangle((156, 644, 298, 720), fill=(206, 208, 204), outline=(120, 122, 120), width=2)
    _words(draw, (164, 650), ("MAGNETISIERANLAGE", "Typ IM-K 2830", "S/N 0047-2291", "2,8 kV  12 kJ"), 11, (30, 30, 30))
    for left in (110, 400):
        draw.rectangle((left, 760, left + 270, 1020), outline=(32, 46, 60), width=3)
        draw.rectangle((left + 236, 870, left + 248, 920), fill=(190, 194, 196))
    for place in range(9):
        draw.line((430, 800 + place * 12, 600, 800 + place * 12), fill=(28, 40, 52), width=4)
    for place in range(6):
        left = 320 + place * 16
        draw.polygon([(left, 650), (left + 8, 650), (left, 664), (left - 8, 664)], fill=(224, 190, 40))


def _coil(picture: Image.Image, chance: random.Random) -> None:
    draw = ImageDraw.Draw(picture)
    for ring in range(7):
        top = 470 + ring * 13
        tone = chance.randint(-10, 10)
        draw.ellipse((200, top, 330, top + 30), outline=(184 + tone, 112 + tone, 62), width=7)
    _fade(picture, (236, 430, 294, 500), (206, 210, 214), (120, 126, 132))
    draw.ellipse((236, 420, 294, 442), fill=(222, 226, 228))
    draw.rectangle((170, 574, 360, 590), fill=(120, 126, 130))


def _screen(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((430, 394, 654, 554), fill=(14, 34, 52))
    draw.rectangle((430, 394, 654, 416), fill=(32, 96, 140))
    _words(draw, (436, 398), ("REZEPT VX9-R3  Linie 2",), 13, (230, 240, 246))
    _words(draw, (438, 424), ("Feld   3.42 T", "Puls   2.80 kV", "Takt   18.4 s", "Temp   23.6 C"), 16, (120, 226, 150))
    curve = [(436 + step * 3, 546 - 40 * math.exp(-((step - 30) ** 2) / 160)) for step in range(70)]
    draw.line(curve, fill=(236, 196, 70), width=2)


def _worker(picture: Image.Image) -> None:
    _shadow(picture, (1150, 1010, 1420, 1060), 22)
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    draw.polygon([(1176, 540), (1226, 494), (1326, 494), (1386, 540), (1400, 830), (1168, 830)], fill=_OVERALL)
    draw.polygon(
        [(1186, 820), (1380, 820), (1372, 1040), (1300, 1040), (1282, 880), (1262, 1040), (1194, 1040)],
        fill=(30, 52, 88),
    )
    draw.polygon([(1180, 540), (1216, 560), (1150, 720), (1020, 800), (1006, 772), (1110, 690)], fill=(32, 58, 98))
    draw.polygon([(1384, 540), (1352, 560), (1380, 740), (1290, 830), (1312, 852), (1424, 760)], fill=(46, 76, 122))
    for left, top in ((986, 764), (1278, 826)):
        draw.ellipse((left, top, left + 50, top + 42), fill=(70, 82, 96))
    draw.rectangle((1250, 462, 1298, 512), fill=(186, 144, 118))
    draw.ellipse((1204, 316, 1340, 486), fill=_SKIN)
    draw.ellipse((1192, 388, 1216, 430), fill=(196, 152, 126))
    draw.ellipse((1328, 388, 1350, 430), fill=(196, 152, 126))
    draw.pieslice((1196, 298, 1348, 450), 180, 360, fill=(74, 54, 40))
    draw.rectangle((1204, 366, 1340, 380), fill=(74, 54, 40))
    for left in (1226, 1282):
        draw.ellipse((left, 396, left + 36, 418), fill=(226, 222, 216))
        draw.ellipse((left + 11, 398, left + 26, 416), fill=(58, 74, 60))
        draw.arc((left - 4, 380, left + 40, 404), 200, 340, fill=(60, 44, 34), width=5)
        draw.rounded_rectangle((left - 6, 390, left + 42, 424), 10, outline=(40, 42, 46), width=3)
    draw.line((1272, 412, 1266, 444, 1278, 446), fill=(172, 128, 104), width=4)
    draw.arc((1244, 436, 1302, 468), 20, 160, fill=(150, 84, 74), width=5)
    draw.rectangle((1290, 566, 1354, 650), fill=(246, 246, 244), outline=(120, 122, 124))
    draw.rectangle((1298, 574, 1324, 608), fill=(176, 140, 116))
    draw.rectangle((1290, 566, 1354, 572), fill=(180, 40, 40))
    _words(draw, (1296, 612), ("K. Brandl-", "huber 2217"), 10, (20, 20, 24))
    shade = Image.new("L", picture.size, 0)
    ImageDraw.Draw(shade).polygon([(1300, 300), (1440, 300), (1440, 1050), (1330, 1050)], fill=70)
    soft = layer.filter(ImageFilter.GaussianBlur(1.2))
    picture.paste(soft.convert("RGB"), mask=soft.getchannel("A"))
    darker = ImageChops.multiply(shade.filter(ImageFilter.GaussianBlur(26)), soft.getchannel("A"))
    picture.paste((12, 18, 30), mask=darker)


def _bench(picture: Image.Image, chance: random.Random) -> None:
    _shadow(picture, (620, 1090, 1420, 1190), 34)
    draw = ImageDraw.Draw(picture)
    for left in (690, 1300):
        draw.rectangle((left, 940, left + 34, 1180), fill=(96, 102, 106))
    draw.polygon([(680, 820), (1330, 820), (1404, 900), (614, 900)], fill=(150, 112, 76))
    _fade(picture, (614, 900, 1404, 940), (124, 90, 58), (92, 66, 42))
    for step in range(26):
        y = 822 + step * 3
        start = 680 - (y - 820) * 0.82
        tone = chance.randint(-9, 9)
        draw.line((start, y, 1330 + (y - 820) * 0.92, y), fill=(154 + tone, 116 + tone, 80 + tone))
    _tray(picture, (720, 800), chance)
    for place in range(4):
        _rotor(picture, (1010 + place * 84, 858), 34)
    draw.rectangle((842, 912, 1000, 982), fill=(250, 250, 246), outline=(150, 150, 146))
    _words(draw, (848, 916), ("RM-48213-N4  Volta-X9", "SO-2025041881  248 Stk"), 11, (16, 16, 16))
    edge = 850
    while edge < 990:
        bar = chance.randint(1, 4)
        draw.rectangle((edge, 948, edge + bar, 976), fill=(12, 12, 12))
        edge += bar + chance.randint(2, 5)


def _tray(picture: Image.Image, corner: tuple[int, int], chance: random.Random) -> None:
    left, top = corner
    draw = ImageDraw.Draw(picture)
    draw.polygon([(left, top), (left + 250, top), (left + 280, top + 84), (left - 26, top + 84)], fill=(58, 62, 66))
    draw.polygon(
        [(left + 8, top + 6), (left + 242, top + 6), (left + 266, top + 76), (left - 12, top + 76)], fill=(34, 38, 42)
    )
    for row in range(4):
        for column in range(9):
            x = left + 4 - row * 4 + column * (26 + row)
            y = top + 10 + row * 17
            tone = chance.randint(-14, 14)
            draw.polygon(
                [(x, y), (x + 19, y), (x + 21, y + 11), (x, y + 11)], fill=(156 + tone, 160 + tone, 166 + tone)
            )
            draw.line((x, y, x + 19, y), fill=(218, 222, 226))


def _rotor(picture: Image.Image, centre: tuple[int, int], radius: int) -> None:
    x, y = centre
    _shadow(picture, (x - radius, y + 4, x + radius + 14, y + 24), 8)
    draw = ImageDraw.Draw(picture)
    height = radius * 2
    for step in range(-radius, radius):
        light = 92 + 120 * math.exp(-((step + radius * 0.35) ** 2) / (radius * 9))
        stripe = (step + radius) // 9 % 2
        tone = round(light * (0.72 if stripe else 1.0))
        draw.line((x + step, y - height, x + step, y + _bulge(step, radius)), fill=(tone, tone, min(255, tone + 6)))
    draw.ellipse(
        (x - radius, y - height - 10, x + radius, y - height + 12), fill=(196, 200, 204), outline=(110, 114, 118)
    )
    draw.ellipse((x - 12, y - height - 5, x + 12, y - height + 6), fill=(84, 88, 92))
    _fade(picture, (x - 7, y - height - 46, x + 7, y - height + 1), (226, 228, 230), (130, 134, 138))


def _bulge(step: int, radius: int) -> float:
    return 10 * math.sqrt(max(0.0, 1 - (step / radius) ** 2))


def _through_a_lens(picture: Image.Image, chance: random.Random) -> Image.Image:
    """Softened, grained and darkened towards the corners, as a small sensor does."""
    soft = picture.filter(ImageFilter.GaussianBlur(0.8))
    grain = Image.frombytes("L", (WIDTH_PX, HEIGHT_PX), chance.randbytes(WIDTH_PX * HEIGHT_PX))
    quiet = grain.filter(ImageFilter.GaussianBlur(0.7)).point(
        [round(128 + (level - 128) * 0.16) for level in range(256)]
    )
    grained = ImageChops.overlay(soft, Image.merge("RGB", (quiet, quiet, quiet)))
    corners = Image.new("L", (180, 120), 0)
    ImageDraw.Draw(corners).ellipse((-20, -14, 200, 134), fill=255)
    light = corners.filter(ImageFilter.GaussianBlur(26)).resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)
    vignette = light.point([round(150 + level * 105 / 255) for level in range(256)])
    shaded = ImageChops.multiply(grained, Image.merge("RGB", (vignette, vignette, vignette)))
    return ImageEnhance.Contrast(shaded).enhance(1.06)


def _fade(picture: Image.Image, box: tuple[int, int, int, int], upper: Colour, lower: Colour) -> None:
    """A rectangle whose colour runs from `upper` to `lower`, with light from the left."""
    left, top, right, bottom = box
    column = Image.new("RGB", (1, max(1, bottom - top)))
    column.putdata([_between(upper, lower, step / max(1, bottom - top - 1)) for step in range(max(1, bottom - top))])
    area = column.resize((right - left, bottom - top))
    shine = (
        Image.linear_gradient("L")
        .rotate(90)
        .resize(area.size)
        .point([round(226 + level * 29 / 255) for level in range(256)])
    )
    picture.paste(ImageChops.multiply(area, Image.merge("RGB", (shine, shine, shine))), (left, top))


def _between(upper: Colour, lower: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(upper, lower, strict=True))
    return red, green, blue


def _shadow(picture: Image.Image, box: tuple[int, int, int, int], radius: int) -> None:
    left, top, right, bottom = box
    margin = radius * 3
    area = (max(0, left - margin), max(0, top - margin), min(WIDTH_PX, right + margin), min(HEIGHT_PX, bottom + margin))
    mask = Image.new("L", (area[2] - area[0], area[3] - area[1]), 0)
    ImageDraw.Draw(mask).rectangle((left - area[0], top - area[1], right - area[0], bottom - area[1]), fill=120)
    picture.paste((16, 18, 20), area[:2], mask.filter(ImageFilter.GaussianBlur(radius)))


def _words(draw: ImageDraw.ImageDraw, corner: Point, lines: Sequence[str], size_px: int, colour: Colour) -> None:
    font = ImageFont.truetype(FONTS_DIR / "DejaVuSans.ttf", size_px, layout_engine=ImageFont.Layout.BASIC)
    for number, line in enumerate(lines):
        draw.text((corner[0], corner[1] + number * size_px * 1.35), line, font=font, fill=colour)
