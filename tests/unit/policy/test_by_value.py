"""What depends on a cell's own number, or on other columns: withheld, indexed, named; and what is proved about it."""

from __future__ import annotations

import csv
import io
import random
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.formats.model import Element, Field, Mark, Op, Plan, Table, applied
from gateway.formats.problems import CellUnreadable
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions
from gateway.policy.difference import Direction, changes
from gateway.policy.kinds import Kind
from gateway.policy.lint import lint
from gateway.policy.load import load_library
from gateway.policy.model import Approval, Defaults, Output, Rule
from gateway.policy.policy import Policy
from gateway.policy.problems import PolicyInvalid, RulesIncomparable
from gateway.policy.prove import parse_never, prove
from gateway.policy.reach import Reach, space_of, targets
from gateway.policy.sound import contradictions
from gateway.policy.testing import Specimen, run_tests
from gateway.policy.words import Text
from tests.support.policies import DAY, HEAD, KIND, PICTURE, decided, load, rule

ALLOW = rule("show", "{fields: [qty]}", "allow")
SMALL = rule("small", "{fields: [qty]}", "{suppress: {below: 5, unit: kg}}")
INDEX = rule("level", "{fields: [qty]}", "{index: {over: day, base: 2024, by: [buyer], to: 1}}")
HEADERS = ["Quantity (kg)", "Day", "Buyer", "Licensed"]
MARK = Mark("Recipient", "rel_01", "2026-03-02")


def shown(found: Decisions, rows: list[list[str]], secret: bytes = bytes(32)) -> list[list[str]]:
    """The cells of the rendition without the mark, sorted."""
    form = TableCsv(lambda _cells: frozenset())
    content = Table.of(HEADERS[: len(rows[0])], zip(*rows, strict=True))
    text = form.rebuild(content, found.plan(), MARK, secret).data.decode("utf-8-sig")
    return sorted(row[:-1] for row in list(csv.reader(io.StringIO(text)))[1:])


def test_small_numbers_are_withheld_and_the_others_follow_the_other_rules(tmp_path: Path) -> None:
    rows = [["4.99"], ["5"], ["1.234,5"], [""], ["about 7"]]
    found = decided(tmp_path, SMALL + ALLOW, HEADERS[:1], *rows)
    [item] = found.items
    assert (item.outcome, item.output_title) == ("mixed", "Quantity [kg]")
    rules = [case.rule if (case := applied(item.cases, {"qty": cell})) else None for [cell] in rows]
    assert rules == ["small", "show", "show", "show", "small"]
    assert shown(found, rows) == [[""], ["1.234,5"], ["5"], ["[withheld: TS]"], ["[withheld: TS]"]]
    small, *_ = found.withheld_items()
    assert (small.rule, small.done.en) == ("small", "withheld where it is less than 5 kg")


def test_withholding_small_numbers_shows_nothing_by_itself(tmp_path: Path) -> None:
    found = decided(tmp_path, SMALL, HEADERS[:1], ["7"])
    assert [item.leaves for item in found.items] == [False]


def test_a_higher_bound_and_plain_removal_are_stricter(tmp_path: Path) -> None:
    higher = rule("smaller", "{fields: [qty]}", "{suppress: {below: 9, unit: kg}}")
    found = decided(tmp_path, SMALL + higher + ALLOW, HEADERS[:1], ["7"])
    assert [ruling.rule for ruling in found.items[0].rulings] == ["smaller", "small", "show"]
    found = decided(tmp_path, SMALL + ALLOW + rule("none", "{fields: [qty]}", "drop"), HEADERS[:1], ["7"])
    assert not found.items[0].leaves


def test_a_rule_that_only_withholds_small_numbers_shadows_nothing(tmp_path: Path) -> None:
    library = load(tmp_path, HEAD + SMALL + ALLOW)
    codes = {finding.code for finding in lint(library.policy("test.sample"), library) if finding.rule}
    assert "shadowed" not in codes


def test_an_index_shows_no_level(tmp_path: Path) -> None:
    rows = [["50", "2024", "a"], ["75", "2025", "a"], ["8", "2024", "b"], ["1", "2025", "b"], ["", "2026", "b"]]
    found = decided(tmp_path, INDEX, HEADERS[:3], *rows)
    assert found.items[0].output_title == "Quantity [index, 2024 = 100]"
    assert shown(found, rows) == [[""], ["100"], ["100"], ["12"], ["150"]]


@pytest.mark.parametrize(
    "rows",
    [
        [["5", "2025", "a"]],
        [["5", "2024", "a"], ["6", "2024", "A "], ["7", "2025", "a"]],
        [["0", "2024", "a"], ["7", "2025", "a"]],
        [["-3", "2024", "a"], ["7", "2025", "a"]],
        [["", "2024", "a"], ["7", "2025", "a"]],
        [["5", "2024", "a"], ["7 USD", "2025", "a"]],
        [["5", "2024", "b"], ["7", "2025", "a"]],
    ],
)
def test_without_one_base_there_is_no_index(tmp_path: Path, rows: list[list[str]]) -> None:
    found = decided(tmp_path, INDEX, HEADERS[:3], *rows)
    with pytest.raises(CellUnreadable, match=r"Row \d+ of the column “Quantity .* has no index"):
        shown(found, rows)


