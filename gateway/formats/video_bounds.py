"""How large a video may be: the same on both sides of the sandbox."""

from __future__ import annotations

MAX_PIXELS = 4096 * 2304
MAX_SIDE_PX = 8192
MIN_SIDE_PX = 64
MAX_FRAMES = 400_000
MAX_MS = 12 * 3600 * 1000
MAX_FPS = 240
MAX_PARTS = 500
MAX_NAME_CHARS = 200
MAX_TEXT_CHARS = 4_000
PART_SORTS = frozenset({"container", "track", "tag", "chapter", "attachment"})

# A frame's blob begins with the time at which its picture began, in ms, big-endian.
STAMP_BYTES = 8


def frame_bytes(size_px: tuple[int, int]) -> int:
    """How long the blob of a frame of this size is."""
    return STAMP_BYTES + size_px[0] * size_px[1] * 3 // 2
