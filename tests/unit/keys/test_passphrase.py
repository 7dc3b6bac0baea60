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
from gateway.keys.model import RootKeyMissing
from gateway.keys.providers import key_file
from gateway.keys.providers import passphrase as room
from gateway.keys.providers.key_file import (
    KeyFileDamaged,
    KeyFileExists,
    KeyFileMissing,
    KeyFileUnwritable,
    Stretching,
)
from gateway.keys.providers.passphrase import (
    PassphraseKeyFile,
    WeakPassphrase,
    WrongPassphrase,
    create_key_file,
)
from gateway.seal.envelope import EnvelopeTampered

PASSPHRASE = "correct horse battery staple"
VECTORS = Path(__file__).parents[2] / "vectors" / "keys"
QUICK = Stretching(memory_kib=64, iterations=1, lanes=1)


def entered() -> None:
    """The entry of a changed passphrase, for tests without a log."""


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
    wrapped = PassphraseKeyFile(path, PASSPHRASE).wrap(b"k" * 32, b"aad", 1)
    again = PassphraseKeyFile(path, PASSPHRASE.encode())
    assert again.unwrap(wrapped, b"aad", 1) == b"k" * 32
    with pytest.raises(EnvelopeTampered):
        again.unwrap(wrapped, b"other", 1)


def test_two_files_hold_two_roots(path: Path, tmp_path: Path) -> None:
    create_key_file(tmp_path / "other.key", PASSPHRASE, QUICK)
    wrapped = PassphraseKeyFile(path, PASSPHRASE).wrap(b"k" * 32, b"aad", 1)
    with pytest.raises(EnvelopeTampered):
        PassphraseKeyFile(tmp_path / "other.key", PASSPHRASE).unwrap(wrapped, b"aad", 1)


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


@pytest.mark.parametrize("field", ["salt", "roots", "check"])
def test_fields_of_the_wrong_length_are_damage(path: Path, field: str) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields.update({field: fields[field][:-2]})))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_a_stray_field_is_damage(path: Path) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields.update(more=1)))
    with pytest.raises(KeyFileDamaged):
        PassphraseKeyFile(path, PASSPHRASE)


def test_another_wrapped_key_with_a_fitting_digest_is_damage(path: Path) -> None:
    path.write_bytes(rewritten(path.read_bytes(), lambda fields: fields["roots"][0].update(wrapped="01" + "00" * 60)))
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

    monkeypatch.setattr(key_file, "fsync_folder", fail)
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


@pytest.mark.parametrize(("name", "root"), [("key-file-v1.json", 1), ("key-file-v2.json", 1), ("key-file-v2.json", 2)])
def test_a_frozen_file_opens(name: str, root: int) -> None:
    provider = PassphraseKeyFile(VECTORS / name, PASSPHRASE)
    wrapped = bytes.fromhex((VECTORS / f"wrapped{'' if root == 1 else root}.hex").read_text().strip())
    assert provider.unwrap(wrapped, b"aad", root) == b"k" * 32


def test_a_file_of_the_first_version_becomes_one_of_the_second_when_it_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_bytes((VECTORS / "key-file-v1.json").read_bytes())
    before = PassphraseKeyFile(path, PASSPHRASE).wrap(b"k" * 32, b"aad", 1)
    PassphraseKeyFile(path, PASSPHRASE).add_root(2)
    assert json.loads(path.read_bytes())["format"] == "disclosure-gateway/key-file/v2"
    again = PassphraseKeyFile(path, PASSPHRASE)
    assert again.unwrap(before, b"aad", 1) == b"k" * 32
    assert list(again.roots()) == [1, 2]


