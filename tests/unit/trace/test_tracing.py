"""A leaked picture leads to the copy it was made from, or to nobody; and nothing made up afterwards accuses anybody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.base.problems import Forbidden, NotFound, TooLarge
from gateway.formats.model import Box
from gateway.formats.problems import PictureRefused
from gateway.render.model import State, Traceable
from gateway.seal.tracing import CodeNotCommitted, check_tracing_commitment, tracing_commitment, tracing_seed
from gateway.trace.model import CAUTION, NotTraceable
from tests.support import leaks
from tests.support.journey import Journey, again, copy, rendered
from tests.support.world import World

FACE = Box(300, 200, 32, 32)


@pytest.fixture(scope="module")
def photo_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("trace")
    world = World.create(folder, policies_dir=leaks.requiring_fingerprints(folder))
    yield world
    world.gateway.close()


@pytest.fixture(scope="module")
def copies(photo_world: World) -> list[Journey]:
    """One photograph, rendered for both hops."""
    photo = leaks.original(leaks.photograph(), FACE)
    first = rendered(photo_world, [photo])
    return [first, again(photo_world, [photo], first, hop=2)]


def content(world: World, journey: Journey) -> bytes:
    rendition = journey.renditions["photo"]
    assert rendition.state is State.CLEAN, rendition.reason
    with world.gateway.units.read() as session:
        return world.gateway.renders.part(session, rendition.object_id)


def facts(world: World, kind: str) -> list[dict[str, object]]:
    entries = (json.loads(leaf) for leaf in world.gateway.log.entries(0, world.gateway.log.size()))
    return [one["facts"] for one in entries if one["type"] == kind]


def test_each_copy_leads_to_its_own_release(photo_world: World, copies: list[Journey]) -> None:
    files = [content(photo_world, one) for one in copies]
    assert len(set(files)) == 2
    leak = leaks.passed_on(files[1])
    report = photo_world.gateway.tracing.trace(photo_world.actors["builder"], leak)
    (found,) = report.candidates
    assert (found.release, found.rendition) == (copies[1].release.id, copies[1].renditions["photo"].id)
    assert found.score > report.needed + 10
    assert found.by_chance <= report.bound == 1e-9
    assert (report.tested, report.hypotheses, report.uncommitted, report.shredded) == (2, 4, (), 0)
    assert found.recipient == "MOFCOM Bureau"
    assert not found.left
    assert leaks.shown(report.evidence).size == (1008, 768)
    assert report.to_json()["caution"] == CAUTION
    assert facts(photo_world, "trace.begun")
    assert facts(photo_world, "trace.reported")[-1]["releases"] == [found.release]


def test_what_nobody_was_given_leads_to_nobody(photo_world: World, copies: list[Journey]) -> None:
    tracing, builder = photo_world.gateway.tracing, photo_world.actors["builder"]
    unmarked = tracing.trace(builder, leaks.as_jpeg(leaks.photograph(), 90))
    assert unmarked.is_nobody
    assert unmarked.found_in == (copies[0].receipts["photo"].original,)
    assert unmarked.best < 5
    other = tracing.trace(builder, leaks.as_jpeg(leaks.photograph(2), 90))
    assert other.is_nobody
    assert (other.found_in, other.tested, other.evidence) == ((), 0, b"")
    assert facts(photo_world, "trace.reported")[-1]["releases"] == []


def test_a_code_or_ground_made_up_later_accuses_nobody(
    photo_world: World, copies: list[Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    leak = leaks.passed_on(content(photo_world, copies[0]))
    renders, builder = photo_world.gateway.renders, photo_world.actors["builder"]
    honest = renders.part
    grounds = {one.ground_object for one in _traceable(photo_world)}

    def framed(session: object, object_id: str) -> bytes:
        data = bytearray(honest(session, object_id))  # type: ignore[arg-type]
        if object_id in grounds:
            data[5] ^= 1
        return bytes(data)

    monkeypatch.setattr(renders, "part", framed)
    report = photo_world.gateway.tracing.trace(builder, leak)
    assert report.is_nobody
    assert set(report.uncommitted) == {one.renditions["photo"].id for one in copies}


@pytest.mark.nightly
def test_a_copy_that_left_is_found_after_its_original_was_shredded(
    photo_world: World, copies: list[Journey], tmp_path: Path
) -> None:
    world = copy(photo_world, tmp_path / "copied")
    left, kept = copies[0], copies[1]
    leaks_of = [leaks.passed_on(content(world, one)) for one in (left, kept)]
    again = leaks.original(leaks.photograph(), FACE).answers
    world.gateway.releases.answer(world.actors["builder"], left.renditions["photo"].id, again)
    world.work()
    world.review(left.release)
    world.approve_all(left.release)
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], left.release.id)
    for other in copies[1:]:
        world.gateway.releases.withdraw(world.actors["builder"], other.renditions["photo"].id)
    world.shred(left.receipts["photo"].original)
    tracing, builder = world.gateway.tracing, world.actors["builder"]
    (found,) = tracing.trace(builder, leaks_of[0], matter=left.matter.id).candidates
    assert (found.release, found.left) == (left.release.id, True)
    gone = tracing.trace(builder, leaks_of[1])
    assert gone.is_nobody
    assert gone.tested == 1
    with pytest.raises(NotFound):
        tracing.trace(builder, leaks_of[0], matter="mat_" + "0" * 26)
    world.gateway.close()


def test_a_commitment_fits_one_code_and_one_ground() -> None:
    names = {"matter": "mat_1", "original": "org_1", "release": "rel_1"}
    key, other = bytes(32), bytes([1] * 32)
    made = tracing_commitment(key, **names, ground=b"ground")
    check_tracing_commitment(made, key, **names, ground=b"ground")
    wrong = [(other, names, b"ground"), (key, names, b"Ground")]
    wrong += [(key, {**names, name: "x"}, b"ground") for name in names]
    for one, said, ground in wrong:
        with pytest.raises(CodeNotCommitted):
            check_tracing_commitment(made, one, **said, ground=ground)
    seeds = {tracing_seed(key, **{**names, name: said}) for name in names for said in (names[name], "x")}
    assert len(seeds) == 4


def test_what_is_no_picture_or_too_large_is_refused(photo_world: World) -> None:
    tracing, actors = photo_world.gateway.tracing, photo_world.actors
    with pytest.raises(NotTraceable):
        tracing.trace(actors["builder"], b"%PDF-1.7 and so on")
    with pytest.raises(PictureRefused):
        tracing.trace(actors["builder"], leaks.as_png(leaks.photograph())[:5000])
    with pytest.raises(TooLarge):
        tracing.trace(actors["builder"], bytes(tracing.limit_bytes + 1))
    for name in ("auditor", "dispatcher"):
        with pytest.raises(Forbidden):
            tracing.trace(actors[name], b"")


def _traceable(world: World) -> tuple[Traceable, ...]:
    with world.gateway.units.read() as session:
        return world.gateway.renders.traceable(session)
