"""`matter`, `upload`, `classify`: a demand enters, and originals with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.base.problems import Usage
from gateway.cli.client import Matter
from gateway.cli.environment import connected, json_file
from gateway.cli.output import AsJson, show, transfer

app = typer.Typer(help="Matters: what an authority demands, and the chain it travels.", no_args_is_help=True)


@app.command("open")
def open_matter(
    draft: Annotated[Path, typer.Argument(help="A JSON file: the body of POST /matters (docs/tour.md has one).")],
    as_json: AsJson = False,
) -> None:
    """Open a matter with its chain of recipients and its demand items."""
    try:
        told = json.loads(json_file(draft, "matter file"))
    except ValueError as error:
        raise Usage("The matter file is not JSON; correct it.") from error
    if not isinstance(told, dict):
        raise Usage("The matter file holds no JSON object; correct it.")
    with connected() as client:
        matter = client.open_matter(told)
    show(matter, as_json=as_json, lines=_lines(matter))


@app.command("show")
def show_matter(matter: str, as_json: AsJson = False) -> None:
    """One matter, its chain and its originals."""
    with connected() as client:
        found, originals = client.matter(matter), tuple(client.originals(matter))
    lines = [f"  {one.id}  {one.kind}  {one.size_bytes} bytes" for one in originals]
    show({"matter": found, "originals": originals}, as_json=as_json, lines=[*_lines(found), *lines])


@app.command("list")
def list_matters(as_json: AsJson = False) -> None:
    """All matters, newest first."""
    with connected() as client:
        found = tuple(client.matters())
    show(found, as_json=as_json, lines=[f"{one.id}  round {one.round}  {one.authority}  {one.title}" for one in found])


def upload(
    file: Annotated[Path, typer.Argument(help="The original.")],
    matter: Annotated[str, typer.Option("--matter", help="The matter's id.")],
    kind: Annotated[str, typer.Option("--kind", help="What it is, such as customer_list.")],
    unpack: Annotated[bool, typer.Option("--unpack", help="Send each file of a ZIP as an original.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send an original; prints its receipt. The name stays inside the gateway and decides nothing."""
    if not file.is_file():
        raise Usage("There is no file at this path.")
    if unpack:
        with connected() as client, transfer("uploading", file.stat().st_size) as progress:
            receipts = client.upload_archive(matter, kind, file, progress=progress)
        show(receipts, as_json=as_json, lines=[f"{one.original}  {one.media_type}  {one.sha256}" for one in receipts])
        return
    with connected() as client, transfer("uploading", file.stat().st_size) as progress:
        receipt = client.upload(matter, kind, file, progress=progress)
    lines = [receipt.original, f"sha256 {receipt.sha256}", f"entry {receipt.audit_index}"]
    show(receipt, as_json=as_json, lines=lines)


def classify(
    original: str,
    export_control: Annotated[str, typer.Option(help="none, ear99, licensed or controlled.")],
    personal_data: Annotated[str, typer.Option(help="none, assessed or not_assessed.")],
    third_party: Annotated[str, typer.Option(help="none, consented, withheld_by_policy or refused.")],
    defence_nexus: Annotated[str, typer.Option(help="no or yes.")],
    licence_number: Annotated[str | None, typer.Option(help="Needed with `licensed`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give the four answers without which nothing made of an original can be released."""
    answers = {
        "export_control": export_control,
        "personal_data": personal_data,
        "third_party": third_party,
        "defence_nexus": defence_nexus,
        "licence_number": licence_number,
    }
    with connected() as client:
        told = client.classify(original, answers)
    show(told, as_json=as_json, lines=["classified"])


def _lines(matter: Matter) -> list[str]:
    chain = [
        f"  hop {one.hop}  {one.id}  {one.recipient_class}  {', '.join(one.profiles)}  {one.name}"
        for one in matter.recipients
    ]
    return [matter.id, f"{matter.title} ({matter.authority}, round {matter.round})", *chain]
