"""What was said about a club's posts, counted by the database: only sums come out of it, and few single replies."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    Row,
    Select,
    and_,
    case,
    cast,
    distinct,
    extract,
    func,
    literal_column,
    or_,
    select,
    true,
    union,
)

from bot.reading.digest import QUARTER, EmojiCount, MemberTalk, PointedReply, Quarter
from bot.storage import schema
from bot.storage.records import OutgoingKind
from bot.storage.sql import Connection

_outgoing = schema.outgoing
_discussions = schema.discussions
_replies = schema.replies
_reactions = schema.reactions
_picks = schema.picks
_members = schema.members
_clubs = schema.clubs
_readings = schema.readings
_excerpts = schema.excerpts

_UID = "_" * 16
"""Any club's uid, in a pattern of LIKE."""


@dataclass(frozen=True, slots=True)
class ClubRun:
    """One reading of one club, from its first post to its last."""

    club_id: int
    run: int
    reading_id: int
    title: str
    posts: int
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class PostedExcerpt:
    """One post, and the excerpt that it shows."""

    post_id: int
    club_id: int | None
    """None where the club was removed."""
    run: int
    position: int
    heading: str
    """As the source wrote it."""
    channel_id: int
    thread_id: int
    """The message's id as well."""


@dataclass(frozen=True, slots=True)
class Counts:
    people: int
    replies: int
    reactions: int


async def runs(conn: Connection, guild_id: int) -> list[ClubRun]:
    """Of all the guild's clubs, the newest first; those alone of which something was posted."""
    query = (
        select(_outgoing.c.club_id, _outgoing.c.key, _outgoing.c.reading_id, _outgoing.c.sent_at, _readings.c.title)
        .join(_discussions, _discussions.c.post_id == _outgoing.c.id)
        .join(_readings, _readings.c.id == _outgoing.c.reading_id)
        .where(
            _outgoing.c.guild_id == guild_id,
            _outgoing.c.kind == OutgoingKind.POST,
            _outgoing.c.club_id.is_not(None),
            _outgoing.c.sent_at.is_not(None),
        )
        .order_by(_outgoing.c.message_id)
    )
    found: dict[tuple[int, int], ClubRun] = {}
    for row in await conn.execute(query):
        run = _run_of(row.key)
        known = found.get((row.club_id, run))
        posts, begun_at = (known.posts + 1, known.begun_at) if known else (1, row.sent_at)
        found[row.club_id, run] = ClubRun(row.club_id, run, row.reading_id, row.title, posts, begun_at)
    return list(found.values())[::-1]


def _run_of(key: str) -> int:
    """``post:<club uid>:<run>:<position>``"""
    return int(key.split(":")[2])


async def posts(conn: Connection, club_id: int, run: int) -> list[PostedExcerpt]:
    """By position; without those that were never sent."""
    return await _posts(conn, _outgoing.c.club_id == club_id, _outgoing.c.key.like(f"post:{_UID}:{run}:%"))


async def post(conn: Connection, post_id: int) -> PostedExcerpt | None:
    found = await _posts(conn, _outgoing.c.id == post_id)
    return found[0] if found else None


async def _posts(conn: Connection, *conditions: ColumnElement[bool]) -> list[PostedExcerpt]:
    here = and_(_excerpts.c.reading_id == _outgoing.c.reading_id, _excerpts.c.position == _outgoing.c.position)
    query = (
        select(_discussions, _outgoing.c.club_id, _outgoing.c.key, _outgoing.c.position, _excerpts.c.heading)
        .join(_outgoing, _outgoing.c.id == _discussions.c.post_id)
        .outerjoin(_excerpts, here)
        .where(*conditions, _outgoing.c.kind == OutgoingKind.POST, _outgoing.c.position.is_not(None))
        .order_by(_outgoing.c.position)
    )
    return [
        PostedExcerpt(
            post_id=row.post_id,
            club_id=row.club_id,
            run=_run_of(row.key),
            position=row.position,
            heading=row.heading or "",
            channel_id=row.channel_id,
            thread_id=row.thread_id,
        )
        for row in await conn.execute(query)
    ]


