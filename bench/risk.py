"""Disclosure risk of 100,000 rows: k, l and t beside pyCANON's, and the whole assessment beside its limit.

pyCANON is no dependency: `python -m bench.risk --pycanon PYTHON` runs it in another environment's interpreter, on the
same rows, taking turns. Processor seconds of all threads. Without it only our own figures are printed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from gateway.exposure.anonymity import distances
from gateway.exposure.assess import assess
from gateway.formats.model import Mark, Plan, Table
from gateway.formats.table_csv import TableCsv
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import answered_fields, decide
from gateway.policy.load import load_library, load_policy_file, packs_dir

ROWS, CUSTOMERS = 100_000, 3_000
LIMIT_S = 3
QUASI, SENSITIVE = ["country", "material", "month", "band"], "end_use"
_RISK = """\
risk:
  entity: customer.name
  quasi_identifiers: [destination, grade, order.date, qty]
  sensitive: [end_use.category]
  limits: {k: 2, k_entities: 5, l: 2, t: 0.5, unique_rows: 0.01, unique_profiles: 0.02, dominance: 0.7,
    min_contributors: 3}
"""
_PYCANON = """\
import sys, time
import pandas as pd
from pycanon import anonymity
frame = pd.read_csv(sys.argv[1], dtype=str)
quasi, sensitive = sys.argv[2].split(","), [sys.argv[3]]
start = time.process_time()
found = (
    anonymity.k_anonymity(frame, quasi),
    anonymity.l_diversity(frame, quasi, sensitive),
    float(anonymity.t_closeness(frame, quasi, sensitive)),
)
print(time.process_time() - start, *found)
"""


def orders(rows: int = ROWS) -> pl.DataFrame:
    """An order book as it might be: few countries and materials, many customers, a long tail."""
    random.seed(5)
    first = date(2024, 1, 1)
    days = [first + timedelta(days=random.randrange(730)) for _ in range(rows)]
    quantity = [round(random.lognormvariate(4, 1.6), 2) for _ in range(rows)]
    price = [random.randrange(500, 9_000) / 100 for _ in range(rows)]
    return pl.DataFrame(
        {
            "customer": [f"Customer {int(random.paretovariate(0.7)) % CUSTOMERS:05d} GmbH" for _ in range(rows)],
            "country": random.choices(["DE", "JP", "US", "FR", "IT", "KR"], [9, 5, 4, 3, 2, 1], k=rows),
            "material": random.choices(["N35", "N42SH", "N48H", "Sm2Co17"], [5, 4, 2, 1], k=rows),
            "month": [f"{day.year}-{day.month:02d}" for day in days],
            "band": ["<10" if one < 10 else "10-100" if one < 100 else ">100" for one in quantity],
            "end_use": random.choices(["car", "robot", "pump", "audio", "wind"], [5, 4, 3, 2, 1], k=rows),
            "day": [day.isoformat() for day in days],
            "kg": [f"{one:.2f}" for one in quantity],
            "price": [f"{one:.2f}" for one in price],
            "value": [f"{a * b:.2f}" for a, b in zip(quantity, price, strict=True)],
        }
    )


def measures(frame: pl.DataFrame) -> tuple[int, int, float]:
    """k, l and t, as pyCANON counts them."""
    cells = frame.with_row_index("row").group_by([*QUASI, SENSITIVE]).agg(n=pl.len(), row=pl.col("row").min())
    each = cells.group_by(QUASI).agg(k=pl.col("n").sum(), values=pl.len())
    t = distances(cells, QUASI, SENSITIVE, ordered=False)["t"].max()
    return int(each["k"].min() or 0), int(each["values"].min() or 0), float(t)  # type: ignore[arg-type]


def assessment(frame: pl.DataFrame) -> Callable[[], object]:
    """Everything that a worker assesses, on the rendition that the shipped policy makes of these rows."""
    library = load_library()
    shipped = (packs_dir() / "cn-mofcom-single" / "order-book.yaml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "order-book.yaml"
        path.write_text(shipped.replace("\nrules:\n", f"\n{_RISK}rules:\n", 1), encoding="utf-8")
        policy = load_policy_file(path, library)
    names = ["customer.name", "destination", "grade", "order.date", "qty", "end_use.category", "unit_price", "total"]
    columns = ["customer", "country", "material", "day", "kg", "end_use", "price", "value"]
    table = Table.of(names, [frame[one] for one in columns])
    form, kind = TableCsv(lambda _values: frozenset()), library.kind("order_book")
    answers = Answers(columns={f"column/{n}": name for n, name in enumerate(names, start=1)})
    surveyed = form.survey(table)
    context = Context({"recipient.class": "supplier", "recipient.hop": 1, "purpose": "export_licence", "round": 1})
    plan = Plan(
        decide(policy, kind, surveyed, context, answers, on=date(2026, 3, 2)).plan().instructions, assessed=True
    )
    rebuilt = form.rebuild(table, plan, Mark("Customs", "rel_1", "2026-03-02"), bytes(32))
    fields, risk = answered_fields(kind, surveyed, answers), policy.risk
    assert risk is not None
    return lambda: assess(risk, table, fields, plan, rebuilt)


def timed(act: Callable[[], object]) -> float:
    """Processor seconds of all threads that it takes."""
    start = time.process_time()
    act()
    return time.process_time() - start


def _said(what: str, seconds: list[float]) -> None:
    print(f"{what:32s} {statistics.median(seconds):8.3f} s  ({min(seconds):.3f} to {max(seconds):.3f})")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pycanon", help="an interpreter that has pyCANON and pandas")
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args()
    frame = orders()
    whole = assessment(frame)
    measures(frame), whole()
    ours, theirs, all_of_it = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        frame.write_csv(path)
        for _ in range(told.rounds):
            ours.append(timed(lambda: measures(frame)))
            all_of_it.append(timed(whole))
            if told.pycanon:
                command = [told.pycanon, "-c", _PYCANON, str(path), ",".join(QUASI), SENSITIVE]
                seconds, *found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
                theirs.append(float(seconds))
                k, diversity, t = measures(frame)
                assert (k, diversity) == (int(found[0]), int(found[1])), found
                assert abs(t - float(found[2])) < 1e-6, (t, found)
    _said("k, l, t", ours)
    _said("whole assessment", all_of_it)
    if theirs:
        _said("k, l, t by pyCANON", theirs)
        print(f"ratio {statistics.median(theirs) / statistics.median(ours):.0f}")
    if statistics.median(all_of_it) > LIMIT_S:
        raise SystemExit(f"the assessment takes more than {LIMIT_S} s")


if __name__ == "__main__":
    main()
