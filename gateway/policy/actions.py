"""What a rule may do, and which of two actions is the stricter.

Strict to loose: block › drop | strip | box | mute › aggregate ›
suppress › index › bucket › round › truncate_date › generic_name ›
mask › pseudonymise (row ‹ table ‹ release) › allow | crop. The order is total between sorts of actions, save that
bands narrower than a rounding step cannot be compared with it, nor an index with bands or rounding, nor a generic name
with a mask or a pseudonym. Within one sort it is partial: coarser nested bands, a multiple of the rounding step, a
longer period, fewer characters kept, a narrower scope, a higher bound are stricter; anything else is incomparable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from gateway.base.canon import Json
from gateway.formats.model import Element, Grouping, Op, Transform
from gateway.policy.parameters import PARSERS, PERIODS, SCOPES, Param, Params

BLOCK = "block"
_REMOVING = frozenset({BLOCK, "drop", "strip", "box", "mute", "suppress"})
_SHOWING = frozenset({"allow", "crop"})
_ORDER = {
    BLOCK: 0, "drop": 1, "strip": 1, "box": 1, "mute": 1, "aggregate": 2, "suppress": 3, "index": 4, "bucket": 5,
    "round": 6, "truncate_date": 7, "generic_name": 8, "mask": 9, "pseudonymise": 10, "allow": 12, "crop": 12,
}  # fmt: skip
# Of these neither says less than the other: what each leaves over, the other hides.
_APART = frozenset(
    frozenset(pair)
    for pair in (("index", "bucket"), ("index", "round"), ("generic_name", "mask"), ("generic_name", "pseudonymise"))
)
# What these do depends on the type of the values, so that a field is named and not a class or a header.
BY_FIELD = frozenset({"suppress", "index", "aggregate"})
# These take all rows together.
WHOLE_COLUMN = frozenset({"index", "aggregate"})
_NOT_YET = {
    "downscale": "is not an action: `output: {video: {lines: …}}` says how large a video is at most",
    "redate": "does not exist, because a shifted date is a false one; use `truncate_date`",
}
_NEVER = frozenset({"blur", "mosaic", "noise", "fake", "encrypt"})

# What stands on a page and is withheld by a box over it.
COVERED = frozenset({Element.TEXT, Element.ANNOTATION, Element.FORM_FIELD, Element.PICTURE})
_CARRYING = frozenset({Element.LAYER, Element.BLOCK})
ELEMENTS: Mapping[str, frozenset[Element]] = {
    BLOCK: frozenset(Element),
    "drop": frozenset({Element.COLUMN, Element.METADATA, Element.PAGE}) | COVERED | _CARRYING,
    "strip": frozenset({Element.METADATA}),
    "box": frozenset({Element.REGION}) | COVERED,
    "crop": frozenset({Element.REGION}),
    "allow": frozenset({Element.COLUMN, Element.REGION, Element.PAGE}) | COVERED | _CARRYING,
    "mute": frozenset({Element.METADATA}),
    **dict.fromkeys(PARSERS, frozenset({Element.COLUMN})),
}
TYPES: Mapping[str, frozenset[str]] = {
    "bucket": frozenset({"decimal", "integer"}),
    "round": frozenset({"decimal", "integer"}),
    "truncate_date": frozenset({"date"}),
    "mask": frozenset({"text"}),
    "pseudonymise": frozenset({"text", "enum", "integer"}),
    "suppress": frozenset({"decimal", "integer"}),
    "index": frozenset({"decimal", "integer"}),
    "aggregate": frozenset({"decimal", "integer"}),
    "generic_name": frozenset({"text", "enum"}),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its declared parameters; numbers are decimal text."""

    op: str
    params: Params = ()

    @property
    def removes(self) -> bool:
        """Whether nothing of the value leaves."""
        return self.op in _REMOVING

    @property
    def by_value(self) -> bool:
        """Whether it depends on a cell's own value if it is done at all."""
        return self.op == "suppress"

    @property
    def asks(self) -> tuple[str, ...]:
        """The fields beside its own without which it cannot be done."""
        one = {"index": "over", "aggregate": "entity"}.get(self.op)
        return (self.text(one), *self.texts("by")) if one else ()

    @property
    def grouping(self) -> Grouping | None:
        """How the rows of the whole table become groups, where it asks for that."""
        if self.op != "aggregate":
            return None
        dominance = Decimal(self.text("dominance"))
        return Grouping(self.texts("by"), self.text("entity"), int(self.text("k")), dominance)

    @property
    def shows(self) -> bool:
        """Whether the value leaves as it is."""
        return self.op in _SHOWING

    @property
    def order(self) -> tuple[int, Decimal]:
        """A sort key, strictest first, that agrees with `compare` wherever two actions can be compared."""
        return _ORDER[self.op], _degree(self)

    def get(self, name: str) -> Param:
        """A declared parameter."""
        return dict(self.params)[name]

    def texts(self, name: str) -> tuple[str, ...]:
        """A declared parameter that is a list of texts."""
        return tuple(map(str, found)) if isinstance(found := self.get(name), tuple) else ()

    def text(self, name: str) -> str:
        """A declared parameter as text."""
        return str(self.get(name))

    def mapping(self, name: str) -> dict[str, str]:
        """A declared parameter that is a list of pairs."""
        found = self.get(name)
        return dict(one for one in found if isinstance(one, tuple)) if isinstance(found, tuple) else {}

    def edges(self) -> tuple[Decimal, ...]:
        """The declared band edges."""
        return tuple(map(Decimal, self.texts("edges")))

    def transform(self) -> Transform:
        """The same in the words of the formats."""
        return Transform(Op.STRIP if self.op == "mute" else Op(self.op), self._told())

    def to_json(self) -> Json:
        """Canonical, as a policy writes it: a bare word, or one key with its parameters."""
        if not self.params:
            return self.op
        if self.op == "truncate_date":
            return {self.op: self.text("to")}
        return {self.op: self._told()}

    def _told(self) -> dict[str, Json]:
        return {name: _json(value) for name, value in self.params}


