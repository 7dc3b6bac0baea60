"""Signed checkpoints: frozen ones, an independent implementation, and every flipped bit."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint as OtherCheckpoint

from gateway.seal import mldsa, signature
from gateway.seal.note import (
    Checkpoint,
    NoteInvalid,
    check_name,
    open_checkpoint,
    parse_vkeys,
    sign_checkpoint,
    vkey_text,
    vkeys,
)
from gateway.seal.signature import BadKey
from gateway.seal.twin import SigningTwin

VECTORS = Path(__file__).parents[2] / "vectors" / "note"
NAME = "example.com/gateway"
KEY = SigningTwin(signature.SigningKey(bytes(range(32))), mldsa.SigningKey(bytes(range(32, 64))))
CHECKPOINT = Checkpoint(NAME, 42, bytes(range(32)))
TEXT = (VECTORS / "checkpoint.txt").read_text(encoding="utf-8")
BROKEN = json.loads((VECTORS / "broken.json").read_text(encoding="utf-8"))


def test_the_frozen_note_opens_and_is_still_what_is_written() -> None:
    assert open_checkpoint(TEXT, NAME, KEY.public) == CHECKPOINT
    assert (VECTORS / "log.vkey").read_text(encoding="utf-8") == vkey_text(NAME, KEY.public)
    written = sign_checkpoint(CHECKPOINT, KEY)
    assert open_checkpoint(written, NAME, KEY.public) == CHECKPOINT
    # ML-DSA-44 is hedged: its last line differs each time, all before it is the same.
    assert written.splitlines()[:5] == TEXT.splitlines()[:5]
    assert len(written) == len(TEXT)


@pytest.mark.parametrize("failure", BROKEN)
def test_a_note_that_fails_for_a_named_reason_does_not_open(failure: str) -> None:
    with pytest.raises(NoteInvalid) as caught:
        open_checkpoint(BROKEN[failure]["note"], NAME, KEY.public)
    assert BROKEN[failure]["says"] in caught.value.detail


def test_a_note_without_end_is_refused_unread() -> None:
    with pytest.raises(NoteInvalid, match="long"):
        open_checkpoint(TEXT + "— x AAAA\n" * 20_000, NAME, KEY.public)


def test_another_implementation_reads_the_note_and_checks_its_ed25519_line() -> None:
    OtherCheckpoint.from_text(TEXT).verify(Vkey.from_string(vkeys(NAME, KEY.public)[0]))


def test_the_cosignature_signs_the_documented_bytes() -> None:
    line = TEXT.splitlines()[5].rpartition(" ")[2]
    blob = base64.b64decode(line)
    name = NAME.encode()
    message = b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(name)]) + name,
            bytes(8),
            bytes([len(name)]) + name,
            (0).to_bytes(8, "big") + (42).to_bytes(8, "big"),
            CHECKPOINT.root,
        )
    )
    assert blob[4:12] == bytes(8)
    KEY.public.mldsa.verify(blob[12:], message, b"")


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.nightly)])
def test_every_flipped_bit_is_noticed(step: int) -> None:
    data = TEXT.encode("utf-8")
    # Five and eight have no divisor in common, so that every place within a byte is met.
    for bit in range(0, 8 * len(data), step):
        broken = bytearray(data)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NoteInvalid):
            open_checkpoint(bytes(broken).decode("utf-8", "surrogateescape"), NAME, KEY.public)


def test_lines_of_unknown_keys_are_let_pass_behind_but_never_suffice() -> None:
    witness = SigningTwin.generate()
    lines = sign_checkpoint(Checkpoint("witness.example", 42, CHECKPOINT.root), witness).splitlines()[-2:]
    assert open_checkpoint("\n".join((TEXT[:-1], *lines, "")), NAME, KEY.public) == CHECKPOINT
    with pytest.raises(NoteInvalid):
        open_checkpoint("\n".join((CHECKPOINT.text, *lines, "")), NAME, KEY.public)
    with pytest.raises(NoteInvalid, match="only place"):
        open_checkpoint("\n".join((CHECKPOINT.text, lines[0], *TEXT.splitlines()[4:], "")), NAME, KEY.public)


def test_a_checkpoint_of_another_log_or_key_does_not_open() -> None:
    other = SigningTwin.generate().public
    with pytest.raises(NoteInvalid):
        open_checkpoint(TEXT, "example.com/other", KEY.public)
    for stranger in (
        other,
        type(other)(other.ed25519, KEY.public.mldsa),
        type(other)(KEY.public.ed25519, other.mldsa),
    ):
        with pytest.raises(NoteInvalid, match=r"no .* signature of the expected log"):
            open_checkpoint(TEXT, NAME, stranger)


def test_verifier_keys_have_one_spelling() -> None:
    text = vkey_text(NAME, KEY.public)
    assert parse_vkeys(text) == (NAME, KEY.public)
    first, second = text.splitlines()
    name, hashed, key = first.split("+", 2)
    wrong = [
        "",
        first,
        second,
        f"{second}\n{first}",
        f"{first}\n{second}\n{first}",
        f"{name}\n{second}",
        f"{name}+{hashed}\n{second}",
        f"{name}+00000000+{key}\n{second}",
        f"other+{hashed}+{key}\n{second}",
        f"{name}+{hashed}+{key[:-4]}\n{second}",
        f"{name}+{hashed}+{key.replace('A', 'é', 1)}\n{second}",
        f"{name}+{hashed}+BA{key[2:]}\n{second}",
        f"{first}\n{vkeys('example.com/other', KEY.public)[1]}",
    ]
    for case in wrong:
        with pytest.raises(BadKey):
            parse_vkeys(case)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "日志", "x" * 256])
def test_names_that_would_confuse_a_reader_are_refused(name: str) -> None:
    with pytest.raises(BadKey):
        check_name(name)
