from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from PIL import Image, ImageDraw

from gateway.residue import jpeg, png
from gateway.residue.gate import check
from gateway.residue.model import Finding, Kind, PictureExpectation, Report
from tests.support.renditions import (
    BOX,
    MARK,
    SIZE_PX,
    burned,
    encoded,
    photo,
    picture_expectation,
    rendition,
    withheld,
)

SECRET = "Zhang Wei 138 0013 8000"
SECRETS = withheld(SECRET, "ACME X-1000 SN 4711", "8f3kq2-serial", field="metadata/EXIF:Artist")
JPEG, PNG = "image/jpeg", "image/png"


def findings(data: bytes, media_type: str) -> list[Kind]:
    return sorted({finding.kind for finding in check(data, picture_expectation(media_type), SECRETS).findings})


def test_a_clean_picture_passes_every_check(clean: bytes, media_type: str) -> None:
    report = check(clean, picture_expectation(media_type), SECRETS)
    assert report.findings == ()
    assert report.passed == ("structure", "size", "boxes", "mark", "values", "bounds")
    assert report.counts == {"searched": 3, "short_exact_place_only": 0, "subtracted": 0, "empty": 0, "boxes": 1}


def segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@lru_cache(maxsize=1)
def jpeg_clean() -> bytes:
    return encoded(rendition(), JPEG)


@lru_cache(maxsize=1)
def png_clean() -> bytes:
    return encoded(rendition(), PNG)


def png_rebuilt(change: Callable[[bytes], bytes], level: int = 6) -> bytes:
    """The clean PNG with its inflated rows changed."""
    data = png_clean()
    rows = change(zlib.decompress(png.walk(data).stream))
    return data[:33] + chunk(b"IDAT", zlib.compress(rows, level)) + chunk(b"IEND", b"")


APP0_END = 20


def inserted(data: bytes, marker: int, body: bytes) -> bytes:
    """A segment more, right behind the JFIF header."""
    return data[:APP0_END] + segment(marker, body) + data[APP0_END:]


JPEG_HIDING: dict[str, Callable[[bytes], bytes]] = {
    "comment": lambda data: inserted(data, 0xFE, SECRET.encode()),
    "comment in UTF-16": lambda data: inserted(data, 0xFE, SECRET.encode("utf-16")),
    "Exif": lambda data: inserted(data, 0xE1, b"Exif\0\0II*\0" + SECRET.encode()),
    "compressed ICC": lambda data: inserted(data, 0xE2, zlib.compress(SECRET.encode())),
    "after the end": lambda data: data + SECRET.encode(),
    "a second picture after the end": lambda data: data + jpeg_clean() + SECRET.encode(),
    "before EOI": lambda data: data[:-2] + SECRET.encode() + data[-2:],
}


@pytest.mark.parametrize("hide", JPEG_HIDING.values(), ids=JPEG_HIDING)
def test_what_is_hidden_in_a_jpeg_is_found_as_structure_and_as_value(hide: Callable[[bytes], bytes]) -> None:
    kinds = findings(hide(jpeg_clean()), JPEG)
    assert {Kind.STRUCTURE, Kind.TRAILING, Kind.UNREADABLE} & set(kinds)
    assert {Kind.VALUE, Kind.ENCODED} & set(kinds)


