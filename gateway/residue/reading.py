"""The gate reads pixels: what is legible in a rendition is searched like any other text of it.

1. The surfaces of a rendition are its picture, its pages at half their size, or of a video the first frame, the last
and one a second between them, fewer where they would be too many. 2. The gate's own decoders make their pixels once
more, in the sandbox. 3. A reader says which lines of text are in them. 4. Each line, each row of lines and each line
with the next below it is searched, in the sandbox again. A withheld value is a finding; what nearly is one (`near`) is
not, but a person must look at it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from gateway.base.problems import TooLarge, Unprocessable
from gateway.base.units import MIB
from gateway.detect.model import TEXT
from gateway.residue.layout import Passage, passages, within
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    Finding,
    Kind,
    Near,
    PictureExpectation,
    Rectangle,
    Report,
    VideoExpectation,
    WithheldSet,
)
from gateway.residue.pixels import STEP
from gateway.residue.ports import Reader
from gateway.residue.walled import NotVerified, limits_for, limits_for_frames, packed
from gateway.sandbox.ports import Sandbox

PIXELS_TASK = "gateway.residue.task:pixels"
COMPARE_TASK = "gateway.residue.task:compare"
VIDEO_PIXELS_TASK = "gateway.residue.video_task:pixels"
MAX_PIXELS = 120_000_000
MAX_FRAMES = 60
_BATCH_BYTES = 64 * MIB
_UNREAD = NotVerified(
    "What is written in the rendition's pixels could not be read in the time and memory that one file may take; split "
    "the original."
)


class TooMuchToRead(TooLarge):
    """A rendition has more pixels than are read."""

    slug = "too-much-to-read"
    title = "There is too much to read"


@dataclass(frozen=True, slots=True)
class Surface:
    """Something to read: its number, what it is called, its size as it is read, and how often it was made smaller."""

    number: int
    name: str
    size_px: tuple[int, int]
    step: int = 1

    def place(self, box: Rectangle) -> str:
        """Where something on it is, for a report."""
        return f"{self.name} at {' '.join(map(str, box))}"


# On which surface, where on it, and of which field of the original, where that is known.
Hit = tuple[Surface, Rectangle, str | None]


def surfaces(expected: Expectation) -> tuple[Surface, ...]:
    """What of such a rendition is read; nothing where there are no pixels. Raises `TooMuchToRead`."""
    match expected:
        case PictureExpectation():
            found = [Surface(0, "the picture", expected.size_px)]
        case DocumentExpectation():
            sizes = [(-(-width_px // STEP), -(-height_px // STEP)) for width_px, height_px in expected.sizes_px]
            found = [Surface(number, f"page {number + 1}", size, STEP) for number, size in enumerate(sizes)]
        case VideoExpectation():
            found = [Surface(number, f"frame {number + 1}", expected.size_px) for number in _sampled(expected)]
        case _:
            found = []
    if sum(one.size_px[0] * one.size_px[1] for one in found) > MAX_PIXELS:
        raise TooMuchToRead(
            f"The rendition has more than {MAX_PIXELS // 1_000_000} million pixels to read; split the original."
        )
    return tuple(found)


def _sampled(expected: VideoExpectation) -> list[int]:
    """The first frame, the last, and between them one a second, or as many as may be read."""
    last = expected.frames - 1
    most = min(MAX_FRAMES, MAX_PIXELS // (expected.size_px[0] * expected.size_px[1])) - 1
    parts = max(1, min(-(-last // expected.fps), most))
    return sorted({last * part // parts for part in range(parts + 1)})


def read(
    sandbox: Sandbox, reader: Reader, rendition: bytes, expected: Expectation, withheld: WithheldSet, report: Report
) -> Report:
    """`report` with what is read in the pixels of `rendition`; as it is where there are none.

    Raises `TooMuchToRead`, `NotVerified`, and what the reader raises.
    """
    wanted = surfaces(expected)
    if not wanted:
        return report
    version = reader.version()
    found = [
        (surface, passage)
        for surface, rgb in _pixels(sandbox, rendition, expected, wanted)
        for passage in legible(reader, surface, rgb)
    ]
    hits, near = searched(sandbox, found, withheld)
    counts = {"surfaces_read": len(wanted), "passages_read": len(found)}
    return replace(
        report,
        read_by=version,
        passed=report.passed if hits else (*report.passed, "read"),
        findings=(*report.findings, *(Finding(Kind.READ, one.place(box), field) for one, box, field in hits)),
        near=tuple(Near(one.number, box, field) for one, box, field in near),
        counts={**report.counts, **counts},
    )


def _pixels(
    sandbox: Sandbox, rendition: bytes, expected: Expectation, wanted: Sequence[Surface]
) -> Iterator[tuple[Surface, bytes]]:
    """The RGB rows of each surface, a bounded number of them at a time."""
    task, limits = PIXELS_TASK, limits_for(len(rendition))
    if isinstance(expected, VideoExpectation):
        task, limits = VIDEO_PIXELS_TASK, limits_for_frames(limits, expected)
    for batch in _batches(wanted):
        request: dict[str, Any] = {
            "sort": type(expected).__name__,
            "expectation": asdict(expected),
            "surfaces": [one.number for one in batch],
        }
        sizes = [3 * one.size_px[0] * one.size_px[1] for one in batch]
        try:
            reply = sandbox.run(task, request, rendition, replace(limits, output_bytes=sum(sizes) + MIB))
        except (Unprocessable, TooLarge) as error:
            raise _UNREAD from error
        if [len(rgb) for rgb in reply.blobs] != sizes:
            raise _UNREAD
        yield from zip(batch, reply.blobs, strict=True)


def _batches(wanted: Sequence[Surface]) -> Iterator[list[Surface]]:
    batch: list[Surface] = []
    size_bytes = 0
    for one in wanted:
        batch.append(one)
        size_bytes += 3 * one.size_px[0] * one.size_px[1]
        if size_bytes >= _BATCH_BYTES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def legible(reader: Reader, surface: Surface, rgb: bytes) -> Iterator[Passage]:
    """What a reader reads on a surface, in passages that are placed in the rendition's own pixels."""
    return passages(
        [
            Passage((left * surface.step, top * surface.step, width * surface.step, height * surface.step), one.words)
            for one in reader.read(*surface.size_px, rgb)
            if one.sort == TEXT and one.words
            for left, top, width, height in [one.place]
        ]
    )


