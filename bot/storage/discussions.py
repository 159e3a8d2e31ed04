"""What is known of each post's thread, and which of them have to be compared with Discord."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, select, update

from bot.storage import schema
from bot.storage.records import Discussion, Outgoing, Shards
from bot.storage.sql import Connection, insert, within

_discussions = schema.discussions
_outgoing = schema.outgoing


async def begin(conn: Connection, post: Outgoing, message_id: int, *, wanted_at: datetime | None) -> None:
    """To be called in the transaction that notes the post as sent; one that was begun before stays as it is.

    ``wanted_at``: where the message may have stood for a while already, so that something may have been missed.
    """
    values = {
        "post_id": post.id,
        "guild_id": post.guild_id,
        "channel_id": post.channel_id,
        "thread_id": message_id,
        "archived": False,
        "locked": False,
        "wanted_at": wanted_at,
    }
    await conn.execute(insert(conn, _discussions).values(values).on_conflict_do_nothing())


async def close(conn: Connection, post_id: int, at: datetime) -> None:
    """The bot has closed the thread."""
    await _update(conn, _discussions.c.post_id == post_id, closed_at=at)


async def by_post(conn: Connection, post_id: int) -> Discussion | None:
    return await _one(conn, _discussions.c.post_id == post_id)


async def by_thread(conn: Connection, thread_id: int) -> Discussion | None:
    return await _one(conn, _discussions.c.thread_id == thread_id)


async def talked_about(conn: Connection, post_ids: Collection[int]) -> bool:
    """Whether anybody replied to one of those posts, or gave a reaction to it or to a reply."""
    for kept in (schema.replies, schema.reactions):
        if await conn.scalar(select(kept.c.post_id).where(kept.c.post_id.in_(post_ids)).limit(1)) is not None:
            return True
    return False


async def thread_ids(conn: Connection, shards: Shards | None) -> set[int]:
    """Of every post there ever was in those shards' guilds."""
    return set(await conn.scalars(select(_discussions.c.thread_id).where(within(shards, _discussions.c.guild_id))))


async def want(
    conn: Connection,
    *,
    now: datetime,
    shards: Shards | None = None,
    guild_id: int | None = None,
    club_id: int | None = None,
    closed_since: datetime | None = None,
) -> int:
    """Marks those that are open, and those closed since then, to be compared with Discord; answers how many."""
    open_: ColumnElement[bool] = _discussions.c.closed_at.is_(None)
    if closed_since is not None:
        open_ |= _discussions.c.closed_at >= closed_since
    chosen = [open_, within(shards, _discussions.c.guild_id)]
    if guild_id is not None:
        chosen.append(_discussions.c.guild_id == guild_id)
    if club_id is not None:
        chosen.append(_discussions.c.post_id.in_(select(_outgoing.c.id).where(_outgoing.c.club_id == club_id)))
    return await _update(conn, *chosen, wanted_at=now)


async def wanted(conn: Connection, *, shards: Shards | None, limit: int, before: int | None = None) -> list[Discussion]:
    """Those to be compared with Discord, the newest post first; of threads with ids below ``before`` alone."""
    chosen = [_discussions.c.wanted_at.is_not(None), within(shards, _discussions.c.guild_id)]
    if before is not None:
        chosen.append(_discussions.c.thread_id < before)
    query = select(_discussions).where(*chosen).order_by(_discussions.c.thread_id.desc()).limit(limit)
    return [_row(row) for row in await conn.execute(query)]


async def count_wanted(conn: Connection, shards: Shards | None) -> int:
    chosen = (_discussions.c.wanted_at.is_not(None), within(shards, _discussions.c.guild_id))
    return await conn.scalar(select(func.count()).select_from(_discussions).where(*chosen)) or 0


async def reconciled(conn: Connection, post_id: int, *, wanted_at: datetime, at: datetime) -> None:
    """Compared with Discord from beginning to end; it stays wanted if it was wanted anew since ``wanted_at``."""
    mine = _discussions.c.post_id == post_id
    await _update(conn, mine, reconciled_at=at)
    await _update(conn, mine, _discussions.c.wanted_at <= wanted_at, wanted_at=None)


async def thread_changed(conn: Connection, thread_id: int, *, name: str, archived: bool, locked: bool) -> None:
    await _update(conn, _discussions.c.thread_id == thread_id, name=name, archived=archived, locked=locked)


async def thread_deleted(conn: Connection, thread_id: int, at: datetime) -> None:
    """All that was said in it goes; the reactions on the post itself stay, since its message may."""
    mine = select(_discussions.c.post_id).where(_discussions.c.thread_id == thread_id)
    said, given, picks = schema.replies, schema.reactions, schema.picks
    await conn.execute(delete(given).where(given.c.post_id.in_(mine), given.c.message_id != thread_id))
    await conn.execute(delete(picks).where(picks.c.post_id.in_(mine)))
    await conn.execute(delete(said).where(said.c.post_id.in_(mine)))
    first = func.coalesce(_discussions.c.thread_deleted_at, at, type_=schema.UtcTime())
    await _update(conn, _discussions.c.thread_id == thread_id, thread_deleted_at=first)


async def _one(conn: Connection, condition: ColumnElement[bool]) -> Discussion | None:
    row = (await conn.execute(select(_discussions).where(condition))).first()
    return None if row is None else _row(row)


async def _update(conn: Connection, *conditions: ColumnElement[bool], **values: Any) -> int:
    done = await conn.execute(update(_discussions).where(*conditions).values(**values))
    return done.rowcount


def _row(row: Row[*tuple[Any, ...]]) -> Discussion:
    return Discussion(**row._asdict())
