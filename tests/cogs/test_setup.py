"""/club setup: what it promises, and how it refuses."""

import re
from typing import Any

import pytest

from bot.club.permissions import NEEDED
from bot.demo.transcript import text_of
from bot.storage import clubs, deletions, personal
from tests.cogs.manners import one_sentence, polite_world
from tests.support.club_world import ClubWorld, answers, reading_of


async def count(world: ClubWorld) -> int:
    async with world.bot.database.read() as conn:
        return len(await clubs.in_guild(conn, world.guild.id))


async def test_the_answer_says_what_will_happen_and_it_happens(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = answers(await world.setup())
        assert "The club is set up: **The head of DeepSeek on innovation**" in said
        assert f"<#{world.channel.id}>, 4 excerpts, every day at 09:00 (Europe/Berlin)." in said
        found = re.search(r"The first comes <t:(\d+):F> \(<t:\1:R>\)\.", said)
        assert found, said
        await world.advance(seconds=int(found[1]) - world.env.now().timestamp() + 1)
        [post] = world.posts()
        assert "day 1 of 4" in text_of(post)
        assert [thread.name for thread in world.threads()] == ["1/4 · A contributor, not a free rider"]
        assert world.said(world.general) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "25:00"}, ["“25:00”", "00:00 to 23:59"]),
        ({"time": "soon"}, ["“soon”", "09:00"]),
        ({"timezone": "Europe/Berln"}, ["“Europe/Berln”", "did you mean", "Europe/Berlin"]),
        ({"timezone": "UTC+2"}, ["offset", "Europe/Berlin"]),
        ({"timezone": "the moon, far side"}, ["the moon", "time zone"]),
        ({"days": "foo"}, ["“foo”", "mon"]),
        ({"start": "2020-01-01"}, ["2020-01-01 is in the past"]),
        ({"start": "2026-02-30"}, ["not in the calendar"]),
        ({"start": "2126-01-01"}, ["ten years"]),
        ({"reading": "War and Peace"}, ["no such reading", "/reading list"]),
        ({"reading": ""}, ["no such reading"]),
    ],
    ids=lambda value: None if isinstance(value, list) else " ".join(value.values()) or "blank",
)
async def test_a_bad_option_is_one_clear_sentence(database_url: str, options: dict[str, Any], words: list[str]) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.setup(**options))
        assert [word for word in words if word not in said] == []
        assert await count(world) == 0


async def test_an_ambiguous_reading_names_the_candidates(database_url: str) -> None:
    async with polite_world(database_url) as world:
        await world.import_reading(reading_of(1, title="Essays, first series"))
        await world.import_reading(reading_of(1, title="Essays, second series"))
        said = one_sentence(await world.setup(reading="essays"))
        assert "Essays, first series" in said
        assert "Essays, second series" in said
        assert await count(world) == 0


@pytest.mark.parametrize("permission", NEEDED)
async def test_a_channel_where_a_permission_is_missing(database_url: str, permission: str) -> None:
    async with polite_world(database_url) as world:
        world.deny(world.channel, **{permission: False})
        said = one_sentence(await world.setup())
        assert f"**{NEEDED[permission]}**" in said
        assert f"<#{world.channel.id}>" in said
        assert await count(world) == 0
        world.deny(world.channel, **{permission: True})
        assert "is set up" in answers(await world.setup())


async def test_a_notices_channel_where_i_may_not_write(database_url: str) -> None:
    async with polite_world(database_url) as world:
        world.deny(world.notices, send_messages=False)
        said = one_sentence(await world.setup(notices=world.notices))
        assert "**Send Messages**" in said
        assert f"<#{world.notices.id}>" in said
        assert await count(world) == 0


async def test_everyone_is_never_pinged(database_url: str) -> None:
    async with polite_world(database_url) as world:
        said = one_sentence(await world.setup(ping_role=world.guild.default_role))
        assert "@everyone" in said
        assert await count(world) == 0


async def test_who_asked_to_be_forgotten_sets_up_a_club_without_their_name(database_url: str) -> None:
    async with polite_world(database_url) as world:
        async with world.bot.database.write() as conn:
            await deletions.forget_member(conn, world.manager.id, world.env.now())
        await world.setup()
        await world.import_reading(reading_of(2, title="Another"))
        assert (await world.club()).created_by == deletions.NOBODY
        async with world.bot.database.read() as conn:
            assert (await personal.of_member(conn, world.manager.id)).guilds == []


async def test_the_26th_club_is_one_too_many(database_url: str) -> None:
    async with polite_world(database_url) as world:
        for _ in range(25):
            assert "is set up" in answers(await world.setup())
        said = one_sentence(await world.setup())
        assert "25 clubs" in said
        assert "Remove one" in said
        assert await count(world) == 25


