"""What can go wrong around a parse. No text from a child ever stands in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.base.problems import TooLarge, Unavailable, Unprocessable


class SandboxMissing(Unavailable):
    """A wall that this deployment insists on does not stand on this host."""

    slug = "sandbox-missing"
    title = "Hostile bytes cannot be parsed safely here"


class SandboxDown(Unavailable):
    """The process that forks the sandbox's children ends as often as it is started."""

    slug = "sandbox-down"
    title = "The sandbox cannot be kept running"


class ParseRefused(Unprocessable):
    """The parser would not take these bytes, or broke over them.

    `code` and `numbers` are what the task said, checked for shape; a format looks the code up in its own list. The
    code is empty where the parser broke.
    """

    slug = "parse-refused"
    title = "The parser would not take these bytes"

    def __init__(self, detail: str, code: str = "", numbers: Mapping[str, int] | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.numbers = dict(numbers or {})


class ParseForbiddenCall(Unprocessable):
    """The parser tried what no parser has reason to do, and was killed for it."""

    slug = "parse-forbidden-call"
    title = "The parser was stopped: it tried to leave its sandbox"


class ParseTimeout(Unprocessable):
    """The parse took longer than it may."""

    slug = "parse-timeout"
    title = "The parse took too long"


class ParseMemory(TooLarge):
    """The parse needed more memory than it may have."""

    slug = "parse-memory"
    title = "The parse needed too much memory"


class ParseOversize(TooLarge):
    """The parse answered with more than it may."""

    slug = "parse-oversize"
    title = "The parse gave out too much"


class ParseMalformed(Unprocessable):
    """The child's answer is not formed as agreed."""

    slug = "parse-malformed"
    title = "The parser's answer is not formed as agreed"
