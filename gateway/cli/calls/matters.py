"""Matters, and the originals under them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from gateway.base.canon import Json
from gateway.cli.line import base64_of
from gateway.cli.sending import Sender
from gateway.cli.shapes import (
    Clearance,
    Clearances,
    ExportClass,
    ExportControl,
    Fields,
    Licence,
    Matter,
    MatterLine,
    Name,
    Names,
    Original,
    Shredding,
)


class MatterCalls(Sender):
    """What was demanded, and what there is to answer it with."""

    def open_matter(self, draft: Mapping[str, Json]) -> Matter:
        """Open a matter; `draft` is the body of `POST /matters`."""
        return self._write(Matter, "POST", "/matters", draft)

    def matter(self, matter: str) -> Matter:
        """One matter."""
        return self._get(Matter, f"/matters/{matter}")

    def matters(self, *, purpose: str | None = None) -> Iterator[MatterLine]:
        """All matters, newest first; with `purpose` those for that purpose alone."""
        return self._pages(MatterLine, "/matters", "matters", purpose=purpose)

    def record_consent(self, matter: str, told: Mapping[str, Json]) -> Clearance:
        """Record what a third party said; `told` is the body of `POST /matters/{id}/consents`."""
        return self._write(Clearance, "POST", f"/matters/{matter}/consents", told)

    def record_assessment(self, matter: str, told: Mapping[str, Json]) -> Clearance:
        """Record an assessment; `told` is the body of `POST /matters/{id}/assessments`."""
        return self._write(Clearance, "POST", f"/matters/{matter}/assessments", told)

    def clearances(self, matter: str) -> Clearances:
        """Everything that was recorded for a matter, oldest first."""
        return self._get(Clearances, f"/matters/{matter}/clearances")

    def names(self, matter: str) -> Names:
        """What a matter remembers of headers, oldest first."""
        return self._get(Names, f"/matters/{matter}/names")

    def forget_name(self, matter: str, name: str) -> Name:
        """Have a remembered name no longer hold."""
        return self._write(Name, "POST", f"/matters/{matter}/names/{name}/forget")

    def record_export_class(self, original: str, told: Mapping[str, Json]) -> ExportClass:
        """Record what an original is under a regime; `told` is the body of `POST /originals/{id}/export-classes`."""
        return self._write(ExportClass, "POST", f"/originals/{original}/export-classes", told)

    def record_licence(self, matter: str, told: Mapping[str, Json]) -> Licence:
        """Record an export licence; `told` is the body of `POST /matters/{id}/licences`."""
        return self._write(Licence, "POST", f"/matters/{matter}/licences", told)

    def export_control(self, matter: str) -> ExportControl:
        """All classifications and licences of a matter, each sort oldest first."""
        return self._get(ExportControl, f"/matters/{matter}/export-control")

    def originals(self, matter: str, *, kind: str | None = None) -> Iterator[Original]:
        """The originals of a matter, oldest first; with `kind` those of that kind alone."""
        return self._pages(Original, f"/matters/{matter}/originals", "originals", kind=kind)

    def original(self, original: str) -> Original:
        """One original, without its bytes."""
        return self._get(Original, f"/originals/{original}")

    def original_content(self, original: str, sink: BinaryIO) -> str:
        """Write an original's bytes into `sink`, under an opening; their SHA-256, which is the original's."""
        return self._download(f"/originals/{original}/content", sink, self.original(original).sha256)

    def page(self, original: str, number: int = 1, *, at_ms: int | None = None) -> bytes:
        """What regions are drawn on, as a PNG in their pixels: a page, a picture, a drawing, a video `at_ms`."""
        return self._bytes(f"/originals/{original}/pages/{number}", None if at_ms is None else {"at_ms": at_ms})

    def fields(self, original: str) -> Fields:
        """What a policy can name in an original."""
        return self._get(Fields, f"/originals/{original}/fields")

    def classify(self, original: str, answers: Mapping[str, Json], *, if_match: str | None = None) -> Original:
        """Give the four answers that every original needs."""
        return self._write(Original, "PUT", f"/originals/{original}/classification", answers, if_match=if_match)

    def propose_shredding(self, original: str, reason: str) -> Shredding:
        """Propose to destroy an original; a second person has to sign."""
        return self._write(Shredding, "POST", f"/originals/{original}/shredding", {"reason": reason})

    def shredding(self, original: str) -> Shredding:
        """The shredding that waits for a second signature."""
        return self._get(Shredding, f"/originals/{original}/shredding")

    def shred(self, original: str, signature: bytes) -> Original:
        """Destroy an original by a second person's signature."""
        body: dict[str, Json] = {"signature": base64_of(signature)}
        return self._write(Original, "POST", f"/originals/{original}/shredding/countersignatures", body)
