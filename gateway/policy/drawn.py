"""A drawing in small, as a policy's test describes it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field as Key
from pydantic import StringConstraints

from gateway.formats.model import Box, Drawing, DrawingText, Selection, Shown
from gateway.policy.words import Strict

Name = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Said = Annotated[str, StringConstraints(min_length=1, max_length=2000)]

_LINE_PX = 40
_CANVAS_PX = (2000, 2000)


class DrawnText(Strict):
    """A text of a drawing, the layer that it is on, and the blocks that it is in."""

    text: Said
    layer: Name
    blocks: tuple[Name, ...] = ()


class Drawn(Strict):
    """Layers, blocks and texts. A layer or block that only a text names is there as well."""

    layers: tuple[Name, ...] = Key(default=(), max_length=200)
    blocks: tuple[Name, ...] = Key(default=(), max_length=200)
    texts: tuple[DrawnText, ...] = Key(default=(), max_length=30)

    def drawing(self) -> Drawing:
        """The same as a format would have read it; shown are its selected texts, one below the other."""
        layers = tuple(dict.fromkeys((*self.layers, *(one.layer for one in self.texts))))
        blocks = tuple(dict.fromkeys((*self.blocks, *(name for one in self.texts for name in one.blocks))))
        texts = tuple(
            DrawingText(
                one.text,
                (
                    f"layer/{layers.index(one.layer) + 1}",
                    *(f"block/{blocks.index(name) + 1}" for name in one.blocks),
                ),
                Box(0, number * _LINE_PX, _CANVAS_PX[0], _LINE_PX),
            )
            for number, one in enumerate(self.texts)
        )
        return Drawing(
            size_px=_CANVAS_PX,
            layers=tuple((name, 1) for name in layers),
            blocks=tuple((name, 1) for name in blocks),
            texts=texts,
            parts={},
            left_out={},
            show=_shown,
        )


def _shown(selection: Selection) -> Shown:
    size_px = selection.area_px
    words = tuple((number, 0, Box(0, number * _LINE_PX, size_px[0], _LINE_PX)) for number in sorted(selection.texts))
    return Shown(size_px, b"\xff" * (3 * size_px[0] * size_px[1]), words, 0.0, 0.0, 1.0)
