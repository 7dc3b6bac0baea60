"""A data folder and a database on a server: created together, opened together, and with no other."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.base.problems import Problem
from gateway.db.failures import DatabaseUnsuitable
from gateway.db.migrate import NotVacant
from gateway.founding import AlreadyInitialised, ForeignDatabase, NotFounded, database_in_words, initialise, migrate
from gateway.settings import Settings, SettingsRefused, from_environment
from tests.support.databases import POSTGRES, hands
from tests.support.postgres import APP, OWNER, cluster, programs

pytestmark = pytest.mark.skipif(programs() is None, reason="PostgreSQL is not on this machine, or may not be started")
PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Where a gateway is to be created."""
    return POSTGRES.settings(tmp_path, argon2_memory_kib=8192)


def test_a_gateway_is_created_once_in_its_folder_and_its_database(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFounded):
        compose(settings, PASSPHRASE)
    initialise(settings, PASSPHRASE)
    gateway = compose(settings, PASSPHRASE)
    assert gateway.log.check() == gateway.log.size() == 2
    gateway.close()
    assert not settings.database.exists()
    for again in (settings, replace(settings, data_dir=tmp_path / "another")):
        with pytest.raises(AlreadyInitialised):
            initialise(again, PASSPHRASE)


def test_another_folder_does_not_open_it(settings: Settings, tmp_path: Path) -> None:
    initialise(settings, PASSPHRASE)
    other = replace(POSTGRES.settings(tmp_path / "other"), argon2_memory_kib=8192)
    initialise(other, PASSPHRASE)
    with pytest.raises(ForeignDatabase):
        compose(replace(settings, database_url=other.database_url), PASSPHRASE)
    shutil.copy(other.log_key, settings.log_key)
    with pytest.raises(ForeignDatabase):
        compose(settings, PASSPHRASE)
    with pytest.raises(ForeignDatabase, match="set GATEWAY_DATABASE_URL"):
        compose(replace(other, database_url=None), PASSPHRASE)


def test_a_folder_with_its_own_database_takes_no_other(settings: Settings) -> None:
    initialise(replace(settings, database_url=None), PASSPHRASE)
    for act in (lambda: compose(settings, PASSPHRASE), lambda: migrate(settings)):
        with pytest.raises(ForeignDatabase, match="remove GATEWAY_DATABASE_URL"):
            act()
    with pytest.raises(AlreadyInitialised):
        initialise(settings, PASSPHRASE)


def test_a_database_with_something_else_in_it_is_left_alone(settings: Settings) -> None:
    with hands(settings) as run:
        run("CREATE TABLE somebodys (id TEXT)")
    with pytest.raises(NotVacant):
        initialise(settings, PASSPHRASE)
    with hands(settings) as run:
        assert run.tables() == ["somebodys"]


def test_what_an_interrupted_creation_left_wants_its_own_key_file(settings: Settings, tmp_path: Path) -> None:
    initialise(settings, PASSPHRASE)
    settings.log_key.unlink()
    stranger = replace(settings, data_dir=tmp_path / "stranger")
    with pytest.raises(AlreadyInitialised):
        initialise(stranger, PASSPHRASE)
    initialise(settings, PASSPHRASE)
    gateway = compose(settings, PASSPHRASE)
    assert gateway.log.size() == 2
    gateway.close()


def test_the_role_that_serves_cannot_rewrite_the_log_nor_the_schema(settings: Settings) -> None:
    initialise(replace(settings, database_role=APP), PASSPHRASE)
    name = (settings.database_url or "").partition("@/")[2].partition("?")[0]
    serving = replace(settings, database_url=cluster().url(name, APP))
    gateway = compose(serving, PASSPHRASE)
    gateway.log.checkpoint()
    gateway.close()
    assert database_in_words(serving).endswith("cannot rewrite the log")
    assert OWNER in (settings.database_url or "")
    assert database_in_words(settings).endswith("serve with another")
    migrate(replace(settings, database_role=APP))
    with pytest.raises(DatabaseUnsuitable):
        migrate(replace(serving, database_role=APP))


@pytest.mark.parametrize("name", ["GATEWAY_DATABASE_ROLE", "GATEWAY_DATABASE_PASSWORD_FILE"])
def test_what_belongs_to_a_server_needs_one(name: str) -> None:
    with pytest.raises(SettingsRefused):
        from_environment({"GATEWAY_DATA": "/data", name: "x"})


def test_a_problem_names_no_path_and_no_address(settings: Settings) -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: compose(settings, PASSPHRASE),
        lambda: initialise(replace(settings, database_url="postgresql://gateway@localhost:1/nowhere"), PASSPHRASE),
    )
    for act in acts:
        with pytest.raises(Problem) as told:
            act()
        assert "/" not in told.value.detail
        assert "nowhere" not in told.value.detail
