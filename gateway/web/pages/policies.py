"""Policies as lawyers read them: who wrote which version, what holds for which kind, every rule and why."""

from __future__ import annotations

import threading
from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from gateway.app import Gateway
from gateway.people.model import Permission
from gateway.policy.load import packs_dir
from gateway.policy.model import Rule
from gateway.policy.testing import TestReport, run_tests
from gateway.policy.wording import describe
from gateway.web import places
from gateway.web.pages.desk import AtDesk

router = APIRouter(prefix=f"{places.DESK}/policies", include_in_schema=False)

# One report of the library that is loaded; held and made under the lock.
_TESTING: Final = threading.Lock()
_REPORTS: Final[dict[str, TestReport]] = {}
Ref = Annotated[str, Path(max_length=128, pattern=r"^[a-z0-9.-]+@[0-9.]+$")]


@router.get("")
def list_policies(desk: AtDesk) -> Response:
    """All policies that are loaded, and what pins them."""
    desk.need(Permission.MATTER_READ)
    library = desk.gateway.library
    found = sorted(library.policies.values(), key=lambda one: one.ref)
    return desk.page(
        "policies.html",
        "policies",
        policies=[one for one in found if one.kinds],
        bases=[one for one in found if not one.kinds],
        kinds=library.kinds,
        pins=desk.gateway.policies.pins,
    )


@router.get("/{ref}")
def show_policy(desk: AtDesk, ref: Ref) -> Response:
    """One policy, its own rules and inherited ones."""
    desk.need(Permission.MATTER_READ)
    policy = desk.gateway.library.policy(ref)
    return desk.page(
        "policy.html",
        "policies",
        policy=policy,
        rules=[(rule, describe(rule.do), _selected(rule), policy.inherited(rule)) for rule in policy.rules],
        kinds=desk.gateway.library.kinds,
    )


@router.post("/{ref}/tests")
def test_policy(desk: AtDesk, ref: Ref) -> Response:
    """The tests that lie beside the policies, run now against what is loaded; only decisions, no bytes."""
    desk.need(Permission.MATTER_READ)
    policy = desk.gateway.library.policy(ref)
    with _TESTING:
        report = _report(desk.gateway)
    coverage = next((one for one in report.coverage if one.policy == policy.ref), None)
    mine = [one for one in report.results if one.policy == policy.ref]
    return desk.page("policy-tests.html", "policies", policy=policy, results=mine, coverage=coverage)


def _report(gateway: Gateway) -> TestReport:
    digest = gateway.library.digest
    if digest not in _REPORTS:
        _REPORTS.clear()
        _REPORTS[digest] = run_tests(gateway.settings.policies_dir or packs_dir(), gateway.library)
    return _REPORTS[digest]


def _selected(rule: Rule) -> dict[str, list[str]]:
    """What a rule names, by the word that the policy uses for it."""
    told = rule.select.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
    return {name: _words(value) for name, value in told.items()}


def _words(value: object) -> list[str]:
    if isinstance(value, dict):
        return [f"{name}: {', '.join(_words(one))}" for name, one in value.items()]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
