"""Request headers, read strictly: ranges, names (RFC 6266, 7578, 8187), keys, and where an upload stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from gateway.base.problems import Usage
from gateway.web.problems import RangeRefused

KEY_CHARS_MAX = 255

_RANGE = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")
_COUNT = re.compile(r"[0-9]{1,15}")
_KEY = re.compile(rf"[!-~]{{1,{KEY_CHARS_MAX}}}")
_EXTENDED = re.compile(r"filename\*\s*=\s*(?:UTF-8|utf-8)''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*)")
_QUOTED = re.compile(r'filename\s*=\s*"((?:[^"\\]|\\.)*)"')
_TOKEN = re.compile(r"filename\s*=\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)")
_PARAMETER = re.compile(r"""\s*;\s*([A-Za-z-]+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~0-9A-Za-z-]+))""")
_PATH_SIGNS = frozenset("/\\\0")


class NameMalformed(Usage):
    """A file name in a header that cannot be taken."""

    slug = "file-name-malformed"
    title = "The file name cannot be taken"


class KeyMalformed(Usage):
    """An Idempotency-Key that is none."""

    slug = "idempotency-key-malformed"
    title = "The Idempotency-Key cannot be taken"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes `offset` to `offset + length - 1` of `size_bytes`; `partial` where a range was asked for."""

    offset: int
    length: int
    size_bytes: int
    partial: bool


def span_of(range_header: str | None, if_range: str | None, size_bytes: int, etag: str) -> Span:
    """What to send: everything, too, where `If-Range` names another state than `etag`."""
    whole = Span(0, size_bytes, size_bytes, partial=False)
    if range_header is None or if_range not in {None, etag}:
        return whole
    unit, _, ranges = range_header.partition("=")
    if unit.strip().lower() != "bytes":
        return whole
    match = _RANGE.fullmatch(ranges.strip())
    if match is None or match.groups() == ("", ""):
        raise RangeRefused("Ask for one range of bytes, such as bytes=0-1023.", size_bytes=size_bytes)
    first, last = match.groups()
    if not first:
        offset, stop = max(0, size_bytes - int(last)), size_bytes
    else:
        offset, stop = int(first), size_bytes if not last else min(size_bytes, int(last) + 1)
    if offset >= stop:
        raise RangeRefused(f"There are {size_bytes} bytes; ask for a range within them.", size_bytes=size_bytes)
    return Span(offset, stop - offset, size_bytes, partial=True)


def file_name_of(disposition: str | None) -> str | None:
    """The file name in a Content-Disposition header, or None where it names none; a name is never a path."""
    if disposition is None:
        return None
    name = _name_in(disposition)
    if name is None and "filename" in disposition.lower():
        raise NameMalformed("Send the name as Content-Disposition: attachment; filename*=UTF-8''NAME (RFC 8187).")
    return _checked(name)


def part_names_of(disposition: str) -> tuple[str, str | None]:
    """The field's name and the file's name in the Content-Disposition of a form's part (RFC 7578)."""
    kind, mark, rest = disposition.partition(";")
    rest, found = mark + rest, dict[str, str]()
    while (match := _PARAMETER.match(rest)) is not None and match[1].lower() not in found:
        found[match[1].lower()] = match[3] or re.sub(r"\\(.)", r"\1", match[2] or "")
        rest = rest[match.end() :]
    if kind.strip().lower() != "form-data" or rest.strip() or "name" not in found:
        raise NameMalformed('Begin every part with Content-Disposition: form-data; name="…" (RFC 7578).')
    if "filename*" in found:
        return found["name"], file_name_of(f"form-data; filename*={found['filename*']}")
    return found["name"], _checked(found.get("filename"))


def boolean_of(item: str | None) -> bool | None:
    """A Boolean of RFC 9651; None where there is none, or something else."""
    return {"?0": False, "?1": True}.get((item or "").strip())


def count_of(item: str | None) -> int | None:
    """A non-negative Integer of RFC 9651; None where there is none, or something else."""
    return int(item) if item is not None and _COUNT.fullmatch(item.strip()) else None


def key_of(idempotency_key: str | None) -> str | None:
    """The Idempotency-Key, if it is one."""
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        raise KeyMalformed(f"An Idempotency-Key is 1 to {KEY_CHARS_MAX} visible ASCII characters.")
    return idempotency_key


def _checked(name: str | None) -> str | None:
    if name is not None and (_PATH_SIGNS & set(name) or name in {"", ".", ".."}):
        raise NameMalformed("Send the file's name alone, without folders.")
    return name


def _name_in(disposition: str) -> str | None:
    if (extended := _EXTENDED.search(disposition)) is not None:
        try:
            return unquote_to_bytes(extended[1]).decode("utf-8")
        except UnicodeDecodeError as error:
            raise NameMalformed("The file name is not UTF-8; percent-encode its UTF-8 bytes (RFC 8187).") from error
    if "filename*" in disposition.lower():
        return None
    if (quoted := _QUOTED.search(disposition)) is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if (token := _TOKEN.search(disposition)) is not None:
        return token[1]
    return None
