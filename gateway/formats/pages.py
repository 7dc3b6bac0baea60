"""What every format of documents shares once it is read as pages: what policies can name on them, and new pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from gateway.base.units import GIB, MIB
from gateway.formats import write_document
from gateway.formats.model import Content, Element, Field, Mark, Pages, Plan, Rebuilt
from gateway.formats.page_runs import page_fields
from gateway.sandbox.ports import Limits

LIMITS = Limits(memory_bytes=GIB, cpu_s=8, wall_s=30, output_bytes=512 * MIB)


class PagesFormat:
    """A format whose content is pages. `classes_of` says which classes a text shows."""

    def __init__(self, classes_of: Callable[[Sequence[str]], frozenset[str]], limits: Limits | None = None) -> None:
        self._classes_of = classes_of
        self._limits = limits or LIMITS

    def survey(self, content: Content) -> tuple[Field, ...]:
        """Every page and what it shows, page by page, then what is beside the pages."""
        pages = pages_in(content)
        beside = (Field(f"metadata/{part}", Element.METADATA, label=part, name=part, count=1) for part in pages.parts)
        return (*page_fields(pages.pages, self._classes_of), *beside)

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """How many pages hold text that nobody sees, and how many show text that gives no words."""
        pages = pages_in(content)
        counts = {
            "format:hidden-text": sum(part.startswith("hidden:") for part in pages.parts),
            "format:unreadable-text": sum(page.unreadable for page in pages.pages),
        }
        return {rule: count for rule, count in counts.items() if count}

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """What a run of words, an annotation or a form field says; a part's text; nothing for a page or region."""
        pages = pages_in(content)
        match field.element:
            case Element.TEXT | Element.ANNOTATION | Element.FORM_FIELD:
                return (field.label,)
            case Element.METADATA:
                return (pages.parts[field.label],)
        return ()

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """A new document of the pages that the plan allows, without what it withholds on them."""
        del secret  # the visible mark names the release itself; nothing here is keyed
        pages = pages_in(content)
        rebuilt = self.written(pages, plan, mark)
        return replace(rebuilt, redactions={**rebuilt.redactions, **self.left_behind(pages)})

    def written(self, pages: Pages, plan: Plan, mark: Mark) -> Rebuilt:
        """The pages that the plan allows, as this format writes them."""
        return write_document.rebuild(pages, plan, mark)


def pages_in(content: Content) -> Pages:
    """The content of these formats. Raises `TypeError` for any other."""
    if not isinstance(content, Pages):
        raise TypeError("this format rebuilds documents")
    return content
