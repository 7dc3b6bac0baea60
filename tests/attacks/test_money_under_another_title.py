"""What is quoted in a currency, or said to be net or gross, never goes by the name of something else."""

from __future__ import annotations

import pytest

from gateway.policy.load import load_library
from gateway.policy.naming import name_fields
from tests.support.policies import columns

LIBRARY = load_library()
KINDS = ("customer_list", "order_book", "technical_details")
SIGNS = ("EUR", "USD", "€", "netto", "brutto", "net", "(EUR)", "in EUR", "[€/kg]", "T€", "TEUR", "元", "CNY")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_column_of_amounts_is_money_or_asked_for(kind: str, sign: str) -> None:
    what = LIBRARY.kind(kind)
    for field in what.fields:
        for title in (field.title.en, field.title.zh, *field.synonyms):
            name = name_fields(what, columns([f"{title} {sign}"], ["48213,77"]))[0].name
            assert name is None or "MONEY" in what.by_name[name].classes, (title, name)
