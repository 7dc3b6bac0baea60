"""How fast a large table is rendered, beside polars' bare parse of it and beside a loop over the csv module.

The table is an order book made up here: 20 columns of texts, names, numbers, days and e-mail addresses, some in quotes.
Rendering is bytes in, sandboxed strict parse, checked answer, the plan (allow, drop, bucket, round, cut dates, mask,
pseudonyms, a condition), keyed row order, mark, bytes out. Deciding and the gate are not in it.

Prints one Markdown table. Exit code 1 when a bound is missed: rendering ≤ 3.5 × the bare parse, ≥ 10 × the loop. The
loop runs on a tenth of the rows and its time is multiplied. Rounds are interleaved, so that a busy machine slows all
candidates alike. Run: python -m bench.tables [--quick]
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable

import polars as pl

from gateway.base.canon import Json
from gateway.base.units import MIB
from gateway.formats.columns import harmless
from gateway.formats.keyed import Prf, pseudonyms
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Transform
from gateway.formats.table_csv import PARSE_TASK, TableCsv
from gateway.formats.transforms import changer, uncovered
from gateway.sandbox.process import ProcessSandbox

MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
SECRET = bytes(range(32))
LOOP_SHARE = 10
COLUMNS: tuple[tuple[str, str, Op, dict[str, Json]], ...] = (
    ("order_no", "text", Op.MASK, {"keep_last": 3}),
    ("customer", "text", Op.PSEUDONYMISE, {"scope": "release", "prefix": "C"}),
    ("end_user", "text", Op.PSEUDONYMISE, {"scope": "release", "prefix": "E"}),
    ("licensed", "text", Op.ALLOW, {}),
    ("country", "text", Op.ALLOW, {}),
    ("material", "text", Op.ALLOW, {}),
    ("quantity", "decimal", Op.BUCKET, {"edges": ["10", "100", "1000", "10000"], "unit": "pcs"}),
    ("price", "decimal", Op.DROP, {}),
    ("ordered", "date", Op.TRUNCATE_DATE, {"to": "quarter"}),
    ("shipped", "date", Op.TRUNCATE_DATE, {"to": "month"}),
    ("contact", "text", Op.DROP, {}),
    ("phone", "text", Op.DROP, {}),
    ("serial", "text", Op.MASK, {"keep_last": 2}),
    ("weight", "decimal", Op.ROUND, {"to": "5", "unit": "kg"}),
    ("currency", "text", Op.ALLOW, {}),
    ("route", "text", Op.ALLOW, {}),
    ("port", "text", Op.ALLOW, {}),
    ("remark", "text", Op.DROP, {}),
    ("part", "text", Op.PSEUDONYMISE, {"scope": "table", "prefix": "P"}),
    ("tariff", "text", Op.DROP, {}),
)


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, fewer rounds")
    asked = parser.parse_args()
    rows, rounds = (100_000, 3) if asked.quick else (1_000_000, 5)
    data = order_book(rows)
    few = order_book(rows // LOOP_SHARE)
    form, sandbox = TableCsv(lambda _values: frozenset()), ProcessSandbox((PARSE_TASK,))
    sandbox.layers()

    def rendered() -> bytes:
        return form.rebuild(form.read(data, "text/csv", sandbox), plan(), MARK, SECRET).data

    candidates: dict[str, Callable[[], object]] = {
        "polars, bare parse": lambda: pl.read_csv(data, infer_schema=False),
        "rendered": rendered,
        f"csv-module loop (1/{LOOP_SHARE} of the rows, times {LOOP_SHARE})": lambda: loop(few),
    }
    runs: dict[str, list[float]] = {name: [] for name in candidates}
    used: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, run in candidates.items():
            seconds, of_processor = _timed(run)
            if number:
                runs[name].append(seconds * (LOOP_SHARE if name.startswith("csv") else 1))
                used[name].append(of_processor)
    sandbox.close()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    parsing = (children.ru_utime + children.ru_stime) / (rounds + 1)
    print(f"| {'what':<58} | {'median':>9} | {'range':>15} | {'bound':>8} | ok  |")
    print(f"|{'-' * 60}|{'-' * 10}:|{'-' * 16}:|{'-' * 9}:|-----|")
    _row(f"{rows:,} rows × {len(COLUMNS)} columns in", f"{len(data) / MIB:.0f} MiB")
    for name, values in runs.items():
        _row(name, f"{statistics.median(values):.2f} s", f"{min(values):.2f} … {max(values):.2f}")
    bare, ours, looped = runs.values()
    good = _ratio("rendered ÷ bare parse", ours, bare, most=3.5)
    good &= _ratio("loop ÷ rendered", looped, ours, least=10)
    bare_used, ours_used, _ = map(statistics.median, used.values())
    _row("processor time: bare parse", f"{bare_used:.2f} s")
    _row("processor time: rendered, this process + its sandbox", f"{ours_used:.2f} s", f"+ {parsing:.2f} s")
    _row("largest memory of this process", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0 if good else 1


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of this process's threads."""
    start, used = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start, time.process_time() - used


