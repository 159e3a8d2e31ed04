"""What we keep about a guild itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.storage import schema
from bot.storage.records import GuildSettings, Thoughts
from bot.storage.sql import UNSET, Connection, Unset, insert

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


async def settings(conn: Connection, guild_id: int) -> GuildSettings:
    """Those of a guild about which nothing was decided are the defaults."""
    columns = (_guilds.c.text_days, _guilds.c.thread_digests, _guilds.c.thoughts)
    row = (await conn.execute(select(*columns).where(_guilds.c.guild_id == guild_id))).first()
    return GuildSettings() if row is None else GuildSettings(*row)


async def put_settings(
    conn: Connection,
    guild_id: int,
    *,
    text_days: int | Unset = UNSET,
    thread_digests: bool | Unset = UNSET,
    thoughts: Thoughts | Unset = UNSET,
) -> None:
    """What is not named stays as it is. ``text_days`` alone drops nothing: see ``bot.storage.retention``."""
    given = {"text_days": text_days, "thread_digests": thread_digests, "thoughts": thoughts}
    if values := {name: value for name, value in given.items() if not isinstance(value, Unset)}:
        await _put(conn, guild_id, **values)


async def _put(conn: Connection, guild_id: int, **values: Any) -> None:
    new = insert(conn, _guilds).values(guild_id=guild_id, **values)
    await conn.execute(new.on_conflict_do_update(index_elements=["guild_id"], set_=values))
