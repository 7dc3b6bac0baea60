"""Renditions, answers and reviews."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StrictBool, StrictInt, model_validator

from gateway.base.progress import Stage
from gateway.policy.answers import Answers
from gateway.render.model import Rendition, State
from gateway.review.model import Verdict
from gateway.web.schemas.common import Id, In, Line, Out, Sha256, Text, Time, example

_RENDITION = "ren_01kag5v3q8m2s7d9x4e6b0cfhn"
Side = Annotated[StrictInt, Field(ge=0, le=1 << 20)]
Moment = Annotated[list[Annotated[StrictInt, Field(ge=0, le=86_400_000)]], Field(min_length=5, max_length=5)]

_Row = Annotated[StrictInt, Field(ge=2, le=1 << 31)]
Rows = Annotated[list[_Row], Field(max_length=10_000, default_factory=list)]
Cells = Annotated[
    dict[str, Annotated[list[_Row], Field(max_length=10_000)]], Field(max_length=10_000, default_factory=dict)
]
Terms = Annotated[
    list[Annotated[str, Field(min_length=2, max_length=200)]], Field(max_length=500, default_factory=list)
]


class RegionIn(In):
    """A rectangle in source pixels after orientation: left, top, width, height; in a document on the page `page`.

    In a video a `path` may stand in its place: moments, each with the milliseconds from the beginning and the rectangle
    then. The region is where they say, in between on the way, and nowhere before and after. A page has 200 pixels to
    the inch, or fewer where it would have more than 40 million in all.
    """

    model_config = example(**{"class": "face"}, box=[120, 80, 64, 64])
    region_class: Annotated[Line, Field(alias="class")]
    box: Annotated[list[Side], Field(min_length=4, max_length=4)] | None = None
    page: Annotated[StrictInt, Field(ge=1, le=10_000)] | None = None
    path: Annotated[list[Moment], Field(min_length=2, max_length=2_000)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if (self.box is None) == (self.path is None):
            raise ValueError("a region has a box, or a path in a video")
        return self


class AnswersIn(In):
    """What a person says about an original: which sheet is the table, what columns are, where regions are, which terms
    a document may show nowhere, which `cells` and `rows` of a table are withheld (its header is row 1). `suggested`
    confirms what a detector found, as the open question calls it; `read` that what the gate read is nothing withheld,
    `statements` that what a document states may be declared. `signatories` are the countries under whose law it is.
    """

    model_config = example(
        columns={"column/4": "customer.name", "column/9": "drop"},
        regions=[{"class": "work_area", "box": [0, 0, 800, 600]}],
        confirmed=True,
    )
    columns: Annotated[dict[str, str], Field(max_length=10_000, default_factory=dict)]
    cells: Cells
    rows: Rows
    regions: Annotated[list[RegionIn], Field(max_length=500, default_factory=list)]
    terms: Terms
    confirmed: StrictBool = False
    suggested: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    read: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    signatories: Annotated[
        list[Annotated[str, Field(pattern="^[A-Z]{2}$")]], Field(max_length=20, default_factory=list)
    ]
    statements: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    sheet: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    source: Annotated[dict[str, str], Field(max_length=3, default_factory=dict)]

    def answers(self) -> Answers:
        """As the room takes it."""
        told = self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"remember"})
        return Answers.from_json(told)


class RemembersIn(AnswersIn):
    """The same, of a rendition that asked. What is answered of the columns in `remember` holds for the matter's other
    originals of this kind too, wherever their headers read the same.
    """

    model_config = example(columns={"column/4": "customer.name", "column/9": "drop"}, remember=["column/9"])
    remember: Annotated[
        list[Annotated[str, Field(pattern="^column/[0-9]{1,7}$")]], Field(max_length=200, default_factory=list)
    ]


class RedactionsIn(In):
    """Regions, terms, rows and cells to add to those a rendition was made with; the header of a table is row 1."""

    model_config = example(regions=[{"class": "badge", "box": [40, 200, 32, 18]}])
    regions: Annotated[list[RegionIn], Field(max_length=500, default_factory=list)]
    terms: Terms
    cells: Cells
    rows: Rows
    confirmed: StrictBool | None = None
    suggested: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None

    @model_validator(mode="after")
    def _adds(self) -> Self:
        if not (self.regions or self.terms or self.rows or any(self.cells.values())):
            raise ValueError("name at least one region, term, row or cell")
        return self

    def added_to(self, old: Answers) -> Answers:
        """The old answers with these beside them."""
        told: dict[str, Any] = dict(old.to_json())
        told["regions"] = [
            *told["regions"],
            *(one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in self.regions),
        ]
        told["terms"] = [*told.get("terms", []), *self.terms]
        cells = told.get("cells", {})
        told["cells"] = cells | {key: sorted({*cells.get(key, []), *rows}) for key, rows in self.cells.items()}
        told["rows"] = sorted({*told.get("rows", []), *self.rows})
        if self.confirmed is not None:
            told["confirmed"] = self.confirmed
        if self.suggested is not None:
            told["suggested"] = self.suggested
        return Answers.from_json(told)


class RenditionIn(In):
    """An original to be rendered for a release; without a policy the one that applies to its kind and context."""

    model_config = example(original="org_01kag5v3q8m2s7d9x4e6b0cfhn", policy="cn-mofcom-single.customer-list")
    original: Id
    policy: Line | None = None
    answers: AnswersIn | None = None


class ProgressOut(Out):
    """How far a worker is: a stage and how many of how many pages, frames or parts of it are done.

    `total` is 0 where nobody can say. `told_at` is when any of it last changed: work that takes long and shows no sign
    since then may be stuck, and is ended in time.
    """

    model_config = example(stage="rebuilding", done=12, total=300, told_at="2026-01-31T08:00:00.000Z")
    stage: Stage
    done: int
    total: int
    told_at: Time


class RenditionOut(Out):
    """A rendition, from queue to review; `reason` says why it waits, is blocked or was refused.

    `progress` is there while it is being rendered, from some seconds on; `If-Match` is not about it.
    """

    passing: ClassVar[frozenset[str]] = frozenset({"progress"})

    model_config = example(
        id=_RENDITION, kind="customer_list", state="clean", policy="cn-mofcom-single.customer-list@1.0.0"
    )
    id: str
    release: str
    matter: str
    original: str
    kind: str
    policy: str
    state: State
    author: str
    media_type: str | None
    size_bytes: int | None
    sha256: str | None
    decisions_sha256: str | None
    residue_sha256: str | None
    reason: str | None
    created_at: Time
    progress: ProgressOut | None

    @classmethod
    def of(cls, rendition: Rendition) -> RenditionOut:
        """As the interface says it."""
        return cls.model_validate(rendition)


class ReviewIn(In):
    """A reviewer's word on the bytes with this SHA-256."""

    model_config = example(
        verdict="reviewed", sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    )
    verdict: Verdict
    sha256: Sha256
    reason: Text | None = None


class ReviewOut(Out):
    """A review as recorded."""

    model_config = example(
        rendition=_RENDITION, reviewer="per_01kag5v3q8m2s7d9x4e6b0cfhn", verdict="reviewed", sha256="9f86d081…"
    )
    rendition: str
    reviewer: str
    verdict: Verdict
    sha256: str
