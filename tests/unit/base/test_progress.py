"""A gauge says what changed, and nothing twice."""

from __future__ import annotations

from gateway.base.progress import Gauge, Progress, Stage


def test_only_changes_are_said_and_the_last_one_can_be_read() -> None:
    said: list[Progress] = []
    gauge = Gauge(said.append)
    assert gauge.now is None
    steps = gauge.begin(Stage.READING)
    for done in (0, 1, 1, 1, 2):
        steps(done, 2)
    gauge.begin(Stage.VERIFYING)
    assert [(one.stage, one.done, one.total) for one in said] == [
        (Stage.READING, 0, 0),
        (Stage.READING, 0, 2),
        (Stage.READING, 1, 2),
        (Stage.READING, 2, 2),
        (Stage.VERIFYING, 0, 0),
    ]
    assert gauge.now == said[-1]


def test_a_sign_is_as_old_as_the_last_change() -> None:
    gauge = Gauge()
    steps = gauge.begin(Stage.REBUILDING)
    steps(1, 2)
    first = gauge.now
    steps(1, 2)
    assert gauge.now is first
