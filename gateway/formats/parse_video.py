"""The reader of videos. It runs only in the sandbox's child; the parent checks what it says.

1. One demuxer, chosen by the first bytes, and one decoder of a closed list; neither begins a thread. 2. One picture
track: cover pictures stand beside it, a second one is refused, since nobody knows which was looked at. 3. Size, length
and number of frames lie within the bounds before a second frame is decoded. 4. Pixels are square, of usual range and
turned by quarters only; the file is as long as it says. 5. `frames` gives a picture for every moment of an even clock:
the last one that had begun.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import repeat
from types import MappingProxyType
from typing import Any, cast

import av
import av.audio.codeccontext
import av.audio.stream
import av.error
import av.subtitles.codeccontext
import av.subtitles.stream
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData, Type
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from gateway.base.canon import Json
from gateway.formats import video_bounds, video_extent, video_types
from gateway.sandbox.task import Answer, Coming, LongAnswer, TaskRefused

Pixels = NDArray[np.uint8]

# Loaded when a stream of their sort is first met, and behind the walls nothing can be loaded.
_PRELOADED = (av.audio.codeccontext, av.audio.stream, av.subtitles.codeccontext, av.subtitles.stream)
_DECODERS = frozenset({"h264", "hevc", "mpeg4", "mjpeg", "vp8", "vp9", "libdav1d", "prores", "mpeg2video", "h263"})
_BROKEN = (av.error.FFmpegError, ValueError, TypeError, IndexError, EOFError, OSError, OverflowError, ZeroDivisionError)
_ONE = 1 << 16
# Clockwise quarters, by the rows of the matrix that says how a decoded picture is to be shown.
_QUARTERS: Mapping[tuple[int, int, int, int], int] = MappingProxyType(
    {(_ONE, 0, 0, _ONE): 0, (0, _ONE, -_ONE, 0): 1, (-_ONE, 0, 0, -_ONE): 2, (0, -_ONE, _ONE, 0): 3}
)
_BT709, _BT601, _HD_LINES = 1, 6, 720
_WIDE_GAMUT = frozenset({9, 10})
_HDR_CURVES = frozenset({16, 18})
# No frame may be missing at the end for longer than this, or the file was cut off.
_TAIL_MS = 2_000


def outline(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """Header: size and length of the picture track, its mean rate, where it begins. One blob: the parts, as JSON."""
    try:
        with _opened(request, untrusted) as container:
            if not video_extent.is_whole(untrusted, str(request["media_type"])):
                raise TaskRefused("damaged")
            return _outline(container)
    except _BROKEN as error:
        raise TaskRefused("damaged") from error


def frames(request: Mapping[str, Json], untrusted: bytes) -> LongAnswer:
    """One blob for each frame that is wanted: when its picture began, then its planes."""
    asked = _Asked(request)
    return {}, Coming(len(asked.numbers), video_bounds.frame_bytes(asked.size_px), _unbroken(asked, request, untrusted))


def _opened(request: Mapping[str, Json], untrusted: bytes) -> InputContainer:
    media_type = str(request["media_type"])
    if video_types.shown(untrusted[:4096]) != media_type:
        raise TaskRefused("mislabelled" if untrusted else "empty")
    return cast(
        InputContainer,
        av.open(io.BytesIO(untrusted), format=video_types.DEMUXERS[media_type], metadata_errors="replace"),
    )


def _outline(container: InputContainer) -> Answer:
    stream = _track(container)
    first = next(_decoded(container, stream), None)
    if first is None or first.pts is None:
        raise TaskRefused("no-pictures")
    width_px, height_px = _upright(first)
    _require_plain(stream, first)
    container.seek(0, stream=stream)
    last, count = _extent(container, stream)
    base = Fraction(stream.time_base or 0)
    duration_ms = round((last - first.pts) * base * 1000)
    if not 0 < duration_ms <= video_bounds.MAX_MS or not count:
        raise TaskRefused("length")
    fps = max(1, min(video_bounds.MAX_FPS, round(Fraction(count * 1000, duration_ms))))
    header: dict[str, Json] = {"width_px": width_px, "height_px": height_px, "duration_ms": duration_ms, "fps": fps}
    return {**header, "origin": first.pts, "matrix": _matrix(first)}, (json.dumps(_parts(container, stream)).encode(),)


def _track(container: InputContainer) -> VideoStream:
    """The one picture track, its decoder bound to one thread."""
    pictures = [one for one in container.streams.video if not _is_cover(one)]
    if len(pictures) != 1:
        raise TaskRefused("tracks" if pictures else "no-pictures")
    stream = pictures[0]
    # There is none where nobody knows the codec, whatever the binding's types say.
    context = cast(VideoCodecContext | None, stream.codec_context)
    if context is None or context.codec.name not in _DECODERS:
        raise TaskRefused("codec")
    context.thread_count = 1
    _require_size(context.width, context.height)
    return stream


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & (av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails))


def _require_size(width_px: int, height_px: int) -> None:
    if min(width_px, height_px) < video_bounds.MIN_SIDE_PX:
        raise TaskRefused("small")
    if max(width_px, height_px) > video_bounds.MAX_SIDE_PX or width_px * height_px > video_bounds.MAX_PIXELS:
        raise TaskRefused("pixels")


def _require_plain(stream: VideoStream, frame: VideoFrame) -> None:
    if stream.sample_aspect_ratio not in {None, 0, 1}:
        raise TaskRefused("aspect")
    if frame.color_trc in _HDR_CURVES or frame.colorspace in _WIDE_GAMUT:
        raise TaskRefused("hdr")


def _matrix(frame: VideoFrame) -> int:
    """By which standard luma and colour were made, 1 as BT.709 or 6 as BT.601; where nobody says, by the size."""
    if frame.format.is_rgb:
        return _BT601
    if frame.colorspace in {_BT709, 5, _BT601}:
        return _BT709 if frame.colorspace == _BT709 else _BT601
    return _BT709 if min(frame.width, frame.height) >= _HD_LINES else _BT601


def _upright(frame: VideoFrame) -> tuple[int, int]:
    size_px = frame.width, frame.height
    return size_px[::-1] if _quarters(frame) % 2 else size_px


def _quarters(frame: VideoFrame) -> int:
    """By how many quarters clockwise a decoded picture is to be turned."""
    # Its iterator gives what it holds, whatever a mapping's would give.
    told = [one for one in cast(Iterable[SideData], frame.side_data) if one.type == Type.DISPLAYMATRIX]
    if not told:
        return 0
    matrix = np.frombuffer(bytes(cast(Any, told[0])), np.int32)
    quarters = _QUARTERS.get((int(matrix[0]), int(matrix[1]), int(matrix[3]), int(matrix[4])))
    if quarters is None:
        raise TaskRefused("turned")
    return quarters


def _extent(container: InputContainer, stream: VideoStream) -> tuple[int, int]:
    """When the last picture ends, in the track's own units, and how many there are; nothing is decoded."""
    last = count = 0
    for packet in container.demux(stream):
        if packet.pts is None or packet.is_discard:
            continue
        count += 1
        last = max(last, packet.pts + (packet.duration or 0))
        if count > video_bounds.MAX_FRAMES:
            raise TaskRefused("frames")
    return last, count


