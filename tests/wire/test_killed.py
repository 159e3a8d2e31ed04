"""A bot that is killed, at every step of a post, and started again: one message and one thread each time.

`applecore run` as a process, in simulated time, on the local Discord.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.storage.records import OutgoingState
from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import Stage, nine, set_up

SEND = ("POST", "/channels/*/messages")
THREAD = ("POST", "/channels/*/messages/*/threads")
SOON = timedelta(minutes=3)
"""Longer than a lease, shorter than Discord remembers a nonce."""
LATER = timedelta(minutes=20)
"""Longer than Discord remembers a nonce."""


@pytest.fixture
def stage(discord: LocalDiscord, database_url: str) -> Stage:
    """On each engine."""
    return set_up(discord, database_url, excerpts=5)


def live(stage: Stage, clock: ClockFile, folder: Path) -> None:
    """A new life in which nothing goes wrong: the first day's post is there once, and so is the second's."""
    with bot_process(folder, stage.variables(clock), module="tests.support.simulated_run"):
        until(lambda: stage.complete(1), "the first post, whole")
        clock.set(nine(2))
        until(lambda: stage.complete(2), "the second post, whole")
        until(lambda: [row.state for row in stage.rows()] == [OutgoingState.THREADED] * 2, "rows that say so")
    assert stage.state().progress.position == 2


@pytest.mark.parametrize("pause", [SOON, LATER], ids=["inside the nonce's window", "past it"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", [SEND, THREAD], ids=["message", "thread"])
def test_killed_around_a_request(
    stage: Stage, clock: ClockFile, tmp_path: Path, call: tuple[str, str], after: bool, pause: timedelta
) -> None:
    """Before and after Discord made the message or thread; the answer is lost either way."""
    with bot_process(tmp_path, stage.variables(clock), module="tests.support.simulated_run") as bot:
        stage.discord.wait_ready()
        stage.discord.fault(*call, kill=bot.pid, after=after)
        clock.set(nine(1))
        assert bot.wait() == -9
    assert len(stage.posts()) == (1 if call == THREAD or after else 0)
    assert len(stage.threads()) == (1 if call == THREAD and after else 0)
    clock.set(nine(1) + pause)
    live(stage, clock, tmp_path)


@pytest.mark.parametrize("pause", [SOON, LATER], ids=["inside the nonce's window", "past it"])
@pytest.mark.parametrize(
    ("commit", "step"),
    [(1, "the plan"), (2, "the claim"), (3, "the message noted"), (4, "the thread noted")],
    ids=["the plan", "the claim", "the message noted", "the thread noted"],
)
def test_killed_before_a_commit(
    stage: Stage, clock: ClockFile, tmp_path: Path, commit: int, step: str, pause: timedelta
) -> None:
    """Before the claim, after it, after the message and after the thread, each time before it is written down."""
    clock.set(nine(1))
    more = {"SIMULATED_KILL_AT_COMMIT": str(commit)}
    with bot_process(tmp_path, stage.variables(clock, **more), module="tests.support.simulated_run") as bot:
        assert bot.wait() == -9
    states = [row.state for row in stage.rows()]
    expected = {
        "the plan": [],
        "the claim": [OutgoingState.PLANNED],
        "the message noted": [OutgoingState.SENDING],
        "the thread noted": [OutgoingState.SENT],
    }
    assert states == expected[step]
    assert len(stage.posts()) == (1 if commit >= 3 else 0)
    assert len(stage.threads()) == (1 if commit == 4 else 0)
    clock.set(nine(1) + pause)
    live(stage, clock, tmp_path)
