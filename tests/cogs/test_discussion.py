"""/discussion digest, stats and mine."""

import asyncio
import io
import time

import discord
import pytest
import simcord
from PIL import Image
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.reading.chart import WIDTH
from bot.reading.chart_series import ALT_UNITS
from bot.reading.splitting import utf16_len
from bot.storage import guilds, members
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, club_world, reading_of

PLANTED = "Nobody may read this sentence."


async def begun(world: ClubWorld, posts: int = 1, count: int = 4) -> list[discord.Message]:
    """The posts, one a day, oldest first."""
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading")
    await world.until(9, 1, days=posts - 1)
    return sorted(world.posts(), key=lambda post: post.id)


def thread_of(world: ClubWorld, post: discord.Message) -> simcord.ChannelHandle:
    return next(thread for thread in world.threads() if thread.id == post.id)


async def told(world: ClubWorld, command: str = "digest", **options: object) -> str:
    return answers(await world.member.slash(world.channel, f"discussion {command}", **options))


async def test_before_anything_was_posted_or_said(database_url: str) -> None:
    async with polite_world(database_url) as world:
        for command in ("digest", "stats", "mine"):
            said = one_sentence(await world.member.slash(world.general, f"discussion {command}"))
            assert said.startswith("Nothing has been posted here yet.")
        await begun(world)
        digest, stats, mine = [
            one_sentence(await world.member.slash(world.general, f"discussion {command}"))
            for command in ("digest", "stats", "mine")
        ]
        assert digest == "Nobody has said anything about excerpt 1 yet."
        assert stats == "Nobody has said anything about **A short reading** yet."
        assert mine.startswith("I know of nothing that you said about **A short reading**.")


async def test_a_digest_counts_what_was_just_said(database_url: str) -> None:
    async with polite_world(database_url) as world:
        [post] = await begun(world)
        thread = thread_of(world, post)
        first = await world.member.send(thread, PLANTED)
        await world.manager.send(thread, "I disagree.", reply_to=first)
        for member, emoji in ((world.member, "👍"), (world.manager, "👍"), (world.manager, "🎉")):
            await member.react(first, emoji)
        await world.manager.react(post, "🎉")
        said = await told(world)
        assert "## What excerpt 1 brought\n**A short reading**, excerpt 1 of 4: Part 1" in said
        assert "**2 people: 2 replies and 4 reactions.**" in said
        assert "Reactions: 🎉 2, 👍 2" in said
        assert "between 09:00 and 10:00 (Europe/Berlin time)" in said
        url = f"https://discord.com/channels/{world.guild.id}/{thread.id}/{first.id}"
        assert f"- [A reply with 3 reactions]({url})" in said
        assert PLANTED not in said
        assert "<@" not in said


async def test_the_picture_comes_with_its_words(database_url: str) -> None:
    async with polite_world(database_url) as world:
        [post] = await begun(world)
        await world.member.send(thread_of(world, post), "Hello.")
        message = last(await world.member.slash(world.channel, "discussion digest"))
        assert message.ephemeral
        [gallery] = [
            part
            for container in message.message.components
            for part in container.children
            if isinstance(part, discord.MediaGalleryComponent)
        ]
        [item] = gallery.items
        assert item.description is not None
        assert "Replies per hour, " in item.description
        assert "1 in all." in item.description
        assert utf16_len(item.description) <= ALT_UNITS
        attachment = message.message.attachments[0]
        assert attachment.filename == "digest.png"
        assert attachment.description == item.description
        assert Image.open(io.BytesIO(await attachment.read())).width == WIDTH


async def test_words_are_quoted_with_consent_alone(database_url: str) -> None:
    async with club_world(database_url, message_content=True) as world:
        [post] = await begun(world)
        thread = thread_of(world, post)
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, text_days=30)
        mine = await world.member.send(thread, "I **concur** with <@1>.")
        theirs = await world.manager.send(thread, PLANTED)
        for message in (mine, theirs):
            await world.manager.react(message, "👍")
        assert "concur" not in await told(world)
        async with world.bot.database.write() as conn:
            await members.set_quotes(conn, world.guild.id, world.member.id, agreed=True)
        said = await told(world)
        assert f"> I concur with .\n<@{world.member.id}>, [1 reaction](https://" in said
        assert PLANTED not in said
        assert PLANTED not in await told(world, "stats")


