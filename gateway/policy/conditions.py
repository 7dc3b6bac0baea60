"""To whom, why and when: a closed vocabulary of attributes, finite sets and closed intervals over them.

An unknown attribute is a load error. A value that is missing at run time fails a permit and satisfies a prohibition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from gateway.base.canon import Json
from gateway.policy.problems import ContextInvalid
from gateway.policy.words import day

CLOSED: Mapping[str, frozenset[str]] = {
    "recipient.class": frozenset({"supplier", "agent", "authority", "counsel", "expert", "public"}),
    "profile": frozenset({"sealed", "portal", "print", "public"}),
}
_OPEN = frozenset({"recipient.jurisdiction", "purpose", "authority", "regime"})
_WHOLE = frozenset({"recipient.hop", "round"})
ATTRIBUTES = frozenset({*CLOSED, *_OPEN, *_WHOLE, "date"})
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute within a set (`values`), or within a closed interval (`low`, `high`; dates as `2026-01-31`)."""

    attribute: str
    values: frozenset[str] = frozenset()
    low: str | int | None = None
    high: str | int | None = None

    def holds(self, value: str | int) -> bool:
        """Whether a present value satisfies it."""
        if self.values:
            return str(value).casefold() in self.values
        return (self.low is None or not _less(value, self.low)) and (self.high is None or not _less(self.high, value))

    def overlaps(self, other: Condition) -> bool:
        """Whether some value satisfies both. Assumes the same attribute."""
        if self.values and other.values:
            return bool(self.values & other.values)
        if self.values or other.values:
            sets, interval = (self, other) if self.values else (other, self)
            return any(interval.holds(_typed(sets.attribute, value)) for value in sets.values)
        return not (_apart(self.high, other.low) or _apart(other.high, self.low))

    def to_json(self) -> Json:
        """A sorted list, or an interval."""
        if self.values:
            return sorted(self.values)
        return {k: v for k, v in (("ge", self.low), ("le", self.high)) if v is not None}


Conditions = tuple[Condition, ...]


def parse_conditions(value: object) -> Conditions:
    """What a policy's `when:` says. Raises ValueError with one sentence."""
    if not isinstance(value, Mapping):
        raise ValueError("`when` maps attributes to lists or intervals; rewrite it")  # noqa: TRY004 (pydantic)
    return tuple(_condition(str(name), wanted) for name, wanted in sorted(value.items()))


def _condition(name: str, wanted: object) -> Condition:
    if name not in ATTRIBUTES:
        raise ValueError(f"`{name[:60]}` is not an attribute; use one of {', '.join(sorted(ATTRIBUTES))}")
    if isinstance(wanted, Mapping):
        return _interval(name, wanted)
    if not isinstance(wanted, list) or not wanted or name == "date":
        raise ValueError(f"`{name}` needs a list of values, or an interval such as {{ge: 1, le: 2}}; write one")
    values = frozenset(str(_typed(name, item)).casefold() for item in wanted)
    return Condition(name, values)


def _interval(name: str, wanted: Mapping[object, object]) -> Condition:
    if name not in _WHOLE and name != "date":
        raise ValueError(f"`{name}` has no order; write a list of values")
    if not wanted or not set(wanted) <= {"ge", "le"}:
        raise ValueError("an interval has `ge`, `le` or both; write no others")
    low, high = (_typed(name, wanted[key]) if key in wanted else None for key in ("ge", "le"))
    if _apart(high, low):
        raise ValueError(f"the interval for `{name}` is empty; `ge` must not exceed `le`")
    return Condition(name, low=low, high=high)


def _typed(name: str, value: object) -> str | int:
    """`value` as the attribute's sort. Raises ValueError."""
    if name in _WHOLE:
        if isinstance(value, bool) or not re.fullmatch(r"0|[1-9][0-9]{0,5}", str(value)):
            raise ValueError(f"`{name}` is a whole number; rewrite it")
        return int(str(value))
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is text; rewrite it")  # noqa: TRY004 (pydantic reads ValueError)
    if name == "date":
        return day(value).isoformat()
    if name in CLOSED and value not in CLOSED[name]:
        raise ValueError(f"`{name}` is one of {', '.join(sorted(CLOSED[name]))}; use one of them")
    if not _NAME.fullmatch(value):
        raise ValueError(f"`{name}` is one short line; rewrite it")
    return value


def _less(left: str | int, right: str | int) -> bool:
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    return str(left) < str(right)


def _apart(high: str | int | None, low: str | int | None) -> bool:
    return high is not None and low is not None and _less(high, low)


def holds(conditions: Conditions, attributes: Mapping[str, str | int], *, missing: bool) -> bool:
    """Whether all conditions hold; an attribute that `attributes` lacks counts as `missing`."""
    return all(c.holds(attributes[c.attribute]) if c.attribute in attributes else missing for c in conditions)


def can_meet(a: Conditions, b: Conditions) -> bool:
    """Whether some context satisfies both conjunctions."""
    return all(x.overlaps(y) for x in a for y in b if x.attribute == y.attribute)


@dataclass(frozen=True, slots=True)
class Context:
    """To whom, why and when a rendition is made.

    `attributes` uses the closed vocabulary. `custody` holds, for everyone through whose hands the release passes in
    clear, the attributes that differ from it: a permit must hold for all of them, a prohibition for any.
    """

    attributes: Mapping[str, str | int]
    custody: tuple[Mapping[str, str | int], ...] = field(default=())

    def checked(self, on: date) -> Context:
        """The same with typed values and the day filled in. Raises `ContextInvalid`."""
        return replace(
            self,
            attributes={**_checked(self.attributes), "date": on.isoformat()},
            custody=tuple(_checked(each) for each in self.custody),
        )

    def views(self) -> tuple[Mapping[str, str | int], ...]:
        """One full set of attributes for the recipient and for everyone in custody."""
        return (self.attributes, *({**self.attributes, **each} for each in self.custody))

    def permits(self, conditions: Conditions) -> bool:
        """Whether the conditions hold for everyone; what is missing fails."""
        return all(holds(conditions, view, missing=False) for view in self.views())

    def prohibits(self, conditions: Conditions) -> bool:
        """Whether the conditions hold for anyone; what is missing is taken to hold."""
        return any(holds(conditions, view, missing=True) for view in self.views())


def parse_context(pairs: Iterable[str]) -> Context:
    """A context from `attribute=value` words, as a command line gives them. Raises `ContextInvalid`."""
    attributes: dict[str, str | int] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in attributes:
            raise ContextInvalid("Write each attribute once, as attribute=value.")
        attributes[name] = value
    return Context(_checked(attributes))


def _checked(attributes: Mapping[str, str | int]) -> dict[str, str | int]:
    unknown = sorted(set(attributes) - ATTRIBUTES)
    if unknown:
        raise ContextInvalid(f"The context attribute is not known; use one of {', '.join(sorted(ATTRIBUTES))}.")
    try:
        return {name: _typed(name, value) for name, value in attributes.items()}
    except ValueError as error:
        raise ContextInvalid(f"In the context {error}.") from error
