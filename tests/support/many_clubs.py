"""Many clubs on the local Discord, in a server each, whose first excerpt is due at the same moment."""

from dataclasses import dataclass
from datetime import time, timedelta

from bot.reading.schedule import Schedule
from bot.storage import clubs, readings
from bot.storage.database import Connection
from bot.storage.records import NewClub
from tests.support.clock_file import ClockFile
from tests.support.club_world import reading_of
from tests.support.local_discord import LocalDiscord
from tests.support.stage import BEGAN, day_of, in_database, prepare


@dataclass(frozen=True)
class ManyClubs:
    discord: LocalDiscord
    url: str
    guilds: list[tuple[int, int]]
    """The ids of each server and of its channel."""

    def variables(self, clock: ClockFile, **more: str) -> dict[str, str]:
        """The environment of a bot for them, in simulated time."""
        ours = {"APPLECORE_DATABASE_URL": self.url, "SIMULATED_CLOCK": str(clock.path)}
        return {**self.discord.environment(), **ours, **more}

    def posts(self) -> list[list[int]]:
        """The days whose excerpts stand in each channel."""
        messages = [self.discord.messages(channel) for _, channel in self.guilds]
        return [[day for message in each if (day := day_of(message)) is not None] for each in messages]

    def complete(self) -> bool:
        """Whether the first excerpt stands in each channel once, with its thread."""
        threads = [len(self.discord.threads(channel)) for _, channel in self.guilds]
        return self.posts() == [[1]] * len(self.guilds) and threads == [1] * len(self.guilds)


def begin_clubs(discord: LocalDiscord, url: str, count: int) -> ManyClubs:
    """In a new database; all of them post at nine UTC."""
    guilds = discord.create_guilds(count)
    schedule = Schedule(time=time(9, 0), zone="UTC", start=BEGAN.date())
    reading = reading_of(3)

    async def begin(conn: Connection) -> None:
        for guild, channel in guilds:
            stored = await readings.save(conn, guild, reading, added_by=None, at=BEGAN)
            new = NewClub(
                guild_id=guild,
                channel_id=channel,
                reading_id=stored.id,
                schedule=schedule,
                ping_role_id=None,
                notices_channel_id=None,
                thread_days=3,
                created_by=1,
                created_at=BEGAN - timedelta(hours=1),
            )
            await clubs.create(conn, new)

    prepare(url)
    in_database(url, begin)
    return ManyClubs(discord, url, guilds)
