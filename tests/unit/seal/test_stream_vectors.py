"""Frozen streams made by Tink, and broken ones that each name what must be noticed."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.seal import stream
from gateway.seal.stream import SEGMENT_BYTES, RangeReader, StreamTampered, StreamWriter

FOLDER = Path(__file__).parents[2] / "vectors" / "stream"
GOOD = {vector["name"]: vector for vector in json.loads((FOLDER / "good.json").read_text())["vectors"]}
BROKEN = json.loads((FOLDER / "broken.json").read_text())["broken"]


def sealed_as_tink_did(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Our writer, given Tink's salt and nonce prefix."""
    drawn = {32: bytes.fromhex(vector["salt"]), 7: bytes.fromhex(vector["nonce_prefix"])}
    monkeypatch.setattr(stream, "token_bytes", drawn.__getitem__)
    sealed = io.BytesIO()
    writer = StreamWriter(bytes.fromhex(vector["key"]), vector["aad"].encode(), sealed.write)
    writer.write(plaintext(vector))
    writer.close()
    return sealed.getvalue()


def plaintext(vector: dict[str, Any]) -> bytes:
    return hashlib.shake_256(b"plaintext").digest(vector["plaintext_bytes"])


def broken_bytes(case: dict[str, Any], sealed: bytes) -> bytes:
    if "flip" in case:
        position, mask = case["flip"]
        return sealed[:position] + bytes([sealed[position] ^ mask]) + sealed[position + 1 :]
    if "order" in case:
        return b"".join(sealed[i * SEGMENT_BYTES : (i + 1) * SEGMENT_BYTES] for i in case["order"])
    return sealed[: case.get("keep")] + bytes.fromhex(case.get("append", ""))


@pytest.mark.parametrize("name", GOOD)
def test_the_writer_makes_tinks_very_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = GOOD[name]
    sealed = sealed_as_tink_did(vector, monkeypatch)
    assert len(sealed) == vector["ciphertext_bytes"]
    assert hashlib.sha256(sealed).hexdigest() == vector["ciphertext_sha256"]
    assert sealed.hex() == vector.get("ciphertext", sealed.hex())


@pytest.mark.parametrize("name", GOOD)
def test_the_reader_opens_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = GOOD[name]
    source = io.BytesIO(sealed_as_tink_did(vector, monkeypatch))
    opened = RangeReader(bytes.fromhex(vector["key"]), vector["aad"].encode(), source, vector["plaintext_bytes"])
    assert b"".join(opened.chunks()) == plaintext(vector)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: str(case["name"]))
def test_a_broken_stream_is_refused_for_its_reason(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    vector = GOOD[case["of"]]
    whole = sealed_as_tink_did(vector, monkeypatch)
    untrusted = broken_bytes(case, whole)
    assert untrusted != whole or {"key", "aad"} & case.keys()
    facts = {**vector, **case}
    with pytest.raises(StreamTampered) as caught:
        list(
            RangeReader(
                bytes.fromhex(facts["key"]), facts["aad"].encode(), io.BytesIO(untrusted), facts["plaintext_bytes"]
            ).chunks()
        )
    assert caught.value.members["failure"] == case["failure"]
