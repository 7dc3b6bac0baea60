"""Drawings with something in every hiding place, in both forms in which a sheet may leave."""

from __future__ import annotations

from functools import partial

from gateway.formats.drawing import DXF, SVG
from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.corpus.places import Hiding, Maker, Specimen
from tests.support import drawings, planted_drawing
from tests.support.originals import Planted

_PLANTERS = {"dxf": (DXF, planted_drawing.planted_dxf), "svg": (SVG, planted_drawing.planted_svg)}


def _drawing(extension: str, form: str, hide: Hiding) -> Specimen:
    media_type, plant = _PLANTERS[extension]
    region = Region("person", Box(100, 100, 200, 90))
    answers = Answers(regions=(region,), terms=(hide("term"),), confirmed=True)
    data, name = plant(hide), f"{hide('name of the file')}.{extension}"
    original = Planted(hide.label, "schematic", media_type, name, data, tuple(hide.secrets.values()), answers)
    return Specimen(original, hide.secrets, drawings.SHOWN if form == "pdf" else None, output={"drawing": form})


DRAWINGS: dict[str, Maker] = {
    "dxf": partial(_drawing, "dxf", "pdf"),
    "svg": partial(_drawing, "svg", "png"),
    "dxf, as PNG": partial(_drawing, "dxf", "png"),
    "svg, as PDF": partial(_drawing, "svg", "pdf"),
}
