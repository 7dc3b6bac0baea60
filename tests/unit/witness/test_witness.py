"""A witness cosigns only what continues what it cosigned before, whatever is asked, raced or killed."""

from __future__ import annotations

import hashlib
import http.client
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from gateway.base.canon import canonical
from gateway.base.problems import Problem
from gateway.cli.main import run
from gateway.seal import merkle
from gateway.seal.add_checkpoint import request
from gateway.seal.cosignature import cosignatures
from gateway.seal.merkle import EMPTY_ROOT, ProofInvalid
from gateway.seal.note import Checkpoint, open_checkpoint, sign_checkpoint
from gateway.seal.signature import BadKey
from gateway.seal.succession import Named, Succession, SuccessionInvalid
from gateway.seal.twin import SigningTwin
from gateway.witness.service import LogKnownOtherwise, NotOfThisLog, NoWitness, SizeDiffers, Witness, WitnessExists
from gateway.witness.store import WitnessUnusable
from tests.support.witnesses import NAME, ORIGIN, PASSPHRASE, GrowingLog, Serving, made

SIZES = (1, 2, 3, 7, 8, 300)


@pytest.fixture(scope="module")
def log() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
def witness(tmp_path: Path, log: GrowingLog) -> Witness:
    one = made(tmp_path / "witness")
    assert one.trust(log.vkeys) == ORIGIN
    return one


def signed(witness: Witness, log: GrowingLog, old: int, size: int) -> bool:
    """Whether the witness cosigned, and then with both keys over exactly this tree."""
    lines = witness.add_checkpoint(log.request(old, size))
    checkpoint = open_checkpoint(log.checkpoint(size), ORIGIN, log.key.public)
    return {one.cosigner for one in cosignatures(lines, checkpoint, witness.keys)} == {*witness.keys}


def test_it_follows_a_log_that_grows(witness: Witness, log: GrowingLog) -> None:
    old = 0
    for size in SIZES:
        assert signed(witness, log, old, size)
        assert signed(witness, log, size, size)
        old = size
    note = witness.newest(hashlib.sha256(ORIGIN.encode()).hexdigest())
    checkpoint = open_checkpoint(note, ORIGIN, log.key.public)
    assert checkpoint.size == 300
    assert len(cosignatures(note, checkpoint, witness.keys)) == 2


def test_it_cosigns_no_second_story_and_no_way_back(witness: Witness, log: GrowingLog) -> None:
    other = GrowingLog(log.key, story=b"other")
    assert signed(witness, log, 0, 7)
    for old, size in ((7, 7), (7, 8), (7, 300)):
        with pytest.raises(ProofInvalid):
            witness.add_checkpoint(other.request(old, size))
    for old, size in ((0, 7), (0, 8), (3, 7), (6, 8), (0, 1)):
        with pytest.raises(SizeDiffers) as caught:
            witness.add_checkpoint(log.request(old, size))
        assert caught.value.members["size"] == 7
    with pytest.raises(Problem, match="above"):
        witness.add_checkpoint(request(8, (), log.checkpoint(7)))
    assert signed(witness, log, 7, 8)


def test_a_proof_more_or_less_is_refused(witness: Witness, log: GrowingLog) -> None:
    proofs: tuple[tuple[bytes, ...], ...] = ((), (bytes(32),), (bytes(32),) * 63)
    with pytest.raises(ProofInvalid):
        witness.add_checkpoint(request(0, (bytes(32),), log.checkpoint(7)))
    assert signed(witness, log, 0, 3)
    for proof in proofs:
        with pytest.raises(ProofInvalid):
            witness.add_checkpoint(request(3, proof, log.checkpoint(7)))
    with pytest.raises(ProofInvalid):
        witness.add_checkpoint(request(3, (bytes(32),), log.checkpoint(3)))


def test_a_tree_of_nothing_has_the_root_of_nothing(witness: Witness, log: GrowingLog) -> None:
    with pytest.raises(ProofInvalid):
        witness.add_checkpoint(request(0, (), sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), log.key)))
    assert witness.add_checkpoint(request(0, (), sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), log.key)))
    assert signed(witness, log, 0, 1)


