"""The main job over HTTP, as separate people: from an empty deployment to packages, receipts and an exported log."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from gateway.base.canon import Json
from gateway.base.problems import CheckFailed
from gateway.cli.accounts import countersigned, roles_named, wanted_scopes
from gateway.cli.audits import unpack_export
from gateway.cli.client import Client, Matter, Receipt, Release, Rendition
from gateway.cli.releases import fetch_package, seen
from gateway.cli.specimens import Specimens
from gateway.seal.recipient import decrypt_with, generate_identity
from gateway.seal.signature import SigningKey, private_pem, to_text

SUPPLIER = "Ningbo Haoci Magnetics Co., Ltd."
AUTHORITY = "MOFCOM 商务部"
FOUNDERS = (
    ("dispatcher", "Mirjam Falkner", "administrator,dispatcher"),
    ("legal-1", "Dr. Ansgar Thole", "legal"),
)
ENROLLED = (
    ("compliance", "Jana Seidel", "originator,compliance"),
    ("legal-2", "Chen Yulan", "legal,privacy"),
    ("auditor", "Beate Rosner", "auditor"),
)
_CLEARED: Mapping[str, Json] = {
    "export_control": "ear99",
    "personal_data": "assessed",
    "third_party": "withheld_by_policy",
    "defence_nexus": "no",
}
# What the supplier, who files for its customer, has to hand in; everything else goes to the authority alone.
FILED = ("customer_list", "order_book", "production_photo")
_ASKED: tuple[tuple[str, str, str, str | None, list[Json]], ...] = (
    ("item-1", "Contract with the end user, or proof of it", "published", "State Council Order 792, art. 16(1)(1)-(2)",
     ["contract", "correspondence"]),
    ("item-2", "Technical description of goods and use", "published", "State Council Order 792, art. 16(1)(3)",
     ["technical_details", "schematic"]),
    ("item-5", "End user and end use of this licence", "published", "State Council Order 792, art. 16(1)(4)", []),
    ("item-6", "Customers and products", "catch_all", "State Council Order 792, art. 16(1)(5)", ["customer_list"]),
    ("item-7", "Order book of the goods applied for", "catch_all", None, ["order_book"]),
    ("item-8", "Photographs and videos of the production site", "supplier_invented", None,
     ["production_photo", "line_video"]),
)  # fmt: skip


class JourneyWrong(CheckFailed):
    """A step of the demo came to something else than it should."""

    slug = "journey-wrong"
    title = "The journey went wrong"


@dataclass(frozen=True, slots=True)
class Copy:
    """What one hop gets."""

    hop: int
    release: Release
    package: Path
    folder: Path


@dataclass
class Journey:
    """People with their keys and tokens, on one server, and what they have made so far."""

    url: str
    out: Path
    keys: dict[str, SigningKey]
    people: dict[str, str]
    connections: ExitStack
    clients: dict[str, Client] = field(default_factory=dict)
    identity: str = ""
    renditions: dict[str, list[Rendition]] = field(default_factory=dict)

    def sign_in(self, who: str, roles: str) -> None:
        """A token for everything these roles may do, signed for with the person's own key."""
        with Client(self.url) as stranger:
            token = stranger.issue_token(self.keys[who], self.people[who], wanted_scopes(None, roles))
        self.clients[who] = self.connections.enter_context(Client(self.url, token.token))

    def enrol(self) -> None:
        """The administrator proposes three people; a legal reviewer countersigns each."""
        for who, name, roles in ENROLLED:
            self.keys[who] = SigningKey.generate()
            wanted = sorted(role.value for role in roles_named(roles))
            person = self.clients["dispatcher"].propose_person(name, wanted, to_text(self.keys[who].public))
            countersigned(self.clients["legal-1"], person.id, self.keys["legal-1"], quiet=True)
            self.people[who] = person.id
            self.sign_in(who, roles)

    def open_matter(self) -> Matter:
        """A demand with two hops; the authority's packages are sealed to its own key."""
        self.identity, recipient = generate_identity()
        chain: list[Json] = [
            {"name": SUPPLIER, "class": "supplier", "language": "zh", "profiles": ["portal"]},
            {
                "name": AUTHORITY,
                "class": "authority",
                "language": "zh",
                "profiles": ["sealed"],
                "public_key": recipient,
            },
        ]
        items: list[Json] = [
            {"number": number, "text": text, "legal_basis": basis, "citation": citation, "kinds": kinds}
            for number, text, basis, citation, kinds in _ASKED
        ]
        return self.clients["compliance"].open_matter(
            {
                "title": "Export licence for NdFeB rotor magnets, first round",
                "authority": "mofcom",
                "regime": "cn-mofcom-single",
                "purpose": "export_licence",
                "jurisdiction": "CN",
                "recipients": chain,
                "items": items,
            }
        )

    def upload(self, matter: Matter, folder: Path, made: Specimens) -> dict[str, Receipt]:
        """All originals, each checked against the digest the server answers with."""
        receipts = {}
        for kind, one in made.originals.items():
            receipts[kind] = self.clients["compliance"].upload(matter.id, kind, folder / one.file_name)
            self.clients["compliance"].classify(receipts[kind].original, _CLEARED)
        return receipts

    def render(
        self,
        matter: Matter,
        receipts: Mapping[str, Receipt],
        made: Specimens,
        told: Callable[[str], object],
    ) -> list[Release]:
        """A draft for each hop with its originals in it. The first customer list is rendered without answers first."""
        builder = self.clients["compliance"]
        releases = [builder.draft(matter.id, one.id, one.profiles[0]) for one in matter.recipients]
        waiting = builder.wait(builder.add(releases[0].id, receipts["customer_list"].original).id)
        if waiting.state != "waiting":
            raise JourneyWrong("A table with a column that nobody named was not put before a person.")
        told(f"the customer list waits: {waiting.reason}")
        asked = {releases[0].id: [builder.answer(waiting.id, made.answers["customer_list"])], releases[1].id: []}
        for release, kinds in ((releases[0], FILED[1:]), (releases[1], tuple(receipts))):
            for kind in kinds:
                asked[release.id].append(builder.add(release.id, receipts[kind].original, answers=made.answers[kind]))
        for release in releases:
            self.renditions[release.id] = [self._clean(builder, one) for one in asked[release.id]]
        return releases

    def review(self, releases: list[Release]) -> None:
        """Submitted by their builder, looked at byte for byte by a reviewer."""
        for release in releases:
            self.clients["compliance"].submit(release.id)
            for one in self.renditions[release.id]:
                _, digest = seen(self.clients["legal-1"], one.id)
                self.clients["legal-1"].review(one.id, "reviewed", digest)

    def approve(self, releases: list[Release]) -> None:
        """Two people sign the same manifest with their own keys; neither key leaves this process."""
        for release in releases:
            for who in ("legal-1", "legal-2"):
                request = self.clients[who].approval_request(release.id, "legal")
                signature = self.keys[who].sign(request.statement)
                self.clients[who].approve(release.id, request.statement, signature)

    def dispatch(self, matter: Matter, releases: list[Release]) -> list[Copy]:
        """Packages handed over, downloaded, opened the way their recipients would, and acknowledged."""
        copies = []
        for hop, release in enumerate(releases, start=1):
            done = self.clients["dispatcher"].dispatch(release.id)
            sealed = done.profile == "sealed"
            name = f"hop-{hop}-{matter.recipients[hop - 1].recipient_class}"
            package = self.out / "packages" / f"{name}.zip{'.age' if sealed else ''}"
            fetch_package(self.clients["dispatcher"], done, package)
            folder = self.out / "packages" / name
            _unpacked(package, self.identity if sealed else None, folder)
            self.clients["dispatcher"].receipt(release.id, f"Portal 2026-{hop:05d}")
            copies.append(Copy(hop, done, package, folder))
        return copies

    def export(self) -> tuple[Path, Path, Path]:
        """The log exported by the auditor, and the two public keys that outsiders check with."""
        auditor = self.clients["auditor"]
        folder = self.out / "audit-export"
        sink = io.BytesIO()
        auditor.export(sink)
        unpack_export(sink, folder)
        keys = auditor.keys()
        log_key, package_key = self.out / "keys" / "log.vkey", self.out / "keys" / "package.pub.pem"
        log_key.write_text(f"{keys.log_vkey.strip()}\n", "utf-8")
        package_key.write_text(keys.package_pem, "utf-8")
        return folder, log_key, package_key

    def keep_keys(self) -> None:
        """Everybody's private key in a file of their own, mode 0600: a demo has no safer place."""
        for who, key in self.keys.items():
            private(self.out / "keys" / f"{who}.pem", private_pem(key, None))
        if self.identity:
            private(self.out / "keys" / "authority.age-identity", self.identity.encode() + b"\n")

    @staticmethod
    def _clean(builder: Client, asked: Rendition) -> Rendition:
        done = builder.wait(asked.id)
        if done.state != "clean":
            raise JourneyWrong(f"A rendition is {done.state}: {done.reason}")
        return done


def private(path: Path, data: bytes) -> None:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_bytes(data)


def _unpacked(package: Path, identity: str | None, folder: Path) -> None:
    if identity is None:
        archive = zipfile.ZipFile(package)
    else:
        opened = io.BytesIO()
        with package.open("rb") as source:
            decrypt_with(identity, source, opened)
        archive = zipfile.ZipFile(opened)
    with archive:
        archive.extractall(folder)
