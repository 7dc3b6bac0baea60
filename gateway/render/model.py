"""Renditions and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from gateway.base.canon import Json
from gateway.base.progress import Progress
from gateway.formats.model import Mark, Rebuilt
from gateway.policy.conditions import Context
from gateway.policy.decisions import Decisions
from gateway.policy.remembered import Remembered
from gateway.render.notice import Language
from gateway.residue.model import Report, WithheldSet


class State(StrEnum):
    """Where a rendition stands."""

    QUEUED = "queued"
    RENDERING = "rendering"
    WAITING = "waiting"
    CLEAN = "clean"
    REVIEWED = "reviewed"
    BLOCKED = "blocked"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that does not hold: which, what it is and was, and the columns it is about; no value, no row."""

    check: str
    limit: str
    observed: str
    places: tuple[str, ...]
    sentence: str

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {
            "check": self.check,
            "limit": self.limit,
            "observed": self.observed,
            "places": list(self.places),
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Witness:
    """What shows it: rows of the original as a spreadsheet numbers them, and what may help.

    Only for who may open the original: it is in no log, no report, and nothing that travels.
    """

    check: str
    rows: tuple[int, ...]
    advice: str = ""

    def to_json(self) -> dict[str, Json]:
        """Canonical."""
        return {"check": self.check, "rows": list(self.rows), "advice": self.advice}


@dataclass(frozen=True, slots=True)
class Assessment:
    """The limits that a rendition was held against, and those that do not hold, with a witness each."""

    limits: Mapping[str, str]
    exceeded: tuple[Exceeded, ...] = ()
    witnesses: tuple[Witness, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every limit does."""
        return not self.exceeded

    @property
    def reason(self) -> str:
        """One sentence for those who may not see a witness."""
        first = self.exceeded[0].sentence
        more = f" {len(self.exceeded) - 1} more limits do not hold." if len(self.exceeded) > 1 else ""
        return f"The rendition tells more than the policy's limits on risk allow: {first}{more}"

    def to_json(self) -> dict[str, Json]:
        """Canonical, without the witnesses."""
        return {
            "limits": dict(sorted(self.limits.items())),
            "held": self.holds,
            "exceeded": [one.to_json() for one in self.exceeded],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What ties a table's rendition to a commitment, as it travels but for the file's name; `slot` is the one used."""

    told: Mapping[str, Json]
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of the choreography came to.

    `clean` has everything; `waiting` has decisions with open questions; `blocked` has a report with findings, or an
    assessment with limits that do not hold; `refused` has a reason. `index` holds the rendition's lines of the withheld
    index, `consents` the ids of those that it rests on. `headers` are those of columns that are asked for, by field ids
    and as they are compared. Only `clean` has a rendition that may be kept, and a table's `proof`.
    """

    state: State
    reason: str | None = None
    decisions: Decisions | None = None
    rebuilt: Rebuilt | None = None
    report: Report | None = None
    withheld: WithheldSet | None = None
    index: tuple[Mapping[str, str], ...] = ()
    consents: tuple[str, ...] = ()
    risk: Assessment | None = None
    proof: Proof | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def rests_on(self) -> tuple[Remembered, ...]:
        """What it rests on of what was remembered of headers."""
        return self.decisions.rests_on if self.decisions else ()


@dataclass(frozen=True, slots=True)
class ReleaseFrame:
    """What a rendition must know of its release: keys, marks and pseudonyms hang on it."""

    release: str
    matter: str
    recipient: str
    profile: str
    mark: Mark
    context: Context
    on: date
    language: Language = "en"


@dataclass(frozen=True, slots=True)
class Rendition:
    """The redacted, marked bytes made of one original for one release, from queue to review.

    `consents` are those that it rests on, `names` the remembered names, `classes` those of which something leaves.
    """

    id: str
    release: str
    matter: str
    original: str
    kind: str
    policy: str
    library_digest: str
    state: State
    author: str
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    decisions_sha256: str | None
    residue_sha256: str | None
    object_id: str | None
    decisions_object: str | None
    residue_object: str | None
    withheld_object: str | None
    witness_object: str | None
    proof_object: str | None
    reason: str | None
    created_at: datetime
    progress: Progress | None = None
    consents: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traceable:
    """A rendition with a fingerprint: what a leaked copy of it is held against, and what the log committed to.

    `ground_sha256` is the same for all copies that show the same of an original. `cells` carry the fingerprint.
    """

    rendition: str
    release: str
    matter: str
    original: str
    commitment: str
    ground_object: str
    ground_sha256: str
    ground_px: tuple[int, int]
    cells: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Shreds:
    """What shredding an original takes along: renditions that are gone, and all objects whose keys must go."""

    renditions: tuple[str, ...]
    objects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """That a worker holds a rendition, and how far it said last that it is."""

    progress: Progress | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one rendition: valid while nobody has claimed it with a higher fence."""

    rendition: str
    fence: int
    attempt: int
