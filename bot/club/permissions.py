"""The permissions that the club half needs, and what is missing where."""

from collections.abc import Iterable

import discord

NEEDED: dict[str, str] = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "read_message_history": "Read Message History",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
}
"""discord.py's name → the name in Discord's settings, for a channel that a club posts in.

Reading history is what lets a restarted bot see that a post is there already.
"""

NOTICES: dict[str, str] = {name: NEEDED[name] for name in ("view_channel", "send_messages")}
"""The same for a channel that only gets notices."""


def least() -> discord.Permissions:
    """What the invite link asks for."""
    return discord.Permissions(**dict.fromkeys(NEEDED, True))


def missing(permissions: discord.Permissions, needed: dict[str, str] = NEEDED) -> list[str]:
    """The names, as Discord's settings show them, of what is not granted."""
    if permissions.administrator:
        return []
    return [label for name, label in needed.items() if not getattr(permissions, name)]


def listed(names: Iterable[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    *rest, last = [f"**{name}**" for name in names]
    return f"{', '.join(rest)} and {last}" if rest else last


def channel_fault(guild: discord.Guild | None, channel_id: int, needed: dict[str, str] = NEEDED) -> str | None:
    """What keeps us from working in a channel, as far as the cache knows; None where nothing does."""
    if guild is None:
        return "I am not in that server any more."
    return fault_in(guild.get_channel(channel_id), guild.me, channel_id, needed)


def fault_in(
    channel: discord.abc.GuildChannel | None,
    me: discord.Member,
    channel_id: int,
    needed: dict[str, str] = NEEDED,
) -> str | None:
    """The same for a channel at hand; ``channel`` is None where there is none with that id."""
    if channel is None:
        return "The channel was deleted, or I cannot see it."
    if lacking := missing(channel.permissions_for(me), needed):
        return f"I lack {listed(lacking)} in <#{channel_id}>."
    return None


def invite_url(application_id: int) -> str:
    return discord.utils.oauth_url(application_id, permissions=least(), scopes=("bot", "applications.commands"))
