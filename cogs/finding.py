"""/excerpt and /find: what was posted, found again."""

from datetime import datetime

from discord import app_commands
from discord.ext import commands

from bot.client import Applecore
from bot.club import wording
from bot.club.excerpts import lay_out_excerpt
from bot.club.finding import MOST_HITS, Search, links, search
from bot.club.layout import excerpt_layout, notice_layout
from bot.club.status import what_comes
from bot.errors import ApplecoreError, UnavailableError
from bot.reading.finding import query_of
from bot.reading.splitting import shorten
from bot.reading.text import MOST_EXCERPTS
from bot.storage import posts, readings
from bot.storage.records import Club, Outgoing, StoredReading
from cogs.club.choosing import WHICH, Interaction, club_choices, guild_of, is_manager, pick, visible_clubs

Number = app_commands.Range[int, 1, MOST_EXCERPTS]


class FindingCog(commands.Cog):
    """Finds excerpts by their number or by what they say."""

    @app_commands.command(description="An excerpt that was posted before, and its thread; only you see the answer")
    @app_commands.describe(number="Which excerpt, counted from 1", club=WHICH)
    @app_commands.autocomplete(club=club_choices)
    async def excerpt(self, interaction: Interaction, number: Number, club: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        now = interaction.client.clock()
        async with interaction.client.database.read() as conn:
            chosen = await pick(interaction, conn, club)
            reading = await readings.get(conn, chosen.guild_id, chosen.reading_id)
            post = await posts.newest(conn, chosen.id, chosen.reading_id, number - 1)
            if reading is None or post is None:
                refusal = not_posted(chosen, reading, number, now)
                if number > chosen.progress.total or not await is_manager(interaction, conn):
                    raise UnavailableError(refusal)
            laid_out = await lay_out_excerpt(conn, reading, number - 1) if reading else None
        if laid_out is None:
            raise UnavailableError("This excerpt is not kept here any more.")
        await interaction.followup.send(view=excerpt_layout(laid_out, 0), ephemeral=True)
        await interaction.followup.send(_where(chosen, post, number, now), ephemeral=True)

    @app_commands.command(description="Look for words in what has been posted; only you see the answer")
    @app_commands.describe(text="What to look for", club="In which club alone (default: in all of them)")
    @app_commands.autocomplete(club=club_choices)
    async def find(
        self, interaction: Interaction, text: app_commands.Range[str, 1, 100], club: str | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        if query_of(text) is None:
            raise ApplecoreError("There is no word in that to look for. Please give me a word or a few.")
        guild = guild_of(interaction)
        async with interaction.client.database.read() as conn:
            looked = [await pick(interaction, conn, club)] if club else await visible_clubs(interaction, conn)
            found = await search(conn, guild.id, [each.id for each in looked], text)
        if not found.searched:
            raise UnavailableError("Nothing has been posted yet, so there is nothing to look through.")
        if not found.lines:
            raise UnavailableError(
                f"{_none_of(found.searched)} “{_said(text)}”. I look through what was posted, not through the threads."
            )
        await interaction.followup.send(
            view=notice_layout("\n\n".join([_headline(found, text), *found.lines])), ephemeral=True
        )


def not_posted(club: Club, reading: StoredReading | None, number: int, now: datetime) -> str:
    """Why there is no such post of the club's reading, for members, who are not told what it says."""
    title = f"**{wording.plain(shorten(reading.title, 100))}**" if reading else "The reading"
    total, position = club.progress.total, club.progress.position
    if number > total:
        return f"{title} has only {total} {'excerpt' if total == 1 else 'excerpts'}."
    if number <= position:
        return f"Number {number} of {title} does not stand here: it was left out, or its post was deleted."
    return f"Number {number} of {title} has not been posted yet. {what_comes(club, now)}".strip()


def _where(club: Club, post: Outgoing | None, number: int, now: datetime) -> str:
    if post is None:
        return f"Not posted: members cannot see this one. {what_comes(club, now)}".strip()
    when = f", posted {wording.when(post.sent_at, 'D')}" if post.sent_at else ""
    return f"Number {number} of {club.progress.total}{when}: {links(post)}"


def _none_of(searched: int) -> str:
    return "The one excerpt posted so far does not have" if searched == 1 else f"None of the {searched} excerpts has"


def _said(text: str) -> str:
    return wording.plain(shorten(text, 40))


def _headline(found: Search, text: str) -> str:
    if found.total == 1:
        return f"One excerpt has “{_said(text)}”:"
    if found.total <= MOST_HITS:
        return f"{found.total} excerpts have “{_said(text)}”:"
    return f"{found.total} excerpts have “{_said(text)}”; these are {MOST_HITS} of them. A longer text finds fewer."


async def setup(bot: Applecore) -> None:
    await bot.add_cog(FindingCog())
