"""People and machinery: who holds which role, what waits for a second signature, keys, store, sandbox, detectors."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from gateway.app import Gateway
from gateway.base.problems import Problem
from gateway.detect import models
from gateway.people.model import Permission, Role
from gateway.sandbox.ports import Layer
from gateway.web import places
from gateway.web.deps import PersonId, ProposalId, signature_of
from gateway.web.forms import Form, FormIncomplete
from gateway.web.pages import site
from gateway.web.pages.desk import AtDesk, Desk, Sent

router = APIRouter(prefix=f"{places.DESK}/administration", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, `absent` where it is optional, or `missing`."""

    what: str
    state: str
    detail: str


@router.get("")
def show_administration(desk: AtDesk) -> Response:
    """Everybody, and whether everything stands."""
    desk.need(Permission.PEOPLE_READ)
    gateway = desk.gateway
    return desk.page(
        "administration.html",
        "administration",
        people=gateway.people.everybody(),
        proposals=gateway.people.proposals(),
        passkeys=gateway.passkeys.waiting(desk.actor),
        roles=[*Role],
        findings=_findings(desk),
    )


@router.post("/people")
def propose(desk: AtDesk, form: Sent) -> Response:
    """A person, who can do nothing until a second one has signed."""
    desk.need(Permission.PEOPLE_PROPOSE)
    desk.gateway.people.propose(
        desk.actor, name=form.required("name"), roles=_roles(form), public_key=form.required("public_key")
    )
    return desk.go(f"{places.DESK}/administration")


@router.post("/people/{person_id}/roles")
def propose_roles(desk: AtDesk, person_id: PersonId, form: Sent) -> Response:
    """Further roles, which hold once a second person has signed."""
    desk.need(Permission.PEOPLE_PROPOSE)
    desk.gateway.people.propose_roles(desk.actor, person_id, _roles(form))
    return desk.go(f"{places.DESK}/administration")


@router.post("/people/{person_id}/retirement")
def retire(desk: AtDesk, person_id: PersonId) -> Response:
    """Key, roles and tokens end at once."""
    desk.need(Permission.PEOPLE_PROPOSE)
    desk.gateway.people.retire(desk.actor, person_id)
    return desk.go(f"{places.DESK}/administration")


@router.post("/proposals/{proposal_id}/countersignatures")
def countersign(desk: AtDesk, proposal_id: ProposalId, form: Sent) -> Response:
    """The second signature: on an enrolment, or on further roles."""
    desk.need(Permission.PEOPLE_COUNTERSIGN)
    people, signature = desk.gateway.people, signature_of(form.required("signature"))
    person = form.text("enrolling")
    if person:
        people.countersign(desk.actor, person, signature)
    else:
        people.countersign_roles(desk.actor, proposal_id, signature)
    return desk.go(f"{places.DESK}/administration")


def _roles(form: Form) -> frozenset[Role]:
    try:
        return frozenset(map(Role, form.all("role")))
    except ValueError as error:
        raise FormIncomplete("There is no such role; choose among those of the page.") from error


def _findings(desk: Desk) -> list[Finding]:
    gateway = desk.gateway
    active = gateway.sandbox.layers()
    layers = [
        Finding(
            f"sandbox {layer.value}",
            "ok" if layer in active else "missing" if layer in gateway.settings.sandbox_minimum else "absent",
            "",
        )
        for layer in Layer
    ]
    return [
        _looked("log", lambda: _entries(gateway)),
        _looked("keys", lambda: _keys(gateway)),
        _looked("clock", lambda: _clock(gateway)),
        _looked("store", lambda: site.size(shutil.disk_usage(gateway.settings.data_dir).free)),
        _looked("policies", lambda: f"{len(gateway.policies.require().library.policies)}"),
        _looked("detector", models.version, lacking="absent"),
        *layers,
    ]


def _looked(what: str, look: Callable[[], str], lacking: str = "missing") -> Finding:
    try:
        return Finding(what, "ok", look())
    except Problem as problem:
        return Finding(what, lacking, problem.detail)


def _entries(gateway: Gateway) -> str:
    gateway.log.check_continues()
    return f"{gateway.log.size()} · {gateway.log.public_key().fingerprint}"


def _keys(gateway: Gateway) -> str:
    state = gateway.rotation.state()
    return f"{state.roots[-1]} · {sum(state.living.values())} · {gateway.package_key().public.fingerprint}"


def _clock(gateway: Gateway) -> str:
    gateway.log.check_clock()
    return site.moment(gateway.clock.now())
