"""Names and plain values of WordprocessingML (ISO/IEC 29500-1, 17), whichever of its two namespaces a part uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from xml.etree.ElementTree import Element

MAIN_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    "http://purl.oclc.org/ooxml/wordprocessingml/main",
)
_OFF = frozenset({"0", "false", "off"})
_PREFIXES = {
    **{f"{{{space}}}": "" for space in MAIN_NAMESPACES},
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}": "mc:",
    "{http://schemas.openxmlformats.org/officeDocument/2006/math}": "m:",
    "{http://purl.oclc.org/ooxml/officeDocument/math}": "m:",
    "{http://schemas.microsoft.com/office/word/2010/wordml}": "w14:",
}


def name_of(element: Element) -> str:
    """The element's name: bare for the main namespace, with a known prefix for others, `?` for what is unknown."""
    return _name(element.tag)


@lru_cache(maxsize=1024)
def _name(tag: str) -> str:
    space, _, local = tag.rpartition("}")
    prefix = _PREFIXES.get(f"{space}}}")
    return "?" if prefix is None else prefix + local


def value(element: Element | None, name: str = "val") -> str | None:
    """An attribute of the main namespace, or None."""
    if element is None:
        return None
    usual, strict = (f"{{{space}}}{name}" for space in MAIN_NAMESPACES)
    return element.get(usual, element.get(strict))


def number(element: Element | None, name: str = "val") -> int | None:
    """An attribute that is a whole number, or None where it is none."""
    text = value(element, name)
    try:
        return None if text is None or len(text) > 9 else int(text)
    except ValueError:
        return None


def child(element: Element | None, name: str) -> Element | None:
    """The first child of this name."""
    return next(children(element, name), None)


def children(element: Element | None, name: str) -> Iterator[Element]:
    """The children of this name."""
    return (one for one in (element if element is not None else ()) if name_of(one) == name)


def is_on(element: Element | None) -> bool:
    """Whether a switch is there and not switched off."""
    return element is not None and value(element) not in _OFF
