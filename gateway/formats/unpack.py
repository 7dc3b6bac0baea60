"""Taking an archive of files apart. It runs only in the sandbox's child; the parent checks what it says.

The archive is checked as `archive` says before anything is inflated. Folders are no files; links and devices refuse it.
"""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Mapping
from typing import cast

from gateway.base.canon import Json
from gateway.formats.archive import Archive
from gateway.sandbox.task import Answer, TaskRefused

_ORDINARY = frozenset({0, stat.S_IFREG, stat.S_IFDIR})


def unpack(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The files with these `numbers`, counted from 1, a blob each; without any, one blob: names and sizes as JSON."""
    archive = Archive(untrusted)
    files = _files(archive.members)
    if "numbers" not in request:
        return {}, (json.dumps([(one.filename, one.file_size) for one in files]).encode(),)
    return {}, tuple(_whole(archive, files, number) for number in cast(list[int], request["numbers"]))


def _files(members: tuple[zipfile.ZipInfo, ...]) -> list[zipfile.ZipInfo]:
    if any(stat.S_IFMT(one.external_attr >> 16) not in _ORDINARY for one in members):
        raise TaskRefused("archive-links")
    if any(one.is_dir() and one.file_size for one in members):
        raise TaskRefused("archive-broken")
    return [one for one in members if not one.is_dir()]


def _whole(archive: Archive, files: list[zipfile.ZipInfo], number: int) -> bytes:
    one = files[number - 1]
    try:
        data = archive.member(one.filename)
    except TaskRefused as refused:
        raise TaskRefused("member-broken", member=number) from refused
    if len(data) != one.file_size:
        raise TaskRefused("member-broken", member=number)
    return data
