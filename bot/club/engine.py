"""The club at work: looks at what is due, has it planned and delivered, and sleeps until the next moment."""

import asyncio
import logging
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import discord
from discord.ext import tasks

from bot.clock import Clock
from bot.club.courier import Courier
from bot.club.delivery import Delivery
from bot.club.planner import plan_due
from bot.metrics import Metrics
from bot.storage import clubs, outgoing
from bot.storage.database import Database
from bot.storage.records import Shards

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)

LONGEST_SLEEP = 300.0
"""Seconds. Timers stand still while a machine is suspended, so none is trusted for longer."""

OVERDUE = 120.0
"""Seconds: longer than one step may take."""

GRACE = 6.0
"""Seconds that a stop leaves to what is on its way: with all else that ends, a bot is gone within ten."""


class ClubEngine:
    """One per bot. Everything it knows is in the database; killing it at any point loses nothing."""

    def __init__(
        self,
        bot: "commands.AutoShardedBot",
        database: Database,
        clock: Clock,
        *,
        shards: Shards | None,
        metrics: Metrics,
    ) -> None:
        self.owner = secrets.token_hex(8)
        self.last_tick: datetime | None = None
        self.next_look: datetime | None = None
        self._database = database
        self._clock = clock
        self._shards = shards
        self._metrics = metrics
        courier = Courier(bot, database, clock, metrics, self.owner)
        self._delivery = Delivery(database, clock, courier, self.owner, shards)
        self._working = asyncio.Lock()
        self._stopping = False
        self._poked = False
        self._nudges: set[asyncio.Task[None]] = set()
        self._loop = tasks.loop(seconds=1)(self._turn)

    @property
    def next_turn(self) -> datetime | None:
        """When the loop wakes up by itself, in UTC; None while it does not run."""
        return self._loop.next_iteration

    def is_overdue(self) -> bool:
        """Whether the clubs should have been looked at by now and were not, or a look does not come to its end."""
        if self._working.locked():
            return self._delivery.idle_for() > OVERDUE
        return self.next_look is not None and (self._clock() - self.next_look).total_seconds() > OVERDUE

    def start(self) -> None:
        """Begins to work; again after a reconnect it only has a look at once."""
        if self._loop.is_running():
            self.poke()
        elif not self._stopping:
            self._loop.start()

    def poke(self) -> None:
        """Something was changed: looks at once instead of at the next moment it knew of."""
        if self._loop.is_running() and not self._stopping:
            self._poked = True
            nudge = asyncio.create_task(self._turn())
            self._nudges.add(nudge)
            nudge.add_done_callback(self._nudges.discard)

    async def stop(self) -> None:
        """Finishes the steps in hand, or breaks them off after a while, gives its claims back, and does no more."""
        self._stopping = True
        self._delivery.stop()
        breaking_off = asyncio.get_running_loop().call_later(GRACE, self._delivery.give_up)
        async with self._working:
            breaking_off.cancel()
            self._loop.cancel()
            await self.release()

    async def release(self) -> None:
        async with self._database.write() as conn:
            await outgoing.release_all(conn, self.owner)

    async def _turn(self) -> None:
        if self._working.locked():  # the turn that is under way sees the poke, and says when to look again
            self._sleep_for(1.0)
            return
        async with self._working:
            while not self._stopping and self._has_reason():
                self._poked = False
                try:
                    await self.tick()
                except Exception:
                    # The database may be away for a while; the loop must outlive that.
                    log.exception("the club's turn failed; trying again in a moment")
                    self.next_look = self._clock() + timedelta(seconds=15)
        if not self._stopping and self.next_look is not None:
            wait = (self.next_look - self._clock()).total_seconds()
            self._sleep_for(min(max(wait, 0.05), LONGEST_SLEEP))

    def _has_reason(self) -> bool:
        return self._poked or self.next_look is None or self._clock() >= self.next_look

    def _sleep_for(self, seconds: float) -> None:
        """Seconds from now; the loop itself counts from when its last turn was to begin, perhaps long ago."""
        self._loop.change_interval(seconds=0)
        began = self._loop.next_iteration or discord.utils.utcnow()
        lag = (discord.utils.utcnow() - began).total_seconds()
        self._loop.change_interval(seconds=max(lag + seconds, 0.0))
        if lag < -1.0:  # the clock was set back: the loop would wait until it has caught up
            self._loop.restart()

    async def tick(self) -> None:
        """One look: plans what is due, takes every step that can be taken, and notes when to look again."""
        await self._database.hold()
        if self.last_tick is None:
            async with self._database.write() as conn:
                await clubs.forget_decisions(conn, self._shards)
        await self._delivery.run(self._plan)
        async with self._database.read() as conn:
            next_slot = await clubs.next_decision(conn, self._shards)
            next_step = await outgoing.next_due(conn, shards=self._shards)
        self.last_tick = self._clock()
        self.next_look = min((moment for moment in (next_slot, next_step) if moment is not None), default=None)
        if self.next_look is None:
            self.next_look = self.last_tick + timedelta(days=1)
        self._metrics.ticked(self.last_tick, self.next_look)

    async def _plan(self) -> bool:
        self._poked = False
        return await plan_due(self._database, self._shards, self._clock())
