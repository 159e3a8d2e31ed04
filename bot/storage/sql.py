"""What the query modules share."""

from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table, literal, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.storage.records import Shards

Connection = AsyncConnection


class Unset(Enum):
    """Tells "leave it as it is" from None, which empties a field."""

    UNSET = auto()


UNSET = Unset.UNSET


def insert(conn: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that knows ON CONFLICT; the two engines spell it alike, SQLAlchemy keeps them apart."""
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


def within(shards: Shards | None, guild_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the guild is among those shards; None means every guild is."""
    if shards is None:
        return true()
    # PostgreSQL shifts a bigint by an integer only.
    shard: ColumnElement[Any] = guild_id.bitwise_rshift(literal(22, Integer)) % literal(shards.count, Integer)
    return shard.in_(sorted(shards.ids))
