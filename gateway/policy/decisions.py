"""What a policy made of every field of one original: the decisions, the plan for the formats, the withheld rows."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from gateway.base.canon import Json
from gateway.formats.model import (
    Box,
    Case,
    DocumentOutput,
    DrawingOutput,
    Element,
    FilmBounds,
    Grouping,
    Instruction,
    Moment,
    Op,
    Plan,
    TableOutput,
)
from gateway.formats.transforms import Below
from gateway.policy.actions import Action
from gateway.policy.answers import Region, path_json
from gateway.policy.model import Because, Output
from gateway.policy.problems import RequiredMissing, Unanswered
from gateway.policy.remembered import Remembered
from gateway.policy.wording import describe
from gateway.policy.words import Text

Outcome = Literal["disclosed", "transformed", "withheld", "mixed"]
Where = tuple[tuple[str, frozenset[str]], ...]
DEFAULT_RULE = "default"
# Of these exactly one drawn area leaves.
DRAWN = frozenset({"picture", "video"})
ANSWER_RULE = "answer"
_METADATA = Text(en="Metadata of the file", zh="文件元数据")
_PAGES = Text(en="Pages", zh="页面")
_NAMED_BY_NUMBER = frozenset({Element.METADATA, Element.FORM_FIELD, Element.LAYER, Element.BLOCK})
_DEFAULTED = Text(en="removed", zh="已删除")


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule's say over the rows that its `where` holds for, strictest first within a decision.

    `rows` are those that a person picked, the first being 0; without any it is all of them.
    """

    rule: str
    action: Action
    where: Where
    rank: int
    required: bool
    because: Because
    every_row: bool = False
    not_only: tuple[str, ...] = ()
    rows: frozenset[int] = frozenset()
    exception: str = ""

    @property
    def everywhere(self) -> bool:
        """Whether it holds in every row, whatever the row's cells are."""
        return not self.where and not self.action.by_value and not self.rows

    def case(self, name: str | None) -> Case:
        """The same in the words of the formats, for the field of this name."""
        where: tuple[tuple[str, Container[str]], ...] = self.where
        if self.action.by_value:
            below = Below(Decimal(self.action.text("below")), self.action.text("unit"))
            where = (*where, (name or "", below))
        return Case(where, self.action.transform(), self.rank, self.because.code, self.rule, self.rows)

    def to_json(self) -> Json:
        """Canonical."""
        return {
            "rule": self.rule,
            "do": self.action.to_json(),
            "where": {name: sorted(values) for name, values in self.where},
            **({"rows": [row + 2 for row in sorted(self.rows)]} if self.rows else {}),
            "required": self.required,
            **({"in_every_row": True} if self.every_row else {}),
            **({"not_only": list(self.not_only)} if self.not_only else {}),
            # How well a citation is known is advice to those who approve it and stands in the policy.
            "because": self.because.model_dump(mode="json", exclude_none=True, exclude={"evidence"}),
            **({"exception": self.exception} if self.exception else {}),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """One field, what happens to it, and because of what. `place` and `title` never come from the original.

    `named` says how a column got its name, `rests_on` what it rests on where that was remembered.
    """

    field_id: str
    place: str
    name: str | None
    title: Text
    output_title: str
    element: Element
    value_type: str
    classes: frozenset[str]
    outcome: Outcome
    rulings: tuple[Ruling, ...]
    box: Box | None = None
    page: int = 0
    path: tuple[Moment, ...] = ()
    named: str = ""
    rests_on: tuple[Remembered, ...] = ()

    @property
    def main(self) -> Ruling:
        """The strictest ruling: the one that speaks for the field."""
        return self.rulings[0]

    @property
    def leaves(self) -> bool:
        """Whether anything of the field leaves, in any row."""
        return self.outcome != "withheld"

    @property
    def cases(self) -> tuple[Case, ...]:
        """What the formats do, by rows."""
        return tuple(ruling.case(self.name) for ruling in self.rulings)

    @property
    def partial(self) -> bool:
        """Whether rows exist that no ruling may hold for: their cells are dropped by default."""
        return not any(ruling.everywhere for ruling in self.rulings)

    def instruction(self) -> Instruction:
        """What the format is told."""
        return Instruction(
            field_id=self.field_id,
            name=self.name or "",
            element=self.element,
            title=self.output_title,
            value_type=self.value_type,
            cases=self.cases,
            box=self.box,
            page=self.page,
            path=self.path,
        )

    def to_json(self) -> Json:
        """Canonical, free of the original's own words: metadata and form fields are named by number."""
        box = self.box
        return {
            "field": self.place.replace(" ", "/"),
            "name": None if self.element in _NAMED_BY_NUMBER else self.name,
            **({"named": self.named} if self.named else {}),
            **({"rests_on": [one.to_json() for one in self.rests_on]} if self.rests_on else {}),
            "title": {"en": self.title.en, "zh": self.title.zh},
            "output_title": self.output_title if self.leaves else None,
            "element": self.element.value,
            "classes": sorted(self.classes),
            "outcome": self.outcome,
            **({"page": self.page} if self.page else {}),
            "box": [box.left_px, box.top_px, box.width_px, box.height_px] if box else None,
            **({"path": path_json(self.path)} if self.path else {}),
            "rulings": [ruling.to_json() for ruling in self.rulings],
        }


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person must say before the rendition may be made. `field_id` is the kind's medium for the whole of it.

    `regions` are those that a detector suggests, or where something withheld is nearly legible; `suggested`, `read` or
    `statements` is what an answer calls it to confirm it.
    """

    field_id: str
    question: str
    suggested: str = ""
    read: str = ""
    regions: tuple[Region, ...] = ()
    statements: str = ""

    def to_json(self) -> Json:
        """Canonical; the regions only where there are some."""
        regions: Json = [region.to_json() for region in self.regions]
        name: dict[str, Json] = {"read": self.read} if self.read else {"suggested": self.suggested}
        found: dict[str, Json] = {**name, "regions": regions} if self.regions else {}
        if self.statements:
            found["statements"] = self.statements
        return {"field": self.field_id, "question": self.question, **found}


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many people of a role must sign."""

    role: str
    n: int


@dataclass(frozen=True, slots=True)
class WithheldItem:
    """One row of the withheld index. `summary` keeps `{count}` for the caller, who knows `redactions[rule]`.

    A row whose `rule` is `default` beside other rows of the same field speaks of cells that no rule names: the
    caller leaves it out where there are none.
    """

    number: int
    place: str
    field_ids: tuple[str, ...]
    title: Text
    done: Text
    code: str
    basis: str
    reason: Text
    summary: Text | None
    no_summary_reason: Text | None
    rule: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions for one original under one policy, for one recipient.

    `detector` is the version of the detector whose suggestions are among them, where the policy asks for one. With
    `margin` the kind has its mark in the margin alone. With `grouping` the rows of a table leave as groups.
    """

    policy_ref: str
    library_digest: str
    kind: str
    medium: str
    items: tuple[Decision, ...]
    asks: tuple[Ask, ...]
    missing: tuple[str, ...]
    approvals: tuple[Quorum, ...]
    output: Output
    fallback: Because
    detector: str | None = None
    margin: bool = False
    grouping: Grouping | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of which something leaves, in whole or in part."""
        return tuple(sorted(frozenset[str]().union(*(item.classes for item in self.items if item.leaves))))

    @property
    def rests_on(self) -> tuple[Remembered, ...]:
        """All that was remembered and names a column or leaves it out."""
        return tuple({one.id: one for item in self.items for one in item.rests_on}.values())

    def plan(self) -> Plan:
        """What the formats carry out; fields under an open question are dropped.

        Raises `Unanswered` for a picture or video without exactly one area that leaves: nothing is shown by accident.
        """
        most = self.output.video
        plan = Plan(
            tuple(item.instruction() for item in self.items),
            TableOutput(self.output.table),
            document=DocumentOutput(self.output.document),
            film=FilmBounds(most.lines, most.fps, most.seconds),
            drawing=DrawingOutput(self.output.drawing),
            margin=self.margin,
            grouping=self.grouping,
            decided_by=f"{self.policy_ref} {self.kind}",
        )
        crops = sum(case.transform.op is Op.CROP for one in plan.instructions for case in one.cases)
        if self.medium in DRAWN and crops != 1:
            raise Unanswered("Draw exactly one work area: only what lies inside it leaves.")
        return plan

    def require_answered(self) -> None:
        """Raise `Unanswered` while a question is open."""
        if self.asks:
            places = ", ".join(ask.field_id.replace("/", " ") for ask in self.asks[:20])
            more = f" and {len(self.asks) - 20} more" if len(self.asks) > 20 else ""
            raise Unanswered(
                f"Answer the open questions about {places}{more} before this is rendered: {self.asks[0].question}",
                fields=[ask.field_id for ask in self.asks],
            )

    def require_present(self) -> None:
        """Raise `RequiredMissing` where the original lacks, or the policy withholds, what the policy requires."""
        if self.missing:
            raise RequiredMissing(
                f"The policy requires {', '.join(self.missing)}, which would not be in this rendition; "
                "complete the original or answer which column it is.",
                fields=list(self.missing),
            )

    def to_json(self) -> dict[str, Json]:
        """Canonical: no floats, no raw header, no cell; both languages' texts."""
        return {
            "v": 1,
            "policy": self.policy_ref,
            "library_digest": self.library_digest,
            "kind": self.kind,
            "items": [item.to_json() for item in self.items],
            "asks": [ask.to_json() for ask in self.asks],
            "missing": list(self.missing),
            "approvals": [{"role": quorum.role, "n": quorum.n} for quorum in self.approvals],
            "output": self.output.model_dump(mode="json"),
            **({"detector": self.detector} if self.detector else {}),
            **({"mark": "margin"} if self.margin else {}),
        }

    def withheld_items(self) -> tuple[WithheldItem, ...]:
        """The rows of the withheld index, in the order of fields; metadata and like regions share a row per rule."""
        groups: dict[tuple[str, ...], list[tuple[Decision, Ruling]]] = {}
        for item in self.items:
            for ruling in self._withholding(item):
                groups.setdefault(_group(item, ruling), []).append((item, ruling))
        return tuple(_row(number, members) for number, members in enumerate(groups.values(), start=1))

    def _withholding(self, item: Decision) -> Iterator[Ruling]:
        yield from (ruling for ruling in item.rulings if not ruling.action.shows)
        if item.partial and item.element is Element.COLUMN:
            yield Ruling(DEFAULT_RULE, Action("drop"), (), 0, False, self.fallback)


_GROUP_TITLES = {Element.METADATA: _METADATA, Element.PAGE: _PAGES}


def _group(item: Decision, ruling: Ruling) -> tuple[str, ...]:
    match item.element:
        case Element.COLUMN:
            return ("column", ruling.rule, item.field_id)
        case Element.REGION:
            return ("region", ruling.rule, item.title.en)
    return (item.element.value, ruling.rule)


def _by_exception(done: Text, exception: str) -> Text:
    if not exception:
        return done
    return Text(en=f"{done.en} (by exception {exception})", zh=f"{done.zh}（依例外 {exception}）")


def _row(number: int, members: list[tuple[Decision, Ruling]]) -> WithheldItem:
    item, ruling = members[0]
    because = ruling.because
    return WithheldItem(
        number=number,
        place=item.place if item.element is Element.COLUMN else item.element.value,
        field_ids=tuple(member.field_id for member, _ in members),
        title=_GROUP_TITLES.get(item.element, item.title),
        done=_by_exception(describe(ruling.action), ruling.exception),
        code=because.code,
        basis=because.basis or "",
        reason=because.reason or _DEFAULTED,
        summary=because.summary,
        no_summary_reason=because.no_summary_reason,
        rule=ruling.rule,
    )
