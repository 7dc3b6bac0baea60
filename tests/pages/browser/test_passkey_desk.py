"""Two reviewers with authenticators in a real browser: from invitation to a package that verifies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.people.model import Role
from gateway.seal.twin import to_text
from gateway.verify import verify_package
from gateway.web import places
from gateway.web.pages import site
from tests.pages.browser.test_desk import signed_in, violations
from tests.pages.furnished import Furnished
from tests.support import journey
from tests.support.originals import customer_list

AUTHENTICATOR = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
WORDS = site.words("en")

pytestmark = pytest.mark.nightly


@contextmanager
def equipped(chromium: Browser, desk: Furnished, **more: Any) -> Iterator[Page]:
    """A browser with an authenticator of its own."""
    context = chromium.new_context(base_url=str(desk.office.world.gateway.settings.origin), **more)
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable", {"enableUI": False})
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    yield page
    context.close()


def press(page: Page, name: str, *, keyboard: bool) -> None:
    """Activate a button or link of this name: by mouse, or by Tab until it has the focus and Enter."""
    target = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first
    if not keyboard:
        target.click()
        return
    expect(target).to_be_visible()
    for _ in range(200):
        if target.evaluate("one => one === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{name} is not reached by Tab")


def invited(desk: Furnished, inviter: Page, page: Page, name: str, *, keyboard: bool) -> str:
    """A passkey by invitation; its fingerprint as its person reads it out."""
    inviter.goto("/desk/administration")
    inviter.get_by_role("button", name=WORDS["admin.invite_one"].format(name=f"Person {name}")).click()
    link = inviter.locator("main code.long").inner_text()
    page.goto(link if not keyboard else places.INVITATION)
    secret = page.locator("[data-secret]")
    if keyboard:
        secret.focus()
        page.keyboard.type(link.partition("#")[2])
        page.keyboard.press("Enter")
    else:
        expect(secret).to_have_value(link.partition("#")[2])
        press(page, WORDS["passkey.make"], keyboard=False)
    expect(page.get_by_role("heading", name=WORDS["invitation.waits"])).to_be_visible()
    assert "gwi_" not in page.url
    assert violations(page) == []
    return page.locator("[data-fingerprint]").inner_text()


def countersigned(desk: Furnished, second: Page, fingerprint: str) -> None:
    second.goto("/desk/administration")
    card = second.locator("article", has_text=fingerprint)
    statement = card.locator("textarea[readonly]").input_value()
    assert hashlib.sha256(statement.encode()).hexdigest() == fingerprint
    assert violations(second) == []
    card.locator("textarea[name=signature]").fill(desk.office.sign("auditor", statement.encode()))
    card.get_by_role("button", name=WORDS["admin.countersign"]).click()
    expect(second.locator("article", has_text=fingerprint)).to_have_count(0)


def entered(page: Page, *, keyboard: bool) -> None:
    page.goto(places.SIGN_IN)
    press(page, WORDS["passkey.sign_in"], keyboard=keyboard)
    expect(page.locator("a.me")).to_be_visible()


def approved(page: Page, release: str, *, keyboard: bool) -> None:
    page.goto(f"/desk/releases/{release}")
    press(page, WORDS["release.approve_as"].format(role=WORDS["role.legal"]), keyboard=keyboard)
    expect(page.get_by_role("button", name=WORDS["passkey.approve"])).to_be_visible()
    assert violations(page) == []
    press(page, WORDS["passkey.approve"], keyboard=keyboard)
    expect(page.locator("ul.signed")).to_contain_text("WebAuthn")


def test_two_reviewers_let_a_release_leave_by_their_passkeys(
    chromium: Browser, desk: Furnished, tmp_path: Path
) -> None:
    world = desk.office.world
    made = journey.rendered(world, [customer_list()])
    world.gateway.releases.submit(world.actors["builder"], made.release.id)
    for name in ("mouse", "keys"):
        world.enrol(name, {Role.LEGAL})
    with ExitStack() as open_ones:
        administrator = open_ones.enter_context(signed_in(chromium, desk, "dispatcher"))
        auditor = open_ones.enter_context(signed_in(chromium, desk, "auditor"))
        mouse, keys = (open_ones.enter_context(equipped(chromium, desk)) for _ in range(2))
        for page, name in ((mouse, "mouse"), (keys, "keys")):
            countersigned(desk, auditor, invited(desk, administrator, page, name, keyboard=name == "keys"))
            entered(page, keyboard=name == "keys")
        (rendition,) = made.renditions.values()
        keys.goto(f"/desk/renditions/{rendition.id}")
        press(keys, WORDS["review.reviewed"], keyboard=True)
        expect(keys).to_have_url(f"{world.gateway.settings.origin}/desk/releases/{made.release.id}")
        approved(mouse, made.release.id, keyboard=False)
        approved(keys, made.release.id, keyboard=True)
        mouse.goto("/desk/account")
        expect(mouse.locator(".badge.active", has_text=WORDS["passkey_state.good"])).to_be_visible()
        assert violations(mouse) == []
        administrator.goto(f"/desk/releases/{made.release.id}")
        administrator.get_by_role("button", name=WORDS["release.dispatch"]).click()
        with administrator.expect_download() as waited:
            administrator.get_by_role("link", name=WORDS["release.package"]).click()
        package = tmp_path / "package.zip"
        waited.value.save_as(package)
    log_key, package_key = world.gateway.log.vkey(), to_text(world.gateway.package_key().public)
    report = verify_package(package, log_key=log_key, package_key=package_key)
    assert report.ok, report.sentence


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh", "dark")])
def test_what_goes_wrong_is_said_in_words_and_can_be_tried_again(
    chromium: Browser, desk: Furnished, language: str, scheme: Any
) -> None:
    words = site.words(language)
    with equipped(chromium, desk, locale=language, color_scheme=scheme) as page:
        page.goto(f"{places.INVITATION}#gwi_{'x' * 43}")
        assert violations(page) == []
        page.get_by_role("button", name=words["passkey.make"]).click()
        expect(page.get_by_role("status")).to_have_text(words["passkey_word.invitation-not-valid"])
        assert violations(page) == []
        page.goto(places.SIGN_IN)
        page.get_by_role("button", name=words["passkey.sign_in"]).click()
        expect(page.get_by_role("status")).to_have_text(words["passkey_word.NotAllowedError"], timeout=15_000)
        expect(page.get_by_role("button", name=words["passkey.sign_in"])).to_be_focused()
        assert violations(page) == []
        page.context.set_offline(True)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_have_text(words["passkey_word.line"])
    with equipped(chromium, desk, locale=language, java_script_enabled=False) as page:
        page.goto(places.SIGN_IN)
        expect(page.get_by_text(words["sign_in.without"])).to_be_visible()
        expect(page.get_by_role("button", name=words["passkey.sign_in"])).to_be_hidden()
