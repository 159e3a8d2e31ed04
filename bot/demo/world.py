"""The demo's little Discord: one server, three channels, two members and a moderator, and the real bot in it."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import discord
import simcord
from simcord.backend.serializers import guild_create_payload

from bot.client import Applecore, create_bot
from bot.club.permissions import least
from bot.demo.overlays import Overlays, install
from bot.errors import ApplecoreError
from bot.settings import Settings

ZONE = ZoneInfo("Europe/Berlin")
"""Where the demo's club lives."""

POST_HOUR = 9
LOOK_HOUR = 12
"""Local hour at which "next day" arrives: after the day's post."""

SETTLE_SECONDS = 60.0
"""Real time that simcord gives the bot for a simulated day; a busy machine needs more than its five."""


@dataclass
class World:
    """Handles of everything in it; ``bot`` is the one that is attached now."""

    env: simcord.Env
    overlays: Overlays
    bot: Applecore
    settings: Settings
    guild: simcord.GuildHandle
    reading: simcord.ChannelHandle
    general: simcord.ChannelHandle
    moderators: simcord.ChannelHandle
    ada: simcord.MemberActor
    ben: simcord.MemberActor
    mia: simcord.MemberActor
    """The moderator: she has Manage Server."""

    @property
    def members(self) -> tuple[simcord.MemberActor, ...]:
        return (self.ada, self.ben, self.mia)

    def today(self) -> datetime:
        """The simulated present in the club's zone."""
        return self.env.now().astimezone(ZONE)

    async def stop(self) -> None:
        """The bot leaves cleanly. It hears nothing of what happens from now on until :meth:`restart`."""
        await self.bot.close()
        self.overlays.faults.die()

    async def restart(self) -> None:
        """A new bot comes, with the database that the last one left."""
        self.bot = create_bot(self.settings, clock=discord.utils.utcnow)
        await self.env.restart_bot(self.bot)

    async def next_day(self) -> None:
        """Lets time pass until noon of the next local day."""
        now = self.today()
        noon = (now + timedelta(days=1)).replace(hour=LOOK_HOUR, minute=0, second=0, microsecond=0)
        await self.env.advance_time((noon - now).total_seconds())


@asynccontextmanager
async def open_world(*, check_errors: bool = True) -> AsyncIterator[World]:
    """Builds the world around a fresh database, which goes with it.

    With ``check_errors`` it ends in an ExceptionGroup of what the bot raised, answers meant for people aside.
    """
    with tempfile.TemporaryDirectory(prefix="applecore-demo-") as folder:
        # Isolated: a demo must not touch anyone's token or database.
        settings = Settings.isolated(database_url=f"sqlite:///{Path(folder) / 'demo.sqlite3'}", shard_count=1)
        bot = create_bot(settings, clock=discord.utils.utcnow)
        async with simcord.run(bot, settle_timeout=SETTLE_SECONDS, check_errors=check_errors) as env:
            overlays = install(env)
            _overlook_refusals(env)
            # simcord's world begins at midnight UTC; ours at noon, with the day's post hour behind it.
            await env.advance_time((LOOK_HOUR - env.now().astimezone(ZONE).hour) * 3600)
            world = await _furnish(env, overlays, bot, settings)
            try:
                yield world
            finally:
                await world.bot.close()


def _overlook_refusals(env: simcord.Env) -> None:
    """simcord takes every error of a command for a fault of the bot, and its pages then call the outcome uncertain."""
    record = env._record_error

    def unless_answered(error: BaseException) -> None:
        cause = getattr(error, "original", error)
        if not isinstance(cause, ApplecoreError | discord.app_commands.CheckFailure):
            record(error)

    env._record_error = unless_answered  # type: ignore[method-assign]


async def _furnish(env: simcord.Env, overlays: Overlays, bot: Applecore, settings: Settings) -> World:
    env.backend.edit_bot_profile("Applecore")
    with invited_when_done(env):
        guild = env.create_guild("The Reading Room")
        least_permissions(env, guild)
        reading = guild.create_text_channel("reading", topic="One excerpt a day, at nine")
        general = guild.create_text_channel("general")
    moderator = guild.create_role("Moderator", permissions=discord.Permissions(manage_guild=True, manage_messages=True))
    hidden = discord.PermissionOverwrite(view_channel=False)
    shown = discord.PermissionOverwrite(view_channel=True)
    assert guild.me is not None  # noqa: S101 - the bot is a member of every guild that simcord makes
    moderators = guild.create_text_channel(
        "moderators", overwrites={guild.default_role: hidden, moderator: shown, guild.me: shown}
    )
    world = World(
        env=env,
        overlays=overlays,
        bot=bot,
        settings=settings,
        guild=guild,
        reading=reading,
        general=general,
        moderators=moderators,
        ada=guild.add_member(env.create_user("ada", global_name="Ada")),
        ben=guild.add_member(env.create_user("ben", global_name="Ben")),
        mia=guild.add_member(env.create_user("mia", global_name="Mia"), roles=[moderator]),
    )
    await env.settle()
    return world


@contextmanager
def invited_when_done(env: simcord.Env) -> Iterator[None]:
    """The bot hears of the guilds made here only at the end, channels and all, as when it is invited to a server."""
    listeners, env.backend.subscribers = env.backend.subscribers, []
    known = set(env.backend.guilds)
    try:
        yield
    finally:
        env.backend.subscribers = listeners
        for guild_id in set(env.backend.guilds) - known:
            payload = dict(guild_create_payload(env.backend, env.backend.guilds[guild_id]))
            # Its presence would say that a guild known before is back after an outage.
            del payload["unavailable"]
            env.backend.emit("GUILD_CREATE", payload)


def least_permissions(env: simcord.Env, guild: simcord.GuildHandle) -> None:
    """simcord invites bots with every permission; ours asks for few, and has to work with them."""
    name = env.backend.bot_user.name
    for role in guild.roles.values():
        if role.name == name:
            env.backend.edit_role(guild.id, role.id, {"permissions": least().value})
