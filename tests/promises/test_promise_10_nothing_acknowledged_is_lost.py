"""Promise 10: what was acknowledged is there after a restart; what was not leaves no trace, on a full disk too."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from gateway.app import Gateway
from gateway.base.files import write_all
from gateway.base.problems import Problem, Unavailable
from gateway.db import unit
from gateway.db.failures import StorageFull, translated
from gateway.intake.model import Receipt
from gateway.release.model import State
from gateway.render.model import State as RenditionState
from gateway.vault.blobs import folder as blob_folder
from gateway.vault.model import StoredObject
from gateway.vault.service import Keeping, Vault
from tests.support import acts, journey, originals
from tests.support.acts import ACTS, Desk
from tests.support.databases import hands
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import World


class Snapshot:
    """Everything that was acknowledged about a release, read through the rooms."""

    def __init__(self, gateway: Gateway, made: Journey) -> None:
        self.release = gateway.releases.get(made.release.id)
        self.originals = gateway.intake.originals(made.matter.id)
        self.renditions = gateway.renders.of_release(made.release.id)
        self.approvals = gateway.releases.approvals(made.release.id)
        self.parts = gateway.releases.parts(made.release.id)
        self.people = gateway.people.everybody()
        self.matter = gateway.matters.get(made.matter.id)
        self.entries = list(gateway.log.entries(0, gateway.log.size()))
        with gateway.units.read() as session:
            self.bytes = {one.id: gateway.renders.part(session, one.object_id) for one in self.originals}
            self.bytes |= {one.id: gateway.renders.part(session, one.object_id) for one in self.renditions}
            self.bytes |= {part.path: gateway.renders.part(session, part.object_id) for part in self.parts}

    def told(self) -> Mapping[str, object]:
        """What two snapshots are compared by."""
        return vars(self)


def assert_still_there(before: Snapshot, gateway: Gateway, made: Journey) -> None:
    """Everything that `before` saw is there now, entries first."""
    after = Snapshot(gateway, made)
    differing = [name for name, value in before.told().items() if after.told()[name] != value]
    assert not differing, f"acknowledged and lost: {differing}"
    assert gateway.log.check() == len(before.entries)


def assert_receipt_holds(gateway: Gateway, receipt: Receipt, data: bytes) -> None:
    """What the uploader holds is true: these bytes, under this entry."""
    original = gateway.intake.get(receipt.original)
    assert (original.sha256, original.size_bytes) == (receipt.sha256, receipt.size_bytes)
    with gateway.units.read() as session:
        assert gateway.renders.part(session, original.object_id) == data
    assert receipt.original.encode() in gateway.log.entry(receipt.audit_index)


def test_after_a_restart_everything_acknowledged_is_there(all_approved: tuple[World, Journey]) -> None:
    world, made = all_approved
    before = Snapshot(world.gateway, made)
    gateway = world.reopen()
    assert_still_there(before, gateway, made)
    for label, receipt in made.receipts.items():
        assert_receipt_holds(gateway, receipt, planted(label).data)
    gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    package = world.package(made.release)
    world.reopen()
    assert world.gateway.releases.get(made.release.id).state is State.DISPATCHED
    assert world.package(made.release) == package


def test_a_copy_taken_in_the_middle_opens_and_goes_on(own_world: World, tmp_path: Path) -> None:
    """After every single step: copied as the disk has it at that moment, as a crash would leave it."""
    one = planted("customer_list")
    made = journey.rendered(own_world, [one])
    own_world.review(made.release)
    dispatcher = own_world.actors["dispatcher"]
    steps: tuple[Callable[[], object], ...] = (
        lambda: own_world.approve(made.release, by="legal1"),
        lambda: own_world.approve(made.release, by="legal2"),
        lambda: own_world.gateway.dispatch.dispatch(dispatcher, made.release.id),
    )
    for number, step in enumerate(steps):
        step()
        before = Snapshot(own_world.gateway, made)
        assert_still_there(before, journey.copy(own_world, tmp_path / str(number)).gateway, made)


def test_a_rendition_whose_worker_died_is_rendered_after_the_restart(own_world: World) -> None:
    desk = Desk(own_world)
    asked = desk.asked()
    assert own_world.gateway.renders.queue.claim("a worker that dies now") is not None
    acts.let_leases_run_out(own_world)
    own_world.reopen()
    own_world.work()
    assert own_world.gateway.renders.get(asked.id).state is RenditionState.CLEAN


def test_bytes_are_durable_before_they_are_acknowledged(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """File synced, renamed, folder synced, and only then the row: in this order, for every upload."""
    trace: list[str] = []
    for name in ("fsync", "rename"):
        original = getattr(os, name)

        def traced(*asked: Any, _name: str = name, _call: Callable[..., Any] = original) -> Any:
            trace.append(_name)
            return _call(*asked)

        monkeypatch.setattr(os, name, traced)
    record = Vault.record

    def recorded(self: Vault, session: Session, keeping: Keeping) -> StoredObject:
        trace.append("row")
        return record(self, session, keeping)

    monkeypatch.setattr(Vault, "record", recorded)
    own_world.upload(own_world.matter(), "customer_list", planted("customer_list").data, classified=False)
    assert trace[-4:] == ["fsync", "rename", "fsync", "row"]


# A disk that fails.


def _full(*_asked: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing_after(calls: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, until the disk is full after so many calls."""
    left = iter(range(calls))
    return lambda *asked: call(*asked) if next(left, None) is not None else _full()


