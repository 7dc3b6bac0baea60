"""`render`: a rehearsal, offline. The same choreography as a worker's, with ephemeral keys, marked so for good."""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.app import built_in_formats, kinds_of, looking, sandbox
from gateway.base.canon import Json, canonical
from gateway.base.problems import Refused, Usage
from gateway.base.progress import Gauge
from gateway.base.text import clean_line
from gateway.cli.environment import json_file, offline_settings
from gateway.cli.output import AsJson, Following, show
from gateway.detect.detector import Networks
from gateway.exposure.assess import assess
from gateway.formats.model import Mark
from gateway.formats.ports import Format
from gateway.intake import rules
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context, parse_context
from gateway.policy.kinds import Kind
from gateway.policy.load import Library, load_library, load_policy_file
from gateway.policy.policy import Policy
from gateway.policy.statements import StatementFile
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.render.service import told_by
from gateway.sandbox.ports import Sandbox

REHEARSAL_RELEASE = "no release"
INDEX_COLUMNS = ("item", "action", "code", "basis", "reason_en", "reason_zh", "summary_en", "summary_zh")


class NotRendered(Refused):
    """The rehearsal came to something other than a clean rendition."""

    slug = "not-rendered"
    title = "There is no rendition"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What is rehearsed, resolved from the command line."""

    data: bytes
    file_name: str
    form: Format
    media_type: str
    kind: Kind
    policy: Policy
    context: Context
    recipient: str
    answers: Answers
    on: date
    statements: tuple[StatementFile, ...] = ()


def render_file(
    file: Annotated[Path, typer.Argument(help="The original.")],
    kind: Annotated[str, typer.Option("--kind", help="What it is, such as customer_list.")],
    policy: Annotated[str, typer.Option("--policy", help="A policy's id, or the path of a policy file.")],
    recipient: Annotated[str, typer.Option("--recipient", help="Whose name the mark would carry.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A folder that does not exist yet.")],
    context: Annotated[list[str] | None, typer.Option("--context", help="attribute=value, repeatable.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="A JSON file of answers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse: rendition, decisions.json, residue.json and withheld.csv, marked REHEARSAL. Exit 3: nothing written."""
    try:
        taken = out.exists()
    except OSError as error:
        raise Usage("The output folder cannot be written; name another one.") from error
    if taken:
        raise Usage("The output folder exists already; name one that does not.")
    what = resolved(file, kind, policy, recipient, context or (), answers)
    with Following(as_json=as_json) as following:
        outcome = rehearse(what, sandbox(offline_settings()), following)
    files = _files(what, outcome)
    _write(out, files)
    show(
        {"state": outcome.state.value, "files": sorted(files), "folder": str(out)},
        as_json=as_json,
        lines=[str(out / name) for name in sorted(files)],
    )


def resolved(
    file: Path,
    kind_name: str,
    policy: str,
    recipient: str,
    context: Sequence[str],
    answers: Path | None,
) -> Rehearsal:
    """Everything a rehearsal needs, checked the way intake checks it."""
    settings = offline_settings()
    library = load_library(settings.policies_dir)
    kind = library.kind(kind_name)
    intake = kinds_of(library, built_in_formats(), settings)[kind.name]
    if not file.is_file():
        raise Usage("The original is not a file; check its path.")
    rules.check_size(file.stat().st_size, intake.limit_bytes)
    data = json_file(file, "original")
    if not data:
        raise rules.EmptyBody("The original is empty.")
    media_type = intake.type_of(data[: rules.HEAD_BYTES], kind.name)
    form = next(one for one in intake.formats if media_type in one.media_types)
    chosen = chosen_policy(policy, library)
    return Rehearsal(
        data=data,
        file_name=file.name,
        form=form,
        media_type=media_type,
        kind=kind,
        policy=chosen,
        context=parse_context(context),
        recipient=clean_line(recipient, what="recipient's name"),
        answers=answers_in(answers),
        on=datetime.now(UTC).date(),
        statements=library.statements,
    )


