"""Messages that must come once: claims, leases, steps."""

import asyncio
import re
from collections.abc import Collection
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.storage import clubs, outgoing
from bot.storage.database import Database
from bot.storage.records import ClubState, NewOutgoing, Outgoing, OutgoingKind, OutgoingState, Shards
from tests.storage.make import CHANNEL, GUILD, LEASE, NOW, claim, club, plan, sent

MINUTE = timedelta(minutes=1)


def keys(rows: Collection[Outgoing]) -> list[str]:
    return [row.key for row in rows]


@given(st.text())
def test_nonce_and_marker_fit_discord(key: str) -> None:
    nonce, marker = outgoing.derive(key)
    assert re.fullmatch(r"[A-Za-z0-9-]{1,25}", nonce)
    assert 1 <= marker <= 2**31 - 1


def test_nonce_and_marker_never_change() -> None:
    """Rows of earlier releases rely on them."""
    assert outgoing.derive("post:0123456789abcdef:1:0") == ("KITNZWDYDUKNZBOWCKSQ6ENL", 1316020311)
    many = [outgoing.derive(f"post:{number}") for number in range(5000)]
    assert len({nonce for nonce, _ in many}) == len({marker for _, marker in many}) == 5000


async def test_plan_once(database: Database) -> None:
    new = NewOutgoing(
        guild_id=GUILD, club_id=None, kind=OutgoingKind.GREETING, key="Key", channel_id=CHANNEL, due_at=NOW
    )
    async with database.write() as conn:
        planned = await outgoing.plan(conn, new)
        assert planned
        nonce, marker = outgoing.derive("Key")
        assert (planned.nonce, planned.marker, planned.state) == (nonce, marker, OutgoingState.PLANNED)
        assert (planned.attempts, planned.retries, planned.due_at) == (0, 0, NOW)
        assert (planned.lease_owner, planned.message_id, planned.sent_at) == (None, None, None)
        assert await outgoing.plan(conn, new) is None
        assert await outgoing.by_key(conn, "Key") == await outgoing.get(conn, planned.id) == planned
        assert await outgoing.by_key(conn, "KEY") is None
        assert await plan(conn, "KEY")


async def test_claim_takes_what_is_due_in_order(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "second", due_at=NOW - MINUTE)
        await plan(conn, "third", due_at=NOW)
        await plan(conn, "first", due_at=NOW - 2 * MINUTE)
        await plan(conn, "later", due_at=NOW + timedelta(microseconds=1))
    assert keys(await claim(database, limit=1)) == ["first"]
    rows = await claim(database)
    assert keys(rows) == ["second", "third"]
    for row in rows:
        assert (row.state, row.attempts, row.lease_owner) == (OutgoingState.SENDING, 1, "a")
        assert (row.first_attempt_at, row.last_attempt_at, row.lease_until) == (NOW, NOW, NOW + LEASE)
    async with database.read() as conn:
        assert await outgoing.get(conn, rows[0].id) == rows[0]


async def test_abandoned_lease_is_taken_over(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database, "dead")
    assert await claim(database, "b", NOW + LEASE - timedelta(microseconds=1)) == []
    (taken,) = await claim(database, "b", NOW + LEASE)
    assert (taken.attempts, taken.first_attempt_at, taken.last_attempt_at) == (2, NOW, NOW + LEASE)
    assert taken.lease_owner == "b"
    async with database.write() as conn:
        assert not await outgoing.finish_step(
            conn, row.id, owner="dead", state=OutgoingState.SENT, due_at=None, message_id=1
        )
        assert await outgoing.get(conn, row.id) == taken
    assert await claim(database, "c", NOW + LEASE + MINUTE) == []


