"""Passkeys on the pages, with an authenticator in software: what the pages say, hand out and take."""

from __future__ import annotations

import hashlib
import json
import re
from html import unescape
from typing import Any

import pytest

from gateway.people.model import Role, SecondPersonNeeded, SignatureRefused
from gateway.web import places
from gateway.web.pages import site
from tests.http.test_passkeys import at_the_desk, enrolled, origin, registered
from tests.pages.furnished import Furnished
from tests.support.authenticator import Authenticator, b64url
from tests.support.office import API, Office, slug_of


def _attribute(page: str, name: str) -> str:
    (found,) = re.findall(rf'{name}="([^"]*)"', page)
    return unescape(str(found))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_with_passkeys_say_what_to_do_without_one_and_run_nothing_inline(desk: Furnished, language: str) -> None:
    words = site.words(language)
    with desk.browser("legal1") as browser:
        pages = {
            places.SIGN_IN: (desk.office["nobody"], "sign_in.without"),
            places.INVITATION: (desk.office["nobody"], "invitation.without"),
            "/desk/account": (browser.client, "account.without"),
        }
        for path, (client, without) in pages.items():
            answer = client.get(path, headers={"Accept-Language": language})
            assert answer.status_code == 200, path
            assert words[without] in unescape(answer.text), path
            assert f'<script type="module" src="{site.asset("passkeys.js")}">' in answer.text
            assert answer.text.count("<script") == 1
            assert answer.headers["content-security-policy"] == places.PAGE["Content-Security-Policy"]
            assert all(words[f"passkey_word.{one}"] in unescape(answer.text) for one in site.PASSKEY_WORDS), path


def test_an_invitation_is_a_link_whose_secret_no_server_is_sent(desk: Furnished, office: Office) -> None:
    person = office.world.enrol("invited", {Role.LEGAL}).person_id
    shown = desk.send("dispatcher", f"/desk/administration/people/{person}/invitations")
    (link,) = re.findall(r"<code class=\"long\">(http[^<]+)</code>", shown.text)
    address, _, secret = link.partition("#")
    assert address == origin(office) + places.INVITATION
    assert secret not in desk.get("dispatcher", "/desk/administration").text, "shown once"
    assert secret not in office["nobody"].get(f"{places.INVITATION}?secret={secret}").text
    assert "name=" not in re.findall(r"<input [^>]*data-secret[^>]*>", office["nobody"].get(places.INVITATION).text)[0]
    key = Authenticator()
    with office.client() as anybody:
        asked = anybody.post(f"{API}/invitations/options", json={"secret": secret}).json()["options"]
        body = {**key.create(asked, origin(office)), "invitation": secret}
        made = anybody.post(f"{API}/invitations/passkeys", json=body).json()
    waits = desk.get("auditor", "/desk/administration").text
    fingerprint = hashlib.sha256(made["statement"].encode()).hexdigest()
    assert made["id"] in waits
    assert fingerprint in waits
    assert made["id"] in desk.get("auditor", "/desk").text, "the inbox leads there"
    mine = desk.get("dispatcher", "/desk/administration").text
    assert site.words("en")["admin.passkey_not_you"] in unescape(mine)
    place = f"/desk/administration/passkeys/{made['id']}/countersignatures"
    assert place not in mine
    refused = desk.send("dispatcher", place, {"signature": office.sign("dispatcher", made["statement"].encode())})
    assert (refused.status_code, SecondPersonNeeded.title in refused.text) == (409, True), refused.text
    wrong = desk.send("auditor", place, {"signature": office.sign("auditor", b"something else")})
    assert (wrong.status_code, SignatureRefused.title in unescape(wrong.text)) == (401, True), wrong.text
    signed = desk.send("auditor", place, {"signature": office.sign("auditor", made["statement"].encode())})
    assert signed.status_code == 303, signed.text
    assert made["id"] not in desk.get("auditor", "/desk/administration").text
    with at_the_desk(office, key) as client:
        page = client.get("/desk/account").text
        assert site.words("en")["passkey_state.good"] in page
        told = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page)[0]}
        sent = {"Origin": origin(office), "Sec-Fetch-Site": "same-origin"}
        del client.headers["X-CSRF-Token"]
        revocation = f"/desk/passkeys/{made['id']}/revocation"
        assert client.post(revocation, headers=sent).status_code == 403, "no form without the session's secret"
        assert client.post(revocation, data=told, headers=sent).status_code == 303
        assert client.get("/desk/account").status_code == 303, "its sessions are over"


def test_nobody_revokes_somebody_elses(desk: Furnished, office: Office) -> None:
    office.world.enrol("revoked", {Role.PRIVACY})
    made = registered(office, "revoked", Authenticator())
    assert desk.send("legal1", f"/desk/passkeys/{made['id']}/revocation").status_code == 403
    assert made["id"] in desk.get("legal2", "/desk/administration").text


def test_the_statement_on_the_page_is_the_one_that_a_passkey_signs(desk: Furnished, office: Office) -> None:
    place = f"/desk/releases/{desk.in_review}/approval?role=legal"
    office.world.enrol("approver", {Role.LEGAL})
    with desk.browser("approver") as browser:
        assert "data-options" not in browser.client.get(place).text, "nobody is asked for a passkey they have not"
        assert site.words("en")["approval.no_passkey"] in unescape(browser.client.get(place).text)
    key, _ = enrolled(office, "approver")
    with at_the_desk(office, key) as client:
        page = client.get(place).text
        (statement,) = map(unescape, re.findall(r'<textarea name="statement"[^>]*>([^<]*)<', page))
        digest = hashlib.sha256(statement.encode()).digest()
        options: dict[str, Any] = json.loads(_attribute(page, "data-options"))
        assert (options["challenge"], _attribute(page, "data-challenge")) == (b64url(digest), digest.hex())
        assert json.loads(statement)["manifest_sha256"] in page
        given = key.get(options, origin(office))
        approvals = f"{API}/releases/{desk.in_review}/passkey-approvals"
        at = json.loads(statement)["at"]
        changed = statement.replace(at, f"{at[:-2]}{(int(at[-2]) + 1) % 10}Z")
        assert slug_of(client.post(approvals, json={**given, "statement": changed})) == "assertion-refused"
        answer = client.post(approvals, json={**given, "statement": statement})
        # The furnished release waits for its reviews: everything about the signature held.
        assert slug_of(answer) == "not-reviewed", answer.text
