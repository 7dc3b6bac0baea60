"""Promise 6: nobody alone lets something out, brings somebody in, or looks at an original unseen."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import combinations
from pathlib import Path
from types import MappingProxyType

import pytest
from sqlalchemy.orm import Session

from gateway.app import compose
from gateway.audit.service import Log
from gateway.base.clock import SystemClock
from gateway.base.problems import Problem
from gateway.people import rules
from gateway.people.model import Actor, Permission, PersonState, Role, RolesRefused
from gateway.people.service import People
from gateway.people.statements import token_statement
from gateway.policy.answers import Answers
from gateway.release.model import Profile, State
from gateway.render.service import NotEntered
from gateway.review.model import Verdict
from gateway.seal.signature import SigningKey, to_text
from gateway.vault.openings import Openings
from gateway.vault.service import Opened, Vault
from tests.support import journey
from tests.support.databases import hands
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.world import PASSPHRASE, World

BLIND = (Role.ADMINISTRATOR, Role.AUDITOR, Role.DISPATCHER)
CONTENT = frozenset(
    {
        Permission.ORIGINAL_UPLOAD,
        Permission.ORIGINAL_OPEN,
        Permission.RENDITION_READ,
        Permission.RENDITION_ANSWER,
        Permission.RENDITION_REVIEW,
        Permission.RELEASE_BUILD,
        Permission.RELEASE_APPROVE,
    }
)


def entries(world: World, kind: str = "%") -> list[tuple[int, str, str | None]]:
    """Index, actor and subject of the committed entries of a type, as another connection to the database sees them."""
    with hands(world.gateway.settings) as run:
        return run('SELECT "index", actor, subject FROM audit_entry WHERE type LIKE ? ORDER BY "index"', kind)


def assert_refused(slug: str, call: Callable[[], object]) -> Problem:
    """The call is refused with this problem and no other."""
    try:
        call()
    except Problem as problem:
        refused = problem
    else:
        raise AssertionError("nobody refused")
    assert refused.slug == slug, refused.slug
    return refused


# Who sees nothing.


def assert_sees_nothing(roles: Collection[Role]) -> None:
    """None of what these roles may do together brings content before anybody's eyes."""
    assert rules.permissions_of(roles).isdisjoint(CONTENT)


def joinable(role: Role) -> Iterator[frozenset[Role]]:
    """Every set of roles with `role` that one person may hold."""
    others = [one for one in Role if one is not role]
    for size in range(len(others) + 1):
        for more in combinations(others, size):
            try:
                rules.check_roles({role, *more})
            except RolesRefused:
                continue
            yield frozenset({role, *more})


def test_those_who_run_the_gateway_see_nothing() -> None:
    assert CONTENT == rules.SHOWS_CONTENT
    for role in BLIND:
        assert_sees_nothing({role})
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        for together in joinable(role):
            assert_sees_nothing(together)


def test_with_one_permission_more_an_administrator_would_see(monkeypatch: pytest.MonkeyPatch) -> None:
    more = rules.ROLE_PERMISSIONS[Role.ADMINISTRATOR] | {Permission.ORIGINAL_OPEN}
    widened = MappingProxyType({**rules.ROLE_PERMISSIONS, Role.ADMINISTRATOR: more})
    monkeypatch.setattr(rules, "ROLE_PERMISSIONS", widened)
    with pytest.raises(AssertionError):
        assert_sees_nothing({Role.ADMINISTRATOR})


def content_acts(world: World, made: Journey, actor: Actor) -> Iterator[Callable[[], object]]:
    """Every act of the services that shows, builds or judges content, as `actor` would try it."""
    releases, (rendition,) = world.gateway.releases, made.renditions.values()
    original = made.receipts["customer_list"].original
    yield from (lambda permission=permission: actor.require(permission) for permission in sorted(CONTENT))
    yield lambda: world.gateway.intake.begin(actor, made.matter.id, "customer_list", None)
    yield lambda: world.gateway.renders.request(
        actor,
        releases.frame(made.release.id),
        world.gateway.intake.get(original),
        policy_ref=None,
        answers=planted("customer_list").answers,
    )
    yield lambda: releases.draft(actor, made.matter.id, made.matter.recipients[0].id, Profile.PORTAL)
    yield lambda: releases.answer(actor, rendition.id, planted("customer_list").answers)
    yield lambda: releases.withdraw(actor, rendition.id)
    yield lambda: releases.submit(actor, made.release.id)
    yield lambda: releases.review(
        actor, rendition.id, verdict=Verdict.REVIEWED, seen_sha256=rendition.sha256 or "", reason=None
    )
    yield lambda: releases.approval_request(actor, made.release.id, "legal")
    yield lambda: releases.approve(actor, made.release.id, statement=b"{}", signature=b"\0" * 64, algorithm="Ed25519")
    yield lambda: releases.refuse(actor, made.release.id, "no")