async def test_later_steps_count_no_attempt(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database)
    async with database.write() as conn:
        await sent(conn, row, 5, NOW + MINUTE)
    assert await claim(database, now=NOW) == []
    (again,) = await claim(database, now=NOW + MINUTE)
    assert (again.state, again.attempts, again.last_attempt_at) == (OutgoingState.SENT, 1, NOW)
    assert (again.message_id, again.sent_at) == (5, NOW + MINUTE)
    async with database.write() as conn:
        await outgoing.finish_step(
            conn,
            row.id,
            owner="a",
            state=OutgoingState.CLOSED,
            due_at=None,
            thread_id=5,
            fault="f",
            retries=3,
        )
        closed = await outgoing.get(conn, row.id)
    assert closed
    assert (closed.message_id, closed.thread_id, closed.fault, closed.retries) == (5, 5, "f", 3)
    assert (closed.lease_owner, closed.lease_until, closed.due_at) == (None, None, None)
    assert await claim(database, now=NOW + timedelta(days=9)) == []


@pytest.mark.parametrize("state", [OutgoingState.CLOSED, OutgoingState.WITHDRAWN, OutgoingState.FAILED])
async def test_what_is_over_is_never_claimed(database: Database, state: OutgoingState) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database)
    async with database.write() as conn:
        await outgoing.finish_step(conn, row.id, owner="a", state=state, due_at=NOW)
        assert await outgoing.next_due(conn, now=NOW, shards=None) is None
        assert not await outgoing.forget(conn, row.id)
    assert await claim(database) == []


