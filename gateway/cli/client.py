"""A typed client of the gateway's HTTP interface, for the command line and for scripts.

Every write carries its own Idempotency-Key and is repeated under it when the line breaks, so that it is carried out
once. What the server refuses is raised as `ServerProblem`. Private keys stay here: the client signs statements, after
it has checked what they say, and sends signatures.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self, TypeVar, cast
from urllib.parse import quote

import httpx

from gateway.base.canon import Json, canonical
from gateway.base.clock import to_text
from gateway.base.problems import (
    CheckFailed,
    Conflict,
    Forbidden,
    NotFound,
    Problem,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
    Usage,
)
from gateway.seal.signature import SigningKey

DEFAULT_URL = "http://127.0.0.1:8470"
CHUNK_BYTES = 1 << 18
_TRIES = 3
_SETTLED = frozenset({"clean", "waiting", "blocked", "refused", "reviewed", "superseded"})
_FAMILIES: Mapping[int, type[Problem]] = {
    400: Usage,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: Usage,
    409: Refused,
    413: TooLarge,
    415: Usage,
    416: Usage,
    422: Unprocessable,
    503: Unavailable,
    507: Unavailable,
}
# Problems of 422 that say that something differs, not that content cannot be taken.
_DIFFERENCES = frozenset(
    {"digest-mismatch", "statement-mismatch", "bytes-changed", "signature-invalid", "check-failed", "blob-damaged"}
)
_T = TypeVar("_T")


class ServerProblem(Problem):
    """What the server answered instead: its sentence, and the family it belongs to."""

    slug: ClassVar[str] = "server-problem"

    def __init__(self, family: type[Problem], told: Mapping[str, Any], status: int) -> None:
        super().__init__(str(told.get("detail") or told.get("title") or "The server refused without a reason."))
        self.family = family
        self.status = status
        self.told_slug = str(told.get("type", "")).rpartition("/")[2] or family.slug
        self.told_title = str(told.get("title", family.title))
        self.members = {k: v for k, v in told.items() if k not in {"type", "title", "status", "detail"}}


class NoAnswer(Unavailable):
    """Nobody answers at the address."""

    slug = "no-answer"
    title = "The server does not answer"


class RequestDiffers(CheckFailed):
    """An approval request that does not stand for what it shows. It is not signed."""

    slug = "request-differs"
    title = "The approval request does not stand for what it shows"


class RenditionUnfinished(Conflict):
    """The rendition has not come to an end in time."""

    slug = "rendition-unfinished"
    title = "The rendition is not finished"


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token; its text is told once."""

    token: str
    person: str
    scopes: tuple[str, ...]
    expires_at: str


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the gateway knows them."""

    id: str
    name: str
    roles: tuple[str, ...]
    public_key: str
    state: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """One hop of a matter's chain."""

    id: str
    hop: int
    name: str
    recipient_class: str
    language: str
    profiles: tuple[str, ...]
    public_key: str | None
    custody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matter:
    """A demand by an authority."""

    id: str
    title: str
    authority: str
    regime: str
    purpose: str
    round: int
    recipients: tuple[Recipient, ...]
    audit_index: int