async def test_which_excerpt_is_meant(database_url: str) -> None:
    async with polite_world(database_url) as world:
        posts = await begun(world, 3)
        for post in posts[:2]:
            await world.member.send(thread_of(world, post), "Hello.")
        assert "What excerpt 2 brought" in await told(world), "the latest that was talked about"
        thread = thread_of(world, posts[0])
        assert "What excerpt 1 brought" in answers(await world.member.slash(thread, "discussion digest"))
        assert "What excerpt 1 brought" in await told(world, excerpt="1")
        offered = await world.member.autocomplete(world.channel, "discussion digest", "excerpt", "part 1")
        assert [choice["name"] for choice in offered] == ["1 · Part 1"]
        assert "What excerpt 1 brought" in await told(world, excerpt=offered[0]["value"])
        every = await world.member.autocomplete(world.channel, "discussion digest", "excerpt", "")
        assert [choice["name"] for choice in every] == ["3 · Part 3", "2 · Part 2", "1 · Part 1"]
        for unknown in ("4", "post:999", "post:x", "nonsense", f"post:{'9' * 30}", f"post:{'9' * 5000}", "post:²"):
            said = one_sentence(await world.member.slash(world.channel, "discussion digest", excerpt=unknown))
            assert said.startswith("I know no such excerpt here.")


async def test_managers_alone_show_a_digest_to_everybody_and_only_where_all_may_read_it(database_url: str) -> None:
    async with club_world(database_url) as world:
        [post] = await begun(world)
        thread = thread_of(world, post)
        await world.member.send(thread, "Hello.")
        refused = one_sentence(await world.member.slash(thread, "discussion digest", public=True))
        assert refused == "Only members with **Manage Server** may do this."
        elsewhere = one_sentence(await world.manager.slash(world.general, "discussion digest", public=True))
        assert elsewhere.startswith(f"Please do that in <#{world.channel.id}> or one of its threads")
        assert [message for message in world.own(thread) if "brought" in str(message.components)] == []

        result = await world.manager.slash(thread, "discussion digest", public=True)
        shown = last(result)
        assert not shown.ephemeral
        assert shown.id in [message.id for message in thread.history(viewer=world.member)]
        again = answers(await world.member.slash(thread, "discussion digest"))
        assert "**1 person: 1 reply and 0 reactions.**" in again, "the digest itself is no talk"


async def test_a_private_channel_s_talk_is_for_its_readers(database_url: str) -> None:
    async with polite_world(database_url) as world:
        [post] = await begun(world)
        await world.member.send(thread_of(world, post), "Hello.")
        world.env.backend.set_overwrite(
            world.channel.id,
            Overwrite(
                target_id=world.member.id,
                type=OverwriteType.MEMBER,
                allow=0,
                deny=discord.Permissions(view_channel=True).value,
            ),
        )
        for command in ("digest", "stats", "mine"):
            said = one_sentence(await world.member.slash(world.general, f"discussion {command}"))
            assert said.startswith("Nothing has been posted here yet.")
        assert await world.member.autocomplete(world.general, "discussion digest", "excerpt", "") == []
        assert await world.member.autocomplete(world.general, "discussion stats", "reading", "") == []


async def test_what_was_said_before_a_club_moved_is_for_those_who_read_it_there(database_url: str) -> None:
    async with polite_world(database_url) as world:
        [post] = await begun(world)
        thread = thread_of(world, post)
        await world.manager.react(await world.member.send(thread, "Hello."), "👍")
        deny = discord.Permissions(view_channel=True).value
        overwrite = Overwrite(target_id=world.member.id, type=OverwriteType.MEMBER, allow=0, deny=deny)
        world.env.backend.set_overwrite(world.channel.id, overwrite)
        await world.manager.slash(world.general, "club edit", channel=world.general)

        said = one_sentence(await world.member.slash(world.general, "discussion digest"))
        assert said.startswith("Nothing has been posted here yet.")
        offered = await world.manager.autocomplete(world.general, "discussion digest", "excerpt", "")
        for excerpt in ("1", offered[0]["value"]):
            said = one_sentence(await world.member.slash(world.general, "discussion digest", excerpt=excerpt))
            assert said.startswith("I know no such excerpt here.")
        assert await world.member.autocomplete(world.general, "discussion digest", "excerpt", "") == []
        stats = answers(await world.member.slash(world.general, "discussion stats"))
        assert "1 reply" in stats
        assert str(thread.id) not in stats, "counted, but neither linked nor quoted"

        said = one_sentence(await world.manager.slash(world.general, "discussion digest", public=True))
        assert said.startswith(f"Please do that in <#{world.channel.id}> or one of its threads")


