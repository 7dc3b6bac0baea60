"""Settings: units in their names, unsafe combinations refused, secrets never in arguments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.sandbox.ports import Layer
from gateway.settings import PassphraseMissing, Settings, SettingsRefused, from_environment, passphrase

SETTINGS = Settings(data_dir=Path("/nowhere"))


def test_the_environment_is_read() -> None:
    settings = from_environment(
        {"GATEWAY_DATA": "/srv/x", "GATEWAY_PORT": "9", "GATEWAY_SANDBOX_MINIMUM": "rlimits, seccomp", "PATH": "/bin"}
    )
    assert settings.data_dir == Path("/srv/x")
    assert settings.port == 9
    assert settings.sandbox_minimum == {Layer.RLIMITS, Layer.SECCOMP}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"GATEWAY_DATA": "/x", "GATEWAY_PRT": "1"},
        {"GATEWAY_DATA": "/x", "GATEWAY_PORT": "many"},
        {"GATEWAY_DATA": "/x", "GATEWAY_SANDBOX_MINIMUM": "magic"},
    ],
)
def test_what_is_missing_misspelt_or_malformed_refuses_to_start(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsRefused, match="GATEWAY_"):
        from_environment(environ)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.1.2.3"])
def test_this_machine_needs_no_certificate(host: str) -> None:
    replace(SETTINGS, host=host).check_serving()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "gateway.example", "127.0.0.1.example"])
def test_the_outside_needs_a_certificate_or_a_trusted_proxy(host: str) -> None:
    outside = replace(SETTINGS, host=host)
    with pytest.raises(SettingsRefused, match="certificate"):
        outside.check_serving()
    replace(outside, tls_certificate=Path("c.pem"), tls_key=Path("k.pem")).check_serving()
    replace(outside, trusted_proxy="10.0.0.1").check_serving()


def test_half_a_certificate_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="key"):
        replace(SETTINGS, tls_certificate=Path("c.pem")).check_serving()


def test_the_passphrase_comes_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("secret words\n", "utf-8")
    assert passphrase({"GATEWAY_PASSPHRASE_FILE": str(file)}) == b"secret words"
    assert passphrase({"GATEWAY_PASSPHRASE": "other words"}) == b"other words"
    for environ in ({}, {"GATEWAY_PASSPHRASE": ""}, {"GATEWAY_PASSPHRASE_FILE": str(tmp_path / "none")}):
        with pytest.raises(PassphraseMissing):
            passphrase(environ)


def test_the_data_folder_says_which_deployment_it_is() -> None:
    assert SETTINGS.named("rheintal").tenant == "rheintal"
    assert replace(SETTINGS, tenant="rheintal").named("rheintal").tenant == "rheintal"
    with pytest.raises(SettingsRefused, match="GATEWAY_TENANT"):
        replace(SETTINGS, tenant="another").named("rheintal")
