"""Loads kinds and policies, resolves what extends what, and refuses whatever is not plainly sound.

1. Every file goes through the strict reader, then through its model; unknown keys are errors. Rules over statements lie
   in a folder of their own, as kinds do.
2. A kind's synonyms name one field each; a policy's kinds, fields and regions exist.
3. An action fits the type and the unit of every field that it may meet.
4. Parents come first and can only be tightened: a child inherits every rule, may not reuse a rule id, may not leave
   its parents' kinds, effective days, context, profiles or quorum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gateway.base.canon import Json, canonical
from gateway.base.text import nearest
from gateway.policy.conditions import Context
from gateway.policy.decide import require_applicable
from gateway.policy.exceptions import ExceptionFile, is_exception, with_exceptions
from gateway.policy.gate_words import Gates
from gateway.policy.kinds import Kind
from gateway.policy.model import Approval, Defaults, PolicyFile
from gateway.policy.naming import clashes
from gateway.policy.policy import Policy
from gateway.policy.problems import KindUnknown, PolicyExpired, PolicyNotApplicable, PolicyUnknown
from gateway.policy.risk import Risk, joined
from gateway.policy.sound import require_sound
from gateway.policy.statements import StatementFile
from gateway.policy.strict_yaml import Document, Loc, parse_document, read_bytes, read_document
from gateway.policy.versions import semver
from gateway.policy.words import FORMS

M = TypeVar("M", bound=BaseModel)
_MAX_PARENTS = 8
_KINDS = "kinds"
# Folders of this name hold rules over statements, and their tests.
STATEMENTS = "statements"
_SORTS = {
    "tuple_type": "write a list, in brackets or a line each with a hyphen",
    "model_type": "write keys with values",
    "dict_type": "write keys with values",
    "string_type": "write a text",
}
_NOT_YET = {
    "exception": "an exception is a file of its own, of the kind DisclosureException; write one",
    "sheets": "of a workbook one sheet leaves, and a person says in the answers which; select its columns by `fields`",
    "rows": "no policy knows a row's number; select rows by what stands in them with `where`, or answer with cells",
    "members": "an archive is taken apart when it arrives, and each file in it is an original of its own kind",
    **dict.fromkeys(
        ("layers", "min_confidence", "grow"),
        "this selector is not available in this version; select by fields, headers, classes, metadata or regions",
    ),
}


@dataclass(frozen=True)
class Library:
    """All kinds and policies that are loaded together."""

    kinds: Mapping[str, Kind]
    policies: Mapping[str, Policy]
    statements: tuple[StatementFile, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON of everything resolved."""
        return _digest(self.kinds, self.policies, self.statements)

    def resolved(self) -> dict[str, Json]:
        """Every kind and policy as it is applied, inherited rules and all. Canonical."""
        return _resolved(self.kinds, self.policies, self.statements)

    def kind(self, name: str) -> Kind:
        """The kind of this name. Raises `KindUnknown`."""
        if name not in self.kinds:
            raise KindUnknown(f"There is no kind of this name; the kinds are {nearest(name, self.kinds)}.")
        return self.kinds[name]

    def policy(self, ref: str) -> Policy:
        """`id` (its highest version), `id@1` (the highest of that line) or `id@1.0.0`. Raises `PolicyUnknown`."""
        wanted, _, version = ref.partition("@")
        found = [
            policy
            for policy in self.policies.values()
            if policy.id == wanted and (not version or f"{policy.version}.".startswith(f"{version}."))
        ]
        if not found:
            raise PolicyUnknown("There is no such policy or version here; list the policies and name one of them.")
        return max(found, key=lambda policy: semver(policy.version))

    def for_kind(self, kind: str, context: Context, on: date) -> Policy:
        """The one policy for this kind in this context on this day; several versions count as one, the highest.

        Raises `PolicyExpired` where one would fit on another day, `PolicyNotApplicable` where none or several do.
        """
        checked = context.checked(on)
        fitting: dict[str, Policy] = {}
        expired: PolicyExpired | None = None
        for policy in sorted(self.policies.values(), key=lambda policy: semver(policy.version)):
            if kind not in policy.kinds:
                continue
            try:
                require_applicable(policy, self.kind(kind), checked, on)
            except PolicyExpired as problem:
                expired = problem
            except PolicyNotApplicable:
                continue
            else:
                fitting[policy.id] = policy
        if len(fitting) > 1:
            raise PolicyNotApplicable(f"Several policies apply: {', '.join(sorted(fitting))}; name one of them.")
        if not fitting:
            raise expired or PolicyNotApplicable(f"No policy applies to the kind {kind} in this context; write one.")
        return next(iter(fitting.values()))

    def with_policy(self, policy: Policy) -> Library:
        """The same library with one policy put in place of its namesake."""
        return replace(self, policies={**self.policies, policy.ref: policy})


