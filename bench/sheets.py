"""How fast a large workbook is rendered, and in how much memory, beside openpyxl's read, edit and save of it.

Prints one Markdown table: 100,000 rows of 20 columns, the path that the gateway walks (parse in the sandbox, change,
write a new workbook) and openpyxl's load, the same columns edited cell by cell, save. Each run is a process of its own,
the two alternate; memory is the largest sum of what the process and its children held at one time, pages that they
share counted once. With --gate instead how long the gate takes over what came out, beside making it, both in this
process and its sandbox. Exit code 1 when a floor is missed: 8 times as fast, a sixth of the memory; the gate at most as
long as the redaction.
Run: python -m bench.sheets [--quick] [--gate]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gateway.cli.specimens import workbook
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Rebuilt, Table, Transform
from gateway.formats.table_workbook import PARSE_TASKS, TableWorkbook
from gateway.formats.transforms import changer
from gateway.formats.write_xlsx import MEDIA_TYPE as XLSX
from gateway.residue import walled
from gateway.residue.model import TableExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Sandbox
from gateway.sandbox.process import ProcessSandbox

COLUMNS = 20
FASTER, SMALLER, GATE = 8.0, 1 / 6, 1.0
MARK = Mark("Recipient", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
_ROUNDS = 3
_POLL_S = 0.02


def main() -> int:
    """Measure, print, compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 rows instead of 100,000, one round")
    parser.add_argument("--run", choices=("gateway", "openpyxl"), help="one run over FILE, for the measuring process")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--gate", action="store_true", help="the gate beside the redaction")
    told = parser.parse_args()
    if told.run:
        {"gateway": ours, "openpyxl": theirs}[told.run](told.file.read_bytes())
        return 0
    rows, rounds = (10_000, 1) if told.quick else (100_000, _ROUNDS)
    if told.gate:
        return _gate(made(rows), rounds)
    with tempfile.TemporaryDirectory() as folder:
        original = Path(folder) / "original.xlsx"
        original.write_bytes(made(rows))
        runs: dict[str, list[tuple[float, float]]] = {"gateway": [], "openpyxl": []}
        for _ in range(rounds):
            for who, measured in runs.items():
                measured.append(_measured(who, original))
    return _told(runs, rows)


def made(rows: int) -> bytes:
    """A workbook of texts, numbers and days, some told over, some never."""
    chance = random.Random(20260131)
    table = [
        [
            f"SO-{row:06d}", f"Customer {chance.randint(1, 4000)} GmbH", chance.choice(("DE", "AT")),
            *(f"{chance.randint(100, 999999) / 100:.2f}" for _ in range(6)),
            f"2025-{1 + row % 12:02d}-{1 + row % 28:02d}",
            *(str(chance.randint(1, 90000)) for _ in range(4)), *(f"Remark {chance.randint(1, 500)}" for _ in range(6)),
        ]
        for row in range(rows)
    ]  # fmt: skip
    return workbook.written("Orders", [f"Column {number}" for number in range(1, COLUMNS + 1)], table)


def plan() -> Plan:
    """Pseudonyms, a rounding, quarters, and what leaves as it stands: every column leaves."""

    def case(op: Op, **params: str) -> tuple[Case, ...]:
        return (Case((), Transform(op, dict(params)), 1, "TS", f"rule-{op}"),)

    changes = {
        2: ("text", case(Op.PSEUDONYMISE, scope="release", prefix="P")),
        4: ("decimal", case(Op.ROUND, to="100", unit="kg")),
        10: ("date", case(Op.TRUNCATE_DATE, to="quarter")),
    }
    kinds = {**dict.fromkeys((5, 6, 7, 8, 9), "decimal"), **dict.fromkeys((11, 12, 13, 14), "integer")}
    return Plan(
        tuple(
            Instruction(
                f"column/{at}", f"field.{at}", Element.COLUMN, f"Title {at}",
                *changes.get(at, (kinds.get(at, "text"), case(Op.ALLOW))),
            )
            for at in range(1, COLUMNS + 1)
        )
    )  # fmt: skip


def ours(data: bytes) -> None:
    """The gateway's whole path."""
    redacted(data, ProcessSandbox(tuple(PARSE_TASKS.values())))


def redacted(data: bytes, sandbox: Sandbox) -> tuple[Table, Rebuilt]:
    """The table that was read and what became of it."""
    form = TableWorkbook(lambda _values: frozenset())
    table = form.read(data, XLSX, sandbox)
    return table, form.rebuild(table, plan(), MARK, bytes(32))


