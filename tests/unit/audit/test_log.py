"""Every act is an entry; nothing is signed over a log that is not the one signed before."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from sqlalchemy import Engine, event, text

from gateway.audit import rules, tree
from gateway.audit.highwater import HighWaterMark, HighWaterMissing
from gateway.audit.model import (
    ERASING,
    Act,
    ActMalformed,
    ClockBehind,
    EntryTooLarge,
    LogDamaged,
    LogEmpty,
    LogForked,
    LogShrank,
    NoSuchEntry,
)
from gateway.audit.service import Log
from gateway.db.unit import ForbiddenWrite, Units, UnloggedChange
from gateway.keys.model import KeyShredded
from gateway.keys.service import Keyring
from gateway.seal import envelope, merkle
from gateway.seal.envelope import EnvelopeTampered
from gateway.seal.note import NoteInvalid, open_checkpoint, parse_vkeys

MATTER = "mat_01j00000000000000000000000"
ACT = Act("test.done", "per_1")
Fill = Callable[[int], None]


def tamper(engine: Engine, statement: str, **values: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), {"blank": bytes(32), "other": b'{"type":"other"}', **values})


def test_the_first_entry_names_the_log_and_its_key(log: Log) -> None:
    assert log.refused(Act("thing.refused", "per_1")) == 1
    first = json.loads(log.entry(0))
    assert first["type"] == "log.opened"
    assert first["facts"] == {"origin": log.name, "keys": list(log.public_key().texts)}
    assert parse_vkeys(log.vkey()) == (log.name, log.public_key())


def test_an_entry_is_what_rfc_8785_makes_of_it(log: Log, fill: Fill) -> None:
    fill(7)
    leaves = list(log.entries(0, 100))
    assert len(leaves) == log.size() == 8
    for leaf in leaves:
        assert rfc8785.dumps(json.loads(leaf)) == leaf
    assert list(log.entries(3, 5)) == leaves[3:5]


def test_entry_and_change_stand_or_fall_together(log: Log, units: Units, fill: Fill) -> None:
    fill(1)
    with pytest.raises(ZeroDivisionError), units.change() as session:
        log.append(session, Act("test.done", "per_1", facts={"number": 1 // (log.append(session, ACT) - 2)}))
    assert log.size() == 2
    with pytest.raises(UnloggedChange), units.change() as session:
        session.execute(text("UPDATE audit_entry SET actor = 'x'"))
    with pytest.raises(ForbiddenWrite), units.read() as session:
        log.append(session, Act("test.done", "per_1"))
    assert log.size() == 2


def test_a_matter_numbers_its_entries_and_names_their_predecessors(log: Log, units: Units) -> None:
    with units.change() as session:
        for matter in (MATTER, None, MATTER, "mat_2", MATTER):
            log.append(session, Act("test.done", "per_1", matter=matter))
    leaves = list(log.entries(1, 6))
    entries = [json.loads(leaf) for leaf in leaves]
    assert [entry.get("seq") for entry in entries] == [1, None, 2, 1, 3]
    assert entries[0]["prev"] is None
    assert entries[2]["prev"] == merkle.leaf_hash(leaves[0]).hex()
    assert entries[4]["prev"] == merkle.leaf_hash(leaves[2]).hex()
    assert "prev" not in entries[1]


@pytest.mark.parametrize(
    "act",
    [
        Act("Done", "per_1"),
        Act("done", "per_1"),
        Act("test.done", ""),
        Act("test.done", "Max Müller"),
        Act("test.done", "per_1", subject="a b"),
        Act("test.done", "per_1", matter="x" * 129),
        Act("test.done", "per_1", facts={"buyer": "Max Müller"}),
        Act("test.done", "per_1", facts={"list": [{"deep": "two words"}]}),
        Act("test.done", "per_1", facts={"a name": 1}),
    ],
)
def test_what_is_no_act_or_may_hold_a_name_is_refused(log: Log, act: Act) -> None:
    with pytest.raises(ActMalformed):
        log.refused(act)


def test_an_entry_past_its_bound_is_refused(log: Log) -> None:
    with pytest.raises(EntryTooLarge):
        log.refused(Act("test.done", "per_1", facts={"digest": "a" * 65_535}))


def test_a_body_is_encrypted_committed_to_and_erasable(
    log: Log, units: Units, keyring: Keyring, tmp_path: Path
) -> None:
    body = {"reason": "Preisliste gehört nicht dazu 价格"}
    with units.change() as session:
        index = log.append(session, Act("review.refused", "per_1", matter=MATTER, body=body))
    assert log.body(index) == body
    assert log.body(0) is None
    with pytest.raises(NoSuchEntry):
        log.body(99)
    assert len(json.loads(log.entry(index))["body"]) == 64
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Preisliste" not in files
    assert "价格".encode() not in files
    with units.change() as session:
        keyring.shred(session, keyring.find(session, role="audit_body", owner=MATTER))
        log.append(session, Act("matter.erased", "per_1", matter=MATTER))
    with pytest.raises(KeyShredded):
        log.body(index)
    log.checkpoint()


def test_an_older_copy_of_an_erased_body_opens_with_no_key_in_use(
    log: Log, units: Units, keyring: Keyring, engine: Engine
) -> None:
    """What is left of the matter's bodies opens as before; the key that the erased one was sealed with is nowhere."""
    other, body = "mat_01j00000000000000000000001", {"name": "价格"}
    with units.change() as session:
        gone, kept, elsewhere = (
            log.append(session, Act("test.done", "per_1", matter=matter, subject=subject, body=body))
            for matter, subject in ((MATTER, "org_1"), (MATTER, "org_2"), (other, "org_3"))
        )
        old = keyring.find(session, role="audit_body", owner=MATTER)
        foreign = keyring.find(session, role="audit_body", owner=other)
    with engine.connect() as connection:
        sealed = connection.scalar(text('SELECT body_sealed FROM audit_entry WHERE "index" = :at'), {"at": gone})
        wrapped = connection.scalar(text("SELECT wrapped FROM key WHERE id = :id"), {"id": old})
    assert sealed
    assert wrapped
    with units.change() as session:
        bodies = log.erase_bodies(session, ["org_1"])
        facts = {"bodies": bodies}
        erased = log.append(session, Act(ERASING, "per_1", matter=MATTER, subject="org_1", facts=facts, body=body))
    assert bodies == [gone]
    assert (log.body(gone), log.body(kept), log.body(elsewhere), log.body(erased)) == (None, body, body, body)
    with units.read() as session:
        with pytest.raises(KeyShredded):
            keyring.unwrap(session, old)
        new = keyring.find(session, role="audit_body", owner=MATTER)
        with pytest.raises(EnvelopeTampered):
            envelope.open_small(keyring.unwrap(session, new), f"audit/body/{gone}", sealed)
        assert keyring.find(session, role="audit_body", owner=other) == foreign
    with engine.connect() as connection:
        assert wrapped not in connection.scalars(text("SELECT wrapped FROM key")).all()
    assert log.check() == log.size()


