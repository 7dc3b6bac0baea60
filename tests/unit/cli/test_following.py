"""Progress on stderr: one line that renews itself on a terminal, plain lines elsewhere, nothing for programs."""

from __future__ import annotations

import io
import os
import pty
import sys
import threading

import pytest

from gateway.base.progress import Progress, Stage
from gateway.cli.output import Following

FIRST = Progress(Stage.READING, 0, 0, 1.0)
FAR = Progress(Stage.REBUILDING, 12, 300, 2.0)


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Following() as following:
        following(FIRST)
        following(FAR)
    assert capsys.readouterr() == ("", "")


def test_long_work_says_a_line_for_each_stage_and_now_and_then_one(capsys: pytest.CaptureFixture[str]) -> None:
    with Following(quiet_s=0, every_s=60) as following:
        following(FIRST)
        following(Progress(Stage.READING, 4, 300, 1.0))
        following(FAR)
        following(Progress(Stage.REBUILDING, 13, 300, 2.0))
        following(Progress(Stage.VERIFYING, 0, 0, 2.0))
    assert capsys.readouterr() == ("", "reading\nrebuilding 12 of 300\nverifying\n")


def test_what_programs_read_stays_clean(capsys: pytest.CaptureFixture[str]) -> None:
    with Following(as_json=True, quiet_s=0) as following:
        following(FAR)
    assert capsys.readouterr() == ("", "")


def test_on_a_terminal_one_line_renews_itself_and_is_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = pty.openpty()
    shown = io.BytesIO()

    def read() -> None:
        try:
            while some := os.read(reading, 4096):
                shown.write(some)
        except OSError:
            return  # The terminal was hung up.

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(writing, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with Following() as following:
            following(FIRST)
            following(FAR)
    reader.join(10)
    os.close(reading)
    text = shown.getvalue().decode()
    assert "rebuilding" in text
    assert "12 of 300" in text
    assert text.count("\n") <= 1
    assert text.rstrip().endswith("\x1b[2K"), "the line is wiped"
