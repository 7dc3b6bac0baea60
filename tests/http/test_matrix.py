"""Who may what, over HTTP: for every route and role, allowed or 403; without a token 401.

Allowed means that the door opens: the room behind may still refuse for other reasons, since nothing asked for exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from gateway.base.ids import new_id
from gateway.people.model import Role
from gateway.web.security import PUBLIC
from tests.support.office import Office, slug_of

ORI, COM, POL, LEG, PRI, DIS, AUD, ADM = (
    Role.ORIGINATOR,
    Role.COMPLIANCE,
    Role.POLICY_AUTHOR,
    Role.LEGAL,
    Role.PRIVACY,
    Role.DISPATCHER,
    Role.AUDITOR,
    Role.ADMINISTRATOR,
)
EVERYBODY: Final = frozenset(Role)
REVIEWERS: Final = frozenset({LEG, PRI})
MATTER_READERS: Final = frozenset({ORI, COM, POL, LEG, PRI, DIS})
CONTENT_READERS: Final = frozenset({ORI, COM, LEG, PRI})
SHREDDERS: Final = frozenset({COM, LEG, PRI})
PEOPLE_READERS: Final = frozenset({COM, LEG, PRI, AUD, ADM})
COUNTERSIGNERS: Final = frozenset({LEG, PRI, AUD, ADM})
AUDIT_READERS: Final = frozenset({AUD, ADM})

MATRIX: Final[Mapping[str, frozenset[Role]]] = {
    "showMe": EVERYBODY,
    "listPeople": PEOPLE_READERS,
    "proposePerson": frozenset({ADM}),
    "showPerson": PEOPLE_READERS,
    "showEnrolment": PEOPLE_READERS,
    "countersignPerson": COUNTERSIGNERS,
    "proposeRoles": frozenset({ADM}),
    "removeRoles": frozenset({ADM}),
    "retirePerson": frozenset({ADM}),
    "revokeTokens": frozenset({ADM}),
    "invitePerson": frozenset({ADM}),
    "beginPasskey": EVERYBODY,
    "registerPasskey": EVERYBODY,
    "listPasskeys": PEOPLE_READERS,
    "countersignPasskey": COUNTERSIGNERS,
    "revokePasskey": EVERYBODY,
    "requestPasskeyApproval": REVIEWERS,
    "approveWithPasskey": REVIEWERS,
    "openSession": EVERYBODY,
    "listSessions": EVERYBODY,
    "showSession": EVERYBODY,
    "endSession": EVERYBODY,
    "listProposals": PEOPLE_READERS,
    "countersignRoles": COUNTERSIGNERS,
    "openMatter": frozenset({COM}),
    "listMatters": MATTER_READERS,
    "showMatter": MATTER_READERS,
    "recordConsent": frozenset({COM, LEG}),
    "recordAssessment": frozenset({PRI}),
    "listClearances": CONTENT_READERS,
    "listNames": CONTENT_READERS,
    "forgetName": frozenset({LEG}),
    "recordExportClass": frozenset({COM, LEG}),
    "recordLicence": frozenset({COM, LEG}),
    "showExportControl": CONTENT_READERS,
    "uploadOriginal": frozenset({ORI}),
    "uploadForm": frozenset({ORI}),
    "uploadArchive": frozenset({ORI}),
    "findOffset": frozenset({ORI}),
    "showUpload": frozenset({ORI}),
    "appendUpload": frozenset({ORI}),
    "cancelUpload": frozenset({ORI}),
    "listOriginals": MATTER_READERS,
    "showOriginal": MATTER_READERS,
    "classifyOriginal": frozenset({ORI, COM}),
    "showShredding": SHREDDERS,
    "proposeShredding": SHREDDERS,
    "shredOriginal": SHREDDERS,
    "listFields": MATTER_READERS,
    "openOriginal": CONTENT_READERS,
    "showPage": CONTENT_READERS,
    "draftRelease": frozenset({COM}),
    "listReleases": MATTER_READERS,
    "showRelease": MATTER_READERS,
    "submitRelease": frozenset({COM}),
    "requestApproval": REVIEWERS,
    "approveRelease": REVIEWERS,
    "refuseRelease": REVIEWERS,
    "showDocument": CONTENT_READERS,
    "dispatchRelease": frozenset({DIS}),
    "takePackage": frozenset({DIS}),
    "takeEvidence": frozenset({AUD, LEG}),
    "recordReceipt": frozenset({DIS}),
    "recallRelease": frozenset({DIS}),
    "requestRendition": frozenset({COM}),
    "showRendition": CONTENT_READERS,
    "openRendition": CONTENT_READERS,
    "showDecisions": CONTENT_READERS,
    "showResidue": CONTENT_READERS,
    "openWitness": CONTENT_READERS,
    "answerRendition": CONTENT_READERS,
    "addRedactions": CONTENT_READERS,
    "reviewRendition": REVIEWERS,
    "withdrawRendition": frozenset({COM}),
    "traceFile": frozenset({COM, LEG}),
    "showCheckpoint": AUDIT_READERS,
    "listEntries": AUDIT_READERS,
    "showEntryTile": AUDIT_READERS,
    "showHashTile": AUDIT_READERS,
    "proveEntry": AUDIT_READERS,
    "tailEntries": AUDIT_READERS,
    "proveInclusion": AUDIT_READERS,
    "proveConsistency": AUDIT_READERS,
    "listKeys": AUDIT_READERS,
    "exportLog": AUDIT_READERS,
}
_IDS: Final = {
    "person_id": "per",
    "proposal_id": "prop",
    "session_id": "ses",
    "passkey_id": "psk",
    "matter_id": "mat",
    "name_id": "nam",
    "original_id": "org",
    "upload_id": "upl",
    "release_id": "rel",
    "rendition_id": "ren",
}


def operations(office: Office) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Operation id to method, path template and documentation."""
    schema = office.interface
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, found in schema["paths"].items()
        for method, operation in found.items()
    }


