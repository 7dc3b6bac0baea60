"""The line to the server: writes repeated under their own Idempotency-Key, refusals raised as `ServerProblem`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Self, cast

import httpx

from gateway.base.canon import Json
from gateway.base.problems import (
    CheckFailed,
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

CHUNK_BYTES = 1 << 18
_TRIES = 3
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


class Line:
    """One connection to one server, as one person or as nobody. Use as a context manager, or close it."""

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
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

    def ready(self) -> bool:
        """Whether the server answers and has everything it needs."""
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

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
            return _answer(self._http.request(method, f"/api/v1{path}", headers=headers, content=content))
        except httpx.TransportError as error:
            raise _no_answer() from error

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
