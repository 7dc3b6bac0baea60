"""How much of the text and of the faces in the set of `bench.detection_set` is found, with intervals.

A string counts as found when at least 95 % of the pixels of its letters lie under detected regions, since that is what
would be covered; a face when 70 % of it does, under one region. Runs as in the gateway: decoded pixels, behind walls.
Prints Markdown tables. Exit code 1 below a floor. Run: python -m bench.detection [--quick]
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bench.detection_set import Item, Page, face_pages, portraits, text_pages
from gateway.detect.detector import TASK, Networks
from gateway.detect.model import FACE, TEXT, Found
from gateway.sandbox.process import ProcessSandbox

FLOORS = {TEXT: 0.98, FACE: 0.95}
COVERED = {TEXT: 0.95, FACE: 0.70}
Seen = tuple[Item, bool]
GROUPS: list[Callable[[Item], str]] = [lambda item: f"{item.height_px} px", lambda item: item.treatment]


@dataclass(frozen=True, slots=True)
class Looked:
    """One page after it was looked at: what of it was found, what was found where nothing is, how long it took."""

    items: tuple[Seen, ...]
    astray: int
    megapixels: float
    taken_s: float


def main() -> int:
    """Look at every page, print, compare with the floors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some pages only")
    quick = parser.parse_args().quick
    texts = list(text_pages(small=4, large=0)) if quick else list(text_pages())
    people = list(face_pages(portraits()))[: 4 if quick else None]
    sandbox = ProcessSandbox((TASK,))
    detector = Networks(sandbox)
    print(f"Detector: {detector.version()}\n")
    good = _told(TEXT, _looked(detector, TEXT, texts), [lambda item: item.group, *GROUPS])
    good &= _told(FACE, _looked(detector, FACE, people), GROUPS)
    sandbox.close()
    return 0 if good or quick else 1


def _looked(detector: Networks, sort: str, pages: list[Page]) -> list[Looked]:
    def look(page: Page) -> Looked:
        pixels = np.asarray(page.picture)
        height_px, width_px = pixels.shape[:2]
        begun = time.perf_counter()
        found = [one for one in detector.find(width_px, height_px, pixels.tobytes()) if one.sort == sort]
        taken_s = time.perf_counter() - begun
        items = tuple((item, _is_found(sort, item, found)) for item in page.items)
        astray = sum(not any(_shared(one, item) for item in page.items) for one in found)
        return Looked(items, astray, width_px * height_px / 1e6, taken_s)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(look, pages))


def _is_found(sort: str, item: Item, found: list[Found]) -> bool:
    left, top, right, bottom = item.place
    covers = []
    for one in found:
        cover = np.zeros((bottom - top, right - left), np.bool_)
        x, y, width, height = one.place
        cover[max(0, y - top) : max(0, y + height - top), max(0, x - left) : max(0, x + width - left)] = True
        covers.append(cover)
    if sort == TEXT:
        covers = [np.logical_or.reduce(covers)] if covers else []
    return any((cover & item.ink).sum() >= COVERED[sort] * item.ink.sum() for cover in covers)


def _shared(one: Found, item: Item) -> bool:
    x, y, width, height = one.place
    left, top, right, bottom = item.place
    return x < right and left < x + width and y < bottom and top < y + height


def _told(sort: str, pages: list[Looked], groups: list[Callable[[Item], str]]) -> bool:
    seen = [one for page in pages for one in page.items]
    print(f"| {sort} | found | of | share | 95 % interval |")
    print("|---|---:|---:|---:|---|")
    for by in groups:
        for name in sorted({by(item) for item, _ in seen}, key=lambda name: (len(name), name)):
            _row(name, [found for item, found in seen if by(item) == name])
    _row("**all**", [found for _, found in seen])
    megapixels, taken_s = sum(page.megapixels for page in pages), sum(page.taken_s for page in pages)
    astray = sum(page.astray for page in pages)
    print(f"\n{astray} regions where nothing is, in {megapixels:.0f} megapixels; {taken_s / megapixels:.1f} s each.")
    missed = [f"{item.what} {item.treatment} {item.height_px} px" for item, found in seen if not found]
    print(f"Missed: {'; '.join(missed) or 'none'}.\n")
    return sum(found for _, found in seen) >= FLOORS[sort] * len(seen)


def _row(name: str, found: Iterable[bool]) -> None:
    hits = list(found)
    low, high = wilson(sum(hits), len(hits))
    share = sum(hits) / len(hits)
    print(f"| {name} | {sum(hits)} | {len(hits)} | {share:.1%} | {low:.1%} – {high:.1%} |")


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The interval that Wilson gives for this share, at 95 %."""
    share = hits / of
    middle = share + z * z / (2 * of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z * z / of)), min(1.0, (middle + reach) / (1 + z * z / of))


if __name__ == "__main__":
    sys.exit(main())
