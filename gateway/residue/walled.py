"""The gate in the sandbox: the values it searches for come from hostile originals, so it has walls and a clock too.

Rendition and values go down in sealed memory; kinds, places and counts come back. Whatever else happens (no answer in
time, no memory left, a death) is `NotVerified`, and never clean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from gateway.base.problems import Refused, TooLarge, Unprocessable
from gateway.base.units import GIB, MIB
from gateway.residue.model import (
    DocumentExpectation,
    Expectation,
    Finding,
    Kind,
    PictureExpectation,
    Report,
    RetypedExpectation,
    StructuredExpectation,
    TableExpectation,
    TextExpectation,
    VideoExpectation,
    WithheldSet,
    WithheldValue,
)
from gateway.sandbox.ports import Limits, Sandbox

TASK = "gateway.residue.task:verify"
# The same, with the decoder of videos loaded beforehand.
VIDEO_TASK = "gateway.residue.video_task:verify"
_PIXELS_PER_CPU_S = 6_000_000
FOREIGN_TASK = "gateway.residue.task:search"
_SORTS: tuple[type[Expectation], ...] = (
    TableExpectation,
    PictureExpectation,
    DocumentExpectation,
    VideoExpectation,
    RetypedExpectation,
    StructuredExpectation,
    TextExpectation,
)


class NotVerified(Refused):
    """The gate came to no answer, so the rendition stays where it is."""

    slug = "not-verified"
    title = "The rendition could not be verified"


def check(
    sandbox: Sandbox, rendition: bytes, expectation: Expectation, withheld: WithheldSet, reference: bytes = b""
) -> Report:
    """What `gate.check` says of `rendition`, within bounds of time and memory. Raises `NotVerified`."""
    (report,) = _reports(sandbox, ((rendition, expectation),), withheld, reference)
    return report


def require_clean(sandbox: Sandbox, texts: Sequence[tuple[bytes, TextExpectation]], withheld: WithheldSet) -> None:
    """Have `gate.check` find nothing in any of `texts`, within the same bounds. Raises `ResidueFound`, `NotVerified`.

    The set is made searchable once for all of them.
    """
    for report in _reports(sandbox, texts, withheld):
        report.require_clean()


def search(
    sandbox: Sandbox, untrusted: bytes, media_type: str, withheld: WithheldSet, told: Mapping[str, Sequence[str]]
) -> Report:
    """What `gate.check_foreign` says of a file from elsewhere, within the same bounds. Raises `NotVerified`.

    `told` is empty where the reader of its format could not read it: then only its bytes are searched.
    """
    values, texts = packed(withheld), json.dumps({place: list(one) for place, one in told.items()}).encode()
    data = b"".join((values, texts, untrusted))
    request: dict[str, Any] = {"media_type": media_type, "values_bytes": len(values), "told_bytes": len(texts)}
    try:
        reply = sandbox.run(FOREIGN_TASK, request, data, limits_for(len(data)))
        (report,) = map(json.loads, reply.blobs)
        return _report(report)
    except (Unprocessable, TooLarge, ValueError, KeyError, TypeError, IndexError) as error:
        raise NotVerified(
            "The file could not be searched in the time and memory that one file may take; split it and its original."
        ) from error


def _reports(
    sandbox: Sandbox, checked: Sequence[tuple[bytes, Expectation]], withheld: WithheldSet, reference: bytes = b""
) -> tuple[Report, ...]:
    values = packed(withheld)
    data = b"".join((values, *(one for one, _ in checked), reference))
    request: dict[str, Any] = {
        "checked": [
            {"size_bytes": len(one), "sort": type(expectation).__name__, "expectation": asdict(expectation)}
            for one, expectation in checked
        ],
        "values_bytes": len(values),
    }
    try:
        task, limits = TASK, limits_for(len(data))
        for _, one in checked:
            if isinstance(one, VideoExpectation):
                task, limits = VIDEO_TASK, limits_for_frames(limits, one)
        reply = sandbox.run(task, request, data, limits)
        return tuple(_report(json.loads(told)) for told, _ in zip(reply.blobs, checked, strict=True))
    except (Unprocessable, TooLarge, ValueError, KeyError, TypeError, IndexError) as error:
        raise NotVerified(
            "The rendition could not be verified in the time and memory that one file may take; split the original or "
            "shorten what its cells hold."
        ) from error


def limits_for(size_bytes: int) -> Limits:
    """How long and how large the search through so many bytes may grow; several times what it was measured to need."""
    cpu_s = 60 + 4 * size_bytes // MIB
    return Limits(memory_bytes=3 * GIB + 24 * size_bytes, cpu_s=cpu_s, wall_s=2 * cpu_s, output_bytes=4 * MIB)


def limits_for_frames(limits: Limits, expected: VideoExpectation) -> Limits:
    """More time by what is decoded and looked at; several times what it was measured to need."""
    width_px, height_px = expected.size_px
    cpu_s = limits.cpu_s + width_px * height_px * expected.frames // _PIXELS_PER_CPU_S
    return replace(limits, cpu_s=cpu_s, wall_s=2 * cpu_s)


def packed(withheld: WithheldSet) -> bytes:
    """The set on its way to the child."""
    values = [(value.text, value.place) for value in withheld.values]
    return json.dumps([values, list(withheld.shown), list(withheld.constants)]).encode()


def unpacked(data: bytes) -> WithheldSet:
    """The inverse of `packed`."""
    values, shown, constants = json.loads(data)
    return WithheldSet(tuple(WithheldValue(*value) for value in values), frozenset(shown), frozenset(constants))


def expected(sort: str, fields: dict[str, Any]) -> Expectation:
    """An expectation from its fields as they came through JSON."""
    kind = next(one for one in _SORTS if one.__name__ == sort)
    return kind(**{name: _frozen(value) for name, value in fields.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _report(told: dict[str, Any]) -> Report:
    return Report(
        medium=str(told["medium"]),
        parsers=tuple(map(str, told["parsers"])),
        passed=tuple(map(str, told["passed"])),
        findings=tuple(Finding(Kind(kind), str(place), field) for kind, place, field in told["findings"]),
        counts={str(name): int(count) for name, count in told["counts"].items()},
        read_by=str(told["read_by"]),
    )
