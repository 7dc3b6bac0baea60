"""Drawings with something in every hiding place; what stands there a caller says, place by place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from tests.support import drawings

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
