"""Matters: the chain, what was asked, the originals, and a release for each hop."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.matter.model import DemandDraft, Language, LegalBasis, MatterDraft, Purpose, RecipientClass, RecipientDraft
from gateway.people.model import Permission
from gateway.release.model import Profile
from gateway.web import places
from gateway.web.deps import MatterId
from gateway.web.forms import Form, FormIncomplete
from gateway.web.pages.desk import AtDesk, Sent

router = APIRouter(prefix=f"{places.DESK}/matters", include_in_schema=False)

SHOWN: Final = 100
HOPS: Final = 4
ITEMS: Final = 8
After = Annotated[str | None, Query(max_length=40, pattern="^[a-z]{3}_[0-9a-z]{26}$")]


@router.get("")
def list_matters(desk: AtDesk, after: After = None) -> Response:
    """All matters, newest first."""
    desk.need(Permission.MATTER_READ)
    found = desk.gateway.matters.list(after=after, limit=SHOWN + 1)
    return desk.page("matters.html", "matters", matters=found[:SHOWN], more=len(found) > SHOWN)


@router.get("/new")
def ask_matter(desk: AtDesk) -> Response:
    """What has to be said of a demand."""
    desk.need(Permission.MATTER_CREATE)
    return desk.page(
        "matter-new.html",
        "matters",
        purposes=[*Purpose],
        classes=[*RecipientClass],
        bases=[*LegalBasis],
        kinds=sorted(desk.gateway.library.kinds.values(), key=lambda kind: kind.name),
        hops=range(1, HOPS + 1),
        items=range(1, ITEMS + 1),
    )


@router.post("/new")
def open_matter(desk: AtDesk, form: Sent) -> Response:
    """A new matter."""
    desk.need(Permission.MATTER_CREATE)
    matter = desk.gateway.matters.open(
        desk.actor,
        MatterDraft(
            title=form.required("title"),
            authority=form.required("authority"),
            regime=form.required("regime"),
            purpose=form.required("purpose"),
            jurisdiction=form.required("jurisdiction"),
            recipients=tuple(_recipients(form)),
            demands=tuple(_items(form)),
            deadline=_day(form.text("deadline")),
        ),
    )
    return desk.go(f"{places.DESK}/matters/{matter.id}")


@router.get("/{matter_id}")
def show_matter(desk: AtDesk, matter_id: MatterId, after: After = None) -> Response:
    """One matter, with a part of its originals."""
    desk.need(Permission.MATTER_READ)
    gateway = desk.gateway
    with gateway.units.read():
        matter = gateway.matters.get(matter_id)
        originals = gateway.intake.originals(matter_id, after=after, limit=SHOWN + 1)
        releases = gateway.releases.of_matter(matter_id, limit=SHOWN)
        renditions = {one.id: gateway.renders.of_release(one.id) for one in releases}
    return desk.page(
        "matter.html",
        "matters",
        matter=matter,
        originals=originals[:SHOWN],
        more=originals[SHOWN - 1].id if len(originals) > SHOWN else None,
        releases=releases,
        renditions=renditions,
        kinds=gateway.library.kinds,
        profiles=[*Profile],
        names=desk.may(Permission.ORIGINAL_OPEN),
        limits={name: gateway.intake.kind(name).limit_bytes for name in gateway.library.kinds},
    )


@router.post("/{matter_id}/releases")
def draft_release(desk: AtDesk, matter_id: MatterId, form: Sent) -> Response:
    """A draft release for one hop."""
    desk.need(Permission.RELEASE_BUILD)
    try:
        profile = Profile(form.required("profile"))
    except ValueError as error:
        raise FormIncomplete("There is no such way to hand a release over; choose one of the page's.") from error
    release = desk.gateway.releases.draft(desk.actor, matter_id, form.required("recipient"), profile)
    return desk.go(f"{places.DESK}/releases/{release.id}")


def _recipients(form: Form) -> list[RecipientDraft]:
    found: list[RecipientDraft] = []
    for hop in range(1, HOPS + 1):
        if name := form.text(f"recipient-{hop}-name"):
            key = form.text(f"recipient-{hop}-key") or None
            found.append(
                RecipientDraft(
                    hop=len(found) + 1,
                    name=name,
                    recipient_class=form.required(f"recipient-{hop}-class"),
                    language=form.text(f"recipient-{hop}-language") or Language.ENGLISH,
                    profiles=("portal", "sealed") if key else ("portal",),
                    age_key=key,
                )
            )
    return found


def _items(form: Form) -> list[DemandDraft]:
    return [
        DemandDraft(
            number=form.text(f"item-{place}-number") or f"item-{place}",
            text=text,
            legal_basis=form.required(f"item-{place}-basis"),
            citation=form.text(f"item-{place}-citation") or None,
            kinds=form.all(f"item-{place}-kinds"),
        )
        for place in range(1, ITEMS + 1)
        if (text := form.text(f"item-{place}-text"))
    ]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise FormIncomplete("The deadline is no day; write it as 2026-01-31.") from error
