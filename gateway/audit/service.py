"""The log: acts in, entries, checkpoints and proofs out."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from gateway.audit import export, lineage, matters, rules, tree
from gateway.audit.highwater import HighWaterMark
from gateway.audit.model import (
    ERASING,
    Act,
    Export,
    LogDamaged,
    LogEmpty,
    LogForked,
    NoSuchEntry,
    PutBack,
    RestoreRefused,
    SignedCheckpoint,
)
from gateway.audit.tables import CheckpointRow, CosignatureRow, EntryRow, StampRow
from gateway.base import clock
from gateway.base.canon import Json, canonical, parse_canonical
from gateway.base.clock import Clock
from gateway.db.unit import Units
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, create_twin, signing_twin
from gateway.seal import envelope, merkle
from gateway.seal.note import Checkpoint, NoteInvalid, check_name, sign_checkpoint, vkey_text
from gateway.seal.succession import Lineage, Named
from gateway.seal.twin import PublicTwin, SigningTwin

_RESEAL = update(EntryRow).where(EntryRow.index == bindparam("at_index")).values(body_sealed=bindparam("sealed"))


class Log:
    """The audit log of one deployment, begun as `origin` (such as `example.com/gateway`).

    Its first entry is its own: `log.opened` with the two keys that sign its checkpoints, written together with the
    first act. With `high_water` the newest checkpoint is kept in that file too, outside the database.
    """

    def __init__(
        self, units: Units, keyring: Keyring, clock: Clock, origin: str, high_water: Path | None = None
    ) -> None:
        check_name(origin)
        self._units = units
        self._keyring = keyring
        self._clock = clock
        self._origin = origin
        self._high_water = HighWaterMark(high_water) if high_water else None
        self._marked: tuple[str, int] | None = None

    @property
    def name(self) -> str:
        """What the log calls itself now: as it was begun, or as a declared restore named it."""
        with self._units.read() as session:
            return self._origin if tree.size(session) == 0 else self.lineage_in(session).newest.name

    def append(self, session: Session, act: Act) -> int:
        """Write `act` in the caller's transaction; its entry index. Commits with the change or not at all."""
        return self.append_all(session, (act,))[0]

    def append_all(self, session: Session, acts: Sequence[Act]) -> range:
        """Write `acts` in their order in the caller's transaction, for less than one by one; their entry indexes.

        They have one time. One of them refused, none is written; they commit with the change or not at all.
        """
        for act in acts:
            rules.check_act(act)
        if not acts:
            return range(0)
        end = tree.end(session, acts[0].matter)
        at = rules.check_clock(self._clock.now(), end.at)
        if end.size == 0:
            create_twin(self._keyring, session, Signer.LOG)
            keys = list(self._signing_twin(session).public.texts)
            acts = (Act("log.opened", "gateway", facts={"origin": self._origin, "keys": keys}), *acts)
        written = self._write(session, acts, end, at)
        return written if end.size else written[1:]

    def accept_clock(self) -> int:
        """Go on at the host's present time although the newest entry is later; the entry's index. Needs an operator."""
        with self._units.change() as session:
            end, now = tree.end(session, None), self._clock.now()
            facts = {"newest": clock.to_text(end.at), "now": clock.to_text(now)}
            return self._write(session, (Act("clock.accepted", "gateway", facts=facts),), end, now)[0]

    def check_clock(self) -> None:
        """Raise `ClockBehind` where nothing could be written now because the clock was set back."""
        with self._units.read() as session:
            rules.check_clock(self._clock.now(), tree.end(session, None).at)

    def refused(self, act: Act) -> int:
        """Write a refused or failed act, or one that changes nothing, in a transaction of its own; its entry index."""
        with self._units.change() as session:
            return self.append(session, act)

    def size(self) -> int:
        """How many entries are committed."""
        with self._units.read() as session:
            return tree.size(session)

    def size_in(self, session: Session) -> int:
        """How many entries the caller's transaction sees, its own among them."""
        return tree.size(session)

    def entry(self, index: int) -> bytes:
        """The leaf of entry `index`, the very bytes that are hashed."""
        with self._units.read() as session:
            return self.entry_in(session, index)

    def entry_in(self, session: Session, index: int) -> bytes:
        """The same inside a caller's transaction; `LogDamaged` where this gateway did not write it at this index."""
        return tree.leaf(session, index, self._mac_key(session))

    def entries(self, start: int, stop: int) -> Iterator[bytes]:
        """The leaves [start, stop) in order, as far as there are any; memory does not grow with their number."""
        stop = min(stop, self.size())
        for low in range(start, stop, tree.PAGE):
            with self._units.read() as session:
                key = self._mac_key(session)
                page = [leaf for leaf, _hash in tree.leaves(session, low, min(low + tree.PAGE, stop), key)]
            yield from page

    def body(self, index: int) -> Mapping[str, Any] | None:
        """The opened body of entry `index`, checked against the entry's commitment; None where it has none, or where
        a later entry says that it was erased.
        """
        with self._units.read() as session:
            row = session.get(EntryRow, index)
            if row is None:
                raise NoSuchEntry(f"The log has no entry {index}.")
            committed = json.loads(row.leaf).get("body")
            if row.body_sealed is None:
                if committed is not None and not self._erased(session, row):
                    raise LogDamaged(f"The body of entry {index} is missing; restore it from a backup.")
                return None
            tree.leaf(session, index, self._mac_key(session))
            key = self._keyring.unwrap(
                session, self._keyring.find(session, role=KeyRole.AUDIT_BODY, owner=_owner(row.matter))
            )
        opened = envelope.open_small(key, _body_context(index), row.body_sealed)
        salt, data = opened[: rules.SALT_BYTES], opened[rules.SALT_BYTES :]
        body: Mapping[str, Any] = parse_canonical(data)
        if rules.body_commitment(salt, body).hex() != committed:
            raise LogDamaged(f"The body of entry {index} is not the one its entry speaks of.")
        return body

    def erase_bodies(self, session: Session, subjects: Sequence[str]) -> list[int]:
        """Overwrite the bodies of all entries about `subjects` and destroy the keys they were sealed with; their
        indexes, for the fact `bodies` of the entry that says so. Leaves, and all that was signed over them, stay.
        """
        found = select(EntryRow.index, EntryRow.matter).where(
            EntryRow.subject.in_(subjects), EntryRow.body_sealed.is_not(None)
        )
        rows = session.execute(found.order_by(EntryRow.index)).all()
        indexes = [index for index, _matter in rows]
        session.execute(update(EntryRow).where(EntryRow.index.in_(indexes)).values(body_sealed=None))
        for matter in {matter for _index, matter in rows}:
            self._renew_body_key(session, matter)
        return indexes

    def newest(self, session: Session, *, type: str, subject: str) -> Mapping[str, Any] | None:  # noqa: A002 an act's word
        """The newest entry of this type about `subject`, read from its leaf; None where there is none."""
        found = self.newest_of(session, types=(type,), subject=subject)
        return None if found is None else found[1]

    def newest_of(
        self, session: Session, *, types: Collection[str], subject: str
    ) -> tuple[int, Mapping[str, Any]] | None:
        """Index and leaf of the newest entry of any of these types about `subject`; None where there is none."""
        found = session.scalar(
            select(EntryRow.index)
            .where(EntryRow.subject == subject, EntryRow.type.in_(types))
            .order_by(EntryRow.index.desc())
            .limit(1)
        )
        if found is None:
            return None
        entry: Mapping[str, Any] = json.loads(self.entry_in(session, found))
        if entry["type"] not in types or entry.get("subject") != subject:
            raise LogDamaged(f"Entry {found} of the log is filed under another act; restore it from a backup.")
        return found, entry

    def indexes_of(self, session: Session, *, types: Collection[str], matter: str) -> tuple[int, ...]:
        """The indexes of all entries of these types in a matter, oldest first; the leaves say what they are."""
        query = select(EntryRow.index).where(EntryRow.matter == matter, EntryRow.type.in_(types))
        return tuple(session.scalars(query.order_by(EntryRow.index)))

    def acts(self, *, types: Collection[str], subject: str) -> tuple[Mapping[str, Any], ...]:
        """All entries of these types about `subject`, read from their leaves, oldest first."""
        with self._units.read() as session:
            return self._acts(session, types, subject)

    def follow(self, *, types: Collection[str], subject: str, act: Callable[[Sequence[Mapping[str, Any]]], Act]) -> int:
        """Write what `act` makes of all such entries, in one transaction with reading them; its entry index."""
        with self._units.change() as session:
            return self.append(session, act(self._acts(session, types, subject)))

    def _acts(self, session: Session, types: Collection[str], subject: str) -> tuple[Mapping[str, Any], ...]:
        query = select(EntryRow.index).where(EntryRow.subject == subject).order_by(EntryRow.index)
        found = (json.loads(self.entry_in(session, index)) for index in session.scalars(query).all())
        return tuple(one for one in found if one["type"] in types)

    def public_key(self) -> PublicTwin:
        """The keys that checkpoints are verified with."""
        with self._units.read() as session:
            return self._signing_twin(session).public

    def vkey(self) -> str:
        """Name and keys of the log in two lines (C2SP signed-note), to be handed to verifiers outside."""
        return _vkey(self.lineage().newest)

    def first_vkey(self) -> str:
        """The same of the log as it was begun, which no change of keys changes: what a data folder knows it by."""
        return _vkey(self.lineage().eras[0].log)

    def lineage(self) -> Lineage:
        """Which keys signed which part of the log, and under which name."""
        with self._units.read() as session:
            return self.lineage_in(session)

    def lineage_in(self, session: Session) -> Lineage:
        """The same inside a caller's transaction; `LogDamaged` where entries and keys tell different stories."""
        return lineage.lineage(session, self._keyring, self._origin)

    def succession(self) -> list[bytes]:
        """Each change of the log's keys as a line of `succession.jsonl`, oldest first; none where there was none."""
        with self._units.read() as session:
            return lineage.lines(session, self._keyring)

    def checkpoint(self) -> SignedCheckpoint:
        """Sign the committed tree, durably: 1. nothing to sign is `LogEmpty`; 2. it continues every checkpoint known,
        stored or in the high-water file, or is `LogShrank` / `LogForked`; 3. entries since then hash to what is
        stored, or `LogDamaged`; 4. the high-water file, then the row, then the answer.
        """
        with self._units.bookkeeping() as session:
            stored = self._stored(session)
            if stored is None and tree.size(session) == 0:
                raise LogEmpty("The log has no entry yet, so there is nothing to sign.")
            checkpoint, key = self._signable(session, stored)
            if stored is not None and stored.size == checkpoint.size:
                return SignedCheckpoint(stored.text, checkpoint.size, checkpoint.root)
            text = sign_checkpoint(checkpoint, key)
            if self._high_water:
                self._high_water.write(text)
            session.execute(insert(CheckpointRow).values(size=checkpoint.size, text=text, created_at=self._clock.now()))
        return SignedCheckpoint(text, checkpoint.size, checkpoint.root)

    def mark(self) -> int:
        """Sign the committed tree, checked as in `checkpoint`, into the high-water file alone; how many entries it has.

        A database that is put back behind it is noticed, though nobody was handed a checkpoint. Cheap where nothing was
        written since.
        """
        if self._high_water is None:
            return 0
        with self._units.read() as session:
            size, stored = tree.size(session), self._stored(session)
            text = self._high_water.read(signed_before=stored is not None)
            if size == 0 or (text, size) == self._marked:
                return size
            checkpoint, key = self._signable(session, stored)
            if text is None or checkpoint.size != self._size_of(session, text):
                text = sign_checkpoint(checkpoint, key)
                self._high_water.write(text)
        self._marked = (text, checkpoint.size)
        return checkpoint.size

    def _stored(self, session: Session) -> CheckpointRow | None:
        return session.scalar(select(CheckpointRow).order_by(CheckpointRow.size.desc()).limit(1))

    def _signable(self, session: Session, stored: CheckpointRow | None) -> tuple[Checkpoint, SigningTwin]:
        """What may be signed of the committed tree: it continues what was signed, and its new entries are whole."""
        size, eras = tree.size(session), self.lineage_in(session)
        known = self._known(stored, eras)
        for checkpoint in known:
            tree.check_continues(session, checkpoint, size)
        start = max((checkpoint.size for checkpoint in known), default=0)
        root = tree.check_leaves(session, start, size, self._mac_key(session))
        return Checkpoint(eras.newest.name, size, root), self._signing_twin(session)

    def signable(self, session: Session) -> Checkpoint | None:
        """What the log would sign now, checked as in `checkpoint`; None where there is no entry."""
        stored = self._stored(session)
        if tree.size(session) == 0 and stored is None:
            return None
        return self._signable(session, stored)[0]

    def put_back(self, session: Session) -> PutBack:
        """What is left of a log whose newest checkpoint is over more entries, every entry hashed again.

        `RestoreRefused` where that is not so; `LogForked` or `LogDamaged` where entries were changed, not lost.
        """
        size, eras = tree.size(session), self.lineage_in(session)
        text = self._high_water.read(signed_before=True) if self._high_water else None
        if text is None or eras.given_up(text):
            raise RestoreRefused("The log is not behind its newest checkpoint, so there is nothing to restore.")
        try:
            known = eras.open(text)
        except NoteInvalid as error:
            raise RestoreRefused(
                "The newest checkpoint was signed by keys that this database does not have; put back a database from "
                "after the log's keys were changed."
            ) from error
        if known.size <= size:
            tree.check_continues(session, known, size)
            raise RestoreRefused("The log is not behind its newest checkpoint, so there is nothing to restore.")
        root = tree.check_whole(
            session, self._signed(session), size, self._mac_key(session), lambda _leaf, _hashed: None
        )
        if size == 0 or root != merkle.root_at(size, tree.nodes(session)):
            raise LogForked("The stored tree does not belong to the entries; put back another copy of the database.")
        return PutBack(Checkpoint(eras.newest.name, size, root), known, text)

    def check_continues(self) -> None:
        """Raise unless the log still continues the newest checkpoint known: a database that was put back does not.

        Cheap enough for every start; raises `LogShrank`, `LogForked`, `LogDamaged` or `HighWaterMissing`.
        """
        with self._units.read() as session:
            size, stored = tree.size(session), self._stored(session)
            if size == 0 and stored is None:
                return
            for checkpoint in self._known(stored, self.lineage_in(session)):
                tree.check_continues(session, checkpoint, size)

    def check(self) -> int:
        """Hash every entry again and recompute every checkpoint; how many entries hold. Takes seconds per million.

        Raises what `checkpoint` raises. Neither sees what only a checkpoint held outside shows.
        """
        with self._units.read() as session:
            size = tree.size(session)
            if size == 0:
                return 0
            known, mac_key = self._signed(session), self._mac_key(session)
            if tree.check_whole(session, known, size, mac_key, lambda _leaf, _hashed: None) != merkle.root_at(
                size, tree.nodes(session)
            ):
                raise LogForked("The stored tree does not belong to the entries; nothing is signed over it.")
        return size

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """The proof that entry `index` is in the tree of the first `size` entries."""
        with self._units.read() as session:
            return merkle.inclusion_proof(index, size, tree.nodes(session))

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` entries begins with that of `old`."""
        with self._units.read() as session:
            return merkle.consistency_proof(old, new, tree.nodes(session))

    def tlog_proof(self, index: int, checkpoint: SignedCheckpoint) -> str:
        """Leaf, inclusion proof and checkpoint as C2SP tlog-proof, verified before they are handed out."""
        with self._units.read() as session:
            leaf = self.entry_in(session, index)
            proof = merkle.inclusion_proof(index, checkpoint.size, tree.nodes(session))
        merkle.check_inclusion(index, checkpoint.size, merkle.leaf_hash(leaf), proof, checkpoint.root)
        return rules.proof_text(leaf, index, proof, checkpoint.text)

    def opened(self, session: Session, text: str) -> SignedCheckpoint:
        """A checkpoint of this log, from its text; `NoteInvalid` unless the log signed it."""
        checkpoint = self.lineage_in(session).open(text)
        return SignedCheckpoint(text, checkpoint.size, checkpoint.root)

    def export(self, sink_dir: Path, views: Collection[str] = (), *, policy: bytes | None = None) -> Export:
        """Write the log up to a fresh checkpoint into the new folder `sink_dir`, which appears complete or not at all.

        Every entry is hashed again on the way and every checkpoint recomputed. The caller logs the export. `policy` is
        the text that says which witnesses' lines matter; all that are kept go along.
        """
        checkpoint = self.checkpoint()
        with self._units.read() as session:
            signing = self._signing_twin(session)
            mac_key = self._mac_key(session)
            rows = session.scalars(
                select(CheckpointRow).where(CheckpointRow.size < checkpoint.size).order_by(CheckpointRow.size)
            ).all()
            stamps = session.scalars(
                select(StampRow).where(StampRow.entry < checkpoint.size).order_by(StampRow.size)
            ).all()
            cosigned = session.execute(
                select(CosignatureRow.size, CosignatureRow.line)
                .where(CosignatureRow.size <= checkpoint.size)
                .order_by(CosignatureRow.size, CosignatureRow.cosigner)
            ).all()
            known, name = self._signed(session), self.lineage_in(session).newest.name
            return export.write(
                sink_dir,
                name=name,
                key=signing,
                checkpoint=checkpoint,
                readme=export.WHOLE_README,
                fill=lambda folder: export.fill_whole(
                    folder,
                    origin=name,
                    views=views,
                    earlier=[(row.size, row.text) for row in rows],
                    stamps=[(row.size, row.response) for row in stamps],
                    cosigned=[(size, line) for size, line in cosigned],
                    policy=policy,
                    map_key=matters.key_of_maps(session, self._keyring, checkpoint.size),
                    succession=lineage.lines(session, self._keyring),
                    copy_entries=lambda take: tree.check_whole(session, known, checkpoint.size, mac_key, take),
                ),
            )

    def _write(self, session: Session, acts: Sequence[Act], end: tree.End, at: datetime) -> range:
        """Write `acts` behind `end`, which has the first one's matter."""
        # The keys of bodies first: those of the deployment come with a matter's.
        sealed_in = dict.fromkeys(act.matter for act in acts if act.body is not None)
        body_keys = {matter: self._body_key(session, matter) for matter in sealed_in}
        mac_key, moment = self._mac_key(session), clock.to_text(at)
        ends = {acts[0].matter: (end.seq, end.previous)}
        rows: list[dict[str, object]] = []
        for index, act in enumerate(acts, end.size):
            if act.matter not in ends:
                other = tree.end(session, act.matter)
                ends[act.matter] = other.seq, other.previous
            number, previous = ends[act.matter]
            chain = None if act.matter is None else (number + 1, previous)
            sealed, commitment = (
                (None, None) if act.body is None else _sealed_body(body_keys[act.matter], index, act.body)
            )
            leaf = rules.entry_leaf(act, at=at, chain=chain, commitment=commitment)
            hashed = merkle.leaf_hash(leaf)
            ends[act.matter] = number + 1, hashed
            rows.append(
                {
                    "index": index,
                    "leaf": leaf,
                    "leaf_hash": hashed,
                    "mac": rules.entry_mac(mac_key, index, hashed),
                    "type": act.type,
                    "actor": act.actor,
                    "matter": act.matter,
                    "seq": chain[0] if chain else None,
                    "subject": act.subject,
                    "at": moment,
                    "body_sealed": sealed,
                }
            )
        tree.add(session, rows)
        return range(end.size, end.size + len(rows))

    def _erased(self, session: Session, row: EntryRow) -> bool:
        """Whether an entry of the same matter says that this one's body was erased."""
        later = select(EntryRow.index).where(EntryRow.matter == row.matter, EntryRow.type == ERASING)
        entries = (json.loads(self.entry_in(session, index)) for index in session.scalars(later).all())
        return any(one["type"] == ERASING and row.index in one["facts"].get("bodies", ()) for one in entries)

    def _body_key(self, session: Session, matter: str | None) -> bytes:
        key = self._keyring.ensure(session, role=KeyRole.AUDIT_BODY, owner=_owner(matter))
        return self._keyring.unwrap(session, key)

    def _renew_body_key(self, session: Session, matter: str | None) -> None:
        """Seal what is left of a matter's bodies under a new key, so that an older copy of the erased ones opens with
        no key that is still in use.
        """
        old, new = self._keyring.renew(session, role=KeyRole.AUDIT_BODY, owner=_owner(matter))
        before, after = self._keyring.unwrap(session, old), self._keyring.unwrap(session, new)
        left = select(EntryRow.index, EntryRow.body_sealed).where(
            EntryRow.matter == matter, EntryRow.body_sealed.is_not(None)
        )
        again = [
            {
                "at_index": index,
                "sealed": envelope.seal_small(
                    after, _body_context(index), envelope.open_small(before, _body_context(index), sealed)
                ),
            }
            for index, sealed in session.execute(left).all()
            if sealed is not None
        ]
        if again:
            session.connection().execute(_RESEAL, again)
        self._keyring.shred(session, old)

    def _signing_twin(self, session: Session) -> SigningTwin:
        return signing_twin(self._keyring, session, Signer.LOG)

    def _mac_key(self, session: Session) -> bytes:
        return lineage.mac_key(session, self._keyring)

    def _signed(self, session: Session) -> dict[int, bytes]:
        """Every stored checkpoint as size → root, each opened by its signature."""
        eras = self.lineage_in(session)
        opened = [eras.open(text) for text in session.scalars(select(CheckpointRow.text)).all()]
        return {checkpoint.size: checkpoint.root for checkpoint in opened}

    def _known(self, stored: CheckpointRow | None, eras: Lineage) -> list[Checkpoint]:
        """What was signed last, stored and in the high-water file; not what a declared restore gave up."""
        texts = [stored.text] if stored else []
        if self._high_water and (text := self._high_water.read(signed_before=stored is not None)):
            texts.append(text)
        return [eras.open(text) for text in texts if not eras.given_up(text)]

    def _size_of(self, session: Session, text: str) -> int | None:
        eras = self.lineage_in(session)
        return None if eras.given_up(text) else eras.open(text).size


def _vkey(log: Named) -> str:
    return vkey_text(log.name, log.key)


def _owner(matter: str | None) -> str:
    return matter or DEPLOYMENT


def _sealed_body(key: bytes, index: int, body: Mapping[str, Json]) -> tuple[bytes, bytes]:
    """The body as it is kept, and the commitment to it."""
    salt = token_bytes(rules.SALT_BYTES)
    sealed = envelope.seal_small(key, _body_context(index), salt + canonical(body))
    return sealed, rules.body_commitment(salt, body)


def _body_context(index: int) -> str:
    return f"audit/body/{index}"
