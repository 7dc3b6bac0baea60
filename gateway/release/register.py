"""What is stored of releases, read so that nothing put there by another hand is believed.

Beside the row stands the composition, sealed: the package's files and the quorum. A case, what approvers sign and
dispatchers carry out, exists only where row, composition and renditions agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import canonical
from gateway.base.problems import CheckFailed, Conflict, NotFound
from gateway.intake.service import Intake
from gateway.keys.service import Keyring
from gateway.matter.clearances import Clearances
from gateway.people.model import Actor
from gateway.release.export_control import recorders
from gateway.release.model import Part, Profile, Release, State
from gateway.release.tables import ReleaseRow
from gateway.render.service import Renders
from gateway.review.model import Case, FileFact, Quorum
from gateway.review.rules import combined

# Entries after which an approval of what was composed before does or does not hold.
_SETTLING = frozenset(f"release.{what}" for what in ("drafted", "submitted", "reopened", "approved", "refused"))


class WrongState(Conflict):
    """The release is not in a state that admits this."""

    slug = "wrong-state"
    title = "The release's state does not admit this"


class CompositionChanged(CheckFailed):
    """What is stored of a composed release is not what was composed."""

    slug = "composition-changed"
    title = "The release is not as it was composed"


class NotDispatched(Conflict):
    """There is no package before dispatch."""

    slug = "not-dispatched"
    title = "The release has not been dispatched"


class Register:
    """The rows of releases and what hangs on them, inside a caller's transaction."""

    def __init__(self, keyring: Keyring, log: Log, intake: Intake, renders: Renders, clearances: Clearances) -> None:
        self._keyring = keyring
        self._log = log
        self._intake = intake
        self._renders = renders
        self._clearances = clearances

    def row(self, session: Session, release_id: str) -> ReleaseRow:
        """One release's row, or `NotFound`."""
        row = session.get(ReleaseRow, release_id)
        if row is None:
            raise NotFound("There is no release with this id.")
        return row

    def enter(
        self,
        session: Session,
        actor: Actor,
        row: ReleaseRow,
        kind: str,
        facts: Mapping[str, str | int | None],
        body: Mapping[str, str] | None = None,
    ) -> int:
        """Append what happened to the release to the log; the entry's index."""
        return self._log.append(
            session,
            Act(type=kind, actor=actor.person_id, matter=row.matter, subject=row.id, facts=facts, body=body),
        )

    def case(self, session: Session, row: ReleaseRow) -> Case:
        """What approvers sign. Raises `WrongState` or `CompositionChanged` where what is stored does not agree."""
        if row.manifest_sha256 is None or row.composition is None:
            raise WrongState("The release is not composed; submit it first.")
        release = release_of(row)
        parts, quorum = self._composition(session, row)
        if {part.sha256 for part in parts if part.role == "manifest"} != {row.manifest_sha256}:
            raise CompositionChanged("The release's digest is not that of its manifest; withdraw it and submit again.")
        renditions = self._renders.of_release_in(session, row.id)
        named = {part.rendition: part.sha256 for part in parts if part.role == "file"}
        if {one.id: one.sha256 for one in renditions} != named:
            raise WrongState("The release's renditions are no longer those of its manifest; submit it again.")
        authors, uploaders = self.involved(session, release)
        return Case(
            release=row.id,
            matter=row.matter,
            recipient=row.recipient,
            manifest_sha256=row.manifest_sha256,
            quorum=combined(quorum),
            authors=authors,
            uploaders=uploaders,
            renditions=tuple(one.id for one in renditions),
            files=tuple(FileFact(p.path, p.object_id, p.sha256, p.size_bytes) for p in parts),
        )

    def parts(self, session: Session, row: ReleaseRow) -> dict[str, Part]:
        """The files of the composed package by their paths; `WrongState` before it is composed."""
        parts, _ = self._composition(session, row)
        return {part.path: part for part in parts}

    def involved(self, session: Session, release: Release) -> tuple[frozenset[str], frozenset[str]]:
        """Who made something of the release, or recorded what an original of it is under lists of controlled goods and
        the licences for that, and who uploaded an original of it: none of them may approve.
        """
        everyone = self._renders.authors_of(session, release.id)
        originals = [one.original for one in self._renders.of_release_in(session, release.id)]
        uploaders = {self._intake.get(one).uploader for one in originals}
        recorded = self._clearances.export_control_in(session, release.matter)
        recording = {person for one in originals for person in recorders(one, recorded)}
        return everyone | recording | {release.author}, frozenset(uploaders)

    def check_entered(self, session: Session, row: ReleaseRow) -> None:
        """Raise unless the newest entries say of the release and its originals what their rows say.

        Rows that were put back to an earlier state, a voided composition or an older answer, are found out here.
        """
        newest = self._log.newest_of(session, types=_SETTLING, subject=row.id)
        entry: Mapping[str, Any] = {"type": None, "facts": {}} if newest is None else newest[1]
        if entry["type"] != "release.approved" or entry["facts"].get("manifest_sha256") != row.manifest_sha256:
            raise CompositionChanged("The log's newest word on the release is not its approval; submit it again.")
        for one in self._renders.of_release_in(session, row.id):
            self._intake.check_entered(session, one.original)

    def compose(self, session: Session, row: ReleaseRow, parts: Sequence[Part], quorum: Sequence[Quorum]) -> None:
        """Keep what the release is composed of."""
        told = {"parts": [asdict(part) for part in parts], "quorum": [asdict(one) for one in quorum]}
        row.composition = self._keyring.seal_text(
            session, owner=row.matter, context=f"composition:{row.id}", text=canonical(told).decode()
        )

    def _composition(self, session: Session, row: ReleaseRow) -> tuple[tuple[Part, ...], tuple[Quorum, ...]]:
        if row.composition is None:
            raise WrongState("The release is not composed; submit it first.")
        told = json.loads(
            self._keyring.open_text(session, owner=row.matter, context=f"composition:{row.id}", sealed=row.composition)
        )
        return tuple(Part(**one) for one in told["parts"]), tuple(Quorum(**one) for one in told["quorum"])


def release_of(row: ReleaseRow) -> Release:
    """The release as this row keeps it."""
    return Release(
        id=row.id,
        matter=row.matter,
        recipient=row.recipient,
        profile=Profile(row.profile),
        state=State(row.state),
        author=row.author,
        manifest_sha256=row.manifest_sha256,
        sealed_index=row.sealed_index,
        package_object=row.package_object,
        package_bytes=row.package_bytes,
        package_sha256=row.package_sha256,
        dispatcher=row.dispatcher,
        binding_object=row.binding_object,
        created_at=row.created_at,
    )
