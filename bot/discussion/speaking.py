"""Says in a post's thread what a member thinks, where the member could say it there as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import discord

from bot.clock import Clock
from bot.club import wording
from bot.club.outcome import TRANSIENT, Outcome, judge
from bot.club.permissions import NEEDED, channel_fault
from bot.discussion.rules import Passes, Refused, RuleReader, Speaker, Unreadable, decide
from bot.discussion.thoughts import cleaned, thought_content, too_long
from bot.errors import ApplecoreError, UnavailableError
from bot.storage import deletions, discussions, guilds, replies
from bot.storage.database import Connection, Database
from bot.storage.records import Discussion, Thoughts

if TYPE_CHECKING:
    from discord.ext import commands

LONGEST_SLOWMODE = timedelta(hours=6)
"""Discord allows no longer one (resources/channel.mdx): 21,600 seconds."""

TRIES = 2
"""How often it is sent where nobody knows whether it arrived. Discord makes no second message of the same nonce, and
discord.py has tried five times by then, with pauses, where Discord answered that it has trouble."""

SPEAKING: dict[str, str] = {name: NEEDED[name] for name in ("view_channel", "send_messages_in_threads")}
"""What the bot needs for it in the post's channel; its threads inherit that."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The member who wants to say something, as Discord described them with the interaction."""

    guild: discord.Guild
    user_id: int
    role_ids: frozenset[int]
    permissions: discord.Permissions
    """In the post's channel; its thread inherits them."""


