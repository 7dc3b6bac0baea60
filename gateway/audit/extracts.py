"""Some entries of the log with the proof of each, and of one matter the proof that none is missing or that it is none.

1. The extract is an entry (`audit.exported`) and, where it is all of one matter, so is the map of all matters
   (`matters.mapped`), both before the checkpoint under which everything is proven, and both in the extract.
2. What is chosen is read from leaves that hash to what the gateway wrote.
3. Everything is checked against the checkpoint's root before it is handed out.
"""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.audit import export, lineage, matters, rules, tree
from gateway.audit.export import put, put_succession
from gateway.audit.model import (
    Act,
    Export,
    ExtractTooLarge,
    Filter,
    FilterMalformed,
    LogDamaged,
    LogShrank,
    SignedCheckpoint,
)
from gateway.audit.service import Log
from gateway.audit.tables import EntryRow, MapRow
from gateway.audit.views import Viewing, check_views, tail_line
from gateway.base.canon import Json, canonical
from gateway.db.unit import Units
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import keyed_map, merkle
from gateway.seal.keyed_map import NOTHING, name_of, value_of
from gateway.seal.keyed_map import Path as MapPath

EXTRACT_TYPE = "disclosure-gateway/extract/v1"
CONSISTENCY_TYPE = "disclosure-gateway/consistency/v1"
ENTRIES_MAX = 20_000

TAIL_ENTRIES = 2_000
TAIL_BYTES = 1 << 20
# Who waits holds a thread that others could use.
WAITING_MAX = 4
_WAITING = BoundedSemaphore(WAITING_MAX)
_LOOK_S = 0.25

_BLOCK = 1 << tree.STORED_FROM_LEVEL


@dataclass(frozen=True, slots=True)
class Mapped:
    """A map of all matters as entry `index` speaks of it, with the key that its names are made with."""

    index: int
    exported: int | None
    key: bytes
    standing: matters.Standing

    def proof(self, matter: str) -> dict[str, Json]:
        """That this matter has so many entries, the last of which is this; or that there is none."""
        name = name_of(self.key, matter)
        count, last = self.standing.ends.get(matter, (0, None))
        built = self.standing.map(self.key)
        path = built.path(name)
        keyed_map.check_path(built.root(), name, value_of(count, last) if last else None, path)
        return {
            "mapped": self.index,
            "key": _b64(self.key),
            "count": count,
            "last": last.hex() if last else None,
            **_path(path),
        }


