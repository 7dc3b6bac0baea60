"""The bytes of a CSV rendition: the same for the same table, release and engine, now and later."""

from __future__ import annotations

import hashlib
from random import Random

from gateway.base.canon import Json
from gateway.formats.model import Case, Element, Instruction, Mark, Op, Plan, Table, Transform
from gateway.formats.table_csv import TableCsv

MARK = Mark("赣州千里磁材有限公司", "rel_01jabcdefghjkmnpqrstvwxyz0", "2026-01-31")
ROWS = 3_000
# Frozen before columns were written by value: every later version makes these bytes.
FROZEN = "c0b3bf74e4baf8e33ef310ede4e9b9c2ebd0a25e612632dad06301e16a090e76"
COUNTS = {
    "bucket": 2011, "drop": 4508, "format:formula": 286, "format:hidden-character": 133, "mask": 3000,
    "pseudonymise": 7492, "round": 3000, "truncate_date": 3000,
}  # fmt: skip


def case(op: Op, where: tuple[tuple[str, frozenset[str]], ...] = (), rank: int = 5, **params: Json) -> Case:
    return Case(where, Transform(op, params), rank, "TS", str(op))


WANTED = (("licensed", frozenset({"yes"})),)
COLUMNS: tuple[tuple[str, str, tuple[Case, ...]], ...] = (
    ("order", "text", (case(Op.MASK, keep_last=3),)),
    ("customer", "text", (case(Op.PSEUDONYMISE, scope="release", prefix="C"),)),
    ("end_user", "text", (case(Op.ALLOW, WANTED, 4), case(Op.PSEUDONYMISE, scope="table", prefix="E"))),
    ("licensed", "text", (case(Op.ALLOW),)),
    ("quantity", "decimal", (case(Op.BUCKET, edges=["10", "100", "1000"], unit="pcs"),)),
    ("weight", "decimal", (case(Op.ROUND, to="5", unit="kg"),)),
    ("ordered", "date", (case(Op.TRUNCATE_DATE, to="quarter"),)),
    ("remark", "text", (case(Op.ALLOW), case(Op.DROP, WANTED, 1))),
    ("price", "decimal", (case(Op.DROP),)),
    ("serial", "text", (case(Op.PSEUDONYMISE, scope="row", prefix="S"),)),
)


def table() -> Table:
    rng = Random(7)
    names = ("Müller", "S.p.A., Milano", 'The "Works"', "株式会社")
    firms = [f"{name} {number}" for name in names for number in range(90)]
    remarks = ("", " ", "=1+1", "two\nlines", "a,b", 'say "no"', "zero\u200bwidth", "-5.2", "x;=1", "plain")
    rows = [
        (
            f"ORD-{number:05d}", rng.choice(firms), rng.choice(firms).upper(), rng.choice(("yes", " YES ", "no", "")),
            rng.choice((f"{rng.randrange(5000)}", f"{rng.randrange(5000)},5", "")), f"{rng.randrange(9000) / 4}",
            f"2025-{rng.randrange(1, 13):02d}-{rng.randrange(1, 29):02d}", rng.choice(remarks),
            f"{rng.randrange(10**6)}", f"SN {rng.randrange(40)}",
        )
        for number in range(ROWS)
    ]  # fmt: skip
    return Table.of([name for name, _, _ in COLUMNS], zip(*rows, strict=True))


def test_the_bytes_are_the_frozen_ones() -> None:
    instructions = tuple(
        Instruction(f"column/{number}", name, Element.COLUMN, f"{name.title()}, as shown", value_type, cases)
        for number, (name, value_type, cases) in enumerate(COLUMNS, 1)
    )
    form = TableCsv(lambda _: frozenset())
    rebuilt = form.rebuild(table(), Plan(instructions), MARK, bytes(range(32)))
    assert rebuilt.redactions == COUNTS
    assert hashlib.sha256(rebuilt.data).hexdigest() == FROZEN
