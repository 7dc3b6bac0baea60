"""What a released workbook says of itself on its second sheet, and a drawing below its lines, in its recipient's
language.

Every word is the gateway's own or the policy's; names, the mark and counts are those of the release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from gateway.formats.model import Mark, Notice
from gateway.policy.kinds import Kind

Language = Literal["en", "zh"]

_SHEET_CHARS = 31
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\'\x00-\x1f]")
_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "name": "Notice",
            "recipient": "Recipient",
            "release": "Release",
            "date": "Date",
            "rows": "Rows in the table",
            "scale": "Scale",
            "none": "not to scale",
        },
        "zh": {
            "name": "说明",
            "recipient": "接收方",
            "release": "提交编号",
            "date": "日期",
            "rows": "表中行数",
            "scale": "比例",
            "none": "不按比例",
        },
    }
)
_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": ("Item", "What was done", "Code", "Legal basis", "Reason", "Summary"),
        "zh": ("项目", "处理方式", "代码", "法律依据", "理由", "摘要"),
    }
)
_REMARKS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "en": (
            "This copy was made for the recipient named above; every row and every page says so.",
            "A grey cell reads [withheld: CODE] where a value was withheld; the codes and reasons stand below.",
            "Brackets in a column's title say how its values were changed. What is shown unchanged is not listed.",
            "The order of the rows is this copy's own. withheld.csv and withheld.pdf list the same items.",
        ),
        "zh": (
            "本副本仅为上述接收方制作；每一行、每一页均有标记。",
            "灰色单元格 [withheld: 代码] 表示该值未提供；代码及理由见下表。",
            "列标题方括号内说明其数值的处理方式；原样提供的内容不在下表列出。",
            "行的顺序为本副本所特有。提交包内的 withheld.csv 和 withheld.pdf 列出相同项目。",
        ),
    }
)


def notice(kind: Kind, index: Sequence[Mapping[str, str]], mark: Mark, rows: int, language: Language) -> Notice:
    """The notice for one rendition whose lines of the withheld index are `index`."""
    words = _WORDS[language]
    told = _told(kind, index, mark, language)
    return replace(
        told,
        sheet=_sheet_name(told.heading, words["name"]),
        name=words["name"],
        facts=(*told.facts, (words["rows"], str(rows))),
        remarks=_REMARKS[language],
    )


def drawing_notice(kind: Kind, index: Sequence[Mapping[str, str]], mark: Mark, language: Language) -> Notice:
    """What stands below a drawing whose lines of the withheld index are `index`."""
    words = _WORDS[language]
    told = _told(kind, index, mark, language)
    return replace(told, sheet="", name="", facts=(*told.facts, (words["scale"], words["none"])))


def _told(kind: Kind, index: Sequence[Mapping[str, str]], mark: Mark, language: Language) -> Notice:
    words = _WORDS[language]
    release = f"REHEARSAL · {mark.release_id}" if mark.rehearsal else mark.release_id
    return Notice(
        heading=kind.title.zh if language == "zh" else kind.title.en,
        facts=((words["recipient"], mark.recipient), (words["release"], release), (words["date"], mark.date)),
        columns=_COLUMNS[language],
        lines=tuple(_line(line, language) for line in index),
    )


def own_words(told: Notice) -> frozenset[str]:
    """Of a notice what is no fact of the release: what a search for withheld values may pass over."""
    labels = (label for label, _ in told.facts)
    own = {told.sheet, told.name, told.heading, *labels, *told.columns, *told.remarks}
    return frozenset(own | {word for words in _WORDS.values() for word in words.values()} - {""})


def _line(line: Mapping[str, str], language: Language) -> tuple[str, ...]:
    return (
        _spoken(line["item"], language),
        _spoken(line["action"], language),
        line["code"],
        line["basis"],
        line[f"reason_{language}"],
        line[f"summary_{language}"],
    )


def _spoken(both: str, language: Language) -> str:
    """One language's half of `English / 中文`."""
    english, separator, chinese = both.rpartition(" / ")
    return both if not separator else chinese if language == "zh" else english


def _sheet_name(title: str, other: str) -> str:
    """A title as sheets may be called."""
    name = _NOT_IN_NAMES.sub(" ", title)[:_SHEET_CHARS].strip()
    return name if name and name.casefold() != other.casefold() else "Table"