JPEG_BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "no SOI": lambda data: data[2:],
    "cut": lambda data: data[:-100],
    "only the head": lambda data: data[:30],
    "one byte after the end": lambda data: data + b"\0",
    "one byte before EOI": lambda data: data[:-2] + b"\x55" + data[-2:],
    "two bytes before EOI": lambda data: data[:-2] + b"\x55\xaa" + data[-2:],
    "a stuffed byte before EOI": lambda data: data[:-2] + b"\xff\x00" + data[-2:],
    "fill byte": lambda data: data[:-2] + b"\xff" + data[-2:],
    "restart marker": lambda data: data[:-2] + b"\xff\xd0" + data[-2:],
    "a density": lambda data: data[:13] + b"\x01" + data[14:],
    "a JFIF thumbnail": lambda data: data[:2] + segment(0xE0, data[6:18] + b"\x01\x01abc") + data[APP0_END:],
    "two JFIF headers": lambda data: data[:APP0_END] + data[2:APP0_END] + data[APP0_END:],
    "a restart interval": lambda data: inserted(data, 0xDD, b"\0\0"),
    "an unused quantisation table": lambda data: inserted(data, 0xDB, b"\3" + bytes(64)),
    "an unused Huffman table": lambda data: inserted(data, 0xC4, b"\3\1" + bytes(15) + b"A"),
    "a table twice": lambda data: data[:APP0_END] + data[APP0_END : APP0_END + 69] + data[APP0_END:],
    "a cut table": lambda data: inserted(data, 0xDB, bytes(10)),
    "an empty table": lambda data: inserted(data, 0xDB, b""),
    "a Huffman table that is no code": lambda data: inserted(data, 0xC4, b"\3\3" + bytes(15) + b"ABC"),
    "a segment past the end": lambda data: data[:APP0_END] + b"\xff\xfe\xff\xff",
    "rubbish between segments": lambda data: data[:APP0_END] + b"\0" + data[APP0_END:],
}  # fmt: skip


@pytest.mark.parametrize("spoil", JPEG_BROKEN.values(), ids=JPEG_BROKEN)
def test_a_jpeg_in_any_other_form_is_a_finding(spoil: Callable[[bytes], bytes]) -> None:
    assert {Kind.STRUCTURE, Kind.TRAILING, Kind.UNREADABLE} & set(findings(spoil(jpeg_clean()), JPEG))


def in_first_huffman(data: bytes, place: int, replacement: bytes) -> bytes:
    """`data` with bytes of its first Huffman segment replaced, counted from the segment's marker."""
    start = data.index(b"\xff\xc4") + place
    return data[:start] + replacement + data[start + len(replacement) :]


def twice_huffman(data: bytes) -> bytes:
    start = data.index(b"\xff\xc4")
    return data[:start] + data[start : start + 33] + data[start:]


WALKED: dict[str, Callable[[bytes], bytes]] = {
    "another marker for EOI": lambda data: data[:-1] + b"\xd0",
    "a Huffman table twice": twice_huffman,
    "three codes of one bit": lambda data: in_first_huffman(data, 5, b"\3\1\2"),
    "a symbol twice": lambda data: in_first_huffman(data, 21, b"\0\0"),
}


@pytest.mark.parametrize("spoil", WALKED.values(), ids=WALKED)
def test_the_walker_itself_refuses(spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(jpeg.Broken):
        jpeg.walk(spoil(jpeg_clean()))


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"subsampling": 2}, {"dpi": (300, 300)}, {"comment": "x"}, {"exif": b"Exif\0\0x"},
     {"icc_profile": b"x" * 200}, {"restart_marker_rows": 1}],
    ids=str,
)  # fmt: skip
def test_other_encodings_of_a_jpeg_are_findings(options: dict[str, object]) -> None:
    assert findings(encoded(rendition(), JPEG, **options), JPEG) == [Kind.STRUCTURE]


def test_grey_and_cmyk_jpegs_are_findings() -> None:
    for mode in ("L", "CMYK"):
        out = io.BytesIO()
        rendition().convert(mode).save(out, "JPEG")
        assert Kind.STRUCTURE in findings(out.getvalue(), JPEG)


@pytest.mark.parametrize("quality", [1, 30, 75, 88, 95, 100])
def test_jpegs_of_every_size_and_quality_are_read(quality: int) -> None:
    rng = np.random.default_rng(quality)
    for width, height in ((1, 1), (7, 5), (8, 8), (17, 33), (64, 15)):
        for pixels in (
            rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            np.zeros((height, width, 3), np.uint8),
        ):
            data = encoded(Image.fromarray(pixels), JPEG, quality=quality)
            walked = jpeg.walk(data)
            assert walked.size_px == (width, height)
            assert jpeg.decode(data, walked).shape == (height, width, 3)


