"""What a page withholds stays withheld where it is broken over lines, put into columns, or named by a heading alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pytest
from reportlab.pdfgen.canvas import Canvas

from gateway.app import built_in_formats, sandbox
from gateway.cli.environment import offline_settings
from gateway.formats.model import Mark, Pages
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from tests.support import documents

SETTINGS = offline_settings()
LIBRARY = load_library(SETTINGS.policies_dir)
SANDBOX = sandbox(SETTINGS)
FORM = next(one for one in built_in_formats() if one.name == "document")
AROUND = ["Framework supply agreement", "between the parties named above", "for the plant of the buyer"]


def shown(original: Callable[[Canvas], None] | bytes, *terms: str) -> str:
    """What the text layer of the rendition says, without spaces and signs."""
    data = original if isinstance(original, bytes) else documents.document(original)
    outcome = rendered(data, terms)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    assert outcome.rebuilt is not None
    again = FORM.read(outcome.rebuilt.data, "application/pdf", SANDBOX)
    assert isinstance(again, Pages)
    return "".join(filter(str.isalnum, " ".join(again.parts.values())))


def rendered(data: bytes, terms: Sequence[str]) -> Outcome:
    job = Job(
        untrusted_original=data,
        media_type="application/pdf",
        file_name="agreement.pdf",
        form=FORM,
        kind=LIBRARY.kind("contract"),
        policy=LIBRARY.policy("cn-mofcom-single.contract"),
        context=Context({"recipient.class": "supplier", "recipient.hop": "1", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=Answers(terms=tuple(terms), confirmed=True),
        mark=Mark("Supplier", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    return render(job, SANDBOX)


def paragraph(*lines: str) -> Callable[[Canvas], None]:
    return lambda canvas: documents.write(canvas, [*AROUND, *lines, "The end of it all"])


def table(*rows: Sequence[str], lefts: Sequence[int] = (72, 220, 340), right: int = 460) -> Callable[[Canvas], None]:
    """Rows whose last cell is flush right where it begins with a digit, as offices set figures."""

    def paint(canvas: Canvas) -> None:
        documents.write(canvas, AROUND)
        for number, row in enumerate(rows):
            for left, cell in zip(lefts, row, strict=False):
                flush = left == lefts[len(row) - 1] and cell[:1].isdigit()
                (canvas.drawRightString if flush else canvas.drawString)(
                    right if flush else left, 600 - 18 * number, cell
                )
        documents.write(canvas, ["The end of it all"], 400)

    return paint


@pytest.mark.parametrize(
    ("lines", "secrets"),
    [
        (("Write to anna.kowalski@", "example.com in time"), ("annakowalski", "examplecom")),
        (("Write to anna.kowalski@example", ".com in time"), ("annakowalski",)),
        (("Write to anna.kowal-", "ski@example.com in time"), ("annakowal", "skiexample")),
        (("Pay to DE89 3704 0044", "0532 0130 00 in time"), ("DE8937", "05320130")),
        (("Call +49 711", "123 4567 at noon"), ("1234567",)),
        (("The sum is EUR", "48,211.00 for all of it"), ("4821100",)),
        (("Call Li Wei on 13812345678 at noon",), ("13812345678",)),
    ],
)
def test_a_value_that_is_broken_over_two_lines_is_covered_in_both(
    lines: tuple[str, ...], secrets: tuple[str, ...]
) -> None:
    said = shown(paragraph(*lines))
    assert "Theendofitall" in said
    assert not [secret for secret in secrets if secret in said]


@pytest.mark.parametrize("broken", [("to Vol-", "ta Motors"), ("to Vol", "ta Motors"), ("to Vol\xadta Motors",)])
def test_a_term_is_found_at_the_end_of_a_line_with_hyphen_and_without(broken: tuple[str, ...]) -> None:
    assert "Motors" not in shown(paragraph(*broken), "Volta")


def test_a_term_is_found_in_a_cell_that_goes_on_below_itself() -> None:
    painter = table(("Buyer", "Voltam"), ("of all the goods", "otors AG"), ("is known", "to all"))
    said = shown(painter, "Voltamotors")
    assert "Voltam" not in said
    assert "otorsAG" not in said
    assert "ofallthegoods" in said


@pytest.mark.parametrize(
    "rows",
    [
        (("Item", "Quantity", "Unit price"), ("Magnet A", "17 kg", "48,211.00"), ("Magnet B", "23 kg", "12,345.00")),
        (("Item", "Quantity", "Amount EUR"), ("Magnet A", "17 kg", "48,211.00"), ("Magnet B", "23 kg", "12,345.00")),
        (
            ("Magnet A", "EUR", "48,211.00"),
            ("Quantity", "", "17 kg"),
            ("Magnet B", "EUR", "12,345.00"),
            ("", "", "23 kg"),
        ),
        (("Unit price:", "", "48,211.00"), ("Quantity:", "", "17 kg 23 kg"), ("Other price:", "", "12,345.00")),
    ],
)
def test_a_figure_goes_by_its_heading_and_only_by_its_own(rows: Sequence[Sequence[str]]) -> None:
    said = shown(table(*rows))
    assert "4821100" not in said
    assert "1234500" not in said
    assert "17kg" in said
    assert "23kg" in said


def test_a_figure_goes_by_its_heading_where_columns_stand_as_close_as_words() -> None:
    rows = (("Quantity", "Unit price", "Plant"), ("17 kg", "48,211.00", "Hamburg"), ("23 kg", "12,345.00", "Bremen"))
    said = shown(table(*rows, lefts=(72, 130, 190)))
    assert "4821100" not in said
    assert "1234500" not in said


def test_a_paragraph_with_hyphens_is_read_line_by_line() -> None:
    lines = (
        "the agreement of the under-",
        "taking and of the manu-",
        "facturer with EUR 5,000 for Vol-",
        "taic goods as well",
    )
    said = shown(paragraph(*lines))
    assert "theagreementoftheundertakingandofthemanu" in said
    assert "taicgoodsaswell" in said
    assert "5000" not in said


@pytest.mark.parametrize("said_instead", ["harmless words", ""])
def test_glyphs_that_claim_to_say_something_else_are_taken_for_what_they_show(said_instead: str) -> None:
    claim = f"/Span << /ActualText ({said_instead}) >> BDC ".encode()
    sold = documents.line("Sold to Volta Motors for EUR 5,000", 700)
    data = documents.page(documents.line("Agreement", 780) + claim + sold + b"EMC\n" + documents.line("to Volta", 650))
    said = shown(data, "Volta")
    assert "Agreement" in said
    assert not [word for word in ("Volta", "Motors", "5000", "harmless") if word in said]


def clauses(*numbers: str) -> Callable[[Canvas], None]:
    """Numbered clauses right under a heading that names prices, as a contract sets them."""

    def paint(canvas: Canvas) -> None:
        documents.write(canvas, ["Prices and payment"])
        for at, number in enumerate(numbers, start=1):
            down = documents.TOP - documents.LINE * at
            canvas.drawString(documents.LEFT, down, number)
            canvas.drawString(
                documents.LEFT + 34, down, f"The buyer uses lot {at} in civil servo motors and nowhere else"
            )
        documents.write(canvas, AROUND, 400)

    return paint


def test_the_number_of_a_clause_is_no_price() -> None:
    """The first one may be; those that count on from it are not."""
    said = shown(clauses("3.1", "3.2", "4.1", "4.2"))
    assert [number for number in "1234" if f"lot{number}" in said] == ["2", "3", "4"]


@pytest.mark.parametrize("numbers", [("9.80", "9.10", "8.20"), ("3.1", "3.5", "3.3")])
def test_figures_that_do_not_count_on_go_by_their_heading(numbers: Sequence[str]) -> None:
    said = shown(clauses(*numbers))
    assert "lot" not in said
    assert not [number for number in numbers if number.replace(".", "") in said]
