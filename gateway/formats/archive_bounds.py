"""How large an archive may be, and what is none."""

from __future__ import annotations

from gateway.base.units import MIB

MAX_ARCHIVE_BYTES = 256 * MIB
MAX_MEMBERS = 2_000
MAX_RATIO = 100
MAX_TOTAL_BYTES = 512 * MIB

# Office files of before 2007, and those that are encrypted, are compound files of this magic.
COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
