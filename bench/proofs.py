"""How long a proof over a policy of 200 rules takes, beside z3 over the same rules, and how long the whole matrix.

The policy is made up: 200 rules over 40 fields, each narrowed by recipient, jurisdiction, purpose, round and row. A
proof is one claim about one field to one class of recipient; the matrix is every field to every class, in every form.
z3 gets its rules once, each claim is pushed and popped. Prints one Markdown table; exit code 1 when one proof takes
more than 5 ms or the matrix more than 1 s. Run: python -m bench.proofs [--quick]
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import z3

from gateway.policy.matrix import matrix
from gateway.policy.prove import Never, prove
from gateway.policy.reach import targets
from tests.support import bundles, solver

Answer = TypeVar("Answer")
PROOF_MS, MATRIX_S = 5.0, 1.0
RULES, FIELDS = 200, 40


def main() -> int:
    """Measure, print, compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 3 if parser.parse_args().quick else 9
    kind = bundles.wide_kind(FIELDS)
    policy = bundles.wide_policy(random.Random(20260302), kind, RULES)
    claims = [
        Never.model_validate({"fields": [field.name], "to": {"recipient.class": ["authority"]}})
        for field in kind.fields
    ]
    asked = list(zip(claims, [solver.Solver(policy, target) for target in targets(kind)], strict=False))
    proofs: list[float] = []
    by_z3: list[float] = []
    whole: list[float] = []
    for _ in range(rounds):
        for claim, one in asked:
            seconds, proof = _timed(lambda claim=claim: prove(policy, [kind], claim))  # type: ignore[misc]
            proofs.append(seconds)
            seconds, found = _timed(lambda one=one, claim=claim: one.satisfiable(claim))  # type: ignore[misc]
            by_z3.append(seconds)
            if proof.proved is found:
                print(f"z3 says otherwise about {claim}", file=sys.stderr)
                return 1
        whole.append(_timed(lambda: matrix(policy, kind))[0])
    print(f"| {RULES} rules, {FIELDS} fields | median | range | bound |")
    print("|---|---:|---:|---:|")
    _row("one proof, by boxes", proofs, 1000, "ms", f"{PROOF_MS:.0f} ms")
    _row(f"the same by z3 {z3.get_version_string()}, its rules already loaded", by_z3, 1000, "ms", "")
    _row(f"the matrix, {FIELDS} fields × 6 recipients", whole, 1, "s", f"{MATRIX_S:.0f} s")
    return 0 if statistics.median(proofs) * 1000 <= PROOF_MS and statistics.median(whole) <= MATRIX_S else 1


def _timed(run: Callable[[], Answer]) -> tuple[float, Answer]:
    began = time.perf_counter()
    done = run()
    return time.perf_counter() - began, done


def _row(what: str, seconds: list[float], factor: int, unit: str, bound: str) -> None:
    median, least, most = (factor * one for one in (statistics.median(seconds), min(seconds), max(seconds)))
    print(f"| {what} | {median:.2f} {unit} | {least:.2f} … {most:.2f} {unit} | {bound} |")


if __name__ == "__main__":
    sys.exit(main())