def _blob_write(patch: pytest.MonkeyPatch, calls: int) -> None:
    patch.setattr("gateway.vault.blobs.folder.write_all", failing_after(calls, write_all))


def _blob_fsync(patch: pytest.MonkeyPatch, calls: int) -> None:
    patch.setattr(os, "fsync", failing_after(calls, os.fsync))


def _blob_rename(patch: pytest.MonkeyPatch, calls: int) -> None:
    patch.setattr(os, "rename", failing_after(calls, os.rename))


FAULTS = {"write": _blob_write, "fsync": _blob_fsync, "rename": _blob_rename}


def state_of(world: World) -> tuple[Mapping[str, list[tuple[Any, ...]]], set[str]]:
    """Every row that matters, and every blob after the sweep."""
    with hands(world.gateway.settings) as run:
        rows = {
            name: sorted(run(f'SELECT * FROM "{name}"'), key=repr)
            for name in run.tables()
            if name not in unit.BOOKKEEPING
        }
    with world.gateway.units.read() as session:
        world.gateway.vault.sweep(session, older_than_s=0)
    return rows, {path.name for path in world.gateway.settings.blobs_dir.rglob("*") if path.is_file()}


def newest_entry(world: World) -> str:
    """The type of the log's last entry."""
    with hands(world.gateway.settings) as run:
        ((kind,),) = run('SELECT type FROM audit_entry ORDER BY "index" DESC LIMIT 1')
    return str(kind)