async def counts(conn: Connection, post_ids: Sequence[int]) -> dict[int, Counts]:
    """Of each post of which anything was said."""
    said = select(_replies.c.post_id, func.count()).where(_replies.c.post_id.in_(post_ids))
    given = _given(_reactions.c.post_id, func.count()).where(_reactions.c.post_id.in_(post_ids))
    who = _who(post_ids).subquery()
    replies = await _pairs(conn, said.group_by(_replies.c.post_id))
    reactions = await _pairs(conn, given.group_by(_reactions.c.post_id))
    people = await _pairs(conn, select(who.c.post_id, func.count()).group_by(who.c.post_id))
    return {
        post_id: Counts(people=number, replies=replies.get(post_id, 0), reactions=reactions.get(post_id, 0))
        for post_id, number in people.items()
    }


async def people(conn: Connection, post_ids: Sequence[int]) -> int:
    """Who replied or reacted to any of them, each once."""
    who = _who(post_ids).subquery()
    return await conn.scalar(select(func.count(distinct(who.c.user_id)))) or 0


async def emojis(conn: Connection, post_ids: Sequence[int]) -> tuple[EmojiCount, ...]:
    """The most frequent first. A custom emoji has the last of its names in the alphabet."""
    number = func.count().label("number")
    query = (
        _given(_reactions.c.emoji, func.max(_reactions.c.name), number)
        .where(_reactions.c.post_id.in_(post_ids))
        .group_by(_reactions.c.emoji)
        .order_by(number.desc(), func.min(_reactions.c.message_id), _reactions.c.emoji)
    )
    return tuple(EmojiCount(*row) for row in await conn.execute(query))


async def most_reacted(conn: Connection, posted: Iterable[PostedExcerpt], limit: int) -> tuple[PointedReply, ...]:
    """The replies with the most reactions, the earliest of several; those without one are left out."""
    places = {each.post_id: each for each in posted}
    number = func.count().label("number")
    best = (
        select(_reactions.c.message_id, number)
        .join(_replies, _replies.c.message_id == _reactions.c.message_id)
        .where(_reactions.c.post_id.in_(places))
        .group_by(_reactions.c.message_id)
        .order_by(number.desc(), _reactions.c.message_id)
        .limit(limit)
        .subquery()
    )
    query = _pointed(best.c.number).join(best, best.c.message_id == _replies.c.message_id)
    return _replies_of(await conn.execute(query.order_by(best.c.number.desc(), _replies.c.message_id)), places)


async def picked(conn: Connection, posted: Iterable[PostedExcerpt], limit: int) -> tuple[PointedReply, ...]:
    """Those that members added to the digest, the one that was picked first comes first."""
    places = {each.post_id: each for each in posted}
    number = select(func.count()).where(_reactions.c.message_id == _replies.c.message_id).scalar_subquery()
    query = (
        _pointed(number)
        .where(_picks.c.post_id.in_(places))
        .order_by(_picks.c.picked_at, _picks.c.message_id)
        .limit(limit)
    )
    return _replies_of(await conn.execute(query), places)


async def quarters(conn: Connection, post_ids: Sequence[int]) -> list[Quarter]:
    """What came when; without reactions whose time is unknown."""
    when = _quarter(conn, _replies.c.created_at)
    replies = await _pairs(conn, select(when, func.count()).where(_replies.c.post_id.in_(post_ids)).group_by(when))
    when = _quarter(conn, _reactions.c.added_at)
    timed = (_reactions.c.post_id.in_(post_ids), _reactions.c.added_at.is_not(None))
    reactions = await _pairs(conn, _given(when, func.count()).where(*timed).group_by(when))
    return await asyncio.to_thread(_merged, replies, reactions)


def _merged(replies: dict[int, int], reactions: dict[int, int]) -> list[Quarter]:
    numbers = sorted(replies.keys() | reactions.keys())
    return [Quarter(number, replies.get(number, 0), reactions.get(number, 0)) for number in numbers]


async def regulars(conn: Connection, guild_id: int, post_ids: Sequence[int]) -> dict[int, set[int]]:
    """Which of the posts each member replied to, of those who agreed to appear in streaks."""
    query = (
        select(_replies.c.author_id, _replies.c.post_id)
        .distinct()
        .join(_members, (_members.c.user_id == _replies.c.author_id) & (_members.c.guild_id == guild_id))
        .where(_members.c.streaks, _replies.c.post_id.in_(post_ids))
    )
    found: dict[int, set[int]] = {}
    for member, post_id in await conn.execute(query):
        found.setdefault(member, set()).add(post_id)
    return found


