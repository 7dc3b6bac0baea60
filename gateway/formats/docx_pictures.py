"""The pictures of a Word document's body that can be shown as they are seen. Runs only in the sandbox's child.

1. A picture is one JPEG or PNG in the archive, shown whole or cut to a rectangle, and nothing else: what is linked,
drawn, a chart, in VML, in a group, of another type, recoloured, cleared, shaped, behind the text or under something
else is left out, because what is seen of it is not what is stored. 2. What is cut away is gone before anything is
scaled. 3. It comes out as rows of RGB no larger than it stands on its page: no metadata, no thumbnail, no more pixels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from PIL import Image

from gateway.formats import parse_picture, picture_types
from gateway.formats.archive import Archive
from gateway.formats.typed import MAX_PICTURE_PX, MAX_PICTURES, MAX_PICTURES_PX, PICTURE_STEP_PX, Shown
from gateway.sandbox.task import TaskRefused

_MAX_STORED_PX = 80_000_000
_EMU_PER_INCH, _DPI = 914_400, 200
_WHOLE = 100_000
_QUARTER = 5_400_000
_TURNS = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)
_TYPES = frozenset({picture_types.JPEG, picture_types.PNG})
_DRAWING = (
    "http://schemas.openxmlformats.org/drawingml/2006/",
    "http://purl.oclc.org/ooxml/drawingml/",
)
_RELATIONS = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
# Says only that no smaller copy for the screen was kept.
_HARMLESS_EXTENSIONS = frozenset({"{28A0092B-C50C-407E-A947-70E740481C1C}"})
_PLAIN_SHAPE = frozenset({"xfrm", "prstGeom", "noFill", "ln"})
_FLOATING = frozenset({"anchor", "pict", "object"})
_DRAWN = frozenset({"drawing", "pict", "object"})


class Pictures:
    """The pictures of one document, as they are asked for; `related` are the relationships of its main part."""

    def __init__(self, archive: Archive, related: Mapping[str, tuple[str, str]]) -> None:
        self.shown: list[Shown] = []
        self._archive = archive
        self._related = related
        self._stored_px = self._shown_px = 0
        warnings.simplefilter("ignore")

    def take(self, drawing: Element, paragraph: Element) -> int:
        """The number of this picture among all that are shown, from 1; 0 where it is left out."""
        found = None if _is_crowded(paragraph) else _picture_in(drawing)
        if found is None or len(self.shown) == MAX_PICTURES:
            return 0
        try:
            self.shown.append(self._shown(*found))
        except (_Unshown, TaskRefused):
            return 0
        return len(self.shown)

    def _shown(self, picture: Element, extent: Element) -> Shown:
        fill, shape = _of(picture, "blipFill"), _of(picture, "spPr")
        edges, turn = _edges(fill), _turn(shape)
        size_px = _placed(extent, sideways=turn in {Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270})
        if self._shown_px + size_px[0] * size_px[1] > MAX_PICTURES_PX:
            raise _Unshown
        pixels = self._decoded(_embedded(fill), is_cut=any(edges))
        pixels = _cut(pixels, edges)
        pixels = pixels if turn is None else pixels.transpose(turn)
        self._shown_px += size_px[0] * size_px[1]
        return Shown(size_px, pixels.resize(size_px, Image.Resampling.LANCZOS, reducing_gap=3).tobytes())

    def _decoded(self, relation: str, *, is_cut: bool) -> Image.Image:
        sort, part = self._related.get(relation, ("", ""))
        if sort != "image":
            raise _Unshown
        untrusted = self._archive.member(part)
        media_type = picture_types.shown(untrusted[: parse_picture.HEAD_BYTES])
        if media_type not in _TYPES or media_type is None:
            raise _Unshown
        width_px, height_px = parse_picture.stored_size(media_type, untrusted)
        self._stored_px += width_px * height_px
        if self._stored_px > _MAX_STORED_PX:
            raise _Unshown
        seen = parse_picture.upright(media_type, untrusted)
        # Which edge is cut of a picture that is turned, readers do not agree on.
        if is_cut and seen.turned:
            raise _Unshown
        return Image.frombytes("RGB", seen.size_px, bytes(seen.rgb))


class _Unshown(Exception):
    """The picture is seen in a way that is not followed here."""


def _is_crowded(paragraph: Element) -> bool:
    """Whether something of the paragraph may lie over a picture of it: several drawings, and one of them afloat."""
    names = [one.tag.rpartition("}")[2] for one in paragraph.iter()]
    return sum(name in _DRAWN for name in names) > 1 and any(name in _FLOATING for name in names)


def _picture_in(drawing: Element) -> tuple[Element, Element] | None:
    """The one picture that this drawing is, and the extent of its frame."""
    try:
        frame = next(iter(drawing))
        if len(drawing) != 1 or frame.get("behindDoc") in {"1", "true"}:
            return None
        data = _of(_of(frame, "graphic"), "graphicData")
        if len(data) != 1:
            return None
        return _of(data, "pic"), _of(frame, "extent")
    except (StopIteration, _Unshown):
        return None


def _edges(fill: Element) -> tuple[int, int, int, int]:
    """How much is cut off on the left, above, on the right and below, in hundred-thousandths."""
    blip, stretch = _of(fill, "blip"), _of(fill, "stretch")
    names = {one.tag.rpartition("}")[2] for one in fill}
    if not names <= {"blip", "srcRect", "stretch"} or _recolours(blip):
        raise _Unshown
    if any(_cuts(one) != (0, 0, 0, 0) for one in stretch):
        raise _Unshown
    cut = next(_all(fill, "srcRect"), None)
    return (0, 0, 0, 0) if cut is None else _cuts(cut)


def _cuts(rectangle: Element) -> tuple[int, int, int, int]:
    """What lies outside of the picture is ground, so it is no cut."""
    left, top, right, bottom = (max(_whole(rectangle.get(edge, "0")), 0) for edge in "ltrb")
    if left + right >= _WHOLE or top + bottom >= _WHOLE:
        raise _Unshown
    return left, top, right, bottom


def _recolours(blip: Element) -> bool:
    """Whether what is seen of it is not what is stored: recoloured, clear, or the stand-in for something else."""
    for one in blip:
        extensions = [*one] if one.tag.rpartition("}")[2] == "extLst" else [one]
        if any(extension.get("uri") not in _HARMLESS_EXTENSIONS for extension in extensions):
            return True
    return False


def _turn(shape: Element) -> Image.Transpose | None:
    """By how many quarters the picture is turned. Raises `_Unshown` for any other shape than a plain rectangle."""
    if not {one.tag.rpartition("}")[2] for one in shape} <= _PLAIN_SHAPE:
        raise _Unshown
    if any(one.get("prst") != "rect" for one in _all(shape, "prstGeom")):
        raise _Unshown
    frame = next(_all(shape, "xfrm"), None)
    if frame is None:
        return None
    if any(frame.get(name, "0") not in {"0", "false"} for name in ("flipH", "flipV")):
        raise _Unshown
    return _TURNS[round(_whole(frame.get("rot", "0")) / _QUARTER) % len(_TURNS)]


def _placed(extent: Element, *, sideways: bool) -> tuple[int, int]:
    """The size on our pages: as large as in the original where that fits, in steps, so that it tells little."""
    sides = [_whole(extent.get(name, "0")) * _DPI / _EMU_PER_INCH for name in ("cx", "cy")]
    width, height = reversed(sides) if sideways else sides
    if min(width, height) < PICTURE_STEP_PX:
        raise _Unshown
    scale = min(1.0, MAX_PICTURE_PX[0] / width, MAX_PICTURE_PX[1] / height)
    return _stepped(width * scale), _stepped(height * scale)


def _stepped(side_px: float) -> int:
    return max(int(side_px) // PICTURE_STEP_PX, 1) * PICTURE_STEP_PX


def _embedded(fill: Element) -> str:
    """The relationship of what is embedded. Raises `_Unshown` where it is linked, be it beside a copy."""
    blip = _of(fill, "blip")
    if any(blip.get(f"{{{space}}}link") for space in _RELATIONS):
        raise _Unshown
    return next((one for space in _RELATIONS if (one := blip.get(f"{{{space}}}embed"))), "")


def _cut(pixels: Image.Image, edges: tuple[int, int, int, int]) -> Image.Image:
    """Only what is seen, to whole pixels; the others do not take part in scaling."""
    width, height = pixels.size
    left, top = math.ceil(edges[0] * width / _WHOLE), math.ceil(edges[1] * height / _WHOLE)
    right, bottom = math.floor(width - edges[2] * width / _WHOLE), math.floor(height - edges[3] * height / _WHOLE)
    if left >= right or top >= bottom:
        raise _Unshown
    return pixels.crop((left, top, right, bottom))


def _whole(text: str) -> int:
    try:
        return int(text) if len(text) <= 12 else 0
    except ValueError as error:
        raise _Unshown from error


def _of(parent: Element, name: str) -> Element:
    """The first child of this name in a namespace of drawings."""
    found = next(_all(parent, name), None)
    if found is None:
        raise _Unshown
    return found


def _all(parent: Element, name: str) -> Iterator[Element]:
    for one in parent:
        space, _, local = one.tag.lstrip("{").partition("}")
        if local == name and space.startswith(_DRAWING):
            yield one
