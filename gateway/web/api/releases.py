"""Releases, from draft to receipt."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from gateway.app import Gateway
from gateway.people.model import Actor, Permission
from gateway.release.model import Release, State
from gateway.review.model import Approval
from gateway.web.conditions import InKnown, object_etag, unmodified
from gateway.web.cursors import InPage
from gateway.web.deps import InChange, InGateway, InWrite, MatterId, ReleaseId, Write, holding, signature_of
from gateway.web.download import opened_download
from gateway.web.schemas.releases import (
    ApprovalIn,
    ApprovalOut,
    ApprovalRequestOut,
    ApprovalsOut,
    PartOut,
    QuorumOut,
    ReasonIn,
    ReferenceIn,
    ReleaseDetailOut,
    ReleaseIn,
    ReleaseOut,
    ReleasesOut,
    RenditionSummaryOut,
)
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["releases"])

Reader = Annotated[Actor, holding(Permission.MATTER_READ)]
ContentReader = Annotated[Actor, holding(Permission.RENDITION_READ)]
Builder = Annotated[Actor, holding(Permission.RELEASE_BUILD)]
Approver = Annotated[Actor, holding(Permission.RELEASE_APPROVE)]
Dispatcher = Annotated[Actor, holding(Permission.RELEASE_DISPATCH)]
Witness = Annotated[Actor, holding(Permission.EVIDENCE_TAKE)]
Recorder = Annotated[Actor, holding(Permission.RECEIPT_RECORD)]

_MEDIA_TYPES = {"csv": "text/csv", "json": "application/json", "pdf": "application/pdf", "txt": "text/plain"}
_PACKAGE_TYPES = {"portal": "application/zip", "sealed": "application/octet-stream"}


@router.post(
    "/matters/{matter_id}/releases",
    operation_id="draftRelease",
    status_code=201,
    response_model=ReleaseOut,
    summary="Open a draft release for one recipient",
)
def draft_release(gateway: InGateway, actor: Builder, write: InWrite, matter_id: MatterId, body: ReleaseIn) -> Response:
    """Marks and pseudonyms are keyed on it."""
    return _changed(
        gateway,
        write,
        lambda: gateway.releases.draft(actor, matter_id, body.recipient, body.profile),
        entries="release.drafted",
        status=201,
    )


@router.get("/matters/{matter_id}/releases", operation_id="listReleases", summary="The releases of a matter")
def list_releases(
    gateway: InGateway, _actor: Reader, page: InPage, matter_id: MatterId, state: State | None = None
) -> ReleasesOut:
    """Oldest first; with `state` those that stand there alone."""
    with gateway.units.read():
        gateway.matters.require(matter_id)
        shown, cursor = page(
            lambda after, limit: gateway.releases.of_matter(matter_id, state=state, after=after, limit=limit),
            lambda one: one.id,
        )
    return ReleasesOut(releases=[ReleaseOut.of(one) for one in shown], next_cursor=cursor)


@router.get(
    "/releases/{release_id}", operation_id="showRelease", response_model=ReleaseDetailOut, summary="One release"
)
def show_release(gateway: InGateway, _actor: Reader, known: InKnown, release_id: ReleaseId) -> Response:
    """With its renditions, the approvals given and needed, and the parts of its package once composed."""
    return known.shown(release_detail(gateway, release_id))


@router.post(
    "/releases/{release_id}/submit",
    operation_id="submitRelease",
    response_model=ReleaseOut,
    summary="Put a release before the reviewers",
)
def submit_release(gateway: InGateway, actor: Builder, write: InChange, release_id: ReleaseId) -> Response:
    """Composes manifest and documents; refused while something is unclassified, blocked or unanswered."""
    return _changed(
        gateway, write, lambda: gateway.releases.submit(actor, release_id), entries="release.submitted", of=release_id
    )


@router.get("/releases/{release_id}/approval-request", operation_id="requestApproval", summary="What an approver signs")
def request_approval(
    gateway: InGateway,
    actor: Approver,
    release_id: ReleaseId,
    role: Annotated[str, Query(max_length=40, examples=["legal"], description="The role you would sign in.")],
) -> ApprovalRequestOut:
    """The canonical statement for you in this role, and the manifest it stands for."""
    statement, manifest = gateway.releases.approval_request(actor, release_id, role)
    return ApprovalRequestOut(
        statement=statement.decode(),
        manifest=json.loads(manifest),
        manifest_sha256=hashlib.sha256(manifest).hexdigest(),
    )


@router.post(
    "/releases/{release_id}/approvals",
    operation_id="approveRelease",
    status_code=201,
    response_model=ApprovalOut,
    summary="Approve a release",
)
def approve_release(
    gateway: InGateway, actor: Approver, write: InChange, release_id: ReleaseId, body: ApprovalIn
) -> Response:
    """Your signature over the statement; the private key never comes here."""

    def mine() -> Approval:
        given, _ = gateway.releases.approvals(release_id)
        return next(one for one in given if one.approver == actor.person_id)

    return write(
        lambda: gateway.releases.approve(
            actor,
            release_id,
            statement=body.statement.encode(),
            signature=signature_of(body.signature),
            algorithm=body.alg,
        ),
        ApprovalOut.of,
        entries="release.approval release.approved",
        again=lambda _entry: mine(),
        status=201,
        current=lambda: release_detail(gateway, release_id),
    )


@router.post(
    "/releases/{release_id}/refusals",
    operation_id="refuseRelease",
    status_code=201,
    response_model=ReleaseOut,
    summary="Refuse a release for good",
)
def refuse_release(
    gateway: InGateway, actor: Approver, write: InChange, release_id: ReleaseId, body: ReasonIn
) -> Response:
    """Needs no quorum."""
    return _changed(
        gateway,
        write,
        lambda: gateway.releases.refuse(actor, release_id, body.reason),
        entries="release.refused",
        of=release_id,
        status=201,
    )


@router.get(
    "/releases/{release_id}/files/{path:path}",
    operation_id="showDocument",
    response_class=Response,
    summary="A composed document",
)
def show_document(
    gateway: InGateway,
    _actor: ContentReader,
    known: InKnown,
    release_id: ReleaseId,
    path: Annotated[str, Path(max_length=200, examples=["withheld.csv"])],
) -> Response:
    """Manifest, withheld index, README, report: what reviewers read. Renditions are read under their own ids."""
    data = gateway.releases.document(release_id, path)
    return known.document(data, _MEDIA_TYPES.get(path.rpartition(".")[2], "application/octet-stream"))


@router.post(
    "/releases/{release_id}/dispatch",
    operation_id="dispatchRelease",
    response_model=ReleaseOut,
    summary="Seal and dispatch an approved release",
)
def dispatch_release(gateway: InGateway, actor: Dispatcher, write: InChange, release_id: ReleaseId) -> Response:
    """Everything is checked again; by somebody who neither built nor approved."""
    return _changed(
        gateway,
        write,
        lambda: gateway.dispatch.dispatch(actor, release_id),
        entries="release.dispatched",
        of=release_id,
    )


@router.get(
    "/releases/{release_id}/package",
    operation_id="takePackage",
    response_class=Response,
    summary="The sealed package",
)
def take_package(gateway: InGateway, actor: Dispatcher, known: InKnown, release_id: ReleaseId) -> Response:
    """Handing it out is an entry, durable before the first byte."""
    etag = object_etag(gateway.releases.get(release_id).package_object or "")
    if known.has(etag):
        return unmodified(etag)
    release, opened = gateway.dispatch.package(actor, release_id)
    return opened_download(opened, _PACKAGE_TYPES[release.profile.value], etag)


@router.get(
    "/releases/{release_id}/evidence",
    operation_id="takeEvidence",
    response_class=Response,
    summary="Evidence of a dispatched release, as a zip",
)
def take_evidence(gateway: InGateway, actor: Witness, release_id: ReleaseId) -> Response:
    """Everything a court needs and nothing of what was withheld; giving it is an entry, durable before the first byte.

    Each call makes evidence up to now, which is never the same twice.
    """
    given = gateway.evidence.give(actor, release_id)
    headers = {"Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(given.data).digest()).decode()}:"}
    return Response(given.data, media_type="application/zip", headers=headers)


@router.post(
    "/releases/{release_id}/receipts",
    operation_id="recordReceipt",
    status_code=201,
    response_model=ReleaseOut,
    summary="Record what came back",
)
def record_receipt(
    gateway: InGateway, actor: Recorder, write: InChange, release_id: ReleaseId, body: ReferenceIn
) -> Response:
    """A portal number, a courier slip."""
    return _changed(
        gateway,
        write,
        lambda: gateway.releases.record(actor, release_id, kind="receipt", text=body.reference),
        entries="release.acknowledged",
        of=release_id,
        status=201,
    )


@router.post(
    "/releases/{release_id}/recall",
    operation_id="recallRelease",
    response_model=ReleaseOut,
    summary="Recall a dispatched release",
)
def recall_release(
    gateway: InGateway, actor: Recorder, write: InChange, release_id: ReleaseId, body: ReasonIn
) -> Response:
    """Records and notifies; it cannot unsend."""
    return _changed(
        gateway,
        write,
        lambda: gateway.releases.record(actor, release_id, kind="recall", text=body.reason),
        entries="release.recalled",
        of=release_id,
    )


def release_detail(gateway: Gateway, release_id: str) -> ReleaseDetailOut:
    """A release as it is shown, and as `If-Match` means it."""
    with gateway.units.read():
        release = gateway.releases.get(release_id)
        given, needed = gateway.releases.approvals(release_id)
        renditions = gateway.renders.of_release(release_id)
        parts = gateway.releases.parts(release_id)
    return ReleaseDetailOut(
        **ReleaseOut.of(release).model_dump(),
        renditions=[RenditionSummaryOut.of(one) for one in renditions],
        approvals=ApprovalsOut(
            given=[ApprovalOut.of(one) for one in given], needed=[QuorumOut.of(one) for one in needed]
        ),
        parts=[PartOut.of(one) for one in parts],
    )


def _changed(
    gateway: Gateway,
    write: Write,
    act: Callable[[], Release],
    *,
    entries: str,
    of: str | None = None,
    status: int = 200,
) -> Response:
    return write(
        act,
        ReleaseOut.of,
        entries=entries,
        again=lambda entry: gateway.releases.get(entry["subject"]),
        status=status,
        location=(lambda one: f"{API}/releases/{one.id}") if status == 201 else None,
        owner=lambda one: one.matter,
        current=None if of is None else lambda: release_detail(gateway, of),
    )
