"""Every act of every service, ready to be carried out on a deployment that is in a fitting state for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from gateway.base.clock import SystemClock
from gateway.intake.model import Receipt
from gateway.matter.model import DemandDraft, MatterDraft, RecipientDraft
from gateway.matter.names import NameDraft
from gateway.people.model import Actor, Permission, Role
from gateway.people.statements import token_statement
from gateway.policy.answers import Answers
from gateway.release.model import Release
from gateway.render.model import Rendition
from gateway.review.model import Verdict
from gateway.seal.signature import SigningKey, to_text
from tests.support import journey, originals
from tests.support.databases import hands
from tests.support.originals import planted
from tests.support.world import HARMLESS, World


class Desk:
    """A deployment with one matter, and how to bring things into the state that an act needs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.matter = world.matter()
        self.list = planted("customer_list")

    @property
    def gateway(self) -> Any:
        """The rooms, by whatever names a test asks for."""
        return self.world.gateway

    def uploaded(self) -> Receipt:
        """An original, not classified."""
        return self.world.upload(self.matter, "customer_list", self.list.data, classified=False)

    def drafted(self) -> Release:
        """A draft release."""
        return self.world.draft(self.matter)

    def asked(self) -> Rendition:
        """A rendition that waits for a worker."""
        receipt = self.world.upload(self.matter, "customer_list", self.list.data)
        rendition: Rendition = self.gateway.releases.add(
            self.world.actors["builder"], self.drafted().id, receipt.original, policy_ref=None, answers=Answers()
        )
        return rendition

    def waiting(self) -> Rendition:
        """A rendition with an open question."""
        sheet = originals.customers().with_column("Kennziffer", ["x"] * 12)
        return self.rendered(sheet.csv())

    def rendered(self, data: bytes | None = None) -> Rendition:
        """A rendition with its outcome."""
        return journey.rendered(
            self.world, [self.list.with_data(data or self.list.data)], matter=self.matter
        ).renditions["customer_list"]

    def submitted(self) -> Rendition:
        """A rendition whose release is in review."""
        rendition = self.rendered()
        self.gateway.releases.submit(self.world.actors["builder"], rendition.release)
        return rendition

    def reviewed(self) -> Rendition:
        """The same, looked at."""
        rendition = self.submitted()
        self.review(rendition, Verdict.REVIEWED)
        return rendition

    def approved(self, by: tuple[str, ...] = ("legal1", "legal2")) -> Release:
        """An approved release."""
        release: Release = self.gateway.releases.get(self.reviewed().release)
        for name in by:
            self.world.approve(release, by=name)
        return release

    def dispatched(self) -> Release:
        """A dispatched release."""
        release = self.approved()
        self.gateway.dispatch.dispatch(self.world.actors["dispatcher"], release.id)
        return release

    def review(self, rendition: Rendition, verdict: Verdict) -> None:
        """A reviewer's word."""
        reason = None if verdict is Verdict.REVIEWED else "The second column"
        self.gateway.releases.review(
            self.world.actors["legal1"], rendition.id, verdict=verdict, seen_sha256=rendition.sha256, reason=reason
        )

    def propose(self, name: str = "Somebody New") -> Any:
        """A proposed person."""
        key = SigningKey.generate()
        return self.gateway.people.propose(
            self.world.actors["dispatcher"], name=name, roles={Role.LEGAL}, public_key=to_text(key.public)
        )

    def token(self) -> None:
        """A token for the builder."""
        at = SystemClock().now()
        statement = token_statement(
            person=self.world.actors["builder"].person_id,
            scopes=frozenset({Permission.MATTER_READ}),
            nonce=SigningKey.generate().seed.hex(),
            issued_at=at,
            expires_at=at + timedelta(hours=1),
        )
        self.gateway.people.issue_token(statement, self.world.keys["builder"].sign(statement))


Act = Callable[[], object]
Preparation = Callable[[Desk], Act]


def builder(desk: Desk) -> Actor:
    """Who uploads and builds."""
    return desk.world.actors["builder"]


def dispatcher(desk: Desk) -> Actor:
    """Who administers and dispatches."""
    return desk.world.actors["dispatcher"]


def legal1(desk: Desk) -> Actor:
    """One reviewer."""
    return desk.world.actors["legal1"]


def legal2(desk: Desk) -> Actor:
    """Another reviewer."""
    return desk.world.actors["legal2"]


def classify(desk: Desk) -> Act:
    """Answer the four questions."""
    receipt = desk.uploaded()
    return lambda: desk.gateway.intake.classify(builder(desk), receipt.original, HARMLESS)


def ask(desk: Desk) -> Act:
    """Ask for a rendition."""
    receipt, release = desk.world.upload(desk.matter, "customer_list", desk.list.data), desk.drafted()
    return lambda: desk.gateway.releases.add(
        builder(desk), release.id, receipt.original, policy_ref=None, answers=Answers()
    )


