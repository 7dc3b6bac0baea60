"""One decoder per type of picture, called by name for its own bytes. Runs only in the sandbox's child.

Opening reads headers and decodes no pixel; `Opened.load` decodes the first frame, for HEIF its primary image.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pi_heif
from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    _avif,
)

from gateway.formats import heif_turns
from gateway.formats.picture_types import AVIF, BMP, GIF, HEIC, JPEG, PNG, TIFF, WEBP
from gateway.sandbox.task import TaskRefused

BROKEN = (OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, RuntimeError, struct.error)
UPRIGHT = 1
TURNS: Mapping[int, Image.Transpose] = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }
)
_ORIENTATION = b"tiff:Orientation"
MAX_DIRECTORIES = 10_000
MAX_ENTRIES = 512

# As TIFF 6.0 and its supplements number them.
_COMPRESSION, _PHOTOMETRIC, _SAMPLE_FORMAT, _DNG_VERSION = 259, 262, 339, 50706
_LOSSY_COMPRESSIONS = frozenset({6, 7, 34712, 50001})
_SENSOR_PHOTOMETRICS = frozenset({32803, 34892})
_WHITE_IS_ZERO, _UNSIGNED = 0, 1


@dataclass(slots=True)
class Opened:
    """A picture whose header is read.

    `beside` knows what stands beside the pixels, and `load` gives these decoded. `told` is the orientation (as EXIF
    numbers them) in the place that the type's standard names; `turned` says whether decoding carries it out. `lossy`
    says whether the pixels were stored with loss, `several` whether there are more frames than the first.
    """

    size_px: tuple[int, int]
    beside: Image.Image
    load: Callable[[], Image.Image]
    lossy: bool
    several: bool = False
    told: int = UPRIGHT
    turned: bool = False


def opened(media_type: str, untrusted: bytes) -> Opened:
    """The picture with its header read. Raises `TaskRefused`, or one of `BROKEN`."""
    return _OPENERS[media_type](untrusted)


def _by_pillow(picture: ImageFile.ImageFile, *, lossy: bool, told: int = UPRIGHT, turned: bool = False) -> Opened:
    def load() -> Image.Image:
        picture.load()
        return picture

    several = bool(getattr(picture, "is_animated", False))
    return Opened(picture.size, picture, load, lossy, several, told, turned)


def _jpeg(untrusted: bytes) -> Opened:
    picture = JpegImagePlugin.JpegImageFile(io.BytesIO(untrusted))
    return _by_pillow(picture, lossy=True, told=exif_orientation(picture.info))


def _png(untrusted: bytes) -> Opened:
    picture = PngImagePlugin.PngImageFile(io.BytesIO(untrusted))
    return _by_pillow(picture, lossy=False, told=exif_orientation(picture.info))


def _gif(untrusted: bytes) -> Opened:
    return _by_pillow(GifImagePlugin.GifImageFile(io.BytesIO(untrusted)), lossy=False)


def _bmp(untrusted: bytes) -> Opened:
    return _by_pillow(BmpImagePlugin.BmpImageFile(io.BytesIO(untrusted)), lossy=False)


def _webp(untrusted: bytes) -> Opened:
    picture = WebPImagePlugin.WebPImageFile(io.BytesIO(untrusted))
    lossy = any(kind == b"VP8 " for kind, _ in riff_chunks(untrusted))
    return _by_pillow(picture, lossy=lossy, told=exif_orientation(picture.info))


def riff_chunks(untrusted: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of every chunk of a WebP; what stands in the frames of an animation comes after them."""
    at, end = 12, min(len(untrusted), 8 + int.from_bytes(untrusted[4:8], "little"))
    while at + 8 <= end:
        kind, length = struct.unpack_from("<4sI", untrusted, at)
        yield kind, untrusted[at + 8 : min(at + 8 + length, end)]
        # A frame of an animation is a header of 16 bytes and chunks of its own.
        at += 8 + (16 if kind == b"ANMF" else length + length % 2)


def _tiff(untrusted: bytes) -> Opened:
    pages = _tiff_pages(untrusted)
    picture = TiffImagePlugin.TiffImageFile(io.BytesIO(untrusted))
    tags = picture.tag_v2
    if tags.get(_PHOTOMETRIC) in _SENSOR_PHOTOMETRICS or _DNG_VERSION in tags:
        raise TaskRefused("raw")
    if picture.mode.startswith("I") and (tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO or _signed(tags)):
        raise TaskRefused("pixel-form")
    told = tags.get(ExifTags.Base.Orientation)
    opening = _by_pillow(
        picture,
        lossy=tags.get(_COMPRESSION) in _LOSSY_COMPRESSIONS,
        told=told if isinstance(told, int) and told in TURNS else UPRIGHT,
        turned=True,
    )
    opening.several = pages > 1
    return opening


def _signed(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    return set(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))) != {_UNSIGNED}


def _tiff_pages(untrusted: bytes) -> int:
    """How many directories are chained; refuses a loop, and more entries than any picture needs."""
    order = "<" if untrusted.startswith(b"II") else ">"
    seen: set[int] = set()
    (at,) = struct.unpack_from(f"{order}I", untrusted, 4)
    while at:
        (entries,) = struct.unpack_from(f"{order}H", untrusted, at)
        if at in seen or not 0 < entries <= MAX_ENTRIES or len(seen) == MAX_DIRECTORIES:
            raise TaskRefused("damaged")
        seen.add(at)
        (at,) = struct.unpack_from(f"{order}I", untrusted, at + 2 + 12 * entries)
    return len(seen)


def _heic(untrusted: bytes) -> Opened:
    pi_heif.options.DECODE_THREADS = 1
    heif = pi_heif.open_heif(untrusted)
    image = heif[heif.primary_index]
    beside = _beside(image.info)
    # What turns the pixels stands in the boxes; it is asked for only where EXIF or XMP has a word on it too.
    spoken = exif_orientation(beside.info) != UPRIGHT or _ORIENTATION in (beside.info.get("xmp") or b"")
    told = heif_turns.orientation(untrusted, TURNS) if spoken else UPRIGHT
    return Opened(image.size, beside, image.to_pillow, lossy=True, several=len(heif) > 1, told=told, turned=True)


def _avif_(untrusted: bytes) -> Opened:
    decoder = _avif.AvifDecoder(untrusted, "auto", 1)
    size_px, frames, mode, icc, exif, told, xmp = decoder.get_info()

    def load() -> Image.Image:
        return Image.frombytes(mode, size_px, decoder.get_frame(0)[0])

    beside = _beside({"icc_profile": icc, "exif": exif, "xmp": xmp})
    return Opened(size_px, beside, load, lossy=True, several=frames > 1, told=told)


def _beside(info: Mapping[str, object]) -> Image.Image:
    picture = Image.new("RGB", (1, 1))
    picture.info = {name: value for name, value in info.items() if value}
    return picture


def exif_orientation(info: Mapping[Any, Any]) -> int:
    """What the EXIF block beside a picture says."""
    exif = Image.Exif()
    try:
        exif.load(info["exif"])
        told = exif.get(ExifTags.Base.Orientation)
    except BROKEN:
        return UPRIGHT
    return told if isinstance(told, int) and told in TURNS else UPRIGHT


_OPENERS: Mapping[str, Callable[[bytes], Opened]] = MappingProxyType(
    {JPEG: _jpeg, PNG: _png, GIF: _gif, BMP: _bmp, WEBP: _webp, TIFF: _tiff, HEIC: _heic, AVIF: _avif_}
)