def _json(value: Param) -> Json:
    if not isinstance(value, tuple):
        return value
    pairs = [one for one in value if isinstance(one, tuple)]
    told: dict[str, Json] = dict(pairs)
    texts: list[Json] = [one for one in value if isinstance(one, str)]
    return told or texts


def compare(a: Action, b: Action) -> int | None:
    """Negative where `a` is the stricter, positive where `b` is, 0 where they do the same, None if incomparable."""
    if a == b or (_ORDER[a.op] == _ORDER[b.op] and a.op != b.op):
        return 0
    if frozenset({a.op, b.op}) in _APART:
        return None
    if {a.op, b.op} == {"bucket", "round"}:
        bands, step = (a, b) if a.op == "bucket" else (b, a)
        if not _at_least_as_wide(bands.edges(), Decimal(step.text("to"))):
            return None
    if a.op != b.op:
        return _ORDER[a.op] - _ORDER[b.op]
    return _WITHIN[a.op](a, b)


def parse_action(value: object) -> Action:
    """The action that a policy's `do:` names. Raises ValueError with one sentence."""
    if isinstance(value, str):
        op, params = value, None
    elif isinstance(value, Mapping) and len(value) == 1:
        op, params = next(iter(value.items()))
    else:
        raise ValueError("`do` names one action, such as `drop` or `{truncate_date: quarter}`; write exactly one")
    if op in _NEVER:
        raise ValueError(f"`{op}` does not exist, because nothing is falsified or half hidden; use `drop` or `box`")
    if op in _NOT_YET:
        raise ValueError(f"`{op}` {_NOT_YET[op]}")
    if op not in _ORDER:
        raise ValueError(f"`{str(op)[:40]}` is not an action; use one of {', '.join(sorted(_ORDER))}")
    parser = PARSERS.get(op)
    if parser is None:
        if params is not None:
            raise ValueError(f"`{op}` takes no parameters; write `do: {op}`")
        return Action(op)
    return Action(op, parser(params))


_DEGREES: Mapping[str, Callable[[Action], Decimal]] = {
    "bucket": lambda action: Decimal(len(action.edges())),
    "round": lambda action: -Decimal(action.text("to")),
    "suppress": lambda action: -Decimal(action.text("below")),
    "index": lambda action: -Decimal(action.text("to")),
    "aggregate": lambda action: -Decimal(action.text("to")),
    "truncate_date": lambda action: Decimal(PERIODS.index(action.text("to"))),
    "mask": lambda action: Decimal(action.text("keep_last")),
    "pseudonymise": lambda action: Decimal(SCOPES.index(action.text("scope"))),
}


def _degree(action: Action) -> Decimal:
    return _DEGREES[action.op](action) if action.op in _DEGREES else Decimal(0)


def _at_least_as_wide(edges: tuple[Decimal, ...], step: Decimal) -> bool:
    return all(right - left >= step for left, right in pairwise(edges))


def _sign(a: Action, b: Action) -> int:
    left, right = _degree(a), _degree(b)
    return (left > right) - (left < right)


def _compare_bucket(a: Action, b: Action) -> int | None:
    if a.get("unit") != b.get("unit"):
        return None
    left, right = set(a.edges()), set(b.edges())
    return _sign(a, b) if left <= right or right <= left else None


def _compare_suppress(a: Action, b: Action) -> int | None:
    return _sign(a, b) if a.get("unit") == b.get("unit") else None


def _compare_steps(a: Action, b: Action) -> int | None:
    """Of two that differ in nothing but the step."""
    if any(one != other and one[0] != "to" for one, other in zip(a.params, b.params, strict=True)):
        return None
    left, right = Decimal(a.text("to")), Decimal(b.text("to"))
    return _sign(a, b) if max(left, right) % min(left, right) == 0 else None


def _equal_or_apart(a: Action, b: Action) -> int | None:
    return 0 if a == b else None


def _compare_pseudonymise(a: Action, b: Action) -> int | None:
    return _sign(a, b) or None


_WITHIN: Mapping[str, Callable[[Action, Action], int | None]] = {
    "bucket": _compare_bucket,
    "round": _compare_steps,
    "index": _compare_steps,
    "aggregate": _compare_steps,
    "suppress": _compare_suppress,
    "generic_name": _equal_or_apart,
    "truncate_date": _sign,
    "mask": _sign,
    "pseudonymise": _compare_pseudonymise,
}
