"""The club at work: looks at what is due, has it planned and delivered, and sleeps until the next moment."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import discord
from discord.ext import tasks

from bot.clock import Clock
from bot.club.courier import Courier, nothing
from bot.club.delivery import Delivery
from bot.club.planner import plan_due
from bot.errors import ApplecoreError
from bot.metrics import Metrics
from bot.outage import Outage
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

AGAIN = timedelta(seconds=15)
"""Before a turn that failed is tried again."""

AT_ONCE = timedelta(seconds=1)
"""Before a club that is to be decided about at once is looked at, where somebody else has just locked it."""

SET_BACK = timedelta(minutes=1)
"""By how much a clock may be set back without anything being decided anew."""

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
        catch_up: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        """``catch_up`` puts into the database whatever was said until now."""
        self.owner = secrets.token_hex(8)
        self.last_tick: datetime | None = None
        self.next_look: datetime | None = None
        self._database = database
        self._clock = clock
        self._shards = shards
        self._metrics = metrics
        courier = Courier(bot, database, clock, metrics, self.owner, catch_up)
        self._delivery = Delivery(database, clock, courier, self.owner, shards)
        self._trouble = Outage("the clubs are held up (%s); trying again every 15 s", "the clubs go on after %s")
        self._failing_since: float | None = None
        self._latest: datetime | None = None
        self._fresh = True
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
        if self._failing_since is not None and time.monotonic() - self._failing_since > OVERDUE:
            return True
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
            self._delivery.begin()
            self._watch_clock()
            holds = await self._holds()
            while holds and not self._stopping and self._has_reason():
                self._poked = False
                try:
                    async with self._database.explaining():
                        await self.tick()
                except Exception as error:  # noqa: BLE001 - the database may be away; the loop must outlive that
                    self._failed(error)
                else:
                    self._failing_since = None
                    self._trouble.good()
        if not self._stopping and self.next_look is not None:
            wait = (self.next_look - self._clock()).total_seconds()
            self._sleep_for(min(max(wait, 0.05), LONGEST_SLEEP))

    async def _holds(self) -> bool:
        """At every waking, not only where there is something to do: a restore must not find us away in between."""
        try:
            await self._database.hold(patience=0.0)
        except ApplecoreError as error:
            self._failed(error)
            return False
        return True

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ApplecoreError) and not self._trouble.on:
            log.error("the clubs' turn failed in our own code", exc_info=error)
        self._trouble.bad(str(error).rstrip(".") if isinstance(error, ApplecoreError) else type(error).__name__)
        self._failing_since = self._failing_since or time.monotonic()
        self.next_look = self._clock() + AGAIN

    def _watch_clock(self) -> None:
        """What was noted under a clock that was ahead would else be waited for until that time has come again."""
        now = self._clock()
        if self._latest is not None and now < self._latest - SET_BACK:
            log.warning("the clock was set back by %s; every club is looked at anew", self._latest - now)
            self._fresh, self.next_look = True, None
        self._latest = now

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
        if self._fresh:
            async with self._database.write() as conn:
                await clubs.forget_decisions(conn, self._shards)
                await outgoing.forget_pauses(conn, self._clock(), self._shards)
            self._fresh = False
        await self._delivery.run(self._plan)
        now = self._clock()
        async with self._database.read() as conn:
            next_slot = await clubs.next_decision(conn, self._shards, now + AT_ONCE)
            next_step = await outgoing.next_due(conn, now=now, shards=self._shards)
        self.last_tick = self._clock()
        self.next_look = min((moment for moment in (next_slot, next_step) if moment is not None), default=None)
        if self.next_look is None:
            self.next_look = self.last_tick + timedelta(days=1)
        self._metrics.ticked(self.last_tick, self.next_look)

    async def _plan(self) -> bool:
        self._poked = False
        return await plan_due(self._database, self._shards, self._clock())
