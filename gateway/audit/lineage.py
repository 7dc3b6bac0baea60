"""Which keys signed which part of the log, under which name: read from the log's own entries.

1. Each change of the keys is an entry that holds the statement (`gateway.seal.succession`) about the entries before it.
2. There are as many as keys were made since the first; whoever hides a row of one is noticed.
3. Entries are written under one MAC key whatever becomes of the signing keys: it is kept when the first of them goes.
"""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.audit import rules, tree
from gateway.audit.model import LogDamaged
from gateway.audit.tables import EntryRow
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, signing_twin
from gateway.seal import succession
from gateway.seal.succession import Lineage, Named, Succession, SuccessionInvalid

# The entries that change the log's keys, all about this subject: under the same name, and under another.
ROTATED, CONTINUED = "log.keys_rotated", "log.continued"
SUBJECT = "log.keys"

_CHANGES = (
    select(EntryRow.index)
    .where(EntryRow.subject == SUBJECT, EntryRow.type.in_((ROTATED, CONTINUED)))
    .order_by(EntryRow.index)
)


def mac_key(session: Session, keyring: Keyring) -> bytes:
    """The key of `rules.entry_mac`: made of the first signing seed, and kept by itself once that is gone."""
    signing = keyring.find(session, role=KeyRole.LOG_SIGNING, owner=DEPLOYMENT)
    if keyring.version(session, signing) == 1:
        return rules.mac_key(keyring.unwrap(session, signing))
    return keyring.unwrap(session, keyring.find(session, role=KeyRole.LOG_MAC, owner=DEPLOYMENT))


def keep_mac_key(session: Session, keyring: Keyring) -> None:
    """Have the MAC key outlast the signing seed that it was made of."""
    signing = keyring.find(session, role=KeyRole.LOG_SIGNING, owner=DEPLOYMENT)
    if keyring.version(session, signing) == 1:
        keyring.create(session, role=KeyRole.LOG_MAC, owner=DEPLOYMENT, key=mac_key(session, keyring))


def lines(session: Session, keyring: Keyring) -> list[bytes]:
    """Statement and signatures of each change, oldest first, canonical: the lines of `succession.jsonl`."""
    key = mac_key(session, keyring)
    entries = (json.loads(tree.leaf(session, index, key)) for index in session.scalars(_CHANGES).all())
    return [succession.line(entry["facts"]) for entry in entries if entry["type"] in (ROTATED, CONTINUED)]


def lineage(session: Session, keyring: Keyring, origin: str) -> Lineage:
    """Who signed what of the log that began as `origin`; `LogDamaged` where entries and keys tell different stories."""
    newest = signing_twin(keyring, session, Signer.LOG).public
    signing = keyring.find(session, role=KeyRole.LOG_SIGNING, owner=DEPLOYMENT)
    if keyring.version(session, signing) == 1:
        return Lineage.of(Named(origin, newest), ())
    try:
        changes = [_said(line) for line in lines(session, keyring)]
        first = changes[0].before if changes else Named(origin, newest)
        found = Lineage.of(first, changes)
    except SuccessionInvalid as error:
        raise LogDamaged(f"{error.detail} Restore the database from a backup.") from error
    told = len(changes) + 1 == keyring.version(session, signing)
    if not told or first.name != origin or found.newest.key != newest:
        raise LogDamaged("The log's entries do not tell of the keys that it has; restore the database from a backup.")
    return found


def _said(line: bytes) -> Succession:
    return succession.read(json.loads(line)["statement"])
