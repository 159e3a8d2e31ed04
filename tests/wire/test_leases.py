"""Two bots on one database: who was suspended, kept waiting or serves other shards posts nothing twice.

`applecore run` as processes, in simulated time, on the local Discord.
"""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.club.delivery import LEASE
from bot.storage.records import ClubState, OutgoingState
from tests.support.clock_file import ClockFile
from tests.support.lives import BotProcess, bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import BEGAN, Stage, nine, set_up

SEND = ("POST", "/channels/*/messages")
THREAD = ("POST", "/channels/*/messages/*/threads")
SIMULATED = "tests.support.simulated_run"
WHILE_SUSPENDED = timedelta(minutes=20)
"""Longer than a lease, and than Discord remembers a nonce."""


@pytest.fixture
def stage(discord: LocalDiscord, database_url: str) -> Stage:
    """On each engine."""
    return set_up(discord, database_url, excerpts=5)


def is_suspended(bot: BotProcess) -> bool:
    return os.waitid(os.P_PID, bot.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None


def suspend(bot: BotProcess, stage: Stage) -> None:
    """Outside of a transaction: what a stopped process has locked on SQLite nobody else can write."""

    def stopped_without_a_lock() -> bool:
        bot.signal(signal.SIGSTOP)
        until(lambda: is_suspended(bot), "the suspension")
        if not stage.is_locked():
            return True
        bot.signal(signal.SIGCONT)
        return False

    until(stopped_without_a_lock, "a suspension outside of a transaction")


def has_let_go(bot: BotProcess) -> bool:
    """Whether it has noticed that its lease is over, at a step or between two of them."""
    return bool(bot.lines("is not this process's any more") or bot.lines("was broken off"))


def resume(bot: BotProcess) -> None:
    bot.signal(signal.SIGCONT)


def check_days_after(stage: Stage, clock: ClockFile) -> None:
    """Both bots live: the first day's post is there once, and so is the second's."""
    until(lambda: stage.complete(1), "the first post, whole")
    clock.set(nine(2))
    until(lambda: stage.complete(2), "the second post, whole")
    until(lambda: [row.state for row in stage.rows()] == [OutgoingState.THREADED] * 2, "rows that say so")
    assert stage.state().progress.position == 2


@pytest.mark.parametrize("where", ["claim", "message", "thread"])
def test_a_bot_that_was_suspended_leaves_its_post_to_who_took_it_over(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path, where: str
) -> None:
    suspending = stage.variables(clock, SIMULATED_SUSPEND=where)
    with bot_process(tmp_path, suspending, module=SIMULATED, log="suspended.log") as suspended:
        discord.wait_ready()
        clock.set(nine(1))
        until(lambda: is_suspended(suspended), "the suspension")
        assert (stage.posts(), stage.threads()) == ([1] if where == "thread" else [], [])
        clock.set(nine(1) + WHILE_SUSPENDED)
        with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as other:
            until(lambda: stage.complete(1), "the post of the other bot")
            number = discord.request_number()
            resume(suspended)
            until(lambda: has_let_go(suspended), "the loss to be noticed")
            check_days_after(stage, clock)
            assert "Traceback" not in suspended.says() + other.says()
        posts = [request for request in discord.requests(number) if request.method == "POST"]
        assert len(posts) == 2, "the second day's message and thread, and nothing of the first day"


@pytest.mark.parametrize("call", [SEND, THREAD], ids=["message", "thread"])
def test_a_bot_that_was_suspended_while_discord_answered_changes_nothing(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path, call: tuple[str, str]
) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED, log="suspended.log") as suspended:
        discord.wait_ready()
        late = discord.fault(*call, delay=2.0)
        clock.set(nine(1))
        discord.wait_struck(late)
        suspend(suspended, stage)
        until(lambda: stage.threads() if call == THREAD else stage.posts(), "the request to take effect")
        clock.set(nine(1) + WHILE_SUSPENDED)
        with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as other:
            until(lambda: stage.rows()[0].state is OutgoingState.THREADED, "the other bot to take it over")
            resume(suspended)
            check_days_after(stage, clock)
            assert "Traceback" not in suspended.says() + other.says()


