"""Passkeys over HTTP, with an authenticator in software: registered by two, signing in, approving one release alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.people.model import Role
from gateway.release.model import Release, State
from gateway.seal.twin import to_text
from gateway.verify import verify_package
from tests.support import journey
from tests.support.authenticator import AT, BS, ED, UP, UV, Authenticator, b64url
from tests.support.databases import engine_of
from tests.support.office import API, Office, problem_of, slug_of
from tests.support.originals import customer_list
from tests.support.second import Second

SECOND: Mapping[str, str] = {"legal1": "auditor", "legal2": "auditor", "dispatcher": "legal1"}


def origin(office: Office) -> str:
    return str(office.world.gateway.settings.origin)


def registered(office: Office, name: str, key: Authenticator) -> dict[str, Any]:
    """A passkey as its person registered it; nobody signed for it yet."""
    options = office[name].post(f"{API}/passkeys/options").json()["options"]
    answer = office[name].post(f"{API}/passkeys", json=key.create(options, origin(office)))
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def countersigned(office: Office, name: str, passkey: dict[str, Any]) -> httpx.Response:
    signature = office.sign(name, passkey["statement"].encode())
    return office[name].post(f"{API}/passkeys/{passkey['id']}/countersignatures", json={"signature": signature})


def enrolled(office: Office, name: str, algorithm: str = "ES256") -> tuple[Authenticator, dict[str, Any]]:
    """A passkey that is good."""
    key = Authenticator(algorithm)
    answer = countersigned(office, SECOND.get(name, "legal1"), registered(office, name, key))
    assert answer.status_code == 201, answer.text
    return key, answer.json()


def sign_in(office: Office, client: httpx.Client, key: Authenticator, **lies: Any) -> httpx.Response:
    options = client.post(f"{API}/sign-in/options").json()["options"]
    return client.post(f"{API}/sign-in", json=key.get(options, lies.pop("at", origin(office)), **lies))


@contextmanager
def at_the_desk(office: Office, key: Authenticator) -> Iterator[httpx.Client]:
    """A browser in which somebody signed in with their passkey."""
    with office.client() as client:
        answer = sign_in(office, client, key)
        assert answer.status_code == 201, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


def reviewed(office: Office) -> Release:
    """A release that waits for its approvals."""
    made = journey.rendered(office.world, [customer_list()])
    office.world.review(made.release)
    return made.release


@dataclass
class Desk:
    """Two reviewers with a passkey each, and a release that waits for them."""

    office: Office
    keys: dict[str, Authenticator]
    release: Release

    def asked(self, client: httpx.Client, release: str | None = None, role: str = "legal") -> dict[str, Any]:
        answer = client.post(f"{API}/releases/{release or self.release.id}/passkey-requests", json={"role": role})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def sent(
        self, client: httpx.Client, asked: Mapping[str, Any], given: Mapping[str, str], statement: str | None = None
    ) -> httpx.Response:
        body = {**given, "statement": statement or asked["statement"]}
        return client.post(f"{API}/releases/{self.release.id}/passkey-approvals", json=body)

    def approve(self, client: httpx.Client, name: str, **lies: Any) -> httpx.Response:
        asked = self.asked(client)
        at = lies.pop("at", origin(self.office))
        return self.sent(client, asked, self.keys[name].get(asked["options"], at, **lies))


@pytest.fixture(scope="module")
def desk(office: Office) -> Desk:
    keys = {"legal1": enrolled(office, "legal1")[0], "legal2": enrolled(office, "legal2", "EdDSA")[0]}
    return Desk(office, keys, reviewed(office))


def test_a_passkey_is_good_once_a_second_person_signed(office: Office) -> None:
    office.world.enrol("keyed", {Role.LEGAL})
    key = Authenticator("EdDSA")
    passkey = registered(office, "keyed", key)
    with office.client() as client:
        assert slug_of(sign_in(office, client, key)) == "passkey-not-valid"
        assert slug_of(countersigned(office, "keyed", passkey)) == "second-person-needed"
        assert slug_of(countersigned(office, "builder", passkey)) == "not-permitted"
        wrong = {"signature": office.sign("legal1", b"something else")}
        refused = office["legal1"].post(f"{API}/passkeys/{passkey['id']}/countersignatures", json=wrong)
        assert slug_of(refused) == "signature-refused"
        assert countersigned(office, "legal1", passkey).json()["entry"] is not None
        assert slug_of(countersigned(office, "legal1", passkey)) == "nothing-proposed"
        assert sign_in(office, client, key).status_code == 201
        assert client.get(f"{API}/me").json()["person"]["id"] == passkey["person"]
    person = passkey["person"]
    assert [one["id"] for one in office["auditor"].get(f"{API}/people/{person}/passkeys").json()["passkeys"]] == [
        passkey["id"]
    ]


def test_an_invitation_is_good_once_and_not_for_who_invited(office: Office) -> None:
    person = office.world.enrol("guest", {Role.LEGAL}).person_id
    invitation = office["dispatcher"].post(f"{API}/people/{person}/invitations").json()
    secret, key = invitation["secret"], Authenticator()
    with office.client() as nobody:
        options = nobody.post(f"{API}/invitations/options", json={"secret": secret}).json()["options"]
        body = {**key.create(options, origin(office)), "invitation": secret}
        other = {**body, "invitation": "gwi_" + "x" * 43}
        assert slug_of(nobody.post(f"{API}/invitations/passkeys", json=other)) == "invitation-not-valid"
        passkey = nobody.post(f"{API}/invitations/passkeys", json=body).json()
        assert slug_of(nobody.post(f"{API}/invitations/passkeys", json=body)) == "invitation-not-valid"
        assert slug_of(nobody.post(f"{API}/invitations/options", json={"secret": secret})) == "invitation-not-valid"
    assert passkey["person"] == person
    assert slug_of(countersigned(office, "dispatcher", passkey)) == "second-person-needed"
    assert countersigned(office, "legal1", passkey).status_code == 201
    assert secret.encode() not in office.world.gateway.settings.database.read_bytes()


@pytest.mark.parametrize(
    ("lie", "slug"),
    [
        ({"at": "https://evil.example"}, "passkey-refused"),
        ({"challenge": b64url(bytes(56))}, "challenge-expired"),
        ({"type": "webauthn.get"}, "passkey-refused"),
        ({"flags": UP}, "passkey-refused"),
        ({"host": "evil.example"}, "passkey-refused"),
        ({"cose": bytes.fromhex("a3010303390100")}, "passkey-refused"),
        ({"cose": bytes.fromhex("a5010203262001215820") + bytes(32) + bytes.fromhex("225820") + bytes(32)}, "bad-key"),
        ({"cose": bytes.fromhex("a4010103272006215820") + b"\1" + bytes(31)}, "bad-key"),
        ({"cose": b"\xff" * 40}, "passkey-refused"),
    ],
)
def test_what_is_not_as_asked_is_not_registered(office: Office, lie: dict[str, Any], slug: str) -> None:
    key = Authenticator(flags=lie.pop("flags", UP | UV), host=lie.pop("host", "localhost"))
    options = office["legal1"].post(f"{API}/passkeys/options").json()["options"]
    body = key.create(options, lie.pop("at", origin(office)), **lie)
    assert slug_of(office["legal1"].post(f"{API}/passkeys", json=body)) == slug


def test_options_are_for_their_person_and_good_once(office: Office) -> None:
    options = office["legal1"].post(f"{API}/passkeys/options").json()["options"]
    body = Authenticator().create(options, origin(office))
    assert slug_of(office["legal2"].post(f"{API}/passkeys", json=body)) == "challenge-expired"
    assert office["legal1"].post(f"{API}/passkeys", json=body).status_code == 201
    assert slug_of(office["legal1"].post(f"{API}/passkeys", json=body)) == "challenge-replayed"
    again = office["legal1"].post(f"{API}/passkeys/options").json()["options"]
    key = Authenticator()
    key.create(again, origin(office))
    twice = office["legal1"].post(f"{API}/passkeys", json=key.create(again, origin(office)))
    assert twice.status_code == 201
    more = office["legal2"].post(f"{API}/passkeys/options").json()["options"]
    taken = office["legal2"].post(f"{API}/passkeys", json=key.create(more, origin(office)))
    assert slug_of(taken) == "key-taken"


def test_signing_in_is_refused_by_name(desk: Desk) -> None:
    office, key = desk.office, desk.keys["legal1"]
    with office.client() as client:
        assert slug_of(sign_in(office, client, Authenticator())) == "passkey-not-valid"
        assert slug_of(sign_in(office, client, key, challenge=b64url(bytes(56)))) == "challenge-expired"
        for lie, field in (
            ({"at": "https://evil.example"}, "origin"),
            ({"type": "webauthn.create"}, "type"),
            ({"crossOrigin": True}, "crossOrigin"),
            ({"topOrigin": "https://evil.example"}, "crossOrigin"),
        ):
            assert problem_of(sign_in(office, client, key, **lie))["field"] == field
        options = client.post(f"{API}/sign-in/options").json()["options"]
        given = key.get(options, origin(office))
        assert client.post(f"{API}/sign-in", json=given).status_code == 201
        assert slug_of(client.post(f"{API}/sign-in", json=given)) == "challenge-replayed"
        assert options["allowCredentials"] == []


def test_one_touch_opens_one_session_however_often_it_is_sent_at_once(desk: Desk) -> None:
    office, together = desk.office, Barrier(4)
    with office.client() as client:
        options = client.post(f"{API}/sign-in/options").json()["options"]
        given = desk.keys["legal1"].get(options, origin(office))

        def send() -> int:
            together.wait(30)
            return client.post(f"{API}/sign-in", json=given).status_code

        with ThreadPoolExecutor(4) as browsers:
            answers = [one.result() for one in [browsers.submit(send) for _ in range(4)]]
    assert sorted(answers) == [201, 409, 409, 409]


def test_an_authenticator_that_counts_back_may_be_a_copy(office: Office) -> None:
    office.world.enrol("counting", {Role.LEGAL})
    key = Authenticator(count=7)
    assert countersigned(office, "legal1", registered(office, "counting", key)).status_code == 201
    with office.client() as client:
        assert sign_in(office, client, key).status_code == 201
        key.count -= 1
        assert slug_of(sign_in(office, client, key)) == "passkey-copied"
        key.count = 20
        assert sign_in(office, client, key).status_code == 201


def test_a_revoked_passkey_is_of_no_use(office: Office) -> None:
    office.world.enrol("losing", {Role.LEGAL})
    key, passkey = enrolled(office, "losing")
    with at_the_desk(office, key) as client:
        assert office["legal1"].post(f"{API}/passkeys/{passkey['id']}/revocation").status_code == 403
        assert client.post(f"{API}/passkeys/{passkey['id']}/revocation").status_code == 200
        assert slug_of(client.get(f"{API}/me")) == "session-not-valid"
        assert slug_of(sign_in(office, client, key)) == "passkey-revoked"
        engine = engine_of(office.world.gateway.settings)
        with engine.begin() as connection:
            put_back = text("UPDATE passkey SET revoked_at = NULL WHERE id = :id")
            connection.execute(put_back, {"id": passkey["id"]})
        engine.dispose()
        assert slug_of(sign_in(office, client, key)) == "passkey-revoked"


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (UV, "user_presence"),
        (UP, "user_verification"),
        (UP | UV | BS, "flags"),
        (UP | UV | AT, "flags"),
        (UP | UV | ED, "flags"),
    ],
)
def test_nobody_approves_without_being_there(desk: Desk, flags: int, field: str) -> None:
    key = desk.keys["legal1"]
    with at_the_desk(desk.office, key) as client:
        key.flags = flags
        try:
            assert problem_of(desk.approve(client, "legal1"))["field"] == field
        finally:
            key.flags = UP | UV


def test_an_approval_fits_nothing_else(desk: Desk) -> None:
    office, key = desk.office, desk.keys["legal1"]
    at = origin(office)
    other = reviewed(office)
    with at_the_desk(office, key) as client, at_the_desk(office, key) as elsewhere:
        asked = desk.asked(client)
        given = key.get(asked["options"], at)
        assert slug_of(desk.sent(elsewhere, asked, given)) == "challenge-expired"
        for name, value in (("release", other.id), ("manifest_sha256", "0" * 64), ("recipient", "rcp_x"), ("files", 9)):
            told = json.dumps({**json.loads(asked["statement"]), name: value}, separators=(",", ":"), sort_keys=True)
            refused = problem_of(desk.sent(client, asked, given, told))
            assert (refused["type"], refused["field"]) == ("/problems/statement-mismatch", name)
        later = json.loads(asked["statement"])
        later["at"] = later["at"][:-4] + f"{(int(later['at'][-4:-1]) + 1) % 1000:03d}Z"
        told = json.dumps(later, separators=(",", ":"), sort_keys=True)
        assert problem_of(desk.sent(client, asked, given, told))["field"] == "challenge"
        of_another = desk.asked(client, other.id)
        signed = key.get(of_another["options"], at)
        assert problem_of(desk.sent(client, of_another, signed))["field"] in {"release", "manifest_sha256"}
        assert problem_of(desk.sent(client, asked, signed))["field"] == "challenge"
        for part in ("authenticator_data", "client_data", "signature"):
            changed = {**given, part: ("B" if given[part][8] == "A" else "A").join((given[part][:8], given[part][9:]))}
            assert slug_of(desk.sent(client, asked, changed)) == "assertion-refused", part
        assert problem_of(desk.approve(client, "legal1", at="https://evil.example"))["field"] == "origin"
        assert slug_of(desk.sent(client, asked, desk.keys["legal2"].get(asked["options"], at))) == "passkey-not-valid"
        unasked = {**json.loads(asked["statement"]), "at": "2026-01-01T00:00:00.000Z"}
        assert slug_of(desk.sent(client, asked, given, json.dumps(unasked))) in {"statement-mismatch", "not-canonical"}
    assert office.world.gateway.releases.get(desk.release.id).state is State.IN_REVIEW


def test_a_token_gets_no_challenge(desk: Desk) -> None:
    path = f"{API}/releases/{desk.release.id}/passkey-requests"
    assert slug_of(desk.office["legal1"].post(path, json={"role": "legal"})) == "session-not-valid"


def test_two_passkeys_approve_and_anyone_checks_it(office: Office, second: Second, tmp_path: Path) -> None:
    desk = Desk(office, {}, reviewed(office))
    for name, algorithm in (("legal1", "ES256"), ("legal2", "EdDSA")):
        desk.keys[name], _ = enrolled(office, name, algorithm)
    with at_the_desk(office, desk.keys["legal1"]) as client:
        asked = desk.asked(client)
        given = desk.keys["legal1"].get(asked["options"], origin(office))
        assert desk.sent(client, asked, given).json()["algorithm"] == "WebAuthn"
        assert slug_of(desk.sent(client, asked, given)) == "challenge-replayed"
        assert slug_of(desk.approve(client, "legal1")) == "already-approved"
    with at_the_desk(office, desk.keys["legal2"]) as client:
        assert desk.approve(client, "legal2").status_code == 201
    world = office.world
    assert world.gateway.releases.get(desk.release.id).state is State.APPROVED
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], desk.release.id)
    archive = tmp_path / "package.zip"
    archive.write_bytes(world.package(desk.release))
    log_key, package_key = world.gateway.log.vkey(), to_text(world.gateway.package_key().public)
    report = verify_package(archive, log_key=log_key, package_key=package_key)
    assert report.ok, report.sentence
    answer = second.verify(archive, log_key=log_key, package_key=package_key)
    assert (answer.code, answer.failed) == (0, None), answer.said


def test_a_passkey_revoked_after_approving_opens_nothing(office: Office) -> None:
    desk = Desk(office, {}, reviewed(office))
    desk.keys["legal1"], passkey = enrolled(office, "legal1")
    with at_the_desk(office, desk.keys["legal1"]) as client:
        assert desk.approve(client, "legal1").status_code == 201
    office.world.approve(desk.release, by="legal2")
    engine = engine_of(office.world.gateway.settings)
    for change, back, slug in (
        ("origin = 'https://evil.example'", f"origin = '{origin(office)}'", "register-changed"),
        (
            f"person_id = '{office.world.actors['legal2'].person_id}'",
            f"person_id = '{passkey['person']}'",
            "passkey-not-valid",
        ),
        (f"key = '{passkey['key'][:-2]}A='", f"key = '{passkey['key']}'", "passkey-not-valid"),
    ):
        for values, refused in ((change, True), (back, False)):
            with engine.begin() as connection:
                connection.execute(text(f"UPDATE passkey SET {values} WHERE id = :id"), {"id": passkey["id"]})
            if refused:
                path = f"{API}/releases/{desk.release.id}/dispatch"
                assert slug_of(office["dispatcher"].post(path)) == slug
    engine.dispose()
    assert office["legal1"].post(f"{API}/passkeys/{passkey['id']}/revocation").status_code == 200
    assert slug_of(office["dispatcher"].post(f"{API}/releases/{desk.release.id}/dispatch")) == "passkey-revoked"
