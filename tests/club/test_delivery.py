"""Many messages at once: none waits for another, and what was claimed and not begun goes back.

`applecore run` as a process, in simulated time, on the local Discord.
"""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.client import create_bot
from bot.club.courier import Courier
from bot.club.delivery import AT_ONCE, BATCH, LOOK, Delivery
from bot.club.planner import new_post, plan_due
from bot.settings import Settings
from bot.storage import clubs, outgoing, schema
from bot.storage.database import Connection
from bot.storage.records import OutgoingState
from tests.support.clock_file import ClockFile
from tests.support.lives import BotProcess, bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.local_discord.clients import running
from tests.support.stage import Stage, in_database, nine, prepare, set_up
from tests.wire.conftest import clock, discord

SEND = ("POST", "/channels/*/messages")

__all__ = ["clock", "discord"]


@dataclass(frozen=True)
class Row:
    """What matters here of a message to be sent."""

    state: OutgoingState
    attempts: int
    leased: bool


@dataclass(frozen=True)
class Many:
    """Clubs in a guild each, all due at the same moment."""

    discord: LocalDiscord
    clock: ClockFile
    folder: Path
    url: str
    stages: list[Stage]

    @contextmanager
    def bot(self) -> Iterator[BotProcess]:
        variables = self.stages[0].variables(self.clock, SIMULATED_PACE="off")
        with bot_process(self.folder, variables, module="tests.support.simulated_run") as bot:
            self.discord.wait_ready()
            yield bot

    def rows(self) -> list[Row]:
        async def read(conn: Connection) -> list[Row]:
            columns = schema.outgoing.c
            found = await conn.execute(select(columns.state, columns.attempts, columns.lease_owner))
            return [Row(state, attempts, owner is not None) for state, attempts, owner in found]

        return in_database(self.url, read)

    def complete(self) -> list[Stage]:
        """Those whose first excerpt stands in its channel, once, with its thread."""
        return [stage for stage in self.stages if stage.complete(1)]


@pytest.fixture
def many(request: pytest.FixtureRequest, discord: LocalDiscord, clock: ClockFile, tmp_path: Path) -> Many:
    """As many clubs as the test's parameter says, on SQLite."""
    url = f"sqlite:///{tmp_path}/many.db"
    prepare(url)
    discord.limits(global_per_second=None)
    stages = [set_up(discord, url, excerpts=2) for _ in range(request.param)]
    return Many(discord, clock, tmp_path, url, stages)


@pytest.mark.parametrize("many", [12], indirect=True)
def test_a_request_that_hangs_holds_up_nobody_else(many: Many) -> None:
    slow, *others = many.stages
    many.discord.fault("POST", f"/channels/{slow.channel}/messages", hold=True)
    with many.bot():
        many.clock.set(nine(1))
        until(lambda: many.complete() == others, "all posts but the one that hangs")
        assert slow.posts() == []
        many.discord.release()
        until(lambda: slow.complete(1), "the one that hung")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells a process's time in /proc")
@pytest.mark.parametrize("many", [AT_ONCE + 20], indirect=True)
def test_waiting_for_slow_answers_takes_no_processor_time(many: Many) -> None:
    """With some on their way and others claimed and waiting for their turn."""
    many.discord.fault(*SEND, hold=True, times=None)
    with many.bot() as bot:
        many.clock.set(nine(1))
        many.discord.wait_held(AT_ONCE)
        began, used = time.monotonic(), processor_seconds(bot.pid)
        until(lambda: time.monotonic() > began + 3 * LOOK, "a while in which nothing happens")
        spent = (processor_seconds(bot.pid) - used) / (time.monotonic() - began)
        assert spent < 0.5, f"{spent:.0%} of a processor"


def processor_seconds(pid: int) -> float:
    """How long a process has run so far, by itself and for it in the kernel (man 5 proc)."""
    _, _, fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")
    user, system = fields.split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("many", [2], indirect=True)
def test_what_falls_due_while_a_request_hangs_is_posted(many: Many) -> None:
    slow, _ = many.stages
    later = set_up(many.discord, many.url, excerpts=2, at=(nine(1) + timedelta(minutes=1)).time())
    many.discord.fault("POST", f"/channels/{slow.channel}/messages", hold=True)
    with many.bot():
        many.clock.set(nine(1))
        many.discord.wait_held()
        assert later.posts() == []
        many.clock.set(nine(1) + timedelta(minutes=1))
        until(lambda: later.complete(1), "the post of a later slot")
        assert slow.posts() == []
        many.discord.release()
        until(lambda: slow.complete(1), "the one that hung")


@pytest.mark.parametrize("many", [BATCH + 30], indirect=True)
def test_a_batch_is_claimed_and_a_part_of_it_is_on_its_way(many: Many) -> None:
    held = many.discord.fault(*SEND, hold=True, times=None)
    in_database(many.url, plan_all)
    with many.bot():
        many.clock.set(nine(1))
        many.discord.wait_held(AT_ONCE)
        rows = many.rows()
        assert (sum(row.leased for row in rows), len(rows)) == (BATCH, len(many.stages))
        assert {row.state for row in rows if not row.leased} == {OutgoingState.PLANNED}
        assert many.discord.struck(held) == AT_ONCE
        many.discord.clear_faults()
        many.discord.release()
        until(lambda: len(many.complete()) == len(many.stages), "all posts")


