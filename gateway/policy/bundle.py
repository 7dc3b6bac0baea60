"""A bundle of policies as signers read and sign it, and what must hold before it decides anything. Pure.

1. A bundle is canonical JSON: the files as they were written, and what they come to. It is loaded from the files, and
   refused where they do not come to just that, byte for byte.
2. Signatures are detached, Ed25519, each over the same statement, which names the bundle by its SHA-256.
3. Every signature is of another known signer and holds; there are at least as many as the quorum asks for.
4. A bundle decides from its first moment to its last, and is followed by one with a higher number.

`docs/formats/policy-bundle.md` is the specification of the bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from gateway import __version__
from gateway.base import clock
from gateway.base.canon import Json, NotCanonical, canonical, parse_canonical
from gateway.base.problems import CheckFailed, Conflict, Refused, Unavailable
from gateway.base.units import MIB
from gateway.policy.load import Library, library_of
from gateway.policy.problems import PolicyInvalid
from gateway.seal.signature import ALGORITHM, BadKey, PublicKey, SignatureInvalid, from_text, to_text

ENGINE = f"disclosure-gateway/{__version__}"
BUNDLE_TYPE = "disclosure-gateway/policy-bundle/v1"
STATEMENT_TYPE = "disclosure-gateway/policy-signing/v1"
SIGNATURES_TYPE = "disclosure-gateway/policy-signatures/v1"
MAX_BUNDLE_BYTES = 16 * MIB
MAX_SIGNATURES_BYTES = MIB
FEWEST_SIGNERS = 2

_BUNDLE_FIELDS = frozenset({"type", "number", "not_before", "not_after", "engine", "sources", "library"})
_MAX_NUMBER = 2**31 - 1
_NAME = re.compile(r"(?!.*(^|/)\.)[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){0,5}\.yaml")


class BundleMalformed(CheckFailed):
    """Bytes that are no bundle or no signatures of one."""

    slug = "bundle-malformed"
    title = "This is not a bundle of policies"


class BundleDiffers(CheckFailed):
    """The files of a bundle do not come to what its signers signed."""

    slug = "bundle-differs"
    title = "The policies are not what the bundle says they are"


class BundleUnsigned(Refused):
    """Signatures are missing, of strangers, twice of one signer, or do not hold."""

    slug = "bundle-unsigned"
    title = "The bundle is not signed as it has to be"


class BundleNotInForce(Refused):
    """Before its first and after its last moment a bundle decides nothing."""

    slug = "bundle-not-in-force"
    title = "The bundle is not in force now"


class BundleNotNewer(Conflict):
    """A bundle that is not newer than what was active once."""

    slug = "bundle-not-newer"
    title = "The bundle is not newer"


class BundleMissing(Unavailable):
    """No signed bundle can decide anything here."""

    slug = "bundle-missing"
    title = "No signed policies are active"


@dataclass(frozen=True)
class Bundle:
    """One bundle, loaded and found to be what it says. `not_before` and `not_after` both count."""

    data: bytes
    number: int
    not_before: datetime
    not_after: datetime
    engine: str
    library: Library

    @cached_property
    def sha256(self) -> str:
        """Hex SHA-256 of the bundle's bytes: its name."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def statement(self) -> bytes:
        """The canonical bytes that every signer signs; it says in words what the digest stands for."""
        return canonical(
            {
                "type": STATEMENT_TYPE,
                "bundle": self.sha256,
                "number": self.number,
                "not_before": clock.to_text(self.not_before),
                "not_after": clock.to_text(self.not_after),
                "engine": self.engine,
                "library": self.library.digest,
                "policies": sorted(self.library.policies),
                "kinds": sorted(self.library.kinds),
            }
        )

    def check_in_force(self, now: datetime) -> None:
        """Raise `BundleNotInForce` before its first and after its last moment."""
        if not self.not_before <= now <= self.not_after:
            raise BundleNotInForce(
                f"The bundle {self.number} holds from {clock.to_text(self.not_before)} to "
                f"{clock.to_text(self.not_after)}; have a bundle signed that holds now."
            )


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign policies, and how many of them must. At least two: nobody decides alone."""

    keys: tuple[PublicKey, ...]
    quorum: int

    def __post_init__(self) -> None:
        if len(set(self.keys)) != len(self.keys):
            raise BadKey("A policy signer's key stands twice; give every signer one line with a key of their own.")
        if not FEWEST_SIGNERS <= self.quorum <= len(self.keys):
            raise BadKey(
                f"The quorum of policy signers lies between {FEWEST_SIGNERS} and their number, which is "
                f"{len(self.keys)}; correct one of them."
            )

    @property
    def texts(self) -> list[str]:
        """Every key as text, sorted."""
        return sorted(map(to_text, self.keys))


def parse_signers(text: str, quorum: int) -> Signers:
    """One `ed25519:…` a line; empty lines and what follows `#` do not count. Raises `BadKey`."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return Signers(tuple(from_text(line) for line in lines if line), quorum)


