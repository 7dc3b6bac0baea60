"""Pictures: every type in `picture_types` in, JPEG or PNG out, rebuilt from pixels.

Out: the one rectangle that a person drew as the work area, the fingerprint laid in where the plan has a seed for one,
the visible mark burned in, then solid boxes over everything withheld inside it, freshly encoded without a byte of
metadata: a JPEG where the original stored its pixels with loss, else a PNG. Boxes grow outwards as `box_grid` says, so
that their size does not tell what was under them, and are painted last, so that nothing shows through. Nothing is
written inside a box: its interior is one colour, which the gate checks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.formats import box_grid, parse_picture, parse_tags, picture_types, pixels
from gateway.formats.model import (
    Box,
    Content,
    Element,
    Field,
    Instruction,
    Mark,
    Op,
    Picture,
    Plan,
    Rebuilt,
    Traced,
    applied,
)
from gateway.formats.ports import NOTHING
from gateway.formats.problems import FrameUnclear, NothingNamed, PictureRefused, PictureTooLarge, PlanUnfit
from gateway.formats.surface import Spot, Surface, surface_of
from gateway.marks import fingerprint, visible
from gateway.sandbox.ports import Limits, Reply, Sandbox
from gateway.sandbox.problems import ParseMemory, ParseRefused

PARSE_TASK = "gateway.formats.parse_picture:parse"
BOX_COLOUR = (0, 0, 0)
JPEG_QUALITY = 89

_SENTENCES: Mapping[str, tuple[type[Problem], str]] = {
    "empty": (PictureRefused, "The file is empty; send the picture itself."),
    "mislabelled": (PictureRefused, "The file is not the picture type that it was taken for; export it anew."),
    "damaged": (PictureRefused, "The picture is truncated or damaged; export it anew as JPEG or PNG."),
    "frames": (
        FrameUnclear,
        (
            "The picture has several frames or pages, and one is rendered: is the first the one that is meant? Answer "
            "with source {frame: first}, or export the one that is."
        ),
    ),
    "raw": (PictureRefused, "This is a raw photograph of a camera's sensor; develop it and export it as JPEG."),
    "turned-twice": (
        PictureRefused,
        "The picture says in two ways how it is turned, so boxes may miss; export it anew, upright.",
    ),
    "pixel-form": (PictureRefused, "The picture's pixels have a form that is not read here; export it as 8-bit RGB."),
    "pixels": (
        PictureTooLarge,
        (
            f"The picture has more than {parse_picture.MAX_PIXELS // 1_000_000} million pixels or a side of more than "
            f"{parse_picture.MAX_SIDE_PX} pixels; scale it down."
        ),
    ),
}
_UNCLEAR = PictureRefused("The reader's answer about this picture does not add up; export it anew as JPEG or PNG.")
_TAG_SPACES = frozenset({"EXIF", "XMP", "IPTC", "ICC", "PNG", "JFIF", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "HEIF"})
_OTHER_FRAMES = "format:other-frames"
# Its decoder begins a thread whether or not it is asked to.
_THREADED = frozenset({picture_types.HEIC})
_FIRST = {"frame": "first"}


class PictureFormat:
    """The format of pictures."""

    name = "picture"
    media_types: tuple[str, ...] = picture_types.MEDIA_TYPES
    extensions: Mapping[str, str] = MappingProxyType({picture_types.JPEG: "jpg", picture_types.PNG: "png"})

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def sniff(self, head: bytes) -> str | None:
        """By its signature, or by what its first box says."""
        return picture_types.shown(head)

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Picture:
        """Pixels and tags; `frame: first` may be declared. Raises a `PictureRefused`, `…TooLarge` or `FrameUnclear`."""
        del steps  # one parse says nothing before its end
        if declared and declared != _FIRST:
            raise PictureRefused(
                "Of a picture `frame: first` can be declared, but no sheet, encoding or delimiter; correct the answers."
            )
        limits = replace(self._limits, threads=media_type in _THREADED)
        try:
            reply = sandbox.run(PARSE_TASK, {"media_type": media_type, **declared}, untrusted_original, limits)
        except ParseMemory as error:
            raise PictureTooLarge("The picture needs more memory than one file may use; scale it down.") from error
        except ParseRefused as refused:
            if refused.code not in _SENTENCES:
                raise
            kind, sentence = _SENTENCES[refused.code]
            raise kind(sentence) from refused
        return _checked_picture(reply)

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """The picture, or the first of its frames or pages."""
        return surface_of(self.read(untrusted_original, media_type, sandbox, _FIRST), spot)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """One field per tag; regions come from people."""
        return tuple(
            Field(f"metadata/{tag}", Element.METADATA, label=tag, name=tag, count=1) for tag in _picture(content).tags
        )

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """Nothing: every tag is a field."""
        del content
        return {}

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """A tag's text; nothing for a region."""
        if field.element is not Element.METADATA:
            return ()
        return (_picture(content).tags[field.label],)

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """The rendition: crop, fingerprint, mark, boxes, fresh encode. `redactions` counts per rule."""
        del secret  # the visible mark names the release itself, and the fingerprint has a seed of its own
        picture = _picture(content)
        work_area = _work_area(picture, plan)
        boxes = _boxes(plan, work_area)
        size_px = (work_area.width_px, work_area.height_px)
        visible.require_readable(size_px, mark.text, tuple(_corners(box) for box in boxes))
        whole = np.frombuffer(picture.rgb, np.uint8).reshape(picture.height_px, picture.width_px, 3)
        shown = whole[_inside(work_area)].copy()
        traced = None
        if plan.fingerprint is not None:
            _cover(shown, boxes)
            traced = _laid(shown, boxes, plan.fingerprint)
        visible.burn_in(shown, mark.text)
        _cover(shown, boxes)
        data, media_type = (
            (pixels.jpeg(shown, JPEG_QUALITY), picture_types.JPEG)
            if picture.lossy
            else (pixels.png(shown), picture_types.PNG)
        )
        return Rebuilt(data, media_type, _redactions(picture, plan), boxes=boxes, size_px=size_px, traced=traced)


