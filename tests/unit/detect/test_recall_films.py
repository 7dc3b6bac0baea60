"""A piece of the films on which following is measured: what moves and turns between two looks stays covered."""

from __future__ import annotations

import contextlib

import pytest

from bench.films import films, measured, recall
from gateway.app import COLD_TASKS
from gateway.detect.model import FACE, TEXT
from gateway.formats.video import PARSE_TASKS
from gateway.sandbox.process import ProcessSandbox
from tests.support import detection


@pytest.mark.nightly
def test_what_moves_is_covered_in_nearly_every_frame() -> None:
    head = detection.scene().crop((400, 40, 540, 200))
    head.info["face"] = (42, 43, 100, 122)
    with contextlib.closing(ProcessSandbox(PARSE_TASKS, cold=COLD_TASKS)) as sandbox:
        done = [
            measured(film, sandbox, detection.networks())
            for film in films([head], ("fast", "to and fro", "shots"), frames=76)
        ]
    assert sum(one.shown[TEXT] for one in done) > 200
    assert recall(done, TEXT) >= 0.95
    assert recall(done, FACE) >= 0.95
