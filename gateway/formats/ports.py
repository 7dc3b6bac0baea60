"""The Format port: one small set of methods per format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from gateway.base.progress import Steps, unwatched
from gateway.formats.model import Content, Field, Mark, Plan, Rebuilt
from gateway.formats.surface import Spot, Surface
from gateway.sandbox.ports import Sandbox

NOTHING: Mapping[str, str] = MappingProxyType({})


class Format(Protocol):
    """How one family of media types is read, surveyed and rebuilt.

    `extensions` gives for each media type of a rendition how its name ends, without the dot.
    """

    name: str
    media_types: tuple[str, ...]
    extensions: Mapping[str, str]

    def sniff(self, head: bytes) -> str | None:
        """The media type that these first bytes (at most 4 KiB) show, or None. Names and claims are not asked.

        Raises `Unprocessable` with what to convert it to where they show a relative that is never taken.
        """
        ...

    def read(
        self,
        untrusted_original: bytes,
        media_type: str,
        sandbox: Sandbox,
        declared: Mapping[str, str] = NOTHING,
        steps: Steps = unwatched,
    ) -> Content:
        """Parse inside the sandbox: the only touch of hostile bytes. Raises `Unprocessable` with one sentence.

        `declared` is what a person said about how to read it (`encoding`, `delimiter`, `sheet`, `frame`); what does not
        fit is refused, and what only a person can say is asked for by `SheetUnclear` or `FrameUnclear`. `steps` is told
        how far it is, where that takes more than one parse.
        """
        ...

    def look(self, untrusted_original: bytes, media_type: str, sandbox: Sandbox, spot: Spot) -> Surface:
        """What a person sees there and draws regions on, parsed as `read` does. Raises `NoSuchPage`, too."""
        ...

    def survey(self, content: Content) -> tuple[Field, ...]:
        """Everything in it that a policy can name, in document order."""
        ...

    def left_behind(self, content: Content) -> Mapping[str, int]:
        """What was in the original and is no field, since it never leaves: counted under the names of redactions."""
        ...

    def values(self, content: Content, field: Field) -> tuple[str, ...]:
        """The field's raw values in row order: one per row for a column, one for a tag, none for a region."""
        ...

    def rebuild(self, content: Content, plan: Plan, mark: Mark, secret: bytes) -> Rebuilt:
        """A new document of what `plan` names, marked; byte-deterministic. `secret` (32 bytes) keys this release."""
        ...
