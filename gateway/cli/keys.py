"""`keys`: rotate, list, and change the passphrase, on the data folder itself, while the gateway serves from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import Gateway, compose
from gateway.base.presence import Alone
from gateway.base.problems import Usage
from gateway.cli.output import AsJson, note, show
from gateway.settings import from_environment, passphrase

app = typer.Typer(help="The keys of the deployment.", no_args_is_help=True)

_ONE_AT_A_TIME = "Another process changes keys of this data folder; wait until it has ended."


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """The root keys in use, how many keys of each role live, how many were destroyed."""
    state = _opened().rotation.state()
    lines = [
        f"provider {state.provider}, root {', '.join(map(str, state.roots))}",
        *(f"{count:>8}  {role}" for role, count in state.living.items()),
        f"{state.shredded:>8}  destroyed",
        *(["a rotation was interrupted; run it again and it is completed"] if state.rotating else []),
    ]
    show(state, as_json=as_json, lines=lines)


@app.command("rotate")
def rotate(
    root: Annotated[bool, typer.Option("--root", help="A new root key, and every matter's KEK under it.")] = False,
    matter: Annotated[str | None, typer.Option("--matter", help="A new KEK for this matter.")] = None,
    as_json: AsJson = False,
) -> None:
    """Wrap keys anew under a fresh key; nothing is encrypted again, and nobody has to stop working.

    Interrupted, it is completed by running it again.
    """
    if root == (matter is not None):
        raise Usage("Say what to rotate: --root, or --matter with the matter's id.")
    gateway = _opened()
    with Alone(gateway.settings.key_change, _ONE_AT_A_TIME):
        rotation = gateway.rotation
        done = rotation.rotate_root() if matter is None else rotation.rotate_matter(matter)
    what = f"root key {done.to}" if matter is None else f"KEK {done.to} of {matter}"
    ended = "completed an interrupted rotation to" if done.resumed else "rotated to"
    show(done, as_json=as_json, lines=[f"{ended} {what}; {done.rewrapped} keys wrapped anew"])
    if matter is None:
        note("Back the key file up now: no earlier copy of it opens what is in the database.")


@app.command("rotate-log")
def rotate_log(as_json: AsJson = False) -> None:
    """Make new keys for the log, announced by the old ones, which are destroyed. Nobody has to stop working."""
    gateway = _opened()
    with Alone(gateway.settings.key_change, _ONE_AT_A_TIME):
        done = gateway.successions.rotate()
    show(done, as_json=as_json, lines=[f"entry {done.entry} names the new keys of {done.name}: {done.fingerprint}"])
    note(
        "Hand out the new keys (`gateway audit keys`) with the lines of succession.jsonl of the next export, to "
        "witnesses too; add them to the policy of witnesses where it lists logs, and renew the database's backups."
    )


@app.command("passphrase")
def change_passphrase(
    new: Annotated[Path, typer.Option("--new-file", help="A file that holds the new passphrase, mode 0600.")],
) -> None:
    """Put the key file under a new passphrase. The old one opens it no more; earlier copies it still does."""
    gateway = _opened()
    secret = passphrase({**os.environ, "GATEWAY_PASSPHRASE_FILE": str(new)})
    with Alone(gateway.settings.key_change, _ONE_AT_A_TIME):
        gateway.key_file.change_passphrase(secret, gateway.rotation.enter_passphrase_change)
    note(
        "The passphrase is changed. Put the new one where GATEWAY_PASSPHRASE_FILE points before the next start, and "
        "renew the backup of the key file."
    )


def _opened() -> Gateway:
    gateway = compose(from_environment(), passphrase)
    gateway.log.check_continues()
    return gateway
