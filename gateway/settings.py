"""Every number carries its unit; combinations that are not safe refuse to start.

Settings come from the environment (`GATEWAY_…`). Secrets come from files or the environment, never from arguments.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from gateway.base.problems import Unavailable, Usage
from gateway.base.units import GIB, MIB
from gateway.sandbox.ports import Layer

DEFAULT_TENANT = "gateway"


class SettingsRefused(Usage):
    """A setting is missing, malformed or unsafe."""

    slug = "settings-refused"
    title = "The gateway does not start with these settings"


class PassphraseMissing(Unavailable):
    """Nobody said which passphrase opens the key file."""

    slug = "passphrase-missing"
    title = "The passphrase of the key file is missing"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one gateway runs with."""

    data_dir: Path
    tenant: str = DEFAULT_TENANT
    host: str = "127.0.0.1"
    port: int = 8470
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxy: str | None = None
    policies_dir: Path | None = None
    picture_limit_bytes: int = 64 * MIB
    table_limit_bytes: int = 256 * MIB
    lease_s: float = 30.0
    worker_memory_bytes: int = 4 * GIB
    token_lifetime_s: int = 12 * 3600
    argon2_memory_kib: int = 256 * 1024
    sandbox_minimum: frozenset[Layer] = frozenset({Layer.RLIMITS, Layer.SECCOMP, Layer.LANDLOCK})

    def named(self, tenant: str) -> Settings:
        """The same for the deployment that the data folder belongs to; every key is bound to its name."""
        if self.tenant not in (DEFAULT_TENANT, tenant):
            raise SettingsRefused("GATEWAY_TENANT names another deployment than the data folder's; remove it.")
        return replace(self, tenant=tenant)

    @property
    def tenant_file(self) -> Path:
        """The deployment's name, given once by `gateway init`."""
        return self.data_dir / "tenant"

    @property
    def database(self) -> Path:
        """The embedded database."""
        return self.data_dir / "gateway.db"

    @property
    def key_file(self) -> Path:
        """The wrapped root key."""
        return self.data_dir / "root.key"

    @property
    def high_water(self) -> Path:
        """The newest checkpoint, kept outside the database so that a rolled-back database is noticed."""
        return self.data_dir / "high-water"

    @property
    def presence(self) -> Path:
        """The file by whose lock processes at work in the data folder know of one another."""
        return self.data_dir / "in-use"

    @property
    def blobs_dir(self) -> Path:
        """Where ciphertext lies."""
        return self.data_dir / "blobs"

    def check_serving(self) -> None:
        """Refuse to listen beyond this machine without a certificate or a declared trusted proxy."""
        if not 1 <= self.port <= 65535:
            raise SettingsRefused("The port must lie between 1 and 65535; set GATEWAY_PORT.")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise SettingsRefused("A certificate needs its key and a key its certificate; give both.")
        if self.tls_certificate is None and self.trusted_proxy is None and not _is_loopback(self.host):
            raise SettingsRefused(
                "Listening beyond this machine needs a certificate (GATEWAY_TLS_CERTIFICATE and GATEWAY_TLS_KEY) "
                "or a declared trusted proxy (GATEWAY_TRUSTED_PROXY); or listen on 127.0.0.1."
            )


def from_environment(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from `GATEWAY_…`; an unknown name refuses, so that a misspelt guard is not silently off."""
    given = {name: value for name, value in environ.items() if name.startswith("GATEWAY_")}
    unknown = sorted(given.keys() - _NAMES.keys() - _ELSEWHERE)
    if unknown:
        raise SettingsRefused(f"There is no setting {unknown[0]}; correct or remove it.")
    if "GATEWAY_DATA" not in given:
        raise SettingsRefused("GATEWAY_DATA is not set; name the data folder.")
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name in _NAMES:
            field, convert = _NAMES[name]
            try:
                values[field] = convert(text)
            except ValueError as error:
                raise SettingsRefused(f"The value of {name} is not of the right form; correct it.") from error
    return Settings(**values)


def passphrase(environ: Mapping[str, str] = os.environ) -> bytes:
    """The key file's passphrase, from GATEWAY_PASSPHRASE_FILE or GATEWAY_PASSPHRASE."""
    path = environ.get("GATEWAY_PASSPHRASE_FILE")
    if path is not None:
        try:
            text = Path(path).read_text("utf-8")
        except OSError as error:
            raise PassphraseMissing("The passphrase file cannot be read; check GATEWAY_PASSPHRASE_FILE.") from error
        return text.rstrip("\r\n").encode()
    text = environ.get("GATEWAY_PASSPHRASE", "")
    if not text:
        raise PassphraseMissing("Set GATEWAY_PASSPHRASE_FILE (or GATEWAY_PASSPHRASE) to open the key file.")
    return text.encode()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _layers(text: str) -> frozenset[Layer]:
    return frozenset(Layer(name.strip()) for name in text.split(",") if name.strip())


# Names that are read elsewhere: secrets, and what the command line needs as a client.
_ELSEWHERE = frozenset(
    {
        "GATEWAY_PASSPHRASE",
        "GATEWAY_PASSPHRASE_FILE",
        "GATEWAY_KEY_PASSPHRASE",
        "GATEWAY_TOKEN",
        "GATEWAY_TOKEN_FILE",
        "GATEWAY_PERSON",
        "GATEWAY_URL",
    }
)
_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "GATEWAY_DATA": ("data_dir", Path),
    "GATEWAY_TENANT": ("tenant", str),
    "GATEWAY_HOST": ("host", str),
    "GATEWAY_PORT": ("port", int),
    "GATEWAY_TLS_CERTIFICATE": ("tls_certificate", Path),
    "GATEWAY_TLS_KEY": ("tls_key", Path),
    "GATEWAY_TRUSTED_PROXY": ("trusted_proxy", str),
    "GATEWAY_POLICIES": ("policies_dir", Path),
    "GATEWAY_PICTURE_LIMIT_BYTES": ("picture_limit_bytes", int),
    "GATEWAY_TABLE_LIMIT_BYTES": ("table_limit_bytes", int),
    "GATEWAY_LEASE_S": ("lease_s", float),
    "GATEWAY_WORKER_MEMORY_BYTES": ("worker_memory_bytes", int),
    "GATEWAY_TOKEN_LIFETIME_S": ("token_lifetime_s", int),
    "GATEWAY_ARGON2_MEMORY_KIB": ("argon2_memory_kib", int),
    "GATEWAY_SANDBOX_MINIMUM": ("sandbox_minimum", _layers),
}
