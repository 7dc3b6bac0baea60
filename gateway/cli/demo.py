"""`demo`: the main job on real input, through a real server process, verified by a bare Python at the end."""

from __future__ import annotations

import csv
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from gateway.base.problems import Conflict, Unavailable
from gateway.cli.accounts import roles_named
from gateway.cli.client import Client
from gateway.cli.deployment import founded
from gateway.cli.journey import FILED, FOUNDERS, Copy, Journey, JourneyWrong, private
from gateway.cli.output import say
from gateway.cli.specimens import Specimens, specimens
from gateway.founding import initialise
from gateway.seal.signature import SigningKey
from gateway.settings import Settings
from gateway.verify import SCRIPT

STEPS = 14
_START_S = 60.0
_T = TypeVar("_T")


class FolderInUse(Conflict):
    """The demo never writes over anything."""

    slug = "folder-in-use"
    title = "The folder is not empty"


class ServerDidNotStart(Unavailable):
    """The server process ended, or did not answer in time."""

    slug = "server-did-not-start"
    title = "The server did not start"


def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="A new or empty folder; ./out/demo-<time> otherwise.")
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Create demo people, then serve until stopped.")] = False,
) -> None:
    """Run the main job on specimens: upload, render, approve by two, release to two hops, export, verify offline."""
    folder = out or Path("out") / f"demo-{time.strftime('%Y%m%d-%H%M%S')}"
    if folder.exists() and any(folder.iterdir()):
        raise FolderInUse("The output folder is not empty; name a new one.")
    for name in ("originals", "packages", "keys"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "keys").chmod(0o700)
    with ExitStack() as stack:
        stage = stack.enter_context(_stage(3 if serve else STEPS))
        journey, server = _begun(folder, stage, stack)
        if not serve:
            _travelled(journey, stage)
            return
        stage.close()
        _signposts(journey)
        with suppress(KeyboardInterrupt):
            server.wait()


def put_specimens(
    out: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    seed: Annotated[int, typer.Option("--seed", help="Other secrets, same firms.")] = 1,
) -> None:
    """Write originals of every medium to try things with, and beside each the answers it needs."""
    if out.exists():
        raise FolderInUse("The folder exists already; name a new one.")
    made = specimens(seed)
    out.mkdir(parents=True)
    for kind, one in made.originals.items():
        (out / one.file_name).write_bytes(one.data)
        (out / f"{kind}.answers.json").write_text(json.dumps(made.answers[kind], indent=2) + "\n", "utf-8")
        say(str(out / one.file_name))
    say(*made.left_out)


