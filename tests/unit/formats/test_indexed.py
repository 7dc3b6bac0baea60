"""Indices, recomputed with csv and decimal from the bytes of the original and of the rendition."""

from __future__ import annotations

import csv
import io
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from random import Random

import pytest

from gateway.formats.columns import WITHHELD
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Table, Transform
from gateway.formats.problems import CellUnreadable, PlanUnfit
from gateway.formats.table_csv import TableCsv

SITES, YEARS = ("Ulm", "Köln", "深圳"), ("2023", "2024", "2025")


def a_table(rng: Random) -> list[list[str]]:
    rows = []
    for site in SITES[: rng.randint(1, 3)]:
        for year in YEARS:
            number = Decimal(rng.randint(1, 10**6)) / 10 ** rng.randint(0, 2)
            told = rng.choice(("{:f}", "{:,.2f} ", "{:f}")).format(number)
            rows.append([site if rng.random() < 0.7 else f" {site.upper()}", year, told])
        if rng.random() < 0.3:
            rows.append([site, "2026", ""])
    rng.shuffle(rows)
    return rows


def plan(step: str, *withheld: str) -> Plan:
    index = Transform(Op.INDEX, {"over": "year", "base": "2024", "by": ["site"], "to": step})
    cases = [Case((), index, 4000, "TS", "level")]
    if withheld:
        cases.insert(0, Case((("year", frozenset(withheld)),), Transform(Op.DROP, {}), 1000, "TS", "gone"))
    allow = Case((), Transform(Op.ALLOW, {}), 9000, "REQ", "show")
    return Plan(
        (
            Instruction("column/1", "site", Element.COLUMN, "Site", "text", (allow,)),
            Instruction("column/2", "year", Element.COLUMN, "Year", "text", (allow,)),
            Instruction("column/3", "output", Element.COLUMN, "Output [index, 2024 = 100]", "decimal", tuple(cases)),
        )
    )


def rebuilt(rows: list[list[str]], wanted: Plan) -> list[tuple[str, ...]]:
    content = Table.of(["Site", "Year", "Output"], zip(*rows, strict=True))
    form = TableCsv(lambda _cells: frozenset())
    data = form.rebuild(content, wanted, Mark("R", "rel_01", "2026-03-02"), bytes(32)).data
    return sorted(tuple(row[:-1]) for row in list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))[1:])


def by_hand(rows: list[list[str]], step: str) -> list[tuple[str, ...]]:
    def value(cell: str) -> Decimal:
        return Decimal(cell.replace(",", "").strip())

    bases = {site.strip().casefold(): value(cell) for site, year, cell in rows if year == "2024"}
    told = []
    with localcontext(prec=60):
        for site, year, cell in rows:
            shown = ""
            if cell:
                ratio = 100 * value(cell) / bases[site.strip().casefold()]
                shown = f"{(ratio / Decimal(step)).quantize(Decimal(1), ROUND_HALF_EVEN) * Decimal(step):f}"
            told.append((site.strip(), year, shown))
    return sorted(told)


@pytest.mark.parametrize("seed", range(12))
def test_indices_are_what_decimals_say(seed: int) -> None:
    rng = Random(seed)
    rows, step = a_table(rng), rng.choice(("0.1", "1", "5", "2.5"))
    assert rebuilt(rows, plan(step)) == by_hand(rows, step)


def test_a_withheld_base_is_a_base_all_the_same_and_is_not_shown() -> None:
    rows = [["Ulm", "2024", "40"], ["Ulm", "2025", "50"]]
    assert rebuilt(rows, plan("1", "2024")) == [("Ulm", "2024", f"{WITHHELD}: TS]"), ("Ulm", "2025", "125")]


def test_half_way_goes_to_the_even_one_exactly() -> None:
    rows = [["Ulm", "2024", "200"], ["Ulm", "2025", "1"], ["Ulm", "2026", "3"], ["Ulm", "2027", "-0.2"]]
    assert [row[2] for row in rebuilt(rows, plan("1"))] == ["100", "0", "2", "0"]


def test_a_number_without_one_meaning_has_no_index() -> None:
    with pytest.raises(CellUnreadable, match="Row 3"):
        rebuilt([["Ulm", "2024", "40"], ["Ulm", "2025", "1.234"]], plan("1"))


def test_an_index_over_a_column_that_the_plan_lacks_is_no_plan() -> None:
    whole = plan("1")
    with pytest.raises(PlanUnfit):
        rebuilt([["Ulm", "2024", "40"]], Plan(whole.instructions[1:]))
