"""Evidence of one dispatched release for a court: everything said of it, signed, and nothing of what was withheld.

1. `evidence.begun` names the certificate that will sign the document, so that the log vouches for it.
2. The log's extract of the whole matter is drawn, which continues the checkpoint that the package was handed over with.
3. The package's record is taken as it was handed over: documents and what binds them, without the disclosed files.
4. Facts and decisions are told from these, never from an original, and the document is made of what was told.
5. The package keys sign an index of every file; `evidence.given` commits to it before the first byte leaves.

`docs/formats/evidence.md` is the specification of the bytes. What is confidential of it is never put on disk.
"""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.audit.extracts import Extracts
from gateway.audit.model import Act, Filter
from gateway.audit.ports import TimeStamper
from gateway.audit.service import Log
from gateway.base import clock as times
from gateway.base.canon import Json, canonical
from gateway.base.problems import CheckFailed, Conflict, Unavailable
from gateway.db.unit import Units
from gateway.keys.model import DEPLOYMENT, KeyRole
from gateway.keys.service import Keyring
from gateway.matter.model import Matter
from gateway.matter.service import Matters
from gateway.people.model import Actor, Permission
from gateway.policy.service import Policies
from gateway.release import binding
from gateway.release.exhibit import Record, exhibit_pdf
from gateway.release.model import Release
from gateway.release.pades import signed_pdf
from gateway.release.register import NotDispatched
from gateway.release.service import Releases
from gateway.release.testimony import asked, chosen, decided, originals
from gateway.render.service import Renders
from gateway.seal.certificate import DocumentKey, document_key
from gateway.seal.merkle import leaf_hash
from gateway.seal.twin import SigningTwin
from gateway.verify import SCRIPT

EVIDENCE_TYPE = "disclosure-gateway/evidence/v1"
DECISIONS_TYPE = "disclosure-gateway/evidence-decisions/v1"
INDEX_TYPE = "disclosure-gateway/evidence-index/v1"
SIGNATURE_TYPE = "disclosure-gateway/evidence-index-signature/v1"
BEGUN, GIVEN = "evidence.begun", "evidence.given"
_REASON = "Evidence of a disclosure"
_DATE_1980 = (1980, 1, 1, 0, 0, 0)

README = """\
EVIDENCE OF ONE RELEASE

evidence.pdf tells in prose what was asked, what left, to whom, when, who decided and approved it, and what this does
not prove. Everything else here is what it rests on. To check it, with nothing but Python 3.9 or later and offline:

    python3 verify.py . --log-key LOG_KEY --package-key PACKAGE_KEY

Take verify.py and both keys from elsewhere: from the company by another way, from an earlier package, from a notary.

evidence.json      the facts that the document tells, each of which is held against log and package
decisions.json     what was decided of every field, by which rule, and why; no value
evidence.pdf       the same in prose, signed (PAdES); certificate.pem is what it is signed with
package/           the package as its recipient got it, without the disclosed files; put them into package/files to
                   have them checked too
log/               every entry of the audit log about this matter, each with its proof, and that none is missing
policies/          (where policies are signed) what the policy signers signed, and their signatures
index.json         size and SHA-256 of every other file; index.sig is the company's signature over it
"""


