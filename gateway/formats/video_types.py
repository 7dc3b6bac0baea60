"""Which videos are taken, told by their first bytes; names and claims are not asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

MP4, MOV, MKV = "video/mp4", "video/quicktime", "video/x-matroska"
MEDIA_TYPES = (MP4, MOV, MKV)

_EBML = b"\x1a\x45\xdf\xa3"
_DOCTYPE = b"\x42\x82"
_DOCTYPES = frozenset({b"\x88matroska", b"\x84webm"})
_BRANDS = frozenset(
    {
        *(b"isom", b"mp41", b"mp42", b"avc1", b"M4V ", b"M4VH", b"M4VP", b"MSNV", b"XAVC", b"dash", b"f4v "),
        *(b"iso%d" % number for number in range(2, 10)),
        *(b"3gp%d" % number for number in range(4, 8)),
    }
)
_ATOMS = frozenset({b"moov", b"mdat", b"wide"})

# What reads each of them: one demuxer by name, so that no other is tried.
DEMUXERS: Mapping[str, str] = MappingProxyType({MP4: "mov", MOV: "mov", MKV: "matroska"})


def shown(head: bytes) -> str | None:
    """The media type of the video that begins with these bytes, or None."""
    if head.startswith(_EBML):
        at = head.find(_DOCTYPE, 4, 64)
        return MKV if at > 0 and head[at + 2 :].startswith(tuple(_DOCTYPES)) else None
    if head[:1] != b"\0":
        return None
    if head[4:8] == b"ftyp":
        return MOV if head[8:12] == b"qt  " else MP4 if head[8:12] in _BRANDS else None
    return MOV if head[4:8] in _ATOMS else None
