"""Bytes of an original lie in uploads too: attempts that were given up, and completions that a crash cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.base.problems import NotFound
from gateway.intake.uploads import Uploads
from gateway.matter.model import Matter
from tests.attacks.conftest import TABLE, Write
from tests.support.world import World


def begun(world: World, matter: Matter, kind: str = "customer_list", name: str = "Q3 geheim.csv") -> str:
    """An upload of which all bytes have arrived, not completed."""
    builder, service = world.actors["builder"], world.gateway.uploads
    upload = service.begin(
        builder, matter.id, kind, length_bytes=len(TABLE), file_name=name, digest=None, idempotency_key=None
    )
    with service.append(builder, upload.id, offset=0) as appending:
        appending.write(TABLE)
    return upload.id


def blobs(world: World) -> set[Path]:
    return {path for path in world.gateway.settings.blobs_dir.rglob("*") if path.is_file()}


def test_no_upload_keeps_what_was_shredded(world: World, write: Write) -> None:
    builder, matter, service = world.actors["builder"], world.matter(), world.gateway.uploads
    other_kind, other_matter = begun(world, matter, "order_book"), begun(world, world.matter())
    before = blobs(world)
    given_up, came_by = begun(world, matter), begun(world, matter)
    original = service.complete(builder, came_by).original
    world.shred(original)
    for gone in (given_up, came_by):
        with pytest.raises(NotFound):
            service.get(builder, gone)
    assert {row[0] for row in write("SELECT id FROM upload")} == {other_kind, other_matter}
    assert {row[0] for row in write("SELECT upload FROM staged_part")} == {other_kind, other_matter}
    assert blobs(world) == before


def test_a_completion_that_a_crash_cut_short_leaves_no_parts_behind(
    world: World, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, matter, service = world.actors["builder"], world.matter(), world.gateway.uploads
    upload = begun(world, matter)
    with monkeypatch.context() as patch:
        patch.setattr(Uploads, "_settle", lambda *_: None)
        original = service.complete(builder, upload).original
    world.shred(original)
    assert write("SELECT id FROM upload") == []
    assert blobs(world) == set()


def test_bytes_on_their_way_while_it_is_shredded_are_not_recorded(world: World, write: Write) -> None:
    builder, matter, service = world.actors["builder"], world.matter(), world.gateway.uploads
    original = world.upload(matter, "customer_list", TABLE).original
    again = service.begin(
        builder, matter.id, "customer_list", length_bytes=None, file_name=None, digest=None, idempotency_key=None
    )
    with service.append(builder, again.id, offset=0) as appending:
        appending.write(TABLE)
        world.shred(original)
        with pytest.raises(NotFound):
            appending.finish()
    assert write("SELECT upload FROM staged_part") == []
    assert blobs(world) == set()
