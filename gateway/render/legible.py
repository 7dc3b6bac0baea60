"""What is legible in a finished rendition, read where the policy requires it, and confirmed where it comes close."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from gateway.base.canon import Json, canonical
from gateway.detect.problems import DetectorMissing
from gateway.formats.model import Box, Content, Drawing, Moment, Op, Pages, Picture, Plan, Rebuilt, Video, applied
from gateway.policy.answers import Answers, Region
from gateway.policy.decisions import Ask, Decisions
from gateway.residue import reading
from gateway.residue.model import Expectation, Near, Report, WithheldSet
from gateway.residue.ports import Reader
from gateway.sandbox.ports import Sandbox

NEARLY = "nearly_withheld"
_MOST_NAMED = 5


def read_pixels(
    sandbox: Sandbox,
    reader: Reader | None,
    rebuilt: Rebuilt,
    expected: Expectation,
    withheld: WithheldSet,
    report: Report,
) -> Report:
    """`report` with what is legible in the rendition. Raises `DetectorMissing` where nobody is there to read."""
    if not reading.surfaces(expected):
        return report
    if reader is None:
        raise DetectorMissing(
            "The policy requires renditions to be read, and this gateway was started without a reader."
        )
    return reading.read(sandbox, reader, rebuilt.data, expected, withheld, report)


def confirming(
    report: Report, answers: Answers, content: Content, plan: Plan, rebuilt: Rebuilt, decisions: Decisions
) -> tuple[Report, Ask | None]:
    """The question whether what nearly says a withheld value is one; no question where a person said that it is not.

    The report then counts what was confirmed.
    """
    if not report.near:
        return report, None
    name = _seal(report, rebuilt)
    if answers.read == name:
        return replace(report, near=(), counts={**report.counts, "near_confirmed": len(report.near)}), None
    regions = tuple(_region(one, content, plan, rebuilt) for one in report.near)
    question = (
        f"At {len(regions)} {'places' if len(regions) > 1 else 'place'} the rendition nearly says what is withheld"
        f"{_fields(report.near, decisions)}. Look there: draw a region over what must not be seen, or confirm that it "
        f"is nothing withheld by answering with read: {name}."
    )
    return report, Ask(decisions.medium, question, read=name, regions=regions)


def _seal(report: Report, rebuilt: Rebuilt) -> str:
    """A name for just these places in just these bytes, as this reader read them."""
    told: Json = {
        "rendition": hashlib.sha256(rebuilt.data).hexdigest(),
        "reader": report.read_by,
        "near": [[one.surface, list(one.box), one.field] for one in report.near],
    }
    return hashlib.sha256(canonical(told)).hexdigest()[:32]


def _fields(near: Sequence[Near], decisions: Decisions) -> str:
    titles = {one.field_id: one.title.en for one in decisions.items}
    named = list(dict.fromkeys(titles[one.field] for one in near if one.field in titles))[:_MOST_NAMED]
    return f" ({', '.join(named)})" if named else ""


def _region(near: Near, content: Content, plan: Plan, rebuilt: Rebuilt) -> Region:
    """Where in the original it is, as a person would draw it."""
    box = Box(*near.box)
    match content:
        case Picture():
            area = _area(plan)
            return Region(
                NEARLY, Box(box.left_px + area.left_px, box.top_px + area.top_px, box.width_px, box.height_px)
            )
        case Pages():
            return Region(NEARLY, box, rebuilt.pages[near.surface].number)
        case Drawing() if rebuilt.canvas is not None:
            left, top, scale = rebuilt.canvas
            return Region(NEARLY, _scaled(box, left, top, 1 / scale))
        case Video() if rebuilt.film is not None:
            cut = rebuilt.film.cut
            shown = _scaled(box, 0, 0, cut.area.width_px / cut.size_px[0])
            place = replace(shown, left_px=shown.left_px + cut.area.left_px, top_px=shown.top_px + cut.area.top_px)
            return Region(NEARLY, place, path=(Moment(cut.start_ms + near.surface * 1000 // cut.fps, place),))
    return Region(NEARLY, box)


def _area(plan: Plan) -> Box:
    """The work area of a picture, which its rendition is."""
    return next(
        one.box
        for one in plan.instructions
        if one.box is not None and (case := applied(one.cases, {})) is not None and case.transform.op is Op.CROP
    )


def _scaled(box: Box, left: float, top: float, scale: float) -> Box:
    """The whole pixels that a box takes up, counted from a corner and in another scale."""
    right, bottom = (box.left_px + box.width_px - left) * scale, (box.top_px + box.height_px - top) * scale
    first = max(0, int((box.left_px - left) * scale)), max(0, int((box.top_px - top) * scale))
    return Box(*first, max(1, round(right) - first[0]), max(1, round(bottom) - first[1]))
