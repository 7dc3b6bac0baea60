"""What all models of the interface share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from gateway.base.clock import to_text

Time = Annotated[
    datetime,
    PlainSerializer(to_text, return_type=str, when_used="json"),
    Field(description="RFC 3339 in UTC with milliseconds.", examples=["2026-01-31T08:00:00.000Z"]),
]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Signature = Annotated[
    str,
    StringConstraints(min_length=1, max_length=1024),
    Field(description="Base64 (RFC 4648) of an Ed25519 signature.", examples=["c2lnbmF0dXJlLi4u"]),
]


class In(BaseModel):
    """What a request says: nothing undocumented in it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Out(BaseModel):
    """What an answer says, read off the rooms' dataclasses.

    `passing` are members that change while nobody changes anything: `If-Match` does not speak of them.
    """

    passing: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


def example(**values: Any) -> ConfigDict:
    """A model's configuration with one example."""
    return ConfigDict(json_schema_extra={"examples": [values]})
