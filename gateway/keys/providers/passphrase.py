"""A root key in a file, under a passphrase stretched by Argon2id (RFC 9106). Format: docs/formats/key-file.md."""

from __future__ import annotations

import contextlib
import hashlib
import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any, ClassVar

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gateway.base.canon import Json, NotCanonical, canonical, parse_canonical
from gateway.base.files import fsync_folder, write_all
from gateway.base.problems import CheckFailed, Conflict, Unavailable, Usage
from gateway.keys.model import KEY_BYTES
from gateway.seal.commitment import COMMITMENT_BYTES, KeyCommitmentMismatch, check_key_commitment, key_commitment
from gateway.seal.envelope import OVERHEAD_BYTES, EnvelopeTampered, unwrap, wrap

MIN_PASSPHRASE_CHARS = 12

_FORMAT = "disclosure-gateway/key-file/v1"
_CONTEXT = _FORMAT.encode()
_SALT_BYTES = 16
_MAX_FILE_BYTES = 4096
# A damaged file must not make the start take all memory or for ever.
_MAX_MEMORY_KIB = 4 << 20
_MAX_ITERATIONS = 64
_MAX_LANES = 64


class KeyFileMissing(Unavailable):
    """There is no key file where the settings say."""

    slug = "key-file-missing"
    title = "The key file is missing"


class WrongPassphrase(Unavailable):
    """The passphrase does not fit the key file."""

    slug = "wrong-passphrase"
    title = "The passphrase does not open the key file"


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


class WeakPassphrase(Usage):
    """Too short to protect anything."""

    slug = "weak-passphrase"
    title = "The passphrase is too short"


@dataclass(frozen=True, slots=True)
class Stretching:
    """Argon2id's cost; the defaults took about 2 s on a small server."""

    memory_kib: int = 256 << 10
    iterations: int = 3
    lanes: int = 4


@dataclass(frozen=True, slots=True)
class _KeyFile:
    stretching: Stretching
    salt: bytes
    wrapped: bytes
    check: bytes

    def facts(self) -> dict[str, Json]:
        return {
            "format": _FORMAT,
            "argon2id": {
                "memory_kib": self.stretching.memory_kib,
                "iterations": self.stretching.iterations,
                "lanes": self.stretching.lanes,
            },
            "salt": self.salt.hex(),
            "wrapped": self.wrapped.hex(),
            "check": self.check.hex(),
        }

    def to_bytes(self) -> bytes:
        return canonical({**self.facts(), "sha256": hashlib.sha256(canonical(self.facts())).hexdigest()})


def create_key_file(path: Path, passphrase: str | bytes, stretching: Stretching | None = None) -> None:
    """Write a fresh root key under `passphrase` to `path`, mode 0600, durable on return; never overwrites.

    Steps: temporary file in the same folder → fsync → link to `path`, which fails where one exists → fsync of the
    folder. Raises `WeakPassphrase`, `KeyFileExists` or `KeyFileUnwritable`.
    """
    if len(_normal(passphrase).decode(errors="replace")) < MIN_PASSPHRASE_CHARS:
        raise WeakPassphrase(f"The passphrase is too short; take at least {MIN_PASSPHRASE_CHARS} characters.")
    stretching = stretching or Stretching()
    salt = token_bytes(_SALT_BYTES)
    stretched = _stretch(passphrase, salt, stretching)
    wrapped = wrap(stretched, token_bytes(KEY_BYTES), _CONTEXT)
    content = _KeyFile(stretching, salt, wrapped, key_commitment(stretched, _CONTEXT)).to_bytes()
    try:
        _write_once(path, content)
    except FileExistsError as error:
        raise KeyFileExists("A key file stands there already; move it away only if nothing was sealed with it.") from (
            error
        )
    except OSError as error:
        raise KeyFileUnwritable("The key file cannot be written; check the folder, its rights and its space.") from (
            error
        )


class PassphraseKeyFile:
    """The KeyProvider over a key file; the passphrase is stretched once, on opening.

    Raises `KeyFileMissing`, `WrongPassphrase` or `KeyFileDamaged`.
    """

    name: ClassVar[str] = "passphrase"

    def __init__(self, path: Path, passphrase: str | bytes) -> None:
        content = _parse(_read(path))
        stretched = _stretch(passphrase, content.salt, content.stretching)
        try:
            check_key_commitment(stretched, content.check, _CONTEXT)
        except KeyCommitmentMismatch as error:
            raise WrongPassphrase("The passphrase does not open the key file; try again.") from error
        try:
            self._root = unwrap(stretched, content.wrapped, _CONTEXT)
        except EnvelopeTampered as error:
            raise _damaged() from error

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """`key` sealed under the root key and bound to `aad`."""
        return wrap(self._root, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The inverse of `wrap`; raises `EnvelopeTampered`."""
        return unwrap(self._root, wrapped, aad)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise KeyFileMissing("The key file is missing; mount it or restore it from its backup.") from error
    except OSError as error:
        raise KeyFileMissing("The key file cannot be read; check its rights.") from error


def _parse(untrusted_content: bytes) -> _KeyFile:
    """The key file's fields, each of the length and within the bounds of its format, or `KeyFileDamaged`."""
    try:
        fields: dict[str, Any] = parse_canonical(untrusted_content)
        cost = fields["argon2id"]
        content = _KeyFile(
            Stretching(
                _within(cost["memory_kib"], 8, _MAX_MEMORY_KIB),
                _within(cost["iterations"], 1, _MAX_ITERATIONS),
                _within(cost["lanes"], 1, _MAX_LANES),
            ),
            _sized(fields["salt"], _SALT_BYTES),
            _sized(fields["wrapped"], OVERHEAD_BYTES + KEY_BYTES),
            _sized(fields["check"], COMMITMENT_BYTES),
        )
        # RFC 9106 asks for 8 KiB a lane; the comparison covers the digest and every stray field.
        _insist(content.stretching.memory_kib >= 8 * content.stretching.lanes)
        _insist(content.to_bytes() == untrusted_content)
    except (NotCanonical, KeyError, TypeError, ValueError) as error:
        raise _damaged() from error
    return content


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


def _damaged() -> KeyFileDamaged:
    return KeyFileDamaged("The key file differs from what was written; restore it from its backup.")


def _normal(passphrase: str | bytes) -> bytes:
    """One spelling per passphrase (NFC in UTF-8), whatever keyboard composed its accents; other bytes as they are."""
    try:
        text = passphrase if isinstance(passphrase, str) else passphrase.decode()
        return unicodedata.normalize("NFC", text).encode()
    except UnicodeError:
        return passphrase.encode("utf-8", "surrogatepass") if isinstance(passphrase, str) else passphrase


def _stretch(passphrase: str | bytes, salt: bytes, stretching: Stretching) -> bytes:
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=stretching.iterations,
        lanes=stretching.lanes,
        memory_cost=stretching.memory_kib,
    ).derive(_normal(passphrase))


def _write_once(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            write_all(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    try:
        fsync_folder(path.parent)
    except OSError:
        path.unlink()
        raise
