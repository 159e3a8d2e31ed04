"""The local Discord as a process: its beginning, its end, its clock, and processes that it kills."""

import asyncio
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import discord
import pytest

from tests.support.clock_file import ClockFile
from tests.support.local_discord import LocalDiscord, local_discord
from tests.support.local_discord.clients import pointed_at
from tests.support.local_discord.handle import ROOT

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)

SENDER = """
import sys, urllib.request
api, token, channel = sys.argv[1:]
headers = {"Authorization": f"Bot {token}", "Content-Type": "application/json"}
request = urllib.request.Request(f"{api}/channels/{channel}/messages", b'{"content": "day 1"}', headers)
urllib.request.urlopen(request)
"""


def sender(server: LocalDiscord, channel: int) -> subprocess.Popen[bytes]:
    """A process that waits for a line, then sends one message."""
    wait = "input()\n"
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", wait + SENDER, server.api_url, server.token, str(channel)], stdin=subprocess.PIPE
    )


@pytest.mark.parametrize("after", [False, True])
def test_a_process_is_killed_at_its_request_before_or_after_the_effect(after: bool) -> None:
    with local_discord() as server:
        channel = server.create_channel(server.create_guild("Readers"), "reading")
        process = sender(server, channel)
        server.fault("POST", "/channels/*/messages", kill=process.pid, after=after)
        process.communicate(b"go\n", timeout=20)
        assert process.returncode == -signal.SIGKILL
        assert len(server.messages(channel)) == int(after)


def test_a_held_request_takes_effect_even_if_its_process_is_killed_meanwhile() -> None:
    with local_discord() as server:
        channel = server.create_channel(server.create_guild("Readers"), "reading")
        process = sender(server, channel)
        server.fault("POST", "/channels/*/messages", hold=True)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.close()
        server.wait_held()
        process.kill()
        process.wait()
        assert server.messages(channel) == []
        server.release()
        server.wait_requests("POST", "/channels/*/messages")
        assert len(server.messages(channel)) == 1


def test_the_server_ends_with_its_handle() -> None:
    with local_discord() as server:
        url = server.api_url

    async def ask() -> None:
        async with aiohttp.ClientSession() as session, session.get(url):
            pass

    with pytest.raises(aiohttp.ClientConnectorError):
        asyncio.run(ask())


def test_the_server_ends_when_its_standard_input_does() -> None:
    command = [sys.executable, "-m", "tests.support.local_discord"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own module
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b'{"port": ')
            process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == 0


async def test_the_clock_file_sets_ids_timestamps_and_the_nonce_window(tmp_path: Path) -> None:
    clock = ClockFile(tmp_path / "clock")
    clock.set(NOON)
    with local_discord(clock_file=clock.path) as server, pointed_at(server):
        guild = server.create_guild("Readers", channels=["reading"])
        channel_id = int(server.channels(guild)[0]["id"])
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(server.token)
            channel = await client.fetch_channel(channel_id)
            assert isinstance(channel, discord.TextChannel)
            first = await channel.send("day 1", nonce="day")
            assert abs(first.created_at - NOON) < timedelta(seconds=1)
            clock.set(NOON + timedelta(minutes=4, seconds=59))
            assert (await channel.send("day 1", nonce="day")).id == first.id
            clock.set(NOON + timedelta(minutes=5))
            second = await channel.send("day 1", nonce="day")
            assert second.id != first.id
            assert second.created_at == NOON + timedelta(minutes=5)


async def test_threads_are_archived_when_the_clock_passes_their_time(tmp_path: Path) -> None:
    clock = ClockFile(tmp_path / "clock")
    clock.set(NOON)
    with local_discord(clock_file=clock.path) as server, pointed_at(server):
        channel_id = server.create_channel(server.create_guild("Readers"), "reading")
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(server.token)
            channel = await client.fetch_channel(channel_id)
            assert isinstance(channel, discord.TextChannel)
            await (await channel.send("day 1")).create_thread(name="Day 1", auto_archive_duration=1440)
        for hours, archived in ((23, False), (25, True)):
            clock.set(NOON + timedelta(hours=hours))
            assert [one["thread_metadata"]["archived"] for one in server.threads(channel_id)] == [archived]


def test_a_clock_file_is_one_time_for_several_processes(tmp_path: Path) -> None:
    clock = ClockFile(tmp_path / "clock")
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)
    clock.set(NOON)
    code = "import sys; from tests.support.clock_file import ClockFile; print(ClockFile(sys.argv[1]).now().isoformat())"
    told = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code, clock.path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert datetime.fromisoformat(told.stdout.strip()) == NOON
    assert clock.path.stat().st_size == 8


def test_many_servers_are_made_at_once_each_with_a_channel(tmp_path: Path) -> None:
    with local_discord() as server:
        pairs = server.create_guilds(2000)
        assert len({guild for guild, _ in pairs} | {channel for _, channel in pairs}) == 4000
        assert Counter((guild >> 22) % 4 for guild, _ in pairs) == dict.fromkeys(range(4), 500)
        guild, channel = pairs[1234]
        assert [int(one["id"]) for one in server.channels(guild)] == [channel]


def test_the_readme_names_every_call() -> None:
    readme = (ROOT / "tests/support/local_discord/README.md").read_text(encoding="utf-8")
    calls = [name for name in dir(LocalDiscord) if not name.startswith("_")]
    assert [name for name in calls if not re.search(rf"\b{name}\b", readme)] == []
