"""The gate in the sandbox: the same answers as without walls, and never `clean` for want of an answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

import pytest

from gateway.base.canon import Json
from gateway.residue import gate, walled
from gateway.residue.model import Expectation, ResidueFound, TextExpectation, WithheldSet
from gateway.residue.walled import NotVerified
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.process import ProcessSandbox
from tests.support.renditions import (
    encoded,
    picture_expectation,
    rendition,
    table_bytes,
    table_expectation,
    withheld,
)

SECRET = "Nordwind Turbinen AG"
CLEAN = {"medium": "table", "parsers": [], "passed": ["values"], "findings": [], "counts": {}, "read_by": "no-pixels"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    with contextlib.closing(ProcessSandbox((walled.TASK,))) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("data", "expectation"),
    [
        (table_bytes(), table_expectation()),
        (table_bytes([[SECRET, "4821150.77", "y"]] * 3), table_expectation()),
        (table_bytes()[:-1], table_expectation()),
        (encoded(rendition(), "image/jpeg"), picture_expectation("image/jpeg")),
        (encoded(rendition(mark=None, box=False), "image/png"), picture_expectation("image/png")),
        (f"about {SECRET}".encode(), TextExpectation("README.txt")),
    ],
)
def test_it_says_what_the_gate_says(sandbox: ProcessSandbox, data: bytes, expectation: Expectation) -> None:
    values = withheld(SECRET, "4821150.77", "DE", shown=("DK",), constants=("End user",))
    assert walled.check(sandbox, data, expectation, values) == gate.check(data, expectation, values)


def test_several_texts_are_searched_in_one_go_and_none_is_missed(sandbox: ProcessSandbox) -> None:
    values = withheld(SECRET)
    clean = (b"nothing to see", TextExpectation("README.txt"))
    found = (f'{{"to":"{SECRET}"}}'.encode(), TextExpectation("manifest.json", "application/json"))
    walled.require_clean(sandbox, [clean, clean], values)
    for texts in ([found, clean], [clean, found]):
        with pytest.raises(ResidueFound):
            walled.require_clean(sandbox, texts, values)


def test_fewer_answers_than_texts_are_no_answer() -> None:
    told = Told(json.dumps(CLEAN).encode())
    with pytest.raises(NotVerified):
        walled.require_clean(told, [(b"", TextExpectation("a.txt")), (b"", TextExpectation("b.txt"))], withheld(SECRET))


class Told:
    """A sandbox whose child says what it is told to say."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = blobs

    def layers(self) -> frozenset[Layer]:
        return frozenset(Layer)

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        return Reply({}, self.blobs)

    def stream(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Iterator[bytes]:
        return iter(self.blobs)


@pytest.mark.parametrize(
    "lie",
    [
        b"",
        b"{}",
        b"[]",
        json.dumps({**CLEAN, "findings": [["no-such-kind", "row 1", None]]}).encode(),
        json.dumps({**CLEAN, "findings": [["size"]]}).encode(),
        json.dumps({**CLEAN, "counts": {"rows": "many"}}).encode(),
    ],
)
def test_an_answer_that_makes_no_sense_is_no_answer(lie: bytes) -> None:
    assert walled.check(Told(json.dumps(CLEAN).encode()), b"", table_expectation(), withheld(SECRET)).clean
    for blobs in ((lie,), ()):
        with pytest.raises(NotVerified):
            walled.check(Told(*blobs), b"", table_expectation(), withheld(SECRET))


@pytest.mark.parametrize("limits", [Limits(cpu_s=1, wall_s=30), Limits(wall_s=1), Limits(memory_bytes=1 << 26)])
def test_past_its_bounds_it_is_not_verified(
    sandbox: ProcessSandbox, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walled, "limits_for", lambda _size: limits)
    values = WithheldSet(withheld(*(f"{SECRET} {number} {number * 7919}" for number in range(150_000))).values)
    with pytest.raises(NotVerified, match="time and memory"):
        walled.check(sandbox, table_bytes(), table_expectation(), values)
