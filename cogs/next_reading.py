"""The button under the end of a reading, with which a manager chooses the next one."""

import discord
from discord import ui
from discord.ext import commands

from bot.client import Applecore
from bot.club import library, wording
from bot.club.layout import NEXT_READING_ID, NEXT_READING_TEMPLATE, layout, notice_layout
from bot.club.status import next_post_at
from bot.errors import ApplecoreError
from bot.storage import clubs
from bot.storage.database import Connection
from bot.storage.records import ClubState
from cogs.buttons import FromTemplate, answering_errors
from cogs.club.choosing import Interaction, guild_of, require_manager

CHOICE_ID = "applecore:choose-reading:{club}"


class NextReadingButton(FromTemplate, ui.DynamicItem[ui.Button[ui.LayoutView]], template=NEXT_READING_TEMPLATE):
    """Shows a manager the library."""

    def __init__(self, club: str) -> None:
        super().__init__(ui.Button(custom_id=NEXT_READING_ID.format(club=club)))
        self.club_id = int(club)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        guild = guild_of(interaction)
        async with interaction.client.database.read() as conn:
            await require_manager(interaction, conn)
            await _ended_club(conn, guild.id, self.club_id)
            shelf = await library.books(conn, guild.id)
        select: ui.Select[ui.LayoutView] = ui.Select(
            custom_id=CHOICE_ID.format(club=self.club_id), placeholder="What shall we read next?"
        )
        for book in shelf[:25]:
            select.add_option(
                label=book.title[:100],
                value=book.key,
                description="1 excerpt" if book.total == 1 else f"{book.total} excerpts",
            )
        text: ui.TextDisplay[ui.LayoutView] = ui.TextDisplay(
            "What shall we read next? It begins at the club's next slot."
            + (" There is more in `/reading list`; `/club edit reading:` finds it." if len(shelf) > 25 else "")
        )
        await interaction.response.send_message(view=layout(text, ui.ActionRow(select)), ephemeral=True)


class ReadingSelect(
    FromTemplate, ui.DynamicItem[ui.Select[ui.LayoutView]], template=r"applecore:choose-reading:(?P<club>\d+)"
):
    """Begins the reading that was chosen."""

    def __init__(self, club: str) -> None:
        super().__init__(ui.Select(custom_id=CHOICE_ID.format(club=club)))
        self.club_id = int(club)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        await interaction.response.defer()
        await interaction.edit_original_response(view=notice_layout(await self._begin(interaction)))

    async def _begin(self, interaction: Interaction) -> str:
        bot, guild, now = interaction.client, guild_of(interaction), interaction.client.clock()
        async with bot.database.write() as conn:
            await require_manager(interaction, conn)
            await _ended_club(conn, guild.id, self.club_id)
            book = await library.find(conn, guild.id, self.item.values[0])
            stored = await library.take(conn, guild.id, book, by=interaction.user.id, at=now)
            club = await clubs.begin(conn, self.club_id, reading_id=stored.id, since=now)
        bot.engine.poke()
        coming = next_post_at(club, now)
        tail = f" The first excerpt comes {wording.when_and_how_soon(coming)}." if coming else ""
        return f"We read **{wording.plain(stored.title)}** next.{tail}"


async def _ended_club(conn: Connection, guild_id: int, club_id: int) -> None:
    club = await clubs.get(conn, guild_id, club_id)
    if club is None:
        raise ApplecoreError("That club was removed. `/club setup` makes a new one.")
    if club.state is not ClubState.ENDED:
        raise ApplecoreError("The club is reading again already. `/club status` says what.")


async def setup(bot: commands.Bot) -> None:
    bot.add_dynamic_items(NextReadingButton, ReadingSelect)
