"""Small XML parts of untrusted archives as trees: bounded, without document type. Runs only in the sandbox's child."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, XMLParser, fromstring
from xml.parsers import expat

from gateway.base.units import MIB
from gateway.sandbox.task import TaskRefused

MAX_BYTES = 16 * MIB


def tree(untrusted: bytes) -> Element:
    """The root element. Raises `TaskRefused` for what is not well-formed, too long, or declares a document type."""
    if len(untrusted) > MAX_BYTES:
        raise TaskRefused("part-large")
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(untrusted, True)
        # Without a document type there is no entity to expand, and the bound is checked above.
        return fromstring(untrusted, XMLParser())  # noqa: S314
    except (expat.ExpatError, ParseError, ValueError, LookupError) as error:
        raise TaskRefused("xml") from error


def _refuse(*_arguments: object) -> None:
    raise TaskRefused("xml-foreign")
