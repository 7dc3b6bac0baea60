"""Keys are found again, bound to their place, and gone when shredded."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Engine, event, text

from gateway.base.clock import SystemClock
from gateway.db.failures import AlreadyThere
from gateway.db.unit import Units, UnloggedChange
from gateway.keys.model import DEPLOYMENT, KeyMissing, KeyRole, KeyShredded, KeyTampered
from gateway.keys.ports import KeyProvider
from gateway.keys.service import Keyring, fresh_key
from gateway.keys.tables import KeyRow
from gateway.seal.envelope import EnvelopeTampered

MATTER = "mat_00000000000000000000000001"
OTHER = "mat_00000000000000000000000002"


def rewrite(engine: Engine, statement: str, **values: Any) -> None:
    """Change a row behind the gateway's back."""
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount == 1


def column(engine: Engine, key_id: str, name: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(f'SELECT {name} FROM "key" WHERE id = :id'), {"id": key_id}).scalar_one()


@pytest.fixture
def kek(change: Any, keyring: Keyring) -> str:
    with change() as session:
        return keyring.create(session, role="matter_kek", owner=MATTER)


def test_a_key_is_found_again_and_is_random(change: Any, units: Units, keyring: Keyring, provider: KeyProvider) -> None:
    with change() as session:
        ids = [keyring.create(session, role=role, owner=DEPLOYMENT) for role in ("log_signing", "package_signing")]
    again = Keyring(provider, "tenant-1", SystemClock())
    with units.read() as session:
        assert again.find(session, role="log_signing", owner=DEPLOYMENT) == ids[0]
        keys = {again.unwrap(session, key_id) for key_id in ids}
    assert len(keys) == 2
    assert {len(key) for key in keys} == {32}


def test_a_given_key_is_kept(change: Any, keyring: Keyring, kek: str) -> None:
    with change() as session:
        key_id = keyring.create(session, role=KeyRole.DEK, owner="obj_1", parent=kek, key=b"d" * 32)
        assert keyring.unwrap(session, key_id) == b"d" * 32
        with pytest.raises(ValueError, match="32 bytes"):
            keyring.create(session, role="dek", owner="obj_2", parent=kek, key=b"short")


def test_no_key_stands_in_clear_in_the_database(change: Any, keyring: Keyring, kek: str, tmp_path: Path) -> None:
    with change() as session:
        keyring.create(session, role="dek", owner="obj_1", parent=kek, key=b"a key that must not be seen here")
        seen = keyring.unwrap(session, kek)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("gateway.db*"))
    assert b"a key that must not be seen here" not in written
    assert seen not in written


def test_a_key_row_opens_by_its_documented_format(
    change: Any, units: Units, engine: Engine, keyring: Keyring, kek: str
) -> None:
    with change() as session:
        dek = keyring.create(session, role="dek", owner="obj_1", parent=kek, key=b"d" * 32)
        parent_key = keyring.unwrap(session, kek)
    facts = f'{{"id":"{dek}","owner":"obj_1","parent":"{kek}","role":"dek","tenant":"tenant-1"}}'.encode()
    wrapped = column(engine, dek, "wrapped")
    assert AESGCM(parent_key).decrypt(wrapped[1:13], wrapped[13:], b"\x01" + facts) == b"d" * 32
    pseudorandom = hmac.digest(b"disclosure-gateway/key-commitment/v1", b"d" * 32, "sha256")
    assert column(engine, dek, "commitment") == hmac.digest(pseudorandom, facts + b"\x01", "sha256")


def test_keys_of_a_matter_hang_under_its_kek_and_others_under_the_root(
    change: Any, engine: Engine, keyring: Keyring
) -> None:
    with change() as session:
        body = keyring.ensure(session, role="audit_body", owner=MATTER)
        kek = keyring.find(session, role="matter_kek", owner=MATTER)
        log = keyring.ensure(session, role="audit_body", owner=DEPLOYMENT)
    assert column(engine, body, "parent_id") == kek
    assert column(engine, kek, "parent_id") is None
    assert column(engine, log, "parent_id") is None


def test_a_matters_keys_are_looked_up_at_once_with_the_deployments_each_in_its_newest_version(
    change: Any, units: Units, keyring: Keyring, kek: str, engine: Engine
) -> None:
    newer = KeyRow(id="key_newer", role="matter_kek", owner=MATTER, version=2, created_at=SystemClock().now())
    with change() as session:
        record = keyring.create(session, role="record", owner=DEPLOYMENT)
        keyring.write(session, newer, fresh_key(), None)
    sent: list[str] = []
    with units.read() as session:
        event.listen(engine, "before_cursor_execute", lambda *sending: sent.append(sending[2]))
        assert keyring.find(session, role="matter_kek", owner=MATTER) == "key_newer" != kek
        assert keyring.find(session, role="record", owner=DEPLOYMENT) == record
        assert len(sent) == 1
        with pytest.raises(KeyMissing):
            keyring.find(session, role="record", owner=OTHER)


def test_ensure_creates_once(change: Any, keyring: Keyring) -> None:
    with change() as session:
        assert keyring.ensure(session, role="record", owner=MATTER) == keyring.ensure(
            session, role="record", owner=MATTER
        )


def test_a_second_key_of_the_same_role_and_owner_is_refused(change: Any, keyring: Keyring, kek: str) -> None:
    with pytest.raises(AlreadyThere), change() as session:
        keyring.create(session, role="matter_kek", owner=MATTER)


