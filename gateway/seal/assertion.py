"""Assertions of passkeys (W3C WebAuthn, level 3), judged by their stored bytes alone: today, and by a reader in years.

A key is kept as `passkey:` and base64 of its COSE form, ES256 or EdDSA, in the one encoding that CTAP2 prescribes. An
assertion stands for a message when

1. the browser's own words (`clientDataJSON`) are JSON of the type `webauthn.get`, name the SHA-256 of the message as
   challenge, come from exactly the expected origin, and from no frame of another site,
2. the authenticator (`authenticatorData`) speaks for the host of that origin, somebody was present and was verified by
   it, and it says no more than that (37 bytes, no credential and no extension),
3. the key signed the authenticator's bytes and the SHA-256 of the browser's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gateway.base.canon import NotCanonical, canonical, parse_canonical
from gateway.base.problems import CheckFailed
from gateway.seal import signature as ed25519
from gateway.seal.signature import BadKey, SignatureInvalid

ALGORITHM = "WebAuthn"
PREFIX = "passkey:"
CLIENT_DATA_BYTES_MAX = 4096
SIGNATURE_BYTES_MAX = 72
UP, UV, BE, BS = 0x01, 0x04, 0x08, 0x10
# {1: 2, 3: -7, -1: 1, -2: x, -3: y} and {1: 1, 3: -8, -1: 6, -2: x}, in the canonical CBOR of CTAP2.
_ES256, _ES256_Y = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
_EDDSA = bytes.fromhex("a4010103272006215820")
_BYTES = 37


class AssertionRefused(CheckFailed):
    """A passkey's assertion that is not about this message, here and now; `field` names what differs."""

    slug = "assertion-refused"
    title = "The passkey signed something else"


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator gave: its own data, the browser's, and the signature over both."""

    authenticator_data: bytes
    client_data: bytes
    signature: bytes

    @property
    def challenge(self) -> bytes:
        """The challenge that the browser names; nothing is judged yet."""
        return challenge_of(self.client_data)

    @property
    def count(self) -> int:
        """How often the key has signed, where its authenticator counts; 0 where it does not."""
        return int.from_bytes(self.authenticator_data[33:37], "big")

    @property
    def backed_up(self) -> bool:
        """Whether the key lies elsewhere too."""
        return bool(self.authenticator_data[32:33] and self.authenticator_data[32] & BS)

    def pack(self) -> bytes:
        """As one canonical text, to be kept where a signature is."""
        return canonical(
            {
                "authenticator_data": _b64(self.authenticator_data),
                "client_data": _b64(self.client_data),
                "signature": _b64(self.signature),
            }
        )

    @classmethod
    def unpack(cls, packed: bytes) -> Assertion:
        """The inverse of `pack`."""
        try:
            told: Any = parse_canonical(packed)
            parts = [base64.b64decode(told[name], validate=True) for name in sorted(told)]
            made = cls(*parts)
        except (NotCanonical, binascii.Error, ValueError, TypeError, KeyError) as error:
            raise AssertionRefused("A stored assertion cannot be read; restore it.", field="form") from error
        if made.pack() != packed:
            raise AssertionRefused("A stored assertion cannot be read; restore it.", field="form")
        return made


def key_text(cose: bytes) -> str:
    """The one text form of this COSE key, or `BadKey`."""
    x, y = cose[10:42], cose[45:]
    if cose == _ES256 + x + _ES256_Y + y and len(y) == 32:
        _p256(x, y)
    elif cose == _EDDSA + x and len(x) == 32:
        ed25519.PublicKey(x)
    else:
        raise BadKey("A passkey has an ES256 or EdDSA key in canonical COSE form; use another authenticator.")
    return PREFIX + _b64(cose)


def check(key: str, assertion: Assertion, message: bytes, origin: str) -> None:
    """Raise `AssertionRefused` unless the passkey with this key signed exactly `message` at exactly `origin`."""
    check_challenge(key, assertion, hashlib.sha256(message).digest(), origin)


def check_challenge(key: str, assertion: Assertion, challenge: bytes, origin: str) -> None:
    """The same for a challenge that stands for nothing."""
    _check_client(assertion.client_data, challenge, origin)
    _check_authenticator(assertion.authenticator_data, rp_id(origin))
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    cose = _cose(key)
    try:
        if cose.startswith(_EDDSA):
            ed25519.PublicKey(cose[10:]).verify(assertion.signature, signed)
        else:
            _check_der(assertion.signature)
            _p256(cose[10:42], cose[45:]).verify(assertion.signature, signed, ec.ECDSA(SHA256()))
    except (InvalidSignature, SignatureInvalid) as error:
        raise AssertionRefused("The passkey's signature does not hold over these bytes.", field="signature") from error


def challenge_of(client_data: bytes) -> bytes:
    """The challenge that the browser's own words name, or `AssertionRefused`."""
    told = _read(client_data).get("challenge")
    try:
        raw = base64.urlsafe_b64decode(f"{told}==") if isinstance(told, str) else b""
    except (binascii.Error, ValueError):
        raw = b""
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != told or not raw:
        raise AssertionRefused("The browser names no challenge; begin again.", field="challenge")
    return raw


def rp_id(origin: str) -> str:
    """The host of an origin: what passkeys are bound to."""
    return urlsplit(origin).hostname or ""


def _check_client(untrusted: bytes, challenge: bytes, origin: str) -> None:
    told = _read(untrusted)
    expected: dict[str, object] = {
        "type": "webauthn.get",
        "challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "origin": origin,
    }
    for name, value in expected.items():
        if told.get(name) != value:
            raise AssertionRefused(
                f"The passkey was used for another {name} than this; begin again on the gateway's own page.", field=name
            )
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise AssertionRefused("The passkey was used inside a page of another site.", field="crossOrigin")


def _check_authenticator(data: bytes, host: str) -> None:
    if len(data) != _BYTES:
        raise AssertionRefused("The authenticator said more or less than is taken.", field="authenticator_data")
    if data[:32] != hashlib.sha256(host.encode("ascii")).digest():
        raise AssertionRefused("The passkey answered for another site.", field="rp_id")
    flags = data[32]
    if not flags & UP:
        raise AssertionRefused("Nobody touched the authenticator.", field="user_presence")
    if not flags & UV:
        raise AssertionRefused("The authenticator did not verify who used it; unlock it.", field="user_verification")
    if flags & ~(UP | UV | BE | BS) or (flags & BS and not flags & BE):
        raise AssertionRefused("The authenticator's flags contradict each other.", field="flags")


def _read(untrusted: bytes) -> dict[str, Any]:
    try:
        told = json.loads(untrusted.decode("utf-8"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:
        raise AssertionRefused("The browser's part of the assertion cannot be read.", field="client_data") from error
    if not isinstance(told, dict) or len(untrusted) > CLIENT_DATA_BYTES_MAX:
        raise AssertionRefused("The browser's part of the assertion cannot be read.", field="client_data")
    return told


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _check_der(signature: bytes) -> None:
    try:
        exact = encode_dss_signature(*decode_dss_signature(signature)) == signature
    except ValueError:
        exact = False
    if not exact:
        raise AssertionRefused("The passkey's signature is not in its one form (DER).", field="signature")


def _cose(key: str) -> bytes:
    try:
        cose = base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey("A passkey's key is written as `passkey:` and base64.") from error
    if key_text(cose) != key:
        raise BadKey("A passkey's key is written as `passkey:` and base64.")
    return cose


def _p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
    except ValueError as error:
        raise BadKey("This passkey's key is no point of P-256.") from error


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
