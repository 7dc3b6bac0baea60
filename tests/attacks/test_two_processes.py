"""Two processes of one gateway act on one release at the same moment: each act happens once, in one log."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from gateway.app import compose
from gateway.base.problems import Problem
from gateway.people.model import Role
from gateway.release.model import State
from gateway.verify import verify_export
from tests.attacks.conftest import approved, in_review
from tests.support.databases import close_idle
from tests.support.world import PASSPHRASE, World

_PROCESSES = multiprocessing.get_context("fork")
_PATIENCE_S = 60

Act = Callable[[World], object]


def _act(world: World, act: Act, together: Barrier, told: Any) -> None:
    world.gateway = compose(world.gateway.settings, PASSPHRASE)
    together.wait(_PATIENCE_S)
    try:
        act(world)
    except Problem as problem:
        told.put(problem.slug)
    else:
        told.put("done")


def in_two_processes(world: World, first: Act, second: Act) -> list[str]:
    """What became of two acts, each in a process of its own; nothing is shared but folder and database."""
    world.gateway.close()
    close_idle()
    together, told = _PROCESSES.Barrier(2), _PROCESSES.Queue()
    children = [_PROCESSES.Process(target=_act, args=(world, act, together, told)) for act in (first, second)]
    for child in children:
        child.start()
    found = sorted(told.get(timeout=_PATIENCE_S) for _ in children)
    for child in children:
        child.join(_PATIENCE_S)
    world.reopen()
    return found


def entries_of(world: World, subject: str, kind: str) -> int:
    """How many entries of this kind speak of `subject`."""
    log = world.gateway.log
    entries = [log.entry(index) for index in range(log.size())]
    return sum(f'"type":"{kind}"'.encode() in one and subject.encode() in one for one in entries)


def test_one_person_approves_once(world: World) -> None:
    release = in_review(world, world.matter())
    found = in_two_processes(world, *[lambda here: here.approve(release, by="legal1")] * 2)
    assert found == ["already-approved", "done"]
    assert entries_of(world, release.id, "release.approval") == 1
    assert world.gateway.releases.get(release.id).state is State.IN_REVIEW


def test_two_people_complete_the_quorum_once(world: World) -> None:
    release = in_review(world, world.matter())
    found = in_two_processes(
        world, lambda here: here.approve(release, by="legal1"), lambda here: here.approve(release, by="legal2")
    )
    assert found == ["done", "done"]
    assert world.gateway.releases.get(release.id).state is State.APPROVED
    assert entries_of(world, release.id, "release.approved") == 1


def test_a_release_is_dispatched_once(world: World) -> None:
    release = approved(world, world.matter())
    found = in_two_processes(
        world, *[lambda here: here.gateway.dispatch.dispatch(here.actors["dispatcher"], release.id)] * 2
    )
    assert found == ["done", "wrong-state"]
    assert entries_of(world, release.id, "release.dispatched") == 1


def test_a_release_is_refused_or_leaves_and_never_both(world: World) -> None:
    release = approved(world, world.matter())
    found = in_two_processes(
        world,
        lambda here: here.gateway.dispatch.dispatch(here.actors["dispatcher"], release.id),
        lambda here: here.gateway.releases.refuse(here.actors["legal2"], release.id, "No."),
    )
    assert found == ["done", "wrong-state"]
    left = entries_of(world, release.id, "release.dispatched")
    assert left + entries_of(world, release.id, "release.refused") == 1


def test_a_proposal_is_countersigned_once_and_the_log_stays_one(world: World, tmp_path: Path) -> None:
    people = world.gateway.people
    person = people.person(world.actors["builder"].person_id)
    proposal = people.propose_roles(world.actors["dispatcher"], person.id, frozenset({Role.POLICY_AUTHOR}))
    signed = world.keys["legal1"].sign(proposal.statement)
    found = in_two_processes(
        world, *[lambda here: here.gateway.people.countersign_roles(here.actors["legal1"], proposal.id, signed)] * 2
    )
    assert found == ["done", "nothing-proposed"]
    assert entries_of(world, person.id, "roles.granted") == 1
    log = world.gateway.log
    log.checkpoint()
    assert verify_export(log.export(tmp_path / "export").folder, log_key=log.vkey()).ok
