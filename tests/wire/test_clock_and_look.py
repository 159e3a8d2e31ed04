"""Clocks that were ahead, and looks into a channel that take longer than a step may."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select

from bot.reading.schedule import CatchUp
from bot.storage import schema
from bot.storage.database import Connection
from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import Stage, in_database, nine, prepare, set_up

SIMULATED = "tests.support.simulated_run"
SEND = ("POST", "/channels/*/messages")
LONG_AGO = 550
"""Messages that members wrote since: six pages of a hundred."""


def decided_until(stage: Stage) -> datetime | None:
    async def read(conn: Connection) -> datetime | None:
        until: datetime | None = await conn.scalar(select(schema.clubs.c.decide_at))
        return until

    return in_database(stage.url, read)


def test_a_clock_that_is_set_back_costs_no_day(discord: LocalDiscord, clock: ClockFile, tmp_path: Path) -> None:
    """As of a machine that starts with its clock two hours ahead, and is put right by the network."""
    url = f"sqlite:///{tmp_path}/stage.db"
    prepare(url)
    stage = set_up(discord, url, excerpts=3, catch_up=CatchUp.SHIFT)
    clock.set(nine(1) + timedelta(hours=2))
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        until(lambda: decided_until(stage) == nine(2), "the day to be taken for missed")
        clock.set(nine(1) - timedelta(minutes=1))
        until(lambda: bot.lines("the clock was set back by 2:01:00"), "a line that says so")
        clock.set(nine(1))
        until(lambda: stage.complete(1), "the post of the day")


def test_a_lease_taken_under_a_clock_that_was_ahead_is_not_waited_for(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    discord.fault(*SEND, hold=True)
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        discord.wait_ready()
        clock.set(nine(1) + timedelta(hours=3))
        discord.wait_held()
        bot.kill()
    discord.clear_faults()
    clock.set(nine(1) + timedelta(minutes=1))
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED):
        until(lambda: stage.complete(1), "the post")


def test_a_look_may_take_longer_than_a_step(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    """Page after page: only a single request that hangs is given up."""
    discord.nonce_window(0)
    clock.set(nine(1) - timedelta(minutes=30))  # within what is looked through
    member = discord.create_member(stage.guild, "ada")
    for number in range(LONG_AGO):
        discord.send(stage.channel, member, f"message {number}")
    discord.fault(*SEND, lose_answer=True)
    discord.fault("GET", "/channels/*/messages", delay=0.5, times=None)
    with bot_process(tmp_path, stage.variables(clock, SIMULATED_STEP_SECONDS="1"), module=SIMULATED) as bot:
        discord.wait_ready()
        clock.set(nine(1))
        until(lambda: stage.rows() and stage.rows()[0].retries, "the answer to be lost")
        row = stage.rows()[0]
        assert row.due_at is not None
        since = discord.request_number()
        clock.set(row.due_at)
        until(lambda: stage.complete(1), "the post, found")
        until(lambda: bot.lines("was in its channel already"), "a line that says so")
    assert stage.rows()[0].attempts == 2, "one look was enough"
    pages = [one for one in discord.requests(since) if one.method == "GET"]
    assert pages[-1].at - pages[0].at > 1.0, "it took longer than a step may"
