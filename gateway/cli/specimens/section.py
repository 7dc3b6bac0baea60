"""A motor in section as a drawing office plots it (DXF, R12): outline, magnets, dimensions, and who knows what else."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Point = tuple[float, float]

# Layer and colour, as the office named them.
_LAYERS = (
    ("OUTLINE", 7), ("OUTLINE-HIDDEN", 8), ("MAGNET", 5), ("DIM-OVERALL", 3), ("WINDING", 30), ("CENTRE", 1),
    ("TOLERANCES", 2), ("PROCESS", 6), ("TOOLING", 4), ("FRAME", 7), ("TITLE", 7),
)  # fmt: skip
_AXIS = 150.0
_END_VIEW: Point = (330.0, _AXIS)


@dataclass(frozen=True, slots=True)
class SpecimenDrawing:
    """The drawing's bytes and the planted texts that no sheet may hold."""

    data: bytes
    withheld: tuple[str, ...]


def schematic(seed: int) -> SpecimenDrawing:
    """A servo motor: section and end view on A3, with notes, tolerances, a fixture and a full title block."""
    chance = random.Random(f"schematic/{seed}")  # noqa: S311 specimens are drawn to be the same again
    number = f"Z-{chance.randint(100000, 999999)}-C"
    gap = f"Klebespalt 0,{chance.randint(70, 95):03d} mm, 2K {chance.randint(411, 489)}"
    field = f"Magnetisieren {chance.randint(310, 360) / 100:.2f} T, Puls 2,8 kV"
    fixture = f"Vorrichtung W-{chance.randint(1000, 9999)} Spannweite 84,2"
    title = (number, "Falcon Joint J6 / Hallbach", "gez. K. Brandlhuber 12.01.2026", "gepr. S. Oberhauser")
    tolerances = (f"D38 h6 (-0,0{chance.randint(13, 19)})", "Rundlauf 0,008 A-B")
    entities = [
        *_section(),
        *_end_view(),
        *_dimensions(),
        *_notes(gap, field, fixture, tolerances),
        *_frame(title),
    ]
    return SpecimenDrawing(_file(entities, number).encode("cp1252"), (*title, gap, field, fixture, *tolerances))


def _section() -> Iterator[str]:
    """The motor cut along its axis, mirrored on it."""
    for side in (1, -1):

        def at(points: Sequence[Point], side: int = side) -> list[Point]:
            return [(x, _AXIS + side * y) for x, y in points]

        housing = [(60, 9), (60, 48), (70, 48), (70, 42), (196, 42), (196, 48), (210, 48), (210, 9)]
        yield _line_of("OUTLINE", at(housing))
        yield _line_of("OUTLINE", at([(70, 38), (196, 38)]))
        yield _line_of("OUTLINE", at([(40, 9), (224, 9), (226, 7), (226, 0)]))
        yield _line_of("OUTLINE", at([(40, 0), (40, 9)]))
        yield _line_of("OUTLINE", at([(92, 9), (92, 21), (172, 21), (172, 9)]))
        for left in (96, 116, 136, 156):
            yield _closed("MAGNET", at([(left, 21), (left + 16, 21), (left + 16, 25), (left, 25)]))
            yield from _hatched("MAGNET", at([(left, 21), (left + 16, 25)]))
        yield _closed("OUTLINE", at([(94, 26.5), (170, 26.5), (170, 38), (94, 38)]))
        for left in (80, 170):
            yield _closed("WINDING", at([(left, 28), (left + 14, 28), (left + 14, 36), (left, 36)]))
            for row in range(3):
                for column in range(5):
                    centre = at([(left + 1.8 + 2.6 * column, 29.6 + 2.4 * row)])[0]
                    yield _entity("CIRCLE", "WINDING", {10: centre[0], 20: centre[1], 40: 1.1})
        for left in (62, 198):
            yield _closed("OUTLINE", at([(left, 9), (left + 10, 9), (left + 10, 19), (left, 19)]))
            centre = at([(left + 5, 14)])[0]
            yield _entity("CIRCLE", "OUTLINE", {10: centre[0], 20: centre[1], 40: 3.0})
        yield _line_of("OUTLINE-HIDDEN", at([(60, 44), (70, 44)]))
    yield _line_of("CENTRE", [(32, _AXIS), (236, _AXIS)])


def _end_view() -> Iterator[str]:
    """The rotor from the end of its shaft: eight magnets in a ring."""
    x, y = _END_VIEW
    for radius in (9.0, 21.0, 26.5, 38.0, 42.0):
        yield _entity("CIRCLE", "OUTLINE", {10: x, 20: y, 40: radius})
    yield _closed("OUTLINE", [(x - 48, y - 48), (x + 48, y - 48), (x + 48, y + 48), (x - 48, y + 48)])
    for pole in range(8):
        first, last = math.radians(45 * pole + 4), math.radians(45 * pole + 41)
        ring = [
            (x + radius * math.cos(angle), y + radius * math.sin(angle))
            for radius, order in ((21.0, 1), (25.0, -1))
            for angle in [first + (last - first) * step / 8 for step in range(9)][::order]
        ]
        yield _closed("MAGNET", ring)
        middle = (first + last) / 2
        place = (x + 29.3 * math.cos(middle) - 1.4, y + 29.3 * math.sin(middle) - 1.4)
        yield _text("WINDING", "NS"[pole % 2], place, 2.8)
    for slot in range(12):
        angle = math.radians(30 * slot)
        ends = [(x + r * math.cos(angle), y + r * math.sin(angle)) for r in (27.5, 36.5)]
        yield _line_of("WINDING", ends)
    for across in (-1, 1):
        for up in (-1, 1):
            yield _entity("CIRCLE", "OUTLINE", {10: x + 42 * across, 20: y + 42 * up, 40: 3.0})
    yield _line_of("CENTRE", [(x - 56, y), (x + 56, y)])
    yield _line_of("CENTRE", [(x, y - 56), (x, y + 56)])


