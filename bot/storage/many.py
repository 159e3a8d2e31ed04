"""One statement over many rows: with thousands of them much faster than one statement for each."""

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from sqlalchemy import CursorResult, text
from sqlalchemy.exc import DataError, IntegrityError

from bot.storage.sql import Connection

Kind = Literal["BIGINT", "INTEGER", "TEXT", "BOOLEAN", "TIMESTAMPTZ"]
"""A column's type, in PostgreSQL's words."""

MOST = 5_000
"""Rows in one statement; more become several."""


class UnwritableError(Exception):
    """The database takes no such rows, now or later: not an outage. Names the error's class, never a value."""


class Many:
    """SQL that reads its rows from ``given``, a table with these columns, on either engine.

    SQLite gets the rows as one JSON text, PostgreSQL an array for each column.
    """

    def __init__(self, sql: str, *, sqlite: str | None = None, **columns: Kind) -> None:
        """``sqlite`` is for where it needs other words than PostgreSQL."""
        names = ", ".join(columns)
        fields = ", ".join(f"json_extract(value, '$[{at}]')" for at in range(len(columns)))
        arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in columns.items())
        self._sqlite = text(f"WITH given ({names}) AS (SELECT {fields} FROM json_each(:given)) {sqlite or sql}")  # noqa: S608 - ours
        self._postgresql = text(f"WITH given ({names}) AS (SELECT * FROM unnest({arrays})) {sql}")  # noqa: S608 - ours
        self._columns = tuple(columns)

    async def run(self, conn: Connection, rows: Collection[Sequence[Any]]) -> int:
        """Answers how many rows it wrote or deleted. Times must be aware. No rows, no statement.

        UnwritableError for rows that cannot be stored.
        """
        return sum([(await self._execute(conn, some)).rowcount for some in _some(rows)])

    async def ids(self, conn: Connection, rows: Collection[Sequence[Any]]) -> list[int]:
        """As ``run``, for a query; answers its one column."""
        return [row[0] for some in _some(rows) for row in await self._execute(conn, some)]

    async def _execute(self, conn: Connection, rows: Sequence[Sequence[Any]]) -> CursorResult[Any]:
        try:
            if conn.dialect.name == "sqlite":
                return await conn.execute(self._sqlite, {"given": json.dumps(rows, default=_as_stored)})
            arrays = map(list, zip(*rows, strict=True))
            return await conn.execute(self._postgresql, dict(zip(self._columns, arrays, strict=True)))
        except (DataError, IntegrityError) as error:
            raise UnwritableError(type(error).__name__) from error


def _some(rows: Collection[Sequence[Any]]) -> list[list[Sequence[Any]]]:
    every = list(rows)
    return [every[start : start + MOST] for start in range(0, len(every), MOST)]


@lru_cache(maxsize=1024)  # what came together has the same time
def _as_stored(value: object) -> str:
    """A time as ``schema.UtcTime`` writes it on SQLite."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise TypeError(f"cannot be stored: {type(value).__name__}")
    return value.astimezone(UTC).isoformat(timespec="microseconds")
