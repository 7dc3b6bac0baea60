"""`inspect`: what a file holds, also where nobody looks, and what the gateway would make of each part. Offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.app import built_in_formats, looking, sandbox
from gateway.base.problems import Problem, Refused, Usage
from gateway.cli.environment import json_file, offline_settings
from gateway.cli.output import AsJson, show
from gateway.detect.detector import Networks
from gateway.formats.film import whole_of
from gateway.formats.model import Content, Element, Field, Source, Video
from gateway.formats.ports import Format
from gateway.formats.problems import SheetUnclear
from gateway.intake import rules
from gateway.policy.answers import path_json
from gateway.render.suggestions import suggestions
from gateway.sandbox.budget import Budgeted

_BY_POLICY = "leave only where a policy says so, one by one; what it does not know it asks about"
_BY_NAME = "leave only where a policy names them, drawn anew"
_NEVER = "never leaves"
_FOUND = {"text": "lines of writing found", "face": "faces found", "code": "printed codes found"}
_BOXED = "covered by a solid box where a policy or a person withholds them"
# What each sort of field is called, and what becomes of it.
WORDS: Mapping[Element, tuple[str, str]] = {
    Element.COLUMN: ("columns or paths", _BY_POLICY),
    Element.METADATA: ("metadata", _NEVER),
    Element.REGION: ("regions", _BOXED),
    Element.PAGE: ("pages", "leave only where a policy says so, as new pages made of pixels and of the words below"),
    Element.TEXT: ("lines of text", _BOXED),
    Element.FORM_FIELD: ("form fields", _BOXED),
    Element.PICTURE: ("pictures in the text", "covered whole unless a policy shows them, and then as new pixels"),
    Element.LAYER: ("layers", _BY_NAME),
    Element.BLOCK: ("blocks", _BY_NAME),
    Element.ANNOTATION: ("annotations", "covered, and their texts never leave, unless a policy shows them"),
}
_IN_DRAWING = ("texts of the drawing", _BY_NAME)


class NotTaken(Refused):
    """The gateway makes no rendition of such a file."""

    slug = "not-taken"
    title = "No rendition is made of this file"


@dataclass(frozen=True, slots=True)
class Part:
    """Some things of one sort in a file: how many, which classes their values show, what becomes of them."""

    what: str
    count: int
    classes: Mapping[str, int]
    fate: str


def inspect_file(
    file: Annotated[Path, typer.Argument(help="The file, before anybody uploads it.")],
    sheet: Annotated[str | None, typer.Option("--sheet", help="Which sheet of a workbook is meant.")] = None,
    detect: Annotated[
        bool, typer.Option("--detect", help="Look for faces and writing in pixels too; some seconds per megapixel.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a file holds and hides, and whether the gateway can view, redact, mark and verify it. Exit 3: it cannot.

    Nothing is sent anywhere. The file is parsed in the sandbox, as after an upload.
    """
    if not file.is_file():
        raise Usage("The file is not there; check its path.")
    data = json_file(file, "file")
    form, media_type = taken(data)
    try:
        content = form.read(data, media_type, Budgeted(sandbox(offline_settings())), {"sheet": sheet} if sheet else {})
    except SheetUnclear as unclear:
        raise Usage(f"{unclear.detail} Name it with --sheet.") from unclear
    except Problem as problem:
        raise NotTaken(problem.detail) from problem
    found = _found(content) if detect else ()
    parts = tuple(_parts((*form.survey(content), *found), form.left_behind(content)))
    able = dict.fromkeys(("view", "redact", "mark", "verify"), True)
    show(
        {"media_type": media_type, "parts": parts, **({"found": _places(found)} if detect else {}), **able},
        as_json=as_json,
        lines=[
            f"{file.name}: {media_type}",
            *(_line(part) for part in parts),
            "View, redact, mark, verify: yes. What leaves is made anew and read again by a second parser.",
        ],
    )


def taken(data: bytes) -> tuple[Format, str]:
    """The format that reads this content, as intake would choose it; `NotTaken` with what to convert it to."""
    if not data:
        raise NotTaken("The file is empty.")
    formats = built_in_formats()
    try:
        shown = next(((form, media) for form in formats if (media := form.sniff(data[: rules.HEAD_BYTES]))), None)
        rules.check_type(shown[1] if shown else None, [one for form in formats for one in form.media_types], "any")
    except Problem as problem:
        raise NotTaken(problem.detail) from problem
    if shown is None:
        raise NotTaken("The content is of no format that this gateway renders; convert it.")
    return shown


def _parts(fields: Iterable[Field], left_behind: Mapping[str, int]) -> Iterator[Part]:
    """Everything in the file, sort by sort, in the order in which it was met."""
    groups: dict[tuple[Element, str], list[Field]] = {}
    for field in fields:
        space = _space(field)
        groups.setdefault((field.element, space), []).append(field)
    for (element, space), members in groups.items():
        what, fate = _IN_DRAWING if members[0].on else WORDS[element]
        what = _FOUND.get(space, what)
        classes = Counter(one for field in members for one in field.classes)
        yield Part(
            f"{what}, {space}" if space and space not in _FOUND else what,
            len(members),
            dict(sorted(classes.items())),
            fate,
        )
    for rule, count in left_behind.items():
        if count:
            yield Part(rule.removeprefix("format:").replace("-", " "), count, {}, _NEVER)


def _space(field: Field) -> str:
    if field.source is Source.DETECTOR:
        return field.name or ""
    return field.label.partition(":")[0] if field.element is Element.METADATA else ""


def _found(content: Content) -> tuple[Field, ...]:
    walls = looking(offline_settings())
    try:
        cut = whole_of(content) if isinstance(content, Video) else None
        return suggestions(content, Networks(walls), cut)[1]
    finally:
        walls.close()


def _places(found: Iterable[Field]) -> list[dict[str, object]]:
    """Where what was found is, and which classes it shows; what it says stays in the file."""
    return [
        {
            "class": field.name,
            "box": [field.box.left_px, field.box.top_px, field.box.width_px, field.box.height_px],
            "page": field.page,
            **({"path": path_json(field.path)} if field.path else {}),
            "classes": sorted(field.classes),
        }
        for field in found
        if field.box is not None
    ]


def _line(part: Part) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in part.classes.items())
    return f"  {part.count:>6}  {part.what}{f' ({shown})' if shown else ''}: {part.fate}"
