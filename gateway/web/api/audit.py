"""The log: entries, checkpoints, proofs, keys, export."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from gateway.audit import tiles
from gateway.audit.model import Act, Filter
from gateway.audit.views import LEAVES, NAMES, check_views
from gateway.people.model import Actor, Permission
from gateway.seal.merkle import leaf_hash
from gateway.seal.tiles import WIDTH, parse_place
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
Id = Annotated[str | None, Query(max_length=128)]
Moment = Annotated[str | None, Query(max_length=24, description="Such as 2026-01-31T08:00:00.000Z")]
Level = Annotated[int, Path(ge=0, le=63)]
Views = Annotated[list[str], Query(max_length=len(NAMES), description=f"Of {', '.join(NAMES)}")]

_CHUNK_BYTES = 1 << 16
_BYTES = "application/octet-stream"
# Kept by who asked alone: the answer was given to a token.
_FOR_EVER = "private, max-age=31536000, immutable"


async def _filter(
    matter: Id = None,
    actor: Id = None,
    type: Annotated[  # noqa: A002 an act's word
        str | None, Query(max_length=64, description="A type, or its beginning with the dot")
    ] = None,
    since: Moment = None,
    until: Moment = None,
) -> Filter:
    """Which entries are asked for; nothing given is all of them."""
    return Filter(matter, actor, type, since, until)


InFilter = Annotated[Filter, Depends(_filter)]
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


@router.get(
    "/tile/entries/{tile:path}", operation_id="showEntryTile", response_class=Response, summary="256 entries of the log"
)
def show_entry_tile(gateway: InGateway, _actor: Reader, known: InKnown, tile: str) -> Response:
    """A bundle of entries as C2SP tlog-tiles has it, such as `x001/234` or `x001/234.p/56`: each behind its length in
    two bytes.
    """
    return known.document(tiles.entry_bundle(gateway.log, parse_place(tile)), _BYTES)


@router.get(
    "/tile/{level}/{tile:path}", operation_id="showHashTile", response_class=Response, summary="256 hashes of the tree"
)
def show_hash_tile(gateway: InGateway, _actor: Reader, known: InKnown, level: Level, tile: str) -> Response:
    """A tile of hashes as C2SP tlog-tiles has it; where it is full, it never changes and may be kept."""
    place = parse_place(tile)
    answer = known.document(tiles.hash_tile(gateway.units, gateway.log, level, place), _BYTES)
    if place.width == WIDTH:
        answer.headers["Cache-Control"] = _FOR_EVER
    return answer


@router.get(
    "/entries/{index}/proof",
    operation_id="proveEntry",
    response_class=Response,
    summary="An entry with its proof, as a file",
)
def prove_entry(gateway: InGateway, _actor: Reader, index: Annotated[int, Path(ge=0, le=2**53 - 1)]) -> Response:
    """C2SP tlog-proof: the entry, its inclusion proof, and a checkpoint; one that a quorum of witnesses cosigned, where
    there is one over this entry. `verify.py` checks it with the log's keys alone.
    """
    return Response(gateway.cosigning.tlog_proof(index), media_type="text/plain; charset=utf-8")


@router.get("/tail", operation_id="tailEntries", response_class=Response, summary="New entries as they come")
def tail_entries(
    gateway: InGateway,
    _actor: Reader,
    wanted: InFilter,
    start: Annotated[Index | None, Query(description="`Next-Start` of the answer before")] = None,
    wait_s: Annotated[int, Query(ge=0, le=20, description="Wait so long for a first entry")] = 0,
    form: Annotated[str, Query(max_length=16, description="jsonl, csv, ocsf, cef or syslog")] = LEAVES,
) -> Response:
    """Entries from `start` on, a line each, for who follows the log; `Next-Start` says where to go on from. Nothing is
    left out or told twice. Without `start`, where the log ends now.
    """
    lines, after = gateway.extracts.tail(wanted, start, form, wait_s)
    return Response(lines, media_type="text/plain; charset=utf-8", headers={"Next-Start": str(after)})


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


@router.post("/exports", operation_id="exportLog", response_class=Response, summary="The log or a part of it as a zip")
def export_log(
    gateway: InGateway,
    actor: Exporter,
    wanted: InFilter,
    view: Views = [],  # noqa: B006 the framework makes a new one for each request
    kept: Annotated[Index | None, Query(description="Size of a checkpoint that an extract is to continue")] = None,
) -> Response:
    """The whole log, or with a filter an extract, with its own verifier. All of one matter is proven to be all of it.

    The export is an entry, the last but the map of matters in it; a repetition is a new export.
    """
    check_views(view)
    with ExitStack() as stack:
        folder = Folder(stack.enter_context(tempfile.TemporaryDirectory(prefix="audit-export-")))
        if wanted.given:
            gateway.extracts.write(folder / "audit-export", wanted, actor=actor.person_id, views=view, kept=kept)
        else:
            with gateway.units.change() as session:
                gateway.log.append(session, Act(type="audit.exported", actor=actor.person_id))
            gateway.cosigning.export(folder / "audit-export", view)
        packed = folder / "audit-export.zip"
        _zip(folder / "audit-export", packed)
        file = stack.enter_context(packed.open("rb"))
        chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
        size = str(packed.stat().st_size)
        return Download(chunks, stack.pop_all().close, media_type="application/zip", headers={"Content-Length": size})


def _zip(folder: Folder, target: Folder) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder.parent))
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
