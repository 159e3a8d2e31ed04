"""What an operator sees of a bot that runs: its health, its metrics and its log, over real sockets."""

import http.client
import json
import signal
import socket
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from bot.storage.database import Connection
from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.local_discord.answers import text_of
from tests.support.stage import Stage, in_database, nine

SIMULATED = "tests.support.simulated_run"


@pytest.fixture
def port() -> int:
    """Free a moment ago: the bot has to be told one before it starts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def metric(port: int, name: str, **labels: str) -> float:
    _, shown = ask(port, "/metrics")
    samples = [sample for family in text_string_to_metric_families(shown) for sample in family.samples]
    return next(sample.value for sample in samples if sample.name == name and sample.labels == labels)


def test_health_and_metrics_follow_what_happens(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path, port: int
) -> None:
    with bot_process(tmp_path, stage.variables(clock, APPLECORE_METRICS_PORT=str(port)), module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        until(lambda: ask(port, "/healthz") == (200, '{"status": "ok"}'), "a bot that is well")
        assert metric(port, "applecore_gateway_connected", shard="0") == 1
        clock.set(nine(1))
        until(lambda: stage.complete(1), "the post")
        until(lambda: metric(port, "applecore_posts_sent_total") == 1, "its being counted")
        assert metric(port, "applecore_http_responses_total", **{"class": "2xx"}) >= 2
        until(lambda: metric(port, "applecore_last_tick_timestamp_seconds") >= nine(1).timestamp(), "a look")
        until(lambda: metric(port, "applecore_next_look_timestamp_seconds") > nine(1).timestamp(), "a plan for later")

        discord.gateway(down=True)
        discord.cut()
        until(lambda: ask(port, "/healthz")[0] == 503, "a bot that is unwell")
        assert json.loads(ask(port, "/healthz")[1])["faults"] == ["No shard is connected to Discord."]
        assert metric(port, "applecore_gateway_connected", shard="0") == 0
        discord.gateway()
        until(lambda: ask(port, "/healthz")[0] == 200, "its recovery")

        bot.signal(signal.SIGTERM)
        assert bot.wait(10) == 0
        assert ask(port, "/healthz")[0] == 0


def test_a_debugging_log_of_a_post_and_an_outage_holds_no_token_and_no_text(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    talkative = stage.variables(clock, APPLECORE_LOG_LEVEL="debug", APPLECORE_LOG_FORMAT="json")
    with bot_process(tmp_path, talkative, module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        refusal = discord.fault("POST", "/channels/*/messages", status=503, times=1)
        clock.set(nine(1))
        discord.wait_struck(refusal)
        until(lambda: bot.lines("bot.club.trouble"), "a plan to try again")
        clock.set(nine(1) + timedelta(minutes=10))
        until(lambda: stage.complete(1), "the post")
        discord.cut()
        until(lambda: discord.gateway_counts().get("resumes"), "a resume")
        until(lambda: bot.lines("connected to Discord again"), "a line that says so")
        bot.signal(signal.SIGTERM)
        assert bot.wait(10) == 0
    said = bot.says()
    assert discord.token not in said
    message = next(iter(discord.messages(stage.channel)))
    lines = [line.strip("*#> ") for line in text_of(message).splitlines()]
    assert [line for line in lines if len(line) > 12 and line in said] == []
    events = [json.loads(line) for line in said.splitlines()]
    assert {event["level"] for event in events} >= {"debug", "info"}
    assert [event["shard_id"] for event in events if event["message"].startswith("connected to Discord")] == [0]


def test_a_busy_port_ends_it_in_one_line(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with bot_process(tmp_path, stage.variables(clock, APPLECORE_METRICS_PORT=str(port)), module=SIMULATED) as bot:
            assert bot.wait() == 1
    assert bot.says() == (
        f"applecore: metrics_port: port {port} cannot be used (Address already in use); "
        "close what uses it, or set another.\n"
    )


def test_what_fails_again_and_again_is_on_the_health_page(
    stage: Stage, clock: ClockFile, tmp_path: Path, port: int
) -> None:
    """Though the bot tries every few seconds: it never comes to the end of a look."""

    async def break_it(conn: Connection) -> None:
        await conn.execute(text("ALTER TABLE outgoing RENAME TO away"))

    variables = stage.variables(clock, APPLECORE_METRICS_PORT=str(port), SIMULATED_OVERDUE="0.5")
    with bot_process(tmp_path, variables, module=SIMULATED) as bot:
        until(lambda: ask(port, "/healthz") == (200, '{"status": "ok"}'), "a bot that is well")
        in_database(stage.url, break_it)
        clock.set(nine(1))
        late = "The clubs were not looked at when they should have been."
        until(lambda: late in ask(port, "/healthz")[1], "the page to say so")
        assert ask(port, "/healthz")[0] == 503
        assert len(bot.lines("the clubs are held up")) == 1
