"""Approvals by passkey: the frozen ones hold and the broken ones fail by name, with every verifier there is."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn import verify_authentication_response

from gateway.base.problems import Problem
from gateway.seal import assertion as webauthn
from gateway.seal.assertion import Assertion
from gateway.seal.signature import BadKey
from gateway.verify import verify
from tests.support.authenticator import Authenticator, b64url, unb64url
from tests.support.second import MISSING, SCRIPT

FILE = Path(__file__).parents[2] / "vectors" / "passkey" / "approvals.json"
VECTORS = json.loads(FILE.read_text("utf-8"))
STATEMENT = VECTORS["statement"].encode()
GOOD, BROKEN = VECTORS["good"], VECTORS["broken"]
# What is no assertion at all does not get as far as the gateway's own check.
SHAPELESS = {"nothing of the browser", "Ed25519 with a browser"}
ORACLE = """
import { readFileSync } from "node:fs"
import { Finding } from "./formats.mjs"
import { SHAPE, signedAt, used } from "./passkeys.mjs"
const { statement, good, broken } = JSON.parse(readFileSync(process.argv[1], "utf8"))
const at = ({ signature }) => {
  try {
    return used(signature) && !SHAPE(signature) && signedAt(signature, Buffer.from(statement), "somebody")
  } catch (error) {
    if (!(error instanceof Finding)) throw error
    return false
  }
}
const answers = (all) => Object.fromEntries(Object.entries(all).map(([name, one]) => [name, at(one)]))
console.log(JSON.stringify({ good: answers(good), broken: answers(broken) }))
"""


def given(signature: dict[str, str]) -> Assertion:
    return Assertion(*(base64.b64decode(signature[name]) for name in ("authenticator_data", "client_data", "sig")))


@pytest.mark.parametrize("name", GOOD)
def test_the_frozen_ones_hold(name: str) -> None:
    signature, origin = GOOD[name]["signature"], GOOD[name]["origin"]
    assert verify.check_approval_signature(signature, STATEMENT, "It") == origin
    webauthn.check(signature["key"], given(signature), STATEMENT, origin)
    with pytest.raises(webauthn.AssertionRefused):
        webauthn.check(signature["key"], given(signature), STATEMENT, "https://other.example.com")


@pytest.mark.parametrize("name", GOOD)
def test_the_library_of_registrations_says_so_too(name: str) -> None:
    signature, origin = GOOD[name]["signature"], GOOD[name]["origin"]
    one = given(signature)
    verified = verify_authentication_response(
        credential={
            "id": "AAAA",
            "rawId": "AAAA",
            "type": "public-key",
            "response": {
                "clientDataJSON": b64url(one.client_data),
                "authenticatorData": b64url(one.authenticator_data),
                "signature": b64url(one.signature),
            },
        },
        expected_challenge=hashlib.sha256(STATEMENT).digest(),
        expected_rp_id=webauthn.rp_id(origin),
        expected_origin=origin,
        credential_public_key=base64.b64decode(signature["key"].removeprefix("passkey:")),
        credential_current_sign_count=0,
        require_user_verification=True,
    )
    assert verified.user_verified


@pytest.mark.parametrize("name", BROKEN)
def test_the_broken_ones_fail_by_name(name: str) -> None:
    signature = BROKEN[name]["signature"]
    with pytest.raises(verify.Mismatch, match=BROKEN[name]["says"]):
        verify.check_approval_signature(signature, STATEMENT, "It")
    if name not in SHAPELESS:
        with pytest.raises(Problem) as refused:
            webauthn.check(signature["key"], given(signature), STATEMENT, "https://gateway.example.com")
        assert refused.value.detail.endswith(".")


@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_the_second_verifier_answers_alike() -> None:
    told = subprocess.run(
        ["node", "--input-type=module", "--eval", ORACLE, str(FILE)],
        cwd=SCRIPT.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = json.loads(told.stdout)
    assert answers["good"] == {name: one["origin"] for name, one in GOOD.items()}
    assert answers["broken"] == dict.fromkeys(BROKEN, False)


def test_any_other_bit_fails() -> None:
    drawn = random.Random(7)
    for name in ("ES256", "EdDSA"):
        signature = GOOD[name]["signature"]
        for part in ("authenticator_data", "client_data", "sig", "key"):
            head, text = ("passkey:", signature[part][8:]) if part == "key" else ("", signature[part])
            raw = bytearray(base64.b64decode(text))
            raw[drawn.randrange(len(raw))] ^= 1 << drawn.randrange(8)
            changed: dict[str, Any] = {**signature, part: head + base64.b64encode(raw).decode()}
            with pytest.raises(verify.Mismatch):
                verify.check_approval_signature(changed, STATEMENT, "It")


def test_p256_in_plain_python_is_that_of_the_library() -> None:
    for number in (1, 2, 3, verify.P256_N - 1, 0x1234567890ABCDEF << 100):
        key = ec.derive_private_key(number, ec.SECP256R1())
        point = key.public_key().public_numbers()
        made = key.sign(b"message", ec.ECDSA(SHA256()))
        assert verify.p256_holds((point.x, point.y), b"message", made)
        assert not verify.p256_holds((point.x, point.y), b"another", made)
        assert not verify.p256_holds((point.x, verify.P256_P - point.y), b"message", made)
    assert not verify.p256_holds((0, 0), b"message", made)


def test_a_stored_assertion_has_one_form() -> None:
    one = given(GOOD["ES256"]["signature"])
    assert Assertion.unpack(one.pack()) == one
    for wrong in (b"", b"{}", b"[]", one.pack()[:-1], one.pack().replace(b"=", b""), b'{"a":"b","c":"d","e":"f"}'):
        with pytest.raises(webauthn.AssertionRefused):
            Assertion.unpack(wrong)


def test_only_two_forms_of_keys_are_taken() -> None:
    for algorithm in ("ES256", "EdDSA"):
        cose = Authenticator(algorithm).cose
        assert webauthn.key_text(cose).startswith("passkey:")
        for wrong in (cose + b"\0", cose[:-1], b"", b"\xa0", cose[:1] + cose):
            with pytest.raises(BadKey):
                webauthn.key_text(wrong)
    assert unb64url(b64url(b"\xff\xfe")) == b"\xff\xfe"