def test_equal_bodies_are_not_seen_to_be_equal(log: Log, units: Units) -> None:
    with units.change() as session:
        for _ in range(2):
            log.append(session, Act("test.done", "per_1", body={"answer": "no"}))
    one, other = (json.loads(leaf)["body"] for leaf in log.entries(1, 3))
    assert one != other


def test_a_changed_or_missing_body_is_noticed(log: Log, fill: Fill, engine: Engine) -> None:
    fill(4)
    fourth = '(SELECT body_sealed FROM audit_entry WHERE "index" = 4)'
    tamper(engine, f'UPDATE audit_entry SET body_sealed = {fourth} WHERE "index" = 1')
    with pytest.raises(EnvelopeTampered):
        log.body(1)
    tamper(engine, 'UPDATE audit_entry SET body_sealed = NULL WHERE "index" = 1')
    with pytest.raises(LogDamaged):
        log.body(1)


def test_a_body_that_its_entry_does_not_speak_of_is_noticed(log: Log, fill: Fill, engine: Engine) -> None:
    fill(1)
    forged = json.loads(log.entry(1)) | {"body": "00" * 32}
    tamper(engine, 'UPDATE audit_entry SET leaf = :leaf WHERE "index" = 1', leaf=rfc8785.dumps(forged))
    with pytest.raises(LogDamaged, match="not what was written"):
        log.body(1)


def test_an_empty_log_signs_nothing(log: Log) -> None:
    with pytest.raises(LogEmpty):
        log.checkpoint()


