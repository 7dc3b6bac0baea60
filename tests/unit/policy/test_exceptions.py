"""An exception permits what it names, for whom and for as long as it says, and nothing else."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gateway.policy.actions import compare
from gateway.policy.answers import Answers
from gateway.policy.boxes import meet
from gateway.policy.conditions import Condition, Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions, Quorum
from gateway.policy.difference import Direction, changes
from gateway.policy.explain import explain
from gateway.policy.lint import lint
from gateway.policy.load import Library, library_of, sources_in
from gateway.policy.model import Approval, Because
from gateway.policy.policy import Loosening, Policy
from gateway.policy.problems import PolicyInvalid
from gateway.policy.prove import Never, parse_never, prove
from gateway.policy.words import Text
from tests.support import bundles
from tests.support.bundles import FIELDS, KIND, TARGETS, asked, point, reach_of
from tests.support.policies import DAY, HEAD, REQ, TS, columns, load, rule
from tests.support.solver import Solver

RULES = (
    rule("buyer-shown", "{fields: [buyer]}", "allow")
    + rule("qty-bands", "{fields: [qty]}", "{bucket: {edges: [10, 100], unit: kg}}")
    + rule("prices-never", "{fields: [price], classes: [MONEY]}", "drop", more="final: true")
)
EXCEPTION = f"""\
apiVersion: disclosure/v1
kind: DisclosureException
metadata:
  id: test.price-for-counsel
  version: 1.0.0
  title: {{en: Prices for counsel, zh: 向律师提供价格}}
  owner: legal
  effective: {{from: 2026-02-01, to: 2026-03-31}}
