"""All that is stored about one member, in every guild, for the member."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Row, Select, or_, select

from bot.storage import deletions, schema
from bot.storage.records import Bookmark, Consent, Deletion, Pick, Reaction, Reply
from bot.storage.sql import Connection

_replies, _reactions, _picks, _discussions = schema.replies, schema.reactions, schema.picks, schema.discussions


@dataclass(slots=True)
class PersonalGuild:
    """What is stored about a member in one guild."""

    guild_id: int
    replies: list[tuple[int, Reply]] = field(default_factory=list)
    """Each with the id of its thread, newest first."""
    reactions: list[tuple[int, Reaction]] = field(default_factory=list)
    """Those the member gave, each with the id of the thread, the newest message first."""
    picks: list[Pick] = field(default_factory=list)
    """Of the member's replies, and those that the member made."""
    consent: Consent = field(default_factory=Consent)
    bookmarks: list[tuple[str, Bookmark]] = field(default_factory=list)
    """Each with the title of its reading, newest first."""
    readings: list[str] = field(default_factory=list)
    """The titles of those the member added."""
    club_channels: list[int] = field(default_factory=list)
    """Where the clubs are that the member set up."""


@dataclass(frozen=True, slots=True)
class Personal:
    guilds: list[PersonalGuild]
    deletion: Deletion | None
    """The last one that the member asked for, if any."""


async def of_member(conn: Connection, user_id: int) -> Personal:
    found: dict[int, PersonalGuild] = {}

    def of(guild_id: int) -> PersonalGuild:
        return found.setdefault(guild_id, PersonalGuild(guild_id))

    await _said(conn, user_id, of)
    await _chosen(conn, user_id, of)
    asked = await deletions.of_member(conn, user_id)
    last = max(asked, key=lambda each: each.deleted_at, default=None)
    return Personal(sorted(found.values(), key=lambda each: each.guild_id), last)


async def thoughts(conn: Connection, user_id: int) -> list[tuple[int, int, int]]:
    """Guild, thread and message of what the bot posted for the member, newest first."""
    query = (
        select(_replies.c.guild_id, _discussions.c.thread_id, _replies.c.message_id)
        .join(_discussions, _discussions.c.post_id == _replies.c.post_id)
        .where(_replies.c.author_id == user_id, _replies.c.thought)
        .order_by(_replies.c.message_id.desc())
    )
    return [(row.guild_id, row.thread_id, row.message_id) for row in await conn.execute(query)]


async def _said(conn: Connection, user_id: int, of: Callable[[int], PersonalGuild]) -> None:
    replies = (
        select(_replies, _discussions.c.thread_id)
        .join(_discussions, _discussions.c.post_id == _replies.c.post_id)
        .where(_replies.c.author_id == user_id)
        .order_by(_replies.c.message_id.desc())
    )
    async for row in _rows(conn, replies):
        *kept, thread_id = row
        of(row.guild_id).replies.append((thread_id, Reply(*kept)))
    given = tuple(_reactions.c[each.name] for each in fields(Reaction))
    reactions = (
        select(*given, _reactions.c.guild_id, _discussions.c.thread_id)
        .join(_discussions, _discussions.c.post_id == _reactions.c.post_id)
        .where(_reactions.c.user_id == user_id)
        .order_by(_reactions.c.message_id.desc(), _reactions.c.emoji)
    )
    async for row in _rows(conn, reactions):
        *kept, guild_id, thread_id = row
        of(guild_id).reactions.append((thread_id, Reaction(*kept)))
    theirs = select(_replies.c.message_id).where(_replies.c.author_id == user_id)
    picks = select(_picks).where(or_(_picks.c.picked_by == user_id, _picks.c.message_id.in_(theirs)))
    async for row in _rows(conn, picks.order_by(_picks.c.message_id.desc())):
        of(row.guild_id).picks.append(Pick(*row))


async def _chosen(conn: Connection, user_id: int, of: Callable[[int], PersonalGuild]) -> None:
    members, bookmarks, readings, clubs = schema.members, schema.bookmarks, schema.readings, schema.clubs
    for row in await conn.execute(select(members).where(members.c.user_id == user_id)):
        of(row.guild_id).consent = Consent(quotes=row.quotes, streaks=row.streaks)
    marked = (
        select(bookmarks, readings.c.title)
        .join(readings, readings.c.id == bookmarks.c.reading_id)
        .where(bookmarks.c.user_id == user_id)
        .order_by(bookmarks.c.id.desc())
    )
    for row in await conn.execute(marked):
        *kept, title = row
        of(row.guild_id).bookmarks.append((title, Bookmark(*kept)))
    added = select(readings.c.guild_id, readings.c.title).where(readings.c.added_by == user_id)
    for guild_id, title in await conn.execute(added.order_by(readings.c.id)):
        of(guild_id).readings.append(title)
    set_up = select(clubs.c.guild_id, clubs.c.channel_id).where(clubs.c.created_by == user_id)
    for guild_id, channel_id in await conn.execute(set_up.order_by(clubs.c.id)):
        of(guild_id).club_channels.append(channel_id)


async def _rows(conn: Connection, query: Select[*tuple[Any, ...]]) -> AsyncIterator[Row[*tuple[Any, ...]]]:
    """A portion at a time: a member may have written tens of thousands of replies."""
    async with conn.stream(query) as result:
        async for portion in result.partitions(1_000):
            for row in portion:
                yield row
