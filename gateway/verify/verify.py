#!/usr/bin/env python3
"""Verify a disclosure package or an audit log, offline, with Python 3.9 or later and nothing else.

    python3 verify.py PATH [--log-key KEY] [--package-key KEY] [--checkpoint FILE] [--policy FILE] [--root-only]

PATH is a package (folder or .zip), an audit-log export (folder), or the proof of one entry (file). KEY is a file, or
its text: two keys, Ed25519 and ML-DSA-44, as lines `ed25519:…` and `ml-dsa-44:…`, as verifier keys
`name+hash+base64`, or as PEM. FILE is a checkpoint of the log that you kept from an earlier time, or the policy of the
witnesses that you trust.

Log and package are signed twice, with Ed25519 and with ML-DSA-44; where one of the two is missing or does not hold,
the check fails.

Exit code 0: everything checked holds. 1: a check failed, and the line says what differed. 2: wrong use.

Nothing here is taken on trust from what is verified: keys that come from the package itself are named as such, and
you compare them with keys that you got another way. The formats are described in the product's documentation,
docs/formats/package.md and docs/formats/audit-log.md.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import csv
import hashlib
import hmac
import io
import json
import os
import re
import stat
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

ALGORITHMS = ("Ed25519", "ML-DSA-44")
PACKAGE_FILES = ("manifest.json", "manifest.sig", "approvals.json", "audit.proof", "enrolment.json")
COMMITMENTS_FILE, PROOFS = "commitments.json", "proofs/"
STAMP_FILES = ("timestamp.sig", "timestamp.tsr")
DOCUMENTS = ("README.txt", "residue.json", "verify.py", "withheld.csv", "withheld.pdf")
EXPORT_FILES = (
    "README.txt",
    "checkpoint",
    "checkpoints.jsonl",
    "entries.jsonl",
    "index.json",
    "index.sig",
    "log.pub.pem",
    "log.vkey",
    "verify.py",
)
EXPORT_STAMPS = "stamps.jsonl"
EXPORT_COSIGNATURES, EXPORT_POLICY = "cosignatures.jsonl", "policy"
TILES = "tile/"
PROOF_HEAD = b"c2sp.org/tlog-proof@v1"
EXPORT_SUCCESSION = "succession.jsonl"
# Where an export has a view, each of its lines names an entry; what stands before the first line.
VIEW_FILES = {
    "entries.csv": b"index,leaf_hash,at,type,actor,matter,seq,prev,subject,facts,body\r\n",
    "entries.ocsf.jsonl": b"",
    "entries.cef": b"",
    "entries.syslog": b"",
    "entries.parquet": None,
}
EXTRACT_FILES = (
    "README.txt",
    "checkpoint",
    "entries.jsonl",
    "extract.json",
    "index.json",
    "index.sig",
    "log.pub.pem",
    "log.vkey",
    "proofs.jsonl",
    "verify.py",
)
EVIDENCE_FILES = (
    "README.txt",
    "certificate.pem",
    "decisions.json",
    "evidence.json",
    "evidence.pdf",
    "index.json",
    "index.sig",
    "verify.py",
)
EVIDENCE_POLICIES = ("policies/statement.json", "policies/signatures.json")
AFTER_DISPATCH = ("release.dispatched", "release.acknowledged", "release.recalled")
MIN_APPROVERS = 2
# What ML-DSA-44 signatures are made for; a signature for one use holds for no other. Checkpoints have a label instead.
MANIFEST_CONTEXT = b"disclosure-gateway/manifest-signature/v1"
STAMP_CONTEXT = b"disclosure-gateway/time-stamp-signature/v1"
INDEX_CONTEXT = b"disclosure-gateway/export-index-signature/v1"
EVIDENCE_CONTEXT = b"disclosure-gateway/evidence-index-signature/v1"
SMALL_FILE_BYTES = 16 << 20
TABLE_BYTES = 1 << 30
ENTRY_BYTES_MAX = 65535


class Mismatch(Exception):
    """Something differs from what it should be; the message names it in one sentence."""


class Skipped(Exception):
    """A check that cannot be made because an earlier one failed."""


class WrongUse(Exception):
    """The command, not the thing verified, is wrong."""


# Ed25519 (RFC 8032), strict: canonical encodings only, no keys of small order.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_M1 = pow(2, (_P - 1) // 4, _P)
_Point = tuple[int, int, int, int]
_ZERO: _Point = (0, 1, 1, 0)


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _decode_point(data: bytes) -> _Point:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if len(data) != 32 or y >= _P:
        raise ValueError("not a canonical point")
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _SQRT_M1 % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    if x & 1 != sign:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _encode_point(p: _Point) -> bytes:
    inverse = pow(p[2], _P - 2, _P)
    x, y = p[0] * inverse % _P, p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


_BASE = _decode_point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


@lru_cache(maxsize=8)
def _multiples(point: _Point) -> list[list[_Point]]:
    """0 to 15 times `point`, 16 times it, 16^2 times it …: a log's key comes with every checkpoint."""
    rows = []
    for _ in range(64):
        row = [_ZERO]
        for _ in range(15):
            row.append(_add(row[-1], point))
        rows.append(row)
        point = _add(row[-1], point)
    return rows


@lru_cache(maxsize=64)
def check_public_key(raw: bytes) -> _Point:
    """The point of a canonical Ed25519 key that is not of small order; ValueError where `raw` is none."""
    key = point = _decode_point(raw)
    for _ in range(3):
        point = _add(point, point)
    if _encode_point(point) == _encode_point(_ZERO):
        raise ValueError("a key of small order")
    return key


def ed25519_holds(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is this key's over `message`: [S]B - [k]A encodes to exactly R."""
    try:
        x, y, z, t = check_public_key(raw)
    except ValueError:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= _L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + raw + message).digest(), "little") % _L
    result = _ZERO
    for number, multiples in ((s, _multiples(_BASE)), (k, _multiples((_P - x, y, z, _P - t)))):
        for place, row in enumerate(multiples):
            result = _add(result, row[number >> 4 * place & 15])
    return hmac.compare_digest(_encode_point(result), signature[:32])


# ML-DSA-44 (FIPS 204): verification, of public things only, so nothing here hides its timing.

_Q = 8380417
_GAMMA1 = 1 << 17
_GAMMA2 = (_Q - 1) // 88
_TAU, _BETA, _OMEGA = 39, 78, 80
_MLDSA_KEY_BYTES, _MLDSA_SIGNATURE_BYTES = 32 + 4 * 320, 32 + 4 * 576 + 84
_ZETAS = [pow(1753, int(f"{i:08b}"[::-1], 2), _Q) for i in range(256)]
_Poly = list[int]


def _stream(xof: Callable[[bytes], Any], seed: bytes) -> Iterator[int]:
    """The bytes of a SHAKE without end."""
    done, size = 0, 1024
    while True:
        yield from xof(seed).digest(size)[done:]
        done, size = size, 2 * size


def _unpack(data: bytes, bits: int) -> _Poly:
    """256 little-endian numbers of `bits` bits."""
    number, mask = int.from_bytes(data, "little"), (1 << bits) - 1
    return [number >> bits * i & mask for i in range(256)]


def _packed(w: _Poly) -> int:
    """A polynomial as one number, 64 bits a coefficient: the product of two such numbers is that of the polynomials."""
    return int.from_bytes(struct.pack("<256Q", *[n % _Q for n in w]), "little")


def _unpacked(product: int) -> _Poly:
    """The inverse for a sum of at most eight products, modulo q and x^256 + 1."""
    n = struct.unpack("<512Q", product.to_bytes(4096, "little"))
    return [(low - high) % _Q for low, high in zip(n[:256], n[256:])]


def _inverse_ntt(w: _Poly) -> _Poly:
    """Algorithm 42, in place."""
    m, length = 256, 1
    while length < 256:
        for start in range(0, 256, 2 * length):
            m -= 1
            for j in range(start, start + length):
                t = w[j]
                w[j], w[j + length] = (t + w[j + length]) % _Q, _ZETAS[m] * (w[j + length] - t) % _Q
        length <<= 1
    return [8347681 * c % _Q for c in w]


def _matrix_entry(rho: bytes, row: int, column: int) -> _Poly:
    """Algorithm 30: uniform numbers below q, from three bytes each."""
    stream = _stream(hashlib.shake_128, rho + bytes([column, row]))
    numbers = (a | b << 8 | (c & 127) << 16 for a, b, c in zip(stream, stream, stream))
    below = (number for number in numbers if number < _Q)
    return [next(below) for _ in range(256)]


@lru_cache(maxsize=4)
def _expanded(raw: bytes) -> tuple[bytes, list[tuple[int, list[int]]]]:
    """The digest of the key, and for each row t times 2^13 and the matrix: what all its signatures share."""
    rows = []
    for row in range(4):
        t = [n << 13 for n in _unpack(raw[32 + 320 * row : 352 + 320 * row], 10)]
        matrix = [_packed(_inverse_ntt(_matrix_entry(raw[:32], row, column))) for column in range(4)]
        rows.append((_packed(t), matrix))
    return hashlib.shake_256(raw).digest(64), rows


def _challenge(seed: bytes) -> _Poly:
    """Algorithm 29: 39 coefficients of 1 or -1, the others 0."""
    stream = _stream(hashlib.shake_256, seed)
    signs = sum(next(stream) << 8 * i for i in range(8))
    c = [0] * 256
    for i in range(256 - _TAU, 256):
        j = next(place for place in stream if place <= i)
        c[i], c[j] = c[j], -1 if signs & 1 else 1
        signs >>= 1
    return c


def _hints(data: bytes) -> list[set[int]] | None:
    """Algorithm 21: where the hints are in each of four polynomials, or None where they are not in their only form."""
    found: list[set[int]] = []
    index = 0
    for end in data[_OMEGA:]:
        places = list(data[index:end])
        if not index <= end <= _OMEGA or places != sorted(set(places)):
            return None
        found.append(set(places))
        index = end
    return None if any(data[index:_OMEGA]) else found


