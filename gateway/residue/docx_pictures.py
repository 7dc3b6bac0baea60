"""The pictures of a Word document of ours read again: each is one that was expected, and stands where it belongs.

1. The media are as many as are expected, numbered in order. 2. Each is in the document once, in order, in the one form
that a picture of its size has. 3. Each holds what `picture` says, with the mark and the boxes that are expected. 4. It
shows, beside its boxes, the pixels of the original with the mark on them, on white ground where it had to grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from gateway.marks import visible
from gateway.residue.jpeg import Pixels
from gateway.residue.marked import MaskOf
from gateway.residue.model import Finding, Kind, PictureExpectation, RetypedExpectation
from gateway.residue.picture import JPEG, PNG, check_picture, picture_pixels
from gateway.residue.strict_xml import Attributes, Walk
from gateway.residue.values import Needles

_EMU_PER_PX = 4_572
_FIRST_RELATION = 3
_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWN = "http://schemas.openxmlformats.org/drawingml/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_MEDIA = {"jpg": JPEG, "png": PNG}
_NAME = re.compile(r"word/media/picture([1-9][0-9]?)\.(jpg|png)")

_Form = Sequence[tuple[str, Mapping[str, str]]]


def _form(number: int, width_px: int, height_px: int) -> _Form:
    """The elements of a picture, each by its path from the paragraph, with its attributes."""
    frame, main, own = (f"{_DRAWN}/{name}" for name in ("wordprocessingDrawing", "main", "picture"))
    sides = {"cx": str(width_px * _EMU_PER_PX), "cy": str(height_px * _EMU_PER_PX)}
    named = {"id": str(number), "name": f"Picture {number}"}
    inline = f"/r/drawing/{frame} inline"
    picture = f"{inline}/{main} graphic/{main} graphicData/{own} pic"
    fill, shape = f"{picture}/{own} blipFill", f"{picture}/{own} spPr"
    return (
        ("/r/drawing", {}),
        (inline, dict.fromkeys(("distT", "distB", "distL", "distR"), "0")),
        (f"{inline}/{frame} extent", sides),
        (f"{inline}/{frame} docPr", named),
        (f"{inline}/{main} graphic", {}),
        (f"{inline}/{main} graphic/{main} graphicData", {"uri": own}),
        (picture, {}),
        (f"{picture}/{own} nvPicPr", {}),
        (f"{picture}/{own} nvPicPr/{own} cNvPr", named),
        (f"{picture}/{own} nvPicPr/{own} cNvPicPr", {}),
        (fill, {}),
        (f"{fill}/{main} blip", {f"{_OFFICE} embed": f"rId{number + _FIRST_RELATION - 1}"}),
        (f"{fill}/{main} stretch", {}),
        (f"{fill}/{main} stretch/{main} fillRect", {}),
        (shape, {}),
        (f"{shape}/{main} xfrm", {}),
        (f"{shape}/{main} xfrm/{main} off", {"x": "0", "y": "0"}),
        (f"{shape}/{main} xfrm/{main} ext", sides),
        (f"{shape}/{main} prstGeom", {"prst": "rect"}),
        (f"{shape}/{main} prstGeom/{main} avLst", {}),
    )


# What the elements of pictures are called and may carry; which of them stand where, and their values, is checked here.
PATHS: Mapping[str, frozenset[str]] = MappingProxyType({path: frozenset(carried) for path, carried in _form(1, 1, 1)})
_AT = "document/body/p"


def names(parts: Mapping[str, bytes], count: int) -> list[str]:
    """Those of the members that are pictures by their names: the first `count`, numbered in order."""
    found = [match for name in parts if (match := _NAME.fullmatch(name))]
    return [match[0] for number, match in enumerate(found[:count], start=1) if match[1] == str(number)]


def content_types(pictures: Sequence[str]) -> str:
    """What the part must say that names the types of all parts."""
    extensions = sorted({name.rpartition(".")[2] for name in pictures})
    usual = [("rels", "application/vnd.openxmlformats-package.relationships+xml")]
    usual += [(one, _MEDIA[one]) for one in extensions]
    sorts = {"document": "document.main", "styles": "styles", "header1": "header"}
    told = [f'<Default Extension="{one}" ContentType="{sort}"/>' for one, sort in usual]
    told += [
        f'<Override PartName="/word/{name}.xml" ContentType="{_WORD}.{sort}+xml"/>' for name, sort in sorts.items()
    ]
    return f'<Types xmlns="{_PACKAGE}/content-types">{"".join(told)}</Types>'


def relations(pictures: Sequence[str]) -> str:
    """What the part must say that leads from the document to its other parts."""
    targets = [("styles", "styles.xml"), ("header", "header1.xml")]
    targets += [("image", name.removeprefix("word/")) for name in pictures]
    told = (
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/{sort}" Target="{target}"/>'
        for number, (sort, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{"".join(told)}</Relationships>'


def check(
    walk: Walk,
    media: Sequence[bytes],
    named: Sequence[str],
    expected: RetypedExpectation,
    needles: Needles,
    reference: bytes,
    mask_of: MaskOf,
) -> Iterator[Finding]:
    """Check 1 to 4. `media` are the pictures called `named`; `reference` is what they show, one after the other."""
    sizes = sizes_of(expected)
    if len(media) != len(sizes) or sum(3 * width * height for (width, height), _ in expected.pictures) != len(
        reference
    ):
        yield Finding(Kind.STRUCTURE, "the pictures: more or fewer than leave")
        return
    wanted = [element for number, size_px in enumerate(sizes, start=1) for element in _form(number, *size_px)]
    if _drawn(walk) != [(f"{_AT}{path}", carried) for path, carried in wanted]:
        yield Finding(Kind.STRUCTURE, "the pictures: not in their form, order or size")
    start = 0
    for number, (data, size_px, (stood_px, boxes)) in enumerate(zip(media, sizes, expected.pictures, strict=True)):
        end = start + 3 * stood_px[0] * stood_px[1]
        shown = _shown(reference[start:end], stood_px, size_px, expected.mark_text)
        media_type = _MEDIA[named[number].rpartition(".")[2]]
        picture = PictureExpectation(media_type, size_px, boxes, expected.mark_text)
        for finding in check_picture(data, picture, needles, mask_of, shown).findings:
            yield Finding(finding.kind, f"picture {number + 1}: {finding.place}")
        start = end


def sizes_of(expected: RetypedExpectation) -> list[tuple[int, int]]:
    """The size of every picture, with the ground that it may have needed for its mark."""
    return [visible.roomy(size_px, expected.mark_text) for size_px, _ in expected.pictures]


def pixels(data: bytes, name: str) -> Pixels:
    """What one of the media shows. Raises `Broken`."""
    return picture_pixels(data, _MEDIA[name.rpartition(".")[2]])


def _drawn(walk: Walk) -> list[tuple[str, Attributes]]:
    return [(path, attributes) for path, attributes, _ in walk.found if "/drawing" in path]


def _shown(rgb: bytes, stood_px: tuple[int, int], size_px: tuple[int, int], mark_text: str) -> Pixels:
    """The picture of the original on its ground, with the mark."""
    pixels = np.full((size_px[1], size_px[0], 3), 255, np.uint8)
    pixels[: stood_px[1], : stood_px[0]] = np.frombuffer(rgb, np.uint8).reshape(stood_px[1], stood_px[0], 3)
    visible.burn_in(pixels, mark_text)
    return pixels
