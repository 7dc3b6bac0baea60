"""Documents whose mark may stand in the margin alone: what the gate is given, and what the index says of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway.formats.model import Content, Pages, Plan, Rebuilt
from gateway.policy.model import Because


def originals(content: Pages, rebuilt: Rebuilt) -> tuple[tuple[tuple[int, int], ...], bytes]:
    """The sizes of the pages that leave, as they are in the original, and their pixels, as rows of RGB."""
    pages = [(one.number, content.pages[one.number - 1]) for one in rebuilt.pages]
    pixels = (_in_colour(content.raster(number), page.width_px * page.height_px) for number, page in pages)
    return tuple((page.width_px, page.height_px) for _, page in pages), b"".join(pixels)


def margin_lines(content: Content, plan: Plan, rebuilt: Rebuilt, because: Because) -> Iterator[dict[str, str]]:
    """The line of the withheld index that says what was done to the pages themselves, which is not to withhold."""
    if not plan.margin or not isinstance(content, Pages):
        return
    count = len(rebuilt.pages)
    longer = sum(one.size_px[1] > content.pages[one.number - 1].height_px for one in rebuilt.pages)
    yield {
        "item": "Margin of the pages / 页边空白",
        "action": "marked / 已加标记",
        "code": because.code,
        "basis": because.basis or "",
        "reason_en": "The copy names its recipient; no mark lies over text or stamps.",
        "reason_zh": "本副本标明接收方；文字及印章未被标记遮挡。",
        "summary_en": f"Pages marked in their lower margin: {count}; made longer for that: {longer}.",
        "summary_zh": f"下边空白处加有标记的页数：{count}；其中为此加长的页数：{longer}。",
    }


def _in_colour(raster: bytes, count: int) -> bytes:
    return raster if len(raster) == 3 * count else np.repeat(np.frombuffer(raster, np.uint8), 3).tobytes()
