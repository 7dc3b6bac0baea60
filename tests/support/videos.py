"""Video originals for tests: a few seconds, small, as a camera might have made them, and more than pictures in them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
SIZE_PX = (640, 480)
FPS = 25


def scene(number: int, size_px: tuple[int, int] = SIZE_PX) -> Pixels:
    """A bench with a bright part that wanders over it from left to right, four pixels a frame."""
    width, height = size_px
    across = np.linspace(60, 180, width, dtype=np.float32)
    down = np.linspace(0, 40, height, dtype=np.float32)[:, None]
    frame = np.repeat((across + down)[:, :, None], 3, axis=2)
    frame[:, :, 2] *= 0.7
    frame[::16, :, :] *= 0.9
    left = 40 + 4 * number
    frame[height // 2 : height // 2 + 40, left : left + 40] = (250, 40, 40)
    return frame.astype(np.uint8)


def video(
    *,
    form: str = "mp4",
    frames: int = 30,
    size_px: tuple[int, int] = SIZE_PX,
    painted: Callable[[int], Pixels] | None = None,
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    tags: dict[str, str] | None = None,
    sound: bool = False,
    subtitle: str | None = None,
    chapter: str | None = None,
    attachment: bytes | None = None,
    second: bool = False,
    data: bytes | None = None,
    turned: int = 0,
    options: dict[str, str] | None = None,
    muxing: dict[str, str] | None = None,
) -> bytes:
    """A video of these frames; `times` are theirs in ms where they are not even."""
    out = io.BytesIO()
    container = av.open(out, "w", format=form, options=muxing or {})
    container.metadata.update(tags or {})
    tracks = [_pictures(container, codec, size_px, pix_fmt, options, turned) for _ in range(2 if second else 1)]
    audio: Any = container.add_stream("aac", rate=48_000) if sound else None
    text: Any = None
    if attachment is not None:
        container.add_attachment("secret.txt", "text/plain", attachment)
    if subtitle is not None:
        text = container.add_mux_stream("subrip" if form == "matroska" else "mov_text", rate=1)
        text.time_base = Fraction(1, 1000)
    raw = container.add_data_stream("bin_data") if data is not None else None
    if chapter is not None:
        base = Fraction(1, 1000)
        container.set_chapters([{"id": 1, "start": 0, "end": 900, "time_base": base, "metadata": {"title": chapter}}])
    paint = painted or (lambda number: scene(number, size_px))
    for track in tracks:
        _film(container, track, frames, paint, times)
    if audio is not None:
        _beep(container, audio)
    for track, payload in ((text, _cue(subtitle, form)), (raw, data)):
        if track is not None and payload is not None:
            _packet(container, track, payload)
    container.close()
    return out.getvalue()


def _film(container: Any, track: Any, frames: int, paint: Callable[[int], Pixels], times: Sequence[int] | None) -> None:
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(paint(number), format="rgb24")
        if times is not None:
            frame.pts, frame.time_base = times[number], Fraction(1, 1000)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def _cue(subtitle: str | None, form: str) -> bytes | None:
    if subtitle is None:
        return None
    text = subtitle.encode()
    return text if form == "matroska" else len(text).to_bytes(2) + text


def _pictures(
    container: Any, codec: str, size_px: tuple[int, int], pix_fmt: str, options: dict[str, str] | None, turned: int
) -> Any:
    track = container.add_stream(
        codec, rate=FPS, options=options or ({"preset": "ultrafast"} if codec == "libx264" else {})
    )
    track.width, track.height = size_px
    track.pix_fmt = pix_fmt
    if turned:
        track.set_display_rotation(turned)
    return track


def _beep(container: Any, audio: Any) -> None:
    for number in range(20):
        wave = np.sin(np.arange(1024, dtype=np.float32) / 20)
        frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), format="fltp", layout="stereo")
        frame.rate, frame.pts = 48_000, 1024 * number
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def _packet(container: Any, track: Any, payload: bytes) -> None:
    packet = av.Packet(payload)
    packet.stream, packet.time_base = track, Fraction(1, 1000)
    packet.pts = packet.dts = 0
    packet.duration = 500
    container.mux(packet)


def decoded(data: bytes) -> list[Any]:
    """The frames as a player gets them."""
    container: Any = av.open(io.BytesIO(data))
    with container:
        return list(container.decode(video=0))
