"""What roles may do, which of them one person may not join, and who may bring in others.

1. A role holds exactly the permissions of `ROLE_PERMISSIONS`.
2. Roles of one pair in `INCOMPATIBLE` never meet in one person: the administrator brings people in and therefore
   neither feeds, builds, reads, decides nor audits; the auditor does nothing that they would have to audit.
3. Founders are two people with two keys, one of whom may propose and the other of whom may countersign.
4. The second signature comes from somebody who may countersign and is neither the proposer nor the subject.
5. A removal leaves at least two people of whom one may propose and the other may countersign.
6. A token is asked for now, lasts at most as long as settings allow, and is good for nothing its person may not do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from gateway.people.model import (
    FoundingRefused,
    LastOnes,
    NotPermitted,
    Permission,
    Role,
    RolesRefused,
    SecondPersonNeeded,
    TokenTermsRefused,
)
from gateway.people.statements import TokenTerms

STATEMENT_AGE_MAX = timedelta(minutes=5)
FOUNDING_AGE_MAX = timedelta(days=1)

_P = Permission

_REVIEWER = frozenset(
    {
        _P.MATTER_READ,
        _P.ORIGINAL_OPEN,
        _P.ORIGINAL_SHRED,
        _P.RENDITION_READ,
        _P.RENDITION_ANSWER,
        _P.RENDITION_REVIEW,
        _P.RELEASE_APPROVE,
        _P.PEOPLE_COUNTERSIGN,
        _P.PEOPLE_READ,
    }
)

ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ORIGINATOR: frozenset(
            {
                _P.MATTER_READ,
                _P.ORIGINAL_UPLOAD,
                _P.ORIGINAL_CLASSIFY,
                _P.ORIGINAL_OPEN,
                _P.RENDITION_READ,
                _P.RENDITION_ANSWER,
            }
        ),
        Role.COMPLIANCE: frozenset(
            {
                _P.MATTER_CREATE,
                _P.MATTER_READ,
                _P.ORIGINAL_CLASSIFY,
                _P.ORIGINAL_OPEN,
                _P.ORIGINAL_SHRED,
                _P.CONSENT_RECORD,
                _P.EXPORT_RECORD,
                _P.RELEASE_BUILD,
                _P.RENDITION_READ,
                _P.RENDITION_ANSWER,
                _P.TRACE_RUN,
                _P.PEOPLE_READ,
            }
        ),
        Role.POLICY_AUTHOR: frozenset({_P.MATTER_READ}),
        Role.LEGAL: _REVIEWER | {_P.CONSENT_RECORD, _P.EXPORT_RECORD, _P.NAME_FORGET, _P.EVIDENCE_TAKE, _P.TRACE_RUN},
        Role.PRIVACY: _REVIEWER | {_P.ASSESSMENT_RECORD},
        Role.DISPATCHER: frozenset({_P.MATTER_READ, _P.RELEASE_DISPATCH, _P.RECEIPT_RECORD}),
        Role.AUDITOR: frozenset(
            {_P.AUDIT_READ, _P.AUDIT_EXPORT, _P.EVIDENCE_TAKE, _P.PEOPLE_COUNTERSIGN, _P.PEOPLE_READ}
        ),
        Role.ADMINISTRATOR: frozenset(
            {_P.AUDIT_READ, _P.AUDIT_EXPORT, _P.PEOPLE_PROPOSE, _P.PEOPLE_COUNTERSIGN, _P.PEOPLE_READ}
        ),
    }
)

# Permissions under which bytes or cells of originals and renditions come before a person's eyes.
SHOWS_CONTENT = frozenset(
    {
        _P.ORIGINAL_UPLOAD,
        _P.ORIGINAL_OPEN,
        _P.RENDITION_READ,
        _P.RENDITION_ANSWER,
        _P.RENDITION_REVIEW,
        _P.RELEASE_BUILD,
        _P.RELEASE_APPROVE,
    }
)

INCOMPATIBLE: frozenset[frozenset[Role]] = frozenset(
    [
        *(
            frozenset({Role.ADMINISTRATOR, role})
            for role in (Role.ORIGINATOR, Role.COMPLIANCE, Role.POLICY_AUTHOR, Role.LEGAL, Role.PRIVACY)
        ),
        *(frozenset({Role.AUDITOR, role}) for role in Role if role is not Role.AUDITOR),
    ]
)


def permissions_of(roles: Collection[Role]) -> frozenset[Permission]:
    """Everything that holders of all `roles` may do."""
    return frozenset().union(*(ROLE_PERMISSIONS[role] for role in roles))


def check_roles(roles: Collection[Role]) -> None:
    """Raise `RolesRefused` unless one person may hold `roles` together."""
    if not roles:
        raise RolesRefused("Name at least one role.")
    for pair in sorted(INCOMPATIBLE, key=sorted):
        if pair <= frozenset(roles):
            one, other = sorted(pair)
            raise RolesRefused(f"One person may not be {one.value} and {other.value}; give one role to somebody else.")


def check_founders(first: Collection[Role], second: Collection[Role]) -> None:
    """Raise unless one founder may propose a third person and the other may countersign."""
    check_roles(first)
    check_roles(second)
    if not _can_enrol((first, second)):
        raise FoundingRefused(
            "One founder must be administrator and the other legal, privacy, auditor or a second administrator, "
            "so that they can enrol a third person."
        )


def check_second_person(*, countersigner: str, roles: Collection[Role], proposer: str, subject: str) -> None:
    """Raise unless `countersigner` may give the second signature on what `proposer` proposed for `subject`."""
    if Permission.PEOPLE_COUNTERSIGN not in permissions_of(roles):
        raise NotPermitted("A second signature comes from legal, privacy, auditor or administrator.")
    if countersigner == proposer:
        raise SecondPersonNeeded("You proposed this yourself; ask a second person to sign.")
    if countersigner == subject:
        raise SecondPersonNeeded("Nobody signs for themselves; ask a second person to sign.")


def check_remaining(roles_by_person: Iterable[Collection[Role]]) -> None:
    """Raise `LastOnes` unless two of the people who remain can still enrol a third."""
    if not _can_enrol(tuple(roles_by_person)):
        raise LastOnes(
            "After this nobody could enrol anybody: enrol another administrator, or another person who may "
            "countersign, first."
        )


def check_founding_time(at: datetime, now: datetime) -> None:
    """Raise `FoundingRefused` unless the statement was signed within a day of now."""
    if abs(now - at) > FOUNDING_AGE_MAX:
        raise FoundingRefused("The founding statement is not of today; sign a new one, and check this host's clock.")


def check_token_terms(
    terms: TokenTerms, *, granted: Collection[Permission], now: datetime, lifetime_max: timedelta
) -> None:
    """Raise unless a person with the permissions `granted` may have a token on `terms` now."""
    if abs(now - terms.issued_at) > STATEMENT_AGE_MAX:
        raise TokenTermsRefused(
            "The statement was not signed within the last five minutes; check the clock, sign anew."
        )
    if not terms.issued_at < terms.expires_at <= terms.issued_at + lifetime_max:
        hours = lifetime_max / timedelta(hours=1)
        raise TokenTermsRefused(f"A token lasts at most {hours:g} hours and ends after it begins.")
    if not terms.scopes <= frozenset(granted):
        raise NotPermitted("The token asks for a permission that your roles do not hold; name fewer scopes.")


def _can_enrol(roles_by_person: Collection[Collection[Role]]) -> bool:
    granted = [permissions_of(roles) for roles in roles_by_person]
    return any(
        Permission.PEOPLE_PROPOSE in one and Permission.PEOPLE_COUNTERSIGN in other
        for place, one in enumerate(granted)
        for other_place, other in enumerate(granted)
        if place != other_place
    )
