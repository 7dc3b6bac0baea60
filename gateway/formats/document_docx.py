"""Word documents: DOCX in, a new PDF or a new DOCX out, typed anew from what the document shows.

In: the sandboxed reader (`parse_docx`) takes the words that a reader of the document sees and sets them on pages of the
gateway's own; `draw_typed` gives their pixels, a few pages at a time. From there on a document is pages like any other:
policies name pages and texts on them, people draw regions. Out: as `write_document` says, or `write_docx` where the
policy wants the form of the original.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.base.progress import Steps, unwatched
from gateway.formats import pdf_bounds, write_docx
from gateway.formats.archive_bounds import MAX_MEMBERS, MAX_RATIO, MAX_TOTAL_BYTES
from gateway.formats.model import Content, DocumentOutput, Mark, Pages, Plan, Rebuilt
from gateway.formats.pages import PagesFormat, pages_in
from gateway.formats.ports import NOTHING
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.formats.surface import Spot, Surface, surface_of
from gateway.formats.typed import MAX_CHARACTERS, MAX_COLUMNS, MAX_PARAGRAPHS
from gateway.formats.typed_reader import Sentences, TypedReader
from gateway.formats.write_document import MEDIA_TYPE as PDF
from gateway.sandbox.ports import Sandbox

DOCX = write_docx.MEDIA_TYPE
PARSE_TASK = "gateway.formats.parse_docx:parse"

_LOCAL_MAGIC = b"PK\x03\x04"
_NAME_AT = 30
_OFFICE_STARTS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"customXml/")
_OTHER_OFFICE = (b"xl/", b"ppt/", b"visio/")
_DAMAGED = (DocumentRefused, "The Word document is damaged or was put together by hand; open it and save it anew.")
_SENTENCES: Sentences = MappingProxyType(
    {
        "empty": (DocumentRefused, "The file is empty; send the document itself."),
        "compound-file": (DocumentRefused, "The Word document has a password; remove it and save the document anew."),
        "encrypted": (DocumentRefused, "The Word document is encrypted; remove its password and save it anew."),
        "no-document": (DocumentRefused, "The file is an archive but no Word document; save the document as DOCX."),
        "no-text": (DocumentRefused, "The Word document shows no text; send the document itself, or its pictures."),
        "archive-broken": _DAMAGED,
        "archive-names": _DAMAGED,
        "archive-overlap": _DAMAGED,
        "part-missing": _DAMAGED,
        "xml": _DAMAGED,
        "xml-foreign": _DAMAGED,
        "archive-borders": (
            DocumentRefused,
            "The file has bytes before its beginning or behind its end; open it and save it anew as DOCX.",
        ),
        "archive-large": (
            DocumentTooLarge,
            (
                f"Unpacked the Word document would have more than {MAX_MEMBERS} parts, {MAX_TOTAL_BYTES >> 20} MiB or "
                f"{MAX_RATIO} times its size; split it or print it into a PDF."
            ),
        ),
        "part-large": (DocumentTooLarge, "A part of the Word document is larger than any text needs; split it."),
        "parts": (DocumentTooLarge, "The Word document holds too much beside its text; print it into a PDF."),
        "tracked": (
            DocumentRefused,
            "The Word document has tracked changes; accept or reject the changes first, and save it anew.",
        ),
        "included": (
            DocumentRefused,
            "The Word document includes another file; open it and save everything in one document.",
        ),
        "unwritable": (
            DocumentRefused,
            (
                "Paragraph {paragraph} of the Word document has a character that cannot be typed here; replace it, or "
                "print the document into a PDF."
            ),
        ),
        "nested": (DocumentRefused, "The Word document is nested too deeply; print it into a PDF."),
        "columns": (DocumentTooLarge, f"A table has more than {MAX_COLUMNS} columns; send it as XLSX or CSV."),
        "long": (
            DocumentTooLarge,
            f"The Word document has more than {MAX_PARAGRAPHS} paragraphs or {MAX_CHARACTERS} characters; split it.",
        ),
        "pages": (DocumentTooLarge, f"The Word document has more than {pdf_bounds.MAX_PAGES} pages; split it."),
    }
)
# What stays behind, as redactions call it.
_LEFT_BEHIND = MappingProxyType(
    {
        "alternative": "format:alternative-text",
        "comment": "format:comment",
        "custom": "format:custom-data",
        "field": "format:field-instruction",
        "footer": "format:footer",
        "formula": "format:formula",
        "header": "format:header",
        "hidden": "format:hidden-text",
        "link": "format:link",
        "macro": "format:macro",
        "number": "format:list-number",
        "object": "format:embedded-object",
        "picture": "format:picture",
        "property": "format:property",
        "symbol": "format:symbol",
        "tracked-formatting": "format:tracked-formatting",
        "unread": "format:unread-text",
    }
)


class DocumentDocx(PagesFormat):
    """The format of Word documents."""

    name = "document-docx"
    media_types: tuple[str, ...] = (DOCX,)
    extensions: Mapping[str, str] = MappingProxyType({PDF: "pdf", DOCX: "docx"})

    def sniff(self, head: bytes) -> str | None:
        """By the archive's first member, and one of the document's own near it."""
        if not head.startswith(_LOCAL_MAGIC) or not head[_NAME_AT:].startswith(_OFFICE_STARTS):
            return None
        return DOCX if b"word/" in head and not any(one in head for one in _OTHER_OFFICE) else None

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Pages:
        """The document typed anew; there is nothing to declare. Raises `DocumentRefused` or `DocumentTooLarge`."""
        del steps  # one parse says nothing before its end
        if declared:
            raise DocumentRefused("A document has neither sheet nor encoding nor delimiter; take that out.")
        return TypedReader(sandbox, PARSE_TASK, _SENTENCES, self._limits).read(untrusted_original, media_type)

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """A page as it was set."""
        return surface_of(self.read(untrusted_original, media_type, sandbox), spot)

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """Everything that a Word document may hold besides the words that it shows."""
        return {_LEFT_BEHIND[sort]: count for sort, count in pages_in(content).counts.items() if count}

    def written(self, pages: Pages, plan: Plan, mark: Mark) -> Rebuilt:
        """A PDF of the pages, or a Word document of their paragraphs where the plan wants the form of the original."""
        if plan.document is DocumentOutput.AS_ORIGINAL:
            return write_docx.rebuild(pages, plan, mark)
        return super().written(pages, plan, mark)
