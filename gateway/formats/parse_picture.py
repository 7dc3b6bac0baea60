"""The reader of JPEG and PNG pictures. It runs only in the sandbox's child; the parent checks what it says.

1. The signature fits the media type. 2. Width and height, from the header alone, lie within the bounds: nothing is
decoded before. 3. One frame, decoded whole: a truncated or animated picture is refused. 4. Turned as its EXIF
orientation says, and refused where something else in it says otherwise; transparency laid onto white, 8-bit RGB.
5. Metadata as text (`parse_tags`).
"""

from __future__ import annotations

import io
import json
import re
import struct
import warnings
from collections.abc import Callable, Mapping

import simplejpeg
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from gateway.base.canon import Json
from gateway.formats import parse_tags
from gateway.formats.whole_png import is_whole
from gateway.sandbox.task import Answer, TaskRefused

MAX_PIXELS = 80_000_000
MAX_SIDE_PX = 20_000
SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}

# Loaded here because nothing can be loaded behind the walls.
_PRELOADED = (TiffImagePlugin, ExifTags)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_UPRIGHT = 1
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s{0,9}(?:=\s{0,9}[\"']|>)\s{0,9}([1-8])\s{0,9}[\"'<]")
_SIXTEEN_BIT = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N"})
_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr"}) | _SIXTEEN_BIT


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Header: width and height in pixels. Blobs: RGB rows, and the metadata as JSON from tag to text."""
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    media_type = str(request["media_type"])
    if not untrusted.startswith(SIGNATURES[media_type]):
        raise TaskRefused("mislabelled" if untrusted else "empty")
    picture = _opened(media_type, untrusted)
    _require_size(*picture.size)
    if getattr(picture, "n_frames", 1) != 1:
        raise TaskRefused("animated")
    if media_type == "image/png" and not is_whole(untrusted):
        raise TaskRefused("damaged")
    rgb = _upright_jpeg(picture, untrusted) if media_type == "image/jpeg" else None
    if rgb is None:
        _load(picture)
    tags = parse_tags.tags(picture, media_type, untrusted)
    if rgb is None:
        pixels = _flat(_turned(picture))
        (width_px, height_px), rgb = pixels.size, pixels.tobytes()
    else:
        width_px, height_px = picture.size
    return {"width_px": width_px, "height_px": height_px}, (rgb, json.dumps(tags).encode())


def _load(picture: Image.Image) -> None:
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise TaskRefused("damaged") from error


def _upright_jpeg(picture: Image.Image, untrusted: bytes) -> bytes | memoryview | None:
    """The pixels of a plain colour JPEG that is to be turned by nothing, by a shorter way to the same levels.

    None where it is no such picture, and where the decoder has any doubt: then Pillow decides what is damaged.
    """
    if picture.mode != "RGB" or _orientation_told(picture) != _UPRIGHT:
        return None
    try:
        pixels = simplejpeg.decode_jpeg(untrusted, "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError:
        return None
    return memoryview(pixels).cast("B") if pixels.shape == (picture.height, picture.width, 3) else None


def _opened(media_type: str, untrusted: bytes) -> Image.Image:
    """The picture with its header read and no pixel decoded; by the one decoder for its type, without guessing."""
    kind = JpegImagePlugin.JpegImageFile if media_type == "image/jpeg" else PngImagePlugin.PngImageFile
    try:
        return kind(io.BytesIO(untrusted))
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise TaskRefused("damaged") from error


def _require_size(width_px: int, height_px: int) -> None:
    if not width_px or not height_px:
        raise TaskRefused("damaged")
    if max(width_px, height_px) > MAX_SIDE_PX or width_px * height_px > MAX_PIXELS:
        raise TaskRefused("pixels")


def _turned(picture: Image.Image) -> Image.Image:
    turn = _TURNS.get(_orientation_told(picture))
    return picture if turn is None else picture.transpose(turn)


def _orientation_told(picture: Image.Image) -> int:
    """What EXIF says in the place that its standard names: APP1 of a JPEG, the chunk eXIf of a PNG.

    What else speaks of turning (XMP, a PNG's texts) is heard by some viewers and not by others, so that whoever drew
    the boxes may have seen the picture either way: where they say something else, it is refused.
    """
    orientation = _orientation(lambda: _own_exif(picture))
    if {_orientation(picture.getexif), *_orientations_in_xmp(picture)} != {orientation}:
        raise TaskRefused("turned-twice")
    return orientation


def _own_exif(picture: Image.Image) -> Image.Exif:
    exif = Image.Exif()
    exif.load(picture.info["exif"])
    return exif


def _orientation(exif_of: Callable[[], Image.Exif]) -> int:
    try:
        told = exif_of().get(ExifTags.Base.Orientation)
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return _UPRIGHT
    return told if isinstance(told, int) and told in _TURNS else _UPRIGHT


def _orientations_in_xmp(picture: Image.Image) -> set[int]:
    packet = picture.info.get("xmp") or b""
    data = packet if isinstance(packet, bytes) else str(packet).encode()
    return {int(told) for told in _XMP_ORIENTATION.findall(data)}


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode not in _MODES:
        raise TaskRefused("pixel-form")
    has_clear_colour = "transparency" in picture.info
    if picture.mode in _SIXTEEN_BIT:
        if has_clear_colour:
            raise TaskRefused("pixel-form")
        return picture.convert("I").point(lambda level: level / 256).convert("L").convert("RGB")
    if has_clear_colour or picture.mode in {"LA", "La", "PA", "RGBA", "RGBa"}:
        if picture.mode in {"La", "RGBa"}:
            picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
        picture = picture.convert("RGBA")
        ground = Image.new("RGB", picture.size, (255, 255, 255))
        ground.paste(picture, mask=picture)
        return ground
    return picture.convert("RGB")