def render(data: bytes | None) -> Preparation:
    """Carry out a rendition, of the customer list or of `data`."""

    def ready(desk: Desk) -> Act:
        desk.world.work()
        receipt = desk.world.upload(desk.matter, "customer_list", data or desk.list.data)
        desk.world.work()
        desk.gateway.releases.add(
            builder(desk), desk.drafted().id, receipt.original, policy_ref=None, answers=Answers()
        )
        return desk.world.work

    return ready


def commit(desk: Desk) -> Act:
    """Commit to a customer list that has just arrived."""
    desk.world.work()
    desk.uploaded()
    step: Act = desk.gateway.commitments.step
    return step


def answer(ready: Callable[[Desk], Rendition]) -> Preparation:
    """Answer a rendition in the state that `ready` leaves it in."""

    def prepared(desk: Desk) -> Act:
        rendition = ready(desk)
        return lambda: desk.gateway.releases.answer(builder(desk), rendition.id, Answers())

    return prepared


def answer_for_others(desk: Desk) -> Act:
    """Answer a question for other originals too, in a matter where nobody counts on questions."""
    rendition, column = Desk(desk.world).waiting(), "column/19"
    return lambda: desk.gateway.releases.answer(
        builder(desk), rendition.id, Answers({column: "drop"}), remember=[column]
    )


def forget(desk: Desk) -> Act:
    """Have a name forgotten."""
    names, matter = desk.gateway.names, desk.world.matter().id
    with desk.gateway.units.change() as session:
        names.remember(session, builder(desk), matter, "ren_1", [NameDraft("customer_list", "header", "drop")])
    (name,) = names.of_matter(matter)
    return lambda: names.forget(legal1(desk), matter, name.id)


def submit(desk: Desk) -> Act:
    """Put a release before the reviewers."""
    rendition = desk.rendered()
    return lambda: desk.gateway.releases.submit(builder(desk), rendition.release)


def review(verdict: Verdict) -> Preparation:
    """A reviewer's word."""

    def ready(desk: Desk) -> Act:
        rendition = desk.submitted()
        return lambda: desk.review(rendition, verdict)

    return ready


def approve(before: tuple[str, ...], by: str) -> Preparation:
    """Approve after those in `before` have."""

    def ready(desk: Desk) -> Act:
        release = desk.approved(before)
        return lambda: desk.world.approve(release, by=by)

    return ready


def refuse(desk: Desk) -> Act:
    """Refuse a release."""
    release = desk.approved(("legal1",))
    return lambda: desk.gateway.releases.refuse(legal2(desk), release.id, "Not this customer")


def dispatch(desk: Desk) -> Act:
    """Dispatch a release."""
    release = desk.approved()
    return lambda: desk.gateway.dispatch.dispatch(dispatcher(desk), release.id)


def hand_out(desk: Desk) -> Act:
    """Hand out a package."""
    release = desk.dispatched()
    return lambda: desk.world.package(release)


def record(kind: str) -> Preparation:
    """Record a receipt or a recall."""

    def ready(desk: Desk) -> Act:
        release = desk.dispatched()
        return lambda: desk.gateway.releases.record(dispatcher(desk), release.id, kind=kind, text="Portal 4711")

    return ready


def look(desk: Desk) -> Act:
    """Look at an original."""
    original = desk.gateway.intake.get(desk.uploaded().original)

    def act() -> None:
        with desk.gateway.openings.open(builder(desk).person_id, original.object_id, original.id) as opened:
            opened.read()

    return act


def countersign(desk: Desk) -> Act:
    """Countersign an enrolment."""
    person = desk.propose()
    signature = desk.world.keys["legal1"].sign(desk.gateway.people.enrolment_statement(person.id))
    return lambda: desk.gateway.people.countersign(legal1(desk), person.id, signature)


def enrolled(desk: Desk) -> Any:
    """A person who is enrolled already."""
    name = f"extra{len(desk.world.actors)}"
    return desk.world.enrol(name, {Role.LEGAL, Role.PRIVACY})


def propose_roles(desk: Desk) -> Act:
    """Propose a further role."""
    person = enrolled(desk)
    return lambda: desk.gateway.people.propose_roles(dispatcher(desk), person.person_id, {Role.COMPLIANCE})


def countersign_roles(desk: Desk) -> Act:
    """Countersign a further role."""
    person = enrolled(desk)
    proposal = desk.gateway.people.propose_roles(dispatcher(desk), person.person_id, {Role.COMPLIANCE})
    signature = desk.world.keys["legal1"].sign(proposal.statement)
    return lambda: desk.gateway.people.countersign_roles(legal1(desk), proposal.id, signature)


def remove_roles(desk: Desk) -> Act:
    """Take a role away."""
    person = enrolled(desk)
    return lambda: desk.gateway.people.remove_roles(dispatcher(desk), person.person_id, {Role.PRIVACY})


