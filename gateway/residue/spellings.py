"""Other ways to write a withheld text that folding does not make equal: bare vowels, a firm without its legal form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.residue.fold import normal, plainer

_MAX_CHARS = 120
_LETTERS = re.compile(r"[^\W\d_]")
_FORMS = (
    r"g\.?m\.?b\.?h|ggmbh|gesellschaft mbh|mbh|a\.?g|k\.?g|kgaa|ohg|s\.?e|ug|e\.? ?k|e\.? ?v|inc|incorporated|corp|"
    r"corporation|co|company|l\.?l\.?c|l\.?l\.?p|l\.?t\.?d|limited|p\.?l\.?c|pte|pty|s\.?a|s\.?a\.?s|s\.?a\.?r\.?l|"
    r"s\.?r\.?l|s\.?p\.?a|s\.?l|b\.?v|n\.?v|a\.?b|a[./]?s|oyj?|aps|k\.?k|kabushiki kaisha|sdn\.? bhd|"
    r"sp\.? z o\.?o|d\.?o\.?o"
)
_BEHIND = re.compile(rf"(?:[\s,&+(]+(?:{_FORMS})\.?\)?)+\s*\Z")
_IDEOGRAPHIC = r"\(?(?:股份有限公司|有限责任公司|有限公司|股份公司|株式会社|有限会社|合同会社|주식회사|株|有)\)?"
_AROUND = re.compile(rf"\A{_IDEOGRAPHIC}|(?<=\w\w){_IDEOGRAPHIC}\Z")


def spellings(text: str) -> Iterator[str]:
    """Whole other spellings of `text`, which say as much as it does."""
    if not text.isascii() and (plain := plainer(text)) != text:
        yield plain


def stems(text: str) -> Iterator[str]:
    """`text` without the legal form of a firm, where it ends (or in Japanese begins) with one."""
    if len(text) > _MAX_CHARS or not _LETTERS.search(text):
        return
    for spelling in (text, *spellings(text)):
        plain = normal(spelling).strip()
        stem = _AROUND.sub("", _BEHIND.sub("", plain)).strip()
        if stem and stem != plain:
            yield stem
