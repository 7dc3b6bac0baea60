"""One shape for whatever a check finds, and how far it goes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.render.model import Exceeded, Witness

MOST_ROWS = 5
# The first row of a spreadsheet is its header.
_FIRST_ROW = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A limit that does not hold: `sentence` says so without any value; `rows`, from 0, show it."""

    check: str
    limit: str
    observed: str
    places: tuple[str, ...]
    sentence: str
    rows: tuple[int, ...]
    advice: str = ""

    @property
    def exceeded(self) -> Exceeded:
        """What everyone may know who sees the rendition's state."""
        return Exceeded(self.check, self.limit, self.observed, self.places, self.sentence)

    @property
    def witness(self) -> Witness:
        """What only those may know who may open the original."""
        return Witness(self.check, tuple(row + _FIRST_ROW for row in self.rows[:MOST_ROWS]), self.advice)


def few(rows: Iterable[int]) -> tuple[int, ...]:
    """The first of these rows."""
    return tuple(sorted(int(row) for row in rows)[:MOST_ROWS])


def share(value: float) -> str:
    """A share as limits are written."""
    return f"{value:.4f}".rstrip("0").rstrip(".") or "0"