def _parts(container: InputContainer, stream: VideoStream) -> dict[str, str]:
    """What is beside the pictures, under names that the parent knows."""
    parts = {f"container:{name}": text for name, text in container.metadata.items()}
    for one in container.streams:
        number = one.index + 1
        if one is not stream:
            sort = "cover" if isinstance(one, VideoStream) else str(one.type)
            parts[f"track:{number} {sort}"] = ""
        parts |= {f"tag:{number} {name}": text for name, text in one.metadata.items()}
    for number, chapter in enumerate(container.chapters(), start=1):
        parts[f"chapter:{number}"] = str(chapter["metadata"].get("title", ""))
    if len(parts) > video_bounds.MAX_PARTS:
        raise TaskRefused("parts")
    return {name[: video_bounds.MAX_NAME_CHARS]: text[: video_bounds.MAX_TEXT_CHARS] for name, text in parts.items()}


class _Asked:
    """What the parent asks for."""

    def __init__(self, request: Mapping[str, Json]) -> None:
        told = cast(Mapping[str, Any], request)
        self.whole_px: tuple[int, int] = tuple(told["whole_px"])
        self.left, self.top, self.width, self.height = told["area"]
        self.size_px: tuple[int, int] = tuple(told["size_px"])
        self.fps, self.start_ms, self.numbers = int(told["fps"]), int(told["start_ms"]), tuple(told["numbers"])
        self.origin = int(told["origin"])

    def due_ms(self, number: int) -> Fraction:
        """When frame `number` is shown, counted from the video's beginning."""
        return self.start_ms + Fraction(1000 * number, self.fps)


