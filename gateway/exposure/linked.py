"""Columns that are one another's name: what is withheld stands one to one beside what leaves as it is."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gateway.exposure.disclosure import Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.exposure.numbers import numbers
from gateway.formats.model import Op
from gateway.policy.risk import Risk

_FEWEST_VALUES = 5
_FEWEST_TIMES = 2


def linked(seen: Disclosure, risk: Risk) -> Iterator[Found]:
    """Every column that leaves otherwise than it is and is told by another that leaves as it is.

    Told by the entity itself is told about somebody whom the policy names; numbers are `reconstruct`'s.
    """
    telling = [one for one in seen.leaving if one.as_it_is and one.name != risk.entity]
    for hidden in seen.columns:
        if bool(hidden.done(Op.ALLOW).any()) or numbers(hidden) is not None:
            continue
        for one in telling:
            rows = _one_to_one(hidden, one)
            if rows is not None:
                yield Found(
                    "linked", "none", share(1.0), (hidden.title, one.title),
                    f"{one.title} leaves as it is and stands one to one for {hidden.title}, which does not.", few(rows),
                )  # fmt: skip


def _one_to_one(hidden: Seen, shown: Seen) -> list[int] | None:
    frame = pl.DataFrame({"hidden": hidden.truth, "shown": shown.truth}).with_row_index("row")
    frame = frame.filter(pl.all_horizontal(pl.col("hidden", "shown").str.strip_chars() != ""))
    count = frame["hidden"].n_unique()
    if count < _FEWEST_VALUES or frame["shown"].n_unique() != count or frame.height < _FEWEST_TIMES * count:
        return None
    pairs = frame.group_by("hidden", "shown").agg(pl.col("row").min())
    return pairs["row"].head(5).to_list() if pairs.height == count else None
