"""Names in sentences: few are all told, of many those that look like what was meant."""

from __future__ import annotations

from gateway.base.text import nearest


def test_a_name_that_is_none_gets_the_ones_that_look_like_it() -> None:
    names = [f"kind_{number}" for number in range(20)] + ["customer_list"]
    assert nearest("costumer_list", names).startswith("customer_list, ")
    assert nearest("x" * 100_000, names).endswith(" and 18 others")
    assert nearest("b", ["c", "a"]) == "a, c"
