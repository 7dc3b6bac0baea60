"""What makes a resolved policy sound against the kinds it speaks of. Checked once, when it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.formats.model import Element, Field, Grouping, Source
from gateway.policy.actions import TYPES, WHOLE_COLUMN, compare
from gateway.policy.conditions import can_meet
from gateway.policy.kinds import Kind, KindField
from gateway.policy.match import fits
from gateway.policy.model import Rule
from gateway.policy.policy import Policy
from gateway.policy.rulings import disjoint
from gateway.policy.strict_yaml import Document, Loc
from gateway.policy.suggested import DETECTED

_RISK: Loc = ("risk",)
_NUMBERS = frozenset({"decimal", "integer"})


def require_sound(policy: Policy, kinds: Mapping[str, Kind], document: Document) -> None:
    """Raise a load error where a rule names what no kind has, misfits a type or contradicts another rule.

    A base, which has no kinds of its own, is held against all kinds.
    """
    unknown = sorted(set(policy.kinds) - set(kinds))
    if unknown:
        raise document.problem(
            f"The kind `{unknown[0]}` is not known; use one of {', '.join(sorted(kinds))}.", ("applies_to", "kinds")
        )
    meant = [kinds[name] for name in policy.kinds] or list(kinds.values())
    for rule in policy.rules:
        loc = _loc(policy, rule)
        # A rule from a base may speak of fields that only other kinds have.
        scope = list(kinds.values()) if policy.inherited(rule) else meant
        _require_known_names(rule, scope, document, loc)
        for field in (field for kind in meant for field in fields_named(rule, kind)):
            _require_fit(rule, field, document, loc)
        if rule.do.op in WHOLE_COLUMN and any(kind.medium != "table" for kind in meant if policy.kinds):
            raise document.problem(
                f"The rule `{rule.id}` cannot `{rule.do.op}` what has no rows; leave kinds that are no tables out.", loc
            )
        if any(kind.medium in {"document", "drawing"} for kind in meant):
            _require_coverable(rule, document, loc)
    _require_assessable(policy, meant, document)
    if policy.kinds and policy.grouping:
        _require_grouped(policy, policy.grouping, meant, document)
    for kind in meant:
        for one, other in contradictions(policy.rules, kind):
            raise document.problem(
                f"The rules `{one.id}` and `{other.id}` name the same field and neither is stricter; "
                "make one stricter or narrow its selection.",
                _loc(policy, other),
            )


def fields_named(rule: Rule, kind: Kind) -> Iterator[KindField]:
    """The kind's fields that a rule names by name or by declared class."""
    for field in kind.fields:
        by_name = any(fits(glob, field.name) for glob in rule.select.fields)
        if by_name or set(field.classes) & set(rule.select.classes):
            yield field


def contradictions(rules: Sequence[Rule], kind: Kind) -> Iterator[tuple[Rule, Rule]]:
    """Pairs of rules that may meet on one field in one row and of which neither is stricter."""
    for position, one in enumerate(rules):
        for other in rules[position + 1 :]:
            if compare(one.do, other.do) is None and may_meet(one, other) and _shared(one, other, kind):
                yield one, other


def may_meet(one: Rule, other: Rule) -> bool:
    """Whether some context and some row satisfy both."""
    return can_meet(one.when, other.when) and not disjoint(one.where, other.where)


def probes(kind: Kind) -> Iterator[Field]:
    """One specimen of every field and region that the kind declares."""
    for number, field in enumerate(kind.fields, start=1):
        yield Field(f"column/{number}", Element.COLUMN, "", field.name)
    for number, region in enumerate(kind.regions, start=1):
        yield Field(f"region/{number}", Element.REGION, region.name, region.name, source=Source.REVIEWER)


def _shared(one: Rule, other: Rule, kind: Kind) -> bool:
    first = {field.name for field in fields_named(one, kind)}
    second = {field.name for field in fields_named(other, kind)}
    # Any column may turn out to hold a class, so two rules by the same class always share a field.
    return bool(first & second) or bool(set(one.select.classes) & set(other.select.classes))


