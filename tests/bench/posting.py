"""Posting: thousands of clubs whose excerpt is due in the same minute, on the local Discord.

A bot process of its own in simulated time, an SQLite file, every answer of Discord 100 ms late. Measured from the
moment at which the clubs fall due to the last thread, so that planning counts; a club is one message and one thread.
"""

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time as wall_time
from datetime import timedelta
from pathlib import Path

from bot.reading.schedule import Schedule
from bot.storage import clubs, readings
from bot.storage.database import Connection
from bot.storage.records import NewClub
from tests.support.clock_file import ClockFile
from tests.support.club_world import reading_of
from tests.support.lives import bot_process
from tests.support.local_discord import LocalDiscord, local_discord
from tests.support.stage import BEGAN, day_of, in_database, nine, prepare

FEW, MANY = 100, 10_000
LIMITED = 1_000
"""Clubs with the limiter on: about 45 seconds of two requests each."""

DELAY = 0.1
"""Seconds by which Discord's answers are late."""

DISCORDS = 50
"""Requests that Discord allows a bot in a second (topics/rate-limits.mdx)."""

PATIENCE = 900.0


@dataclass(frozen=True)
class Measured:
    seconds: float
    peak: int
    """Requests in the busiest second."""
    statuses: dict[str, int]


def run() -> Iterator[str]:
    few = [_measure(FEW) for _ in range(3)]
    many = _measure(MANY)
    few += [_measure(FEW) for _ in range(3)]  # before and after: machines drift
    cost_of_few = statistics.median(each.seconds for each in few) / FEW
    cost_of_many = many.seconds / MANY
    yield f"posting {FEW} clubs: {', '.join(f'{each.seconds:.2f}' for each in few)} s; {MANY:,}: {many.seconds:.1f} s"
    yield f"RATIO posting_cost_per_club_{MANY}_vs_{FEW} {cost_of_many / cost_of_few:.3f}"
    yield f"RATIO posting_rate_vs_50_per_second {MANY / many.seconds / DISCORDS:.3f}"
    limited = _measure(LIMITED, limiter=True)
    yield f"with the limiter: {LIMITED:,} clubs in {limited.seconds:.1f} s, answers by status {limited.statuses}"
    yield f"RATIO posting_peak_second_vs_50 {limited.peak / DISCORDS:.3f}"
    yield f"RATIO posting_429_answers {limited.statuses.get('429', 0)}"


def _measure(count: int, *, limiter: bool = False) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="applecore-bench-"))
    try:
        clock = ClockFile(folder / "clock")
        clock.set(BEGAN)
        with local_discord(clock.path) as discord:
            discord.limits(global_per_second=DISCORDS if limiter else None)
            url = f"sqlite:///{folder}/bench.db"
            prepare(url)
            guilds = discord.create_guilds(count)
            _fill(url, guilds)
            variables = {
                **discord.environment(),
                "APPLECORE_DATABASE_URL": url,
                "SIMULATED_CLOCK": str(clock.path),
                "SIMULATED_PACE": "on" if limiter else "off",
            }
            with bot_process(folder, variables, module="tests.support.simulated_run") as bot:
                _wait(lambda: bool(bot.lines("ready as")), "the bot to be ready")
                discord.delay(DELAY)
                discord.forget_requests()
                began = time.monotonic()
                clock.set(nine(1))
                _wait(lambda: sum(discord.statuses().values()) >= 2 * count, f"{count} messages and threads")
                last = discord.requests(discord.request_number() - 1)[-1].at
                _check(discord, guilds)
                return Measured(last + DELAY - began, discord.peak_per_second(), discord.statuses())
    finally:
        shutil.rmtree(folder)


def _check(discord: LocalDiscord, guilds: list[tuple[int, int]]) -> None:
    """What is fast must be right as well: every hundredth channel has its one post and its one thread."""
    for _, channel in guilds[::100]:
        posts = [message for message in discord.messages(channel) if day_of(message) is not None]
        if len(posts) != 1 or len(discord.threads(channel)) != 1:
            sys.exit(f"channel {channel} has {len(posts)} posts and {len(discord.threads(channel))} threads")


def _fill(url: str, guilds: list[tuple[int, int]]) -> None:
    """A reading and a club in each guild, in one transaction."""
    reading = reading_of(3)
    schedule = Schedule(time=wall_time(9, 0), zone="UTC", start=BEGAN.date())

    async def fill(conn: Connection) -> None:
        for guild, channel in guilds:
            stored = await readings.save(conn, guild, reading, added_by=None, at=BEGAN)
            new = NewClub(
                guild_id=guild,
                channel_id=channel,
                reading_id=stored.id,
                schedule=schedule,
                ping_role_id=None,
                notices_channel_id=None,
                thread_days=3,
                created_by=1,
                created_at=BEGAN - timedelta(hours=1),
            )
            await clubs.create(conn, new)

    in_database(url, fill)


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.2)
