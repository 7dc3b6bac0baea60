"""Versions of policies, compared as numbers."""

from __future__ import annotations

import re


def semver(version: str) -> tuple[int, ...]:
    """`1.10.0` as (1, 10, 0)."""
    return tuple(int(part) for part in re.findall(r"[0-9]+", version))