def retire(desk: Desk) -> Act:
    """Retire a person."""
    person = enrolled(desk)
    return lambda: desk.gateway.people.retire(dispatcher(desk), person.person_id)


def revoke(desk: Desk) -> Act:
    """Revoke tokens."""
    return lambda: desk.gateway.people.revoke_tokens(dispatcher(desk), builder(desk).person_id)


def propose_shredding(desk: Desk) -> Act:
    """Propose to shred an original."""
    original = desk.uploaded().original
    return lambda: desk.gateway.shredding.propose(builder(desk), original, "retention is over")


def shred(desk: Desk) -> Act:
    """Shred an original that was proposed for it."""
    original = desk.uploaded().original
    proposed = desk.gateway.shredding.propose(builder(desk), original, "retention is over")
    signature = desk.world.keys["legal1"].sign(proposed.statement)
    return lambda: desk.gateway.shredding.countersign(legal1(desk), original, signature)


def rotate_root(desk: Desk) -> Act:
    """Rotate the root key."""
    return partial(desk.gateway.rotation.rotate_root)


def rotate_matter(desk: Desk) -> Act:
    """Rotate the KEK of a matter that holds little."""
    matter = desk.world.matter()
    return lambda: desk.gateway.rotation.rotate_matter(matter.id)


ROTATION = ("key.rotation_begun", "key.rewrapped", "key.rotated")
RAGGED = originals.customers().csv() + b"one,cell,too,few\r\n"
OPEN_QUESTION = originals.customers().with_column("Kennziffer", ["x"] * 12).csv()
ACTS: dict[str, tuple[Preparation, tuple[str, ...]]] = {
    "open a matter": (lambda desk: desk.world.matter, ("matter.opened",)),
    "upload": (lambda desk: desk.uploaded, ("original.kept",)),
    "commit": (commit, ("original.committed",)),
    "classify": (classify, ("original.classified",)),
    "draft": (lambda desk: desk.drafted, ("release.drafted",)),
    "ask": (ask, ("rendition.requested",)),
    "render": (render(None), ("rendition.clean",)),
    "render, with a question": (render(OPEN_QUESTION), ("rendition.waiting",)),
    "render, refused": (render(RAGGED), ("rendition.refused",)),
    "answer": (answer(Desk.waiting), ("rendition.requested",)),
    "answer for others": (answer_for_others, ("name.remembered", "rendition.requested")),
    "forget": (forget, ("name.forgotten",)),
    "answer in review": (answer(Desk.submitted), ("release.reopened", "rendition.requested")),
    "submit": (submit, ("release.submitted",)),
    "review": (review(Verdict.REVIEWED), ("rendition.reviewed",)),
    "ask for changes": (review(Verdict.CHANGES_REQUESTED), ("rendition.changes_requested",)),
    "approve first": (approve((), "legal1"), ("release.approval",)),
    "approve last": (approve(("legal1",), "legal2"), ("release.approval", "release.approved")),
    "refuse": (refuse, ("release.refused",)),
    "dispatch": (dispatch, ("release.sealed", "release.dispatched")),
    "hand out": (hand_out, ("package.handed_out",)),
    "receipt": (record("receipt"), ("release.acknowledged",)),
    "recall": (record("recall"), ("release.recalled",)),
    "look at an original": (look, ("object.opened",)),
    "propose a person": (lambda desk: desk.propose, ("person.proposed",)),
    "countersign a person": (countersign, ("person.enrolled",)),
    "propose roles": (propose_roles, ("roles.proposed",)),
    "countersign roles": (countersign_roles, ("roles.granted",)),
    "remove roles": (remove_roles, ("roles.removed",)),
    "retire": (retire, ("person.retired",)),
    "issue a token": (lambda desk: desk.token, ("token.issued",)),
    "propose to shred": (propose_shredding, ("original.shredding_proposed",)),
    "shred": (shred, ("original.shredded",)),
    "rotate the root": (rotate_root, ROTATION),
    "rotate a matter": (rotate_matter, ROTATION),
    "revoke tokens": (revoke, ("token.revoked",)),
}


def let_leases_run_out(world: World) -> None:
    """A failed job keeps its lease until it runs out; here it runs out now."""
    with hands(world.gateway.settings) as run:
        run("UPDATE render_lease SET lease_until = 0")
        run("UPDATE commit_lease SET lease_until = 0")


def matter_with_a_long_demand(text: str) -> MatterDraft:
    """A matter that takes up room in the database."""
    return MatterDraft(
        title="A long demand",
        authority="cn-mofcom",
        regime="cn-dual-use",
        purpose="export_licence",
        jurisdiction="CN",
        recipients=(RecipientDraft(1, "Ningbo Example Magnetics", "supplier", "zh", ("portal",), "CN"),),
        demands=tuple(
            DemandDraft(f"item-{at + 1}", text, "published", "Art. 16", ("customer_list",)) for at in range(20)
        ),
    )
