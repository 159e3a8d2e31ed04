"""Which clubs are to be decided about, and when again."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from bot.storage import clubs, outgoing, schema
from bot.storage.database import Connection, Database
from bot.storage.records import Club, ClubState, NewOutgoing, OutgoingKind, Shards
from tests.storage.make import CHANNEL, GUILD, NOW, SCHEDULE, claim, club, plan, sent

MINUTE = timedelta(minutes=1)


async def due(conn: Connection, *, shards: Shards | None = None, limit: int = 100) -> list[int]:
    """The clubs to decide about now, by id."""
    found, unreadable = await clubs.to_decide(conn, shards, NOW, limit=limit)
    assert unreadable == []
    return [each.id for each in found]


async def test_a_club_waits_for_what_it_has_still_to_send(database: Database) -> None:
    async with database.write() as conn:
        free, posting, ending, by_hand, paused = [await club(conn) for _ in range(5)]
        await plan(conn, "post", posting)
        await plan(conn, "ending", ending, kind=OutgoingKind.ENDING, day=None)
        await plan(conn, "by hand", by_hand, day=None)
        await plan(conn, "fault", free, kind=OutgoingKind.FAULT, day=None)
        await clubs.set_state(conn, paused.id, ClubState.PAUSED)
        assert await due(conn) == [free.id, by_hand.id]
    rows = await claim(database)
    async with database.write() as conn:
        assert await due(conn) == [free.id, by_hand.id]
        await sent(conn, next(row for row in rows if row.key == "post"), 1)
        assert await due(conn) == [free.id, posting.id, by_hand.id]


async def test_what_was_decided_rests_until_its_moment(database: Database) -> None:
    async with database.write() as conn:
        assert await clubs.next_decision(conn, None, NOW) is None
        first, second, third = [await club(conn) for _ in range(3)]
        assert await clubs.next_decision(conn, None, NOW - MINUTE) == NOW - MINUTE, "they are due at once"
        await clubs.decided(conn, [first.id, third.id], NOW + MINUTE)
        await clubs.decided(conn, [second.id], NOW)
        await clubs.decided(conn, [], NOW)
        assert await due(conn) == [second.id]
        assert await clubs.next_decision(conn, None, NOW) == NOW
        await clubs.decided(conn, [second.id], NOW + timedelta(microseconds=1))
        assert await due(conn) == []
        assert await clubs.next_decision(conn, None, NOW) == NOW + timedelta(microseconds=1)
        await clubs.set_state(conn, second.id, ClubState.ENDED)
        await clubs.decided(conn, [second.id], NOW)
        assert await due(conn) == []
        assert await clubs.next_decision(conn, None, NOW) == NOW + MINUTE, "a club that is not active waits for nothing"
        await clubs.forget_decisions(conn, None)
        assert await due(conn) == [first.id, third.id]


async def _edit(conn: Connection, made: Club) -> None:
    await clubs.edit(conn, made.id, schedule=SCHEDULE)


async def _begin(conn: Connection, made: Club) -> None:
    await clubs.begin(conn, made.id, reading_id=made.reading_id, since=NOW)


async def _resume(conn: Connection, made: Club) -> None:
    await clubs.set_state(conn, made.id, ClubState.PAUSED)
    await clubs.decided(conn, [made.id], NOW + MINUTE)
    assert await clubs.set_state(conn, made.id, ClubState.ACTIVE)


async def _advance(conn: Connection, made: Club) -> None:
    await clubs.advance(conn, made.id, run=1, position=1, day=None, post_at=None)


async def _use_day(conn: Connection, made: Club) -> None:
    await clubs.advance(conn, made.id, run=1, position=0, day=NOW.date(), post_at=None)


async def _forget(conn: Connection, made: Club) -> None:
    row = await outgoing.by_key(conn, "waiting")
    assert row
    assert await outgoing.forget(conn, row.id)


async def _forget_as_owner(conn: Connection, made: Club) -> None:
    (row,) = await outgoing.claim(conn, owner="a", now=NOW, lease=MINUTE, shards=None)
    assert await outgoing.forget(conn, row.id, owner="a")


CHANGES: list[Callable[[Connection, Club], Awaitable[None]]]
CHANGES = [_edit, _begin, _resume, _advance, _use_day, _forget, _forget_as_owner]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
async def test_whatever_changes_has_its_club_decided_about_at_once(
    database: Database, change: Callable[[Connection, Club], Awaitable[None]]
) -> None:
    async with database.write() as conn:
        made, other = await club(conn), await club(conn)
        if change in (_forget, _forget_as_owner):
            await plan(conn, "waiting", made)
        await clubs.decided(conn, [made.id, other.id], NOW + MINUTE)
        assert await due(conn) == []
        await change(conn, made)
        assert await due(conn) == [made.id]


async def test_what_changes_nothing_leaves_the_decision(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        row = await plan(conn, "by hand", made, day=None)
        await clubs.decided(conn, [made.id], NOW + MINUTE)
        await clubs.edit(conn, made.id)
        assert not await clubs.set_state(conn, made.id, ClubState.ACTIVE)
        assert not await outgoing.forget(conn, row.id, owner="a"), "nobody has claimed it"
        assert await due(conn) == []


async def test_a_club_that_this_machine_cannot_read_holds_up_no_other(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with database.write() as conn:
        made = [await club(conn) for _ in range(3)]
        await conn.execute(update(schema.clubs).where(schema.clubs.c.id == made[1].id).values(zone="Moon/Crater"))
        found, unreadable = await clubs.to_decide(conn, None, NOW, limit=2)
        assert ([each.id for each in found], unreadable) == ([made[0].id], [made[1].id])
        assert f"club {made[1].id} is left out" in caplog.text
        await clubs.decided(conn, [made[0].id, *unreadable], NOW + MINUTE)
        assert await due(conn) == [made[2].id]


async def test_as_many_as_asked_for_the_oldest_first(database: Database) -> None:
    async with database.write() as conn:
        made = [(await club(conn)).id for _ in range(5)]
        assert await due(conn, limit=2) == made[:2]
        await clubs.decided(conn, made[:2], NOW + MINUTE)
        assert await due(conn, limit=2) == made[2:4]


async def test_each_process_decides_for_its_own_shards(database: Database) -> None:
    async with database.write() as conn:
        made = [await club(conn, (number << 22) + 4_000_000) for number in range(6)]
        for count in (1, 4):
            for ids in (frozenset({0}), frozenset({1, 3}), frozenset[int]()):
                shards = Shards(count, ids)
                mine = [each.id for each in made if (each.guild_id >> 22) % count in ids]
                assert await due(conn, shards=shards) == mine
                await clubs.decided(conn, [each.id for each in made], NOW + MINUTE)
                assert await clubs.next_decision(conn, shards, NOW) == (NOW + MINUTE if mine else None)
                await clubs.forget_decisions(conn, shards)
                assert await due(conn) == mine, "the decisions of the others stand"
                await clubs.forget_decisions(conn, None)


async def test_a_channel_is_looked_through_once_after_a_restore(database: Database) -> None:
    async with database.write() as conn:
        made, other = await club(conn), await club(conn)
        await conn.execute(update(schema.clubs).values(restored_from=NOW))
        await clubs.looked_through(conn, made.id)
        found = await clubs.all_clubs(conn)
        assert [(each.id, each.restored_from) for each in found] == [(made.id, None), (other.id, NOW)]


async def test_two_that_decide_at_once_never_share_a_club(database: Database, database_url: str) -> None:
    async with database.write() as conn:
        made = {(await club(conn)).id for _ in range(30)}
    other = Database(database_url)

    async def work(through: Database) -> list[int]:
        mine: list[int] = []
        while True:
            async with through.write() as conn:
                chosen = await due(conn, limit=3)
                await asyncio.sleep(0)  # lets the others in
                await clubs.decided(conn, chosen, NOW + MINUTE)
            mine += chosen
            if not chosen:
                return mine

    decided = [ids for each in await asyncio.gather(*map(work, [database, other] * 2)) for ids in each]
    async with database.write() as conn:
        decided += await due(conn)  # SKIP LOCKED may let all of them go home early
    assert len(decided) == len(made)
    assert set(decided) == made
    await other.close()


async def test_a_post_planned_by_hand_and_by_the_schedule_at_the_same_moment_there_is_one(
    database: Database, database_url: str
) -> None:
    """PostgreSQL would call it a deadlock if deciding kept others from referring to the club."""
    async with database.write() as conn:
        made = await club(conn)
    other = Database(database_url)
    began = asyncio.Event()
    new = NewOutgoing(GUILD, made.id, OutgoingKind.POST, "post", CHANNEL, NOW)

    async def by_hand() -> bool:
        async with other.write() as conn:
            began.set()
            return await outgoing.plan(conn, new) is not None

    async def by_schedule() -> bool:
        async with database.write() as conn:
            assert await due(conn) == [made.id]
            asking = asyncio.create_task(by_hand())
            asked.append(asking)
            if database.dialect == "postgresql":  # on SQLite the other one waits for its turn to write
                await began.wait()
                await asyncio.wait({asking}, timeout=0.2)  # until it has its row, or waits for our club
            planned = await outgoing.plan(conn, new) is not None
            await clubs.decided(conn, [made.id], NOW + MINUTE)
            return planned

    asked: list[asyncio.Task[bool]] = []
    mine = await by_schedule()
    assert sorted([mine, await asked[0]]) == [False, True]
    await other.close()
