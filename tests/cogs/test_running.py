"""/club preview, pause, resume, skip and post-now."""

import re
from datetime import datetime

import pytest

from bot.demo.transcript import buttons_of, text_of
from bot.storage.records import ClubState
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ZONE, ClubWorld, answers, reading_of


async def begun(world: ClubWorld, count: int = 4, **options: object) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", **options)


def numbers(world: ClubWorld) -> list[int]:
    """Which parts stand in the channel, in order; each has its thread."""
    assert sorted(thread.id for thread in world.threads()) == [post.id for post in world.posts()]
    return [int(found[1]) for post in world.posts() if (found := re.search(r"## Part (\d+)", text_of(post)))]


def moments(text: str) -> list[datetime]:
    """The times that a text shows, local to the clubs."""
    return [datetime.fromtimestamp(int(found), ZONE) for found in re.findall(r"<t:(\d+):F>", text)]


async def test_the_preview_is_the_post_to_come(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        result = await world.manager.slash(world.general, "club preview")
        shown = result.followups[0] if result.response is None else result.response
        said = answers(result)
        assert f"in <#{world.channel.id}>" in said
        assert "The thread will be named “1/4 · Part 1”." in said
        assert world.posts() == []
        preview = text_of(shown.message)
        await world.until(9, 1)
        [post] = world.posts()
        assert text_of(post) == preview
        assert moments(said) == [world.now().replace(minute=0)]
        assert [thread.name for thread in world.threads()] == ["1/4 · Part 1"]


async def test_a_long_preview_can_be_paged(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.import_reading(reading_of(1, quote="The word. " * 900 + "{n}"))
        await world.setup(reading="A short reading")
        result = await world.manager.slash(world.general, "club preview")
        page = result.response or result.followups[0]
        assert "page 1 of 3" in text_of(page.message)
        assert buttons_of(page.message) == ["Next page"]
        await world.manager.click(page, label="Next page")
        assert "page 2 of 3" in text_of(page.message)
        assert buttons_of(page.message) == ["Previous page", "Next page"]


async def test_the_preview_when_nothing_comes(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 1)
        await world.manager.slash(world.general, "club pause")
        said = answers(await world.manager.slash(world.general, "club preview"))
        assert "Part 1" in said
        assert "No date is set" in said
        assert "/club status" in said
        await world.manager.slash(world.general, "club resume")
        await world.until(9, 1)
        said = one_sentence(await world.manager.slash(world.general, "club preview"))
        assert "Every excerpt is posted" in said


@pytest.mark.parametrize("policy", ["one", "shift", "skip"])
async def test_a_pause_loses_nothing_and_misses_nothing(database_url: str, policy: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, catch_up=policy)
        await world.until(9, 1)
        said = one_sentence(await world.manager.slash(world.general, "club pause"))
        assert f"nothing is posted in <#{world.channel.id}>" in said
        assert "already" in one_sentence(await world.manager.slash(world.general, "club pause"))
        await world.until(12, 0, days=3)
        assert numbers(world) == [1]
        said = one_sentence(await world.manager.slash(world.general, "club resume"))
        await world.advance(hours=11)
        assert numbers(world) == [1], "the days of a pause are not missed days"
        await world.until(9, 1)
        assert moments(said) == [world.now().replace(minute=0)]
        assert numbers(world) == [1, 2]
        assert "running already" in one_sentence(await world.manager.slash(world.general, "club resume"))


async def test_a_pause_survives_a_restart(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        await world.restart()
        await world.until(9, 1, days=1)
        assert numbers(world) == []


async def test_skipping_an_excerpt(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        said = one_sentence(await world.manager.slash(world.general, "club skip"))
        assert said.startswith("Number 2 is left out; number 3 takes its place.")
        await world.until(9, 1)
        assert moments(said) == [world.now().replace(minute=0)]
        assert numbers(world) == [1, 3]
        assert "· day 3 of 4" in text_of(world.posts()[-1])


async def test_skipping_the_last_excerpt(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 2)
        await world.until(9, 1)
        said = one_sentence(await world.manager.slash(world.general, "club skip"))
        assert said == "Number 2, the last, is left out; the end is announced at the next slot."
        assert "none to leave out" in one_sentence(await world.manager.slash(world.general, "club skip"))
        await world.until(9, 1)
        assert numbers(world) == [1]
        assert "read to the end" in world.said(world.channel)[-1]


async def test_skipping_days(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        first = world.now().replace(hour=9, minute=0, second=0, microsecond=0)
        for day in range(2):
            said = one_sentence(await world.manager.slash(world.general, "club skip", what="day"))
            assert "no excerpt is lost" in said
            assert [moment.day - first.day for moment in moments(said)] == [day, day + 1]
        await world.until(9, 1, days=1)
        assert numbers(world) == []
        await world.until(9, 1)
        assert numbers(world) == [1]


async def test_skipping_a_day_of_a_paused_club(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        said = one_sentence(await world.manager.slash(world.general, "club skip", what="day"))
        assert "not running" in said


async def test_post_now_comes_besides_the_schedule(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert said.startswith(f"Number 1 of 4 comes now in <#{world.channel.id}>.")
        await world.env.settle()
        assert numbers(world) == [1]
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert said.startswith("Number 2 of 4")
        assert numbers(world) == [1, 2]
        await world.until(9, 1)
        assert numbers(world) == [1, 2, 3]
        await world.manager.slash(world.general, "club post-now")
        assert numbers(world) == [1, 2, 3, 4]
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert "Every excerpt is posted" in said
        await world.until(9, 1)
        assert sum("read to the end" in text for text in world.said(world.channel)) == 1
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert "/club status" in said


async def test_post_now_while_paused_says_what_to_do(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert "not running" in said
        assert "/club status" in said
        assert numbers(world) == []


async def test_post_now_while_discord_is_in_trouble_is_not_lost_and_not_doubled(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        world.overlays.faults.fail("POST", "/channels/*/messages", status=503, times=3)
        await world.manager.slash(world.general, "club post-now")
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert "on its way already" in said
        await world.advance(minutes=10)
        assert numbers(world) == [1]


async def test_a_thread_that_a_moderator_locked_does_not_stop_the_club(database_url: str) -> None:
    """Whoever lacks Manage Threads cannot archive a locked thread; that is no reason to stop reading."""
    async with polite_world(database_url) as world:
        await begun(world, 9, notices=world.notices)
        await world.until(9, 1)
        [thread] = world.threads()
        world.env.backend.edit_channel(thread.id, {}, thread_metadata={"locked": True, "archived": True})
        await world.until(9, 1, days=3)
        assert (await world.club()).state is ClubState.ACTIVE
        assert numbers(world) == [1, 2, 3, 4, 5]
        assert world.said(world.notices) == []


async def test_threads_close_after_their_days(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, 2, thread_days=1)
        await world.until(9, 2)
        [thread] = world.threads()
        await world.until(8, 59)
        for hour in range(3):
            await world.member.send(thread, f"Still talking, {hour}")
        await world.advance(minutes=5)
        metadata = world.env.backend.channels[thread.id].thread_metadata
        assert metadata is not None
        assert metadata.archived


async def test_a_day_that_was_skipped_far_ahead_does_not_hold_up_an_earlier_schedule(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, days="mon", start="2026-02-01")
        await world.manager.slash(world.general, "club skip", what="day")
        said = one_sentence(await world.manager.slash(world.general, "club edit", days="daily", start="today"))
        assert moments(said) == [world.now().replace(hour=9, minute=0, second=0, microsecond=0)]
        await world.until(9, 1, days=1)
        assert numbers(world) == [1, 2]


async def test_what_was_left_out_does_not_count_as_posted(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club skip")
        assert "1 of 4 posted" not in answers(await world.manager.slash(world.general, "club status"))


async def test_post_now_where_a_permission_is_missing_says_so_at_once(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, notices=world.notices)
        world.deny(world.channel, send_messages=False)
        await world.env.settle()
        said = one_sentence(await world.manager.slash(world.general, "club post-now"))
        assert "**Send Messages**" in said, "it cannot come now, so the answer must not promise it"
        assert numbers(world) == []


async def test_a_paused_club_that_begins_another_reading_waits_for_resume(database_url: str) -> None:
    """The answer to /club pause promises that nothing is posted until /club resume."""
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        await world.manager.slash(world.general, "club edit", reading="walden")
        await world.until(9, 1)
        assert world.own(world.channel) == []
        await world.manager.slash(world.general, "club resume")
        await world.until(9, 1)
        assert "day 1 of 6" in text_of(world.posts()[0])
