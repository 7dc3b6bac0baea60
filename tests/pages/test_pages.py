"""Who may read and do what on the pages, what every answer carries, and that nothing typed or hostile goes astray."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from html import unescape

import pytest
from fastapi.routing import APIRoute
from PIL import Image

from gateway.base.ids import new_id
from gateway.people.model import Role
from gateway.web import places
from gateway.web.asgi import PAGES
from tests.http.test_matrix import (
    ADM,
    AUDIT_READERS,
    COM,
    CONTENT_READERS,
    COUNTERSIGNERS,
    DIS,
    EVERYBODY,
    MATTER_READERS,
    ORI,
    PEOPLE_READERS,
    REVIEWERS,
)
from tests.pages.furnished import HOSTILE, SECRET, Furnished
from tests.support.office import CUSTOMERS

# Method and route of every page behind the sign-in → who passes its door.
MATRIX: Mapping[str, frozenset[Role]] = {
    "GET /desk": EVERYBODY,
    "GET /desk/matters": MATTER_READERS,
    "GET /desk/matters/new": frozenset({COM}),
    "POST /desk/matters/new": frozenset({COM}),
    "GET /desk/matters/{matter_id}": MATTER_READERS,
    "POST /desk/matters/{matter_id}/releases": frozenset({COM}),
    "POST /desk/matters/{matter_id}/originals": frozenset({ORI}),
    "GET /desk/originals/{original_id}": MATTER_READERS,
    "POST /desk/originals/{original_id}/classification": frozenset({ORI, COM}),
    "GET /desk/releases/{release_id}": MATTER_READERS,
    "POST /desk/releases/{release_id}/renditions": frozenset({COM}),
    "POST /desk/releases/{release_id}/submit": frozenset({COM}),
    "GET /desk/releases/{release_id}/approval": REVIEWERS,
    "POST /desk/releases/{release_id}/approvals": REVIEWERS,
    "POST /desk/releases/{release_id}/refusals": REVIEWERS,
    "POST /desk/releases/{release_id}/dispatch": frozenset({DIS}),
    "POST /desk/releases/{release_id}/receipts": frozenset({DIS}),
    "POST /desk/releases/{release_id}/recall": frozenset({DIS}),
    "GET /desk/releases/{release_id}/files/{path}": CONTENT_READERS,
    "GET /desk/renditions/{rendition_id}": CONTENT_READERS,
    "POST /desk/renditions/{rendition_id}/answers": CONTENT_READERS,
    "GET /desk/renditions/{rendition_id}/boxes": CONTENT_READERS,
    "POST /desk/renditions/{rendition_id}/boxes": CONTENT_READERS,
    "POST /desk/renditions/{rendition_id}/reviews": REVIEWERS,
    "POST /desk/renditions/{rendition_id}/withdraw": frozenset({COM}),
    "GET /desk/content/renditions/{rendition_id}/pages/{number}": CONTENT_READERS,
    "GET /desk/content/originals/{original_id}/pages/{number}": CONTENT_READERS,
    "GET /desk/account": EVERYBODY,
    "POST /desk/sessions/{session_id}/end": EVERYBODY,
    "POST /desk/passkeys/{passkey_id}/revocation": EVERYBODY,
    "GET /desk/policies": MATTER_READERS,
    "GET /desk/policies/{ref}": MATTER_READERS,
    "POST /desk/policies/{ref}/tests": MATTER_READERS,
    "GET /desk/audit": AUDIT_READERS,
    "POST /desk/audit/exports": AUDIT_READERS,
    "GET /desk/administration": PEOPLE_READERS,
    "POST /desk/administration/people": frozenset({ADM}),
    "POST /desk/administration/people/{person_id}/roles": frozenset({ADM}),
    "POST /desk/administration/people/{person_id}/retirement": frozenset({ADM}),
    "POST /desk/administration/people/{person_id}/invitations": frozenset({ADM}),
    "POST /desk/administration/passkeys/{passkey_id}/countersignatures": COUNTERSIGNERS,
    "POST /desk/administration/proposals/{proposal_id}/countersignatures": COUNTERSIGNERS,
}
OPEN = {
    "GET /",
    "GET /desk/sign-in",
    "POST /desk/sign-in",
    "GET /desk/invitation",
    "POST /desk/language",
    "GET /desk/static/{name}",
}
# What runs long or changes much where it is allowed: who may not is asked all the same.
_HEAVY = {"POST /desk/policies/{ref}/tests", "POST /desk/audit/exports"}
_PREFIXES = {"matter_id": "mat", "original_id": "org", "release_id": "rel", "rendition_id": "ren", "person_id": "per"}


def routes() -> Iterator[str]:
    for router in PAGES:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield from (f"{method} {route.path}" for method in sorted(route.methods or ()))


def filled(path: str) -> str:
    """With ids that nothing has."""
    for name, prefix in {**_PREFIXES, "proposal_id": "prop", "session_id": "ses", "passkey_id": "psk"}.items():
        path = path.replace("{" + name + "}", new_id(prefix))
    path = path.replace("{path}", "README.txt").replace("{number}", "1")
    return path.replace("{ref}", "no.such-policy@1.0.0") + ("?role=legal" if path.endswith("/approval") else "")


def test_the_matrix_names_every_page() -> None:
    assert {*routes()} == MATRIX.keys() | OPEN


def test_no_page_is_part_of_the_interface(desk: Furnished) -> None:
    assert "/desk" not in desk.office["nobody"].get("/api/v1/openapi.json").text


def _opened(desk: Furnished, route: str, name: str) -> bool:
    """Whether this person passes the door of a page."""
    method, path = route.split(" ")
    if method == "GET":
        answer = desk.get(name, filled(path))
    else:
        answer = desk.send(name, filled(path), {"reason": "x", "signature": "eA==", "role": "legal"})
    assert answer.status_code < 500, (route, name, answer.text)
    return answer.status_code != 403


def test_doors_open_for_one_who_may_and_for_none_who_may_not(desk: Furnished, everyone: Mapping[Role, str]) -> None:
    for place, (route, may) in enumerate(MATRIX.items()):
        others = sorted(set(Role) - may)
        if others:
            assert not _opened(desk, route, everyone[others[place % len(others)]]), route
        if route not in _HEAVY:
            assert _opened(desk, route, everyone[sorted(may)[place % len(may)]]), route


@pytest.mark.nightly
def test_no_role_passes_where_the_matrix_says_no(desk: Furnished, everyone: Mapping[Role, str]) -> None:
    asked = [(route, role) for route in MATRIX for role in Role if route not in _HEAVY or role not in MATRIX[route]]
    wrong = [
        (route, role.value) for route, role in asked if _opened(desk, route, everyone[role]) != (role in MATRIX[route])
    ]
    assert wrong == []


def test_whoever_has_not_signed_in_is_led_to_where_they_can(desk: Furnished) -> None:
    for route, path in desk.places().items():
        answer = desk.get("nobody", path)
        if route.startswith(places.CONTENT):
            assert answer.status_code == 401
            continue
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/desk/sign-in")
        assert "set-cookie" not in answer.headers
    refused = desk.send("nobody", f"/desk/releases/{desk.draft}/submit", {"reason": "what I typed"})
    assert refused.status_code == 401
    assert "what I typed" in refused.text, "an expired session loses nothing"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_is_there_in_both_languages(desk: Furnished, language: str) -> None:
    readers = {"audit": "auditor", "administration": "dispatcher", "new": "builder", "boxes": "builder"}
    for path in desk.places().values():
        answer = desk.get(readers.get(path.rpartition("/")[2], "legal1"), path, language)
        assert answer.status_code == 200, (path, answer.text[:3000])
        if path.startswith(places.CONTENT):
            continue
        assert f'<html lang="{language}">' in answer.text
        assert ("披露网关" in answer.text) is (language == "zh")
        assert "SHA-256" in answer.text or "<h1" in answer.text
        assert "{{" not in answer.text.replace("{{7*7}}", "")


def test_what_every_page_carries(desk: Furnished) -> None:
    for path in ("/desk", "/desk/sign-in", "/desk/no-such-page", f"/desk/matters/{desk.matter}"):
        headers = desk.get("legal1", path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= {*policy.split("; ")}
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
    asset = desk.office["nobody"].get(
        re.findall(r'"(/desk/static/desk\.css[^"]*)"', desk.get("legal1", "/desk").text)[0]
    )
    assert asset.status_code == 200
    assert "immutable" in asset.headers["cache-control"]
    for astray in ("../site.py", "%2e%2e%2fsite.py", "en.json", "x" * 64):
        assert desk.office["nobody"].get(f"/desk/static/{astray}").status_code in {400, 401, 404, 303}


def test_what_is_shown_of_a_file_is_a_picture_of_ours_that_nothing_may_act_on(desk: Furnished) -> None:
    for path in (f"renditions/{desk.drawn}", f"originals/{desk.photo}"):
        shown = desk.get("legal1", f"/desk/content/{path}/pages/1")
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
        assert shown.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
        assert shown.headers["cache-control"] == "no-store"
        with Image.open(io.BytesIO(shown.content)) as picture:
            assert picture.info == {}, "a picture of ours has pixels and nothing else"


def test_looking_is_an_opening_whose_entry_comes_first(desk: Furnished) -> None:
    desk.office.world.enrol("onlooker", {Role.LEGAL}, second="legal2")
    before = desk.office.world.gateway.log.size()
    assert desk.get("onlooker", f"/desk/renditions/{desk.clean}").status_code == 200
    opened = [one for one in desk.office.entries()[before:] if one["type"] == "object.opened"]
    assert {one["subject"] for one in opened} == {desk.customers, desk.clean}


def test_withheld_values_are_shown_to_those_alone_who_may_open_the_original(desk: Furnished) -> None:
    path = f"/desk/renditions/{desk.clean}"
    assert SECRET in desk.get("legal1", path).text
    assert SECRET not in desk.get("legal1", f"{path}?side=rendition").text
    for name in ("dispatcher", "auditor"):
        assert SECRET not in desk.get(name, path).text


def test_names_and_values_are_text_on_a_page_and_never_markup(desk: Furnished) -> None:
    page = desk.get("builder", f"/desk/matters/{desk.matter}").text
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "49" not in re.findall(r"Kunden[^\n]*", page)[0].replace(desk.customers, "")
    assert HOSTILE.split(">", 1)[0] + ">" not in desk.get("builder", f"/desk/originals/{desk.customers}").text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_origin_does_nothing_and_is_not_shown_again(desk: Furnished, headers: dict[str, str]) -> None:
    with desk.browser("builder") as browser:
        before = desk.office.world.gateway.releases.get(desk.draft)
        told = {"csrf": browser.csrf, "reason": "laid into our mouth"}
        refused = browser.send(f"/desk/releases/{desk.draft}/submit", told, **headers)
        assert refused.status_code == 403
        assert "laid into our mouth" not in refused.text
        assert desk.office.world.gateway.releases.get(desk.draft) == before
        assert browser.upload(desk.matter, **headers).status_code == 403


def test_a_session_is_opened_by_a_page_and_every_form_of_it_carries_its_secret(desk: Furnished) -> None:
    with desk.browser("builder") as browser:
        assert len(browser.csrf) > 20
        page = browser.client.get(f"/desk/matters/{desk.matter}").text
        forms = re.findall(r'<form method="post" action="(?!/desk/language)[^>]*>(.*?)</form>', page, re.DOTALL)
        assert forms
        assert all(f'name="csrf" value="{browser.csrf}"' in one for one in forms)
        path = f"/desk/releases/{desk.draft}/recall"
        for told in ({}, {"csrf": ""}, {"csrf": "x" * 43}):
            refused = browser.send(path, {**told, "reason": "typed with care"})
            assert refused.status_code == 403
            assert "typed with care" in refused.text, "the page of an older session loses nothing"
            assert f'name="csrf" value="{browser.csrf}"' in refused.text
        assert "csrf" not in str(browser.client.get("/desk").url)
        account = browser.client.get("/desk/account").text
        *_, session = re.findall(r'action="/desk/sessions/(ses_\w+)/end"', account)
        ended = browser.send(f"/desk/sessions/{session}/end", {"csrf": browser.csrf})
        assert (ended.status_code, ended.headers["location"]) == (303, "/desk/sign-in")
        assert browser.client.get("/desk").status_code == 303


def test_a_file_comes_by_a_plain_form_of_this_session_alone(desk: Furnished) -> None:
    intake = desk.office.world.gateway.intake
    with desk.browser("builder") as browser:
        before = len(intake.originals(desk.matter))
        for secret in (None, "", "x" * 43):
            assert browser.upload(desk.matter, secret).status_code == 403, secret
        assert len(intake.originals(desk.matter)) == before
        assert browser.upload(desk.matter, browser.csrf).status_code == 303
        assert len(intake.originals(desk.matter)) == before + 1


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"reason=%ff", "application/x-www-form-urlencoded", 400),
        (b"reason=a%00b", "application/x-www-form-urlencoded", 400),
        (b"reason=%e9%00", "application/x-www-form-urlencoded", 400),
        (b"reason=a&reason=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(1001)), "application/x-www-form-urlencoded", 400),
        (b"a" * (1 << 20) + b"=1", "application/x-www-form-urlencoded", 413),
        (b'{"reason": "x"}', "application/json", 415),
        (b"reason=x", "text/plain", 415),
        (b"", "application/x-www-form-urlencoded", 400),
    ],
)
def test_a_form_that_is_none_is_refused_in_one_sentence(desk: Furnished, body: bytes, kind: str, status: int) -> None:
    answer = desk.office["legal1"].post(
        f"/desk/releases/{desk.in_review}/refusals", content=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("body", [b"&".join(b"a=1" for _ in range(1001)), b"reason=%ff", b"reason=a%00b", b"\xff=\xfe"])
def test_a_form_that_is_none_is_not_shown_to_a_stranger(desk: Furnished, body: bytes) -> None:
    origin = str(desk.office.world.gateway.settings.origin)
    told = {"Origin": origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.office["nobody"].post(f"/desk/releases/{desk.in_review}/refusals", content=body, headers=told)
    assert answer.status_code == 401, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert 'name="reason"' not in answer.text


def test_what_was_typed_is_kept_where_it_is_refused(desk: Furnished) -> None:
    typed = {"title": 'The "demand" of <May>', "authority": "mofcom", "regime": "", "purpose": "export_licence"}
    refused = desk.send("builder", "/desk/matters/new", typed)
    assert refused.status_code == 400
    assert "The &#34;demand&#34; of &lt;May&gt;" in refused.text
    assert 'action="/desk/matters/new"' in refused.text


def test_nobody_is_sent_elsewhere(desk: Furnished) -> None:
    for to in ("https://evil.example", "//evil.example", "/\\evil.example", "/desk/../api", "javascript:alert(1)", ""):
        answer = desk.send("nobody", "/desk/language", {"language": "zh", "to": to})
        assert answer.headers["location"] == "/desk", to
        assert "evil" not in desk.office["nobody"].get("/desk/sign-in", params={"to": to}).text
    chosen = desk.send("nobody", "/desk/language", {"language": "zh", "to": "/desk/policies"})
    assert chosen.headers["location"] == "/desk/policies"
    assert "HttpOnly" in chosen.headers["set-cookie"]
    assert "samesite=strict" in chosen.headers["set-cookie"].lower()


def test_a_release_from_draft_to_refusal_by_forms_alone(desk: Furnished) -> None:
    world = desk.office.world
    opened = desk.send(
        "builder",
        "/desk/matters/new",
        {
            "title": "By forms alone",
            "authority": "mofcom",
            "regime": "cn-mofcom-single",
            "purpose": "export_licence",
            "jurisdiction": "CN",
            "deadline": "2030-01-31",
            "recipient-1-name": "Ningbo Example Magnetics",
            "recipient-1-class": "supplier",
            "recipient-1-language": "zh",
            "item-1-text": "Customers",
            "item-1-basis": "published",
            "item-1-kinds": "customer_list",
        },
    )
    assert opened.status_code == 303, opened.text
    matter = world.gateway.matters.get(opened.headers["location"].rpartition("/")[2])
    assert (matter.title, str(matter.deadline), len(matter.recipients)) == ("By forms alone", "2030-01-31", 1)
    sent = desk.office["builder"].post(
        f"/desk/matters/{matter.id}/originals",
        data={"kind": "customer_list"},
        files={"file": ("Kunden.csv", CUSTOMERS, "text/csv")},
        headers={"Origin": desk.office.server.url},
    )
    assert sent.status_code == 303, sent.text
    (original,) = world.gateway.intake.originals(matter.id)
    answers = {
        "export_control": "ear99",
        "personal_data": "assessed",
        "third_party": "consented",
        "defence_nexus": "no",
    }
    assert (
        desk.send(
            "builder", f"/desk/originals/{original.id}/classification", {**answers, "defence_nexus": "x"}
        ).status_code
        == 400
    )
    assert desk.send("builder", f"/desk/originals/{original.id}/classification", dict(answers)).status_code == 303
    drafted = desk.send(
        "builder", f"/desk/matters/{matter.id}/releases", {"recipient": matter.recipients[0].id, "profile": "portal"}
    )
    release = drafted.headers["location"].rpartition("/")[2]
    assert desk.send("builder", f"/desk/releases/{release}/renditions", {"original": original.id}).status_code == 303
    world.work()
    (waiting,) = world.gateway.renders.of_release(release)
    page = desk.get("builder", f"/desk/renditions/{waiting.id}").text
    assert 'name="column/8"' in page
    answered = desk.send("builder", f"/desk/renditions/{waiting.id}/answers", {"column/8": "drop"})
    assert answered.status_code == 303, answered.text
    world.work()
    clean = answered.headers["location"].rpartition("/")[2]
    assert world.gateway.renders.get(clean).state == "clean"
    assert desk.send("builder", f"/desk/releases/{release}/submit").status_code == 303
    seen = world.gateway.renders.get(clean).sha256
    wrong = desk.send("legal1", f"/desk/renditions/{clean}/reviews", {"verdict": "reviewed", "sha256": "0" * 64})
    assert wrong.status_code in {409, 422}, "a verdict is on the bytes that were seen"
    assert (
        desk.send("legal1", f"/desk/renditions/{clean}/reviews", {"verdict": "reviewed", "sha256": seen}).status_code
        == 303
    )
    request = desk.get("legal1", f"/desk/releases/{release}/approval?role=legal").text
    (statement,) = re.findall(r'<textarea name="statement"[^>]*>([^<]*)</textarea>', request)
    statement = unescape(statement)
    other = desk.office.sign("legal2", statement.encode())
    path = f"/desk/releases/{release}/approvals"
    refused = desk.send("legal1", path, {"statement": statement, "signature": other})
    assert refused.status_code in {401, 422}, refused.text
    signed = desk.send(
        "legal1", path, {"statement": statement, "signature": desk.office.sign("legal1", statement.encode())}
    )
    assert signed.status_code == 303, signed.text
    given, _ = world.gateway.releases.approvals(release)
    assert [one.approver for one in given] == [world.actors["legal1"].person_id]
    ended = desk.send("legal2", f"/desk/releases/{release}/refusals", {"reason": "The customer withdrew."})
    assert ended.status_code == 303, ended.text
    assert world.gateway.releases.get(release).state == "refused"


def test_boxes_are_kept_as_they_were_drawn(desk: Furnished) -> None:
    path = f"/desk/renditions/{desk.another()}/boxes"
    told = {
        "class": ["work_area", "face", ""],
        "left": ["0", "40", "0"],
        "top": ["0", "50", "0"],
        "width": ["320", "24", "0"],
        "height": ["240", "30", "0"],
        "page": "1",
        "confirmed": "yes",
    }
    for wrong in (
        {"left": ["0", "-4", "0"]},
        {"left": ["0", "4.5", "0"]},
        {"left": ["0"]},
        {"class": ["<b>", "face", ""]},
    ):
        assert desk.send("builder", path, {**told, **wrong}).status_code in {400, 409, 422}, wrong
    kept = desk.send("builder", path, dict(told))
    assert kept.status_code == 303, kept.text
    made = kept.headers["location"].rpartition("/")[2]
    regions = [one.to_json() for one in desk.office.world.gateway.renders.answers(made).regions]
    assert regions == [
        {"class": "work_area", "box": [0, 0, 320, 240]},
        {"class": "face", "box": [40, 50, 24, 30]},
    ]
    assert 'value="24"' in desk.get("builder", f"/desk/renditions/{made}/boxes").text


def test_the_log_is_searched_and_exported(desk: Furnished) -> None:
    found = desk.get("auditor", f"/desk/audit?matter={desk.matter}&type=release.")
    assert found.status_code == 200
    assert "release.submitted" in found.text
    assert "original.kept" not in found.text
    first = desk.get("auditor", "/desk/audit?before=3").text
    assert first.count('class="index"') == 3
    assert desk.get("auditor", "/desk/audit?since=yesterday").status_code == 400
    strange = desk.get("auditor", "/desk/audit?type=object.&actor=%22%3E%3Cscript%3E%26before%3D1").text
    assert "<script>" not in strange
    zipped = desk.send("auditor", "/desk/audit/exports", {"type": "release."})
    assert (zipped.status_code, zipped.headers["content-type"]) == (200, "application/zip")
    assert zipped.content.startswith(b"PK")


@pytest.mark.nightly
def test_the_tests_of_a_policy_are_run(desk: Furnished) -> None:
    shown = desk.send("legal1", "/desk/policies/cn-mofcom-single.customer-list@1.0.0/tests")
    assert shown.status_code == 200
    assert " 0 failed" in shown.text
