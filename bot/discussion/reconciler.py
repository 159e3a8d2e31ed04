"""Looks through Discord for what was missed while the bot was away: which discussion is next, and when."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import discord
from discord.ext import commands

from bot.clock import Clock
from bot.club.outcome import TRANSIENT, judge
from bot.club.permissions import LOOKING, fault_in
from bot.discussion.collector import Collector
from bot.discussion.comparing import Comparison, TooBusyError, UnreadableError
from bot.discussion.history import Allowance, History
from bot.discussion.messages import reply_in
from bot.errors import ApplecoreError
from bot.outage import Outage
from bot.storage import discussions
from bot.storage.database import Database
from bot.storage.records import Discussion, Said, Shards

log = logging.getLogger(__name__)

PAUSES = (2, 5, 15, 30, 60)
"""Minutes before the next try after 1, 2, 3 … failures in a row; the last one repeats."""

AT_A_TIME = 50
"""Discussions that are read from the database at once; they are compared one after the other."""

NOT_THERE = "I am not in that server any more."
OUR_FAULT = "I failed to, by a fault of my own. The log of this bot says more."
UNAVAILABLE = "Discord says that the server is not available at present."


@dataclass(frozen=True, slots=True)
class Progress:
    """Since the bot last had nothing to look through, over all servers."""

    done: int
    total: int
    """Discussions, done ones included."""
    requests: int


@dataclass(slots=True)
class _PutOff:
    """A discussion that could not be compared, and waits for its next try."""

    discussion: Discussion
    reason: str
    until: datetime
    failures: int


class _HeldUpError(Exception):
    """Nothing can be compared at present, whichever discussion it is."""


class Reconciler:
    """One per bot. What is wanted is in the database, so that killing it at any point loses nothing."""

    def __init__(
        self,
        bot: commands.AutoShardedBot,
        database: Database,
        clock: Clock,
        collector: Collector,
        *,
        shards: Shards | None,
    ) -> None:
        self._bot = bot
        self._database = database
        self._clock = clock
        self._shards = shards
        self.allowance = Allowance()
        self._history = History(bot, self.allowance)
        self._comparison = Comparison(database, clock, collector, self._history, self._read)
        self._missed: list[Shards | int] = []
        self._put_off: dict[int, _PutOff] = {}
        self._held_up = 0
        self._trouble = Outage(
            "discussions cannot be compared with Discord (%s); trying again in some minutes",
            "discussions are compared with Discord again after %s",
        )
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._poked = False
        self._stopping = False
        self._done = self._total = self._asked = 0

    @property
    def progress(self) -> Progress | None:
        """None where there is nothing to do, or everything waits for its next try."""
        if self._task is None:
            return None
        return Progress(self._done, self._total, self._history.requests - self._asked)

    def faults(self, guild_id: int) -> list[str]:
        """What keeps discussions of a guild from being compared, a sentence each. They are tried again."""
        waiting = [each for each in self._put_off.values() if each.discussion.guild_id == guild_id]
        return sorted({each.reason for each in waiting})

    def missed(self, where: Shards | int) -> None:
        """Nothing was heard for a while of those guilds, or of the one with that id: what is open there is wanted."""
        self._missed.append(where)
        self.poke()

    def poke(self) -> None:
        """Discussions were marked as wanted."""
        self._poked = True
        if self._task is None and not self._stopping:
            if self._timer is not None:
                self._timer.cancel()
            self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Breaks off what is being compared; it stays wanted."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    # ---- one piece of work after the other, until nothing is wanted

    async def _work(self) -> None:
        self._done, self._asked = 0, self._history.requests
        try:
            while self._poked:
                self._poked = False
                async with self._database.explaining():
                    await self._note_missed()
                    await self._look_through()
        except ApplecoreError as error:
            self._hold_up(str(error).rstrip("."))
        except _HeldUpError as error:
            self._hold_up(str(error).rstrip("."))
        else:
            self._held_up = 0
            self._trouble.good()
        finally:
            self._task = None
            self._wait()

    async def _note_missed(self) -> None:
        while self._missed:
            where, now = self._missed[0], self._clock()
            async with self._database.write() as conn:
                if isinstance(where, Shards):
                    await discussions.want(conn, now=now, shards=where)
                else:
                    await discussions.want(conn, now=now, guild_id=where)
            del self._missed[0]

    async def _look_through(self) -> None:
        """Everything that is wanted, newest post first; begins anew when more is wanted meanwhile."""
        async with self._database.read() as conn:
            self._total = self._done + await discussions.count_wanted(conn, self._shards)
        seen: set[int] = set()
        before: int | None = None
        while True:
            async with self._database.read() as conn:
                rows = await discussions.wanted(conn, shards=self._shards, limit=AT_A_TIME, before=before)
            if not rows:
                break
            for row in rows:
                if not self._waits(row):
                    await self._compare(row.post_id)
                if self._poked:
                    return
                before = row.thread_id
                seen.add(row.post_id)
        for post_id in self._put_off.keys() - seen:
            del self._put_off[post_id]  # purged meanwhile

    async def _compare(self, post_id: int) -> None:
        async with self._database.read() as conn:
            discussion = await discussions.by_post(conn, post_id)
        if discussion is None or discussion.wanted_at is None:
            return
        obstacle, readable = self._obstacle(discussion)
        if obstacle is not None:
            self._postpone(discussion, obstacle)
            return
        try:
            async with self._database.explaining():
                await self._comparison.run(discussion, readable=readable)
        except (TooBusyError, UnreadableError, ApplecoreError) as error:
            self._postpone(discussion, str(error))
        except TRANSIENT as error:
            failure = judge(error)
            if failure.general:
                raise _HeldUpError(failure.reason) from error
            self._postpone(discussion, failure.reason)
        except Exception as error:  # one discussion must not keep the others waiting
            log.error("comparing a discussion with Discord failed in our own code", exc_info=error)
            self._postpone(discussion, OUR_FAULT)
        else:
            async with self._database.write() as conn:
                await discussions.reconciled(conn, post_id, wanted_at=discussion.wanted_at, at=self._clock())
            self._put_off.pop(post_id, None)
            self._done += 1

    def _obstacle(self, discussion: Discussion) -> tuple[str | None, bool]:
        """What keeps us from looking at all, and whether we are known to be allowed to read the history."""
        guild = self._bot.get_guild(discussion.guild_id)
        if guild is None:
            return NOT_THERE, False
        if guild.unavailable:
            return UNAVAILABLE, False
        channel = guild.get_channel(discussion.channel_id)
        if channel is None:
            return None, False
        return fault_in(channel, guild.me, channel.id, LOOKING), True

    def _read(self, message: discord.Message) -> Said | None:
        me = self._bot.user.id if self._bot.user is not None else None
        return reply_in(message, me=me, reads_content=self._bot.intents.message_content)

    # ---- later

    def _waits(self, row: Discussion) -> bool:
        """Whether it failed and its time has not come; where it was wanted anew since, its time is now."""
        put_off = self._put_off.get(row.post_id)
        if put_off is None or row.wanted_at != put_off.discussion.wanted_at:
            return False
        return timedelta() < put_off.until - self._clock() <= timedelta(minutes=PAUSES[-1])

    def _postpone(self, discussion: Discussion, reason: str) -> None:
        earlier = self._put_off.get(discussion.post_id)
        failures = earlier.failures + 1 if earlier is not None else 1
        told = {(each.discussion.channel_id, each.reason) for each in self._put_off.values()}
        if (discussion.channel_id, reason) not in told and reason != NOT_THERE:
            ids = {"guild_id": discussion.guild_id, "channel_id": discussion.channel_id}
            log.warning("a discussion cannot be compared with Discord yet: %s", reason, extra=ids)
        until = self._clock() + _pause(failures)
        self._put_off[discussion.post_id] = _PutOff(discussion, reason, until, failures)

    def _hold_up(self, reason: str) -> None:
        self._held_up += 1
        self._trouble.bad(reason)

    def _wait(self) -> None:
        """Sets the timer for what has to be tried again."""
        if self._stopping:
            return
        now, waits = self._clock(), [each.until for each in self._put_off.values()]
        if self._held_up:
            waits = [now + _pause(self._held_up)]
        if waits:
            seconds = max((min(waits) - now).total_seconds(), 1.0)
            self._timer = asyncio.get_running_loop().call_later(seconds, self.poke)


def _pause(failures: int) -> timedelta:
    return timedelta(minutes=PAUSES[min(failures, len(PAUSES)) - 1])
