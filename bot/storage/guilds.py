"""What we keep about a guild itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.storage import schema
from bot.storage.sql import Connection, insert

_guilds = schema.guilds


async def role(conn: Connection, guild_id: int) -> int | None:
    """The role whose members may run clubs, besides those with Manage Server."""
    found: int | None = await conn.scalar(select(_guilds.c.club_role_id).where(_guilds.c.guild_id == guild_id))
    return found


async def set_role(conn: Connection, guild_id: int, role_id: int | None) -> None:
    await _put(conn, guild_id, club_role_id=role_id)


async def joined(conn: Connection, guild_id: int) -> None:
    """The bot is in this guild (again)."""
    await _put(conn, guild_id, left_at=None)


async def left(conn: Connection, guild_id: int, at: datetime) -> None:
    await _put(conn, guild_id, left_at=at)


async def _put(conn: Connection, guild_id: int, **values: Any) -> None:
    new = insert(conn, _guilds).values(guild_id=guild_id, **values)
    await conn.execute(new.on_conflict_do_update(index_elements=["guild_id"], set_=values))
