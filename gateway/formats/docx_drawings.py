"""What a drawing of a Word document holds besides its picture. Runs only in the sandbox's child."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from gateway.formats.docx_xml import name_of

_SHOWING = frozenset({"blip", "imagedata", "chart", "relIds", "contentPart"})

Branch = Callable[[Element], Iterator[Element]]


def text_boxes(element: Element, branch: Branch) -> Iterator[Element]:
    """The contents of its text boxes; `branch` gives what is shown of an alternative."""
    for one in branch(element) if name_of(element) == "mc:AlternateContent" else element:
        if name_of(one) == "txbxContent":
            yield one
        else:
            yield from text_boxes(one, branch)


def alternatives(element: Element) -> Iterator[str]:
    """What is said to those who do not see it."""
    for one in element.iter():
        local = one.tag.rpartition("}")[2]
        if local in {"docPr", "cNvPr"} or (local == "shape" and one.get("alt")):
            yield " ".join(one.get(name, "") for name in ("title", "descr", "alt")).strip()


def shows_a_picture(element: Element) -> bool:
    """Whether something in it is a picture, a chart, a diagram or the like."""
    return any(one.tag.rpartition("}")[2] in _SHOWING for one in element.iter())


def is_hidden(element: Element) -> bool:
    """Whether it, or something in it, is not shown."""
    for one in element.iter():
        style = "".join(one.get("style", "").casefold().split())
        if one.get("hidden") in {"1", "true"} or "visibility:hidden" in style or "display:none" in style:
            return True
    return False
