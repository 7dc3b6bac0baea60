"""A real PostgreSQL server on a socket of its own, thrown away at the end."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

OWNER, APP = "gateway", "gateway_app"
_ACCOUNT = "postgres"
_ENOUGH_BYTES = 6 << 30
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "1h",
    # Hundreds of databases that live for one test each are not worth a visit.
    "autovacuum": "off",
}


class Cluster:
    """One server process and its data, from `initdb` on; it runs with the settings of a durable one.

    Its files lie in memory where there is room, or in `parent`, for what is measured.
    """

    def __init__(self, programs: Path, parent: Path | None = None) -> None:
        self._programs = programs
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix=f"pg-{os.getpid()}-", dir=parent or _roomy_memory()))
        self._data = self.folder / "data"
        if os.geteuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={_ACCOUNT}")
        subprocess.run(self._command("initdb", "-D", str(self._data), *options), check=True, capture_output=True)
        self.start()
        for role in (OWNER, APP):
            self.run(f"CREATE ROLE {role} LOGIN")

    def start(self, **more: str) -> None:
        """Start the server, with more settings if any are named, and wait until it answers."""
        settings = [word for name, value in {**_SETTINGS, **more}.items() for word in ("-c", f"{name}={value}")]
        command = self._command("postgres", "-D", str(self._data), "-k", str(self.folder), *settings)
        until = time.monotonic() + 60
        while True:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            while self._process.poll() is None:
                try:
                    self.run("SELECT 1")
                except psycopg.OperationalError:
                    time.sleep(0.02)
                else:
                    return
            # Backends of a killed server may outlive it by a moment, and it does not start beside them.
            assert time.monotonic() < until, (self.folder / "log").read_text("utf-8")
            time.sleep(0.1)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT in order, SIGKILL as a crash does."""
        self._process.send_signal(how)
        self._process.wait(timeout=60)

    def remove(self) -> None:
        """End the server and delete its files."""
        if self._process.poll() is None:
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, template: str = "template0") -> str:
        """The name of a new database like `template`, to which nobody may be connected."""
        name = f"test_{next(self._numbers)}"
        self.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", template)
        made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        self.run(made.format(sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)))
        return name

    def run(self, statement: str | sql.Composed, *values: object, database: str = _ACCOUNT) -> list[Any]:
        """One statement as whoever owns the server, committed; its rows."""
        with psycopg.connect(self.conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def conninfo(self, database: str, role: str = _ACCOUNT) -> str:
        """How libpq connects."""
        return f"host={self.folder} user={role} dbname={database}"

    def url(self, database: str, role: str = OWNER) -> str:
        """How the gateway is told."""
        return f"postgresql://{role}@/{database}?host={self.folder}"

    def disk(self, database: str) -> bytes:
        """The files of one database as they lie on the disk, and the newest of the write-ahead log."""
        self.run("CHECKPOINT")
        ((oid, newest),) = self.run(
            "SELECT oid::text, pg_walfile_name(pg_current_wal_lsn()) FROM pg_database WHERE datname = %s", database
        )
        files = [*(self._data / "base" / oid).iterdir(), self._data / "pg_wal" / newest]
        return b"".join(path.read_bytes() for path in files)

    def write_ahead_log(self) -> bytes:
        """Every segment of the write-ahead log that is on the disk, those that wait to be used again among them."""
        return b"".join(path.read_bytes() for path in sorted((self._data / "pg_wal").iterdir()) if path.is_file())

    def _command(self, program: str, *arguments: str) -> Sequence[str]:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() != 0:
            return command
        account = ("--reuid", _ACCOUNT, "--regid", _ACCOUNT, "--init-groups", "--pdeathsig", "QUIT")
        return ["setpriv", *account, "--", *command]


def _roomy_memory() -> Path | None:
    """Where files survive the server's death but cost no disk; None where there is no room in memory."""
    memory = Path("/dev/shm")
    # Whoever was killed left its files behind, and with them less and less memory for everybody else.
    for folder in memory.glob("pg-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > _ENOUGH_BYTES else None


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine, or None where its tests cannot run."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found and (os.geteuid() != 0 or shutil.which("setpriv")):
        return found[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).parent if on_path and os.geteuid() != 0 else None


@functools.cache
def cluster() -> Cluster:
    """The server that all tests of this process share, started when first asked for."""
    folder = programs()
    assert folder is not None
    started = Cluster(folder)
    owner = os.getpid()

    def end() -> None:
        # A child that was forked and ends in order must not take the server along.
        if os.getpid() == owner:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                started.remove()

    atexit.register(end)
    return started
