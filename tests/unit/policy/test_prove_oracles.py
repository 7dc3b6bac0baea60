"""What boxes prove, against Cedar's decisions and z3's proofs; every counterexample is decided again by the engine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import cedarpy
import pytest
import z3

from gateway.policy.boxes import meet
from gateway.policy.conditions import Condition, Conditions
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.prove import Never, prove
from gateway.policy.reach import OTHER, Example
from tests.support import bundles
from tests.support.bundles import CLASSES, FIELDS, KIND, TARGETS, Case, asked, point, reach_of


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


class Solver:
    """The same claim put to z3: attributes as numbers with a missing one among them, classes as truth values."""

    def __init__(self, policy: Policy, field: str) -> None:
        self._field = field
        self._codes: dict[str, int] = {}
        self._numbers = {name: z3.Int(name) for name in (*bundles.ATTRIBUTES, "date", "licensed", "profile")}
        self._classes = {name: z3.Bool(name) for name in CLASSES}
        self.solver = z3.Solver()
        for name in bundles.ATTRIBUTES:
            self.solver.add(self._numbers[name] >= -1)
        self.solver.add(self._numbers["licensed"] >= -1, self._numbers["date"] >= 1)
        self.solver.add(self._numbers["profile"] >= -1)
        for name in TARGETS[field].classes:
            self.solver.add(self._classes[name])
        end = policy.end or date.max
        self.solver.add(self._numbers["date"] >= policy.start.toordinal(), self._numbers["date"] <= end.toordinal())
        known = z3.Or(*(self._numbers["profile"] == self._code(name) for name in policy.output.profile))
        self.solver.add(z3.Or(self._numbers["profile"] == -1, known))
        for when in policy.whens:
            self.solver.add(self.when(when, missing=False))
        self.solver.add(z3.Or(*(self._says(rule) for rule in policy.rules if not rule.do.removes)))
        for rule in policy.rules:
            if rule.do.removes:
                self.solver.add(z3.Not(self._says(rule)))
            if rule.do.op == "block" and "licensed" in rule.select.fields:
                self.solver.add(z3.Not(z3.And(self._numbers["licensed"] >= 0, self.when(rule.when, missing=True))))

    def satisfiable(self, never: Never) -> bool:
        """Whether something of the field leaves under the claim's conditions."""
        self.solver.push()
        self.solver.add(self.when(never.to, missing=False))
        if never.classes:
            self.solver.add(z3.Or(*(self._classes[name] for name in never.classes)))
        found = self.solver.check()
        self.solver.pop()
        return bool(found == z3.sat)

    def when(self, conditions: Conditions, *, missing: bool) -> z3.BoolRef:
        return z3.And(*(self._condition(one, missing) for one in conditions))

    def _condition(self, one: Condition, missing: bool) -> z3.BoolRef:
        number = self._numbers[one.attribute]
        if one.attribute == "round":
            held = [number == int(value) for value in one.values]
            low, high = (0 if one.low is None else int(one.low)), (10**6 if one.high is None else int(one.high))
            inside = z3.Or(*held) if held else z3.And(number >= low, number <= high)
        elif one.attribute == "date":
            low, high = (date.fromisoformat(str(day)).toordinal() for day in (one.low, one.high))
            return z3.And(number >= low, number <= high)
        else:
            inside = z3.Or(*(number == self._code(value) for value in one.values))
        return z3.Or(number == -1, inside) if missing else z3.And(number != -1, inside)

    def _says(self, rule: Rule) -> z3.BoolRef:
        named = [z3.BoolVal(self._field in rule.select.fields)]
        named += [self._classes[name] for name in rule.select.classes]
        when = self.when(rule.when, missing=rule.do.removes)
        rows = z3.And(*(self._row(values, rule) for _, values in rule.where))
        return z3.And(z3.Or(*named), when, rows)

    def _row(self, values: Iterable[str], rule: Rule) -> z3.BoolRef:
        number = self._numbers["licensed"]
        held = z3.Or(*(number == self._code(value) for value in values))
        return z3.Or(number == -1, held) if rule.do.removes else held

    def _code(self, value: str) -> int:
        return self._codes.setdefault(value, len(self._codes))


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
        solver = Solver(policy, field)
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
