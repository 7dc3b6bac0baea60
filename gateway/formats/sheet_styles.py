"""The looks of a workbook of ours: one dark ink, one light head, grey for what is withheld; no theme, no named style.

Cells refer to looks by number: the constants here, then one for every number format in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

MAX_DECIMALS = 6

_INK, _QUIET, _HEAD_FILL, _QUIET_FILL, _LINE = "FF1F2933", "FF5F6B7A", "FFDCE6F0", "FFEEF0F2", "FFC3CCD6"
_FONTS = ((11, _INK, False), (11, _INK, True), (10, _QUIET, False), (8, _QUIET, False), (16, _INK, True))
_FILLS = ("", "gray125", _HEAD_FILL, _QUIET_FILL)
_PLAIN, _BOLD, _GREY, _SMALL, _LARGE = range(5)
_NO_FILL, _HEADED, _GREYED = 0, 2, 3
_NO_LINE, _LINED = 0, 1
_DAY_FORMAT, _FIRST_FORMAT = 164, 165

# font, fill, border, number format, alignment
_LOOKS = (
    (_PLAIN, _NO_FILL, _NO_LINE, 0, ""),
    (_BOLD, _HEADED, _LINED, 0, 'horizontal="left" vertical="center" wrapText="1"'),
    (_BOLD, _HEADED, _LINED, 0, 'horizontal="right" vertical="center" wrapText="1" indent="1"'),
    (_PLAIN, _NO_FILL, _LINED, 0, 'vertical="top" wrapText="1"'),
    (_GREY, _GREYED, _LINED, 0, 'horizontal="left" vertical="top"'),
    (_SMALL, _NO_FILL, _LINED, 0, 'vertical="top"'),
    (_PLAIN, _NO_FILL, _LINED, _DAY_FORMAT, 'horizontal="right" vertical="top" indent="1"'),
    (_LARGE, _NO_FILL, _NO_LINE, 0, 'vertical="center"'),
    (_BOLD, _NO_FILL, _NO_LINE, 0, 'vertical="top"'),
    (_GREY, _NO_FILL, _NO_LINE, 0, 'vertical="top"'),
)
HEAD, HEAD_RIGHT, TEXT, WITHHELD, MARK, DAY, HEADING, LABEL, REMARK = range(1, 10)

# For each look of a notice's row the styles of its cells; the last one holds for all that follow.
NOTICE: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"heading": (HEADING,), "fact": (LABEL, 0), "head": (HEAD,), "line": (TEXT,), "remark": (REMARK,), "blank": (0,)}
)
NOTICE_WIDTHS = [32, 36, 12, 28, 50, 46]


@dataclass(slots=True)
class Styles:
    """The styles of one workbook; number formats are added as columns need them."""

    _formats: list[str] = field(default_factory=list)

    def number(self, code: str) -> int:
        """The style of numbers with this format."""
        if code not in self._formats:
            self._formats.append(code)
        return len(_LOOKS) + self._formats.index(code)

    def xml(self) -> str:
        """The part `styles.xml`, without its declaration."""
        numbers = [
            (_PLAIN, _NO_FILL, _LINED, _FIRST_FORMAT + at, 'horizontal="right" vertical="top" indent="1"')
            for at in range(len(self._formats))
        ]
        codes = ["yyyy\\-mm\\-dd", *self._formats]
        return (
            '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            + _listed("numFmts", [_format(_DAY_FORMAT + at, code) for at, code in enumerate(codes)])
            + _listed("fonts", [_font(*one) for one in _FONTS])
            + _listed("fills", [_fill(one) for one in _FILLS])
            + _listed("borders", ["<border><left/><right/><top/><bottom/><diagonal/></border>", _line()])
            + _listed("cellStyleXfs", ['<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'])
            + _listed("cellXfs", [_xf(*one) for one in (*_LOOKS, *numbers)])
            + _listed("cellStyles", ['<cellStyle name="Normal" xfId="0" builtinId="0"/>'])
            + "</styleSheet>"
        )


def _listed(name: str, entries: list[str]) -> str:
    return f'<{name} count="{len(entries)}">{"".join(entries)}</{name}>'


def _format(number: int, code: str) -> str:
    return f'<numFmt numFmtId="{number}" formatCode="{code.replace(chr(34), "&quot;")}"/>'


def _font(size: int, colour: str, bold: bool) -> str:
    weight, name = "<b/>" if bold else "", '<name val="Calibri"/><family val="2"/>'
    return f'<font>{weight}<sz val="{size}"/><color rgb="{colour}"/>{name}</font>'


def _fill(colour: str) -> str:
    if len(colour) < 8:
        return f'<fill><patternFill patternType="{colour or "none"}"/></fill>'
    return (
        f'<fill><patternFill patternType="solid"><fgColor rgb="{colour}"/><bgColor indexed="64"/></patternFill></fill>'
    )


def _line() -> str:
    line = f'<bottom style="thin"><color rgb="{_LINE}"/></bottom>'
    return f"<border><left/><right/><top/>{line}<diagonal/></border>"


def _xf(font: int, fill: int, border: int, number: int, alignment: str) -> str:
    applied = f' applyNumberFormat="{int(number > 0)}" applyFont="1" applyFill="1" applyBorder="1" applyAlignment="1"'
    inner = f"<alignment {alignment}/>" if alignment else ""
    return f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="{border}" xfId="0"{applied}>{inner}</xf>'
