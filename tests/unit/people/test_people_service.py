"""Founding, enrolment, roles, tokens and retirement on a real database with the real log and keyring."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.problems import Problem
from gateway.base.text import UnsafeText
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.people import model, rules
from gateway.people.model import Actor, Founder, IssuedToken, Permission, Person, PersonState, Role
from gateway.people.service import People
from gateway.people.statements import enrolment_statement, founding_statement, token_statement
from gateway.seal.envelope import unwrap, wrap
from gateway.seal.signature import BadKey, SigningKey, from_text, to_text
from gateway.verify import verify
from tests.support.databases import Database

START = datetime(2026, 1, 31, 8, tzinfo=UTC)
ALL = frozenset(Permission)
# The order of the prime-order group: adding it to S gives a second encoding of the same signature.
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time


class RootInMemory:
    name = "memory"

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        return wrap(self._key, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        return unwrap(self._key, wrapped, aad)


class Member:
    """A person with the private key that never reaches the service."""

    def __init__(self, house: House, person: Person, key: SigningKey) -> None:
        self.house = house
        self.id = person.id
        self.key = key

    def token(self, scopes: Collection[Permission] | None = None, **terms: Any) -> IssuedToken:
        statement = self.house.terms(self.id, scopes, **terms)
        return self.house.people.issue_token(statement, self.key.sign(statement))

    def acts(self) -> Actor:
        return self.house.people.authenticate(self.token().token)


class House:
    """A deployment in a temporary folder."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.clock = Hands()
        self.database = database
        self.engine = database.engine_with_tables(folder)
        self.units = Units(self.engine)
        self.keyring = Keyring(RootInMemory(), "plant-7", self.clock)
        self.log = Log(self.units, self.keyring, self.clock, "example.com/plant-7")
        self.people = People(self.units, self.keyring, self.log, self.clock)

    def found(self, *roles: set[Role], at: datetime | None = None) -> list[Member]:
        at = at or self.clock.now()
        keys = [SigningKey.generate() for _ in roles]
        first, second = ((to_text(key.public), held) for key, held in zip(keys, roles, strict=True))
        statement = self.people.founding_statement(first, second, at)
        founders = [
            Founder(f"Founder {place}", frozenset(held), to_text(key.public), key.sign(statement))
            for place, (key, held) in enumerate(zip(keys, roles, strict=True))
        ]
        people = self.people.found(founders[0], founders[1], at=at)
        return [Member(self, person, key) for person, key in zip(people, keys, strict=True)]

    def propose(self, proposer: Member, *roles: Role, name: str = "Somebody") -> Member:
        key = SigningKey.generate()
        person = self.people.propose(proposer.acts(), name=name, roles=roles, public_key=to_text(key.public))
        return Member(self, person, key)

    def enrol(self, proposer: Member, second: Member, *roles: Role, name: str = "Somebody") -> Member:
        member = self.propose(proposer, *roles, name=name)
        signature = second.key.sign(self.people.enrolment_statement(member.id))
        self.people.countersign(second.acts(), member.id, signature)
        return member

    def terms(self, person_id: str, scopes: Collection[Permission] | None = None, **terms: Any) -> bytes:
        if scopes is None:
            scopes = rules.permissions_of(self.people.person(person_id).roles) or {Permission.MATTER_READ}
        now = self.clock.now()
        values = {"nonce": secrets.token_urlsafe(16), "issued_at": now, "expires_at": now + timedelta(hours=1), **terms}
        return token_statement(person=person_id, scopes=scopes, **values)

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(leaf) for leaf in self.log.entries(0, self.log.size())]

    def last(self) -> dict[str, Any]:
        return self.entries()[-1]

    def disk(self) -> bytes:
        return self.database.disk(self.engine)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(tmp_path, database)


@pytest.fixture
def founders(house: House) -> list[Member]:
    return house.found({Role.ADMINISTRATOR, Role.DISPATCHER}, {Role.LEGAL})


