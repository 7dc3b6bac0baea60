"""Refused acts become entries before anybody hears of the refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json
from gateway.base.ids import is_id
from gateway.base.problems import Forbidden, Refused, Unauthenticated
from gateway.people.model import AlreadyFounded, TokenReplayed

NOBODY = "nobody"
_LOGGED = (Forbidden, Refused, Unauthenticated, AlreadyFounded, TokenReplayed)


@contextmanager
def refusals_logged(
    log: Log, act_type: str, *, actor: str, subject: str | None = None, room: Callable[[], int] | None = None
) -> Iterator[None]:
    """Log what is refused inside the block, then let it pass on with the entry's index as its member `entry`.

    Stands outside the unit of work of the refused act: that one must have rolled back, because the refusal
    is committed by a unit of its own. An edge that sees the member `entry` does not log a second time. `room` tells
    how many refusals before this one had no entry, or raises where this one has none either.
    """
    try:
        yield
    except _LOGGED as problem:
        if subject is not None and not is_id(subject, subject.partition("_")[0]):
            subject = None
        facts: dict[str, Json] = {"problem": problem.slug}
        unlogged = room() if room else 0
        if unlogged:
            facts["unlogged"] = unlogged
        problem.members["entry"] = log.refused(Act(type=act_type, actor=actor, subject=subject, facts=facts))
        raise
