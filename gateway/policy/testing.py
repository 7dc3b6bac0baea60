"""Runs the `*.test.yaml` files beside policies: what must leave, what must not, what is asked, what is refused.

Decisions are always checked. Where a renderer is given, `absent` values are searched in the bytes it makes and
`present` values must be in them; without one the report says that only decisions were checked, and the values are
looked for in the cells that would leave as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Protocol

from pydantic import Field as Key
from pydantic import StringConstraints

from gateway.base.problems import Problem
from gateway.detect.text import classes_of, classes_seen
from gateway.formats.coded import Cells
from gateway.formats.drawing_fields import drawing_fields
from gateway.formats.model import Box, Drawing, Element, Field, Moment, Note, Page, Plan, Source, Word, applied
from gateway.formats.page_runs import page_fields
from gateway.policy.answers import Answers, Region
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import DEFAULT_RULE, Decision, Decisions
from gateway.policy.drawn import Drawn
from gateway.policy.kinds import Kind
from gateway.policy.load import Library, typed
from gateway.policy.policy import Policy
from gateway.policy.presence import require_shown
from gateway.policy.problems import PolicyUnknown
from gateway.policy.strict_yaml import read_document
from gateway.policy.words import Day, Flag, KindName, Line, RegionName, Strict, Whole

Cell = Annotated[str, StringConstraints(max_length=2000)]
_SUFFIX = ".test.yaml"
_NO_RULE = ""
# As an A4 page is rastered, with letters that are larger than most, so that short lines stay whole.
_PAGE_PX = (1654, 2339)
_LINE_PX, _LETTER_PX = 40, 16
_PICTURE = Box(1_200, 1_800, 200, 200)
_NOTES = frozenset({Element.ANNOTATION, Element.FORM_FIELD, Element.PICTURE})
_CARRYING = frozenset({Element.LAYER, Element.BLOCK})
_ON_PAGES = frozenset({Element.PAGE, Element.TEXT}) | _NOTES | _CARRYING


class DrawnRegion(Strict):
    """A region that the reviewer drew, or that a detector found with these words in it.

    In a document it is on a page, in a video perhaps along a path.
    """

    name: RegionName = Key(alias="class")
    box: tuple[Whole, Whole, Whole, Whole] = (0, 0, 1, 1)
    page: Whole = 0
    source: Literal["reviewer", "detector"] = "reviewer"
    words: Cell = ""
    path: tuple[tuple[Whole, Whole, Whole, Whole, Whole], ...] = ()

    def drawn(self) -> Region:
        """The region as answers have it."""
        if self.path:
            return Region.along(self.name, tuple(Moment(at_ms, Box(*box)) for at_ms, *box in self.path))
        return Region(self.name, Box(*self.box), self.page)


class DrawnNote(Strict):
    """An annotation, of this sort, a form field, of this name, or a picture, of this number, on a page."""

    sort: Literal["annotation", "form_field", "picture"]
    name: Cell
    page: Whole
    text: Cell = ""


class Expect(Strict):
    """What must come out. `asks`, `missing` and `refused` are always compared; the rest where it is written.

    `pages` says for each page, `lines` for each line of text, `notes` for each annotation or form field, `layers` and
    `blocks` for those of a drawing which rule decides it; what stands on something that does not leave is decided by
    none.
    """

    columns: tuple[Cell, ...] | None = None
    dropped: dict[Cell, Cell] | None = None
    cells: dict[Cell, tuple[Cell, ...]] = Key(default_factory=dict)
    regions: dict[Cell, Cell] | None = None
    pages: tuple[Cell, ...] | None = None
    lines: dict[Cell, Cell] | None = None
    notes: dict[Cell, Cell] | None = None
    layers: dict[Cell, Cell] | None = None
    blocks: dict[Cell, Cell] | None = None
    metadata: dict[Cell, Cell] | None = None
    asks: tuple[Cell, ...] = ()
    missing: tuple[Cell, ...] = ()
    approvals: dict[Cell, Whole] | None = None
    refused: Cell | None = None


class TestCase(Strict):
    """One original in small, a context, and what is expected. A document's `pages` are its lines of text."""

    __test__ = False

    name: Line
    kind: KindName | None = None
    on: Day | None = None
    context: dict[Cell, Cell] = Key(default_factory=dict)
    custody: tuple[dict[Cell, Cell], ...] = ()
    headers: tuple[Cell, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    answers: dict[Cell, Cell] = Key(default_factory=dict)
    regions: tuple[DrawnRegion, ...] = ()
    pages: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[DrawnNote, ...] = ()
    drawing: Drawn | None = None
    terms: tuple[Cell, ...] = ()
    confirmed: Flag = True
    metadata: dict[Cell, Cell] = Key(default_factory=dict)
    expect: Expect
    absent: tuple[Cell, ...] = ()
    present: tuple[Cell, ...] = ()


class TestFile(Strict):
    """All tests of one policy."""

    __test__ = False

    policy: Cell
    on: Day
    context: dict[Cell, Cell] = Key(default_factory=dict)
    tests: tuple[TestCase, ...] = Key(min_length=1, max_length=500)


@dataclass(frozen=True, slots=True)
class Specimen:
    """What a renderer is given to make an original of. Column `n` is the field `column/n`, counted from 1."""

    kind: Kind
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    metadata: Mapping[str, str]
    pages: tuple[Page, ...] = ()
    drawing: Drawing | None = None


class Renderer(Protocol):
    """Makes an original of a specimen and rebuilds it by the plan with the real format."""

    def __call__(self, specimen: Specimen, plan: Plan) -> bytes:
        """The rendition's bytes; of a document what its text says."""
        ...


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: passed where `failures` is empty; each failure is one sentence."""

    __test__ = False

    policy: str
    name: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rules and actions of a policy decided something in some test."""

    policy: str
    rules: frozenset[str]
    uncovered_rules: frozenset[str]
    uncovered_actions: frozenset[str]

    @property
    def percent(self) -> int:
        """Covered rules in whole per cent, rounded down."""
        return 100 * (len(self.rules) - len(self.uncovered_rules)) // max(1, len(self.rules))


@dataclass(frozen=True, slots=True)
class TestReport:
    """All results, coverage per policy, and whether output bytes were searched."""

    __test__ = False

    results: tuple[TestResult, ...]
    coverage: tuple[Coverage, ...]
    rendered: bool

    @property
    def passed(self) -> bool:
        """Whether there were tests, none failed, and every rule and action is covered."""
        return bool(self.results) and not any(r.failures for r in self.results) and not self.gaps

    @property
    def gaps(self) -> tuple[str, ...]:
        """What no test covers, one sentence each."""
        rules = tuple(
            f"{c.policy}: no test shows the rule {r}." for c in self.coverage for r in sorted(c.uncovered_rules)
        )
        return rules + tuple(
            f"{c.policy}: no test shows the action {a}." for c in self.coverage for a in sorted(c.uncovered_actions)
        )

    def sentences(self) -> tuple[str, ...]:
        """The report in plain sentences."""
        failed = tuple(f"{r.policy}: {r.name}: {failure}" for r in self.results for failure in r.failures)
        count = f"{len(self.results)} tests, {sum(bool(r.failures) for r in self.results)} failed."
        cover = tuple(f"{c.policy}: {c.percent} % of the rules are covered." for c in self.coverage)
        searched = () if self.rendered else ("Only decisions were checked: no output bytes were made or searched.",)
        return (*failed, *self.gaps, *cover, *searched, count)


def run_tests(path: Path, library: Library, renderer: Renderer | None = None) -> TestReport:
    """Run one test file, or every test file under a folder, against `library`. Raises `PolicyInvalid`."""
    files = [path] if path.is_file() else sorted(path.rglob(f"*{_SUFFIX}"))
    if not files:
        raise PolicyUnknown(f"There is no test file here; write one whose name ends in {_SUFFIX}.")
    results: list[TestResult] = []
    seen: dict[str, tuple[Policy, set[str]]] = {}
    for file in files:
        tests = typed(TestFile, read_document(file))
        policy = library.policy(tests.policy)
        covered = seen.setdefault(policy.ref, (policy, set()))[1]
        for test in tests.tests:
            run = _Run(library, policy, tests, test, renderer)
            results.append(TestResult(policy.ref, test.name, run.failures()))
            covered |= run.covered
    return TestReport(
        results=tuple(results),
        coverage=tuple(_coverage(policy, covered) for policy, covered in seen.values()),
        rendered=renderer is not None,
    )


def _coverage(policy: Policy, covered: set[str]) -> Coverage:
    rules = frozenset(rule.id for rule in policy.rules)
    shown = {rule.do.op for rule in policy.rules if rule.id in covered}
    return Coverage(
        policy=policy.ref,
        rules=rules,
        uncovered_rules=rules - covered,
        uncovered_actions=frozenset(rule.do.op for rule in policy.rules) - shown,
    )


@dataclass(slots=True)
class _Run:
    """One test in progress: collects failures and the rules that decided something."""

    library: Library
    policy: Policy
    file: TestFile
    test: TestCase
    renderer: Renderer | None
    covered: set[str] = field(default_factory=set)
    _found: list[str] = field(default_factory=list)

    def failures(self) -> tuple[str, ...]:
        """Decide, compare, render, search."""
        try:
            kind = self._kind()
            decisions = self._decide(kind)
            if not decisions.asks:
                decisions.require_present()
                require_shown(decisions, Cells.of_rows(self._rows(decisions)))
        except Problem as problem:
            self._refusal(problem)
            return tuple(self._found)
        if self.test.expect.refused is not None:
            self._found.append(f"It should have been refused as {self.test.expect.refused} and was not.")
        self._compare(decisions)
        if self.renderer is None or decisions.asks:
            self._search_cells(decisions)
        else:
            specimen = Specimen(
                kind, self.test.headers, self.test.rows, self.test.metadata, _pages(self.test), _drawing(self.test)
            )
            self._search_bytes(self.renderer(specimen, decisions.plan()))
        return tuple(self._found)

    def _kind(self) -> Kind:
        return self.library.kind(self.test.kind or self.policy.kinds[0])

    def _decide(self, kind: Kind) -> Decisions:
        test = self.test
        columns = [
            Field(f"column/{n}", Element.COLUMN, header, None, classes_of(row[n - 1] for row in test.rows))
            for n, header in enumerate(test.headers, start=1)
        ]
        tags = [Field(f"metadata/{tag}", Element.METADATA, tag, tag) for tag in test.metadata]
        found = [one for one in test.regions if one.source == "detector"]
        regions = [
            Field(
                f"region/{n}", Element.REGION, one.name, one.name, classes_seen(one.words),
                Source.DETECTOR, Box(*one.box), page=one.page,
            )
            for n, one in enumerate(found, start=1)
        ]  # fmt: skip
        ids = {header: f"column/{n}" for n, header in enumerate(test.headers, start=1)}
        answers = Answers(
            columns={ids.get(header, header): name for header, name in test.answers.items()},
            regions=tuple(region.drawn() for region in test.regions if region not in found),
            terms=test.terms,
            confirmed=test.confirmed,
        )
        context = Context({**self.file.context, **test.context}, tuple(test.custody))
        return decide(
            self.policy,
            kind,
            (*columns, *_fields(test), *tags, *regions),
            context,
            answers,
            on=test.on or self.file.on,
        )

    def _refusal(self, problem: Problem) -> None:
        rule = problem.members.get("rule")
        if isinstance(rule, str):
            self.covered.add(rule)
        wanted = self.test.expect
        if wanted.refused is None and wanted.missing and problem.slug == "required-missing":
            self._same("missing", problem.members.get("fields"), list(wanted.missing))
        elif wanted.refused != problem.slug:
            self._found.append(f"It was refused as {problem.slug}: {problem.detail}")

    def _rows(self, decisions: Decisions) -> list[dict[str, str]]:
        names = [item.name for item in decisions.items if item.element is Element.COLUMN]
        return [{name: cell for name, cell in zip(names, row, strict=True) if name} for row in self.test.rows]

    def _compare(self, decisions: Decisions) -> None:
        expect = self.test.expect
        columns = [item for item in decisions.items if item.element is Element.COLUMN]
        headers = dict(zip((item.field_id for item in columns), self.test.headers, strict=True))
        self._same("asks", [headers.get(a.field_id, a.field_id) for a in decisions.asks], list(expect.asks))
        self._same("missing", list(decisions.missing), list(expect.missing))
        if expect.columns is not None:
            self._same("columns", [item.output_title for item in columns if item.leaves], list(expect.columns))
        if expect.dropped is not None:
            dropped = {headers[item.field_id]: item.main.rule for item in columns if not item.leaves}
            self._same("dropped", dropped, dict(expect.dropped))
        if expect.approvals is not None:
            self._same("approvals", {q.role: q.n for q in decisions.approvals}, dict(expect.approvals))
        self._compare_cells(decisions, columns, headers)
        self._compare_pages(decisions)
        for element, wanted in ((Element.REGION, expect.regions), (Element.METADATA, expect.metadata)):
            found = {item.name or "": item.main.rule for item in decisions.items if item.element is element}
            self.covered.update(found.values())
            if wanted is not None:
                self._same(element.value, found, dict(wanted))

    def _compare_pages(self, decisions: Decisions) -> None:
        expect = self.test.expect
        rules = {item.field_id: item.main.rule for item in decisions.items if item.element in _ON_PAGES}
        self.covered.update(rules.values())
        fields = _fields(self.test)
        pages = [rules[one.id] for one in fields if one.element is Element.PAGE]
        lines = {one.label: rules.get(one.id, _NO_RULE) for one in fields if one.element is Element.TEXT}
        notes = {one.name or "": rules.get(one.id, _NO_RULE) for one in fields if one.element in _NOTES}
        for element, wanted in ((Element.LAYER, expect.layers), (Element.BLOCK, expect.blocks)):
            if wanted is not None:
                found = {one.label: rules[one.id] for one in fields if one.element is element}
                self._same(f"{element.value}s", found, dict(wanted))
        if expect.pages is not None:
            self._same("pages", pages, list(expect.pages))
        if expect.lines is not None:
            self._same("lines", lines, dict(expect.lines))
        if expect.notes is not None:
            self._same("notes", notes, dict(expect.notes))

    def _compare_cells(self, decisions: Decisions, columns: Sequence[Decision], headers: Mapping[str, str]) -> None:
        rows = self._rows(decisions)
        for item in columns:
            rules = [_rule(item, row) for row in rows]
            self.covered.update(rules)
            header = headers[item.field_id]
            if header in self.test.expect.cells:
                self._same(f"cells of {header}", rules, list(self.test.expect.cells[header]))

    def _search_cells(self, decisions: Decisions) -> None:
        """Look in the cells, and the lines of pages, that would leave as they are."""
        columns = [item for item in decisions.items if item.element is Element.COLUMN]
        leaving = [
            cell.casefold()
            for raw, row in zip(self.test.rows, self._rows(decisions), strict=True)
            for item, cell in zip(columns, raw, strict=True)
            if (case := applied(item.cases, row)) and case.transform.op.value == "allow"
        ]
        lines = {field.id: field.label.casefold() for field in _fields(self.test)}
        leaving += [lines[item.field_id] for item in decisions.items if item.element is Element.TEXT and item.leaves]
        self._search([any(value.casefold() in cell for cell in leaving) for value in self.test.absent], wanted=False)
        self._search([any(value.casefold() in cell for cell in leaving) for value in self.test.present], wanted=True)

    def _search_bytes(self, data: bytes) -> None:
        self._search([_in(value, data) for value in self.test.absent], wanted=False)
        self._search([_in(value, data) for value in self.test.present], wanted=True)

    def _search(self, hits: Iterable[bool], *, wanted: bool) -> None:
        values = self.test.present if wanted else self.test.absent
        for value, hit in zip(values, hits, strict=True):
            if hit is not wanted:
                self._found.append(f"`{value}` {'does not leave' if wanted else 'leaves'}.")

    def _same(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self._found.append(f"{what}: expected {wanted}, found {found}.")


def _fields(test: TestCase) -> list[Field]:
    """What stands on the pages and in the drawing of a test."""
    drawing = _drawing(test)
    drawn = drawing_fields(drawing, classes_of) if drawing else ()
    return [*page_fields(_pages(test), classes_of), *drawn]


def _drawing(test: TestCase) -> Drawing | None:
    return test.drawing.drawing() if test.drawing else None


def _pages(test: TestCase) -> tuple[Page, ...]:
    """The pages of a document in small, each line of text a line of its own."""
    return tuple(
        Page(
            _PAGE_PX[0],
            _PAGE_PX[1],
            tuple(word for place, line in enumerate(lines, start=1) for word in _line(line, place)),
            tuple(_note(one) for one in test.notes if one.page == number),
        )
        for number, lines in enumerate(test.pages, start=1)
    )


def _note(one: DrawnNote) -> Note:
    element = Element(one.sort)
    return Note(element, one.name, one.text, _PICTURE if element is Element.PICTURE else None)


def _line(line: str, place: int) -> Iterator[Word]:
    left = _LINE_PX
    for word in line.split():
        width = _LETTER_PX * len(word)
        yield Word(word, Box(left, 2 * place * _LINE_PX, width, _LINE_PX))
        left += width + _LETTER_PX


def _rule(item: Decision, row: Mapping[str, str]) -> str:
    case = applied(item.cases, row)
    return case.rule if case else DEFAULT_RULE


def _in(value: str, data: bytes) -> bool:
    return any(value.encode(encoding) in data for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
