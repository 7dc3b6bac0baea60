"""Which addresses are pages for people, and what headers each sort of answer carries.

Everything else is the programming interface, or bytes that no browser may act on: the strictest headers hold wherever
no other are named here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

DESK: Final = "/desk"
STATIC: Final = f"{DESK}/static/"
CONTENT: Final = f"{DESK}/content/"
SIGN_IN: Final = f"{DESK}/sign-in"
INVITATION: Final = f"{DESK}/invitation"
LANGUAGE: Final = f"{DESK}/language"

_BARE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
SEALED: Final[Mapping[str, str]] = {
    **_BARE,
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Referrer-Policy": "no-referrer",
}
# A form's `Origin` is `null` under `no-referrer`; under `same-origin` nobody else learns an address either.
PAGE: Final[Mapping[str, str]] = {
    **_BARE,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
}
# What is the same for everybody, under an address that has its digest.
ASSET: Final[Mapping[str, str]] = {**_BARE, "Referrer-Policy": "no-referrer"}

_INSIDE: Final = re.compile(r"/desk(?:/[A-Za-z0-9_-][A-Za-z0-9._@-]*)*(?:\?[A-Za-z0-9._=&%:-]*)?")


def is_page(path: str) -> bool:
    """Whether this address answers people: its problems are pages, its bodies are forms."""
    return path in {"/", DESK} or path.startswith(f"{DESK}/")


def is_open(path: str) -> bool:
    """Whether this page is there for whoever has not signed in."""
    return path in {"/", SIGN_IN, INVITATION, LANGUAGE} or path.startswith(STATIC)


def headers_of(path: str) -> Mapping[str, str]:
    """What every answer from this address carries."""
    if not is_page(path) or path.startswith(CONTENT):
        return SEALED
    return ASSET if path.startswith(STATIC) else PAGE


def within(untrusted_address: str) -> str:
    """The address if it is a page of this desk, else the desk's first page: nobody is sent elsewhere."""
    return untrusted_address if _INSIDE.fullmatch(untrusted_address) else DESK