def _unbroken(asked: _Asked, request: Mapping[str, Json], untrusted: bytes) -> Iterator[bytes]:
    try:
        yield from _frames(asked, request, untrusted)
    except _BROKEN as error:
        raise TaskRefused("damaged") from error


def _frames(asked: _Asked, request: Mapping[str, Json], untrusted: bytes) -> Iterator[bytes]:
    done, wanted = 0, len(asked.numbers)
    for began, ends, frame in _spans(_from_the_start(asked, request, untrusted)):
        first = done
        while done < wanted and asked.due_ms(asked.numbers[done]) < ends:
            done += 1
        if done > first:
            blob = int(began).to_bytes(video_bounds.STAMP_BYTES) + _planes(frame, asked)
            yield from repeat(blob, done - first)
        if done == wanted:
            return
    raise ValueError("cut off")


def _spans(frames: Iterator[tuple[Fraction, VideoFrame]]) -> Iterator[tuple[Fraction, Fraction, VideoFrame]]:
    """From when to when each picture is shown."""
    held = next(frames, None)
    while held is not None:
        following = next(frames, None)
        yield held[0], following[0] if following else held[0] + _TAIL_MS, held[1]
        held = following


def _from_the_start(
    asked: _Asked, request: Mapping[str, Json], untrusted: bytes
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Pictures from the last one that begins before the cut on, and when each begins, in ms."""
    for seeking in (True, False):
        with _opened(request, untrusted) as container:
            stream = _track(container)
            base = Fraction(stream.time_base or 0) * 1000
            if seeking:
                container.seek(asked.origin + int(asked.start_ms / base), stream=stream)
            for position, frame in enumerate(_decoded(container, stream)):
                if frame.pts is None:
                    raise ValueError("a picture without its time")
                at_ms = (frame.pts - asked.origin) * base
                if position == 0 and seeking and at_ms > asked.start_ms:
                    break  # The index led past the place, so all of it is read from the beginning.
                yield at_ms, frame
            else:
                return


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    for packet in container.demux(stream):
        yield from stream.decode(packet)


def _planes(frame: VideoFrame, asked: _Asked) -> bytes:
    """Luma and both colour planes of the area, upright, in the size that is wanted."""
    if _upright(frame) != asked.whole_px:
        raise ValueError("a picture of another size")
    quarters = _quarters(frame)
    full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG or frame.format.is_rgb
    if frame.format.name != "yuv420p" or full:
        source = ColorRange.JPEG if full else ColorRange.MPEG
        frame = frame.reformat(format="yuv420p", src_color_range=source, dst_color_range=ColorRange.MPEG, threads=1)
    planes = []
    for half, plane in zip((1, 2, 2), frame.planes, strict=True):
        rows = np.frombuffer(cast(Any, plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        upright = np.rot90(rows, -quarters)
        left, top = asked.left // half, asked.top // half
        planes.append(upright[top : top + asked.height // half, left : left + asked.width // half])
    if (asked.width, asked.height) != asked.size_px:
        return _scaled(planes, asked)
    return b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)


def _scaled(planes: list[Pixels], asked: _Asked) -> bytes:
    flat = np.concatenate([plane.ravel() for plane in planes]).reshape(asked.height * 3 // 2, asked.width)
    frame = VideoFrame.from_ndarray(flat, format="yuv420p")
    frame = frame.reformat(*asked.size_px, interpolation=Interpolation.AREA, threads=1)
    data: bytes = frame.to_ndarray().tobytes()
    return data
