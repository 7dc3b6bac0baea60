"""Objects come back unchanged, or the problem names the object; what was not recorded leaves nothing."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import pytest
import tink
from sqlalchemy import Engine, text
from tink import cleartext_keyset_handle, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from gateway.base.canon import Json, canonical
from gateway.base.clock import SystemClock
from gateway.db.failures import StorageFull
from gateway.db.unit import Units, UnloggedChange
from gateway.keys.model import KeyMissing, KeyShredded
from gateway.keys.service import Keyring
from gateway.seal.stream import RangeReader, ciphertext_size
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.model import ObjectDamaged, ObjectMissing, StoredObject
from gateway.vault.ports import BlobMissing
from gateway.vault.service import Vault

MATTER = "mat_00000000000000000000000001"
DATA = hashlib.shake_256(b"original").digest(2_500_000)


def rewrite(engine: Engine, statement: str, **values: Any) -> None:
    """Change a row behind the gateway's back."""
    with engine.begin() as connection:
        assert connection.execute(text(statement), {"blank": bytes(32), **values}).rowcount == 1


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def read(units: Units, vault: Vault, object_id: str) -> bytes:
    with units.read() as session, vault.open(session, object_id) as opened:
        return opened.read()


@pytest.fixture
def kept(vault: Vault, change: Any) -> StoredObject:
    with change() as session:
        return vault.record(session, vault.keep(DATA, matter=MATTER, role="original"))


def test_an_object_comes_back_whole_and_in_ranges(units: Units, vault: Vault, kept: StoredObject) -> None:
    with units.read() as session:
        assert vault.object(session, kept.id) == kept
        opened = vault.open(session, kept.id)
    with opened:
        assert opened.plaintext_bytes == len(DATA)
        assert opened.read() == DATA
        assert opened.read_range(1_048_000, 70_000) == DATA[1_048_000:1_118_000]
        assert b"".join(opened.chunks(2_000_000)) == DATA[2_000_000:]
    with pytest.raises(ValueError, match="closed"):
        opened.read()


def test_what_is_known_of_an_object(kept: StoredObject, folder: Path) -> None:
    assert kept.id.startswith("obj_")
    assert (kept.matter, kept.role, kept.plaintext_bytes) == (MATTER, "original", len(DATA))
    assert kept.ciphertext_bytes == ciphertext_size(len(DATA)) == (folder / kept.blob_name).stat().st_size
    assert kept.id not in kept.blob_name
    assert kept.shredded_at is None


def test_an_upload_in_pieces_counts_and_digests_as_it_goes(units: Units, vault: Vault, change: Any) -> None:
    with vault.begin(matter=MATTER, role="package") as keeping:
        keeping.write(DATA[:10])
        assert keeping.plaintext_bytes == 10
        assert keeping.sha256 == hashlib.sha256(DATA[:10]).hexdigest()
        assert keeping.as_file().write(DATA[10:99_999]) == 99_989
        keeping.as_file().flush()
        keeping.write(memoryview(DATA)[99_999:])
        keeping.finish()
        with change() as session:
            kept = vault.record(session, keeping)
    assert keeping.sha256 == hashlib.sha256(DATA).hexdigest()
    assert keeping.object_id == kept.id
    assert read(units, vault, kept.id) == DATA


def test_an_empty_object_is_kept(units: Units, vault: Vault, change: Any) -> None:
    with change() as session:
        kept = vault.record(session, vault.keep(b"", matter=MATTER, role="original"))
    assert read(units, vault, kept.id) == b""


def test_tink_opens_a_stored_object_given_its_key_and_context(
    units: Units, keyring: Keyring, folder: Path, kept: StoredObject
) -> None:
    with units.read() as session:
        dek = keyring.unwrap(session, kept.key_id)
    streaming_aead.register()
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(key_value=dek)
    key.params.ciphertext_segment_size = 1 << 20
    key.params.derived_key_size = 32
    key.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW)
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = key.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle = cleartext_keyset_handle.read(tink.BinaryKeysetReader(keyset.SerializeToString()))
    context: dict[str, Json] = {
        "tenant": "tenant-1",
        "matter": MATTER,
        "object": kept.id,
        "version": 1,
        "role": "original",
    }
    source = io.BytesIO((folder / kept.blob_name).read_bytes())
    with handle.primitive(streaming_aead.StreamingAead).new_decrypting_stream(source, canonical(context)) as opened:
        assert opened.read() == DATA


def test_nothing_is_in_clear_on_disk(vault: Vault, change: Any, tmp_path: Path) -> None:
    secret = b"customer: Magnetwerk Nord GmbH, 48211 pcs. "
    with vault.begin(matter=MATTER, role="original") as keeping:
        keeping.write(secret * 60_000)
        halfway = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        keeping.finish()
        with change() as session:
            vault.record(session, keeping)
    after = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(halfway) > 1 << 20
    for place in (halfway, after):
        assert secret[:16] not in place
        assert keeping.key not in place
        assert bytes.fromhex(keeping.sha256) not in place
        assert keeping.sha256.encode() not in place


