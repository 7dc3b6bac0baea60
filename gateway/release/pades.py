"""A PDF signed as PAdES B-B, or B-T where an authority vouches for the time; nothing here reaches for the network.

The library is imported when the first document is signed: it is large, and most processes never sign one.
"""

from __future__ import annotations

import io
from typing import Any

from cryptography.hazmat.primitives import serialization

from gateway.audit.ports import TimeStamper
from gateway.seal.certificate import DocumentKey

_FIELD, _DIGEST = "Signature", "sha256"
# The signature's place, in hexadecimal digits, is reserved before it is known; an authority's answer is at most 64 KiB.
_RESERVED, _RESERVED_STAMPED = 2 * 8 * 1024, 2 * (64 + 8) * 1024


def signed_pdf(data: bytes, key: DocumentKey, stamper: TimeStamper | None, *, reason: str) -> bytes:
    """`data` with one invisible signature over all of it; raises what the stamper raises."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415
    from pyhanko.sign import fields, signers  # noqa: PLC0415

    sink = io.BytesIO()
    signer = _signer(key)
    signers.PdfSigner(
        signers.PdfSignatureMetadata(
            field_name=_FIELD,
            md_algorithm=_DIGEST,
            subfilter=fields.SigSeedSubFilter.PADES,
            reason=reason,
            certify=True,
            docmdp_permissions=fields.MDPPerm.NO_CHANGES,
        ),
        signer=signer,
        timestamper=None if stamper is None else _asking(stamper, signer),
    ).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(data)),
        bytes_reserved=_RESERVED if stamper is None else _RESERVED_STAMPED,
        output=sink,
    )
    return sink.getvalue()


def _signer(key: DocumentKey) -> Any:
    """The library's signer, which remembers the signature that it made: an authority is asked about just that."""
    from asn1crypto import keys, x509  # noqa: PLC0415
    from pyhanko.sign.signers import SimpleSigner  # noqa: PLC0415
    from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415

    class Remembering(SimpleSigner):
        """A signer with its last signature."""

        made = b""

        def sign_raw(self, data: bytes, digest_algorithm: str) -> bytes:
            """The signature."""
            self.made = super().sign_raw(data, digest_algorithm)
            return self.made

    secret = key.secret.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Remembering(
        signing_cert=x509.Certificate.load(key.der),
        signing_key=keys.PrivateKeyInfo.load(secret),
        cert_registry=SimpleCertificateStore(),  # type: ignore[no-untyped-call]
    )


def _asking(stamper: TimeStamper, signer: Any) -> Any:
    """The deployment's authority in the library's terms: asked once, over the signature, its answer checked by us."""
    from asn1crypto import cms, tsp  # noqa: PLC0415
    from pyhanko.sign.timestamps import TimeStamper as Asked  # noqa: PLC0415

    class Asking(Asked):
        """One authority."""

        async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
            """The token over the signature just made."""
            response = tsp.TimeStampResp.load(stamper.stamp(signer.made).response)
            token: cms.ContentInfo = response["time_stamp_token"]
            if md_algorithm != _DIGEST or not _is_over(token, message_digest):
                raise ValueError("the time stamp is not over this signature")
            return token

    return Asking()  # type: ignore[no-untyped-call]


def _is_over(token: Any, digest: bytes) -> bool:
    told = token["content"]["encap_content_info"]["content"].parsed
    return bool(told["message_imprint"]["hashed_message"].native == digest)
