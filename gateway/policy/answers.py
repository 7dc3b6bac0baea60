"""What a person said about an original: which field a column is, where the regions are, how a table is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gateway.base.canon import Json
from gateway.base.text import comparable
from gateway.formats.model import Box, Moment
from gateway.policy.problems import AnswersInvalid

DROP = "drop"
_MAX_COLUMNS = 10_000
_MAX_REGIONS = 500
_MAX_PX = 1 << 20
_MAX_SHEET_CHARS = 255
_MAX_PAGE = 10_000
_MAX_MOMENTS = 2_000
_MAX_MS = 24 * 3600 * 1000
_MAX_TERMS = 500
_MAX_TERM_CHARS = 200
_MIN_TERM_CHARS = 2
_MAX_ROWS = 10_000
_FIRST_ROW = 2
_MAX_SIGNATORIES = 20
_KEYS = frozenset(
    {
        "v",
        "columns",
        "cells",
        "rows",
        "regions",
        "terms",
        "confirmed",
        "suggested",
        "read",
        "sheet",
        "source",
        "signatories",
        "statements",
    }
)
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,39}")
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,159}")
_SOURCE = re.compile(r"[a-z0-9_-]{1,20}|[,;|\t]")
_SOURCE_KEYS = frozenset({"encoding", "delimiter", "frame"})
_NAME_ASKED = re.compile(r"[0-9a-f]{32}")
_LAST_ROW = 1 << 31
_COLUMN = re.compile(r"column/[0-9]{1,7}")
_WHICH_ROWS = (
    f"`rows` is a list of at most {_MAX_ROWS} rows, counted from 2 as the header is row 1; `cells` maps field ids such "
    "as column/14 to such lists."
)
_SIGNATORY = re.compile(r"[A-Z]{2}")
_FIELD = re.compile(r"column/[0-9]{1,7}|picture/[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class Region:
    """A region that a person drew: its class, where it is, and on which page (0: a picture has none).

    In a video it may have a `path`, and `box` then holds all of it.
    """

    name: str
    box: Box
    page: int = 0
    path: tuple[Moment, ...] = ()

    @classmethod
    def along(cls, name: str, path: tuple[Moment, ...]) -> Region:
        """The region of a video that is where `path` says."""
        boxes = [moment.box for moment in path]
        left, top = min(box.left_px for box in boxes), min(box.top_px for box in boxes)
        right = max(box.left_px + box.width_px for box in boxes)
        bottom = max(box.top_px + box.height_px for box in boxes)
        return cls(name, Box(left, top, right - left, bottom - top), path=path)

    def to_json(self) -> dict[str, Json]:
        """Canonical; the page only where there is one, and a path in place of the box."""
        if self.path:
            return {"class": self.name, "path": path_json(self.path)}
        box: Json = [self.box.left_px, self.box.top_px, self.box.width_px, self.box.height_px]
        return {"class": self.name, "box": box, **({"page": self.page} if self.page else {})}


@dataclass(frozen=True, slots=True)
class Answers:
    """Field id → canonical name or `drop`; drawn regions; whether everything was looked at; a sheet's name.

    Of a document's picture an answer can only say `drop`.

    `cells` of these columns and `rows` of a table are withheld, counted as spreadsheets do: the header is row 1.
    `terms` are words that a document may show nowhere. `source` declares the encoding or delimiter of a table where
    what would be told from its bytes is wrong, or that the first frame of a picture is the one that is meant.
    `suggested` confirms the regions that a detector suggested, by the name under which they were; `read` in the same
    way that what the gate nearly read in a rendition is nothing withheld, and `statements` that what a document states
    may be declared. `signatories` are the countries under whose law it is.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    confirmed: bool = False
    sheet: str | None = None
    terms: tuple[str, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)
    suggested: str = ""
    read: str = ""
    cells: Mapping[str, frozenset[int]] = field(default_factory=dict)
    rows: frozenset[int] = frozenset()
    signatories: tuple[str, ...] = ()
    statements: str = ""

    def taken_out(self, field_id: str) -> frozenset[int]:
        """Which cells of a column are withheld, the first row being 0."""
        return frozenset(row - _FIRST_ROW for row in self.rows | self.cells.get(field_id, frozenset()))

    @property
    def last_row(self) -> int:
        """The highest row of a table that they speak of, counted as `rows` are; 0 where they speak of none."""
        return max((0, *self.rows, *(row for rows in self.cells.values() for row in rows)))

    @property
    def declared(self) -> Mapping[str, str]:
        """Everything a person said about how the original is to be read."""
        return self.source if self.sheet is None else {**self.source, "sheet": self.sheet}

    def to_json(self) -> dict[str, Json]:
        """Canonical; `from_json` reads it back. What declares nothing has no `source`."""
        declared: dict[str, Json] = {"source": dict(sorted(self.source.items()))} if self.source else {}
        return {
            "v": 1,
            **declared,
            "columns": {key: self.columns[key] for key in sorted(self.columns)},
            **({"cells": {key: sorted(self.cells[key]) for key in sorted(self.cells)}} if self.cells else {}),
            **({"rows": sorted(self.rows)} if self.rows else {}),
            "regions": [region.to_json() for region in self.regions],
            **({"terms": list(self.terms)} if self.terms else {}),
            "confirmed": self.confirmed,
            **({"suggested": self.suggested} if self.suggested else {}),
            **({"read": self.read} if self.read else {}),
            **({"signatories": list(self.signatories)} if self.signatories else {}),
            **({"statements": self.statements} if self.statements else {}),
            **({} if self.sheet is None else {"sheet": self.sheet}),
        }

    @classmethod
    def from_json(cls, untrusted: Any) -> Answers:
        """Read answers from parsed JSON; every part may be left out. Raises `AnswersInvalid`."""
        if not isinstance(untrusted, dict) or not set(untrusted) <= _KEYS:
            raise AnswersInvalid(
                "Answers are an object with the keys columns, cells, rows, regions, terms, confirmed, suggested, read, "
                "sheet, source, signatories and statements."
            )
        if untrusted.get("v", 1) != 1:
            raise AnswersInvalid("These answers have another version than 1; write them anew.")
        confirmed = untrusted.get("confirmed", False)
        if not isinstance(confirmed, bool):
            raise AnswersInvalid("`confirmed` is true or false.")
        sheet = untrusted.get("sheet")
        if sheet is not None and not (isinstance(sheet, str) and 0 < len(sheet) <= _MAX_SHEET_CHARS):
            raise AnswersInvalid(f"`sheet` is a sheet's name of at most {_MAX_SHEET_CHARS} characters.")
        return cls(
            columns=_columns(untrusted.get("columns", {})),
            regions=_regions(untrusted.get("regions", [])),
            confirmed=confirmed,
            sheet=sheet,
            terms=_terms(untrusted.get("terms", [])),
            source=_source(untrusted.get("source", {})),
            suggested=_name(untrusted, "suggested"),
            read=_name(untrusted, "read"),
            cells=_cells(untrusted.get("cells", {})),
            rows=_rows(untrusted.get("rows", [])),
            signatories=_signatories(untrusted.get("signatories", [])),
            statements=_name(untrusted, "statements"),
        )


