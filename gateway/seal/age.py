"""What every kind of age recipient shares: how bytes come and go, and what can be wrong."""

from __future__ import annotations

from typing import Protocol

from gateway.base.problems import CheckFailed, Usage


class BadRecipientKey(Usage):
    """Not an age public key of a kind that is taken here."""

    slug = "bad-recipient-key"
    title = "This is not a recipient's public key"


class NotForThisIdentity(CheckFailed):
    """The sealed bytes are not addressed to this identity."""

    slug = "not-for-this-identity"
    title = "Sealed to another key"


class SealedBytesDiffer(CheckFailed):
    """The sealed bytes are not what was sealed: changed, cut short or not age at all."""

    slug = "sealed-bytes-differ"
    title = "Sealed bytes differ from what was sealed"


class Source(Protocol):
    """What is read from: a binary file, or anything that hands out its next bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""
        ...


class Sink(Protocol):
    """What is written to; flushing and closing stay with the caller."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""
        ...