@pytest.mark.parametrize("many", [130], indirect=True)
def test_no_more_are_on_their_way_than_discord_takes_in_a_second(many: Many) -> None:
    slowly = 0.3
    many.discord.delay(slowly)
    with many.bot():
        many.clock.set(nine(1))
        until(lambda: len(many.complete()) == len(many.stages), "all posts")
    # Each waits so long for its answer: whatever came within that time was on its way at once.
    at = [request.at for request in many.discord.requests() if request.method == "POST"]
    assert len(at) == 2 * len(many.stages)
    crowd = max(sum(0 <= other - moment < 0.9 * slowly for other in at) for moment in at)
    assert AT_ONCE / 2 < crowd <= AT_ONCE


@pytest.mark.parametrize("many", [BATCH + 10], indirect=True)
def test_a_stop_gives_back_what_was_not_begun_and_what_was_is_looked_for(many: Many) -> None:
    many.discord.nonce_window(0)
    many.discord.fault(*SEND, hold=True, times=None)
    with many.bot() as bot:
        many.clock.set(nine(1))
        many.discord.wait_held(AT_ONCE)
        bot.signal(signal.SIGTERM)
        assert bot.wait(10) == 0
        assert len(bot.lines("was broken off")) == AT_ONCE
    planned, begun = Row(OutgoingState.PLANNED, 0, leased=False), Row(OutgoingState.SENDING, 1, leased=False)
    rows = many.rows()
    assert (rows.count(planned), rows.count(begun), len(rows)) == (BATCH - AT_ONCE, AT_ONCE, BATCH)
    many.discord.clear_faults()
    many.discord.release()  # they reach Discord after all
    until(lambda: sum(len(stage.posts()) for stage in many.stages) == AT_ONCE, "what was held to arrive")
    number = many.discord.request_number()
    with many.bot():
        until(lambda: len(many.complete()) == len(many.stages), "all posts, each once")
    looks = [request for request in many.discord.requests(number) if request.path.endswith("/messages")]
    assert [request.method for request in looks].count("GET") == AT_ONCE
    assert [request.method for request in looks].count("POST") == len(many.stages) - AT_ONCE


@pytest.mark.parametrize("many", [20], indirect=True)
def test_a_database_that_is_away_for_a_moment_costs_one_turn(many: Many) -> None:
    many.discord.nonce_window(0)
    many.discord.fault(*SEND, hold=True, times=None)
    with many.bot() as bot:
        many.clock.set(nine(1))
        many.discord.wait_held(20)
        rename(many, "outgoing", "away")
        many.discord.clear_faults()
        many.discord.release()
        until(lambda: bot.lines("the clubs are held up"), "the failure to be noted")
        rename(many, "away", "outgoing")
        many.clock.set(nine(1) + timedelta(minutes=3))  # past the leases of what was under way
        until(lambda: len(many.complete()) == len(many.stages), "all posts, each once")
        assert len(bot.lines("the clubs are held up")) == 1


async def test_planning_that_fails_leaves_what_is_under_way_its_time(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    await asyncio.to_thread(prepare, url)
    stage = await asyncio.to_thread(set_up, discord, url, excerpts=2)
    discord.fault(*SEND, hold=True)
    settings = Settings.isolated(database_url=url, api_url=discord.api_url, gateway_url=discord.gateway_url)
    bot = create_bot(settings, clock=clock.now)  # its own engine has nothing to do yet
    bot._connection.guild_ready_timeout = 0.1
    planned, failed = asyncio.Event(), asyncio.Event()

    def now() -> datetime:
        return nine(1)

    async def plan() -> bool:
        if planned.is_set():
            failed.set()
            raise OSError("the database is away")
        planned.set()
        return await plan_due(bot.database, None, now())

    async with running(discord, bot):
        courier = Courier(bot, bot.database, now, bot.metrics, "owner")
        delivering = asyncio.create_task(Delivery(bot.database, now, courier, "owner", None).run(plan))
        await asyncio.to_thread(discord.wait_held)
        await failed.wait()
        await asyncio.wait({delivering}, timeout=0.2)
        assert not delivering.done()
        discord.release()
        with pytest.raises(OSError, match="away"):
            await delivering
        assert await asyncio.to_thread(stage.complete, 1)
        assert [row.state for row in await asyncio.to_thread(stage.rows)] == [OutgoingState.THREADED]


async def plan_all(conn: Connection) -> None:
    """The first post of every club, in one go, where the bot would plan some and send them first."""
    for club in await clubs.all_clubs(conn):
        await outgoing.plan(conn, new_post(club, 0, nine(1), day=nine(1).date()))


def rename(many: Many, old: str, new: str) -> None:
    """Takes a table away from the bot, or gives it back."""

    async def work(conn: Connection) -> None:
        await conn.execute(text("PRAGMA legacy_alter_table = ON"))  # what refers to the table is left as it is
        await conn.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    in_database(many.url, work)
