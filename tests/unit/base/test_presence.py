"""Whoever comes first tidies alone; nobody else gets in before that is done."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from gateway.base.presence import Presence


def test_the_first_is_alone_and_the_second_is_not(tmp_path: Path) -> None:
    told: list[bool] = []
    first = Presence(tmp_path / "lock", told.append)
    second = Presence(tmp_path / "lock", told.append)
    assert told == [True, False]
    first.close()
    third = Presence(tmp_path / "lock", told.append)
    assert told == [True, False, False], "the second is still there"
    second.close()
    third.close()
    Presence(tmp_path / "lock", told.append).close()
    assert told[-1] is True


def test_nobody_comes_in_while_the_first_tidies(tmp_path: Path) -> None:
    order: list[str] = []
    tidying, go_on = threading.Event(), threading.Event()

    def tidy(_alone: bool) -> None:
        tidying.set()
        go_on.wait(10)
        order.append("tidied")

    def first() -> None:
        Presence(tmp_path / "lock", tidy).close()

    def second() -> None:
        Presence(tmp_path / "lock", lambda _alone: order.append("came in")).close()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert tidying.wait(10)
    threads[1].start()
    threads[1].join(0.2)
    assert threads[1].is_alive(), "the second waits"
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert order == ["tidied", "came in"]


def test_a_failure_on_arrival_leaves_the_folder_free(tmp_path: Path) -> None:
    def fail(_alone: bool) -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        Presence(tmp_path / "lock", fail)
    told: list[bool] = []
    Presence(tmp_path / "lock", told.append).close()
    assert told == [True]
