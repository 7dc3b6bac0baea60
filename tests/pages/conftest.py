"""A running desk with one of everything on it, and its people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from gateway.people.model import Role
from gateway.web.pages import site
from tests.pages.furnished import Furnished, furnished
from tests.support.office import Office, one_of_each, open_office


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Furnished]:
    """A desk for all tests of the pages: a matter, originals, a release in review, and one that waits."""
    with open_office(tmp_path_factory.mktemp("desk")) as office:
        yield furnished(office)


@pytest.fixture(scope="package")
def everyone(desk: Furnished) -> Mapping[Role, str]:
    """One person for each role and no other."""
    return one_of_each(desk.office)


@pytest.fixture
def office(desk: Furnished) -> Office:
    """The office behind the desk."""
    return desk.office


@pytest.fixture(autouse=True)
def _no_language_is_kept(desk: Furnished) -> Iterator[None]:
    """Whoever chose a language in one test asks for theirs by header in the next."""
    yield
    for client in desk.office.clients.values():
        client.cookies.delete(site.LANGUAGE_COOKIE)
