"""The KeyProvider port: whoever holds the root key."""

from __future__ import annotations

from typing import Protocol


class KeyProvider(Protocol):
    """Wraps and unwraps keys under a root key that the database never holds."""

    @property
    def name(self) -> str:
        """The provider's name as `doctor` shows it."""
        ...

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """`key` sealed under the root key and bound to `aad`."""
        ...

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """The inverse of `wrap`; raises a `CheckFailed` when bytes, root key or `aad` differ."""
        ...
