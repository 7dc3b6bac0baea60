"""The XML of an SVG as a tree: no document type, no stylesheet beside it, bounded. Only in the sandbox's child."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.formats import drawing_bounds as bounds
from gateway.formats.drawing_scene import Scene
from gateway.sandbox.task import TaskRefused

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
INKSCAPE = "http://www.inkscape.org/namespaces/inkscape"
XML = "http://www.w3.org/XML/1998/namespace"
_MAX_DEPTH = 100


@dataclass(slots=True)
class Node:
    """An element: its name without the namespace of SVG, or with another one before it; what is in it, in order."""

    name: str
    attributes: Mapping[str, str]
    children: list[Node | str] = field(default_factory=list)

    @property
    def elements(self) -> Iterator[Node]:
        """The elements in it."""
        return (child for child in self.children if isinstance(child, Node))

    def said(self) -> Iterator[str]:
        """Every piece of text and every value of an attribute in it, at any depth."""
        yield from self.attributes.values()
        for child in self.children:
            yield from child.said() if isinstance(child, Node) else (child,)


def tree(untrusted: bytes, scene: Scene) -> Node:
    """The root element; comments become parts of `scene`. Raises `TaskRefused`."""
    building = _Building(scene)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = building.begins
    parser.EndElementHandler = building.ends
    parser.CharacterDataHandler = building.says
    parser.CommentHandler = lambda text: scene.part("comment", text)
    parser.ProcessingInstructionHandler = building.instruction
    try:
        parser.Parse(untrusted, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise TaskRefused("xml") from error
    if building.root is None or building.root.name != "svg":
        raise TaskRefused("xml")
    return building.root


class _Building:
    def __init__(self, scene: Scene) -> None:
        self.root: Node | None = None
        self._scene = scene
        self._open: list[Node] = []

    def begins(self, name: str, attributes: dict[str, str]) -> None:
        self._scene.visit()
        if len(self._open) == _MAX_DEPTH:
            raise TaskRefused("deep")
        node = Node(name.removeprefix(f"{SVG_NAMESPACE} "), attributes)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def ends(self, _name: str) -> None:
        self._open.pop()

    def says(self, text: str) -> None:
        if len(text) > bounds.MAX_POINTS:
            raise TaskRefused("texts")
        self._open[-1].children.append(text)

    def instruction(self, target: str, data: str) -> None:
        if target == "xml-stylesheet":
            raise TaskRefused("style")
        self._scene.part("comment", data)


def _refuse_doctype(*_arguments: object) -> None:
    raise TaskRefused("xml-doctype")