def packs_dir() -> Path:
    """Where the packs that ship with the gateway lie."""
    installed = Path(__file__).resolve().parents[1] / "packs"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[2] / "policies"


def load_library(path: Path | None = None) -> Library:
    """Every kind under `path/kinds`, rules over statements under `path/statements`, and every other policy file under
    `path` (default: the shipped packs).
    """
    return library_of(sources_in(path))


def sources_in(path: Path | None = None) -> dict[str, bytes]:
    """The files that `load_library` reads, by their names under `path` in the order of names."""
    root = path or packs_dir()
    return {name: read_bytes(file, name) for file in _files(root) for name in (file.relative_to(root).as_posix(),)}


def library_of(sources: Mapping[str, bytes]) -> Library:
    """The library that these files come to."""
    kinds: dict[str, Kind] = {}
    statements: dict[str, StatementFile] = {}
    drafts: dict[str, tuple[PolicyFile, Document]] = {}
    exceptions: list[tuple[ExceptionFile, Document]] = []
    for name, data in sources.items():
        document = parse_document(data, file=name)
        if PurePosixPath(name).parent.name == _KINDS:
            kind = _kind(document)
            if kind.name in kinds:
                raise document.problem(f"The kind `{kind.name}` is defined twice; keep one file.")
            kinds[kind.name] = kind
        elif PurePosixPath(name).parent.name == STATEMENTS:
            rules = typed(StatementFile, document)
            if statements.setdefault(rules.metadata.id, rules) is not rules:
                raise document.problem(f"The statement rules `{rules.metadata.id}` are defined twice; keep one file.")
        elif is_exception(document):
            exceptions.append((typed(ExceptionFile, document), document))
        else:
            draft = typed(PolicyFile, document)
            ref = f"{draft.metadata.id}@{draft.metadata.version}"
            if ref in drafts:
                raise document.problem(f"The policy `{ref}` is defined twice; raise the version of one.")
            drafts[ref] = (draft, document)
    resolver = _Resolver(kinds, drafts, {})
    policies = with_exceptions({ref: resolver.resolve(ref) for ref in sorted(drafts)}, kinds, exceptions)
    spoken = tuple(statements[name] for name in sorted(statements))
    digest = _digest(kinds, policies, spoken)
    return Library(kinds, {ref: replace(policy, library_digest=digest) for ref, policy in policies.items()}, spoken)


def load_policy_file(path: Path, library: Library) -> Policy:
    """One policy file outside the library, resolved against it; its digest pins both."""
    document = read_document(path)
    draft = typed(PolicyFile, document)
    ref = f"{draft.metadata.id}@{draft.metadata.version}"
    others = {key: policy for key, policy in library.policies.items() if key != ref}
    policy = _Resolver(dict(library.kinds), {ref: (draft, document)}, others).resolve(ref)
    digest = _digest(library.kinds, {**library.policies, ref: policy}, library.statements)
    return replace(policy, library_digest=digest)


def typed(model: type[M], document: Document) -> M:
    """`document` as a `model`; the first thing wrong with it becomes one sentence with file and line."""
    try:
        return model.model_validate(document.root)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        loc: Loc = tuple(first["loc"])
        message = FORMS.get(first.get("ctx", {}).get("pattern", ""), _SORTS.get(first["type"], first["msg"]))
        raise document.problem(_sentence(first["type"], message, loc, first["input"]), loc) from error


