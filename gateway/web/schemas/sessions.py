"""Sessions of browsers."""

from __future__ import annotations

from gateway.web.schemas.common import Out, Time, example

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