def assert_can_do_nothing_with_content(world: World, made: Journey, actor: Actor) -> None:
    """All of these are refused for want of a permission, and leave no trace in the release."""
    before = world.gateway.releases.get(made.release.id)
    for act in content_acts(world, made, actor):
        assert_refused("not-permitted", act)
    assert world.gateway.releases.get(made.release.id) == before


# A cast in which one person holds several hats, and a release that they made together.


@pytest.fixture(scope="module")
def cast(founded: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Journey]:
    """A release in review: uploaded and built by people who may also approve and dispatch. Only copied."""
    world = journey.copy(founded, tmp_path_factory.mktemp("cast"))
    world.enrol("author", {Role.COMPLIANCE, Role.LEGAL, Role.DISPATCHER})
    world.enrol("uploader", {Role.ORIGINATOR, Role.LEGAL})
    world.enrol("approver", {Role.LEGAL, Role.DISPATCHER})
    matter, builder = world.matter(), world.actors["builder"]
    world.actors["builder"] = world.actors["uploader"]
    receipt = world.upload(matter, "customer_list", planted("customer_list").data)
    world.actors["builder"] = world.actors["author"]
    release = world.draft(matter)
    rendition = world.render(release, receipt.original)
    world.review(release)
    world.actors["builder"] = builder
    return world, Journey(matter, {"customer_list": receipt}, release, {"customer_list": rendition})


@pytest.fixture
def own_cast(cast: tuple[World, Journey], tmp_path: Path) -> tuple[World, Journey]:
    """The same for one test."""
    return journey.copy(cast[0], tmp_path), cast[1]


@pytest.mark.parametrize("name", ["dispatcher", "auditor"])
def test_they_can_do_nothing_with_content(name: str, cast: tuple[World, Journey]) -> None:
    """The person called dispatcher is the administrator as well."""
    assert_can_do_nothing_with_content(*cast, cast[0].actors[name])


def test_without_require_an_auditor_would_open(
    own_cast: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = own_cast
    monkeypatch.setattr(Actor, "require", lambda *_asked: None)
    with pytest.raises(AssertionError):
        assert_can_do_nothing_with_content(world, made, world.actors["auditor"])


def approve_as(world: World, made: Journey, name: str) -> None:
    """Sign and approve with a statement that somebody entitled could have asked for."""
    template, _ = world.gateway.releases.approval_request(world.actors["legal1"], made.release.id, "legal")
    told = json.loads(template) | {"approver": world.actors[name].person_id}
    statement = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signature = world.keys[name].sign(statement)
    world.gateway.releases.approve(
        world.actors[name], made.release.id, statement=statement, signature=signature, algorithm="Ed25519"
    )


def test_who_built_uploaded_or_dispatches_does_not_approve(cast: tuple[World, Journey]) -> None:
    world, made = cast
    for name in ("author", "uploader"):
        assert_refused("separation-of-duties", partial(approve_as, world, made, name))
        assert_refused("separation-of-duties", partial(world.approve, made.release, by=name))
    assert_refused("not-permitted", lambda: approve_as(world, made, "dispatcher"))
    assert world.gateway.releases.approvals(made.release.id)[0] == ()


def test_one_approval_is_not_enough(own_cast: tuple[World, Journey]) -> None:
    world, made = own_cast
    world.approve(made.release, by="legal1")
    assert world.gateway.releases.get(made.release.id).state is State.IN_REVIEW
    assert_refused("already-approved", lambda: world.approve(made.release, by="legal1"))
    assert_refused("wrong-state", lambda: world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id))


def assert_does_not_dispatch(world: World, made: Journey, *names: str) -> None:
    """These people may dispatch as such, and not this release."""
    for name in names:
        assert Permission.RELEASE_DISPATCH in world.actors[name].scopes
        assert_refused(
            "separation-of-duties",
            partial(world.gateway.dispatch.dispatch, world.actors[name], made.release.id),
        )
    assert world.gateway.releases.get(made.release.id).package_object is None


@pytest.fixture
def cast_approved(own_cast: tuple[World, Journey]) -> tuple[World, Journey]:
    """The release approved by two, of whom one could dispatch."""
    world, made = own_cast
    world.approve(made.release, by="approver")
    world.approve(made.release, by="legal1")
    return own_cast


