"""What stands beside the pixels of a picture, as text by tag. Runs only in the sandbox's child.

Nothing of it ever reaches a rendition; it is read so that a policy can name it, so that the withheld index can list
it, and so that the gate can look for its values. What cannot be read is named all the same, with its size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator

from PIL import ExifTags, Image

from gateway.formats import picture_types
from gateway.formats.open_picture import riff_chunks

MAX_TAGS = 2_048
MAX_VALUE_CHARS = 8_192

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_MORE = b"http://ns.adobe.com/xmp/extension/\0"
_XMP_ATTRIBUTE = re.compile(r"([A-Za-z][\w-]*:[A-Za-z][\w-]*)\s*=\s*[\"']([^\"'<>]*)[\"']", re.ASCII)
_XMP_ELEMENT = re.compile(r"<([A-Za-z][\w-]*:[A-Za-z][\w-]*)[^<>]*>([^<>]*\S[^<>]*)</", re.ASCII)
_PRINTABLE_RUN = re.compile(rb"[\x20-\x7e]{4,}")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e\xa1-\xff]")
_END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_IPTC = {
    5: "ObjectName", 25: "Keywords", 55: "DateCreated", 80: "By-line", 85: "By-lineTitle", 90: "City",
    92: "Sub-location", 95: "Province-State", 101: "Country", 105: "Headline", 110: "Credit", 115: "Source",
    116: "CopyrightNotice", 118: "Contact", 120: "Caption", 122: "Writer",
}  # fmt: skip
_PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"})
_PNG_READ_ELSEWHERE = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP"})
_WEBP_READ_ELSEWHERE = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF", b"XMP ", b"ICCP"})
# How a TIFF stores its pixels, not what is said of them; XMP and the colour profile are read elsewhere.
_TIFF_PIXELS = frozenset(
    {256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 338, 339, 347, 530}
    | {531, 532, 700, 34675}
)
_GIF_IMAGE, _GIF_TRAILER, _GIF_APPLICATION = 0x2C, 0x3B, 0xFF
_HEIF_PARTS = {"thumbnails": "thumbnails", "depth_images": "depth-images", "aux": "auxiliary-images"}

Found = Iterator[tuple[str, object]]


def tags(picture: Image.Image, media_type: str, untrusted: bytes) -> dict[str, str]:
    """Tag → text, for a picture whose pixels are loaded (the last texts of a PNG and a GIF come after them)."""
    readers: list[tuple[str, Callable[[], Found]]] = [
        ("EXIF:unreadable", lambda: _exif(picture)),
        ("XMP:unreadable", lambda: _xmp(picture)),
        ("ICC:unreadable", lambda: _icc(picture)),
    ]
    space, reader = _OF_ONE_TYPE[media_type]
    readers.append((f"{space}:unreadable", lambda: reader(picture, untrusted)))
    if media_type == picture_types.JPEG:
        readers.append(("IPTC:unreadable", lambda: _iptc(picture)))
    found: dict[str, str] = {}
    for unreadable, read in readers:
        try:
            for tag, value in read():
                _keep(found, tag, value)
        except Exception:  # noqa: BLE001 - border: metadata that no library can read is named, and stays behind
            _keep(found, unreadable, "present")
    return found


def _keep(found: dict[str, str], tag: str, value: object) -> None:
    tag = _NOT_PRINTABLE.sub("?", tag)[:80]
    number = 1
    name = tag
    while name in found:
        number += 1
        name = f"{tag}#{number}"
    if len(found) < MAX_TAGS:
        found[name] = _text(value)[:MAX_VALUE_CHARS]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        try:
            text = value.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            text = ""
        if text.isprintable() and text:
            return text
        runs = b" ".join(_PRINTABLE_RUN.findall(value)).decode("ascii")
        return f"{len(value)} bytes {runs}".strip()
    if isinstance(value, tuple | list):
        return " ".join(map(_text, value))
    # A lone surrogate would break the reply's encoding.
    return str(value).encode("utf-8", "replace").decode()


def _exif(picture: Image.Image) -> Found:
    exif = picture.getexif()
    pointers = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop}
    for number, value in exif.items():
        if number not in pointers | (_TIFF_PIXELS if picture.format == "TIFF" else set()):
            yield f"EXIF:{ExifTags.TAGS.get(number, f'0x{number:04x}')}", value
    for number, value in exif.get_ifd(ExifTags.IFD.Exif).items():
        if number not in pointers:
            yield f"EXIF:{ExifTags.TAGS.get(number, f'0x{number:04x}')}", value
    for number, value in exif.get_ifd(ExifTags.IFD.GPSInfo).items():
        yield f"EXIF:{ExifTags.GPSTAGS.get(number, f'GPS0x{number:04x}')}", value
    # The second directory of a TIFF is its second page.
    thumbnail = exif.get_ifd(ExifTags.IFD.IFD1) if picture.format != "TIFF" else None
    if thumbnail:
        yield "EXIF:Thumbnail", f"{thumbnail.get(0x0202, 'unknown')} bytes"


def _xmp(picture: Image.Image) -> Found:
    packet = picture.info.get("xmp")
    if not packet:
        return
    text = packet.decode("utf-8", "replace") if isinstance(packet, bytes) else str(packet)
    for pattern in (_XMP_ATTRIBUTE, _XMP_ELEMENT):
        for name, value in pattern.findall(text):
            if not name.startswith(("xmlns:", "rdf:about")):
                yield f"XMP:{name}", value.strip()
    yield "XMP:packet", text


def _icc(picture: Image.Image) -> Found:
    profile = picture.info.get("icc_profile")
    if not profile:
        return
    described = [f"{len(profile)} bytes"]
    for start in range(132, 132 + 12 * min(struct.unpack_from(">I", profile, 128)[0], 64), 12):
        signature, offset, length = struct.unpack_from(">4sII", profile, start)
        if signature in {b"desc", b"cprt", b"dmnd", b"dmdd"}:
            body = profile[offset : offset + min(length, 1024)]
            wide = body[28:].decode("utf-16-be", "ignore") if body.startswith(b"mluc") else ""
            narrow = b" ".join(_PRINTABLE_RUN.findall(body[12:])).decode("ascii")
            described.append("".join(filter(str.isprintable, wide)) or narrow)
    yield "ICC:description", " ".join(described)


def _iptc(picture: Image.Image) -> Found:
    resources = picture.info.get("photoshop")
    if not isinstance(resources, dict):
        return
    for number, data in resources.items():
        if number != 0x0404 or not isinstance(data, bytes):
            yield f"IPTC:resource-0x{number:04x}", data
            continue
        at = 0
        while at + 5 <= len(data) and data[at] == 0x1C:
            record, dataset, length = struct.unpack_from(">BBH", data, at + 1)
            name = _IPTC.get(dataset) if record == 2 else None
            yield f"IPTC:{name or f'{record}-{dataset}'}", data[at + 5 : at + 5 + length]
            at += 5 + length


def _jpeg(picture: Image.Image, untrusted: bytes) -> Found:
    if "comment" in picture.info:
        yield "JFIF:comment", picture.info["comment"]
    for marker, data in getattr(picture, "applist", ()):
        known = data.startswith((b"Exif\0", _XMP, b"JFIF\0", b"Photoshop 3.0\0", b"ICC_PROFILE\0"))
        if marker != "COM" and not known:
            yield f"{'XMP' if data.startswith(_XMP_MORE) else 'JPEG'}:{marker}", data
    after = len(untrusted) - _end_of_jpeg(untrusted)
    if after:
        yield "JPEG:after-the-end", untrusted[-after:]


def _end_of_jpeg(untrusted: bytes) -> int:
    """The offset just past the first end-of-image marker that is not inside a segment."""
    at = 2
    while at + 4 <= len(untrusted):
        marker = untrusted[at + 1]
        if marker == 0xD9:
            return at + 2
        (length,) = struct.unpack_from(">H", untrusted, at + 2)
        at += 2 + length
        if marker == 0xDA:
            end = _END_OF_SCAN.search(untrusted, at)
            at = end.start() if end else len(untrusted)
    return min(at + 2, len(untrusted))


def _png(picture: Image.Image, untrusted: bytes) -> Found:
    for key, value in getattr(picture, "text", {}).items():
        yield f"PNG:{key}", value
    at = 8
    while at + 12 <= len(untrusted):
        length, kind = struct.unpack_from(">I4s", untrusted, at)
        if kind not in _PNG_PIXELS | _PNG_READ_ELSEWHERE:
            yield f"PNG:{kind.decode('latin-1')}", untrusted[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            break
    if len(untrusted) > at:
        yield "PNG:after-the-end", untrusted[at:]


def _gif(picture: Image.Image, untrusted: bytes) -> Found:
    if "comment" in picture.info:
        yield "GIF:comment", picture.info["comment"]
    end = 0
    for kind, start, end in _gif_blocks(untrusted):
        if kind == _GIF_APPLICATION:
            yield "GIF:application", untrusted[start:end]
    if end < len(untrusted):
        yield "GIF:after-the-end", untrusted[end:]


def _gif_blocks(untrusted: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of every block, to the trailer; an extension's kind is its label."""
    at = 13 + _gif_palette_bytes(untrusted[10])
    while untrusted[at] != _GIF_TRAILER:
        start, image = at, untrusted[at] == _GIF_IMAGE
        # An image begins with its descriptor, its palette and one byte of code size; an extension with its label.
        at += 11 + _gif_palette_bytes(untrusted[at + 9]) if image else 2
        while untrusted[at]:
            at += 1 + untrusted[at]
        at += 1
        yield _GIF_IMAGE if image else untrusted[start + 1], start, at
    yield _GIF_TRAILER, at, at + 1


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(_picture: Image.Image, untrusted: bytes) -> Found:
    for kind, body in riff_chunks(untrusted):
        if kind not in _WEBP_READ_ELSEWHERE:
            yield f"WEBP:{kind.decode('latin-1')}", body
    end = 8 + int.from_bytes(untrusted[4:8], "little")
    if end < len(untrusted):
        yield "WEBP:after-the-end", untrusted[end:]


def _bmp(_picture: Image.Image, untrusted: bytes) -> Found:
    end = int.from_bytes(untrusted[2:6], "little")
    if 0 < end < len(untrusted):
        yield "BMP:after-the-end", untrusted[end:]


def _tiff(picture: Image.Image, _untrusted: bytes) -> Found:
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        yield "TIFF:pages", pages


def _heif(picture: Image.Image, _untrusted: bytes) -> Found:
    for key, name in _HEIF_PARTS.items():
        if picture.info.get(key):
            yield f"HEIF:{name}", len(picture.info[key])
    for block in picture.info.get("metadata", ()):
        yield f"HEIF:{block['type']}", block["data"]


_OF_ONE_TYPE: dict[str, tuple[str, Callable[[Image.Image, bytes], Found]]] = {
    picture_types.JPEG: ("JPEG", _jpeg),
    picture_types.PNG: ("PNG", _png),
    picture_types.GIF: ("GIF", _gif),
    picture_types.WEBP: ("WEBP", _webp),
    picture_types.BMP: ("BMP", _bmp),
    picture_types.TIFF: ("TIFF", _tiff),
    picture_types.HEIC: ("HEIF", _heif),
    picture_types.AVIF: ("HEIF", _heif),
}
