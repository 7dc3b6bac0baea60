"""What the order and the number of rows tell: neither is a cell, and both can be read.

Order: rows that stand in the order of a withheld column, or side by side with those that share a withheld value. The
renderer's keyed order gives nothing of either; this holds whatever makes the rendition. Number: as many rows of an
entity as a withheld count says.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.exposure.disclosure import Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.exposure.numbers import numbers
from gateway.formats.coded import Coded

# So many standard deviations happen by chance once in a thousand million releases.
_BY_CHANCE = 6.0
_FEWEST_ROWS = 10
_FEWEST_GROUPS = 3
_MOST = 0.9


def row_order(seen: Disclosure) -> Iterator[Found]:
    """Every column that does not leave as it is, and whose values the order of rows follows or gathers."""
    if seen.rows < _FEWEST_ROWS:
        return
    for one in seen.columns:
        if one.as_it_is:
            continue
        standing = _ranks(one)[seen.order]
        if standing.min() == standing.max():
            continue
        follows = _correlation(standing) * np.sqrt(seen.rows - 1)
        if abs(follows) >= _BY_CHANCE or _sorted(standing):
            what = "The order of the rows is that of"
        elif _gathered(standing) >= _BY_CHANCE:
            what = "Rows stand side by side that share a value of"
        else:
            continue
        yield Found(
            "row_order", "none", share(abs(_correlation(standing))), (one.title,),
            f"{what} {one.title}, which does not leave as it is.", few(seen.order[:5]),
        )  # fmt: skip


def row_count(seen: Disclosure) -> Iterator[Found]:
    """Every withheld number that is how many rows a shown value has."""
    groups = [one for one in seen.leaving if one.shown is not None]
    for counted in seen.columns:
        if counted.as_it_is or (said := numbers(counted)) is None:
            continue
        for one in groups:
            if one is counted or one.shown is None:
                continue
            frame = pl.DataFrame({"by": one.shown, "said": said}).with_row_index("row")
            each = frame.group_by("by").agg(pl.len().alias("n"), pl.col("said").min(), pl.col("row").min(),
                                            same=pl.col("said").n_unique() == 1)  # fmt: skip
            told = each.filter(pl.col("same") & (pl.col("n") == pl.col("said")))
            if told.height >= _FEWEST_GROUPS and told.height >= _MOST * each.height and told["n"].n_unique() > 1:
                yield Found(
                    "row_count", "none", share(told.height / each.height), (counted.title, one.title),
                    f"How often {one.title} has the same value is {counted.title}, which does not leave as it is.",
                    few(told["row"].head(5)),
                )  # fmt: skip


def _ranks(one: Seen) -> NDArray[np.float64]:
    """The place of every cell among all, the same for the same; of numbers by their size."""
    values = numbers(one)
    if values is None:
        coded = Coded.of(one.truth.str.strip_chars())
        values = coded.values.rank("dense").to_numpy().astype(np.float64)[coded.codes]
    return pl.Series(np.nan_to_num(values, nan=-np.inf)).rank("average").to_numpy()


def _correlation(standing: NDArray[np.float64]) -> float:
    """Spearman's, with the places."""
    return float(np.corrcoef(standing, np.arange(len(standing)))[0, 1])


def _sorted(standing: NDArray[np.float64]) -> bool:
    steps = np.diff(standing)
    return len(np.unique(standing)) >= _FEWEST_ROWS and bool((steps >= 0).all() or (steps <= 0).all())


def _gathered(standing: NDArray[np.float64]) -> float:
    """By how many standard deviations more neighbours are alike than in a random order."""
    _, times = np.unique(standing, return_counts=True)
    expected = float((times * (times - 1)).sum()) / len(standing)
    alike = float((np.diff(standing) == 0).sum())
    # With nearly all cells alike nothing can be told from neighbours.
    if expected > len(standing) / 2:
        return 0.0
    return (alike - expected) / float(np.sqrt(expected + 1))
