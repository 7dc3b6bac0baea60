"""The composition root: the only module that chooses adapters and plugs rooms together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.clock import Clock, SystemClock
from gateway.base.files import fsync_folder
from gateway.base.presence import Presence
from gateway.base.problems import Conflict, Unavailable
from gateway.db.engine import sqlite_engine
from gateway.db.migrate import check_current, upgrade
from gateway.db.unit import Units
from gateway.detect.text import classes_of
from gateway.formats.picture import PictureFormat
from gateway.formats.ports import Format
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.intake.service import Intake, KindIntake
from gateway.keys.providers.passphrase import PassphraseKeyFile, Stretching, create_key_file
from gateway.keys.service import Keyring
from gateway.matter.service import Matters
from gateway.people.service import People
from gateway.policy.load import Library, load_library
from gateway.release.dispatch import Dispatch
from gateway.release.service import Releases
from gateway.render.queue import Queue
from gateway.render.service import Renders
from gateway.review.service import Reviews
from gateway.sandbox.process import ProcessSandbox
from gateway.seal.signature import SigningKey, to_text
from gateway.settings import Settings
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.openings import Openings
from gateway.vault.service import Vault

# Every task that may run over hostile bytes; the sandbox refuses any other name.
SANDBOX_TASKS = (
    "gateway.formats.parse_csv:parse",
    "gateway.formats.parse_xlsx:parse",
    "gateway.formats.parse_ods:parse",
    "gateway.formats.parse_picture:parse",
)


_TABLES = frozenset({"table-csv", "table-workbook"})


class AlreadyInitialised(Conflict):
    """The data folder holds a gateway already."""

    slug = "already-initialised"
    title = "This data folder is in use"


class NotFounded(Unavailable):
    """The data folder holds no gateway."""

    slug = "not-founded"
    title = "This data folder holds no gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One running gateway: its rooms, plugged together."""

    settings: Settings
    clock: Clock
    units: Units
    keyring: Keyring
    log: Log
    people: People
    matters: Matters
    vault: Vault
    openings: Openings
    intake: Intake
    library: Library
    sandbox: ProcessSandbox
    renders: Renders
    reviews: Reviews
    releases: Releases
    dispatch: Dispatch
    presence: Presence

    def package_key(self) -> SigningKey:
        """The deployment's key that signs manifests."""
        return _package_key(self.units, self.keyring)

    def tidy(self) -> int:
        """Remove what failed and shredded work left in the vault, never what is being written; how much it was."""
        return _tidy(self.units, self.vault, alone=False)

    def close(self) -> None:
        """Give the data folder back: connections and the lock. The gateway is of no use afterwards."""
        self.units.close()
        self.presence.close()


def built_in_formats() -> tuple[Format, ...]:
    """Every format of this gateway, in the order in which content is asked."""
    return (PictureFormat(), TableWorkbook(classes_of), TableCsv(classes_of))


def sandbox(settings: Settings) -> ProcessSandbox:
    """The sandbox with the layers these settings insist on."""
    return ProcessSandbox(SANDBOX_TASKS, settings.sandbox_minimum)


def kinds_of(library: Library, formats: tuple[Format, ...], settings: Settings) -> dict[str, KindIntake]:
    """Which formats and bounds each kind of the library has."""
    mediums = {
        "picture": (tuple(f for f in formats if f.name == "picture"), settings.picture_limit_bytes),
        "table": (tuple(f for f in formats if f.name in _TABLES), settings.table_limit_bytes),
    }
    return {name: KindIntake(*mediums[kind.medium]) for name, kind in library.kinds.items()}


