"""Every number carries its unit; combinations that are not safe refuse to start.

Settings come from the environment (`GATEWAY_…`). Secrets come from files or the environment, never from arguments.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.base.problems import Unavailable, Usage
from gateway.base.units import GIB, MIB
from gateway.sandbox.ports import Layer

DEFAULT_TENANT = "gateway"
MAX_COMMITMENTS = 16
# The last label has a letter, so that no address in numbers passes for a name.
_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)


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
    database_url: str | None = None
    database_password_file: Path | None = None
    database_role: str | None = None
    host: str = "127.0.0.1"
    port: int = 8470
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxy: str | None = None
    origin: str | None = None
    policies_dir: Path | None = None
    policy_signers: Path | None = None
    policy_quorum: int = 2
    picture_limit_bytes: int = 64 * MIB
    document_limit_bytes: int = 64 * MIB
    drawing_limit_bytes: int = 32 * MIB
    table_limit_bytes: int = 256 * MIB
    video_limit_bytes: int = 256 * MIB
    table_commitments: int = 4
    uploads_at_once: int = 32
    upload_wait_s: float = 60.0
    upload_lifetime_s: int = 24 * 3600
    uploads_unfinished: int = 16
    upload_staged_limit_bytes: int = 8 * GIB
    disk_floor_bytes: int = 256 * MIB
    lease_s: float = 30.0
    worker_memory_bytes: int = 4 * GIB
    token_lifetime_s: int = 12 * 3600
    session_lifetime_s: int = 12 * 3600
    session_idle_s: int = 1800
    argon2_memory_kib: int = 256 * 1024
    tsa_url: str | None = None
    tsa_certificates: Path | None = None
    tsa_required: bool = True
    heartbeat_s: int = 3600
    witnesses: Path | None = None
    witnesses_required: bool = True
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
        """The embedded database, unless GATEWAY_DATABASE_URL names one on a server."""
        return self.data_dir / "gateway.db"

    @property
    def log_key(self) -> Path:
        """The key of the log that belongs to this folder, where the database lies on a server."""
        return self.data_dir / "log.vkey"

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
    def serving(self) -> Path:
        """The file that the one server of the data folder holds."""
        return self.data_dir / "serving"

    @property
    def key_change(self) -> Path:
        """The file that whoever rotates keys or changes the passphrase holds."""
        return self.data_dir / "key-change"

    @property
    def bundles_dir(self) -> Path:
        """Where signed bundles of policies are kept; the log says which of them is active."""
        return self.data_dir / "policies"

    @property
    def blobs_dir(self) -> Path:
        """Where ciphertext lies."""
        return self.data_dir / "blobs"

    def check_time_stamps(self) -> None:
        """Refuse an authority without an address or without certificates to check its time stamps with."""
        if (self.tsa_url is None) != (self.tsa_certificates is None):
            raise SettingsRefused("Time stamps need GATEWAY_TSA_URL and GATEWAY_TSA_CERTIFICATES; give both.")
        if self.tsa_url is not None:
            try:
                parts = urlsplit(self.tsa_url)
                usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            except ValueError:
                usable = False
            if not usable or not self.tsa_url.isprintable() or " " in self.tsa_url:
                raise SettingsRefused("GATEWAY_TSA_URL is an address such as https://tsa.example.com/tsr; correct it.")

    @property
    def sign_in_origin(self) -> str | None:
        """The one origin at which people sign in with a browser; `None` where nobody can."""
        if self.origin is not None:
            return self.origin
        if not _is_loopback(self.host) or self.trusted_proxy is not None:
            return None
        return f"{'http' if self.tls_certificate is None else 'https'}://localhost:{self.port}"

    def check_origin(self) -> None:
        """Refuse an origin that no browser would send, or that would carry cookies in clear over a network."""
        if self.origin is None:
            return
        told = _ORIGIN.fullmatch(self.origin)
        if told is None or (told["scheme"], told["port"]) in {("https", "443"), ("http", "80")}:
            raise SettingsRefused(
                "GATEWAY_ORIGIN is what browsers call this gateway, such as https://gateway.example.com: a name and no "
                "address in numbers, lower case, no path, no usual port; correct it."
            )
        if told["scheme"] == "http" and (told["host"] != "localhost" or not _is_loopback(self.host)):
            raise SettingsRefused("GATEWAY_ORIGIN begins with https://, unless it is localhost on this machine.")

    def check_serving(self) -> None:
        """Refuse to listen beyond this machine without a certificate or a declared trusted proxy."""
        self.check_origin()
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
            except (ValueError, KeyError) as error:
                raise SettingsRefused(f"The value of {name} is not of the right form; correct it.") from error
    settings = Settings(**values)
    if settings.database_url is None and (settings.database_role or settings.database_password_file):
        raise SettingsRefused("GATEWAY_DATABASE_ROLE and GATEWAY_DATABASE_PASSWORD_FILE need GATEWAY_DATABASE_URL.")
    return settings


def passphrase(environ: Mapping[str, str] = os.environ) -> bytes:
    """The key file's passphrase, from GATEWAY_PASSPHRASE_FILE or GATEWAY_PASSPHRASE."""
    path = environ.get("GATEWAY_PASSPHRASE_FILE")
    if path is not None:
        try:
            text = Path(path).read_text("utf-8")
        except OSError as error:
            raise PassphraseMissing("The passphrase file cannot be read; check GATEWAY_PASSPHRASE_FILE.") from error
        secret = text.rstrip("\r\n").encode()
        if not secret:
            raise PassphraseMissing("The passphrase file is empty; put the key file's passphrase into it.")
        return secret
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


