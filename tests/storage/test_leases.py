"""Leases: who may carry a claimed message on, and until when."""

import asyncio
from datetime import date, timedelta

import pytest

from bot.storage import clubs, outgoing
from bot.storage.database import Connection, Database
from bot.storage.records import NewOutgoing, Outgoing, OutgoingKind, OutgoingState
from tests.storage.make import CHANNEL, GUILD, LEASE, NOW, claim, club, plan, sent

MOMENT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


async def present(conn: Connection, row: Outgoing) -> Outgoing:
    """The row as it is now."""
    found = await outgoing.get(conn, row.id)
    assert found
    return found


async def test_a_lease_that_is_renewed_is_not_taken_over(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "kept")
        await plan(conn, "abandoned")
    kept, abandoned = await claim(database, "a")
    for minutes in range(1, 9):  # far beyond the first lease
        async with database.write() as conn:
            now = NOW + minutes * MINUTE
            assert await outgoing.renew(conn, "a", [kept.id], now + LEASE) == {kept.id}
        taken = [row.id for row in await claim(database, "b", now)]
        assert taken == ([abandoned.id] if minutes == 2 else [])
        async with database.write() as conn:  # the other one keeps what it took
            await outgoing.renew(conn, "b", [abandoned.id], now + LEASE)
    async with database.read() as conn:
        assert (await present(conn, kept)).lease_until == NOW + 8 * MINUTE + LEASE
        assert await outgoing.next_due(conn, now=NOW, shards=None) == NOW + 8 * MINUTE + LEASE
    assert len(await claim(database, "c", NOW + 8 * MINUTE + LEASE)) == 2


async def test_the_heartbeat_answers_what_is_still_held(database: Database) -> None:
    async with database.write() as conn:
        for key in "abcd":
            await plan(conn, key)
    rows = await claim(database, "a", limit=3)
    late = NOW + LEASE + MINUTE
    async with database.write() as conn:
        (other,) = await outgoing.claim(conn, owner="b", now=NOW, lease=LEASE, shards=None)
        await outgoing.finish_step(conn, rows[0].id, owner="a", state=OutgoingState.CLOSED, due_at=None)
        asked = [row.id for row in (*rows, other)]
        assert await outgoing.renew(conn, "a", asked, late + LEASE) == {rows[1].id, rows[2].id}, "over, but not taken"
        assert (await present(conn, other)).lease_until == NOW + LEASE
        assert (await present(conn, rows[0])).lease_until is None
        assert await outgoing.renew(conn, "a", [], late) == set()
        assert await outgoing.renew(conn, "nobody", asked, late) == set()
    async with database.write() as conn:
        taken = await outgoing.claim(conn, owner="b", now=late, lease=LEASE, shards=None)
        assert [row.id for row in taken] == [other.id]


async def test_a_lease_is_in_force_for_its_owner_until_it_ends(database: Database) -> None:
    async with database.write() as conn:
        row = await plan(conn, "post")
        assert not await outgoing.holds(conn, row.id, "a", NOW)
    await claim(database, "a")
    async with database.write() as conn:
        assert await outgoing.holds(conn, row.id, "a", NOW + LEASE - MOMENT)
        assert not await outgoing.holds(conn, row.id, "a", NOW + LEASE)
        assert not await outgoing.holds(conn, row.id, "b", NOW)
        assert not await outgoing.holds(conn, row.id + 1, "a", NOW)
        await outgoing.renew(conn, "a", [row.id], NOW + 2 * LEASE)
        assert await outgoing.holds(conn, row.id, "a", NOW + LEASE)
    await claim(database, "b", NOW + 2 * LEASE)
    async with database.read() as conn:
        assert not await outgoing.holds(conn, row.id, "a", NOW)
        assert await outgoing.holds(conn, row.id, "b", NOW + 2 * LEASE)


async def test_what_was_claimed_and_not_begun_is_as_it_was_before(database: Database) -> None:
    async with database.write() as conn:
        before = await plan(conn, "post")
    await claim(database)
    async with database.write() as conn:
        await outgoing.release(conn, "b", [before.id])
        assert (await present(conn, before)).lease_owner == "a", "another's is no business of ours"
        await outgoing.release(conn, "a", [before.id])
        assert await present(conn, before) == before
        assert await outgoing.forget(conn, before.id), "nothing of it can have been sent"


async def test_an_attempt_that_was_begun_before_is_not_taken_back(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "abandoned")
        await plan(conn, "failed")
    _, failed = await claim(database, "dead")
    later = NOW + LEASE
    async with database.write() as conn:  # the first try of this one may have arrived
        await outgoing.finish_step(conn, failed.id, owner="dead", state=OutgoingState.PLANNED, due_at=later)
    rows = await claim(database, "a", later)
    async with database.write() as conn:
        await outgoing.release(conn, "a", [row.id for row in rows])
        for row in rows:
            found = await present(conn, row)
            assert (found.state, found.attempts, found.lease_owner) == (OutgoingState.SENDING, 2, None)
            assert (found.first_attempt_at, found.last_attempt_at) == (NOW, later)
            assert not await outgoing.forget(conn, row.id)


