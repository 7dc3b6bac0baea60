"""The `gateway` command: every room's commands, and where a problem becomes one sentence and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

import typer

from gateway.base.problems import Problem, Usage
from gateway.cli import exits
from gateway.cli.output import note, tell


class Command(NamedTuple):
    """Where a command stands, and what the overview says of it."""

    module: str
    member: str
    says: str


# In the order of the journey. A module is imported when its command is meant, so that a client starts in no time.
COMMANDS = {
    "init": Command("deployment", "init", "Create the data folder, its key file and its database."),
    "keygen": Command("keyfiles", "keygen", "Make a signing key of your own."),
    "recipient-keygen": Command("keyfiles", "recipient_keygen", "Make a recipient's age key."),
    "found": Command("deployment", "found", "The founding ceremony: two people, once."),
    "token": Command("accounts", "token", "Get an API token by signing with your own key."),
    "people": Command("accounts", "people", "Who may act here."),
    "serve": Command("serving", "serve", "Serve the HTTP interface, with workers beside it."),
    "worker": Command("serving", "worker", "Carry out queued renditions until stopped."),
    "witness": Command("witnesses", "app", "Be a witness: cosign logs that only grow."),
    "demo": Command("demo", "demo", "Run the whole job on specimens and verify what came out."),
    "specimens": Command("demo", "put_specimens", "Write originals of every medium to try things with."),
    "inspect": Command("inspecting", "inspect_file", "Say what a file hides and what can be done with it."),
    "render": Command("rehearse", "render_file", "Rehearse a rendition on this machine, without a server."),
    "check": Command("checking", "check_file", "Search a redacted file for what a policy withholds."),
    "matter": Command("matters", "app", "Matters: what is demanded, and who is in custody."),
    "upload": Command("matters", "upload", "Send an original; prints its receipt."),
    "classify": Command("matters", "classify", "Give the four answers that a release needs."),
    "original": Command("originals", "app", "Originals: look at their pages, shred them."),
    "release": Command("releases", "app", "Releases: the renditions for one recipient."),
    "review": Command("releases", "review", "Look at a rendition and say what you think of it."),
    "approve": Command("releases", "approve", "Approve a release, signing exactly what it holds."),
    "sign": Command("keyfiles", "sign", "Sign a request or a statement with your own key."),
    "dispatch": Command("releases", "dispatch", "Hand an approved release over, sealed and logged."),
    "receipt": Command("releases", "receipt", "Record what came back."),
    "evidence": Command("evidence", "evidence", "Get evidence of a dispatched release for a court."),
    "trace": Command("tracing", "trace_file", "Find the copy that a leaked picture was made from."),
    "policy": Command("policies", "app", "Policies: what may leave, in what form, and why."),
    "audit": Command("audits", "audit", "The audit log: verify it, export it."),
    "package": Command("audits", "package", "Packages as recipients get them."),
    "keys": Command("keys", "app", "The keys of the deployment: list, rotate."),
    "doctor": Command("doctor", "doctor", "Look at sandbox, keys, store, database and detector."),
    "version": Command("doctor", "version", "Print the version."),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; its exit code. Problems become one sentence on stderr, or an object with --json."""
    as_json = "--json" in argv
    try:
        result = _for(argv)(args=list(argv), prog_name="gateway", standalone_mode=False)
    except Problem as problem:
        tell(problem, as_json=as_json)
        return exits.code_of(problem)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        note("Stopped.")
        return exits.REFUSED
    except typer.TyperException as error:
        tell(Usage(_sentence(error)), as_json=as_json)
        return exits.USAGE
    return result if isinstance(result, int) else exits.GOOD


def application() -> typer.Typer:
    """The application with all of its commands, which takes a while to import."""
    app = _empty()
    for name in COMMANDS:
        _add(app, name)
    return app


def _for(argv: Sequence[str]) -> typer.Typer:
    """The application with the one command that is meant, or with no more than what is said of each."""
    app = _empty()
    if argv and argv[0] in COMMANDS:
        _add(app, argv[0])
        return app
    for name, command in COMMANDS.items():
        app.command(name, help=command.says)(_together)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="gateway",
        help="The one door through which compelled disclosures leave a company.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_together)
    return app


def _add(app: typer.Typer, name: str) -> None:
    command = COMMANDS[name]
    found = getattr(importlib.import_module(f"gateway.cli.{command.module}"), command.member)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)


def _together() -> None:
    """The one door through which compelled disclosures leave a company."""


def _sentence(error: typer.TyperException) -> str:
    """What was wrong with the command line; a missing command gets the whole help text."""
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    return str(told).strip() or "The command line is not formed as documented; add --help."


if __name__ == "__main__":
    main()