def _name(untrusted: dict[str, Any], key: str) -> str:
    """A name that an open question gave, repeated."""
    name = untrusted.get(key)
    if name is not None and not (isinstance(name, str) and _NAME_ASKED.fullmatch(name)):
        raise AnswersInvalid(f"`{key}` is the name of 32 characters that the open question gives; copy it.")
    return name or ""


def _signatories(untrusted: Any) -> tuple[str, ...]:
    sentence = "`signatories` lists countries in two capitals (ISO 3166-1), such as DE, each once."
    if not isinstance(untrusted, list) or len(untrusted) > _MAX_SIGNATORIES:
        raise AnswersInvalid(sentence)
    if not all(isinstance(one, str) and _SIGNATORY.fullmatch(one) for one in untrusted):
        raise AnswersInvalid(sentence)
    if len(set(untrusted)) != len(untrusted):
        raise AnswersInvalid(sentence)
    return tuple(untrusted)


def _source(untrusted: Any) -> dict[str, str]:
    sentence = (
        "`source` may declare an encoding, such as utf-8 or big5, a delimiter, one of , ; | and tab, and of a picture "
        "with several frames that the first is meant."
    )
    if not isinstance(untrusted, dict) or not _SOURCE_KEYS.issuperset(untrusted):
        raise AnswersInvalid(sentence)
    if not all(isinstance(value, str) and _SOURCE.fullmatch(value) for value in untrusted.values()):
        raise AnswersInvalid(sentence)
    return dict(untrusted)


def _columns(untrusted: Any) -> dict[str, str]:
    if not isinstance(untrusted, dict) or len(untrusted) > _MAX_COLUMNS:
        raise AnswersInvalid("`columns` maps field ids such as column/14 to a canonical field or to drop.")
    for key, name in untrusted.items():
        if not _FIELD.fullmatch(key) or not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AnswersInvalid("`columns` maps field ids such as column/14 to a canonical field or to drop.")
    return dict(untrusted)