async def test_a_thread_that_was_not_begun_goes_back_as_it_was(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database)
    async with database.write() as conn:
        await sent(conn, row, 5)
        before = await present(conn, row)
    assert len(await claim(database)) == 1
    async with database.write() as conn:
        await outgoing.release(conn, "a", [row.id])
        assert await present(conn, before) == before


async def test_who_goes_on_with_the_next_step_keeps_the_lease(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database, "a")
    step = {"state": OutgoingState.SENT, "due_at": NOW, "message_id": 5, "sent_at": NOW, "keep": True}
    async with database.write() as conn:
        assert not await outgoing.finish_step(conn, row.id, owner="b", **step)  # type: ignore[arg-type]
        assert await outgoing.finish_step(conn, row.id, owner="a", **step)  # type: ignore[arg-type]
        found = await present(conn, row)
        assert (found.state, found.message_id) == (OutgoingState.SENT, 5)
        assert (found.lease_owner, found.lease_until) == ("a", NOW + LEASE)
    assert await claim(database, "b", NOW + LEASE - MOMENT) == []
    (taken,) = await claim(database, "b", NOW + LEASE)
    assert (taken.state, taken.attempts) == (OutgoingState.SENT, 1)


async def test_a_post_that_stands_there_already_is_adopted_once(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        new = NewOutgoing(
            guild_id=GUILD,
            club_id=made.id,
            kind=OutgoingKind.POST,
            key="post",
            channel_id=CHANNEL,
            due_at=NOW,
            reading_id=made.reading_id,
            position=2,
            day=date(2026, 3, 1),
        )
        before = NOW - timedelta(days=1)
        await outgoing.adopt(conn, new, message_id=5, sent_at=before)
        adopted = await outgoing.by_key(conn, "post")
        assert adopted
        assert (adopted.state, adopted.message_id, adopted.sent_at) == (OutgoingState.SENT, 5, before)
        assert (adopted.attempts, adopted.first_attempt_at, adopted.position) == (1, before, 2)
        assert adopted.lease_owner is None
        await outgoing.adopt(conn, new, message_id=6, sent_at=NOW)
        assert await outgoing.by_key(conn, "post") == adopted
    (row,) = await claim(database)
    assert (row.id, row.state) == (adopted.id, OutgoingState.SENT), "it still wants its thread"


async def test_a_post_that_is_known_is_not_adopted_in_another_state(database: Database) -> None:
    async with database.write() as conn:
        planned = await plan(conn, "post")
        new = NewOutgoing(GUILD, None, OutgoingKind.POST, "post", CHANNEL, NOW)
        await outgoing.adopt(conn, new, message_id=5, sent_at=NOW)
        assert await present(conn, planned) == planned


async def test_who_claims_does_not_wait_for_another_s_claim(database: Database, database_url: str) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer: claims take turns")
    async with database.write() as conn:
        for key in "abc":
            await plan(conn, key)
    other = Database(database_url)
    async with database.write() as conn, asyncio.timeout(20):
        first = await outgoing.claim(conn, owner="a", now=NOW, lease=LEASE, shards=None, limit=2)
        second = await claim(other, "b")
    assert [[row.key for row in rows] for rows in (first, second)] == [["a", "b"], ["c"]]
    await other.close()


async def test_two_processes_at_once_each_carry_their_own(database: Database, database_url: str) -> None:
    """Deciding, planning, claiming, renewing and finishing at once: nobody shares, waits for ever, or loses one."""
    async with database.write() as conn:
        made = [await club(conn) for _ in range(24)]
    other = Database(database_url)
    carried: list[str] = []

    async def work(through: Database, owner: str) -> None:
        idle = 0
        while idle < 2:
            async with through.write() as conn:
                chosen, _ = await clubs.to_decide(conn, None, NOW, limit=5)
                for each in chosen:
                    await outgoing.plan(
                        conn,
                        NewOutgoing(GUILD, each.id, OutgoingKind.POST, f"post {each.id}", CHANNEL, NOW, day=NOW.date()),
                    )
                await clubs.decided(conn, [each.id for each in chosen], NOW + MINUTE)
            async with through.write() as conn:
                rows = await outgoing.claim(conn, owner=owner, now=NOW, lease=LEASE, shards=None, limit=4)
            for row in reversed(rows):
                async with through.write() as conn:
                    held = await outgoing.renew(conn, owner, [row.id for row in rows], NOW + LEASE)
                    assert row.id in held
                    assert await outgoing.finish_step(
                        conn, row.id, owner=owner, state=OutgoingState.CLOSED, due_at=None
                    )
                    assert row.club_id
                    await clubs.advance(conn, row.club_id, run=1, position=3, day=NOW.date(), post_at=NOW)
                    await clubs.decided(conn, [row.club_id], NOW + MINUTE)
                carried.append(row.key)
            idle = 0 if chosen or rows else idle + 1

    workers = [work(through, f"{number}") for number, through in enumerate([database, other] * 2)]
    await asyncio.wait_for(asyncio.gather(*workers), 60)
    await work(database, "last")  # SKIP LOCKED may let all of them go home early
    assert sorted(carried) == sorted(f"post {each.id}" for each in made)
    await other.close()
