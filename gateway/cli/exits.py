"""Exit codes: 0 good, 1 a check failed, 2 usage, 3 refused, 4 not found or not allowed, 5 broken environment."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.base import problems
from gateway.base.problems import Problem
from gateway.cli.client import ServerProblem

GOOD, CHECK_FAILED, USAGE, REFUSED, NOT_ALLOWED, BROKEN = range(6)

_OF_FAMILY: Mapping[type[Problem], int] = {
    problems.Usage: USAGE,
    problems.Unprocessable: REFUSED,
    problems.TooLarge: REFUSED,
    problems.Conflict: REFUSED,
    problems.Refused: REFUSED,
    problems.Unauthenticated: NOT_ALLOWED,
    problems.Forbidden: NOT_ALLOWED,
    problems.NotFound: NOT_ALLOWED,
    problems.CheckFailed: CHECK_FAILED,
    problems.Unavailable: BROKEN,
}


def code_of(problem: Problem) -> int:
    """The exit code of a problem, whether it arose here or on the server."""
    family = problem.family if isinstance(problem, ServerProblem) else type(problem)
    return next((_OF_FAMILY[one] for one in family.__mro__ if one in _OF_FAMILY), BROKEN)
