"""How a document leaves. Stands in until the writer of `pages-out` is merged."""

from __future__ import annotations

from gateway.formats.model import Mark, Pages, Plan, Rebuilt


def rebuild(pages: Pages, plan: Plan, mark: Mark) -> Rebuilt:
    """A new PDF of the pages that `plan` allows."""
    raise NotImplementedError
