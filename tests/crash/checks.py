"""What has to hold after every crash, whatever was interrupted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.base.problems import Problem
from gateway.intake.tables import OriginalRow, UploadRow
from gateway.release.model import State
from gateway.release.register import NotDispatched
from gateway.release.tables import ReleaseRow
from gateway.render.tables import RenditionRow
from gateway.review.tables import ApprovalRow
from gateway.vault.tables import StagedPartRow, StoredObjectRow
from gateway.verify import verify_export
from tests.crash.stages import reopened
from tests.support.world import World

RESTART_S = 5.0
_STATE_OF = {
    "release.drafted": "draft",
    "release.submitted": "in_review",
    "release.approved": "approved",
    "release.refused": "refused",
    "release.reopened": "draft",
    "release.dispatched": "dispatched",
}
_RENDITION_OF = {
    "rendition.requested": "queued",
    "rendition.clean": "clean",
    "rendition.waiting": "waiting",
    "rendition.blocked": "blocked",
    "rendition.refused": "refused",
    "rendition.reviewed": "reviewed",
}


@dataclass(frozen=True)
class Held:
    """What somebody outside keeps from before the crash: the newest checkpoint, and the log's key."""

    checkpoint: str
    vkey: str


def held_by(world: World) -> Held:
    """Take both."""
    return Held(world.gateway.log.checkpoint().text, world.gateway.log.vkey())


def restarted(folder: Path) -> tuple[World, dict[str, str]]:
    """Open the folder as a restart does, which tidies it, in less than five seconds."""
    this = Path("/proc/thread-self")
    started, waited = time.monotonic(), waited_s(this)
    opened = reopened(folder)
    assert time.monotonic() - started - (waited_s(this) - waited) < RESTART_S
    return opened


def waited_s(task: Path) -> float:
    """How long this task could have gone on but others had the processors; 0 where the kernel does not say."""
    try:
        return int((task / "schedstat").read_text("ascii").split()[1]) / 1e9
    except FileNotFoundError:
        return 0.0


def check_all(world: World, held: Held, export: Path) -> list[dict[str, Any]]:
    """Everything that does not depend on the stage; the log's entries."""
    check_bytes(world)
    entries = check_log(world, held, export)
    check_entries(world, entries)
    check_unapproved(world)
    return entries


def check_bytes(world: World) -> None:
    """No row without its blob, no blob without its row, and every blob opens to the bytes that were kept."""
    gateway = world.gateway
    with gateway.units.read() as session:
        rows = {row.id: row.blob_name for row in session.scalars(select(StoredObjectRow))}
        for object_id in rows:
            with gateway.vault.open(session, object_id) as opened:
                assert sum(map(len, opened.chunks())) == opened.plaintext_bytes
        staged = set(session.scalars(select(StagedPartRow.blob_name)))
        for upload in session.scalars(select(UploadRow)):
            parts = tuple(gateway.uploads._staging.parts(session, upload=upload.id, matter=upload.matter))
            assert len(parts) == (0 if upload.original else upload.parts)
            received = 0
            for part in parts:
                with gateway.uploads._staging.open(part) as opened:
                    received += sum(map(len, opened.chunks()))
            assert upload.original or received == upload.received_bytes
    folder = gateway.settings.blobs_dir
    assert {path.name for path in folder.iterdir() if path.is_file()} == {*rows.values(), *staged}
    assert list((folder / "tmp").iterdir()) == []


def check_log(world: World, held: Held, export: Path) -> list[dict[str, Any]]:
    """Every entry hashes into the tree, the export verifies and continues what was held outside."""
    log = world.gateway.log
    size = log.size()
    assert log.check() == size
    log.export(export)
    report = verify_export(export, log_key=held.vkey, checkpoint=held.checkpoint)
    assert report.ok, report.to_json()
    entries = [json.loads(line) for line in (export / "entries.jsonl").read_bytes().splitlines()]
    assert len(entries) == size
    return entries


def check_entries(world: World, entries: Sequence[Mapping[str, Any]]) -> None:
    """State and log say the same, in both directions."""
    with world.gateway.units.read() as session:
        originals = {row.id: row for row in session.scalars(select(OriginalRow))}
        renditions = {row.id: row.state for row in session.scalars(select(RenditionRow))}
        releases = {row.id: row.state for row in session.scalars(select(ReleaseRow))}
        approvals = {row.audit_index: row.release for row in session.scalars(select(ApprovalRow))}
        packages = list(session.scalars(select(StoredObjectRow.id).where(StoredObjectRow.role == "package")))
        named = {row.package_object for row in session.scalars(select(ReleaseRow)) if row.package_object}
    assert _indexes(entries, "original.kept") == {row.audit_index: row.id for row in originals.values()}
    assert set(_indexes(entries, "original.classified").values()) == {
        row.id for row in originals.values() if row.classification is not None
    }
    assert _latest(entries, _RENDITION_OF) == renditions
    assert _latest(entries, _STATE_OF) == releases
    assert _indexes(entries, "release.approval") == approvals
    assert set(packages) == named
    assert len(packages) == sum(state == State.DISPATCHED for state in releases.values())


