"""A document with something in every hiding place: nothing of it travels, and the gate would stop the original."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.formats.model import Box
from gateway.policy.answers import Answers, Region
from gateway.render.model import State
from gateway.residue.gate import check
from gateway.residue.model import DocumentExpectation, WithheldSet, WithheldValue
from tests.support import journey
from tests.support.documents import line, page, stream
from tests.support.originals import Planted
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)
PLACES = (
    "author", "keywords", "xmp", "white", "invisible", "boxed", "outside", "layer", "layer-name", "tiny", "faint",
    "note", "popup", "stamp", "field", "field-name", "attachment", "attached", "script", "link", "bookmark", "label",
    "alternative", "email", "price", "term", "unused", "behind",
)  # fmt: skip
SHOWN = "Framework supply agreement"


def secret(place: str) -> str:
    """Twelve letters that stand nowhere else."""
    letters = hashlib.sha256(f"{SEED}/{place}".encode()).digest()
    return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])


def planted_document() -> bytes:
    """One page; objects from 6 on are what hides beside it."""
    told = {place: secret(place) for place in PLACES}
    content = b"".join(
        (
            line(SHOWN, 780),
            line(f"Contact: {told['email']}@example.com", 750),
            line(f"Unit price {told['price']}", 720),
            line(f"Delivery to {told['term']}", 690),
            line(told["white"], 660, extra="1 g"),
            line(told["invisible"], 630, extra="3 Tr"),
            line(told["boxed"], 600) + b"0 g 60 590 300 30 re f\n",
            line(told["outside"], 1900),
            b"/OC /L BDC " + line(told["layer"], 570) + b"EMC\n",
            line(told["tiny"], 540, size=0.9),
            line(told["faint"], 510, extra="0.98 g"),
        )
    )
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>{told["xmp"]}</dc:title></x:xmpmeta>'
    annotation = "<< /Type /Annot /Rect [72 400 172 420]"
    data = page(
        content,
        f"<< /Type /OCG /Name ({told['layer-name']}) >>",
        stream(packet.encode(), "/Type /Metadata /Subtype /XML"),
        f"{annotation} /Subtype /Text /Contents ({told['note']}) >>",
        f"{annotation} /Subtype /Popup /Contents ({told['popup']}) >>",
        f"{annotation} /Subtype /Stamp /Contents ({told['stamp']}) >>",
        f"{annotation} /Subtype /Link /A << /S /URI /URI (https://{told['link']}.example) >> >>",
        f"{annotation} /Subtype /Widget /FT /Tx /T ({told['field-name']}) /V ({told['field']}) /F 2 >>",
        f"<< /Type /Filespec /F ({told['attachment']}) /UF ({told['attachment']}) /EF << /F 14 0 R >> >>",
        stream(told["attached"].encode(), "/Type /EmbeddedFile", packed=True),
        f"<< /S /JavaScript /JS (app.alert\\('{told['script']}'\\)) >>",
        "<< /Type /Outlines /First 17 0 R /Last 17 0 R /Count 1 >>",
        f"<< /Title ({told['bookmark']}) /Parent 16 0 R /Dest [3 0 R /Fit] >>",
        f"<< /Type /StructTreeRoot /K << /S /Figure /Pg 3 0 R /Alt ({told['alternative']}) /P 18 0 R /K 0 >> >>",
        f"<< /Author ({told['author']}) /Keywords ({told['keywords']}) >>",
        stream(line(told["unused"]), packed=True),
        page="/Annots [8 0 R 9 0 R 10 0 R 11 0 R 12 0 R] /StructParents 0",
        resources="/Properties << /L 6 0 R >>",
        catalog="/OCProperties << /OCGs [6 0 R] /D << /OFF [6 0 R] >> >> /Metadata 7 0 R /Outlines 16 0 R "
        "/AcroForm << /Fields [12 0 R] >> /StructTreeRoot 18 0 R "
        f"/PageLabels << /Nums [0 << /P ({told['label']}) >>] >> "
        "/Names << /JavaScript << /Names [(a) 15 0 R] >> /EmbeddedFiles << /Names [(a) 13 0 R] >> >>",
    )
    return data.replace(b"/Root 1 0 R", b"/Root 1 0 R /Info 19 0 R") + told["behind"].encode()


def as_original() -> Planted:
    answers = Answers(
        regions=(Region("drawing", Box(900, 1700, 200, 100), 1),), terms=(secret("term"),), confirmed=True
    )
    name = f"{secret('file-name')}.pdf"
    return Planted("contract", "contract", "application/pdf", name, planted_document(), (), answers)


def text_of(pdf: bytes, folder: Path) -> str:
    """What another reader of PDFs than the gateway's two finds in it."""
    path = folder / "read.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", "-layout", str(path), "-"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_nothing_that_hides_in_a_document_travels(own_world: World, tmp_path: Path) -> None:
    one = as_original()
    made = journey.dispatched(own_world, [one])
    rendition = own_world.gateway.renders.get(made.renditions[one.label].id)
    assert rendition.state is State.REVIEWED, f"seed {SEED}: {rendition.reason}"
    files = journey.files(journey.package(own_world, made.release))
    (released,) = (data for name, data in files.items() if name.startswith("files/"))
    assert released.startswith(b"%PDF-")
    said = text_of(released, tmp_path)
    assert SHOWN in said
    everything = [said, *(data.decode("latin-1") for data in files.values())]
    for place in (*PLACES, "file-name"):
        assert not [text for text in everything if secret(place) in text], f"seed {SEED}: {place}"


def test_the_gate_stops_the_original_whatever_is_said_of_it() -> None:
    data = planted_document()
    expectation = DocumentExpectation(sizes_px=((1652, 2338),), boxes=((),), mark_text="nobody")
    withheld = WithheldSet(tuple(WithheldValue(secret(place), place) for place in PLACES))
    assert not check(data, expectation, withheld).clean
