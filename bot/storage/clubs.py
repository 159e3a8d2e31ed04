"""Clubs: one reading running in one channel, its schedule, and how far it has come."""

import logging
import secrets
from collections.abc import Collection
from datetime import date, datetime, time
from typing import Any, TypedDict, Unpack

from sqlalchemy import ColumnElement, Row, Select, case, delete, exists, func, insert, literal, select, update

from bot.errors import UnavailableError
from bot.reading.schedule import Progress, Schedule
from bot.storage import schema
from bot.storage.records import UNSENT, Club, ClubState, NewClub, OutgoingKind, OutgoingState, Shards
from bot.storage.sql import Connection, within

log = logging.getLogger(__name__)

_clubs = schema.clubs
_outgoing = schema.outgoing
_DECIDE_NOW = {"decide_at": None}
# Made once: naming thirty columns takes SQLAlchemy longer than the database takes to answer.
_WITH_TOTAL = select(_clubs, schema.readings.c.total).join(schema.readings, schema.readings.c.id == _clubs.c.reading_id)


class Changes(TypedDict, total=False):
    """What a manager may change; what is not named stays."""

    channel_id: int
    schedule: Schedule
    ping_role_id: int | None
    notices_channel_id: int | None
    thread_days: int
    since: datetime
    last_day: date | None


async def create(conn: Connection, new: NewClub) -> Club:
    values = {
        "uid": secrets.token_hex(8),
        "guild_id": new.guild_id,
        "channel_id": new.channel_id,
        "reading_id": new.reading_id,
        "run": 1,
        **_schedule_columns(new.schedule),
        "position": 0,
        "since": new.created_at,
        "ping_role_id": new.ping_role_id,
        "notices_channel_id": new.notices_channel_id,
        "thread_days": new.thread_days,
        "state": ClubState.ACTIVE,
        "created_by": new.created_by,
        "created_at": new.created_at,
    }
    club_id = await conn.scalar(insert(_clubs).values(values).returning(_clubs.c.id))
    return await _present(conn, int(club_id or 0))


async def get(conn: Connection, guild_id: int, club_id: int) -> Club | None:
    """None also when the club is another guild's."""
    found = await _select(conn, _clubs.c.id == club_id, _clubs.c.guild_id == guild_id)
    return found[0] if found else None


async def by_id(conn: Connection, club_id: int) -> Club | None:
    found = await _select(conn, _clubs.c.id == club_id)
    return found[0] if found else None


async def locked(conn: Connection, club_id: int) -> Club | None:
    """As ``by_id``; on PostgreSQL nobody else changes it before this transaction ends."""
    await conn.execute(select(_clubs.c.id).where(_clubs.c.id == club_id).with_for_update(key_share=True))
    return await by_id(conn, club_id)


async def in_guild(conn: Connection, guild_id: int) -> list[Club]:
    """Oldest first, whatever their state."""
    return await _select(conn, _clubs.c.guild_id == guild_id)


async def all_clubs(conn: Connection) -> list[Club]:
    """Of every guild, whatever their state; for a check-up, not for the planner."""
    return await _select(conn)


async def to_decide(
    conn: Connection, shards: Shards | None, now: datetime, *, limit: int
) -> tuple[list[Club], list[int]]:
    """The clubs whose next step is to be decided now: active, with no scheduled post or ending still to be sent.

    Apart from them the ids of those that this machine cannot make sense of, each with a line in the log: one
    club whose time zone its tzdata does not know must not hold up all others.
    """
    due = _clubs.c.decide_at.is_(None) | (_clubs.c.decide_at <= now)
    found, unreadable = [], []
    # Where two processes decide at once, each takes what the other has not. Rows that refer to a club may be added
    # meanwhile (key_share): a command that plans a post while we plan the same one would be a deadlock otherwise.
    chosen = _query(*_decidable(shards), due).limit(limit)
    query = chosen.with_for_update(skip_locked=True, key_share=True, of=_clubs)
    for row in await conn.execute(query):
        try:
            found.append(_club(row))
        except ValueError as error:
            unreadable.append(row.id)
            log.error("club %s is left out: %s", row.id, " ".join(str(error).split())[:300])
    return found, unreadable


async def next_decision(conn: Connection, shards: Shards | None, now: datetime) -> datetime | None:
    """When the next club must be decided about, ``now`` where one waits for it already; None where there is none."""
    moment = func.coalesce(_clubs.c.decide_at, literal(now, schema.UtcTime()))
    query = select(func.min(moment, type_=schema.UtcTime())).where(*_decidable(shards))
    due: datetime | None = await conn.scalar(query)
    return due


async def decided(conn: Connection, club_ids: Collection[int], until: datetime) -> None:
    """Nothing need be decided about these clubs before ``until``, unless something about them changes."""
    await conn.execute(update(_clubs).where(_clubs.c.id.in_(club_ids)).values(decide_at=until))


async def forget_decisions(conn: Connection, shards: Shards | None) -> None:
    """Has every club decided about anew: the rules of its time zone may have changed with the machine's tzdata."""
    await conn.execute(update(_clubs).where(within(shards, _clubs.c.guild_id)).values(_DECIDE_NOW))


async def looked_through(conn: Connection, club_id: int) -> None:
    """Its channel holds nothing any more that this database, restored from a backup, does not know of."""
    await conn.execute(update(_clubs).where(_clubs.c.id == club_id).values(restored_from=None))


