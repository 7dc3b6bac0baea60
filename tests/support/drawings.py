"""Small drawings, as a drawing office would export them."""

from __future__ import annotations

import io
from typing import Any

from ezdxf.filemanagement import new as new_document

SHOWN = "Magnet N52"


def new() -> Any:
    """An empty drawing with a few layers."""
    document = new_document("R2010")
    for name, colour in (("OUTLINE", 7), ("MAGNET", 5), ("NOTES", 2), ("TITLE", 8), ("TOOLING", 1)):
        document.layers.add(name, color=colour)
    return document


def outlined() -> Any:
    """A housing with a magnet in it, one allowed text and nothing secret."""
    document = new()
    model = document.modelspace()
    corners = [(0, 0), (120, 0), (120, 60), (0, 60)]
    model.add_lwpolyline(corners, close=True, dxfattribs={"layer": "OUTLINE"})
    model.add_circle((40, 30), 15, dxfattribs={"layer": "MAGNET"})
    text(model, SHOWN, (60, 40), "MAGNET")
    return document


def text(model: Any, said: str, place: tuple[float, float] = (5, 5), layer: str = "MAGNET", **more: Any) -> Any:
    """One line of text."""
    made = model.add_text(said, height=4, dxfattribs={"layer": layer, **more})
    made.set_placement(place)
    return made


def dxf(document: Any) -> bytes:
    """The file; what its library says of itself and of the time is the same in every run."""
    for name in ("$TDCREATE", "$TDUPDATE", "$TDUCREATE", "$TDUUPDATE"):
        document.header[name] = 2460000.5
    document.header["$FINGERPRINTGUID"] = document.header["$VERSIONGUID"] = "{00000000-0000-0000-0000-000000000000}"
    out = io.StringIO()
    document.write(out)
    return out.getvalue().encode()


def svg(inside: str, *, root: str = 'viewBox="0 0 400 200"', before: str = "") -> bytes:
    """A drawing of 400 by 200 units with a layer OUTLINE, and in it a frame."""
    return (
        f'{before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {root}>'
        '<g id="OUTLINE"><rect x="20" y="20" width="300" height="120" fill="none" stroke="black"/></g>'
        f"{inside}</svg>"
    ).encode()
