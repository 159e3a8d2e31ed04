"""A local Discord in simulated time with a club on it; and one in real time, with a client that is logged in."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import discord as discord_py
import pytest

from tests.support.clock_file import ClockFile
from tests.support.local_discord import LocalDiscord, local_discord
from tests.support.local_discord.clients import pointed_at
from tests.support.stage import BEGAN, Stage, prepare, set_up


@pytest.fixture
def clock(tmp_path: Path) -> ClockFile:
    clock = ClockFile(tmp_path / "clock")
    clock.set(BEGAN)
    return clock


@pytest.fixture
def discord(clock: ClockFile) -> Iterator[LocalDiscord]:
    with local_discord(clock.path) as discord:
        yield discord


@pytest.fixture
def stage(discord: LocalDiscord, tmp_path: Path) -> Stage:
    """A club of five excerpts on SQLite."""
    url = f"sqlite:///{tmp_path}/stage.db"
    prepare(url)
    return set_up(discord, url, excerpts=5)


# ---- in real time, for the tests of the local Discord itself


@pytest.fixture
def server() -> Iterator[LocalDiscord]:
    with local_discord() as running:
        yield running


@pytest.fixture
def channel_id(server: LocalDiscord) -> int:
    return server.create_channel(server.create_guild("Readers"), "reading")


@pytest.fixture
async def client(server: LocalDiscord) -> AsyncIterator[discord_py.Client]:
    """Logged in, without a gateway."""
    with pointed_at(server):
        async with discord_py.Client(intents=discord_py.Intents.none()) as client:
            await client.login(server.token)
            yield client


@pytest.fixture
async def channel(client: discord_py.Client, channel_id: int) -> discord_py.TextChannel:
    found = await client.fetch_channel(channel_id)
    assert isinstance(found, discord_py.TextChannel)
    return found
