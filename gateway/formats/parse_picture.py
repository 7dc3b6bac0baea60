"""The reader of pictures. It runs only in the sandbox's child; the parent checks what it says.

1. The first bytes fit the media type. 2. Width and height, from the header alone, lie within the bounds: nothing is
decoded before. 3. One frame, or the first of several where a person said so, decoded whole: a truncated picture is
refused. 4. Turned as the place says that the type's standard names, and refused where something else in it says
otherwise; transparency laid onto white, 8-bit RGB. 5. Metadata as text (`parse_tags`).
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import simplejpeg
from PIL import ExifTags, Image

from gateway.base.canon import Json
from gateway.formats import parse_tags, picture_types
from gateway.formats.open_picture import BROKEN, TURNS, UPRIGHT, Opened, opened
from gateway.formats.whole_png import is_whole
from gateway.sandbox.task import Answer, TaskRefused

MAX_PIXELS = 80_000_000
MAX_SIDE_PX = 20_000
HEAD_BYTES = 4_096

_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s{0,9}(?:=\s{0,9}[\"']|>)\s{0,9}([1-8])\s{0,9}[\"'<]")
_SIXTEEN_BIT = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr"}) | _SIXTEEN_BIT
# What turns the pixels there is not EXIF, which cameras write beside it all the same.
_TURNED_BY_ITS_BOXES = frozenset({picture_types.HEIC, picture_types.AVIF})


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Header: width and height in pixels, whether it was stored with loss and has frames that are not read.

    Blobs: RGB rows, and the metadata as JSON from tag to text.
    """
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    media_type = str(request["media_type"])
    if picture_types.shown(untrusted[:HEAD_BYTES]) != media_type:
        raise TaskRefused("mislabelled" if untrusted else "empty")
    try:
        return _read(media_type, untrusted, first=request.get("frame") == "first")
    except Image.DecompressionBombError as error:
        raise TaskRefused("pixels") from error
    except BROKEN as error:
        raise TaskRefused("damaged") from error


@dataclass(frozen=True, slots=True)
class Upright:
    """A picture's pixels as it is seen, and whether they had to be turned for that."""

    size_px: tuple[int, int]
    rgb: bytes | memoryview
    turned: bool


def stored_size(media_type: str, untrusted: bytes) -> tuple[int, int]:
    """Width and height as the header says. Raises `TaskRefused`."""
    try:
        return opened(media_type, untrusted).size_px
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise TaskRefused("damaged") from error


def upright(media_type: str, untrusted: bytes) -> Upright:
    """The pixels of a picture of one frame. Raises `TaskRefused`."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        return _upright(media_type, untrusted, opened(media_type, untrusted), first=False)
    except (*BROKEN, Image.DecompressionBombError) as error:
        raise TaskRefused("damaged") from error


def _read(media_type: str, untrusted: bytes, *, first: bool) -> Answer:
    opening = opened(media_type, untrusted)
    seen = _upright(media_type, untrusted, opening, first=first)
    tags = parse_tags.tags(opening.beside, media_type, untrusted)
    header: dict[str, Json] = {"width_px": seen.size_px[0], "height_px": seen.size_px[1]}
    return {**header, "lossy": opening.lossy, "several": opening.several}, (seen.rgb, json.dumps(tags).encode())


def _upright(media_type: str, untrusted: bytes, opening: Opened, *, first: bool) -> Upright:
    _require_size(*opening.size_px)
    if opening.several and not first:
        raise TaskRefused("frames")
    if media_type == picture_types.PNG:
        if not is_whole(untrusted):
            raise TaskRefused("damaged")
        # Whoever asks a PNG for its EXIF has it decoded on the way, and would take what is damaged for a lack of EXIF.
        opening.load()
    turn = _turn(media_type, opening)
    rows = _upright_jpeg(opening, untrusted) if media_type == picture_types.JPEG and turn is None else None
    size_px, rgb = (opening.size_px, rows) if rows is not None else _decoded(opening, turn)
    return Upright(size_px, rgb, opening.told != UPRIGHT)


def _decoded(opening: Opened, turn: Image.Transpose | None) -> tuple[tuple[int, int], bytes | memoryview]:
    picture = opening.load()
    # Some types say only with the pixels that one of their colours is clear.
    has_clear_colour = "transparency" in opening.beside.info
    pixels = _flat(picture if turn is None else picture.transpose(turn), has_clear_colour=has_clear_colour)
    return pixels.size, pixels.tobytes()


def _require_size(width_px: int, height_px: int) -> None:
    if not width_px or not height_px:
        raise TaskRefused("damaged")
    if max(width_px, height_px) > MAX_SIDE_PX or width_px * height_px > MAX_PIXELS:
        raise TaskRefused("pixels")


def _turn(media_type: str, opening: Opened) -> Image.Transpose | None:
    """How the pixels are still to be turned.

    What else speaks of turning is heard by some viewers and not by others, so that whoever drew the boxes may have
    seen the picture either way: where it says something else, it is refused.
    """
    elsewhere = {_orientation_in_any_place(opening.beside), *_orientations_in_xmp(opening.beside)}
    agreeing = {opening.told, UPRIGHT} if media_type in _TURNED_BY_ITS_BOXES else {opening.told}
    if not elsewhere <= agreeing:
        raise TaskRefused("turned-twice")
    return None if opening.turned else TURNS.get(opening.told)


def _orientation_in_any_place(picture: Image.Image) -> int:
    try:
        told = picture.getexif().get(ExifTags.Base.Orientation)
    except BROKEN:
        return UPRIGHT
    return told if isinstance(told, int) and told in TURNS else UPRIGHT


def _orientations_in_xmp(picture: Image.Image) -> set[int]:
    packet = picture.info.get("xmp") or b""
    data = packet if isinstance(packet, bytes) else str(packet).encode()
    return {int(told) for told in _XMP_ORIENTATION.findall(data)}


def _upright_jpeg(opening: Opened, untrusted: bytes) -> memoryview | None:
    """The pixels of a plain colour JPEG, by a shorter way to the same levels.

    None where it is no such picture, and where the decoder has any doubt: then Pillow decides what is damaged.
    """
    if opening.beside.mode != "RGB":
        return None
    try:
        pixels = simplejpeg.decode_jpeg(untrusted, "RGB", fastdct=False, fastupsample=False, strict=True)
    except ValueError:
        return None
    return memoryview(pixels).cast("B") if pixels.shape == (*opening.size_px[::-1], 3) else None


def _flat(picture: Image.Image, *, has_clear_colour: bool) -> Image.Image:
    if picture.mode not in _MODES:
        raise TaskRefused("pixel-form")
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
