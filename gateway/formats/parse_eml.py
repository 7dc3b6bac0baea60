"""The reader of e-mail messages (RFC 5322, MIME). It runs only in the sandbox's child.

1. The message is one whole: no part of it is broken, encrypted, nested deeper than ten, and no field that a reader sees
   stands in it twice.
2. Sender, recipients, date and subject are read as a table, then the message's own plain text, line by line. A message
   without plain text is refused: what of an HTML text is seen cannot be told from its words.
3. Everything else is told as text, so that it can be searched for: all other fields, blind copies among them, names of
   attachments, other forms of the text. Attachments are counted; each is an original of its own.
"""

from __future__ import annotations

import codecs
import email
import email.policy
from collections.abc import Iterator, Mapping
from email.message import EmailMessage

from gateway.base.canon import Json
from gateway.formats.docx_words import plain
from gateway.formats.typed import Cell, Paragraph, Style
from gateway.formats.typed_answer import answer
from gateway.sandbox.task import Answer, TaskRefused

SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MAX_DEPTH, _MAX_MIME_PARTS = 10, 200
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"})
_SEEN = frozenset({*SHOWN, "Mime-Version", "Content-Type", "Content-Transfer-Encoding"})
_WIDTHS = (1, 5)
_CHARSETS = (
    "ascii", "utf-8", "latin-1", "iso8859-15", "cp1252", "gb2312", "gbk", "gb18030", "big5", "shift_jis", "iso2022_jp",
    "euc_jp", "euc_kr", "koi8-r", "cp1251", "cp1250", "iso8859-2",
)  # fmt: skip
# Python would look for each of these in a file of its own, when it is first used.
for _charset in _CHARSETS:
    codecs.lookup(_charset)
# The library takes fields apart when they are asked for, and not every damaged one without an error of its own.
_BROKEN = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, AssertionError, RecursionError)
_KNOWN = frozenset(codecs.lookup(charset).name for charset in _CHARSETS)
_SAMPLE = b"""From: =?utf-8?q?a?= <a@b.c>
To: a@b.c, g: d@e.f;
Date: Mon, 2 Mar 2026 10:00:00 +0100
Subject: =?gb18030?b?YQ==?=
Message-ID: <a@b>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8; format=flowed
Content-Transfer-Encoding: base64

YQ==
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

a
--b
Content-Disposition: attachment; filename*=utf-8''a

x
--b--
"""


def parse(_request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """One blob of JSON: pages, blocks, parts and counts, as `typed_reader` reads them."""
    if not untrusted:
        raise TaskRefused("empty")
    try:
        message = email.message_from_bytes(untrusted, policy=email.policy.default)
        if not isinstance(message, EmailMessage):
            raise TaskRefused("message")
        reader = _Reader(message)
        counts, asides = reader.beside()
        paragraphs = reader.paragraphs()
    except _BROKEN as error:
        raise TaskRefused("damaged") from error
    return answer(paragraphs, [_WIDTHS], counts, asides)


class _Reader:
    """One message, taken apart."""

    def __init__(self, message: EmailMessage) -> None:
        self._message = message
        self._parts = list(_leaves(message, 0))
        if len(self._parts) > _MAX_MIME_PARTS:
            raise TaskRefused("parts")
        inline = [part for part in self._parts if not part.is_attachment() and part.get_filename() is None]
        texts = [part for part in inline if part.get_content_type() == "text/plain"]
        if not texts:
            raise TaskRefused("no-plain-text")
        self._texts = texts
        self._others = [part for part in self._parts if all(part is not text for text in texts)]

    def paragraphs(self) -> list[Paragraph]:
        """The fields that a reader sees, in a table, then the text."""
        found = []
        for row, name in enumerate(SHOWN):
            values = self._message.get_all(name, [])
            if len(values) > 1:
                raise TaskRefused("twice")
            if values:
                shown = " ".join(plain(str(values[0]).replace("\n", " ")).split())
                found += [Paragraph(name, cell=Cell(0, row, 0)), Paragraph(shown, cell=Cell(0, row, 1))]
        if not found:
            raise TaskRefused("message")
        for part in self._texts:
            found += [Paragraph(text, Style.BODY) for text in _stanzas(_decoded(part), part)]
        return found

    def beside(self) -> tuple[dict[str, int], dict[str, list[str]]]:
        """How much of what never leaves, and by sort the texts of what can be searched for."""
        fields = [
            f"{name}: {value}"
            for part in (self._message, *self._parts)
            for name, value in part.items()
            if name.title() not in _SEEN
        ]
        names = [name for part in self._others if (name := part.get_filename())]
        texts = [_decoded(part) for part in self._others if part.get_content_type() == "text/html"]
        asides = {"envelope": fields, "attachment": names, "alternative": texts}
        told = {sort: [" ".join(plain(text).split()) for text in found] for sort, found in asides.items()}
        return {"attachment": len(self._others) - len(texts)}, told


def _leaves(part: EmailMessage, depth: int) -> Iterator[EmailMessage]:
    """The parts that hold something, in order. A message in the message is one of them, and not opened."""
    if depth > _MAX_DEPTH:
        raise TaskRefused("nested")
    if part.get_content_type() in _ENCRYPTED:
        raise TaskRefused("encrypted")
    if part.defects:
        raise TaskRefused("damaged")
    if part.get_content_maintype() != "multipart":
        yield part
        return
    for one in part.iter_parts():
        if not isinstance(one, EmailMessage):
            raise TaskRefused("damaged")
        yield from _leaves(one, depth + 1)


def _decoded(part: EmailMessage) -> str:
    """A part's text, strictly in the character set that it names."""
    charset = part.get_content_charset() or "ascii"
    data = part.get_payload(decode=True)
    try:
        known = codecs.lookup(charset).name if isinstance(data, bytes) else ""
        if known not in _KNOWN or not isinstance(data, bytes):
            raise TaskRefused("charset")
        return data.decode("cp1252" if known == "iso8859-1" else known)
    except (LookupError, ValueError) as error:
        raise TaskRefused("charset") from error


def _stanzas(text: str, part: EmailMessage) -> Iterator[str]:
    """The text by its blank lines. Lines that were broken only to be sent (RFC 3676) are one again."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if part.get_param("format", "", unquote=True) == "flowed":
        lines = "\n".join(lines).replace(" \n", " ").split("\n")
    stanza: list[str] = []
    for line in [*lines, ""]:
        shown = " ".join(plain(line).split())
        if shown:
            stanza.append(shown)
        elif stanza:
            yield "\n".join(stanza)
            stanza = []


def _rehearse() -> None:
    """Read one message, so that everything that reading needs is loaded: behind the walls nothing can be."""
    parse({}, _SAMPLE)


_rehearse()
