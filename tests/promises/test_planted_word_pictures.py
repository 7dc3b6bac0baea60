"""A Word document whose pictures hide things: allowed to leave, they leave as the pixels that are seen of them, and no
other of them leaves at all.
"""

from __future__ import annotations

import base64
import hashlib
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, PngImagePlugin

from gateway.base.canon import Json
from gateway.detect.text import classes_of
from gateway.formats.document_docx import PARSE_TASK as WORD_TASK
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.typed_reader import DRAW_TASK
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.policy.model import Rule
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.residue.gate import check
from gateway.residue.model import RetypedExpectation, WithheldSet, WithheldValue
from gateway.sandbox.process import ProcessSandbox
from tests.support import pages, word
from tests.support.word import docx, p, picture

SEED = random.SystemRandom().randrange(1 << 32)
PLACES = (
    "exif", "xmp", "jpeg-comment", "behind-the-jpeg", "png-text", "behind-the-png", "exif-thumbnail", "thumbnail",
    "alternative", "title", "name-of-the-picture", "link", "fallback", "vml-title", "media-name", "unused-media",
    "unused-text",
)  # fmt: skip
SEEN, CUT, LINKED, OTHER, VML = (70, 160, 90), (250, 10, 240), (240, 250, 10), (10, 240, 250), (250, 140, 10)
NEVER = {"cut away": CUT, "linked": LINKED, "not shown": OTHER, "VML": VML}
LIBRARY = load_library()


def secret(place: str) -> str:
    """Twelve letters that stand nowhere else."""
    letters = hashlib.sha256(f"{SEED}/{place}".encode()).digest()
    return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])


def flat(colour: tuple[int, int, int], kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 60), colour).save(out, kind)
    return out.getvalue()


def halves() -> Image.Image:
    """What is seen on the left, what is cut away on the right."""
    image = Image.new("RGB", (400, 300), SEEN)
    image.paste(CUT, (200, 0, 400, 300))
    return image


def jpeg() -> bytes:
    told = Image.Exif()
    told[0x010E] = secret("exif")
    told[0x9286] = secret("exif-thumbnail")
    out = io.BytesIO()
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{secret('xmp')}</x:xmpmeta>".encode()
    halves().save(out, "JPEG", exif=told, xmp=xmp, comment=secret("jpeg-comment"), quality=95, subsampling=0)
    return out.getvalue() + secret("behind-the-jpeg").encode()


def png() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", secret("png-text"), zip=True)
    out = io.BytesIO()
    halves().save(out, "PNG", pnginfo=told)
    return out.getvalue() + secret("behind-the-png").encode()


def planted() -> bytes:
    cut = 'r="52000"'
    shown = picture("r3", (5, 4), cut=cut)
    alternate = (
        "<w:r><mc:AlternateContent><mc:Choice Requires='wps'>"
        + picture("r3", (5, 4), cut=cut).removeprefix("<w:r>").removesuffix("</w:r>")
        + f"</mc:Choice><mc:Fallback>{picture('r5').removeprefix('<w:r>').removesuffix('</w:r>')}"
        + f"<w:t>{secret('fallback')}</w:t></mc:Fallback></mc:AlternateContent></w:r>"
    )
    vml = f'<w:r><w:pict><v:shape alt="{secret("vml-title")}"><v:imagedata r:id="r6"/></v:shape></w:pict></w:r>'
    named = f'descr="{secret("alternative")}" title="{secret("title")}"'
    return docx(
        p("Framework supply agreement", style="T"),
        p("Front ", picture("r2", (5, 4), cut=cut, named=named)),
        p("Side ", shown.replace('name="n"', f'name="{secret("name-of-the-picture")}"')),
        p("Either ", alternate),
        p("Linked ", picture("x0", embed="link"), picture("r4").replace("<a:blip ", '<a:blip r:link="x0" ')),
        p("Drawn ", vml),
        parts={
            f"media/{secret('media-name')}.jpeg": ("image", jpeg()),
            "media/image2.png": ("image", png()),
            "media/image3.png": ("image", flat(LINKED)),
            "media/image4.png": ("image", flat(OTHER)),
            "media/image5.png": ("image", flat(VML)),
        },
        raw={
            "docProps/thumbnail.jpeg": flat(CUT, "JPEG") + secret("thumbnail").encode(),
            "word/media/unused.png": flat(OTHER) + secret("unused-media").encode(),
            "word/media/unused.xml": f"<a>{secret('unused-text')}</a>",
        },
        links=(f"https://{secret('link')}.example/a.png",),
    )


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((WORD_TASK, DRAW_TASK, walled.TASK))
    yield walls
    walls.close()


