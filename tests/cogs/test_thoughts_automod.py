"""AutoMod does not look at what bots post, so "My thought" keeps to the server's rules by itself."""

import pytest

from bot.storage.records import Thoughts
from tests.cogs.manners import one_sentence, polite_world
from tests.cogs.thinking import (
    PRESET,
    SPAM,
    automod,
    automod_requests,
    decided,
    given_back,
    grant,
    posted,
    press,
    send,
    think,
    thoughts,
)
from tests.support.club_world import answers


async def test_a_rule_refuses_and_the_words_come_back(database_url: str) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        automod(world, keyword_filter=["hardcore"])
        await posted(world, Thoughts.AUTO)
        said = given_back(await think(world, "So Hardcore!"))
        assert "rule **House rules** is against “hardcore”. Please write it in <#" in said
        assert "> So Hardcore!" in said
        assert thoughts(world) == []
        await think(world, "So embedded!")
        assert len(thoughts(world)) == 1
        blocked = await world.member.send(world.threads()[0], "So hardcore!")
        assert blocked.id not in [message.id for message in world.threads()[0].history()], "as AutoMod does"


async def test_a_rule_with_exempt_roles_or_channels_does_not_refuse_those(database_url: str) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        readers = world.guild.create_role("Readers")
        reader = world.guild.add_member(world.env.create_user("reader"), roles=[readers])
        automod(world, keyword_filter=["hardcore"], exempt_roles=[str(readers.id)])
        await posted(world, Thoughts.AUTO)
        assert "Posted" in answers(await think(world, "So hardcore!", member=reader))
        assert "is against" in answers(await think(world, "So hardcore!"))
        world.env.backend.edit_auto_mod_rule(
            world.guild.id,
            next(iter(world.env.backend.guilds[world.guild.id].auto_mod_rules)),
            {"exempt_channels": [world.channel.id]},
        )
        assert "is against" in answers(await think(world, "So hardcore!")), "the rules of a minute ago"
        await world.advance(seconds=61)
        assert "Posted" in answers(await think(world, "So hardcore!"))


async def test_who_manages_the_server_is_exempt_as_in_discord(database_url: str) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        automod(world, keyword_filter=["hardcore"])
        automod(world, SPAM)
        await posted(world, Thoughts.AUTO)
        assert "Posted" in answers(await think(world, "So hardcore!", member=world.manager))


@pytest.mark.parametrize("trigger", [PRESET, SPAM])
async def test_a_rule_that_cannot_be_read_switches_it_off_until_a_manager_switches_it_on(
    database_url: str, trigger: int
) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        automod(world, trigger, name="Slurs")
        automod(world, keyword_filter=["hardcore"])
        post = await posted(world, Thoughts.AUTO)
        refusal = one_sentence(await press(world, post=post))
        assert "I cannot tell what this server's AutoMod rule **Slurs** would say" in refusal
        assert "`/discussion settings`" in refusal
        await decided(world, Thoughts.ON)
        assert "is against “hardcore”" in given_back(await think(world, "So hardcore!"))
        assert "Posted" in answers(await think(world, "So embedded!"))


async def test_without_manage_server_no_rule_can_be_read(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world, None)
        assert "I may not read this server's AutoMod rules" in one_sentence(await press(world))
        assert automod_requests(world) == 0, "a request that would be refused is not sent"
        assert "Posted" in answers(await think(world, "But I may.", member=world.manager))
        await decided(world, Thoughts.ON)
        assert "Posted" in answers(await think(world, "A fine day."))


async def test_the_rules_are_read_once_a_minute(database_url: str) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        await posted(world, Thoughts.AUTO)
        for _ in range(3):
            await think(world, "A fine day.")
        assert automod_requests(world) == 1
        await world.advance(seconds=60)
        await think(world, "A fine day.")
        assert automod_requests(world) == 2


async def test_rules_that_discord_does_not_tell_just_now_stop_it_for_a_moment(database_url: str) -> None:
    async with polite_world(database_url) as world:
        grant(world, manage_guild=True)
        automod(world, keyword_filter=["hardcore"])
        await posted(world)
        opened = await press(world)
        await world.advance(seconds=61)
        world.overlays.faults.fail("GET", "/guilds/*/auto-moderation/rules", status=500)
        assert "did not tell me this server's AutoMod rules" in given_back(await send(world, opened, "A fine day."))
        assert thoughts(world) == []
        assert "Posted" in answers(await think(world, "A fine day."))