async def of_member(conn: Connection, user_id: int, posted: Iterable[PostedExcerpt], limit: int) -> MemberTalk:
    """``limit`` is how many of the replies are named."""
    places = {each.post_id: each for each in posted}
    mine = and_(_replies.c.author_id == user_id, _replies.c.post_id.in_(places))
    given = _given(func.count()).where(_reactions.c.user_id == user_id, _reactions.c.post_id.in_(places))
    by_others = (_reactions.c.message_id == _replies.c.message_id) & (_reactions.c.user_id != user_id)
    received = select(func.count()).select_from(_reactions).join(_replies, by_others).where(mine)
    number = select(func.count()).where(by_others).correlate(_replies).scalar_subquery().label("number")
    best = (
        select(_replies.c.post_id, _replies.c.message_id, number)
        .where(mine)
        .order_by(number.desc(), _replies.c.message_id.desc())
        .limit(limit)
    )
    per_post = await _pairs(conn, select(_replies.c.post_id, func.count()).where(mine).group_by(_replies.c.post_id))
    return MemberTalk(
        replies=sum(per_post.values()),
        given=await conn.scalar(given) or 0,
        received=await conn.scalar(received) or 0,
        positions=frozenset(places[post_id].position for post_id in per_post),
        best=tuple(
            PointedReply(places[row.post_id].thread_id, row.message_id, places[row.post_id].position, row.number)
            for row in await conn.execute(best)
        ),
    )


def _given(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Of the reactions that count: those to the post itself and to replies that are there."""
    return (
        select(*columns)
        .select_from(_reactions)
        .join(_discussions, _discussions.c.post_id == _reactions.c.post_id)
        .outerjoin(_replies, _replies.c.message_id == _reactions.c.message_id)
        .where(or_(_reactions.c.message_id == _discussions.c.thread_id, _replies.c.message_id.is_not(None)))
    )


def _who(post_ids: Sequence[int]) -> CompoundSelect[*tuple[Any, ...]]:
    return union(
        select(_replies.c.post_id, _replies.c.author_id.label("user_id")).where(_replies.c.post_id.in_(post_ids)),
        _given(_reactions.c.post_id, _reactions.c.user_id).where(_reactions.c.post_id.in_(post_ids)),
    )


def _pointed(number: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """Replies and who wrote what, where the author agreed to be quoted or picked that reply themself.

    Else neither leaves the database.
    """
    quotable = _members.c.quotes.is_(true())
    added = and_(_picks.c.picked_by == _replies.c.author_id, _picks.c.text.is_not(None))
    member = (_members.c.guild_id == _replies.c.guild_id) & (_members.c.user_id == _replies.c.author_id) & quotable
    return (
        select(
            _replies.c.post_id,
            _replies.c.message_id,
            case((or_(quotable, added), _replies.c.author_id)).label("user_id"),
            case((quotable, func.coalesce(_replies.c.text, _picks.c.text)), (added, _picks.c.text)).label("text"),
            number.label("number"),
        )
        .outerjoin(_members, member)
        .outerjoin(_picks, _picks.c.message_id == _replies.c.message_id)
    )


def _replies_of(rows: Iterable[Row[*tuple[Any, ...]]], places: Mapping[int, PostedExcerpt]) -> tuple[PointedReply, ...]:
    return tuple(
        PointedReply(
            thread_id=places[row.post_id].thread_id,
            message_id=row.message_id,
            position=places[row.post_id].position,
            reactions=row.number,
            author_id=row.user_id,
            text=row.text,
        )
        for row in rows
    )


def _quarter(conn: Connection, moment: ColumnElement[datetime]) -> ColumnElement[int]:
    """Quarters of an hour since 1970."""
    quarter: ColumnElement[int] = literal_column(str(QUARTER), Integer)
    if conn.dialect.name == "sqlite":
        whole_seconds = func.substr(moment, 1, 19)  # strftime rounds what lies behind them up, here and there
        return cast(func.strftime(literal_column("'%s'"), whole_seconds), BigInteger) // quarter
    return cast(func.floor(extract("epoch", moment) / quarter), BigInteger)


async def _pairs(conn: Connection, query: Select[*tuple[Any, ...]]) -> dict[int, int]:
    """Some at a time: a year of talk has tens of thousands of quarters, and the event loop has more to do."""
    found: dict[int, int] = {}
    async with conn.stream(query) as rows:
        async for some in rows.partitions(500):
            found.update((row[0], row[1]) for row in some)
    return found
