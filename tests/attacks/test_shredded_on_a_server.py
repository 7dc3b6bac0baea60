"""Shredding where the role that serves owns nothing: it destroys what it may, and still rewrites no entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from gateway.app import compose
from gateway.vault.model import Shredded
from tests.attacks.conftest import TABLE
from tests.support.databases import POSTGRES, hands
from tests.support.postgres import APP, cluster, programs
from tests.support.world import PASSPHRASE, World

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not on this machine")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[World]:
    """A deployment as the operations manual sets it up: one role owns the tables, another serves."""
    world = World.create(tmp_path, POSTGRES, database_role=APP)
    world.gateway.close()
    settings = world.gateway.settings
    address = cluster().url(_name(world), APP)
    world.gateway = compose(replace(settings, database_url=address, database_role=None), PASSPHRASE)
    yield world
    world.gateway.close()


def _name(world: World) -> str:
    return (world.gateway.settings.database_url or "").partition("@/")[2].partition("?")[0]


def test_an_original_is_shredded_with_the_bodies_of_its_entries(served: World) -> None:
    gateway = served.gateway
    original = served.upload(served.matter(), "customer_list", TABLE).original
    with hands(gateway.settings) as run:
        of_original = "SELECT count(*) FROM audit_entry WHERE subject = ? AND body_sealed IS NOT NULL"
        ((before,),) = run(of_original, original)
        served.shred(original)
        ((after,),) = run(f"{of_original} AND type <> 'original.shredded'", original)
    assert (before > 0, after) == (True, 0)
    with gateway.units.read() as session, pytest.raises(Shredded):
        gateway.vault.open(session, gateway.intake.get(original).object_id)


@pytest.mark.parametrize("column", ["leaf", "mac", "type", "subject"])
def test_no_other_part_of_an_entry_can_be_rewritten(served: World, column: str) -> None:
    with psycopg.connect(cluster().conninfo(_name(served), APP), autocommit=True) as connection:
        connection.execute("SELECT leaf FROM audit_entry")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"UPDATE audit_entry SET {column} = NULL")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM audit_entry")


def test_the_server_is_told_to_go_over_every_dead_row(served: World) -> None:
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    with hands(served.gateway.settings) as run:
        assert run(f"{tables} AND reloptions IS NOT NULL")
        assert run(f"{tables} AND (reloptions @> '{{autovacuum_vacuum_scale_factor=0}}') IS NOT TRUE") == []


def test_what_was_overwritten_is_dead_in_no_table_of_an_owner(tmp_path: Path) -> None:
    """Names, answers and bodies lie in other tables than the keys."""
    world = World.create(tmp_path, POSTGRES)
    original = world.upload(world.matter(), "customer_list", TABLE).original
    with hands(world.gateway.settings) as run:
        run("ALTER TABLE original SET (autovacuum_enabled = off)")
        run("ALTER TABLE audit_entry SET (autovacuum_enabled = off)")
        world.shred(original)
        vacuumed = dict(run("SELECT relname, vacuum_count FROM pg_stat_user_tables"))
    world.gateway.close()
    assert {name: vacuumed[name] > 0 for name in ("key", "original", "audit_entry")} == dict.fromkeys(
        ("key", "original", "audit_entry"), True
    )
