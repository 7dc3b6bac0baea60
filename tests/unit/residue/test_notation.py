from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.residue.fold import normal
from gateway.residue.notation import numbers_in, short_number, significant_bits, whole_day, whole_number


@pytest.mark.parametrize(
    "text",
    ["48211", "48.211,00", "48,211.00", "4.8211E4", "48,211", "48.211", "48 211", "48'211.0", "EUR 48211", "48211 kg",
     "-48211", "(48211)", "４８２１１", "48211.0000"],
)  # fmt: skip
def test_one_number_in_many_notations(text: str) -> None:
    import unicodedata

    assert ("48211", 0) in whole_number(unicodedata.normalize("NFKC", text))


@pytest.mark.parametrize("text", ["48212", "4821", "482.11", "48-211", "48211 und mehr", "4,82,11", "1.2.3.4", ""])
def test_another_number_or_none(text: str) -> None:
    assert ("48211", 0) not in whole_number(text)


def test_a_binary_fraction_written_out_is_its_decimal() -> None:
    assert whole_number("77.34999999999999") == whole_number("77.35")
    assert whole_number("0.30000000000000004") == whole_number("0.3")


def test_trailing_zeros_tell_nothing() -> None:
    assert significant_bits(whole_number("12000000.00")) < 20 < significant_bits(whole_number("4821150.77"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("total 4.821.150,77 EUR", ["4.821.150,77"]),
        ("EUR4821150.77 paid", ["4821150.77"]),
        ("共4821150公斤", ["4821150"]),
        ("4821150kg.", ["4821150"]),
        ("a4821150f", []),
        ("rel_01k7m4821150x", []),
        ("4821", []),
    ],
)
def test_numbers_inside_text(text: str, tokens: list[str]) -> None:
    assert [token for token, _ in numbers_in(text, 7)] == tokens


@pytest.mark.parametrize(
    "text",
    ["2025-03-14", "14.03.2025", "14/03/2025", "03/14/2025", "20250314", "2025年3月14日", "14 mar 2025",
     "march 14, 2025", "14. märz 2025", "2025:03:14", "2025-03-14t08:31:22z", "14.3.25"],
)  # fmt: skip
def test_one_day_in_many_notations(text: str) -> None:
    assert (2025, 3, 14) in whole_day(text)


@pytest.mark.parametrize("text", ["2025-03", "2025-q1", "2025", "14.15.2025", "around 2025-03-14", "may be 1, 2025"])
def test_no_day(text: str) -> None:
    assert (2025, 3, 14) not in whole_day(text)


@settings(deadline=None)
@given(
    st.one_of(
        st.from_regex(r"[0-9]{1,14}(\.[0-9]{0,3})?", fullmatch=True), st.text("0123456789.,- \u0661\n", max_size=9)
    )
)
def test_a_short_number_has_no_other_reading(text: str) -> None:
    short = short_number(text)
    if short is not None:
        assert {short} == whole_number(normal(text).strip())
        assert len(text) == len("20250314") or not whole_day(normal(text).strip())
