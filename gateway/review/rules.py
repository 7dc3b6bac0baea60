"""The rules of four eyes, as pure functions. A check raises.

1. Nobody approves or reviews what they built, answered or uploaded.
2. An approver signs in a role that they hold and that sees content.
3. The statement is canonical, complete, fresh, and about this release's present manifest.
4. A quorum counts distinct persons with distinct keys; at least two in every release.
5. Whoever dispatches has neither approved nor built.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.base.canon import canonical, parse_canonical
from gateway.base.clock import from_text, to_text
from gateway.base.problems import CheckFailed, Refused
from gateway.review.model import Approval, Case, Quorum

STATEMENT_TYPE = "disclosure-gateway/approval/v1"
APPROVING_ROLES = frozenset({"legal", "privacy"})
FRESH_FOR = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)
FEWEST_APPROVERS = 2

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


class SeparationOfDuties(Refused):
    """One person would do two things that must be done by two."""

    slug = "separation-of-duties"
    title = "Another person must do this"


class StatementMismatch(CheckFailed):
    """What was signed is not what stands here now."""

    slug = "statement-mismatch"
    title = "The signed statement is about something else"


class QuorumMissing(Refused):
    """Approvals are missing."""

    slug = "quorum-missing"
    title = "Approvals are missing"


def statement(case: Case, *, approver: str, role: str, at: datetime) -> bytes:
    """The canonical statement that an approver signs: these bytes, for this recipient, in this role, now."""
    return canonical(
        {
            "type": STATEMENT_TYPE,
            "release": case.release,
            "manifest_sha256": case.manifest_sha256,
            "decision": "approve",
            "role": role,
            "approver": approver,
            "at": to_text(at),
            "recipient": case.recipient,
            "files": case.disclosed,
        }
    )


def check_statement(signed: bytes, case: Case, *, approver: str, now: datetime) -> str:
    """The role signed for, if `signed` states `case` as it stands; `StatementMismatch` names what differs."""
    told = parse_canonical(signed)
    if not isinstance(told, dict):
        raise StatementMismatch("The statement is no object; fetch the approval request again and sign that.")
    role, at = told.get("role"), told.get("at")
    if not isinstance(role, str) or not isinstance(at, str) or not _TIME.fullmatch(at):
        raise StatementMismatch("The statement has no role or no time; fetch the approval request again and sign that.")
    try:
        moment = from_text(at)
    except ValueError as error:
        raise StatementMismatch("The statement's time is no time; fetch the approval request again.") from error
    expected = parse_canonical(statement(case, approver=approver, role=role, at=moment))
    for name in sorted(expected.keys() | told.keys()):
        # As bytes: `true` equals 1 and a missing field equals null everywhere but in what was signed.
        if name not in told or name not in expected or canonical(told[name]) != canonical(expected[name]):
            raise StatementMismatch(
                f"The signed statement differs from the release as it stands in '{name}'; "
                "fetch the approval request again, look at the release, and sign that.",
                field=name,
            )
    if not now - FRESH_FOR <= moment <= now + CLOCK_SKEW:
        raise StatementMismatch(
            "The statement is older than 24 hours or from the future; fetch it again and sign that."
        )
    return role


def check_may_review(case_authors: Iterable[str], uploaders: Iterable[str], person: str) -> None:
    """Raise unless `person` neither built nor uploaded."""
    if person in set(case_authors):
        raise SeparationOfDuties("You built or answered part of this release; another reviewer must look at it.")
    if person in set(uploaders):
        raise SeparationOfDuties("You uploaded an original of this release; another reviewer must look at it.")


def check_role(role: str, held: Iterable[str]) -> None:
    """Raise unless `role` may approve and the person holds it."""
    if role not in APPROVING_ROLES:
        raise SeparationOfDuties("Only the roles legal and privacy approve a release.")
    if role not in set(held):
        raise SeparationOfDuties("You do not hold the role you sign in; ask for it to be granted and countersigned.")


def check_quorum(quorum: Iterable[Quorum], approvals: Iterable[Approval]) -> None:
    """Raise `QuorumMissing` naming the role that lacks approvals."""
    given = list(approvals)
    if len({one.approver for one in given}) != len(given) or len({one.key for one in given}) != len(given):
        raise QuorumMissing("Two approvals come from one person or one key; each counts once.")
    for need in quorum:
        have = sum(one.role == need.role for one in given)
        if have < need.n:
            raise QuorumMissing(
                f"The release has {have} of {need.n} approvals in the role {need.role}; ask for the missing ones.",
                role=need.role,
            )
    if len(given) < FEWEST_APPROVERS:
        raise QuorumMissing("A release needs approvals of at least two people.")


def check_dispatcher(case: Case, approvals: Iterable[Approval], dispatcher: str) -> None:
    """Raise if the dispatcher built or approved."""
    if dispatcher in {one.approver for one in approvals}:
        raise SeparationOfDuties("You approved this release; another person must dispatch it.")
    if dispatcher in case.authors:
        raise SeparationOfDuties("You built or answered part of this release; another person must dispatch it.")


def combined(quorums: Iterable[Quorum]) -> tuple[Quorum, ...]:
    """For each role the largest number that any policy asks for."""
    most: dict[str, int] = {}
    for one in quorums:
        most[one.role] = max(one.n, most.get(one.role, 0))
    return tuple(Quorum(role, n) for role, n in sorted(most.items()))