def _yes_or_no(text: str) -> bool:
    return {"yes": True, "no": False}[text]


def _layers(text: str) -> frozenset[Layer]:
    return frozenset(Layer(name.strip()) for name in text.split(",") if name.strip())


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("less than one")
    return number


def _commitments(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MAX_COMMITMENTS:
        raise ValueError("no number of commitments")
    return number


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
        "GATEWAY_CA_FILE",
        "GATEWAY_WITNESS_PASSPHRASE",
        "GATEWAY_WITNESS_PASSPHRASE_FILE",
    }
)
_NAMES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "GATEWAY_DATA": ("data_dir", Path),
    "GATEWAY_TENANT": ("tenant", str),
    "GATEWAY_DATABASE_URL": ("database_url", str),
    "GATEWAY_DATABASE_PASSWORD_FILE": ("database_password_file", Path),
    "GATEWAY_DATABASE_ROLE": ("database_role", str),
    "GATEWAY_HOST": ("host", str),
    "GATEWAY_PORT": ("port", int),
    "GATEWAY_TLS_CERTIFICATE": ("tls_certificate", Path),
    "GATEWAY_TLS_KEY": ("tls_key", Path),
    "GATEWAY_TRUSTED_PROXY": ("trusted_proxy", str),
    "GATEWAY_ORIGIN": ("origin", str),
    "GATEWAY_POLICIES": ("policies_dir", Path),
    "GATEWAY_POLICY_SIGNERS": ("policy_signers", Path),
    "GATEWAY_POLICY_QUORUM": ("policy_quorum", _positive),
    "GATEWAY_PICTURE_LIMIT_BYTES": ("picture_limit_bytes", int),
    "GATEWAY_DOCUMENT_LIMIT_BYTES": ("document_limit_bytes", int),
    "GATEWAY_DRAWING_LIMIT_BYTES": ("drawing_limit_bytes", int),
    "GATEWAY_TABLE_LIMIT_BYTES": ("table_limit_bytes", int),
    "GATEWAY_VIDEO_LIMIT_BYTES": ("video_limit_bytes", int),
    "GATEWAY_TABLE_COMMITMENTS": ("table_commitments", _commitments),
    "GATEWAY_UPLOADS_AT_ONCE": ("uploads_at_once", _positive),
    "GATEWAY_UPLOAD_WAIT_S": ("upload_wait_s", float),
    "GATEWAY_UPLOAD_LIFETIME_S": ("upload_lifetime_s", _positive),
    "GATEWAY_UPLOADS_UNFINISHED": ("uploads_unfinished", _positive),
    "GATEWAY_UPLOAD_STAGED_LIMIT_BYTES": ("upload_staged_limit_bytes", int),
    "GATEWAY_DISK_FLOOR_BYTES": ("disk_floor_bytes", int),
    "GATEWAY_LEASE_S": ("lease_s", float),
    "GATEWAY_WORKER_MEMORY_BYTES": ("worker_memory_bytes", int),
    "GATEWAY_TOKEN_LIFETIME_S": ("token_lifetime_s", int),
    "GATEWAY_SESSION_LIFETIME_S": ("session_lifetime_s", _positive),
    "GATEWAY_SESSION_IDLE_S": ("session_idle_s", _positive),
    "GATEWAY_ARGON2_MEMORY_KIB": ("argon2_memory_kib", int),
    "GATEWAY_TSA_URL": ("tsa_url", str),
    "GATEWAY_TSA_CERTIFICATES": ("tsa_certificates", Path),
    "GATEWAY_TSA_REQUIRED": ("tsa_required", _yes_or_no),
    "GATEWAY_HEARTBEAT_S": ("heartbeat_s", _positive),
    "GATEWAY_WITNESSES": ("witnesses", Path),
    "GATEWAY_WITNESSES_REQUIRED": ("witnesses_required", _yes_or_no),
    "GATEWAY_SANDBOX_MINIMUM": ("sandbox_minimum", _layers),
}
