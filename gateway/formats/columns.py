"""How the cells of a table become cells of a rendition. Pure; knows nothing of files.

1. A column leaves only when one of its cases discloses. 2. For every cell the strictest case that holds decides; none
holds: withheld. 3. A withheld cell in a column that leaves says so, `[withheld: CODE]`, full or empty alike. 4. An
empty cell that may leave stays empty. 5. Casts are strict: a cell without one meaning refuses the rendition, naming
row and title. 6. What leaves has no hidden character, and nothing that a spreadsheet would calculate.
"""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gateway.base.text import HIDDEN as HIDDEN_CHARACTERS
from gateway.formats.changes import changed
from gateway.formats.coded import NONE, Cells, Coded, Rows, repetitive
from gateway.formats.indexed import indexed
from gateway.formats.keyed import Prf, named, normalised, pseudonyms
from gateway.formats.model import Case, Instruction, Op
from gateway.formats.problems import CellUnreadable, PlanUnfit

# How a cell begins that is withheld in a column that leaves.
WITHHELD = "[withheld"
FORMULA, HIDDEN, DEFAULT = "format:formula", "format:hidden-character", "default"

Times = NDArray[np.intp]

_AT_ONCE = 2
_FORMULA_START = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_BLANK_START = frozenset("\t\r")
# Where commas stand for decimals, spreadsheets cut at semicolons and read what is behind them as a cell of its own.
_SUSPECT = r"^\s*[=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]|[;\t\r\n]"
_SEPARATED = re.compile(r"([;\t\r\n]+)")
# What begins like a formula and is none: a number, a telephone number, a dash that stands for nothing.
_HARMLESS = re.compile(r"[+\-]?\d[\d.,' \u00a0]*%?|\+\d[\d /().\-\u00a0]{4,30}|[=+\-@]{1,3}", re.ASCII)
_READABLE_AS = {
    "decimal": "a number with one meaning; write it without a thousands separator or a percent sign",
    "integer": "a whole number with one meaning; write it without a thousands separator or a percent sign",
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
    """A column of the rendition, its cells in the original's row order.

    `untouched` says that every cell is allowed to leave, and does so just as it was read.
    """

    title: str
    kind: CellKind
    cells: Coded
    untouched: bool = False


class Redactions:
    """Counts removed cells per rule; several threads may count at once."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, rule: str, cells: int = 1) -> None:
        """Count `cells` more for `rule`."""
        with self._lock:
            self._counter[rule] += cells

    def counts(self) -> dict[str, int]:
        """What was counted, sorted by rule."""
        return {rule: count for rule, count in sorted(self._counter.items()) if count}


def rendered(
    columns: list[Column],
    secret: bytes,
    digest: bytes,
    redactions: Redactions,
    *,
    calculated: bool = True,
    table: Cells | None = None,
) -> list[OutColumn]:
    """Every column of which something may leave, changed as its instruction says.

    `calculated` says that a spreadsheet will read it, and would take some cells for formulas. `table` is what rules ask
    row by row, where that is more than these columns.
    """
    rows = columns[0].cells.len() if columns else 0
    asked = table or Cells({column.instruction.name: column.cells for column in columns}, rows)
    leaving: dict[str, Column] = {}
    for column in columns:
        instruction = column.instruction
        if all(case.withholds for case in instruction.cases):
            strictest = min(instruction.cases, key=lambda case: case.rank, default=None)
            redactions.add(strictest.rule if strictest else DEFAULT, len(column.cells))
        elif instruction.title in leaving:
            raise PlanUnfit("Two columns of the rendition would have the same title; answer which one is meant.")
        else:
            leaving[instruction.title] = column

    def out(column: Column) -> OutColumn:
        rendering = _Rendering(column, asked, secret, digest, redactions, calculated=calculated)
        cells = rendering.cells()
        return OutColumn(column.instruction.title, _kind(column.instruction), cells, rendering.untouched(cells))

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(out, leaving.values()))


def _kind(instruction: Instruction) -> CellKind:
    kinds = {_kind_under(case, instruction.value_type) for case in instruction.cases if not case.withholds}
    return kinds.pop() if len(kinds) == 1 else CellKind.TEXT


def _kind_under(case: Case, value_type: str) -> CellKind:
    op, params = case.transform.op, case.transform.params
    if op is Op.ALLOW:
        return CellKind(value_type) if value_type in {"decimal", "integer", "date"} else CellKind.TEXT
    bare = op is Op.INDEX or (op is Op.ROUND and not params.get("unit"))
    return CellKind.DECIMAL if bare else CellKind.LABEL


class _Rendering:
    """One column on its way out."""

    def __init__(
        self,
        column: Column,
        table: Cells,
        secret: bytes,
        digest: bytes,
        redactions: Redactions,
        *,
        calculated: bool,
    ) -> None:
        self._calculated = calculated
        self._instruction = column.instruction
        self._raw = column.cells
        self._table = table
        self._redactions = redactions
        self._decided = table.deciding(column.instruction.cases)
        self._prf = Prf(secret).narrowed("field", self._instruction.name.encode())
        self._digest = digest
        by_name = any(case.transform.op is Op.PSEUDONYMISE for case in column.instruction.cases)
        self._coded = Coded.of(self._raw) if by_name or repetitive(self._raw) else None

    def cells(self) -> Coded:
        """The rendered cells in the original row order."""
        parts = []
        for place in (NONE, *range(len(self._instruction.cases))):
            rows = self._decided == place
            case = None if place == NONE else self._instruction.cases[place]
            if rows.any() or not (case is None or case.withholds):
                parts.append((rows, self._under(case, rows)))
        cells = Coded.merged(parts)
        unreadable = cells.missing()
        if unreadable is not None:
            self._raise_unreadable(unreadable)
        return cells

    def untouched(self, shown: Coded) -> bool:
        """Whether every cell may leave as it is, and does: a rule that happens to change nothing still is a rule."""
        cases = self._instruction.cases
        allowed = [place for place, case in enumerate(cases) if case.transform.op is Op.ALLOW]
        return bool(np.isin(self._decided, allowed).all() and (shown.cells() == self._raw).all())

    def _under(self, case: Case | None, rows: Rows) -> Coded:
        """The cells of these rows, which `case` decides; one that is unreadable is missing."""
        if case is None or case.withholds:
            count = int(np.count_nonzero(rows))
            self._redactions.add(case.rule if case else DEFAULT, count)
            text = f"{WITHHELD}: {case.code}]" if case else f"{WITHHELD}]"
            return Coded(pl.Series([text]), np.zeros(count, np.uint32))
        if case.transform.op is Op.INDEX:
            return self._indexed(case, rows)
        by_row = case.transform.op is Op.PSEUDONYMISE and case.transform.params.get("scope") == "row"
        if self._coded is None or by_row:
            raw = Coded.whole(self._raw if rows.all() else self._raw.filter(rows))
        else:
            raw = Coded(self._coded.values, self._coded.codes[rows])
        times = np.bincount(raw.codes, minlength=raw.values.len())
        shown = self._shown(case, raw.values, times, self._row_names(case, rows) if by_row else None)
        return Coded(shown.values, shown.codes[raw.codes])

    def _shown(self, case: Case, raw: pl.Series, times: Times, names: pl.Series | None = None) -> Coded:
        """What `case` shows of each of `raw`; `times` says how many cells each stands for."""
        seen = _uncovered(raw)
        shown = self._changed(case, seen) if names is None else Coded.whole(names.set(seen.str.strip_chars() == "", ""))
        safe = Coded(_harmless(shown.values), shown.codes) if self._calculated else shown
        self._redactions.add(HIDDEN, _differing(raw, seen, times))
        times = np.bincount(shown.codes, times, shown.values.len()).astype(np.intp)
        self._redactions.add(FORMULA, _differing(shown.values, safe.values, times))
        if case.transform.op is not Op.ALLOW:
            self._redactions.add(case.rule, _counted(shown.values != "", times))
        return safe

    def _changed(self, case: Case, seen: pl.Series) -> Coded:
        if case.transform.op is Op.PSEUDONYMISE:
            scope, prefix = _scope_and_prefix(case)
            prf = self._prf if scope == "release" else self._prf.narrowed("table", self._digest)
            names = pseudonyms(prf, prefix, seen)
            return Coded.whole(pl.Series([names[value] for value in seen], dtype=pl.String))
        try:
            return changed(case.transform, self._instruction.value_type, seen)
        except (ValueError, ArithmeticError) as error:
            raise _bad_parameters(case) from error

    def _indexed(self, case: Case, rows: Rows) -> Coded:
        try:
            shown = indexed(case.transform.params, self._instruction.name, self._table, rows)
        except ValueError as error:
            raise _bad_parameters(case) from error
        self._redactions.add(case.rule, int((shown.values != "").sum()))
        return shown

    def _row_names(self, case: Case, rows: Rows) -> pl.Series:
        _, prefix = _scope_and_prefix(case)
        in_table = self._prf.narrowed("table", self._digest)
        by_row = named(prefix, {row: _row_code(in_table, row, raw) for row, raw in enumerate(self._raw)})
        return pl.Series([by_row[row] for row in np.flatnonzero(rows).tolist()], dtype=pl.String)

    def _raise_unreadable(self, row: int) -> NoReturn:
        title, ops = self._instruction.title, {case.transform.op for case in self._instruction.cases}
        place = f"Row {row + 2} of the column “{title}”"
        if Op.GENERIC_NAME in ops:
            raise CellUnreadable(f"{place} has no generic name in the policy; have one declared for it.", row=row + 2)
        if Op.INDEX in ops:
            raise CellUnreadable(
                f"{place} has no index: it and its base must be plain numbers above zero, the base in exactly one row; "
                "complete the table and send it again.",
                row=row + 2,
            )
        sort = "date" if Op.TRUNCATE_DATE in ops else self._instruction.value_type
        wanted = _READABLE_AS.get(sort, _READABLE_AS["decimal"])
        raise CellUnreadable(f"{place} cannot be read as {wanted}, and send the table again.", row=row + 2)


def _bad_parameters(case: Case) -> PlanUnfit:
    return PlanUnfit(f"The rule {case.rule} has parameters that cannot be carried out; correct the policy.")


def _scope_and_prefix(case: Case) -> tuple[str, str]:
    scope, prefix = case.transform.params.get("scope"), case.transform.params.get("prefix")
    if scope not in {"release", "table", "row"} or not isinstance(prefix, str) or not prefix:
        raise _bad_parameters(case)
    return str(scope), prefix


def _row_code(prf: Prf, row: int, raw: str) -> bytes:
    return prf.narrowed("row", row.to_bytes(8))(normalised(raw).encode())


def _differing(one: pl.Series, other: pl.Series, times: Times) -> int:
    return 0 if one is other else _counted(one != other, times)


def _counted(holds: pl.Series, times: Times) -> int:
    return int(times[holds.fill_null(False).to_numpy()].sum())


def _uncovered(cells: pl.Series) -> pl.Series:
    """The cells without the characters that nobody sees; the very same series where there are none."""
    wide = cells.str.len_bytes() != cells.str.len_chars()
    if not wide.any() or not cells.filter(wide).str.contains(HIDDEN_CHARACTERS.pattern).any():
        return cells
    return cells.str.replace_all(HIDDEN_CHARACTERS.pattern, "")


def _harmless(cells: pl.Series) -> pl.Series:
    """The cells with nothing a spreadsheet would calculate; the very same series where nothing would be."""
    suspect = cells.str.contains(_SUSPECT).fill_null(False)
    if not suspect.any():
        return cells
    rows = suspect.to_numpy()
    few = Coded.of(cells.filter(suspect)).mapped(harmless)
    return Coded.merged([(rows, few), (~rows, Coded.whole(cells.filter(~suspect)))]).cells()


def harmless(cell: str) -> str:
    """`cell` with `'` before what a spreadsheet would calculate, also behind what another one takes for a separator.

    A plain number and a telephone number stay as they are: `-5.2` and `+49 30 1234567` are no formulas.
    """
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
