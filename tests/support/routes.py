"""Every route of a running office, with ids of things that exist, and who may ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.people.model import Role
from tests.support.office import API, Office, problem_of


@dataclass
class Routes:
    """The routes; `allowed` are the roles that pass an operation's door, `names` the clients of those roles."""

    office: Office
    schema: dict[str, Any]
    ids: dict[str, str]
    names: Mapping[Role, str]
    allowed: Mapping[str, frozenset[Role]]

    def client(self, operation: str) -> httpx.Client:
        """Somebody who may ask, or nobody where nobody is needed."""
        roles = self.allowed.get(operation)
        return self.office[self.names[min(roles)] if roles else "nobody"]

    def routes(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Operation id, method, path template and documentation of each."""
        for path, found in self.schema["paths"].items():
            for method, told in found.items():
                yield told["operationId"], method.upper(), path, told

    def url(self, template: str, **replaced: str) -> str:
        """An address that leads to something."""
        return re.sub(r"\{(\w+)\}", lambda m: replaced.get(m[1], self.ids.get(m[1], "manifest.json")), template)

    def check(self, told: dict[str, Any], answer: httpx.Response, what: object) -> None:
        """A documented answer, and where it refuses one clear sentence."""
        assert answer.status_code < 500, (told["operationId"], what, answer.text)
        assert str(answer.status_code) in told["responses"], (told["operationId"], what, answer.text)
        # An answer to HEAD has no body to say why.
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            problem = problem_of(answer)
            assert "Traceback" not in answer.text
            assert len(problem["detail"]) < 400


def routes_of(office: Office, names: Mapping[Role, str], allowed: Mapping[str, frozenset[Role]]) -> Routes:
    """The routes of this office, once there is one of everything."""
    office.world.enrol("spare", {Role.DISPATCHER, Role.LEGAL})
    matter = office.matter()
    original = office.original(matter["id"])
    builder = office["builder"]
    release = builder.post(
        f"{API}/matters/{matter['id']}/releases",
        json={"recipient": matter["recipients"][0]["id"], "profile": "portal"},
    ).json()["id"]
    rendition = builder.post(f"{API}/releases/{release}/renditions", json={"original": original}).json()["id"]
    office.world.work()
    ids = {
        "person_id": office.world.actors["spare"].person_id,
        "proposal_id": "prop_" + "0" * 26,
        "matter_id": matter["id"],
        "name_id": "nam_" + "0" * 26,
        "original_id": original,
        "release_id": release,
        "rendition_id": rendition,
        "slug": "busy",
        "number": "1",
        "level": "0",
        "tile": "000.p/1",
        "index": "0",
    }
    return Routes(office, office.interface, ids, names, allowed)