@dataclass(frozen=True, slots=True)
class MatterLine:
    """A matter in a list."""

    id: str
    title: str | None
    authority: str
    regime: str
    purpose: str
    round: int
    created_at: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the uploader holds."""

    original: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """One original, redacted and marked for one release."""

    id: str
    release: str
    original: str
    kind: str
    policy: str
    state: str
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """The renditions for one recipient."""

    id: str
    matter: str
    recipient: str
    profile: str
    state: str
    author: str
    manifest_sha256: str | None
    sealed_index: int | None
    package_bytes: int | None
    package_sha256: str | None


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """The exact text to sign, checked against the manifest that it stands for."""

    statement: bytes
    manifest: Mapping[str, Any]
    manifest_sha256: str


class Client:
    """The interface as calls. Use as a context manager, or close it."""

    def __init__(
        self, url: str = DEFAULT_URL, token: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=httpx.Timeout(120, connect=10), transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    # People

    def issue_token(
        self, key: SigningKey, person: str, scopes: Sequence[str], *, lifetime: timedelta = timedelta(hours=8)
    ) -> Token:
        """A token for `person`, who signs for it with their own key here."""
        now = datetime.now(UTC).replace(microsecond=0)
        statement = canonical(
            {
                "type": "disclosure-gateway/token/v1",
                "person": person,
                "scopes": sorted(set(scopes)),
                "nonce": secrets.token_urlsafe(24),
                "issued_at": to_text(now),
                "expires_at": to_text(now + lifetime),
            }
        )
        body: dict[str, Json] = {"statement": statement.decode(), "signature": _base64(key.sign(statement))}
        return _made(Token, self._write("POST", "/tokens", body))

    def me(self) -> Mapping[str, Any]:
        """Who the token stands for."""
        return self._read("/me")

    def people(self) -> tuple[Person, ...]:
        """Everybody."""
        return tuple(_made(Person, one) for one in self._pages("/people", "people"))

    def propose_person(self, name: str, roles: Sequence[str], public_key: str) -> Person:
        """Bring somebody in; a second person has to sign."""
        body: dict[str, Json] = {"name": name, "roles": list(roles), "public_key": public_key}
        return _made(Person, self._write("POST", "/people", body))

    def enrolment_statement(self, person: str) -> bytes:
        """What the second person signs."""
        return str(self._read(f"/people/{person}/enrolment")["statement"]).encode()

    def countersign(self, person: str, signature: bytes) -> Person:
        """Make a proposed person active by a second person's signature."""
        body: dict[str, Json] = {"signature": _base64(signature)}
        return _made(Person, self._write("POST", f"/people/{person}/countersignatures", body))

    # Matters and originals

    def open_matter(self, draft: Mapping[str, Json]) -> Matter:
        """Open a matter; `draft` is the body of `POST /matters`."""
        return _matter(self._write("POST", "/matters", draft))

    def matter(self, matter: str) -> Matter:
        """One matter."""
        return _matter(self._read(f"/matters/{matter}"))

    def matters(self) -> tuple[MatterLine, ...]:
        """All matters, newest first."""
        return tuple(_made(MatterLine, one) for one in self._pages("/matters", "matters"))

    def upload(
        self,
        matter: str,
        kind: str,
        path: Path,
        *,
        file_name: str | None = None,
        progress: Callable[[int], object] = lambda _bytes: None,
    ) -> Receipt:
        """Send the file at `path`, its SHA-256 announced; `progress` is told the number of bytes as they leave."""
        digest, size_bytes = _digest(path)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(size_bytes),
            "Content-Digest": f"sha-256=:{_base64(digest)}:",
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file_name or path.name, safe='')}",
        }
        return _made(
            Receipt,
            self._write(
                "PUT",
                f"/matters/{matter}/originals",
                params={"kind": kind},
                headers=headers,
                stream=lambda: _chunks(path, progress),
            ),
        )

    def classify(self, original: str, answers: Mapping[str, Json]) -> Mapping[str, Any]:
        """Give the four answers that every original needs."""
        return self._write("PUT", f"/originals/{original}/classification", answers)

    def originals(self, matter: str) -> tuple[Mapping[str, Any], ...]:
        """The originals of a matter, oldest first."""
        return tuple(self._pages(f"/matters/{matter}/originals", "originals"))

    def fields(self, original: str) -> Mapping[str, Any]:
        """What a policy can name in an original."""
        return self._read(f"/originals/{original}/fields")

    # Releases and renditions

    def draft(self, matter: str, recipient: str, profile: str) -> Release:
        """Open a draft release for one hop."""
        body: dict[str, Json] = {"recipient": recipient, "profile": profile}
        return _made(Release, self._write("POST", f"/matters/{matter}/releases", body))

    def release(self, release: str) -> Mapping[str, Any]:
        """A release with its renditions, approvals and parts."""
        return self._read(f"/releases/{release}")

    def add(
        self,
        release: str,
        original: str,
        *,
        policy: str | None = None,
        answers: Mapping[str, Json] | None = None,
    ) -> Rendition:
        """Ask for a rendition; see `wait`."""
        body: dict[str, Json] = {"original": original, "answers": _unversioned(answers)}
        if policy is not None:
            body["policy"] = policy
        return _made(Rendition, self._write("POST", f"/releases/{release}/renditions", body))

    def answer(self, rendition: str, answers: Mapping[str, Json]) -> Rendition:
        """Answer a rendition's questions: a new rendition takes its place."""
        return _made(Rendition, self._write("POST", f"/renditions/{rendition}/answers", _unversioned(answers)))

    def rendition(self, rendition: str) -> Rendition:
        """One rendition."""
        return _made(Rendition, self._read(f"/renditions/{rendition}"))

    def wait(self, rendition: str, *, timeout_s: float = 300) -> Rendition:
        """The rendition once a worker has finished it; raises `RenditionUnfinished` after `timeout_s`."""
        until = time.monotonic() + timeout_s
        pause_s = 0.05
        while (found := self.rendition(rendition)).state not in _SETTLED:
            if time.monotonic() > until:
                raise RenditionUnfinished("The rendition is not finished yet; see whether a worker is running.")
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)
        return found

    def rendition_part(self, rendition: str, part: str) -> bytes:
        """The bytes of `content`, `decisions` or `residue`."""
        return self._bytes(f"/renditions/{rendition}/{part}")

    def submit(self, release: str) -> Release:
        """Put a release before its reviewers."""
        return _made(Release, self._write("POST", f"/releases/{release}/submit"))

    def review(self, rendition: str, verdict: str, sha256: str, reason: str | None = None) -> Mapping[str, Any]:
        """A reviewer's word on the bytes with this SHA-256."""
        body: dict[str, Json] = {"verdict": verdict, "sha256": sha256}
        if reason is not None:
            body["reason"] = reason
        return self._write("POST", f"/renditions/{rendition}/reviews", body)

    def approval_request(self, release: str, role: str) -> ApprovalRequest:
        """What an approver in `role` would sign, checked against the manifest shown and the release asked for."""
        told = self._read(f"/releases/{release}/approval-request", params={"role": role})
        return checked_request(told, release)

    def approve(self, release: str, statement: bytes, signature: bytes) -> Mapping[str, Any]:
        """Hand in a signed statement."""
        body: dict[str, Json] = {"statement": statement.decode(), "signature": _base64(signature), "alg": "Ed25519"}
        return self._write("POST", f"/releases/{release}/approvals", body)

    def refuse(self, release: str, reason: str) -> Release:
        """Refuse a release for good."""
        return _made(Release, self._write("POST", f"/releases/{release}/refusals", {"reason": reason}))

    def dispatch(self, release: str) -> Release:
        """Seal and dispatch an approved release."""
        return _made(Release, self._write("POST", f"/releases/{release}/dispatch"))

    def package(self, release: str, sink: BinaryIO) -> str:
        """Write the dispatched package into `sink`; its SHA-256."""
        digest = hashlib.sha256()
        with self._streamed(f"/releases/{release}/package") as chunks:
            for chunk in chunks:
                digest.update(chunk)
                sink.write(chunk)
        return digest.hexdigest()

    def receipt(self, release: str, reference: str) -> Release:
        """Record what came back."""
        return _made(Release, self._write("POST", f"/releases/{release}/receipts", {"reference": reference}))

    def recall(self, release: str, reason: str) -> Release:
        """Record a recall; it cannot unsend."""
        return _made(Release, self._write("POST", f"/releases/{release}/recall", {"reason": reason}))

    # The log

    def checkpoint(self) -> str:
        """The newest signed checkpoint."""
        return self._bytes("/audit/checkpoint").decode()

    def keys(self) -> Mapping[str, Any]:
        """The public keys that outsiders verify with."""
        return self._read("/audit/keys")

    def export(self, sink: BinaryIO) -> None:
        """Write a zip of the log's export folder into `sink`."""
        with self._streamed("/audit/exports", method="POST") as chunks:
            sink.writelines(chunks)

    def ready(self) -> bool:
        """Whether the server answers and has everything it needs."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    # The line

    def _read(self, path: str, params: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", _answer(self._sent("GET", path, params=params)).json())

    def _bytes(self, path: str) -> bytes:
        return _answer(self._sent("GET", path)).content

    def _pages(self, path: str, name: str) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = None
        while True:
            page = self._read(path, {"cursor": cursor} if cursor else None)
            yield from page[name]
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: Callable[[], Iterator[bytes]] | None = None,
    ) -> Mapping[str, Any]:
        told = {"Idempotency-Key": secrets.token_urlsafe(18), **(headers or {})}
        content: bytes | None = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            told["Content-Type"] = "application/json"
        answer = self._sent(method, path, params=params, headers=told, content=stream or content)
        return cast("Mapping[str, Any]", _answer(answer).json())

    def _sent(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
    ) -> httpx.Response:
        for tries in range(1, _TRIES + 1):
            body = content() if callable(content) else content
            try:
                return self._http.request(method, f"/api/v1{path}", params=params, headers=headers, content=body)
            except httpx.ConnectError as error:
                raise _no_answer() from error
            except httpx.TransportError as error:
                if tries == _TRIES:
                    raise _no_answer() from error
        raise _no_answer()

    @contextmanager
    def _streamed(self, path: str, method: str = "GET") -> Iterator[Iterator[bytes]]:
        try:
            with self._http.stream(method, f"/api/v1{path}") as answer:
                if not answer.is_success:
                    answer.read()
                    _answer(answer)
                yield answer.iter_bytes(CHUNK_BYTES)
        except httpx.TransportError as error:
            raise _no_answer() from error


def checked_request(told: Mapping[str, Any], release: str | None = None) -> ApprovalRequest:
    """An approval request whose statement, manifest and release agree, or `RequestDiffers`."""
    try:
        statement, manifest = str(told["statement"]).encode(), cast("Mapping[str, Any]", told["manifest"])
        said = json.loads(statement)
        digest = hashlib.sha256(canonical(manifest)).hexdigest()
        named = (said["manifest_sha256"], told["manifest_sha256"])
        about = (said["release"], manifest["release"])
    except (KeyError, TypeError, ValueError) as error:
        raise RequestDiffers("This is not an approval request; fetch it from the server again.") from error
    if set(named) != {digest}:
        raise RequestDiffers("The statement is about other bytes than the manifest shown; nothing was signed.")
    if len({*about, release or about[0]}) != 1:
        raise RequestDiffers("The statement is about another release than the one asked for; nothing was signed.")
    return ApprovalRequest(statement, manifest, digest)


def _answer(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        told = response.json()
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    family = _FAMILIES.get(response.status_code, Problem)
    if str(told.get("type", "")).rpartition("/")[2] in _DIFFERENCES:
        family = CheckFailed
    raise ServerProblem(family, told, response.status_code)


def _no_answer() -> NoAnswer:
    return NoAnswer("The server does not answer; see that it runs, and check GATEWAY_URL.")


def _made(kind: type[_T], told: Mapping[str, Any]) -> _T:
    """`told` as a dataclass; members that this version does not know are left out."""
    values = {one.name: told.get(one.name) for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _matter(told: Mapping[str, Any]) -> Matter:
    recipients = [_made(Recipient, {**one, "recipient_class": one["class"]}) for one in told["recipients"]]
    return _made(Matter, {**told, "recipients": recipients})


def _unversioned(answers: Mapping[str, Json] | None) -> dict[str, Json]:
    return {name: value for name, value in (answers or {}).items() if name != "v"}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _digest(path: Path) -> tuple[bytes, int]:
    digest, size_bytes = hashlib.sha256(), 0
    for chunk in _chunks(path, lambda _bytes: None):
        digest.update(chunk)
        size_bytes += len(chunk)
    return digest.digest(), size_bytes


def _chunks(path: Path, progress: Callable[[int], object]) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
            progress(len(chunk))