def _sentence(sort: str, message: str, loc: Loc, value: object) -> str:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in loc)
    last = str(loc[-1]) if loc else ""
    if sort == "extra_forbidden":
        hint = _NOT_YET.get(last, "the language has no such key; remove it or correct its spelling")
        return f"`{where[:120]}`: {hint}."
    if sort == "missing":
        return f"`{where}` is missing; write it."
    if sort == "value_error":
        text = message.removeprefix("Value error, ")
        return f"`{where or 'the file'}`: {text}."
    shown = f" (`{value[:60]}`)" if isinstance(value, str) else ""
    return f"`{where}`{shown} is not of the right form: {message[:1].lower()}{message[1:]}."


def _files(root: Path) -> list[Path]:
    if not root.is_dir():
        raise PolicyUnknown("The folder of policies does not exist; name another one.")
    return sorted(file for file in root.rglob("*.yaml") if not file.name.endswith(".test.yaml") and file.is_file())


def _kind(document: Document) -> Kind:
    kind = typed(Kind, document)
    doubled = clashes(kind)
    if doubled:
        raise document.problem(f"The synonym `{doubled[0]}` names two fields; keep it in one or in none.")
    return kind


def _resolved(
    kinds: Mapping[str, Kind], policies: Mapping[str, Policy], statements: Sequence[StatementFile]
) -> dict[str, Json]:
    spoken: Json = {one.ref: one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in statements}
    return {
        "kinds": {name: kind.model_dump(mode="json", by_alias=True, exclude_none=True) for name, kind in kinds.items()},
        "policies": {ref: policy.to_json() for ref, policy in policies.items()},
        **({"statements": spoken} if spoken else {}),
    }


def _digest(kinds: Mapping[str, Kind], policies: Mapping[str, Policy], statements: Sequence[StatementFile]) -> str:
    return hashlib.sha256(canonical(_resolved(kinds, policies, statements))).hexdigest()


class _Resolver:
    """Joins drafts with their parents, each once."""

    def __init__(
        self, kinds: Mapping[str, Kind], drafts: Mapping[str, tuple[PolicyFile, Document]], done: Mapping[str, Policy]
    ) -> None:
        self._kinds = kinds
        self._drafts = drafts
        self._done = dict(done)
        self._open: list[str] = []

    def resolve(self, ref: str) -> Policy:
        """The policy `ref`, joined with its parents and found sound."""
        if ref in self._done:
            return self._done[ref]
        draft, document = self._drafts[ref]
        if ref in self._open or len(self._open) > _MAX_PARENTS:
            raise document.problem("`extends` leads back to itself or too far; remove one parent.", _EXTENDS)
        self._open.append(ref)
        parents = [self.resolve(self._parent(wanted, document)) for wanted in draft.metadata.extends]
        self._open.pop()
        policy = _joined(draft, document, parents)
        require_sound(policy, self._kinds, document)
        _require_fitting(policy, draft.gates, self._kinds, document)
        self._done[ref] = policy
        return policy

    def _parent(self, wanted: str, document: Document) -> str:
        name, _, version = wanted.partition("@")
        fitting = [
            ref
            for ref in {*self._drafts, *self._done}
            if ref.startswith(f"{name}@") and f"{ref.partition('@')[2]}.".startswith(f"{version}.")
        ]
        if not fitting:
            raise document.problem(f"The parent `{wanted}` is not here; correct `extends` or add the file.", _EXTENDS)
        return max(fitting, key=lambda ref: semver(ref.partition("@")[2]))


_EXTENDS: Loc = ("metadata", "extends")
_RISK: Loc = ("risk",)


def _joined(draft: PolicyFile, document: Document, parents: Sequence[Policy]) -> Policy:
    own = f"{draft.metadata.id}@{draft.metadata.version}"
    rules = {rule.id: rule for parent in parents for rule in parent.rules}
    origin = {rule: source for parent in parents for rule, source in parent.origin}
    _require_one_meaning(parents, document)
    for position, rule in enumerate(draft.rules):
        if rule.id in rules:
            raise document.problem(
                f"The rule `{rule.id}` comes from {origin[rule.id]} and cannot be replaced; rename this one.",
                ("rules", position),
            )
        rules[rule.id] = rule
        origin[rule.id] = own
    metadata = draft.metadata
    for parent in parents:
        _require_within(draft, parent, document)
    ends = [end for end in (metadata.effective.end, *(parent.end for parent in parents)) if end is not None]
    return Policy(
        id=metadata.id,
        version=metadata.version,
        title=metadata.title,
        owner=metadata.owner,
        start=max(metadata.effective.start, *(parent.start for parent in parents), date.min),
        end=min(ends, default=None),
        kinds=draft.applies_to.kinds,
        whens=tuple(c for c in (*(w for parent in parents for w in parent.whens), draft.applies_to.when) if c),
        rules=tuple(rules.values()),
        origin=tuple(sorted(origin.items())),
        defaults=_defaults(draft, parents),
        approvals=_strictest(draft.approvals, parents),
        output=draft.output,
        risk=_risk(draft, document, parents),
        gates=_gates(draft, parents),
    )


