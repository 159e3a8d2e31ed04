"""What tests of deleting and keeping ask of a database beside the rows of ``said``."""

from typing import Any

from sqlalchemy import insert, select

from bot.storage import schema
from bot.storage.database import Connection, Database
from bot.storage.records import Outgoing
from tests.storage import said
from tests.storage.make import GUILD, NOW, club

THREAD = 9_000_000
"""The first post's; each later one's is one more."""


async def talk(conn: Connection, guild_id: int = GUILD, *, thread_id: int = THREAD) -> Outgoing:
    """A post of a club of its own, with its discussion."""
    return await said.post(conn, await club(conn, guild_id, guild_id + 10), 0, thread_id)


async def bookmark(conn: Connection, guild_id: int, user_id: int) -> None:
    reading_id = await conn.scalar(select(schema.readings.c.id).where(schema.readings.c.guild_id == guild_id))
    row = {"guild_id": guild_id, "user_id": user_id, "reading_id": reading_id, "position": 0, "created_at": NOW}
    await conn.execute(insert(schema.bookmarks).values(row))


async def values_of(database: Database, column: Any) -> list[Any]:
    """In order."""
    async with database.read() as conn:
        return list(await conn.scalars(select(column).order_by(column)))
