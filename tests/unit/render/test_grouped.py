"""Groups of rows, recomputed with csv and decimal; nothing of a group that is too small or one firm's."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from random import Random

import openpyxl
import pytest

from gateway.detect.text import classes_of
from gateway.formats.columns import WITHHELD
from gateway.formats.model import Mark, Table
from gateway.formats.table_csv import PARSE_TASK, TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.effect import effect
from gateway.policy.problems import PolicyInvalid
from gateway.policy.prove import parse_never, prove
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.residue import walled
from gateway.sandbox.process import ProcessSandbox
from tests.support.policies import DAY, HEAD, load, rule

KIND = """\
kind: sample
title: {en: Sample, zh: 样本}
medium: table
fields:
  - {name: buyer, title: {en: Buyer, zh: 买方}}
  - {name: land, title: {en: Country, zh: 国家}}
  - {name: day, title: {en: Day, zh: 日期}, type: date}
  - {name: qty, title: {en: Quantity, zh: 数量}, type: decimal, unit: kg}
  - {name: lots, title: {en: Lots, zh: 批次}, type: integer}
  - {name: licensed, title: {en: Licensed, zh: 许可}}
"""
HEADERS = ("Buyer", "Country", "Day", "Quantity (kg)", "Lots")
HOW = "by: [land, day], entity: buyer, k: 3, dominance: 0.7"
LAND = rule("land", "{fields: [land]}", "allow", more="present: required")
DAYS = rule("when", "{fields: [day]}", "{truncate_date: quarter}")
SUM = rule("sum", "{fields: [qty]}", f"{{aggregate: {{how: sum, {HOW}, to: 10, unit: kg}}}}")
MEAN = rule("mean", "{fields: [lots]}", f"{{aggregate: {{how: mean, {HOW}, to: 0.1}}}}")
COUNT = MEAN.replace("how: mean", "how: count").replace("to: 0.1", "to: 1")
RULES = LAND + DAYS + SUM + MEAN
GONE = f"{WITHHELD}: TS]"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox((PARSE_TASK, walled.TASK))
    yield walls
    walls.close()


def a_table(rng: Random, rows: int) -> list[list[str]]:
    """Many small groups, some of one firm, some with a giant in them, some with numbers that nobody wrote."""
    return [
        [
            rng.choice(("Alpha Magnetics", "ALPHA  magnetics", "Beta Drives", "Gamma Robotics", "Delta Motors", "")),
            rng.choice(("DE", "JP", "FR")),
            rng.choice(("2026-01-05", "2026-02-28", "2026-07-01")),
            rng.choice(
                ("", "0", f"{rng.randint(1, 99_999) / 100:.2f}", str(rng.randint(1, 9) * 10 ** rng.randint(0, 6)))
            ),
            str(rng.randint(0, 40)),
        ]
        for _ in range(rows)
    ]


def by_hand(rows: list[list[str]]) -> list[list[str]]:
    """The groups, worked out one by one from what the rules of the page say."""
    groups: dict[tuple[str, str], list[list[str]]] = {}
    for row in rows:
        year, month, _ = row[2].split("-")
        groups.setdefault((row[1], f"{year}-Q{(int(month) + 2) // 3}"), []).append(row)
    told = []
    for (land, quarter), members in groups.items():
        firms = {" ".join(row[0].casefold().split()) for row in members} - {""}
        if len(firms) >= 3:
            told.append([land, quarter, aggregate(members, 3, "sum", "10"), aggregate(members, 4, "mean", "0.1")])
    return sorted(told)


def aggregate(members: list[list[str]], column: int, how: str, step: str) -> str:
    given: dict[str, list[Decimal]] = {}
    for row in members:
        if row[column]:
            given.setdefault(" ".join(row[0].casefold().split()), []).append(Decimal(row[column]))
    sizes = [sum(map(abs, values)) for values in given.values()]
    if len(given.keys() - {""}) < 3 or not sum(sizes) or max(sizes) > Decimal("0.7") * sum(sizes):
        return GONE
    values = [value for found in given.values() for value in found]
    with localcontext(prec=60):
        number = sum(values, Decimal(0)) / (len(values) if how == "mean" else 1)
        return f"{(number / Decimal(step)).quantize(Decimal(1), ROUND_HALF_EVEN) * Decimal(step):f}"


def rendered(
    tmp_path: Path, sandbox: ProcessSandbox, rows: list[list[str]], rules: str = RULES, head: str = HEAD
) -> Outcome:
    library = load(tmp_path, head + rules, kind=KIND)
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADERS, *rows])
    job = Job(
        untrusted_original=text.getvalue().encode(),
        media_type="text/csv",
        file_name=None,
        form=TableCsv(classes_of),
        kind=library.kind("sample"),
        policy=library.policy("test.sample"),
        context=Context({}),
        on=DAY,
        answers=Answers(),
        mark=Mark("Recipient", "rel_01", "2026-03-02"),
        secret=bytes(32),
        statements=library.statements,
    )
    return render(job, sandbox)


def cells(outcome: Outcome) -> list[list[str]]:
    assert outcome.state is State.CLEAN, (outcome.reason, outcome.report)
    assert outcome.rebuilt is not None
    rows = list(csv.reader(io.StringIO(outcome.rebuilt.data.decode("utf-8-sig"))))
    return sorted(row[:-1] for row in rows[1:])


@pytest.mark.parametrize("seed", range(3))
def test_groups_are_what_decimals_say(tmp_path: Path, sandbox: ProcessSandbox, seed: int) -> None:
    rows = a_table(Random(seed), 60)
    found = rendered(tmp_path, sandbox, rows)
    assert cells(found) == by_hand(rows)
    assert found.rebuilt is not None
    assert found.rebuilt.headers[:-1] == ("Country", "Day [quarter]", "Quantity [sum, kg]", "Lots [mean]")


FIRMS = ("Alpha Magnetics", "Beta Drives", "Gamma Robotics")


def group(
    land: str, firms: tuple[str, ...] = FIRMS, numbers: tuple[str, ...] = ("100", "110", "120")
) -> list[list[str]]:
    return [[firm, land, "2026-01-05", number, "7"] for firm, number in zip(firms, numbers, strict=True)]


def test_a_group_of_few_leaves_no_trace_and_no_count(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    found = rendered(tmp_path, sandbox, group("Germany") + group("Liechtenstein", ("Alpha Magnetics",) * 3))
    assert cells(found) == [["Germany", "2026-Q1", "330", "7.0"]]
    assert found.rebuilt is not None
    assert found.withheld is not None
    assert b"Liechtenstein" not in found.rebuilt.data
    assert "Liechtenstein" in {value.text for value in found.withheld.values}
    assert "Liechtenstein" not in found.withheld.shown
    counted = {line["summary_en"] for line in found.index if line["action"].startswith(("shown as the", "shown by"))}
    assert counted == {"1 s"}


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        (("100", "110", "120"), "330"),
        (("1000", "1", "1"), GONE),
        (("7", "2", "1"), "10"),
        (("71", "19", "10"), GONE),
        (("0", "0", "0"), GONE),
        (("100", "", "120"), GONE),
        (("100", "-90", "-10"), "0"),
        (("-1000", "1", "1"), GONE),
    ],
)
def test_one_firms_number_is_never_the_groups(
    tmp_path: Path, sandbox: ProcessSandbox, numbers: tuple[str, ...], told: str
) -> None:
    found = rendered(tmp_path, sandbox, group("Germany", numbers=numbers) + group("Japan"))
    assert [row[2] for row in cells(found) if row[0] == "Germany"] == [told]


def test_rows_of_nobody_count_as_one_and_not_towards_k(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    firms = ("Alpha Magnetics", "Beta Drives", "")
    assert [row[0] for row in cells(rendered(tmp_path, sandbox, group("Germany", firms) + group("Japan")))] == ["Japan"]
    big = [["", "Japan", "2026-01-05", "9000", "7"]]
    assert cells(rendered(tmp_path, sandbox, group("Japan") + big)) == [["Japan", "2026-Q1", GONE, "7.0"]]


def test_where_a_stricter_rule_takes_a_cell_the_group_says_nothing(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    rows = [*group("Germany"), *group("Japan")]
    outlaw = rule("out", "{fields: [qty], where: {buyer: [Beta Drives], land: [Japan]}}", "drop")
    assert [row[2] for row in cells(rendered(tmp_path, sandbox, rows, RULES + outlaw))] == ["330", GONE]


def test_a_workbook_of_groups_says_how_many_groups_there_are(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    head = HEAD.replace("rules:", "output: {table: xlsx}\nrules:")
    rows = group("Germany") + group("Japan", numbers=("1000", "1", "1")) + group("France", ("Alpha Magnetics",) * 3)
    found = rendered(tmp_path, sandbox, rows, head=head)
    assert (found.state, found.reason) == (State.CLEAN, None)
    assert found.rebuilt is not None
    book = openpyxl.load_workbook(io.BytesIO(found.rebuilt.data), read_only=True)
    table, notice = ([list(row) for row in book[name].iter_rows(values_only=True)] for name in book.sheetnames)
    assert sorted([row[0], row[2]] for row in table[1:]) == [["Germany", 330], ["Japan", GONE]]
    assert ["Rows in the table", "2"] in [list(map(str, row[:2])) for row in notice]


def test_no_group_or_no_firm_is_no_rendition(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    found = rendered(tmp_path, sandbox, group("Germany", ("Alpha Magnetics",) * 3))
    assert (found.state, "group more coarsely" in (found.reason or "")) == (State.REFUSED, True)
    found = rendered(tmp_path, sandbox, [*group("Germany"), ["Beta Drives", "Germany", "2026-01-05", "1.234", "7"]])
    assert (found.state, "Row 5" in (found.reason or "")) == (State.REFUSED, True)


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        (RULES + rule("who", "{fields: [buyer]}", "{pseudonymise: {scope: release, prefix: P}}"), "row by row"),
        (RULES + rule("lic", "{fields: [licensed]}", "allow"), "row by row"),
        (LAND + SUM + MEAN.replace("k: 3", "k: 4"), "otherwise than another rule"),
        (LAND + SUM.replace("k: 3", "k: 2"), "3 or more"),
        (LAND + SUM.replace("0.7", "1"), "at most 0.9"),
        (LAND + SUM.replace("[land, day]", "[buyer]"), "not the `entity`"),
        (LAND + SUM.replace("unit: kg", "unit: t"), "another unit"),
        (LAND + COUNT.replace("to: 1}", "to: 1, unit: kg}"), "another unit"),
        (LAND + SUM + "    present: required\n", "small ones stay out"),
        (LAND + SUM + "    when: {purpose: [x]}\n", "small ones stay out"),
        (LAND + SUM.replace("[land, day]", "[land, qty]"), "by itself"),
    ],
)
def test_what_groups_cannot_promise_is_not_loaded(tmp_path: Path, rules: str, word: str) -> None:
    with pytest.raises(PolicyInvalid, match=word):
        load(tmp_path, HEAD + rules, kind=KIND)


def test_without_its_columns_nothing_leaves_row_by_row(tmp_path: Path, sandbox: ProcessSandbox) -> None:
    library = load(tmp_path, HEAD + RULES, kind=KIND)
    policy, kind = library.policy("test.sample"), library.kind("sample")
    form = TableCsv(classes_of)
    content = Table.of(HEADERS[1:3], [["Germany"], ["2026-01-05"]])
    found = decide(policy, kind, form.survey(content), Context({}), Answers(), on=DAY)
    with pytest.raises(Exception, match="The original lacks a column"):
        form.rebuild(content, found.plan(), Mark("R", "rel_01", "2026-03-02"), bytes(32))
    for claim, proved in (("field=buyer", True), ("field=qty as-is", True), ("field=qty", False)):
        assert prove(policy, [kind], parse_never(claim)).proved is proved
    whole = Table.of(HEADERS, zip(*group("Germany"), strict=True))
    decided = decide(policy, kind, form.survey(whole), Context({}), Answers(), on=DAY)
    assert effect(decided, decided, whole, bytes(32)).cells == ()
