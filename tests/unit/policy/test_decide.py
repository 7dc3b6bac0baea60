"""Default deny, strictest wins, nothing settled by file order, nothing shown by accident."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.base.canon import canonical, parse_canonical
from gateway.formats.model import Box, Element, Field, Op, Source, applied
from gateway.policy.actions import parse_action
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions
from gateway.policy.load import load_library
from gateway.policy.model import Because, Rule, Select
from gateway.policy.problems import (
    AnswersInvalid,
    ContextInvalid,
    PolicyBlocks,
    PolicyExpired,
    PolicyNotApplicable,
    RulesIncomparable,
    Unanswered,
)
from tests.support.policies import DAY, HEAD, REQ, TS, columns, decided, load, rule

ALLOW = rule("show", "{fields: [buyer]}", "allow")
PSEUDO = "{pseudonymise: {scope: release, prefix: P}}"
BUCKET = "{bucket: {edges: [10, 100], unit: kg}}"


def by_rule(decisions: Decisions) -> dict[str, str]:
    return {item.field_id: item.main.rule for item in decisions.items}


def test_what_no_rule_names_is_dropped(tmp_path: Path) -> None:
    found = decided(tmp_path, ALLOW, ["Buyer", "Day"], ["a", "2026-01-01"])
    assert [item.outcome for item in found.items] == ["disclosed", "withheld"]
    assert by_rule(found)["column/2"] == "default"
    assert found.items[1].main.because.code == "UNNAMED"
    assert found.plan().instructions[1].cases[0].transform.op is Op.DROP


def test_an_unknown_column_is_out_and_asked_for(tmp_path: Path) -> None:
    found = decided(tmp_path, ALLOW, ["Buyer", "Tesla plan"], ["a", "b"])
    assert [ask.field_id for ask in found.asks] == ["column/2"]
    assert not found.items[1].leaves
    with pytest.raises(Unanswered, match="column 2"):
        found.require_answered()


def test_an_unknown_column_is_not_asked_for_where_the_policy_says_drop(tmp_path: Path) -> None:
    head = HEAD.replace("rules:", "defaults: {unknown_field: drop}\nrules:")
    found = decided(tmp_path, ALLOW, ["Buyer", "Foo"], ["a", "b"], head=head)
    assert (found.asks, found.items[1].outcome) == ((), "withheld")
    found.require_answered()


def test_a_class_match_beats_a_looser_field_match(tmp_path: Path) -> None:
    rules = ALLOW + rule("never", "{classes: [EMAIL]}", "drop")
    assert by_rule(decided(tmp_path, rules, ["Buyer"], ["a@b.example"])) == {"column/1": "never"}
    assert by_rule(decided(tmp_path, rules, ["Buyer"], ["a"])) == {"column/1": "show"}


def test_an_unknown_column_that_a_class_removes_needs_no_answer(tmp_path: Path) -> None:
    rules = ALLOW + rule("never", "{classes: [EMAIL]}", "drop")
    assert decided(tmp_path, rules, ["Foo"], ["a@b.example"]).asks == ()


def test_a_class_that_removes_only_some_rows_leaves_an_unknown_column_open(tmp_path: Path) -> None:
    rules = rule("some", "{classes: [EMAIL], where: {licensed: ['no']}}", "drop")
    found = decided(tmp_path, rules, ["Licensed", "Foo"], ["no", "a@b.example"])
    assert [ask.field_id for ask in found.asks] == ["column/2"]


def test_an_unknown_column_is_never_changed_only_removed(tmp_path: Path) -> None:
    rules = rule("mask", "{classes: [EMAIL]}", "{mask: {keep_last: 4}}")
    found = decided(tmp_path, rules, ["Foo"], ["a@b.example"])
    assert (found.items[0].outcome, len(found.asks)) == ("withheld", 1)


def test_a_declared_class_counts_without_a_value(tmp_path: Path) -> None:
    rules = rule("show", "{fields: [price]}", "allow") + rule("never", "{classes: [MONEY]}", "drop")
    assert by_rule(decided(tmp_path, rules, ["Price"], [""])) == {"column/1": "never"}


def test_a_header_rule_removes(tmp_path: Path) -> None:
    rules = ALLOW + rule("internal", "{headers: ['*intern*']}", "drop")
    found = decided(tmp_path, rules, ["Buyer", "nur  INTERN\nnutzen"], ["a", "b"])
    assert (by_rule(found)["column/2"], found.asks) == ("internal", ())


@pytest.mark.parametrize(
    ("loose", "strict", "field"),
    [
        ("allow", PSEUDO, "buyer"),
        ("allow", "{mask: {keep_last: 4}}", "buyer"),
        (PSEUDO, "{mask: {keep_last: 4}}", "buyer"),
        (PSEUDO, "drop", "buyer"),
        ("{pseudonymise: {scope: release, prefix: P}}", "{pseudonymise: {scope: table, prefix: Q}}", "buyer"),
        ("{pseudonymise: {scope: table, prefix: P}}", "{pseudonymise: {scope: row, prefix: P}}", "buyer"),
        ("{mask: {keep_last: 4}}", "{mask: {keep_last: 0}}", "buyer"),
        ("allow", BUCKET, "qty"),
        ("{round: {to: 10, unit: kg}}", BUCKET, "qty"),
        ("{round: {to: 10, unit: kg}}", "{round: {to: 100, unit: kg}}", "qty"),
        (BUCKET, "{bucket: {edges: [100], unit: kg}}", "qty"),
        ("{truncate_date: month}", "{truncate_date: quarter}", "day"),
        ("{truncate_date: quarter}", "{truncate_date: year}", "day"),
        (BUCKET, "drop", "qty"),
    ],
)
def test_the_strictest_wins_in_either_order(tmp_path: Path, loose: str, strict: str, field: str) -> None:
    one = rule("loose", f"{{fields: [{field}]}}", loose)
    two = rule("strict", f"{{fields: [{field}]}}", strict)
    header = {"qty": "Quantity (kg)"}.get(field, field)
    for rules in (one + two, two + one):
        found = decided(tmp_path, rules, [header], [""])
        assert [case.rule for case in found.items[0].cases] == ["strict"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"bucket": {"edges": ["10", "20"]}}, {"bucket": {"edges": ["15"]}}),
        ({"bucket": {"edges": ["10", "12"]}}, {"round": {"to": "5"}}),
        ({"round": {"to": "10"}}, {"round": {"to": "15"}}),
        ({"pseudonymise": {"scope": "row", "prefix": "P"}}, {"pseudonymise": {"scope": "row", "prefix": "Q"}}),
    ],
)
def test_incomparable_actions_are_refused_even_past_the_loader(tmp_path: Path, one: object, two: object) -> None:
    because = Because.model_validate(
        {"code": "TS", "reason": {"en": "r", "zh": "理"}, "no_summary_reason": {"en": "r", "zh": "理"}}
    )
    rules = tuple(
        Rule.model_construct(id=name, select=Select(fields=("buyer",)), do=parse_action(do), because=because)
        for name, do in (("a", one), ("b", two))
    )
    library = load(tmp_path, HEAD + ALLOW)
    policy = replace(library.policy("test.sample"), rules=rules)
    with pytest.raises(RulesIncomparable, match="a and b"):
        decide(policy, library.kind("sample"), columns(["Buyer"]), Context({}), Answers(), on=DAY)


def test_rows_are_decided_one_by_one(tmp_path: Path) -> None:
    rules = rule("named", "{fields: [buyer], where: {licensed: [' YES ', 是]}}", "allow") + rule(
        "others", "{fields: [buyer], where: {licensed: ['no']}}", PSEUDO
    )
    item = decided(tmp_path, rules, ["Buyer", "Licensed"], ["a", "yes"]).items[0]
    assert (item.outcome, item.output_title) == ("mixed", "Buyer [pseudonym in part]")
    found = [applied(item.cases, {"buyer": "a", "licensed": cell}) for cell in ("Yes", "是", "NO ", "perhaps", "")]
    assert [case.rule if case else None for case in found] == ["named", "named", "others", None, None]


def test_a_missing_where_column_fails_a_permit_and_satisfies_a_prohibition(tmp_path: Path) -> None:
    permit = rule("named", "{fields: [buyer], where: {licensed: ['yes']}}", "allow")
    assert decided(tmp_path, permit, ["Buyer"], ["a"]).items[0].outcome == "withheld"
    ban = ALLOW + rule("ban", "{fields: [buyer], where: {licensed: ['no']}}", "drop")
    assert decided(tmp_path, ban, ["Buyer"], ["a"]).items[0].outcome == "withheld"
    assert decided(tmp_path, ban, ["Buyer", "Licensed"], ["a", "b"]).items[0].outcome == "mixed"


def test_a_removing_row_rule_beats_a_permit_without_rows(tmp_path: Path) -> None:
    ban = ALLOW + rule("ban", "{fields: [buyer], where: {licensed: ['no']}}", "drop")
    item = decided(tmp_path, ban, ["Buyer", "Licensed"], ["a", "b"]).items[0]
    assert [case.rule for case in item.cases] == ["ban", "show"]
    chosen = applied(item.cases, {"buyer": "a", "licensed": "no"})
    assert chosen is not None
    assert chosen.rule == "ban"


def test_equally_strict_rules_are_settled_by_finality_and_name_not_by_order(tmp_path: Path) -> None:
    a, b = (rule(name, "{fields: [buyer]}", "drop") for name in "ab")
    final = rule("z", "{fields: [buyer]}", "drop", more="final: true")
    assert by_rule(decided(tmp_path, b + a, ["Buyer"], [""])) == {"column/1": "a"}
    assert by_rule(decided(tmp_path, a + final, ["Buyer"], [""])) == {"column/1": "z"}


def test_block_refuses_everything(tmp_path: Path) -> None:
    rules = ALLOW + rule("stop", "{fields: [price]}", "block")
    assert decided(tmp_path, rules, ["Buyer"], ["a"]).items[0].leaves
    with pytest.raises(PolicyBlocks, match="column 2"):
        decided(tmp_path, rules, ["Buyer", "Price"], ["a", "1"])


@pytest.mark.parametrize("day", [date(2025, 12, 31), date(2027, 1, 1)])
def test_outside_its_days_it_permits_nothing(tmp_path: Path, day: date) -> None:
    with pytest.raises(PolicyExpired):
        decided(tmp_path, ALLOW, ["Buyer"], ["a"], on=day)


def test_on_its_first_and_last_day_it_holds(tmp_path: Path) -> None:
    for day in (date(2026, 1, 1), date(2026, 12, 31)):
        assert decided(tmp_path, ALLOW, ["Buyer"], ["a"], on=day).items[0].leaves


def test_another_kind_is_refused(tmp_path: Path) -> None:
    library = load(tmp_path, HEAD + ALLOW)
    with pytest.raises(PolicyNotApplicable):
        decide(library.policy("test.sample"), library.kind("shot"), (), Context({}), Answers(), on=DAY)


def test_a_rule_for_some_recipients_fails_when_the_value_is_missing(tmp_path: Path) -> None:
    permit = rule("show", "{fields: [buyer]}", "allow", more="when: {recipient.class: [authority]}")
    ban = ALLOW + rule("ban", "{fields: [buyer]}", "drop", more="when: {recipient.class: [supplier]}")

    def leaves(rules: str, context: Context | None = None) -> bool:
        return decided(tmp_path, rules, ["Buyer"], ["a"], context=context).items[0].leaves

    authority, supplier = Context({"recipient.class": "authority"}), Context({"recipient.class": "supplier"})
    assert leaves(permit, context=authority)
    assert not leaves(permit, context=supplier)
    assert not leaves(permit)
    assert leaves(ban, context=authority)
    assert not leaves(ban, context=supplier)
    assert not leaves(ban)


def test_everyone_in_custody_counts(tmp_path: Path) -> None:
    permit = rule("show", "{fields: [buyer]}", "allow", more="when: {recipient.class: [authority]}")
    through = Context({"recipient.class": "authority"}, custody=({"recipient.class": "supplier"},))
    assert not decided(tmp_path, permit, ["Buyer"], ["a"], context=through).items[0].leaves
    ban = ALLOW + rule("ban", "{fields: [buyer]}", "drop", more="when: {recipient.class: [supplier]}")
    assert not decided(tmp_path, ban, ["Buyer"], ["a"], context=through).items[0].leaves


BANDS_FOR_SUPPLIERS = rule("show", "{fields: [qty]}", "allow") + rule(
    "bands", "{fields: [qty]}", BUCKET, more="when: {recipient.class: [supplier]}"
)


@pytest.mark.parametrize(
    "context",
    [
        Context({"recipient.class": "supplier"}),
        Context({"recipient.class": "authority"}, custody=({"recipient.class": "supplier"},)),
        Context({}),
    ],
    ids=["recipient", "custody", "missing"],
)
def test_a_change_for_anyone_in_custody_or_perhaps_for_someone_forbids_what_is_looser(
    tmp_path: Path, context: Context
) -> None:
    found = decided(tmp_path, BANDS_FOR_SUPPLIERS, ["Quantity (kg)"], ["57"], context=context)
    assert by_rule(found) == {"column/1": "bands"}
    assert found.items[0].outcome == "transformed"


def test_a_change_that_holds_for_nobody_forbids_nothing(tmp_path: Path) -> None:
    context = Context({"recipient.class": "authority"})
    assert by_rule(decided(tmp_path, BANDS_FOR_SUPPLIERS, ["Quantity (kg)"], ["57"], context=context)) == {
        "column/1": "show"
    }


def test_a_change_that_only_forbids_shows_nothing_by_itself(tmp_path: Path) -> None:
    through = Context({"recipient.class": "supplier"}, custody=({"recipient.class": "authority"},))
    bands = rule("bands", "{fields: [qty]}", BUCKET, more="when: {recipient.class: [supplier]}")
    assert not decided(tmp_path, bands, ["Quantity (kg)"], ["57"], context=through).items[0].leaves
    licensed = bands + rule("show", "{fields: [qty], where: {licensed: ['yes']}}", "allow")
    item = decided(tmp_path, licensed, ["Quantity (kg)", "Licensed"], ["57", "yes"], context=through).items[0]
    shown = [
        case.rule if case else None for case in (applied(item.cases, {"licensed": answer}) for answer in ("yes", "no"))
    ]
    assert shown == ["bands", None]


def test_a_change_whose_column_is_missing_forbids_what_is_looser_in_every_row(tmp_path: Path) -> None:
    rules = rule("show", "{fields: [qty]}", "allow") + rule(
        "bands", "{fields: [qty], where: {licensed: ['no']}}", BUCKET
    )
    assert by_rule(decided(tmp_path, rules, ["Quantity (kg)"], ["57"])) == {"column/1": "bands"}


def test_a_profile_that_the_policy_does_not_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyNotApplicable, match="profile"):
        decided(tmp_path, ALLOW, ["Buyer"], ["a"], context=Context({"profile": "public"}))


def test_an_unknown_attribute_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContextInvalid):
        decided(tmp_path, ALLOW, ["Buyer"], ["a"], context=Context({"mood": "good"}))


def test_answers_name_drop_and_override(tmp_path: Path) -> None:
    rules = ALLOW + rule("days", "{fields: [day]}", "{truncate_date: year}")
    named = decided(tmp_path, rules, ["Buyer", "Foo"], ["a", "b"], answers=Answers({"column/2": "day"}))
    assert (named.items[1].output_title, named.asks) == ("Day [year]", ())
    dropped = decided(tmp_path, rules, ["Buyer", "Foo"], ["a", "b"], answers=Answers({"column/2": "drop"}))
    assert (by_rule(dropped)["column/2"], dropped.asks) == ("answer", ())
    tightened = decided(tmp_path, rules, ["Buyer"], ["a"], answers=Answers({"column/1": "drop"}))
    assert not tightened.items[0].leaves


def test_an_answer_never_undoes_a_class(tmp_path: Path) -> None:
    rules = ALLOW + rule("never", "{classes: [EMAIL]}", "drop")
    found = decided(tmp_path, rules, ["Foo"], ["a@b.example"], answers=Answers({"column/1": "buyer"}))
    assert by_rule(found) == {"column/1": "never"}


@pytest.mark.parametrize(
    ("headers", "given"),
    [
        (["Buyer", "Foo"], {"column/2": "buyer"}),
        (["Buyer"], {"column/9": "drop"}),
        (["Buyer"], {"column/1": "ghost"}),
        (["Weight (t)"], {"column/1": "qty"}),
    ],
)
def test_answers_that_do_not_fit_are_refused(tmp_path: Path, headers: list[str], given: dict[str, str]) -> None:
    with pytest.raises(AnswersInvalid):
        decided(tmp_path, ALLOW, headers, ["x"] * len(headers), answers=Answers(given))


def test_a_table_has_no_regions(tmp_path: Path) -> None:
    with pytest.raises(AnswersInvalid):
        decided(tmp_path, ALLOW, ["Buyer"], ["a"], answers=Answers(regions=(Region("face", Box(0, 0, 1, 1)),)))


def test_approvals_depend_on_what_leaves(tmp_path: Path) -> None:
    head = HEAD.replace("n: 2}", "n: 2}, {role: privacy, n: 1, when: {class_in: [MONEY]}}")
    keep = rule("band", "{fields: [price]}", "{round: {to: 10}}")
    drop = rule("band", "{fields: [price]}", "drop")
    kept = decided(tmp_path, keep, ["Price"], ["1"], head=head)
    assert {(one.role, one.n) for one in kept.approvals} == {("legal", 2), ("privacy", 1)}
    assert [one.role for one in decided(tmp_path, drop, ["Price"], ["1"], head=head).approvals] == ["legal"]


SECRET = "Projekt Tesla Q3 geheim"


def test_the_record_is_canonical_and_free_of_the_originals_words(tmp_path: Path) -> None:
    rules = ALLOW + rule("never", "{classes: [EMAIL]}", "drop")
    found = decided(tmp_path, rules, ["Buyer", SECRET, "x@y.example"], ["Zenit AG", "v1", "a@b.example"])
    data = canonical(found.to_json())
    assert parse_canonical(data)["items"][1]["title"] == {"en": "Column 2", "zh": "第 2 列"}
    for word in (SECRET, "Zenit", "y.example", "b.example", "v1"):
        assert word.encode() not in data
    assert SECRET not in repr(found.withheld_items())
    assert all(SECRET not in instruction.title for instruction in found.plan().instructions)


def test_metadata_goes_by_number_in_the_record() -> None:
    library = load_library()
    tags = [Field(f"metadata/PNG:{name}", Element.METADATA, f"PNG:{name}", None) for name in ("Tesla", "Zenit")]
    context = Context({"recipient.class": "authority", "purpose": "export_licence"})
    policy, kind = library.policy("cn-mofcom-single.production-photo"), library.kind("production_photo")
    found = decide(policy, kind, tags, context, Answers(), on=DAY)
    text = json.dumps(found.to_json())
    assert "Tesla" not in text
    assert [item["field"] for item in json.loads(text)["items"]] == ["metadata/1", "metadata/2"]
    assert [item.main.action.op for item in found.items] == ["strip", "strip"]
    assert [len(line.field_ids) for line in found.withheld_items()] == [2]


def test_withheld_items_carry_grounds_in_both_languages(tmp_path: Path) -> None:
    rules = (
        rule("named", "{fields: [buyer], where: {licensed: ['yes']}}", "allow")
        + rule("others", "{fields: [buyer], where: {licensed: ['no']}}", PSEUDO)
        + rule("flag", "{fields: [licensed]}", "allow")
    )
    lines = decided(tmp_path, rules, ["Buyer", "Licensed", "Foo"], ["a", "yes", "b"]).withheld_items()
    assert [(line.number, line.place, line.rule) for line in lines] == [
        (1, "column 1", "others"),
        (2, "column 1", "default"),
        (3, "column 3", "default"),
    ]
    for line in lines:
        assert line.code
        assert line.reason.en
        assert line.reason.zh
        assert line.summary or line.no_summary_reason
    assert lines[0].summary is not None
    assert "{count}" in lines[0].summary.en


def photo(*regions: Region, confirmed: bool = True, rules: str | None = None, folder: Path) -> Decisions:
    head = HEAD.replace("[sample]", "[shot]")
    chosen = rules or rule("area", "{regions: {class: [area], source: reviewer}}", "crop", more="present: required")
    library = load(folder, head + chosen)
    answers = Answers(regions=regions, confirmed=confirmed)
    return decide(library.policy("test.sample"), library.kind("shot"), (), Context({}), answers, on=DAY)


AREA = Region("area", Box(0, 0, 10, 10))


def test_only_a_drawn_area_leaves_and_every_other_region_is_covered(tmp_path: Path) -> None:
    found = photo(AREA, Region("face", Box(1, 1, 2, 2)), Region("unheard_of", Box(3, 3, 2, 2)), folder=tmp_path)
    assert [case.transform.op for one in found.plan().instructions for case in one.cases] == [Op.CROP, Op.BOX, Op.BOX]
    assert [one.box for one in found.plan().instructions] == [Box(0, 0, 10, 10), Box(1, 1, 2, 2), Box(3, 3, 2, 2)]
    assert not found.asks


@pytest.mark.parametrize(
    ("regions", "confirmed"),
    [((), True), ((AREA, AREA), True), ((AREA,), False), ((Region("face", Box(0, 0, 1, 1)),), True)],
)
def test_a_picture_without_one_confirmed_area_waits(
    tmp_path: Path, regions: tuple[Region, ...], confirmed: bool
) -> None:
    found = photo(*regions, confirmed=confirmed, folder=tmp_path)
    assert {ask.field_id for ask in found.asks} == {"picture"}
    with pytest.raises(Unanswered):
        found.require_answered()
    if len([one for one in regions if one.name == "area"]) != 1:
        with pytest.raises(Unanswered):
            found.plan()


def test_an_area_that_a_detector_drew_is_covered(tmp_path: Path) -> None:
    head = HEAD.replace("[sample]", "[shot]")
    area = rule("area", "{regions: {class: [area], source: reviewer}}", "crop")
    library = load(tmp_path, head + area)
    field = Field("region/1", Element.REGION, "area", "area", source=Source.DETECTOR, box=Box(0, 0, 5, 5))
    answers = Answers(regions=(AREA,), confirmed=True)
    found = decide(library.policy("test.sample"), library.kind("shot"), (field,), Context({}), answers, on=DAY)
    assert [item.main.action.op for item in found.items] == ["box", "crop"]
    assert [item.field_id for item in found.items] == ["region/1", "region/2"]


FIELDS = ["Buyer", "Licensed", "Quantity (kg)", "Day", "Price", "Foo", "Bar", "Kunde"]
RULES = [
    rule("r1", "{fields: [buyer], where: {licensed: ['yes']}}", "allow"),
    rule("r2", "{fields: [buyer], where: {licensed: ['no']}}", PSEUDO),
    rule("r3", "{fields: ['*']}", "drop", more="when: {round: [9]}"),
    rule("r4", "{fields: [qty]}", BUCKET),
    rule("r5", "{classes: [EMAIL, MONEY]}", "drop"),
    rule("r6", "{fields: [day]}", "{truncate_date: quarter}"),
    rule("r7", "{fields: [licensed, day]}", "allow"),
    rule("r8", "{fields: [qty]}", "{bucket: {edges: [100], unit: kg}}"),
]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(FIELDS), unique=True, min_size=1),
    st.sets(st.sampled_from(range(8)), min_size=1),
    st.randoms(),
)
def test_nothing_leaves_unnamed_and_file_order_means_nothing(
    tmp_path: Path, headers: list[str], picked: set[int], chance: random.Random
) -> None:
    chosen = [RULES[number] for number in sorted(picked)]
    context = Context({"round": 1})
    row = ["x"] * len(headers)
    first = decided(tmp_path, "".join(chosen), headers, row, context=context)
    chance.shuffle(chosen)
    second = decided(tmp_path, "".join(chosen), headers, row, context=context)
    assert [item.to_json() for item in first.items] == [item.to_json() for item in second.items]
    for item in first.items:
        if item.leaves:
            assert item.name is not None
            assert all(ruling.rule.startswith("r") for ruling in item.rulings)
            assert any(f"id: {item.main.rule}\n" in text for text in chosen)


def test_grounds_of_rules_travel_with_cases(tmp_path: Path) -> None:
    case = decided(tmp_path, ALLOW, ["Buyer"], ["a"]).items[0].cases[0]
    assert (case.code, case.rule) == ("REQ", "show")
    assert REQ != TS
