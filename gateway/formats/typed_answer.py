"""What the readers of documents that are typed anew answer: their paragraphs, set on pages, as one blob of JSON.

Runs only in the sandbox's child. `typed_reader` checks it on the other side.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.formats import typeset
from gateway.formats.pdf_bounds import MAX_PAGES, MAX_PART_CHARS, MAX_PARTS
from gateway.formats.typed import MAX_CHARACTERS, MAX_PARAGRAPHS, Block, Paragraph, Shown
from gateway.marks import lettering
from gateway.sandbox.task import Answer, TaskRefused

lettering.load()
lettering.width("a字", 29)


def answer(
    paragraphs: Sequence[Paragraph],
    widths: Sequence[Sequence[int]],
    counts: Mapping[str, int],
    asides: Mapping[str, Sequence[str]],
    pictures: Sequence[Shown] = (),
) -> Answer:
    """Pages, blocks, counts, and as numbered parts the `asides` that say something, each once; then every picture.

    Raises `TaskRefused`: `long`, `no-text`, `unwritable` with its paragraph, `pages`, `parts`.
    """
    _require_typed(paragraphs)
    pages, blocks = typeset.set_pages(paragraphs, widths, [one.size_px for one in pictures])
    if len(pages) > MAX_PAGES:
        raise TaskRefused("pages")
    told = dict(counts)
    parts: dict[str, str] = {}
    for sort, texts in asides.items():
        kept = list(dict.fromkeys(text for text in texts if text.strip()))
        told[sort] = max(told.get(sort, 0), len(kept))
        parts |= {f"{sort}:{at}": text[:MAX_PART_CHARS] for at, text in enumerate(kept, start=1)}
    if len(parts) > MAX_PARTS:
        raise TaskRefused("parts")
    body = {
        "pages": [
            {
                "words": [(one.text, *one.box, one.size_px, one.bold, one.struck) for one in page.words],
                "rules": page.rules,
            }
            for page in pages
        ],
        "blocks": [_told(block) for block in blocks],
        "parts": parts,
        "counts": {sort: count for sort, count in sorted(told.items()) if count > 0},
    }
    return {}, (json.dumps(body).encode(), *(one.rgb for one in pictures))


def _told(block: Block) -> dict[str, Any]:
    cell = block.cell
    return {
        "style": block.style.value,
        "indent": block.indent,
        "cell": None if cell is None else (cell.table, cell.row, cell.column, cell.span),
        "words": [(one.page, one.word, one.before, one.struck) for one in block.words],
        **({"figure": (block.figure.number, block.figure.page, *block.figure.box)} if block.figure else {}),
    }


def _require_typed(paragraphs: Sequence[Paragraph]) -> None:
    if len(paragraphs) > MAX_PARAGRAPHS or sum(len(one.text) for one in paragraphs) > MAX_CHARACTERS:
        raise TaskRefused("long")
    if not any(one.text or one.picture for one in paragraphs):
        raise TaskRefused("no-text")
    for at, one in enumerate(paragraphs, start=1):
        try:
            lettering.runs(one.label + one.text.replace("\n", " "))
        except lettering.MarkUnwritable as error:
            raise TaskRefused("unwritable", paragraph=at) from error
