"""Decisions as people read them: field by field, with the rule, the code and the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.policy.actions import parse_action
from gateway.policy.wording import describe

_OPEN, _WITHHELD = "open", "withheld"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says of a field, in both languages."""

    rule: str
    done: Mapping[str, str]
    code: str
    basis: str
    reason: Mapping[str, str] | None
    where: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One field and what happens to it."""

    field: str
    title: Mapping[str, str]
    name: str | None
    element: str
    outcome: str
    rulings: tuple[Ruling, ...]
    page: int = 0
    box: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What a person must say first."""

    field: str
    text: str
    suggested: str = ""
    read: str = ""
    statements: str = ""
    regions: tuple[Mapping[str, Any], ...] = ()

    @property
    def column(self) -> bool:
        """Whether the answer is which field a column is."""
        return self.field.startswith("column/")


@dataclass(frozen=True, slots=True)
class Shown:
    """All decisions on one original."""

    lines: tuple[Line, ...] = ()
    questions: tuple[Question, ...] = ()
    missing: tuple[str, ...] = ()
    pages: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def only(self, which: str) -> tuple[Line, ...]:
        """The lines that a filter leaves: `open`, an outcome, or all."""
        asked = {one.field for one in self.questions}
        if which == _OPEN:
            return tuple(one for one in self.lines if one.field in asked)
        return tuple(one for one in self.lines if which in {"", one.outcome})


def shown(document: bytes) -> Shown:
    """The canonical decisions, for reading."""
    told = json.loads(document)["decisions"]
    lines = tuple(_line(one) for one in told["items"])
    pages = [int(one.field.partition("/")[2]) for one in lines if one.element == "page"]
    return Shown(
        lines=lines,
        questions=tuple(_question(one) for one in told["asks"]),
        missing=tuple(told["missing"]),
        pages=max([*pages, *(one.page for one in lines)], default=0),
        counts={
            outcome: sum(one.outcome == outcome for one in lines)
            for outcome in ("disclosed", "transformed", "mixed", _WITHHELD)
        },
    )


def _line(told: Mapping[str, Any]) -> Line:
    return Line(
        field=told["field"],
        title=told["title"],
        name=told["name"],
        element=told["element"],
        outcome=told["outcome"],
        rulings=tuple(_ruling(one) for one in told["rulings"]),
        page=told.get("page", 0),
        box=tuple(told["box"] or ()),
    )


def _ruling(told: Mapping[str, Any]) -> Ruling:
    done, because = describe(parse_action(told["do"])), told["because"]
    return Ruling(
        rule=told["rule"],
        done={"en": done.en, "zh": done.zh},
        code=because["code"],
        basis=because.get("basis", ""),
        reason=because.get("reason"),
        where=told["where"],
    )


def _question(told: Mapping[str, Any]) -> Question:
    return Question(
        field=told["field"],
        text=told["question"],
        suggested=told.get("suggested", ""),
        read=told.get("read", ""),
        statements=told.get("statements", ""),
        regions=tuple(told.get("regions", ())),
    )
