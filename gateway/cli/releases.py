"""`release`, `review`, `approve`, `dispatch`, `receipt`: from a draft for one hop to what came back."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.base.problems import Refused, Usage
from gateway.cli.client import Client, Progress, Release, Rendition
from gateway.cli.environment import connected, json_file
from gateway.cli.keyfiles import KeyFile, describe, load_key
from gateway.cli.output import AsJson, Following, note, save_new, show, transfer

app = typer.Typer(help="Releases: the renditions for one recipient.", no_args_is_help=True)

AnswersFile = Annotated[Path | None, typer.Option("--answers", help="A JSON file of answers.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for a worker to finish.")]
_UNFIT = frozenset({"waiting", "blocked", "refused"})


class NotClean(Refused):
    """The rendition came to something other than clean."""

    slug = "not-clean"
    title = "The rendition is not clean"


class NotConfirmed(Refused):
    """The signer did not say yes."""

    slug = "not-confirmed"
    title = "Not signed"


@app.command("draft")
def draft(
    matter: str,
    recipient: Annotated[str, typer.Option("--recipient", help="The recipient's id, or its hop as a number.")],
    profile: Annotated[str, typer.Option("--profile", help="sealed or portal.")],
    as_json: AsJson = False,
) -> None:
    """Open a draft release for one hop."""
    with connected() as client:
        made = client.draft(matter, recipient_of(client, matter, recipient), profile)
    show(made, as_json=as_json, lines=[made.id])


@app.command("add")
def add(
    release: str,
    original: str,
    policy: Annotated[str | None, typer.Option("--policy", help="A policy's id; else the one that applies.")] = None,
    answers: AnswersFile = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Have an original rendered for this release. Exit 3 when it waits for answers, is blocked or is refused."""
    with connected() as client:
        asked = client.add(release, original, policy=policy, answers=_answers(answers))
        _finish(client, asked, no_wait=no_wait, as_json=as_json)


