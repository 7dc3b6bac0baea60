"""Passkeys: registered, countersigned, revoked; signing in and approving with them."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.people.model import Actor, Passkey, Permission, SignedIn
from gateway.seal.assertion import Assertion
from gateway.web.api.sessions import shown
from gateway.web.conditions import body_of
from gateway.web.deps import (
    Anybody,
    InGateway,
    InSession,
    InSignIn,
    PasskeyId,
    PersonId,
    ReleaseId,
    base64url_of,
    holding,
    signature_of,
)
from gateway.web.schemas.people import SignatureIn
from gateway.web.schemas.releases import ApprovalOut
from gateway.web.schemas.sessions import (
    AssertionIn,
    InvitationIn,
    InvitationOut,
    OptionsOut,
    PasskeyApprovalIn,
    PasskeyOut,
    PasskeyRequestOut,
    PasskeysOut,
    RegistrationIn,
    RoleIn,
    SignedInOut,
)
from gateway.web.security import API

router = APIRouter(prefix=API, tags=["sign-in"])

Proposer = Annotated[Actor, holding(Permission.PEOPLE_PROPOSE)]
Countersigner = Annotated[Actor, holding(Permission.PEOPLE_COUNTERSIGN)]
Approver = Annotated[Actor, holding(Permission.RELEASE_APPROVE)]


@router.post(
    "/people/{person_id}/invitations",
    operation_id="invitePerson",
    status_code=201,
    summary="Invite a person to register a passkey",
)
def invite_person(gateway: InGateway, sign_in: InSignIn, actor: Proposer, person_id: PersonId) -> InvitationOut:
    """A secret that is good once and for a day. It stands in no address: put it behind the `#` of a link."""
    sign_in.require_origin()
    made = gateway.passkeys.invite(actor, person_id)
    return InvitationOut(secret=made.secret, person=made.person_id, expires_at=made.expires_at)


@router.post("/invitations/options", operation_id="acceptInvitation", summary="What an invited authenticator is asked")
def accept_invitation(gateway: InGateway, sign_in: InSignIn, body: InvitationIn) -> OptionsOut:
    """Options for `navigator.credentials.create`; the invitation is used up by the passkey, not by asking."""
    person_id, _inviter = gateway.passkeys.invited(body.secret)
    return OptionsOut(options=gateway.passkeys.registration(person_id, sign_in.require_origin(), _invited(body.secret)))


@router.post(
    "/invitations/passkeys", operation_id="registerInvited", status_code=201, summary="Register a passkey when invited"
)
def register_invited(gateway: InGateway, sign_in: InSignIn, body: RegistrationIn) -> PasskeyOut:
    """It is good for nothing until a second person, not whoever invited, signs its statement."""
    secret = body.invitation or ""
    person_id, _inviter = gateway.passkeys.invited(secret)
    return _passkey(
        gateway.passkeys.register(
            person_id,
            sign_in.require_origin(),
            _invited(secret),
            credential=body.credential,
            client_data=base64url_of(body.client_data),
            attestation=base64url_of(body.attestation),
            invitation=secret,
        )
    )


@router.post("/passkeys/options", operation_id="beginPasskey", summary="What your authenticator is asked")
def begin_passkey(request: Request, gateway: InGateway, sign_in: InSignIn, actor: Anybody) -> OptionsOut:
    """Options for `navigator.credentials.create`, bound to your session."""
    origin = sign_in.require_origin()
    return OptionsOut(options=gateway.passkeys.registration(actor.person_id, origin, _came(request, actor)))


@router.post("/passkeys", operation_id="registerPasskey", status_code=201, summary="Register a passkey of yours")
def register_passkey(
    request: Request, gateway: InGateway, sign_in: InSignIn, actor: Anybody, body: RegistrationIn
) -> PasskeyOut:
    """It is good for nothing until a second person signs its statement."""
    return _passkey(
        gateway.passkeys.register(
            actor.person_id,
            sign_in.require_origin(),
            _came(request, actor),
            credential=body.credential,
            client_data=base64url_of(body.client_data),
            attestation=base64url_of(body.attestation),
        )
    )


@router.get("/people/{person_id}/passkeys", operation_id="listPasskeys", summary="Somebody's passkeys")
def list_passkeys(gateway: InGateway, actor: Anybody, person_id: PersonId) -> PasskeysOut:
    """One's own, or anybody's for those who read the register; with what a second person signs."""
    return PasskeysOut(passkeys=[_passkey(one) for one in gateway.passkeys.of(actor, person_id)])


@router.post(
    "/passkeys/{passkey_id}/countersignatures",
    operation_id="countersignPasskey",
    status_code=201,
    summary="Make a passkey good",
)
def countersign_passkey(
    gateway: InGateway, actor: Countersigner, passkey_id: PasskeyId, body: SignatureIn
) -> PasskeyOut:
    """Your signature over its statement; not by its person, nor by whoever invited them."""
    return _passkey(gateway.passkeys.countersign(actor, passkey_id, signature_of(body.signature)))


@router.post("/passkeys/{passkey_id}/revocation", operation_id="revokePasskey", summary="Take a passkey out of use")
def revoke_passkey(gateway: InGateway, actor: Anybody, passkey_id: PasskeyId) -> PasskeyOut:
    """For good, with its person's sessions: one's own, or anybody's for an administrator."""
    return _passkey(gateway.passkeys.revoke(actor, passkey_id))


