"""The bot keeps under the limits before Discord has to say so, and answers members at once all the while."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest

from bot.client import Applecore, create_bot
from bot.settings import Settings
from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.local_discord.answers import Request
from tests.support.local_discord.clients import pointed_at
from tests.support.many_clubs import begin_clubs
from tests.support.stage import nine

SIMULATED = "tests.support.simulated_run"
SENDS = "/channels/*/messages"
THREADS = "/channels/*/messages/*/threads"

PER_SECOND = 10
"""Requests that the bot in the test's process may send."""


# ---- posts


@pytest.mark.parametrize(
    ("setting", "count", "most"),
    [({}, 120, 50), ({"APPLECORE_REQUESTS_PER_SECOND": "10"}, 30, 12)],
    ids=["45 a second", "10 a second"],
)
def test_many_clubs_due_at_once_stay_under_the_limit(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path, setting: dict[str, str], count: int, most: int
) -> None:
    url = f"sqlite:///{tmp_path}/clubs.db"
    clubs = begin_clubs(discord, url, count)
    with bot_process(tmp_path, clubs.variables(clock, **setting), module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        clock.set(nine(1))
        discord.wait_requests("POST", THREADS, count, timeout=90)
    assert clubs.complete()
    assert discord.statuses().keys() <= {"200", "201", "204"}
    assert most / 3 < discord.peak_per_second() <= most


def test_a_command_is_answered_at_once_while_a_hundred_posts_wait(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/clubs.db"
    clubs = begin_clubs(discord, url, 120)
    guild, channel = clubs.guilds[-1]
    member = discord.create_member(guild, "ada")
    slow = clubs.variables(clock, APPLECORE_REQUESTS_PER_SECOND="1")
    with bot_process(tmp_path, slow, module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        clock.set(nine(1))
        number = discord.request_number()
        discord.wait_requests("POST", SENDS, 2, since=number)
        for command in ("club status", "today", "help"):
            began = monotonic()
            assert discord.slash(channel, member, command).texts, command
            assert monotonic() - began < 2, command
    waiting = 120 - sum(one.path.endswith("/messages") for one in discord.requests(number))
    assert waiting >= 100
    assert discord.peak_per_second() <= 3


# ---- what discord.py does by itself


@pytest.fixture
async def bot(discord: LocalDiscord, tmp_path: Path) -> AsyncIterator[Applecore]:
    """Logged in at ten requests a second, without a gateway, in the test's own process."""
    settings = Settings.isolated(
        database_url=f"sqlite:///{tmp_path}/bot.db",
        requests_per_second=PER_SECOND,
        api_url=discord.api_url,
        gateway_url=discord.gateway_url,
    )
    with pointed_at(discord):
        bot = create_bot(settings)
        try:
            await bot.login(discord.token)
            discord.forget_requests()
            yield bot
        finally:
            await bot.close()


async def test_what_discord_py_tries_again_waits_for_its_turn_as_well(discord: LocalDiscord, bot: Applecore) -> None:
    """Thirty requests fail within three seconds, and each is tried again a second after it failed."""
    guilds = discord.create_guilds(30)
    for _, channel in guilds:
        discord.fault("GET", f"/channels/{channel}", status=500)
    found = await asyncio.gather(*(bot.fetch_channel(channel) for _, channel in guilds))
    assert len(found) == 30
    requests = discord.requests()
    assert sorted(one.status or 0 for one in requests) == [200] * 30 + [500] * 30
    assert most_in_a_second(requests) <= PER_SECOND + 2
    assert requests[-1].at - requests[0].at >= 59 / PER_SECOND - 0.5


async def test_the_pages_of_long_histories_wait_for_their_turn(discord: LocalDiscord, bot: Applecore) -> None:
    """Three of them are read at once, as after a start that has to look for what it sent."""
    guild = discord.create_guild("Readers")
    member = discord.create_member(guild, "ada")
    channel = discord.create_channel(guild, "reading")
    for number in range(1000):
        discord.send(channel, member, f"{number}")

    async def read() -> int:
        return len([message async for message in bot.get_partial_messageable(channel).history(limit=None)])

    counts = await asyncio.gather(*(read() for _ in range(3)))
    assert counts == [1000] * 3
    requests = discord.requests()
    assert len(requests) >= 30
    assert most_in_a_second(requests) <= PER_SECOND + 2
    assert requests[-1].at - requests[0].at >= (len(requests) - 1) / PER_SECOND - 0.5


def most_in_a_second(requests: list[Request]) -> int:
    times = [one.at for one in requests]
    return max(sum(began <= other < began + 1 for other in times) for began in times)
