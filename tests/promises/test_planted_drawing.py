"""Drawings with something in every hiding place. Nothing of it travels: not a word, and not a pixel either.

The strongest thing that can be said of a withheld value is that the rendition does not depend on it. So every drawing
is planted twice, with other secrets in the same places, and both must come out as the same bytes.
"""

from __future__ import annotations

import hashlib
import random
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from gateway.app import SANDBOX_TASKS
from gateway.detect.text import classes_of
from gateway.formats.drawing import DXF, PARSE_TASKS, SVG, DrawingFormat
from gateway.formats.model import Box, Mark
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue.gate import check_foreign
from gateway.residue.model import UnknownRendition, WithheldSet, WithheldValue
from gateway.sandbox.process import ProcessSandbox
from tests.support import drawings

SEED = random.SystemRandom().randrange(1 << 32)
LIBRARY = load_library()
CONTEXT = Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"})
Secret = Callable[[str], str]
DXF_PLACES = (
    "header", "custom property", "comment", "xdata", "layer", "layer description", "withheld layer", "off layer",
    "frozen layer", "unplotted layer", "invisible", "not allowed", "formatted", "attribute", "hidden attribute",
    "attribute definition", "withheld block", "block name", "unused block", "paper space", "dimension", "hyperlink",
    "dictionary", "table", "style", "under a wipeout", "term", "file name",
)  # fmt: skip
SVG_PLACES = (
    "comment", "title", "desc", "metadata", "withheld group", "group id", "not displayed", "not visible", "transparent",
    "not allowed", "script", "foreign object", "image", "data attribute", "unused symbol", "link", "handler", "term",
    "tspan", "instruction", "file name",
)  # fmt: skip


def secrets_of(round_: int) -> Secret:
    """Twelve letters for each place that stand nowhere else; others in each round."""

    def secret(place: str) -> str:
        letters = hashlib.sha256(f"{SEED}/{round_}/{place}".encode()).digest()
        return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])

    return secret


def far(secret: Secret, place: str) -> tuple[float, float]:
    """A point far outside of everything, elsewhere for every secret."""
    octets = hashlib.sha256(secret(place).encode()).digest()
    return 1000.0 + octets[0], -2000.0 - octets[1]


def planted_dxf(secret: Secret) -> bytes:
    document = drawings.outlined()
    model = document.modelspace()
    document.header["$PROJECTNAME"] = secret("header")
    document.header.custom_vars.append("Customer", secret("custom property"))
    document.layers.add(secret("layer")).description = secret("layer description")
    for name, change in (("OUTLINE-OFF", "off"), ("OUTLINE-FROZEN", "freeze")):
        getattr(document.layers.add(name), change)()
    document.layers.add("OUTLINE-UNPLOTTED").dxf.plot = 0
    for place, layer in (
        ("withheld layer", "TOOLING"),
        ("off layer", "OUTLINE-OFF"),
        ("frozen layer", "OUTLINE-FROZEN"),
        ("unplotted layer", "OUTLINE-UNPLOTTED"),
    ):
        drawings.text(model, f"Magnet {secret(place)}", (5, 20), layer)
        model.add_line((0, 0), far(secret, place), dxfattribs={"layer": layer})
    # What boxes are drawn on is as large as everything together: here the same in both rounds.
    model.add_line((-3000, -3000), (3000, 3000), dxfattribs={"layer": "TOOLING"})
    drawings.text(model, f"Magnet {secret('invisible')}", (5, 10), invisible=1)
    drawings.text(model, secret("not allowed"), (5, 15))
    drawings.text(model, f"Magnet for {secret('term')}", (5, 25))
    tagged = drawings.text(model, "Magnet pole", (60, 30))
    document.appids.add("OFFICE")
    tagged.set_xdata("OFFICE", [(1000, secret("xdata"))])
    tagged.set_hyperlink(f"https://{secret('hyperlink')}.example")
    model.add_mtext(f"{{\\fArial|b1;{secret('formatted')}}}", dxfattribs={"layer": "MAGNET", "insert": (5, 50)})
    inserted(document, secret)
    size = model.add_linear_dim((0, -8), (0, 0), (120, 0), text=secret("dimension"), dxfattribs={"layer": "OUTLINE"})
    size.render()
    document.layout("Layout1").add_text(secret("paper space"))
    document.rootdict.add_dict_var("OFFICE", secret("dictionary"))
    document.styles.new("S", dxfattribs={"font": f"{secret('style')}.ttf"})
    document.linetypes.add("L", [0.0], description=secret("table"))
    drawings.text(model, f"Magnet {secret('under a wipeout')}", (40, 4), "MAGNET")
    model.add_wipeout([(38, 1), (119, 1), (119, 12), (38, 12)], dxfattribs={"layer": "OUTLINE"})
    return f"999\n{secret('comment')}\n".encode() + drawings.dxf(document)


