"""What every store of ciphertext promises, and what the folder promises beside it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gateway.base.problems import Unavailable
from gateway.db.failures import StorageFull
from gateway.vault.blobs.folder import FolderBlobStore
from gateway.vault.ports import BlobExists, BlobMissing, BlobStore, BlobStoreUnavailable

NAME, OTHER = "ab" * 16, "cd" * 16


def put(store: BlobStore, name: str, *parts: bytes) -> None:
    sink = store.create(name)
    for part in parts:
        sink.write(memoryview(part))
    sink.commit()


def get(store: BlobStore, name: str) -> bytes:
    with store.open(name) as source:
        return source.read()


class BlobStoreContract:
    """Inherit and provide a fixture `store` on an empty place; every backend passes every test."""

    def test_what_was_written_comes_back(self, store: BlobStore) -> None:
        put(store, NAME, b"one", b"", b"two" * 500_000)
        put(store, OTHER)
        assert get(store, NAME) == b"one" + b"two" * 500_000
        assert get(store, OTHER) == b""
        assert sorted(store.names()) == [NAME, OTHER]

    def test_a_blob_can_be_read_from_anywhere(self, store: BlobStore) -> None:
        put(store, NAME, b"0123456789")
        with store.open(NAME) as source:
            assert source.seek(0, os.SEEK_END) == 10
            source.seek(4)
            assert source.read(3) == b"456"
            source.seek(0)
            assert source.read(1) == b"0"

    def test_the_sink_keeps_no_reference_to_what_it_was_given(self, store: BlobStore) -> None:
        sink, reused = store.create(NAME), bytearray(b"first")
        sink.write(memoryview(reused))
        reused[:] = b"later"
        sink.write(memoryview(reused))
        sink.commit()
        assert get(store, NAME) == b"firstlater"

    def test_an_unfinished_blob_is_never_visible(self, store: BlobStore) -> None:
        sink = store.create(NAME)
        sink.write(memoryview(b"half"))
        assert list(store.names()) == []
        with pytest.raises(BlobMissing):
            store.open(NAME)
        sink.commit()
        assert get(store, NAME) == b"half"

    def test_an_aborted_blob_leaves_nothing_and_its_name_is_free(self, store: BlobStore) -> None:
        sink = store.create(NAME)
        sink.write(memoryview(b"half"))
        sink.abort()
        sink.abort()
        assert list(store.names()) == []
        put(store, NAME, b"whole")
        assert get(store, NAME) == b"whole"

    def test_a_finished_sink_does_nothing_more(self, store: BlobStore) -> None:
        sink = store.create(NAME)
        sink.commit()
        sink.abort()
        assert list(store.names()) == [NAME]
        for act in (sink.commit, lambda: sink.write(memoryview(b"more"))):
            with pytest.raises(ValueError, match="finished"):
                act()

    def test_a_blob_is_never_overwritten(self, store: BlobStore) -> None:
        put(store, NAME, b"first")
        with pytest.raises(BlobExists):
            put(store, NAME, b"second")
        assert get(store, NAME) == b"first"

    def test_one_of_many_writers_of_one_name_wins_and_its_bytes_stay(self, store: BlobStore) -> None:
        won: list[bytes] = []
        start = threading.Barrier(8)

        def write(mine: bytes) -> None:
            start.wait()
            try:
                put(store, NAME, mine * 1000)
            except BlobExists:
                return
            won.append(mine * 1000)

        threads = [threading.Thread(target=write, args=(bytes([65 + n]),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [get(store, NAME)]

    def test_a_missing_blob_is_called_that(self, store: BlobStore) -> None:
        with pytest.raises(BlobMissing):
            store.open(NAME)

    def test_a_deleted_blob_is_gone_and_deleting_nothing_is_fine(self, store: BlobStore) -> None:
        put(store, NAME, b"x")
        store.delete(NAME)
        store.delete(NAME)
        assert list(store.names()) == []

    def test_young_blobs_are_left_out_when_asked(self, store: BlobStore) -> None:
        put(store, NAME, b"x")
        assert list(store.names(older_than_s=60)) == []
        assert list(store.names(older_than_s=0)) == [NAME]

    def test_the_work_of_a_living_writer_is_not_swept(self, store: BlobStore) -> None:
        sink = store.create(NAME)
        sink.write(memoryview(b"half"))
        assert store.sweep_unfinished() == 0
        sink.commit()
        assert get(store, NAME) == b"half"

    @pytest.mark.parametrize(
        "name", ["", "tmp", "..", "../" + "ab" * 16, "AB" * 16, "ab" * 40, "ab" * 16 + "\n", "ab/cd"]
    )
    def test_a_name_that_is_not_random_hexadecimal_is_a_programming_error(self, store: BlobStore, name: str) -> None:
        for act in (store.create, store.open, store.delete):
            with pytest.raises(ValueError, match="hexadecimal"):
                act(name)


class TestFolderBlobStore(BlobStoreContract):
    """The folder keeps the contract, in this order: write, fsync, rename, fsync the folder."""

    @pytest.fixture
    def store(self, folder: Path) -> FolderBlobStore:
        return FolderBlobStore(folder)

    def test_the_blob_is_durable_before_it_has_its_name_and_the_name_before_return(
        self, store: FolderBlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[str] = []
        for name in ("write", "fsync", "rename"):
            real = getattr(os, name)

            def traced(*args: Any, _name: str = name, _real: Any = real) -> Any:
                target = f" {Path(f'/proc/self/fd/{args[0]}').readlink().relative_to(folder)}"
                steps.append(_name + target if _name == "fsync" else _name)
                return _real(*args)

            def renamed(*args: Any, _real: Any = real) -> Any:
                steps.append("rename")
                return _real(*args)

            monkeypatch.setattr(os, name, renamed if name == "rename" else traced)
        put(store, NAME, b"one", b"two")
        assert steps == ["write", "write", f"fsync tmp/{NAME}", "rename", "fsync ."]

    def test_files_are_for_their_owner_alone(self, store: FolderBlobStore, folder: Path) -> None:
        put(store, NAME, b"x")
        assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o600

    def test_short_writes_are_completed(self, store: FolderBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
        put(store, NAME, b"0123456789")
        assert get(store, NAME) == b"0123456789"

    @pytest.mark.parametrize(
        ("code", "problem"),
        [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, BlobStoreUnavailable)],
    )
    @pytest.mark.parametrize("step", ["write", "fsync", "rename"])
    def test_a_failing_disk_is_one_problem_and_leaves_nothing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, problem: type[Unavailable], step: str
    ) -> None:
        store = FolderBlobStore(folder)

        def fail(*args: object) -> None:
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patch:
            patch.setattr(os, step, fail)
            with pytest.raises(problem):
                put(store, NAME, b"x")
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    def test_a_folder_that_cannot_be_synced_leaves_nothing(
        self, store: FolderBlobStore, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.fsync

        def fail_on_folders(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, "Input/output error")
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fail_on_folders)
        with pytest.raises(BlobStoreUnavailable):
            put(store, NAME, b"x")
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    def test_a_really_full_disk_is_called_that(self, folder: Path) -> None:
        """A limit on the file's size makes the system refuse, in a process of its own."""
        code = (
            "import resource, signal, sys\n"
            "from pathlib import Path\n"
            "from gateway.db.failures import StorageFull\n"
            "from gateway.vault.blobs.folder import FolderBlobStore\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
            "sink = FolderBlobStore(Path(sys.argv[1])).create('ab' * 16)\n"
            "try:\n"
            "    sink.write(memoryview(bytes(1 << 20)))\n"
            "except StorageFull:\n"
            "    print('full')\n"
        )
        done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
        assert done.stdout == "full\n"
        assert [path for path in folder.rglob("*") if path.is_file()] == []

    def test_what_a_killed_writer_left_is_swept(self, store: FolderBlobStore, folder: Path) -> None:
        code = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from gateway.vault.blobs.folder import FolderBlobStore\n"
            "FolderBlobStore(Path(sys.argv[1])).create('ab' * 16).write(memoryview(b'half'))\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        done = subprocess.run([sys.executable, "-c", code, folder], check=False)
        assert done.returncode == -9
        assert [path.name for path in (folder / "tmp").iterdir()] == [NAME]
        assert list(store.names()) == []
        assert store.sweep_unfinished(older_than_s=60) == 0, "its writer may still be about to lock it"
        assert store.sweep_unfinished() == 1
        assert list((folder / "tmp").iterdir()) == []

    def test_a_link_is_not_followed(self, store: FolderBlobStore, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").write_bytes(b"not ours")
        (folder / NAME).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(BlobStoreUnavailable):
            store.open(NAME)
        with pytest.raises(BlobExists):
            store.create(NAME)

    def test_a_folder_that_went_away_is_not_a_missing_blob(self, store: FolderBlobStore, folder: Path) -> None:
        """An unmounted disk must not look like lost bytes."""
        put(store, NAME, b"x")
        folder.rename(folder.with_name("unmounted"))
        for act in (store.open, store.create, store.delete):
            with pytest.raises(BlobStoreUnavailable):
                act(NAME)
        with pytest.raises(BlobStoreUnavailable):
            list(store.names())
        with pytest.raises(BlobStoreUnavailable):
            store.sweep_unfinished()

    def test_a_place_that_is_no_folder_is_called_that(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(BlobStoreUnavailable):
            FolderBlobStore(tmp_path / "file")


def test_nothing_is_begun_below_the_floor(folder: Path) -> None:
    free = shutil.disk_usage(folder.parent).free
    with pytest.raises(StorageFull):
        FolderBlobStore(folder, floor_bytes=free * 2).create("ab" * 16)
    assert list((folder / "tmp").iterdir()) == []
    FolderBlobStore(folder, floor_bytes=1).create("ab" * 16).abort()
