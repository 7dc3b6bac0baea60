"""Renditions: asked for, answered, looked at, reviewed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

from gateway.base.canon import Json
from gateway.base.problems import Conflict
from gateway.cli.line import Line
from gateway.cli.shapes import Rendition, Review

_SETTLED = frozenset({"clean", "waiting", "blocked", "refused", "reviewed", "superseded"})


class RenditionUnfinished(Conflict):
    """The rendition has not come to an end in time."""

    slug = "rendition-unfinished"
    title = "The rendition is not finished"


class RenditionCalls(Line):
    """What is made of originals."""

    def add(
        self,
        release: str,
        original: str,
        *,
        policy: str | None = None,
        answers: Mapping[str, Json] | None = None,
        if_match: str | None = None,
    ) -> Rendition:
        """Ask for a rendition; see `wait`."""
        body: dict[str, Json] = {"original": original, "answers": _unversioned(answers)}
        if policy is not None:
            body["policy"] = policy
        return self._write(Rendition, "POST", f"/releases/{release}/renditions", body, if_match=if_match)

    def rendition(self, rendition: str) -> Rendition:
        """One rendition."""
        return self._get(Rendition, f"/renditions/{rendition}")

    def wait(
        self, rendition: str, *, timeout_s: float = 300, seen: Callable[[Rendition], None] = lambda _: None
    ) -> Rendition:
        """The rendition once a worker has finished it; raises `RenditionUnfinished` after `timeout_s` without a sign.

        `seen` is shown what is waited for, every second or sooner.
        """
        sign, until = None, time.monotonic() + timeout_s
        pause_s = 0.05
        while (found := self.rendition(rendition)).state not in _SETTLED:
            if found.progress != sign:
                sign, until = found.progress, time.monotonic() + timeout_s
            if time.monotonic() > until:
                raise RenditionUnfinished("The rendition is not finished yet; see whether a worker is running.")
            seen(found)
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 1.5)
        return found

    def rendition_part(self, rendition: str, part: str) -> bytes:
        """The bytes of `content`, `decisions`, `residue`, or `witness` for who may open the original."""
        return self._bytes(f"/renditions/{rendition}/{part}")

    def rendition_content(self, rendition: str, sink: BinaryIO) -> str:
        """Write a rendition's bytes into `sink`, under an opening; their SHA-256, which is the rendition's."""
        return self._download(f"/renditions/{rendition}/content", sink, self.rendition(rendition).sha256 or "")

    def answer(
        self,
        rendition: str,
        answers: Mapping[str, Json],
        *,
        remember: Sequence[str] = (),
        if_match: str | None = None,
    ) -> Rendition:
        """Answer a rendition's questions: a new rendition takes its place.

        What is answered of the columns in `remember` holds for the matter's other originals of this kind too.
        """
        body = {**_unversioned(answers), **({"remember": list[Json](remember)} if remember else {})}
        return self._write(Rendition, "POST", f"/renditions/{rendition}/answers", body, if_match=if_match)

    def redact(
        self,
        rendition: str,
        regions: Sequence[Mapping[str, Json]] = (),
        *,
        terms: Sequence[str] = (),
        rows: Sequence[int] = (),
        cells: Mapping[str, Sequence[int]] | None = None,
        confirmed: bool | None = None,
        if_match: str | None = None,
    ) -> Rendition:
        """Add to what a rendition's answers withhold: a new rendition takes its place. A table's header is row 1."""
        body: dict[str, Json] = {
            "regions": [dict(one) for one in regions],
            "terms": list(terms),
            "rows": list(rows),
            "cells": {column: list(found) for column, found in (cells or {}).items()},
            "confirmed": confirmed,
        }
        return self._write(Rendition, "POST", f"/renditions/{rendition}/redactions", body, if_match=if_match)

    def review(
        self, rendition: str, verdict: str, sha256: str, reason: str | None = None, *, if_match: str | None = None
    ) -> Review:
        """A reviewer's word on the bytes with this SHA-256."""
        body: dict[str, Json] = {"verdict": verdict, "sha256": sha256}
        if reason is not None:
            body["reason"] = reason
        return self._write(Review, "POST", f"/renditions/{rendition}/reviews", body, if_match=if_match)

    def withdraw(self, rendition: str, *, if_match: str | None = None) -> Rendition:
        """Take a rendition out of its release."""
        return self._write(Rendition, "POST", f"/renditions/{rendition}/withdraw", if_match=if_match)


def _unversioned(answers: Mapping[str, Json] | None) -> dict[str, Json]:
    return {name: value for name, value in (answers or {}).items() if name != "v"}
