"""Sessions of browsers, and passkeys."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from gateway.web.schemas.common import In, Line, Out, Text, Time, example

Base64Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=8000),
    Field(description="Base64url (RFC 4648) without padding.", examples=["q83v"]),
]

_EXAMPLE = {
    "id": "ses_01kag5v3q8m2s7d9x4e6b0cfhn",
    "person": "per_01kag5v3q8m2s7d9x4e6b0cfhn",
    "means": "passkey",
    "opened_at": "2026-01-31T08:00:00.000Z",
    "seen_at": "2026-01-31T08:20:00.000Z",
    "expires_at": "2026-01-31T20:00:00.000Z",
}


class SessionOut(Out):
    """Somebody signed in with a browser, and by what means."""

    model_config = example(**_EXAMPLE)
    id: str
    person: str
    means: str
    opened_at: Time
    seen_at: Time
    expires_at: Time


class SignedInOut(Out):
    """Your own session. `csrf` goes into the header X-CSRF-Token of every change, or into a form's field `csrf`."""

    model_config = example(session=_EXAMPLE, csrf="3q2-7w…")
    session: SessionOut
    csrf: str


class SessionsOut(Out):
    """Sessions that are not over, oldest first."""

    sessions: list[SessionOut]


class InvitationOut(Out):
    """An invitation's secret, told this once: hand it over behind the `#` of a link, or to be typed."""

    model_config = example(
        secret="gwi_…",  # noqa: S106 an example
        person="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        expires_at="2026-02-01T08:00:00.000Z",
    )
    secret: str
    person: str
    expires_at: Time


class InvitationIn(In):
    """An invitation's secret."""

    model_config = example(secret="gwi_…")  # noqa: S106 an example
    secret: Line


class OptionsOut(Out):
    """Options for the browser, in the JSON form of WebAuthn level 3."""

    model_config = example(options={"challenge": "…", "rpId": "gateway.example.com"})
    options: dict[str, Any]


class RegistrationIn(In):
    """What the authenticator made; with the invitation's secret where that is how its person came."""

    model_config = example(credential="q83v…", client_data="eyJ0…", attestation="o2Nm…", invitation=None)
    credential: Base64Url
    client_data: Base64Url
    attestation: Base64Url
    invitation: Line | None = None


class PasskeyOut(Out):
    """A passkey; good for something once `entry` is there, the log's index of the second signature over `statement`."""

    model_config = example(
        id="psk_01kag5v3q8m2s7d9x4e6b0cfhn",
        person="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        key="passkey:pQECAyYgASFYIA…",
        origin="https://gateway.example.com",
        backup_eligible=False,
        backed_up=False,
        proposer="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        proposed_at="2026-01-31T08:00:00.000Z",
        entry=41,
        revoked_at=None,
        statement='{"at":"2026-01-31T08:00:00.000Z", …}',
    )
    id: str
    person: str
    key: str
    origin: str
    backup_eligible: bool
    backed_up: bool
    proposer: str
    proposed_at: Time
    entry: int | None
    revoked_at: Time | None
    statement: str


class PasskeysOut(Out):
    """A person's passkeys, oldest first."""

    passkeys: list[PasskeyOut]


class AssertionIn(In):
    """What the authenticator signed, each part in base64url without padding."""

    model_config = example(credential="q83v…", client_data="eyJ0…", authenticator_data="SZYN…", signature="MEUC…")
    credential: Base64Url
    client_data: Base64Url
    authenticator_data: Base64Url
    signature: Base64Url


class RoleIn(In):
    """The role to sign in."""

    model_config = example(role="legal")
    role: Line


class PasskeyRequestOut(Out):
    """What will be signed, the manifest's digest in it, and options for the browser: good once, for five minutes."""

    model_config = example(
        statement='{"approver":"per_…", …}',
        manifest_sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        options={"challenge": "…", "rpId": "gateway.example.com"},
    )
    statement: str
    manifest_sha256: str
    options: dict[str, Any]


class PasskeyApprovalIn(AssertionIn):
    """The statement as it was given, and what the passkey signed over its SHA-256."""

    model_config = example(
        statement='{"approver":"per_…", …}',
        credential="q83v…",
        client_data="eyJ0…",
        authenticator_data="SZYN…",
        signature="MEUC…",
    )
    statement: Text