def make_bundle(
    sources: Mapping[str, bytes], *, number: int, not_before: datetime, not_after: datetime, engine: str = ENGINE
) -> Bundle:
    """A bundle of these files. Raises `PolicyInvalid` where they are not sound, `BundleMalformed` for the rest."""
    for name in sources:
        if not _NAME.fullmatch(name):
            raise BundleMalformed(
                "The name of a policy file does not fit into a bundle; use letters, digits, `.`, `_` and `-`."
            )
    library = library_of(sources)
    data = canonical(
        {
            "type": BUNDLE_TYPE,
            "number": number,
            "not_before": clock.to_text(not_before),
            "not_after": clock.to_text(not_after),
            "engine": engine,
            "sources": {name: data.decode("utf-8") for name, data in sources.items()},
            "library": library.resolved(),
        }
    )
    return open_bundle(data)


def open_bundle(untrusted: bytes) -> Bundle:
    """The bundle in these bytes. Raises `BundleMalformed`, or `BundleDiffers` where what it says is not what it is."""
    if len(untrusted) > MAX_BUNDLE_BYTES:
        raise BundleMalformed(f"A bundle has at most {MAX_BUNDLE_BYTES // MIB} MiB; this one has more.")
    told = _object(untrusted, "bundle", BUNDLE_TYPE, _BUNDLE_FIELDS)
    number = told["number"]
    if type(number) is not int or not 1 <= number <= _MAX_NUMBER:
        raise BundleMalformed("The bundle's `number` is not a whole number from 1; have it made anew.")
    not_before, not_after = _moment(told, "not_before"), _moment(told, "not_after")
    if not_after < not_before:
        raise BundleMalformed("The bundle ends before it begins; have it made anew.")
    if not isinstance(told["engine"], str) or not re.fullmatch(r"[!-~]{1,80}", told["engine"]):
        raise BundleMalformed("The bundle does not say which engine made it; have it made anew.")
    library = _library(told["sources"])
    if canonical(library.resolved()) != canonical(told["library"]):
        raise BundleDiffers(
            "The files in the bundle do not come to the policies that stand beside them, for this version of the "
            "gateway; have the bundle made and signed anew."
        )
    return Bundle(untrusted, number, not_before, not_after, told["engine"], library)


def statement_of(kept: bytes) -> bytes:
    """What the signers of a kept bundle signed, also where this version would read its files otherwise."""
    told = _object(kept, "bundle", BUNDLE_TYPE, _BUNDLE_FIELDS)
    library = told["library"]
    names = {name: told[name] for name in ("number", "not_before", "not_after", "engine")}
    return canonical(
        {
            "type": STATEMENT_TYPE,
            "bundle": hashlib.sha256(kept).hexdigest(),
            **names,
            "library": hashlib.sha256(canonical(library)).hexdigest(),
            "policies": sorted(library["policies"]),
            "kinds": sorted(library["kinds"]),
        }
    )


def signatures_of(signed: Iterable[tuple[PublicKey, bytes]], bundle: Bundle) -> bytes:
    """The signatures file of a bundle, in the order of keys."""
    rows = sorted((to_text(key), base64.b64encode(signature).decode("ascii")) for key, signature in signed)
    return canonical(
        {
            "type": SIGNATURES_TYPE,
            "bundle": bundle.sha256,
            "signatures": [{"alg": ALGORITHM, "key": key, "sig": signature} for key, signature in rows],
        }
    )


