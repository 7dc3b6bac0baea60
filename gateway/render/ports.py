"""What the choreography asks of others."""

from __future__ import annotations

from typing import Protocol

from gateway.formats.model import Field, Plan, Rebuilt, Table
from gateway.policy.risk import Risk
from gateway.render.model import Assessment


class Assessor(Protocol):
    """Says what a rendition of a table tells beyond what it shows, held against a policy's limits."""

    def __call__(self, risk: Risk, table: Table, fields: tuple[Field, ...], plan: Plan, rebuilt: Rebuilt) -> Assessment:
        """`fields` have their canonical names. Raises `Refused` where the limits cannot be checked."""
        ...
