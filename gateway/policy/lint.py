"""What is sound but not wise in a policy: rules that do nothing, gaps, missing grounds, too few eyes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.formats.model import Element
from gateway.policy.actions import compare
from gateway.policy.conditions import can_meet
from gateway.policy.decisions import DRAWN
from gateway.policy.kinds import Kind
from gateway.policy.load import Library
from gateway.policy.match import fits
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.reach import Reach, Target, space_of
from gateway.policy.sound import contradictions, fields_named, may_meet
from gateway.policy.suggested import DETECTED
from gateway.policy.words import CLASSES, PERSONAL

_WITH_METADATA = DRAWN | {"document", "drawing"}
_TWO_PEOPLE = 2


class Level(StrEnum):
    """Whether a finding must be resolved before the policy is used."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not right, in one sentence. `rule` is empty where the whole policy is meant."""

    level: Level
    code: str
    rule: str
    sentence: str


def lint(policy: Policy, library: Library, *, on: date | None = None) -> list[Finding]:
    """All findings, errors first. `on` is the day against which effective dates are held."""
    kinds = [library.kind(name) for name in policy.kinds]
    found = [finding for check in _RULE_CHECKS for finding in check(policy, kinds)]
    if kinds:
        found += [finding for check in _POLICY_CHECKS for finding in check(policy, kinds)]
        found += _ambiguous(policy, library)
    if on is not None:
        found += _lapsed(policy, on)
        found += _exceptions(policy, kinds, on)
    return sorted(found, key=lambda finding: (finding.level, finding.code, finding.rule, finding.sentence))


def _own(policy: Policy) -> Iterator[Rule]:
    return (rule for rule in policy.rules if not policy.inherited(rule))


def targets(rule: Rule, kinds: list[Kind]) -> set[str]:
    """Everything that a rule names in these kinds: fields by name or declared class, region classes, metadata."""
    named = {f"field {field.name}" for kind in kinds for field in fields_named(rule, kind)}
    if rule.select.regions:
        declared = {name for kind in kinds for name in (*kind.region_titles, *(DETECTED if kind.regions else ()))}
        named |= {f"region {name}" for name in rule.select.regions.classes if name in declared}
    mediums = {kind.medium for kind in kinds}
    named |= {f"metadata {glob}" for glob in rule.select.metadata if mediums & _WITH_METADATA}
    named |= {f"track {sort}" for sort in rule.select.tracks if "video" in mediums}
    if "document" in mediums:
        named |= _on_pages(rule)
    if "drawing" in mediums:
        named |= _in_drawings(rule)
    # A value may show a class under any header, and a header may be anything.
    named |= {f"class {name}" for name in rule.select.classes} | {f"header {glob}" for glob in rule.select.headers}
    return named


def _in_drawings(rule: Rule) -> set[str]:
    select = rule.select
    sorts = {
        "layer": select.layers,
        "block": select.blocks,
        "text": select.text.patterns if select.text else (),
        "text on layer": select.text.layers if select.text else (),
    }
    return {f"{sort} {name}" for sort, names in sorts.items() for name in names}


def _on_pages(rule: Rule) -> set[str]:
    select = rule.select
    sorts = {
        "page": select.pages,
        "text": select.text.patterns if select.text else (),
        "annotation": select.annotations,
        "form field": select.form_fields,
        "picture": select.pictures,
    }
    return {f"{sort} {one}" for sort, ones in sorts.items() for one in ones}


