"""The key file's form and how it gets on disk. Format: docs/formats/key-file.md."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from gateway.base.canon import Json, NotCanonical, canonical, parse_canonical
from gateway.base.files import fsync_folder, write_all
from gateway.base.problems import CheckFailed, Conflict, Unavailable
from gateway.keys.model import KEY_BYTES
from gateway.seal.commitment import COMMITMENT_BYTES
from gateway.seal.envelope import OVERHEAD_BYTES

FORMAT = "disclosure-gateway/key-file/v2"
FORMAT_V1 = "disclosure-gateway/key-file/v1"
SALT_BYTES = 16
MAX_ROOTS = 8

_MAX_FILE_BYTES = 4096
# A damaged file must not make the start take all memory or for ever.
_MAX_MEMORY_KIB = 4 << 20
_MAX_ITERATIONS = 64
_MAX_LANES = 64
_MAX_NUMBER = 1 << 31


class KeyFileMissing(Unavailable):
    """There is no key file where the settings say."""

    slug = "key-file-missing"
    title = "The key file is missing"


class KeyFileDamaged(CheckFailed):
    """The key file is not what was written."""

    slug = "key-file-damaged"
    title = "The key file is damaged"


class KeyFileExists(Conflict):
    """A key file stands there already; overwriting it would lose every key under it."""

    slug = "key-file-exists"
    title = "A key file exists already"


class KeyFileUnwritable(Unavailable):
    """The key file could not be written durably."""

    slug = "key-file-unwritable"
    title = "The key file cannot be written"


@dataclass(frozen=True, slots=True)
class Stretching:
    """Argon2id's cost; the defaults took about 2 s on a small server."""

    memory_kib: int = 256 << 10
    iterations: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What stands in a key file: how to stretch the passphrase, and every root key wrapped under the result."""

    stretching: Stretching
    salt: bytes
    check: bytes
    roots: Mapping[int, bytes]
    form: str = FORMAT

    def context(self, root: int | None = None) -> bytes:
        """What the check, or the wrapped root key `root`, is bound to."""
        return self.form.encode() if root is None or self.form == FORMAT_V1 else f"{self.form}/root/{root}".encode()

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        facts = self._facts()
        return canonical({**facts, "sha256": hashlib.sha256(canonical(facts)).hexdigest()})

    def _facts(self) -> dict[str, Json]:
        cost = {
            "memory_kib": self.stretching.memory_kib,
            "iterations": self.stretching.iterations,
            "lanes": self.stretching.lanes,
        }
        facts: dict[str, Json] = {
            "format": self.form,
            "argon2id": cost,
            "salt": self.salt.hex(),
            "check": self.check.hex(),
        }
        if self.form == FORMAT_V1:
            return {**facts, "wrapped": self.roots[1].hex()}
        roots: list[Json] = [
            {"root": number, "wrapped": wrapped.hex()} for number, wrapped in sorted(self.roots.items())
        ]
        return {**facts, "roots": roots}


def load(path: Path) -> tuple[bytes, KeyFile]:
    """The file's bytes and what they say; raises `KeyFileMissing` or `KeyFileDamaged`."""
    content = _read(path)
    try:
        return content, parse(content)
    except KeyFileDamaged:
        # A file that was replaced while it was read is zeros under its old descriptor, and whole under its name.
        again = _read(path)
        if again == content:
            raise
        return again, parse(again)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileMissing("The key file is missing; mount it or restore it from its backup.") from error
    except OSError as error:
        raise KeyFileMissing("The key file cannot be read; check its rights.") from error


def parse(untrusted_content: bytes) -> KeyFile:
    """The key file's fields, each of the length and within the bounds of its format, or `KeyFileDamaged`."""
    try:
        _insist(len(untrusted_content) <= _MAX_FILE_BYTES)
        fields: dict[str, Any] = parse_canonical(untrusted_content)
        cost, form = fields["argon2id"], fields["format"]
        content = KeyFile(
            Stretching(
                _within(cost["memory_kib"], 8, _MAX_MEMORY_KIB),
                _within(cost["iterations"], 1, _MAX_ITERATIONS),
                _within(cost["lanes"], 1, _MAX_LANES),
            ),
            _sized(fields["salt"], SALT_BYTES),
            _sized(fields["check"], COMMITMENT_BYTES),
            _roots(form, fields),
            form,
        )
        # RFC 9106 asks for 8 KiB a lane; the comparison covers the digest, the order and every stray field.
        _insist(content.stretching.memory_kib >= 8 * content.stretching.lanes)
        _insist(content.to_bytes() == untrusted_content)
    except (NotCanonical, KeyError, TypeError, ValueError) as error:
        raise damaged() from error
    return content


def damaged() -> KeyFileDamaged:
    """The one sentence about a file that is not what was written."""
    return KeyFileDamaged("The key file differs from what was written; restore it from its backup.")


def write_new(path: Path, content: bytes) -> None:
    """Put a first key file at `path`, mode 0600, durable on return; never overwrites.

    Steps: temporary file in the same folder → fsync → link to `path`, which fails where one exists → fsync of the
    folder. Raises `KeyFileExists` or `KeyFileUnwritable`.
    """
    try:
        temporary = _write_beside(path, content)
        try:
            os.link(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        try:
            fsync_folder(path.parent)
        except OSError:
            path.unlink()
            raise
    except FileExistsError as error:
        raise KeyFileExists("A key file stands there already; move it away only if nothing was sealed with it.") from (
            error
        )
    except OSError as error:
        raise _unwritable() from error


def replace(path: Path, content: bytes) -> None:
    """Put `content` in the place of the key file at `path`: the old one or the new one is there, at any time, whole.

    Steps: temporary file in the same folder → fsync → rename over `path` → fsync of the folder → zeros over what the
    old file left on the disk, unless somebody linked it elsewhere. Raises `KeyFileUnwritable`.
    """
    try:
        old = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            temporary = _write_beside(path, content)
            try:
                temporary.rename(path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
            fsync_folder(path.parent)
            facts = os.fstat(old)
            if facts.st_nlink == 0:
                write_all(old, bytes(facts.st_size))
                os.fsync(old)
        finally:
            os.close(old)
    except OSError as error:
        raise _unwritable() from error


def _write_beside(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return temporary


def _unwritable() -> KeyFileUnwritable:
    return KeyFileUnwritable("The key file cannot be written; check the folder, its rights and its space.")


def _roots(form: str, fields: Mapping[str, Any]) -> dict[int, bytes]:
    length = OVERHEAD_BYTES + KEY_BYTES
    if form == FORMAT_V1:
        return {1: _sized(fields["wrapped"], length)}
    _insist(form == FORMAT and 1 <= len(fields["roots"]) <= MAX_ROOTS)
    return {_within(one["root"], 1, _MAX_NUMBER): _sized(one["wrapped"], length) for one in fields["roots"]}


def _insist(holds: bool) -> None:
    if not holds:
        raise ValueError("not as written")


def _within(value: object, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a number")
    _insist(low <= value <= high)
    return value


def _sized(value: str, length: int) -> bytes:
    data = bytes.fromhex(value)
    _insist(len(data) == length)
    return data
