"""What somebody sees of an original or a rendition: one page or one window of it, made anew from its real bytes.

1. Nothing is read but under an opening of whoever looks; its entry is durable before the first byte.
2. Hostile or not, bytes are parsed in the sandbox. What goes to the browser is pixels or text that we wrote.
3. Nothing of it is kept: neither here nor by the browser.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

from gateway.app import Gateway, built_in_formats
from gateway.formats.model import Structured, Table
from gateway.formats.ports import NOTHING, Format
from gateway.formats.surface import Spot
from gateway.people.model import Actor
from gateway.render.service import NotRendered
from gateway.sandbox.budget import Budgeted
from gateway.web.api.originals import SurveysBusy

ROWS: Final = 200
_CELL_CHARS: Final = 300
_LINES: Final = 400
# Each look parses a whole file in a child process; more at once would only take one another's memory.
_LOOKS: Final = threading.BoundedSemaphore(2)
_PATIENCE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What is looked at: bytes under an id in the log, of a media type."""

    object_id: str
    subject: str
    media_type: str

    @property
    def drawn(self) -> bool:
        """Whether it is seen as a picture of itself."""
        return form_of(self.media_type).name not in {"table-csv", "table-workbook", "text"}


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows of a table; `first` counts as spreadsheets do, where the header is row 1. Where it cannot be read
    `problem` says why.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    first: int
    total: int
    problem: str = ""


@cache
def _formats() -> tuple[Format, ...]:
    return built_in_formats()


def form_of(media_type: str) -> Format:
    """The format that reads this media type, or `NotRendered` where none does."""
    for form in _formats():
        if media_type in form.media_types:
            return form
    raise NotRendered("This sort of file is not shown on a page; fetch its bytes through the interface.")


def picture(gateway: Gateway, actor: Actor, seen: Seen, spot: Spot) -> bytes:
    """One page, picture or frame as a PNG of ours."""
    form = form_of(seen.media_type)
    with _opened(gateway, actor, seen) as untrusted:
        return form.look(untrusted, seen.media_type, Budgeted(gateway.sandbox), spot).png()


def window(gateway: Gateway, actor: Actor, seen: Seen, first: int, declared: Mapping[str, str] = NOTHING) -> Window:
    """So many rows of a table from row `first` on; of text, its lines in one column. `declared` as a person did."""
    form = form_of(seen.media_type)
    with _opened(gateway, actor, seen) as untrusted:
        content = form.read(untrusted, seen.media_type, Budgeted(gateway.sandbox), declared)
        if not isinstance(content, Table):
            return _lines(untrusted if isinstance(content, Structured) else b"", first)
    start = max(0, first - 2)
    rows = content.frame.slice(start, ROWS).iter_rows()
    return Window(content.headers, tuple(tuple(map(_cut, row)) for row in rows), start + 2, content.row_count)


def _lines(untrusted: bytes, first: int) -> Window:
    lines = untrusted.decode("utf-8-sig", "replace").splitlines()
    start = max(0, first - 2)
    return Window(("",), tuple((_cut(one),) for one in lines[start : start + _LINES]), start + 2, len(lines))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _CELL_CHARS else f"{cell[:_CELL_CHARS]}…"


@contextmanager
def _opened(gateway: Gateway, actor: Actor, seen: Seen) -> Iterator[bytes]:
    if not _LOOKS.acquire(timeout=_PATIENCE_S):
        raise SurveysBusy("Others are looking at files; try again in a minute.", retry_after_s=60)
    try:
        with gateway.openings.open(actor.person_id, seen.object_id, seen.subject) as opened:
            untrusted = opened.read()
        yield untrusted
    finally:
        _LOOKS.release()
