"""Messages that must come once: planned, claimed under a lease, and carried to their end step by step."""

import base64
import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, case, delete, exists, func, literal, or_, select, update

from bot.storage import discussions, schema
from bot.storage.records import UNSENT, ClubState, NewOutgoing, Outgoing, OutgoingKind, OutgoingState, Shards
from bot.storage.sql import UNSET, Connection, Unset, insert, within

_outgoing = schema.outgoing
_clubs = schema.clubs
OPEN = (*UNSENT, OutgoingState.SENT, OutgoingState.THREADED)
FAR = timedelta(hours=2)
"""Longer than any lease, and than any pause before a next try (an hour)."""
_NO_LEASE = {"lease_owner": None, "lease_until": None}


def derive(key: str) -> tuple[str, int]:
    """The nonce and the marker of a message, from its key alone: every process and retry finds the same.

    The nonce has 24 characters and 120 bits: that two of a million million messages share one has a chance
    of 1 in 10**12. The marker has 31 bits, as many as Discord's component ids: that another one of the last
    1,000 messages of a channel has the marker looked for has a chance of 1 in 2 million.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=23, person=b"applecore").digest()
    nonce = base64.b32encode(digest[:15]).decode()
    return nonce, int.from_bytes(digest[15:]) % (2**31 - 1) + 1


async def plan(conn: Connection, new: NewOutgoing) -> Outgoing | None:
    """None when a message with this key was planned before, whatever became of it."""
    nonce, marker = derive(new.key)
    values = {
        "guild_id": new.guild_id,
        "club_id": new.club_id,
        "kind": new.kind,
        "key": new.key,
        "nonce": nonce,
        "marker": marker,
        "channel_id": new.channel_id,
        "reading_id": new.reading_id,
        "position": new.position,
        "day": new.day,
        "text": new.text,
        "look_since": new.look_since,
        "state": OutgoingState.PLANNED,
        "due_at": new.due_at,
        "attempts": 0,
        "retries": 0,
    }
    query = insert(conn, _outgoing).values(values).on_conflict_do_nothing(index_elements=["key"])
    return _first((await conn.execute(query.returning(_outgoing))).all())


async def claim(
    conn: Connection, *, owner: str, now: datetime, lease: timedelta, shards: Shards | None, limit: int = 20
) -> list[Outgoing]:
    """Takes up to ``limit`` messages whose next step is due, for ``owner`` alone until the lease is over.

    Those still to be sent count an attempt. ``attempts > 1`` then means that an earlier one may have reached
    Discord.
    """
    # On PostgreSQL a locking subquery under IN may be run once per row, and then takes more than its limit;
    # as a CTE it is run once.
    picked = (
        select(_outgoing.c.id)
        .where(
            _outgoing.c.due_at <= now,
            _outgoing.c.lease_until.is_(None) | (_outgoing.c.lease_until <= now) | _unbelievable(now),
            _may_go_on(shards),
        )
        .order_by(_outgoing.c.due_at, _outgoing.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=_outgoing)
        .cte("picked")
    )
    unsent = _outgoing.c.state.in_(UNSENT)
    planned = _outgoing.c.state == OutgoingState.PLANNED
    moment = literal(now, schema.UtcTime())
    first = func.coalesce(_outgoing.c.first_attempt_at, moment)
    query = (
        update(_outgoing)
        .where(_outgoing.c.id.in_(select(picked.c.id)))
        .values(
            lease_owner=owner,
            lease_until=now + lease,
            state=case((planned, OutgoingState.SENDING), else_=_outgoing.c.state),
            attempts=case((unsent, _outgoing.c.attempts + 1), else_=_outgoing.c.attempts),
            first_attempt_at=case((unsent, first), else_=_outgoing.c.first_attempt_at),
            last_attempt_at=case((unsent, moment), else_=_outgoing.c.last_attempt_at),
        )
        .returning(_outgoing)
    )
    claimed = [_row(row) for row in await conn.execute(query)]
    return sorted(claimed, key=lambda row: (row.due_at or now, row.id))


async def next_due(conn: Connection, *, now: datetime, shards: Shards | None) -> datetime | None:
    """The earliest moment at which claiming could bring something; None when nothing waits."""
    leased = (_outgoing.c.lease_until > _outgoing.c.due_at) & ~_unbelievable(now)
    moment = case((leased, _outgoing.c.lease_until), else_=_outgoing.c.due_at)
    query = select(func.min(moment, type_=schema.UtcTime())).where(_outgoing.c.due_at.is_not(None), _may_go_on(shards))
    due: datetime | None = await conn.scalar(query)
    return due


def _unbelievable(now: datetime) -> ColumnElement[bool]:
    """A lease that ends so late was taken under a clock that was ahead: its owner is not waited for."""
    return _outgoing.c.lease_until > now + FAR


async def forget_pauses(conn: Connection, now: datetime, shards: Shards | None) -> None:
    """Lets what is to be sent, or wants its thread, and waits longer than any pause of ours be tried now: such a
    pause was reckoned under a clock that was ahead."""
    waiting = (_outgoing.c.state.in_((*UNSENT, OutgoingState.SENT)), _outgoing.c.due_at > now + FAR)
    await conn.execute(update(_outgoing).where(*waiting, within(shards, _outgoing.c.guild_id)).values(due_at=now))


async def renew(conn: Connection, owner: str, row_ids: Collection[int], until: datetime) -> set[int]:
    """The heartbeat of a lease: keeps what the owner still holds until then, and answers which of them it does.

    A lease that is over but that nobody took is still its owner's.
    """
    mine = (_outgoing.c.id.in_(row_ids), _outgoing.c.lease_owner == owner)
    kept = update(_outgoing).where(*mine).values(lease_until=until).returning(_outgoing.c.id)
    return set(await conn.scalars(kept))


async def holds(conn: Connection, row_id: int, owner: str, now: datetime) -> bool:
    """Whether the owner's lease on this message is in force."""
    mine = (_outgoing.c.id == row_id, _outgoing.c.lease_owner == owner, _outgoing.c.lease_until > now)
    return await conn.scalar(select(_outgoing.c.id).where(*mine)) is not None


