"""Conditional requests: nothing is sent twice for nothing, and nothing is changed that somebody else changed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gateway.people.model import Role
from tests.support.office import API, HARMLESS, Office, problem_of, slug_of

UNCONDITIONAL = {"draftRelease", "openMatter", "proposePerson", "uploadOriginal", "issueToken", "exportLog"}
UNCONDITIONAL |= {
    "revokeTokens",
    "countersignRoles",
    "uploadForm",
    "uploadArchive",
    "findOffset",
    "appendUpload",
    "cancelUpload",
}
UNCONDITIONAL |= {"proposeShredding", "shredOriginal", "recordConsent", "recordAssessment"}
UNCONDITIONAL |= {"openSession", "endSession", "traceFile"}
UNCONDITIONAL |= {
    "invitePerson",
    "acceptInvitation",
    "registerInvited",
    "beginPasskey",
    "registerPasskey",
    "countersignPasskey",
    "revokePasskey",
    "beginSignIn",
    "signIn",
    "requestPasskeyApproval",
    "approveWithPasskey",
}
UNCONDITIONAL |= {"recordExportClass", "recordLicence", "forgetName"}


@pytest.fixture
def release(office: Office) -> dict[str, Any]:
    """A draft release of a fresh matter."""
    matter = office.matter()
    body = {"recipient": matter["recipients"][0]["id"], "profile": "portal"}
    answer = office["builder"].post(f"{API}/matters/{matter['id']}/releases", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_what_the_client_has_is_not_sent_again(office: Office, release: dict[str, Any]) -> None:
    original = office.original(release["matter"])
    person = office.world.actors["builder"].person_id
    for name, path in (
        ("builder", f"/matters/{release['matter']}"),
        ("builder", f"/originals/{original}"),
        ("builder", f"/originals/{original}/content"),
        ("builder", f"/releases/{release['id']}"),
        ("legal1", f"/people/{person}"),
        ("auditor", "/audit/keys"),
        ("auditor", "/audit/checkpoint"),
    ):
        first = office[name].get(f"{API}{path}")
        tag = first.headers["etag"]
        assert tag.startswith('"'), "a strong tag"
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = office[name].get(f"{API}{path}", headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
        other = office[name].get(f"{API}{path}", headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content), path


def test_bytes_that_the_client_has_need_no_opening(office: Office, release: dict[str, Any]) -> None:
    original = office.original(release["matter"])
    office.world.enrol("fresh-reader", {Role.ORIGINATOR})
    tag = office["builder"].get(f"{API}/originals/{original}/content").headers["etag"]
    office["fresh-reader"].get(f"{API}/me")
    size = office.world.gateway.log.size()
    url = f"{API}/originals/{original}/content"
    assert office["fresh-reader"].get(url, headers={"If-None-Match": tag}).status_code == 304
    assert office.world.gateway.log.size() == size
    assert office["auditor"].get(url, headers={"If-None-Match": tag}).status_code == 403


def test_a_range_is_given_of_the_same_bytes_alone(office: Office, release: dict[str, Any]) -> None:
    url = f"{API}/originals/{office.original(release['matter'])}/content"
    whole = office["builder"].get(url)
    asked = {"Range": "bytes=2-5", "If-Range": whole.headers["etag"]}
    part = office["builder"].get(url, headers=asked)
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    other = office["builder"].get(url, headers={**asked, "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, whole.content)


def test_a_change_of_another_state_is_refused(office: Office, release: dict[str, Any]) -> None:
    url = f"{API}/releases/{release['id']}"
    original = office.original(release["matter"])
    seen = office["builder"].get(url).headers["etag"]
    asking = {"original": original}
    first = office["builder"].post(f"{url}/renditions", json=asking, headers={"If-Match": seen})
    assert first.status_code == 202, first.text
    assert office["builder"].get(url).headers["etag"] != seen
    late = office["builder"].post(f"{url}/submit", headers={"If-Match": seen})
    assert (late.status_code, slug_of(late)) == (412, "changed-meanwhile")
    assert "entry" in problem_of(late)
    any_state = office["builder"].post(f"{url}/submit", headers={"If-Match": "*"})
    assert slug_of(any_state) == "not-ready"
    weak = office["builder"].post(
        f"{url}/submit", headers={"If-Match": "W/" + office["builder"].get(url).headers["etag"]}
    )
    assert weak.status_code == 412, "If-Match compares strongly"


def test_a_repeated_change_is_answered_although_the_state_moved_on(office: Office, release: dict[str, Any]) -> None:
    url = f"{API}/originals/{office.original(release['matter'])}"
    headers = {"If-Match": office["builder"].get(url).headers["etag"], "Idempotency-Key": "classified"}
    first = office["builder"].put(f"{url}/classification", json=HARMLESS, headers=headers)
    again = office["builder"].put(f"{url}/classification", json=HARMLESS, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200), again.text
    assert again.headers["idempotent-replayed"] == "true"
    new = office["builder"].put(f"{url}/classification", json=HARMLESS, headers={**headers, "Idempotency-Key": "other"})
    assert slug_of(new) == "changed-meanwhile"


def test_of_two_who_saw_the_same_state_one_changes_it(office: Office, release: dict[str, Any]) -> None:
    """Both pass the first look; the one whose transaction comes second sees the change of the other."""
    from gateway.intake.service import Intake

    url = f"{API}/originals/{office.original(release['matter'])}"
    seen = office["builder"].get(url).headers["etag"]
    both = threading.Barrier(2)
    real = Intake.classify

    def together(self: Intake, *given: Any) -> Any:
        both.wait(10)
        return real(self, *given)

    def change(answer: str) -> int:
        body = {**HARMLESS, "export_control": answer}
        sent = office["builder"].put(f"{url}/classification", json=body, headers={"If-Match": seen})
        return int(sent.status_code)

    with pytest.MonkeyPatch.context() as patched, ThreadPoolExecutor(2) as pool:
        patched.setattr(Intake, "classify", together)
        assert sorted(pool.map(change, ("none", "controlled"))) == [200, 412]


@pytest.mark.parametrize("condition", ["x", '"a" "b"', '"', "", '"a",,"b"', "*, *"])
def test_a_condition_that_names_no_tags_is_no_condition(
    office: Office, release: dict[str, Any], condition: str
) -> None:
    url = f"{API}/releases/{release['id']}"
    assert slug_of(office["builder"].get(url, headers={"If-None-Match": condition})) == "condition-malformed"
    assert slug_of(office["builder"].post(f"{url}/submit", headers={"If-Match": condition})) == "condition-malformed"


def test_every_change_of_something_shown_takes_a_condition(office: Office) -> None:
    without = {
        operation["operationId"]
        for found in office.interface["paths"].values()
        for method, operation in found.items()
        if method != "get" and "if-match" not in {one["name"].lower() for one in operation.get("parameters", [])}
    }
    assert without == UNCONDITIONAL, "these make something new, or speak of nothing that is shown with an ETag"
