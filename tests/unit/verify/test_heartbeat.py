"""Heartbeats hold time stamps by openssl; what is altered about them, left out or silent is named."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.authority import TimeStampAuthority
from gateway.audit.heartbeat import Heartbeat
from gateway.audit.model import Act
from gateway.base.canon import canonical
from gateway.seal.timestamp import load_certificates
from gateway.verify.verify import verify_export
from tests.support.authority import Authority
from tests.support.forger import Forger, differences, leaves_of

if TYPE_CHECKING:
    from tests.unit.verify.conftest import House

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
HOUR_S = 3600
DOCS = Path(__file__).parents[3] / "docs" / "formats" / "audit-log.md"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    with Authority(tmp_path_factory.mktemp("tsa") / "authority").serving() as authority:
        yield authority


@pytest.fixture
def authority(running: Authority) -> Iterator[Authority]:
    yield running
    running.answer = running.reply


def heart(house: House, authority: Authority | None) -> Heartbeat:
    asked = None
    if authority is not None:
        asked = TimeStampAuthority(authority.url, load_certificates(authority.root.read_bytes()), required=True)
    return Heartbeat(house.units, house.log, house.clock, asked, HOUR_S)


def wait(house: House, hours: float) -> None:
    house.clock.time += timedelta(hours=hours)


def beaten(house: House, authority: Authority | None, beats: int) -> None:
    """So many hours with an act and a heartbeat each."""
    heartbeat = heart(house, authority)
    for number in range(beats):
        wait(house, 1)
        house.append(Act("test.done", "per_one", facts={"number": number}))
        assert heartbeat.beat()
        assert not heartbeat.beat()


@pytest.fixture
def stamped(house: House, authority: Authority, tmp_path: Path) -> Path:
    beaten(house, authority, 2)
    house.append(Act("test.done", "per_one"))
    return house.log.export(tmp_path / "export").folder


def lines(export: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (export / "stamps.jsonl").read_bytes().splitlines()]


def test_the_log_lies_between_the_times_of_another_clock(house: House, stamped: Path, tmp_path: Path) -> None:
    report = verify_export(stamped, log_key=house.log.vkey())
    assert report.ok, report
    (step,) = (step for step in report.steps if step.title == "time")
    first, second = lines(stamped)
    assert f"the first {second['size']} entries existed at" in step.detail
    assert f"what stands behind entry {second['size']} came after it" in step.detail
    assert 0 < first["size"] < second["size"]


def test_openssl_takes_what_is_exported_as_the_page_says(stamped: Path, authority: Authority, tmp_path: Path) -> None:
    page = DOCS.read_text("utf-8")
    (script,) = re.findall(r"for line 1 of `stamps.jsonl`:\n\n((?:    .*\n)+)", page)
    commands = re.sub("^    ", "", script, flags=re.MULTILINE).replace("ROOT.pem", str(authority.root))
    done = subprocess.run(
        ["bash", "-euc", commands], cwd=stamped, env={"OUT": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert "Verification: OK" in done.stdout + done.stderr


def test_without_an_authority_or_its_answer_the_heart_beats_all_the_same(
    house: House, authority: Authority, tmp_path: Path
) -> None:
    beaten(house, None, 1)
    authority.answer = lambda _request: None
    beaten(house, authority, 1)
    export = house.log.export(tmp_path / "export").folder
    assert not (export / "stamps.jsonl").exists()
    report = verify_export(export, log_key=house.log.vkey())
    assert report.ok
    assert [json.loads(leaf)["type"] for leaf in leaves_of(export)].count("log.heartbeat") == 2


def test_nothing_beats_before_anything_was_written_or_before_it_is_due(house: House) -> None:
    heartbeat = heart(house, None)
    assert not heartbeat.beat()
    wait(house, 0.9)
    assert not heartbeat.beat()
    wait(house, 0.2)
    assert heartbeat.beat()


def test_of_two_workers_one_beats(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    wait(house, 2)
    first, second = heart(house, None), heart(house, None)
    stamp = Heartbeat._stamp

    def meanwhile(self: Heartbeat, data: bytes) -> Any:
        monkeypatch.setattr(Heartbeat, "_stamp", stamp)
        assert second.beat()
        return None

    monkeypatch.setattr(Heartbeat, "_stamp", meanwhile)
    assert not first.beat()


def test_a_silence_is_told_and_fails_nothing(house: House, tmp_path: Path) -> None:
    beaten(house, None, 1)
    wait(house, 5)
    house.append(Act("test.done", "per_one"))
    report = verify_export(house.log.export(tmp_path / "export").folder, log_key=house.log.vkey())
    assert report.ok
    (warning,) = (told for told in report.warnings if "heartbeat was due" in told)
    assert "1 such silences" in warning


def rewritten(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Path], None]:
    def write(export: Path) -> None:
        told = change(lines(export))
        (export / "stamps.jsonl").write_bytes(b"".join(canonical(one) + b"\n" for one in told))

    return write


def other_answer(answer: str) -> str:
    data = bytearray(base64.b64decode(answer))
    data[-1] ^= 1
    return base64.b64encode(data).decode()


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "left out": (lambda export: (export / "stamps.jsonl").unlink(), "time: stamps.jsonl is missing"),
    "one left out": (rewritten(lambda told: told[1:]), "time: stamps.jsonl lacks the answer"),
    "twice": (rewritten(lambda told: [*told, told[1]]), "no heartbeat behind its checkpoint names"),
    "of another checkpoint": (
        rewritten(lambda told: [{**told[0], "size": told[1]["size"]}, told[1]]),
        "no heartbeat behind its checkpoint names",
    ),
    "altered": (
        rewritten(lambda told: [{**told[0], "response": other_answer(told[0]["response"])}, told[1]]),
        "no heartbeat behind its checkpoint names",
    ),
    "cut short": (
        lambda export: (export / "stamps.jsonl").write_bytes((export / "stamps.jsonl").read_bytes()[:-1]),
        "does not end with a whole line",
    ),
    "empty": (lambda export: (export / "stamps.jsonl").write_bytes(b""), "does not end with a whole line"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_wrong_with_the_stamps_is_named(house: House, stamped: Path, attack: str) -> None:
    change, words = ATTACKS[attack]
    change(stamped)
    Forger(stamped, house.log).index()
    assert words in differences(verify_export(stamped, log_key=house.log.vkey()))


def test_a_heartbeat_dated_back_onto_an_old_stamp_is_refused(house: House, stamped: Path) -> None:
    """Whoever holds the log's key and names an answer again, over another checkpoint, is found out."""
    leaves = leaves_of(stamped)
    told = [json.loads(leaf) for leaf in leaves]
    beats = [place for place, one in enumerate(told) if one["type"] == "log.heartbeat"]
    early, late = (told[place]["facts"] for place in beats)
    late["tsr_sha256"] = early["tsr_sha256"]
    leaves[beats[1]] = canonical(told[beats[1]])
    sizes = [early["size"], late["size"], len(leaves)]
    Forger(stamped, house.log).write(leaves, sizes)
    assert "time: " in differences(verify_export(stamped, log_key=house.log.vkey()))
