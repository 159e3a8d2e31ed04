"""SIGTERM and SIGINT: gone within ten seconds, whatever hangs, and nothing doubled or lost at the next start."""

import http.client
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from yarl import URL

from tests.support.clock_file import ClockFile
from tests.support.lives import BotProcess, bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.many_clubs import begin_clubs
from tests.support.stage import Stage, nine
from tests.support.tunnel import tunnel

SIMULATED = "tests.support.simulated_run"
SEND = ("POST", "/channels/*/messages")
THREAD = ("POST", "/channels/*/messages/*/threads")
TEN_SECONDS = 10.0

STOPPING = " info bot.runner: stopping: finishing the step in hand"
STOPPED = " info bot.runner: stopped"
HANGS = " warning bot.runner: something hangs"

Signals = tuple[signal.Signals, ...]
ONE: Signals = (signal.SIGTERM,)


def stop(bot: BotProcess, *signals: signal.Signals) -> None:
    """Sends the signals, each once the one before it was taken note of; checks that it ends in time and well."""
    began = time.monotonic()
    for number in signals:
        assert bot.running()
        bot.signal(number)
        until(lambda: bot.lines(STOPPING), "a line that says that it stops")
    assert bot.wait() == 0
    assert time.monotonic() - began < TEN_SECONDS
    assert len(bot.lines(STOPPING)) == 1
    assert "Traceback" not in bot.says()
    assert " error " not in bot.says()


def stop_cleanly(bot: BotProcess, *signals: signal.Signals) -> None:
    """Not because its time was over, but because it had come to its end."""
    stop(bot, *signals)
    assert len(bot.lines(STOPPED)) == 1
    assert bot.lines(HANGS) == []


def ready(bot: BotProcess) -> None:
    until(lambda: bot.lines("ready as"), "the bot to be ready")


