"""The stages that are interrupted. Each carries on from wherever its folder stands, as the people in it would."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeAlias

from PIL import Image

from gateway.app import compose, initialise
from gateway.base.canon import Json
from gateway.formats.model import Box
from gateway.people.model import Actor
from gateway.policy.answers import Answers, Region
from gateway.release.model import State
from gateway.render.model import State as RenditionState
from gateway.review.model import Verdict
from gateway.seal.signature import SigningKey
from gateway.settings import Settings
from gateway.worker.loop import Worker
from tests.crash.boundaries import Boundaries
from tests.support.world import HARMLESS, PASSPHRASE, World

Tell: TypeAlias = Callable[[Mapping[str, Json]], None]

LEASE_S = 0.4
_DATABASE = "database-url"
CROWD, CROWD_THREADS, TURNS = 3, 3, 3
CUSTOMERS = (
    b"Customer,Country,End user,Licensed,End use category,Volume (kg),E-Mail,Since\r\n"
    b"Acme Wunderwerk GmbH,DE,Acme Wunderwerk GmbH,yes,Passenger cars,123.5,a.smith@acme-wunderwerk.example,2011\r\n"
    b"Zephyr Motors SA,FR,Zephyr Motors SA,no,Wind turbines,4821,jean@zephyr-motors.example,2003\r\n"
)


def large_table(seed: int, size_bytes: int) -> bytes:
    """A customer list of about this size, over several segments, with nothing in it twice."""
    dice = random.Random(seed)
    lines = [CUSTOMERS.split(b"\r\n")[0].decode()]
    length = 0
    while length < size_bytes:
        word = f"{dice.getrandbits(160):040x}"
        lines.append(f"{word} GmbH,DE,{word[::-1]},yes,Robots,{dice.randrange(10**6)},{word[:20]}@example.com,2011")
        length += len(lines[-1]) + 2
    return ("\r\n".join(lines) + "\r\n").encode()


LARGE = large_table(1, 2_300_000)


Prepare: TypeAlias = Callable[[World], Mapping[str, str]]
Step: TypeAlias = Callable[[World, Mapping[str, str], Tell], None]


@dataclass(frozen=True)
class Stage:
    """One stage: what has to be there before, how to carry it on, and how the dying process does."""

    prepare: Prepare
    step: Step
    run: Callable[[Path, Boundaries, Tell], None]


def settings_of(folder: Path) -> Settings:
    """The settings every opening of a crash folder uses."""
    told = folder / _DATABASE
    url = told.read_text("utf-8") if told.exists() else None
    return Settings(data_dir=folder / "data", database_url=url, argon2_memory_kib=8192, lease_s=LEASE_S)


def name_database(folder: Path, url: str | None) -> None:
    """Write beside the data folder where its database lies, if it lies on a server."""
    if url is not None:
        (folder / _DATABASE).write_text(url, "utf-8")


def keep(world: World, facts: Mapping[str, str]) -> None:
    """Write beside the data folder who the people are, so that another process can act for them."""
    seeds = {name: key.seed for name, key in world.keys.items()}
    told = (seeds, world.actors, world.identity, dict(facts))
    (world.folder / "people.pickle").write_bytes(pickle.dumps(told))
    name_database(world.folder, world.gateway.settings.database_url)


def reopened(folder: Path) -> tuple[World, dict[str, str]]:
    """The world of a folder, opened as after a restart, and what its stage was prepared with."""
    seeds, actors, identity, facts = pickle.loads((folder / "people.pickle").read_bytes())
    return world_of(folder, seeds, actors, identity), facts


def world_of(folder: Path, seeds: Mapping[str, bytes], actors: dict[str, Actor], identity: str) -> World:
    """The people, with the gateway opened anew."""
    keys = {name: SigningKey.from_seed(seed) for name, seed in seeds.items()}
    return World(folder, compose(settings_of(folder), PASSPHRASE), keys, actors, identity)


def upload(world: World, facts: Mapping[str, str], tell: Tell) -> None:
    """Upload under an Idempotency-Key, then classify."""
    builder, intake = world.actors["builder"], world.gateway.intake
    with intake.begin(builder, facts["matter"], "customer_list", None) as receiving:
        view = memoryview(LARGE)
        for start in range(0, len(view), 1 << 18):
            receiving.write(view[start : start + (1 << 18)])
        receipt = intake.keep(
            builder, facts["matter"], "customer_list", receiving, file_name="Q3 geheim.csv", idempotency_key="once"
        )
    tell({"original": receipt.original, "sha256": receipt.sha256, "index": receipt.audit_index})
    intake.classify(builder, receipt.original, HARMLESS)
    tell({"classified": receipt.original})


def resume(world: World, facts: Mapping[str, str], tell: Tell) -> None:
    """Send in two requests, each going on where the upload stands, then complete it."""
    builder, service = world.actors["builder"], world.gateway.uploads
    upload = service.begin(
        builder,
        facts["matter"],
        "customer_list",
        length_bytes=len(LARGE),
        file_name="Q3 geheim.csv",
        digest=None,
        idempotency_key="once",
    )
    for stop in (len(LARGE) // 2, len(LARGE)):
        at = service.get(builder, upload.id).received_bytes
        if at < stop:
            with service.append(builder, upload.id, offset=at) as appending:
                appending.write(memoryview(LARGE)[at:stop])
                tell({"staged": upload.id, "received": appending.finish().received_bytes})
    receipt = service.complete(builder, upload.id)
    tell({"original": receipt.original, "sha256": receipt.sha256, "index": receipt.audit_index})


def render(world: World, facts: Mapping[str, str], tell: Tell) -> None:
    """Ask for a rendition if there is none, and let the worker carry it out once its lease is free."""
    gateway = world.gateway
    present = gateway.renders.of_release(facts["release"])
    if not present:
        answers = Answers.from_json(json.loads(facts["answers"]))
        asked = gateway.releases.add(
            world.actors["builder"], facts["release"], facts["original"], policy_ref=None, answers=answers
        )
        tell({"requested": asked.id})
        present = (asked,)
    until = time.monotonic() + 20
    worker = Worker(gateway)
    while (one := gateway.renders.get(present[0].id)).state in (RenditionState.QUEUED, RenditionState.RENDERING):
        assert time.monotonic() < until, "nobody carries the rendition out"
        if not worker.step():
            time.sleep(0.05)
    tell({"rendered": one.id, "state": one.state.value, "sha256": one.sha256})


def approve(world: World, facts: Mapping[str, str], tell: Tell) -> None:
    """Submit, review, approve by two: whatever of it is not done yet."""
    releases, renders = world.gateway.releases, world.gateway.renders
    release = releases.get(facts["release"])
    if release.state is State.DRAFT:
        release = releases.submit(world.actors["builder"], release.id)
        tell({"submitted": release.id, "manifest": release.manifest_sha256})
    for one in renders.of_release(release.id):
        if one.state is not RenditionState.REVIEWED:
            releases.review(
                world.actors["legal1"], one.id, verdict=Verdict.REVIEWED, seen_sha256=one.sha256 or "", reason=None
            )
            tell({"reviewed": one.id})
    given = {one.approver for one in releases.approvals(release.id)[0]}
    for name in ("legal1", "legal2"):
        if world.actors[name].person_id not in given:
            world.approve(release, by=name)
            tell({"approved": release.id, "by": world.actors[name].person_id})


def dispatch(world: World, facts: Mapping[str, str], tell: Tell) -> None:
    """Dispatch if that is not done yet, and take the package."""
    release = world.gateway.releases.get(facts["release"])
    if release.state is State.APPROVED:
        release = world.gateway.dispatch.dispatch(world.actors["dispatcher"], release.id)
        tell({"dispatched": release.id, "sha256": release.package_sha256, "index": release.sealed_index})
    tell({"handed_out": release.id, "bytes": len(world.package(release))})


def matter_only(world: World) -> dict[str, str]:
    """A matter, and nothing in it."""
    return {"matter": world.matter().id}


def drafted(hop: int, kind: str = "customer_list") -> Callable[[World], dict[str, str]]:
    """A draft release for one hop, and an original for it."""

    def prepare(world: World) -> dict[str, str]:
        matter = world.matter()
        data, answers = (CUSTOMERS, Answers()) if kind == "customer_list" else photograph()
        receipt = world.upload(matter, kind, data, name="Q3 geheim")
        told = json.dumps(answers.to_json())
        return {
            "matter": matter.id,
            "original": receipt.original,
            "release": world.draft(matter, hop).id,
            "answers": told,
        }

    return prepare


def photograph() -> tuple[bytes, Answers]:
    """A small photo with a camera's tags, and the regions a person drew on it."""
    image = Image.effect_noise((640, 480), 60).convert("RGB")
    tags = image.getexif()
    tags[0x010F] = "SecretCam 4711"
    out = io.BytesIO()
    image.save(out, "JPEG", exif=tags, comment=b"secret comment 9931")
    regions = (Region("work_area", Box(40, 40, 560, 400)), Region("face", Box(300, 120, 60, 60)))
    return out.getvalue(), Answers(regions=regions, confirmed=True)


