"""pdfium as the sandbox's child uses it: loaded before the walls rise, with the gateway's own fonts and no others.

Fonts that a document does not embed come from pdfium itself (the fourteen of the standard) and from the two that
travel with the gateway, so that the same document looks the same on every machine and no font is looked for on disk.
"""

from __future__ import annotations

import codecs
import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2.raw as pdfium

from gateway.marks.lettering import FONTS_DIR
from gateway.sandbox.task import TaskRefused

Handle = Any

_LATIN, _HAN = 1, 2
_FONTS = {
    _LATIN: (FONTS_DIR / "DejaVuSans.ttf").read_bytes(),
    _HAN: (FONTS_DIR / "DroidSansFallbackFull.ttf").read_bytes(),
}
# Windows character sets, as pdfium asks for them: Japanese, Korean, simplified and traditional Chinese.
_HAN_CHARSETS = frozenset({128, 129, 134, 136})
_WESTERN_CHARSETS = frozenset({0, 1, 2})
_PER_REQUEST = 2
_WHOLE_FILE = 0
_MAX_TEXT_BYTES = 1 << 16
_ANSWERS: list[Any] = []
# Python would look for each of these in a file of its own, when it is first used.
for _charset in ("utf-16-le", "utf-16-be", "latin-1"):
    codecs.lookup(_charset)


@contextmanager
def opened(untrusted: bytes) -> Iterator[Handle]:
    """The document, for as long as the block runs. Raises `TaskRefused`: `damaged` or `encrypted`."""
    document = pdfium.FPDF_LoadMemDocument64(untrusted, len(untrusted), None)
    if not document:
        locked = pdfium.FPDF_GetLastError() in {pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY}
        raise TaskRefused("encrypted" if locked else "damaged")
    try:
        # A document that an empty password opens is encrypted all the same.
        if pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0:
            raise TaskRefused("encrypted")
        yield document
    finally:
        pdfium.FPDF_CloseDocument(document)


@contextmanager
def page_of(document: Handle, number: int) -> Iterator[Handle]:
    """The page with this number, counted from 1. Raises `TaskRefused`: `damaged`."""
    page = pdfium.FPDF_LoadPage(document, number - 1)
    if not page:
        raise TaskRefused("damaged")
    try:
        yield page
    finally:
        pdfium.FPDF_ClosePage(page)


def text_of(get: Callable[..., int], *of: Any) -> str:
    """A text that pdfium's function `get` writes as UTF-16LE into a buffer, given last with its size."""
    size = min(get(*of, None, 0), _MAX_TEXT_BYTES)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    wide = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort))
    get(*of, wide, size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def bytes_of(get: Callable[..., int], *of: Any) -> str:
    """The same for a text that is written as bytes."""
    size = min(get(*of, None, 0), _MAX_TEXT_BYTES)
    buffer = ctypes.create_string_buffer(max(size, 1))
    get(*of, buffer, size)
    return buffer.value.decode("utf-8", "replace")


def _map(_this: Any, _weight: int, _italic: int, charset: int, _pitch: int, _face: Any, _exact: Any) -> int | None:
    if charset in _HAN_CHARSETS:
        return _HAN
    return None if charset in _WESTERN_CHARSETS else _LATIN


def _data(_this: Any, font: int, table: int, buffer: Any, size: int) -> int:
    if table != _WHOLE_FILE or font not in _FONTS:
        return 0
    data = _FONTS[font]
    if buffer and size >= len(data):
        ctypes.memmove(buffer, data, len(data))
    return len(data)


def _name(_this: Any, font: int, buffer: Any, size: int) -> int:
    name = b"gateway-%d\0" % font
    if buffer and size >= len(name):
        ctypes.memmove(buffer, name, len(name))
    return len(name)


def _install_fonts() -> None:
    kinds = dict(pdfium.FPDF_SYSFONTINFO._fields_)
    info = pdfium.FPDF_SYSFONTINFO()
    info.version = _PER_REQUEST
    answers: dict[str, Callable[..., Any]] = {
        "Release": lambda _this: None,
        "EnumFonts": lambda _this, _mapper: None,
        "MapFont": _map,
        "GetFont": lambda _this, _face: None,
        "GetFontData": _data,
        "GetFaceName": _name,
        "GetFontCharset": lambda _this, font: 134 if font == _HAN else 1,
        "DeleteFont": lambda _this, _font: None,
    }
    for name, answer in answers.items():
        callback = kinds[name](answer)
        setattr(info, name, callback)
        _ANSWERS.append(callback)
    # pdfium keeps the pointer, so what it points to must stay.
    _ANSWERS.append(info)
    pdfium.FPDF_SetSystemFontInfo(ctypes.byref(info))


_install_fonts()
