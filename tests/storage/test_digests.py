"""What a post, a run and a member brought, counted on both engines."""

from datetime import UTC, datetime, timedelta

from bot.reading.digest import EmojiCount, PointedReply, Quarter
from bot.storage import clubs, digests, discussions, members
from bot.storage.database import Connection, Database
from bot.storage.digests import Counts
from bot.storage.records import Club, Outgoing
from tests.storage.make import GUILD, NOW, club
from tests.storage.said import pick, post, reaction, reply

ANN, BOB, CAT = 11, 12, 13
FIRST, SECOND, THIRD = 1000, 2000, 3000
"""The posts' messages; the replies to each have the next numbers."""


async def talk(conn: Connection) -> tuple[Club, list[Outgoing]]:
    """Three posts: one that was talked about, one with a reaction alone, one without anything."""
    mine = await club(conn)
    posts = [await post(conn, mine, position, at) for position, at in enumerate((FIRST, SECOND, THIRD))]
    first, second, _ = posts
    await reply(conn, first, 1001, ANN, text="Ann's words")
    await reply(conn, first, 1002, BOB, NOW + timedelta(hours=1), text="Bob's words")
    await reply(conn, first, 1003, ANN, NOW + timedelta(days=1))
    await reaction(conn, first, FIRST, CAT)
    await reaction(conn, first, 1001, BOB)
    await reaction(conn, first, 1001, BOB, "77", name="apple")
    await reaction(conn, first, 1001, ANN, at=None)
    await reaction(conn, first, 1002, CAT, "77", NOW + timedelta(hours=1), name="apple")
    await reaction(conn, first, 1999, CAT, "🎉")  # to a message that does not count
    await reaction(conn, second, SECOND, BOB, "❤️")
    return mine, posts


async def test_counts(database: Database) -> None:
    async with database.write() as conn:
        _, posts = await talk(conn)
        ids = [each.id for each in posts]
        assert await digests.counts(conn, ids) == {ids[0]: Counts(3, 3, 5), ids[1]: Counts(1, 0, 1)}
        assert await digests.counts(conn, ids[2:]) == {}
        assert await digests.counts(conn, []) == {}
        assert await digests.people(conn, ids) == 3
        assert await digests.people(conn, ids[1:]) == 1
        assert await digests.emojis(conn, ids) == (
            EmojiCount("👍", None, 3),
            EmojiCount("77", "apple", 2),
            EmojiCount("❤️", None, 1),
        )


async def test_a_deleted_thread_leaves_the_reactions_to_the_post(database: Database) -> None:
    async with database.write() as conn:
        _, posts = await talk(conn)
        await discussions.thread_deleted(conn, FIRST, NOW)
        assert await digests.counts(conn, [posts[0].id]) == {posts[0].id: Counts(1, 0, 1)}


async def test_words_leave_the_database_with_consent_alone(database: Database) -> None:
    async with database.write() as conn:
        mine, posts = await talk(conn)
        posted = await digests.posts(conn, mine.id, 1)
        await pick(conn, posts[0], 1003, text="picked words")
        await pick(conn, posts[0], 1002, NOW - timedelta(days=1))
        nameless = (PointedReply(FIRST, 1001, 0, 3), PointedReply(FIRST, 1002, 0, 1))
        assert await digests.most_reacted(conn, posted, 3) == nameless
        assert [each.text for each in await digests.picked(conn, posted, 3)] == [None, None]

        await members.set_quotes(conn, GUILD + 1, ANN, agreed=True)
        await members.set_streaks(conn, GUILD, ANN, agreed=True)
        assert await digests.most_reacted(conn, posted, 3) == nameless, "another guild, another question"

        await members.set_quotes(conn, GUILD, ANN, agreed=True)
        assert await digests.most_reacted(conn, posted, 1) == (PointedReply(FIRST, 1001, 0, 3, ANN, "Ann's words"),)
        assert await digests.picked(conn, posted, 3) == (
            PointedReply(FIRST, 1002, 0, 1),
            PointedReply(FIRST, 1003, 0, 0, ANN, "picked words"),
        )
        assert len(await digests.picked(conn, posted, 1)) == 1


