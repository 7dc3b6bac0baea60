"""Somebody with write access to the database, without the passphrase, makes themselves somebody."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from gateway.base.problems import CheckFailed
from gateway.people.model import Permission, RegisterChanged, TokenNotValid
from gateway.people.statements import token_statement
from gateway.seal.signature import SigningKey, to_text
from tests.attacks.conftest import Write
from tests.support.world import World


def ask(world: World, name: str, scopes: frozenset[Permission], *, key: SigningKey | None = None) -> str:
    now = world.gateway.clock.now().replace(microsecond=0)
    statement = token_statement(
        person=world.actors[name].person_id,
        scopes=scopes,
        nonce="nonce-of-sixteen-signs",
        issued_at=now,
        expires_at=now + timedelta(minutes=9),
    )
    return world.gateway.people.issue_token(statement, (key or world.keys[name]).sign(statement)).token


def test_a_token_row_made_up_opens_nothing(world: World, write: Write) -> None:
    own = ask(world, "auditor", frozenset({Permission.AUDIT_READ}))
    builder, token = world.actors["builder"], "gwt_" + "A" * 43
    write(
        "INSERT INTO token SELECT ?, ?, ?, 'n', terms_sealed, issued_at, expires_at, NULL FROM token",
        hashlib.sha256(token.encode()).hexdigest(),
        builder.person_id,
        " ".join(sorted(builder.scopes)),
    )
    with pytest.raises(CheckFailed):
        world.gateway.people.authenticate(token)
    assert world.gateway.people.authenticate(own).scopes == {Permission.AUDIT_READ}


@pytest.mark.parametrize(
    "change",
    [
        "person_id = (SELECT uploader FROM original LIMIT 1)",
        "scopes = 'original.open'",
        "expires_at = '2099-01-31T08:00:00.000Z'",
    ],
)
def test_a_token_row_changed_opens_nothing(world: World, write: Write, change: str) -> None:
    world.upload(world.matter(), "customer_list", b"a;b\r\n1;2\r\n")
    token = ask(world, "legal1", frozenset({Permission.MATTER_READ}))
    write(f"UPDATE token SET {change}")
    with pytest.raises(TokenNotValid):
        world.gateway.people.authenticate(token)


def test_a_role_written_into_the_register_is_not_held(world: World, write: Write) -> None:
    token = ask(world, "auditor", frozenset({Permission.AUDIT_READ}))
    person = world.actors["auditor"].person_id
    ((index,),) = write("SELECT entry FROM person_role WHERE person_id = ?", person)
    write("INSERT INTO person_role VALUES (?, 'compliance', ?)", person, index)
    with pytest.raises(RegisterChanged):
        world.gateway.people.authenticate(token)
    with pytest.raises(RegisterChanged):
        ask(world, "auditor", frozenset({Permission.ORIGINAL_OPEN}))


def test_a_role_with_the_entry_of_somebody_else_is_not_held(world: World, write: Write) -> None:
    person = world.actors["dispatcher"].person_id
    ((index,),) = write("SELECT entry FROM person_role WHERE person_id = ?", world.actors["legal2"].person_id)[:1]
    write("INSERT INTO person_role VALUES (?, 'legal', ?)", person, index)
    with pytest.raises(RegisterChanged):
        ask(world, "dispatcher", frozenset({Permission.AUDIT_READ}))


def test_a_key_put_in_place_of_anothers_signs_for_nobody(world: World, write: Write) -> None:
    mine = SigningKey.generate()
    write("UPDATE person SET public_key = ? WHERE id = ?", to_text(mine.public), world.actors["builder"].person_id)
    with pytest.raises(RegisterChanged):
        ask(world, "builder", frozenset({Permission.MATTER_READ}), key=mine)
    with pytest.raises(RegisterChanged):
        world.gateway.people.public_key(world.actors["builder"].person_id)
