"""A real browser, where there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from gateway.web.pages import site

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP localhost 127.0.0.1",
)
_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>/usr/share/fonts</dir><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


# Playwright has an event loop running in this thread for as long as it is open, so no longer than a module.
@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium without a window; the gateway's own font is there for Chinese letters."""
    if not CHROMIUM.exists():
        pytest.skip("there is no /usr/bin/chromium; install the package chromium to see the pages in a browser")
    folder = tmp_path_factory.mktemp("fonts")
    fonts = site.HERE.parent / "marks" / "fonts"
    (folder / "fonts.conf").write_text(_FONTS.format(fonts=fonts, cache=folder / "cache"), "utf-8")
    environment: dict[str, str | float | bool] = {**os.environ, "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS], env=environment)
        yield browser
        browser.close()
