"""What is kept of a stretch of a thread, on both engines."""

from sqlalchemy import update

from bot.storage import discussions, gathering, reconciling, schema
from bot.storage.database import Database
from bot.storage.records import BURST, NORMAL, Said
from tests.storage.make import GUILD, NOW, plan

THREAD = 1_000


async def begin(database: Database, thread_id: int) -> int:
    async with database.write() as conn:
        post = await plan(conn, f"post {thread_id}")
        await discussions.begin(conn, post, thread_id, wanted_at=None)
    return post.id


def said(message_id: int, thread_id: int = THREAD) -> Said:
    return Said(thread_id, message_id, 7, NOW, None, None, 5, None, thought=False)


async def test_replies_of_a_stretch_of_one_thread(database: Database) -> None:
    post_id, other_id = await begin(database, THREAD), await begin(database, THREAD + 1)
    async with database.write() as conn:
        await gathering.put_replies(conn, [said(number) for number in (2_001, 2_002, 2_003, 2_004)])
        await gathering.put_replies(conn, [said(3_000, THREAD + 1)])
        edited = update(schema.replies).where(schema.replies.c.message_id == 2_003)
        await conn.execute(edited.values(edited_at=NOW))
    async with database.read() as conn:
        assert await reconciling.replies_in(conn, post_id, 2_001, 2_003) == {2_002: None, 2_003: NOW}
        assert await reconciling.replies_in(conn, post_id, 2_003, None) == {2_004: None}
        assert await reconciling.replies_in(conn, post_id, 2_004, None) == {}
        assert await reconciling.replies_in(conn, other_id, 0, None) == {3_000: None}


async def test_reactions_are_counted_by_emoji_and_kind(database: Database) -> None:
    await begin(database, THREAD)
    given = [("🍎", 1, NORMAL), ("🍎", 2, NORMAL | BURST), ("🍎", 3, BURST), ("77", 4, BURST)]
    async with database.write() as conn:
        await gathering.put_replies(conn, [said(2_001)])
        await gathering.add_reactions(
            conn, [(THREAD, THREAD, emoji, user, kinds, None, NOW) for emoji, user, kinds in given]
        )
        await gathering.add_reactions(conn, [(THREAD, 2_001, "🍎", 5, NORMAL, None, None)])
    async with database.read() as conn:
        assert await reconciling.counts(conn, [THREAD, 2_001, 2_002]) == {
            THREAD: {("🍎", NORMAL): 2, ("🍎", BURST): 2, ("77", BURST): 1},
            2_001: {("🍎", NORMAL): 1},
        }
        assert await reconciling.counts(conn, []) == {}
        assert await reconciling.givers_in(conn, THREAD, "🍎", NORMAL) == {1, 2}
        assert await reconciling.givers_in(conn, THREAD, "🍎", BURST, 2, 3) == {3}
        assert await reconciling.givers_in(conn, THREAD, "🍎", BURST, 1, 2) == {2}
        assert await reconciling.givers_in(conn, THREAD, "🍏", NORMAL) == set()


async def test_what_is_wanted_comes_newest_first_a_piece_at_a_time(database: Database) -> None:
    for thread_id in (THREAD, THREAD + 2, THREAD + 1):
        await begin(database, thread_id)
    async with database.write() as conn:
        assert await discussions.want(conn, now=NOW, guild_id=GUILD) == 3
    async with database.read() as conn:
        assert await reconciling.count_wanted(conn, GUILD) == 3
        assert await reconciling.count_wanted(conn, GUILD + 1) == 0
        newest = await discussions.wanted(conn, shards=None, limit=2)
        rest = await discussions.wanted(conn, shards=None, limit=2, before=newest[-1].thread_id)
    assert [each.thread_id for each in [*newest, *rest]] == [THREAD + 2, THREAD + 1, THREAD]
