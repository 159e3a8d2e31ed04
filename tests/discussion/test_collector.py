"""What members say and give in the threads becomes rows, through discord.py, on simcord."""

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from sqlalchemy import select

from bot.discussion.thoughts import thought_content
from bot.storage import guilds, schema
from bot.storage.records import BURST, NORMAL, Discussion
from tests.club.talking import posted
from tests.support.club_world import ClubWorld, club_world


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLite alone: what differs between the engines is tested in tests/storage/test_gathering.py."""
    shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "applecore.db")
    return f"sqlite:///{tmp_path}/applecore.db"


async def replies(world: ClubWorld) -> dict[int, Any]:
    async with world.bot.database.read() as conn:
        return {row.message_id: row for row in await conn.execute(select(schema.replies))}


async def reactions(world: ClubWorld) -> dict[tuple[int, str, int], int]:
    given = schema.reactions.c
    async with world.bot.database.read() as conn:
        rows = await conn.execute(select(given.message_id, given.emoji, given.user_id, given.kinds))
        return {(row.message_id, row.emoji, row.user_id): row.kinds for row in rows}


async def discussion(world: ClubWorld) -> Discussion:
    async with world.bot.database.read() as conn:
        row = (await conn.execute(select(schema.discussions))).one()
        return Discussion(**row._asdict())


async def act(world: ClubWorld, action: Callable[[], object]) -> None:
    """Something that no member of simcord's can do."""
    action()
    await world.env.settle()