def test_both_keys_of_the_log_have_to_sign(witness: Witness, log: GrowingLog) -> None:
    for half in (
        SigningTwin(SigningTwin.generate().ed25519, log.key.mldsa),
        SigningTwin(log.key.ed25519, SigningTwin.generate().mldsa),
    ):
        with pytest.raises(NotOfThisLog):
            witness.add_checkpoint(GrowingLog(half).request(0, 1))
    one_line = "".join(line + "\n" for line in log.checkpoint(1).split("\n")[:5])
    with pytest.raises(NotOfThisLog):
        witness.add_checkpoint(request(0, (), one_line))


def test_a_log_s_keys_are_never_replaced(witness: Witness, log: GrowingLog) -> None:
    assert witness.trust(log.vkeys) == ORIGIN
    with pytest.raises(LogKnownOtherwise):
        witness.trust(GrowingLog().vkeys)
    assert signed(witness, log, 0, 1)


def test_a_log_s_keys_are_replaced_by_those_that_they_named(witness: Witness) -> None:
    old, new, third = (GrowingLog(story=b"kept") for _ in range(3))
    origin = "example.com/turning"
    for one in (old, new, third):
        one.origin = origin
    witness.trust(old.vkeys)
    witness.add_checkpoint(old.request(0, 3))

    def change(before: GrowingLog, after: GrowingLog, size: int, old_key: SigningTwin, new_key: SigningTwin) -> str:
        root = merkle.root_at(size, before.tree(size))
        said = Succession(Named(origin, before.key.public), Named(origin, after.key.public), size, root, "now")
        return canonical(said.signed(old_key, new_key)).decode() + "\n"

    thief = change(old, new, 5, new.key, new.key)
    early, good = (change(old, new, size, old.key, new.key) for size in (2, 5))
    onward = change(new, third, 7, new.key, third.key)
    for text, refusal in (
        (new.vkeys, LogKnownOtherwise),
        (new.vkeys + thief, SuccessionInvalid),
        (new.vkeys + early, LogKnownOtherwise),
        (third.vkeys + good, LogKnownOtherwise),
        (third.vkeys + onward, LogKnownOtherwise),
    ):
        with pytest.raises(refusal):
            witness.trust(text)
    assert witness.trust(third.vkeys + good + onward) == origin
    with pytest.raises(NotOfThisLog):
        witness.add_checkpoint(old.request(3, 4))
    with pytest.raises(LogKnownOtherwise):
        witness.trust(old.vkeys)
    assert witness.add_checkpoint(third.request(3, 8))


def test_what_cannot_be_remembered_is_not_cosigned(witness: Witness, log: GrowingLog, tmp_path: Path) -> None:
    assert signed(witness, log, 0, 1)
    (tmp_path / "witness" / "witness.db").write_bytes(b"no database at all" * 300)
    with pytest.raises(WitnessUnusable):
        witness.add_checkpoint(log.request(1, 2))
    (tmp_path / "witness" / "witness.db").unlink()
    with pytest.raises(WitnessUnusable):
        witness.add_checkpoint(log.request(0, 2))


def test_a_witness_is_made_once_and_its_key_is_encrypted(tmp_path: Path, log: GrowingLog) -> None:
    folder = tmp_path / "witness"
    witness = made(folder)
    assert (folder.stat().st_mode & 0o777, (folder / "witness.key").stat().st_mode & 0o777) == (0o700, 0o600)
    assert (folder / "witness.key").read_bytes().count(b"BEGIN ENCRYPTED PRIVATE KEY") == 2
    with pytest.raises(WitnessExists):
        made(folder)
    with pytest.raises(BadKey):
        Witness(folder, "another", witness._clock)
    with pytest.raises(NoWitness):
        Witness(tmp_path, PASSPHRASE, witness._clock)


def test_of_two_stories_that_race_one_is_cosigned(witness: Witness, log: GrowingLog) -> None:
    stories = [GrowingLog(log.key, story=str(n).encode()) for n in range(8)]
    requests = [story.request(0, 5 + n % 2) for n, story in enumerate(stories)]
    together = threading.Barrier(len(requests))

    def ask(data: bytes) -> bool:
        together.wait()
        try:
            witness.add_checkpoint(data)
        except SizeDiffers:
            return False
        return True

    with ThreadPoolExecutor(len(requests)) as pool:
        assert sum(pool.map(ask, requests)) == 1


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory, log: GrowingLog) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served") / "witness"
    made(folder).trust(log.vkeys)
    one = Serving.start(folder)
    yield one
    one.stop()


