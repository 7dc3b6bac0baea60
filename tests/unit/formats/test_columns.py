"""Cells on their way out: default deny, strictest wins, strict casts, nothing a spreadsheet would calculate."""

from __future__ import annotations

import polars as pl
import pytest

from gateway.base.canon import Json
from gateway.formats.columns import Column, Redactions, harmless, rendered
from gateway.formats.model import Case, Element, Instruction, Op, Transform
from gateway.formats.problems import CellUnreadable, PlanUnfit

SECRET, DIGEST = bytes(range(32)), bytes(32)


def case(op: Op, rule: str, where: dict[str, set[str]] | None = None, rank: int = 5, **params: Json) -> Case:
    conditions = tuple((name, frozenset(values)) for name, values in (where or {}).items())
    return Case(conditions, Transform(op, params), rank, "TS", rule)


def column(name: str, cells: list[str], *cases: Case, title: str = "", value_type: str = "text") -> Column:
    instruction = Instruction(f"column/{name}", name, Element.COLUMN, title or name, value_type, cases)
    return Column(instruction, pl.Series(cells))


def render(*columns: Column) -> tuple[dict[str, list[str]], dict[str, int]]:
    redactions = Redactions()
    kept = rendered(list(columns), SECRET, DIGEST, redactions)
    return {one.title: one.cells.cells().to_list() for one in kept}, redactions.counts()


def test_a_column_whose_cases_all_withhold_does_not_exist() -> None:
    kept, counts = render(
        column("a", ["x", "y"], case(Op.DROP, "never")),
        column("b", ["1", "2"], case(Op.ALLOW, "asked")),
        column("c", ["", ""]),
    )
    assert kept == {"b": ["1", "2"]}
    assert counts == {"never": 2, "default": 2}


def test_the_strictest_case_that_holds_decides_cell_by_cell() -> None:
    licensed = column("licensed", ["yes", " YES ", "no", ""], case(Op.DROP, "inner"))
    names = column(
        "end_user",
        ["A", "B", "C", ""],
        case(Op.ALLOW, "end-user", {"licensed": {"yes"}}, rank=9),
        case(Op.PSEUDONYMISE, "identity", rank=7, scope="release", prefix="P"),
        case(Op.DROP, "b-never", {"end_user": {"b"}}, rank=1),
    )
    kept, counts = render(licensed, names)
    assert kept["end_user"][1] == "[withheld: TS]"
    assert kept["end_user"][0].startswith("P-")
    assert kept["end_user"][3] == ""
    assert counts == {"inner": 4, "b-never": 1, "identity": 2}


def test_where_no_case_holds_the_cell_is_withheld_even_an_empty_one() -> None:
    licensed = column("licensed", ["yes", "no", "no"], case(Op.ALLOW, "flag"))
    names = column("end_user", ["A", "B", ""], case(Op.ALLOW, "end-user", {"licensed": {"yes"}}))
    kept, counts = render(licensed, names)
    assert kept["end_user"] == ["A", "[withheld]", "[withheld]"]
    assert counts == {"default": 2}


def test_a_condition_on_a_field_that_is_not_there_never_loosens() -> None:
    loosening = column("a", ["x"], case(Op.ALLOW, "open", {"missing": {"yes"}}))
    withholding = column("b", ["x"], case(Op.ALLOW, "open"), case(Op.DROP, "shut", {"missing": {"yes"}}, rank=1))
    kept, _ = render(loosening, withholding)
    assert kept == {"a": ["[withheld]"], "b": ["[withheld: TS]"]}


@pytest.mark.parametrize(
    ("value_type", "op", "params", "cell", "sentence"),
    [
        ("decimal", Op.BUCKET, {"edges": ["10"]}, "1.234", "a number with one meaning; write it without a thousands"),
        ("text", Op.ROUND, {"to": "10"}, "Kowalski", "a number with one meaning"),
        ("date", Op.TRUNCATE_DATE, {"to": "month"}, "03/04/2025", "a day; write it as YYYY-MM-DD"),
        ("integer", Op.ALLOW, {}, "call Kowalski", "a whole number with one meaning"),
        ("date", Op.ALLOW, {}, "see Kowalski", "a day; write it as YYYY-MM-DD"),
    ],
)
def test_a_cell_without_one_meaning_names_row_and_title_and_no_value(
    value_type: str, op: Op, params: dict[str, Json], cell: str, sentence: str
) -> None:
    cells = column("qty", ["", cell], case(op, "rule", None, 5, **params), title="Quantity", value_type=value_type)
    with pytest.raises(CellUnreadable) as caught:
        render(cells)
    assert caught.value.detail.startswith("Row 3 of the column “Quantity” cannot be read as ")
    assert sentence in caught.value.detail
    assert caught.value.members == {"row": 3}
    assert cell not in repr(vars(caught.value))


