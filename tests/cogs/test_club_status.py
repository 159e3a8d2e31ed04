"""/club status, and which club is meant where there are several."""

import re

from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of


async def begun(world: ClubWorld, count: int = 4) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", notices=world.notices)


async def status(world: ClubWorld) -> str:
    return answers(await world.member.slash(world.general, "club status"))


async def test_without_a_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.member.slash(world.general, "club status"))
        assert "no club here yet" in said
        assert "/club setup" in said


async def test_the_next_post_and_where_it_stands(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        assert "0 of 4 done; number 1 comes <t:" in await status(world)
        await world.until(9, 1, days=1)
        said = await status(world)
        assert f"<#{world.channel.id}> · A short reading" in said
        found = re.search(r"2 of 4 done; number 3 comes <t:(\d+):F> \(<t:\1:R>\)\.", said)
        assert found, said
        await world.until(9, 0)
        assert int(found[1]) == int(world.now().timestamp())
        assert "⚠️" not in said


async def test_paused(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        said = await status(world)
        assert "**Paused**, 0 of 4 done. `/club resume` goes on." in said
        assert "<t:" not in said


async def test_a_permission_that_is_missing_is_named_before_and_after_it_stops(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        world.deny(world.channel, create_public_threads=False)
        await world.env.settle()
        said = await status(world)
        assert f"⚠️ I lack **Create Public Threads** in <#{world.channel.id}>." in said
        await world.until(9, 1)
        said = await status(world)
        assert "**Stopped**, 0 of 4 done" in said
        assert "Create Public Threads" in said
        assert "/club resume" in said
        world.deny(world.channel, create_public_threads=True)
        await world.manager.slash(world.general, "club resume")
        await world.advance(minutes=1)
        said = await status(world)
        assert "1 of 4 done" in said
        assert "⚠️" not in said


async def test_a_deleted_channel(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        world.env.backend.delete_channel(world.channel.id)
        await world.env.settle()
        said = await status(world)
        assert "was deleted" in said
        assert "/club edit channel:" in said
        await world.until(9, 1)
        said = await status(world)
        assert "**Stopped**" in said
        assert "/club edit channel:" in said, "that is what to do about it, after it stopped as well as before"


async def test_a_deleted_notices_channel_and_role(database_url: str) -> None:
    async with polite_world(database_url) as world:
        role = world.guild.create_role("Readers", mentionable=True)
        await world.setup(notices=world.notices, ping_role=role)
        world.env.backend.delete_channel(world.notices.id)
        world.env.backend.delete_role(world.guild.id, role.id)
        await world.env.settle()
        said = await status(world)
        assert "/club edit notices:" in said
        assert "/club edit ping_role:" in said
        assert "stop_ping" in said, "who wants no ping any more is not told how"


async def test_ended(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.until(9, 1)
        assert "1 of 1 done; the end is announced at the next slot." in await status(world)
        await world.until(9, 1)
        said = await status(world)
        assert "**Read to the end**, 1 of 1 done." in said
        assert "/club edit reading:" in said


async def test_two_clubs_are_told_apart_by_channel_and_by_option(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        second = world.guild.create_text_channel("second")
        await world.setup(channel=second, reading="walden")
        said = await status(world)
        assert f"<#{world.channel.id}> · A short reading" in said
        assert f"<#{second.id}> · Walden" in said

        said = one_sentence(await world.manager.slash(world.general, "club pause"))
        assert "several clubs" in said
        assert "`club:`" in said
        assert f"<#{second.id}>" in answers(await world.manager.slash(second, "club pause"))

        offered = await world.manager.autocomplete(world.general, "club pause", "club", "")
        assert [choice["name"] for choice in offered] == [
            "#reading · A short reading",
            "#second · Walden: living deliberately",
        ]
        offered = await world.manager.autocomplete(world.general, "club pause", "club", "short")
        said = answers(await world.manager.slash(world.general, "club pause", club=offered[0]["value"]))
        assert f"<#{world.channel.id}>" in said
        only = answers(await world.member.slash(world.general, "club status", club=offered[0]["value"]))
        assert str(second.id) not in only


async def test_a_club_that_is_not_known(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        for text in ("reading", "99999", "0", "-1", "٣"):
            said = one_sentence(await world.manager.slash(world.general, "club pause", club=text))
            assert "do not know that club" in said


async def test_another_server_s_club_is_not_known(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        [choice] = await world.manager.autocomplete(world.general, "club pause", "club", "")
        other = world.env.create_guild("Elsewhere")
        lobby = other.create_text_channel("lobby")
        owner = other.add_member(world.manager.user)
        world.env.backend.edit_role(other.id, other.default_role.id, {"permissions": 1 << 5 | 1 << 10 | 1 << 31})
        await world.env.settle()
        assert await owner.autocomplete(lobby, "club pause", "club", "") == []
        assert "no club here" in one_sentence(await owner.slash(lobby, "club pause", club=choice["value"]))
        assert "no club here" in one_sentence(await owner.slash(lobby, "club status", club=choice["value"]))


async def test_twenty_five_clubs_in_trouble_fit(database_url: str) -> None:
    async with polite_world(database_url) as world:
        title = f"{'A very long title '.strip()} {'indeed' * 45}"
        await world.import_reading(reading_of(1, title=title))
        for number in range(25):
            channel = world.guild.create_text_channel(f"club-{number}")
            await world.setup(channel=channel, reading=title, notices=world.notices)
            world.deny(channel, view_channel=False, send_messages=False, read_message_history=False)
        world.deny(world.notices, send_messages=False)
        await world.env.settle()
        said = await status(world)
        assert said.count("### <#") == 25
        assert said.count("I lack **View Channel**") == 25
        health = answers(await world.manager.slash(world.general, "status"))
        assert "## Applecore" in health
        assert "I lack **View Channel**" in health
        offered = await world.manager.autocomplete(world.general, "club status", "club", "")
        assert len(offered) == 25
