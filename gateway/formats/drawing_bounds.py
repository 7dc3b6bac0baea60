"""How large a drawing may be, for its readers in the sandbox and for whoever checks what they say."""

from __future__ import annotations

MAX_LAYERS = 2000
MAX_BLOCKS = 5000
MAX_TEXTS = 5000
MAX_TEXT_CHARS = 4000
MAX_NAME_CHARS = 255
MAX_SHAPES = 60_000
MAX_POINTS = 1_000_000
# How many entities may be met when every block is looked into wherever it is inserted, and how deep they nest.
MAX_VISITS = 120_000
MAX_DEPTH = 24
MAX_COORDINATE = 1e12
MAX_PIXELS = 12_000_000
MAX_SIDE_PX = 8000
# The longer side of what a person draws boxes on.
CANVAS_PX = 4000
MAX_PART_VALUES = 20_000
MAX_PART_CHARS = 4000
PART_SORTS = frozenset(
    {"header", "comment", "xdata", "object", "table", "hidden", "left-out", "reference", "title", "script", "foreign"}
)
# What is left out and said to be, by the names of redactions.
LEFT_OUT_SORTS = frozenset(
    {
        "hidden-text",
        "hidden-content",
        "other-layouts",
        "embedded-objects",
        "external-references",
        "not-drawn",
        "plain-fills",
        "thumbnail",
        "scripts",
    }
)
