"""What people and scripts read: plain lines or JSON on stdout, progress and problems on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from gateway.base.problems import Problem
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


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value
