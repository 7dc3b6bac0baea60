"""Releases: what is in one, who signed what, and every step from draft to receipt."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gateway.base.problems import NotFound, Problem
from gateway.people.model import Permission, SignedIn
from gateway.policy.answers import Answers
from gateway.release.model import Release, State
from gateway.render.model import State as RenditionState
from gateway.review.rules import APPROVING_ROLES
from gateway.web import places
from gateway.web.deps import ReleaseId, signature_of
from gateway.web.forms import FormIncomplete
from gateway.web.pages.desk import AtDesk, Desk, Sent

router = APIRouter(prefix=f"{places.DESK}/releases", include_in_schema=False)

READABLE: Final = ("README.txt", "withheld.csv", "residue.json", "manifest.json")


@router.get("/{release_id}")
def show_release(desk: AtDesk, release_id: ReleaseId) -> Response:
    """One release, with what this person can do with it now."""
    desk.need(Permission.MATTER_READ)
    gateway = desk.gateway
    with gateway.units.read():
        release = gateway.releases.get(release_id)
        matter = gateway.matters.get(release.matter)
        renditions = gateway.renders.of_release(release_id)
        given, needed = gateway.releases.approvals(release_id)
        parts = {one.path: one for one in gateway.releases.parts(release_id)}
        originals = gateway.intake.originals(release.matter, limit=500)
    there = {one.original for one in renditions}
    return desk.page(
        "release.html",
        "matters",
        release=release,
        matter=matter,
        recipient=matter.recipient(release.recipient),
        custody=[matter.recipient(one).name for one in matter.recipient(release.recipient).custody],
        renditions=renditions,
        originals={one.id: one for one in originals},
        addable=[one for one in originals if one.id not in there and one.shredded_at is None],
        kinds=gateway.library.kinds,
        given=given,
        needed=needed,
        documents=[path for path in parts if path in READABLE],
        roles=sorted(role.value for role in desk.actor.roles if role.value in APPROVING_ROLES),
        steps=_steps(desk, release),
        busy=any(one.state in {RenditionState.QUEUED, RenditionState.RENDERING} for one in renditions),
    )


@router.post("/{release_id}/renditions")
def request_renditions(desk: AtDesk, release_id: ReleaseId, form: Sent) -> Response:
    """Have originals rendered for this release."""
    desk.need(Permission.RELEASE_BUILD)
    wanted = form.all("original")
    if not wanted:
        raise FormIncomplete("Choose at least one original that is to be rendered.")
    policy = form.text("policy") or None
    for original in wanted:
        desk.gateway.releases.add(desk.actor, release_id, original, policy_ref=policy, answers=Answers())
    return desk.go(_at(release_id))


@router.post("/{release_id}/submit")
def submit(desk: AtDesk, release_id: ReleaseId) -> Response:
    """Put it before the reviewers."""
    desk.need(Permission.RELEASE_BUILD)
    desk.gateway.releases.submit(desk.actor, release_id)
    return desk.go(_at(release_id))


@router.get("/{release_id}/approval")
def show_approval(
    desk: AtDesk, release_id: ReleaseId, role: Annotated[str, Query(max_length=40, pattern="^[a-z_]+$")]
) -> Response:
    """What an approver signs, what it stands for, and how to sign it."""
    desk.need(Permission.RELEASE_APPROVE)
    gateway = desk.gateway
    statement, manifest = gateway.releases.approval_request(desk.actor, release_id, role)
    release = gateway.releases.get(release_id)
    matter = gateway.matters.get(release.matter)
    return desk.page(
        "approval.html",
        "matters",
        release=release,
        matter=matter,
        recipient=matter.recipient(release.recipient),
        role=role,
        statement=statement.decode(),
        challenge=hashlib.sha256(statement).hexdigest(),
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
        manifest=json.loads(manifest),
        passkey_options=_passkey_options(desk, statement),
    )


@router.post("/{release_id}/approvals")
def approve(desk: AtDesk, release_id: ReleaseId, form: Sent) -> Response:
    """A signature that was made elsewhere, over the statement of the page."""
    desk.need(Permission.RELEASE_APPROVE)
    desk.gateway.releases.approve(
        desk.actor,
        release_id,
        statement=form.required("statement").encode(),
        signature=signature_of(form.required("signature")),
        algorithm="Ed25519",
    )
    return desk.go(_at(release_id))


@router.post("/{release_id}/refusals")
def refuse(desk: AtDesk, release_id: ReleaseId, form: Sent) -> Response:
    """Refused for good, with a reason."""
    desk.need(Permission.RELEASE_APPROVE)
    desk.gateway.releases.refuse(desk.actor, release_id, form.required("reason"))
    return desk.go(_at(release_id))


@router.post("/{release_id}/dispatch")
def dispatch(desk: AtDesk, release_id: ReleaseId) -> Response:
    """Seal and dispatch it."""
    desk.need(Permission.RELEASE_DISPATCH)
    desk.gateway.dispatch.dispatch(desk.actor, release_id)
    return desk.go(_at(release_id))


@router.post("/{release_id}/receipts")
def record_receipt(desk: AtDesk, release_id: ReleaseId, form: Sent) -> Response:
    """What came back."""
    desk.need(Permission.RECEIPT_RECORD)
    desk.gateway.releases.record(desk.actor, release_id, kind="receipt", text=form.required("reference"))
    return desk.go(_at(release_id))


@router.post("/{release_id}/recall")
def recall(desk: AtDesk, release_id: ReleaseId, form: Sent) -> Response:
    """Recorded and told; it cannot unsend."""
    desk.need(Permission.RECEIPT_RECORD)
    desk.gateway.releases.record(desk.actor, release_id, kind="recall", text=form.required("reason"))
    return desk.go(_at(release_id))


@router.get("/{release_id}/files/{path}")
def show_document(
    desk: AtDesk, release_id: ReleaseId, path: Annotated[str, Path(max_length=64, pattern="^[A-Za-z.]+$")]
) -> Response:
    """A composed document as text, in the words that the recipient reads."""
    desk.need(Permission.RENDITION_READ)
    if path not in READABLE:
        raise NotFound("This file is not shown on a page; fetch it through the interface.")
    text = desk.gateway.releases.document(release_id, path).decode("utf-8-sig")
    if path.endswith(".json"):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    release = desk.gateway.releases.get(release_id)
    return desk.page("document.html", "matters", release=release, path=path, text=text)


def _passkey_options(desk: Desk, statement: bytes) -> str:
    """What a passkey is asked, to sign this very statement; nothing where this person has none, or no session."""
    session: SignedIn | None = getattr(desk.request.state, "session", None)
    if session is None or not any(one.good for one in desk.gateway.passkeys.of(desk.actor, desk.actor.person_id)):
        return ""
    origin: str = desk.request.app.state.sign_in.require_origin()
    return json.dumps(desk.gateway.reviews.ask_passkey(desk.actor, session.session.id, statement, origin))


def _steps(desk: Desk, release: Release) -> dict[str, str]:
    """What can be done with a release in this state → why this person cannot, or nothing where they can."""
    by_state = {
        State.DRAFT: {"submit": Permission.RELEASE_BUILD},
        State.CHANGES_REQUESTED: {"submit": Permission.RELEASE_BUILD},
        State.IN_REVIEW: {"approve": Permission.RELEASE_APPROVE, "refuse": Permission.RELEASE_APPROVE},
        State.APPROVED: {"dispatch": Permission.RELEASE_DISPATCH, "refuse": Permission.RELEASE_APPROVE},
        State.DISPATCHED: {"receipt": Permission.RECEIPT_RECORD, "recall": Permission.RECEIPT_RECORD},
        State.ACKNOWLEDGED: {"recall": Permission.RECEIPT_RECORD},
    }
    found = dict.fromkeys(by_state.get(release.state, {}), "")
    for step, permission in by_state.get(release.state, {}).items():
        if permission not in desk.actor.scopes:
            found[step] = "role"
        elif step == "approve":
            found[step] = _hindered(desk, release)
    return found


def _hindered(desk: Desk, release: Release) -> str:
    """Why this person cannot approve this release in any of their roles, as the rules say it."""
    told = "role"
    for role in sorted(desk.actor.roles):
        if role.value in APPROVING_ROLES:
            try:
                desk.gateway.releases.approval_request(desk.actor, release.id, role.value)
            except Problem as problem:
                told = problem.detail
            else:
                return ""
    return told


def _at(release_id: str) -> str:
    return f"{places.DESK}/releases/{release_id}"
