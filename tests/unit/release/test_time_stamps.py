"""A package carries somebody else's word for its time where an authority is configured; openssl checks it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.app import time_stamp_authority
from gateway.audit.authority import TimeStampAuthority, TimeStampUnavailable
from gateway.base.problems import Problem
from gateway.release.binding import ProofsRefused
from gateway.release.model import State
from gateway.seal.timestamp import BadCertificates, TimeStampInvalid, load_certificates
from gateway.seal.twin import to_text
from gateway.settings import Settings, SettingsRefused, from_environment
from gateway.verify import verify_package
from gateway.verify.verify import Report
from tests.support import journey
from tests.support.authority import Authority
from tests.support.originals import planted
from tests.support.world import World

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
DATA = b"a checkpoint"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with Authority(tmp_path_factory.mktemp("tsa") / "authority").serving() as authority:
        yield authority


@pytest.fixture
def authority(running: Authority) -> Iterator[Authority]:
    yield running
    running.answer = running.reply


@pytest.fixture(scope="module")
def approved(running: Authority, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, journey.Journey]:
    """A release that is approved and asks for a time stamp."""
    world = World.create(tmp_path_factory.mktemp("world"), tsa_url=running.url, tsa_certificates=running.root)
    return world, journey.approved(world, [planted("customer_list")])


def client(authority: Authority) -> TimeStampAuthority:
    return TimeStampAuthority(authority.url, load_certificates(authority.root.read_bytes()), required=True)


def test_openssl_s_time_stamp_is_taken(authority: Authority, tmp_path: Path) -> None:
    stamp = client(authority).stamp(DATA)
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "tsr").write_bytes(stamp.response)
    command = f"openssl ts -verify -in tsr -data data -CAfile {authority.root}".split()
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0


def bad_answers() -> dict[str, Callable[[Authority], Callable[[bytes], bytes | None]]]:
    def replayed(authority: Authority) -> Callable[[bytes], bytes | None]:
        old = client(authority).stamp(DATA).response
        return lambda _request: old

    def flipped(authority: Authority) -> Callable[[bytes], bytes | None]:
        def answer(request: bytes) -> bytes:
            data = bytearray(authority.reply(request))
            data[-1] ^= 1
            return bytes(data)

        return answer

    return {
        "an older answer": replayed,
        "a signature that does not hold": flipped,
        "nothing": lambda _: lambda _request: b"",
        "no DER": lambda _: lambda _request: b"<html>",
        "a refusal": lambda _: lambda _request: bytes.fromhex("30053003020102"),
        "cut short": lambda authority: lambda request: authority.reply(request)[:-1],
    }


@pytest.mark.parametrize("case", bad_answers())
def test_an_answer_that_is_no_time_stamp_over_this_is_refused(authority: Authority, case: str) -> None:
    authority.answer = bad_answers()[case](authority)
    with pytest.raises(TimeStampInvalid):
        client(authority).stamp(DATA)


def test_an_authority_that_nobody_vouches_for_is_refused(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    trusting = TimeStampAuthority(authority.url, load_certificates(stranger.root.read_bytes()), required=True)
    with pytest.raises(TimeStampInvalid):
        trusting.stamp(DATA)


def test_an_authority_that_fails_floods_or_is_not_there_is_told(authority: Authority) -> None:
    for answer in (None, b"x" * 100_000):
        authority.answer = lambda _request, answer=answer: answer  # type: ignore[misc]
        with pytest.raises(TimeStampUnavailable):
            client(authority).stamp(DATA)
    nobody = TimeStampAuthority("http://127.0.0.1:9/", load_certificates(authority.root.read_bytes()), required=True)
    with pytest.raises(TimeStampUnavailable):
        nobody.stamp(DATA)


def dispatched(world: World, made: journey.Journey, folder: Path) -> Path:
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], made.release.id)
    for name, content in journey.files(journey.package(world, made.release)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def verified(world: World, folder: Path) -> Report:
    key = to_text(world.gateway.package_key().public)
    return verify_package(folder, log_key=world.gateway.log.vkey(), package_key=key)


def failure(report: Report) -> str:
    assert not report.ok
    return " ".join(step.detail for step in report.steps if step.state == "failed")


def test_a_package_carries_its_time_stamp(
    approved: tuple[World, journey.Journey], authority: Authority, tmp_path: Path
) -> None:
    world, made = journey.copy(approved[0], tmp_path / "world"), approved[1]
    folder = dispatched(world, made, tmp_path / "package")
    report = verified(world, folder)
    assert report.ok
    (step,) = (one for one in report.steps if one.title == "time stamp")
    (warning,) = report.warnings
    assert "NOT checked here" in warning
    assert " valid" not in step.detail
    command = warning[warning.index("sed ") :].replace("ROOT.pem", str(authority.root))
    done = subprocess.run(["bash", "-ec", command], cwd=folder, capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr
    (folder / "checkpoint").unlink()
    entry = json.loads(world.gateway.log.entry(world.gateway.log.size() - 2))
    assert entry["type"] == "release.dispatched"
    assert set(entry["facts"]["time_stamp"]) == {"at", "sha256"}
    for name in ("timestamp.tsr", "timestamp.sig"):
        data = (folder / name).read_bytes()
        for place in range(0, len(data), 97):
            (folder / name).write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
            assert "timestamp." in failure(verified(world, folder))
        (folder / name).unlink()
        assert "timestamp." in failure(verified(world, folder))
        (folder / name).write_bytes(data)
    for name in ("timestamp.tsr", "timestamp.sig"):
        (folder / name).unlink()
    assert "timestamp.tsr is missing" in failure(verified(world, folder))


def test_without_its_time_stamp_a_release_stays_approved(
    approved: tuple[World, journey.Journey], authority: Authority, tmp_path: Path
) -> None:
    world, made = journey.copy(approved[0], tmp_path / "world"), approved[1]
    dispatcher = world.actors["dispatcher"]
    authority.answer = lambda _request: None
    with pytest.raises(TimeStampUnavailable):
        world.gateway.dispatch.dispatch(dispatcher, made.release.id)
    world.gateway.dispatch._stamper = None
    with pytest.raises(ProofsRefused, match=r"timestamp\.tsr is missing"):
        world.gateway.dispatch.dispatch(dispatcher, made.release.id)
    assert world.gateway.releases.get(made.release.id).state is State.APPROVED
    authority.answer = authority.reply
    assert world.reopen().dispatch.dispatch(dispatcher, made.release.id).state is State.DISPATCHED


def test_where_it_is_not_required_a_package_leaves_without(authority: Authority, tmp_path: Path) -> None:
    world = World.create(tmp_path / "world", tsa_url=authority.url, tsa_certificates=authority.root, tsa_required=False)
    made = journey.approved(world, [planted("customer_list")])
    authority.answer = lambda _request: None
    folder = dispatched(world, made, tmp_path / "package")
    assert not (folder / "timestamp.tsr").exists()
    report = verified(world, folder)
    assert report.ok
    assert "time stamp" not in [step.title for step in report.steps]


@pytest.mark.parametrize(
    "change",
    [
        {"tsa_url": None},
        {"tsa_certificates": None},
        {"tsa_url": "tsa.example.com"},
        {"tsa_url": "ftp://tsa.example.com/"},
        {"tsa_url": "https:///tsr"},
        {"tsa_url": "https://a:b/"},
        {"tsa_url": "https://tsa.example.com/\r\nX: y"},
        {"tsa_certificates": Path("/nowhere")},
    ],
)
def test_half_a_configuration_refuses_to_start(authority: Authority, tmp_path: Path, change: dict[str, object]) -> None:
    good = {"tsa_url": authority.url, "tsa_certificates": authority.root}
    assert time_stamp_authority(Settings(data_dir=tmp_path, **good)) is not None  # type: ignore[arg-type]
    with pytest.raises(SettingsRefused):
        time_stamp_authority(Settings(data_dir=tmp_path, **(good | change)))  # type: ignore[arg-type]


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCertificates):
        load_certificates(b"")
    with pytest.raises(Problem):
        from_environment({"GATEWAY_DATA": "/d", "GATEWAY_TSA_REQUIRED": "perhaps"})
    assert from_environment({"GATEWAY_DATA": "/d", "GATEWAY_TSA_REQUIRED": "no"}).tsa_required is False
