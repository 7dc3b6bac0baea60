"""What a rule may do, and which of two actions is the stricter.

Strict to loose: block › drop | strip | box › bucket › round › truncate_date › mask › pseudonymise (row ‹ table ‹
release) › allow | crop. The order is total between sorts of actions, save that bands narrower than a rounding step
cannot be compared with it. Within one sort it is partial: coarser nested bands, a multiple of the rounding step, a
longer period, fewer characters kept, a narrower scope are stricter; anything else is incomparable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from gateway.base.canon import Json
from gateway.formats.model import Element, Op, Transform

BLOCK = "block"
_REMOVING = frozenset({BLOCK, "drop", "strip", "box"})
_SHOWING = frozenset({"allow", "crop"})
_ORDER = {
    BLOCK: 0, "drop": 1, "strip": 1, "box": 1, "bucket": 3, "round": 4,
    "truncate_date": 5, "mask": 6, "pseudonymise": 7, "allow": 9, "crop": 9,
}  # fmt: skip
_PERIODS = ("year", "quarter", "month")
_SCOPES = ("row", "table", "release")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_PREFIX = re.compile(r"[A-Z]{1,4}")
_UNIT = re.compile(r"[^\s\[\]{}<>,;\"'=+@-][^\[\]{}<>,;\"'=+@]{0,11}")
_NOT_YET = frozenset({"aggregate", "suppress", "mute", "downscale", "generic_name", "index", "redate"})
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
    **{op: frozenset({Element.COLUMN}) for op in ("bucket", "round", "truncate_date", "mask", "pseudonymise")},
}
TYPES: Mapping[str, frozenset[str]] = {
    "bucket": frozenset({"decimal", "integer"}),
    "round": frozenset({"decimal", "integer"}),
    "truncate_date": frozenset({"date"}),
    "mask": frozenset({"text"}),
    "pseudonymise": frozenset({"text", "enum", "integer"}),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its declared parameters; numbers are decimal text."""

    op: str
    params: tuple[tuple[str, str | int | tuple[str, ...]], ...] = ()

    @property
    def removes(self) -> bool:
        """Whether nothing of the value leaves."""
        return self.op in _REMOVING

    @property
    def shows(self) -> bool:
        """Whether the value leaves as it is."""
        return self.op in _SHOWING

    @property
    def order(self) -> tuple[int, Decimal]:
        """A sort key, strictest first, that agrees with `compare` wherever two actions can be compared."""
        return _ORDER[self.op], _degree(self)

    def get(self, name: str) -> str | int | tuple[str, ...]:
        """A declared parameter."""
        return dict(self.params)[name]

    def text(self, name: str) -> str:
        """A declared parameter as text."""
        return str(self.get(name))

    def edges(self) -> tuple[Decimal, ...]:
        """The declared band edges."""
        edges = self.get("edges")
        return tuple(Decimal(edge) for edge in edges) if isinstance(edges, tuple) else ()

    def transform(self) -> Transform:
        """The same in the words of the formats."""
        params: dict[str, Json] = {k: list(v) if isinstance(v, tuple) else v for k, v in self.params}
        return Transform(op=Op(self.op), params=params)

    def to_json(self) -> Json:
        """Canonical, as a policy writes it: a bare word, or one key with its parameters."""
        if not self.params:
            return self.op
        if self.op == "truncate_date":
            return {self.op: self.text("to")}
        return {self.op: {k: list(v) if isinstance(v, tuple) else v for k, v in self.params}}


def compare(a: Action, b: Action) -> int | None:
    """Negative where `a` is the stricter, positive where `b` is, 0 where they do the same, None if incomparable."""
    if a == b or (_ORDER[a.op] == _ORDER[b.op] and a.op != b.op):
        return 0
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
        raise ValueError(f"`{op}` is not available in this version; use a stricter action such as `drop`")
    if op not in _ORDER:
        raise ValueError(f"`{str(op)[:40]}` is not an action; use one of {', '.join(sorted(_ORDER))}")
    parser = _PARSERS.get(op)
    if parser is None:
        if params is not None:
            raise ValueError(f"`{op}` takes no parameters; write `do: {op}`")
        return Action(op)
    return parser(params)


