"""What sealing costs where many entries are written at once: a unit that appends 100 acts, beside a plain insert.

The plain insert puts rows of the same sizes into a table with the same columns and indexes, by the same statement
executed for many rows, in the same durable transaction: nothing is numbered, chained, hashed, encrypted, nor watched.
Its rows are made beforehand, those of the log are not. Acts without a body are what most entries are; with one, each
body is encrypted under a key of its own and committed to. Rounds are interleaved, on SQLite and, where it is installed,
on PostgreSQL, the files of both in the temporary folder. Wall time, which has the waiting for the disk in it, and the
caller's processor time, which has not, nor the server's. Prints one Markdown table; exit code 1 when a ratio of wall
times is below 0.8. Run: python -m bench.bulk [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Column, Index, MetaData, Table, UniqueConstraint, insert

from bench.unit import FLOOR, Unlogged
from gateway.audit.model import Act
from gateway.audit.tables import EntryRow
from gateway.base import clock
from gateway.base.canon import Json
from gateway.base.ids import new_id
from gateway.db.direct import Direct
from gateway.db.unit import Units
from tests.support.databases import SQLITE, Database, Postgres
from tests.support.postgres import Cluster, programs
from tests.support.world import World

BATCH = 100

_COLUMNS = EntryRow.__table__.columns
PLAIN = Table(
    "plain_entry",
    MetaData(),
    *(Column(one.name, one.type, primary_key=one.primary_key, nullable=one.nullable) for one in _COLUMNS),
    UniqueConstraint("matter", "seq"),
    Index("ix_plain_entry_subject", "subject"),
)
_INSERT = Direct(insert(PLAIN), [one.name for one in _COLUMNS])


class Took(NamedTuple):
    """Seconds of one batch."""

    wall: float
    cpu: float


def main() -> int:
    """Measure, print, compare with the floor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 40 if parser.parse_args().quick else 200
    print("| database, acts | rows/s sealed | rows/s plain | ratio of medians, wall | quartiles | CPU | floor | ok |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    good = _rows(SQLITE, rounds)
    if folder := programs():
        server = Cluster(folder, Path(tempfile.gettempdir()))
        try:
            good &= _rows(Postgres(lambda: server), rounds)
        finally:
            server.remove()
    return 0 if good else 1


def _rows(database: Database, rounds: int) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        world = World.create(Path(folder), database)
        try:
            with Unlogged(world.gateway.units._engine).change() as session:  # noqa: SLF001 the same pool
                PLAIN.create(session.connection())
            good = [_row(world, database.kind, rounds, body) for body in (False, True)]
            return all(good)
        finally:
            world.gateway.close()


def _row(world: World, kind: str, rounds: int, body: bool) -> bool:
    units, log, matter = world.gateway.units, world.gateway.log, world.matter().id
    plain = Unlogged(units._engine)  # noqa: SLF001 the same pool
    took: dict[bool, list[Took]] = {True: [], False: []}

    def seal(acts: list[Act]) -> None:
        with units.change() as session:
            log.append_all(session, acts)

    def put(rows: list[dict[str, Any]]) -> None:
        with plain.change() as session:
            _INSERT.many(session.connection(), rows)

    seal([_act(matter, at, body) for at in range(BATCH)])
    for number in range(rounds + 1):
        likeness = _like(units, number + body * (rounds + 1))
        acts = [_act(matter, at, body) for at in range(BATCH)]
        for sealed in (True, False) if number % 2 else (False, True):
            one = _timed(seal, acts) if sealed else _timed(put, likeness)
            if number:  # the first round warms up
                took[sealed].append(one)
    walls, cpus = ([[getattr(one, what) for one in took[sealed]] for sealed in (False, True)] for what in Took._fields)
    wall, cpu = (statistics.median(plain) / statistics.median(sealed) for plain, sealed in (walls, cpus))
    quartiles = statistics.quantiles([bare / own for bare, own in zip(*walls, strict=True)])
    rates = [BATCH / statistics.median(one) for one in walls]
    told = f"| {kind}, {'with' if body else 'no'} body | {rates[1]:.0f} | {rates[0]:.0f} | {wall:.2f} × "
    told += (
        f"| {quartiles[0]:.2f} … {quartiles[2]:.2f} | {cpu:.2f} × | {FLOOR} × | {'yes' if wall >= FLOOR else 'NO'} |"
    )
    print(told, flush=True)
    return bool(wall >= FLOOR)


def _act(matter: str, number: int, body: bool) -> Act:
    facts: dict[str, Json] = {"kind": "customer_list", "size_bytes": 4096 + number, "object": new_id("obj")}
    told: dict[str, Json] | None = {"sha256": os.urandom(32).hex(), "file_name": "Q3.csv"} if body else None
    return Act("original.kept", "per_01j00000000000000000000000", matter, new_id("org"), facts, told)


def _like(units: Units, number: int) -> list[dict[str, Any]]:
    """As many rows as the newest entries of the log, each column of the size that it has there."""
    with units.read() as session:
        newest = session.query(EntryRow).order_by(EntryRow.index.desc()).limit(BATCH).all()
    made = []
    for place, entry in enumerate(newest):
        row = {one.name: getattr(entry, one.key) for one in _COLUMNS}
        row = {name: os.urandom(len(told)) if isinstance(told, bytes) else told for name, told in row.items()}
        at = number * BATCH + place
        row |= {"index": at, "seq": at, "subject": new_id("org"), "at": clock.to_text(entry.at)}
        made.append(row)
    return made


def _timed(work: Callable[[Any], None], rows: Any) -> Took:
    wall, cpu = time.perf_counter(), time.thread_time()
    work(rows)
    return Took(time.perf_counter() - wall, time.thread_time() - cpu)


if __name__ == "__main__":
    sys.exit(main())