class EvidenceIncomplete(Conflict):
    """What bound the package when it was handed over is not kept."""

    slug = "evidence-incomplete"
    title = "There is no evidence of this release"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Evidence as one zip, in memory, and the digest that the log holds of it."""

    data: bytes
    index_sha256: str


class Evidence:
    """Makes evidence of releases and records that it did."""

    def __init__(
        self,
        units: Units,
        keyring: Keyring,
        log: Log,
        extracts: Extracts,
        matters: Matters,
        policies: Policies,
        renders: Renders,
        releases: Releases,
        package_key: Callable[[], SigningTwin],
        stamper: TimeStamper | None = None,
    ) -> None:
        self._units = units
        self._keyring = keyring
        self._log = log
        self._extracts = extracts
        self._matters = matters
        self._policies = policies
        self._renders = renders
        self._releases = releases
        self._package_key = package_key
        self._stamper = stamper

    def give(self, actor: Actor, release_id: str) -> Bundle:
        """The evidence of a dispatched release; giving it is an entry, durable before this returns."""
        actor.require(Permission.EVIDENCE_TAKE)
        release = self._releases.get(release_id)
        if release.package_object is None:
            raise NotDispatched("Nothing has left yet, so there is nothing to give evidence of; dispatch it first.")
        package = self._package(release)
        begun, key = self._begin(actor, release)
        log = self._extract(actor, release, package)
        files = {f"package/{path}": data for path, data in package.items()}
        files |= {f"log/{path}": data for path, data in log.items()}
        files |= self._signed_policies(json.loads(package["manifest.json"]))
        files |= self._told(release, package, log, begun, key)
        files |= {"certificate.pem": key.pem, "README.txt": README.encode(), "verify.py": SCRIPT.read_bytes()}
        index = _index(release, files)
        files |= {"index.json": index, "index.sig": binding.signed(index, SIGNATURE_TYPE, self._package_key())}
        digest = hashlib.sha256(index).hexdigest()
        self._enter(actor, release, GIVEN, {"index_sha256": digest, "begun": begun})
        return Bundle(_zip(f"evidence-{release.id}", files), digest)

    def _package(self, release: Release) -> dict[str, bytes]:
        """The package as it was handed over, without the disclosed files; `EvidenceIncomplete` where it is not kept."""
        if release.binding_object is None:
            raise EvidenceIncomplete(
                "This release was dispatched before what binds a package was kept; use the package itself, and an "
                "export of the log with its matter."
            )
        manifest = json.loads(self._releases.bytes_of(release.id, "manifest.json"))
        paths = ["manifest.json", *(one["path"] for one in manifest["documents"])]
        with self._units.read() as session:
            beside = binding.unpacked(self._renders.part(session, release.binding_object))
        package = {path: self._releases.bytes_of(release.id, path) for path in paths} | beside
        proven = {path: data for path, data in package.items() if path in beside or path.startswith("proofs/")}
        log_key = self._log.vkey() + b"".join(line + b"\n" for line in self._log.succession()).decode()
        binding.check_proofs({**proven, "manifest.json": package["manifest.json"]}, log_key, self._package_key().public)
        return package

    def _begin(self, actor: Actor, release: Release) -> tuple[int, DocumentKey]:
        since = times.from_text(json.loads(self._log.entry(0))["at"])
        with self._units.change() as session:
            key_id = self._keyring.ensure(session, role=KeyRole.DOCUMENT_SIGNING, owner=DEPLOYMENT)
            key = document_key(self._keyring.unwrap(session, key_id), self._log.name, since)
            begun = self._log.append(
                session, _act(actor, release, BEGUN, {"certificate_sha256": hashlib.sha256(key.der).hexdigest()})
            )
        return begun, key

    def _enter(self, actor: Actor, release: Release, kind: str, facts: Mapping[str, Json]) -> None:
        with self._units.change() as session:
            self._log.append(session, _act(actor, release, kind, facts))

    def _extract(self, actor: Actor, release: Release, package: Mapping[str, bytes]) -> dict[str, bytes]:
        """All entries of the matter, continuing the checkpoint in the package; they hold ids, which may lie on disk."""
        kept = int(package["audit.proof"].split(b"\n\n", 1)[1].split(b"\n")[1])
        with tempfile.TemporaryDirectory(prefix="evidence-") as folder:
            export = self._extracts.write(
                Path(folder, "log"), Filter(matter=release.matter), actor=actor.person_id, kept=kept
            )
            return {path.name: path.read_bytes() for path in export.folder.iterdir()}

    def _signed_policies(self, manifest: Mapping[str, Any]) -> dict[str, bytes]:
        bundle = manifest["policy"].get("bundle")
        if bundle is None:
            return {}
        statement, signatures = self._policies.signed(bundle)
        return {"policies/statement.json": statement, "policies/signatures.json": signatures}

    def _told(
        self,
        release: Release,
        package: Mapping[str, bytes],
        log: Mapping[str, bytes],
        begun: int,
        key: DocumentKey,
    ) -> dict[str, bytes]:
        """Facts, decisions, and the document that is made of nothing else."""
        manifest, entries = json.loads(package["manifest.json"]), _entries(log)
        matter = self._matters.get(release.matter)
        decisions = {"type": DECISIONS_TYPE, "files": self._decisions(release, manifest)}
        told: dict[str, Json] = {
            "type": EVIDENCE_TYPE,
            "release": release.id,
            "matter": release.matter,
            "log": self._log.name,
            "state": release.state.value,
            "begun": begun,
            "certificate_sha256": hashlib.sha256(key.der).hexdigest(),
            "package_sha256": release.package_sha256,
            "asked": asked(matter),
            "custody": _custody(matter, manifest),
            "originals": originals(manifest, entries),
            "entries": chosen(release.id, entries),
        }
        record = Record(
            told,
            decisions,
            manifest,
            json.loads(package["approvals.json"]),
            json.loads(package["residue.json"]),
            [(index, entry, hashed) for index, (entry, hashed) in entries.items()],
            log_fingerprint=self._log.public_key().fingerprint,
            package_fingerprint=self._package_key().public.fingerprint,
        )
        unsigned = exhibit_pdf(record)
        return {
            "evidence.json": canonical(told),
            "decisions.json": canonical(decisions),
            "evidence.pdf": self._sign(unsigned, key),
        }

    def _decisions(self, release: Release, manifest: Mapping[str, Any]) -> list[Json]:
        by_id = {one.id: one for one in self._renders.of_release(release.id)}
        found: list[Json] = []
        for file in manifest["files"]:
            with self._units.read() as session:
                kept = self._renders.part(session, by_id[file["rendition"]].decisions_object)
            if hashlib.sha256(kept).hexdigest() != file["decisions"]:
                raise CheckFailed("The stored decisions are not those that were approved; restore them from a backup.")
            found.append(decided(file, json.loads(kept)["decisions"]))
        return found

    def _sign(self, unsigned: bytes, key: DocumentKey) -> bytes:
        """B-T where an authority answers, else B-B; raises where none may leave without a time stamp."""
        if self._stamper is not None:
            try:
                return signed_pdf(unsigned, key, self._stamper, reason=_REASON)
            except (Unavailable, CheckFailed):
                if self._stamper.required:
                    raise
        return signed_pdf(unsigned, key, None, reason=_REASON)


def _act(actor: Actor, release: Release, kind: str, facts: Mapping[str, Json]) -> Act:
    return Act(type=kind, actor=actor.person_id, matter=release.matter, subject=release.id, facts=facts)


def _entries(log: Mapping[str, bytes]) -> dict[int, tuple[dict[str, Any], str]]:
    """Index → entry and leaf hash, of all entries in an extract."""
    proofs = [json.loads(line) for line in log["proofs.jsonl"].splitlines()]
    leaves = log["entries.jsonl"].splitlines()
    return {
        proof["index"]: (json.loads(leaf), leaf_hash(leaf).hex()) for proof, leaf in zip(proofs, leaves, strict=True)
    }


def _custody(matter: Matter, manifest: Mapping[str, Any]) -> list[Json]:
    """Everyone through whose hands the copy passes in clear, in the order of the manifest."""
    found = (matter.recipient(one) for one in manifest["custody"])
    return [
        {
            "id": one.id,
            "name": one.name,
            "class": one.recipient_class.value,
            "hop": one.hop,
            "country": one.jurisdiction,
        }
        for one in found
    ]


def _index(release: Release, files: Mapping[str, bytes]) -> bytes:
    listed: Sequence[Json] = [
        {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
        for path, data in sorted(files.items())
    ]
    return canonical({"type": INDEX_TYPE, "release": release.id, "files": list(listed)})


def _zip(folder: str, files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{path}", _DATE_1980), data, zipfile.ZIP_DEFLATED)
    return sink.getvalue()