async def test_clubs_hold_their_messages_up(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        await plan(conn, "begun", made)
    await claim(database)
    after = NOW + LEASE
    async with database.write() as conn:
        await plan(conn, "planned", made)
        await plan(conn, "fault", made, kind=OutgoingKind.FAULT)
        await plan(conn, "greeting", kind=OutgoingKind.GREETING)
    for state, expected in (
        (ClubState.BROKEN, ["fault", "greeting"]),
        (ClubState.PAUSED, ["begun", "fault", "greeting"]),
        (ClubState.ENDED, ["begun", "fault", "greeting", "planned"]),
        (ClubState.ACTIVE, ["begun", "fault", "greeting", "planned"]),
    ):
        async with database.write() as conn:
            await clubs.set_state(conn, made.id, state)
        async with database.write() as conn:
            rows = await outgoing.claim(conn, owner="b", now=after, lease=LEASE, shards=None)
            await conn.rollback()  # for the next state
        assert sorted(keys(rows)) == expected


async def test_next_due_is_when_a_claim_succeeds(database: Database) -> None:
    async with database.write() as conn:
        assert await outgoing.next_due(conn, now=NOW, shards=None) is None
        made = await club(conn)
        await plan(conn, "post", made)
        await plan(conn, "later", due_at=NOW + timedelta(days=1))
        assert await outgoing.next_due(conn, now=NOW, shards=None) == NOW
    await claim(database)
    async with database.write() as conn:
        assert await outgoing.next_due(conn, now=NOW, shards=None) == NOW + LEASE
        await clubs.set_state(conn, made.id, ClubState.BROKEN, fault="f")
        assert await outgoing.next_due(conn, now=NOW, shards=None) == NOW + timedelta(days=1)
        assert await outgoing.next_due(conn, now=NOW, shards=Shards(1, frozenset())) is None


async def test_shards(database: Database) -> None:
    async with database.write() as conn:
        for number in range(4):
            await plan(conn, f"guild {number}", guild_id=(number << 22) + 12345)
        half = Shards(2, frozenset({1}))
        rows = await outgoing.claim(conn, owner="a", now=NOW, lease=LEASE, shards=half)
        assert sorted(keys(rows)) == ["guild 1", "guild 3"]


async def test_claimers_never_share_a_row(database: Database, database_url: str) -> None:
    others = [Database(database_url) for _ in range(2)]
    for other in others:
        await other.open()
    async with database.write() as conn:
        made = await club(conn)
        for number in range(60):
            await plan(conn, f"post {number}", made)

    async def work(through: Database, owner: str) -> list[Outgoing]:
        mine: list[Outgoing] = []
        while rows := await claim(through, owner, limit=3):
            assert len(rows) <= 3
            mine += rows
        return mine

    workers = [work(through, f"{number}") for number, through in enumerate([database, *others] * 2)]
    claimed = [row for rows in await asyncio.gather(*workers) for row in rows]
    # SKIP LOCKED may let a claimer go home early, but never twice to one row.
    assert len({row.id for row in claimed}) == len(claimed)
    assert {row.attempts for row in claimed} == {1}
    left = await claim(database, "last", limit=100)
    assert len(claimed) + len(left) == 60
    for other in others:
        await other.close()


async def test_planned_at_once_there_is_one(database: Database, database_url: str) -> None:
    other = Database(database_url)
    await other.open()

    async def try_plan(through: Database) -> Outgoing | None:
        async with through.write() as conn:
            new = NewOutgoing(GUILD, None, OutgoingKind.POST, "key", CHANNEL, NOW)
            return await outgoing.plan(conn, new)

    planned = await asyncio.gather(*(try_plan(through) for through in (database, other) for _ in range(5)))
    assert len([row for row in planned if row]) == 1
    await other.close()


async def test_forget_frees_the_key(database: Database) -> None:
    async with database.write() as conn:
        row = await plan(conn, "post")
        assert await outgoing.forget(conn, row.id)
        assert not await outgoing.forget(conn, row.id)
        again = await plan(conn, "post")
        assert again.id != row.id
    await claim(database)
    async with database.write() as conn:
        assert not await outgoing.forget(conn, again.id, owner="b")
        assert await outgoing.forget(conn, again.id, owner="a")


async def test_release_all(database: Database) -> None:
    async with database.write() as conn:
        for key in "abc":
            await plan(conn, key)
    await claim(database, "a", limit=2)
    await claim(database, "b")
    async with database.write() as conn:
        assert await outgoing.release_all(conn, "a") == 2
        assert await outgoing.release_all(conn, "a") == 0
    rows = await claim(database, "c")
    assert keys(rows) == ["a", "b"]
    assert {row.attempts for row in rows} == {2}


async def test_what_a_club_sent(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        posts = [await plan(conn, f"post {number}", made) for number in range(3)]
        notice = await plan(conn, "notice", made, kind=OutgoingKind.FAULT)
        assert await outgoing.latest_post(conn, made.id) is None
        unfinished = await outgoing.unfinished_post(conn, made.id)
        assert unfinished == posts[0]
    await claim(database)
    async with database.write() as conn:
        await sent(conn, posts[1], 11, NOW)
        await sent(conn, posts[0], 12, NOW + MINUTE)
        await sent(conn, notice, 13, NOW + MINUTE)
        latest = await outgoing.latest_post(conn, made.id)
        assert latest
        assert latest.id == posts[0].id
        unfinished = await outgoing.unfinished_post(conn, made.id)
        assert unfinished
        assert unfinished.id == posts[2].id
        assert keys(await outgoing.of_club(conn, made.id)) == ["notice", "post 2", "post 1", "post 0"]
        only = await outgoing.of_club(conn, made.id, kinds=[OutgoingKind.POST], states={OutgoingState.SENT})
        assert keys(only) == ["post 1", "post 0"]


async def test_a_message_moves_with_its_lease_and_is_hurried_without(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        row = await plan(conn, "post", made)
        later = await plan(conn, "later", made, due_at=NOW + MINUTE)
        other = await plan(conn, "other", await club(conn), due_at=NOW + MINUTE)
    await claim(database)
    async with database.write() as conn:
        assert not await outgoing.move(conn, row.id, owner="b", channel_id=77)
        assert await outgoing.move(conn, row.id, owner="a", channel_id=77)
        moved = await outgoing.get(conn, row.id)
        assert moved
        assert moved.channel_id == 77
        assert await outgoing.hurry(conn, made.id, NOW) == 1, "the other is being sent"
        hurried = await outgoing.get(conn, later.id)
        left = await outgoing.get(conn, other.id)
        assert hurried
        assert left
        assert (hurried.due_at, left.due_at) == (NOW, NOW + MINUTE)


async def test_what_may_have_been_sent_is_forgotten_only_by_its_owner(database: Database) -> None:
    async with database.write() as conn:
        await plan(conn, "post")
    (row,) = await claim(database)
    async with database.write() as conn:
        await outgoing.finish_step(conn, row.id, owner="a", state=OutgoingState.PLANNED, due_at=NOW)
        assert not await outgoing.forget(conn, row.id)
