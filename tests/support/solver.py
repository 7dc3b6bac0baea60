"""A claim about a policy put to z3, as an oracle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import z3

from gateway.policy.conditions import Condition, Conditions
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.prove import Never
from gateway.policy.reach import Target
from tests.support.bundles import ATTRIBUTES, CLASSES


class Solver:
    """The same claim put to z3: attributes as numbers with a missing one among them, classes as truth values."""

    def __init__(self, policy: Policy, target: Target) -> None:
        self._field = target.name
        self._codes: dict[str, int] = {}
        self._numbers = {name: z3.Int(name) for name in (*ATTRIBUTES, "date", "licensed", "profile")}
        self._classes = {name: z3.Bool(name) for name in CLASSES}
        self.solver = z3.Solver()
        for name in ATTRIBUTES:
            self.solver.add(self._numbers[name] >= -1)
        self.solver.add(self._numbers["licensed"] >= -1, self._numbers["date"] >= 1)
        self.solver.add(self._numbers["profile"] >= -1)
        for name in target.classes:
            self.solver.add(self._classes[name])
        end = policy.end or date.max
        self.solver.add(self._numbers["date"] >= policy.start.toordinal(), self._numbers["date"] <= end.toordinal())
        known = z3.Or(*(self._numbers["profile"] == self._code(name) for name in policy.output.profile))
        self.solver.add(z3.Or(self._numbers["profile"] == -1, known))
        for when in policy.whens:
            self.solver.add(self.when(when, missing=False))
        instead = {rule.id: self._says(rule) for one in policy.exceptions for rule in one.rules}

        def says(rule: Rule) -> z3.BoolRef:
            loosening = [one for one in policy.exceptions if rule.id in one.loosens]
            permitted = [instead[each.id] for one in loosening for each in one.rules]
            return z3.And(self._says(rule), z3.Not(z3.Or(*permitted)))

        permits = [says(rule) for rule in policy.rules if not rule.do.removes]
        self.solver.add(z3.Or(*permits, *instead.values()))
        for rule in policy.rules:
            if rule.do.removes:
                self.solver.add(z3.Not(says(rule)))
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
