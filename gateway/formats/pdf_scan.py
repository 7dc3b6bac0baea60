"""What pdfium does not tell of a PDF: its XMP packets, the names of its layers, whether it is a portfolio.

A plain search through the bytes and through the compressed objects, within bounds. It decides nothing about what
leaves: what it overlooks does not travel either.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_INFLATED_BYTES = 64 << 20
MAX_STREAMS = 20_000

_ONE_STREAM_BYTES = 8 << 20
_MAX_FOUND = 500
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_HEAD_BYTES = 1024
_PORTFOLIO = re.compile(rb"/Collection\s{0,9}(?:<<|\d{1,9}\s{1,9}\d{1,5}\s{1,9}R)")
_XMP = re.compile(rb"<x:xmpmeta.{0,200000}?</x:xmpmeta>", re.DOTALL)
_VALUE = re.compile(r">([^<>]{2,2000})<|\s(?!xmlns)[\w:.-]{1,80}=[\"']([^\"'<>]{2,2000})[\"']")
_LAYER = re.compile(rb"/OCG\b")
_NAME = re.compile(rb"/Name\s{0,9}(?:\(((?:\\.|[^\\()]){0,500})\)|<([0-9A-Fa-f\s]{0,2000})>)", re.DOTALL)
_AROUND_BYTES = 600


@dataclass(slots=True)
class Scanned:
    """What was found; the texts in the order of the bytes."""

    portfolio: bool = False
    xmp: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)


def scan(untrusted: bytes) -> Scanned:
    """Search the bytes and what of them is compressed and holds objects or metadata."""
    found = Scanned()
    for part in (untrusted, *_inflated(untrusted)):
        found.portfolio = found.portfolio or _PORTFOLIO.search(part) is not None
        for packet in _XMP.finditer(part):
            found.xmp += _said(packet.group().decode("utf-8", "replace"))
        for layer in _LAYER.finditer(part):
            start = part.rfind(b"<<", max(0, layer.start() - _AROUND_BYTES), layer.start())
            name = _NAME.search(part, max(start, 0), layer.end() + _AROUND_BYTES)
            if name:
                found.layers.append(_text(name))
    found.xmp, found.layers = found.xmp[:_MAX_FOUND], list(dict.fromkeys(found.layers))[:_MAX_FOUND]
    return found


def _inflated(untrusted: bytes) -> Iterator[bytes]:
    left = MAX_INFLATED_BYTES
    for number, start in enumerate(_STREAM.finditer(untrusted)):
        if number >= MAX_STREAMS or left <= 0:
            return
        head = untrusted[max(0, start.start() - _HEAD_BYTES) : start.start()].rpartition(b"obj")[2]
        if b"FlateDecode" not in head or not (b"ObjStm" in head or b"Metadata" in head):
            continue
        end = untrusted.find(b"endstream", start.end())
        packed = untrusted[start.end() : end if end >= 0 else len(untrusted)]
        try:
            part = zlib.decompressobj().decompress(packed, min(left, _ONE_STREAM_BYTES))
        except zlib.error:
            continue
        left -= len(part)
        yield part


def _said(packet: str) -> list[str]:
    """The values of a packet: its texts and attributes, without the names of its spaces."""
    told = (one.group(1) or one.group(2) for one in _VALUE.finditer(packet))
    return list(dict.fromkeys(text.strip() for text in told if text.strip() and "://" not in text))


def _text(name: re.Match[bytes]) -> str:
    literal, digits = name.groups()
    if literal is None:
        compact = b"".join(digits.split())
        literal = bytes.fromhex(compact[: len(compact) // 2 * 2].decode())
    literal = re.sub(rb"\\(.)", rb"\1", literal, flags=re.DOTALL)
    return literal.decode("utf-16-be", "replace")[1:] if literal[:2] == b"\xfe\xff" else literal.decode("latin-1")
