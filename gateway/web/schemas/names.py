"""What people said of headers, to be remembered within a matter."""

from __future__ import annotations

from gateway.matter.model import HeaderName
from gateway.web.schemas.common import Out, Time, example


class NameOut(Out):
    """That somebody said of a header, as it is compared, which field it is, or `drop`; `audit_index` is its entry.

    `forgotten` is the entry by which it no longer holds.
    """

    model_config = example(
        id="nam_01kag5v3q8m2s7d9x4e6b0cfhn",
        kind="customer_list",
        header="kennziffer",
        field="customer.number",
        said_by="per_01kag5v3q8m2s7d9x4e6b0cfhn",
        audit_index=41,
    )
    id: str
    kind: str
    header: str
    field: str
    said_by: str
    said_at: Time
    audit_index: int
    forgotten: int | None

    @classmethod
    def of(cls, one: HeaderName) -> NameOut:
        """As the interface says it."""
        return cls(
            id=one.id,
            kind=one.kind,
            header=one.header,
            field=one.field,
            said_by=one.by,
            said_at=one.at,
            audit_index=one.entry,
            forgotten=one.forgotten,
        )


class NamesOut(Out):
    """The names that a matter remembers or forgot, oldest first."""

    names: list[NameOut]
