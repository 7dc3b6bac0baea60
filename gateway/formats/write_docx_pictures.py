"""The pictures of a Word document as they leave: new pixels, the mark in them, and the one form in which they stand.

A picture is what stands in its place on the page, with the boxes of the page on it. One that is too small for a whole
mark gets white ground on the right and below. It is written as PNG where that takes no more than a byte for each
pixel, as JPEG otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gateway.formats import pixels
from gateway.formats.model import Box, Pages
from gateway.formats.page_boxes import Cover, Layout
from gateway.formats.typed import Figure
from gateway.marks import visible

_EMU_PER_PX = 914_400 // 200
_QUALITY = 89
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"


@dataclass(frozen=True, slots=True)
class Made:
    """A picture of the rendition: how its name ends, its bytes and its size."""

    extension: str
    data: bytes
    size_px: tuple[int, int]


def covering(figure: Figure, layout: Layout) -> Cover | None:
    """The box that lies over all of a picture."""
    left, top, width, height = figure.box
    for cover in layout.covers:
        box = cover.box
        wide = box.left_px <= left and left + width <= box.left_px + box.width_px
        if wide and box.top_px <= top and top + height <= box.top_px + box.height_px:
            return cover
    return None


def made(content: Pages, figure: Figure, layout: Layout, mark_text: str) -> Made:
    """The picture as it leaves. Raises `MarkDoesNotFit`."""
    left, top, width, height = figure.box
    page = content.pages[figure.page - 1]
    raster = np.frombuffer(content.raster(figure.page), np.uint8).reshape(page.height_px, page.width_px, 3)
    size_px = visible.roomy((width, height), mark_text)
    shown = np.full((size_px[1], size_px[0], 3), 255, np.uint8)
    shown[:height, :width] = raster[top : top + height, left : left + width]
    boxes = tuple(box for cover in layout.covers if (box := _within(cover.box, figure.box)))
    visible.require_readable(size_px, mark_text, boxes)
    visible.burn_in(shown, mark_text)
    for start, above, end, below in boxes:
        shown[above:below, start:end] = 0
    flat = pixels.png(shown)
    if len(flat) <= size_px[0] * size_px[1]:
        return Made("png", flat, size_px)
    return Made("jpg", pixels.jpeg(shown, _QUALITY), size_px)


def _within(cover: Box, place: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
    """What a box covers of a picture, as left, top, right and bottom in the picture."""
    left, top, width, height = place
    start, above = max(cover.left_px - left, 0), max(cover.top_px - top, 0)
    end = min(cover.left_px + cover.width_px - left, width)
    below = min(cover.top_px + cover.height_px - top, height)
    return (start, above, end, below) if start < end and above < below else None


def paragraph(number: int, relation: str, size_px: tuple[int, int]) -> str:
    """A paragraph of nothing but this picture."""
    sides = f'cx="{size_px[0] * _EMU_PER_PX}" cy="{size_px[1] * _EMU_PER_PX}"'
    picture = (
        f'<pic:nvPicPr><pic:cNvPr id="{number}" name="Picture {number}"/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="{relation}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
        f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext {sides}/></a:xfrm>'
        '<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>'
    )
    return (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{_DRAWING}/wordprocessingDrawing"'
        f' distT="0" distB="0" distL="0" distR="0"><wp:extent {sides}/>'
        f'<wp:docPr id="{number}" name="Picture {number}"/><a:graphic xmlns:a="{_DRAWING}/main">'
        f'<a:graphicData uri="{_DRAWING}/picture"><pic:pic xmlns:pic="{_DRAWING}/picture">{picture}</pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )
