"""Drawings that mean harm: bombs, circles, tricks that let more be seen than there was. Each gets one sentence."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from ezdxf.filemanagement import new as new_document

from gateway.base.canon import Json
from gateway.base.problems import TooLarge, Unprocessable
from gateway.formats import drawing, drawing_bounds, parse_dxf, parse_svg
from gateway.formats.drawing import DXF, PARSE_TASKS, SVG, DrawingFormat
from gateway.formats.drawing_scene import View, svg_of
from gateway.formats.problems import DrawingMissing
from gateway.sandbox.process import ProcessSandbox
from gateway.sandbox.task import TaskRefused
from tests.support import drawings


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox(tuple(PARSE_TASKS.values()))
    yield walls
    walls.close()


def entities(*lines: str) -> bytes:
    """A DXF of entities alone."""
    return "\n".join(["0", "SECTION", "2", "ENTITIES", *lines, "0", "ENDSEC", "0", "EOF", ""]).encode()


def nested_dxf(depth: int, times: int) -> bytes:
    document = drawings.outlined()
    for level in range(depth):
        block = document.blocks.new(f"B{level}")
        for _ in range(times):
            if level:
                block.add_blockref(f"B{level - 1}", (1, 1))
            else:
                block.add_line((0, 0), (1, 1))
    document.modelspace().add_blockref(f"B{depth - 1}", (0, 0))
    return drawings.dxf(document)


def circular_dxf() -> bytes:
    document = drawings.outlined()
    document.blocks.new("A").add_blockref("B", (0, 0))
    document.blocks.new("B").add_blockref("A", (0, 0))
    document.modelspace().add_blockref("A", (0, 0))
    return drawings.dxf(document)


def grid_dxf() -> bytes:
    document = drawings.outlined()
    document.blocks.new("A").add_line((0, 0), (1, 1))
    many = {"row_count": 30000, "column_count": 30000, "row_spacing": 1, "column_spacing": 1}
    document.modelspace().add_blockref("A", (0, 0), dxfattribs=many)
    return drawings.dxf(document)


def clipped_dxf() -> bytes:
    return drawings.dxf(drawings.outlined()).replace(b"OBJECTS\n", b"OBJECTS\n  0\nSPATIAL_FILTER\n  5\nFFFF\n", 1)


def with_line(x: str) -> bytes:
    return entities("0", "LINE", "8", "0", "10", x, "20", "0", "11", "1", "21", "1")


def circles(depth: int, times: int) -> bytes:
    uses = "".join(f'<g id="g{level}">' + f'<use href="#g{level - 1}"/>' * times + "</g>" for level in range(1, depth))
    return drawings.svg(f'<g id="g0"><path d="M0 0L1 1" stroke="red"/></g>{uses}')


DXF_CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nested": (lambda: nested_dxf(14, 8), "entities"),
    "deep": (lambda: nested_dxf(40, 1), "deep"),
    "circle": (circular_dxf, "cycle"),
    "grid": (grid_dxf, "entities"),
    "clipped": (clipped_dxf, "clipped"),
    "not a number": (lambda: with_line("nan"), "coordinates"),
    "infinite": (lambda: with_line("1e400"), "coordinates"),
    "far": (lambda: with_line("1e30"), "coordinates"),
    "solid": (lambda: entities("0", "3DSOLID", "8", "0", "1", "400 0 1 0"), "solid"),
    "unknown": (lambda: entities("0", "ACME_SECRET_OBJECT", "8", "0"), "unknown-entity"),
    "binary": (lambda: b"AutoCAD Binary DXF\r\n\x1a\0" + bytes(99), "binary"),
    "zeros": (lambda: with_line("1").replace(b"LINE", b"LI\0E"), "damaged"),
    "odd": (lambda: entities("0", "LINE", "x"), "damaged"),
    "empty": (lambda: b"", "empty"),
    "nothing": (entities, "nothing-drawn"),
    "encoding": (lambda: entities("0", "TEXT", "8", "0", "1", "x").replace(b"\nx\n", b"\n\xff\xfe\n"), "encoding"),
}
SVG_CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "entities": (
        lambda: drawings.svg(
            "<text>&b;</text>", before='<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        ),
        "xml-doctype",
    ),
    "external entity": (
        lambda: drawings.svg("<text>&x;</text>", before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "xml-doctype",
    ),
    "style sheet beside": (
        lambda: drawings.svg("", before='<?xml-stylesheet href="https://x.example/a.css"?>'),
        "style",
    ),
    "import": (lambda: drawings.svg("<style>@import url(https://x.example/a.css);</style>"), "style"),
    "clip": (lambda: drawings.svg('<text clip-path="url(#c)">x</text>'), "clipped"),
    "mask by style": (lambda: drawings.svg('<style>.m{mask:url(#m)}</style><text class="m">x</text>'), "clipped"),
    "filter": (lambda: drawings.svg('<g style="filter:url(#f)"><text>x</text></g>'), "clipped"),
    "inner window": (lambda: drawings.svg('<svg width="1" height="1"><text>x</text></svg>'), "clipped"),
    "unknown": (lambda: drawings.svg("<secret/>"), "unknown-element"),
    "text on a path": (lambda: drawings.svg('<text><textPath href="#p">x</textPath></text>'), "unknown-element"),
    "circle": (lambda: drawings.svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'), "cycle"),
    "nested": (lambda: circles(14, 8), "entities"),
    "deep": (lambda: drawings.svg("<g>" * 200 + "</g>" * 200), "deep"),
    "far": (lambda: drawings.svg('<path d="M0 0 L1e40 1" stroke="red"/>'), "coordinates"),
    "not a number": (lambda: drawings.svg('<circle r="nan"/>'), "unit"),
    "relative": (lambda: drawings.svg('<circle r="10vw"/>'), "unit"),
    "cut": (lambda: drawings.svg("<g>")[:-10], "xml"),
    "not drawn": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>', "nothing-drawn"),
}


@pytest.fixture
def _low_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bounds a bomb does so at any height; a low one is met sooner."""
    monkeypatch.setattr(drawing_bounds, "MAX_VISITS", 2000)


@pytest.mark.usefixtures("_low_bounds")
@pytest.mark.parametrize("name", DXF_CASES)
def test_a_hostile_dxf_is_refused_for_what_it_is(name: str) -> None:
    make, code = DXF_CASES[name]
    with pytest.raises(TaskRefused) as caught:
        parse_dxf.parse({"what": "outline"}, make())
    assert caught.value.code == code
    assert code in drawing._SENTENCES


@pytest.mark.usefixtures("_low_bounds")
@pytest.mark.parametrize("name", SVG_CASES)
def test_a_hostile_svg_is_refused_for_what_it_is(name: str) -> None:
    make, code = SVG_CASES[name]
    with pytest.raises(TaskRefused) as caught:
        parse_svg.parse({"what": "outline"}, make())
    assert caught.value.code == code
    assert code in drawing._SENTENCES


@pytest.mark.parametrize(
    ("media_type", "make"),
    [
        (DXF, DXF_CASES["circle"][0]),
        (SVG, SVG_CASES["circle"][0]),
        (DXF, lambda: b"0\nSECTION\n" + bytes(range(256))),
        pytest.param(DXF, DXF_CASES["nested"][0], marks=pytest.mark.nightly),
        pytest.param(SVG, SVG_CASES["nested"][0], marks=pytest.mark.nightly),
    ],
)
def test_behind_the_walls_it_comes_to_one_sentence(
    media_type: str, make: Callable[[], bytes], sandbox: ProcessSandbox
) -> None:
    with pytest.raises((Unprocessable, TooLarge)) as caught:
        DrawingFormat(lambda _values: frozenset()).read(make(), media_type, sandbox)
    assert caught.value.detail.endswith(".")
    assert caught.value.detail.count(". ") == 0


def test_every_refusal_is_one_sentence() -> None:
    for _, sentence in drawing._SENTENCES.values():
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0


def test_without_the_extra_a_drawing_is_refused_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "installed", lambda: False)
    form = DrawingFormat(lambda _values: frozenset())
    assert form.sniff(b"%PDF-1.7") is None
    with pytest.raises(DrawingMissing):
        form.sniff(drawings.svg(""))


def test_what_is_rendered_is_made_of_numbers_alone() -> None:
    """No name, text, reference or style of the original is in what the renderer is given."""
    scene = parse_svg.scene_of(
        drawings.svg(
            '<style>.k{stroke:red}</style><a href="https://x.example"><text class="k" x="9" y="9">Kowalski</text></a>'
            '<image href="data:image/png;base64,AAAA"/><path id="k" d="M0 0h9" stroke="url(#k)" onclick="alert(1)"/>'
        )
    )
    text = svg_of(scene.shapes, View.of((0, 0, 400, 200), (400, 200), y_up=False))
    assert set(text) <= set('<svgpathxmlnwdeirok-yc0123456789abcdef.# ="/:>\nMLQCZuj')
    for word in ("Kowalski", "url", "href", "image", "style", "class", "id=", "on"):
        assert word not in text.replace("none", "").replace("round", "")


def test_what_reaches_in_from_where_the_renderer_knows_no_numbers_is_refused() -> None:
    """Nobody knows whether it would be drawn, and what it would hide."""
    seen: dict[str, Json] = {"what": "draw", "on": ["layer/1", "layer/2"], "texts": [], "area_px": [200, 200]}
    for inside in ('<circle r="2147483648"/>', '<path d="M0 0h9" stroke="red" stroke-width="1e9"/>'):
        with pytest.raises(TaskRefused) as caught:
            parse_svg.parse(seen, drawings.svg(f'<g id="MAGNET">{inside}</g>'))
        assert caught.value.code == "coordinates"
    page = '<g id="MAGNET"><path d="M0 0H400V200H0z" fill="none" stroke="red"/>{}</g>'
    insides = (page.format('<circle cx="1e9" cy="1e9" r="9"/><path d="M9 -9h9"/>'), page.format(""))
    pixels = [parse_svg.parse(seen, drawings.svg(inside))[1][1] for inside in insides]
    assert pixels[0] == pixels[1]


def test_a_wipeout_hides_what_is_under_it_whatever_layer_it_is_on() -> None:
    document = new_document("R2010")
    model = document.modelspace()
    document.layers.add("COVER")
    model.add_line((0, 0), (10, 0))
    model.add_wipeout([(-1, -1), (11, 1)], dxfattribs={"layer": "COVER"})
    model.add_line((0, 9), (10, 9))
    out = io.StringIO()
    document.write(out)
    request: dict[str, Json] = {"what": "draw", "on": ["layer/1"], "texts": [], "area_px": [300, 300]}
    _, (_, rgb) = parse_dxf.parse(request, out.getvalue().encode())
    rows = [rgb[at : at + 3 * 300] for at in range(0, len(rgb), 3 * 300)]
    inked = [number for number, row in enumerate(rows) if min(row) < 128]
    assert inked
    assert max(inked) < 60, "only the upper line is seen"


def test_two_layers_apart_only_by_case_are_one() -> None:
    document = drawings.outlined()
    document.modelspace().add_line((0, 0), (1, 1), dxfattribs={"layer": "outline"})
    names = parse_dxf.scene_of(drawings.dxf(document)).layers
    assert [name.casefold() for name in names].count("outline") == 1


def test_what_stands_on_layer_0_of_a_block_stands_on_the_layer_of_its_insertion() -> None:
    document = drawings.outlined()
    document.blocks.new("JIG").add_line((0, 0), (1, 1), dxfattribs={"layer": "0"})
    document.modelspace().add_blockref("JIG", (0, 0), dxfattribs={"layer": "TOOLING"})
    scene = parse_dxf.scene_of(drawings.dxf(document))
    on = scene.shapes[-1].on
    assert f"layer/{scene.layers.index('TOOLING') + 1}" in on
    assert f"block/{scene.blocks.index('JIG') + 1}" in on
