"""The line to the server: repeated with care, refusals raised as problems of their family, bytes checked.

A write carries its own Idempotency-Key and is repeated under it when the line breaks, so that it is carried out once.
Where the server says `Retry-After`, the same request is sent again after that long, within `patience_s`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final, Self, TypeVar

import httpx

from gateway.base.canon import Json
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
from gateway.cli.shapes import made

API: Final = "/api/v1"
CHUNK_BYTES: Final = 1 << 18
_TRIES: Final = 3
_FAMILIES: Final[Mapping[int, type[Problem]]] = {
    400: Usage,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: Usage,
    409: Refused,
    410: NotFound,
    412: Conflict,
    413: TooLarge,
    415: Usage,
    416: Usage,
    422: Unprocessable,
    429: Unavailable,
    503: Unavailable,
    507: Unavailable,
}
# Problems of 422 that say that something differs, not that content cannot be taken.
_DIFFERENCES: Final = frozenset(
    {"digest-mismatch", "statement-mismatch", "bytes-changed", "signature-invalid", "check-failed", "blob-damaged"}
)
_LATER: Final = frozenset({409, 429, 503})

_T = TypeVar("_T")


class ServerProblem(Problem):
    """What the server answered instead: its sentence, and the family it belongs to.

    Each is raised as a subclass of its family too, so that `except NotFound` catches what the server did not find.
    """

    slug: ClassVar[str] = "server-problem"

    def __init__(self, family: type[Problem], told: Mapping[str, Any], status: int) -> None:
        super().__init__(str(told.get("detail") or told.get("title") or "The server refused without a reason."))
        self.family = family
        self.status = status
        self.told_slug = str(told.get("type", "")).rpartition("/")[2] or family.slug
        self.told_title = str(told.get("title", family.title))
        self.members = {k: v for k, v in told.items() if k not in {"type", "title", "status", "detail"}}


# As what a problem of each family is raised.
_RAISED: Final[Mapping[type[Problem], type[ServerProblem]]] = {
    Problem: ServerProblem,
    **{one: type(f"Server{one.__name__}", (ServerProblem, one), {}) for one in {*_FAMILIES.values(), CheckFailed}},
}


class NoAnswer(Unavailable):
    """Nobody answers at the address."""

    slug = "no-answer"
    title = "The server does not answer"


class AnswerUnreadable(Unavailable):
    """What answers does not speak as a gateway does."""

    slug = "answer-unreadable"
    title = "The answer cannot be read"


class PackageDiffers(CheckFailed):
    """What arrived is not what the gateway names."""

    slug = "package-differs"
    title = "The bytes arrived damaged"


class Line:
    """One connection to one server, as one person or as nobody. Use as a context manager, or close it.

    `ca_file` holds the certificates to trust instead of the system's.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        ca_file: Path | None = None,
        patience_s: float = 30,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._patience_s = patience_s
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=httpx.Timeout(120, connect=10),
            verify=_trusting(ca_file),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def ready(self) -> bool:
        """Whether the server answers and has everything it needs."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def _get(self, kind: type[_T], path: str, params: Mapping[str, Any] | None = None) -> _T:
        answer = self._sent("GET", path, params=params)
        with reading():
            return made(kind, answer.json(), answer.headers.get("ETag"))

    def _read(self, path: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        answer = self._sent("GET", path, params=params)
        with reading():
            return {**answer.json()}

    def _bytes(self, path: str, params: Mapping[str, Any] | None = None) -> bytes:
        return self._sent("GET", path, params=params).content

    def _pages(self, shape: type[_T], path: str, name: str, /, **asked: str | None) -> Iterator[_T]:
        """Everything in a list, fetched page by page as it is drawn; `asked` are filters."""
        params = {filter_: value for filter_, value in asked.items() if value is not None}
        while True:
            page = self._read(path, params)
            with reading():
                shown = [made(shape, one) for one in page[name]]
            yield from shown
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def _write(
        self,
        kind: type[_T],
        method: str,
        path: str,
        body: Mapping[str, Json] | None = None,
        *,
        if_match: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        stream: Callable[[], Iterator[bytes]] | None = None,
        once: bool = False,
    ) -> _T:
        told = {} if once else {"Idempotency-Key": secrets.token_urlsafe(18)}
        told |= headers or {}
        if if_match is not None:
            told["If-Match"] = if_match
        content: bytes | None = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode()
            told["Content-Type"] = "application/json"
        tries = 1 if once else _TRIES
        answer = self._sent(method, path, params=params, headers=told, content=stream or content, tries=tries)
        with reading():
            return made(kind, answer.json())

    def _sent(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        tries: int = _TRIES,
    ) -> httpx.Response:
        """The answer, or what the server says instead; sent again where that is safe."""
        until = time.monotonic() + self._patience_s
        broken = 0
        while True:
            body = content() if callable(content) else content
            try:
                answer = self._http.request(method, _at(path), params=params, headers=headers, content=body)
            except httpx.RequestError as error:
                broken += 1
                if broken == tries or isinstance(error, httpx.ConnectError):
                    raise _no_answer() from error
                continue
            pause_s = _pause(answer)
            if pause_s is None or time.monotonic() + pause_s > until:
                return _good(answer)
            time.sleep(pause_s)

    def _download(self, path: str, sink: BinaryIO, sha256: str | None, *, method: str = "GET") -> str:
        """Write an answer into `sink`; its SHA-256, or `PackageDiffers` where another is named."""
        digest = hashlib.sha256()
        with self._streamed(path, method) as chunks:
            for chunk in chunks:
                digest.update(chunk)
                sink.write(chunk)
        if sha256 is not None and digest.hexdigest() != sha256:
            raise PackageDiffers("The bytes that arrived are not those that the gateway names; fetch them again.")
        return digest.hexdigest()

    def _once(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Iterator[bytes] | None = None,
    ) -> httpx.Response:
        """One try, for what is not to be repeated as it is."""
        try:
            return _good(self._http.request(method, _at(path), headers=headers, content=content))
        except httpx.RequestError as error:
            raise _no_answer() from error

    @contextmanager
    def _streamed(self, path: str, method: str = "GET", params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        try:
            with self._http.stream(method, _at(path), params=params) as answer:
                if not answer.is_success:
                    answer.read()
                    _good(answer)
                yield answer.iter_bytes(CHUNK_BYTES)
        except httpx.RequestError as error:
            raise _no_answer() from error


@contextmanager
def reading() -> Iterator[None]:
    """Whatever cannot be read of an answer inside is one problem, `AnswerUnreadable`."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise AnswerUnreadable("What answers here is not a gateway of this version; check GATEWAY_URL.") from error


def base64_of(data: bytes) -> str:
    """RFC 4648, with padding."""
    return base64.b64encode(data).decode("ascii")


def _at(path: str) -> str:
    return path if path.startswith(("/healthz", "/readyz", "/metrics", "/problems/")) else f"{API}{path}"


def _trusting(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Usage("The file of trusted certificates cannot be read; give one in PEM form.") from error


def _pause(answer: httpx.Response) -> float | None:
    """After how many seconds the same request may be sent again; None where it should not be."""
    told = answer.headers.get("Retry-After", "")
    return float(told) if answer.status_code in _LATER and told.isdecimal() else None


def _good(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    try:
        told = response.json()
    except (ValueError, RecursionError):
        told = {}
    told = told if isinstance(told, dict) else {}
    family = _FAMILIES.get(response.status_code, Problem)
    if str(told.get("type", "")).rpartition("/")[2] in _DIFFERENCES:
        family = CheckFailed
    raise _RAISED[family](family, told, response.status_code)


def _no_answer() -> NoAnswer:
    return NoAnswer("The server does not answer; see that it runs, and check GATEWAY_URL.")