def test_an_index_without_its_columns_withholds_whatever_else_allows(tmp_path: Path) -> None:
    found = decided(tmp_path, INDEX + ALLOW, HEADERS[:2], ["50", "2024"])
    assert [item.leaves for item in found.items] == [False, False]
    assert found.items[0].main.rule == "level"


def test_nothing_looser_stands_beside_an_index(tmp_path: Path) -> None:
    part = rule("part", "{fields: [qty], where: {licensed: ['y']}}", "allow")
    found = decided(tmp_path, INDEX + part, HEADERS, ["50", "2024", "a", "y"])
    assert [ruling.rule for ruling in found.items[0].rulings] == ["level"]
    bands = rule("bands", "{fields: [qty], where: {licensed: ['y']}}", "{bucket: {edges: [9], unit: kg}}")
    with pytest.raises(PolicyInvalid, match="neither is stricter"):
        load(tmp_path, HEAD + INDEX + bands)
    with pytest.raises(PolicyInvalid, match="no rows"):
        load(tmp_path, HEAD + INDEX, kind=KIND.replace("medium: table", "medium: text"))


def test_values_leave_under_the_names_that_are_declared_or_not_at_all(tmp_path: Path) -> None:
    names = "{generic_name: {names: {Fahrwerk AG: Car maker in the EU, 'ＦＡＨＲＷＥＲＫ KG': Car maker in the EU}}}"
    found = decided(tmp_path, rule("sort", "{fields: [buyer]}", names), ["Buyer"], ["a"])
    assert found.items[0].output_title == "Buyer [generic name]"
    assert shown(found, [[" fahrwerk ag"], ["Fahrwerk KG"], [""]])[1:] == [["Car maker in the EU"]] * 2
    with pytest.raises(CellUnreadable, match=r"Row 3 .* no generic name"):
        shown(found, [["Fahrwerk AG"], ["Tesla"]])


TESTS = """\
policy: test.sample
on: 2026-03-02
tests:
  - {name: declared, headers: [Buyer], rows: [[Fahrwerk AG]], expect: {}, absent: [Fahrwerk], present: [Car maker]}
  - {name: not declared, headers: [Buyer], rows: [[Tesla]], expect: {refused: cell-unreadable}}
"""


def test_a_test_can_expect_what_is_refused_when_it_is_rendered(tmp_path: Path) -> None:
    def renderer(specimen: Specimen, plan: Plan) -> bytes:
        content = Table.of(specimen.headers, zip(*specimen.rows, strict=True))
        return TableCsv(lambda _cells: frozenset()).rebuild(content, plan, MARK, bytes(32)).data

    names = "{generic_name: {names: {Fahrwerk AG: Car maker in the EU}}}"
    library = load(tmp_path, HEAD + rule("sort", "{fields: [buyer]}", names))
    (tmp_path / "p0.test.yaml").write_text(TESTS, encoding="utf-8")
    assert [one.failures for one in run_tests(tmp_path, library, renderer).results] == [(), ()]
    (tmp_path / "p0.test.yaml").write_text(TESTS.replace("Tesla", "Fahrwerk AG"), encoding="utf-8")
    [_, second] = run_tests(tmp_path, library, renderer).results
    assert second.failures == ("It should have been refused as cell-unreadable and was not.",)


