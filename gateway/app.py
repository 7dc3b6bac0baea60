"""The composition root: the only module that chooses adapters and plugs rooms together."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json
from gateway.base.clock import Clock, SystemClock
from gateway.base.files import fsync_folder
from gateway.base.presence import Presence
from gateway.base.problems import Conflict, Unavailable
from gateway.db.engine import sqlite_engine
from gateway.db.grants import grant
from gateway.db.migrate import check_current, check_vacant, upgrade
from gateway.db.postgres import in_words, postgres_engine
from gateway.db.unit import Units
from gateway.detect.text import classes_of
from gateway.formats.document import DocumentFormat
from gateway.formats.picture import PictureFormat
from gateway.formats.ports import Format
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.intake.model import UploadBounds
from gateway.intake.service import Intake, KindIntake
from gateway.intake.uploads import Uploads
from gateway.keys.model import KeyMissing, KeyTampered
from gateway.keys.providers.key_file import Stretching
from gateway.keys.providers.passphrase import PassphraseKeyFile, create_key_file
from gateway.keys.rotation import Rotation
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, check_twin, create_twin, signing_twin
from gateway.matter.service import Matters
from gateway.people.service import People
from gateway.policy.load import Library, load_library
from gateway.release.authority import TimeStampAuthority
from gateway.release.dispatch import Dispatch
from gateway.release.service import Releases
from gateway.release.shredding import Shredding
from gateway.render.queue import Queue
from gateway.render.service import Renders
from gateway.residue import walled
from gateway.review.service import Reviews
from gateway.sandbox.process import ProcessSandbox
from gateway.seal.timestamp import load_certificates
from gateway.seal.twin import SigningTwin
from gateway.settings import Settings, SettingsRefused
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.openings import Openings
from gateway.vault.service import Vault
from gateway.vault.staging import Staging

# Every task that may run over hostile bytes; the sandbox refuses any other name.
SANDBOX_TASKS = (
    "gateway.formats.parse_csv:parse",
    "gateway.formats.parse_xlsx:parse",
    "gateway.formats.parse_ods:parse",
    "gateway.formats.parse_picture:parse",
    "gateway.formats.parse_pdf:parse",
    walled.TASK,
)

_INITIALISED = "deployment.initialised"
_TABLES = frozenset({"table-csv", "table-workbook"})


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


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running gateway: its rooms, plugged together."""

    settings: Settings
    clock: Clock
    units: Units
    keyring: Keyring
    key_file: PassphraseKeyFile
    rotation: Rotation
    log: Log
    people: People
    matters: Matters
    vault: Vault
    openings: Openings
    intake: Intake
    uploads: Uploads
    library: Library
    sandbox: ProcessSandbox
    renders: Renders
    reviews: Reviews
    releases: Releases
    dispatch: Dispatch
    shredding: Shredding
    presence: Presence

    def package_key(self) -> SigningTwin:
        """The deployment's two keys that sign manifests."""
        return _package_key(self.units, self.keyring)

    def tidy(self) -> int:
        """Forget uploads whose time is over; remove what failed and shredded work left in the vault, never what is
        being written; how much that was.
        """
        self.uploads.expire()
        return _tidy(self.units, self.vault, alone=False)

    def close(self) -> None:
        """Give back the sandbox and the data folder: connections and lock. The gateway is of no use afterwards."""
        self.sandbox.close()
        self.units.close()
        self.presence.close()


def built_in_formats() -> tuple[Format, ...]:
    """Every format of this gateway, in the order in which content is asked."""
    return (PictureFormat(), DocumentFormat(classes_of), TableWorkbook(classes_of), TableCsv(classes_of))


def sandbox(settings: Settings) -> ProcessSandbox:
    """The sandbox with the layers these settings insist on."""
    return ProcessSandbox(SANDBOX_TASKS, settings.sandbox_minimum)


def time_stamp_authority(settings: Settings) -> TimeStampAuthority | None:
    """The authority that vouches for the time of packages, where one is configured."""
    settings.check_time_stamps()
    if settings.tsa_url is None or settings.tsa_certificates is None:
        return None
    try:
        roots = load_certificates(settings.tsa_certificates.read_bytes())
    except OSError as error:
        raise SettingsRefused("The file named by GATEWAY_TSA_CERTIFICATES cannot be read; correct it.") from error
    return TimeStampAuthority(settings.tsa_url, roots, required=settings.tsa_required)


def kinds_of(library: Library, formats: tuple[Format, ...], settings: Settings) -> dict[str, KindIntake]:
    """Which formats and bounds each kind of the library has."""
    mediums = {
        "picture": (tuple(f for f in formats if f.name == "picture"), settings.picture_limit_bytes),
        "document": (tuple(f for f in formats if f.name == "document"), settings.document_limit_bytes),
        "table": (tuple(f for f in formats if f.name in _TABLES), settings.table_limit_bytes),
    }
    return {name: KindIntake(*mediums[kind.medium]) for name, kind in library.kinds.items()}


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
    engine = _engine(settings, unfinished)
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
    _check_database_there(settings)
    engine = _engine(settings, settings.database)
    _bring_up(settings, engine)
    engine.dispose()