def test_over_http_it_answers_as_tlog_witness_says(serving: Serving, log: GrowingLog) -> None:
    origin = hashlib.sha256(ORIGIN.encode()).hexdigest()
    assert serving.get(f"/{origin}/checkpoint")[0] == 404
    assert serving.post(log.request(2, 5)) == (409, "text/x.tlog.size", "0\n")
    status, _type, lines = serving.post(log.request(0, 5))
    assert (status, lines.count("— " + NAME)) == (200, 2)
    assert serving.post(log.request(0, 6)) == (409, "text/x.tlog.size", "5\n")
    assert serving.post(log.request(5, 5))[0] == 200
    assert serving.post(GrowingLog(log.key, story=b"x").request(5, 6))[0] == 422
    assert serving.post(GrowingLog().request(5, 6))[0] == 403
    assert serving.post(GrowingLog(log.key, origin="example.com/else").request(0, 1))[0] == 404
    for garbage in (
        b"",
        b"\n",
        b"old 5\n",
        b"old 05\n\n" + log.checkpoint(5).encode(),
        b"old 5\nAA\n\nx",
        b"\xff" * 99,
    ):
        assert serving.post(garbage)[0] == 400
    assert serving.post(request(6, (), log.checkpoint(5)))[0] == 400
    assert serving.post(b"old 0\n" + b"A" * 300_000)[0] == 413
    assert serving.post(b"", "/sign-subtree")[0] == 404
    status, _type, note = serving.get(f"/{origin}/checkpoint")
    assert (status, open_checkpoint(note, ORIGIN, log.key.public).size) == (200, 5)


def test_its_database_holds_origin_keys_size_root_and_the_checkpoint(serving: Serving, log: GrowingLog) -> None:
    with sqlite3.connect(serving.folder / "witness.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(log)")]
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    database.close()
    assert (tables, columns) == (["log"], ["origin", "vkeys", "size", "root", "note"])
    assert {path.name for path in serving.folder.iterdir()} == {"name", "witness.db", "witness.key"}


def killed_while_asked(tmp_path: Path, log: GrowingLog, rounds: int) -> None:
    """Two stories are told while the process is killed again and again: one of them is cosigned, and no other."""
    folder = tmp_path / "witness"
    made(folder).trust(log.vkeys)
    told: list[bytes] = []
    stories = [GrowingLog(log.key, story=name) for name in (b"true", b"other")]
    for number in range(rounds):
        serving = Serving.start(folder)
        ending = threading.Timer(0.003 * number, os.kill, (serving.process.pid, signal.SIGKILL))
        with suppress(OSError, http.client.HTTPException):
            for turn in count():
                story = stories[turn % 2]
                old = int(serving.post(log.request(99, 99))[2])
                if serving.post(story.request(old, old + 1))[0] == 200:
                    told.append(story.story)
                if turn == 2:
                    ending.start()
        serving.kill()
    assert len(told) > rounds
    assert len(set(told)) == 1


def test_killed_at_any_time_it_tells_no_second_story(tmp_path: Path, log: GrowingLog) -> None:
    killed_while_asked(tmp_path, log, 2)


@pytest.mark.nightly
def test_killed_twenty_times_it_tells_no_second_story(tmp_path: Path, log: GrowingLog) -> None:
    killed_while_asked(tmp_path, log, 20)


def test_the_command_line_makes_one_and_cosigns_for_a_courier(
    tmp_path: Path, log: GrowingLog, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(tmp_path / "w")]
    assert run(["witness", "init", *folder, "--name", NAME]) == 5
    monkeypatch.setenv("GATEWAY_WITNESS_PASSPHRASE", PASSPHRASE)
    assert run(["witness", "init", *folder, "--name", "a name"]) == 2
    assert run(["witness", "init", *folder, "--name", NAME]) == 0
    (tmp_path / "log.vkey").write_text(log.vkeys)
    (tmp_path / "request").write_bytes(log.request(0, 3))
    asked = ["witness", "courier", *folder, str(tmp_path / "request"), "--out", str(tmp_path / "answer")]
    assert run(asked) == 4
    assert run(["witness", "trust", *folder, str(tmp_path / "log.vkey")]) == 0
    assert run(asked) == 0
    assert run(asked) == 3
    assert (tmp_path / "answer").read_text("utf-8").count(f"— {NAME} ") == 2
    capsys.readouterr()
    assert run(["witness", "keys", *folder, "--url", "https://w.example.com"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["witness", "witness", "group"]
    assert run(["witness", "serve", *folder, "--host", "192.0.2.1"]) == 2