async def test_an_announcement_channel_gets_post_and_thread(database_url: str) -> None:
    async with polite_world(database_url) as world:
        news = world.guild.create_news_channel("news")
        await world.setup(channel=news)
        await world.until(9, 1)
        assert [text_of(message).splitlines()[0] for message in world.own(news)] == [
            "## A contributor, not a free rider"
        ]
        assert [thread.id for thread in news.threads] == [world.own(news)[0].id]


async def test_a_start_in_the_future_waits_for_that_day(database_url: str) -> None:
    async with polite_world(database_url) as world:
        start = world.now().date().replace(day=10)
        said = answers(await world.setup(start=str(start), days="weekends"))
        assert "Saturdays and Sundays at 09:00" in said
        await world.until(9, 1, days=8)
        assert world.now().date().day == 9
        assert world.posts() == []
        await world.until(9, 1)
        assert (world.now().date(), len(world.posts())) == (start, 1)


async def test_the_ping_role_and_nobody_else(database_url: str) -> None:
    async with polite_world(database_url) as world:
        role = world.guild.create_role("Readers", mentionable=True)
        await world.import_reading(reading_of(1, quote="Hello @everyone, <@&1> and <@2>, passage {n}."))
        await world.setup(reading="A short reading", ping_role=role)
        await world.until(9, 1)
        [post] = world.posts()
        assert text_of(post).startswith(f"<@&{role.id}>\n")
        [sent] = [
            request.json
            for request in world.env.http_requests
            if request.path == f"/channels/{world.channel.id}/messages" and isinstance(request.json, dict)
        ]
        allowed = {name: [str(each) for each in ids] for name, ids in sent["allowed_mentions"].items() if ids}
        assert allowed == {"roles": [str(role.id)]}


async def test_a_role_that_i_cannot_ping_is_said_at_once(database_url: str) -> None:
    """Discord shows such a mention and notifies nobody, unless the role lets anyone mention it."""
    async with polite_world(database_url) as world:
        role = world.guild.create_role("Readers")
        said = answers(await world.setup(ping_role=role))
        assert f"<@&{role.id}>" in said
        assert "mention" in said


async def test_every_option_is_kept(database_url: str) -> None:
    async with polite_world(database_url) as world:
        role = world.guild.create_role("Readers", mentionable=True)
        await world.setup(
            time="9:30 pm",
            timezone="america/new york",
            days="Mon, Wed",
            start="tomorrow",
            ping_role=role,
            catch_up="skip",
            notices=world.notices,
            thread_days=7,
        )
        said = answers(await world.manager.slash(world.general, "club status"))
        for words in (
            "Mondays and Wednesdays at 21:30, America/New_York",
            "missed days are skipped",
            "threads stay open for 7 days",
            f"notices in <#{world.notices.id}>",
            f"<@&{role.id}>",
        ):
            assert words in said
        assert (await world.club()).schedule.weekdays == frozenset({0, 2})


async def test_readings_are_offered_while_typing(database_url: str) -> None:
    async with polite_world(database_url) as world:
        for number in range(30):
            await world.import_reading(reading_of(1, title=f"Volume {number:02} {'of a very long title ' * 10}"))
        offered = await world.manager.autocomplete(world.general, "club setup", "reading", "VOLUME")
        assert len(offered) == 25
        [deepseek] = await world.manager.autocomplete(world.general, "club setup", "reading", "deepseek")
        assert deepseek["name"] == "The head of DeepSeek on innovation (4)"
        chosen = await world.manager.autocomplete(world.general, "club setup", "reading", "volume 07")
        assert "is set up: **Volume 07" in answers(await world.setup(reading=chosen[0]["value"]))
        assert "is set up: **The head" in answers(await world.setup(reading=deepseek["value"]))


@pytest.mark.parametrize(
    ("typed", "first"),
    [("", None), ("berl", "Europe/Berlin"), ("new y", "America/New_York"), ("são p", "America/Sao_Paulo"), ("@", None)],
)
async def test_time_zones_are_offered_while_typing(database_url: str, typed: str, first: str | None) -> None:
    async with polite_world(database_url) as world:
        offered = await world.manager.autocomplete(world.general, "club setup", "timezone", typed)
        assert len(offered) <= 25
        if first:
            assert offered[0]["value"] == first


async def test_a_text_that_looks_like_a_mention_in_an_option(database_url: str) -> None:
    """The manners of the world hold here, too: what a person typed pings nobody."""
    async with polite_world(database_url) as world:
        for text in ("@everyone", f"<@{world.member.id}>", "x" * 6000):
            said = answers(await world.setup(time=text))
            assert "as a time of day" in said
