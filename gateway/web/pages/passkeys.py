"""Passkeys on the pages: an invitation given and accepted, the second signature, taking one out of use.

What an authenticator makes goes through the programming interface, by the script of the page.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from gateway.people.model import Permission
from gateway.web import places
from gateway.web.deps import InSignIn, PasskeyId, PersonId, signature_of
from gateway.web.pages import site
from gateway.web.pages.desk import AtDesk, Sent

router = APIRouter(include_in_schema=False)


@router.get(places.INVITATION)
async def show_invitation(request: Request, sign_in: InSignIn) -> Response:
    """Where an invited person makes a passkey. The secret is typed, or stands behind the `#` that no server sees."""
    return site.page(
        "invitation.html",
        site.language_of(request),
        here=places.INVITATION,
        available=sign_in.origin is not None,
    )


@router.post(f"{places.DESK}/administration/people/{{person_id}}/invitations")
def invite(desk: AtDesk, sign_in: InSignIn, person_id: PersonId) -> Response:
    """A link that is good once and for a day, shown this once."""
    desk.need(Permission.PEOPLE_PROPOSE)
    origin = sign_in.require_origin()
    made = desk.gateway.passkeys.invite(desk.actor, person_id)
    return desk.page(
        "invited.html",
        "administration",
        invitation=made,
        link=f"{origin}{places.INVITATION}#{made.secret}",
    )


@router.post(f"{places.DESK}/administration/passkeys/{{passkey_id}}/countersignatures")
def countersign(desk: AtDesk, passkey_id: PasskeyId, form: Sent) -> Response:
    """The second signature, without which a passkey is good for nothing."""
    desk.need(Permission.PEOPLE_COUNTERSIGN)
    desk.gateway.passkeys.countersign(desk.actor, passkey_id, signature_of(form.required("signature")))
    return desk.go(f"{places.DESK}/administration")


@router.post(f"{places.DESK}/passkeys/{{passkey_id}}/revocation")
def revoke(desk: AtDesk, passkey_id: PasskeyId) -> Response:
    """Out of use for good, with its person's sessions: also the one that asked for it."""
    desk.gateway.passkeys.revoke(desk.actor, passkey_id)
    return desk.go(f"{places.DESK}/account")
