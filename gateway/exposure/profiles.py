"""Entity by entity: rows that hang together under one pseudonym make a profile, and a profile may be unique.

Coarse rows protect no one whose rows can be joined: in an order book without a single unique row, cut to countries and
quarters, 31 % of the pseudonyms had a combination of both that no other had.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from gateway.exposure.disclosure import Crowd, Disclosure, Seen
from gateway.exposure.findings import Found, few, share
from gateway.policy.risk import Risk

_SEEDS = (0x5EED, 0xFACE)


def profiles(seen: Disclosure, people: Crowd, risk: Risk) -> Iterator[Found]:
    """Whether too many profiles are unique, by whatever column joins the most rows of an entity."""
    limit = risk.limits.unique_profiles
    quasi = seen.shown(risk.quasi_identifiers)
    if limit is None or people.entities is None or not quasi or not len(people.rows):
        return
    joining = [one for one in seen.leaving if one not in quasi]
    groups = _joined(people, joining)
    if groups is None:
        return
    frame = people.frame(quasi).with_columns(groups.alias("group"))
    keys = [str(n) for n in range(len(quasi))]
    hashed = [pl.struct(keys).hash(seed).alias(f"h{seed}") for seed in _SEEDS]
    # Sums of hashes say whether two entities show the same combinations equally often, in whatever order.
    profile = [pl.col(f"h{seed}").sum() for seed in _SEEDS]
    each = frame.lazy().with_columns(hashed).group_by("group").agg(*profile, pl.len().alias("n"), pl.col("row").min())
    same = [f"h{seed}" for seed in _SEEDS]
    counted = each.with_columns(times=pl.len().over(*same, "n")).collect()
    unique = counted.filter(pl.col("times") == 1)
    observed = unique.height / counted.height
    if observed > float(limit):
        yield Found(
            "unique_profiles", limit, share(observed), tuple(one.title for one in quasi),
            "Rows that hang together under one pseudonym show a profile that no other has, for too many of them.",
            few(unique["row"].head(5)), "Cut the quasi-identifiers coarser, or give pseudonyms the scope row.",
        )  # fmt: skip


def _joined(people: Crowd, columns: list[Seen]) -> pl.Series | None:
    """Rows of the crowd by what joins them: the column that tells entities apart in the fewest groups; None where no
    two rows are joined.
    """
    best: pl.Series | None = None
    fewest = len(people.rows)
    for one in columns:
        frame = people.frame([one])
        groups = frame.group_by("0").agg(pl.col("entity").n_unique())
        if groups["entity"].max() == 1 and groups.height < fewest:
            best, fewest = frame["0"], groups.height
    if best is None and len(people.rows) == people.frame([])["entity"].n_unique():
        # One row each: every row is a profile.
        best = pl.Series(people.rows)
    return best