async def test_who_picks_their_own_reply_allows_those_words(database: Database) -> None:
    async with database.write() as conn:
        mine, posts = await talk(conn)
        posted = await digests.posts(conn, mine.id, 1)
        await pick(conn, posts[0], 1001, by=ANN, text="Ann's pick")
        await pick(conn, posts[0], 1002, NOW + timedelta(days=1), by=ANN, text="another's words")
        await pick(conn, posts[0], 1003, NOW + timedelta(days=2), by=ANN)
        quoted = PointedReply(FIRST, 1001, 0, 3, ANN, "Ann's pick")
        assert (await digests.most_reacted(conn, posted, 1)) == (quoted,), "not the whole text, which is stored as well"
        assert await digests.picked(conn, posted, 3) == (
            quoted,
            PointedReply(FIRST, 1002, 0, 1),
            PointedReply(FIRST, 1003, 0, 0),
        )
        await members.set_quotes(conn, GUILD, ANN, agreed=False)
        assert (await digests.picked(conn, posted, 1)) == (PointedReply(FIRST, 1001, 0, 3),)


async def test_when_talk_came(database: Database) -> None:
    async with database.write() as conn:
        _, posts = await talk(conn)
        at = int(NOW.timestamp()) // 900
        assert await digests.quarters(conn, [each.id for each in posts]) == [
            Quarter(at, 1, 4),
            Quarter(at + 4, 1, 1),
            Quarter(at + 96, 1, 0),
        ]


async def test_a_quarter_begins_with_its_first_moment(database: Database) -> None:
    async with database.write() as conn:
        only = await post(conn, await club(conn), 0, FIRST)
        full = datetime(2026, 3, 1, 9, 15, tzinfo=UTC)
        for number, moment in enumerate((full - timedelta(microseconds=1), full, full + timedelta(minutes=14.99)), 1):
            await reply(conn, only, FIRST + number, ANN, moment)
        quarter = int(full.timestamp()) // 900
        assert await digests.quarters(conn, [only.id]) == [Quarter(quarter - 1, 1, 0), Quarter(quarter, 2, 0)]


async def test_posts_and_runs(database: Database) -> None:
    async with database.write() as conn:
        mine, posts = await talk(conn)
        other = await club(conn, channel_id=5)
        await post(conn, other, 0, 9000)
        found = await digests.posts(conn, mine.id, 1)
        assert [(each.post_id, each.position, each.thread_id) for each in found] == [
            (row.id, row.position, row.message_id) for row in posts
        ]
        assert [each.heading for each in found] == ["Day 1", "Day 2", "Day 3"]
        assert await digests.posts(conn, mine.id, 2) == []
        again = await clubs.begin(conn, mine.id, reading_id=mine.reading_id, since=NOW)
        await post(conn, again, 0, 10_000)
        assert [each.thread_id for each in await digests.posts(conn, mine.id, 2)] == [10_000]
        assert [each.thread_id for each in await digests.posts(conn, mine.id, 1)] == [FIRST, SECOND, THIRD]
        assert [(run.club_id, run.run, run.title, run.posts) for run in await digests.runs(conn, GUILD)] == [
            (mine.id, 2, "Émile", 1),
            (other.id, 1, "Émile", 1),
            (mine.id, 1, "Émile", 3),
        ]
        assert await digests.runs(conn, GUILD + 1) == []
        first = await digests.post(conn, posts[0].id)
        assert first == found[0]
        await clubs.remove(conn, mine.id)
        gone = await digests.post(conn, posts[0].id)
        assert gone is not None
        assert gone.club_id is None
        assert await digests.post(conn, 10**9) is None


async def test_regulars_are_those_who_agreed(database: Database) -> None:
    async with database.write() as conn:
        _, posts = await talk(conn)
        ids = [each.id for each in posts]
        await reply(conn, posts[1], 2001, ANN)
        await members.set_quotes(conn, GUILD, BOB, agreed=True)
        assert await digests.regulars(conn, GUILD, ids) == {}
        await members.set_streaks(conn, GUILD, ANN, agreed=True)
        assert await digests.regulars(conn, GUILD, ids) == {ANN: {ids[0], ids[1]}}
        assert await digests.regulars(conn, GUILD + 1, ids) == {}


async def test_a_member_s_own_part(database: Database) -> None:
    async with database.write() as conn:
        mine, _ = await talk(conn)
        posted = await digests.posts(conn, mine.id, 1)
        ann = await digests.of_member(conn, ANN, posted, 1)
        assert (ann.replies, ann.given, ann.received, ann.positions) == (2, 1, 2, frozenset({0}))
        assert ann.best == (PointedReply(FIRST, 1001, 0, 2),), "one's own reaction is none of others"
        both = await digests.of_member(conn, ANN, posted, 5)
        assert [each.message_id for each in both.best] == [1001, 1003]
        cat = await digests.of_member(conn, CAT, posted, 5)
        assert (cat.replies, cat.given, cat.received, cat.best) == (0, 2, 0, ())
        nobody = await digests.of_member(conn, 99, [], 5)
        assert (nobody.replies, nobody.given, nobody.positions) == (0, 0, frozenset())
