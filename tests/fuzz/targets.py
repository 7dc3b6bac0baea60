"""What is fuzzed: every reader of hostile bytes, run as the sandbox's child runs it, and honest files to begin from."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from PIL import Image

from gateway.app import built_in_formats
from gateway.base.canon import Json
from gateway.formats.document_docx import DOCX
from gateway.formats.model import Pages
from gateway.intake.archives import _Unpacking
from gateway.residue import gate
from gateway.residue.model import DocumentExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import ParseRefused
from gateway.sandbox.task import TaskRefused
from tests.support import documents, originals, word, workbooks
from tests.support.documents import line, page
from tests.support.workbooks import ODS, XLSX

VECTORS: Final = Path(__file__).parents[1] / "vectors"
WITHHELD: Final = WithheldSet(
    (WithheldValue("Kowalski AG", "column/1"), WithheldValue("48211", "column/2")), frozenset()
)

Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Target:
    """One reader: what it does with a file, and the files that mutations begin from."""

    read: Read
    specimens: Callable[[], Sequence[bytes]]


class InProcess:
    """Runs tasks where it stands, without walls, so that whatever they throw is seen."""

    def layers(self) -> frozenset[Layer]:
        return frozenset()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        module, _, function = task.partition(":")
        try:
            header, blobs = getattr(importlib.import_module(module), function)(request, untrusted)
        except TaskRefused as refused:
            raise ParseRefused("The task refused.", refused.code, refused.numbers) from refused
        told = json.loads(json.dumps(dict(header)))
        return Reply(told, tuple(bytes(blob) for blob in blobs))

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        yield from self.run(task, request, untrusted, limits).blobs


def reading(media_type: str) -> Read:
    """Reads and surveys a file of this type, and looks at the pixels of its first page."""
    form = next(one for one in built_in_formats() if media_type in one.media_types)

    def read(data: bytes) -> None:
        content = form.read(data, media_type, InProcess())
        form.survey(content)
        form.left_behind(content)
        if isinstance(content, Pages):
            content.raster(1)

    return read


def unpacking(data: bytes) -> None:
    """Takes an archive apart."""
    archive = _Unpacking(InProcess(), data)
    for _ in archive.unpacked(archive.listed()):
        pass


def searching(media_type: str) -> Read:
    """The gate's search through a file that somebody else made."""
    return lambda data: gate.check_foreign(data, media_type, WITHHELD)


def rebuilt(data: bytes) -> object:
    """The gate's own reader of rebuilt documents."""
    told = json.loads((VECTORS / "document" / "rebuilt.json").read_text("utf-8"))
    boxes = tuple(tuple(cast(Any, tuple(box)) for box in one) for one in told["boxes"])
    sizes = tuple((width, height) for width, height in told["sizes_px"])
    return gate.check(data, DocumentExpectation(sizes, boxes, told["mark_text"]), WITHHELD)


ROWS: Final = (("Customer", "Country", "kg"), ("Kowalski AG", "PL", "48211"), ("Müller & Söhne", "DE", "1.234,5"))


def tables() -> Sequence[bytes]:
    """Separated tables."""
    text = "\r\n".join(";".join(row) for row in ROWS) + "\r\n"
    return (
        text.encode(),
        text.encode("cp1252"),
        text.encode("utf-16"),
        text.replace(";", "\t").encode("gb18030"),
        b'a,b\n"x\n""y",z\n',
        originals.customers().csv(),
    )


def records() -> Sequence[bytes]:
    """JSON."""
    told = {
        "grade": "N42SH",
        "mass_kg": 1.5,
        "parts": [{"no": 1, "of": ["a", None]}, {"no": 2, "ok": True}],
        "ü": "赣州",
    }
    return json.dumps(told).encode(), json.dumps(told, ensure_ascii=False, indent=1).encode("utf-16")


def markup() -> Sequence[bytes]:
    """XML."""
    return (
        b'<?xml version="1.0" encoding="UTF-8"?><r a="1"><!-- c --><p>x</p><p>y &amp; z</p><q><![CDATA[<]]></q></r>',
        b'<r xmlns="urn:a" xmlns:b="urn:b"><b:p b:i="1"/><?pi x?><p><o>1</o><o>2</o></p></r>',
    )


def papers() -> Sequence[bytes]:
    """PDF."""
    note = "<< /Type /Annot /Subtype /FreeText /Rect [72 600 200 640] /Contents (note) /DA (/F 9 Tf) >>"
    return (
        page(line("Supply agreement") + line("Kowalski AG", 650) + b"0 0 m 99 99 l S 9 9 40 40 re f\n"),
        page(line("x"), note, page="/Annots [6 0 R] /Rotate 90", catalog="/Lang (en)"),
        documents.document(["Supply agreement", "赣州千里磁材有限公司"], ["two"], info={"Author": "Kowalski"}),
        (VECTORS / "document" / "rebuilt.pdf").read_bytes(),
    )


@cache
def picture(kind: str) -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(out, kind)
    return out.getvalue()


def archive() -> Sequence[bytes]:
    """A ZIP of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/Kunden.csv", tables()[0])
        file.writestr("b.png", picture("PNG"))
    return (out.getvalue(),)


# Each type of file that a format takes, and honest ones of it.
READERS: Final[Mapping[str, Callable[[], Sequence[bytes]]]] = {
    "text/csv": tables,
    "application/json": records,
    "application/xml": markup,
    "text/plain": lambda: ("Grade: N42SH\nMass = 1,5 kg\n\nfree words ü\n".encode(), *tables()),
    XLSX: lambda: (workbooks.xlsx(ROWS),),
    ODS: lambda: (workbooks.ods(ROWS),),
    DOCX: lambda: (word.agreement(), (VECTORS / "word" / "pictured.docx").read_bytes()),
    "application/pdf": papers,
    "image/jpeg": lambda: (picture("JPEG"),),
    "image/png": lambda: (picture("PNG"), (VECTORS / "picture" / "tiny.png").read_bytes()),
    "image/gif": lambda: (picture("GIF"),),
    "image/bmp": lambda: (picture("BMP"),),
    "image/tiff": lambda: (picture("TIFF"),),
    "image/webp": lambda: (picture("WEBP"),),
    "image/heic": lambda: ((VECTORS / "picture" / "plain.heic").read_bytes(),),
    "image/avif": lambda: (picture("AVIF"),),
}
# Taken, and not fuzzed yet: messages, drawings, videos.
NOT_YET: Final = frozenset(
    {"message/rfc822", "image/vnd.dxf", "image/svg+xml", "video/mp4", "video/quicktime", "video/x-matroska"}
)
SEARCHED: Final = ("text/plain", "application/pdf", "image/jpeg", "image/png", XLSX)


def short(media_type: str) -> str:
    """What the target of a type is called."""
    return media_type.rpartition("/")[2].rpartition(".")[2]


TARGETS: Final[Mapping[str, Target]] = {
    **{short(media): Target(reading(media), made) for media, made in READERS.items()},
    **{f"gate-{short(media)}": Target(searching(media), READERS[media]) for media in SEARCHED},
    "gate-rebuilt-pdf": Target(rebuilt, lambda: papers()[-1:]),
    "zip": Target(unpacking, archive),
}
