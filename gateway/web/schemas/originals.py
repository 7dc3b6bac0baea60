"""Originals, their receipts, answers and fields."""

from __future__ import annotations

from gateway.intake.model import Classification, DefenceNexus, ExportControl, Original, PersonalData, ThirdParty
from gateway.web.schemas.common import In, Line, Out, Time, example

_ORIGINAL = "org_01kag5v3q8m2s7d9x4e6b0cfhn"


class ReceiptOut(Out):
    """What the uploader holds: these bytes are kept, and the entry `audit_index` says so."""

    model_config = example(
        original=_ORIGINAL,
        kind="customer_list",
        media_type="text/csv",
        size_bytes=18231,
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        audit_index=41,
    )
    original: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str
    audit_index: int


class ReceiptsOut(Out):
    """A receipt for each file of an archive, in the archive's order."""

    originals: list[ReceiptOut]


class ClassificationIn(In):
    """The four answers every original needs before anything made of it can be released."""

    model_config = example(
        export_control="none", personal_data="assessed", third_party="withheld_by_policy", defence_nexus="no"
    )
    export_control: ExportControl
    personal_data: PersonalData
    third_party: ThirdParty
    defence_nexus: DefenceNexus
    licence_number: Line | None = None

    def answers(self) -> Classification:
        """As the room takes it."""
        return Classification(
            self.export_control, self.personal_data, self.third_party, self.defence_nexus, self.licence_number
        )


class ClassificationOut(Out):
    """The four answers."""

    export_control: ExportControl
    personal_data: PersonalData
    third_party: ThirdParty
    defence_nexus: DefenceNexus
    licence_number: str | None


class UploadOut(Out):
    """A resumable upload: how much of it is durable, and its receipt once it is an original."""

    model_config = example(id="upl_01kag5v3q8m2s7d9x4e6b0cfhn", kind="customer_list", received_bytes=16777216)
    id: str
    matter: str
    kind: str
    length_bytes: int | None
    received_bytes: int
    limit_bytes: int
    expires_at: Time
    receipt: ReceiptOut | None


class OriginalOut(Out):
    """An original; its file name is told to those who may open it. Once shredded it has neither digest nor name."""

    model_config = example(id=_ORIGINAL, kind="customer_list", media_type="text/csv", size_bytes=18231)
    id: str
    matter: str
    kind: str
    media_type: str
    size_bytes: int
    sha256: str | None
    file_name: str | None
    uploader: str
    classification: ClassificationOut | None
    created_at: Time
    shredded_at: Time | None = None

    @classmethod
    def of(cls, original: Original, *, named: bool) -> OriginalOut:
        """As the interface says it."""
        shown = cls.model_validate(original)
        return shown if named else shown.model_copy(update={"file_name": None})


class OriginalsOut(Out):
    """A page of originals, oldest first."""

    originals: list[OriginalOut]
    next_cursor: str | None


class ShreddingIn(In):
    """Why an original is to be destroyed; a second person has to sign."""

    model_config = example(reason="the matter is closed and the retention period over")
    reason: Line


class ShreddingOut(Out):
    """A shredding that waits for a second person's signature over `statement`."""

    model_config = example(
        id="shr_01kag5v3q8m2s7d9x4e6b0cfhn",
        original=_ORIGINAL,
        matter="mat_01kag5v3q8m2s7d9x4e6b0cfhn",
        proposer="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        reason="the matter is closed and the retention period over",
        proposed_at="2026-01-31T08:00:00.000Z",
        statement='{"at":"2026-01-31T08:00:00.000Z", …}',
    )
    id: str
    original: str
    matter: str
    proposer: str
    reason: str
    proposed_at: Time
    statement: str


class FieldOut(Out):
    """One thing a policy can name. `label` is what the original calls it, told to those who may open it."""

    model_config = example(id="column/4", element="column", name="customer.name", classes=[], count=120, label="Kunde")
    id: str
    element: str
    name: str | None
    classes: list[str]
    count: int
    label: str | None


class FieldsOut(Out):
    """Everything in an original that a policy can name, in document order.

    `source` says how a table was read: its encoding and delimiter, or its sheet; the name of a sheet is told to those
    who may open the original.
    """

    original: str
    kind: str
    source: dict[str, str]
    fields: list[FieldOut]
