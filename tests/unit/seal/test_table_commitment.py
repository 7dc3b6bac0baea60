"""A commitment binds every cell in its place, and what opens one column says nothing of another."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.seal import table_commitment as sealed
from gateway.verify import verify

SECRET = bytes(range(32))
VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "table" / "commitment.json").read_text("utf-8"))

TABLES = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(st.lists(st.text(max_size=5), min_size=width, max_size=width), min_size=1, max_size=70),
        st.sets(st.integers(0, width - 1), min_size=1),
    )
)


def made(secret: bytes, headers: list[str], columns: list[list[str]]) -> tuple[str, list[bytes], bytes, list[int]]:
    """Root, roots by place, root of the headers, and the place of every column."""
    at, leaves = list(sealed.places(secret, len(columns))), sealed.padded_rows(len(columns[0]))
    count = sealed.padded_columns(len(columns))
    seeds = sealed.column_seeds(secret, count)
    roots = [sealed.padding_root(secret, place) for place in range(count)]
    for place, cells in zip(at, columns, strict=True):
        roots[place] = sealed.tree_root(sealed.column_leaves(seeds[place], cells, leaves))
    top = sealed.header_root(secret, headers, at)
    return sealed.commitment(count, leaves, top, sealed.tree_root(roots)).hex(), roots, top, at


def root_of(nodes: bytes, places: int, cells: dict[int, list[str]]) -> str:
    """Where the verifier that travels with a package gets to."""
    told = {
        "rows": len(next(iter(cells.values()))),
        "places": places,
        "nodes": base64.b64encode(nodes).decode(),
    }
    return verify.TableOpening(told, cells, "a table").root


def test_the_construction_is_frozen() -> None:
    headers, columns = VECTOR["headers"], VECTOR["columns"]
    root, roots, top, at = made(bytes.fromhex(VECTOR["secret"]), headers, columns)
    opened = [at[number] for number in VECTOR["opened"]]
    nodes = sealed.opening(bytes.fromhex(VECTOR["secret"]), top, roots, opened)
    assert {"root": root, "places": at, "nodes": nodes.hex()} == {
        name: VECTOR[name] for name in ("root", "places", "nodes")
    }
    assert sealed.order_key(bytes.fromhex(VECTOR["secret"])).hex() == VECTOR["order_key"]
    assert sealed.slot_secret(bytes.fromhex(VECTOR["secret"]), 1).hex() == VECTOR["slot_1"]


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_what_is_opened_leads_to_the_root_and_one_changed_cell_does_not(
    drawn: tuple[list[list[str]], set[int]],
) -> None:
    rows, numbers = drawn
    columns = [list(cells) for cells in zip(*rows, strict=True)]
    root, roots, top, at = made(SECRET, [f"h{n}" for n in range(len(columns))], columns)
    nodes = sealed.opening(SECRET, top, roots, [at[number] for number in numbers])
    cells = {at[number]: columns[number] for number in numbers}
    assert root_of(nodes, len(roots), cells) == root
    place = min(cells)
    altered = [*cells[place][:-1], cells[place][-1] + "x"]
    assert root_of(nodes, len(roots), {**cells, place: altered}) != root


def test_what_is_opened_holds_no_seed_of_a_column_that_stays_shut() -> None:
    columns = [[f"{c}-{r}" for r in range(10)] for c in range(8)]
    _, roots, top, at = made(SECRET, [str(c) for c in range(8)], columns)
    nodes = sealed.opening(SECRET, top, roots, at[:3])
    seeds = sealed.column_seeds(SECRET, len(roots))
    blocks = {nodes[start : start + 32] for start in range(0, len(nodes), 32)}
    reachable = {seed for block in blocks for count in (1, 2, 4) for seed in sealed._leaves_of(block, count)}
    assert {seeds[place] for place in at[:3]} <= reachable
    assert reachable.isdisjoint(seeds[place] for place in at[3:])


def test_two_slots_share_nothing_that_can_be_seen() -> None:
    columns = [["same"] * 10 for _ in range(3)]
    seen = []
    for slot in range(2):
        secret = sealed.slot_secret(SECRET, slot)
        root, roots, top, at = made(secret, ["a", "b", "c"], columns)
        nodes = sealed.opening(secret, top, roots, at[:1])
        seen.append({root, *(nodes[start : start + 32] for start in range(0, len(nodes), 32)), *roots})
    assert seen[0].isdisjoint(seen[1])


def test_equal_columns_and_cells_look_different() -> None:
    seeds = sealed.column_seeds(SECRET, 8)
    leaves = [leaf for seed in seeds[:2] for leaf in sealed.column_leaves(seed, ["same"] * 5, 64)]
    assert len(set(leaves)) == len(leaves) == 128


@pytest.mark.parametrize("rows", [1, 63, 64, 65, 1000, 4095, 4096, 4097, 100_000, 2_000_000])
def test_the_count_of_rows_is_padded_alike_on_both_sides(rows: int) -> None:
    padded = sealed.padded_rows(rows)
    assert padded == verify.padded_rows(rows)
    assert padded % 64 == 0
    assert rows <= padded <= max(64 + rows, rows * 9 // 8)
