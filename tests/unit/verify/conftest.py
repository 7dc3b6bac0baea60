"""A small package and an audit-log export, made by hand from the documented formats, with real keys and a real log."""

from __future__ import annotations

import base64
import hashlib
import itertools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.model import Act
from gateway.audit.service import Log
from gateway.base.canon import Json, canonical
from gateway.db.metadata import Base
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.seal import envelope
from gateway.seal.signature import SigningKey, to_text
from gateway.seal.twin import SigningTwin
from gateway.verify import SCRIPT
from gateway.verify.verify import Report, WrongUse
from tests.support.databases import SQLITE
from tests.support.second import MISSING, Second

MATTER, RELEASE, RECIPIENT = "mat_1", "rel_1", "rcp_1"
CREATED_AT = "2026-01-31T08:00:00.000Z"


class MemoryRoot:
    """A root key that lives in memory: stands in for the key file."""

    name = "memory"

    def wrap(self, key: bytes, aad: bytes, root: int) -> bytes:
        return envelope.wrap(b"\x07" * 32, key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes, root: int) -> bytes:
        return envelope.unwrap(b"\x07" * 32, wrapped, aad)


class TickingClock:
    """One second later at each look; can be set."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 8, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def keep(_value: dict[str, Any]) -> None:
    """Leave it as it is."""


Edit = Callable[[dict[str, Any]], None]


@dataclass
class House:
    """One deployment: its log, and five people whose keys were enrolled as the log says."""

    log: Log
    units: Units
    clock: TickingClock
    package_key: SigningTwin = field(default_factory=SigningTwin.generate)
    people: dict[str, SigningKey] = field(default_factory=dict)
    entries: dict[str, list[int]] = field(default_factory=dict)

    def append(self, act: Act) -> int:
        with self.units.change() as session:
            return self.log.append(session, act)

    def found(self) -> None:
        roles = {"per_admin": ["administrator"], "per_one": ["legal"]}
        self.people |= {person: SigningKey.generate() for person in roles}
        statement = canonical(
            {
                "type": "disclosure-gateway/founding/v1",
                "deployment": "d",
                "founders": [{"key": to_text(self.people[p].public), "roles": roles[p]} for p in roles],
                "at": CREATED_AT,
            }
        )
        people: list[Json] = [
            {
                "person": person,
                "key": to_text(self.people[person].public),
                "roles": roles[person],
                "signature": self.people[person].sign(statement).hex(),
            }
            for person in roles
        ]
        facts = {"deployment": "d", "at": CREATED_AT, "people": people}
        index = self.append(Act("deployment.founded", "per_admin", facts=facts))
        self.entries |= {person: [index] for person in roles}

    def enrol(self, person: str, roles: list[str], countersigner: str = "per_one", **changes: Any) -> int:
        kind = "roles.granted" if person in self.people else "person.enrolled"
        self.people.setdefault(person, SigningKey.generate())
        said = {
            "person": person,
            "key": to_text(self.people[person].public),
            "roles": roles,
            "proposer": "per_admin",
            "at": CREATED_AT,
        } | changes
        statement = canonical({"type": "disclosure-gateway/enrolment/v1", **said})
        facts = said | {
            "countersigner": countersigner,
            "statement_sha256": sha256(statement),
            "signature": self.people[countersigner].sign(statement).hex(),
        }
        index = self.append(Act(kind, countersigner, subject=person, facts=facts))
        self.entries.setdefault(person, []).append(index)
        return index


@dataclass
class Draft:
    """A package about to be written; tests change one thing and see it refused."""

    house: House
    folder: Path
    approvers: list[tuple[str, str]]
    files: dict[str, bytes]
    manifest: dict[str, Any]
    required: list[dict[str, Any]]
    enrolment: list[int]
    edit_statement: Edit = keep
    edit_approvals: Edit = keep
    edit_enrolment: Edit = keep
    edit_signed: Edit = keep
    edit_facts: Edit = keep
    late: Callable[[], object] = lambda: None
    seal: str = "release.sealed"
    matter: str = MATTER

    def write(self) -> Path:
        house, log = self.house, self.house.log
        for name, data in self.files.items():
            self._put(name, data)
        manifest = canonical(self.manifest)
        self._put("manifest.json", manifest)
        self._put("manifest.sig", self._signed(manifest))
        approvals: dict[str, Any] = {
            "type": "disclosure-gateway/approvals/v1",
            "required": self.required,
            "approvals": [self._approval(person, role, manifest) for person, role in self.approvers],
        }
        self.edit_approvals(approvals)
        data = canonical(approvals)
        self._put("approvals.json", data)
        facts: dict[str, Any] = {
            "release": RELEASE,
            "manifest_sha256": sha256(manifest),
            "approvals_sha256": sha256(data),
        }
        self.edit_facts(facts)
        index = house.append(Act(self.seal, "per_admin", matter=self.matter, subject=RELEASE, facts=facts))
        self.late()
        checkpoint = log.checkpoint()
        self._put("audit.proof", log.tlog_proof(index, checkpoint).encode("utf-8"))
        entries: list[Any] = [
            {
                "index": place,
                "entry": log.entry(place).decode("utf-8"),
                "proof": [b64(node) for node in log.inclusion_proof(place, checkpoint.size)],
            }
            for place in self.enrolment
        ]
        enrolment: dict[str, Any] = {"type": "disclosure-gateway/enrolment-proofs/v1", "entries": entries}
        self.edit_enrolment(enrolment)
        self._put("enrolment.json", canonical(enrolment))
        return self.folder

    def _approval(self, person: str, role: str, manifest: bytes) -> dict[str, Any]:
        key = self.house.people[person]
        statement: dict[str, Any] = {
            "type": "disclosure-gateway/approval/v1",
            "release": RELEASE,
            "manifest_sha256": sha256(manifest),
            "decision": "approve",
            "role": role,
            "approver": person,
            "at": CREATED_AT,
            "recipient": RECIPIENT,
            "files": len(self.manifest["files"]),
        }
        self.edit_statement(statement)
        signature = {"alg": "Ed25519", "key": to_text(key.public), "sig": b64(key.sign(canonical(statement)))}
        return {"statement": statement, "signature": signature}

    def _signed(self, manifest: bytes) -> bytes:
        key, kind = self.house.package_key, "disclosure-gateway/manifest-signature/v1"
        signatures = [
            {"alg": algorithm, "key": text, "sig": b64(made)}
            for (algorithm, text), made in zip(key.public.named, key.sign(manifest, kind.encode()), strict=True)
        ]
        signed: dict[str, Any] = {"type": kind, "signatures": signatures}
        self.edit_signed(signed)
        return canonical(signed)

    def _put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def founded(folder: Path) -> House:
    """A house with its people."""
    engine = SQLITE.engine(folder)
    Base.metadata.create_all(engine)
    units, clock = Units(engine), TickingClock()
    house = House(Log(units, Keyring(MemoryRoot(), "tenant", clock), clock, "example.com/gateway"), units, clock)
    house.found()
    house.enrol("per_two", ["privacy"])
    house.enrol("per_two", ["legal"])
    house.enrol("per_three", ["legal"])
    return house


@pytest.fixture
def house(tmp_path: Path) -> House:
    return founded(tmp_path)


@pytest.fixture
def draft(house: House, tmp_path: Path) -> Draft:
    return drafted(house, tmp_path)


def drafted(house: House, folder: Path) -> Draft:
    """A good package, not yet written."""
    files = {
        "files/customer-list-1.csv": b"country,quantity\nDE,10-20 t\n",
        "files/production-photo-1.png": bytes(range(64)),
        "README.txt": "READ ME 请阅读\n".encode(),
        "residue.json": b"{}",
        "verify.py": SCRIPT.read_bytes(),
        "withheld.csv": b"code,reason\n",
        "withheld.pdf": b"%PDF-1.7\n",
    }
    listed = {name: {"path": name, "sha256": sha256(data), "size_bytes": len(data)} for name, data in files.items()}
    about = {"kind": "k", "media_type": "text/csv", "rendition": "ren_1", "decisions": "1" * 64, "residue": "2" * 64}
    required = [{"role": "legal", "n": 1}, {"role": "privacy", "n": 1}]
    manifest: dict[str, Any] = {
        "type": "disclosure-gateway/manifest/v1",
        "matter": MATTER,
        "release": RELEASE,
        "recipient": {"id": RECIPIENT, "name": "商务部", "class": "authority", "hop": 2, "key_fingerprint": None},
        "custody": ["rcp_0", RECIPIENT],
        "profile": "portal",
        "created_at": CREATED_AT,
        "engine": "disclosure-gateway/0.1.0",
        "policy": {"library": "3" * 64, "policies": ["cn-mofcom-single.customer-list@1.0.0"]},
        "files": [listed[name] | about for name in files if name.startswith("files/")],
        "documents": [listed[name] for name in files if not name.startswith("files/")],
        "approvals_required": required,
        "signed_by": [{"alg": algorithm, "key": text} for algorithm, text in house.package_key.public.named],
        "log": house.log.vkey().split(),
        "time_stamp": None,
    }
    return Draft(
        house=house,
        folder=folder / "package",
        approvers=[("per_one", "legal"), ("per_two", "privacy")],
        files=files,
        manifest=manifest,
        required=required,
        enrolment=sorted({*house.entries["per_one"], *house.entries["per_two"]}),
    )


@pytest.fixture
def zipped() -> Callable[[Path], Path]:
    """Write a package folder as the canonical zip: the documented recipe on the standard library's zipfile."""

    def write(folder: Path) -> Path:
        path = folder.with_suffix(".zip")
        names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name in names:
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.create_system, info.external_attr = 3, 0o100644 << 16
                archive.writestr(info, (folder / name).read_bytes())
        return path

    return write