def initialise(settings: Settings, passphrase: bytes) -> None:
    """Create a new data folder: key file, schema, the keys that sign, and the log's first entry.

    Refuses a folder that holds a gateway already. A key file is never overwritten: one that stands there without a
    database is what an interrupted creation left, and is used if the passphrase opens it. The database gets its name
    last, so that a folder with one is whole.
    """
    if settings.database.exists() or settings.high_water.exists():
        raise AlreadyInitialised("This data folder holds a gateway already; choose another, or use the one there is.")
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not settings.key_file.exists():
        create_key_file(settings.key_file, passphrase, Stretching(memory_kib=settings.argon2_memory_kib))
    provider = PassphraseKeyFile(settings.key_file, passphrase)
    unfinished = settings.database.with_name("gateway.db.unfinished")
    for pattern in (f"{unfinished.name}*", f".{settings.key_file.name}.*"):
        for left in settings.data_dir.glob(pattern):
            left.unlink()
    engine = sqlite_engine(unfinished)
    upgrade(engine)
    unfinished.chmod(0o600)
    units = Units(engine)
    keyring = Keyring(provider, settings.tenant, SystemClock())
    log = Log(units, keyring, SystemClock(), settings.tenant, settings.high_water)
    with units.change() as session:
        key_id = keyring.create(session, role="package_signing", owner="deployment")
        seed = keyring.unwrap(session, key_id)
        log.append(
            session,
            Act(
                type="deployment.initialised",
                actor="gateway",
                facts={"tenant": settings.tenant, "package_key": to_text(SigningKey.from_seed(seed).public)},
            ),
        )
    units.close()
    with settings.tenant_file.open("w", encoding="ascii", newline="\n") as file:
        file.write(f"{settings.tenant}\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(settings.database)
    fsync_folder(settings.data_dir)


def compose(settings: Settings, passphrase: bytes, clock: Clock | None = None) -> Gateway:
    """Open the data folder and plug every room together; whoever comes first removes what a crash left behind.

    Raises a `Problem` when the folder, the key file, the passphrase, the database's version or a policy is not right.
    """
    if not settings.database.exists():
        raise NotFounded("There is no gateway in this data folder; create one with `gateway init` first.")
    settings = settings.named(_tenant_in(settings))
    clock = clock or SystemClock()
    provider = PassphraseKeyFile(settings.key_file, passphrase)
    engine = sqlite_engine(settings.database)
    check_current(engine)
    units = Units(engine)
    keyring = Keyring(provider, settings.tenant, clock)
    log = Log(units, keyring, clock, settings.tenant, settings.high_water)
    people = People(units, keyring, log, clock, token_lifetime_max=timedelta(seconds=settings.token_lifetime_s))
    matters = Matters(units, keyring, log, clock)
    vault = Vault(keyring, FolderBlobStore(settings.blobs_dir), clock)
    presence = Presence(settings.presence, lambda alone: _tidy(units, vault, alone=alone))
    library = load_library(settings.policies_dir)
    walls = sandbox(settings)
    intake = Intake(units, keyring, log, clock, vault, matters, kinds_of(library, built_in_formats(), settings))
    queue = Queue(units, settings.lease_s)
    renders = Renders(units, keyring, log, clock, vault, intake, library, walls, queue)
    reviews = Reviews(units, keyring, log, clock, people, renders)

    def package_key() -> SigningKey:
        return _package_key(units, keyring)

    releases = Releases(units, keyring, log, clock, vault, matters, intake, renders, reviews, package_key)
    return Gateway(
        settings=settings,
        clock=clock,
        units=units,
        keyring=keyring,
        log=log,
        people=people,
        matters=matters,
        vault=vault,
        openings=Openings(units, log, clock, vault),
        intake=intake,
        library=library,
        sandbox=walls,
        renders=renders,
        reviews=reviews,
        releases=releases,
        dispatch=Dispatch(units, log, vault, people, matters, reviews, releases, lambda: _package_key(units, keyring)),
        presence=presence,
    )


def _tidy(units: Units, vault: Vault, *, alone: bool) -> int:
    with units.read() as session:
        return vault.sweep(session, older_than_s=0) if alone else vault.sweep(session)


def _tenant_in(settings: Settings) -> str:
    try:
        return settings.tenant_file.read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise NotFounded("The data folder's file `tenant` is missing or damaged; restore it from a backup.") from error


def _package_key(units: Units, keyring: Keyring) -> SigningKey:
    with units.read() as session:
        key_id = keyring.find(session, role="package_signing", owner="deployment")
        return SigningKey.from_seed(keyring.unwrap(session, key_id))