def inserted(document: Any, secret: Secret) -> None:
    """What hides in blocks and their attributes."""
    model, blocks = document.modelspace(), document.blocks
    block = blocks.new("MAGNET-POLE")
    block.add_circle((0, 0), 3, dxfattribs={"layer": "0"})
    block.add_attdef("NO", (0, 4), text=secret("attribute definition"), dxfattribs={"prompt": "No"})
    pole = model.add_blockref("MAGNET-POLE", (20, 30), dxfattribs={"layer": "MAGNET"})
    pole.add_attrib("NO", secret("attribute"), (20, 36), {"layer": "MAGNET"})
    pole.add_attrib("ID", f"Magnet {secret('hidden attribute')}", (20, 40), {"flags": 1})
    kept = blocks.new(f"JIG-{secret('block name')}")
    kept.add_text(f"Magnet {secret('withheld block')}", dxfattribs={"layer": "MAGNET"})
    kept.add_line((0, 0), far(secret, "withheld block"), dxfattribs={"layer": "MAGNET"})
    model.add_blockref(kept.name, (3, 3), dxfattribs={"layer": "MAGNET"})
    blocks.new("UNUSED").add_text(f"Magnet {secret('unused block')}", dxfattribs={"layer": "MAGNET"})


def planted_svg(secret: Secret) -> bytes:
    x, y = far(secret, "withheld group")
    return drawings.svg(
        f"<title>{secret('title')}</title><desc>{secret('desc')}</desc><metadata><x>{secret('metadata')}</x></metadata>"
        f'<defs><symbol id="s"><text>Magnet {secret("unused symbol")}</text></symbol></defs>'
        f'<g id="TOOLING {secret("group id")}"><text x="40" y="60">Magnet {secret("withheld group")}</text>'
        f'<path d="M0 0 L{x / 10} {y / -20}" stroke="red"/><path d="M0 0 L400 200"/></g>'
        f'<g id="MAGNET" data-office="{secret("data attribute")}"><circle cx="90" cy="80" r="40" fill="#aaf"/>'
        f'<text x="150" y="60">{drawings.SHOWN}</text>'
        f'<text x="150" y="70" display="none">Magnet {secret("not displayed")}</text>'
        f'<text x="150" y="70" visibility="hidden">Magnet {secret("not visible")}</text>'
        f'<text x="150" y="70" opacity="0">Magnet {secret("transparent")}</text>'
        f'<text x="150" y="80">{secret("not allowed")}</text>'
        f'<text x="150" y="90">Magnet for {secret("term")}</text>'
        f'<text x="150" y="100">Magnet <tspan style="display:none">{secret("tspan")}</tspan></text>'
        f"<script>// {secret('script')}</script>"
        f"<foreignObject><p xmlns='http://www.w3.org/1999/xhtml'>{secret('foreign object')}</p></foreignObject>"
        f'<image href="https://{secret("image")}.example/a.png" width="9" height="9"/>'
        f'<a href="https://{secret("link")}.example"><rect x="150" y="110" width="30" height="9" '
        f'onclick="{secret("handler")}"/></a></g>',
        before=f'<?xml version="1.0"?><?office {secret("instruction")}?><!-- {secret("comment")} -->',
    )


ORIGINALS = {DXF: (planted_dxf, DXF_PLACES), SVG: (planted_svg, SVG_PLACES)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((*SANDBOX_TASKS, *PARSE_TASKS.values()))
    yield walls
    walls.close()


def rendered(media_type: str, round_: int, sandbox: ProcessSandbox) -> Outcome:
    secret = secrets_of(round_)
    make, _ = ORIGINALS[media_type]
    answers = Answers(regions=(Region("person", Box(100, 100, 200, 90)),), terms=(secret("term"),), confirmed=True)
    job = Job(
        untrusted_original=make(secret),
        media_type=media_type,
        file_name=f"{secret('file name')}.dxf",
        form=DrawingFormat(classes_of),
        kind=LIBRARY.kind("schematic"),
        policy=LIBRARY.policy("cn-mofcom-single.schematic@1"),
        context=CONTEXT,
        on=date(2026, 3, 2),
        answers=answers,
        mark=Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-03-02"),
        secret=bytes(32),
    )
    return render(job, sandbox)


def inflated(pdf: bytes) -> bytes:
    """The file with every deflated stream unpacked beside it."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    found = [pdf]
    for one in streams:
        try:
            found.append(zlib.decompress(one))
        except zlib.error:
            continue
    return b"\n".join(found)


@pytest.mark.parametrize("media_type", [DXF, SVG])
def test_nothing_that_hides_in_a_drawing_changes_what_leaves(media_type: str, sandbox: ProcessSandbox) -> None:
    one, other = (rendered(media_type, round_, sandbox) for round_ in (1, 2))
    for outcome in (one, other):
        assert outcome.state is State.CLEAN, f"seed {SEED}: {outcome.reason} {outcome.report}"
    assert one.rebuilt is not None
    assert other.rebuilt is not None
    assert one.rebuilt.data == other.rebuilt.data, f"seed {SEED}"
    assert one.withheld is not None
    known = "\n".join(value.text for value in one.withheld.values)
    everything = (
        inflated(one.rebuilt.data).decode("latin-1") + str(one.index) + str(one.decisions and one.decisions.to_json())
    )
    for place in ORIGINALS[media_type][1]:
        secret = secrets_of(1)(place)
        assert secret not in everything, f"seed {SEED}: {place}"
        # The gate searched for it, unless the policy allows the text and only nobody sees it.
        assert secret in known or place == "under a wipeout", f"seed {SEED}: {place}"


@pytest.mark.parametrize("media_type", [DXF, SVG])
def test_the_original_itself_would_not_pass_the_gate(media_type: str) -> None:
    make, places = ORIGINALS[media_type]
    secret = secrets_of(1)
    withheld = WithheldSet(tuple(WithheldValue(secret(place), place) for place in places))
    data = make(secret)
    with pytest.raises(UnknownRendition):
        check_foreign(data, media_type, withheld)
    assert not check_foreign(data, "text/plain", withheld).clean
