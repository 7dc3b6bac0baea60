"""Promise 5 on a server's own files: what a shredded original leaves in PostgreSQL's data files and write-ahead log.

Wrapped keys that were destroyed, sealed texts and plaintext are searched as raw bytes, in a server of this test's own.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from gateway.verify import verify_export
from tests.support.databases import Postgres, close_idle, hands
from tests.support.originals import planted
from tests.support.postgres import Cluster, programs
from tests.support.world import World

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(programs() is None, reason="PostgreSQL is not installed (Debian: apt install postgresql)"),
]


@pytest.fixture
def server() -> Iterator[Cluster]:
    folder = programs()
    assert folder is not None
    started = Cluster(folder)
    # As docs/operations.md has it for whoever shreds: a segment that is not needed any more is deleted, not kept.
    started.stop()
    started.start(wal_recycle="off", min_wal_size="32MB", max_wal_size="64MB")
    yield started
    close_idle()
    started.remove()


def destroyed(world: World, original: str) -> dict[str, bytes]:
    """What is to be gone: the wrapped keys of the bytes and of the bodies, and what was sealed about the original."""
    keys = """SELECT wrapped FROM "key" WHERE id IN (SELECT key_id FROM stored_object WHERE id IN
              (SELECT object_id FROM original WHERE id = ?))"""
    bodies_key = (
        "SELECT wrapped FROM \"key\" WHERE role = 'audit_body' AND owner = (SELECT matter FROM original WHERE id = ?)"
    )
    sealed = "SELECT sealed FROM original WHERE id = ?"
    with hands(world.gateway.settings) as run:
        found = {
            f"{name} {number}": bytes(value)
            for name, query in (("key", keys), ("key of bodies", bodies_key), ("text", sealed))
            for number, (value,) in enumerate(run(query, original))
            if value is not None
        }
    return found | {f"plain {number}": text.encode() for number, text in enumerate(planted("customer_list").secrets)}


def test_after_shredding_the_server_s_files_hold_no_key_of_it(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.support.databases.cluster", lambda: server)
    world = World.create(tmp_path, Postgres(lambda: server))
    name = make_url(world.gateway.settings.database_url or "").database or ""
    matter = world.matter()
    original = world.upload(matter, "customer_list", planted("customer_list").data).original
    bystander = world.upload(matter, "order_book", planted("order_book").data).original
    world.gateway.log.checkpoint()
    gone, stays = destroyed(world, original), destroyed(world, bystander)
    wrapped = {what for what in gone if not what.startswith("plain")}
    assert len(wrapped) >= 3
    before, wal = server.disk(name), server.write_ahead_log()
    assert {what for what in gone if gone[what] in before} == wrapped
    assert {what for what in gone if gone[what] in wal} == wrapped
    world.shred(original)
    for _ in range(2):
        server.run("SELECT pg_switch_wal()")
        server.run("CHECKPOINT")
    assert {what for what in gone if gone[what] in server.disk(name)} == set()
    assert stays["key 0"] in server.disk(name)
    assert {what for what in gone if gone[what] in server.write_ahead_log()} == set()
    dump = subprocess.run(
        ["pg_dump", "--format=plain", server.conninfo(name)], capture_output=True, timeout=120, check=True
    ).stdout
    assert {what for what in gone if gone[what].hex().encode() in dump or gone[what] in dump} == set()
    assert stays["key 0"].hex().encode() in dump
    export = world.gateway.log.export(tmp_path / "export").folder
    assert verify_export(export, log_key=world.gateway.log.vkey()).ok
    exported = b"".join(path.read_bytes() for path in export.iterdir())
    assert {what for what in gone if gone[what] in exported} == set()
    world.gateway.close()
