"""What boxes prove, against Cedar's decisions and z3's proofs; every counterexample is decided again by the engine."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import cedarpy
import pytest

from gateway.formats.model import Mark, Table
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.boxes import meet
from gateway.policy.conditions import Condition, Conditions, Context
from gateway.policy.decide import decide
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.prove import Never, prove
from gateway.policy.reach import OTHER, Example
from tests.support import bundles
from tests.support.bundles import CLASSES, FIELDS, KIND, TARGETS, Case, asked, point, reach_of
from tests.support.solver import Solver


def cedar(policy: Policy, field: str) -> str:
    """The policy in Cedar's own language: what grants permits, what removes forbids."""
    forbids, permits = [], []
    for rule in policy.rules:
        selected = _selected(rule, field)
        if selected is None:
            continue
        if rule.do.removes:
            rows = " || ".join(["!(context has licensed)", _cedar_rows(rule)]) if rule.where else "true"
            forbids.append(f"({selected}) && ({_cedar_when(rule.when, missing=True)}) && ({rows})")
        else:
            rows = f"context has licensed && {_cedar_rows(rule)}" if rule.where else "true"
            permits.append(f"({selected}) && ({_cedar_when(rule.when, missing=False)}) && ({rows})")
    blocks = [rule for rule in policy.rules if rule.do.op == "block" and "licensed" in rule.select.fields]
    forbids += [f"context has licensed && ({_cedar_when(rule.when, missing=True)})" for rule in blocks]
    if not permits:
        return ""
    days = f"context.day >= {policy.start.toordinal()}"
    if policy.end:
        days += f" && context.day <= {policy.end.toordinal()}"
    whens = " && ".join(f"({_cedar_when(when, missing=False)})" for when in policy.whens) or "true"
    text = [f"permit(principal, action, resource) when {{ ({days}) && ({whens}) && ({one}) }};" for one in permits]
    return "\n".join(text + [f"forbid(principal, action, resource) when {{ {one} }};" for one in forbids])


def _selected(rule: Rule, field: str) -> str | None:
    if field in rule.select.fields:
        return "true"
    shown = [f'context.classes.contains("{name}")' for name in rule.select.classes]
    return " || ".join(shown) or None


def _cedar_rows(rule: Rule) -> str:
    (_, values), *_ = rule.where
    return f"[{', '.join(json.dumps(value) for value in sorted(values))}].contains(context.licensed)"


def _cedar_when(conditions: Conditions, *, missing: bool) -> str:
    return " && ".join(_cedar_condition(one, missing) for one in conditions) or "true"


def _cedar_condition(one: Condition, missing: bool) -> str:
    name = one.attribute.replace(".", "_")
    if one.attribute == "date":
        low, high = (date.fromisoformat(str(day)).toordinal() for day in (one.low, one.high))
        return f"context.day >= {low} && context.day <= {high}"
    if one.values:
        held = f"[{', '.join(json.dumps(value) for value in sorted(one.values))}].contains(context.{name}_text)"
        name += "_text"
    else:
        bounds = [f"context.{name} >= {one.low}"] if one.low is not None else []
        bounds += [f"context.{name} <= {one.high}"] if one.high is not None else []
        held = " && ".join(bounds)
    return f"(!(context has {name}) || ({held}))" if missing else f"(context has {name} && ({held}))"


def cedar_context(case: Case) -> dict[str, Any]:
    found: dict[str, Any] = {"day": case.on.toordinal(), "classes": sorted(case.classes | TARGETS[case.field].classes)}
    for name, value in case.attributes.items():
        found[f"{name.replace('.', '_')}_text"] = str(value)
        if isinstance(value, int):
            found[name] = value
    return found if case.licensed is None else {**found, "licensed": case.licensed}


