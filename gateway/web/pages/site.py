"""What every page is made with: templates that escape everything, both languages, addresses of assets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.base.units import GIB, KIB, MIB
from gateway.web import places

if TYPE_CHECKING:
    from jinja2 import Environment

LANGUAGES: Final = ("en", "zh")
LANGUAGE_COOKIE: Final = "language"
HERE: Final = Path(__file__).resolve().parents[1]
# What can come of an authenticator, by the browser's word or the problem's slug; anything else is told as it comes.
PASSKEY_WORDS: Final = (
    "busy",
    "line",
    "changed",
    "NotAllowedError",
    "InvalidStateError",
    "SecurityError",
    "NotSupportedError",
    "already-approved",
    "assertion-refused",
    "challenge-expired",
    "challenge-replayed",
    "invitation-not-valid",
    "key-taken",
    "passkey-copied",
    "passkey-not-valid",
    "passkey-refused",
    "passkey-revoked",
    "separation-of-duties",
    "session-not-valid",
    "wrong-state",
)
ASSETS: Final[Mapping[str, str]] = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@cache
def words(language: str) -> Mapping[str, str]:
    """Every text of the pages in one language, by its key."""
    found: dict[str, str] = json.loads((HERE / "words" / f"{language}.json").read_text("utf-8"))
    return found


@cache
def assets() -> Mapping[str, tuple[bytes, str]]:
    """Name → bytes and digest of everything that pages load."""
    found = {one.name: one.read_bytes() for one in sorted((HERE / "static").iterdir()) if one.suffix in ASSETS}
    return {name: (data, hashlib.sha256(data).hexdigest()) for name, data in found.items()}


@cache
def templates() -> Environment:
    """The templates. They know no way to write anything unescaped, and stop at a name that is not there."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 not before the first page

    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(asset=asset, passkey_words=PASSKEY_WORDS)
    made.filters.update(moment=moment, day=day, size=size, short=short)
    return made


def asset(name: str) -> str:
    """The address of an asset, another one for other bytes."""
    return f"{places.STATIC}{name}?v={assets()[name][1][:16]}"


def language_of(request: Request) -> str:
    """The language a person chose, or else the first that their browser asks for and that there is."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    for wanted in request.headers.get("accept-language", "")[:200].split(","):
        tag = wanted.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return LANGUAGES[0]


def translator(language: str) -> Callable[..., str]:
    """Key and values → text. A key that is missing is a defect, and is not hidden."""
    texts = words(language)

    def t(key: str, **values: object) -> str:
        return texts[key].format(**values) if values else texts[key]

    return t


def page(template: str, language: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page."""
    made = templates().get_template(template).render(language=language, t=translator(language), **context)
    return HTMLResponse(made, status_code=status)


def moment(at: datetime) -> str:
    """A time in UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def day(on: date) -> str:
    """A day."""
    return on.isoformat()


def size(size_bytes: int) -> str:
    """A size in the largest unit of which there is one."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.1f} {name}"
    return f"{size_bytes} B"


def short(identifier: str) -> str:
    """The end of an id or the beginning of a digest: enough to tell two apart on one page."""
    prefix, mark, rest = identifier.partition("_")
    return f"{prefix}…{rest[-6:]}" if mark else f"{identifier[:12]}…"
