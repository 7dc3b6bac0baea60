"""Private keys stay in their files; nothing is signed that does not say what it stands for."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.seal.recipient import check_recipient, decrypt_with, encrypt_to
from gateway.seal.signature import from_text

Gateway = Callable[..., Any]

MANIFEST: dict[str, Any] = {
    "release": "rel_1",
    "profile": "portal",
    "recipient": {"name": "Ningbo", "class": "supplier", "hop": 1},
    "policy": {"policies": ["pack.policy@1.0.0"]},
    "files": [{"path": "files/order-book-01.csv", "sha256": "ab" * 32, "size_bytes": 12}],
    "documents": [],
}
DIGEST = hashlib.sha256(canonical(MANIFEST)).hexdigest()
STATEMENT = canonical({"type": "disclosure-gateway/approval/v1", "release": "rel_1", "manifest_sha256": DIGEST})
REQUEST = {"statement": STATEMENT.decode(), "manifest": MANIFEST, "manifest_sha256": DIGEST}


@pytest.fixture
def key(gateway: Gateway, tmp_path: Path) -> tuple[Path, str]:
    return tmp_path / "me.pem", gateway("keygen", "--out", tmp_path / "me.pem").out.strip()


def _signed(gateway: Gateway, tmp_path: Path, key: Path, told: object) -> Any:
    (tmp_path / "request.json").write_text(json.dumps(told), "utf-8")
    return gateway("sign", tmp_path / "request.json", "--key", key)


def test_a_key_file_is_private_and_never_overwritten(gateway: Gateway, key: tuple[Path, str]) -> None:
    path, _ = key
    before = path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert gateway("keygen", "--out", path).code == 3
    assert path.read_bytes() == before


def test_a_passphrase_encrypts_the_key_and_is_needed_again(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_KEY_PASSPHRASE", "long enough")
    gateway("keygen", "--out", tmp_path / "k.pem")
    assert b"ENCRYPTED" in (tmp_path / "k.pem").read_bytes()
    assert _signed(gateway, tmp_path, tmp_path / "k.pem", REQUEST).code == 0
    monkeypatch.setenv("GATEWAY_KEY_PASSPHRASE", "wrong")
    assert _signed(gateway, tmp_path, tmp_path / "k.pem", REQUEST).code == 2


def test_the_signature_is_over_the_statement_and_what_it_stands_for_is_shown(
    gateway: Gateway, tmp_path: Path, key: tuple[Path, str]
) -> None:
    path, public = key
    done = _signed(gateway, tmp_path, path, REQUEST)
    from_text(public).verify(base64.b64decode(done.out), STATEMENT)
    assert "Ningbo (supplier, hop 1)" in done.err
    assert "files/order-book-01.csv" in done.err


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": {**MANIFEST, "profile": "sealed"}},
        {"manifest_sha256": "00" * 32},
        {"statement": canonical({"type": "x", "release": "rel_2", "manifest_sha256": DIGEST}).decode()},
        {"statement": canonical({"type": "x", "release": "rel_1", "manifest_sha256": "00" * 32}).decode()},
    ],
)
def test_a_request_whose_parts_disagree_is_not_signed(
    gateway: Gateway, tmp_path: Path, key: tuple[Path, str], change: dict[str, Any]
) -> None:
    done = _signed(gateway, tmp_path, key[0], {**REQUEST, **change})
    assert (done.code, done.out) == (1, "")


@pytest.mark.parametrize("told", [{"statement": '{"type":"another/v1"}'}, {"statement": "{}"}, [1], "text"])
def test_what_is_no_statement_is_not_signed(
    gateway: Gateway, tmp_path: Path, key: tuple[Path, str], told: object
) -> None:
    done = _signed(gateway, tmp_path, key[0], told)
    assert (done.code, done.out) == (2, "")


def test_a_missing_key_file_is_said(gateway: Gateway, tmp_path: Path) -> None:
    assert _signed(gateway, tmp_path, tmp_path / "none.pem", REQUEST).code == 4


@pytest.mark.parametrize(("flags", "chars"), [((), 62), (("--hybrid",), 1959)])
def test_a_recipient_s_key_goes_into_a_file_of_its_own(
    gateway: Gateway, tmp_path: Path, flags: tuple[str, ...], chars: int
) -> None:
    path = tmp_path / "recipient.age"
    recipient = gateway("recipient-keygen", "--out", path, *flags).out.strip()
    assert len(recipient) == chars
    check_recipient(recipient)
    assert path.stat().st_mode & 0o777 == 0o600
    said, identity = path.read_text("ascii").splitlines()
    assert said == f"# public key: {recipient}"
    sealed, opened = io.BytesIO(), io.BytesIO()
    encrypt_to(recipient, io.BytesIO(b"magnets"), sealed)
    decrypt_with(identity, io.BytesIO(sealed.getvalue()), opened)
    assert opened.getvalue() == b"magnets"
    assert gateway("recipient-keygen", "--out", path).code == 3
