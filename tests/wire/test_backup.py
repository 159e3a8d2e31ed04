"""A backup taken while the bot posts, restored elsewhere: nothing comes twice, and who was deleted stays deleted."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from bot.storage import clubs, schema
from bot.storage.database import Connection
from tests.support.clock_file import ClockFile
from tests.support.lives import bot_process, environment, until
from tests.support.local_discord import LocalDiscord
from tests.support.stage import FOUNDER, Stage, in_database, nine, prepare, set_up

SIMULATED = "tests.support.simulated_run"
SERVERS = 12
BACKED_UP, STOPPED, GOES_ON = 3, 6, 9
"""Days: the backup is taken amid the posts of the first, the bot ends after the second."""


def applecore(stage: Stage, clock: ClockFile, folder: Path, *command: str, url: str | None = None) -> str:
    """One command in simulated time; answers what it says, and fails where it fails."""
    variables = stage.variables(clock) | ({"APPLECORE_DATABASE_URL": url} if url else {})
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-W", "ignore::DeprecationWarning", "-m", SIMULATED, *command],
        cwd=folder,
        env=environment(folder, **variables),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wait_for(stages: list[Stage], day: int) -> None:
    """Every club's posts up to that day, once each."""
    until(lambda: all(stage.complete(day) for stage in stages), f"the posts of day {day}")


def test_a_backup_taken_under_load_and_restored_elsewhere(
    discord: LocalDiscord, clock: ClockFile, tmp_path: Path, empty_database_url: str
) -> None:
    url = f"sqlite:///{tmp_path}/here.db"
    prepare(url)
    stages = [set_up(discord, url, excerpts=20) for _ in range(SERVERS)]
    *kept, left = stages
    with bot_process(tmp_path, kept[0].variables(clock), module=SIMULATED):
        discord.wait_ready()
        for day in range(1, STOPPED + 1):
            if day == BACKED_UP:  # amid its posts: some are not there yet, some have no thread yet
                discord.fault("POST", "/channels/*/messages", hold=True, skip=5, times=None)
                discord.fault("POST", "/channels/*/messages/*/threads", hold=True, skip=2, times=None)
                clock.set(nine(day))
                discord.wait_held(SERVERS - 2)
                said = applecore(kept[0], clock, tmp_path, "backup", "backup.sqlite3")
                assert f"{SERVERS} clubs" in said
                discord.clear_faults()
                discord.release()
            clock.set(nine(day))
            wait_for(stages, day)
        applecore(kept[0], clock, tmp_path, "forget", "guild", str(left.guild))
        applecore(kept[0], clock, tmp_path, "forget", "member", str(FOUNDER))
    said = applecore(
        kept[0], clock, tmp_path, "restore-backup", "backup.sqlite3", "--deletions", url, url=empty_database_url
    )
    assert "1 member and 1 server" in said

    there = [Stage(discord, empty_database_url, stage.guild, stage.channel, stage.club) for stage in kept]
    with bot_process(tmp_path, there[0].variables(clock), module=SIMULATED) as bot:
        for day in range(STOPPED + 1, GOES_ON + 1):
            clock.set(nine(day))
            wait_for(there, day)
        until(lambda: all(stage.state().progress.position == GOES_ON for stage in there), "rows that say so")
        assert bot.lines("had posted", "since the backup")
    assert left.complete(STOPPED), "the server that was deleted gets nothing more"
    assert in_database(empty_database_url, _members_and_servers) == ({0}, {stage.guild for stage in kept})


async def _members_and_servers(conn: Connection) -> tuple[set[int], set[int]]:
    """Who is named as a founder of a club, and whose rows there are."""
    founders = {club.created_by for club in await clubs.all_clubs(conn)}
    servers: set[int] = set()
    for table in (schema.clubs, schema.readings, schema.outgoing):
        servers |= set(await conn.scalars(select(table.c.guild_id).distinct()))
    return founders, servers
