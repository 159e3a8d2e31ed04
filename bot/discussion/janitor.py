"""Drops every hour what has been kept for long enough: texts, and everything about servers that the bot has left."""

import asyncio
import logging
from typing import TYPE_CHECKING

from discord.ext import tasks

from bot.clock import Clock
from bot.errors import ApplecoreError
from bot.outage import Outage
from bot.storage import guilds, retention
from bot.storage.database import Database
from bot.storage.records import Shards

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)

EVERY = 3600.0
"""Seconds."""


class Janitor:
    """One per bot, for the guilds of its shards. Killing it at any point loses nothing: the next look goes on."""

    def __init__(
        self, bot: "commands.AutoShardedBot", database: Database, clock: Clock, *, shards: Shards | None
    ) -> None:
        self._bot = bot
        self._database = database
        self._clock = clock
        self._shards = shards
        self._counted = False
        self._stopping = False
        self._working = asyncio.Lock()
        self._loop = tasks.loop(seconds=EVERY)(self._turn)
        self._trouble = Outage(
            "what was kept for long enough cannot be dropped (%s); it is tried again every hour",
            "what was kept for long enough is dropped again after %s",
        )

    def start(self) -> None:
        """To be called whenever Discord has told in which guilds the bot is."""
        self._counted = False
        if not self._loop.is_running() and not self._stopping:
            self._loop.start()

    async def stop(self) -> None:
        """Finishes the transaction in hand."""
        self._stopping = True
        async with self._working:
            self._loop.cancel()

    async def _turn(self) -> None:
        async with self._working:
            try:
                async with self._database.explaining():
                    await self.look()
            except Exception as error:
                if not isinstance(error, ApplecoreError) and not self._trouble.on:
                    log.error("the janitor failed in our own code", exc_info=error)
                self._trouble.bad(str(error).rstrip(".") if isinstance(error, ApplecoreError) else type(error).__name__)
            else:
                self._trouble.good()

    async def look(self) -> None:
        """Drops all that is due."""
        if not self._counted:
            await self._count_guilds()
            self._counted = True
        dropped = await self._drop_texts()
        dropped |= await self._purge_guilds()
        if dropped:
            await self._database.scrub()

    async def _count_guilds(self) -> None:
        """Who removed or invited the bot while it was away did so unseen.

        A guild that Discord cannot serve at the moment is among the bot's all the same.
        """
        async with self._database.read() as conn:
            known = await retention.known_guilds(conn, self._shards)
        gone = [id_ for id_, left_at in known.items() if left_at is None and self._bot.get_guild(id_) is None]
        back = [id_ for id_, left_at in known.items() if left_at is not None and self._bot.get_guild(id_) is not None]
        if not gone and not back:
            return
        async with self._database.write() as conn:
            for guild_id in gone:
                await guilds.left(conn, guild_id, self._clock())
            for guild_id in back:
                await guilds.joined(conn, guild_id)

    async def _drop_texts(self) -> bool:
        now, dropped = self._clock(), False
        async with self._database.read() as conn:
            old = await retention.with_old_texts(conn, now, self._shards)
        for guild_id in old:
            while not self._stopping:
                async with self._database.write() as conn:
                    if not await retention.drop_texts(conn, guild_id, now):
                        break
                dropped = True
        while not self._stopping:
            async with self._database.read() as conn:
                picked = await retention.old_picked_texts(conn, now, self._shards)
            if not picked:
                break
            async with self._database.write() as conn:
                await retention.drop_picked_texts(conn, picked)
            dropped = True
        return dropped

    async def _purge_guilds(self) -> bool:
        now, purged = self._clock(), False
        async with self._database.read() as conn:
            left = await retention.left_long_ago(conn, now, self._shards)
        for guild_id in left:
            if self._stopping:
                break
            async with self._database.write() as conn:
                gone = await retention.purge(conn, guild_id, now)
            if gone:
                log.info("deleted what was stored about a server that removed the bot", extra={"guild_id": guild_id})
            purged |= gone
        return purged
