"""What stands in a `*.test.yaml` file beside rules over statements: sentences, who signs them, what must be found."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field as Key

from gateway.policy.statements import Severity, Signatory, StatementFile, said
from gateway.policy.words import Line, PolicyId, Strict, Word


class StatementTest(Strict):
    """A statement by its lines, the law of who signs it, and the severity of every rule that must speak of it."""

    name: Line
    says: tuple[Line, ...] = Key(min_length=1, max_length=50)
    signatory: Signatory
    expect: dict[Word, Severity] = Key(default_factory=dict)


class StatementTests(Strict):
    """All tests of one file of rules over statements."""

    statements: PolicyId
    tests: tuple[StatementTest, ...] = Key(min_length=1, max_length=500)


def failures(file: StatementFile, test: StatementTest) -> tuple[str, ...]:
    """One sentence for what was found otherwise; empty where the test passes."""
    found: dict[str, Severity] = {
        one.rule.id: effect.severity
        for one in said((file,), [[(1, line) for line in test.says]])
        for _, effect in one.effects([test.signatory])
    }
    return () if found == test.expect else (f"expected {dict(test.expect)}, found {found}.",)


def gaps(file: StatementFile, tests: StatementTests) -> Iterator[tuple[str, Severity]]:
    """Every rule with a severity that no test expects of it."""
    shown = {(rule, severity) for test in tests.tests for rule, severity in test.expect.items()}
    for rule in file.rules:
        for severity in dict.fromkeys(effect.severity for effect in rule.effects):
            if (rule.id, severity) not in shown:
                yield rule.id, severity
