"""The certificate that documents are signed with: X.509, self-signed, P-256, and a pure function of key, name and day.

PDF readers know neither Ed25519 nor ML-DSA, so that documents have a key of their own. Nobody vouches for it here but
itself: what it is worth comes from the log and the package keys, which say its SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.x509.oid import NameOID

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CONTEXT = b"disclosure-gateway/document-signing/v1"
_SERIAL = b"disclosure-gateway/document-certificate/v1"
# RFC 5280, 4.1.2.5: no well-defined end.
_NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_NAME_CHARS_MAX = 64


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """A secret key for documents, and the certificate that goes with every signature by it."""

    secret: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        """The certificate as it is signed."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate for openssl and PDF readers."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def document_key(seed: bytes, name: str, since: datetime) -> DocumentKey:
    """Key and certificate of the log `name` from 32 secret bytes: the same for the same arguments, also the signature.

    The scalar is 48 derived bytes modulo the order (FIPS 186-5, A.2.1); the certificate is valid from the second
    `since` on and without end.
    """
    secret = ec.derive_private_key(int.from_bytes(_derived(seed, _CONTEXT, 48), "big") % (_ORDER - 1) + 1, _CURVE)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Disclosure gateway"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:_NAME_CHARS_MAX]),
        ]
    )
    public = secret.public_key()
    usage = {**dict.fromkeys(_USAGES, False), "digital_signature": True, "content_commitment": True}
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(int.from_bytes(_derived(seed, _SERIAL, 16), "big") >> 1 | 1)
        .not_valid_before(since.replace(microsecond=0))
        .not_valid_after(_NO_END)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(secret, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return DocumentKey(secret, certificate)


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _derived(seed: bytes, context: bytes, length: int) -> bytes:
    return HKDFExpand(hashes.SHA256(), length, context).derive(seed)