def rendered(hop: int) -> Callable[[World], dict[str, str]]:
    """A release whose renditions are clean."""

    def prepare(world: World) -> dict[str, str]:
        facts = drafted(hop)(world)
        render(world, facts, _nobody)
        return facts

    return prepare


def approved(hop: int) -> Callable[[World], dict[str, str]]:
    """A release that may be dispatched."""

    def prepare(world: World) -> dict[str, str]:
        facts = rendered(hop)(world)
        approve(world, facts, _nobody)
        return facts

    return prepare


def littered(world: World) -> dict[str, str]:
    """An original, and everything that a crash can leave lying about beside it."""
    facts = matter_only(world)
    upload(world, facts, _nobody)
    blobs = world.gateway.settings.blobs_dir
    for name in ("ab" * 16, "cd" * 16):
        (blobs / name).write_bytes(os.urandom(1000))
        (blobs / "tmp" / name).write_bytes(os.urandom(100))
    world.gateway.settings.high_water.with_name("high-water.partial").write_text("half a check", encoding="utf-8")
    return facts


def _nobody(_told: Mapping[str, Json]) -> None:
    """Acknowledgements of preparations interest nobody."""


def _initialise(folder: Path, boundaries: Boundaries, tell: Tell) -> None:
    boundaries.install()
    initialise(settings_of(folder), PASSPHRASE)
    tell({"initialised": True})


