"""What may keep the bot from its work, for `applecore doctor` and `/status` alike."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import discord

from bot.club.permissions import NEEDED, PICTURES, fault_in, listed, missing
from bot.storage.database import Database

LOGIN_REFUSED = (
    "Discord refuses it. Copy it anew from the developer portal (your application → Bot → Reset Token) "
    "and set it as APPLECORE_TOKEN."
)
SWITCH_ON = (
    "Switch on Message Content Intent in the developer portal (your application → Bot), "
    "or set message_content to false."
)


@dataclass(frozen=True, slots=True)
class Finding:
    good: bool
    text: str
    """One line of Markdown; where it is not good, it says what to do."""


async def database_findings(database: Database) -> list[Finding]:
    current, newest = await database.revision()
    if current is None:
        return [Finding(True, f"Database: {database.safe_url} is new, and prepared now.")]
    if current == newest:
        return [Finding(True, f"Database: {database.dialect}, up to date (revision {current}).")]
    if current > newest:  # revisions are numbers of four digits
        remedy = "Install a newer Applecore, or point database_url at another database."
        return [Finding(False, f"Database: at revision {current}, and this version knows only {newest}. {remedy}")]
    return [
        Finding(
            False,
            f"Database: at revision {current}, and this version needs {newest}. Start the bot to upgrade it.",
        )
    ]


def unreachable(api_url: str, error: Exception) -> str:
    """Why nothing can be asked, and what to do, in one sentence or two."""
    if isinstance(error, discord.HTTPException):
        return f"Discord answers {error.status} at {api_url}. Check api_url, and see https://discordstatus.com."
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    told = str(cause).rstrip(".") or type(cause).__name__
    if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
        told = os.strerror(cause.errno)  # asyncio words it for programmers
    return f"Discord cannot be reached at {api_url} ({told}). Check the network and api_url."


def intent_findings(wanted: discord.Intents, flags: discord.ApplicationFlags | None) -> list[Finding]:
    """``flags`` are the application's own, from the portal; None where they are not known."""
    if not wanted.message_content:
        return [Finding(True, "Message content: not used; replies are counted, not read.")]
    if flags is None or flags.gateway_message_content or flags.gateway_message_content_limited:
        return [Finding(True, "Message content: switched on in the developer portal.")]
    return [
        Finding(
            False,
            f"Message content: wanted, but switched off. {SWITCH_ON}",
        )
    ]


def guild_findings(
    guild_name: str,
    me: discord.Member,
    club_channels: Mapping[int, discord.abc.GuildChannel | None],
) -> list[Finding]:
    """Permissions in the whole server and in the clubs' channels, by the ids that the clubs know."""
    findings = []
    lacking = missing(me.guild_permissions, NEEDED)
    if lacking:
        findings.append(
            Finding(
                False,
                f"{guild_name}: server-wide I lack {listed(lacking)}. Grant it to my role, "
                "or in the channel of each club.",
            )
        )
    else:
        findings.append(Finding(True, f"{guild_name}: every permission that clubs need is granted server-wide."))
    if missing(me.guild_permissions, PICTURES):
        told = f"{guild_name}: server-wide I lack {listed(PICTURES.values())}, so digests come without their picture."
        findings.append(Finding(False, f"{told} Grant it to my role."))
    for channel_id, channel in club_channels.items():
        if fault := fault_in(channel, me, channel_id):
            findings.append(Finding(False, f"{guild_name}: {fault} Put it right, or use `/club edit channel:`."))
    return findings
