"""Root keys in a file, under a passphrase stretched by Argon2id (RFC 9106)."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace as changed
from pathlib import Path
from secrets import token_bytes
from typing import ClassVar

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from gateway.base.problems import Unavailable, Usage
from gateway.keys.model import KEY_BYTES, RootKeyMissing
from gateway.keys.providers import key_file
from gateway.keys.providers.key_file import SALT_BYTES, KeyFile, Stretching, damaged
from gateway.seal.commitment import KeyCommitmentMismatch, check_key_commitment, key_commitment
from gateway.seal.envelope import EnvelopeTampered, unwrap, wrap

MIN_PASSPHRASE_CHARS = 12

Passphrase = str | bytes
_ROOT = b"disclosure-gateway/root-key/v1"


class WrongPassphrase(Unavailable):
    """The passphrase does not fit the key file."""

    slug = "wrong-passphrase"
    title = "The passphrase does not open the key file"


class WeakPassphrase(Usage):
    """Too short to protect anything."""

    slug = "weak-passphrase"
    title = "The passphrase is too short"


def create_key_file(path: Path, passphrase: Passphrase, stretching: Stretching | None = None) -> None:
    """Write root key 1, fresh, under `passphrase` to `path`, mode 0600, durable on return; never overwrites.

    Raises `WeakPassphrase`, `KeyFileExists` or `KeyFileUnwritable`.
    """
    _check_strength(passphrase)
    content, _ = _sealed(passphrase, stretching or Stretching(), {1: token_bytes(KEY_BYTES)})
    key_file.write_new(path, content.to_bytes())


class PassphraseKeyFile:
    """The KeyProvider over a key file; the passphrase is stretched once, on opening.

    A root key that is not known is looked for in the file again: another process may have added it. Root keys that
    were known stay known to this process until it ends, so that work begun under them is completed. Where the
    passphrase was changed too, a callable `passphrase` is asked again. Raises `KeyFileMissing`, `WrongPassphrase` or
    `KeyFileDamaged`.
    """

    name: ClassVar[str] = "passphrase"

    def __init__(self, path: Path, passphrase: Passphrase | Callable[[], Passphrase]) -> None:
        self._path = path
        self._passphrase = passphrase if callable(passphrase) else lambda: passphrase
        self._lock = threading.Lock()
        self._refused: tuple[bytes, Passphrase] | None = None
        self._seen, self._content = key_file.load(path)
        self._stretched = _opened_by(self._passphrase(), self._content)
        self._roots = _unwrapped(self._stretched, self._content)

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        """`key` sealed under this root key and bound to `aad`; raises `RootKeyMissing`."""
        return wrap(self._root(root), key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        """The inverse of `wrap`; raises `EnvelopeTampered` or `RootKeyMissing`."""
        return unwrap(self._root(root), wrapped, aad)

    def roots(self) -> Mapping[int, bytes]:
        """The numbers of the roots in the file, each with a commitment to its key."""
        with self._lock:
            self._reload()
            return {number: key_commitment(self._roots[number], _ROOT) for number in self._content.roots}

    def add_root(self, number: int) -> None:
        """Make the root key `number`, durably, beside those that are there; does nothing where it is there."""
        with self._lock:
            self._reload()
            if number in self._content.roots:
                return
            kept = {one: self._roots[one] for one in self._content.roots}
            self._write({**kept, number: token_bytes(KEY_BYTES)})

    def drop_roots(self, below: int) -> None:
        """Forget all roots with a lower number, durably; does nothing where there are none."""
        with self._lock:
            self._reload()
            kept = {number: self._roots[number] for number in self._content.roots if number >= below}
            if kept and kept.keys() != self._content.roots.keys():
                self._write(kept)

    def change_passphrase(self, new: Passphrase, enter: Callable[[], object]) -> None:
        """Put the same roots under a new passphrase, durably; the old one opens the file no more.

        `enter` is called just before the file is replaced. Raises `WeakPassphrase` or `KeyFileUnwritable`, and the
        old one holds.
        """
        _check_strength(new)
        with self._lock:
            self._reload()
            roots = {number: self._roots[number] for number in self._content.roots}
            content, stretched = _sealed(new, self._content.stretching, roots)
            enter()
            self._put(content, stretched, roots)

    def _root(self, number: int) -> bytes:
        root = self._roots.get(number)
        if root is None:
            with self._lock:
                self._reload()
                root = self._roots.get(number)
        if root is None:
            raise RootKeyMissing(
                f"The key file does not hold root key {number}; put back the key file that belongs to this database."
            )
        return root

    def _reload(self) -> None:
        """Take in what another process wrote; `_lock` is held."""
        written, content = key_file.load(self._path)
        if written == self._seen:
            return
        if (content.salt, content.stretching) == (self._content.salt, self._content.stretching):
            stretched = self._stretched
            _check(stretched, content)
        else:
            stretched = self._stretched_again(written, content)
        self._roots = {**self._roots, **_unwrapped(stretched, content)}
        self._seen, self._content, self._stretched = written, content, stretched

    def _stretched_again(self, written: bytes, content: KeyFile) -> bytes:
        tried = (written, self._passphrase())
        if tried == self._refused:
            raise _wrong()  # Stretching costs seconds, and would only say the same.
        try:
            return _opened_by(tried[1], content)
        except WrongPassphrase:
            self._refused = tried
            raise

    def _write(self, roots: Mapping[int, bytes]) -> None:
        content = _with_roots(changed(self._content, form=key_file.FORMAT), self._stretched, roots)
        self._put(content, self._stretched, roots)

    def _put(self, content: KeyFile, stretched: bytes, roots: Mapping[int, bytes]) -> None:
        written = content.to_bytes()
        key_file.replace(self._path, written)
        self._seen, self._content, self._stretched = written, content, stretched
        self._roots = {**self._roots, **roots}


def _sealed(passphrase: Passphrase, stretching: Stretching, roots: Mapping[int, bytes]) -> tuple[KeyFile, bytes]:
    salt = token_bytes(SALT_BYTES)
    stretched = _stretch(passphrase, salt, stretching)
    return _with_roots(KeyFile(stretching, salt, b"", {}), stretched, roots), stretched


def _with_roots(content: KeyFile, stretched: bytes, roots: Mapping[int, bytes]) -> KeyFile:
    return changed(
        content,
        check=key_commitment(stretched, content.context()),
        roots={number: wrap(stretched, root, content.context(number)) for number, root in roots.items()},
    )


def _opened_by(passphrase: Passphrase, content: KeyFile) -> bytes:
    stretched = _stretch(passphrase, content.salt, content.stretching)
    _check(stretched, content)
    return stretched


def _check(stretched: bytes, content: KeyFile) -> None:
    try:
        check_key_commitment(stretched, content.check, content.context())
    except KeyCommitmentMismatch as error:
        raise _wrong() from error


def _wrong() -> WrongPassphrase:
    return WrongPassphrase("The passphrase does not open the key file; give the one it was last changed to.")


def _unwrapped(stretched: bytes, content: KeyFile) -> dict[int, bytes]:
    try:
        return {number: unwrap(stretched, sealed, content.context(number)) for number, sealed in content.roots.items()}
    except EnvelopeTampered as error:
        raise damaged() from error


def _check_strength(passphrase: Passphrase) -> None:
    if len(_normal(passphrase).decode(errors="replace")) < MIN_PASSPHRASE_CHARS:
        raise WeakPassphrase(f"The passphrase is too short; take at least {MIN_PASSPHRASE_CHARS} characters.")


def _normal(passphrase: Passphrase) -> bytes:
    """One spelling per passphrase (NFC in UTF-8), whatever keyboard composed its accents; other bytes as they are."""
    try:
        text = passphrase if isinstance(passphrase, str) else passphrase.decode()
        return unicodedata.normalize("NFC", text).encode()
    except UnicodeError:
        return passphrase.encode("utf-8", "surrogatepass") if isinstance(passphrase, str) else passphrase


def _stretch(passphrase: Passphrase, salt: bytes, stretching: Stretching) -> bytes:
    return Argon2id(
        salt=salt,
        length=KEY_BYTES,
        iterations=stretching.iterations,
        lanes=stretching.lanes,
        memory_cost=stretching.memory_kib,
    ).derive(_normal(passphrase))
