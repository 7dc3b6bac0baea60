"""What people said of headers before: it answers a question where it can, and never more than that.

1. A header is compared as folded, step by step of a path; one with a step of which nothing is left is none.
2. What is answered now comes before what is remembered, of this column and of the field that it was given.
3. Where two living names differ, or one differs from what the kind itself reads, the column is asked for.
4. `drop` always holds. A field does where the kind has it, the header states no other unit, and the values show no
   class that the field is not declared to hold; else the column is asked for.
5. Where a policy drops what it does not know, nobody is asked, and only `drop` is remembered.
6. What stands above a value in its path keeps its veto, and two columns that claim one field are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.base.canon import Json
from gateway.formats.model import PATH_SEPARATOR, Element, Field
from gateway.policy.answers import DROP
from gateway.policy.kinds import Kind
from gateway.policy.naming import name_label, stated_unit
from gateway.policy.policy import Policy
from gateway.policy.spelling import MAX_HEADER, fold

# How a column got its name, or why it has none, beside what `naming` says.
REMEMBERED, ANSWERED, UNSETTLED = "remembered", "answer", "unsettled"


@dataclass(frozen=True, slots=True)
class Remembered:
    """That a person once said which field a header of a kind is, or `drop`; `entry` is the log's word on it."""

    id: str
    kind: str
    header: str
    field: str
    by: str
    entry: int

    def to_json(self) -> dict[str, Json]:
        """Canonical, free of the header."""
        return {"name": self.id, "by": self.by, "entry": self.entry}


def header_key(untrusted_label: str) -> str:
    """What a header is remembered under; empty where it cannot be."""
    steps = [fold(step) for step in untrusted_label.split(PATH_SEPARATOR)]
    key = PATH_SEPARATOR.join(steps)
    return key if all(steps) and max(len(key), len(untrusted_label)) <= MAX_HEADER else ""


def admitted(policy: Policy, remembered: Iterable[Remembered]) -> tuple[Remembered, ...]:
    """What of it may speak under this policy."""
    asks = policy.defaults.unknown_field == "ask"
    return tuple(one for one in remembered if asks or one.field == DROP)


def recalled(
    kind: Kind, fields: Iterable[Field], answered: Mapping[str, str], remembered: Iterable[Remembered]
) -> tuple[Field, ...]:
    """The same fields; columns that something is remembered of are named by it, or marked as unsettled.

    `answered` is what a person says now, by field ids.
    """
    told = _by_header(kind, remembered)
    taken = frozenset(answered.values()) - {DROP}
    if not told:
        return tuple(fields)
    return tuple(
        field
        if field.element is not Element.COLUMN or field.id in answered
        else _recalled(kind, field, told.get(header_key(field.label), ()), taken)
        for field in fields
    )


def rests_on(kind: Kind, field: Field, remembered: Iterable[Remembered]) -> tuple[Remembered, ...]:
    """All that a column's name, or its being left out, rests on."""
    if field.named != REMEMBERED:
        return ()
    key = header_key(field.label)
    return tuple(one for one in remembered if (one.kind, one.header) == (kind.name, key))


def settled(remembered: Iterable[Remembered]) -> frozenset[str]:
    """The ids of those that no other living one contradicts."""
    said = defaultdict[tuple[str, str], set[str]](set)
    every = tuple(remembered)
    for one in every:
        said[one.kind, one.header].add(one.field)
    return frozenset(one.id for one in every if len(said[one.kind, one.header]) == 1)


def _by_header(kind: Kind, remembered: Iterable[Remembered]) -> Mapping[str, Sequence[Remembered]]:
    told: defaultdict[str, list[Remembered]] = defaultdict(list)
    for one in remembered:
        if one.kind == kind.name:
            told[one.header].append(one)
    return told


def _recalled(kind: Kind, field: Field, said: Sequence[Remembered], taken: frozenset[str]) -> Field:
    if not said:
        return field
    names = {one.field for one in said}
    name = names.pop()
    own = name_label(kind, field.label)
    if not names and name == DROP:
        return replace(field, name=None, named=REMEMBERED)
    if not names and own == name:
        return field
    if names or own is not None or name in taken or not _believed(kind, field, name):
        return replace(field, name=None, named=UNSETTLED)
    return replace(field, name=name, named=REMEMBERED)


def _believed(kind: Kind, field: Field, name: str) -> bool:
    known = kind.by_name.get(name)
    if known is None or not field.classes <= set(known.classes):
        return False
    return known.unit is None or stated_unit(field.label) in (None, known.unit)
