"""A small kind and a small policy that tests change one word at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from gateway.detect.money import with_heading
from gateway.detect.text import classes_of
from gateway.formats.model import Element, Field
from gateway.policy.answers import Answers
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import Decisions
from gateway.policy.load import Library, load_library

DAY = date(2026, 3, 2)

KIND = """\
kind: sample
title: {en: Sample, zh: 样本}
medium: table
fields:
  - {name: buyer, title: {en: Buyer, zh: 买方}, synonyms: [Kunde]}
  - {name: licensed, title: {en: Licensed, zh: 许可}, type: enum}
  - {name: qty, title: {en: Quantity, zh: 数量}, type: decimal, unit: kg}
  - {name: day, title: {en: Day, zh: 日期}, type: date}
  - {name: price, title: {en: Price, zh: 价格}, type: decimal, classes: [MONEY]}
"""

PICTURE = """\
kind: shot
title: {en: Shot, zh: 照片}
medium: picture
regions:
  - {name: area, title: {en: Area, zh: 区域}}
  - {name: face, title: {en: Face, zh: 人脸}}
"""

HEAD = """\
apiVersion: disclosure/v1
kind: DisclosurePolicy
metadata:
  id: test.sample
  version: 1.0.0
  title: {en: Sample, zh: 样本}
  owner: legal
  effective: {from: 2026-01-01, to: 2026-12-31}
applies_to: {kinds: [sample]}
approvals: [{role: legal, n: 2}]
rules:
"""

REQ = "because: {code: REQ, basis: law, evidence: verified, asked_for: item-1}"
TS = "because: {code: TS, basis: law, evidence: verified, reason: {en: r, zh: 理}, summary: {en: '{count} s', zh: 摘}}"


def rule(name: str, select: str, do: str, because: str | None = None, more: str = "") -> str:
    """One rule in YAML; `because` follows from the action unless it is given."""
    ground = because or (REQ if do in {"allow", "crop"} else TS)
    return f"  - id: {name}\n    select: {select}\n    do: {do}\n    {ground}\n" + (f"    {more}\n" if more else "")


def load(folder: Path, *policies: str, kind: str = KIND) -> Library:
    """Write the kinds and any policies, each a whole text, and load them all."""
    (folder / "kinds").mkdir(exist_ok=True)
    (folder / "kinds" / "sample.yaml").write_text(kind, encoding="utf-8")
    (folder / "kinds" / "shot.yaml").write_text(PICTURE, encoding="utf-8")
    for number, text in enumerate(policies):
        (folder / f"p{number}.yaml").write_text(text, encoding="utf-8")
    return load_library(folder)


def columns(headers: Iterable[str], *rows: Iterable[str]) -> tuple[Field, ...]:
    """The survey of a table."""
    cells = [list(row) for row in rows]
    return tuple(
        Field(
            f"column/{n}",
            Element.COLUMN,
            header,
            None,
            classes_of(with_heading(header, [row[n - 1] for row in cells])),
            count=len(cells),
        )
        for n, header in enumerate(headers, start=1)
    )


def decided(
    folder: Path,
    rules: str,
    headers: Iterable[str],
    *rows: Iterable[str],
    context: Context | None = None,
    answers: Answers | None = None,
    on: date = DAY,
    head: str = HEAD,
) -> Decisions:
    """Decide a table under a policy made of these rules."""
    library = load(folder, head + rules)
    return decide(
        library.policy("test.sample"),
        library.kind("sample"),
        columns(headers, *rows),
        context or Context({}),
        answers or Answers(),
        on=on,
    )
