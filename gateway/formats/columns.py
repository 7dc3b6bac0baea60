"""How the cells of a table become cells of a rendition. Pure; knows nothing of files.

1. A column leaves only when one of its cases discloses. 2. For every cell the strictest case that holds decides; none
holds: withheld. 3. A withheld cell in a column that leaves says so, `[withheld: CODE]`, full or empty alike. 4. An
empty cell that may leave stays empty. 5. Casts are strict: a cell without one meaning refuses the rendition, naming
row and title. 6. What leaves has no hidden character, and nothing that a spreadsheet would calculate.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

import polars as pl

from gateway.formats.keyed import Prf, named, normalised, pseudonyms
from gateway.formats.model import Case, Instruction, Op, applied
from gateway.formats.problems import CellUnreadable, PlanUnfit
from gateway.formats.transforms import Unreadable, changer, uncovered

FORMULA, HIDDEN, DEFAULT = "format:formula", "format:hidden-character", "default"

_FORMULA_START = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_BLANK_START = frozenset("\t\r")
# Where commas stand for decimals, spreadsheets cut at semicolons and read what is behind them as a cell of its own.
_SUSPECT = re.compile("[=+\\-@\\uff1d\\uff0b\\uff0d\\uff20\t\r]")
_SEPARATED = re.compile(r"([;\t\r\n]+)")
# What begins like a formula and is none: a number, a telephone number, a dash that stands for nothing.
_HARMLESS = re.compile(r"[+\-]?\d[\d.,' \u00a0]*%?|\+\d[\d /().\-\u00a0]{4,30}|[=+\-@]{1,3}", re.ASCII)
_READABLE_AS = {
    "decimal": "a number with one meaning; write it without a thousands separator",
    "integer": "a whole number with one meaning; write it without a thousands separator",
    "date": "a day; write it as YYYY-MM-DD",
}


class CellKind(StrEnum):
    """What the cells of a column of the rendition are where they show something; `label` is made of words or ranges."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE = "date"
    LABEL = "label"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """An instruction and the raw cells it is for."""

    instruction: Instruction
    cells: pl.Series


@dataclass(frozen=True, slots=True, eq=False)
class OutColumn:
    """A column of the rendition, its cells in the original's row order."""

    title: str
    kind: CellKind
    cells: pl.Series


