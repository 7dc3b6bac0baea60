"""The package's zip has one exact form, and a file that is not as approved stops it before its first byte."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import pytest

from gateway.release import package
from gateway.review.model import Case, Cleared, FileFact


class _Stored:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), 1000):
            yield self._data[start : start + 1000]


STORE = {"obj_a": b"a" * 2500, "obj_b": b"", "obj_m": b"{}"}


def _opener(object_id: str) -> AbstractContextManager[package.Opened]:
    return nullcontext(_Stored(STORE[object_id]))


def _fact(path: str, object_id: str) -> FileFact:
    data = STORE[object_id]
    return FileFact(path, object_id, hashlib.sha256(data).hexdigest(), len(data))


def _cleared(*facts: FileFact) -> Cleared:
    case = Case("rel_1", "mat_1", "rcp_1", "0" * 64, (), frozenset(), frozenset(), (), facts)
    return Cleared(case, ())


FACTS = (_fact("manifest.json", "obj_m"), _fact("files/b.csv", "obj_b"), _fact("files/a.csv", "obj_a"))


def test_an_ordinary_reader_finds_what_was_put_in_and_nothing_else() -> None:
    data = b"".join(package.zip_chunks(package.members(_cleared(*FACTS), _opener, [("audit.proof", b"proof")])))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["audit.proof", "files/a.csv", "files/b.csv", "manifest.json"]
        assert archive.read("files/a.csv") == STORE["obj_a"]
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not archive.comment
        assert not any(info.extra or info.comment for info in archive.infolist())


def test_the_same_files_give_the_same_bytes() -> None:
    first, second = (
        b"".join(package.zip_chunks(package.members(_cleared(*order), _opener, []))) for order in (FACTS, FACTS[::-1])
    )
    assert first == second


@pytest.mark.parametrize(
    "wrong",
    [
        FileFact("files/a.csv", "obj_a", "0" * 64, 2500),
        FileFact("files/a.csv", "obj_a", hashlib.sha256(STORE["obj_a"]).hexdigest(), 2499),
    ],
)
def test_a_file_that_is_not_as_approved_is_named_before_the_first_byte(wrong: FileFact) -> None:
    with pytest.raises(package.BytesChanged, match=r"files/a\.csv"):
        package.members(_cleared(FACTS[0], wrong), _opener, [])


def test_bytes_that_change_between_the_two_readings_stop_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = package.members(_cleared(*FACTS), _opener, [])
    monkeypatch.setitem(STORE, "obj_a", b"b" * 2500)
    with pytest.raises(package.BytesChanged, match=r"files/a\.csv"):
        list(package.zip_chunks(entries))


def test_a_pulling_reader_gets_every_byte() -> None:
    reader = io.BufferedReader(package.ChunkReader(iter([b"ab", b"", b"cde"])), 2)
    assert reader.read() == b"abcde"
