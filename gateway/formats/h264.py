"""Frames into H.264, so plainly that a reader can account for every bit of it.

Constrained baseline: no B frames, one reference, one slice for each frame, variable-length codes, whose end every
decoder knows to the bit. A frame in every two seconds stands for itself. What an encoder says of itself (SEI) is left
out. One thread, and arithmetic that every processor does alike: the same frames give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from typing import Any

from gateway.formats.pixels import Pixels
from gateway.formats.problems import VideoMissing

SECONDS_PER_KEY = 2
_QUALITY = 23
_SLICE, _KEY, _SPS, _PPS = 1, 5, 7, 8
_START = re.compile(rb"\x00\x00\x01")
_COLOURS = {1: "bt709", 6: "smpte170m"}


class Encoder:
    """Takes the frames of one video, in order."""

    def __init__(self, size_px: tuple[int, int], fps: int, matrix: int) -> None:
        try:
            av: Any = import_module("av")
        except ImportError as error:
            raise VideoMissing("Videos are made with the extra `video`, which is not installed here.") from error
        self._frame_of = av.VideoFrame.from_ndarray
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height = size_px
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
        context.thread_count = 1
        context.flags |= av.codec.context.Flags.global_header
        context.options = {"preset": "veryfast", "x264-params": _parameters(fps, matrix)}
        context.open()
        self._context = context
        self._added = 0
        self._frames: list[bytes] = []
        self.size_bytes = 0

    def add(self, planes: Pixels) -> None:
        """The next frame: luma, and below it both colour planes."""
        frame = self._frame_of(planes, format="yuv420p")
        frame.pts = self._added
        self._added += 1
        self._keep(self._context.encode(frame))

    def finish(self) -> tuple[bytes, bytes, tuple[bytes, ...]]:
        """Both parameter sets, and one slice for each frame."""
        self._keep(self._context.encode(None))
        sets = {unit[0] & 31: unit for unit in _units(self._context.extradata)}
        if len(self._frames) != self._added:
            raise ValueError("the encoder gave another number of frames than it was given")
        return sets[_SPS], sets[_PPS], tuple(self._frames)

    def _keep(self, packets: list[Any]) -> None:
        for packet in packets:
            (unit,) = (unit for unit in _units(bytes(packet)) if unit[0] & 31 in {_SLICE, _KEY})
            self._frames.append(unit)
            self.size_bytes += len(unit)


def _parameters(fps: int, matrix: int) -> str:
    key = SECONDS_PER_KEY * fps
    colour = _COLOURS[matrix]
    return (
        f"threads=1:slices=1:cpu-independent=1:crf={_QUALITY}:keyint={key}:min-keyint={key}:scenecut=0:bframes=0:ref=1:"
        "cabac=0:8x8dct=0:weightp=0:rc-lookahead=10:sync-lookahead=0:force-cfr=1:stitchable=1:aud=0:fullrange=off:"
        f"colorprim={colour}:transfer={colour}:colormatrix={colour}"
    )


def _units(stream: bytes) -> Iterator[bytes]:
    """The NAL units between start codes."""
    places = [match.end() for match in _START.finditer(stream)]
    for start, end in zip(places, [*(place - 3 for place in places[1:]), len(stream)], strict=True):
        yield stream[start:end].rstrip(b"\0")
