"""/club refresh."""

from datetime import timedelta

from discord import app_commands
from discord.ext import commands

from bot.storage import discussions
from cogs.club.choosing import WHICH, Interaction, club_choices, pick, require_manager

LATELY = timedelta(days=7)
"""For how long after a thread was closed it is still looked through."""


class Refreshing(commands.Cog):
    """Asks Discord for what the bot did not hear."""

    @app_commands.command(description="Look through the club's threads for replies and reactions that were missed")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def refresh(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        bot, now = interaction.client, interaction.client.clock()
        async with bot.database.write() as conn:
            await require_manager(interaction, conn)
            chosen = await pick(interaction, conn, club)
            many = await discussions.want(conn, now=now, club_id=chosen.id, closed_since=now - LATELY)
        bot.reconciler.poke()
        where = f"<#{chosen.channel_id}>"
        if not many:
            text = f"There is nothing to look through: in {where} no thread is open or was closed within a week."
        else:
            threads = "1 thread" if many == 1 else f"{many:,} threads"
            text = (
                f"I am looking through {threads} in {where} for what I may have missed, the newest first. "
                "`/status` says how far I am."
            )
        await interaction.followup.send(text, ephemeral=True)
