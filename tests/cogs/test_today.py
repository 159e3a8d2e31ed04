"""/today, for members."""

import re

import discord
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.demo.transcript import buttons_of
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of


async def begun(world: ClubWorld, count: int = 4, **options: object) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", **options)


async def today(world: ClubWorld) -> str:
    return answers(await world.member.slash(world.general, "today"))


async def test_without_a_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        assert "no club here yet" in one_sentence(await world.member.slash(world.general, "today"))


async def test_before_the_first_post(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        said = one_sentence(await world.member.slash(world.general, "today"))
        assert f"Nothing has been posted yet in <#{world.channel.id}>" in said
        assert re.search(r"The next comes <t:\d+:F> \(<t:\d+:R>\)", said)


async def test_on_the_day_and_the_day_after(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        [post] = world.posts()
        said = await today(world)
        assert "Passage number 1." in said
        assert (
            f"Today's excerpt: https://discord.com/channels/{world.guild.id}/{world.channel.id}/{post.id}; "
            f"talk about it in <#{post.id}>. The next comes <t:" in said
        )
        await world.until(8, 0)
        said = await today(world)
        assert "Passage number 1." in said
        assert f"The latest excerpt, of <t:{int(post.created_at.timestamp())}:D>: https://" in said
        assert "Today's excerpt" not in said
        await world.until(9, 1)
        assert "Passage number 2." in await today(world)


async def test_a_long_excerpt_is_paged_here_as_well(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.import_reading(reading_of(1, quote="The word. " * 900 + "{n}"))
        await world.setup(reading="A short reading")
        await world.until(9, 1)
        result = await world.member.slash(world.general, "today")
        page = result.response or result.followups[0]
        assert buttons_of(page.message) == ["Next page"]
        await world.member.click(page, label="Next page")
        assert buttons_of(page.message) == ["Previous page", "Next page"]
        assert len(world.posts()) == 1


async def test_after_the_end_and_while_paused(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.manager.slash(world.general, "club pause")
        assert "The club is paused." in await today(world)
        await world.manager.slash(world.general, "club resume")
        await world.until(9, 1, days=2)
        said = await today(world)
        assert "Passage number 1." in said
        assert "The next comes" not in said


async def test_in_the_thread_of_one_of_several_clubs(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        second = world.guild.create_text_channel("second")
        await world.setup(channel=second, reading="walden")
        await world.until(9, 1)
        said = one_sentence(await world.member.slash(world.general, "today"))
        assert "several clubs" in said
        [thread] = second.threads
        assert "day 1 of 6" in answers(await world.member.slash(thread, "today"))
        [thread] = world.threads()
        assert "Passage number 1." in answers(await world.member.slash(thread, "today"))
        assert "Passage number 1." in answers(await world.member.slash(world.channel, "today"))
        offered = await world.member.autocomplete(world.general, "today", "club", "walden")
        assert "day 1 of 6" in answers(await world.member.slash(world.general, "today", club=offered[0]["value"]))


async def test_a_club_in_a_private_channel_is_read_by_its_readers_alone(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        world.env.backend.set_overwrite(
            world.channel.id,
            Overwrite(
                target_id=world.member.id,
                type=OverwriteType.MEMBER,
                allow=0,
                deny=discord.Permissions(view_channel=True).value,
            ),
        )
        said = await today(world)
        assert "Passage number 1." not in said, "whoever may not see the channel may not read its posts"
        assert await world.member.autocomplete(world.general, "today", "club", "") == []


async def test_the_manager_s_answers_stay_his_own(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        answer = last(await world.manager.slash(world.general, "today"))
        assert answer.ephemeral
        assert answer.id not in [message.id for message in world.general.history(viewer=world.member)]
