""" "Take back my thought", and the thoughts that go with /privacy delete: who may, and what is in the way."""

from typing import Any

import discord
import pytest
import simcord
from sqlalchemy import func, select

from bot.discussion.taking_back import TOO_MANY, take_back
from bot.discussion.thoughts import thought_content
from bot.storage import deletions, schema
from cogs.privacy import LINKS
from tests.cogs.manners import last, one_sentence, polite_world
from tests.cogs.thinking import grant, posted, think, thoughts
from tests.support.club_world import ClubWorld, answers

COMMAND = "Take back my thought"
DELETE = ("DELETE", "/channels/*/messages/*")
DONE = "Your thought is deleted, and does not count any more."


async def ask(world: ClubWorld, message: Any, actor: simcord.MemberActor | None = None, channel: Any = None) -> str:
    return one_sentence(await (actor or world.member).context_menu(channel or world.threads()[0], COMMAND, message))


async def thought(world: ClubWorld, *, member: simcord.MemberActor | None = None) -> discord.Message:
    await posted(world)
    await think(world, "I think so.", member=member)
    [mine] = thoughts(world)
    return mine


async def counted(world: ClubWorld) -> list[int]:
    """Replies, reactions and picks in the database, without a flush."""
    async with world.bot.database.read() as conn:
        tables = (schema.replies, schema.reactions, schema.picks)
        return [await conn.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def close(world: ClubWorld, *, locked: bool = False) -> None:
    for thread in world.threads():
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True, "locked": locked})


def closed(world: ClubWorld) -> list[tuple[bool, bool]]:
    """Whether each thread is archived, and locked."""
    found = [world.env.backend.channels[thread.id].thread_metadata for thread in world.threads()]
    return [(each.archived, each.locked) for each in found if each is not None]


def deletions_asked(world: ClubWorld) -> int:
    return sum(call[0] == "DELETE" for call in world.overlays.faults.calls)


