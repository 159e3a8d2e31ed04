"""What waits to be written: a bounded batch that becomes a transaction a few times a second."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from discord.ext import tasks

from bot.clock import Clock
from bot.discussion.batch import Batch
from bot.discussion.writing import write
from bot.errors import ApplecoreError
from bot.outage import Outage
from bot.storage import deletions, gathering
from bot.storage.database import Connection, Database

log = logging.getLogger(__name__)

PAUSE = 0.25
"""Seconds from one batch to the next: what comes in between costs one transaction. The fewer these are, the less the
database's thread and the event loop wait for each other."""

MANY = 20_000
"""Entries that are written without waiting for the end of the pause."""

MOST = 100_000
"""Entries that wait at most. What comes on top while the database is away is asked of Discord afterwards."""

EARLY = 60.0
"""Seconds that events wait for their post, which is noted as sent a moment after Discord shows it."""

STOPPING = 2.0
"""Seconds that a stop waits for the last batch."""


@dataclass(slots=True)
class _Early:
    since: float
    batch: Batch = field(default_factory=Batch)


class Spool:
    """Whoever takes part in it runs in one event loop; only what is ``async`` waits for the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.pause = PAUSE
        self.most = MOST
        self.repair: Callable[[], None] = lambda: None
        """Called after threads of which events were lost were marked as to be compared with Discord."""
        self.found: Callable[[set[int]], None] = lambda _: None
        """Told which of the threads that events wait for are a post's by now."""
        self._database = database
        self._clock = clock
        self._moment = clock()
        self._open = Batch()
        self._sealed: list[Batch] = []
        self._held = 0
        """Entries of those that are sealed."""
        self._missed: set[int] = set()
        self._early: dict[int, _Early] = {}
        self._forgotten = deletions.Forgotten(())
        self._version: tuple[int, ...] | None = None
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._done_at: float | None = None
        self._stopped = False
        self._again = tasks.loop(seconds=1.0)(self._try_again)
        self._trouble = Outage(
            "what members say cannot be stored (%s); it waits and is tried again every second",
            "what members say is stored again after %s",
        )

    @property
    def waiting(self) -> int:
        """Entries that are not committed yet."""
        early = sum(each.batch.size for each in self._early.values()) if self._early else 0
        return self._open.size + self._held + early

    def now(self) -> datetime:
        """The present, to within the time that a batch takes to be written: one for many events is quicker to store."""
        if self._open.size == 0 or self._trouble.on:
            self._moment = self._clock()
        return self._moment

    def batch(self, thread_id: int) -> Batch:
        """Where to note at once what happened to a post's thread.

        Where too much waits already, it is one that nobody writes, and the thread will be compared with Discord.
        """
        batch = self._open
        if batch.size + self._held >= self.most or (self._early and self.waiting >= self.most):
            self._missed.add(thread_id)
            batch = Batch()
        if self._timer is None or batch.size >= MANY:
            self._arm()
        return batch

    def unbounded_batch(self) -> Batch:
        """Where to note what happens too seldom to need a bound."""
        self._arm()
        return self._open

    def early_batch(self, thread_id: int) -> Batch:
        """Where to note what happened to a thread that may turn out to be a post's within the next minute."""
        self._arm()
        if self.waiting >= self.most:
            return Batch()
        return self._early.setdefault(thread_id, _Early(asyncio.get_running_loop().time())).batch

    def missed(self, thread_id: int) -> None:
        """Something about that thread was lost: it is to be compared with Discord."""
        self._missed.add(thread_id)
        self._arm()

    def look(self, thread_id: int) -> None:
        """The thread may be a post's by now."""
        if thread_id in self._early:
            self._arm()

    async def flush(self) -> None:
        """What was noted before is committed when this returns. ApplecoreError says why it cannot be."""
        async with self._turn:
            if self._sealed:
                await self._commit()
            if self._open or self._missed or self._early:
                self._seal(self._open)
                self._open = Batch()
                await self._commit()
        if self._open or self._missed:
            self._arm()

    def _seal(self, *batches: Batch) -> None:
        """To be written before what is sealed already."""
        self._sealed[:0] = batches
        self._held = sum(batch.size for batch in self._sealed)

    async def stop(self) -> None:
        """Writes what waits, and nothing after that."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        self._again.cancel()
        try:
            async with asyncio.timeout(STOPPING):
                await self.flush()
        except (ApplecoreError, TimeoutError):
            log.warning("%s events could not be stored; the next start asks Discord for them", self.waiting)

    def _arm(self) -> None:
        """Sees to it that what waits is written soon."""
        if self._task is not None or self._stopped or self._trouble.on:
            return  # whoever is at it, or tries again, sees to it
        loop = asyncio.get_running_loop()
        if self._open.size >= MANY:
            self._begin()
        elif self._timer is None:
            calm = self._done_at is None or loop.time() >= self._done_at + self.pause
            self._timer = loop.call_later(0.0 if calm else self.pause, self._begin)

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None and not self._stopped:
            self._task = asyncio.get_running_loop().create_task(self._write_now(), name="collector")

    async def _write_now(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await self.flush()
        except ApplecoreError:
            pass  # it was said, and is tried again
        finally:
            self._task, self._done_at = None, loop.time()
        if self._open or self._missed:
            self._arm()

    def _keep_trying(self) -> None:
        if not self._again.is_running() and not self._stopped:
            self._again.start()

    async def _try_again(self) -> None:
        try:
            await self.flush()
        except ApplecoreError:
            return
        if not self._early:
            self._again.stop()

    async def _commit(self) -> None:
        """Writes what is sealed. What fails though the database can be written is given up the second time."""
        for last in (False, True):
            try:
                await self._try_to_commit()
            except ApplecoreError as error:
                self._trouble.bad(str(error).rstrip("."))
                self._keep_trying()
                raise
            except Exception:
                if not last:  # a post may have been deleted in between
                    continue
                log.exception("what members said cannot be stored as it is; Discord is asked for it")
                self._missed.update(*(batch.thread_ids() for batch in self._sealed))
            self._sealed.clear()
            self._held = 0
            self._trouble.good()
            return

    async def _try_to_commit(self) -> None:
        missed, self._missed = self._missed, set()
        try:
            async with self._database.explaining(), self._database.write() as conn:
                version = await deletions.version(conn)
                if version != self._version:
                    self._forgotten, self._version = await deletions.forgotten(conn), version
                if self._early:
                    await self._release(conn)
                for batch in self._sealed:
                    await write(conn, batch, self._forgotten)
                await gathering.want(conn, missed, self._clock())
        except BaseException:
            self._missed |= missed
            raise
        if missed:
            self.repair()

    async def _release(self, conn: Connection) -> None:
        """Seals what waited for a post that is there now: it happened before all else that is known of it."""
        found = await gathering.known(conn, self._early)
        self._seal(*(self._early.pop(thread_id).batch for thread_id in found))
        horizon = asyncio.get_running_loop().time() - EARLY
        for thread_id in [each for each, early in self._early.items() if early.since < horizon]:
            del self._early[thread_id]
        if self._early:
            self._keep_trying()
        self.found(found)
