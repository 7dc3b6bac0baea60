"""Planted attacks on a release of a table: each is blocked, and a witness says which rows show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gateway.exposure.assess import assessed
from tests.support.exposed import BANDS, PSEUDONYM, SHOWN, orders, released, told
from tests.support.policies import rule

Columns = dict[str, list[str]]
YEAR = "{truncate_date: year}"
_WITHHELD = rule("own", "{fields: [home], where: {licensed: [hidden]}}", "drop") + rule(
    "rest", "{fields: [home], where: {licensed: ['no', all]}}", "allow"
)


def _two_rows_each(columns: Columns) -> Columns:
    """Every buyer twice; of no two the same pair of years and countries, though each alone is shared by many."""
    doubled = {name: [*cells, *cells] for name, cells in columns.items()}
    rows = len(columns["buyer"])
    doubled["country"] = [f"C{n % 9}" for n in range(rows)] + [f"C{n // 9}" for n in range(rows)]
    doubled["use"], doubled["qty"] = ["car"] * 2 * rows, ["50"] * 2 * rows
    return doubled


def _one_alone(columns: Columns) -> Columns:
    return {**columns, "country": ["NO", *columns["country"][1:]]}


def _one_giant(columns: Columns) -> Columns:
    return {**columns, "qty": ["900000", *columns["qty"][1:]]}


def _parts_of_a_whole(columns: Columns) -> Columns:
    whole = [str(int(a) + int(b)) for a, b in zip(columns["home"], columns["abroad"], strict=True)]
    return {**columns, "value": whole}


def _grand_total(columns: Columns) -> Columns:
    """A last row that is the sum of all, and one row that is withheld."""
    total = {name: [*cells, cells[0]] for name, cells in columns.items()}
    total["buyer"][-1] = "Total"
    total["home"][-1] = str(sum(map(int, columns["home"])))
    total["licensed"] = ["hidden", *columns["licensed"][1:], "all"]
    return total


def _as_many_rows(columns: Columns) -> Columns:
    """Each buyer stands in as many rows as it gave orders."""
    times = [n % 3 + 1 for n in range(len(columns["buyer"]))]
    many = {
        name: [cell for cell, n in zip(cells, times, strict=True) for _ in range(n)] for name, cells in columns.items()
    }
    many["orders"] = [str(n) for n in times for _ in range(n)]
    return many


def _many_each(columns: Columns) -> Columns:
    return {name: cells * 2 for name, cells in columns.items()}


@dataclass(frozen=True)
class Attack:
    """What is planted, what the policy shows, and which check stops it."""

    name: str
    check: str
    shown: Mapping[str, str]
    plant: Callable[[Columns], Columns] = dict
    rules: str = ""


ATTACKS = (
    Attack("stable pseudonym", "unique_profiles", SHOWN, _two_rows_each),
    Attack("exact date", "k_entities", {**SHOWN, "day": "allow"}),
    Attack("single contributor", "min_contributors", SHOWN, _one_alone),
    Attack("dominance", "dominance", {**SHOWN, "qty": "{round: {to: 10}}"}, _one_giant),
    Attack("margin inversion", "protection", {**SHOWN, "value": "allow", "abroad": "allow"}, _parts_of_a_whole),
    Attack(
        "interval profile", "protection",
        {**SHOWN, "value": "allow", "home": BANDS, "abroad": "{round: {to: 1}}"}, _parts_of_a_whole,
    ),
    Attack("total less the others", "protection", SHOWN, _grand_total, _WITHHELD),
    Attack("row count", "row_count", SHOWN, _as_many_rows),
    Attack("linked number", "protection", {**SHOWN, "qty": BANDS, "pounds": "allow"}),
    Attack("linked name", "linked", {**SHOWN, "buyer_no": "allow"}, _many_each),
    Attack("rounding reversal", "protection", {**SHOWN, "qty": "{round: {to: 50}}", "pounds": "{round: {to: 1}}"}),
    Attack("price times quantity", "protection", {**SHOWN, "price": "allow", "value": "allow"}),
    Attack("a day some days after", "protection", {**SHOWN, "day": YEAR, "due": "allow"}),
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.name)
def test_a_planted_attack_is_blocked_with_a_witness(tmp_path: Path, attack: Attack) -> None:
    found = told(tmp_path, attack.plant(orders()), attack.shown, rules=attack.rules)
    assert attack.check in {one.check for one in found.exceeded}
    witness = next(one for one in found.witnesses if one.check == attack.check)
    assert witness.rows
    assert min(witness.rows) >= 2


def test_the_witness_of_a_single_contributor_is_its_row(tmp_path: Path) -> None:
    found = told(tmp_path, _one_alone(orders()), SHOWN)
    assert {one.check: one.rows for one in found.witnesses}["min_contributors"] == (2,)


def test_what_is_withheld_beside_a_total_is_named_with_what_else_to_withhold(tmp_path: Path) -> None:
    found = told(tmp_path, _grand_total(orders()), SHOWN, rules=_WITHHELD)
    witness = next(one for one in found.witnesses if one.check == "protection")
    assert witness.rows == (2,)
    assert witness.advice.startswith("Withhold home in the rows ")


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("by a withheld number", lambda columns: np.argsort([float(one) for one in columns["value"]])),
        ("backwards", lambda columns: np.argsort([-float(one) for one in columns["value"]])),
        ("by a withheld word", lambda columns: np.argsort(columns["buyer_no"])),
        ("as the original has them", lambda columns: np.arange(len(columns["buyer"]))),
    ],
)
def test_rows_in_the_order_of_what_is_withheld_are_blocked(
    tmp_path: Path, name: str, order: Callable[[Columns], np.ndarray[tuple[int], np.dtype[np.intp]]]
) -> None:
    columns = orders()
    policy, seen = released(tmp_path, columns, SHOWN)
    assert policy.risk is not None
    assert assessed(policy.risk, seen).holds
    found = assessed(policy.risk, replace(seen, order=np.asarray(order(columns))))
    assert "row_order" in {one.check for one in found.exceeded}


def test_rows_gathered_by_a_withheld_word_are_blocked(tmp_path: Path) -> None:
    columns = {name: cells * 6 for name, cells in orders().items()}
    policy, seen = released(tmp_path, columns, {**SHOWN, "buyer": "drop"})
    assert policy.risk is not None
    mixed = np.argsort([37 * int(name[6:9]) % 80 for name in columns["buyer"]], kind="stable")
    found = assessed(policy.risk, replace(seen, order=mixed))
    assert "row_order" in {one.check for one in found.exceeded}


HARMLESS: Mapping[str, tuple[Mapping[str, str], Callable[[Columns], Columns]]] = {
    "bands and countries": (SHOWN, dict),
    "years": ({**SHOWN, "day": YEAR}, dict),
    "rounded coarsely": ({"buyer": PSEUDONYM, "country": "allow", "qty": "{round: {to: 1000}}"}, dict),
    "no pseudonym": ({"country": "allow", "use": "allow", "qty": BANDS}, dict),
    "a pseudonym for each row": ({**SHOWN, "buyer": "{pseudonymise: {scope: row, prefix: P}}"}, dict),
    "a pseudonym for each table": ({**SHOWN, "buyer": "{pseudonymise: {scope: table, prefix: P}}"}, dict),
    "numbers that nothing hangs on": ({**SHOWN, "price": "allow", "orders": "allow"}, dict),
    "one part without the whole": ({**SHOWN, "abroad": "allow"}, _parts_of_a_whole),
    "the whole without a part": ({**SHOWN, "value": "allow"}, _parts_of_a_whole),
    "both parts and the whole": ({**SHOWN, "home": "allow", "abroad": "allow", "value": "allow"}, _parts_of_a_whole),
    "the whole and wide bands": (
        {**SHOWN, "value": "{bucket: {edges: [1000]}}", "home": "{bucket: {edges: [50]}}"}, _parts_of_a_whole,
    ),
    "price without quantity": ({**SHOWN, "price": "allow"}, dict),
    "value in bands, price exact": ({**SHOWN, "price": "allow", "value": "{bucket: {edges: [1000, 10000]}}"}, dict),
    "both numbers in the same bands": ({**SHOWN, "pounds": "{bucket: {edges: [225, 2250]}}"}, dict),
    "both days by the year": ({**SHOWN, "day": YEAR, "due": YEAR}, dict),
    "every row twice": (SHOWN, _many_each),
    "only countries": ({"country": "allow"}, dict),
    "masked numbers": ({**SHOWN, "buyer_no": "{mask: {keep_last: 1}}"}, dict),
    "everything pseudonymised": ({**SHOWN, "buyer_no": "{pseudonymise: {scope: release, prefix: N}}"}, _many_each),
    "a total of shown rows": ({**SHOWN, "home": "allow"}, _grand_total),
    "one use": ({**SHOWN, "use": "allow"}, lambda columns: {**columns, "use": ["car"] * 80}),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_release_passes(tmp_path: Path, name: str) -> None:
    shown, plant = HARMLESS[name]
    assert [one.to_json() for one in told(tmp_path, plant(orders()), shown).exceeded] == []
