"""Promise 4: a change and its entry commit together or not at all; a package carries the proof that it was logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import pytest
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.problems import Problem, Unavailable
from gateway.db.unit import BOOKKEEPING, UnloggedChange, _Watch
from gateway.people.model import SecondPersonNeeded
from gateway.policy.answers import Answers
from gateway.release.model import State
from gateway.verify import verify
from tests.support import journey
from tests.support.acts import ACTS, Desk, let_leases_run_out
from tests.support.databases import hands
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import World

# What changes without an entry has no effect on disclosure.
UNLOGGED = BOOKKEEPING | {"sqlite_sequence", "alembic_version"}


class LogBroken(Unavailable):
    """What the log says in these tests when it cannot write."""


def rows(world: World) -> Mapping[str, Counter[tuple[object, ...]]]:
    """Every row of every table that has an effect on disclosure, the log's entries included."""
    with hands(world.gateway.settings) as run:
        return {name: Counter(run(f'SELECT * FROM "{name}"')) for name in run.tables() if name not in UNLOGGED}


def blobs(world: World) -> set[str]:
    """The names of all stored blobs, after the sweep has taken what no row speaks of."""
    with world.gateway.units.read() as session:
        world.gateway.vault.sweep(session, older_than_s=0)
    return {path.name for path in world.gateway.settings.blobs_dir.rglob("*") if path.is_file()}


def entries(world: World) -> list[str]:
    """The types of all entries."""
    with hands(world.gateway.settings) as run:
        return [kind for (kind,) in run('SELECT type FROM audit_entry ORDER BY "index"')]


def assert_logged(world: World, act: Callable[[], object], expected: tuple[str, ...]) -> None:
    """The act adds exactly these entries."""
    before = len(entries(world))
    act()
    assert tuple(entries(world)[before:]) == expected


def assert_nothing_changed(world: World, act: Callable[[], object], failure: type[Exception] = LogBroken) -> None:
    """The act fails and leaves no row changed and no blob behind."""
    before, blobs_before = rows(world), blobs(world)
    with pytest.raises(failure):
        act()
    after = rows(world)
    changed = {name: (after[name] - before[name], before[name] - after[name]) for name in before}
    differing = sorted(name for name, (more, fewer) in changed.items() if more or fewer)
    assert not differing, f"changed without an entry: {differing}"
    assert blobs(world) == blobs_before


def failing_log(patch: pytest.MonkeyPatch, after: int = 0) -> None:
    """The log takes `after` more entries and then none."""
    append, taken = Log.append_all, iter(range(after))

    def broken(self: Log, session: Session, acts: Sequence[Act]) -> range:
        for _ in acts:
            if next(taken, None) is None:
                raise LogBroken("The log cannot be written now; free disk space and try again.")
        return append(self, session, acts)

    patch.setattr(Log, "append_all", broken)


@pytest.fixture(scope="module")
def desk(world: World) -> Desk:
    """One deployment on which every act is tried."""
    return Desk(world)


@pytest.mark.parametrize("name", ACTS)
def test_an_act_whose_entry_fails_changes_nothing_and_then_makes_its_entry(name: str, desk: Desk) -> None:
    prepare, expected = ACTS[name]
    act = prepare(desk)
    with pytest.MonkeyPatch.context() as patch:
        failing_log(patch)
        assert_nothing_changed(desk.world, act)
    if name.startswith(("render", "commit")):
        let_leases_run_out(desk.world)
    assert_logged(desk.world, act, expected)


def test_the_last_approval_without_its_second_entry_is_no_approval(desk: Desk) -> None:
    act = ACTS["approve last"][0](desk)
    with pytest.MonkeyPatch.context() as patch:
        failing_log(patch, after=1)
        assert_nothing_changed(desk.world, act)


def test_a_dispatch_whose_second_entry_fails_leaves_an_approved_release(desk: Desk) -> None:
    """Sealing is an act of its own and stays in the log; nothing was handed over, and dispatch can be repeated."""
    release = desk.approved()
    world = desk.world
    packages = "SELECT count(*) FROM stored_object WHERE role = 'package'"
    with hands(world.gateway.settings) as run:
        before = run(packages)
    with pytest.MonkeyPatch.context() as patch:
        failing_log(patch, after=1)
        with pytest.raises(LogBroken):
            world.gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)
    assert entries(world)[-1] == "release.sealed"
    assert world.gateway.releases.get(release.id).state is State.APPROVED
    with hands(world.gateway.settings) as run:
        assert run(packages) == before
    done = world.gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)
    assert done.state is State.DISPATCHED