def _dimensions() -> Iterator[str]:
    yield from _across(40, 226, _AXIS - 64, "186", down_from=_AXIS - 9)
    yield from _across(282, 378, _AXIS - 64, "96", down_from=_AXIS - 48)
    yield from _leader((144, _AXIS + 23), (150, 214), "Magnet NdFeB N42SH, 32 Stück")
    yield from _leader((_END_VIEW[0] + 16, _AXIS + 16.5), (364, 214), "Magnet, 8 Pole")


def _notes(gap: str, field: str, fixture: str, tolerances: Sequence[str]) -> Iterator[str]:
    yield _text("PROCESS", gap, (50, 236), 3.5)
    yield _text("PROCESS", field, (50, 229), 3.5)
    yield _text("TOLERANCES", tolerances[0], (228, _AXIS + 12), 3.0)
    yield _text("TOLERANCES", tolerances[1], (228, _AXIS - 14), 3.0)
    yield _closed("TOOLING", [(86, 88), (178, 88), (178, 98), (86, 98)])
    yield _line_of("TOOLING", [(92, 98), (92, 104), (172, 104), (172, 98)])
    yield _text("TOOLING", fixture, (90, 91), 3.0)


def _frame(title: Sequence[str]) -> Iterator[str]:
    yield _closed("FRAME", [(10, 10), (410, 10), (410, 287), (10, 287)])
    yield _closed("FRAME", [(230, 10), (410, 10), (410, 54), (230, 54)])
    for at in (21, 32, 43):
        yield _line_of("FRAME", [(230, at), (410, at)])
    for row, text in enumerate(("Rheintal Motion GmbH, Lindau", *title)):
        if row < 4:
            yield _text("TITLE", text, (234, 46.5 - 11 * row), 4.0)
        else:
            yield _text("TITLE", text, (330, 13.5), 4.0)


def _across(left: float, right: float, at: float, label: str, *, down_from: float) -> Iterator[str]:
    """A dimension from left to right, with its two arrows."""
    for x in (left, right):
        yield _line_of("DIM-OVERALL", [(x, down_from - 2), (x, at - 3)])
    yield _line_of("DIM-OVERALL", [(left, at), (right, at)])
    for x, to in ((left, 1), (right, -1)):
        wide, low, high = x + 5 * to, at - 1.2, at + 1.2
        tip: dict[int, float | str] = {10: x, 20: at, 11: wide, 21: high, 12: wide, 22: low, 13: wide, 23: low}
        yield _entity("SOLID", "DIM-OVERALL", tip)
    yield _text("DIM-OVERALL", label, ((left + right) / 2 - 4, at + 1.6), 5.0)


def _leader(tip: Point, knee: Point, label: str) -> Iterator[str]:
    yield _line_of("MAGNET", [tip, knee, (knee[0] + 6, knee[1])])
    yield _text("MAGNET", label, (knee[0] + 8, knee[1] - 1.6), 4.0)


def _hatched(layer: str, corners: Sequence[Point]) -> Iterator[str]:
    (left, first), (right, last) = corners
    low, high = min(first, last), max(first, last)
    for step in range(1, 8):
        start = left + (right - left + high - low) * step / 8
        ends = ((start, low), (start - (high - low), high))
        (x1, y1), (x2, y2) = ends
        if x1 > right:
            x1, y1 = right, low + (x1 - right)
        if x2 < left:
            x2, y2 = left, high - (left - x2)
        yield _line_of(layer, [(x1, y1), (x2, y2)])


def _line_of(layer: str, points: Sequence[Point], *, closed: bool = False) -> str:
    vertices = "".join(_entity("VERTEX", layer, {10: x, 20: y}) for x, y in points)
    return _entity("POLYLINE", layer, {66: 1, 70: int(closed)}) + vertices + _entity("SEQEND", layer, {})


def _closed(layer: str, points: Sequence[Point]) -> str:
    return _line_of(layer, points, closed=True)


def _text(layer: str, said: str, at: Point, height: float) -> str:
    return _entity("TEXT", layer, {10: at[0], 20: at[1], 40: height, 1: said})


def _entity(sort: str, layer: str, tags: dict[int, float | str]) -> str:
    return _tags((0, sort), (8, layer), *tags.items())


def _tags(*pairs: tuple[int, float | str]) -> str:
    return "".join(f"{code:>3}\n{value if isinstance(value, str) else round(value, 4)}\n" for code, value in pairs)


def _file(entities: Sequence[str], number: str) -> str:
    layers = "".join(
        _tags((0, "LAYER"), (2, name), (70, 0), (62, colour), (6, "CONTINUOUS")) for name, colour in _LAYERS
    )
    return "".join(
        (
            _tags((999, f"Rheintal Motion GmbH, {number}, CAD-Platz 07 Brandlhuber")),
            _tags((0, "SECTION"), (2, "HEADER"), (9, "$ACADVER"), (1, "AC1009"), (9, "$DWGCODEPAGE"), (3, "ANSI_1252")),
            _tags((0, "ENDSEC"), (0, "SECTION"), (2, "TABLES"), (0, "TABLE"), (2, "LAYER"), (70, len(_LAYERS))),
            layers,
            _tags((0, "ENDTAB"), (0, "ENDSEC"), (0, "SECTION"), (2, "ENTITIES")),
            *entities,
            _tags((0, "ENDSEC"), (0, "EOF")),
        )
    )