def test_checkpoints_are_signed_over_the_root_and_kept(log: Log, fill: Fill, high_water: Path) -> None:
    fill(3)
    first = log.checkpoint()
    assert log.checkpoint() == first
    fill(6)
    second = log.checkpoint()
    assert (first.size, second.size) == (4, 10)
    for checkpoint in (first, second):
        opened = open_checkpoint(checkpoint.text, log.name, log.public_key())
        assert (opened.size, opened.root) == (checkpoint.size, checkpoint.root)
        assert checkpoint.root == merkle.root(log.entries(0, checkpoint.size))
    assert high_water.read_text(encoding="utf-8") == second.text
    merkle.check_consistency(4, 10, first.root, second.root, log.consistency_proof(4, 10))


def test_only_large_complete_subtrees_are_stored(log: Log, fill: Fill, engine: Engine) -> None:
    fill(599)
    checkpoint = log.checkpoint()
    fill(1)
    assert checkpoint.root == merkle.root(log.entries(0, 600))
    for index in (0, 1, 150, 511, 512, 599):
        proof = log.inclusion_proof(index, checkpoint.size)
        merkle.check_inclusion(index, checkpoint.size, merkle.leaf_hash(log.entry(index)), proof, checkpoint.root)
    with engine.begin() as connection:
        nodes = connection.execute(text('SELECT level, "index" FROM audit_node ORDER BY level, "index"')).all()
    assert nodes == [(8, 0), (8, 1), (9, 0)]
    assert log.check() == 601


