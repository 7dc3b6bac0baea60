"""E-mail messages: EML in, a new PDF out, typed anew from sender, recipients, date, subject and plain text.

In: the sandboxed reader (`parse_eml`); from there on a message is pages like any other document (`pages`). Attachments
are originals of their own and stay behind, as do all other fields of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.base.progress import Steps, unwatched
from gateway.formats import pdf_bounds
from gateway.formats.mail_types import is_mail
from gateway.formats.model import Content, Pages
from gateway.formats.pages import PagesFormat, pages_in
from gateway.formats.ports import NOTHING
from gateway.formats.problems import DocumentRefused, DocumentTooLarge
from gateway.formats.surface import Spot, Surface, surface_of
from gateway.formats.typed import MAX_CHARACTERS, MAX_PARAGRAPHS
from gateway.formats.typed_reader import Sentences, TypedReader
from gateway.formats.write_document import MEDIA_TYPE as PDF
from gateway.sandbox.ports import Sandbox

EML = "message/rfc822"
PARSE_TASK = "gateway.formats.parse_eml:parse"

_DAMAGED = (
    DocumentRefused,
    "The message is damaged or was put together by hand; print it into a PDF.",
)
_SENTENCES: Sentences = MappingProxyType(
    {
        "empty": (DocumentRefused, "The file is empty; send the message itself."),
        "message": (DocumentRefused, "The file is no e-mail message; save the message as EML."),
        "damaged": _DAMAGED,
        "nested": (DocumentRefused, "The message is nested too deeply; send the messages in it one by one."),
        "twice": (
            DocumentRefused,
            "The message names its sender, recipients, date or subject twice; print it into a PDF.",
        ),
        "encrypted": (DocumentRefused, "The message is encrypted; decrypt it and save it anew."),
        "charset": (DocumentRefused, "The message is in a character set that is not read here; print it into a PDF."),
        "no-plain-text": (
            DocumentRefused,
            "The message has no plain text beside its HTML; print it into a PDF.",
        ),
        "no-text": (DocumentRefused, "The message has no text; send what is attached to it."),
        "unwritable": (
            DocumentRefused,
            "The message has a character that cannot be typed here; replace it, or print the message into a PDF.",
        ),
        "long": (
            DocumentTooLarge,
            f"The message has more than {MAX_PARAGRAPHS} paragraphs or {MAX_CHARACTERS} characters; split it.",
        ),
        "parts": (
            DocumentTooLarge,
            "The message has more parts and fields than any needs; print it into a PDF.",
        ),
        "pages": (DocumentTooLarge, f"The message has more than {pdf_bounds.MAX_PAGES} pages; print it into a PDF."),
    }
)
_LEFT_BEHIND = MappingProxyType(
    {"alternative": "format:html-text", "attachment": "format:attachment", "envelope": "format:message-field"}
)


class DocumentEml(PagesFormat):
    """The format of e-mail messages."""

    name = "document-eml"
    media_types: tuple[str, ...] = (EML,)
    extensions: Mapping[str, str] = MappingProxyType({PDF: "pdf"})

    def sniff(self, head: bytes) -> str | None:
        """By the fields that a message begins with."""
        return EML if is_mail(head) else None

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Pages:
        """The message typed anew; there is nothing to declare. Raises `DocumentRefused` or `DocumentTooLarge`."""
        del steps  # one parse says nothing before its end
        if declared:
            raise DocumentRefused("A message has neither sheet nor encoding nor delimiter; take that out.")
        return TypedReader(sandbox, PARSE_TASK, _SENTENCES, self._limits).read(untrusted_original, media_type)

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """A page as it was set."""
        return surface_of(self.read(untrusted_original, media_type, sandbox), spot)

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """Attachments, other fields and other forms of the text."""
        return {_LEFT_BEHIND[sort]: count for sort, count in pages_in(content).counts.items() if count}
