"""A picture that some viewers turn and others do not: boxes drawn in one must not miss in the other."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from gateway.formats.parse_picture import parse
from gateway.sandbox.task import TaskRefused

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def _jpeg(**options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 40)).save(out, "JPEG", **options)
    return out.getvalue()


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
    ],
)
def test_two_ways_to_turn_are_refused(media_type: str, data: bytes) -> None:
    with pytest.raises(TaskRefused) as refused:
        parse({"media_type": media_type}, data)
    assert refused.value.code == "turned-twice"


@pytest.mark.parametrize(
    "data", [_jpeg(exif=_exif(6)), _jpeg(exif=_exif(6), xmp=XMP.format(6).encode())], ids=["exif", "both"]
)
def test_one_way_is_followed(data: bytes) -> None:
    header, _ = parse({"media_type": "image/jpeg"}, data)
    assert (header["width_px"], header["height_px"]) == (40, 60)
