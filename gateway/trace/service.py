"""From a leaked picture to the copy it was made from, or to nobody.

1. `trace.begun` is in the log before anything is opened. 2. The file is read as an original is, behind walls. 3. It is
laid over the ground of every rendition that carries a fingerprint (`align`), in a child that knows no key. 4. A copy
whose seed and ground are not what its entry committed to is left out, and named. 5. What differs is held against the
code of each copy; who accuses is `rules`. 6. `trace.reported` says what came of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json
from gateway.base.ids import new_id
from gateway.base.problems import TooLarge, Usage
from gateway.db.unit import Units
from gateway.formats.model import Picture
from gateway.formats.ports import Format
from gateway.keys.model import KeyMissing, KeyShredded
from gateway.keys.service import Keyring
from gateway.marks.fingerprint import CELL_PX, score, signs_of
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.release.model import State
from gateway.release.service import Releases
from gateway.render.model import Traceable
from gateway.render.service import Renders, tracing_key
from gateway.sandbox.budget import Budgeted
from gateway.sandbox.ports import Sandbox
from gateway.seal.tracing import CodeNotCommitted, check_tracing_commitment, tracing_seed
from gateway.trace import rules
from gateway.trace.evidence import heat_map
from gateway.trace.laying import AT_ONCE, WAYS, laid_over
from gateway.trace.model import Candidate, Laid, NotTraceable, Report, TracingMissing

MAX_GROUNDS = 400
_HEAD_BYTES = 4096
_HANDED_OVER = frozenset({State.DISPATCHED, State.ACKNOWLEDGED, State.RECALLED})
_FIRST = {"frame": "first"}


@dataclass(frozen=True, slots=True)
class _Tested:
    """A copy with its best score, and what that was made of; `entry` committed to it."""

    copy: Traceable
    entry: int
    score: float
    laid: Laid
    differences: NDArray[np.float32]
    signs: NDArray[np.int8]


@dataclass(slots=True)
class _Findings:
    """What was come to so far."""

    tested: list[_Tested]
    shredded: int = 0
    uncommitted: tuple[str, ...] = ()

    @property
    def hypotheses(self) -> int:
        return WAYS * len(self.tested)


class Tracing:
    """Holds leaked pictures against every copy that was made."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        renders: Renders,
        releases: Releases,
        matters: Matters,
        pictures: Format,
        sandbox: Sandbox,
        laying: Sandbox,
        limit_bytes: int,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._renders = renders
        self._releases = releases
        self._matters = matters
        self._pictures = pictures
        self._sandbox = sandbox
        self._laying = laying
        self.limit_bytes = limit_bytes

    def require(self, actor: Actor) -> None:
        """Raise `NotPermitted` or `TracingMissing` where this would lead to nothing."""
        actor.require(Permission.TRACE_RUN)
        if find_spec("cv2") is None:
            raise TracingMissing("Tracing needs the extra `detect`; install it and start the gateway again.")

    def trace(self, actor: Actor, untrusted: bytes, *, matter: str | None = None) -> Report:
        """What the file was made from. Only the copies of `matter`, where one is given.

        Raises `NotTraceable`, `PictureRefused` and the like, or `Usage` where there is too much to look through.
        """
        self.require(actor)
        if len(untrusted) > self.limit_bytes:
            raise TooLarge(f"A file to trace has at most {self.limit_bytes} bytes.", limit_bytes=self.limit_bytes)
        media_type = self._pictures.sniff(untrusted[:_HEAD_BYTES])
        if media_type is None:
            raise NotTraceable("Only pictures are traced; save the page or the frame as JPEG or PNG and send that.")
        if matter is not None:
            self._matters.get(matter)
        trace_id, digest = new_id("trc"), hashlib.sha256(untrusted).hexdigest()
        self._enter(actor, "trace.begun", trace_id, matter, {}, {"file_sha256": digest})
        leak = self._pictures.read(untrusted, media_type, Budgeted(self._sandbox), _FIRST)
        if not isinstance(leak, Picture):
            raise TypeError("the format of pictures reads pictures")
        found = self._findings(leak, matter)
        report = self._report(trace_id, digest, found)
        accused: list[Json] = [one.release for one in report.candidates]
        facts: dict[str, Json] = {
            "tested": report.tested,
            "hypotheses": report.hypotheses,
            "releases": accused,
            "uncommitted": list(report.uncommitted),
        }
        scores: dict[str, Json] = {one.rendition: f"{one.score:.2f}" for one in report.candidates}
        self._enter(actor, "trace.reported", trace_id, matter, facts, {"file_sha256": digest, "scores": scores})
        return report

    def _enter(
        self, actor: Actor, kind: str, trace_id: str, matter: str | None, facts: dict[str, Json], body: dict[str, Json]
    ) -> None:
        with self._units.change() as session:
            act = Act(type=kind, actor=actor.person_id, matter=matter, subject=trace_id, facts=facts, body=body)
            self._log.append(session, act)

    def _findings(self, leak: Picture, matter: str | None) -> _Findings:
        with self._units.read() as session:
            copies = [one for one in self._renders.traceable(session) if matter is None or one.matter == matter]
        grounds: dict[str, list[Traceable]] = {}
        for one in copies:
            grounds.setdefault(one.ground_sha256, []).append(one)
        if len(grounds) > MAX_GROUNDS:
            raise Usage(
                f"More than {MAX_GROUNDS} different pictures were rendered; name the matter that the file may be from."
            )
        found = _Findings([])
        left = iter(grounds.values())
        while some := tuple(islice(left, AT_ONCE)):
            self._lay(leak, some, found)
        return found

    def _lay(self, leak: Picture, grounds: Sequence[list[Traceable]], found: _Findings) -> None:
        """Hold the leak against some grounds, and what differs against the copies that share each of them."""
        opened = []
        with self._units.read() as session:
            for copies in grounds:
                ground = self._ground(session, copies)
                if ground is None:
                    found.shredded += len(copies)
                else:
                    opened.append((copies, ground))
        for laid in laid_over(self._laying, leak, [(copies[0].ground_px, ground) for copies, ground in opened]):
            copies, ground = opened[laid.ground]
            with self._units.read() as session:
                for copy in copies:
                    self._test(session, copy, ground, laid, found)

    def _ground(self, session: Session, copies: Sequence[Traceable]) -> bytes | None:
        """The ground that these copies share, from whichever of them still has it."""
        for one in copies:
            try:
                ground = self._renders.part(session, one.ground_object)
            except (KeyShredded, KeyMissing):
                continue
            if len(ground) == one.ground_px[0] * one.ground_px[1]:
                return ground
        return None

    def _test(self, session: Session, copy: Traceable, ground: bytes, laid: Laid, found: _Findings) -> None:
        key = tracing_key(self._keyring, session)
        names = {"matter": copy.matter, "original": copy.original, "release": copy.release}
        logged = self._log.newest_of(session, types=("rendition.clean",), subject=copy.rendition)
        entry, commitment = (-1, "") if logged is None else (logged[0], str(logged[1]["facts"].get("fingerprint", "")))
        try:
            check_tracing_commitment(commitment, key, **names, ground=ground)
        except CodeNotCommitted:
            found.uncommitted += (copy.rendition,)
            return
        across, down = (side // CELL_PX for side in copy.ground_px)
        signs = signs_of(tracing_seed(key, **names), (across, down))
        ways = [np.frombuffer(one, "<f4").reshape(down, across) for one in laid.differences]
        best = max(ways, key=lambda one: score(one, signs))
        found.tested.append(_Tested(copy, entry, score(best, signs), laid, best, signs))

    def _report(self, trace_id: str, digest: str, found: _Findings) -> Report:
        ranked = _best_of_each_copy(found.tested)
        needed = rules.needed(found.hypotheses)
        accused = [one for one in ranked if one.score >= needed]
        evidence = heat_map(accused[0].laid.over, accused[0].differences, accused[0].signs) if accused else b""
        return Report(
            id=trace_id,
            file_sha256=digest,
            tested=len(ranked),
            hypotheses=found.hypotheses,
            shredded=found.shredded,
            uncommitted=found.uncommitted,
            found_in=tuple(dict.fromkeys(one.copy.original for one in found.tested)),
            bound=rules.BOUND,
            needed=needed,
            best=ranked[0].score if ranked else 0.0,
            candidates=tuple(self._candidates(accused, found.hypotheses)),
            evidence=evidence,
        )

    def _candidates(self, accused: Sequence[_Tested], hypotheses: int) -> Iterator[Candidate]:
        for one in accused:
            release = self._releases.get(one.copy.release)
            matter = self._matters.get(one.copy.matter)
            recipient = matter.recipient(release.recipient)
            yield Candidate(
                rendition=one.copy.rendition,
                release=release.id,
                matter=matter.id,
                original=one.copy.original,
                recipient=recipient.name,
                custody=tuple(matter.recipient(held).name for held in recipient.custody),
                left=release.state in _HANDED_OVER,
                score=one.score,
                by_chance=rules.by_chance(one.score, hypotheses),
                commitment=one.copy.commitment,
                entry=one.entry,
            )


def _best_of_each_copy(tested: Sequence[_Tested]) -> list[_Tested]:
    """The best first, and of renditions that took one another's place in a release the one that fits best."""
    ranked = sorted(tested, key=lambda one: -one.score)
    first: dict[tuple[str, str], _Tested] = {}
    for one in ranked:
        first.setdefault((one.copy.release, one.copy.original), one)
    return [*first.values()]
