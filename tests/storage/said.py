"""What people said about posts, as rows."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert

from bot.storage import outgoing, schema
from bot.storage.database import Connection
from bot.storage.records import NORMAL, Club, NewOutgoing, Outgoing, OutgoingKind
from tests.storage.make import NOW


async def post(conn: Connection, club: Club, position: int, message_id: int, *, run: int | None = None) -> Outgoing:
    """One that was sent, with its discussion."""
    new = NewOutgoing(
        guild_id=club.guild_id,
        club_id=club.id,
        kind=OutgoingKind.POST,
        key=f"post:{club.uid}:{run or club.run}:{position}",
        channel_id=club.channel_id,
        due_at=NOW,
        reading_id=club.reading_id,
        position=position,
    )
    await outgoing.adopt(conn, new, message_id=message_id, sent_at=NOW + timedelta(days=position))
    planned = await outgoing.by_key(conn, new.key)
    assert planned is not None
    return planned


async def reply(
    conn: Connection,
    post: Outgoing,
    message_id: int,
    author_id: int,
    at: datetime = NOW,
    *,
    text: str | None = None,
) -> None:
    values: dict[str, Any] = {
        "message_id": message_id,
        "post_id": post.id,
        "guild_id": post.guild_id,
        "author_id": author_id,
        "created_at": at,
        "length": 5,
        "text": text,
        "thought": False,
    }
    await conn.execute(insert(schema.replies).values(values))


async def reaction(
    conn: Connection,
    post: Outgoing,
    message_id: int,
    user_id: int,
    emoji: str = "👍",
    at: datetime | None = NOW,
    *,
    name: str | None = None,
    kinds: int = NORMAL,
) -> None:
    values: dict[str, Any] = {
        "message_id": message_id,
        "emoji": emoji,
        "user_id": user_id,
        "post_id": post.id,
        "guild_id": post.guild_id,
        "kinds": kinds,
        "name": name,
        "added_at": at,
    }
    await conn.execute(insert(schema.reactions).values(values))


async def pick(
    conn: Connection, post: Outgoing, message_id: int, at: datetime = NOW, *, by: int = 1, text: str | None = None
) -> None:
    values: dict[str, Any] = {
        "message_id": message_id,
        "post_id": post.id,
        "guild_id": post.guild_id,
        "picked_by": by,
        "picked_at": at,
        "text": text,
    }
    await conn.execute(insert(schema.picks).values(values))
