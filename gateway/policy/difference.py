"""What one version of a policy lets leave that another does not: computed over all contexts, each with a case of it.

What is not named here did not change. Only what leaves is compared: other words for the same outcome are no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.base.canon import Json
from gateway.policy.actions import Action, compare
from gateway.policy.boxes import Box, meet, without
from gateway.policy.kinds import Kind
from gateway.policy.policy import Policy
from gateway.policy.reach import Example, Outcome, Reach, Target, space_of, targets
from gateway.policy.wording import describe


class Direction(StrEnum):
    """Which way a change goes. What is not `withheld` or `stricter` discloses something and needs legal approval."""

    RELEASED = "released"
    LOOSER = "looser"
    OTHER = "other"
    STRICTER = "stricter"
    WITHHELD = "withheld"

    @property
    def loosens(self) -> bool:
        """Whether something may leave that did not, or not in this form."""
        return self not in {Direction.STRICTER, Direction.WITHHELD}


@dataclass(frozen=True, slots=True)
class Change:
    """One field or region whose outcome differs, from `before` to `after`; None is withheld. With one case of it."""

    direction: Direction
    before: Outcome | None
    after: Outcome | None
    example: Example

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "direction": self.direction.value,
            **{name: _outcome_json(one) for name, one in (("before", self.before), ("after", self.after))},
            "example": self.example.to_json(),
        }

    def __str__(self) -> str:
        return (
            f"{self.direction.value}: {self.example.name}: {_told(self.before)} → {_told(self.after)}, "
            f"for example where {self.example}."
        )


def changes(old: Policy, new: Policy, kinds: Sequence[Kind]) -> list[Change]:
    """Every change between two policies over the fields and regions of these kinds, those that disclose first."""
    found = [change for kind in kinds for target in targets(kind) for change in _changes(old, new, kind, target)]
    return sorted(found, key=lambda one: (list(Direction).index(one.direction), one.example.name))


def _changes(old: Policy, new: Policy, kind: Kind, target: Target) -> Iterator[Change]:
    space = space_of([old, new], target)
    before, after = (list(Reach(one, kind, target, space).outcomes()) for one in (old, new))

    def change(was: Outcome | None, now: Outcome | None, boxes: list[Box]) -> Iterator[Change]:
        if boxes:
            yield Change(_direction(was, now), was, now, Example.of(kind, target, space, boxes[0]))

    for was in before:
        for now in after:
            if was.action != now.action:
                yield from change(was, now, meet(was.boxes, now.boxes))
    for was in before:
        yield from change(was, None, without(was.boxes, _all(after)))
    for now in after:
        yield from change(None, now, without(now.boxes, _all(before)))


def _all(outcomes: Sequence[Outcome]) -> list[Box]:
    return [box for outcome in outcomes for box in outcome.boxes]


def _direction(was: Outcome | None, now: Outcome | None) -> Direction:
    if was is None or now is None:
        return Direction.RELEASED if was is None else Direction.WITHHELD
    order = compare(was.action, now.action)
    if not order:
        return Direction.OTHER
    return Direction.LOOSER if order < 0 else Direction.STRICTER


def _told(outcome: Outcome | None) -> str:
    return f"{describe(outcome.action).en} (rule {outcome.rule})" if outcome else "withheld"


def _outcome_json(outcome: Outcome | None) -> Json:
    if outcome is None:
        return None
    action: Action = outcome.action
    return {"do": action.to_json(), "rule": outcome.rule}
