"""On sockets: what was said while no session lasted comes with the resume, or is asked for where that is refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.storage import schema
from bot.storage.sql import Connection
from tests.support.clock_file import ClockFile
from tests.support.lives import BotProcess, bot_process, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import Stage, in_database, nine

SIMULATED = "tests.support.simulated_run"


@pytest.fixture
def bot(stage: Stage, clock: ClockFile, tmp_path: Path) -> Iterator[BotProcess]:
    with bot_process(tmp_path, stage.variables(clock), module=SIMULATED) as bot:
        until(lambda: bot.lines("ready as"), "the bot to be ready")
        yield bot


def known(stage: Stage) -> tuple[set[int], set[tuple[int, int]]]:
    """The replies, and who gave a reaction to which message."""

    async def read(conn: Connection) -> tuple[set[int], set[tuple[int, int]]]:
        replies = set(await conn.scalars(select(schema.replies.c.message_id)))
        given = select(schema.reactions.c.message_id, schema.reactions.c.user_id)
        return replies, {(row.message_id, row.user_id) for row in await conn.execute(given)}

    return in_database(stage.url, read)


def asked(discord: LocalDiscord, since: int) -> list[str]:
    return [one.path for one in discord.requests(since) if one.method == "GET" and one.path.startswith("/channels/")]


@pytest.mark.parametrize("refused", [False, True], ids=["resumed", "refused"])
def test_what_was_said_while_the_connection_was_cut(
    stage: Stage, discord: LocalDiscord, clock: ClockFile, bot: BotProcess, refused: bool
) -> None:
    clock.set(nine(1))
    until(lambda: stage.complete(1), "the post")
    (thread,) = stage.threads()
    member = discord.create_member(stage.guild, "reader")
    first = discord.send(thread, member, "heard")
    until(lambda: first in known(stage)[0], "the first reply")
    before = discord.request_number()
    # discord.py gives its session up by itself where it cannot reconnect at once.
    discord.gateway(down=refused)
    discord.cut()
    deleted, missed = first, discord.send(thread, member, "missed")
    discord.react(thread, missed, member, "🍎")
    discord.react(stage.channel, thread, member, "🍎")
    discord.delete(thread, deleted)
    if refused:
        discord.gateway(refuse_resume=True)
    until(lambda: known(stage) == ({missed}, {(missed, member), (thread, member)}), "all that was missed")
    if refused:
        assert discord.gateway_counts()["identifies"] == 2
        assert f"/channels/{thread}/messages" in asked(discord, before)
        assert f"/channels/{stage.channel}/messages/{thread}" in asked(discord, before)
    else:
        until(lambda: discord.gateway_counts().get("resumes"), "the resume")
        assert asked(discord, before) == []
    assert "Traceback" not in bot.says()
