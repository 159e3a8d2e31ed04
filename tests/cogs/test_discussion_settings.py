"""/discussion settings."""

import pytest

from bot.storage import guilds
from bot.storage.records import GuildSettings, Thoughts
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers


async def stored(world: ClubWorld) -> GuildSettings:
    async with world.bot.database.read() as conn:
        return await guilds.settings(conn, world.guild.id)


async def told(world: ClubWorld, **options: object) -> str:
    return answers(await world.manager.slash(world.general, "discussion settings", **options))


async def test_it_shows_how_things_are(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = await told(world)
        assert "**Thread digests: on.**" in said
        assert "**My thought: auto.**" in said
        assert "options of this command" in said
        assert await stored(world) == GuildSettings()


async def test_each_option_changes_its_own_setting(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = await told(world, thread_digests=False)
        assert "**Thread digests: off.**" in said
        assert "**My thought: auto.**" in said
        assert "options of this command" not in said
        for choice in Thoughts:
            assert f"**My thought: {choice}.**" in await told(world, thoughts=choice.value)
            assert await stored(world) == GuildSettings(thread_digests=False, thoughts=choice)
        await world.restart()
        assert "**Thread digests: on.**" in await told(world, thread_digests=True, thoughts="auto")
        assert await stored(world) == GuildSettings()


async def test_other_settings_of_the_server_stay(database_url: str) -> None:
    async with polite_world(database_url) as world:
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, text_days=30)
            await guilds.set_role(conn, world.guild.id, 5)
        await told(world, thread_digests=False, thoughts="off")
        assert await stored(world) == GuildSettings(text_days=30, thread_digests=False, thoughts=Thoughts.OFF)
        async with world.bot.database.read() as conn:
            assert await guilds.role(conn, world.guild.id) == 5


@pytest.mark.parametrize("options", [{}, {"thread_digests": False}, {"thoughts": "on"}])
async def test_members_may_not(database_url: str, options: dict[str, object]) -> None:
    async with polite_world(database_url) as world:
        result = await world.member.slash(world.general, "discussion settings", **options)
        assert one_sentence(result) == "Only members with **Manage Server** may do this."
        assert await stored(world) == GuildSettings()
