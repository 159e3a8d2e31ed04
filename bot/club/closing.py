"""Closes a post's thread when its days are over, and has the digest said there before."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import discord

from bot.clock import Clock
from bot.club.digesting import First, after_the_end, digest_key, look_again, plan_digest, what_first
from bot.club.outcome import Outcome, judge
from bot.storage import discussions, outgoing
from bot.storage.database import Database
from bot.storage.records import Outgoing, OutgoingState

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)


class Closer:
    """Takes the last step of posts that its ``owner`` has claimed."""

    def __init__(
        self,
        bot: "commands.AutoShardedBot",
        database: Database,
        clock: Clock,
        owner: str,
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self._bot = bot
        self._database = database
        self._clock = clock
        self._owner = owner
        self._catch_up = catch_up

    async def close(self, row: Outgoing) -> None:
        """Raises what may pass by itself; what will not is over."""
        await self._catch_up()
        async with self._database.explaining(), self._database.read() as conn:
            first = await what_first(conn, row, self._clock())
        thread = None if first is First.WAITING else await self._thread(row)
        if first is First.WAITING or (first is First.DIGEST and thread is not None and not thread.locked):
            await self._put_closing_off(row, with_digest=first is First.DIGEST)
            return
        if thread is not None:
            await self._archive(row, thread)
        now = self._clock()
        async with self._database.explaining(), self._database.write() as conn:
            await outgoing.give_up(conn, digest_key(row), now, fault="The thread was closed before.")
            held = await outgoing.finish_step(conn, row.id, owner=self._owner, state=OutgoingState.CLOSED, due_at=None)
            await discussions.close(conn, row.id, now)
            if held:
                await after_the_end(conn, row, now)

    async def _put_closing_off(self, row: Outgoing, *, with_digest: bool) -> None:
        """Its digest, once it stands there, has the thread closed at once."""
        now = self._clock()
        async with self._database.explaining(), self._database.write() as conn:
            if with_digest:
                await plan_digest(conn, row, now)
            await outgoing.finish_step(
                conn,
                row.id,
                owner=self._owner,
                state=OutgoingState.THREADED,
                due_at=look_again(row, now),
                retries=row.retries + 1,
            )

    async def _thread(self, row: Outgoing) -> discord.Thread | None:
        """None where it is gone, or nothing that can be closed."""
        try:
            thread = await self._bot.fetch_channel(row.thread_id or 0)
        except discord.HTTPException as error:
            self._do_without(row, error)
            return None
        return thread if isinstance(thread, discord.Thread) else None

    async def _archive(self, row: Outgoing, thread: discord.Thread) -> None:
        # Its creator may archive it; only with Manage Threads may it be locked as well.
        can_lock = thread.permissions_for(thread.guild.me).manage_threads
        if thread.archived and (thread.locked or not can_lock):
            return
        try:
            await (thread.edit(archived=True, locked=True) if can_lock else thread.edit(archived=True))
        except discord.HTTPException as error:
            self._do_without(row, error)

    @staticmethod
    def _do_without(row: Outgoing, error: discord.HTTPException) -> None:
        """A person deleted or locked the thread, or the channel was taken from us. It is over either way, and no
        reason to stop the club: should a permission be missing, the next post will say so."""
        if judge(error).outcome in (Outcome.UNKNOWN, Outcome.LATER):
            raise error
        log.info("the thread of message %s cannot be closed: code %s", row.id, error.code)
