"""`audit` and `package`: the log exported, and both verified offline with the code that travels in them."""

from __future__ import annotations

import base64
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Annotated

import typer

from gateway.app import compose
from gateway.base.problems import CheckFailed, NotFound, Usage
from gateway.cli.environment import connected
from gateway.cli.line import AnswerUnreadable
from gateway.cli.output import AsJson, note, say, show
from gateway.settings import from_environment, passphrase
from gateway.verify import Report, verify_evidence, verify_export, verify_package
from gateway.verify.verify import WrongUse

audit = typer.Typer(help="The audit log.", no_args_is_help=True)
courier = typer.Typer(help="Cosignatures by hand, where witnesses have no line to here.", no_args_is_help=True)
audit.add_typer(courier, name="courier")
package = typer.Typer(help="Packages as recipients get them.", no_args_is_help=True)

LogKey = Annotated[
    str | None, typer.Option("--log-key", help="The log's key, got another way: a file or the key itself.")
]
Trusted = Annotated[
    Path | None, typer.Option("--policy", help="The witnesses you trust, and their quorum (C2SP tlog-policy).")
]
_NAME_CHARS_MAX = 1000
_TAIL_WAIT_S = 20
_EXPORT_BYTES_MAX = 1 << 36
# The folder in the zip, and the path inside it.
_NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
_EXPORTED = re.compile(f"{_NAME}/((?:{_NAME}/){{0,9}}{_NAME})")
# A zip that is none, is cut short, is encrypted or compressed in other ways, or names one place twice.
_NO_EXPORT = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, FileExistsError, NotADirectoryError,
)  # fmt: skip


class DoesNotVerify(CheckFailed):
    """A step of the verification failed."""

    slug = "does-not-verify"
    title = "The verification found a difference"


@audit.command("clock")
def accept_clock(
    accept: Annotated[bool, typer.Option("--accept", help="Go on although the newest entry is later.")] = False,
) -> None:
    """Compare this host's clock with the newest entry, on the data folder itself. Exit 5 when it is behind."""
    gateway = compose(from_environment(), passphrase)
    if accept:
        note(f"Entry {gateway.log.accept_clock()} says that the clock was accepted; tell the auditor why.")
    gateway.log.check_clock()
    say("the clock is not behind the log")


@audit.command("restore")
def restore(
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the statement to sign; must not exist.")
    ] = None,
    replay: Annotated[Path | None, typer.Option("--replay", help="A whole export that has what is missing.")] = None,
    statement: Annotated[Path | None, typer.Option("--statement", help="The statement that both signed.")] = None,
    signed: Annotated[list[str] | None, typer.Option("--signed", help="PERSON=SIGNATURE, twice.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why; kept encrypted in the entry.")] = None,
    as_json: AsJson = False,
) -> None:
    """Declare that the database was put back behind its log: by two people, on the data folder itself, nobody at work.

    First with --out; both sign that file (`gateway sign`); then with --statement, --signed twice and --reason. With
    --replay missing entries are taken from an export; without it a new log continues what is left, and says so.
    """
    gateway = compose(from_environment(), passphrase)
    gateway.presence.require_alone("Somebody works on this data folder; stop server and workers first.")
    if out is not None:
        told = gateway.restores.statement(replay)
        _write_new(out, told)
        show({"statement": str(out)}, as_json=as_json, lines=[told.decode(), str(out)])
        return
    if statement is None or reason is None or not signed:
        raise Usage("Give --out for the statement; or --statement, --signed PERSON=SIGNATURE twice, and --reason.")
    done = gateway.restores.declare(_bytes(statement, "statement"), _signatures(signed), reason, replay)
    lost = "are in the log again, without their rows" if replay else "of the earlier log are given up"
    lines = [f"entry {done.entry} of {done.name}: entries {done.start} to {done.stop - 1} {lost}"]
    show(done, as_json=as_json, lines=[*lines, *(f"shredded again: {one}" for one in done.shredded)])
    if replay is None:
        note("This is a new log: hand out its keys, tell witnesses of it, and keep a checkpoint outside.")


@courier.command("request")
def courier_request(
    file: Annotated[Path, typer.Argument(help="Where the request goes; must not exist.")],
    old: Annotated[int | None, typer.Option("--old", min=0, help="The size that the witness cosigned last.")] = None,
) -> None:
    """Write what a witness without a line to here has to cosign, on the data folder itself."""
    gateway = compose(from_environment(), passphrase)
    _write_new(file, gateway.cosigning.courier_request(old))


