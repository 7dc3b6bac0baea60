"""The journey in a few calls: from originals to a dispatched package that is taken apart again."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyrage

from gateway.app import compose
from gateway.intake.model import Receipt
from gateway.matter.model import Matter
from gateway.release.model import Profile, Release
from gateway.render.model import Rendition
from tests.support.databases import copied
from tests.support.originals import Planted
from tests.support.world import PASSPHRASE, World

PORTAL, SEALED = 1, 2


@dataclass(frozen=True)
class Journey:
    """A release on its way, with what it was made of."""

    matter: Matter
    receipts: Mapping[str, Receipt]
    release: Release
    renditions: Mapping[str, Rendition]


def rendered(world: World, originals: Iterable[Planted], *, hop: int = PORTAL, matter: Matter | None = None) -> Journey:
    """A draft release for `hop` with a rendition of each original."""
    matter = matter or world.matter()
    originals = list(originals)
    receipts = {one.label: world.upload(matter, one.kind, one.data, name=one.file_name) for one in originals}
    return again(world, originals, Journey(matter, receipts, world.draft(matter, hop), {}), hop=hop)


def again(world: World, originals: Iterable[Planted], before: Journey, *, hop: int) -> Journey:
    """Another draft release in the same matter, of the same originals."""
    release = before.release if not before.renditions else world.draft(before.matter, hop)
    renditions = {
        one.label: world.render(release, before.receipts[one.label].original, one.answers) for one in originals
    }
    return replace(before, release=release, renditions=renditions)


def approved(world: World, originals: Iterable[Planted], *, hop: int = PORTAL, matter: Matter | None = None) -> Journey:
    """The same, reviewed and approved by both reviewers."""
    journey = rendered(world, originals, hop=hop, matter=matter)
    world.review(journey.release)
    world.approve_all(journey.release)
    return journey


def dispatched(
    world: World, originals: Iterable[Planted], *, hop: int = PORTAL, matter: Matter | None = None
) -> Journey:
    """The same, dispatched."""
    journey = approved(world, originals, hop=hop, matter=matter)
    world.gateway.dispatch.dispatch(world.actors["dispatcher"], journey.release.id)
    return journey


def package(world: World, release: Release) -> bytes:
    """The zip of a dispatched release, opened with the recipient's key where it is sealed."""
    data = world.package(release)
    if release.profile is Profile.SEALED:
        data = pyrage.decrypt(data, [pyrage.x25519.Identity.from_str(world.identity)])
    return data


def files(archive: bytes) -> dict[str, bytes]:
    """Path → bytes of every file in a package."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def copy(world: World, folder: Path) -> World:
    """The same deployment copied as it lies on disk, opened by a gateway of its own."""
    settings = copied(world.gateway.settings, folder)
    return World(folder, compose(settings, PASSPHRASE), dict(world.keys), dict(world.actors), world.identity)
