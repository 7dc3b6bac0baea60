"""What committing to a large table costs, how long a proof is, and what checking it costs its recipient.

The table is made up here: 100,000 rows of 20 columns. Committing is one slot over cells that are read already; the
proof opens six columns; checking is the script that travels with a package, from the file's bytes. Processor time,
which a busy machine stretches less than the clock's.

Prints one Markdown table. Exit code 1 when a bound is missed: 6 s to commit, 1 kB of nodes, 3 s to check.
Run: python -m bench.commitments [--quick]
"""

from __future__ import annotations

import argparse
import base64
import csv
import io
import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from gateway.formats.committed import Slot, committed, opened
from gateway.formats.keyed import row_order
from gateway.formats.model import Table
from gateway.seal.table_commitment import order_key
from gateway.verify import verify

COLUMNS, OPENED = 20, (1, 4, 5, 9, 13, 17)
SECRET = bytes(range(32))
BOUNDS = {"commit": 6.0, "open": 1.0, "check": 3.0}


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, and times ten")
    asked = parser.parse_args()
    rows, times = (10_000, 10) if asked.quick else (100_000, 1)
    table = order_book(rows)
    taken: dict[str, list[float]] = {name: [] for name in BOUNDS}
    for _ in range(3):
        slot = timed(taken["commit"], committed, table, SECRET)
        nodes = timed(taken["open"], opened, slot, SECRET, OPENED)
        data, proof = released(table, slot, nodes)
        cells = timed(taken["check"], verify.check_table, data, proof)
    print(f"{rows} rows, {COLUMNS} columns; {cells} cells in {len(OPENED)} columns opened\n")
    print("| what | median | range | bound |\n|---|---:|---:|---:|")
    for name, spent in taken.items():
        low, middle, high = (times * one for one in (min(spent), statistics.median(spent), max(spent)))
        print(f"| {name} | {middle:.2f} s | {low:.2f} … {high:.2f} s | {BOUNDS[name]:.0f} s |")
    size_bytes = len(json.dumps(proof, separators=(",", ":")))
    print(
        f"| nodes of the proof; the document with titles and locators | {len(nodes)}, {size_bytes} bytes | – | 1 kB |"
    )
    missed = [name for name, spent in taken.items() if times * statistics.median(spent) > BOUNDS[name]]
    return 1 if missed or len(nodes) > 1000 else 0


def timed(spent: list[float], work: Callable[..., Any], *given: object) -> Any:
    """What `work` makes of what it is given; the processor's seconds go to `spent`."""
    began = time.process_time()
    done = work(*given)
    spent.append(time.process_time() - began)
    return done


def order_book(rows: int) -> Table:
    """Texts of some ten characters, no two columns alike."""
    chance = random.Random(1)
    cells = [[f"{chr(65 + at)}-{chance.randrange(10**7)}" for _ in range(rows)] for at in range(COLUMNS)]
    return Table.of([f"Column {at}" for at in range(COLUMNS)], cells)


def released(table: Table, slot: Slot, nodes: bytes) -> tuple[bytes, dict[str, Any]]:
    """The rendition of six columns, and its proof as the verifier has read it."""
    order = row_order(order_key(SECRET), table.digest, table.row_count)
    shown = [table.frame.to_series(at).gather(order).to_list() for at in OPENED]
    sink = io.StringIO(newline="")
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([*(table.headers[at] for at in OPENED), "Prepared for"])
    writer.writerows((*row, "Example · rel_1") for row in zip(*shown, strict=True))
    columns = [{"title": table.headers[at], "place": slot.places[at], "locator": slot.locators[at]} for at in OPENED]
    told: dict[str, Any] = {"rows": slot.rows, "entry": 0, "root": slot.root, "places": len(slot.columns)}
    told["nodes"] = base64.b64encode(nodes).decode()
    proof: dict[str, Any] = {"type": verify.TABLE_PROOF["type"], "file": "files/order-book-01.csv", "columns": columns}
    proof["commitment"] = told
    return b"\xef\xbb\xbf" + sink.getvalue().encode(), proof


if __name__ == "__main__":
    sys.exit(main())