def check_unapproved(world: World) -> None:
    """A release that is not approved has no package, and nobody gets one."""
    gateway, dispatcher = world.gateway, world.actors["dispatcher"]
    with gateway.units.read() as session:
        states = {row.id: State(row.state) for row in session.scalars(select(ReleaseRow))}
    before = gateway.log.size()
    for release, state in states.items():
        if state is State.DISPATCHED:
            continue
        assert gateway.releases.get(release).package_object is None
        with pytest.raises(NotDispatched):
            gateway.dispatch.package(dispatcher, release)
        if state is not State.APPROVED:
            with pytest.raises(Problem):
                gateway.dispatch.dispatch(dispatcher, release)
    assert gateway.log.size() == before


def check_acknowledged(world: World, acknowledged: Iterable[Mapping[str, Any]], entries: list[dict[str, Any]]) -> None:
    """Whatever had been answered before the crash is there, as it was answered."""
    for told in acknowledged:
        name = next(iter(told))
        _ACKNOWLEDGED[name](world, told, entries)


def opened_sha256(world: World, object_id: str) -> str:
    """The digest of the bytes that an object opens to."""
    digest = hashlib.sha256()
    with world.gateway.units.read() as session, world.gateway.vault.open(session, object_id) as opened:
        for chunk in opened.chunks():
            digest.update(chunk)
    return digest.hexdigest()


def plaintext_in(folder: Path, runs: Iterable[bytes], seen: Path | None = None) -> list[tuple[str, bytes]]:
    """Which of these runs of bytes lie in which file below `folder`; files that are the same below `seen` are known."""
    wanted = tuple(runs)
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            known = seen / path.relative_to(folder) if seen else path
            if known == path or not known.exists() or known.read_bytes() != data:
                found += [(path.name, run) for run in wanted if run in data]
    return found


def runs_of(data: bytes, most: int = 100) -> tuple[bytes, ...]:
    """Runs of 16 bytes of an original, spread over all of it; every one of a small original."""
    step = max(1, (len(data) - 16) // most)
    return tuple(data[start : start + 16] for start in range(0, len(data) - 15, step))


def _original(world: World, told: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
    original = world.gateway.intake.get(told["original"])
    assert original.sha256 == told["sha256"] == opened_sha256(world, original.object_id)
    entry = entries[told["index"]]
    assert (entry["type"], entry["subject"]) == ("original.kept", original.id)


def _staged(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.uploads.get(world.actors["builder"], told["staged"]).received_bytes >= told["received"]


def _classified(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.intake.get(told["classified"]).classification is not None


def _requested(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.renders.get(told["requested"]).id == told["requested"]


def _rendered(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    one = world.gateway.renders.get(told["rendered"])
    assert told["state"] == "clean" == one.state.value
    assert one.object_id is not None
    assert one.sha256 == told["sha256"] == opened_sha256(world, one.object_id)


def _submitted(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    release = world.gateway.releases.get(told["submitted"])
    assert release.manifest_sha256 == told["manifest"]
    manifest = world.gateway.releases.document(release.id, "manifest.json")
    assert hashlib.sha256(manifest).hexdigest() == told["manifest"]


def _reviewed(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.renders.get(told["reviewed"]).state.value == "reviewed"


def _approved(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    given = world.gateway.releases.approvals(told["approved"])[0]
    assert told["by"] in {one.approver for one in given}


def _dispatched(world: World, told: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
    release = world.gateway.releases.get(told["dispatched"])
    assert release.state is State.DISPATCHED
    assert release.package_object is not None
    assert release.package_sha256 == told["sha256"] == opened_sha256(world, release.package_object)
    assert entries[told["index"]]["type"] == "release.sealed"


def _handed_out(world: World, told: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
    assert told["handed_out"] in _indexes(entries, "package.handed_out").values()


def _matter(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.matters.get(told["matter"]).id == told["matter"]


def _signed(world: World, told: Mapping[str, Any], _entries: list[dict[str, Any]]) -> None:
    assert world.gateway.log.size() >= int(told["signed"].splitlines()[1])


_ACKNOWLEDGED = {
    "original": _original,
    "staged": _staged,
    "classified": _classified,
    "requested": _requested,
    "rendered": _rendered,
    "submitted": _submitted,
    "reviewed": _reviewed,
    "approved": _approved,
    "dispatched": _dispatched,
    "handed_out": _handed_out,
    "matter": _matter,
    "signed": _signed,
}


def _indexes(entries: Sequence[Mapping[str, Any]], kind: str) -> dict[int, str]:
    return {index: entry["subject"] for index, entry in enumerate(entries) if entry["type"] == kind}


def _latest(entries: Sequence[Mapping[str, Any]], states: Mapping[str, str]) -> dict[str, str]:
    return {entry["subject"]: states[entry["type"]] for entry in entries if entry["type"] in states}
