"""A Word document with something in every hiding place: nothing of it travels, as PDF or as Word, and the gate alone
would stop the original.
"""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from gateway.detect.text import classes_of
from gateway.formats.document import PARSE_TASK as PDF_TASK
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import PARSE_TASK as WORD_TASK
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.typed_reader import DRAW_TASK
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.residue.gate import check
from gateway.residue.model import RetypedExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.process import ProcessSandbox
from tests.support import journey, pages, word
from tests.support.originals import Planted
from tests.support.planted_word import PLACES, SHOWN, planted_document
from tests.support.world import World

SEED = random.SystemRandom().randrange(1 << 32)
LIBRARY = load_library()


def secret(place: str) -> str:
    """Twelve letters that stand nowhere else."""
    letters = hashlib.sha256(f"{SEED}/{place}".encode()).digest()
    return "Q" + "".join(chr(ord("a") + octet % 26) for octet in letters[:11])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((WORD_TASK, DRAW_TASK, PDF_TASK, walled.TASK))
    yield walls
    walls.close()


def answers(walls: Sandbox) -> Answers:
    """A region over one word, where it stands once the document is typed, and a term."""
    (page,) = DocumentDocx(classes_of).read(planted_document(secret), word.DOCX, walls).pages
    place = next(one.box for one in page.words if one.text == secret("region"))
    return Answers(regions=(Region("drawing", place, 1),), terms=(secret("term"),), confirmed=True)


def texts_of(data: bytes) -> list[str]:
    """The raw bytes, and of an archive every member and its name."""
    told = [data]
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            told += [*map(archive.read, archive.namelist()), " ".join(archive.namelist()).encode()]
    return [one.decode(charset, "replace") for one in told for charset in ("latin-1", "utf-16-le", "utf-16-be")]


def said(pdf: bytes, walls: Sandbox) -> str:
    """All that the reader of PDF documents finds in one."""
    again = DocumentFormat(classes_of).read(pdf, "application/pdf", walls)
    return " ".join([*again.parts.values(), *(one.text for page in again.pages for one in page.words)])


def rendered(form: str, walls: Sandbox) -> Outcome:
    policy = LIBRARY.policy("cn-mofcom-single.contract")
    job = Job(
        untrusted_original=planted_document(secret),
        media_type=word.DOCX,
        file_name=f"{secret('member-name')}.docx",
        form=DocumentDocx(classes_of),
        kind=LIBRARY.kind("contract"),
        policy=replace(policy, output=policy.output.model_copy(update={"document": form})),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers(walls),
        mark=pages.MARK,
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, walls)


def test_nothing_that_hides_in_a_word_document_travels_as_word(sandbox: ProcessSandbox) -> None:
    outcome = rendered("as_original", sandbox)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert outcome.rebuilt is not None
    assert outcome.rebuilt.media_type == word.DOCX
    told = texts_of(outcome.rebuilt.data)
    assert all(any(one.encode().decode("latin-1") in text for text in told) for one in SHOWN)
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"
    assert outcome.rebuilt.redactions.keys() >= {
        "format:hidden-text", "format:comment", "format:header", "format:footer", "format:field-instruction",
        "format:picture", "format:property", "format:custom-data", "format:link", "format:macro",
        "format:embedded-object", "format:alternative-text", "format:unread-text", "format:tracked-formatting",
    }  # fmt: skip


def test_nothing_that_hides_in_a_word_document_travels_as_pdf(sandbox: ProcessSandbox) -> None:
    outcome = rendered("pdf", sandbox)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None), f"seed {SEED}"
    assert outcome.rebuilt is not None
    told = [said(outcome.rebuilt.data, sandbox), *texts_of(outcome.rebuilt.data)]
    assert all(one in told[0] for one in SHOWN)
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"


@pytest.mark.nightly
def test_nor_does_it_in_anything_else_of_the_package(own_world: World, sandbox: ProcessSandbox) -> None:
    name = f"{secret('member-name')}.docx"
    one = Planted("contract", "contract", word.DOCX, name, planted_document(secret), (), answers(sandbox))
    made = journey.dispatched(own_world, [one])
    rendition = own_world.gateway.renders.get(made.renditions[one.label].id)
    assert rendition.state is State.REVIEWED, f"seed {SEED}: {rendition.reason}"
    files = journey.files(journey.package(own_world, made.release))
    (released,) = (data for name, data in files.items() if name.startswith("files/"))
    told = [said(released, sandbox), *(text for data in files.values() for text in texts_of(data))]
    left = [place for place in PLACES if any(secret(place) in one for one in told)]
    assert not left, f"seed {SEED}: {left}"


def gate_finds(place: str) -> set[str]:
    withheld = WithheldSet((WithheldValue(secret(place), place),))
    report = check(planted_document(secret), RetypedExpectation(pages.MARK.text), withheld)
    return {finding.kind.value for finding in report.findings}


def test_the_gate_alone_would_stop_the_original() -> None:
    for place in random.sample(PLACES, 6):
        assert gate_finds(place) >= ({"structure"} if place == "member-name" else {"withheld-value"}), place


@pytest.mark.nightly
@pytest.mark.parametrize("place", PLACES)
def test_the_gate_alone_would_stop_the_original_for_each_of_them(place: str) -> None:
    assert gate_finds(place) >= ({"structure"} if place == "member-name" else {"withheld-value"})