class Redactions:
    """Counts removed cells per rule."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()

    def add(self, rule: str, cells: int = 1) -> None:
        """Count `cells` more for `rule`."""
        self._counter[rule] += cells

    def counts(self) -> dict[str, int]:
        """What was counted, sorted by rule."""
        return {rule: count for rule, count in sorted(self._counter.items()) if count}


def rendered(columns: list[Column], secret: bytes, digest: bytes, redactions: Redactions) -> list[OutColumn]:
    """Every column of which something may leave, changed as its instruction says."""
    by_name = {column.instruction.name: column.cells for column in columns}
    kept: dict[str, OutColumn] = {}
    for column in columns:
        instruction = column.instruction
        if all(case.withholds for case in instruction.cases):
            strictest = min(instruction.cases, key=lambda case: case.rank, default=None)
            redactions.add(strictest.rule if strictest else DEFAULT, len(column.cells))
            continue
        if instruction.title in kept:
            raise PlanUnfit("Two columns of the rendition would have the same title; answer which one is meant.")
        cells = _Rendering(column, by_name, secret, digest, redactions).cells()
        kept[instruction.title] = OutColumn(instruction.title, _kind(instruction), pl.Series(cells, dtype=pl.String))
    return list(kept.values())


def _kind(instruction: Instruction) -> CellKind:
    kinds = {_kind_under(case, instruction.value_type) for case in instruction.cases if not case.withholds}
    return kinds.pop() if len(kinds) == 1 else CellKind.TEXT


def _kind_under(case: Case, value_type: str) -> CellKind:
    op, params = case.transform.op, case.transform.params
    if op is Op.ALLOW:
        return CellKind(value_type) if value_type in {"decimal", "integer", "date"} else CellKind.TEXT
    return CellKind.DECIMAL if op is Op.ROUND and not params.get("unit") else CellKind.LABEL


class _Rendering:
    """One column on its way out."""

    def __init__(
        self,
        column: Column,
        by_name: Mapping[str, Iterable[str]],
        secret: bytes,
        digest: bytes,
        redactions: Redactions,
    ) -> None:
        self._instruction = column.instruction
        self._raw = column.cells
        self._redactions = redactions
        self._cases = self._case_per_row(by_name)
        self._prf = Prf(secret).narrowed("field", self._instruction.name.encode())
        self._digest = digest

    def cells(self) -> list[str]:
        """The rendered cells in the original row order."""
        per_case = {id(case): self._change(case) for case in self._instruction.cases}
        cells = []
        for row, (case, raw) in enumerate(zip(self._cases, self._raw, strict=True)):
            if case is None or case.withholds:
                cells.append(self._withheld(case))
            elif not (seen := self._uncovered(raw)).strip():
                cells.append("")
            else:
                try:
                    cells.append(self._harmless(per_case[id(case)](row, seen)))
                    if case.transform.op is not Op.ALLOW:
                        self._redactions.add(case.rule)
                except Unreadable:
                    self._raise_unreadable(row)
        return cells

    def _case_per_row(self, by_name: Mapping[str, Iterable[str]]) -> list[Case | None]:
        cases = self._instruction.cases
        asked = sorted({name for case in cases for name, _ in case.where} & by_name.keys())
        if not asked:
            return [applied(cases, {})] * len(self._raw)
        decided: dict[tuple[str, ...], Case | None] = {}
        result = []
        for combination in zip(*(by_name[name] for name in asked), strict=True):
            if combination not in decided:
                decided[combination] = applied(cases, dict(zip(asked, combination, strict=True)))
            result.append(decided[combination])
        return result

    def _change(self, case: Case) -> Callable[[int, str], str]:
        """The function that makes the output cell from row number and raw cell, under `case`."""
        if case.withholds:
            return lambda _row, _raw: ""
        if case.transform.op is Op.PSEUDONYMISE:
            return self._pseudonymise(case)
        try:
            change = changer(case.transform, self._instruction.value_type)
        except (ValueError, ArithmeticError) as error:
            raise PlanUnfit(
                f"The rule {case.rule} has parameters that cannot be carried out; correct the policy."
            ) from error
        known: dict[str, str] = {}

        def changed(_row: int, raw: str) -> str:
            if raw not in known:
                known[raw] = change(raw)
            return known[raw]

        return changed

    def _pseudonymise(self, case: Case) -> Callable[[int, str], str]:
        scope, prefix = case.transform.params.get("scope"), case.transform.params.get("prefix")
        if scope not in {"release", "table", "row"} or not isinstance(prefix, str) or not prefix:
            raise PlanUnfit(f"The rule {case.rule} has parameters that cannot be carried out; correct the policy.")
        if scope == "row":
            in_table = self._prf.narrowed("table", self._digest)
            by_row = named(prefix, {row: _row_code(in_table, row, raw) for row, raw in enumerate(self._raw)})
            return lambda row, _raw: by_row[row]
        prf = self._prf if scope == "release" else self._prf.narrowed("table", self._digest)
        names = pseudonyms(prf, prefix, map(uncovered, self._raw))
        return lambda _row, seen: names[seen]

    def _withheld(self, case: Case | None) -> str:
        self._redactions.add(case.rule if case else DEFAULT)
        return f"[withheld: {case.code}]" if case else "[withheld]"

    def _uncovered(self, raw: str) -> str:
        seen = uncovered(raw)
        if seen != raw:
            self._redactions.add(HIDDEN)
        return seen

    def _harmless(self, cell: str) -> str:
        safe = harmless(cell)
        if safe != cell:
            self._redactions.add(FORMULA)
        return safe

    def _raise_unreadable(self, row: int) -> NoReturn:
        instruction = self._instruction
        cuts_days = any(case.transform.op is Op.TRUNCATE_DATE for case in instruction.cases)
        wanted = _READABLE_AS.get("date" if cuts_days else instruction.value_type, _READABLE_AS["decimal"])
        raise CellUnreadable(
            f"Row {row + 2} of the column “{instruction.title}” cannot be read as {wanted}, and send the table again.",
            row=row + 2,
        )


def _row_code(prf: Prf, row: int, raw: str) -> bytes:
    return prf.narrowed("row", row.to_bytes(8))(normalised(raw).encode())


def harmless(cell: str) -> str:
    """`cell` with `'` before what a spreadsheet would calculate, also behind what another one takes for a separator.

    A plain number and a telephone number stay as they are: `-5.2` and `+49 30 1234567` are no formulas.
    """
    if not _SUSPECT.search(cell):
        return cell
    body = cell.lstrip(" \t\r")
    lead = cell[: len(cell) - len(body)]
    first, *others = _SEPARATED.split(body)
    others[1::2] = map(_harmless_piece, others[1::2])
    if _BLANK_START.isdisjoint(lead):
        return _harmless_piece(lead + first) + "".join(others)
    return f"'{cell[: len(lead) + len(first)]}" + "".join(others)


def _harmless_piece(piece: str) -> str:
    bare = piece.strip()
    return f"'{piece}" if bare[:1] in _FORMULA_START and not _HARMLESS.fullmatch(bare) else piece