class Extracts:
    """Chooses entries of the log and writes them with their proofs, under what `checkpoint` gives, which may be
    cosigned.
    """

    def __init__(
        self, units: Units, keyring: Keyring, log: Log, checkpoint: Callable[[], SignedCheckpoint] | None = None
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._checkpoint = checkpoint or log.checkpoint

    def map_matters(self, exported: Act | None = None) -> Mapped:
        """Write the map of all matters into the log, after `exported` where that is given.

        Most of the log is gone through before the transaction begins.
        """
        with self._units.read() as session:
            known = self._map_key(session)
            standing = matters.Standing() if known is None else matters.stored(session, self._mac_key(session), known)
            standing.advance(session, tree.size(session), self._mac_key(session))
        with self._units.change() as session:
            entry = None if exported is None else self._log.append(session, exported)
            key_id = self._keyring.ensure(session, role=KeyRole.MATTER_MAP, owner=DEPLOYMENT)
            key = self._keyring.unwrap(session, key_id)
            standing.advance(session, tree.size(session), self._mac_key(session))
            facts: dict[str, Json] = {
                "root": standing.map(key).root().hex(),
                "key": keyed_map.key_commitment(key).hex(),
            }
            index = self._log.append(session, Act(matters.MAPPED, "gateway", facts=facts))
            matters.keep(session, standing, index)
        return Mapped(index, entry, key, standing)

    def keep_mapped(self) -> bool:
        """Map the matters if one has moved since they were last mapped; whether they were mapped now."""
        with self._units.read() as session:
            newest = session.scalar(select(func.max(MapRow.index)))
            moved = select(EntryRow.index).where(EntryRow.matter.is_not(None), EntryRow.index > (newest or -1)).limit(1)
            if session.scalar(moved) is None:
                return False
        self.map_matters()
        return True

    def write(
        self, sink_dir: Path, wanted: Filter, *, actor: str, views: Collection[str] = (), kept: int | None = None
    ) -> Export:
        """Write the wanted entries into the new folder `sink_dir`, which appears complete or not at all.

        With `kept`, the size of a checkpoint that somebody holds, also the proof that the log continues it. At most
        `ENTRIES_MAX` entries, or `ExtractTooLarge`.
        """
        rules.check_filter(wanted)
        check_views(views)
        if not wanted.given:
            raise FilterMalformed("An extract needs a filter; without one, export the whole log.")
        act = Act("audit.exported", actor, facts={"filter": wanted.given})
        mapped = self.map_matters(act) if wanted.whole_matter else None
        exported = self._log.refused(act) if mapped is None or mapped.exported is None else mapped.exported
        checkpoint = self._checkpoint()
        with self._units.read() as session:
            return export.write(
                sink_dir,
                name=self._log.name,
                key=signing_twin(self._keyring, session, Signer.LOG),
                checkpoint=checkpoint,
                readme=export.EXTRACT_README,
                fill=lambda folder: self._fill(session, folder, wanted, exported, mapped, checkpoint, views, kept),
            )

    def tail(self, wanted: Filter, start: int | None, form: str, wait_s: float = 0) -> tuple[bytes, int]:
        """Lines of the wanted entries from `start` on, in the form of a view or as leaves, and where to go on from.

        Without a `start` nothing but the log's end. Waits up to `wait_s` for a first entry, unless `WAITING_MAX` others
        wait already; looks at `TAIL_ENTRIES` entries and gives `TAIL_BYTES` at most, and one line more.
        """
        rules.check_filter(wanted)
        make = tail_line(form)
        if start is None:
            return b"", self._log.size()
        if wait_s and _WAITING.acquire(blocking=False):
            try:
                self._await(start, wait_s)
            finally:
                _WAITING.release()
        told, index = io.BytesIO(), start
        for index, leaf in enumerate(self._log.entries(start, start + TAIL_ENTRIES), start + 1):
            if wanted.matches(json.loads(leaf)):
                told.write(make(self._log.name, index - 1, leaf))
            if told.tell() > TAIL_BYTES:
                break
        return told.getvalue(), index

    def _await(self, start: int, wait_s: float) -> None:
        until = time.monotonic() + wait_s
        # Who asks from behind the end did not come from an answer of ours, and would wait for nothing.
        while self._log.size() == start and (left := until - time.monotonic()) > 0:
            time.sleep(min(_LOOK_S, left))

    def _fill(
        self,
        session: Session,
        folder: Path,
        wanted: Filter,
        exported: int,
        mapped: Mapped | None,
        checkpoint: SignedCheckpoint,
        views: Collection[str],
        kept: int | None,
    ) -> None:
        own = [exported, *([mapped.index] if mapped else [])]
        chosen = self._matter(session, wanted, mapped) if mapped else self._chosen(session, wanted, exported)
        nodes = _reader(session)
        lines, proofs = folder / "entries.jsonl", folder / "proofs.jsonl"
        with lines.open("wb") as entries, proofs.open("wb") as paths, Viewing(folder, views, self._log.name) as viewing:
            for index, leaf in _bounded([*chosen, *((one, self._log.entry_in(session, one)) for one in own)]):
                proof = merkle.inclusion_proof(index, checkpoint.size, nodes)
                merkle.check_inclusion(index, checkpoint.size, merkle.leaf_hash(leaf), proof, checkpoint.root)
                entries.write(leaf + b"\n")
                paths.write(canonical({"index": index, "proof": [_b64(one) for one in proof]}) + b"\n")
                viewing.take(index, leaf)
        told: dict[str, Json] = {
            "type": EXTRACT_TYPE,
            "log": self._log.name,
            "filter": wanted.given,
            "exported": exported,
            "matter": mapped.proof(str(wanted.matter)) if mapped else None,
        }
        put(folder / "extract.json", canonical(told))
        put_succession(folder, lineage.lines(session, self._keyring))
        if kept is not None:
            put(folder / "consistency.json", canonical(_consistency(kept, checkpoint, nodes)))

    def _matter(self, session: Session, wanted: Filter, mapped: Mapped) -> list[tuple[int, bytes]]:
        """All entries of the matter that the map speaks of; `LogDamaged` where the database gives others."""
        query = select(EntryRow.index).where(EntryRow.matter == wanted.matter, EntryRow.index < mapped.index)
        indexes = session.scalars(query.order_by(EntryRow.index)).all()
        found = [(index, self._log.entry_in(session, index)) for index in indexes]
        count, last = mapped.standing.ends.get(str(wanted.matter), (0, None))
        if len(found) != count or (found and merkle.leaf_hash(found[-1][1]) != last):
            raise LogDamaged("The entries filed under this matter are not those that belong to it.")
        return found

    def _chosen(self, session: Session, wanted: Filter, stop: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        for index, (leaf, _hash) in enumerate(tree.leaves(session, 0, stop, self._mac_key(session))):
            if wanted.matches(json.loads(leaf)):
                found.append((index, leaf))
                if len(found) > ENTRIES_MAX:
                    break
        return found

    def _mac_key(self, session: Session) -> bytes:
        return lineage.mac_key(session, self._keyring)

    def _map_key(self, session: Session) -> bytes | None:
        return matters.key_of_maps(session, self._keyring, tree.size(session))


def _bounded(chosen: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    if len(chosen) > ENTRIES_MAX:
        raise ExtractTooLarge(
            f"An extract has at most {ENTRIES_MAX:,} entries; narrow the filter, or export the whole log."
        )
    return iter(chosen)


def _consistency(kept: int, checkpoint: SignedCheckpoint, nodes: merkle.Nodes) -> Mapping[str, Json]:
    if kept > checkpoint.size:
        raise LogShrank(f"The log has {checkpoint.size} entries, and the checkpoint held outside is over {kept}.")
    proof = [_b64(one) for one in merkle.consistency_proof(kept, checkpoint.size, nodes)]
    return {"type": CONSISTENCY_TYPE, "old": kept, "new": checkpoint.size, "proof": proof}


def _reader(session: Session) -> merkle.Nodes:
    """The nodes of the tree, for proofs of ascending entries: small subtrees are read a block at a time."""
    large = lru_cache(maxsize=4096)(tree.nodes(session))
    block = lru_cache(maxsize=4)(lambda start: tree.block(session, start, _BLOCK))

    def read(level: int, index: int) -> bytes:
        if level >= tree.STORED_FROM_LEVEL:
            return large(level, index)
        first = (index << level) // _BLOCK * _BLOCK
        try:
            return block(first)(level, index - (first >> level))
        except IndexError:
            raise LogDamaged(f"The log lacks entries from {first} on; restore it from a backup.") from None

    return read


def _path(path: MapPath) -> dict[str, Json]:
    """A path in its short form: which neighbours there are, from the root down, and those."""
    return {
        "beside": "".join("0" if one == NOTHING else "1" for one in path.beside),
        "path": _b64(b"".join(one for one in path.beside if one != NOTHING)),
        "other": None if path.other is None else _b64(b"".join(path.other)),
    }


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
