"""The replies that were added to a post's digest by hand."""

from datetime import datetime

from sqlalchemy import delete, select

from bot.reading.splitting import shorten
from bot.reading.text import hide_spoilers, unify_newlines
from bot.storage import schema
from bot.storage.records import Pick, Reply
from bot.storage.sql import Connection, insert

_picks = schema.picks

KEPT = 200
"""UTF-16 units that are kept of a picked reply at most."""


def kept(text: str) -> str | None:
    """What is kept of a picked reply's words, without what they hide; None where there are none."""
    return shorten(hide_spoilers(unify_newlines(text)).strip(), KEPT) or None


async def add(conn: Connection, reply: Reply, *, by: int, at: datetime, text: str | None) -> bool:
    """Whether it was not picked already. ``text`` is what may be quoted; None where nothing may."""
    new = insert(conn, _picks).values(
        message_id=reply.message_id,
        post_id=reply.post_id,
        guild_id=reply.guild_id,
        picked_by=by,
        picked_at=at,
        text=text,
    )
    done = await conn.execute(new.on_conflict_do_nothing())
    return done.rowcount > 0


async def remove(conn: Connection, message_id: int) -> bool:
    """Whether it was picked."""
    done = await conn.execute(delete(_picks).where(_picks.c.message_id == message_id))
    return done.rowcount > 0


async def of_post(conn: Connection, post_id: int) -> list[Pick]:
    """In the order of the messages."""
    mine = select(_picks).where(_picks.c.post_id == post_id).order_by(_picks.c.message_id)
    return [Pick(**row._asdict()) for row in await conn.execute(mine)]
