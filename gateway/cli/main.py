"""The `gateway` command: every room's commands, and where a problem becomes one sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from gateway import __version__
from gateway.base.problems import Problem, Usage
from gateway.cli import (
    audits,
    demo,
    deployment,
    doctor,
    exits,
    keyfiles,
    matters,
    policies,
    rehearse,
    releases,
    serving,
)
from gateway.cli.output import note, say, tell

app = typer.Typer(
    name="gateway",
    help="The one door through which compelled disclosures leave a company.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for _name, _command in (
    ("init", deployment.init),
    ("keygen", keyfiles.keygen),
    ("found", deployment.found),
    ("token", deployment.token),
    ("serve", serving.serve),
    ("worker", serving.worker),
    ("demo", demo.demo),
    ("render", rehearse.render_file),
    ("upload", matters.upload),
    ("classify", matters.classify),
    ("review", releases.review),
    ("approve", releases.approve),
    ("sign", keyfiles.sign),
    ("dispatch", releases.dispatch),
    ("receipt", releases.receipt),
    ("doctor", doctor.doctor),
):
    app.command(_name)(_command)

for _name, _group in (
    ("people", deployment.people),
    ("matter", matters.app),
    ("release", releases.app),
    ("policy", policies.app),
    ("audit", audits.audit),
    ("package", audits.package),
):
    app.add_typer(_group, name=_name)


@app.command("version")
def version() -> None:
    """Print the version."""
    say(__version__)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; its exit code. Problems become one sentence on stderr, or an object with --json."""
    as_json = "--json" in argv
    try:
        result = app(args=list(argv), prog_name="gateway", standalone_mode=False)
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


def _sentence(error: typer.TyperException) -> str:
    """What was wrong with the command line; a missing command gets the whole help text."""
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    return str(told).strip() or "The command line is not formed as documented; add --help."


if __name__ == "__main__":
    main()
