"""Cut connections, lost sessions, outages and limits: the bot recovers by itself, and says so once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.storage.records import OutgoingState
from tests.support.clock_file import ClockFile
from tests.support.lives import BotProcess, bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import Stage, nine

SEND = ("POST", "/channels/*/messages")
SIMULATED = "tests.support.simulated_run"


@pytest.fixture
def bot(stage: Stage, clock: ClockFile, tmp_path: Path) -> Iterator[BotProcess]:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        yield bot


def check_lines(bot: BotProcess, lost: str, again: str) -> None:
    """One line when it began, one when it was over, and nothing else that looks like trouble."""
    until(lambda: bot.lines(again), "a line that says it is over")
    troubled = [line for line in bot.says().splitlines() if " warning " in line or " error " in line]
    assert [line for line in troubled if lost not in line] == []
    assert len(troubled) == 1
    assert len(bot.lines(again)) == 1
    assert "Traceback" not in bot.says()


def wait_for_pause(stage: Stage, tries: int) -> datetime:
    """Waits until a post has failed so often; answers when it will be tried again."""

    def paused() -> datetime | None:
        row = stage.rows()[0]
        return row.due_at if row.retries == tries or row.state is not OutgoingState.SENDING else None

    due: datetime = until(paused, "a pause before the next try")
    return due


LOST, AGAIN = "lost the connection to Discord", "connected to Discord again"


@pytest.mark.parametrize("code", [None, 1001, 4000], ids=["broken", "going away", "unknown error"])
def test_a_cut_socket_is_resumed(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess, code: int | None
) -> None:
    discord.cut(code=code)
    until(lambda: discord.gateway_counts().get("resumes"), "a resume")
    check_lines(bot, LOST, AGAIN)
    clock.set(nine(1))
    until(lambda: stage.complete(1), "the post")
    assert discord.gateway_counts()["identifies"] == 1


def test_a_session_that_cannot_be_resumed_is_begun_anew(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess
) -> None:
    discord.gateway(refuse_resume=True)
    discord.cut()
    until(lambda: discord.gateway_counts().get("identifies") == 2, "a second session")
    check_lines(bot, LOST, AGAIN)
    clock.set(nine(1))
    until(lambda: stage.complete(1), "the post")


@pytest.mark.parametrize("resumable", [True, False])
def test_discord_asks_for_another_connection(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess, resumable: bool
) -> None:
    discord.request_reconnect() if resumable else discord.invalidate_session(resumable=False)
    count = "resumes" if resumable else "identifies"
    until(lambda: discord.gateway_counts().get(count, 0) >= (1 if resumable else 2), "another connection")
    check_lines(bot, LOST, AGAIN)


def test_a_gateway_that_is_away_for_a_while(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess
) -> None:
    """Excerpts come all the same: they need only the HTTP API."""
    discord.gateway(down=True)
    until(lambda: bot.lines(LOST), "the loss")
    clock.set(nine(1))
    until(lambda: stage.complete(1), "the post without a gateway")
    discord.gateway()
    check_lines(bot, LOST, AGAIN)


def test_half_an_hour_of_trouble_at_discord(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess
) -> None:
    trouble = discord.fault("*", "/*", status=503, times=None)
    clock.set(nine(1))
    asked = 0
    while clock.now() < nine(1) + timedelta(minutes=30):
        asked += 1
        discord.wait_struck(trouble, asked)
        clock.set(wait_for_pause(stage, asked))
    assert asked <= 10, "it tries again, but not in a storm"
    discord.clear_faults()
    until(lambda: stage.complete(1), "the post, once it is over")
    check_lines(bot, "Discord has trouble (HTTP 503)", "Discord answers again")
    assert stage.rows()[0].attempts > 3


def test_a_global_limit(stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess) -> None:
    limit = discord.fault(*SEND, rate_limit=2.0, scope="global")
    clock.set(nine(1))
    discord.wait_struck(limit)
    number = discord.request_number()
    until(lambda: stage.complete(1), "the post")
    check_lines(bot, "Discord asked the whole bot to slow down", "Discord takes requests again")
    first, *_ = discord.requests(number)
    (limited,) = discord.requests(number - 1)[:1]
    assert first.at - limited.at >= 2.0


def test_a_global_limit_that_outlasts_a_step_does_not_end_all_requests(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    """discord.py shuts a gate, and only the task that waits would open it: here that task is cancelled."""
    limit = discord.fault(*SEND, rate_limit=3.0, scope="global")
    with bot_process(tmp_path, stage.variables(clock, SIMULATED_STEP_SECONDS="1"), module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        clock.set(nine(1))
        discord.wait_struck(limit)
        until(lambda: stage.rows()[0].retries, "the step to be given up")
        for tries in (1, 2, 3, 4, 5, 6):
            if stage.complete(1):
                break
            clock.set(wait_for_pause(stage, tries))
        assert stage.complete(1)


def test_a_limit_of_one_route(stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess) -> None:
    discord.limits(routes={("POST", "/channels/*/messages"): (1, 3.0)})
    clock.set(nine(1))
    until(lambda: stage.complete(1), "the post")
    assert discord.statuses().get("429", 0) == 0
