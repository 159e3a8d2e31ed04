"""What becomes of a message, and of its club, when a step goes wrong."""

import logging
from datetime import datetime, timedelta

from bot.club import wording
from bot.club.digesting import DIGESTS, after_the_end
from bot.club.outcome import Failure, Outcome, pause
from bot.club.planner import break_club, move_on, plan_notice
from bot.storage import clubs, discussions, outgoing
from bot.storage.database import Connection
from bot.storage.records import Club, ClubState, Outgoing, OutgoingKind, OutgoingState

log = logging.getLogger(__name__)

HELD = timedelta(hours=1)
"""Before a refused step of a paused club is tried again: nobody is waiting for it, and nobody is told."""


async def note_failure(conn: Connection, row: Outgoing, failure: Failure, *, owner: str, now: datetime) -> None:
    """Writes down what is to be done, and when. The attempt stays counted, so that the next one looks first."""
    level = logging.DEBUG if failure.general else logging.WARNING
    log.log(level, "message %s (%s, %s): %s", row.id, row.kind, row.state, failure.reason, extra=row.ids())
    sending = row.state is OutgoingState.SENDING
    if failure.outcome is Outcome.GONE:
        if await _finish(conn, row, OutgoingState.WITHDRAWN, None, failure, owner, now) and sending:
            await move_on(conn, row, now)
    elif failure.outcome is Outcome.REFUSED:
        await _refused(conn, row, failure, owner, now)
    else:
        waiting = OutgoingState.PLANNED if sending and failure.outcome is Outcome.LATER else row.state
        await put_off(conn, row, failure, owner=owner, now=now, state=waiting)


async def put_off(
    conn: Connection, row: Outgoing, failure: Failure, *, owner: str, now: datetime, state: OutgoingState
) -> None:
    """The step is taken again later."""
    wait = failure.retry_after if failure.retry_after is not None else pause(row.retries + 1)
    due = now + timedelta(seconds=wait)
    await _finish(conn, row, state, due, failure, owner, now, retries=row.retries + 1)


async def _refused(conn: Connection, row: Outgoing, failure: Failure, owner: str, now: datetime) -> None:
    if row.kind in DIGESTS:
        await _finish(conn, row, OutgoingState.FAILED, None, failure, owner, now)
        return
    club = await clubs.by_id(conn, row.club_id) if row.club_id is not None else None
    sending = row.state is OutgoingState.SENDING
    if club is None or row.kind is OutgoingKind.FAULT:
        held = await _finish(conn, row, OutgoingState.FAILED, None, failure, owner, now)
        if held and club is not None and row.channel_id != club.channel_id:  # then at least where the club itself is
            await plan_notice(conn, club, row.text or failure.reason, now, channel_id=club.channel_id)
    elif not sending and (failure.final or club.state is ClubState.ENDED or row.channel_id != club.channel_id):
        await _do_without_thread(conn, row, club, failure, owner, now)
    else:
        waiting = OutgoingState.PLANNED if sending else row.state
        due = now if club.state in (ClubState.ACTIVE, ClubState.BROKEN) else now + HELD
        if await _finish(conn, row, waiting, due, failure, owner, now):
            await break_club(conn, club, failure.reason, now)


async def _do_without_thread(
    conn: Connection, row: Outgoing, club: Club, failure: Failure, owner: str, now: datetime
) -> None:
    """The post stands. Its thread is no reason to stop a club that can do nothing about it any more."""
    if not await _finish(conn, row, OutgoingState.CLOSED, None, failure, owner, now):
        return
    await discussions.close(conn, row.id, now)
    channel_id = club.notices_channel_id or club.channel_id
    text = wording.no_thread(row.guild_id, row.channel_id, row.message_id or 0, failure.reason)
    await plan_notice(conn, club, text, now, channel_id=channel_id)


async def _finish(
    conn: Connection,
    row: Outgoing,
    state: OutgoingState,
    due_at: datetime | None,
    failure: Failure,
    owner: str,
    now: datetime,
    *,
    retries: int = 0,
) -> bool:
    """False where the message is another process's by now: what becomes of it is that one's to say."""
    held = await outgoing.finish_step(
        conn, row.id, owner=owner, state=state, due_at=due_at, fault=failure.reason, retries=retries
    )
    if held and due_at is None:
        await after_the_end(conn, row, now)
    return held
