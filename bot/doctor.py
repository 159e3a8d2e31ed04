"""`applecore doctor`: checks what can be checked without running the bot, and says what to do about each fault."""

import asyncio
import re
import sys

import aiohttp
import discord

from bot.addresses import use_addresses
from bot.checkup import Finding, database_findings, guild_findings, intent_findings
from bot.club.permissions import invite_url
from bot.errors import ApplecoreError
from bot.settings import Settings
from bot.storage import clubs
from bot.storage.database import Database


def run(settings: Settings) -> int:
    """Prints one line for each finding; answers 0 where all is well, else 1."""
    findings = asyncio.run(_check(settings))
    for finding in findings:
        sys.stdout.write(f"{'ok   ' if finding.good else 'FAULT'}  {_for_terminal(finding.text)}\n")
    faults = sum(not finding.good for finding in findings)
    sys.stdout.write("All is well.\n" if not faults else f"{faults} to put right.\n")
    return 1 if faults else 0


async def _check(settings: Settings) -> list[Finding]:
    findings = [Finding(True, "Settings: every one is understood.")]
    database = Database(settings.database_url)
    club_channels: dict[int, list[int]] = {}
    try:
        findings += await database_findings(database)
        if all(finding.good for finding in findings):
            await database.open()
            async with database.read() as conn:
                for club in await clubs.active(conn, None):
                    club_channels.setdefault(club.guild_id, []).append(club.channel_id)
    except ApplecoreError as error:
        findings.append(Finding(False, f"Database: {error}"))
    finally:
        await database.close()
    if settings.token is None:
        findings.append(
            Finding(
                False,
                "Token: none is set, so Discord was not asked. Make one in the developer portal (New Application → "
                "Bot → Reset Token) and set APPLECORE_TOKEN; without one you can try `applecore demo`.",
            )
        )
        return findings
    return findings + await _ask_discord(settings, club_channels)


async def _ask_discord(settings: Settings, club_channels: dict[int, list[int]]) -> list[Finding]:
    intents = discord.Intents.none()
    intents.message_content = settings.message_content
    async with discord.Client(intents=intents) as client:
        use_addresses(client, settings)
        try:
            await client.login(settings.token.get_secret_value() if settings.token else "")
            application = await client.application_info()
            findings = [Finding(True, f"Token: accepted; I am {client.user}.")]
            findings += intent_findings(intents, application.flags)
            findings += await _ask_guilds(client, club_channels)
        except discord.LoginFailure:
            return [
                Finding(
                    False,
                    "Token: Discord refuses it. Copy it anew from the developer portal "
                    "(your application → Bot → Reset Token).",
                )
            ]
        except (aiohttp.ClientError, OSError, discord.HTTPException) as error:
            return [Finding(False, f"Discord: cannot be asked at {settings.api_url}: {error}. Is the network up?")]
        findings.append(Finding(True, f"Invite link with the least permissions: {invite_url(application.id)}"))
        return findings


async def _ask_guilds(client: discord.Client, club_channels: dict[int, list[int]]) -> list[Finding]:
    findings: list[Finding] = []
    async for listed in client.fetch_guilds(limit=200):
        guild = await client.fetch_guild(listed.id, with_counts=False)
        me = await guild.fetch_member(client.user.id if client.user else 0)
        channels = {channel.id: channel for channel in await guild.fetch_channels()}
        wanted = {channel_id: channels.get(channel_id) for channel_id in club_channels.get(guild.id, ())}
        findings += guild_findings(guild.name, me, wanted)
    if not findings:
        findings.append(Finding(False, "Servers: I am in none. Use the invite link below."))
    return findings


def _for_terminal(text: str) -> str:
    """Markdown and Discord's mentions as a terminal shows them."""
    return re.sub(r"<#(\d+)>", r"channel \1", text.replace("**", "").replace("`", "'"))
