"""One tree of problems. Rooms raise them, edges translate them.

A problem carries one sentence for a person in a hurry: what is wrong and what to do. It never
carries document content, file names or key bytes. Families (direct children of `Problem`) decide
the HTTP status and the exit code at the edges; subclasses in the rooms carry their own `slug`,
which is the last part of the RFC 9457 problem type.
"""

from __future__ import annotations

from typing import ClassVar

Member = str | int | bool | None | list[str] | list[int]


class Problem(Exception):
    """Something the caller must know about. `detail` is one clear sentence."""

    slug: ClassVar[str] = "problem"
    title: ClassVar[str] = "Something is wrong"

    def __init__(self, detail: str, **members: Member) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class Usage(Problem):
    """The request or command is not formed as documented."""

    slug = "usage"
    title = "The request is not formed as documented"


class Unprocessable(Problem):
    """Well-formed, but this content cannot be taken safely."""

    slug = "unprocessable"
    title = "This content cannot be taken safely"


class TooLarge(Problem):
    """Past a declared bound."""

    slug = "too-large"
    title = "Past a declared bound"


class Unauthenticated(Problem):
    """Who is asking is not established."""

    slug = "unauthenticated"
    title = "Who is asking is not established"


class Forbidden(Problem):
    """Known, and not allowed to do this."""

    slug = "forbidden"
    title = "Not allowed"


class NotFound(Problem):
    """No such thing, or not visible to this person."""

    slug = "not-found"
    title = "No such thing here"


class Conflict(Problem):
    """The state of things does not admit this act now."""

    slug = "conflict"
    title = "The state of things does not admit this"


class Refused(Problem):
    """Policy, proof or separation of duties refuses the act."""

    slug = "refused"
    title = "Refused"


class CheckFailed(Problem):
    """A verification found a difference; the detail names what differed."""

    slug = "check-failed"
    title = "A verification found a difference"


class Unavailable(Problem):
    """The environment lacks something the gateway needs: a key, a sandbox layer, disk space."""

    slug = "unavailable"
    title = "The gateway cannot work safely here now"
