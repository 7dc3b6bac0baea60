"""Challenges: bound, good once, for five minutes, and strangers fill nothing."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import pytest

from gateway.base.clock import SystemClock
from gateway.people.challenges import OPEN_EACH, ChallengeExpired, ChallengeReplayed, Challenges


class Hands:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._began = SystemClock().now()

    def now(self) -> datetime:
        return self._began + self.ahead


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def challenges(hands: Hands) -> Challenges:
    return Challenges(hands)


def test_a_fresh_one_is_good_once_for_its_purpose(challenges: Challenges, hands: Hands) -> None:
    one = challenges.fresh("sign-in")
    for wrong in (b"", one[:-1], one + b"\0", bytes(len(one)), one[:16] + bytes(8) + one[24:]):
        with pytest.raises(ChallengeExpired):
            challenges.spend(wrong, "sign-in")
    with pytest.raises(ChallengeExpired):
        challenges.spend(one, "register per_1")
    with pytest.raises(ChallengeExpired):
        Challenges(hands).spend(one, "sign-in")
    challenges.spend(one, "sign-in")
    with pytest.raises(ChallengeReplayed):
        challenges.spend(one, "sign-in")


def test_a_fresh_one_ends(challenges: Challenges, hands: Hands) -> None:
    one, other = challenges.fresh("sign-in"), challenges.fresh("sign-in")
    hands.ahead = timedelta(minutes=4, seconds=59)
    challenges.spend(one, "sign-in")
    hands.ahead = timedelta(minutes=5)
    for late in (one, other):
        with pytest.raises(ChallengeExpired):
            challenges.spend(late, "sign-in")
    hands.ahead = timedelta(minutes=-1)
    with pytest.raises(ChallengeExpired):
        challenges.spend(other, "sign-in")


def test_a_held_one_is_its_holders_alone(challenges: Challenges, hands: Hands) -> None:
    challenges.hold(b"digest", "ses_1", "per_1")
    for holder, purpose in (("ses_2", "per_1"), ("ses_1", "per_2"), ("ses_1per", "_1")):
        with pytest.raises(ChallengeExpired):
            challenges.release(b"digest", holder, purpose)
    challenges.release(b"digest", "ses_1", "per_1")
    with pytest.raises(ChallengeReplayed):
        challenges.release(b"digest", "ses_1", "per_1")
    challenges.hold(b"digest", "ses_1", "per_1")
    with pytest.raises(ChallengeReplayed):
        challenges.release(b"digest", "ses_1", "per_1")
    challenges.hold(b"other", "ses_1", "per_1")
    hands.ahead = timedelta(minutes=5)
    with pytest.raises(ChallengeExpired):
        challenges.release(b"other", "ses_1", "per_1")


def test_a_holder_has_few_and_nobody_pushes_out_anothers(challenges: Challenges, hands: Hands) -> None:
    challenges.hold(b"mine", "ses_1", "per_1")
    many = [secrets.token_bytes(32) for _ in range(OPEN_EACH + 3)]
    for one in many:
        challenges.hold(one, "ses_2", "per_2")
    challenges.release(b"mine", "ses_1", "per_1")
    with pytest.raises(ChallengeExpired):
        challenges.release(many[2], "ses_2", "per_2")
    challenges.release(many[3], "ses_2", "per_2")
    assert len(challenges._open) <= OPEN_EACH + 1
    hands.ahead = timedelta(minutes=6)
    challenges.hold(b"later", "ses_3", "per_3")
    assert (len(challenges._open), len(challenges._spent), len(challenges._holders)) == (1, 0, 1)
