from datetime import timedelta

import discord
import pytest
import simcord

from tests.demo import BareBot, World, world


async def _thread(here: World, **fields: int) -> tuple[discord.Message, discord.Thread]:
    message = await here.channel.send("an excerpt")
    thread = await message.create_thread(name="Day 1", **fields)  # type: ignore[arg-type]
    await here.env.settle()
    return message, thread


@pytest.mark.parametrize(("overlaid", "parents"), [(False, [0, 18]), (True, [0])])
async def test_a_thread_from_a_message_is_shown_on_the_message_only(overlaid: bool, parents: list[int]) -> None:
    async with world(overlaid=overlaid) as here:
        message, thread = await _thread(here)
        assert thread.id == message.id
        fetched = await here.channel.fetch_message(message.id)
        assert [m.type.value async for m in here.channel.history(oldest_first=True)] == parents
        assert fetched.flags.has_thread is overlaid
        raw = await here.bot.http.get_message(here.handle.id, message.id)
        assert ("thread" in raw) is overlaid
        inside = [m async for m in thread.history(oldest_first=True)]
        assert [m.type.value for m in inside] == ([21] if overlaid else [])
        if overlaid:
            assert inside[0].content == ""
            assert inside[0].reference is not None
            assert inside[0].reference.message_id == message.id
            await message.edit(content="an excerpt, edited")
            assert (await here.channel.fetch_message(message.id)).flags.has_thread
            await here.env.restart_bot(BareBot())
            assert here.env.bot.get_channel(thread.id) is not None


async def test_a_message_has_one_thread() -> None:
    async with world() as here:
        message, _ = await _thread(here)
        with pytest.raises(discord.HTTPException) as refused:
            await here.env.bot.http.start_thread_with_message(
                here.handle.id, message.id, name="again", auto_archive_duration=1440
            )
    assert (refused.value.status, refused.value.code) == (400, 160004)


@pytest.mark.sends_invalid("names and durations that Discord refuses")
@pytest.mark.parametrize(("name", "minutes"), [("", 1440), ("x" * 101, 1440), ("x", 61)])
async def test_a_thread_has_a_name_of_1_to_100_characters_and_one_of_four_durations(name: str, minutes: int) -> None:
    async with world() as here:
        message = await here.channel.send("an excerpt")
        _, thread = await _thread(here)
        with pytest.raises(discord.HTTPException) as from_message:
            await message.create_thread(name=name, auto_archive_duration=minutes)  # type: ignore[arg-type]
        with pytest.raises(discord.HTTPException) as without:
            await here.channel.create_thread(name=name, auto_archive_duration=minutes)  # type: ignore[arg-type]
        with pytest.raises(discord.HTTPException) as edit:
            await thread.edit(name=name, auto_archive_duration=minutes)  # type: ignore[arg-type]
        assert [error.value.code for error in (from_message, without, edit)] == [50035] * 3
        await message.create_thread(name="x" * 100, auto_archive_duration=10080)


async def test_deleting_the_message_keeps_its_thread_and_a_deleted_message_gets_none() -> None:
    async with world() as here:
        message, thread = await _thread(here)
        await message.delete()
        assert (await here.env.bot.fetch_channel(thread.id)).id == thread.id
        gone = await here.channel.send("gone")
        await gone.delete()
        for source in (message, gone):
            with pytest.raises(discord.NotFound) as refused:
                await source.create_thread(name="Day 2")
            assert refused.value.code == 10008


@pytest.mark.parametrize(("overlaid", "still_archived"), [(False, True), (True, False)])
async def test_posting_opens_an_archived_thread_again(overlaid: bool, still_archived: bool) -> None:
    async with world(overlaid=overlaid) as here:
        _, thread = await _thread(here)
        await thread.edit(archived=True)
        ada = here.guild.add_member(here.env.create_user("Ada"))
        await ada.send(here.thread_handle(thread), "late, but here")
        assert (await _fetch(here, thread)).archived is still_archived
        await thread.edit(archived=True)
        await thread.send("by the bot")
        assert (await _fetch(here, thread)).archived is still_archived


