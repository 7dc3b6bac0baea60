"""What a trace says: copies and their custody, never people."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.base.canon import Json
from gateway.base.problems import Refused, Unavailable, Unprocessable

# What every report says beside its numbers. A copy leads to those who held it, and this is all it leads to.
CAUTION = (
    "This names a copy, not a person. Whoever held the copy can have passed it on: the recipients in its custody, "
    "those who rendered, reviewed, approved or dispatched it here, and whoever controls the host, a backup or the "
    "tracing key. Look at the log for who opened it before anybody is asked."
)


class TracingMissing(Unavailable):
    """What finds a leaked picture among the renditions is not installed."""

    slug = "tracing-missing"
    title = "Tracing is not installed"


class TraceUnclear(Unprocessable):
    """What the child said of a leaked picture does not add up."""

    slug = "trace-unclear"
    title = "The picture could not be held against the renditions"


class NotTraceable(Refused):
    """The file is nothing that is traced here."""

    slug = "not-traceable"
    title = "This sort of file cannot be traced"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A copy whose code the leaked picture carries.

    `by_chance` bounds the probability that any of the copies that were tested, had none of them made the picture, would
    have scored as high. `left` says whether its release was handed over; `entry` is the one that committed to
    its code and its ground when it was made.
    """

    rendition: str
    release: str
    matter: str
    original: str
    recipient: str
    custody: tuple[str, ...]
    left: bool
    score: float
    by_chance: float
    commitment: str
    entry: int

    def to_json(self) -> dict[str, Json]:
        """For people and programs; numbers with fractions are text."""
        return {
            "rendition": self.rendition,
            "release": self.release,
            "matter": self.matter,
            "original": self.original,
            "recipient": self.recipient,
            "custody": list(self.custody),
            "left": self.left,
            "score": f"{self.score:.2f}",
            "by_chance": f"{self.by_chance:.1e}",
            "commitment": self.commitment,
            "entry": self.entry,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The copies that a file was made from, best first; none of them is nobody.

    `file_sha256` says of which file; `tested` how many copies were held against it, `hypotheses` how many codes times
    ways to lay it over them; `needed` the score that accuses at `bound`; `best` the highest score, whatever it says.
    `shredded` copies have nothing left to test, and `uncommitted` are renditions whose code or ground is not what the
    log committed to: they accuse nobody. `found_in` are the originals whose renditions the file shows.
    """

    id: str
    file_sha256: str
    tested: int
    hypotheses: int
    shredded: int
    uncommitted: tuple[str, ...]
    found_in: tuple[str, ...]
    bound: float
    needed: float
    best: float
    candidates: tuple[Candidate, ...]
    evidence: bytes = field(default=b"", repr=False)

    @property
    def is_nobody(self) -> bool:
        """Whether no copy can be named."""
        return not self.candidates

    def to_json(self) -> dict[str, Json]:
        """For people and programs, without the evidence; numbers with fractions are text."""
        return {
            "id": self.id,
            "file_sha256": self.file_sha256,
            "tested": self.tested,
            "hypotheses": self.hypotheses,
            "shredded": self.shredded,
            "uncommitted": list(self.uncommitted),
            "found_in": list(self.found_in),
            "bound": f"{self.bound:.1e}",
            "needed": f"{self.needed:.2f}",
            "best": f"{self.best:.2f}",
            "candidates": [one.to_json() for one in self.candidates],
            "caution": CAUTION,
        }


@dataclass(frozen=True, slots=True)
class Laid:
    """A leaked picture laid over a ground: how many features fit, how it looks there, and what it differs by.

    `differences` holds the same grid several times, once for each way of laying it over.
    """

    ground: int
    matches: int
    mirrored: bool
    over: bytes = field(repr=False)
    differences: tuple[bytes, ...] = field(repr=False)
