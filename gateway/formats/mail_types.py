"""What an e-mail message looks like from its first bytes."""

from __future__ import annotations

import re

_HEADER = rb"(?:return-path|delivered-to|received|message-id|mime-version|x-[a-z-]{1,40}|from|to|subject|date)"
_MAIL = _HEADER + rb":[^\r\n]{1,990}\r?\n(?:[^\r\n]{1,990}\r?\n){0,60}?(?:from|subject|date|mime-version):"
_STARTS = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}(?:" + _MAIL + rb")", re.IGNORECASE)


def is_mail(head: bytes) -> bool:
    """Whether these bytes begin with the fields of a message."""
    return _STARTS.match(head) is not None
