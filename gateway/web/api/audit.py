"""The log: entries, checkpoints, proofs, keys, export."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.audit.model import Act
from gateway.people.model import Actor, Permission
from gateway.seal.merkle import leaf_hash
from gateway.seal.twin import public_pem
from gateway.web.conditions import InKnown
from gateway.web.deps import InGateway, holding
from gateway.web.schemas.audit import ConsistencyOut, InclusionOut, KeysOut
from gateway.web.security import API
from gateway.web.stream import Download, peeked

router = APIRouter(prefix=f"{API}/audit", tags=["audit"])

Reader = Annotated[Actor, holding(Permission.AUDIT_READ)]
Exporter = Annotated[Actor, holding(Permission.AUDIT_EXPORT)]
Index = Annotated[int, Query(ge=0, le=2**53 - 1)]

_CHUNK_BYTES = 1 << 16
_LINES_AT_ONCE = 256


@router.get("/checkpoint", operation_id="showCheckpoint", response_class=Response, summary="A signed checkpoint")
def show_checkpoint(gateway: InGateway, _actor: Reader, known: InKnown) -> Response:
    """Over the whole log as it stands, as C2SP tlog-checkpoint text, with lines of witnesses. Keep it outside."""
    return known.document(
        gateway.cosigning.kept(gateway.log.checkpoint()).checkpoint.text.encode(), "text/plain; charset=utf-8"
    )


@router.get("/entries", operation_id="listEntries", response_class=Response, summary="Entries as JSON Lines")
def list_entries(gateway: InGateway, _actor: Reader, start: Index = 0, stop: Index | None = None) -> Response:
    """Entries `start` up to but without `stop`, in order; each line without its line feed is the hashed leaf."""
    lines = gateway.log.entries(start, gateway.log.size() if stop is None else stop)
    return Download(peeked(_joined(lines)), lambda: None, media_type="application/jsonl")


@router.get("/proof/inclusion", operation_id="proveInclusion", summary="Prove that an entry is in the log")
def prove_inclusion(gateway: InGateway, _actor: Reader, index: Index, size: Index) -> InclusionOut:
    """For the tree of the first `size` entries."""
    leaf = gateway.log.entry(index)
    proof = gateway.log.inclusion_proof(index, size)
    return InclusionOut(
        index=index, size=size, leaf_hash=leaf_hash(leaf).hex(), proof=[hashed.hex() for hashed in proof]
    )


@router.get("/proof/consistency", operation_id="proveConsistency", summary="Prove that the log only grew")
def prove_consistency(gateway: InGateway, _actor: Reader, old: Index, new: Index) -> ConsistencyOut:
    """That the tree of `new` entries begins with that of `old`."""
    proof = gateway.log.consistency_proof(old, new)
    return ConsistencyOut(old=old, new=new, proof=[hashed.hex() for hashed in proof])


@router.get("/keys", operation_id="listKeys", response_model=KeysOut, summary="The keys that outsiders verify with")
def list_keys(gateway: InGateway, _actor: Reader, known: InKnown) -> Response:
    """Hand them out by another way than the packages; the fingerprints are for reading aloud."""
    log, package = gateway.log.public_key(), gateway.package_key().public
    return known.shown(
        KeysOut(
            log_vkey=gateway.log.vkey(),
            log_pem=public_pem(log).decode(),
            log_fingerprint=log.fingerprint,
            package_pem=public_pem(package).decode(),
            package_fingerprint=package.fingerprint,
        )
    )


@router.post("/exports", operation_id="exportLog", response_class=Response, summary="The whole log as a zip")
def export_log(gateway: InGateway, actor: Exporter) -> Response:
    """The export folder with its own verifier. The export is the last entry in it; a repetition is a new export."""
    with gateway.units.change() as session:
        gateway.log.append(session, Act(type="audit.exported", actor=actor.person_id))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audit-export-")))
        gateway.cosigning.export(folder / "audit-export")
        packed = folder / "audit-export.zip"
        _zip(folder / "audit-export", packed)
        file = stack.enter_context(packed.open("rb"))
        chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
        size = str(packed.stat().st_size)
        return Download(chunks, stack.pop_all().close, media_type="application/zip", headers={"Content-Length": size})


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{folder.name}/{path.name}")
    shutil.rmtree(folder)


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    batch: list[bytes] = []
    for line in lines:
        batch += (line, b"\n")
        if len(batch) >= 2 * _LINES_AT_ONCE:
            yield b"".join(batch)
            batch = []
    if batch:
        yield b"".join(batch)
