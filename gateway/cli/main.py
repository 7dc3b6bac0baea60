"""The `gateway` command: every room's commands, and where a problem becomes one sentence and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import typer

from gateway.base.problems import Problem, Usage
from gateway.cli import exits
from gateway.cli.output import note, tell

# Command → module and member. A module is imported when its command is meant, so that a client starts in no time.
COMMANDS = {
    "init": ("deployment", "init"),
    "keygen": ("keyfiles", "keygen"),
    "recipient-keygen": ("keyfiles", "recipient_keygen"),
    "found": ("deployment", "found"),
    "token": ("accounts", "token"),
    "people": ("accounts", "people"),
    "serve": ("serving", "serve"),
    "worker": ("serving", "worker"),
    "witness": ("witnesses", "app"),
    "demo": ("demo", "demo"),
    "specimens": ("demo", "put_specimens"),
    "inspect": ("inspecting", "inspect_file"),
    "render": ("rehearse", "render_file"),
    "check": ("checking", "check_file"),
    "matter": ("matters", "app"),
    "upload": ("matters", "upload"),
    "classify": ("matters", "classify"),
    "original": ("originals", "app"),
    "release": ("releases", "app"),
    "review": ("releases", "review"),
    "approve": ("releases", "approve"),
    "sign": ("keyfiles", "sign"),
    "dispatch": ("releases", "dispatch"),
    "receipt": ("releases", "receipt"),
    "policy": ("policies", "app"),
    "audit": ("audits", "audit"),
    "package": ("audits", "package"),
    "keys": ("keys", "app"),
    "doctor": ("doctor", "doctor"),
    "version": ("doctor", "version"),
}


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; its exit code. Problems become one sentence on stderr, or an object with --json."""
    as_json = "--json" in argv
    try:
        result = application(argv[0] if argv else None)(args=list(argv), prog_name="gateway", standalone_mode=False)
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


def application(meant: str | None = None) -> typer.Typer:
    """The application with the one command that is meant, or with all of them."""
    app = typer.Typer(
        name="gateway",
        help="The one door through which compelled disclosures leave a company.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_together)
    for name, (module, member) in COMMANDS.items():
        if meant in COMMANDS and name != meant:
            continue
        found = getattr(importlib.import_module(f"gateway.cli.{module}"), member)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _together() -> None:
    """The one door through which compelled disclosures leave a company."""


def _sentence(error: typer.TyperException) -> str:
    """What was wrong with the command line; a missing command gets the whole help text."""
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    return str(told).strip() or "The command line is not formed as documented; add --help."


if __name__ == "__main__":
    main()
