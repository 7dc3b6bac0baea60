"""What the child says of an archive is not believed."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from gateway.base.canon import Json
from gateway.formats.archive_bounds import MAX_MEMBERS, MAX_TOTAL_BYTES
from gateway.intake.archives import ArchiveRefused, _Unpacking
from gateway.sandbox.ports import Layer, Limits, Reply


class Lying:
    """A child that answers what it is told to."""

    def __init__(self, *blobs: bytes) -> None:
        self.blobs = blobs

    def layers(self) -> frozenset[Layer]:
        return frozenset()

    def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
        return Reply({}, self.blobs)


def listed(told: object) -> bytes:
    return json.dumps(told).encode()


@pytest.mark.parametrize(
    "blobs",
    [
        (),
        (b"[]", b"[]"),
        (b"",),
        (b"{",),
        (b"[" * 100_000,),
        (listed([]),),
        (listed({"a": 1}),),
        (listed([["a"]]),),
        (listed([["a", "1"]]),),
        (listed([["a", -1]]),),
        (listed([[1, 1]]),),
        (listed([["a", MAX_TOTAL_BYTES + 1]]),),
        (listed([["a", 0]] * (MAX_MEMBERS + 1)),),
    ],
)
def test_a_list_that_is_none(blobs: tuple[bytes, ...]) -> None:
    with pytest.raises(ArchiveRefused):
        _Unpacking(Lying(*blobs), b"").listed()


@pytest.mark.parametrize("blobs", [(), (b"ab",), (b"abc", b""), (b"abcd",)])
def test_files_that_are_not_as_long_as_was_listed(blobs: tuple[bytes, ...]) -> None:
    files = _Unpacking(Lying(listed([["a", 3]])), b"").listed()
    with pytest.raises(ArchiveRefused):
        list(_Unpacking(Lying(*blobs), b"").unpacked(files))


def test_files_come_a_few_at_a_time() -> None:
    asked: list[object] = []

    class Counting(Lying):
        def run(self, task: str, request: Mapping[str, Json], untrusted: bytes, limits: Limits) -> Reply:
            numbers = request["numbers"]
            asked.append(numbers)
            assert isinstance(numbers, list)
            return Reply({}, tuple(bytes(20 << 20) for _ in numbers))

    files = _Unpacking(Lying(listed([["a", 20 << 20]] * 3)), b"").listed()
    assert [number for number, _ in _Unpacking(Counting(), b"").unpacked(files)] == [1, 2, 3]
    assert asked == [[1], [2], [3]]
