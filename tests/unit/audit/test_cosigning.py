"""Witnesses that tell the truth are heard, witnesses that lie are refused by name, and none keeps an act waiting."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import insert

from gateway.audit.cosigning import Cosigning, NothingCollected
from gateway.audit.extracts import Extracts
from gateway.audit.model import Filter, NoSuchEntry
from gateway.audit.ports import WitnessAnswer
from gateway.audit.service import Log
from gateway.audit.tables import CosignatureRow
from gateway.audit.witnesses import HttpWitnesses
from gateway.base.canon import canonical
from gateway.base.clock import Clock
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.seal.cosignature import cosign
from gateway.seal.note import Checkpoint, open_checkpoint, parse_vkeys
from gateway.seal.twin import SigningTwin
from gateway.verify import verify_export
from gateway.witness.service import Witness, create
from tests.support.second import Second
from tests.support.witnesses import PASSPHRASE, Straight, policy_of
from tests.unit.audit.conftest import MATTER, TickingClock

Fill = Callable[[int], None]


def witness(folder: Path, name: str, clock: Clock) -> Witness:
    create(folder, name, PASSPHRASE)
    return Witness(folder, PASSPHRASE, clock)


URL = "http://w1.example"


@pytest.fixture
def one(tmp_path: Path, log: Log, clock: TickingClock, fill: Fill) -> Witness:
    fill(5)
    made = witness(tmp_path / "w1", "w1.example", clock)
    made.trust(log.vkey())
    return made


@pytest.fixture
def caller(one: Witness) -> Straight:
    return Straight({URL: one})


@pytest.fixture
def cosigning(units: Units, log: Log, clock: TickingClock, one: Witness, caller: Straight) -> Cosigning:
    return Cosigning(units, log, clock, policy_of(one, URL).encode(), caller, required=True)


def test_a_witness_follows_the_log_and_is_asked_once_for_each_checkpoint(
    cosigning: Cosigning, caller: Straight, fill: Fill, log: Log
) -> None:
    for _ in range(3):
        cosigned = cosigning.checkpoint()
        cosigning.require(cosigned)
        assert (len(cosigned.keys), cosigned.met, cosigned.refusals) == (2, True, {})
        assert open_checkpoint(cosigned.checkpoint.text, *parse_vkeys(log.vkey())).size == log.size()
        fill(3)
    assert caller.asked == [URL] * 3
    cosigning.checkpoint()
    assert cosigning.checkpoint().facts == {"cosigned_by": ["w1.example"], "keys": 2, "quorum": True}
    assert len(caller.asked) == 4


def test_a_witness_that_knows_more_of_the_log_than_is_remembered_is_asked_from_there(
    cosigning: Cosigning, caller: Straight, one: Witness, fill: Fill
) -> None:
    one.add_checkpoint(cosigning.courier_request(None))
    fill(4)
    assert cosigning.checkpoint().met
    assert len(caller.asked) == 2


def test_where_nobody_insists_the_quorum_may_be_missing(
    units: Units, log: Log, clock: TickingClock, one: Witness
) -> None:
    lenient = Cosigning(units, log, clock, policy_of(one, None).encode(), Straight({}), required=False)
    cosigned = lenient.checkpoint()
    lenient.require(cosigned)
    assert not cosigned.met
    nobody = Cosigning(units, log, clock, None, Straight({}), required=True)
    nobody.require(nobody.checkpoint())


def test_a_line_put_into_the_database_does_not_count(
    cosigning: Cosigning, one: Witness, units: Units, caller: Straight, log: Log, clock: TickingClock
) -> None:
    signed = log.checkpoint()
    line = cosign(Checkpoint(log.name, signed.size, signed.root), one.name, SigningTwin.generate(), 5)
    with units.bookkeeping() as session:
        session.execute(
            insert(CosignatureRow).values(size=signed.size, cosigner="x", line=line, received_at=clock.now())
        )
    assert cosigning.kept(signed).keys == ()


def test_a_courier_carries_both_ways(units: Units, log: Log, clock: TickingClock, one: Witness, fill: Fill) -> None:
    cosigning = Cosigning(units, log, clock, policy_of(one, None).encode(), Straight({}), required=True)
    asked = cosigning.courier_request(None)
    index = log.size() - 1
    fill(2)
    lines = one.add_checkpoint(asked)
    cosigning._log.checkpoint()
    collected = cosigning.collect(lines)
    assert (collected.met, collected.checkpoint.size) == (True, index + 1)
    with units.read() as session:
        covering = cosigning.covering(session, index)
        assert covering is not None
        assert covering.checkpoint.size == index + 1
        assert cosigning.covering(session, index + 1) is None
    assert one.add_checkpoint(cosigning.courier_request(None))
    for nothing in ("", "no line", lines.replace("A", "B"), cosign(Checkpoint("x", 1, bytes(32)), "w9", one._key, 9)):
        with pytest.raises(NothingCollected):
            cosigning.collect(nothing)


def test_an_export_carries_lines_and_policy_and_a_verifier_counts_them(
    second: Second, cosigning: Cosigning, one: Witness, log: Log, tmp_path: Path, fill: Fill, caller: Straight
) -> None:
    fill(300)
    cosigning.export(tmp_path / "export")
    policy = policy_of(one, URL).encode()
    assert (tmp_path / "export" / "policy").read_bytes() == policy
    report = verify_export(tmp_path / "export", log_key=log.vkey(), policy=policy)
    assert (report.ok, report.steps[-1].title) == (True, "witnesses")
    assert "2 keys of the policy, which are a quorum" in report.steps[-1].detail
    assert verify_export(tmp_path / "export", log_key=log.vkey()).ok
    strangers = witness(tmp_path / "w2", "w2.example", one._clock)
    both = (policy_of(one, URL) + policy_of(strangers, None, 2)).replace("quorum w1\n", "")
    more = both.replace("quorum w2", "group both all w1 w2\nquorum both").encode()
    failed = verify_export(tmp_path / "export", log_key=log.vkey(), policy=more).steps[-1]
    assert (failed.state, "no quorum" in failed.detail) == ("failed", True)
    # Later a liar in the gateway's place puts in what the witness never said.
    caller.lie = lambda _: WitnessAnswer(503, b"")
    fill(1)
    cosigning.export(tmp_path / "later")
    assert not verify_export(tmp_path / "later", log_key=log.vkey(), policy=policy).ok
    assert second.verify(tmp_path / "later", log_key=log.vkey(), policy=policy).failed == "witnesses"
    assert second.verify(tmp_path / "export", log_key=log.vkey(), policy=policy).code == 0
    assert second.verify(tmp_path / "export", log_key=log.vkey(), policy=more).failed == "witnesses"


def test_every_line_over_an_earlier_checkpoint_is_checked_too(
    second: Second, cosigning: Cosigning, one: Witness, log: Log, tmp_path: Path, fill: Fill, clock: TickingClock
) -> None:
    for _ in range(2):
        cosigning.checkpoint()
        fill(3)
    fill(1)
    log.checkpoint()
    fill(1)
    export = cosigning.export(tmp_path / "export").folder
    policy = policy_of(one, URL).encode()
    told = verify_export(export, log_key=log.vkey(), policy=policy).steps[-1]
    assert "Of the earlier ones that carry lines of witnesses, 2 of 2 have one (over 6, 9 entries)." in told.detail
    path = export / "cosignatures.jsonl"
    lines = path.read_bytes().splitlines()
    first = json.loads(lines[0])
    another = cosign(Checkpoint(log.name, first["size"], bytes(32)), one.name, one._key, 1_800_000_000)
    strange = cosign(Checkpoint(log.name, 3, bytes(32)), "w9.example", SigningTwin.generate(), 1_800_000_000)
    for change, says in (
        (
            [canonical({**first, "line": another.splitlines(keepends=True)[0]}), *lines[1:]],
            "did not sign this checkpoint",
        ),
        ([*lines[1:], lines[0]], "not behind the line before"),
        ([canonical({"size": 3, "line": strange.splitlines(keepends=True)[0]}), *lines], "over no checkpoint"),
        ([lines[0], *lines], None),
        (lines[1:], None),
    ):
        path.write_bytes(b"".join(line + b"\n" for line in change))
        told = next(
            step for step in verify_export(export, log_key=log.vkey(), policy=policy).steps if step.title == "witnesses"
        )
        assert (told.state, str(says) in told.detail) == (("failed", True) if says else ("ok", False)), told
        answer = json.loads(second.verify(export, log_key=log.vkey(), policy=policy).said)
        assert [step["state"] for step in answer["steps"] if step["title"] == "witnesses"] == [told.state], answer


def test_an_extract_and_the_proof_of_an_entry_carry_lines_too(
    second: Second,
    cosigning: Cosigning,
    one: Witness,
    units: Units,
    keyring: Keyring,
    log: Log,
    tmp_path: Path,
    caller: Straight,
    fill: Fill,
) -> None:
    key, policy = log.vkey(), policy_of(one, URL).encode()
    extracts = Extracts(units, keyring, log, lambda: cosigning.checkpoint().checkpoint)
    extract = extracts.write(tmp_path / "extract", Filter(matter=MATTER), actor="per_1").folder
    proof = tmp_path / "entry.proof"
    proof.write_text(cosigning.tlog_proof(2))
    for path in (extract, proof):
        report = verify_export(path, log_key=key, policy=policy)
        assert (report.ok, "2 keys of the policy, which are a quorum" in report.steps[-1].detail) == (True, True), (
            report
        )
        assert second.verify(path, log_key=key, policy=policy).code == 0
    # Later no witness answers: an entry that none cosigned has none, an older one keeps its own.
    caller.lie = lambda _: WitnessAnswer(503, b"")
    fill(1)
    for index, met in ((log.size() - 1, False), (2, True)):
        proof.write_text(cosigning.tlog_proof(index))
        assert verify_export(proof, log_key=key).ok
        assert verify_export(proof, log_key=key, policy=policy).ok is met
        assert second.verify(proof, log_key=key, policy=policy).failed == (None if met else "witnesses")
    with pytest.raises(NoSuchEntry):
        cosigning.tlog_proof(10**6)


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def log_message(self, *_said: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 4096)
    except OSError:
        return


def dripping(handler: BaseHTTPRequestHandler) -> None:
    """A byte of a header every now and then: each single wait is short."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(400):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        return


def silent(_handler: BaseHTTPRequestHandler) -> None:
    time.sleep(20)


def elsewhere(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", "http://127.0.0.1:9/add-checkpoint")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    ("answer", "says"),
    [(endless, "too long"), (dripping, "not in time"), (silent, "not in time"), (elsewhere, "status 307")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_server_sends_is_bounded_in_size_and_time_and_acts_go_on(
    answer: Callable[[BaseHTTPRequestHandler], None],
    says: str,
    units: Units,
    log: Log,
    clock: TickingClock,
    one: Witness,
    fill: Fill,
) -> None:
    with answering(answer) as url:
        policy = policy_of(one, url).encode()
        cosigning = Cosigning(units, log, clock, policy, HttpWitnesses(0.5, 0.8), required=True)
        asking = threading.Thread(target=lambda: found.append(cosigning.checkpoint()))
        found: list[object] = []
        asking.start()
        fill(1)
        began = time.monotonic()
        cosigned = cosigning.checkpoint()
        assert time.monotonic() - began < 15
        asking.join()
    assert says in cosigned.refusals[url]
    assert found
