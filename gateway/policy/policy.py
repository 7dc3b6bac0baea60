"""A policy as the engine uses it: its own rules and its parents' together, and what they all agree on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from gateway.base.canon import Json, canonical
from gateway.formats.model import Grouping
from gateway.policy.conditions import Conditions
from gateway.policy.gate_words import Gates
from gateway.policy.model import Approval, Because, Defaults, Output, Rule
from gateway.policy.risk import Risk
from gateway.policy.words import Text


@dataclass(frozen=True)
class Loosening:
    """An exception in use: its `rules` hold on its days alone, and where one does, what it loosens has no say.

    Every condition of the exception stands in the `when` of its rules.
    """

    ref: str
    title: Text
    owner: str
    start: date
    end: date
    loosens: frozenset[str]
    rules: tuple[Rule, ...]
    because: Because
    approvals: tuple[Approval, ...]

    def __str__(self) -> str:
        return f"{self.ref} ({self.start.isoformat()} to {self.end.isoformat()})"

    def to_json(self) -> Json:
        """Canonical."""
        return {
            "ref": self.ref,
            "title": {"en": self.title.en, "zh": self.title.zh},
            "owner": self.owner,
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "loosens": sorted(self.loosens),
            "rules": [
                {
                    **rule.model_dump(mode="json", by_alias=True, exclude_none=True),
                    # One attribute may stand there twice: as the exception narrows it, and as the rule does.
                    "when": [{one.attribute: one.to_json()} for one in rule.when],
                }
                for rule in self.rules
            ],
            "because": self.because.model_dump(mode="json", exclude_none=True),
            "approvals": [approval.model_dump(mode="json", exclude_none=True) for approval in self.approvals],
        }


@dataclass(frozen=True)
class Policy:
    """Resolved: `rules` holds inherited rules first, `whens` every condition that must hold, `origin` who wrote a rule,
    `gates` those of parents and its own, all of which must be passed.

    A base has no kinds and can only be extended.
    """

    id: str
    version: str
    title: Text
    owner: str
    start: date
    end: date | None
    kinds: tuple[str, ...]
    whens: tuple[Conditions, ...]
    rules: tuple[Rule, ...]
    origin: tuple[tuple[str, str], ...]
    defaults: Defaults
    approvals: tuple[Approval, ...]
    output: Output
    risk: Risk | None = None
    gates: tuple[Gates, ...] = ()
    library_digest: str = ""
    exceptions: tuple[Loosening, ...] = ()

    @property
    def ref(self) -> str:
        """`id@version`."""
        return f"{self.id}@{self.version}"

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON of everything resolved."""
        return hashlib.sha256(canonical(self.to_json())).hexdigest()

    @cached_property
    def grouping(self) -> Grouping | None:
        """How the rows of a table leave as groups; None where they leave as rows."""
        return next((found for rule in self.rules if (found := rule.do.grouping)), None)

    @property
    def all_rules(self) -> tuple[Rule, ...]:
        """Its rules, and those of its exceptions."""
        return (*self.rules, *(rule for one in self.exceptions for rule in one.rules))

    def inherited(self, rule: Rule) -> bool:
        """Whether the rule comes from a parent."""
        return dict(self.origin)[rule.id] != self.ref

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "ref": self.ref,
            "title": {"en": self.title.en, "zh": self.title.zh},
            "owner": self.owner,
            "from": self.start.isoformat(),
            "to": self.end.isoformat() if self.end else None,
            "kinds": list(self.kinds),
            "when": [{c.attribute: c.to_json() for c in conditions} for conditions in self.whens],
            "rules": [rule.model_dump(mode="json", by_alias=True, exclude_none=True) for rule in self.rules],
            "origin": dict(self.origin),
            "defaults": self.defaults.model_dump(mode="json", exclude_none=True),
            "approvals": [approval.model_dump(mode="json", exclude_none=True) for approval in self.approvals],
            "output": self.output.model_dump(mode="json"),
            **({"risk": self.risk.model_dump(mode="json", by_alias=True, exclude_none=True)} if self.risk else {}),
            **({"gates": [one.model_dump(mode="json", exclude_none=True) for one in self.gates]} if self.gates else {}),
            **({"exceptions": [one.to_json() for one in self.exceptions]} if self.exceptions else {}),
        }