policy: test.sample
versions: {{from: 1.0.0, to: 1.9.9}}
loosens: {{final: [prices-never]}}
when: {{recipient.class: [counsel]}}
instead:
{rule("price-exact", "{fields: [price]}", "allow")}
because: {{code: COURT, basis: order 3}}
approvals: [{{role: legal, n: 3}}]
"""
COUNSEL = Context({"recipient.class": "counsel"})


def _library(folder: Path, exception: str = EXCEPTION, policy: str = HEAD + RULES, *more: str) -> Library:
    return load(folder, policy, exception, *more)


def _decided(library: Library, context: Context = COUNSEL, on: date = DAY) -> Decisions:
    fields = columns(["Buyer", "Quantity (kg)", "Price"], ["A", "5", "EUR 9.99"])
    answers = Answers(columns={"column/3": "price"})
    return decide(library.policy("test.sample"), library.kind("sample"), fields, context, answers, on=on)


def _prices(decisions: Decisions) -> str:
    return decisions.items[2].main.rule


def test_what_a_final_rule_forbids_leaves_for_whom_and_as_long_as_it_says(tmp_path: Path) -> None:
    decisions = _decided(_library(tmp_path))
    assert (_prices(decisions), decisions.items[2].outcome) == ("price-exact", "disclosed")
    told = decisions.items[2].main.to_json()
    assert isinstance(told, dict)
    assert told["exception"] == "test.price-for-counsel@1.0.0"
    assert decisions.approvals == (Quorum("legal", 3),)


@pytest.mark.parametrize("on", [date(2026, 1, 31), date(2026, 4, 1), date(2026, 12, 31)])
def test_outside_its_days_it_permits_nothing(tmp_path: Path, on: date) -> None:
    decisions = _decided(_library(tmp_path), on=on)
    assert (_prices(decisions), decisions.approvals) == ("prices-never", (Quorum("legal", 2),))


@pytest.mark.parametrize("on", [date(2026, 2, 1), date(2026, 3, 31)])
def test_both_its_days_count(tmp_path: Path, on: date) -> None:
    assert _prices(_decided(_library(tmp_path), on=on)) == "price-exact"


@pytest.mark.parametrize(
    "context",
    [
        Context({}),
        Context({"recipient.class": "authority"}),
        Context({"recipient.class": "counsel"}, ({"recipient.class": "supplier"},)),
    ],
)
def test_it_must_hold_for_everyone_in_custody_and_be_known_to(tmp_path: Path, context: Context) -> None:
    assert _prices(_decided(_library(tmp_path), context)) == "prices-never"


def test_another_rule_that_forbids_it_still_does(tmp_path: Path) -> None:
    more = RULES + rule("no-money", "{classes: [MONEY]}", "drop")
    assert _prices(_decided(_library(tmp_path, policy=HEAD + more))) == "no-money"


def test_only_the_fields_that_it_names_are_loosened(tmp_path: Path) -> None:
    library = _library(tmp_path)
    policy, kind = library.policy("test.sample"), library.kind("sample")
    seen = decide(policy, kind, columns(["Other"], ["EUR 9.99"]), COUNSEL, Answers(), on=DAY)
    assert seen.items[0].main.rule == "prices-never"


def test_the_withheld_index_says_by_which_exception(tmp_path: Path) -> None:
    finer = EXCEPTION.replace("final: [prices-never]", "rules: [qty-bands]").replace(
        rule("price-exact", "{fields: [price]}", "allow"),
        rule("qty-finer", "{fields: [qty]}", "{bucket: {edges: [10, 50, 100], unit: kg}}"),
    )
    lines = _decided(_library(tmp_path, finer)).withheld_items()
    done = next(line.done for line in lines if line.rule == "qty-finer")
    assert done.en.endswith("(by exception test.price-for-counsel@1.0.0)")
    assert done.zh.endswith("（依例外 test.price-for-counsel@1.0.0）")


def test_explain_names_it_where_it_permits_and_where_it_loosens(tmp_path: Path) -> None:
    library = _library(tmp_path)
    fields = columns(["Price"], ["EUR 9.99"])
    told = explain(
        library.policy("test.sample"), library.kind("sample"), fields, COUNSEL,
        Answers(columns={"column/1": "price"}), field="price", on=DAY,
    )  # fmt: skip
    text = " ".join(told.sentences)
    assert "The exception test.price-for-counsel@1.0.0 permits it." in text
    assert "The exception test.price-for-counsel@1.0.0 loosens it here." in text


def test_a_required_field_that_it_loosens_is_not_missing(tmp_path: Path) -> None:
    policy = HEAD + RULES.replace("unit: kg}}\n", "unit: kg}}\n    present: required\n")
    exact = EXCEPTION.replace("final: [prices-never]", "rules: [qty-bands]").replace(
        rule("price-exact", "{fields: [price]}", "allow"), rule("qty-exact", "{fields: [qty]}", "allow")
    )
    decisions = _decided(_library(tmp_path, exact, policy))
    assert decisions.items[1].main.rule == "qty-exact"
    assert not decisions.missing


def test_proofs_hold_with_it_and_say_so(tmp_path: Path) -> None:
    library = _library(tmp_path)
    policy, kinds = library.policy("test.sample"), [library.kind("sample")]
    to_authority = prove(policy, kinds, parse_never("field=price to recipient.class=authority"))
    assert to_authority.proved
    assert "with the exceptions test.price-for-counsel@1.0.0 (2026-02-01 to 2026-03-31)" in to_authority.sentences()[0]
    (found,) = prove(policy, kinds, parse_never("field=price")).counterexamples
    assert (found.rule, found.example.context["recipient.class"]) == ("price-exact", "counsel")
    assert "2026-02-01" <= str(found.example.context["date"]) <= "2026-03-31"
    assert prove(policy, kinds, parse_never("field=price to date=2026-04-01..")).proved


def test_plan_shows_what_it_lets_leave(tmp_path: Path) -> None:
    library = _library(tmp_path)
    policy = library.policy("test.sample")
    found = changes(replace(policy, exceptions=()), policy, [library.kind("sample")])
    assert [(one.direction, one.example.target) for one in found] == [(Direction.RELEASED, "price")]


def test_it_is_part_of_the_digest_and_absence_leaves_the_digest_as_it_was(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("with", "later", "without")]
    for folder in folders:
        folder.mkdir()
    one = _library(folders[0])
    later = _library(folders[1], EXCEPTION.replace("2026-03-31", "2026-04-30"))
    none = load(folders[2], HEAD + RULES)
    assert len({library.digest for library in (one, later, none)}) == 3
    assert "exceptions" not in none.policy("test.sample").to_json()


def test_two_conditions_on_one_attribute_both_count_and_are_both_pinned(tmp_path: Path) -> None:
    narrowed = EXCEPTION.replace(f"    {REQ}\n", f"    {REQ}\n    when: {{recipient.class: [counsel, expert]}}\n")
    library = _library(tmp_path, narrowed)
    assert _prices(_decided(library, Context({"recipient.class": "expert"}))) == "prices-never"
    (told,) = library.policy("test.sample").exceptions
    assert str(told.to_json()).count("recipient.class") == 2


def test_a_child_does_not_inherit_it(tmp_path: Path) -> None:
    child = HEAD.replace("id: test.sample", "id: test.child").replace(
        "metadata:\n", "metadata:\n  extends: [test.sample@1]\n"
    ) + rule("own", "{fields: [day]}", "allow")
    assert not _library(tmp_path, EXCEPTION, HEAD + RULES, child).policy("test.child").exceptions


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((", to: 2026-03-31", ""), "an exception ends"),
        (("final: [prices-never]", "rules: [prices-never]"), "is final: name it under `final`"),
        (("final: [prices-never]", "final: [qty-bands]"), "is not final"),
        (("final: [prices-never]", "final: [no-such]"), "has no rule `no-such`"),
        (("{final: [prices-never]}", "{}"), "names no rule"),
        (("policy: test.sample", "policy: test.other"), "no version of the policy"),
        (("from: 1.0.0, to: 1.9.9", "from: 2.0.0, to: 2.9.9"), "no version of the policy"),
        (("from: 1.0.0, to: 1.9.9", "from: 1.9.9, to: 1.0.0"), "lies before"),
        (("code: COURT, basis: order 3", "code: TS, basis: x"), "withholding needs"),
        (("role: legal, n: 3", "role: privacy, n: 3"), "needs the role legal"),
        (("[{role: legal, n: 3}]", "[]"), "approvals"),
        (("fields: [price]", "fields: [pri*]"), "each by its whole name"),
        (("fields: [price]", "fields: [price], where: {licensed: ['yes']}"), "`fields` alone"),
        (("id: price-exact", "id: buyer-shown"), "is taken"),
        (("fields: [price]", "fields: [no_such]"), "names `no_such`"),
        ((f"    do: allow\n    {REQ}", f"    do: drop\n    {TS}"), "removes"),
        ((f"    {REQ}\n", f"    {REQ}\n    final: true\n"), "cannot be final"),
        ((f"    do: allow\n    {REQ}", f"    do: {{round: {{to: 10, unit: t}}}}\n    {TS}"), "another unit"),
        (("because: {code: COURT, basis: order 3}\n", ""), "`because` is missing"),
        (("owner: legal\n  effective", "owner: legal\n  extends: [test.sample@1]\n  effective"), "no such key"),
    ],
)
def test_what_is_not_plainly_sound_is_refused(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    text = EXCEPTION.replace(*change)
    assert text != EXCEPTION
    with pytest.raises(PolicyInvalid, match=r"p1\.yaml") as caught:
        _library(tmp_path, text)
    assert sentence in caught.value.detail


def test_a_rule_that_blocks_cannot_be_loosened(tmp_path: Path) -> None:
    blocking = HEAD + RULES + rule("no-day", "{fields: [day]}", "block")
    with pytest.raises(PolicyInvalid, match="cannot be loosened"):
        _library(tmp_path, EXCEPTION.replace("{final: [prices-never]}", "{rules: [no-day]}"), blocking)


def test_groups_of_rows_have_no_exceptions(tmp_path: Path) -> None:
    groups = "{aggregate: {how: sum, by: [day], entity: buyer, k: 3, dominance: 0.7, to: 1, unit: kg}}"
    grouping = RULES.replace("{bucket: {edges: [10, 100], unit: kg}}", groups).replace("[buyer]", "[day]")
    with pytest.raises(PolicyInvalid, match="a group has no exceptions"):
        _library(tmp_path, EXCEPTION, HEAD + grouping)


def test_what_it_permits_may_not_contradict_a_rule_that_it_leaves(tmp_path: Path) -> None:
    other = EXCEPTION.replace(
        rule("price-exact", "{fields: [price]}", "allow"),
        rule("qty-other", "{fields: [qty]}", "{bucket: {edges: [15], unit: kg}}"),
    )
    with pytest.raises(PolicyInvalid, match="neither is stricter"):
        _library(tmp_path, other)


def test_the_same_exception_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyInvalid, match="defined twice"):
        _library(tmp_path, EXCEPTION, HEAD + RULES, EXCEPTION)


@pytest.mark.parametrize(
    ("on", "more", "codes"),
    [
        (DAY, "", []),
        (date(2026, 4, 1), "", [("lapsed", "")]),
        (DAY, rule("no-money", "{classes: [MONEY]}", "drop"), [("dead", "price-exact")]),
    ],
)
def test_lint_finds_what_ended_and_what_permits_nothing(
    tmp_path: Path, on: date, more: str, codes: list[tuple[str, str]]
) -> None:
    library = _library(tmp_path, policy=HEAD + RULES + more)
    found = lint(library.policy("test.sample"), library, on=on)
    assert [(one.code, one.rule) for one in found if one.code in {"lapsed", "dead"}] == codes


def _excepted(rng: random.Random, policy: Policy) -> Policy:
    """The policy with one or two exceptions made of rules of another one."""
    exceptions = []
    for number in range(rng.randint(1, 2)):
        window = rng.choice((("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-04-30"), ("2026-03-02", "2026-09-30")))
        days = Condition("date", low=window[0], high=window[1])
        permits = [one for one in bundles.policy(rng, 12).rules if not one.do.removes and one.select.fields]
        made = tuple(
            one.model_copy(
                update={
                    "id": f"x{number}-{place}",
                    "when": (days, *one.when),
                    "select": one.select.model_copy(update={"where": {}, "classes": ()}),
                }
            )
            for place, one in enumerate(permits[: rng.randint(1, 3)])
        )
        loosenable = [one.id for one in policy.rules if one.do.op != "block"]
        exceptions.append(
            Loosening(
                ref=f"test.x{number}@1.0.0",
                title=Text(en="X", zh="例外"),
                owner="legal",
                start=date.fromisoformat(window[0]),
                end=date.fromisoformat(window[1]),
                loosens=frozenset(rng.sample(loosenable, min(len(loosenable), rng.randint(1, 4)))),
                rules=made,
                because=Because.model_validate({"code": "COURT"}),
                approvals=(Approval.model_validate({"role": "legal", "n": "2"}),),
            )
        )
    return replace(policy, exceptions=tuple(exceptions))


def same_as_decided(seed: int, policies: int) -> None:
    """What the boxes say of a point is what the engine decides there."""
    rng = random.Random(seed)
    left = loosened = 0
    for _ in range(policies):
        plain = bundles.policy(rng, rng.randint(3, 10))
        policy = _excepted(rng, plain)
        field = rng.choice(FIELDS)
        space, reach = reach_of(policy, field)
        outcomes = list(reach.outcomes())
        for _ in range(6):
            case = asked(space, replace(bundles.case(rng), field=field))
            here = [point(space, case)]
            found = [str(one.action.to_json()) for one in outcomes if meet(list(one.boxes), here)]
            decided = bundles.decided(policy, case)
            assert found == ([] if decided is None else [decided])
            left += decided is not None
            loosened += decided != bundles.decided(plain, case)
    assert left > policies / 20
    assert loosened > policies / 20


def test_the_prover_and_the_engine_agree_on_random_exceptions() -> None:
    same_as_decided(7, 40)


@pytest.mark.nightly
def test_the_prover_and_the_engine_agree_on_many_random_exceptions() -> None:
    same_as_decided(8, 5000)


def test_z3_finds_no_proof_wrong() -> None:
    rng = random.Random(11)
    answers = set()
    for _ in range(30):
        policy = _excepted(rng, bundles.policy(rng, rng.randint(3, 8)))
        field = rng.choice(FIELDS)
        never = Never.model_validate({"fields": [field], "to": {"recipient.class": [rng.choice(("public", "agent"))]}})
        proved = prove(policy, [KIND], never).proved
        leaves = Solver(policy, TARGETS[field]).satisfiable(never)
        assert proved is not leaves or (proved and _contradicting(policy))
        answers.add(proved)
    assert answers == {True, False}


def _contradicting(policy: Policy) -> bool:
    """Whether rules may refuse by contradicting one another, of which the claim put to z3 knows nothing."""
    rules = policy.all_rules
    return any(compare(one.do, other.do) is None for one in rules for other in rules)


def test_the_example_on_the_page_is_sound(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "policy-language.md").read_text(encoding="utf-8")
    policy, *_ = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (exception,) = re.findall(r"```text\n(apiVersion.*?)```", text, re.DOTALL)
    sources = {**sources_in(), "zz/policy.yaml": policy.encode(), "zz/exception.yaml": exception.encode()}
    (found,) = library_of(sources).policy("example.customer-list").exceptions
    assert found.loosens == {"volumes"}