def rehearse(what: Rehearsal, walls: Sandbox, following: Following) -> Outcome:
    """The clean outcome, or `NotRendered` with the reason; `following` is told how far it is."""
    networks = Networks(looking(offline_settings()))
    job = Job(
        untrusted_original=what.data,
        media_type=what.media_type,
        file_name=what.file_name,
        form=what.form,
        kind=what.kind,
        policy=what.policy,
        context=what.context,
        on=what.on,
        answers=what.answers,
        mark=Mark(what.recipient, REHEARSAL_RELEASE, what.on.isoformat(), rehearsal=True),
        secret=secrets.token_bytes(32),
        fingerprint=secrets.token_bytes(32),
        detector=networks,
        reader=networks,
        assessor=assess,
        statements=what.statements,
    )
    outcome = render(job, walls, Gauge(following))
    if outcome.state is not State.CLEAN:
        _raise(outcome)
    return outcome


def _raise(outcome: Outcome) -> NoReturn:
    detail = outcome.reason or "The original could not be rendered."
    if outcome.report is not None:
        places = sorted({f"{one.kind.value} at {one.place}" for one in outcome.report.findings})
        detail = f"{detail} Found: {'; '.join(places[:5])}{' and more' if len(places) > 5 else ''}."
    if outcome.risk is not None:
        # Who rehearses holds the original: its rows tell them nothing new.
        rows = [f"{one.check}: rows {', '.join(map(str, one.rows))}" for one in outcome.risk.witnesses[:5]]
        detail = f"{detail} In the original: {'; '.join(rows)}."
    if outcome.state is State.WAITING and outcome.decisions is not None:
        asked = ", ".join(ask.field_id for ask in outcome.decisions.asks[:20])
        detail = f"{detail} Open: {asked}. Put the answers into a file and give it with --answers."
    raise NotRendered(detail)


def _files(what: Rehearsal, outcome: Outcome) -> dict[str, bytes]:
    if outcome.rebuilt is None or outcome.decisions is None or outcome.report is None:
        raise NotRendered("The original could not be rendered.")
    extension = what.form.extensions[outcome.rebuilt.media_type]
    sink = io.StringIO(newline="")
    index = csv.DictWriter(sink, INDEX_COLUMNS, lineterminator="\r\n")
    index.writeheader()
    index.writerows(outcome.index)
    return {
        f"{what.kind.name.replace('_', '-')}-rehearsal.{extension}": outcome.rebuilt.data,
        "decisions.json": canonical({**outcome.decisions.to_json(), **_risk(outcome)}),
        "residue.json": canonical(told_by(outcome)),
        "withheld.csv": b"\xef\xbb\xbf" + sink.getvalue().encode("utf-8"),
    }


def _risk(outcome: Outcome) -> dict[str, Json]:
    return {"risk": outcome.risk.to_json()} if outcome.risk else {}


def _write(out: Path, files: dict[str, bytes]) -> None:
    """All files or none: written beside their place, then renamed."""
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        beside.mkdir(mode=0o700, parents=True)
        for name, data in files.items():
            (beside / name).write_bytes(data)
        beside.rename(out)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Usage("The output folder cannot be written; name another one.") from error


def chosen_policy(policy: str, library: Library) -> Policy:
    """The policy of this id, or in the file at this path."""
    if policy.endswith((".yaml", ".yml")) or os.sep in policy:
        path = Path(policy)
        if not path.is_file():
            raise Usage("There is no policy file at this path; check --policy.")
        return load_policy_file(path, library)
    return library.policy(policy)


def answers_in(path: Path | None) -> Answers:
    """The answers in a JSON file; none where there is no file."""
    if path is None:
        return Answers()
    try:
        return Answers.from_json(json.loads(json_file(path, "answers file")))
    except (ValueError, RecursionError) as error:
        raise Usage("The answers file is not JSON; correct it.") from error
