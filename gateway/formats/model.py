"""The words formats and policy share: fields of an original, instructions for its rendition.

`Field` is one thing in an original that a policy can name. `Plan` is what a policy made of all fields. A format
rebuilds exactly what the plan names; what the plan does not name does not exist in the rendition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import polars as pl

from gateway.base.canon import Json, canonical
from gateway.base.text import comparable
from gateway.formats.cells import packed
from gateway.formats.typed import Block

# Between the words of a path in a field's label.
PATH_SEPARATOR = " › "


class Element(StrEnum):
    """What sort of thing a field is."""

    COLUMN = "column"
    METADATA = "metadata"
    REGION = "region"
    PAGE = "page"
    TEXT = "text"
    ANNOTATION = "annotation"
    FORM_FIELD = "form_field"
    LAYER = "layer"
    BLOCK = "block"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in source pixels after orientation: left, top, width, height."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a region of a video is at a time of its own, counted from the video's beginning."""

    at_ms: int
    box: Box


class Source(StrEnum):
    """Who says that the field is there."""

    SURVEY = "survey"
    REVIEWER = "reviewer"
    DETECTOR = "detector"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing in an original that a policy can name.

    `id` is stable within the original (`column/4`, `metadata/EXIF:Model`, `region/2`, `page/3`, `text/3/17`). `label`
    is what the original calls it (raw header, tag, the words of a text) and never leaves the gateway. `name` is the
    canonical path, tag or region class, or None where the survey cannot name it. `classes` is what its values say it
    is (EMAIL, PHONE, …). `box` lies on `page`, counted from 1; a picture has no pages, and 0 says so.
    `headings` are the texts of the page that say what a figure on it is. `path` says of a region of a video where it is
    at which time, linear between, and nowhere before and after; `box` is then what holds all of it. `on` are the ids of
    the layers and blocks of a drawing that it stands on, and leaves with all of them or not at all; `layer` is what the
    drawing calls its layer. `named` says how a column got its name, or why it has none; a survey leaves it empty.
    """

    id: str
    element: Element
    label: str
    name: str | None
    classes: frozenset[str] = frozenset()
    source: Source = Source.SURVEY
    box: Box | None = None
    count: int = 0
    page: int = 0
    headings: tuple[str, ...] = ()
    path: tuple[Moment, ...] = ()
    on: tuple[str, ...] = ()
    layer: str = ""
    named: str = ""


class Op(StrEnum):
    """Actions that the formats here carry out."""

    DROP = "drop"
    STRIP = "strip"
    BOX = "box"
    AGGREGATE = "aggregate"
    SUPPRESS = "suppress"
    INDEX = "index"
    BUCKET = "bucket"
    ROUND = "round"
    TRUNCATE_DATE = "truncate_date"
    GENERIC_NAME = "generic_name"
    MASK = "mask"
    PSEUDONYMISE = "pseudonymise"
    CROP = "crop"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Transform:
    """An action with its declared parameters.

    aggregate `{how: sum|mean|count, to: str, unit: str, …}` (how rows become groups, the plan says) ·
    suppress `{below: str, unit: str}` (which cells, the case's `where` says) · index `{over: field, base: str, by:
    [field…], to: str}` · generic_name `{names: {comparable: name}}` · bucket `{edges: [str…], unit: str}` · round `{to:
    str, unit: str}` · truncate_date `{to: year|quarter|month}` · mask `{keep_last: int}` · pseudonymise `{scope:
    release|table|row, prefix: str}` · the others `{}`.
    Numbers are decimal text: there are no floats anywhere.
    """

    op: Op
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Case:
    """A transform and the rows it holds for.

    `where` is a conjunction: canonical field name → `comparable` values (or what knows of each whether it is meant);
    empty means every row.
    Of all cases whose `where` holds, the strictest applies; where none holds the cell is dropped. A row that lacks
    the named field fails a loosening case and satisfies a withholding one (`withholds`). `rows` are those that a person
    picked, counted from 0; without any it is all of them.
    """

    where: tuple[tuple[str, Container[str]], ...]
    transform: Transform
    rank: int
    code: str
    rule: str
    rows: frozenset[int] = frozenset()

    @property
    def withholds(self) -> bool:
        """Whether this case removes the value altogether."""
        return self.transform.op in (Op.DROP, Op.STRIP, Op.BOX, Op.SUPPRESS)


@dataclass(frozen=True, slots=True)
class Instruction:
    """What to do with one field.

    `title` is the policy's own name for the field in the rendition (never the original's header); `value_type` is
    text, decimal, integer, date or enum, and says how a transform reads the cell, strictly.
    """

    field_id: str
    name: str
    element: Element
    title: str
    value_type: str
    cases: tuple[Case, ...]
    box: Box | None = None
    page: int = 0
    path: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a workbook says of itself beside its table. No word of it comes from the original.

    `sheet` and `name` are what the sheets of the table and of the notice are called; `facts` are pairs of words;
    `lines` stand under `columns`; `remarks` explain how to read the table.
    """

    sheet: str = "Table"
    name: str = "Notice"
    heading: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    lines: tuple[tuple[str, ...], ...] = ()
    remarks: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Row by row how it looks (heading, fact, blank, head, line or remark) and its cells."""
        yield "heading", (self.heading,)
        yield from (("fact", fact) for fact in self.facts)
        yield from (("remark", (remark,)) for remark in self.remarks)
        yield "blank", ()
        yield "head", self.columns
        yield from (("line", line) for line in self.lines)


class TableOutput(StrEnum):
    """In which form a table leaves."""

    AS_ORIGINAL = "as_original"
    CSV = "csv"
    XLSX = "xlsx"


class DrawingOutput(StrEnum):
    """In which form a drawing leaves."""

    PDF = "pdf"
    PNG = "png"


class DocumentOutput(StrEnum):
    """In which form a document leaves."""

    PDF = "pdf"
    AS_ORIGINAL = "as_original"


@dataclass(frozen=True, slots=True)
class FilmBounds:
    """The most that a video shows: rows of pixels on its shorter side, frames a second, seconds."""

    lines: int = 1080
    fps: int = 30
    seconds: int = 300


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows leave as groups: by which fields, and how many different values of `entity` each needs.

    No one of them may give more than the share `dominance` of anything that leaves of a group.
    """

    by: tuple[str, ...]
    entity: str
    k: int
    dominance: Decimal


@dataclass(frozen=True, slots=True)
class Plan:
    """All instructions for one rendition. A field without an instruction is dropped.

    `table`, `document` and `drawing` are the forms in which these leave, `film` the most that a video shows, `notice`
    what a workbook or a drawing's sheet says of itself. With `margin` pages carry their mark in the margin alone. With
    `grouping` the rows of a table leave as groups and in no other way. With `assessed` a table is handed along beside
    its bytes. `decided_by` names policy and kind. `order` keys the order of the rows where something else than the
    release does. `fingerprint` is the seed of a picture's hidden mark, where it carries one.
    """

    instructions: tuple[Instruction, ...]
    table: TableOutput = TableOutput.AS_ORIGINAL
    notice: Notice = Notice()
    film: FilmBounds = FilmBounds()
    document: DocumentOutput = DocumentOutput.PDF
    drawing: DrawingOutput = DrawingOutput.PDF
    margin: bool = False
    grouping: Grouping | None = None
    assessed: bool = False
    order: bytes | None = None
    decided_by: str = ""
    fingerprint: bytes | None = field(default=None, repr=False)

    def keyed_on(self, digest: bytes) -> bytes:
        """What the order of a table's rows hangs on besides the release: the table's digest, and as what it leaves.

        Under another policy or with other columns the rows of one table stand in another order: two renditions of it
        cannot be laid side by side.
        """
        columns: Json = [[one.field_id, one.title] for one in self.instructions if one.element is Element.COLUMN]
        return hashlib.sha256(digest + canonical([self.decided_by, columns])).digest()


@dataclass(frozen=True, slots=True)
class Mark:
    """The visible mark: who received this copy, of which release, on which day (`2026-01-31`).

    `rehearsal` renders say REHEARSAL beside it, large, and are never releasable.
    """

    recipient: str
    release_id: str
    date: str
    rehearsal: bool = False

    @property
    def text(self) -> str:
        """The mark in one line, the same in every format."""
        head = "REHEARSAL · " if self.rehearsal else ""
        return f"{head}{self.recipient} · {self.release_id} · {self.date}"


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A parsed table: every cell is text and none is missing.

    `frame` has a column per header, named as the field that it is (`column/3`). `source` says for people how the
    original was read: `encoding` and `delimiter`, or `sheet`. `digest` is SHA-256 over headers and cells as they are
    packed (`cells`): two tables share it only when they are the same.
    """

    headers: tuple[str, ...]
    frame: pl.DataFrame
    source: Mapping[str, str]
    digest: bytes

    @classmethod
    def of(cls, headers: Sequence[str], columns: Iterable[Iterable[str]], **source: str) -> Table:
        """The table of these cells, column by column; none of them holds a separator of `cells`."""
        series = [
            pl.Series(column_id(number), list(cells), dtype=pl.String, strict=True)
            for number, cells in enumerate(columns, 1)
        ]
        frame = pl.DataFrame(series)
        digest = hashlib.sha256(packed([headers]) + packed(frame.iter_rows())).digest()
        return cls(tuple(headers), frame, source, digest)

    @property
    def row_count(self) -> int:
        """Data rows, without the header."""
        return self.frame.height

    def column(self, field_id: str) -> pl.Series:
        """The cells of the field `field_id`, in row order. Raises `KeyError` where there is no such column."""
        if field_id not in self.frame.columns:
            raise KeyError(field_id)
        return self.frame.get_column(field_id)


def column_id(number: int) -> str:
    """The field id of the column with this number, counted from 1."""
    return f"column/{number}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a structured text: which of which column; `sort` is `s` text, `n` number, `l` true, false or null."""

    column: int
    place: int
    sort: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list of a structured text, known by its number, and what each of its items holds."""

    number: int
    items: tuple[tuple[Leaf | Items, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Structured:
    """Parsed JSON, XML or plain text: every path of it is a column of its own length.

    `columns` holds the values under each path as `column/3`, `labels` what the original calls it. `root` is what the
    document is made of, lists as lists and everything else side by side. `asides` are comments and the like, which
    never leave. `source` says how the original was read (`encoding`). `digest` is SHA-256 over all of it.
    """

    media_type: str
    labels: tuple[str, ...]
    columns: tuple[pl.Series, ...]
    root: tuple[Leaf | Items, ...]
    asides: tuple[str, ...]
    source: Mapping[str, str]
    digest: bytes

    @classmethod
    def of(cls, media_type: str, labels: Sequence[str], rows: Sequence[Sequence[str]]) -> Structured:
        """One list, with an item for every row of texts."""
        columns = tuple(
            pl.Series(column_id(number), [row[number - 1] for row in rows], dtype=pl.String)
            for number in range(1, len(labels) + 1)
        )
        items = tuple(tuple(Leaf(column, place, "s") for column in range(len(labels))) for place in range(len(rows)))
        digest = hashlib.sha256(packed([labels]) + packed(rows)).digest()
        return cls(media_type, tuple(labels), columns, (Items(0, items),), (), {}, digest)

    def column(self, field_id: str) -> pl.Series:
        """The values of the field `field_id` in document order. Raises `KeyError` where there is no such column."""
        for cells in self.columns:
            if cells.name == field_id:
                return cells
        raise KeyError(field_id)


@dataclass(frozen=True, slots=True)
class Picture:
    """Decoded pixels: 8-bit RGB, row-major, oriented, flattened onto white; and the metadata that was beside them.

    `tags` maps `EXIF:Model`, `XMP:…`, `IPTC:…`, `ICC:…`, `PNG:…`, `JFIF:comment` to text values. `lossy` says whether
    the original stored its pixels with loss, `several` whether it has frames or pages after the one that was read.
    """

    width_px: int
    height_px: int
    rgb: bytes
    tags: Mapping[str, str]
    lossy: bool
    several: bool = False


PAGE_DPI = 200


@dataclass(frozen=True, slots=True)
class Word:
    """A word that a page shows, and where, in the page's own pixels.

    The box is as high as the font is, from ascent to descent, so that it says nothing of the letters in it.
    """

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Note:
    """What lies on a page as an object of its own: an annotation (`name` is its sort), a form field (its name), or a
    picture (its number in the document).

    `box` is what it takes up of the page's pixels, or None where nothing of it is drawn.
    """

    element: Element
    name: str
    text: str
    box: Box | None


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it is rastered at `PAGE_DPI`, and the words that it visibly shows, in reading order.

    A page of more than 40 million pixels is rastered more coarsely. `unreadable` says that it shows, or may show, text
    that gives no words: a scan, or glyphs that stand for no character.
    """

    width_px: int
    height_px: int
    words: tuple[Word, ...]
    notes: tuple[Note, ...] = ()
    unreadable: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """A document as pages. Pixels are made page by page when they are asked for: all at once would not fit.

    `raster` gives the pixels of the page with this number, counted from 1, row-major, on opaque white: 8-bit RGB, or
    8-bit grey for a page without colour, as the number of bytes tells.
    `parts` is what is beside the pages, as text: `docinfo:Title`, `XMP:1`, `attachment:1`, `hidden:2` (text of page 2
    that nobody sees), … Of a document that is typed anew, `blocks` are its paragraphs and `counts` says how much of
    what was left behind.
    """

    pages: tuple[Page, ...]
    raster: Callable[[int], bytes]
    parts: Mapping[str, str]
    media_type: str
    blocks: tuple[Block, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """What of a video is wanted: a rectangle, scaled to this size, and `count` frames from `start_ms` on, evenly.

    `only` are the numbers of those among them that are wanted, in order; without any it is all of them.
    """

    area: Box
    size_px: tuple[int, int]
    fps: int
    start_ms: int
    count: int
    only: tuple[int, ...] = ()

    @property
    def numbers(self) -> Sequence[int]:
        """Of the frames that are wanted, counted from 0."""
        return self.only or range(self.count)


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """A video's one picture track, upright. Frames are made when they are asked for: all at once would not fit.

    `frames` gives for each frame of a cut when its picture began, in ms, and its pixels, planar: luma, then both colour
    planes at half the size each way, 8 bits, as broadcast has them (16 is black). `fps` is the mean rate, rounded;
    `matrix` says how colours were made, 1 as in BT.709 and 6 as in BT.601.
    `parts` is what is beside the pictures, as text: `container:title`, `track:2 audio`, `chapter:1`, …
    """

    width_px: int
    height_px: int
    duration_ms: int
    fps: int
    matrix: int
    frames: Callable[[Cut], Iterator[tuple[int, bytes]]]
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DrawingText:
    """A text of a drawing, line by line: the ids of what it stands on, and where it is on the canvas."""

    text: str
    on: tuple[str, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Shown:
    """Some of a drawing in pixels, 8-bit RGB; which lines of which of its texts can be read there, and where.

    A pixel of the canvas at (x, y) is shown at ((x - left) · scale, (y - top) · scale).
    """

    size_px: tuple[int, int]
    rgb: bytes
    words: tuple[tuple[int, int, Box], ...]
    left: float
    top: float
    scale: float


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a drawing is shown: ids of layers and blocks, numbers of texts, and how large it may become."""

    on: frozenset[str]
    texts: frozenset[int]
    area_px: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A drawing of lines and texts. Pixels are made of what is selected when they are asked for.

    `layers` and `blocks` are the names of `layer/1`, `layer/2`, … and how much stands on each; a text's field is
    `text/1`, `text/2`, …. Boxes lie on the canvas, `size_px` large, which holds everything that the drawing shows.
    `parts` is what is beside it, by sort; `left_out` counts what is never drawn. `show` gives None where nothing of the
    selection is there.
    """

    size_px: tuple[int, int]
    layers: tuple[tuple[str, int], ...]
    blocks: tuple[tuple[str, int], ...]
    texts: tuple[DrawingText, ...]
    parts: Mapping[str, tuple[str, ...]]
    left_out: Mapping[str, int]
    show: Callable[[Selection], Shown | None]


Content = Table | Structured | Picture | Pages | Video | Drawing


@dataclass(frozen=True, slots=True)
class RebuiltPage:
    """A page of a document's rendition: its number in the original, its size, its opaque rectangles, in pixels."""

    number: int
    size_px: tuple[int, int]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Shot:
    """A rectangle that is solid from one frame of a video's rendition to another, both included, counted from 0."""

    first: int
    last: int
    box: Box


@dataclass(frozen=True, slots=True)
class RebuiltFilm:
    """A video's rendition: what of the original it shows, and its opaque rectangles."""

    cut: Cut
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Released:
    """The table that a rendition is, as it stands; `order` gives for every place the original's row, counted from 0."""

    frame: pl.DataFrame
    order: Sequence[int]


@dataclass(frozen=True, slots=True)
class Traced:
    """What a picture with a fingerprint is held against: its `ground` in grey, and how many `cells` carry it.

    `plain` are its rows of RGB before anything was laid over them but boxes.
    """

    ground: bytes = field(repr=False)
    ground_px: tuple[int, int]
    plain: bytes = field(repr=False)
    cells: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rendition's bytes with what the gate needs to know about it.

    `headers` are the output columns of a table in order; `boxes` the opaque rectangles and `size_px` the size of a
    picture, both in rendition pixels; `pages` the pages of a document in order; `film` what a video shows; `canvas`
    where the canvas of a drawing lies on its sheet: left, top, scale. `redactions` counts removed and changed things
    per rule. `released` is the table itself, without the mark, where the plan wants it assessed. `untouched` are the
    headers of columns of which every cell leaves as it was read. `traced` is there where it carries a fingerprint.
    """

    data: bytes
    media_type: str
    redactions: Mapping[str, int]
    headers: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    size_px: tuple[int, int] | None = None
    pages: tuple[RebuiltPage, ...] = ()
    film: RebuiltFilm | None = None
    canvas: tuple[float, float, float] | None = None
    released: Released | None = None
    untouched: tuple[str, ...] = ()
    traced: Traced | None = None


def applied(cases: tuple[Case, ...], row: Mapping[str, str]) -> Case | None:
    """The strictest case that holds for `row` (canonical name → raw cell), or None: dropped by default.

    Which row of a table it is nobody says, so that what is withheld in some is withheld.
    """
    holding = [case for case in cases if _holds(case, row)]
    return min(holding, key=lambda case: case.rank, default=None)


def _holds(case: Case, row: Mapping[str, str]) -> bool:
    if case.rows:
        return case.withholds
    for name, wanted in case.where:
        if name not in row:
            return case.withholds
        if comparable(row[name]) not in wanted:
            return False
    return True