def test_a_bad_parameter_is_the_policys_problem() -> None:
    with pytest.raises(PlanUnfit, match="The rule volume has parameters"):
        render(column("qty", ["1"], case(Op.BUCKET, "volume", edges=["9", "1"])))
    with pytest.raises(PlanUnfit, match="The rule ids has parameters"):
        render(column("id", ["1"], case(Op.PSEUDONYMISE, "ids", scope="recipient", prefix="P")))


def test_scopes_of_pseudonyms() -> None:
    def names(scope: str, digest: bytes, field: str = "customer") -> list[str]:
        cells = column(field, ["A", "a", "B"], case(Op.PSEUDONYMISE, "ids", scope=scope, prefix="P"))
        (one,) = rendered([cells], SECRET, digest, Redactions())
        return one.cells.cells().to_list()

    for scope in ("release", "table"):
        first, again, other = names(scope, b"1" * 32)
        assert first == again != other
    assert names("release", b"1" * 32) == names("release", b"2" * 32)
    assert not set(names("table", b"1" * 32)) & set(names("table", b"2" * 32))
    assert len({*names("row", b"1" * 32), *names("row", b"2" * 32)}) == 6
    assert not set(names("release", b"1" * 32)) & set(names("release", b"1" * 32, "end_user"))


def test_two_columns_cannot_share_a_title() -> None:
    with pytest.raises(PlanUnfit, match="same title"):
        render(
            column("a", ["1"], case(Op.ALLOW, "x"), title="Same"), column("b", ["1"], case(Op.ALLOW, "x"), title="Same")
        )


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =1",
        "＝1",
        "+49 30 12=x",
        "-5.2-1",
    ],
)
def test_formulas_are_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        "-5.2",
        "+7",
        "-1.234,56",
        "-12 %",
        "+49 30 1234567",
        "+86 (10) 6512-0011",
        "-",
        "--",
        "=",
        "Müller",
        "1=1",
        "",
        "a@b.de",
    ],
)
def test_numbers_telephones_and_words_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


def test_what_was_made_harmless_and_what_was_hidden_is_counted() -> None:
    kept, counts = render(column("a", ["=1+1", "Mü\u200bller", "-5.2", "\u200b"], case(Op.ALLOW, "asked")))
    assert kept == {"a": ["'=1+1", "Müller", "-5.2", ""]}
    assert counts == {"format:formula": 1, "format:hidden-character": 2}


@pytest.mark.parametrize(
    ("cells", "cases", "untouched"),
    [
        (["x", "", "7"], (case(Op.ALLOW, "asked"),), True),
        (["x", "=1+1"], (case(Op.ALLOW, "asked"),), False),
        (["x", "a\u200bb"], (case(Op.ALLOW, "asked"),), False),
        (["x", "y"], (case(Op.ALLOW, "asked"), case(Op.DROP, "never", {"a": {"y"}}, rank=1)), False),
        (["x", "y"], (case(Op.ALLOW, "asked"), case(Op.DROP, "never", {"a": {"z"}}, rank=1)), True),
        (
            ["x", "[withheld: TS]"],
            (case(Op.ALLOW, "asked"), case(Op.DROP, "n", {"a": {"[withheld: ts]"}}, rank=1)),
            False,
        ),
        (["x", "y"], (case(Op.ALLOW, "asked", {"a": {"x"}}),), False),
        (["10", "20"], (case(Op.ROUND, "rounded", to="10", unit=""),), False),
        (["", ""], (case(Op.PSEUDONYMISE, "identity", scope="release", prefix="P"),), False),
    ],
)
def test_a_column_is_untouched_only_where_no_rule_touched_a_cell(
    cells: list[str], cases: tuple[Case, ...], untouched: bool
) -> None:
    """A rule that happens to change nothing would be told by a proof that the cells are the original's."""
    (kept,) = rendered([column("a", cells, *cases)], SECRET, DIGEST, Redactions())
    assert kept.untouched is untouched
