"""Numbers to call: international, behind a label, or in national notation among other words.

A national number is taken for one where it is written as such: `0711/5550101`, `(0711) 555-0101`, `03-5550-0102`, a
Chinese mobile number, ten digits in pairs. Behind a word that says what else it is (`Art. 0445 110 123`, `订单号`) it
is none. One in digits alone (`07115550101`), or with dots, is recognised only behind a label, or with its country.
"""

from __future__ import annotations

import re

# Cells are joined by a character that no pattern matches.
_START, _STOP = r"(?<![^\0])", r"(?![^\0])"
_INTERNATIONAL = re.compile(
    r"(?:(?<![0-9A-Za-z.])(?:\+[1-9]|00[1-9]\d{0,2}[\s().\-/])|(?<![\w) ]) ?\+ (?=[1-9]\d{0,2}[ \-/(]))"
    r"[\d \t().\-/]{6,22}\d(?![0-9A-Za-z])"
)
_LABELLED = re.compile(
    r"(?:(?<![^\W\d_])(?:tel|cell|fax)|phone|[tl]efon|(?<![^\W\d_])fon|(?<!auto)(?<!immo)mob(?:ile?)?|handy|whatsapp"
    r"|durchwahl|rufnummer|rufnr|电话|手机|手機|電話|携帯|传真|傳真|热线|联系方式)"
    r"[.:\s]{0,4}(?:[ \-]?(?:nr|no|nummer|number|num|号码|号|號碼|番号)[.:\s]{0,4})?\(?\+?\d[\d \t().\-/]{5,22}\d",
    re.IGNORECASE,
)
_CELL = re.compile(rf"{_START}\(?0\d{{1,5}}\)?(?:[ \-/]{{1,3}}\d{{2,8}}){{1,4}}{_STOP}")
_MOBILE_CELL = re.compile(rf"{_START}1[3-9]\d[ -]?\d{{4}}[ -]?\d{{4}}{_STOP}")
_BEFORE, _AFTER = r"(?<![0-9A-Za-z.,/+\-])", r"(?![0-9A-Za-z]|[.,/\-]\d| [1-9])"
_REST = r"\d{2,8}(?:[ \-/]\d{2,5}){0,3}"
_AMONG_WORDS = re.compile(
    rf"{_BEFORE}0[1-9]\d{{1,4}} ?/ ?{_REST}(?![0-9A-Za-z])"
    rf"|{_BEFORE}0[1-9]\d{{1,4}} ?[\- ] ?{_REST}{_AFTER}"
    rf"|{_BEFORE}0\d-\d{{4}}-\d{{4}}{_AFTER}|{_BEFORE}(?<!\d )0[1-9](?:[ .]\d\d){{4}}(?! ?\d){_AFTER}"
    rf"|{_BEFORE}1[3-9]\d(?:\d{{8}}|([ -])\d{{4}}\1\d{{4}}){_AFTER}"
)
_BRACKETED = re.compile(
    rf"(?<![0-9A-Za-z])\(0[1-9]\d{{1,4}}\)[ \-/]{{0,3}}{_REST}(?![0-9A-Za-z])"
    r"|(?<![0-9A-Za-z])\([2-9]\d\d\) ?\d{3}[ \-]\d{4}(?![0-9A-Za-z])"
)
_SOMETHING_ELSE = re.compile(
    r"(?:(?<![^\W\d_])(?:art|item|part|teil|mat|zeichn|zng|draw|dwg|order|bestell|auftr|po|best|seri|sn|charge|batch|lot"
    r"|los|pos|din|en|iso|hs|zolltarif|kunden|customer|rechn|invoice|liefers|ident|sach|number|no|ref|id)|nummer|auftrag"
    r"|nr|图号|料号|订单|单号|编号|编码|批号|序列号|発注|注文|品番|図番|番号)[^\W\d_]{0,10}[\s.:#№°\-]{0,4}$",
    re.IGNORECASE,
)
_LOOKED_BACK = 24


def is_phone(text: str) -> bool:
    """Whether a number to call stands in it."""
    if any(8 <= _digits(hit.group()) <= 17 for hit in _INTERNATIONAL.finditer(text)):
        return True
    if _LABELLED.search(text) or _MOBILE_CELL.search(text):
        return True
    if any(9 <= _digits(hit.group()) <= 12 for pattern in (_CELL, _BRACKETED) for hit in pattern.finditer(text)):
        return True
    return any(
        9 <= _digits(hit.group()) <= 12 and not _says_else(text[max(hit.start() - _LOOKED_BACK, 0) : hit.start()])
        for hit in _AMONG_WORDS.finditer(text)
    )


def _says_else(before: str) -> bool:
    return _SOMETHING_ELSE.search(before.rpartition("\0")[2]) is not None


def _digits(text: str) -> int:
    return sum(char.isdigit() for char in text)
