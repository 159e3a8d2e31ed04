"""`applecore doctor`: checks what can be checked without running the bot, and says what to do about each fault."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterable

import aiohttp
import discord

from bot.addresses import use_addresses
from bot.checkup import LOGIN_REFUSED, Finding, database_findings, guild_findings, intent_findings, unreachable
from bot.club.permissions import NOTICES, fault_in, invite_url
from bot.errors import ApplecoreError
from bot.settings import Settings
from bot.storage import clubs
from bot.storage.database import Database
from bot.storage.records import Club

HOW_TO_LOG_IN = (
    "Token: none is set, so Discord was not asked. Make one in the developer portal (New Application → Bot → "
    "Reset Token) and set it as APPLECORE_TOKEN; without one you can try `applecore demo`."
)

SERVERS = 25
"""How many servers without a club are looked at: each takes three requests."""


def run(settings: Settings) -> int:
    """Prints one line for each finding; answers 0 where all is well, else 1."""
    faults = asyncio.run(_tell(settings))
    sys.stdout.write("All is well.\n" if not faults else f"{faults} to put right.\n")
    return 1 if faults else 0


async def _tell(settings: Settings) -> int:
    faults = 0
    async for finding in _check(settings):
        faults += not finding.good
        sys.stdout.write(f"{'ok   ' if finding.good else 'FAULT'}  {_for_terminal(finding.text)}\n")
        sys.stdout.flush()  # Discord may take its time
    return faults


async def _check(settings: Settings) -> AsyncIterator[Finding]:
    yield Finding(True, "Settings: every one is understood.")
    findings, begun = await _check_database(settings)
    for finding in findings:
        yield finding
    if settings.token is None:
        yield Finding(False, HOW_TO_LOG_IN)
        return
    try:
        async for finding in _ask_discord(settings, begun):
            yield finding
    except discord.LoginFailure:
        yield Finding(False, f"Token: {LOGIN_REFUSED}")
    except (aiohttp.ClientError, TimeoutError, discord.HTTPException) as error:
        yield Finding(False, f"Discord: {unreachable(settings.api_url, error)}")


async def _check_database(settings: Settings) -> tuple[list[Finding], list[Club]]:
    try:
        database = Database(settings.database_url)
        try:
            findings = await database_findings(database)
            if not all(finding.good for finding in findings):
                return findings, []
            await database.open()
            async with database.read() as conn:
                return findings, await clubs.all_clubs(conn)
        finally:
            await database.close()
    except ApplecoreError as error:
        return [Finding(False, f"Database: {error}")], []


async def _ask_discord(settings: Settings, begun: list[Club]) -> AsyncIterator[Finding]:
    # Not connected, it gets no events; discord.py warns where guilds is missing.
    intents = discord.Intents(guilds=True, message_content=settings.message_content)
    async with discord.Client(intents=intents) as client:
        use_addresses(client, settings)
        await client.login(settings.token.get_secret_value() if settings.token else "")
        application = await client.application_info()
        yield Finding(True, f"Token: accepted; I am {client.user}.")
        for finding in intent_findings(intents, application.flags):
            yield finding
        if application.interactions_endpoint_url:
            yield Finding(
                False,
                "Commands: Discord sends them to an Interactions Endpoint URL instead of to me. Clear it in the "
                "developer portal (your application → General Information).",
            )
        async for finding in _ask_guilds(client, begun):
            yield finding
        yield Finding(True, f"Invite link with the least permissions: {invite_url(application.id)}")


async def _ask_guilds(client: discord.Client, begun: list[Club]) -> AsyncIterator[Finding]:
    with_clubs = {club.guild_id for club in begun}
    member_of = [guild async for guild in client.fetch_guilds(limit=None, with_counts=False)]
    if not member_of:
        yield Finding(False, "Servers: I am in none. Use the invite link below.")
    without = [guild.id for guild in member_of if guild.id not in with_clubs]
    for listed in member_of:
        if listed.id in with_clubs or listed.id in without[:SERVERS]:
            for finding in await _ask_guild(client, listed.id, [club for club in begun if club.guild_id == listed.id]):
                yield finding
    if len(without) > SERVERS:
        yield Finding(True, f"Servers: {len(without) - SERVERS:,} more have no club, and I did not look at them.")
    for guild_id in sorted(with_clubs.difference(guild.id for guild in member_of)):
        yield Finding(False, f"Servers: a club is in server {guild_id}, and I am not. Use the invite link below.")


async def _ask_guild(client: discord.Client, guild_id: int, begun: Iterable[Club]) -> list[Finding]:
    guild = await client.fetch_guild(guild_id, with_counts=False)
    me = await guild.fetch_member(client.user.id if client.user else 0)
    channels = {channel.id: channel for channel in await guild.fetch_channels()}
    findings = guild_findings(guild.name, me, {club.channel_id: channels.get(club.channel_id) for club in begun})
    for channel_id in dict.fromkeys(club.notices_channel_id for club in begun):
        if channel_id is not None and (fault := fault_in(channels.get(channel_id), me, channel_id, NOTICES)):
            findings.append(Finding(False, f"{guild.name}: {fault} Put it right, or use `/club edit notices:`."))
    return findings


def _for_terminal(text: str) -> str:
    """Markdown and Discord's mentions as a terminal shows them."""
    return re.sub(r"<#(\d+)>", r"channel \1", text.replace("**", "").replace("`", "'"))
