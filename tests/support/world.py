"""A whole gateway in a temporary folder, with the people of a small company."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.app import Gateway, compose
from gateway.base.clock import SystemClock
from gateway.founding import initialise
from gateway.intake.model import Classification, DefenceNexus, ExportControl, PersonalData, Receipt, ThirdParty
from gateway.matter.model import DemandDraft, Matter, MatterDraft, RecipientDraft
from gateway.people.model import Actor, Founder, Role
from gateway.people.rules import permissions_of
from gateway.people.service import People
from gateway.policy.answers import Answers
from gateway.release.model import Profile, Release
from gateway.render.model import Rendition
from gateway.review.model import Verdict
from gateway.seal.recipient import generate_identity
from gateway.seal.signature import SigningKey, to_text
from gateway.worker.loop import Worker
from tests.support.databases import SQLITE, Database

PASSPHRASE = b"correct horse battery staple"

HARMLESS = Classification(
    export_control=ExportControl.EAR99,
    personal_data=PersonalData.ASSESSED,
    third_party=ThirdParty.CONSENTED,
    defence_nexus=DefenceNexus.NO,
)


@dataclass
class World:
    """A gateway and the people who use it; every step of the journey as one call."""

    folder: Path
    gateway: Gateway
    keys: dict[str, SigningKey] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    identity: str = ""

    @classmethod
    def create(cls, folder: Path, database: Database = SQLITE, **more: Any) -> World:
        """A founded deployment: admin (also dispatcher) and one legal reviewer found, the others are enrolled."""
        settings = database.settings(folder, argon2_memory_kib=8192, lease_s=5.0, **more)
        initialise(settings, PASSPHRASE)
        world = cls(folder, compose(settings, PASSPHRASE))
        world._found()
        for name, roles in (
            ("builder", {Role.ORIGINATOR, Role.COMPLIANCE}),
            ("legal2", {Role.LEGAL, Role.PRIVACY}),
            ("auditor", {Role.AUDITOR}),
        ):
            world.enrol(name, roles)
        return world

    def reopen(self) -> Gateway:
        """The same data folder, opened anew as after a restart."""
        self.gateway = compose(self.gateway.settings, PASSPHRASE)
        return self.gateway

    def _found(self) -> None:
        people = self.gateway.people
        self.keys = {name: SigningKey.generate() for name in ("dispatcher", "legal1")}
        roles = {"dispatcher": {Role.ADMINISTRATOR, Role.DISPATCHER}, "legal1": {Role.LEGAL}}
        at = SystemClock().now().replace(microsecond=0)
        texts = {name: to_text(key.public) for name, key in self.keys.items()}
        signed = people.founding_statement(
            (texts["dispatcher"], roles["dispatcher"]), (texts["legal1"], roles["legal1"]), at
        )
        founders = [
            Founder(f"Person {name}", frozenset(roles[name]), texts[name], key.sign(signed))
            for name, key in self.keys.items()
        ]
        for name, person in zip(self.keys, people.found(*founders, at=at), strict=True):
            self.actors[name] = _actor(people, person.id)

    def enrol(self, name: str, roles: set[Role], *, second: str = "legal1") -> Actor:
        """Propose by the administrator, countersign by a second person."""
        people = self.gateway.people
        self.keys[name] = SigningKey.generate()
        person = people.propose(
            self.actors["dispatcher"],
            name=f"Person {name}",
            roles=frozenset(roles),
            public_key=to_text(self.keys[name].public),
        )
        statement = people.enrolment_statement(person.id)
        people.countersign(self.actors[second], person.id, self.keys[second].sign(statement))
        self.actors[name] = _actor(people, person.id)
        return self.actors[name]

    def shred(self, original: str, *, first: str = "builder", second: str = "legal1") -> None:
        """Propose to shred an original, and sign it as a second person."""
        proposed = self.gateway.shredding.propose(self.actors[first], original, "retention is over")
        signature = self.keys[second].sign(proposed.statement)
        self.gateway.shredding.countersign(self.actors[second], original, signature)

    def matter(self) -> Matter:
        """A matter with two hops: the supplier gets a portal package, the authority a sealed one."""
        self.identity, recipient = generate_identity()
        return self.gateway.matters.open(
            self.actors["builder"],
            MatterDraft(
                title="Export licence NdFeB 2026/1",
                authority="cn-mofcom",
                regime="cn-dual-use",
                purpose="export_licence",
                jurisdiction="CN",
                recipients=(
                    RecipientDraft(1, "Ningbo Example Magnetics", "supplier", "zh", ("portal",), "CN"),
                    RecipientDraft(2, "MOFCOM Bureau", "authority", "zh", ("sealed",), "CN", age_key=recipient),
                ),
                demands=(
                    DemandDraft(
                        "item-7", "Customers and end users", "published", "Order 792 art. 16", ("customer_list",)
                    ),
                ),
            ),
        )

    def upload(
        self, matter: Matter, kind: str, data: bytes, *, name: str | None = None, classified: bool = True
    ) -> Receipt:
        """Upload an original and answer what it is."""
        intake, builder = self.gateway.intake, self.actors["builder"]
        with intake.begin(builder, matter.id, kind, None) as receiving:
            receiving.write(data)
            receipt = intake.keep(builder, matter.id, kind, receiving, file_name=name, idempotency_key=None)
        if classified:
            intake.classify(builder, receipt.original, HARMLESS)
        return receipt

    def work(self) -> None:
        """Carry out everything that is queued."""
        worker = Worker(self.gateway)
        while worker.step():
            pass

    def render(self, release: Release, original: str, answers: Answers | None = None) -> Rendition:
        """Ask for a rendition and carry it out."""
        asked = self.gateway.releases.add(
            self.actors["builder"], release.id, original, policy_ref=None, answers=answers or Answers()
        )
        self.work()
        return self.gateway.renders.get(asked.id)

    def draft(self, matter: Matter, hop: int = 1) -> Release:
        """A draft release for one hop in the profile the recipient takes."""
        recipient = matter.recipients[hop - 1]
        profile = Profile(recipient.profiles[0].value)
        return self.gateway.releases.draft(self.actors["builder"], matter.id, recipient.id, profile)

    def review(self, release: Release, *, by: str = "legal1") -> None:
        """Submit, and have one reviewer look at every rendition."""
        self.gateway.releases.submit(self.actors["builder"], release.id)
        for one in self.gateway.renders.of_release(release.id):
            self.gateway.releases.review(
                self.actors[by], one.id, verdict=Verdict.REVIEWED, seen_sha256=one.sha256 or "", reason=None
            )

    def approve(self, release: Release, *, by: str, role: str = "legal") -> None:
        """One approval, signed with that person's own key."""
        statement, _ = self.gateway.releases.approval_request(self.actors[by], release.id, role)
        self.gateway.releases.approve(
            self.actors[by],
            release.id,
            statement=statement,
            signature=self.keys[by].sign(statement),
            algorithm="Ed25519",
        )

    def approve_all(self, release: Release) -> None:
        """Both reviewers approve, in every role that the policies ask for."""
        self.approve(release, by="legal1")
        self.approve(release, by="legal2")

    def package(self, release: Release) -> bytes:
        """The dispatched package's bytes."""
        _, opened = self.gateway.dispatch.package(self.actors["dispatcher"], release.id)
        with opened:
            return opened.read()


def _actor(people: People, person_id: str) -> Actor:
    roles = people.person(person_id).roles
    return Actor(person_id, roles, permissions_of(roles))
