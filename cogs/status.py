"""/status: whether the bot is well, said inside Discord."""

import math

from discord import app_commands
from discord.ext import commands

from bot import __version__
from bot.checkup import Finding, database_findings, guild_findings, intent_findings
from bot.client import Applecore
from bot.club import wording
from bot.club.layout import gathered, notice_layout
from bot.club.permissions import invite_url
from bot.club.status import faults
from bot.storage import clubs, outgoing, reconciling
from cogs.club.choosing import Interaction, guild_of, require_manager


class StatusCog(commands.Cog):
    """The check-up of `applecore doctor`, for one server."""

    @app_commands.command(description="Is Applecore well? Database, permissions, the last and the next look")
    async def status(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, guild = interaction.client, guild_of(interaction)
        async with bot.database.read() as conn:
            await require_manager(interaction, conn)
            begun = await clubs.in_guild(conn, guild.id)
            waiting = await outgoing.waiting(conn, guild.id)
            wanted = await reconciling.count_wanted(conn, guild.id)
        findings = await database_findings(bot.database)
        findings += intent_findings(bot.intents, bot.application_flags)
        findings += guild_findings(guild.name, guild.me, {})
        findings += [
            Finding(False, f"<#{club.channel_id}>: {fault}") for club in begun for fault in faults(guild, club)
        ]
        findings += _missed(bot, guild.id, wanted)
        if not begun:
            findings.append(Finding(False, "There is no club here yet. `/club setup` makes one."))
        lines = [f"{'✅' if finding.good else '⚠️'} {finding.text}" for finding in dict.fromkeys(findings)]
        for text in gathered([f"## Applecore {__version__}", *lines, _pulse(bot, waiting)]):
            await interaction.followup.send(view=notice_layout(text), ephemeral=True)


def _missed(bot: Applecore, guild_id: int, wanted: int) -> list[Finding]:
    """How far the bot is with looking for what it missed, and what keeps it from that."""
    if not wanted:
        return []
    threads = "1 thread" if wanted == 1 else f"{wanted:,} threads"
    findings = [
        Finding(
            False, f"{fault} So I cannot look through all threads for what I may have missed; I try again by myself."
        )
        for fault in bot.reconciler.faults(guild_id)
    ]
    if (progress := bot.reconciler.progress) is not None:
        done = f"{progress.done:,} of {progress.total:,} done, with {progress.requests:,} questions to Discord"
        text = f"I am looking through {threads} of this server for what I may have missed; in all servers {done}."
        findings.append(Finding(True, text))
    elif not findings:
        findings.append(Finding(True, f"I shall look through {threads} of this server for what I may have missed."))
    return findings


def _pulse(bot: Applecore, waiting: int) -> str:
    looked = wording.when(bot.engine.last_tick, "R") if bot.engine.last_tick else "not yet"
    coming = wording.when(bot.engine.next_look, "R") if bot.engine.next_look else "in a moment"
    invite = invite_url(bot.application_id) if bot.application_id else ""
    latency = f"{bot.latency * 1000:.0f} ms" if math.isfinite(bot.latency) else "unknown"
    return (
        f"-# Last look {looked}, next {coming}; {waiting} on the way; gateway {latency}. "
        f"[Invite me with the least permissions]({invite})"
    )


async def setup(bot: Applecore) -> None:
    await bot.add_cog(StatusCog())
