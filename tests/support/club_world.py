"""A guild on simcord with the real bot in it: what tests of the club and of its commands start from."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import discord
import simcord
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bot.client import Applecore, create_bot
from bot.demo.faults import Killed
from bot.demo.overlays import Overlays, install
from bot.demo.transcript import text_of
from bot.demo.world import invited_when_done, least_permissions
from bot.errors import ApplecoreError
from bot.reading.markdown import parse, render
from bot.reading.models import Excerpt, Reading
from bot.settings import Settings
from bot.storage import clubs, outgoing
from bot.storage.records import Club, Outgoing

ZONE = ZoneInfo("Europe/Berlin")

POSTING = {"POST /channels/*/messages": "send", "POST /channels/*/messages/*/threads": "thread"}


def reading_of(count: int, title: str = "A short reading", quote: str = "Passage number {n}.") -> Reading:
    return Reading(
        title=title,
        author="An author",
        source="A source",
        excerpts=tuple(
            Excerpt(heading=f"Part {n}", comment=f"What about part {n}?", quote=quote.format(n=n))
            for n in range(1, count + 1)
        ),
    )


@dataclass
class ClubWorld:
    """Handles of everything; ``bot`` is the one that is attached now."""

    env: simcord.Env
    overlays: Overlays
    bot: Applecore
    settings: Settings
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    general: simcord.ChannelHandle
    notices: simcord.ChannelHandle
    manager: simcord.MemberActor
    member: simcord.MemberActor

    def now(self) -> datetime:
        """The simulated present in the clubs' zone."""
        return self.env.now().astimezone(ZONE)

    async def until(self, hour: int, minute: int = 0, *, days: int = 0) -> None:
        """Lets time pass until that local time, today or the next time it comes, plus ``days``."""
        target = self.now().replace(hour=hour, minute=minute, second=0, microsecond=0)
        if target <= self.now():
            target += timedelta(days=1)
        target += timedelta(days=days)
        while (rest := (target - self.now()).total_seconds()) > 0:
            await self.env.advance_time(min(rest, 86_400.0))

    async def advance(self, **delta: float) -> None:
        await self.env.advance_time(timedelta(**delta).total_seconds())

    async def restart(self, *, clean: bool = False) -> None:
        """A new bot on the same database; without ``clean`` the old one gets no chance to tidy up."""
        old = self.bot
        if clean:
            await old.close()
        self.bot = _new_bot(self.settings)
        await self.env.restart_bot(self.bot)
        await old.database.close()

    async def stop(self) -> None:
        """The bot goes away cleanly; time may pass without it until :meth:`restart`."""
        await self.bot.close()

    async def setup(self, **options: Any) -> simcord.InteractionResult:
        """``/club setup`` by the manager, at 09:00 in Berlin unless told otherwise."""
        given: dict[str, Any] = {
            "channel": self.channel,
            "reading": "deepseek",
            "time": "09:00",
            "timezone": "Europe/Berlin",
            **options,
        }
        return await self.manager.slash(self.general, "club setup", **given)

    async def import_reading(self, reading: Reading) -> simcord.InteractionResult:
        return await self.manager.slash(self.general, "reading import", file=("reading.md", render(reading).encode()))

    async def club(self) -> Club:
        async with self.bot.database.read() as conn:
            return (await clubs.in_guild(conn, self.guild.id))[0]

    async def rows(self) -> list[Outgoing]:
        club = await self.club()
        async with self.bot.database.read() as conn:
            return await outgoing.of_club(conn, club.id)

    def said(self, channel: simcord.ChannelHandle) -> list[str]:
        """The texts of the bot's own messages in a channel, without ephemeral answers and its greeting."""
        return [text_of(message) for message in self.own(channel)]

    def own(self, channel: simcord.ChannelHandle) -> list[discord.Message]:
        return [
            message
            for message in channel.history()
            if message.author.id == self.env.backend.bot_user.id
            and not message.flags.ephemeral
            and message.type is discord.MessageType.default
            and "Hello, I am Applecore" not in text_of(message)
        ]

    def posts(self) -> list[discord.Message]:
        """The excerpts that stand in the club's channel."""
        return [message for message in self.own(self.channel) if "· day " in text_of(message)]

    def threads(self) -> list[simcord.ChannelHandle]:
        return self.channel.threads

    def deny(self, channel: simcord.ChannelHandle, **permissions: bool) -> None:
        """Changes the bot's permissions in a channel; ``None`` or True takes the change back."""
        allowed = discord.PermissionOverwrite(
            **{name: (None if value else False) for name, value in permissions.items()}
        )
        allow, deny = allowed.pair()
        from simcord.backend.models import Overwrite  # noqa: PLC0415 - private to simcord, used here alone
        from simcord.enums import OverwriteType  # noqa: PLC0415

        self.env.backend.set_overwrite(
            channel.id,
            Overwrite(
                target_id=self.env.backend.bot_user.id,
                type=OverwriteType.MEMBER,
                allow=allow.value,
                deny=deny.value,
            ),
        )


