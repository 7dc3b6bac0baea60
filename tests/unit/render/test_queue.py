"""The lease: one worker at a time, nothing lost with a dead one, a late one recognised."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.base.progress import Progress, Stage
from gateway.db.metadata import Base
from gateway.db.unit import Units
from gateway.render.model import Held, State
from gateway.render.queue import FencedOut, Queue
from gateway.render.tables import LeaseRow, RenditionRow
from tests.support.databases import Database


@pytest.fixture
def units(database: Database, tmp_path: Path) -> Iterator[Units]:
    engine = database.engine(tmp_path)
    Base.metadata.create_all(engine, tables=[RenditionRow.metadata.tables[n] for n in ("rendition", "render_lease")])
    with engine.begin() as connection:
        for name in ("ren_1", "ren_2"):
            connection.execute(
                text(
                    "INSERT INTO rendition (id, release, matter, original, kind, policy, library_digest, state, author,"
                    " answers, created_at) VALUES (:id,'rel','mat','org','k','p','d','queued','per',:answers,'2026')"
                ),
                {"id": name, "answers": b"\0"},
            )
    units = Units(engine)
    with units.bookkeeping() as session:
        for name in ("ren_1", "ren_2"):
            Queue.enqueue(session, name)
    yield units
    engine.dispose()


def _finished(units: Units, rendition: str) -> None:
    # Straight to the file: what is tested is the queue's view of a state that somebody else's unit wrote.
    with units._engine.begin() as connection:
        connection.execute(text("UPDATE rendition SET state = :s WHERE id = :i"), {"s": State.CLEAN, "i": rendition})


def test_each_rendition_goes_to_one_worker_oldest_first(units: Units) -> None:
    queue = Queue(units, lease_s=60)
    first, second = queue.claim("a"), queue.claim("b")
    assert first is not None
    assert second is not None
    assert (first.rendition, second.rendition) == ("ren_1", "ren_2")
    assert queue.claim("c") is None


def test_a_dead_workers_rendition_comes_back_and_its_late_result_is_recognised(units: Units) -> None:
    queue = Queue(units, lease_s=0.05)
    dead = queue.claim("dead")
    assert dead is not None
    time.sleep(0.1)
    again = queue.claim("alive")
    assert again is not None
    assert (again.rendition, again.fence, again.attempt) == (dead.rendition, dead.fence + 1, 2)
    with units.read() as session:
        queue.check(session, again)
        with pytest.raises(FencedOut):
            queue.check(session, dead)
    with pytest.raises(FencedOut):
        queue.renew(dead)


def test_renewing_holds_on(units: Units) -> None:
    queue = Queue(units, lease_s=0.3)
    claim = queue.claim("a")
    assert claim is not None
    for _ in range(3):
        time.sleep(0.15)
        queue.renew(claim)
    other = queue.claim("b")
    assert other is not None
    assert other.rendition == "ren_2"


def test_a_finished_rendition_is_not_claimed(units: Units) -> None:
    _finished(units, "ren_1")
    claim = Queue(units, lease_s=60).claim("a")
    assert claim is not None
    assert claim.rendition == "ren_2"


def test_giving_back_costs_no_try(units: Units) -> None:
    queue = Queue(units, lease_s=60)
    claim = queue.claim("a")
    assert claim is not None
    queue.give_back(claim, after_s=-1)
    again = queue.claim("b")
    assert again is not None
    assert (again.rendition, again.attempt) == (claim.rendition, 1)
    assert again.fence > claim.fence


def test_giving_back_again_because_the_answer_was_lost_changes_nothing(units: Units) -> None:
    queue = Queue(units, lease_s=60)
    claim = queue.claim("a")
    assert claim is not None
    queue.give_back(claim, after_s=-1, counts=True)
    queue.give_back(claim, after_s=3600)
    again = queue.claim("b")
    assert again is not None
    assert (again.rendition, again.attempt) == (claim.rendition, 2)


def test_a_late_worker_cannot_give_back_what_another_holds(units: Units) -> None:
    queue = Queue(units, lease_s=0.05)
    late = queue.claim("late")
    assert late is not None
    time.sleep(0.1)
    holder = queue.claim("holder")
    assert holder is not None
    queue.give_back(late, after_s=-1)
    with units.read() as session:
        queue.check(session, holder)
        row = session.get(LeaseRow, holder.rendition)
        assert row is not None
        assert row.owner == "holder"


def test_a_lease_from_before_the_clock_was_set_back_holds_nothing(
    units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, real = Queue(units, lease_s=60), time.time
    with monkeypatch.context() as ahead:
        ahead.setattr(time, "time", lambda: real() + 3600)
        before = queue.claim("a worker that died")
    again = queue.claim("b")
    assert before is not None
    assert again is not None
    assert (again.rendition, again.fence) == (before.rendition, before.fence + 1)


def test_how_far_it_is_goes_with_the_lease_and_is_gone_with_it(units: Units) -> None:
    queue = Queue(units, lease_s=60)
    claim = queue.claim("a")
    assert claim is not None
    assert told(units, claim.rendition) == Held(None)
    progress = Progress(Stage.REBUILDING, 12, 300, 1_700_000_000.5)
    queue.renew(claim, progress)
    assert told(units, claim.rendition) == Held(progress)
    queue.give_back(claim, after_s=60)
    assert told(units, claim.rendition) == Held(None)
    with pytest.raises(FencedOut):
        queue.renew(claim, progress)
    queue.give_back(claim, after_s=-1)


def test_what_the_last_worker_said_is_not_said_of_the_next(units: Units) -> None:
    queue = Queue(units, lease_s=0.05)
    dead = queue.claim("dead")
    assert dead is not None
    progress = Progress(Stage.READING, 1, 2, 1.0)
    queue.renew(dead, progress)
    time.sleep(0.1)
    assert told(units, dead.rendition) is None
    alive = Queue(units, lease_s=60).claim("alive")
    assert alive is not None
    assert told(units, alive.rendition) == Held(None)
    with pytest.raises(FencedOut):
        queue.renew(dead, progress)
    assert told(units, alive.rendition) == Held(None)


def test_nothing_is_left_of_it_once_the_work_has_ended(units: Units) -> None:
    queue = Queue(units, lease_s=60)
    claim = queue.claim("a")
    assert claim is not None
    progress = Progress(Stage.STORING, 0, 0, 1.0)
    queue.renew(claim, progress)
    with units.bookkeeping() as session:
        queue.end(session, claim)
    with pytest.raises(FencedOut):
        queue.renew(claim, progress)
    with units.read() as session:
        row = session.get(LeaseRow, claim.rendition)
        assert row is not None
        assert (row.owner, row.stage, row.done, row.total, row.told_at) == (None,) * 5


def told(units: Units, rendition: str) -> Held | None:
    with units.read() as session:
        return Queue.held(session, rendition)
