"""What may keep the bot from its work, for `applecore doctor` and `/status` alike."""

from collections.abc import Mapping
from dataclasses import dataclass

import discord

from bot.club.permissions import NEEDED, fault_in, listed, missing
from bot.storage.database import Database


@dataclass(frozen=True, slots=True)
class Finding:
    good: bool
    text: str
    """One line of Markdown; where it is not good, it says what to do."""


async def database_findings(database: Database) -> list[Finding]:
    current, newest = await database.revision()
    if current is None:
        return [Finding(True, f"Database: {database.safe_url} holds nothing yet; the first start prepares it.")]
    if current == newest:
        return [Finding(True, f"Database: {database.dialect}, up to date (revision {current}).")]
    return [
        Finding(
            False,
            f"Database: at revision {current}, this version needs {newest}; start the bot to upgrade it.",
        )
    ]


def intent_findings(wanted: discord.Intents, flags: discord.ApplicationFlags | None) -> list[Finding]:
    """``flags`` are the application's own, from the portal; None where they are not known."""
    if not wanted.message_content:
        return [Finding(True, "Message content: not used; replies are counted, not read.")]
    if flags is None or flags.gateway_message_content or flags.gateway_message_content_limited:
        return [Finding(True, "Message content: switched on in the developer portal.")]
    return [
        Finding(
            False,
            "Message content: wanted, but switched off. Switch on Message Content Intent in the developer portal "
            "(your application → Bot), or set message_content to false.",
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
    for channel_id, channel in club_channels.items():
        if fault := fault_in(channel, me, channel_id):
            findings.append(Finding(False, f"{guild_name}: {fault} Put it right, or use `/club edit channel:`."))
    return findings
