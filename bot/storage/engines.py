"""SQLAlchemy's engines as this bot uses them: what each connection is told before its first query."""

from typing import Any

from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.errors import ApplecoreError

BUSY_SECONDS = 10
"""How long SQLite waits for another process that writes."""

CACHE_KIB = 16_384
"""Of a connection's cache on SQLite. Its own 2 MiB are less than a batch of reactions touches: it would write to the
disk before the end of each transaction, and read again what it wrote."""

BEGIN = "applecore_begin"
"""The execution option that says with which words a transaction begins on SQLite; None begins none."""


def sqlite(url: URL) -> AsyncEngine:
    # isolation_level None: the driver begins nothing by itself, so that DDL stays inside our transactions.
    engine = create_async_engine(
        url, hide_parameters=True, connect_args={"isolation_level": None, "timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        cursor.execute("PRAGMA synchronous = FULL")  # what we noted before sending must survive a power cut
        cursor.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten in the file, not just unlinked
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        statement = connection.get_execution_options().get(BEGIN, "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def postgresql(url: URL) -> AsyncEngine:
    try:
        return create_async_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args={"timeout": 20})
    except ModuleNotFoundError:
        raise ApplecoreError(
            "database_url names a PostgreSQL database, and its driver is missing: pip install 'applecore[postgresql]'"
        ) from None