async def test_an_archived_thread_takes_no_edit_no_reaction_and_no_deletion() -> None:
    async with world() as here:
        _, thread = await _thread(here)
        message = await thread.send("inside")
        await thread.edit(archived=True)
        calls = (thread.edit(name="new"), message.edit(content="new"), message.add_reaction("👍"), message.delete())
        for call in calls:
            with pytest.raises(discord.HTTPException) as refused:
                await call
            assert refused.value.code == 50083
        await thread.edit(name="new", archived=False)
        await message.edit(content="new")
        await message.delete()


async def test_a_locked_thread_is_for_those_who_manage_threads() -> None:
    async with world() as here:
        _, thread = await _thread(here)
        handle = here.thread_handle(thread)
        ada = here.guild.add_member(here.env.create_user("Ada"))
        await thread.edit(locked=True)
        await thread.send("the bot may manage threads")
        with pytest.raises(simcord.BackendError) as member:
            await ada.send(handle, "let me in")
        assert member.value.code == 160005
        await thread.edit(archived=True)
        with pytest.raises(discord.HTTPException) as closed:
            await thread.send("archived and locked")
        assert (closed.value.status, closed.value.code) == (400, 50083)
        await thread.edit(archived=False, locked=True)
        here.forbid_bot(manage_threads=True)
        with pytest.raises(discord.Forbidden) as locked:
            await thread.send("no longer a moderator")
        assert locked.value.code == 160005


async def test_the_creator_may_archive_but_not_lock_without_manage_threads() -> None:
    async with world() as here:
        _, thread = await _thread(here)
        here.forbid_bot(manage_threads=True, manage_channels=True)
        await thread.edit(name="Day one", archived=True)
        await thread.edit(archived=False)
        with pytest.raises(discord.Forbidden) as refused:
            await thread.edit(archived=True, locked=True)
        assert refused.value.code == 50013
        assert not (await _fetch(here, thread)).locked


async def test_the_bot_archives_and_locks_with_manage_threads_alone() -> None:
    async with world() as here:
        _, thread = await _thread(here)
        here.forbid_bot(manage_channels=True)
        await thread.edit(archived=True, locked=True)
        await thread.edit(archived=False, locked=False, slowmode_delay=5)
        assert (await _fetch(here, thread)).slowmode_delay == 5


async def test_a_quiet_thread_is_archived_as_time_passes() -> None:
    async with world() as here:
        _, thread = await _thread(here, auto_archive_duration=60)
        await here.env.advance_time(59 * 60)
        await thread.send("still here")
        await here.env.advance_time(59 * 60)
        assert not (await _fetch(here, thread)).archived
        await here.env.advance_time(60)
        assert (await _fetch(here, thread)).archived
        assert here.env.bot.get_channel(thread.id) is None
        await here.env.restart_bot(BareBot())
        assert here.env.bot.get_channel(thread.id) is None  # Discord lists active threads only
        here.laid.auto_archive = False
        await thread.send("and again")
        await here.env.advance_time(timedelta(days=30).total_seconds())
        assert not (await _fetch(here, thread)).archived
        here.laid.archive_idle()
        assert (await _fetch(here, thread)).archived


async def _fetch(here: World, thread: discord.Thread) -> discord.Thread:
    fetched = await here.env.bot.fetch_channel(thread.id)
    assert isinstance(fetched, discord.Thread)
    return fetched


async def test_the_threads_of_a_deleted_channel_go_with_it() -> None:
    async with world() as here:
        message = await here.channel.send("post")
        thread = await message.create_thread(name="talk")
        await thread.send("reply")
        here.laid.backend.delete_channel(here.handle.id)
        with pytest.raises(discord.NotFound) as gone:
            await here.bot.fetch_channel(thread.id)
        assert gone.value.code == 10003
        assert not {here.handle.id, thread.id} & here.laid.backend.messages.keys()
        here.laid.archive_idle()
