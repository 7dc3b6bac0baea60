"""The XML of a workbook's member, proven piece by piece. Runs only in the sandbox's child.

Expat proves each piece well-formed before it is looked at: no document type, comment, instruction or CDATA, the main
namespace bound once, on the root. In XML so plain `<` begins nothing but a tag.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import NoReturn
from xml.parsers import expat

from gateway.sandbox.task import TaskRefused

MAIN_NAMESPACES = frozenset(
    {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",
    }
)
_SEPARATOR = "\x1f"


class ProvenText:
    """The text of an XML document that expat has read without finding anything but elements and characters."""

    def __init__(self, untrusted_chunks: Iterable[bytes]) -> None:
        self._chunks = untrusted_chunks
        self.prefix = ""
        self._bound: list[str | None] = []
        self._parser = parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        parser.StartDoctypeDeclHandler = parser.CommentHandler = _refuse_foreign
        parser.ProcessingInstructionHandler = parser.StartCdataSectionHandler = _refuse_foreign
        parser.XmlDeclHandler = _declared
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._root

    def __iter__(self) -> Iterator[str]:
        """The pieces, in order. Raises `TaskRefused`."""
        for piece in self.unproven():
            self.prove(piece)
            yield piece
        self.end()

    def unproven(self) -> Iterator[str]:
        """The pieces for a caller that proves each of them, or all but elements that it knows to be well-formed."""
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            for chunk in self._chunks:
                yield decoder.decode(chunk)
            decoder.decode(b"", True)
        except ValueError as error:
            raise TaskRefused("xml") from error

    def prove(self, piece: str) -> None:
        """Have expat read on. Raises `TaskRefused`."""
        self._parse(piece.encode(), last=False)

    def end(self) -> None:
        """Have expat find that nothing is open. Raises `TaskRefused`."""
        self._parse(b"", last=True)

    def _parse(self, octets: bytes, *, last: bool) -> None:
        try:
            self._parser.Parse(octets, last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise TaskRefused("xml") from error

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if uri in MAIN_NAMESPACES:
            self.prefix = f"{prefix}:" if prefix else ""
            self._bound.append(prefix)
        elif prefix in self._bound:
            raise TaskRefused("xml-foreign")
        if len(self._bound) > 1:
            raise TaskRefused("xml-foreign")

    def _root(self, name: str, _attributes: object) -> None:
        if name.partition(_SEPARATOR)[0] not in MAIN_NAMESPACES:
            raise TaskRefused("xml-foreign")
        self._parser.StartElementHandler = None


def _declared(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.casefold() not in {"utf-8", "us-ascii"}:
        raise TaskRefused("xml-foreign")


def _refuse_foreign(*_arguments: object) -> NoReturn:
    raise TaskRefused("xml-foreign")
