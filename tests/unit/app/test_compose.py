"""Opening a data folder: what is missing, foreign or already there is refused in one sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import compose
from gateway.base.problems import Problem
from gateway.founding import AlreadyInitialised, NotFounded, initialise
from gateway.settings import Settings, SettingsRefused

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(data_dir=tmp_path_factory.mktemp("data") / "here", tenant="rheintal", argon2_memory_kib=8192)
    initialise(made, PASSPHRASE)
    return made


def test_the_name_is_given_once(settings: Settings) -> None:
    gateway = compose(replace(settings, tenant="gateway"), PASSPHRASE)
    assert gateway.settings.tenant == gateway.keyring.tenant == gateway.log.name == "rheintal"
    with pytest.raises(SettingsRefused):
        compose(replace(settings, tenant="another"), PASSPHRASE)


def test_a_folder_is_initialised_once(settings: Settings) -> None:
    with pytest.raises(AlreadyInitialised):
        initialise(settings, PASSPHRASE)


@pytest.mark.parametrize("missing", ["gateway.db", "root.key", "tenant"])
def test_what_is_missing_is_named(settings: Settings, missing: str, tmp_path: Path) -> None:
    for file in settings.data_dir.iterdir():
        if file.is_file() and file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(Problem) as caught:
        compose(replace(settings, data_dir=tmp_path), PASSPHRASE)
    assert caught.value.detail.endswith(".")
    assert str(tmp_path) not in caught.value.detail


def test_a_folder_without_a_gateway_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFounded, match="gateway init"):
        compose(Settings(data_dir=tmp_path), PASSPHRASE)


def test_a_wrong_passphrase_opens_nothing(settings: Settings) -> None:
    with pytest.raises(Problem, match="passphrase"):
        compose(settings, b"correct horse battery stable")
