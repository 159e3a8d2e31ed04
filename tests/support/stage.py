"""A club on the local Discord, and what came of it: the stage on which bots are killed."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

from bot.reading.schedule import CatchUp, Schedule
from bot.storage import clubs, outgoing, readings
from bot.storage.database import Connection, Database
from bot.storage.records import Club, NewClub, Outgoing, OutgoingKind
from tests.support.clock_file import ClockFile
from tests.support.club_world import reading_of
from tests.support.local_discord import LocalDiscord
from tests.support.local_discord.answers import text_of

Answer = TypeVar("Answer")

BEGAN = datetime(2027, 1, 1, 6, 0, tzinfo=UTC)
"""When simulated time begins."""

FOUNDER = 200_000_000_000_000_002
"""The member who set the clubs up."""


@dataclass(frozen=True)
class Stage:
    """One club in one guild, posting at nine UTC."""

    discord: LocalDiscord
    url: str
    guild: int
    channel: int
    club: int

    def variables(self, clock: ClockFile, **more: str) -> dict[str, str]:
        """The environment of a bot for it, in simulated time."""
        ours = {"APPLECORE_DATABASE_URL": self.url, "SIMULATED_CLOCK": str(clock.path)}
        return {**self.discord.environment(), **ours, **more}

    def posts(self) -> list[int]:
        """The days whose excerpts stand in the channel, in order of their messages."""
        return [day for message in self.discord.messages(self.channel) if (day := day_of(message)) is not None]

    def threads(self) -> list[int]:
        """The messages that have a thread, in order."""
        return sorted(int(thread["id"]) for thread in self.discord.threads(self.channel))

    def complete(self, count: int) -> bool:
        """Whether exactly the first ``count`` excerpts stand there, once each, and each has its thread."""
        messages = {int(message["id"]): day_of(message) for message in self.discord.messages(self.channel)}
        days = [day for day in messages.values() if day is not None]
        threads = self.threads()
        return days == list(range(1, count + 1)) and sorted(k for k, day in messages.items() if day) == threads

    def doubled(self) -> list[int]:
        return [day for day, times in Counter(self.posts()).items() if times > 1]

    def rows(self) -> list[Outgoing]:
        """The club's posts as the database knows them, oldest first."""

        async def read(conn: Connection) -> list[Outgoing]:
            found = await outgoing.of_club(conn, self.club, kinds=[OutgoingKind.POST])
            return sorted(found, key=lambda row: row.position or 0)

        return in_database(self.url, read)

    def is_locked(self) -> bool:
        """Whether somebody is writing on SQLite at this moment; PostgreSQL has no such lock."""
        if not self.url.startswith("sqlite"):
            return False
        file = self.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.execute("ROLLBACK")
            return False

    def state(self) -> Club:
        async def read(conn: Connection) -> Club:
            found = await clubs.by_id(conn, self.club)
            assert found is not None
            return found

        return in_database(self.url, read)


def day_of(message: dict[str, Any]) -> int | None:
    """Which day's excerpt a message is, by its heading; None for any other message."""
    if "Passage number " not in (text := text_of(message)):
        return None
    return int(text.partition("Passage number ")[2].partition(".")[0])


def in_database(url: str, work: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Does something in one transaction, beside whatever bots are at work."""

    async def run() -> Answer:
        database = Database(url)
        try:
            async with database.write() as conn:
                return await work(conn)
        finally:
            await database.close()

    return asyncio.run(run())


def prepare(url: str) -> None:
    """Creates and migrates a database."""

    async def run() -> None:
        database = Database(url)
        await database.open()
        await database.close()

    asyncio.run(run())


def set_up(
    discord: LocalDiscord,
    url: str,
    *,
    excerpts: int,
    began: datetime = BEGAN,
    thread_days: int = 3,
    catch_up: CatchUp = CatchUp.ONE,
    at: time = time(9, 0),
) -> Stage:
    """A club in a guild of its own, begun at ``began``, whose first excerpt comes at the next ``at`` UTC."""
    guild = discord.create_guild("Readers")
    channel = discord.create_channel(guild, "reading")

    async def create(conn: Connection) -> int:
        stored = await readings.save(conn, guild, reading_of(excerpts), added_by=None, at=began)
        made = await clubs.create(
            conn,
            NewClub(
                guild_id=guild,
                channel_id=channel,
                reading_id=stored.id,
                schedule=Schedule(time=at, zone="UTC", start=began.date(), catch_up=catch_up),
                ping_role_id=None,
                notices_channel_id=None,
                thread_days=thread_days,
                created_by=FOUNDER,
                created_at=began,
            ),
        )
        return made.id

    return Stage(discord, url, guild, channel, in_database(url, create))


def nine(day: int) -> datetime:
    """The slot of the ``day``-th excerpt of a club begun at ``BEGAN``, counted from 1."""
    return datetime.combine(BEGAN.date() + timedelta(days=day - 1), time(9, 0), UTC)