def theirs(data: bytes) -> None:
    """What somebody does who has only openpyxl: load, change three columns cell by cell, save."""
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    for row in sheet.iter_rows(min_row=2):
        row[1].value = "P-" + hashlib.sha256(str(row[1].value).encode()).hexdigest()[:8]
        row[3].value = round(float(str(row[3].value)) / 100) * 100
        row[9].value = str(row[9].value)[:7]
    book.save(io.BytesIO())


def _gate(data: bytes, rounds: int) -> int:
    """How long the gate reads and searches what came out, beside the redaction, round by round."""
    sandbox = ProcessSandbox((*PARSE_TASKS.values(), walled.TASK))
    ratios = []
    for _ in range(rounds):
        began = time.perf_counter()
        table, rebuilt = redacted(data, sandbox)
        made_s, began = time.perf_counter() - began, time.perf_counter()
        report = walled.check(sandbox, rebuilt.data, *_expected(table, rebuilt))
        gate_s = time.perf_counter() - began
        report.require_clean()
        ratios.append(gate_s / made_s)
        print(f"redaction {made_s:.1f} s, gate {gate_s:.1f} s, {ratios[-1]:.2f} × (≤ {GATE:.0f})", flush=True)
    return 0 if statistics.median(ratios) <= GATE else 1


def _expected(table: Table, rebuilt: Rebuilt) -> tuple[TableExpectation, WithheldSet]:
    """What the gate is told: every value of a changed column is withheld, every other one shown."""
    orders, shown, values = plan(), set[str](), []
    for order in orders.instructions:
        cells = table.column(order.field_id).unique(maintain_order=True)
        transform = order.cases[0].transform
        if transform.op is Op.ALLOW:
            shown.update(cells)
        else:
            values += [WithheldValue(cell, order.field_id) for cell in cells]
        if transform.op is Op.ROUND:
            bare = changer(Transform(Op.ROUND, {**transform.params, "unit": ""}), "decimal")
            shown.update(map(bare, cells))
    fields = tuple(order.field_id for order in orders.instructions)
    expectation = TableExpectation(
        rebuilt.headers, fields, MARK.text, table.row_count, rebuilt.media_type,
        (orders.notice.sheet, orders.notice.name), tuple(cells for _, cells in orders.notice.rows()),
    )  # fmt: skip
    own = frozenset({MARK.text, *rebuilt.headers, *(text for row in expectation.notice for text in row)})
    return expectation, WithheldSet(tuple(values), frozenset(shown), own)


def _measured(who: str, original: Path) -> tuple[float, float]:
    """Seconds and the largest sum of memory, in MiB, of one run."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "bench.sheets", "--run", who, "--file", str(original)]
    peak = 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            peak = max(peak, _held_kib(process.pid))
            time.sleep(_POLL_S)
    if process.returncode:
        raise SystemExit(f"{who} failed")
    return time.perf_counter() - began, peak / 1024


def _held_kib(pid: int) -> int:
    """Proportional set size: a page that a process shares with its parent counts once for the two of them."""
    try:
        held = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text("ascii"), re.MULTILINE)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:
        return 0
    return (int(held[1]) if held else 0) + sum(_held_kib(int(child)) for child in children)


def _told(runs: dict[str, list[tuple[float, float]]], rows: int) -> int:
    print(f"| {rows} × {COLUMNS} | seconds, median | range | MiB, median | range |")
    print("|---|---:|---:|---:|---:|")
    medians = {}
    for who, measured in runs.items():
        seconds, memory = zip(*measured, strict=True)
        medians[who] = statistics.median(seconds), statistics.median(memory)
        spans = f"{min(seconds):.1f} … {max(seconds):.1f}", f"{min(memory):.0f} … {max(memory):.0f}"
        print(f"| {who} | {medians[who][0]:.1f} | {spans[0]} | {medians[who][1]:.0f} | {spans[1]} |")
    faster = medians["openpyxl"][0] / medians["gateway"][0]
    smaller = medians["gateway"][1] / medians["openpyxl"][1]
    print(f"| ratio | {faster:.1f} × as fast (≥ {FASTER:.0f}) | | {smaller:.2f} × the memory (≤ {SMALLER:.2f}) | |")
    return 0 if faster >= FASTER and smaller <= SMALLER else 1


if __name__ == "__main__":
    sys.exit(main())
