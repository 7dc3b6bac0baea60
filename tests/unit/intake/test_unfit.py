"""Whatever else a person may upload is recognised by its bytes and told in one sentence what to become."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from gateway.app import built_in_formats, kinds_of
from gateway.intake import rules, unfit
from gateway.intake.service import KindIntake
from gateway.policy.load import load_library
from gateway.settings import Settings
from tests.support.originals import FORMATS, planted

VECTORS = Path(__file__).parents[2] / "vectors" / "picture"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def stored(*names: str, mimetype: str | None = None, flags: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "x")
    data = bytearray(out.getvalue())
    data[6] |= flags
    return bytes(data)


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("customers.csv"))
    return out.getvalue()


def directory(order: str, **tags: int) -> bytes:
    entries = b"".join(struct.pack(f"{order}HHII", int(tag[1:]), 4, 1, value) for tag, value in sorted(tags.items()))
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4)


def box(brand: bytes) -> bytes:
    return struct.pack(">I4s4s", 24, b"ftyp", brand) + bytes(12)


def ole(stream: str) -> bytes:
    return OLE + stream.encode("utf-16-le")


OOXML = "[Content_Types].xml"
FILES: dict[str, list[bytes]] = {
    "image/x-canon-cr2": [b"II*\0\x10\0\0\0CR\x02\0"],
    "image/x-adobe-dng": [
        directory("<", t254=0, t50706=0x0401), directory(">", t254=1, t330=400), directory("<", t254=1, t330=400),
    ],
    "image/x-canon-cr3": [box(b"crx ")],
    "image/x-fuji-raf": [b"FUJIFILMCCD-RAW 0201"],
    "image/x-olympus-orf": [b"IIRO\x08\0\0\0"],
    "image/x-panasonic-rw2": [b"IIU\0\x18\0"],
    "image/x-sigma-x3f": [b"FOVb\0\0\x02\0"],
    "image/x-minolta-mrw": [b"\0MRM\0"],
    "image/vnd.adobe.photoshop": [b"8BPS\0\x01"],
    "image/x-xcf": [b"gimp xcf v011\0"],
    "image/jp2": [b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51\0"],
    "image/jxl": [b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a\x10"],
    "image/jxr": [b"II\xbc\x01"],
    "image/tiff-64": [b"II+\0\x08\0", b"MM\0+\0\x08"],
    "image/vnd.microsoft.icon": [b"\0\0\x01\0\x01\0", b"\0\0\x02\0"],
    "image/x-exr": [b"v/1\x01\x02\0"],
    "image/vnd.radiance": [b"#?RADIANCE\n"],
    "image/vnd.djvu": [b"AT&TFORM\0\0"],
    "application/dicom": [bytes(128) + b"DICM"],
    "image/wmf": [b"\xd7\xcd\xc6\x9a\0\0"],
    "image/emf": [b"\x01\0\0\0" + bytes(36) + b" EMF"],
    "image/heif": [box(b"mif1"), box(b"hevc")],
    "image/svg+xml": [
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- by, me -->\n<!DOCTYPE svg>\n<svg>",
    ],
    "application/illustrator": [b"%!PS-Adobe-3.0 \r\n%%Creator: Adobe Illustrator(R) 24\n"],
    "application/postscript": [b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xc5\xd0\xd3\xc6\x20"],
    "application/pdf": [b"%PDF-1.7\n"],
    "text/html": [b"<!DOCTYPE html><html>", b"\n<html lang='en'>, x"],
    "application/rtf": [b"{\\rtf1\\ansi, x"],
    "image/vnd.dwg": [b"AC1032\0\0\0"],
    "image/vnd.dxf": [b"  0\r\nSECTION\r\n  2\r\nHEADER\r\n", b"999\nby, me\n0\nSECTION\n", b"AutoCAD Binary DXF\r\n"],
    "model/step": [b"ISO-10303-21;\nHEADER;\nFILE_DESCRIPTION((''),'2;1');"],
    "model/iges": [b"SolidWorks IGES file, housing".ljust(72) + b"S      1\n1H,,1H;"],
    "model/stl": [b"solid part\n facet normal 0 0 1\n"],
    "model/jt": [b"Version 9.5 JT  DM 6"],
    "model/x-parasolid": [b"**ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"],
    "model/x-catia": [b"V5_CFV2\0"],
    "message/rfc822": [
        b"Received: from mx; Mon, 3 Mar 2025\r\n by host\r\nFrom: A <a@b.example>\r\nSubject: x\r\n\r\n",
        b"From: A, B <a@b.example>\nTo: c@d.example\nSubject: order\n\nhello",
    ],
    "application/mbox": [b"From kowalski@example.com Mon Mar  3 10:00:00 2025\n"],
    "application/vnd.ms-outlook": [ole("__properties_version1.0")],
    "application/ms-tnef": [b"\x78\x9f\x3e\x22\x01"],
    "application/x-outlook-pst": [b"!BDN\x01"],
    "text/vcard": [b"BEGIN:VCARD\r\nN:a;b,c\r\n", b"BEGIN:VCALENDAR\r\n"],
    "application/x-encrypted-ooxml": [ole("EncryptedPackage")],
    "application/vnd.ms-excel": [ole("Workbook")],
    "application/msword": [ole("WordDocument")],
    "application/vnd.ms-powerpoint": [ole("PowerPoint Document")],
    "application/vnd.visio": [ole("VisioDocument")],
    "application/x-ole-storage": [OLE],
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": [stored(OOXML, "word/document.xml")],
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": [stored(OOXML, "ppt/slides.xml")],
    "application/vnd.ms-visio.drawing": [stored(OOXML, "visio/document.xml")],
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": [stored(OOXML, "xl/workbook.xml")],
    "application/vnd.oasis.opendocument.spreadsheet": [
        stored(mimetype="application/vnd.oasis.opendocument.spreadsheet")
    ],
    "application/vnd.oasis.opendocument.text": [
        stored(mimetype="application/vnd.oasis.opendocument.text"),
        stored(mimetype="application/vnd.oasis.opendocument.graphics"),
    ],
    "application/epub+zip": [stored(mimetype="application/epub+zip")],
    "application/zip": [stored("1.jpg"), stored("a", flags=1), b"PK\x05\x06" + bytes(18), b"PK\x07\x08PK\x03\x04"],
    "application/vnd.rar": [b"Rar!\x1a\x07\x01\0"],
    "application/x-7z-compressed": [b"7z\xbc\xaf\x27\x1c\0\x04"],
    "application/x-tar": [tarred()],
    "application/gzip": [gzip.compress(b"a,b"), b"BZh91AY&SY", b"\xfd7zXZ\0\0", b"\x28\xb5\x2f\xfd\0"],
    "application/vnd.ms-cab-compressed": [b"MSCF\0\0\0\0\0"],
    "application/pgp-encrypted": [b"-----BEGIN PGP MESSAGE-----\n", b"age-encryption.org/v1\n-> X25519"],
    "audio/mp4": [box(b"M4A ")],
    "video/quicktime": [box(b"qt  "), b"\0\0\0\x08wide\0\0\0\0mdat"],
    "video/mp4": [box(b"isom"), box(b"mp42"), box(b"3gp5")],
    "video/x-matroska": [b"\x1a\x45\xdf\xa3\x01"],
    "video/x-msvideo": [b"RIFF\0\0\0\0AVI LIST"],
    "video/x-ms-asf": [b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6"],
    "video/mpeg": [b"\0\0\x01\xba\x44"],
    "video/mp2t": [(b"\x47" + bytes(187)) * 6],
    "video/x-flv": [b"FLV\x01\x05"],
    "audio/ogg": [b"OggS\0\x02"],
    "audio/wav": [b"RIFF\0\0\0\0WAVEfmt "],
    "audio/mpeg": [b"ID3\x04\0", b"\xff\xfb\x90", b"fLaC\0\0"],
    "application/vnd.sqlite3": [b"SQLite format 3\0\x10"],
    "application/x-msaccess": [b"\0\x01\0\0Standard ACE DB\0"],
    "application/vnd.apache.parquet": [b"PAR1\x15\x04"],
    "application/x-executable": [b"MZ\x90\0", b"\x7fELF\x02"],
}  # fmt: skip
TOLD = [(media_type, data) for media_type, files in FILES.items() for data in files]


@pytest.fixture(scope="module")
def kinds() -> dict[str, KindIntake]:
    return kinds_of(load_library(None), built_in_formats(), Settings(Path("unused")))


def test_every_entry_has_a_file_here() -> None:
    assert {one.media_type for one in unfit.TABLE} == FILES.keys()


@pytest.mark.parametrize(("media_type", "data"), TOLD, ids=[f"{name}-{at}" for at, (name, _) in enumerate(TOLD)])
def test_each_is_refused_for_what_it_is(kinds: dict[str, KindIntake], media_type: str, data: bytes) -> None:
    found = unfit.recognised(data[: rules.HEAD_BYTES], ())
    assert found is not None
    assert found.media_type == media_type
    for kind in ("production_photo", "customer_list"):
        if media_type not in kinds[kind].media_types:
            with pytest.raises(rules.UnsupportedFormat) as refused:
                kinds[kind].type_of(data[: rules.HEAD_BYTES], kind)
            assert refused.value.detail == found.sentence


@pytest.mark.parametrize("sentence", sorted({one.sentence for one in unfit.TABLE}))
def test_each_sentence_says_what_it_is_and_what_to_do(sentence: str) -> None:
    assert sentence.startswith(("This ", "These "))
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert ";" in sentence or "," in sentence


@pytest.mark.parametrize("label", FORMATS)
def test_what_is_taken_is_not_in_the_table(kinds: dict[str, KindIntake], label: str) -> None:
    original = planted(label)
    kind = kinds[original.kind]
    assert unfit.recognised(original.data[: rules.HEAD_BYTES], kind.media_types) is None
    assert kind.type_of(original.data[: rules.HEAD_BYTES], original.kind) == original.media_type


PICTURES = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")


def written(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 48)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        *map(written, PICTURES),
        written("AVIF", save_all=True, append_images=[Image.new("RGB", (64, 48), (9, 9, 9))]),
        written("TIFF", big_tiff=False, tiffinfo={254: 0}),
        *(path.read_bytes() for path in sorted(VECTORS.glob("*.heic"))),
        struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"mif1", b"heic"),
        struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mif1", 0, b"avif", b"miaf"),
    ],
)
def test_no_picture_that_is_taken_is_in_the_table(kinds: dict[str, KindIntake], data: bytes) -> None:
    assert kinds["production_photo"].type_of(data[: rules.HEAD_BYTES], "production_photo").startswith("image/")


@pytest.mark.parametrize(
    "table",
    [
        "From date;To date;Quantity\n1;2;3", "ID3,ID4\n1,2", "AC1032,AC1033\n1,2", "PAR1;PAR2\n1;2",
        "Date:,Subject:\n1,2",         "The wide,net\n1,2",
        "BZh,b\n1,2", "MZ,b\n1,2", "To: whom\tit\n1\t2", "solid,liquid\n1,2", "Version 9.5,b\n1,2",
        "0,SECTION\n1,2", "IIRO,MMOR\n1,2", "icns,8BPS\n1,2",
    ],
)  # fmt: skip
def test_a_table_that_begins_like_one_of_them_is_a_table(kinds: dict[str, KindIntake], table: str) -> None:
    assert kinds["customer_list"].type_of(table.encode(), "customer_list") == "text/csv"
