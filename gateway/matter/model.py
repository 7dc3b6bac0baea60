"""Matters, their chain of recipients and their demand items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gateway.base.problems import NotFound, Usage


class Purpose(StrEnum):
    """What the authority says it needs the material for."""

    EXPORT_LICENCE = "export_licence"
    GENERAL_LICENCE = "general_licence"
    LICENCE_RENEWAL = "licence_renewal"
    LICENCE_AMENDMENT = "licence_amendment"
    END_USE_CHECK = "end_use_check"
    MONTHLY_REPORT = "monthly_report"
    STAFF_REGISTER = "staff_register"
    TRADE_DEFENCE = "trade_defence"


class RecipientClass(StrEnum):
    """What a recipient is in the chain."""

    SUPPLIER = "supplier"
    AGENT = "agent"
    AUTHORITY = "authority"
    COUNSEL = "counsel"
    EXPERT = "expert"
    PUBLIC = "public"


class Language(StrEnum):
    """The language a recipient's reasons, index and README are written in."""

    ENGLISH = "en"
    CHINESE = "zh"


class Profile(StrEnum):
    """The form in which a package leaves."""

    SEALED = "sealed"
    PORTAL = "portal"
    PRINT = "print"
    PUBLIC = "public"


class LegalBasis(StrEnum):
    """On what a demand item rests."""

    PUBLISHED = "published"
    CATCH_ALL = "catch_all"
    ORAL = "oral"
    SUPPLIER_INVENTED = "supplier_invented"


class ClearanceSort(StrEnum):
    """What a clearance is: a third party's word on being named, the assessment of a disclosure of personal data, the
    classification of an original under a list of controlled goods, or a licence for what is controlled there.
    """

    CONSENT = "consent"
    ASSESSMENT = "assessment"
    EXPORT_CLASS = "export_class"
    LICENCE = "licence"


class ClearanceState(StrEnum):
    """What was said. `withdrawn` takes back what was given."""

    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class MatterMalformed(Usage):
    """A matter, recipient or demand item that cannot be taken as it is."""

    slug = "matter-malformed"
    title = "The matter is not formed as documented"


class NoSuchMatter(NotFound):
    """No matter, or no recipient in it, with this id."""

    slug = "no-such-matter"
    title = "No such matter here"


@dataclass(frozen=True, slots=True)
class RecipientDraft:
    """A recipient as entered.

    `hop` counts from 1 along the chain. `age_key` is an age public key of either kind. `custody` names the hops through
    whose hands this recipient's copy passes in clear; None means every hop up to its own. `jurisdiction` defaults to
    the matter's.
    """

    hop: int
    name: str
    recipient_class: str
    language: str
    profiles: tuple[str, ...] = (Profile.PORTAL.value,)
    jurisdiction: str | None = None
    age_key: str | None = None
    custody: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class DemandDraft:
    """One thing asked, as entered; `number` is the `item-7` that a policy's `asked_for` names."""

    number: str
    text: str
    legal_basis: str
    citation: str | None = None
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MatterDraft:
    """A matter as entered, nothing of it trusted."""

    title: str
    authority: str
    regime: str
    purpose: str
    jurisdiction: str
    recipients: tuple[RecipientDraft, ...]
    demands: tuple[DemandDraft, ...] = ()
    round: int = 1
    deadline: date | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient in the chain; `custody` holds recipient ids by hop, always with its own."""

    id: str
    hop: int
    name: str
    recipient_class: RecipientClass
    jurisdiction: str
    language: Language
    profiles: tuple[Profile, ...]
    age_key: str | None
    custody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemandItem:
    """One thing asked."""

    number: str
    text: str
    legal_basis: LegalBasis
    citation: str | None
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matter:
    """A demand by an authority; recipients in the order of their hops, `entry` the index of `matter.opened`."""

    id: str
    title: str
    authority: str
    regime: str
    purpose: Purpose
    jurisdiction: str
    round: int
    deadline: date | None
    recipients: tuple[Recipient, ...]
    demands: tuple[DemandItem, ...]
    created_by: str
    created_at: datetime
    entry: int

    def recipient(self, recipient_id: str) -> Recipient:
        """The recipient with this id, or `NoSuchMatter`."""
        for recipient in self.recipients:
            if recipient.id == recipient_id:
                return recipient
        raise NoSuchMatter("This matter has no recipient with this id.")


@dataclass(frozen=True, slots=True)
class MatterSummary:
    """A matter in a list; `title` is None where the matter's key was destroyed."""

    id: str
    title: str | None
    authority: str
    regime: str
    purpose: Purpose
    round: int
    deadline: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ClearanceDraft:
    """A clearance as entered, nothing of it trusted.

    `about` are all spellings of one party's name, or the classes of personal data that were assessed; `fields` those in
    which a party may be named. `reference` says where the evidence is, `evidence_sha256` that it is this document.
    """

    sort: str
    about: tuple[str, ...]
    recipient_class: str
    state: str
    start: date
    end: date
    reference: str
    fields: tuple[str, ...] = ("*",)
    evidence_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Clearance:
    """A clearance of a matter, as it was recorded; a later one about the same stands in its place."""

    id: str
    matter: str
    sort: ClearanceSort
    about: tuple[str, ...]
    fields: tuple[str, ...]
    recipient_class: RecipientClass
    state: ClearanceState
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: datetime
    entry: int

    def lives(self, on: date) -> bool:
        """Whether it was given and holds on this day."""
        return self.state is ClearanceState.GIVEN and self.start <= on <= self.end


