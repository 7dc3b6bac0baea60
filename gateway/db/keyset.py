"""Part of a list, read by the order of its ids: what a page costs does not grow with what lies before it."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

_Query = TypeVar("_Query", bound=Select[*tuple[Any, ...]])


def part(
    query: _Query,
    key: InstrumentedAttribute[str],
    *,
    after: str | None,
    limit: int | None,
    newest_first: bool = False,
) -> _Query:
    """`query` sorted by `key`, from behind the id `after` on, at most `limit` rows; None means no bound."""
    if after is not None:
        query = query.where(key < after if newest_first else key > after)
    return query.order_by(key.desc() if newest_first else key).limit(limit)
