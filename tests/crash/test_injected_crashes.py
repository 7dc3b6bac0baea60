"""A crash before and after every write, fsync, rename and commit of every stage loses nothing and reveals nothing."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.app import compose
from gateway.founding import AlreadyInitialised, NotFounded, initialise
from gateway.keys.providers.passphrase import WrongPassphrase
from gateway.release.model import State
from gateway.seal.recipient import decrypt_with
from gateway.seal.twin import to_text
from gateway.verify import verify_package
from tests.crash.boundaries import KILLED
from tests.crash.checks import (
    Held,
    check_acknowledged,
    check_all,
    held_by,
    opened_sha256,
    plaintext_in,
    restarted,
    runs_of,
)
from tests.crash.injector import Injector
from tests.crash.stages import LARGE, STAGES, keep, name_database, settings_of
from tests.support.databases import Database, copied_url
from tests.support.world import PASSPHRASE, World

# What each stage takes at least: a wrapper that misses its mark would pass over it in silence.
TAKES = {
    "upload": {"write": 3, "fsync": 2, "rename": 1, "commit": 2},
    "resume": {"write": 8, "fsync": 6, "rename": 3, "unlink": 2, "commit": 5},
    "render": {"write": 4, "fsync": 8, "rename": 4, "commit": 3},
    "render-photo": {"write": 4, "fsync": 8, "rename": 4, "commit": 3},
    "approve": {"write": 6, "fsync": 12, "rename": 6, "commit": 4},
    "dispatch-portal": {"write": 1, "fsync": 4, "rename": 1, "replace": 1, "commit": 4},
    "dispatch-sealed": {"write": 1, "fsync": 4, "rename": 1, "replace": 1, "commit": 4},
    "restart": {"unlink": 4, "fsync": 2, "replace": 1, "commit": 2},
}


_MORE_THAN_IT_TAKES = 20

# A photo takes the steps of a table, a package in the portal those of a sealed one. By day the crashes before each step
# are those of an upload; those after each commit, when somebody may have been told, are of every stage.
_NIGHTLY_STAGES = frozenset({"render-photo", "dispatch-portal"})


def _boundaries() -> Iterator[object]:
    """Each stage, and on which side of its steps it crashes.

    After a write, an fsync or a rename the disk is as before the next step; after a commit somebody may have been told.
    """
    for stage in STAGES:
        for when in ("before", "after-commit", "after"):
            nightly = when == "after" or stage in _NIGHTLY_STAGES or (when == "before" and stage != "upload")
            yield pytest.param(stage, when, id=f"{stage}-{when}", marks=(pytest.mark.nightly,) if nightly else ())


@dataclass(frozen=True)
class Prepared:
    """A folder in which one stage is about to begin, what is held outside, and runs of its originals."""

    folder: Path
    held: Held
    runs: tuple[bytes, ...]


@pytest.fixture(scope="module")
def prepared(
    one_library: None, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Prepared]:
    """Prepares each stage once."""
    made: dict[str, Prepared] = {}

    def prepare(stage: str) -> Prepared:
        if stage not in made:
            world = World.create(tmp_path_factory.mktemp(stage), database)
            facts = STAGES[stage].prepare(world)
            keep(world, facts)
            original = original_bytes(world, facts["original"]) if "original" in facts else LARGE
            held = held_by(world)
            world.gateway.close()
            assert plaintext_in(world.folder / "data", runs_of(original)) == []
            made[stage] = Prepared(world.folder, held, runs_of(original))
        return made[stage]

    return prepare


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("stage", "when"), [*_boundaries()])
def test_a_crash_at_every_boundary_loses_nothing_and_leaves_nothing(
    stage: str, when: str, injector: Injector, prepared: Callable[[str], Prepared], tmp_path: Path
) -> None:
    base = prepared(stage)
    whole = crashed(injector, base, stage, tmp_path / "whole")
    assert whole["status"] == 0, whole["failed"]
    crossed = whole["crossed"]
    for name, least in TAKES[stage].items():
        assert crossed.count(name) >= least, crossed
    check_order(crossed)
    recovered(base, stage, whole["acknowledged"], tmp_path / "whole")
    for at, name in enumerate(crossed):
        if when == "after-commit" and name != "commit":
            continue
        folder = tmp_path / f"{at}"
        told = crashed(injector, base, stage, folder, at, when.partition("-")[0])
        try:
            assert told["status"] == KILLED, told["failed"]
            recovered(base, stage, told["acknowledged"], folder)
        except BaseException as error:
            error.add_note(f"the process had ended {when} boundary {at} of {len(crossed)}, a {name}; {crossed}")
            raise
        shutil.rmtree(folder)


def check_order(crossed: Sequence[str]) -> None:
    """What a power cut asks for: bytes are durable before their name is, and the name before anything is committed."""
    for at, name in enumerate(crossed):
        if name in {"rename", "replace"}:
            assert (crossed[at - 1], crossed[at + 1]) == ("fsync", "fsync"), (at, crossed)
        if name == "write":
            assert crossed[at + 1] in {"write", "fsync"}, (at, crossed)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_that_was_interrupted_can_be_repeated(
    when: str, injector: Injector, database: Database, tmp_path: Path
) -> None:
    for name in ("whole", *map(str, range(_MORE_THAN_IT_TAKES))):
        (tmp_path / name).mkdir()
        name_database(tmp_path / name, database.settings(tmp_path).database_url)
    crossed = injector.run(tmp_path / "whole", "initialise")["crossed"]
    assert {"link": 1, "rename": 1, "commit": 2}.items() <= {name: crossed.count(name) for name in crossed}.items()
    whole = {path.name for path in (tmp_path / "whole" / "data").iterdir()}
    assert len(crossed) <= _MORE_THAN_IT_TAKES
    for at, name in enumerate(crossed):
        folder = tmp_path / f"{at}"
        told = injector.run(folder, "initialise", at, when)
        assert told["status"] == KILLED, (at, name, told["failed"])
        settings = settings_of(folder)
        if settings.database.exists() or settings.log_key.exists():
            with pytest.raises(AlreadyInitialised):
                initialise(settings, PASSPHRASE)
        else:
            with pytest.raises(NotFounded):
                compose(settings, PASSPHRASE)
            initialise(settings, PASSPHRASE)
            assert {path.name for path in settings.data_dir.iterdir()} == whole, (at, name)
        gateway = compose(settings, PASSPHRASE)
        assert gateway.log.check() == gateway.log.size() > 0
        assert all(text in gateway.log.entry(1).decode() for text in gateway.package_key().public.texts)
        gateway.close()


def test_a_key_file_without_its_database_is_kept_and_wants_its_passphrase(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    initialise(settings, PASSPHRASE)
    settings.database.unlink()
    before = settings.key_file.read_bytes()
    with pytest.raises(WrongPassphrase):
        initialise(settings, b"another passphrase")
    initialise(settings, PASSPHRASE)
    assert settings.key_file.read_bytes() == before
    gateway = compose(settings, PASSPHRASE)
    gateway.log.checkpoint()
    gateway.close()
    settings.database.unlink()
    with pytest.raises(AlreadyInitialised):
        initialise(settings, PASSPHRASE)


def crashed(
    injector: Injector, base: Prepared, stage: str, folder: Path, at: int | None = None, when: str = "before"
) -> Mapping[str, Any]:
    """Copy the prepared folder, run the stage in it up to its end, look for plaintext before anything is tidied."""
    shutil.copytree(base.folder, folder)
    name_database(folder, copied_url(settings_of(folder).database_url))
    told = injector.run(folder, stage, at, when)
    assert plaintext_in(folder / "data", base.runs, seen=base.folder / "data") == []
    return told


def recovered(base: Prepared, stage: str, acknowledged: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Restart, check, carry the stage on to its end, check again."""
    world, facts = restarted(folder)
    try:
        entries = check_all(world, base.held, folder / "export")
        check_acknowledged(world, acknowledged, entries)
        told: list[Mapping[str, Any]] = []
        STAGES[stage].step(world, facts, told.append)
        entries = check_all(world, base.held, folder / "export-after")
        check_acknowledged(world, told, entries)
        finished(world, facts, stage, folder)
    finally:
        world.gateway.close()