def test_a_bot_that_a_limit_keeps_waiting_keeps_its_lease(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    variables = stage.variables(clock, SIMULATED_HEARTBEAT="0.1")
    with (
        bot_process(tmp_path, variables, module=SIMULATED, log="one.log"),
        bot_process(tmp_path, variables, module=SIMULATED, log="other.log"),
    ):
        discord.wait_ready(2)
        limit = discord.fault(*SEND, rate_limit=6.0)
        clock.set(nine(1))
        discord.wait_struck(limit)
        owner = stage.rows()[0].lease_owner
        for minutes in range(1, 6):
            now = nine(1) + timedelta(minutes=minutes)
            clock.set(now)
            until(lambda: (stage.rows()[0].lease_until or now) >= now + LEASE, "the heartbeat")  # noqa: B023
        assert stage.posts() == [], "it waits, all that time"
        [row] = stage.rows()
        assert (row.lease_owner, row.attempts) == (owner, 1)
        until(lambda: stage.complete(1), "the post, once the limit is over")
        assert stage.rows()[0].attempts == 1
        gets = [request for request in discord.requests() if request.method == "GET" and "/messages" in request.path]
        assert gets == [], "nobody had to look for it"
        check_days_after(stage, clock)


def shard_of(stage: Stage) -> int:
    return (stage.guild >> 22) % 2


def test_each_bot_posts_for_the_servers_of_its_own_shard(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path, database_url: str
) -> None:
    discord.gateway(shards=2)
    stages: list[Stage] = []
    for number in range(6):
        clock.set(BEGAN + timedelta(milliseconds=number))  # an id's shard is the millisecond in it
        stages.append(set_up(discord, database_url, excerpts=5))
    of_shard = [[stage for stage in stages if shard_of(stage) == shard] for shard in (0, 1)]
    assert all(of_shard)

    def variables(shard: int) -> dict[str, str]:
        return stages[0].variables(clock, APPLECORE_SHARD_COUNT="2", APPLECORE_SHARD_IDS=str(shard))

    def whole(chosen: list[Stage], count: int) -> Callable[[], bool]:
        return lambda: all(stage.complete(count) for stage in chosen)

    with bot_process(tmp_path, variables(0), module=SIMULATED, log="first.log"):
        discord.wait_ready()
        for day in (1, 2):
            clock.set(nine(day))
            until(whole(of_shard[0], day), f"day {day} of the first bot")
        assert [stage.posts() for stage in of_shard[1]] == [[]] * len(of_shard[1])
        assert [stage.rows() for stage in of_shard[1]] == [[]] * len(of_shard[1]), "it does not even plan for them"
        with bot_process(tmp_path, variables(1), module=SIMULATED, log="second.log"):
            until(whole(of_shard[1], 1), "the late post of the second bot")
            clock.set(nine(3))
            until(whole(of_shard[0], 3), "day 3 of the first bot")
            until(whole(of_shard[1], 2), "day 3 of the second bot")
    with bot_process(tmp_path, variables(1), module=SIMULATED, log="second.log"):
        clock.set(nine(4))
        until(whole(of_shard[1], 3), "day 4 of the second bot alone")
        assert whole(of_shard[0], 3)(), "the first one is away, and nobody does its work"


def test_a_message_deleted_before_its_lost_answer_is_tried_again_is_not_sent_again(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        discord.wait_ready()
        discord.fault(*SEND, lose_answer=True)
        clock.set(nine(1))
        until(lambda: stage.rows() and stage.rows()[0].retries == 1, "the answer to be missed")
        [message] = discord.messages(stage.channel)
        discord.delete(stage.channel, int(message["id"]))
        clock.set(nine(1) + timedelta(minutes=1))
        until(lambda: stage.rows()[0].state is OutgoingState.WITHDRAWN, "the deletion to be understood")
        check_taken_back(stage, clock, bot)
    sends = [request for request in discord.requests() if request.method == "POST" and request.path.endswith("sages")]
    assert [request.status for request in sends] == [None, 404, 200], "Discord said that it was deleted"


def test_a_message_deleted_before_its_thread_is_opened_is_not_sent_again(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        discord.wait_ready()
        discord.fault(*THREAD, hold=True)
        clock.set(nine(1))
        discord.wait_held()
        [message] = discord.messages(stage.channel)
        discord.delete(stage.channel, int(message["id"]))
        discord.release()
        until(lambda: stage.rows()[0].state is OutgoingState.WITHDRAWN, "the deletion to be understood")
        check_taken_back(stage, clock, bot)


def test_a_message_deleted_while_no_bot_lives_is_not_sent_again(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        discord.wait_ready()
        discord.fault(*THREAD, kill=bot.pid)
        clock.set(nine(1))
        assert bot.wait() == -9
    [message] = discord.messages(stage.channel)
    discord.delete(stage.channel, int(message["id"]))
    clock.set(nine(1) + WHILE_SUSPENDED)
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        until(lambda: stage.rows()[0].state is OutgoingState.WITHDRAWN, "the deletion to be understood")
        check_taken_back(stage, clock, bot)


def check_taken_back(stage: Stage, clock: ClockFile, bot: BotProcess) -> None:
    """The first excerpt never comes again, and the club goes on with the second on the next day."""
    assert stage.posts() == []
    club = stage.state()
    assert (club.state, club.progress.position) == (ClubState.ACTIVE, 1)
    clock.set(nine(1) + timedelta(hours=12))
    clock.set(nine(2))
    until(lambda: stage.posts() == [2] and len(stage.threads()) == 1, "the second post, whole")
    assert stage.rows()[0].state is OutgoingState.WITHDRAWN
    assert "Traceback" not in bot.says()
