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
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process
from tests.support.local_discord import local_discord
from tests.support.many_clubs import ManyClubs, begin_clubs
from tests.support.stage import BEGAN, nine

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
    yield f"RATIO posting_limited_rate_vs_45_per_second {2 * LIMITED / limited.seconds / 45:.3f}"
    yield f"RATIO posting_peak_second_vs_50 {limited.peak / DISCORDS:.3f}"
    yield f"RATIO posting_429_answers {limited.statuses.get('429', 0)}"


def _measure(count: int, *, limiter: bool = False) -> Measured:
    folder = Path(tempfile.mkdtemp(prefix="applecore-bench-"))
    try:
        clock = ClockFile(folder / "clock")
        clock.set(BEGAN)
        with local_discord(clock.path) as discord:
            discord.limits(global_per_second=DISCORDS if limiter else None)
            many = begin_clubs(discord, f"sqlite:///{folder}/bench.db", count)
            variables = many.variables(clock, SIMULATED_PACE="on" if limiter else "off")
            with bot_process(folder, variables, module="tests.support.simulated_run") as bot:
                _wait(lambda: bool(bot.lines("ready as")), "the bot to be ready")
                discord.delay(DELAY)
                discord.forget_requests()
                began = time.monotonic()
                clock.set(nine(1))
                _wait(lambda: sum(discord.statuses().values()) >= 2 * count, f"{count} messages and threads")
                last = discord.requests(discord.request_number() - 1)[-1].at
                _check(many)
                return Measured(last + DELAY - began, discord.peak_per_second(), discord.statuses())
    finally:
        shutil.rmtree(folder)


def _check(many: ManyClubs) -> None:
    """What is fast must be right as well: every hundredth channel has its one post and its one thread."""
    if not replace(many, guilds=many.guilds[::100]).complete():
        sys.exit("a channel has not exactly one post and one thread")


def _wait(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"gave up waiting for {what}")
        time.sleep(0.2)
