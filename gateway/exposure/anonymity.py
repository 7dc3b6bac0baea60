"""How small the crowds are in which rows and entities hide: k-anonymity (Samarati and Sweeney), l-diversity
(Machanavajjhala and others), t-closeness (Li and others), over what the rendition shows and who is truly behind it.

A combination is what all quasi-identifiers show in a row. k is the fewest rows of one, `k_entities` the fewest
entities; l the fewest values that a sensitive column shows within one; t the largest distance of their distribution
within one from that of the whole: half the sum of the differences for words, the mean of the cumulated differences
for numbers, bands and periods, whose values have an order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from gateway.exposure.disclosure import Crowd, Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.formats.model import Op
from gateway.formats.transforms import Unreadable, day, number
from gateway.policy.risk import Limits, Risk

_PERIOD = re.compile(r"\d{4}-")
_FIRST_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_TOLERANCE = 1e-9


def anonymity(seen: Disclosure, people: Crowd, risk: Risk) -> Iterator[Found]:
    """Every limit on combinations that does not hold."""
    quasi, limits = seen.shown(risk.quasi_identifiers), risk.limits
    if not quasi or not len(people.rows):
        return
    frame, keys = people.frame(quasi), [str(n) for n in range(len(quasi))]
    places = tuple(one.title for one in quasi)
    counted = [pl.len().alias("rows"), pl.col("row").min()]
    if people.entities is not None:
        counted.append(pl.col("entity").n_unique().alias("entities"))
    groups = frame.lazy().group_by(keys).agg(counted).collect()
    yield from _fewest(groups, "rows", "k", limits.k, places, "rows")
    yield from _fewest(groups, "entities", "k_entities", limits.k_entities, places, "entities")
    if limits.unique_rows is not None:
        alone = groups.filter(pl.col("rows") == 1)
        observed = alone.height / frame.height
        if observed > float(limits.unique_rows):
            yield Found(
                "unique_rows", limits.unique_rows, share(observed), places,
                "Too many rows stand alone with what their quasi-identifiers show.", few(alone["row"]),
            )  # fmt: skip
    for one in seen.shown(risk.sensitive):
        yield from _sensitive(people, quasi, one, limits)


def _fewest(
    groups: pl.DataFrame, column: str, check: str, limit: int | None, places: tuple[str, ...], what: str
) -> Iterator[Found]:
    if limit is None or column not in groups.columns:
        return
    small = groups.filter(pl.col(column) < limit).sort(column, "row")
    if small.height:
        observed = small.item(0, column)
        sentence = (
            f"A combination of quasi-identifiers stands for {observed} {what}, and {limit} are the fewest allowed."
        )
        yield Found(check, str(limit), str(observed), places, sentence, few(small["row"].head(5)))


def _sensitive(people: Crowd, quasi: list[Seen], one: Seen, limits: Limits) -> Iterator[Found]:
    keys = [str(n) for n in range(len(quasi))]
    value = str(len(quasi))
    counts = people.frame([*quasi, one]).lazy().group_by([*keys, value]).agg(n=pl.len(), row=pl.col("row").min())
    cells = counts.collect()
    if limits.diversity is not None:
        poor = cells.group_by(keys).agg(values=pl.len(), row=pl.col("row").min())
        poor = poor.filter(pl.col("values") < limits.diversity).sort("values", "row")
        if poor.height:
            yield Found(
                "l", str(limits.diversity), str(poor.item(0, "values")), (one.title,),
                f"A combination of quasi-identifiers goes with fewer than {limits.diversity} values of {one.title}.",
                few(poor["row"].head(5)),
            )  # fmt: skip
    if limits.t is not None:
        distant = distances(cells, keys, value, ordered=_ordered(one)).sort("t", descending=True)
        if distant.item(0, "t") > float(limits.t) + _TOLERANCE:
            yield Found(
                "t", limits.t, share(distant.item(0, "t")), (one.title,),
                f"What {one.title} shows within a combination of quasi-identifiers is too far from the whole.",
                few(distant["row"].head(1)),
            )  # fmt: skip


def distances(cells: pl.DataFrame, keys: list[str], value: str, *, ordered: bool) -> pl.DataFrame:
    """For every combination of `keys` the distance `t` of its distribution of `value` from that of all, and a `row`.

    `cells` counts, as `n`, how often each value goes with each combination.
    """
    whole = cells.group_by(value).agg(pl.col("n").sum()).with_columns(p=pl.col("n") / pl.col("n").sum()).drop("n")
    groups = cells.group_by(keys).agg(pl.col("n").sum().alias("size"), pl.col("row").min())
    if not ordered:
        # What a combination lacks falls short by as much as what it has exceeds.
        each = cells.lazy().join(whole.lazy(), on=value).join(groups.lazy().select(*keys, "size"), on=keys)
        excess = (pl.col("n") / pl.col("size") - pl.col("p")).clip(0)
        return each.group_by(keys).agg(t=excess.sum(), row=pl.col("row").min()).collect()
    whole = whole.with_columns(_rank(whole[value])).sort("rank").with_columns(up_to=pl.col("p").cum_sum())
    steps = whole.height - 1
    if steps < 1:
        return groups.select(*keys, pl.lit(0.0).alias("t"), "row")
    # |F(v) - G(v)| is constant in F between the values that a combination has: sums of |F - c| come from prefix sums.
    return _cumulated(cells, keys, value, whole, groups, steps)


def _cumulated(
    cells: pl.DataFrame, keys: list[str], value: str, whole: pl.DataFrame, groups: pl.DataFrame, steps: int
) -> pl.DataFrame:
    up_to = whole["up_to"].to_numpy()
    prefix = pl.Series("prefix", up_to).cum_sum().to_numpy()
    each = cells.join(whole.select(value, "rank"), on=value).join(groups.select(*keys, "size"), on=keys)
    each = each.sort(*keys, "rank").with_columns(c=(pl.col("n") / pl.col("size")).cum_sum().over(keys))
    following = pl.col("rank").shift(-1).over(keys).fill_null(steps + 1)
    each = each.with_columns(end=following, first=pl.col("rank") == pl.col("rank").min().over(keys))
    start, end = each["rank"].to_numpy(), each["end"].to_numpy()
    c, first = each["c"].to_numpy(), each["first"].to_numpy()
    # Where F passes c, between start and end; before the first value c is 0.
    cut = up_to.searchsorted(c, side="left").clip(start, end)
    padded = pl.concat([pl.Series([0.0]), pl.Series(prefix)]).to_numpy()
    below = c * (cut - start) - (padded[cut] - padded[start])
    above = (padded[end] - padded[cut]) - c * (end - cut)
    before = padded[start] * first
    each = each.with_columns(area=pl.Series(below + above + before))
    return each.group_by(keys).agg(t=pl.col("area").sum() / steps, row=pl.col("row").min())


def _rank(values: pl.Series) -> pl.Series:
    """Where each value stands in their order: numbers and bands by number, periods and words by their letters."""
    order = sorted(range(len(values)), key=lambda at: _sort_key(str(values[at])))
    rank = [0] * len(values)
    for place, at in enumerate(order):
        rank[at] = place
    return pl.Series("rank", rank, dtype=pl.Int64)


def _sort_key(text: str) -> tuple[int, Decimal, bool, str]:
    for order, read in enumerate((number, _day)):
        try:
            return order, read(text), True, text
        except Unreadable:
            continue
    found = _FIRST_NUMBER.search(text)
    if found is None or _PERIOD.match(text):
        return 3, Decimal(0), True, text
    return 0, Decimal(found[0]), not text.startswith("<"), text


def _day(text: str) -> Decimal:
    return Decimal(day(text).toordinal())


def _ordered(one: Seen) -> bool:
    ops = {case.transform.op for case in one.cases if not case.withholds}
    return ops <= {Op.BUCKET, Op.ROUND, Op.TRUNCATE_DATE} or (
        ops <= {Op.ALLOW, Op.ROUND} and one.value_type in {"decimal", "integer", "date"}
    )
