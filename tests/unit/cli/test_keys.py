"""`keys`, and every way in which key file, passphrase, database and clock can be wrong: one clear sentence each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway, compose
from gateway.audit.model import Act
from gateway.founding import initialise
from gateway.settings import Settings
from tests.support.world import PASSPHRASE

ROOT = Path(__file__).resolve().parents[3]
NEW = "another horse battery staple"


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as `gateway init` leaves it; only copied."""
    folder = tmp_path_factory.mktemp("founded") / "data"
    initialise(Settings(data_dir=folder, argon2_memory_kib=8192), PASSPHRASE)
    return folder


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "data"))


@pytest.fixture
def command(gateway: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A command on the folder, with the right passphrase in a file."""
    secret = folder.parent / "passphrase"
    secret.write_bytes(PASSPHRASE + b"\n")
    monkeypatch.setenv("GATEWAY_DATA", str(folder))
    monkeypatch.setenv("GATEWAY_PASSPHRASE_FILE", str(secret))
    return gateway


def refused(done: Any, sentence: str, code: int = 5) -> None:
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
    assert done.err.endswith(".\n")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err


def kept_files(folder: Path) -> dict[str, bytes]:
    """What no refusal may touch."""
    return {path.name: path.read_bytes() for path in (folder / "root.key", folder / "high-water") if path.exists()}


def append(folder: Path, count: int = 1) -> None:
    gateway = compose(Settings(data_dir=folder), PASSPHRASE)
    for _ in range(count):
        gateway.log.refused(Act("test.entry", "gateway"))
    gateway.log.checkpoint()
    gateway.close()


def test_rotate_list_and_change_the_passphrase(command: Callable[..., Any], folder: Path) -> None:
    assert "root 1" in command("keys", "list").out
    done = command("keys", "rotate", "--root")
    assert done.code == 0
    assert "rotated to root key 2" in done.out
    assert "Back the key file up now" in done.err
    state = json.loads(command("keys", "list", "--json").out)
    assert (state["roots"], state["rotating"]) == ([2], False)
    (folder.parent / "new").write_text(NEW + "\n", encoding="utf-8")
    assert command("keys", "passphrase", "--new-file", folder.parent / "new").code == 0
    refused(command("keys", "list"), "passphrase does not open")
    (folder.parent / "passphrase").write_text(NEW, encoding="utf-8")
    assert "root 2" in command("keys", "list").out
    opened = compose(Settings(data_dir=folder), NEW.encode())
    kinds = [json.loads(leaf)["type"] for leaf in opened.log.entries(0, opened.log.size())]
    assert kinds[-4:] == ["key.rotation_begun", "key.rewrapped", "key.rotated", "key.passphrase_change"]


def test_what_to_rotate_has_to_be_said_and_exist(command: Callable[..., Any]) -> None:
    refused(command("keys", "rotate"), "--root", code=2)
    refused(command("keys", "rotate", "--matter", "mat_" + "0" * 26), "matter's id")


def test_a_weak_or_empty_passphrase_changes_nothing(command: Callable[..., Any], folder: Path) -> None:
    before = (folder / "root.key").read_bytes()
    for weak, sentence, code in (("short", "too short", 2), ("", "empty", 5)):
        (folder.parent / "new").write_text(weak, encoding="utf-8")
        refused(command("keys", "passphrase", "--new-file", folder.parent / "new"), sentence, code)
    assert (folder / "root.key").read_bytes() == before


def _missing(folder: Path) -> None:
    (folder / "root.key").unlink()


def _truncated(folder: Path) -> None:
    (folder / "root.key").write_bytes((folder / "root.key").read_bytes()[:-40])


def _foreign(folder: Path) -> None:
    initialise(Settings(data_dir=folder.parent / "other", argon2_memory_kib=8192), PASSPHRASE)
    shutil.copy(folder.parent / "other" / "root.key", folder / "root.key")


def _older_key_file(folder: Path) -> None:
    before = (folder / "root.key").read_bytes()
    compose(Settings(data_dir=folder), PASSPHRASE).rotation.rotate_root()
    (folder / "root.key").write_bytes(before)


def _older_database(folder: Path) -> None:
    for name in ("gateway.db", "high-water"):
        if (folder / name).exists():
            shutil.copy(folder / name, folder.parent / name)
    compose(Settings(data_dir=folder), PASSPHRASE).rotation.rotate_root()
    for left in folder.glob("gateway.db-*"):
        left.unlink()
    shutil.copy(folder.parent / "gateway.db", folder / "gateway.db")


def _rolled_back(folder: Path) -> None:
    append(folder)
    with closing(sqlite3.connect(folder / "gateway.db")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(folder / "gateway.db", folder.parent / "earlier.db")
    append(folder, 3)
    for left in folder.glob("gateway.db-*"):
        left.unlink()
    shutil.copy(folder.parent / "earlier.db", folder / "gateway.db")


@pytest.mark.parametrize(
    ("harm", "sentence", "code"),
    [
        (_missing, "key file is missing", 5),
        (_truncated, "key file differs from what was written", 1),
        (_foreign, "belongs to another deployment", 5),
        (_older_key_file, "key file is older than the last rotation", 5),
        (_older_database, "database is older than the last rotation", 5),
        (_rolled_back, "restore the lost entries", 1),
    ],
)
@pytest.mark.parametrize("what", [("serve",), ("keys", "rotate", "--root")])
def test_what_does_not_fit_together_does_not_start(
    command: Callable[..., Any],
    folder: Path,
    harm: Callable[[Path], None],
    sentence: str,
    code: int,
    what: tuple[str, ...],
) -> None:
    harm(folder)
    kept = kept_files(folder)
    refused(command(*what), sentence, code)
    assert kept == {
        path.name: path.read_bytes() for path in (folder / "root.key", folder / "high-water") if path.exists()
    }


def test_a_wrong_and_an_empty_passphrase_are_told_apart(
    command: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "passphrase").write_text("wrong horse battery staple", encoding="utf-8")
    refused(command("serve"), "passphrase does not open the key file")
    (folder.parent / "passphrase").write_text("\n", encoding="utf-8")
    refused(command("serve"), "passphrase file is empty")
    monkeypatch.delenv("GATEWAY_PASSPHRASE_FILE")
    monkeypatch.setenv("GATEWAY_PASSPHRASE", "")
    refused(command("serve"), "Set GATEWAY_PASSPHRASE_FILE")


def test_the_clock_is_compared_and_accepted(command: Callable[..., Any], folder: Path) -> None:
    assert "not behind" in command("audit", "clock").out
    with closing(sqlite3.connect(folder / "gateway.db")) as database, database:
        # What a clock that stood in the future would have left behind.
        database.execute("UPDATE audit_entry SET at = '2099-01-01T00:00:00.000Z'")
    refused(command("audit", "clock"), "set the clock right")
    refused(command("keys", "rotate", "--root"), "clock")
    told = command("doctor", "--json")
    assert any(one["what"] == "clock" and one["state"] == "missing" for one in json.loads(told.out)["findings"])
    assert command("audit", "clock", "--accept").code == 0
    append(folder)


@contextmanager
def process(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A real process on the folder, ended with the block."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    told = {"GATEWAY_DATA": str(folder), "GATEWAY_PASSPHRASE": PASSPHRASE.decode(), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *arguments],
        env={**inherited, **told, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            yield running
        finally:
            if running.poll() is None:
                running.send_signal(signal.SIGTERM)
                running.wait(timeout=30)


def test_a_second_server_on_the_same_folder_is_refused(folder: Path) -> None:
    serving = ("-m", "gateway.cli.main", "serve", "--no-worker")
    with process(folder, *serving, GATEWAY_PORT="8471") as first:
        assert first.stderr is not None
        while "serving on" not in first.stderr.readline():
            assert first.poll() is None
        with process(folder, *serving, GATEWAY_PORT="8472") as second:
            _, told = second.communicate(timeout=60)
        assert second.returncode == 3
        assert told.splitlines()[-1] == "Another server works on this data folder; stop it first."
        assert first.poll() is None


def test_a_server_signs_the_log_soon_after_each_act_of_any_process(folder: Path) -> None:
    gateway = compose(Settings(data_dir=folder), PASSPHRASE)
    with process(folder, "-m", "gateway.cli.main", "serve", "--no-worker", GATEWAY_PORT="8473") as serving:
        assert serving.stderr is not None
        while "serving on" not in serving.stderr.readline():
            assert serving.poll() is None
        index = gateway.log.refused(Act("test.entry", "per_1"))
        until = time.monotonic() + 30
        while _marked(gateway) <= index and time.monotonic() < until:
            time.sleep(0.02)
        assert _marked(gateway) == index + 1
    gateway.close()


def _marked(gateway: Gateway) -> int:
    """How many entries the mark beside the database covers."""
    file = gateway.settings.high_water
    return int(file.read_text("utf-8").split("\n")[1]) if file.exists() else 0


_APPENDING = """
import sys
import time
from pathlib import Path
from gateway.app import Gateway, compose
from gateway.audit.model import Act
from gateway.settings import Settings
gateway = compose(Settings(data_dir=Path(sys.argv[1])), sys.argv[2].encode())
for number in range(40):
    gateway.log.refused(Act("test.entry", sys.argv[3], facts={"number": number}))
"""

_ROTATING_UNTIL_KILLED = """
import os, signal, sys
from pathlib import Path
from gateway.app import Gateway, compose
from gateway.settings import Settings
gateway = compose(Settings(data_dir=Path(sys.argv[1])), sys.argv[2].encode())
left, note = int(sys.argv[3]), gateway.rotation._note
def killed(*said):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    return note(*said)
gateway.rotation._note = killed
gateway.rotation.rotate_root()
"""


def test_two_processes_that_write_at_once_make_one_log(folder: Path) -> None:
    with (
        process(folder, "-c", _APPENDING, str(folder), PASSPHRASE.decode(), "one") as one,
        process(folder, "-c", _APPENDING, str(folder), PASSPHRASE.decode(), "other") as other,
    ):
        for running in (one, other):
            assert running.wait(timeout=120) == 0
    gateway = compose(Settings(data_dir=folder), PASSPHRASE)
    entries = [json.loads(leaf) for leaf in gateway.log.entries(0, gateway.log.size())]
    assert gateway.log.check() == len(entries)
    for actor in ("one", "other"):
        assert [entry["facts"]["number"] for entry in entries if entry["actor"] == actor] == list(range(40))
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)


@pytest.mark.parametrize("steps", [1, *(pytest.param(one, marks=pytest.mark.nightly) for one in (0, 2))])
def test_a_rotation_that_was_killed_is_completed_by_the_next(
    command: Callable[..., Any], folder: Path, steps: int
) -> None:
    with process(folder, "-c", _ROTATING_UNTIL_KILLED, str(folder), PASSPHRASE.decode(), str(steps)) as rotating:
        assert rotating.wait(timeout=120) == -signal.SIGKILL
    assert json.loads(command("keys", "list", "--json").out)["rotating"] is True
    done = command("keys", "rotate", "--root")
    assert done.code == 0
    assert "root key 2" in done.out
    assert json.loads(command("keys", "list", "--json").out)["roots"] == [2]
    append(folder)
