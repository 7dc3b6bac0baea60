"""Which pictures are taken, told by their first bytes; names and claims are not asked."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

JPEG, PNG, GIF, BMP = "image/jpeg", "image/png", "image/gif", "image/bmp"
WEBP, TIFF, HEIC, AVIF = "image/webp", "image/tiff", "image/heic", "image/avif"
MEDIA_TYPES = (JPEG, PNG, HEIC, WEBP, TIFF, BMP, GIF, AVIF)

_STARTS: Mapping[bytes, str] = MappingProxyType(
    {
        b"\xff\xd8\xff": JPEG,
        b"\x89PNG\r\n\x1a\n": PNG,
        b"GIF87a": GIF,
        b"GIF89a": GIF,
        b"II*\0": TIFF,
        b"MM\0*": TIFF,
    }
)
_BMP_HEADER_BYTES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_BRANDS: Mapping[bytes, str] = MappingProxyType(
    {b"avif": AVIF, b"avis": AVIF, **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), HEIC)}
)
# The brands that say no more than "an image in this sort of box"; which codec it has, the others say.
_GENERAL_BRANDS = frozenset({b"mif1", b"msf1", b"miaf"})


def shown(head: bytes) -> str | None:
    """The media type of the picture that begins with these bytes, or None."""
    for start, media_type in _STARTS.items():
        if head.startswith(start):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return WEBP
    if head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADER_BYTES:
        return BMP
    return _boxed(head) if head[4:8] == b"ftyp" else None


def _boxed(head: bytes) -> str | None:
    length = min(struct.unpack_from(">I", head)[0], len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))]
    if brands[0] not in _BRANDS and brands[0] not in _GENERAL_BRANDS:
        return None
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