async def test_the_author_takes_it_back_with_all_that_hangs_on_it(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        await world.manager.react(mine, "🍏")
        await world.member.context_menu(world.threads()[0], "Add to the digest", mine)
        await world.bot.collector.flush()
        assert await counted(world) == [1, 1, 1]
        assert await ask(world, mine) == DONE
        assert await counted(world) == [0, 0, 0], "at once"
        assert thoughts(world) == []
        await world.restart()
        await world.env.settle()
        assert await counted(world) == [0, 0, 0]


async def test_what_nothing_is_stored_about_can_be_taken_back_too(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        async with world.bot.database.write() as conn:
            await deletions.forget_member(conn, world.member.id, world.env.now())
            await deletions.forget_guild(conn, world.guild.id, world.env.now())
        await world.restart()
        assert await ask(world, mine) == DONE
        assert thoughts(world) == []


@pytest.mark.parametrize("locked", [False, True])
async def test_a_closed_thread_is_as_closed_afterwards(database_url: str, locked: bool) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        if locked:
            grant(world, manage_threads=True)
        close(world, locked=locked)
        await world.env.settle()
        assert await take_back(world.bot, world.bot.collector, [(world.guild.id, world.threads()[0].id, mine.id)]) == {}
        assert thoughts(world) == []
        assert closed(world) == [(True, locked)]
        await world.bot.collector.flush()
        assert await counted(world) == [0, 0, 0]


async def test_a_locked_thread_that_we_may_not_open(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        close(world, locked=True)
        here = (world.guild.id, world.threads()[0].id, mine.id)
        left = await take_back(world.bot, world.bot.collector, [here])
        assert f"<#{here[1]}> is closed, and I may not open it" in left[here].reason
        await world.bot.collector.flush()
        assert await counted(world) == [1, 0, 0], "it stands there, so it counts"
        assert closed(world) == [(True, True)]


async def test_it_is_the_author_s_right_alone(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        said = await ask(world, mine, world.manager)
        assert f"Only <@{world.member.id}> can take it back" in said
        assert "**Manage Messages**" in said
        assert len(thoughts(world)) == 1
        assert deletions_asked(world) == 0


async def test_what_is_none_is_left_alone(database_url: str) -> None:
    async with polite_world(database_url) as world:
        post = await posted(world)
        thread = world.threads()[0]
        forged = await world.member.send(thread, thought_content(world.member.id, "I said so."))
        for message, channel in ((post, world.channel), (forged, thread)):
            assert "That is no thought that I posted" in await ask(world, message, channel=channel)
        assert deletions_asked(world) == 0


async def test_somebody_else_was_faster(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        thread_id = world.threads()[0].id
        world.overlays.faults.meanwhile(
            *DELETE, lambda: world.env.backend.delete_message(thread_id, mine.id), after=False
        )
        assert await ask(world, mine) == DONE
        assert await counted(world) == [0, 0, 0]


async def test_the_thread_is_gone_as_well(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        world.overlays.faults.fail(*DELETE, status=404, code=10003)
        assert await ask(world, mine) == DONE
        assert await counted(world) == [0, 0, 0], "though no event tells of it"


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (403, 50013, "Please ask someone who may **Manage Messages**"),
        (404, 0, "It may still be there. Discord refuses every request"),  # not from Discord's API: nothing is deleted
        (500, 0, "It may still be there. Discord has trouble"),
    ],
    ids=["refused", "proxy", "broken"],
)
async def test_what_discord_does_not_do_is_said(database_url: str, status: int, code: int, why: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        world.overlays.faults.fail(*DELETE, status=status, code=code)
        assert why in await ask(world, mine)
        await world.bot.collector.flush()
        assert await counted(world) == [1, 0, 0]
        assert len(thoughts(world)) == 1


def slow_down(world: ClubWorld, seconds: float) -> None:
    """What discord.py raises for a wait that it was told not to wait."""

    def limited() -> None:
        raise discord.RateLimited(seconds)

    world.overlays.faults.meanwhile(*DELETE, limited, after=False)


@pytest.mark.parametrize(("seconds", "gone"), [(0.01, True), (3_600.0, False)])
async def test_it_waits_as_long_as_discord_wants_if_there_is_time(
    database_url: str, seconds: float, gone: bool
) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        slow_down(world, seconds)
        said = await ask(world, mine)
        assert said == DONE if gone else "Please try again in a moment." in said
        assert (thoughts(world) == []) is gone


async def spread(world: ClubWorld) -> list[tuple[int, int, int]]:
    """Two thoughts of the member in each of two threads."""
    await posted(world)
    await world.until(9, 1)
    found = []
    for post in world.posts():
        for text in ("One.", "Two."):
            await think(world, text, post=post)
    for thread in world.threads():
        found += [(world.guild.id, thread.id, message.id) for message in world.own(thread)]
    assert len(found) == 4
    return found


async def test_a_refusal_spares_the_rest_of_its_thread_and_trouble_all(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await spread(world)
        faults, collector = world.overlays.faults, world.bot.collector
        faults.revive()
        faults.fail(*DELETE, status=500)
        assert set(await take_back(world.bot, collector, mine)) == set(mine)
        assert deletions_asked(world) == 1
        faults.fail(*DELETE, status=403, code=50013)
        left = await take_back(world.bot, collector, mine)
        assert set(left) == {each for each in mine if each[1] == mine[0][1]}
        assert deletions_asked(world) == 1 + 1 + 2
        assert await take_back(world.bot, collector, mine, seconds=0) == dict.fromkeys(mine, TOO_MANY)
        assert deletions_asked(world) == 4, "there was no time"
        await collector.flush()
        assert (await counted(world))[0] == 2


async def delete_everything(world: ClubWorld) -> simcord.InteractionResult:
    question = last(await world.member.slash(world.general, "privacy delete"))
    return await world.member.click(question, label="Delete everything")


async def test_deleting_everything_reaches_closed_threads(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await spread(world)
        close(world)
        await world.env.settle()
        said = answers(await delete_everything(world))
        assert "I deleted 4 thoughts that I had posted for you." in said
        assert [world.own(thread) for thread in world.threads()] == [[], []]
        assert closed(world) == [(True, False)] * 2
        assert await counted(world) == [0, 0, 0]


async def test_a_thought_that_would_not_go_is_linked_and_its_data_deleted(database_url: str) -> None:
    async with polite_world(database_url) as world:
        mine = await thought(world)
        close(world, locked=True)
        said = answers(await delete_everything(world))
        assert "1 thought that I posted for you would not go; please use *Take back my thought*" in said
        assert f"/{world.guild.id}/{world.threads()[0].id}/{mine.id}" in said
        assert await counted(world) == [0, 0, 0]


@pytest.mark.parametrize("number", [LINKS, LINKS + 1])
async def test_many_links_are_a_file(database_url: str, number: int) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        for each in range(number):
            await think(world, f"Thought {each}.")
        world.overlays.faults.fail(*DELETE, status=403, code=50013)
        done = await delete_everything(world)
        files = [file for message in done.followups for file in message.message.attachments]
        said = answers(done)
        assert f"{number} thoughts that I posted for you would not go" in said
        assert said.count("https://") == (number if number <= LINKS else 0)
        assert len(files) == (number > LINKS)
        for file in files:
            links = (await file.read()).decode().splitlines()
            assert {int(link.rpartition("/")[2]) for link in links} == {each.id for each in thoughts(world)}
        assert await counted(world) == [0, 0, 0]


async def test_what_is_said_meanwhile_goes_too(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await thought(world)
        thread_id, me = world.threads()[0].id, world.env.backend.bot_user.id
        late = thought_content(world.member.id, "And one more.")
        world.overlays.faults.meanwhile(
            *DELETE, lambda: world.env.backend.create_message(thread_id, me, late), after=True
        )
        await delete_everything(world)
        await world.bot.collector.flush()
        assert await counted(world) == [0, 0, 0]
        assert thoughts(world) == []