def leased(url: str) -> int:
    """How many rows are claimed by somebody."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        (count,) = connection.execute("SELECT count(*) FROM outgoing WHERE lease_owner IS NOT NULL").fetchone()
    return int(count)


def next_life(stage: Stage, clock: ClockFile, folder: Path) -> None:
    """The bot is started again and nothing goes wrong any more: the post is there once, with its thread."""
    stage.discord.clear_faults()
    with bot_process(folder, stage.variables(clock), module=SIMULATED, log="next.log"):
        until(lambda: stage.complete(1), "the post, whole")


@pytest.mark.parametrize(
    "signals",
    [ONE, (signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)],
    ids=["SIGTERM", "SIGINT", "SIGTERM twice", "SIGTERM and SIGINT"],
)
def test_in_the_middle_of_many_posts(discord: LocalDiscord, clock: ClockFile, tmp_path: Path, signals: Signals) -> None:
    """Every answer is two seconds late: what is on its way comes to its end, and nothing more is begun."""
    clubs = begin_clubs(discord, f"sqlite:///{tmp_path}/clubs.db", 120)
    with bot_process(tmp_path, clubs.variables(clock), module=SIMULATED) as bot:
        ready(bot)
        discord.delay(2)
        number = discord.request_number()
        clock.set(nine(1))
        until(lambda: len(discord.requests(number)) >= 20, "posts on their way")
        stop_cleanly(bot, *signals)
    assert leased(clubs.url) == 0
    assert 20 <= sum(map(len, clubs.posts())) < 120
    discord.delay(0)
    with bot_process(tmp_path, clubs.variables(clock), module=SIMULATED, log="next.log"):
        until(clubs.complete, "all posts, whole")


@pytest.mark.parametrize("call", [SEND, THREAD], ids=["message", "thread"])
def test_with_a_request_that_hangs(stage: Stage, clock: ClockFile, tmp_path: Path, call: tuple[str, str]) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        ready(bot)
        hanging = stage.discord.fault(*call, hang=True, times=None)
        clock.set(nine(1))
        stage.discord.wait_struck(hanging)
        stop_cleanly(bot, *ONE)
        assert bot.lines("message 1 was broken off")
    assert leased(stage.url) == 0
    next_life(stage, clock, tmp_path)


@pytest.mark.parametrize("scope", ["global", "user"])
def test_while_it_waits_in_a_limit(stage: Stage, clock: ClockFile, tmp_path: Path, scope: str) -> None:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        ready(bot)
        limit = stage.discord.fault(*SEND, rate_limit=25.0, scope=scope, times=None)
        clock.set(nine(1))
        stage.discord.wait_struck(limit)
        stop_cleanly(bot, *ONE)
    assert leased(stage.url) == 0
    next_life(stage, clock, tmp_path)


@pytest.mark.parametrize("sending", [False, True], ids=["idle", "sending"])
def test_while_nothing_comes_from_discord_any_more(
    stage: Stage, clock: ClockFile, tmp_path: Path, sending: bool
) -> None:
    """Neither an answer nor its side of the closing handshake."""
    with tunnel(URL(stage.discord.api_url).port or 0) as way:
        through = {
            "APPLECORE_API_URL": str(URL(stage.discord.api_url).with_port(way.port)),
            "APPLECORE_GATEWAY_URL": str(URL(stage.discord.gateway_url).with_port(way.port)),
        }
        with bot_process(tmp_path, stage.variables(clock, **through), module=SIMULATED) as bot:
            ready(bot)
            way.fall_silent()
            if sending:
                clock.set(nine(1))
                until(stage.rows, "a post that is begun")
            stop_cleanly(bot, *ONE)
    assert leased(stage.url) == 0
    clock.set(nine(1))
    next_life(stage, clock, tmp_path)


def no_gateway(discord: LocalDiscord) -> Callable[[], object]:
    discord.gateway(down=True)
    return lambda: discord.requests() and discord.requests()[-1].path == "/gateway/bot"


def hanging(method: str, path: str) -> Callable[[LocalDiscord], Callable[[], object]]:
    def begin(discord: LocalDiscord) -> Callable[[], object]:
        fault = discord.fault(method, path, hang=True, times=None)
        return lambda: discord.struck(fault)

    return begin


@pytest.mark.parametrize(
    "trouble",
    [
        hanging("GET", "/users/@me"),
        hanging("PUT", "/applications/*/commands"),
        hanging("GET", "/gateway/bot"),
        no_gateway,
    ],
    ids=["login", "commands", "gateway's address", "gateway"],
)
def test_during_the_start(
    stage: Stage,
    discord: LocalDiscord,
    clock: ClockFile,
    tmp_path: Path,
    trouble: Callable[[LocalDiscord], Callable[[], object]],
) -> None:
    reached = trouble(discord)
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        until(reached, "the step that hangs")
        stop_cleanly(bot, *ONE)
    discord.gateway()
    clock.set(nine(1))
    next_life(stage, clock, tmp_path)


def test_with_somebody_who_reads_the_metrics(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    """One connection is kept for the next look, another has only half asked."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with bot_process(tmp_path, stage.variables(clock, APPLECORE_METRICS_PORT=str(port)), module=SIMULATED) as bot:
        ready(bot)
        with (
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as kept,
            socket.create_connection(("127.0.0.1", port)) as half,
        ):
            half.sendall(b"GET /metrics HTTP/1.1\r\nHost: ")
            kept.request("GET", "/metrics")
            assert kept.getresponse().read()
            stop_cleanly(bot, *ONE)


def test_with_a_database_that_hangs(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    """Another process keeps SQLite's one place to write: a thread waits for it, which nobody can cancel."""
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        ready(bot)
        with closing(sqlite3.connect(stage.url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            stop(bot, *ONE)
            assert len(bot.lines(HANGS)) == 1
    clock.set(nine(1))
    next_life(stage, clock, tmp_path)


def test_with_a_database_that_refuses_at_the_end(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    """The claims cannot be given back; the log says so, and all else ends as it should."""
    file = stage.url.removeprefix("sqlite:///")
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        ready(bot)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("ALTER TABLE outgoing RENAME TO elsewhere")
        bot.signal(signal.SIGTERM)
        assert bot.wait() == 0
        assert len(bot.lines(" error bot.runner: the end was not clean")) == 1
        assert bot.lines(STOPPED)
        assert bot.lines(HANGS) == []
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO outgoing")
    clock.set(nine(1))
    next_life(stage, clock, tmp_path)
