"""What a key is for, and what can go wrong with it."""

from __future__ import annotations

from enum import StrEnum

from gateway.base.problems import CheckFailed, Conflict, Unavailable

KEY_BYTES = 32

# The owner of keys that belong to no matter.
DEPLOYMENT = "deployment"
MATTER_PREFIX = "mat_"


class KeyRole(StrEnum):
    """What a key is for; one key per role and owner."""

    MATTER_KEK = "matter_kek"
    DEK = "dek"
    RECORD = "record"
    AUDIT_BODY = "audit_body"
    RELEASE = "release"
    MATTER_MAP = "matter_map"
    TRACING = "tracing"
    LOG_SIGNING = "log_signing"
    LOG_SIGNING_MLDSA = "log_signing_mldsa"
    LOG_MAC = "log_mac"
    PACKAGE_SIGNING = "package_signing"
    PACKAGE_SIGNING_MLDSA = "package_signing_mldsa"
    DOCUMENT_SIGNING = "document_signing"


class RootKeyMissing(Unavailable):
    """The key file does not hold the root key that something is wrapped under."""

    slug = "root-key-missing"
    title = "The root key of this is not in the key file"


class KeyFileUnfit(Unavailable):
    """The key file and the database are whole, and do not belong together."""

    slug = "key-file-unfit"
    title = "The key file does not belong to this database"


class KeyMissing(Unavailable):
    """A key that should be in the database is not."""

    slug = "key-missing"
    title = "A key is missing"


class KeyShredded(Conflict):
    """The key was destroyed on purpose; what it sealed cannot be opened any more."""

    slug = "key-shredded"
    title = "The key was destroyed"


class KeyTampered(CheckFailed):
    """A key's row differs from what was written, or belongs to another root key."""

    slug = "key-tampered"
    title = "A key differs from what was kept"
