"""The key file opens with its passphrase; every other case has its own problem."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from gateway.base.canon import canonical
from gateway.keys.providers import passphrase as room
from gateway.keys.providers.passphrase import (
    KeyFileDamaged,
    KeyFileExists,
    KeyFileMissing,
    KeyFileUnwritable,
    PassphraseKeyFile,
    Stretching,
    WeakPassphrase,
    WrongPassphrase,
    create_key_file,
)
from gateway.seal.envelope import EnvelopeTampered

PASSPHRASE = "correct horse battery staple"
QUICK = Stretching(memory_kib=64, iterations=1, lanes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "root.key"
    create_key_file(path, PASSPHRASE, QUICK)
    return path


def rewritten(content: bytes, edit: Any) -> bytes:
    """The file after `edit`, with a digest that fits again."""
    fields = json.loads(content)
    del fields["sha256"]
    edit(fields)
    return canonical({**fields, "sha256": hashlib.sha256(canonical(fields)).hexdigest()})


def test_a_key_wrapped_in_one_run_unwraps_in_the_next(path: Path) -> None:
    wrapped = PassphraseKeyFile(path, PASSPHRASE).wrap(b"k" * 32, b"aad")
    again = PassphraseKeyFile(path, PASSPHRASE.encode())
    assert again.unwrap(wrapped, b"aad") == b"k" * 32
    with pytest.raises(EnvelopeTampered):
        again.unwrap(wrapped, b"other")


def test_two_files_hold_two_roots(path: Path, tmp_path: Path) -> None:
    create_key_file(tmp_path / "other.key", PASSPHRASE, QUICK)
    wrapped = PassphraseKeyFile(path, PASSPHRASE).wrap(b"k" * 32, b"aad")
    with pytest.raises(EnvelopeTampered):
        PassphraseKeyFile(tmp_path / "other.key", PASSPHRASE).unwrap(wrapped, b"aad")


def test_the_default_cost_is_the_declared_one() -> None:
    assert Stretching() == Stretching(memory_kib=262144, iterations=3, lanes=4)


def test_the_file_is_for_its_owner_alone_and_nothing_else_is_left(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert PASSPHRASE.encode() not in path.read_bytes()


def test_accents_may_be_composed_either_way(tmp_path: Path) -> None:
    create_key_file(tmp_path / "k", "schlüssel-für-alles", QUICK)
    PassphraseKeyFile(tmp_path / "k", "schlu\u0308ssel-fu\u0308r-alles")


def test_bytes_that_are_no_text_are_a_passphrase_too(tmp_path: Path) -> None:
    create_key_file(tmp_path / "k", b"\xff\xfe" * 10, QUICK)
    PassphraseKeyFile(tmp_path / "k", b"\xff\xfe" * 10)


def test_a_wrong_passphrase_is_called_that(path: Path) -> None:
    for wrong in (PASSPHRASE + " ", PASSPHRASE.title(), "", "\ud800"):
        with pytest.raises(WrongPassphrase):
            PassphraseKeyFile(path, wrong)


def test_a_missing_file_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(KeyFileMissing):
        PassphraseKeyFile(tmp_path / "none", PASSPHRASE)
    with pytest.raises(KeyFileMissing, match="rights"):
        PassphraseKeyFile(tmp_path, PASSPHRASE)


def test_every_flipped_byte_is_damage(path: Path) -> None:
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(KeyFileDamaged):
            PassphraseKeyFile(path, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"7", b"null", b"\xff\xfe", b'{"argon2id":1}', b"x" * 5000])
def test_what_is_no_key_file_is_damage(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_every_truncation_and_any_extension_is_damage(path: Path) -> None:
    content = path.read_bytes()
    for broken in [content[:kept] for kept in range(len(content))] + [content + b"\n"]:
        path.write_bytes(broken)
        with pytest.raises(KeyFileDamaged):
            PassphraseKeyFile(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("memory_kib", value) for value in (1 << 40, 7)],
        *[("iterations", value) for value in (10**9, 0, "3", True)],
        *[("lanes", value) for value in (1 << 20, 0, 60, None)],
    ],
)
def test_costs_out_of_bounds_are_damage_before_they_are_paid(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields["argon2id"].update({name: value})))
    monkeypatch.setattr(room, "_stretch", lambda *args: pytest.fail("the cost was paid"))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


@pytest.mark.parametrize("field", ["salt", "wrapped", "check"])
def test_fields_of_the_wrong_length_are_damage(path: Path, field: str) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields.update({field: fields[field][:-2]})))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_a_stray_field_is_damage(path: Path) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields.update(more=1)))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_another_wrapped_key_with_a_fitting_digest_is_damage(path: Path) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields.update(wrapped="01" + "00" * 60)))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_a_key_file_is_never_overwritten(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(KeyFileExists):
        create_key_file(path, PASSPHRASE, QUICK)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_short_passphrase_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for short in ("", "hunter2", "elevenchars", "磁体磁体磁体", b"elevenchars"):
        with pytest.raises(WeakPassphrase, match="12 characters"):
            create_key_file(tmp_path / "k", short, QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
def test_a_failing_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(KeyFileUnwritable):
        create_key_file(tmp_path / "k", PASSPHRASE, QUICK)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_synced_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(room, "fsync_folder", fail)
    with pytest.raises(KeyFileUnwritable):
        create_key_file(tmp_path / "k", PASSPHRASE, QUICK)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_durable_before_it_has_its_name_and_the_name_before_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    for name in ("write", "fsync", "link"):
        real = getattr(os, name)

        def traced(*args: Any, _name: str = name, _real: Any = real, **kwargs: Any) -> Any:
            folder = _name == "fsync" and stat.S_ISDIR(os.fstat(args[0]).st_mode)
            steps.append("fsync folder" if folder else _name)
            return _real(*args, **kwargs)

        monkeypatch.setattr(os, name, traced)
    create_key_file(tmp_path / "k", PASSPHRASE, QUICK)
    assert steps == ["write", "fsync", "link", "fsync folder"]


def test_a_frozen_file_opens() -> None:
    frozen = Path(__file__).parents[2] / "vectors" / "keys" / "key-file-v1.json"
    provider = PassphraseKeyFile(frozen, PASSPHRASE)
    wrapped = bytes.fromhex((frozen.parent / "wrapped.hex").read_text().strip())
    assert provider.unwrap(wrapped, b"aad") == b"k" * 32


BROKEN = json.loads((Path(__file__).parents[2] / "vectors" / "keys" / "broken.json").read_text("ascii"))


@pytest.mark.parametrize("failure", BROKEN)
def test_a_frozen_broken_file_is_damaged(failure: str, tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    path.write_text(BROKEN[failure]["text"], "ascii")
    with pytest.raises(KeyFileDamaged) as caught:
        PassphraseKeyFile(path, PASSPHRASE)
    assert caught.value.slug == BROKEN[failure]["problem"]
