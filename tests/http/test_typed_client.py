"""The typed client speaks of everything that the interface has, in its words, and carries the main job alone."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import inspect
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import httpx
import pytest

from gateway.base.problems import CheckFailed, Conflict, Forbidden, NotFound
from gateway.cli import client as shapes
from gateway.cli.client import Client, ServerProblem
from gateway.people.model import Role
from gateway.people.rules import permissions_of
from gateway.seal.signature import SigningKey, to_text
from tests.support.office import CUSTOMERS, HARMLESS, Office, matter_body

KEY: Final = SigningKey.generate()
TAG: Final = '"tag"'
CONSENT: Final[Mapping[str, Any]] = {
    "about": ["Fahrwerk AG"],
    "recipient_class": "authority",
    "state": "given",
    "start": "2026-01-15",
    "end": "2026-12-31",
    "reference": "letter of 12 January",
}
SHOWN: Final[Mapping[str, Any]] = {"start": "2026-01-15", "end": "2026-12-31", "reference": "file 12"}
LICENCE: Final[Mapping[str, Any]] = {
    "regime": "us_ear",
    "number": "D1234567",
    "entries": ["3A001"],
    "recipient_classes": ["supplier", "authority"],
    "countries": ["CN"],
    "state": "given",
    **SHOWN,
}
# Operation → the call that carries it out, and the same with If-Match where there is one.
CALLS: Final[Mapping[str, Callable[[Client], object]]] = {
    "issueToken": lambda c: c.issue_token(KEY, "per_1", ["matter.read"]),
    "showMe": lambda c: c.me(),
    "listPeople": lambda c: list(c.people(state="active")),
    "proposePerson": lambda c: c.propose_person("A", ["legal"], "ed25519:x"),
    "showPerson": lambda c: c.person("per_1"),
    "showEnrolment": lambda c: c.enrolment_statement("per_1"),
    "countersignPerson": lambda c: c.countersign("per_1", b"s", if_match=TAG),
    "proposeRoles": lambda c: c.propose_roles("per_1", ["legal"], if_match=TAG),
    "removeRoles": lambda c: c.remove_roles("per_1", ["legal"], if_match=TAG),
    "retirePerson": lambda c: c.retire("per_1", if_match=TAG),
    "revokeTokens": lambda c: c.revoke_tokens("per_1"),
    "listProposals": lambda c: list(c.proposals()),
    "countersignRoles": lambda c: c.countersign_roles("prop_1", b"s"),
    "openMatter": lambda c: c.open_matter(matter_body()),
    "listMatters": lambda c: list(c.matters(purpose="export_licence")),
    "showMatter": lambda c: c.matter("mat_1"),
    "recordConsent": lambda c: c.record_consent("mat_1", CONSENT),
    "recordAssessment": lambda c: c.record_assessment("mat_1", {**CONSENT, "about": ["PERSON"]}),
    "listClearances": lambda c: c.clearances("mat_1"),
    "listNames": lambda c: c.names("mat_1"),
    "forgetName": lambda c: c.forget_name("mat_1", "nam_1"),
    "recordExportClass": lambda c: c.record_export_class("org_1", {"regime": "us_ear", "entry": "none", **SHOWN}),
    "recordLicence": lambda c: c.record_licence("mat_1", LICENCE),
    "showExportControl": lambda c: c.export_control("mat_1"),
    "uploadOriginal": lambda c: c.upload("mat_1", "customer_list", Path(__file__)),
    "uploadForm": lambda c: c.upload_form("mat_1", "customer_list", Path(__file__)),
    "uploadArchive": lambda c: c.upload_archive("mat_1", "customer_list", Path(__file__)),
    "showUpload": lambda c: c.resumable("upl_1"),
    "findOffset": lambda c: c.upload_offset("upl_1"),
    "appendUpload": lambda c: c.append("upl_1", 0, iter([b"x"]), length_bytes=1),
    "cancelUpload": lambda c: c.cancel_upload("upl_1"),
    "showShredding": lambda c: c.shredding("org_1"),
    "proposeShredding": lambda c: c.propose_shredding("org_1", "No."),
    "shredOriginal": lambda c: c.shred("org_1", b"s"),
    "listOriginals": lambda c: list(c.originals("mat_1", kind="customer_list")),
    "showOriginal": lambda c: c.original("org_1"),
    "classifyOriginal": lambda c: c.classify("org_1", dict(HARMLESS), if_match=TAG),
    "listFields": lambda c: c.fields("org_1"),
    "showPage": lambda c: c.page("org_1", 2, at_ms=40),
    "openOriginal": lambda c: c.original_content("org_1", io.BytesIO()),
    "draftRelease": lambda c: c.draft("mat_1", "rcp_1", "portal"),
    "listReleases": lambda c: list(c.releases("mat_1", state="draft")),
    "showRelease": lambda c: c.release("rel_1"),
    "submitRelease": lambda c: c.submit("rel_1", if_match=TAG),
    "requestApproval": lambda c: c.approval_request("rel_1", "legal"),
    "approveRelease": lambda c: c.approve("rel_1", b"{}", b"s", if_match=TAG),
    "refuseRelease": lambda c: c.refuse("rel_1", "No.", if_match=TAG),
    "showDocument": lambda c: c.document("rel_1", "withheld.csv"),
    "dispatchRelease": lambda c: c.dispatch("rel_1", if_match=TAG),
    "takePackage": lambda c: c.package("rel_1", io.BytesIO()),
    "takeEvidence": lambda c: c.evidence("rel_1", io.BytesIO()),
    "recordReceipt": lambda c: c.receipt("rel_1", "Portal 1", if_match=TAG),
    "recallRelease": lambda c: c.recall("rel_1", "No.", if_match=TAG),
    "requestRendition": lambda c: c.add("rel_1", "org_1", if_match=TAG),
    "showRendition": lambda c: c.rendition("ren_1"),
    "openRendition": lambda c: c.rendition_content("ren_1", io.BytesIO()),
    "showDecisions": lambda c: c.rendition_part("ren_1", "decisions"),
    "showResidue": lambda c: c.rendition_part("ren_1", "residue"),
    "openWitness": lambda c: c.rendition_part("ren_1", "witness"),
    "answerRendition": lambda c: c.answer("ren_1", {}, remember=["column/1"], if_match=TAG),
    "addRedactions": lambda c: c.redact("ren_1", [{"class": "face", "box": [0, 0, 1, 1]}], if_match=TAG),
    "reviewRendition": lambda c: c.review("ren_1", "reviewed", "0" * 64, if_match=TAG),
    "withdrawRendition": lambda c: c.withdraw("ren_1", if_match=TAG),
    "traceFile": lambda c: c.trace(Path(__file__)),
    "showCheckpoint": lambda c: c.checkpoint(),
    "showEntryTile": lambda c: c.tile(None, "000"),
    "showHashTile": lambda c: c.tile(0, "000"),
    "proveEntry": lambda c: c.tlog_proof(0),
    "tailEntries": lambda c: c.tail(1),
    "listEntries": lambda c: list(c.entries(1, 2)),
    "proveInclusion": lambda c: c.inclusion(1, 2),
    "proveConsistency": lambda c: c.consistency(1, 2),
    "listKeys": lambda c: c.keys(),
    "exportLog": lambda c: c.export(io.BytesIO()),
    "showHealth": lambda c: c.health(),
    "showReadiness": lambda c: c.readiness(),
    "showMetrics": lambda c: c.metrics(),
    "showProblem": lambda c: c.problem("busy"),
}
SHAPES: Final[Mapping[str, type[Any]]] = {
    "TokenOut": shapes.Token,
    "PersonOut": shapes.Person,
    "MeOut": shapes.Me,
    "ProposalOut": shapes.Proposal,
    "RecipientOut": shapes.Recipient,
    "ItemOut": shapes.DemandItem,
    "MatterOut": shapes.Matter,
    "ClearanceOut": shapes.Clearance,
    "ClearancesOut": shapes.Clearances,
    "NameOut": shapes.Name,
    "NamesOut": shapes.Names,
    "ExportClassOut": shapes.ExportClass,
    "LicenceOut": shapes.Licence,
    "ExportControlOut": shapes.ExportControl,
    "MatterSummaryOut": shapes.MatterLine,
    "ReceiptOut": shapes.Receipt,
    "ReceiptsOut": shapes.Receipts,
    "ClassificationOut": shapes.Classification,
    "UploadOut": shapes.Upload,
    "OriginalOut": shapes.Original,
    "ShreddingOut": shapes.Shredding,
    "FieldOut": shapes.Field,
    "FieldsOut": shapes.Fields,
    "ProgressOut": shapes.Progress,
    "RenditionOut": shapes.Rendition,
    "RenditionSummaryOut": shapes.RenditionLine,
    "ReviewOut": shapes.Review,
    "ReleaseOut": shapes.Release,
    "ReleaseDetailOut": shapes.ReleaseDetail,
    "ApprovalOut": shapes.Approval,
    "ApprovalsOut": shapes.Approvals,
    "QuorumOut": shapes.Quorum,
    "PartOut": shapes.Part,
    "InclusionOut": shapes.Inclusion,
    "ConsistencyOut": shapes.Consistency,
    "KeysOut": shapes.Keys,
    "CandidateOut": shapes.TracedCopy,
    "TraceOut": shapes.Trace,
    "HealthOut": shapes.Health,
    "ReadyOut": shapes.Readiness,
    "ProblemPageOut": shapes.ProblemPage,
}
# Pages are drawn as iterators, statements as bytes, a count as a number; requests for approval are checked first.
UNWRAPPED: Final = {
    "ApprovalRequestOut",
    "MattersOut",
    "OriginalsOut",
    "PeopleOut",
    "ProposalsOut",
    "ReleasesOut",
    "RevokedOut",
    "InvitationOut",
    "OptionsOut",
    "PasskeyOut",
    "PasskeyRequestOut",
    "PasskeysOut",
    "SessionOut",
    "SessionsOut",
    "SignedInOut",
    "StatementOut",
}


@pytest.fixture(scope="module")
def schema(office: Office) -> dict[str, Any]:
    return office.interface


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """All but those of browsers: cookies and passkeys are of no use to a script, which has its token and key."""
    for path, found in schema["paths"].items():
        for method, told in found.items():
            if told["tags"] != ["sign-in"]:
                yield method.upper(), path, told


def _recorded(call: Callable[[Client], object]) -> httpx.Request:
    """The last request of a call; the answers are empty."""
    seen: list[httpx.Request] = []
    pages: dict[str, list[object]] = {name: [] for name in ("people", "proposals", "matters", "originals", "releases")}

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        return httpx.Response(
            200, headers={"Upload-Offset": "0", "Next-Start": "0"}, json={**pages, "statement": "x", "revoked": 0}
        )

    with Client("http://gateway", transport=httpx.MockTransport(answer)) as client, suppress(CheckFailed):
        call(client)
    return seen[-1]


def test_every_operation_has_a_call(schema: dict[str, Any]) -> None:
    assert CALLS.keys() == {told["operationId"] for _, _, told in _operations(schema)}


def test_every_call_asks_for_its_operation_as_documented(schema: dict[str, Any]) -> None:
    for method, path, told in _operations(schema):
        request = _recorded(CALLS[told["operationId"]])
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))
        assert request.method == method, told["operationId"]
        assert re.fullmatch(pattern, request.url.path), told["operationId"]
        documented = {one["name"].lower(): one["in"] for one in told.get("parameters", [])}
        assert all(documented.get(name) == "query" for name in request.url.params), told["operationId"]
        assert ("if-match" in request.headers) == ("if-match" in documented), told["operationId"]
        if "idempotency-key" in documented:
            assert request.headers["idempotency-key"]
        body = told.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None and request.content:
            _check_body(schema, body["schema"]["$ref"].rpartition("/")[2], json.loads(request.content))


def _check_body(schema: dict[str, Any], name: str, body: dict[str, Any]) -> None:
    said = schema["components"]["schemas"][name]
    assert body.keys() <= said["properties"].keys(), name
    assert set(said.get("required", [])) <= body.keys(), name


def test_every_public_call_is_one_of_an_operation() -> None:
    used = {name for call in CALLS.values() for name in re.findall(r"\bc\.(\w+)\(", inspect.getsource(call))}
    own = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    assert own - used == {"close", "ready", "wait"}


def test_every_answer_has_its_shape(schema: dict[str, Any]) -> None:
    answers = {name for name in schema["components"]["schemas"] if name.endswith("Out")}
    assert answers == SHAPES.keys() | UNWRAPPED


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_say_what_the_document_says(schema: dict[str, Any], name: str) -> None:
    shape, said = SHAPES[name], schema["components"]["schemas"][name]["properties"]
    hints = get_type_hints(shape)
    members = {one.metadata.get("wire", one.name): hints[one.name] for one in dataclasses.fields(shape)}
    members.pop("etag", None)
    assert members.keys() == said.keys()
    for member, hint in members.items():
        told = said[member].get("anyOf", [said[member]])
        nullable = {"type": "null"} in told
        assert (get_origin(hint) is UnionType and type(None) in get_args(hint)) == nullable, (name, member)
        (one,) = (part for part in told if part != {"type": "null"})
        _check_type(schema, hint, one, (name, member))


def _check_type(schema: dict[str, Any], hint: Any, told: dict[str, Any], where: object) -> None:
    if get_origin(hint) is UnionType:
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if "$ref" in told:
        target = told["$ref"].rpartition("/")[2]
        expected = SHAPES.get(target, str if "enum" in schema["components"]["schemas"][target] else None)
        assert hint is expected, where
    elif told["type"] == "array":
        assert get_origin(hint) is tuple, where
        _check_type(schema, get_args(hint)[0], told["items"], where)
    elif told["type"] == "object":
        assert get_origin(hint) is Mapping, where
        _check_type(schema, get_args(hint)[1], told["additionalProperties"], where)
    else:
        assert hint is {"string": str, "integer": int, "boolean": bool}[told["type"]], where


@pytest.fixture
def sign_in(office: Office) -> Iterator[Callable[[str], Client]]:
    """A client for somebody, who signs for its token."""
    with ExitStack() as connections:

        def client(name: str) -> Client:
            actor = office.world.actors[name]
            with Client(office.server.url) as stranger:
                scopes = [one.value for one in permissions_of(actor.roles)]
                token = stranger.issue_token(office.world.keys[name], actor.person_id, scopes)
            return connections.enter_context(Client(office.server.url, token.token))

        yield client


def test_the_main_job_with_nothing_but_the_client(
    office: Office, sign_in: Callable[[str], Client], tmp_path: Path
) -> None:
    builder, legal1, legal2, dispatcher, auditor = map(
        sign_in, ("builder", "legal1", "legal2", "dispatcher", "auditor")
    )
    matter = builder.open_matter(matter_body())
    path = tmp_path / "Kunden.csv"
    path.write_bytes(CUSTOMERS)
    receipt = builder.upload(matter.id, "customer_list", path)
    assert receipt.sha256 == hashlib.sha256(CUSTOMERS).hexdigest()
    original = builder.original(receipt.original)
    assert builder.classify(original.id, dict(HARMLESS), if_match=original.etag).classification is not None
    with pytest.raises(Conflict) as late:
        builder.classify(original.id, dict(HARMLESS), if_match=original.etag)
    assert isinstance(late.value, ServerProblem)
    assert (late.value.status, late.value.told_slug) == (412, "changed-meanwhile")
    assert [one.id for one in builder.originals(matter.id, kind="customer_list")] == [original.id]
    unknown = [one.id for one in builder.fields(original.id).fields if one.element == "column" and one.name is None]
    sink = io.BytesIO()
    builder.original_content(original.id, sink)
    assert sink.getvalue() == CUSTOMERS

    release = builder.draft(matter.id, matter.recipients[0].id, "portal")
    asked = builder.add(release.id, original.id, answers={"columns": dict.fromkeys(unknown, "drop")})
    office.world.work()
    rendition = builder.wait(asked.id)
    assert rendition.state == "clean"
    builder.submit(release.id, if_match=builder.release(release.id).etag)
    seen = io.BytesIO()
    assert legal1.review(rendition.id, "reviewed", legal1.rendition_content(rendition.id, seen)).verdict == "reviewed"
    assert legal1.document(release.id, "withheld.csv")
    for name, client in (("legal1", legal1), ("legal2", legal2)):
        request = client.approval_request(release.id, "legal")
        approval = client.approve(release.id, request.statement, office.world.keys[name].sign(request.statement))
        assert approval.manifest_sha256 == request.manifest_sha256
    assert len(dispatcher.release(release.id).approvals.given) == 2
    done = dispatcher.dispatch(release.id)
    package = io.BytesIO()
    assert dispatcher.package(release.id, package) == done.package_sha256
    assert "manifest.json" in zipfile.ZipFile(package).namelist()
    assert dispatcher.receipt(release.id, "Portal 1").state == "acknowledged"
    assert [one.state for one in builder.releases(matter.id)] == ["acknowledged"]

    entries = list(auditor.entries())
    assert any(json.loads(one)["type"] == "release.acknowledged" for one in entries)
    assert auditor.inclusion(0, len(entries)).proof
    exported = io.BytesIO()
    auditor.export(exported)
    assert auditor.keys().log_vkey.strip() in zipfile.ZipFile(exported).read("audit-export/log.vkey").decode()
    assert auditor.health().status == "ok"


def test_people_come_and_go_with_the_client(office: Office, sign_in: Callable[[str], Client]) -> None:
    administrator, legal = sign_in("dispatcher"), sign_in("legal1")
    key = SigningKey.generate()
    person = administrator.propose_person("Wang Fang", [Role.LEGAL.value], to_text(key.public))
    statement = legal.enrolment_statement(person.id)
    assert legal.countersign(person.id, office.world.keys["legal1"].sign(statement)).state == "active"
    proposal = administrator.propose_roles(person.id, ["privacy"])
    assert proposal.id in {one.id for one in legal.proposals()}
    signature = office.world.keys["legal1"].sign(proposal.statement.encode())
    assert legal.countersign_roles(proposal.id, signature).roles == ("legal", "privacy")
    assert administrator.remove_roles(person.id, ["privacy"]).roles == ("legal",)
    assert administrator.me().person.id == office.world.actors["dispatcher"].person_id
    assert administrator.retire(person.id, if_match=administrator.person(person.id).etag).state == "retired"
    assert administrator.revoke_tokens(person.id) == 0
    assert person.id in {one.id for one in legal.people(state="retired")}


def test_refusals_are_problems_of_their_family(office: Office, sign_in: Callable[[str], Client]) -> None:
    builder = sign_in("builder")
    with pytest.raises(NotFound) as missing:
        builder.matter("mat_" + "0" * 26)
    assert isinstance(missing.value, ServerProblem)
    assert missing.value.told_slug == "no-such-matter"
    assert builder.problem(missing.value.told_slug).advice == "Check the id with `GET /matters`."
    with pytest.raises(Forbidden):
        builder.keys()
    with pytest.raises(ServerProblem), Client(office.server.url) as nobody:
        nobody.me()


def test_base64_in_statements_is_padded() -> None:
    request = _recorded(CALLS["countersignPerson"])
    assert base64.b64decode(json.loads(request.content)["signature"], validate=True) == b"s"
