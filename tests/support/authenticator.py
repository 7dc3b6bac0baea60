"""An authenticator and its browser in software: ES256 or EdDSA, resident keys, and every lie a test wants told."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80


def b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One passkey; `flags`, `count` and `host` are what it says of each use."""

    algorithm: str = "ES256"
    host: str = "localhost"
    flags: int = UP | UV
    count: int = 0
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    seed: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def cose(self) -> bytes:
        """The public key in canonical COSE form."""
        if self.algorithm == "EdDSA":
            raw = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
            return bytes.fromhex("a4010103272006215820") + raw
        point = self._p256().public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y

    def create(self, options: Mapping[str, Any], origin: str, **lies: Any) -> dict[str, str]:
        """What a browser sends after `navigator.credentials.create(options)`."""
        data = self._said(self.flags | AT) + bytes(16) + len(self.credential).to_bytes(2, "big")
        data += self.credential + lies.pop("cose", self.cose)
        attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData" + b"\x59" + len(data).to_bytes(2, "big") + data
        client = client_data("webauthn.create", options["challenge"], origin, **lies)
        return {
            "credential": b64url(self.credential),
            "client_data": b64url(client),
            "attestation": b64url(attestation),
        }

    def get(self, options: Mapping[str, Any], origin: str, **lies: Any) -> dict[str, str]:
        """What a browser sends after `navigator.credentials.get(options)`."""
        self.count += bool(self.count)
        data = self._said(self.flags)
        client = client_data("webauthn.get", options["challenge"], origin, **lies)
        return {
            "credential": b64url(self.credential),
            "client_data": b64url(client),
            "authenticator_data": b64url(data),
            "signature": b64url(self.sign(data + hashlib.sha256(client).digest())),
        }

    def sign(self, message: bytes) -> bytes:
        if self.algorithm == "EdDSA":
            return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)
        return self._p256().sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))

    def _said(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _p256(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(int.from_bytes(self.seed, "big") >> 1, ec.SECP256R1())


def client_data(kind: str, challenge: str, origin: str, /, **lies: Any) -> bytes:
    """The browser's words, in the order in which browsers write them."""
    said = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False, **lies}
    return json.dumps(said, separators=(",", ":")).encode()
