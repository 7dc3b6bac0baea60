"""Random small policies over one kind, and random cases to decide under them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gateway.formats.model import Element, Field
from gateway.policy.answers import Answers
from gateway.policy.boxes import Box, Space, Value
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decision
from gateway.policy.kinds import Kind
from gateway.policy.model import Approval, Defaults, Output, Rule
from gateway.policy.policy import Policy
from gateway.policy.problems import PolicyBlocks, PolicyExpired, PolicyNotApplicable, RulesIncomparable
from gateway.policy.reach import OTHER, Reach, Target, space_of
from gateway.policy.words import Text

FIELDS = ("buyer", "site", "grade", "contact")
CLASSES = ("EMAIL", "PHONE", "MONEY")
ATTRIBUTES: Mapping[str, tuple[str | int, ...]] = {
    "recipient.class": ("supplier", "agent", "authority", "public"),
    "recipient.jurisdiction": ("cn", "de", "us"),
    "purpose": ("export_licence", "customs"),
    "round": (1, 2, 3, 4),
}
ANSWERS = ("yes", "no", "unclear")
KIND = Kind.model_validate(
    {
        "kind": "sample",
        "title": {"en": "Sample", "zh": "样本"},
        "medium": "table",
        "fields": [
            *({"name": name, "title": {"en": name.title(), "zh": name}} for name in FIELDS[:3]),
            {"name": "contact", "title": {"en": "Contact", "zh": "联系人"}, "classes": ["PHONE"]},
            {"name": "licensed", "title": {"en": "Licensed", "zh": "许可"}},
        ],
    }
)
TARGETS = {field.name: Target(Element.COLUMN, field.name, frozenset(field.classes)) for field in KIND.fields}
_REQ = {"code": "REQ", "basis": "law", "asked_for": "item-1"}
_TS = {"code": "TS", "basis": "law", "reason": {"en": "r", "zh": "r"}, "no_summary_reason": {"en": "n", "zh": "n"}}
_CHANGES: tuple[Any, ...] = (
    {"mask": {"keep_last": "2"}},
    {"mask": {"keep_last": "4"}},
    {"pseudonymise": {"scope": "release", "prefix": "P"}},
    {"pseudonymise": {"scope": "table", "prefix": "P"}},
)


@dataclass(frozen=True, slots=True)
class Case:
    """One context, one row, and what the values of the asked field show. `licensed` is None without that column."""

    field: str
    attributes: Mapping[str, str | int]
    custody: tuple[Mapping[str, str | int], ...]
    classes: frozenset[str]
    licensed: str | None
    on: date


def policy(rng: random.Random, rules: int) -> Policy:
    """A policy of so many rules."""
    return Policy(
        id="test.random",
        version="1.0.0",
        title=Text(en="Random", zh="随机"),
        owner="legal",
        start=date(2026, 1, 1),
        end=rng.choice((None, date(2026, 6, 30))),
        kinds=("sample",),
        whens=() if rng.random() < 0.5 else (_rule_of(rng, 0).when,),
        rules=(made := tuple(_rule_of(rng, number) for number in range(rules))),
        origin=tuple((rule.id, "test.random@1.0.0") for rule in made),
        defaults=Defaults(),
        approvals=(Approval.model_validate({"role": "legal", "n": "2"}),),
        output=Output(),
    )


def _rule_of(rng: random.Random, number: int) -> Rule:
    do: Any = rng.choice(
        ("allow", "allow", "allow", "drop", "block" if rng.random() < 0.2 else "drop", *_CHANGES[:2], *_CHANGES[2:])
    )
    select: dict[str, Any] = {"fields": rng.sample(FIELDS, rng.randint(1, 2))}
    if do != "allow" and rng.random() < 0.4:
        select = {"classes": [rng.choice(CLASSES)]}
    if do == "block" and rng.random() < 0.5:
        select = {"fields": ["licensed"]}
    if do != "block" and rng.random() < 0.35:
        select["where"] = {"licensed": rng.sample(ANSWERS, rng.randint(1, 2))}
    when: dict[str, Any] = {}
    for name, values in ATTRIBUTES.items():
        if rng.random() < 0.3:
            when[name] = [str(value) for value in rng.sample(values, rng.randint(1, 2))]
    if "round" in when and rng.random() < 0.5:
        when["round"] = {"le": str(rng.randint(1, 3))} if rng.random() < 0.5 else {"ge": str(rng.randint(2, 4))}
    if rng.random() < 0.1:
        when["date"] = {"ge": "2026-03-01", "le": "2026-04-30"}
    because = _REQ if do == "allow" else _TS
    return Rule.model_validate({"id": f"r{number}", "select": select, "do": do, "when": when, "because": because})


def case(rng: random.Random, *, custody: bool = False) -> Case:
    """A case to decide."""
    return Case(
        field=rng.choice(FIELDS),
        attributes=_attributes(rng, 0.85),
        custody=tuple(_attributes(rng, 0.4) for _ in range(rng.randint(1, 2))) if custody else (),
        classes=frozenset(name for name in CLASSES if rng.random() < 0.25),
        licensed=rng.choice((*ANSWERS, "perhaps", None)),
        on=rng.choice((date(2025, 12, 31), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 30), date(2026, 7, 1))),
    )


def wide_kind(fields: int) -> Kind:
    """A kind of so many fields, and the column that rows are told apart by."""
    names = [*(f"field_{number}" for number in range(fields)), "licensed"]
    told = [{"name": name, "title": {"en": name.replace("_", " ").title(), "zh": name}} for name in names]
    return Kind.model_validate(
        {"kind": "sample", "title": {"en": "Sample", "zh": "样本"}, "medium": "table", "fields": told}
    )


def wide_policy(rng: random.Random, kind: Kind, rules: int) -> Policy:
    """A policy of so many rules over such a kind: permits name three fields each, what forbids eight."""
    base = policy(rng, rules)
    names = [field.name for field in kind.fields if field.name != "licensed"]
    made = []
    for one in base.rules:
        named = tuple(rng.sample(names, 8 if one.do.removes else 3)) if one.select.fields else ()
        made.append(one.model_copy(update={"select": one.select.model_copy(update={"fields": named})}))
    return replace(base, rules=tuple(made))


def _attributes(rng: random.Random, share: float) -> dict[str, str | int]:
    found = {name: rng.choice(values) for name, values in ATTRIBUTES.items() if rng.random() < share}
    return {name: "elsewhere" if rng.random() < 0.1 and name == "purpose" else value for name, value in found.items()}


def decided(policy: Policy, case: Case) -> str | None:
    """The action that decides the case's cell; None where nothing of it leaves. Asked of the engine itself."""
    fields = [Field("column/1", Element.COLUMN, "", case.field, case.classes)]
    if case.licensed is not None and case.field != "licensed":
        fields.append(Field("column/2", Element.COLUMN, "", "licensed"))
    answers = Answers(columns={f"column/{n}": one.name or "" for n, one in enumerate(fields, start=1)})
    try:
        found = decide(policy, KIND, fields, Context(case.attributes, case.custody), answers, on=case.on)
    except (PolicyBlocks, PolicyExpired, PolicyNotApplicable, RulesIncomparable):
        return None
    return _of_row(found.items[0], {} if case.licensed is None else {"licensed": case.licensed})