def _cover(shown: pixels.Pixels, boxes: tuple[Box, ...]) -> None:
    for box in boxes:
        shown[_inside(box)] = BOX_COLOUR


def _laid(shown: pixels.Pixels, boxes: tuple[Box, ...], seed: bytes) -> Traced:
    """Lay the fingerprint into a picture whose boxes are painted: its ground shows nothing that is withheld."""
    size_px = shown.shape[1], shown.shape[0]
    ground = fingerprint.ground_of(shown)
    hidden = fingerprint.hidden_cells(size_px, tuple(_corners(box) for box in boxes))
    cells = fingerprint.require_room(ground, hidden)
    plain = shown.tobytes()
    fingerprint.lay(shown, seed, ground)
    return Traced(ground.tobytes(), (ground.shape[1], ground.shape[0]), plain, cells)


def _picture(content: Content) -> Picture:
    if not isinstance(content, Picture):
        raise TypeError("this format rebuilds pictures")
    return content


def _op(instruction: Instruction) -> Op:
    """What happens to a region or a tag; nothing said means removed."""
    case = applied(instruction.cases, {})
    if case is not None:
        return case.transform.op
    return Op.BOX if instruction.element is Element.REGION else Op.STRIP


def _work_area(picture: Picture, plan: Plan) -> Box:
    """The one rectangle that may leave, clipped to the picture."""
    drawn = [i.box for i in plan.instructions if i.element is Element.REGION and _op(i) is Op.CROP and i.box]
    if not drawn:
        raise NothingNamed(
            "No work area is drawn, and only what lies in one may leave; draw it and confirm the regions."
        )
    if len(drawn) > 1:
        raise PlanUnfit(
            "Several work areas are drawn, and a rendition shows one; keep one, or upload the picture twice."
        )
    clipped = _clipped(drawn[0], picture.width_px, picture.height_px)
    if clipped is None:
        raise PlanUnfit("The work area lies outside the picture; draw it anew.")
    return clipped


