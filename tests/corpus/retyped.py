"""What is typed anew: Word documents and e-mail messages with something in every hiding place."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage
from functools import partial

from gateway.detect.text import classes_of
from gateway.formats.document_docx import DOCX, DocumentDocx
from gateway.formats.document_eml import EML
from gateway.policy.answers import Answers, Region
from gateway.sandbox.ports import Sandbox
from tests.corpus.places import Hiding, Maker, Specimen
from tests.support import planted_word
from tests.support.originals import Planted

SHOWN = "Framework supply agreement"


def docx(output: dict[str, str], sandbox: Sandbox, hide: Hiding) -> Specimen:
    """A contract of one page. Where its region lies is known once it is typed."""
    data = planted_word.planted_document(hide)
    (page,) = DocumentDocx(classes_of).read(data, DOCX, sandbox).pages
    place = [one.box for one in page.words if one.text == hide("region")][-1]
    answers = Answers(regions=(Region("drawing", place, 1),), terms=(hide("term"),), confirmed=True)
    name = f"{hide('name of the file')}.docx"
    original = Planted(hide.label, "contract", DOCX, name, data, tuple(hide.secrets.values()), answers)
    return Specimen(original, hide.secrets, SHOWN, output=output)


def eml(hide: Hiding) -> Specimen:
    """A message with everything beside its text that a program can put there."""
    answers = Answers(terms=(hide("term that may stand nowhere"),), confirmed=True)
    name = f"{hide('name of the file')}.eml"
    original = Planted(hide.label, "correspondence", EML, name, _message(hide), tuple(hide.secrets.values()), answers)
    return Specimen(original, hide.secrets, SHOWN)


def _message(hide: Callable[[str], str]) -> bytes:
    one = EmailMessage()
    one["Return-Path"] = f"<{hide('return path')}@example.com>"
    one["Received"] = f"from {hide('host that passed it on')} by mail.example.com; Mon, 2 Mar 2026 10:00:00 +0100"
    one["From"] = f"Sales <{hide('address of the sender')}@example.com>"
    one["To"] = f"Licence office <{hide('address of a recipient')}@example.cn>"
    one["Bcc"] = f"{hide('blind copy')}@example.com"
    one["Reply-To"] = f"{hide('address for answers')}@example.com"
    one["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    one["Subject"] = SHOWN
    one["Message-ID"] = f"<{hide('identity of the message')}@example.com>"
    one["In-Reply-To"] = f"<{hide('message that is answered')}@example.com>"
    one["X-Mailer"], one["Organization"] = hide("program of the sender"), hide("organisation of the sender")
    one["Keywords"], one["Comments"] = hide("keywords"), hide("comment on the message")
    one["X-Spam-Report"] = f"score=0 {hide('report of a filter')}"
    one.set_content(
        f"The magnets are for civil traction motors.\n\nContact: {hide('address in the text')}@example.com\n\n"
        f"Unit price {hide('price in the text')}\n\nDelivery to {hide('term that may stand nowhere')}\n"
    )
    one.add_alternative(
        f"<p>Hello</p><!-- {hide('comment in HTML')} --><p style='display:none'>{hide('hidden text in HTML')}</p>"
        f"<img src='https://{hide('address of a picture')}.example/a.png' alt='{hide('text for a picture')}'>",
        subtype="html",
    )
    calendar = f"BEGIN:VCALENDAR\nSUMMARY:{hide('title of an appointment')}\nEND:VCALENDAR\n"
    one.add_attachment(calendar, subtype="calendar", filename=f"{hide('name of an attached appointment')}.ics")
    one.add_attachment(
        f"{hide('attached text')}\n",
        filename=f"{hide('name of an attached text')}.txt",
        cid=f"<{hide('identity of an attached text')}@example.com>",
        params={"x-note": hide("parameter of an attached text")},
    )
    one.add_attachment(hide("attached bytes").encode(), maintype="application", subtype="octet-stream")
    one.add_attachment(_within(hide))
    one.preamble, one.epilogue = hide("text before the parts"), hide("text behind the parts")
    one.set_boundary(f"=={hide('border between parts')}==")
    return one.as_bytes()


def _within(hide: Callable[[str], str]) -> EmailMessage:
    one = EmailMessage()
    one["From"] = f"{hide('sender of an attached message')}@example.com"
    one["Subject"] = hide("subject of an attached message")
    one.set_content(hide("text of an attached message"))
    return one


MAIL: dict[str, Maker] = {"eml": eml}
# In both forms in which a document may leave.
WORD: dict[str, Callable[[Sandbox, Hiding], Specimen]] = {
    "docx": partial(docx, {}),
    "docx, as DOCX": partial(docx, {"document": "as_original"}),
}
