"""A written exception: for a while, for one policy, what a rule forbids may leave in another form. Loaded strictly.

1. It names the policy, the versions it was written for, and every rule that it loosens; a final one under `final`.
2. It ends on a day that it states. Before and after its days, and where its `when` does not hold for everyone in
   custody, it permits nothing and loosens nothing.
3. It loosens a rule only for the fields that it names itself, only where it permits something in its place.
4. Other rules hold as before; the strictest wins. Children of the policy do not inherit it.
5. It has approvals of its own, which count in a release where it permitted something.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.policy.codes import DISCLOSING
from gateway.policy.conditions import Condition
from gateway.policy.kinds import Kind
from gateway.policy.model import Approval, Because, Effective, Rule, When
from gateway.policy.policy import Loosening, Policy
from gateway.policy.sound import require_sound
from gateway.policy.strict_yaml import Document, Loc, Node
from gateway.policy.versions import semver
from gateway.policy.words import PolicyId, Strict, Text, Version, Word

KIND = "DisclosureException"
_TABLES = frozenset({"table", "text"})


class ExceptionMetadata(Strict):
    """Who wrote which exception, and from when to when it holds."""

    id: PolicyId
    version: Version
    title: Text
    owner: Word
    effective: Effective

    @property
    def end(self) -> date:
        """The last day."""
        return self.effective.end or self.effective.start

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.effective.end is None:
            raise ValueError("an exception ends: `effective` needs `to`; write the last day")
        return self


class Versions(Strict):
    """From the first version to the last, both included."""

    first: Version = Field(alias="from")
    last: Version = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if semver(self.last) < semver(self.first):
            raise ValueError("`to` lies before `from`; correct the versions")
        return self

    def holds(self, version: str) -> bool:
        """Whether the version lies between them."""
        return semver(self.first) <= semver(version) <= semver(self.last)


class Loosens(Strict):
    """The rules that have no say where the exception permits something; those that are final by themselves."""

    rules: tuple[Word, ...] = ()
    final: tuple[Word, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.rules and not self.final:
            raise ValueError("`loosens` names no rule; write those it loosens under `rules`, final ones under `final`")
        return self


class ExceptionFile(Strict):
    """One exception file."""

    api_version: Literal["disclosure/v1"] = Field(alias="apiVersion")
    kind: Literal["DisclosureException"]
    metadata: ExceptionMetadata
    policy: PolicyId
    versions: Versions
    loosens: Loosens
    when: When = ()
    instead: tuple[Rule, ...] = Field(min_length=1, max_length=50)
    because: Because
    approvals: tuple[Approval, ...] = Field(min_length=1, max_length=4)

    @model_validator(mode="after")
    def _permits(self) -> Self:
        if self.because.code not in DISCLOSING:
            raise ValueError(f"an exception discloses and needs a code that justifies it: {', '.join(DISCLOSING)}")
        if not any(one.role == "legal" for one in self.approvals) or any(one.when for one in self.approvals):
            raise ValueError("`approvals` needs the role legal, and no `when`; correct it")
        for rule in self.instead:
            _check_instead(rule)
        return self

    @property
    def ref(self) -> str:
        """`id@version`."""
        return f"{self.metadata.id}@{self.metadata.version}"


def is_exception(document: Document) -> bool:
    """Whether the file says that it is one."""
    said: Node | None = document.root.get("kind")
    return said == KIND


def with_exceptions(
    policies: Mapping[str, Policy], kinds: Mapping[str, Kind], found: Sequence[tuple[ExceptionFile, Document]]
) -> dict[str, Policy]:
    """The policies, each with the exceptions written for it, in the order of names. Raises `PolicyInvalid`."""
    done = dict(policies)
    seen: set[str] = set()
    for file, document in sorted(found, key=lambda one: one[0].ref):
        if file.ref in seen:
            raise document.problem(f"The exception `{file.ref}` is defined twice; raise the version of one.")
        seen.add(file.ref)
        meant = [one for one in policies.values() if one.id == file.policy and file.versions.holds(one.version)]
        if not meant:
            raise document.problem(
                f"There is no version of the policy `{file.policy}` from {file.versions.first} to "
                f"{file.versions.last}; correct the exception or remove it.",
                ("policy",),
            )
        for policy in meant:
            loosened = _loosened(file, done[policy.ref], kinds, document)
            done[policy.ref] = replace(done[policy.ref], exceptions=(*done[policy.ref].exceptions, loosened))
    return done


def _check_instead(rule: Rule) -> None:
    select = rule.select
    if rule.do.removes:
        raise ValueError(f"the rule `{rule.id}` removes: an exception permits; write what may leave instead")
    if select.model_fields_set - {"fields"} or any("*" in name for name in select.fields):
        raise ValueError(
            f"the rule `{rule.id}` must select by `fields` alone, each by its whole name: exceptions for anything else "
            "are not available in this version"
        )
    if rule.final:
        raise ValueError(f"the rule `{rule.id}` cannot be final: an exception ends; delete `final`")


def _loosened(file: ExceptionFile, policy: Policy, kinds: Mapping[str, Kind], document: Document) -> Loosening:
    if not policy.kinds or any(kinds[name].medium not in _TABLES for name in policy.kinds):
        raise document.problem(
            f"{policy.ref} is a base, or not for tables alone; in this version there are exceptions from policies for "
            "tables only.",
            ("policy",),
        )
    if policy.grouping or any(rule.do.grouping for rule in file.instead):
        raise document.problem(
            f"Rows leave {policy.ref} as groups, or this exception's, and a group has no exceptions; remove it.",
            ("policy",),
        )
    rules = {rule.id: rule for rule in policy.rules}
    for place, names in (("rules", file.loosens.rules), ("final", file.loosens.final)):
        for name in names:
            _require_loosenable(name, rules.get(name), policy, document, ("loosens", place))
    taken = {rule.id for rule in policy.all_rules}
    for position, rule in enumerate(file.instead):
        if rule.id in taken or rule.id in {"default", "answer"}:
            raise document.problem(
                f"The rule id `{rule.id}` is taken in {policy.ref}; rename it.", ("instead", position)
            )
        taken.add(rule.id)
    start, end = file.metadata.effective.start, file.metadata.end
    days = Condition("date", low=start.isoformat(), high=end.isoformat())
    loosened = Loosening(
        ref=file.ref,
        title=file.metadata.title,
        owner=file.metadata.owner,
        start=start,
        end=end,
        loosens=frozenset({*file.loosens.rules, *file.loosens.final}),
        rules=tuple(rule.model_copy(update={"when": (days, *file.when, *rule.when)}) for rule in file.instead),
        because=file.because,
        approvals=file.approvals,
    )
    _require_sound(policy, loosened, kinds, document)
    return loosened


def _require_loosenable(name: str, rule: Rule | None, policy: Policy, document: Document, loc: Loc) -> None:
    if rule is None:
        raise document.problem(f"{policy.ref} has no rule `{name}`; correct the name.", loc)
    if rule.final is not (loc[-1] == "final"):
        where = "final: name it under `final`" if rule.final else "not final: name it under `rules`"
        raise document.problem(f"The rule `{name}` is {where}, and nowhere else.", loc)
    if rule.do.op == "block":
        raise document.problem(
            f"The rule `{name}` refuses the whole rendition and cannot be loosened; write a new version of the policy.",
            loc,
        )


def _require_sound(policy: Policy, loosened: Loosening, kinds: Mapping[str, Kind], document: Document) -> None:
    """What it permits fits fields and units, and contradicts no rule that it does not loosen."""
    kept = tuple(rule for rule in policy.rules if rule.id not in loosened.loosens)
    own = tuple((rule.id, policy.ref) for rule in loosened.rules)
    inherited = tuple((rule.id, loosened.ref) for rule in kept)
    require_sound(replace(policy, rules=(*loosened.rules, *kept), origin=(*own, *inherited)), kinds, document)