def test_who_approved_or_built_does_not_dispatch(cast_approved: tuple[World, Journey]) -> None:
    world, made = cast_approved
    assert_does_not_dispatch(world, made, "approver", "author")
    done = world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    assert done.state is State.DISPATCHED


def test_without_the_check_of_dispatchers_an_approver_would_dispatch(
    cast_approved: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.review.rules.check_dispatcher", lambda *_asked: None)
    with pytest.raises(AssertionError, match="nobody refused"):
        assert_does_not_dispatch(*cast_approved, "approver")


# Enrolment takes two.


def proposed(world: World) -> tuple[Actor, SigningKey]:
    """Somebody proposed by the administrator, with every scope that they might claim."""
    key = SigningKey.generate()
    roles = frozenset({Role.LEGAL})
    person = world.gateway.people.propose(
        world.actors["dispatcher"], name="Person proposed", roles=roles, public_key=to_text(key.public)
    )
    return Actor(person.id, roles, rules.permissions_of(roles)), key


def assert_not_enrolled(world: World, by: Actor, key: SigningKey, person: str, slug: str) -> None:
    """A signature by `by` is refused, the refusal is an entry, and the person stays without a role."""
    people = world.gateway.people
    before = len(entries(world, "person.refused"))
    signature = key.sign(people.enrolment_statement(person))
    problem = assert_refused(slug, lambda: people.countersign(by, person, signature))
    assert people.person(person).state is PersonState.PROPOSED
    assert people.person(person).roles == frozenset()
    written = entries(world, "person.refused")
    assert len(written) == before + 1
    assert written[-1] == (problem.members["entry"], by.person_id, person)
    assert json.loads(world.gateway.log.entry(written[-1][0]))["facts"] == {"problem": slug}


def test_enrolment_needs_the_signature_of_a_second_person(own_world: World) -> None:
    world = own_world
    subject, key = proposed(world)
    admin, legal = world.actors["dispatcher"], world.actors["legal1"]
    assert_not_enrolled(world, admin, world.keys["dispatcher"], subject.person_id, "second-person-needed")
    assert_not_enrolled(world, subject, key, subject.person_id, "person-not-active")
    assert_not_enrolled(world, legal, world.keys["dispatcher"], subject.person_id, "signature-refused")
    assert_not_enrolled(world, legal, key, subject.person_id, "signature-refused")
    builder = world.actors["builder"]
    claimed = Actor(builder.person_id, frozenset({Role.LEGAL}), subject.scopes)
    assert_not_enrolled(world, claimed, world.keys["builder"], subject.person_id, "not-permitted")
    signature = world.keys["legal1"].sign(world.gateway.people.enrolment_statement(subject.person_id))
    enrolled = world.gateway.people.countersign(legal, subject.person_id, signature)
    assert (enrolled.state, enrolled.roles) == (PersonState.ACTIVE, subject.roles)


def test_without_the_second_person_an_administrator_would_enrol_alone(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, _ = proposed(own_world)
    monkeypatch.setattr(rules, "check_second_person", lambda **_asked: None)
    with pytest.raises(AssertionError, match="nobody refused"):
        assert_not_enrolled(
            own_world,
            own_world.actors["dispatcher"],
            own_world.keys["dispatcher"],
            subject.person_id,
            "second-person-needed",
        )


def test_without_entries_for_refusals_a_refusal_would_be_silent(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject, key = proposed(own_world)
    monkeypatch.setattr(Log, "refused", lambda *_asked: 0)
    with pytest.raises(AssertionError):
        assert_not_enrolled(own_world, own_world.actors["legal1"], key, subject.person_id, "signature-refused")


def ask_token(people: People, person: str, key: SigningKey) -> None:
    """Ask for a token that a legal reviewer could have."""
    now = SystemClock().now()
    statement = token_statement(
        person=person,
        scopes={Permission.ORIGINAL_OPEN},
        nonce="n" * 22,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
    )
    people.issue_token(statement, key.sign(statement))


def test_a_proposed_person_can_do_nothing(own_cast: tuple[World, Journey]) -> None:
    world, made = own_cast
    subject, key = proposed(world)
    people = world.gateway.people
    problem = assert_refused("person-not-active", lambda: ask_token(people, subject.person_id, key))
    assert entries(world, "token.refused")[-1][0] == problem.members["entry"]
    roles = people.person(subject.person_id).roles
    assert_can_do_nothing_with_content(world, made, Actor(subject.person_id, roles, rules.permissions_of(roles)))
    with world.gateway.units.read() as session:
        standing = people.standing(session, subject.person_id)
    assert_refused("person-not-active", standing.require_active)
    ask_token(people, world.actors["legal1"].person_id, world.keys["legal1"])


# Whoever opens an original is written down first.


@dataclass
class Watch:
    """How many openings were committed at every moment at which the vault was about to decrypt."""

    world: World
    seen: list[int] = field(default_factory=list)


@pytest.fixture
def watch(own_cast: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch) -> Watch:
    watching = Watch(own_cast[0])
    honest = Vault.open

    def watched(self: Vault, session: Session, object_id: str) -> Opened:
        watching.seen.append(len(entries(watching.world, "object.opened")))
        return honest(self, session, object_id)

    monkeypatch.setattr(Vault, "open", watched)
    return watching


def open_original(world: World, made: Journey, name: str = "legal1", *, offset: int = 0) -> bytes:
    """A range of the original."""
    original = world.gateway.intake.get(made.receipts["customer_list"].original)
    person = world.actors[name].person_id
    with world.gateway.openings.open(person, original.object_id, original.id) as opened:
        return opened.read_range(offset, 40)


def assert_written_first(watch: Watch, made: Journey, name: str) -> None:
    """One entry more is committed before the vault opens anything."""
    before = len(entries(watch.world, "object.opened"))
    watch.seen.clear()
    assert open_original(watch.world, made, name) == planted("customer_list").data[:40]
    assert watch.seen == [before + 1]
    newest = entries(watch.world, "object.opened")[-1]
    assert newest[1:] == (watch.world.actors[name].person_id, made.receipts["customer_list"].original)


def test_an_opening_is_an_entry_before_the_first_byte(
    watch: Watch, own_cast: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = own_cast
    assert_written_first(watch, made, "legal1")
    assert_written_first(watch, made, "legal2")
    watch.seen.clear()

    def full(*_asked: object) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr(Log, "append", full)
    with pytest.raises(OSError, match="no space"):
        open_original(world, made, "approver")
    assert watch.seen == []
    monkeypatch.undo()
    assert len(entries(world, "object.opened")) == 2


def test_without_the_grant_an_original_would_be_opened_unseen(
    watch: Watch, own_cast: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Openings, "_grant", lambda *_asked: None)
    with pytest.raises(AssertionError):
        assert_written_first(watch, own_cast[1], "legal1")


class LaterClock:
    """The host's clock, set forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


def test_ranges_within_ten_minutes_are_one_opening(own_cast: tuple[World, Journey]) -> None:
    world, made = own_cast
    clock = LaterClock()
    world.gateway = compose(world.gateway.settings, PASSPHRASE, clock)
    data = planted("customer_list").data
    for minutes, expected in ((0, 1), (5, 1), (9, 1), (11, 2), (20, 2), (22, 3)):
        clock.ahead = timedelta(minutes=minutes)
        assert open_original(world, made, offset=minutes) == data[minutes : minutes + 40]
        assert len(entries(world, "object.opened")) == expected
    open_original(world, made, "legal2")
    assert len(entries(world, "object.opened")) == 4


def test_an_opening_from_a_time_that_is_still_to_come_is_none(own_cast: tuple[World, Journey]) -> None:
    """A clock that was set back does not make ten minutes longer."""
    world, made = own_cast
    clock = LaterClock()
    world.gateway = compose(world.gateway.settings, PASSPHRASE, clock)
    clock.ahead = timedelta(minutes=4)
    open_original(world, made)
    clock.ahead = timedelta()
    open_original(world, made)
    assert len(entries(world, "object.opened")) == 2


def test_a_worker_opens_an_original_on_the_entry_of_its_job_alone(
    own_cast: tuple[World, Journey], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = own_cast
    known: list[bool] = []
    honest = Vault.open
    original = world.gateway.intake.get(made.receipts["customer_list"].original)

    def watched(self: Vault, session: Session, object_id: str) -> Opened:
        if object_id == original.object_id:
            known.append(any(subject == asked.id for *_, subject in entries(world, "rendition.requested")))
        return honest(self, session, object_id)

    monkeypatch.setattr(Vault, "open", watched)
    builder, release = world.actors["builder"], world.draft(made.matter)
    asked = world.gateway.releases.add(builder, release.id, original.id, policy_ref=None, answers=Answers())
    world.work()
    assert known == [True]

    other = world.upload(made.matter, "customer_list", planted("customer_list").data)
    forged = world.gateway.releases.add(
        builder, world.draft(made.matter).id, other.original, policy_ref=None, answers=Answers()
    )
    with hands(world.gateway.settings) as run:
        run("UPDATE rendition SET original = ? WHERE id = ?", original.id, forged.id)
    with pytest.raises(NotEntered):
        world.work()
    assert known == [True]
