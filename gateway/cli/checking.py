"""`check`: what of an original still stands in a file that somebody else redacted. Offline, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import looking, sandbox
from gateway.base.problems import CheckFailed, Problem, Usage
from gateway.base.progress import Gauge, Stage
from gateway.cli.environment import json_file, offline_settings
from gateway.cli.inspecting import NotTaken, taken
from gateway.cli.legible import read as read_in
from gateway.cli.output import AsJson, Following, show
from gateway.cli.rehearse import NotRendered, rehearse, resolved
from gateway.detect.detector import Networks
from gateway.formats.model import Content, Element, Field
from gateway.formats.ports import Format
from gateway.policy.decisions import Decisions
from gateway.residue import reading, walled
from gateway.residue.model import NO_PIXELS, NOT_READ, Kind, WithheldSet
from gateway.sandbox.ports import Sandbox

# The rehearsal's mark names nobody: no rendition of it is kept.
_NOBODY = "nobody"
_OF_VALUES = frozenset({"searched", "short_exact_place_only", "subtracted", "empty"})
_NEARLY = "nearly-withheld-value-read"
_UNSEEN = "Not looked at: {}values too short to mean anything outside of their own column."
_UNREAD = "what pixels show (--read has letters in them read), "
_NO_PIXELS = "pixels, of which this sort of file has none to read, "
_SAMPLED = "what no letters say, frames between those that were read, "


class WithheldFound(CheckFailed):
    """A file that somebody else redacted still holds what the policy withholds."""

    slug = "withheld-found"
    title = "The file still holds withheld values"


@dataclass(frozen=True, slots=True)
class Found:
    """One find: its kind, where in the file, and the field of the original, with the title that the policy gives it."""

    kind: str
    place: str
    field: str | None
    title: str | None


def check_file(
    file: Annotated[Path, typer.Argument(help="The file that somebody else redacted.")],
    original: Annotated[Path, typer.Option("--original", help="What it was made from.")],
    kind: Annotated[str, typer.Option("--kind", help="What the original is, such as customer_list.")],
    policy: Annotated[str, typer.Option("--policy", help="A policy's id, or the path of a policy file.")],
    context: Annotated[list[str] | None, typer.Option("--context", help="attribute=value, repeatable.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="A JSON file of answers.")] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Read the letters in pixels, too: seconds for each page.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Search a file for everything that a policy withholds of its original. Exit 1: something of it is there.

    Nothing is sent anywhere. The original is rehearsed under the policy to learn what it withholds; then the file is
    searched as the gateway searches its own renditions, raw, decompressed and by the reader of its format; with
    --read also what is legible in its picture, on its pages or in a frame a second. Values are never printed, only
    what sort of find it is, where, and of which field.
    """
    if not file.is_file():
        raise Usage("The file is not there; check its path.")
    data = json_file(file, "file")
    form, media_type = taken(data)
    walls = sandbox(offline_settings())
    what = resolved(original, kind, policy, _NOBODY, context or (), answers)
    with Following(as_json=as_json) as following:
        outcome = rehearse(what, walls, following)
        if outcome.withheld is None or outcome.decisions is None:
            raise NotRendered("The original could not be rendered, so nobody can say what is withheld of it.")
        unread: Problem | None = None
        told: Mapping[str, tuple[str, ...]] = {}
        content: Content | None = None
        gauge = Gauge(following)
        try:
            content = form.read(data, media_type, walls, steps=gauge.begin(Stage.READING))
            told = dict(_told(form, content))
        except Problem as problem:
            unread = problem
        gauge.begin(Stage.VERIFYING)
        report = walled.search(walls, data, media_type, outcome.withheld, told)
    titles = _titles(outcome.decisions)
    found = [Found(one.kind.value, one.place, one.field, titles.get(one.field or "")) for one in report.findings]
    pixels = _read(content, walls, outcome.withheld) if read and content is not None else _Pixels(NOT_READ, _UNREAD, ())
    found += [Found(kind, place, field, titles.get(field or "")) for kind, place, field in pixels.found]
    show(
        {"media_type": media_type, "clean": not found, "parsers": report.parsers, "read_by": pixels.read_by,
         "counts": report.counts, "findings": found},
        as_json=as_json,
        lines=[
            f"{file.name}: {media_type}, searched by {' and '.join(report.parsers)}",
            *(_line(one) for one in found),
            *(f"  {report.counts[name]:>6}  {name}" for name in _beside(report.counts)),
            f"{report.counts['searched']} values searched, {report.counts['short_exact_place_only']} too short to be.",
            _UNSEEN.format(pixels.unseen),
        ],
    )  # fmt: skip
    if found:
        raise WithheldFound("The file still holds what the policy withholds; have it redacted anew from the original.")
    if unread is not None:
        raise NotTaken(f"Nothing was found in its bytes, but the file could not be read: {unread.detail}")


@dataclass(frozen=True, slots=True)
class _Pixels:
    """Who read the file's pixels, what was not seen all the same, and kind, place and field of each find."""

    read_by: str
    unseen: str
    found: tuple[tuple[str, str, str | None], ...]


def _read(content: Content, walls: Sandbox, withheld: WithheldSet) -> _Pixels:
    """What is legible in the file, searched. Raises `DetectorMissing`."""
    eyes = looking(offline_settings())
    try:
        networks = Networks(eyes)
        legible = read_in(content, networks)
        if legible is None:
            return _Pixels(NO_PIXELS, _NO_PIXELS, ())
        said, nearly = reading.searched(walls, legible, withheld)
    finally:
        eyes.close()
    exact = [(Kind.READ.value, surface.place(box), field) for surface, box, field in said]
    close = [(_NEARLY, surface.place(box), field) for surface, box, field in nearly]
    return _Pixels(networks.version(), _SAMPLED, (*exact, *close))


def _told(form: Format, content: Content) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Everything that the reader makes of the file, by a place that says nothing of it."""
    numbers: dict[Element, int] = {}
    lines: list[str] = []
    for field in form.survey(content):
        numbers[field.element] = number = numbers.get(field.element, 0) + 1
        texts = (field.label, *dict.fromkeys(form.values(content, field)))
        yield _place(field, number), texts
        if field.element is Element.TEXT:
            lines.append(field.label)
    if lines:
        yield "the text across lines", ("\n".join(lines),)


def _place(field: Field, number: int) -> str:
    page = f"page {field.page} " if field.page else ""
    return f"{page}{field.element.value.replace('_', ' ')} {number}"


def _beside(counts: Mapping[str, int]) -> list[str]:
    """What the gate's own reader counted in the file, beside how many values it searched for."""
    return [name for name in counts if name not in _OF_VALUES]


def _titles(decisions: Decisions) -> dict[str, str]:
    return {one.field_id: one.title.en for one in decisions.items}


def _line(one: Found) -> str:
    of = f", of {one.title or one.field}" if one.field else ""
    return f"  {one.kind} at {one.place}{of}"
