"""Proves that something never leaves: over all contexts, rows and contents, by boxes, or with a counterexample.

What is proved holds for declared fields and classes. Free text is another matter: what stands in it is as well known as
what detects it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError, model_validator

from gateway.base.canon import Json
from gateway.base.problems import Usage
from gateway.formats.model import Element
from gateway.policy.boxes import Box, Space
from gateway.policy.kinds import Kind
from gateway.policy.match import fits
from gateway.policy.model import When
from gateway.policy.policy import Policy
from gateway.policy.reach import Example, Reach, Target, narrowed, space_of, targets
from gateway.policy.words import FORMS, DataClass, FieldGlob, Flag, RegionName, Strict

LIMIT = "over all contexts, for declared fields and classes; content of free text depends on detection"

_WORD = re.compile(r"(field|class|region)=(.+)")
_TERM = re.compile(r"([a-z.]+)=(.+)")
_SPAN = re.compile(r"(.*)\.\.(.*)")


class Never(Strict):
    """What must never leave for these recipients: these fields and regions, and what shows one of these classes.

    With both, the fields and regions where they show one. With `as_is` it may leave changed.
    """

    fields: tuple[FieldGlob, ...] = ()
    regions: tuple[RegionName, ...] = ()
    classes: tuple[DataClass, ...] = ()
    as_is: Flag = False
    to: When = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not (self.fields or self.regions or self.classes):
            raise ValueError("`never` names nothing; write fields, regions or classes")
        return self

    def __str__(self) -> str:
        named = [f"field={glob}" for glob in self.fields] + [f"region={name}" for name in self.regions]
        named += [f"class={name}" for name in self.classes]
        to = [f"{one.attribute}={_told(one.to_json())}" for one in self.to]
        return " ".join([*named, *(["as-is"] if self.as_is else []), *(["to", *to] if to else [])])


@dataclass(frozen=True, slots=True)
class Counterexample:
    """One case in which it leaves, and the rule that lets it."""

    rule: str
    example: Example

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {"rule": self.rule, **self.example.to_json()}

    def __str__(self) -> str:
        return f"The rule {self.rule} lets {self.example.name} leave where {self.example}."


@dataclass(frozen=True, slots=True)
class Proof:
    """A claim about one policy: proved where there is no counterexample. One for each thing that leaves is kept."""

    policy: str
    claim: str
    counterexamples: tuple[Counterexample, ...]
    exceptions: tuple[str, ...] = ()
    applies: bool = True
    """Whether the policy holds in any of the contexts meant; where it does not, the claim is true of nothing."""

    @property
    def proved(self) -> bool:
        """Whether it never leaves."""
        return not self.counterexamples

    def sentences(self) -> tuple[str, ...]:
        """What was found, in plain sentences."""
        if self.proved:
            told = f", with the exceptions {', '.join(self.exceptions)}" if self.exceptions else ""
            idle = "" if self.applies else " The policy applies in none of these contexts; under it nothing leaves."
            return (f"PROVED for {self.policy}{told}: never {self.claim}; {LIMIT}.{idle}",)
        return (f"NOT TRUE for {self.policy}: {self.claim}.", *map(str, self.counterexamples))


def prove(policy: Policy, kinds: Sequence[Kind], never: Never) -> Proof:
    """The proof over all of the policy's `kinds`, or the counterexamples."""
    meant = [(kind, target) for kind in kinds for target in targets(kind) if _meant(never, target)]
    found = [one for kind, target in meant for one in _found(policy, kind, target, never)]
    applies = bool(found) or any(
        reach.applicable for kind, target in meant for _, reach in _reaches(policy, kind, target, never)
    )
    return Proof(policy.ref, str(never), tuple(found), tuple(map(str, policy.exceptions)), applies)


def unknown_names(never: Never, kinds: Sequence[Kind]) -> tuple[str, ...]:
    """What the claim names and none of `kinds` has: a claim about nothing is true and says nothing."""
    fields = [field.name for kind in kinds for field in kind.fields]
    regions = [region.name for kind in kinds for region in kind.regions]
    wrong = [glob for glob in never.fields if not any(fits(glob, name) for name in fields)]
    return (*wrong, *(name for name in never.regions if name not in regions))


def parse_never(claim: str) -> Never:
    """`field=passport.no to recipient.class=authority`, as a command line gives it. Raises `Usage`.

    Words before `to` name what is meant (`field=`, `region=`, `class=`, `as-is`), those behind it for whom: values with
    commas between them, or from and to with two dots.
    """
    what, _, to = f"{claim} ".partition(" to ")
    named: dict[str, list[str]] = {"field": [], "region": [], "class": []}
    as_is = "false"
    for word in what.split():
        seen = _WORD.fullmatch(word)
        if seen:
            named[seen[1]] += seen[2].split(",")
        elif word == "as-is":
            as_is = "true"
        else:
            raise Usage(
                f"“{word}” is not understood; write field=, region=, class= or as-is, then `to` and attributes."
            )
    terms = dict(_terms(to.split()))
    if len(terms) != len(to.split()):
        raise Usage("An attribute stands twice behind `to`; write it once, with commas between its values.")
    try:
        whom = {"fields": named["field"], "regions": named["region"], "classes": named["class"]}
        return Never.model_validate({**whom, "as_is": as_is, "to": terms})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        told = FORMS.get(first.get("ctx", {}).get("pattern", ""), first["msg"].removeprefix("Value error, "))
        raise Usage(
            f"The claim cannot be read at {first['loc'][0] if first['loc'] else 'its words'}: {told}."
        ) from error


def _terms(words: Sequence[str]) -> Iterator[tuple[str, object]]:
    for word in words:
        seen = _TERM.fullmatch(word)
        if not seen:
            raise Usage(f"“{word}” is not understood; behind `to` write attributes such as recipient.class=authority.")
        span = _SPAN.fullmatch(seen[2])
        if span:
            yield seen[1], {key: value for key, value in (("ge", span[1]), ("le", span[2])) if value}
        else:
            yield seen[1], seen[2].split(",")


def _told(value: Json) -> str:
    if isinstance(value, dict):
        return f"{value.get('ge', '')}..{value.get('le', '')}"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _found(policy: Policy, kind: Kind, target: Target, never: Never) -> Iterator[Counterexample]:
    for space, reach in _reaches(policy, kind, target, never):
        first = next(_leaving(reach, as_is=never.as_is), None)
        if first:
            rule, box = first
            yield Counterexample(rule, Example.of(kind, target, space, box))
            return


def _reaches(policy: Policy, kind: Kind, target: Target, never: Never) -> Iterator[tuple[Space, Reach]]:
    # Which of several classes it shows is one case each; without any, one case in all.
    cases: list[tuple[str, ...]] = [(name,) for name in never.classes] or [()]
    for classes in cases:
        space = space_of([policy], target, never.to, classes)
        yield space, Reach(policy, kind, target, space, within=narrowed(space, never.to, classes))


def _meant(never: Never, target: Target) -> bool:
    return _names(never, target) or not (never.fields or never.regions)


def _names(never: Never, target: Target) -> bool:
    match target.element:
        case Element.COLUMN:
            return any(fits(glob, target.name) for glob in never.fields)
        case Element.REGION:
            return target.name in never.regions
    return False


def _leaving(reach: Reach, *, as_is: bool) -> Iterator[tuple[str, Box]]:
    if as_is:
        yield from ((rule.id, box) for rule, box in reach.shown)
        return
    for piece in reach.leaving_by_rule():
        yield from ((outcome.rule, box) for outcome in reach.narrowed([piece]).outcomes() for box in outcome.boxes)