async def release(conn: Connection, owner: str, row_ids: Collection[int]) -> None:
    """Gives back what was claimed and not begun, without its attempt where that was the first."""
    mine = (_outgoing.c.id.in_(row_ids), _outgoing.c.lease_owner == owner)
    first = (_outgoing.c.state == OutgoingState.SENDING) & (_outgoing.c.attempts == 1)
    values = {
        **_NO_LEASE,
        "state": case((first, OutgoingState.PLANNED), else_=_outgoing.c.state),
        "attempts": case((first, 0), else_=_outgoing.c.attempts),
        "first_attempt_at": case((first, None), else_=_outgoing.c.first_attempt_at),
        "last_attempt_at": case((first, None), else_=_outgoing.c.last_attempt_at),
    }
    await conn.execute(update(_outgoing).where(*mine).values(values))


async def adopt(conn: Connection, new: NewOutgoing, *, message_id: int, sent_at: datetime) -> None:
    """Takes over a post that stands in its channel though this database did not know of it; it still wants its
    thread. One that is known already stays as it is."""
    if (planned := await plan(conn, new)) is not None:
        values = {
            "state": OutgoingState.SENT,
            "message_id": message_id,
            "sent_at": sent_at,
            "first_attempt_at": sent_at,
            "last_attempt_at": sent_at,
            "attempts": 1,
        }
        await conn.execute(update(_outgoing).where(_outgoing.c.id == planned.id).values(values))
        await discussions.begin(conn, planned, message_id, wanted_at=sent_at)


