"""A picture that some viewers turn and others do not: boxes drawn in one must not miss in the other."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from gateway.formats.parse_picture import parse
from gateway.sandbox.task import TaskRefused

VECTORS = Path(__file__).parents[1] / "vectors" / "picture"
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _jpeg(**options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG", **options)
    return out.getvalue()


def _encoded(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, kind, **options)
    return out.getvalue()


def _heic(boxes: int, exif: int) -> bytes:
    """A HEIC whose boxes turn it one way and whose EXIF says another."""
    data = (VECTORS / f"turned-{boxes}.heic").read_bytes()
    said = struct.pack(">HHIH", 0x0112, 3, 1, boxes)
    assert data.count(said) == 1
    return data.replace(said, struct.pack(">HHIH", 0x0112, 3, 1, exif))


def _png(texts: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_itxt(key, text)
    Image.new("RGB", (60, 40)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def _raw_profile(orientation: int) -> str:
    digits = _exif(orientation).tobytes().hex()
    return f"\nexif\n{len(digits) // 2:8d}\n{digits}\n"


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/jpeg", _jpeg(xmp=XMP.format(6).encode())),
        ("image/jpeg", _jpeg(xmp=XMP.format(6).replace('="6"', " = '6'").encode())),
        ("image/jpeg", _jpeg(exif=_exif(6), xmp=XMP.format(3).encode())),
        ("image/png", _png({"XML:com.adobe.xmp": XMP.format(3)})),
        ("image/png", _png({"Raw profile type exif": _raw_profile(3)})),
        ("image/webp", _encoded("WEBP", exif=_exif(6), xmp=XMP.format(3).encode())),
        ("image/tiff", _encoded("TIFF", tiffinfo={274: 6, 700: XMP.format(3).encode()})),
        ("image/tiff", _encoded("TIFF", tiffinfo={700: XMP.format(3).encode()})),
        ("image/avif", _encoded("AVIF", exif=_exif(6), xmp=XMP.format(3).encode())),
        ("image/heic", _heic(boxes=6, exif=8)),
        ("image/heic", _heic(boxes=1, exif=6)),
    ],
)
def test_two_ways_to_turn_are_refused(media_type: str, data: bytes) -> None:
    with pytest.raises(TaskRefused) as refused:
        parse({"media_type": media_type}, data)
    assert refused.value.code == "turned-twice"


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/jpeg", _jpeg(exif=_exif(6))),
        ("image/jpeg", _jpeg(exif=_exif(6), xmp=XMP.format(6).encode())),
        ("image/tiff", _encoded("TIFF", tiffinfo={274: 6, 700: XMP.format(6).encode()})),
        ("image/avif", _encoded("AVIF", exif=_exif(6), xmp=XMP.format(6).encode())),
    ],
)
def test_one_way_is_followed(media_type: str, data: bytes) -> None:
    header, _ = parse({"media_type": media_type}, data)
    assert (header["width_px"], header["height_px"]) == (40, 60)


@pytest.mark.parametrize("exif", [1, 6])
def test_of_a_heic_the_boxes_are_followed_where_exif_says_the_same_or_nothing(exif: int) -> None:
    header, _ = parse({"media_type": "image/heic"}, _heic(boxes=6, exif=exif))
    assert (header["width_px"], header["height_px"]) == (96, 160)