def test_each_object_has_its_own_key(units: Units, vault: Vault, keyring: Keyring, change: Any) -> None:
    with change() as session:
        one, two = (vault.record(session, vault.keep(b"x", matter=MATTER, role="original")) for _ in range(2))
    with units.read() as session:
        assert keyring.unwrap(session, one.key_id) != keyring.unwrap(session, two.key_id)


@pytest.mark.parametrize("position", [0, 1, 39, 40, 1 << 20, (1 << 20) - 1, -1])
def test_a_flipped_byte_is_noticed_and_names_the_object(
    units: Units, vault: Vault, folder: Path, kept: StoredObject, position: int
) -> None:
    blob = folder / kept.blob_name
    sealed = bytearray(blob.read_bytes())
    sealed[position] ^= 1
    blob.write_bytes(sealed)
    with pytest.raises(ObjectDamaged, match=kept.id) as caught:
        read(units, vault, kept.id)
    assert caught.value.members["object"] == kept.id


@pytest.mark.parametrize(
    "edit", [lambda data: data[:-1], lambda data: data[: 1 << 20], lambda data: data + b"\0", lambda data: b""]
)
def test_a_blob_of_another_length_is_noticed_before_a_byte_is_decrypted(
    units: Units, vault: Vault, folder: Path, kept: StoredObject, edit: Any
) -> None:
    blob = folder / kept.blob_name
    blob.write_bytes(edit(blob.read_bytes()))
    with units.read() as session, pytest.raises(ObjectDamaged, match=kept.id):
        vault.open(session, kept.id)


def test_a_blob_cut_at_a_segment_border_with_a_fitting_row_is_noticed(
    units: Units, engine: Engine, vault: Vault, folder: Path, kept: StoredObject
) -> None:
    """The commitment authenticates the length, so a range reader cannot be told a shorter story."""
    blob = folder / kept.blob_name
    blob.write_bytes(blob.read_bytes()[: 1 << 20])
    rewrite(engine, "UPDATE stored_object SET plaintext_bytes = :n", n=(1 << 20) - 56)
    with units.read() as session, pytest.raises(ObjectDamaged, match=kept.id):
        vault.open(session, kept.id)


def test_a_missing_blob_names_the_object(units: Units, vault: Vault, folder: Path, kept: StoredObject) -> None:
    (folder / kept.blob_name).unlink()
    with pytest.raises(ObjectDamaged, match=f"{kept.id}.*missing"):
        read(units, vault, kept.id)


@pytest.mark.parametrize(
    "change_of",
    ["matter = 'mat_2'", "role = 'rendition'", "plaintext_bytes = plaintext_bytes - 1", "commitment = :blank"],
)
def test_a_changed_row_opens_nothing(
    units: Units, engine: Engine, vault: Vault, kept: StoredObject, change_of: str
) -> None:
    rewrite(engine, f"UPDATE stored_object SET {change_of}")
    with units.read() as session, pytest.raises(ObjectDamaged, match=kept.id):
        vault.open(session, kept.id)


