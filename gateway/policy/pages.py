"""What is special about documents and drawings: which pages a rule means, which texts hold a reviewer's words, what is
asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from gateway.base.text import comparable
from gateway.formats.model import Element, Field
from gateway.formats.page_order import orders
from gateway.policy.problems import AnswersInvalid

DOCUMENT, DRAWING = "document", "drawing"
LOOKED_AT = (
    "Was the whole drawing looked at? No rule can read letters that are drawn as lines: draw regions over what must "
    "not leave, and confirm it."
)

_HYPHENS = re.compile("[-\u2010\u2011]")


def spans(field: Field, names: Iterable[str]) -> bool:
    """Whether one of `all`, `first`, `last`, `4`, `2-5` means the page or picture `field`; `count` is that of all."""
    number = int(field.name or 0) if field.element is Element.PICTURE else field.page
    return any(_spans(name, number, field.count) for name in names)


def holding(terms: Sequence[str], fields: Iterable[Field]) -> frozenset[str]:
    """The ids of the lines, annotations and form fields that hold one of `terms`, also across the ends of lines.

    Lines follow one another as they come, from left to right, or down a column. Case, width, spaces and hyphens do not
    matter. Raises `AnswersInvalid` for a term that stands nowhere: it would be thought
    covered.
    """
    wanted = [_flat(term) for term in terms]
    seen: set[str] = set()
    found: set[str] = set()
    for texts in _in_order(fields) if wanted else ():
        text = "".join(flat for _, flat in texts)
        for term in wanted:
            at = text.find(term)
            while at >= 0:
                seen.add(term)
                found.update(_touched(texts, at, at + len(term)))
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


def _spans(name: str, number: int, count: int) -> bool:
    if name in ("all", "first", "last"):
        return name == "all" or number == (1 if name == "first" else count)
    first, _, last = name.partition("-")
    return int(first) <= number <= int(last or first)


def _in_order(fields: Iterable[Field]) -> Iterator[list[tuple[str, str]]]:
    """Page by page the lines as they may follow one another; what lies on a page stands for itself."""
    pages: dict[int, list[Field]] = {}
    for field in fields:
        if field.element is Element.TEXT and field.box is not None:
            pages.setdefault(field.page, []).append(field)
        elif field.element in (Element.TEXT, Element.ANNOTATION, Element.FORM_FIELD):
            yield [(field.id, _flat(field.label))]
    for texts in pages.values():
        flat = [(field.id, _flat(field.label)) for field in texts]
        for order in orders([field.box for field in texts if field.box is not None]):
            yield [flat[place] for place in order]


def _touched(page: Sequence[tuple[str, str]], start: int, end: int) -> Iterable[str]:
    at = 0
    for field_id, flat in page:
        if at < end and start < at + len(flat):
            yield field_id
        at += len(flat)


def _flat(text: str) -> str:
    """Without spaces, and without hyphens, since lines break at them; a text of hyphens alone keeps them."""
    flat = "".join(comparable(text).split())
    return _HYPHENS.sub("", flat) or flat
