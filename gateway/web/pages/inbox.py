"""The first page: what waits for whoever has signed in, the nearest deadline first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from gateway.matter.model import Matter
from gateway.people.model import Permission
from gateway.release.model import State
from gateway.render.model import State as RenditionState
from gateway.web import places
from gateway.web.pages.desk import AtDesk, Desk

router = APIRouter(include_in_schema=False)

# More than anybody does in a day; the rest comes up as these are done.
SHOWN_MAX: Final = 50
_FAR: Final = date.max
_Known = Callable[[str], Matter]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits: what (a key of the texts), about what, where it is done, until when."""

    what: str
    about: str
    where: str
    matter: str = ""
    deadline: date | None = None
    state: str = ""


@router.get(places.DESK)
def show_inbox(desk: AtDesk) -> Response:
    """What this person can do now, by their permissions and by what they did before."""
    matter = cache(desk.gateway.matters.get)
    with desk.gateway.units.read():
        tasks = [
            *_renditions(desk, matter),
            *_reviews(desk, matter),
            *_drafts(desk, matter),
            *_dispatches(desk, matter),
            *_originals(desk, matter),
            *_signatures(desk),
        ]
    tasks.sort(key=lambda one: one.deadline or _FAR)
    return desk.page("inbox.html", "inbox", tasks=tasks[:SHOWN_MAX], more=len(tasks) > SHOWN_MAX)


def _reviews(desk: Desk, matter: _Known) -> Iterator[Task]:
    if Permission.RELEASE_APPROVE not in desk.actor.scopes:
        return
    for release in desk.gateway.releases.standing((State.IN_REVIEW,), limit=SHOWN_MAX):
        given, _ = desk.gateway.releases.approvals(release.id)
        if desk.actor.person_id == release.author or desk.actor.person_id in {one.approver for one in given}:
            continue
        one = matter(release.matter)
        yield Task(
            "review",
            one.recipient(release.recipient).name,
            f"{places.DESK}/releases/{release.id}",
            one.title,
            one.deadline,
            release.state,
        )


def _drafts(desk: Desk, matter: _Known) -> Iterator[Task]:
    if Permission.RELEASE_BUILD not in desk.actor.scopes:
        return
    for release in desk.gateway.releases.standing((State.DRAFT, State.CHANGES_REQUESTED), limit=SHOWN_MAX):
        one = matter(release.matter)
        what = "build" if release.state is State.DRAFT else "change"
        about, where = one.recipient(release.recipient).name, f"{places.DESK}/releases/{release.id}"
        yield Task(what, about, where, one.title, one.deadline, release.state)


def _renditions(desk: Desk, matter: _Known) -> Iterator[Task]:
    if Permission.RENDITION_ANSWER not in desk.actor.scopes:
        return
    stuck = (RenditionState.WAITING, RenditionState.BLOCKED, RenditionState.REFUSED)
    for rendition in desk.gateway.renders.standing(stuck, limit=SHOWN_MAX):
        if rendition.state is not RenditionState.WAITING and Permission.RELEASE_BUILD not in desk.actor.scopes:
            continue
        one = matter(rendition.matter)
        about = desk.said(desk.gateway.library.kind(rendition.kind).title)
        where = f"{places.DESK}/renditions/{rendition.id}"
        yield Task(rendition.state, about, where, one.title, one.deadline, rendition.state)


def _dispatches(desk: Desk, matter: _Known) -> Iterator[Task]:
    wanted = {Permission.RELEASE_DISPATCH: State.APPROVED, Permission.RECEIPT_RECORD: State.DISPATCHED}
    states = [state for permission, state in wanted.items() if permission in desk.actor.scopes]
    for release in desk.gateway.releases.standing(states, limit=SHOWN_MAX) if states else ():
        one = matter(release.matter)
        what = "dispatch" if release.state is State.APPROVED else "receipt"
        about, where = one.recipient(release.recipient).name, f"{places.DESK}/releases/{release.id}"
        yield Task(what, about, where, one.title, one.deadline, release.state)


def _originals(desk: Desk, matter: _Known) -> Iterator[Task]:
    if Permission.ORIGINAL_CLASSIFY not in desk.actor.scopes:
        return
    for original in desk.gateway.intake.unanswered(limit=SHOWN_MAX):
        one = matter(original.matter)
        about = desk.said(desk.gateway.library.kind(original.kind).title)
        yield Task("classify", about, f"{places.DESK}/originals/{original.id}", one.title, one.deadline)


def _signatures(desk: Desk) -> Iterator[Task]:
    if Permission.PEOPLE_COUNTERSIGN not in desk.actor.scopes:
        return
    for proposal in desk.gateway.people.proposals(limit=SHOWN_MAX):
        if desk.actor.person_id not in {proposal.proposer, proposal.person_id}:
            where = f"{places.DESK}/administration#{proposal.id}"
            yield Task("countersign", desk.who(proposal.person_id), where)
    for passkey in desk.gateway.passkeys.waiting(desk.actor) if Permission.PEOPLE_READ in desk.actor.scopes else ():
        if desk.actor.person_id not in {passkey.proposer, passkey.person_id}:
            where = f"{places.DESK}/administration#{passkey.id}"
            yield Task("countersign", desk.who(passkey.person_id), where)
