"""A document from its bytes to a rendition that the gate lets pass; and what becomes of a format that cheats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date

import pytest
from reportlab.pdfgen.canvas import Canvas

from gateway.detect.text import classes_of
from gateway.formats.document import PARSE_TASK, DocumentFormat
from gateway.formats.model import Box, Content, Mark, Pages, Plan, Rebuilt
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.sandbox.process import ProcessSandbox
from tests.support import documents

LIBRARY = load_library()
SECRETS = ("Kowalski", "48,211", "Zweitmarke", "Plant Nine", "A. Author")
ANSWERS = Answers(
    regions=(Region("drawing", Box(700, 1500, 400, 200), 2),), terms=("plant nine", "kowalski"), confirmed=True
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK))
    yield walls
    walls.close()


def original() -> bytes:
    def first(canvas: Canvas) -> None:
        documents.write(
            canvas,
            [
                "Framework supply agreement No. 4711",
                "Contact: Anna Kowalski, anna.kowalski@example.com",
                "Unit price: EUR 48,211.00 per tonne",
                "最终用户：赣州千里磁材有限公司",
                "Delivery to Plant",
                "Nine of the buyer",
            ],
        )
        canvas.setFillColorRGB(1, 1, 1)
        canvas.drawString(72, 300, "Zweitmarke Kaltblau")

    return documents.document(first, ["End use", "Traction motors"], info={"Author": "A. Author"})


class Cheating(DocumentFormat):
    """The format, but for what `cheat` makes of its plan."""

    def __init__(
        self, cheat: Callable[[Plan], Plan], pages_too: Callable[[Rebuilt], Rebuilt] = lambda one: one
    ) -> None:
        super().__init__(classes_of)
        self._cheat, self._pages_too = cheat, pages_too

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        return self._pages_too(super().rebuild(content, self._cheat(plan), mark, secret))


def rendered(sandbox: ProcessSandbox, form: DocumentFormat, answers: Answers = ANSWERS) -> Outcome:
    job = Job(
        untrusted_original=original(),
        media_type="application/pdf",
        file_name="agreement Kowalski.pdf",
        form=form,
        kind=LIBRARY.kind("contract"),
        policy=LIBRARY.policy("cn-mofcom-single.contract"),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=answers,
        mark=Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, sandbox)


def test_a_contract_leaves_without_what_its_policy_withholds(sandbox: ProcessSandbox) -> None:
    outcome = rendered(sandbox, DocumentFormat(classes_of))
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    assert outcome.rebuilt is not None
    assert outcome.rebuilt.redactions == {
        "answer": 2,
        "format:hidden-text": 1,
        "know-how": 1,
        "metadata-never": 9,
        "money-never": 1,
        "personal-data-never": 1,
    }
    again = DocumentFormat(classes_of).read(outcome.rebuilt.data, "application/pdf", sandbox)
    assert set(again.parts) == {"hidden:1", "hidden:2"}
    said = " ".join(again.parts.values())
    assert "Framework supply agreement No. 4711" in said
    assert "赣州千里磁材有限公司" in said
    assert not [secret for secret in SECRETS if secret in said]


def test_the_index_says_how_much_of_what_is_missing(sandbox: ProcessSandbox) -> None:
    outcome = rendered(sandbox, DocumentFormat(classes_of))
    lines = {(line["item"].partition(" / ")[0], line["code"]): line["summary_en"] for line in outcome.index}
    assert lines["Text on a page", "PD-MIN"].startswith("1 entries")
    assert lines["Drawing or technical data", "CN-ALL-31"].startswith("1 drawings")
    assert lines["Metadata of the file", "SEC"].startswith("9 hidden")
    assert not [secret for secret in SECRETS if secret in str(outcome.index)]


def test_a_document_that_nobody_confirmed_waits(sandbox: ProcessSandbox) -> None:
    outcome = rendered(sandbox, DocumentFormat(classes_of), replace(ANSWERS, confirmed=False))
    assert outcome.state is State.WAITING


def without(*ids: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, instructions=tuple(one for one in plan.instructions if one.field_id not in ids))


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("text/1/2", "has no box over it"),
        ("region/1", "has no box over it"),
        ("page/2", "does not have the pages"),
    ],
)
def test_a_rebuild_that_leaves_out_an_instruction_is_refused(
    field: str, sentence: str, sandbox: ProcessSandbox
) -> None:
    outcome = rendered(sandbox, Cheating(without(field)))
    assert outcome.state is State.REFUSED
    assert sentence in (outcome.reason or "")


def test_a_rebuild_that_claims_boxes_it_did_not_paint_is_blocked(sandbox: ProcessSandbox) -> None:
    honest = rendered(sandbox, DocumentFormat(classes_of))
    assert honest.rebuilt is not None
    pages = honest.rebuilt.pages
    outcome = rendered(sandbox, Cheating(without("text/1/2"), lambda made: replace(made, pages=pages)))
    assert outcome.state is State.BLOCKED
    assert outcome.rebuilt is None
    assert outcome.report is not None
    assert {finding.kind.value for finding in outcome.report.findings} >= {"box-not-solid", "withheld-value"}


def test_hidden_text_that_comes_back_is_blocked(sandbox: ProcessSandbox) -> None:
    class Careless(DocumentFormat):
        def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
            assert isinstance(content, Pages)
            page = content.pages[1]
            word = replace(page.words[0], text="Kaltblau")
            pages = (content.pages[0], replace(page, words=(word, *page.words[1:])))
            return super().rebuild(replace(content, pages=pages), plan, mark, secret)

    outcome = rendered(sandbox, Careless(classes_of))
    assert outcome.state is State.BLOCKED
    assert outcome.report is not None
    assert {finding.kind.value for finding in outcome.report.findings} == {"withheld-value"}