def refused(house: House, problem: type[Problem], act_type: str, act: Callable[[], object]) -> Problem:
    """`act` is refused with exactly one new entry, which the problem names, and changes nothing else."""
    size = house.log.size() or 1  # the log's first entry is its own
    with pytest.raises(problem) as caught:
        act()
    assert house.log.size() == size + 1
    assert caught.value.members["entry"] == size
    assert house.last()["type"] == act_type
    assert house.last()["facts"] == {"problem": problem.slug}
    return caught.value


def test_founders_are_active_and_anybody_can_check_the_ceremony_from_its_entry(house: House) -> None:
    admin, legal = house.found({Role.ADMINISTRATOR}, {Role.LEGAL})
    assert house.people.person(admin.id) == Person(
        admin.id, "Founder 0", frozenset({Role.ADMINISTRATOR}), to_text(admin.key.public), PersonState.ACTIVE
    )
    [index] = house.people.enrolment_entries(legal.id)
    entry = json.loads(house.log.entry(index))
    facts = entry["facts"]
    assert entry["type"] == "deployment.founded"
    assert [person["person"] for person in facts["people"]] == [admin.id, legal.id]
    statement = founding_statement(
        deployment=facts["deployment"],
        founders=[(person["key"], [Role(role) for role in person["roles"]]) for person in facts["people"]],
        at=times.from_text(facts["at"]),
    )
    for person in facts["people"]:
        from_text(person["key"]).verify(bytes.fromhex(person["signature"]), statement)
    assert house.log.body(index) == {"names": {admin.id: "Founder 0", legal.id: "Founder 1"}}


def test_a_deployment_is_founded_once(house: House, founders: list[Member]) -> None:
    refused(house, model.AlreadyFounded, "founding.refused", lambda: house.found({Role.ADMINISTRATOR}, {Role.LEGAL}))
    assert len(house.people.everybody()) == 2


@pytest.mark.parametrize("place", [0, 1])
def test_each_founder_signs(house: House, place: int) -> None:
    keys = [SigningKey.generate(), SigningKey.generate()]
    roles = [frozenset({Role.ADMINISTRATOR}), frozenset({Role.LEGAL})]
    first, second = [(to_text(key.public), held) for key, held in zip(keys, roles, strict=True)]
    statement = house.people.founding_statement(first, second, START)
    signatures = [key.sign(statement) for key in keys]
    signatures[place] = signatures[1 - place]
    one, other = [
        Founder("F", held, text, signature) for (text, held), signature in zip([first, second], signatures, strict=True)
    ]
    refused(house, model.SignatureRefused, "founding.refused", lambda: house.people.found(one, other, at=START))
    assert house.people.everybody() == ()
    house.found({Role.ADMINISTRATOR}, {Role.LEGAL})


def test_founders_are_two_people_with_two_keys_who_can_enrol_a_third_today(house: House) -> None:
    key = SigningKey.generate()
    text = to_text(key.public)
    roles = frozenset({Role.ADMINISTRATOR})
    statement = house.people.founding_statement((text, roles), (text, roles), START)
    twice = Founder("F", roles, text, key.sign(statement))
    refused(house, model.FoundingRefused, "founding.refused", lambda: house.people.found(twice, twice, at=START))
    refused(house, model.FoundingRefused, "founding.refused", lambda: house.found({Role.LEGAL}, {Role.LEGAL}))
    pair = ({Role.ADMINISTRATOR}, {Role.LEGAL})
    yesterday = START - timedelta(hours=25)
    refused(house, model.FoundingRefused, "founding.refused", lambda: house.found(*pair, at=yesterday))
    with pytest.raises(UnsafeText):
        house.people.found(Founder("", roles, text, b""), twice, at=START)


def test_a_proposed_person_can_do_nothing(house: House, founders: list[Member]) -> None:
    member = house.propose(founders[0], Role.COMPLIANCE, name="Weiwei Example")
    person = house.people.person(member.id)
    assert (person.name, person.state, person.roles) == ("Weiwei Example", PersonState.PROPOSED, frozenset())
    assert house.people.enrolment_entries(member.id) == []
    [proposal] = house.people.proposals()
    assert (proposal.person_id, proposal.roles) == (member.id, frozenset({Role.COMPLIANCE}))
    assert proposal.statement == house.people.enrolment_statement(member.id)
    refused(house, model.PersonNotActive, "token.refused", member.token)
    with pytest.raises(model.PersonNotActive):
        house.people.public_key(member.id)


