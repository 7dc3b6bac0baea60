"""An amount beside a currency, as people and offices write it, and the currency that a heading states.

An amount in words alone (`achtundvierzigtausend Euro`) is not recognised, but for Chinese ones (`壹万贰仟元`).
Codes that are other words too (`CAD`, `TRY`, `NOK`) need an amount with decimals or grouped thousands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_MAIN = r"(?:EUR|USD|CNY|CNH|RMB|JPY|GBP|CHF|KRW|INR)"
_CODES = r"(?:SEK|DKK|PLN|CZK|HUF|BGN|ISK|RUB|UAH|HKD|TWD|NTD|SGD|MYR|THB|IDR|VND|AUD|NZD|MXN|BRL|ZAR|QAR|KWD|EGP)"
_DOUBTFUL = r"(?:CAD|TRY|NOK|PHP|RON|ILS|AED|SAR|ARS|CLP|COP)"
_DOLLARS = r"(?:(?<![A-Za-z$])(?:US|NT|HK|TW|AU?|CAN?|C|SG?|NZ|R|MX) ?\$|(?<![A-Za-z])\$)"
_SIGNS = rf"(?:[€£¥₩₹₽₺₫฿₪₴₱]|{_DOLLARS})"
_OF = (
    r"(?:US|U\.S\.|HK|NT|Hong ?[Kk]ong|[Ss]inga(?:pur|pore)|[Tt]aiwan"
    r"|(?:[KkCc]anad|[Aa]ustral|[Ss]chwe[di]|[Ss]w[ei]|[Nn]orw|[Dd][äa]n)[a-zä]{1,9})"
)
_WORDS = (
    rf"(?:(?:{_OF}[- ])?(?:[Dd]ollars?|DOLLARS?|[Ff]ranken|[Ff]rancs?|[Kk]ron(?:en|or|er))|[Ee]uros?|EUROS?"
    r"|[Yy]en|[Yy]uan|[Rr]enminbi|[Rr]ubel|[Rr]o?ubles|[Rr]upien|[Rr]upees|[Pp]esos|[Bb]aht|[Rr]inggit|[Dd]irhams?|[Zz][łl]oty"
    r"|(?:[Pp]ounds|[Pp]fund) [Ss]terling|[Cc]ents?(?!-))"
)
_HAN = (
    r"(?:人民[币幣]|[欧歐美日港澳加韩韓新]元|日[元円圆]|英[镑鎊]|瑞(?:士法)?[郎朗]|新?[台臺][币幣]|港[币幣]|美[金刀]|卢布|卢比"
    r"|[元圆圓](?![件素器])|円|[块塊][钱錢])"
)
_TIMES = (
    r"(?:\s?(?:Mio|MIO|mio|Mill|Mrd|Tsd|TSD|Millionen|Milliarden|Million|Tausend|[Mm]illion|[Bb]illion|[Tt]housand"
    r"|mln|mn|bn)(?![a-z])\.?)?"
)
# `48.213,-- €`, `17,35 (EUR)`.
_BEHIND = r"(?:[.,][-–—]{1,2})?"
_NO_PALLET = r"(?![A-Za-z]|[- ]?[Pp]al)"
_BEFORE_NUMBER = r"[)\]]?[:=]?\s{0,2}[-+~]?"
_EXACT = r"\d{1,3}(?:(?:[.,' ]\d{3})+(?:[.,]\d{2})?|[.,]\d{2})(?!\d)"
_MANY = r"(?:[十百千万萬亿億]|多|余){0,3}"
_HAN_DIGITS = "一二三四五六七八九十两〇零壹贰叁肆伍陆柒捌玖拾貳參陸"
_HAN_POWERS = "百千万亿萬億佰仟"
_MONEY = re.compile(
    rf"(?<![A-Za-z])[TMk]?(?i:{_MAIN}){_BEFORE_NUMBER}\d"
    rf"|(?<![A-Za-z]){_CODES}{_BEFORE_NUMBER}\d"
    rf"|(?<![A-Za-z]){_DOUBTFUL}{_BEFORE_NUMBER}{_EXACT}"
    rf"|{_SIGNS}\s{{0,2}}[-+~]?\d"
    # A norm is `Euro 6`, a championship `Euro 2024`.
    rf"|(?<![A-Za-z])[Ee]uro[:=]?\s{{1,2}}(?:{_EXACT}|\d[\d.]{{0,12}},[-–—]|(?!(?:19|20)\d\d(?!\d))\d{{3}})"
    rf"|\d{_BEHIND}{_TIMES}\s{{0,2}}[(\[]?(?:[TMk]?(?:(?i:{_MAIN})|€)|{_CODES}|{_WORDS}){_NO_PALLET}"
    rf"|\d{_BEHIND}{_TIMES}\s{{0,2}}[(\[]?{_SIGNS}"
    rf"|{_EXACT}\s{{0,2}}{_DOUBTFUL}{_NO_PALLET}"
    rf"|\d\s?{_MANY}\s?{_HAN}|(?:人民[币幣]|港[币幣]|[台臺][币幣]|[欧美日港]元)[：:]?\s{{0,2}}\d"
    rf"|[{_HAN_DIGITS}]{{1,12}}[{_HAN_POWERS}][{_HAN_DIGITS}{_HAN_POWERS}]{{0,20}}\s?{_HAN}"
    # `480,--` and `480,-` are prices in German; `0,-0.1` is a tolerance.
    r"|\d,(?:-{1,2}|[–—])(?![\w-]|\s?\d)"
)
# Without one of these there is no amount: most columns are read no further.
_HINT = re.compile(
    r"[€£¥₩₹₽₺₫฿₪₴₱$元圆圓円币幣镑鎊郎朗块塊金刀卢]|,[-–—]|eur|usd|cn[yh]|rmb|jpy|gbp|chf|krw|inr|sek|dkk|pln|czk|huf|bgn|isk"
    r"|rub|uah|hkd|twd|ntd|sgd|myr|thb|idr|vnd|aud|nzd|mxn|brl|zar|qar|kwd|egp|cad|try|nok|php|ron|ils|aed|sar|ars|clp"
    r"|cop|dollar|fran[kc]|kron|yen|yuan|renminbi|roubl|rupi|rupe|peso|baht|ringgit|dirham|z[lł]oty|pounds|pfund|cent"
)
_HEADING = re.compile(
    rf"(?<![A-Za-z])(?:[TMk]?(?:(?i:{_MAIN})|€)|{_CODES}|{_WORDS}){_NO_PALLET}|{_SIGNS}|人民[币幣]|[欧歐美日港]元|[万亿千百]元"
    r"|(?:^|[(\[/|:\s（［])(?:元|円)(?=$|[)\]/\s])"
)
_MOST_LETTERS = 4
_AN_AMOUNT = "1 EUR"


def is_money(text: str) -> bool:
    """Whether an amount stands beside a currency."""
    return _HINT.search(text.casefold()) is not None and _MONEY.search(text) is not None


def with_heading(heading: str, values: Iterable[str]) -> Iterator[str]:
    """The values, and an amount beside them where one of them is a figure under a currency: `Amount (EUR)`."""
    waits = _HEADING.search(unicodedata.normalize("NFKC", heading)) is not None
    for value in values:
        yield value
        if waits and _is_figure(value):
            waits = False
            yield _AN_AMOUNT


def _is_figure(value: str) -> bool:
    return sum(map(str.isalpha, value)) <= _MOST_LETTERS and any(map(str.isdigit, value))
