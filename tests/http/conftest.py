"""A whole gateway behind a real server on loopback, and its people with tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from gateway.people.model import Role
from tests.http.test_matrix import MATRIX
from tests.support.databases import Database
from tests.support.office import Office, one_of_each, open_office
from tests.support.routes import Routes, routes_of


@pytest.fixture(scope="module")
def office(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office for all tests of one module."""
    with open_office(tmp_path_factory.mktemp("office"), database) as running:
        yield running


@pytest.fixture(scope="module")
def everyone(office: Office) -> Mapping[Role, str]:
    """One person for each role and no other; the name is that of their client."""
    return one_of_each(office)


@pytest.fixture(scope="module")
def fuzzed(office: Office, everyone: Mapping[Role, str]) -> Routes:
    """Every route of an office with one of everything."""
    return routes_of(office, everyone, MATRIX)
