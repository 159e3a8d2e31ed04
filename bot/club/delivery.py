"""Carries everything that is due to Discord: claims it in batches, keeps the leases alive, one step after the other."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from bot.clock import Clock
from bot.club.courier import Courier
from bot.club.lease import Lease
from bot.storage import outgoing
from bot.storage.database import Database
from bot.storage.records import Outgoing, Shards

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
"""How long a claimed row is left to its owner without a heartbeat: longer than a step may take."""

HEARTBEAT = 30.0
"""Seconds between renewals of the leases of all that is claimed."""

BATCH = 100
"""How many messages are claimed at once at most."""

AT_ONCE = 50
"""How many messages are on their way at the same time: as many as Discord takes requests in a second."""

LOOK = 1.0
"""Seconds after which, while messages are on their way, it is looked again for what has become due meanwhile."""


class Delivery:
    """Of one process, the ``owner`` of what it claims."""

    def __init__(self, database: Database, clock: Clock, courier: Courier, owner: str, shards: Shards | None) -> None:
        self._database = database
        self._clock = clock
        self._courier = courier
        self._owner = owner
        self._shards = shards
        self._claimed: deque[Outgoing] = deque()
        self._running: dict[asyncio.Task[None], tuple[Outgoing, Lease]] = {}
        self._stopping = False
        self._moved = time.monotonic()
        self._errors: list[BaseException] = []

    async def run(self, plan: Callable[[], Awaitable[bool]]) -> None:
        """Plans and delivers until nothing is due. ``plan`` answers whether there may be more to plan.

        Raises the first error of our own code or of the database; everything on its way comes to its end before.
        """
        loop = asyncio.get_running_loop()
        self._moved = time.monotonic()
        beat = loop.time() + HEARTBEAT
        look = loop.time()
        more, finished = True, 0
        while not self._stopping and not self._errors:
            if not self._claimed and (more or loop.time() >= look):
                more = await plan()
                await self._claim()
                look = loop.time() + LOOK
                finished = 0
            self._start()
            if self._running:
                finished += await self._wait(min(look, beat) - loop.time())
            elif finished:
                more = True  # what was finished may have set its club free for what comes next
            elif not more:
                break
            if loop.time() >= beat:
                await self._renew()
                beat = loop.time() + HEARTBEAT
        while self._running:
            await self._wait(None)
        await self._give_back()
        if self._errors:
            raise self._errors.pop()

    def idle_for(self) -> float:
        """Seconds since something came to its end, or was begun."""
        return time.monotonic() - self._moved

    def stop(self) -> None:
        """Begins nothing more; :meth:`run` ends when what is on its way has come to its end."""
        self._stopping = True

    def give_up(self) -> None:
        """Breaks off what is on its way. It may have reached Discord: whoever goes on with it looks first."""
        for task in self._running:
            task.cancel()

    async def _claim(self) -> None:
        if self._stopping:
            return
        async with self._database.write() as conn:
            claimed = await outgoing.claim(
                conn, owner=self._owner, now=self._clock(), lease=LEASE, shards=self._shards, limit=BATCH
            )
        self._claimed.extend(claimed)

    def _start(self) -> None:
        while self._claimed and len(self._running) < AT_ONCE and not self._stopping:
            row = self._claimed.popleft()
            self._moved = time.monotonic()
            lease = Lease(self._clock, row.lease_until or self._clock())
            self._running[asyncio.create_task(self._courier.step(row, lease))] = row, lease

    async def _wait(self, seconds: float | None) -> int:
        """Waits for a step to come to its end, so long at most; answers how many did."""
        timeout = None if seconds is None else max(seconds, 0.0)
        done, _ = await asyncio.wait(self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._moved = time.monotonic()
            row, _ = self._running.pop(task)
            if task.cancelled():
                log.info("message %s was broken off; it goes on with a look into its channel", row.id, extra=row.ids())
            elif (error := task.exception()) is not None:
                self._errors.append(error)
        return len(done)

    async def _renew(self) -> None:
        """The heartbeat. What another process has taken meanwhile is that one's to carry on."""
        row_ids = [row.id for row in (*self._claimed, *(row for row, _ in self._running.values()))]
        until = self._clock() + LEASE
        async with self._database.write() as conn:
            ours = await outgoing.renew(conn, self._owner, row_ids, until)
        self._claimed = deque(replace(row, lease_until=until) for row in self._claimed if row.id in ours)
        for task, (row, lease) in self._running.items():
            if row.id in ours:
                lease.until = until
            else:
                task.cancel()

    async def _give_back(self) -> None:
        if not self._claimed:
            return
        async with self._database.write() as conn:
            await outgoing.release(conn, self._owner, [row.id for row in self._claimed])
        self._claimed.clear()
