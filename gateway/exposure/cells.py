"""Cells that a recipient can add up: who contributes to each, and whether one of them is nearly all of it.

A cell is a combination of the quasi-identifiers that are no measures. A measure counts where it leaves as a number,
exact or rounded; what leaves in bands cannot be added up.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gateway.exposure.disclosure import Crowd, Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.exposure.numbers import numbers
from gateway.formats.model import Op
from gateway.policy.risk import Risk

_NUMBERS = frozenset({"decimal", "integer"})


def cells(seen: Disclosure, people: Crowd, risk: Risk) -> Iterator[Found]:
    """Every limit on cells that does not hold."""
    if people.entities is None or not len(people.rows):
        return
    measures = seen.shown(risk.measures) or _numbers(seen.shown(risk.quasi_identifiers))
    by = [one for one in seen.shown(risk.quasi_identifiers) if one not in measures]
    keys = [str(n) for n in range(len(by))]
    frame = people.frame(by)
    limit = risk.limits.min_contributors
    if limit is not None:
        grouped = frame.group_by(keys) if keys else frame.with_columns(pl.lit(0).alias("0")).group_by("0")
        few_ones = grouped.agg(n=pl.col("entity").n_unique(), row=pl.col("row").min()).filter(pl.col("n") < limit)
        if few_ones.height:
            few_ones = few_ones.sort("n", "row")
            observed = few_ones.item(0, "n")
            yield Found(
                "min_contributors", str(limit), str(observed), tuple(one.title for one in by),
                f"A cell has {observed} contributors, and {limit} are the fewest allowed.",
                few(few_ones["row"].head(5)),
            )  # fmt: skip
    if risk.limits.dominance is not None:
        for measure in measures:
            yield from _dominated(people, by, measure, risk.limits.dominance)


def _dominated(people: Crowd, by: list[Seen], measure: Seen, limit: str) -> Iterator[Found]:
    values, exact = numbers(measure), measure.done(Op.ALLOW, Op.ROUND)
    if values is None or not exact[people.rows].any():
        return
    keys = [str(n) for n in range(len(by))] or ["all"]
    frame = people.frame(by).with_columns(
        v=pl.Series(values[people.rows]).fill_nan(0).abs(), adds=pl.Series(exact[people.rows]), all=pl.lit(0)
    )
    each = frame.lazy().filter("adds").group_by([*keys, "entity"]).agg(pl.col("v").sum(), pl.col("row").min())
    top = each.group_by(keys).agg(
        share=pl.col("v").max() / pl.col("v").sum(), row=pl.col("row").get(pl.col("v").arg_max())
    )
    over = top.filter(pl.col("share").is_not_nan() & (pl.col("share") > float(limit))).sort("share", descending=True)
    found = over.collect()
    if found.height:
        yield Found(
            "dominance", limit, share(found.item(0, "share")), (measure.title,),
            f"One entity is more of a cell's {measure.title} than the limit allows, so that the sum tells it.",
            few(found["row"].head(5)),
        )  # fmt: skip


def _numbers(columns: list[Seen]) -> list[Seen]:
    return [one for one in columns if one.value_type in _NUMBERS]
