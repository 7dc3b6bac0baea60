"""The review of one rendition: original and rendition side by side, every decision, answers, boxes, the verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.problems import Unprocessable
from gateway.formats.surface import Spot
from gateway.intake.model import Original
from gateway.people.model import Permission
from gateway.policy.answers import DROP, Answers
from gateway.render.model import Rendition, State
from gateway.render.service import NotRendered
from gateway.review.model import Verdict
from gateway.web import places
from gateway.web.deps import OriginalId, RenditionId
from gateway.web.forms import Form, FormIncomplete
from gateway.web.pages import decisions
from gateway.web.pages.decisions import Question, Shown
from gateway.web.pages.desk import AtDesk, Desk, Sent
from gateway.web.pages.looking import ROWS, Seen, Window, picture, window

router = APIRouter(prefix=f"{places.DESK}/renditions", include_in_schema=False)
content = APIRouter(prefix=places.CONTENT.rstrip("/"), include_in_schema=False)

BOXES_MAX: Final = 100
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
RowNumber = Annotated[int, Query(ge=2, le=1 << 31)]
Moment = Annotated[int, Query(ge=0, le=86_400_000)]
Which = Annotated[str, Query(max_length=16, pattern="^[a-z]*$")]


@router.get("/{rendition_id}")
def show_review(
    desk: AtDesk,
    rendition_id: RenditionId,
    page: PageNumber = 1,
    row: RowNumber = 2,
    at_ms: Moment = 0,
    only: Which = "",
    side: Which = "both",
) -> Response:
    """What the recipient will see beside what there was. Looking at either is an opening, with its entry."""
    desk.need(Permission.RENDITION_READ)
    gateway, rendition = desk.gateway, desk.gateway.renders.get(rendition_id)
    original = gateway.intake.get(rendition.original)
    told = _decided(gateway, rendition)
    return desk.page(
        "review.html",
        "matters",
        rendition=rendition,
        original=original,
        matter=gateway.matters.get(rendition.matter),
        release=gateway.releases.get(rendition.release),
        kind=gateway.library.kind(rendition.kind),
        decided=told,
        lines=told.only(only),
        only=only,
        side=side,
        page_number=page,
        at_ms=at_ms,
        views=_views(desk, rendition, original, row, side),
        step=ROWS,
        report=_report(gateway, rendition),
        busy=rendition.state in {State.QUEUED, State.RENDERING},
    )


@router.post("/{rendition_id}/answers")
def answer(desk: AtDesk, rendition_id: RenditionId, form: Sent) -> Response:
    """Answers to the open questions, beside what was answered before; a new rendition takes this one's place."""
    gateway = desk.gateway
    desk.need(Permission.RENDITION_ANSWER)
    told = _told(gateway.renders.answers(rendition_id))
    for question in _decided(gateway, gateway.renders.get(rendition_id)).questions:
        _take(told, question, form)
    if sheet := form.text("sheet"):
        told["sheet"] = sheet
    asked = gateway.releases.answer(
        desk.actor, rendition_id, Answers.from_json(told), remember=_remembered(form, told["columns"])
    )
    return desk.go(_at(asked.id))


@router.get("/{rendition_id}/boxes")
def draw(desk: AtDesk, rendition_id: RenditionId, page: PageNumber = 1, at_ms: Moment = 0) -> Response:
    """The original with its boxes, to draw more; by numbers where there is no script."""
    desk.need(Permission.RENDITION_ANSWER)
    desk.need(Permission.ORIGINAL_OPEN)
    gateway, rendition = desk.gateway, desk.gateway.renders.get(rendition_id)
    told = _decided(gateway, rendition)
    drawn = [one.to_json() for one in gateway.renders.answers(rendition_id).regions]
    return desk.page(
        "boxes.html",
        "matters",
        rendition=rendition,
        kind=gateway.library.kind(rendition.kind),
        drawn=[one for one in drawn if one.get("page", 1) == page and "box" in one],
        others=sum(one.get("page", 1) != page or "box" not in one for one in drawn),
        suggested=[one for question in told.questions for one in question.regions if one.get("page", 1) == page],
        pages=told.pages,
        page_number=page,
        at_ms=at_ms,
        paged=gateway.library.kind(rendition.kind).medium == "document",
        film=gateway.library.kind(rendition.kind).medium == "video",
    )


@router.post("/{rendition_id}/boxes")
def keep_boxes(desk: AtDesk, rendition_id: RenditionId, form: Sent) -> Response:
    """The boxes of one page, in place of those that were drawn there before."""
    desk.need(Permission.RENDITION_ANSWER)
    gateway, page = desk.gateway, _number(form.text("page") or "1")
    told = _told(gateway.renders.answers(rendition_id))
    elsewhere = [one for one in told["regions"] if one.get("page", 1) != page or "box" not in one]
    told["regions"] = [*elsewhere, *_boxes(form, page, paged=form.given("paged"))]
    if form.given("confirmed"):
        told["confirmed"] = True
    asked = gateway.releases.answer(desk.actor, rendition_id, Answers.from_json(told))
    return desk.go(_at(asked.id))


@router.post("/{rendition_id}/reviews")
def review(desk: AtDesk, rendition_id: RenditionId, form: Sent) -> Response:
    """What a reviewer says of exactly the bytes whose digest the page showed."""
    desk.need(Permission.RENDITION_REVIEW)
    try:
        verdict = Verdict(form.required("verdict"))
    except ValueError as error:
        raise FormIncomplete("There is no such verdict; press one of the page's buttons.") from error
    desk.gateway.releases.review(
        desk.actor,
        rendition_id,
        verdict=verdict,
        seen_sha256=form.required("sha256"),
        reason=form.text("reason") or None,
    )
    return desk.go(f"{places.DESK}/releases/{desk.gateway.renders.get(rendition_id).release}")


