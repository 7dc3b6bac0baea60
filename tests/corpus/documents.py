"""A PDF with something in every hiding place: on the page and not seen, beside the pages, and behind the end."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image

from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from tests.corpus.places import Hiding, Specimen
from tests.support.documents import line, page, stream
from tests.support.originals import Planted

SHOWN = "Framework supply agreement"


def pdf(hide: Hiding) -> Specimen:
    """A contract of one page."""
    term = hide("term that may stand nowhere")
    answers = Answers(
        regions=(Region("drawing", Box(900, 1700, 200, 100), 1),), terms=(term,), confirmed=True
    )  # fmt: skip
    name = f"{hide('name of the file')}.pdf"
    original = Planted(
        hide.label, "contract", "application/pdf", name, planted(hide, term), tuple(hide.secrets.values()), answers
    )
    return Specimen(original, hide.secrets, SHOWN)


def planted(hide: Callable[[str], str], term: str) -> bytes:
    """The document; its objects from 6 on are what hides beside the page."""
    objects = _Objects(first=6)
    layer = objects.add(f"<< /Type /OCG /Name ({hide('name of a layer')}) >>")
    form = objects.add(_form(hide("field that is filled in and hidden"), hide("name of a field")))
    kids = objects.add_all(_annotations(hide))
    picture = objects.add(_picture(hide("comment of a picture on the page")))
    file = objects.add(stream(hide("attached file").encode(), "/Type /EmbeddedFile", packed=True))
    attached = hide("name of an attached file")
    spec = objects.add(
        f"<< /Type /Filespec /F ({attached}) /UF ({attached}) /Desc ({hide('description of an attached file')})"
        f" /EF << /F {file} 0 R >> >>"
    )
    script = objects.add(f"<< /S /JavaScript /JS (app.alert\\('{hide('script')}'\\)) >>")
    entry = objects.next + 1
    outlines = objects.add(f"<< /Type /Outlines /First {entry} 0 R /Last {entry} 0 R /Count 1 >>")
    objects.add(f"<< /Title ({hide('bookmark')}) /Parent {outlines} 0 R /Dest [3 0 R /Fit] >>")
    tree = objects.next
    objects.add(
        f"<< /Type /StructTreeRoot /K << /S /Figure /Pg 3 0 R /Alt ({hide('alternative text')})"
        f" /ActualText ({hide('actual text')}) /E ({hide('expansion of a short form')})"
        f" /T ({hide('title of an element')}) /P {tree} 0 R /K 0 >> >>"
    )
    metadata = objects.add(
        stream(
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>{hide("XMP")}</dc:title>'
            f"<!-- {hide('comment in XMP')} --></x:xmpmeta>".encode(),
            "/Type /Metadata /Subtype /XML",
        )
    )
    info = objects.add(
        "<< "
        + " ".join(
            f"/{key} ({hide(f'{key.lower()} of the document')})"
            for key in ("Author", "Keywords", "Title", "Subject", "Creator", "Producer", "Company")
        )
        + " >>"
    )
    thumbnail = objects.add(
        stream(hide("letters in the page's thumbnail").encode().ljust(48), "/Width 4 /Height 4 /ColorSpace /DeviceRGB")
    )
    objects.add(stream(line(hide("content that no page uses")), packed=True))
    objects.add(f"<< /Type /Unused >> % {hide('comment in an object')}")
    objects.add(f"<< /Type /Unused /V <{hide('hexadecimal string that nothing refers to').encode().hex()}> >>")
    profile = objects.add(stream(hide("profile of an output intent").encode(), "/N 3", packed=True))
    wide = hide("string in UTF-16").encode("utf-16-be").hex()
    data = page(
        _content(hide, term),
        *objects.made,
        page=f"/Annots [{' '.join(f'{kid} 0 R' for kid in (form, *kids))}] /StructParents 0 /Thumb {thumbnail} 0 R "
        f"/PieceInfo << /Editor << /Private ({hide('private data of an editor')}) >> >>",
        resources=f"/Properties << /L {layer} 0 R >> /XObject << /P {picture} 0 R >>",
        catalog=f"/OCProperties << /OCGs [{layer} 0 R] /D << /OFF [{layer} 0 R] >> >> /Metadata {metadata} 0 R "
        f"/Outlines {outlines} 0 R /StructTreeRoot {tree} 0 R "
        f"/AcroForm << /Fields [{form} 0 R] /XFA ({hide('form in XML')}) >> "
        f"/PageLabels << /Nums [0 << /P ({hide('label of a page')}) >>] >> /Lang ({hide('language')}) "
        f"/Dests << /{hide('name of a destination')} [3 0 R /Fit] >> /PieceInfo << /E << /Private <FEFF{wide}> >> >> "
        f"/OutputIntents [<< /Type /OutputIntent /S /GTS_PDFX /OutputCondition ({hide('name of an output intent')}) "
        f"/DestOutputProfile {profile} 0 R >>] /URI << /Base (http://{hide('base of all links')}.example/) >> "
        f"/Names << /JavaScript << /Names [({hide('name of a script')}) {script} 0 R] >> "
        f"/EmbeddedFiles << /Names [(a) {spec} 0 R] >> >>",
    )
    data = data.replace(b"/Root 1 0 R", f"/Root 1 0 R /Info {info} 0 R /Note ({hide('trailer')})".encode())
    return data + f"% {hide('comment behind the end')}\n{hide('bytes behind the end')}".encode()


def _content(hide: Callable[[str], str], term: str) -> bytes:
    return b"".join(
        (
            line(SHOWN, 780),
            line(f"Contact: {hide('e-mail address on the page')}@example.com", 750),
            line(f"Unit price {hide('price on the page')}", 720),
            line(f"Delivery to {term}", 690),
            line(hide("white letters"), 660, extra="1 g"),
            line(hide("invisible letters"), 630, extra="3 Tr"),
            line(hide("letters under a box"), 600) + b"0 g 60 590 300 30 re f\n",
            line(hide("letters outside of the page"), 1900),
            b"/OC /L BDC " + line(hide("hidden layer"), 570) + b"EMC\n",
            line(hide("letters of less than a point"), 540, size=0.9),
            line(hide("faint letters"), 510, extra="0.98 g"),
            line(hide("letters that clip"), 480, extra="7 Tr"),
            b"q 0 0 5 5 re W n " + line(hide("letters clipped away"), 450) + b"Q\n",
            f"/Span << /ActualText ({hide('actual text on the page')}) >> BDC ".encode()
            + line("Annex", 420)
            + b"EMC\n",
            f"% {hide('comment in the content')}\n".encode(),
            b"q 40 0 0 40 500 60 cm /P Do Q\n",
        )
    )


def _annotations(hide: Callable[[str], str]) -> list[str]:
    head = "<< /Type /Annot /Rect [72 {0} 172 {1}] /Subtype"
    bodies = (
        f"/Text /Contents ({hide('note')}) /T ({hide('author of a note')}) /Subj ({hide('subject of a note')})",
        f"/Popup /Contents ({hide('pop-up')})",
        f"/Stamp /Contents ({hide('stamp')}) /Name /{hide('name of a stamp')}",
        f"/Link /A << /S /URI /URI (https://{hide('target of a link')}.example) >>",
        f"/FreeText /F 2 /DA (/F 9 Tf) /Contents ({hide('free text that is hidden')})",
        f"/Redact /OverlayText ({hide('text over a redaction that was never carried out')})",
        (
            f"/Highlight /QuadPoints [72 300 172 300 72 310 172 310] /Contents ({hide('highlight')})"
            f" /RC (<p>{hide('rich text of a note')}</p>)"
        ),
        f"/Link /A << /S /Launch /F ({hide('program to be launched')}) >>",
    )
    return [f"{head.format(300 + 20 * at, 310 + 20 * at)} {body} >>" for at, body in enumerate(bodies)]


def _form(value: str, name: str) -> str:
    return f"<< /Type /Annot /Rect [72 40 172 60] /Subtype /Widget /FT /Tx /T ({name}) /V ({value}) /F 2 >>"


def _picture(comment: str) -> bytes:
    sink = io.BytesIO()
    Image.new("RGB", (16, 16), (120, 130, 120)).save(sink, "JPEG", comment=comment.encode())
    extra = "/Type /XObject /Subtype /Image /Width 16 /Height 16 /ColorSpace /DeviceRGB /BitsPerComponent 8"
    return stream(sink.getvalue(), f"{extra} /Filter /DCTDecode")


class _Objects:
    """Objects in the order of their numbers."""

    def __init__(self, first: int) -> None:
        self.made: list[str | bytes] = []
        self._first = first

    @property
    def next(self) -> int:
        """The number of the next one."""
        return self._first + len(self.made)

    def add(self, body: str | bytes) -> int:
        """One more; its number."""
        self.made.append(body)
        return self.next - 1

    def add_all(self, bodies: list[str]) -> list[int]:
        """Several; their numbers."""
        return list(map(self.add, bodies))


DOCUMENTS: dict[str, Callable[[Hiding], Specimen]] = {"pdf": pdf}
