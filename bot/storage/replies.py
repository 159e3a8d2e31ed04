"""Single replies, and who wrote when; the collector and the reconciler write them."""

from datetime import datetime

from sqlalchemy import func, select

from bot.storage import schema
from bot.storage.records import Reply
from bot.storage.sql import Connection

_replies = schema.replies


async def get(conn: Connection, message_id: int) -> Reply | None:
    """On PostgreSQL it cannot be deleted before this transaction ends."""
    mine = select(_replies).where(_replies.c.message_id == message_id).with_for_update(read=True)
    row = (await conn.execute(mine)).first()
    return None if row is None else Reply(**row._asdict())


async def last_at(conn: Connection, post_id: int, author_id: int) -> datetime | None:
    """When the member last wrote in a post's thread, be it through the bot; None for one who did not."""
    theirs = (_replies.c.post_id == post_id, _replies.c.author_id == author_id)
    newest = select(func.max(_replies.c.created_at, type_=schema.UtcTime())).where(*theirs)
    found: datetime | None = await conn.scalar(newest)
    return found
