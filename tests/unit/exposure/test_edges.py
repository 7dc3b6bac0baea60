"""Tables that are hardly tables: what cannot be assessed is refused, and nothing else stumbles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.exposure.problems import EntityUnknown
from tests.support.exposed import SHOWN, orders, told
from tests.support.policies import rule

Columns = dict[str, list[str]]
NAMED = {**SHOWN, "buyer": "allow"}


def test_without_its_entity_a_table_is_not_assessed(tmp_path: Path) -> None:
    columns = {name: cells for name, cells in orders().items() if name != "buyer"}
    with pytest.raises(EntityUnknown, match="count buyer"):
        told(tmp_path, columns, {name: do for name, do in SHOWN.items() if name != "buyer"})


@pytest.mark.parametrize(
    "plant",
    [
        lambda columns: {name: cells[:1] for name, cells in columns.items()},
        lambda columns: {name: cells[:3] for name, cells in columns.items()},
        lambda columns: {**columns, "buyer": ["", *columns["buyer"][1:]], "country": ["", *columns["country"][1:]]},
    ],
    ids=["one row", "three rows", "blanks"],
)
def test_too_few_are_blocked_and_never_a_mistake(tmp_path: Path, plant: Callable[[Columns], Columns]) -> None:
    found = told(tmp_path, plant(orders()), SHOWN)
    assert "k_entities" in {one.check for one in found.exceeded}
    assert len(found.exceeded) == len(found.witnesses)


def test_blank_numbers_and_days_hang_on_nothing(tmp_path: Path) -> None:
    columns = orders()
    for name in ("pounds", "price", "value", "day", "orders"):
        columns[name] = [cell if n % 3 else "" for n, cell in enumerate(columns[name])]
    columns["home"] = [""] * len(columns["home"])
    assert told(tmp_path, columns, {**SHOWN, "price": "allow"}).holds


def test_whom_the_policy_names_is_not_singled_out(tmp_path: Path) -> None:
    columns = orders()
    columns["country"] = ["NO", *columns["country"][1:]]
    assert told(tmp_path, columns, NAMED).holds


def test_what_is_told_has_neither_a_value_nor_a_row(tmp_path: Path) -> None:
    columns = {**orders(), "country": ["Utopia", *orders()["country"][1:]]}
    found = told(tmp_path, columns, SHOWN, rules=rule("also", "{fields: [use]}", "allow"))
    assert not found.holds
    for said in (str(found.to_json()), found.reason):
        assert "Utopia" not in said
        assert "Buyer 0" not in said
        assert "rows'" not in said
