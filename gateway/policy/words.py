"""Small typed words that policies, kinds and tests are made of. All come in as strings; see `strict_yaml`."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema

from gateway.base.problems import Problem
from gateway.base.text import clean_line

CLASSES = ("PERSON", "EMAIL", "PHONE", "PASSPORT", "NATIONAL_ID", "IBAN", "MONEY")
# Read in pictures only.
SEEN_CLASSES = ("USCC", "LEI", "GPS", "PLATE")
PERSONAL = frozenset({"PERSON", "EMAIL", "PHONE", "PASSPORT", "NATIONAL_ID"})


class Strict(BaseModel):
    """Unknown keys are errors, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def _line(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text; write it as one line")  # noqa: TRY004 (pydantic reads ValueError)
    try:
        return clean_line(value, what="text", max_chars=600)
    except Problem as problem:
        raise ValueError(problem.detail.rstrip(".") + "; rewrite it") from problem


def _whole(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"0|[1-9][0-9]{0,8}", value):
        raise ValueError("must be a whole number; rewrite it")
    return int(value)


def _flag(value: object) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be `true` or `false`; rewrite it")
    return value == "true"


def day(value: object) -> date:
    """A day written `2026-01-31`. Raises ValueError."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("must be a day such as 2026-01-31; rewrite it")
    return date.fromisoformat(value)


_NUMBER_OR_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}

_SMALL = "lower-case letters, digits and"
# What each pattern asks for, in words: whoever writes a policy need not read patterns.
FORMS = {
    r"^[a-z][a-z0-9-]{0,59}$": f"write {_SMALL} hyphens, a letter first",
    r"^[a-z][a-z0-9-]{0,39}(\.[a-z][a-z0-9-]{0,39}){1,3}$": "write it as `group.name`, in lower case",
    r"^(0|[1-9][0-9]{0,4})(\.(0|[1-9][0-9]{0,4})){2}$": "write three numbers, such as 1.0.0",
    r"^[a-z][a-z0-9.-]{0,119}@[0-9]{1,5}(\.[0-9]{1,5}){0,2}$": "write a policy and its version, such as `group.name@1`",
    r"^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,39}){0,3}$": f"write {_SMALL} underscores, such as `end_user.name`",
    r"^[a-z][a-z0-9_]{0,39}$": f"write {_SMALL} underscores, a letter first",
    r"^[a-z0-9_.*]{1,120}$": f"write {_SMALL} underscores, and `*` for anything",
    r"^[^\[\]?]{1,120}$": "write a text without brackets and question marks, and `*` for anything",
    r"^(all|first|last|[1-9][0-9]{0,2}(-[1-9][0-9]{0,2})?)$": "write all, first, last, or numbers such as 2 or 4-7",
    rf"^({'|'.join((*CLASSES, *SEEN_CLASSES))})$": f"write one of {', '.join((*CLASSES, *SEEN_CLASSES))}",
}
_WORD, _POLICY, _VERSION, _PARENT, _FIELD, _NAME, _GLOB, _TEXT_GLOB, _PAGES, _CLASS = FORMS

Line = Annotated[str, BeforeValidator(_line)]
Word = Annotated[str, StringConstraints(pattern=_WORD)]
PolicyId = Annotated[str, StringConstraints(pattern=_POLICY)]
Version = Annotated[str, StringConstraints(pattern=_VERSION)]
ParentRef = Annotated[str, StringConstraints(pattern=_PARENT)]
FieldName = Annotated[str, StringConstraints(pattern=_FIELD)]
RegionName = Annotated[str, StringConstraints(pattern=_NAME)]
KindName = RegionName
FieldGlob = Annotated[str, StringConstraints(pattern=_GLOB)]
TextGlob = Annotated[str, StringConstraints(pattern=_TEXT_GLOB)]
PageSpan = Annotated[
    str,
    StringConstraints(pattern=_PAGES),
    WithJsonSchema({"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
DataClass = Annotated[str, StringConstraints(pattern=_CLASS)]
Value = Annotated[str, StringConstraints(max_length=200), WithJsonSchema(_NUMBER_OR_TEXT)]
Whole = Annotated[int, BeforeValidator(_whole), WithJsonSchema({"type": "integer", "minimum": 0})]
Flag = Annotated[bool, BeforeValidator(_flag), WithJsonSchema({"type": "boolean"})]
Day = Annotated[
    date, BeforeValidator(day), PlainSerializer(date.isoformat), WithJsonSchema({"type": "string", "format": "date"})
]


class Text(Strict):
    """One sentence or title in the languages of a package."""

    en: Line
    zh: Line
