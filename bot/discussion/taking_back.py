"""Deletes the thoughts that the bot posted for members, who cannot delete the bot's messages themselves."""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

import discord

from bot.club.outcome import TRANSIENT, UNKNOWN_CHANNEL, Failure, Outcome, RefusedError, judge
from bot.discussion.collector import Collector

if TYPE_CHECKING:
    from discord.ext import commands

log = logging.getLogger(__name__)

Posted = tuple[int, int, int]
"""Guild, thread and message."""

LONGEST = 600.0
"""Seconds after which no further message is tried. Whoever asked can be answered for 900
(interactions/receiving-and-responding.mdx), and Discord may make the last request wait."""

THREAD_ARCHIVED = 50083
TOO_MANY = Failure(Outcome.LATER, "Discord lets me delete only so many at a time.", general=True)


async def take_back(
    bot: "commands.AutoShardedBot", collector: Collector, thoughts: Iterable[Posted], *, seconds: float = LONGEST
) -> dict[Posted, Failure]:
    """Deletes those messages in Discord, and has the collector note that they are gone.

    Answers which may still be there, and why. ``thoughts`` must be messages of our own.
    """
    until = asyncio.get_running_loop().time() + seconds
    threads: dict[tuple[int, int], list[int]] = {}
    for guild_id, thread_id, message_id in thoughts:
        threads.setdefault((guild_id, thread_id), []).append(message_id)
    left: dict[Posted, Failure] = {}
    general: Failure | None = None
    for (guild_id, thread_id), message_ids in threads.items():
        # What keeps one message from going keeps the others of its thread, or all: Discord counts what it refuses.
        failure = general
        thread = _Thread(bot, guild_id, thread_id)
        try:
            for message_id in message_ids:
                failure = failure or await _delete_in_time(thread, message_id, until)
                if failure is None:
                    collector.deleted(thread_id, message_id)
                else:
                    left[guild_id, thread_id, message_id] = failure
        finally:
            await thread.close()
        general = failure if failure is not None and failure.general else None
    return left


async def _delete_in_time(thread: "_Thread", message_id: int, until: float) -> Failure | None:
    """Waits as long as Discord wants us to, if there is time for it."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        failure = await thread.delete(message_id)
        if failure is None or failure.retry_after is None or loop.time() + failure.retry_after >= until:
            return failure
        await asyncio.sleep(failure.retry_after)
    return TOO_MANY


class _Thread:
    """A thread, which is opened where it has to be, and closed again as it was."""

    def __init__(self, bot: "commands.AutoShardedBot", guild_id: int, thread_id: int) -> None:
        self._bot = bot
        self._id = thread_id
        self._messages = bot.get_partial_messageable(thread_id, guild_id=guild_id)
        self._opened = False

    async def delete(self, message_id: int) -> Failure | None:
        """Why it may still be there; None where it is gone, whoever deleted it."""
        message = self._messages.get_partial_message(message_id)
        try:
            try:
                await message.delete()
            except discord.HTTPException as error:
                if error.code != THREAD_ARCHIVED:
                    raise
                await self._open()
                await message.delete()
        except RefusedError as error:
            return error.failure
        except TRANSIENT as error:
            failure = judge(error)
            with_thread = isinstance(error, discord.HTTPException) and error.code == UNKNOWN_CHANNEL
            return None if with_thread or failure.outcome is Outcome.GONE else failure
        return None

    async def _open(self) -> None:
        try:
            await self._bot.http.edit_channel(self._id, archived=False)
        except discord.Forbidden as error:
            if judge(error).outcome is not Outcome.REFUSED:
                raise
            raise RefusedError(
                Failure(Outcome.REFUSED, f"<#{self._id}> is closed, and I may not open it for that.")
            ) from error
        self._opened = True

    async def close(self) -> None:
        """Discord does it by itself after some days where we cannot."""
        if not self._opened:
            return
        try:
            await self._bot.http.edit_channel(self._id, archived=True)
        except TRANSIENT as error:
            log.info("a thread was opened and cannot be closed again: %s", type(error).__name__)
