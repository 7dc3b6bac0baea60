"""The log for people: a timeline that can be searched, the newest first, and its export with the verifier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from gateway.app import Gateway
from gateway.audit import rules
from gateway.audit.model import Filter
from gateway.people.model import Permission
from gateway.seal.merkle import leaf_hash
from gateway.web import places
from gateway.web.api.audit import export_log
from gateway.web.pages.desk import AtDesk, Sent

router = APIRouter(prefix=f"{places.DESK}/audit", include_in_schema=False)

SHOWN: Final = 50
# How far back one page looks for what a filter leaves, and in which steps.
LOOKED_AT: Final = 20_000
_STEP: Final = 1_000
Word = Annotated[str, Query(max_length=128)]


@router.get("")
def show_audit(
    desk: AtDesk,
    matter: Word = "",
    actor: Word = "",
    type: Word = "",  # noqa: A002 an act's word
    since: Annotated[str, Query(max_length=10)] = "",
    until: Annotated[str, Query(max_length=10)] = "",
    before: Annotated[int | None, Query(ge=0, le=2**53 - 1)] = None,
) -> Response:
    """The newest entries that a filter leaves."""
    desk.need(Permission.AUDIT_READ)
    wanted = _filter(matter, actor, type, since, until)
    end = min(desk.gateway.log.size() if before is None else before, desk.gateway.log.size())
    entries, looked = _newest(desk.gateway, wanted, end)
    checkpoint = desk.gateway.log.checkpoint()
    asked = {"matter": matter, "actor": actor, "type": type, "since": since, "until": until}
    return desk.page(
        "audit.html",
        "audit",
        entries=entries,
        asked=asked,
        query="&".join(f"{name}={value}" for name, value in asked.items() if value),
        older=looked if looked > 0 else None,
        checkpoint=checkpoint,
        fingerprint=desk.gateway.log.public_key().fingerprint,
    )


@router.post("/exports")
def export(desk: AtDesk, form: Sent) -> Response:
    """The log, or what the filter leaves, as a folder that verifies itself."""
    desk.need(Permission.AUDIT_EXPORT)
    names = ("matter", "actor", "type", "since", "until")
    return export_log(desk.gateway, desk.actor, _filter(*(form.text(name) for name in names)), [], None)


def _filter(matter: str, actor: str, sort: str, since: str, until: str) -> Filter:
    wanted = Filter(matter or None, actor or None, sort or None, _begin(since), _begin(until))
    rules.check_filter(wanted)
    return wanted


def _begin(day: str) -> str | None:
    return f"{day}T00:00:00.000Z" if day else None


def _newest(gateway: Gateway, wanted: Filter, end: int) -> tuple[list[dict[str, Any]], int]:
    """At most `SHOWN` entries below `end`, newest first, and the index below which nobody has looked."""
    found: list[dict[str, Any]] = []
    for index, leaf in _backwards(gateway, end):
        told = json.loads(leaf)
        if wanted.matches(told):
            found.append({"subject": None, "facts": {}, **told, "index": index, "hash": leaf_hash(leaf).hex()})
        if len(found) == SHOWN:
            return found, index
    return found, max(0, end - LOOKED_AT)


def _backwards(gateway: Gateway, end: int) -> Iterator[tuple[int, bytes]]:
    while_above = max(0, end - LOOKED_AT)
    step = SHOWN
    while end > while_above:
        start = max(while_above, end - step)
        yield from reversed([*enumerate(gateway.log.entries(start, end), start)])
        end, step = start, _STEP
