"""When a score accuses, and with what probability it does so wrongly.

1. Of a copy that did not make a picture each sign is a fair coin that the picture cannot depend on. Then a score is at
   least `t` with a probability of at most exp(-t²/2) (Hoeffding 1963), whatever the picture is and whatever was done to
   it. Nothing is assumed about the attack, only that nobody without the key can tell the signs from coins.
2. Among `n` hypotheses (codes times ways of laying the picture over their ground) the chance that any of them scores as
   high is at most n times as large. A score accuses where this stays within the bound.
"""

from __future__ import annotations

import math

BOUND = 1e-9
# What is smaller would be rounded to nothing, and nothing is impossible.
_LEAST = 1e-300


def needed(hypotheses: int, bound: float = BOUND) -> float:
    """The score from which on a copy is accused among so many hypotheses."""
    return math.sqrt(2 * math.log(max(1, hypotheses) / bound))


def by_chance(score: float, hypotheses: int) -> float:
    """At most how probable it is that any of so many innocent hypotheses scores as high."""
    if score <= 0:
        return 1.0
    return max(_LEAST, min(1.0, max(1, hypotheses) * math.exp(-score * score / 2)))
