"""How fast a contract is rebuilt and checked, beside pdfium drawing the same pages and nothing else, in the same run.

Ten pages of print, two names withheld wherever they stand. Rebuilding is processor time in a warm process: pixels of
every page, visible mark, boxes, text layer, compression; the gate is processor time too. The whole job is time on the
wall: words and pixels from the sandbox, rebuilding, the gate behind its walls. Prints one Markdown table. Exit code 1
when rebuilding reaches less than half of the pages that pdfium draws in the same time, or when the gate takes longer
than rebuilding. Run: python -m bench.documents [--quick]
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import cast

import pypdfium2
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from gateway.base.canon import Json
from gateway.formats.document import PARSE_TASK, DocumentFormat
from gateway.formats.model import (
    PAGE_DPI,
    Case,
    Element,
    Instruction,
    Mark,
    Op,
    Pages,
    Plan,
    Rebuilt,
    Transform,
)
from gateway.formats.parse_pdf import parse
from gateway.formats.write_document import rebuild
from gateway.residue import gate, walled
from gateway.residue.model import DocumentExpectation, WithheldSet, WithheldValue
from gateway.sandbox.process import ProcessSandbox

PAGES = 10
LINES = 46
WORDS_A_LINE = 12
MARK = Mark("Baotou Rare Earth Supply Co.", "rel_01k7m3v9q2x8d4n6b5t1c0zhep", "2026-01-31")
NAMES = ("Featherstonehaugh", "Oberhausen")
WITHHELD = WithheldSet(tuple(WithheldValue(name, "text/1/1") for name in (*NAMES, "Zhang Wei Motors Ltd")))
SPEED_FLOOR = 0.5
GATE_CEILING = 1.0


def main() -> int:
    """Measure, print, compare with floor and ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 9
    original = _contract()
    sandbox = ProcessSandbox((PARSE_TASK, walled.TASK))
    content = _read(original, sandbox)
    here = Pages(content.pages, _raster_here(original), content.parts, content.media_type)
    plan = _plan(content)
    rendition = rebuild(here, plan, MARK)
    steps: dict[str, Callable[[], object]] = {
        "pdfium: pixels of every page": lambda: _bare(original),
        "rebuild: pixels, mark, boxes, text layer, compression": lambda: rebuild(here, plan, MARK),
        "gate: structure, pixels, boxes, mark, text": lambda: _checked(rendition),
        "whole job on the wall: reading, rebuilding, gate, each in the sandbox": lambda: _whole_job(original, sandbox),
    }
    clocks = (time.process_time, time.process_time, time.process_time, time.perf_counter)
    runs: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for (name, step), clock in zip(steps.items(), clocks, strict=True):
            begun = clock()
            step()
            if number:  # the first round warms everything up
                runs[name].append(clock() - begun)
    sandbox.close()
    print(f"{PAGES} pages of {LINES} lines; {len(rendition.data) / PAGES / 1024:.0f} KiB a page\n")
    return 0 if _told(runs) else 1


def _told(runs: dict[str, list[float]]) -> bool:
    print("| what, for a page | median | range | bound |\n|---|---:|---:|---:|")
    for name, taken in runs.items():
        low, middle, high = (1e3 * one / PAGES for one in (min(taken), statistics.median(taken), max(taken)))
        print(f"| {name} | {middle:.1f} ms | {low:.1f} … {high:.1f} ms | |")
    bare, ours, check, _ = runs.values()
    speed, cost = _ratios(bare, ours), _ratios(check, ours)
    print(f"| pages of rebuild ÷ pages of pdfium | {_ratio(speed)} | at least {SPEED_FLOOR} |")
    print(f"| gate ÷ rebuild | {_ratio(cost)} | at most {GATE_CEILING} |")
    return statistics.median(speed) >= SPEED_FLOOR and statistics.median(cost) <= GATE_CEILING


def _ratios(ones: Sequence[float], others: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ones, others, strict=True)]


def _ratio(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.2f} × | {min(ratios):.2f} … {max(ratios):.2f}"


def _contract() -> bytes:
    """Dense print from a vocabulary of a contract, a withheld name now and then."""
    rng = random.Random(4)
    words = [
        "the",
        "seller",
        "shall",
        "deliver",
        "goods",
        "to",
        "buyer",
        "under",
        "this",
        "agreement",
        "and",
        "pay",
        "all",
        "charges",
        "for",
        "magnets",
        "price",
        "term",
        "clause",
        "party",
        "notice",
        "days",
        "within",
        "after",
        "receipt",
        "of",
        "invoice",
        "liability",
        "warranty",
        "delivery",
        "place",
        "risk",
        "title",
        "governing",
        "law",
    ]
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for _ in range(PAGES):
        canvas.setFont("Helvetica", 11)
        for line in range(LINES):
            chosen = [rng.choice(words) for _ in range(WORDS_A_LINE)]
            if line % 12 == 5:
                chosen[rng.randrange(WORDS_A_LINE)] = rng.choice(NAMES)
            canvas.drawString(64, 780 - 15.5 * line, " ".join(chosen))
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _read(original: bytes, sandbox: ProcessSandbox) -> Pages:
    return DocumentFormat(lambda _texts: frozenset()).read(original, "application/pdf", sandbox)


def _raster_here(original: bytes) -> Callable[[int], bytes]:
    """The reader's own raster, four pages at a time as always, without the sandbox, so that its time is ours.

    As it is, without a copy: in the sandbox it is written into the reply as it is, too.
    """
    kept: dict[int, bytes | memoryview] = {}

    def raster(number: int) -> bytes:
        if number not in kept:
            wanted = range(number, min(number + 4, PAGES + 1))
            asked: list[Json] = [{"number": one, "faint": [], "grey": True} for one in wanted]
            kept.clear()
            kept.update(zip(wanted, parse({"what": "raster", "pages": asked}, original)[1], strict=True))
        return cast(bytes, kept.pop(number))

    return raster


def _plan(content: Pages) -> Plan:
    return Plan(tuple(_orders(content)))


def _orders(content: Pages) -> Iterator[Instruction]:
    allow, cover = (Case((), Transform(op, {}), 0, "PD-MIN", "rule") for op in (Op.ALLOW, Op.BOX))
    for number, page in enumerate(content.pages, start=1):
        yield Instruction(f"page/{number}", "page", Element.PAGE, "page", "text", (allow,), None, number)
        for place, word in enumerate(page.words):
            if word.text in NAMES:
                field = f"text/{number}/{place}"
                yield Instruction(field, "text", Element.TEXT, "text", "text", (cover,), word.box, number)


def _bare(original: bytes) -> None:
    document = pypdfium2.PdfDocument(original)
    for page in document:
        page.render(scale=PAGE_DPI / 72).to_numpy()
    document.close()


def _expected(rendition: Rebuilt) -> DocumentExpectation:
    return DocumentExpectation(
        tuple(page.size_px for page in rendition.pages),
        tuple(
            tuple((box.left_px, box.top_px, box.width_px, box.height_px) for box in page.boxes)
            for page in rendition.pages
        ),
        MARK.text,
    )


def _checked(rendition: Rebuilt) -> None:
    gate.check(rendition.data, _expected(rendition), WITHHELD).require_clean()


def _whole_job(original: bytes, sandbox: ProcessSandbox) -> None:
    content = _read(original, sandbox)
    rendition = rebuild(content, _plan(content), MARK)
    walled.check(sandbox, rendition.data, _expected(rendition), WITHHELD).require_clean()


if __name__ == "__main__":
    sys.exit(main())