@app.command("answer")
def answer(
    rendition: str,
    answers: Path,
    remember: Annotated[
        list[str] | None, typer.Option("--remember", help="A column whose answer holds for other originals too.")
    ] = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Answer a rendition's questions, or draw its regions anew: a new rendition takes its place."""
    with connected() as client:
        asked = client.answer(rendition, _answers(answers), remember=remember or ())
        _finish(client, asked, no_wait=no_wait, as_json=as_json)


@app.command("submit")
def submit(release: str, as_json: AsJson = False) -> None:
    """Compose manifest and documents, and put the release before its reviewers."""
    with connected() as client:
        _told(client.submit(release), as_json=as_json)


@app.command("refuse")
def refuse(release: str, reason: Annotated[str, typer.Option("--reason")], as_json: AsJson = False) -> None:
    """Refuse a release for good."""
    with connected() as client:
        _told(client.refuse(release, reason), as_json=as_json)


@app.command("recall")
def recall(release: str, reason: Annotated[str, typer.Option("--reason")], as_json: AsJson = False) -> None:
    """Record a recall. It notifies; it cannot unsend."""
    with connected() as client:
        _told(client.recall(release, reason), as_json=as_json)


@app.command("show")
def show_release(release: str, as_json: AsJson = False) -> None:
    """A release: state, renditions, approvals given and needed."""
    with connected() as client:
        told = client.release(release)
    lines = [f"{told.id}  {told.state}  {told.profile}"]
    lines += [f"  rendition {one.id}  {one.state:<9}  {one.kind}  {one.sha256 or ''}" for one in told.renditions]
    lines += [f"  approved by {one.approver} as {one.role}, entry {one.audit_index}" for one in told.approvals.given]
    lines += [f"  needs {one.n} × {one.role}" for one in told.approvals.needed]
    show(told, as_json=as_json, lines=lines)


def review(
    rendition: str,
    verdict: Annotated[str, typer.Option("--verdict", help="reviewed or changes_requested.")] = "reviewed",
    reason: Annotated[str | None, typer.Option("--reason", help="Needed with changes_requested.")] = None,
    save: Annotated[Path | None, typer.Option("--save", help="Keep the bytes you looked at in this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Look at a rendition and say what you think of exactly these bytes."""
    with connected() as client:
        data, digest = seen(client, rendition)
        if save is not None:
            save_new(save, data)
        told = client.review(rendition, verdict, digest, reason)
    show(told, as_json=as_json, lines=[f"{verdict}  sha256 {digest}"])


def approve(
    release: str,
    key: KeyFile,
    role: Annotated[str, typer.Option("--role", help="The role you sign in: legal or privacy.")] = "legal",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before signing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Approve a release: see what the statement stands for, sign it here with your own key, hand the signature in."""
    with connected() as client:
        request = client.approval_request(release, role)
        note(*describe(request.statement, request.manifest), f"manifest sha256 {request.manifest_sha256}")
        if not yes and sys.stdin.isatty() and not typer.confirm("Sign this?", err=True):
            raise NotConfirmed("You did not confirm; nothing was signed.")
        told = client.approve(release, request.statement, load_key(key).sign(request.statement))
    show(told, as_json=as_json, lines=[f"approved {request.manifest_sha256}, entry {told.audit_index}"])


def dispatch(
    release: str,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Keep the package in this new file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hand an approved release over: sealed, logged, and with --out downloaded."""
    if out is not None and out.exists():
        raise Usage("There is a file of this name already; name another one.")
    with connected() as client:
        done = client.dispatch(release)
        if out is not None:
            fetch_package(client, done, out)
    _told(done, as_json=as_json)


def receipt(
    release: str,
    reference: Annotated[str, typer.Option("--reference", help="Portal number, courier slip.")],
    as_json: AsJson = False,
) -> None:
    """Record what came back."""
    with connected() as client:
        _told(client.receipt(release, reference), as_json=as_json)


def seen(client: Client, rendition: str) -> tuple[bytes, str]:
    """A rendition's bytes and their SHA-256, which has to be the one that the gateway names."""
    sink = io.BytesIO()
    digest = client.rendition_content(rendition, sink)
    return sink.getvalue(), digest


def fetch_package(client: Client, release: Release, out: Path) -> None:
    """Download a dispatched package to the new file `out`, checked against the digest in the log."""
    partial = out.with_name(f".{out.name}.partial")
    try:
        with partial.open("xb") as sink, transfer("downloading", release.package_bytes or 0):
            client.package(release.id, sink)
        partial.rename(out)
    except OSError as error:
        raise Usage("The package cannot be written there; name another file.") from error
    finally:
        partial.unlink(missing_ok=True)


def recipient_of(client: Client, matter: str, recipient: str) -> str:
    """A recipient's id, given as such or as its hop."""
    if not recipient.isdigit():
        return recipient
    for one in client.matter(matter).recipients:
        if one.hop == int(recipient):
            return one.id
    raise Usage("The matter has no such hop.")


def _finish(client: Client, asked: Rendition, *, no_wait: bool, as_json: bool) -> None:
    with Following(as_json=as_json) as following:
        done = (
            asked
            if no_wait
            else client.wait(asked.id, seen=lambda one: following(one.progress or Progress(one.state, 0, 0, "")))
        )
    show(done, as_json=as_json, lines=[f"{done.id}  {done.state}  {done.policy}"])
    if done.state in _UNFIT:
        raise NotClean(done.reason or f"The rendition is {done.state}.")


def _told(release: Release, *, as_json: bool) -> None:
    digest = release.package_sha256 or release.manifest_sha256
    show(release, as_json=as_json, lines=[f"{release.id}  {release.state}  {digest or ''}".rstrip()])


def _answers(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        told = json.loads(json_file(path, "answers file"))
    except ValueError as error:
        raise Usage("The answers file is not JSON; correct it.") from error
    if not isinstance(told, dict):
        raise Usage("The answers file holds no JSON object; correct it.")
    return told