def filled(path: str) -> str:
    """The path with ids of the right shape that nothing has."""
    for name, prefix in _IDS.items():
        path = path.replace("{" + name + "}", new_id(prefix))
    for name, value in (
        ("path", "manifest.json"),
        ("number", "1"),
        ("tile", "000.p/1"),
        ("level", "0"),
        ("index", "0"),
    ):
        path = path.replace("{" + name + "}", value)
    return path


def test_the_matrix_names_every_route(office: Office) -> None:
    closed = {name for name, (_, path, _) in operations(office).items() if path not in PUBLIC}
    assert closed == MATRIX.keys()


def test_no_role_passes_where_the_matrix_says_no(office: Office, everyone: Mapping[Role, str]) -> None:
    wrong = []
    for name, (method, path, _) in operations(office).items():
        for role in Role if name in MATRIX else ():
            answer = office[everyone[role]].request(method, filled(path), headers={"Content-Type": "application/json"})
            may = role in MATRIX[name]
            assert answer.status_code < 500, (name, role, answer.text)
            forbidden = answer.status_code == 403
            if forbidden is may:
                wrong.append((name, role.value, answer.status_code))
            if forbidden and method != "HEAD":
                assert slug_of(answer) == "not-permitted"
    assert wrong == []


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer gwt_" + "x" * 43, "Basic Zm9vOmJhcg==", "Bearer  a b"])
def test_nothing_answers_without_a_token(office: Office, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    with office.client() as nobody:
        for method, path, _ in operations(office).values():
            if path in PUBLIC:
                continue
            answer = nobody.request(method, filled(path), headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
        assert nobody.get("/api/v1/no-such-thing", headers=headers).status_code == 401


def test_a_token_is_good_for_its_scopes_alone(office: Office, everyone: Mapping[Role, str]) -> None:
    from gateway.people.model import Permission

    token = office.token(everyone[Role.COMPLIANCE], frozenset({Permission.MATTER_READ}))
    with office.client(token) as narrow:
        assert narrow.get("/api/v1/matters").status_code == 200
        assert slug_of(narrow.get("/api/v1/people")) == "not-permitted"


def test_the_administrator_reaches_no_content(everyone: Mapping[Role, str]) -> None:
    content = {
        "openOriginal",
        "showPage",
        "listFields",
        "openRendition",
        "showDecisions",
        "showResidue",
        "openWitness",
        "showDocument",
        "takePackage",
        "traceFile",
    }
    assert not [name for name in content if {ADM, AUD} & MATRIX[name]]
