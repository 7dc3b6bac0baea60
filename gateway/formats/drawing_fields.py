"""What a policy can name in a drawing: its layers, its blocks, then its texts with what they stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gateway.formats.model import Drawing, Element, Field


def drawing_fields(drawing: Drawing, classes_of: Callable[[Sequence[str]], frozenset[str]]) -> Iterator[Field]:
    """Layers, blocks, texts, then what is beside the drawing by sort. No name of the original becomes a field's."""
    for element, names in ((Element.LAYER, drawing.layers), (Element.BLOCK, drawing.blocks)):
        for number, (name, count) in enumerate(names, start=1):
            yield Field(f"{element.value}/{number}", element, label=name, name=None, count=count)
    layers = {f"layer/{number}": name for number, (name, _) in enumerate(drawing.layers, start=1)}
    for number, text in enumerate(drawing.texts, start=1):
        said = " ".join(text.text.split())
        # Around the layer of the text itself come those of the insertions that it is in.
        layer = next((layers[one] for one in reversed(text.on) if one in layers), "")
        yield Field(
            f"text/{number}",
            Element.TEXT,
            label=said,
            name=None,
            classes=classes_of([said]),
            box=text.box,
            count=1,
            on=text.on,
            layer=layer,
        )
    for sort, values in drawing.parts.items():
        yield Field(f"metadata/{sort}", Element.METADATA, label=sort, name=sort, count=len(values))
