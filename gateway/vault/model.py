"""A stored object, and what can go wrong with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.base.problems import CheckFailed, NotFound
from gateway.keys.model import KeyShredded


class ObjectMissing(NotFound):
    """No stored object has this id."""

    slug = "object-missing"
    title = "No such stored object"


class ObjectDamaged(CheckFailed):
    """The stored bytes, or what is known of them, differ from what was kept; the detail names the object."""

    slug = "object-damaged"
    title = "Stored bytes differ from what was kept"


class Shredded(KeyShredded):
    """The bytes were destroyed on purpose; no key opens them again."""

    slug = "shredded"
    title = "This was shredded"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One immutable run of bytes kept encrypted. `role` says what it is: `original`, `rendition`, `package`, …"""

    id: str
    matter: str
    role: str
    key_id: str
    blob_name: str
    plaintext_bytes: int
    ciphertext_bytes: int
    commitment: bytes
    created_at: datetime
    shredded_at: datetime | None = None
