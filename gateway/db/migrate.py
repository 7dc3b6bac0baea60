"""Schema versions: a database is brought up to the newest revision, and a gateway starts on no other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from gateway.base.problems import Conflict, Unavailable
from gateway.db.failures import told_as_problems


class SchemaVersion(Unavailable):
    """The database's schema is not the one this gateway was built for."""

    slug = "schema-version"
    title = "The database has another version"


class NotVacant(Conflict):
    """The database that a gateway was to be created in holds something else."""

    slug = "database-not-empty"
    title = "The database holds something else"


def check_vacant(engine: Engine) -> None:
    """Raise `NotVacant` where the database has tables that are not a gateway's."""
    with told_as_problems(), engine.connect().execution_options(gateway_reading=True) as connection:
        tables = inspect(connection).get_table_names()
        current = MigrationContext.configure(connection).get_current_revision() if tables else None
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if tables and current not in known:
        raise NotVacant("The database holds tables of something else; name an empty one in GATEWAY_DATABASE_URL.")


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`."""
    with told_as_problems(), engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision`; for tests and rescue."""
    with told_as_problems(), engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def check_current(engine: Engine) -> None:
    """Raise `SchemaVersion` unless the database is at the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with told_as_problems(), engine.connect().execution_options(gateway_reading=True) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        raise SchemaVersion(
            "The database's schema is not the one of this version; run `gateway init --upgrade` with a backup at hand."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent / "migrations"))
    return config
