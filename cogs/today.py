"""/today: the excerpt of the day, for members."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from discord import app_commands
from discord.ext import commands

from bot.client import Applecore
from bot.club import wording
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import excerpt_layout
from bot.club.status import what_comes
from bot.errors import ApplecoreError
from bot.storage import outgoing, readings
from bot.storage.records import Club, Outgoing
from cogs.club.choosing import WHICH, Interaction, club_choices, guild_of, pick


class TodayCog(commands.Cog):
    """Finds today's excerpt again."""

    @app_commands.command(description="Today's excerpt and its thread; only you see the answer")
    @app_commands.describe(club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def today(self, interaction: Interaction, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now, guild = interaction.client.clock(), guild_of(interaction)
        async with interaction.client.database.read() as conn:
            chosen = await pick(interaction, conn, club)
            post = await outgoing.latest_post(conn, chosen.id)
            reading_id = post.reading_id if post and post.reading_id else chosen.reading_id
            reading = await readings.get(conn, guild.id, reading_id)
            position = post.position if post else None
            laid_out = await lay_out_excerpt(conn, reading, position) if reading and position is not None else None
        if post is None or laid_out is None:
            raise ApplecoreError(
                f"Nothing has been posted yet in <#{chosen.channel_id}>. {what_comes(chosen, now)}".strip()
            )
        await interaction.followup.send(view=excerpt_layout(laid_out, 0), ephemeral=True)
        await interaction.followup.send(_where(chosen, post, now), ephemeral=True)


def _where(club: Club, post: Outgoing, now: datetime) -> str:
    sent = post.sent_at or datetime.fromtimestamp(0, UTC)
    zone = ZoneInfo(club.schedule.zone)
    fresh = sent.astimezone(zone).date() == now.astimezone(zone).date()
    when = "Today's excerpt" if fresh else f"The latest excerpt, of {wording.when(sent, 'D')}"
    link = f"https://discord.com/channels/{post.guild_id}/{post.channel_id}/{post.message_id}"
    thread = f"; talk about it in <#{post.thread_id}>" if post.thread_id else ""
    return f"{when}: {link}{thread}. {what_comes(club, now)}".strip()


async def setup(bot: Applecore) -> None:
    await bot.add_cog(TodayCog())