def _high_bits(w: _Poly, hints: set[int]) -> int:
    """Algorithms 36 and 40: the high parts, six bits each, moved by one towards where a hint points."""
    high = [(r + _GAMMA2 - 1) // (2 * _GAMMA2) % 44 for r in w]
    for place in hints:
        low = w[place] - (w[place] + _GAMMA2 - 1) // (2 * _GAMMA2) * 2 * _GAMMA2
        high[place] = (high[place] + (1 if low > 0 else -1)) % 44
    return sum(n << 6 * place for place, n in enumerate(high))


def mldsa_holds(raw: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
    """Whether `signature` is this key's over `message` in `context` (Algorithms 3 and 8)."""
    if len(raw) != _MLDSA_KEY_BYTES or len(signature) != _MLDSA_SIGNATURE_BYTES or len(context) > 255:
        return False
    seed, hints = signature[:32], _hints(signature[-84:])
    z = [[_GAMMA1 - n for n in _unpack(signature[at : at + 576], 18)] for at in range(32, 32 + 4 * 576, 576)]
    if hints is None or any(abs(n) >= _GAMMA1 - _BETA for poly in z for n in poly):
        return False
    digest, rows = _expanded(raw)
    mu = hashlib.shake_256(digest + bytes([0, len(context)]) + context + message).digest(64)
    minus_c, packed_z = _packed([-n for n in _challenge(seed)]), [_packed(poly) for poly in z]
    packed = b""
    for hinted, (t, matrix) in zip(hints, rows):
        w = _unpacked(minus_c * t + sum(a * poly for a, poly in zip(matrix, packed_z)))
        packed += _high_bits(w, hinted).to_bytes(192, "little")
    return hmac.compare_digest(hashlib.shake_256(mu + packed).digest(32), seed)


# Byte forms: base64, canonical JSON, shapes, keys.


def unb64(text: str, what: str) -> bytes:
    """The bytes of standard base64 in its only spelling."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch(f"{what} is not base64.") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Mismatch(f"{what} is base64 in an unusual spelling.")
    return data


def shown(value: object) -> str:
    """A value from outside, short and harmless in a terminal."""
    text = ascii(value)
    return text if len(text) <= 90 else text[:87] + "…"


def _plain(text: str) -> str:
    """A text from outside without quotes where it is a name of the usual letters."""
    return text if re.fullmatch("[A-Za-z0-9._-]{1,90}", text) else shown(text)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs) or not all(key.isascii() for key in result):
        raise ValueError("duplicate or non-ASCII key")
    return result


def _small_int(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > 2**53 - 1:
        raise ValueError("number out of range")
    return int(text)


def _no_number(text: str) -> None:
    raise ValueError("no such numbers here: " + text)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_int=_small_int, parse_float=_no_number, parse_constant=_no_number
)
# Where all is ASCII, so are the keys; and what stands twice is lost, and missed when it is written again.
_ASCII_DECODER = json.JSONDecoder(parse_int=_small_int, parse_float=_no_number, parse_constant=_no_number)


def canonical(value: Any) -> bytes:
    """Canonical JSON (RFC 8785) for ASCII keys and no fractions."""
    return _ENCODER.encode(value).encode("utf-8")


def parse_canonical(data: bytes, what: str) -> Any:
    """Parse canonical JSON; any other spelling is a `Mismatch`."""
    try:
        value = (_ASCII_DECODER if data.isascii() else _DECODER).decode(data.decode("utf-8"))
        same = canonical(value) == data
    except (ValueError, RecursionError):
        raise Mismatch(f"{what} is not JSON as documented.") from None
    if not same:
        raise Mismatch(f"{what} is not in canonical form (RFC 8785): it was changed after it was written.")
    return value


class Is(NamedTuple):
    """A leaf of a shape: what it is called, and the test."""

    name: str
    test: Callable[[Any], bool]


def _matches(pattern: str) -> Callable[[Any], bool]:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


TEXT = Is("a text", lambda value: isinstance(value, str) and 0 < len(value) <= 1000)
HEX = Is("a SHA-256 in hex", _matches("[0-9a-f]{64}"))
HEX_OR_NULL = Is("a SHA-256 in hex or null", lambda value: value is None or HEX.test(value))
COUNT = Is("a count", lambda value: type(value) is int and value >= 0)
POSITIVE = Is("a positive count", lambda value: type(value) is int and value > 0)
_TIME = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}\.[0-9]{3}Z"
TIME = Is("a time in UTC", _matches(_TIME))
PATH = Is("a safe path", _matches(r"(?!.*(^|/)\.)[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){0,3}"))
# Those of large logs lie deeper than any other file.
TILE_PATH = Is("a tile's path", _matches(r"tile/[0-9]{1,2}(/x[0-9]{3}){0,5}(/[0-9]{3}(\.p(/[0-9]{1,3})?)?)?"))
EXPORT_PATH = Is("a safe path", lambda value: PATH.test(value) or TILE_PATH.test(value))
KEY = Is("a key ed25519:…", _matches("ed25519:[A-Za-z0-9+/]{43}="))
B64 = Is("base64", _matches("[A-Za-z0-9+/]+={0,2}"))
SIGNATURE_HEX = Is("a signature in hex", _matches("[0-9a-f]{128}"))
LONG_TEXT = Is("a text", lambda value: isinstance(value, str) and 0 < len(value) <= 4000)
ANY_TEXT = Is("a text", lambda value: isinstance(value, str))
ONE = Is("1", lambda value: type(value) is int and value == 1)
OBJECT = Is("an object", lambda value: isinstance(value, dict))

PASSKEY = Is("a key passkey:…", _matches("passkey:[A-Za-z0-9+/]{56}|passkey:[A-Za-z0-9+/]{103}="))
ORIGIN = Is("an origin", _matches(r"https?://[a-z0-9.-]{1,253}(:[1-9][0-9]{0,4})?"))
PERSONAL_KEY = Is("a key ed25519:… or passkey:…", lambda value: KEY.test(value) or PASSKEY.test(value))

SIGNATURE = {"alg": TEXT, "key": PERSONAL_KEY, "sig": B64, "authenticator_data?": B64, "client_data?": B64}
QUORUM = {"role": TEXT, "n": POSITIVE}
DOCUMENT = {"path": PATH, "sha256": HEX, "size_bytes": COUNT}
MANIFEST = {
    "type": "disclosure-gateway/manifest/v1",
    "matter": TEXT,
    "release": TEXT,
    "recipient": {"id": TEXT, "name": TEXT, "class": TEXT, "hop": COUNT, "key_fingerprint": HEX_OR_NULL},
    "custody": [TEXT],
    "profile": TEXT,
    "created_at": TIME,
    "engine": TEXT,
    "policy": {"library": HEX, "policies": [TEXT], "bundle?": HEX},
    "files": [{**DOCUMENT, "kind": TEXT, "media_type": TEXT, "rendition": TEXT, "decisions": HEX, "residue": HEX}],
    "documents": [DOCUMENT],
    "approvals_required": [QUORUM],
    "signed_by": [{"alg": TEXT, "key": LONG_TEXT}],
    "log": [LONG_TEXT],
    "time_stamp": Is("rfc3161 or null", lambda value: value in (None, "rfc3161")),
}
SIGNED = [{"alg": TEXT, "key": LONG_TEXT, "sig": B64}]
MANIFEST_SIGNATURE = {"type": "disclosure-gateway/manifest-signature/v1", "signatures": SIGNED}
STAMP_SIGNATURE = {"type": "disclosure-gateway/time-stamp-signature/v1", "signatures": SIGNED}
EXPORT_INDEX = {
    "type": "disclosure-gateway/export-index/v1",
    "log": LONG_TEXT,
    "files": [{"path": EXPORT_PATH, "sha256": HEX, "size_bytes": COUNT}],
}
INDEX_SIGNATURE = {"type": "disclosure-gateway/export-index-signature/v1", "signatures": SIGNED}
STATEMENT = {
    "type": "disclosure-gateway/approval/v1",
    "release": TEXT,
    "manifest_sha256": HEX,
    "decision": "approve",
    "role": TEXT,
    "approver": TEXT,
    "at": TIME,
    "recipient": TEXT,
    "files": POSITIVE,
}
APPROVALS = {
    "type": "disclosure-gateway/approvals/v1",
    "required": [QUORUM],
    "approvals": [{"statement": STATEMENT, "signature": SIGNATURE}],
}
ENROLMENT = {
    "type": "disclosure-gateway/enrolment-proofs/v1",
    "entries": [{"index": COUNT, "entry": ANY_TEXT, "proof": [B64]}],
}
FOUNDER = {"person": TEXT, "key": KEY, "roles": [TEXT], "signature": SIGNATURE_HEX}
FOUNDED = {"deployment": TEXT, "at": TIME, "people": [FOUNDER]}
ENROLLED = {
    "person": TEXT,
    "key": KEY,
    "roles": [TEXT],
    "proposer": TEXT,
    "at": TIME,
    "countersigner": TEXT,
    "statement_sha256": HEX,
    "signature": SIGNATURE_HEX,
}
PASSKEY_ENROLLED = {
    "person": TEXT,
    "passkey": TEXT,
    "key": PASSKEY,
    "origin": ORIGIN,
    "proposer": TEXT,
    "at": TIME,
    "countersigner": TEXT,
    "statement_sha256": HEX,
    "signature": SIGNATURE_HEX,
}
STAMP = {"size": POSITIVE, "response": B64}
COSIGNED = {"size": POSITIVE, "line": ANY_TEXT}
HEARTBEAT = {"size": POSITIVE, "every_s": POSITIVE, "tsr_sha256?": HEX, "stamped_at?": TIME}
NAMED_LOG = {"name": TEXT, "keys": [LONG_TEXT]}
SUCCESSION = {
    "statement": {
        "type": "disclosure-gateway/log-succession/v1",
        "log": NAMED_LOG,
        "next": NAMED_LOG,
        "size": POSITIVE,
        "root": HEX,
        "known": Is("base64 or null", lambda value: value is None or B64.test(value)),
        "at": TIME,
    },
    "signatures": [B64],
}
SEALED = {"release": TEXT, "manifest_sha256": HEX, "approvals_sha256": HEX}
ENTRY = {
    "v": ONE,
    "type": TEXT,
    "actor": TEXT,
    "at": TIME,
    "facts": OBJECT,
    "matter?": TEXT,
    "seq?": POSITIVE,
    "prev?": HEX_OR_NULL,
    "subject?": TEXT,
    "body?": HEX,
}


MAP_KEY = {"type": "disclosure-gateway/matter-map-key/v1", "key": B64}
MAPPED = {"root": HEX, "key": HEX}
EXTRACT = {
    "type": "disclosure-gateway/extract/v1",
    "log": LONG_TEXT,
    "filter": {"matter?": TEXT, "actor?": TEXT, "type?": TEXT, "since?": TIME, "until?": TIME},
    "exported": COUNT,
    "matter": Is("an object or null", lambda value: value is None or isinstance(value, dict)),
}
MATTER_PROOF = {
    "mapped": COUNT,
    "key": B64,
    "count": COUNT,
    "last": HEX_OR_NULL,
    "beside": Is("a way down", _matches("[01]{0,256}")),
    "path": Is("base64", _matches("[A-Za-z0-9+/]*={0,2}")),
    "other": Is("base64 or null", lambda value: value is None or B64.test(value)),
}
EVIDENCE_INDEX = {"type": "disclosure-gateway/evidence-index/v1", "release": TEXT, "files": [DOCUMENT]}
EVIDENCE_SIGNATURE = {"type": "disclosure-gateway/evidence-index-signature/v1", "signatures": SIGNED}
INDEX_OR_NULL = Is("a count or null", lambda value: value is None or COUNT.test(value))
EVIDENCE = {
    "type": "disclosure-gateway/evidence/v1",
    "release": TEXT,
    "matter": TEXT,
    "log": TEXT,
    "state": TEXT,
    "begun": COUNT,
    "certificate_sha256": HEX,
    "package_sha256": HEX,
    "asked": OBJECT,
    "custody": [{"id": TEXT, "name": TEXT, "class": TEXT, "hop": COUNT, "country": TEXT}],
    "originals": [
        {
            "file": PATH,
            "original": TEXT,
            "kind": TEXT,
            "media_type": TEXT,
            "size_bytes": COUNT,
            "kept": COUNT,
            "commitment": HEX,
            "committed": INDEX_OR_NULL,
        }
    ],
    "entries": [COUNT],
}
BOTH_TEXTS = {"en": ANY_TEXT, "zh": ANY_TEXT}
RULING = {
    "rule": TEXT,
    "done": BOTH_TEXTS,
    "in_part": Is("true or false", lambda value: isinstance(value, bool)),
    "code": TEXT,
    "basis?": ANY_TEXT,
    "asked_for?": ANY_TEXT,
    "reason?": BOTH_TEXTS,
    "no_summary_reason?": BOTH_TEXTS,
    "exception?": TEXT,
}
FIELD = {
    "field": Is("a text or null", lambda value: value is None or TEXT.test(value)),
    "element": TEXT,
    "title": BOTH_TEXTS,
    "outcome": TEXT,
    "output_title": Is("a text or null", lambda value: value is None or ANY_TEXT.test(value)),
    "rulings": [RULING],
    "count": POSITIVE,
}
DECISIONS = {
    "type": "disclosure-gateway/evidence-decisions/v1",
    "files": [{"path": PATH, "rendition": TEXT, "decisions": HEX, "policy": TEXT, "fields": [FIELD]}],
}
POLICY_SIGNATURES = {
    "type": "disclosure-gateway/policy-signatures/v1",
    "bundle": HEX,
    "signatures": [SIGNATURE],
}
CONSISTENCY = {"type": "disclosure-gateway/consistency/v1", "old": COUNT, "new": COUNT, "proof": [B64]}


def check_shape(value: Any, wanted: Any, where: str) -> None:
    """Raise `Mismatch` naming the first place where `value` does not have the shape `wanted`, no field more or less.

    A field whose name in `wanted` ends with `?` may be missing.
    """
    if isinstance(wanted, dict):
        for name, inner in _fields(value, wanted, where).items():
            check_shape(value[name], inner, f"{where}, {name}")
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            raise Mismatch(f"{where} is not a list.")
        for number, item in enumerate(value):
            check_shape(item, wanted[0], f"{where} {number}")
    elif isinstance(wanted, str):
        if value != wanted:
            raise Mismatch(f"{where} is {shown(value)}, not {wanted}.")
    elif not wanted.test(value):
        raise Mismatch(f"{where} is not {wanted.name}: {shown(value)}.")


def _fields(value: Any, wanted: dict[str, Any], where: str) -> dict[str, Any]:
    """The shapes of just the fields that `value` has to have and has."""
    if not isinstance(value, dict):
        raise Mismatch(f"{where} is not an object.")
    shapes = {name.rstrip("?"): shape for name, shape in wanted.items() if name[-1] != "?" or name[:-1] in value}
    for name in sorted(shapes.keys() ^ value.keys()):
        raise Mismatch(f"{where} {'lacks the' if name in shapes else 'has the unknown'} field {shown(name)}.")
    return shapes


_PLAIN, _HEX = r"[ !#-\[\]-~]{1,1000}", "[0-9a-f]{64}"
_QUICK_ENTRY = re.compile(
    rf'\{{"actor":"({_PLAIN})","at":"({_TIME})"(?:,"body":"({_HEX})")?,"facts":(\{{.*\}})'
    rf'(?:,"matter":"({_PLAIN})","prev":(?:null|"({_HEX})"),"seq":([1-9][0-9]{{0,14}}))?'
    rf'(?:,"subject":"({_PLAIN})")?,"type":"({_PLAIN})","v":1\}}'
)


def _quick_entry(leaf: bytes) -> dict[str, Any] | None:
    """The entry in `leaf` where it is plainly one, read at a third of the price; None says nothing about it.

    What stands between the facts' braces is canonical JSON by itself, so that nothing around it can belong to it.
    """
    fits = leaf.isascii() and len(leaf) <= ENTRY_BYTES_MAX
    found = _QUICK_ENTRY.fullmatch(leaf.decode("ascii")) if fits else None
    if found is None:
        return None
    actor, at, body, facts, matter, previous, number, subject, kind = found.groups()
    try:
        entry = {"v": 1, "type": kind, "actor": actor, "at": at, "facts": parse_canonical(facts.encode("ascii"), "")}
    except Mismatch:
        return None
    if matter is not None:
        entry["matter"], entry["prev"], entry["seq"] = matter, previous, int(number)
    if subject is not None:
        entry["subject"] = subject
    if body is not None:
        entry["body"] = body
    return entry


def parse_entry(leaf: bytes, what: str) -> dict[str, Any]:
    """The log entry in `leaf`, in its documented shape."""
    if len(leaf) > ENTRY_BYTES_MAX:
        raise Mismatch(f"{what} is longer than {ENTRY_BYTES_MAX} bytes.")
    entry = parse_canonical(leaf, what)
    if not isinstance(entry, dict):
        raise Mismatch(f"{what} is not an object.")
    check_shape(entry, ENTRY, what)
    chained = [name in entry for name in ("matter", "seq", "prev")]
    if any(chained) and not all(chained):
        raise Mismatch(f"{what} has only a part of matter, seq and prev.")
    return entry


class Key(NamedTuple):
    """Two public keys that sign together, and the log's name where they came with one."""

    ed25519: bytes
    mldsa: bytes
    name: str | None = None

    @property
    def texts(self) -> list[str]:
        """Each key in one line, `ed25519:…` and `ml-dsa-44:…`."""
        raws = zip(ALGORITHMS, (self.ed25519, self.mldsa))
        return [f"{algorithm.lower()}:{base64.b64encode(raw).decode('ascii')}" for algorithm, raw in raws]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over both raw keys: what people read to each other."""
        return hashlib.sha256(self.ed25519 + self.mldsa).hexdigest()

    def same(self, other: Key) -> bool:
        """Whether these are the other's keys; and the other's name, where both have one."""
        named = None in (self.name, other.name) or self.name == other.name
        return named and (self.ed25519, self.mldsa) == (other.ed25519, other.mldsa)


_PEM_BLOCK = re.compile(
    "-----BEGIN PUBLIC KEY-----\\s+([A-Za-z0-9+/=]+(?:\\s+[A-Za-z0-9+/=]+)*)\\s+-----END PUBLIC KEY-----\\s*"
)
_PEM_HEADS = (bytes.fromhex("302a300506032b6570032100"), bytes.fromhex("30820532300b06096086480165030403110382052100"))
_NOTE_TYPES = (b"\x01", b"\x06")


def note_key_hash(name: str, typed: bytes) -> bytes:
    """The four bytes by which a C2SP note names its key; `typed` begins with the type byte."""
    return hashlib.sha256(name.encode("utf-8") + b"\n" + typed).digest()[:4]


def parse_key(text: str, what: str) -> Key:
    """Both keys: two lines `ed25519:…` and `ml-dsa-44:…`, two C2SP verifier keys, or two blocks of PEM."""
    text = text.strip()
    parts = _PEM_BLOCK.findall(text) if _PEM_BLOCK.match(text) else text.split()
    if len(parts) != 2 or (_PEM_BLOCK.match(text) and _PEM_BLOCK.sub("", text)):
        raise Mismatch(f"{what} is not a pair of keys: both are needed, Ed25519 first, then ML-DSA-44.")
    found = [_parse_one(part.strip(), place, what) for place, part in enumerate(parts)]
    (ed25519, name), (mldsa, other) = found
    if name != other:
        raise Mismatch(f"{what} names two logs.")
    check_ed25519(ed25519, what)
    if len(mldsa) != _MLDSA_KEY_BYTES:
        raise Mismatch(f"{what} has an ML-DSA-44 key of a wrong length.")
    return Key(ed25519, mldsa, name)


def _parse_one(text: str, place: int, what: str) -> tuple[bytes, str | None]:
    """One key of a pair in any of its forms: its raw bytes, and the name that came with it."""
    algorithm, head = ALGORITHMS[place], _PEM_HEADS[place]
    prefix = algorithm.lower() + ":"
    if text.startswith(prefix):
        return unb64(text[len(prefix) :], what), None
    name, _, rest = text.partition("+")
    hashed, _, encoded = rest.partition("+")
    if re.fullmatch("[0-9a-f]{8}", hashed) and encoded:
        if not re.fullmatch("[!-*,-~]{1,255}", name):
            raise Mismatch(f"{what} names a log {shown(name)}; names are printable ASCII without spaces.")
        typed = unb64(encoded, what)
        if typed[:1] != _NOTE_TYPES[place] or hashed != note_key_hash(name, typed).hex():
            raise Mismatch(f"{what} is not a verifier key name+hash+base64 of type {algorithm}.")
        return typed[1:], name
    data = unb64("".join(text.split()), what)
    if not data.startswith(head):
        raise Mismatch(f"{what} is not written as documented: one of its parts is not an {algorithm} public key.")
    return data[len(head) :], None


def check_ed25519(raw: bytes, what: str) -> None:
    """Raise `Mismatch` unless `raw` is an Ed25519 key that is safe to verify with."""
    try:
        check_public_key(raw)
    except ValueError:
        raise Mismatch(f"{what} is not a safe Ed25519 public key.") from None


def check_personal_signature(key_text: str, alg: str, signature: bytes, message: bytes, what: str) -> None:
    """Raise `Mismatch` unless this person's Ed25519 signature holds; an algorithm unknown here does not."""
    if alg != "Ed25519":
        raise Mismatch(f"{what} is of the algorithm {shown(alg)}, which this script cannot verify.")
    raw = unb64(key_text.partition(":")[2], f"The key of {what}")
    check_ed25519(raw, f"The key of {what}")
    if not ed25519_holds(raw, message, signature):
        raise Mismatch(f"{what} does not hold: the signed bytes, the signature or the key was changed.")


# Passkeys (W3C WebAuthn, level 3; ECDSA over P-256 of FIPS 186-5): what a browser and an authenticator said.

P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
P256_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# A COSE key has one form: {1: 2, 3: -7, -1: 1, -2: x, -3: y} for ES256, {1: 1, 3: -8, -1: 6, -2: x} for EdDSA.
COSE_ES256, COSE_ES256_Y = bytes.fromhex("a5010203262001215820"), bytes.fromhex("225820")
COSE_EDDSA = bytes.fromhex("a4010103272006215820")
PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP = 0x01, 0x04, 0x08, 0x10


def _p256_add(p: tuple[int, int] | None, q: tuple[int, int] | None) -> tuple[int, int] | None:
    """The sum of two points; `None` is the one at infinity."""
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P256_P == 0:
        return None
    if p == q:
        slope = 3 * (p[0] * p[0] - 1) * pow(2 * p[1], -1, P256_P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P256_P)
    x = (slope * slope - p[0] - q[0]) % P256_P
    return x, (slope * (p[0] - x) - p[1]) % P256_P


def _der_pair(signature: bytes) -> tuple[int, int] | None:
    """The two numbers of an ECDSA signature, if it is in its one DER form."""
    numbers: list[int] = []
    rest = signature[2:]
    if len(signature) > 72 or signature[:2] != bytes([0x30, len(signature) - 2 & 0xFF]):
        return None
    while rest and len(numbers) < 2:
        size = rest[1] if len(rest) > 1 else 0
        body = rest[2 : 2 + size]
        if rest[0] != 2 or not 0 < size <= 33 or len(body) != size:
            return None
        if body[0] & 0x80 or (size > 1 and body[0] == 0 and not body[1] & 0x80):
            return None
        numbers.append(int.from_bytes(body, "big"))
        rest = rest[2 + size :]
    return (numbers[0], numbers[1]) if len(numbers) == 2 and not rest else None


def p256_holds(point: tuple[int, int], message: bytes, signature: bytes) -> bool:
    """Whether `signature`, in DER, is that of this public key over `message`, with SHA-256."""
    x, y = point
    if not (0 <= x < P256_P and 0 <= y < P256_P and (y * y - (x * x - 3) * x - P256_B) % P256_P == 0):
        return False
    r, s = _der_pair(signature) or (0, 0)
    if not (0 < r < P256_N and 0 < s < P256_N):
        return False
    inverse = pow(s, -1, P256_N)
    u = int.from_bytes(hashlib.sha256(message).digest(), "big") * inverse % P256_N
    v = r * inverse % P256_N
    sums = {(1, 0): P256_G, (0, 1): point, (1, 1): _p256_add(P256_G, point)}
    found: tuple[int, int] | None = None
    for bit in range(255, -1, -1):
        found = _p256_add(found, found)
        step = (u >> bit & 1, v >> bit & 1)
        if step != (0, 0):
            found = _p256_add(found, sums[step])
    return found is not None and found[0] % P256_N == r


def check_approval_signature(signature: dict[str, Any], message: bytes, what: str) -> str:
    """Raise `Mismatch` unless this approver's key or passkey signed `message`; the origin where a passkey was used."""
    parts = {"authenticator_data", "client_data"} & signature.keys()
    made = unb64(signature["sig"], what)
    if signature["alg"] != "WebAuthn":
        if parts or not KEY.test(signature["key"]):
            raise Mismatch(f"{what} is partly that of a passkey.")
        check_personal_signature(signature["key"], signature["alg"], made, message, what)
        return ""
    if len(parts) != 2 or not PASSKEY.test(signature["key"]):
        raise Mismatch(f"{what} lacks what a passkey's signature is made over.")
    data, client = (unb64(signature[name], what) for name in ("authenticator_data", "client_data"))
    origin = _check_client(client, hashlib.sha256(message).digest(), what)
    _check_authenticator(data, origin, what)
    _check_passkey(
        unb64(signature["key"][8:], f"The key of {what}"), data + hashlib.sha256(client).digest(), made, what
    )
    return origin


def _check_client(client: bytes, challenge: bytes, what: str) -> str:
    """The origin that the browser named, if it speaks of this challenge."""
    try:
        told = json.loads(client[:4097].decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or len(client) > 4096:
        raise Mismatch(f"{what} has a browser's part that cannot be read.")
    if told.get("type") != "webauthn.get":
        raise Mismatch(f"{what} was made for something else than a signature: {shown(told.get('type'))}.")
    if told.get("challenge") != base64.urlsafe_b64encode(challenge).rstrip(b"=").decode("ascii"):
        raise Mismatch(f"{what} was made over another statement: the challenge differs.")
    if not ORIGIN.test(told.get("origin")):
        raise Mismatch(f"{what} was made at no origin: {shown(told.get('origin'))}.")
    if told.get("crossOrigin", False) is not False or "topOrigin" in told:
        raise Mismatch(f"{what} was made inside a page of another site.")
    return str(told["origin"])


def _check_authenticator(data: bytes, origin: str, what: str) -> None:
    """Raise `Mismatch` unless the authenticator speaks for that host, of somebody present and verified."""
    host = origin.partition("://")[2].partition(":")[0]
    if len(data) != 37:
        raise Mismatch(f"{what} has an authenticator's part of {len(data)} bytes instead of 37.")
    if data[:32] != hashlib.sha256(host.encode("ascii")).digest():
        raise Mismatch(f"{what} was made for another host than {shown(host)}.")
    flags = data[32]
    for flag, missing in ((PRESENT, "somebody present"), (VERIFIED, "the authenticator verifying its user")):
        if not flags & flag:
            raise Mismatch(f"{what} was made without {missing}.")
    if flags & ~(PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP) or flags & (8 | 16) == BACKED_UP:
        raise Mismatch(f"{what} has flags that contradict each other.")


def _check_passkey(cose: bytes, message: bytes, signature: bytes, what: str) -> None:
    """Raise `Mismatch` unless this COSE key, ES256 or EdDSA, signed `message`."""
    x, y = cose[10:42], cose[45:]
    if cose == COSE_ES256 + x + COSE_ES256_Y + y and len(y) == 32:
        point = int.from_bytes(x, "big"), int.from_bytes(y, "big")
        holds = p256_holds(point, message, signature)
    elif cose == COSE_EDDSA + x and len(x) == 32:
        check_ed25519(x, f"The key of {what}")
        holds = ed25519_holds(x, message, signature)
    else:
        raise Mismatch(f"The key of {what} is not an ES256 or EdDSA key in its one COSE form.")
    if not holds:
        raise Mismatch(f"{what} does not hold: the signed bytes, the signature or the key was changed.")


def check_both_named(items: list[dict[str, Any]], what: str) -> None:
    """Raise `Mismatch` unless exactly one Ed25519 and one ML-DSA-44 item are here, in this order."""
    algorithms = [item["alg"] for item in items]
    for algorithm in ALGORITHMS:
        if algorithm not in algorithms:
            raise Mismatch(f"{what} lacks the {algorithm} signature; both are needed.")
    if algorithms != list(ALGORITHMS):
        raise Mismatch(
            f"{what} has {len(algorithms)} signatures; it takes one Ed25519 and one ML-DSA-44, in this order."
        )


def check_both_signatures(items: list[dict[str, Any]], message: bytes, context: bytes, what: str, signed: str) -> Key:
    """Raise `Mismatch` unless both algorithms signed `message`, the bytes of the file `signed`; the keys that did."""
    check_both_named(items, what)
    key = parse_key(" ".join(item["key"] for item in items), f"The keys of {what}")
    if key.texts != [item["key"] for item in items]:
        raise Mismatch(f"The keys of {what} are not written as documented.")
    ed25519, mldsa = (unb64(item["sig"], f"A signature in {what}") for item in items)
    if not ed25519_holds(key.ed25519, message, ed25519):
        raise Mismatch(f"The Ed25519 signature in {what} does not hold: {signed}, it or its key was changed.")
    if not mldsa_holds(key.mldsa, message, mldsa, context):
        raise Mismatch(f"The ML-DSA-44 signature in {what} does not hold: {signed}, it or its key was changed.")
    return key


# Merkle tree (RFC 6962) and checkpoints (C2SP).


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256 over 0x00 and the leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Peaks:
    """The root of a growing tree."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def append(self, hashed: bytes) -> None:
        """Add the next leaf by its hash."""
        size, peaks, sha256 = self.size, self._peaks, hashlib.sha256
        while size & 1:
            hashed = sha256(b"\x01" + peaks.pop() + hashed).digest()
            size >>= 1
        peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        hashed = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            hashed = node_hash(peak, hashed)
        return hashed


def check_inclusion(leaf: bytes, index: int, proof: Sequence[bytes], checkpoint: Checkpoint, what: str) -> None:
    """Raise `Mismatch` unless `leaf` is entry `index` under this checkpoint (RFC 9162, 2.1.3.2)."""
    node, last, hashed = index, checkpoint.size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last <= 0:
            raise Mismatch(f"The inclusion proof of {what} is too long.")
        if node & 1 or node == last:
            hashed = node_hash(sibling, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        node, last = node >> 1, last >> 1
    if not index < checkpoint.size or last or hashed != checkpoint.root:
        raise Mismatch(f"{what} is not entry {index} of the log: the entry, its proof or the checkpoint was changed.")


def check_consistency(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    """Raise `Mismatch` unless the log of `new` begins with that of `old` (RFC 9162, 2.1.4.2)."""
    node, last, path = old.size - 1, new.size - 1, list(proof)
    if not 0 < old.size < new.size:
        raise Mismatch(f"A log of {new.size} entries does not continue one of {old.size}.")
    if old.size & (old.size - 1) == 0:
        path.insert(0, old.root)
    while node & 1:
        node, last = node >> 1, last >> 1
    was = now = path[0] if path else b""
    for sibling in path[1:]:
        if last == 0:
            raise Mismatch("The consistency proof is too long.")
        if node & 1 or node == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        node, last = node >> 1, last >> 1
    if last or was != old.root or now != new.root:
        raise Mismatch(f"The first {old.size} entries are not those of the checkpoint you kept: the log was rewritten.")


# Tiles (C2SP tlog-tiles): the hashes of the tree, 256 to a file.


def tile_path(level: int, index: int, width: int) -> str:
    """Where the tile lies that is number `index` of its level and has `width` hashes."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    parts = [*(f"x{group}" for group in groups[:-1]), groups[-1]]
    return f"{TILES}{level}/{'/'.join(parts)}" + ("" if width == 256 else f".p/{width}")


class Tiles:
    """The tiles of a tree, made again hash by hash and compared with those that are there."""

    def __init__(self, files: Folder) -> None:
        self._files = files
        self._left = {name for name in files.sizes if name.startswith(TILES)}
        self._levels: list[list[bytes]] = []
        self._full: list[int] = []

    def take(self, hashed: bytes, level: int = 0) -> None:
        """Go on with the next hash of this level."""
        if level == len(self._levels):
            self._levels.append([])
            self._full.append(0)
        tile = self._levels[level]
        tile.append(hashed)
        if len(tile) == 256:
            self._compare(level)
            self._full[level] += 1
            row = tile[:]
            tile.clear()
            while len(row) > 1:
                row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
            self.take(row[0], level + 1)

    def end(self) -> None:
        """The partial tiles, and that there is no other."""
        for level, tile in enumerate(self._levels):
            if tile:
                self._compare(level)
        for name in sorted(self._left):
            raise Mismatch(f"{name} is no tile of this tree.")

    def _compare(self, level: int) -> None:
        tile = self._levels[level]
        name = tile_path(level, self._full[level], len(tile))
        if name not in self._left:
            raise Mismatch(f"{name} is missing.")
        self._left.remove(name)
        with self._files.open(name) as file:
            told = file.read(32 * 256 + 1)
        if told == b"".join(tile):
            return
        if len(told) != 32 * len(tile):
            raise Mismatch(f"{name} has not {32 * len(tile)} bytes.")
        place = next(at for at, hashed in enumerate(tile) if told[32 * at : 32 * at + 32] != hashed)
        of = "of entry" if level == 0 else "that the entries lead to, number"
        raise Mismatch(f"{name} does not hold the hash {of} {256 * self._full[level] + place}.")


class Checkpoint(NamedTuple):
    """What a signed checkpoint says."""

    origin: str
    size: int
    root: bytes


def open_checkpoint(text: str, key: Key, what: str) -> Checkpoint:
    """The checkpoint in `text`, signed under the origin's name by both of the log's keys, in the first two lines."""
    body, blank, signatures = text.rpartition("\n\n")
    lines = body.split("\n")
    if (
        not (blank and body.isascii() and signatures.endswith("\n"))
        or len(lines) != 3
        or not re.fullmatch("0|[1-9][0-9]{0,15}", lines[1])
    ):
        raise Mismatch(f"{what} is not origin, size and root, an empty line and signature lines.")
    root = unb64(lines[2], f"The root of {what}")
    if len(root) != 32:
        raise Mismatch(f"The root of {what} is not 32 bytes.")
    checkpoint = Checkpoint(lines[0], int(lines[1]), root)
    if key.name is not None and checkpoint.origin != key.name:
        raise Mismatch(f"{what} is of the log {shown(checkpoint.origin)}, not of {key.name}.")
    ed25519, cosignature = _log_signatures(signatures[:-1].split("\n"), checkpoint.origin, key, what)
    if not ed25519_holds(key.ed25519, (body + "\n").encode("ascii"), ed25519):
        raise Mismatch(f"{what}: the log's Ed25519 signature does not belong to this text.")
    claimed, signature = cosignature[:8], cosignature[8:]
    if len(cosignature) < 8 or claimed[0] & 128:
        raise Mismatch(f"{what}: the time in the log's ML-DSA-44 signature is out of range.")
    if not mldsa_holds(key.mldsa, cosigned_message(checkpoint, claimed), signature, b""):
        raise Mismatch(f"{what}: the log's ML-DSA-44 signature does not belong to this text.")
    return checkpoint


def _log_signatures(lines: list[str], origin: str, key: Key, what: str) -> list[bytes]:
    """The log's two signatures: the first two lines, and no other line. Lines of other keys may follow."""
    wanted = [note_key_hash(origin, kind + raw) for kind, raw in zip(_NOTE_TYPES, (key.ed25519, key.mldsa))]
    own: list[int | None] = []
    blobs: list[bytes] = []
    for line in lines:
        match = re.fullmatch("— ([!-*,-~]+) ([A-Za-z0-9+/=]+)", line)
        if match is None:
            raise Mismatch(f"{what} has a malformed signature line.")
        blobs.append(unb64(match.group(2), f"A signature of {what}"))
        known = match.group(1) == origin and blobs[-1][:4] in wanted
        own.append(wanted.index(blobs[-1][:4]) if known else None)
    for place, algorithm in enumerate(ALGORITHMS):
        if place not in own:
            raise Mismatch(f"{what} carries no {algorithm} signature of the log; both are needed.")
        if own[place] != place or own.count(place) > 1:
            raise Mismatch(f"{what}: the log's {algorithm} signature is not in its only place.")
    return [blob[4:] for blob in blobs[:2]]


def cosigned_message(checkpoint: Checkpoint, claimed: bytes, cosigner: str | None = None) -> bytes:
    """What ML-DSA-44 signs of a checkpoint (C2SP tlog-cosignature): label, cosigner, time, log, span, root."""
    names = [name.encode("ascii") for name in (cosigner or checkpoint.origin, checkpoint.origin)]
    signer, log = (struct.pack(">B", len(name) & 255) + name for name in names)
    span = struct.pack(">QQ", 0, checkpoint.size)
    return b"subtree/v1\n\x00" + signer + claimed + log + span + checkpoint.root


# Changes of a log's keys, and of its name where it was put back and declared so.

SUCCESSION_CONTEXT = b"disclosure-gateway/log-succession/v1"
CHANGES = {"log.keys_rotated", "log.continued"}


class Change(NamedTuple):
    """One signed change: `old` signed at most `size` entries, `new` signs what follows; `known` was given up for it."""

    old: Key
    new: Key
    size: int
    root: bytes
    known: Checkpoint | None
    told: dict[str, Any]


def parse_change(data: bytes, what: str) -> Change:
    """The change in one line, signed by the old keys and by the new ones."""
    told = parse_canonical(data, what)
    check_shape(told, SUCCESSION, what)
    said, message = told["statement"], canonical(told["statement"])
    keys = []
    for side in ("log", "next"):
        key = parse_key(" ".join(said[side]["keys"]), f"The keys in {what}")
        if key.name is not None or key.texts != said[side]["keys"]:
            raise Mismatch(f"The keys in {what} are not written as documented.")
        keys.append(key._replace(name=said[side]["name"]))
    made = [unb64(text, f"A signature in {what}") for text in told["signatures"]]
    if len(made) != 4 or keys[0].fingerprint == keys[1].fingerprint:
        raise Mismatch(f"{what} is not a change of keys that both, the old and the new ones, signed.")
    for key, whose, ed25519, mldsa in zip(keys, ("old", "new"), made[::2], made[1::2]):
        holds = ed25519_holds(key.ed25519, message, ed25519)
        if not (holds and mldsa_holds(key.mldsa, message, mldsa, SUCCESSION_CONTEXT)):
            raise Mismatch(f"{what}: the {whose} keys did not sign this change of the log's keys.")
    return Change(keys[0], keys[1], said["size"], bytes.fromhex(said["root"]), _given_up(said, keys[0], what), told)


def _given_up(said: dict[str, Any], old: Key, what: str) -> Checkpoint | None:
    """The checkpoint of the earlier log that this change gives up: only, and always, where the name changes."""
    if (said["known"] is None) != (said["log"]["name"] == said["next"]["name"]):
        raise Mismatch(f"{what} gives up a checkpoint under the same name, or changes the name without one.")
    if said["known"] is None:
        return None
    text = unb64(said["known"], f"The checkpoint in {what}").decode("utf-8", "replace")
    known = open_checkpoint(text, old, f"The checkpoint in {what}")
    if known.size <= said["size"]:
        raise Mismatch(f"The checkpoint in {what} is over no entry that is missing.")
    return known


class Lineage:
    """The keys that a log had one after the other, the newest last, as far as its signed changes tell."""

    def __init__(self, key: Key, changes: Sequence[Change], what: str) -> None:
        self.changes = list(changes)
        self.keys = [change.old for change in self.changes] + [self.changes[-1].new if self.changes else key]
        for earlier, later in zip(self.changes, self.changes[1:]):
            if not earlier.new.same(later.old) or earlier.size >= later.size:
                raise Mismatch(f"{what} does not follow the one before: a change was left out, added or moved.")
        if not self.has(key):
            raise Mismatch(f"{what} tells of other keys than those beside it.")

    def has(self, key: Key) -> bool:
        """Whether these were the log's keys once, or are."""
        return any(one.same(key) for one in self.keys)

    def joined(self, given: Lineage) -> Lineage:
        """With what the given one knows of keys before and after: whoever has replaced keys tells of no other change.

        Raise `Mismatch` where they share no keys, or say differently what became of those that they share.
        """
        shared = {
            here - there
            for here, one in enumerate(self.keys)
            for there, other in enumerate(given.keys)
            if one.same(other)
        }
        if not shared:
            raise Mismatch("log.vkey is not the log key you gave.")
        ahead, told = min(shared), {place: change.told["statement"] for place, change in enumerate(self.changes)}
        for place, change in enumerate(given.changes, ahead):
            if len(shared) > 1 or told.get(place, change.told["statement"]) != change.told["statement"]:
                raise Mismatch(
                    "The log's keys were changed in another way than you were told with the log key you gave."
                )
        before, after = given.changes[: max(0, -ahead)], given.changes[max(0, len(self.changes) - ahead) :]
        return Lineage(self.keys[-1], [*before, *self.changes, *after], "What you were told with the log key you gave")

    def check_signer(self, key: Key, size: int, what: str) -> None:
        """Raise `Mismatch` where these keys were not yet, or no longer, those of a log of so many entries.

        What a log signed that was put back, and lost by it, it did sign: up to the checkpoint that was given up.
        """
        for change in self.changes:
            last = change.size if change.known is None else change.known.size
            if change.old.same(key) and size > last:
                raise Mismatch(f"{what} is signed over {size} entries with keys that were replaced after {last}.")
            if change.new.same(key) and size <= change.size:
                raise Mismatch(f"{what} is signed over {size} entries with keys of a log of more than {change.size}.")

    def breaks(self, size: int | None = None) -> list[str]:
        """A sentence for each place where a log, of `size` entries by now, was put back and another continues it."""
        return [
            f"This log continues {shown(change.old.name)} after a restore that was declared; entries {change.size} to "
            f"{change.known.size - 1} of the earlier log are not in it."
            for change in self.changes
            if change.known is not None and (size is None or change.size < size)
        ]

    def open(self, text: str, what: str) -> Checkpoint:
        """The checkpoint in `text`, signed by the keys that the log had at its size."""
        return open_checkpoint(text, self.keys[self._era(_told_size(text))], what)

    def open_kept(self, text: str, what: str) -> Checkpoint:
        """The same of a checkpoint that somebody kept, who may have it from an earlier log, or from a thief."""
        era, size = self._era(_told_size(text)), _told_size(text)
        for place, change in enumerate(self.changes[:era]):
            try:
                open_checkpoint(text, change.old, what)
            except Mismatch:
                continue
            if change.known is None:
                raise Mismatch(
                    f"{what} is signed over {size} entries with keys that were replaced after {change.size}: whoever "
                    "has the old keys signed another log."
                )
            raise Mismatch(
                f"{what} is over {size} entries of {shown(self.keys[place].name)}; entries {change.size} to {size - 1} "
                "of it are not in this log, which continues it after a restore."
            )
        return self.open(text, what)

    def _era(self, size: int) -> int:
        return sum(change.size < size for change in self.changes)

    def check_entries(self, told: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Raise `Mismatch` unless these entries, by their index, are the changes, no more and no fewer."""
        if len(told) != len(self.changes):
            raise Mismatch(
                f"{len(told)} entries change the log's keys, and {EXPORT_SUCCESSION} has {len(self.changes)}."
            )
        for change, (index, entry) in zip(self.changes, told):
            facts = {name: entry["facts"].get(name) for name in ("statement", "signatures")}
            kind = "log.keys_rotated" if change.known is None else "log.continued"
            if (index, entry["type"], facts) != (change.size, kind, change.told):
                raise Mismatch(f"Entry {index} is not the change of the log's keys that {EXPORT_SUCCESSION} tells of.")


def parse_lineage(key: Key, lines: Sequence[bytes], what: str) -> Lineage:
    """The keys up to or from `key` on, by these lines of changes."""
    changes = [parse_change(line, f"{what}, change {number}") for number, line in enumerate(lines, 1)]
    return Lineage(key, changes, what)


def _told_size(text: str) -> int:
    """How many entries a checkpoint says that it is over, before anything of it is checked."""
    lines = text.split("\n", 2)
    return int(lines[1]) if len(lines) > 1 and re.fullmatch("[0-9]{1,16}", lines[1]) else 0


class Witness(NamedTuple):
    """One witness key of a policy: the name it signs under, and its type byte with the key behind it."""

    signer: str
    typed: bytes


class Trust:
    """A C2SP tlog-policy: which keys are witnesses, and how many of them make a quorum."""

    def __init__(self, data: bytes) -> None:
        self.logs: list[str] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        self._members: set[str] = set()
        lines = data.split(b"\n")
        if len(data) > 1 << 19 or len(lines) > 1000:
            raise Mismatch("The policy is far too long.")
        for number, line in enumerate(lines, 1):
            items = [item for item in re.split("[ \t]+", line.decode("utf-8", "surrogateescape")) if item]
            if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line) or not (
                not items or items[0].startswith("#") or self._take(items)
            ):
                raise Mismatch(f"Line {number} of the policy is not as C2SP tlog-policy has it.")
        if not self.quorum:
            raise Mismatch("The policy has no quorum line.")

    def _take(self, items: list[str]) -> bool:
        word, count = items[0], len(items)
        if word == "log" and count in (2, 3):
            typed = _vkey(items[1])
            known = [_vkey(vkey).typed[1:] for vkey in self.logs]
            self.logs.append(items[1])
            return typed.typed[:1] in _NOTE_TYPES and typed.typed[1:] not in known
        if word == "witness" and count in (3, 4):
            return self._witness(items[1], _vkey(items[2]))
        if word == "group" and count > 3:
            return self._group(items[1], items[2], items[3:])
        known_name = count == 2 and (items[1] == "none" or items[1] in self.witnesses or items[1] in self.groups)
        if word != "quorum" or not known_name or self.quorum:
            return False
        self.quorum = items[1]
        return True

    def _witness(self, name: str, key: Witness) -> bool:
        kind, raw = key.typed[:1], key.typed[1:]
        if kind == b"\x04":
            check_ed25519(raw, "A witness key of the policy")
        elif kind != b"\x06" or len(raw) != _MLDSA_KEY_BYTES:
            return False
        twice = any(one.typed[1:] == raw for one in self.witnesses.values())
        if twice or name == "none" or name in self.witnesses or name in self.groups:
            return False
        self.witnesses[name] = key
        return True

    def _group(self, name: str, needed: str, members: list[str]) -> bool:
        taken = name == "none" or name in self.witnesses or name in self.groups
        known = all(member in self.witnesses or member in self.groups for member in members)
        if taken or not known or len(set(members)) != len(members) or self._members & set(members):
            return False
        self._members.update(members)
        number = {"any": "1", "all": str(len(members))}.get(needed, needed)
        if not re.fullmatch("[1-9][0-9]{0,5}", number) or int(number) > len(members):
            return False
        self.groups[name] = (int(number), members)
        return True

    def count(self, checkpoint: Checkpoint, lines: Sequence[str], what: str) -> tuple[dict[str, int], bool]:
        """Which keys of the policy cosigned this checkpoint in these lines, each with its time, and whether they are a
        quorum. Raise `Mismatch` where a line under the name and hash of one does not hold.
        """
        cosigned: dict[str, int] = {}
        # Anybody can repeat a line behind a checkpoint, and each costs a signature's verification.
        for line in dict.fromkeys(lines):
            match = re.fullmatch("— ([!-*,-~]+) ([A-Za-z0-9+/=]+)", line)
            blob = unb64(match.group(2), f"A cosignature of {what}") if match else b""
            for name, key in self.witnesses.items():
                if match and key.signer == match.group(1) and blob[:4] == note_key_hash(key.signer, key.typed):
                    cosigned.setdefault(name, _cosigned_at(checkpoint, key, blob[4:], f"{what}: the witness {name}"))
        witnessed = {*cosigned}
        for name, (needed, members) in self.groups.items():
            if len(witnessed.intersection(members)) >= needed:
                witnessed.add(name)
        return cosigned, self.quorum == "none" or self.quorum in witnessed

    def check(self, checkpoint: Checkpoint, lines: Sequence[str], what: str) -> str:
        """Raise `Mismatch` unless a quorum cosigned this checkpoint in these lines; a sentence that says who did."""
        cosigned, met = self.count(checkpoint, lines, what)
        if not met:
            raise Mismatch(f"{what} is cosigned by {len(cosigned)} keys of the policy, and these are no quorum.")
        if not cosigned:
            return f"{what} is cosigned by no witness, and the policy asks for none."
        latest = max(cosigned.values())
        when = str(moment("1970-01-01T00:00:00.000Z") + timedelta(seconds=latest)) if latest < 1 << 37 else "?"
        return f"{what} is cosigned by {len(cosigned)} keys of the policy, which are a quorum, last at {when}."

    def check_log(self, keys: Sequence[Key]) -> None:
        """Raise `Mismatch` where the policy lists logs, and this one by none of the keys that it had."""
        named = [(vkey.signer, vkey.typed) for vkey in map(_vkey, self.logs)]
        own = [(key.name, kind + raw) for key in keys for kind, raw in zip(_NOTE_TYPES, (key.ed25519, key.mldsa))]
        if named and not any(one in named for one in own):
            raise Mismatch("The policy lists logs, and not this one.")


def witnessed(trust: Trust | None, checkpoint: Checkpoint, keys: Sequence[Key], text: str, what: str) -> str:
    """Raise `Mismatch` unless a quorum cosigned this checkpoint, of a log that has or had `keys`, in its own lines."""
    if trust is None:
        raise Skipped("No policy was given.")
    trust.check_log(keys)
    return trust.check(checkpoint, text.rpartition("\n\n")[2].split("\n"), what)


def _vkey(text: str) -> Witness:
    """Name and typed key of one verifier key."""
    name, _, rest = text.partition("+")
    hashed, _, encoded = rest.partition("+")
    typed = unb64(encoded, "A verifier key of the policy")
    if not re.fullmatch("[!-*,-~]{1,255}", name) or not typed or hashed != note_key_hash(name, typed).hex():
        raise Mismatch("A verifier key of the policy is not name+hash+base64.")
    return Witness(name, typed)


def _cosigned_at(checkpoint: Checkpoint, key: Witness, stamped: bytes, what: str) -> int:
    """The time that a cosignature states; raise `Mismatch` unless the key made it over this checkpoint."""
    claimed, signature = stamped[:8], stamped[8:]
    at = int.from_bytes(claimed, "big")
    if len(claimed) < 8 or not 0 < at < 1 << 63:
        raise Mismatch(f"{what} states no time, or one out of range.")
    root = base64.b64encode(checkpoint.root).decode("ascii")
    text = f"cosignature/v1\ntime {at}\n{checkpoint.origin}\n{checkpoint.size}\n{root}\n"
    if key.typed[:1] == b"\x04":
        holds = ed25519_holds(key.typed[1:], text.encode("ascii"), signature)
    else:
        holds = mldsa_holds(key.typed[1:], cosigned_message(checkpoint, claimed, key.signer), signature, b"")
    if not holds:
        raise Mismatch(f"{what} did not sign this checkpoint: the line or the checkpoint was changed.")
    return at


# Reports.


@dataclass
class Step:
    """One numbered check: `ok`, `failed` or `skipped`, and one sentence."""

    number: int
    title: str
    state: str
    detail: str


@dataclass
class Report:
    """What was checked, what differed, and what has to be compared by hand."""

    kind: str
    steps: list[Step] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    pinned: bool = False
    breaks: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every step was made and held; never true of nothing."""
        return bool(self.steps) and all(step.state == "ok" for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 where everything holds, else 1."""
        return 0 if self.ok else 1

    def follow(self, lineage: Lineage, size: int | None = None) -> None:
        """Say, once, where the log, of `size` entries by now, was put back and continued by another."""
        told = [one for one in lineage.breaks(size) if one not in self.breaks]
        self.breaks += told
        self.warnings += told

    def run(self, title: str, check: Callable[[], str]) -> None:
        """Make the next check; it returns the sentence that says what holds."""
        try:
            state, detail = "ok", check()
        except Mismatch as difference:
            state, detail = "failed", str(difference)
        except Skipped as reason:
            state, detail = "skipped", str(reason)
        self.steps.append(Step(len(self.steps) + 1, title, state, detail))

    def sentence(self) -> str:
        """The verdict in one sentence."""
        if not self.ok:
            first = next((step.number for step in self.steps if step.state == "failed"), 0)
            return f"NOT verified: step {first} found a difference; do not rely on this {self.kind}."
        if self.breaks:
            whole = "Verified" if self.pinned else "This fits together, but keys came with it"
            return f"{whole}; WITH A BREAK in the log: {self.breaks[-1]}"
        if not self.pinned:
            return f"This {self.kind} fits together, but keys came with it: compare them before you rely on it."
        return f"Verified: this {self.kind} is what the holder of these keys signed and logged."

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        steps = [{"number": s.number, "title": s.title, "state": s.state, "detail": s.detail} for s in self.steps]
        return {
            "kind": self.kind,
            "ok": self.ok,
            "pinned": self.pinned,
            "steps": steps,
            "warnings": self.warnings,
            "breaks": self.breaks,
            "sentence": self.sentence(),
        }


# Reading packages: a folder, or a zip whose every byte is determined by its files.


class Folder:
    """The files of a folder; nothing but plain files with plain names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes: dict[str, int] = {}
        for folder, _folders, names in os.walk(path):
            for name in _folders + names:
                full = Path(folder, name)
                relative = full.relative_to(path).as_posix()
                mode = full.lstat().st_mode
                if not EXPORT_PATH.test(relative):
                    raise Mismatch(f"The name {shown(relative)} does not belong into a package.")
                if stat.S_ISLNK(mode) or (name in names and not stat.S_ISREG(mode)):
                    raise Mismatch(f"{relative} is not a plain file.")
                if name in names:
                    self.sizes[relative] = full.lstat().st_size
                elif not any(full.iterdir()):
                    raise Mismatch(f"The folder {relative} is empty, so nothing speaks for it.")

    def open(self, name: str) -> BinaryIO:
        """The bytes of one file."""
        return (self._path / name).open("rb")


class Zip:
    """The files of a package zip: stored, sorted, without gaps, comments or extra fields (docs/formats/package.md).

    Headers are compared with what the files' names, sizes and CRC-32 determine, so that no byte is left unchecked.
    """

    _DATE_1980 = 33
    _MODE = 0o100644 << 16
    _RECORD_BYTES_MAX = 46 + 4 * 101

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes: dict[str, int] = {}
        self._offsets: dict[str, int] = {}
        with path.open("rb") as file:
            end = file.seek(0, io.SEEK_END)
            count, length, start = self._end_record(file, end)
            file.seek(start)
            directory = file.read(length)
            cursor = offset = 0
            for _ in range(count):
                name, crc, size = self._central(directory, cursor)
                expected = self._central_bytes(name, crc, size, offset)
                if directory[cursor : cursor + len(expected)] != expected:
                    raise Mismatch(f"The zip's directory record of {name} is not as the gateway writes it.")
                cursor += len(expected)
                offset = self._member(file, name, crc, size, offset)
            if cursor != length or offset != start:
                raise Mismatch("The zip holds bytes that belong to none of its files.")

    def open(self, name: str) -> BinaryIO:
        """The bytes of one file."""
        file = self._path.open("rb")
        file.seek(self._offsets[name])
        return file

    def _end_record(self, file: BinaryIO, end: int) -> tuple[int, int, int]:
        file.seek(max(0, end - 22))
        record = file.read(22)
        if len(record) != 22 or record[:4] != b"PK\x05\x06":
            raise Mismatch("The zip does not end as the gateway writes it: it was cut, changed or packed again.")
        count, length, start = struct.unpack("<10xHLL2x", record)
        if record != struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, start, 0):
            raise Mismatch("The zip's end record is not as the gateway writes it.")
        if start + length + 22 != end or length > count * self._RECORD_BYTES_MAX:
            raise Mismatch("The zip's end record does not fit the file.")
        return count, length, start

    def _central(self, directory: bytes, cursor: int) -> tuple[str, int, int]:
        if len(directory) - cursor < 46:
            raise Mismatch("The zip's directory is cut short.")
        crc, size, name_length = struct.unpack_from("<16xL4xLH", directory, cursor)
        name = directory[cursor + 46 : cursor + 46 + name_length].decode("latin-1")
        if not PATH.test(name):
            raise Mismatch(f"The name {shown(name)} does not belong into a package.")
        if self.sizes and name <= next(reversed(self.sizes)):
            raise Mismatch(f"The zip holds {name} twice or out of order.")
        return name, crc, size

    def _central_bytes(self, name: str, crc: int, size: int, offset: int) -> bytes:
        head = struct.pack("<4s4B4H", b"PK\x01\x02", 20, 3, 20, 0, 0, 0, 0, self._DATE_1980)
        rest = struct.pack("<3L5H2L", crc, size, size, len(name), 0, 0, 0, 0, self._MODE, offset)
        return head + rest + name.encode("ascii")

    def _member(self, file: BinaryIO, name: str, crc: int, size: int, offset: int) -> int:
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, self._DATE_1980, crc, size, size, len(name), 0)
        expected = head + name.encode("ascii")
        file.seek(offset)
        if file.read(len(expected)) != expected:
            raise Mismatch(f"The zip's header of {name} is not as the gateway writes it.")
        self.sizes[name], self._offsets[name] = size, offset + len(expected)
        actual = 0
        for chunk in chunks(file, size):
            actual = zlib.crc32(chunk, actual)
        if actual != crc:
            raise Mismatch(f"The bytes of {name} in the zip were changed.")
        return offset + len(expected) + size


def chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """At most `size` bytes of `file`, one MiB at a time."""
    while size > 0:
        chunk = file.read(min(size, 1 << 20))
        if not chunk:
            return
        size -= len(chunk)
        yield chunk


def check_digests(listed: list[dict[str, Any]], files: Folder | Zip, where: str) -> None:
    """Raise `Mismatch` naming the first file whose size or SHA-256 is not the listed one."""
    for item in listed:
        name, digest = item["path"], hashlib.sha256()
        if files.sizes[name] != item["size_bytes"]:
            raise Mismatch(f"{name} has {files.sizes[name]} bytes, {where} says {item['size_bytes']}.")
        with files.open(name) as file:
            for chunk in chunks(file, item["size_bytes"]):
                digest.update(chunk)
        if digest.hexdigest() != item["sha256"]:
            raise Mismatch(f"{name} was changed: its SHA-256 is not the one in {where}.")


# RFC 3161: what a time stamp is over and which time it states. The authority's own signature is not checked here.

_SHA256_OID, _TST_INFO_OID = bytes.fromhex("608648016503040201"), bytes.fromhex("2a864886f70d0109100104")


def _der(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element in `data`; ValueError where it is not DER."""
    found, at = [], 0
    while at < len(data):
        tag, length = data[at], data[at + 1] if at + 1 < len(data) else 255
        at += 2
        if length & 128:
            size = length & 127
            length = int.from_bytes(data[at : at + size], "big")
            at += size
            if not 1 <= size <= 4 or length < 128:
                raise ValueError("not a length in DER")
        if at + length > len(data):
            raise ValueError("cut short")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def parse_time_stamp(data: bytes) -> tuple[bytes, str]:
    """The SHA-256 that a granted RFC 3161 response is over, and the time it states."""
    try:
        ((_, response),) = _der(data)
        (_, status), (_, token) = _der(response)
        (_, _signed_data), (_, wrapped) = _der(token)
        ((_, signed),) = _der(wrapped)
        (_, kind), (_, content) = _der(_der(signed)[2][1])
        ((_, octets),) = _der(content)
        ((_, info),) = _der(octets)
        (_, algorithm), (_, digest) = _der(_der(info)[2][1])
        tag, at = _der(info)[4]
        granted = _der(status)[0] == (2, b"\x00") and kind == _TST_INFO_OID
        known = _der(algorithm)[0][1] == _SHA256_OID and tag == 24 and re.fullmatch(rb"\d{14}(\.\d{1,9})?Z", at)
    except (ValueError, IndexError):
        granted, known, digest, at = False, None, b"", b""
    if not granted or not known:
        raise Mismatch("timestamp.tsr is not a granted RFC 3161 response over a SHA-256.")
    day = at.decode("ascii")
    return digest, f"{day[:4]}-{day[4:6]}-{day[6:8]} {day[8:10]}:{day[10:12]}:{day[12:]}"


# Table proofs (docs/formats/table-commitment.md): columns that stand as they were committed to. Experimental.

_TABLE_LABEL = b"disclosure-gateway/table-commitment/v1"
_TABLE_ROWS_MAX, _TABLE_PLACES_MAX, _BLOCK_ROWS, _SALT_BYTES = 2_000_000, 1024, 64, 16
_LOCATOR_PRIME = (1 << 31) - 1
TABLE_PROOF = {
    "type": "disclosure-gateway/table-proof/v1",
    "file": PATH,
    "columns": [
        {
            "title": TEXT,
            "place?": COUNT,
            "locator?": Is("four numbers in hex", _matches("[0-9a-f]{32}")),
            "rules?": [TEXT],
        }
    ],
    "commitment": Is("an object or null", lambda value: value is None or isinstance(value, dict)),
}
TABLE_COMMITMENT = {"rows": POSITIVE, "entry": COUNT, "root": HEX, "places": POSITIVE, "nodes": B64}
COMMITMENTS = {
    "type": "disclosure-gateway/commitment-proofs/v1",
    "entries": [{"index": COUNT, "entry": ANY_TEXT, "proof": [B64]}],
}


def parse_table_proof(data: bytes, what: str) -> dict[str, Any]:
    """The proof of one table in its documented shape: each column is either opened, or the rules it went by are."""
    proof: dict[str, Any] = parse_canonical(data, what)
    check_shape(proof, TABLE_PROOF, what)
    opened = [column["place"] for column in proof["columns"] if "place" in column]
    titles = [column["title"] for column in proof["columns"]]
    if any(set(column) - {"title"} not in ({"place", "locator"}, {"rules"}) for column in proof["columns"]):
        raise Mismatch(f"{what} has a column that is neither opened nor said to be changed.")
    if len(set(opened)) != len(opened) or len(set(titles)) != len(titles):
        raise Mismatch(f"{what} names a column twice.")
    if (proof["commitment"] is None) != (not opened):
        raise Mismatch(f"{what} opens columns of no commitment, or none of one.")
    if opened:
        told = proof["commitment"]
        check_shape(told, TABLE_COMMITMENT, f"{what}, commitment")
        places = told["places"]
        if not 8 <= places <= _TABLE_PLACES_MAX or places & (places - 1) or max(opened) >= places:
            raise Mismatch(f"{what} speaks of a number of columns that there cannot be.")
        if told["rows"] > _TABLE_ROWS_MAX:
            raise Mismatch(f"{what} speaks of more rows than there can be.")
    return proof


def padded_rows(rows: int) -> int:
    """How many leaves a column of so many rows has."""
    count = max(rows, _BLOCK_ROWS)
    exponent = count.bit_length() - 1
    step = 1 << max(exponent - exponent.bit_length(), 6)
    return -(-count // step) * step


def _two_seeds(seed: bytes) -> tuple[bytes, bytes]:
    both = hashlib.sha512(b"\x02" + seed).digest()
    return both[:32], both[32:]


def column_salts(seed: bytes, leaves: int) -> list[bytes]:
    """One salt for each of so many leaves, a multiple of 64."""
    level, blocks = [seed], leaves // _BLOCK_ROWS
    for depth in range((blocks - 1).bit_length() - 1, -1, -1):
        level = [child for parent in level for child in _two_seeds(parent)][: -(-blocks >> depth)]
    runs = (hashlib.shake_256(b"\x03" + block).digest(_BLOCK_ROWS * _SALT_BYTES) for block in level)
    return [run[at : at + _SALT_BYTES] for run in runs for at in range(0, len(run), _SALT_BYTES)]


def cell_leaf(salt: bytes, cell: str) -> bytes:
    """The hash of one cell."""
    return hashlib.sha256(b"\0" + salt + b"c" + cell.encode("utf-8", "surrogatepass")).digest()


def _root_over(hashes: list[bytes]) -> bytes:
    """The RFC 6962 root over leaf hashes."""
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = iter(hashes)
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]
        hashes = above + hashes[-1:] if len(hashes) & 1 else above
    return hashes[0]


class TableOpening:
    """A commitment opened at some places: the root that these cells lead to, and which of them it is that differ."""

    def __init__(self, commitment: dict[str, Any], cells: dict[int, list[str]], what: str) -> None:
        self._rows, self._cells, self._what = commitment["rows"], cells, what
        self._leaves = padded_rows(self._rows)
        data = unb64(commitment["nodes"], f"The proof of {what}")
        self._blocks = [data[at : at + 32] for at in range(0, len(data), 32)]
        self._salts: dict[int, list[bytes]] = {}
        self._hashes: dict[int, list[bytes]] = {}
        headers, columns = self._next(), self._walk(0, commitment["places"], None)
        if self._blocks:
            raise Mismatch(f"The proof of {what} is longer than it has to be.")
        counts = struct.pack(">II", commitment["places"], self._leaves)
        self.root = hashlib.sha256(_TABLE_LABEL + counts + headers + columns).hexdigest()

    def _next(self) -> bytes:
        if not self._blocks or len(self._blocks[0]) != 32:
            raise Mismatch(f"The proof of {self._what} is cut short.")
        return self._blocks.pop(0)

    def _walk(self, low: int, count: int, seed: bytes | None) -> bytes:
        """The hash over `count` places from `low`; under a seed all of them are open."""
        if seed is None:
            inside = sum(low <= place < low + count for place in self._cells)
            if inside == 0:
                return self._next()
            if inside == count:
                seed = self._next()
        if seed is not None and count == 1:
            return self._column(low, seed)
        left, right = (None, None) if seed is None else _two_seeds(seed)
        first = self._walk(low, count // 2, left)
        return node_hash(first, self._walk(low + count // 2, count // 2, right))

    def _column(self, place: int, seed: bytes) -> bytes:
        salts = self._salts[place] = column_salts(seed, self._leaves)
        hashes = [cell_leaf(salt, cell) for salt, cell in zip(salts, self._cells[place])]
        hashes += [hashlib.sha256(b"\0" + salt + b"p").digest() for salt in salts[self._rows :]]
        self._hashes[place] = hashes
        return _root_over(hashes)

    def differing(self, place: int, locator: str) -> tuple[tuple[int, ...], bool] | None:
        """The rows, from 0, where the column differs from its locator, and whether two cells changed places there.

        No rows: more than two differ. None: the column fits its locator, which whoever made the proof wrote as well.
        """
        words = [int.from_bytes(hashed[:4], "big") & _LOCATOR_PRIME for hashed in self._hashes[place]]
        sums = []
        for number in range(4):
            said = int(locator[8 * number : 8 * number + 8], 16)
            sums.append((sum(word * pow(at, number) for at, word in enumerate(words, 1)) - said) % _LOCATOR_PRIME)
        if not any(sums):
            return None
        found = _located(sums, self._rows)
        return tuple(at - 1 for at, _ in found), len(found) == 2 and self._swapped(place, words, found)

    def alike(self, place: int, rows: tuple[int, ...]) -> bool:
        """Whether the column shows the same in these rows."""
        return len({self._cells[place][row] for row in rows}) == 1

    def _swapped(self, place: int, words: list[int], found: list[tuple[int, int]]) -> bool:
        (one, by_one), (other, by_other) = found
        salts, cells = self._salts[place], self._cells[place]
        for at, by, moved in ((one, by_one, other), (other, by_other, one)):
            there = int.from_bytes(cell_leaf(salts[at - 1], cells[moved - 1])[:4], "big") & _LOCATOR_PRIME
            if (words[at - 1] - by - there) % _LOCATOR_PRIME:
                return False
        return True


def _located(sums: list[int], rows: int) -> list[tuple[int, int]]:
    """Where one or two of `rows` terms differ, counted from 1, and by how much, from four power sums; else nothing."""
    p, (a, b, c, d) = _LOCATOR_PRIME, sums
    if a and (b * b - a * c) % p == 0:
        at = b * pow(a, -1, p) % p
        return [(at, a)] if at <= rows and (c * at - d) % p == 0 else []
    whole = (b * b - a * c) % p
    if not whole:
        return []
    total = (b * c - a * d) * pow(whole, -1, p) % p
    product = (c * c - b * d) * pow(whole, -1, p) % p
    places = [at for at in range(1, rows + 1) if (at * at - total * at + product) % p == 0]
    if len(places) != 2:
        return []
    one, other = places
    by_one = (b - other * a) * pow(one - other, -1, p) % p
    return [(one, by_one), (other, (a - by_one) % p)]


def read_table(data: bytes, wanted: Sequence[str], what: str) -> tuple[list[str], dict[str, list[str]]]:
    """The headers of a CSV that the gateway wrote, and the cells of the columns `wanted`; no other spelling is read."""
    try:
        text = data.decode("utf-8")
    except ValueError:
        raise Mismatch(f"{what} is not UTF-8.") from None
    if not text.startswith("\ufeff"):
        raise Mismatch(f"{what} is not a table as the gateway writes it: it has no byte order mark.")
    spelling = _Spelling(text)
    writer = csv.writer(spelling, lineterminator="\r\n")
    try:
        rows = csv.reader(io.StringIO(text[1:], newline=""), strict=True)
        headers = next(rows, [])
        writer.writerow(headers)
        numbers = [headers.index(title) for title in wanted]
        columns: list[list[str]] = [[] for _ in wanted]
        for number, row in enumerate(rows, 2):
            if len(row) != len(headers):
                raise Mismatch(f"{what}, row {number} has {len(row)} cells, the header {len(headers)}.")
            writer.writerow(row)
            for column, place in zip(columns, numbers):
                column.append(row[place])
    except csv.Error:
        raise Mismatch(f"{what} is not a table as the gateway writes it.") from None
    except ValueError:
        raise Mismatch(f"{what} lacks a column that its proof opens: a header was renamed or removed.") from None
    if not spelling.same or spelling.at != len(text):
        raise Mismatch(f"{what} is not a table as the gateway writes it: another program may read it differently.")
    return headers, dict(zip(wanted, columns))


class _Spelling:
    """Compares what a writer writes with a text behind its byte order mark."""

    def __init__(self, text: str) -> None:
        self._text, self.at, self.same = text, 1, True

    def write(self, line: str) -> None:
        self.same = self.same and self._text.startswith(line, self.at)
        self.at += len(line)


# Workbooks just as the gateway writes them (docs/formats/table-workbook.md), and in no other spelling.

CSV_TYPE, WORKBOOK_TYPE = "text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEET_XMLNS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TABLE_PART, _STYLES_PART, _BOOK_PART = "xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"
# The members in their order; of those that are the same in every workbook the digest.
_WORKBOOK_PARTS = {
    "[Content_Types].xml": "721232da59f586d62e77f139ec5ac39849c6cdb35ada44542754ee70ea4271ba",
    "_rels/.rels": "9f96bb683e71c45171c7ae310bf6c37fb5a834bb9738497ac7084c42ac9c2d9a",
    _BOOK_PART: "",
    "xl/_rels/workbook.xml.rels": "2a97d1a56a4698cb1e2290e1a7a60392e23e65adae18ab2d99e2e682486ecf3a",
    _STYLES_PART: "",
    _TABLE_PART: "",
    "xl/worksheets/sheet2.xml": "",
}
_STYLES_DIGEST = "bf5435732259a4736e07584b77af10856abe78827407c2edd07cdbe205598a21"
_LOOKS = 10
_HEAD_LOOKS, _TEXT_LOOKS, _DAY_LOOK = (1, 2), (3, 4), 6
_CELL_DIGITS = 15
_BOOK = re.compile(
    re.escape(
        f'{_XML}<workbook xmlns="{_SHEET_XMLNS}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships"><bookViews><workbookView activeTab="0"/></bookViews><sheets><sheet name="@" sheetId="1" '
        'r:id="rId1"/><sheet name="@" sheetId="2" r:id="rId2"/></sheets><definedNames><definedName '
        'name="_xlnm.Print_Titles" localSheetId="0">@</definedName></definedNames></workbook>'
    ).replace("@", '[^<>"]+')
)
_NUMBER_FORMAT = re.compile(
    '<numFmt numFmtId="([0-9]{3,4})" '
    r'formatCode="(General|(?:#,##0|0)(?:\.(0{1,6}))?(&quot; [a-z%0-9]{1,10}&quot;)?)"/>'
)
_SHEET_HEAD = re.compile(
    re.escape(
        f'{_XML}<worksheet xmlns="{_SHEET_XMLNS}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><dimension '
        'ref="A1:@"/><sheetViews><sheetView tabSelected="1" workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
        'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/><cols>'
    ).replace("@", "([A-Z]+[0-9]+)")
    + "((?:<col [^<>]*/>)+)</cols><sheetData>"
)
_WIDTH = re.compile('<col min="([0-9]+)" max="([0-9]+)" width="(?:9|[1-9][0-9])" customWidth="1"/>')
_ROW = re.compile('<row r="([0-9]+)"(?: ht="(?:1[5-9]|[2-9][0-9]|[1-3][0-9]{2})" customHeight="1")?>')
_CELL = re.compile(
    '" s="([0-9]{1,4})"(?:/>| t="inlineStr"><is><t( xml:space="preserve")?>([^<>]+)</t></is></c>'
    "|><v>([0-9.-]+)</v></c>)"
)
_CELL_NUMBER = re.compile(r"(?!-0$)-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
_LIKE_THOUSANDS = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_TO_ESCAPE = re.compile("\r|\ufffe|\uffff|_(?=x[0-9A-Fa-f]{4}_)")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SHEET_TAIL = (
    '</sheetData><autoFilter ref="A1:@"/><pageMargins left="0.5" right="0.5" top="0.75" bottom="0.75" header="0.3" '
    'footer="0.3"/><pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/><headerFooter>'
)
_PRINTED = re.compile("<oddHeader>[^<>]*</oddHeader><oddFooter>[^<>]*</oddFooter></headerFooter></worksheet>")
_SHEET_ROW_BYTES = 1 << 27


class Workbook:
    """The members of a workbook, every byte of the archive around them accounted for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._members: dict[str, tuple[int, int, int, int]] = {}
        locals_end, directory = 0, b""
        if len(data) < 22:
            raise ValueError("it is cut short")
        start = int(struct.unpack_from("<L", data, len(data) - 6)[0])
        for name in _WORKBOOK_PARTS:
            crc, packed, size = struct.unpack_from("<16xLLL", data, start + len(directory))
            facts = struct.pack("<5H3L2H", 20, 0, 8, 0, 33, crc, packed, size, len(name), 0)
            local = b"PK\x03\x04" + facts + name.encode()
            if data[locals_end : locals_end + len(local)] != local:
                raise ValueError("its archive is another one")
            behind = struct.pack("<3H2L", 0, 0, 0, 0o600 << 16, locals_end)
            directory += b"PK\x01\x02" + struct.pack("<BB", 20, 0) + facts + behind + name.encode()
            self._members[name] = (locals_end + len(local), packed, size, crc)
            locals_end += len(local) + packed
        count = len(_WORKBOOK_PARTS)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(directory), locals_end, 0)
        if locals_end != start or data[start:] != directory + end:
            raise ValueError("its archive is another one")

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, held against its size and checksum."""
        at, packed, size, expected = self._members[name]
        engine, crc, length = zlib.decompressobj(-15), 0, 0
        for start in range(at, at + packed, 1 << 16):
            piece = engine.decompress(self._data[start : min(start + (1 << 16), at + packed)])
            crc, length = zlib.crc32(piece, crc), length + len(piece)
            if length > size:
                raise ValueError("a member is larger than it says")
            yield piece
        if not engine.eof or engine.unused_data or (crc, length) != (expected, size):
            raise ValueError("a member is damaged")

    def text(self, name: str) -> str:
        """The whole of a small member."""
        if self._members[name][2] > SMALL_FILE_BYTES:
            raise ValueError("a member is far too large")
        return b"".join(self.chunks(name)).decode("utf-8")

    def decimals(self) -> dict[int, int]:
        """The looks of numbers by how many decimals they show, where they show the number as it is; all else fixed."""
        for name in _WORKBOOK_PARTS.keys() - {_TABLE_PART}:
            digest = hashlib.sha256()
            for chunk in self.chunks(name):
                digest.update(chunk)
            if _WORKBOOK_PARTS[name] not in ("", digest.hexdigest()):
                raise ValueError(f"{name} is another one")
        if not _BOOK.fullmatch(self.text(_BOOK_PART)):
            raise ValueError(f"{_BOOK_PART} is another one")
        text = self.text(_STYLES_PART)
        formats = [found for found in _NUMBER_FORMAT.finditer(text) if int(found[1]) > 164]
        looks = "".join(
            f'<xf numFmtId="{165 + at}" fontId="0" fillId="0" borderId="1" xfId="0" applyNumberFormat="1" '
            'applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1"><alignment horizontal="right" '
            'vertical="top" indent="1"/></xf>'
            for at in range(len(formats))
        )
        # What is taken away stands where no look before it moves: directly before the end of its list.
        bare = text.replace("".join(found[0] for found in formats) + "</numFmts>", "</numFmts>")
        bare = bare.replace(looks + "</cellXfs>", "</cellXfs>")
        bare = bare.replace(f'<numFmts count="{1 + len(formats)}">', '<numFmts count="1">')
        bare = bare.replace(f'<cellXfs count="{_LOOKS + len(formats)}">', f'<cellXfs count="{_LOOKS}">')
        if [int(found[1]) for found in formats] != [165 + at for at in range(len(formats))] or hashlib.sha256(
            bare.encode()
        ).hexdigest() != _STYLES_DIGEST:
            raise ValueError(f"{_STYLES_PART} is another one")
        plain = ((at, found) for at, found in enumerate(formats, _LOOKS) if not found[4])
        return {at: _CELL_DIGITS if found[2] == "General" else len(found[3] or "") for at, found in plain}

    def rows(self) -> Iterator[str]:
        """The table's sheet, cut behind every row."""
        rest = b""
        for chunk in self.chunks(_TABLE_PART):
            *rows, rest = (rest + chunk).split(b"</row>")
            if len(rest) > _SHEET_ROW_BYTES:
                raise ValueError("a row is far too long")
            yield from (row.decode("utf-8") for row in rows)
        yield rest.decode("utf-8")


def _letters(column: int) -> str:
    """The letters of a column, counted from 1."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _cell_text(raw: str, preserved: str | None) -> str:
    """What a text in a cell says; there is one spelling of it."""
    plain = raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    text = re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), plain)
    again = _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    again = again.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if again != raw or _NO_TEXT.search(raw) or (not preserved and text != text.strip(" \t\n")):
        raise ValueError("a text is spelled otherwise")
    return text


def _cell_shown(found: re.Match[str], decimals: dict[int, int]) -> str | None:
    """The text that a cell stands for; None where it cannot be one that leaves as it came."""
    look = int(found[1])
    if found[3] is not None:
        text = _cell_text(found[3], found[2])
        return text if look in _TEXT_LOOKS else None
    if found[4] is None:
        return "" if look in (_TEXT_LOOKS[0], _DAY_LOOK) or look in decimals else None
    value = found[4]
    if not _CELL_NUMBER.fullmatch(value) or sum(map(str.isdigit, value)) > _CELL_DIGITS:
        raise ValueError("a number is spelled otherwise")
    if look == _DAY_LOOK and value.isdigit() and 61 <= int(value) <= 2_958_465:
        return (date(1899, 12, 30) + timedelta(days=int(value))).isoformat()
    if look in decimals and len(value.partition(".")[2]) <= decimals[look]:
        return f"{value}0" if _LIKE_THOUSANDS.fullmatch(value) else value
    return None


def read_workbook(data: bytes, wanted: Sequence[str], what: str) -> tuple[list[str], dict[str, list[str]]]:
    """The headers of a workbook that the gateway wrote, and the cells of the columns `wanted`; else `Mismatch`."""
    try:
        return _read_sheet(Workbook(data), wanted, what)
    except (ValueError, zlib.error, struct.error) as error:
        why = "its bytes are damaged" if isinstance(error, (UnicodeError, zlib.error, struct.error)) else str(error)
        raise Mismatch(f"{what} is not a workbook as the gateway writes it: {why}.") from None


def _read_sheet(book: Workbook, wanted: Sequence[str], what: str) -> tuple[list[str], dict[str, list[str]]]:
    decimals, pieces = book.decimals(), book.rows()
    first = next(pieces)
    head = _SHEET_HEAD.match(first)
    widths = [(int(found[1]), int(found[2])) for found in _WIDTH.finditer(head[2])] if head else []
    width = len(widths)
    if not head or widths != [(at, at) for at in range(1, width + 1)] or len(_WIDTH.sub("", head[2])):
        raise ValueError("its sheet begins otherwise")
    letters = [_letters(at) for at in range(1, width + 1)]
    headers = [_head_text(found) for found in _cells(first[head.end() :], 1, letters)]
    if not set(wanted) <= set(headers) or len(set(headers)) != width:
        raise Mismatch(f"{what} lacks a column that its proof opens: a header was renamed or removed.")
    numbers = [headers.index(title) for title in wanted]
    columns: list[list[str]] = [[] for _ in wanted]
    number, piece = 2, next(pieces)
    for following in pieces:
        row = _cells(piece, number, letters)
        for column, at in zip(columns, numbers):
            shown_text = _cell_shown(row[at], decimals)
            if shown_text is None:
                raise Mismatch(f"{what}, row {number}: {letters[at]}{number} cannot show what was committed to.")
            column.append(shown_text)
        number, piece = number + 1, following
    last = f"{letters[-1]}{number - 1}"
    tail = _SHEET_TAIL.replace("@", last)
    if head[1] != last or not piece.startswith(tail) or not _PRINTED.fullmatch(piece, len(tail)):
        raise ValueError("its sheet ends otherwise")
    return headers, dict(zip(wanted, columns))


def _head_text(found: re.Match[str]) -> str:
    if int(found[1]) not in _HEAD_LOOKS or found[3] is None:
        raise ValueError("a header is none")
    return _cell_text(found[3], found[2])


def _cells(row: str, number: int, letters: list[str]) -> list[re.Match[str]]:
    """The cells of one row, each in its place."""
    begun = _ROW.match(row)
    if not begun or begun[1] != str(number):
        raise ValueError(f"row {number} begins otherwise")
    at, found = begun.end(), []
    for letter in letters:
        place = f'<c r="{letter}{number}'
        cell = _CELL.match(row, at + len(place)) if row.startswith(place, at) else None
        if cell is None:
            raise ValueError(f"{letter}{number} is no cell of ours")
        found.append(cell)
        at = cell.end()
    if at != len(row):
        raise ValueError(f"row {number} is longer than the header")
    return found


def check_table(data: bytes, proof: dict[str, Any], media: str = CSV_TYPE) -> int:
    """Raise `Mismatch` naming file, row and column unless every opened cell is as committed to; how many there are."""
    what, told = proof["file"], proof["commitment"]
    places = {column["title"]: column["place"] for column in proof["columns"] if "place" in column}
    headers, cells = TABLE_READERS[media](data, list(places), what)
    if headers[:-1] != [column["title"] for column in proof["columns"]]:
        raise Mismatch(f"{what} does not have just the columns that its proof speaks of, and the mark.")
    if told is None:
        return 0
    rows = len(next(iter(cells.values())))
    if rows != told["rows"]:
        done = "a row was invented" if rows > told["rows"] else "a row is missing"
        raise Mismatch(f"{what} has {rows} rows, {told['rows']} were committed to: {done}.")
    opening = TableOpening(told, {places[title]: column for title, column in cells.items()}, what)
    if opening.root != told["root"]:
        raise Mismatch(_table_difference(opening, proof, what))
    return rows * len(places)


TABLE_READERS = {CSV_TYPE: read_table, WORKBOOK_TYPE: read_workbook}


def _table_difference(opening: TableOpening, proof: dict[str, Any], what: str) -> str:
    """Which cells it is, as far as the locators tell."""
    opened = [column for column in proof["columns"] if "place" in column]
    found = {column["title"]: opening.differing(column["place"], column["locator"]) for column in opened}
    wrong = {title: difference for title, difference in found.items() if difference is not None}
    if not wrong or (len(wrong) == len(opened) > 1 and not any(rows for rows, _ in wrong.values())):
        return f"{what}: cells are not those committed to or stand in other rows, or the proof is of another table."
    title, (rows, swapped) = next(iter(wrong.items()))
    numbers = " and ".join(str(row + 2) for row in rows)
    if len(wrong) > 1 and set(wrong.values()) == {(rows, swapped)}:
        if swapped and all(column["title"] in wrong or opening.alike(column["place"], rows) for column in opened):
            return f"{what}: the rows {numbers} changed places."
        if len(rows) == 1 and len(wrong) == len(opened):
            return f"{what}, row {numbers}: no such row was committed to; it was invented, or changed throughout."
    said = "several cells are not those that were committed to, or stand in other rows"
    if rows:
        said = f"the cell in row {numbers} is not the one that was committed to; it was altered"
    if swapped:
        said = f"the cells in the rows {numbers} changed places"
    return f"{what}, column {shown(title)}: {said}."


# Packages.


@dataclass(frozen=True)
class Proof:
    """A C2SP tlog-proof that carries its leaf."""

    leaf: bytes
    index: int
    hashes: list[bytes]
    checkpoint: str


def parse_proof(data: bytes, what: str = "audit.proof") -> Proof:
    """The proof in `audit.proof`, or in another file."""
    try:
        head, blank, checkpoint = data.decode("utf-8").partition("\n\n")
    except ValueError:
        raise Mismatch(f"{what} is not text.") from None
    lines = head.split("\n")
    if len(lines) < 3 or lines[0] != PROOF_HEAD.decode() or not lines[1].startswith("extra ") or not blank:
        raise Mismatch(f"{what} is not a C2SP tlog-proof with its entry in the extra line.")
    match = re.fullmatch("index (0|[1-9][0-9]{0,15})", lines[2])
    if match is None:
        raise Mismatch(f"{what} does not name the index of its entry.")
    hashes = [unb64(line, f"A hash of {what}") for line in lines[3:]]
    return Proof(unb64(lines[1][6:], f"The entry in {what}"), int(match.group(1)), hashes, checkpoint)


class EntryCheck:
    """The numbered checks of one entry's proof, a C2SP tlog-proof."""

    def __init__(self, path: Path, log: Lineage, trust: Trust | None) -> None:
        self.path = path
        self.log = log
        self.trust = trust
        self.report = Report("proof of an entry", pinned=True)
        self.report.follow(log)
        self._found: dict[str, Any] = {}

    def __call__(self) -> Report:
        """Make every check."""
        self.report.run("structure", self.structure)
        self.report.run("signature", self.signature)
        self.report.run("entry", self.entry)
        if self.trust is not None:
            self.report.run("witnesses", self.witnesses)
        self.report.warnings.append("What the log says elsewhere, before and after, this proof does not tell.")
        return self.report

    def structure(self) -> str:
        """It is a C2SP tlog-proof that carries its entry."""
        with self.path.open("rb") as file:
            data = file.read(SMALL_FILE_BYTES + 1)
        if len(data) > SMALL_FILE_BYTES:
            raise Mismatch("The proof is far too large.")
        self._found["proof"] = parse_proof(data, "The proof")
        return "This is the proof of an entry, with the entry."

    def signature(self) -> str:
        """The checkpoint is signed by the log."""
        signed = self.log.open(self._get("proof").checkpoint, "The checkpoint in the proof")
        self._found["signed"] = signed
        return f"The log {shown(signed.origin)} signed a checkpoint over {signed.size} entries."

    def entry(self) -> str:
        """The entry is in its documented form, and in the log at its index."""
        proof = self._get("proof")
        check_inclusion(proof.leaf, proof.index, proof.hashes, self._get("signed"), "The entry in the proof")
        entry = parse_entry(proof.leaf, "The entry in the proof")
        self.report.kind = f"proof of entry {proof.index}"
        return f"Entry {proof.index} is {_plain(entry['type'])} by {shown(entry['actor'])} at {entry['at']}."

    def witnesses(self) -> str:
        """The checkpoint is cosigned by a quorum of the policy, in its own lines."""
        signed, text = self._get("signed"), self._get("proof").checkpoint
        return witnessed(self.trust, signed, self.log.keys, text, "The checkpoint in the proof")

    def _get(self, name: str) -> Any:
        if name not in self._found:
            raise Skipped("Not checked, because an earlier step failed.")
        return self._found[name]


def is_proof(path: Path) -> bool:
    """Whether a file of this name begins as the proof of an entry."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(PROOF_HEAD)) == PROOF_HEAD


class PackageCheck:
    """The numbered checks of one package; what one finds the next ones use."""

    def __init__(
        self, path: Path, log_key: Lineage | None, package_key: Key | None, trust: Trust | None = None
    ) -> None:
        self.trust = trust
        self.path = path
        self.log_key = log_key
        self.package_key = package_key
        self.report = Report("package", pinned=log_key is not None and package_key is not None)
        self._found: dict[str, Any] = {}

    def __call__(self) -> Report:
        """Make every check."""
        run = self.report.run
        run("structure", self.structure)
        run("digests", self.digests)
        self.binding()
        if self._found.get("table proofs") and self.complete:
            run("table proofs", self.table_proofs)
        return self.report

    @property
    def complete(self) -> bool:
        """Whether the disclosed files are here."""
        return True

    def binding(self, parts: dict[str, bytes] | None = None) -> Report:
        """Make the checks that need no listed file; with `parts` on these bytes of the five files."""
        run = self.report.run
        if parts is not None:
            self._found.update(parts, manifest=parse_canonical(parts["manifest.json"], "manifest.json"))
            self._read_table_proofs(self._found["manifest"], parts)
        run("manifest signature", self.manifest_signature)
        run("log checkpoint", self.checkpoint)
        run("log entry", self.entry)
        run("approvals", self.approvals)
        run("approvers", self.approvers)
        if "timestamp.tsr" in self._found or (self._found.get("manifest") or {}).get("time_stamp"):
            run("time stamp", self.time_stamp)
        if self._committed():
            run("table commitments", self.table_commitments)
        if self.trust is not None:
            run("witnesses", self.witnesses)
        return self.report

    def structure(self) -> str:
        """Exactly the files that the manifest lists, and the five that speak of it; names, shapes, canonical form."""
        files = self._found["files"] = Zip(self.path) if self.path.is_file() else Folder(self.path)
        for name in PACKAGE_FILES + STAMP_FILES:
            if name not in files.sizes:
                if name in STAMP_FILES:
                    continue
                raise Mismatch(f"{name} is missing.")
            if files.sizes[name] > SMALL_FILE_BYTES:
                raise Mismatch(f"{name} is far too large.")
            with files.open(name) as file:
                self._found[name] = b"".join(chunks(file, files.sizes[name]))
        manifest = parse_canonical(self._found["manifest.json"], "manifest.json")
        check_shape(manifest, MANIFEST, "manifest.json")
        listed = [item["path"] for item in manifest["files"] + manifest["documents"]]
        documents = [item["path"] for item in manifest["documents"] if not item["path"].startswith(PROOFS)]
        if sorted(documents) != sorted(DOCUMENTS):
            raise Mismatch("manifest.json does not list exactly the documents " + ", ".join(DOCUMENTS) + ".")
        if not manifest["files"] or any(not item["path"].startswith("files/") for item in manifest["files"]):
            raise Mismatch("manifest.json lists no file, or one outside the folder files.")
        if len({name.lower() for name in listed}) != len(listed):
            raise Mismatch("manifest.json lists a file twice.")
        self._check_listed([item["path"] for item in self.shown(manifest)])
        self._read_table_proofs(manifest, {name: self._small(name) for name in listed if name.startswith(PROOFS)})
        if COMMITMENTS_FILE in files.sizes:
            self._found[COMMITMENTS_FILE] = self._small(COMMITMENTS_FILE)
        if self._committed() != (COMMITMENTS_FILE in files.sizes):
            raise Mismatch(f"{COMMITMENTS_FILE} is {'missing' if self._committed() else 'needed by no table proof'}.")
        self._found["manifest"] = manifest
        return f"The package holds the {len(listed)} files that the manifest lists, and no other."

    def shown(self, manifest: dict[str, Any]) -> list[dict[str, Any]]:
        """What the manifest lists and has to be here."""
        listed: list[dict[str, Any]] = manifest["files"] + manifest["documents"]
        return listed

    def _check_listed(self, listed: list[str]) -> None:
        """Raise `Mismatch` where a file is missing, or there and not listed, among those that need no proof."""
        files = self._found["files"]
        beside = {*PACKAGE_FILES, *(STAMP_FILES if STAMP_FILES[1] in files.sizes else ())}
        for name in sorted(files.sizes.keys() - {COMMITMENTS_FILE} ^ {*listed, *beside}):
            if name in files.sizes:
                raise Mismatch(f"{name} is not listed in manifest.json.")
            listing = "manifest.json lists it" if name in listed else "timestamp.tsr needs it"
            raise Mismatch(f"{name} is missing; {listing}.")

    def _committed(self) -> bool:
        return any(proof["commitment"] for proof in self._found.get("table proofs", ()))

    def _small(self, name: str) -> bytes:
        files = self._found["files"]
        if files.sizes[name] > SMALL_FILE_BYTES:
            raise Mismatch(f"{name} is far too large.")
        with files.open(name) as file:
            return b"".join(chunks(file, files.sizes[name]))

    def _read_table_proofs(self, manifest: dict[str, Any], parts: dict[str, bytes]) -> None:
        """Take in the proofs that the manifest lists, each of one listed file."""
        found, tables = [], {item["path"]: item for item in manifest["files"]}
        for name in sorted(item["path"] for item in manifest["documents"] if item["path"].startswith(PROOFS)):
            proof = parse_table_proof(parts[name], name)
            stem = f"files/{name[len(PROOFS) :].rpartition('.')[0]}."
            if proof["file"] not in tables or not proof["file"].startswith(stem) or not name.endswith(".json"):
                raise Mismatch(f"{name} is by its name not the proof of a file that manifest.json lists.")
            if proof["commitment"] and tables[proof["file"]]["media_type"] not in TABLE_READERS:
                raise Mismatch(f"{name} opens columns of what manifest.json says is neither a CSV nor a workbook.")
            found.append(proof)
        self._found["table proofs"] = found

    def digests(self) -> str:
        """Size and SHA-256 of every listed file."""
        manifest, files = self._get("manifest"), self._get("files")
        listed = self.shown(manifest)
        check_digests(listed, files, "the manifest")
        return f"All {len(listed)} files have the size and SHA-256 in the manifest."

    def manifest_signature(self) -> str:
        """Both keys that the manifest names have signed it, with one algorithm each, and no other."""
        manifest = self._get("manifest")
        signed = parse_canonical(self._found["manifest.sig"], "manifest.sig")
        check_shape(signed, MANIFEST_SIGNATURE, "manifest.sig")
        check_both_named(manifest["signed_by"], "The manifest's signed_by")
        check_both_named(signed["signatures"], "manifest.sig")
        signers = [{"alg": item["alg"], "key": item["key"]} for item in signed["signatures"]]
        if signers != manifest["signed_by"]:
            raise Mismatch("manifest.sig is not by exactly the keys that the manifest names.")
        message = self._found["manifest.json"]
        key = check_both_signatures(signed["signatures"], message, MANIFEST_CONTEXT, "manifest.sig", "manifest.json")
        if self.package_key is None:
            self.report.warnings.append(
                f"The package keys came from the package itself; compare their SHA-256: {key.fingerprint}"
            )
        elif not key.same(self.package_key):
            raise Mismatch("The manifest is signed by other keys than the package key you gave.")
        whose = "the package key you gave" if self.package_key else "the keys it names"
        return f"The manifest is signed, with Ed25519 and ML-DSA-44, by {whose}."

    def checkpoint(self) -> str:
        """The checkpoint is signed, with both algorithms, by the log that the manifest names."""
        manifest = self._get("manifest")
        key = parse_key(" ".join(manifest["log"]), "The log key in the manifest")
        if key.name is None:
            raise Mismatch("The manifest does not name its log.")
        if self.log_key is None:
            self.report.warnings.append(
                f"The log keys came from the package itself; compare the log's name and the SHA-256 of its keys: "
                f"{key.name} {key.fingerprint}"
            )
        elif not self.log_key.has(key):
            raise Mismatch(
                f"The manifest names the log {shown(key.name)} with other keys, not the one you gave. If its keys were "
                f"changed, put the lines of {EXPORT_SUCCESSION} from an export behind the key you hold."
            )
        else:
            self.report.follow(self.log_key)
        proof = parse_proof(self._found["audit.proof"])
        self._found["proof"] = proof
        signed = open_checkpoint(proof.checkpoint, key, "The checkpoint in audit.proof")
        if self.log_key is not None:
            self.log_key.check_signer(key, signed.size, "The checkpoint in audit.proof")
        self._found["checkpoint"] = signed
        return f"The log {key.name} signed a checkpoint over {self._found['checkpoint'].size} entries."

    def entry(self) -> str:
        """The entry `release.sealed` is in the log and binds this manifest and these approvals."""
        manifest, proof, checkpoint = self._get("manifest"), self._get("proof"), self._get("checkpoint")
        what = "The entry in audit.proof"
        check_inclusion(proof.leaf, proof.index, proof.hashes, checkpoint, what)
        entry = parse_entry(proof.leaf, what)
        if entry["type"] != "release.sealed":
            raise Mismatch(f"{what} is of the type {shown(entry['type'])}, not release.sealed.")
        check_shape(entry["facts"], SEALED, f"{what}, facts")
        if entry.get("matter") != manifest["matter"] or entry["facts"]["release"] != manifest["release"]:
            raise Mismatch(f"{what} is of another matter or release.")
        for name in ("manifest", "approvals"):
            if entry["facts"][f"{name}_sha256"] != hashlib.sha256(self._found[f"{name}.json"]).hexdigest():
                raise Mismatch(f"{name}.json is not the one that was logged: its SHA-256 differs from the entry's.")
        return f"Entry {proof.index} of the log binds this manifest and these approvals."

    def approvals(self) -> str:
        """Enough different people, with different keys, signed exactly this manifest for exactly this recipient."""
        manifest = self._get("manifest")
        approvals = parse_canonical(self._found["approvals.json"], "approvals.json")
        check_shape(approvals, APPROVALS, "approvals.json")
        self._found["approvals"] = approvals
        if approvals["required"] != manifest["approvals_required"]:
            raise Mismatch("approvals.json requires other approvals than the manifest.")
        expected = {
            "release": manifest["release"],
            "manifest_sha256": hashlib.sha256(self._found["manifest.json"]).hexdigest(),
            "recipient": manifest["recipient"]["id"],
            "files": len(manifest["files"]),
        }
        for number, approval in enumerate(approvals["approvals"], 1):
            statement, signature = approval["statement"], approval["signature"]
            for name, value in expected.items():
                if statement[name] != value:
                    raise Mismatch(f"Approval {number} is of another {name}: {shown(statement[name])}.")
            what = f"The signature of approval {number}"
            approval["origin"] = check_approval_signature(signature, canonical(statement), what)
        people = {approval["statement"]["approver"] for approval in approvals["approvals"]}
        keys = {approval["signature"]["key"] for approval in approvals["approvals"]}
        if not len(people) == len(keys) == len(approvals["approvals"]):
            raise Mismatch("One person or one key approved twice.")
        if len(people) < MIN_APPROVERS:
            raise Mismatch(f"{len(people)} approved; at least {MIN_APPROVERS} different people have to.")
        for quorum in approvals["required"]:
            given = sum(approval["statement"]["role"] == quorum["role"] for approval in approvals["approvals"])
            if given < quorum["n"]:
                raise Mismatch(f"{given} of {quorum['n']} required approvals for {shown(quorum['role'])} are here.")
        return f"{len(people)} different people approved exactly this manifest for exactly this recipient."

    def approvers(self) -> str:
        """Each approver's key and role were logged, before the release was sealed, by founders or a second person."""
        approvals, proof, checkpoint = self._get("approvals"), self._get("proof"), self._get("checkpoint")
        enrolment = parse_canonical(self._found["enrolment.json"], "enrolment.json")
        check_shape(enrolment, ENROLMENT, "enrolment.json")
        register: dict[str, tuple[str, list[str]]] = {}
        passkeys: dict[str, tuple[str, str]] = {}
        previous = -1
        for item in enrolment["entries"]:
            index, leaf = item["index"], item["entry"].encode("utf-8", "surrogatepass")
            what = f"Enrolment entry {index}"
            if not previous < index < proof.index:
                raise Mismatch(f"{what} is out of order, or later than the release.")
            hashes = [unb64(text, f"A hash of {what}") for text in item["proof"]]
            check_inclusion(leaf, index, hashes, checkpoint, what)
            enrol(register, parse_entry(leaf, what), what, passkeys)
            previous = index
        for number, approval in enumerate(approvals["approvals"], 1):
            person, role = approval["statement"]["approver"], approval["statement"]["role"]
            key, roles = register.get(person, ("", []))
            if approval.get("origin"):
                key = approval["signature"]["key"]
                key = key if passkeys.get(key) == (person, approval["origin"]) else ""
            if key != approval["signature"]["key"]:
                raise Mismatch(f"No entry shows that the key of approval {number} belongs to {shown(person)}.")
            if role not in roles:
                raise Mismatch(f"No entry shows that {shown(person)} holds the role {shown(role)}.")
        return "The log shows who gave each approver key and role, each time with a second person's signature."

    def witnesses(self) -> str:
        """The checkpoint in audit.proof is cosigned by a quorum of the policy, each witness counted once."""
        checkpoint, proof, trust = self._get("checkpoint"), self._get("proof"), self.trust
        key = parse_key(" ".join(self._get("manifest")["log"]), "The log key in the manifest")
        return witnessed(trust, checkpoint, [key], proof.checkpoint, "The checkpoint in audit.proof")

    def time_stamp(self) -> str:
        """The sender got a time stamp over the checkpoint. Who issued it is not checked here, and is said so."""
        manifest, proof = self._get("manifest"), self._get("proof")
        if "timestamp.tsr" not in self._found:
            raise Mismatch("timestamp.tsr is missing, which the manifest asks for.")
        signed = parse_canonical(self._found["timestamp.sig"], "timestamp.sig")
        check_shape(signed, STAMP_SIGNATURE, "timestamp.sig")
        response = self._found["timestamp.tsr"]
        check_both_signatures(signed["signatures"], response, STAMP_CONTEXT, "timestamp.sig", "timestamp.tsr")
        if [{"alg": item["alg"], "key": item["key"]} for item in signed["signatures"]] != manifest["signed_by"]:
            raise Mismatch("timestamp.sig is not by exactly the keys that the manifest names.")
        digest, at = parse_time_stamp(response)
        if digest != hashlib.sha256(proof.checkpoint.encode("utf-8")).digest():
            raise Mismatch("timestamp.tsr is not over the checkpoint in audit.proof.")
        self.report.warnings.append(
            f"The time stamp says {at}, but its signature was NOT checked here. With openssl and the root certificate "
            "of the authority: sed '1,/^$/d' audit.proof > checkpoint; "
            "openssl ts -verify -in timestamp.tsr -data checkpoint -CAfile ROOT.pem"
        )
        return f"The sender got a time stamp over this checkpoint, of {at}; whether it holds is not checked here."

    def table_commitments(self) -> str:
        """Each table's root stands in an entry of the log, for this matter, from before the release was sealed."""
        manifest, proof, checkpoint = self._get("manifest"), self._get("proof"), self._get("checkpoint")
        told = parse_canonical(self._get(COMMITMENTS_FILE), COMMITMENTS_FILE)
        check_shape(told, COMMITMENTS, COMMITMENTS_FILE)
        roots: dict[int, list[Any]] = {}
        late = 0
        for item in told["entries"]:
            index, leaf = item["index"], item["entry"].encode("utf-8", "surrogatepass")
            what = f"Entry {index} in {COMMITMENTS_FILE}"
            if not max(roots, default=-1) < index < proof.index:
                raise Mismatch(f"{what} is out of order, or later than the release.")
            hashes = [unb64(text, f"A hash of {what}") for text in item["proof"]]
            check_inclusion(leaf, index, hashes, checkpoint, what)
            entry = parse_entry(leaf, what)
            if entry["type"] != "original.committed" or entry.get("matter") != manifest["matter"]:
                raise Mismatch(f"{what} commits to no original of this matter.")
            check_shape(entry["facts"], {"commitments": [HEX]}, f"{what}, facts")
            roots[index] = entry["facts"]["commitments"]
            late += entry["at"] > manifest["created_at"]
        opened = [table["commitment"] for table in self._get("table proofs") if table["commitment"]]
        for one in opened:
            if one["root"] not in roots.get(one["entry"], []):
                raise Mismatch(f"The commitment {one['root']} is in no entry of the log that is shown here.")
        if len({one["root"] for one in opened}) != len(opened) or {one["entry"] for one in opened} != roots.keys():
            raise Mismatch("A commitment is used twice, or an entry is shown that no proof needs.")
        said = f", {late} of them only since it had been begun" if late else ""
        return f"The log held the commitments to {len(opened)} table(s) before the release was sealed{said}."

    def table_proofs(self) -> str:
        """Every cell of every opened column is the one that was committed to, in its row, and no row is missing."""
        manifest, files, proofs = self._get("manifest"), self._get("files"), self._get("table proofs")
        media = {item["path"]: item["media_type"] for item in manifest["files"]}
        sizes = {item["path"]: item["size_bytes"] for item in manifest["files"]}
        total, lines = 0, list[str]()
        for proof in proofs:
            name, checked = proof["file"], 0
            # One that was altered a little is still looked through, to say which cell is not as committed to.
            if files.sizes[name] > min(2 * sizes[name], TABLE_BYTES):
                raise Mismatch(f"{name} is far longer than the manifest says, or too long to be proven.")
            if media[name] == CSV_TYPE or proof["commitment"]:
                with files.open(name) as file:
                    checked = check_table(b"".join(chunks(file, files.sizes[name])), proof, media[name])
            total += checked
            lines.append(table_line(proof, checked))
        said = f"All {total} cells of opened columns are as committed to on arrival (an experimental construction)."
        return "\n".join([said if total else "No cell is proven.", *lines])

    def _get(self, name: str) -> Any:
        if name not in self._found:
            raise Skipped("Not checked, because an earlier step failed.")
        return self._found[name]


def table_line(proof: dict[str, Any], checked: int) -> str:
    """What of one table is proven, what went by a rule, which rules those are, and what no commitment covers."""
    columns = proof["columns"]
    changed = [one["title"] for one in columns if one.get("rules")]
    rules = sorted({rule for one in columns for rule in one.get("rules", ())})
    others = sum(one.get("rules") == [] for one in columns)
    parts = [f"{checked} cells in {sum('place' in one for one in columns)} column(s) proven"] if checked else []
    if changed:
        titles = ", ".join(map(shown, changed))
        parts.append(f"{len(changed)} changed by rule ({', '.join(map(shown, rules))}), so not proven: {titles}")
    if others:
        parts.append(f"{others} of {len(columns)} column(s) covered by no commitment")
    return f"{proof['file']}: {'; '.join(parts) or 'no columns'}."


def enrol(
    register: dict[str, tuple[str, list[str]]],
    entry: dict[str, Any],
    what: str,
    passkeys: dict[str, tuple[str, str]] | None = None,
) -> None:
    """Take keys and roles from a log entry into `register` (person → key, roles), if its signatures hold; `passkeys`
    (key → person, origin) likewise.
    """
    facts = entry["facts"]
    if entry["type"] == "deployment.founded":
        # Whoever holds the log's key could else found again, with keys of their own for the same people.
        if register:
            raise Mismatch(f"{what} founds the deployment a second time.")
        check_shape(facts, FOUNDED, f"{what}, facts")
        founders = [{"key": founder["key"], "roles": founder["roles"]} for founder in facts["people"]]
        statement = {
            "type": "disclosure-gateway/founding/v1",
            "deployment": facts["deployment"],
            "founders": founders,
            "at": facts["at"],
        }
        if len({founder["key"] for founder in founders}) < 2:
            raise Mismatch(f"{what} was founded with fewer than two keys.")
        for founder in facts["people"]:
            signature = bytes.fromhex(founder["signature"])
            check_personal_signature(
                founder["key"], "Ed25519", signature, canonical(statement), f"A signature in {what}"
            )
            register[founder["person"]] = (founder["key"], list(founder["roles"]))
    elif entry["type"] in ("person.enrolled", "roles.granted"):
        check_shape(facts, ENROLLED, f"{what}, facts")
        person, second = facts["person"], facts["countersigner"]
        names = ("person", "key", "roles", "proposer", "at")
        statement = {"type": "disclosure-gateway/enrolment/v1", **{name: facts[name] for name in names}}
        if second in (person, facts["proposer"]) or second not in register:
            raise Mismatch(f"{what} is not countersigned by a second person whose own enrolment is shown.")
        signature = bytes.fromhex(facts["signature"])
        check_personal_signature(
            register[second][0], "Ed25519", signature, canonical(statement), f"A signature in {what}"
        )
        key, roles = register.get(person, (facts["key"], []))
        if key != facts["key"]:
            raise Mismatch(f"{what} gives {shown(person)} a second key.")
        register[person] = (key, roles + facts["roles"])
    elif entry["type"] == "passkey.enrolled" and passkeys is not None:
        enrol_passkey(register, passkeys, facts, what)
    else:
        raise Mismatch(f"{what} is of the type {shown(entry['type'])}, which enrols nobody.")


def enrol_passkey(
    register: dict[str, tuple[str, list[str]]], passkeys: dict[str, tuple[str, str]], facts: dict[str, Any], what: str
) -> None:
    """Take a person's passkey into `passkeys`, if a second person signed for it."""
    check_shape(facts, PASSKEY_ENROLLED, f"{what}, facts")
    second = facts["countersigner"]
    if second in (facts["person"], facts["proposer"]) or second not in register:
        raise Mismatch(f"{what} is not countersigned by a second person whose own enrolment is shown.")
    names = ("person", "passkey", "key", "origin", "proposer", "at")
    statement = {"type": "disclosure-gateway/passkey/v1", **{name: facts[name] for name in names}}
    signature = bytes.fromhex(facts["signature"])
    check_personal_signature(register[second][0], "Ed25519", signature, canonical(statement), f"A signature in {what}")
    if facts["person"] not in register:
        raise Mismatch(f"{what} gives a passkey to {shown(facts['person'])}, whose own enrolment is not shown.")
    if facts["key"] in passkeys:
        raise Mismatch(f"{what} gives out a passkey a second time.")
    passkeys[facts["key"]] = (facts["person"], facts["origin"])


def verify_binding(parts: dict[str, bytes], *, log_key: str, package_key: str) -> Report:
    """Check the five files that speak of a package before the package is written: the gateway's own last look."""
    return PackageCheck(Path(), _given_log(log_key), _given_key(package_key, "package")).binding(parts)


def verify_package(
    path: Path, *, log_key: str | None = None, package_key: str | None = None, policy: bytes | None = None
) -> Report:
    """Check a package folder or zip. Keys are texts as `parse_key` takes them; a bad one, or policy, is `WrongUse`."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(64)
        if head.startswith((b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")):
            raise WrongUse("This package is encrypted; open it first: age --decrypt -i YOUR_KEY -o package.zip PATH")
    return PackageCheck(path, _given_log(log_key), _given_key(package_key, "package"), _given_trust(policy))()


# Maps of all matters: a binary trie over keyed names, so that a path tells of one matter and of no other.

_NOTHING = bytes(32)


def map_name(key: bytes, matter: str) -> int:
    """Where a matter stands: the bits of its keyed name, from the first."""
    return int.from_bytes(hmac.new(key, matter.encode("utf-8"), hashlib.sha256).digest(), "big")


def map_leaf(name: int, value: bytes) -> bytes:
    """What stands there: SHA-256 over 0x00, name and value."""
    return hashlib.sha256(b"\x00" + name.to_bytes(32, "big") + value).digest()


def map_value(count: int, last: bytes) -> bytes:
    """What is said of a matter: its number of entries and the leaf hash of the last."""
    return hashlib.sha256(b"\x02" + count.to_bytes(8, "big") + last).digest()


def map_key_digest(key: bytes) -> str:
    """What an entry that maps the matters says of the map's key."""
    return hashlib.sha256(b"disclosure-gateway/matter-map-key/v1" + key).hexdigest()


class MatterMap:
    """A map that grows; only what changed is hashed again."""

    def __init__(self) -> None:
        # A node is a leaf (name, hash), nothing (-1, zeros), or an inner node [left, right, hash or None: it changed].
        self._above: list[Any] = [(-1, _NOTHING)]
        self._changed: dict[int, list[Any]] = {}

    def put(self, name: int, hashed: bytes) -> None:
        """Set what stands at `name`."""
        above, side, bit = self._above, 0, 255
        while True:
            node = above[side]
            if isinstance(node, tuple):
                if node[0] in (name, -1):
                    above[side] = (name, hashed)
                    return
                above[side] = inner = [(-1, _NOTHING), (-1, _NOTHING), b""]
                inner[node[0] >> bit & 1] = node
                node = inner
            if node[2] is not None:
                node[2] = None
                self._changed.setdefault(bit, []).append(node)
            above, side, bit = node, name >> bit & 1, bit - 1

    def root(self) -> bytes:
        """The root as the map stands."""
        sha256 = hashlib.sha256
        for bit in sorted(self._changed):
            for node in self._changed[bit]:
                node[2] = sha256(b"\x01" + node[0][-1] + node[1][-1]).digest()
        self._changed.clear()
        hashed: bytes = self._above[0][-1]
        return hashed


def check_map_path(proof: dict[str, Any], name: int, root: bytes) -> None:
    """Raise `Mismatch` unless this path shows what the map under `root` says of `name`, or that it is not there."""
    hashes, beside = unb64(proof["path"], "The path in extract.json"), proof["beside"]
    if len(hashes) != 32 * beside.count("1"):
        raise Mismatch("The path in extract.json has not the length that it says.")
    found = unb64(proof["other"], "The other matter in extract.json") if proof["other"] is not None else b""
    if proof["count"]:
        hashed = map_leaf(name, map_value(proof["count"], bytes.fromhex(proof["last"])))
    elif not found:
        hashed = _NOTHING
    else:
        other = int.from_bytes(found[:32], "big")
        if len(found) != 64 or other == name or (other ^ name) >> (256 - len(beside)):
            raise Mismatch("The path in extract.json ends at a matter that does not stand there.")
        hashed = map_leaf(other, found[32:])
    place = len(hashes)
    for depth in range(len(beside) - 1, -1, -1):
        sibling = _NOTHING
        if beside[depth] == "1":
            place -= 32
            sibling = hashes[place : place + 32]
        hashed = node_hash(sibling, hashed) if name >> (255 - depth) & 1 else node_hash(hashed, sibling)
    if hashed != root:
        raise Mismatch("The path in extract.json does not lead to the map that the log speaks of.")


# Audit-log exports.


def moment(text: str) -> datetime:
    """A time in an entry, as it was checked."""
    try:
        return datetime.strptime(text.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        raise Mismatch(f"{shown(text)} is no day.") from None


class Roots:
    """One pass over the entries that hashes them and looks at nothing: the roots at given sizes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._wanted = frozenset(sizes)
        self.peaks = Peaks()
        self.roots: dict[int, bytes] = {0: self.peaks.root()}

    def take(self, leaf: bytes) -> bytes:
        """Hash the next entry."""
        hashed, peaks = hashlib.sha256(b"\x00" + leaf).digest(), self.peaks
        peaks.append(hashed)
        if peaks.size in self._wanted:
            self.roots[peaks.size] = peaks.root()
        return hashed


class Walk(Roots):
    """One pass over the entries that looks at them too: the first thing wrong of each sort, and how often it is.

    What is kept grows with matters, foundings and time stamps, and not with the entries.
    """

    def __init__(self, sizes: Sequence[int], map_key: bytes | None = None) -> None:
        super().__init__(sizes)
        self.maps = 0
        self.map_fault = ""
        self._map_key = map_key
        self._map = MatterMap()
        self._names: dict[str, int] = {}
        self._moved: set[str] = set()
        self.first: dict[str, Any] = {}
        self.form = ""
        self.chain = ""
        self.matters: dict[str, tuple[int, str]] = {}
        self.times_back, self.first_back = 0, 0
        self.silences, self.first_silence = 0, ("", "")
        self.foundings: list[int] = []
        self.stamped: dict[str, tuple[int, int]] = {}
        self._every_s = 0
        self.changes: list[tuple[int, dict[str, Any]]] = []
        self._latest = ""

    def take(self, leaf: bytes) -> bytes:
        """Hash the next entry and look at what it says."""
        index, hashed = self.peaks.size, super().take(leaf)
        try:
            entry = _quick_entry(leaf) or parse_entry(leaf, f"Entry {index}")
            self._listen(index, entry)
        except Mismatch as difference:
            self.form = self.form or str(difference)
        else:
            self._look(index, entry, hashed)
        return hashed

    def _look(self, index: int, entry: dict[str, Any], hashed: bytes) -> None:
        """What an entry has to do with those before it."""
        if index == 0:
            self.first = entry
        if entry["type"] == "deployment.founded":
            self.foundings.append(index)
        if entry["type"] in CHANGES:
            self.changes.append((index, entry))
        if entry["at"] < self._latest:
            self.times_back, self.first_back = self.times_back + 1, self.first_back or index
        else:
            self._latest = entry["at"]
        if "matter" in entry:
            number, previous = self.matters.get(entry["matter"], (0, None))
            if not self.chain and (entry["seq"], entry["prev"]) != (number + 1, previous):
                self.chain = (
                    f"Entry {index} is number {entry['seq']} of its matter and should be number {number + 1}, "
                    "or does not name the entry before it."
                )
            self.matters[entry["matter"]] = (entry["seq"], hashed.hex())
            self._moved.add(entry["matter"])
        if entry["type"] == "matters.mapped":
            self.maps += 1
            self.map_fault = self.map_fault or self._map_difference(index, entry)

    def _map_difference(self, index: int, entry: dict[str, Any]) -> str:
        """What the map of all matters that this entry speaks of differs in, if it does."""
        key = self._map_key
        if key is None:
            return f"Entry {index} maps all matters, and matters.json, which has the key of the map, is missing."
        for matter in self._moved:
            count, last = self.matters[matter]
            name = self._names.get(matter) or self._names.setdefault(matter, map_name(key, matter))
            self._map.put(name, map_leaf(name, map_value(count, bytes.fromhex(last))))
        self._moved.clear()
        if "matter" in entry or entry["facts"] != {"root": self._map.root().hex(), "key": map_key_digest(key)}:
            return f"Entry {index} does not map the matters as they stood: one was left out, added or cut short."
        return ""

    def _listen(self, index: int, entry: dict[str, Any]) -> None:
        """Note heartbeats, and the silences of more than two intervals behind the first one."""
        # A minute's change is looked at first, because reading times takes time.
        if self._every_s and entry["at"][:16] > self._latest[:16]:
            silent = moment(entry["at"]) - moment(self._latest)
            if silent.total_seconds() > 2 * self._every_s:
                self.silences += 1
                self.first_silence = self.first_silence if self.silences > 1 else (self._latest, entry["at"])
        if entry["type"] == "log.heartbeat":
            facts = entry["facts"]
            check_shape(facts, HEARTBEAT, f"Entry {index}, facts")
            self._every_s = facts["every_s"]
            if "tsr_sha256" in facts:
                self.stamped[facts["tsr_sha256"]] = (index, facts["size"])


class ExportCheck:
    """The numbered checks of one audit-log export."""

    required: tuple[str, ...] = EXPORT_FILES
    optional: tuple[str, ...] = (
        EXPORT_STAMPS,
        EXPORT_COSIGNATURES,
        EXPORT_POLICY,
        EXPORT_SUCCESSION,
        "matters.json",
        *VIEW_FILES,
    )
    tiled = True
    small: tuple[str, ...] = (
        "checkpoint",
        "log.vkey",
        "log.pub.pem",
        "index.json",
        "index.sig",
        "matters.json",
        EXPORT_SUCCESSION,
    )

    def __init__(self, path: Path, log_key: Lineage | None, held: str | None, trust: Trust | None) -> None:
        self.path = path
        self.log_key = log_key
        self.trust = trust
        self.held_text = held
        self.report = Report("audit-log export", pinned=log_key is not None)
        self._found: dict[str, Any] = {}

    def __call__(self) -> Report:
        """Make every check."""
        run = self.report.run
        run("structure", self.structure)
        run("log key", self.key)
        run("signatures", self.signatures)
        run("entries", self.entries)
        run("tree", self.tree)
        if any(name.startswith(TILES) for name in getattr(self._found.get("files"), "sizes", {})):
            run("tiles", self.tiles)
        if self.held_text is not None:
            run("checkpoint held outside", self.held)
        elif self.trust is None:
            self.report.warnings.append(
                "Without a checkpoint that you kept (--checkpoint) a log that was cut off or rewritten is not noticed."
            )
        run("first entry", self.first_entry)
        run("matters", self.matters)
        self.run_views()
        run("index", self.index)
        if self._stamped():
            run("time", self.time)
        if self.trust is not None or EXPORT_COSIGNATURES in getattr(self._found.get("files"), "sizes", {}):
            run("witnesses", self.witnesses)
        return self.report

    def run_views(self) -> None:
        """The check of the views, where there are any."""
        if "files" in self._found and self._found["files"].sizes.keys() & VIEW_FILES.keys():
            self.report.run("views", self.views)

    def structure(self) -> str:
        """The documented files, and no others."""
        files = self._found["files"] = Folder(self.path)
        flat = {name for name in files.sizes if not (self.tiled and name.startswith(TILES))}
        for name in sorted((flat - {*self.optional}) ^ {*self.required}):
            raise Mismatch(f"{name} {'does not belong into an export' if name in files.sizes else 'is missing'}.")
        for name in (one for one in self.small if one in files.sizes):
            limit = SMALL_FILE_BYTES if name != "index.json" else 1 << 30
            if files.sizes[name] > limit:
                raise Mismatch(f"{name} is far too large.")
            with files.open(name) as file:
                self._found[name] = file.read()
        return "The export holds the documented files, and no other."

    def key(self) -> str:
        """Both forms of the log's keys are the same keys, and those given."""
        vkey, pem = self._text("log.vkey"), self._text("log.pub.pem")
        key = parse_key(vkey, "log.vkey")
        if key.name is None or vkey.split("\n") != [*vkey.split(), ""]:
            raise Mismatch("log.vkey is not two lines name+hash+base64.")
        if pem_text(key) != pem:
            raise Mismatch("log.pub.pem is not the keys in log.vkey.")
        if self.log_key is None:
            self.report.warnings.append(
                f"The log keys came from the export itself; compare the log's name and the SHA-256 of its keys: "
                f"{key.name} {key.fingerprint}"
            )
        lineage = self._lineage(key)
        self.report.follow(lineage)
        self._found["lineage"] = lineage if self.log_key is None else lineage.joined(self.log_key)
        self._found["key"], self._found["own"] = key, lineage
        followed = f", by {len(lineage.changes)} signed change(s) of its keys" if lineage.changes else ""
        return f"The log is {key.name}{followed}."

    def _lineage(self, key: Key) -> Lineage:
        """The keys that the log had before `key`, by the signed changes that came with the export."""
        lines = self._found.get(EXPORT_SUCCESSION, b"").split(b"\n")
        if lines.pop() or (EXPORT_SUCCESSION in self._found and not lines):
            raise Mismatch(f"{EXPORT_SUCCESSION} does not end with a whole line.")
        lineage = parse_lineage(key, lines, EXPORT_SUCCESSION)
        if not lineage.keys[-1].same(key):
            raise Mismatch(f"{EXPORT_SUCCESSION} does not end with the keys in log.vkey.")
        return lineage

    def index(self) -> str:
        """The log signed an index of all other files, and each file is as it says."""
        key, files = self._get("key"), self._get("files")
        index = parse_canonical(self._get("index.json"), "index.json")
        check_shape(index, EXPORT_INDEX, "index.json")
        signed = parse_canonical(self._get("index.sig"), "index.sig")
        check_shape(signed, INDEX_SIGNATURE, "index.sig")
        signer = check_both_signatures(
            signed["signatures"], self._get("index.json"), INDEX_CONTEXT, "index.sig", "index.json"
        )
        if not signer.same(key) or index["log"] != key.name:
            raise Mismatch("index.json is not signed by this log.")
        if [item["path"] for item in index["files"]] != sorted(files.sizes.keys() - {"index.json", "index.sig"}):
            raise Mismatch("index.json does not list exactly the other files of the export.")
        check_digests(index["files"], files, "index.json")
        return f"The log signed an index, and all {len(index['files'])} other files are as it says."

    def signatures(self) -> str:
        """Every checkpoint is signed by the log; sizes only grow."""
        lineage = self._get("lineage")
        opened: list[Checkpoint] = []
        digests: dict[int, bytes] = {}
        for number, line in enumerate(self._lines("checkpoints.jsonl"), 1):
            what = f"Line {number} of checkpoints.jsonl"
            item = parse_canonical(line, what)
            check_shape(item, {"size": POSITIVE, "text": ANY_TEXT}, what)
            checkpoint = lineage.open(item["text"], what)
            if checkpoint.size != item["size"]:
                raise Mismatch(f"{what} names another size than its text.")
            opened.append(checkpoint)
            digests[checkpoint.size] = hashlib.sha256(item["text"].encode("utf-8")).digest()
        opened.append(lineage.open(self._text("checkpoint"), "The file checkpoint"))
        self._found["digests"] = digests
        for earlier, later in [(opened[i], opened[i + 1]) for i in range(len(opened) - 1)]:
            if earlier.size >= later.size:
                raise Mismatch(f"The checkpoint over {earlier.size} entries is followed by one over {later.size}.")
        if opened[-1].size == 0:
            raise Mismatch("The checkpoint is over no entries: nothing was signed.")
        self._found["checkpoints"] = opened
        return f"The log signed {len(opened)} checkpoint(s), the last over {opened[-1].size} entries."

    def entries(self) -> str:
        """Every line is an entry in canonical form; as many as the checkpoint says."""
        checkpoints = self._get("checkpoints")
        wanted = [checkpoint.size for checkpoint in checkpoints]
        wanted += [change.size for change in self._get("lineage").changes]
        self.report.follow(self._get("lineage"), checkpoints[-1].size)
        if self.held_text is not None:
            wanted.append(self._held().size)
        walk = self._found["walk"] = Walk(wanted, self._map_key())
        self._pass(walk, checkpoints[-1].size)
        if walk.form:
            raise Mismatch(walk.form)
        if walk.times_back:
            self.report.warnings.append(
                f"The time goes backwards at {walk.times_back} entries, first at entry {walk.first_back}: "
                "a clock was set back, or an entry was dated back; ask."
            )
        if walk.silences:
            since, until = walk.first_silence
            self.report.warnings.append(
                f"Nothing was written from {since} to {until}, though a heartbeat was due ({walk.silences} such "
                "silences in all): the gateway stood still, or entries are missing; ask."
            )
        return f"All {walk.peaks.size} entries are in their documented form."

    def _pass(self, walk: Roots, size: int) -> None:
        """Go through all entries, which have to be so many."""
        with (self.path / "entries.jsonl").open("rb") as file:
            while line := file.readline(ENTRY_BYTES_MAX + 2):
                if line[-1:] != b"\n":
                    raise Mismatch(f"Entry {walk.peaks.size} is cut short or too long.")
                walk.take(line[:-1])
        if walk.peaks.size != size:
            raise Mismatch(f"There are {walk.peaks.size} entries; the checkpoint is over {size}.")

    def tree(self) -> str:
        """The entries lead to the root of every checkpoint: each checkpoint continues the ones before it."""
        walk, checkpoints = self._get("walk"), self._get("checkpoints")
        start = 0
        for checkpoint in checkpoints:
            if walk.roots.get(checkpoint.size) != checkpoint.root:
                raise Mismatch(
                    f"The first {checkpoint.size} entries do not lead to the root that was signed over them: "
                    f"an entry from {start} to {checkpoint.size - 1} was changed, removed or moved."
                )
            start = checkpoint.size
        for change in self._get("lineage").changes:
            if change.size <= checkpoints[-1].size and walk.roots.get(change.size) != change.root:
                raise Mismatch(
                    f"The first {change.size} entries are not those under which the log's keys were changed."
                )
        return f"The entries lead to the root of all {len(checkpoints)} checkpoint(s)."

    def tiles(self) -> str:
        """The tiles are those of the tree over the entries: none differs, none is missing, none too many."""
        self._get("walk")
        tiles = Tiles(self._get("files"))
        with (self.path / "entries.jsonl").open("rb") as entries:
            for line in iter(lambda: entries.readline(ENTRY_BYTES_MAX + 2), b""):
                tiles.take(leaf_hash(line[:-1]))
        tiles.end()
        return "The tiles are those of the tree."

    def held(self) -> str:
        """The export continues the checkpoint that was kept outside."""
        held, walk = self._held(), self._get("walk")
        if held.size > walk.peaks.size:
            raise Mismatch(f"The checkpoint you kept is over {held.size} entries, the export has {walk.peaks.size}.")
        if walk.roots.get(held.size) != held.root:
            raise Mismatch(
                f"The first {held.size} entries are not those of the checkpoint you kept: the log was rewritten."
            )
        return f"The log begins with the {held.size} entries of the checkpoint you kept."

    def first_entry(self) -> str:
        """The log's own first entry names this log and this key, and one founding at most follows."""
        walk, lineage = self._get("walk"), self._get("own")
        key, first, foundings = lineage.keys[0], walk.first, walk.foundings
        if first.get("type") != "log.opened" or first["facts"] != {"keys": key.texts, "origin": key.name}:
            raise Mismatch("Entry 0 does not name this log and this key.")
        if len(foundings) > 1:
            raise Mismatch(f"Entry {foundings[1]} founds the deployment a second time: its people were not enrolled.")
        lineage.check_entries(walk.changes)
        return "Entry 0 names this log and this key" + (
            ", and entries name those that followed." * bool(lineage.changes) or "."
        )

    def matters(self) -> str:
        """Each matter's entries are numbered without a gap, each naming the one before."""
        walk = self._get("walk")
        if walk.chain or walk.map_fault:
            raise Mismatch(walk.chain or walk.map_fault)
        if "matters.json" in self._found and not walk.maps:
            raise Mismatch("matters.json is the key of a map that no entry speaks of.")
        maps = f" {walk.maps} map(s) of all matters say the same." if walk.maps else ""
        return f"The entries of {len(walk.matters)} matter(s) are complete and in order.{maps}"

    def views(self) -> str:
        """Every line of every view names the entry that it is made of, by its leaf's hash."""
        self._get("checkpoint")
        for name in sorted(self._get("files").sizes.keys() & VIEW_FILES.keys()):
            head = VIEW_FILES[name]
            if head is not None:
                self._check_view(name, head)
        return "Every line of the views names its entry. What else they say is not checked: the entries count."

    def _check_view(self, name: str, head: bytes) -> None:
        with (self.path / "entries.jsonl").open("rb") as entries, (self.path / name).open("rb") as view:
            if view.read(len(head)) != head:
                raise Mismatch(f"{name} does not begin as documented.")
            for number, line in enumerate(iter(lambda: entries.readline(ENTRY_BYTES_MAX + 2), b""), 1):
                told = view.readline(16 * ENTRY_BYTES_MAX)
                if not told.endswith(b"\n") or leaf_hash(line[:-1]).hex().encode("ascii") not in told:
                    raise Mismatch(f"Line {number} of {name} does not name entry {number} of entries.jsonl.")
            if view.read(1):
                raise Mismatch(f"{name} has more lines than there are entries.")

    def _map_key(self) -> bytes | None:
        if "matters.json" not in self._found:
            return None
        told = parse_canonical(self._found["matters.json"], "matters.json")
        check_shape(told, MAP_KEY, "matters.json")
        return unb64(told["key"], "The key in matters.json")

    def _stamped(self) -> bool:
        files, walk = self._found.get("files"), self._found.get("walk")
        named = walk is not None and bool(walk.stamped)
        return named or (files is not None and EXPORT_STAMPS in files.sizes)

    def time(self) -> str:
        """Every stamp is over the checkpoint that a heartbeat names, and none is missing."""
        named, digests = dict(self._get("walk").stamped), self._get("digests")
        told = ""
        if EXPORT_STAMPS not in self._get("files").sizes:
            raise Mismatch(f"{EXPORT_STAMPS} is missing, though heartbeats name time stamps.")
        for number, line in enumerate(self._lines(EXPORT_STAMPS), 1):
            what = f"Line {number} of {EXPORT_STAMPS}"
            item = parse_canonical(line, what)
            check_shape(item, STAMP, what)
            response = unb64(item["response"], what)
            index, size = named.pop(hashlib.sha256(response).hexdigest(), (0, 0))
            if size != item["size"] or not size <= index:
                raise Mismatch(f"{what} is an answer that no heartbeat behind its checkpoint names.")
            digest, at = parse_time_stamp(response)
            if digests.get(size) != digest:
                raise Mismatch(f"{what} is not over the checkpoint of {item['size']} entries.")
            told = f"the first {size} entries existed at {at}, what stands behind entry {index} came after it"
        if named:
            raise Mismatch(f"{EXPORT_STAMPS} lacks the answer that entry {min(named.values())[0]} names.")
        self.report.warnings.append(
            "The authority's own signatures over the time stamps were not checked here; openssl does, as the "
            "documentation of the export says."
        )
        return f"By the newest time stamp of an authority {told}."

    def witnesses(self) -> str:
        """The newest checkpoint is cosigned by a quorum of the policy, each witness counted once, and every other line
        of a witness of the policy holds.
        """
        checkpoints = self._get("checkpoints")
        lines = self._cosignatures({checkpoint.size for checkpoint in checkpoints})
        if self.trust is None:
            self.report.warnings.append(
                "Cosignatures of witnesses came with the export; give the policy of those you trust (--policy) to have "
                "them checked. The one in the export is the company's."
            )
            told = len(lines.get(checkpoints[-1].size, ()))
            return f"{told} lines of witnesses over the checkpoint are here; whose they are was not checked."
        self.trust.check_log(self._get("lineage").keys)
        earlier = [one for one in checkpoints[:-1] if one.size in lines]
        met = [
            str(one.size)
            for one in earlier
            if self.trust.count(one, lines[one.size], f"The checkpoint over {one.size} entries")[1]
        ]
        said = self.trust.check(checkpoints[-1], lines.get(checkpoints[-1].size, ()), "The checkpoint")
        if not earlier:
            return said
        sizes = ", ".join(met if len(met) < 10 else [*met[:4], "…", *met[-4:]])
        over = f" (over {sizes} entries)" if met else ""
        return f"{said} Of the earlier ones that carry lines of witnesses, {len(met)} of {len(earlier)} have one{over}."

    def _cosignatures(self, sizes: set[int]) -> dict[int, list[str]]:
        """The lines of witnesses by the size of the checkpoint that they are over."""
        found: dict[int, list[str]] = {}
        files, newest = self._get("files"), 0
        if EXPORT_COSIGNATURES not in files.sizes:
            return found
        for number, line in enumerate(self._lines(EXPORT_COSIGNATURES), 1):
            what = f"Line {number} of {EXPORT_COSIGNATURES}"
            item = parse_canonical(line, what)
            check_shape(item, COSIGNED, what)
            if item["size"] not in sizes or item["size"] < newest:
                raise Mismatch(f"{what} is over no checkpoint of this export, or not behind the line before it.")
            newest = item["size"]
            found.setdefault(newest, []).append(item["line"].rstrip("\n"))
        return found

    def _lines(self, name: str) -> Iterator[bytes]:
        """The lines of a file that is there, one at a time and without their line feeds."""
        files = self._get("files")
        if name in self.optional and not files.sizes[name]:
            raise Mismatch(f"{name} does not end with a whole line.")
        with files.open(name) as file:
            while line := file.readline(SMALL_FILE_BYTES):
                if line[-1:] != b"\n":
                    raise Mismatch(f"{name} does not end with a whole line.")
                yield line[:-1]

    def _held(self) -> Checkpoint:
        held: Checkpoint = self._get("lineage").open_kept(str(self.held_text), "The checkpoint you kept")
        return held

    def _text(self, name: str) -> str:
        try:
            text: str = self._get(name).decode("utf-8")
        except ValueError:
            raise Mismatch(f"{name} is not text.") from None
        return text

    def _get(self, name: str) -> Any:
        if name not in self._found:
            raise Skipped("Not checked, because an earlier step failed.")
        return self._found[name]


class RootCheck(ExportCheck):
    """The checks of what an export's newest checkpoint is over, and of nothing that the entries say."""

    def __call__(self) -> Report:
        """Make every check."""
        self.report.kind = "audit-log export, of which the root alone was checked,"
        run = self.report.run
        run("structure", self.structure)
        run("log key", self.key)
        run("signature", self.signature)
        run("entries", self.entries)
        run("tree", self.tree)
        if self.held_text is not None:
            run("checkpoint held outside", self.held)
        self.report.warnings.append(
            "Only the root was checked (--root-only): what the entries say, earlier checkpoints, matters, time and all "
            "other files were not."
        )
        return self.report

    def signature(self) -> str:
        """The checkpoint is signed by the log."""
        checkpoint = self._get("lineage").open(self._text("checkpoint"), "The file checkpoint")
        if checkpoint.size == 0:
            raise Mismatch("The checkpoint is over no entries: nothing was signed.")
        self._found["checkpoints"] = [checkpoint]
        return f"The log signed a checkpoint over {checkpoint.size} entries."

    def entries(self) -> str:
        """There are as many lines as the checkpoint says."""
        (checkpoint,) = self._get("checkpoints")
        self.report.follow(self._get("lineage"), checkpoint.size)
        held = [] if self.held_text is None else [self._held().size]
        changes = [change.size for change in self._get("lineage").changes]
        walk = self._found["walk"] = Roots([checkpoint.size, *held, *changes])
        self._pass(walk, checkpoint.size)
        return f"There are {walk.peaks.size} entries; what they say was not looked at."


class ExtractCheck(ExportCheck):
    """The numbered checks of an extract: some entries, each with its proof."""

    required = EXTRACT_FILES
    tiled = False
    optional = ("consistency.json", EXPORT_SUCCESSION, *VIEW_FILES)
    small: tuple[str, ...] = (
        "checkpoint",
        "log.vkey",
        "log.pub.pem",
        "index.json",
        "index.sig",
        "extract.json",
        "consistency.json",
        EXPORT_SUCCESSION,
    )

    def __call__(self) -> Report:
        """Make every check."""
        self.report.kind = "audit-log extract"
        run = self.report.run
        run("structure", self.structure)
        run("log key", self.key)
        run("signature", self.signature)
        run("entries", self.proven)
        if self.held_text is not None:
            run("checkpoint held outside", self.held)
        else:
            self.report.warnings.append(
                "Without a checkpoint that you kept (--checkpoint) a log that was cut off or rewritten is not noticed."
            )
        run("extract", self.extract)
        if self._found.get("extract", {}).get("matter"):
            run("matter", self.matter)
        else:
            self.report.warnings.append(
                "This is a part of the log, and nothing shows that every entry that was asked for is in it."
            )
        self.run_views()
        run("index", self.index)
        if self.trust is not None:
            run("witnesses", self.witnesses)
        return self.report

    def witnesses(self) -> str:
        """The checkpoint is cosigned by a quorum of the policy, in its own lines."""
        signed, keys = self._get("signed"), self._get("lineage").keys
        return witnessed(self.trust, signed, keys, self._text("checkpoint"), "The checkpoint")

    def signature(self) -> str:
        """The checkpoint is signed by the log."""
        key, lineage = self._get("key"), self._get("lineage")
        checkpoint = open_checkpoint(self._text("checkpoint"), key, "The file checkpoint")
        lineage.open(self._text("checkpoint"), "The file checkpoint")
        self.report.follow(lineage, checkpoint.size)
        self._found["signed"] = checkpoint
        return f"The log signed a checkpoint over {checkpoint.size} entries."

    def proven(self) -> str:
        """Every line is an entry in canonical form, and is in the log at its index."""
        checkpoint = self._get("signed")
        found: dict[int, tuple[dict[str, Any], str]] = {}
        newest = -1
        with (self.path / "entries.jsonl").open("rb") as entries, (self.path / "proofs.jsonl").open("rb") as proofs:
            while True:
                line, told = entries.readline(ENTRY_BYTES_MAX + 2), proofs.readline(1 << 14)
                if not line and not told:
                    break
                what = f"Line {len(found) + 1} of entries.jsonl"
                if not line.endswith(b"\n") or not told.endswith(b"\n"):
                    raise Mismatch(f"{what} or its proof is missing, cut short or too long.")
                proof = parse_canonical(told[:-1], f"The proof of {what}")
                check_shape(proof, {"index": COUNT, "proof": [B64]}, f"The proof of {what}")
                if proof["index"] <= newest:
                    raise Mismatch(f"{what} is not behind the entry before it.")
                hashes = [unb64(text, f"A hash for {what}") for text in proof["proof"]]
                check_inclusion(line[:-1], proof["index"], hashes, checkpoint, what)
                newest = proof["index"]
                found[newest] = (parse_entry(line[:-1], what), leaf_hash(line[:-1]).hex())
        self._found["entries"] = found
        return f"All {len(found)} entries are in their documented form and in the log."

    def held(self) -> str:
        """The log continues the checkpoint that was kept outside."""
        held, signed = self._held(), self._get("signed")
        if held.size > signed.size:
            raise Mismatch(f"The checkpoint you kept is over {held.size} entries, that of the extract {signed.size}.")
        if held.size == signed.size:
            if held.root != signed.root:
                raise Mismatch("The checkpoint you kept is over other entries: the log was rewritten.")
            return "The checkpoint is over the entries of the one you kept."
        told: dict[str, Any] = {}
        if "consistency.json" in self._found:
            told = parse_canonical(self._found["consistency.json"], "consistency.json")
            check_shape(told, CONSISTENCY, "consistency.json")
        if (told.get("old"), told.get("new")) != (held.size, signed.size):
            raise Mismatch("The extract has no proof from the checkpoint you kept; ask for one that continues it.")
        check_consistency(held, signed, [unb64(text, "A hash in consistency.json") for text in told["proof"]])
        return f"The log begins with the {held.size} entries of the checkpoint you kept."

    def extract(self) -> str:
        """The entries are what was asked for, and the log recorded that it was."""
        key, found = self._get("key"), self._get("entries")
        told = parse_canonical(self._get("extract.json"), "extract.json")
        check_shape(told, EXTRACT, "extract.json")
        if told["log"] != key.name or not told["filter"]:
            raise Mismatch("extract.json is of another log, or says not what was asked for.")
        own, wanted = {told["exported"]}, told["filter"]
        if told["matter"] is not None:
            check_shape(told["matter"], MATTER_PROOF, "extract.json, matter")
            own.add(told["matter"]["mapped"])
        entry, _hashed = found.get(told["exported"], ({"type": ""}, ""))
        if entry["type"] != "audit.exported" or entry["facts"] != {"filter": wanted}:
            raise Mismatch("No entry of the log records this extract.")
        chosen = {index: one for index, one in found.items() if index not in own}
        for index, (entry, _hashed) in chosen.items():
            if index > told["exported"] or not _wanted(entry, wanted):
                raise Mismatch(f"Entry {index} is not one that was asked for.")
        self._found["extract"], self._found["chosen"] = told, chosen
        asked = ", ".join(f"{name} {shown(value)}" for name, value in sorted(wanted.items()))
        return f"The {len(chosen)} entries are of those asked for ({asked}); entry {told['exported']} records it."

    def matter(self) -> str:
        """The map of all matters shows that these are all entries of the matter, or that there is none."""
        told, chosen = self._get("extract"), self._get("chosen")
        proof, matter = told["matter"], told["filter"].get("matter", "")
        if told["filter"].keys() != {"matter"}:
            raise Mismatch("What was asked for is not all of a matter, of which alone it can be shown.")
        entry, _hashed = self._get("entries").get(proof["mapped"], ({"type": ""}, ""))
        if entry["type"] != "matters.mapped" or "matter" in entry or proof["mapped"] <= told["exported"]:
            raise Mismatch("No entry of the log maps the matters after this extract was asked for.")
        check_shape(entry["facts"], MAPPED, "The entry that maps the matters, facts")
        key = unb64(proof["key"], "The key of the map")
        if map_key_digest(key) != entry["facts"]["key"]:
            raise Mismatch("The key of the map is not the one that the log speaks of.")
        number, last = 0, None
        for index in sorted(chosen):
            entry_here, hashed = chosen[index]
            number += 1
            if (entry_here["seq"], entry_here["prev"]) != (number, last):
                raise Mismatch(
                    f"Entry {index} is number {entry_here['seq']} of the matter, and number {number} is due."
                )
            last = hashed
        if (number, last) != (proof["count"], proof["last"]) or (proof["count"] and proof["other"] is not None):
            raise Mismatch(f"Here are {number} entries of the matter, and the map is said to have {proof['count']}.")
        check_map_path(proof, map_name(key, matter), bytes.fromhex(entry["facts"]["root"]))
        before = f"of the first {proof['mapped']} entries of the log"
        if not number:
            return f"The log shows that none {before} belongs to the matter {shown(matter)}."
        return f"The log shows that these {number} are all {before} that belong to the matter {shown(matter)}."


def _wanted(entry: dict[str, Any], wanted: dict[str, str]) -> bool:
    """Whether the entry is one that this filter asks for."""
    kind = wanted.get("type", entry["type"])
    return (
        wanted.get("matter", entry.get("matter")) == entry.get("matter")
        and wanted.get("actor", entry["actor"]) == entry["actor"]
        and (entry["type"].startswith(kind) if kind.endswith(".") else entry["type"] == kind)
        and wanted.get("since", "") <= entry["at"]
        and ("until" not in wanted or entry["at"] < wanted["until"])
    )


def pem_text(key: Key) -> str:
    """Both keys as SubjectPublicKeyInfo in PEM."""
    blocks = []
    for head, raw in zip(_PEM_HEADS, (key.ed25519, key.mldsa)):
        body = base64.b64encode(head + raw).decode("ascii")
        lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
        blocks.append(f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")
    return "".join(blocks)


def verify_export(
    path: Path,
    *,
    log_key: str | None = None,
    checkpoint: str | None = None,
    policy: bytes | None = None,
    root_only: bool = False,
) -> Report:
    """Check an export folder, an extract, or the proof of an entry. `checkpoint` is the text of a checkpoint kept
    outside, `policy` a C2SP tlog-policy. With `root_only` a whole export's entries are hashed and not looked at."""
    log, trust = _given_log(log_key), _given_trust(policy)
    if root_only and (trust is not None or is_proof(path) or (path / "proofs.jsonl").exists()):
        raise WrongUse("--root-only is for whole exports, and looks at no lines of witnesses.")
    if is_proof(path):
        if log is None:
            raise WrongUse("The proof of an entry carries no keys: give those of the log (--log-key).")
        if checkpoint is not None:
            raise WrongUse("--checkpoint is for audit-log exports: the proof of an entry carries no consistency proof.")
        return EntryCheck(path, log, trust)()
    check = ExtractCheck if (path / "proofs.jsonl").exists() else ExportCheck
    check = RootCheck if root_only else check
    return check(path, log, checkpoint, trust)()


# Evidence of one release: its package without the disclosed files, the log of its matter, and what is told of both.


class PackageRecord(PackageCheck):
    """The numbered checks of a package as evidence keeps it: the disclosed files need not be there."""

    @property
    def complete(self) -> bool:
        """Whether somebody put the disclosed files back."""
        return any(name.startswith("files/") for name in getattr(self._found.get("files"), "sizes", {}))

    @property
    def pins(self) -> dict[str, Any]:
        """What the manifest says of the policies, where it can be read."""
        pins: dict[str, Any] = (self._found.get("manifest") or {}).get("policy", {})
        return pins

    @property
    def stamp(self) -> bytes | None:
        """The authority's answer in the package, where there is one."""
        return self._found.get("timestamp.tsr")

    def shown(self, manifest: dict[str, Any]) -> list[dict[str, Any]]:
        """Documents, and the disclosed files where one of them is there."""
        listed: list[dict[str, Any]] = manifest["documents"] + (manifest["files"] if self.complete else [])
        return listed

    def got(self, name: str) -> Any:
        """What a check found; `Skipped` where it failed."""
        return self._get(name)

    def structure(self) -> str:
        """The record's files, and no others."""
        super().structure()
        said = "with" if self.complete else "without"
        return f"The record holds what the manifest lists and what binds it, {said} the disclosed files."


class MatterRecord(ExtractCheck):
    """The numbered checks of the extract in a bundle, which continues the checkpoint in the package."""

    @property
    def lineage(self) -> Lineage | None:
        """The keys that the log had one after the other, where they lead to the one given."""
        return self._found.get("lineage")

    def got(self, name: str) -> Any:
        """What a check found; `Skipped` where it failed."""
        return self._get(name)

    def held(self) -> str:
        """The log continues the checkpoint with which the package was handed over."""
        super().held()
        return f"The log continues the checkpoint in the package, over {self._held().size} entries."


class EvidenceCheck:
    """The numbered checks of evidence: package and log as such, and then everything that is told of them."""

    def __init__(
        self, path: Path, log_key: Lineage | None, package_key: Key | None, held: str | None, trust: Trust | None
    ) -> None:
        self.path = path
        self.package_key = package_key
        self.held_text = held
        self.package = PackageRecord(path / "package", log_key, package_key, trust)
        self.log = MatterRecord(path / "log", log_key, None, None)
        self.report = Report("evidence bundle", pinned=log_key is not None and package_key is not None)
        self._found: dict[str, Any] = {}

    def __call__(self) -> Report:
        """Make every check."""
        run = self.report.run
        run("structure", self.structure)
        run("index", self.index)
        self.log.held_text = self._found.get("handed over")
        self._take("log", self.log())
        if self.package.log_key is not None:
            self.package.log_key = self.log.lineage or self.package.log_key
        self._take("package", self.package())
        run("release", self.release)
        run("originals", self.originals)
        run("decisions", self.decisions)
        run("document", self.document)
        if self._policies_signed():
            run("policies", self.policies)
        if self.held_text is not None:
            run("checkpoint held outside", self.held)
        return self.report

    def structure(self) -> str:
        """The documented files; every other one belongs to the package, the log or the policies."""
        files = self._found["files"] = Folder(self.path)
        beside = {name for name in files.sizes if name.startswith(("package/", "log/")) or name in EVIDENCE_POLICIES}
        for name in sorted((files.sizes.keys() - beside) ^ {*EVIDENCE_FILES}):
            raise Mismatch(f"{name} {'does not belong into evidence' if name in files.sizes else 'is missing'}.")
        for name in sorted(one for one in files.sizes if one in EVIDENCE_POLICIES or one in EVIDENCE_FILES):
            if files.sizes[name] > SMALL_FILE_BYTES:
                raise Mismatch(f"{name} is far too large.")
            with files.open(name) as file:
                self._found[name] = file.read()
        for name, shape in (("index.json", EVIDENCE_INDEX), ("evidence.json", EVIDENCE), ("decisions.json", DECISIONS)):
            self._found[f"{name}, read"] = parse_canonical(self._found[name], name)
            check_shape(self._found[f"{name}, read"], shape, name)
        if "package/audit.proof" in files.sizes:
            with files.open("package/audit.proof") as file:
                self._found["handed over"] = parse_proof(file.read(SMALL_FILE_BYTES)).checkpoint
        return "The bundle holds the documented files."

    def index(self) -> str:
        """Both package keys signed an index of all other files, and each file is as it says."""
        index, files = self._get("index.json, read"), self._get("files")
        signed = parse_canonical(self._found["index.sig"], "index.sig")
        check_shape(signed, EVIDENCE_SIGNATURE, "index.sig")
        check_both_named(signed["signatures"], "index.sig")
        key = check_both_signatures(
            signed["signatures"], self._found["index.json"], EVIDENCE_CONTEXT, "index.sig", "index.json"
        )
        if self.package_key is not None and not key.same(self.package_key):
            raise Mismatch("index.json is signed by other keys than the package key you gave.")
        own = {name for name in files.sizes if name.startswith("package/files/")} | {"index.json", "index.sig"}
        for name in sorted({item["path"] for item in index["files"]} ^ (files.sizes.keys() - own)):
            raise Mismatch(f"{name} {'is not listed in index.json' if name in files.sizes else 'is missing'}.")
        check_digests(index["files"], files, "index.json")
        self._found["signers"] = [{"alg": item["alg"], "key": item["key"]} for item in signed["signatures"]]
        return f"The package keys signed an index, and all {len(index['files'])} other files are as it says."

    def release(self) -> str:
        """Package, log and what is told are of one release, which was sealed, handed over and came to what is told."""
        told, manifest, entries = self._get("evidence.json, read"), self._manifest(), self._entries()
        proof, extract = self.package.got("proof"), self.log.got("extract")
        if self._get("signers") != manifest["signed_by"]:
            raise Mismatch("index.json is not signed by the keys that signed the manifest.")
        if extract["filter"] != {"matter": manifest["matter"]} or extract["matter"] is None:
            raise Mismatch("The extract of the log is not all of this matter.")
        if not self.log.got("lineage").has(parse_key(" ".join(manifest["log"]), "The log key in the manifest")):
            raise Mismatch("The manifest names another log than the one of the extract.")
        names = {"release": manifest["release"], "matter": manifest["matter"], "log": extract["log"]}
        for name, value in names.items():
            if told[name] != value or self._get("index.json, read")["release"] != manifest["release"]:
                raise Mismatch(f"evidence.json or index.json tells of another {name} than the package.")
        if [one["id"] for one in told["custody"]] != manifest["custody"]:
            raise Mismatch("evidence.json tells another custody than the manifest.")
        if entries.get(proof.index, ({}, ""))[1] != leaf_hash(proof.leaf).hex():
            raise Mismatch("The entry in audit.proof is not in the extract of the log.")
        acts = [entry for entry, _hashed in entries.values() if entry.get("subject") == told["release"]]
        states = [one["type"].rpartition(".")[2] for one in acts if one["type"] in AFTER_DISPATCH]
        if not states or states[-1] != told["state"]:
            raise Mismatch("evidence.json tells another state of the release than the log.")
        sent = [one["facts"] for one in acts if one["type"] == "release.dispatched"]
        self._check_sent(sent, told, manifest, proof)
        if told["entries"] != self._about(told["release"]):
            raise Mismatch("evidence.json leaves out entries about this release, or names others.")
        return f"The log tells of it in {len(told['entries'])} entries; it was handed over and is {told['state']}."

    def _check_sent(
        self, sent: list[dict[str, Any]], told: dict[str, Any], manifest: dict[str, Any], proof: Proof
    ) -> None:
        stamp = self.package.stamp
        digest = None if stamp is None else hashlib.sha256(stamp).hexdigest()
        if len(sent) != 1:
            raise Mismatch(f"The log says {len(sent)} times that this release was handed over; once is right.")
        stamped = sent[0].get("time_stamp") or {}
        found = (sent[0].get("package_sha256"), sent[0].get("sealed_index"), sent[0].get("profile"))
        if found != (told["package_sha256"], proof.index, manifest["profile"]):
            raise Mismatch("The log says that another package was handed over than evidence.json tells.")
        if not isinstance(stamped, dict) or stamped.get("sha256") != digest:
            raise Mismatch("The log speaks of another time stamp than the one in the package.")

    def originals(self) -> str:
        """Every file was made of the original that is told, by the policy that is told, as it was kept on arrival."""
        told, decisions = self._get("evidence.json, read"), self._get("decisions.json, read")
        policies = {one["path"]: one["policy"] for one in decisions["files"]}
        expected = []
        for file in self._manifest()["files"]:
            _, asked = self._first("rendition.requested", file["rendition"])
            if asked["facts"].get("policy") != policies.get(file["path"]):
                raise Mismatch(f"decisions.json tells another policy for {file['path']} than the log.")
            original = asked["facts"].get("original")
            kept, entry = self._first("original.kept", original)
            roots = [
                index
                for index, (one, _hashed) in self._entries().items()
                if (one["type"], one.get("subject")) == ("original.committed", original)
                and one["facts"].get("commitments")
            ]
            facts = {name: entry["facts"].get(name) for name in ("kind", "media_type", "size_bytes")}
            expected.append(
                {
                    "file": file["path"],
                    "original": original,
                    **facts,
                    "kept": kept,
                    "commitment": entry.get("body"),
                    "committed": roots[0] if roots else None,
                }
            )
        if told["originals"] != expected:
            raise Mismatch("evidence.json tells of other originals than the log.")
        return f"The log shows of which original each of the {len(expected)} files was made."

    def decisions(self) -> str:
        """Decisions are told of every file of the manifest, and for each the digest that the approvers signed."""
        files = self._get("decisions.json, read")["files"]
        names = ("path", "rendition", "decisions")
        if [[one[name] for name in names] for one in files] != [
            [one[name] for name in names] for one in self._manifest()["files"]
        ]:
            raise Mismatch("decisions.json does not tell of exactly the files in the manifest.")
        if sorted({one["policy"] for one in files}) != self._manifest()["policy"]["policies"]:
            raise Mismatch("decisions.json tells of other policies than the manifest.")
        told = sum(field["count"] for one in files for field in one["fields"])
        return (
            f"Decisions on {told} fields are told; approvers signed the digest of their full record, which is not here."
        )

    def document(self) -> str:
        """The log names the certificate, and evidence.pdf is signed with it from its first byte to its last."""
        told, pdf = self._get("evidence.json, read"), self._get("evidence.pdf")
        lines = self._found["certificate.pem"].decode("latin-1").split("\n")
        if lines[0] != "-----BEGIN CERTIFICATE-----" or lines[-2:] != ["-----END CERTIFICATE-----", ""]:
            raise Mismatch("certificate.pem is not one certificate in PEM.")
        certificate = unb64("".join(lines[1:-2]), "certificate.pem")
        digest = hashlib.sha256(certificate).hexdigest()
        begun, _hashed = self._entries().get(told["begun"], ({"type": ""}, ""))
        if (begun["type"], begun.get("subject")) != ("evidence.begun", told["release"]):
            raise Mismatch("No entry of the log says that this evidence was begun.")
        if not told["certificate_sha256"] == begun["facts"].get("certificate_sha256") == digest:
            raise Mismatch("certificate.pem is not the certificate that the log names.")
        ranges = re.findall(rb"/ByteRange ?\[ ?0 ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}) *\]", pdf)
        if len(ranges) != 1 or int(ranges[0][1]) + int(ranges[0][2]) != len(pdf):
            raise Mismatch("evidence.pdf is not signed once, from its first byte to its last.")
        start, end = int(ranges[0][0]), int(ranges[0][1])
        signature = pdf[start:end].lower()
        signed = hashlib.sha256(pdf[:start] + pdf[end:]).hexdigest().encode()
        if signed not in signature or certificate.hex().encode() not in signature:
            raise Mismatch("evidence.pdf is not the document that was signed, or is signed with another certificate.")
        return (
            f"The log names the certificate (SHA-256 {digest}), and evidence.pdf carries it with a signature over all "
            "of it; whether that signature holds PDF readers say (pdfsig evidence.pdf)."
        )

    def _policies_signed(self) -> bool:
        """Whether signatures of policies are here, or the manifest asks for them."""
        here = any(name in self._found for name in EVIDENCE_POLICIES)
        return here or "bundle" in self.package.pins

    def policies(self) -> str:
        """The policies that the manifest names were signed by at least two signers."""
        pins = self._manifest()["policy"]
        for name in EVIDENCE_POLICIES:
            if name not in self._found:
                raise Mismatch(f"{name} is missing, and the manifest names signed policies.")
        statement = parse_canonical(self._get("policies/statement.json"), "policies/statement.json")
        signed = parse_canonical(self._get("policies/signatures.json"), "policies/signatures.json")
        check_shape(signed, POLICY_SIGNATURES, "policies/signatures.json")
        said = {name: OBJECT.test(statement) and statement.get(name) for name in ("bundle", "library")}
        if said != {"bundle": pins.get("bundle"), "library": pins["library"]} or signed["bundle"] != said["bundle"]:
            raise Mismatch("The policy signers signed other policies than the manifest names.")
        for number, one in enumerate(signed["signatures"], 1):
            what = f"Signature {number} of the policies"
            check_personal_signature(one["key"], one["alg"], unb64(one["sig"], what), canonical(statement), what)
        keys = {one["key"] for one in signed["signatures"]}
        if len(keys) != len(signed["signatures"]) or len(keys) < MIN_APPROVERS:
            raise Mismatch("The policies are signed by fewer than two different keys, or by one twice.")
        self.report.warnings.append("The policy signers' keys came with the bundle: " + " ".join(sorted(keys)))
        return f"{len(keys)} policy signers signed the policies that the manifest names."

    def held(self) -> str:
        """The checkpoint that was kept outside is the package's or the extract's."""
        held = self.log.got("lineage").open_kept(self.held_text or "", "The checkpoint you kept")
        for mine in (self.package.got("checkpoint"), self.log.got("signed")):
            if mine.size == held.size:
                if mine.root != held.root:
                    raise Mismatch("The checkpoint you kept is over other entries: the log was rewritten.")
                return f"The checkpoint you kept, over {held.size} entries, is the one here."
        raise Mismatch("The checkpoint you kept is neither the package's nor the extract's, and nothing leads to it.")

    def _take(self, name: str, report: Report) -> None:
        """The steps of a part, as steps of the whole."""
        for step in report.steps:
            self.report.steps.append(Step(len(self.report.steps) + 1, f"{name}: {step.title}", step.state, step.detail))
        told = [one for one in report.warnings if "--checkpoint" not in one and one not in self.report.warnings]
        self.report.warnings += told
        self.report.breaks += [one for one in report.breaks if one not in self.report.breaks]

    def _manifest(self) -> dict[str, Any]:
        manifest: dict[str, Any] = self.package.got("manifest")
        return manifest

    def _entries(self) -> dict[int, tuple[dict[str, Any], str]]:
        entries: dict[int, tuple[dict[str, Any], str]] = self.log.got("entries")
        return entries

    def _first(self, kind: str, subject: Any) -> tuple[int, dict[str, Any]]:
        for index, (entry, _hashed) in self._entries().items():
            if entry["type"] == kind and entry.get("subject") == subject:
                return index, entry
        raise Mismatch(f"No entry {kind} about {shown(subject)} is in the log.")

    def _about(self, release: str) -> list[int]:
        """The entries about release, renditions and their originals, and those of the matter and the extract."""
        about: set[Any] = {release}
        for entry, _hashed in self._entries().values():
            if entry["type"] == "rendition.requested" and entry["facts"].get("release") == release:
                original = entry["facts"].get("original")
                about |= {entry.get("subject"), original if TEXT.test(original) else None}
        return [
            index
            for index, (entry, _hashed) in self._entries().items()
            if entry.get("subject", "") in about
            or entry["facts"].get("release") == release
            or entry["type"] in ("matter.opened", "audit.exported", "matters.mapped")
        ]

    def _get(self, name: str) -> Any:
        if name not in self._found:
            raise Skipped("Not checked, because an earlier step failed.")
        return self._found[name]


def verify_evidence(
    path: Path,
    *,
    log_key: str | None = None,
    package_key: str | None = None,
    checkpoint: str | None = None,
    policy: bytes | None = None,
) -> Report:
    """Check evidence of a release, a folder. Keys are texts as `parse_key` takes them; `policy` a C2SP tlog-policy."""
    return EvidenceCheck(
        path, _given_log(log_key), _given_key(package_key, "package"), checkpoint, _given_trust(policy)
    )()


# Command line.


def _given_key(text: str | None, what: str) -> Key | None:
    if text is None:
        return None
    try:
        return parse_key(text, f"The {what} key you gave")
    except Mismatch as difference:
        raise WrongUse(str(difference)) from None


def _given_log(text: str | None) -> Lineage | None:
    """The log's keys as they were given, with the signed changes of them that stand behind, a line each."""
    lines = [] if text is None else text.strip().splitlines()
    changes = [line.strip().encode("utf-8") for line in lines if line.startswith("{")]
    key = None if text is None else _given_key("\n".join(line for line in lines if not line.startswith("{")), "log")
    try:
        return None if key is None else parse_lineage(key, changes, "What stands behind the log key")
    except Mismatch as difference:
        raise WrongUse(str(difference)) from None


def _given_trust(data: bytes | None) -> Trust | None:
    try:
        return None if data is None else Trust(data)
    except Mismatch as difference:
        raise WrongUse(str(difference)) from None


def _policy(name: str | None) -> bytes | None:
    """The bytes of the policy's file, whose names are octets."""
    try:
        return None if name is None else Path(name).read_bytes()
    except (OSError, ValueError):
        raise WrongUse("The policy file cannot be read.") from None


def _argument(value: str | None) -> str | None:
    """The text of a file of this name, or the argument itself."""
    if value is None or not _names_a_file(value):
        return value
    try:
        return Path(value).read_bytes()[:SMALL_FILE_BYTES].decode("utf-8")
    except (OSError, ValueError):
        raise WrongUse("A key or checkpoint file cannot be read as text.") from None


def _names_a_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # keys are longer than a name may be


def verify(arguments: argparse.Namespace) -> Report:
    """Check whatever lies at the path."""
    path = Path(arguments.path)
    if not path.exists():
        raise WrongUse("There is nothing at this path.")
    log_key, package_key = _argument(arguments.log_key), _argument(arguments.package_key)
    if (path / "evidence.json").exists():
        if arguments.root_only:
            raise WrongUse("--root-only is for audit-log exports.")
        held, trusted = _argument(arguments.checkpoint), _policy(arguments.policy)
        return verify_evidence(path, log_key=log_key, package_key=package_key, checkpoint=held, policy=trusted)
    if is_proof(path) or ((path / "entries.jsonl").exists() and not (path / "manifest.json").exists()):
        if package_key is not None:
            raise WrongUse("--package-key is for packages; this is of an audit log.")
        if arguments.checkpoint is not None and not _names_a_file(arguments.checkpoint):
            raise WrongUse("--checkpoint is the file of a checkpoint that you kept.")
        held, policy = _argument(arguments.checkpoint), _policy(arguments.policy)
        return verify_export(path, log_key=log_key, checkpoint=held, policy=policy, root_only=arguments.root_only)
    if arguments.root_only:
        raise WrongUse("--root-only is for audit-log exports.")
    if arguments.checkpoint is not None:
        raise WrongUse("--checkpoint is for audit-log exports: a package carries no consistency proof.")
    return verify_package(path, log_key=log_key, package_key=package_key, policy=_policy(arguments.policy))


def say(text: str) -> None:
    """One line to standard output, also where the terminal cannot show every sign."""
    try:
        sys.stdout.write(text + "\n")
    except UnicodeEncodeError:
        plain = text.replace("✓", "ok").replace("✗", "FAILED")
        sys.stdout.write(plain.encode("ascii", "replace").decode("ascii") + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(description="Verify a disclosure package or an audit-log export, offline.")
    parser.add_argument(
        "path", metavar="PATH", help="package folder or zip, audit-log export folder, or proof of an entry"
    )
    parser.add_argument("--log-key", metavar="KEY", help="the log's two keys, obtained from elsewhere: file or text")
    parser.add_argument(
        "--package-key", metavar="KEY", help="the two package keys, obtained from elsewhere: file or text"
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint of this log that you kept")
    parser.add_argument("--policy", metavar="FILE", help="the witnesses you trust, and their quorum (C2SP tlog-policy)")
    parser.add_argument("--root-only", action="store_true", help="of an export only that it leads to the signed root")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    arguments = parser.parse_args(argv)
    try:
        report = verify(arguments)
    except WrongUse as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    except OSError as problem:
        sys.stderr.write(f"This cannot be read: {problem.strerror}.\n")
        return 2
    if arguments.json:
        say(json.dumps(report.to_json(), ensure_ascii=True, indent=2))
        return report.exit_code
    for step in report.steps:
        sign = {"ok": "✓", "failed": "✗"}.get(step.state, "–")
        say(f"{sign} {step.number}. {step.title}: {step.detail}".replace("\n", "\n     "))
    for warning in report.warnings:
        say(f"! {warning}")
    say(report.sentence())
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
