"""A year of posting with bots that are killed at random, and with two of them at once: nothing twice, nothing lost."""

import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from bot.storage.records import OutgoingState
from tests.support.clock_file import ClockFile
from tests.support.lives import Life, Nursery, nursery
from tests.support.local_discord import LocalDiscord
from tests.support.postgres import Cluster
from tests.support.stage import Stage, nine, prepare, set_up

DAYS = 365
KILLS = 200
"""At least so many in the year."""

SLOWLY = 0.03
"""Seconds that the local Discord takes for each answer, so that a random moment often falls into a step."""

STILL = 1.0
"""Real seconds in which a bot that lives has taken every step that it can take."""


@pytest.fixture(autouse=True)
def unhurried(discord: LocalDiscord) -> None:
    discord.delay(SLOWLY)
    discord.limits(global_per_second=None)  # two bots with 45 requests a second each would meet it


class Year:
    """Lets days pass, and kills whoever lives at random moments of them."""

    def __init__(self, stage: Stage, clock: ClockFile, cradle: Nursery, seed: int) -> None:
        self.stage = stage
        self.clock = clock
        self.cradle = cradle
        self.random = random.Random(seed)  # noqa: S311 - a play with chance, no secret
        self.kills = 0

    def start(self) -> Life:
        return self.cradle.start(APPLECORE_DATABASE_URL=self.stage.url)

    def kill(self, life: Life) -> Life:
        """Kills it, lets some time pass, within the lease, the nonce's window or beyond, and starts another."""
        life.kill()
        self.kills += 1
        self.pass_time(minutes=self.random.choice([0, 1, 3, 12]))
        return self.start()

    def pass_time(self, **time: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**time))

    def wait_a_moment(self) -> None:
        """Up to the time that a step takes, from whenever this is called."""
        time.sleep(self.random.random() * 0.16)  # not to wait for anything: this is the random moment of a kill

    def finish(self, day: int) -> None:
        """Waits for the day's post and its thread. Where nothing comes of it, the lease of a dead bot has to end first.

        Simulated time must not run away from bots that live: they would lose leases that they hold.
        """
        for _ in range(10):
            enough = time.monotonic() + STILL
            while time.monotonic() < enough:
                if self.is_whole(day):
                    return
                time.sleep(0.01)
            self.pass_time(seconds=130)
        raise AssertionError(f"day {day} is not whole; posts: {self.stage.posts()[-3:]}")

    def is_whole(self, day: int) -> bool:
        return self.stage.posts()[-1:] == [day] and len(self.stage.threads()) >= day

    def check(self) -> None:
        """Exactly one message and one thread for each day, and a database that says so."""
        assert self.stage.doubled() == []
        assert self.stage.complete(DAYS)
        rows = self.stage.rows()
        assert [row.position for row in rows] == list(range(DAYS))
        assert {row.state for row in rows} <= {OutgoingState.SENT, OutgoingState.THREADED, OutgoingState.CLOSED}
        assert [row.message_id for row in rows] == self.stage.threads()
        assert self.stage.state().progress.position == DAYS


def test_killed_two_hundred_times_in_a_year(discord: LocalDiscord, clock: ClockFile, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/year.db"
    with nursery(tmp_path, clock.path, discord.environment()) as cradle:
        prepare(url)
        year = Year(set_up(discord, url, excerpts=DAYS), clock, cradle, seed=20270101)
        life = year.start()
        for day in range(1, DAYS + 1):
            if day % 3:
                discord.wait_ready()  # so that the kill falls into a step rather than into the start
                clock.set(nine(day))
                year.wait_a_moment()
                life = year.kill(life)
            clock.set(max(nine(day), clock.now()))
            year.finish(day)
        life.kill()
        year.check()
    assert year.kills >= KILLS
    begun_again = sum(row.attempts > 1 for row in year.stage.rows())
    assert begun_again >= KILLS // 8, "kills that fell between a claim and what became of it"


def both_at_once(discord: LocalDiscord, url: str, clock: ClockFile, tmp_path: Path) -> None:
    """Two bots on one database, each on all shards, one of them killed now and then."""
    with nursery(tmp_path, clock.path, discord.environment()) as cradle:
        prepare(url)
        year = Year(set_up(discord, url, excerpts=DAYS), clock, cradle, seed=7)
        lives = [year.start() for _ in (0, 1)]
        discord.wait_ready(2)
        for day in range(1, DAYS + 1):
            clock.set(max(nine(day), clock.now()))
            if day % 10 == 0:
                year.wait_a_moment()
                one = year.random.choice((0, 1))
                lives[one] = year.kill(lives[one])
            year.finish(day)
        for life in lives:
            life.kill()
        year.check()


def test_two_at_once_on_one_sqlite_file_by_accident(discord: LocalDiscord, clock: ClockFile, tmp_path: Path) -> None:
    both_at_once(discord, f"sqlite:///{tmp_path}/year.db", clock, tmp_path)


def test_two_at_once_on_postgresql(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path, postgresql_cluster: Cluster
) -> None:
    with postgresql_cluster.database() as url:
        both_at_once(discord, url, clock, tmp_path)
