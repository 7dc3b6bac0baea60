"""What is special about documents: which pages a rule means, which lines hold a reviewer's words, what is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gateway.base.text import comparable
from gateway.formats.model import Element, Field
from gateway.policy.problems import AnswersInvalid

DOCUMENT = "document"


def spans(field: Field, names: Iterable[str]) -> bool:
    """Whether one of `all`, `first`, `last`, `4`, `2-5` means the page `field`, whose `count` is that of all pages."""
    return any(_spans(name, field.page, field.count) for name in names)


def holding(terms: Sequence[str], fields: Iterable[Field]) -> frozenset[str]:
    """The ids of the lines, annotations and form fields that hold one of `terms`, also across the ends of lines.

    Case, width and spaces do not matter. Raises `AnswersInvalid` for a term that stands nowhere: it would be thought
    covered.
    """
    wanted = [_flat(term) for term in terms]
    seen: set[str] = set()
    found: set[str] = set()
    for page in _pages(fields) if wanted else ():
        text = "".join(flat for _, flat in page)
        for term in wanted:
            at = text.find(term)
            while at >= 0:
                seen.add(term)
                found.update(_touched(page, at, at + len(term)))
                at = text.find(term, at + 1)
    for number, term in enumerate(wanted, start=1):
        if term not in seen:
            raise AnswersInvalid(
                f"The term {number} stands nowhere in the text that can be read; correct it, or draw a region over it."
            )
    return frozenset(found)


def question(leaving: Sequence[Field]) -> str:
    """What a person must confirm before the pages `leaving` may leave."""
    blind = [str(field.page) for field in leaving if field.name is not None]
    asked = "Was every page looked at, and is everything marked? Confirm it."
    if not blind:
        return asked
    listed = ", ".join(blind[:20]) + (" and others" if len(blind) > 20 else "")
    return f"No rule can read all the text on the pages {listed}: draw regions over what must not leave. {asked}"


def _spans(name: str, page: int, count: int) -> bool:
    if name in ("all", "first", "last"):
        return name == "all" or page == (1 if name == "first" else count)
    first, _, last = name.partition("-")
    return int(first) <= page <= int(last or first)


def _pages(fields: Iterable[Field]) -> list[list[tuple[str, str]]]:
    """Page by page the lines as they follow one another; what lies on a page stands for itself."""
    texts: dict[int, list[tuple[str, str]]] = {}
    alone = []
    for field in fields:
        if field.element is Element.TEXT:
            texts.setdefault(field.page, []).append((field.id, _flat(field.label)))
        elif field.element in (Element.ANNOTATION, Element.FORM_FIELD):
            alone.append([(field.id, _flat(field.label))])
    return [*texts.values(), *alone]


def _touched(page: Sequence[tuple[str, str]], start: int, end: int) -> Iterable[str]:
    at = 0
    for field_id, flat in page:
        if at < end and start < at + len(flat):
            yield field_id
        at += len(flat)


def _flat(text: str) -> str:
    return "".join(comparable(text).split())
