"""What must be in order outside a policy's rules before anything leaves: its gates.

A gate never shows a field; it lets a whole rendition or release pass, or says in one sentence what is missing. One may
withhold rows instead: of consent, where the policy says so.
A child has its parents' gates beside its own, so that it can only tighten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gateway.base.canon import Json, canonical
from gateway.base.problems import Refused
from gateway.formats.model import Element, Field
from gateway.formats.page_order import orders
from gateway.policy.answers import Answers
from gateway.policy.decisions import Ask, Decisions
from gateway.policy.policy import Policy
from gateway.policy.problems import PolicyInvalid
from gateway.policy.statements import Effect, Said, StatementFile, said

_SPEAKING = frozenset({Element.TEXT, Element.FORM_FIELD, Element.ANNOTATION})
_MOST_NAMED = 5


class StatementForbidden(Refused):
    """A statement that would leave is one that its signatory's law forbids them to make."""

    slug = "statement-forbidden"
    title = "The signatory may not make this statement"


def spoken(fields: Iterable[Field], decisions: Decisions) -> list[list[tuple[int, str]]]:
    """What a document would say, line by line with its page, in every order in which its lines may be read."""
    leaving = {item.field_id for item in decisions.items if item.leaves and item.element in _SPEAKING}
    pages: dict[int, list[Field]] = {}
    for field in fields:
        if field.id in leaving:
            pages.setdefault(field.page, []).append(field)
    whole = [(number, field.label) for number, texts in sorted(pages.items()) for field in texts]
    found = [whole] if whole else []
    for number, texts in sorted(pages.items()):
        placed = [field for field in texts if field.box is not None]
        read = orders([field.box for field in placed if field.box is not None])
        found += [[(number, placed[place].label) for place in order] for order in read]
    return list({tuple(order): order for order in found}.values())


def gated(
    policy: Policy,
    files: Sequence[StatementFile],
    fields: Sequence[Field],
    decisions: Decisions,
    answers: Answers,
) -> Decisions:
    """The decisions with what the policy's gates ask a person beside it. Raises `StatementForbidden`."""
    asking = [gates for gates in policy.gates if gates.statements]
    if not asking:
        return decisions
    blind = _blind(fields, decisions) if any(gates.unread == "ask" for gates in asking) else ()
    return replace(decisions, asks=(*decisions.asks, *_statement_asks(files, fields, decisions, answers, blind)))


def _blind(fields: Sequence[Field], decisions: Decisions) -> tuple[int, ...]:
    """The pages that leave and of which no rule can read all the text."""
    leaving = {item.field_id for item in decisions.items if item.leaves and item.element is Element.PAGE}
    return tuple(field.page for field in fields if field.id in leaving and field.name is not None)


def _statement_asks(
    files: Sequence[StatementFile],
    fields: Sequence[Field],
    decisions: Decisions,
    answers: Answers,
    blind: tuple[int, ...],
) -> tuple[Ask, ...]:
    """What a person must say about the statements that would leave. Raises `StatementForbidden`.

    1. Where they say something that some law may forbid, or cannot be read, it must be known under which law they are
       made.
    2. What that law forbids is refused; nobody can confirm it away.
    3. What it may forbid, and what no rule can read, waits until a person confirms just that.
    """
    if not files:
        raise PolicyInvalid(
            "The policy requires rules over statements, and none are loaded; add them under statements/."
        )
    texts = spoken(fields, decisions)
    found = said(files, texts)
    if not found and not blind:
        return ()
    if not answers.signatories:
        return (Ask(decisions.medium, _who(found, blind)),)
    for one in found:
        for signatory, effect in one.effects(answers.signatories):
            if effect.severity == "stop":
                raise StatementForbidden(_forbidden(one, signatory, effect), rule=one.rule.id, page=one.page)
    warned = [one for one in found if any(one.effects(answers.signatories))]
    name = _name(answers, warned, blind, texts)
    if (not warned and not blind) or answers.statements == name:
        return ()
    return (Ask(decisions.medium, _confirm(warned, blind, answers, name), statements=name),)


def _who(found: Sequence[Said], blind: Sequence[int]) -> str:
    about = f"On page {found[0].page} the document {found[0].rule.title.en}." if found else ""
    unread = f"No rule can read all the text on {_pages(blind)}." if blind else ""
    return (
        f"{' '.join(filter(None, (about, unread)))} Under which law are its statements made? Answer with "
        "signatories: a list of countries in two capitals, such as DE."
    )


def _forbidden(one: Said, signatory: str, effect: Effect) -> str:
    instead = effect.instead.de if signatory in ("DE", "AT") and effect.instead.de else effect.instead.en
    return (
        f"On page {one.page} the document {one.rule.title.en}, which a signatory under the law of {signatory} may not "
        f"declare ({effect.basis}); have it signed anew with a clause such as: {instead}"
    )


def _confirm(warned: Sequence[Said], blind: Sequence[int], answers: Answers, name: str) -> str:
    told = [
        f"On page {one.page} the document {one.rule.title.en} ({effect.basis})."
        for one in warned[:_MOST_NAMED]
        for _, effect in list(one.effects(answers.signatories))[:1]
    ]
    if len(warned) > _MOST_NAMED:
        told.append(f"There are {len(warned) - _MOST_NAMED} more such places.")
    if blind:
        told.append(f"No rule can read all the text on {_pages(blind)}: read the statements there.")
    return f"{' '.join(told)} Have counsel look, then confirm that it may be declared with statements: {name}."


def _pages(numbers: Sequence[int]) -> str:
    listed = ", ".join(map(str, numbers[:20])) + (" and others" if len(numbers) > 20 else "")
    return f"page{'s' if len(numbers) > 1 else ''} {listed}"


def _name(
    answers: Answers, warned: Sequence[Said], blind: Sequence[int], texts: Sequence[Sequence[tuple[int, str]]]
) -> str:
    """A name for just these warnings over just this text: who confirms them repeats it."""
    told: Json = {
        "signatories": sorted(answers.signatories),
        "warned": [one.to_json() for one in warned],
        "blind": list(blind),
        "text": [[page, line] for page, line in texts[0]] if texts else [],
    }
    return hashlib.sha256(canonical(told)).hexdigest()[:32]
