"""`trace`: from a leaked picture to the copy that it was made from, or to nobody."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from gateway.base.problems import Usage
from gateway.cli.environment import connected
from gateway.cli.output import AsJson, save_new, show
from gateway.cli.shapes import Trace


def trace_file(
    file: Annotated[Path, typer.Argument(help="The leaked picture.")],
    matter: Annotated[str | None, typer.Option("--matter", help="Only the copies of this matter.")] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", help="A new PNG: the leak, and where it follows the copy's code.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the copy that a leaked picture was made from.

    Or nobody: with a bound on the probability of error. It names a copy and its custody, never a person. That it was
    traced is an entry of the log.
    """
    if not file.is_file():
        raise Usage("The file to trace is not there; check its path.")
    if evidence is not None and evidence.exists():
        raise Usage("The file for the evidence exists already; name another one.")
    with connected() as client:
        found = client.trace(file, matter=matter)
    if evidence is not None and found.evidence is not None:
        save_new(evidence, base64.b64decode(found.evidence))
    show(found, as_json=as_json, lines=[*_lines(found)])


def _lines(found: Trace) -> Iterator[str]:
    for one in found.candidates:
        state = "handed over" if one.left else "never handed over"
        yield f"{one.release}: the copy for {one.recipient}, {state}; in custody of {', '.join(one.custody)}"
        yield f"  score {one.score}, {found.needed} needed; wrong with a probability of at most {one.by_chance}"
        yield f"  rendition {one.rendition}, committed to by entry {one.entry}: {one.commitment}"
    if not found.candidates:
        shows = (
            f"it shows {', '.join(found.found_in)}, and no copy of it" if found.found_in else "no rendition shows it"
        )
        yield f"Nobody: {shows} (best score {found.best}, {found.needed} needed)."
    if found.uncommitted:
        yield f"Left out, since the log did not commit to their codes: {', '.join(found.uncommitted)}"
    if found.shredded:
        yield f"Left out, since they were shredded: {found.shredded} renditions."
    yield f"{found.tested} copies, {found.hypotheses} hypotheses, bound {found.bound}; trace {found.id}"
    if found.candidates:
        yield found.caution
