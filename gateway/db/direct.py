"""Statements on every change's way, put into a database's words once and then sent as they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Dialect
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement


class Direct:
    """A statement for half of what executing it otherwise costs.

    Values go to the database and come from it as they stand there: no type of SQLAlchemy's converts them. An insert
    names its `columns`.
    """

    def __init__(self, statement: ClauseElement, columns: Collection[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._texts: dict[str, tuple[str, Sequence[str] | None, Mapping[str, Any]]] = {}

    def __call__(self, connection: Connection, values: Mapping[str, object]) -> CursorResult[Any]:
        """Execute it with these values by name."""
        text, order, fixed = self._texts.get(connection.dialect.name) or self._put(connection.dialect)
        return connection.exec_driver_sql(text, _given(order, fixed, values))

    def many(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute it once for each of `rows`, in their order, as one call of the driver; nothing where there is none.

        What it would return is not kept.
        """
        if rows:
            text, order, fixed = self._texts.get(connection.dialect.name) or self._put(connection.dialect)
            connection.exec_driver_sql(text, [_given(order, fixed, values) for values in rows])

    def _put(self, dialect: Dialect) -> tuple[str, Sequence[str] | None, Mapping[str, Any]]:
        compiled = cast(SQLCompiler, self._statement.compile(dialect=dialect, column_keys=self._columns))
        self._texts[dialect.name] = found = str(compiled), compiled.positiontup, dict(compiled.params)
        return found


def _given(order: Sequence[str] | None, fixed: Mapping[str, object], values: Mapping[str, object]) -> Any:
    """The values as the driver takes them: by name, or in the order in which the text has their places."""
    given = {**fixed, **values}
    return given if order is None else tuple(map(given.__getitem__, order))
