"""How large a PDF and what is in it may be, for its reader in the sandbox and for whoever checks what that says."""

from __future__ import annotations

SIGNATURE = b"%PDF-"
MAX_PAGES = 300
MAX_SIDE_POINTS = 14_400
MAX_PIXELS = 40_000_000
MAX_CHARACTERS = 40_000
MAX_OBJECTS = 400_000
MAX_PARTS = 5000
MAX_PART_CHARS = 20_000
MAX_NAME_CHARS = 200
PART_SORTS = frozenset({"docinfo", "bookmark", "attachment", "script", "XMP", "layer", "label", "link", "alternative"})
