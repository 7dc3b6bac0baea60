"""PostgreSQL as the database: as durable as the embedded one, and one writer at a time like it.

1. Writers queue at one transaction-level advisory lock, taken before anything is read, so that every rule over
   several rows (a quorum, the log's end) is checked against what is committed, and no unit has to be run again.
2. A reading unit is one REPEATABLE READ snapshot in a transaction that the server itself keeps from writing.
3. Whatever would lose or reorder what was acknowledged is looked at on every new connection, and refused.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from gateway.base.problems import Usage
from gateway.db.failures import DatabaseUnsuitable, told_as_problems

OLDEST: Final = 140000
# Any number nobody else uses in this database; with it the writers of one gateway find one another.
_WRITERS: Final = 0x64675F7772697465 & 0x7FFFFFFFFFFFFFFF
_QUERY: Final = frozenset({"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"})
_VERIFYING: Final = frozenset({"verify-ca", "verify-full"})
_PASSWORD_BYTES_MAX: Final = 4096
_CONNECTION: Final = {
    "connect_timeout": 10,
    "tcp_user_timeout": 30_000,
    "application_name": "gateway",
    "client_encoding": "utf8",
    "options": "-c lock_timeout=30s -c statement_timeout=60s -c timezone=UTC",
}
# A writer that stopped in the middle holds everybody up; a reader may wait for a slow download.
_BEGIN_WRITING: Final = (
    f"SELECT pg_advisory_xact_lock({_WRITERS}), set_config('idle_in_transaction_session_timeout', '60s', true)"
)
_FACTS: Final = """
    SELECT current_setting('server_version_num')::int, current_setting('fsync'), current_setting('full_page_writes'),
           current_setting('synchronous_commit'), pg_encoding_to_char(encoding), 'a' > 'B' AND 'é' > 'z'
      FROM pg_database WHERE datname = current_database()
"""


class DatabaseAddressRefused(Usage):
    """The database's address is malformed, carries a password, or crosses a network without a verified certificate."""

    slug = "database-address-refused"
    title = "The gateway does not connect to this address"


def postgres_engine(address: str, password_file: Path | None = None) -> Engine:
    """An engine on the database at `address` (`postgresql://role@host/name`, or `…/name?host=/socket/folder`).

    The password comes from `password_file`, read anew for each connection, or from where libpq looks for it. Raises
    `DatabaseAddressRefused`; what the server lacks is a `DatabaseUnsuitable` at the first connection.
    """
    engine = create_engine(
        checked(address),
        connect_args=dict(_CONNECTION),
        hide_parameters=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=30,
        pool_pre_ping=True,
    )
    if password_file is not None:

        @event.listens_for(engine, "do_connect")
        def _sign_in(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
            parameters["password"] = _password(password_file)

    event.listen(engine, "connect", _settle)
    event.listen(engine, "begin", _begin)
    return engine


def checked(address: str) -> URL:
    """`address` as an URL that may be connected to, with certificate verification on wherever a network is crossed."""
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        # Not chained: the parser's message repeats the address, and a password may be in it.
        raise DatabaseAddressRefused("The database's address has the form postgresql://role@host/name.") from None
    if url.drivername not in {"postgresql", "postgres"} or not url.database or not url.username:
        raise DatabaseAddressRefused("The database's address has the form postgresql://role@host/name.")
    if url.password is not None:
        raise DatabaseAddressRefused(
            "The database's address carries a password; put that into the file GATEWAY_DATABASE_PASSWORD_FILE names."
        )
    if unknown := sorted(url.query.keys() - _QUERY):
        raise DatabaseAddressRefused(f"The database's address has the parameter {unknown[0]}; remove it.")
    host = url.host or url.query.get("host")
    if not isinstance(host, str):
        raise DatabaseAddressRefused("The database's address names one host, or the folder of its socket in ?host=.")
    if not _on_this_machine(host):
        if url.query.get("sslmode", "verify-full") not in _VERIFYING:
            raise DatabaseAddressRefused("Across a network the database's address needs sslmode=verify-full.")
        url = url.update_query_dict({"sslmode": "verify-full", "sslrootcert": "system"} | dict(url.query))
    return url.set(drivername="postgresql+psycopg")


def in_words(engine: Engine) -> str:
    """The server's version, and whether the engine's role could rewrite the log."""
    query = text("SELECT current_setting('server_version'), has_table_privilege('audit_entry', 'UPDATE')")
    with told_as_problems(), engine.connect().execution_options(gateway_reading=True) as connection:
        version, could = connection.execute(query).one()
    role = "a role that could rewrite the log; serve with another" if could else "a role that cannot rewrite the log"
    return f"PostgreSQL {version}, as {role}"


def _on_this_machine(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _password(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_PASSWORD_BYTES_MAX).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise DatabaseUnsuitable(
            "The database's password file cannot be read; check GATEWAY_DATABASE_PASSWORD_FILE."
        ) from None


def _settle(connection: psycopg.Connection[Any], _record: Any) -> None:
    try:
        facts = connection.execute(_FACTS).fetchone()
        connection.rollback()
        _check(*(facts or (0, "", "", "", "", False)))
    except BaseException:  # not held back: nothing unchecked stays in the pool
        connection.close()
        raise


def _check(version: int, fsync: str, full_pages: str, commit: str, encoding: str, ordered: bool) -> None:
    if version < OLDEST:
        raise DatabaseUnsuitable(f"The database server is older than PostgreSQL {OLDEST // 10000}; upgrade it.")
    if "off" in {fsync, full_pages, commit}:
        raise DatabaseUnsuitable(
            "The database would lose what it acknowledged; set fsync, full_page_writes and synchronous_commit to on."
        )
    if encoding != "UTF8" or not ordered:
        raise DatabaseUnsuitable(
            "The database orders or encodes text otherwise; create it with ENCODING UTF8, LOCALE C, TEMPLATE template0."
        )


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("gateway_reading", False)
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    level = psycopg.IsolationLevel
    driver.isolation_level = level.REPEATABLE_READ if reading else level.READ_COMMITTED
    driver.read_only = reading
    if not reading:
        connection.exec_driver_sql(_BEGIN_WRITING)