def _risk(draft: PolicyFile, document: Document, parents: Sequence[Policy]) -> Risk | None:
    if draft.risk is not None and not draft.applies_to.kinds:
        raise document.problem("A base has no kinds whose fields `risk` could name; write it where it is used.", _RISK)
    try:
        return joined(draft.risk, [parent.risk for parent in parents if parent.risk])
    except ValueError as error:
        raise document.problem(f"{error}.", _RISK if draft.risk else _EXTENDS) from error


def _require_one_meaning(parents: Sequence[Policy], document: Document) -> None:
    seen: dict[str, str] = {}
    for parent in parents:
        for rule, source in parent.origin:
            if seen.setdefault(rule, source) != source:
                raise document.problem(f"Two parents have a rule `{rule}`; rename it in one of them.", _EXTENDS)


def _require_within(draft: PolicyFile, parent: Policy, document: Document) -> None:
    if parent.kinds and not set(draft.applies_to.kinds) <= set(parent.kinds):
        raise document.problem(
            f"The parent {parent.ref} does not apply to all these kinds; a child may only tighten.",
            ("applies_to", "kinds"),
        )
    if not set(draft.output.profile) <= set(parent.output.profile):
        raise document.problem(
            f"The parent {parent.ref} does not let renditions leave in all these profiles; a child may only tighten.",
            ("output", "profile"),
        )


def _defaults(draft: PolicyFile, parents: Sequence[Policy]) -> Defaults:
    """The child's own, with the detection and the reading that any parent requires."""
    every = (draft.defaults, *(parent.defaults for parent in parents))
    required = [name for name in ("detection", "reading") if any(getattr(one, name) for one in every)]
    return draft.defaults.model_copy(update=dict.fromkeys(required, "required"))


def _require_fitting(policy: Policy, own: Gates, kinds: Mapping[str, Kind], document: Document) -> None:
    """Raise where a gate speaks of what the policy's kinds do not have."""
    mediums = {kinds[name].medium for name in policy.kinds if name in kinds}
    if any(gates.statements for gates in policy.gates) and not mediums <= {"document"}:
        raise document.problem("Statements are read in documents alone; remove `statements`.", ("gates", "statements"))
    names = {field.name for name in policy.kinds if name in kinds for field in kinds[name].fields}
    for glob in own.consent.fields if own.consent and policy.kinds else ():
        if glob != "*" and not any(fnmatchcase(name, glob) for name in names):
            raise document.problem(f"`{glob}` names no field of these kinds; correct it.", ("gates", "consent"))
    if any(gates.nexus for gates in policy.gates) and not mediums <= {"table"}:
        raise document.problem("`nexus` speaks of a table's rows; remove it.", ("gates", "nexus"))
    for name in (name for gates in policy.gates if gates.nexus for name in gates.nexus.fields):
        if not all(name in kinds[kind].by_name for kind in policy.kinds if kind in kinds):
            raise document.problem(f"`{name}` is no field of each of these kinds; correct it.", ("gates", "nexus"))


def _gates(draft: PolicyFile, parents: Iterable[Policy]) -> tuple[Gates, ...]:
    """The parents' gates and its own, each once."""
    every = (*(gates for parent in parents for gates in parent.gates), draft.gates)
    return tuple(one for place, one in enumerate(every) if one != Gates() and one not in every[:place])


def _strictest(own: Iterable[Approval], parents: Iterable[Policy]) -> tuple[Approval, ...]:
    """All approvals of child and parents; the larger number counts where several ask for one role."""
    return tuple(dict.fromkeys((*(a for parent in parents for a in parent.approvals), *own)))