@pytest.fixture
def export(house: House, tmp_path: Path) -> Path:
    """An export with three checkpoints and two matters."""
    for number in range(3):
        for matter in (MATTER, None, "mat_2"):
            house.append(Act("test.done", "per_one", matter=matter, facts={"number": number}))
        house.log.checkpoint()
    return house.log.export(tmp_path / "export").folder


@pytest.fixture(autouse=True)
def _both_are_asked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test here has verified, the second verifier says the same of it, and fails at a step that failed.

    By day it is asked once in sixty times, the first time in each test among them; by night once in five.
    """
    if MISSING is not None:
        return
    every = 5 if "nightly" in str(request.config.getoption("markexpr")).replace("not nightly", "") else 60
    for name in ("verify_package", "verify_export"):
        if hasattr(request.module, name):
            asked = agreeing(getattr(request.module, name), request, every)
            monkeypatch.setattr(request.module, name, asked)


def agreeing(first: Callable[..., Report], request: pytest.FixtureRequest, every: int) -> Callable[..., Report]:
    """`first`, whose verdict is that of the second verifier as well."""
    second: Second = request.getfixturevalue("second")
    calls = itertools.count()

    def verify(path: Path, **known: Any) -> Report:
        if next(calls) % every:
            return first(path, **known)
        answer = second.verify(path, **known)
        try:
            report = first(path, **known)
        except WrongUse:
            assert answer.code == 2, answer
            raise
        failed = [step.title for step in report.steps if step.state == "failed"]
        assert answer.code == report.exit_code, (report, answer)
        assert answer.failed in failed if failed else answer.failed is None, (report, answer)
        return report

    return verify
