"""What mark and boxes cost on a line video, beside decoding and encoding the same frames and nothing else, in one run.

Five seconds of 1280 × 720 at 25 frames a second, a box on a path and one that stays. Times are processor time in a warm
process; the whole job is time on the wall, with the frames from the sandbox and the gate behind its walls. Prints one
Markdown table. Exit code 1 when mark and boxes cost more than half of bare decoding and encoding, or when the gate
takes longer than the rebuild. Run: python -m bench.video [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.base.canon import Json
from gateway.formats import h264, parse_video
from gateway.formats.film import cut_of
from gateway.formats.model import Box, Case, Element, Instruction, Mark, Moment, Op, Plan, Rebuilt, Transform, Video
from gateway.formats.video import PARSE_TASKS, VideoFormat
from gateway.residue import gate, walled
from gateway.residue.model import VideoExpectation, WithheldSet, WithheldValue
from gateway.sandbox.ports import Layer, Limits, Reply
from gateway.sandbox.process import ProcessSandbox
from tests.support import videos

SIZE_PX = (1280, 720)
MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
WITHHELD = WithheldSet((WithheldValue("Featherstonehaugh", "metadata/container:title"),))
COST_CEILING = 0.5
GATE_CEILING = 1.0
_MEDIA_TYPE = "video/mp4"
_NO_LAYERS: frozenset[Layer] = frozenset()


class Here:
    """The same reading without walls, so that its processor time can be told."""

    def layers(self) -> frozenset[Layer]:
        """None."""
        return _NO_LAYERS

    def run(self, _task: str, request: Mapping[str, Json], untrusted: bytes, _limits: Limits) -> Reply:
        """The outline."""
        header, blobs = parse_video.outline(request, untrusted)
        return Reply(header, tuple(map(bytes, blobs)))

    def stream(self, _task: str, request: Mapping[str, Json], untrusted: bytes, _limits: Limits) -> Iterator[bytes]:
        """The frames."""
        return (bytes(blob) for blob in parse_video.frames(request, untrusted)[1])


def main() -> int:
    """Measure, print, compare with the ceilings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 7
    original = videos.video(size_px=SIZE_PX, frames=125, painted=_line, options={"crf": "20"})
    form, sandbox = VideoFormat(), ProcessSandbox((*PARSE_TASKS, walled.VIDEO_TASK))
    here = form.read(original, _MEDIA_TYPE, Here())
    rendition = form.rebuild(here, _plan(), MARK, bytes(32))
    steps: Mapping[str, Callable[[], object]] = MappingProxyType(
        {
            "bare: decode, encode": lambda: _bare(here),
            "rebuild: decode, mark, boxes, encode, container": lambda: form.rebuild(here, _plan(), MARK, bytes(32)),
            "gate: structure, strict decoding, boxes, mark, values": lambda: _checked(rendition, here),
            "whole job on the wall, in the sandbox": lambda: _whole_job(original, sandbox),
        }
    )
    clocks = (time.process_time, time.process_time, time.process_time, time.perf_counter)
    runs: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for (name, step), clock in zip(steps.items(), clocks, strict=True):
            begun = clock()
            step()
            if number:  # the first round warms everything up
                runs[name].append(clock() - begun)
    sandbox.close()
    print(f"125 frames of {SIZE_PX[0]} × {SIZE_PX[1]}; {len(rendition.data) / 1024:.0f} KiB\n")
    return _report(list(runs.items()))


def _report(runs: list[tuple[str, list[float]]]) -> int:
    print("| step | median ms a frame | range |\n|---|---|---|")
    for name, times in runs:
        each = [1000 * one / 125 for one in times]
        print(f"| {name} | {statistics.median(each):.1f} | {min(each):.1f} to {max(each):.1f} |")
    bare, rebuilt, checked, _ = (times for _, times in runs)
    cost = statistics.median((one - other) / other for one, other in zip(rebuilt, bare, strict=True))
    gate_share = statistics.median(one / other for one, other in zip(checked, rebuilt, strict=True))
    print(f"\nmark and boxes cost {cost:.2f} × bare (at most {COST_CEILING}); the gate {gate_share:.2f} × the rebuild")
    return 0 if cost <= COST_CEILING and gate_share <= GATE_CEILING else 1


def _line(number: int) -> NDArray[np.uint8]:
    """A bench with texture and a part that wanders."""
    rng = np.random.default_rng(7)
    ground = np.kron(rng.integers(60, 190, (90, 160, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    ground[300:400, 40 + 6 * number : 140 + 6 * number] = (210, 190, 40)
    return ground


def _plan() -> Plan:
    def case(op: Op) -> tuple[Case, ...]:
        return (Case((), Transform(op, {}), 1, "TS", op.value),)

    path = tuple(Moment(at, Box(40 + at * 3 // 20, 300, 100, 100)) for at in (0, 2500, 5000))
    return Plan(
        (
            Instruction("region/1", "work_area", Element.REGION, "", "text", case(Op.CROP), Box(0, 0, *SIZE_PX)),
            Instruction(
                "region/2", "face", Element.REGION, "", "text", case(Op.BOX), Box(40, 300, 900, 100), path=path
            ),
            Instruction("region/3", "screen", Element.REGION, "", "text", case(Op.BOX), Box(900, 60, 240, 120)),
        )
    )


def _bare(video: Video) -> object:
    cut = cut_of(video, _plan())
    encoder = h264.Encoder(cut.size_px, cut.fps, video.matrix)
    width_px, height_px = cut.size_px
    for _, frame in video.frames(cut):
        encoder.add(np.frombuffer(frame, np.uint8).reshape(height_px * 3 // 2, width_px))
    return encoder.finish()


def _expectation(rendition: Rebuilt, video: Video) -> VideoExpectation:
    film = rendition.film
    if film is None:
        raise ValueError("no film")
    boxes = ((shot.first, shot.last, shot.box) for shot in film.shots)
    shots = tuple((one, last, box.left_px, box.top_px, box.width_px, box.height_px) for one, last, box in boxes)
    return VideoExpectation(film.cut.size_px, film.cut.fps, film.cut.count, video.matrix, shots, MARK.text)


def _checked(rendition: Rebuilt, video: Video) -> None:
    gate.check(rendition.data, _expectation(rendition, video), WITHHELD).require_clean()


def _whole_job(original: bytes, sandbox: ProcessSandbox) -> None:
    form = VideoFormat()
    video = form.read(original, _MEDIA_TYPE, sandbox)
    rendition = form.rebuild(video, _plan(), MARK, bytes(32))
    walled.check(sandbox, rendition.data, _expectation(rendition, video), WITHHELD).require_clean()


if __name__ == "__main__":
    sys.exit(main())
