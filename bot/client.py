"""The bot, unconnected: what `applecore run`, the demo and the tests all start from."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.addresses import use_addresses
from bot.clock import Clock, system_clock
from bot.club.engine import ClubEngine
from bot.discussion.collector import Collector
from bot.discussion.janitor import Janitor
from bot.discussion.reconciler import Reconciler
from bot.discussion.speaking import Speaking
from bot.errors import ApplecoreError
from bot.health import HealthServer
from bot.metrics import Metrics
from bot.outage import Outage
from bot.pace import Pace
from bot.settings import Settings
from bot.storage import meta
from bot.storage.database import Database
from bot.storage.records import Shards
from bot.wire import Wire

log = logging.getLogger(__name__)

# Applecore does not speak: discord.py need not advise on what that would take.
discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False

COGS = (
    "cogs.club",
    "cogs.collecting",
    "cogs.reading",
    "cogs.today",
    "cogs.finding",
    "cogs.bookmarks",
    "cogs.pages",
    "cogs.thoughts",
    "cogs.taking_back",
    "cogs.picks",
    "cogs.discussion",
    "cogs.privacy",
    "cogs.next_reading",
    "cogs.status",
    "cogs.guide",
)


MESSAGE_UNITS = 2000
"""Characters of a message without components, counted as UTF-16 units to be on the safe side."""


LEAVING = 2.0
"""Seconds that the connections to Discord are given to close."""


def create_bot(settings: Settings, *, clock: Clock = system_clock) -> "Applecore":
    """Builds the bot; nothing is opened or connected before discord.py calls ``setup_hook``."""
    return Applecore(settings, clock)


def _line(shard_id: int) -> Outage:
    return Outage("lost the connection to Discord (%s)", "connected to Discord again after %s", shard_id=shard_id)


class CommandTree(app_commands.CommandTree["Applecore"]):
    """Answers every error of a command: with its own words where they are for people, else with an apology."""

    async def on_error(
        self, interaction: discord.Interaction["Applecore"], error: app_commands.AppCommandError, /
    ) -> None:
        await answer_error(interaction, error.original if isinstance(error, app_commands.CommandInvokeError) else error)


async def answer_error(interaction: discord.Interaction["Applecore"], error: Exception) -> None:
    """Tells the member who asked; what is not meant for people goes to the log instead."""
    if isinstance(error, ApplecoreError | app_commands.CheckFailure):
        text = str(error) or "You may not do this."
    else:
        asked = interaction.command.qualified_name if interaction.command else "a button"
        log.error("%s failed", asked, exc_info=error)
        text = "Something went wrong on my side; the log of this bot says what. `/club status` says how things stand."
    await say(interaction, text)


async def say(interaction: discord.Interaction["Applecore"], text: str) -> None:
    """Answers one member with plain text, whether or not the interaction was deferred.

    More than the 2,000 characters of a message (resources/message.mdx) are cut at a line.
    """
    if len(text.encode("utf-16-le")) // 2 > MESSAGE_UNITS:
        kept = text[: MESSAGE_UNITS // 2].rpartition("\n")[0] or text[: MESSAGE_UNITS // 2]
        left_out = text.count("\n") - kept.count("\n")
        text = f"{kept}\n… and {left_out} more lines." if left_out else f"{kept} …"
    if interaction.response.is_done():
        await interaction.followup.send(text, ephemeral=True)
    else:
        await interaction.response.send_message(text, ephemeral=True)


class Applecore(commands.AutoShardedBot):
    """discord.py's bot with Applecore's database, clock and engine."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.guild_reactions = True
        intents.message_content = settings.message_content
        self._hearers: dict[str, tuple[Callable[..., None], str]] = {}
        self.metrics = Metrics()
        self.wire = Wire(Pace(settings.requests_per_second), self.metrics)
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=CommandTree,
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            # Seconds, and the least that discord.py takes: a longer wait goes back to the database, not into a lease.
            max_ratelimit_timeout=30.0,
            shard_count=settings.shard_count,
            # None means every shard; discord.py's annotation leaves that out.
            shard_ids=settings.shard_ids,  # type: ignore[arg-type]
            http_trace=self.wire.trace,
        )
        self.wire.watch(self)
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.database_url)
        shards = (
            Shards(settings.shard_count, frozenset(settings.shard_ids))
            if settings.shard_count and settings.shard_ids is not None
            else None
        )
        self.collector = Collector(self.database, clock, shards=shards)
        self.engine = ClubEngine(
            self, self.database, clock, shards=shards, metrics=self.metrics, catch_up=self.collector.flush
        )
        self.reconciler = Reconciler(self, self.database, clock, self.collector, shards=shards)
        self.collector.spool.repair = self.reconciler.poke
        self.speaking = Speaking(self, self.database, clock)
        self.janitor = Janitor(self, self.database, clock, shards=shards)
        self._opened = False
        self._lines: dict[int, Outage] = {}
        self._came = False
        self._health: HealthServer | None = None
        use_addresses(self, settings)

    def hear(self, event: str, note: Callable[..., None]) -> None:
        """Has ``note`` called at each such event of discord.py, in their order and before any listener.

        A listener gets a task for each event, which takes longer than all that there is to do about a reaction.
        """
        self._hearers[event] = (note, f"on_{event}")

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        heard = self._hearers.get(event_name)
        if heard is not None:
            note, method = heard
            try:
                note(*args, **kwargs)
            except Exception:
                log.exception("what Discord told (%s) could not be noted", event_name)  # the connection must go on
            if not (method in self.extra_events or event_name in self._listeners or hasattr(self, method)):
                return  # as discord.py would find out as well, in five times the time
        super().dispatch(event_name, *args, **kwargs)

    async def login(self, token: str) -> None:
        self._came = True
        await super().login(token)

    async def setup_hook(self) -> None:
        await self.database.open()
        self._opened = True
        await self.database.hold()
        await self.collector.load()
        if self.settings.metrics_port is not None:
            self._health = HealthServer(self.metrics, self.settings.metrics_port, self.faults)
            await self._health.start()
        for cog in COGS:
            await self.load_extension(cog)
        await self._sync_commands()

    async def on_ready(self) -> None:
        log.info("ready as %s in %s servers", self.user, len(self.guilds))
        self.engine.start()
        self.janitor.start()

    async def on_message(self, message: discord.Message, /) -> None:
        """Looks for no commands: what members say to the bot is none, and discord.py would log each as a mistake."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.wire.interaction_came(interaction.id)

    async def on_shard_connect(self, shard_id: int) -> None:
        self._shard(shard_id, connected=True)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._shard(shard_id, connected=True)
        self.engine.poke()

    async def on_shard_ready(self, shard_id: int) -> None:
        # A session of its own, not one that was resumed: what came before it nobody told us.
        self.reconciler.missed(Shards(self.shard_count or 1, frozenset({shard_id})))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.reconciler.missed(guild.id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        if not self.is_closed() and shard_id in self._lines:  # one that never was connected has nothing to lose
            self._shard(shard_id, connected=False)

    def _shard(self, shard_id: int, *, connected: bool) -> None:
        self.metrics.shard(shard_id, connected=connected)
        line = self._lines.setdefault(shard_id, _line(shard_id))
        line.good() if connected else line.bad(f"shard {shard_id}")

    async def faults(self) -> list[str]:
        """What keeps the bot from its work at this moment, a sentence each; for ``/healthz``."""
        found = []
        if not any(not line.on for line in self._lines.values()):
            found.append("No shard is connected to Discord.")
        if self.engine.is_overdue():
            found.append("The clubs were not looked at when they should have been.")
        if not await self.database.hold_is_alive():
            found.append("The database could be replaced by a restore: the hold on it was lost.")
        try:
            async with self.database.write() as conn:
                await meta.put(conn, "healthy_at", self.clock().isoformat(timespec="seconds"))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was asked for
            log.warning("the database cannot be written: %s", type(error).__name__)
            found.append(f"The database cannot be written ({type(error).__name__}).")
        return found

    async def close(self) -> None:
        """Finishes the steps in hand, leaves Discord, closes the database. May be called twice.

        Ten seconds are enough where the database answers; ``bot.runner`` sees to it that no more pass.
        """
        try:
            if self._opened:
                self._opened = False
                await self.janitor.stop()
                await self.reconciler.stop()
                await self.engine.stop()
        finally:
            if self._came:
                leaving = asyncio.ensure_future(super().close())
                # Discord need not answer our good-bye; whoever ends the event loop ends what is left of this.
                await asyncio.wait({leaving}, timeout=LEAVING)
            if self._health is not None:
                await self._health.stop()
            try:
                await self.collector.stop()  # nothing comes any more
            finally:
                await self.database.close()

    async def _sync_commands(self) -> None:
        """Tells Discord our commands only when they changed: it limits how often that may be done a day."""
        translator = self.tree.translator
        if translator is None:
            payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        else:
            payload = [
                await command.get_translated_payload(self.tree, translator) for command in self.tree.get_commands()
            ]
        digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
        key = f"commands:{self.application_id}"
        async with self.database.read() as conn:
            known = await meta.get(conn, key)
        if known == digest:
            return
        await self.tree.sync()
        async with self.database.write() as conn:
            await meta.put(conn, key, digest)
        log.info("told Discord our %s commands", len(payload))