def _of_row(item: Decision, row: Mapping[str, str]) -> str | None:
    for ruling in item.rulings:
        if all(row.get(name) in values for name, values in ruling.where):
            return None if ruling.action.removes else str(ruling.action.to_json())
    return None


def reach_of(policy: Policy, field: str) -> tuple[Space, Reach]:
    space = space_of([policy], TARGETS[field])
    return space, Reach(policy, KIND, TARGETS[field], space)


def point(space: Space, case: Case) -> Box:
    """The box of the one point that stands for a case."""
    seen: dict[str, Value] = {**case.attributes, "row licensed": case.licensed}
    seen |= {f"class {name}": name in case.classes | TARGETS[case.field].classes for name in CLASSES}
    box = []
    for axis in space.axes:
        if axis.name == "date":
            wanted: Value = max(str(day) for day in axis.values if str(day) <= case.on.isoformat())
        else:
            wanted = seen.get(axis.name)
            if axis.name == "round" and isinstance(wanted, int):
                wanted = max(value for value in axis.values if isinstance(value, int) and value <= wanted)
            if wanted not in axis.values:
                wanted = OTHER
        box.append(1 << axis.values.index(wanted))
    return tuple(box)


def asked(space: Space, case: Case) -> Case:
    """The case without the column that nothing about its field asks for: whether it is there is another question."""
    known = any(axis.name == "row licensed" for axis in space.axes)
    return case if known else replace(case, licensed=None)
