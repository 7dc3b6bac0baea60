"""Several at work at once, threads and processes: one order, no gap, no fork, nothing of the losers left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.audit.model import Act
from gateway.base.problems import Problem
from gateway.release.model import State
from gateway.release.register import WrongState
from gateway.vault.service import Keeping
from gateway.verify import verify_export
from tests.crash.checks import check_acknowledged, check_all, check_bytes, check_log, held_by
from tests.crash.injector import Injector
from tests.crash.stages import CROWD, CROWD_THREADS, CUSTOMERS, TURNS, keep, matter_only, rendered
from tests.support.databases import Database
from tests.support.world import PASSPHRASE, World


@pytest.fixture
def world(one_library: None, database: Database, tmp_path: Path) -> Iterator[World]:
    world = World.create(tmp_path, database)
    yield world
    world.gateway.close()


def at_once(*works: Callable[[], object]) -> list[Exception]:
    """Run all of these at the same moment; what they raised."""
    barrier = threading.Barrier(len(works))
    raised: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        barrier.wait(30)
        try:
            work()
        except Exception as error:  # noqa: BLE001 border: a thread's failure is the test's to judge
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    return raised


def test_eight_threads_upload_append_and_sign_in_one_order(world: World, tmp_path: Path) -> None:
    matter, held = world.matter(), held_by(world)
    log = world.gateway.log
    indexes: list[int] = []
    signed: list[str] = []

    def upload() -> None:
        for turn in range(4):
            data = CUSTOMERS + f"{threading.get_ident()} {turn}".encode()
            indexes.append(world.upload(matter, "customer_list", data, classified=False).audit_index)

    def append() -> None:
        indexes.extend(log.refused(Act("request.refused", "gateway", matter=matter.id)) for _ in range(6))

    def sign() -> None:
        signed.extend(log.checkpoint().text for _ in range(6))

    before = log.size()
    assert at_once(*[upload] * 3, *[append] * 3, *[sign] * 2) == []
    assert sorted(indexes) == list(range(before, before + 3 * 4 + 3 * 6))
    check_all(world, held, tmp_path / "export")
    for text in signed:
        assert verify_export(tmp_path / "export", log_key=held.vkey, checkpoint=text).ok


def test_approvers_at_the_same_moment_complete_the_quorum_once(world: World, tmp_path: Path) -> None:
    held = held_by(world)
    releases = [world.gateway.releases.get(rendered(1)(world)["release"]) for _ in range(3)]
    for release in releases:
        world.review(release)
    works = [
        lambda release=release, name=name: world.approve(release, by=name)
        for release in releases
        for name in ("legal1", "legal2")
    ]
    twice = [lambda release=release: world.approve(release, by="legal1") for release in releases[:2]]
    raised = at_once(*works, *twice)
    assert len(raised) == 2
    assert all(isinstance(error, Problem) for error in raised), raised
    entries = check_all(world, held, tmp_path / "export")
    for release in releases:
        assert world.gateway.releases.get(release.id).state is State.APPROVED
        assert [one["type"] for one in entries if one.get("subject") == release.id].count("release.approved") == 1


def test_two_dispatchers_leave_one_package_and_nothing_of_the_other(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = held_by(world)
    release = world.gateway.releases.get(rendered(1)(world)["release"])
    world.review(release)
    world.approve_all(release)
    dispatcher, dispatch = world.actors["dispatcher"], world.gateway.dispatch.dispatch
    both = threading.Barrier(2)
    finish = Keeping.finish

    def finish_together(keeping: Keeping) -> None:
        finish(keeping)
        if keeping.role == "package":
            both.wait(60)

    monkeypatch.setattr(Keeping, "finish", finish_together)
    raised = at_once(*[lambda: dispatch(dispatcher, release.id)] * 2)
    assert [type(error) for error in raised] == [WrongState]
    check_all(world, held, tmp_path / "export")


def test_a_submission_that_is_overtaken_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = rendered(1)(world)
    gateway, builder = world.gateway, world.actors["builder"]
    (one,) = gateway.renders.of_release(facts["release"])
    finish = Keeping.finish

    def withdraw_meanwhile(keeping: Keeping) -> None:
        finish(keeping)
        monkeypatch.setattr(Keeping, "finish", finish)
        gateway.releases.answer(builder, one.id, gateway.renders.answers(one.id))

    monkeypatch.setattr(Keeping, "finish", withdraw_meanwhile)
    with pytest.raises(WrongState):
        gateway.releases.submit(builder, facts["release"])
    check_bytes(world)


def test_processes_on_one_folder_write_one_log(world: World, injector: Injector, tmp_path: Path) -> None:
    keep(world, matter_only(world))
    held = held_by(world)
    before = world.gateway.log.size()
    world.gateway.close()
    told = injector.run(tmp_path, "crowd")
    assert told["status"] == 0, told["failed"]
    world.gateway = compose(world.gateway.settings, PASSPHRASE)
    entries = check_all(world, held, tmp_path / "export")
    check_acknowledged(world, told["acknowledged"], entries)
    uploads = CROWD * CROWD_THREADS * TURNS
    kept = [one["index"] for one in told["acknowledged"] if "original" in one]
    assert len(set(kept)) == uploads
    assert len(entries) == before + 2 * uploads
    for one in told["acknowledged"]:
        if "signed" in one:
            assert verify_export(tmp_path / "export", log_key=held.vkey, checkpoint=one["signed"]).ok


def test_a_second_gateway_takes_nothing_from_the_first_one_at_work(world: World) -> None:
    gateway, builder = world.gateway, world.actors["builder"]
    matter = world.matter()
    with gateway.intake.begin(builder, matter.id, "customer_list", None) as receiving:
        receiving.write(CUSTOMERS)
        compose(gateway.settings, PASSPHRASE).close()
        keeping, _ = receiving.finish()
        compose(gateway.settings, PASSPHRASE).close()
        with gateway.units.change() as session:
            kept = gateway.vault.record(session, keeping)
            gateway.log.append(session, Act("original.kept", builder.person_id, matter=matter.id))
    with gateway.units.read() as session, gateway.vault.open(session, kept.id) as opened:
        assert opened.read() == CUSTOMERS


def test_whoever_opens_the_folder_alone_removes_what_others_left(world: World, tmp_path: Path) -> None:
    held = held_by(world)
    blobs = world.gateway.settings.blobs_dir
    (blobs / ("ab" * 16)).write_bytes(b"nobody's")
    (blobs / "tmp" / ("cd" * 16)).write_bytes(b"nobody's")
    second = compose(world.gateway.settings, PASSPHRASE)
    assert (blobs / ("ab" * 16)).exists(), "its row may be about to be committed"
    second.close()
    world.gateway.close()
    world.gateway = compose(world.gateway.settings, PASSPHRASE)
    check_bytes(world)
    check_log(world, held, tmp_path / "export")
