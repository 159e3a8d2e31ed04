"""Whether a server's AutoMod would let a member say something. AutoMod does not look at what bots post.

So before the bot posts a member's words, it applies the rules itself, as far as it can read them.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import discord

from bot.clock import Clock
from bot.club import wording
from bot.club.outcome import TRANSIENT
from bot.errors import UnavailableError
from bot.filters.keywords import first_hit

FRESH = timedelta(seconds=60)
"""For how long the rules of a guild are taken to be as they were read."""

_MENTION = re.compile(r"<@(?:!|&)?\d+>")
_MESSAGES = discord.AutoModRuleEventType.message_send
_KEYWORD = discord.AutoModRuleTriggerType.keyword
_MENTIONS = discord.AutoModRuleTriggerType.mention_spam
_PROFILE = discord.AutoModRuleTriggerType.member_profile


@dataclass(frozen=True, slots=True)
class Passes:
    """No rule that can be read is against it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A rule would stop it, or tell the moderators."""

    reason: str
    """One sentence for the member alone: it may repeat the word."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A rule would look at it of which we cannot tell what it says."""

    reason: str
    """One sentence for the member."""


Decision = Passes | Refused | Unreadable


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who wants to say something where, as far as rules ask."""

    manages: bool
    """Has Manage Server or Administrator: no rule looks at those."""
    role_ids: frozenset[int]
    place_ids: frozenset[int]
    """The thread and its channel."""


def decide(
    rules: Sequence[discord.AutoModRule] | None, speaker: Speaker, text: str, *, readable_only: bool
) -> Decision:
    """``rules`` is None where none can be read. With ``readable_only`` those that cannot be read are left out."""
    if speaker.manages:
        return Passes()
    if rules is None:
        return Passes() if readable_only else Unreadable("I may not read this server's AutoMod rules.")
    concerned = [rule for rule in rules if _looks_at(rule, speaker)]
    for rule in concerned:
        if (against := _against(rule, text)) is not None:
            return Refused(against)
    unread = [rule for rule in concerned if not _is_readable(rule)]
    if unread and not readable_only:
        return Unreadable(f"I cannot tell what this server's AutoMod rule {_named(unread[0])} would say to it.")
    return Passes()


def _looks_at(rule: discord.AutoModRule, speaker: Speaker) -> bool:
    if (
        not rule.enabled
        or rule.trigger.type is _PROFILE
        or rule.event_type is discord.AutoModRuleEventType.member_update
    ):
        return False
    return not (rule.exempt_role_ids & speaker.role_ids or rule.exempt_channel_ids & speaker.place_ids)


def _is_readable(rule: discord.AutoModRule) -> bool:
    """Whether all that the rule does can be told from what Discord answers.

    Not so the word lists of the presets, Discord's own idea of spam, regular expressions in Rust's flavour, and
    whatever Discord may add to its rules.
    """
    if rule.event_type is not _MESSAGES:
        return False
    if rule.trigger.type is _KEYWORD:
        return not rule.trigger.regex_patterns
    return rule.trigger.type is _MENTIONS


def _against(rule: discord.AutoModRule, text: str) -> str | None:
    trigger = rule.trigger
    if trigger.type is _KEYWORD and (hit := first_hit(text, trigger.keyword_filter, trigger.allow_list)):
        return f"This server's AutoMod rule {_named(rule)} is against “{wording.plain(hit.matched)}”."
    if trigger.type is _MENTIONS and trigger.mention_limit:
        mentions = len({mention.replace("!", "") for mention in _MENTION.findall(text)})
        if mentions > trigger.mention_limit:
            limit = trigger.mention_limit
            return f"This server's AutoMod rule {_named(rule)} is against more than {limit} mentions in one message."
    return None


def _named(rule: discord.AutoModRule) -> str:
    return f"**{wording.plain(rule.name)}**"


@dataclass(slots=True)
class _Known:
    """What was read of one guild."""

    rules: Sequence[discord.AutoModRule] | None = None
    read_at: datetime | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class RuleReader:
    """Reads the rules of guilds, each at most once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[int, _Known] = {}

    async def read(self, guild: discord.Guild) -> Sequence[discord.AutoModRule] | None:
        """None where we lack Manage Server, without which Discord tells no rules (resources/auto-moderation.mdx).

        Raises:
            UnavailableError: Discord did not answer.
        """
        if not guild.me.guild_permissions.manage_guild:
            return None
        known = self._known.setdefault(guild.id, _Known())
        async with known.reading:
            now = self._clock()
            # A clock that was set back must not keep old rules alive.
            if known.read_at is None or not timedelta(0) <= now - known.read_at < FRESH:
                known.rules, known.read_at = await _fetch(guild), now
        return known.rules


async def _fetch(guild: discord.Guild) -> Sequence[discord.AutoModRule] | None:
    try:
        return await guild.fetch_automod_rules()
    except discord.Forbidden:
        return None
    except discord.NotFound:
        return ()
    except TRANSIENT as error:
        raise UnavailableError(
            "Discord did not tell me this server's AutoMod rules just now. Please try again in a minute."
        ) from error
