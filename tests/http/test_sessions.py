"""Browsers signed in by cookie: what the cookie is, what a change needs besides, and how sessions end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from sqlalchemy import text
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from gateway.base.clock import SystemClock
from gateway.people.model import CsrfRefused, OpenedSession, Permission, Role, SessionNotValid, SignedIn
from gateway.people.sessions import Sessions
from gateway.settings import Settings, SettingsRefused
from gateway.web.bodies import JsonBodies
from gateway.web.problems import BodyMalformed
from gateway.web.sign_in import SignIn, SignInUnavailable
from tests.support.databases import Database, engine_of
from tests.support.office import API, Office, matter_body, slug_of


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


@contextmanager
def browser(office: Office, name: str, scopes: frozenset[Permission] | None = None) -> Iterator[httpx.Client]:
    """Somebody who signed in with a token of theirs; their cookies and the secret of their pages."""
    token = office.token(name, scopes)
    with office.client() as client:
        answer = client.post(f"{API}/sessions", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield client


def test_a_session_is_a_cookie_that_no_script_reads(office: Office, database: Database) -> None:
    with office.client() as client:
        headers = {"Authorization": f"Bearer {office.token('builder')}"}
        answer = client.post(f"{API}/sessions", headers=headers)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("gateway-local=gws_")
        assert cookie.endswith("; HttpOnly; Path=/; SameSite=Strict")
        value = cookie.removeprefix("gateway-local=").partition(";")[0]
        assert value not in answer.text
        told = client.get(f"{API}/sessions/current").json()
        assert told == answer.json()
        assert told["session"]["means"] == "token"
        assert client.get(f"{API}/me").json()["person"]["id"] == told["session"]["person"]
    opened = [one for one in office.entries() if one["type"] == "session.opened"][-1]
    assert opened["subject"] == told["session"]["id"]
    engine = engine_of(office.world.gateway.settings)
    assert value.encode() not in database.disk(engine)
    engine.dispose()


def test_a_change_needs_the_secret_of_its_page(office: Office) -> None:
    with browser(office, "builder") as client, browser(office, "builder") as elsewhere:
        assert client.post(f"{API}/matters", json=matter_body()).status_code == 201
        for wrong in (elsewhere.headers["X-CSRF-Token"], "x", ""):
            refused = client.post(f"{API}/matters", json=matter_body(), headers={"X-CSRF-Token": wrong})
            assert (refused.status_code, slug_of(refused)) == (403, "csrf-refused")
        del client.headers["X-CSRF-Token"]
        assert slug_of(client.post(f"{API}/matters", json=matter_body())) == "csrf-refused"
        assert client.get(f"{API}/matters").status_code == 200


def test_the_interface_takes_no_form_in_place_of_the_secret(office: Office) -> None:
    matter = office.matter()["id"]
    with browser(office, "builder") as client:
        del client.headers["X-CSRF-Token"]
        session = client.get(f"{API}/sessions/current").json()["session"]["id"]
        for method, path in (
            ("POST", "passkeys/options"),
            ("POST", "traces"),
            ("POST", f"matters/{matter}/originals"),
            ("PUT", f"matters/{matter}/originals?kind=customer_list"),
            ("DELETE", f"sessions/{session}"),
        ):
            for content in (b"", b"csrf=x"):
                told = {"Content-Type": "application/x-www-form-urlencoded"}
                refused = client.request(method, f"{API}/{path}", content=content, headers=told)
                assert (refused.status_code, slug_of(refused)) == (403, "csrf-refused"), path
        assert client.get(f"{API}/sessions/current").status_code == 200


@pytest.mark.parametrize(
    "from_elsewhere", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_a_change_from_another_site_is_refused(office: Office, from_elsewhere: dict[str, str]) -> None:
    with browser(office, "builder") as client:
        refused = client.post(f"{API}/matters", json=matter_body(), headers=from_elsewhere)
        assert slug_of(refused) == "csrf-refused"
        from_here = {"Origin": str(office.world.gateway.settings.origin), "Sec-Fetch-Site": "same-origin"}
        told = client.post(f"{API}/matters", json=matter_body(), headers=from_here)
        assert told.status_code == 201


def test_two_cookies_of_the_name_are_refused(office: Office) -> None:
    with browser(office, "builder") as client:
        twice = f"gateway-local={client.cookies['gateway-local']}; gateway-local=gws_{'x' * 43}"
        assert slug_of(office["nobody"].get(f"{API}/me", headers={"Cookie": twice})) == "session-not-valid"


def test_a_token_counts_alone(office: Office) -> None:
    with browser(office, "builder") as client:
        refused = client.get(f"{API}/me", headers={"Authorization": "Bearer gwt_" + "x" * 43})
        assert slug_of(refused) == "token-not-valid"
        assert slug_of(client.post(f"{API}/sessions")) == "token-missing"


def test_a_session_may_no_more_than_its_token(office: Office) -> None:
    with browser(office, "builder", frozenset({Permission.MATTER_READ})) as client:
        assert client.get(f"{API}/matters").status_code == 200
        assert slug_of(client.post(f"{API}/matters", json=matter_body())) == "not-permitted"
        session = client.get(f"{API}/sessions/current").json()["session"]
    lasts = SystemClock().now() + timedelta(hours=1, minutes=1)
    assert session["expires_at"] < lasts.isoformat()


def test_sessions_are_listed_and_ended(office: Office) -> None:
    person = office.world.enrol("lister", {Role.LEGAL}).person_id
    with browser(office, "lister") as one, browser(office, "lister") as other, browser(office, "dispatcher") as admin:
        mine = [one.get(f"{API}/sessions/current").json()["session"]["id"] for one in (one, other)]
        assert [told["id"] for told in one.get(f"{API}/sessions").json()["sessions"]] == mine
        assert slug_of(office["auditor"].get(f"{API}/sessions", params={"person": person})) == "not-permitted"
        assert office["auditor"].delete(f"{API}/sessions/{mine[0]}").status_code == 404
        assert len(admin.get(f"{API}/sessions", params={"person": person}).json()["sessions"]) == 2
        assert one.delete(f"{API}/sessions/{mine[1]}").status_code == 204
        assert slug_of(other.get(f"{API}/me")) == "session-not-valid"
        gone = one.delete(f"{API}/sessions/{mine[0]}")
        assert "Max-Age=0" in gone.headers["set-cookie"]
        assert slug_of(office["lister"].get(f"{API}/sessions/current")) == "session-not-valid"


def test_sessions_end_with_the_tokens(office: Office) -> None:
    office.world.enrol("leaver", {Role.LEGAL})
    with browser(office, "leaver") as client, browser(office, "leaver") as other:
        person = office.world.actors["leaver"].person_id
        assert client.post(f"{API}/people/{person}/token-revocations").status_code == 201
        assert slug_of(client.get(f"{API}/me")) == "session-not-valid"
        assert slug_of(other.get(f"{API}/me")) == "session-not-valid"
    with browser(office, "leaver") as client:
        assert office["dispatcher"].post(f"{API}/people/{person}/retirement").status_code == 200
        assert slug_of(client.get(f"{API}/me")) == "session-not-valid"


@pytest.fixture
def timed(office: Office) -> tuple[Sessions, Hands, OpenedSession]:
    gateway, hands = office.world.gateway, Hands()
    sessions = Sessions(gateway.units, gateway.keyring, gateway.log, hands, gateway.people)
    with gateway.units.change() as session:
        return sessions, hands, sessions.open_in(session, office.world.actors["legal1"], "token")


def test_an_idle_session_is_over(timed: tuple[Sessions, Hands, OpenedSession]) -> None:
    sessions, hands, opened = timed
    for _ in range(3):
        hands.ahead += timedelta(minutes=29)
        assert sessions.authenticate(opened.cookie).session.id == opened.signed_in.session.id
    hands.ahead += timedelta(minutes=31)
    with pytest.raises(SessionNotValid):
        sessions.authenticate(opened.cookie)


def test_a_busy_session_has_an_end_too(timed: tuple[Sessions, Hands, OpenedSession]) -> None:
    sessions, hands, opened = timed
    for _ in range(25):
        hands.ahead += timedelta(minutes=28)
        sessions.authenticate(opened.cookie)
    hands.ahead = timedelta(hours=12, seconds=1)
    with pytest.raises(SessionNotValid):
        sessions.authenticate(opened.cookie)


def test_a_clock_set_back_makes_no_session_longer(timed: tuple[Sessions, Hands, OpenedSession]) -> None:
    sessions, hands, opened = timed
    hands.ahead = timedelta(minutes=-6)
    with pytest.raises(SessionNotValid):
        sessions.authenticate(opened.cookie)


@pytest.mark.parametrize(
    "forged",
    ["scopes = 'people.propose'", "expires_at = '2099-01-01T00:00:00.000Z'", "person_id = 'OTHER'", "sha256 = 'OWN'"],
)
def test_who_writes_the_database_makes_no_session(
    office: Office, timed: tuple[Sessions, Hands, OpenedSession], forged: str
) -> None:
    sessions, _, opened = timed
    mine = sessions.authenticate(opened.cookie).session
    cookie = opened.cookie
    forged = forged.replace("OTHER", office.world.actors["dispatcher"].person_id)
    if "OWN" in forged:
        cookie = "gws_" + "x" * 43
        forged = forged.replace("OWN", hashlib.sha256(cookie.encode()).hexdigest())
    engine = engine_of(office.world.gateway.settings)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE web_session SET {forged} WHERE id = :id"), {"id": mine.id})
    engine.dispose()
    with pytest.raises(SessionNotValid):
        sessions.authenticate(cookie)


def test_where_nobody_named_the_origin_no_cookie_counts(tmp_path: Any) -> None:
    def nobody(_cookie: str) -> SignedIn:
        raise AssertionError("nobody is asked")

    proxied = SignIn(Settings(tmp_path, trusted_proxy="127.0.0.1"), nobody)
    assert proxied.cookie_of(Headers({"cookie": "gateway-local=gws_x; __Host-gateway=gws_x"})) is None
    with pytest.raises(SignInUnavailable):
        proxied.require_origin()
    secure = SignIn(Settings(tmp_path, origin="https://gateway.example.com"), nobody)
    assert secure.cookie_name == "__Host-gateway"
    assert secure._cookie("gws_x") == "__Host-gateway=gws_x; HttpOnly; Path=/; SameSite=Strict; Secure"


@pytest.mark.parametrize(
    "origin",
    [
        "https://gateway.example.com/",
        "https://gateway.example.com:443",
        "https://Gateway.example.com",
        "https://192.0.2.1",
        "http://gateway.example.com",
        "http://127.0.0.1:8470",
        "gateway.example.com",
        "https://a@b.example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(tmp_path: Any, origin: str) -> None:
    with pytest.raises(SettingsRefused):
        Settings(tmp_path, origin=origin).check_origin()


def test_origins_that_are_taken(tmp_path: Any) -> None:
    for origin in ("https://gateway.example.com", "https://gateway.example.com:8443", "http://localhost:8470"):
        Settings(tmp_path, origin=origin).check_origin()
    with pytest.raises(SettingsRefused):
        Settings(tmp_path, host="0.0.0.0", origin="http://localhost:8470").check_origin()


async def posted(state: dict[str, Any], body: bytes, path: str = "/review") -> dict[str, Any]:
    """What a page's route sees of a plain form."""

    async def page(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.update(scope["state"])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: Any) -> None: ...

    seen: dict[str, Any] = {}
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    scope = {"type": "http", "method": "POST", "path": path, "headers": form, "state": state}
    await JsonBodies(page)(scope, receive, send)
    return seen


def test_a_form_acts_once_it_carries_its_secret(office: Office, timed: Any) -> None:
    signed_in: SignedIn = timed[2].signed_in
    form: Callable[..., Any] = lambda state, body: anyio.run(posted, state, body)  # noqa: E731 three uses below
    seen = form({"session": signed_in}, f"csrf={signed_in.csrf}&reason=zu+viel&box=1&box=2".encode())
    assert seen["actor"] == signed_in.actor
    assert seen["form"] == {"reason": ["zu viel"], "box": ["1", "2"]}
    for body in (b"", b"reason=x", b"csrf=", f"csrf={signed_in.csrf}&csrf={signed_in.csrf}".encode()):
        with pytest.raises(CsrfRefused):
            form({"session": signed_in}, body)
    for body in (b"a", b"a=%FF", b"a=%00", b"&".join(b"a=1" for _ in range(1001))):
        with pytest.raises(BodyMalformed):
            form({}, body)
    assert "actor" not in form({}, b"a=1")
