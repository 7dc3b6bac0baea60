"""Signed checkpoints: the published example, an independent implementation, and every flipped byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tlog_scales.signing import PlainEd25519Signer, Vkey
from tlog_scales.tlog import Checkpoint as OtherCheckpoint

from gateway.seal.note import (
    Checkpoint,
    NoteInvalid,
    check_name,
    open_checkpoint,
    parse_vkey,
    sign_checkpoint,
    vkey,
)
from gateway.seal.signature import BadKey, SigningKey

VECTORS = Path(__file__).parents[2] / "vectors" / "note"
NAME = "example.com/gateway"
KEY = SigningKey.from_seed(bytes(range(32)))
CHECKPOINT = Checkpoint(NAME, 42, bytes(range(32)))
TEXT = sign_checkpoint(CHECKPOINT, NAME, KEY)
BROKEN = json.loads((VECTORS / "broken.json").read_text(encoding="utf-8"))


def test_the_frozen_note_is_still_what_is_written() -> None:
    assert (VECTORS / "checkpoint.txt").read_text(encoding="utf-8") == TEXT
    assert (VECTORS / "log.vkey").read_text(encoding="utf-8") == vkey(NAME, KEY.public) + "\n"
    assert open_checkpoint(TEXT, NAME, KEY.public) == CHECKPOINT


@pytest.mark.parametrize("failure", BROKEN)
def test_a_note_that_fails_for_a_named_reason_does_not_open(failure: str) -> None:
    with pytest.raises(NoteInvalid):
        open_checkpoint(BROKEN[failure], NAME, KEY.public)


def test_a_note_without_end_is_refused_unread() -> None:
    with pytest.raises(NoteInvalid, match="long"):
        open_checkpoint(TEXT + "— x AAAA\n" * 20_000, NAME, KEY.public)


def test_another_implementation_reads_and_writes_the_same_bytes() -> None:
    other = OtherCheckpoint.make_signed(NAME, 42, CHECKPOINT.root, [PlainEd25519Signer(NAME, KEY.seed)])
    assert other.serialize() == TEXT
    OtherCheckpoint.from_text(TEXT).verify(Vkey.from_string(vkey(NAME, KEY.public)))


def test_every_flipped_bit_is_noticed() -> None:
    data = TEXT.encode("utf-8")
    for bit in range(8 * len(data)):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteInvalid):
            open_checkpoint(bytes(broken).decode("utf-8", "surrogateescape"), NAME, KEY.public)


def test_lines_of_unknown_keys_are_let_pass_but_never_suffice() -> None:
    witness = SigningKey.generate()
    line = sign_checkpoint(CHECKPOINT, "witness.example", witness).splitlines()[-1]
    assert open_checkpoint(f"{TEXT}{line}\n", NAME, KEY.public) == CHECKPOINT
    with pytest.raises(NoteInvalid):
        open_checkpoint(f"{CHECKPOINT.text}\n{line}\n", NAME, KEY.public)
    bad = TEXT.splitlines()[-1]
    forged = bad[:-8] + ("AAAAAA==" if not bad.endswith("AAAAAA==") else "BBBBBA==")
    with pytest.raises(NoteInvalid):
        open_checkpoint(f"{TEXT}{forged}\n", NAME, KEY.public)


def test_a_checkpoint_of_another_log_or_key_does_not_open() -> None:
    with pytest.raises(NoteInvalid):
        open_checkpoint(TEXT, "example.com/other", KEY.public)
    with pytest.raises(NoteInvalid):
        open_checkpoint(TEXT, NAME, SigningKey.generate().public)
    foreign = sign_checkpoint(Checkpoint("example.com/other", 42, CHECKPOINT.root), NAME, KEY)
    with pytest.raises(NoteInvalid):
        open_checkpoint(foreign, NAME, KEY.public)


def test_a_verifier_key_has_one_spelling() -> None:
    text = vkey(NAME, KEY.public)
    assert parse_vkey(text) == (NAME, KEY.public)
    name, hashed, key = text.split("+", 2)
    wrong = [
        "",
        name,
        f"{name}+{hashed}",
        f"{name}+00000000+{key}",
        f"other+{hashed}+{key}",
        f"{name}+{hashed}+{key[:-4]}",
        f"{name}+{hashed}+{key.replace('A', 'é', 1)}",
        f"{name}+{hashed}+BA{key[2:]}",
        text + "\n",
    ]
    for case in wrong:
        with pytest.raises(BadKey):
            parse_vkey(case)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "日志", "x" * 256])
def test_names_that_would_confuse_a_reader_are_refused(name: str) -> None:
    with pytest.raises(BadKey):
        check_name(name)
