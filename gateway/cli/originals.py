"""`original`: one original destroyed, on the word of two people."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli.environment import connected
from gateway.cli.keyfiles import KeyFile, describe, load_key
from gateway.cli.output import AsJson, note, show

app = typer.Typer(help="Originals.", no_args_is_help=True)


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