async def test_the_stats_of_a_reading(database_url: str) -> None:
    async with polite_world(database_url) as world:
        posts = await begun(world, 3)
        for post in posts:
            await world.member.send(thread_of(world, post), "Hello.")
        await world.manager.send(thread_of(world, posts[1]), "Hello.")
        said = await told(world, "stats")
        assert "## What we said about the reading\n**A short reading**, 3 of 4 excerpts" in said
        assert "**2 people: 4 replies and 0 reactions.**" in said
        link = f"https://discord.com/channels/{world.guild.id}/{world.channel.id}/{posts[1].id}"
        assert f"1. [Excerpt 2]({link}), Part 2: 2 replies and 0 reactions from 2 people" in said
        assert "Regulars" not in said
        async with world.bot.database.write() as conn:
            for actor in (world.member, world.manager):
                await members.set_streaks(conn, world.guild.id, actor.id, agreed=True)
        said = await told(world, "stats")
        assert f"### Regulars\n1. <@{world.member.id}>: 3 excerpts in a row (1 to 3)\n-#" in said
        assert f"<@{world.manager.id}>" not in said, "one reply is no streak"


async def test_which_reading_is_meant(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1, 1)
        [first] = world.posts()
        await world.member.send(thread_of(world, first), "Hello.")
        await world.import_reading(reading_of(2, "Another"))
        await world.manager.slash(world.channel, "club edit", reading="Another")
        await world.until(9, 1)
        assert "nothing that you said about **Another**" in await told(world, "mine")
        offered = await world.member.autocomplete(world.channel, "discussion stats", "reading", "")
        assert [choice["name"].rpartition(" · ")[2] for choice in offered] == ["Another", "A short reading"]
        assert offered[0]["name"].startswith("#reading · since ")
        assert "**A short reading**, all" not in await told(world, "stats", reading=offered[0]["value"])
        assert "**A short reading**, 1 excerpt\n" in await told(world, "stats", reading=offered[1]["value"])
        assert "**A short reading**: you wrote 1 reply" in await told(world, "mine", reading="a short reading")
        said = one_sentence(await world.member.slash(world.channel, "discussion stats", reading="none"))
        assert said.startswith("I know no such reading here.")


async def test_one_s_own_part(database_url: str) -> None:
    async with polite_world(database_url) as world:
        posts = await begun(world, 2)
        mine = [await world.member.send(thread_of(world, post), "Hello.") for post in posts]
        await world.manager.react(mine[0], "👍")
        await world.member.react(mine[0], "👍")
        said = await told(world, "mine")
        assert "you wrote 2 replies to 2 of 2 excerpts, which brought 1 reaction from others." in said
        assert "You reacted once yourself." in said
        assert "Your streak is not counted" in said
        first, second = [
            f"https://discord.com/channels/{world.guild.id}/{message.channel.id}/{message.id}" for message in mine
        ]
        assert f"- [1 reaction]({first}), under excerpt 1\n- [no reaction yet]({second}), under excerpt 2" in said
        async with world.bot.database.write() as conn:
            await members.set_streaks(conn, world.guild.id, world.member.id, agreed=True)
        said = await told(world, "mine")
        assert "Your longest streak is 2 excerpts in a row (1 to 2)." in said
        assert "not counted" not in said
        manager = answers(await world.manager.slash(world.channel, "discussion mine"))
        assert "no reply yet. You reacted once yourself." in manager


async def test_the_event_loop_goes_on_while_a_picture_is_drawn(database_url: str) -> None:
    async with polite_world(database_url) as world:
        [post] = await begun(world)
        await world.member.send(thread_of(world, post), "Hello.")
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        from bot.discussion.digests import compose, post_digest  # noqa: PLC0415

        async with world.bot.database.read() as conn:
            digest = await post_digest(conn, (await world.rows())[0].id)
        assert digest is not None
        turning = asyncio.create_task(turn())
        await asyncio.sleep(0)
        before, began = turns, time.perf_counter()
        await compose(digest, guild_id=world.guild.id)
        assert turns - before > 20, f"{turns - before} turns in {time.perf_counter() - began:.2f} s"
        turning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turning
