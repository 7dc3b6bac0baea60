"""From clean renditions to a manifest: every document made, searched by the gate like a rendition, and digested.

Withheld index, README, verification report and manifest pass the residue gate against the withheld values of every
rendition in the release; a finding refuses the submission.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from gateway.base.canon import Json, canonical
from gateway.formats.ports import Format
from gateway.matter.model import Matter, Recipient
from gateway.policy.service import Source
from gateway.release import compose as documents
from gateway.release.index_pdf import withheld_pdf
from gateway.release.model import Part, Profile, Release
from gateway.render.model import Rendition
from gateway.render.passages import unsaid
from gateway.render.service import Renders
from gateway.residue import walled
from gateway.residue.model import TextExpectation, WithheldSet
from gateway.review.model import Quorum
from gateway.review.rules import combined
from gateway.sandbox.ports import Sandbox
from gateway.seal.recipient import recipient_fingerprint
from gateway.seal.twin import PublicTwin
from gateway.verify import SCRIPT

MANIFEST_PATH = "manifest.json"
MEDIA_TYPES = {"csv": "text/csv", "json": "application/json", "pdf": "application/pdf", "txt": "text/plain"}


@dataclass(frozen=True, slots=True)
class Composition:
    """A composed release: its parts in order, the bytes of the new ones, and the quorum its policies ask for."""

    parts: tuple[Part, ...]
    data: Mapping[str, bytes]
    quorum: tuple[Quorum, ...]
    manifest_sha256: str

    def new_documents(self) -> Iterator[tuple[str, bytes]]:
        """The documents that are not kept yet."""
        yield from self.data.items()

    def with_objects(self, objects: Mapping[str, str]) -> tuple[Part, ...]:
        """The parts, each naming the object that keeps its bytes."""
        return tuple(
            replace(part, object_id=objects[part.path]) if part.path in objects else part for part in self.parts
        )


def compose(
    session: Session,
    renders: Renders,
    sandbox: Sandbox,
    *,
    release: Release,
    matter: Matter,
    recipient: Recipient,
    renditions: Sequence[Rendition],
    formats: Mapping[str, Format],
    source: Source,
    signer: PublicTwin,
    log: Sequence[str],
    time_stamped: bool,
) -> Composition:
    """Make every document of the release, in the order in which they bind one another."""
    files, lines, reports, quorums, withheld = _files(session, renders, renditions, formats)
    proofs = _proofs(session, renders, renditions, files)
    heading = f"{release.id} · {recipient.name} · {release.created_at.date().isoformat()}"
    made = {
        "withheld.csv": documents.withheld_csv(lines),
        "withheld.pdf": withheld_pdf(lines, heading=heading),
        "residue.json": documents.residue_json(reports),
        "README.txt": documents.readme_txt(release, matter, recipient),
        "verify.py": SCRIPT.read_bytes(),
        **{path: canonical(proof) for path, proof in proofs.items()},
    }
    quorum = combined(quorums)
    key = recipient.age_key if release.profile is Profile.SEALED else None
    parts = [*files, *(_part(path, "document", data) for path, data in made.items())]
    manifest = documents.manifest_json(
        release,
        matter,
        recipient,
        key_fingerprint=recipient_fingerprint(key) if key else None,
        source=source,
        parts=parts,
        quorum=quorum,
        signer=signer,
        log=log,
        time_stamped=time_stamped,
    )
    made[MANIFEST_PATH] = manifest
    parts.append(_part(MANIFEST_PATH, "manifest", manifest))
    own = _own_words(manifest, made["residue.json"]) | {recipient.name, heading, matter.id, release.id}
    own |= {word for proof in proofs.values() for word in _proof_words(proof)}
    told = made | {path: documents.proof_words(proof) for path, proof in proofs.items()}
    texts = [
        (data, TextExpectation(path, MEDIA_TYPES[path.rpartition(".")[2]]))
        for path, data in told.items()
        if path != SCRIPT.name
    ]
    # A word that one document withholds may stand in what another's policy says: the index holds the lines of both.
    policies = frozenset[str]().union(*(one.constants for one in withheld))
    for one in withheld:
        values = unsaid(one.values, policies - one.constants)
        walled.require_clean(sandbox, texts, replace(one, values=values, constants=policies | own))
    return Composition(tuple(parts), made, quorum, hashlib.sha256(manifest).hexdigest())


def _files(
    session: Session, renders: Renders, renditions: Sequence[Rendition], formats: Mapping[str, Format]
) -> tuple[
    list[Part], list[documents.IndexLine], list[tuple[str, Mapping[str, Json]]], list[Quorum], list[WithheldSet]
]:
    files: list[Part] = []
    lines: list[documents.IndexLine] = []
    reports: list[tuple[str, Mapping[str, Json]]] = []
    quorums: list[Quorum] = []
    withheld: list[WithheldSet] = []
    numbers: dict[str, int] = {}
    for one in renditions:
        numbers[one.kind] = numbers.get(one.kind, 0) + 1
        path = documents.path_of(one.kind, numbers[one.kind], formats[one.id].extensions[one.media_type or ""])
        told = json.loads(renders.part(session, one.decisions_object))
        lines += [documents.IndexLine(path=path, **line) for line in told["withheld"]]
        quorums += [Quorum(**need) for need in told["quorum"]]
        reports.append((path, json.loads(renders.part(session, one.residue_object))))
        withheld.append(renders.withheld_of(session, one))
        files.append(
            Part(
                path=path,
                role="file",
                object_id=one.object_id or "",
                sha256=one.sha256 or "",
                size_bytes=one.size_bytes or 0,
                kind=one.kind,
                media_type=one.media_type,
                rendition=one.id,
                decisions_sha256=one.decisions_sha256,
                residue_sha256=one.residue_sha256,
                policy=one.policy,
            )
        )
    return files, lines, reports, quorums, withheld


def _proofs(
    session: Session, renders: Renders, renditions: Sequence[Rendition], files: Sequence[Part]
) -> dict[str, Mapping[str, Any]]:
    """The proof of every table, by its path in the package, each naming its file."""
    paths = {part.rendition: part.path for part in files}
    return {
        documents.proof_path(paths[one.id]): {
            **json.loads(renders.part(session, one.proof_object)),
            "file": paths[one.id],
        }
        for one in renditions
        if one.proof_object is not None
    }


def _proof_words(proof: Mapping[str, Any]) -> Iterator[str]:
    """The gateway's own words in a proof; titles are the policy's."""
    yield from _keys(proof)
    yield proof["type"]
    for column in proof["columns"]:
        yield from column.get("rules", ())


def _part(path: str, role: str, data: bytes) -> Part:
    return Part(path=path, role=role, object_id="", sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def _own_words(manifest: bytes, residue: bytes) -> frozenset[str]:
    """The gateway's own words in the documents: a withheld cell may hold the word "range" without voiding the README.

    The name of the log is, which is the discloser's own. Paths, other names and ids are not among them: what came from
    an original must not hide there.
    """
    told, reports = json.loads(manifest), [one["report"] for one in json.loads(residue)["files"]]
    kinds = {one["kind"] for one in told["files"]}
    return frozenset(
        {
            *documents.README_LINES,
            *documents.INDEX_COLUMNS,
            *_keys(told),
            *_keys(json.loads(residue)),
            *kinds,
            *(kind.replace("_", "-") for kind in kinds),
            *(one["media_type"] for one in told["files"]),
            *told["policy"]["policies"],
            *(word for report in reports for word in (report["medium"], *report["parsers"], *report["passed"])),
            *(part["path"] for part in told["documents"]),
            *(key.partition("+")[0] for key in told["log"]),
            told["type"],
            documents.RESIDUE_TYPE,
            told["engine"],
            told["profile"],
            told["recipient"]["class"],
        }
    )


def _keys(told: Json) -> Iterator[str]:
    if isinstance(told, Mapping):
        yield from told
        for inner in told.values():
            yield from _keys(inner)
    elif isinstance(told, list):
        for inner in told:
            yield from _keys(inner)
