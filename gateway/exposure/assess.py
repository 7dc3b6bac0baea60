"""The one entry of the room: a rendition of a table, held against a policy's limits.

Whatever the limits say, nothing may be worked out: order and number of rows, linked columns and arithmetic are always
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.exposure.anonymity import anonymity
from gateway.exposure.cells import cells
from gateway.exposure.disclosure import Disclosure, crowd, disclosure
from gateway.exposure.findings import Found
from gateway.exposure.linked import linked
from gateway.exposure.order import row_count, row_order
from gateway.exposure.problems import EntityUnknown
from gateway.exposure.profiles import profiles
from gateway.exposure.reconstruct import reconstruct
from gateway.formats.model import Field, Plan, Rebuilt, Table
from gateway.policy.risk import Risk
from gateway.render.model import Assessment


def assess(risk: Risk, table: Table, fields: tuple[Field, ...], plan: Plan, rebuilt: Rebuilt) -> Assessment:
    """What the rendition tells, held against `risk`. Raises `EntityUnknown` where the original has no such column."""
    return assessed(risk, disclosure(table, fields, plan, rebuilt))


def assessed(risk: Risk, seen: Disclosure) -> Assessment:
    """The same over what leaves beside what is true."""
    found = list(_all(risk, seen))
    return Assessment(
        limits={name: str(limit) for name, limit in risk.limits.items().items()},
        exceeded=tuple(one.exceeded for one in found),
        witnesses=tuple(one.witness for one in found),
    )


def _all(risk: Risk, seen: Disclosure) -> Iterator[Found]:
    people = crowd(seen, risk)
    if people is None:
        raise EntityUnknown(
            f"The limits on risk count {risk.entity}, and no column of the original is that; answer which one is."
        )
    yield from anonymity(seen, people, risk)
    yield from profiles(seen, people, risk)
    yield from cells(seen, people, risk)
    yield from reconstruct(seen, risk)
    yield from linked(seen, risk)
    yield from row_order(seen)
    yield from row_count(seen)