def _mapping(op: str, params: object, names: frozenset[str]) -> Mapping[str, object]:
    if not isinstance(params, Mapping) or not set(params) <= names:
        raise ValueError(f"`{op}` takes the parameters {', '.join(sorted(names))}; write them and no others")
    return params


def _decimal(text: object, what: str) -> str:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"{what} must be a plain decimal number such as 10 or 2.5; rewrite it")
    return text


def _unit(params: Mapping[str, object]) -> str:
    unit = params.get("unit", "")
    if not isinstance(unit, str) or (unit and not _UNIT.fullmatch(unit)):
        raise ValueError("`unit` must be a short word such as kg; rewrite it")
    return unit


def _bucket(value: object) -> Action:
    params = _mapping("bucket", value, frozenset({"edges", "unit"}))
    edges = params.get("edges")
    if not isinstance(edges, list) or not 1 <= len(edges) <= 50:
        raise ValueError("`bucket` needs `edges`, a list of 1 to 50 numbers; write them")
    texts = tuple(_decimal(edge, "A band edge") for edge in edges)
    numbers = [Decimal(text) for text in texts]
    if any(left >= right for left, right in pairwise(numbers)):
        raise ValueError("the band edges must rise strictly; put them in order and keep each once")
    return Action("bucket", (("edges", texts), ("unit", _unit(params))))


def _round(value: object) -> Action:
    params = _mapping("round", value, frozenset({"to", "unit"}))
    step = _decimal(params.get("to"), "`to`")
    if Decimal(step) <= 0:
        raise ValueError("`to` must be more than zero; write the rounding step")
    return Action("round", (("to", step), ("unit", _unit(params))))


def _truncate_date(value: object) -> Action:
    if not isinstance(value, str) or value not in _PERIODS:
        raise ValueError("`truncate_date` is year, quarter or month; write `truncate_date: quarter`")
    return Action("truncate_date", (("to", value),))


def _mask(value: object) -> Action:
    keep = _mapping("mask", value, frozenset({"keep_last"})).get("keep_last")
    if not isinstance(keep, str) or not re.fullmatch(r"[0-4]", keep):
        raise ValueError("`mask` needs `keep_last`, a number from 0 to 4; write `mask: {keep_last: 4}`")
    return Action("mask", (("keep_last", int(keep)),))


def _pseudonymise(value: object) -> Action:
    params = _mapping("pseudonymise", value, frozenset({"scope", "prefix"}))
    scope, prefix = params.get("scope"), params.get("prefix")
    if scope == "recipient":
        raise ValueError("the scope `recipient` needs the exposure check, which this version lacks; use `release`")
    if not isinstance(scope, str) or scope not in _SCOPES:
        raise ValueError("`scope` is row, table or release; write one of them")
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise ValueError("`prefix` is one to four capital letters such as P; write it")
    return Action("pseudonymise", (("prefix", prefix), ("scope", scope)))


_PARSERS: Mapping[str, Callable[[object], Action]] = {
    "bucket": _bucket,
    "round": _round,
    "truncate_date": _truncate_date,
    "mask": _mask,
    "pseudonymise": _pseudonymise,
}


def _degree(action: Action) -> Decimal:
    match action.op:
        case "bucket":
            return Decimal(len(action.edges()))
        case "round":
            return -Decimal(action.text("to"))
        case "truncate_date":
            return Decimal(_PERIODS.index(action.text("to")))
        case "mask":
            return Decimal(action.text("keep_last"))
        case "pseudonymise":
            return Decimal(_SCOPES.index(action.text("scope")))
    return Decimal(0)


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


def _compare_round(a: Action, b: Action) -> int | None:
    if a.get("unit") != b.get("unit"):
        return None
    left, right = Decimal(a.text("to")), Decimal(b.text("to"))
    return _sign(a, b) if max(left, right) % min(left, right) == 0 else None


def _compare_pseudonymise(a: Action, b: Action) -> int | None:
    return _sign(a, b) or None


_WITHIN: Mapping[str, Callable[[Action, Action], int | None]] = {
    "bucket": _compare_bucket,
    "round": _compare_round,
    "truncate_date": _sign,
    "mask": _sign,
    "pseudonymise": _compare_pseudonymise,
}
