"""What stands behind an action in a policy: its declared parameters, typed. Each parser raises ValueError with one
sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import pairwise

from gateway.base.text import comparable

Param = str | int | tuple[str, ...] | tuple[tuple[str, str], ...]
Params = tuple[tuple[str, Param], ...]

PERIODS = ("year", "quarter", "month")
SCOPES = ("row", "table", "release")
HOW = frozenset({"sum", "mean", "count"})
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,9})?")
_PREFIX = re.compile(r"[A-Z]{1,4}")
_UNIT = re.compile(r"[^\s\[\]{}<>,;\"'=+@-][^\[\]{}<>,;\"'=+@]{0,11}")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_NAME = re.compile(r"[^\W_][^\[\]{}\r\n\t]{0,79}")
_MOST_NAMES = 2_000
_FEWEST = 3
_MOST_DOMINANT = Decimal("0.9")
_MOST_FIELDS = 8
_MOST_CHARS = 200


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


def _bucket(value: object) -> Params:
    params = _mapping("bucket", value, frozenset({"edges", "unit"}))
    edges = params.get("edges")
    if not isinstance(edges, list) or not 1 <= len(edges) <= 50:
        raise ValueError("`bucket` needs `edges`, a list of 1 to 50 numbers; write them")
    texts = tuple(_decimal(edge, "A band edge") for edge in edges)
    numbers = [Decimal(text) for text in texts]
    if any(left >= right for left, right in pairwise(numbers)):
        raise ValueError("the band edges must rise strictly; put them in order and keep each once")
    return ("edges", texts), ("unit", _unit(params))


def _round(value: object) -> Params:
    params = _mapping("round", value, frozenset({"to", "unit"}))
    return ("to", _above_zero(params, "to")), ("unit", _unit(params))


def _truncate_date(value: object) -> Params:
    if not isinstance(value, str) or value not in PERIODS:
        raise ValueError("`truncate_date` is year, quarter or month; write `truncate_date: quarter`")
    return (("to", value),)


def _mask(value: object) -> Params:
    keep = _mapping("mask", value, frozenset({"keep_last"})).get("keep_last")
    if not isinstance(keep, str) or not re.fullmatch(r"[0-4]", keep):
        raise ValueError("`mask` needs `keep_last`, a number from 0 to 4; write `mask: {keep_last: 4}`")
    return (("keep_last", int(keep)),)


def _pseudonymise(value: object) -> Params:
    params = _mapping("pseudonymise", value, frozenset({"scope", "prefix"}))
    scope, prefix = params.get("scope"), params.get("prefix")
    if scope == "recipient":
        raise ValueError("the scope `recipient` needs the exposure check, which this version lacks; use `release`")
    if not isinstance(scope, str) or scope not in SCOPES:
        raise ValueError("`scope` is row, table or release; write one of them")
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise ValueError("`prefix` is one to four capital letters such as P; write it")
    return ("prefix", prefix), ("scope", scope)


def _above_zero(params: Mapping[str, object], name: str) -> str:
    text = _decimal(params.get(name), f"`{name}`")
    if Decimal(text) <= 0:
        raise ValueError(f"`{name}` must be more than zero; correct it")
    return text


def _field(value: object, name: str) -> str:
    if not isinstance(value, str) or not _FIELD.fullmatch(value):
        raise ValueError(f"`{name}` is the name of a field; write it")
    return value


def _fields(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_FIELDS:
        raise ValueError(f"`{name}` is a list of at most {_MOST_FIELDS} fields; write it so")
    fields = tuple(_field(one, name) for one in value)
    if len(set(fields)) != len(fields):
        raise ValueError(f"`{name}` names a field twice; keep it once")
    return tuple(sorted(fields))


def _suppress(value: object) -> Params:
    if value is None:
        raise ValueError("`suppress` needs `below`, the number from which on cells are shown; to withhold all, `drop`")
    params = _mapping("suppress", value, frozenset({"below", "unit"}))
    return ("below", _above_zero(params, "below")), ("unit", _unit(params))


def _index(value: object) -> Params:
    params = _mapping("index", value, frozenset({"over", "base", "by", "to"}))
    over, by = _field(params.get("over"), "over"), _fields(params.get("by", []), "by")
    base = params.get("base")
    if not isinstance(base, str) or not _NAME.fullmatch(base):
        raise ValueError("`index` needs `base`, the value of `over` that becomes 100, such as 2024; write it")
    if over in by:
        raise ValueError("`over` tells periods apart and `by` whose they are; name a field in one of them")
    step = _above_zero(params, "to")
    if Decimal(step) < Decimal("0.1"):
        raise ValueError("an index finer than `to: 0.1` gives its base away; write 0.1, 1 or more")
    return ("base", base), ("by", by), ("over", over), ("to", step)


def _says(name: str, value: str) -> bool:
    """Whether a name holds a value: as words of its own, or anywhere where a script has no spaces."""
    return value in name if not value.isascii() else bool(re.search(rf"(?<!\w){re.escape(value)}(?!\w)", name))


def _generic_name(value: object) -> Params:
    names = _mapping("generic_name", value, frozenset({"names"})).get("names")
    if not isinstance(names, Mapping) or not 1 <= len(names) <= _MOST_NAMES:
        raise ValueError(f"`generic_name` needs `names`, 1 to {_MOST_NAMES} values with the name for each; write them")
    told: dict[str, str] = {}
    for raw, name in names.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name != name.strip():
            raise ValueError("a public name is one short line that begins with a letter or digit; rewrite it")
        key = comparable(str(raw))
        if not key or len(key) > _MOST_CHARS or key in told:
            raise ValueError("`names` has a value that is empty, too long, or there twice; keep each once")
        told[key] = name
    shown = [comparable(name) for name in told.values()]
    for key in told:
        if any(_says(name, key) for name in shown):
            raise ValueError("a public name holds a value that it stands for; choose a name that does not say it")
    return (("names", tuple(sorted(told.items()))),)


def _aggregate(value: object) -> Params:
    names = frozenset({"how", "by", "entity", "k", "dominance", "to", "unit"})
    params = _mapping("aggregate", value, names)
    how, by = params.get("how"), _fields(params.get("by"), "by")
    if not isinstance(how, str) or how not in HOW:
        raise ValueError("`how` is sum, mean or count; write one of them")
    entity, step = _field(params.get("entity"), "entity"), _above_zero(params, "to")
    if not by or entity in by:
        raise ValueError("`by` names the fields that rows are grouped by, and not the `entity`; correct it")
    k, dominance = params.get("k"), _above_zero(params, "dominance")
    if not isinstance(k, str) or not re.fullmatch(r"[1-9][0-9]{0,3}", k) or int(k) < _FEWEST:
        raise ValueError(f"`k` is how many contributors a group needs, {_FEWEST} or more; correct it")
    if Decimal(dominance) > _MOST_DOMINANT:
        raise ValueError(f"`dominance` is the largest share of one contributor, at most {_MOST_DOMINANT}; correct it")
    told: Params = (("by", by), ("dominance", dominance), ("entity", entity), ("how", how), ("k", int(k)))
    return (*told, ("to", step), ("unit", _unit(params)))


PARSERS: Mapping[str, Callable[[object], Params]] = {
    "bucket": _bucket,
    "round": _round,
    "truncate_date": _truncate_date,
    "mask": _mask,
    "pseudonymise": _pseudonymise,
    "suppress": _suppress,
    "index": _index,
    "generic_name": _generic_name,
    "aggregate": _aggregate,
}
