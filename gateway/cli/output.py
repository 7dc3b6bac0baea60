"""What people and scripts read: plain lines or JSON on stdout, progress and problems on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from gateway.base import progress
from gateway.base.problems import Problem, Usage
from gateway.cli import shapes
from gateway.cli.client import ServerProblem

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def say(*lines: str) -> None:
    """Plain lines on stdout."""
    for line in lines:
        sys.stdout.write(line + "\n")


def note(*lines: str) -> None:
    """Plain lines on stderr, for what is not the result."""
    for line in lines:
        sys.stderr.write(line + "\n")


def show(value: Any, *, as_json: bool, lines: Sequence[str]) -> None:
    """`value` as JSON, or `lines` for people."""
    if as_json:
        say(json.dumps(_plain(value), ensure_ascii=False, indent=2))
    else:
        say(*lines)


def tell(problem: Problem, *, as_json: bool) -> None:
    """A problem on stderr: one sentence, or a problem object (RFC 9457)."""
    if not as_json:
        note(problem.detail)
        return
    slug = problem.told_slug if isinstance(problem, ServerProblem) else problem.slug
    title = problem.told_title if isinstance(problem, ServerProblem) else problem.title
    told: Mapping[str, Any] = {"type": f"/problems/{slug}", "title": title, "detail": problem.detail, **problem.members}
    note(json.dumps(told, ensure_ascii=False))


@contextmanager
def transfer(what: str, size_bytes: int) -> Iterator[Any]:
    """A bar for bytes on a terminal, nothing elsewhere; gives a function that is told how many went."""
    if not sys.stderr.isatty():
        yield lambda _bytes: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=size_bytes)
        yield lambda count: bar.advance(task, count)


def save_new(path: Path, data: bytes) -> None:
    """Keep what may be anybody's secret in a new file that its owner alone can read."""
    try:
        with open(path, "xb", opener=_private) as file:
            file.write(data)
    except OSError as error:
        raise Usage("The bytes cannot be kept there; name a new file in a folder of yours.") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Following:
    """How far long work is, on stderr: one line that renews itself on a terminal, else a plain one now and then.

    What is done within some seconds says nothing, and neither does anything with --json, whose stderr is read by
    programs.
    """

    def __init__(self, *, as_json: bool = False, quiet_s: float = 5.0, every_s: float = 10.0) -> None:
        terminal = sys.stderr.isatty() and not as_json
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True) if terminal else None
        self._task = self._bar.add_task("waiting", total=None, count="") if self._bar else TaskID(0)
        self._silent = as_json
        self._every_s = every_s
        self._due = time.monotonic() + quiet_s
        self._stage = ""

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, far: progress.Progress | shapes.Progress) -> None:
        """Say that so many of so many steps of a stage are done; of no total where nobody can say."""
        count = f"{far.done} of {far.total}" if far.total else ""
        if self._bar is not None:
            self._bar.update(
                self._task, description=far.stage, completed=far.done, total=far.total or None, count=count
            )
            return
        now, another = time.monotonic(), self._stage not in {"", far.stage}
        if not self._silent and (another or now >= self._due):
            self._stage, self._due = far.stage, now + self._every_s
            note(f"{far.stage} {count}".rstrip())


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
