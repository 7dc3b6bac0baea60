"""A database put back behind what was signed is refused, and goes on only when two people declare it.

Then either nothing of the log is missing, or everybody who verifies it is told what is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.app import Gateway, compose
from gateway.audit.model import Act, LogShrank, RestoreRefused
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people.model import Role, SecondPersonNeeded, SignatureRefused
from gateway.verify import verify_export
from tests.support import journey
from tests.support.databases import close_idle
from tests.support.originals import planted
from tests.support.second import MISSING, Second
from tests.support.world import PASSPHRASE, World


@dataclass
class PutBack:
    """A deployment whose database was put back, with what the lost one had exported and signed."""

    world: World
    lost: World
    left: int
    kept: str
    newest: str
    vkey: str
    export: Path
    original: str

    def signed(self, statement: bytes, *names: str) -> dict[str, bytes]:
        return {self.world.actors[name].person_id: self.world.keys[name].sign(statement) for name in names}

    def declare(self, gateway: Gateway, export: Path | None = None) -> None:
        statement = gateway.restores.statement(export)
        gateway.restores.declare(statement, self.signed(statement, "dispatcher", "legal1"), "disk failed", export)


@pytest.fixture(scope="module")
def once(founded: World, tmp_path_factory: pytest.TempPathFactory) -> PutBack:
    """Made once, only copied: the lost part holds a second original, an export and the shredding of the first."""
    lost = journey.copy(founded, tmp_path_factory.mktemp("lost"))
    matter = lost.matter()
    original = lost.upload(matter, "customer_list", planted("customer_list").data).original
    kept, left = lost.gateway.log.checkpoint().text, lost.gateway.log.size()
    lost.gateway.close()
    close_idle()
    world = journey.copy(lost, tmp_path_factory.mktemp("older"))
    lost.reopen()
    lost.shred(original)
    lost.gateway.extracts.map_matters()
    lost.gateway.log.refused(Act("test.done", "gateway", matter=matter.id))
    export = lost.gateway.log.export(tmp_path_factory.mktemp("export") / "export").folder
    newest = lost.gateway.log.checkpoint().text
    shutil.copy(lost.gateway.settings.high_water, world.gateway.settings.high_water)
    world.gateway.close()
    return PutBack(world, lost, left, kept, newest, lost.gateway.log.vkey(), export, original)


@pytest.fixture
def put_back(once: PutBack, tmp_path: Path) -> PutBack:
    close_idle()
    world = journey.copy(once.world, tmp_path)
    return PutBack(world, once.lost, once.left, once.kept, once.newest, once.vkey, once.export, once.original)


def test_two_people_declare_it_or_it_stays_refused(put_back: PutBack) -> None:
    gateway, restores = put_back.world.gateway, put_back.world.gateway.restores
    with pytest.raises(LogShrank):
        gateway.log.check_continues()
    statement = restores.statement()
    told = json.loads(statement)
    assert (told["left"]["size"], told["known"]["size"]) == (put_back.left, int(put_back.newest.split("\n")[1]))
    good = put_back.signed(statement, "dispatcher", "legal1")
    for signatures, refusal in (
        (put_back.signed(statement, "dispatcher"), SecondPersonNeeded),
        (put_back.signed(statement, "legal1", "legal2"), SecondPersonNeeded),
        (put_back.signed(statement, "dispatcher", "builder"), SecondPersonNeeded),
        (put_back.signed(statement + b" ", "dispatcher", "legal1"), SignatureRefused),
    ):
        with pytest.raises(refusal):
            restores.declare(statement, signatures, "disk failed")
    other = statement.replace(b'"size":', b'"size":1', 1)
    with pytest.raises(RestoreRefused):
        restores.declare(other, put_back.signed(other, "dispatcher", "legal1"), "disk failed")
    with pytest.raises(RestoreRefused):
        restores.declare(statement, good, "disk failed", put_back.export)
    assert gateway.log.size() == put_back.left
    with pytest.raises(LogShrank):
        gateway.log.check_continues()


def test_a_new_log_continues_what_is_left_and_every_verifier_says_so(put_back: PutBack, tmp_path: Path) -> None:
    gateway, left, old = put_back.world.gateway, put_back.left, put_back.vkey
    put_back.declare(gateway)
    log = gateway.log
    entry = json.loads(log.entry(left))
    assert (entry["type"], log.name) == ("log.continued", "gateway~2")
    assert entry["actor"] == put_back.world.actors["dispatcher"].person_id
    assert {one["person"] for one in entry["facts"]["declared"]["signatures"]} == {
        put_back.world.actors[name].person_id for name in ("dispatcher", "legal1")
    }
    assert log.body(left) == {"reason": "disk failed"}
    put_back.world.gateway.close()
    log = put_back.world.reopen().log
    log.check_continues()
    log.refused(Act("test.done", "gateway"))
    assert log.mark() == log.check() == left + 2
    export = log.export(tmp_path / "after").folder
    lost = f"entries {left} to {int(put_back.newest.split(chr(10))[1]) - 1} of the earlier log are not in it"
    for vkey in (old, log.vkey()):
        report = verify_export(export, log_key=vkey, checkpoint=put_back.kept)
        assert (report.ok, len(report.breaks)) == (True, 1)
        assert lost in report.breaks[0]
        assert report.breaks[0] in report.sentence()
        assert report.breaks[0] in report.warnings
    report = verify_export(export, log_key=old, checkpoint=put_back.newest)
    assert not report.ok
    assert any("which continues it after a restore" in step.detail for step in report.steps)
    if MISSING is None:
        with Second() as second:
            told = second.verify(export, log_key=old, checkpoint=put_back.kept)
            assert (told.code, f"entries {left} to" in told.said) == (0, True)
            assert second.verify(export, log_key=old, checkpoint=put_back.newest).code == 1
    with pytest.raises(RestoreRefused):
        put_back.world.gateway.restores.statement()
    put_back.world.enrol("late", {Role.ORIGINATOR})


def test_missing_entries_are_replayed_and_nothing_is_broken(put_back: PutBack, tmp_path: Path) -> None:
    world, gateway = put_back.world, put_back.world.gateway
    assert gateway.intake.get(put_back.original).shredded_at is None
    put_back.declare(gateway, put_back.export)
    log = gateway.log
    lost = put_back.lost.gateway.log
    stop = int(put_back.newest.split("\n")[1])
    assert [*log.entries(0, stop)] == [*lost.entries(0, stop)]
    assert json.loads(log.entry(stop))["type"] == "log.replayed"
    assert gateway.intake.get(put_back.original).shredded_at is not None
    assert (log.name, log.vkey()) == ("gateway", put_back.vkey)
    log.check_continues()
    gateway.extracts.map_matters()
    assert log.check() == log.size()
    export = log.export(tmp_path / "after").folder
    for kept in (put_back.kept, put_back.newest):
        report = verify_export(export, log_key=put_back.vkey, checkpoint=kept)
        assert (report.ok, report.breaks) == (True, []), report
    world.enrol("late", {Role.ORIGINATOR})


@pytest.mark.nightly
def test_an_export_of_another_story_is_not_replayed(put_back: PutBack, tmp_path: Path) -> None:
    """One that ends before what is known, one that was touched, an extract, and none."""
    restores = put_back.world.gateway.restores
    touched = shutil.copytree(put_back.export, tmp_path / "touched")
    data = (touched / "entries.jsonl").read_bytes()
    (touched / "entries.jsonl").write_bytes(data.replace(b'"test.done"', b'"test.gone"'))
    short = shutil.copytree(put_back.export, tmp_path / "short")
    (short / "checkpoint").write_text(put_back.kept, encoding="utf-8")
    for folder in (touched, short, tmp_path / "nothing"):
        with pytest.raises(RestoreRefused):
            restores.statement(folder)
    statement = restores.statement(put_back.export)
    with pytest.raises(RestoreRefused):
        restores.declare(statement, put_back.signed(statement, "dispatcher", "legal1"), "disk failed", touched)
    assert put_back.world.gateway.log.size() == put_back.left


def test_a_log_that_is_not_behind_is_not_restored(put_back: PutBack) -> None:
    with pytest.raises(RestoreRefused):
        put_back.lost.gateway.restores.statement()


def test_a_person_who_was_retired_declares_nothing(put_back: PutBack) -> None:
    gateway = put_back.world.gateway
    statement = gateway.restores.statement()
    stranger = {"per_01j00000000000000000000000": b"x" * 64}
    with pytest.raises(Exception, match="no person"):
        gateway.restores.declare(statement, put_back.signed(statement, "dispatcher") | stranger, "why")


@pytest.mark.parametrize("moment", [pytest.param("before", marks=pytest.mark.nightly), "after"])
def test_killed_in_the_midst_it_is_the_old_refusal_or_the_finished_restore(
    put_back: PutBack, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = put_back.world.gateway.settings
    put_back.world.gateway.close()
    close_idle()

    def killed(*_arguments: object, **_named: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            gateway = compose(settings, PASSPHRASE)
            if moment == "before":
                monkeypatch.setattr(Keyring, "shred", killed)
            else:
                monkeypatch.setattr(Units, "scrub", killed)
            put_back.declare(gateway)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    log = put_back.world.reopen().log
    if moment == "before":
        with pytest.raises(LogShrank):
            log.check_continues()
        assert (log.size(), log.name) == (put_back.left, "gateway")
        put_back.declare(put_back.world.gateway)
    log.check_continues()
    assert log.name == "gateway~2"
    assert log.mark() == log.check() == put_back.left + 1