def _clipped(box: Box, width_px: int, height_px: int) -> Box | None:
    left, top = max(0, box.left_px), max(0, box.top_px)
    right = min(width_px, box.left_px + box.width_px)
    bottom = min(height_px, box.top_px + box.height_px)
    return Box(left, top, right - left, bottom - top) if left < right and top < bottom else None


def _boxes(plan: Plan, work_area: Box) -> tuple[Box, ...]:
    """Every withheld region inside the work area, in rendition pixels, grown as `box_grid` says; sorted, each once."""
    boxes = set()
    for instruction in plan.instructions:
        if instruction.element is not Element.REGION or _op(instruction) in {Op.CROP, Op.ALLOW}:
            continue
        if instruction.box is None:
            raise PlanUnfit("A region to be covered has no place in the picture; draw it anew.")
        left, top = instruction.box.left_px - work_area.left_px, instruction.box.top_px - work_area.top_px
        region = replace(instruction.box, left_px=left, top_px=top)
        boxes.add(box_grid.grown(region, instruction.name, work_area.width_px, work_area.height_px))
    inside = (box for box in boxes if box is not None)
    return tuple(sorted(inside, key=lambda box: (box.top_px, box.left_px, box.height_px, box.width_px)))


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.left_px, box.top_px, box.left_px + box.width_px, box.top_px + box.height_px


def _inside(box: Box) -> tuple[slice, slice]:
    left, top, right, bottom = _corners(box)
    return slice(top, bottom), slice(left, right)


def _redactions(picture: Picture, plan: Plan) -> dict[str, int]:
    """Removed regions and tags per rule; `default` counts what no rule names."""
    counts: dict[str, int] = {}
    named = set()
    for instruction in plan.instructions:
        op = _op(instruction)
        if instruction.element is Element.METADATA:
            named.add(instruction.field_id)
            if op not in {Op.STRIP, Op.DROP}:
                raise PlanUnfit("A picture's rendition carries no metadata; let the policy strip it.")
        if op not in {Op.CROP, Op.ALLOW}:
            case = applied(instruction.cases, {})
            rule = case.rule if case else "default"
            counts[rule] = counts.get(rule, 0) + 1
    unnamed = sum(1 for tag in picture.tags if f"metadata/{tag}" not in named)
    if unnamed:
        counts["default"] = counts.get("default", 0) + unnamed
    if picture.several:
        counts[_OTHER_FRAMES] = 1
    return dict(sorted(counts.items()))


def _checked_picture(reply: Reply) -> Picture:
    """The reply as a picture; nothing in it is believed before it is checked."""
    width, height = reply.header.get("width_px"), reply.header.get("height_px")
    lossy, several = reply.header.get("lossy"), reply.header.get("several")
    if not isinstance(width, int) or not isinstance(height, int) or len(reply.blobs) != 2:
        raise _UNCLEAR
    if not isinstance(lossy, bool) or not isinstance(several, bool):
        raise _UNCLEAR
    side = parse_picture.MAX_SIDE_PX
    if not (0 < width <= side and 0 < height <= side and width * height <= parse_picture.MAX_PIXELS):
        raise _UNCLEAR
    rgb, tags_blob = reply.blobs
    if len(rgb) != 3 * width * height:
        raise _UNCLEAR
    return Picture(width, height, rgb, MappingProxyType(_checked_tags(tags_blob)), lossy, several)


def _checked_tags(blob: bytes) -> dict[str, str]:
    try:
        tags: Any = json.loads(blob)
    except (ValueError, RecursionError) as error:
        raise _UNCLEAR from error
    if not isinstance(tags, dict) or len(tags) > parse_tags.MAX_TAGS:
        raise _UNCLEAR
    for tag, value in tags.items():
        if not isinstance(value, str) or len(value) > parse_tags.MAX_VALUE_CHARS or len(tag) > 100:
            raise _UNCLEAR
        if tag.partition(":")[0] not in _TAG_SPACES:
            raise _UNCLEAR
    return tags
