"""What the log costs a unit of work: keeping an original's rows with the entry, beside the same rows without it.

Both candidates do what `intake` does once the bytes are durable (wrapped key, object, original, sealed name; seven
statements and one durable commit), with one caller and with sixteen threads, on SQLite and, where it is installed, on
PostgreSQL, the files of both in the temporary folder. Rounds are interleaved. Prints one Markdown table; exit code 1
when a ratio is below 0.8.
Run: python -m bench.unit [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.base.canon import Json
from gateway.base.ids import new_id
from gateway.db.unit import Units, _Watch
from gateway.intake.tables import OriginalRow
from gateway.vault.service import Keeping
from tests.support.databases import SQLITE, Database, Postgres
from tests.support.postgres import Cluster, programs
from tests.support.world import World

FLOOR = 0.8
THREADS = 16


class Unlogged(Units):
    """The same unit, durable in the same way, that asks for no entry."""

    @contextmanager
    def change(self) -> Iterator[Session]:
        with self._transaction(_Watch(may_change=True, may_keep_books=True), reading=False) as session:
            yield session


def main() -> int:
    """Measure, print, compare with the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds of fewer units")
    rounds, units = (5, 32) if parser.parse_args().quick else (15, 48)
    print("| database, callers | units/s with entry | units/s without | ratio of medians | range | floor | ok |")
    print("|---|---:|---:|---:|---:|---:|---|")
    good = _rows(SQLITE, rounds, units)
    if folder := programs():
        server = Cluster(folder, Path(tempfile.gettempdir()))
        try:
            good &= _rows(Postgres(lambda: server), rounds, units)
        finally:
            server.remove()
    return 0 if good else 1


def _rows(database: Database, rounds: int, units: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(Path(folder), database)
        try:
            rows = [_row(world, f"{database.kind}, {count}", count, rounds, units) for count in (1, THREADS)]
            return all(rows)
        finally:
            world.gateway.close()


def _row(world: World, what: str, threads: int, rounds: int, count: int) -> bool:
    matter = world.matter().id
    logged, bare = world.gateway.units, Unlogged(world.gateway.units._engine)  # noqa: SLF001 the same pool
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for entry in (True, False) if number % 2 else (False, True):
            keepings = [world.gateway.vault.keep(b"x" * 100, matter=matter, role="original") for _ in range(count)]
            rate = _rate(world, logged if entry else bare, keepings, threads, entry)
            if number:  # the first round warms up
                rates[entry].append(rate)
    ratios = [with_entry / without for with_entry, without in zip(rates[True], rates[False], strict=True)]
    medians = statistics.median(rates[True]), statistics.median(rates[False])
    ratio = medians[0] / medians[1]
    told = f"| {what} | {medians[0]:.0f} | {medians[1]:.0f} | {ratio:.2f} × | {min(ratios):.2f} … {max(ratios):.2f} "
    print(f"{told}| {FLOOR} × | {'yes' if ratio >= FLOOR else 'NO'} |", flush=True)
    return ratio >= FLOOR


def _rate(world: World, units: Units, keepings: Sequence[Keeping], threads: int, entry: bool) -> float:
    """Units a second."""
    act: Callable[[Keeping], None] = lambda keeping: _keep(world, units, keeping, entry)  # noqa: E731 one line is enough
    began = time.perf_counter()
    if threads == 1:
        for keeping in keepings:
            act(keeping)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(act, keepings))
    return len(keepings) / (time.perf_counter() - began)


def _keep(world: World, units: Units, keeping: Keeping, entry: bool) -> None:
    gateway, builder, index = world.gateway, world.actors["builder"].person_id, 0
    name = new_id("org")
    with units.change() as session:
        kept = gateway.vault.record(session, keeping)
        if entry:
            facts: dict[str, Json] = {"kind": "customer_list", "size_bytes": kept.plaintext_bytes, "object": kept.id}
            body: dict[str, Json] = {"sha256": keeping.sha256, "file_name": "Q3.csv"}
            act = Act("original.kept", builder, matter=kept.matter, subject=name, facts=facts, body=body)
            index = gateway.log.append(session, act)
        sealed = gateway.keyring.seal_text(session, owner=kept.matter, context=f"original:{name}", text="Q3.csv")
        session.add(
            OriginalRow(
                id=name,
                matter=kept.matter,
                kind="customer_list",
                media_type="text/csv",
                object_id=kept.id,
                size_bytes=kept.plaintext_bytes,
                uploader=builder,
                audit_index=index,
                sealed=sealed,
                created_at=gateway.clock.now(),
            )
        )


if __name__ == "__main__":
    sys.exit(main())
