"""No false alarm: whatever the gateway writes verifies, of any size and content, after maps, erasures and new keys."""

from __future__ import annotations

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.extracts import Extracts
from gateway.audit.heartbeat import Heartbeat
from gateway.audit.model import ERASING, Act, Filter
from gateway.audit.service import Log
from gateway.audit.succession import Successions
from gateway.base.canon import Json
from gateway.db.metadata import Base
from gateway.db.unit import Units
from gateway.keys.service import Keyring
from gateway.verify import verify_export
from tests.support.databases import SQLITE
from tests.unit.verify.conftest import House, MemoryRoot, TickingClock


class Life:
    """A log as it may go, the same for the same seed."""

    def __init__(self, folder: Path, empty: Path, seed: int, most: int) -> None:
        self.draw = random.Random(seed)
        self.folder = folder
        folder.mkdir()
        shutil.copy(empty / "gateway.db", folder)
        self.engine = SQLITE.engine(folder)
        units, clock = Units(self.engine), TickingClock()
        self.keyring = Keyring(MemoryRoot(), "tenant", clock)
        name = self.draw.choice(["a.example", "example.com/gateway", "~" * 255])
        self.house = House(Log(units, self.keyring, clock, name, folder / "mark"), units, clock)
        self.extracts = Extracts(units, self.keyring, self.house.log)
        self.heartbeat = Heartbeat(units, self.house.log, clock, None, 3600)
        self.matters = [f"mat_{number}" for number in range(self.draw.randrange(1, 9))]
        self.kept: list[str] = []
        near = 2 ** self.draw.randrange(most.bit_length()) + self.draw.randrange(-1, 2)
        self.size = min(most, max(1, self.draw.choice((near, self.draw.randrange(1, most + 1)))))

    def live(self) -> None:
        """Go on to the size that was drawn."""
        while self.house.log.size() < self.size:
            self._acts(self.draw.randrange(1, 9))
            (event,) = self.draw.choices(
                [self._keep, self._erase, self._map, self._wait, self._set_back, self._rotate, self._rest],
                [2, 2, 2, 2, 1, 1, 12],
            )
            event()

    def _acts(self, count: int) -> None:
        with self.house.units.change() as session:
            for _ in range(count):
                subject = self.draw.choice([None, "org_1", "org_2"])
                body = {"note": "密" * self.draw.randrange(9)} if self.draw.random() < 0.3 else None
                facts: dict[str, Json] = {
                    "n": self.draw.randrange(-(2**53) + 1, 2**53),
                    "list": ["~!", None, True, {"": ""}],
                }
                matter = self.draw.choice([None, *self.matters])
                self.house.log.append(session, Act("test.done", "per_1", matter, subject, facts, body))

    def _keep(self) -> None:
        self.kept.append(self.house.log.checkpoint().text)

    def _erase(self) -> None:
        matter = self.draw.choice(self.matters)
        with self.house.units.change() as session:
            bodies = self.house.log.erase_bodies(session, ["org_1"])
            self.house.log.append(session, Act(ERASING, "per_1", matter, "org_1", {"bodies": bodies}))

    def _map(self) -> None:
        self.extracts.keep_mapped()

    def _rest(self) -> None:
        """Nothing happens."""

    def _wait(self) -> None:
        self.house.clock.time += timedelta(hours=self.draw.randrange(1, 9))
        self.heartbeat.beat()

    def _rotate(self) -> None:
        Successions(self.house.units, self.keyring, self.house.log, self.house.clock).rotate()

    def _set_back(self) -> None:
        self.house.clock.time -= timedelta(days=2)
        self.house.log.accept_clock()

    def check(self) -> None:
        """Verify all of it and some of it, with any checkpoint that was ever handed out."""
        log, views = self.house.log, self.draw.sample(["csv", "ocsf", "cef", "syslog"], self.draw.randrange(3))
        held = self.draw.choice(self.kept) if self.kept and self.draw.random() < 0.5 else None
        whole = log.export(self.folder / "whole", views).folder
        report = verify_export(whole, log_key=log.vkey(), checkpoint=held)
        assert report.ok, report
        if self.draw.random() < 0.25:
            wanted = self.draw.choice([Filter(matter=self.matters[0]), Filter(matter="mat_x"), Filter(type="test.")])
            part = self.extracts.write(self.folder / "part", wanted, actor="per_1").folder
            report = verify_export(part, log_key=log.vkey())
            assert report.ok, report


NIGHTLY = [pytest.param(range(start, start + 100), 600, marks=pytest.mark.nightly) for start in range(0, 1000, 100)]


@pytest.mark.parametrize(("seeds", "most"), [(range(1000, 1012), 20), *NIGHTLY])
def test_of_many_valid_logs_none_is_taken_for_a_forged_one(tmp_path: Path, seeds: range, most: int) -> None:
    engine = SQLITE.engine(tmp_path)
    Base.metadata.create_all(engine)
    engine.dispose()
    for seed in seeds:
        life = Life(tmp_path / "life", tmp_path, seed, most)
        life.live()
        life.check()
        life.engine.dispose()
        shutil.rmtree(life.folder)