PNG_HIDING: dict[str, Callable[[bytes], bytes]] = {
    "tEXt": lambda data: data[:33] + chunk(b"tEXt", b"Author\0" + SECRET.encode()) + data[33:],
    "zTXt": lambda data: data[:33] + chunk(b"zTXt", b"Author\0\0" + zlib.compress(SECRET.encode())) + data[33:],
    "eXIf": lambda data: data[:33] + chunk(b"eXIf", b"II*\0" + SECRET.encode()) + data[33:],
    "a private chunk": lambda data: data[:33] + chunk(b"prVt", SECRET.encode()) + data[33:],
    "after IEND": lambda data: data + SECRET.encode(),
    "a chunk after IEND": lambda data: data + chunk(b"tEXt", SECRET.encode()),
    "in IEND": lambda data: data[:-12] + chunk(b"IEND", SECRET.encode()),
    "in an IDAT behind the stream": lambda data: data[:-12] + chunk(b"IDAT", SECRET.encode()) + data[-12:],
    "in rows below the picture": lambda _: png_rebuilt(lambda rows: rows + SECRET.encode() * 9),
}


@pytest.mark.parametrize("hide", PNG_HIDING.values(), ids=PNG_HIDING)
def test_what_is_hidden_in_a_png_is_found(hide: Callable[[bytes], bytes]) -> None:
    kinds = findings(hide(png_clean()), PNG)
    assert {Kind.STRUCTURE, Kind.TRAILING} & set(kinds)
    assert {Kind.VALUE, Kind.ENCODED} & set(kinds)


def _wrong_filter(rows: bytes) -> bytes:
    return b"\x05" + rows[1:]


def _idat(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    return data[:33] + chunk(b"IDAT", change(png.walk(data).stream)) + chunk(b"IEND", b"")


PNG_BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "no signature": lambda data: data[8:],
    "cut": lambda data: data[:-20],
    "wrong CRC": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "no IHDR": lambda data: data[:8] + data[33:],
    "two IHDR": lambda data: data[:33] + data[8:33] + data[33:],
    "no IDAT": lambda data: data[:33] + chunk(b"IEND", b""),
    "an empty IDAT": lambda data: data[:-12] + chunk(b"IDAT", b"") + data[-12:],
    "no IEND": lambda data: data[:-12],
    "one byte after IEND": lambda data: data + b"\0",
    "a byte behind the stream": lambda data: _idat(data, lambda stream: stream + b"\0"),
    "a cut stream": lambda data: _idat(data, lambda stream: stream[:-3]),
    "a wrong checksum": lambda data: _idat(data, lambda stream: stream[:-1] + bytes([stream[-1] ^ 1])),
    "no zlib": lambda data: _idat(data, lambda stream: b"rubbish"),
    "a row too many": lambda _: png_rebuilt(lambda rows: rows + rows[: 1 + 3 * SIZE_PX[0]]),
    "a row too few": lambda _: png_rebuilt(lambda rows: rows[: -(1 + 3 * SIZE_PX[0])]),
    "an unknown filter": lambda _: png_rebuilt(_wrong_filter),
    "no pixels": lambda data: data[:8] + chunk(b"IHDR", bytes(8) + b"\x08\x02\0\0\0") + data[33:],
    "far too many pixels": lambda data: data[:8] + chunk(b"IHDR", b"\0\0\xff\xff" * 2 + b"\x08\x02\0\0\0") + data[33:],
}  # fmt: skip


@pytest.mark.parametrize("spoil", PNG_BROKEN.values(), ids=PNG_BROKEN)
def test_a_png_in_any_other_form_is_a_finding(spoil: Callable[[bytes], bytes]) -> None:
    assert {Kind.STRUCTURE, Kind.TRAILING, Kind.UNREADABLE} & set(findings(spoil(png_clean()), PNG))


@pytest.mark.parametrize(
    "spoil", ["no IDAT", "no pixels", "far too many pixels", "no IHDR", "two IHDR", "an empty IDAT"]
)
def test_the_png_walker_itself_refuses(spoil: str) -> None:
    with pytest.raises(jpeg.Broken):
        png.walk(PNG_BROKEN[spoil](png_clean()))


