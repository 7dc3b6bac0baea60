"""The order of strictness is a partial order, and its sort key agrees with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.actions import Action, compare, parse_action

NUMBERS = st.integers(1, 40).map(str)
ACTIONS = st.one_of(
    st.sampled_from(["drop", "strip", "mute", "box", "allow", "crop", "block"]),
    st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True).map(
        lambda edges: {"bucket": {"edges": [str(edge) for edge in sorted(edges)]}}
    ),
    NUMBERS.map(lambda step: {"round": {"to": step}}),
    st.builds(
        lambda k, step: {
            "aggregate": {"how": "sum", "by": ["land"], "entity": "buyer", "k": k, "dominance": "0.7", "to": step}
        },
        st.sampled_from(["3", "5"]),
        NUMBERS,
    ),
    NUMBERS.map(lambda bound: {"suppress": {"below": bound}}),
    st.builds(
        lambda base, by, step: {"index": {"over": "year", "base": base, "by": by, "to": step}},
        st.sampled_from(["2024", "2025"]),
        st.sampled_from([[], ["site"]]),
        NUMBERS,
    ),
    st.sampled_from(["a", "b"]).map(lambda raw: {"generic_name": {"names": {raw: "Class", "c": "Other"}}}),
    st.sampled_from(["year", "quarter", "month"]).map(lambda period: {"truncate_date": period}),
    st.integers(0, 4).map(lambda keep: {"mask": {"keep_last": str(keep)}}),
    st.builds(
        lambda scope, prefix: {"pseudonymise": {"scope": scope, "prefix": prefix}},
        st.sampled_from(["row", "table", "release"]),
        st.sampled_from(["P", "Q"]),
    ),
).map(parse_action)


@given(ACTIONS, ACTIONS)
def test_it_is_antisymmetric(a: Action, b: Action) -> None:
    forth, back = compare(a, b), compare(b, a)
    assert (forth is None) == (back is None)
    if forth is not None and back is not None:
        assert (forth > 0) == (back < 0)
        assert (forth == 0) == (back == 0)


@given(ACTIONS, ACTIONS)
def test_the_sort_key_agrees(a: Action, b: Action) -> None:
    order = compare(a, b)
    if order is not None and order < 0:
        assert a.order < b.order
    if order == 0:
        assert a.order == b.order


@given(ACTIONS, ACTIONS, ACTIONS)
def test_it_is_transitive_where_all_can_be_compared(a: Action, b: Action, c: Action) -> None:
    first, second, third = compare(a, b), compare(b, c), compare(a, c)
    if first is not None and second is not None and third is not None and first <= 0 and second <= 0:
        assert third <= 0


@given(ACTIONS)
def test_json_is_what_a_policy_writes(action: Action) -> None:
    def texts(value: object) -> object:
        if isinstance(value, dict):
            return {key: texts(item) for key, item in value.items()}
        return [texts(item) for item in value] if isinstance(value, list) else str(value)

    assert parse_action(texts(action.to_json())) == action