@router.post("/sign-in/options", operation_id="beginSignIn", summary="What an authenticator is asked to sign in")
def begin_sign_in(gateway: InGateway, sign_in: InSignIn) -> OptionsOut:
    """Options for `navigator.credentials.get`; they name nobody."""
    return OptionsOut(options=gateway.passkeys.sign_in_options(sign_in.require_origin()))


@router.post(
    "/sign-in", operation_id="signIn", status_code=201, response_model=SignedInOut, summary="Sign in with a passkey"
)
def sign_in_with_passkey(gateway: InGateway, sign_in: InSignIn, body: AssertionIn) -> Response:
    """The answer sets the session's cookie."""
    opened = gateway.passkeys.sign_in(body.credential, _assertion(body), sign_in.require_origin())
    answer = Response(body_of(shown(opened.signed_in)), 201, media_type="application/json")
    sign_in.set_cookie(answer, opened)
    return answer


@router.post(
    "/releases/{release_id}/passkey-requests",
    operation_id="requestPasskeyApproval",
    status_code=201,
    summary="What an approver's passkey is asked to sign",
)
def request_passkey_approval(
    gateway: InGateway, sign_in: InSignIn, actor: Approver, signed_in: InSession, release_id: ReleaseId, body: RoleIn
) -> PasskeyRequestOut:
    """The challenge in the options is the SHA-256 of the statement: good once, in this session, for five minutes."""
    statement, manifest = gateway.releases.approval_request(actor, release_id, body.role)
    options = gateway.reviews.ask_passkey(actor, signed_in.session.id, statement, sign_in.require_origin())
    return PasskeyRequestOut(
        statement=statement.decode(), manifest_sha256=hashlib.sha256(manifest).hexdigest(), options=options
    )


@router.post(
    "/releases/{release_id}/passkey-approvals",
    operation_id="approveWithPasskey",
    status_code=201,
    summary="Approve a release with a passkey",
)
def approve_with_passkey(
    gateway: InGateway, actor: Approver, signed_in: InSession, release_id: ReleaseId, body: PasskeyApprovalIn
) -> ApprovalOut:
    """What the passkey signed is kept and travels in the package, where anyone checks it."""
    return ApprovalOut.of(
        gateway.releases.approve_with_passkey(
            actor,
            signed_in.session.id,
            release_id,
            statement=body.statement.encode(),
            credential=body.credential,
            given=_assertion(body),
        )
    )


def _came(request: Request, actor: Actor) -> str:
    signed_in: SignedIn | None = getattr(request.state, "session", None)
    return actor.person_id if signed_in is None else signed_in.session.id


def _invited(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _assertion(body: AssertionIn) -> Assertion:
    return Assertion(
        authenticator_data=base64url_of(body.authenticator_data),
        client_data=base64url_of(body.client_data),
        signature=base64url_of(body.signature),
    )


def _passkey(one: Passkey) -> PasskeyOut:
    return PasskeyOut(
        id=one.id,
        person=one.person_id,
        key=one.key,
        origin=one.origin,
        backup_eligible=one.backup_eligible,
        backed_up=one.backed_up,
        proposer=one.proposer,
        proposed_at=one.proposed_at,
        entry=one.entry,
        revoked_at=one.revoked_at,
        statement=one.statement.decode(),
    )
