"""How far a rendition is: stage by stage, page by page and frame by frame, and nothing else is said of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.app import COLD_TASKS, SANDBOX_TASKS
from gateway.base.progress import Gauge, Progress, Stage
from gateway.detect.model import Found
from gateway.detect.text import classes_of
from gateway.formats.document import DocumentFormat
from gateway.formats.model import Box, Cut, Mark, Pages
from gateway.formats.ports import Format
from gateway.formats.table_csv import TableCsv
from gateway.formats.video import VideoFormat
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.load import load_library
from gateway.render.model import Outcome, State
from gateway.render.pipeline import Job, render
from gateway.render.suggestions import suggestions
from gateway.sandbox.process import ProcessSandbox
from gateway.worker import loop
from tests.support import documents, pages, videos
from tests.support.world import World

LIBRARY = load_library()
READING, REBUILDING, VERIFYING, STORING = Stage.READING, Stage.REBUILDING, Stage.VERIFYING, Stage.STORING
CONFIRMED = {"confirmed": True}
AREA = [0, 40, 640, 400]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ProcessSandbox]:
    walls = ProcessSandbox(SANDBOX_TASKS, cold=COLD_TASKS)
    yield walls
    walls.close()


def told(
    sandbox: ProcessSandbox, form: Format, media_type: str, original: bytes, kind: str, answers: object
) -> tuple[Outcome, list[tuple[Stage, int, int]]]:
    """The outcome, and everything that was said until then."""
    said: list[Progress] = []
    job = Job(
        untrusted_original=original,
        media_type=media_type,
        file_name=None,
        form=form,
        kind=LIBRARY.kind(kind),
        policy=LIBRARY.policy(f"cn-mofcom-single.{kind.replace('_', '-')}"),
        context=Context({"recipient.class": "authority", "recipient.hop": "2", "purpose": "export_licence"}),
        on=date(2026, 3, 2),
        answers=Answers.from_json(answers),
        mark=Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-03-02"),
        secret=bytes(32),
        statements=LIBRARY.statements,
    )
    outcome = render(job, sandbox, Gauge(said.append))
    assert all(earlier.told_at <= later.told_at for earlier, later in pairwise(said))
    return outcome, [(one.stage, one.done, one.total) for one in said]


def test_a_document_is_counted_page_by_page(sandbox: ProcessSandbox) -> None:
    original = documents.document(*(["Framework agreement", f"Section {number}"] for number in range(6)))
    outcome, said = told(sandbox, DocumentFormat(classes_of), "application/pdf", original, "contract", CONFIRMED)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    assert said == [
        (READING, 0, 0),
        *((READING, number, 6) for number in range(1, 7)),
        (REBUILDING, 0, 0),
        *((REBUILDING, number, 6) for number in range(6)),
        (VERIFYING, 0, 0),
    ]


def test_a_video_is_counted_frame_by_frame(sandbox: ProcessSandbox) -> None:
    answers = {"regions": [{"class": "work_area", "path": [[200, *AREA], [1000, *AREA]]}], **CONFIRMED}
    outcome, said = told(sandbox, VideoFormat(), "video/mp4", videos.video(), "line_video", answers)
    assert (outcome.state, outcome.reason) == (State.CLEAN, None)
    frames = [(done, total) for stage, done, total in said if stage is REBUILDING and total]
    assert frames == [(done, 9) for done in range(9)]
    assert [stage for stage, done, _ in said if not done] == [READING, REBUILDING, REBUILDING, VERIFYING]


def test_a_large_table_is_counted_part_by_part(sandbox: ProcessSandbox) -> None:
    rows = "".join(f"Kunde {number},DE\n" for number in range(120_000))
    said: list[tuple[int, int]] = []
    TableCsv(classes_of, part_bytes=200_000).read(
        f"Customer,Country\n{rows}".encode(), "text/csv", sandbox, steps=lambda done, total: said.append((done, total))
    )
    total = len(said) + 1
    assert total > 3
    assert said == [(done, total) for done in range(2, total + 1)]


def test_what_waits_for_a_person_was_only_read(sandbox: ProcessSandbox) -> None:
    outcome, said = told(sandbox, VideoFormat(), "video/mp4", videos.video(), "line_video", {})
    assert (outcome.state, said) == (State.WAITING, [(READING, 0, 0)])


class Blind:
    """A detector that finds nothing."""

    def version(self) -> str:
        return "blind"

    def find(self, width_px: int, height_px: int, untrusted_rgb: bytes) -> tuple[Found, ...]:
        return ()


def test_detection_is_counted_scan_by_scan() -> None:
    scans = [pages.page([]) for _ in range(3)]
    content = Pages(
        tuple(type(one)(one.width_px, one.height_px, (), unreadable=True) for one in scans),
        lambda number: bytes(scans[number - 1].width_px * scans[number - 1].height_px),
        {},
        "application/pdf",
    )
    said: list[tuple[int, int]] = []
    suggestions(content, Blind(), steps=lambda done, total: said.append((done, total)))
    assert said == [(0, 3), (1, 3), (2, 3)]


def test_detection_in_a_video_is_counted_frame_by_frame(sandbox: ProcessSandbox) -> None:
    content = VideoFormat().read(videos.video(), "video/mp4", sandbox)
    cut = Cut(Box(0, 0, content.width_px, content.height_px), (320, 240), content.fps, 0, 12)
    said: list[tuple[int, int]] = []
    suggestions(content, Blind(), cut, lambda done, total: said.append((done, total)))
    assert said == [(done, len(said)) for done in range(len(said))]
    assert len(said) >= 2


def test_who_waits_is_told_by_the_worker_and_nothing_is_left_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "TELL_EVERY_S", 0.01)
    world = World.create(tmp_path)
    matter = world.matter()
    secret = "Kowalski"
    original = documents.document(*(["Framework agreement", f"{secret} {number}"] for number in range(6)))
    receipt = world.upload(matter, "contract", original)
    release = world.draft(matter, 2)
    asked = world.gateway.releases.add(
        world.actors["builder"], release.id, receipt.original, policy_ref=None, answers=Answers.from_json(CONFIRMED)
    )
    assert asked.progress is None
    before = world.gateway.log.size()
    seen: list[Progress] = []
    working = threading.Thread(target=world.work)
    working.start()
    while working.is_alive():
        now = world.gateway.renders.get(asked.id)
        if now.progress is not None and now.progress not in seen:
            assert now.state is State.RENDERING
            seen.append(now.progress)
        time.sleep(0.01)
    working.join()
    done = world.gateway.renders.get(asked.id)
    assert (done.state, done.progress) == (State.CLEAN, None)
    assert [one.stage for one in seen] == sorted((one.stage for one in seen), key=list(Stage).index)
    assert {READING, REBUILDING} <= {one.stage for one in seen}
    assert {one.total for one in seen} == {0, 6}
    entries = [world.gateway.log.entry(index) for index in range(before, world.gateway.log.size())]
    assert not any(b"reading" in entry or b"rebuilding" in entry for entry in entries)
    assert len(entries) == 1, "what was said has no entry of its own"
