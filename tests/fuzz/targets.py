"""What is fuzzed: every reader of hostile bytes, run as the sandbox's child runs it, and honest files to begin from."""

from __future__ import annotations

import importlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from PIL import Image

from gateway.app import built_in_formats
from gateway.base.canon import Json
from gateway.formats.document_docx import DOCX
from gateway.formats.document_eml import EML
from gateway.formats.drawing import DXF, SVG
from gateway.formats.film import whole_of
from gateway.formats.model import Drawing, Pages, Selection, Video
from gateway.intake.archives import _Unpacking
from gateway.residue import gate
from gateway.residue.model import DocumentExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.problems import ParseRefused
from gateway.sandbox.task import Answer, LongAnswer, TaskRefused
from tests.corpus.places import Hiding
from tests.support import documents, drawings, originals, videos, word, workbooks
from tests.support.documents import line, page
from tests.support.planted_drawing import planted_dxf, planted_svg
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
        with _refusing():
            header, blobs = _answer(task, request, untrusted)
        told = json.loads(json.dumps(dict(header)))
        return Reply(told, tuple(bytes(blob) for blob in blobs))

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        with _refusing():
            _, blobs = _answer(task, request, untrusted)
            yield from map(bytes, blobs)


def _answer(task: str, request: Mapping[str, Json], untrusted: bytes) -> Answer | LongAnswer:
    module, _, function = task.partition(":")
    answer: Answer | LongAnswer = getattr(importlib.import_module(module), function)(request, untrusted)
    return answer


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except TaskRefused as refused:
        raise ParseRefused("The task refused.", refused.code, refused.numbers) from refused


def reading(media_type: str) -> Read:
    """Reads and surveys a file of this type, and looks at the pixels of its first page or of the whole drawing."""
    form = next(one for one in built_in_formats() if media_type in one.media_types)

    def read(data: bytes) -> None:
        content = form.read(data, media_type, InProcess())
        form.survey(content)
        form.left_behind(content)
        if isinstance(content, Pages):
            content.raster(1)
        if isinstance(content, Video):
            _look(content)
        if isinstance(content, Drawing):
            content.show(_everything(content))

    return read


def _look(video: Video) -> None:
    """At its first frames, within bounds: a forged length makes no reader wrong, only slow."""
    cut = whole_of(video)
    for _ in video.frames(replace(cut, count=min(cut.count, 12))):
        pass


def _everything(drawing: Drawing) -> Selection:
    layers, blocks = (range(1, len(names) + 1) for names in (drawing.layers, drawing.blocks))
    on = (*(f"layer/{one}" for one in layers), *(f"block/{one}" for one in blocks))
    return Selection(frozenset(on), frozenset(range(len(drawing.texts))), (400, 400))


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


def messages() -> Sequence[bytes]:
    """E-mail: as a program sends it, with HTML and a message in it, and in lines that only wrap."""
    one = EmailMessage()
    one["From"], one["To"] = "Jürgen Müller <j.mueller@example.com>", "a@example.com, Office: b@example.com;"
    one["Date"], one["Subject"] = "Mon, 02 Mar 2026 10:00:00 +0100", "最终用途"
    one.set_content("The magnets are for civil traction motors.\n\n最终用户", charset="gb18030")
    one.add_alternative("<p>The <b>magnets</b></p>", subtype="html")
    other = EmailMessage()
    other["Subject"] = "x"
    other.set_content("y")
    one.add_attachment(other)
    return (VECTORS / "message" / "original.eml").read_bytes(), one.as_bytes()


def curves() -> bytes:
    """An SVG of every shape, with a style sheet, a gradient, and symbols that are used in turn."""
    return drawings.svg(
        "<style>.a{fill:#00f;stroke-width:2} rect.b{opacity:.5}</style>"
        '<defs><linearGradient id="l"><stop offset="0" stop-color="red"/></linearGradient>'
        '<symbol id="s"><path d="M1 1h8v8z"/></symbol></defs>'
        '<g id="MAGNET" class="a" transform="translate(9 9) rotate(20,3,4) scale(1.5) skewX(3) matrix(1 0 0 1 2 3)">'
        '<path d="M0 0C1 2 3 4 5 6S7 8 9 9Q1 2 3 4T5 6A5 6 30 1 0 40 40l1-1H9V9z" fill="url(#l)"/>'
        '<ellipse cx="9" cy="9" rx="3" ry="2"/><polygon points="1,1 9,9 1 9"/><polyline points="0 0 9 9"/>'
        '<line x1="0" y1="0" x2="5mm" y2="1cm" stroke="rgb(1,2,3)" stroke-dasharray="2 1"/>'
        '<use href="#s" x="5" y="5"/><text x="9 19" y="9"><tspan dy="1em">Magnet</tspan> N52</text></g>'
    )


def secret_of(label: str) -> Callable[[str], str]:
    """A word for each place that is the same in every run."""
    return Hiding(0, label)


@cache
def picture(kind: str) -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(out, kind)
    return out.getvalue()


@cache
def films(form: str) -> Sequence[bytes]:
    """Videos, with and without something beside the pictures."""
    small: Any = {"form": form, "size_px": (96, 64), "frames": 6}
    return (
        videos.video(**small, sound=True, subtitle="Kowalski AG", chapter="Halle 4", tags={"title": "Kowalski"}),
        videos.video(**small, codec="mpeg4"),
        videos.video(**small, codec="mjpeg", pix_fmt="yuvj420p"),
        videos.video(**small, turned=90, options={"g": "3", "bf": "2"}),
    )


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
    "video/mp4": lambda: films("mp4"),
    "video/quicktime": lambda: films("mov"),
    "video/x-matroska": lambda: films("matroska"),
    EML: messages,
    DXF: lambda: ((VECTORS / "drawing" / "plain.dxf").read_bytes(), planted_dxf(secret_of("dxf"))),
    SVG: lambda: ((VECTORS / "drawing" / "plain.svg").read_bytes(), planted_svg(secret_of("svg")), curves()),
}
# Types that are taken and not fuzzed yet.
NOT_YET: Final[frozenset[str]] = frozenset()
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