@dataclass(frozen=True, slots=True)
class HeaderName:
    """That `by` said of a header of a kind, as compared, which field it is, or `drop`; `entry` is the log's word on it.

    `forgotten` is the entry by which it no longer holds.
    """

    id: str
    matter: str
    kind: str
    header: str
    field: str
    by: str
    at: datetime
    entry: int
    forgotten: int | None = None


@dataclass(frozen=True, slots=True)
class ExportClassDraft:
    """What an original is under a list of controlled goods, as entered: an entry such as 3A001 or EAR99, or `none`."""

    original: str
    regime: str
    entry: str
    start: date
    end: date
    reference: str
    evidence_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ExportClass:
    """A classification as it was recorded; a later one of the same original under the same regime takes its place."""

    id: str
    matter: str
    original: str
    regime: str
    entry: str
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: datetime
    index: int

    def lives(self, on: date) -> bool:
        """Whether it holds on this day."""
        return self.start <= on <= self.end


@dataclass(frozen=True, slots=True)
class LicenceDraft:
    """An export licence as entered: which entries of a regime it lets go to which classes of recipients, and where."""

    regime: str
    number: str
    entries: tuple[str, ...]
    recipient_classes: tuple[str, ...]
    countries: tuple[str, ...]
    state: str
    start: date
    end: date
    reference: str
    evidence_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as it was recorded; a later word about the same number under the same regime takes its place."""

    id: str
    matter: str
    regime: str
    number: str
    entries: tuple[str, ...]
    recipient_classes: tuple[RecipientClass, ...]
    countries: tuple[str, ...]
    state: ClearanceState
    start: date
    end: date
    reference: str
    evidence_sha256: str | None
    recorded_by: str
    recorded_at: datetime
    index: int

    def lives(self, on: date) -> bool:
        """Whether it was given and holds on this day."""
        return self.state is ClearanceState.GIVEN and self.start <= on <= self.end

    def covers(self, entry: str, recipient_class: str, country: str) -> bool:
        """Whether it is for this entry, as entries are written here, and for such a recipient."""
        return entry in self.entries and recipient_class in self.recipient_classes and country in self.countries


@dataclass(frozen=True, slots=True)
class ExportControl:
    """All classifications and licences of a matter, each sort oldest first."""

    classes: tuple[ExportClass, ...]
    licences: tuple[Licence, ...]

    def class_of(self, original: str, regime: str) -> ExportClass | None:
        """The newest classification of this original under this regime."""
        return next((one for one in reversed(self.classes) if (one.original, one.regime) == (original, regime)), None)

    def licences_under(self, regime: str) -> tuple[Licence, ...]:
        """The newest word about every licence of this regime."""
        return tuple({one.number: one for one in self.licences if one.regime == regime}.values())
