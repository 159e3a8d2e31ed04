"""What Discord refuses for good is one readable line, and the exit code after which nobody starts the bot again."""

import json
from pathlib import Path

import pytest

from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.rest_only import TOKEN
from tests.support.stage import Stage

CONFIGURATION = 78
"""EX_CONFIG of sysexits.h, which deploy/applecore.service knows."""

NO_LOGIN = (
    "applecore: token: Discord refuses it. Copy it anew from the developer portal "
    "(your application → Bot → Reset Token) and set it as APPLECORE_TOKEN."
)
WRONG_SHARD = (
    "applecore: Discord closed the connection (code {}). Check shard_count and shard_ids: "
    "without them the bot asks Discord what is right."
)
MISSING_INTENT = (
    "applecore: message_content: Discord refuses the intent. Switch on Message Content Intent in the developer "
    "portal (your application → Bot), or set message_content to false."
)


def test_a_refused_token(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    variables = {**stage.variables(clock), "APPLECORE_TOKEN": TOKEN.replace("Gabc", "Gxyz")}
    with bot_process(tmp_path, variables) as bot:
        assert bot.wait() == CONFIGURATION
        assert bot.says().splitlines() == [NO_LOGIN]


def test_a_json_log_says_it_in_json(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    token = TOKEN.replace("Gabc", "Gxyz")
    variables = stage.variables(clock, APPLECORE_LOG_FORMAT="json", APPLECORE_LOG_LEVEL="error")
    with bot_process(tmp_path, {**variables, "APPLECORE_TOKEN": token}) as bot:
        assert bot.wait() == CONFIGURATION
    (event,) = [json.loads(line) for line in bot.says().splitlines()]
    assert (event["level"], event["message"]) == ("critical", NO_LOGIN.removeprefix("applecore: "))
    assert "exception" not in event


def test_a_missing_intent(stage: Stage, clock: ClockFile, tmp_path: Path) -> None:
    with bot_process(tmp_path, stage.variables(clock, APPLECORE_MESSAGE_CONTENT="true")) as bot:
        assert bot.wait() == CONFIGURATION
        assert [line for line in bot.says().splitlines() if " info " not in line] == [MISSING_INTENT]


def test_an_approved_intent(stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path) -> None:
    discord.gateway(approved_intents=["message_content"])
    with bot_process(tmp_path, stage.variables(clock, APPLECORE_MESSAGE_CONTENT="true")) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (4004, NO_LOGIN),
        (4010, WRONG_SHARD.format(4010)),
        (4013, WRONG_SHARD.format(4013)),
        (4014, MISSING_INTENT),
    ],
)
def test_a_connection_closed_for_good(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path, code: int, line: str
) -> None:
    """As when the token is reset while the bot runs."""
    with bot_process(tmp_path, stage.variables(clock)) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        discord.cut(code=code)
        assert bot.wait() == CONFIGURATION
        assert [said for said in bot.says().splitlines() if " info " not in said and " warning " not in said] == [line]
