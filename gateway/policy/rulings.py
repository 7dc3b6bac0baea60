"""What the rules that name one field come to: the strictest wins, row by row, and nothing is settled by file order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from gateway.policy.actions import Action, compare
from gateway.policy.decisions import Ruling, Where
from gateway.policy.match import Match
from gateway.policy.problems import RulesIncomparable


def rulings_for(matches: Sequence[Match], present: frozenset[str]) -> tuple[Ruling, ...]:
    """What rules that name a field come to, strictest first. `present` are the columns that `where` may ask.

    Where `where` asks for a missing column, a rule that removes holds in every row, one that shows in none, and one
    that changes forbids what is looser in every row; one that cannot be carried out without the column withholds. What
    only forbids shows nothing by itself: it holds in those rows in which another rule permits something. Raises
    `RulesIncomparable`.
    """
    found: list[Ruling] = []
    limits: list[Ruling] = []
    # Among equally strict rules the final one speaks, then the first by name: never the order of the file.
    for seen in sorted(matches, key=lambda seen: (not seen.rule.final, seen.rule.id)):
        rule = seen.rule
        known = all(name in present for name in rule.asks)
        ruling = Ruling(
            rule.id,
            rule.do,
            rule.where if known else (),
            0,
            rule.present is not None,
            rule.because,
            rule.present == "in_every_row",
            rule.not_only,
            exception=seen.exception,
        )
        if rule.do.removes or (seen.applies and known):
            found.append(ruling)
        elif not present.issuperset(rule.do.asks):
            found.append(replace(ruling, action=Action("drop"), where=(), required=False))
        elif not rule.do.shows:
            limits.append(replace(ruling, required=False))
    permits = [ruling for ruling in found if not ruling.action.removes]
    found += [one for limit in limits for one in _limited(limit, permits)]
    _require_comparable(found)
    found.sort(key=lambda ruling: (*ruling.action.order, not ruling.everywhere))
    kept: list[Ruling] = []
    for ruling in found:
        kept.append(replace(ruling, rank=int(ruling.action.order[0]) * 1000 + len(kept)))
        if ruling.everywhere:
            break
    return tuple(kept)


def _limited(limit: Ruling, permits: Sequence[Ruling]) -> Iterator[Ruling]:
    """What only forbids, in the rows in which one of `permits` holds as well."""
    wheres = {_both(limit.where, permit.where): None for permit in permits if not disjoint(limit.where, permit.where)}
    yield from (replace(limit, where=where) for where in wheres)


def _both(one: Where, other: Where) -> Where:
    """The rows that satisfy both."""
    sets = dict(one)
    for name, values in other:
        sets[name] = sets.get(name, values) & values
    return tuple(sorted(sets.items()))


def disjoint(a: Where, b: Where) -> bool:
    """Whether no row can satisfy both."""
    left, right = dict(a), dict(b)
    return any(not left[name] & right[name] for name in left.keys() & right.keys())


def _require_comparable(found: Sequence[Ruling]) -> None:
    for position, one in enumerate(found):
        for other in found[position + 1 :]:
            if compare(one.action, other.action) is None and not disjoint(one.where, other.where):
                first, second = sorted((one.rule, other.rule))
                raise RulesIncomparable(
                    f"The rules {first} and {second} name the same field and neither is stricter; "
                    "make one of them stricter or narrow its selection."
                )
