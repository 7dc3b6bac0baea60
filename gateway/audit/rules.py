"""The byte forms of the log, pure. `docs/formats/audit-log.md` is their specification.

1. An entry's leaf is canonical JSON (RFC 8785) of at most 65,535 bytes.
2. Types are dotted lower-case words; actor, matter and subject are ids without spaces.
3. Texts in `facts` are ASCII without spaces, so that names and sentences cannot slip into the public part.
4. A body enters the leaf only as HMAC-SHA-256 under 32 random bytes that lie encrypted beside the body.
5. Each matter's entries are numbered from 1 and name their predecessor's leaf hash.
6. Times do not run backwards, but for `clock.accepted`, which says that they do.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from gateway.audit.model import Act, ActMalformed, ClockBehind, EntryTooLarge, Filter, FilterMalformed
from gateway.base import clock
from gateway.base.canon import Json, canonical

ENTRY_VERSION = 1
ENTRY_BYTES_MAX = 65_535
SALT_BYTES = 32

# Processes of one deployment may differ by so much; their entries still stand in the order of their times.
CLOCK_TOLERANCE = timedelta(minutes=5)

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_ID = re.compile(r"[!-~]{1,128}")
_TYPES = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\.?")
_FACT = re.compile(r"[!-~]*")
_TIME = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}\.[0-9]{3}Z")


def check_act(act: Act) -> None:
    """Raise `ActMalformed` unless `act` keeps rules 2 and 3."""
    if not _TYPE.fullmatch(act.type):
        raise ActMalformed("The type of an act is dotted lower-case words, such as release.sealed.")
    for name, value in (("actor", act.actor), ("matter", act.matter), ("subject", act.subject)):
        if not (value is None or _ID.fullmatch(value)) or (name == "actor" and value is None):
            raise ActMalformed(f"The {name} of an act is an id of at most 128 characters without spaces.")
    _check_facts(act.facts)


def check_filter(wanted: Filter) -> None:
    """Raise `FilterMalformed` unless entries can be asked for with this."""
    for name, value in wanted.given.items():
        if name in ("matter", "actor") and not _ID.fullmatch(value):
            raise FilterMalformed(f"The {name} of a filter is an id of at most 128 characters without spaces.")
        if name == "type" and not _TYPES.fullmatch(value):
            raise FilterMalformed("The type of a filter is one such as release.sealed, or its beginning with the dot.")
        if name in ("since", "until") and not _TIME.fullmatch(value):
            raise FilterMalformed(f"The time of {name} is one such as 2026-01-31T08:00:00.000Z.")


def entry_leaf(act: Act, *, at: datetime, chain: tuple[int, bytes | None] | None, commitment: bytes | None) -> bytes:
    """The leaf of `act`; `chain` is the entry's number in its matter and the leaf hash of the one before it."""
    entry: dict[str, Json] = {
        "v": ENTRY_VERSION,
        "type": act.type,
        "actor": act.actor,
        "at": clock.to_text(at),
        "facts": act.facts,
    }
    if act.subject is not None:
        entry["subject"] = act.subject
    if act.matter is not None and chain is not None:
        number, previous = chain
        entry |= {"matter": act.matter, "seq": number, "prev": previous.hex() if previous else None}
    if commitment is not None:
        entry["body"] = commitment.hex()
    leaf = canonical(entry)
    if len(leaf) > ENTRY_BYTES_MAX:
        raise EntryTooLarge(f"An entry has at most {ENTRY_BYTES_MAX} bytes; put the rest into its body.")
    return leaf


def check_clock(now: datetime, newest: datetime) -> datetime:
    """The time of an entry made now after one at `newest`: never earlier. `ClockBehind` where now is much earlier."""
    if newest - now > CLOCK_TOLERANCE:
        minutes = (newest - now) // timedelta(minutes=1)
        raise ClockBehind(
            f"This host's clock is {minutes} minutes behind the newest entry of the log, so nothing is written; set "
            "the clock right, or, if the newest entry is the wrong one, run `gateway audit clock --accept`."
        )
    return max(now, newest)


def body_commitment(salt: bytes, body: Mapping[str, Json]) -> bytes:
    """What the leaf says of an encrypted body: HMAC-SHA-256 under a 32-byte salt over the canonical body."""
    return hmac.digest(salt, canonical(body), sha256)


def mac_key(signing_seed: bytes) -> bytes:
    """The key of `entry_mac`, derived from the log's signing seed and telling nothing about it."""
    return hmac.digest(signing_seed, b"disclosure-gateway/audit-entry-mac/v1", sha256)


def entry_mac(key: bytes, index: int, leaf_hash: bytes) -> bytes:
    """Shows that the gateway wrote this leaf at this index: who can only write the database cannot make it."""
    return hmac.digest(key, index.to_bytes(8, "big") + leaf_hash, sha256)


def proof_text(leaf: bytes, index: int, proof: Sequence[bytes], checkpoint: str) -> str:
    """C2SP tlog-proof for entry `index`; the `extra` line carries the leaf itself."""
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {base64.b64encode(leaf).decode('ascii')}",
        f"index {index}",
        *(base64.b64encode(hashed).decode("ascii") for hashed in proof),
    ]
    return "\n".join(lines) + "\n\n" + checkpoint


def _check_facts(value: Json) -> None:
    if isinstance(value, str):
        if not _FACT.fullmatch(value):
            raise ActMalformed(
                "A fact is an id, digest, count, key or time: ASCII without spaces; text goes into body."
            )
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_facts(key)
            _check_facts(item)
    elif isinstance(value, Sequence):
        for item in value:
            _check_facts(item)
