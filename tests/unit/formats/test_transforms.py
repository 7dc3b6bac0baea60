"""Casts take what has one meaning; changes are visible, declared and true."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.base.canon import Json
from gateway.formats.model import Op, Transform
from gateway.formats.transforms import Unreadable, changer, day, number, require_type, uncovered


def change(op: Op, text: str, value_type: str = "decimal", **params: Json) -> str:
    return changer(Transform(op, params), value_type)(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", "5"), ("-5.2", "-5.2"), ("−5,2", "-5.2"), ("+7", "7"), (" 12 ", "12"), ("1234.567", "1234.567"),
        ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1.234.567", "1234567"), ("1,234,567", "1234567"),
        ("1.234.567,8", "1234567.8"), ("0.234", "0.234"), ("0,234", "0.234"), ("12,5", "12.5"), ("12.50", "12.5"),
        ("€ 1.234,00", "1234"), ("1.234,50 €", "1234.5"), ("EUR 12,5", "12.5"), ("12.5EUR", "12.5"),
        ("￥1,234.00", "1234"),
        ("1,234.5元", "1234.5"), ("12,3万", "123000"), ("1.5亿", "150000000"), ("3万元", "30000"),
        ("１２３．５", "123.5"),
        ("－５", "-5"), ("US$ 7", "7"),
        ("1 234,567", "1234.567"), ("1\u202f234", "1234"), ("1'234.50", "1234.5"), ("0", "0"), ("007", "7"),
    ],
)  # fmt: skip
def test_numbers_with_one_meaning(text: str, value: str) -> None:
    assert number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "1.234", "1,234", "12.345", "-999,999", "", "x", "1.2.3", "1,2,3", "1.23,456,7", "12 kg", "1e5", ".5", "5.",
        "0.234.567", "0.234,5", "1,234,56", "(5)", "5%", "٣", "1" * 31, "NaN", "Infinity", "1 23", "--1", "5-",
        "1,23.4", "€ 5 EUR", "5 t", "€", "万", "1.234 €", "￥1,234", "5 万 kg", "三百", "EURO 5", "5€€",
    ],
)  # fmt: skip
def test_numbers_without_one_meaning(text: str) -> None:
    with pytest.raises(Unreadable):
        number(text)


@given(st.integers(-(10**12), 10**12), st.integers(0, 99))
def test_german_english_and_swiss_notation_agree(whole: int, cents: int) -> None:
    english = f"{whole:,}.{cents:02d}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert number(english) == number(german) == number(english.replace(",", "'")) == Decimal(f"{whole}.{cents:02d}")


def test_a_whole_number_is_whole() -> None:
    assert number("12.0", whole=True) == 12
    with pytest.raises(Unreadable):
        number("12.5", whole=True)


@pytest.mark.parametrize(
    "text",
    [
        "2025-03-01",
        "2025-03-01T10:00:00Z",
        "2025-03-01 00:00",
        "01.03.2025",
        "1.3.2025",
        "2025/03/01",
        "2025年3月1日",
        "1. März 2025",
        "01. Mär. 2025",
        "1. Mrz 2025",
        "１．３．２０２５",
        "２０２５年３月１日",
    ],
)
def test_days(text: str) -> None:
    assert day(text) == date(2025, 3, 1)


@pytest.mark.parametrize(
    "text", ["03/01/2025", "1.3.25", "2025-02-30", "20250301", "March 1", "", "2025-3-1x", "0999-01-01"]
)
def test_days_that_are_not_clear(text: str) -> None:
    with pytest.raises(Unreadable):
        day(text)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("9.99", "<10 kg"), ("10", "10 – <50 kg"), ("49,9", "10 – <50 kg"), ("50", "50 – <5000 kg"),
        ("5000", "≥5000 kg"), ("1.234,5", "50 – <5000 kg"), ("-3", "<10 kg"),
    ],
)  # fmt: skip
def test_bands(text: str, label: str) -> None:
    assert change(Op.BUCKET, text, edges=["10", "50", "5000"], unit="kg") == label


@given(st.decimals(-1000, 10000, places=3), st.lists(st.integers(-50, 6000), min_size=1, max_size=8, unique=True))
def test_a_band_holds_its_value(value: Decimal, edges: list[int]) -> None:
    edges.sort()
    label = change(Op.BUCKET, f"{value:.3f}0", edges=[str(edge) for edge in edges])
    low, _, high = label.rpartition("<")
    if low:
        assert Decimal(low.removesuffix(" – ")) <= value
    if label.startswith("≥"):
        assert value >= Decimal(label[1:])
    else:
        assert value < Decimal(high)


@pytest.mark.parametrize(
    ("text", "step", "rounded"),
    [
        ("25", "10", "20 kg"), ("35", "10", "40 kg"), ("26", "10", "30 kg"), ("-0.2", "1", "0 kg"),
        ("48.211,00", "100", "48200 kg"), ("0.125", "0.05", "0.10 kg"), ("1000000", "1000", "1000000 kg"),
    ],
)  # fmt: skip
def test_rounding_is_half_even_to_the_step(text: str, step: str, rounded: str) -> None:
    assert change(Op.ROUND, text, to=step, unit="kg") == rounded


@pytest.mark.parametrize(("to", "cut"), [("year", "2025"), ("quarter", "2025-Q3"), ("month", "2025-09")])
def test_days_are_cut(to: str, cut: str) -> None:
    assert change(Op.TRUNCATE_DATE, "30.09.2025", "date", to=to) == cut


@pytest.mark.parametrize(
    ("text", "keep", "masked"),
    [("DE89370400440532013000", 4, "****3000"), ("1234567", 4, "****"), ("12345678", 4, "****5678"), ("x", 0, "****")],
)
def test_a_mask_never_tells_the_length(text: str, keep: int, masked: str) -> None:
    assert change(Op.MASK, text, "text", keep_last=keep) == masked


@pytest.mark.parametrize(
    ("op", "params"),
    [
        (Op.BUCKET, {"edges": ["10", "5"]}), (Op.BUCKET, {"edges": []}), (Op.BUCKET, {"edges": ["1", "1"]}),
        (Op.ROUND, {"to": "0"}), (Op.ROUND, {"to": 5}), (Op.TRUNCATE_DATE, {"to": "week"}),
        (Op.MASK, {"keep_last": "4"}), (Op.MASK, {"keep_last": -1}), (Op.DROP, {}), (Op.PSEUDONYMISE, {}),
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(op: Op, params: dict[str, Json]) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        changer(Transform(op, params), "text")


def test_what_is_shown_as_it_stands_must_still_be_of_its_type() -> None:
    assert require_type(" 1.234 ", "decimal") == "1.234"
    assert require_type("01.03.2025", "date") == "01.03.2025"
    assert require_type("call Kowalski", "text") == "call Kowalski"
    for value_type in ("decimal", "integer", "date"):
        with pytest.raises(Unreadable):
            require_type("call Kowalski +49 30 1234567", value_type)


def test_a_problem_of_a_cell_holds_no_value() -> None:
    with pytest.raises(Unreadable) as caught:
        number("Kowalski 48211")
    assert "Kowalski" not in repr(caught.value)


def test_hidden_characters_go() -> None:
    assert uncovered("Mü\u200bller\u202e") == "Müller"
    assert uncovered("plain") == "plain"
