"""What waits to be written: durable soon, bounded, and nothing lost while the database is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, text

from bot.discussion import spool
from bot.discussion.collector import Collector
from bot.errors import ApplecoreError
from bot.storage import deletions, discussions, outgoing, schema
from bot.storage.database import Database
from bot.storage.records import NORMAL, Said
from tests.storage.make import CHANNEL, NOW, plan

POST, NEXT = 1_000, 2_000
MEMBER = 7


@pytest.fixture
async def posted(database: Database) -> Database:
    await begin(database, POST)
    return database


@pytest.fixture
async def collector(posted: Database) -> AsyncIterator[Collector]:
    collector = await new_collector(posted)
    yield collector
    await collector.stop()


async def new_collector(database: Database) -> Collector:
    collector = Collector(database, lambda: datetime.now(UTC))
    await collector.load()
    return collector


async def begin(database: Database, thread: int) -> None:
    async with database.write() as conn:
        post = await plan(conn, f"post {thread}")
        await discussions.begin(conn, post, thread, wanted_at=None)


def said(message: int, thread: int = POST, **others: Any) -> Said:
    return replace(Said(thread, message, MEMBER, NOW, None, None, 5, "Hello", thought=False), **others)


def react(collector: Collector, user: int, thread: int = POST) -> None:
    collector.reacted(CHANNEL, thread, "🍎", user, NORMAL, None)


async def replies(database: Database) -> set[int]:
    async with database.read() as conn:
        return set(await conn.scalars(select(schema.replies.c.message_id)))


async def givers(database: Database) -> list[int]:
    users = schema.reactions.c.user_id
    async with database.read() as conn:
        return [*await conn.scalars(select(users).order_by(users))]


async def wanted(database: Database) -> list[int]:
    async with database.read() as conn:
        return [each.thread_id for each in await discussions.wanted(conn, shards=None, limit=9)]


async def rename(database: Database, old: str, new: str) -> None:
    """A table that is not there is as good as a database that is not."""
    async with database.write() as conn:
        await conn.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


async def soon(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what it waits for is no task's
            await asyncio.sleep(0.01)


async def test_what_is_noted_is_committed_within_a_second(posted: Database, collector: Collector) -> None:
    for user in range(3):  # the second and third come during the pause after the first
        react(collector, user)
        async with asyncio.timeout(1):
            await soon(lambda: not collector.spool.waiting)
    assert await givers(posted) == [0, 1, 2]


async def test_many_events_do_not_wait_for_the_pause(posted: Database, collector: Collector) -> None:
    collector.spool.pause = 3600.0
    react(collector, 0)
    await soon(lambda: not collector.spool.waiting)
    for user in range(1, spool.MANY + 1):
        react(collector, user)
    react(collector, spool.MANY + 1)
    await soon(lambda: collector.spool.waiting <= 1)
    assert len(await givers(posted)) >= spool.MANY


async def test_flush_commits_what_was_noted_before(posted: Database, collector: Collector) -> None:
    collector.spool.pause = 3600.0
    numbers = count()
    for _ in range(5):
        for _ in range(20):
            react(collector, next(numbers))
        await asyncio.gather(*(collector.flush() for _ in range(3)))
        assert not collector.spool.waiting
    assert await givers(posted) == [*range(100)]


async def test_nothing_is_lost_while_the_database_is_away(
    posted: Database, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await rename(posted, "reactions", "hidden")
    react(collector, 1)
    with pytest.raises(ApplecoreError):
        await collector.flush()
    react(collector, 2)
    with pytest.raises(ApplecoreError):
        await collector.flush()
    collector.unreacted(CHANNEL, POST, "🍎", 1, NORMAL)
    react(collector, 3)
    await rename(posted, "hidden", "reactions")
    await soon(lambda: not collector.spool.waiting)  # by itself
    assert await givers(posted) == [2, 3]
    lines = [record.getMessage() for record in caplog.records if record.name == "bot.outage"]
    assert [line.partition(" (")[0] for line in lines[:1]] == ["what members say cannot be stored"]
    assert len(lines) == 2
    react(collector, 4)
    await soon(lambda: not collector.spool.waiting)
    assert await givers(posted) == [2, 3, 4]


async def test_too_much_is_asked_of_discord_instead(posted: Database, collector: Collector) -> None:
    repairs: list[list[int]] = []
    collector.spool.repair = lambda: repairs.append([])
    collector.spool.most = 10
    await begin(posted, NEXT)
    await collector.load()
    await rename(posted, "reactions", "hidden")
    for user in range(10):
        react(collector, user)
    with pytest.raises(ApplecoreError):
        await collector.flush()
    for user in range(10, 20_000):
        react(collector, user)
    assert collector.spool.waiting == 10
    assert await wanted(posted) == []
    await rename(posted, "hidden", "reactions")
    await soon(lambda: bool(repairs))
    assert (await givers(posted), await wanted(posted)) == ([*range(10)], [POST])
    react(collector, 10)
    await collector.flush()
    assert await givers(posted) == [*range(11)]


async def test_at_the_bound_nothing_is_lost(posted: Database, collector: Collector) -> None:
    collector.spool.pause, collector.spool.most = 3600.0, 10
    for user in range(10):
        react(collector, user)
    await collector.flush()
    assert (await givers(posted), await wanted(posted)) == ([*range(10)], [])


async def test_a_deleted_channel_needs_no_room(posted: Database, collector: Collector) -> None:
    collector.spool.pause, collector.spool.most = 3600.0, 1
    react(collector, 1)
    collector.channel_deleted(CHANNEL)
    await collector.flush()
    async with posted.read() as conn:
        gone = await discussions.by_thread(conn, POST)
    assert gone is not None
    assert gone.thread_deleted_at is not None
    assert await givers(posted) == []


async def test_what_cannot_be_stored_does_not_keep_the_rest_out(
    posted: Database, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    repairs: list[None] = []
    collector.spool.repair = lambda: repairs.append(None)
    collector.reacted(CHANNEL, POST, "🍎", 1, 4, None)  # no such kind
    await collector.flush()
    react(collector, 2)
    await collector.flush()
    assert (await givers(posted), await wanted(posted)) == ([2], [POST])
    assert repairs == [None]
    assert any("cannot be stored as it is" in record.getMessage() for record in caplog.records)


async def test_events_wait_for_their_post(posted: Database, collector: Collector) -> None:
    react(collector, 0, NEXT)  # nobody told us yet that this may be a post
    collector.watch(NEXT)
    react(collector, 1, NEXT)
    collector.said(said(1, NEXT))
    collector.reacted(NEXT, 1, "🍎", 2, NORMAL, None)
    await collector.flush()
    assert (await givers(posted), await replies(posted)) == ([], set())
    collector.unreacted(CHANNEL, NEXT, "🍎", 1, NORMAL)
    react(collector, 3, NEXT)
    await begin(posted, NEXT)
    collector.watch(NEXT)
    await soon(lambda: not collector.spool.waiting)
    assert (await givers(posted), await replies(posted)) == ([2, 3], {1})
    react(collector, 4, NEXT)
    await collector.flush()
    assert await givers(posted) == [2, 3, 4]


async def test_what_waited_for_a_post_came_first(posted: Database, collector: Collector) -> None:
    await begin(posted, NEXT)
    collector.watch(NEXT)
    react(collector, 1, NEXT)
    react(collector, 2, NEXT)
    with collector.touching(NEXT):  # from here on it is known that it is a post's
        collector.unreacted(CHANNEL, NEXT, "🍎", 1, NORMAL)
    await collector.flush()
    assert await givers(posted) == [2]


async def test_events_wait_for_no_post_that_never_comes(
    posted: Database, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.watch(NEXT)
    react(collector, 1, NEXT)
    await collector.flush()
    assert collector.spool.waiting == 1
    monkeypatch.setattr(spool, "EARLY", 0.0)
    await soon(lambda: not collector.spool.waiting)
    await begin(posted, NEXT)
    await collector.flush()
    assert await givers(posted) == []


async def test_a_stop_commits_and_notes_no_more(posted: Database, collector: Collector) -> None:
    collector.spool.pause = 3600.0
    react(collector, 1)
    await soon(lambda: not collector.spool.waiting)
    react(collector, 2)
    await collector.stop()
    assert await givers(posted) == [1, 2]
    await collector.stop()


async def test_a_kill_loses_only_what_was_not_written(posted: Database) -> None:
    killed = await new_collector(posted)
    killed.spool.pause = 3600.0
    react(killed, 1)
    await soon(lambda: not killed.spool.waiting)
    react(killed, 2)
    assert await givers(posted) == [1]


async def test_a_stop_does_not_wait_for_a_database_that_is_away(
    posted: Database, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    await rename(posted, "reactions", "hidden")
    react(collector, 1)
    async with asyncio.timeout(spool.STOPPING + 1):
        await collector.stop()
    assert "1 events could not be stored" in caplog.text


async def test_who_is_forgotten_is_not_collected_until_they_join(posted: Database, collector: Collector) -> None:
    async def collected() -> list[int]:
        react(collector, MEMBER)
        react(collector, 1)
        await collector.flush()
        return await givers(posted)

    assert await collected() == [1, MEMBER]
    async with posted.write() as conn:
        await deletions.forget_member(conn, MEMBER, NOW)
    assert await collected() == [1]
    async with posted.write() as conn:
        await deletions.join(conn, MEMBER, NOW)
    assert await collected() == [1, MEMBER]


async def test_a_message_does_not_come_back_after_it_was_deleted(posted: Database, collector: Collector) -> None:
    collector.said(said(1))
    await collector.flush()
    collector.deleted(POST, 1)
    await collector.flush()
    collector.said(said(1, edited_at=NOW))  # the preview of its link
    await collector.flush()
    assert await replies(posted) == set()


async def test_what_live_events_touch(collector: Collector) -> None:
    with collector.touching(POST) as touched:
        collector.said(said(1))
        collector.said(said(2, thread=NEXT))
        collector.deleted(POST, 3)
        react(collector, 4)
        collector.unreacted(POST, 1, "🍎", 5, NORMAL)
        collector.cleared(POST, 1)
        collector.cleared(POST, 1, "❤️")
        with collector.touching(POST) as later:
            react(collector, 6)
        react(collector, 7)
    react(collector, 8)
    assert touched.messages == {1, 3}
    assert touched.reactions == {
        (POST, "🍎", 4, NORMAL),
        (1, "🍎", 5, NORMAL),
        (POST, "🍎", 6, NORMAL),
        (POST, "🍎", 7, NORMAL),
    }
    assert touched.cleared == {(1, None), (1, "❤️")}
    assert (later.messages, later.reactions) == (set(), {(POST, "🍎", 6, NORMAL)})


async def test_where_too_little_is_known_discord_is_asked(posted: Database, collector: Collector) -> None:
    collector.missed(CHANNEL, NEXT)
    collector.missed(CHANNEL, POST)
    await collector.flush()
    assert await wanted(posted) == [POST]


async def test_posts_of_others_are_none_of_our_business(posted: Database, collector: Collector) -> None:
    react(collector, 1, NEXT)
    collector.said(said(1, NEXT))
    collector.deleted(NEXT, 1)
    collector.cleared(CHANNEL, NEXT)
    collector.unreacted(CHANNEL, NEXT, "🍎", 1, NORMAL)
    collector.thread_changed(NEXT, "Name", archived=False, locked=False)
    collector.thread_deleted(NEXT)
    assert collector.spool.waiting == 0
    async with posted.read() as conn:
        assert await outgoing.by_key(conn, "post 2000") is None