@courier.command("collect")
def courier_collect(
    file: Annotated[Path, typer.Argument(help="The cosignatures that `gateway witness courier` wrote.")],
) -> None:
    """Check and keep what a witness cosigned, on the data folder itself."""
    gateway = compose(from_environment(), passphrase)
    if not file.is_file():
        raise NotFound("There is nothing at this path.")
    cosigned = gateway.cosigning.collect(_text(str(file), "file of cosignatures") or "")
    quorum = "a quorum" if cosigned.met else "no quorum yet"
    say(f"{len(cosigned.keys)} keys cosigned the first {cosigned.checkpoint.size} entries: {quorum}")


@audit.command("export")
def export_log(
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder that does not exist yet.")],
    matter: Annotated[
        str | None, typer.Option("--matter", help="All entries of one matter, and that they are.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Entries of one person.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Entries of a type, or such as `release.`")] = None,
    since: Annotated[str | None, typer.Option("--since", help="From 2026-01-31T08:00:00.000Z on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Before this time.")] = None,
    view: Annotated[list[str] | None, typer.Option("--view", help="Also as csv, ocsf, cef, syslog, parquet.")] = None,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", help="Prove that an extract continues this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export the whole log as a folder that verifies offline, or, with a filter, entries with the proof of each."""
    if out.exists():
        raise Usage("The export needs a folder that does not exist yet; name another one.")
    asked = {"matter": matter, "actor": actor, "type": kind, "since": since, "until": until}
    wanted = {name: value for name, value in asked.items() if value is not None}
    kept = None if checkpoint is None else _size(checkpoint)
    with connected() as client, tempfile.TemporaryFile() as sink:
        client.export(sink, wanted, view or [], kept)
        sink.seek(0)
        unpack_export(sink, out)
    show({"folder": str(out)}, as_json=as_json, lines=[str(out)])


@audit.command("tail")
def tail_log(
    start: Annotated[int | None, typer.Option("--from", help="Begin at this entry, not at the end.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
    matter: Annotated[str | None, typer.Option("--matter", help="Entries of one matter.")] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="Entries of one person.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Entries of a type, or such as `release.`")] = None,
    form: Annotated[str, typer.Option("--form", help="jsonl, csv, ocsf, cef or syslog.")] = "jsonl",
) -> None:
    """Print entries as they come, a line each, for a SIEM. Where it was ended it goes on with --from."""
    asked = {"matter": matter, "actor": actor, "type": kind}
    wanted = {name: value for name, value in asked.items() if value is not None}
    with connected() as client:
        while True:
            before = start
            lines, start = client.tail(start, wanted, form, _TAIL_WAIT_S if follow else 0)
            if lines:
                say(lines.decode().rstrip("\r\n").replace("\r\n", "\n"))
            if not follow and before is not None and start == before:
                note(f"Go on with --from {start}.")
                return


@audit.command("verify")
def verify_log(
    path: Annotated[Path, typer.Argument(help="An export folder, or the proof of an entry.")],
    log_key: LogKey = None,
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="A checkpoint that you kept.")] = None,
    policy: Trusted = None,
    root_only: Annotated[
        bool, typer.Option("--root-only", help="Only that the entries lead to the signed root.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify an export offline: every entry, the tree, the signed checkpoint, and that it grew from yours; or the proof
    of an entry.
    """
    _present(path)
    kept = None if checkpoint is None else _text(str(checkpoint), "checkpoint")
    _report(
        lambda: verify_export(
            path,
            log_key=_text(log_key, "log key"),
            checkpoint=kept,
            policy=None if policy is None else _bytes(policy),
            root_only=root_only,
        ),
        as_json=as_json,
    )


@audit.command("prove")
def prove_entry(index: Annotated[int, typer.Argument(min=0, help="Which entry, from 0.")]) -> None:
    """Print an entry with its proof and a signed checkpoint (C2SP tlog-proof): a file that `audit verify` checks."""
    with connected() as client:
        say(client.tlog_proof(index).rstrip("\n"))


@audit.command("checkpoint")
def show_checkpoint() -> None:
    """Print a signed checkpoint over the log as it stands. Keep it outside the company."""
    with connected() as client:
        say(client.checkpoint().rstrip("\n"))


@audit.command("keys")
def show_keys(as_json: AsJson = False) -> None:
    """The public keys that recipients and auditors verify with; hand them out another way than the packages."""
    with connected() as client:
        keys = client.keys()
    prints = [
        f"SHA-256 of the log keys: {keys.log_fingerprint}",
        f"SHA-256 of the package keys: {keys.package_fingerprint}",
    ]
    show(keys, as_json=as_json, lines=[keys.log_vkey.strip(), keys.package_pem.strip(), *prints])


@package.command("verify")
def verify_one(
    path: Annotated[Path, typer.Argument(help="A package: folder or zip; or a folder of evidence.")],
    log_key: LogKey = None,
    package_key: Annotated[
        str | None, typer.Option("--package-key", help="The sender's two keys, got another way.")
    ] = None,
    policy: Trusted = None,
    as_json: AsJson = False,
) -> None:
    """Verify a package offline: files, manifest, approvals, approvers, and its entry in the sender's log.

    Of evidence also every entry of the matter, and what is told of them.
    """
    _present(path)
    keys = {"log_key": _text(log_key, "log key"), "package_key": _text(package_key, "package key")}
    trusted = None if policy is None else _bytes(policy)
    check = verify_evidence if (path / "evidence.json").exists() else verify_package
    _report(lambda: check(path, **keys, policy=trusted), as_json=as_json)


def unpack_export(packed: IO[bytes], out: Path) -> None:
    """Put the files of an export's zip into the new folder `out`, all or none; members named otherwise are left out."""
    beside = out.with_name(f".{out.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        with zipfile.ZipFile(packed) as archive:
            for member in archive.infolist():
                named = _EXPORTED.fullmatch(member.filename)
                if named is None or member.file_size > _EXPORT_BYTES_MAX:
                    continue
                place = beside / named[1]
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, place.open("xb") as target:
                    shutil.copyfileobj(source, target)
        beside.rename(out)
    except _NO_EXPORT as error:
        raise AnswerUnreadable("What came is not an export; check GATEWAY_URL, and ask again.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _report(verify: Callable[[], Report], *, as_json: bool) -> None:
    try:
        report = verify()
    except WrongUse as wrong:
        raise Usage(str(wrong)) from wrong
    except OSError as error:
        raise Usage("What lies at this path cannot be read.") from error
    signs = {"ok": "ok    ", "failed": "FAILED"}
    lines = [f"{signs.get(step.state, '-     ')} {step.number}. {step.title}: {step.detail}" for step in report.steps]
    show(report.to_json(), as_json=as_json, lines=[*lines, report.sentence()])
    note(*(f"Note: {warning}" for warning in report.warnings))
    if report.exit_code:
        failed = next((step for step in report.steps if step.state == "failed"), None)
        raise DoesNotVerify(failed.detail if failed else report.sentence())


def _size(checkpoint: Path) -> int:
    """How many entries a checkpoint is over."""
    lines = (_text(str(checkpoint), "checkpoint") or "").split("\n")
    if len(lines) < 3 or not (lines[1].isascii() and lines[1].isdecimal()):
        raise Usage("This is not a checkpoint: its second line is no number of entries.")
    return int(lines[1])


def _present(path: Path) -> None:
    if not path.exists():
        raise NotFound("There is nothing at this path.")


def _bytes(path: Path, what: str = "policy of witnesses") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Usage(f"The {what} cannot be read; check its path.") from error


def _write_new(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as sink:
            sink.write(data)
    except OSError as error:
        raise Usage("The file cannot be written; name one that does not exist yet.") from error


def _signatures(signed: list[str]) -> dict[str, bytes]:
    """Signatures by the people who made them."""
    pairs = [one.partition("=") for one in signed]
    try:
        return {person: base64.b64decode(text, validate=True) for person, _equals, text in pairs}
    except ValueError as error:
        raise Usage("A signature is given as PERSON=BASE64, as `gateway sign` prints it.") from error


def _text(value: str | None, what: str) -> str | None:
    """The content of a file of this name, or the text itself."""
    if value is None or "\n" in value.strip() or len(value) > _NAME_CHARS_MAX or not Path(value).is_file():
        return value
    try:
        return Path(value).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise Usage(f"The {what} cannot be read as text.") from error
