"""Somebody with write access to the database, without the passphrase, writes into the log."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from gateway.audit import tree
from gateway.audit.model import LogDamaged
from gateway.base.canon import canonical
from gateway.seal import merkle
from tests.attacks.conftest import Write
from tests.support.world import World

LEAF = canonical(
    {"v": 1, "type": "person.enrolled", "actor": "x", "at": "2026-01-31T08:00:00.000Z", "facts": {"person": "x"}}
)


def _grow_again(write: Write) -> None:
    """Write the tree over the stored leaf hashes, as the gateway itself would have."""
    write("DELETE FROM audit_node")
    hashes = [row[0] for row in write('SELECT leaf_hash FROM audit_entry ORDER BY "index"')]
    nodes: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        return bytes(hashes[index]) if level == 0 else nodes[level, index]

    for index, hashed in enumerate(hashes):
        for level, place, node in merkle.completed(index, hashed, read):
            nodes[level, place] = node
            if level >= tree.STORED_FROM_LEVEL:
                write('INSERT INTO audit_node(level, "index", hash) VALUES (?, ?, ?)', level, place, node)


def append_forged(write: Write, leaf: bytes) -> int:
    """A new last entry with a borrowed MAC and a tree that fits; its index."""
    index = int(write('SELECT max("index") FROM audit_entry')[0][0]) + 1
    write(
        'INSERT INTO audit_entry("index", leaf, leaf_hash, mac, type, actor, at) '
        'SELECT ?, ?, ?, mac, type, actor, at FROM audit_entry WHERE "index" = 1',
        index,
        leaf,
        merkle.leaf_hash(leaf),
    )
    _grow_again(write)
    return index


def test_an_entry_written_into_the_database_is_never_signed(world: World, write: Write) -> None:
    log = world.gateway.log
    log.checkpoint()
    index = append_forged(write, LEAF)
    for look in (log.checkpoint, log.check, lambda: log.entry(index), lambda: list(log.entries(0, index + 1))):
        with pytest.raises(LogDamaged):
            look()


def test_an_entry_not_yet_signed_cannot_be_rewritten(world: World, write: Write) -> None:
    log = world.gateway.log
    index = log.size() - 1
    leaf = log.entry(index).replace(b'"actor":"per_', b'"actor":"pex_')
    write('UPDATE audit_entry SET leaf = ?, leaf_hash = ? WHERE "index" = ?', leaf, merkle.leaf_hash(leaf), index)
    _grow_again(write)
    with pytest.raises(LogDamaged):
        log.checkpoint()


def test_an_entry_cannot_be_moved_to_another_index(world: World, write: Write) -> None:
    log = world.gateway.log
    size = log.size()
    write('UPDATE audit_entry SET "index" = -1 WHERE "index" = ?', size - 1)
    write('UPDATE audit_entry SET "index" = ? WHERE "index" = ?', size - 1, size - 2)
    write('UPDATE audit_entry SET "index" = ? WHERE "index" = -1', size - 2)
    _grow_again(write)
    with pytest.raises(LogDamaged):
        log.checkpoint()


def test_an_entry_without_its_mac_is_no_row(write: Write) -> None:
    with pytest.raises((sqlite3.IntegrityError, psycopg.IntegrityError)):
        write('UPDATE audit_entry SET mac = NULL WHERE "index" = 1')
