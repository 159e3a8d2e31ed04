"""Copies all rows from one database to another, whichever engine each of them is on."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from sqlalchemy import Table, func, insert, select, text

from bot.storage import schema
from bot.storage.sql import Connection

Row = Mapping[str, Any]

_CHUNK = 1000
"""Rows in memory at a time."""

COUNTED = tuple(table for table in schema.metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"])
"""The tables whose ids the database gives, and never gives twice."""


async def copy(source: Connection, target: Connection, table: Table, change: Callable[[Row], Row] | None = None) -> int:
    """Adds every row, each as ``change`` makes it; answers how many."""
    copied = 0
    async for rows in _chunks(source, table):
        values = [dict(change(row) if change else row) for row in rows]
        await target.execute(insert(table), values)
        copied += len(values)
    return copied


async def counters(conn: Connection) -> dict[str, int]:
    """The highest id that each counted table ever gave."""
    highest = {}
    for table in COUNTED:
        if conn.dialect.name == "sqlite":
            query = text("SELECT seq FROM sqlite_sequence WHERE name = :name").bindparams(name=table.name)
            given = await conn.scalar(query)
        else:
            sequence = await conn.scalar(select(func.pg_get_serial_sequence(table.name, "id")))
            given = await conn.scalar(text(f"SELECT last_value FROM {sequence} WHERE is_called"))  # noqa: S608 - a name that PostgreSQL quotes itself
        present = await conn.scalar(select(func.max(table.c.id)))
        highest[table.name] = max(given or 0, present or 0)
    return highest


async def count_on(conn: Connection, from_: Mapping[str, int]) -> None:
    """Lets each counted table give ids above these only."""
    for name, highest in from_.items():
        if not highest:
            continue
        if conn.dialect.name == "sqlite":
            await conn.execute(text("DELETE FROM sqlite_sequence WHERE name = :name").bindparams(name=name))
            new = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)")
            await conn.execute(new.bindparams(name=name, seq=highest))
        else:
            await conn.execute(select(func.setval(func.pg_get_serial_sequence(name, "id"), highest)))


async def _chunks(source: Connection, table: Table) -> AsyncIterator[list[Row]]:
    async with source.stream(select(table)) as result:
        async for rows in result.mappings().partitions(_CHUNK):
            yield [dict(row) for row in rows]