async def finish_step(
    conn: Connection,
    row_id: int,
    *,
    owner: str,
    state: OutgoingState,
    due_at: datetime | None,
    message_id: int | Unset | None = UNSET,
    thread_id: int | Unset | None = UNSET,
    channel_id: int | Unset = UNSET,
    sent_at: datetime | Unset | None = UNSET,
    fault: str | Unset | None = UNSET,
    retries: int = 0,
    keep: bool = False,
) -> bool:
    """Writes down what became of a step and gives the lease back, unless the owner is to ``keep`` it and goes on;
    False, and no change, when it was lost."""
    given: dict[str, Any] = {"message_id": message_id, "thread_id": thread_id, "channel_id": channel_id}
    given |= {"sent_at": sent_at, "fault": fault}
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not UNSET}
    values |= {"state": state, "due_at": due_at, "retries": retries, **({} if keep else _NO_LEASE)}
    return await _update(conn, *_held(row_id, owner), **values)


async def move(conn: Connection, row_id: int, *, owner: str, channel_id: int) -> bool:
    """Notes where it is sent from now on, once it is known not to stand where it was tried before."""
    return await _update(conn, *_held(row_id, owner), channel_id=channel_id)


async def hurry(conn: Connection, club_id: int, now: datetime) -> int:
    """Lets what the club has still to send be tried now, whatever pause it was in; answers how many."""
    query = update(_outgoing).where(
        _outgoing.c.club_id == club_id, _outgoing.c.state.in_(UNSENT), _outgoing.c.lease_owner.is_(None)
    )
    return (await conn.execute(query.values(due_at=now))).rowcount


async def hurry_closing(conn: Connection, thread_id: int, now: datetime) -> None:
    """Lets a post's thread that waits to be closed be closed now."""
    mine = (_outgoing.c.message_id == thread_id, _outgoing.c.kind == OutgoingKind.POST)
    waiting = (_outgoing.c.state == OutgoingState.THREADED, _outgoing.c.due_at > now)
    await conn.execute(update(_outgoing).where(*mine, *waiting).values(due_at=now))


async def give_up(conn: Connection, key: str, now: datetime, *, fault: str) -> None:
    """What is not sent by now, and not on its way at this moment, never will be."""
    idle = _outgoing.c.lease_until.is_(None) | (_outgoing.c.lease_until <= now)
    query = update(_outgoing).where(_outgoing.c.key == key, _outgoing.c.state.in_(UNSENT), idle)
    await conn.execute(query.values(state=OutgoingState.FAILED, due_at=None, fault=fault, **_NO_LEASE))


async def forget(conn: Connection, row_id: int, *, owner: str | None = None) -> bool:
    """Deletes a message that was not sent, so that its key is free again.

    The ``owner`` of its lease may do so once it knows that nothing was sent; anyone else only before the first try.
    The planner decides about its club anew.
    """
    query = delete(_outgoing).where(_outgoing.c.id == row_id)
    if owner is None:
        query = query.where(_outgoing.c.state == OutgoingState.PLANNED, _outgoing.c.attempts == 0)
    else:
        query = query.where(_outgoing.c.state.in_(UNSENT), _outgoing.c.lease_owner == owner)
    deleted = (await conn.execute(query.returning(_outgoing.c.club_id))).all()
    clubs = [row.club_id for row in deleted if row.club_id is not None]
    await conn.execute(update(_clubs).where(_clubs.c.id.in_(clubs)).values(decide_at=None))
    return len(deleted) == 1


async def release_all(conn: Connection, owner: str) -> int:
    """Gives every lease of the owner back, for a clean stop; answers how many."""
    query = update(_outgoing).where(_outgoing.c.lease_owner == owner).values(_NO_LEASE)
    return (await conn.execute(query)).rowcount


async def get(conn: Connection, row_id: int) -> Outgoing | None:
    return _first((await conn.execute(select(_outgoing).where(_outgoing.c.id == row_id))).all())