@pytest.fixture
def all_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every subtree is a row, so that a short log has some."""
    monkeypatch.setattr(tree, "STORED_FROM_LEVEL", 1)


def test_a_proof_text_is_checked_before_it_leaves(log: Log, fill: Fill, engine: Engine) -> None:
    fill(9)
    checkpoint = log.checkpoint()
    proof = log.tlog_proof(5, checkpoint)
    assert proof.startswith("c2sp.org/tlog-proof@v1\nextra ")
    assert proof.endswith("\n\n" + checkpoint.text)
    with pytest.raises(NoSuchEntry):
        log.tlog_proof(77, checkpoint)
    tamper(engine, 'UPDATE audit_entry SET leaf_hash = :blank WHERE "index" = 2')
    with pytest.raises(merkle.ProofInvalid):
        log.tlog_proof(5, checkpoint)
    tamper(engine, 'UPDATE audit_entry SET leaf = :other WHERE "index" = 5')
    with pytest.raises(LogDamaged):
        log.tlog_proof(5, checkpoint)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ('DELETE FROM audit_entry WHERE "index" >= 5', LogShrank),
        ("DELETE FROM audit_entry", LogShrank),
        ("UPDATE audit_node SET hash = :blank WHERE level = 3", LogForked),
        ("DELETE FROM audit_node WHERE level = 3", LogDamaged),
        ('UPDATE audit_entry SET leaf = :other WHERE "index" = 12', LogDamaged),
        ('UPDATE audit_entry SET leaf_hash = :blank WHERE "index" = 12', LogDamaged),
        ('DELETE FROM audit_entry WHERE "index" = 12', LogDamaged),
        ('UPDATE audit_node SET hash = :blank WHERE level = 1 AND "index" = 6', LogDamaged),
        (
            "UPDATE audit_checkpoint SET text = replace(text, '\n10', '\n9')",
            NoteInvalid,
        ),
    ],
)
def test_nothing_is_signed_over_a_shrunk_forked_or_damaged_log(
    log: Log, fill: Fill, engine: Engine, all_stored: None, statement: str, problem: type[Exception]
) -> None:
    fill(9)
    log.checkpoint()
    fill(4)
    tamper(engine, statement)
    with pytest.raises(problem):
        log.checkpoint()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ('UPDATE audit_entry SET leaf_hash = :blank WHERE "index" = 4', LogForked),
        ('DELETE FROM audit_entry WHERE "index" = 4', LogDamaged),
    ],
)
def test_what_was_signed_over_is_looked_at_again_down_to_the_leaf_hashes(
    log: Log, fill: Fill, engine: Engine, statement: str, problem: type[Exception]
) -> None:
    fill(9)
    log.checkpoint()
    fill(4)
    tamper(engine, statement)
    for look in (log.checkpoint, log.check_continues):
        with pytest.raises(problem):
            look()


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ('UPDATE audit_entry SET leaf_hash = :blank WHERE "index" = 4', LogDamaged),
        ('UPDATE audit_entry SET leaf = :other WHERE "index" = 4', LogDamaged),
        ('DELETE FROM audit_entry WHERE "index" = 4', LogDamaged),
        ("UPDATE audit_node SET hash = :blank WHERE level = 3", LogForked),
        ('DELETE FROM audit_entry WHERE "index" >= 5', LogShrank),
    ],
)
def test_a_whole_check_finds_what_was_changed_long_ago(
    log: Log, fill: Fill, engine: Engine, all_stored: None, statement: str, problem: type[Exception]
) -> None:
    fill(9)
    assert log.check() == 10
    log.checkpoint()
    tamper(engine, statement)
    with pytest.raises(problem):
        log.check()


@pytest.mark.parametrize("page", [1, 3, 5, 100])
def test_a_missing_entry_is_named_wherever_pages_end(
    log: Log, fill: Fill, engine: Engine, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "PAGE", page)
    fill(9)
    assert len(list(log.entries(0, 10))) == log.check() == 10
    tamper(engine, 'DELETE FROM audit_entry WHERE "index" = 4')
    with pytest.raises(LogDamaged, match="Entry 4 "):
        log.check()


def test_entries_rewritten_with_all_their_hashes_do_not_pass_a_checkpoint(
    log: Log, units: Units, fill: Fill, engine: Engine, high_water: Path
) -> None:
    fill(1)
    log.checkpoint()
    forged = log.entry(1).replace(b"per_1", b"per_2")
    hashes = [merkle.leaf_hash(log.entry(0)), merkle.leaf_hash(forged)]
    with units.read() as session:
        mac = rules.entry_mac(log._mac_key(session), 1, hashes[1])
    change = 'UPDATE audit_entry SET leaf = :a, leaf_hash = :b, mac = :c WHERE "index" = 1'
    tamper(engine, change, a=forged, b=hashes[1], c=mac)
    for check in (log.check, log.checkpoint):
        with pytest.raises(LogForked):
            check()


def test_a_database_put_back_is_noticed_by_the_mark_outside(
    log: Log, fill: Fill, engine: Engine, high_water: Path
) -> None:
    fill(5)
    log.checkpoint()
    fill(5)
    newest = log.checkpoint()
    for statement in (
        'DELETE FROM audit_entry WHERE "index" >= 6',
        "DELETE FROM audit_checkpoint WHERE size > 6",
    ):
        tamper(engine, statement)
    with pytest.raises(LogShrank):
        log.checkpoint()
    fill(5)
    with pytest.raises(LogForked):
        log.checkpoint()
    high_water.unlink()
    with pytest.raises(HighWaterMissing):
        log.checkpoint()
    high_water.write_text(newest.text, encoding="utf-8")
    with pytest.raises(LogForked):
        log.checkpoint()


def test_what_was_marked_and_never_checkpointed_cannot_be_put_back_either(
    log: Log, fill: Fill, engine: Engine, high_water: Path
) -> None:
    assert log.mark() == 0
    fill(5)
    assert (log.mark(), log.mark()) == (6, 6)
    marked = high_water.read_text(encoding="utf-8")
    assert open_checkpoint(marked, log.name, log.public_key()).root == merkle.root(log.entries(0, 6))
    tamper(engine, 'DELETE FROM audit_entry WHERE "index" >= 4')
    for sign in (log.mark, log.checkpoint, log.check_continues):
        with pytest.raises(LogShrank):
            sign()
    fill(5)
    for sign in (log.mark, log.checkpoint, log.check_continues):
        with pytest.raises(LogForked):
            sign()
    assert high_water.read_text(encoding="utf-8") == marked


def test_a_checkpoint_and_a_mark_are_each_other_s_beginning(log: Log, fill: Fill, high_water: Path) -> None:
    fill(2)
    first = log.checkpoint()
    assert (log.mark(), high_water.read_text(encoding="utf-8")) == (3, first.text)
    fill(2)
    assert log.mark() == 5
    assert log.checkpoint().size == 5
    high_water.write_text(first.text, encoding="utf-8")
    assert log.mark() == 5
    assert open_checkpoint(high_water.read_text(encoding="utf-8"), log.name, log.public_key()).size == 5


def test_a_mark_over_a_changed_entry_is_not_signed(log: Log, fill: Fill, engine: Engine, high_water: Path) -> None:
    fill(3)
    tamper(engine, 'UPDATE audit_entry SET leaf = :a WHERE "index" = 2', a=log.entry(2).replace(b"per_1", b"per_2"))
    with pytest.raises(LogDamaged):
        log.mark()
    assert not high_water.exists()


def test_two_writers_leave_one_whole_mark(high_water: Path) -> None:
    high_water.parent.mkdir(exist_ok=True)
    texts = [str(number) * 4000 for number in range(2)]
    marks = [HighWaterMark(high_water) for _ in texts]
    threads = [
        threading.Thread(target=lambda mark=mark, text=text: [mark.write(text) for _ in range(40)])
        for mark, text in zip(marks, texts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert high_water.read_text(encoding="utf-8") in texts
    assert [path.name for path in high_water.parent.iterdir()] == [high_water.name]


def test_without_a_mark_outside_the_log_works_alone(units: Units, keyring: Keyring, log: Log, fill: Fill) -> None:
    fill(1)
    assert Log(units, keyring, log._clock, log.name).checkpoint().size == 2


def times(log: Log) -> list[str]:
    return [json.loads(leaf)["at"] for leaf in log.entries(0, log.size())]


def test_a_clock_that_is_a_little_behind_does_not_turn_the_order_round(log: Log, fill: Fill, clock: Any) -> None:
    fill(1)
    clock.time -= timedelta(minutes=4)
    fill(2)
    clock.time += timedelta(minutes=10)
    fill(1)
    assert times(log) == sorted(times(log))
    assert len(set(times(log)[1:4])) == 1
    assert log.check() == 5


def test_nothing_is_written_while_the_clock_is_far_behind(log: Log, fill: Fill, clock: Any) -> None:
    fill(1)
    clock.time -= timedelta(days=1)
    with pytest.raises(ClockBehind, match=r"14[34][0-9] minutes behind"):
        fill(1)
    with pytest.raises(ClockBehind):
        log.check_clock()
    assert log.size() == 2
    clock.time += timedelta(days=1)
    log.check_clock()
    fill(1)


def test_the_way_out_of_a_newest_entry_from_the_future_is_an_entry_too(log: Log, fill: Fill, clock: Any) -> None:
    fill(1)
    clock.time += timedelta(days=3000)
    fill(1)
    clock.time -= timedelta(days=3000)
    with pytest.raises(ClockBehind):
        fill(1)
    told = json.loads(log.entry(log.accept_clock()))
    assert told["type"] == "clock.accepted"
    assert (told["facts"]["newest"][:4], told["at"][:4]) == ("2034", "2026")
    fill(1)
    assert log.check() == 5


def test_an_entry_takes_few_statements_and_none_reads_a_whole_table(
    log: Log, units: Units, engine: Engine, fill: Fill
) -> None:
    fill(39)
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with units.change() as session:
        assert log.append(session, Act("test.done", "per_1", matter=MATTER, body={"note": "x"})) == 40
    event.remove(engine, "before_cursor_execute", note)
    # Begin, the log's end, its key with those of the matter, the entry.
    assert len(sent) == 4
    if engine.dialect.name == "sqlite":
        reads = [(f"EXPLAIN QUERY PLAN {statement}", values) for statement, values in sent if "SELECT" in statement]
        with engine.connect() as connection:
            steps = [row[3] for read in reads for row in connection.exec_driver_sql(*read)]
        assert any(step.startswith("SEARCH key USING INDEX") for step in steps)
        assert not any(step.startswith(("SCAN key", "SCAN audit_node")) for step in steps)


def test_no_entry_is_written_beside_a_subtree_that_is_missing(
    log: Log, units: Units, engine: Engine, fill: Fill, all_stored: None
) -> None:
    fill(2)
    tamper(engine, "DELETE FROM audit_node")
    with pytest.raises(LogDamaged, match="subtree 0 at level 1"), units.change() as session:
        log.append(session, ACT)
    assert log.size() == 3
