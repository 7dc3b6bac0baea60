"""A direct statement says what the same statement says, on every database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, bindparam, insert, select

from gateway.db.direct import Direct
from tests.support.databases import Database

THINGS = Table(
    "direct_things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("a", String(9)),
    Column("b", LargeBinary),
)


def test_values_go_in_and_come_out_as_they_stand(database: Database, tmp_path: Path) -> None:
    engine = database.engine(tmp_path)
    write = Direct(insert(THINGS), ["id", "a", "b"])
    newest = Direct(
        select(THINGS.c.a, THINGS.c.b).where(THINGS.c.a != bindparam("not")).order_by(THINGS.c.id.desc()).limit(1)
    )
    with engine.connect() as connection, connection.begin() as transaction:
        THINGS.create(connection)
        for number, text in enumerate(("one", "it's", "50%")):
            write(connection, {"b": bytes([number]), "id": number, "a": text})
        assert tuple(newest(connection, {"not": "x"}).one()) == ("50%", b"\x02")
        assert tuple(newest(connection, {"not": "50%"}).one()) == ("it's", b"\x01")
        write.many(connection, [])
        write.many(connection, [{"a": f"{number}%", "id": number, "b": b""} for number in (7, 5, 6)])
        assert connection.scalars(select(THINGS.c.a).order_by(THINGS.c.id)).all()[3:] == ["5%", "6%", "7%"]
        transaction.rollback()
    engine.dispose()
