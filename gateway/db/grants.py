"""What the gateway's role may do on PostgreSQL: its work, and nothing that rewrites log or schema."""

from __future__ import annotations

from sqlalchemy import Engine, inspect, text

from gateway.db.failures import DatabaseUnsuitable, told_as_problems

APPEND_ONLY = frozenset({"audit_entry", "audit_node", "audit_checkpoint", "audit_cosignature"})
# Shredding erases what is sealed beside an entry; that another entry says so is for the log to check.
_ERASABLE = {"audit_entry": "body_sealed"}
# Only the owner may vacuum, and it does not serve: the server itself is to go over every table that has a dead row.
_VACUUMED = "autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0"
_VERSION_TABLE = "alembic_version"


def grant(engine: Engine, role: str) -> None:
    """Give `role` exactly its rights on every table; the engine's own role owns them. Raises `DatabaseUnsuitable`."""
    with told_as_problems(), engine.begin() as connection:
        if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}) is None:
            raise DatabaseUnsuitable("The database has no role of the name in GATEWAY_DATABASE_ROLE; create it first.")
        # Who does not own a table is only warned, and no right is given.
        foreign = "SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tableowner <> current_user LIMIT 1"
        if connection.scalar(text(foreign)) is not None:
            raise DatabaseUnsuitable("The tables belong to another role; run `gateway init` as the one that owns them.")
        quote = engine.dialect.identifier_preparer.quote_identifier
        for table in inspect(connection).get_table_names():
            name, to = quote(table), quote(role)
            connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM {to}")
            connection.exec_driver_sql(f"GRANT {_rights(table)} ON {name} TO {to}")
            connection.exec_driver_sql(f"ALTER TABLE {name} SET ({_VACUUMED})")


def _rights(table: str) -> str:
    if table == _VERSION_TABLE:
        return "SELECT"
    if table in _ERASABLE:
        return f"SELECT, INSERT, UPDATE ({_ERASABLE[table]})"
    return "SELECT, INSERT" if table in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
