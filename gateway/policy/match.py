"""Whether one rule names one field, and why: the one place that answers, for deciding, explaining and linting."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gateway.formats.model import Element, Field
from gateway.policy.conditions import Context
from gateway.policy.kinds import Kind
from gateway.policy.model import Rule, TextPatterns
from gateway.policy.pages import spans
from gateway.policy.policy import Policy

_NUMBERS = re.compile(r"[0-9]{1,7}(/[0-9]{1,7})?")


_WORDS = {
    Element.TEXT: "line of text",
    Element.ANNOTATION: "annotation",
    Element.FORM_FIELD: "form field",
    Element.LAYER: "layer",
    Element.BLOCK: "block",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A field with everything that rules may ask of it.

    `classes` joins what the kind and the values say; `place` is what it may be called outside (`column 14`), never the
    original's own word.
    """

    field: Field
    classes: frozenset[str]
    place: str


@dataclass(frozen=True, slots=True)
class Match:
    """Whether a rule names a field, and the reason in one sentence.

    One that changes what it names permits a form and forbids every looser one. Where it does not permit (`applies`),
    because it holds for some of those in custody only or because an attribute is missing, it still forbids (`limits`).
    """

    rule: Rule
    applies: bool
    why: str
    limits: bool = False
    exception: str = ""


def place(field: Field, ordinal: int = 0) -> str:
    """`column 14` for `column/14`, `text 3/17` for `text/3/17`; an id that holds a word goes by `ordinal`."""
    number = field.id.partition("/")[2]
    return f"{field.element.value} {number if _NUMBERS.fullmatch(number) else ordinal}"


def subject(kind: Kind, field: Field, ordinal: int = 0) -> Subject:
    """`field` with the classes that its kind declares for it."""
    declared = kind.by_name[field.name].classes if field.name in kind.by_name else ()
    return Subject(field, field.classes | frozenset(declared), place(field, ordinal))


def match(rule: Rule, subject: Subject, context: Context) -> Match:
    """Whether `rule` names `subject` in `context`."""
    selected = _selected(rule, subject)
    if selected is None:
        return Match(rule, applies=False, why="It does not select this field.")
    if rule.when:
        forbids = not rule.do.shows and context.prohibits(rule.when)
        permits = context.permits(rule.when)
        if forbids and not rule.do.removes and not permits:
            return Match(
                rule,
                applies=False,
                limits=True,
                why="It selects this field, and may hold for some who would have it: nothing looser leaves.",
            )
        if not (forbids if rule.do.removes else permits):
            return Match(rule, applies=False, why="It selects this field, but not for this recipient, purpose or day.")
    if subject.field.element is Element.COLUMN and subject.field.name is None and not rule.do.removes:
        return Match(
            rule, applies=False, why="It selects the column's values, but a column without a name can only be withheld."
        )
    return Match(rule, applies=True, why=selected)


def considered(policy: Policy, subject: Subject, context: Context) -> list[Match]:
    """Every rule over `subject`. One that an exception loosens here has no say, and says by which exception."""
    loosened: dict[str, str] = {}
    granted: list[Match] = []
    for exception in policy.exceptions:
        seen = [replace(match(rule, subject, context), limits=False) for rule in exception.rules]
        granted += [replace(one, exception=exception.ref if one.applies else "") for one in seen]
        if any(one.applies for one in seen):
            loosened |= dict.fromkeys(exception.loosens, exception.ref)
    found = [match(rule, subject, context) for rule in policy.rules if rule.id not in loosened]
    yielding = [
        Match(rule, applies=False, why=f"The exception {loosened[rule.id]} loosens it here.")
        for rule in policy.rules
        if rule.id in loosened
    ]
    return [*found, *yielding, *granted]


def _selected(rule: Rule, subject: Subject) -> str | None:
    match subject.field.element:
        case Element.REGION:
            return _region(rule, subject)
        case Element.METADATA:
            names = (subject.field.label, subject.field.name or "")
            named = any(fits(glob, name) for glob in rule.select.metadata for name in names)
            named = named or any(fits(f"track:* {sort}", subject.field.label) for sort in rule.select.tracks)
            return "It selects this metadata." if named else None
        case Element.PAGE | Element.PICTURE as element:
            numbers = rule.select.pages if element is Element.PAGE else rule.select.pictures
            return f"It selects this {element.value}." if spans(subject.field, numbers) else None
        case Element.LAYER | Element.BLOCK:
            return _carrying(rule, subject.field)
        case Element.TEXT | Element.ANNOTATION | Element.FORM_FIELD:
            return _on_page(rule, subject)
    return _column(rule, subject)


def _region(rule: Rule, subject: Subject) -> str | None:
    regions, field = rule.select.regions, subject.field
    found = sorted(subject.classes & set(rule.select.classes))
    if found and rule.do.removes:
        return f"It selects the class {', '.join(found)}, which was read there."
    if regions is None or field.name not in regions.classes or regions.source not in (None, field.source.value):
        return None
    return f"It selects regions of the class {field.name}."


def _carrying(rule: Rule, field: Field) -> str | None:
    globs = rule.select.layers if field.element is Element.LAYER else rule.select.blocks
    return f"It selects this {_WORDS[field.element]}." if _any_fits(globs, (field.label,)) else None


def _on_page(rule: Rule, subject: Subject) -> str | None:
    select, field = rule.select, subject.field
    found = sorted(subject.classes & set(select.classes))
    if found:
        return f"It selects the class {', '.join(found)}, which this {_WORDS[field.element]} shows."
    if field.element is Element.TEXT:
        return "It selects this line of text." if select.text and _text(select.text, field) else None
    globs, names = {
        Element.ANNOTATION: (select.annotations, (field.name or "",)),
        Element.FORM_FIELD: (select.form_fields, (field.name or "",)),
    }[field.element]
    return f"It selects this {_WORDS[field.element]}." if _any_fits(globs, names) else None


def _text(wanted: TextPatterns, field: Field) -> bool:
    said = not wanted.patterns or _any_fits(wanted.patterns, (field.label, *field.headings))
    # Only in a drawing a text has a layer, and by a layer no other text is meant.
    stands = not wanted.layers or (bool(field.on) and _any_fits(wanted.layers, (field.layer,)))
    return said and stands


def _any_fits(globs: Iterable[str], names: Iterable[str]) -> bool:
    flat = [_flat(name) for name in names]
    return any(fits(_flat(glob), name) for glob in globs for name in flat)


def _column(rule: Rule, subject: Subject) -> str | None:
    select, field = rule.select, subject.field
    found = sorted(subject.classes & set(select.classes))
    if found:
        return f"It selects the class {', '.join(found)}, which this column holds or is declared to hold."
    if field.name and any(fits(glob, field.name) for glob in select.fields):
        return f"It selects the field {field.name}."
    if any(fits(_flat(glob), _flat(field.label)) for glob in select.headers):
        return "It selects this column's header."
    return None


def fits(glob: str, text: str) -> bool:
    """Whether `text` fits `glob`, in which `*` stands for any run of characters; the cost is linear."""
    if "*" not in glob:
        return glob == text
    first, *middle, last = glob.split("*")
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, stop = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, stop)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _flat(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
