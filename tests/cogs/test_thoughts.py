""" "My thought": what members say through the bot, and what keeps them from it."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import discord
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.demo.transcript import buttons_of
from bot.discussion.thoughts import MESSAGE_UNITS, parse_thought, thought_author, thought_content
from bot.reading.splitting import utf16_len
from bot.storage import deletions, replies
from bot.storage.records import Thoughts
from tests.cogs.manners import last, one_sentence, polite_world
from tests.cogs.thinking import (
    BUTTON,
    decided,
    given_back,
    posted,
    press,
    send,
    think,
    thoughts,
)
from tests.support.club_world import ClubWorld, answers

SEND = ("POST", "/channels/*/messages")
WORDS = "I think *so*.\n@everyone, see <@5>!"


async def test_it_is_said_in_the_thread_and_names_the_member(database_url: str) -> None:
    async with polite_world(database_url) as world:
        post = await posted(world)
        assert buttons_of(post) == [BUTTON]
        said = await think(world, WORDS)
        [thought] = thoughts(world)
        thread = world.threads()[0]
        assert thought.content == thought_content(world.member.id, WORDS)
        assert f"https://discord.com/channels/{world.guild.id}/{thread.id}/{thought.id}" in one_sentence(said)
        assert thought_author(thought, world.env.backend.bot_user.id) == world.member.id
        assert thought_author(thought, world.member.id) is None, "of our own messages alone"
        assert post.id == thread.id


async def test_it_counts_as_the_member_s_reply(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        await think(world, "One.\nTwo.")
        await world.bot.collector.flush()
        async with world.bot.database.read() as conn:
            reply = await replies.get(conn, thoughts(world)[0].id)
        assert reply is not None
        assert (reply.author_id, reply.thought, reply.length, reply.text) == (world.member.id, True, 9, None)


async def test_the_window_says_what_it_is_about_and_what_happens(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        window = (await press(world)).modal
        assert window is not None
        assert window["title"] == "My thought on 1/3 · Part 1"
        [label] = window["components"]
        assert 1 <= len(label["label"]) <= 45
        assert "quotation with your name" in label["description"]
        assert len(label["description"]) <= 100
        assert label["component"]["max_length"] <= 4000


async def test_a_long_heading_fits_the_window(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world, heading="🍎" * 90)
        window = (await press(world)).modal
        assert window is not None
        assert utf16_len(window["title"]) <= 45


async def test_nobody_can_speak_in_another_s_name(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        forged = thought_content(world.manager.id, "I agree.")
        await think(world, forged)
        await world.member.send(world.threads()[0], forged)
        me = world.env.backend.bot_user.id
        found = [thought_author(message, me) for message in world.threads()[0].history()]
        assert [author for author in found if author is not None] == [world.member.id]


@pytest.mark.parametrize("typed", [False, True], ids=["button", "window"])
async def test_it_works_after_a_restart(database_url: str, typed: bool) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        if typed:
            opened = await press(world)
            await world.restart()
        else:
            await world.restart()
            opened = await press(world)
        assert "Posted in your name" in answers(await send(world, opened, "Still here."))
        assert [parse_thought(thought.content) for thought in thoughts(world)] != [None]


@pytest.mark.parametrize("times", [1, 2])
async def test_an_answer_of_discord_that_is_lost_doubles_nothing(database_url: str, times: int) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        world.overlays.faults.lose_answer(*SEND, times=times)
        said = answers(await think(world, "Once."))
        assert len(thoughts(world)) == 1
        assert "Posted in your name" in said if times == 1 else "it may have got there" in said


async def test_the_pages_of_a_long_excerpt_keep_the_button(database_url: str) -> None:
    async with polite_world(database_url) as world:
        post = await posted(world, quote="The word. " * 900 + "{n}")
        assert buttons_of(post) == ["Next page", BUTTON]
        page = last(await world.member.click(post, label="Next page"))
        assert buttons_of(page.message) == ["Previous page", "Next page", BUTTON]
        await world.member.click(page, label="Next page")
        assert buttons_of(page.message) == ["Previous page", BUTTON]
        await think(world, "To the end.", post=page)
        assert len(thoughts(world)) == 1


async def test_only_posts_have_the_button(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        preview = await world.manager.slash(world.general, "club preview")
        today = await world.member.slash(world.general, "today")
        shown = [answer for result in (preview, today) for answer in (result.response, *result.followups) if answer]
        assert len(shown) >= 3
        assert all(buttons_of(answer.message) == [] for answer in shown)


async def test_switched_off_there_is_no_button_and_an_older_one_says_so(database_url: str) -> None:
    async with polite_world(database_url) as world:
        old = await posted(world)
        opened = await press(world)
        await decided(world, Thoughts.OFF)
        assert "switched off in this server" in one_sentence(await press(world, post=old))
        assert "switched off in this server" in given_back(await send(world, opened, "Too late."))
        await world.until(9, 1)
        assert buttons_of(world.posts()[-1]) == []
        assert thoughts(world) == []


# What keeps a member from it, at the press and once more when the window is sent off


async def forbid(world: ClubWorld, **permissions: bool) -> None:
    everyone = discord.PermissionOverwrite(**dict.fromkeys(permissions, False))
    allow, deny = everyone.pair()
    from simcord.backend.models import Overwrite  # noqa: PLC0415 - private to simcord
    from simcord.enums import OverwriteType  # noqa: PLC0415

    overwrite = Overwrite(target_id=world.member.id, type=OverwriteType.MEMBER, allow=allow.value, deny=deny.value)
    world.env.backend.set_overwrite(world.channel.id, overwrite)


async def lacking_permission(world: ClubWorld) -> str:
    await forbid(world, send_messages_in_threads=True)
    return "You lack **Send Messages in Threads**"


async def locked(world: ClubWorld) -> str:
    world.env.backend.edit_channel(world.threads()[0].id, {}, thread_metadata={"locked": True})
    return "is locked"


async def locked_and_archived(world: ClubWorld) -> str:
    world.env.backend.edit_channel(world.threads()[0].id, {}, thread_metadata={"locked": True, "archived": True})
    return "is locked"


async def forgotten(world: ClubWorld) -> str:
    async with world.bot.database.write() as conn:
        await deletions.forget_member(conn, world.member.id, world.env.now())
    return "`/privacy join`"


async def bot_may_not(world: ClubWorld) -> str:
    world.deny(world.channel, send_messages_in_threads=False)
    return "I lack **Send Messages in Threads**"


@pytest.mark.parametrize("hindrance", [lacking_permission, locked, forgotten, bot_may_not])
async def test_what_keeps_a_member_from_it_is_said_at_once(database_url: str, hindrance: Any) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        why = await hindrance(world)
        assert why in one_sentence(await press(world))
        assert thoughts(world) == []


@pytest.mark.parametrize("hindrance", [lacking_permission, locked, locked_and_archived, forgotten, bot_may_not])
async def test_and_when_it_came_up_meanwhile_the_words_come_back(database_url: str, hindrance: Any) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        opened = await press(world)
        why = await hindrance(world)
        said = given_back(await send(world, opened, WORDS))
        assert why in said
        assert "> I think *so*.\n> @everyone, see <@5>!" in said
        assert thoughts(world) == []


async def test_a_thread_that_was_deleted_meanwhile(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        opened = await press(world)
        world.env.backend.delete_channel(world.threads()[0].id)
        await world.env.settle()
        assert re.search("deleted|cannot reach", given_back(await send(world, opened, "Anybody?")))


async def test_an_archived_thread_opens_again(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        thread = world.threads()[0]
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"archived": True})
        await world.env.settle()
        await think(world, "One more thing.")
        assert len(thoughts(world)) == 1


async def test_a_post_that_we_do_not_know(database_url: str) -> None:
    async with polite_world(database_url) as world:
        post = await posted(world)
        async with world.bot.database.write() as conn:
            await deletions.forget_guild(conn, world.guild.id, world.env.now())
        assert "do not know that post" in one_sentence(await press(world, post=post))


async def test_slow_mode_holds_for_thoughts_as_well(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        world.env.backend.edit_channel(world.threads()[0].id, {"rate_limit_per_user": 60})
        await think(world, "First.")
        assert re.search(r"slow mode: you can write again <t:\d+:R>", given_back(await think(world, "Second.")))
        await think(world, "Another's.", member=world.manager)
        await world.advance(seconds=61)
        await think(world, "Third.")
        found = [parse_thought(thought.content) for thought in thoughts(world)]
        assert sorted(thought.text for thought in found if thought) == ["Another's.", "First.", "Third."]


@pytest.mark.parametrize(
    ("status", "code", "why"), [(403, 50013, "It was not posted."), (500, 0, "look into <#")], ids=["refused", "broken"]
)
async def test_what_discord_does_not_take_comes_back(database_url: str, status: int, code: int, why: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        opened = await press(world)
        world.overlays.faults.fail(*SEND, status=status, code=code, times=2)
        said = given_back(await send(world, opened, WORDS))
        assert why in said
        assert "> I think *so*." in said


async def test_our_own_fault_gives_the_words_back_and_keeps_them_out_of_the_log(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        opened = await press(world)
        with caplog.at_level(logging.DEBUG), broken("FROM replies"):
            said = given_back(await send(world, opened, "planted words"))
        assert "Something went wrong on my side, so it was not posted." in said
        assert "a thought could not be posted" in caplog.text
        ours = [record.getMessage() for record in caplog.records if record.name.startswith(("bot", "cogs"))]
        assert "planted words" not in "\n".join(ours)
        assert thoughts(world) == []


@contextmanager
def broken(sql: str) -> Iterator[None]:
    """Statements with these words fail as if our code were at fault."""

    def fail(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if sql in statement:
            raise ZeroDivisionError

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


# How long it may be


@pytest.mark.parametrize("over", [0, 1])
async def test_at_the_limit_of_a_message_and_one_past(database_url: str, over: int) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        room = MESSAGE_UNITS - utf16_len(thought_content(world.member.id, ""))
        text = "🍎" * (room // 2) + "x" * (room % 2 + over)
        result = await think(world, text)
        if over:
            assert "too long for one message by 1 character" in answers(result)
            [attachment] = last(result).message.attachments
            assert (await attachment.read()).decode() == text
            assert thoughts(world) == []
        else:
            [thought] = thoughts(world)
            assert utf16_len(thought.content) == MESSAGE_UNITS


async def test_nothing_to_read_is_not_posted(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        assert "nothing to read" in one_sentence(await think(world, "\u200b \n"))
        assert thoughts(world) == []


@pytest.mark.parametrize("may", [True, False])
async def test_links_have_previews_where_the_member_s_own_would(database_url: str, may: bool) -> None:
    async with polite_world(database_url) as world:
        await posted(world)
        if not may:
            await forbid(world, embed_links=True)
        await think(world, "See https://example.org.")
        [thought] = thoughts(world)
        assert thought.flags.suppress_embeds is not may