def test_a_grey_png_is_refused_by_its_header() -> None:
    with pytest.raises(jpeg.Broken):
        png.walk(encoded(rendition().convert("L"), PNG))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "LA"])
def test_other_modes_of_a_png_are_findings(mode: str) -> None:
    assert Kind.STRUCTURE in findings(encoded(rendition().convert(mode), PNG), PNG)


@pytest.mark.parametrize("filters", [(0,), (1,), (2,), (3,), (4,), (0, 1, 2), (4, 3, 2, 1, 0)])
def test_every_row_filter_is_undone(filters: tuple[int, ...]) -> None:
    rng = np.random.default_rng(sum(filters))
    for width, height in ((1, 1), (1, 9), (9, 1), (23, 37), (37, 23)):
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        rows = _filtered(pixels, filters)
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">II", width, height) + b"\x08\x02\0\0\0")
        data += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
        assert np.array_equal(png.unfilter(png.inflate(png.walk(data)), (width, height)), pixels)


def _filtered(pixels: np.ndarray, filters: tuple[int, ...]) -> bytes:
    rows = b""
    padded = np.pad(pixels.astype(int), ((1, 0), (1, 0), (0, 0)))
    for number in range(pixels.shape[0]):
        here, left, above, corner = (
            padded[number + 1, 1:],
            padded[number + 1, :-1],
            padded[number, 1:],
            padded[number, :-1],
        )
        estimate = left + above - corner
        nearest = np.abs(np.stack([estimate - left, estimate - above, estimate - corner])).argmin(axis=0)
        paeth = np.choose(nearest, [left, above, corner])
        kind = filters[number % len(filters)]
        guess = [np.zeros_like(here), left, above, (left + above) // 2, paeth][kind]
        rows += bytes([kind]) + ((here - guess) % 256).astype(np.uint8).tobytes()
    return rows


def test_bytes_passed_through_from_an_original_are_blocked(media_type: str) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x013B] = SECRET
    photo().save(out, "JPEG" if media_type == JPEG else "PNG", exif=exif)
    kinds = findings(out.getvalue(), media_type)
    assert Kind.STRUCTURE in kinds
    assert Kind.VALUE in kinds


def test_a_value_in_the_pixel_bytes_of_a_png_is_found() -> None:
    def write(rows: bytes) -> bytes:
        secret = b"\0" + SECRET.encode() + b"\0"
        return rows[:5000] + secret + rows[5000 + len(secret) :]

    assert Kind.VALUE in findings(png_rebuilt(write), PNG)


def kinds_of(picture: Image.Image, media_type: str) -> list[Kind]:
    return findings(encoded(picture, media_type), media_type)


def test_a_missing_box_is_found(media_type: str) -> None:
    assert kinds_of(rendition(box=False), media_type) == [Kind.BOX]


@pytest.mark.parametrize("place", [(0, 0), (BOX[2] - 1, BOX[3] - 1), (64, 32)])
def test_one_pixel_of_a_box_that_was_not_covered_is_found(media_type: str, place: tuple[int, int]) -> None:
    spot = (BOX[0] + place[0], BOX[1] + place[1])
    touched = rendition(touch=lambda picture: picture.putpixel(spot, (60, 60, 60)))
    assert kinds_of(touched, media_type) == [Kind.BOX]


