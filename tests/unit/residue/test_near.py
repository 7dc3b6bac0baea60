"""What nearly says a withheld value, as one letter is taken for another, and what only looks like it."""

from __future__ import annotations

import random

import pytest

from gateway.residue.gate import compare
from gateway.residue.model import WithheldSet, WithheldValue
from gateway.residue.near import distance, mistakes_in, near_in
from gateway.residue.values import Needles
from tests.support.renditions import withheld


def nearly(text: str, *values: str, shown: tuple[str, ...] = ()) -> bool:
    said, near = compare([text], withheld(*values, shown=shown))
    assert not said
    return bool(near)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Kowalski-48211", "Kowa1ski-4B2ll"),
        ("Anneliese Kowalski", "for Anne1iese Kowa1ski, Dept."),
        ("Grünwald Präzision", "Grunwold Präzision"),
        ("Nordwind Turbinen AG", "Nordwlnd Turblnen AG"),
        ("Norwind", "dieNorwind"),
        ("永磁材料有限公司", "永碰材料有限公司"),
        ("ES91 2100 0418 4502", "ES91 21OO O418 45O2"),
        ("RE-2024-00871", "RE-2024-0087l"),
        ("RE-2024-00871", "RE-202400877"),
        ("4821150.77", "4B2ll5O.77"),
        ("Meier", "Herr Me1er,"),
        ("Burnham Engineering", "Bumham Engineering"),
    ],
)
def test_a_misreading_is_recognised(value: str, read: str) -> None:
    assert nearly(read, value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Meier", "Meyer"),
        ("Meier", "ReMe1er"),
        ("Nordwind", "Nordlicht"),
        ("RE-2024-00871", "RE-2023-10877"),
        ("Nordwind Turbinen AG", "Turbinen"),
        ("永磁材料", "永久材质"),
        ("DE", "0E"),
        ("500", "5OO"),
    ],
)
def test_another_word_is_not(value: str, read: str) -> None:
    assert not nearly(read, value)


def test_what_is_said_exactly_is_an_exact_find_and_no_near_one() -> None:
    values = WithheldSet((WithheldValue("Anneliese Kowalski", "text/1/1"), WithheldValue("Nordwind", "column/3 row 2")))
    said, near = compare(["ANNELIESE KOWALSKI", "nothing", "Nordw1nd"], values)
    assert said == [(0, "text/1/1")]
    assert near == [(2, "column/3")]


def test_what_is_lawfully_shown_is_neither() -> None:
    assert not nearly("Handed over by Kowalska", "Kowalski", shown=("Handed over by Kowalska",))
    assert nearly("Handed over by Kowalska", "Kowalski")
    assert compare(["Kowalski"], withheld("Kowalski", shown=("Kowalski",))) == ([], [])


def test_nothing_is_found_across_two_texts() -> None:
    assert compare(["Annel1ese", "Kowa1ski"], withheld("Anneliese Kowalski")) == ([], [])


def test_long_values_are_known_by_how_they_begin() -> None:
    value = "The bearing housing is turned from one piece and then balanced at eleven thousand rounds"
    assert nearly(value.replace("bearing", "beoring")[:80], value)


def test_every_value_with_one_letter_changed_is_found_and_chance_finds_none() -> None:
    chance = random.Random(4711)
    letters = "abcdefghknopqrstuvwxyz"
    values = ["".join(chance.choices(letters, k=chance.randint(6, 14))) for _ in range(120)]
    changed = []
    for value in values:
        place = chance.randrange(len(value))
        other = chance.choice([letter for letter in letters if letter != value[place]])
        changed.append(f"the {value[:place]}{other}{value[place + 1 :]} here")
    secrets = withheld(*values)
    found = {index for index, _ in near_in(changed, secrets, Needles(secrets))}
    assert found == set(range(len(values)))
    noise = ["".join(chance.choices(letters + "    ", k=60)) for _ in range(60)]
    assert len({index for index, _ in near_in(noise, secrets, Needles(secrets))}) <= 2


def test_how_many_mistakes_a_value_may_have() -> None:
    assert [mistakes_in(text) for text in ("meier", "kowals", "turbinenrad", "anneliesekowalski", "x" * 900)] == [
        0, 1, 2, 3, 3,
    ]  # fmt: skip
    assert [mistakes_in(text) for text in ("永磁材", "永磁材料", "123456", "123456789")] == [0, 1, 0, 1]
    assert [distance(*pair) for pair in (("", ""), ("abc", ""), ("kitten", "sitting"), ("rn", "m"))] == [0, 3, 3, 2]
