"""Where a list goes on, as text that only this gateway writes and reads."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request, Response

from gateway.app import Gateway
from gateway.base.problems import Usage
from gateway.keys.model import DEPLOYMENT
from gateway.people.model import Actor
from gateway.seal.envelope import EnvelopeTampered

LIMIT_MAX: Final = 200
_OWN: Final = frozenset({"cursor", "limit"})
_Thing = TypeVar("_Thing")


class CursorRefused(Usage):
    """A cursor that this list did not give to this person."""

    slug = "cursor-refused"
    title = "The cursor does not belong here"


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list one person asks for.

    A cursor is the last id shown, sealed (AES-256-GCM) under the deployment's key for this person, this list and
    these filters. It holds nothing readable, and opens nowhere else.
    """

    gateway: Gateway
    person: str
    path: str
    filters: tuple[tuple[str, str], ...]
    cursor: str | None
    limit: int
    response: Response

    def __call__(
        self, read: Callable[[str | None, int], Sequence[_Thing]], id_of: Callable[[_Thing], str]
    ) -> tuple[Sequence[_Thing], str | None]:
        """What `read` gives for (after, limit), and the cursor of the next page, which is also told as a Link;
        `CursorRefused` before anything is read.

        One more than the limit is read, to know whether there is a next page.
        """
        after = None if self.cursor is None else _opened(self.gateway, self._place(), self.cursor)
        found = read(after, self.limit + 1)
        if len(found) <= self.limit:
            return found, None
        shown = found[: self.limit]
        cursor = _sealed(self.gateway, self._place(), id_of(shown[-1]))
        query = urlencode([*self.filters, ("limit", str(self.limit)), ("cursor", cursor)])
        self.response.headers["Link"] = f'<{self.path}?{query}>; rel="next"'
        return shown, cursor

    def _place(self) -> str:
        return f"cursor/{self.person}/{self.path}?{urlencode(self.filters)}"


async def page_of(
    request: Request,
    response: Response,
    cursor: Annotated[str | None, Query(max_length=256, description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")] = 50,
) -> Page:
    """The page that this request asks for."""
    gateway: Gateway = request.app.state.gateway
    actor: Actor = request.state.actor
    path = request.url.path
    filters = tuple(sorted(one for one in request.query_params.multi_items() if one[0] not in _OWN))
    return Page(gateway, actor.person_id, path, filters, cursor, limit, response)


InPage = Annotated[Page, Depends(page_of)]


def _sealed(gateway: Gateway, place: str, last: str) -> str:
    with gateway.units.read() as session:
        sealed = gateway.keyring.seal_bytes(session, owner=DEPLOYMENT, context=place, data=last.encode())
    return _spelled(sealed)


def _spelled(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")


def _opened(gateway: Gateway, place: str, untrusted_cursor: str) -> str:
    try:
        sealed = _sealed_in(untrusted_cursor)
        with gateway.units.read() as session:
            return gateway.keyring.open_bytes(session, owner=DEPLOYMENT, context=place, sealed=sealed).decode()
    except (EnvelopeTampered, ValueError) as error:
        raise CursorRefused(
            "This cursor is not from this list, with these filters and for you; begin with the first page."
        ) from error


def _sealed_in(untrusted_cursor: str) -> bytes:
    padding = "=" * (-len(untrusted_cursor) % 4)
    sealed = base64.b64decode(untrusted_cursor + padding, altchars=b"-_", validate=True)
    if _spelled(sealed) != untrusted_cursor:
        raise ValueError("a cursor has one spelling: the bits that base64 leaves over are zero")
    return sealed
