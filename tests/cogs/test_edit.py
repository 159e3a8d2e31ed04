"""/club edit and /club remove."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.demo.transcript import buttons_of, text_of
from bot.storage import clubs
from bot.storage.records import ClubState
from tests.cogs.manners import last, one_sentence, polite_world
from tests.support.club_world import ZONE, ClubWorld, answers, reading_of


async def begun(world: ClubWorld, count: int = 9, **options: object) -> None:
    await world.import_reading(reading_of(count))
    await world.setup(reading="A short reading", **options)


async def edit(world: ClubWorld, **options: Any) -> str:
    return one_sentence(await world.manager.slash(world.general, "club edit", **options))


async def count(world: ClubWorld) -> int:
    async with world.bot.database.read() as conn:
        return len(await clubs.in_guild(conn, world.guild.id))


def hours(world: ClubWorld, zone: ZoneInfo = ZONE) -> list[tuple[int, int]]:
    """Day and hour of each post, local to a zone."""
    local = [post.created_at.astimezone(zone) for post in world.posts()]
    return [(moment.day, moment.hour) for moment in local]


async def test_nothing_to_change_is_said(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        before = await world.club()
        assert "Nothing was changed" in await edit(world)
        assert "Nothing was changed" in await edit(world, time="9:00", timezone="europe/berlin", days="daily")
        assert await world.club() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "25:00"}, "“25:00”"),
        ({"timezone": "Europe/Berln"}, "Europe/Berlin"),
        ({"days": "foo"}, "“foo”"),
        ({"start": "2020-01-01"}, "in the past"),
        ({"reading": "War and Peace"}, "no such reading"),
    ],
)
async def test_one_bad_option_keeps_the_others_from_being_changed(
    database_url: str, options: dict[str, Any], words: str
) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        before = await world.club()
        assert words in await edit(world, **{"channel": world.general, "thread_days": 7, **options})
        assert await world.club() == before


async def test_a_channel_where_i_may_not_post(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        world.deny(world.general, send_messages=False)
        assert "**Send Messages**" in await edit(world, channel=world.general)
        assert "**Send Messages**" in await edit(world, notices=world.general)
        assert "@everyone" in await edit(world, ping_role=world.guild.default_role)
        assert (await world.club()).channel_id == world.channel.id


@pytest.mark.parametrize("time", ["08:00", "10:30", "11:00", "23:59", "00:00"])
async def test_another_time_never_gives_two_posts_on_one_day(database_url: str, time: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(10, 15)
        said = await edit(world, time=time)
        assert f"every day at {time}, Europe/Berlin" in said
        await world.advance(days=3)
        hour = int(time[:2])
        expected = [(1, 9), (2, hour), (3, hour), (4, hour)]
        assert hours(world) == expected[: 4 if time < "10:15" else 3]


async def test_an_earlier_time_before_the_first_post_counts_today(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await edit(world, time="08:00")
        await world.until(9, 30)
        assert hours(world) == [(1, 8)]


@pytest.mark.parametrize(
    "zone", ["America/Los_Angeles", "Pacific/Auckland", "UTC", "Pacific/Kiritimati", "Pacific/Niue"]
)
async def test_another_zone_never_gives_two_posts_on_one_day(database_url: str, zone: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(10, 15)
        await edit(world, timezone=zone)
        await world.advance(days=4)
        found = hours(world, ZoneInfo(zone))
        assert len({day for day, _ in found}) == len(found) >= 4
        assert {hour for _, hour in found[1:]} == {9}


async def test_other_days_and_another_start(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        assert "Saturdays and Sundays at 09:00" in await edit(world, days="weekends")
        first = int(world.now().replace(day=4, hour=9, minute=0, second=0, microsecond=0).timestamp())
        assert f"The next excerpt comes <t:{first}:F>" in await edit(world, start="2026-01-04")
        await world.until(12, 0, days=10)
        assert hours(world) == [(4, 9), (10, 9), (11, 9)]


async def test_another_channel_gets_the_next_post(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        other = world.guild.create_text_channel("other")
        assert f"posts in <#{other.id}> from now on" in await edit(world, channel=other)
        await world.until(9, 1)
        assert len(world.posts()) == 1
        assert [text_of(message).splitlines()[0] for message in world.own(other)] == ["## Part 2"]


async def test_the_channel_that_a_club_left_cannot_stop_it(database_url: str) -> None:
    """Threads that still wait to be closed there are of no concern to the club in its new channel."""
    async with polite_world(database_url) as world:
        await begun(world, notices=world.notices)
        await world.until(9, 1)
        await edit(world, channel=world.general)
        world.deny(world.channel, view_channel=False, send_messages=False, send_messages_in_threads=False)
        world.overlays.faults.fail("GET", f"/channels/{world.posts()[0].id}", status=403, code=50001, times=None)
        await world.until(9, 1, days=4)
        assert (await world.club()).state is ClubState.ACTIVE
        assert len(world.own(world.general)) == 5
        assert world.said(world.notices) == []


async def test_another_reading_begins_anew_on_another_day(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        said = await edit(world, reading="walden")
        assert "begins **Walden: living deliberately** with its first excerpt" in said
        await world.advance(hours=12)
        assert len(world.posts()) == 1
        await world.until(9, 1)
        assert "day 1 of 6" in text_of(world.posts()[-1])
        assert "begins **A short reading**" in await edit(world, reading="own:a-short-reading")
        await world.until(9, 1)
        assert [text_of(post).splitlines()[0] for post in world.posts()][::2] == ["## Part 1", "## Part 1"]


async def test_ping_role_given_and_taken(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        role = world.guild.create_role("Readers", mentionable=True)
        assert f"pings <@&{role.id}>" in await edit(world, ping_role=role)
        await world.until(9, 1)
        assert "nobody is pinged" in await edit(world, stop_ping=True)
        await world.until(9, 1)
        assert [text_of(post).startswith(f"<@&{role.id}>") for post in world.posts()] == [True, False]


async def test_thread_days_and_notices(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        assert "threads stay open for 1 day." in await edit(world, thread_days=1)
        assert f"notices go to <#{world.notices.id}>" in await edit(world, notices=world.notices)
        await world.until(9, 1, days=1)
        archived = [world.env.backend.channels[thread.id].thread_metadata for thread in world.threads()]
        assert [bool(metadata and metadata.archived) for metadata in archived] == [True, False]
        world.deny(world.channel, send_messages=False)
        await world.until(9, 1)
        assert len(world.said(world.notices)) == 1


@pytest.mark.parametrize(
    ("policy", "words"), [("shift", "nothing late"), ("skip", "missed days are skipped"), ("one", "one late excerpt")]
)
async def test_another_catch_up_policy_is_named(database_url: str, policy: str, words: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, catch_up="shift" if policy == "one" else "one")
        said = await edit(world, catch_up=policy)
        assert words in said, "the answer says what was changed"
        assert words in answers(await world.manager.slash(world.general, "club status"))


async def test_editing_what_a_paused_club_does_leaves_it_paused(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.manager.slash(world.general, "club pause")
        said = await edit(world, time="10:00", channel=world.general)
        assert "<t:" not in said
        await world.advance(days=2)
        assert (await world.club()).state is ClubState.PAUSED
        assert world.own(world.general) == []


async def test_removing_asks_first_and_can_be_declined(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        question = last(await world.manager.slash(world.general, "club remove"))
        assert "Remove the club **A short reading**" in text_of(question.message)
        assert buttons_of(question.message) == ["Remove it", "Keep it"]
        assert await count(world) == 1
        await world.manager.click(question, label="Keep it")
        assert text_of(question.message) == "The club stays as it is."
        assert buttons_of(question.message) == []
        await world.until(9, 1)
        assert len(world.posts()) == 1


@pytest.mark.parametrize("restarted", [False, True])
async def test_removing_twice(database_url: str, restarted: bool) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        await world.until(9, 1)
        first, second = [last(await world.manager.slash(world.general, "club remove")) for _ in range(2)]
        if restarted:
            await world.restart()
        await world.manager.click(first, label="Remove it")
        assert text_of(first.message).startswith(f"The club in <#{world.channel.id}> is removed.")
        assert buttons_of(first.message) == []
        await world.manager.click(second, label="Remove it")
        assert text_of(second.message) == "That club was removed already."
        assert await count(world) == 0
        await world.until(9, 1, days=1)
        assert len(world.posts()) == 1, "what was posted stays, nothing comes after it"
        assert "no club here" in one_sentence(await world.manager.slash(world.general, "club remove"))
        assert "is set up" in answers(await world.setup(reading="A short reading"))


async def test_a_removed_club_s_threads_are_closed_all_the_same(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world, thread_days=2)
        await world.until(9, 1)
        question = last(await world.manager.slash(world.general, "club remove"))
        await world.manager.click(question, label="Remove it")
        [thread] = world.threads()
        world.overlays.auto_archive = False
        await world.env.advance_time(timedelta(days=2, minutes=1).total_seconds())
        metadata = world.env.backend.channels[thread.id].thread_metadata
        assert metadata is not None
        assert metadata.archived


async def test_a_role_to_ping_and_no_ping_at_once_is_a_contradiction(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await begun(world)
        before = await world.club()
        role = world.guild.create_role("Readers", mentionable=True)
        said = await edit(world, ping_role=role, stop_ping=True)
        assert "stop_ping" in said
        assert await world.club() == before