def _dead(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    for rule in _own(policy) if kinds else ():
        if not targets(rule, kinds):
            yield Finding(Level.ERROR, "dead", rule.id, "It names nothing that its kinds have; remove or correct it.")
        elif not all(can_meet(rule.when, conditions) for conditions in policy.whens):
            yield Finding(
                Level.ERROR,
                "dead",
                rule.id,
                "Its `when` contradicts `applies_to`: it never holds; correct one of them.",
            )


def _shadowed(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    for rule in _own(policy) if kinds else ():
        stricter = [
            other
            for other in policy.rules
            if other is not rule
            and not other.where
            and not other.when
            and not other.do.by_value
            and _beats(other, rule)
        ]
        covered: set[str] = set().union(*(targets(other, kinds) for other in stricter))
        named = targets(rule, kinds)
        if named and named <= covered:
            names = ", ".join(sorted(other.id for other in stricter if targets(other, kinds) & named))
            yield Finding(
                Level.ERROR,
                "shadowed",
                rule.id,
                f"It never decides anything, because of {names}; remove or narrow one.",
            )


def _beats(other: Rule, rule: Rule) -> bool:
    order = compare(other.do, rule.do)
    return order is not None and (order < 0 or (order == 0 and not rule.where and other.id < rule.id))


def _loosens_final(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    for final in (rule for rule in policy.rules if rule.final):
        for rule in policy.rules:
            order = compare(final.do, rule.do)
            shared = targets(final, kinds) & targets(rule, kinds)
            if order is not None and order < 0 and shared and may_meet(final, rule):
                what = ", ".join(sorted(shared))
                yield Finding(
                    Level.ERROR,
                    "loosens-final",
                    rule.id,
                    f"It cannot loosen {what}, which the final rule {final.id} settles; remove it from this rule.",
                )


def _incomparable(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    for kind in kinds:
        for one, other in contradictions(policy.rules, kind):
            yield Finding(
                Level.ERROR, "incomparable", other.id, f"Neither it nor {one.id} is stricter; make one of them so."
            )


def _no_basis(policy: Policy, _kinds: list[Kind]) -> Iterator[Finding]:
    for rule in _own(policy):
        if rule.because.basis is None:
            yield Finding(
                Level.ERROR, "no-basis", rule.id, "It cites no `basis`; write the law or contract it rests on."
            )


def _no_evidence(policy: Policy, _kinds: list[Kind]) -> Iterator[Finding]:
    grounds = [(rule.id, rule.because) for rule in _own(policy)]
    if policy.defaults.because is not None:
        grounds.append(("", policy.defaults.because))
    for rule, because in grounds:
        if because.basis is not None and because.evidence is None:
            yield Finding(
                Level.WARNING, "no-evidence", rule, "Nothing says how well its `basis` is known; write `evidence`."
            )


def _personal(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    for rule in _own(policy):
        if not rule.do.removes:
            yield from _letting_personal_leave(rule, kinds)


def _letting_personal_leave(rule: Rule, kinds: list[Kind]) -> Iterator[Finding]:
    for field in (field for kind in kinds for field in fields_named(rule, kind)):
        held = sorted(PERSONAL & set(field.classes))
        if held:
            yield Finding(
                Level.ERROR if rule.do.shows else Level.WARNING,
                "personal-data-leaves",
                rule.id,
                f"It lets {field.name} leave, which holds {', '.join(held)}; drop it or have privacy confirm it.",
            )


def _uncovered(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    named = set[str]().union(*(targets(rule, kinds) for rule in policy.rules))
    left = policy.defaults.leave_to_default
    declared = {
        f"{sort} {item}"
        for kind in kinds
        for sort, items in (("field", kind.by_name), ("region", kind.region_titles))
        for item in items
    }
    for item in sorted(declared - named):
        if not any(fits(glob, item.partition(" ")[2]) for glob in left):
            yield Finding(
                Level.ERROR,
                "uncovered",
                "",
                f"No rule names the {item}; write one, or list it under `defaults.leave_to_default`.",
            )
    for glob in left:
        if not any(fits(glob, item.partition(" ")[2]) for item in declared - named):
            yield Finding(
                Level.WARNING, "uncovered", "", f"`leave_to_default` lists {glob}, which is not left over; remove it."
            )


def _open_classes(policy: Policy, kinds: list[Kind]) -> Iterator[Finding]:
    removing = [rule for rule in policy.rules if rule.do.removes and not rule.where]
    mediums = {kind.medium for kind in kinds}
    if mediums & {"table", "text", "document", "drawing"}:
        for name in CLASSES:
            if not any(name in rule.select.classes for rule in removing):
                yield Finding(
                    Level.WARNING, "open-class", "", f"No rule removes {name} wherever it turns up; write one by class."
                )
    if mediums & _WITH_METADATA and not any(rule.select.metadata for rule in removing):
        yield Finding(
            Level.WARNING, "open-class", "", "No rule names metadata, so it is stripped without a reason; write one."
        )
    if mediums & DRAWN and not any(rule.do.op == "crop" for rule in policy.rules):
        yield Finding(
            Level.ERROR, "nothing-leaves", "", "No rule crops an area, so no picture or video leaves; write one."
        )
    if "document" in mediums and not any(rule.select.pages and rule.do.shows for rule in policy.rules):
        yield Finding(Level.ERROR, "nothing-leaves", "", "No rule allows a page, so no document leaves; write one.")
    if "drawing" in mediums and not any(rule.select.layers and rule.do.shows for rule in policy.rules):
        yield Finding(Level.ERROR, "nothing-leaves", "", "No rule allows a layer, so no drawing leaves; write one.")


def _eyes(policy: Policy, _kinds: list[Kind]) -> Iterator[Finding]:
    always = {approval.role: 0 for approval in policy.approvals}
    for approval in policy.approvals:
        if approval.when is None:
            always[approval.role] = max(always[approval.role], approval.n)
    if sum(always.values()) < _TWO_PEOPLE:
        yield Finding(Level.ERROR, "quorum", "", "Fewer than two people must approve; ask for two under `approvals`.")
    if not any(rule.present for rule in policy.rules):
        yield Finding(
            Level.WARNING, "nothing-required", "", "Nothing is `present: required`, so over-redaction goes unseen."
        )
    if policy.defaults.because is None:
        yield Finding(
            Level.WARNING,
            "no-basis",
            "",
            "`defaults` has no `because`, so what no rule names is withheld without grounds.",
        )


def _ambiguous(policy: Policy, library: Library) -> Iterator[Finding]:
    for other in library.policies.values():
        if other.id == policy.id or not set(other.kinds) & set(policy.kinds):
            continue
        together = (other.end is None or policy.start <= other.end) and (
            policy.end is None or other.start <= policy.end
        )
        if together and all(can_meet(mine, theirs) for mine in policy.whens for theirs in other.whens):
            yield Finding(
                Level.WARNING, "ambiguous", "", f"{other.ref} may apply to the same original; narrow one `applies_to`."
            )


def _lapsed(policy: Policy, on: date) -> Iterator[Finding]:
    if policy.end is not None and policy.end < on:
        yield Finding(Level.ERROR, "lapsed", "", f"It ended on {policy.end.isoformat()}; write a new version.")
    elif on < policy.start:
        yield Finding(
            Level.WARNING, "lapsed", "", f"It begins on {policy.start.isoformat()} and permits nothing before."
        )


def _exceptions(policy: Policy, kinds: list[Kind], on: date) -> Iterator[Finding]:
    for one in policy.exceptions:
        if one.end < on:
            what = f"The exception {one.ref} ended on {one.end.isoformat()} and permits nothing more; remove the file."
            yield Finding(Level.WARNING, "lapsed", "", what)
        for rule in one.rules:
            if rule.because.basis is None:
                yield Finding(Level.ERROR, "no-basis", rule.id, "It cites no `basis`; write what it rests on.")
            yield from _letting_personal_leave(rule, kinds)
            if not _may_permit(policy, rule, kinds):
                what = (
                    f"The exception {one.ref} permits nothing by it, on any day and for anyone; correct or remove it."
                )
                yield Finding(Level.ERROR, "dead", rule.id, what)


def _may_permit(policy: Policy, rule: Rule, kinds: list[Kind]) -> bool:
    """Whether something leaves by this rule of an exception at all, in the form that it states."""
    for kind in kinds:
        for field in fields_named(rule, kind):
            target = Target(Element.COLUMN, field.name, frozenset(field.classes))
            outcomes = Reach(policy, kind, target, space_of([policy], target)).outcomes()
            if any(one.rule == rule.id for one in outcomes):
                return True
    return False


_Check = Callable[[Policy, list[Kind]], Iterator[Finding]]
_RULE_CHECKS: tuple[_Check, ...] = (_dead, _shadowed, _loosens_final, _incomparable, _no_basis, _no_evidence, _personal)
_POLICY_CHECKS: tuple[_Check, ...] = (_uncovered, _open_classes, _eyes)
