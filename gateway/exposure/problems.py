"""Refusals of this room."""

from __future__ import annotations

from gateway.base.problems import Refused


class EntityUnknown(Refused):
    """The original does not say whose a row is, so that nobody can be counted."""

    slug = "entity-unknown"
    title = "The original does not say whose its rows are"