def answers(result: simcord.InteractionResult) -> str:
    """Everything that the bot answered to one interaction, as Markdown."""
    messages = [*([result.response] if result.response else []), *result.followups]
    return "\n".join(text_of(message.message) for message in messages)


@asynccontextmanager
async def club_world(database_url: str, **overrides: Any) -> AsyncIterator[ClubWorld]:
    """Opens the world; errors meant for people are expected, any other error of the bot fails the test."""
    settings = Settings.isolated(database_url=database_url, shard_count=1, **overrides)
    bot = _new_bot(settings)
    async with simcord.run(bot, settle_timeout=60.0, check_errors=False) as env:
        world = await _furnish(env, install(env), bot, settings)
        try:
            yield world
        finally:
            if not world.overlays.faults.killed:
                await world.bot.close()
            await world.bot.database.close()
    unexpected = [error for error in env.errors if not _meant_for_people(error)]
    if unexpected:
        raise ExceptionGroup("the bot raised errors that nobody should see", unexpected)  # type: ignore[type-var]


def _new_bot(settings: Settings) -> Applecore:
    bot = create_bot(settings, clock=discord.utils.utcnow)
    bot.collector.spool.pause = 0.0  # else each step that talks would wait for it in real time
    return bot


async def _furnish(env: simcord.Env, overlays: Overlays, bot: Applecore, settings: Settings) -> ClubWorld:
    with invited_when_done(env):
        guild = env.create_guild("Readers")
        least_permissions(env, guild)
        general = guild.create_text_channel("general")
        channel = guild.create_text_channel("reading")
        notices = guild.create_text_channel("notices")
    managers = guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    world = ClubWorld(
        env=env,
        overlays=overlays,
        bot=bot,
        settings=settings,
        guild=guild,
        channel=channel,
        general=general,
        notices=notices,
        manager=guild.add_member(env.create_user("manager"), roles=[managers]),
        member=guild.add_member(env.create_user("member")),
    )
    await env.settle()
    return world


def _meant_for_people(error: BaseException) -> bool:
    original = getattr(error, "original", error)
    return isinstance(original, (ApplecoreError, Killed, discord.app_commands.CheckFailure))


@contextmanager
def commits(kill_at: int | None = None, world: ClubWorld | None = None) -> Iterator[list[int]]:
    """Counts the database's commits, and kills the process just before one of them (counted from 1)."""
    seen: list[int] = []

    def before_commit(_: Any) -> None:
        seen.append(len(seen) + 1)
        if kill_at is not None and world is not None and len(seen) == kill_at:
            raise world.overlays.faults.die()

    event.listen(Engine, "commit", before_commit)
    try:
        yield seen
    finally:
        event.remove(Engine, "commit", before_commit)


__all__ = ["ClubWorld", "answers", "club_world", "commits", "parse", "reading_of"]
