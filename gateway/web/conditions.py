"""Conditional requests (RFC 9110, 13): what the client has already, and the state that it means to change.

Every ETag is strong. That of a document is a digest of its bytes; that of stored bytes is their object's id, since an
object never changes and a digest would tell something to whoever sees headers alone. Where a document says something in
passing, such as how far a worker is, its tag has a second part behind a dot: both parts name these bytes, and the first
alone the state that `If-Match` speaks of, which nobody changes by going on with their work.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header
from pydantic import BaseModel
from starlette.responses import Response

from gateway.base.problems import Conflict, Usage
from gateway.web.schemas.common import Out

_TAGS: Final = re.compile(r'\s*(?:\*|(?:W/)?"[!#-~]*"(?:\s*,\s*(?:W/)?"[!#-~]*")*)\s*')
_TAG: Final = re.compile(r'(?:W/)?"[!#-~]*"')


class Changed(Conflict):
    """The resource is not in the state that `If-Match` names."""

    slug = "changed-meanwhile"
    title = "It was changed meanwhile"


class ConditionMalformed(Usage):
    """A condition that names no entity tags."""

    slug = "condition-malformed"
    title = "The condition cannot be read"


@dataclass(frozen=True, slots=True)
class Known:
    """The entity tags of what the client has already."""

    tags: str | None

    def has(self, etag: str) -> bool:
        """Whether the representation with this tag is among them, by weak comparison."""
        told = _read(self.tags)
        return "*" in told or etag in {one.removeprefix("W/") for one in told}

    def shown(self, model: BaseModel) -> Response:
        """`model` with its tag, or 304 where the client has it already."""
        return self._answer(body_of(model), "application/json", tag_of(model))

    def document(self, body: bytes, media_type: str) -> Response:
        """The same for bytes in memory."""
        return self._answer(body, media_type, etag_of(body))

    def _answer(self, body: bytes, media_type: str, etag: str) -> Response:
        if self.has(etag):
            return unmodified(etag)
        return Response(body, media_type=media_type, headers={"ETag": etag})


async def known_of(
    if_none_match: Annotated[
        str | None,
        Header(max_length=4096, description="ETags the client has; 304 where the present one is among them."),
    ] = None,
) -> Known:
    """What the sender of this request has already."""
    return Known(if_none_match)


def expecting(if_match: str | None, current: Callable[[], BaseModel]) -> Callable[[], None]:
    """A check that raises `Changed` unless the present state is among those that `If-Match` names (strongly)."""
    wanted = {_lasting(tag) for tag in _read(if_match)}

    def check() -> None:
        if wanted and "*" not in wanted and _lasting(tag_of(current())) not in wanted:
            raise Changed("This is no longer what you looked at; read it again and decide anew.")

    return check


def body_of(model: BaseModel) -> bytes:
    """The one representation of `model`: what is sent, and what its tag is drawn from."""
    return model.model_dump_json(by_alias=True).encode()


def etag_of(body: bytes) -> str:
    """The strong tag of a document."""
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(body).digest()[:18]).decode("ascii")}"'


def tag_of(model: BaseModel) -> str:
    """The strong tag of a model's one representation, in two parts where it says something in passing."""
    whole = etag_of(body_of(model))
    said = {name for name in model.passing if getattr(model, name) is not None} if isinstance(model, Out) else set()
    if not said:
        return whole
    return f"{etag_of(body_of(model.model_copy(update=dict.fromkeys(said))))[:-1]}.{whole[1:]}"


def object_etag(object_id: str) -> str:
    """The strong tag of stored bytes."""
    return f'"{object_id}"'


def unmodified(etag: str) -> Response:
    """304: the client has it already."""
    return Response(status_code=304, headers={"ETag": etag})


InKnown = Annotated[Known, Depends(known_of)]


def _lasting(tag: str) -> str:
    """A tag without what was said in passing."""
    first, dot, _ = tag.partition(".")
    return f'{first}"' if dot else tag


def _read(tags: str | None) -> frozenset[str]:
    if tags is None:
        return frozenset()
    if not _TAGS.fullmatch(tags):
        raise ConditionMalformed(
            "Send the ETag as it came, in double quotes; several between commas; or an asterisk alone."
        )
    return frozenset({"*"}) if tags.strip() == "*" else frozenset(_TAG.findall(tags))
