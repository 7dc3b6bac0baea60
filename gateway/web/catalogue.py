"""What each problem means and what to do about it, from the page that the documentation has too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

_ROW: Final = re.compile(r"^\| `([a-z0-9-]+)` \| (\d+|–) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Told:
    """One problem; `status` is None where no HTTP answer carries it."""

    slug: str
    title: str
    status: int | None
    advice: str

    def page(self) -> str:
        """As a small page for people."""
        advice = _CODE.sub(r"<code>\1</code>", escape(self.advice))
        status = "" if self.status is None else f" · HTTP {self.status}"
        title = escape(self.title)
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
            f"<h1>{title}</h1><p><code>{self.slug}</code>{status}</p><p>{advice}</p></html>\n"
        )


@cache
def catalogue() -> dict[str, Told]:
    """Slug → what is told about it."""
    return {
        slug: Told(slug, title.strip(), int(status) if status.isdigit() else None, advice.strip())
        for slug, status, title, advice in _ROW.findall(_page().read_text("utf-8"))
    }


def _page() -> Path:
    """Beside this module in an installed gateway, among the documentation in a source tree."""
    installed = Path(__file__).with_name("problems.md")
    return installed if installed.exists() else Path(__file__).resolve().parents[2] / "docs" / "problems.md"