def _require_assessable(policy: Policy, kinds: Sequence[Kind], document: Document) -> None:
    """Risk is that of a table, and its fields are those of every kind that the policy is for."""
    if policy.risk and policy.grouping:
        raise document.problem(
            "`risk` measures rows, and here groups leave, which have limits of their own; remove one of both.", _RISK
        )
    for kind in kinds if policy.risk else ():
        if kind.medium != "table":
            raise document.problem(
                f"`risk` is about tables, and the kind {kind.name} is none; write a policy for tables alone.",
                _RISK,
            )
        for wrong in sorted((policy.risk.fields if policy.risk else frozenset()) - set(kind.by_name)):
            raise document.problem(f"`risk` names `{wrong}`, which {kind.name} does not have; correct the name.", _RISK)
        for name in policy.risk.measures if policy.risk else ():
            if kind.by_name[name].type not in _NUMBERS:
                raise document.problem(f"The measure `{name}` is not a number; name one that is.", _RISK)


def _require_known_names(rule: Rule, kinds: Sequence[Kind], document: Document, loc: Loc) -> None:
    names = {field.name for kind in kinds for field in kind.fields}
    regions = {region.name for kind in kinds for region in kind.regions}
    regions |= set(DETECTED) if regions else set()
    exact = {glob for glob in rule.select.fields if "*" not in glob} | set(rule.asks)
    drawn = set(rule.select.regions.classes) if rule.select.regions else set()
    for wrong in sorted((exact - names) | (drawn - regions)):
        raise document.problem(
            f"The rule `{rule.id}` names `{wrong}`, which none of its kinds has; correct the name.", loc
        )


def _require_fit(rule: Rule, field: KindField, document: Document, loc: Loc) -> None:
    op = rule.do.op
    if op in TYPES and field.type not in TYPES[op]:
        raise document.problem(
            f"The rule `{rule.id}` cannot `{op}` the field `{field.name}`, which is {field.type}; "
            "use another action or leave the field out.",
            loc,
        )
    if field.name in rule.do.asks:
        raise document.problem(
            f"The rule `{rule.id}` would `{op}` the field `{field.name}` by itself; leave it out of one of them.", loc
        )
    if op in ("bucket", "round", "suppress", "aggregate") and rule.do.text("unit") != _unit_of(rule, field):
        raise document.problem(
            f"The rule `{rule.id}` gives another unit than the field `{field.name}` has "
            f"({_unit_of(rule, field) or 'none'}); write that one.",
            loc,
        )


def _unit_of(rule: Rule, field: KindField) -> str:
    """The unit of what leaves: a count has none."""
    counted = rule.do.op == "aggregate" and rule.do.text("how") == "count"
    return "" if counted else field.unit or ""


def _require_grouped(policy: Policy, grouping: Grouping, kinds: Sequence[Kind], document: Document) -> None:
    """Beside groups nothing leaves row by row, and there is one way in which rows become groups."""
    for rule in policy.rules:
        if rule.do.removes:
            continue
        named = {field.name for kind in kinds for field in fields_named(rule, kind)}
        if rule.do.grouping not in (None, grouping):
            sentence = "groups rows otherwise than another rule; give both the same `by`, `entity`, `k` and `dominance`"
        elif rule.do.grouping is None and (rule.select.classes or not named <= set(grouping.by)):
            sentence = "lets something leave row by row beside groups; withhold it, or group by it"
        else:
            continue
        raise document.problem(f"The rule `{rule.id}` {sentence}.", _loc(policy, rule))


def _require_coverable(rule: Rule, document: Document, loc: Loc) -> None:
    """On a page a class can only be covered, and no area of it is all that leaves."""
    by_class = rule.select.classes and not rule.do.removes
    if by_class or rule.do.op == "crop":
        raise document.problem(
            f"The rule `{rule.id}` cannot `{rule.do.op}` what stands on a page or in a drawing; use drop or box, or "
            "leave documents and drawings out of `kinds`.",
            loc,
        )


def _loc(policy: Policy, rule: Rule) -> Loc:
    if policy.inherited(rule):
        return ("metadata", "extends")
    own = [one.id for one in policy.rules if not policy.inherited(one)]
    return ("rules", own.index(rule.id))
