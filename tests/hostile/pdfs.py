"""Documents made to keep a reader busy for ever, or to make it ask for more than there is."""

from __future__ import annotations

import zlib

from tests.hostile.archives import zeros
from tests.support.documents import line, page, raw, stream

CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"


def deflated(count_mib: int, filler: bytes) -> bytes:
    """A zlib stream of so many MiB."""
    return b"\x78\x9c" + zeros(count_mib, filler)


def bomb(count_mib: int) -> bytes:
    """A page whose content inflates to so much."""
    body = deflated(count_mib, b" ")
    return raw(
        CATALOG,
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        stream(body, "/Filter /FlateDecode"),
    )


def packed_again(times: int) -> bytes:
    """A content under so many filters."""
    body = b"1 0 0 RG\n" * 500_000
    for _ in range(times):
        body = zlib.compress(body)
    return page(b"").replace(stream(b""), stream(body, f"/Filter [{'/FlateDecode ' * times}]"))


def tree(depth: int) -> bytes:
    """Pages below pages below pages."""
    nodes = [f"<< /Type /Pages /Count 1 /Kids [{number + 3} 0 R] >>" for number in range(depth)]
    return raw(CATALOG, *nodes, PAGE)


def pages(count: int, content: bytes) -> bytes:
    """So many pages that share one content."""
    kids = " ".join(f"{number} 0 R" for number in range(4, 4 + count))
    one = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R >>"
    return raw(
        CATALOG, f"<< /Type /Pages /Count {count} /Kids [{kids}] >>", stream(content, packed=True), *[one] * count
    )


def object_stream(count_mib: int) -> bytes:
    """Objects in a stream that inflates to so much."""
    body = deflated(count_mib, b" ")
    return raw(
        CATALOG,
        "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        PAGE,
        stream(body, "/Type /ObjStm /N 1000000 /First 8000000 /Filter /FlateDecode"),
    )


def reference_stream() -> bytes:
    """A table of references, as a stream, that says it has more lines than there are bytes in the world."""
    body = zlib.compress(bytes(100))
    extra = "/Type /XRef /Size 2147483647 /W [8 8 8] /Index [0 2147483647] /Root 1 0 R /Filter /FlateDecode"
    data = raw(CATALOG, "<< /Type /Pages /Count 1 /Kids [3 0 R] >>", PAGE)
    at = len(data)
    return data + b"9 0 obj\n" + stream(body, extra) + b"\nendobj\nstartxref\n%d\n%%%%EOF\n" % at


def picture(codec: str, body: bytes, width: int = 60_000, height: int = 60_000) -> bytes:
    """A page with a picture of this codec."""
    head = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 1 /ColorSpace /DeviceGray"
    return page(
        b"q 200 0 0 200 72 300 cm /P Do Q",
        stream(body, f"{head} /Filter /{codec}"),
        resources="/XObject << /P 6 0 R >>",
    )


def jbig2() -> bytes:
    """A page of JBIG2 as large as its numbers can say, and a generic region as large."""
    info = (1).to_bytes(4) + b"\x30\x00\x01" + (19).to_bytes(4) + b"\xff\xff\xff\xf0" * 2 + bytes(8) + b"\0\0\0"
    region = (2).to_bytes(4) + b"\x26\x00\x01" + (26).to_bytes(4) + b"\0\0\xff\xff" * 2 + bytes(9) + b"\0" + bytes(8)
    return picture("JBIG2Decode", info + region)


def jpx() -> bytes:
    """A JPEG 2000 of as many tiles of one pixel as its numbers can say."""
    sizes = b"".join(number.to_bytes(4) for number in (0x7FFFFFFF, 0x7FFFFFFF, 0, 0, 1, 1, 0, 0))
    siz = b"\xff\x51" + (41).to_bytes(2) + b"\0\0" + sizes + b"\0\x01\x07\x01\x01"
    return picture("JPXDecode", b"\xff\x4f" + siz + b"\xff\x52\0\x0c\0\0\0\1\0\5\4\4\0\0" + b"\xff\xd9")


def glyphs_of_glyphs() -> bytes:
    """A font whose glyph writes itself."""
    font = (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [.1 0 0 .1 0 0] /CharProcs << /x 7 0 R >>"
        " /Encoding << /Differences [120 /x] >> /FirstChar 120 /LastChar 120 /Widths [9]"
        " /Resources << /Font << /T 6 0 R >> >> >>"
    )
    glyph = stream(b"9 0 d0 BT /T 9 Tf (xxxxxxxxxx) Tj ET")
    return page(b"BT /T 9 Tf 72 700 Td (xxxxxxxxxx) Tj ET", font, glyph).replace(b"/F 5 0 R", b"/F 5 0 R /T 6 0 R")


def tiles() -> bytes:
    """A page painted with a pattern of invisibly small steps."""
    pattern = stream(
        b"0 0 1 1 re f",
        "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep .0001 /YStep .0001"
        " /Resources << >>",
    )
    return page(b"/Pattern cs /T scn 0 0 595 842 re f", pattern, resources="/Pattern << /T 6 0 R >>")


def shading() -> bytes:
    """A page shaded by a function of fifty thousand steps for every pixel."""
    function = stream(b"{" + b" dup mul sqrt" * 50_000 + b" }", "/FunctionType 4 /Domain [0 1 0 1] /Range [0 1]")
    shade = "<< /ShadingType 1 /ColorSpace /DeviceGray /Domain [0 1 0 1] /Matrix [595 0 0 842 0 0] /Function 7 0 R >>"
    return page(b"/S sh", shade, function, resources="/Shading << /S 6 0 R >>")


def curves(count: int) -> bytes:
    """A path of very many curves, dashed a thousand times finer than it can be seen."""
    return page(
        b"[.001 .001] 0 d 0 0 m\n" + b"9 900 500 -900 595 842 c 0 0 l\n" * count + b"S\n" + line("x"), packed=True
    )