class Stage:
    """Says which step is running: a bar on a terminal, one line a step elsewhere."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = 0
        self._bar: Progress | None = None
        if sys.stdout.isatty():
            columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=Console())
            self._bar.start()
            self._task = self._bar.add_task("", total=steps)

    def step(self, what: str, act: Callable[[], _T]) -> _T:
        """Carry out one step and say how long it took."""
        began = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, description=what)
        result = act()
        self._done += 1
        line = f"[{self._done:>2}/{self._steps}] {what} ({time.monotonic() - began:.1f} s)"
        if self._bar is None:
            say(line)
            sys.stdout.flush()
        else:
            self._bar.console.print(line, highlight=False, markup=False)
            self._bar.advance(self._task)
        return result

    def note(self, line: str) -> None:
        """A remark within a step."""
        if self._bar is None:
            say(f"        {line}")
        else:
            self._bar.console.print(f"        {line}", highlight=False, markup=False)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


@contextmanager
def _stage(steps: int) -> Iterator[Stage]:
    stage = Stage(steps)
    try:
        yield stage
    finally:
        stage.close()


def _begun(folder: Path, stage: Stage, stack: ExitStack) -> tuple[Journey, subprocess.Popen[bytes]]:
    """A founded deployment, served by a process of its own on a free port of this machine."""
    secret = secrets.token_urlsafe(24)
    secret_file = folder / "keys" / "data-folder.passphrase"
    private(secret_file, f"{secret}\n".encode())
    settings = Settings(data_dir=folder / "data", tenant="rheintal-motion", port=_free_port())
    keys = {who: SigningKey.generate() for who, _, _ in FOUNDERS}

    def found() -> dict[str, str]:
        initialise(settings, secret.encode())
        founders = [(name, roles_named(roles), keys[who]) for who, name, roles in FOUNDERS]
        made = founded(settings, secret.encode(), founders)
        return {who: person.id for (who, _, _), person in zip(FOUNDERS, made, strict=True)}

    people = stage.step("a new data folder, founded by two people with two keys", found)
    server = stage.step("a server on this machine, with its workers", lambda: _served(settings, secret_file, stack))
    url = f"http://{settings.host}:{settings.port}"
    journey = Journey(url, folder, keys, people, stack)

    def enrol() -> None:
        for who, _, roles in FOUNDERS:
            journey.sign_in(who, roles)
        journey.enrol()
        journey.keep_keys()

    stage.step("three more people, each proposed by one and countersigned by another", enrol)
    return journey, server


def _travelled(journey: Journey, stage: Stage) -> None:
    folder = journey.out
    made = stage.step(
        "specimens of every medium, from a customer list to a video", lambda: _written(folder / "originals")
    )
    for sentence in made.left_out:
        stage.note(sentence)
    matter = stage.step("a matter with two hops, the second sealed to its own key", journey.open_matter)
    journey.keep_keys()
    receipts = stage.step(
        f"{len(made.originals)} originals uploaded, encrypted, classified",
        lambda: journey.upload(matter, folder / "originals", made),
    )
    releases = stage.step(
        f"{len(FILED) + len(made.originals)} renditions: rebuilt in the sandbox, searched for every withheld value",
        lambda: journey.render(matter, receipts, made, stage.note),
    )
    stage.step("submitted and reviewed", lambda: journey.review(releases))
    stage.step("approved by two people over exact bytes", lambda: journey.approve(releases))
    copies = stage.step("dispatched, downloaded, the sealed one opened", lambda: journey.dispatch(matter, releases))
    export, log_key, package_key = stage.step("the log exported", journey.export)
    for copy in copies:
        keys = ("--package-key", str(package_key), "--log-key", str(log_key))
        stage.step(f"package of hop {copy.hop} verified by a bare Python", partial(_verified, copy.folder, *keys))
    stage.step("audit export verified by a bare Python", lambda: _verified(export, "--log-key", str(log_key)))
    stage.close()
    _summary(folder, copies, made, export)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _served(settings: Settings, secret_file: Path, stack: ExitStack) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    environment |= {
        "GATEWAY_DATA": str(settings.data_dir),
        "GATEWAY_TENANT": settings.tenant,
        "GATEWAY_PORT": str(settings.port),
        "GATEWAY_PASSPHRASE_FILE": str(secret_file),
    }
    log = stack.enter_context((settings.data_dir.parent / "server.log").open("ab"))
    command = [sys.executable, "-m", "gateway.cli.main", "serve"]
    server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 our own program
    stack.callback(_stopped, server)
    with Client(f"http://{settings.host}:{settings.port}") as client:
        until = time.monotonic() + _START_S
        while not client.ready():
            if server.poll() is not None or time.monotonic() > until:
                raise ServerDidNotStart("The server did not start; its log is server.log in the output folder.")
            time.sleep(0.1)
    return server


def _stopped(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _written(folder: Path) -> Specimens:
    made = specimens()
    for one in made.originals.values():
        (folder / one.file_name).write_bytes(one.data)
    return made


def _verified(folder: Path, *keys: str) -> None:
    """Run the shipped script as a stranger would: isolated, without any installed package."""
    script = folder / "verify.py"
    if script.read_bytes() != SCRIPT.read_bytes():
        raise JourneyWrong("The script in the package is not the published one.")
    bare = Path(sys.base_prefix) / "bin" / "python3"
    python = str(bare) if bare.exists() else sys.executable
    command = [python, "-I", "-S", str(script), str(folder), *keys]
    done = subprocess.run(command, capture_output=True, check=False, env={"PATH": os.defpath})  # noqa: S603 our own script
    (folder.parent / f"{folder.name}.verified.txt").write_bytes(done.stdout + done.stderr)
    if done.returncode:
        last = (done.stdout + done.stderr).decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise JourneyWrong(f"The verification failed: {last}")


def _summary(folder: Path, copies: list[Copy], made: Specimens, export: Path) -> None:
    say(
        "",
        f"What came in: {len(made.originals)} originals, {len(made.withheld_values)} planted secrets. What went out:",
    )
    for copy in copies:
        with (copy.folder / "withheld.csv").open(encoding="utf-8-sig", newline="") as index:
            lines = sum(1 for _ in csv.reader(index)) - 1
        files = sorted(path.name for path in (copy.folder / "files").iterdir())
        say(f"  hop {copy.hop}: {', '.join(files)}; {lines} lines say what is withheld or generalised, and why")
    say(
        "",
        f"originals       {folder / 'originals'}",
        *(f"package hop {copy.hop}   {copy.package}  (unpacked: {copy.folder})" for copy in copies),
        f"audit export    {export}",
        f"keys            {folder / 'keys'}",
        f"data folder     {folder / 'data'}  (ciphertext only)",
        "",
        "Verify again yourself, with nothing installed:",
        f"  python3 -I {copies[0].folder / 'verify.py'} {copies[0].folder} \\",
        f"    --package-key {folder / 'keys' / 'package.pub.pem'} --log-key {folder / 'keys' / 'log.vkey'}",
    )


def _signposts(journey: Journey) -> None:
    desk = journey.url.replace("127.0.0.1", "localhost")
    say("", f"serving on {journey.url}; stop with Ctrl-C. Pages, for who signs in with a token: {desk}/desk")
    say("", "Demo people:")
    for who, person in journey.people.items():
        say(f"  {who:<12} {person}  key {journey.out / 'keys' / f'{who}.pem'}")
    say(
        "",
        "A token for one of them:",
        f"  GATEWAY_URL={journey.url} gateway token --person {journey.people['compliance']} \\",
        f"    --key {journey.out / 'keys' / 'compliance.pem'} --roles originator,compliance",
    )
