"""Acts, checkpoints, and what is said when the log does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.base.canon import Json
from gateway.base.problems import CheckFailed, Conflict, NotFound, Refused, TooLarge, Unavailable, Usage
from gateway.seal.note import Checkpoint

# The one act that erases bodies, and says which.
ERASING = "original.shredded"


class ActMalformed(Usage):
    """An act that cannot become an entry."""

    slug = "act-malformed"
    title = "This act cannot be written into the log"


class EntryTooLarge(TooLarge):
    """An entry past 65,535 bytes."""

    slug = "entry-too-large"
    title = "This entry is too large for the log"


class LogEmpty(Conflict):
    """There is nothing to sign yet."""

    slug = "log-empty"
    title = "The log has no entry yet"


class NoSuchEntry(NotFound):
    """No entry with this index."""

    slug = "no-such-entry"
    title = "No such entry"


class LogShrank(CheckFailed):
    """The log has fewer entries than a checkpoint that was signed over it."""

    slug = "log-shrank"
    title = "The log lost entries"


class LogForked(CheckFailed):
    """The log does not begin with what a checkpoint was signed over."""

    slug = "log-forked"
    title = "The log was rewritten"


class ClockBehind(Unavailable):
    """The host's clock tells an earlier time than the log's newest entry."""

    slug = "clock-behind"
    title = "The clock was set back"


class LogDamaged(CheckFailed):
    """A stored entry, body or node is not what was written."""

    slug = "log-damaged"
    title = "A part of the log differs from what was written"


class RestoreRefused(Refused):
    """There is nothing to restore, or it cannot be restored like this."""

    slug = "restore-refused"
    title = "The log is not restored like this"


@dataclass(frozen=True, slots=True)
class PutBack:
    """A log whose database was put back: what is left of it, and the newest checkpoint, over more, with its text."""

    left: Checkpoint
    known: Checkpoint
    text: str


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done, or refused.

    `type` is dotted (`release.sealed`). `facts` are public: ids, digests, counts, keys, times; never a name or a
    value of a document, which is why their texts are ASCII without spaces. `body` is encrypted; the entry carries
    a salted commitment to it. `matter` and `subject` are ids.
    """

    type: str
    actor: str
    matter: str | None = None
    subject: str | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)
    body: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A C2SP checkpoint as signed text, with what it says: entries and root (32 bytes)."""

    text: str
    size: int
    root: bytes

    @property
    def origin(self) -> str:
        """The log that signed it: its text's first line."""
        return self.text.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Export:
    """An export folder that `verify.py` checks offline, and the checkpoint it ends with."""

    folder: Path
    checkpoint: SignedCheckpoint


class ExtractTooLarge(TooLarge):
    """More entries than an extract carries proofs for."""

    slug = "extract-too-large"
    title = "These are too many entries for an extract"


class FilterMalformed(Usage):
    """A filter that no entry could be asked for with."""

    slug = "filter-malformed"
    title = "Entries cannot be chosen like this"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are wanted: those for which all that is given holds.

    `type` is a whole type, or the beginning of one with its dot (`release.`); times are those of `at`, `since` among
    them and `until` not.
    """

    matter: str | None = None
    actor: str | None = None
    type: str | None = None
    since: str | None = None
    until: str | None = None

    def matches(self, entry: Mapping[str, Any]) -> bool:
        """Whether this entry, as its leaf says it, is wanted."""
        return (
            self.matter in (None, entry.get("matter"))
            and self.actor in (None, entry["actor"])
            and (self.type is None or _is_type(entry["type"], self.type))
            and (self.since is None or entry["at"] >= self.since)
            and (self.until is None or entry["at"] < self.until)
        )

    @property
    def given(self) -> dict[str, str]:
        """What is asked for, by its name."""
        names = ("matter", "actor", "type", "since", "until")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def whole_matter(self) -> bool:
        """Whether this asks for all of one matter, whose completeness can be proven."""
        return self.given.keys() == {"matter"}


def _is_type(told: str, wanted: str) -> bool:
    return told.startswith(wanted) if wanted.endswith(".") else told == wanted


class NoSuchView(Usage):
    """A form in which entries are not written."""

    slug = "no-such-view"
    title = "Entries are not written in this form"
