"""Pictures made to break a reader: each is refused with one sentence or read, within 10 s of processor and 1 GiB."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from gateway.base.problems import TooLarge, Unprocessable
from gateway.formats.model import Box, Case, Element, Instruction, Mark, Op, Picture, Plan, Transform
from gateway.formats.picture import PARSE_TASK, PictureFormat
from gateway.formats.problems import PictureRefused, PictureTooLarge
from gateway.sandbox.ports import Limits
from gateway.sandbox.problems import ParseForbiddenCall, ParseTimeout
from gateway.sandbox.process import ProcessSandbox

FORMAT = PictureFormat(Limits(memory_bytes=1 << 30, cpu_s=10, wall_s=120))
VECTORS = Path(__file__).parents[1] / "vectors" / "picture"
HUGE = 31_700


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox((PARSE_TASK,))


def read(sandbox: ProcessSandbox, data: bytes, media_type: str | None = None) -> Picture:
    media_type = media_type or FORMAT.sniff(data[:4096])
    assert media_type is not None
    return FORMAT.read(data, media_type, sandbox)


def outcome(sandbox: ProcessSandbox, data: bytes, media_type: str | None = None) -> Picture | None:
    """The picture, or None where it was refused as it should be."""
    try:
        return read(sandbox, data, media_type)
    except (ParseTimeout, ParseForbiddenCall):
        raise
    except (Unprocessable, TooLarge) as problem:
        require_one_sentence(problem.detail)
        return None


def require_one_sentence(detail: str) -> None:
    assert detail.endswith(".")
    assert ". " not in detail


def encoded(kind: str, picture: Image.Image | None = None, **options: object) -> bytes:
    if picture is None:
        ground = Image.linear_gradient("L").resize((320, 240))
        picture = Image.merge("RGB", (ground, ground.transpose(Image.Transpose.ROTATE_180), ground))
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png(width_px: int, height_px: int, rows: bytes, *more: tuple[bytes, bytes], depth: int = 1) -> bytes:
    header = struct.pack(">IIBBBBB", width_px, height_px, depth, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), *more, (b"IDAT", rows), (b"IEND", b""))
    bodies = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(bodies)


@cache
def zeros(count: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(-(-count >> 20))) + packer.flush()


def tiff(*entries: tuple[int, int, int, int], follows: int = 0, body: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory of (tag, type, count, value), with `body` behind it."""
    listed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + listed + struct.pack("<I", follows) + body


def grey_tiff(
    width_px: int, height_px: int, *more: tuple[int, int, int, int], follows: int = 0, body: bytes = b""
) -> bytes:
    entries = (
        (256, 4, 1, width_px),
        (257, 4, 1, height_px),
        (258, 3, 1, 8),
        (262, 3, 1, 1),
        (278, 4, 1, height_px),
        *more,
    )
    return tiff(*entries, follows=follows, body=body)


def deflated_tiff(width_px: int, height_px: int) -> bytes:
    packed = zeros(min(width_px * height_px, 1 << 27))
    entries = 8
    at = 8 + 2 + 12 * entries + 4
    more = (259, 3, 1, 8), (273, 4, 1, at), (279, 4, 1, len(packed))
    return grey_tiff(width_px, height_px, *more, body=packed)


def resized(data: bytes, width_px: int, height_px: int) -> bytes:
    """A HEIF whose every `ispe` says this size."""
    at = data.index(b"ispe")
    while at >= 0:
        data = data[: at + 8] + struct.pack(">II", width_px, height_px) + data[at + 16 :]
        at = data.find(b"ispe", at + 4)
    return data


def vp8x(width_px: int, height_px: int) -> bytes:
    inner = encoded("WEBP", lossless=True)[12:]
    size = struct.pack("<I", width_px - 1)[:3] + struct.pack("<I", height_px - 1)[:3]
    body = b"WEBP" + b"VP8X" + struct.pack("<II", 10, 0) + size + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def claiming(data: bytes, place: int, layout: str, width_px: int, height_px: int) -> bytes:
    size = struct.pack(layout, width_px, height_px)
    return data[:place] + size + data[place + len(size) :]


