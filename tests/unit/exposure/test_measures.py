"""The measures beside slow plain references, and exact bounds beside every solution there is."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from itertools import product
from random import Random

import polars as pl
import pytest

from gateway.exposure.anonymity import distances
from gateway.exposure.simplex import Span, exact_bounds

Row = tuple[str, str, str]


def _rows(random: Random) -> list[Row]:
    return [
        (random.choice("abc"), random.choice("xy"), str(random.choice((1, 2, 5, 9, 30))))
        for _ in range(random.randint(2, 60))
    ]


def _reference(rows: list[Row], *, ordered: bool) -> dict[tuple[str, str], float]:
    """t by its definition, value by value."""
    values = sorted({value for *_, value in rows}, key=int)
    whole = Counter(value for *_, value in rows)
    groups: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for a, b, value in rows:
        groups[a, b][value] += 1
    found = {}
    for key, counts in groups.items():
        gaps = [counts[value] / counts.total() - whole[value] / len(rows) for value in values]
        if ordered:
            sums = [abs(sum(gaps[: n + 1])) for n in range(len(gaps))]
            found[key] = sum(sums) / max(1, len(values) - 1)
        else:
            found[key] = sum(map(abs, gaps)) / 2
    return found


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_t_is_what_its_definition_says(seed: int, ordered: bool) -> None:
    rows = _rows(Random(seed))
    frame = pl.DataFrame(rows, schema=["0", "1", "2"], orient="row").with_row_index("row")
    cells = frame.group_by("0", "1", "2").agg(n=pl.len(), row=pl.col("row").min())
    found = distances(cells, ["0", "1"], "2", ordered=ordered)
    assert {(a, b): t for a, b, t, _ in found.iter_rows()} == pytest.approx(_reference(rows, ordered=ordered))


@pytest.mark.parametrize("seed", range(8))
def test_exact_bounds_are_those_of_every_whole_solution(seed: int) -> None:
    """Rows and columns of a small table: its corners are whole, so that trying all whole tables finds them."""
    random = Random(seed)
    truth = [[random.randint(0, 3) for _ in range(3)] for _ in range(2)]
    at = {(r, c): 3 * r + c for r in range(2) for c in range(3)}
    lines = [[(r, c) for c in range(3)] for r in range(2)] + [[(r, c) for r in range(2)] for c in range(3)]
    equations = [
        ({at[cell]: Fraction(1) for cell in line}, Fraction(sum(truth[r][c] for r, c in line))) for line in lines
    ]
    found = exact_bounds([(Fraction(0), Fraction(4) if seed % 2 else None)] * 6, equations)
    most = 5 if seed % 2 else 10
    fitting = [
        cells
        for cells in product(range(most), repeat=6)
        if all(sum(cells[n] for n in factors) == total for factors, total in equations)
    ]
    ends = [sorted(cells[n] for cells in fitting) for n in range(6)]
    wanted: list[Span] = [(Fraction(one[0]), Fraction(one[-1])) for one in ends]
    assert found == wanted


def test_what_nothing_fulfils_keeps_its_bounds() -> None:
    spans: list[Span] = [(Fraction(0), Fraction(1))]
    assert exact_bounds(spans, [({0: Fraction(1)}, Fraction(2))]) == spans
    assert exact_bounds([(Fraction(0), None)], []) == [(Fraction(0), None)]