def _cells(untrusted: Any) -> dict[str, frozenset[int]]:
    if not isinstance(untrusted, dict) or len(untrusted) > _MAX_COLUMNS:
        raise AnswersInvalid(_WHICH_ROWS)
    if not all(isinstance(key, str) and _COLUMN.fullmatch(key) for key in untrusted):
        raise AnswersInvalid(_WHICH_ROWS)
    return {key: found for key, rows in untrusted.items() if (found := _rows(rows))}


def _rows(untrusted: Any) -> frozenset[int]:
    if not isinstance(untrusted, list) or len(untrusted) > _MAX_ROWS:
        raise AnswersInvalid(_WHICH_ROWS)
    if any(type(row) is not int or not _FIRST_ROW <= row <= _LAST_ROW for row in untrusted):
        raise AnswersInvalid(_WHICH_ROWS)
    return frozenset(untrusted)


def _terms(untrusted: Any) -> tuple[str, ...]:
    sentence = (
        f"`terms` lists at most {_MAX_TERMS} words or phrases of {_MIN_TERM_CHARS} to {_MAX_TERM_CHARS} characters."
    )
    if not isinstance(untrusted, list) or len(untrusted) > _MAX_TERMS:
        raise AnswersInvalid(sentence)
    for term in untrusted:
        if not isinstance(term, str) or len(term) > _MAX_TERM_CHARS or len(comparable(term)) < _MIN_TERM_CHARS:
            raise AnswersInvalid(sentence)
    return tuple(untrusted)


def _regions(untrusted: Any) -> tuple[Region, ...]:
    if not isinstance(untrusted, list) or len(untrusted) > _MAX_REGIONS:
        raise AnswersInvalid(f"`regions` is a list of at most {_MAX_REGIONS} regions.")
    return tuple(_region(item) for item in untrusted)


def path_json(path: tuple[Moment, ...]) -> Json:
    """Moment by moment: when, left, top, width, height."""
    boxes = ((moment.at_ms, moment.box) for moment in path)
    return [[at_ms, box.left_px, box.top_px, box.width_px, box.height_px] for at_ms, box in boxes]


def _path(untrusted: Any) -> tuple[Moment, ...]:
    sentence = (
        f"A path is a list of 2 to {_MAX_MOMENTS} moments [ms, left, top, width, height] in whole milliseconds and "
        "source pixels, in the order of time, with a size above zero."
    )
    if not isinstance(untrusted, list) or not 2 <= len(untrusted) <= _MAX_MOMENTS:
        raise AnswersInvalid(sentence)
    for moment in untrusted:
        if not isinstance(moment, list) or len(moment) != 5 or any(type(one) is not int for one in moment):
            raise AnswersInvalid(sentence)
        at_ms, *box = moment
        if not 0 <= at_ms <= _MAX_MS or not all(0 <= side <= _MAX_PX for side in box) or 0 in box[2:]:
            raise AnswersInvalid(sentence)
    if any(one[0] >= other[0] for one, other in pairwise(untrusted)):
        raise AnswersInvalid(sentence)
    return tuple(Moment(at_ms, Box(*box)) for at_ms, *box in untrusted)


def _region(untrusted: Any) -> Region:
    sentence = (
        "A region is {class, box: [left, top, width, height]} in whole source pixels with a size above zero; in a "
        "document also its page, counted from 1; in a video it may have a path in place of the box."
    )
    if isinstance(untrusted, dict) and set(untrusted) == {"class", "path"}:
        if not isinstance(untrusted["class"], str) or not _CLASS.fullmatch(untrusted["class"]):
            raise AnswersInvalid(sentence)
        return Region.along(untrusted["class"], _path(untrusted["path"]))
    if not isinstance(untrusted, dict) or not {"class", "box"} <= set(untrusted) <= {"class", "box", "page"}:
        raise AnswersInvalid(sentence)
    name, box, page = untrusted["class"], untrusted["box"], untrusted.get("page") or 0
    if not isinstance(name, str) or not _CLASS.fullmatch(name) or not isinstance(box, list) or len(box) != 4:
        raise AnswersInvalid(sentence)
    if any(type(side) is not int or not 0 <= side <= _MAX_PX for side in box) or 0 in box[2:]:
        raise AnswersInvalid(sentence)
    if type(page) is not int or not 0 <= page <= _MAX_PAGE:
        raise AnswersInvalid(sentence)
    return Region(name, Box(*box), page)