def rendered(
    form: str,
    walls: ProcessSandbox,
    *,
    showing: bool = True,
    present: bool = False,
    answers: Answers | None = None,
    original: bytes | None = None,
) -> Outcome:
    policy = LIBRARY.policy("cn-mofcom-single.contract")
    because: Json = {"code": "REQ", "basis": "Contract, annex 1", "asked_for": "item-1"}
    body = {"id": "photos", "select": {"pictures": ["all"]}, "do": "allow", "because": because}
    allow = Rule.model_validate({**body, **({"present": "required"} if present else {})})
    rules = (*policy.rules, allow) if showing else policy.rules
    return render(
        Job(
            untrusted_original=original or planted(),
            media_type=word.DOCX,
            file_name="contract.docx",
            form=DocumentDocx(classes_of),
            kind=LIBRARY.kind("contract"),
            policy=replace(policy, rules=rules, output=policy.output.model_copy(update={"document": form})),
            context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
            on=date(2026, 3, 2),
            answers=answers or Answers(confirmed=True),
            mark=pages.MARK,
            secret=bytes(32),
            statements=LIBRARY.statements,
        ),
        walls,
    )


def looked_at(data: bytes) -> list[np.ndarray]:
    """All pixels of a rendition."""
    if data.startswith(b"%PDF"):
        document = pdfium.PdfDocument(data)
        return [np.asarray(page.render(scale=2).to_pil().convert("RGB")) for page in document]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        media = [name for name in archive.namelist() if "/media/" in name]
        return [np.asarray(Image.open(io.BytesIO(archive.read(name))).convert("RGB")) for name in media]


def has(pixels: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((np.abs(pixels.astype(int) - colour).max(axis=2) < 40).sum() > 40)


def texts_of(data: bytes) -> list[str]:
    told = [data]
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            told += [*map(archive.read, archive.namelist()), " ".join(archive.namelist()).encode()]
    told += [base64.b64encode(one) for one in told]
    return [one.decode(charset, "replace") for one in told for charset in ("latin-1", "utf-16-le")]


def made(outcome: Outcome) -> bytes:
    assert (outcome.state, outcome.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert outcome.rebuilt is not None
    return outcome.rebuilt.data


@pytest.mark.parametrize("form", ["pdf", "as_original"])
def test_of_pictures_that_leave_only_what_is_seen_leaves(form: str, sandbox: ProcessSandbox) -> None:
    outcome = rendered(form, sandbox)
    data = made(outcome)
    told, seen = texts_of(data), looked_at(data)
    assert [place for place in PLACES if any(secret(place) in one for one in told)] == [], f"seed {SEED}"
    assert any(has(one, SEEN) for one in seen)
    assert [what for what, colour in NEVER.items() if any(has(one, colour) for one in seen)] == []
    assert outcome.rebuilt is not None
    assert outcome.rebuilt.redactions["format:picture"] == 3
    assert len(seen) == (1 if form == "pdf" else 3)


@pytest.mark.parametrize("form", ["pdf", "as_original"])
def test_pictures_stay_unless_a_rule_names_them_and_the_index_says_so(form: str, sandbox: ProcessSandbox) -> None:
    outcome = rendered(form, sandbox, showing=False)
    seen = looked_at(made(outcome))
    assert not any(has(one, SEEN) for one in seen)
    assert [line["item"] for line in outcome.index if line["item"].startswith("Picture")] == [
        "Picture in the document / 文档中的图片"
    ]


def test_an_answer_leaves_one_out(sandbox: ProcessSandbox) -> None:
    outcome = rendered("as_original", sandbox, answers=Answers(columns={"picture/2": "drop"}, confirmed=True))
    assert len(looked_at(made(outcome))) == 2
    refused = rendered("pdf", sandbox, answers=Answers(columns={"picture/2": "photo"}, confirmed=True))
    assert (refused.state, "drop or not at all" in (refused.reason or "")) == (State.REFUSED, True)


def test_the_gate_alone_would_stop_the_original() -> None:
    for place in ("exif", "jpeg-comment", "behind-the-jpeg", "alternative", "link", "thumbnail", "png-text"):
        withheld = WithheldSet((WithheldValue(secret(place), place),))
        report = check(planted(), RetypedExpectation(pages.MARK.text), withheld)
        kinds = {finding.kind.value for finding in report.findings}
        assert kinds >= ({"structure"} if place == "png-text" else {"withheld-value"}), place


def test_a_picture_that_must_be_there_and_is_not_is_missed(sandbox: ProcessSandbox) -> None:
    outcome = rendered("pdf", sandbox, present=True, answers=Answers(confirmed=True), original=docx(p("Text")))
    assert (outcome.state, "pictures all" in (outcome.reason or "")) == (State.REFUSED, True)
