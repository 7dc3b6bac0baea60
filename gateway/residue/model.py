"""What the gate is told, and what it answers. The answer holds kinds, places and counts, never a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from gateway.base.canon import Json
from gateway.base.problems import Refused

MAX_LISTED = 100
MAX_FINDINGS = 1000
_NAMED = 3
# What a report says where nobody read pixels: for want of somebody, or of pixels.
NOT_READ, NO_PIXELS = "not-read", "no-pixels"


class ResidueFound(Refused):
    """The rendition is not proven clean."""

    slug = "residue-found"
    title = "The rendition is not proven clean"


class UnknownRendition(Refused):
    """No check exists for this sort of file, so it cannot leave."""

    slug = "unknown-rendition"
    title = "The gate has no check for this sort of file"


class Kind(StrEnum):
    """What a finding is."""

    STRUCTURE = "structure"
    TRAILING = "trailing-bytes"
    UNREADABLE = "unreadable"
    SIZE = "size"
    HEADERS = "headers"
    ROWS = "rows"
    MARK = "mark"
    BOX = "box-not-solid"
    UNLIKE = "not-the-original"
    FINGERPRINT = "fingerprint"
    VALUE = "withheld-value"
    NUMBER = "withheld-number"
    ENCODED = "withheld-value-encoded"
    EXACT_PLACE = "withheld-value-in-its-own-field"
    READ = "withheld-value-read"
    BOUND = "search-bound"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason not to let the rendition out: its kind, where in the rendition, and the field of the original."""

    kind: Kind
    place: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class WithheldValue:
    """A value that must not be found. `place` is its field id, then anything (`column/4 row 12`); memory only."""

    text: str
    place: str

    @property
    def field(self) -> str:
        """The id of the field of the original that held it."""
        return self.place.partition(" ")[0]


@dataclass(frozen=True, slots=True)
class WithheldSet:
    """What must not be found, and what is allowed to stand there all the same.

    `shown` are the values that this rendition lawfully shows, as decided, not as found in it. `constants` are texts
    that come from the policy and the gateway and not from the original: titles, bucket labels, reasons, the mark, the
    sentences of a README.
    """

    values: tuple[WithheldValue, ...]
    shown: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()


Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Near:
    """Something legible in pixels that nearly says a withheld value: on which page or frame, counted from 0 (a picture
    has the one), where in the rendition's pixels, and of which field of the original the value is, if that is known.
    """

    surface: int
    box: Rectangle
    field: str | None


@dataclass(frozen=True, slots=True)
class TableExpectation:
    """A table: its headers, the last of which is the mark's; for each other column its field id; its data rows.

    Of a workbook also what its two sheets are called and, row by row, what its notice says.
    """

    headers: tuple[str, ...]
    fields: tuple[str, ...]
    mark_text: str
    rows: int
    media_type: str = "text/csv"
    sheets: tuple[str, ...] = ("Table", "Notice")
    notice: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PictureExpectation:
    """A JPEG or PNG: width and height, opaque boxes as left, top, width, height in rendition pixels, and the mark.

    With `seed`, in hexadecimal, it carries the fingerprint of that seed, and beside it, mark and boxes every pixel is
    to be seen as it was: what is checked is given these pixels, boxes painted, as rows of RGB.
    """

    media_type: str
    size_px: tuple[int, int]
    boxes: tuple[Rectangle, ...]
    mark_text: str
    box_colour: tuple[int, int, int] = (0, 0, 0)
    seed: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DocumentExpectation:
    """A PDF of pages: for each its width and height and its opaque black boxes, in its pixels; and the mark.

    With `originals_px` the mark stands in the margin alone, and beside it and the boxes every page is to be seen as it
    was, in this size: what is checked is given the pixels of all of them beside this, as rows of RGB.
    """

    sizes_px: tuple[tuple[int, int], ...]
    boxes: tuple[tuple[Rectangle, ...], ...]
    mark_text: str
    originals_px: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class VideoExpectation:
    """An MP4 of one track: width and height, frames a second, how many, colours as H.273 numbers them, and the mark.

    `shots` are the opaque black boxes: the first and the last frame of each, counted from 0, then its rectangle.
    """

    size_px: tuple[int, int]
    fps: int
    frames: int
    matrix: int
    shots: tuple[tuple[int, int, int, int, int, int], ...]
    mark_text: str