def _crowd(folder: Path, _boundaries: Boundaries, tell: Tell) -> None:
    """Several processes open the folder at once, and each uploads and signs from several threads."""
    children = []
    for number in range(CROWD):
        child = os.fork()
        if child == 0:
            _one_of_crowd(folder, number, tell)
        children.append(child)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0, status


def _one_of_crowd(folder: Path, number: int, tell: Tell) -> NoReturn:
    try:
        world, facts = reopened(folder)
        matter = world.gateway.matters.get(facts["matter"])

        def work(thread: int) -> None:
            for turn in range(TURNS):
                name = f"{number}-{thread}-{turn}"
                receipt = world.upload(matter, "customer_list", CUSTOMERS + name.encode(), name=name)
                tell({"original": receipt.original, "sha256": receipt.sha256, "index": receipt.audit_index})
                tell({"signed": world.gateway.log.checkpoint().text})

        with ThreadPoolExecutor(CROWD_THREADS) as pool:
            for done in [pool.submit(work, thread) for thread in range(CROWD_THREADS)]:
                done.result()
    except BaseException:  # noqa: BLE001 border: the child's failure is the test's to judge
        tell({"failed": traceback.format_exc()[-3000:]})
        os._exit(1)
    os._exit(0)


def _stage(prepare: Prepare, step: Step) -> Stage:
    """A stage on an open gateway: what opening it takes is not part of it."""

    def run(folder: Path, boundaries: Boundaries, tell: Tell) -> None:
        world, facts = reopened(folder)
        boundaries.install()
        step(world, facts, tell)

    return Stage(prepare, step, run)


def _restart(folder: Path, boundaries: Boundaries, tell: Tell) -> None:
    boundaries.install()
    world, facts = reopened(folder)
    sign(world, facts, tell)


def sign(world: World, _facts: Mapping[str, str], tell: Tell) -> None:
    """Open a matter, and sign a checkpoint over everything."""
    tell({"matter": world.matter().id})
    tell({"signed": world.gateway.log.checkpoint().text})


STAGES: Mapping[str, Stage] = {
    "upload": _stage(matter_only, upload),
    "resume": _stage(matter_only, resume),
    "render": _stage(drafted(1), render),
    "render-photo": _stage(drafted(1, "production_photo"), render),
    "approve": _stage(rendered(1), approve),
    "dispatch-portal": _stage(approved(1), dispatch),
    "dispatch-sealed": _stage(approved(2), dispatch),
    "restart": Stage(littered, sign, _restart),
}

# Not a stage of a gateway that is there, but the making of one.
BEGINNINGS: Mapping[str, Callable[[Path, Boundaries, Tell], None]] = {"initialise": _initialise, "crowd": _crowd}
