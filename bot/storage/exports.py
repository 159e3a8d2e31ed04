"""What an export of a club's talk is made of, read in portions: a thread may have tens of thousands of rows."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from bot.storage import schema
from bot.storage.records import Reaction, Reply
from bot.storage.sql import Connection

PORTION = 500
"""Rows that are read at once."""

_replies = schema.replies
_reactions = schema.reactions
_discussions = schema.discussions
_outgoing = schema.outgoing
_given = tuple(_reactions.c[field.name] for field in fields(Reaction))


@dataclass(frozen=True, slots=True)
class TalkedPost:
    """A post, and of which reading it is an excerpt."""

    post_id: int
    thread_id: int
    reading: str | None
    """Its title."""
    position: int | None
    """Counted from 0."""


async def posts(conn: Connection, club_id: int, *, post_id: int | None = None) -> list[TalkedPost]:
    """All that the club ever posted, of every reading, oldest first; or the one, if it is this club's."""
    query = (
        select(_discussions.c.post_id, _discussions.c.thread_id, schema.readings.c.title, _outgoing.c.position)
        .join(_outgoing, _outgoing.c.id == _discussions.c.post_id)
        .join(schema.readings, schema.readings.c.id == _outgoing.c.reading_id, isouter=True)
        .where(_outgoing.c.club_id == club_id)
        .order_by(_discussions.c.thread_id)
    )
    if post_id is not None:
        query = query.where(_outgoing.c.id == post_id)
    return [TalkedPost(*row) for row in await conn.execute(query)]


async def count(conn: Connection, club_id: int, *, post_id: int | None = None) -> int:
    """How many replies and reactions there are to those posts."""
    found = 0
    for kept in (_replies, _reactions):
        query = _of_club(select(func.count()).select_from(kept), kept.c.post_id, club_id, post_id)
        found += await conn.scalar(query) or 0
    return found


async def received(conn: Connection, said: list[Reply]) -> dict[int, int]:
    """How many reactions each reply of a portion has, where it has any."""
    table = _reactions.c
    among = table.message_id.between(said[0].message_id, said[-1].message_id)
    query = select(table.message_id, func.count()).where(among, table.post_id == said[0].post_id)
    return {row[0]: row[1] for row in await conn.execute(query.group_by(table.message_id))}


async def replies(conn: Connection, post_id: int, *, portion: int = PORTION) -> AsyncIterator[list[Reply]]:
    """Oldest first."""
    query = select(_replies).where(_replies.c.post_id == post_id).order_by(_replies.c.message_id).limit(portion)
    last = 0
    while rows := [Reply(**row._asdict()) for row in await conn.execute(query.where(_replies.c.message_id > last))]:
        yield rows
        last = rows[-1].message_id


async def reactions(conn: Connection, post_id: int, *, portion: int = PORTION) -> AsyncIterator[list[Reaction]]:
    """By message, oldest first."""
    key = (_reactions.c.message_id, _reactions.c.emoji, _reactions.c.user_id)
    first = select(*_given).where(_reactions.c.post_id == post_id).order_by(*key).limit(portion)
    query = first
    while rows := [Reaction(**row._asdict()) for row in await conn.execute(query)]:
        yield rows
        query = first.where(tuple_(*key) > (rows[-1].message_id, rows[-1].emoji, rows[-1].user_id))


def _of_club(
    query: Select[*tuple[Any, ...]], column: ColumnElement[int], club_id: int, post_id: int | None
) -> Select[*tuple[Any, ...]]:
    mine = select(_outgoing.c.id).where(_outgoing.c.club_id == club_id)
    if post_id is not None:
        mine = mine.where(_outgoing.c.id == post_id)
    return query.where(column.in_(mine))
