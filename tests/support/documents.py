"""PDF originals for tests: one that an office might send, and the raw bytes of small ones put together by hand."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Mapping, Sequence

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

Painter = Callable[[Canvas], None]
LEFT, TOP, LINE = 72, 760, 24


def document(*pages: Painter | Sequence[str], info: Mapping[str, str] | None = None) -> bytes:
    """A PDF of A4 pages: lines of text in Helvetica 11, or whatever a painter paints."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=True)
    for key, value in (info or {}).items():
        getattr(canvas, f"set{key}")(value)
    for page in pages:
        canvas.setFont("Helvetica", 11)
        if callable(page):
            page(canvas)
        else:
            write(canvas, page)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def write(canvas: Canvas, lines: Sequence[str], top: float = TOP) -> None:
    """Lines of text from the top of a page; Chinese in a font that is not embedded."""
    for number, line in enumerate(lines):
        if not line.isascii():
            pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
        canvas.setFont("Helvetica" if line.isascii() else "STSong-Light", 11)
        canvas.drawString(LEFT, top - LINE * number, line)


def raw(*objects: str | bytes, trailer: str = "/Root 1 0 R", head: bytes = b"%PDF-1.7\n") -> bytes:
    """A PDF of these objects, numbered from 1, with a table of references that is right."""
    data = bytearray(head)
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n" % number + (body.encode() if isinstance(body, str) else body) + b"\nendobj\n"
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += f"trailer\n<< /Size {len(objects) + 1} {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(data)


def stream(content: bytes, extra: str = "", *, packed: bool = False) -> bytes:
    """A stream object."""
    if packed:
        content, extra = zlib.compress(content), f"{extra} /Filter /FlateDecode"
    return f"<< /Length {len(content)} {extra} >>\nstream\n".encode() + content + b"\nendstream"


FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def page(
    content: bytes,
    *more: str | bytes,
    page: str = "",
    catalog: str = "",
    resources: str = "",
    box: str = "0 0 595 842",
    packed: bool = False,
) -> bytes:
    """A PDF of one page with this content; `more` are further objects, numbered from 6."""
    return raw(
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R"
        f" /Resources << /Font << /F 5 0 R >> {resources} >> {page} >>",
        stream(content, packed=packed),
        FONT,
        *more,
    )


def line(text: str, y: int = 700, size: float = 12, extra: str = "") -> bytes:
    """The operators that write one line."""
    return f"q BT /F {size} Tf {extra} 72 {y} Td ({text}) Tj ET Q\n".encode()