def finished(world: World, facts: Mapping[str, str], stage: str, folder: Path) -> None:
    """What the whole stage was for is there, once."""
    if stage == "upload":
        (original,) = world.gateway.intake.originals(facts["matter"])
        assert original.classification is not None
    elif stage == "resume":
        (original,) = world.gateway.intake.originals(facts["matter"])
        assert opened_sha256(world, original.object_id) == hashlib.sha256(LARGE).hexdigest()
    elif stage.startswith("render"):
        (one,) = world.gateway.renders.of_release(facts["release"])
        assert one.state.value == "clean"
    elif stage == "approve":
        assert world.gateway.releases.get(facts["release"]).state is State.APPROVED
        assert len(world.gateway.releases.approvals(facts["release"])[0]) == 2
    elif stage.startswith("dispatch"):
        package = world.package(world.gateway.releases.get(facts["release"]))
        if stage == "dispatch-sealed":
            opened = io.BytesIO()
            decrypt_with(world.identity, io.BytesIO(package), opened)
            package = opened.getvalue()
        (folder / "package.zip").write_bytes(package)
        report = verify_package(
            folder / "package.zip",
            log_key=world.gateway.log.vkey(),
            package_key=to_text(world.gateway.package_key().public),
        )
        assert report.ok, report.to_json()


def original_bytes(world: World, original_id: str) -> bytes:
    """An original as it was uploaded."""
    original = world.gateway.intake.get(original_id)
    with world.gateway.units.read() as session:
        return world.gateway.renders.part(session, original.object_id)
