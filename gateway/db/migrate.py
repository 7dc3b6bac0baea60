"""Schema versions: a database is brought up to the newest revision, and a gateway starts on no other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from gateway.base.problems import Unavailable


class SchemaVersion(Unavailable):
    """The database's schema is not the one this gateway was built for."""

    slug = "schema-version"
    title = "The database has another version"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision`; for tests and rescue."""
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def check_current(engine: Engine) -> None:
    """Raise `SchemaVersion` unless the database is at the newest revision."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current != head:
        raise SchemaVersion(
            "The database's schema is not the one of this version; run `gateway init --upgrade` with a backup at hand."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent / "migrations"))
    return config
