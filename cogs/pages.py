"""Previous and Next under an excerpt that is longer than one message may be."""

import discord
from discord import ui
from discord.ext import commands

from bot.client import Applecore
from bot.club.excerpts import lay_out_excerpt
from bot.club.layout import PAGE_ID, PAGE_TEMPLATE, excerpt_layout
from bot.errors import UnavailableError
from bot.storage import readings
from cogs.buttons import FromTemplate, answering_errors


class PageButton(FromTemplate, ui.DynamicItem[ui.Button[ui.LayoutView]], template=PAGE_TEMPLATE):
    """Turns the page for the member who pressed it, in a message that only they see; the post itself stays."""

    def __init__(self, reading: str, position: str, page: str) -> None:
        super().__init__(ui.Button(custom_id=PAGE_ID.format(reading=reading, position=position, page=page)))
        self.reading_id, self.position, self.page = int(reading), int(position), int(page)

    @answering_errors
    async def callback(self, interaction: discord.Interaction[Applecore]) -> None:  # type: ignore[override]
        async with interaction.client.database.read() as conn:
            reading = await readings.get(conn, interaction.guild_id or 0, self.reading_id)
            laid_out = await lay_out_excerpt(conn, reading, self.position) if reading else None
        if laid_out is None:
            raise UnavailableError("This reading is not kept here any more, so I cannot turn the page.")
        view = excerpt_layout(laid_out, self.page)
        if interaction.message is not None and interaction.message.flags.ephemeral:
            await interaction.response.edit_message(view=view)
        else:
            await interaction.response.send_message(view=view, ephemeral=True)


async def setup(bot: commands.Bot) -> None:
    bot.add_dynamic_items(PageButton)
