"""Digest, row order and pseudonyms of one table, frozen: two versions of the gateway show the same rendition."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from pathlib import Path

from gateway.formats.keyed import Prf, crockford, normalised, pseudonyms, row_order
from gateway.formats.model import Table

FROZEN = json.loads((Path(__file__).parents[2] / "vectors" / "keyed" / "keyed.json").read_text("utf-8"))
SECRET, DIGEST = bytes.fromhex(FROZEN["secret"]), bytes.fromhex(FROZEN["digest"])


def test_the_digest_is_the_frozen_and_the_documented_one() -> None:
    rows = [FROZEN["header"], *FROZEN["rows"]]
    assert Table.of(FROZEN["header"], zip(*FROZEN["rows"], strict=True)).digest == DIGEST
    assert sha256("".join("\x1f".join(row) + "\x1e" for row in rows).encode()).digest() == DIGEST


def test_the_rows_lie_in_the_frozen_order() -> None:
    assert row_order(SECRET, DIGEST, len(FROZEN["rows"])).tolist() == FROZEN["order"]


def test_the_pseudonyms_are_the_frozen_and_the_documented_ones() -> None:
    prf = Prf(SECRET).narrowed("field", FROZEN["field"].encode()).narrowed("table", DIGEST)
    told = FROZEN["pseudonyms"]
    assert pseudonyms(prf, FROZEN["prefix"], told) == told
    key = hmac.digest(hmac.digest(SECRET, b"field:" + FROZEN["field"].encode(), "sha256"), b"table:" + DIGEST, "sha256")
    for value, name in told.items():
        code = hmac.digest(key, normalised(value).encode(), "sha256")
        assert name == (f"{FROZEN['prefix']}-{crockford(code, 8)}" if value else "")