def _decidable(shards: Shards | None) -> tuple[ColumnElement[bool], ...]:
    waiting = exists().where(
        _outgoing.c.club_id == _clubs.c.id,
        _outgoing.c.state.in_(UNSENT),
        ((_outgoing.c.kind == OutgoingKind.POST) & _outgoing.c.day.is_not(None))
        | (_outgoing.c.kind == OutgoingKind.ENDING),
    )
    return _clubs.c.state == ClubState.ACTIVE, ~waiting, within(shards, _clubs.c.guild_id)


async def edit(conn: Connection, club_id: int, **changes: Unpack[Changes]) -> Club:
    """Raises UnavailableError when the club is gone."""
    values: dict[str, Any] = {**changes}
    schedule = values.pop("schedule", None)
    if schedule is not None:
        values |= _schedule_columns(schedule)
    if values:
        await _change(conn, club_id, values)
    return await _present(conn, club_id)


async def begin(conn: Connection, club_id: int, *, reading_id: int, since: datetime, position: int = 0) -> Club:
    """Starts another reading, or the same one again, on the same days. A club that had ended is active again.

    The day of the last post stays, so that this local day is not used twice. Its messages are told from all earlier
    ones by a new uid as well: a database restored from a backup does not know how many runs there were since.
    Raises UnavailableError when the club is gone.
    """
    values = {
        "uid": secrets.token_hex(8),
        "reading_id": reading_id,
        "run": _clubs.c.run + 1,
        "position": position,
        "state": case((_clubs.c.state == ClubState.ENDED, ClubState.ACTIVE), else_=_clubs.c.state),
        "since": since,
    }
    await _change(conn, club_id, values)
    return await _present(conn, club_id)


async def set_state(
    conn: Connection,
    club_id: int,
    state: ClubState,
    *,
    fault: str | None = None,
    since: datetime | None = None,
    only_from: ClubState | None = None,
) -> bool:
    """Whether this call changed the state; one that finds it so already leaves everything as it is."""
    values: dict[str, Any] = {"state": state, "fault": fault if state is ClubState.BROKEN else None, **_DECIDE_NOW}
    if since is not None:
        values["since"] = since
    query = update(_clubs).where(_clubs.c.id == club_id, _clubs.c.state != state)
    if only_from is not None:
        query = query.where(_clubs.c.state == only_from)
    done = await conn.execute(query.values(values))
    return done.rowcount == 1


async def advance(
    conn: Connection, club_id: int, *, run: int, position: int, day: date | None, post_at: datetime | None
) -> None:
    """Moves on, never back, so that it may be repeated. The position belongs to its run, the day to every run."""
    behind = (_clubs.c.run == run) & (_clubs.c.position < position)
    values: dict[str, Any] = {"position": case((behind, position), else_=_clubs.c.position)}
    if day is not None:
        later = _clubs.c.last_day.is_(None) | (_clubs.c.last_day < day)
        values["last_day"] = case((later, day), else_=_clubs.c.last_day)
    if post_at is not None:
        values["last_post_at"] = post_at
    await _change(conn, club_id, values)


async def remove(conn: Connection, club_id: int) -> None:
    """What was not sent yet never will be; what was sent stays on record, without a club."""
    values = {
        "state": OutgoingState.FAILED,
        "fault": "The club was removed.",
        "due_at": None,
        "lease_owner": None,
        "lease_until": None,
    }
    unsent = (_outgoing.c.club_id == club_id) & _outgoing.c.state.in_(UNSENT)
    await conn.execute(update(_outgoing).where(unsent).values(values))
    await conn.execute(delete(_clubs).where(_clubs.c.id == club_id))


async def _change(conn: Connection, club_id: int, values: dict[str, Any]) -> None:
    """Whatever changes, the planner must decide about the club anew."""
    await conn.execute(update(_clubs).where(_clubs.c.id == club_id).values({**values, **_DECIDE_NOW}))


async def _present(conn: Connection, club_id: int) -> Club:
    club = await by_id(conn, club_id)
    if club is None:
        raise UnavailableError("This club is no longer there: it was removed in the meantime.")
    return club


async def _select(conn: Connection, *conditions: ColumnElement[bool]) -> list[Club]:
    return [_club(row) for row in await conn.execute(_query(*conditions))]


def _query(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return _WITH_TOTAL.where(*conditions).order_by(_clubs.c.id)


def _schedule_columns(schedule: Schedule) -> dict[str, Any]:
    return {
        "local_time": schedule.time.strftime("%H:%M"),
        "zone": schedule.zone,
        "weekdays": sum(1 << weekday for weekday in schedule.weekdays),
        "start": schedule.start,
        "catch_up": schedule.catch_up,
    }


def _club(row: Row[*tuple[Any, ...]]) -> Club:
    values = row._asdict()
    del values["decide_at"]  # the planner's own, and no property of a club
    schedule = Schedule(
        time=time.fromisoformat(values.pop("local_time")),
        zone=values.pop("zone"),
        weekdays=_weekdays(values.pop("weekdays")),
        start=values.pop("start"),
        catch_up=values.pop("catch_up"),
    )
    progress = Progress(
        **{name: values.pop(name) for name in ("position", "total", "last_day", "last_post_at", "since")}
    )
    return Club(schedule=schedule, progress=progress, **values)


def _weekdays(mask: int) -> frozenset[int]:
    return frozenset(weekday for weekday in range(7) if mask >> weekday & 1)