def _row(what: str, median: str, spread: str = "", bound: str = "", *, met: bool | None = None) -> bool:
    verdict = {None: "", True: "yes", False: "NO"}[met]
    print(f"| {what:<58} | {median:>9} | {spread:>15} | {bound:>8} | {verdict:<3} |", flush=True)
    return met is not False


def _ratio(what: str, one: list[float], other: list[float], *, most: float = 0.0, least: float = 0.0) -> bool:
    ratios = [mine / theirs for mine, theirs in zip(one, other, strict=True)]
    median = statistics.median(ratios)
    spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
    bound, met = (f"≤ {most} ×", median <= most) if most else (f"≥ {least} ×", median >= least)
    return _row(what, f"{median:.2f} ×", spread, bound, met=met)


def plan() -> Plan:
    """What becomes of each column; end users of licensed orders are named."""
    instructions = []
    for number, (name, value_type, op, params) in enumerate(COLUMNS, 1):
        cases = [Case((), Transform(op, params), 5, "TS", f"{name}-rule")]
        if name == "end_user":
            cases = [Case((("licensed", frozenset({"yes"})),), Transform(Op.ALLOW, {}), 4, "REQ", "named"), *cases]
        instructions.append(
            Instruction(f"column/{number}", name, Element.COLUMN, name.title(), value_type, tuple(cases))
        )
    return Plan(tuple(instructions))


def order_book(rows: int) -> bytes:
    """The same order book for the same number of rows."""
    rng = random.Random(20260131)
    places = ("Nordwind", "Ostsee", "Rhein", "Alpen", "Müller", "Schäfer", "Hallbach", "Kowalski")
    trades = ("Antriebe", "Motoren", "Turbinen", "Magnet", "Servo", "Aero")
    firms = [
        f"{place} {trade} {number} {form}"
        for place in places
        for trade in trades
        for number in range(20)
        for form in ("GmbH", "AG", "Ltd", "S.p.A., Milano", "株式会社")
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, *_ in COLUMNS])
    for number in range(rows):
        writer.writerow(
            (
                f"ORD-2025-{number:07d}", rng.choice(firms), rng.choice(firms), rng.choice(("yes", "no")),
                rng.choice(("DE", "IT", "FR", "中国")), f"NdFeB N{rng.randrange(35, 56)}SH sintered block",
                rng.randrange(1, 90_000), f"{rng.randrange(10**8) / 100:.2f}", _day(rng), _day(rng),
                f"buyer{rng.randrange(30_000)}@firm{rng.randrange(500)}.example",
                f"+49 30 {rng.randrange(10**6, 10**7)}", f"SN-{rng.randrange(10**8):08d}",
                f"{rng.randrange(10**6) / 100:.2f}", "EUR", rng.choice(("sea", "air", "rail")), "Hamburg",
                f"packed in {rng.randrange(100)} crates" + (", keep dry" if rng.random() < 0.1 else ""),
                f"PN-{rng.randrange(5000)}-{rng.choice('ABC')}", f"8505 11 {rng.randrange(100):02d} Zolltarif",
            )
        )  # fmt: skip
    return text.getvalue().encode()


def _day(rng: random.Random) -> str:
    return f"2025-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}"


def loop(data: bytes) -> bytes:
    """The same plan by a loop over the csv module, every value changed once and remembered."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    next(reader)
    rows = list(reader)
    columns = [
        _changed_one_by_one([row[place] for row in rows], [row[3] for row in rows], COLUMNS[place])
        for place in range(len(COLUMNS))
        if COLUMNS[place][2] is not Op.DROP
    ]
    prf = Prf(SECRET).narrowed("order", b"")
    order = sorted(range(len(rows)), key=lambda row: prf(row.to_bytes(8)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([*(column[row] for column in columns), MARK.text] for row in order)
    return text.getvalue().encode("utf-8-sig")


def _changed_one_by_one(
    cells: list[str], licensed: list[str], column: tuple[str, str, Op, dict[str, Json]]
) -> list[str]:
    name, value_type, op, params = column
    if op is Op.PSEUDONYMISE:
        names = pseudonyms(Prf(SECRET).narrowed("field", name.encode()), str(params["prefix"]), cells)
        change: Callable[[str], str] = names.__getitem__
    else:
        change = changer(Transform(op, params), value_type)
    known: dict[str, str] = {}
    out = []
    for cell, flag in zip(cells, licensed, strict=True):
        if name == "end_user" and flag == "yes":
            out.append(harmless(uncovered(cell).strip()))
            continue
        if cell not in known:
            seen = uncovered(cell)
            known[cell] = harmless(change(seen)) if seen.strip() else ""
        out.append(known[cell])
    return out


if __name__ == "__main__":
    sys.exit(main())
