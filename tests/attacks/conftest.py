"""Releases one step before their dispatch, and the hands of somebody who can write the database but opens nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.matter.model import Matter
from gateway.release.model import Release
from tests.support.world import World

TABLE = (
    b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
    b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme-wunderwerk.de,2011\r\n"
    b"Zephyr Motors SA,FR,Zephyr Motors SA,no,Wind turbines,4821,jean@zephyr.fr,2003\r\n"
)

Write = Callable[..., list[Any]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.create(tmp_path)


@pytest.fixture
def write(world: World) -> Iterator[Write]:
    """One statement on the database file, as whoever can write the file would make it."""
    database = sqlite3.connect(world.gateway.settings.database, isolation_level=None, timeout=30)

    def run(statement: str, *values: object) -> list[Any]:
        return database.execute(statement, values).fetchall()

    yield run
    database.close()


def in_review(world: World, matter: Matter, hop: int = 1) -> Release:
    """A release that was reviewed and waits for approvals."""
    original = world.upload(matter, "customer_list", TABLE).original
    release = world.draft(matter, hop)
    world.render(release, original)
    world.review(release)
    return release


def approved(world: World, matter: Matter, hop: int = 1) -> Release:
    """A release with both approvals."""
    release = in_review(world, matter, hop)
    world.approve_all(release)
    return world.gateway.releases.get(release.id)