async def by_key(conn: Connection, key: str) -> Outgoing | None:
    return _first((await conn.execute(select(_outgoing).where(_outgoing.c.key == key))).all())


async def of_club(
    conn: Connection,
    club_id: int,
    *,
    kinds: Collection[OutgoingKind] | None = None,
    states: Collection[OutgoingState] | None = None,
) -> list[Outgoing]:
    """Newest first; None means every kind, every state."""
    query = select(_outgoing).where(_outgoing.c.club_id == club_id).order_by(_outgoing.c.id.desc())
    if kinds is not None:
        query = query.where(_outgoing.c.kind.in_(kinds))
    if states is not None:
        query = query.where(_outgoing.c.state.in_(states))
    return [_row(row) for row in await conn.execute(query)]


async def latest_post(conn: Connection, club_id: int) -> Outgoing | None:
    """The club's newest post that was sent, and not taken back by a person."""
    query = (
        select(_outgoing)
        .where(
            _outgoing.c.club_id == club_id,
            _outgoing.c.kind == OutgoingKind.POST,
            _outgoing.c.message_id.is_not(None),
            _outgoing.c.state != OutgoingState.WITHDRAWN,
        )
        .order_by(_outgoing.c.message_id.desc())  # snowflakes grow with time
        .limit(1)
    )
    return _first((await conn.execute(query)).all())


async def posts_of_run(conn: Connection, club_id: int, prefix: str) -> list[Outgoing]:
    """The club's posts whose keys begin so, oldest first, whatever became of them."""
    mine = (_outgoing.c.club_id == club_id, _outgoing.c.kind == OutgoingKind.POST)
    query = select(_outgoing).where(*mine, _outgoing.c.key.startswith(prefix, autoescape=True))
    return [_row(row) for row in await conn.execute(query.order_by(_outgoing.c.id))]


async def unfinished_post(conn: Connection, club_id: int) -> Outgoing | None:
    """The club's oldest post that is not sent yet."""
    rows = await of_club(conn, club_id, kinds=(OutgoingKind.POST,), states=UNSENT)
    return rows[-1] if rows else None


async def waiting(conn: Connection, guild_id: int) -> int:
    """How many of the guild's messages are still to be sent, or want their thread."""
    states = (*UNSENT, OutgoingState.SENT)
    query = select(func.count()).where(_outgoing.c.guild_id == guild_id, _outgoing.c.state.in_(states))
    return await conn.scalar(query) or 0


def _may_go_on(shards: Shards | None) -> ColumnElement[bool]:
    """Unfinished, ours, and not held up by its club; what tells managers of a fault is never held up.

    The threads of a paused club close as ever, and so their digests come.
    """
    in_thread = _outgoing.c.kind == OutgoingKind.DIGEST
    held_up = exists().where(
        _clubs.c.id == _outgoing.c.club_id,
        or_(
            _clubs.c.state == ClubState.BROKEN,
            and_(_clubs.c.state == ClubState.PAUSED, _outgoing.c.state == OutgoingState.PLANNED, ~in_thread),
        ),
    )
    return and_(
        _outgoing.c.state.in_(OPEN),
        or_(_outgoing.c.kind == OutgoingKind.FAULT, ~held_up),
        within(shards, _outgoing.c.guild_id),
    )


def _held(row_id: int, owner: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _outgoing.c.id == row_id, _outgoing.c.lease_owner == owner


async def _update(conn: Connection, *conditions: ColumnElement[bool], **values: Any) -> bool:
    done = await conn.execute(update(_outgoing).where(*conditions).values(**values))
    return done.rowcount > 0


def _first(rows: Collection[Row[*tuple[Any, ...]]]) -> Outgoing | None:
    return next((_row(row) for row in rows), None)


def _row(row: Row[*tuple[Any, ...]]) -> Outgoing:
    return Outgoing(**row._asdict())