def test_a_process_at_work_finds_the_root_that_another_added_and_keeps_the_one_it_dropped(path: Path) -> None:
    at_work, rotating = PassphraseKeyFile(path, PASSPHRASE), PassphraseKeyFile(path, PASSPHRASE)
    old = at_work.wrap(b"k" * 32, b"aad", 1)
    rotating.add_root(2)
    rotating.add_root(2)
    new = rotating.wrap(b"n" * 32, b"aad", 2)
    rotating.drop_roots(2)
    assert at_work.unwrap(new, b"aad", 2) == b"n" * 32
    assert at_work.unwrap(old, b"aad", 1) == b"k" * 32
    with pytest.raises(RootKeyMissing, match="root key 1"):
        PassphraseKeyFile(path, PASSPHRASE).unwrap(old, b"aad", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_changed_passphrase_opens_and_the_old_one_does_not(path: Path) -> None:
    provider = PassphraseKeyFile(path, PASSPHRASE)
    wrapped = provider.wrap(b"k" * 32, b"aad", 1)
    with pytest.raises(WeakPassphrase):
        provider.change_passphrase("short", entered)
    provider.change_passphrase("another horse battery staple", entered)
    assert PassphraseKeyFile(path, "another horse battery staple").unwrap(wrapped, b"aad", 1) == b"k" * 32
    with pytest.raises(WrongPassphrase):
        PassphraseKeyFile(path, PASSPHRASE)


def test_a_process_that_was_started_before_the_change_asks_for_the_passphrase_again(path: Path) -> None:
    given = [PASSPHRASE]
    at_work = PassphraseKeyFile(path, lambda: given[-1])
    rotating = PassphraseKeyFile(path, PASSPHRASE)
    rotating.change_passphrase("another horse battery staple", entered)
    rotating.add_root(2)
    new = rotating.wrap(b"n" * 32, b"aad", 2)
    for _ in range(2):
        with pytest.raises(WrongPassphrase):
            at_work.unwrap(new, b"aad", 2)
    given.append("another horse battery staple")
    assert at_work.unwrap(new, b"aad", 2) == b"n" * 32


def test_a_wrong_passphrase_is_stretched_once_not_for_every_request(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work, rotating = PassphraseKeyFile(path, PASSPHRASE), PassphraseKeyFile(path, PASSPHRASE)
    rotating.change_passphrase("another horse battery staple", entered)
    rotating.add_root(2)
    real, stretched = room._stretch, []

    def counted(*told: Any) -> bytes:
        stretched.append(told)
        return real(*told)

    monkeypatch.setattr(room, "_stretch", counted)
    for _ in range(5):
        with pytest.raises(WrongPassphrase):
            at_work.wrap(b"n" * 32, b"aad", 2)
    assert len(stretched) == 1


def test_the_replaced_file_is_zeroed_unless_it_is_linked_elsewhere(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    with path.open("rb") as old:
        PassphraseKeyFile(path, PASSPHRASE).change_passphrase("another horse battery staple", entered)
        assert old.read() == bytes(len(before))
    (tmp_path / "backup").hardlink_to(path)
    kept = path.read_bytes()
    PassphraseKeyFile(path, "another horse battery staple").change_passphrase(PASSPHRASE, entered)
    assert (tmp_path / "backup").read_bytes() == kept
    assert path.read_bytes() != kept


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_disk_that_fails_in_a_change_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    before, provider = path.read_bytes(), PassphraseKeyFile(path, PASSPHRASE)
    monkeypatch.setattr(*((Path, step, fail) if step == "rename" else (os, step, fail)))
    with pytest.raises(KeyFileUnwritable):
        provider.add_root(2)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


BROKEN = json.loads((Path(__file__).parents[2] / "vectors" / "keys" / "broken.json").read_text("ascii"))


@pytest.mark.parametrize("failure", BROKEN)
def test_a_frozen_broken_file_is_damaged(failure: str, tmp_path: Path) -> None:
    path = tmp_path / "root.key"
    path.write_text(BROKEN[failure]["text"], "ascii")
    with pytest.raises(KeyFileDamaged) as caught:
        PassphraseKeyFile(path, PASSPHRASE)
    assert caught.value.slug == BROKEN[failure]["problem"]
