"""What all tests share: the two databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import gateway.app
from tests.support.databases import POSTGRES, SQLITE, Database, close_idle, watched
from tests.support.postgres import programs

# Folders of tests that take a release from its originals to its package, minutes of processor time in all.
_JOURNEYS = frozenset({"promises", "crash"})
_KINDS = {one.kind: one for one in (SQLITE, POSTGRES)}


@pytest.fixture(scope="session", params=sorted(_KINDS, reverse=True))
def database(request: pytest.FixtureRequest) -> Database:
    """Each kind of database in turn."""
    if request.param == POSTGRES.kind and programs() is None:
        pytest.skip("PostgreSQL is not on this machine (Debian: apt install postgresql), or may not be started")
    return _KINDS[request.param]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole journeys run on the embedded database at every push, and every night on the other too; rooms on both."""
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if parameters.get("database") == POSTGRES.kind and item.path.parent.name in _JOURNEYS:
            item.add_marker(pytest.mark.nightly)


@pytest.fixture(scope="session", autouse=True)
def _connections_are_watched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway.app, "postgres_engine", watched)
        yield
        close_idle()


@pytest.fixture(autouse=True)
def _nothing_stays_connected() -> Iterator[None]:
    yield
    close_idle()
