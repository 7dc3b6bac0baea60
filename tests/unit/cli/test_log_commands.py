"""What an operator does with the log by hand: couriers, its tail, the witnesses' line, other keys, a restore."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway.app import compose
from gateway.audit.model import Act
from gateway.base.clock import SystemClock
from gateway.cli.client import Client
from gateway.cli.doctor import _witnesses
from gateway.people.rules import permissions_of
from gateway.seal.signature import private_pem
from gateway.settings import Settings
from gateway.verify import SCRIPT
from gateway.web.asgi import create_app
from gateway.witness.service import Witness
from tests.support.databases import SQLITE
from tests.support.witnesses import PASSPHRASE as WITNESS_PASSPHRASE
from tests.support.witnesses import Serving, made, policy_of
from tests.support.world import PASSPHRASE, World

Command = Callable[..., Any]


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A founded deployment with its people; nobody is at work in it, and it is only copied."""
    world = World.create(tmp_path_factory.mktemp("founded"), SQLITE)
    world.gateway.close()
    return world


@pytest.fixture
def folder(founded: World, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded.gateway.settings.data_dir, tmp_path / "data"))


@pytest.fixture
def command(gateway: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("GATEWAY_DATA", str(folder))
    monkeypatch.setenv("GATEWAY_PASSPHRASE", PASSPHRASE.decode())
    return gateway


@pytest.fixture
def watched(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Path:
    """The folder of a witness that knows this log and is in its policy, without an address."""
    witness = made(tmp_path / "witness")
    policy = tmp_path / "policy"
    policy.write_text(policy_of(witness, None), encoding="utf-8")
    monkeypatch.setenv("GATEWAY_WITNESS_PASSPHRASE", WITNESS_PASSPHRASE)
    monkeypatch.setenv("GATEWAY_WITNESSES", str(policy))
    gateway = compose(Settings(data_dir=folder), PASSPHRASE)
    witness.trust(gateway.log.vkey())
    gateway.close()
    return tmp_path / "witness"


def test_a_courier_carries_a_request_there_and_cosignatures_back(
    command: Command, watched: Path, tmp_path: Path
) -> None:
    asked, answer = tmp_path / "request", tmp_path / "answer"
    assert command("audit", "courier", "request", asked).code == 0
    again = command("audit", "courier", "request", asked)
    assert (again.code, "does not exist yet" in again.err) == (2, True)
    assert command("witness", "courier", asked, "--folder", watched, "--out", answer).code == 0
    nothing = tmp_path / "nothing"
    assert command("audit", "courier", "collect", nothing).code == 4
    nothing.write_text("— somebody.example.com AAAAAAAA\n", encoding="utf-8")
    refused = command("audit", "courier", "collect", nothing)
    assert (refused.code, "counts" in refused.err) == (1, True)
    done = command("audit", "courier", "collect", answer)
    assert (done.code, done.out.endswith("a quorum\n")) == (0, True)


def test_the_script_counts_witnesses_of_a_policy(command: Command, watched: Path, folder: Path, tmp_path: Path) -> None:
    asked, answer, policy = tmp_path / "request", tmp_path / "answer", tmp_path / "policy"
    command("audit", "courier", "request", asked)
    command("witness", "courier", asked, "--folder", watched, "--out", answer)
    command("audit", "courier", "collect", answer)
    gateway = compose(Settings(data_dir=folder, witnesses=policy), PASSPHRASE)
    export = gateway.cosigning.export(tmp_path / "export").folder
    key = tmp_path / "log.vkey"
    key.write_text(gateway.log.vkey(), encoding="ascii")
    gateway.close()
    other = tmp_path / "other"
    other.write_text(policy_of(made(tmp_path / "stranger"), None), encoding="utf-8")
    for trusted, code, said in ((policy, 0, "which are a quorum"), (other, 1, "no quorum"), (key, 2, "policy")):
        arguments = [str(SCRIPT), str(export), "--log-key", str(key), "--policy", str(trusted)]
        done = subprocess.run(
            [sys.executable, "-I", "-S", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
    absent = command("audit", "verify", export, "--log-key", key, "--policy", tmp_path / "nowhere")
    assert (absent.code, "policy of witnesses" in absent.err) == (2, True)


def test_doctor_says_who_cosigns(watched: Path, folder: Path, tmp_path: Path) -> None:
    def line(policy: Path | None) -> tuple[str, str]:
        gateway = compose(Settings(data_dir=folder, witnesses=policy), PASSPHRASE)
        found = _witnesses(gateway)
        gateway.close()
        return found.state, found.detail

    state, detail = line(tmp_path / "policy")
    assert (state, "Too few witnesses" in detail) == ("missing", True)
    serving = Serving.start(watched)
    try:
        reachable = tmp_path / "reachable"
        reachable.write_text(policy_of(Witness(watched, WITNESS_PASSPHRASE, SystemClock()), serving.url), "utf-8")
        state, detail = line(reachable)
        assert (state, "2 keys cosigned" in detail, "a quorum" in detail) == ("ok", True, True)
    finally:
        serving.stop()
    assert line(None)[0] == "absent"


def test_the_tail_goes_on_where_it_was_ended(command: Command, founded: World, folder: Path, monkeypatch: Any) -> None:
    gateway = compose(Settings(data_dir=folder), PASSPHRASE)
    auditor, key = founded.actors["auditor"], founded.keys["auditor"]
    with served(gateway) as url:
        with Client(url) as client:
            scopes = sorted(one.value for one in permissions_of(auditor.roles))
            monkeypatch.setenv("GATEWAY_TOKEN", client.issue_token(key, auditor.person_id, scopes).token)
        monkeypatch.setenv("GATEWAY_URL", url)
        size = gateway.log.size()
        whole = command("audit", "tail", "--from", 0)
        assert (whole.code, len(whole.out.splitlines())) == (0, size)
        assert f"--from {size}." in whole.err
        gateway.log.refused(Act("test.done", "gateway"))
        gateway.log.refused(Act("other.done", "gateway"))
        more = command("audit", "tail", "--from", size, "--type", "test.", "--form", "cef")
        assert (more.code, more.out.count("\n"), more.out.startswith("CEF:0|")) == (0, 1, True)
        assert command("audit", "tail").out == ""
        wrong = command("audit", "tail", "--form", "xml", "--from", 0)
        assert (wrong.code, wrong.out) == (2, "")
    gateway.close()


def test_the_log_gets_other_keys(command: Command, folder: Path) -> None:
    before = compose(Settings(data_dir=folder), PASSPHRASE)
    old, size = before.log.vkey(), before.log.size()
    done = command("keys", "rotate-log", "--json")
    assert (done.code, json.loads(done.out)["entry"]) == (0, size)
    assert before.log.vkey() != old
    assert before.log.public_key().fingerprint == json.loads(done.out)["fingerprint"]
    before.close()


def test_a_restore_is_declared_by_hand(command: Command, founded: World, folder: Path, tmp_path: Path) -> None:
    ahead = compose(Settings(data_dir=Path(shutil.copytree(folder, tmp_path / "ahead"))), PASSPHRASE)
    ahead.log.refused(Act("test.done", "gateway"))
    ahead.log.checkpoint()
    ahead.close()
    statement = tmp_path / "statement.json"
    nothing = command("audit", "restore", "--out", statement)
    assert (nothing.code, "nothing to restore" in nothing.err) == (3, True)
    shutil.copy(ahead.settings.high_water, folder / "high-water")
    present = compose(Settings(data_dir=folder), PASSPHRASE)
    busy = command("audit", "restore", "--out", statement)
    assert (busy.code, "stop server and workers" in busy.err) == (3, True)
    present.close()
    assert command("audit", "restore", "--out", statement).code == 0
    assert command("audit", "restore").code == 2
    signed = []
    for name in ("dispatcher", "legal1"):
        pem = tmp_path / f"{name}.pem"
        pem.write_bytes(private_pem(founded.keys[name], None))
        made_by = command("sign", statement, "--key", pem)
        assert base64.b64decode(made_by.out)
        signed += ["--signed", f"{founded.actors[name].person_id}={made_by.out.strip()}"]
    given = ("audit", "restore", "--statement", statement, "--reason", "disk failed")
    assert command(*given, *signed[:2]).code in (1, 3, 4)
    assert command(*given, *signed[:2], "--signed", "x=y").code == 2
    done = command(*given, *signed)
    assert (done.code, "gateway~2" in done.out, "new log" in done.err) == (0, True, True)
    again = command("audit", "restore", "--out", tmp_path / "more.json")
    assert again.code == 3


@contextmanager
def served(gateway: Any) -> Iterator[str]:
    """The gateway behind a real port of this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(gateway), port=0, log_config=None, ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