class Speaking:
    """One per bot."""

    def __init__(self, bot: "commands.AutoShardedBot", database: Database, clock: Clock) -> None:
        self._bot = bot
        self._database = database
        self._clock = clock
        self._rules = RuleReader(clock)
        self._spoke: dict[tuple[int, int], datetime] = {}
        """When a member's last thought was posted in a thread; what came before the start is in the database."""

    async def require_standing(self, conn: Connection, asking: Asking, discussion: Discussion | None) -> Discussion:
        """Raises ApplecoreError, which says what to do, where the member may say nothing, whatever it is.

        Asks the database alone; :meth:`require_rules` asks Discord.
        """
        if discussion is None or discussion.guild_id != asking.guild.id:
            raise UnavailableError("I do not know that post any more, so I cannot say anything under it.")
        thread = f"<#{discussion.thread_id}>"
        if (await guilds.settings(conn, asking.guild.id)).thoughts is Thoughts.OFF:
            raise ApplecoreError(f"“My thought” is switched off in this server. Please write in {thread} yourself.")
        if discussion.thread_deleted_at is not None:
            raise UnavailableError("The thread under this post was deleted, so there is nowhere to say it.")
        cached = asking.guild.get_thread(discussion.thread_id)
        if cached.locked if cached is not None else discussion.locked:
            raise _locked(discussion.thread_id)
        if not (asking.permissions.administrator or asking.permissions.send_messages_in_threads):
            raise ApplecoreError(
                f"You lack **Send Messages in Threads** in <#{discussion.channel_id}>, so I may not write for you "
                "either. Whoever manages the server can grant it."
            )
        if fault := channel_fault(asking.guild, discussion.channel_id, SPEAKING):
            raise ApplecoreError(f"{fault} Please write in {thread} yourself, and tell whoever manages the server.")
        if (await deletions.forgotten(conn)).holds(asking.user_id):
            raise ApplecoreError(
                "You asked me not to collect what you write, and your thought would be counted. "
                f"`/privacy join` takes that back; or write in {thread} yourself, which I do not count."
            )
        return discussion

    async def require_rules(self, asking: Asking, discussion: Discussion, text: str) -> None:
        """Raises ApplecoreError where the server's AutoMod would not let the member say it, or nobody can tell."""
        async with self._database.read() as conn:
            settings = await guilds.settings(conn, asking.guild.id)
        speaker = Speaker(
            manages=asking.permissions.administrator or asking.permissions.manage_guild,
            role_ids=asking.role_ids,
            place_ids=frozenset({discussion.thread_id, discussion.channel_id}),
        )
        rules: Sequence[discord.AutoModRule] | None = None
        if not speaker.manages:
            rules = await self._rules.read(asking.guild)
        decision = decide(rules, speaker, text, readable_only=settings.thoughts is Thoughts.ON)
        if not isinstance(decision, Passes):
            raise ApplecoreError(f"{decision.reason} {_instead(discussion.thread_id, decision)}")

    async def say(self, asking: Asking, thread_id: int, typed: str, nonce: str) -> str:
        """Posts it and answers the link to it. The same ``nonce`` again, of at most 25 characters, posts nothing more.

        Raises ApplecoreError, which says why not and what to do.
        """
        text = cleaned(typed)
        if not text:
            raise ApplecoreError("There is nothing to read in it. Please write something.")
        async with self._database.read() as conn:
            found = await discussions.by_thread(conn, thread_id)
            discussion = await self.require_standing(conn, asking, found)
            last = await replies.last_at(conn, discussion.post_id, asking.user_id)
        await self.require_rules(asking, discussion, text)
        content = thought_content(asking.user_id, text)
        if over := too_long(content):
            raise ApplecoreError(f"It is too long for one message by {over} characters. Please shorten it.")
        thread = await self._thread(asking.guild, thread_id)
        self._wait_turn(asking, thread, last)
        try:
            return await self._send(asking, thread_id, content, nonce)
        except ApplecoreError:
            self._spoke.pop((thread_id, asking.user_id), None)
            raise

    async def _thread(self, guild: discord.Guild, thread_id: int) -> discord.Thread:
        """As it is now. An archived one is not in the cache; saying something there opens it again, unless locked."""
        thread: object = guild.get_thread(thread_id)
        if thread is None:
            try:
                thread = await self._bot.fetch_channel(thread_id)
            except TRANSIENT as error:
                raise UnavailableError(f"I cannot reach the thread under this post. {judge(error).reason}") from error
        if not isinstance(thread, discord.Thread):
            raise UnavailableError("There is no thread under this post.")
        if thread.locked:
            raise _locked(thread_id)
        return thread

    def _wait_turn(self, asking: Asking, thread: discord.Thread, last: datetime | None) -> None:
        """Keeps to the thread's slow mode, which does not hold a bot up. Two at once are told apart as well."""
        now, key = self._clock(), (thread.id, asking.user_id)
        self._spoke = {who: at for who, at in self._spoke.items() if now - at < LONGEST_SLOWMODE}
        spoke = max((at for at in (last, self._spoke.get(key)) if at is not None), default=None)
        free = asking.permissions.administrator or asking.permissions.bypass_slowmode
        if spoke is not None and not free:
            again = spoke + timedelta(seconds=thread.slowmode_delay)
            if again > now:
                shown = wording.when(again + timedelta(seconds=1), "R")  # whole seconds
                raise ApplecoreError(f"This thread is in slow mode: you can write again {shown}.")
        if thread.slowmode_delay:
            self._spoke[key] = now

    async def _send(self, asking: Asking, thread_id: int, content: str, nonce: str) -> str:
        channel = self._bot.get_partial_messageable(thread_id, guild_id=asking.guild.id)
        failure = None
        for _ in range(TRIES):
            try:
                message = await channel.send(
                    content,
                    nonce=nonce,
                    allowed_mentions=discord.AllowedMentions.none(),
                    # A member's own links would show no preview either.
                    suppress_embeds=not (asking.permissions.administrator or asking.permissions.embed_links),
                )
            except TRANSIENT as error:
                failure = judge(error)
                if failure.outcome is not Outcome.UNKNOWN:
                    raise UnavailableError(f"It was not posted. {failure.reason}") from error
            else:
                return f"https://discord.com/channels/{asking.guild.id}/{thread_id}/{message.id}"
        said = failure.reason if failure else ""
        raise UnavailableError(f"{said} Please look into <#{thread_id}> before you try again: it may have got there.")


def _locked(thread_id: int) -> ApplecoreError:
    return ApplecoreError(f"<#{thread_id}> is locked, so nothing more can be said there.")


def _instead(thread_id: int, decision: Refused | Unreadable) -> str:
    written = f"Please write it in <#{thread_id}> yourself, where AutoMod looks at it"
    if isinstance(decision, Refused):
        return f"{written}."
    return f"{written}; or ask whoever manages the club to allow “My thought” with `/discussion settings`."
