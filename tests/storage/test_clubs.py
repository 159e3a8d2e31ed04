"""Clubs: what is kept, what changes, and whose turn it is."""

from datetime import date, time, timedelta

import pytest

from bot.errors import UnavailableError
from bot.reading.schedule import CatchUp, Progress, Schedule
from bot.storage import clubs, outgoing, readings
from bot.storage.database import Database
from bot.storage.records import ClubState, OutgoingState
from tests.storage.make import CHANNEL, GUILD, NOW, SCHEDULE, claim, club, plan, reading, sent


async def test_new_club(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        other = await club(conn, GUILD + 1, CHANNEL + 1)
        assert len(made.uid) == 16
        assert made.uid != other.uid
        assert made.schedule == SCHEDULE
        assert made.progress == Progress(position=0, total=3, since=NOW)
        assert (made.run, made.state, made.fault) == (1, ClubState.ACTIVE, None)
        assert (made.ping_role_id, made.notices_channel_id, made.thread_days) == (None, 99, 7)
        assert (made.created_by, made.created_at) == (7, NOW)
        assert await clubs.get(conn, GUILD, made.id) == made
        assert await clubs.get(conn, GUILD + 1, made.id) is None
        assert await clubs.by_id(conn, made.id) == made
        assert await clubs.by_id(conn, 404) is None
        assert await clubs.in_guild(conn, GUILD) == [made]


async def test_all_clubs_of_every_guild_in_every_state(database: Database) -> None:
    async with database.write() as conn:
        assert await clubs.all_clubs(conn) == []
        made = [await club(conn), await club(conn, GUILD + 1, CHANNEL + 1), await club(conn, GUILD + 2, CHANNEL + 2)]
        await clubs.set_state(conn, made[0].id, ClubState.PAUSED)
        await clubs.set_state(conn, made[1].id, ClubState.BROKEN, fault="gone")
        assert [found.id for found in await clubs.all_clubs(conn)] == [one.id for one in made]


async def test_edit_changes_what_is_named(database: Database) -> None:
    schedule = Schedule(time=time(23, 59), zone="Asia/Tokyo", start=date(2027, 1, 1), catch_up=CatchUp.SHIFT)
    async with database.write() as conn:
        made = await club(conn)
        assert await clubs.edit(conn, made.id) == made
        edited = await clubs.edit(conn, made.id, ping_role_id=5, schedule=schedule)
        assert (edited.ping_role_id, edited.notices_channel_id, edited.schedule) == (5, 99, schedule)
        edited = await clubs.edit(
            conn,
            made.id,
            ping_role_id=None,
            notices_channel_id=None,
            channel_id=6,
            thread_days=1,
            since=NOW + timedelta(1),
        )
        assert (edited.ping_role_id, edited.notices_channel_id) == (None, None)
        assert (edited.channel_id, edited.thread_days) == (6, 1)
        assert edited.progress.since == NOW + timedelta(1)
        with pytest.raises(UnavailableError):
            await clubs.edit(conn, 404, thread_days=1)


async def test_states(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        assert not await clubs.set_state(conn, made.id, ClubState.ACTIVE)
        assert await clubs.set_state(conn, made.id, ClubState.BROKEN, fault="No access.")
        assert not await clubs.set_state(conn, made.id, ClubState.BROKEN, fault="Again.")
        broken = await clubs.by_id(conn, made.id)
        assert broken
        assert (broken.state, broken.fault, broken.progress.since) == (ClubState.BROKEN, "No access.", NOW)
        assert await clubs.set_state(conn, made.id, ClubState.ACTIVE, since=NOW + timedelta(1))
        mended = await clubs.by_id(conn, made.id)
        assert mended
        assert (mended.fault, mended.progress.since) == (None, NOW + timedelta(1))
        assert not await clubs.set_state(conn, 404, ClubState.PAUSED)


async def test_advance_never_goes_back(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        day = date(2026, 3, 2)
        await clubs.advance(conn, made.id, run=1, position=2, day=day, post_at=NOW)
        await clubs.advance(conn, made.id, run=1, position=1, day=day - timedelta(1), post_at=None)
        moved = await clubs.by_id(conn, made.id)
        assert moved
        assert moved.progress == Progress(position=2, total=3, last_day=day, last_post_at=NOW, since=NOW)
        await clubs.advance(conn, made.id, run=1, position=2, day=None, post_at=None)
        assert await clubs.by_id(conn, made.id) == moved


async def test_what_an_earlier_run_posted_uses_the_day_but_no_excerpt(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        day = date(2026, 3, 2)
        await clubs.advance(conn, made.id, run=7, position=3, day=day, post_at=NOW)
        moved = await clubs.by_id(conn, made.id)
        assert moved
        assert moved.progress == Progress(position=0, total=3, last_day=day, last_post_at=NOW, since=NOW)


async def test_a_state_is_left_only_from_the_one_named(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        await clubs.set_state(conn, made.id, ClubState.PAUSED)
        assert not await clubs.set_state(conn, made.id, ClubState.BROKEN, fault="f", only_from=ClubState.ACTIVE)
        paused = await clubs.by_id(conn, made.id)
        assert paused
        assert (paused.state, paused.fault) == (ClubState.PAUSED, None)


async def test_begin_keeps_the_day_used(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        await clubs.advance(conn, made.id, run=1, position=3, day=date(2026, 3, 2), post_at=NOW)
        await clubs.set_state(conn, made.id, ClubState.BROKEN, fault="No access.")
        other = await readings.save(conn, GUILD, reading("Other", "only"), added_by=None, at=NOW)
        begun = await clubs.begin(conn, made.id, reading_id=other.id, since=NOW + timedelta(1))
        assert (begun.run, begun.reading_id) == (2, other.id)
        assert begun.uid != made.uid, "a backup does not know which runs there were after it"
        assert (begun.state, begun.fault) == (ClubState.BROKEN, "No access."), "another text mends nothing"
        assert begun.progress == Progress(
            position=0, total=1, last_day=date(2026, 3, 2), last_post_at=NOW, since=NOW + timedelta(1)
        )
        await clubs.set_state(conn, made.id, ClubState.ENDED)
        again = await clubs.begin(conn, made.id, reading_id=other.id, since=NOW + timedelta(1))
        assert (again.state, again.fault, again.run) == (ClubState.ACTIVE, None, 3)
        with pytest.raises(UnavailableError):
            await clubs.begin(conn, 404, reading_id=other.id, since=NOW)


async def test_remove(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        first = await plan(conn, "sent", made)
    await claim(database)
    async with database.write() as conn:
        await sent(conn, first, 5)
        second = await plan(conn, "planned", made)
    async with database.write() as conn:
        third = await plan(conn, "sending", made)
        await clubs.remove(conn, made.id)
        await clubs.remove(conn, made.id)
        assert await clubs.by_id(conn, made.id) is None
        rows = [await outgoing.get(conn, row.id) for row in (first, second, third)]
        states = [(row.state, row.fault, row.club_id, row.due_at) for row in rows if row]
        gone = (OutgoingState.FAILED, "The club was removed.", None, None)
        assert states == [(OutgoingState.SENT, None, None, NOW), gone, gone]
