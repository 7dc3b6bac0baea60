"""Releases one step before their dispatch, and the hands of somebody who can write the database but opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.matter.model import Matter
from gateway.release.model import Release
from tests.support import journey
from tests.support.databases import Database, hands
from tests.support.world import World

TABLE = (
    b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
    b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme-wunderwerk.de,2011\r\n"
    b"Zephyr Motors SA,FR,Zephyr Motors SA,no,Wind turbines,4821,jean@zephyr.fr,2003\r\n"
)

Write = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def founded(database: Database, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A founded deployment with its people; never written to, only copied."""
    return World.create(tmp_path_factory.mktemp("founded"), database)


@pytest.fixture
def world(founded: World, tmp_path: Path) -> World:
    return journey.copy(founded, tmp_path)


@pytest.fixture
def write(world: World) -> Iterator[Write]:
    """One statement on the database, as whoever can write it but holds no key would make it."""
    with hands(world.gateway.settings) as run:
        yield run


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
