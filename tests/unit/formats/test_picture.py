"""Pictures: bounded before decoding, rebuilt from pixels, boxed for good, marked, without a byte of metadata."""

from __future__ import annotations

import io
import json
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, PngImagePlugin

from gateway.base.problems import Problem
from gateway.formats import parse_tags, picture
from gateway.formats import pixels as written
from gateway.formats.model import Box, Case, Element, Field, Instruction, Mark, Op, Picture, Plan, Rebuilt, Transform
from gateway.formats.picture import PARSE_TASK, PictureFormat
from gateway.formats.problems import FrameUnclear, NothingNamed, PictureRefused, PictureTooLarge, PlanUnfit
from gateway.formats.whole_png import is_whole
from gateway.marks.visible import MarkDoesNotFit
from gateway.sandbox.ports import Limits, Reply
from gateway.sandbox.process import ProcessSandbox

MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SECRET = bytes(range(32))
FORMAT = PictureFormat()
VECTORS = Path(__file__).parents[2] / "vectors" / "picture"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r photoshop:City="Ganzhou"/><dc:creator>Kowalski</dc:creator></x:xmpmeta>'


@pytest.fixture(scope="module")
def sandbox() -> ProcessSandbox:
    return ProcessSandbox((PARSE_TASK,))


def scene(width: int, height: int) -> Image.Image:
    """A smooth ground with a red square in the upper left corner, so that turning shows."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([60 + columns * 120 // width, 90 + rows * 90 // height, 140 + 0 * rows], -1).astype(np.uint8)
    pixels[: height // 8, : width // 8] = (250, 10, 10)
    return Image.fromarray(pixels)


def encoded(picture: Image.Image, kind: str = "JPEG", **more: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **more)
    return out.getvalue()


def read(sandbox: ProcessSandbox, data: bytes) -> Picture:
    media_type = FORMAT.sniff(data[:4096])
    assert media_type is not None
    return FORMAT.read(data, media_type, sandbox)


def pixels(content: Picture) -> NDArray[np.uint8]:
    return np.frombuffer(content.rgb, np.uint8).reshape(content.height_px, content.width_px, 3)


def region(number: int, op: Op | None, box: Box | None, rule: str = "rule") -> Instruction:
    cases = () if op is None else (Case((), Transform(op, {}), 1, "PD-MIN", rule),)
    return Instruction(f"region/{number}", "face", Element.REGION, "Face", "text", cases, box)


WORK_AREA = region(1, Op.CROP, Box(100, 50, 800, 600))


def rebuild(content: Picture, *instructions: Instruction) -> Rebuilt:
    return FORMAT.rebuild(content, Plan(instructions), MARK, SECRET)


@pytest.fixture(scope="module")
def photo(sandbox: ProcessSandbox) -> Picture:
    return read(sandbox, encoded(scene(1200, 900), quality=95))


def png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(encoded(scene(64, 64)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "kind", "sentence"),
    [
        (png_claiming(60_000, 60_000), PictureTooLarge, "80 million pixels"),
        (png_claiming(20_001, 10), PictureTooLarge, "80 million pixels"),
        (jpeg_claiming(60_000, 60_000), PictureTooLarge, "80 million pixels"),
        (jpeg_claiming(10_000, 8_001), PictureTooLarge, "80 million pixels"),
        (png_claiming(0, 10), PictureRefused, "damaged"),
        (png_claiming(4_000, 4_000), PictureRefused, "damaged"),
        (encoded(scene(400, 300))[:-200], PictureRefused, "truncated or damaged"),
        (encoded(scene(400, 300), "PNG")[:-200], PictureRefused, "truncated or damaged"),
        (b"\xff\xd8\xff", PictureRefused, "damaged"),
        (b"\x89PNG\r\n\x1a\n", PictureRefused, "damaged"),
        (b"\xff\xd8\xff" + b"\x00" * 5000, PictureRefused, "damaged"),
    ],
)
def test_what_is_refused_and_why(sandbox: ProcessSandbox, data: bytes, kind: type[Problem], sentence: str) -> None:
    with pytest.raises(kind) as caught:
        read(sandbox, data)
    assert sentence in caught.value.detail
    assert caught.value.detail.endswith(".")


@pytest.mark.parametrize(("row_bytes", "whole"), [(207, True), (206, False)])
def test_an_interlaced_picture_has_the_rows_of_seven_passes(row_bytes: int, whole: bool) -> None:
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 1)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(row_bytes))), (b"IEND", b""))
    assert is_whole(b"\x89PNG\r\n\x1a\n" + b"".join(written._chunk(*one) for one in chunks)) is whole


def test_a_type_that_the_bytes_do_not_have_is_refused(sandbox: ProcessSandbox) -> None:
    with pytest.raises(PictureRefused, match="not the picture type"):
        FORMAT.read(encoded(scene(64, 64), "PNG"), "image/jpeg", sandbox)
    with pytest.raises(PictureRefused, match="empty"):
        FORMAT.read(b"", "image/jpeg", sandbox)


def several(kind: str) -> bytes:
    frames = [scene(64, 64), scene(64, 64).rotate(90)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    "data",
    [*map(several, ("PNG", "GIF", "WEBP", "TIFF", "AVIF")), (VECTORS / "several.heic").read_bytes()],
    ids=["png", "gif", "webp", "tiff", "avif", "heic"],
)
def test_of_several_frames_the_first_is_read_when_somebody_says_so(sandbox: ProcessSandbox, data: bytes) -> None:
    with pytest.raises(FrameUnclear, match=r"source \{frame: first\}"):
        read(sandbox, data)
    media_type = FORMAT.sniff(data[:4096])
    assert media_type is not None
    content = FORMAT.read(data, media_type, sandbox, {"frame": "first"})
    red, green, _ = (int(level) for level in pixels(content)[2, 2])
    assert (red > 200, green < 60, content.several) == (True, True, True)
    counted = picture._redactions(content, Plan(()))
    assert counted["format:other-frames"] == 1


@pytest.mark.parametrize("declared", [{"frame": "last"}, {"frame": "first", "sheet": "x"}, {"encoding": "utf-8"}])
def test_nothing_else_can_be_declared_of_a_picture(sandbox: ProcessSandbox, declared: dict[str, str]) -> None:
    with pytest.raises(PictureRefused, match="frame: first"):
        FORMAT.read(encoded(scene(64, 64)), "image/jpeg", sandbox, declared)


LOSSY = {"JPEG": {}, "WEBP": {}, "AVIF": {}, "TIFF": {"compression": "jpeg"}}
LOSSLESS = {"PNG": {}, "GIF": {}, "BMP": {}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}


@pytest.mark.parametrize(
    ("kind", "options", "lossy"),
    [(k, o, True) for k, o in LOSSY.items()] + [(k, o, False) for k, o in LOSSLESS.items()],
)
def test_what_was_stored_with_loss_leaves_as_jpeg_and_the_rest_as_png(
    sandbox: ProcessSandbox, kind: str, options: dict[str, object], lossy: bool
) -> None:
    ground = scene(640, 480)
    content = read(sandbox, encoded(ground, kind, **options))
    seen = pixels(content).astype(int)
    assert np.abs(seen - np.asarray(ground)).mean() < (8 if kind == "GIF" else 3 if lossy else 0.01)
    rebuilt = rebuild(content, region(1, Op.CROP, Box(0, 0, 640, 480)))
    assert rebuilt.media_type == ("image/jpeg" if lossy else "image/png") == FORMAT.sniff(rebuilt.data)


@pytest.mark.parametrize("number", range(1, 9))
def test_heic_is_turned_by_its_boxes_and_exif_may_agree(sandbox: ProcessSandbox, number: int) -> None:
    data = (VECTORS / f"turned-{number}.heic").read_bytes()
    content = read(sandbox, data)
    assert (content.width_px, content.height_px) == ((96, 160) if number > 4 else (160, 96))
    corners = [pixels(content)[place][0] > 200 for place in ((5, 5), (5, -6), (-6, -6), (-6, 5))]
    assert corners.index(True) == {1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3}[number]


def test_clear_pixels_of_a_heic_are_white(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, (VECTORS / "clear.heic").read_bytes())
    assert int(pixels(content)[24, 60].min()) > 250
    assert int(pixels(content)[24, 4][1]) < 40


def test_what_stands_beside_the_pixels_of_the_other_types_is_named(sandbox: ProcessSandbox) -> None:
    webp = encoded(scene(64, 64), "WEBP", xmp=XMP)
    webp += b"prVt" + struct.pack("<I", 12) + b"VENDOR-77777"
    webp = webp[:4] + struct.pack("<I", len(webp) - 8) + webp[8:] + b"TRAILING-SECRET"
    assert read(sandbox, webp).tags.items() >= {
        ("XMP:dc:creator", "Kowalski"),
        ("WEBP:prVt", "VENDOR-77777"),
        ("WEBP:after-the-end", "TRAILING-SECRET"),
    }
    tiff = encoded(scene(64, 64), "TIFF", tiffinfo={315: "Kowalski", 700: XMP, 50_000: "VENDOR-77777"})
    tags = read(sandbox, tiff).tags
    assert (tags["EXIF:Artist"], tags["EXIF:0xc350"]) == ("Kowalski", "VENDOR-77777")
    assert tags["XMP:dc:creator"] == "Kowalski"
    assert not {"EXIF:StripOffsets", "EXIF:ImageWidth"} & tags.keys()
    gif = encoded(scene(64, 64), "GIF", comment=b"Kowalski") + b"TRAILING;SECRET"
    # As the XMP standard has it: the packet is no sub-block, and these bytes lead every reader to its end.
    packet = b"\x21\xff\x0bXMP DataXMP" + XMP + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    tags = read(sandbox, gif.replace(b"\x21\xfe", packet + b"\x21\xfe", 1)).tags
    assert (tags["GIF:comment"], tags["GIF:after-the-end"]) == ("Kowalski", "TRAILING;SECRET")
    assert XMP.decode() in tags["GIF:application"]
    assert read(sandbox, encoded(scene(64, 64), "BMP") + b"TRAILING").tags == {"BMP:after-the-end": "TRAILING"}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (encoded(Image.new("F", (40, 30), 4), "TIFF"), "form that is not read"),
        (encoded(Image.new("I", (40, 30), 4), "TIFF"), "form that is not read"),
        (encoded(Image.new("I;16", (40, 30), 4), "TIFF", tiffinfo={262: 0}), "form that is not read"),
        (encoded(scene(40, 30), "TIFF", tiffinfo={50706: b"\1\4\0\0"}), "raw photograph"),
    ],
    ids=["floats", "signed", "white is zero", "raw"],
)
def test_a_tiff_that_would_be_read_falsely_is_refused(sandbox: ProcessSandbox, data: bytes, sentence: str) -> None:
    with pytest.raises(PictureRefused, match=sentence):
        read(sandbox, data)


def test_a_large_picture_within_the_bounds_is_read(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, encoded(Image.new("RGB", (10_000, 7_900), (9, 9, 9)), quality=40))
    assert len(content.rgb) == 3 * 10_000 * 7_900


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_the_camera_meant(sandbox: ProcessSandbox, orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = read(sandbox, encoded(scene(320, 160), kind, exif=exif, quality=95))
    assert (content.width_px, content.height_px) == ((160, 320) if orientation > 4 else (320, 160))
    upper = pixels(content)[4, [4, -5]]
    lower = pixels(content)[-5, [-5, 4]]
    # Clockwise from the upper left: where the red corner of the sensor came to lie.
    corners = [tuple(corner) for corner in (*upper, *lower)]
    expected = {1: 0, 2: 1, 3: 2, 4: 3, 5: 0, 6: 1, 7: 2, 8: 3}[orientation]
    assert [corner[0] > 200 and corner[1] < 60 for corner in corners].index(True) == expected


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("L", 200, (200, 200, 200)),
        ("1", 1, (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("LA", (10, 0), (255, 255, 255)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 128), (127, 127, 127)),
        ("I;16", 40_000, (156, 156, 156)),
    ],
)
def test_every_form_of_pixel_becomes_rgb_on_white(
    sandbox: ProcessSandbox, mode: str, colour: object, seen: tuple[int, int, int]
) -> None:
    content = read(sandbox, encoded(Image.new(mode, (40, 30), colour), "PNG"))  # type: ignore[arg-type]
    assert tuple(pixels(content)[10, 10]) == seen


def test_a_clear_palette_colour_hides_what_it_is(sandbox: ProcessSandbox) -> None:
    picture = Image.new("P", (40, 30), 1)
    picture.putpalette([0, 0, 0, 200, 0, 0])
    assert tuple(pixels(read(sandbox, encoded(picture, "PNG", transparency=1)))[5, 5]) == (255, 255, 255)


def test_cmyk_is_read(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, encoded(Image.new("CMYK", (40, 30), (0, 255, 255, 0))))
    red, green, blue = (int(level) for level in pixels(content)[5, 5])
    assert red > 240
    assert max(green, blue) < 20


def full_jpeg() -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "NIKON"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"\x00\x01SERIAL-4711\x00\xff"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (25.0, 50.0, 12.0)
    iptc = b"\x1c\x02\x50\x00\x08Kowalski" + b"\x1c\x02\x78\x00\x05Press"
    photoshop = (
        b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(iptc)) + iptc + b"\x00" * (len(iptc) % 2)
    )
    data = encoded(scene(400, 300), exif=exif, xmp=XMP, comment="hall 3", icc_profile=icc(), dpi=(300, 300))
    segment = b"\xff\xed" + struct.pack(">H", len(photoshop) + 2) + photoshop
    private = b"\xff\xe7" + struct.pack(">H", 14) + b"VENDOR-77777"
    return data[:2] + segment + private + data[2:] + b"TRAILING-SECRET"


def icc() -> bytes:
    text = b"desc\0\0\0\0\0\0\0\x0dCamera Vendor\0"
    tags = struct.pack(">I4sII", 1, b"desc", 144, len(text))
    return bytes(128) + tags + text


def full_png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Kowalski")
    info.add_itxt("Comment", "geheim", zip=True)
    info.add(b"prVt", b"VENDOR-77777")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "NIKON"
    return encoded(scene(400, 300), "PNG", pnginfo=info, exif=exif, icc_profile=icc()) + b"TRAILING-SECRET"


def test_everything_beside_the_pixels_of_a_jpeg_is_named(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, full_jpeg())
    expected = {
        "EXIF:Make": "NIKON",
        "EXIF:MakerNote": "15 bytes SERIAL-4711",
        "EXIF:GPSLatitude": "25.0 50.0 12.0",
        "XMP:photoshop:City": "Ganzhou",
        "XMP:dc:creator": "Kowalski",
        "XMP:packet": XMP.decode(),
        "IPTC:By-line": "Kowalski",
        "IPTC:Caption": "Press",
        "ICC:description": f"{len(icc())} bytes Camera Vendor",
        "JFIF:comment": "hall 3",
        "JPEG:APP7": "VENDOR-77777",
        "JPEG:after-the-end": "TRAILING-SECRET",
    }
    assert {tag: content.tags.get(tag) for tag in expected} == expected
    fields = FORMAT.survey(content)
    assert {field.label for field in fields} == set(content.tags)
    make = next(field for field in fields if field.name == "EXIF:Make")
    assert (make.id, make.element, FORMAT.values(content, make)) == ("metadata/EXIF:Make", Element.METADATA, ("NIKON",))
    assert FORMAT.values(content, Field("region/1", Element.REGION, "", "face")) == ()


def test_everything_beside_the_pixels_of_a_png_is_named(sandbox: ProcessSandbox) -> None:
    tags = read(sandbox, full_png()).tags
    expected = {
        "PNG:Author": "Kowalski",
        "PNG:Comment": "geheim",
        "PNG:prVt": "VENDOR-77777",
        "EXIF:Make": "NIKON",
        "PNG:after-the-end": "TRAILING-SECRET",
    }
    assert {tag: tags.get(tag) for tag in expected} == expected


def test_a_thumbnail_is_named(sandbox: ProcessSandbox) -> None:
    first = struct.pack("<HHHI", 0, 0, 0, 0)[:2] + struct.pack("<I", 14)
    second = struct.pack("<H", 1) + struct.pack("<HHII", 0x0202, 4, 1, 321) + struct.pack("<I", 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second
    assert read(sandbox, encoded(scene(64, 64), exif=exif)).tags["EXIF:Thumbnail"] == "321 bytes"


def test_metadata_that_no_library_reads_is_named_and_does_not_stop_the_picture(sandbox: ProcessSandbox) -> None:
    broken = encoded(scene(64, 64), exif=b"Exif\0\0MM\0*" + b"\xff" * 40)
    assert read(sandbox, broken).width_px == 64
    clipped = encoded(scene(64, 64), icc_profile=b"x" * 20)
    assert read(sandbox, clipped).tags["ICC:unreadable"] == "present"


@pytest.mark.parametrize("data", [full_jpeg(), full_png()], ids=["jpeg", "png"])
def test_nothing_beside_the_pixels_travels(sandbox: ProcessSandbox, data: bytes) -> None:
    content = read(sandbox, data)
    rebuilt = rebuild(content, region(1, Op.CROP, Box(0, 0, 400, 300)))
    for secret in (
        b"NIKON",
        b"SERIAL",
        b"Kowalski",
        b"Ganzhou",
        b"VENDOR",
        b"TRAILING",
        b"hall 3",
        b"Camera",
        b"Exif",
        b"geheim",
    ):
        assert secret not in rebuilt.data
    assert rebuilt.media_type == FORMAT.sniff(data)
    if rebuilt.media_type == "image/png":
        kinds = [
            kind for kind in (b"IHDR", b"IDAT", b"IEND", b"tEXt", b"pHYs", b"gAMA", b"tIME") if kind in rebuilt.data
        ]
        assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    again = Image.open(io.BytesIO(rebuilt.data))
    assert (again.size, again.mode, dict(again.getexif())) == ((400, 300), "RGB", {})
    assert rebuilt.redactions == {"default": len(content.tags)}


def test_only_the_work_area_leaves_clipped_to_the_picture(photo: Picture) -> None:
    rebuilt = rebuild(photo, WORK_AREA)
    assert rebuilt.size_px == (800, 600) == Image.open(io.BytesIO(rebuilt.data)).size
    assert rebuild(photo, region(1, Op.CROP, Box(-50, -50, 5000, 5000))).size_px == (1200, 900)


@pytest.mark.parametrize(
    ("instructions", "kind", "sentence"),
    [
        ((), NothingNamed, "No work area is drawn"),
        ((region(2, Op.BOX, Box(0, 0, 9, 9)),), NothingNamed, "No work area is drawn"),
        ((WORK_AREA, region(3, Op.CROP, Box(0, 0, 400, 300))), PlanUnfit, "Several work areas"),
        ((region(1, Op.CROP, Box(2000, 0, 400, 300)),), PlanUnfit, "outside the picture"),
        ((WORK_AREA, region(2, Op.BOX, None)), PlanUnfit, "has no place"),
        ((region(1, Op.CROP, Box(0, 0, 100, 100)),), MarkDoesNotFit, "too small"),
        ((WORK_AREA, region(2, Op.BOX, Box(100, 50, 800, 600))), MarkDoesNotFit, "leave no place"),
    ],
)
def test_what_a_plan_cannot_ask(
    photo: Picture, instructions: tuple[Instruction, ...], kind: type[Problem], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        rebuild(photo, *instructions)


def test_metadata_cannot_be_let_through(sandbox: ProcessSandbox) -> None:
    content = read(sandbox, full_jpeg())
    case = Case((), Transform(Op.ALLOW, {}), 9, "REQ", "open")
    make = Instruction("metadata/EXIF:Make", "EXIF:Make", Element.METADATA, "Make", "text", (case,))
    with pytest.raises(PlanUnfit, match="carries no metadata"):
        rebuild(content, region(1, Op.CROP, Box(0, 0, 400, 300)), make)


def interior(rebuilt: Rebuilt, box: Box) -> NDArray[np.uint8]:
    shown = np.asarray(Image.open(io.BytesIO(rebuilt.data)))
    return shown[box.top_px : box.top_px + box.height_px, box.left_px : box.left_px + box.width_px]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_boxes_grow_to_the_grid_and_are_one_colour(sandbox: ProcessSandbox, kind: str) -> None:
    content = read(sandbox, encoded(scene(1200, 900), kind))
    rebuilt = rebuild(
        content, WORK_AREA, region(2, Op.BOX, Box(305, 254, 77, 90)), region(3, Op.BOX, Box(880, 630, 90, 90))
    )
    # Relative to the work area: 205…282 × 204…294, outwards to multiples of 16; the second clipped at its corner.
    assert rebuilt.boxes == (Box(192, 192, 96, 112), Box(768, 576, 32, 24))
    for box in rebuilt.boxes:
        assert interior(rebuilt, box).max() <= 2
    assert interior(rebuilt, Box(400, 300, 50, 50)).min() > 20


def test_regions_that_no_rule_names_are_covered_and_allowed_ones_are_not(photo: Picture) -> None:
    box = Box(400, 300, 64, 64)
    for op in (None, Op.DROP, Op.STRIP, Op.BOX, Op.MASK):
        assert rebuild(photo, WORK_AREA, region(2, op, box)).boxes == (Box(288, 240, 80, 80),)
    assert rebuild(photo, WORK_AREA, region(2, Op.ALLOW, box)).boxes == ()


def test_regions_outside_the_work_area_are_gone_with_it_and_counted(photo: Picture) -> None:
    rebuilt = rebuild(photo, WORK_AREA, region(2, Op.BOX, Box(0, 0, 50, 40), "faces"), region(3, None, Box(0, 0, 9, 9)))
    assert rebuilt.boxes == ()
    assert rebuilt.redactions["faces"] == 1
    assert rebuilt.redactions["default"] == 1 + len(photo.tags)


def test_what_a_box_covers_does_not_change_a_byte_beside_it(photo: Picture) -> None:
    secret = pixels(photo).copy()
    secret[300:390, 400:490] = np.random.default_rng(1).integers(0, 255, (90, 90, 3))
    other = replace(photo, rgb=secret.tobytes())
    covered = (WORK_AREA, region(2, Op.BOX, Box(400, 300, 90, 90)))
    assert rebuild(photo, *covered).data == rebuild(other, *covered).data
    assert rebuild(photo, WORK_AREA).data != rebuild(other, WORK_AREA).data


class Telling:
    """A sandbox whose child says what the test wants."""

    def __init__(self, answer: Reply) -> None:
        self.answer = answer

    def layers(self) -> frozenset[object]:
        return frozenset()

    def run(self, task: str, request: object, untrusted: bytes, limits: Limits) -> Reply:
        return self.answer


SIZE = {"width_px": 2, "height_px": 1, "lossy": False, "several": False}
TOO_MANY = {f"EXIF:{number}": "" for number in range(parse_tags.MAX_TAGS + 1)}


@pytest.mark.parametrize(
    "lie",
    [
        Reply(SIZE, (bytes(5), b"{}")),
        Reply(SIZE, (bytes(6),)),
        Reply({**SIZE, "width_px": -2}, (bytes(6), b"{}")),
        Reply({**SIZE, "width_px": "2"}, (bytes(6), b"{}")),
        Reply({**SIZE, "lossy": 1}, (bytes(6), b"{}")),
        Reply({**SIZE, "several": None}, (bytes(6), b"{}")),
        Reply({**SIZE, "width_px": 100_000, "height_px": 100_000}, (b"", b"{}")),
        Reply(SIZE, (bytes(6), b"[]")),
        Reply(SIZE, (bytes(6), b"{")),
        Reply(SIZE, (bytes(6), b'{"EXIF:Make": 1}')),
        Reply(SIZE, (bytes(6), b'{"Make": "x"}')),
        Reply(SIZE, (bytes(6), json.dumps({"EXIF:Make": "x" * 8193}).encode())),
        Reply(SIZE, (bytes(6), json.dumps(TOO_MANY).encode())),
    ],
)
def test_a_lying_child_is_not_believed(lie: Reply) -> None:
    honest = FORMAT.read(b"", "image/png", Telling(Reply(SIZE, (bytes(6), b"{}"))))  # type: ignore[arg-type]
    assert honest.rgb == bytes(6)
    with pytest.raises(PictureRefused, match="does not add up"):
        FORMAT.read(b"", "image/png", Telling(lie))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 92},
        {"quality": 60, "subsampling": 2},
        {"quality": 88, "subsampling": 0, "progressive": True},
        {"quality": 75, "subsampling": 1, "restart_marker_rows": 1},
        {"quality": 88, "keep_rgb": True},
    ],
)
def test_the_shorter_way_to_a_jpegs_pixels_leads_to_the_same(
    sandbox: ProcessSandbox, options: dict[str, object]
) -> None:
    data = encoded(scene(403, 301), "JPEG", **options)
    assert read(sandbox, data).rgb == Image.open(io.BytesIO(data)).tobytes()


def test_a_png_is_written_as_any_reader_reads_it() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (7, 5, 3), np.uint8)
    with Image.open(io.BytesIO(written.png(pixels))) as seen:
        seen.load()
        assert (seen.mode, seen.size, seen.info) == ("RGB", (5, 7), {})
        assert np.array_equal(np.asarray(seen), pixels)