def test_a_second_signature_enrols_and_its_entry_proves_key_and_roles(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.enrol(admin, legal, Role.PRIVACY, Role.LEGAL)
    founding, index = house.people.enrolment_entries(member.id)
    assert house.people.enrolment_entries(legal.id) == [founding]
    entry = json.loads(house.log.entry(index))
    facts = entry["facts"]
    assert (entry["type"], entry["actor"], entry["subject"]) == ("person.enrolled", legal.id, member.id)
    statement = enrolment_statement(
        person=facts["person"],
        key=facts["key"],
        roles=[Role(role) for role in facts["roles"]],
        proposer=facts["proposer"],
        at=times.from_text(facts["at"]),
    )
    assert facts["statement_sha256"] == hashlib.sha256(statement).hexdigest()
    legal.key.public.verify(bytes.fromhex(facts["signature"]), statement)
    assert (facts["person"], facts["key"]) == (member.id, to_text(member.key.public))
    assert (facts["roles"], facts["proposer"], facts["countersigner"]) == (["legal", "privacy"], admin.id, legal.id)
    assert house.people.public_key(member.id) == member.key.public
    assert member.acts().roles == {Role.LEGAL, Role.PRIVACY}
    assert house.people.proposals() == ()
    with pytest.raises(model.NothingProposed):
        house.people.countersign(legal.acts(), member.id, b"")


def test_the_proposer_does_not_countersign(house: House, founders: list[Member]) -> None:
    member = house.propose(founders[0], Role.LEGAL)
    admin = founders[0].acts()
    signature = founders[0].key.sign(house.people.enrolment_statement(member.id))
    refused(
        house,
        model.SecondPersonNeeded,
        "person.refused",
        lambda: house.people.countersign(admin, member.id, signature),
    )
    assert house.last()["subject"] == member.id
    assert house.people.person(member.id).state is PersonState.PROPOSED


def test_the_signature_is_the_second_persons_own_over_these_very_roles(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.propose(admin, Role.ORIGINATOR)
    actor = legal.acts()
    statement = house.people.enrolment_statement(member.id)
    good = legal.key.sign(statement)
    twin = good[:32] + (int.from_bytes(good[32:], "little") + GROUP_ORDER).to_bytes(32, "little")
    for signature in (
        admin.key.sign(statement),
        member.key.sign(statement),
        legal.key.sign(statement.replace(b"originator", b"compliance")),
        good[:-1],
        twin,
        b"",
    ):
        refused(
            house,
            model.SignatureRefused,
            "person.refused",
            partial(house.people.countersign, actor, member.id, signature),
        )
    house.people.countersign(actor, member.id, good)


def test_who_may_not_propose_or_countersign(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    officer = house.enrol(admin, legal, Role.COMPLIANCE)
    member = house.propose(admin, Role.LEGAL)
    with pytest.raises(model.NotPermitted):
        house.people.countersign(officer.acts(), member.id, b"")
    forged = Actor(officer.id, frozenset(), ALL)
    refused(house, model.NotPermitted, "person.refused", lambda: house.people.countersign(forged, member.id, b""))
    key = to_text(SigningKey.generate().public)
    for actor in (legal.acts(), officer.acts()):
        with pytest.raises(model.NotPermitted):
            house.people.propose(actor, name="X", roles=[Role.LEGAL], public_key=key)
    refused(
        house,
        model.NotPermitted,
        "person.refused",
        lambda: house.people.propose(forged, name="X", roles=[Role.LEGAL], public_key=key),
    )


def test_one_key_belongs_to_one_person_for_ever(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.propose(admin, Role.LEGAL)
    house.people.retire(admin.acts(), member.id)
    actor = admin.acts()
    for key in (member.key, legal.key):
        with pytest.raises(model.KeyTaken):
            house.people.propose(actor, name="Other", roles=[Role.LEGAL], public_key=to_text(key.public))
    for spelled in ("ed25519:AAAA", "", to_text(legal.key.public) + "\n", "ed25519:" + "A" * 43 + "="):
        with pytest.raises(BadKey):
            house.people.propose(actor, name="Other", roles=[Role.LEGAL], public_key=spelled)


def test_incompatible_roles_are_refused_when_proposed(house: House, founders: list[Member]) -> None:
    actor = founders[0].acts()
    key = to_text(SigningKey.generate().public)
    for roles in ([Role.ADMINISTRATOR, Role.LEGAL], [Role.AUDITOR, Role.DISPATCHER], []):
        refused(
            house,
            model.RolesRefused,
            "person.refused",
            partial(house.people.propose, actor, name="X", roles=roles, public_key=key),
        )
    refused(
        house,
        model.RolesRefused,
        "roles.refused",
        lambda: house.people.propose_roles(actor, founders[1].id, [Role.AUDITOR]),
    )


def test_what_a_retired_administrator_proposed_is_void(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    second = house.enrol(admin, legal, Role.ADMINISTRATOR)
    member = house.propose(admin, Role.PRIVACY)
    signature = legal.key.sign(house.people.enrolment_statement(member.id))
    house.people.retire(second.acts(), admin.id)
    with pytest.raises(model.NothingProposed):
        house.people.countersign(legal.acts(), member.id, signature)


def test_a_grant_takes_a_second_signature_and_adds_its_entry(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    reviewer = house.enrol(admin, legal, Role.LEGAL)
    before = house.people.enrolment_entries(reviewer.id)
    proposal = house.people.propose_roles(admin.acts(), reviewer.id, [Role.LEGAL, Role.PRIVACY])
    assert proposal.roles == {Role.PRIVACY}
    assert house.people.person(reviewer.id).roles == {Role.LEGAL}
    for member, problem in ((reviewer, model.SecondPersonNeeded), (admin, model.SecondPersonNeeded)):
        actor = member.acts()
        refused(
            house,
            problem,
            "roles.refused",
            partial(house.people.countersign_roles, actor, proposal.id, member.key.sign(proposal.statement)),
        )
    legal_acts = legal.acts()
    refused(
        house,
        model.SignatureRefused,
        "roles.refused",
        lambda: house.people.countersign_roles(legal_acts, proposal.id, admin.key.sign(proposal.statement)),
    )
    house.people.countersign_roles(legal_acts, proposal.id, legal.key.sign(proposal.statement))
    assert house.people.person(reviewer.id).roles == {Role.LEGAL, Role.PRIVACY}
    *first, second = house.people.enrolment_entries(reviewer.id)
    assert first == before
    granted = json.loads(house.log.entry(second))
    assert granted["type"] == "roles.granted"
    assert granted["facts"]["roles"] == ["privacy"]
    assert granted["facts"]["key"] == to_text(reviewer.key.public)
    with pytest.raises(model.NothingProposed):
        house.people.countersign_roles(legal_acts, proposal.id, legal.key.sign(proposal.statement))
    with pytest.raises(model.NothingProposed):
        house.people.propose_roles(admin.acts(), reviewer.id, [Role.PRIVACY])


def test_two_grants_that_do_not_go_together_meet_only_once(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.enrol(admin, legal, Role.DISPATCHER)
    grants = [
        house.people.propose_roles(admin.acts(), member.id, [role]) for role in (Role.ADMINISTRATOR, Role.PRIVACY)
    ]
    actor = legal.acts()
    house.people.countersign_roles(actor, grants[0].id, legal.key.sign(grants[0].statement))
    refused(
        house,
        model.RolesRefused,
        "roles.refused",
        lambda: house.people.countersign_roles(actor, grants[1].id, legal.key.sign(grants[1].statement)),
    )
    assert house.people.person(member.id).roles == {Role.DISPATCHER, Role.ADMINISTRATOR}


def test_a_removed_role_is_gone_from_tokens_given_before(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    reviewer = house.enrol(admin, legal, Role.LEGAL)
    proposal = house.people.propose_roles(admin.acts(), reviewer.id, [Role.COMPLIANCE])
    house.people.countersign_roles(legal.acts(), proposal.id, legal.key.sign(proposal.statement))
    token = reviewer.token().token
    house.people.authenticate(token).require(Permission.RELEASE_BUILD)
    house.people.remove_roles(admin.acts(), reviewer.id, [Role.COMPLIANCE])
    actor = house.people.authenticate(token)
    assert actor.roles == {Role.LEGAL}
    assert actor.scopes == rules.permissions_of({Role.LEGAL})
    assert len(house.people.enrolment_entries(reviewer.id)) == 2
    removed = house.last()
    assert (removed["type"], removed["facts"]) == ("roles.removed", {"person": reviewer.id, "roles": ["compliance"]})
    with pytest.raises(model.NothingProposed):
        house.people.remove_roles(admin.acts(), reviewer.id, [Role.COMPLIANCE])
    with pytest.raises(model.NothingProposed):
        house.people.remove_roles(admin.acts(), reviewer.id, [Role.LEGAL])


def test_an_act_of_somebody_retired_meanwhile_is_refused(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    other = house.enrol(admin, legal, Role.ADMINISTRATOR)
    reviewer = house.enrol(admin, legal, Role.PRIVACY)
    member = house.propose(admin, Role.LEGAL)
    earlier, earlier_admin = reviewer.acts(), other.acts()
    house.people.retire(admin.acts(), reviewer.id)
    house.people.retire(admin.acts(), other.id)
    signature = reviewer.key.sign(house.people.enrolment_statement(member.id))
    key = to_text(SigningKey.generate().public)
    people = house.people
    for act_type, act in (
        ("person.refused", lambda: people.countersign(earlier, member.id, signature)),
        ("person.refused", lambda: people.propose(earlier_admin, name="X", roles=[Role.LEGAL], public_key=key)),
        ("person.refused", lambda: people.retire(earlier_admin, legal.id)),
        ("roles.refused", lambda: people.propose_roles(earlier_admin, legal.id, [Role.PRIVACY])),
        ("roles.refused", lambda: people.remove_roles(earlier_admin, legal.id, [Role.LEGAL])),
        ("token.refused", lambda: people.revoke_tokens(earlier_admin, legal.id)),
    ):
        refused(house, model.PersonNotActive, act_type, act)


def test_retirement_ends_tokens_key_and_roles_but_not_the_proof(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    reviewer = house.enrol(admin, legal, Role.LEGAL)
    entries = house.people.enrolment_entries(reviewer.id)
    token, _other = reviewer.token().token, reviewer.token()
    waiting = house.people.propose_roles(admin.acts(), reviewer.id, [Role.PRIVACY])
    person = house.people.retire(admin.acts(), reviewer.id)
    assert (person.state, person.roles) == (PersonState.RETIRED, frozenset())
    assert (house.last()["type"], house.last()["facts"]["tokens_revoked"]) == ("person.retired", 2)
    with pytest.raises(model.TokenNotValid):
        house.people.authenticate(token)
    refused(house, model.PersonNotActive, "token.refused", reviewer.token)
    with pytest.raises(model.PersonNotActive):
        house.people.public_key(reviewer.id)
    assert house.people.enrolment_entries(reviewer.id) == entries
    assert house.people.proposals() == ()
    with pytest.raises(model.NothingProposed):
        house.people.countersign_roles(legal.acts(), waiting.id, legal.key.sign(waiting.statement))
    with pytest.raises(model.NothingProposed):
        house.people.retire(admin.acts(), reviewer.id)


def test_retirement_ends_tokens_twice_over(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    reviewer = house.enrol(admin, legal, Role.LEGAL)
    token = reviewer.token().token
    house.people.retire(admin.acts(), reviewer.id)
    assert house.people.revoke_tokens(admin.acts(), reviewer.id) == 0
    with house.engine.begin() as connection:
        connection.execute(text("UPDATE token SET revoked_at = NULL"))
    with pytest.raises(model.TokenNotValid):
        house.people.authenticate(token)


def test_a_narrowed_token_does_not_do_what_the_roles_may(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.propose(admin, Role.LEGAL)
    grant = house.people.propose_roles(admin.acts(), legal.id, [Role.PRIVACY])
    narrow = house.people.authenticate(admin.token({Permission.PEOPLE_READ}).token)
    narrow_legal = house.people.authenticate(legal.token({Permission.PEOPLE_READ}).token)
    people = house.people
    size = house.log.size()
    for act in (
        lambda: people.propose(narrow, name="X", roles=[Role.LEGAL], public_key=to_text(SigningKey.generate().public)),
        lambda: people.propose_roles(narrow, legal.id, [Role.COMPLIANCE]),
        lambda: people.remove_roles(narrow, legal.id, [Role.LEGAL]),
        lambda: people.retire(narrow, member.id),
        lambda: people.revoke_tokens(narrow, legal.id),
        lambda: people.countersign(narrow_legal, member.id, legal.key.sign(people.enrolment_statement(member.id))),
        lambda: people.countersign_roles(narrow_legal, grant.id, legal.key.sign(grant.statement)),
    ):
        with pytest.raises(model.NotPermitted):
            act()
    assert house.log.size() == size


def test_a_waiting_grant_or_a_withdrawn_proposal_is_no_enrolment(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    house.people.propose_roles(admin.acts(), legal.id, [Role.PRIVACY])
    withdrawn = house.propose(admin, Role.LEGAL)
    house.people.retire(admin.acts(), withdrawn.id)
    for person_id in (legal.id, withdrawn.id):
        with pytest.raises(model.NothingProposed):
            house.people.enrolment_statement(person_id)
        with pytest.raises(model.NothingProposed):
            house.people.countersign(legal.acts(), person_id, b"")


def test_somebody_retired_does_not_count_as_remaining(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    second = house.enrol(admin, legal, Role.ADMINISTRATOR)
    house.people.retire(admin.acts(), second.id)
    actor = admin.acts()
    refused(house, model.LastOnes, "person.refused", lambda: house.people.retire(actor, admin.id))


def test_somebody_always_remains_who_can_enrol(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    actor = admin.acts()
    for person_id in (admin.id, legal.id):
        refused(house, model.LastOnes, "person.refused", partial(house.people.retire, actor, person_id))
    refused(
        house,
        model.LastOnes,
        "roles.refused",
        lambda: house.people.remove_roles(actor, admin.id, [Role.ADMINISTRATOR]),
    )
    house.people.remove_roles(actor, admin.id, [Role.DISPATCHER])


def test_unknown_ids_are_not_found(house: House, founders: list[Member]) -> None:
    actor = founders[0].acts()
    for act in (
        lambda: house.people.person("per_unknown"),
        lambda: house.people.enrolment_statement("per_unknown"),
        lambda: house.people.countersign(actor, "per_unknown", b""),
        lambda: house.people.countersign_roles(actor, "prop_unknown", b""),
        lambda: house.people.propose_roles(actor, "per_unknown", [Role.LEGAL]),
        lambda: house.people.retire(actor, "per_unknown"),
        lambda: house.people.revoke_tokens(actor, "per_unknown"),
    ):
        with pytest.raises(model.NoSuchPerson):
            act()


def test_a_refusal_with_a_strange_id_is_still_logged(house: House, founders: list[Member]) -> None:
    forged = Actor(founders[1].id, frozenset(), ALL)
    strange = "no id, 姓名 and far too long " * 20
    refused(house, model.NotPermitted, "person.refused", lambda: house.people.retire(forged, strange))
    assert "subject" not in house.last()


def test_a_token_says_who_comes_and_for_what(house: House, founders: list[Member]) -> None:
    issued = founders[1].token({Permission.MATTER_READ})
    actor = house.people.authenticate(issued.token)
    assert actor == Actor(founders[1].id, frozenset({Role.LEGAL}), frozenset({Permission.MATTER_READ}))
    assert house.last()["type"] == "token.issued"
    assert house.last()["facts"] == {
        "person": founders[1].id,
        "scopes": ["matter.read"],
        "expires_at": times.to_text(START + timedelta(hours=1)),
    }
    assert issued.token not in repr(issued)
    for token in ("", "gwt_", issued.token[:-1], issued.token + "\n", issued.token.swapcase(), "gwt_" + "é" * 43):
        with pytest.raises(model.TokenNotValid):
            house.people.authenticate(token)


def test_a_token_ends_when_it_said(house: House, founders: list[Member]) -> None:
    token = founders[1].token().token
    house.clock.time = START + timedelta(minutes=59)
    house.people.authenticate(token)
    house.clock.time = START + timedelta(hours=1)
    with pytest.raises(model.TokenNotValid):
        house.people.authenticate(token)


def test_a_token_statement_is_used_once(house: House, founders: list[Member]) -> None:
    legal = founders[1]
    statement = house.terms(legal.id)
    signature = legal.key.sign(statement)
    house.people.issue_token(statement, signature)
    refused(house, model.TokenReplayed, "token.refused", lambda: house.people.issue_token(statement, signature))
    house.people.revoke_tokens(legal.acts(), legal.id)
    refused(house, model.TokenReplayed, "token.refused", lambda: house.people.issue_token(statement, signature))
    again = house.terms(legal.id, {Permission.MATTER_READ}, nonce=json.loads(statement)["nonce"])
    refused(house, model.TokenReplayed, "token.refused", lambda: house.people.issue_token(again, legal.key.sign(again)))


def test_a_token_statement_is_signed_by_its_own_person(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    statement = house.terms(legal.id)
    for signature in (admin.key.sign(statement), b"", legal.key.sign(statement + b" ")):
        refused(
            house,
            model.SignatureRefused,
            "token.refused",
            partial(house.people.issue_token, statement, signature),
        )
        assert (house.last()["actor"], house.last()["subject"]) == ("nobody", legal.id)
    unknown = house.terms("per_01kfz3v0000000000000000000", {Permission.MATTER_READ})
    refused(
        house,
        model.PersonNotActive,
        "token.refused",
        lambda: house.people.issue_token(unknown, legal.key.sign(unknown)),
    )


@pytest.mark.parametrize(
    "terms",
    [
        {"issued_at": START - timedelta(minutes=5, milliseconds=1)},
        {"issued_at": START + timedelta(minutes=5, milliseconds=1)},
        {"expires_at": START + timedelta(hours=12, milliseconds=1)},
        {"expires_at": START},
    ],
)
def test_terms_that_are_refused(house: House, founders: list[Member], terms: dict[str, Any]) -> None:
    refused(house, model.TokenTermsRefused, "token.refused", lambda: founders[1].token(**terms))


def test_terms_at_the_border_are_taken(house: House, founders: list[Member]) -> None:
    founders[1].token(issued_at=START - timedelta(minutes=5), expires_at=START + timedelta(hours=11))
    founders[1].token(expires_at=START + timedelta(hours=12))


def test_a_token_is_never_wider_than_the_roles(house: House, founders: list[Member]) -> None:
    refused(
        house,
        model.NotPermitted,
        "token.refused",
        lambda: founders[1].token({Permission.RELEASE_APPROVE, Permission.RELEASE_DISPATCH}),
    )


def test_tokens_are_revoked_by_oneself_or_an_administrator(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    other = house.enrol(admin, legal, Role.LEGAL)
    token = legal.token().token
    with pytest.raises(model.NotPermitted):
        house.people.revoke_tokens(other.acts(), legal.id)
    house.people.authenticate(token)
    assert house.people.revoke_tokens(admin.acts(), legal.id) >= 1
    assert house.last()["type"] == "token.revoked"
    with pytest.raises(model.TokenNotValid):
        house.people.authenticate(token)
    own = other.acts()
    assert house.people.revoke_tokens(own, other.id) == 2
    assert house.people.revoke_tokens(own, other.id) == 0


def test_standing_is_seen_from_inside_the_callers_unit(house: House, founders: list[Member]) -> None:
    _admin, legal = founders
    with house.units.read() as session:
        standing = house.people.standing(session, legal.id)
        assert house.people.enrolment_entries(legal.id, session) == house.people.enrolment_entries(legal.id)
    assert (standing.roles, standing.public_key) == (frozenset({Role.LEGAL}), to_text(legal.key.public))
    standing.require_active()


def test_the_entries_convince_the_offline_verifier_from_the_founding_on(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    second = house.enrol(admin, legal, Role.LEGAL)
    third = house.enrol(admin, second, Role.PRIVACY)
    house.enrol(admin, third, Role.ORIGINATOR)
    grant = house.people.propose_roles(admin.acts(), third.id, [Role.LEGAL])
    house.people.countersign_roles(second.acts(), grant.id, second.key.sign(grant.statement))
    register: dict[str, tuple[str, list[str]]] = {}
    indexes = house.people.enrolment_entries(third.id)
    for index in indexes:
        verify.enrol(register, json.loads(house.log.entry(index)), f"Entry {index}")
    assert register == {
        admin.id: (to_text(admin.key.public), ["administrator", "dispatcher"]),
        legal.id: (to_text(legal.key.public), ["legal"]),
        second.id: (to_text(second.key.public), ["legal"]),
        third.id: (to_text(third.key.public), ["privacy", "legal"]),
    }
    for left_out in indexes:
        partial_register: dict[str, tuple[str, list[str]]] = {}
        with suppress(verify.Mismatch):
            for index in indexes:
                if index != left_out:
                    verify.enrol(partial_register, json.loads(house.log.entry(index)), f"Entry {index}")
        assert partial_register.get(third.id) != register[third.id]


def test_four_people_are_enough(house: House) -> None:
    dispatcher, legal = house.found({Role.ADMINISTRATOR, Role.DISPATCHER}, {Role.LEGAL})
    author = house.enrol(dispatcher, legal, Role.ORIGINATOR, Role.COMPLIANCE)
    second = house.enrol(dispatcher, legal, Role.LEGAL, Role.PRIVACY)
    held = {member.id: member.acts().scopes for member in (dispatcher, legal, author, second)}
    journey = ALL - {Permission.PEOPLE_PROPOSE, Permission.PEOPLE_COUNTERSIGN}
    assert journey <= frozenset().union(*held.values())
    assert [person_id for person_id, scopes in held.items() if Permission.RELEASE_APPROVE in scopes] == [
        legal.id,
        second.id,
    ]
    assert not held[dispatcher.id] & rules.SHOWS_CONTENT
    house.people.retire(dispatcher.acts(), legal.id)
    house.enrol(dispatcher, second, Role.LEGAL)


def test_no_name_and_no_token_lies_in_clear_on_the_disk(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.enrol(admin, legal, Role.LEGAL, name="Weiwei Unmistakable 韦薇")
    issued = member.token()
    assert [person.name for person in house.people.everybody()][2] == "Weiwei Unmistakable 韦薇"
    disk = house.disk()
    assert member.id.encode() in disk
    for clear in ("Unmistakable", "韦薇", "Founder 0", "Founder 1", issued.token, issued.token[4:]):
        assert clear.encode() not in disk
    for seed in (admin.key.seed, legal.key.seed, member.key.seed):
        assert seed not in disk


def test_a_change_that_cannot_be_logged_does_not_happen(house: House, founders: list[Member]) -> None:
    admin, legal = founders
    member = house.propose(admin, Role.LEGAL)
    actor = legal.acts()
    signature = legal.key.sign(house.people.enrolment_statement(member.id))

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO audit_entry"):
            raise RuntimeError("power cut")

    event.listen(house.engine, "before_cursor_execute", fail)
    with suppress(RuntimeError):
        house.people.countersign(actor, member.id, signature)
    event.remove(house.engine, "before_cursor_execute", fail)
    assert house.people.person(member.id).state is PersonState.PROPOSED
    house.people.countersign(actor, member.id, signature)
