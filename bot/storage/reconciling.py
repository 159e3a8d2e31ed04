"""What is kept of a stretch of a thread, to be held against what Discord says of that stretch."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select

from bot.storage import schema
from bot.storage.records import BURST, NORMAL
from bot.storage.sql import Connection

_discussions, _replies, _reactions = schema.discussions, schema.replies, schema.reactions

KINDS = (NORMAL, BURST)

Counts = dict[tuple[str, int], int]
"""Emoji and kind → how many members; none is left out."""


async def replies_in(conn: Connection, post_id: int, after: int, upto: int | None) -> dict[int, datetime | None]:
    """When the replies with ids past ``after``, up to ``upto`` where that is given, were last edited."""
    query = select(_replies.c.message_id, _replies.c.edited_at).where(
        _replies.c.post_id == post_id, *_between(_replies.c.message_id, after, upto)
    )
    return {row.message_id: row.edited_at for row in await conn.execute(query)}


async def counts(conn: Connection, message_ids: Collection[int]) -> dict[int, Counts]:
    """How many members gave which reactions to those messages; a message without any is left out."""
    of = (_reactions.c.message_id, _reactions.c.emoji, _reactions.c.kinds)
    query = select(*of, func.count().label("many")).where(_reactions.c.message_id.in_(message_ids)).group_by(*of)
    found: dict[int, Counts] = {}
    for row in await conn.execute(query):
        mine = found.setdefault(row.message_id, {})
        for kind in KINDS:
            if row.kinds & kind:
                mine[row.emoji, kind] = mine.get((row.emoji, kind), 0) + row.many
    return found


async def givers_in(
    conn: Connection, message_id: int, emoji: str, kind: int, after: int = 0, upto: int | None = None
) -> set[int]:
    """Who gave that reaction in that way, of those whose ids are past ``after`` up to ``upto``."""
    theirs = and_(
        _reactions.c.message_id == message_id,
        _reactions.c.emoji == emoji,
        _reactions.c.kinds.bitwise_and(kind) != 0,
        *_between(_reactions.c.user_id, after, upto),
    )
    return set(await conn.scalars(select(_reactions.c.user_id).where(theirs)))


async def count_wanted(conn: Connection, guild_id: int) -> int:
    """How many discussions of one guild wait to be compared with Discord."""
    waiting = (_discussions.c.guild_id == guild_id, _discussions.c.wanted_at.is_not(None))
    return await conn.scalar(select(func.count()).select_from(_discussions).where(*waiting)) or 0


def _between(id_: ColumnElement[int], after: int, upto: int | None) -> list[ColumnElement[bool]]:
    return [id_ > after] if upto is None else [id_ > after, id_ <= upto]
