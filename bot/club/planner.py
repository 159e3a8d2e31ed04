"""Decides what each club must say next, and writes it down as a row before anything is sent."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.club import wording
from bot.club.permissions import remedy
from bot.reading.library import seeds
from bot.reading.schedule import Action, Decision, decide
from bot.storage import clubs, outgoing, readings
from bot.storage.database import Connection, Database
from bot.storage.records import UNSENT, Club, ClubState, NewOutgoing, Outgoing, OutgoingKind, OutgoingState, Shards

AT_ONCE = 100
"""How many clubs are decided about in one transaction: more would hold up those that want to write meanwhile."""

LONGEST = timedelta(days=1)
"""How long a decision to wait is trusted at most."""

WAITING = timedelta(hours=1)
"""When a club is looked at again that has something to send; it is sooner, as soon as that is done with."""


def post_key(club: Club, position: int) -> str:
    """One excerpt in one run of one club: whatever happens, it is posted once."""
    return f"post:{club.uid}:{club.run}:{position}"


def ending_key(club: Club) -> str:
    return f"ending:{club.uid}:{club.run}"


def new_post(club: Club, position: int, now: datetime, *, day: date | None) -> NewOutgoing:
    """One excerpt of the club's reading, to be posted now; ``day`` is the local day whose slot it uses, if any."""
    return NewOutgoing(
        guild_id=club.guild_id,
        club_id=club.id,
        kind=OutgoingKind.POST,
        key=post_key(club, position),
        channel_id=club.channel_id,
        due_at=now,
        reading_id=club.reading_id,
        position=position,
        day=day,
        look_since=club.restored_from,
    )


async def plan_due(database: Database, shards: Shards | None, now: datetime) -> bool:
    """Decides about up to ``AT_ONCE`` clubs whose time has come, in one transaction; True where more may wait.

    What is noted for each is only when to look at it again; what it has to say is always decided anew.
    """
    async with database.write() as conn:
        due, unreadable = await clubs.to_decide(conn, shards, now, limit=AT_ONCE)
        moments: dict[datetime, list[int]] = {}
        again = False
        for club in due:
            if (until := await _plan(conn, club, now)) is not None:
                moments.setdefault(min(until, now + LONGEST), []).append(club.id)
            else:
                again = True
        if unreadable:
            moments.setdefault(now + LONGEST, []).extend(unreadable)
        for until, club_ids in moments.items():
            await clubs.decided(conn, club_ids, until)
    return again or len(due) + len(unreadable) == AT_ONCE


async def _plan(conn: Connection, club: Club, now: datetime) -> datetime | None:
    """Answers when to decide about the club again if nothing about it changes; None for at once."""
    decision = decide(club.schedule, club.progress, now)
    if decision.action is Action.POST:
        # What `skip` lets go before this post goes when it is sent: until then the schedule must say the same.
        return await _plan_post(conn, club, decision, now)
    if decision.consumed:
        await clubs.advance(conn, club.id, run=club.run, position=decision.position, day=decision.day, post_at=None)
    if decision.action is Action.FINISH:
        await _plan_ending(conn, club, now)
        return now + WAITING
    return decision.next.at


async def _plan_post(conn: Connection, club: Club, decision: Decision, now: datetime) -> datetime | None:
    planned = await outgoing.plan(conn, new_post(club, decision.position, now, day=decision.day))
    if planned is None:
        row = await outgoing.by_key(conn, post_key(club, decision.position))
        if row is not None and row.state not in UNSENT and row.state is not OutgoingState.FAILED:
            # It was posted (or taken back by a person) before this club knew of it: go on behind it.
            await clubs.advance(
                conn,
                club.id,
                run=club.run,
                position=decision.position + 1,
                day=row.day,
                post_at=row.sent_at if row.day is not None else None,
            )
            return None
    return now + WAITING


async def _plan_ending(conn: Connection, club: Club, now: datetime) -> None:
    reading = await readings.get(conn, club.guild_id, club.reading_id)
    library = [seed.title for seed in seeds().values()]
    library += [stored.title for stored in await readings.newest(conn, club.guild_id)]
    title = reading.title if reading else "the reading"
    planned = await outgoing.plan(
        conn,
        NewOutgoing(
            guild_id=club.guild_id,
            club_id=club.id,
            kind=OutgoingKind.ENDING,
            key=ending_key(club),
            channel_id=club.channel_id,
            due_at=now,
            reading_id=club.reading_id,
            look_since=club.restored_from,
            text=wording.ending(title, club.progress.total, _others(library, title)),
        ),
    )
    if planned is None:
        await clubs.set_state(conn, club.id, ClubState.ENDED)


def _others(titles: Iterable[str], title: str) -> list[str]:
    return [other for other in dict.fromkeys(titles) if other != title]


async def move_on(conn: Connection, row: Outgoing, at: datetime) -> None:
    """Moves a club on behind a message of its that stands in the channel, or stood there, since ``at``.

    The local day of a scheduled post is used up even where the club has begun another reading meanwhile.
    """
    club = await clubs.by_id(conn, row.club_id) if row.club_id is not None else None
    if club is None:
        return
    if row.kind is OutgoingKind.ENDING and row.key == ending_key(club):
        await clubs.set_state(conn, club.id, ClubState.ENDED)
    elif row.kind is OutgoingKind.POST and row.position is not None:
        this_run = row.key == post_key(club, row.position)
        local_day = at.astimezone(ZoneInfo(club.schedule.zone)).date()
        await clubs.advance(
            conn,
            club.id,
            run=club.run,
            position=row.position + 1 if this_run else 0,
            day=max(row.day, local_day) if row.day is not None else None,
            post_at=at if row.day is not None else None,
        )


async def break_club(conn: Connection, club: Club, fault: str, now: datetime) -> None:
    """Stops a club until a manager mends what is wrong, and has the managers told, once for each break."""
    if await clubs.set_state(conn, club.id, ClubState.BROKEN, fault=fault, only_from=ClubState.ACTIVE):
        channel_id = club.notices_channel_id or club.channel_id
        await plan_notice(conn, club, await fault_text(conn, club, fault), now, channel_id=channel_id)


async def fault_text(conn: Connection, club: Club, fault: str) -> str:
    reading = await readings.get(conn, club.guild_id, club.reading_id)
    return wording.fault(reading.title if reading else "a text", club.channel_id, fault, remedy(fault))


async def plan_notice(conn: Connection, club: Club, text: str, now: datetime, *, channel_id: int) -> None:
    """Has the managers told, in a message of its own."""
    await outgoing.plan(
        conn,
        NewOutgoing(
            guild_id=club.guild_id,
            club_id=club.id,
            kind=OutgoingKind.FAULT,
            key=f"fault:{club.uid}:{int(now.timestamp())}:{channel_id}",
            channel_id=channel_id,
            due_at=now,
            text=text,
        ),
    )
