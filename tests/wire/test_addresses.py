"""The addresses of the settings are followed at the first connection, at a resume, and when a session is begun anew."""

from pathlib import Path

import pytest

from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import Stage

NOWHERE = "ws://127.0.0.1:9/elsewhere"
"""The discard port, where nobody listens: whoever follows it gets no connection."""


@pytest.mark.parametrize("refused", [False, True], ids=["resumed", "begun anew"])
def test_the_gateway_s_address_is_followed_every_time(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path, refused: bool
) -> None:
    """Discord names other addresses for the gateway and for resuming, and they lead nowhere."""
    discord.gateway(resume_url=NOWHERE, url=NOWHERE, refuse_resume=refused)
    with bot_process(tmp_path, stage.variables(clock)) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        discord.cut()
        until(lambda: bot.lines("connected to Discord again"), "another connection")
        counts = discord.gateway_counts()
    assert counts["identifies"] == (2 if refused else 1)
    assert counts.get("resumes", 0) == (0 if refused else 1)


def test_without_the_setting_discord_s_own_address_counts(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, tmp_path: Path
) -> None:
    variables = stage.variables(clock)
    del variables["APPLECORE_GATEWAY_URL"]
    with bot_process(tmp_path, variables) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
