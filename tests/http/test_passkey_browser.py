"""A real browser with a virtual authenticator registers a passkey, signs in with it and approves a release."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.web import places
from tests.http.test_passkeys import countersigned, origin, reviewed
from tests.support.office import API, Office

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP localhost 127.0.0.1",
]
AUTHENTICATOR: Final = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
# What the pages' script does: options in, the answer's parts out in base64url.
CEREMONIES: Final = """
async ([kind, options]) => {
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")
  if (kind === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
    const made = await navigator.credentials.create({ publicKey })
    const { clientDataJSON, attestationObject } = made.response
    return { credential: made.id, client_data: text(clientDataJSON), attestation: text(attestationObject) }
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const { id, response } = await navigator.credentials.get({ publicKey })
  return {
    credential: id,
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
  }
}
"""
ASKED: Final = """
async ([path, body, csrf]) => {
  const headers = { "Content-Type": "application/json", ...(csrf ? { "X-CSRF-Token": csrf } : {}) }
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) })
  return { status: answer.status, told: await answer.json() }
}
"""

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="chromium is not here (Debian: apt install chromium)"),
]


def test_a_browser_approves_with_a_passkey(office: Office, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    release = reviewed(office)
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=FLAGS, env={**os.environ, "HOME": str(tmp_path)}
        )
        page = browser.new_page()
        devices = page.context.new_cdp_session(page)
        devices.send("WebAuthn.enable", {"enableUI": False})
        devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        page.goto(origin(office) + places.SIGN_IN)

        def asked(path: str, body: dict[str, Any], csrf: str | None = None) -> dict[str, Any]:
            answer: dict[str, Any] = page.evaluate(ASKED, [API + path, body, csrf])
            assert answer["status"] in {200, 201}, answer
            told: dict[str, Any] = answer["told"]
            return told

        options = office["legal1"].post(f"{API}/passkeys/options").json()["options"]
        made = office["legal1"].post(f"{API}/passkeys", json=page.evaluate(CEREMONIES, ["create", options])).json()
        assert countersigned(office, "auditor", made).status_code == 201

        given = page.evaluate(CEREMONIES, ["get", asked("/sign-in/options", {})["options"]])
        csrf = asked("/sign-in", given)["csrf"]
        assert [one["name"] for one in page.context.cookies() if one["httpOnly"]] == ["gateway-local"]

        request = asked(f"/releases/{release.id}/passkey-requests", {"role": "legal"}, csrf)
        signed = page.evaluate(CEREMONIES, ["get", request["options"]])
        body = {**signed, "statement": request["statement"]}
        assert asked(f"/releases/{release.id}/passkey-approvals", body, csrf)["algorithm"] == "WebAuthn"
        browser.close()
