"""What is asked of authenticators, and what a new passkey has to look like.

Asked for: an ES256 or EdDSA key that the authenticator keeps for this person and unlocks by verifying them, without
attestation. The options have the JSON form of WebAuthn level 3 (`parseCreationOptionsFromJSON`, `…RequestOptions…`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.base.canon import Json
from gateway.people.challenges import LIFETIME
from gateway.people.model import PasskeyRefused
from gateway.seal.assertion import key_text, rp_id

_EDDSA, _ES256 = -8, -7
_TIMEOUT_MS = int(LIFETIME.total_seconds() * 1000)
CREDENTIAL_BYTES_MAX = 1023


@dataclass(frozen=True, slots=True)
class Registered:
    """A passkey as its authenticator made it."""

    credential: str
    key: str
    backup_eligible: bool
    backed_up: bool
    sign_count: int


def b64url(data: bytes) -> str:
    """Base64url without padding, as WebAuthn's JSON has it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def creation_options(
    origin: str, challenge: bytes, *, person_id: str, name: str, known: Iterable[str]
) -> dict[str, Json]:
    """Options to register a passkey of this person; not with an authenticator that has one of `known`."""
    host = rp_id(origin)
    return {
        "rp": {"id": host, "name": host},
        "user": {"id": b64url(person_id.encode()), "name": name, "displayName": name},
        "challenge": b64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": alg} for alg in (_EDDSA, _ES256)],
        "timeout": _TIMEOUT_MS,
        "excludeCredentials": [{"type": "public-key", "id": one} for one in known],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(origin: str, challenge: bytes, known: Iterable[str] = ()) -> dict[str, Json]:
    """Options to use a passkey: one of `known`, or any that the authenticator has for this host."""
    return {
        "challenge": b64url(challenge),
        "timeout": _TIMEOUT_MS,
        "rpId": rp_id(origin),
        "allowCredentials": [{"type": "public-key", "id": one} for one in known],
        "userVerification": "required",
    }


def registered(origin: str, challenge: bytes, *, credential: str, client_data: bytes, attestation: bytes) -> Registered:
    """The passkey that an authenticator made for `challenge` at `origin`, or `PasskeyRefused`."""
    # Few processes ever register a passkey, and it is large.
    from webauthn import verify_registration_response  # noqa: PLC0415 heavy
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415 heavy
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415 heavy
    from webauthn.helpers.structs import AttestationFormat, CredentialDeviceType  # noqa: PLC0415 heavy

    try:
        made = verify_registration_response(
            credential={
                "id": credential,
                "rawId": credential,
                "type": "public-key",
                "response": {"clientDataJSON": b64url(client_data), "attestationObject": b64url(attestation)},
            },
            expected_challenge=challenge,
            expected_rp_id=rp_id(origin),
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(_EDDSA), COSEAlgorithmIdentifier(_ES256)],
        )
    except (WebAuthnException, ValueError, KeyError, TypeError, IndexError) as error:
        raise PasskeyRefused(
            f"The authenticator's answer is not as asked, for this challenge and {origin}; begin again there."
        ) from error
    if made.fmt != AttestationFormat.NONE or b64url(made.credential_id) != credential:
        raise PasskeyRefused("The authenticator's answer has an attestation, or names another credential.")
    if not 16 <= len(made.credential_id) <= CREDENTIAL_BYTES_MAX:
        raise PasskeyRefused("The authenticator's credential id is too short or too long; use another authenticator.")
    return Registered(
        credential=credential,
        key=key_text(made.credential_public_key),
        backup_eligible=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backed_up=made.credential_backed_up,
        sign_count=made.sign_count,
    )
