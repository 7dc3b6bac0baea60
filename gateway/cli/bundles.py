"""`policy bundle make|request|collect|verify|activate|abandon`: policies that several people signed."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import compose, policy_signers
from gateway.base.clock import to_text
from gateway.base.problems import Usage
from gateway.cli.environment import json_file, offline_settings
from gateway.cli.output import AsJson, note, save_new, say, show
from gateway.policy.bundle import (
    Bundle,
    Signers,
    check_signatures,
    make_bundle,
    open_bundle,
    parse_signers,
    signatures_of,
)
from gateway.policy.load import sources_in
from gateway.policy.words import day
from gateway.seal.signature import PublicKey, from_text
from gateway.seal.signature import to_text as key_text
from gateway.settings import from_environment, passphrase

app = typer.Typer(help="Bundles: policies that several people signed.", no_args_is_help=True)

BundleFile = Annotated[Path, typer.Argument(help="The bundle.")]
SignaturesFile = Annotated[Path, typer.Argument(help="Its signatures, as `collect` wrote them.")]


@app.command("make")
def make(
    out: Annotated[Path, typer.Option("--out", "-o", help="The new bundle file.")],
    number: Annotated[int, typer.Option("--number", help="Its number, higher than that of any before.")],
    not_before: Annotated[str, typer.Option("--not-before", help="The first day on which it decides (UTC).")],
    not_after: Annotated[str, typer.Option("--not-after", help="The last day.")],
    as_json: AsJson = False,
) -> None:
    """Make a bundle of all policies and kinds, as they are written and as they are applied."""
    first, last = _day(not_before), _day(not_after)
    bundle = make_bundle(
        sources_in(offline_settings().policies_dir),
        number=number,
        not_before=datetime.combine(first, time.min, UTC),
        not_after=datetime.combine(last, time.min, UTC) + timedelta(days=1, milliseconds=-1),
    )
    save_new(out, bundle.data)
    _tell(bundle, as_json=as_json)


@app.command("request")
def request(bundle: BundleFile) -> None:
    """Print what every signer signs, for `gateway sign`."""
    say(_opened(bundle).statement.decode("utf-8"))


@app.command("collect")
def collect(
    bundle: BundleFile,
    answers: Annotated[list[Path], typer.Argument(help="What `gateway sign --json` gave each signer.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new signatures file.")],
    as_json: AsJson = False,
) -> None:
    """Put the signatures of several people into one file. Each has to hold."""
    opened = _opened(bundle)
    signed = [_answer(path, opened) for path in answers]
    save_new(out, signatures_of(signed, opened))
    keys = [key_text(key) for key, _ in signed]
    show({"bundle": opened.sha256, "keys": keys}, as_json=as_json, lines=[f"signed by {key}" for key in keys])


@app.command("verify")
def verify(
    bundle: BundleFile,
    signatures: SignaturesFile,
    signers: Annotated[
        Path | None, typer.Option("--signers", help="Their keys, one a line; GATEWAY_POLICY_SIGNERS when not given.")
    ] = None,
    quorum: Annotated[int | None, typer.Option("--quorum", help="How many must have signed.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="The day on which it has to hold; today if not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check digest, signatures, quorum and dates, offline. Exit 1 or 3 where one does not hold."""
    opened = _opened(bundle)
    signed = check_signatures(opened, json_file(signatures, "signatures file"), _signers(signers, quorum))
    opened.check_in_force(datetime.combine(_day(on), time(12), UTC) if on else datetime.now(UTC))
    note(*(f"signed by {key_text(key)}" for key in signed))
    _tell(opened, as_json=as_json)


@app.command("activate")
def activate(
    bundle: BundleFile,
    signatures: SignaturesFile,
    downgrade: Annotated[
        bool, typer.Option("--downgrade", help="Go back to a bundle older than the newest that was active.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a bundle the one that decides, from the next start of server and workers. One that fails changes nothing."""
    gateway = compose(from_environment(), passphrase)
    gateway.log.check_continues()
    data, signed = json_file(bundle, "bundle"), json_file(signatures, "signatures file")
    opened = gateway.policies.activate(data, signed, downgrade=downgrade)
    note("Start server and workers anew: until then they ask for nothing and render nothing.")
    _tell(opened, as_json=as_json)


@app.command("abandon")
def abandon() -> None:
    """Go back to policies that nobody signed. An entry of the log says so."""
    gateway = compose(from_environment(), passphrase)
    gateway.log.check_continues()
    gateway.policies.abandon()
    note("The policies of the folder decide from the next start of server and workers.")


def _opened(path: Path) -> Bundle:
    return open_bundle(json_file(path, "bundle"))


def _signers(path: Path | None, quorum: int | None) -> Signers:
    settings = offline_settings()
    if path is not None:
        text = json_file(path, "file of signers").decode("utf-8", errors="replace")
        return parse_signers(text, quorum or settings.policy_quorum)
    found = policy_signers(settings)
    if found is None:
        raise Usage("Say with --signers whose signatures count, or set GATEWAY_POLICY_SIGNERS.")
    return Signers(found.keys, quorum or found.quorum)


def _answer(path: Path, bundle: Bundle) -> tuple[PublicKey, bytes]:
    try:
        told = json.loads(json_file(path, "answer of a signer"))
        key, signature = from_text(told["key"]), base64.b64decode(told["signature"], validate=True)
    except (ValueError, LookupError, TypeError, binascii.Error) as error:
        raise Usage("A signer's answer is not what `gateway sign --json` prints; ask for it again.") from error
    key.verify(signature, bundle.statement)
    return key, signature


def _day(text: str) -> date:
    try:
        return day(text)
    except ValueError as error:
        raise Usage("Write a day as 2026-01-31.") from error


def _tell(bundle: Bundle, *, as_json: bool) -> None:
    told = {
        "bundle": bundle.sha256,
        "number": bundle.number,
        "library": bundle.library.digest,
        "not_before": to_text(bundle.not_before),
        "not_after": to_text(bundle.not_after),
        "policies": sorted(bundle.library.policies),
    }
    lines = [
        f"bundle {bundle.number}  sha256 {bundle.sha256}",
        f"in force from {told['not_before']} to {told['not_after']}, {len(bundle.library.policies)} policies",
    ]
    show(told, as_json=as_json, lines=lines)
