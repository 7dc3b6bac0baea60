"""What a PDF holds beside its pages, as text: so that it can be searched for and counted. None of it ever leaves.

Part names: `docinfo:Title`, `bookmark:1`, `attachment:1`, `script:1`, `XMP:1`, `layer:1`, `label:2`, `link:2/1`,
`alternative:2/1` (page, then number). Hidden text is told by `pdf_words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from gateway.formats import pdf_scan
from gateway.formats.model import Element
from gateway.formats.pdf_bounds import MAX_NAME_CHARS, MAX_PART_CHARS, MAX_PARTS
from gateway.formats.pdf_library import Handle, bytes_of, text_of
from gateway.formats.pdf_words import to_px, upright
from gateway.sandbox.task import TaskRefused

_DOCINFO = ("Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate", "Trapped")
_MAX_DEPTH = 32
# Of every annotation that is none of these, nothing is drawn. A widget is what a form field looks like.
_DRAWN = {
    pdfium.FPDF_ANNOT_FREETEXT: "FreeText",
    pdfium.FPDF_ANNOT_LINE: "Line",
    pdfium.FPDF_ANNOT_SQUARE: "Square",
    pdfium.FPDF_ANNOT_CIRCLE: "Circle",
    pdfium.FPDF_ANNOT_POLYGON: "Polygon",
    pdfium.FPDF_ANNOT_POLYLINE: "PolyLine",
    pdfium.FPDF_ANNOT_HIGHLIGHT: "Highlight",
    pdfium.FPDF_ANNOT_UNDERLINE: "Underline",
    pdfium.FPDF_ANNOT_SQUIGGLY: "Squiggly",
    pdfium.FPDF_ANNOT_STRIKEOUT: "StrikeOut",
    pdfium.FPDF_ANNOT_STAMP: "Stamp",
    pdfium.FPDF_ANNOT_CARET: "Caret",
    pdfium.FPDF_ANNOT_INK: "Ink",
    pdfium.FPDF_ANNOT_REDACT: "Redact",
    pdfium.FPDF_ANNOT_WATERMARK: "Watermark",
}
_NOT_DRAWN = {
    pdfium.FPDF_ANNOT_TEXT: "Text",
    pdfium.FPDF_ANNOT_POPUP: "Popup",
    pdfium.FPDF_ANNOT_FILEATTACHMENT: "FileAttachment",
}
_UNSEEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW
_KEYS = (b"Contents", b"T", b"Subj", b"RC", b"TU", b"V", b"DV", b"NM")


def around(document: Handle, untrusted: bytes) -> dict[str, str]:
    """The parts of the document as a whole. Raises `TaskRefused`: `portfolio`."""
    scanned = pdf_scan.scan(untrusted)
    if scanned.portfolio:
        raise TaskRefused("portfolio")
    info = {f"docinfo:{key}": text_of(pdfium.FPDF_GetMetaText, document, key.encode()) for key in _DOCINFO}
    told = {
        "bookmark": _bookmarks(document),
        "attachment": _attachments(document),
        "script": _scripts(document),
        "XMP": iter(scanned.xmp),
        "layer": iter(scanned.layers),
    }
    numbered = {f"{sort}:{n}": text for sort, texts in told.items() for n, text in enumerate(texts, start=1)}
    return _bounded({**info, **numbered})


def of_page(document: Handle, page: Handle, number: int) -> dict[str, str]:
    """The parts of one page: its label, where its links lead, what its structure says for those who cannot see."""
    label = text_of(pdfium.FPDF_GetPageLabel, document, number - 1)
    links = {f"link:{number}/{n}": uri for n, uri in enumerate(_links(document, page), start=1)}
    spoken = {f"alternative:{number}/{n}": text for n, text in enumerate(_alternatives(page), start=1)}
    return _bounded({f"label:{number}": label, **links, **spoken})


def notes(page: Handle, size_px: tuple[int, int]) -> list[Any]:
    """Annotations and form fields, as element, name, text and box; takes from the page what is not to be drawn."""
    found: list[Any] = []
    unseen = []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_PARTS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            unseen.append(index)
            continue
        try:
            sort = pdfium.FPDFAnnot_GetSubtype(annotation)
            seen = not pdfium.FPDFAnnot_GetFlags(annotation) & _UNSEEN
            widget = sort == pdfium.FPDF_ANNOT_WIDGET
            drawn = seen and (widget or sort in _DRAWN)
            if not drawn:
                unseen.append(index)
            name, text = _told(annotation)
            if not widget:
                name = _DRAWN.get(sort) or _NOT_DRAWN.get(sort) or "Other"
            element = Element.FORM_FIELD if widget else Element.ANNOTATION
            if drawn or text:
                found.append((element.value, name, text, _box(page, annotation, size_px) if drawn else None))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)
    if pdfium.FPDFPage_GetAnnotCount(page) > MAX_PARTS:
        raise TaskRefused("objects")
    for index in reversed(unseen):
        pdfium.FPDFPage_RemoveAnnot(page, index)
    return found


def _told(annotation: Handle) -> tuple[str, str]:
    """The annotation's own name, and everything that it says in words."""
    texts = [text_of(pdfium.FPDFAnnot_GetStringValue, annotation, key) for key in _KEYS]
    return texts[1][:MAX_NAME_CHARS], "\n".join(dict.fromkeys(text for text in texts if text))[:MAX_PART_CHARS]


