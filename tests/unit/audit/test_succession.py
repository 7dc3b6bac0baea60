"""Changes of the log's keys: announced by the old ones, and nothing signed before or after is out of reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from gateway.audit import lineage, rules
from gateway.audit.model import Act, LogDamaged, LogEmpty
from gateway.audit.service import Log
from gateway.audit.succession import Successions
from gateway.audit.tables import CheckpointRow
from gateway.base.clock import Clock
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import succession
from gateway.seal.note import NoteInvalid, open_checkpoint, parse_vkeys, sign_checkpoint
from gateway.seal.succession import SuccessionInvalid
from tests.unit.audit.conftest import MATTER, ORIGIN, TickingClock

Fill = Callable[[int], None]


@pytest.fixture
def successions(log: Log, units: Units, keyring: Keyring, clock: Clock) -> Successions:
    return Successions(units, keyring, log, clock)


def test_everything_goes_on_under_new_keys(
    log: Log,
    units: Units,
    keyring: Keyring,
    clock: TickingClock,
    successions: Successions,
    fill: Fill,
    high_water: Path,
) -> None:
    fill(4)
    before, first = log.checkpoint(), log.vkey()
    done = successions.rotate()
    assert (done.entry, done.name) == (5, ORIGIN)
    assert log.vkey() != first
    assert (log.first_vkey(), log.public_key().fingerprint) == (first, done.fingerprint)
    after = log.checkpoint()
    assert open_checkpoint(after.text, *parse_vkeys(log.vkey())).size == 6
    with pytest.raises(NoteInvalid):
        open_checkpoint(after.text, *parse_vkeys(first))
    fill(3)
    assert log.mark() == log.size() == log.check() == 9
    log.check_continues()
    with units.read() as session:
        texts = session.scalars(select(CheckpointRow.text)).all()
        assert [log.opened(session, one).size for one in sorted(texts, key=len)]
    assert log.body(1) == {"note": "密 0"}
    again = Log(units, keyring, clock, ORIGIN, high_water)
    assert (again.vkey(), again.mark()) == (log.vkey(), 9)
    assert before.origin == after.origin == ORIGIN


def test_each_change_says_what_the_old_keys_and_the_new_ones_signed(
    log: Log, successions: Successions, fill: Fill
) -> None:
    fill(1)
    keys = [log.public_key()]
    for _ in range(2):
        successions.rotate()
        keys.append(log.public_key())
    lines = log.succession()
    told = [succession.parse(line) for line in lines]
    assert [(one.before.key, one.after.key) for one in told] == [(keys[0], keys[1]), (keys[1], keys[2])]
    assert [one.size for one in told] == [2, 3]
    assert json.loads(log.entry(2))["type"] == lineage.ROTATED
    assert [era.after for era in log.lineage().eras] == [0, 2, 3]


def test_the_old_seeds_are_gone_and_entries_keep_their_macs(
    log: Log, units: Units, keyring: Keyring, successions: Successions, fill: Fill, engine: Engine
) -> None:
    fill(3)
    with units.read() as session:
        old = signing_twin(keyring, session, Signer.LOG)
        wrapped = session.execute(text("SELECT wrapped FROM key WHERE role LIKE 'log_signing%'")).scalars().all()
    successions.rotate()
    with units.read() as session:
        assert lineage.mac_key(session, keyring) == rules.mac_key(old.ed25519.seed)
        left = session.execute(text("SELECT wrapped FROM key")).scalars().all()
    assert len(wrapped) == 2
    assert not {*wrapped} & {*left}
    fill(2)
    assert log.check() == 7


def test_a_hidden_change_is_noticed(log: Log, successions: Successions, fill: Fill, engine: Engine) -> None:
    fill(1)
    successions.rotate()
    with engine.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET subject = NULL WHERE subject = 'log.keys'"))
    for act in (log.checkpoint, log.vkey, log.mark):
        with pytest.raises(LogDamaged, match="keys that it has"):
            act()


def test_a_log_without_an_entry_has_no_keys_to_change(successions: Successions) -> None:
    with pytest.raises(LogEmpty):
        successions.rotate()


def test_what_the_old_keys_sign_afterwards_is_not_of_this_log(
    log: Log, units: Units, keyring: Keyring, successions: Successions, fill: Fill
) -> None:
    fill(1)
    with units.read() as session:
        old = signing_twin(keyring, session, Signer.LOG)
    successions.rotate()
    fill(1)
    with units.read() as session:
        stolen = log.signable(session)
    assert stolen is not None
    with pytest.raises(NoteInvalid), units.read() as session:
        log.opened(session, sign_checkpoint(stolen, old))


def test_a_statement_that_was_touched_does_not_hold(log: Log, successions: Successions, fill: Fill) -> None:
    fill(1)
    successions.rotate()
    [line] = log.succession()

    def touched(change: Callable[[dict[str, Any], dict[str, Any]], object]) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(line)
        change(told, told["statement"])
        return told

    values = {"size": 1, "root": "00" * 32, "at": "2026", "known": "AA==", "type": "other", "more": 1}
    changes: list[Callable[[dict[str, Any], dict[str, Any]], object]] = [
        lambda told, _said: told["signatures"].pop(),
        lambda told, _said: told["signatures"].reverse(),
        lambda _told, said: said.update(next=said["log"], log=said["next"]),
        *(lambda _told, said, one=one: said.update([one]) for one in values.items()),
    ]
    for change in changes:
        with pytest.raises(SuccessionInvalid):
            succession.check(touched(change))
    assert succession.check(json.loads(line)).size == 2


def test_an_act_between_two_changes_stays_where_it_is(log: Log, successions: Successions, fill: Fill) -> None:
    fill(1)
    successions.rotate()
    log.refused(Act("test.done", "per_1", matter=MATTER))
    successions.rotate()
    assert log.check() == 5
