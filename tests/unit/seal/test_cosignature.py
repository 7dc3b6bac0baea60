"""Cosignatures: frozen ones, an independent implementation, every flipped bit, and what never counts."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tlog_scales.signing import NoteSignature, Vkey
from tlog_scales.tlog import Checkpoint as OtherCheckpoint

from gateway.seal import mldsa, signature
from gateway.seal.cosignature import CosignatureInvalid, cosign, cosignatures, cosigners, parse_cosigner
from gateway.seal.note import Checkpoint, sign_checkpoint, vkeys
from gateway.seal.signature import BadKey
from gateway.seal.twin import SigningTwin

VECTORS = Path(__file__).parents[2] / "vectors" / "cosignature"
NAME = "witness.example.com/w1"
KEY = SigningTwin(signature.SigningKey(bytes(range(64, 96))), mldsa.SigningKey(bytes(range(96, 128))))
LOG = SigningTwin(signature.SigningKey(bytes(range(32))), mldsa.SigningKey(bytes(range(32, 64))))
CHECKPOINT = Checkpoint("example.com/gateway", 42, bytes(range(32)))
AT = 1_790_000_000
LINES = (VECTORS / "lines.txt").read_text(encoding="utf-8")
BROKEN = json.loads((VECTORS / "broken.json").read_text(encoding="utf-8"))
KNOWN = cosigners(NAME, KEY.public)


def test_the_frozen_lines_hold_and_are_still_what_is_written() -> None:
    found = cosignatures(LINES, CHECKPOINT, KNOWN)
    assert [(one.cosigner, one.at) for one in found] == [(key, AT) for key in KNOWN]
    assert "".join(one.line for one in found) == LINES
    assert (VECTORS / "witness.vkey").read_text(encoding="utf-8") == "".join(f"{key.vkey}\n" for key in KNOWN)
    # ML-DSA-44 is hedged: its line differs each time.
    assert cosign(CHECKPOINT, NAME, KEY, AT).splitlines()[0] == LINES.splitlines()[0]


@pytest.mark.parametrize("failure", BROKEN)
def test_a_line_that_fails_for_a_named_reason_does_not_hold(failure: str) -> None:
    with pytest.raises(CosignatureInvalid) as caught:
        cosignatures(BROKEN[failure]["lines"], CHECKPOINT, KNOWN)
    assert BROKEN[failure]["says"] in caught.value.detail


def test_another_implementation_takes_both_lines() -> None:
    other = OtherCheckpoint.from_text(sign_checkpoint(CHECKPOINT, LOG) + cosign(CHECKPOINT, NAME, KEY, AT))
    for key, line in zip(KNOWN, LINES.splitlines(), strict=True):
        Vkey.from_string(key.vkey).get_verifier().verify_note(NoteSignature.from_line(line), other)
        assert Vkey.from_string(key.vkey).match(NoteSignature.from_line(line))


@pytest.mark.parametrize("place", [0, 1])
def test_no_flipped_bit_holds(place: int) -> None:
    name, _, encoded = LINES.splitlines()[place].rpartition(" ")
    blob = base64.b64decode(encoded)
    for byte in (*range(4, 14), len(blob) // 2, len(blob) - 1):
        flipped = bytearray(blob)
        flipped[byte] ^= 1 << byte % 8
        line = f"{name} {base64.b64encode(flipped).decode()}\n"
        with pytest.raises(CosignatureInvalid):
            cosignatures(line, CHECKPOINT, KNOWN)


def test_a_line_holds_over_no_other_checkpoint() -> None:
    for other in (
        replace(CHECKPOINT, size=41),
        replace(CHECKPOINT, origin="example.com/other"),
        replace(CHECKPOINT, root=bytes(32)),
    ):
        for line in LINES.splitlines():
            with pytest.raises(CosignatureInvalid):
                cosignatures(line, other, KNOWN)


def test_a_key_that_signs_twice_counts_once_and_a_stranger_never() -> None:
    again = cosign(CHECKPOINT, NAME, KEY, AT + 5)
    stranger = cosign(CHECKPOINT, NAME, SigningTwin.generate(), AT)
    found = cosignatures(stranger + "no line at all\n— x y z\n" + LINES + again, CHECKPOINT, KNOWN)
    assert [(one.cosigner, one.at) for one in found] == [(key, AT) for key in KNOWN]


def test_the_log_s_own_lines_are_nobody_s_cosignature() -> None:
    log = [parse_cosigner(vkeys(CHECKPOINT.origin, LOG.public)[1])]
    with pytest.raises(CosignatureInvalid, match="no time"):
        cosignatures(sign_checkpoint(CHECKPOINT, LOG).rpartition("\n\n")[2], CHECKPOINT, log)


def test_only_keys_that_cosign_are_taken() -> None:
    assert [parse_cosigner(key.vkey) for key in KNOWN] == list(KNOWN)
    with pytest.raises(BadKey, match="type 4"):
        parse_cosigner(vkeys("example.com/gateway", LOG.public)[0])
    for bad in ("", "x", "a+b+c", KNOWN[0].vkey[:-4] + "AAAA"):
        with pytest.raises(BadKey):
            parse_cosigner(bad)
