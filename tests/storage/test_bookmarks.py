"""Bookmarks are each member's own, and bounded; posts are found again by what they are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import ApplecoreError
from bot.storage import bookmarks, clubs, discussions, outgoing, posts, readings
from bot.storage.database import Connection, Database
from bot.storage.records import Bookmark, Club, NewOutgoing, Outgoing, OutgoingKind, OutgoingState
from tests.storage.make import CHANNEL, GUILD, NOW, claim, club, reading, sent

MEMBER, OTHER = GUILD + 10, GUILD + 11


async def keep(conn: Connection, of: Club, position: int, *, guild_id: int = GUILD, user_id: int = MEMBER) -> bool:
    return await bookmarks.add(
        conn, guild_id, user_id, reading_id=of.reading_id, position=position, at=NOW + timedelta(minutes=position)
    )


async def test_kept_listed_and_taken_off(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        assert await keep(conn, made, 2)
        assert await keep(conn, made, 0)
        assert not await keep(conn, made, 2), "once is enough"
        assert await keep(conn, made, 2, user_id=OTHER)
        assert await keep(conn, made, 2, guild_id=GUILD + 1)
        newest, oldest = await bookmarks.of_member(conn, GUILD, MEMBER)
        assert newest == Bookmark(newest.id, GUILD, MEMBER, made.reading_id, 0, NOW)
        assert (oldest.position, oldest.created_at) == (2, NOW + timedelta(minutes=2))

        [theirs] = await bookmarks.of_member(conn, GUILD, OTHER)
        assert await bookmarks.remove(conn, GUILD, MEMBER, [theirs.id]) == 0, "each member's own"
        assert await bookmarks.remove(conn, GUILD + 1, MEMBER, [oldest.id]) == 0
        assert await bookmarks.remove(conn, GUILD, MEMBER, [oldest.id, theirs.id]) == 1
        assert await bookmarks.of_member(conn, GUILD, MEMBER) == [newest]
        assert await bookmarks.of_member(conn, GUILD, OTHER) == [theirs]


async def test_as_many_as_there_may_be_and_one_more(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        for position in range(bookmarks.MOST - 1):
            await keep(conn, made, position)
        assert await keep(conn, made, bookmarks.MOST - 1)
        with pytest.raises(ApplecoreError, match="You have 200 bookmarks here"):
            await keep(conn, made, bookmarks.MOST)
        assert not await keep(conn, made, 0), "what is there already needs no room"
        assert await keep(conn, made, bookmarks.MOST, guild_id=GUILD + 1)
        assert await keep(conn, made, bookmarks.MOST, user_id=OTHER)
        await bookmarks.remove(conn, GUILD, MEMBER, [(await bookmarks.of_member(conn, GUILD, MEMBER))[0].id])
        assert await keep(conn, made, bookmarks.MOST)


async def test_a_bookmark_goes_with_its_reading_and_not_before(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        await keep(conn, made, 1)
        newer = await readings.save(conn, GUILD, reading("Émile", "another"), added_by=None, at=NOW)
        assert newer.id != made.reading_id
        assert len(await bookmarks.of_member(conn, GUILD, MEMBER)) == 1, "the club reads that revision"
        await clubs.remove(conn, made.id)
        await readings.save(conn, GUILD, reading("Émile", "a third"), added_by=None, at=NOW)
        assert await bookmarks.of_member(conn, GUILD, MEMBER) == []


async def post(database: Database, of: Club, position: int, message_id: int) -> Outgoing:
    new = NewOutgoing(
        guild_id=of.guild_id,
        club_id=of.id,
        kind=OutgoingKind.POST,
        key=f"post:{of.uid}:{message_id}",
        channel_id=CHANNEL,
        due_at=NOW,
        reading_id=of.reading_id,
        position=position,
    )
    async with database.write() as conn:
        assert await outgoing.plan(conn, new) is not None
    [row] = await claim(database)
    async with database.write() as conn:
        done: dict[str, Any] = {"message_id": message_id, "thread_id": message_id, "sent_at": NOW}
        await outgoing.finish_step(conn, row.id, owner="a", state=OutgoingState.CLOSED, due_at=None, **done)
        await discussions.begin(conn, row, message_id, wanted_at=None)
        found = await outgoing.get(conn, row.id)
    assert found is not None
    return found


async def test_posts_are_found_by_excerpt_club_and_thread(database: Database) -> None:
    async with database.write() as conn:
        made, other = await club(conn), await club(conn, GUILD, CHANNEL + 1)
    first, again = await post(database, made, 0, 100), await post(database, made, 0, 300)
    second, elsewhere = await post(database, made, 1, 200), await post(database, other, 0, 400)
    async with database.read() as conn:
        assert (found := await posts.newest(conn, made.id, made.reading_id, 0)) is not None
        assert found.id == again.id
        assert await posts.newest(conn, made.id, made.reading_id, 2) is None
        assert await posts.newest(conn, made.id, made.reading_id + 1, 0) is None
        assert [row.id for row in await posts.of_clubs(conn, [made.id])] == [again.id, second.id, first.id]
        assert await posts.of_clubs(conn, []) == []
        places = [(made.reading_id, 0), (made.reading_id, 2)]
        assert [row.id for row in await posts.of_excerpts(conn, GUILD, places)] == [elsewhere.id, again.id, first.id]
        assert await posts.of_excerpts(conn, GUILD + 1, places) == []
        assert await posts.of_excerpts(conn, GUILD, []) == []
        assert (found := await posts.by_message(conn, GUILD, 200)) is not None
        assert found.id == second.id
        assert await posts.by_message(conn, GUILD + 1, 200) is None


async def test_a_deleted_thread_is_no_place_to_go_to(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
    posted = await post(database, made, 0, 100)
    async with database.write() as conn:
        assert (found := await posts.by_message(conn, GUILD, 100)) is not None
        assert (found.thread_id, found.message_id) == (posted.thread_id, 100)
        await discussions.thread_deleted(conn, 100, NOW)
        assert (found := await posts.by_message(conn, GUILD, 100)) is not None
        assert (found.thread_id, found.message_id) == (None, 100)


async def test_what_a_person_deleted_or_what_is_no_post_is_not_found(database: Database) -> None:
    async with database.write() as conn:
        made = await club(conn)
        ending = NewOutgoing(
            guild_id=GUILD, club_id=made.id, kind=OutgoingKind.ENDING, key="e", channel_id=CHANNEL, due_at=NOW
        )
        await outgoing.plan(conn, ending)
    [row] = await claim(database)
    async with database.write() as conn:
        await sent(conn, row, 500)
        await outgoing.release_all(conn, "a")
        assert await posts.by_message(conn, GUILD, 500) is None
        withdrawn = replace(ending, kind=OutgoingKind.POST, key="p", reading_id=made.reading_id, position=0)
        planned = await outgoing.plan(conn, withdrawn)
        assert planned is not None
        assert await posts.newest(conn, made.id, made.reading_id, 0) is None, "planned is not posted"
    [row] = [each for each in await claim(database) if each.id == planned.id]
    async with database.write() as conn:
        await outgoing.finish_step(
            conn, row.id, owner="a", state=OutgoingState.WITHDRAWN, due_at=None, message_id=600, sent_at=NOW
        )
        assert await posts.newest(conn, made.id, made.reading_id, 0) is None
        assert await posts.of_clubs(conn, [made.id]) == []
