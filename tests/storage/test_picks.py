"""Single replies and the picks for a digest, on both engines."""

from datetime import timedelta

from bot.storage import discussions, picks, replies
from bot.storage.database import Connection, Database
from bot.storage.records import Pick, Reply
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
