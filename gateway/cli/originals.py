"""`original`: one original looked at, or destroyed on the word of two people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.environment import connected
from gateway.cli.keyfiles import KeyFile, describe, load_key
from gateway.cli.output import AsJson, note, save_new, show

app = typer.Typer(help="Originals.", no_args_is_help=True)


@app.command("page")
def page(
    original: str,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A new PNG file. What it shows is as secret as the original.")
    ],
    number: Annotated[int, typer.Argument(help="Which page; of anything without pages the first.")] = 1,
    at_ms: Annotated[int | None, typer.Option("--at-ms", help="When in a video, from its beginning.")] = None,
    as_json: AsJson = False,
) -> None:
    """See what regions are drawn on, in the pixels that answers give them in. It is an opening, with its entry."""
    with connected() as client:
        data = client.page(original, number, at_ms=at_ms)
    save_new(out, data)
    show({"file": str(out), "size_bytes": len(data)}, as_json=as_json, lines=[str(out)])


@app.command("shred")
def shred(
    original: str,
    reason: Annotated[str, typer.Option("--reason", help="Why it is to be destroyed.")],
    as_json: AsJson = False,
) -> None:
    """Propose to destroy an original for good; nothing happens before a second person countersigns."""
    with connected() as client:
        proposed = client.propose_shredding(original, reason)
    show(proposed, as_json=as_json, lines=[proposed.id, "waits for `gateway original countersign`"])


@app.command("countersign")
def countersign(original: str, key: KeyFile, as_json: AsJson = False) -> None:
    """Be the second person: destroy an original that another proposed to shred. It cannot be undone."""
    with connected() as client:
        proposed = client.shredding(original)
        statement = proposed.statement.encode()
        note(*describe(statement, None), f"reason: {proposed.reason}")
        gone = client.shred(original, load_key(key).sign(statement))
    show(gone, as_json=as_json, lines=[f"{original} is shredded"])
