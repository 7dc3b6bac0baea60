"""A data folder becomes a gateway's once, and is known again: what does not belong to it is refused, never mixed up."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gateway.audit.model import Act, LogDamaged
from gateway.audit.service import Log
from gateway.base.clock import SystemClock
from gateway.base.files import fsync_folder
from gateway.base.problems import Conflict, Unavailable
from gateway.db.engine import sqlite_engine
from gateway.db.grants import grant
from gateway.db.migrate import check_vacant, upgrade
from gateway.db.postgres import in_words, postgres_engine
from gateway.db.unit import Units
from gateway.keys.model import KeyMissing, KeyTampered
from gateway.keys.providers.key_file import Stretching
from gateway.keys.providers.passphrase import PassphraseKeyFile, create_key_file
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, create_twin, signing_twin
from gateway.settings import Settings

_INITIALISED = "deployment.initialised"


class AlreadyInitialised(Conflict):
    """The data folder holds a gateway already."""

    slug = "already-initialised"
    title = "This data folder is in use"


class NotFounded(Unavailable):
    """The data folder holds no gateway."""

    slug = "not-founded"
    title = "This data folder holds no gateway"


class ForeignDatabase(Unavailable):
    """The database belongs to another data folder: what the two hold does not fit together."""

    slug = "foreign-database"
    title = "Data folder and database do not belong together"


def initialise(settings: Settings, passphrase: bytes) -> None:
    """Create a new gateway: key file, schema, the keys that sign, and the log's first entry.

    Refuses a folder or a database that holds one already. A key file is never overwritten: one that stands there
    without a gateway is what an interrupted creation left, and is used if the passphrase opens it. The folder gets its
    database last (the file's name, or the key of the log on the server), so that a folder with one is whole.
    """
    if settings.database.exists() or settings.log_key.exists() or settings.high_water.exists():
        raise AlreadyInitialised("This data folder holds a gateway already; choose another, or use the one there is.")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.key_file.exists():
        create_key_file(settings.key_file, passphrase, Stretching(memory_kib=settings.argon2_memory_kib))
    provider = PassphraseKeyFile(settings.key_file, passphrase)
    unfinished = settings.database.with_name("gateway.db.unfinished")
    for pattern in (f"{unfinished.name}*", f".{settings.key_file.name}.*"):
        for left in settings.data_dir.glob(pattern):
            left.unlink()
    engine = engine_of(settings, unfinished)
    log = _first_entries(settings, engine, Keyring(provider, settings.tenant, SystemClock()))
    _write_durably(settings.tenant_file, f"{settings.tenant}\n")
    unfinished_key = settings.log_key.with_name("log.vkey.unfinished")
    if settings.database_url is not None:
        _write_durably(unfinished_key, log.vkey())
    engine.dispose()
    if settings.database_url is None:
        unfinished.rename(settings.database)
    else:
        unfinished_key.rename(settings.log_key)
    fsync_folder(settings.data_dir)


def migrate(settings: Settings) -> None:
    """Bring the database of an existing gateway to this version's schema, and its role to this version's rights."""
    require_founded(settings)
    engine = engine_of(settings, settings.database)
    _bring_up(settings, engine)
    engine.dispose()


def database_in_words(settings: Settings) -> str:
    """What keeps the rows, and with PostgreSQL whether the role it serves with could rewrite the log."""
    if settings.database_url is None:
        return "SQLite in the data folder"
    engine = engine_of(settings, settings.database)
    try:
        return in_words(engine)
    finally:
        engine.dispose()


def engine_of(settings: Settings, embedded: Path) -> Engine:
    """The database that these settings name: on a server, or the file `embedded`."""
    if settings.database_url is None:
        return sqlite_engine(embedded)
    return postgres_engine(settings.database_url, settings.database_password_file)


def require_founded(settings: Settings) -> None:
    """Raise `NotFounded` where no gateway was created, `ForeignDatabase` where its rows lie elsewhere."""
    if settings.database_url is not None and settings.database.exists():
        raise ForeignDatabase("This data folder has its own database; remove GATEWAY_DATABASE_URL.")
    if settings.database_url is None and settings.log_key.exists():
        raise ForeignDatabase("The database of this data folder lies on a server; set GATEWAY_DATABASE_URL.")
    if not (settings.database if settings.database_url is None else settings.log_key).exists():
        raise NotFounded("There is no gateway in this data folder; create one with `gateway init` first.")


def require_belonging(settings: Settings, log: Log) -> None:
    """Raise `ForeignDatabase` unless the database on a server holds the log that this data folder began."""
    if settings.database_url is None:
        return
    try:
        belongs = log.first_vkey().strip() == settings.log_key.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError, KeyMissing, KeyTampered, LogDamaged):
        belongs = False
    if not belongs:
        raise ForeignDatabase(
            "The database belongs to another data folder; correct GATEWAY_DATABASE_URL or GATEWAY_DATA."
        )


def tenant_in(settings: Settings) -> str:
    """The name that this gateway got when it was created."""
    try:
        return settings.tenant_file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise NotFounded("The data folder's file `tenant` is missing or damaged; restore it from a backup.") from error


def _bring_up(settings: Settings, engine: Engine) -> None:
    upgrade(engine)
    if settings.database_role is not None:
        grant(engine, settings.database_role)


def _first_entries(settings: Settings, engine: Engine, keyring: Keyring) -> Log:
    """Schema, keys and first entry; takes over what an interrupted creation of this very folder left on a server."""
    check_vacant(engine)
    _bring_up(settings, engine)
    units = Units(engine)
    log = Log(units, keyring, SystemClock(), settings.tenant, settings.high_water)
    with units.change() as session:
        if there := log.size_in(session):
            _check_interrupted(log, session, there)
            return log
        create_twin(keyring, session, Signer.PACKAGE)
        package_keys = list(signing_twin(keyring, session, Signer.PACKAGE).public.texts)
        log.append(
            session,
            Act(
                type=_INITIALISED,
                actor="gateway",
                facts={"tenant": settings.tenant, "package_keys": package_keys},
            ),
        )
    return log


def _check_interrupted(log: Log, session: Session, entries: int) -> None:
    """Only the founding's two entries are there, and this folder's key file opens what they are checked with."""
    try:
        ours = entries == 2 and json.loads(log.entry_in(session, 1))["type"] == _INITIALISED
    except (KeyMissing, KeyTampered):
        ours = False
    if not ours:
        raise AlreadyInitialised("This database holds a gateway already; name an empty one in GATEWAY_DATABASE_URL.")


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