def searched(
    sandbox: Sandbox, found: Sequence[tuple[Surface, Passage]], withheld: WithheldSet
) -> tuple[list[Hit], list[Hit]]:
    """Where passages say a withheld value, and where they nearly do, as `gate.compare` says within bounds of time and
    memory. Raises `NotVerified`.
    """
    values = packed(withheld)
    data = values + json.dumps([passage.text for _, passage in found]).encode()
    try:
        reply = sandbox.run(COMPARE_TASK, {"values_bytes": len(values)}, data, limits_for(len(data)))
        said, nearly = json.loads(reply.blobs[0])
        return _distinct(found, _checked(said, len(found))), _distinct(found, _checked(nearly, len(found)))
    except (Unprocessable, TooLarge, ValueError, TypeError, IndexError) as error:
        raise _UNREAD from error


def _checked(untrusted: Any, count: int) -> list[tuple[int, str | None]]:
    found = [(index, field) for index, field in untrusted]
    for index, field in found:
        if type(index) is not int or not 0 <= index < count or not isinstance(field, str | None):
            raise ValueError("a find at no place")
    return sorted(found, key=lambda one: (one[0], one[1] or ""))


def _distinct(found: Sequence[tuple[Surface, Passage]], said: Sequence[tuple[int, str | None]]) -> list[Hit]:
    """The finds, without those in joined lines that only repeat one in a line of them."""
    kept: list[Hit] = []
    for index, field in said:
        surface, passage = found[index]
        if not any(one == surface and of == field and within(box, passage.box) for one, box, of in kept):
            kept.append((surface, passage.box, field))
    return kept
