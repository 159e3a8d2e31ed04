"""Brings a database to the newest revision known here: in one transaction, one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from bot.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x6170706C65636F72  # "applecor": the advisory lock of whoever migrates


def upgrade(connection: Connection, folder: Path = MIGRATIONS) -> None:
    """To be called in a transaction, on SQLite one begun with BEGIN IMMEDIATE; an error rolls all of it back.

    Raises ConfigurationError when a newer Applecore has migrated this database.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    scripts = ScriptDirectory(str(folder))
    present = current(connection)
    if present == scripts.get_current_head():
        return
    if present is not None and not knows(present, folder):
        raise ConfigurationError(
            f"The database is at revision {present}, which this Applecore does not know: "
            "install a newer Applecore, or point database_url at another database."
        )
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    command.upgrade(config, "head")


def current(connection: Connection) -> str | None:
    """The database's revision; None when it has none yet."""
    return MigrationContext.configure(connection).get_current_revision()


def knows(revision: str, folder: Path = MIGRATIONS) -> bool:
    return revision in {script.revision for script in ScriptDirectory(str(folder)).walk_revisions()}


def newest() -> str:
    """The newest revision that this code knows."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {MIGRATIONS}")
    return head