def test_a_change_in_review_is_two_acts_and_the_first_voids(desk: Desk) -> None:
    """Should the second fail, the release is back in draft: what was approved before no longer counts either way."""
    release = desk.approved(("legal1",))
    (rendition,) = desk.gateway.renders.of_release(release.id)
    with pytest.MonkeyPatch.context() as patch:
        failing_log(patch, after=1)
        with pytest.raises(LogBroken):
            desk.gateway.releases.answer(desk.world.actors["builder"], rendition.id, Answers())
    assert desk.gateway.releases.get(release.id).state is State.DRAFT
    assert [one.id for one in desk.gateway.renders.of_release(release.id)] == [rendition.id]


def test_refused_acts_are_entries_too(desk: Desk) -> None:
    world, people = desk.world, desk.gateway.people
    person = desk.propose()
    statement = people.enrolment_statement(person.id)

    def by_the_proposer() -> None:
        with pytest.raises(SecondPersonNeeded):
            people.countersign(world.actors["dispatcher"], person.id, world.keys["dispatcher"].sign(statement))

    def with_another_key() -> None:
        with pytest.raises(Problem):
            people.countersign(world.actors["legal1"], person.id, world.keys["legal2"].sign(statement))

    before = rows(world)
    assert_logged(world, by_the_proposer, ("person.refused",))
    assert_logged(world, with_another_key, ("person.refused",))
    after = rows(world)
    assert {name for name in after if after[name] != before[name]} == {"audit_entry"}


@pytest.mark.parametrize("hop", [journey.PORTAL, journey.SEALED])
def test_every_package_carries_the_proof_that_it_was_logged(
    hop: int, ready: tuple[World, Journey], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """With all formats in it, for both profiles: the entry in the proof is in the log under the signed checkpoint."""
    world, made = journey.copy(ready[0], tmp_path_factory.mktemp("proof")), ready[1]
    if hop == journey.SEALED:
        made = journey.approved(world, [planted("customer_list")], hop=hop, matter=made.matter)
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    files = journey.files(journey.package(world, made.release))
    proof = verify.parse_proof(files["audit.proof"])
    key = verify.parse_key(world.gateway.log.vkey(), "the key")
    checkpoint = verify.open_checkpoint(proof.checkpoint, key, "the checkpoint")
    verify.check_inclusion(proof.leaf, proof.index, proof.hashes, checkpoint, "the entry")
    assert proof.leaf == world.gateway.log.entry(proof.index)
    assert verify.parse_entry(proof.leaf, "the entry")["type"] == "release.sealed"
    desk = Desk(world)
    desk.drafted()
    later = world.gateway.log.checkpoint()
    world.gateway.log.consistency_proof(checkpoint.size, later.size)
    assert world.gateway.log.check() == later.size


# Without the guard.


def forgetful(patch: pytest.MonkeyPatch) -> None:
    """A service that forgot to log."""
    patch.setattr(Log, "append_all", lambda _self, _session, acts: range(len(acts)))


@pytest.mark.parametrize("name", ["open a matter", "upload", "classify", "draft", "propose a person", "submit"])
def test_a_forgotten_entry_is_noticed_by_the_unit_of_work_and_without_it_this_test_fails(name: str, desk: Desk) -> None:
    act = ACTS[name][0](desk)
    with pytest.MonkeyPatch.context() as patch:
        forgetful(patch)
        assert_nothing_changed(desk.world, act, UnloggedChange)
        patch.setattr(_Watch, "__call__", lambda *_statement: None)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            assert_nothing_changed(desk.world, act, UnloggedChange)


def test_a_log_that_swallows_its_failure_is_noticed(desk: Desk) -> None:
    """A log that reports success and writes nothing: again the unit of work is the one that looks."""
    with pytest.MonkeyPatch.context() as patch:
        forgetful(patch)
        with pytest.raises(UnloggedChange):
            desk.drafted()
        patch.setattr(_Watch, "__call__", lambda *_statement: None)
        with pytest.raises(AssertionError):
            assert_logged(desk.world, desk.drafted, ("release.drafted",))
