"""Runs the `*.test.yaml` files beside policies: what must leave, what must not, what is asked, what is refused.

Decisions are always checked. Where a renderer is given, `absent` values are searched in the bytes it makes and
`present` values must be in them; without one the report says that only decisions were checked, and the values are
looked for in the cells that would leave as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gateway.base.problems import Problem
from gateway.detect.money import with_heading
from gateway.detect.text import classes_of, classes_seen
from gateway.formats.coded import Cells
from gateway.formats.model import Box, Drawing, Element, Field, Page, Plan, Source, applied
from gateway.policy.answers import Answers
from gateway.policy.cases import TestCase, TestFile, drawing_of, fields_of, pages_of
from gateway.policy.conditions import Context
from gateway.policy.decide import decide
from gateway.policy.decisions import DEFAULT_RULE, Decision, Decisions
from gateway.policy.gates import gated
from gateway.policy.kinds import Kind
from gateway.policy.load import STATEMENTS, Library, typed
from gateway.policy.nexus import require_no_nexus
from gateway.policy.policy import Policy
from gateway.policy.presence import require_shown
from gateway.policy.problems import PolicyUnknown
from gateway.policy.prove import Never, prove, unknown_names
from gateway.policy.statement_cases import StatementTests, failures, gaps
from gateway.policy.strict_yaml import read_document

_SUFFIX = ".test.yaml"
_NO_RULE = ""
_NOTES = frozenset({Element.ANNOTATION, Element.FORM_FIELD, Element.PICTURE})
_CARRYING = frozenset({Element.LAYER, Element.BLOCK})
_ON_PAGES = frozenset({Element.PAGE, Element.TEXT}) | _NOTES | _CARRYING


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
    spoken: list[Coverage] = []
    for file in files:
        if file.parent.name == STATEMENTS:
            done, coverage = _statements(file, library)
            results += done
            spoken.append(coverage)
            continue
        tests = read_tests(file)
        policy = library.policy(tests.policy)
        covered = seen.setdefault(policy.ref, (policy, set()))[1]
        results += outcomes(tests, library, renderer, covered)
    return TestReport(
        results=tuple(results),
        coverage=(*(_coverage(policy, covered) for policy, covered in seen.values()), *spoken),
        rendered=renderer is not None,
    )


def read_tests(file: Path) -> TestFile:
    """The tests of one file. Raises `PolicyInvalid`."""
    return typed(TestFile, read_document(file))


def outcomes(
    tests: TestFile, library: Library, renderer: Renderer | None = None, covered: set[str] | None = None
) -> Iterator[TestResult]:
    """Run the tests one after another, then the proofs; `covered` takes up the rules that decided something."""
    policy = library.policy(tests.policy)
    for test in tests.tests:
        run = _Run(library, policy, tests, test, renderer)
        yield TestResult(policy.ref, test.name, run.failures())
        if covered is not None:
            covered |= run.covered
    yield from _never(policy, library, tests.never)


def _statements(file: Path, library: Library) -> tuple[list[TestResult], Coverage]:
    """The tests of one file of rules over statements; each severity of a rule counts as an action."""
    tests = typed(StatementTests, read_document(file))
    rules = next((one for one in library.statements if one.metadata.id == tests.statements), None)
    if rules is None:
        raise PolicyUnknown("There are no statement rules of this name; correct `statements` in the test file.")
    missing = list(gaps(rules, tests))
    done = [TestResult(rules.ref, test.name, failures(rules, test)) for test in tests.tests]
    return done, Coverage(
        rules.ref,
        frozenset(rule.id for rule in rules.rules),
        frozenset(rule for rule, _ in missing),
        frozenset(f"{rule} as a {severity}" for rule, severity in missing),
    )


def _never(policy: Policy, library: Library, claims: Iterable[Never]) -> Iterator[TestResult]:
    """Each claim proved, over all contexts."""
    kinds = [library.kind(name) for name in policy.kinds]
    for claim in claims:
        vacuous = tuple(f"No kind of the policy has {name}; correct the claim." for name in unknown_names(claim, kinds))
        proof = prove(policy, kinds, claim)
        yield TestResult(policy.ref, f"never {claim}", vacuous or tuple(map(str, proof.counterexamples)))


def _coverage(policy: Policy, covered: set[str]) -> Coverage:
    rules = frozenset(rule.id for rule in policy.all_rules)
    shown = {rule.do.op for rule in policy.all_rules if rule.id in covered}
    return Coverage(
        policy=policy.ref,
        rules=rules,
        uncovered_rules=rules - covered,
        uncovered_actions=frozenset(rule.do.op for rule in policy.all_rules) - shown,
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
                cells = Cells.of_rows(self._rows(decisions))
                require_no_nexus(self.policy, decisions, cells)
                require_shown(decisions, cells)
            data = self._rendered(kind, decisions)
        except Problem as problem:
            self._refusal(problem)
            return tuple(self._found)
        if self.test.expect.refused is not None:
            self._found.append(f"It should have been refused as {self.test.expect.refused} and was not.")
        self._compare(decisions)
        if data is None:
            self._search_cells(decisions)
        else:
            self._search_bytes(data)
        return tuple(self._found)

    def _rendered(self, kind: Kind, decisions: Decisions) -> bytes | None:
        """The rendition's bytes, or None where none can be made here. Raises as rendering does."""
        if self.renderer is None or decisions.asks:
            return None
        test = self.test
        specimen = Specimen(kind, test.headers, test.rows, test.metadata, pages_of(test), drawing_of(test))
        return self.renderer(specimen, decisions.plan())

    def _kind(self) -> Kind:
        return self.library.kind(self.test.kind or self.policy.kinds[0])

    def _decide(self, kind: Kind) -> Decisions:
        test = self.test
        columns = [
            Field(
                f"column/{n}",
                Element.COLUMN,
                header,
                None,
                classes_of(with_heading(header, [row[n - 1] for row in test.rows])),
            )
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
            signatories=test.signatories,
            confirmed=test.confirmed,
        )
        context = Context({**self.file.context, **test.context}, tuple(test.custody))
        every = (*columns, *fields_of(test), *tags, *regions)
        decisions = decide(self.policy, kind, every, context, answers, on=test.on or self.file.on)
        return gated(self.policy, self.library.statements, every, decisions, answers)

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
        fields = fields_of(self.test)
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
        lines = {field.id: field.label.casefold() for field in fields_of(self.test)}
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


def _rule(item: Decision, row: Mapping[str, str]) -> str:
    case = applied(item.cases, row)
    return case.rule if case else DEFAULT_RULE


def _in(value: str, data: bytes) -> bool:
    return any(value.encode(encoding) in data for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
