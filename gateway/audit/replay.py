"""Missing entries out of a whole export, into a log whose database was put back.

1. The export verifies, with the log's present key and the newest checkpoint that is known: it leads to both.
2. It begins with the very entries that are left.
3. What follows is written as it was: leaves, numbers within matters, maps, checkpoints and time stamps. Bodies are not
   in an export and stay lost, and so do the rows of what was done.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from gateway.audit import lineage, matters, rules, tree
from gateway.audit.model import ERASING, PutBack, RestoreRefused
from gateway.audit.tables import CheckpointRow, MapRow, StampRow
from gateway.base import clock as times
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.seal import merkle
from gateway.seal.note import NoteInvalid, vkey_text
from gateway.seal.succession import Lineage
from gateway.verify import verify_export


@dataclass
class Replayed:
    """Entries [start, stop) were written; of those, `shredded` are the originals that one says were destroyed."""

    start: int
    stop: int
    shredded: list[str] = field(default_factory=list)


def checkpoint_in(export: Path) -> str:
    """The text of the export's checkpoint, unchecked; or `RestoreRefused`."""
    try:
        return (export / "checkpoint").read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RestoreRefused("There is no export of the log in this folder; name the folder of a whole one.") from error


def check(lineage: Lineage, put_back: PutBack, export: Path) -> None:
    """Raise `RestoreRefused` unless the export verifies whole by the log's present key, and has what is known.

    Takes a minute for a million entries, so that it stands before the transaction; `replay` compares roots again.
    """
    text, now = checkpoint_in(export), lineage.newest
    try:
        report = verify_export(export, log_key=vkey_text(now.name, now.key), checkpoint=put_back.text)
        lineage.open(text)
    except (OSError, NoteInvalid) as error:
        raise RestoreRefused(
            "The export cannot be read, or was signed by keys that this database does not have; use an older one."
        ) from error
    if not report.ok or (export / "proofs.jsonl").exists():
        raise RestoreRefused("The export does not verify as a whole one; run `gateway audit verify` on it.")


def replay(session: Session, keyring: Keyring, eras: Lineage, put_back: PutBack, export: Path) -> Replayed:
    """Write what the checked export has behind what is left; or `RestoreRefused`."""
    text = checkpoint_in(export)
    opened = eras.open(text)
    done = Replayed(put_back.left.size, opened.size)
    roots = {one.size: one.root for one in (put_back.left, put_back.known, opened)}
    moments = _written(session, keyring, roots, export, done)
    texts = {json.loads(line)["size"]: json.loads(line)["text"] for line in _lines(export / "checkpoints.jsonl")}
    stored = {*session.scalars(select(CheckpointRow.size)).all()}
    for size, signed in sorted((texts | {opened.size: text}).items()):
        if size not in stored and size > done.start:
            row = {"size": size, "text": signed, "created_at": moments[size - 1 - done.start]}
            session.execute(insert(CheckpointRow).values(**row))
    return done


def _written(
    session: Session, keyring: Keyring, roots: dict[int, bytes], export: Path, done: Replayed
) -> list[datetime]:
    """Write every missing entry with what stands beside it; their times. `roots` are what the entries lead to."""
    key, peaks, moments = lineage.mac_key(session, keyring), merkle.Peaks(), []
    stamps = _stamps(export)
    page: list[dict[str, object]] = []
    for index, leaf in enumerate(_lines(export / "entries.jsonl")):
        hashed = merkle.leaf_hash(leaf)
        peaks.append(hashed)
        if peaks.size in roots and roots[peaks.size] != peaks.root():
            raise RestoreRefused("The export does not lead to what is left here, or to what is known; use another one.")
        if index < done.start:
            continue
        entry = json.loads(leaf)
        moments.append(times.from_text(entry["at"]))
        columns = {name: entry.get(name) for name in ("type", "actor", "matter", "seq", "subject")}
        mac = rules.entry_mac(key, index, hashed)
        at, body = times.to_text(moments[-1]), None
        page.append(
            {"index": index, "leaf": leaf, "leaf_hash": hashed, "mac": mac, "at": at, "body_sealed": body, **columns}
        )
        if len(page) == tree.PAGE:
            tree.add(session, page)
            page.clear()
        if entry["type"] == matters.MAPPED:
            _map_key(session, keyring, export)
            session.execute(insert(MapRow).values(index=index))
        if (stamp := stamps.get(entry["facts"].get("tsr_sha256"))) is not None:
            session.execute(insert(StampRow).values(entry=index, size=entry["facts"]["size"], response=stamp))
        if entry["type"] == ERASING and "subject" in entry:
            done.shredded.append(entry["subject"])
    tree.add(session, page)
    if peaks.size != done.stop:
        raise RestoreRefused("The export was changed while it was read; nothing was restored.")
    return moments


def _map_key(session: Session, keyring: Keyring, export: Path) -> None:
    """The key of the maps, which the missing entries may be the first to speak of."""
    told = base64.b64decode(json.loads((export / "matters.json").read_bytes())["key"])
    key_id = keyring.ensure(session, role=KeyRole.MATTER_MAP, owner=DEPLOYMENT, key=told)
    if keyring.unwrap(session, key_id) != told:
        raise RestoreRefused("The export's maps were made with another key than this database has; use another export.")


def _stamps(export: Path) -> dict[str, bytes]:
    """The authority's answers in the export, by their SHA-256."""
    path = export / "stamps.jsonl"
    answers = [base64.b64decode(json.loads(line)["response"]) for line in _lines(path)] if path.exists() else []
    return {hashlib.sha256(answer).hexdigest(): answer for answer in answers}


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.removesuffix(b"\n")
