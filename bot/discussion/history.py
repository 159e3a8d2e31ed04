"""What Discord says of a post and its thread at this moment, a page at a time, so that no thread is too large."""

import asyncio
from dataclasses import dataclass
from typing import Literal

import discord
from discord.ext import commands

from bot.discussion.messages import emoji_of
from bot.storage.records import BURST, NORMAL

PAGE = 100
"""Messages of a history, or users of a reaction, in one answer at most (resources/message.mdx)."""

PER_SECOND = 10.0
"""Requests a second in the long run. Posting has the rest of what Discord allows a bot."""

AT_ONCE = 50
"""Requests that may follow each other without a pause after a time without any."""

GONE = frozenset({10003, 10008})
"""Discord's errors for a channel or a message that was deleted (topics/opcodes-and-status-codes.mdx). Another 404 is
not Discord's own but a proxy's, and tells of no deletion."""

UNKNOWN_EMOJI = 10014
"""Its error for an emoji that it does not know any more."""

TYPES: dict[int, Literal[0, 1]] = {NORMAL: 0, BURST: 1}
"""Our bit of a kind of reaction → Discord's number for it."""


class Allowance:
    """Spreads requests over time: ``AT_ONCE``, and ``per_second`` more for each second that passes."""

    def __init__(self, per_second: float = PER_SECOND) -> None:
        self.per_second = per_second
        self._left = float(AT_ONCE)
        self._reckoned: float | None = None

    async def spend(self) -> None:
        """Waits until the next request may go out."""
        loop = asyncio.get_running_loop()
        while (wait := self._wait(loop.time())) > 0:  # noqa: ASYNC110 - it comes with time alone
            await asyncio.sleep(wait)
        self._left -= 1

    def _wait(self, now: float) -> float:
        passed = now - self._reckoned if self._reckoned is not None else 0.0
        self._left = min(self._left + passed * self.per_second, AT_ONCE)
        self._reckoned = now
        return (1 - self._left) / self.per_second


@dataclass(frozen=True, slots=True)
class Sign:
    """An emoji that a reaction was given with."""

    key: str
    """As ``reactions.emoji`` has it: the emoji itself, or a custom one's id."""
    name: str | None
    """What a custom one is called."""
    written: str
    """As the addresses of the API have it."""


def sign_of(emoji: discord.Emoji | discord.PartialEmoji | str) -> Sign:
    if isinstance(emoji, str):
        return Sign(*emoji_of(discord.PartialEmoji(name=emoji)), written=emoji)
    # Of a deleted one Discord leaves the name out; it goes by the id alone.
    key, name = emoji_of(discord.PartialEmoji(name=emoji.name or "", id=emoji.id))
    return Sign(key, name, written=f"{emoji.name or '_'}:{emoji.id}" if emoji.id is not None else emoji.name)


@dataclass(frozen=True, slots=True)
class Givers:
    """A page of those who gave a reaction, in ascending order of their ids."""

    people: frozenset[int]
    """Without bots."""
    last: int | None
    """The greatest id of the page; None where no page follows."""


class History:
    """Raises ``discord.HTTPException`` and what the connection raises; what is gone is None."""

    def __init__(self, bot: commands.AutoShardedBot, allowance: Allowance) -> None:
        self._bot = bot
        self._allowance = allowance
        self.requests = 0
        """How many were made."""

    async def thread(self, thread_id: int) -> discord.Thread | None:
        await self._ask()
        try:
            found = await self._bot.fetch_channel(thread_id)
        except discord.NotFound as error:
            _raise_unless_gone(error)
            return None
        return found if isinstance(found, discord.Thread) else None

    async def post(self, guild_id: int, channel_id: int, message_id: int) -> discord.Message | None:
        await self._ask()
        channel = self._bot.get_partial_messageable(channel_id, guild_id=guild_id)
        try:
            return await channel.fetch_message(message_id)
        except discord.NotFound as error:
            _raise_unless_gone(error)
            return None

    async def page(self, guild_id: int, thread_id: int, after: int) -> list[discord.Message] | None:
        """The messages past that id, oldest first. Fewer than ``PAGE`` are the last.

        Without the permission to read the history Discord answers none at all: who asks has to know.
        """
        await self._ask()
        thread = self._bot.get_partial_messageable(thread_id, guild_id=guild_id)
        past = thread.history(limit=PAGE, after=discord.Object(after), oldest_first=True)
        try:
            return [message async for message in past]
        except discord.NotFound as error:
            _raise_unless_gone(error)
            return None

    async def givers(self, channel_id: int, message_id: int, sign: Sign, kind: int, after: int) -> Givers | None:
        """Those past that id who gave the reaction in that way; None where the message is gone."""
        await self._ask()
        try:
            # discord.py's own Reaction.users asks once more after a page that was not full.
            page = await self._bot.http.get_reaction_users(
                channel_id, message_id, sign.written, PAGE, after=after or None, type=TYPES[kind]
            )
        except discord.NotFound as error:
            _raise_unless_gone(error)
            return None
        people = frozenset(int(user["id"]) for user in page if not user.get("bot"))
        return Givers(people, max(int(user["id"]) for user in page) if len(page) == PAGE else None)

    async def _ask(self) -> None:
        await self._allowance.spend()
        self.requests += 1


def _raise_unless_gone(error: discord.NotFound) -> None:
    if error.code not in GONE:
        raise error