def test_the_commitment_is_checked_before_the_blob_is_touched(
    units: Units, engine: Engine, vault: Vault, kept: StoredObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(engine, "UPDATE stored_object SET commitment = :blank")
    monkeypatch.setattr(FolderBlobStore, "open", lambda *args: pytest.fail("the blob was opened"))
    with units.read() as session, pytest.raises(ObjectDamaged):
        vault.open(session, kept.id)


@pytest.fixture
def other(vault: Vault, change: Any) -> StoredObject:
    with change() as session:
        return vault.record(session, vault.keep(DATA, matter=MATTER, role="original"))


def test_the_blob_of_another_object_does_not_open(
    units: Units, vault: Vault, kept: StoredObject, other: StoredObject, folder: Path
) -> None:
    (folder / other.blob_name).rename(folder / kept.blob_name)
    with pytest.raises(ObjectDamaged, match=kept.id):
        read(units, vault, kept.id)


def test_the_key_of_another_object_does_not_open(
    units: Units, engine: Engine, vault: Vault, kept: StoredObject, other: StoredObject
) -> None:
    rewrite(engine, "UPDATE stored_object SET key_id = 'key_x' WHERE id = :id", id=other.id)
    rewrite(engine, "UPDATE stored_object SET key_id = :key WHERE id = :id", key=other.key_id, id=kept.id)
    with pytest.raises(ObjectDamaged, match=kept.id):
        read(units, vault, kept.id)


def test_a_key_tampered_with_names_the_object(units: Units, engine: Engine, vault: Vault, kept: StoredObject) -> None:
    rewrite(engine, 'UPDATE "key" SET wrapped = :blank WHERE id = :id', id=kept.key_id)
    with units.read() as session, pytest.raises(ObjectDamaged, match=kept.id):
        vault.open(session, kept.id)


def test_an_unknown_object_is_called_that(units: Units, vault: Vault) -> None:
    for act in (vault.object, vault.open, vault.shred):
        with units.read() as session, pytest.raises(ObjectMissing):
            act(session, "obj_none")


def test_a_shredded_object_never_opens_and_its_blob_goes_with_the_next_sweep(
    units: Units, vault: Vault, change: Any, folder: Path, kept: StoredObject
) -> None:
    with change() as session:
        vault.shred(session, kept.id)
    with units.read() as session, pytest.raises(KeyShredded):
        vault.open(session, kept.id)
    with units.read() as session:
        assert vault.object(session, kept.id).shredded_at is not None
        assert vault.sweep(session) == 0
        assert vault.sweep(session, older_than_s=0) == 1
    assert files(folder) == []


def test_an_object_is_recorded_only_after_finish_and_once(vault: Vault, change: Any, folder: Path) -> None:
    with change() as session:
        with vault.begin(matter=MATTER, role="original") as keeping, pytest.raises(ValueError, match="after finish"):
            vault.record(session, keeping)
        keeping = vault.keep(b"x", matter=MATTER, role="original")
        vault.record(session, keeping)
        with pytest.raises(ValueError, match="once"):
            vault.record(session, keeping)


def test_an_object_is_not_recorded_without_an_entry(units: Units, vault: Vault) -> None:
    keeping = vault.keep(b"x", matter=MATTER, role="original")
    with pytest.raises(UnloggedChange), units.change() as session:
        vault.record(session, keeping)
    with units.read() as session, pytest.raises(ObjectMissing):
        vault.object(session, keeping.object_id)


def test_a_matter_without_a_key_takes_nothing(vault: Vault, change: Any) -> None:
    keeping = vault.keep(b"x", matter="mat_unknown", role="original")
    with pytest.raises(KeyMissing), change() as session:
        vault.record(session, keeping)


def test_a_role_is_a_word(vault: Vault, folder: Path) -> None:
    with pytest.raises(ValueError, match="role"):
        vault.begin(matter=MATTER, role="Original File.jpg")
    assert files(folder) == []


class _Cut(Exception):
    """The client went away."""


@pytest.mark.parametrize("finished", [False, True])
def test_an_upload_that_breaks_off_leaves_nothing(vault: Vault, folder: Path, finished: bool) -> None:
    def upload() -> None:
        with vault.begin(matter=MATTER, role="original") as keeping:
            keeping.write(DATA)
            if finished:
                keeping.finish()
            raise _Cut

    with pytest.raises(_Cut):
        upload()
    assert files(folder) == []


def test_leaving_without_finish_leaves_nothing(vault: Vault, folder: Path) -> None:
    with vault.begin(matter=MATTER, role="original") as keeping:
        keeping.write(DATA)
    assert files(folder) == []
    keeping.abort()


def test_aborting_a_recorded_object_does_nothing(units: Units, vault: Vault, kept: StoredObject, change: Any) -> None:
    keeping = vault.keep(b"x", matter=MATTER, role="original")
    with change() as session:
        vault.record(session, keeping)
    keeping.abort()
    assert read(units, vault, keeping.object_id) == b"x"


def test_an_aborted_keeping_leaves_nothing(vault: Vault, folder: Path) -> None:
    keeping = vault.keep(b"x", matter=MATTER, role="original")
    assert files(folder) == [keeping.blob_name]
    keeping.abort()
    assert files(folder) == []


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_full_disk_is_one_problem_and_leaves_nothing(
    vault: Vault, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(StorageFull):
            vault.keep(DATA, matter=MATTER, role="original")
    assert files(folder) == []


def test_the_sweep_removes_blobs_without_a_row_and_nothing_else(
    units: Units, vault: Vault, folder: Path, kept: StoredObject
) -> None:
    old, young = (vault.keep(b"x", matter=MATTER, role="original") for _ in range(2))
    for name in (old.blob_name, kept.blob_name):
        os.utime(folder / name, (0, 0))
    (folder / "README").write_text("not a blob")
    with vault.begin(matter=MATTER, role="original") as living, units.read() as session:
        living.write(b"x")
        assert vault.sweep(session) == 1
        assert files(folder) == sorted([kept.blob_name, young.blob_name, living.blob_name, "README"])
    assert read(units, vault, kept.id) == DATA


def test_a_new_vault_over_the_same_folder_opens_what_the_old_one_kept(
    units: Units, keyring: Keyring, folder: Path, kept: StoredObject
) -> None:
    assert read(units, Vault(keyring, FolderBlobStore(folder), SystemClock()), kept.id) == DATA


def test_bytes_read_without_the_vault_need_key_context_and_length(
    units: Units, keyring: Keyring, blobs: FolderBlobStore, kept: StoredObject
) -> None:
    with units.read() as session:
        dek = keyring.unwrap(session, kept.key_id)
    context: dict[str, Json] = {
        "tenant": "tenant-1",
        "matter": MATTER,
        "object": kept.id,
        "version": 1,
        "role": "original",
    }
    with blobs.open(kept.blob_name) as source:
        assert RangeReader(dek, canonical(context), source, len(DATA)).read_range(0, 9) == DATA[:9]
    with pytest.raises(BlobMissing):
        blobs.open("00" * 16)
