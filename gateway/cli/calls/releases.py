"""Releases, from draft to receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from gateway.base.canon import Json
from gateway.cli.line import Line, base64_of
from gateway.cli.shapes import Approval, ApprovalRequest, Release, ReleaseDetail, checked_request


class ReleaseCalls(Line):
    """What leaves, for whom, and who answers for it."""

    def draft(self, matter: str, recipient: str, profile: str) -> Release:
        """Open a draft release for one hop."""
        body: dict[str, Json] = {"recipient": recipient, "profile": profile}
        return self._write(Release, "POST", f"/matters/{matter}/releases", body)

    def releases(self, matter: str, *, state: str | None = None) -> Iterator[Release]:
        """The releases of a matter, oldest first; with `state` those that stand there alone."""
        return self._pages(Release, f"/matters/{matter}/releases", "releases", state=state)

    def release(self, release: str) -> ReleaseDetail:
        """A release with its renditions, approvals and parts."""
        return self._get(ReleaseDetail, f"/releases/{release}")

    def submit(self, release: str, *, if_match: str | None = None) -> Release:
        """Put a release before its reviewers."""
        return self._write(Release, "POST", f"/releases/{release}/submit", if_match=if_match)

    def document(self, release: str, path: str) -> bytes:
        """One composed document, such as `withheld.csv`."""
        return self._bytes(f"/releases/{release}/files/{quote(path)}")

    def approval_request(self, release: str, role: str) -> ApprovalRequest:
        """What an approver in `role` would sign, checked against the manifest shown and the release asked for."""
        return checked_request(self._read(f"/releases/{release}/approval-request", {"role": role}), release)

    def approve(self, release: str, statement: bytes, signature: bytes, *, if_match: str | None = None) -> Approval:
        """Hand in a signed statement."""
        body: dict[str, Json] = {"statement": statement.decode(), "signature": base64_of(signature), "alg": "Ed25519"}
        return self._write(Approval, "POST", f"/releases/{release}/approvals", body, if_match=if_match)

    def refuse(self, release: str, reason: str, *, if_match: str | None = None) -> Release:
        """Refuse a release for good."""
        return self._write(Release, "POST", f"/releases/{release}/refusals", {"reason": reason}, if_match=if_match)

    def dispatch(self, release: str, *, if_match: str | None = None) -> Release:
        """Seal and dispatch an approved release."""
        return self._write(Release, "POST", f"/releases/{release}/dispatch", if_match=if_match)

    def package(self, release: str, sink: BinaryIO) -> str:
        """Write the dispatched package into `sink`; its SHA-256, which is the one in the log."""
        return self._download(f"/releases/{release}/package", sink, self.release(release).package_sha256 or "")

    def evidence(self, release: str, sink: BinaryIO) -> str:
        """Write evidence of a dispatched release, a zip, into `sink`; its SHA-256."""
        return self._download(f"/releases/{release}/evidence", sink, None)

    def receipt(self, release: str, reference: str, *, if_match: str | None = None) -> Release:
        """Record what came back."""
        body: dict[str, Json] = {"reference": reference}
        return self._write(Release, "POST", f"/releases/{release}/receipts", body, if_match=if_match)

    def recall(self, release: str, reason: str, *, if_match: str | None = None) -> Release:
        """Record a recall; it cannot unsend."""
        return self._write(Release, "POST", f"/releases/{release}/recall", {"reason": reason}, if_match=if_match)
