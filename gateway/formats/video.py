"""Videos: MP4, MOV and MKV in, a new MP4 out, made frame by frame from pixels.

In: the sandboxed reader (`parse_video`) says how large and how long the one picture track is and what is beside it;
frames are fetched through a pipe while they are encoded, so that a long video takes no more memory than a short one.
Out: as `write_video` says. Only what lies in the work area while it is allowed leaves: no sound, no other track.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from gateway.base.canon import Json
from gateway.base.problems import Problem
from gateway.base.progress import Steps, unwatched
from gateway.base.units import GIB, MIB
from gateway.formats import video_bounds, video_types, write_video
from gateway.formats.model import Content, Cut, Element, Field, Mark, Plan, Rebuilt, Video
from gateway.formats.ports import NOTHING
from gateway.formats.problems import VideoMissing, VideoRefused, VideoTooLarge
from gateway.formats.surface import Spot, Surface, surface_of
from gateway.sandbox.ports import Limits, Sandbox
from gateway.sandbox.problems import ParseRefused

OUTLINE_TASK = "gateway.formats.parse_video:outline"
FRAMES_TASK = "gateway.formats.parse_video:frames"
PARSE_TASKS = (OUTLINE_TASK, FRAMES_TASK)
LIMITS = Limits(memory_bytes=GIB, cpu_s=60, wall_s=120, output_bytes=8 * MIB)

# A minute of processor time, and for each frame what the largest one takes several times over.
_CPU_S, _FRAMES_PER_CPU_S = 60, 25
_DAMAGED = "The video is damaged or cut off; play it to its end and export it anew."
_SENTENCES: Mapping[str, tuple[type[Problem], str]] = MappingProxyType(
    {
        "": (VideoRefused, _DAMAGED),
        "empty": (VideoRefused, "The file is empty; send the video itself."),
        "mislabelled": (VideoRefused, _DAMAGED),
        "damaged": (VideoRefused, _DAMAGED),
        "no-pictures": (VideoRefused, "The file holds no moving pictures; send the video itself."),
        "tracks": (VideoRefused, "The video has several picture tracks; export the one that is meant."),
        "codec": (
            VideoRefused,
            "The video's codec is not read here; export it as MP4 with H.264, which every camera and editor can.",
        ),
        "turned": (VideoRefused, "The video is mirrored or turned by other than quarters; export it upright."),
        "aspect": (VideoRefused, "The video's pixels are not square; export it with square pixels."),
        "hdr": (VideoRefused, "The video is HDR; export it as SDR, since its colours would not be true."),
        "small": (VideoRefused, f"The video is less than {video_bounds.MIN_SIDE_PX} pixels high or wide."),
        "length": (VideoTooLarge, "The video has no length, or is longer than twelve hours; cut it."),
        "frames": (VideoTooLarge, f"The video has more than {video_bounds.MAX_FRAMES} frames; cut it."),
        "parts": (VideoTooLarge, f"The video has more than {video_bounds.MAX_PARTS} tags, tracks and chapters."),
        "pixels": (VideoTooLarge, "The video is larger than 4096 × 2304 pixels; export it smaller."),
    }
)
_UNCLEAR = VideoRefused("The reader's answer about this video does not add up; export it anew.")


class VideoFormat:
    """The format of videos."""

    name = "video"
    media_types: tuple[str, ...] = video_types.MEDIA_TYPES
    extensions: Mapping[str, str] = MappingProxyType({video_types.MP4: "mp4"})

    def sniff(self, head: bytes) -> str | None:
        """MP4, MOV or MKV. Raises `VideoMissing` where this gateway was installed without the extra `video`."""
        shown = video_types.shown(head)
        if shown is not None and find_spec("av") is None:
            raise VideoMissing(
                "Videos are read with the extra `video`, which is not installed here; have it installed, or export "
                "the frame that is meant as PNG."
            )
        return shown

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Video:
        """Size, length and parts; there is nothing to declare. Raises `VideoRefused` or `VideoTooLarge`."""
        del steps  # one parse says nothing before its end
        if declared:
            raise VideoRefused("A video has neither sheet nor encoding nor delimiter; take that out.")
        return _Reader(sandbox, untrusted_original, media_type).video()

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """The frame that is shown then."""
        return surface_of(self.read(untrusted_original, media_type, sandbox), spot)

    def survey(self, content: Content) -> tuple[Field, ...]:
        """What is beside the pictures; regions come from people."""
        parts = _video(content).parts
        return tuple(Field(f"metadata/{part}", Element.METADATA, label=part, name=part, count=1) for part in parts)

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """Nothing: every track beside the pictures and every tag is a field."""
        del content
        return {}

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """A part's text; nothing for a region."""
        return (_video(content).parts[field.label],) if field.element is Element.METADATA else ()

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """The rendition: work area and seconds, mark, boxes, fresh encode."""
        del secret  # the visible mark names the release itself; nothing here is keyed
        return write_video.rebuild(_video(content), plan, mark)


