"""What the club says about the talk: in each thread just before it closes, in the channel when a reading has ended.

A digest is no reason to stop a club or to keep a thread open for long: where it cannot be posted there is none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from bot.club.outcome import Failure, Outcome, RefusedError, pause
from bot.discussion.digests import post_digest, reading_digest
from bot.reading.digest import Digest
from bot.storage import clubs, discussions, guilds, outgoing
from bot.storage.database import Connection
from bot.storage.records import UNSENT, Club, ClubState, NewOutgoing, Outgoing, OutgoingKind, OutgoingState

DIGESTS = frozenset({OutgoingKind.DIGEST, OutgoingKind.READING_DIGEST})

LOOKS_FOR_TALK = 7
"""How often a thread that is to close is looked at while what was said in it has still to be compared with Discord:
for 28 minutes (``bot.club.outcome.PAUSES``)."""

LOOKS = 10
"""How often altogether before it closes without its digest: for 58 minutes."""


ON_ITS_WAY = 30.0
"""Seconds before the next look after that, at a digest that is just being tried once more."""


class First(Enum):
    """What comes first where a thread is to be closed."""

    CLOSING = auto()
    DIGEST = auto()
    WAITING = auto()


@dataclass(frozen=True, slots=True)
class Said:
    """What a digest is about to say."""

    digest: Digest
    thread_of: int | None
    """The channel that its thread belongs to; None where it is said in a channel."""


def digest_key(post: Outgoing) -> str:
    return f"digest:{_excerpt_of(post)}"


def reading_digest_key(run: str) -> str:
    """``run`` is ``<club uid>:<run>``, as in the keys of that run's posts."""
    return f"reading_digest:{run}"


def _excerpt_of(post: Outgoing) -> str:
    """``<club uid>:<run>:<position>``, from the key: the club may have begun another reading since."""
    return post.key.partition(":")[2]


def _run_of(row: Outgoing) -> str:
    """``<club uid>:<run>`` of any message of a run."""
    return ":".join(row.key.split(":")[1:3])


async def what_first(conn: Connection, post: Outgoing, now: datetime) -> First:
    """``post.retries`` counts the looks so far."""
    planned = await outgoing.by_key(conn, digest_key(post))
    if planned is not None:
        if planned.state not in UNSENT:
            return First.CLOSING
        under_way = planned.lease_until is not None and planned.lease_until > now
        return First.WAITING if under_way or post.retries < LOOKS else First.CLOSING
    if post.club_id is None or not (await guilds.settings(conn, post.guild_id)).thread_digests:
        return First.CLOSING
    discussion = await discussions.by_post(conn, post.id)
    if discussion is None or discussion.thread_deleted_at is not None or discussion.locked:
        return First.CLOSING
    if discussion.wanted_at is not None and post.retries < LOOKS_FOR_TALK:
        return First.WAITING
    return First.DIGEST if await discussions.talked_about(conn, [post.id]) else First.CLOSING


def look_again(post: Outgoing, now: datetime) -> datetime:
    """When, at a thread that waits for its digest."""
    return now + timedelta(seconds=pause(post.retries + 1) if post.retries < LOOKS else ON_ITS_WAY)


async def plan_digest(conn: Connection, post: Outgoing, now: datetime) -> None:
    await outgoing.plan(
        conn,
        NewOutgoing(
            guild_id=post.guild_id,
            club_id=post.club_id,
            kind=OutgoingKind.DIGEST,
            key=digest_key(post),
            channel_id=post.thread_id or 0,
            due_at=now,
            reading_id=post.reading_id,
            position=post.position,
            look_since=post.look_since,
        ),
    )


async def after_the_end(conn: Connection, row: Outgoing, now: datetime) -> None:
    """What follows once nothing more is to be done about a message, whatever became of it."""
    if row.kind is OutgoingKind.DIGEST:
        await outgoing.hurry_closing(conn, row.channel_id, now)
    elif row.kind in (OutgoingKind.POST, OutgoingKind.ENDING):
        await _plan_reading_digest(conn, row, now)


async def _plan_reading_digest(conn: Connection, row: Outgoing, now: datetime) -> None:
    """Once the end of the reading was announced and every thread of it is closed, what the whole of it brought is
    said, if anybody said anything."""
    club = await clubs.locked(conn, row.club_id) if row.club_id is not None else None
    if club is None:
        return
    run = _run_of(row)
    ending = await outgoing.by_key(conn, f"ending:{run}")
    if not _is_over(club, run, ending):
        return
    posts = await outgoing.posts_of_run(conn, club.id, f"post:{run}:")
    if any(post.state in outgoing.OPEN for post in posts):
        return
    if not await discussions.talked_about(conn, [post.id for post in posts]):
        return
    looks = [known.look_since for known in (row, ending) if known is not None and known.look_since is not None]
    await outgoing.plan(
        conn,
        NewOutgoing(
            guild_id=club.guild_id,
            club_id=club.id,
            kind=OutgoingKind.READING_DIGEST,
            key=reading_digest_key(run),
            channel_id=club.channel_id,
            due_at=now,
            reading_id=row.reading_id,
            look_since=min(looks, default=None),
        ),
    )


def _is_over(club: Club, run: str, ending: Outgoing | None) -> bool:
    """By its announcement; a club that was restored from a backup may know no more than that it has ended."""
    if ending is not None:
        return ending.state in (OutgoingState.CLOSED, OutgoingState.WITHDRAWN)
    return club.state is ClubState.ENDED and run == f"{club.uid}:{club.run}"


async def say(conn: Connection, row: Outgoing) -> Said:
    """What a digest says by now. Raises RefusedError where nothing is left to be said, or nowhere."""
    if row.kind is OutgoingKind.READING_DIGEST:
        said = await reading_digest(conn, row.club_id or 0, int(_run_of(row).partition(":")[2]))
        thread_of = None
    else:
        discussion = await discussions.by_thread(conn, row.channel_id)
        if discussion is None or discussion.closed_at is not None or discussion.thread_deleted_at is not None:
            raise RefusedError(Failure(Outcome.GONE, "The thread was closed or deleted without it."))
        said = await post_digest(conn, discussion.post_id)
        thread_of = discussion.channel_id
    if said is None:
        raise RefusedError(Failure(Outcome.GONE, "Nothing of what was said is left."))
    return Said(said, thread_of)
