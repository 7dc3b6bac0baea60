"""A policy at a glance: for every field and every class of recipient, in which forms it can leave at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.base.canon import Json
from gateway.policy.boxes import meet
from gateway.policy.conditions import CLOSED, Condition
from gateway.policy.kinds import Kind
from gateway.policy.policy import Policy
from gateway.policy.reach import Reach, narrowed, space_of, targets
from gateway.policy.wording import describe

RECIPIENTS = tuple(sorted(CLOSED["recipient.class"]))


@dataclass(frozen=True, slots=True)
class Row:
    """One field or region of a kind. `forms` has for each of `RECIPIENTS` every form in which something can leave.

    It leaves in none of them where there is none, and may be withheld in every other case.
    """

    kind: str
    target: str
    forms: tuple[tuple[str, ...], ...]

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        forms: dict[str, Json] = {name: list(forms) for name, forms in zip(RECIPIENTS, self.forms, strict=True)}
        return {"kind": self.kind, "target": self.target, "forms": forms}

    def sentences(self) -> Iterator[str]:
        """One line for each group of recipients that get the same."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, forms in zip(RECIPIENTS, self.forms, strict=True):
            groups.setdefault(forms, []).append(name)
        for forms, names in groups.items():
            whom = "" if len(groups) == 1 else f" to {', '.join(names)}"
            yield f"{self.target}{whom}: {' or '.join(forms) or 'never'}"


def matrix(policy: Policy, kind: Kind) -> list[Row]:
    """Every field and region of a kind under one policy, over all contexts, rows and contents."""
    to = [Condition("recipient.class", frozenset({name})) for name in RECIPIENTS]
    rows = []
    for target in targets(kind):
        space = space_of([policy], target, tuple(to))
        outcomes = list(Reach(policy, kind, target, space).outcomes())
        forms = tuple(
            tuple(
                dict.fromkeys(describe(one.action).en for one in outcomes if meet(one.boxes, narrowed(space, (whom,))))
            )
            for whom in to
        )
        rows.append(Row(kind.name, target.name or "text on a page", forms))
    return rows