HEIC = (VECTORS / "plain.heic").read_bytes()
JPEG = encoded("JPEG")
# Behind the header and a palette of 256 colours.
GIF_FRAME = 13 + 3 * 256
SIZES: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": lambda w, h: claiming(JPEG, JPEG.index(b"\xff\xc0") + 5, ">HH", h, w),
    "png": lambda w, h: png(w, h, zeros(1 << 27)),
    "gif": lambda w, h: claiming(claiming(encoded("GIF"), 6, "<HH", w, h), GIF_FRAME + 5, "<HH", w, h),
    "bmp": lambda w, h: claiming(encoded("BMP"), 18, "<ii", w, h),
    "bmp-rle": lambda w, h: claiming(
        claiming(encoded("BMP", Image.new("P", (64, 64))), 18, "<ii", w, h), 30, "<II", 1, 0
    ),
    "tiff": deflated_tiff,
    "webp": lambda w, h: vp8x(w, h) if w * h else claiming(vp8x(1, 1), 24, "<II", 0xFF000000, 0xFF000000),
    "heic": lambda w, h: resized(HEIC, w, h),
    "avif": lambda w, h: resized(encoded("AVIF"), w, h),
}


@pytest.mark.parametrize("kind", SIZES)
def test_a_thousand_million_pixels_are_refused_before_one_is_decoded(sandbox: ProcessSandbox, kind: str) -> None:
    data = SIZES[kind](HUGE, HUGE)
    assert len(data) < 1_200_000
    with pytest.raises((PictureTooLarge, PictureRefused), match=r"80 million pixels|damaged"):
        read(sandbox, data)


@pytest.mark.parametrize("kind", sorted(SIZES.keys() - {"webp"}))
@pytest.mark.parametrize("size_px", [(0, 100), (100, 0), (0, 0)])
def test_no_width_or_no_height_is_refused(sandbox: ProcessSandbox, kind: str, size_px: tuple[int, int]) -> None:
    assert outcome(sandbox, SIZES[kind](*size_px)) is None


WITHIN: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(20_000, 4_000, zeros(4_000 * 2_501)),
    "gif": lambda: encoded("GIF", Image.new("L", (20_000, 4_000))),
    "tiff": lambda: deflated_tiff(20_000, 4_000),
    "webp": lambda: encoded("WEBP", Image.new("RGB", (16_000, 4_900)), lossless=True, method=0),
    "bmp": lambda: encoded("BMP", Image.new("1", (20_000, 4_000))),
    "avif": lambda: resized(encoded("AVIF"), 9_000, 8_000),
    "heic": lambda: resized(HEIC, 9_000, 8_000),
}


@pytest.mark.parametrize("kind", WITHIN)
def test_as_many_pixels_as_are_allowed_stay_within_the_bounds(sandbox: ProcessSandbox, kind: str) -> None:
    outcome(sandbox, WITHIN[kind]())


EVERY = {
    "jpeg": JPEG,
    "progressive": encoded("JPEG", progressive=True),
    "png": encoded("PNG"),
    "gif": encoded("GIF"),
    "bmp": encoded("BMP"),
    "tiff": encoded("TIFF", compression="tiff_lzw"),
    "bare-tiff": encoded("TIFF"),
    "webp": encoded("WEBP"),
    "lossless-webp": encoded("WEBP", lossless=True),
    "heic": HEIC,
    "avif": encoded("AVIF"),
}


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_cut_off_is_refused_or_lacks_no_pixel(sandbox: ProcessSandbox, kind: str) -> None:
    whole = EVERY[kind]
    pixels = read(sandbox, whole).rgb
    for length in (20, len(whole) // 10, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 40, len(whole) - 1):
        media_type = FORMAT.sniff(whole[:4096])
        cut = outcome(sandbox, whole[:length], media_type)
        assert cut is None or (length > len(whole) // 2 and cut.rgb == pixels), length


@pytest.mark.parametrize("kind", sorted(EVERY.keys() - {"progressive", "bare-tiff", "lossless-webp"}))
def test_what_it_is_taken_for_is_what_it_is(sandbox: ProcessSandbox, kind: str) -> None:
    own = FORMAT.sniff(EVERY[kind][:4096])
    for media_type in FORMAT.media_types:
        if media_type != own:
            with pytest.raises(PictureRefused, match="not the picture type"):
                read(sandbox, EVERY[kind], media_type)


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("META-INF/MANIFEST.MF", "Main-Class: Kowalski")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "webp", "tiff", "heic", "avif"])
def test_of_two_files_in_one_only_the_picture_leaves(sandbox: ProcessSandbox, kind: str) -> None:
    content = read(sandbox, EVERY[kind] + archive())
    crop = Case((), Transform(Op.CROP, {}), 9, "REQ", "work-area")
    area = Box(0, 0, content.width_px, content.height_px)
    region = Instruction("region/1", "work_area", Element.REGION, "Area", "text", (crop,), area)
    rebuilt = FORMAT.rebuild(content, Plan((region,)), Mark("A", "rel_1", "2026-01-31"), bytes(32))
    assert b"PK\x03\x04" not in rebuilt.data
    assert b"Kowalski" not in rebuilt.data
    if kind not in {"tiff", "heic", "avif"}:
        assert any(tag.endswith(":after-the-end") and "Kowalski" in text for tag, text in content.tags.items())


