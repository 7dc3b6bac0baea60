"""Entries written together are the entries written one by one, and a refused one leaves nothing of the others."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session

from gateway.audit import lineage, matters, service, tree
from gateway.audit.model import Act, ActMalformed, ClockBehind, EntryTooLarge
from gateway.audit.service import Log
from gateway.base.problems import Problem
from gateway.db.unit import ForbiddenWrite, Units, UnloggedChange
from gateway.keys.service import Keyring

MATTER, OTHER = "mat_01j00000000000000000000000", "mat_01j00000000000000000000001"
ACT = Act("test.done", "per_1")
Fill = Callable[[int], None]

ACTS = st.lists(
    st.builds(
        Act,
        type=st.just("test.done"),
        actor=st.just("per_1"),
        matter=st.sampled_from([None, MATTER, OTHER]),
        subject=st.sampled_from([None, "org_1"]),
        facts=st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | st.sampled_from(["x", "y"]), max_size=2),
        body=st.none() | st.fixed_dictionaries({"note": st.sampled_from(["", "x y", "密"])}),
    ),
    max_size=11,
)


class Undone(Exception):
    """Rolls a unit back."""


@pytest.fixture
def standing(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same time at each look, and every subtree a row, so that a short log has some."""
    monkeypatch.setattr(clock, "now", lambda: clock.time)
    monkeypatch.setattr(tree, "STORED_FROM_LEVEL", 1)


def _together(log: Log, session: Session, acts: Sequence[Act]) -> list[int]:
    return list(log.append_all(session, acts))


def _one_by_one(log: Log, session: Session, acts: Sequence[Act]) -> list[int]:
    return [log.append(session, act) for act in acts]


@pytest.mark.usefixtures("standing")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_together_is_one_by_one(
    log: Log, units: Units, keyring: Keyring, monkeypatch: pytest.MonkeyPatch, acts: Sequence[Act]
) -> None:
    """Indexes, leaves with their chains and commitments, hashes, MACs, columns, subtrees; every body opens."""

    def written(how: Callable[[Log, Session, Sequence[Act]], list[int]], *, undo: bool) -> object:
        salts = itertools.count()
        monkeypatch.setattr(service, "token_bytes", lambda length: next(salts).to_bytes(length, "big"))
        told: list[object] = []
        with suppress(Undone), units.change() as session:
            told.append(how(log, session, acts))
            columns = '"index", leaf, leaf_hash, mac, type, actor, matter, seq, subject, at'
            queries = f'{columns} FROM audit_entry ORDER BY "index"', '* FROM audit_node ORDER BY level, "index"'
            told += [[tuple(row) for row in session.execute(text(f"SELECT {query}"))] for query in queries]
            if undo:
                raise Undone
        return told

    if log.size() == 0:
        log.refused(ACT)
    before = log.size()
    assert written(_one_by_one, undo=True) == written(_together, undo=False)
    assert [log.body(before + number) for number in range(len(acts))] == [act.body for act in acts]
    assert log.check() == log.checkpoint().size == before + len(acts)
    with units.read() as session:
        matters.Standing().advance(session, log.size(), lineage.mac_key(session, keyring))


def test_a_log_may_begin_with_several(log: Log, units: Units) -> None:
    with units.change() as session:
        acts = [Act("test.done", "per_1", matter=matter) for matter in (MATTER, None, OTHER, MATTER)]
        assert log.append_all(session, acts) == range(1, 5)
    entries = [json.loads(leaf) for leaf in log.entries(0, 5)]
    assert [entry["type"] for entry in entries] == ["log.opened", *["test.done"] * 4]
    assert [entry.get("seq") for entry in entries] == [None, 1, None, 1, 2]
    assert len({entry["at"] for entry in entries}) == 1
    assert log.check() == 5


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (Act("test.done", "Max Müller"), ActMalformed),
        (Act("test.done", "per_1", matter=MATTER, facts={"digest": "a" * 65_535}), EntryTooLarge),
    ],
)
def test_one_refused_in_the_middle_leaves_nothing(
    log: Log, units: Units, fill: Fill, bad: Act, problem: type[Problem]
) -> None:
    fill(4)
    good = Act("test.done", "per_1", matter=MATTER, body={"note": "x"})
    with pytest.raises(problem), units.change() as session:
        log.append_all(session, [good, good, bad, good])
    assert log.size() == 5
    with units.change() as session:
        with pytest.raises(problem):
            log.append_all(session, [good, good, bad, good])
        assert log.size_in(session) == 5
        assert log.append_all(session, [good, good]) == range(5, 7)
    assert log.check() == log.checkpoint().size == 7


def test_whatever_fails_behind_them_takes_them_all_back(log: Log, units: Units, fill: Fill, clock: Any) -> None:
    fill(1)
    with pytest.raises(Undone), units.change() as session:
        log.append_all(session, [ACT] * 300)
        raise Undone
    with pytest.raises(ForbiddenWrite), units.read() as session:
        log.append_all(session, [ACT] * 2)
    clock.time -= timedelta(days=1)
    with pytest.raises(ClockBehind), units.change() as session:
        log.append_all(session, [ACT] * 2)
    assert log.check() == 2


def test_no_acts_are_no_entry(log: Log, units: Units, fill: Fill) -> None:
    fill(1)
    with units.change() as session:
        assert not log.append_all(session, [])
    with pytest.raises(UnloggedChange), units.change() as session:
        log.append_all(session, [])
        session.execute(text("UPDATE audit_entry SET actor = 'x'"))
    assert log.check() == 2


def test_many_take_the_statements_of_one(log: Log, units: Units, engine: Engine, fill: Fill) -> None:
    """And every large subtree that they complete is stored, though some begin and end among them."""
    fill(9)
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with units.change() as session:
        acts = [
            Act("test.done", "per_1", matter=(MATTER, OTHER)[number % 2], body={"n": number}) for number in range(90)
        ]
        assert log.append_all(session, acts)[0] == 10
    event.remove(engine, "before_cursor_execute", note)
    inserted = [statement for statement in sent if "INSERT INTO audit_entry" in statement]
    ends = [statement for statement in sent if "audit_entry" in statement and statement not in inserted]
    # The end of the log with that of the first matter's chain, then that of the other's.
    assert (len(inserted), len(ends)) == (1, 2)
    with units.change() as session:
        log.append_all(session, [ACT] * 500)
        log.append_all(session, [ACT] * 424)
    with engine.begin() as connection:
        nodes = connection.execute(text('SELECT level, "index" FROM audit_node ORDER BY level, "index"')).all()
    assert [tuple(node) for node in nodes] == [(8, 0), (8, 1), (8, 2), (8, 3), (9, 0), (9, 1), (10, 0)]
    assert log.check() == log.checkpoint().size == 1024
