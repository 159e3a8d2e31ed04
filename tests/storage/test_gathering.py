"""What members do becomes rows, many at a time: the same ones as if each had been written by itself."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import delete, insert, select, update

from bot.discussion.batch import Batch
from bot.discussion.writing import write
from bot.storage import deletions, discussions, gathering, guilds, schema
from bot.storage.database import Connection, Database
from bot.storage.many import MOST, UnwritableError
from bot.storage.records import BURST, NORMAL, Said
from tests.discussion.one_by_one import CHANNELS, CUTS, EVENTS, START, THREADS, Event, Key, Known, both_kinds, cut
from tests.storage.make import GUILD, NOW, plan

FORGETFUL = GUILD + 1
"""A server that keeps no text."""

POST, OTHER, ELSEWHERE = THREADS
NOBODY_IS_FORGOTTEN = deletions.Forgotten(())


@pytest.fixture
async def posts(database: Database) -> Database:
    """A database with three posts, the third of another server than the first two."""
    async with database.write() as conn:
        await guilds.put_settings(conn, GUILD, text_days=30)
        for thread in THREADS:
            post = await plan(conn, f"post {thread}")
            values = {
                "post_id": post.id,
                "guild_id": FORGETFUL if thread == ELSEWHERE else GUILD,
                "channel_id": CHANNELS[thread],
                "thread_id": thread,
                "archived": False,
                "locked": False,
            }
            await conn.execute(insert(schema.discussions).values(values))
    return database


def said(message: int, thread: int = POST, author: int = 7, **others: Any) -> Said:
    return replace(Said(thread, message, author, NOW, None, None, 5, "Hello", thought=False), **others)


async def replies(database: Database) -> dict[int, Any]:
    async with database.read() as conn:
        return {row.message_id: row for row in await conn.execute(select(schema.replies))}


async def reactions(database: Database) -> dict[Key, tuple[int, str | None, datetime | None]]:
    async with database.read() as conn:
        rows = await conn.execute(select(schema.reactions))
        return {(row.message_id, row.emoji, row.user_id): (row.kinds, row.name, row.added_at) for row in rows}


async def picks(database: Database) -> set[int]:
    async with database.read() as conn:
        return set(await conn.scalars(select(schema.picks.c.message_id)))


async def pick(conn: Connection, *message_ids: int) -> None:
    for message_id in message_ids:
        reply = (await conn.execute(select(schema.replies).where(schema.replies.c.message_id == message_id))).one()
        values = {
            "message_id": message_id,
            "post_id": reply.post_id,
            "guild_id": GUILD,
            "picked_by": 1,
            "picked_at": NOW,
        }
        await conn.execute(insert(schema.picks).values(values))


async def given_to(conn: Connection, thread: int, *message_ids: int, user: int = 9, kinds: int = NORMAL) -> None:
    await gathering.add_reactions(
        conn, [(thread, message_id, "🍎", user, kinds, None, NOW) for message_id in message_ids]
    )


async def wipe(database: Database) -> None:
    async with database.write() as conn:
        await conn.execute(delete(schema.replies))
        await conn.execute(delete(schema.reactions))
        fresh = {"thread_deleted_at": None, "name": None, "archived": False, "locked": False}
        await conn.execute(update(schema.discussions).values(fresh))


async def found(database: Database) -> Known:
    """The rows in the form of the model."""
    known = Known()
    async with database.read() as conn:
        rows = {row.post_id: row for row in await conn.execute(select(schema.discussions))}
        for row in rows.values():
            if row.thread_deleted_at is not None:
                known.deleted[row.thread_id] = row.thread_deleted_at
            if row.name is not None:
                known.names[row.thread_id] = (row.name, row.archived, row.locked)
    for row in (await replies(database)).values():
        discussion = rows[row.post_id]
        assert row.guild_id == discussion.guild_id
        values = row._asdict() | {"thread_id": discussion.thread_id}
        known.replies[row.message_id] = Said(**{name: values[name] for name in Said.__slots__})
    known.reactions = await reactions(database)
    return known


def without_texts(known: Known) -> dict[int, Said]:
    return {
        message: said if said.thread_id != ELSEWHERE else replace(said, text=None)
        for message, said in known.replies.items()
    }


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(events=EVENTS, cuts=CUTS)
async def test_it_leaves_what_the_events_leave(posts: Database, events: list[Event], cuts: list[int]) -> None:
    await wipe(posts)
    expected = Known()
    for what, arguments in events:
        getattr(expected, what)(*arguments)
    for some in cut(events, cuts):
        batch = Batch()
        for what, arguments in some:
            getattr(batch, what)(*arguments)
        for _ in range(2):  # a commit of which it is not known whether it succeeded is written again
            async with posts.write() as conn:
                await write(conn, batch, NOBODY_IS_FORGOTTEN)
    there = await found(posts)
    assert there.replies == without_texts(expected)
    assert (there.deleted, there.names) == (expected.deleted, expected.names)
    assert {key: of[:2] for key, of in there.reactions.items()} == {k: of[:2] for k, of in expected.reactions.items()}
    for key in expected.reactions.keys() - both_kinds(events):
        assert there.reactions[key] == expected.reactions[key]


async def test_nothing_comes_of_what_is_not_known(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1, thread=5)])
        await given_to(conn, 5, 5, 1)  # no post's thread
        await given_to(conn, POST, 1, OTHER)  # no reply; another post
        await gathering.put_replies(conn, [said(OTHER + 1, thread=OTHER)])
        await given_to(conn, POST, OTHER + 1)  # a reply, but to another post
        assert await gathering.known(conn, [5, POST, ELSEWHERE]) == {POST, ELSEWHERE}
        assert await gathering.known(conn, []) == set()
    assert [*await replies(posts)] == [OTHER + 1]
    assert not await reactions(posts)


async def test_a_later_edit_stays_whatever_comes_first(posts: Database) -> None:
    minute = timedelta(minutes=1)
    later = said(1, created_at=NOW + minute, edited_at=NOW + 2 * minute, length=9, text="later", author_id=8)
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1)])
        await gathering.put_replies(conn, [later])
        await gathering.put_replies(conn, [said(1, edited_at=NOW + minute, text="earlier"), said(2)])
        await gathering.put_replies(conn, [said(1, text="a preview")])
    row = (await replies(posts))[1]
    assert (row.text, row.length, row.edited_at) == ("later", 9, NOW + 2 * minute)
    assert (row.created_at, row.author_id) == (NOW, 7)  # these never change


async def test_text_is_kept_where_the_server_keeps_it(posts: Database) -> None:
    edited = NOW + timedelta(hours=1)
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1), said(2, thread=ELSEWHERE), said(3, text=None, length=None)])
    texts = {message: (row.text, row.length) for message, row in (await replies(posts)).items()}
    assert texts == {1: ("Hello", 5), 2: (None, 5), 3: (None, None)}
    async with posts.write() as conn:
        await guilds.put_settings(conn, GUILD, text_days=0)
        await gathering.put_replies(conn, [said(1, edited_at=edited, text="Goodbye"), said(4)])
    assert {row.text for row in (await replies(posts)).values()} == {None}


async def test_both_kinds_are_one_row(posts: Database) -> None:
    key = (POST, "🍎", 9)
    async with posts.write() as conn:
        await given_to(conn, POST, POST, kinds=NORMAL)
        await given_to(conn, POST, POST, kinds=BURST)
    assert await reactions(posts) == {key: (NORMAL | BURST, None, NOW)}
    async with posts.write() as conn:
        await gathering.remove_reactions(conn, [(*key, NORMAL)])
    assert await reactions(posts) == {key: (BURST, None, NOW)}
    async with posts.write() as conn:
        await gathering.remove_reactions(conn, [(*key, NORMAL)])
    assert await reactions(posts) == {key: (BURST, None, NOW)}
    async with posts.write() as conn:
        await gathering.remove_reactions(conn, [(*key, NORMAL | BURST)])
    assert not await reactions(posts)


async def test_what_a_reaction_is_called_and_when_it_came_is_learnt_later(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.add_reactions(conn, [(POST, POST, "77", 9, NORMAL, None, None)])
        await gathering.add_reactions(conn, [(POST, POST, "77", 9, NORMAL, "core", NOW)])
        await gathering.add_reactions(conn, [(POST, POST, "77", 9, NORMAL, None, NOW + timedelta(days=1))])
    assert await reactions(posts) == {(POST, "77", 9): (NORMAL, "core", NOW)}


async def test_a_deleted_message_takes_all_with_it(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1), said(2)])
        await given_to(conn, POST, POST, 1, 2)
        await pick(conn, 1, 2)
        await gathering.delete_messages(conn, [1, 404])
    assert ([*await replies(posts)], await picks(posts)) == ([2], {2})
    assert {key[0] for key in await reactions(posts)} == {POST, 2}
    async with posts.write() as conn:
        await gathering.delete_messages(conn, [POST])  # the post's own: what was said about it stays
    assert ([*await replies(posts)], await picks(posts)) == ([2], {2})
    assert {key[0] for key in await reactions(posts)} == {2}


async def test_a_deleted_thread_takes_what_was_said_in_it(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1), said(2, thread=OTHER)])
        await given_to(conn, POST, POST, 1)
        await given_to(conn, OTHER, OTHER, 2)
        await pick(conn, 1, 2)
        await gathering.delete_threads(conn, [(POST, NOW), (404, NOW)])
        await gathering.delete_threads(conn, [(POST, NOW + timedelta(days=1))])
        await gathering.put_replies(conn, [said(3)])  # late news of what is gone
    assert ([*await replies(posts)], await picks(posts)) == ([2], {2})
    assert {key[0] for key in await reactions(posts)} == {POST, OTHER, 2}
    assert (await found(posts)).deleted == {POST: NOW}
    async with posts.write() as conn:
        await gathering.change_threads(conn, [gathering.ThreadChange(POST, "Again", archived=False, locked=True)])
        await gathering.put_replies(conn, [said(4)])
    there = await found(posts)
    assert (there.deleted, there.names, sorted(there.replies)) == ({}, {POST: ("Again", False, True)}, [2, 4])


async def test_a_deleted_channel_takes_its_threads_and_posts(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(1), said(2, thread=OTHER), said(3, thread=ELSEWHERE)])
        for thread, reply in ((POST, 1), (OTHER, 2), (ELSEWHERE, 3)):
            await given_to(conn, thread, thread, reply)
        await gathering.delete_channels(conn, [(CHANNELS[POST], NOW), (404, NOW)])
    assert [*await replies(posts)] == [3]
    assert {key[0] for key in await reactions(posts)} == {ELSEWHERE, 3}
    assert (await found(posts)).deleted == {POST: NOW, OTHER: NOW}


async def test_nothing_new_of_forgotten_members(posts: Database) -> None:
    async with posts.write() as conn:
        await deletions.forget_member(conn, 7, NOW)
    batch = Batch()
    batch.said(said(1, author=7))
    batch.said(said(2, author=8))
    for user in (7, 8):
        batch.react(POST, POST, "🍎", user, NORMAL, None, NOW)
        batch.react(POST, 1, "🍎", user, NORMAL, None, NOW)
    async with posts.write() as conn:
        await write(conn, batch, await deletions.forgotten(conn))
    assert [*await replies(posts)] == [2]
    assert [*await reactions(posts)] == [(POST, "🍎", 8)]


async def test_more_rows_than_one_statement_takes(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.put_replies(conn, [said(POST + number) for number in range(1, MOST + 2)])
        await gathering.add_reactions(
            conn, [(POST, POST, "🍎", user, NORMAL, None, None) for user in range(1, MOST + 2)]
        )
    assert len(await replies(posts)) == len(await reactions(posts)) == MOST + 1


async def test_what_was_missed_is_wanted(posts: Database) -> None:
    async with posts.write() as conn:
        await gathering.want(conn, {POST, 404}, START)
        wanted = await discussions.wanted(conn, shards=None, limit=9)
    assert [(each.thread_id, each.wanted_at) for each in wanted] == [(POST, START)]


@pytest.mark.parametrize("kinds", [0, 4])
async def test_what_cannot_be_stored_is_no_outage(posts: Database, kinds: int) -> None:
    with pytest.raises(UnwritableError):
        async with posts.write() as conn:
            await gathering.add_reactions(conn, [(POST, POST, "🍎", 9, kinds, None, None)])


async def test_a_post_that_is_deleted_meanwhile_makes_nothing_fail(posts: Database) -> None:
    batch = Batch()
    batch.said(said(1))
    batch.react(POST, POST, "🍎", 9, NORMAL, None, NOW)
    batch.react(OTHER, OTHER, "🍎", 9, NORMAL, None, NOW)
    async with posts.write() as conn:
        await conn.execute(delete(schema.outgoing).where(schema.outgoing.c.key == f"post {POST}"))
    async with posts.write() as conn:
        await write(conn, batch, NOBODY_IS_FORGOTTEN)
    assert {key[0] for key in await reactions(posts)} == {OTHER}
