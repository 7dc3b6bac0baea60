"""Archives (zip) of untrusted bytes, checked before anything in them is inflated. Runs only in the sandbox's child.

1. The archive begins at the first byte and ends at the last: nothing before it, nothing behind it.
2. At most 2,000 members, none twice, none encrypted, stored or deflated; names are relative and climb nowhere.
3. Inflated they take at most 512 MiB and at most a hundred times what they take now.
4. No two members share a byte, and each is called the same in both of its headers.
"""

from __future__ import annotations

import encodings.cp437
import encodings.utf_8_sig
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise

from gateway.base.units import MIB
from gateway.formats.archive_bounds import COMPOUND_FILE, MAX_MEMBERS, MAX_RATIO, MAX_TOTAL_BYTES
from gateway.sandbox.task import TaskRefused

# Loaded here because nothing can be loaded behind the walls: member names are read in the one or the other.
_PRELOADED = (encodings.cp437, encodings.utf_8_sig)
_LOCAL = struct.Struct("<4s22xHH")
_LOCAL_MAGIC = b"PK\x03\x04"
_END = struct.Struct("<4s4HIIH")
_END_MAGIC = b"PK\x05\x06"
_ENCRYPTED = 1
_CHUNK_BYTES = 1 << 18


class Archive:
    """The members of a checked archive, inflated one by one."""

    def __init__(self, untrusted: bytes) -> None:
        """Check rules 1 to 4. Raises `TaskRefused`."""
        if untrusted.startswith(COMPOUND_FILE):
            raise TaskRefused("compound-file")
        try:
            self._file = zipfile.ZipFile(io.BytesIO(untrusted))
        except (zipfile.BadZipFile, struct.error, ValueError, EOFError, OSError, NotImplementedError) as error:
            raise TaskRefused("archive-broken") from error
        members = self._file.infolist()
        _check_borders(untrusted, self._file.start_dir)
        _check_members(members, len(untrusted))
        _check_overlaps(untrusted, members, self._file.start_dir)
        self._members = {member.filename: member for member in members}

    @property
    def members(self) -> tuple[zipfile.ZipInfo, ...]:
        """What the directory says of each member, in its order."""
        return tuple(self._members.values())

    @property
    def names(self) -> frozenset[str]:
        """The names of all members."""
        return frozenset(self._members)

    def member(self, name: str) -> bytes:
        """A member in whole; refused where it is missing or damaged."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member piece by piece."""
        member = self._members.get(name)
        if member is None:
            raise TaskRefused("part-missing")
        try:
            with self._file.open(member) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise TaskRefused("archive-broken") from error


def _check_borders(untrusted: bytes, directory_at: int) -> None:
    end_at = untrusted.rfind(_END_MAGIC)
    if end_at < 0 or end_at + _END.size > len(untrusted) or not untrusted.startswith(_LOCAL_MAGIC):
        raise TaskRefused("archive-borders")
    *_, size, offset, comment = _END.unpack_from(untrusted, end_at)
    if (offset, offset + size, end_at + _END.size + comment) != (directory_at, end_at, len(untrusted)):
        raise TaskRefused("archive-borders")


def _check_members(members: list[zipfile.ZipInfo], size_bytes: int) -> None:
    if len(members) > MAX_MEMBERS:
        raise TaskRefused("archive-large")
    total = sum(member.file_size for member in members)
    if total > MAX_TOTAL_BYTES or total > max(MAX_RATIO * size_bytes, MIB):
        raise TaskRefused("archive-large")
    names = [member.filename for member in members]
    if len({name.casefold() for name in names}) != len(names) or not all(map(_is_plain, names)):
        raise TaskRefused("archive-names")
    if any(member.flag_bits & _ENCRYPTED for member in members):
        raise TaskRefused("encrypted")
    if any(member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for member in members):
        raise TaskRefused("archive-broken")


def _is_plain(name: str) -> bool:
    return not name.startswith("/") and not {"\\", ":", "\0"} & {*name} and ".." not in name.split("/")


def _check_overlaps(untrusted: bytes, members: list[zipfile.ZipInfo], directory_at: int) -> None:
    spans = []
    for member in members:
        at = member.header_offset
        if at + _LOCAL.size > directory_at:
            raise TaskRefused("archive-broken")
        magic, name_length, extra_length = _LOCAL.unpack_from(untrusted, at)
        body = at + _LOCAL.size + name_length + extra_length
        name = untrusted[at + _LOCAL.size : at + _LOCAL.size + name_length]
        if magic != _LOCAL_MAGIC or name not in {
            member.filename.encode(),
            member.orig_filename.encode("cp437", "replace"),
        }:
            raise TaskRefused("archive-broken")
        spans.append((at, body + member.compress_size))
    spans.sort()
    if spans and (spans[0][0] != 0 or spans[-1][1] > directory_at or any(a[1] > b[0] for a, b in pairwise(spans))):
        raise TaskRefused("archive-overlap")
