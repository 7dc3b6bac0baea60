"""The strict reader of XML as data. It runs only in the sandbox's child; the parent checks what it says.

No document type, so that no entity is declared and nothing is fetched; no text between elements; nested no deeper
than `MAX_DEPTH`. What stands in an attribute or in an element without children is a leaf, CDATA being text like any
other. Comments and processing instructions are no content. Elements of one name that stand more than once in any
element of their path are a list wherever they stand. Names of different namespaces are different names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.base.canon import Json
from gateway.formats.leaves import MAX_DEPTH, MAX_EVENTS, Leaves, Path, declared_nothing
from gateway.sandbox.task import Answer, TaskRefused

# Pictures, pages and office files in the clothes of XML: somebody would see more in them than data.
_FOREIGN = frozenset({"svg", "html", "package", "document-content", "FictionBook", "rss"})
_FOREIGN_NAMESPACES = (
    "http://www.w3.org/2000/svg",
    "http://www.w3.org/1999/xhtml",
    "http://www.w3.org/1999/XSL/",
    "http://schemas.microsoft.com/office/",
    "http://schemas.openxmlformats.org/",
    "urn:oasis:names:tc:opendocument:",
    "urn:schemas-microsoft-com:office:",
)


@dataclass(slots=True)
class _Element:
    name: str
    attributes: Mapping[str, str]
    children: list[_Element] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The document as `leaves` says."""
    declared_nothing(request)
    leaves = Leaves()
    root = _Tree(leaves).root(untrusted)
    namespace, _, name = root.name.rpartition(" ")
    if name in _FOREIGN or namespace.startswith(_FOREIGN_NAMESPACES):
        raise TaskRefused("xml-foreign")
    repeated: set[Path] = set()
    _find_repeated(root, (root.name,), repeated)
    _walk(root, (root.name,), repeated, leaves)
    return leaves.answer()


class _Tree:
    """Builds the tree of elements; comments and instructions go aside."""

    def __init__(self, leaves: Leaves) -> None:
        self._leaves = leaves
        self._open: list[_Element] = []
        self._root: _Element | None = None
        self._count = 0

    def root(self, untrusted: bytes) -> _Element:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self._begins
        parser.EndElementHandler = self._ends
        parser.CharacterDataHandler = self._says
        parser.CommentHandler = self._leaves.aside
        parser.ProcessingInstructionHandler = lambda target, data: self._leaves.aside(f"{target} {data}")
        try:
            parser.Parse(untrusted, True)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise TaskRefused("xml") from error
        if self._root is None:
            raise TaskRefused("xml")
        return self._root

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) == MAX_DEPTH:
            raise TaskRefused("deep", most=MAX_DEPTH)
        if self._count > MAX_EVENTS:
            raise TaskRefused("large", most=MAX_EVENTS)
        element = _Element(name, attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _ends(self, _name: str) -> None:
        element = self._open.pop()
        if element.children and "".join(element.text).strip():
            raise TaskRefused("xml-mixed")

    def _says(self, text: str) -> None:
        self._open[-1].text.append(text)


def _refuse_doctype(*_arguments: object) -> None:
    raise TaskRefused("xml-doctype")


def _find_repeated(element: _Element, path: Path, repeated: set[Path]) -> None:
    for name, count in Counter(child.name for child in element.children).items():
        if count > 1:
            repeated.add((*path, name))
    for child in element.children:
        _find_repeated(child, (*path, child.name), repeated)


def _walk(element: _Element, path: Path, repeated: set[Path], leaves: Leaves) -> None:
    for name, value in element.attributes.items():
        leaves.leaf((*path, f"@{name}"), "s", value)
    text = "".join(element.text)
    if not element.children and (text.strip() or not element.attributes):
        leaves.leaf(path, "s", text.strip())
    groups: dict[str, list[_Element]] = {}
    for child in element.children:
        groups.setdefault(child.name, []).append(child)
    for name, children in groups.items():
        inside = (*path, name)
        if inside not in repeated:
            _walk(children[0], inside, repeated, leaves)
            continue
        leaves.list_begins(inside)
        for child in children:
            leaves.item_begins()
            _walk(child, inside, repeated, leaves)
            leaves.ends()
        leaves.ends()