def test_sound_is_named_by_its_track(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    film = PICTURE.replace("medium: picture", "medium: video").replace("kind: shot", "kind: film")
    (tmp_path / "kinds" / "film.yaml").write_text(film, encoding="utf-8")
    rules = rule("area", "{regions: {class: [area]}}", "crop") + rule("sound", "{tracks: [audio]}", "mute")
    (tmp_path / "p.yaml").write_text(HEAD.replace("[sample]", "[film]") + rules, encoding="utf-8")
    library = load_library(tmp_path)
    tags = [Field(f"metadata/{tag}", Element.METADATA, tag, tag) for tag in ("track:2 audio", "track:3 subtitle")]
    answers = Answers.from_json({"regions": [{"class": "area", "box": [0, 0, 9, 9]}], "confirmed": True})
    found = decide(library.policy("test.sample"), library.kind("film"), tags, Context({}), answers, on=DAY)
    assert [item.main.rule for item in found.items] == ["sound", "default", "area"]
    assert found.plan().instructions[0].cases[0].transform.op is Op.STRIP
    assert found.items[0].main.action.to_json() == "mute"
    assert next(line.done.zh for line in found.withheld_items()) == "已去除声音"


# --- what is proved, against the engine itself ---

_KIND = Kind.model_validate(
    {
        "kind": "sample",
        "title": {"en": "S", "zh": "S"},
        "medium": "table",
        "fields": [
            {"name": "qty", "title": {"en": "Q", "zh": "Q"}, "type": "decimal"},
            {"name": "year", "title": {"en": "Y", "zh": "Y"}},
        ],
    }
)
_REQ = {"code": "REQ", "basis": "law", "asked_for": "item-1"}
_TS = {"code": "TS", "basis": "law", "reason": {"en": "r", "zh": "r"}, "no_summary_reason": {"en": "n", "zh": "n"}}
_DO: tuple[Any, ...] = (
    "allow", "allow", "drop", {"suppress": {"below": "5"}}, {"suppress": {"below": "20"}},
    {"index": {"over": "year", "base": "2024", "to": "1"}}, {"bucket": {"edges": ["10"]}},
)  # fmt: skip


def _random_policy(rng: random.Random) -> Policy:
    rules = []
    for number in range(rng.randint(1, 5)):
        do = rng.choice(_DO)
        select: dict[str, Any] = {"fields": ["qty"]}
        if rng.random() < 0.4 and not (isinstance(do, dict) and "index" in do):
            asked = rng.choice(({"year": ["2024", "2025"]}, {"qty": ["3", "5", "7", "x", ""]}))
            select["where"] = {name: rng.sample(values, rng.randint(1, 2)) for name, values in asked.items()}
        when = {"recipient.class": rng.sample(["authority", "public", "supplier"], 2)} if rng.random() < 0.4 else {}
        because = _REQ if do == "allow" else _TS
        rules.append(
            Rule.model_validate({"id": f"r{number}", "select": select, "do": do, "when": when, "because": because})
        )
    return Policy(
        id="test.random", version="1.0.0", title=Text(en="R", zh="R"), owner="legal", start=date(2026, 1, 1), end=None,
        kinds=("sample",), whens=(), rules=tuple(rules), origin=tuple((one.id, "x") for one in rules),
        defaults=Defaults(), approvals=(Approval.model_validate({"role": "legal", "n": "2"}),), output=Output(),
    )  # fmt: skip


def _engine(policy: Policy, context: Context, cell: str, year: str | None) -> str | None:
    names = ["qty"] if year is None else ["qty", "year"]
    fields = [Field(f"column/{n}", Element.COLUMN, "", name) for n, name in enumerate(names, start=1)]
    answers = Answers(columns={one.id: one.name or "" for one in fields})
    try:
        found = decide(policy, _KIND, fields, context, answers, on=DAY)
    except RulesIncomparable:
        return None
    case = applied(found.items[0].cases, {"qty": cell} | ({} if year is None else {"year": year}))
    return None if case is None or case.withholds else case.transform.op.value


def test_the_boxes_say_what_the_engine_decides_by_value() -> None:
    rng = random.Random(20)
    told: set[str | None] = set()
    for _ in range(80):
        policy = _random_policy(rng)
        if any(contradictions(policy.rules, _KIND)):
            continue  # such a policy is not loaded
        [target] = [one for one in targets(_KIND) if one.name == "qty"]
        space = space_of([policy], target)
        for outcome in Reach(policy, _KIND, target, space).outcomes():
            for box in outcome.boxes:
                point = space.example(box)
                cell, year = point.get("row qty", "8"), point.get("row year", "2030")
                whom = point.get("recipient.class")
                context = Context({} if whom is None else {"recipient.class": str(whom)})
                found = _engine(policy, context, str(cell), None if year is None else str(year))
                assert found == outcome.action.op, (policy.rules, point)
                told.add(found)
        for cell in ("1", "3", "4", "5", "7", "9", "19", "20", "400", "x", "y", ""):
            for whom in ("authority", "public", "agent"):
                for year in ("2024", "2030", None):
                    here = _engine(policy, Context({"recipient.class": whom}), cell, year)
                    claim = parse_never(f"field=qty to recipient.class={whom}")
                    if here is not None:
                        assert not prove(policy, [_KIND], claim).proved, (policy.rules, cell, whom, year)
    assert told == {"allow", "index", "bucket"}


def test_taking_the_bound_away_or_lowering_it_loosens(tmp_path: Path) -> None:
    lower = SMALL.replace("below: 5", "below: 2")
    policies = []
    for number, rules in enumerate((SMALL + ALLOW, lower + ALLOW, ALLOW)):
        folder = tmp_path / str(number)
        folder.mkdir()
        library = load(folder, HEAD + rules)
        policies.append(library.policy("test.sample"))
    kinds = [library.kind("sample")]
    for before, after in ((0, 1), (1, 2), (0, 2)):
        [change] = changes(policies[before], policies[after], kinds)
        assert change.direction is Direction.RELEASED
        assert [one.direction for one in changes(policies[after], policies[before], kinds)] == [Direction.WITHHELD]
    assert changes(policies[0], policies[0], kinds) == []


def test_what_is_large_enough_still_leaves_as_it_is(tmp_path: Path) -> None:
    library = load(tmp_path, HEAD + SMALL + ALLOW)
    found = prove(library.policy("test.sample"), [library.kind("sample")], parse_never("field=qty as-is"))
    [one] = found.counterexamples
    assert float(one.example.row["qty"] or 0) >= 5
