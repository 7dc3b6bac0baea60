"""Promise 8: whoever trusts nobody checks package and log offline, with one script and keys obtained elsewhere."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from gateway.seal import mldsa
from gateway.seal.signature import SignatureInvalid
from gateway.seal.twin import SigningTwin, to_text
from gateway.verify import SCRIPT, verify, verify_export, verify_package
from gateway.verify.verify import Report
from tests.support import journey
from tests.support.journey import Journey
from tests.support.originals import planted
from tests.support.second import Second
from tests.support.world import World

PYTHON = next((path for path in ("/usr/bin/python3",) if Path(path).exists()), sys.executable)

# What the message must name when a byte of this file differs.
NAMES = {
    "manifest.json": "manifest",
    "manifest.sig": "manifest.sig",
    "approvals.json": "pproval",
    "audit.proof": "audit.proof",
    "enrolment.json": "nrolment",
    "entries.jsonl": "ntr",
    "checkpoint": "checkpoint",
    "checkpoints.jsonl": "checkpoint",
    "log.vkey": "log.vkey",
    "log.pub.pem": "log.pub.pem",
    "index.json": "index.json",
    "index.sig": "index.sig",
}
BINDING = ("manifest.sig", "approvals.json", "audit.proof", "enrolment.json")
EVERY_BYTE_BY_NIGHT = pytest.mark.parametrize("step", [31, pytest.param(1, marks=pytest.mark.nightly)])


@dataclass(frozen=True)
class Handed:
    """A package as it reached its recipient, unpacked and as a zip, and the keys they got another way."""

    folder: Path
    archive: Path
    log_key: str
    package_key: str

    def check(self, path: Path | None = None) -> Report:
        """What the script says, with both keys pinned."""
        return verify_package(path or self.folder, log_key=self.log_key, package_key=self.package_key)


@pytest.fixture(scope="module", autouse=True)
def _same_signature_once() -> Iterator[None]:
    """Pure-Python signatures are slow and the same ones are checked for thousands of changed bytes."""
    with pytest.MonkeyPatch.context() as patch:
        for pure in ("ed25519_holds", "check_public_key", "_decode_point"):
            patch.setattr(verify, pure, lru_cache(maxsize=None)(getattr(verify, pure)))
        patch.setattr(verify, "mldsa_holds", _mldsa_holds)
        yield


def _mldsa_holds(raw: bytes, message: bytes, signature: bytes, context: bytes) -> bool:
    """What the script's own says too (tests/unit/verify/test_mldsa.py), two hundred times as fast."""
    try:
        mldsa.PublicKey(raw).verify(signature, message, context)
    except SignatureInvalid:
        return False
    return True


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: thousands of small files are written."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def handed(world: World, made: Journey, folder: Path) -> Handed:
    """Dispatch, and unpack what comes."""
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    data = journey.package(world, made.release)
    archive, unpacked = folder / "package.zip", folder / "package"
    archive.write_bytes(data)
    for name, content in journey.files(data).items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)
    return Handed(unpacked, archive, world.gateway.log.vkey(), to_text(world.gateway.package_key().public))


@pytest.fixture(scope="module")
def everything(ready: tuple[World, Journey], tmp_path_factory: pytest.TempPathFactory) -> Handed:
    """A package with all formats in it."""
    folder = tmp_path_factory.mktemp("everything")
    return handed(journey.copy(ready[0], folder / "world"), ready[1], folder)


@pytest.fixture(scope="module")
def sealed(table_ready: tuple[World, Journey], tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Handed]:
    """A small package in the sealed profile, opened by its recipient."""
    folder = tmp_path_factory.mktemp("sealed")
    world = journey.copy(table_ready[0], folder / "world")
    made = journey.approved(world, [planted("customer_list")], hop=journey.SEALED, matter=table_ready[1].matter)
    return world, handed(world, made, folder)


