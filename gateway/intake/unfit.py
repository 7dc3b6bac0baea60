"""What is recognised on arrival and taken under no kind as it is: one table, and for each entry what to send instead.

Bytes are asked, never names. An entry steps aside where the kind takes its media type. The order counts: what is told
by more bytes stands before what is told by fewer.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass

from gateway.formats import mail_types, picture_types

Shows = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Unfit:
    """A type of file with the sentence that refuses it."""

    media_type: str
    sentence: str
    shows: Shows


def recognised(head: bytes, takes: Collection[str]) -> Unfit | None:
    """The first entry that these bytes show, or None; also None where the kind takes that media type."""
    found = next((one for one in TABLE if one.shows(head)), None)
    return None if found is None or found.media_type in takes else found


def _starts(*starts: bytes) -> Shows:
    return lambda head: head.startswith(starts)


def _at(place: int, *marks: bytes) -> Shows:
    return lambda head: head.startswith(marks, place)


def _says(pattern: bytes) -> Shows:
    """Text in ASCII or UTF-8 that begins so, whatever stands before it of byte order mark and white space."""
    compiled = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}(?:" + pattern + rb")", re.IGNORECASE)
    return lambda head: compiled.match(head) is not None


def _boxed(*brands: bytes) -> Shows:
    """An ISO base media file, no picture taken here, of one of these major brands; of any where none is named."""

    def shows(head: bytes) -> bool:
        boxed = head[:1] == b"\0" and head[4:8] == b"ftyp" and picture_types.shown(head) is None
        return boxed and (not brands or head.startswith(brands, 8))

    return shows


def _riff(form: bytes) -> Shows:
    return lambda head: head.startswith(b"RIFF") and head[8:].startswith(form)


def _zip(*members: bytes, within: bytes = b"") -> Shows:
    """A ZIP archive whose first member is one of these, and that has another of this name near it."""
    return lambda head: head.startswith(b"PK\x03\x04") and head.startswith(members, 30) and within in head


def _compound(stream: str) -> Shows:
    """An OLE compound file whose directory, where it lies among the first bytes, names this stream."""
    name = stream.encode("utf-16-le")
    return lambda head: head.startswith(_COMPOUND) and name in head


def _raw_tiff(head: bytes) -> bool:
    """A TIFF that a camera wrote: it has a DNG version, or its first directory is a preview of further ones."""
    if not head.startswith((b"II*\0", b"MM\0*")):
        return False
    order = "<" if head.startswith(b"II") else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", head, 4)
        (count,) = struct.unpack_from(f"{order}H", head, at)
        fields = [struct.unpack_from(f"{order}HHII", head, at + 2 + 12 * one) for one in range(min(count, 200))]
    except struct.error:
        return False
    values = {tag: value for tag, _, _, value in fields}
    return _DNG_VERSION in values or (_SUB_DIRECTORIES in values and values.get(_NEW_SUBFILE_TYPE) == 1)


_NEW_SUBFILE_TYPE, _SUB_DIRECTORIES, _DNG_VERSION = 254, 330, 50706
_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"free"})
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OFFICE = (b"[Content_Types].xml", b"_rels/", b"docProps/")
_OOXML, _ODF = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
_DXF = rb"AutoCAD Binary DXF|(?:999\r?\n[^\n]{0,200}\n)?\s{0,9}0\r?\n\s{0,9}SECTION\r?\n"

_RAW = "This is a raw photograph of a camera's sensor; develop it and export it as JPEG."
_EXPORT = "; export it as PNG, or as JPEG if it is a photograph."
_DRAWING = "; export the sheet that is asked for as PNG, not the model."
_VIDEO = "This is a video, which this kind does not take; export the frame that is meant as PNG."
_SOUND = "This is a sound recording, which cannot be redacted here; leave it out or have it transcribed as a table."
_UNPACK = "; unpack it and upload each file."
_APART = "; have it taken apart (PUT …/archives, `gateway upload --unpack`), or unpack it and upload each file."
_OLD = "; save its tables as XLSX without a password, or print it into a PDF."
_MESSAGE = "; upload what is attached to it file by file, and the message itself printed into a PDF."
_PRINTED = "; print the pages that are asked for into a PDF, and save tables as CSV or XLSX."

TABLE: tuple[Unfit, ...] = (
    # Photographs of sensors.
    Unfit("image/x-canon-cr2", _RAW, lambda head: head.startswith(b"II*\0") and head[8:10] == b"CR"),
    Unfit("image/x-adobe-dng", _RAW, _raw_tiff),
    Unfit("image/x-canon-cr3", _RAW, _boxed(b"crx ")),
    Unfit("image/x-fuji-raf", _RAW, _starts(b"FUJIFILMCCD-RAW")),
    Unfit("image/x-olympus-orf", _RAW, _starts(b"IIRO\x08\0", b"IIRS\x08\0", b"MMOR\0\x08")),
    Unfit("image/x-panasonic-rw2", _RAW, _starts(b"IIU\0")),
    Unfit("image/x-sigma-x3f", _RAW, _starts(b"FOVb")),
    Unfit("image/x-minolta-mrw", _RAW, _starts(b"\0MRM")),
    # Pictures of other forms.
    Unfit(
        "image/vnd.adobe.photoshop", "This is a Photoshop file with layers" + _EXPORT, _starts(b"8BPS\0\1", b"8BPS\0\2")
    ),
    Unfit("image/x-xcf", "This is a GIMP file with layers" + _EXPORT, _starts(b"gimp xcf")),
    Unfit("image/jp2", "This is a JPEG 2000 picture" + _EXPORT, _starts(b"\0\0\0\x0cjP  \r\n", b"\xff\x4f\xff\x51")),
    Unfit("image/jxl", "This is a JPEG XL picture" + _EXPORT, _starts(b"\0\0\0\x0cJXL \r\n", b"\xff\x0a")),
    Unfit("image/jxr", "This is a JPEG XR picture" + _EXPORT, _starts(b"II\xbc\x01", b"II\xbc\0")),
    Unfit("image/tiff-64", "This is a BigTIFF" + _EXPORT, _starts(b"II+\0", b"MM\0+")),
    Unfit("image/vnd.microsoft.icon", "This is an icon" + _EXPORT, _starts(b"\0\0\1\0", b"\0\0\2\0", b"icns\0")),
    Unfit("image/x-exr", "This is an OpenEXR picture" + _EXPORT, _starts(b"v/1\x01")),
    Unfit("image/vnd.radiance", "This is a Radiance picture" + _EXPORT, _starts(b"#?RADIANCE", b"#?RGBE")),
    Unfit("image/vnd.djvu", "This is a DjVu document" + _EXPORT, _starts(b"AT&TFORM")),
    Unfit("application/dicom", "This is a DICOM picture" + _EXPORT, _at(128, b"DICM")),
    Unfit("image/wmf", "This is a Windows metafile" + _EXPORT, _starts(b"\xd7\xcd\xc6\x9a")),
    Unfit(
        "image/emf",
        "This is an enhanced metafile" + _EXPORT,
        lambda head: head.startswith(b"\1\0\0\0") and head[40:44] == b" EMF",
    ),
    Unfit("image/heif", "This is a HEIF of a form that is not read here" + _EXPORT, _boxed(b"mif1", b"msf1", b"hevc")),
    Unfit(
        "image/svg+xml", "This is an SVG drawing" + _EXPORT, _says(rb"(?:<[?!][^<]{0,2000}>\s{0,200}){0,8}<svg[\s>]")
    ),
    # Pages.
    Unfit("application/illustrator", "This is an Illustrator file" + _EXPORT, _says(rb"%!PS[^\0]{0,400}Illustrator")),
    Unfit("application/postscript", "This is PostScript (EPS)" + _EXPORT, _starts(b"%!PS", b"\xc5\xd0\xd3\xc6")),
    Unfit(
        "application/pdf",
        "This is a PDF, which this kind does not take; export the page that is meant as PNG, or the table as CSV.",
        _starts(b"%PDF-"),
    ),
    Unfit(
        "text/html", "This is a web page" + _PRINTED, _says(rb"(?:<!--[^>]{0,400}-->\s{0,9})?<(?:!doctype html|html)")
    ),
    Unfit("application/rtf", "This is an RTF document" + _PRINTED, _says(rb"\{\\rtf")),
    # Drawings and models.
    Unfit(
        "image/vnd.dwg", "This is a DWG drawing" + _DRAWING, _says(rb"AC(?:1\.[0-9]{1,2}|2\.[0-9]{1,2}|10[0-9]{2})\0")
    ),
    Unfit(
        "image/vnd.dxf",
        "This is a DXF drawing" + _DRAWING,
        _says(_DXF),
    ),
    Unfit("model/step", "This is a STEP model" + _DRAWING, _says(rb"ISO-10303-21;")),
    Unfit(
        "model/iges",
        "This is an IGES model" + _DRAWING,
        lambda head: re.match(rb"[^\r\n]{72}S {0,6}0{0,6}1\r?\n", head) is not None,
    ),
    Unfit("model/stl", "This is an STL model" + _DRAWING, _says(rb"solid[^\n]{0,200}\n\s*facet normal ")),
    Unfit("model/jt", "This is a JT model" + _DRAWING, _says(rb"Version [0-9.]{2,5} JT ")),
    Unfit("model/x-parasolid", "This is a Parasolid model" + _DRAWING, _starts(b"**ABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    Unfit("model/x-catia", "This is a CATIA file" + _DRAWING, _starts(b"V5_CFV2")),
    # Messages.
    Unfit(
        "message/rfc822",
        "This is an e-mail" + _MESSAGE,
        mail_types.is_mail,
    ),
    Unfit("application/mbox", "This is a mailbox" + _MESSAGE, _says(rb"From [^\s@,;]{1,99}@[^\s,;]{1,99} ")),
    Unfit("application/vnd.ms-outlook", "This is an Outlook message" + _MESSAGE, _compound("__properties_version1.0")),
    Unfit(
        "application/ms-tnef", "This is an Outlook attachment (winmail.dat)" + _MESSAGE, _starts(b"\x78\x9f\x3e\x22")
    ),
    Unfit("application/x-outlook-pst", "This is an Outlook mailbox" + _MESSAGE, _starts(b"!BDN")),
    Unfit("text/vcard", "These are contacts or appointments; export them as CSV.", _says(rb"BEGIN:V(?:CARD|CALENDAR)")),
    # Office files of old forms, or locked.
    Unfit(
        "application/x-encrypted-ooxml",
        "This Office file has a password; remove the password and save it anew.",
        _compound("EncryptedPackage"),
    ),
    Unfit(
        "application/vnd.ms-excel", "This is a workbook of the old form (.xls); save it as XLSX.", _compound("Workbook")
    ),
    Unfit("application/msword", "This is a Word document of the old form (.doc)" + _PRINTED, _compound("WordDocument")),
    Unfit(
        "application/vnd.ms-powerpoint",
        "This is a presentation of the old form (.ppt)" + _PRINTED,
        _compound("PowerPoint Document"),
    ),
    Unfit("application/vnd.visio", "This is a Visio drawing" + _DRAWING, _compound("VisioDocument")),
    Unfit(
        "application/x-ole-storage",
        "This is an Office file of an old form, or one with a password" + _OLD,
        _starts(_COMPOUND),
    ),
    # Office files of today's forms, where the kind does not take them.
    Unfit(_OOXML + "wordprocessingml.document", "This is a Word document" + _PRINTED, _zip(*_OFFICE, within=b"word/")),
    Unfit(_OOXML + "presentationml.presentation", "This is a presentation" + _PRINTED, _zip(*_OFFICE, within=b"ppt/")),
    Unfit("application/vnd.ms-visio.drawing", "This is a Visio drawing" + _DRAWING, _zip(*_OFFICE, within=b"visio/")),
    Unfit(
        _OOXML + "spreadsheetml.sheet",
        "This is a workbook, and the kind takes no table; export what it shows as PNG.",
        _zip(*_OFFICE, b"xl/"),
    ),
    Unfit(
        _ODF + "spreadsheet",
        "This is a workbook, and the kind takes no table; export what it shows as PNG.",
        _zip(b"mimetype" + _ODF.encode() + b"spreadsheet"),
    ),
    Unfit(_ODF + "text", "This is an OpenDocument file" + _PRINTED, _zip(b"mimetype" + _ODF.encode())),
    Unfit("application/epub+zip", "This is an e-book" + _PRINTED, _zip(b"mimetypeapplication/epub+zip")),
    # Archives.
    Unfit(
        "application/zip",
        "This is a ZIP archive with a password; unpack it and upload each file.",
        lambda head: head.startswith(b"PK\x03\x04") and bool(head[6] & 1) if len(head) > 6 else False,
    ),
    Unfit("application/zip", "This is a ZIP archive" + _APART, _starts(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")),
    Unfit("application/vnd.rar", "This is a RAR archive" + _UNPACK, _starts(b"Rar!\x1a\x07")),
    Unfit("application/x-7z-compressed", "This is a 7z archive" + _UNPACK, _starts(b"7z\xbc\xaf\x27\x1c")),
    Unfit("application/x-tar", "This is a tar archive" + _UNPACK, _at(257, b"ustar")),
    Unfit(
        "application/gzip",
        "This is a compressed file" + _UNPACK,
        _starts(b"\x1f\x8b", b"BZh91AY&SY", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
    ),
    Unfit("application/vnd.ms-cab-compressed", "This is a cabinet archive" + _UNPACK, _starts(b"MSCF\0\0\0\0")),
    Unfit(
        "application/pgp-encrypted",
        "This file is encrypted; decrypt it and upload what was in it.",
        _starts(b"-----BEGIN PGP MESSAGE", b"age-encryption.org/v1"),
    ),
    # Moving pictures and sound.
    Unfit("audio/mp4", _SOUND, _boxed(b"M4A ", b"M4B ")),
    Unfit("video/quicktime", _VIDEO, lambda head: _boxed(b"qt  ")(head) or (head[:1] == b"\0" and head[4:8] in _ATOMS)),
    Unfit("video/mp4", _VIDEO, _boxed()),
    Unfit("video/x-matroska", _VIDEO, _starts(b"\x1a\x45\xdf\xa3")),
    Unfit("video/x-msvideo", _VIDEO, _riff(b"AVI ")),
    Unfit("video/x-ms-asf", _VIDEO, _starts(b"\x30\x26\xb2\x75\x8e\x66\xcf\x11")),
    Unfit("video/mpeg", _VIDEO, _starts(b"\0\0\1\xba", b"\0\0\1\xb3")),
    Unfit("video/mp2t", _VIDEO, lambda head: all(head[at : at + 1] == b"\x47" for at in range(0, 941, 188))),
    Unfit("video/x-flv", _VIDEO, _starts(b"FLV\x01")),
    Unfit("audio/ogg", _SOUND, _starts(b"OggS\0")),
    Unfit("audio/wav", _SOUND, _riff(b"WAVE")),
    Unfit("audio/mpeg", _SOUND, _starts(b"ID3\2", b"ID3\3", b"ID3\4", b"\xff\xfb", b"fLaC\0")),
    # Data and programs.
    Unfit(
        "application/vnd.sqlite3",
        "This is a database; export the table that is asked for as CSV.",
        _starts(b"SQLite format 3\0"),
    ),
    Unfit(
        "application/x-msaccess",
        "This is a database; export the table that is asked for as CSV.",
        _starts(b"\0\1\0\0Standard Jet DB", b"\0\1\0\0Standard ACE DB"),
    ),
    Unfit("application/vnd.apache.parquet", "This is a Parquet file; export the table as CSV.", _starts(b"PAR1\x15")),
    Unfit(
        "application/x-executable",
        "This is a program, not material for a demand; leave it out.",
        _starts(b"MZ\x90", b"\x7fELF"),
    ),
)