def _video(content: Content) -> Video:
    if not isinstance(content, Video):
        raise TypeError("this format rebuilds videos")
    return content


class _Reader:
    """One video in the sandbox; every answer is checked before it is believed."""

    def __init__(self, sandbox: Sandbox, untrusted: bytes, media_type: str) -> None:
        self._sandbox = sandbox
        self._untrusted = untrusted
        self._request: dict[str, Json] = {"media_type": media_type}

    def video(self) -> Video:
        """What the outline says."""
        try:
            reply = self._sandbox.run(OUTLINE_TASK, self._request, self._untrusted, LIMITS)
        except ParseRefused as refused:
            raise _told(refused) from refused
        bounds = {"width_px": video_bounds.MAX_SIDE_PX, "height_px": video_bounds.MAX_SIDE_PX}
        bounds |= {"duration_ms": video_bounds.MAX_MS, "fps": video_bounds.MAX_FPS}
        found = {name: reply.header.get(name) for name in (*bounds, "origin", "matrix")}
        numbers = {name: value for name, value in found.items() if type(value) is int}
        if len(numbers) != len(found) or len(reply.blobs) != 1 or numbers["matrix"] not in {1, 6}:
            raise _UNCLEAR
        if not all(0 < numbers[name] <= most for name, most in bounds.items()):
            raise _UNCLEAR
        size_px = numbers["width_px"], numbers["height_px"]
        if min(size_px) < video_bounds.MIN_SIDE_PX or size_px[0] * size_px[1] > video_bounds.MAX_PIXELS:
            raise _UNCLEAR
        self._request |= {"origin": numbers["origin"], "whole_px": list(size_px)}
        length = numbers["duration_ms"], numbers["fps"]
        return Video(*size_px, *length, numbers["matrix"], self._frames, _parts(reply.blobs[0]))

    def _frames(self, cut: Cut) -> Iterator[tuple[int, bytes]]:
        area = [cut.area.left_px, cut.area.top_px, cut.area.width_px, cut.area.height_px]
        request: dict[str, Json] = {"area": list(area), "size_px": list(cut.size_px), "fps": cut.fps}
        numbers = cut.numbers
        request |= {"start_ms": cut.start_ms, "numbers": list(numbers), **self._request}
        each_bytes, done = video_bounds.frame_bytes(cut.size_px), 0
        cpu_s = _CPU_S + cut.count // _FRAMES_PER_CPU_S
        limits = replace(LIMITS, cpu_s=cpu_s, wall_s=2 * cpu_s, output_bytes=each_bytes * len(numbers))
        try:
            for blob in self._sandbox.stream(FRAMES_TASK, request, self._untrusted, limits):
                began_ms = int.from_bytes(blob[: video_bounds.STAMP_BYTES])
                if done == len(numbers) or len(blob) != each_bytes:
                    raise _UNCLEAR
                if began_ms > cut.start_ms + numbers[done] * 1000 // cut.fps:
                    raise _UNCLEAR
                yield began_ms, blob[video_bounds.STAMP_BYTES :]
                done += 1
        except ParseRefused as refused:
            raise _told(refused) from refused
        if done != len(numbers):
            raise _UNCLEAR


def _told(refused: ParseRefused) -> Problem:
    kind, sentence = _SENTENCES.get(refused.code, _SENTENCES[""])
    return kind(sentence)


def _parts(blob: bytes) -> Mapping[str, str]:
    try:
        told: Any = json.loads(blob)
    except (ValueError, RecursionError) as error:
        raise _UNCLEAR from error
    if not isinstance(told, dict) or len(told) > video_bounds.MAX_PARTS:
        raise _UNCLEAR
    for name, text in told.items():
        if not isinstance(text, str) or len(text) > video_bounds.MAX_TEXT_CHARS:
            raise _UNCLEAR
        if len(name) > video_bounds.MAX_NAME_CHARS or name.partition(":")[0] not in video_bounds.PART_SORTS:
            raise _UNCLEAR
    return MappingProxyType(told)