@dataclass(frozen=True, slots=True)
class RetypedExpectation:
    """A Word document that was typed anew, with this mark.

    `pictures` gives for each its width and height, as it stood on its page, and its opaque black boxes; what is checked
    is given their pixels beside this, one after the other as rows of RGB, without mark and boxes.
    """

    mark_text: str
    pictures: tuple[tuple[tuple[int, int], tuple[Rectangle, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class StructuredExpectation:
    """JSON, XML or plain text made of values: for each title its field id and how many values stand under it."""

    media_type: str
    titles: tuple[str, ...]
    fields: tuple[str, ...]
    counts: tuple[int, ...]
    mark_text: str


@dataclass(frozen=True, slots=True)
class TextExpectation:
    """A text that the gateway wrote itself (README, index, reasons, manifest, report), known by its package name."""

    name: str
    media_type: str = "text/plain"


Expectation = (
    TableExpectation
    | PictureExpectation
    | DocumentExpectation
    | VideoExpectation
    | RetypedExpectation
    | StructuredExpectation
    | TextExpectation
)


@dataclass(frozen=True, slots=True)
class Report:
    """The gate's answer. Clean means no finding; `passed` names the checks that held.

    `read_by` is who read the letters in its pixels, or that nobody did; `near` is what nearly says a withheld value
    there, which a person must look at.
    """

    medium: str
    parsers: tuple[str, ...]
    passed: tuple[str, ...]
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    read_by: str = NO_PIXELS
    near: tuple[Near, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_json(self) -> dict[str, Json]:
        """The report for the package: canonical JSON, no values, no digests of values."""
        return {
            "v": 1,
            "medium": self.medium,
            "clean": self.clean,
            "parsers": list(self.parsers),
            "read_by": self.read_by,
            "passed": list(self.passed),
            "counts": dict(sorted(self.counts.items())),
            "findings": [_finding_json(finding) for finding in self.findings[:MAX_LISTED]],
            "findings_total": len(self.findings),
        }

    def require_clean(self) -> None:
        """Return if clean; otherwise raise `ResidueFound` with one sentence naming kinds and places."""
        if self.clean:
            return
        named = [f"{finding.kind} at {finding.place}" for finding in self.findings[:_NAMED]]
        rest = len(self.findings) - len(named)
        tail = f" and {rest} more" if rest else ""
        raise ResidueFound(
            f"The gate found {', '.join(named)}{tail}; correct the policy or the answers and render again.",
            kinds=sorted({finding.kind.value for finding in self.findings}),
        )


def _finding_json(finding: Finding) -> dict[str, Json]:
    body: dict[str, Json] = {"kind": finding.kind.value, "place": finding.place}
    if finding.field is not None:
        body["field"] = finding.field
    return body


@dataclass(slots=True)
class Ledger:
    """Collects the outcome of one reading: each check either passes by name or leaves findings."""

    medium: str
    parsers: tuple[str, ...]
    passed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    read_by: str = NO_PIXELS

    def note(self, check: str, findings: Iterable[Finding]) -> bool:
        """Record the outcome of `check`; true if it left no finding."""
        found = list(findings)
        self.findings += found
        if not found:
            self.passed.append(check)
        return not found

    def report(self) -> Report:
        """The finished report."""
        findings = tuple(self.findings)
        return Report(self.medium, self.parsers, tuple(self.passed), findings, dict(self.counts), self.read_by)


def unique(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first `MAX_FINDINGS` different findings; a rendition that leaks everywhere need not be read to its end."""
    return iter(dict.fromkeys(islice(findings, MAX_FINDINGS)))
