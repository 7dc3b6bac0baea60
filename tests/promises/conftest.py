"""Deployments that tests of promises share: made once, copied as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway.app
from gateway.settings import Settings
from tests.support import journey, originals
from tests.support.databases import Database
from tests.support.journey import Journey
from tests.support.world import World


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    """The sandbox's layers are probed once for all deployments here."""
    with pytest.MonkeyPatch.context() as patch:
        walls = gateway.app.sandbox(Settings(Path()))
        patch.setattr(gateway.app, "sandbox", lambda _settings: walls)
        yield


@pytest.fixture(scope="session")
def founded(database: Database, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A founded deployment with its people; never written to, only copied."""
    return World.create(tmp_path_factory.mktemp("founded"), database)


@pytest.fixture(scope="session")
def labels(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The formats of this run: all of them by night, on every push those that are rendered quickly."""
    by_night = "nightly" in str(request.config.getoption("markexpr")).replace("not nightly", "")
    return tuple(originals.FORMATS if by_night else originals.EVERY_PUSH)


@pytest.fixture(scope="session")
def ready(founded: World, labels: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Journey]:
    """A release of all formats, approved and not yet dispatched; never written to, only copied."""
    world = journey.copy(founded, tmp_path_factory.mktemp("ready"))
    return world, journey.approved(world, [originals.planted(label) for label in labels])


@pytest.fixture(scope="session")
def table_ready(founded: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Journey]:
    """The same with the customer list alone, for tests in which the format does not matter."""
    world = journey.copy(founded, tmp_path_factory.mktemp("table"))
    return world, journey.approved(world, [originals.planted("customer_list")])


@pytest.fixture(scope="module")
def world(founded: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A deployment that the tests of one module share."""
    return journey.copy(founded, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def own_world(founded: World, tmp_path: Path) -> World:
    """A deployment for one test."""
    return journey.copy(founded, tmp_path)


@pytest.fixture
def all_approved(ready: tuple[World, Journey], tmp_path: Path) -> tuple[World, Journey]:
    """A deployment for one test, with an approved release of all formats."""
    return journey.copy(ready[0], tmp_path), ready[1]


@pytest.fixture
def one_approved(table_ready: tuple[World, Journey], tmp_path: Path) -> tuple[World, Journey]:
    """A deployment for one test, with an approved release of a customer list."""
    return journey.copy(table_ready[0], tmp_path), table_ready[1]
