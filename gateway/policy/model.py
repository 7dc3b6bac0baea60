"""The policy file as a lawyer writes it. These models are the source of the JSON Schema for editors."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from gateway.base.text import comparable
from gateway.formats.model import Element, FilmBounds
from gateway.policy.actions import BY_FIELD, ELEMENTS, WHOLE_COLUMN, Action, parse_action
from gateway.policy.codes import DISCLOSING, EVIDENCE, WITHHOLDING
from gateway.policy.conditions import Conditions, parse_conditions
from gateway.policy.gate_words import Gates
from gateway.policy.risk import Risk
from gateway.policy.words import (
    DataClass,
    Day,
    FieldGlob,
    FieldName,
    Flag,
    KindName,
    Line,
    PageSpan,
    ParentRef,
    PolicyId,
    RegionName,
    Strict,
    Text,
    TextGlob,
    Value,
    Version,
    Whole,
    Word,
)
from gateway.policy.written import ACTION, WHEN

_MOST = FilmBounds()
_PLACEHOLDER = re.compile(r"[{}]")


def _conditions_json(conditions: Conditions) -> dict[str, Any]:
    return {condition.attribute: condition.to_json() for condition in conditions}


def _action_json(action: Action) -> Any:
    return action.to_json()


Do = Annotated[Action, PlainValidator(parse_action), PlainSerializer(_action_json), WithJsonSchema(ACTION)]
When = Annotated[
    Conditions,
    PlainValidator(parse_conditions),
    PlainSerializer(_conditions_json),
    WithJsonSchema(WHEN),
]


class Because(Strict):
    """Why: a code, the law it stands on and how well that is known, and what the recipient reads."""

    code: str = Field(json_schema_extra={"enum": [*DISCLOSING, *WITHHOLDING]})
    basis: Line | None = None
    evidence: str | None = Field(default=None, json_schema_extra={"enum": [*EVIDENCE]})
    asked_for: Word | None = None
    place: Line | None = None
    reason: Text | None = None
    summary: Text | None = None
    no_summary_reason: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.code not in DISCLOSING and self.code not in WITHHOLDING:
            raise ValueError(f"`{self.code[:40]}` is not a code; use one of {', '.join((*DISCLOSING, *WITHHOLDING))}")
        if self.evidence is not None and (self.evidence not in EVIDENCE or self.basis is None):
            raise ValueError(f"`evidence` says how well `basis` is known: {', '.join(EVIDENCE)}; write both")
        if self.code == "REQ" and self.asked_for is None:
            raise ValueError("the code REQ needs `asked_for`; name the item of the demand")
        if self.code == "PUB" and self.place is None:
            raise ValueError("the code PUB needs `place`; say where it is public")
        if self.code in WITHHOLDING and (self.reason is None or not (self.summary or self.no_summary_reason)):
            raise ValueError("withholding needs `reason`, and `summary` or `no_summary_reason`; write them")
        if self.summary is not None:
            for text in (self.summary.en, self.summary.zh):
                if _PLACEHOLDER.search(text.replace("{count}", "")):
                    raise ValueError("`summary` may hold `{count}` and no other braces; rewrite it")
        return self


class TextPatterns(Strict):
    """Lines of text on a document's pages, and texts of a drawing, that fit a pattern, in which `*` stands for
    anything; case and width do not matter. `layers` are those of a drawing that the text stands on; where both are
    given, both must fit.
    """

    patterns: tuple[TextGlob, ...] = Field(default=(), max_length=200)
    layers: tuple[TextGlob, ...] = Field(default=(), max_length=200)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.patterns and not self.layers:
            raise ValueError("`text` needs `patterns`, or in drawings `layers`; write them")
        return self


TrackSort = Literal["audio", "subtitle", "data", "attachment", "cover", "*"]


class Regions(Strict):
    """Regions of a picture or a page by class and by who says that they are there."""

    classes: tuple[RegionName, ...] = Field(alias="class", min_length=1)
    source: Literal["reviewer", "detector"] | None = None


class Select(Strict):
    """What a rule names: anything that any selector fits; `where` narrows it to rows."""

    fields: tuple[FieldGlob, ...] = ()
    headers: tuple[TextGlob, ...] = ()
    classes: tuple[DataClass, ...] = ()
    metadata: tuple[TextGlob, ...] = ()
    tracks: tuple[TrackSort, ...] = ()
    regions: Regions | None = None
    pages: tuple[PageSpan, ...] = ()
    text: TextPatterns | None = None
    annotations: tuple[TextGlob, ...] = ()
    form_fields: tuple[TextGlob, ...] = ()
    pictures: tuple[PageSpan, ...] = ()
    layers: tuple[TextGlob, ...] = ()
    blocks: tuple[TextGlob, ...] = ()
    where: dict[FieldName, tuple[Value, ...]] = Field(default_factory=dict)

    @property
    def elements(self) -> frozenset[Element]:
        """The sorts of things it can name."""
        # A class reaches lines of text too, but an action for columns may stand beside it.
        named = {
            Element.COLUMN: self.fields or self.headers or self.classes,
            Element.METADATA: self.metadata or self.tracks,
            Element.REGION: self.regions,
            Element.PAGE: self.pages,
            Element.TEXT: self.text,
            Element.ANNOTATION: self.annotations,
            Element.FORM_FIELD: self.form_fields,
            Element.PICTURE: self.pictures,
            Element.LAYER: self.layers,
            Element.BLOCK: self.blocks,
        }
        return frozenset(element for element, selected in named.items() if selected)


class Rule(Strict):
    """What to do with what is selected, and because of what."""

    id: Word
    select: Select
    do: Do
    when: When = ()
    present: Literal["required", "in_every_row"] | None = None
    not_only: tuple[Value, ...] = Field(default=(), max_length=100)
    final: Flag = False
    because: Because

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if not self.select.elements:
            raise ValueError(
                "`select` names nothing; write fields, headers, classes, metadata, tracks, regions, pages, text, "
                "annotations, form_fields, pictures, layers or blocks"
            )
        wrong = self.select.elements - ELEMENTS[self.do.op]
        if wrong:
            names = ", ".join(sorted(element.value for element in wrong))
            raise ValueError(f"`{self.do.op}` cannot be done to a {names}; use another action or another rule")
        if self.do.shows and self.because.code not in DISCLOSING:
            raise ValueError(f"`{self.do.op}` needs a code that justifies disclosing: {', '.join(DISCLOSING)}")
        if not self.do.shows and self.because.code in DISCLOSING:
            raise ValueError(f"`{self.do.op}` withholds and needs a code that justifies it: {', '.join(WITHHOLDING)}")
        if self.do.shows and (self.select.headers or self.select.classes):
            raise ValueError(
                "what leaves as it is must be selected by `fields`, `regions`, `layers` or what stands on pages"
                "; name it"
            )
        if self.select.headers and not self.do.removes:
            raise ValueError("a raw header is the original's own claim: `headers` may only `drop` or `block`")
        self._check_where()
        self._check_action()
        return self

    def _check_action(self) -> None:
        op, select = self.do.op, self.select
        if op in BY_FIELD and (select.headers or select.classes):
            raise ValueError(f"`{op}` needs to know what the values are; select by `fields` only")
        if op in WHOLE_COLUMN and select.where:
            raise ValueError(f"`{op}` takes all rows together; remove `where`")
        if op == "aggregate" and (self.when or self.present):
            raise ValueError(
                "`aggregate` makes groups of the whole table, and small ones stay out; remove `when` and `present`"
            )
        if op == "mute" and (select.metadata or set(select.tracks) != {"audio"}):
            raise ValueError("`mute` is for sound; write `select: {tracks: [audio]}`, or `strip` what else is meant")

    def _check_where(self) -> None:
        if self.select.where and self.select.elements != {Element.COLUMN}:
            raise ValueError("`where` speaks of rows; use it with columns only")
        if self.select.where and self.do.op == "block":
            raise ValueError("`block` refuses the whole rendition before rows are read; remove `where`")
        if any(not values for values in self.select.where.values()):
            raise ValueError("`where` needs at least one value per field; write them")
        if self.present and self.do.removes:
            raise ValueError("what is required to be present cannot be removed; drop `present` or change `do`")
        if self.present == "in_every_row" and self.select.elements != {Element.COLUMN}:
            raise ValueError("`in_every_row` speaks of rows; use it with columns only, or write `present: required`")
        if self.not_only and (not self.present or self.select.elements != {Element.COLUMN}):
            raise ValueError(
                "`not_only` says which words are too vague in a required column; add `present`, or remove it"
            )
        if not all(any(map(str.isalpha, phrase)) for phrase in self.not_only):
            raise ValueError("`not_only` lists words; give each at least one letter")

    @property
    def where(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """Field → `comparable` values, in the order of names."""
        found = self.select.where.items()
        return tuple(sorted((name, frozenset(map(comparable, values))) for name, values in found))

    @property
    def asks(self) -> tuple[str, ...]:
        """The fields without which it permits nothing."""
        return tuple(dict.fromkeys((*self.select.where, *self.do.asks)))


class Effective(Strict):
    """From the first day to the last, both included."""

    start: Day = Field(alias="from")
    end: Day | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end is not None and self.end < self.start:
            raise ValueError("`to` lies before `from`; correct the days")
        return self


class Metadata(Strict):
    """Who wrote which version of what, and when it holds."""

    id: PolicyId
    version: Version
    title: Text
    owner: Word
    effective: Effective
    extends: tuple[ParentRef, ...] = Field(default=(), max_length=8)


class AppliesTo(Strict):
    """For which kinds and contexts. A policy without kinds is a base: it can be extended, not used."""

    kinds: tuple[KindName, ...] = ()
    when: When = ()


class Defaults(Strict):
    """What happens to what no rule names. There is nothing looser than these words.

    With `detection: required` a detector looks at pictures, at pages whose text cannot be read, and at what of a video
    would leave: what it finds is covered unless a rule allows it, and a person confirms it. With `reading: required`,
    which `detection: required` brings along, what is legible in a finished rendition is searched for what it withholds.
    """

    field: Literal["drop"] = "drop"
    unknown_field: Literal["ask", "drop"] = "ask"
    leave_to_default: tuple[FieldGlob, ...] = ()
    detection: Literal["required"] | None = None
    reading: Literal["required"] | None = None
    because: Because | None = None

    @property
    def reads(self) -> bool:
        """Whether renditions must be read before they may leave."""
        return self.reading is not None or self.detection is not None

    @model_validator(mode="after")
    def _withholds(self) -> Self:
        if self.because is not None and self.because.code in DISCLOSING:
            raise ValueError(f"the default withholds and needs a code that justifies it: {', '.join(WITHHOLDING)}")
        return self


class ApprovalWhen(Strict):
    """When data of one of these classes leaves, in whole or in part."""

    class_in: tuple[DataClass, ...] = Field(min_length=1)


class Approval(Strict):
    """How many people of a role must sign."""

    role: Literal["legal", "privacy"]
    n: Whole = Field(ge=1, le=9)
    when: ApprovalWhen | None = None


class Film(Strict):
    """The most that a video shows: rows of pixels on its shorter side, frames a second, seconds."""

    lines: Whole = Field(default=_MOST.lines, ge=240, le=_MOST.lines)
    fps: Whole = Field(default=_MOST.fps, ge=1, le=_MOST.fps)
    seconds: Whole = Field(default=_MOST.seconds, ge=1, le=_MOST.seconds)


class Output(Strict):
    """What every rendition carries, in which form originals of a medium leave, and in which profiles."""

    mark: Literal["required"] = "required"
    fingerprint: Literal["required", "none"] = "none"
    table: Literal["as_original", "csv", "xlsx"] = "as_original"
    video: Film = Film()
    document: Literal["pdf", "as_original"] = "pdf"
    drawing: Literal["pdf", "png"] = "pdf"
    profile: tuple[Literal["sealed", "portal", "print", "public"], ...] = Field(
        default=("sealed", "portal"), min_length=1
    )


class PolicyFile(Strict):
    """One policy file."""

    api_version: Literal["disclosure/v1"] = Field(alias="apiVersion")
    kind: Literal["DisclosurePolicy"]
    metadata: Metadata
    applies_to: AppliesTo = AppliesTo()
    defaults: Defaults = Defaults()
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=500)
    risk: Risk | None = None
    approvals: tuple[Approval, ...] = ()
    output: Output = Output()
    gates: Gates = Gates()

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        ids = [rule.id for rule in self.rules]
        twice = sorted({rule for rule in ids if ids.count(rule) > 1})
        if twice:
            raise ValueError(f"the rule id `{twice[0]}` stands twice; rename one")
        if "default" in ids or "answer" in ids:
            raise ValueError("the rule ids `default` and `answer` are the engine's own; rename the rule")
        return self
