"""`matter`, `upload`, `classify`: a demand enters, and originals with it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.base.canon import Json
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


@app.command("consent")
def record_consent(
    matter: str,
    party: Annotated[list[str], typer.Option("--party", help="The party's name; repeat for every spelling.")],
    to: Annotated[str, typer.Option("--to", help="A class of recipients, such as authority.")],
    state: Annotated[str, typer.Option("--state", help="given, refused or withdrawn.")],
    start: Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-31.")],
    end: Annotated[str, typer.Option("--until", help="The last day.")],
    reference: Annotated[str, typer.Option("--reference", help="Where the evidence is.")],
    field: Annotated[list[str] | None, typer.Option("--field", help="Where it may be named; all if not given.")] = None,
    evidence: Annotated[Path | None, typer.Option("--evidence", help="The document; only its digest is sent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record whether a third party may be named to a class of recipients."""
    told = _told(party, to, state, start, end, reference, evidence)
    if field:
        told["fields"] = list[Json](field)
    with connected() as client:
        show(one := client.record_consent(matter, told), as_json=as_json, lines=[f"{one.id}  entry {one.audit_index}"])


@app.command("assess")
def record_assessment(
    matter: str,
    data: Annotated[list[str], typer.Option("--class", help="A class of personal data, such as PERSON; repeatable.")],
    to: Annotated[str, typer.Option("--to", help="A class of recipients, such as authority.")],
    state: Annotated[str, typer.Option("--state", help="given, refused or withdrawn.")],
    start: Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-31.")],
    end: Annotated[str, typer.Option("--until", help="The last day.")],
    reference: Annotated[str, typer.Option("--reference", help="Where the assessment is, and on which basis.")],
    evidence: Annotated[Path | None, typer.Option("--evidence", help="The document; only its digest is sent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record that disclosing personal data to a class of recipients was assessed."""
    told = _told(data, to, state, start, end, reference, evidence)
    with connected() as client:
        show(
            one := client.record_assessment(matter, told), as_json=as_json, lines=[f"{one.id}  entry {one.audit_index}"]
        )


@app.command("clearances")
def list_clearances(matter: str, as_json: AsJson = False) -> None:
    """What third parties said and what was assessed, oldest first."""
    with connected() as client:
        found = client.clearances(matter).clearances
    lines = [
        f"{one.sort}  {one.state}  {', '.join(one.about)}  to {one.recipient_class}  {one.start} to {one.end}"
        for one in found
    ]
    show(found, as_json=as_json, lines=lines)


@app.command("names")
def list_names(matter: str, as_json: AsJson = False) -> None:
    """What is remembered of headers, oldest first."""
    with connected() as client:
        found = client.names(matter).names
    lines = [
        f"{one.id}  {one.kind}  {one.header}  {one.field}  said by {one.said_by}, entry {one.audit_index}"
        + ("" if one.forgotten is None else f"; forgotten, entry {one.forgotten}")
        for one in found
    ]
    show(found, as_json=as_json, lines=lines)


@app.command("forget")
def forget_name(matter: str, name: str, as_json: AsJson = False) -> None:
    """Have a remembered name no longer hold: what rests on it does not leave."""
    with connected() as client:
        show(one := client.forget_name(matter, name), as_json=as_json, lines=[f"forgotten, entry {one.forgotten}"])


@app.command("export-class")
def record_export_class(
    original: str,
    regime: Annotated[str, typer.Option("--regime", help="The list, as policies name it, such as us_ear.")],
    entry: Annotated[str, typer.Option("--entry", help="Its entry, such as 3A001 or EAR99, or none.")],
    start: Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-31.")],
    end: Annotated[str, typer.Option("--until", help="The last day.")],
    reference: Annotated[str, typer.Option("--reference", help="Where it is worked out.")],
    evidence: Annotated[Path | None, typer.Option("--evidence", help="The document; only its digest is sent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record what an original is under a list of controlled goods."""
    told: dict[str, Json] = {"regime": regime, "entry": entry, **_shown(start, end, reference, evidence)}
    with connected() as client:
        one = client.record_export_class(original, told)
    show(one, as_json=as_json, lines=[f"{one.id}  entry {one.audit_index}"])


@app.command("licence")
def record_licence(
    matter: str,
    regime: Annotated[str, typer.Option("--regime", help="The list, as policies name it, such as us_ear.")],
    number: Annotated[str, typer.Option("--number", help="The licence's number.")],
    entry: Annotated[list[str], typer.Option("--entry", help="An entry that it is for; repeatable.")],
    to: Annotated[list[str], typer.Option("--to", help="A class of recipients, such as authority; repeatable.")],
    country: Annotated[list[str], typer.Option("--country", help="Two capitals, such as CN; repeatable.")],
    state: Annotated[str, typer.Option("--state", help="given, refused or withdrawn.")],
    start: Annotated[str, typer.Option("--from", help="The first day, such as 2026-01-31.")],
    end: Annotated[str, typer.Option("--until", help="The last day.")],
    reference: Annotated[str, typer.Option("--reference", help="Where the licence is.")],
    evidence: Annotated[Path | None, typer.Option("--evidence", help="The document; only its digest is sent.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record an export licence; a later word about its number takes its place."""
    told: dict[str, Json] = {
        "regime": regime,
        "number": number,
        "entries": list[Json](entry),
        "recipient_classes": list[Json](to),
        "countries": list[Json](country),
        "state": state,
        **_shown(start, end, reference, evidence),
    }
    with connected() as client:
        one = client.record_licence(matter, told)
    show(one, as_json=as_json, lines=[f"{one.id}  entry {one.audit_index}"])


@app.command("export-control")
def show_export_control(matter: str, as_json: AsJson = False) -> None:
    """What originals are under lists of controlled goods, and the licences, oldest first."""
    with connected() as client:
        found = client.export_control(matter)
    lines = [f"class    {one.original}  {one.regime}  {one.entry}  {one.start} to {one.end}" for one in found.classes]
    lines += [
        f"licence  {one.regime}  {one.number}  {one.state}  {', '.join(one.entries)}  to "
        f"{', '.join(one.recipient_classes)} in {', '.join(one.countries)}  {one.start} to {one.end}"
        for one in found.licences
    ]
    show(found, as_json=as_json, lines=lines)


def _told(
    about: list[str], to: str, state: str, start: str, end: str, reference: str, evidence: Path | None
) -> dict[str, Json]:
    return {
        "about": list[Json](about),
        "recipient_class": to,
        "state": state,
        **_shown(start, end, reference, evidence),
    }


def _shown(start: str, end: str, reference: str, evidence: Path | None) -> dict[str, Json]:
    digest = None if evidence is None else hashlib.sha256(json_file(evidence, "evidence")).hexdigest()
    return {"start": start, "end": end, "reference": reference, "evidence_sha256": digest}


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