def database_in_words(settings: Settings) -> str:
    """What keeps the rows, and with PostgreSQL whether the role it serves with could rewrite the log."""
    if settings.database_url is None:
        return "SQLite in the data folder"
    engine = _engine(settings, settings.database)
    try:
        return in_words(engine)
    finally:
        engine.dispose()


def compose(settings: Settings, passphrase: bytes | Callable[[], bytes], clock: Clock | None = None) -> Gateway:
    """Open the data folder and plug every room together; whoever comes first removes what a crash left behind.

    A callable `passphrase` is asked again when it was changed while the gateway runs. Raises a `Problem` when the
    folder, the key file, the passphrase, the database's version or a policy is not right.
    """
    _check_database_there(settings)
    settings = settings.named(_tenant_in(settings))
    clock = clock or SystemClock()
    provider = PassphraseKeyFile(settings.key_file, passphrase)
    engine = _engine(settings, settings.database)
    check_current(engine)
    units = Units(engine)
    keyring = Keyring(provider, settings.tenant, clock)
    log = Log(units, keyring, clock, settings.tenant, settings.high_water)
    _check_belongs(settings, log)
    with units.read() as session:
        for signer in Signer:
            check_twin(keyring, session, signer)
    rotation = Rotation(units, keyring, provider, clock, lambda *said: _note(log, *said))
    rotation.check_fit()
    people = People(units, keyring, log, clock, token_lifetime_max=timedelta(seconds=settings.token_lifetime_s))
    matters = Matters(units, keyring, log, clock)
    vault = Vault(keyring, FolderBlobStore(settings.blobs_dir, settings.disk_floor_bytes), clock)
    presence = Presence(settings.presence, lambda alone: _tidy(units, vault, alone=alone))
    library = load_library(settings.policies_dir)
    walls = sandbox(settings)
    intake = Intake(units, keyring, log, clock, vault, matters, kinds_of(library, built_in_formats(), settings))
    uploads = Uploads(
        units,
        keyring,
        clock,
        Staging(keyring, vault),
        matters,
        intake,
        UploadBounds(settings.upload_lifetime_s, settings.uploads_unfinished, settings.upload_staged_limit_bytes),
    )
    queue = Queue(units, settings.lease_s)
    renders = Renders(units, keyring, log, clock, vault, intake, library, walls, queue)
    reviews = Reviews(units, keyring, log, clock, people, renders)

    def package_key() -> SigningTwin:
        return _package_key(units, keyring)

    authority = time_stamp_authority(settings)
    stamped = authority is not None and authority.required
    releases = Releases(
        units, keyring, log, clock, vault, matters, intake, renders, reviews, walls, package_key, time_stamped=stamped
    )
    return Gateway(
        settings=settings,
        clock=clock,
        units=units,
        keyring=keyring,
        key_file=provider,
        rotation=rotation,
        log=log,
        people=people,
        matters=matters,
        vault=vault,
        openings=Openings(units, log, clock, vault),
        intake=intake,
        uploads=uploads,
        library=library,
        sandbox=walls,
        renders=renders,
        reviews=reviews,
        releases=releases,
        dispatch=Dispatch(units, log, vault, people, matters, reviews, releases, package_key, authority),
        shredding=Shredding(units, keyring, log, clock, people, vault, intake, uploads, renders),
        presence=presence,
    )


def _engine(settings: Settings, embedded: Path) -> Engine:
    if settings.database_url is None:
        return sqlite_engine(embedded)
    return postgres_engine(settings.database_url, settings.database_password_file)


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


def _check_database_there(settings: Settings) -> None:
    if settings.database_url is not None and settings.database.exists():
        raise ForeignDatabase("This data folder has its own database; remove GATEWAY_DATABASE_URL.")
    if settings.database_url is None and settings.log_key.exists():
        raise ForeignDatabase("The database of this data folder lies on a server; set GATEWAY_DATABASE_URL.")
    if not (settings.database if settings.database_url is None else settings.log_key).exists():
        raise NotFounded("There is no gateway in this data folder; create one with `gateway init` first.")


def _check_belongs(settings: Settings, log: Log) -> None:
    if settings.database_url is None:
        return
    try:
        belongs = log.vkey().strip() == settings.log_key.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError, KeyMissing, KeyTampered):
        belongs = False
    if not belongs:
        raise ForeignDatabase(
            "The database belongs to another data folder; correct GATEWAY_DATABASE_URL or GATEWAY_DATA."
        )


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _tidy(units: Units, vault: Vault, *, alone: bool) -> int:
    with units.read() as session:
        return vault.sweep(session, older_than_s=0) if alone else vault.sweep(session)


def _note(log: Log, session: Session, kind: str, matter: str | None, facts: Mapping[str, Json]) -> int:
    return log.append(session, Act(type=kind, actor="gateway", matter=matter, facts=facts))


def _tenant_in(settings: Settings) -> str:
    try:
        return settings.tenant_file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise NotFounded("The data folder's file `tenant` is missing or damaged; restore it from a backup.") from error


def _package_key(units: Units, keyring: Keyring) -> SigningTwin:
    with units.read() as session:
        return signing_twin(keyring, session, Signer.PACKAGE)
