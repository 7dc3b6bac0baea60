"""The ports of this room: whoever holds the root keys, and whoever can renew them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class KeyProvider(Protocol):
    """Wraps and unwraps keys under root keys that the database never holds. Roots are numbered from 1."""

    @property
    def name(self) -> str:
        """The provider's name as `doctor` shows it."""
        ...

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        """`key` sealed under this root key and bound to `aad`; raises `RootKeyMissing`."""
        ...

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        """The inverse of `wrap`; raises a `CheckFailed` when bytes, root key or `aad` differ, or `RootKeyMissing`."""
        ...


class RootStore(KeyProvider, Protocol):
    """A provider whose root keys can be renewed while others work with them."""

    def roots(self) -> Mapping[int, bytes]:
        """The numbers of the roots that are stored now, each with a commitment to its key."""
        ...

    def add_root(self, number: int) -> None:
        """Make the root key `number`, durably, beside those that are there; does nothing where it is there."""
        ...

    def drop_roots(self, below: int) -> None:
        """Forget all roots with a lower number, durably; does nothing where there are none."""
        ...