def test_a_key_is_not_created_without_an_entry(units: Units, keyring: Keyring) -> None:
    with pytest.raises(UnloggedChange), units.change() as session:
        keyring.create(session, role="record", owner=DEPLOYMENT)


def test_an_unknown_role_is_a_programming_error(change: Any, keyring: Keyring) -> None:
    with change() as session, pytest.raises(ValueError, match="skeleton"):
        keyring.create(session, role="skeleton", owner=DEPLOYMENT)


def test_missing_keys_are_named(units: Units, keyring: Keyring) -> None:
    with units.read() as session:
        with pytest.raises(KeyMissing, match="record key of deployment"):
            keyring.find(session, role="record", owner=DEPLOYMENT)
        with pytest.raises(KeyMissing, match="key_none"):
            keyring.unwrap(session, "key_none")


def test_a_shredded_key_is_gone_with_all_below_it(
    change: Any, units: Units, engine: Engine, keyring: Keyring, kek: str
) -> None:
    with change() as session:
        dek = keyring.create(session, role="dek", owner="obj_1", parent=kek)
        other = keyring.create(session, role="record", owner=OTHER)
    with change() as session:
        keyring.shred(session, kek)
        keyring.shred(session, kek)
    assert column(engine, kek, "wrapped") is None
    assert column(engine, kek, "shredded_at") is not None
    with units.read() as session:
        for key_id in (kek, dek):
            with pytest.raises(KeyShredded, match=kek):
                keyring.unwrap(session, key_id)
        keyring.unwrap(session, other)


def test_a_shredded_key_is_not_made_anew(change: Any, keyring: Keyring, kek: str) -> None:
    with change() as session:
        keyring.shred(session, kek)
    with change() as session, pytest.raises(KeyShredded):
        keyring.seal_text(session, owner=MATTER, context="title", text="x")


@pytest.fixture
def dek(change: Any, keyring: Keyring, kek: str) -> str:
    with change() as session:
        return keyring.create(session, role="dek", owner="obj_1", parent=kek)


@pytest.mark.parametrize("change_of", ["role = 'record'", "owner = 'mat_2'", "parent_id = NULL"])
def test_a_row_moved_to_another_place_does_not_open(
    units: Units, engine: Engine, keyring: Keyring, dek: str, change_of: str
) -> None:
    rewrite(engine, f'UPDATE "key" SET {change_of} WHERE id = :id', id=dek)
    with units.read() as session, pytest.raises(KeyTampered, match=dek):
        keyring.unwrap(session, dek)


def test_the_wrapped_bytes_of_another_key_do_not_open(
    change: Any, units: Units, engine: Engine, keyring: Keyring, kek: str
) -> None:
    with change() as session:
        one, two = (keyring.create(session, role="dek", owner=f"obj_{n}", parent=kek) for n in (1, 2))
    for name in ("wrapped", "commitment"):
        rewrite(engine, f'UPDATE "key" SET {name} = :value WHERE id = :id', id=one, value=column(engine, two, name))
        with units.read() as session, pytest.raises(KeyTampered, match=one):
            keyring.unwrap(session, one)


def test_a_commitment_that_does_not_fit_is_noticed(
    change: Any, units: Units, engine: Engine, keyring: Keyring, kek: str
) -> None:
    rewrite(engine, 'UPDATE "key" SET commitment = :value WHERE id = :id', id=kek, value=bytes(32))
    with units.read() as session, pytest.raises(KeyTampered, match=kek):
        keyring.unwrap(session, kek)


def test_another_tenant_or_root_opens_nothing(units: Units, keyring: Keyring, provider: KeyProvider, kek: str) -> None:
    class AnotherRoot:
        name = "other"

        def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
            raise AssertionError

        def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
            raise EnvelopeTampered("A sealed value does not open.")

    for ring in (Keyring(provider, "tenant-2", SystemClock()), Keyring(AnotherRoot(), "tenant-1", SystemClock())):
        with units.read() as session, pytest.raises(KeyTampered, match="another root key"):
            ring.unwrap(session, kek)


def test_keys_that_hang_in_a_circle_are_refused(units: Units, engine: Engine, keyring: Keyring, kek: str) -> None:
    rewrite(engine, 'UPDATE "key" SET parent_id = :id WHERE id = :id', id=kek)
    with units.read() as session, pytest.raises(KeyTampered):
        keyring.unwrap(session, kek)


def test_texts_are_sealed_per_owner_and_context(change: Any, units: Units, keyring: Keyring) -> None:
    with change() as session:
        sealed = keyring.seal_text(session, owner=MATTER, context="title", text="磁体 Anfrage")
        keyring.seal_text(session, owner=OTHER, context="title", text="x")
        raw = keyring.seal_bytes(session, owner=MATTER, context="logo", data=b"\0\xff")
    with units.read() as session:
        assert keyring.open_text(session, owner=MATTER, context="title", sealed=sealed) == "磁体 Anfrage"
        assert keyring.open_bytes(session, owner=MATTER, context="logo", sealed=raw) == b"\0\xff"
        for owner, context in ((MATTER, "name"), (OTHER, "title")):
            with pytest.raises(EnvelopeTampered, match=f"{context} of {owner}"):
                keyring.open_text(session, owner=owner, context=context, sealed=sealed)
        with pytest.raises(KeyMissing):
            keyring.open_text(session, owner=DEPLOYMENT, context="title", sealed=sealed)
