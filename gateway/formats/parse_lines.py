"""The reader of plain text, line by line. It runs only in the sandbox's child; the parent checks what it says.

The encoding is detected or declared as for separated tables. A line `Label: value` (also `=` between blanks, a colon
of full width, or a tab) is a leaf under its label; every other line that is not blank is one under `text`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway.base.canon import Json
from gateway.formats.leaves import Leaves
from gateway.formats.parse_csv import in_utf8
from gateway.sandbox.task import Answer, TaskRefused

UNLABELLED = "text"
_LABELLED = re.compile(r"([^\W_][^:：=\t]{0,79}?)[ ]*(?::[ \t]+|：|[ ]=[ ]|\t)[ \t]*(\S.*)")


def parse(request: Mapping[str, Json], untrusted: bytes) -> Answer:
    """The document as `leaves` says; its source is the encoding."""
    if not untrusted or untrusted.isspace():
        raise TaskRefused("nothing")
    encoding, text = in_utf8(untrusted, request.get("encoding"))
    leaves = Leaves()
    for line in re.split(r"\r\n|\n|\r", text.decode().removeprefix("\ufeff")):
        bare = line.strip(" \t")
        labelled = _LABELLED.fullmatch(bare)
        if labelled is not None:
            leaves.leaf((labelled[1],), "s", labelled[2])
        elif bare:
            leaves.leaf((UNLABELLED,), "s", bare)
    return leaves.answer(encoding=encoding.removesuffix("-sig"))