def same_as_cedar(seed: int, pairs: int) -> None:
    rng = random.Random(seed)
    entities = cedarpy.Entities.from_json_str("[]")
    allowed = 0
    for _ in range(pairs // 5):
        policy = bundles.policy(rng, rng.randint(3, 14))
        field = rng.choice(FIELDS)
        space, reach = reach_of(policy, field)
        cases = [asked(space, replace(bundles.case(rng), field=field)) for _ in range(5)]
        text = cedar(policy, field)
        requests = [
            {
                "principal": {"type": "Recipient", "id": "one"},
                "action": {"type": "Action", "id": "see"},
                "resource": {"type": "Field", "id": field},
                "context": cedar_context(one),
            }
            for one in cases
        ]
        answers = cedarpy.is_authorized_batch(requests, cedarpy.PolicySet.from_str(text), entities) if text else []
        for number, one in enumerate(cases):
            wanted = bool(answers) and answers[number].allowed
            assert bool(meet([point(space, one)], reach.leaving)) == wanted, (seed, one)
            allowed += wanted
    assert allowed > pairs // 20


def test_cedar_agrees() -> None:
    same_as_cedar(4, 500)


@pytest.mark.nightly
def test_cedar_agrees_five_thousand_times() -> None:
    same_as_cedar(5, 5_000)


def a_claim(rng: random.Random, field: str) -> Never:
    to: dict[str, Any] = {}
    for name, values in bundles.ATTRIBUTES.items():
        if rng.random() < 0.4:
            to[name] = [str(rng.choice(values))]
    classes = [rng.choice(CLASSES)] if rng.random() < 0.4 else []
    return Never.model_validate({"fields": [field], "classes": classes, "to": to})


def same_as_z3(seed: int, claims: int) -> None:
    rng = random.Random(seed)
    proved = 0
    for _ in range(claims // 5):
        policy = bundles.policy(rng, rng.randint(3, 14))
        field = rng.choice(FIELDS)
        solver = Solver(policy, TARGETS[field])
        for _ in range(5):
            never = a_claim(rng, field)
            found = prove(policy, [KIND], never)
            assert found.proved is not solver.satisfiable(never), (seed, str(never))
            proved += found.proved
            for one in found.counterexamples:
                is_real(policy, one.example)
    assert claims // 10 < proved < claims


def is_real(policy: Policy, found: Example) -> None:
    """What is given as an example leaves when the engine decides it."""
    attributes: Mapping[str, str | int] = {
        name: "elsewhere" if value == OTHER else value for name, value in found.context.items() if name != "date"
    }
    row = found.row.get("licensed")
    on = date.fromisoformat(str(found.context["date"]))
    case = Case(found.target, attributes, (), found.classes, "perhaps" if row == OTHER else row, on)
    assert bundles.decided(policy, case) is not None, found


def test_z3_agrees_and_every_counterexample_is_real() -> None:
    same_as_z3(6, 100)


@pytest.mark.nightly
def test_z3_agrees_five_hundred_times() -> None:
    same_as_z3(7, 500)


def test_what_is_shown_as_it_is_in_a_counterexample_stands_in_the_rendered_bytes() -> None:
    rng = random.Random(10)
    found = 0
    for _ in range(40):
        policy = bundles.policy(rng, rng.randint(3, 14))
        never = Never.model_validate({"fields": ["buyer", "site", "grade"], "as_is": "true"})
        for one in prove(policy, [KIND], never).counterexamples:
            assert b"Fahrwerk 4711" in rendered(policy, one.example)
            found += 1
    assert found > 10


def rendered(policy: Policy, example: Example) -> bytes:
    """A table of one row made of the example, rendered by the real format."""
    form = TableCsv(lambda _cells: example.classes)
    row = example.row.get("licensed")
    columns = {example.target: "Fahrwerk 4711"} | (
        {} if row is None else {"licensed": "perhaps" if row == OTHER else row}
    )
    content = Table.of(tuple(columns), [[cell] for cell in columns.values()])
    answers = Answers(columns={f"column/{n}": name for n, name in enumerate(columns, start=1)})
    attributes = {name: "elsewhere" if value == OTHER else value for name, value in example.context.items()}
    on = date.fromisoformat(str(attributes.pop("date")))
    fields = form.survey(content)
    fields = (fields[0], *(replace(one, classes=frozenset()) for one in fields[1:]))
    decisions = decide(policy, KIND, fields, Context(attributes), answers, on=on)
    return form.rebuild(content, decisions.plan(), Mark("Recipient", "rel_01", "2026-03-02"), bytes(32)).data
