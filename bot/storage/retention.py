"""What is kept for a time only: what members wrote, and what is stored about guilds that the bot has left.

Each function does one portion, in the caller's transaction, so that nobody who writes waits long.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, union, update

from bot.storage import deletions, guilds, schema
from bot.storage.records import Shards
from bot.storage.sql import Connection, within

PICKED = timedelta(days=30)
"""How long the words of a reply in a digest are kept at least, and after its thread was closed at most."""

GRACE = timedelta(days=30)
"""How long everything about a guild stays after the bot left it: who invites it again in time goes on."""

LONGEST_DAYS = 365
"""The most that a guild can have text kept."""

_PORTION = 5_000
"""Rows."""

_replies, _picks, _discussions, _guilds = schema.replies, schema.picks, schema.discussions, schema.guilds


async def drop_texts(conn: Connection, guild_id: int, now: datetime) -> int:
    """Forgets what was written longer ago than the guild keeps it; answers of how many replies, 0 when none is left."""
    days = (await guilds.settings(conn, guild_id)).text_days
    old = [_replies.c.guild_id == guild_id, _replies.c.text.is_not(None)]
    if days:
        old.append(_replies.c.created_at < now - timedelta(days=days))
    some = select(_replies.c.message_id).where(*old).limit(_PORTION)
    done = await conn.execute(update(_replies).where(_replies.c.message_id.in_(some)).values(text=None))
    return done.rowcount


async def with_old_texts(conn: Connection, now: datetime, shards: Shards | None) -> list[int]:
    """The guilds in which there is something for :func:`drop_texts`."""
    oldest = func.min(_replies.c.created_at, type_=schema.UtcTime())
    query = (
        select(_replies.c.guild_id, _guilds.c.text_days, oldest.label("oldest"))
        .join(_guilds, _guilds.c.guild_id == _replies.c.guild_id, isouter=True)
        .where(_replies.c.text.is_not(None), within(shards, _replies.c.guild_id))
        .group_by(_replies.c.guild_id, _guilds.c.text_days)
    )
    return [
        row.guild_id
        for row in await conn.execute(query)
        if not row.text_days or row.oldest < now - timedelta(days=row.text_days)
    ]


async def old_picked_texts(conn: Connection, now: datetime, shards: Shards | None) -> list[int]:
    """The messages that were picked for digests long ago and whose words are still kept; not all at once."""
    long_ago = now - PICKED
    query = (
        select(_picks.c.message_id, _picks.c.picked_at, _discussions.c.closed_at, _guilds.c.text_days)
        .join(_discussions, _discussions.c.post_id == _picks.c.post_id)
        .join(_guilds, _guilds.c.guild_id == _picks.c.guild_id, isouter=True)
        .where(_picks.c.text.is_not(None), within(shards, _picks.c.guild_id))
        .where(or_(_picks.c.picked_at < long_ago, _discussions.c.closed_at < long_ago))
    )
    return [
        row.message_id
        for row in await conn.execute(query)
        if (row.closed_at is not None and row.closed_at < long_ago)
        or row.picked_at < now - max(PICKED, timedelta(days=row.text_days or 0))
    ][:_PORTION]


async def drop_picked_texts(conn: Connection, message_ids: Collection[int]) -> None:
    """The picks themselves stay."""
    await conn.execute(update(_picks).where(_picks.c.message_id.in_(message_ids)).values(text=None))


async def known_guilds(conn: Connection, shards: Shards | None) -> dict[int, datetime | None]:
    """All guilds about which something is stored, each with when the bot left it."""
    tables = (schema.clubs, schema.readings, schema.outgoing, _discussions, schema.members, schema.bookmarks, _guilds)
    everyone = union(*(select(table.c.guild_id).where(within(shards, table.c.guild_id)) for table in tables))
    found: dict[int, datetime | None] = dict.fromkeys(await conn.scalars(everyone))
    left = select(_guilds.c.guild_id, _guilds.c.left_at).where(within(shards, _guilds.c.guild_id))
    return found | {row.guild_id: row.left_at for row in await conn.execute(left)}


async def left_long_ago(conn: Connection, now: datetime, shards: Shards | None) -> list[int]:
    """The guilds that the bot left too long ago for anything about them to stay."""
    long_ago = (_guilds.c.left_at < now - GRACE, within(shards, _guilds.c.guild_id))
    return list(await conn.scalars(select(_guilds.c.guild_id).where(*long_ago)))


async def purge(conn: Connection, guild_id: int, now: datetime) -> bool:
    """Deletes all about that guild, unless the bot is back by now."""
    # Whoever invites the bot at this moment is seen, or waits.
    query = select(_guilds.c.left_at).where(_guilds.c.guild_id == guild_id).with_for_update()
    left_at: datetime | None = await conn.scalar(query)
    if left_at is None or left_at >= now - GRACE:
        return False
    await deletions.forget_guild(conn, guild_id, now)
    return True