def many_directories() -> bytes:
    data = bytearray(grey_tiff(8, 8, (273, 4, 1, 200), (279, 4, 1, 64), follows=300).ljust(300, b"\0"))
    for _ in range(20_000):
        data += struct.pack("<HHHIII", 1, 256, 4, 1, 8, len(data) + 18)
    return bytes(data)


def exif_loop() -> bytes:
    """An EXIF block whose directories lead back to themselves."""
    pointers = [(0x8769, 4, 1, 8), (0x8825, 4, 1, 8), (0xA005, 4, 1, 8), (0x0201, 4, 1, 8)]
    return encoded("JPEG", exif=b"Exif\0\0" + tiff(*pointers, follows=8))


FULL = {
    "a directory that follows itself": grey_tiff(8, 8, (273, 4, 1, 200), (279, 4, 1, 64), follows=8, body=bytes(300)),
    "a directory of nothing": b"II*\0" + struct.pack("<IHI", 8, 0, 0),
    "a directory beyond the end": b"II*\0" + struct.pack("<I", 0xFFFFFFF0),
    "sixty thousand entries": tiff(*((number, 4, 1, 8) for number in range(1, 60_000))),
    "twenty thousand pages": many_directories(),
    "a strip beyond the end": grey_tiff(8, 8, (273, 4, 1, 0xFFFFFF00), (279, 4, 1, 64)),
}


@pytest.mark.parametrize("what", FULL)
def test_directories_that_lead_nowhere_are_refused(sandbox: ProcessSandbox, what: str) -> None:
    assert outcome(sandbox, FULL[what]) is None


def test_a_count_that_lies_is_not_believed(sandbox: ProcessSandbox) -> None:
    entries = (273, 4, 1, 200), (279, 4, 0xFFFFFFFF, 8), (315, 2, 0xFFFFFFFF, 8), (700, 1, 0xFFFFFFFF, 8)
    outcome(sandbox, grey_tiff(8, 8, *entries, body=bytes(300)))


def test_loops_in_metadata_do_not_stop_a_picture(sandbox: ProcessSandbox) -> None:
    assert read(sandbox, exif_loop()).width_px == 320


@pytest.mark.parametrize("chunk", [b"zTXt", b"iCCP", b"iTXt"])
def test_texts_that_inflate_without_end_stay_within_the_bounds(sandbox: ProcessSandbox, chunk: bytes) -> None:
    head = b"Comment\0\1\0\0\0" if chunk == b"iTXt" else b"Comment\0\0"
    outcome(sandbox, png(8, 8, zlib.compress(bytes(16)), (chunk, head + zeros(1 << 28))))


def test_a_heic_that_points_outside_itself_reaches_nothing(sandbox: ProcessSandbox) -> None:
    """Its location table names a data reference, which could be any file of the machine."""
    at = HEIC.index(b"iloc") - 4
    length = struct.unpack_from(">I", HEIC, at)[0]
    table = bytearray(HEIC[at : at + length])
    # Version 1: item, construction method, data reference, extents.
    for reference in range(16, length - 6):
        hostile = table[:]
        hostile[reference : reference + 2] = b"\0\1"
        outcome(sandbox, HEIC[:at] + bytes(hostile) + HEIC[at + length :])


@pytest.mark.parametrize("kind", sorted(EVERY.keys() - {"progressive", "bare-tiff"}))
def test_whatever_byte_is_turned_there_is_a_picture_or_a_sentence(sandbox: ProcessSandbox, kind: str) -> None:
    chance = random.Random(f"hostile pictures/{kind}")
    for _ in range(12):
        data = bytearray(EVERY[kind])
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(12, min(len(data), 1200))] = chance.randrange(256)
        outcome(sandbox, bytes(data), FORMAT.sniff(EVERY[kind][:4096]))
