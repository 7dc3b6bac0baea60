"""Originals: what they are, the four answers that each needs, and how they arrive by a form without a script."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.intake.model import Classification, DefenceNexus, ExportControl, PersonalData, ThirdParty
from gateway.people.model import Actor, Permission, SignedIn
from gateway.web import places
from gateway.web.api.originals import keep_form
from gateway.web.deps import InGateway, MatterId, OriginalId
from gateway.web.forms import Form, FormIncomplete
from gateway.web.pages.desk import AtDesk, Sent

router = APIRouter(prefix=places.DESK, include_in_schema=False)

QUESTIONS: Final[dict[str, type[StrEnum]]] = {
    "export_control": ExportControl,
    "personal_data": PersonalData,
    "third_party": ThirdParty,
    "defence_nexus": DefenceNexus,
}
_Word = TypeVar("_Word", bound=StrEnum)


@router.get("/originals/{original_id}")
def show_original(desk: AtDesk, original_id: OriginalId) -> Response:
    """What it is, without its content."""
    desk.need(Permission.MATTER_READ)
    gateway = desk.gateway
    original = gateway.intake.get(original_id)
    with gateway.units.read() as session:
        made = [gateway.renders.get(one) for one, _ in gateway.renders.of_original(session, original_id)]
    return desk.page(
        "original.html",
        "matters",
        original=original,
        matter=gateway.matters.get(original.matter),
        kind=gateway.library.kind(original.kind),
        named=desk.may(Permission.ORIGINAL_OPEN),
        questions=QUESTIONS,
        made=made,
    )


@router.post("/originals/{original_id}/classification")
def classify(desk: AtDesk, original_id: OriginalId, form: Sent) -> Response:
    """The four answers."""
    desk.need(Permission.ORIGINAL_CLASSIFY)
    answers = Classification(
        export_control=_word(form, "export_control", ExportControl),
        personal_data=_word(form, "personal_data", PersonalData),
        third_party=_word(form, "third_party", ThirdParty),
        defence_nexus=_word(form, "defence_nexus", DefenceNexus),
        licence_number=form.text("licence_number") or None,
    )
    desk.gateway.intake.classify(desk.actor, original_id, answers)
    return desk.go(f"{places.DESK}/originals/{original_id}")


@router.post("/matters/{matter_id}/originals")
async def upload(request: Request, gateway: InGateway, matter_id: MatterId) -> Response:
    """One file by a plain form, streamed into encryption as it arrives; many, and resumable ones, go by a script.

    The secret of the session is the form's first field, so that no file of another site's form is kept.
    """
    signed_in: SignedIn | None = getattr(request.state, "session", None)
    actor: Actor = signed_in.actor if signed_in else request.state.actor
    actor.require(Permission.ORIGINAL_UPLOAD)

    def check(untrusted_secret: str) -> None:
        if signed_in is not None:
            signed_in.check_csrf(untrusted_secret)
        request.state.actor = actor

    await keep_form(request, gateway, actor, matter_id, None, check)
    return RedirectResponse(f"{places.DESK}/matters/{matter_id}#originals", 303)


def _word(form: Form, name: str, words: type[_Word]) -> _Word:
    try:
        return words(form.required(name))
    except ValueError as error:
        raise FormIncomplete("One of the four questions has no answer of those offered; choose one.") from error
