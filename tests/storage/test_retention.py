"""What is kept for a time is dropped when that has passed, and not before."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from bot.storage import clubs, deletions, discussions, guilds, retention, schema
from bot.storage.database import Database
from bot.storage.records import DeletionKind, Shards
from tests.storage import said
from tests.storage.make import GUILD, NOW
from tests.storage.saying import THREAD, talk, values_of

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
OTHER = GUILD + 1
NOBODYS = Shards(2, frozenset({1 - (GUILD >> 22) % 2}))
"""The shards that neither guild is in."""


async def drop(database: Database, now: datetime, shards: Shards | None = None) -> list[int]:
    """As the janitor; answers the guilds in which something was dropped."""
    async with database.write() as conn:
        old = await retention.with_old_texts(conn, now, shards)
        for guild_id in old:
            while await retention.drop_texts(conn, guild_id, now):
                pass
        while picked := await retention.old_picked_texts(conn, now, shards):
            await retention.drop_picked_texts(conn, picked)
    return sorted(old)


async def test_text_is_kept_as_long_as_each_guild_says(database: Database) -> None:
    async with database.write() as conn:
        for number, (guild, days) in enumerate(((GUILD, 2), (OTHER, 3))):
            post = await talk(conn, guild, thread_id=THREAD + number)
            await guilds.put_settings(conn, guild, text_days=days)
            for hours in (0, 12):
                at = NOW + timedelta(hours=hours)
                await said.reply(conn, post, 100 * number + hours, 7, text=f"{number} {hours}", at=at)
    assert await drop(database, NOW + 2 * DAY) == []
    assert await drop(database, NOW + 2 * DAY + MOMENT, NOBODYS) == []
    assert await drop(database, NOW + 2 * DAY + MOMENT) == [GUILD]
    assert await left(database) == {"0 12", "1 0", "1 12"}
    assert await drop(database, NOW + 3 * DAY) == [GUILD]
    assert await left(database) == {"1 0", "1 12"}
    async with database.write() as conn:
        await guilds.put_settings(conn, OTHER, text_days=0)
    assert await drop(database, NOW) == [OTHER]
    assert await left(database) == set()
    assert await values_of(database, schema.replies.c.message_id) == [0, 12, 100, 112], "the replies themselves stay"


async def left(database: Database) -> set[str]:
    return {text for text in await values_of(database, schema.replies.c.text) if text is not None}


async def test_more_than_one_portion(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_PORTION", 3)
    async with database.write() as conn:
        post = await talk(conn)
        for message in range(1, 9):
            await said.reply(conn, post, message, 7, text="old")
            await said.pick(conn, post, message, text="old")
        counts = [await retention.drop_texts(conn, GUILD, NOW) for _ in range(4)]
    assert counts == [3, 3, 2, 0]
    await drop(database, NOW + 31 * DAY)
    assert set(await values_of(database, schema.picks.c.text)) == {None}


@pytest.mark.parametrize(
    ("text_days", "closed", "dropped"),
    [
        (0, None, 30),  # days after it was picked
        (7, None, 30),
        (60, None, 60),
        (60, 3, 33),  # the thread was closed on the third day
        (0, 3, 30),
        (365, 0, 30),
    ],
)
async def test_picked_words_are_kept_for_a_month_or_as_long_as_text_is(
    database: Database, text_days: int, closed: int | None, dropped: int
) -> None:
    async with database.write() as conn:
        post = await talk(conn)
        await guilds.put_settings(conn, GUILD, text_days=text_days)
        await said.reply(conn, post, 1, 7)
        await said.pick(conn, post, 1, text="picked")
        if closed is not None:
            await discussions.close(conn, post.id, NOW + closed * DAY)
    await drop(database, NOW + dropped * DAY)
    assert await values_of(database, schema.picks.c.text) == ["picked"]
    await drop(database, NOW + dropped * DAY + MOMENT, NOBODYS)
    assert await values_of(database, schema.picks.c.text) == ["picked"]
    await drop(database, NOW + dropped * DAY + MOMENT)
    assert await values_of(database, schema.picks.c.text) == [None]


async def test_a_guild_that_was_left_is_purged_after_its_grace(database: Database) -> None:
    async with database.write() as conn:
        await talk(conn)
        await talk(conn, OTHER, thread_id=THREAD + 1)
        await guilds.left(conn, GUILD, NOW)
        assert await retention.known_guilds(conn, None) == {GUILD: NOW, OTHER: None}
        assert await retention.known_guilds(conn, NOBODYS) == {}
        assert await retention.left_long_ago(conn, NOW + retention.GRACE, None) == []
        after = NOW + retention.GRACE + MOMENT
        assert await retention.left_long_ago(conn, after, NOBODYS) == []
        assert await retention.left_long_ago(conn, after, None) == [GUILD]
        await guilds.joined(conn, GUILD)
        assert not await retention.purge(conn, GUILD, after), "it came back just now"
        assert len(await clubs.in_guild(conn, GUILD)) == 1
        await guilds.left(conn, GUILD, NOW)
        assert await retention.purge(conn, GUILD, after)
        assert await deletions.present(conn, DeletionKind.GUILD) == {OTHER}
        assert await conn.scalar(select(func.count()).select_from(schema.discussions)) == 1
