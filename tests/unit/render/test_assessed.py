"""A table over the limits of its policy is blocked; who may open the original sees why, and nobody else does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.render.model import Rendition, State
from gateway.vault.model import Shredded
from tests.support.world import World

RISK = """\
risk:
  entity: customer.name
  quasi_identifiers: [destination, qty]
  limits: {k_entities: 2}
rules:
"""
HEAD = "Customer,RE content (kg),Destination,Quantity (kg)"
WITHIN = [f"Rotor {n} GmbH,{n + 1}.25,{'DE' if n % 2 else 'JP'},20" for n in range(6)]
ALONE = "Einsam AS,3.75,NO,20"


@pytest.fixture
def world(tmp_path: Path) -> World:
    folder = tmp_path / "packs"
    shutil.copytree("policies", folder)
    file = folder / "cn-mofcom-single" / "order-book.yaml"
    file.write_text(file.read_text("utf-8").replace("\nrules:\n", f"\n{RISK}", 1), "utf-8")
    return World.create(tmp_path / "data", policies_dir=folder)


def _rendered(world: World, rows: list[str]) -> Rendition:
    matter = world.matter()
    original = world.upload(matter, "order_book", "\r\n".join([HEAD, *rows, ""]).encode()).original
    return world.render(world.draft(matter), original)


def _part(world: World, object_id: str | None) -> bytes:
    with world.gateway.units.read() as session:
        return world.gateway.renders.part(session, object_id)


def _entry(world: World, rendition: Rendition) -> Mapping[str, Any]:
    with world.gateway.units.read() as session:
        entry = world.gateway.log.newest(session, type=f"rendition.{rendition.state.value}", subject=rendition.id)
    assert entry is not None
    return entry


def test_within_the_limits_it_is_clean_and_the_report_says_so(world: World) -> None:
    rendition = _rendered(world, WITHIN)
    assert rendition.state is State.CLEAN
    assert rendition.witness_object is None
    limits = {"k_entities": "2", "protection": "0.05"}
    assert json.loads(_part(world, rendition.residue_object))["risk"] == {"held": True, "limits": limits}
    told = json.loads(_part(world, rendition.decisions_object))["risk"]
    assert told == {"exceeded": [], "held": True, "limits": limits}
    assert _entry(world, rendition)["facts"]["risk"] == "held"
    world.gateway.close()


def test_over_a_limit_it_is_blocked_and_only_an_opening_shows_the_rows(world: World) -> None:
    rendition = _rendered(world, [*WITHIN, ALONE])
    assert rendition.state is State.BLOCKED
    assert rendition.object_id is None
    assert "stands for 1 entities" in (rendition.reason or "")
    decided = _part(world, rendition.decisions_object)
    assert json.loads(decided)["risk"]["exceeded"][0]["check"] == "k_entities"
    for told in (decided.decode(), rendition.reason or "", str(_entry(world, rendition))):
        assert "Einsam" not in told
        assert '"rows"' not in told
    gateway, reviewer = world.gateway, world.actors["legal1"].person_id
    assert rendition.witness_object is not None
    with gateway.openings.open(reviewer, rendition.witness_object, rendition.id) as opened:
        witness = json.loads(b"".join(opened.chunks()))
    assert witness == [{"advice": "", "check": "k_entities", "rows": [8]}]
    with gateway.units.read() as session:
        entry = gateway.log.newest(session, type="object.opened", subject=rendition.id)
    assert entry is not None
    assert (entry["actor"], entry["facts"]["role"]) == (reviewer, "witness")

    gateway.releases.withdraw(world.actors["builder"], rendition.id)
    world.shred(rendition.original)
    with (
        pytest.raises(Shredded),
        gateway.openings.open(world.actors["legal2"].person_id, rendition.witness_object, "x"),
    ):
        pass
    gateway.close()