async def test_replies(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        first = await world.member.send(thread, "I liked that part.")
        second = await world.manager.send(thread, "So did I.", reply_to=first)
        assert [*await replies(world)] == [first.id, second.id]
        row = (await replies(world))[second.id]
        assert (row.author_id, row.reply_to, row.thought) == (world.manager.id, first.id, False)
        assert (row.created_at, row.edited_at) == (second.created_at, None)
        assert (row.length, row.text) == (None, None)  # without the intent nobody told us


async def test_what_is_no_reply(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        backend = world.env.backend
        robot = world.guild.add_member(world.env.create_user("robot", bot=True))
        hook = world.guild.create_webhook(world.channel)
        said = await world.member.send(thread, "One.")
        elsewhere = await world.member.send(world.general, "Two.")
        await world.member.react(elsewhere, "🍎")
        await robot.send(thread, "I am a robot.")
        await act(world, lambda: backend.create_message(thread.id, backend.bot_user.id, "Three."))
        await act(
            world,
            lambda: backend.create_message(thread.id, world.member.id, "Four.", webhook_id=hook.id, author_name="Me"),
        )
        pin = backend.set_pinned
        await act(
            world, lambda: pin(thread.id, said.id, True, actor_id=world.manager.id)
        )  # Discord says so in the thread
        assert len(thread.history()) > 4
        assert [*await replies(world)] == [said.id]
        assert not await reactions(world)


async def test_a_thought_is_the_members(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, text_days=1)
        backend, content = world.env.backend, thought_content(world.member.id, "I thought\nso.")
        await act(world, lambda: backend.create_message(thread.id, backend.bot_user.id, content))
        await world.manager.send(thread, thought_content(world.member.id, "forged"))
        ours, forged = (await replies(world)).values()
        assert (ours.author_id, ours.thought, ours.text, ours.length) == (world.member.id, True, "I thought\nso.", 13)
        assert (forged.author_id, forged.thought) == (world.manager.id, False)


@pytest.mark.parametrize(("days", "text", "edited"), [(0, None, None), (30, "I liked 🍎", "I did not.")])
async def test_what_is_said_where_the_bot_may_read_it(
    database_url: str, days: int, text: str | None, edited: str | None
) -> None:
    async with club_world(database_url, message_content=True) as world:
        thread = await posted(world)
        async with world.bot.database.write() as conn:
            await guilds.put_settings(conn, world.guild.id, text_days=days)
        said = await world.member.send(thread, "I liked 🍎")
        [row] = (await replies(world)).values()
        assert (row.length, row.text) == (9, text)
        await world.advance(minutes=1)
        await world.member.edit(said, "I did not.")
        [row] = (await replies(world)).values()
        assert (row.length, row.text, row.created_at) == (10, edited, said.created_at)
        assert row.edited_at - said.created_at >= timedelta(minutes=1)


async def test_deleted_messages(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        said = [await world.member.send(thread, f"Number {number}") for number in range(5)]
        for message in said:
            await world.manager.react(message, "🍎")
        await world.member.delete(said[0])
        assert [*await replies(world)] == [message.id for message in said[1:]]
        await act(world, lambda: world.env.backend.bulk_delete_messages(thread.id, [m.id for m in said[1:4]]))
        assert [*await replies(world)] == [said[4].id]
        assert [*await reactions(world)] == [(said[4].id, "🍎", world.manager.id)]


async def test_reactions_on_the_post_and_on_replies(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        [post] = world.posts()
        custom = world.guild.create_emoji("apple")
        robot = world.guild.add_member(world.env.create_user("robot", bot=True))
        said = await world.member.send(thread, "I liked that part.")
        robots = await robot.send(thread, "I am a robot.")
        for message in (post, said, robots):
            await world.manager.react(message, "🍎")
        await world.manager.react(post, f"apple:{custom.id}")
        await robot.react(post, "🍎")
        expected = {
            (post.id, "🍎", world.manager.id): NORMAL,
            (post.id, str(custom.id), world.manager.id): NORMAL,
            (said.id, "🍎", world.manager.id): NORMAL,
        }
        assert await reactions(world) == expected
        async with world.bot.database.read() as conn:
            rows = [*await conn.execute(select(schema.reactions))]
        assert {row.name for row in rows} == {None, "apple"}
        assert all(said.created_at <= row.added_at <= world.env.now() for row in rows)
        await world.manager.unreact(post, f"apple:{custom.id}")
        await world.manager.unreact(said, "🍎")
        assert [*await reactions(world)] == [(post.id, "🍎", world.manager.id)]


async def test_super_reactions(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        said = await world.member.send(thread, "I liked that part.")
        key, burst = (said.id, "🍎", world.manager.id), world.overlays.backend.set_burst
        await world.manager.react(said, "🍎")
        await act(world, lambda: burst(thread.id, said.id, "🍎", world.manager.id, given=True))
        assert await reactions(world) == {key: NORMAL | BURST}
        await world.manager.unreact(said, "🍎")
        assert await reactions(world) == {key: BURST}
        await act(world, lambda: burst(thread.id, said.id, "🍎", world.manager.id, given=False))
        assert await reactions(world) == {}


async def test_cleared_reactions(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        said = await world.member.send(thread, "I liked that part.")
        for emoji in ("🍎", "❤️"):
            for who in (world.member, world.manager):
                await who.react(said, emoji)
        await act(world, lambda: world.env.backend.clear_reaction(thread.id, said.id, "🍎"))
        assert {key[1] for key in await reactions(world)} == {"❤️"}
        await act(world, lambda: world.env.backend.clear_reactions(thread.id, said.id))
        assert await reactions(world) == {}


async def test_what_becomes_of_the_thread(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        [post] = world.posts()
        assert (await discussion(world)).name == thread.name
        edit = world.env.backend.edit_channel
        await act(world, lambda: edit(thread.id, {"name": "Day one"}, thread_metadata={"locked": True}))
        await act(world, lambda: edit(thread.id, {}, thread_metadata={"archived": True}))
        now = await discussion(world)
        assert (now.name, now.locked, now.archived, now.thread_deleted_at) == ("Day one", True, True, None)
        await act(world, lambda: edit(thread.id, {}, thread_metadata={"locked": False, "archived": False}))
        now = await discussion(world)
        assert (now.locked, now.archived) == (False, False)
        said = await world.member.send(thread, "I liked that part.")
        for message in (post, said):
            await world.manager.react(message, "🍎")
        await act(world, lambda: world.env.backend.delete_channel(thread.id))
        assert (await discussion(world)).thread_deleted_at is not None
        assert not await replies(world)
        assert [*await reactions(world)] == [(post.id, "🍎", world.manager.id)]  # the post itself still stands


async def test_the_post_or_its_channel_is_deleted(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        [post] = world.posts()
        said = await world.member.send(thread, "I liked that part.")
        for message in (post, said):
            await world.manager.react(message, "🍎")
        await act(world, lambda: world.env.backend.delete_message(world.channel.id, post.id))
        assert [*await reactions(world)] == [(said.id, "🍎", world.manager.id)]  # the thread outlives its message
        await act(world, lambda: world.env.backend.delete_channel(world.channel.id))
        assert (await discussion(world)).thread_deleted_at is not None
        assert (await replies(world), await reactions(world)) == ({}, {})


async def test_all_posts_of_all_clubs_are_followed_after_a_restart(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        await world.until(9, 1)
        second = next(each for each in world.threads() if each.id != thread.id)
        await world.restart(clean=True)
        said = [await world.member.send(each, "Hello again.") for each in (thread, second)]
        assert [*await replies(world)] == [message.id for message in said]


async def test_a_clean_stop_loses_nothing(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        world.bot.collector.spool.pause = 3600.0
        said = [await world.member.send(thread, f"Number {number}") for number in range(3)]
        assert world.bot.collector.spool.waiting
        world.deny(world.channel, read_message_history=False)  # so that the next start cannot find it out
        await world.restart(clean=True)
        assert [*await replies(world)] == [message.id for message in said]


async def test_a_kill_loses_what_was_not_written_until_discord_is_asked(database_url: str) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        before = await world.member.send(thread, "Written.")
        world.bot.collector.spool.pause = 3600.0
        after = await world.member.send(thread, "Noted.")
        world.deny(world.channel, read_message_history=False)
        await world.restart()
        assert [*await replies(world)] == [before.id]
        world.deny(world.channel, read_message_history=True)
        await world.restart()
        await world.advance(seconds=30)
        assert [*await replies(world)] == [before.id, after.id]


async def test_what_comes_before_the_post_is_noted_as_sent(database_url: str) -> None:
    """Discord shows the message before its answer reaches us; members are sometimes that quick."""
    async with club_world(database_url) as world:
        quick: list[int] = []

        def react(message: Any) -> None:
            if message.author_id == backend.bot_user.id and message.channel_id == world.channel.id:
                backend.set_reaction(message.channel_id, message.id, "🍎", world.member.id, reacted=True)
                quick.append(message.id)

        backend = world.env.backend
        announce = backend.announce_message_create

        def announce_and_react(message: Any) -> None:
            announce(message)
            react(message)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "announce_message_create", announce_and_react)
            thread = await posted(world)
        await world.advance(seconds=2)
        assert thread.id in quick
        assert [*await reactions(world)] == [(thread.id, "🍎", world.member.id)]


async def test_listeners_hear_of_it_as_well_and_a_fault_of_ours_ends_no_connection(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with club_world(database_url) as world:
        thread = await posted(world)
        heard: list[discord.Message] = []

        async def listener(message: discord.Message) -> None:
            heard.append(message)

        world.bot.add_listener(listener, "on_message")
        first = await world.member.send(thread, "One.")
        world.bot.hear("message", lambda: None)  # which takes no message
        second = await world.member.send(thread, "Two.")
        assert [message.id for message in heard] == [first.id, second.id]
        assert "what Discord told (message) could not be noted" in caplog.text
        assert [*await replies(world)] == [first.id]
