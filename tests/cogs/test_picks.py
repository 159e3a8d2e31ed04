""" "Add to the digest": who may pick what, and whose words are kept with it."""

from typing import Any

import pytest
import simcord

from bot.storage import deletions, discussions, gathering, members, picks
from bot.storage.records import Pick, Said
from tests.cogs.manners import one_sentence, polite_world
from tests.cogs.thinking import posted, think, thoughts
from tests.support.club_world import ClubWorld, answers, club_world

COMMAND = "Add to the digest"


async def add(world: ClubWorld, actor: simcord.MemberActor, message: Any, channel: Any = None) -> str:
    return one_sentence(await actor.context_menu(channel or world.threads()[0], COMMAND, message))


async def say(world: ClubWorld, text: str = "An ant is a city.") -> Any:
    return await world.member.send(world.threads()[0], text)


async def picked(world: ClubWorld) -> list[Pick]:
    async with world.bot.database.read() as conn:
        discussion = await discussions.by_thread(conn, world.threads()[0].id)
        assert discussion is not None
        return await picks.of_post(conn, discussion.post_id)


async def digest(world: ClubWorld) -> str:
    return answers(await world.member.slash(world.threads()[0], "discussion digest"))


async def agree_to_quotes(world: ClubWorld) -> None:
    async with world.bot.database.write() as conn:
        await members.set_quotes(conn, world.guild.id, world.member.id, agreed=True)


async def test_an_author_adds_their_own_words_and_takes_them_out(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        said = await add(world, world.member, reply)
        assert "Added to the digest. It quotes your words, with your name: adding them yourself allows that." in said
        [pick] = await picked(world)
        assert (pick.message_id, pick.picked_by, pick.text) == (reply.id, world.member.id, "An ant is a city.")
        assert "Removed from the digest." in await add(world, world.member, reply)
        assert await picked(world) == []


@pytest.mark.parametrize("agreed", [True, False])
async def test_a_manager_s_pick_has_words_only_where_the_author_agreed(database_url: str, agreed: bool) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        if agreed:
            await agree_to_quotes(world)
        said = await add(world, world.manager, await say(world))
        [pick] = await picked(world)
        assert pick.picked_by == world.manager.id
        assert pick.text == ("An ant is a city." if agreed else None)
        assert ("its author agreed to be quoted" if agreed else "a link without its words") in said


async def test_manager_and_author_may_each_take_out_what_the_other_added(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        for adds, removes in ((world.manager, world.member), (world.member, world.manager)):
            assert "Added" in await add(world, adds, reply)
            assert "Removed" in await add(world, removes, reply)
        assert await picked(world) == []


async def test_others_may_not(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        other = world.guild.add_member(world.env.create_user("other"))
        assert "**Manage Server**" in await add(world, other, await say(world))
        thought = await think(world, "Mine.")
        assert thought.acknowledged
        assert "**Manage Server**" in await add(world, other, thoughts(world)[-1])
        assert await picked(world) == []


async def test_a_thought_is_its_author_s(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        await think(world, "One.\n\nTwo.")
        assert "It quotes your words" in await add(world, world.member, thoughts(world)[0])
        [pick] = await picked(world)
        assert pick.text == "One.\n\nTwo."


@pytest.mark.parametrize(("length", "kept"), [(200, "x" * 200), (201, "x" * 199 + "…")])
async def test_long_words_are_kept_at_the_limit_and_cut_past_it(database_url: str, length: int, kept: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        await add(world, world.member, await say(world, "x" * length))
        [pick] = await picked(world)
        assert pick.text == kept


async def test_what_a_long_reply_hides_stays_hidden(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        await add(world, world.member, await say(world, f"I know it: ||{'the butler ' * 40}||"))
        [pick] = await picked(world)
        assert pick.text == "I know it: (spoiler)"
        assert "butler" not in await digest(world)


async def test_a_manager_who_asked_to_be_forgotten_picks_without_their_name(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        async with world.bot.database.write() as conn:
            await deletions.forget_member(conn, world.manager.id, world.env.now())
        assert "Added to the digest" in await add(world, world.manager, reply)
        assert [pick.picked_by for pick in await picked(world)] == [deletions.NOBODY]


@pytest.mark.parametrize("reads", [True, False])
async def test_what_is_quoted_follows_the_reply(database_url: str, reads: bool) -> None:
    async with club_world(database_url, message_content=reads) as world:
        await posted(world)
        reply = await say(world)
        await add(world, world.member, reply)
        shown = await digest(world)
        assert f"> An ant is a city.\n<@{world.member.id}>, [the reply]" in shown
        await world.member.edit(reply, "An ant is a village.")
        shown = await digest(world)
        assert ("> An ant is a village." in shown) is reads
        assert "city" not in shown
        assert "/privacy quotes" in shown
        await world.member.slash(world.general, "privacy quotes", switch="off")
        assert "village" not in await digest(world)


async def test_a_reply_that_is_changed_at_that_moment(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        later = Said(
            thread_id=world.threads()[0].id,
            message_id=reply.id,
            author_id=world.member.id,
            created_at=world.env.now(),
            edited_at=world.env.now(),
            reply_to=None,
            length=3,
            text=None,
            thought=False,
        )
        await world.bot.collector.flush()
        async with world.bot.database.write() as conn:
            await gathering.put_replies(conn, [later])
        assert "use the command again" in await add(world, world.member, reply)
        assert await picked(world) == []


async def test_only_what_members_say_under_a_post(database_url: str) -> None:
    async with polite_world(database_url) as world:
        post = await posted(world)
        thread = world.threads()[0]
        elsewhere = await world.member.send(world.general, "Hello.")
        for message, channel in ((elsewhere, world.general), (post, world.channel)):
            assert "Only what is said in the thread" in await add(world, world.manager, message, channel)
        robot = world.guild.add_member(world.env.create_user("robot", bot=True))
        [starter] = thread.history()
        for message in (starter, await robot.send(thread, "Beep.")):
            assert "Only what members say" in await add(world, world.manager, message)
        assert await picked(world) == []


async def test_nothing_is_kept_of_a_member_who_asked_for_that(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        async with world.bot.database.write() as conn:
            await deletions.forget_member(conn, world.member.id, world.env.now())
        reply = await say(world)
        assert "I keep nothing about this message" in await add(world, world.manager, reply)
        assert "`/privacy join`" in await add(world, world.member, reply)
        other = world.guild.add_member(world.env.create_user("other"))
        assert "**Manage Server**" in await add(world, other, reply), "others are not told what the member asked for"
        assert await picked(world) == []


async def test_a_deleted_reply_takes_its_pick_along(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        await add(world, world.member, reply)
        await world.member.delete(reply)
        await world.bot.collector.flush()
        assert await picked(world) == []


async def test_it_works_after_a_restart(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        reply = await say(world)
        await world.restart(clean=True)
        assert "Added" in await add(world, world.member, reply)
        assert len(await picked(world)) == 1