def assert_one_clear_problem_and_no_half_state(
    world: World, act: Callable[[], object], fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Under this fault the act says in one sentence what to do, and nothing differs from before, not even a file."""
    before = state_of(world)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Problem) as told:
        fault(patch)
        act()
    assert isinstance(told.value, Unavailable), type(told.value).__name__
    assert told.value.detail.endswith(".")
    assert "free disk space" in told.value.detail or "check the disk" in told.value.detail
    rows, blobs = state_of(world)
    differing = sorted(name for name in rows if rows[name] != before[0][name])
    assert differing in ([], ["audit_entry"]), f"half a state in {differing}"
    if differing:
        assert len(rows["audit_entry"]) == len(before[0]["audit_entry"]) + 1
        assert newest_entry(world) == "release.sealed", "an entry for an act that failed"
    assert blobs == before[1], "bytes were left behind"


@pytest.fixture(scope="module")
def desk(world: World) -> Desk:
    """One deployment whose disk fails again and again."""
    return Desk(world)


@pytest.mark.parametrize(
    ("name", "fault", "calls"),
    [
        *(("upload", fault, 0) for fault in FAULTS),
        ("upload", "fsync", 1),
        *(("render", fault, calls) for fault in FAULTS for calls in (0, 2)),
        *(("submit", fault, 3) for fault in FAULTS),
        *(("dispatch", fault, 0) for fault in FAULTS),
        *(("dispatch", "fsync", calls) for calls in (1, 2, 3)),
    ],
)
def test_a_disk_that_fills_up(name: str, fault: str, calls: int, desk: Desk) -> None:
    """The act fails as a whole and, once there is room again, succeeds as a whole."""
    prepare, expected = ACTS[name]
    act = prepare(desk)
    assert_one_clear_problem_and_no_half_state(desk.world, act, lambda patch: FAULTS[fault](patch, calls))
    acts.let_leases_run_out(desk.world)
    act()
    assert newest_entry(desk.world) == expected[-1]


@pytest.mark.parametrize("label", originals.FORMATS)
def test_an_upload_of_each_format_on_a_full_disk(label: str, desk: Desk) -> None:
    one = planted(label)
    assert_one_clear_problem_and_no_half_state(
        desk.world,
        lambda: desk.world.upload(desk.matter, one.kind, one.data, name=one.file_name),
        lambda patch: _blob_write(patch, 0),
    )
    receipt = desk.world.upload(desk.matter, one.kind, one.data, name=one.file_name)
    assert_receipt_holds(desk.world.gateway, receipt, one.data)


@contextmanager
def database_full(world: World) -> Iterator[None]:
    """A database that has no page left: SQLite's own limit, so that its own error comes up."""
    engine = world.gateway.units._engine

    def limit(connection: Any, _record: Any, _proxy: Any) -> None:
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {count}")

    def lift(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1073741823")

    event.listen(engine, "checkout", limit)
    try:
        yield
    finally:
        event.remove(engine, "checkout", limit)
        event.listen(engine, "checkout", lift)
        with engine.connect():
            pass
        engine.dispose()
        event.remove(engine, "checkout", lift)


def test_a_database_that_cannot_grow(desk: Desk) -> None:
    if desk.gateway.settings.database_url is not None:
        pytest.skip("only SQLite can be told how large it may grow; PostgreSQL's code for it is tried in unit/db")
    act = ACTS["submit"][0](desk)
    big = "Ordered by the ministry, " * 60
    with database_full(desk.world):
        for _ in range(40):
            before = state_of(desk.world)
            try:
                desk.gateway.matters.open(desk.world.actors["builder"], acts.matter_with_a_long_demand(big))
            except StorageFull as problem:
                told = problem.detail
                break
        else:
            raise AssertionError("the database never filled up")
        assert state_of(desk.world) == before
    assert "free disk space" in told
    act()


def test_a_problem_of_the_disk_names_no_file_and_no_path(desk: Desk) -> None:
    with pytest.MonkeyPatch.context() as patch:
        _blob_write(patch, 0)
        with pytest.raises(Problem) as told:
            desk.uploaded()
    assert str(desk.world.folder) not in str(told.value)
    assert "/" not in told.value.detail


def test_an_upload_that_is_cut_off_leaves_no_trace(desk: Desk) -> None:
    """The connection breaks in the middle, or the announced digest is another one."""
    before = state_of(desk.world)
    intake, builder = desk.world.gateway.intake, desk.world.actors["builder"]
    with pytest.raises(ConnectionError), intake.begin(builder, desk.matter.id, "customer_list", None) as receiving:
        receiving.write(desk.list.data[:2000])
        raise ConnectionError
    other = "sha-256=:" + "A" * 43 + "=:"
    with pytest.raises(Problem), intake.begin(builder, desk.matter.id, "customer_list", other) as receiving:
        receiving.write(desk.list.data)
        intake.keep(builder, desk.matter.id, "customer_list", receiving, file_name=None, idempotency_key=None)
    assert state_of(desk.world) == before


def test_the_same_upload_sent_twice_is_kept_once(desk: Desk) -> None:
    """An acknowledgement that was lost on the way is given again."""
    intake, builder = desk.world.gateway.intake, desk.world.actors["builder"]

    def send() -> Receipt:
        with intake.begin(builder, desk.matter.id, "customer_list", None) as receiving:
            receiving.write(desk.list.data)
            return intake.keep(
                builder, desk.matter.id, "customer_list", receiving, file_name="a.csv", idempotency_key="once"
            )

    first, before = send(), state_of(desk.world)
    assert send() == first
    assert state_of(desk.world) == before


# Without the guards.


def test_without_the_rename_last_a_half_blob_would_be_seen(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that leaves its temporary file behind when the disk fails."""
    desk = Desk(own_world)
    monkeypatch.setattr(blob_folder.FolderBlobSink, "abort", lambda _self: None)
    monkeypatch.setattr(blob_folder, "_remove_if_abandoned", lambda *_asked: False)
    with pytest.raises(AssertionError, match="bytes were left behind"):
        assert_one_clear_problem_and_no_half_state(own_world, desk.uploaded, lambda patch: _blob_fsync(patch, 0))


def test_without_translation_the_systems_own_error_would_come_up(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(own_world)
    monkeypatch.setattr(blob_folder, "_translated", lambda error: error)
    with pytest.raises(OSError, match="No space"):
        assert_one_clear_problem_and_no_half_state(own_world, desk.uploaded, lambda patch: _blob_write(patch, 0))


def test_without_one_transaction_half_a_state_would_stay(own_world: World) -> None:
    """A unit of work that commits what it has when something fails."""
    desk = Desk(own_world)
    act = ACTS["dispatch"][0](desk)

    def broken(*_asked: object) -> None:
        raise StorageFull("There is no room; free disk space and try again.")

    assert_one_clear_problem_and_no_half_state(
        own_world, act, lambda patch: patch.setattr("gateway.release.package.members", broken)
    )

    def draft_and_break(*_asked: object) -> None:
        desk.drafted()
        broken()

    with pytest.raises(AssertionError, match="half a state"):
        assert_one_clear_problem_and_no_half_state(
            own_world, act, lambda patch: patch.setattr("gateway.release.package.members", draft_and_break)
        )


def test_a_store_that_lies_about_durability_loses_what_was_acknowledged(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename that never happens: the receipt would be a lie, and this test says so."""
    monkeypatch.setattr(blob_folder.FolderBlobSink, "commit", lambda self: self.abort())
    receipt = own_world.upload(own_world.matter(), "customer_list", planted("customer_list").data, classified=False)
    with pytest.raises(Problem):
        assert_receipt_holds(own_world.gateway, receipt, planted("customer_list").data)


def test_an_error_of_the_database_that_is_no_lack_of_room_stays_what_it_is() -> None:
    """A defect is not dressed up as a full disk."""
    error = OperationalError("SELECT", {}, sqlite3.OperationalError("no such column"))
    assert translated(error) is error