@pytest.fixture(scope="module")
def export(sealed: tuple[World, Handed], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of that deployment, exported."""
    folder = tmp_path_factory.mktemp("export") / "log"
    sealed[0].gateway.log.export(folder)
    return folder


def run(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The script as a stranger runs it: isolated, with the system's Python and nothing installed."""
    return subprocess.run(
        [PYTHON, "-I", str(script), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


def assert_detected(report: Report, names: str) -> None:
    """A step failed, and a message names what differed."""
    told = [step.detail for step in report.steps if step.state == "failed"]
    assert not report.ok, "a changed byte was not noticed"
    assert report.exit_code == 1
    assert any(names in one for one in told), f"the message does not name {names}: {told}"


def places(size: int) -> list[int]:
    """First, last, and some between."""
    return sorted({0, size - 1, size // 2, size // 3, size // 7, (size * 9) // 10, min(100, size - 1)})


def flipped(path: Path, place: int) -> Iterator[None]:
    """One bit of the byte at `place` differs, for a while."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[place] ^= 1 << place % 7
    path.write_bytes(changed)
    try:
        yield
    finally:
        path.write_bytes(data)


def test_a_stranger_verifies_every_format(everything: Handed, labels: tuple[str, ...]) -> None:
    """With the script out of the package, and with the zip as it came."""
    for path in (everything.folder, everything.archive):
        done = run(
            everything.folder / "verify.py", path, "--log-key", everything.log_key,
            "--package-key", everything.package_key,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.rstrip().endswith("what the holder of these keys signed and logged.")
    listed = {item["path"] for item in json.loads((everything.folder / "manifest.json").read_bytes())["files"]}
    assert len(listed) == len(labels)


def test_a_stranger_verifies_a_sealed_package_and_the_log(sealed: tuple[World, Handed], export: Path) -> None:
    package = sealed[1]
    done = run(
        package.folder / "verify.py", package.folder, "--log-key", package.log_key, "--package-key", package.package_key
    )
    assert done.returncode == 0, done.stdout + done.stderr
    done = run(export / "verify.py", export, "--log-key", package.log_key)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_second_verifier_in_another_language_says_the_same(
    second: Second, everything: Handed, sealed: tuple[World, Handed], export: Path
) -> None:
    """It was written from docs/formats alone: what it accepts and refuses is what these say."""
    held = (export / "checkpoint").read_text("utf-8")
    for package in (everything, sealed[1]):
        keys: dict[str, Any] = {"log_key": package.log_key, "package_key": package.package_key}
        for path in (package.folder, package.archive):
            answer = second.verify(path, **keys)
            assert answer.code == 0, answer
        for file in sorted(path for path in package.folder.rglob("*") if path.is_file()):
            for _ in flipped(file, file.stat().st_size // 2):
                assert second.verify(package.folder, **keys).code == 1, file
    assert second.verify(export, log_key=sealed[1].log_key, checkpoint=held).code == 0
    for file in sorted(path for path in export.rglob("*") if path.is_file()):
        for place in (0, file.stat().st_size // 2):
            for _ in flipped(file, place):
                assert second.verify(export, log_key=sealed[1].log_key, checkpoint=held).code == 1, (file, place)


def test_the_script_is_the_same_file_everywhere(everything: Handed, export: Path) -> None:
    script = SCRIPT.read_bytes()
    assert (everything.folder / "verify.py").read_bytes() == script == (export / "verify.py").read_bytes()


def test_a_stranger_is_told_of_a_changed_byte(everything: Handed, sealed: tuple[World, Handed]) -> None:
    """The command itself, once: what the tests below ask in the same process is what it says."""
    file = sealed[1].folder / "files" / "customer-list-01.csv"
    for _ in flipped(file, 40):
        done = run(
            SCRIPT, sealed[1].folder, "--log-key", sealed[1].log_key, "--package-key", sealed[1].package_key, "--json"
        )
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["ok"]
    assert any("files/customer-list-01.csv was changed" in step["detail"] for step in told["steps"])


def test_any_file_of_the_package(everything: Handed) -> None:
    """First, middle, last and other bytes of every file, in a package with every format."""
    assert everything.check().ok
    seen = 0
    for file in sorted(path for path in everything.folder.rglob("*") if path.is_file()):
        name = file.relative_to(everything.folder).as_posix()
        for place in places(file.stat().st_size):
            for _ in flipped(file, place):
                assert_detected(everything.check(), NAMES.get(name, name))
                seen += 1
    assert seen > 80
    assert everything.check().ok


@EVERY_BYTE_BY_NIGHT
@pytest.mark.parametrize("name", BINDING)
def test_any_byte_of_what_binds(
    name: str, step: int, sealed: tuple[World, Handed], memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files beside them stay as they are, so that they are hashed once and not for each of thousands of bytes."""
    assert sealed[1].check().ok
    monkeypatch.setattr(verify.PackageCheck, "digests", lambda _self: "hashed before")
    package = replace(sealed[1], folder=memory / "package")
    shutil.copytree(sealed[1].folder, package.folder)
    assert package.check().ok
    file = package.folder / name
    for place in range(random.randrange(step), file.stat().st_size, step):
        for _ in flipped(file, place):
            assert_detected(package.check(), NAMES[name])
    assert package.check().ok


def test_any_byte_of_the_zip(sealed: tuple[World, Handed]) -> None:
    """Headers, directory and end record too: nothing hides between the files."""
    package = sealed[1]
    assert package.check(package.archive).ok
    size = package.archive.stat().st_size
    for place in {*range(0, size, max(1, size // 200)), *range(60), *range(size - 400, size)}:
        for _ in flipped(package.archive, place):
            report = package.check(package.archive)
            assert not report.ok, f"byte {place} of the zip"
            assert all(step.detail for step in report.steps)


@pytest.mark.parametrize("change", ["missing", "added", "renamed", "emptied", "swapped"])
def test_files_that_come_go_or_change_places(change: str, everything: Handed, tmp_path: Path) -> None:
    folder = tmp_path / "package"
    shutil.copytree(everything.folder, folder)
    one, other = folder / "files" / "customer-list-01.csv", folder / "files" / "order-book-01.csv"
    if change == "missing":
        one.unlink()
    elif change == "added":
        (folder / "files" / "extra-01.csv").write_bytes(b"a,b\r\n")
    elif change == "renamed":
        one.rename(folder / "files" / "customer-list-02.csv")
    elif change == "emptied":
        one.write_bytes(b"")
    else:
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
    assert_detected(everything.check(folder), "files/")


@EVERY_BYTE_BY_NIGHT
def test_any_byte_of_an_export(sealed: tuple[World, Handed], export: Path, step: int) -> None:
    log_key = sealed[1].log_key
    held = (export / "checkpoint").read_text("utf-8")

    def check() -> Report:
        return verify_export(export, log_key=log_key, checkpoint=held)

    assert check().ok
    for file in sorted(path for path in export.rglob("*") if path.is_file()):
        size = file.stat().st_size
        alike = size > 2000 or file.is_relative_to(export / "tile")
        every = places(size) if alike else range(random.randrange(step), size, step)
        if file.name == "entries.jsonl":
            every = sorted({*places(size), *range(0, size, max(1, size // 150))})
        for place in every:
            for _ in flipped(file, place):
                assert_detected(check(), NAMES.get(file.name, file.name))


def test_with_other_keys_nothing_is_believed(sealed: tuple[World, Handed], export: Path) -> None:
    """A package that fits together, made by somebody else's gateway, is told by the keys obtained elsewhere."""
    package = sealed[1]
    other = to_text(SigningTwin.generate().public)
    assert_detected(verify_package(package.folder, log_key=package.log_key, package_key=other), "package key you gave")
    assert_detected(
        verify_package(package.folder, log_key=other, package_key=package.package_key), "not the one you gave"
    )
    assert_detected(verify_export(export, log_key=other), "not the log key you gave")
    unpinned = verify_package(package.folder)
    assert unpinned.ok
    assert not unpinned.pinned
    assert "compare them" in unpinned.sentence()


def test_a_package_of_another_deployment_does_not_pass(
    founded: World, sealed: tuple[World, Handed], tmp_path: Path
) -> None:
    stranger = World.create(tmp_path / "stranger")
    made = journey.approved(stranger, [planted("order_book")])
    theirs = handed(stranger, made, tmp_path)
    assert theirs.check().ok
    ours = sealed[1]
    report = verify_package(theirs.folder, log_key=ours.log_key, package_key=ours.package_key)
    assert_detected(report, "you gave")


# Without the guards.


REMOVALS = [
    ("ed25519_holds", "manifest.sig", b'"Ed25519","key":"'),
    ("mldsa_holds", "manifest.sig", b'"ML-DSA-44","key":"'),
    ("check_inclusion", "audit.proof", b"\nindex "),
    ("ed25519_holds", "approvals.json", b'"Ed25519","key":"'),
]


@pytest.mark.parametrize(("guard", "name", "before"), REMOVALS)
def test_without_its_checks_the_script_notices_nothing(
    guard: str, name: str, before: bytes, sealed: tuple[World, Handed], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = sealed[1]
    file = package.folder / name
    data = file.read_bytes()
    start = data.index(before) + len(before)
    if before.endswith(b'"key":"'):
        start = data.index(b'"sig":"', start) + len(b'"sig":"')
    place = start + 12
    for _ in flipped_letter(file, place):
        assert_detected(package.check(), NAMES[name])
        monkeypatch.setattr(verify, guard, lambda *_asked: True)
        if name == "approvals.json":
            # Its digest stands in the log entry as well: two guards hold it.
            assert_detected(package.check(), NAMES[name])
            monkeypatch.setattr(verify.PackageCheck, "entry", lambda _self: "not looked at")
        with pytest.raises(AssertionError, match="not noticed"):
            assert_detected(package.check(), NAMES[name])


def flipped_letter(path: Path, place: int) -> Iterator[None]:
    """Another letter of base64 in place of the one there, so that only the content is wrong and not the form."""
    data = path.read_bytes()
    letter = b"A" if data[place : place + 1] != b"A" else b"B"
    path.write_bytes(data[:place] + letter + data[place + 1 :])
    try:
        yield
    finally:
        path.write_bytes(data)


def test_without_digests_a_changed_file_passes(everything: Handed, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("digests", "table_proofs"):
        monkeypatch.setattr(verify.PackageCheck, step, lambda _self: "not looked at")
    for label in ("files/production-photo-01.jpg", "files/production-photo-02.png", "files/order-book-01.csv"):
        for _ in flipped(everything.folder / label, 900):
            with pytest.raises(AssertionError, match="not noticed"):
                assert_detected(everything.check(), label)
