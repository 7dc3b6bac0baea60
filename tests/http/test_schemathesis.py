"""Requests drawn from the OpenAPI document, good and bad: every answer is one that the document promises."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from gateway.people.model import Role
from gateway.web.api import uploads
from tests.http.test_matrix import MATRIX
from tests.support.office import Office
from tests.support.routes import Routes

EXAMPLES: Final = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))
# A neighbour's load must not look like a server that hangs.
PATIENCE_S: Final = 120
OPEN: Final = ("issueToken", "showHealth", "showReadiness", "showMetrics", "showProblem")
# Each of these parses a file in a child process, or writes the whole log out.
SLOW: Final[Mapping[str, int]] = {"listFields": 6, "showPage": 6, "exportLog": 3}
CHECKS: Final = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]

ANY_BYTES: Final = ("application/octet-stream", uploads.MEDIA_TYPE)
schemathesis.serializer.alias(uploads.MEDIA_TYPE, "application/octet-stream")

pytestmark = pytest.mark.nightly


def strangers(operation: str) -> Role | None:
    """A role that does not pass the operation's door."""
    return next((role for role in Role if role not in MATRIX.get(operation, frozenset(Role))), None)


def unsecured(schema: dict[str, Any]) -> dict[str, Any]:
    """The document without its tokens, which are sent and not drawn."""
    plain = copy.deepcopy(schema)
    del plain["components"]["securitySchemes"]
    for operations in plain["paths"].values():
        for told in operations.values():
            told.pop("security", None)
    return plain


def test_every_operation_is_drawn_from(office: Office) -> None:
    made = office.interface
    assert {one["operationId"] for found in made["paths"].values() for one in found.values()} == {*MATRIX, *OPEN}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", [*MATRIX, *OPEN])
def test_answers_are_those_of_the_document(fuzzed: Routes, operation: str, mode: GenerationMode) -> None:
    found = schemathesis.openapi.from_dict(unsecured(fuzzed.schema)).find_operation_by_id(operation)
    body = [one for one in found.body if one.media_type not in ANY_BYTES]
    if mode is GenerationMode.NEGATIVE and not (found.query or body):
        pytest.skip("takes an id, headers and bytes alone, which are any: test_fuzz sends the wrong ones")
    named = {one: fuzzed.ids[one] for one in fuzzed.ids if "{" + one + "}" in found.path}
    clients = [fuzzed.client(operation)]
    if (stranger := strangers(operation)) is not None:
        clients.append(fuzzed.office[fuzzed.names[stranger]])
    strategy = found.as_strategy(generation_mode=mode, path_parameters=named)

    @given(case=strategy)
    @settings(
        max_examples=min(EXAMPLES, SLOW.get(operation, EXAMPLES)),
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    def drawn(case: Any) -> None:
        for client in clients:
            headers = {"Authorization": client.headers["authorization"]} if "authorization" in client.headers else {}
            url = fuzzed.office.server.url
            case.call_and_validate(base_url=url, headers=headers, checks=CHECKS, timeout=PATIENCE_S)

    drawn()
