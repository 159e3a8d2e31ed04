"""Posts that stand in their channels, found again by what they are."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, false, or_, select

from bot.storage import schema
from bot.storage.records import Outgoing, OutgoingKind, OutgoingState
from bot.storage.sql import Connection

_outgoing = schema.outgoing
_discussions = schema.discussions


async def newest(conn: Connection, club_id: int, reading_id: int, position: int) -> Outgoing | None:
    """Where the club posted that excerpt last; None where it never did, or a person deleted it before it had a thread.

    Here as below ``thread_id`` is None where the thread was deleted.
    """
    same = (_outgoing.c.reading_id == reading_id, _outgoing.c.position == position)
    row = (await conn.execute(_sent(_outgoing.c.club_id == club_id, *same).limit(1))).first()
    return None if row is None else _row(row)


async def of_clubs(conn: Connection, club_ids: Collection[int]) -> list[Outgoing]:
    """All of them, of every reading, newest first."""
    return [_row(row) for row in await conn.execute(_sent(_outgoing.c.club_id.in_(club_ids)))]


async def of_excerpts(conn: Connection, guild_id: int, excerpts: Iterable[tuple[int, int]]) -> list[Outgoing]:
    """All posts in the guild of those excerpts, each named by its reading and position, newest first."""
    same = [(_outgoing.c.reading_id == reading_id) & (_outgoing.c.position == at) for reading_id, at in excerpts]
    query = _sent(_outgoing.c.guild_id == guild_id, or_(false(), *same))
    return [_row(row) for row in await conn.execute(query)]


async def by_message(conn: Connection, guild_id: int, message_id: int) -> Outgoing | None:
    """``message_id`` may as well be the thread's, which is the same (resources/channel.mdx)."""
    query = _sent(_outgoing.c.guild_id == guild_id, _outgoing.c.message_id == message_id)
    row = (await conn.execute(query)).first()
    return None if row is None else _row(row)


def _sent(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return (
        select(_outgoing, _discussions.c.thread_deleted_at)
        .join(_discussions, _discussions.c.post_id == _outgoing.c.id, isouter=True)
        .where(
            *conditions,
            _outgoing.c.kind == OutgoingKind.POST,
            _outgoing.c.message_id.is_not(None),
            _outgoing.c.state != OutgoingState.WITHDRAWN,
        )
        .order_by(_outgoing.c.message_id.desc())  # snowflakes grow with time
    )


def _row(row: Row[*tuple[Any, ...]]) -> Outgoing:
    values = row._asdict()
    deleted = values.pop("thread_deleted_at") is not None
    post = Outgoing(**values)
    return replace(post, thread_id=None) if deleted else post
