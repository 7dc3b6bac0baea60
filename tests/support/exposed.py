"""A small order list, released column by column as a test says, and what it then tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from gateway.exposure.assess import assessed
from gateway.exposure.disclosure import Disclosure, disclosure
from gateway.formats.model import Mark, Plan, Table
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import answered_fields, decide
from gateway.policy.policy import Policy
from gateway.render.model import Assessment
from tests.support.policies import DAY, HEAD, load, rule

KIND = """\
kind: sample
title: {en: Sample, zh: 样本}
medium: table
fields:
  - {name: buyer, title: {en: Buyer, zh: 买方}}
  - {name: buyer_no, title: {en: Buyer number, zh: 买方编号}}
  - {name: country, title: {en: Country, zh: 国家}, type: enum}
  - {name: use, title: {en: Use, zh: 用途}, type: enum}
  - {name: qty, title: {en: Quantity, zh: 数量}, type: decimal}
  - {name: home, title: {en: Home, zh: 国内}, type: decimal}
  - {name: abroad, title: {en: Abroad, zh: 国外}, type: decimal}
  - {name: pounds, title: {en: Pounds, zh: 磅}, type: decimal}
  - {name: price, title: {en: Price, zh: 价格}, type: decimal}
  - {name: value, title: {en: Value, zh: 金额}, type: decimal}
  - {name: orders, title: {en: Orders, zh: 订单数}, type: integer}
  - {name: day, title: {en: Day, zh: 日期}, type: date}
  - {name: due, title: {en: Due, zh: 交期}, type: date}
  - {name: licensed, title: {en: Licensed, zh: 许可}, type: enum}
"""
RISK = """\
risk:
  entity: buyer
  quasi_identifiers: [country, use, qty, day]
  limits: {k_entities: 5, unique_profiles: 0.02, dominance: 0.7, min_contributors: 3}
"""
PSEUDONYM = "{pseudonymise: {scope: release, prefix: P}}"
BANDS = "{bucket: {edges: [100, 1000]}}"
SHOWN: Mapping[str, str] = {"buyer": PSEUDONYM, "country": "allow", "use": "allow", "qty": BANDS}


def orders(rows: int = 80) -> dict[str, list[str]]:
    """A row for each of so many buyers, alike by tens in what a policy would show."""
    numbers = range(rows)
    quantity = [(17 * n) % 90 + 5 if n % 8 < 4 else (37 * n) % 880 + 110 for n in numbers]
    days = [date(2025, 1, 1) + timedelta(days=(11 * n) % 360) for n in numbers]
    home = [(13 * n + 3) % 71 + 1 for n in numbers]
    return {
        "buyer": [f"Buyer {n:03d} GmbH" for n in numbers],
        "buyer_no": [str(70_000 + (n * 7_919) % 9_973) for n in numbers],
        "country": ["DE" if n % 2 else "JP" for n in numbers],
        "use": ["robot" if n % 4 < 2 else "car" for n in numbers],
        "qty": [str(one) for one in quantity],
        "home": [str(one) for one in home],
        "abroad": [str(quantity[n] * 3 + (29 * n) % 97) for n in numbers],
        "pounds": [f"{one * 2.25:.2f}" for one in quantity],
        "price": [f"{(n * 31) % 47 + 3}.50" for n in numbers],
        "value": [f"{one * ((n * 31) % 47 + 3.5):.2f}" for n, one in enumerate(quantity)],
        "orders": [str((n * 5) % 13 + 1) for n in numbers],
        "day": [one.isoformat() for one in days],
        "due": [(one + timedelta(days=30)).isoformat() for one in days],
        "licensed": ["no"] * rows,
    }


def released(
    folder: Path, columns: Mapping[str, Sequence[str]], shown: Mapping[str, str], *, rules: str = "", risk: str = RISK
) -> tuple[Policy, Disclosure]:
    """What leaves of these columns, under a rule for each that is shown; every other is dropped."""
    written = "".join(rule(f"r-{name.replace('_', '-')}", f"{{fields: [{name}]}}", do) for name, do in shown.items())
    library = load(folder, HEAD.replace("rules:\n", f"{risk}rules:\n") + written + rules, kind=KIND)
    policy, kind = library.policy("test.sample"), library.kind("sample")
    form = TableCsv(lambda _values: frozenset())
    table = Table.of([name.replace("_", " ") for name in columns], columns.values())
    answers = Answers(columns={f"column/{n}": name for n, name in enumerate(columns, start=1)})
    surveyed = form.survey(table)
    fields = answered_fields(kind, surveyed, answers)
    plan = decide(policy, kind, surveyed, Context({}), answers, on=DAY).plan()
    plan = Plan(plan.instructions, assessed=True)
    rebuilt = form.rebuild(table, plan, Mark("Customs", "rel_1", "2026-03-02"), b"s" * 32)
    return policy, disclosure(table, fields, plan, rebuilt)


def told(
    folder: Path, columns: Mapping[str, Sequence[str]], shown: Mapping[str, str], *, rules: str = "", risk: str = RISK
) -> Assessment:
    """What that tells, held against the limits."""
    policy, seen = released(folder, columns, shown, rules=rules, risk=risk)
    assert policy.risk is not None
    return assessed(policy.risk, seen)
