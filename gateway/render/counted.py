"""Long rebuilds as they go on, seen from outside: the pages and frames that a format asks for are counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.base.progress import Steps
from gateway.formats.model import Content, Cut, Element, Op, Pages, Plan, Video, applied


def counted(content: Content, plan: Plan, steps: Steps) -> Content:
    """`content`, telling `steps` of every page or frame that is taken from it; any other content as it is."""
    match content:
        case Pages():
            return _counted_pages(content, plan, steps)
        case Video():
            return _counted_frames(content, steps)
    return content


def _counted_pages(pages: Pages, plan: Plan, steps: Steps) -> Pages:
    wanted, asked = _allowed(plan), set[int]()

    def raster(number: int) -> bytes:
        steps(len(asked), wanted)
        pixels = pages.raster(number)
        asked.add(number)
        return pixels

    return replace(pages, raster=raster)


def _counted_frames(video: Video, steps: Steps) -> Video:
    def frames(cut: Cut) -> Iterator[tuple[int, bytes]]:
        for done, frame in enumerate(video.frames(cut)):
            steps(done, len(cut.numbers))
            yield frame

    return replace(video, frames=frames)


def _allowed(plan: Plan) -> int:
    """How many pages leave."""
    pages = (one for one in plan.instructions if one.element is Element.PAGE)
    return sum(1 for one in pages if (case := applied(one.cases, {})) is not None and case.transform.op is Op.ALLOW)
