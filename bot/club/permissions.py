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

DELETED = "The channel was deleted, or I cannot see it."

NOTICES: dict[str, str] = {name: NEEDED[name] for name in ("view_channel", "send_messages")}
"""The same for a channel that only gets notices."""


IN_THREADS: dict[str, str] = {name: NEEDED[name] for name in ("view_channel", "send_messages_in_threads")}
"""The same for the channel in whose threads we have something to say."""


LOOKING: dict[str, str] = {name: NEEDED[name] for name in ("view_channel", "read_message_history")}
"""The same for looking whether a message of ours is in a channel."""


PICTURES: dict[str, str] = {"attach_files": "Attach Files"}
"""The same for the pictures of digests; without it they come as text alone."""


def least() -> discord.Permissions:
    """What the invite link asks for."""
    return discord.Permissions(**dict.fromkeys((*NEEDED, *PICTURES), True))


def may_attach(guild: discord.Guild | None, channel_id: int) -> bool:
    """Whether a message there, or in its threads, may have a picture."""
    return channel_fault(guild, channel_id, PICTURES) is None


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
        return DELETED
    if lacking := missing(channel.permissions_for(me), needed):
        return f"I lack {listed(lacking)} in <#{channel_id}>."
    return None


def remedy(fault: str) -> str:
    """What a manager does about a fault that stopped a club."""
    if fault == DELETED:
        return (
            "Choose another with `/club edit channel:`, and the club goes on; "
            "or, if it is still there, let me see it and use `/club resume`."
        )
    return "Put it right, then use `/club resume`."


def silent_ping(guild: discord.Guild | None, role_id: int) -> str | None:
    """Why a mention of that role would reach nobody; None where it would."""
    role = guild.get_role(role_id) if guild else None
    if guild is None:
        return None
    if role is None:
        return (
            "The role to ping was deleted. Choose another with `/club edit ping_role:`, "
            "or none with `/club edit stop_ping:True`."
        )
    if role.mentionable or guild.me.guild_permissions.mention_everyone:
        return None
    return (
        f"{role.mention} is shown but not notified: switch on “Allow anyone to @mention this role” "
        "in the role's settings."
    )


def invite_url(application_id: int) -> str:
    return discord.utils.oauth_url(application_id, permissions=least(), scopes=("bot", "applications.commands"))