@router.post("/{rendition_id}/withdraw")
def withdraw(desk: AtDesk, rendition_id: RenditionId) -> Response:
    """Take it out of its release."""
    desk.need(Permission.RELEASE_BUILD)
    taken = desk.gateway.releases.withdraw(desk.actor, rendition_id)
    return desk.go(f"{places.DESK}/releases/{taken.release}")


@content.get("/renditions/{rendition_id}/pages/{number}")
def see_rendition(
    desk: AtDesk, rendition_id: RenditionId, number: Annotated[int, Path(ge=1, le=10_000)], at_ms: Moment = 0
) -> Response:
    """A page of the real output, as a picture."""
    desk.need(Permission.RENDITION_READ)
    seen = _rendition(desk.gateway.renders.get(rendition_id))
    return Response(picture(desk.gateway, desk.actor, seen, Spot(number, at_ms)), media_type="image/png")


@content.get("/originals/{original_id}/pages/{number}")
def see_original(
    desk: AtDesk, original_id: OriginalId, number: Annotated[int, Path(ge=1, le=10_000)], at_ms: Moment = 0
) -> Response:
    """A page of the original, as a picture."""
    desk.need(Permission.ORIGINAL_OPEN)
    seen = _original(desk.gateway.intake.get(original_id))
    return Response(picture(desk.gateway, desk.actor, seen, Spot(number, at_ms)), media_type="image/png")


def _views(
    desk: Desk, rendition: Rendition, original: Original, row: int, side: str
) -> dict[str, tuple[bool, Window | None]]:
    """Side → whether it is drawn as a picture, else its window of rows. What may not be seen is not among them."""
    wanted: dict[str, Seen] = {}
    if desk.may(Permission.ORIGINAL_OPEN) and original.shredded_at is None and side in {"both", "original"}:
        wanted["original"] = _original(original)
    if rendition.object_id is not None and side in {"both", "rendition"}:
        wanted["rendition"] = _rendition(rendition)
    title = desk.gateway.library.kind(rendition.kind).title
    declared: dict[str, list[Mapping[str, str]]] = {
        "original": [desk.gateway.renders.answers(rendition.id).declared],
        # A workbook of ours has its table on a sheet of the kind's name in the recipient's language.
        "rendition": [{}, {"sheet": title.en}, {"sheet": title.zh}],
    }
    return {
        name: (True, None) if seen.drawn else (False, _window(desk, seen, row, declared[name]))
        for name, seen in wanted.items()
    }


def _window(desk: Desk, seen: Seen, row: int, declared: Sequence[Mapping[str, str]]) -> Window:
    """What cannot be read is said in its place: the rest of the page is there all the same."""
    told = ""
    for one in declared:
        try:
            return window(desk.gateway, desk.actor, seen, row, one)
        except Unprocessable as problem:
            told = told or problem.detail
    return Window((), (), row, 0, told)


def _original(original: Original) -> Seen:
    return Seen(original.object_id, original.id, original.media_type)


def _rendition(rendition: Rendition) -> Seen:
    if rendition.object_id is None or rendition.media_type is None:
        raise NotRendered("There are no bytes in this state; look at the rendition's reason.")
    return Seen(rendition.object_id, rendition.id, rendition.media_type)


def _decided(gateway: Gateway, rendition: Rendition) -> Shown:
    if rendition.decisions_object is None:
        return Shown()
    with gateway.units.read() as session:
        return decisions.shown(gateway.renders.part(session, rendition.decisions_object))


def _report(gateway: Gateway, rendition: Rendition) -> dict[str, Any] | None:
    if rendition.residue_object is None:
        return None
    with gateway.units.read() as session:
        told: dict[str, Any] = json.loads(gateway.renders.part(session, rendition.residue_object))
    return told


def _told(answers: Answers) -> dict[str, Any]:
    told: dict[str, Any] = dict(answers.to_json())
    return told


def _take(told: dict[str, Any], question: Question, form: Form) -> None:
    """What the form says to one question."""
    if question.column:
        if said := form.text(question.field):
            told["columns"] = {**told["columns"], question.field: said}
        return
    if form.given("confirmed"):
        told["confirmed"] = True
    for name in ("suggested", "read", "statements"):
        asked = getattr(question, name)
        if asked and form.text(name) == asked:
            told[name] = asked


def _remembered(form: Form, columns: dict[str, str]) -> list[str]:
    return [one for one in form.all("remember") if one in columns and columns[one] != ""]


def _boxes(form: Form, page: int, *, paged: bool) -> list[dict[str, Any]]:
    """The rows of the form that name a class and four numbers; a row without a class was left empty."""
    columns = [form.all(name) for name in ("class", "left", "top", "width", "height")]
    if len({len(one) for one in columns}) != 1 or len(columns[0]) > BOXES_MAX:
        raise FormIncomplete(f"Each box has a class and four numbers, and a page {BOXES_MAX} boxes at most.")
    found = []
    for name, *numbers in zip(*columns, strict=True):
        if name and name != DROP:
            box = [_number(one) for one in numbers]
            found.append({"class": name, "box": box, **({"page": page} if paged else {})})
    return found


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 7:
        raise FormIncomplete("A box is four whole numbers of pixels: left, top, width, height.")
    return int(text)


def _at(rendition_id: str) -> str:
    return f"{places.DESK}/renditions/{rendition_id}"