def check_signatures(bundle: Bundle, untrusted: bytes, signers: Signers) -> tuple[PublicKey, ...]:
    """Who signed, at least as many as must. Raises `BundleMalformed`, `BundleUnsigned`."""
    if len(untrusted) > MAX_SIGNATURES_BYTES:
        raise BundleMalformed("The signatures file is too large to be one; give the one that was collected.")
    told = _object(untrusted, "signatures file", SIGNATURES_TYPE, frozenset({"type", "bundle", "signatures"}))
    if told["bundle"] != bundle.sha256:
        raise BundleUnsigned("These signatures are of another bundle; give the ones that were made for this one.")
    rows = told["signatures"]
    if not isinstance(rows, list) or not all(
        isinstance(row, dict)
        and row.keys() == {"alg", "key", "sig"}
        and all(isinstance(value, str) for value in row.values())
        for row in rows
    ):
        raise BundleMalformed("The signatures file is not in its documented form; collect the signatures anew.")
    signed = [_signed(bundle, row) for row in rows]
    if len(set(signed)) != len(signed):
        raise BundleUnsigned("One signer stands twice in the signatures; each counts once, so collect them anew.")
    if not set(signed) <= set(signers.keys):
        raise BundleUnsigned("A signature is of somebody who is no policy signer here; leave it out.")
    if len(signed) < signers.quorum:
        raise BundleUnsigned(
            f"The bundle has {len(signed)} of {signers.quorum} signatures; ask the other policy signers for theirs."
        )
    return tuple(signed)


def check_succession(bundle: Bundle, activated: Sequence[Mapping[str, Any]], *, downgrade: bool) -> None:
    """Raise `BundleNotNewer` unless it may follow; `activated` are the facts of all activations, oldest first.

    A number belongs to one bundle for ever. An older one may come back where that is said (`downgrade`).
    """
    if any(one["number"] == bundle.number and one["bundle"] != bundle.sha256 for one in activated):
        raise BundleNotNewer(f"Another bundle has had the number {bundle.number}; make this one with a higher number.")
    if not activated or downgrade or activated[-1]["bundle"] == bundle.sha256:
        return
    highest = max(one["number"] for one in activated)
    if bundle.number <= highest:
        raise BundleNotNewer(
            f"The bundle {bundle.number} is older than the bundle {highest}, which was active; say --downgrade if that "
            "is meant."
        )


def _signed(bundle: Bundle, row: Mapping[str, str]) -> PublicKey:
    if row["alg"] != ALGORITHM:
        raise BundleUnsigned(f"A signature is not {ALGORITHM}; have the bundle signed with `gateway sign`.")
    try:
        key, signature = from_text(row["key"]), base64.b64decode(row["sig"], validate=True)
        key.verify(signature, bundle.statement)
    except (BadKey, SignatureInvalid, ValueError) as error:
        raise BundleUnsigned(
            "A signature does not hold over this bundle; have the signer sign its statement again."
        ) from error
    return key


def _library(sources: object) -> Library:
    if not isinstance(sources, dict) or not sources:
        raise BundleMalformed("The bundle holds no files; have it made anew.")
    for name, text in sources.items():
        if not _NAME.fullmatch(name) or not isinstance(text, str):
            raise BundleMalformed("A file in the bundle is not named or written as a policy file; have it made anew.")
    try:
        return library_of({name: text.encode("utf-8") for name, text in sources.items()})
    except PolicyInvalid as problem:
        raise BundleDiffers(f"A file in the bundle is not sound for this version: {problem.detail}") from problem


def _object(untrusted: bytes, what: str, kind: str, fields: frozenset[str]) -> dict[str, Any]:
    try:
        told: Json = parse_canonical(untrusted)
    except NotCanonical as error:
        raise BundleMalformed(
            f"The {what} is not canonical JSON: it is cut off or was changed; get it anew."
        ) from error
    if not isinstance(told, dict) or told.keys() != fields or told["type"] != kind:
        raise BundleMalformed(f"The {what} is not of the type {kind} with exactly its fields; give the right file.")
    return told


def _moment(told: Mapping[str, Any], name: str) -> datetime:
    try:
        return clock.from_text(told[name])
    except (TypeError, ValueError) as error:
        raise BundleMalformed(f"The bundle's `{name}` is not a time such as 2026-01-31T08:00:00.000Z.") from error