def _box(page: Handle, annotation: Handle, size_px: tuple[int, int]) -> tuple[int, int, int, int] | None:
    rect = pdfium.FS_RECTF()
    if not pdfium.FPDFAnnot_GetRect(annotation, rect):
        raise TaskRefused("damaged")
    corners = np.array([[rect.left, rect.bottom, rect.right, rect.top]])
    left, top, right, bottom = upright(to_px(page, size_px), corners, size_px)[0].tolist()
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def _bookmarks(document: Handle) -> Iterator[str]:
    pending = [(pdfium.FPDFBookmark_GetFirstChild(document, None), 0)]
    left = MAX_PARTS
    while pending and left:
        mark, depth = pending.pop()
        if not mark or depth > _MAX_DEPTH:
            continue
        left -= 1
        yield text_of(pdfium.FPDFBookmark_GetTitle, mark)
        pending.append((pdfium.FPDFBookmark_GetNextSibling(document, mark), depth))
        pending.append((pdfium.FPDFBookmark_GetFirstChild(document, mark), depth + 1))


def _attachments(document: Handle) -> Iterator[str]:
    for index in range(min(pdfium.FPDFDoc_GetAttachmentCount(document), MAX_PARTS)):
        one = pdfium.FPDFDoc_GetAttachment(document, index)
        yield text_of(pdfium.FPDFAttachment_GetName, one) if one else ""


def _scripts(document: Handle) -> Iterator[str]:
    for index in range(min(pdfium.FPDFDoc_GetJavaScriptActionCount(document), MAX_PARTS)):
        action = pdfium.FPDFDoc_GetJavaScriptAction(document, index)
        if action:
            try:
                yield text_of(pdfium.FPDFJavaScriptAction_GetScript, action)
            finally:
                pdfium.FPDFDoc_CloseJavaScriptAction(action)


def _links(document: Handle, page: Handle) -> Iterator[str]:
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page), MAX_PARTS)):
        annotation = pdfium.FPDFPage_GetAnnot(page, index)
        if not annotation:
            continue
        try:
            link = pdfium.FPDFAnnot_GetLink(annotation)
            action = pdfium.FPDFLink_GetAction(link) if link else None
            if action:
                yield bytes_of(pdfium.FPDFAction_GetURIPath, document, action)
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _alternatives(page: Handle) -> Iterator[str]:
    tree = pdfium.FPDF_StructTree_GetForPage(page)
    if not tree:
        return
    try:
        count = min(pdfium.FPDF_StructTree_CountChildren(tree), MAX_PARTS)
        pending = [(pdfium.FPDF_StructTree_GetChildAtIndex(tree, at), 0) for at in range(count)]
        left = MAX_PARTS
        while pending and left:
            one, depth = pending.pop()
            if not one or depth > _MAX_DEPTH:
                continue
            left -= 1
            for get in (
                pdfium.FPDF_StructElement_GetAltText,
                pdfium.FPDF_StructElement_GetActualText,
                pdfium.FPDF_StructElement_GetExpansion,
                pdfium.FPDF_StructElement_GetTitle,
            ):
                yield text_of(get, one)
            children = min(pdfium.FPDF_StructElement_CountChildren(one), MAX_PARTS)
            pending += ((pdfium.FPDF_StructElement_GetChildAtIndex(one, at), depth + 1) for at in range(children))
    finally:
        pdfium.FPDF_StructTree_Close(tree)


def _bounded(parts: dict[str, str]) -> dict[str, str]:
    """What says something, each at most so long, and at most so many of them."""
    kept = [(name, text.strip()[:MAX_PART_CHARS]) for name, text in parts.items() if text.strip()]
    return dict(kept[:MAX_PARTS])
