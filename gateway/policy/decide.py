"""Decides every field of an original.

1. Outside its effective dates, its kinds or its context a policy permits nothing.
2. Columns get their canonical names from the kind; a person's answers come before the kind's guess, and what people
   remembered of headers stands in for an answer where it can (`remembered`).
3. Every rule that names a field is collected. A `block` refuses the whole rendition. What stands on a page that does
   not leave is not decided at all; a line on one that does leaves with it, unless something withholds it. What stands
   on a layer or in a block of a drawing that does not leave is not decided either; on one that does it needs a rule.
4. Of the rules for one field the strictest wins, row by row; two of which neither is stricter, on rows that may be
   the same, refuse the rendition.
5. What no rule names is dropped. What the survey cannot name is asked for, and is out until it is answered.
6. A rule that requires presence and would show nothing makes its field missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from gateway.formats.model import Element, Field, Source
from gateway.policy.actions import COVERED, Action
from gateway.policy.answers import DROP, Answers
from gateway.policy.codes import UNNAMED
from gateway.policy.conditions import Context
from gateway.policy.decisions import ANSWER_RULE, DEFAULT_RULE, DRAWN, Ask, Decision, Decisions, Outcome, Quorum, Ruling
from gateway.policy.kinds import Kind
from gateway.policy.match import Match, Subject, considered, place, subject
from gateway.policy.model import Because, Select
from gateway.policy.naming import stated_unit
from gateway.policy.pages import DOCUMENT, DRAWING, LOOKED_AT, holding, question
from gateway.policy.paths import named_fields
from gateway.policy.policy import Policy
from gateway.policy.problems import (
    AnswersInvalid,
    PolicyBlocks,
    PolicyExpired,
    PolicyNotApplicable,
)
from gateway.policy.remembered import ANSWERED, REMEMBERED, UNSETTLED, Remembered, recalled, rests_on
from gateway.policy.rulings import rulings_for
from gateway.policy.suggested import DETECTED, confirming
from gateway.policy.wording import output_title
from gateway.policy.words import Text

# What a reader takes for the page itself: it leaves with it, unless something withholds it.
WITH_THEIR_PAGE = frozenset({Element.TEXT, Element.FORM_FIELD})

_CARRYING = frozenset({Element.LAYER, Element.BLOCK})
_REQUIRED_OF_DOCUMENTS = frozenset({Element.PAGE, Element.PICTURE})
# Of these a person says by their id what they are, or that they are left out.
_ANSWERED = frozenset({Element.COLUMN, Element.PICTURE})
_VIDEO = "video"
# Before everything that a policy says.
_PICKED_RANK = 1
_REMOVAL = {
    Element.COLUMN: "drop",
    Element.PAGE: "drop",
    Element.LAYER: "drop",
    Element.BLOCK: "drop",
    Element.METADATA: "strip",
    **dict.fromkeys((Element.REGION, Element.TEXT, Element.ANNOTATION, Element.FORM_FIELD, Element.PICTURE), "box"),
}
_REGION = Text(en="Marked region", zh="标记区域")
_TITLES = {
    Element.METADATA: Text(en="Metadata", zh="元数据"),
    Element.TEXT: Text(en="Text on a page", zh="页面文字"),
    Element.ANNOTATION: Text(en="Annotation", zh="批注"),
    Element.FORM_FIELD: Text(en="Form field", zh="表单字段"),
    Element.PICTURE: Text(en="Picture in the document", zh="文档中的图片"),
    Element.LAYER: Text(en="Layer of the drawing", zh="图层"),
    Element.BLOCK: Text(en="Block of the drawing", zh="图块"),
}
_IN_DRAWING = Text(en="Text in the drawing", zh="图中文字")
_UNNAMED = Because.model_construct(
    code=UNNAMED,
    reason=Text(en="The policy names no ground for disclosing this.", zh="政策未载明披露该内容的依据。"),
    no_summary_reason=Text(
        en="It was withheld by default and has not been assessed.", zh="该内容按默认规则不予提供，尚未评估。"
    ),
)


def decide(
    policy: Policy,
    kind: Kind,
    fields: Iterable[Field],
    context: Context,
    answers: Answers,
    *,
    on: date,
    detector: str | None = None,
    remembered: Sequence[Remembered] = (),
) -> Decisions:
    """The decisions of `policy` over an original of `kind` with these `fields`, for `context`, on this day (UTC).

    `detector` is the version of the one whose suggestions are among the fields, `remembered` what was said of headers
    before and may speak under this policy.
    Raises `PolicyExpired`, `PolicyNotApplicable`, `PolicyBlocks`, `RulesIncomparable`, `AnswersInvalid` and
    `ContextInvalid`.
    """
    context = context.checked(on)
    require_applicable(policy, kind, context, on)
    named = answered_fields(kind, fields, answers, remembered)
    fallback = policy.defaults.because or _UNNAMED
    decided = [
        (field, replace(item, rests_on=rests_on(kind, field, remembered)))
        for field, item in _decided(policy, kind, named, context, answers, fallback)
    ]
    items = [item for _, item in decided]
    asks = [Ask(field.id, _question(field)) for field, item in decided if _is_open(policy, field, item)]
    asks.extend(_picture_asks(kind, items, answers))
    if kind.medium == DRAWING and not answers.confirmed:
        asks.append(Ask(DRAWING, LOOKED_AT))
    if kind.medium == DOCUMENT and not answers.confirmed:
        leaving = [field for field, item in decided if field.element is Element.PAGE and item.leaves]
        asks.append(Ask(DOCUMENT, question(leaving)))
    if detector is not None:
        asks.extend(confirming(kind.medium, detector, [field for field, _ in decided], answers))
    return Decisions(
        policy_ref=policy.ref,
        library_digest=policy.library_digest,
        kind=kind.name,
        medium=kind.medium,
        items=tuple(items),
        asks=tuple(asks),
        missing=_missing(policy, kind, items, context),
        approvals=_approvals(policy, items),
        output=policy.output,
        fallback=fallback,
        detector=detector,
        margin=kind.mark == "margin",
        grouping=policy.grouping,
    )


def _decided(
    policy: Policy, kind: Kind, named: Sequence[Field], context: Context, answers: Answers, fallback: Because
) -> Iterator[tuple[Field, Decision]]:
    """Every field that there is something to say about, a page before what stands on it."""
    present = frozenset(field.name for field in named if field.element is Element.COLUMN and field.name)
    taken_out = {field_id for field_id, answer in answers.columns.items() if answer == DROP}
    taken_out |= {field.id for field in named if field.named == REMEMBERED and field.name is None}
    taken_out |= holding(answers.terms, named)
    counts: Counter[Element] = Counter()
    pages: dict[int, tuple[Ruling, ...]] = {}
    leaving: set[str] = set()
    for field in named:
        counts[field.element] += 1
        stands = field.page > 0 and field.element is not Element.PAGE
        if (stands and field.page not in pages) or not leaving.issuperset(field.on):
            continue
        asked = subject(kind, field, counts[field.element])
        rulings = rulings_for(matching(policy, asked, context), present)
        if stands:
            rulings = tuple(_carried_out(ruling, field.element) for ruling in rulings)
        if field.id in taken_out and not _removed_anyway(rulings):
            rulings = (_removal(ANSWER_RULE, field, fallback),)
        picked = answers.taken_out(field.id) if field.element is Element.COLUMN else None
        if picked and rulings:
            rulings = _without(rulings, picked, ANSWER_RULE, fallback)
        if stands and field.element in WITH_THEIR_PAGE:
            rulings = rulings or pages[field.page]
        item = _decision(kind, asked, rulings or (_removal(DEFAULT_RULE, field, fallback),))
        if field.element is Element.PAGE and item.leaves:
            pages[field.page] = item.rulings
        elif field.element in _CARRYING and item.leaves:
            leaving.add(field.id)
        yield field, item


def withholding(decisions: Decisions, rows: frozenset[int], rule: str, because: Because) -> Decisions:
    """The decisions with these rows of a table, the first being 0, withheld in every column."""
    items = (
        replace(one, rulings=found, outcome=_outcome(found))
        if one.element is Element.COLUMN and (found := _without(one.rulings, rows, rule, because)) is not one.rulings
        else one
        for one in decisions.items
    )
    return replace(decisions, items=tuple(items))


def _without(rulings: tuple[Ruling, ...], rows: frozenset[int], rule: str, because: Because) -> tuple[Ruling, ...]:
    """The rulings over a column with these rows taken out before everything else that is said of them."""
    if _removed_anyway(rulings):
        return rulings
    return (Ruling(rule, Action("drop"), (), _PICKED_RANK, False, because, rows=rows), *rulings)


def asking_for(
    what: str, policy: Policy, kind: Kind, context: Context, answers: Answers, question: str, *, on: date
) -> Decisions:
    """The decisions over an original that cannot be read before a person says `what` of it is meant: one question.

    `what` is the sheet of a workbook that is the table, or the frame of a picture.
    """
    decisions = decide(policy, kind, (), context, replace(answers, columns={}), on=on)
    return replace(decisions, asks=(Ask(what, question),), missing=())


def require_applicable(policy: Policy, kind: Kind, context: Context, on: date) -> None:
    """Raise unless the policy is in force on this day, for this kind, and for everyone in custody."""
    if on < policy.start or (policy.end is not None and on > policy.end):
        raise PolicyExpired(
            f"The policy {policy.ref} is not in force on {on.isoformat()}; choose a version that is.",
            policy=policy.ref,
        )
    if kind.name not in policy.kinds:
        raise PolicyNotApplicable(f"The policy {policy.ref} was not written for the kind {kind.name}; choose another.")
    for conditions in policy.whens:
        if not context.permits(conditions):
            names = ", ".join(sorted(condition.attribute for condition in conditions))
            raise PolicyNotApplicable(
                f"The policy {policy.ref} was not written for this context; check {names}, or choose another policy."
            )
    profile = context.attributes.get("profile")
    if profile is not None and profile not in policy.output.profile:
        raise PolicyNotApplicable(f"The policy {policy.ref} does not let renditions leave in this profile.")


def answered_fields(
    kind: Kind, fields: Iterable[Field], answers: Answers, remembered: Iterable[Remembered] = ()
) -> tuple[Field, ...]:
    """All fields with canonical names, what is remembered and a person's answers applied, drawn regions added.

    Raises `AnswersInvalid`.
    """
    out = {name for name, answer in answers.columns.items() if answer == DROP}
    named = list(named_fields(kind, recalled(kind, fields, answers.columns, remembered), out))
    known = {field.id for field in named if field.element in _ANSWERED}
    if not {*answers.columns, *answers.cells} <= known:
        raise AnswersInvalid("An answer speaks of a column or picture that this original does not have; answer anew.")
    named = [_answered(kind, field, answers) for field in named]
    claims = Counter(field.name for field in named if field.element is Element.COLUMN and field.name)
    twice = sorted(name for name, count in claims.items() if name and count > 1)
    if twice:
        raise AnswersInvalid(f"Two columns answer to {twice[0]}; say for one of them another field, or drop.")
    _require_drawable(kind, named, answers)
    taken = sum(field.element is Element.REGION for field in named)
    drawn = (
        Field(
            f"region/{number}",
            Element.REGION,
            one.name,
            one.name,
            source=Source.REVIEWER,
            box=one.box,
            page=one.page,
            path=one.path,
        )
        for number, one in enumerate(answers.regions, start=taken + 1)
    )
    return (*named, *drawn)


def _require_drawable(kind: Kind, named: Sequence[Field], answers: Answers) -> None:
    """Raise `AnswersInvalid` for regions and terms that this original has no place for."""
    if answers.regions and kind.medium not in {*DRAWN, DOCUMENT, DRAWING}:
        raise AnswersInvalid("Regions are drawn on pictures, videos, pages and drawings; this original is none.")
    if answers.terms and kind.medium not in (DOCUMENT, DRAWING):
        raise AnswersInvalid("Terms are looked for in documents and drawings; this original is none.")
    if answers.last_row and kind.medium != "table":
        raise AnswersInvalid("Rows and cells are withheld in tables; this original is none.")
    if kind.medium != _VIDEO and any(region.path for region in answers.regions):
        raise AnswersInvalid("Only a region of a video has a path; give this one a box.")
    count = sum(field.element is Element.PAGE for field in named)
    for number, region in enumerate(answers.regions, start=1):
        if not (1 <= region.page <= count if kind.medium == DOCUMENT else region.page == 0):
            raise AnswersInvalid(
                f"The region {number} needs a `page` from 1 to {count}; correct it."
                if kind.medium == DOCUMENT
                else f"The region {number} names a page, and a {kind.medium} has none; take it out."
            )


def matching(policy: Policy, asked: Subject, context: Context) -> list[Match]:
    """Every rule that has a say over the field. Raises `PolicyBlocks` where one refuses the whole rendition."""
    matches = [seen for seen in considered(policy, asked, context) if seen.applies or seen.limits]
    for rule in (seen.rule for seen in matches):
        if rule.do.op == "block":
            reason = rule.because.reason.en if rule.because.reason else "The policy blocks it."
            raise PolicyBlocks(
                f"The rule {rule.id} refuses the whole rendition because of {asked.place}: {reason}", rule=rule.id
            )
    return matches


def _decision(kind: Kind, asked: Subject, rulings: tuple[Ruling, ...]) -> Decision:
    field = asked.field
    title, value_type, unit = _title(kind, field)
    return Decision(
        field_id=field.id,
        place=asked.place,
        name=field.name,
        named=field.named,
        title=title,
        output_title=output_title(title.en, [ruling.action for ruling in rulings], unit),
        element=field.element,
        value_type=value_type,
        classes=asked.classes,
        outcome=_outcome(rulings),
        rulings=rulings,
        box=field.box,
        page=field.page,
        path=field.path,
    )


def _carried_out(ruling: Ruling, element: Element) -> Ruling:
    """On a page and in a picture nothing can be taken out: it is covered."""
    covered = element in COVERED or element is Element.REGION
    return replace(ruling, action=Action("box")) if ruling.action.op == "drop" and covered else ruling


def _removed_anyway(rulings: Sequence[Ruling]) -> bool:
    return bool(rulings) and rulings[0].action.removes and rulings[0].everywhere


def _removal(rule: str, field: Field, because: Because) -> Ruling:
    """On a page something is covered, in a drawing it is not drawn."""
    action = Action("drop" if field.on else _REMOVAL[field.element])
    return Ruling(rule, action, (), int(action.order[0]) * 1000, False, because)


def _outcome(rulings: Sequence[Ruling]) -> Outcome:
    sorts = {
        "withheld" if ruling.action.removes else "disclosed" if ruling.action.shows else "transformed"
        for ruling in rulings
    }
    if not any(ruling.everywhere for ruling in rulings):
        sorts.add("withheld")
    if sorts == {"withheld"}:
        return "withheld"
    if sorts == {"disclosed"}:
        return "disclosed"
    return "transformed" if sorts == {"transformed"} else "mixed"


def _title(kind: Kind, field: Field) -> tuple[Text, str, str | None]:
    if field.on:
        return _IN_DRAWING, "text", None
    if field.element in _TITLES:
        return _TITLES[field.element], "text", None
    if field.element is Element.PAGE:
        return Text(en=f"Page {field.page}", zh=f"第 {field.page} 页"), "text", None
    if field.element is Element.REGION:
        found = kind.region_titles.get(field.name or "")
        return (Text(en=found.en, zh=found.zh) if found else DETECTED.get(field.name or "", _REGION)), "text", None
    known = kind.by_name.get(field.name or "")
    if known is None:
        number = field.id.rpartition("/")[2]
        return Text(en=f"Column {number}", zh=f"第 {number} 列"), "text", None
    return Text(en=known.title.en, zh=known.title.zh), known.type, known.unit


def _answered(kind: Kind, field: Field, answers: Answers) -> Field:
    answer = answers.columns.get(field.id)
    if field.element is Element.PICTURE and answer not in (None, DROP):
        raise AnswersInvalid(f"Answer {place(field)} with drop or not at all: what leaves, the policy says.")
    if answer is None or field.element is not Element.COLUMN:
        return field
    if answer == DROP:
        return replace(field, name=None, named=ANSWERED)
    if answer not in kind.by_name:
        raise AnswersInvalid(f"The kind {kind.name} has no such field; answer {place(field)} with one of its fields.")
    wanted, stated = kind.by_name[answer].unit, stated_unit(field.label)
    if wanted is not None and stated is not None and wanted != stated:
        raise AnswersInvalid(
            f"The header of {place(field)} states {stated} and {answer} is in {wanted}; "
            "upload the original with converted values, or drop the column."
        )
    return replace(field, name=answer, named=ANSWERED)


def _is_open(policy: Policy, field: Field, item: Decision) -> bool:
    unnamed = field.element is Element.COLUMN and field.name is None
    settled = item.main.rule != DEFAULT_RULE and _removed_anyway(item.rulings)
    return unnamed and not settled and policy.defaults.unknown_field == "ask"


def _question(field: Field) -> str:
    doubt = " What is remembered of its header does not settle it." if field.named == UNSETTLED else ""
    return f"Which field is {place(field)}?{doubt} Name one of the kind's fields, or leave it out."


def _picture_asks(kind: Kind, items: Sequence[Decision], answers: Answers) -> list[Ask]:
    if kind.medium not in DRAWN:
        return []
    asks = []
    if sum(ruling.action.op == "crop" for item in items for ruling in item.rulings) != 1:
        asks.append(Ask(kind.medium, "Where is the work area? Draw exactly one: only what lies inside it leaves."))
    if not answers.confirmed:
        asks.append(Ask(kind.medium, f"Was the whole {kind.medium} looked at, and is everything marked? Confirm it."))
    return asks


def _missing(policy: Policy, kind: Kind, items: Sequence[Decision], context: Context) -> tuple[str, ...]:
    """The canonical names of required fields that are not in the original, or of which nothing would leave."""
    if kind.medium in DRAWN:
        return ()
    if kind.medium == DOCUMENT:
        return _missing_pages(policy, items)
    if kind.medium == DRAWING:
        return _missing_layers(policy, items)
    showing = {(item.name, ruling.rule) for item in items for ruling in item.rulings if ruling.required and item.leaves}
    missing = []
    for known in kind.fields:
        asked = subject(kind, Field(f"column/{known.name}", Element.COLUMN, "", known.name))
        wanted = [one.rule for one in considered(policy, asked, context) if one.rule.present and one.applies]
        if any((known.name, rule.id) not in showing for rule in wanted):
            missing.append(known.name)
    return tuple(missing)


def _missing_pages(policy: Policy, items: Sequence[Decision]) -> tuple[str, ...]:
    found = (item for item in items if item.element in _REQUIRED_OF_DOCUMENTS and item.leaves)
    showing = {ruling.rule for item in found for ruling in item.rulings}
    wanted = [rule for rule in policy.rules if rule.present and rule.id not in showing]
    named = [(sort, numbers) for rule in wanted for sort, numbers in _numbered(rule.select) if numbers]
    return tuple(f"{sort} {', '.join(numbers)}" for sort, numbers in named)


def _numbered(select: Select) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("pages", select.pages), ("pictures", select.pictures)


def _missing_layers(policy: Policy, items: Sequence[Decision]) -> tuple[str, ...]:
    showing = {ruling.rule for item in items for ruling in item.rulings if item.element in _CARRYING and item.leaves}
    wanted = [rule for rule in policy.rules if rule.present and rule.id not in showing]
    named = [(rule, (*rule.select.layers, *rule.select.blocks)) for rule in wanted]
    return tuple(f"layers {', '.join(globs)}" for _, globs in named if globs)


def _approvals(policy: Policy, items: Sequence[Decision]) -> tuple[Quorum, ...]:
    leaving = frozenset[str]().union(*(item.classes for item in items if item.leaves))
    needed: dict[str, int] = {}
    for approval in policy.approvals:
        if approval.when is None or leaving & set(approval.when.class_in):
            needed[approval.role] = max(needed.get(approval.role, 0), approval.n)
    used = {ruling.exception for item in items if item.leaves for ruling in item.rulings}
    for approval in (one for exception in policy.exceptions if exception.ref in used for one in exception.approvals):
        needed[approval.role] = max(needed.get(approval.role, 0), approval.n)
    return tuple(Quorum(role, needed[role]) for role in sorted(needed))
