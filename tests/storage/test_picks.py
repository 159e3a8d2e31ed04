"""Single replies and the picks for a digest, on both engines."""

from datetime import timedelta

import pytest

from bot.reading.splitting import utf16_len
from bot.storage import discussions, gathering, members, picks, replies
from bot.storage.database import Connection, Database
from bot.storage.records import Pick, Reply, Said
from bot.storage.schema import replies as table
from bot.storage.sql import insert
from tests.storage.make import GUILD, NOW, plan

THREAD = GUILD + 100
AUTHOR, MANAGER = GUILD + 7, GUILD + 8


async def said(conn: Connection, post_id: int, message_id: int, author_id: int = AUTHOR, minutes: int = 0) -> Reply:
    reply = Reply(
        message_id=message_id,
        post_id=post_id,
        guild_id=GUILD,
        author_id=author_id,
        created_at=NOW + timedelta(minutes=minutes),
        edited_at=None,
        reply_to=None,
        length=3,
        text=None,
        thought=False,
    )
    await conn.execute(insert(conn, table).values({name: getattr(reply, name) for name in Reply.__slots__}))
    return reply


async def begun(conn: Connection, key: str = "post", thread_id: int = THREAD) -> int:
    post = await plan(conn, key)
    await discussions.begin(conn, post, thread_id, wanted_at=None)
    return post.id


async def test_a_reply_is_found_and_when_its_author_wrote_last(database: Database) -> None:
    async with database.write() as conn:
        post, other = await begun(conn), await begun(conn, "other", THREAD + 50)
        reply = await said(conn, post, THREAD + 1)
        await said(conn, post, THREAD + 3, minutes=2)
        await said(conn, post, THREAD + 2, minutes=1)
        await said(conn, other, THREAD + 51, minutes=9)
        await said(conn, post, THREAD + 4, MANAGER, minutes=9)
        assert await replies.get(conn, THREAD + 1) == reply
        assert await replies.get(conn, THREAD + 9) is None
        assert await replies.last_at(conn, post, AUTHOR) == NOW + timedelta(minutes=2)
        assert await replies.last_at(conn, post, AUTHOR + 5) is None


async def test_a_pick_is_made_once_and_taken_out(database: Database) -> None:
    async with database.write() as conn:
        post = await begun(conn)
        second, first = await said(conn, post, THREAD + 2), await said(conn, post, THREAD + 1)
        assert await picks.add(conn, second, by=AUTHOR, at=NOW, text="Words.")
        assert await picks.add(conn, first, by=MANAGER, at=NOW, text=None)
        assert not await picks.add(conn, second, by=MANAGER, at=NOW + timedelta(days=1), text="Others.")
        assert await picks.of_post(conn, post) == [
            Pick(THREAD + 1, post, GUILD, MANAGER, NOW, None),
            Pick(THREAD + 2, post, GUILD, AUTHOR, NOW, "Words."),
        ]
        assert await picks.of_post(conn, post + 1) == []
        assert await picks.remove(conn, THREAD + 2)
        assert not await picks.remove(conn, THREAD + 2)
        assert [pick.message_id for pick in await picks.of_post(conn, post)] == [THREAD + 1]


def edit(message_id: int, text: str | None, minutes: int = 1) -> Said:
    edited_at = NOW + timedelta(minutes=minutes)
    return Said(THREAD, message_id, AUTHOR, NOW, edited_at, None, len(text or ""), text, thought=False)


async def words(conn: Connection, post_id: int) -> list[str | None]:
    return [pick.text for pick in await picks.of_post(conn, post_id)]


async def test_what_is_kept_follows_later_edits_alone(database: Database) -> None:
    async with database.write() as conn:
        post = await begun(conn)
        one, two = await said(conn, post, THREAD + 1), await said(conn, post, THREAD + 2)
        await picks.add(conn, one, by=AUTHOR, at=NOW, text="One.")
        await picks.add(conn, two, by=AUTHOR, at=NOW, text="Two.")
        await gathering.put_replies(conn, [edit(THREAD + 1, " Changed.\r\nTwice.\n", 2), edit(THREAD + 3, "New.")])
        assert await words(conn, post) == ["Changed.\nTwice.", "Two."]
        for minutes in (1, 2):  # an earlier edit that comes late, and the same one once more, as for a link's preview
            await gathering.put_replies(conn, [edit(THREAD + 1, None, minutes)])
            assert await words(conn, post) == ["Changed.\nTwice.", "Two."]
        await gathering.put_replies(conn, [edit(THREAD + 1, None, 3)])
        assert await words(conn, post) == [None, "Two."], "nobody knows the new words"
        await gathering.put_replies(conn, [edit(THREAD + 1, "Known again.", 4)])
        assert await words(conn, post) == [None, "Two."]


@pytest.mark.parametrize(
    ("text", "kept"), [("x" * 200, "x" * 200), ("x" * 201, "x" * 199 + "…"), ("\n ", None), ("🍎" * 101, None)]
)
async def test_of_an_edit_as_much_is_kept_as_of_a_pick(database: Database, text: str, kept: str | None) -> None:
    async with database.write() as conn:
        post = await begun(conn)
        await picks.add(conn, await said(conn, post, THREAD + 1), by=AUTHOR, at=NOW, text="Words.")
        await gathering.put_replies(conn, [edit(THREAD + 1, text)])
        [found] = await words(conn, post)
        assert found == picks.kept(text)
        if "🍎" in text:
            assert found is not None
            assert utf16_len(found) <= picks.KEPT
        else:
            assert found == kept


async def test_an_edit_brings_no_words_where_none_may_be_kept(database: Database) -> None:
    async with database.write() as conn:
        post = await begun(conn)
        await picks.add(conn, await said(conn, post, THREAD + 1), by=MANAGER, at=NOW, text=None)
        await picks.add(conn, await said(conn, post, THREAD + 2), by=AUTHOR, at=NOW, text="My own pick.")
        await members.set_quotes(conn, GUILD, AUTHOR, agreed=False)
        assert await words(conn, post) == [None, None], "those that the author picked, too"
        await gathering.put_replies(conn, [edit(THREAD + 1, "Changed."), edit(THREAD + 2, "Changed.")])
        assert await words(conn, post) == [None, None]
