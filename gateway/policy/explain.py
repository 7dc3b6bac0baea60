"""Why one field leaves or stays: every candidate rule, whether it names the field, what won."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from gateway.base.canon import Json
from gateway.formats.model import Element, Field
from gateway.policy.answers import Answers
from gateway.policy.codes import EVIDENCE
from gateway.policy.conditions import Context
from gateway.policy.decide import WITH_THEIR_PAGE, answered_fields, decide
from gateway.policy.decisions import ANSWER_RULE, DEFAULT_RULE, Decision
from gateway.policy.kinds import Kind
from gateway.policy.match import considered, subject
from gateway.policy.policy import Policy
from gateway.policy.problems import AnswersInvalid, PolicyBlocks
from gateway.policy.remembered import ANSWERED, REMEMBERED, UNSETTLED, Remembered
from gateway.policy.wording import describe

_NAMED = {
    "title": ", by its own name",
    "synonym": ", by a synonym",
    "words": ", by what the words of its header mean",
    "guess": ", by its header without the words for whose it is",
    REMEMBERED: ", as was remembered of its header",
    ANSWERED: ", as a person answered",
}
_UNNAMED = {
    "": "No single field of its kind has this header.",
    ANSWERED: "A person left it out.",
    REMEMBERED: "It is left out, as was remembered of its header.",
    UNSETTLED: "What is remembered of its header does not settle which field it is.",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One rule over one field."""

    rule: str
    action: str
    matched: bool
    won: bool
    why: str
    basis: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole reasoning for one field, ready to be read aloud."""

    field_id: str
    place: str
    title: str
    outcome: str
    candidates: tuple[Candidate, ...]
    sentences: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "field": self.place.replace(" ", "/"),
            "title": self.title,
            "outcome": self.outcome,
            "candidates": [
                {
                    "rule": c.rule,
                    "action": c.action,
                    "matched": c.matched,
                    "won": c.won,
                    "why": c.why,
                    "basis": c.basis,
                    "evidence": c.evidence,
                }
                for c in self.candidates
            ],
            "sentences": list(self.sentences),
        }


def explain(
    policy: Policy,
    kind: Kind,
    fields: Iterable[Field],
    context: Context,
    answers: Answers,
    *,
    field: str,
    on: date,
    remembered: Sequence[Remembered] = (),
) -> Explanation:
    """Explain `field`, a field id (`column/4`) or a canonical name. Raises as `decide`, save for `PolicyBlocks`."""
    fields = tuple(fields)
    named = answered_fields(kind, fields, answers, remembered)
    chosen = next((one for one in named if field in (one.id, one.name)), None)
    if chosen is None:
        raise AnswersInvalid("The original has no such field; name it as column/4 or by its canonical name.")
    try:
        decisions = decide(policy, kind, fields, context, answers, on=on, remembered=remembered)
    except PolicyBlocks as problem:
        decision, ending = None, [problem.detail]
    else:
        decision = next((item for item in decisions.items if item.field_id == chosen.id), None)
        if decision is None:
            raise AnswersInvalid(
                f"It stands on page {chosen.page}, which does not leave, so nothing is decided about it; explain "
                f"page/{chosen.page} instead."
            )
        ending = _ending(decision, [ask.question for ask in decisions.asks if ask.field_id == chosen.id])
    candidates = _candidates(policy, kind, chosen, context.checked(on), decision)
    asked = subject(kind, chosen)
    place = decision.place if decision else asked.place
    return Explanation(
        field_id=chosen.id,
        place=place,
        title=decision.title.en if decision else place,
        outcome=decision.outcome if decision else "refused",
        candidates=candidates,
        sentences=(*_opening(chosen, place, asked.classes), *map(_sentence, candidates), *ending),
    )


def _candidates(
    policy: Policy, kind: Kind, chosen: Field, context: Context, decision: Decision | None
) -> tuple[Candidate, ...]:
    asked = subject(kind, chosen)
    winners = {ruling.rule: ruling for ruling in decision.rulings} if decision else {}
    found = []
    for seen in considered(policy, asked, context):
        rule = seen.rule
        won = rule.id in winners or (decision is None and seen.applies and rule.do.op == "block")
        why = seen.why + (f" The exception {seen.exception} permits it." if seen.exception else "")
        if seen.applies and rule.where:
            columns = " and ".join(name for name, _ in rule.where)
            why += f" It holds in rows where {columns} has one of its values."
        matched = seen.applies or seen.limits
        if matched and not won:
            why += f" It does not win: {_loss(decision, policy, rule.do.removes)}"
        ground = rule.because
        found.append(Candidate(rule.id, describe(rule.do).en, matched, won, why, ground.basis, ground.evidence))
    return tuple(found)


def _loss(decision: Decision | None, policy: Policy, removes: bool) -> str:
    if decision is None:
        return "another rule refuses the whole rendition."
    first = decision.main
    if first.rule == DEFAULT_RULE and not removes:
        return "the column that its `where` asks for is not in this original, and what is missing fails a permit."
    if first.rule == ANSWER_RULE:
        return "a person left the column out."
    last = decision.rulings[-1]
    final = next((rule.final for rule in policy.rules if rule.id == last.rule), False)
    return f"the rule {last.rule} is at least as strict{' and final' if final else ''}, and the strictest wins."


def _opening(chosen: Field, place: str, classes: frozenset[str]) -> Sequence[str]:
    if chosen.element in WITH_THEIR_PAGE:
        return (f"This is {place}. It leaves with its page unless something withholds it.",)
    if chosen.element is not Element.COLUMN:
        return (f"This is {place}.",)
    name = f"It is the field {chosen.name}{_NAMED.get(chosen.named, '')}." if chosen.name else _UNNAMED[chosen.named]
    held = f"It holds or is declared to hold {', '.join(sorted(classes))}." if classes else "No class was found in it."
    return (f"This is {place}. {name} {held}",)


def _sentence(candidate: Candidate) -> str:
    sentence = f"Rule {candidate.rule} ({candidate.action}): {candidate.why}"
    if not candidate.won or candidate.basis is None:
        return sentence
    known = EVIDENCE.get(candidate.evidence or "", "nothing says how well it is known")
    return f"{sentence} It rests on {candidate.basis} ({known})."


def _ending(decision: Decision, questions: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for ruling in decision.rulings:
        rows = "In every other row" if lines else "Everywhere"
        if not ruling.everywhere:
            rows = "In rows that its `where` holds for" if ruling.where else "In rows that it holds for"
        by = {DEFAULT_RULE: "no rule names it, and what no rule names is dropped", ANSWER_RULE: "a person left it out"}
        cause = by.get(ruling.rule, f"rule {ruling.rule}, code {ruling.because.code}")
        lines.append(f"{rows}: {describe(ruling.action).en} ({cause}).")
    if decision.partial:
        lines.append("In every other row: removed (no rule names it, and what no rule names is dropped).")
    return lines + [f"Open question: {question}" for question in questions]