def test_a_see_through_box_is_found(media_type: str) -> None:
    def veil(picture: Image.Image) -> None:
        under = burned(photo(), MARK).crop((BOX[0], BOX[1], BOX[0] + BOX[2], BOX[1] + BOX[3]))
        picture.paste(under.point(lambda level: level // 16), BOX[:2])

    assert kinds_of(rendition(touch=veil), media_type) == [Kind.BOX]


def test_a_solid_box_of_another_colour_is_found(media_type: str) -> None:
    def paint(picture: Image.Image) -> None:
        left, top, width, height = BOX
        ImageDraw.Draw(picture).rectangle((left, top, left + width - 1, top + height - 1), fill=(255, 255, 255))

    assert Kind.BOX in kinds_of(rendition(touch=paint), media_type)


@pytest.mark.parametrize("box", [(600, 96, 64, 64), (-16, 0, 32, 32), (0, 0, 0, 16)])
def test_a_box_outside_of_the_picture_is_a_finding(
    clean: bytes, media_type: str, box: tuple[int, int, int, int]
) -> None:
    expected = PictureExpectation(media_type, SIZE_PX, (box,), MARK)
    assert Finding(Kind.BOX, "box 1") in check(clean, expected, SECRETS).findings


def test_boxes_on_the_grid_are_quiet_beside_anything() -> None:
    rng = np.random.default_rng(11)
    for quality in (75, 88, 95):
        noise = rng.integers(0, 256, (SIZE_PX[1], SIZE_PX[0], 3), dtype=np.uint8)
        noise[BOX[1] : BOX[1] + BOX[3], BOX[0] : BOX[0] + BOX[2]] = 0
        data = encoded(Image.fromarray(noise), JPEG, quality=quality)
        assert Kind.BOX not in findings(data, JPEG)


def test_a_picture_of_another_size_is_found(media_type: str) -> None:
    assert kinds_of(rendition().crop((0, 0, 624, 480)), media_type) == [Kind.SIZE]


OTHER_RELEASE = MARK.replace("x8d4n6b5t1c0zhep", "yhs83kqzd5r7vwxm")


@pytest.mark.parametrize("mark", [None, OTHER_RELEASE, "Ministry of Commerce · " + MARK.partition(" · ")[2]])
def test_a_missing_or_wrong_mark_is_found(media_type: str, mark: str | None) -> None:
    assert kinds_of(rendition(mark=mark), media_type) == [Kind.MARK]


def test_a_mark_in_one_half_only_is_found(media_type: str) -> None:
    def wipe(picture: Image.Image) -> None:
        picture.paste(photo().crop((320, 0, 640, 480)), (320, 0))

    assert Kind.MARK in kinds_of(rendition(touch=wipe), media_type)


def test_a_mark_too_faint_to_read_is_found(media_type: str) -> None:
    grey = Image.new("RGB", SIZE_PX, (128, 128, 128))
    expected = PictureExpectation(media_type, SIZE_PX, (), MARK)
    for strength, kinds in ((0.38, [Kind.MARK]), (0.7, [])):
        faint = Image.blend(grey, burned(grey, MARK), strength)
        assert [f.kind for f in check(encoded(faint, media_type), expected, SECRETS).findings] == kinds


def test_a_mark_wholly_under_boxes_is_found(media_type: str) -> None:
    picture = Image.new("RGB", SIZE_PX)
    expected = PictureExpectation(media_type, SIZE_PX, ((0, 0, *SIZE_PX),), MARK)
    assert [f.kind for f in check(encoded(picture, media_type), expected, SECRETS).findings] == [Kind.MARK]


@pytest.mark.parametrize("ground", ["white", "black", "grey", "noise", "checks", "stripes"])
def test_the_mark_is_seen_on_every_ground_and_never_imagined(media_type: str, ground: str) -> None:
    width, height = SIZE_PX
    rng = np.random.default_rng(4)
    pixels = {
        "white": np.full((height, width), 255),
        "black": np.zeros((height, width)),
        "grey": np.full((height, width), 128),
        "noise": rng.integers(0, 256, (height, width)),
        "checks": np.kron(rng.integers(0, 2, (height // 8, width // 8)), np.full((8, 8), 255)),
        "stripes": np.tile((np.arange(width) // 5 % 2 * 255)[None], (height, 1)),
    }[ground]
    picture = Image.fromarray(np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=2))
    expected = PictureExpectation(media_type, SIZE_PX, (), MARK)

    def seen(marked: Image.Image) -> Report:
        return check(encoded(marked, media_type), expected, SECRETS)

    assert seen(burned(picture, MARK)).clean
    assert [finding.kind for finding in seen(picture).findings] == [Kind.MARK]
    assert [finding.kind for finding in seen(burned(picture, OTHER_RELEASE)).findings] == [Kind.MARK]
