"""The composition root: the only module that chooses adapters and plugs rooms together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from gateway.audit.authority import TimeStampAuthority
from gateway.audit.cosigning import Cosigning
from gateway.audit.extracts import Extracts
from gateway.audit.heartbeat import Heartbeat
from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.audit.succession import Successions
from gateway.audit.witnesses import HttpWitnesses
from gateway.base.canon import Json
from gateway.base.clock import Clock, SystemClock
from gateway.base.presence import Presence
from gateway.db.migrate import check_current
from gateway.db.unit import Units
from gateway.detect.detector import TASK as DETECT_TASK
from gateway.detect.detector import Networks
from gateway.detect.text import classes_of
from gateway.exposure.assess import assess
from gateway.formats.document import DocumentFormat
from gateway.formats.document_docx import DocumentDocx
from gateway.formats.document_eml import DocumentEml
from gateway.formats.drawing import PARSE_TASKS as DRAWING_TASKS
from gateway.formats.drawing import DrawingFormat
from gateway.formats.drawing import installed as drawings_installed
from gateway.formats.picture import PictureFormat
from gateway.formats.ports import Format
from gateway.formats.structured import PARSE_TASKS as TEXT_TASKS
from gateway.formats.structured import StructuredFormat
from gateway.formats.table_csv import TableCsv
from gateway.formats.table_workbook import TableWorkbook
from gateway.formats.video import PARSE_TASKS as VIDEO_TASKS
from gateway.formats.video import VideoFormat
from gateway.founding import engine_of, require_belonging, require_founded, tenant_in
from gateway.intake.archives import TASK as ARCHIVE_TASK
from gateway.intake.archives import Archives
from gateway.intake.commitments import Commitments
from gateway.intake.model import UploadBounds
from gateway.intake.service import Intake, KindIntake
from gateway.intake.uploads import Uploads
from gateway.keys.providers.passphrase import PassphraseKeyFile
from gateway.keys.rotation import Rotation
from gateway.keys.service import Keyring
from gateway.keys.twins import Signer, check_twin, signing_twin
from gateway.matter.clearances import Clearances
from gateway.matter.names import Names
from gateway.matter.service import Matters
from gateway.people.passkeys import Passkeys
from gateway.people.restores import Restores
from gateway.people.service import People
from gateway.people.sessions import Sessions
from gateway.policy.bundle import Signers, parse_signers
from gateway.policy.load import Library
from gateway.policy.service import Policies
from gateway.release.dispatch import Dispatch
from gateway.release.evidence import Evidence
from gateway.release.service import Releases
from gateway.release.shredding import Shredding
from gateway.render.queue import Queue
from gateway.render.service import Renders
from gateway.residue import reading, walled
from gateway.review.service import Reviews
from gateway.sandbox.process import ProcessSandbox
from gateway.seal.timestamp import load_certificates
from gateway.seal.twin import SigningTwin
from gateway.settings import Settings, SettingsRefused
from gateway.trace.laying import TASK as TRACE_TASK
from gateway.trace.service import Tracing
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.openings import Openings
from gateway.vault.service import Vault
from gateway.vault.staging import Staging

# What each child imports for itself: it is large, and an extra that may not be there.
COLD_TASKS = frozenset(
    {
        *VIDEO_TASKS,
        walled.VIDEO_TASK,
        reading.VIDEO_PIXELS_TASK,
        *(DRAWING_TASKS.values() if drawings_installed() else ()),
    }
)
# Every task that may run over hostile bytes; the sandbox refuses any other name.
SANDBOX_TASKS = (
    "gateway.formats.parse_csv:parse",
    "gateway.formats.parse_xlsx:parse",
    "gateway.formats.parse_ods:parse",
    "gateway.formats.parse_picture:parse",
    "gateway.formats.parse_pdf:parse",
    "gateway.formats.parse_docx:parse",
    "gateway.formats.parse_eml:parse",
    "gateway.formats.draw_typed:draw",
    *TEXT_TASKS.values(),
    ARCHIVE_TASK,
    walled.TASK,
    walled.FOREIGN_TASK,
    reading.PIXELS_TASK,
    reading.COMPARE_TASK,
    *COLD_TASKS,
)

_TABLES = frozenset({"table-csv", "table-workbook"})
_DOCUMENTS = frozenset({"document", "document-docx", "document-eml"})


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
    successions: Successions
    restores: Restores
    extracts: Extracts
    heartbeat: Heartbeat
    cosigning: Cosigning
    people: People
    sessions: Sessions
    passkeys: Passkeys
    matters: Matters
    clearances: Clearances
    names: Names
    vault: Vault
    openings: Openings
    commitments: Commitments
    intake: Intake
    uploads: Uploads
    archives: Archives
    policies: Policies
    sandbox: ProcessSandbox
    looking: ProcessSandbox
    laying: ProcessSandbox
    renders: Renders
    reviews: Reviews
    releases: Releases
    dispatch: Dispatch
    evidence: Evidence
    shredding: Shredding
    tracing: Tracing
    presence: Presence

    @property
    def library(self) -> Library:
        """All kinds and policies."""
        return self.policies.library

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
        self.looking.close()
        self.laying.close()
        self.units.close()
        self.presence.close()


def built_in_formats() -> tuple[Format, ...]:
    """Every format of this gateway, in the order in which content is asked."""
    return (
        PictureFormat(),
        DocumentFormat(classes_of),
        VideoFormat(),
        DrawingFormat(classes_of),
        DocumentDocx(classes_of),
        DocumentEml(classes_of),
        TableWorkbook(classes_of),
        TableCsv(classes_of),
        StructuredFormat(classes_of),
    )


def sandbox(settings: Settings) -> ProcessSandbox:
    """The sandbox with the layers these settings insist on."""
    return ProcessSandbox(SANDBOX_TASKS, settings.sandbox_minimum, cold=COLD_TASKS)


def looking(settings: Settings) -> ProcessSandbox:
    """The sandbox in which a detector looks at pictures: its children inherit the models, which are read once."""
    return ProcessSandbox((DETECT_TASK,), settings.sandbox_minimum)


def laying(settings: Settings) -> ProcessSandbox:
    """The sandbox in which leaked pictures are laid over renditions: its children inherit what that takes."""
    return ProcessSandbox((TRACE_TASK,), settings.sandbox_minimum)


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


def cosigning(settings: Settings, units: Units, log: Log, clock: Clock) -> Cosigning:
    """The witnesses of the deployment, where a policy names some; refuses a policy that is for other logs."""
    policy = None
    if settings.witnesses is not None:
        try:
            policy = settings.witnesses.read_bytes()
        except OSError as error:
            raise SettingsRefused("The file named by GATEWAY_WITNESSES cannot be read; correct it.") from error
    made = Cosigning(units, log, clock, policy, HttpWitnesses(), required=settings.witnesses_required)
    if made.policy is not None and made.policy.logs and not {*made.policy.logs} & {*log.vkey().splitlines()}:
        raise SettingsRefused("The file named by GATEWAY_WITNESSES lists logs, and not this one; add its log.vkey.")
    return made


def policy_signers(settings: Settings) -> Signers | None:
    """Who must have signed the policies, where somebody must."""
    if settings.policy_signers is None:
        return None
    try:
        text = settings.policy_signers.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsRefused("The file named by GATEWAY_POLICY_SIGNERS cannot be read; correct it.") from error
    return parse_signers(text, settings.policy_quorum)


def kinds_of(library: Library, formats: tuple[Format, ...], settings: Settings) -> dict[str, KindIntake]:
    """Which formats and bounds each kind of the library has."""
    mediums = {
        "picture": (tuple(f for f in formats if f.name == "picture"), settings.picture_limit_bytes),
        "document": (tuple(f for f in formats if f.name in _DOCUMENTS), settings.document_limit_bytes),
        "video": (tuple(f for f in formats if f.name == "video"), settings.video_limit_bytes),
        "drawing": (tuple(f for f in formats if f.name == "drawing"), settings.drawing_limit_bytes),
        "text": (tuple(f for f in formats if f.name == "text"), settings.table_limit_bytes),
        "table": (tuple(f for f in formats if f.name in _TABLES), settings.table_limit_bytes),
    }
    return {name: KindIntake(*mediums[kind.medium]) for name, kind in library.kinds.items()}


def compose(settings: Settings, passphrase: bytes | Callable[[], bytes], clock: Clock | None = None) -> Gateway:
    """Open the data folder and plug every room together; whoever comes first removes what a crash left behind.

    A callable `passphrase` is asked again when it was changed while the gateway runs. Raises a `Problem` when the
    folder, the key file, the passphrase, the database's version or a policy is not right.
    """
    require_founded(settings)
    settings.check_origin()
    settings = settings.named(tenant_in(settings))
    clock = clock or SystemClock()
    provider = PassphraseKeyFile(settings.key_file, passphrase)
    engine = engine_of(settings, settings.database)
    check_current(engine)
    units = Units(engine)
    keyring = Keyring(provider, settings.tenant, clock)
    log = Log(units, keyring, clock, settings.tenant, settings.high_water)
    require_belonging(settings, log)
    with units.read() as session:
        for signer in Signer:
            check_twin(keyring, session, signer)
    rotation = Rotation(units, keyring, provider, clock, lambda *said: _note(log, *said))
    rotation.check_fit()
    people = People(units, keyring, log, clock, token_lifetime_max=timedelta(seconds=settings.token_lifetime_s))
    sessions = Sessions(
        units,
        keyring,
        log,
        clock,
        people,
        lifetime=timedelta(seconds=settings.session_lifetime_s),
        idle=timedelta(seconds=settings.session_idle_s),
    )
    passkeys = Passkeys(units, keyring, log, clock, people, sessions)
    matters = Matters(units, keyring, log, clock)
    clearances = Clearances(units, keyring, log, matters)
    names = Names(units, keyring, log, matters)
    vault = Vault(keyring, FolderBlobStore(settings.blobs_dir, settings.disk_floor_bytes), clock)
    presence = Presence(settings.presence, lambda alone: _tidy(units, vault, alone=alone))
    policies = Policies(log, clock, settings.policies_dir, settings.bundles_dir, policy_signers(settings))
    library = policies.library
    walls, other_walls, tracing_walls = sandbox(settings), looking(settings), laying(settings)
    formats = built_in_formats()
    tables = {form.name: form for form in formats if form.name in _TABLES}
    commitments = Commitments(units, keyring, log, vault, walls, tables, settings.table_commitments)
    intake = Intake(units, keyring, log, clock, vault, matters, kinds_of(library, formats, settings), commitments)
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
    networks = Networks(other_walls)
    renders = Renders(
        units,
        keyring,
        log,
        clock,
        vault,
        intake,
        commitments,
        policies,
        walls,
        queue,
        networks,
        networks,
        clearances,
        assess,
        names,
    )
    reviews = Reviews(units, keyring, log, clock, people, passkeys, renders)

    successions = Successions(units, keyring, log, clock)
    shredding = Shredding(units, keyring, log, clock, people, vault, intake, uploads, renders)

    def package_key() -> SigningTwin:
        return _package_key(units, keyring)

    witnesses = cosigning(settings, units, log, clock)
    authority = time_stamp_authority(settings)
    stamped = authority is not None and authority.required
    releases = Releases(
        units,
        keyring,
        log,
        clock,
        vault,
        matters,
        clearances,
        intake,
        renders,
        reviews,
        walls,
        package_key,
        time_stamped=stamped,
    )
    extracts = Extracts(units, keyring, log, lambda: witnesses.checkpoint().checkpoint)
    return Gateway(
        settings=settings,
        clock=clock,
        units=units,
        keyring=keyring,
        key_file=provider,
        rotation=rotation,
        log=log,
        successions=successions,
        restores=Restores(units, log, successions, clock, settings.tenant, shredding.again),
        cosigning=witnesses,
        extracts=extracts,
        heartbeat=Heartbeat(units, log, clock, authority, settings.heartbeat_s),
        people=people,
        sessions=sessions,
        passkeys=passkeys,
        matters=matters,
        clearances=clearances,
        names=names,
        vault=vault,
        openings=Openings(units, log, clock, vault),
        commitments=commitments,
        intake=intake,
        uploads=uploads,
        archives=Archives(intake, vault, walls),
        policies=policies,
        sandbox=walls,
        looking=other_walls,
        laying=tracing_walls,
        renders=renders,
        reviews=reviews,
        releases=releases,
        dispatch=Dispatch(units, log, witnesses, vault, people, matters, reviews, releases, package_key, authority),
        evidence=Evidence(units, keyring, log, extracts, matters, policies, renders, releases, package_key, authority),
        shredding=shredding,
        tracing=Tracing(
            units,
            keyring,
            log,
            renders,
            releases,
            matters,
            formats[0],
            walls,
            tracing_walls,
            settings.picture_limit_bytes,
        ),
        presence=presence,
    )


def _tidy(units: Units, vault: Vault, *, alone: bool) -> int:
    with units.read() as session:
        return vault.sweep(session, older_than_s=0) if alone else vault.sweep(session)


def _note(log: Log, session: Session, kind: str, matter: str | None, facts: Mapping[str, Json]) -> int:
    return log.append(session, Act(type=kind, actor="gateway", matter=matter, facts=facts))


def _package_key(units: Units, keyring: Keyring) -> SigningTwin:
    with units.read() as session:
        return signing_twin(keyring, session, Signer.PACKAGE)
