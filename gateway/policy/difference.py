"""What one version of a policy lets leave that another does not: computed over all contexts, each with a case of it.

What is not named here did not change. Columns, regions and text are weighed: other words for the same outcome are no
change. What stands in a certain place or is written in a certain way, what refuses the whole, and what holds beside the
rules (detection, approvals, output) is not: there each rule and setting that differs is named, as an `Edit`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.base.canon import Json
from gateway.formats.model import Element
from gateway.policy.actions import BLOCK, Action, compare
from gateway.policy.boxes import Box, meet, without
from gateway.policy.kinds import Kind
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.reach import Example, Outcome, Reach, Target, space_of, targets
from gateway.policy.wording import describe

_WEIGHED = frozenset({Element.COLUMN, Element.REGION})
_NOT_SETTINGS = frozenset(
    {
        *("ref", "title", "owner", "origin", "from", "to", "kinds", "when", "rules"),
        *("defaults.because", "defaults.leave_to_default"),
    }
)
_GUARDS = frozenset({"defaults.detection", "defaults.reading"})


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


@dataclass(frozen=True, slots=True)
class Edit:
    """A rule or a setting that differs and whose cases are not weighed; None is one that is not there."""

    direction: Direction
    what: str
    before: Json
    after: Json

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {"direction": self.direction.value, "what": self.what, "before": self.before, "after": self.after}

    def __str__(self) -> str:
        sides = (self.before, self.after)
        before, after = ("none" if one is None else json.dumps(one, ensure_ascii=False) for one in sides)
        return f"{self.direction.value}: {self.what}: {before} → {after}."


def edits(old: Policy, new: Policy) -> list[Edit]:
    """Every rule and setting that differs and that `changes` does not weigh, those that disclose first."""
    was, now = ({rule.id: rule for rule in policy.rules} for policy in (old, new))
    found = [edit for name in sorted({*was, *now}) for edit in _edited(name, was.get(name), now.get(name))]
    before, after = (dict(_settings(policy.to_json())) for policy in (old, new))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            guards = name in _GUARDS and name not in before
            direction = Direction.STRICTER if guards else Direction.OTHER
            found.append(Edit(direction, name, before.get(name), after.get(name)))
    return sorted(found, key=lambda one: (list(Direction).index(one.direction), one.what))


def _edited(name: str, was: Rule | None, now: Rule | None) -> Iterator[Edit]:
    before, after = (_unweighed(rule) for rule in (was, now))
    if before == after:
        return
    direction = Direction.OTHER
    if was is None or now is None:
        [rule] = [one for one in (was, now) if one is not None]
        # What changes a value both permits and forbids.
        looser = rule.do.shows if was is None else rule.do.removes
        stricter = rule.do.removes if was is None else rule.do.shows
        direction = Direction.LOOSER if looser else Direction.STRICTER if stricter else Direction.OTHER
    yield Edit(direction, f"rule {name}", before, after)


def _unweighed(rule: Rule | None) -> Json:
    """What a rule says beyond what `changes` weighs; None where that is nothing."""
    if rule is None:
        return None
    told: dict[str, Json] = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    demanded = {key: told[key] for key in ("present", "not_only") if told.get(key)}
    if not (rule.do.op == BLOCK or rule.select.elements - _WEIGHED or rule.select.headers):
        return demanded or None
    select = {key: value for key, value in rule.select.model_dump(mode="json", exclude_none=True).items() if value}
    return {"select": select, "do": told["do"], **({"when": told["when"]} if told["when"] else {}), **demanded}


def _settings(told: Mapping[str, Json], within: str = "") -> Iterator[tuple[str, Json]]:
    """Every setting beside the rules by its path."""
    for name, value in told.items():
        path = f"{within}.{name}" if within else name
        if path in _NOT_SETTINGS:
            continue
        if isinstance(value, dict):
            yield from _settings(value, path)
        else:
            yield path, value


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
