"""The janitor on a Discord whose clock is moved: what was kept for long enough goes by itself."""

import logging

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.engine import Engine

from bot.storage import clubs, deletions, guilds, retention, schema
from bot.storage.records import DeletionKind
from tests.cogs.thinking import posted
from tests.support.club_world import ClubWorld, club_world

GONE = 4_000_000_000_000_000_077
"""A guild of which the bot knows from earlier."""


async def texts(world: ClubWorld) -> int:
    await world.bot.collector.flush()
    async with world.bot.database.read() as conn:
        return await conn.scalar(select(func.count(schema.replies.c.text))) or 0


async def keep_text(world: ClubWorld, days: int) -> None:
    async with world.bot.database.write() as conn:
        await guilds.put_settings(conn, world.guild.id, text_days=days)


async def left_at(world: ClubWorld, guild_id: int) -> object:
    async with world.bot.database.read() as conn:
        return await conn.scalar(select(schema.guilds.c.left_at).where(schema.guilds.c.guild_id == guild_id))


async def known(world: ClubWorld) -> set[int]:
    async with world.bot.database.read() as conn:
        return await deletions.present(conn, DeletionKind.GUILD)


async def away(world: ClubWorld, **delta: float) -> None:
    """The bot is stopped for as long, so that weeks pass in a moment, and started again."""
    await world.stop()
    await world.advance(**delta)
    await world.restart()
    await world.env.settle()


async def test_text_goes_within_an_hour_of_its_time(database_url: str) -> None:
    async with club_world(database_url, message_content=True) as world:
        await posted(world)
        await keep_text(world, 2)
        thread = world.threads()[0]
        await world.member.send(thread, "One.")
        await world.advance(hours=12)
        await world.member.send(thread, "Two.")
        await world.advance(hours=35)
        assert await texts(world) == 2
        await world.advance(hours=2)
        assert await texts(world) == 1
        await world.advance(hours=12)
        assert await texts(world) == 0
        async with world.bot.database.read() as conn:
            assert await conn.scalar(select(func.count()).select_from(schema.replies)) == 2


async def test_text_whose_time_came_while_the_bot_was_away_goes_at_the_start(database_url: str) -> None:
    async with club_world(database_url, message_content=True) as world:
        await posted(world)
        await keep_text(world, 1)
        await world.member.send(world.threads()[0], "One.")
        assert await texts(world) == 1
        await away(world, days=3)
        assert await texts(world) == 0


async def test_a_server_that_removed_the_bot_is_purged_after_thirty_days(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.discussion.janitor")
    async with club_world(database_url) as world:
        await posted(world)
        guild_id = world.guild.id
        world.env.backend.remove_guild(guild_id)
        await world.env.settle()
        assert await left_at(world, guild_id) is not None
        await away(world, days=29, hours=23)
        assert guild_id in await known(world)
        await world.advance(hours=2)
        assert guild_id not in await known(world)
        [said] = [record for record in caplog.records if record.name == "bot.discussion.janitor"]
        assert said.__dict__["guild_id"] == guild_id


async def test_servers_that_were_left_or_came_back_unseen_are_noticed_at_the_start(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted(world)
        async with world.bot.database.write() as conn:
            await conn.execute(insert(schema.guilds).values(guild_id=GONE))
            await guilds.left(conn, world.guild.id, world.env.now() - retention.GRACE * 2)
        await world.restart()
        await world.env.settle()
        assert await left_at(world, world.guild.id) is None, "it is there, whatever the database said"
        assert await left_at(world, GONE) is not None
        async with world.bot.database.read() as conn:
            assert len(await clubs.in_guild(conn, world.guild.id)) == 1
        await away(world, days=31)
        assert await known(world) == {world.guild.id}


async def test_a_server_that_discord_cannot_serve_is_not_taken_for_left(database_url: str) -> None:
    async with club_world(database_url) as world:
        await posted(world)
        guild = world.bot.get_guild(world.guild.id)
        assert guild is not None
        guild.unavailable = True  # as after an outage of Discord's
        world.bot.janitor.start()
        await world.advance(hours=1)
        assert await left_at(world, world.guild.id) is None


async def test_it_goes_on_after_the_database_was_away(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async with club_world(database_url, message_content=True) as world:
        await posted(world)
        await keep_text(world, 1)
        await world.member.send(world.threads()[0], "One.")
        assert await texts(world) == 1

        def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if "min(replies.created_at)" in statement:
                raise OSError(5, "Input/output error")

        event.listen(Engine, "before_cursor_execute", refuse)
        try:
            await world.advance(days=1, hours=3)
        finally:
            event.remove(Engine, "before_cursor_execute", refuse)
        assert await texts(world) == 1
        said = [each.getMessage() for each in caplog.records if "kept for long enough" in each.getMessage()]
        assert len(said) == 1, "once, not every hour"
        assert "Input/output error" in said[0]
        await world.advance(hours=1)
        assert await texts(world) == 0
