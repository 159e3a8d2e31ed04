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
"""How many messages are claimed at once at most; none before those of the last batch are on their way."""

AT_ONCE = 50
"""How many messages are on their way at the same time: as many as Discord takes requests in a second."""

LOOK = 1.0
"""Seconds after which, once all that is claimed is on its way, it is looked again for what has become due since."""


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
        try:
            await self._work(plan)
        except Exception as error:  # noqa: BLE001 - raised below, once nothing is on its way any more
            self._errors.append(error)
        while self._running:
            await self._wait(None)
        errors, self._errors = self._errors, []
        await self._give_back()
        if errors:
            raise errors[0]

    async def _work(self, plan: Callable[[], Awaitable[bool]]) -> None:
        loop = asyncio.get_running_loop()
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
                # While some of the last batch wait for their turn there is no look to wake up for.
                finished += await self._wait((beat if self._claimed else min(look, beat)) - loop.time())
            elif finished:
                more = True  # what was finished may have set its club free for what comes next
            elif not more:
                break
            if loop.time() >= beat:
                await self._renew()
                beat = loop.time() + HEARTBEAT

    def begin(self) -> None:
        """From here on :meth:`idle_for` counts."""
        self._moved = time.monotonic()

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
        self._break_off_lost()
        async with self._database.write() as conn:
            claimed = await outgoing.claim(
                conn, owner=self._owner, now=self._clock(), lease=LEASE, shards=self._shards, limit=BATCH
            )
        self._claimed.extend(claimed)

    def _break_off_lost(self) -> None:
        """Whose lease was not renewed in time, as when the machine slept, may be another process's by now."""
        for task, (_, lease) in self._running.items():
            if lease.is_over:
                task.cancel()

    def _start(self) -> None:
        under_way = {row.id for row, _ in self._running.values()}
        waiting: list[Outgoing] = []
        while self._claimed and len(self._running) < AT_ONCE and not self._stopping:
            row = self._claimed.popleft()
            if row.id in under_way:  # claimed again after its lease was over: once the first step has come to its end
                waiting.append(row)
                continue
            self._moved = time.monotonic()
            lease = Lease(self._clock, row.lease_until or self._clock())
            self._running[asyncio.create_task(self._courier.step(row, lease))] = row, lease
        self._claimed.extend(waiting)

    async def _wait(self, seconds: float | None) -> int:
        """Waits for a step to come to its end, so long at most; answers how many did."""
        timeout = None if seconds is None else max(seconds, 0.0)
        done, _ = await asyncio.wait(self._running, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._moved = time.monotonic()
            row, _ = self._running.pop(task)
            if task.cancelled():
                log.info("message %s was broken off; it goes on later", row.id, extra=row.ids())
            elif (error := task.exception()) is not None:
                self._errors.append(error)
        return len(done)

    async def _renew(self) -> None:
        """The heartbeat. What another process has taken meanwhile, or may have, is that one's to carry on."""
        self._break_off_lost()
        kept = (row for row, lease in self._running.values() if not lease.is_over)
        row_ids = [row.id for row in (*self._claimed, *kept)]
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
        row_ids = [row.id for row in self._claimed]
        self._claimed.clear()  # where it cannot be written down, the leases end by themselves
        if row_ids:
            async with self._database.write() as conn:
                await outgoing.release(conn, self._owner, row_ids)
