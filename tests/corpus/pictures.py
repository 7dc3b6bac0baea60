"""Pictures with something in every hiding place: in tags and chunks, behind the end, in other frames, and in pixels."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image, ImageCms, ImageDraw, ImageFont, PngImagePlugin, TiffImagePlugin

import gateway.marks
from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.corpus.places import Hiding, Specimen
from tests.support.originals import Planted, chunk, segment

SHOWN_WORDS = "MAGNET"
LOUD = (250, 0, 120)
_SIZE_PX = (800, 608)
_VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "picture"
FONTS = Path(gateway.marks.__file__).parent / "fonts"
_WORK_AREA = Box(48, 48, 704, 512)
_BADGE, _SCREEN, _OUTSIDE = Box(96, 112, 300, 44), Box(420, 368, 300, 44), Box(240, 2, 300, 44)
_XMP = "http://ns.adobe.com/xap/1.0/"


def jpeg(hide: Hiding) -> Specimen:
    """Segments of every application, one nobody knows, a comment, and what stands behind the end."""
    small = _encoded(Image.new("RGB", (16, 16)), "JPEG", comment=hide("comment of a thumbnail").encode())
    data = _encoded(_scene(hide), "JPEG", quality=92, subsampling=0, exif=_exif(hide), icc_profile=_icc(hide),
                    comment=hide("comment").encode())  # fmt: skip
    iptc = b"".join(
        b"\x1c\x02" + bytes((record,)) + struct.pack(">H", 14) + hide(place).encode()
        for record, place in ((80, "by-line of IPTC"), (25, "key word of IPTC"), (120, "caption of IPTC"),
                              (90, "city of IPTC"))
    )  # fmt: skip
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    more = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + _xmp(hide, "extended XMP")
    segments = b"".join(
        (
            segment(0xE0, b"JFXX\x00\x10" + small),
            segment(0xE1, f"{_XMP}\0".encode() + _xmp(hide, "XMP")),
            segment(0xE1, more),
            segment(0xED, resource),
            segment(0xE9, b"PRIV\0" + hide("segment that nobody knows").encode()),
            segment(0xEB, b"JP\0\0" + hide("box of JUMBF").encode("utf-16-be")),
            segment(0xEE, b"Ducky" + hide("segment of an editor").encode()),
        )
    )
    second = _encoded(Image.new("RGB", (16, 16)), "JPEG", comment=hide("second picture behind the first").encode())
    behind = zlib.compress(hide("compressed bytes behind the end").encode()) + hide("bytes behind the end").encode()
    return _specimen(hide, "image/jpeg", "jpg", data[:2] + segments + data[2:] + second + behind)


def png(hide: Hiding) -> Specimen:
    """Text chunks of every sort, palettes, profiles, a private chunk, and what stands behind pixels and end."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", hide("text chunk"))
    texts.add_text("Author", hide("compressed text chunk"), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", _xmp(hide, "XMP").decode())
    texts.add_itxt("Note", hide("international text chunk"), zip=True, lang=hide("language of a text chunk"))
    data = _encoded(_scene(hide), "PNG", compress_level=1, pnginfo=texts, exif=_exif(hide), icc_profile=_icc(hide))
    before = b"".join(
        (
            chunk(b"prVt", hide("private chunk").encode()),
            chunk(b"sPLT", hide("name of a suggested palette").encode() + b"\0\x08"),
            chunk(b"tEXt", hide("key of a text chunk").encode() + b"\0x"),
        )
    )
    end = data.rindex(b"IEND") - 4
    after = chunk(b"zTXt", b"Late\0\0" + zlib.compress(hide("chunk behind the pixels").encode()))
    whole = data[:33] + before + data[33:end] + after + data[end:]
    return _specimen(hide, "image/png", "png", whole + hide("bytes behind the end").encode())


def webp(hide: Hiding) -> Specimen:
    """The chunks of its container."""
    plain = _encoded(_scene(hide), "WEBP", quality=92, exif=_exif(hide), icc_profile=_icc(hide),
                     xmp=_xmp(hide, "XMP"))  # fmt: skip
    body = plain[8:] + _riff(b"priv", hide("chunk that nobody knows").encode())
    data = plain[:4] + struct.pack("<I", len(body)) + body
    return _specimen(hide, "image/webp", "webp", data + hide("bytes behind the end").encode())


def tiff(hide: Hiding) -> Specimen:
    """Tags of the directory, those of other programs among them, and a second page."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for number, place in {
        269: "name of the document", 270: "description", 271: "maker of the camera", 285: "name of the page",
        305: "software", 315: "artist", 316: "name of the computer", 337: "target printer", 33432: "copyright",
    }.items():  # fmt: skip
        tags[number] = hide(place)
    for number, octets in {
        700: _xmp(hide, "XMP"),
        33723: b"\x1c\x02\x50\0\x0e" + hide("by-line of IPTC").encode(),
        34377: b"8BIM\x04\x04\0\0\0\0\0\x0e" + hide("resource of an editor").encode(),
        37724: b"Adobe Photoshop Document Data Block\0" + hide("layers of an editor").encode("utf-16-be"),
        42112: f"<GDALMetadata>{hide('metadata of a map')}</GDALMetadata>".encode(),
        65000: hide("tag that nobody knows").encode(),
    }.items():
        tags[number], tags.tagtype[number] = octets, 1
    second = _with_words(Image.new("RGB", _SIZE_PX, (90, 98, 90)), _BADGE, hide("words on the second page"))
    data = _encoded(_scene(hide), "TIFF", compression="tiff_lzw", tiffinfo=tags, save_all=True, append_images=[second])
    return _specimen(hide, "image/tiff", "tif", data + hide("bytes behind the end").encode(), frame="first")


def bmp(hide: Hiding) -> Specimen:
    """The gap between header and pixels, and what stands behind them."""
    data = _encoded(_scene(hide), "BMP")
    gap = hide("gap before the pixels").encode().ljust(16, b"\0")
    start = struct.unpack_from("<I", data, 10)[0]
    size_bytes = len(data) + len(gap)
    whole = data[:2] + struct.pack("<IHHI", size_bytes, 0, 0, start + len(gap)) + data[14:start] + gap
    return _specimen(hide, "image/bmp", "bmp", whole + data[start:] + hide("bytes behind the end").encode())


def gif(hide: Hiding) -> Specimen:
    """Extensions of every sort, and a second frame."""
    second = _with_words(Image.new("RGB", _SIZE_PX, (90, 98, 90)), _BADGE, hide("words on the second frame"))
    data = _encoded(_scene(hide), "GIF", comment=hide("comment").encode(), save_all=True, append_images=[second])
    table = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    more = b"".join(
        (
            b"!\xff\x0bXMP DataXMP" + _blocks(_xmp(hide, "XMP")),
            b"!\xff\x0bPRIVATE 1.0" + _blocks(hide("extension of an application").encode()),
            b"!\x01\x0c" + bytes(12) + _blocks(hide("text to be drawn by the reader").encode()),
            b"!\x99" + _blocks(hide("extension that nobody knows").encode()),
        )
    )
    whole = data[:table] + more + data[table:] + hide("bytes behind the end").encode()
    return _specimen(hide, "image/gif", "gif", whole, frame="first")


def avif(hide: Hiding) -> Specimen:
    """Items of metadata, and boxes beside those of the picture."""
    tags = {"exif": _exif(hide), "icc_profile": _icc(hide), "xmp": _xmp(hide, "XMP")}
    data = _encoded(_scene(hide), "AVIF", quality=90, speed=10, **tags)
    return _specimen(hide, "image/avif", "avif", data + _boxes(hide))


def heic(hide: Hiding) -> Specimen:
    """Boxes beside those of the picture."""
    data = (_VECTORS / "plain.heic").read_bytes()
    answers = Answers(regions=(Region("work_area", Box(0, 0, 640, 480)),), confirmed=True)
    original = Planted(hide.label, "production_photo", "image/heic", f"{hide('name of the file')}.heic",
                       data + _boxes(hide), tuple(hide.secrets.values()), answers)  # fmt: skip
    return Specimen(original, hide.secrets)


PICTURES: dict[str, Callable[[Hiding], Specimen]] = {
    "jpeg": jpeg, "png": png, "heic": heic, "webp": webp, "tiff": tiff, "bmp": bmp, "gif": gif, "avif": avif,
}  # fmt: skip


def _specimen(hide: Hiding, media_type: str, extension: str, data: bytes, frame: str | None = None) -> Specimen:
    regions = (Region("work_area", _WORK_AREA), Region("badge", _BADGE), Region("screen", _SCREEN))
    answers = Answers(regions=regions, confirmed=True, source={"frame": frame} if frame else {})
    name = f"{hide('name of the file')}.{extension}"
    original = Planted(
        hide.label, "production_photo", media_type, name, data, tuple(hide.secrets.values()), answers
    )  # fmt: skip
    return Specimen(original, hide.secrets, SHOWN_WORDS, pixels=True)


def _scene(hide: Hiding) -> Image.Image:
    """A dull, uneven shop floor with words that may be seen, and words on a loud ground that may not."""
    picture = _floor().copy()
    for corner in ((80, 240), (320, 470)):
        _write(picture, SHOWN_WORDS, corner, (250, 250, 250), 48)
    for box, place in (
        (_BADGE, "words in a marked region"),
        (_SCREEN, "words on a marked screen"),
        (_OUTSIDE, "words outside of the work area"),
    ):
        _with_words(picture, box, hide(place))
    return picture


@cache
def _floor() -> Image.Image:
    chance = random.Random("corpus/floor")
    coarse = Image.frombytes("L", (25, 19), chance.randbytes(25 * 19)).resize(_SIZE_PX, Image.Resampling.BICUBIC)
    ground = coarse.point(lambda level: 60 + level // 24 * 4)
    return Image.merge("RGB", (ground, ground.point(lambda level: level + 8), ground))


def _with_words(picture: Image.Image, box: Box, words: str) -> Image.Image:
    right, bottom = box.left_px + box.width_px - 1, box.top_px + box.height_px - 1
    ImageDraw.Draw(picture).rectangle((box.left_px, box.top_px, right, bottom), fill=LOUD)
    _write(picture, words, (box.left_px + 10, box.top_px + 4), (0, 0, 0))
    return picture


def _write(
    picture: Image.Image, words: str, place: tuple[int, int], colour: tuple[int, int, int], size_px: int = 28
) -> None:
    font = ImageFont.truetype(FONTS / "DejaVuSans.ttf", size_px)
    ImageDraw.Draw(picture).text(place, words, fill=colour, font=font)


def _encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, kind, **options)
    return sink.getvalue()


def _exif(hide: Hiding) -> Image.Exif:
    exif = Image.Exif()
    for tag, place in {
        0x010E: "description", 0x010F: "maker of the camera", 0x0110: "model of the camera", 0x0131: "software",
        0x013B: "artist", 0x013C: "name of the computer", 0x8298: "copyright",
    }.items():  # fmt: skip
        exif[tag] = hide(place)
    exif[0x9C9C] = hide("comment of the file manager").encode("utf-16-le")
    inner = exif.get_ifd(0x8769)
    inner[0x9286] = b"UNICODE\0" + hide("comment of the user").encode("utf-16-be")
    inner[0x927C] = b"MAKER\0" + hide("note of the maker").encode()
    inner[0xA430], inner[0xA431] = hide("owner of the camera"), hide("number of the camera")
    inner[0xA420] = hide("identity of the picture")
    spot = exif.get_ifd(0x8825)
    spot[0x001B] = b"ASCII\0\0\0" + hide("method of finding the place").encode()
    spot[0x001C] = b"ASCII\0\0\0" + hide("name of the place").encode()
    return exif


def _xmp(hide: Hiding, name: str) -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- {hide(f"comment in {name}")} -->'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmp:CreatorTool="{hide(f"attribute in {name}")}"><dc:creator><rdf:Seq><rdf:li>'
        f"{hide(f'creator in {name}')}</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _icc(hide: Hiding) -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = "No copyright, use freely".encode("utf-16-be")
    assert named in profile
    return profile.replace(named, hide("copyright of the colour profile").ljust(24)[:24].encode("utf-16-be"))


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _blocks(body: bytes) -> bytes:
    pieces = (body[at : at + 255] for at in range(0, len(body), 255))
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"


def _boxes(hide: Hiding) -> bytes:
    """Boxes that a reader skips."""
    adobe = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
    bodies = {
        b"free": hide("box of free space").encode(),
        b"skip": hide("box to be skipped").encode("utf-16-le"),
        b"uuid": adobe + _xmp(hide, "XMP of a box"),
        b"prvt": hide("box that nobody knows").encode(),
        b"mdat": zlib.compress(hide("compressed data of no item").encode()),
    }
    return b"".join(struct.pack(">I", len(body) + 8) + name + body for name, body in bodies.items())
