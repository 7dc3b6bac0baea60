"""What all tests share: the two databases, and the second verifier."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest

import gateway.founding
from gateway.policy import service
from gateway.policy.load import load_library
from tests.support.databases import POSTGRES, SQLITE, Database, close_idle, watched
from tests.support.postgres import programs
from tests.support.second import MISSING, Second

# Folders of tests that take a release from its originals to its package, minutes of processor time in all; and files
# that look at the interface alone, whatever lies behind it.
_JOURNEYS = frozenset({"promises", "crash"})
_INTERFACE = frozenset(
    {
        "test_archives.py",
        "test_fuzz.py",
        "test_matrix.py",
        "test_openapi.py",
        "test_border.py",
        "test_names.py",
        "test_passkeys.py",
    }
)
_KINDS = {one.kind: one for one in (SQLITE, POSTGRES)}


@pytest.fixture(scope="session", params=sorted(_KINDS, reverse=True))
def database(request: pytest.FixtureRequest) -> Database:
    """Each kind of database in turn."""
    if request.param == POSTGRES.kind and programs() is None:
        pytest.skip("PostgreSQL is not on this machine (Debian: apt install postgresql), or may not be started")
    return _KINDS[request.param]


@pytest.fixture(scope="session")
def second() -> Iterator[Second]:
    """Who is asked whether a package or an export holds, beside the script that travels with it."""
    if MISSING is not None:
        pytest.skip(MISSING)
    with Second() as verifier:
        yield verifier


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Rooms run on both databases at every push; whole journeys on the embedded one, and every night on the other."""
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        nightly = item.path.parent.name in _JOURNEYS or item.path.name in _INTERFACE
        if parameters.get("database") == POSTGRES.kind and nightly:
            item.add_marker(pytest.mark.nightly)


@pytest.fixture(scope="session", autouse=True)
def _connections_are_watched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway.founding, "postgres_engine", watched)
        yield
        close_idle()


@pytest.fixture(scope="session", autouse=True)
def _shipped_policies_are_read_once() -> Iterator[None]:
    """Each of many hundred deployments would read the same."""
    shipped = functools.cache(load_library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service, "load_library", lambda path=None: load_library(path) if path else shipped())
        yield


@pytest.fixture(autouse=True)
def _nothing_stays_connected() -> Iterator[None]:
    yield
    close_idle()
